"""The regions of a camera's picture that count: their mask, and the black that covers the rest."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from videoscan.model import Bgr, Frame, Gray, Pixels, Polygon, Regions

_SHIFT = 4
"""Fractional bits of the corners that OpenCV's polygons take: a sixteenth of a pixel."""


def mask(regions: Regions, width: int, height: int) -> Gray:
    """1 where the picture counts and 0 where not, shape (height, width).

    A pixel belongs to a polygon that covers its middle, or whose outline touches it. What is excluded wins over what is included:
    a pixel at the border of an excluded polygon is out, so that with `black_out` nothing of it is left at any size.
    """
    counts = np.zeros((height, width), np.uint8) if regions.include else np.ones((height, width), np.uint8)
    _fill(counts, regions.include, 1)
    _fill(counts, regions.exclude, 0)
    return counts


def _fill(counts: Gray, polygons: tuple[Polygon, ...], value: int) -> None:
    height, width = counts.shape
    for polygon in polygons:
        corners = np.array(polygon, float) * (width, height) - 0.5
        cv2.fillPoly(counts, [np.round(corners * 2**_SHIFT).astype(np.int32)], (value,), shift=_SHIFT)


@dataclass(frozen=True, slots=True)
class Blackened:
    """A picture whose ignored parts are black at every size it is asked for."""

    pixels: Pixels
    regions: Regions

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.pixels.size

    def gray(self, width: int, height: int) -> Gray:
        """See `videoscan.model.Pixels`."""
        return covered(self.pixels.gray(width, height), self.regions)

    def bgr(self, long_side: int | None = None) -> Bgr:
        """See `videoscan.model.Pixels`."""
        return covered(self.pixels.bgr(long_side), self.regions)


def in_black(frame: Frame, regions: Regions) -> Frame:
    """A frame, and what follows it, with all that does not count black."""
    asked = frame.following
    after = None if asked is None else lambda: (Blackened(pixels, regions) for pixels in asked())
    return replace(frame, pixels=Blackened(frame.pixels, regions), following=after)


def covered(picture: NDArray[np.uint8], regions: Regions) -> NDArray[np.uint8]:
    """A picture, shape (height, width) or (height, width, 3), with all that does not count black."""
    height, width = picture.shape[:2]
    picture = picture.copy()  # it may be somebody else's: pixels may hand out what they hold
    picture[mask(regions, width, height) == 0] = 0
    return picture
