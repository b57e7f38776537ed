"""The pure fold: what was sampled, shown, told and lost becomes events with evidence and an account of every second.

Nothing here asks a clock, a disk or a network: the same outcomes, in whatever order they came, give the same timeline.
"""

from __future__ import annotations

import bisect
import contextlib
import gc
import itertools
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from videoscan import answers, ongoing
from videoscan.covering import SEEN, coverage
from videoscan.document import CostRecord, ErrorRecord, Event, Evidence, UsageRecord, WindowRecord
from videoscan.marks import DIGITS, Marks, Sampled
from videoscan.model import Usage
from videoscan.reconcile import Candidate, Follows, Place, Telling, doubtful, reconcile

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from videoscan.doubt import Second
    from videoscan.model import Description, Failure, Mark, Shown, Tally
    from videoscan.money import Prices
    from videoscan.ongoing import Ongoing
    from videoscan.reconcile import Doubt, Pair
    from videoscan.spans import Kind, Spans

THINNED = "thinned: it changed, but dedup.max_rate was reached"
"""Why a frame that was kept at first is not shown."""
SPENT = "BudgetSpent"
"""The failure of a window that was not asked about because the budget had nothing left: it counts as skipped, and is no fault."""
BEHIND, PENDING = "Behind", "Pending"
"""Likewise for one that was dropped because the describer was slower than a live stream, and one that has no answer yet."""
_LEFT_OUT = frozenset({SPENT, BEHIND, PENDING})


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
        return self.description.usage + (self.second.description.usage if self.second is not None else Usage())

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

    Memory: of a window that was added only what the timeline will say of it, about 3 kB for one of 8 pictures and 24 samples that tells
    two events in few words, and half as much again while `finish` works. `finish` gives back what it has used, so it can be called once.
    """

    def __init__(self, prices: Prices | None = None) -> None:
        self._prices = prices
        self._held: list[_Held] = []
        self._marks = Marks()
        self._failures: dict[int, Failure] = {}
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
            if outcome.second is not None and outcome.second.description.failure is None:
                self._rescued += [shown.frame for shown in outcome.second.shown]
        candidates = _candidates(outcome)
        self._followed.update(each.follows.place for each in candidates if each.follows is not None)
        frames = tuple([shown.frame for shown in outcome.shown if not shown.zoom])
        record = _record(outcome, frames, self._prices)
        self._held.append(_Held(record, frames, candidates, len(self._marks), len(outcome.marks)))
        self._marks.extend(Marks.of(outcome.marks))
        self.pictures += len(outcome.shown)
        self.usage += outcome.usage
        self.seconds += outcome.seconds

    def doubts(self, tally: Tally, *, start: float = 0.0, end: float | None = None) -> list[Doubt]:
        """The pairs of tellings that `finish` could join or not, and takes `verdicts` on. Changes nothing; takes as long as `finish` does."""
        held = sorted(self._held, key=lambda window: window.record.index)
        sampled = Sampled(self._marks, [(window.first_mark, window.marks) for window in held])
        described, undescribed = _fates([window.record for window in held], self._failures, self._rescued)
        gaps = coverage(sampled, described, undescribed, tally, start=start, end=end, thinned=THINNED).starts(without=SEEN)
        on_trial = [replace(window, candidates=tuple([each.copied() for each in window.candidates])) for window in reversed(held)]
        return doubtful(_tellings(on_trial, sampled, gaps), self._followed)

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
        held, self._held = sorted(self._held, key=lambda window: window.record.index), []
        sampled = Sampled(self._marks, [(window.first_mark, window.marks) for window in held])
        records = [window.record for window in held]
        described, undescribed = _fates(records, self._failures, self._rescued)
        spans = coverage(sampled, described, undescribed, tally, start=start, end=end, thinned=thinned)
        gaps = spans.starts(without=SEEN)
        held.reverse()
        with _uncollected():
            joined = reconcile(_tellings(held, sampled, gaps), self._followed, verdicts=verdicts)
            events = _events(joined, sampled, gaps, tally.duration)
        return Folded(
            events=events,
            windows=tuple([_within(record, tally.duration) for record in records]),
            coverage=spans,
            sampled=len(sampled),
            kept=int(sampled.kept.sum()),
            usage=self.usage,
        )


@dataclass(slots=True)
class _Held:
    """What the fold keeps of a window: its record, the frames that it showed at first, what it tells, where its marks begin, their number."""

    record: WindowRecord
    frames: tuple[int, ...]
    candidates: Sequence[Candidate]
    first_mark: int
    marks: int


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """Without searching for garbage: millions of values are made here and none refers to itself, but looking would take half the time."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _record(outcome: Outcome, frames: tuple[int, ...], prices: Prices | None) -> WindowRecord:
    told, second = outcome.counts, outcome.second
    failure = told.failure
    left_out = failure is not None and failure.kind in _LEFT_OUT
    return WindowRecord.unchecked(
        outcome.index,
        _tidy(outcome.start),
        _tidy(outcome.end),
        frames if second is None else tuple(sorted({*frames, *(shown.frame for shown in second.shown)})),
        "described" if failure is None else "skipped" if left_out else "failed",
        told.summary,
        told.observations,
        ErrorRecord(kind=failure.kind, message=failure.message, raw=failure.raw) if failure and not left_out else None,
        outcome.description.attempts + (second.description.attempts if second is not None else 0),
        usage_record(outcome.usage, prices),
        told.flags,
        answers.second_look(outcome.description, outcome.shown, second),
    )


