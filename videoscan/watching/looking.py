"""Second looks of a watched day: doubtful answers are asked for again, with pictures out of what is still held of the stream.

A stream does not wait, so this is not what a scan does at its end. A look is wanted as soon as an answer is in doubt, is made when no window
waits for the describer, and is left out when its pictures are not held any more.

What is bounded: `second_look.share` is a share of the day's windows and pictures so far, so the bill grows by no more; `_MOST` looks wait, and
the least doubtful of more are left out; the pictures come out of `live.ring_megabytes` of compressed stream; as many looks at a time as the
describer takes requests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from videoscan import flow, observe
from videoscan.doubting.second import Looks

if TYPE_CHECKING:
    from collections.abc import Callable

    from videoscan.doubting.doubt import Doubt
    from videoscan.doubting.second import Planned
    from videoscan.folding.outcome import Outcome
    from videoscan.model import Picture
    from videoscan.observe import Observer
    from videoscan.reading.spec import Look
    from videoscan.request import Request
    from videoscan.seams import DescriberSession
    from videoscan.spending.ledger import Ledger
    from videoscan.watching.days import Day

_MOST = 8
_LOST = "SourceLost"


class Looking:
    """The second looks of one day. Belongs to the event loop."""

    def __init__(
        self,
        request: Request,
        day: Day,
        session: DescriberSession,
        ledger: Ledger,
        fetch: Callable[[float, Look], list[tuple[Picture, ...]]],
        observer: Observer,
    ) -> None:
        """`fetch` is called in a thread, with the wall time of the day's second 0; see `LiveCore.fetch`."""
        self._day, self._observer = day, observer

        async def fetched(look: Look) -> list[tuple[Picture, ...]]:
            return await flow.in_thread(fetch, day.zero, look)

        self._looks = Looks(request, day.info, session, ledger, day.place, day.journal, fetched)
        self._waiting: list[Planned] = []
        self._under_way: list[Planned] = []
        seconds = [slot.outcome.second for slot in day.slots.values() if slot.outcome.second is not None]
        self.made, self._pictures = len(seconds), sum(len(second.shown) for second in seconds)
        self._too_late = False

    def __len__(self) -> int:
        return len(self._waiting)

    def want(self, outcome: Outcome, about: Doubt) -> None:
        """An answer is in doubt: look again, as far as that is allowed."""
        windows, images = self._day.described_so_far()
        allowed = self._looks.allowance(windows=windows, images=images)
        planned = (*self._waiting, *self._under_way)
        allowed.looks -= self.made + len(planned)
        allowed.pictures -= self._pictures + sum(each.pictures for each in planned)
        plan = self._looks.plan(about, outcome, allowed) if allowed.looks > 0 else None
        if plan is None:
            return
        self._waiting.append(plan)
        self._day.looking.add(outcome.index)
        if len(self._waiting) > _MOST:
            self._leave_out(min(self._waiting, key=lambda each: each.doubt.weight))

    def clear(self) -> None:
        """Leave out all that wait."""
        for plan in list(self._waiting):
            self._leave_out(plan)

    def _leave_out(self, plan: Planned) -> None:
        self._waiting.remove(plan)
        self._day.looking.discard(plan.outcome.index)

    async def make(self) -> None:
        """Make the look at the most doubtful answer. Raises `StoreError`."""
        plan = max(self._waiting, key=lambda each: each.doubt.weight)
        self._waiting.remove(plan)
        self._under_way.append(plan)
        index = plan.outcome.index
        try:
            second = await self._looks.make(plan)
            failure = second.description.failure
            if failure is not None and failure.kind == _LOST:
                if not self._too_late:
                    self._too_late = True
                    self._observer(
                        observe.Note("a second look came too late: the stream is not held so long (live.ring_megabytes)")
                    )
                return
            self.made += 1
            self._pictures += len(second.shown)
            if failure is not None:
                self._observer(observe.Note(f"a second look came to nothing, the first answer stands: {failure.message}"))
            self._day.looked(index, second, self._looks.key(plan))
        finally:
            self._under_way.remove(plan)
            self._day.looking.discard(index)
