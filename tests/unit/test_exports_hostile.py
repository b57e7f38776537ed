"""Whatever the words of a timeline are, no format breaks, no terminal is moved, and nothing is left out."""

from __future__ import annotations

import contextlib
import csv
import functools
import io
import json
import xml.etree.ElementTree as ET
from importlib.metadata import entry_points

import examples
import json5
import opentimelineio as otio
import pysrt
import pytest
import webvtt
from exporting import written

from videoscan import registry
from videoscan.document import Timeline
from videoscan.errors import SourceUnsupported
from videoscan.reviewing.selection import read

HOSTILE = {
    "controls": "a\x00b\x07c\x1b[2J\x7f\x85d\x9b31m",
    "lines": "one\r\ntwo\rthree\u2028four\u2029five\x0bsix\x0cseven",
    "right to left": "\u202e\u2066رجل يفتح الباب\u2069 \u200fabc",
    "emoji": "👩‍👩‍👧‍👦 🏳️‍🌈 🦊",
    "formula": "=cmd|' /C calc'!A0",
    "formula behind a tab": "\t@SUM(1+1)*cmd|' /C calc'!A0",
    "markup": "</title></style><script>alert(1)</script><img src=x onerror=alert(1)>&lt;&#0;]]>",
    "subtitles": "1\n00:00:01,000 --> 00:00:02,000\n{\\an8}<b>x</b>",
    "metadata": "a=b;c#d\\\n[CHAPTER]\nSTART=0",
    "list": "* FROM CLIP NAME: x\n002  AX V C 00:00:00:00 00:00:00:01 00:00:00:00 00:00:00:01",
    "json": '"}],"x":"\\u0000',
    "template": "{{ 7 * 7 }}{% raw %}${x}",
    "long": "w" * 100_000,
    "noncharacters": "\ufffe\uffff\ufdd0 \U0010ffff",
    "nothing": "\x00",
}

TEXT = sorted(
    entry.name
    for entry in entry_points(group="videoscan.exporters")
    if entry.dist is not None
    and entry.dist.name == "videoscan"
    and not registry.factory("exporters", entry.name).media_type.startswith(("video/", "application/zip"))
)


@functools.cache
def hostile(text: str) -> Timeline:
    night = examples.carpark()
    changes = {
        "title": text,
        "description": text,
        "tags": (text, "person"),
        "flags": (text,),
        "alerts": (text,),
        "attributes": {text: text},
    }
    events = (night.events[0].model_copy(update=changes), *night.events[1:])
    source = night.source.model_copy(update={"camera": text, "parts": ()})
    chapters = tuple(chapter.model_copy(update={"title": text, "summary": text}) for chapter in night.chapters)
    made = night.model_copy(update={"events": events, "source": source, "chapters": chapters, "summary": text})
    return Timeline.from_json(made.to_json())


def test_there_is_a_text_format_for_everything_that_was_promised():
    assert set(TEXT) >= {
        *(
            "json",
            "jsonl",
            "csv",
            "srt",
            "vtt",
            "markdown",
            "html",
            "chapters",
            "vtt-chapters",
            "ffmetadata",
            "edl",
            "otio",
            "fcp7xml",
            "llc",
        )
    }


@pytest.mark.parametrize("name", sorted(HOSTILE))
@pytest.mark.parametrize("form", TEXT)
def test_no_words_break_a_format_or_reach_a_terminal(form, name):
    timeline = hostile(HOSTILE[name])
    data = written(registry.make("exporters", {"kind": form}), timeline)
    text = data.decode("utf-8-sig")
    # Programs' formats escape them; in all others they are gone.
    assert not [letter for letter in text if ord(letter) < 32 and letter not in "\n\r\t"]
    if form not in {"json", "jsonl"}:
        assert not [letter for letter in text if 0x7F <= ord(letter) <= 0x9F and letter != "\x85"], "a terminal obeys these"
    if form == "html":
        assert "<script>alert" not in text
        assert "<img src=x" not in text
    CHECKS.get(form, len)(text)


def _rows(text):
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert len(rows) == 9
    assert len({len(row) for row in rows}) == 1
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "@", "\t", "\r"))]


def _srt(text):
    assert len(pysrt.from_string(text, error_handling=pysrt.ERROR_RAISE)) == 7


def _edl(text):
    assert len(otio.adapters.read_from_string(text, "cmx_3600", rate=30).tracks[0]) == 7


CHECKS = {
    "csv": _rows,
    "srt": _srt,
    "vtt": lambda text: _count(webvtt.from_string(text).captions, 7),
    "vtt-chapters": lambda text: _count(webvtt.from_string(text).captions, 2),
    "edl": _edl,
    "otio": lambda text: _count(otio.adapters.read_from_string(text, "otio_json").tracks[0], 7),
    "fcp7xml": lambda text: _count(list(ET.fromstring(text).iter("clipitem")), 7),
    "llc": lambda text: _count(json5.loads(text)["cutSegments"] if len(text) < 100_000 else json.loads(text)["cutSegments"], 7),
    "jsonl": lambda text: _count([json.loads(line) for line in text.split("\n") if line], 8),
    "json": Timeline.from_json,
    "chapters": lambda text: _count(text.splitlines(), 2),
}


def _count(found, count):
    assert len(found) == count


@pytest.mark.parametrize(
    "text", ['"\\ud800"', '"\\udfff\\ud800"', "1" * 400, '"' + "\\u0000" * 5 + '"', "[" * 5000 + "]" * 5000, "-0.0", "1e999"]
)
def test_strange_json_is_read_or_refused_and_never_a_fault(tmp_path, text):
    file = tmp_path / "timeline.json"
    file.write_text(examples.quiet().to_json().replace('"source"', f'"novelty": {text}, "source"', 1))
    with contextlib.suppress(SourceUnsupported):
        read(file)
