"""Which frames a page shows with a picture, and which a strip shows at first, where there are more than anybody looks at."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from videoscan.model import Reason

if TYPE_CHECKING:
    from collections.abc import Sequence

    from videoscan.pages.shelf import Columns

Which: TypeAlias = NDArray[np.bool_]
"""One truth per sample."""
Places: TypeAlias = NDArray[np.int64]
"""Numbers of samples."""

NEAR = 0.2
"""A decision is near when its score lies within this share of the threshold."""
_COMPARED = (Reason.CHANGED, Reason.CUT, Reason.UNCHANGED, Reason.THINNED)


def near(samples: Columns, threshold: float | None) -> Which:
    """The decisions that a slightly different threshold would have turned round."""
    if threshold is None:
        return np.zeros(samples.kept.shape, bool)
    compared = np.any([samples.of(reason) for reason in _COMPARED], axis=0)
    return np.asarray(compared & (np.abs(samples.changes - threshold) <= NEAR * threshold), bool)


def order(leaders: Places) -> Places:
    """All samples by the one that stands for them, and in order of time within a group."""
    return np.argsort(leaders, kind="stable").astype(np.int64)


def evenly(which: Which, most: int) -> Which:
    """At most so many of them, evenly spread."""
    places = np.flatnonzero(which)
    if places.size <= most:
        return which
    chosen = np.zeros_like(which)
    if most > 0:
        chosen[places[np.linspace(0, places.size - 1, most).round().astype(int)]] = True
    return chosen


def some(which: Which, close: Which, leaders: Places, spots: Places, most: int) -> Which:
    """At most so many of them: near decisions first, then the first and last that each kept frame stands for, then evenly."""
    chosen = np.zeros_like(which)
    lead = leaders[spots]
    ends = np.zeros_like(which)
    ends[spots] = (np.diff(lead, append=-2) != 0) | (np.roll(np.diff(lead, prepend=-2) != 0, 1))
    for wanted in (close, ends, which):
        room = most - int(chosen.sum())
        chosen |= evenly(wanted & which & ~chosen, room)
    return chosen


def at_first(scores: Sequence[float], room: int) -> set[int]:
    """Which of a strip's frames stand for it while it is folded: the first and last, the highest scores, and some evenly between."""
    count = len(scores)
    if count <= room:
        return set(range(count))
    chosen = {0, count - 1}
    highest = sorted(range(count), key=lambda place: -scores[place])
    chosen.update(highest[: room // 3])
    for place in np.linspace(0, count - 1, room).round().astype(int).tolist():
        if len(chosen) >= room:
            break
        chosen.add(place)
    return chosen
