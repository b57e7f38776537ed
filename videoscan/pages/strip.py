"""The time strip above all decisions: what was kept when, and every score against the threshold, as paths of an SVG.

Paths lie in a box `WIDE` units wide, whatever the duration; the plot is `HIGH` units high, scores grow upwards on a logarithmic
scale (``log(1 + score)``), because a score of 6 and one of 60 both matter, and their difference less.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from videoscan.model import Reason

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from videoscan.model import Lost
    from videoscan.pages.shelf import Columns

WIDE = 10_000
HIGH = 100
BINS = 4000
"""Samples that share a four-thousandth of the duration are drawn as one, at the highest of their scores."""
_ROOM = 1.25
"""The plot reaches so many times as high as the threshold at least."""


@dataclass(frozen=True, slots=True)
class Strip:
    """What the strip draws. `chosen` and `again` are ticks of kept frames (changed or a cut; first or shown again)."""

    chosen: str
    again: str
    kept: str
    dropped: str
    thinned: str
    lost: tuple[tuple[str, str, str], ...]
    """x and width as SVG takes them, and a sentence."""
    threshold: float | None
    """Height of the threshold's line, from the top."""
    levels: tuple[tuple[float, str], ...]
    """Marks of the scale: height from the top, and the score there."""


def strip(samples: Columns, *, threshold: float | None, duration: float, lost: tuple[Lost, ...] = ()) -> Strip:
    """Work it out. A sample is drawn from its time to the next one's."""
    times, changes = samples.times, samples.changes
    duration = duration or 1.0
    ends = np.append(times[1:], min(duration, times[-1] + usual_step(times)) if times.size else duration)
    top = max(float(changes.max(initial=0.0)), _ROOM * (threshold or 0.0), 1.0)
    heights = HIGH * np.log1p(changes) / math.log1p(top)
    compared = samples.of(Reason.CHANGED) | samples.of(Reason.CUT)
    again = samples.of(Reason.FIRST) | samples.of(Reason.REFRESH)
    if threshold is None:
        heights = np.zeros_like(heights)

    def ticks(which: NDArray[np.bool_]) -> str:
        places = np.unique(np.round(times[which] / duration * WIDE).astype(int))
        return "".join(f"M{place} 0V1" for place in places.tolist())

    def bars(which: NDArray[np.bool_]) -> str:
        left, right = times[which] / duration * WIDE, ends[which] / duration * WIDE
        return _bars(left, right, heights[which])

    return Strip(
        chosen=ticks(compared),
        again=ticks(again),
        kept=bars(compared | again),
        dropped=bars(samples.of(Reason.UNCHANGED)),
        thinned=bars(samples.of(Reason.THINNED)),
        lost=tuple(
            (f"{_percent(gap.start, duration):.3f}%", f"{_percent(gap.end - gap.start, duration):.3f}%", gap.reason)
            for gap in lost
        ),
        threshold=None if threshold is None else HIGH * (1 - math.log1p(threshold) / math.log1p(top)),
        levels=() if threshold is None else tuple(_levels(threshold, top)),
    )


def _bars(left: NDArray[np.float64], right: NDArray[np.float64], heights: NDArray[np.float64]) -> str:
    if left.size > BINS:
        number = np.minimum(left / WIDE * BINS, BINS - 1).astype(int)
        starts = np.flatnonzero(np.diff(number, prepend=-1))
        left, right = left[starts], np.maximum.reduceat(right, starts)
        heights = np.maximum.reduceat(heights, starts)
    bars = zip(left.round(1).tolist(), right.round(1).tolist(), (HIGH - heights).round(1).tolist(), strict=True)
    return "".join(f"M{x0:g} {HIGH}V{y:g}H{x1:g}V{HIGH}Z" for x0, x1, y in bars if y < HIGH)


def _levels(threshold: float, top: float) -> list[tuple[float, str]]:
    """The threshold, and the tens above it as long as they do not crowd each other."""
    found = [(threshold, f"{threshold:g}")]
    for level in (10.0, 100.0, 1000.0):
        if math.log1p(level) < 0.9 * math.log1p(top) and all(
            abs(math.log1p(level) - math.log1p(other)) > 0.16 * math.log1p(top) for other, _ in found
        ):
            found.append((level, f"{level:g}"))
    return [(HIGH * (1 - math.log1p(level) / math.log1p(top)), text) for level, text in found]


def usual_step(times: NDArray[np.float64]) -> float:
    """Seconds from one sample to the next, mostly."""
    return float(np.median(np.diff(times))) if times.size > 1 else math.inf


def _percent(seconds: float, duration: float) -> float:
    return min(100.0, max(0.0, 100 * seconds / duration))