def _within(record: WindowRecord, duration: float) -> WindowRecord:
    return record if record.end <= duration else record.model_copy(update={"end": _tidy(duration)})


def usage_record(usage: Usage, prices: Prices | None = None, *, seconds: float = 0.0) -> UsageRecord:
    """The document's form of what was sent and billed. `seconds` is how long a deployed endpoint was in use for it."""
    return UsageRecord.unchecked(
        usage.requests,
        usage.retries,
        usage.images,
        usage.image_bytes,
        usage.prompt_tokens,
        usage.completion_tokens,
        CostRecord(**prices.record(usage, seconds=seconds)) if prices else None,
    )


def _tidy(seconds: float) -> float:
    return round(seconds, DIGITS)


def _fates(
    records: Sequence[WindowRecord], failures: Mapping[int, Failure], rescued: Sequence[int]
) -> tuple[NDArray[np.int64], dict[int, Kind]]:
    """The frames that a described window showed, sorted, and what became of those in others. One good window is enough.

    `rescued` are those of second looks that were answered where the first answer had failed.
    """
    shown = (frame for record in records if record.index not in failures for frame in record.frames)
    described = np.unique(np.fromiter(itertools.chain(shown, rescued), np.int64))
    others: dict[int, Kind] = {}
    for record in records if failures else ():
        if (failure := failures.get(record.index)) is not None:
            kind: Kind = ("failed", f"window {record.index}: {failure.kind}")
            if failure.kind in _LEFT_OUT:
                kind = ("skipped", failure.message)
            for frame in record.frames:
                others.setdefault(frame, kind)
    return described, others


# --- events -------------------------------------------------------------------------------------------------------------------


def _candidates(outcome: Outcome) -> Sequence[Candidate]:
    """The events that a window tells, its second look among them."""
    first, second = _told(outcome, outcome.description, outcome.shown), outcome.second
    if second is None or second.description.failure is not None:
        return tuple(first)
    return answers.merged(first, _told(outcome, second.description, second.shown), second)


def _told(outcome: Outcome, description: Description, frames: Sequence[Shown]) -> list[Candidate]:
    """The events of an answer that rest on the frames it was given to; a region that was told goes before one that was measured."""
    if description.failure is not None:
        return []
    plain: dict[int, Evidence] = {}
    found = []
    for number, told in enumerate(description.events):
        evidence = []
        for place in range(max(0, told.first), min(told.last, len(frames) - 1) + 1):
            region = told.regions.get(place) if told.regions else None
            one = plain.get(place) if region is None else None
            if one is None:
                shown = frames[place]
                if shown.zoom:
                    continue
                one = Evidence.unchecked(shown.frame, _tidy(shown.time), shown.picture, region or shown.region)
                if region is None:
                    plain[place] = one
            evidence.append(one)
        if not evidence:
            continue
        before = ongoing.continued(told, outcome.given) if told.continues else None
        follows = Follows(before.name, (before.window, before.event)) if before is not None else None
        candidate = Candidate.of(told, outcome.index, number, tuple(evidence), follows)
        if told.continues and outcome.given and before is None:
            candidate.flag(f"continues {told.continues!r}, which is no name that it was given")
        found.append(candidate)
    return found


