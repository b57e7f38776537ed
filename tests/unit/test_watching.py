"""The parts of a watch: windows that close by the clock, what waits and is left out, turns, and a day's own journal."""

import asyncio
import itertools
import random
from dataclasses import replace

import numpy as np
import pytest

from videoscan import config, registry
from videoscan.config import WatchOptions, WindowOptions
from videoscan.errors import ConfigError
from videoscan.folding.marks import Marks
from videoscan.model import Lost, Mark, Picture, Reason, Sample, Shown, SourceInfo, Window
from videoscan.reading import daylog
from videoscan.recordings import clock
from videoscan.seams import Limits
from videoscan.watching.backlog import Backlog, Waiting
from videoscan.watching.core import Lazily, midnight_after
from videoscan.watching.sharing import Sharing
from videoscan.watching.telling import Latencies
from videoscan.watching.windows import Closed, LiveWindows, Rest, Why


def sample(frame, time, *, kept=True, reason=None, same_as=None):
    reason = reason or (Reason.CHANGED if kept else Reason.UNCHANGED)
    mark = Mark(frame, time, kept=kept, reason=reason, same_as=same_as)
    pictures = (Picture(frame, time, b"x", b"eA==", "image/jpeg", 640, 360),) if kept else ()
    return Sample(mark, pictures=pictures, cells=np.full((9, 16), frame % 200, np.uint8))


def live(*, seconds=60.0, latency=10.0, quiet=3.0, most=4, overlap=1, **more):
    options = WindowOptions(max_frames=most, max_seconds=seconds, overlap_frames=overlap, **more)
    return LiveWindows(options, Limits(), WatchOptions(latency=latency, quiet=quiet))


def closed(items):
    return [
        (each.why, [picture.frame for picture in each.window.pictures], each.window.end)
        for each in items
        if isinstance(each, Closed)
    ]


def test_a_window_closes_when_it_is_quiet_again():
    windows = live()
    assert list(windows.take(sample(1, 1.0), 0.0)) == []
    assert list(windows.take(sample(2, 2.0), 0.0)) == []
    assert list(windows.take(sample(3, 3.0, kept=False, same_as=2), 0.0)) == []
    assert closed(windows.tick(4.9)) == []
    assert closed(windows.tick(5.0)) == [(Why.QUIET, [1, 2], 5.0)]
    assert list(windows.tick(100.0)) == []


def test_a_window_closes_after_the_latency_though_something_goes_on():
    windows = live(latency=3.0, quiet=0.0)
    told = [each for second in range(5) for each in windows.take(sample(second, float(second)), 0.0)]
    assert closed(told) == [(Why.SECONDS, [0, 1, 2], 3.0)]


def test_a_heartbeat_closes_a_window_when_no_picture_comes():
    windows = live(latency=3.0)
    list(windows.take(sample(1, 1.0, reason=Reason.REFRESH), 0.0))
    assert closed(windows.tick(3.9)) == [], "a scene that is shown again can wait"
    assert closed(windows.tick(4.0)) == [(Why.SECONDS, [1], 4.0)]


def test_a_full_window_closes_and_the_next_shows_its_last_picture_again():
    windows = live(most=3, latency=60.0, quiet=0.0)
    told = [each for second in range(6) for each in windows.take(sample(second, float(second)), 0.0)]
    assert closed(told) == [(Why.FULL, [0, 1, 2], 3.0), (Why.FULL, [2, 3, 4], 5.0)]


def test_a_cut_and_a_scene_that_is_shown_again_take_nothing_over():
    windows = live(latency=60.0)
    list(windows.take(sample(0, 0.0), 0.0))
    assert closed(windows.take(sample(1, 1.0, reason=Reason.CUT), 0.0)) == [(Why.CUT, [0], 1.0)]
    assert closed(windows.end(2.0, Why.GAP)) == [(Why.GAP, [1], 2.0)]
    list(windows.take(sample(2, 300.0, reason=Reason.REFRESH), 0.0))
    assert closed(windows.end(301.0, Why.END)) == [(Why.END, [2], 301.0)]


