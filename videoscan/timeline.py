"""The pure fold: what was sampled, shown, told and lost becomes events with evidence and an account of every second.

Nothing here asks a clock, a disk or a network: the same outcomes, in whatever order they came, give the same timeline.
"""

from __future__ import annotations

import bisect
import contextlib
import gc
from array import array
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from videoscan import dating
from videoscan.covering import SEEN, coverage
from videoscan.held import LEFT_OUT, Held, candidates, pack_record, pack_told, record
from videoscan.marks import Marks, Sampled, rises
from videoscan.model import Usage
from videoscan.reconcile import Telling, doubtful, reconcile

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from videoscan.candidates import Place
    from videoscan.document import Event, WindowRecord
    from videoscan.doubt import Second
    from videoscan.held import Tags
    from videoscan.model import Description, Failure, Mark, Shown, Tally
    from videoscan.money import Prices
    from videoscan.ongoing import Ongoing
    from videoscan.reconcile import Doubt, Pair
    from videoscan.spans import Kind, Spans

THINNED = "thinned: it changed, but dedup.max_rate was reached"
"""Why a frame that was kept at first is not shown."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A window after its description: without the pictures' bytes, so that hours of them fit into memory.

    `given` is what its prompt said was still going on; `second` a second look, where its answer was in doubt. `marks` are best packed
    (`videoscan.marks.Marks`) where there are many.
    """

    index: int
    start: float
    end: float
    shown: tuple[Shown, ...]
    marks: Sequence[Mark]
    description: Description
    overlap: int = 0
    given: tuple[Ongoing, ...] = ()
    second: Second | None = None

    @property
    def usage(self) -> Usage:
        """What all answers about it took."""
        first = self.description.usage
        return first if self.second is None else first + self.second.description.usage

    @property
    def seconds(self) -> float:
        """How long was waited for them."""
        return self.description.seconds + (self.second.description.seconds if self.second is not None else 0.0)

    @property
    def counts(self) -> Description:
        """The answer whose summary and observations stand for the window; a failure where no answer could be had."""
        first, second = self.description, self.second
        if second is None or second.description.failure is not None:
            return first
        better = first.failure is not None or (not first.events and second.description.events)
        return second.description if better else first


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
    that tells two events in few words, and 4 kB in the end, as parts of the timeline. `finish` gives back what it has used,
    so it can be called once.
    """

    def __init__(self, prices: Prices | None = None) -> None:
        self._prices = prices
        self._held: list[Held] = []
        self._marks = Marks()
        self._frames = array("q")
        self._failures: dict[int, Failure] = {}
        self._again: dict[int, tuple[int, ...]] = {}
        self._rescued: list[int] = []
        self._followed: set[Place] = set()
        self.pictures = 0
        self.usage = Usage()
        self.seconds = 0.0

    def __len__(self) -> int:
        return len(self._held)

    def add(self, outcome: Outcome) -> None:
        """One more window, which has not been added before."""
        if outcome.description.failure is not None:
            self._failures[outcome.index] = outcome.description.failure
        if outcome.second is not None:
            self._again[outcome.index] = frames = tuple([shown.frame for shown in outcome.second.shown])
            if outcome.description.failure is not None and outcome.second.description.failure is None:
                self._rescued += frames
        told, follows = pack_told(outcome)
        self._followed.update(follows)
        first_frame = len(self._frames)
        self._frames.extend([shown.frame for shown in outcome.shown if not shown.zoom])
        self._held.append(
            Held(
                outcome.index,
                len(self._marks),
                len(outcome.marks),
                first_frame,
                len(self._frames) - first_frame,
                told,
                pack_record(outcome),
            )
        )
        self._marks.extend(Marks.of(outcome.marks))
        self.pictures += len(outcome.shown)
        self.usage += outcome.usage
        self.seconds += outcome.seconds

    def doubts(self, tally: Tally, *, start: float = 0.0, end: float | None = None) -> list[Doubt]:
        """The pairs of tellings that `finish` could join or not, and takes `verdicts` on. Changes nothing; takes as long as `finish` does."""
        held, sampled = self._in_order()
        described, undescribed = self._fates(held)
        gaps = coverage(sampled, described, undescribed, tally, start=start, end=end, thinned=THINNED).starts(without=SEEN)
        return doubtful(self._tellings(held, sampled, gaps), self._followed)

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
            held, sampled = self._in_order()
            described, undescribed = self._fates(held)
            spans = coverage(sampled, described, undescribed, tally, start=start, end=end, thinned=thinned)
            gaps = spans.starts(without=SEEN)
            joined = reconcile(self._tellings(held, sampled, gaps, last_time=True), self._followed, verdicts=verdicts)
            when = dating.bounds(joined, sampled, gaps, tally.duration)
            count, kept = len(sampled), int(sampled.kept.sum())
            # What is not needed any more goes before more is made.
            del sampled
            self._marks, self._held = Marks(), []
            events = dating.finished(joined, *when)
            windows = tuple(
                [record(each.record, each.index, self._frames_of(each), self._prices, tally.duration) for each in _popped(held)]
            )
        return Folded(events=events, windows=windows, coverage=spans, sampled=count, kept=kept, usage=self.usage)

    def _in_order(self) -> tuple[list[Held], Sampled]:
        held = sorted(self._held, key=lambda window: window.index)
        return held, Sampled(self._marks, [(window.first_mark, window.marks) for window in held])

    def _frames_of(self, window: Held) -> array[int]:
        return self._frames[window.first_frame : window.first_frame + window.frames]

    def _fates(self, held: Sequence[Held]) -> tuple[NDArray[np.int64], dict[int, Kind]]:
        """The frames that a described window showed, sorted, and what became of those in others. One good window is enough.

        A second look that was answered where the first answer had failed rescues its frames.
        """
        good = (
            [self._frames_of(window) for window in held if window.index not in self._failures]
            if self._failures
            else [self._frames]
        )
        more = [frame for index, frames in self._again.items() if index not in self._failures for frame in frames]
        described = np.concatenate([*good, np.array(more + self._rescued, np.int64)], dtype=np.int64)
        if not rises(described):
            described = np.unique(described)
        others: dict[int, Kind] = {}
        for window in held if self._failures else ():
            if (failure := self._failures.get(window.index)) is not None:
                kind: Kind = ("failed", f"window {window.index}: {failure.kind}")
                if failure.kind in LEFT_OUT:
                    kind = ("skipped", failure.message)
                for frame in (*self._frames_of(window), *self._again.get(window.index, ())):
                    others.setdefault(frame, kind)
        return described, others

    def _tellings(
        self, held: Sequence[Held], sampled: Sampled, gaps: Sequence[float], *, last_time: bool = False
    ) -> Iterator[Telling]:
        """What the windows told, in order. The `last_time`, nothing is left of it."""
        last = -1
        tags: dict[Tags, Tags] = {}
        for window in held:
            frames = self._frames_of(window)
            fresh = next((frame for frame in frames if frame > last), None)
            severed = last < 0 or fresh is None
            if gaps and not severed and fresh is not None:
                gap = bisect.bisect_left(gaps, sampled.time_of(last))
                severed = gap < len(gaps) and gaps[gap] < sampled.time_of(fresh)
            yield Telling(window.index, candidates(window.told, tags), frames[-1] if frames else None, fresh, severed)
            if last_time:
                window.told = b""
            if frames:
                last = frames[-1]


def _popped(held: list[Held]) -> Iterator[Held]:
    """Each in order, and nothing is left of it."""
    held.reverse()
    while held:
        yield held.pop()


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
