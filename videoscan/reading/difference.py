"""How two pictures of one camera differ, in units of that place's own noise: what `dedup.tiles` and `measure` both rest on.

A picture is reduced to about 14,400 cells of luma (160 x 90 for 16:9; other aspects get other grids, so that a cell stays about
square). The local mean is taken off, so what is left are edges and texture, which a cloud or an exposure step leaves alone. Noise
is what the quieter half of the cells does from one sample to the next. Source of the method and of its constants: the near-duplicate
measurements behind `benchmarks/dedup.py` (night camera, persons of 2 to 15 % of the height: none missed, 3 % of the still
pictures kept).
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from videoscan.model import EVERYWHERE
from videoscan.reading.regions import mask as inside

if TYPE_CHECKING:
    from collections.abc import Sequence

    from videoscan.model import Box, Gray, Pixels, Regions

Plane: TypeAlias = NDArray[np.float32]
Cells: TypeAlias = NDArray[np.uint8]
Labels: TypeAlias = NDArray[np.int32]

CELLS = 160 * 90
NEIGHBOURHOOD = (21, 21)
NOISE_FLOOR = 1.4
"""Grey levels. With `CHANGED` it makes the threshold ``max(7, 5 * sigma)``: quantisation and coding alone move a cell this far."""
CHANGED = 5.0
"""Units of noise from which on a cell counts as changed."""
LIGHT = math.log(1.25)
"""Change of the whole picture's brightness that counts, as a logarithm. A drift of +-8 % spans 1.08 / 0.92 = 1.17 and stays below."""
DARK = 8.0
"""Grey levels added before brightnesses are divided, so that the noise of a black picture is not taken for lights."""
MOST_REGIONS = 8
"""In rain nearly every drop is one."""
_NOISE_RATE = 0.1
# The mean of the lower half of |x| for a normal x of deviation 1: 4 * (pdf(0) - pdf(0.6745)). As sturdy as the median, which of
# differences between 8-bit cells is a small whole number and jumps (1 or 2 where 1.4 is meant: a third too little noise).
_LOWER_HALF = 0.3246
_IMMERKAER = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
_CHURN_RATE = 0.15
_CHURN_ON, _CHURN_OFF = 0.85, 0.70
_MASK_SHARE = 0.06
_MASK_REACH = np.ones((5, 9), np.uint8)  # wider than high: the digits beside a ticking one tick too, only less often
_DIGIT, _DIGIT_WIDTH = (
    (3, 8),
    1.5,
)  # cells: what is less high has its neighbours in reach; as wide as a sign or a flag is no digit
_CUT_SHARE, _CUT_LIKENESS, _PAN = 0.55, 0.25, 0.25


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """One picture reduced to what is compared: shapes (rows, columns), in grey levels.

    `detail` is the luma less its local mean, `ground` the local mean itself at every tenth cell, `light` the mean luma.
    """

    luma: Cells
    detail: Plane
    ground: Plane
    light: float


@dataclass(frozen=True, slots=True)
class Difference:
    """What became of one picture against another.

    `change` is in units of noise, `changed` whether it counts. `region` bounds the largest change, `None` when nothing changed or
    only the light of everything. `regions` are all that changed by as much as counts, the strongest (`region`) first, `MOST_REGIONS` at
    most. `cut`: most of the picture has another structure, and is not merely displaced.
    """

    change: float
    changed: bool
    cut: bool = False
    region: Box | None = None
    regions: tuple[Box, ...] = ()


def grid(size: tuple[int, int]) -> tuple[int, int]:
    """Columns and rows for a picture of `size` (width, height): about `CELLS` square cells, the aspect held between 1:4 and 4:1."""
    width, height = size
    aspect = min(4.0, max(0.25, width / height))
    return max(1, round(math.sqrt(CELLS * aspect))), max(1, round(math.sqrt(CELLS / aspect)))


def fitted(cells: Cells, like: Cells) -> Cells:
    """Luma on the grid of another picture: recordings exist that change their proportions midway."""
    if cells.shape == like.shape:
        return cells
    rows, columns = like.shape
    return np.asarray(cv2.resize(cells, (columns, rows), interpolation=cv2.INTER_AREA), np.uint8)


