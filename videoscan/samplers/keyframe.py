"""Takes the codec's own keyframes: the cheapest look at a video, because nothing between them has to be decoded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field, model_validator

from videoscan.config import Options
from videoscan.seams import INFINITY, Aim

if TYPE_CHECKING:
    from typing import Self

    from pydantic import BaseModel

    from videoscan.model import Frame, SourceInfo

SLACK = 1e-6
"""Seconds. Times are floats made from rationals; a keyframe exactly `least` after the last must not fall to rounding."""


class KeyframeOptions(Options):
    """How near and how far apart samples may lie."""

    least: float = Field(default=0.5, ge=0, allow_inf_nan=False)
    """Least distance between two samples in seconds; keyframes nearer than that to the last sample are passed over."""

    most: float = Field(default=10.0, ge=0, allow_inf_nan=False)
    """If no keyframe comes for so many seconds an ordinary frame is decoded, so that a file with a single keyframe is not
    skipped. 0: never, keyframes only."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.most and self.most < self.least:
            raise ValueError(
                f"most ({self.most:g} s) is below least ({self.least:g} s): raise most, lower least, or set most = 0"
            )
        return self


@dataclass(slots=True)
class KeyframeSession:
    """One pass: remembers only the last sample's time."""

    options: KeyframeOptions
    last: float | None = None

    def aim(self) -> Aim:
        """The first frame of the source, then the next keyframe within ``[last + least, last + most]``."""
        if self.last is None:
            return Aim(0.0)
        latest = self.last + self.options.most if self.options.most else INFINITY
        return Aim(latest, keyframe_from=self.last + self.options.least - SLACK, keyframe_until=latest)

    def saw(self, frame: Frame) -> bool:
        """Whatever met the aim is a sample."""
        self.last = frame.time
        return True


class KeyframeSampler:
    """Samples at keyframes; `most` bounds the distance where the codec has none."""

    Options: ClassVar[type[BaseModel]] = KeyframeOptions

    def __init__(self, options: KeyframeOptions | None = None) -> None:
        self.options = options or KeyframeOptions()

    def session(self, info: SourceInfo) -> KeyframeSession:  # noqa: ARG002  # a seam's argument that this sampler has no use for
        """Start a pass."""
        return KeyframeSession(self.options)
