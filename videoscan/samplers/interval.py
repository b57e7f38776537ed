"""Takes a frame every so many seconds: exactly, or at a keyframe near by where one saves decoding all that lies between."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field, model_validator

from videoscan.config import Options
from videoscan.seams import Aim

if TYPE_CHECKING:
    from typing import Self

    from pydantic import BaseModel

    from videoscan.model import Frame, SourceInfo

SLACK = 1e-6
"""Seconds. ``3 * 0.1`` is a little more than 0.3: without slack the frame at 0.3 s would be missed."""


class IntervalOptions(Options):
    """How often, and how exactly."""

    every: float = Field(default=1.0, gt=0, allow_inf_nan=False)
    """Seconds between targets, which lie at 0, every, 2 * every and so on."""

    rate: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """Targets per second, instead of `every`."""

    snap: bool = True
    """Take a keyframe if one lies within half an interval of the target; otherwise the first frame at or after it that other
    frames refer to, so that the rest need not be decoded, within half an interval as well. False: always the very first frame at
    or after the target."""

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if self.rate is not None and "every" in self.model_fields_set:
            raise ValueError(f"every ({self.every:g}) and rate ({self.rate:g}) say the same thing twice: give only one of them")
        return self

    @property
    def step(self) -> float:
        """Seconds between targets, whichever way they were given."""
        return 1 / self.rate if self.rate is not None else self.every


@dataclass(slots=True)
class IntervalSession:
    """One pass: the next target's number on the grid, and the last sample's time."""

    step: float
    snap: bool
    number: int = 0
    last: float | None = None

    def aim(self) -> Aim:
        """The target on the grid; with `snap`, a frame within half a step of it, never within half a step of the last sample."""
        target = self.number * self.step
        if self.last is None or not self.snap:
            return Aim(target - SLACK)
        half = self.step / 2
        return Aim(
            target - SLACK,
            keyframe_from=max(target - half, self.last + half) - SLACK,
            keyframe_until=target + half,
            reference_until=target + half,
        )

    def saw(self, frame: Frame) -> bool:
        """Whatever met the aim is a sample. Targets that passed while there was no frame are left out, not made up for."""
        self.last = frame.time
        self.number = max(self.number + 1, math.floor((frame.time + SLACK) / self.step) + 1)
        return True


class IntervalSampler:
    """Samples on a grid of times."""

    Options: ClassVar[type[BaseModel]] = IntervalOptions

    def __init__(self, options: IntervalOptions | None = None) -> None:
        self.options = options or IntervalOptions()

    def session(self, info: SourceInfo) -> IntervalSession:  # noqa: ARG002  # a seam's argument that this sampler has no use for
        """Start a pass."""
        return IntervalSession(self.options.step, self.options.snap)
