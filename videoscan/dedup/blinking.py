"""Puts out what blinks: a place that shows now one thing and now another is seen as if it always showed the first of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from videoscan.reading.difference import Cells, Plane, View

if TYPE_CHECKING:
    from numpy.typing import NDArray

_RATE = 0.06  # per sample, of what a face looks like and of how often a cell shows one of its two
_NEAR = 0.35  # times the threshold: so near a cell shows a face
_APART = 0.5  # times the threshold: two faces differ by more. Beside a sign, where only its glow and the local mean change, by little more
_CLEARLY = 2.0
_FEWEST = 12
"""Cells, connected, whose faces are `_CLEARLY` apart: less is no sign. Of a clock's cells now and then one has only two faces, never so many."""
_AROUND = np.ones((21, 21), np.uint8)  # as far as a change is felt where local means are taken off
_SHARE = 0.06
"""Of the picture: what blinks together, its glow apart. As for the mask, smallest first; the rest is a busy scene."""
_FADES = 0.98  # per sample, of what is counted
_MOVED = 1.5
"""Changes, fading, from which on a cell is followed."""
_BUSY = 0.3
"""Share of the cells: where more than that have changed often nothing is put out."""
_FIRST_FITS, _FITS, _UNFIT, _FITS_NO_MORE = 0.8, 0.9, 0.8, 0.5
_SWITCHES, _MOST_SWITCHES, _STOPPED = 4.0, 6.0, 2.5
"""Changes from one face to the other, fading: from the fifth on a cell blinks. A traffic light of half a minute does not. What stops is taken as
it is within 45 samples."""


class Blinking:
    """Learns, cell by cell, two faces that it changes between, and takes one for the other.

    A sign, a warning light or a lamp with a loose contact is a change at every other sample, and nothing happens. To leave its place out, as a
    clock's, would hide whoever passes in front of it. They are neither of its faces: a cell is put out only as far as it shows the one
    or the other, and whatever it is beside that stays in it and is compared. A place whose looks are many (water, leaves, a
    film, the digits of a clock) has no two faces and is left as it is. So is the picture that somebody leaves, or comes back to: that
    is no fifth change within a minute.

    Its limits: what alternates between two looks for a dozen samples is taken for blinking whatever it is, a machine that goes up and down
    too. That it stops is not told unless it stops at the other face, and then 45 samples later.

    Memory: eight planes. Time: in proportion to the cells that changed at least twice within a minute or so.
    """

    def __init__(self) -> None:
        self._before: Plane | None = None

    def clear(self, now: View, threshold: float) -> View:
        """The sample with what blinks as it was first seen; the very same where nothing does."""
        seen = now.detail
        if self._before is None:
            self._before = seen
            self._moves = np.zeros_like(seen)
            self._faces = np.zeros((2, *seen.shape), np.float32)
            self._fits = np.full_like(seen, -1)
            """How often a cell shows one of its faces, 0..1; below 0 where it is not followed."""
            self._switches = np.zeros_like(seen)
            self._other = np.zeros(seen.shape, bool)
            """Where the face seen last is the second one."""
            self._blinks = np.zeros(seen.shape, bool)
            self._signs = self._blinks
            self._near = self._blinks
            return now
        self._moves *= _FADES
        moved = cv2.threshold(cv2.absdiff(seen, self._before), _APART * threshold, 1.0, cv2.THRESH_BINARY)[1]
        self._moves += moved
        self._before = seen
        followed = self._moves > _MOVED
        count = np.count_nonzero(followed)
        if not count:
            return now
        if count > _BUSY * followed.size:
            self._fits.fill(-1)
            self._blinks[:] = False
            return now
        shift = self._follow(seen.ravel(), np.flatnonzero(followed), threshold)
        if shift is None:
            return now
        shift = shift.reshape(seen.shape)
        luma = np.clip(np.rint(now.luma + shift), 0, 255).astype(np.uint8)
        return View(luma, seen + shift, now.ground, now.light)

    def _follow(self, seen: Plane, cells: NDArray[np.intp], threshold: float) -> Plane | None:
        """Learn from the cells that change, and what is to be added to put them out."""
        fits, switches = self._fits.ravel(), self._switches.ravel()
        other, blinks = self._other.ravel(), self._blinks.ravel()
        first, second = self._faces[0].ravel(), self._faces[1].ravel()
        begins = cells[fits[cells] < 0]
        first[begins] = second[begins] = seen[begins]
        fits[begins], switches[begins], other[begins], blinks[begins] = _FIRST_FITS, 0, False, False

        shown, one, two = seen[cells], first[cells], second[cells]
        gap = np.abs(one - two)
        to_one, to_two = np.abs(shown - one), np.abs(shown - two)
        is_two = to_two < to_one
        off = np.minimum(to_one, to_two)
        shows = off <= _NEAR * threshold
        switched = shows & (is_two != other[cells]) & (gap > _APART * threshold)
        often = fits[cells]
        count = switches[cells] * np.float32(_FADES)
        blinking = blinks[cells]
        stays = blinking & (often >= _FITS_NO_MORE) & (count >= _STOPPED)
        blinking = stays | ((often > _FITS) & (count > _SWITCHES) & (gap > _APART * threshold))
        blinks.fill(False)
        blinks[cells] = blinking
        # Whoever stands in front of a sign is no face of it: none goes until the place has been something else for a while.
        anew = ~shows & ((~blinking & (often < _UNFIT)) | (gap <= _NEAR * threshold))

        shift: Plane | None = None
        if blinking.any():
            put = blinking & is_two & (off <= threshold) & self._of_signs(gap, cells, threshold)
            if put.any():
                shift = np.zeros_like(seen)
                shift[cells[put]] = (one - two)[put]

        fits[cells] = often + _RATE * (shows - often)
        switches[cells] = np.where(anew, 0, np.minimum(count + switched, _MOST_SWITCHES))
        was_two = other[cells]
        other[cells] = np.where(shows, is_two, was_two ^ anew)
        # The face that was not seen last goes.
        follows = np.where(shows, np.float32(_RATE), np.float32(0))
        first[cells] = np.where(anew & was_two, shown, one + follows * ~is_two * (shown - one))
        second[cells] = np.where(anew & ~was_two, shown, two + follows * is_two * (shown - two))
        return shift

    def _of_signs(self, gap: Plane, cells: NDArray[np.intp], threshold: float) -> NDArray[np.bool_]:
        """Which of the cells are part of something large enough to be a sign, or beside it."""
        signs = np.zeros(self._blinks.shape, bool)
        signs.ravel()[cells] = gap > _CLEARLY * threshold
        signs &= self._blinks
        if not np.array_equal(signs, self._signs):
            self._signs, self._near = signs, _near(signs)
        return np.asarray(self._near.ravel()[cells], bool)


def _near(signs: NDArray[np.bool_]) -> NDArray[np.bool_]:
    count, labels, stats, _ = cv2.connectedComponentsWithStats(signs.astype(np.uint8), connectivity=8)
    areas = stats[:, cv2.CC_STAT_AREA]
    room = _SHARE * signs.size
    large: Cells = np.zeros(signs.shape, np.uint8)
    for label in sorted((label for label in range(1, count) if areas[label] >= _FEWEST), key=lambda label: int(areas[label])):
        room -= int(areas[label])
        if room < 0:
            break
        large[labels == label] = 1
    return np.asarray(cv2.dilate(large, _AROUND), bool)
