"""What is recorded of a watched day stands in its timeline, can be cut out of it, and goes when it is old or too much."""

import asyncio
import datetime as dt
import os
import threading
from dataclasses import replace
from pathlib import Path

import cv2
import pytest
from cutouts import clips, numbered, seen
from watching import Watched, problems

from tests.faults.camera import free_port
from videoscan import publish
from videoscan.config import WatchOptions
from videoscan.document import Part, Timeline
from videoscan.exporters.cutting import cuts
from videoscan.folder import OutputFolder
from videoscan.live.recording import stored
from videoscan.live.stream import LiveOptions, RealtimeSource, StreamOptions, StreamSource
from videoscan.samplers.keyframe import KeyframeOptions, KeyframeSampler
from videoscan.seams import Setting, Told
from videoscan.testing.live import MadeClock, at
from videoscan.watching.camera import Shared
from videoscan.watching.retention import Keeper
from videoscan.watching.starting import Planned


def played(out, clip, start, *sets, clock=None, **options):
    """A watch over a file that is recorded, played on a clock of its own; its camera's folder."""
    source = RealtimeSource(LiveOptions(**{"segment_seconds": 1.0, **options}))
    watch = Planned("yard", str(clip), source, "default").watch(
        out, Shared(clock=clock or MadeClock(at(start))), sets=("source.clock_zone=UTC", "watch.record=true", *sets)
    )
    asyncio.run(watch.run())
    return out / "yard"


def timeline_of(day):
    return Timeline.from_json((day / "timeline.json").read_bytes())


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return numbered(tmp_path_factory.mktemp("footage") / "clip.mp4", frames=100)


def test_a_recorded_day_names_its_segments_and_clips_are_cut_out_of_them(tmp_path, clip):
    day = played(tmp_path / "out", clip, "2026-03-01T10:00:00+00:00") / "2026-03-01"
    timeline = timeline_of(day)
    assert problems(day) == []
    first, second = timeline.source.parts
    assert [(part.start, part.duration, part.clock) for part in (first, second)] == [
        (0.0, 2.0, "2026-03-01T10:00:00.000+00:00"),
        (2.0, timeline.source.duration - 2.0, "2026-03-01T10:00:02.000+00:00"),
    ]
    assert [Path(part.uri).parent for part in (first, second)] == [(tmp_path / "out" / "yard" / "recording").resolve()] * 2
    (event,) = [each for each in timeline.events if (each.start, each.end) == (2.0, 3.0)]
    only = timeline.model_copy(update={"events": (event,)})
    (exact,) = clips(tmp_path / "exact", only)
    assert seen(exact).numbers == list(range(50, 75))
    (copied,) = clips(tmp_path / "copied", only, cut="copy")
    assert seen(copied).numbers[:25] == list(range(50, 75))


def test_a_segment_over_midnight_belongs_to_both_days_and_so_does_what_an_earlier_process_recorded(tmp_path, clip):
    camera = played(tmp_path, clip, "2026-03-01T23:59:59+00:00")
    before, after = (timeline_of(camera / date) for date in ("2026-03-01", "2026-03-02"))
    (short,) = before.source.parts
    assert (short.start, short.duration, short.skipped) == (0.0, before.source.duration, 0.0)
    rest, *_ = after.source.parts
    assert rest.uri == short.uri
    assert rest.start == 0.0
    assert rest.skipped == pytest.approx(1.0, abs=0.05)
    assert rest.clock.startswith("2026-03-02T00:00:0")
    # A day is taken up again by another process: what the first one recorded stays, at its place.
    played(tmp_path, clip, "2026-03-02T00:01:00+00:00")
    again = timeline_of(camera / "2026-03-02")
    assert again.source.parts[: len(after.source.parts)] == after.source.parts
    assert again.source.parts[-1].start == pytest.approx(60.0 + rest.skipped, abs=1.5)
    assert [part.start for part in again.source.parts] == sorted(part.start for part in again.source.parts)
    assert problems(camera / "2026-03-02") == []


def test_what_happened_while_nothing_was_recorded_is_said_to_be_missing(tmp_path, clip):
    timeline = timeline_of(played(tmp_path / "out", clip, "2026-03-01T10:00:00+00:00") / "2026-03-01")
    Path(timeline.source.parts[0].uri).unlink()
    played(tmp_path / "out", clip, "2026-03-01T10:05:00+00:00")
    timeline = timeline_of(tmp_path / "out" / "yard" / "2026-03-01")
    assert timeline.source.parts[0].start == 2.0
    (long,) = [each for each in timeline.events if each.start < 2.0]
    early = replace(long, start=1.0, end=1.5)
    (cut,) = cuts([Told(timeline.model_copy(update={"events": (early,)}))])
    assert cut.file == timeline.source.uri, "no file of its own has it"