def view(cells: Cells) -> View:
    """What is compared of a picture's luma, shape (rows, columns)."""
    size = cells.shape
    luma = cells.astype(np.float32)
    ground = cv2.blur(luma, NEIGHBOURHOOD)
    light = float(cv2.mean(luma)[0])
    coarse = ground[5::10, 5::10].copy() if min(size) > 5 else ground.copy()
    return View(cells, _plane(cv2.subtract(luma, ground, dst=luma)), _plane(coarse), light)


def displacement(now: View, before: View) -> tuple[float, float, float]:
    """How far `now` is displaced against `before`, in cells right and down, and how sure that is, 0..1 (phase correlation)."""
    rows, columns = now.detail.shape
    if min(rows, columns) < 2:
        return 0.0, 0.0, 0.0
    # phaseCorrelate multiplies its arguments by the window in place when their size needs no padding (seen in OpenCV 5.0).
    (right, down), response = cv2.phaseCorrelate(before.detail.copy(), now.detail.copy(), _hanning(columns, rows))
    return float(right), float(down), min(1.0, max(0.0, float(response)))


def is_cut(now: View, before: View, threshold: float) -> bool:
    """Whether another shot began between the two.

    More than 55 % of the cells changed, the details correlate by less than 0.25, and phase correlation finds no displacement
    (response below 0.25): a pan changes as much, but its picture is found again elsewhere. At one sample a second that takes
    22 of 23 cuts of four edited clips and one of fast sports, and nothing in 218 samples of three fixed cameras. A jump back to
    the same camera position is not seen, and a camera that turns by half a picture between two samples passes for a cut
    (27 times in 221 samples of sports, trailers and hand-held clips).
    """
    changed = np.count_nonzero(cv2.absdiff(now.detail, before.detail) > threshold) / now.detail.size
    if changed < _CUT_SHARE:
        return False
    energy = math.sqrt(_dot(now.detail, now.detail) * _dot(before.detail, before.detail))
    if _dot(now.detail, before.detail) > _CUT_LIKENESS * energy:
        return False
    return displacement(now, before)[2] < _PAN


def brighter(now: View, before: View) -> float:
    """By what the light of nearly the whole picture changed, as a logarithm: 0 unless three quarters of it went one way.

    A large thing in front of the lens also moves the mean; it does not make the rest of the picture brighter as well.
    """
    ratio = np.log((now.ground + DARK) / (before.ground + DARK))
    low, high = np.quantile(ratio, (0.25, 0.75))
    return float(low) if low > 0 else float(min(0.0, high))


def plain_difference(luma: Cells | Plane, reference: Cells | Plane) -> Plane:
    """Absolute difference of the luma itself, less by how much the whole picture became lighter (its median, from every ninth cell)."""
    apart = np.subtract(luma, reference, dtype=np.float32)
    apart -= np.median(apart[::3, ::3])
    return np.abs(apart, out=apart)


