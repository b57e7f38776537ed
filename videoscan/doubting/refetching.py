"""Frames that are fetched once more, by their times: what stands in for sampler and deduplicator when a span is looked at again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from videoscan.config import Options
from videoscan.model import Mark, Reason
from videoscan.seams import INFINITY, Aim

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import BaseModel

    from videoscan.model import Frame, Picture, SourceInfo
    from videoscan.reading.spec import Look

SLACK = 1e-6
"""Seconds by which two times may differ and still be one frame's."""


@dataclass(frozen=True, slots=True)
class AtTimes:
    """A sampler that takes the first frame at or after each of some times, rising; several that one frame answers count once."""

    Options: ClassVar[type[BaseModel]] = Options
    times: tuple[float, ...]

    def session(self, info: SourceInfo) -> AtTimesSession:  # noqa: ARG002  # a seam's argument that this sampler has no use for
        """Start a pass."""
        return AtTimesSession(self.times)


@dataclass(slots=True)
class AtTimesSession:
    """One pass: the place of the next wanted time."""

    times: tuple[float, ...]
    place: int = 0

    def aim(self) -> Aim:
        """The next wanted time; nothing after the last."""
        return Aim(self.times[self.place] - SLACK if self.place < len(self.times) else INFINITY)

    def saw(self, frame: Frame) -> bool:
        """It is the one, unless nothing was wanted any more."""
        if self.place >= len(self.times):
            return False
        while self.place < len(self.times) and self.times[self.place] <= frame.time + SLACK:
            self.place += 1
        return True


def fetched(frame: Frame, look: Look) -> Frame:
    """The frame, kept, with the region that is to be shown as a crop."""
    return replace(frame, mark=Mark(frame.index, frame.time, kept=True, reason=Reason.CHANGED, region=look.region))


def renumbered(pictures: Sequence[Picture], known: Sequence[tuple[float, int]]) -> tuple[Picture, ...]:
    """The pictures with their frames' indices on the count of the pass that sampled frames of `known` (time, index), in order.

    A frame of a known time has its index; one between two of them gets its place among the indices between theirs, by time, and is
    left out where there is none. What lies outside of them is left out. Crops are second ones: they may show another place than the pass's.
    """
    indices: dict[float, int] = {}
    last = -1
    for time in dict.fromkeys(picture.time for picture in pictures):
        index = _index(time, known)
        if index is not None and index > last:
            indices[time] = last = index
    return tuple(
        replace(picture, frame=index) if picture.zoom_of is None else replace(picture, frame=index, zoom_of=index, crop=2)
        for picture in pictures
        if (index := indices.get(picture.time)) is not None
    )


def _index(time: float, known: Sequence[tuple[float, int]]) -> int | None:
    before: tuple[float, int] | None = None
    for at, index in known:
        if abs(at - time) <= SLACK:
            return index
        if at > time:
            if before is None:
                return None
            share = (time - before[0]) / (at - before[0])
            # Never the index of a known one: that is another frame.
            guess = min(max(round(before[1] + share * (index - before[1])), before[1] + 1), index - 1)
            return guess if before[1] < guess < index else None
        before = at, index
    return None
