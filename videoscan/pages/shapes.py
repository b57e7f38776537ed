"""Masks and regions as SVG paths."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from videoscan.model import Gray, Polygon


def cells(mask: Gray) -> str:
    """The cells that are 1 as one path, a unit per cell: runs of a row, joined downwards where they are alike."""
    open_runs: dict[tuple[int, int], int] = {}
    path: list[str] = []
    empty: list[tuple[int, int]] = []
    for number, row in enumerate([*mask.astype(np.int8), np.zeros(mask.shape[1], np.int8)]):
        edges = np.flatnonzero(np.diff(row, prepend=0, append=0))
        runs = list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)) if edges.size else empty
        for run in [run for run in open_runs if run not in runs]:
            top, (left, right) = open_runs.pop(run), run
            path.append(f"M{left} {top}H{right}V{number}H{left}Z")
        for run in runs:
            open_runs.setdefault(run, number)
    return "".join(path)


def polygon(corners: Polygon) -> str:
    """A polygon in 0..1 as a path in 0..100, to be filled by the even-odd rule, as OpenCV does."""
    return "M" + "L".join(f"{100 * x:.2f} {100 * y:.2f}" for x, y in corners) + "Z"