def _tellings(held: list[_Held], sampled: Sampled, gaps: Sequence[float]) -> Iterator[Telling]:
    """What the windows told, the last of `held` first; nothing is left of it."""
    last = -1
    while held:
        window = held.pop()
        frames = window.frames
        fresh = next((frame for frame in frames if frame > last), None)
        severed = last < 0 or fresh is None
        if gaps and not severed and fresh is not None:
            gap = bisect.bisect_left(gaps, sampled.time_of(last))
            severed = gap < len(gaps) and gaps[gap] < sampled.time_of(fresh)
        yield Telling(window.record.index, window.candidates, frames[-1] if frames else None, fresh, severed)
        if frames:
            last = frames[-1]


def _events(merged: list[Candidate], sampled: Sampled, gaps: Sequence[float], duration: float) -> tuple[Event, ...]:
    """The finished events. `merged` is used up: a month of both at once would be twice as much."""
    ids = _identities(merged)
    issued = set(ids)
    starts_after, ends = _bounds(merged, sampled, gaps, duration)
    events: list[Event] = []
    for place in reversed(range(len(merged))):
        candidate = merged.pop()
        aliases: Iterable[str] = ()
        if candidate.aliases:
            aliases = dict.fromkeys(_identity(frame, 1) for frame in candidate.aliases)
        events.append(
            candidate.event(
                id=ids[place],
                aliases=[alias for alias in aliases if alias not in issued],
                end=max(candidate.evidence[0].time, ends[place]),
                start_after=starts_after[place],
            )
        )
    events.sort(key=lambda event: (event.start, event.end, event.id))
    return tuple(events)


def _bounds(
    merged: Sequence[Candidate], sampled: Sampled, gaps: Sequence[float], duration: float
) -> tuple[list[float], list[float]]:
    """The last sampled time before each begins, and where each ends: where its evidence stops standing for what was sampled."""
    firsts = np.array([candidate.evidence[0].time for candidate in merged])
    lasts = np.array([candidate.evidence[-1].time for candidate in merged])
    before = np.searchsorted(sampled.times, firsts, side="left")
    starts_after = np.where(before > 0, sampled.times[np.maximum(before - 1, 0)], firsts) if len(sampled) else firsts
    ends = np.append(gaps, round(duration, DIGITS))[np.searchsorted(gaps, lasts, side="right")]
    # Nearly always an event ends where the last frame that it cites stops standing for what follows.
    changes = np.append(np.flatnonzero(np.diff(sampled.stands)) + 1, len(sampled))
    next_marks = np.searchsorted(sampled.times, lasts, side="right")
    if len(sampled):
        last_marks = np.maximum(next_marks - 1, 0)
        cited = sampled.frames[last_marks] == [candidate.evidence[-1].frame for candidate in merged]
        next_marks = np.where(cited, changes[np.searchsorted(changes, last_marks, side="right")], next_marks)
    for place, (candidate, mark) in enumerate(zip(merged, next_marks.tolist(), strict=True)):
        if mark < len(sampled) and (at := _end(candidate, mark, sampled)) is not None:
            ends[place] = min(ends[place], at)
    return starts_after.tolist(), ends.tolist()


def _end(candidate: Candidate, mark: int, sampled: Sampled) -> float | None:
    """The time of the first mark, from one on, for which none of the evidence stands."""
    last = candidate.evidence[-1].frame
    frames: set[int] | None = None
    while mark < len(sampled):
        stands = sampled.stands[mark]
        if stands > last:
            return float(sampled.times[mark])
        if frames is None:
            frames = {evidence.frame for evidence in candidate.evidence}
        if int(stands) not in frames and int(sampled.frames[mark]) not in frames:
            return float(sampled.times[mark])
        mark += 1
    return None


def _identities(merged: Sequence[Candidate]) -> list[str]:
    """An id for each: the first frame that its first telling cited, whatever it is called, numbered where several begin there."""
    ids = [""] * len(merged)
    number, frame = 0, -1
    for place in sorted(range(len(merged)), key=lambda place: merged[place].number()):
        first = merged[place].first_told
        number = number + 1 if first == frame else 1
        frame = first
        ids[place] = _identity(frame, number)
    return ids


def _identity(frame: int, nth: int) -> str:
    """An event keeps its id as long as it cites the same first frame, whatever it is called."""
    return f"e{frame:08d}" if nth == 1 else f"e{frame:08d}-{nth}"
