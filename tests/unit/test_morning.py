"""The morning report: every camera of a night on one page, as Markdown and as HTML."""

from __future__ import annotations

import io
import re
import shutil

import examples
import pytest
from exporting import written
from markdown_it import MarkdownIt
from tinyhtml5.parser import HTMLParser

from videoscan.document import Review
from videoscan.exporters.html import HtmlExporter
from videoscan.exporters.markdown import MarkdownExporter
from videoscan.exporters.morning.view import morning
from videoscan.reviewing.selection import Filters, Member, edge, select
from videoscan.seams import Told


def at(timeline, **source):
    return timeline.model_copy(update={"source": timeline.source.model_copy(update=source)})


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("carpark")


@pytest.fixture(scope="module")
def night(folder):
    """Three cameras, one of them without a wall time; the gate's events lie between those of the car park."""
    return [
        Told(examples.carpark(folder), str(folder)),
        Told(at(examples.busy(count=6), clock="2026-11-21T21:30:00Z")),
        Told(at(examples.quiet(missing=True), camera="Yard", clock="2026-11-22T01:00:00+01:00")),
        Told(at(examples.busy(count=2), camera="Old", clock=None)),
    ]


def together(exporter, parts) -> str:
    out = io.BytesIO()
    exporter.write_all(parts, out, pytest.fail)
    return out.getvalue().decode()


def test_events_of_all_cameras_are_in_the_order_of_the_wall_clock_and_zones_make_no_difference(night):
    found = morning(night)
    assert [each.recording.name for each in found.happenings] == [
        *("Car park 3",),
        *["Gate"] * 1,
        *("Car park 3",),
        *["Gate"] * 5,
        *["Car park 3"] * 5,
        *["Old"] * 2,
    ]
    moments = [each.wall for each in found.happenings if each.wall]
    assert moments == sorted(moments)
    assert [each.number for each in found.happenings] == list(range(1, 16))


def test_the_account_never_claims_more_than_was_looked_at(night):
    carpark, gate, yard, _ = morning(night).recordings
    assert carpark.looked_at == "6 h 57 min of 8 h (87 %) was looked at"
    assert carpark.told == "7 events, 1 rejected"
    assert gate.looked_at == "all of 1 min was looked at"
    assert (yard.told, yard.looked_at) == ("no event", "55 min of 1 h (91.6 %) was looked at")
    assert yard.gap(yard.gaps[0]) == "Lost 01:20:00–01:25:00 (5 min): the file ends early"


def test_without_events_it_says_what_that_means():
    calm = at(examples.quiet(), camera="A", clock="2026-11-22T01:00:00+01:00")
    gone = at(examples.quiet(missing=True), camera="B", clock="2026-11-22T01:00:00+01:00")
    assert morning([Told(calm), Told(calm)]).nothing == "Nothing happened: all of it was looked at."
    assert "not all of it was" in morning([Told(calm), Told(gone)]).nothing


def test_a_part_of_a_night_accounts_for_that_part_alone(night):
    wanted = Filters(since=edge("2026-11-21T22:30:00+01:00", what=""), until=edge("2026-11-22T01:30:00+01:00", what=""))
    chosen = select([Member(part.timeline) for part in night], wanted)
    found = morning([Told(each.narrowed(), None, each.span) for each in chosen])
    assert [each.name for each in found.recordings] == ["Car park 3", "Gate", "Yard"]
    assert found.recordings[0].span == (1800.0, 12600.0)
    assert found.recordings[0].looked_at == "2 h 42 min of 3 h (90.5 %) was looked at"
    assert found.recordings[2].looked_at == "25 min of 30 min (83.3 %) was looked at"
    assert found.notes == ("from 2026-11-21T22:30:00+01:00, to 2026-11-22T01:30:00+01:00",)


# Markdown


def test_markdown_is_a_table_of_recordings_and_one_of_events_for_each_day(night):
    text = together(MarkdownExporter(), night)
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(text)
    headings = [tokens[i + 1].content for i, token in enumerate(tokens) if token.type == "heading_open"]
    assert headings == ["4 recordings", "2026-11-21", "2026-11-22", "Without wall time"] or headings[0] == "4 cameras"
    assert sum(token.type == "table_open" for token in tokens) == 4
    inline = [child for token in tokens for child in token.children or []]
    assert not [child for child in inline if child.type in {"link_open", "image", "html_inline", "code_inline"}]
    read = "".join(child.content for child in inline if child.type in {"text", "text_special"})
    for said in (examples.SCRIPT, examples.FORMULA, examples.CHINESE):
        assert said in read
    assert examples.FOX not in read, "a person rejected it"


