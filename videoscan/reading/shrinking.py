"""Makes pictures small by averaging areas, several times as fast as in one step."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Depth = TypeVar("Depth", np.uint8, np.uint16)


def area_averaged(picture: NDArray[Depth], width: int, height: int) -> NDArray[Depth]:
    """A picture, shape (rows, columns) or (rows, columns, channels), with each pixel the mean of the area that it stands for.

    Halved first for as long as it is four times as large: OpenCV averages two by two pixels at once, and other areas one by one (1080p to
    160 x 90: 0.2 instead of 1.0 ms; to sizes that do not divide it, 0.4 instead of 5.6). Each halving rounds halves up, an
    eighth of a grey level on average, for every picture alike.
    """
    while True:
        rows, columns = picture.shape[:2]
        if rows % 2 or columns % 2 or columns < 4 * width or rows < 4 * height:
            break
        picture = _resized(picture, columns // 2, rows // 2)
    return _resized(picture, width, height)


def _resized(picture: NDArray[Depth], width: int, height: int) -> NDArray[Depth]:
    return np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA), picture.dtype)
