"""A kept frame as the frames that it stands for show it: without the noise of the one picture that was kept."""

from __future__ import annotations

import cv2
import numpy as np

from videoscan.reading.difference import CHANGED, NOISE_FLOOR, Plane, View

_MOST = 8
"""Samples that are averaged: with 16 and 32 there is hardly less noise left, and slow changes are followed later."""
_FINER = 7 / 6
"""Where noise explains less than coding and rounding do, 6 grey levels count instead of 7. With 7 a person of 2 % and 34 grey levels was missed in
`dawn`, `lamp`, `knock` and `dusk`; with 5.25 more of every shaken or coded scene was kept (`benchmarks/disturbances.py`)."""
_NOISY = 1.2 * CHANGED * NOISE_FLOOR
"""Grey levels: a threshold above it is made by noise."""
_BESIDE = np.ones((3, 3), np.uint8)


class Standing:
    """What of a kept frame others are compared with: its details, and the mean of those of the frames that it stands for.

    Two pictures differ by the noise of both, and the mean of eight has an eighth of its variance left, so noise explains less of what
    is apart from it. Leaves, waves and coding come back to their mean more often than to the one picture that was kept. A cell that a
    kept frame shows as the frame before it did goes on with its mean; one that changed, and those beside it, begin anew.

    What creeps in too slowly to be seen from one sample to the next would move the mean along: by how much the mean moved since the
    frame was kept is held against the threshold as well (`crept`).

    Memory: four planes.
    """

    __slots__ = ("_added", "_kept", "_mean", "_samples", "shown")

    def __init__(self, now: View, before: Standing | None = None, changed: Plane | None = None) -> None:
        """Of a frame that is kept. `before` is what the frame before it was the same as, or began; `changed` is above 0 where it differs."""
        self.shown = now
        self._samples = np.ones_like(now.detail)
        self._mean = now.detail.copy()
        self._added = 0
        """Samples since the frame was kept: from `_MOST` - 1 on every cell has as many as there may be."""
        if before is not None and changed is not None:
            goes_on = (cv2.dilate(changed, _BESIDE) <= 0).astype(np.uint8)
            cv2.copyTo(np.minimum(before._samples + 1, _MOST), goes_on, self._samples)  # noqa: SLF001  # of this class
            cv2.copyTo(before._mean, goes_on, self._mean)  # noqa: SLF001
            self._mean += (now.detail - self._mean) / self._samples
        self._kept = self._mean.copy()

    def add(self, now: View) -> None:
        """Average one more picture that shows the same."""
        self._added += 1
        if self._added >= _MOST:
            cv2.accumulateWeighted(now.detail, self._mean, 1 / _MOST)
            return
        np.minimum(self._samples + 1, _MOST, out=self._samples)
        step = now.detail - self._mean
        step /= self._samples
        self._mean += step

    def apart(self, now: View, threshold: float) -> Plane:
        """How far each cell of a picture is apart, in grey levels that count as between two single pictures, for which `threshold` is."""
        apart = _apart(now.detail, self._mean)
        if threshold <= _NOISY:
            # What is as it was in the kept picture itself did not change. Among strong noise somebody may happen to be so.
            cv2.min(apart, _apart(now.detail, self.shown.detail), dst=apart)
            apart *= _FINER
        elif self._added >= _MOST - 1:
            apart /= _noise_against(_MOST)
        else:
            apart /= _noise_against(self._samples)
        return apart

    def crept(self) -> Plane:
        """How far the mean of each cell moved since the frame was kept, in grey levels."""
        return _apart(self._mean, self._kept)


def _noise_against(samples: Plane | int) -> Plane | float:
    """The noise of a picture against a mean of so many, in units of that against one."""
    return np.asarray(np.sqrt((1 + 1 / samples) / 2), np.float32)


def _apart(one: Plane, other: Plane) -> Plane:
    return np.asarray(cv2.absdiff(one, other), np.float32)
