"""Puts back what a trembling camera displaced by less than a cell, before anything is compared."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import cv2
import numpy as np

from videoscan.reading.difference import Plane, View, view

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from videoscan.model import Gray
    from videoscan.reading.difference import Comparator

    Shift = NDArray[np.float64]

FARTHEST = 1.0
"""Cells by which a picture may be displaced and still be put back. What is farther (a knock, a pan) is a change, and is kept."""
_LEAST = 0.03  # cells: a fifth of a pixel at 720 rows moves no edge by as much as counts
_SURE = 6.0  # standard errors of the estimate, as the noise makes it
_GAIN = 0.015  # share of the squared error that it lowers at least: a ticking clock or leaves make 0.01 seem displaced
_BETTER = 0.9  # share of the cells that are off which may be off after it
_FOLLOW = 0.05  # per sample: the anchor forgets in a minute at one sample a second
_LEAK = 0.2  # share of the mean displacement that is left in: with none, rounding made the anchor drift by a cell in 20 minutes
_ELSEWHERE = 0.3  # share of the cells that changed from one sample to the next, from which on the scene is another

_ALIKE = 0.7  # correlation with the anchor, below which it is another as well: a knock moves few cells of a dark picture by as much as counts


class Steadier:
    """Where the picture usually lies, and by how much each one is displaced against that.

    The displacement d comes from least squares on the linearised picture (Lucas and Kanade 1981), over all cells that differ by no
    more than a displacement of one cell and the noise explain, so that what moves in the picture does not count. It is undone
    only where the least squares say that it lowers the error by more than the noise would (`_SURE`). The picture is resampled at
    twice the cells each way: at the cells themselves, interpolation blurs edges by more than trembling does (a camera that swings by up to 3 pixels at
    720 rows: 58 % of the quiet samples kept, at twice the cells 4 %; `benchmarks/disturbances.py --only shake`).
    """

    def __init__(self) -> None:
        self._anchor: Plane | None = None
        self._mean: Shift = np.zeros(2)

    def steady(self, now: View, fine: Callable[[], Gray], comparator: Comparator) -> View:
        """The picture where the ones before it were. `fine` is asked for twice its cells each way only where it is displaced."""
        if self._anchor is None or min(self._anchor.shape) < 8:
            return now
        shift = self._displaced(now, comparator)
        self._mean += _FOLLOW * (shift - self._mean)
        if not shift.any():
            return now
        put_back = view(_shrunk(_moved(fine(), 2 * (shift - _LEAK * self._mean)), now))
        # Somebody near the lens moves much of the picture and seems to displace it; where nobody is it would be displaced then.
        better = self._off(put_back, comparator) < _BETTER * self._off(now, comparator)
        return put_back if better else now

    def follow(self, now: View, changed: float) -> None:
        """Learn from a picture that was put back; `changed` is the share of its cells that changed since the one before."""
        if self._anchor is None or changed > _ELSEWHERE or not _alike(now.detail, self._anchor):
            self._anchor = now.detail.copy()
        else:
            cv2.accumulateWeighted(now.detail, self._anchor, _FOLLOW)

    def _off(self, now: View, comparator: Comparator) -> int:
        """How many cells are off by more than the noise."""
        assert self._anchor is not None
        return int(np.count_nonzero(cv2.absdiff(now.detail, self._anchor) > 2 * comparator.noise))

    def _displaced(self, now: View, comparator: Comparator) -> Shift:
        """Cells right and down, zeros where there is no displacement to be sure of."""
        assert self._anchor is not None
        noise = comparator.noise
        across, down = _slopes(self._anchor)
        reach = np.abs(across) + np.abs(down)
        reach += 5 * noise
        found, detail = np.zeros(2), now.detail
        for again in (False, True):
            apart = detail - self._anchor
            counts = (np.abs(apart) < reach).astype(np.float32)
            _bare_edges(counts)
            if comparator.open is not None:
                counts *= comparator.open
            across_there, down_there = across * counts, down * counts
            mixed = _dot(across_there, down)
            normal = np.array([[_dot(across_there, across), mixed], [mixed, _dot(down_there, down)]])
            texture = float(np.trace(normal))
            if texture < 1.0:
                break
            towards = np.array([_dot(across_there, apart), _dot(down_there, apart)])
            step = -np.linalg.solve(normal + np.eye(2) * (1 + 1e-3 * texture), towards)
            if not again:
                gain = -float(step @ towards) / max(1.0, _dot(counts * apart, apart))
                if math.hypot(*step) < max(_LEAST, _SURE * noise / math.sqrt(texture / 2)) or gain < _GAIN:
                    break
            found = found + step
            if math.hypot(*found) > FARTHEST:
                return np.zeros(2)
            if again:
                break
            detail = view(np.asarray(np.rint(_moved(now.luma, found)), np.uint8)).detail
        return found


def _slopes(plane: Plane) -> tuple[Plane, Plane]:
    return (
        np.asarray(cv2.Sobel(plane, cv2.CV_32F, 1, 0, ksize=3, scale=1 / 8), np.float32),
        np.asarray(cv2.Sobel(plane, cv2.CV_32F, 0, 1, ksize=3, scale=1 / 8), np.float32),
    )


def _alike(one: Plane, other: Plane) -> bool:
    return _dot(one, other) >= _ALIKE * math.sqrt(_dot(one, one) * _dot(other, other))


def _bare_edges(counts: Plane) -> None:
    counts[:2] = counts[-2:] = 0
    counts[:, :2] = counts[:, -2:] = 0


def _dot(one: Plane, other: Plane) -> float:
    return float(np.dot(one.ravel(), other.ravel()))


def _moved(luma: Gray, shift: Shift) -> Plane:
    """Luma read `shift` pixels further right and down."""
    rows, columns = luma.shape
    matrix = np.array([[1, 0, shift[0]], [0, 1, shift[1]]], np.float32)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    plane = luma.astype(np.float32)
    return np.asarray(cv2.warpAffine(plane, matrix, (columns, rows), flags=flags, borderMode=cv2.BORDER_REPLICATE), np.float32)


def _shrunk(fine: Plane, like: View) -> Gray:
    rows, columns = like.luma.shape
    return np.asarray(np.rint(cv2.resize(fine, (columns, rows), interpolation=cv2.INTER_AREA)), np.uint8)