def test_what_is_dropped_between_windows_is_told_once_and_in_order():
    windows = live()
    told = list(windows.take(sample(0, 0.0), 0.0))
    for second in range(1, 20):
        told += windows.take(sample(second, float(second), kept=False, same_as=0), 0.0)
    told += windows.take(sample(20, 20.0), 0.0)
    told += windows.end(21.0, Why.END)
    marks = [mark.frame for each in told for mark in (each.marks if isinstance(each, Rest) else each.window.marks)]
    assert sorted(set(marks)) == list(range(21))
    assert [each.window.index for each in told if isinstance(each, Closed)] == [0, 1]


def test_a_cap_on_the_rate_holds_over_time():
    options = WindowOptions(max_frames=12, max_seconds=60.0, overlap_frames=0)
    windows = LiveWindows(options, Limits(), WatchOptions(latency=10.0, quiet=0.0), max_rate=0.2)
    told = [each for second in range(600) for each in windows.take(sample(second, float(second)), 0.0)]
    told += windows.end(600.0, Why.END)
    shown = sum(len(each.window.pictures) for each in told if isinstance(each, Closed))
    assert 100 <= shown <= 0.2 * 600 + 6
    thinned = [mark for each in told if isinstance(each, Closed) for mark in each.window.marks if mark.reason is Reason.THINNED]
    assert len(thinned) == 600 - shown


@pytest.mark.parametrize("seed", range(5))
def test_every_sample_is_told_of_whatever_comes(seed):
    chance = random.Random(seed)
    windows = live(most=4, latency=chance.choice([2.0, 8.0]), quiet=chance.choice([0.0, 2.0]))
    told, time, last = [], 0.0, None
    for frame in range(400):
        time += chance.choice([0.2, 1.0, 1.0, 5.0])
        kept = last is None or chance.random() < 0.3
        last = frame if kept else last
        reason = chance.choice([Reason.CHANGED, Reason.CUT, Reason.REFRESH]) if kept else Reason.UNCHANGED
        told += windows.take(sample(frame, time, kept=kept, same_as=None if kept else last, reason=reason), 0.0)
        if chance.random() < 0.1:
            told += windows.tick(time + 1.0)
            time += 1.0
        if chance.random() < 0.02:
            told += windows.end(time, Why.GAP)
    told += windows.end(time + 1, Why.END)
    marks = {mark.frame for each in told for mark in (each.marks if isinstance(each, Rest) else each.window.marks)}
    assert marks == set(range(400))
    ends = [each.window for each in told if isinstance(each, Closed)]
    assert all(one.end <= other.pictures[other.overlap].time + 1e-9 for one, other in itertools.pairwise(ends))
    assert all(len(each.pictures) <= 4 for each in ends)


# --- what waits ---------------------------------------------------------------------------------------------------------------


class Noted:
    """A day that only notes what is done to its windows."""

    def __init__(self):
        self.dropped, self.left_out = [], {}

    def failed(self, index, kind, message):
        self.dropped.append((index, kind, message))

    def thinned(self, window, frames, reason, *, into=None):
        self.left_out.setdefault(window.index, set()).update(frames)
        return replace(window, pictures=tuple(each for each in window.pictures if each.frame not in frames))


def waiting(day, index, frames, *, reason=Reason.CHANGED):
    samples = [sample(frame, float(frame), reason=reason) for frame in frames]
    pictures = tuple(each.pictures[0] for each in samples)
    return Waiting(
        day, Window(index, float(frames[0]), float(frames[-1]) + 1, pictures, tuple(each.mark for each in samples)), 0.0
    )


