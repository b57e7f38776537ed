"""The pure fold: what was sampled, shown, told and lost becomes events with evidence and an account of every second.

Nothing here asks a clock, a disk or a network: the same outcomes, in whatever order they came, give the same timeline.
"""

from __future__ import annotations

import bisect
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from videoscan import answers, ongoing
from videoscan.document import CostRecord, CoverageSpan, ErrorRecord, Event, UsageRecord, WindowRecord
from videoscan.model import Reason, Shown, Usage
from videoscan.reconcile import Candidate, Follows, Telling, reconcile

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from videoscan.document import State
    from videoscan.doubt import Second
    from videoscan.model import Description, Mark, Tally
    from videoscan.money import Prices
    from videoscan.ongoing import Ongoing

# Times are written with microseconds: finer than any container's clock, and free of binary tails such as 0.30000000000000004.
_DIGITS = 6

THINNED = "thinned: it changed, but dedup.max_rate was reached"
"""Why a frame that was kept at first is not shown."""
SPENT = "BudgetSpent"
"""The failure of a window that was not asked about because the budget had nothing left: it counts as skipped, and is no fault."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A window after its description: without the pictures' bytes, so that hours of them fit into memory.

    `given` is what its prompt said was still going on; `second` a second look, where its answer was in doubt.
    """

    index: int
    start: float
    end: float
    shown: tuple[Shown, ...]
    marks: tuple[Mark, ...]
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
    coverage: tuple[CoverageSpan, ...]
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
    """Fold a finished pass. `start` and `end` are the limits it was asked to keep to (seconds; `None` is the source's end).

    `thinned` is why frames that changed were left out, where some were.

    Coverage tiles ``[0, tally.duration)``. Linear in the number of windows, marks and events.
    """
    ordered = sorted(outcomes, key=lambda outcome: outcome.index)
    marks = _marks(ordered)
    coverage = _coverage(marks, ordered, tally, start, end, thinned)
    usage = Usage()
    for outcome in ordered:
        usage += outcome.usage
    return Folded(
        events=_events(ordered, marks, coverage, tally.duration),
        windows=tuple(_record(outcome, tally.duration, prices) for outcome in ordered),
        coverage=coverage,
        sampled=len(marks),
        kept=sum(mark.kept for mark in marks),
        usage=usage,
    )


def _marks(ordered: Sequence[Outcome]) -> list[Mark]:
    """Every sampled frame once, in order of time; overlapping windows both carry the marks they share."""
    marks: list[Mark] = []
    for outcome in ordered:
        last = marks[-1].frame if marks else -1
        marks.extend(mark for mark in outcome.marks if mark.frame > last)
    return marks


def _record(outcome: Outcome, duration: float, prices: Prices | None) -> WindowRecord:
    told, second = outcome.counts, outcome.second
    failure = told.failure
    frames = {shown.frame for shown in (*outcome.shown, *(second.shown if second is not None else ()))}
    return WindowRecord(
        index=outcome.index,
        start=_tidy(outcome.start),
        end=_tidy(min(outcome.end, duration)),
        frames=tuple(sorted(frames)),
        status="described" if failure is None else "skipped" if failure.kind == SPENT else "failed",
        summary=told.summary,
        observations=told.observations,
        error=ErrorRecord(kind=failure.kind, message=failure.message, raw=failure.raw)
        if failure and failure.kind != SPENT
        else None,
        attempts=outcome.description.attempts + (second.description.attempts if second is not None else 0),
        usage=usage_record(outcome.usage, prices),
        flags=told.flags,
        second_look=answers.second_look(outcome.description, outcome.shown, second),
    )


def usage_record(usage: Usage, prices: Prices | None = None, *, seconds: float = 0.0) -> UsageRecord:
    """The document's form of what was sent and billed. `seconds` is how long a deployed endpoint was in use for it."""
    return UsageRecord(
        requests=usage.requests,
        retries=usage.retries,
        images=usage.images,
        image_bytes=usage.image_bytes,
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
        cost=CostRecord(**prices.record(usage, seconds=seconds)) if prices else None,
    )


def _tidy(seconds: float) -> float:
    return round(seconds, _DIGITS)


# --- coverage -----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _State:
    state: State
    same_as: int | None = None
    reason: str | None = None


