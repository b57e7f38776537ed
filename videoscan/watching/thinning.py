"""What becomes of the marks of a window that is thinned while it waits."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from videoscan.folding.marks import Marks
from videoscan.model import Reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from videoscan.model import Mark


def joined(parts: Sequence[Marks]) -> Marks:
    """Marks one behind the other."""
    whole = Marks()
    for part in parts:
        whole.extend(part)
    return whole


def thinned(marks: Iterable[Mark], frames: set[int], kept: Sequence[int]) -> list[Mark]:
    """The marks with `frames` left out: the nearest kept frame before each, or else the first, stands for what looked like it."""
    made, stands = [], kept[0] if kept else None
    for mark in marks:
        if mark.kept and mark.frame not in frames:
            stands = mark.frame
        gone = mark.frame in frames if mark.kept else mark.same_as in frames
        made.append(replace(mark, kept=False, reason=Reason.THINNED, same_as=stands) if gone else mark)
    return made


def stretches(marks: Sequence[Mark], end: float) -> list[tuple[float, float]]:
    """From when until when frames that were left out would have stood."""
    spans: list[tuple[float, float]] = []
    for place, mark in enumerate(marks):
        if mark.reason is not Reason.THINNED:
            continue
        until = marks[place + 1].time if place + 1 < len(marks) else max(end, mark.time)
        if spans and spans[-1][1] == mark.time:
            spans[-1] = spans[-1][0], until
        else:
            spans.append((mark.time, until))
    return [span for span in spans if span[1] > span[0]]
