"""Parts a stretch of activity where something leaves the picture: what moves afterwards is something else. Pure.

Traffic never rests for long enough that one car's activity ends before the next one's begins. But a car that drives out of the picture has
gone, whatever follows it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from videoscan.describers import placing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from videoscan.model import Box

LEAVING = 0.01
"""Share of the picture from which on a thing at its border is taken for one that is leaving; below lie leaves, shadows and noise there."""
_BORDER = 0.005
"""So near to an edge, as a share of the picture, a box touches it: half a cell of the grid that is measured on."""
_REMAINS = 0.1
"""What is left where a thing was must have this share of its area to be the same thing."""
_LAST, _LAST_REACH = 0.001, 0.05
"""So large, and so far from where a thing was, what is seen at the border is the last of it: a foot, a bumper."""


def parts(seen: Sequence[Sequence[Box]]) -> list[list[tuple[int, Box]]]:
    """The things one after another in a stretch of activity: for each the samples that show it, by their place, and its box there.

    `seen` are a sample's active regions, largest first and at least one, in order of time. The largest is followed until it leaves: it lay
    at the border of the picture, and nothing of its size does so there in the next sample. What was in sight beside it, and goes on,
    begins where it was first seen.
    """
    found: list[list[tuple[int, Box]]] = [[]]
    for place, boxes in enumerate(seen):
        if found[-1] and _has_left(found[-1], boxes):
            found.append(_already(seen, place, boxes[0]))
        found[-1].append((place, boxes[0]))
    return found


def _has_left(path: Sequence[tuple[int, Box]], now: Sequence[Box]) -> bool:
    last = path[-1][1]
    size = placing.area(last)
    if not _at_border(last) or size < LEAVING:
        return False
    if len(path) == 1 and placing.area(now[0]) >= size:
        return False  # seen once, and larger now: it has just come
    if any(_meet(last, box) and placing.area(box) >= _REMAINS * size for box in now):
        return False
    around = (last[0] - _LAST_REACH, last[1] - _LAST_REACH, last[2] + _LAST_REACH, last[3] + _LAST_REACH)
    return not any(_at_border(box) and placing.area(box) >= _LAST and _meet(around, box) for box in now)


def _at_border(box: Box) -> bool:
    return min(box[0], box[1], 1 - box[2], 1 - box[3]) <= _BORDER


def _already(seen: Sequence[Sequence[Box]], place: int, box: Box) -> list[tuple[int, Box]]:
    """Where a thing was before it was the largest, as far back as it was in sight beside another."""
    before: list[tuple[int, Box]] = []
    for earlier in range(place - 1, -1, -1):
        beside = next(
            (other for other in seen[earlier][1:] if _meet(other, box) and placing.area(other) >= _REMAINS * placing.area(box)),
            None,
        )
        if beside is None:
            break
        box = beside
        before.insert(0, (earlier, box))
    return before


def alike(one: Box, other: Box) -> bool:
    """Whether two boxes meet and neither is so much smaller that it could only be a part of what the other is about."""
    small, large = sorted((placing.area(one), placing.area(other)))
    return _meet(one, other) and small >= _REMAINS * large


def _meet(one: Box, other: Box) -> bool:
    """Whether two boxes have a part of the picture in common."""
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
