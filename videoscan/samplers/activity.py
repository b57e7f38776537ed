"""Looks now and then while nothing happens, and closely around whatever does, from before its beginning: for fixed cameras."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import cv2
import numpy as np
from pydantic import Field, model_validator

from videoscan.config import Options
from videoscan.reading.difference import Comparator, grid, view
from videoscan.seams import Aim, Back

if TYPE_CHECKING:
    from typing import Self

    from numpy.typing import NDArray
    from pydantic import BaseModel

    from videoscan.model import Frame, SourceInfo
    from videoscan.reading.difference import Plane, View

SLACK = 1e-6
TICK = 1.0
"""Seconds between the looks that noise and clocks are learned from, at least: between nearer ones a clock may stand still."""
_BLOCK = 10  # cells
_RESTLESS_RATE, _RESTLESS_ON, _RESTLESS_OFF = 0.1, 0.5, 0.3  # restless after seven looks that all show a change
_RESTLESS_SHARE = 0.06  # of the blocks; what is larger is no clock


class ActivityOptions(Options):
    """How closely and how loosely it looks."""

    least: float = Field(default=0.5, gt=0, allow_inf_nan=False)
    """Seconds between samples while something happens: 0.5 is two a second. An event's begin is known to so many seconds."""

    most: float = Field(default=2.0, gt=0, allow_inf_nan=False)
    """Seconds between samples while nothing happens, at most. Whatever shows for so long is seen. Keyframes are taken where they come
    as often as that; where they are further apart, pictures between them have to be decoded."""

    calm: float = Field(default=3.0, ge=0, allow_inf_nan=False)
    """Seconds without a change after which it looks less often again."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.most < self.least:
            raise ValueError(f"most ({self.most:g} s) is below least ({self.least:g} s): raise most or lower least")
        return self


class ActivitySession:
    """One pass: what the place's noise is, what it looked like lately, and until when it is watched closely."""

    def __init__(self, options: ActivityOptions) -> None:
        self._options = options
        self._comparator = Comparator()
        self._grid: tuple[int, int] | None = None
        self._learned: tuple[float, View] | None = None
        self._restless = _Restless()
        self._reference: tuple[float, View] | None = None
        self._last: float | None = None
        self._until = -1.0
        self._asked: float | None = None
        self._goes_back = True

    def aim(self) -> Aim:
        """Closely: the next frame `least` seconds on. Else a keyframe within ``[most / 2, most]``, or the frame at `most`."""
        if self._last is None:
            return Aim(0.0)
        if self._last < self._until:
            return Aim(self._last + self._options.least - SLACK)
        latest = self._last + self._options.most
        earliest = self._last + max(self._options.least, self._options.most / 2)
        return Aim(latest - SLACK, keyframe_from=earliest - SLACK, keyframe_until=latest)

    def saw(self, frame: Frame) -> bool | Back:
        """A sample, unless it shows that something began since the last one: then back to see the beginning."""
        if self._asked is not None:
            # A source that cannot go back has skipped the frame that was shown; once is enough.
            self._goes_back = frame.time <= self._asked
            self._asked = None
        now = self._look(frame)
        changed = self._reference is not None and self._changed(now, self._reference[1])
        if changed:
            closely = self._last is not None and self._last < self._until
            self._until = frame.time + self._options.calm - SLACK
            if (
                self._last is not None
                and self._goes_back
                and not closely
                and frame.time - self._last > self._options.least + SLACK
            ):
                self._asked = frame.time
                return Back(self._last + self._options.least)
        # Against the frame of `most` seconds ago rather than the last: what creeps shows too.
        if changed or self._reference is None or frame.time - self._reference[0] >= self._options.most - SLACK:
            self._reference = frame.time, now
        self._last = frame.time
        return True

    def _look(self, frame: Frame) -> View:
        if self._grid is None:
            self._grid = grid(frame.pixels.size)
        before = self._learned
        if before is not None and frame.time - before[0] < TICK - SLACK:
            return view(frame.pixels.gray(*self._grid))
        now = self._comparator.look(frame.pixels)
        self._learned = frame.time, now
        if before is not None:
            self._restless.learn(self._comparator.difference(now, before[1]) > self._comparator.threshold)
        return now

    def _changed(self, now: View, before: View) -> bool:
        found = self._comparator.compare(now, before)
        if not found.changed or found.region is None or self._restless.elsewhere is None:
            return found.changed
        apart = self._comparator.difference(now, before) * self._restless.elsewhere
        return bool(apart.max() > self._comparator.threshold)


class _Restless:
    """Places that look different at most looks, however far apart these are: a clock, a blinking light, a fan.

    The comparator's own mask needs cells that change nearly always; seen every other second, the digits of a clock share too many
    strokes. Blocks of cells do change. That is good enough to decide how closely to look, though not what to drop.
    """

    def __init__(self) -> None:
        self._shares: Plane | None = None
        self._blocks: NDArray[np.bool_] | None = None
        self.elsewhere: Plane | None = None
        """1 where cells are not restless, 0 where they are; `None` while nothing is."""

    def learn(self, changed: NDArray[np.bool_]) -> None:
        """Take in which cells changed since the last look."""
        rows, columns = changed.shape
        size = max(1, round(columns / _BLOCK)), max(1, round(rows / _BLOCK))
        touched = cv2.resize(changed.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0
        if self._shares is None or self._blocks is None:
            self._shares, self._blocks = np.zeros(touched.shape, np.float32), np.zeros(touched.shape, np.bool_)
        self._shares += _RESTLESS_RATE * (touched - self._shares)
        self._blocks = (self._shares > _RESTLESS_ON) | (self._blocks & (self._shares > _RESTLESS_OFF))
        self.elsewhere = None
        if 0 < np.count_nonzero(self._blocks) <= _RESTLESS_SHARE * self._blocks.size:
            # The minutes beside the seconds change too, only less often.
            wide = cv2.dilate(self._blocks.astype(np.uint8), np.ones((1, 3), np.uint8))
            self.elsewhere = np.asarray(1 - cv2.resize(wide, (columns, rows), interpolation=cv2.INTER_NEAREST), np.float32)


class ActivitySampler:
    """Samples every `most` seconds while nothing happens, at keyframes where it can, and every `least` seconds around a change.

    When a sample differs from the one before, the source goes back and shows what lies between, so an event begins within
    `least` seconds of the truth though nobody was looking. What shows for `most` seconds is seen; what is shorter may fall between
    two samples. Light that comes on or goes out is a change, a slow drift of light is none; a clock in the picture is known after
    ten seconds. Where more than 6 % of the picture moves all the time (trees, rain, traffic) it looks closely all the time.

    Memory: 1 MB, and in the source the undecoded packets since the last sample and its keyframe: 64 MiB or 4096 of them at most.
    Where more lie between two samples (keyframes minutes apart, at dozens of megabits a second) it does not go back, and an event
    begins with the first sample that shows it.
    """

    Options: ClassVar[type[BaseModel]] = ActivityOptions

    def __init__(self, options: ActivityOptions | None = None) -> None:
        self.options = options or ActivityOptions()

    def session(self, info: SourceInfo) -> ActivitySession:  # noqa: ARG002  # a seam's argument that this sampler has no use for
        """Start a pass."""
        return ActivitySession(self.options)
