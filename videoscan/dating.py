"""Finished events: their ids, when they begin and when they end, looked up among all that was sampled. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from videoscan.marks import DIGITS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from videoscan.candidates import Candidate
    from videoscan.document import Event
    from videoscan.marks import Sampled


def finished(merged: list[Candidate], starts_after: Sequence[float], ends: Sequence[float]) -> tuple[Event, ...]:
    """The finished events, in order of start, with their `bounds`. `merged` is used up: a month of both at once would be twice as much."""
    ids = _identities(merged)
    issued = set(ids)
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


def bounds(
    merged: Sequence[Candidate], sampled: Sampled, gaps: Sequence[float], duration: float
) -> tuple[list[float], list[float]]:
    """The last sampled time before each begins, and where each ends: where its evidence stops standing for what was sampled."""
    firsts = np.array([candidate.evidence[0].time for candidate in merged])
    lasts = np.array([candidate.evidence[-1].time for candidate in merged])
    before = np.searchsorted(sampled.times, firsts, side="left")
    starts_after = np.where(before > 0, sampled.times[np.maximum(before - 1, 0)], firsts) if len(sampled) else firsts
    ends = np.append(gaps, round(duration, DIGITS))[np.searchsorted(gaps, lasts, side="right")]
    # Nearly always an event ends where the last frame that it cites stops standing for what follows.
    changes = np.append(np.flatnonzero(sampled.stands[1:] != sampled.stands[:-1]) + 1, len(sampled))
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
