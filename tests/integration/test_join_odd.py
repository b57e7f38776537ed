"""`--join` where recorders are odd: overlaps, other sizes and codecs, files that are none, a decoder of its own, summer time."""

from __future__ import annotations

import datetime as dt
import json
import shutil

import pytest
import recordings
from shared import hold_to_contract

from videoscan import cli
from videoscan.document import Timeline
from videoscan.sources import joined
from videoscan.sources.joined import JoinedSource
from videoscan.testing.sources import CHECKS, Clip

VISITS = ((3.0, 7.0), (15.0, 19.0))


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return recordings.film(tmp_path_factory.mktemp("film") / "whole.mp4", 24.0, VISITS)


def scan(*arguments, code=0, zone="UTC"):
    assert cli.run(["scan", *map(str, arguments), "--set", f"source.clock_zone={zone}"]) == code


def timeline(folder):
    hold_to_contract(folder)
    return Timeline.from_json((folder / "timeline.json").read_bytes())


def told(found):
    return [(event.id, event.start, event.end, event.title) for event in found.events]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_joined_recordings_keep_every_promise_of_a_source(whole, tmp_path, check):
    files = recordings.cut(whole, tmp_path, (0.0, 6.0, 10.0), recordings.by_clock())
    options = JoinedSource.Options(files=[{"uri": str(file)} for file in files], order="given")
    times = tuple(number / recordings.RATE for number in range(24 * recordings.RATE))
    check(JoinedSource(options), Clip("rec/cam1*", times, 160, 90, keyframes=times[:: recordings.GOP]))


def test_what_two_recordings_show_alike_is_shown_once_and_told(whole, tmp_path, capsys):
    recordings.cut(whole, tmp_path / "all", (0.0,), recordings.by_clock())
    recordings.cut(whole, tmp_path / "late", (0.0, 10.0), recordings.by_clock())
    early = recordings.cut(recordings.film(tmp_path / "early.mp4", 14.0, VISITS), tmp_path / "rec", (0.0,), recordings.by_clock())
    late = next(path for path in (tmp_path / "late").iterdir() if path.name.endswith("235510.mp4"))
    shutil.copy2(late, tmp_path / "rec")
    scan(tmp_path / "rec", "--join", "--out", tmp_path / "out")
    found = timeline(tmp_path / "out" / "cam1")
    first, second = found.source.parts
    assert (first.uri, first.start, first.duration) == (str(early[0]), 0.0, 14.0)
    assert (second.start, second.duration, second.skipped, second.clock) == (14.0, 10.0, 4.0, "2026-03-01T23:55:14+00:00")
    assert "begins 4.0 s before the one before it ends" in capsys.readouterr().err
    assert found.source.duration == 24.0
    assert found.frames.sampled == 24
    assert [event.start for event in found.events] == [3.0, 15.0]


def test_a_camera_may_change_its_size_and_its_codec(tmp_path):
    at = recordings.by_clock()
    recordings.film(tmp_path / "rec" / f"{at(0)}.mp4", 8.0, [(2.0, 5.0)])
    recordings.film(tmp_path / "rec" / f"{at(8)}.avi", 8.0, [(2.0, 5.0)], size=(320, 180), codec="mpeg4")
    scan(tmp_path / "rec", "--join", "--out", tmp_path / "out")
    found = timeline(tmp_path / "out" / "cam1")
    assert (found.source.width, found.source.height, found.source.duration) == (160, 90, 16.0)
    assert any(8.0 <= event.start <= 10.0 for event in found.events)


def test_what_is_hidden_unfinished_or_no_recording_is_passed_over(whole, tmp_path):
    recordings.cut(whole, tmp_path / "rec", (0.0, 12.0), recordings.by_clock())
    (tmp_path / "rec" / ".cam1_20260301_235524.mp4").write_bytes(b"x")
    (tmp_path / "rec" / "cam1_20260301_235524.mp4.part").write_bytes(b"x")
    (tmp_path / "rec" / "cam1_20260301_235524.jpg.tmp").write_bytes(b"x")
    scan(tmp_path / "rec", "--join", "--out", tmp_path / "out")
    assert len(timeline(tmp_path / "out" / "cam1").source.parts) == 2


def test_a_child_process_joins_as_a_thread_does(whole, tmp_path):
    recordings.cut(whole, tmp_path / "rec", (0.0, 10.0), recordings.by_clock())
    scan(tmp_path / "rec", "--join", "--out", tmp_path / "thread")
    scan(tmp_path / "rec", "--join", "--out", tmp_path / "child", "--set", "source.isolation=process")
    assert told(timeline(tmp_path / "child" / "cam1")) == told(timeline(tmp_path / "thread" / "cam1"))


def test_clocks_that_are_put_forward_between_two_recordings_leave_no_gap(whole, tmp_path, capsys):
    before = dt.datetime(2026, 3, 29, 1, 59, 50)  # noqa: DTZ001  # as a recorder's name says it
    recordings.cut(whole, tmp_path / "a", (0.0, 10.0), recordings.by_clock(start=before))
    (tmp_path / "rec").mkdir()
    shutil.copy2(tmp_path / "a" / "cam1_20260329_015950.mp4", tmp_path / "rec")
    shutil.copy2(tmp_path / "a" / "cam1_20260329_020000.mp4", tmp_path / "rec" / "cam1_20260329_030000.mp4")
    scan(tmp_path / "rec", "--join", "--out", tmp_path / "out", "--to", "csv", zone="Europe/Berlin")
    found = timeline(tmp_path / "out" / "cam1")
    assert [part.clock for part in found.source.parts] == ["2026-03-29T01:59:50+01:00", "2026-03-29T03:00:00+02:00"]
    assert [part.start for part in found.source.parts] == [0.0, 10.0]
    assert "03:00:05" in capsys.readouterr().out
    assert "2026-03-29T03:00:05.000+02:00" in (tmp_path / "out" / "cam1" / "timeline.csv").read_text(encoding="utf-8")


