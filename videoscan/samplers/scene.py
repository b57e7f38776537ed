"""Takes a frame of every shot, once it is up, and one every so often within a shot: for edited footage."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field, model_validator

from videoscan.config import Options
from videoscan.reading.difference import grid
from videoscan.reading.shots import Shots
from videoscan.seams import Aim

if TYPE_CHECKING:
    from typing import Self

    from pydantic import BaseModel

    from videoscan.model import Frame, SourceInfo

SLACK = 1e-6
STRIDE = 1 / 32
"""Seconds between two frames that are looked at, at least: all of them up to 30 a second, every other one at 50 or 60."""


class SceneOptions(Options):
    """How near and how far apart samples may lie."""

    least: float = Field(default=0.5, ge=0, allow_inf_nan=False)
    """Least distance between two samples in seconds. Of shots that follow each other faster than that, some are passed over."""

    most: float = Field(default=2.0, gt=0, allow_inf_nan=False)
    """Seconds after which another frame of the same shot is taken."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.most < self.least:
            raise ValueError(f"most ({self.most:g} s) is below least ({self.least:g} s): raise most or lower least")
        return self


class SceneSession:
    """One pass: the shot detector, the last frame that was looked at, the last sample, and whether a shot has none yet."""

    def __init__(self, options: SceneOptions) -> None:
        self._options = options
        self._shots = Shots()
        self._grid: tuple[int, int] | None = None
        self._seen = 0.0
        self._last: float | None = None
        self._owed = False

    def aim(self) -> Aim:
        """The next frame: a cut shows only between neighbours."""
        return Aim(0.0 if self._last is None else self._seen + STRIDE - SLACK)

    def saw(self, frame: Frame) -> bool:
        """A sample if a new shot is up, or if the last sample is too long ago."""
        if self._grid is None:
            self._grid = grid(frame.pixels.size)
        self._seen = frame.time
        self._owed |= self._shots.take(frame.time, frame.pixels.gray(*self._grid)) is not None
        since = float("inf") if self._last is None else frame.time - self._last
        if since < (self._options.least if self._owed else self._options.most) - SLACK:
            return False
        self._last = frame.time
        self._owed = False
        return True


class SceneSampler:
    """Samples at shot boundaries (cuts, fades, dissolves, wipes with a graphic), and between them at least every `most` seconds.

    The sample of a new shot is its first settled frame: a quarter of a second after a cut, the first frame that shows all of it
    after a fade or dissolve. Flashes and pans are no boundaries. Every frame is decoded (at 50 and 60 a second every other one),
    so a pass costs what reading the whole video costs.
    """

    Options: ClassVar[type[BaseModel]] = SceneOptions

    def __init__(self, options: SceneOptions | None = None) -> None:
        self.options = options or SceneOptions()

    def session(self, info: SourceInfo) -> SceneSession:  # noqa: ARG002  # a seam's argument that this sampler has no use for
        """Start a pass."""
        return SceneSession(self.options)
