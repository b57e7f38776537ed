"""A camera that is decoded in a process of its own: when that crashes or hangs, the day goes on, and what was missed is told."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from pathlib import Path

import pytest
from commanding import visits
from stopwatch import Stopwatch
from streaming import Web
from watching import problems

from videoscan import config
from videoscan.document import Timeline
from videoscan.errors import SourceUnsupported
from videoscan.live.stream import RealtimeSource, StreamSource
from videoscan.model import Frame
from videoscan.reading.spec import Look
from videoscan.seams import Limits, Setting
from videoscan.watching import isolated
from videoscan.watching.camera import Shared
from videoscan.watching.core import DayBegan, DayEnded
from videoscan.watching.starting import Planned
from videoscan.watching.windows import Closed

SETS = ("source.isolation=process", "watch.quiet=0.6", "watch.latency=1", "sampler.kind=interval", "sampler.every=0.2")


class Hurting(RealtimeSource):
    """Plays a file; the decoder of its first process comes to harm at the `at`-th picture."""

    def __init__(self, how, at, flag):
        super().__init__()
        self.how, self.at, self.flag = how, at, flag

    def open(self, uri, setting):
        footage = super().open(uri, setting)
        items, how, at, flag = footage.items, self.how, self.at, self.flag

        def harmed(sampler, *, duration=None):
            seen = 0
            for item in items(sampler, duration=duration):
                yield item
                seen += isinstance(item, Frame)
                if seen == at and not flag.exists():
                    flag.write_text(str(os.getpid()))
                    if how == "refuse":
                        raise SourceUnsupported("that is no camera", hint="it never was")
                    if how == "fault":
                        raise ValueError("an odd packet")
                    os.kill(os.getpid(), signal.SIGSEGV if how == "crash" else signal.SIGSTOP)

        footage.items = harmed
        return footage


def watch_over(source, uri, out, *, seconds, notes=None, sets=()):
    return Planned("yard", str(uri), source, "default").watch(
        out, Shared(), sets=(*SETS, *sets), duration=seconds, observer=(notes if notes is not None else []).append
    )


def timeline_of(out):
    (day,) = [path for path in (out / "yard").iterdir() if (path / "timeline.json").is_file()]
    return day, Timeline.from_json((day / "timeline.json").read_bytes())


@pytest.fixture(scope="module")
def footage(tmp_path_factory):
    return visits(tmp_path_factory.mktemp("footage") / "yard.mp4", 24)


def test_a_decoder_that_dies_is_begun_anew_and_what_was_missed_is_lost(tmp_path, footage):
    reasons = {"crash": "SIGSEGV", "hang": "said nothing for 2 s", "fault": "ValueError: an odd packet"}
    notes = {how: [] for how in reasons}

    async def run():
        watches = [
            watch_over(
                Hurting(how, 13, tmp_path / how), footage, tmp_path / f"{how}-out",
                seconds=8.0, notes=notes[how], sets=("source.patience=2",),
            )
            for how in reasons
        ]  # fmt: skip
        await asyncio.gather(*(watch.run() for watch in watches))

    asyncio.run(run())
    for how, reason in reasons.items():
        day, timeline = timeline_of(tmp_path / f"{how}-out")
        assert problems(day) == []
        (lost,) = [span for span in timeline.coverage if span.state == "lost" and reason in span.reason]
        assert lost.start >= 1.0, "what was seen before stays"
        assert [event for event in timeline.events if event.start < lost.start]
        assert [event for event in timeline.events if event.start >= lost.end]
        assert [window.index for window in timeline.windows] == list(range(len(timeline.windows)))
        frames = [frame for window in timeline.windows for frame in window.frames]
        assert sorted(set(frames)) == list(dict.fromkeys(frames)), "indices rise"
        assert any(reason in getattr(note, "text", "") for note in notes[how])
        with pytest.raises(ProcessLookupError):
            os.kill(int((tmp_path / how).read_text()), 0)


def test_what_can_never_work_ends_the_watch_with_its_own_words(tmp_path, footage):
    with pytest.raises(SourceUnsupported, match="no camera"):
        asyncio.run(watch_over(Hurting("refuse", 1, tmp_path / "flag"), footage, tmp_path / "out", seconds=10.0).run())


def test_a_camera_sends_the_same_through_a_process_of_its_own_and_no_process_list_has_its_login(tmp_path):
    with Web(login="viewer:hunter2") as web:
        seen = []

        uri = web.address.replace("//", "//viewer:hunter2@") + "/mjpeg"
        watch = watch_over(StreamSource(), uri, tmp_path, seconds=4.0)

        async def run():
            task = asyncio.create_task(watch.run())
            async with asyncio.timeout(60):
                while watch.status().sampled < 10:  # noqa: ASYNC110 - nobody tells
                    await asyncio.sleep(0.05)
            seen.extend(await asyncio.to_thread(lambda: [each.read_bytes() for each in Path("/proc").glob("[0-9]*/cmdline")]))
            assert (await watch.still())[:3] == b"\xff\xd8\xff"
            assert watch.status().state == "playing"
            with Stopwatch() as watched:
                watch.stop()
                await task
            assert watched.seconds < 5

        asyncio.run(run())
    assert any(b"forkserver" in each for each in seen)
    assert not any(b"hunter2" in each for each in seen)
    day, _ = timeline_of(tmp_path)
    assert problems(day) == []
    assert "hunter2" not in (day / "timeline.json").read_text()


def test_its_last_picture_and_a_second_look_come_out_of_that_process(footage):
    profile = config.load("default", sets=SETS).profile
    core = isolated.core_for(
        isolated.LiveSpec("yard", RealtimeSource(), str(footage), Setting(camera="yard"), profile, Limits()), lambda _note: None
    )
    assert isinstance(core, isolated.IsolatedLiveCore)
    assert core.still() is None
    looked = []

    def look(zero):
        looked.append((core.still(), core.fetch(zero, Look((0.4, 0.8)))))
        core.stop()

    looking = None
    for item in core:
        if isinstance(item, DayBegan):
            zero = item.zero
        elif isinstance(item, Closed) and looking is None:
            looking = threading.Thread(target=look, args=(zero,))
            looking.start()
    looking.join()
    ((still, pictures),) = looked
    assert still[:3] == b"\xff\xd8\xff"
    assert [each.time for window in pictures for each in window] == [0.4, 0.8]
    assert isinstance(item, DayEnded)
    assert item.last
