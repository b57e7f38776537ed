"""A stream's days as jobs of their own: reached by an id that stays when the next day begins, searched by the library, gone when the day is.

What lies on the disk decides. A day whose folder is there has a job, whoever wrote it; one whose folder was deleted (`watch.keep_days`, by hand)
has none any more.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from videoscan import flow
from videoscan.folder import TIMELINE, storing
from videoscan.jobs.records import Job, day_id, now
from videoscan.jobs.settings import DAY, DAYS
from videoscan.watching.days import is_finished

if TYPE_CHECKING:
    from videoscan.jobs.board import Board
    from videoscan.jobs.settings import Settings
    from videoscan.jobs.shelf import Shelf
    from videoscan.stores.sqlite import SqliteStore

CAMERA = "camera"
"""The folder that holds a stream's days: its job's id says which camera it is."""

_AGAIN = 600.0
"""Seconds between two looks at the days that are over: their pictures may be gone by age, or a person corrected one from elsewhere."""
_SOONEST, _SHARE = 5.0, 40.0
"""Seconds between two takings of the growing day into the library at least, and times what one took."""


@dataclass(slots=True)
class _Known:
    """What was seen of a stream's days: when its folder last changed, and when what is to be looked at again (on the loop's clock)."""

    changed: int = -1
    look: float = 0.0
    take: float = 0.0
    stamp: str = ""
    seen: str = ""
    told: set[str] = field(default_factory=set)
    marking: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while a day is said to be watched, or over: the two must not overtake each other."""


class Days:
    """The days of all streams of a service."""

    def __init__(self, store: SqliteStore, settings: Settings, board: Board, shelf: Shelf) -> None:
        self._store, self._settings, self._board, self._shelf = store, settings, board, shelf
        self._known: dict[str, _Known] = {}
        self._tidying = asyncio.Lock()

    def folder(self, stream: str) -> Path:
        """Where a stream's days lie, each in a folder of its date."""
        return self._settings.folder(stream) / DAYS / CAMERA

    async def job(self, stream: Job, date: str) -> str:
        """The job of a day that is being watched: made, or going on."""
        known = self._known.setdefault(stream.id, _Known())
        day = day_id(stream.id, date)
        async with known.marking:
            if date not in known.told:
                await self._put(stream, date, running=True)
                known.told.add(date)
        return day

    async def follow(self, stream: Job, today: str | None) -> None:
        """Keep up with what lies on the disk. Asked every second, it does what is due. Raises `StoreError`."""
        known = self._known.setdefault(stream.id, _Known())
        clock = asyncio.get_running_loop().time
        if today is not None:
            await self.job(stream, today)
        changed = await flow.in_thread(_changed, self.folder(stream.id))
        if changed != known.changed or clock() >= known.look:
            await self.look(stream, today)
            known.changed, known.look = changed, clock() + _AGAIN
        if today is None:
            return
        day, began = day_id(stream.id, today), clock()
        stamp = await flow.in_thread(_stamp, self.folder(stream.id) / today / TIMELINE)
        if stamp != known.seen:
            known.seen = stamp
            self._board.changed(day, stream.id)
        if began >= known.take and stamp not in {"", known.stamp}:
            await self._shelf.take(day, again=False)
            known.stamp, known.take = stamp, clock() + max(_SOONEST, _SHARE * (clock() - began))

    async def look(self, stream: Job, today: str | None) -> None:
        """Each day on the disk has a job and is in the library as it is now; what is not there any more is forgotten."""
        async with self._tidying:
            there = {day_id(stream.id, date): date for date in await flow.in_thread(_dates, self.folder(stream.id))}
            listed = set(await self._store.streams.days(stream.id))
            running = set(await self._store.streams.days(stream.id, running=True))
            for day, date in there.items():
                if day not in listed and date != today:
                    await self._put(stream, date, running=False)
                elif day in running and date != today and await flow.in_thread(is_finished, self.folder(stream.id) / date):
                    await self._end(stream, day)  # the service was killed before it could say so
                await self._shelf.take(day, again=False)
            for day in listed - there.keys() - ({day_id(stream.id, today)} if today is not None else set()):
                await self._shelf.drop(day)
                await self._store.streams.forget_day(day)
                await flow.in_thread(_forget, self._settings.folder(day))
                self._board.changed(day, stream.id)

    async def written(self, stream: Job, folder: Path, *, ended: bool) -> None:
        """A day's timeline was written for the last time, for now or (`ended`) for good."""
        day = day_id(stream.id, folder.name)
        known = self._known.setdefault(stream.id, _Known())
        async with known.marking:
            known.told.add(folder.name)
            await self._put(stream, folder.name, running=False)
        await self._shelf.take(day)
        if ended and day in await self._store.streams.days(stream.id, running=True):
            await self._end(stream, day)

    async def delete(self, day: str) -> None:
        """Delete a day's folder. Raises `Conflict` while it is watched."""
        async with self._tidying:
            await self._store.delete(day)
            await self._shelf.drop(day)
            folder = self._settings.output(day)
            if folder.parent.parent.name == DAYS:
                await flow.in_thread(shutil.rmtree, folder, True)
            await flow.in_thread(_forget, self._settings.folder(day))

    async def end(self, stream: Job) -> None:
        """Nothing more comes for any of its days, until the stream is watched again."""
        self._known.pop(stream.id, None)
        for day in await self._store.streams.days(stream.id, running=True):
            await self._end(stream, day)

    async def _end(self, stream: Job, day: str) -> None:
        await self._store.settle(day, "done")
        self._board.changed(day, stream.id)

    async def _put(self, stream: Job, date: str, *, running: bool) -> None:
        day = day_id(stream.id, date)
        await flow.in_thread(point, self._settings, day, self.folder(stream.id) / date)
        job = Job(
            id=day,
            kind="day",
            state="running" if running else "done",
            parent=stream.id,
            name=f"{stream.name} {date}",
            source=stream.source,
            profile=stream.profile,
            created=now(),
        )
        if await self._store.streams.day(job):
            self._board.changed(day, stream.id)


def point(settings: Settings, job: str, folder: Path) -> None:
    """From now on the job's output is this day's folder. Blocking; raises `StoreError`."""
    if settings.output(job) == folder:
        return
    mark = settings.folder(job) / DAY
    with storing(mark):
        mark.parent.mkdir(parents=True, exist_ok=True)
        beside = mark.with_name(f".{DAY}.part")
        beside.write_text(folder.relative_to(settings.jobs).as_posix(), encoding="utf-8")
        os.replace(beside, mark)  # noqa: PTH105 - a file over a file


def _changed(folder: Path) -> int:
    """When a day last came or went."""
    try:
        return folder.stat().st_mtime_ns
    except OSError:
        return 0


def _stamp(file: Path) -> str:
    try:
        stat = file.stat()
    except OSError:
        return ""
    return f"{stat.st_mtime_ns:x}-{stat.st_size:x}"


def _dates(folder: Path) -> list[str]:
    """The days that have a timeline, the earliest first."""
    found = []
    with contextlib.suppress(OSError):
        for entry in sorted(os.scandir(folder), key=lambda each: each.name):
            with contextlib.suppress(ValueError):
                if len(entry.name) == 10 and dt.date.fromisoformat(entry.name) and (Path(entry.path) / TIMELINE).is_file():
                    found.append(entry.name)
    return found


def _forget(folder: Path) -> None:
    """The place of a day's job, which holds no more than where the day lay."""
    with contextlib.suppress(OSError):
        (folder / DAY).unlink(missing_ok=True)
        folder.rmdir()
