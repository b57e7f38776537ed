"""Small made figures to plant into real footage, at any size and any fraction of a pixel.

A figure is a silhouette that is so many grey levels lighter or darker than whatever is behind it: `shown = behind + contrast * cover`,
where `cover` is the share of a pixel that the silhouette takes. Averaging over an area is linear, so a figure that is added to an
already reduced picture is the figure that reducing the full picture would have given, up to rounding and clipping. The footage's own
noise and texture stay on it. How near that comes to drawn people, who hide what is behind them: `benchmarks/tuning.py`.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from typing import TypeAlias

    from numpy.typing import NDArray

    from videoscan.model import Bgr, Box, Gray, Pixels

    Table: TypeAlias = NDArray[np.float64]

WIDTH = 0.44
"""A figure's width from hand to hand or foot to foot, in shares of its height."""
_ROWS = 240
_COLUMNS = round(_ROWS * WIDTH)


@dataclass(frozen=True, slots=True)
class Figure:
    """Somebody who is in sight in ``[start, end)``, seconds of the source's clock.

    `height` is a share of the picture's height. `x` and `y` are the middle of the figure at `start` in shares of the picture,
    `pace` its way in shares of the picture's width per second (0: it stands), `contrast` in grey levels, signed. `half_width` is in
    shares of the picture's width, which depends on its aspect.
    """

    start: float
    end: float
    height: float
    x: float
    y: float
    half_width: float
    contrast: float
    pace: float = 0.0

    def shows(self, time: float) -> bool:
        """Whether it is in sight."""
        return self.start <= time < self.end

    def box(self, time: float) -> Box:
        """Around it, in shares of the picture."""
        middle = self.x + self.pace * (time - self.start)
        return middle - self.half_width, self.y - self.height / 2, middle + self.half_width, self.y + self.height / 2


@dataclass(frozen=True, slots=True, eq=False)
class Planted:
    """A picture with figures in it, the same at every size.

    Luma has the stated contrast to the level. In colour it is added to each channel, which for video of limited range is a seventh less.
    """

    pixels: Pixels
    figures: tuple[Figure, ...]
    time: float

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.pixels.size

    def gray(self, width: int, height: int) -> Gray:
        """See `videoscan.model.Pixels`."""
        return self._with_figures(self.pixels.gray(width, height))

    def bgr(self, long_side: int | None = None) -> Bgr:
        """See `videoscan.model.Pixels`."""
        return self._with_figures(self.pixels.bgr(long_side))

    def _with_figures(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        picture = picture.copy()
        rows, columns = picture.shape[:2]
        for figure in self.figures:
            (down, across), share = cover(figure.box(self.time), columns, rows, walking=figure.pace != 0)
            part = picture[down, across]
            if part.size:
                share = share if picture.ndim == 2 else share[..., None]
                part[...] = np.clip(np.rint(part + figure.contrast * share), 0, 255)
        return picture


def cover(box: Box, columns: int, rows: int, *, walking: bool = False) -> tuple[tuple[slice, slice], NDArray[np.float64]]:
    """Which share of each cell a figure in `box` takes, exactly: where those cells are, and the shares (0..1) there."""
    x0, y0, x1, y1 = box
    left, right = max(0, math.floor(x0 * columns)), min(columns, math.ceil(x1 * columns))
    top, bottom = max(0, math.floor(y0 * rows)), min(rows, math.ceil(y1 * rows))
    if left >= right or top >= bottom:
        return (slice(0, 0), slice(0, 0)), np.zeros((0, 0))
    across = np.clip((np.arange(left, right + 1) / columns - x0) / (x1 - x0), 0, 1) * _COLUMNS
    down = np.clip((np.arange(top, bottom + 1) / rows - y0) / (y1 - y0), 0, 1) * _ROWS
    sums = _between(_between(_silhouette(walking=walking), down).T, across).T
    # A cell's area in units of the silhouette's own pixels.
    area = (_COLUMNS / ((x1 - x0) * columns)) * (_ROWS / ((y1 - y0) * rows))
    return (slice(top, bottom), slice(left, right)), np.diff(np.diff(sums, axis=0), axis=1) / area


def _between(table: Table, places: NDArray[np.float64]) -> Table:
    """Rows of `table` at fractional places: between two rows of a summed table the sums grow evenly."""
    low = np.minimum(places.astype(int), table.shape[0] - 2)
    share = (places - low)[:, None]
    return np.asarray(table[low] * (1 - share) + table[low + 1] * share, np.float64)


@functools.cache
def _silhouette(*, walking: bool) -> Table:
    """A person of `_ROWS` by `_COLUMNS` pixels as a summed-area table: the sum of a rectangle is four look-ups (Crow 1984)."""
    shape = np.zeros((_ROWS, _COLUMNS), np.uint8)

    def limb(x0: float, y0: float, x1: float, y1: float, thick: float) -> None:
        ends = [(round((WIDTH / 2 + x) * _ROWS), round(y * _ROWS)) for x, y in ((x0, y0), (x1, y1))]
        cv2.line(shape, ends[0], ends[1], 255, round(thick * _ROWS), cv2.LINE_AA)

    stride = 0.13 if walking else 0.05
    swing = 0.10 if walking else 0.02
    cv2.ellipse(shape, (round(WIDTH / 2 * _ROWS), round(0.075 * _ROWS)), (round(0.055 * _ROWS), round(0.075 * _ROWS)), 0, 0, 360, 255, -1, cv2.LINE_AA)  # fmt: skip
    limb(0, 0.24, 0, 0.50, 0.19)
    for side in (-1, 1):
        limb(side * 0.09, 0.21, side * (0.11 + swing / 2), 0.48, 0.06)
        limb(side * 0.04, 0.50, side * stride, 0.95, 0.09)
    sums = np.zeros((_ROWS + 1, _COLUMNS + 1))
    sums[1:, 1:] = (shape / 255.0).cumsum(0).cumsum(1)
    return sums
