"""A folder into which a recorder writes: each file once, when it is whole, in order of time, whatever is wrong with some of them."""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import signal
import threading
import time

import pytest
from click.testing import CliRunner
from streaming import beats, collected, ffmpeg, frames, gaps

from tests.faults.runner import in_order
from videoscan.cli import watch
from videoscan.errors import SourceNotFound, SourceUnsupported
from videoscan.live.folder import FolderOptions, FolderSource
from videoscan.samplers.interval import IntervalOptions, IntervalSampler
from videoscan.seams import Setting

EACH = IntervalSampler(IntervalOptions(every=1.0, snap=False))
SOURCE = FolderSource(FolderOptions(poll=0.05, settle=0.1, patience=0.3, clock_zone="UTC"))


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """Three seconds."""
    path = tmp_path_factory.mktemp("clips") / "clip.mp4"
    with ffmpeg("-t", "3", str(path)) as process:
        assert process.wait() == 0
    return path


@pytest.fixture
def nvr(tmp_path, clip):
    """Puts a clip where a recorder would have, with the time in its name."""

    def put(name: str) -> None:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(clip, path)

    put.folder = tmp_path
    return put


def told(footage, enough, seconds=8.0):
    return collected(footage, EACH, enough, seconds)


def seconds_of(items):
    return [round(frame.time) for frame in frames(items)]


def test_recordings_follow_one_another_and_what_lies_between_is_absent(nvr):
    for name in ("yard_20260301_120000.mp4", "yard_20260301_120003.mp4", "yard_20260301_120130.mp4"):
        nvr(name)
    footage = SOURCE.open(str(nvr.folder))
    items = told(footage, lambda items: len(frames(items)) >= 9)
    assert dt.datetime.fromisoformat(footage.info.clock) == dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
    assert seconds_of(items) == [0, 1, 2, 3, 4, 5, 90, 91, 92]
    assert [(round(gap.start), round(gap.end), gap.kind) for gap in gaps(items)] == [(6, 66, "absent"), (66, 90, "absent")]
    assert in_order(items) == []
    assert [round(part.start) for part in footage.recorded(0, 1000)] == [0, 3, 90]
    assert [round(frame.time, 1) for frame in footage.recent(3.5, 92.0, every=1.0)] == [3.5, 4.5, 5.5, 90.0, 91.0]


