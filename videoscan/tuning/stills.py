"""Pictures that show what was planted: one figure of each height, lighter and darker, framed so that a person finds them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from videoscan.reading.regions import mask
from videoscan.sources.pixels import ArrayPixels
from videoscan.tuning.figures import WIDTH, Figure, Planted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from videoscan.model import Bgr, Regions

_FRAME = (60, 220, 255)
_ATTEMPTS = 200


def example(still: Bgr, heights: Sequence[float], contrast: float, regions: Regions, seed: int) -> Bgr:
    """The picture with figures in it, none in front of another, inside of the regions as far as there is room."""
    rows, columns = still.shape[:2]
    random = np.random.default_rng(seed)
    counts = mask(regions, columns, rows)
    figures: list[Figure] = []
    taken = np.zeros((rows, columns), np.uint8)
    for height in heights:
        half = WIDTH / 2 * height * rows / columns
        for sign in (1, -1):
            for _ in range(_ATTEMPTS):
                x, y = random.uniform(half, 1 - half), random.uniform(height / 2, 1 - height / 2)
                figure = Figure(0.0, 1.0, height, float(x), float(y), half, sign * contrast)
                x0, y0, x1, y1 = _around(figure, columns, rows)
                if not taken[y0:y1, x0:x1].any() and counts[y0:y1, x0:x1].all():
                    taken[y0:y1, x0:x1] = 1
                    figures.append(figure)
                    break
    picture = Planted(ArrayPixels(still), tuple(figures), 0.0).bgr()
    for figure in figures:
        x0, y0, x1, y1 = _around(figure, columns, rows)
        cv2.rectangle(picture, (x0, y0), (x1 - 1, y1 - 1), _FRAME, 1)
        text = f"{100 * figure.height:g}%"
        cv2.putText(picture, text, (x0, y0 - 3 if y0 > 12 else y1 + 11), cv2.FONT_HERSHEY_SIMPLEX, 0.4, _FRAME, 1, cv2.LINE_AA)
    return picture


def _around(figure: Figure, columns: int, rows: int) -> tuple[int, int, int, int]:
    """A frame with some room around a figure, in pixels within the picture."""
    x0, y0, x1, y1 = figure.box(0.0)
    room = 4 + 0.2 * figure.height * rows
    return (
        max(0, round(x0 * columns - room)),
        max(0, round(y0 * rows - room)),
        min(columns, round(x1 * columns + room)),
        min(rows, round(y1 * rows + room)),
    )
