"""Live sources that the service watches, beside its jobs: each is a job of kind stream that runs until somebody ends it.

A camera that is away costs the others nothing: its watch goes on trying. A stream goes on with its day when the service starts again. Its
timeline is the day's that is being watched (`Settings.output` leads there). Each day is a job of its own beside it (`videoscan.jobs.days`), until
`watch.keep_days` takes it away.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import functools
import json
import logging
import os
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from videoscan import flow, observe, registry
from videoscan.alerts.live import Alerting
from videoscan.errors import DescribeError, SourceError, StoreError, VideoscanError
from videoscan.folder import PICTURES
from videoscan.jobs import cameras, rules
from videoscan.jobs.days import CAMERA, Days, point
from videoscan.jobs.records import Fault, LiveStatus, Progress, day_id
from videoscan.jobs.settings import DAYS
from videoscan.live import address
from videoscan.model import Login
from videoscan.patience import Patience, sleep
from videoscan.recordings import clock
from videoscan.recordings.inputs import Input
from videoscan.request import settle
from videoscan.seams import Sent
from videoscan.spending import money
from videoscan.stores.streams import Watched
from videoscan.watching.camera import CameraWatch, Shared

if TYPE_CHECKING:
    from videoscan.jobs.board import Board
    from videoscan.jobs.records import Job, State
    from videoscan.jobs.settings import Settings
    from videoscan.jobs.shelf import Shelf
    from videoscan.request import Request
    from videoscan.stores.sqlite import SqliteStore
    from videoscan.watching.telling import Found, Status

_log = logging.getLogger("videoscan.jobs")

_TICK = 1.0
"""Seconds between two looks at how a stream stands."""

_ENDING = 1.5
"""Seconds that a watch has for what is under way when it is ended."""

_AGAIN = Patience(first=2.0, longest=60.0)
"""Between two tries where the disk or the model could not be used."""


def source_of(text: str, login: Login | None, settings: Settings) -> tuple[Watched, str]:
    """What a stream's address means: what is listened to, and how it is shown.

    A login in the address is taken out of it. A path below a root is a file that is played as if it were live, to try things out. Raises
    `RuleBroken`; the host's name is judged by `cameras.judged`.
    """
    if "://" not in text.split("?", 1)[0]:
        path = rules.path_of(text, settings)
        if path.is_dir():
            raise rules.RuleBroken("a folder is no stream: submit it as a job")
        return Watched(str(path)), settings.shown(str(path))
    cameras.check(text, settings)
    try:
        where = address.parse(text, login)
    except VideoscanError as fault:
        raise rules.RuleBroken(fault.message) from None
    parts = urlsplit(text)
    bare = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    return Watched(bare, where.login), where.shown


class Streaming:
    """A stream that is being watched."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.watch: CameraWatch | None = None
        self.fault: Fault | None = None
        self.cancelled = False
        self.news: deque[tuple[str | None, str, dict[str, Any]]] = deque()
        self.stirred = asyncio.Event()
        self.told: tuple[str, str | None] | None = None

    def tell(self, kind: str, *, date: str | None = None, **data: Any) -> None:
        """A line for the feed of the day `date`, of the one that is being watched unless said; its own feed has those of its days."""
        self.news.append((date or self.day, kind, data))
        self.stirred.set()

    @property
    def day(self) -> str | None:
        """The local date that is being watched."""
        status = self.status
        return status.folder.name if status is not None and status.folder is not None else None

    @property
    def status(self) -> Status | None:
        """How the watch stands; `None` between two tries."""
        return self.watch.status() if self.watch is not None else None