def test_unchanged_pictures_go_first_then_windows_are_thinned_and_then_the_oldest_are_dropped():
    day, told = Noted(), []
    backlog = Backlog(2, 4, told.append, now=lambda: 30.0)
    backlog.put(waiting(day, 0, [0], reason=Reason.REFRESH))
    for index in (1, 2):
        backlog.put(waiting(day, index, range(10 * index, 10 * index + 4)))
    assert day.dropped == [(0, "Behind", "left out, unchanged: the describer was 30 s behind the camera")]
    assert not day.left_out
    backlog.put(waiting(day, 3, range(30, 34)))
    assert [each.window.index for each in backlog] == [1, 3]
    assert [picture.frame for picture in next(iter(backlog)).window.pictures] == [10, 23], "the first and the last stay"
    for index in range(4, 12):
        backlog.put(waiting(day, index, range(10 * index, 10 * index + 4)))
    assert len(backlog) == 2
    assert any("dropped: the describer was 30 s behind" in message for *_, message in day.dropped)
    assert backlog.left_out.unchanged == 1
    assert backlog.left_out.thinned > 0
    assert backlog.left_out.dropped > 0
    assert len(told) >= 3


def test_what_an_earlier_process_left_goes_before_all_that_waits():
    day = Noted()
    backlog = Backlog(3, 4, lambda _text: None)
    backlog.put(waiting(day, 5, [50]))
    backlog.put_first([waiting(day, index, [10 * index]) for index in range(4)])
    assert [each.window.index for each in backlog] == [2, 3, 5]


# --- turns --------------------------------------------------------------------------------------------------------------------


def test_a_busy_camera_gets_no_more_turns_than_a_quiet_one():
    async def run():
        sharing, order = Sharing(1), []

        async def ask(who):
            async with sharing.turn(who):
                order.append(who)
                await asyncio.sleep(0)

        await asyncio.gather(*(ask("busy") for _ in range(20)), *(ask("quiet") for _ in range(3)))
        return order, sharing.under_way

    order, left = asyncio.run(run())
    assert order[:7].count("quiet") == 3, "they take turns"
    assert (len(order), left) == (23, 0)


def test_a_turn_that_nobody_takes_any_more_goes_to_the_next():
    async def run():
        sharing, done = Sharing(1), []
        begun = asyncio.Event()

        async def hold():
            async with sharing.turn("one"):
                begun.set()
                await asyncio.Event().wait()

        async def after(who):
            async with sharing.turn(who):
                done.append(who)

        holder = asyncio.create_task(hold())
        await begun.wait()
        given_up, last = asyncio.create_task(after("two")), asyncio.create_task(after("three"))
        await asyncio.sleep(0)
        given_up.cancel()
        holder.cancel()
        await asyncio.gather(holder, given_up, return_exceptions=True)
        await last
        return done, sharing.under_way

    assert asyncio.run(run()) == (["three"], 0)


def test_percentiles_are_by_nearest_rank():
    latencies = Latencies()
    assert latencies.percentiles() is None
    for each in range(1, 101):
        latencies.add(float(each))
    assert latencies.percentiles() == (50.0, 96.0)


# --- a day's journal ----------------------------------------------------------------------------------------------------------


def test_marks_come_out_of_the_journal_as_they_went_in_and_take_few_bytes(tmp_path):
    chance = random.Random(2)
    marks, time, last, frame = [], 0.0, 0, 0
    for _ in range(3600):
        time, frame = round(time + chance.choice([1.0, 1.001, 0.999]), 3), frame + 25
        kept = not marks or chance.random() < 0.01
        last = frame if kept else last
        marks.append(Mark(frame, time, kept, Reason.CHANGED if kept else Reason.UNCHANGED, None if kept else last))
    packed = daylog.packed(Marks.of(marks))
    assert list(daylog.unpacked(packed)) == marks
    log = daylog.DayLog(tmp_path, header=daylog.header_of("2026-03-01", 0.0, SourceInfo("made://", 640, 360, None)))
    log.write({"rest": packed, "after": -1})
    log.close()
    assert (tmp_path / daylog.LOG).stat().st_size < 8 * len(marks)