def test_a_file_is_looked_at_when_it_has_stopped_growing_and_only_once(nvr, clip):
    growing = nvr.folder / "yard_20260301_120000.mp4"
    data = clip.read_bytes()
    growing.write_bytes(data[: len(data) // 2])
    nvr("yard_20260301_120003.mp4")  # whole, and it waits for the one before it
    writing = threading.Timer(0.3, lambda: growing.write_bytes(data))
    writing.start()
    source = FolderSource(FolderOptions(poll=0.05, settle=1.0, clock_zone="UTC"))
    items = told(source.open(str(nvr.folder)), lambda items: len(frames(items)) >= 6 and len(beats(items)) > 8)
    writing.join()
    assert seconds_of(items) == [0, 1, 2, 3, 4, 5]
    assert gaps(items) == []


def test_a_file_that_cannot_be_read_costs_only_itself(nvr):
    nvr("yard_20260301_120000.mp4")
    (nvr.folder / "yard_20260301_120010.mp4").write_bytes(b"no video at all" * 99)
    nvr("yard_20260301_120020.mp4")
    said = []
    footage = SOURCE.open(str(nvr.folder), Setting(told=said.append))
    items = told(footage, lambda items: len(frames(items)) >= 6)
    assert seconds_of(items) == [0, 1, 2, 20, 21, 22]
    assert [(round(gap.start), round(gap.end), gap.kind) for gap in gaps(items)] == [(3, 10, "absent"), (10, 20, "lost")]
    assert "120010" in said[0].text


def test_cameras_are_told_apart_by_folders_and_names(nvr):
    for name in ("front/front_20260301_120000.mp4", "back/back_20260301_120000.mp4", "back/back_20260301_120003.mp4"):
        nvr(name)
    found = SOURCE.cameras(str(nvr.folder))
    assert [camera.name for camera in found] == ["back", "front"]
    with pytest.raises(SourceUnsupported, match="recordings of 2 cameras: back, front"):
        SOURCE.open(str(nvr.folder))
    assert seconds_of(told(SOURCE.open(found[0].uri), lambda items: len(frames(items)) >= 6)) == [0, 1, 2, 3, 4, 5]


def test_what_was_seen_before_a_restart_is_not_shown_again(nvr):
    for name in ("yard_20260301_120000.mp4", "yard_20260301_120003.mp4"):
        nvr(name)
    zero = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC).timestamp()
    items = told(SOURCE.open(str(nvr.folder), Setting(zero=zero, seen=4.0)), lambda items: len(frames(items)) >= 2)
    assert [round(frame.time, 3) for frame in frames(items)] == [4.0, 5.0]


def test_a_recording_that_comes_after_later_ones_has_no_place_and_is_named(nvr):
    nvr("yard_20260301_120100.mp4")
    said = []
    footage = SOURCE.open(str(nvr.folder), Setting(zero=dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC).timestamp(), told=said.append))

    def watching(items):
        if len(frames(items)) == 3 and not said and not (nvr.folder / "yard_20260301_120000.mp4").exists():
            nvr("yard_20260301_120000.mp4")
        return bool(said)

    assert seconds_of(told(footage, watching)) == [60, 61, 62]
    assert "came too late" in said[0].text


def test_a_folder_that_goes_away_is_waited_for(nvr):
    nvr("sub/yard_20260301_120000.mp4")
    footage = SOURCE.open(str(nvr.folder / "sub"))

    def watching(items):
        if len(frames(items)) == 3 and (nvr.folder / "sub").exists():
            shutil.rmtree(nvr.folder / "sub")
        return any(beat.reason for beat in beats(items))

    assert "the folder cannot be read" in beats(told(footage, watching))[-1].reason
    with pytest.raises(SourceNotFound, match="there is no folder"):
        SOURCE.open(str(nvr.folder / "sub"))


def test_a_camera_whose_first_recording_comes_later_is_watched_from_then_on(nvr, tmp_path, monkeypatch):
    monkeypatch.setattr(watch, "_LOOK_EVERY", 0.1)
    recordings = nvr.folder / "nvr"
    recordings.mkdir()

    def brings():
        nvr("nvr/front/front_20260301_120000.mp4")
        # The second one comes when the first is seen.
        until = time.monotonic() + 30
        while not list(tmp_path.glob("out/front/2026-03-01/timeline.json")) and time.monotonic() < until:
            time.sleep(0.05)
        nvr("nvr/back/back_20260301_120000.mp4")
        while not list(tmp_path.glob("out/back/2026-03-01/timeline.json")) and time.monotonic() < until:
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGTERM)

    bringing = threading.Timer(0.5, brings)
    bringing.start()
    sets = ("live.poll=0.05", "live.settle=0.1", "source.clock_zone=UTC", "live.clock_zone=UTC", "watch.latency=1")
    options = [option for each in sets for option in ("--set", each)]
    done = CliRunner().invoke(watch.command, [str(recordings), "--out", str(tmp_path / "out"), *options])
    bringing.join()
    assert done.exit_code in {0, 130}, done.output
    for camera in ("front", "back"):
        told = json.loads((tmp_path / "out" / camera / "2026-03-01" / "timeline.json").read_bytes())
        assert told["source"]["uri"].endswith(f"nvr#{camera}/{camera}")
        assert told["source"]["parts"][0]["uri"].endswith(f"{camera}_20260301_120000.mp4")
        assert told["frames"]["sampled"] >= 1
