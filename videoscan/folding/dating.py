"""Finished events: their ids, when they begin and when they end, looked up among all that was sampled. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from videoscan.folding.marks import DIGITS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from videoscan.document import Event
    from videoscan.folding.candidates import Candidate
    from videoscan.folding.marks import Sampled


def finished(merged: list[Candidate], starts_after: Sequence[float], ends: Sequence[float]) -> tuple[Event, ...]:
    """The finished events, in order of start, with their `bounds`. `merged` is used up: a month of both at once would be twice as much."""
    ids = _identities(merged)
    issued = set(ids)
    events: list[Event] = []
    for place in reversed(range(len(merged))):
        candidate = merged.pop()
        aliases: Sequence[str] = ()
        if candidate.aliases:
            aliases = [alias for frame in dict.fromkeys(candidate.aliases) if (alias := _identity(frame, 1)) not in issued]
        events.append(
            candidate.event(
                id=ids[place],
                aliases=aliases,
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
    changes = sampled.changes()
    next_marks = np.searchsorted(sampled.times, lasts, side="right")
    if len(sampled):
        last_marks = np.maximum(next_marks - 1, 0)
        cited = sampled.frames[last_marks] == [candidate.evidence[-1].frame for candidate in merged]
        next_marks = np.where(cited, changes[np.searchsorted(changes, last_marks, side="right")], next_marks)
    followed = np.flatnonzero(next_marks < len(sampled))
    marks = next_marks[followed]
    # What a later frame stands for is none of its evidence; the few others are looked into one by one.
    beyond = sampled.stands[marks] > np.array([candidate.evidence[-1].frame for candidate in merged], np.int64)[followed]
    plain = followed[beyond]
    ends[plain] = np.minimum(ends[plain], sampled.times[marks[beyond]])
    for place, mark in zip(followed[~beyond].tolist(), marks[~beyond].tolist(), strict=True):
        if (at := _end(merged[place], mark, sampled)) is not None:
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
    ids = [_identity(candidate.first_told, 1) for candidate in merged]
    if len(set(ids)) == len(ids):
        return ids
    beginning: dict[int, list[int]] = {}
    for place, candidate in enumerate(merged):
        beginning.setdefault(candidate.first_told, []).append(place)
    for frame, places in beginning.items():
        if len(places) > 1:
            for nth, place in enumerate(sorted(places, key=lambda place: merged[place].number()), 1):
                ids[place] = _identity(frame, nth)
    return ids


def _identity(frame: int, nth: int) -> str:
    """An event keeps its id as long as it cites the same first frame, whatever it is called."""
    return f"e{frame:08d}" if nth == 1 else f"e{frame:08d}-{nth}"
