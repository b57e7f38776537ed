"""A stream's days in the store: what is said of a day while it ends does not outlast its end."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

from videoscan.jobs import days
from videoscan.jobs.records import Job, day_id
from videoscan.jobs.settings import Settings


class _Streams:
    """The rows of days. To write that a day is watched takes long: whatever else is ready goes first."""

    def __init__(self):
        self.states = {}

    async def day(self, job):
        if job.state == "running":
            for _ in range(50):
                await asyncio.sleep(0)
        if job.state != "done" or job.id not in self.states:
            self.states[job.id] = job.state
        return True

    async def days(self, stream, running=False):
        return [day for day, state in self.states.items() if not running or state == "running"]


def test_a_day_that_ends_while_its_news_are_written_down_is_over(tmp_path, monkeypatch):
    async def at_once(work, *given):
        return work(*given)

    monkeypatch.setattr(days.flow, "in_thread", at_once)
    streams = _Streams()

    async def settle(day, state):
        streams.states[day] = state

    async def take(day, again=True):
        pass

    store = SimpleNamespace(streams=streams, settle=settle)
    board = SimpleNamespace(changed=lambda *jobs: None)
    stream = Job(
        id="a" * 24, kind="stream", state="running", source="rtsp://x", profile={}, name="Gate", created="2026-01-01T00:00:00Z"
    )

    async def work():
        of_all = days.Days(store, Settings(data=tmp_path), board, SimpleNamespace(take=take))
        folder = of_all.folder(stream.id) / "2026-01-01"
        day = day_id(stream.id, folder.name)
        await asyncio.gather(of_all.job(stream, folder.name), of_all.written(stream, folder, ended=True))
        assert streams.states == {day: "done"}
        assert await of_all.job(stream, folder.name) == day
        assert streams.states == {day: "done"}, "late news of a day that is over"

    asyncio.run(work())
