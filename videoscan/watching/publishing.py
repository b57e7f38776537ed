"""What is shared by cameras, what belongs to a day at work, and how its timeline is told and written while it grows."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from videoscan import flow, observe
from videoscan.errors import DescribeError
from videoscan.patience import SYSTEM
from videoscan.seams import INFINITY
from videoscan.spending.ledger import Accounts, Ledger
from videoscan.summary.summarizing import summed_up
from videoscan.watching.days import Day, clock_of
from videoscan.watching.sharing import Sharing
from videoscan.watching.telling import Found, Latencies, Teller

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Awaitable, Callable, Sequence

    from videoscan.asking import Asker
    from videoscan.document import Timeline
    from videoscan.model import Recording
    from videoscan.observe import Observer
    from videoscan.request import Request
    from videoscan.seams import Clock, DescriberSession
    from videoscan.watching.looking import Looking
    from videoscan.watching.snapshot import Snapshot
    from videoscan.watching.telling import Heard

_FOLD_SHARE, _WRITE_SHARE = 20.0, 40.0
"""Times what folding, and writing, took that is waited before the next."""
_FOLD_EVERY, _WRITE_EVERY, _REPORT_EVERY = 0.2, 2.0, 30.0


@dataclass(slots=True)
class Shared:
    """What the cameras of one process share: budgets, and turns at each endpoint. Belongs to one event loop."""

    accounts: Accounts = field(default_factory=Accounts)
    clock: Clock = SYSTEM
    _turns: dict[tuple[str, str], Sharing] = field(default_factory=dict)

    def turns(self, request: Request, session: DescriberSession) -> Sharing:
        """The turns at whoever describes for `request`."""
        describer = request.describer
        where = str(describer.get("endpoint") or describer.get("model_file") or describer["kind"])
        concurrency = session.limits.concurrency
        found = self._turns.setdefault((describer["kind"], where), Sharing(concurrency))
        found.most = max(found.most, concurrency)
        return found


@dataclass(slots=True)
class AtWork:
    """A day that is being watched or finished, and who asks about its windows. `over`: the date has passed."""

    day: Day
    session: DescriberSession
    asker: Asker
    turns: Sharing
    teller: Teller
    ledger: Ledger
    looking: Looking
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    idle: asyncio.Event = field(default_factory=asyncio.Event)
    writing: asyncio.Lock = field(default_factory=asyncio.Lock)
    over: bool = False
    publisher: asyncio.Task[None] | None = None
    events: int = 0

    def stir(self) -> None:
        """Something has become of the day."""
        if not self.day.pending() and not self.day.looking:
            self.idle.set()
        self.changed.set()


class Publisher:
    """Folds, tells and writes the days of one camera."""

    def __init__(
        self,
        request: Request,
        zone: dt.tzinfo | None,
        latencies: Latencies,
        heard: Heard,
        observer: Observer,
        written: Callable[[Path], Awaitable[None]] | None,
        recorded: Callable[[float, float], Sequence[Recording]],
    ) -> None:
        """`recorded` is asked from a thread, for a wall time and so many seconds after it; see `LiveCore.recorded`."""
        self._recorded = recorded
        self._request, self._zone, self._latencies = request, zone, latencies
        self._heard, self._observer, self._written = heard, observer, written
        self.events = 0
        """How many were found."""
        self.gaps = False
        """Whether anything is missing from what was watched."""

    async def keep_up(self, work: AtWork) -> None:
        """Fold and write the day as it grows, each so seldom that it takes a bounded share of the time."""
        loop = asyncio.get_running_loop()
        due = reported = -INFINITY
        version, dirty, timeline = -1, False, None
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(work.changed.wait(), max(0.0, due - loop.time()) if dirty else None)
            work.changed.clear()
            began = loop.time()
            async with work.writing:
                if work.day.version != version and work.day.position > 0:
                    version, dirty = work.day.version, True
                    await self._note_recordings(work)
                    timeline = await flow.in_thread(self.snapshot(work).timeline)
                    self.tell(work, timeline, ended=False)
                folded = loop.time()
                if dirty and timeline is not None and folded >= due:
                    report = folded >= reported + _REPORT_EVERY
                    await work.day.write(timeline, report=report)
                    dirty, now = False, loop.time()
                    due = now + max(_WRITE_EVERY, _WRITE_SHARE * (now - folded))
                    reported = now if report else reported
            await asyncio.sleep(max(_FOLD_EVERY, _FOLD_SHARE * (folded - began)))

    def snapshot(self, work: AtWork) -> Snapshot:
        """What a day has come to now."""
        return work.day.snapshot(latency=self._latencies.percentiles(), billed=work.ledger.seconds)

    async def _note_recordings(self, work: AtWork, *, last: bool = False) -> None:
        """Let a day know of its recordings, and of those that are gone."""
        day = work.day
        zero, position, known = day.zero, day.position, day.parts

        def look() -> tuple[list[Recording], set[str]]:
            found = [replace(each, clock=clock_of(zero + each.start, self._zone)) for each in self._recorded(zero, position)]
            there = {each.uri for each in found}
            return found, {each.uri for each in known if each.uri not in there and not Path(each.uri).exists()}

        found, gone = await flow.in_thread(look)
        day.recorded(found, gone, last=last)

    def tell(self, work: AtWork, timeline: Timeline, *, ended: bool) -> None:
        """Tell of the events that are new, or complete now; `ended`: nothing more comes."""
        day = work.day
        for event, complete in work.teller.take(timeline, day.described_to(), ended=ended):
            found = Found(
                camera=self._request.given.name,
                event=event,
                folder=day.place.path,
                clock=clock_of(day.zero, self._zone),
                complete=complete,
                latency=day.latency_of(event),
                timeline=timeline,
            )
            rules = self._heard(found)
            if rules:
                day.alerted(event.id, rules)
        self.events += len(work.teller) - work.events
        work.events = len(work.teller)

    async def finish(self, work: AtWork, *, seconds: float | None = None) -> None:
        """The last writing of a day: at its end with a model's summary, where one is wanted, and had within `seconds`."""
        if work.day.position <= 0:
            return
        summed = None
        await self._note_recordings(work, last=True)
        whole = await flow.in_thread(self.snapshot(work).folded)
        if work.over:
            _, folded = whole
            # Without one the summary is the one by rule.
            with contextlib.suppress(DescribeError, TimeoutError):
                async with asyncio.timeout(seconds):
                    summed = await summed_up(self._request, folded, work.session, self._observer, work.ledger, work.day.journal)
        timeline = await flow.in_thread(self.snapshot(work).timeline, whole, summed)
        known = dict(work.day.alerts)
        self.tell(work, timeline, ended=work.over)
        if work.day.alerts != known:
            timeline = await flow.in_thread(self.snapshot(work).timeline, None, summed)
        self.gaps = self.gaps or not timeline.complete
        await work.day.write(timeline, report=True)
        self._observer(observe.Finished(timeline))
        if self._written is not None:
            await self._written(work.day.place.path)
