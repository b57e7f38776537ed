"""Works jobs off, a few at a time, each with the very scan that the command line runs.

A job that was running when the service ended, however it ended, is queued again at the next start and goes on from its journal.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from videoscan import flow, observe, pipeline
from videoscan.errors import SourceNotFound, StoreError, VideoscanError
from videoscan.jobs import buckets, fetching, logs, rules
from videoscan.jobs.growing import Growing
from videoscan.jobs.records import Fault, Progress
from videoscan.recordings import inputs, joining
from videoscan.request import settle
from videoscan.spending import money

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from videoscan.document import Timeline
    from videoscan.jobs.board import Board
    from videoscan.jobs.records import Job, State
    from videoscan.jobs.settings import Settings
    from videoscan.request import Request
    from videoscan.stores.sqlite import SqliteStore

_log = logging.getLogger("videoscan.jobs")

_TICK = 1.0
"""Seconds between two records of how far a job has come."""


async def _nothing(_job: str) -> None:
    pass


class Running:
    """A job that is worked on: how far it is, what it has told, and when it was begun (seconds of the monotonic clock)."""

    def __init__(self, job: Job, plain: Callable[[str], str] = str) -> None:
        self.job = job
        self.plain = plain
        self.began = time.monotonic()
        self.progress = Progress()
        self.growing: Growing | None = None
        self.news: asyncio.Queue[tuple[str, dict[str, Any]] | None] = asyncio.Queue()
        self.cancelled = False
        self._spans: dict[int, tuple[float, float]] = {}

    def eta(self) -> float | None:
        """Seconds that it will probably take from now: by the windows, of which the rest of the recording has as many as what was sampled."""
        told, spent = self.progress, time.monotonic() - self.began
        if told.decoded:
            share = 1.0
        elif told.duration:
            share = told.position / told.duration
        else:
            return None
        if told.windows:
            share *= (told.described + told.failed) / told.windows
        return max(0.1, round(spent * (1 - share) / share, 1)) if 0 < share < 1 else None

    def hear(self, fact: observe.Fact) -> None:
        """An observer; see `videoscan.observe`."""
        if self.growing is not None:
            self.growing(fact)
        told = self.progress
        if isinstance(fact, observe.Opened):
            self.progress = told.model_copy(update={"duration": fact.info.declared_duration})
        elif isinstance(fact, observe.Sampled):
            self.progress = told.model_copy(
                update={"position": round(max(0.0, fact.position), 3), "sampled": fact.sampled, "kept": fact.kept}
            )
        elif isinstance(fact, observe.WindowReady):
            self._spans[fact.window.index] = round(fact.window.start, 3), round(fact.window.end, 3)
            self.progress = told.model_copy(update={"windows": told.windows + 1})
        elif isinstance(fact, observe.WindowDone):
            failure = fact.description.failure
            counted = "described" if failure is None else "failed"
            self.progress = told.model_copy(update={counted: getattr(told, counted) + 1})
            error = None if failure is None else {"kind": failure.kind, "message": self.plain(failure.message)}
            titles = [event.title for event in fact.description.events]
            start, end = self._spans.pop(fact.index, (None, None))
            told_of = {"index": fact.index, "start": start, "end": end, "summary": fact.description.summary}
            self.news.put_nowait(("window", {**told_of, "events": titles, "error": error}))
        elif isinstance(fact, observe.Decoded):
            self.progress = told.model_copy(update={"decoded": True, "windows": fact.windows})
        elif isinstance(fact, observe.Note):
            self.news.put_nowait(("note", {"text": self.plain(fact.text)}))


class Worker:
    """Runs queued jobs until it is stopped."""

    def __init__(
        self, store: SqliteStore, settings: Settings, board: Board, *, done: Callable[[str], Awaitable[None]] = _nothing
    ) -> None:
        """`done` is awaited with the id of each job that came to a timeline, before it counts as done."""
        self._store = store
        self._settings = settings
        self._board = board
        self._done = done
        self._wake = asyncio.Event()
        self._draining = False
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self.running: dict[str, Running] = {}

    async def drain(self, seconds: float) -> None:
        """Take no further job, and wait so long for those that run."""
        self._draining = True
        if self._tasks and seconds > 0:
            _log.info("stopping: %d jobs may run for %g s more", len(self._tasks), seconds)
            await asyncio.wait(set(self._tasks.values()), timeout=seconds)

    def wake(self) -> None:
        """There may be something to do."""
        self._wake.set()

    async def run(self) -> None:
        """Work until cancelled; what is under way then is stopped and queued again."""
        for requeued in await self._store.requeue(self._settings.most_attempts):
            self._board.changed(requeued)
        try:
            while True:
                self._wake.clear()
                while (
                    not self._draining and len(self._tasks) < self._settings.at_once and (job := await self._lease()) is not None
                ):
                    self._board.changed(job.id, job.parent)
                    task = asyncio.create_task(self._work(job), name=f"job {job.id}")
                    self._tasks[job.id] = task
                    task.add_done_callback(functools.partial(self._ended, job.id))
                await self._wake.wait()
        finally:
            for task in self._tasks.values():
                task.cancel()
            while self._tasks:
                await asyncio.wait(self._tasks.values())

    async def _lease(self) -> Job | None:
        try:
            return await self._store.lease()
        except StoreError as fault:
            _log.error("no job can be taken: %s", fault)
            asyncio.get_running_loop().call_later(5, self.wake)
            return None

    def _ended(self, job: str, _task: asyncio.Task[None]) -> None:
        self._tasks.pop(job, None)
        self.wake()

    def stop(self, job: str) -> None:
        """Stop a running job for good. What it described is kept: a retry goes on from there."""
        if (running := self.running.get(job)) is not None:
            running.cancelled = True
            self._tasks[job].cancel()

    async def _work(self, job: Job) -> None:
        logs.JOB.set(job.id)
        running = self.running[job.id] = Running(job, self.plain)
        telling = asyncio.create_task(self._tell(running))
        state: State = "failed"
        error: Fault | None = None
        usage: dict[str, Any] | None = None
        try:
            timeline = await self._scan(job, running)
            await self._done(job.id)
            state, usage = "done", timeline.usage.model_dump(mode="json")
        except asyncio.CancelledError:
            state = "cancelled" if running.cancelled else "queued"
        except VideoscanError as fault:
            error = Fault(
                kind=type(fault).__name__, message=self.plain(fault.message), hint=fault.hint and self.plain(fault.hint)
            )
        except Exception as fault:
            _log.exception("job %s ended in an unexpected fault", job.id)
            error = Fault(
                kind=type(fault).__name__, message="an unexpected fault; the service's log has it", hint="please report it"
            )
        running.news.put_nowait(None)
        await telling
        try:
            await self._store.record(job.id, running.progress)
            await self._store.settle(job.id, state, usage=usage, error=error)
        except StoreError as fault:
            _log.error("job %s is %s, which cannot be written down; the next start goes on with it: %s", job.id, state, fault)
        else:
            _log.info("job %s is %s", job.id, state)
        del self.running[job.id]
        self._board.changed(job.id, job.parent)

    async def _scan(self, job: Job, running: Running) -> Timeline:
        settings = self._settings
        given, owned = await self._given(job)
        if not owned and not all(rules.inside(Path(file), settings) for file in given.files):
            raise StoreError(f"{settings.shown(given.uri)} holds links out of the folders of this service", hint="take them away")
        running.growing = Growing(await flow.in_thread(self.request, job, given))
        return await pipeline.scan(
            given,
            profile=job.profile,
            question=job.question,
            out=settings.output(job.id),
            retry=job.windows,
            endpoint=settings.endpoint,
            model=settings.model,
            sets=rules.sets_of(settings),
            budget=settings.budget,
            observer=running.hear,
        )

    def request(self, job: Job, given: inputs.Input) -> Request:
        """What a job is asked to do, every option settled. Raises `ConfigError`."""
        settings = self._settings
        flags: dict[str, Any] = {
            "describer.endpoint": settings.endpoint,
            "describer.model": settings.model,
            **{f"budget.{key}": value for key, value in money.parse_budget(settings.budget).items()},
        }
        return settle(given, profile=job.profile, flags={**flags, "prompt.question": job.question}, sets=rules.sets_of(settings))

    def recordings(self, folder: Path, job: Job) -> inputs.Found:
        """The recordings in a folder, as one input for each camera. Files out of the service's folders are left out. Blocking."""
        found = inputs.find([str(folder)])
        within = tuple(each for each in found.inputs if all(rules.inside(Path(file), self._settings) for file in each.files))
        return joining.join(replace(found, inputs=within), joining.settings_of(job.profile, sets=rules.sets_of(self._settings)))

    async def _given(self, job: Job) -> tuple[inputs.Input, bool]:
        """What is to be scanned, and whether it is the job's own."""
        folder = await self._store.joined(job.id)
        if folder is None:
            source, owned = await self._source(job)
            return await flow.in_thread(inputs.single, source), owned
        found = await flow.in_thread(self.recordings, Path(folder), job)
        given = next((each for each in found.inputs if each.uri == job.source), None)
        if given is None:
            raise SourceNotFound(f"the recordings {self._settings.shown(job.source)} are gone", hint="submit their folder anew")
        for refused in found.refused:
            self.running[job.id].hear(observe.Note(str(refused.error)))
        return given, False

    async def _source(self, job: Job) -> tuple[Path, bool]:
        """The file or folder to scan, and whether it is the job's own; what comes from an address is fetched first."""
        found = await self._store.source(job.id)
        assert found is not None, "a job that runs is not deleted"
        source, owned = found
        if "://" in source:
            folder = self._settings.folder(job.id) / "source"
            secretly = await flow.in_thread(buckets.signed, source, self._settings) if source.startswith(buckets.SCHEME) else None
            return await fetching.fetch(source, folder, self._settings, room=self.room, secretly=secretly), True
        path = Path(source)
        if not owned and not rules.inside(path, self._settings):
            raise StoreError(f"{self._settings.shown(source)} is no longer below a folder of this service", hint="submit it anew")
        return path, owned

    def room(self, size: int) -> None:
        """Raises `StoreError` when the disk has no room for so many more bytes."""
        self._settings.data.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(self._settings.data).free
        if free - size < self._settings.spare_bytes:
            raise StoreError(
                f"{size} bytes do not fit: {free} are free, and {self._settings.spare_bytes} are to stay so",
                hint="free some space, or take jobs away",
            )

    def plain(self, text: str) -> str:
        """A message without where things lie on this machine."""
        return rules.placeless(text, self._settings)

    async def _tell(self, running: Running) -> None:
        """Write down what a job tells, in its order, and once a second how far it is, until `None` comes."""
        job, recorded = running.job, Progress()
        while True:
            try:
                news = await asyncio.wait_for(running.news.get(), _TICK)
                if news is None:
                    return
                await self._store.tell(job.id, *news)
            except TimeoutError:
                if running.progress == recorded:
                    continue
                recorded = running.progress
                with contextlib.suppress(StoreError):
                    await self._store.record(job.id, recorded)
            except StoreError as fault:
                _log.error("job %s: its feed cannot be written: %s", job.id, fault)
            self._board.changed(job.id, job.parent)
