"""Every export is read back by a reader that nobody here wrote."""

from __future__ import annotations

import csv
import dataclasses
import io
import itertools
import json
import math
import re

import examples
import jsonschema
import pytest
import webvtt
from exporting import written
from markdown_it import MarkdownIt

from videoscan import document
from videoscan.document import Timeline
from videoscan.exporters import wording
from videoscan.exporters.csv import COLUMNS, CsvExporter
from videoscan.exporters.html import HtmlExporter
from videoscan.exporters.json import JsonExporter
from videoscan.exporters.markdown import MarkdownExporter
from videoscan.exporters.srt import SrtExporter
from videoscan.exporters.vtt import VttExporter

ALL = (JsonExporter, MarkdownExporter, HtmlExporter, SrtExporter, VttExporter, CsvExporter)


def with_event(timeline: Timeline, **changes) -> Timeline:
    event = timeline.events[0].model_copy(update=changes)
    return timeline.model_copy(update={"events": (event, *timeline.events[1:])})


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("options", [None, "made"])
def test_every_exporter_says_what_it_writes_and_writes_nothing_twice_differently(kind, options, night):
    exporter = kind(kind.Options()) if options else kind()
    assert kind.suffix.startswith(".")
    assert re.fullmatch(r"[a-z]+/[a-z-]+", kind.media_type)
    assert written(exporter, night[0], night[1]) == written(exporter, night[0], night[1])


@pytest.mark.parametrize("kind", ALL)
def test_a_timeline_without_events_exports(kind):
    written(kind(), examples.quiet())


# The schema


def test_the_schema_that_ships_is_the_one_that_the_models_make():
    from importlib import resources

    shipped = json.loads((resources.files("videoscan") / "timeline.schema.json").read_text(encoding="utf-8"))
    assert shipped == document.json_schema(), "run: python -m videoscan.document > videoscan/timeline.schema.json"


@pytest.fixture(scope="module")
def schema():
    return jsonschema.Draft202012Validator(document.json_schema())


@pytest.mark.parametrize("made", [examples.carpark, examples.quiet, lambda: examples.busy(count=20)])
def test_timelines_are_valid_under_the_schema(made, schema):
    schema.check_schema(schema.schema)
    schema.validate(json.loads(made().to_json()))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("schema",), "videoscan.timeline/2"),
        (("events", 0, "confidence"), 1.5),
        (("events", 0, "origin"), "oracle"),
        (("events", 0, "title"), ""),
        (("events", 0, "evidence", 0, "region"), [0, 0, 1]),
        (("coverage", 0, "state"), "perhaps"),
        (("windows", 0, "status"), "unknown"),
        (("source", "duration"), None),
    ],
)
def test_the_schema_refuses_what_is_no_timeline(path, value, schema):
    made = json.loads(examples.carpark().to_json())
    place = made
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    assert not schema.is_valid(made)


@pytest.mark.parametrize("key", ["coverage", "events", "windows", "summary", "usage", "timing"])
def test_the_schema_asks_for_every_part_of_a_timeline(key, schema):
    made = json.loads(examples.carpark().to_json())
    del made[key]
    assert not schema.is_valid(made)


def test_the_schema_allows_fields_from_a_newer_version_and_documents_from_an_older_one(schema):
    made = json.loads(examples.carpark().to_json())
    made["novelty"] = 1
    made["events"][0]["novelty"] = 1
    del made["source"]["flags"]
    schema.validate(made)


# JSON


def test_json_reads_back_as_the_same_timeline(night):
    assert Timeline.from_json(written(JsonExporter(), night[0])) == night[0]
    assert written(JsonExporter(JsonExporter.Options(indent=0)), night[0]).count(b"\n") == 1


# Subtitles


def subtitles(timeline, tmp_path, **options):
    pysrt = pytest.importorskip("pysrt", reason="pysrt is in the dev extra")
    path = tmp_path / "night.srt"
    path.write_bytes(written(SrtExporter(SrtExporter.Options(**options)), timeline))
    return pysrt.open(str(path), encoding="utf-8", error_handling=pysrt.ERROR_RAISE)


