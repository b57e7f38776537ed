"""Takes out of a picture what is in it for a moment only: rain and snow, which are gone from their place in the very next pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from videoscan.reading.difference import Plane, View

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

HEAVY = 8.0
"""Small things that changed from one sample to the next, smoothed, from which on they are weather. Made rain has 100, made snow 140, a street 2."""
_SMALL = 40
"""Cells of a small thing at most: a streak of rain near the lens has 20."""
_MOST_CHANGED = 0.25
"""Share of the cells: where more of them changed, the camera moves or the scene is another, and nothing is taken out."""
_SMOOTHING = 0.2  # per sample: known well within the warm-up
_ONE_WAY = 0.8
"""Share of the cells unlike their place that are lighter, or darker, from which on it is weather: all but 1 % in made rain and snow, where drops
and flakes lighten what is behind them. Noise, leaves, waves and a trembling camera go half and half."""
_USUAL = 0.1  # per sample
_FEWEST = 4
"""Pictures that have to follow: among fewer too many drops are at the same place again (of quiet made rain 44 % was kept with four, 6 % with six)."""
_HARDLY = 0.5
"""Share of the small things, smoothed, that is still there when all is done: from there on it is no weather but leaves, waves or traffic."""
_PAUSE = 60
"""Samples for which nothing is asked then."""
_BESIDE = (3, 1)
"""Cells across and down in which somebody is to be found again: they walk from one into the next within the quarter of a second."""


class Weather:
    """Clears a sample of drops and flakes, with the pictures that follow it within a quarter of a second.

    Nothing in one picture tells a drop from a person of 2 % of its height: both are a few grey levels on a cell or two. In time they
    differ: a drop is elsewhere 40 ms later, and a person has moved by a fraction of their own width. Each cell is held against what its
    place usually shows. Where it is lighter, and what falls is lighter too, only so much is left as is there in all of the pictures, in the
    cell or beside it. Where it is darker, drops may hide it but hardly feign it: what is there in half of the pictures is left. (The other way
    round where what falls is dark.) What is left becomes what the place usually shows if it counts as a change, so that neither a drop nor
    a parked car that drives off weighs on the next samples.

    Only where many small things change from sample to sample, nearly all of them one way, and are gone in the pictures that follow: these have
    to be decoded.

    Memory: one plane, and those of the pictures that are compared.
    """

    def __init__(self) -> None:
        self._usual: Plane | None = None
        self._small = 0.0
        self._lighter, self._darker = HEAVY, 0.0
        """Cells unlike their place, smoothed. What falls is taken to be light until it is seen."""
        self._asked = False
        self._left = 0.0
        self._pause = 0

    def clear(self, now: View, before: View | None, threshold: float, following: Callable[[], Iterable[View]] | None) -> View:
        """The sample without what was in it for a moment; the very same where nothing is taken out. `following` is asked in rain or snow only."""
        usual = self._usual
        if before is None or usual is None:
            self._usual = now.detail.copy()
            return now
        small, share = _changed(now, before, threshold)
        self._small += _SMOOTHING * (small - self._small)
        self._pause -= self._pause > 0
        weather = self._small > HEAVY and share <= _MOST_CHANGED
        if self._asked:
            weather = weather and self._goes_one_way(now.detail - usual, threshold)
        if weather and following is not None and not self._pause:
            after = [each.detail for each in following()]
            if len(after) >= _FEWEST:
                if not self._asked:
                    # So far it is what the first sample showed, drops and all, and which way they go cannot be told from it.
                    np.copyto(usual, np.median([now.detail, *after], axis=0))
                    self._asked = True
                cleared = self._cleared(now, after, usual, threshold)
                self._left += _SMOOTHING * (_changed(cleared, before, threshold)[0] / max(1, small) - self._left)
                if self._left > _HARDLY:
                    self._left, self._pause = 0.0, _PAUSE
                return cleared
            self._pause = _PAUSE
        cv2.accumulateWeighted(now.detail, usual, _USUAL)
        return now

    def _goes_one_way(self, apart: Plane, threshold: float) -> bool:
        lighter, darker = int(np.count_nonzero(apart > threshold)), int(np.count_nonzero(apart < -threshold))
        self._lighter += _SMOOTHING * (lighter - self._lighter)
        self._darker += _SMOOTHING * (darker - self._darker)
        return max(self._lighter, self._darker) >= _ONE_WAY * (self._lighter + self._darker)

    def _cleared(self, now: View, after: list[Plane], usual: Plane, threshold: float) -> View:
        apart = np.stack([now.detail, *after]) - usual
        lighter = self._lighter > self._darker
        stays = _lasting(apart, often=lighter)
        stays -= _lasting(-apart, often=not lighter)
        detail = usual + stays
        cv2.accumulateWeighted(detail, usual, _USUAL)
        np.copyto(usual, detail, where=np.abs(stays) > threshold)
        luma = np.clip(np.rint(now.luma + (detail - now.detail)), 0, 255).astype(np.uint8)
        return View(luma, detail, now.ground, now.light)


def _lasting(apart: Plane, *, often: bool) -> Plane:
    """How far each cell is above its usual value in all pictures, the first of them the sample's own; without `often` in half of them."""
    above = np.maximum(apart, 0)
    if not often:
        middle = (len(above) - 1) // 2
        return np.asarray(np.partition(above, middle, axis=0)[middle], np.float32)
    left = above[0]
    for each in above[1:]:
        cv2.min(left, cv2.boxFilter(each, -1, _BESIDE, normalize=False), dst=left)
    return np.asarray(left, np.float32)


def _changed(now: View, before: View, threshold: float) -> tuple[int, float]:
    """How many small things changed, and the share of all cells that did."""
    apart = cv2.threshold(cv2.absdiff(now.detail, before.detail), threshold, 1.0, cv2.THRESH_BINARY)[1]
    changed = np.asarray(apart, np.uint8)
    cells = cv2.countNonZero(changed)
    if cells <= HEAVY:
        return cells, cells / changed.size
    count, _, stats, _ = cv2.connectedComponentsWithStats(changed, connectivity=8)
    return int(np.count_nonzero(stats[1:count, cv2.CC_STAT_AREA] <= _SMALL)), cells / changed.size
