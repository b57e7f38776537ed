"""Chapters and lines of JSON, read back by FFmpeg, webvtt-py and json."""

from __future__ import annotations

import itertools
import json
import re
import subprocess

import examples
import pytest
import webvtt
from exporting import written

from videoscan.exporters import wording
from videoscan.exporters.chaptering import entries
from videoscan.exporters.chapters import ChaptersExporter
from videoscan.exporters.ffmetadata import FfmetadataExporter
from videoscan.exporters.jsonl import JsonlExporter
from videoscan.exporters.vtt_chapters import VttChaptersExporter
from videoscan.seams import Told


@pytest.fixture(scope="module")
def night():
    return examples.carpark()


def without_chapters(timeline, **changes):
    return timeline.model_copy(update={"chapters": (), **changes})


def renamed(timeline, *titles):
    events = tuple(event.model_copy(update={"title": title}) for event, title in zip(timeline.events, titles, strict=False))
    return without_chapters(timeline, events=events)


def test_chapters_are_the_timelines_own_and_tile_all_of_it(night):
    found = entries(night)
    assert [entry.title for entry in found] == ["Late evening", "Deep night"]
    assert (found[0].start, found[-1].end) == (0.0, 28800.0)


def test_without_chapters_each_event_is_one_up_to_the_next(night):
    found = entries(without_chapters(night))
    assert found[0].title == "Start"
    assert len(found) == 1 + len(wording.standing(night))
    assert all(before.end == after.start for before, after in itertools.pairwise(found))


def test_one_chapter_of_everything_gives_way_to_the_events(night):
    one = night.model_copy(update={"chapters": night.chapters[:1]})
    assert [entry.title for entry in entries(one)] == [entry.title for entry in entries(without_chapters(night))]


def test_a_part_of_the_events_is_told_by_them_and_not_by_the_chapters_of_all(night):
    part = night.model_copy(update={"events": night.events[:1], "flags": (f"{wording.NARROWED}1 of 8 events: tag x",)})
    assert [entry.title for entry in entries(part)] == ["Start", "Person walks between parked cars"]


def test_youtube_gets_chapters_of_ten_seconds_from_zero_on():
    busy = examples.busy(count=400)
    close = tuple(event.model_copy(update={"start": event.start / 4, "end": event.end / 4}) for event in busy.events)
    lines = written(ChaptersExporter(), without_chapters(busy, events=close)).decode().splitlines()
    assert lines[0].startswith("0:00 ")
    times = []
    for line in lines:
        found = re.fullmatch(r"(?:(\d+):)?(\d{1,2}):(\d\d) (\S.*)", line)
        assert found, line
        times.append(int(found[1] or 0) * 3600 + int(found[2]) * 60 + int(found[3]))
    assert all(after - before >= 10 for before, after in itertools.pairwise([*times, busy.source.duration]))
    told = " ".join(lines)
    assert all(event.title in told for event in close), "what shares a line is still named"


def test_youtube_takes_no_angle_brackets(night):
    assert "<" not in written(ChaptersExporter(), without_chapters(night)).decode()


@pytest.mark.parametrize("titles", [("a=b;c#d\\e\nf", "[CHAPTER]", ";FFMETADATA1"), ("=", "\x00\x07", "🦊 狐狸 رجل")])
def test_ffmpeg_reads_chapters_as_they_are(night, tmp_path, titles):
    timeline = renamed(night, *titles)
    path = tmp_path / "chapters.ffmetadata"
    path.write_bytes(written(FfmetadataExporter(), timeline))
    done = subprocess.run(
        ["ffprobe", "-v", "error", "-f", "ffmetadata", "-show_chapters", "-show_format", "-of", "json", path],
        check=True,
        capture_output=True,
    )
    assert not done.stderr
    found = json.loads(done.stdout)
    assert found["format"]["tags"]["title"] == "Car park 3"
    expected = [(entry.start, entry.end, entry.title) for entry in entries(timeline)]
    assert [(float(c["start_time"]), float(c["end_time"]), c["tags"]["title"]) for c in found["chapters"]] == expected


def test_ffmpeg_puts_them_into_a_video(tmp_path):
    quiet = examples.quiet()
    event = examples.carpark().events[0].model_copy(update={"start": 1.0, "end": 2.0, "title": "He = she"})
    timeline = quiet.model_copy(update={"events": (event,), "source": quiet.source.model_copy(update={"duration": 3.0})})
    (tmp_path / "c").write_bytes(written(FfmetadataExporter(), timeline))
    film = ["-f", "lavfi", "-i", "testsrc2=s=64x48:r=10:d=3"]
    subprocess.run(["ffmpeg", "-v", "error", *film, "-i", tmp_path / "c", "-map_chapters", "1", tmp_path / "a.mkv"], check=True)
    done = subprocess.run(
        ["ffprobe", "-v", "error", "-show_chapters", "-of", "json", tmp_path / "a.mkv"], check=True, capture_output=True
    )
    assert [chapter["tags"]["title"] for chapter in json.loads(done.stdout)["chapters"]] == ["Start", "He = she"]


def test_vtt_chapters_read_back_in_order_without_overlap(night):
    timeline = without_chapters(night)
    captions = webvtt.from_string(written(VttChaptersExporter(), timeline).decode()).captions
    assert len(captions) == len(entries(timeline))
    assert all(before.end == after.start for before, after in itertools.pairwise(captions))
    assert all("<" not in caption.raw_text for caption in captions)


def test_no_event_makes_no_chapter():
    assert written(ChaptersExporter(), examples.quiet()) == b""
    assert written(VttChaptersExporter(), examples.quiet()).startswith(b"WEBVTT")


def test_jsonl_has_every_field_of_every_event_and_where_it_comes_from(night):
    lines = written(JsonlExporter(), night).decode().splitlines()
    assert len(lines) == len(night.events)
    for line, event in zip(map(json.loads, lines), night.events, strict=True):
        assert line.items() >= event.model_dump(mode="json").items()
        assert line["camera"] == "Car park 3"
    assert json.loads(lines[0])["wall_start"] == "2026-11-21T22:12:31.000+01:00"


def test_jsonl_of_several_names_each_ones_folder(night):
    import io

    out = io.BytesIO()
    JsonlExporter().write_all([Told(night, "/a"), Told(examples.quiet(), "/b"), Told(night, "/c\udcff")], out, pytest.fail)
    assert [json.loads(line)["folder"] for line in out.getvalue().splitlines()] == ["/a"] * 8 + ["/c\\udcff"] * 8