def test_a_file_that_says_no_time_among_others_is_refused_alone(whole, tmp_path, capsys):
    recordings.cut(whole, tmp_path / "rec", (0.0, 10.0), recordings.by_clock(""))
    shutil.copy2(whole, tmp_path / "rec" / "export.mp4")
    scan(tmp_path / "rec", "--join", "--json", "--out", tmp_path / "out", code=6)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines[-1]["total"] | {"coverage": 0, "duration": 0, "usage": 0} == {
        "inputs": 2, "scanned": 1, "failed": 1, "events": 2, "cost": None, "complete": False, "coverage": 0, "duration": 0, "usage": 0,
    }  # fmt: skip
    assert "export.mp4 does not say when it was recorded" in lines[0]["error"]["message"]


def test_metadata_tell_the_clock_and_who_has_none_is_left_out_and_told(whole, tmp_path, capsys):
    for name, clock in {"a": "2026-03-01T10:00:24Z", "b": "2026-03-01T10:00:00Z", "c": None}.items():
        recordings.copy(whole, tmp_path / "rec" / f"{name}.mp4", clock)
    scan(tmp_path / "rec", "--join", "--out", tmp_path / "out", code=6)
    found = timeline(tmp_path / "out" / "rec")
    assert [(part.uri[-5:], part.start) for part in found.source.parts] == [("b.mp4", 0.0), ("a.mp4", 24.0)]
    assert found.source.clock == "2026-03-01T10:00:00+00:00"
    assert [each.uri[-5:] for each in found.source.left_out] == ["c.mp4"]
    assert "c.mp4 is left out" in found.source.flags[-1]
    assert "Gaps: left out: " in capsys.readouterr().out


def test_a_camera_whose_recordings_say_no_time_does_not_keep_the_others_waiting(whole, tmp_path, capsys):
    recordings.cut(whole, tmp_path / "rec" / "a", (0.0, 10.0), lambda start: f"part{start:.0f}")
    recordings.cut(whole, tmp_path / "rec", (0.0, 10.0), recordings.by_clock())
    scan(tmp_path / "rec", "--join", "--out", tmp_path / "out", code=6)
    assert "nothing says when the 2 recordings" in capsys.readouterr().err
    assert len(timeline(tmp_path / "out" / "cam1").source.parts) == 2


def test_a_pattern_of_ones_own_and_a_camera_of_ones_own(whole, tmp_path):
    recordings.cut(whole, tmp_path / "rec", (0.0, 10.0), recordings.by_clock("x", "%d.%m.%Y %Hh%Mm%S"))
    options = ("--set", "source.clock=pattern", "--set", "source.clock_pattern=%d.%m.%Y %Hh%Mm%S", "--set", "source.camera=Gate")
    scan(tmp_path / "rec", "--join", *options, "--out", tmp_path / "out")
    found = timeline(tmp_path / "out" / "Gate")
    assert (found.source.camera, found.source.clock, len(found.source.parts)) == ("Gate", "2026-03-01T23:55:00+00:00", 2)


def test_one_file_with_a_clock_from_the_command_line_shows_wall_time_beside_video_time(whole, tmp_path, capsys):
    scan(whole, "--clock-start", "2026-03-01 23:59:50", "--out", tmp_path / "out", zone="Europe/Berlin")
    found = timeline(tmp_path / "out" / "whole")
    assert (found.source.clock, found.source.parts[0].clock) == ("2026-03-01T23:59:50+01:00",) * 2
    assert "0:15-0:19  2026-03-02 00:00:05  " in capsys.readouterr().out


def test_recordings_are_opened_one_at_a_time_and_looked_at_once(whole, tmp_path, monkeypatch):
    recordings.cut(whole, tmp_path / "rec", tuple(float(start) for start in range(0, 24, 2)), recordings.by_clock())
    at_once, most, opened = 0, 0, []
    plain = joined._reader

    class Counted:
        def __init__(self, source):
            self.source = source

        def open(self, uri):
            nonlocal at_once, most
            footage = self.source.open(uri)
            close, at_once = footage.close, at_once + 1
            most = max(most, at_once)
            opened.append(uri)

            def closed():
                nonlocal at_once
                at_once -= not footage._closed.is_set()
                close()

            footage.close = closed
            return footage

    monkeypatch.setattr(joined, "_reader", lambda backend, threads: Counted(plain(backend, threads)))
    joined._look.cache_clear()
    joined._opened.cache_clear()
    scan(tmp_path / "rec", "--join", "--out", tmp_path / "out", "--set", "source.parallel=1")
    assert (at_once, most) == (0, 1)
    # To look at, to read, and the first ones again: a pass warms up on what it begins with.
    assert len(opened) <= 3 * 12
