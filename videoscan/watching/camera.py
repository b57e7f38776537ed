"""One camera's watch, from its source to its days: start it, stop it, ask how it stands.

::

    watch = CameraWatch(plan, source, out, shared, heard=print)
    task = asyncio.create_task(watch.run())
    ...
    watch.stop()          # what is under way is finished, within `FINISH` seconds
    await task

The core runs in a thread; here its items become a day's windows, wait in a bounded backlog until they are described (`describing`), and the
day's timeline is folded and written as it grows, so seldom that this takes a bounded share of the time whatever the day has come to.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import time
from typing import TYPE_CHECKING, Any

from videoscan import flow, observe, registry
from videoscan.asking import Asker
from videoscan.errors import StoreError
from videoscan.folder import OutputFolder
from videoscan.model import Lost
from videoscan.notebook import JournalNotebook
from videoscan.reading import daylog
from videoscan.reading.daylog import LOG
from videoscan.recordings import clock
from videoscan.seams import INFINITY, Remembering, Setting
from videoscan.spending.ledger import Ledger
from videoscan.watching import days, retention
from videoscan.watching.backlog import Backlog, Waiting
from videoscan.watching.core import DayBegan, DayEnded, LiveCore, Missing, Pulse, Seen, Start
from videoscan.watching.days import AWAY, Day, clock_of
from videoscan.watching.describing import Describing
from videoscan.watching.isolated import IsolatedLiveCore, LiveSpec, core_for
from videoscan.watching.looking import Looking
from videoscan.watching.publishing import AtWork, Publisher, Shared
from videoscan.watching.telling import Status, Teller, unheard
from videoscan.watching.windows import Closed, Rest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
    from pathlib import Path

    from videoscan.model import Login, Note, Picture, Recording
    from videoscan.observe import Observer
    from videoscan.reading.spec import Look
    from videoscan.request import Request
    from videoscan.seams import DescriberSession, LiveSource
    from videoscan.watching.core import CoreItem
    from videoscan.watching.telling import Heard

__all__ = ["FINISH", "CameraWatch", "Shared"]

FINISH = 1.0
"""Seconds that a watch which is being stopped waits for descriptions under way. What is not answered by then is asked when its day goes on."""
_AHEAD = 64
_KEEP_EVERY = 600.0
"""Seconds of the camera's clock after which it is looked what is to be deleted."""


