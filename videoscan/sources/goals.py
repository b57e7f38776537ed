"""Aims in ticks of a file's clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from videoscan.sources.times import tick

if TYPE_CHECKING:
    from videoscan.seams import Aim

NEVER = float("inf")


@dataclass(frozen=True, slots=True)
class Goal:
    """See `videoscan.seams.Aim`. All bounds belong to what they bound."""

    at: float
    key_from: float = NEVER
    key_until: float = -NEVER
    reference_until: float = -NEVER

    @classmethod
    def of(cls, aim: Aim, base: float, zero: int, earliest: float) -> Goal:
        """`base` is a tick in seconds, `zero` the first frame's; nothing before `earliest` meets the goal."""

        def first(time: float) -> float:
            return zero + tick(time, base)

        def last(time: float) -> float:
            return zero - tick(-time, base)

        at = max(first(aim.time), earliest)
        return cls(at, first(aim.keyframe_from), last(aim.keyframe_until), last(aim.reference_until))

    @property
    def by_reference(self) -> bool:
        """A frame that others refer to is good enough, so only such are decoded."""
        return self.reference_until >= self.at and not self.endless

    @property
    def endless(self) -> bool:
        """Only keyframes are wanted."""
        return self.at == NEVER