def test_one_recording_alone_is_its_own_page(night):
    for exporter in (MarkdownExporter(), HtmlExporter()):
        assert together(exporter, night[:1]).encode() == written(exporter, night[0].timeline, night[0].folder)


# HTML


def checked(page: str):
    """The page as an HTML parser reads it that complains of everything that the standard calls an error."""
    parser = HTMLParser(namespace_html_elements=False)
    tree = parser.parse(page)
    assert not [error for error in parser.errors if error[1] != "unknown-doctype"], parser.errors[:3]
    return tree


@pytest.mark.parametrize("parts", [slice(0, 4), slice(0, 2), slice(2, 4)])
def test_html_is_valid_and_asks_for_nothing(night, parts):
    page = together(HtmlExporter(), night[parts])
    tree = checked(page)
    assert not list(tree.iter("script"))
    assert all(element.get("src").startswith("data:image/") for element in tree.iter("img"))
    assert all(element.get("href").startswith(("#", "data:,")) for element in tree.iter() if element.get("href"))
    assert not [element for element in tree.iter() if any(key.startswith("on") or key == "style" for key in element.attrib)]
    ids = [element.get("id") for element in tree.iter() if element.get("id")]
    assert len(ids) == len(set(ids))


def test_the_single_report_is_valid_html_too(night):
    checked(together(HtmlExporter(), night[:1]))


def test_every_event_is_shown_once_with_its_picture(night):
    tree = checked(together(HtmlExporter(), night))
    events = [element for element in tree.iter("li") if (element.get("class") or "").startswith("event")]
    assert len(events) == 15
    titles = ["".join(event.find(".//h3").itertext()) for event in events]
    assert examples.CHINESE in titles
    assert examples.SCRIPT in titles
    assert sum("pictured" in event.get("class") for event in events) == 6
    targets = {element.get("href")[1:] for element in tree.iter("a")}
    assert targets <= {element.get("id") for element in tree.iter() if element.get("id")}


def test_pictures_keep_to_their_budget_and_missing_ones_are_left_out(night, tmp_path):
    options = HtmlExporter.Options(picture_bytes=60_000)
    page = together(HtmlExporter(options), night)
    assert sum(map(len, re.findall(r"data:image/[^\"]*", page))) <= 60_000
    empty = [Told(part.timeline, str(tmp_path)) for part in night]
    assert "<img" not in together(HtmlExporter(), empty)


def test_a_title_of_nothing_but_control_characters_has_a_name_all_the_same(night):
    gate = night[1].timeline
    event = gate.events[0].model_copy(update={"title": "\x00\x07", "review": Review(state="accepted", by="<b>Lin</b>\x1b[2J")})
    parts = [Told(gate.model_copy(update={"events": (event,)})), night[2]]
    for exporter in (MarkdownExporter(), HtmlExporter()):
        text = together(exporter, parts)
        assert "e-0" in text
        assert not re.search(r"[\x00-\x08\x0b-\x1f]", text)
        assert "<b>Lin" not in text


# The command


def test_the_command_writes_one_file_for_the_whole_night(folder, tmp_path, night):
    from videoscan import cli

    for number, part in enumerate(night):
        place = tmp_path / "out" / f"cam{number}"
        place.mkdir(parents=True)
        (place / "timeline.json").write_text(part.timeline.to_json())
    shutil.copytree(folder / "frames", tmp_path / "out" / "cam0" / "frames")
    span = ["--from", "2026-11-21T22:00:00+01:00", "--to-time", "2026-11-22T02:00:00+01:00"]
    assert cli.run(["export", str(tmp_path / "out"), "--to", "html", "-o", str(tmp_path / "night.html"), *span]) == 0
    page = (tmp_path / "night.html").read_text()
    assert "3 cameras" in page or "3 recordings" in page
    assert page.count("data:image/jpeg") > 3
    assert cli.run(["export", str(tmp_path / "out"), "--to", "markdown", "-o", f"{tmp_path}/each/"]) == 0
    assert len(list((tmp_path / "each").iterdir())) == 4