def test_srt_has_one_numbered_cue_per_event_that_nobody_rejected(night, tmp_path):
    cues = subtitles(night[0], tmp_path)
    standing = [event for event in night[0].events if event.title != examples.FOX]
    assert [cue.index for cue in cues] == list(range(1, len(standing) + 1))
    assert [cue.start.ordinal for cue in cues] == [round(event.start * 1000) for event in standing]
    assert [cue.end.ordinal for cue in cues] == [math.floor(event.end * 1000 + 0.5) for event in standing]
    assert cues[1].text.splitlines()[0] == examples.CHINESE
    assert all(cue.text.strip() for cue in cues)


def test_srt_text_cannot_be_taken_for_tags_arrows_or_another_cue(night, tmp_path):
    hostile = with_event(night[0], title="<i>a</i> {\\an8} -->", description="one\n\n\n7\n00:00:01,000 --> 00:00:02,000\nforged")
    cues = subtitles(hostile, tmp_path)
    assert len(cues) == 7
    assert cues[0].text == "‹i>a‹/i> (\\an8} →\none 7 00:00:01,000 → 00:00:02,000 forged"


def test_srt_can_leave_descriptions_out(night, tmp_path):
    assert all("\n" not in cue.text for cue in subtitles(night[0], tmp_path, description=False))


def test_srt_of_an_instant_lasts_long_enough_to_be_read(night, tmp_path):
    cues = subtitles(with_event(night[0], start=751.0, end=751.0), tmp_path)
    assert cues[0].end.ordinal - cues[0].start.ordinal == 1000


def test_srt_of_a_title_that_is_only_control_characters_still_says_something(night, tmp_path):
    cues = subtitles(with_event(night[0], title="\x00\x07", description=""), tmp_path)
    assert cues[0].text == night[0].events[0].id


def test_srt_without_events_is_empty():
    assert written(SrtExporter(), examples.quiet()) == b""


def test_vtt_reads_back_with_ids_times_and_the_text_as_it_was(night):
    text = written(VttExporter(), night[0]).decode()
    captions = webvtt.from_string(text).captions
    standing = wording.standing(night[0])
    assert [caption.identifier for caption in captions] == [event.id for event in standing]
    assert captions[0].start == "00:12:31.000"
    assert captions[0].end == "00:13:11.000"
    hostile = next(caption for caption in captions if "van" in caption.raw_text)
    assert "<" not in hostile.raw_text
    assert "-->" not in hostile.raw_text
    assert (
        hostile.raw_text.splitlines()[0]
        == "&lt;script&gt;document.title='owned'&lt;/script&gt;&lt;img src=x onerror=\"document.title='owned'\"&gt; van &amp; trailer"
    )


def test_vtt_says_in_a_note_what_was_not_looked_at(night):
    note = written(VttExporter(), night[0]).decode().split("\n\n")[1]
    assert note.startswith("NOTE\n")
    for gap in ("Lost 41:10–42:12", "Failed 2:30:00–2:46:00", "Absent 4:00:00–4:15:00", "Skipped 7:30:00–8:00:00"):
        assert gap in note


# Spreadsheets


def rows(timeline, **options):
    data = written(CsvExporter(CsvExporter.Options(**options)), timeline)
    assert data.startswith(b"\xef\xbb\xbf"), "Excel reads a file without byte order mark as Latin-1"
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""), delimiter=options.get("delimiter", ",")))


