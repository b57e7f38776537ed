"""The pure fold: what was sampled, shown, told and lost becomes events with evidence and an account of every second.

Nothing here asks a clock, a disk or a network: the same outcomes, in whatever order they came, give the same timeline.
"""

from __future__ import annotations

import bisect
import contextlib
import gc
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from videoscan.folding import dating
from videoscan.folding.covering import SEEN, coverage
from videoscan.folding.held import LEFT_OUT, Held
from videoscan.folding.marks import DIGITS, Marks, Sampled, rises
from videoscan.folding.reconcile import Telling, doubtful, reconcile
from videoscan.model import Usage

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from videoscan.document import Event, WindowRecord
    from videoscan.folding.candidates import Place
    from videoscan.folding.held import Tags
    from videoscan.folding.outcome import Outcome
    from videoscan.folding.reconcile import Doubt, Pair
    from videoscan.model import Failure, Tally
    from videoscan.spans import Kind, Spans
    from videoscan.spending.money import Prices

THINNED = "thinned: it changed, but dedup.max_rate was reached"
"""Why a frame that was kept at first is not shown."""


@dataclass(frozen=True, slots=True)
class Folded:
    """What the fold makes: parts of a `videoscan.document.Timeline`."""

    events: tuple[Event, ...]
    windows: tuple[WindowRecord, ...]
    coverage: Spans
    sampled: int
    kept: int
    usage: Usage = field(default_factory=Usage)


def fold(
    outcomes: Iterable[Outcome],
    tally: Tally,
    *,
    start: float = 0.0,
    end: float | None = None,
    prices: Prices | None = None,
    thinned: str = THINNED,
) -> Folded:
    """Fold a finished pass in one go; see `Folding`, which takes the outcomes as they come."""
    folding = Folding(prices)
    for outcome in outcomes:
        folding.add(outcome)
    return folding.finish(tally, start=start, end=end, thinned=thinned)