def test_where_parts_of_the_picture_are_to_be_black_nothing_is_recorded_and_that_is_said(tmp_path, clip):
    left = "regions.exclude=[[[0.0, 0.0], [0.5, 0.0], [0.5, 1.0], [0.0, 1.0]]]"
    camera = played(tmp_path / "out", clip, "2026-03-01T10:00:00+00:00", left, "regions.black_out=true")
    timeline = timeline_of(camera / "2026-03-01")
    assert not list(camera.rglob("*.mp4")), "a stream copy would show what is to be hidden"
    assert [part.uri for part in timeline.source.parts] == [str(clip)], (
        "the file itself, of which exports black out what they show"
    )
    assert problems(camera / "2026-03-01") == []
    pictures = sorted((camera / "2026-03-01" / "frames").glob("*.jpg"))
    assert pictures
    assert all(cv2.imread(str(path))[:, : cv2.imread(str(path)).shape[1] // 2 - 8].max() < 24 for path in pictures)


# --- what is kept ---------------------------------------------------------------------------------------------------------------


def segment(camera, begin, size=1000):
    """A recorded segment, as far as who deletes them is concerned."""
    moment = dt.datetime.fromisoformat(begin)
    path = camera / "recording" / f"{moment:%Y%m%d_%H%M%S}.000{moment:%z}.mp4"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(size))
    os.utime(path, (moment.timestamp() + 300,) * 2)
    return path


def names(camera):
    return [each.path.name[:13] for each in stored(camera / "recording")]


def keeper(camera, **options):
    return Keeper(camera, WatchOptions(**options), dt.UTC)


def test_the_oldest_segments_go_first_when_all_together_is_too_much_and_the_one_being_written_stays(tmp_path):
    watched = Watched(tmp_path, seconds=120.0, visits=[(30, 40)], start="2026-03-01T10:00:00+00:00").run()
    camera = watched.out
    rest = sum(path.stat().st_size for path in camera.rglob("*") if path.is_file())
    for hour in range(10, 14):
        segment(camera, f"2026-03-01T{hour}:00:00+00:00", 100_000)
    removed = list(keeper(camera, keep_size=f"{(rest + 250_500) / 1e6}MB").keep("2026-03-01"))
    assert [(each.what, each.size) for each in removed] == [("the oldest recorded segments", 200_000)]
    assert names(camera) == ["20260301_1200", "20260301_1300"]
    list(keeper(camera, keep_size="0.001MB").keep("2026-03-01"))
    assert names(camera) == ["20260301_1300"], "somebody is writing it"


def test_day_by_day_recordings_go_before_pictures_and_a_day_that_lost_its_recording_says_so(tmp_path):
    days = ["2026-03-01", "2026-03-02", "2026-03-03"]
    clock = MadeClock(at(f"{days[0]}T10:00:00+00:00"))
    for date in days:
        clock.set(at(f"{date}T10:00:00+00:00"))
        watched = Watched(tmp_path, seconds=120.0, visits=[(30, 40)], clock=clock).run()
    camera = watched.out
    for date in days:
        path = segment(camera, f"{date}T10:00:00+00:00", 100_000)
        folder, timeline = camera / date, timeline_of(camera / date)
        part = Part(uri=str(path), start=0.0, duration=100.0)
        source = timeline.source.model_copy(update={"parts": (part,)})
        publish.rewrite(OutputFolder(folder), timeline.model_copy(update={"source": source}))
    sizes = {date: sum(path.stat().st_size for path in (camera / date).rglob("*") if path.is_file()) for date in days}
    most = sum(sizes.values()) + 300_000 - 100_500  # the first day's recording, and its pictures
    removed = list(keeper(camera, keep_size=f"{most / 1e6:.6f}MB", record=True).keep(days[-1]))
    assert [(each.date, each.what) for each in removed] == [(days[0], "recorded segments"), (days[0], "pictures")]
    assert names(camera) == ["20260302_1000", "20260303_1000"]
    first, second = timeline_of(camera / days[0]), timeline_of(camera / days[1])
    assert "its recording was deleted" in first.source.flags
    assert [part.uri for part in first.source.parts] == [first.source.uri]
    assert second.source.parts[0].uri.endswith("20260302_100000.000+0000.mp4")
    assert problems(camera / days[0]) == []
    # Somebody else, whoever records, deletes by age: it is found out, and whole days take their segments along.
    Path(second.source.parts[0].uri).unlink()
    assert list(keeper(camera, record=True).keep(days[-1])) == []
    assert "its recording was deleted" in timeline_of(camera / days[1]).source.flags
    segment(camera, f"{days[0]}T11:00:00+00:00")
    list(keeper(camera, keep_days=2).keep("2026-03-03"))
    assert names(camera) == ["20260303_1000"]
    assert not (camera / days[0]).exists()


def test_what_is_recorded_grows_old_while_the_camera_is_away(tmp_path):
    clock, told = MadeClock(at("2026-03-10T00:00:00+00:00")), []
    old = segment(tmp_path, "2026-03-01T10:00:00+00:00")
    young = segment(tmp_path, "2026-03-09T10:00:00+00:00")
    setting = Setting(clock=clock, record=tmp_path / "recording", told=told.append)
    source = StreamSource(StreamOptions(record_days=7, connect_timeout=0.5))
    footage = source.open(f"rtsp://127.0.0.1:{free_port()}/cam", setting)
    for _ in footage.items(KeyframeSampler(KeyframeOptions()), duration=30.0):
        clock.wait(threading.Event(), 0.5)
    assert not old.exists()
    assert young.exists()
