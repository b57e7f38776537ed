"""Words for where something is in a picture, how large, and which way it went. Pure."""

from __future__ import annotations

import math
import statistics
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from videoscan.model import Box

_WAY = 0.12  # share of the picture's width or height that a thing must travel before a direction is named
_NEARER = 2.5  # times the area by which a thing must grow or shrink to be called nearer or farther


def area(box: Box) -> float:
    """Share of the picture."""
    return (box[2] - box[0]) * (box[3] - box[1])


def centre(box: Box) -> tuple[float, float]:
    """A box's middle point."""
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def middle(path: Sequence[Box]) -> Box:
    """The box that is in the middle of a path, side by side."""
    x0, y0, x1, y1 = (statistics.median(box[side] for box in path) for side in range(4))
    return x0, y0, x1, y1


def place(box: Box) -> str:
    """Where in the picture a box lies, in words: ``at the top left``, ``in the centre``."""
    x, y = centre(box)
    across = "left" if x < 1 / 3 else "right" if x > 2 / 3 else ""
    down = "top" if y < 1 / 3 else "bottom" if y > 2 / 3 else ""
    if across and down:
        return f"at the {down} {across}"
    return f"at the {across or down}" if across or down else "in the centre"


def way(path: Sequence[Box]) -> str:
    """Where a thing went between its first and its last two sightings: along the picture, or nearer or farther.

    Both opposite edges must have gone the same way, so that a thing that only grows into the picture is not said to move.
    """
    if len(path) < 2:
        return ""
    ends = 1 if len(path) < 4 else 2
    begin, end = middle(path[:ends]), middle(path[-ends:])
    across = _both(end[0] - begin[0], end[2] - begin[2])
    down = _both(end[1] - begin[1], end[3] - begin[3])
    if max(abs(across), abs(down)) >= _WAY:
        if abs(across) >= abs(down):
            return "moving right" if across > 0 else "moving left"
        return "moving down" if down > 0 else "moving up"
    growth = area(end) / max(area(begin), 1e-6)
    return "coming nearer" if growth >= _NEARER else "going away" if growth <= 1 / _NEARER else ""


def _both(one: float, other: float) -> float:
    """The lesser of two steps, 0 where they go opposite ways."""
    return math.copysign(min(abs(one), abs(other)), one) if one * other > 0 else 0.0


def percent(share: float) -> str:
    """A share of the picture in words."""
    if share < 0.001:
        return "under 0.1 %"
    return f"{share * 100:.1f} %" if share < 0.1 else f"{share * 100:.0f} %"