class Folding:
    """Takes the outcomes of a pass, in any order, and folds them when it has ended.

    Memory: of a window that was added only what the timeline will say of it, packed: about 1.6 kB for one of 8 pictures and 24 samples
    that tells two events in few words, and 3.5 kB in the end, as parts of the timeline. `finish` gives back what it has used,
    so it can be called once.
    """

    def __init__(self, prices: Prices | None = None) -> None:
        self._prices = prices
        self._held = Held()
        self._failures: dict[int, Failure] = {}
        self._again: dict[int, tuple[int, ...]] = {}
        self._rescued: list[int] = []
        self._followed: set[Place] = set()
        self.pictures = 0
        self.seconds = 0.0

    def __len__(self) -> int:
        return len(self._held)

    @property
    def usage(self) -> Usage:
        """What all answers took."""
        return Usage(*self._held.spent)

    def add(self, outcome: Outcome) -> None:
        """One more window, which has not been added before."""
        if outcome.description.failure is not None:
            self._failures[outcome.index] = outcome.description.failure
        if outcome.second is not None:
            self._again[outcome.index] = frames = tuple([shown.frame for shown in outcome.second.shown])
            if outcome.description.failure is not None and outcome.second.description.failure is None:
                self._rescued += frames
        follows = self._held.add(outcome)
        if follows:
            self._followed.update(follows)
        self.pictures += len(outcome.shown)
        self.seconds += outcome.seconds

    def doubts(self, tally: Tally, *, start: float = 0.0, end: float | None = None) -> list[Doubt]:
        """The pairs of tellings that `finish` could join or not, and takes `verdicts` on. Changes nothing; takes as long as `finish` does."""
        places, sampled = self._in_order()
        described, undescribed = self._fates(places)
        gaps = coverage(sampled, described, undescribed, tally, start=start, end=end, thinned=THINNED).starts(without=SEEN)
        return doubtful(self._tellings(places, sampled, gaps), self._followed)

    def finish(
        self,
        tally: Tally,
        *,
        start: float = 0.0,
        end: float | None = None,
        thinned: str = THINNED,
        verdicts: Mapping[Pair, bool] | None = None,
    ) -> Folded:
        """The parts of the timeline. `start` and `end` are the limits the pass was asked to keep to (seconds; `None` is the source's end).

        `thinned` is why frames that changed were left out, where some were. `verdicts` say which of the `doubts` are one event.

        Coverage tiles ``[0, tally.duration)``. Linear in the number of windows, marks and events, whatever is joined to what.
        """
        with _uncollected():
            places, sampled = self._in_order()
            described, undescribed = self._fates(places)
            spans = coverage(sampled, described, undescribed, tally, start=start, end=end, thinned=thinned)
            gaps = spans.starts(without=SEEN)
            joined = reconcile(self._tellings(places, sampled, gaps, last_time=True), self._followed, verdicts=verdicts)
            when = dating.bounds(joined, sampled, gaps, tally.duration)
            count, kept = len(sampled), int(sampled.kept.sum())
            # What is not needed any more goes before more is made.
            del sampled
            self._held.marks = Marks()
            events = dating.finished(joined, *when)
            windows = tuple(self._records(places, round(tally.duration, DIGITS)))
        return Folded(events=events, windows=windows, coverage=spans, sampled=count, kept=kept, usage=self.usage)

    def _in_order(self) -> tuple[list[int], Sampled]:
        """The windows' places among those that are held, in order, and all that was sampled."""
        self._held.tidy()
        places = self._held.places()
        return places, Sampled(self._held.marks, [self._held.marks_of(place) for place in places])

    def _fates(self, places: Sequence[int]) -> tuple[NDArray[np.int64], dict[int, Kind]]:
        """The frames that a described window showed, sorted, and what became of those in others. One good window is enough.

        A second look that was answered where the first answer had failed rescues its frames.
        """
        held = self._held
        good = (
            [held.frames_of(place) for place in places if held.indices[place] not in self._failures]
            if self._failures
            else [held.frames]
        )
        more = [frame for index, frames in self._again.items() if index not in self._failures for frame in frames]
        described = np.concatenate([*good, np.array(more + self._rescued, np.int64)], dtype=np.int64)
        if not rises(described):
            described = np.unique(described)
        others: dict[int, Kind] = {}
        for place in places if self._failures else ():
            index = held.indices[place]
            if (failure := self._failures.get(index)) is not None:
                kind: Kind = ("failed", f"window {index}: {failure.kind}")
                if failure.kind in LEFT_OUT:
                    kind = ("skipped", failure.message)
                for frame in (*held.frames_of(place), *self._again.get(index, ())):
                    others.setdefault(frame, kind)
        return described, others

    def _tellings(
        self, places: Sequence[int], sampled: Sampled, gaps: Sequence[float], *, last_time: bool = False
    ) -> Iterator[Telling]:
        """What the windows told, in order. The `last_time`, nothing is left of it."""
        held = self._held
        last = -1
        tags: dict[Tags, Tags] = {}
        numbers: list[tuple[int, ...]] = [()] * len(held)
        for place in places:
            frames = held.frames_of(place)
            # Only where windows overlap is the first frame not the first new one.
            fresh = frames[0] if frames else None
            if fresh is not None and fresh <= last:
                fresh = next((frame for frame in frames if frame > last), None)
            severed = last < 0 or fresh is None
            if gaps and not severed and fresh is not None:
                gap = bisect.bisect_left(gaps, sampled.time_of(last))
                severed = gap < len(gaps) and gaps[gap] < sampled.time_of(fresh)
            yield Telling(
                held.indices[place], held.candidates(place, frames, tags), frames[-1] if frames else None, fresh, severed
            )
            if last_time:
                held.told[place], numbers[place] = b"", frames
            if frames:
                last = frames[-1]
        if last_time:
            held.used_up(numbers)

    def _records(self, places: Sequence[int], duration: float) -> Iterator[WindowRecord]:
        """What the timeline says of each, in order; nothing is left of it."""
        held, prices = self._held, self._prices
        for place in places:
            yield held.record(place, prices, duration)
            held.records[place] = b""


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """Without searching for garbage: millions of values are made here and none refers to itself, but looking would take half the time."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if not gc.get_freeze_count():  # else somebody means some to stay frozen
            # Moves all that was made to those that have been looked through, which no look is needed for.
            gc.freeze()
            gc.unfreeze()
        if was:
            gc.enable()
