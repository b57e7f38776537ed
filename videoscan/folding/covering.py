"""The account of every second: what each sampled frame's stretch of time rests on, in columns, so that a month takes a second."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from videoscan.folding.marks import NOBODY, Sampled, parts, tidied
from videoscan.spans import NOTHING, Spans

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from videoscan.model import Lost, Tally
    from videoscan.spans import Kind, State

SEEN: frozenset[State] = frozenset({"described", "unchanged"})
"""The states of what somebody looked at."""

_DESCRIBED: Kind = ("described", None)
_UNCHANGED: Kind = ("unchanged", None)
_UNREAD: Kind = ("lost", "no picture could be decoded here")
_BEFORE: Kind = ("skipped", "before --start")
_AFTER: Kind = ("skipped", "after --end")
_NEVER: Kind = ("failed", "its window was never described")
_ALONE: Kind = ("failed", "no kept frame stands for it")


def coverage(
    sampled: Sampled,
    described: NDArray[np.int64],
    undescribed: Mapping[int, Kind],
    tally: Tally,
    *,
    start: float,
    end: float | None,
    thinned: str,
) -> Spans:
    """What each second rests on: a sampled frame stands until the next one; what was lost or left out takes its place.

    `described` are the frames, sorted, that a described window showed, `undescribed` what became of others that were shown; `start` and
    `end` are the limits that the pass was asked to keep to, `thinned` is why frames that changed were left out. The spans tile
    ``[0, tally.duration)``. Linear in the marks.
    """
    kinds: dict[Kind, int] = {}
    stop = tally.duration if end is None else min(end, tally.duration)
    duration, stop, begin = tidied(np.array([tally.duration, stop, min(start, stop)]))
    over: list[_Over] = [
        (*tidied(np.array([max(begin, each.start), min(stop, each.end)])).tolist(), _place(kinds, (state, each.reason)))
        for state, stretches in _stretches(tally)
        for each in stretches
    ]
    first = np.clip(sampled.times[0], begin, stop) if len(sampled) else stop
    # Asked for in the middle of a picture, a scan begins with the next one: that is no damage, and what is damaged is laid over it.
    early = _BEFORE if start > 0 and len(sampled) else _UNREAD
    # One for each mark, one before the first, one at either limit, and two for what is laid over them.
    columns = _Columns(len(sampled) + 3 + 2 * len(over))
    for points, codes, same in (
        _plain(kinds, [0.0, begin, first], _BEFORE, early),
        *_of_marks(sampled, begin, stop, described, undescribed, kinds, thinned),
        _plain(kinds, [stop, duration], _AFTER),
    ):
        columns.append(*_overlaid(points, codes, same, over))
    return columns.spans(tuple(kinds))


_Stretch: TypeAlias = "tuple[NDArray[np.float64], NDArray[np.int32], NDArray[np.int64]]"
"""Where stretches that meet begin, with the end of the last; the number of each one's kind; and the frame that each is the same as."""


_Over: TypeAlias = "tuple[float, float, int]"
"""From when until when what kind takes the place of what would stand there."""


class _Columns:
    """The columns of `Spans`, filled from the front, with room for `most` from the beginning; what is not needed is given back.

    Columns that grow side by side move about, and leave 50 MB of holes in the memory that a month takes.
    """

    def __init__(self, most: int) -> None:
        self.starts, self.same, self.codes = array("d", [0.0]) * most, array("q", [0]) * most, array("i", [0]) * most
        self.count, self.end = 0, 0.0

    def append(self, points: NDArray[np.float64], codes: NDArray[np.int32], same: NDArray[np.int64]) -> None:
        """Put stretches behind those that are there, without what has no length; neighbours of one state become one."""
        there = points[1:] > points[:-1]
        starts, codes, same = points[:-1][there], codes[there], same[there]
        if not len(codes):
            return
        new = np.ones(len(codes), bool)
        new[1:] = (codes[1:] != codes[:-1]) | (same[1:] != same[:-1])
        last = self.count - 1
        new[0] = not self.count or (codes[0], same[0]) != (self.codes[last], self.same[last])
        self.end = float(points[1:][there][-1])
        place = slice(self.count, self.count + int(new.sum()))
        self.count = place.stop
        np.frombuffer(self.starts, np.float64)[place] = starts[new]
        np.frombuffer(self.same, np.int64)[place] = same[new]
        np.frombuffer(self.codes, np.int32)[place] = codes[new]

    def spans(self, kinds: Sequence[Kind]) -> Spans:
        for column in (self.starts, self.same, self.codes):
            del column[self.count :]
        return Spans.of_columns(self.starts, self.end, self.same, self.codes, kinds)


def _plain(kinds: dict[Kind, int], points: list[float], *of: Kind) -> _Stretch:
    codes = np.array([_place(kinds, kind) for kind in of], np.int32)
    return np.array(points), codes, np.full(len(codes), NOTHING)


def _of_marks(
    sampled: Sampled,
    begin: float,
    stop: float,
    described: NDArray[np.int64],
    undescribed: Mapping[int, Kind],
    kinds: dict[Kind, int],
    thinned: str,
) -> Iterator[_Stretch]:
    """What the marks stand for, a part at a time. A dropped frame shares the fate of the kept one that stands for it."""
    # Worked out once: asked for in each part, these columns would cost the square of the marks.
    all_kept, all_left_out = sampled.kept, sampled.thinned
    for part in parts(len(sampled)):
        stands, kept, left_out = sampled.stands[part], all_kept[part], all_left_out[part]
        # What is in a sorted array stands where it would be put.
        nearest = np.minimum(np.searchsorted(described, stands), max(len(described) - 1, 0))
        told = described[nearest] == stands if len(described) else np.zeros(len(stands), bool)
        codes = np.where(kept, _place(kinds, _DESCRIBED), _place(kinds, _UNCHANGED)).astype(np.int32)
        codes[left_out] = _place(kinds, ("skipped", thinned))
        for mark in np.flatnonzero(~told):
            frame = int(stands[mark])
            codes[mark] = _place(kinds, _ALONE if frame == NOBODY else undescribed.get(frame, _NEVER))
        times = sampled.times[part.start : part.stop + 1]
        points = times if part.stop < len(sampled) else np.append(times, stop)
        yield np.clip(points, begin, stop), codes, np.where(told & ~kept & ~left_out, stands, NOTHING)


def _overlaid(points: NDArray[np.float64], codes: NDArray[np.int32], same: NDArray[np.int64], over: Sequence[_Over]) -> _Stretch:
    """What was lost or is absent, laid over whatever stands there."""
    here = [each for each in over if each[0] < min(each[1], points[-1]) and each[1] > points[0]]
    if not here:
        return points, codes, same
    cuts = np.clip([at for left, right, _ in here for at in (left, right)], points[0], points[-1])
    edges, points = points, np.unique(np.concatenate([points, cuts]))
    owners = np.searchsorted(edges, points[:-1], side="right") - 1
    codes, same = codes[owners], same[owners]
    for left, right, code in here:
        covered = slice(*np.searchsorted(points, [left, right]))
        codes[covered], same[covered] = code, NOTHING
    return points, codes, same


def _stretches(tally: Tally) -> tuple[tuple[State, Sequence[Lost]], ...]:
    return (("skipped", tally.skipped), ("lost", tally.lost), ("absent", tally.absent))


def _place(kinds: dict[Kind, int], kind: Kind) -> int:
    """A kind's number: each has one."""
    return kinds.setdefault(kind, len(kinds))