def _coverage(
    marks: Sequence[Mark], ordered: Sequence[Outcome], tally: Tally, start: float, end: float | None, thinned: str
) -> tuple[CoverageSpan, ...]:
    """What each second rests on: a sampled frame stands until the next one; what was lost or left out takes its place."""
    duration = tally.duration
    stop = duration if end is None else min(end, duration)
    fates = _fates(ordered)
    pieces: list[tuple[float, float, _State]] = []
    first = marks[0].time if marks else stop
    if start < first:
        # Asked for in the middle of a picture, a scan begins with the next one: that is no damage, and what is damaged is overlaid.
        early = start > 0 and bool(marks)
        why = _State("skipped", reason="before --start") if early else _State("lost", reason="no picture could be decoded here")
        pieces.append((min(start, duration), min(first, stop), why))
    for place, mark in enumerate(marks):
        until = marks[place + 1].time if place + 1 < len(marks) else stop
        pieces.append((mark.time, min(until, stop), _state(mark, fates, thinned)))
    for lost in tally.lost:
        pieces = _overlay(pieces, max(lost.start, start), min(lost.end, stop), _State("lost", reason=lost.reason))
    for gap in tally.absent:
        pieces = _overlay(pieces, max(gap.start, start), min(gap.end, stop), _State("absent", reason=gap.reason))
    if start > 0:
        pieces = [(0.0, min(start, duration), _State("skipped", reason="before --start")), *pieces]
    if stop < duration:
        pieces.append((stop, duration, _State("skipped", reason="after --end")))
    return _join(pieces, duration)


def _fates(ordered: Sequence[Outcome]) -> dict[int, _State | None]:
    """For each shown frame `None` if a window with it was described, else what became of it. One good window is enough."""
    fates: dict[int, _State | None] = {}
    for outcome in ordered:
        failure = outcome.description.failure
        for shown in outcome.shown:
            if failure is None:
                fates[shown.frame] = None
            else:
                fates.setdefault(
                    shown.frame,
                    _State("skipped", reason=failure.message)
                    if failure.kind == SPENT
                    else _State("failed", reason=f"window {outcome.index}: {failure.kind}"),
                )
        if outcome.second is not None and outcome.second.description.failure is None:
            fates.update({shown.frame: None for shown in outcome.second.shown})
    return fates


_NEVER = _State("failed", reason="its window was never described")


def _state(mark: Mark, fates: dict[int, _State | None], thinned: str) -> _State:
    stands = mark.frame if mark.kept else mark.same_as
    fate = fates.get(stands, _NEVER) if stands is not None else _State("failed", reason="no kept frame stands for it")
    if fate is not None:
        return fate
    if mark.kept:
        return _State("described")
    if mark.reason is Reason.THINNED:
        return _State("skipped", reason=thinned)
    return _State("unchanged", same_as=stands)


def _overlay(
    pieces: list[tuple[float, float, _State]], start: float, end: float, state: _State
) -> list[tuple[float, float, _State]]:
    """Put a stretch over whatever stands there."""
    if end <= start:
        return pieces
    out: list[tuple[float, float, _State]] = []
    for left, right, old in pieces:
        if right <= start or left >= end:
            out.append((left, right, old))
            continue
        if left < start:
            out.append((left, start, old))
        if right > end:
            out.append((end, right, old))
    out.append((start, end, state))
    return sorted(out, key=lambda piece: piece[0])


def _join(pieces: Iterable[tuple[float, float, _State]], duration: float) -> tuple[CoverageSpan, ...]:
    """Neighbours of one state become one span; the spans meet exactly."""
    joined: list[tuple[float, float, _State]] = []
    at = 0.0
    nothing = _State("lost", reason="no picture could be decoded here")
    for left, right, state in [*pieces, (duration, duration, nothing)]:
        hole = _tidy(min(left, duration))
        for until, what in ((hole, nothing), (_tidy(min(right, duration)), state)):
            if until <= at:
                continue
            if joined and joined[-1][2] == what:
                joined[-1] = (joined[-1][0], until, what)
            else:
                joined.append((at, until, what))
            at = until
    return tuple(
        CoverageSpan(start=left, end=right, state=what.state, same_as=what.same_as, reason=what.reason)
        for left, right, what in joined
    )


