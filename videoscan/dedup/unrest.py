"""What each place of the picture usually does from one sample to the next: the noise of that place, not of the whole picture."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import cv2
import numpy as np

from videoscan.reading.difference import CHANGED, Plane

if TYPE_CHECKING:
    from videoscan.reading.difference import Comparator

MOST = 14.0
"""Grey levels: more is never needed to count as a change, however restless a place is. Twice what a still place needs: a tree in the wind
is quieter then (94 % of the quiet samples kept before, 62 % now), and nobody who passes in front of it is missed. With 16,
one of 28 was (`benchmarks/disturbances.py --only tree --seed 1 --seed 2`)."""
_QUANTILE = 0.75
_UNITS = CHANGED / 1.1503  # the 0.75 quantile of |x| is 1.1503 for a normal x of deviation 1
_STANDS_OUT = 1.2  # times the threshold elsewhere: the estimate itself is no more exact than that
_RATE, _FIRST_RATE = 0.06, 0.5
_AROUND = (3, 3)


class Unrest:
    """The 0.75 quantile of each cell's steps, followed by stochastic approximation on its logarithm.

    Coded noise, an edge that trembles, a spider's web and leaves all move a place by more than the sensor's noise moves the rest.
    A quantile is what it usually does: three samples with somebody there in a hundred leave it alone. Memory: two planes.
    """

    def __init__(self) -> None:
        self._step: Plane | None = None
        self._seen = 0

    def learn(self, step: Plane, comparator: Comparator) -> None:
        """Take in the absolute differences of a sample to the one before it, in grey levels."""
        if self._step is None:
            self._step = np.full_like(step, comparator.threshold / _UNITS)
        self._seen += 1
        rate = max(_RATE, _FIRST_RATE / (self._seen + 1) ** 0.7)
        up, down = np.float32(math.exp(rate * _QUANTILE)), np.float32(math.exp(-rate * (1 - _QUANTILE)))
        self._step *= np.where(step > self._step, up, down)

    def ease(self, threshold: float, still: float = 1.0) -> Plane | None:
        """By what a cell's difference is to be multiplied so that `threshold` is right for it: `still` in still places, less in restless ones."""
        if self._step is None:
            return None
        needed = np.asarray(cv2.blur(self._step, _AROUND), np.float32)
        needed *= _UNITS
        np.minimum(needed, max(MOST, threshold), out=needed)
        needed[needed <= _STANDS_OUT * threshold] = threshold / still
        return np.asarray(np.divide(threshold, needed, dtype=np.float32), np.float32)