def test_csv_has_a_row_per_event_under_stable_columns(night):
    found = rows(night[0])
    assert len(found) == 8
    assert tuple(found[0]) == (*COLUMNS, "plate", "persons")
    assert [(row["plate"], row["persons"]) for row in found if row["persons"]] == [("unreadable", "1")]
    assert COLUMNS[:9] == ("id", "start", "end", "start_seconds", "end_seconds", "wall_start", "wall_end", "title", "description")
    first = found[0]
    assert (first["start"], first["start_seconds"], first["wall_start"]) == (
        "00:12:31.000",
        "751.0",
        "2026-11-21T22:12:31.000+01:00",
    )
    assert (first["tags"], first["confidence"], first["camera"]) == ("person; loitering", "0.91", "Car park 3")
    assert first["picture"] == "frames/00007510.jpg"
    assert [row["review"] for row in found].count("rejected") == 1
    assert found[1]["title"] == examples.CHINESE


@pytest.mark.parametrize("text", [examples.FORMULA, "+1", "-1+1", "@SUM(A1)", "\t=1+1", "\r\n=1", "  =1", "＝1+1"])
def test_csv_cells_never_compute(night, text):
    row = rows(with_event(night[0], title=text, description=text, tags=(text,), flags=(text,)))[0]
    for column in ("title", "description", "tags", "flags"):
        assert row[column] == f"'{text.strip()}"


def test_csv_has_a_column_for_every_field_and_none_takes_another_one_s_place(night):
    profile = {**night[0].profile, "prompt": {"fields": {"camera": {}, "doors": {}, "=x": {}}}}
    values = {"camera": "left", "doors": ["front", "=1+1"], "=x": True, "speed": 1.5}
    changed = with_event(night[0], attributes=values).model_copy(update={"profile": profile})
    row = rows(changed)[0]
    assert list(row)[len(COLUMNS) :] == ["attributes.camera", "doors", "'=x", "speed", "plate", "persons"]
    assert (row["camera"], row["attributes.camera"]) == ("Car park 3", "left")
    assert (row["doors"], row["'=x"], row["speed"]) == ("front; =1+1", "yes", "1.5")


def test_csv_keeps_every_event_on_one_line_whatever_it_says(night):
    data = written(CsvExporter(), with_event(night[0], description='a,"b"\r\nc\nd'))
    assert data.decode("utf-8-sig").count("\r\n") == 9
    assert rows(with_event(night[0], description='a,"b"\r\nc\nd'))[0]["description"] == 'a,"b" c d'


def test_csv_takes_another_delimiter(night):
    assert rows(night[0], delimiter=";")[0]["tags"] == "person; loitering"


@pytest.mark.parametrize("delimiter", ["", ",,", '"', "\n"])
def test_csv_refuses_a_delimiter_that_no_reader_takes(delimiter):
    with pytest.raises(ValueError, match="delimiter"):
        CsvExporter.Options(delimiter=delimiter)


# Markdown


def markdown_tokens(text):
    for token in MarkdownIt("gfm-like", {"linkify": False}).parse(text):
        yield token
        yield from token.children or []


def test_markdown_renders_a_models_words_as_themselves(night):
    text = written(MarkdownExporter(), night[0]).decode()
    tokens = list(markdown_tokens(text))
    assert not [
        token for token in tokens if token.type.startswith("html") or token.type in {"link_open", "image", "code_inline", "fence"}
    ]
    read = "".join(token.content for token in tokens if token.type in {"text", "text_special"})
    for said in (
        examples.SCRIPT,
        "# Not a heading | `code` **bold** [link](https://attacker.example)",
        examples.FORMULA,
        examples.CHINESE,
    ):
        assert said in read


@pytest.mark.parametrize(
    "text",
    [
        "- a",
        "+ a",
        "1. a",
        "12) a",
        "# a",
        "> a",
        "=== a",
        "***",
        "a_b_c",
        "~~a~~",
        "&amp; &lt;",
        "<b>a</b>",
        "a | b",
        "![a](b)",
        "[a]: b",
        "\\*a*",
        "$a$",
        "`a`",
        "    a",
    ],
)
def test_markdown_escapes_so_that_text_survives_alone_in_a_paragraph(text, night):
    made = written(MarkdownExporter(), with_event(night[0], description=text)).decode()
    after = made.split("### 12:31–13:11", 1)[1].split("\n\n")[1]
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(after)
    assert [token.type for token in tokens] == ["paragraph_open", "inline", "paragraph_close"]
    assert "".join(token.content for token in tokens[1].children) == text.strip()


