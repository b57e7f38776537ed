"""A kept frame as the frames that it stands for show it: without the noise of the one picture that was kept."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from videoscan.difference import CHANGED, NOISE_FLOOR, Plane, View

_MOST = 8.0
"""Samples that are averaged: with 16 and 32 there is hardly less noise left, and slow changes are followed later."""
_LEAST = CHANGED * NOISE_FLOOR
_NOISY = 1.2
"""Times the least threshold, from which on noise is what makes pictures differ."""
_BESIDE = np.ones((3, 3), np.uint8)


class Standing:
    """What of a kept frame others are compared with: its details, and the mean of those of the frames that it stands for.

    Two pictures differ by the noise of both, and the mean of eight has an eighth of its variance left, so noise explains less of what
    is apart from it. Leaves, waves and coding come back to their mean more often than to the one picture that was kept. A cell that a
    kept frame shows as the frame before it did goes on with its mean; one that changed, and those beside it, begin anew.

    What creeps in too slowly to be seen from one sample to the next would move the mean along: by how much the mean moved since the frame
    was kept is held against the threshold as well (`crept`).

    Measured (`benchmarks/disturbances.py --seed 1`) against comparing with the kept picture alone: of the quiet samples under coded noise of 8 grey
    levels 23 % were kept instead of 77, in gusts 13 instead of 22, and of 56 begins and ends under noise of 16 one was missed instead of three.
    Memory: four planes.
    """

    __slots__ = ("_kept", "_samples", "mean", "shown")

    def __init__(self, now: View, before: Standing | None, threshold: float) -> None:
        """Of a frame that is kept; `before` is what the frame before it was the same as, or began."""
        self.shown = now
        self._samples = np.ones_like(now.detail)
        self.mean = replace(now, detail=now.detail.copy())
        if before is not None:
            changed = (cv2.absdiff(now.detail, before.mean.detail) > threshold).astype(np.uint8)
            goes_on = cv2.dilate(changed, _BESIDE) == 0
            self._samples[goes_on] = np.minimum(before._samples + 1, _MOST)[goes_on]  # noqa: SLF001  # of this class
            self.mean.detail[goes_on] = before.mean.detail[goes_on]
            self._take(now)
        self._kept = self.mean.detail.copy()

    def add(self, now: View) -> None:
        """Average one more picture that shows the same."""
        np.minimum(self._samples + 1, _MOST, out=self._samples)
        self._take(now)

    def apart(self, now: View, threshold: float) -> Plane:
        """How far each cell of a picture is apart, in grey levels that count as between two single pictures, for which `threshold` is."""
        apart = _apart(now.detail, self.mean.detail)
        if threshold > _LEAST:
            left = np.sqrt((1 + 1 / self._samples) / 2) * threshold
            apart *= threshold / np.maximum(left, _LEAST)
        if threshold <= _NOISY * _LEAST:
            # What is as it was in the kept picture itself did not change. Among strong noise somebody may happen to be so.
            cv2.min(apart, _apart(now.detail, self.shown.detail), dst=apart)
        return apart

    def crept(self) -> Plane:
        """How far the mean of each cell moved since the frame was kept, in grey levels."""
        return _apart(self.mean.detail, self._kept)

    def _take(self, now: View) -> None:
        step = now.detail - self.mean.detail
        step /= self._samples
        self.mean.detail[...] += step


def _apart(one: Plane, other: Plane) -> Plane:
    return np.asarray(cv2.absdiff(one, other), np.float32)