class Comparator:
    """Compares pictures of one pass, learning the place's noise and its ever-changing parts from successive samples.

    `sigma` is the mean of the lower half of the absolute differences to the sample before, over 0.325 (what that is for normal
    noise of deviation 1), smoothed (0.1 per sample); it is never taken larger than the noise inside one picture could make it (Immerkaer 1996), or a panning camera would pass for noise.

    A cell that changed in over 85 % of the samples (smoothed, 0.15 per sample, from zero: twelve samples at least) is masked
    together with its surroundings until that falls below 70 %: a clock, a blinking sign, a fan. Masked cells are no reason for
    anything, and what happens there is not reported. What that costs: somebody who moves at every sample for twelve samples in
    one and the same place is taken for a clock; two samples after they stop or leave, the place counts again. Patches are masked
    smallest first, 6 % of the picture together at most; what is larger is a busy scene and no clock, and is not masked.

    Memory: about twelve planes of `CELLS` floats, 0.7 MB.
    """

    def __init__(self, *, mask: bool = True, regions: Regions = EVERYWHERE) -> None:
        self._masking = mask
        self._regions = regions
        self._inside: Plane | None = None
        self._size: tuple[int, int] | None = None
        self._before: View | None = None
        self._sigma: float | None = None
        self._churn: Plane | None = None
        self._busy: Cells | None = None
        self.open: Plane | None = None
        """1 where cells count, 0 where they are masked; `None` while nothing is masked."""
        self._ignored: tuple[Plane, Gray] | None = None

    @property
    def noise(self) -> float:
        """Grey levels of one unit of noise."""
        return max(NOISE_FLOOR, self._sigma or 0.0)

    @property
    def threshold(self) -> float:
        """Grey levels from which on a cell counts as changed."""
        return CHANGED * self.noise

    @property
    def ignored(self) -> Gray | None:
        """1 where cells do not count, 0 where they do, shape (rows, columns); one array until that changes, `None` while all count."""
        if self.open is None:
            return None
        if self._ignored is None or self._ignored[0] is not self.open:
            found = (self.open == 0).astype(np.uint8)
            same = self._ignored is not None and np.array_equal(found, self._ignored[1])
            self._ignored = self.open, self._ignored[1] if self._ignored is not None and same else found
        return self._ignored[1]

    @property
    def masked(self) -> float:
        """The share of the picture that is masked."""
        return 0.0 if self.open is None else 1.0 - float(self.open.mean())

    def look(self, pixels: Pixels) -> View:
        """Take in the next sample of the pass."""
        return self.take(pixels.gray(*self.columns_and_rows(pixels)))

    def columns_and_rows(self, pixels: Pixels) -> tuple[int, int]:
        """The grid of this pass: that of its first picture."""
        if self._size is None:
            self._size = grid(pixels.size)
        return self._size

    def take(self, cells: Cells) -> View:
        """`look` at a picture that is reduced already. One of other proportions is brought to the shape of those before it."""
        return self.see(view(cells if self._before is None else fitted(cells, self._before.luma)))

    def see(self, now: View) -> View:
        """Take in a picture that is a `View` already, of the shape of those before it."""
        if self._regions and self._inside is None:
            rows, columns = now.luma.shape
            self._inside = _plane(inside(self._regions, columns, rows))
            self.open = self._inside
        if self._before is not None:
            self.learn(_plane(cv2.absdiff(now.detail, self._before.detail)), now)
        self._before = now
        return now

    def learn(self, step: Plane, now: View) -> None:
        """Learn from a picture and its absolute differences to the one before it."""
        self._learn_noise(step, now)
        if self._masking:
            self._learn_churn(step)

    def difference(self, now: View, reference: View) -> Plane:
        """Absolute difference of the details, masked cells at zero."""
        apart = _plane(cv2.absdiff(now.detail, reference.detail))
        return apart if self.open is None else _plane(cv2.multiply(apart, self.open, dst=apart))

    def compare(self, now: View, reference: View) -> Difference:
        """Judge a picture against an earlier one of the same pass."""
        return self.judge(self.difference(now, reference), now, reference)

    def judge(self, apart: Plane, now: View, reference: View, *, where: bool = True) -> Difference:
        """Judge a picture by how far each cell is apart from an earlier one, in grey levels. Without `where` only whether it changed."""
        _, peak, _, place = cv2.minMaxLoc(apart)
        change = peak / self.noise
        drift = abs(math.log((now.light + DARK) / (reference.light + DARK)))
        if change > CHANGED:
            if not where:
                return Difference(change, changed=True)
            if is_cut(now, reference, self.threshold):
                return Difference(change, changed=True, cut=True)
            regions = self._around(apart, place, now, reference)
            return Difference(change, changed=True, region=regions[0], regions=regions)
        return Difference(max(change, CHANGED * drift / LIGHT), changed=drift > LIGHT)

    def _around(self, apart: Plane, place: Sequence[int], now: View, reference: View) -> tuple[Box, ...]:
        # Taking off the local mean puts a halo round every change; in the luma itself there is none.
        plain = plain_difference(now.luma, reference.luma)
        plain[place[1], place[0]] = np.inf
        labels, boxes = patches(_plane(np.minimum(apart, plain)), self.threshold / 2)
        peaks = np.zeros(len(boxes) + 1, np.float32)
        np.maximum.at(peaks, labels.ravel(), apart.ravel())
        peaks[0] = 0.0  # what belongs to no patch
        peaks[labels[place[1], place[0]]] = np.inf
        strongest = np.argsort(-peaks, kind="stable")[:MOST_REGIONS]
        return tuple(boxes[label - 1] for label in strongest.tolist() if peaks[label] > self.threshold)

    def _learn_noise(self, step: Plane, now: View) -> None:
        found = _deviation(step)
        if found > NOISE_FLOOR:
            inside = np.abs(_plane(cv2.filter2D(now.detail, -1, _IMMERKAER)))
            found = min(found, max(NOISE_FLOOR, math.sqrt(2) * _deviation(inside) / 6))
        self._sigma = found if self._sigma is None else self._sigma + _NOISE_RATE * (found - self._sigma)

    def _learn_churn(self, step: Plane) -> None:
        if self._churn is None:
            self._churn = np.zeros_like(step)
        changed = _plane(cv2.threshold(step, self.threshold, 1.0, cv2.THRESH_BINARY)[1])
        cv2.accumulateWeighted(changed, self._churn, _CHURN_RATE)
        busy = (self._churn > _CHURN_ON).astype(np.uint8)
        if self._busy is not None:
            busy |= self._busy & (self._churn > _CHURN_OFF)
        if not busy.any():
            self._busy, self.open = None, self._inside
        elif self._busy is None or not np.array_equal(busy, self._busy):
            self._busy, self.open = busy, _all_but(busy)
            if self._inside is not None:
                self.open = self._inside if self.open is None else self._inside * self.open