class CameraWatch:
    """The watch over one camera. `run` it once; the rest may be called on the same event loop at any time."""

    def __init__(
        self,
        request: Request,
        source: LiveSource,
        uri: str,
        out: Path,
        shared: Shared,
        *,
        login: Login | None = None,
        duration: float | None = None,
        recordings: bool = False,
        heard: Heard = unheard,
        observer: Observer = observe.ignore,
        written: Callable[[Path], Awaitable[None]] | None = None,
    ) -> None:
        """Watch `uri` through `source`.

        Args:
            request: What is asked; `request.given` has the camera's name as `name`, and the address that may be shown as `uri`.
            source: Who listens.
            uri: The address itself, which may hold a login. It is stored and shown nowhere.
            out: Where the cameras' folders lie: days go to ``out/<name>/<date>/``.
            shared: What the cameras of one process share.
            login: With what the camera is spoken to, where neither address nor environment say it.
            duration: Seconds after which the watch ends by itself.
            recordings: The source is a folder of recordings: its days are theirs, whatever day it is now.
            heard: Is told of events; see `videoscan.watching.telling.Heard`.
            observer: Is told notes, calls and windows; see `videoscan.observe`.
            written: Is given a day's folder when its timeline was written for the last time: at the day's end, or the watch's.
        """
        self.request, self.name = request, request.given.name
        self.folder = out / self.name
        self._source, self._uri, self._shared = source, uri, shared
        self._login, self._duration, self._recordings = login, duration, recordings
        self._observer = observer
        zone = request.resolved.profile.source.clock_zone
        self._zone = clock.time_zone(zone) if zone else None
        self._core: LiveCore | IsolatedLiveCore | None = None
        self._stopping = asyncio.Event()
        self._stopped_at = INFINITY
        self._pulse: Pulse | None = None
        self._state: str = "starting"
        self._today: AtWork | None = None
        self._finishing: set[asyncio.Task[None]] = set()
        self._at_work: list[AtWork] = []
        self._windows = 0
        watch = request.resolved.profile.watch
        self._backlog = Backlog(watch.backlog, request.resolved.profile.windows.max_frames, self._note)
        self._describing = Describing(self.name, self._backlog, self._at_work, self._stopping)
        self._keeper = retention.Keeper(self.folder, watch, self._zone)
        self._kept_at = -INFINITY
        self._publisher = Publisher(request, self._zone, self._describing.latencies, heard, observer, written, self._recorded)

    @property
    def behind(self) -> int:
        """Windows that wait or are being described. From any thread."""
        return len(self._backlog) + self._describing.asking

    @property
    def gaps(self) -> bool:
        """Whether anything is missing from what was watched."""
        return self._publisher.gaps or bool(self._backlog.left_out)

    # --- from outside ---------------------------------------------------------------------------------------------------------

    def stop(self) -> None:
        """End the watch: the source is closed, what is under way is finished within `FINISH` seconds. Idempotent."""
        if not self._stopping.is_set():
            self._stopped_at = time.monotonic()
        self._stopping.set()

    @property
    def _left(self) -> float:
        """Seconds that are left for what is under way when the watch was stopped."""
        return max(0.0, self._stopped_at + FINISH - time.monotonic())

    def status(self) -> Status:
        """How it stands now."""
        pulse, today = self._pulse, self._today
        day = today.day if today is not None else None
        state: Any = self._state if self._state != "playing" or pulse is None else pulse.state
        lost = day.lost() if day is not None else (0.0, 0)
        return Status(
            camera=self.name,
            uri=self.request.given.uri,
            state=state,
            reason=pulse.reason if pulse is not None else None,
            position=clock_of(pulse.wall, self._zone) if pulse is not None else None,
            folder=day.place.path if day is not None else None,
            picture=day.picture() if day is not None else None,
            events=self._publisher.events,
            windows=self._windows,
            described=self._describing.described,
            failed=self._describing.failed,
            waiting=len(self._backlog),
            describing=self._describing.asking,
            latency=self._describing.latencies.percentiles(),
            lost=round(lost[0], 3),
            gaps=lost[1],
            left_out=self._backlog.left_out or None,
            sampled=pulse.sampled if pulse is not None else 0,
            fault=self._describing.fault,
        )

    async def still(self) -> bytes | None:
        """The latest picture as a JPEG, its longer side 640 pixels at most; `None` before the first one."""
        core = self._core
        return await flow.in_thread(core.still) if core is not None else None

    def alerted(self, date: str, event: str, rules: tuple[str, ...]) -> None:
        """Put names of alert rules that an event has met into its day's timeline, if that day is still being watched."""
        for work in self._at_work:
            if work.day.date == date:
                work.day.alerted(event, rules)
                work.changed.set()

    def _recorded(self, zero: float, seconds: float) -> Sequence[Recording]:
        return self._core.recorded(zero, seconds) if self._core is not None else ()

    def _fetch(self, zero: float, look: Look) -> list[tuple[Picture, ...]]:
        return self._core.fetch(zero, look) if self._core is not None else []

    # --- the run --------------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Watch until the source ends, `duration` is over or `stop` was called.

        Raises `StoreError` when the folder cannot be written or another process watches this camera, `SourceError` or `ConfigError` for a
        source that can never work, `DescribeError` when the model could not be used from the beginning.
        """
        place = OutputFolder(self.folder)
        place.prepare()
        with place.lock():
            try:
                await self._run()
            finally:
                self._state = "ended"

    async def _run(self) -> None:
        resumed, before, earlier = await self._take_up()
        session, _ = self._session()
        limits = session.limits
        await session.close()
        now = self._shared.clock.wall()
        setting = Setting(
            camera=self.name,
            clock=self._shared.clock,
            zero=before[0] if before is not None else None,
            seen=before[1] if before is not None else 0.0,
            login=self._login,
            record=(self.folder / retention.RECORDING).absolute() if self.request.resolved.profile.watch.record else None,
            black_out=self.request.resolved.profile.regions.black_out,
        )
        start = None
        if resumed is not None:
            first = max(resumed.slots, default=-1) + 1
            start = Start(
                dt.date.fromisoformat(resumed.date), resumed.zero, resumed.position, resumed.next_frame, first, resumed.decoded
            )
        profile = self.request.resolved.profile
        spec = LiveSpec(
            self.request.given.camera or self.name,
            self._source,
            self._uri,
            setting,
            profile,
            limits,
            self._zone,
            start,
            self._duration,
        )
        try:
            told = self._told_from_thread(asyncio.get_running_loop())
            self._core = core = core_for(spec, told, recordings=self._recordings)
        except BaseException:
            if resumed is not None:
                resumed.close()
            raise
        for folder in earlier:
            self._finish_day(folder)
        if resumed is not None:
            self._today = self._put_to_work(resumed, goes_on=True)
        self._state = "playing"
        workers = [asyncio.create_task(self._describing.work()) for _ in range(max(1, limits.concurrency))]
        stopper = asyncio.create_task(self._stop_core(core))
        try:
            async with flow.read_ahead(iter(core), _AHEAD, stop=core.stop) as items:
                reader = asyncio.create_task(self._read(items, resumed, now))
                await self._first_of(reader, *workers)
            self._state = "ending"
            await self._finish(workers)
            if self._finishing:  # days that ended a moment ago are being written
                await asyncio.wait(set(self._finishing), timeout=self._left if self._stopping.is_set() else None)
        finally:
            await flow.in_thread(core.stop)
            left = [stopper, *workers, *self._finishing]
            left += [work.publisher for work in self._at_work if work.publisher is not None]
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)
            for work in list(self._at_work):
                await self._leave(work)

    async def _first_of(self, reader: asyncio.Task[None], *others: asyncio.Task[None]) -> None:
        """Wait until the source has ended; what goes wrong elsewhere is raised at once."""
        waiting: set[asyncio.Task[Any]] = {reader, *others}
        try:
            while not reader.done():
                publishers = {work.publisher for work in self._at_work if work.publisher is not None}
                done, _ = await asyncio.wait(
                    waiting | publishers | self._finishing, return_when=asyncio.FIRST_COMPLETED, timeout=1.0
                )
                for task in done:
                    if task is not reader and not task.cancelled() and task.exception() is not None:
                        task.result()
            reader.result()
        finally:
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)

    async def _stop_core(self, core: LiveCore | IsolatedLiveCore) -> None:
        await self._stopping.wait()
        self._state = "ending"
        await flow.in_thread(core.stop)

    async def _take_up(self) -> tuple[Day | None, tuple[float, float] | None, list[Path]]:
        """The day to go on with, if an earlier process left it, its second 0 and position, and the folders of days before it.

        A stream goes on with today; a folder of recordings with whatever day was seen last.
        """
        today = dt.datetime.fromtimestamp(self._shared.clock.wall(), self._zone).date().isoformat()
        before = None
        known = sorted(path for path in self.folder.iterdir() if path.is_dir() and _is_date(path.name))
        if self._recordings:
            last = max((path for path in known if (path / LOG).is_file()), default=None)
            if last is not None and (recalled := await flow.in_thread(daylog.read, last)) is not None:
                today, before = last.name, (recalled.zero, recalled.position)
        left = [path for path in known if path.name <= today and not days.is_finished(path)]
        found = Day.resume(self.request, left.pop()) if left and left[-1].name == today else None
        return found, (found.zero, found.position) if found is not None else before, left

    def _finish_day(self, folder: Path) -> None:
        """Finish a day before today that an earlier process left."""
        try:
            day = Day.resume(self.request, folder)
        except StoreError as fault:
            self._note(f"{folder} cannot be finished: {fault.message}")
            return
        if day is not None:
            self._end(self._put_to_work(day, goes_on=True), day.position)

    # --- items of the core ----------------------------------------------------------------------------------------------------

    async def _read(self, items: AsyncIterator[CoreItem], resumed: Day | None, opened: float) -> None:
        async for item in items:
            if isinstance(item, DayBegan):
                self._begin(item, resumed, opened)
                resumed = None
                continue
            if isinstance(item, Pulse):
                self._pulse = item
                if self._today is not None:
                    self._today.day.decoded = max(self._today.day.decoded, item.decoded)
                if item.wall >= self._kept_at + _KEEP_EVERY:
                    await self._keep(item.wall)
                continue
            work = self._today
            if work is None:
                continue
            day = work.day
            if isinstance(item, Closed):
                await flow.in_thread(day.window, item.window)
                day.enter(item.window, item.came)
                self._windows += 1
                work.idle.clear()
                self._observer(observe.WindowReady(item.window))
                self._backlog.put(Waiting(day, item.window, item.came))
            elif isinstance(item, Rest):
                day.rest(item.marks)
            elif isinstance(item, Missing):
                day.missing(item.kind, item.stretch)
            elif isinstance(item, Seen):
                day.saw(item.condition)
            elif isinstance(item, DayEnded):
                day.decoded = max(day.decoded, item.decoded)
                self._end(work, item.position, last=item.last)
            work.stir()

    def _begin(self, item: DayBegan, resumed: Day | None, opened: float) -> None:
        work = self._today
        if item.goes_on and work is not None:
            day = work.day
            until = opened - day.zero
            if resumed is not None and until > day.position and not self._recordings:
                day.missing("absent", Lost(day.position, until, AWAY))
            day.renewed(item.info)
            return
        if work is not None:  # the day that was taken up ended before a picture came
            self._end(work, work.day.position)
        day = Day.begin(self.request, self.folder / item.date.isoformat(), item, self._zone)
        self._today = self._put_to_work(day)
        self._observer(observe.Opened(item.info))

    def _put_to_work(self, day: Day, *, goes_on: bool = False) -> AtWork:
        session, ledger = self._session()
        if isinstance(session, Remembering):
            session.remember_in(JournalNotebook(day.journal, self.request))
        asker = Asker(self.request, session, self._observer, day.place, day.journal)
        looking = Looking(self.request, day, session, ledger, self._fetch, self._observer)
        work = AtWork(day, session, asker, self._shared.turns(self.request, session), Teller(), ledger, looking)
        work.idle.set()
        if goes_on:
            work.teller.known(day.snapshot().timeline())
            self._backlog.put_first([Waiting(day, window, 0.0) for window in day.unanswered(session.limits)])
            if day.pending():
                work.idle.clear()
        self._describing.turns = work.turns
        self._at_work.append(work)
        work.publisher = asyncio.create_task(self._publisher.keep_up(work))
        return work

    def _end(self, work: AtWork, position: float, *, last: bool = False) -> None:
        """Nothing more comes for this day: what waits is still described, then its timeline is finished."""
        work.day.at(position, ended=not last)
        work.over = not last
        if work is self._today:
            self._today = None
        work.stir()
        if not last:
            task = asyncio.create_task(self._close_day(work))
            self._finishing.add(task)
            task.add_done_callback(self._finishing.discard)

    async def _close_day(self, work: AtWork) -> None:
        await work.idle.wait()
        await self._leave(work)

    async def _finish(self, workers: list[asyncio.Task[None]]) -> None:
        """Wait for what is under way: all of it when the source ended by itself, so many seconds when it was stopped."""
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            while not stopping.done():
                busy = next((work for work in self._at_work if not work.idle.is_set()), None)
                if busy is None:
                    break
                idle = asyncio.create_task(busy.idle.wait())
                try:
                    await asyncio.wait({idle, stopping, *workers}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    idle.cancel()
                for worker in workers:
                    if worker.done():
                        worker.result()
            if stopping.done():
                for work in self._at_work:
                    work.looking.clear()
                self._backlog.clear()  # it is in the log, and is asked about when the day is taken up again
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._describing.quiet.wait(), self._left)
        finally:
            stopping.cancel()

    async def _leave(self, work: AtWork) -> None:
        """The last writing of a day, and its folder is let go."""
        if work not in self._at_work:
            return
        self._at_work.remove(work)
        try:
            if work.publisher is not None:
                work.publisher.cancel()
                await asyncio.gather(work.publisher, return_exceptions=True)
            await self._publisher.finish(work, seconds=self._left if self._stopping.is_set() else None)
        finally:
            work.day.close()
            await work.session.close()

    async def _keep(self, wall: float) -> None:
        """Delete what the profile's `watch` table does not want kept."""
        self._kept_at = wall
        work = self._today
        if not self._keeper.limited:
            return
        # While the camera is away days grow old as well.
        today = work.day.date if work is not None else dt.datetime.fromtimestamp(wall, self._zone).date().isoformat()
        settled = work.day.settled_frame() if work is not None else 0
        try:
            removed = await flow.in_thread(lambda: list(self._keeper.keep(today, settled)))
            for each in removed:
                if each.before is not None and work is not None:
                    await self._without_oldest(work, each.before)
                self._note(str(each))
        except StoreError as fault:  # a folder that somebody else holds: the next time, then
            self._note(f"old output is not deleted: {fault.message}")

    async def _without_oldest(self, work: AtWork, before: int) -> None:
        """Today's oldest pictures go: first from what is told, then from the disk."""
        async with work.writing:
            work.day.pictures_gone(before)
            timeline = await flow.in_thread(self._publisher.snapshot(work).timeline)
            await work.day.write(timeline, report=True)
            await flow.in_thread(retention.delete_before, work.day.place.path, before)

    def _session(self) -> tuple[DescriberSession, Ledger]:
        account = self._shared.accounts.of(self.request.budget)
        ledger = Ledger(account, self.request.prices)
        return registry.make("describers", self.request.describer).session(self._observer, ledger), ledger

    def _note(self, text: str) -> None:
        self._observer(observe.Note(f"{self.name}: {text}"))

    def _told_from_thread(self, loop: asyncio.AbstractEventLoop) -> Any:
        def told(note: Note) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(self._note, note.text)

        return told


def _is_date(name: str) -> bool:
    try:
        dt.date.fromisoformat(name)
    except ValueError:
        return False
    return len(name) == 10