class Streams:
    """Watches the streams of a service until it is stopped. All of it on one event loop; the cameras are read on threads."""

    def __init__(self, store: SqliteStore, settings: Settings, board: Board, shelf: Shelf) -> None:
        self._store, self._settings, self._board = store, settings, board
        self.days = Days(store, settings, board, shelf)
        self.shared = Shared()
        """What its cameras share."""
        self._wake = asyncio.Event()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self.running: dict[str, Streaming] = {}
        self.patience = _AGAIN

    def wake(self) -> None:
        """There may be one more."""
        self._wake.set()

    async def run(self) -> None:
        """Watch whatever is to be watched, until cancelled."""
        try:
            while True:
                self._wake.clear()
                try:
                    for job in await self._store.streams.all():
                        if job not in self._tasks:
                            await self._start(job)
                except StoreError as fault:
                    _log.error("no stream can be taken: %s", fault)
                    asyncio.get_running_loop().call_later(5, self.wake)
                await self._wake.wait()
        finally:
            for task in self._tasks.values():
                task.cancel()
            while self._tasks:
                await asyncio.wait(self._tasks.values())

    async def _start(self, job: str) -> None:
        if not await self._store.streams.begin(job):
            return
        found = await self._store.job(job)
        if found is not None:
            streaming = self.running[job] = Streaming(found)
            task = self._tasks[job] = asyncio.create_task(self._work(streaming), name=f"stream {job}")
            task.add_done_callback(functools.partial(self._ended, job))
            self._board.changed(job)

    def _ended(self, job: str, _task: asyncio.Task[None]) -> None:
        self._tasks.pop(job, None)
        self.running.pop(job, None)
        # Somebody may have wanted it again in the meantime.
        self.wake()

    def stop(self, job: str) -> None:
        """End a stream for good, within two seconds. What was seen is kept."""
        if (running := self.running.get(job)) is not None:
            running.cancelled = True
            self._tasks[job].cancel()

    async def ended(self, job: str) -> None:
        """Wait until a stream that was stopped has let go of everything."""
        if (task := self._tasks.get(job)) is not None:
            await asyncio.wait([task])

    # --- one stream -----------------------------------------------------------------------------------------------------------

    async def _work(self, streaming: Streaming) -> None:
        job = streaming.job.id
        state: State = "failed"
        error: Fault | None = None
        ticking = asyncio.create_task(self._tick(streaming))
        try:
            await self._watch_on(streaming)
            state = "done"
        except asyncio.CancelledError:
            if not streaming.cancelled:  # the service ends: the next start goes on
                raise
            state = "cancelled"
        except VideoscanError as fault:
            error = self._fault(fault)
        except Exception as fault:
            _log.exception("stream %s ended in an unexpected fault", job)
            error = Fault(
                kind=type(fault).__name__, message="an unexpected fault; the service's log has it", hint="please report it"
            )
        finally:
            ticking.cancel()
            await asyncio.gather(ticking, return_exceptions=True)
            with contextlib.suppress(StoreError):
                await self._write_news(streaming)
        try:
            await self.days.end(streaming.job)
            await self._store.settle(job, state, error=error)
        except StoreError as fault:
            _log.error("stream %s is %s, which cannot be written down: %s", job, state, fault)
        self._board.changed(job)

    async def _watch_on(self, streaming: Streaming) -> None:
        """Watch until the source ends for good; what may pass is waited for."""
        failures = 0
        while True:
            try:
                await self._watch(streaming)
            except (StoreError, DescribeError) as fault:
                failures += 1
                streaming.fault = self._fault(fault)
                streaming.tell("note", text=streaming.fault.message)
            else:
                return
            finally:
                streaming.watch = None
            await sleep(self.patience.wait(failures))

    async def _watch(self, streaming: Streaming) -> None:
        job = streaming.job
        watched = await self._store.streams.watched(job.id)
        if watched is None:
            return
        kind = "stream"
        if "://" in watched.url:
            try:
                await cameras.judged(watched.url, self._settings)
            except rules.RuleBroken as fault:
                raise SourceError(str(fault), hint="add the stream anew, with the address that it has now") from None
        else:
            kind = "realtime"
            if not rules.inside(Path(watched.url), self._settings):
                raise SourceError("the file is no longer below a folder of this service", hint="add the stream anew")
        request = await flow.in_thread(self._request, job)
        observer = functools.partial(self._observe, streaming)
        alerting = Alerting(
            functools.partial(self._heard, streaming), house=_House(self._store, self._board, self._settings, self.days, job)
        )
        watch = CameraWatch(
            request,
            registry.live(request.resolved.profile, kind),
            watched.url,
            self._settings.folder(job.id) / DAYS,
            self.shared,
            login=_login(watched, job.name),
            heard=alerting.heard,
            observer=observer,
            written=functools.partial(self._written, job, request),
        )
        streaming.watch, streaming.fault = watch, None
        async with alerting.over(watch, self.shared, camera=job.name, observer=observer):
            task = asyncio.create_task(watch.run())
            try:
                await asyncio.shield(task)
            except asyncio.CancelledError:
                watch.stop()
                await asyncio.wait([task], timeout=_ENDING)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                raise

    def _request(self, job: Job) -> Request:
        """What a stream is asked, every option settled. Its folder is called `CAMERA`, whatever the camera is called."""
        settings = self._settings
        flags: dict[str, Any] = {
            "describer.endpoint": settings.endpoint,
            "describer.model": settings.model,
            "source.camera": job.name,
            **{f"budget.{key}": value for key, value in money.parse_budget(settings.budget).items()},
        }
        given = Input(job.source, "live", CAMERA, (), job.source, camera=job.name)
        return settle(given, profile=job.profile, flags=flags, sets=rules.live_sets_of(settings)).identified()

    def _fault(self, fault: VideoscanError) -> Fault:
        text = functools.partial(rules.placeless, settings=self._settings)
        return Fault(kind=type(fault).__name__, message=text(fault.message), hint=fault.hint and text(fault.hint))

    async def _written(self, job: Job, request: Request, folder: Path) -> None:
        """A day was written for the last time. A library that cannot be had costs the watch nothing."""
        zone = request.resolved.profile.source.clock_zone
        now = dt.datetime.fromtimestamp(self.shared.clock.wall(), clock.time_zone(zone) if zone else None)
        try:
            await self.days.written(job, folder, ended=folder.name < now.date().isoformat())
        except StoreError as fault:
            _log.error("stream %s: the day %s cannot be written down: %s", job.id, folder.name, fault)

    # --- what it tells --------------------------------------------------------------------------------------------------------

    def _heard(self, streaming: Streaming, found: Found) -> None:
        event = found.event
        streaming.tell(
            "found",
            date=found.folder.name,
            event=event.id,
            title=event.title,
            tags=list(event.tags),
            day=found.folder.name,
            start=event.start,
            end=event.end if found.complete else None,
            complete=found.complete,
            latency=found.latency,
        )

    def _observe(self, streaming: Streaming, fact: observe.Fact) -> None:
        if isinstance(fact, observe.Note):
            text = fact.text.removeprefix(f"{CAMERA}: ").removeprefix(f"{streaming.job.name}: ")
            streaming.tell("note", text=rules.placeless(text, self._settings))
        elif isinstance(fact, observe.WindowDone):
            failure = fact.description.failure
            error = None if failure is None else {"kind": failure.kind, "message": failure.message}
            titles = [event.title for event in fact.description.events]
            streaming.tell("window", index=fact.index, summary=fact.description.summary, events=titles, error=error)

    async def _tick(self, streaming: Streaming) -> None:
        """Write down what a stream tells, and once a second how it stands."""
        recorded = Progress()
        while True:
            try:
                await self._write_news(streaming)
                status = streaming.status
                if status is not None:
                    if status.folder is not None:
                        await flow.in_thread(point, self._settings, streaming.job.id, status.folder)
                    await self.days.follow(streaming.job, streaming.day)
                    progress = Progress(
                        sampled=status.sampled, windows=status.windows, described=status.described, failed=status.failed
                    )
                    if progress != recorded:
                        await self._store.record(streaming.job.id, progress)
                        recorded = progress
            except StoreError as fault:
                _log.error("stream %s: its feed cannot be written: %s", streaming.job.id, fault)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(streaming.stirred.wait(), _TICK)

    async def _write_news(self, streaming: Streaming) -> None:
        job, status = streaming.job.id, streaming.status
        streaming.stirred.clear()
        if status is not None and (told := (status.state, status.reason)) != streaming.told:
            streaming.told = told
            await self._store.tell(job, "stream", {"state": status.state, "reason": status.reason})
            self._board.changed(job)
        while streaming.news:
            date, kind, data = streaming.news[0]
            about = job if date is None else await self.days.job(streaming.job, date)
            await self._store.tell(about, kind, data)
            streaming.news.popleft()
            self._board.changed(*dict.fromkeys((job, about)))

    def live(self, job: Job) -> LiveStatus:
        """How a stream stands, for people and pages: nothing of where things lie on this machine."""
        streaming = self.running.get(job.id)
        status = streaming.status if streaming is not None else None
        if streaming is None or status is None:
            fault = streaming.fault if streaming is not None else job.error
            return LiveStatus(
                state="waiting" if streaming is not None else "starting" if job.state == "queued" else "ended",
                reason=fault.message if fault is not None else None,
            )
        out = status.left_out
        return LiveStatus(
            state=status.state,
            reason=status.reason,
            position=status.position,
            day=streaming.day,
            job=day_id(job.id, streaming.day) if streaming.day is not None else None,
            events=status.events,
            windows=status.windows,
            described=status.described,
            failed=status.failed,
            waiting=status.waiting,
            latency=None if status.latency is None else {"p50": status.latency[0], "p95": status.latency[1]},
            lost=status.lost,
            gaps=status.gaps,
            left_out={} if out is None else {"unchanged": out.unchanged, "thinned": out.thinned, "dropped": out.dropped},
            fault=status.fault and rules.placeless(status.fault, self._settings),
        )

    async def picture(self, job: str) -> bytes | None:
        """The latest picture as a JPEG; the last one that was kept where the camera is away or not watched, `None` where there is none."""
        streaming = self.running.get(job)
        watch = streaming.watch if streaming is not None else None
        if watch is not None:
            still = await watch.still()
            if still is not None:
                return still
            kept = watch.status().picture
            if kept is not None:
                with contextlib.suppress(OSError):
                    return await flow.in_thread(kept.read_bytes)
        return await flow.in_thread(_last_kept, self._settings.output(job) / PICTURES)