def test_a_day_is_read_back_as_far_as_its_lines_are_whole(tmp_path):
    info = SourceInfo("made://", 640, 360, 25.0, codec="h264", flags=("times are made",), live=True)
    log = daylog.DayLog(tmp_path, header=daylog.header_of("2026-03-01", 12.5, info))
    marks = (Mark(25, 1.0, True, Reason.FIRST), Mark(50, 2.0, False, Reason.UNCHANGED, 25))
    picture = Picture(25, 1.0, b"data", b"", "image/jpeg", 640, 360)
    log.window(Window(0, 1.0, 3.0, (picture,), marks), [Shown(25, 1.0, "frames/00000025.jpg", (0.1, 0.2, 0.3, 0.4))])
    log.write({"gap": "lost", "start": 3.0, "end": 9.0, "reason": "away"})
    log.write({"alerts": ["fence"], "event": "e00000025"})
    log.close()
    with (tmp_path / daylog.LOG).open("ab") as file:
        file.write(b'{"gap":"lost","sta')
    found = daylog.read(tmp_path)
    assert found.info == info
    assert (found.date, found.zero, found.position, found.frame, found.window) == ("2026-03-01", 12.5, 9.0, 51, 1)
    assert found.entries[0].shown == (Shown(25, 1.0, "frames/00000025.jpg", (0.1, 0.2, 0.3, 0.4)),)
    assert list(found.entries[0].marks) == list(marks)
    assert found.gaps == [("lost", Lost(3.0, 9.0, "away"))]
    assert found.alerts == {"e00000025": ("fence",)}
    daylog.DayLog(tmp_path).close()
    assert (tmp_path / daylog.LOG).read_bytes().endswith(b"\n"), "the next line begins on one of its own"


def test_a_lazy_generator_is_driven_one_value_at_a_time():
    asked = []

    def doubled(values):
        for value in values:
            asked.append(value)
            if value >= 0:
                yield 2 * value

    drive = Lazily(doubled)
    assert (drive(-1, -2, 3), drive(4)) == (6, 8)
    assert asked == [-1, -2, 3, 4]


@pytest.mark.parametrize(
    ("date", "hours"), [("2026-03-28", 24), ("2026-03-29", 23), ("2026-10-25", 25)], ids=["usual", "forward", "back"]
)
def test_a_day_is_as_long_as_its_clocks_say(date, hours):
    import datetime as dt

    zone, day = clock.time_zone("Europe/Berlin"), dt.date.fromisoformat(date)
    before = midnight_after(day - dt.timedelta(days=1), zone)
    assert midnight_after(day, zone) - before == hours * 3600


# --- the profile's table ------------------------------------------------------------------------------------------------------


def test_sizes_and_unknown_keys_of_the_watch_table():
    assert WatchOptions(keep_size="1.5GB").keep_bytes == 1_500_000_000
    assert WatchOptions().keep_bytes is None
    with pytest.raises(ConfigError, match=r"keep_size.*no size"):
        config.load({"watch": {"keep_size": "much"}})
    with pytest.raises(ConfigError, match=r"watch\.latncy.*unknown key") as caught:
        config.load({"watch": {"latncy": 3}})
    assert "latency" in caught.value.hint


def test_options_of_live_sources_go_to_the_kinds_that_have_them():
    profile = config.load(
        {"live": {"transport": "udp", "poll": 3.0, "stall": 1.5}, "source": {"clock_zone": "Europe/Berlin"}}
    ).profile
    assert (registry.live(profile, "stream").options.transport, registry.live(profile, "stream").options.stall) == ("udp", 1.5)
    folder = registry.live(profile, "folder").options
    assert (folder.poll, folder.clock_zone) == (3.0, "Europe/Berlin")
    assert registry.complete(profile)["live"]["transport"] == "udp"


@pytest.mark.parametrize(
    ("live", "words"), [({"trnsport": "udp"}, r"live\.trnsport.*unknown key"), ({"stall": 0}, r"live\.stall")]
)
def test_what_no_live_source_takes_is_refused(live, words):
    with pytest.raises(ConfigError, match=words):
        registry.complete(config.load({"live": live}).profile)
