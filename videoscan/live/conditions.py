"""Sees when a live picture stands still though pictures come, and when there is nothing on it but black."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from videoscan.model import Condition

if TYPE_CHECKING:
    from videoscan.model import Frame, Gray

_SIZE = (160, 90)
"""Width and height at which pictures are compared."""

_SAME = 0.08
"""Mean difference in grey levels below which two pictures are the same one; see `Watcher`."""

_BLACK = 28
"""Grey level above which nothing lies on a black picture, averaged over blocks: limited-range black is 16, with some noise. A lamp in the night is
not black."""


@dataclass(slots=True)
class _Open:
    """A condition that may be or has been told. `told`: it has lasted long enough. `group`: that of its first picture."""

    kind: str
    start: float
    frame: int
    group: int
    told: bool = False


class Watcher:
    """Judges the sampled frames of one camera.

    Two pictures of a sensor are never quite the same: its noise alone makes them differ. A frozen one is the same to the last grey level,
    or, coded anew with each keyframe, very nearly. Each is held against the first of its kind, so that what creeps is no freeze.

    Between two keyframes an encoder may leave all noise out, and then every picture of a quiet night is the same: it takes a picture of
    another group to tell a freeze. Measured (docs/how-to/cameras.md): keyframes of a still night differ by 0.12 grey levels at least, however
    hard it was compressed; a repeated picture by 0.067 at most, at constant quality; pictures of a still night within a group by as little
    as 0.001.
    """

    def __init__(self, frozen_after: float, black_after: float) -> None:
        self._after = {"frozen": frozen_after, "black": black_after}
        self._reference: Gray | None = None
        self._frozen: _Open | None = None
        self._black: _Open | None = None

    def saw(self, frame: Frame, group: int) -> list[Condition]:
        """What began or ended with this frame. `group` is another number for what was decoded from another keyframe."""
        gray = frame.pixels.gray(*_SIZE)
        told = self._judge_black(frame, gray, group)
        same = self._reference is not None and float(np.mean(np.abs(gray.astype(np.int16) - self._reference))) < _SAME
        if not same or self._black is not None:
            told += self._end("frozen", frame.time)
            self._reference = gray
            self._frozen = _Open("frozen", frame.time, frame.index, group)
        elif self._frozen is not None and self._frozen.group != group:
            told += self._lasts(self._frozen, frame.time)
        return told

    def ended(self, time: float) -> list[Condition]:
        """No picture comes any more since `time`."""
        told = self._end("frozen", time) + self._end("black", time)
        self._reference = self._frozen = self._black = None
        return told

    def _judge_black(self, frame: Frame, gray: Gray, group: int) -> list[Condition]:
        if int(gray.max()) > _BLACK:
            told = self._end("black", frame.time)
            self._black = None
            return told
        if self._black is None:
            self._black = _Open("black", frame.time, frame.index, group)
        return self._lasts(self._black, frame.time)

    def _lasts(self, condition: _Open | None, time: float) -> list[Condition]:
        if condition is None or condition.told or not 0 < self._after[condition.kind] <= time - condition.start:
            return []
        condition.told = True
        return [_condition(condition, None)]

    def _end(self, kind: str, time: float) -> list[Condition]:
        condition = self._frozen if kind == "frozen" else self._black
        return [_condition(condition, time)] if condition is not None and condition.told else []


def _condition(condition: _Open, end: float | None) -> Condition:
    return Condition("black" if condition.kind == "black" else "frozen", condition.start, end, condition.frame)