def test_markdown_makes_no_links_of_bare_addresses(night):
    made = written(
        MarkdownExporter(), with_event(night[0], description="see https://a.example www.b.example me@c.example")
    ).decode()
    assert "https\\://a.example www\\.b.example me\\@c.example" in made


def test_markdown_links_pictures_relative_to_the_folder_and_only_when_there_is_one(night):
    timeline, folder = night
    sources = [
        token.attrs["src"]
        for token in markdown_tokens(written(MarkdownExporter(), timeline, folder).decode())
        if token.type == "image"
    ]
    assert len(sources) == 7
    assert all((folder / source).is_file() for source in sources)
    assert b"![" not in written(MarkdownExporter(), timeline).replace(b"\\![", b"").replace(b"!\\[", b"")


def test_markdown_says_what_was_not_looked_at_and_when_nothing_happened(night):
    assert "- Lost 41:10–42:12 (1 min 02 s): the file is damaged here" in written(MarkdownExporter(), night[0]).decode()
    assert "Nothing happened: all of 1 h was looked at" in written(MarkdownExporter(), examples.quiet()).decode()


# What all of them say


def test_silence_is_never_sold_as_calm():
    assert wording.nothing_happened(examples.quiet()).startswith("Nothing happened")
    assert "5 min was not looked at" in wording.nothing_happened(examples.quiet(missing=True))
    assert "nothing was looked at" in wording.nothing_happened(examples.quiet().model_copy(update={"coverage": ()}))


def test_a_small_gap_never_rounds_up_to_everything():
    quiet = examples.quiet()
    tail = quiet.coverage[-1]
    pieces = (
        *quiet.coverage[:-1],
        dataclasses.replace(tail, end=3599.9),
        document.CoverageSpan(start=3599.9, end=3600, state="lost", reason="cut off"),
    )
    assert "99.9 %" in wording.looked_at(quiet.model_copy(update={"coverage": pieces}))


def test_neighbours_that_differ_only_in_the_frame_that_stands_for_them_are_one_run():
    runs = list(wording.runs(examples.quiet(missing=True)))
    assert [run.state for run in runs[:3]] == ["described", "unchanged", "described"]
    assert all(a.end == b.start for a, b in itertools.pairwise(runs))


def test_an_endpoints_address_gives_its_host_and_no_more(night):
    assert wording.described_by(night[0]) == "openai · qwen3-vl-8b at models.example"


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("/a/b c.mp4", "b c.mp4"),
        ("C:\\clips\\x.mp4", "x.mp4"),
        ("rtsp://u:p@host/door?key=1", "door"),
        ("rtsp://host", "rtsp://host"),
        ("x/", "x"),
    ],
)
def test_a_source_is_called_by_the_last_piece_of_its_path(uri, name):
    assert wording.file_name(uri) == name


def test_a_title_that_turns_the_direction_of_writing_turns_no_other_words():
    assert wording.prose("One \u202ered\u2066 title. Two \u200fmarks stay.") == "One red title. Two \u200fmarks stay."


@pytest.mark.parametrize(
    ("clock", "shown"), [("2026-11-21T10:00:00", "10:12:31"), ("2026-11-21T23:59:00", "2026-11-22 00:11:31")]
)
def test_a_wall_time_has_its_date_where_the_recording_goes_on_into_another_day(clock, shown, night):
    timeline = night[0]
    source = timeline.source.model_copy(update={"clock": clock, "parts": ()})
    text = written(MarkdownExporter(), timeline.model_copy(update={"source": source})).decode()
    assert f"({shown})" in text
    page = written(
        HtmlExporter(HtmlExporter.Options(pictures_per_event=0)), timeline.model_copy(update={"source": source})
    ).decode()
    assert f"<span>{shown}</span>" in page
