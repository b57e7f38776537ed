"""A watch that is killed, stopped or started twice: the day goes on, and at most its open window is lost."""

import asyncio
import os
import signal

import pytest
from watching import Watched, in_process, lines, problems

from videoscan.errors import StoreError
from videoscan.model import Gap
from videoscan.testing.live import MadeClock, at

KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, "tests")
from watching import Watched

watched = Watched(Path(sys.argv[1]), seconds=900.0, visits=[(100, 110), (300, 310), (500, 508)], sets=sys.argv[3:])
ends, clock = float(sys.argv[2]), watched.clock

def pace():
    watched.settled()
    if clock.monotonic() >= ends:
        os.kill(os.getpid(), signal.SIGKILL)

watched.source.pace = pace
watched.run()
"""


def killed_at(out, second, *sets):
    done = in_process(KILLED, out, second, *sets)
    assert done.returncode == -signal.SIGKILL, done.stderr


def test_a_killed_watch_goes_on_with_the_same_day_and_loses_at_most_the_open_window(tmp_path):
    killed_at(tmp_path, 305)  # the second visit is in the open window
    day = tmp_path / "yard" / "2026-03-01"
    again = Watched(tmp_path, clock=MadeClock(at("2026-03-01T10:06:00+00:00")), seconds=300.0, visits=[(140, 148)])
    again.run()
    timeline = again.timeline()
    assert problems(day) == []
    assert timeline.source.clock == "2026-03-01T10:00:00.000+00:00"
    assert timeline.source.duration == 660.0
    first, *_ = timeline.events
    assert (first.id, first.start) == ("e00002500", 100.0), "an id that was issued stays"
    assert any(event.start == 500.0 for event in timeline.events), "times count from the day's own first picture"
    (away,) = [span for span in timeline.coverage if span.state == "absent"]
    assert 299 <= away.start <= 305, "only the window that was open is lost"
    assert away.end == 360.0
    assert "not running" in away.reason
    assert [window.index for window in timeline.windows] == list(range(len(timeline.windows)))
    frames = [frame for window in timeline.windows for frame in window.frames]
    assert frames == sorted(frames)


def test_a_day_that_was_left_behind_is_finished_when_the_camera_is_watched_again(tmp_path):
    killed_at(tmp_path, 320)
    later = Watched(tmp_path, clock=MadeClock(at("2026-03-03T08:00:00+00:00")), seconds=60.0)
    later.run()
    left = tmp_path / "yard" / "2026-03-01"
    assert problems(left) == []
    assert any("ended" in line for line in lines(left))
    assert {each.start for each in later.timeline().coverage} >= {0.0}
    assert sorted(path.name for path in (tmp_path / "yard").iterdir()) == ["2026-03-01", "2026-03-03"]


def test_a_torn_line_costs_only_what_it_says(tmp_path):
    killed_at(tmp_path, 320)
    day = tmp_path / "yard" / "2026-03-01"
    with (day / "watch.jsonl").open("ab") as file:
        file.write(b'{"window":99,"start":3')
    again = Watched(tmp_path, clock=MadeClock(at("2026-03-01T10:06:00+00:00")), seconds=60.0)
    again.run()
    assert problems(day) == []
    assert again.timeline().events


def test_two_watches_of_one_camera_do_not_go_together(tmp_path):
    async def both():
        first = Watched(tmp_path, seconds=3600.0)
        told = asyncio.Event()
        loop = asyncio.get_running_loop()
        first.source.pace = lambda: loop.call_soon_threadsafe(told.set)
        running = asyncio.create_task(first.watch.run())
        await told.wait()
        with pytest.raises(StoreError, match=rf"another videoscan.*{os.getpid()}.*writing into"):
            await Watched(tmp_path, clock=first.clock).watch.run()
        first.watch.stop()
        await running

    asyncio.run(both())
    assert problems(tmp_path / "yard" / "2026-03-01") == []


def test_a_gap_over_midnight_belongs_to_both_days(tmp_path):
    watched = Watched(
        tmp_path,
        start="2026-03-01T23:58:00+00:00",
        seconds=300.0,
        gaps=[Gap(60.0, 180.0, "the camera was away")],
    ).run()
    before, after = watched.timeline("2026-03-01"), watched.timeline("2026-03-02")
    assert [(span.start, span.end) for span in before.coverage if span.state == "lost"] == [(60.0, 120.0)]
    assert before.source.duration == 120.0
    assert after.source.clock == "2026-03-02T00:01:00.000+00:00"
    assert any("nothing came from 00:00:00" in flag for flag in after.source.flags)
    assert problems(watched.out / "2026-03-01") == problems(watched.out / "2026-03-02") == []