def patches(apart: Plane, threshold: float, *, reach: int = 1) -> tuple[Labels, list[Box]]:
    """Connected regions of cells above `threshold`, joined across `2 * reach` cells: labels from 1, and each label's box."""
    above = (apart > threshold).astype(np.uint8)
    grown = cv2.dilate(above, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8))
    count, joined = cv2.connectedComponents(grown, connectivity=8)
    labels = np.where(above, joined, 0).astype(np.int32)
    rows, columns = apart.shape
    down, across = np.nonzero(labels)
    found = labels[down, across]
    edges = np.array([[columns, rows, 0, 0]] * count)
    for axis, places in enumerate((across, down)):
        np.minimum.at(edges[:, axis], found, places)
        np.maximum.at(edges[:, axis + 2], found, places + 1)
    across_all, down_all = _shares(columns), _shares(rows)
    return labels, [(across_all[x0], down_all[y0], across_all[x1], down_all[y1]) for x0, y0, x1, y1 in edges[1:].tolist()]


@functools.cache
def _shares(cells: int) -> tuple[float, ...]:
    """The edges of cells as shares of the picture. Shared: a night's regions are kept until its timeline is folded."""
    return tuple(edge / cells for edge in range(cells + 1))


def _all_but(busy: Cells) -> Plane | None:
    count, labels, stats, _ = cv2.connectedComponentsWithStats(_reached(busy), connectivity=8)
    room = _MASK_SHARE * busy.size
    use = np.ones(busy.shape, np.float32)
    for label in sorted(range(1, count), key=lambda label: int(stats[label, cv2.CC_STAT_AREA])):
        room -= int(stats[label, cv2.CC_STAT_AREA])
        if room < 0:
            break
        use[labels == label] = 0.0
    return use if not use.all() else None


def _reached(busy: Cells) -> Cells:
    """What belongs to what is busy: what is beside it, and beside a large digit the next ones, which change less often."""
    reached = np.asarray(cv2.dilate(busy, _MASK_REACH), np.uint8)
    count, _, stats, _ = cv2.connectedComponentsWithStats(reached, connectivity=8)
    rows, columns = _MASK_REACH.shape
    for left, top, width, height, _ in stats[1:count].tolist():
        high, wide = height - rows + 1, width - columns + 1
        if _DIGIT[0] <= high <= _DIGIT[1] and wide <= _DIGIT_WIDTH * high:
            reached[top : top + height, max(0, left - high) : left + width + high] = 1
    return reached


def _deviation(magnitudes: Plane) -> float:
    flat = magnitudes.ravel()
    middle = (flat.size + 1) // 2
    return float(np.partition(flat, middle - 1)[:middle].mean()) / _LOWER_HALF


def _dot(a: Plane, b: Plane) -> float:
    return float(np.dot(a.ravel(), b.ravel()))


def _hanning(columns: int, rows: int) -> Plane:
    return _plane(cv2.createHanningWindow((columns, rows), cv2.CV_32F))


def _plane(array: NDArray[np.floating] | NDArray[np.integer] | cv2.typing.MatLike) -> Plane:
    return np.asarray(array, np.float32)