# --- events -------------------------------------------------------------------------------------------------------------------


def _events(
    ordered: Sequence[Outcome], marks: Sequence[Mark], coverage: Sequence[CoverageSpan], duration: float
) -> tuple[Event, ...]:
    times = [mark.time for mark in marks]
    gaps = [span.start for span in coverage if span.state not in {"described", "unchanged"}]
    merged = reconcile(_tellings(ordered, gaps))
    starts: dict[int, int] = {}
    events: list[Event] = []
    for candidate in sorted(merged, key=Candidate.order):
        first, last = candidate.evidence[0], candidate.evidence[-1]
        starts[first.frame] = starts.get(first.frame, 0) + 1
        start = _tidy(first.time)
        end = _tidy(_end(candidate, last.time, marks, times, gaps, duration))
        before = bisect.bisect_left(times, first.time)
        events.append(
            candidate.event(
                id=_identity(first.frame, starts[first.frame]),
                start=start,
                end=max(start, end),
                start_after=_tidy(times[before - 1]) if before else start,
            )
        )
    issued = {event.id for event in events}
    return tuple(
        event.model_copy(update={"aliases": tuple(alias for alias in event.aliases if alias not in issued)})
        for event in sorted(events, key=lambda event: (event.start, event.end, event.id))
    )


def _tellings(ordered: Sequence[Outcome], gaps: Sequence[float]) -> Iterator[Telling]:
    last: Shown | None = None
    for outcome in ordered:
        frames = [shown for shown in outcome.shown if not shown.zoom]
        fresh = next((shown for shown in frames if last is None or shown.frame > last.frame), None)
        severed = last is None or fresh is None
        if last is not None and fresh is not None:
            gap = bisect.bisect_left(gaps, last.time)
            severed = gap < len(gaps) and gaps[gap] < fresh.time
        yield Telling(_candidates(outcome), frames[-1].frame if frames else None, fresh.frame if fresh else None, severed)
        last = frames[-1] if frames else last


def _candidates(outcome: Outcome) -> list[Candidate]:
    found = _told(outcome, outcome.description, outcome.shown)
    for number, candidate in found:
        # By this place the next window's prompt knows it (`videoscan.ongoing`).
        candidate.told_as.append((outcome.index, number))
    first, second = [candidate for _, candidate in found], outcome.second
    if second is None or second.description.failure is not None:
        return first
    return answers.merged(first, [candidate for _, candidate in _told(outcome, second.description, second.shown)], second)


def _told(outcome: Outcome, description: Description, frames: Sequence[Shown]) -> list[tuple[int, Candidate]]:
    """The events of an answer that was given to these frames, each with its place in it."""
    if description.failure is not None:
        return []
    found = []
    for number, told in enumerate(description.events):
        places = range(max(0, told.first), min(told.last, len(frames) - 1) + 1)
        if places:
            seen = [(shown, told.regions.get(place)) for place in places if not (shown := frames[place]).zoom]
            candidate = Candidate.of(told, outcome.index, seen)
            before = ongoing.continued(told, outcome.given)
            if before is not None:
                candidate.follows = Follows(before.name, (before.window, before.event))
            elif told.continues and outcome.given:
                candidate.flags.append(f"continues {told.continues!r}, which is no name that it was given")
            found.append((number, candidate))
    return found


def _identity(frame: int, nth: int) -> str:
    """An event keeps its id as long as it cites the same first frame, whatever it is called."""
    return f"e{frame:08d}" if nth == 1 else f"e{frame:08d}-{nth}"


def _end(
    candidate: Candidate,
    last: float,
    marks: Sequence[Mark],
    times: Sequence[float],
    gaps: Sequence[float],
    duration: float,
) -> float:
    """Where the evidence stops standing for what was sampled, where coverage stops, or the source's end."""
    frames = {evidence.frame for evidence in candidate.evidence}
    end = duration
    for place in range(bisect.bisect_right(times, last), len(marks)):
        mark = marks[place]
        if mark.frame not in frames and (mark.kept or mark.same_as not in frames):
            end = mark.time
            break
    gap = bisect.bisect_right(gaps, last)
    return min(end, gaps[gap]) if gap < len(gaps) else end