class _House:
    """The service's own way to tell of alerts: the job's feed, and its webhooks."""

    def __init__(self, store: SqliteStore, board: Board, settings: Settings, days: Days, job: Job) -> None:
        self._store, self._board, self._settings, self._days, self._job = store, board, settings, days, job

    async def send(self, id: str, kind: str, body: str, *, camera: str, rule: str) -> Sent:  # noqa: A002, ARG002 - the seam's
        told = json.loads(body)
        # Where things lie on this machine is nobody's business: the job says where they can be had.
        stream, where = self._job.id, told["data"]["timeline"]
        try:
            day = await self._days.job(self._job, Path(where).name)
            told["data"] |= {"source": self._settings.shown(self._job.source), "timeline": None, "job": day, "stream": stream}
            await self._store.streams.alert(day, id, kind, told)
        except StoreError as fault:
            return Sent(fault.message)
        self._board.changed(day, stream)
        return Sent()


def _last_kept(folder: Path) -> bytes | None:
    """The JPEG of the highest frame in a folder of pictures."""
    try:
        names = [entry.name for entry in os.scandir(folder) if entry.name[:8].isdecimal() and entry.name[8:] == ".jpg"]
        return (folder / max(names)).read_bytes()
    except (OSError, ValueError):
        return None


def _login(watched: Watched, camera: str) -> Login | None:
    """What a camera is spoken to with. The environment's logins are for the command line: no stranger's camera is told them."""
    if watched.login is None and any(address.from_environment(name) is not None for name in (CAMERA, camera)):
        return Login("", "")
    return watched.login
