"""What every deduplicator shares: refresh, rate cap and the memory of the last kept frames, in one place."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Generic, TypeVar

from pydantic import Field

from videoscan.config import Options
from videoscan.model import Mark, Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from videoscan.difference import Difference
    from videoscan.model import Frame

Seen = TypeVar("Seen")
_EARLY = 0.1  # share of the interval by which a kept frame may come early: sample times jitter by a frame or two


class RateOptions(Options):
    """The option that caps how many frames are kept."""

    max_rate: Annotated[float, Field(ge=0)] = 0.0
    """Kept frames per second at most; 0 is no cap. What is thinned out is marked `thinned`, and its time counts as skipped."""


class KeepOptions(RateOptions):
    """The options of every deduplicator that compares."""

    refresh: Annotated[float, Field(ge=0)] = 300.0
    """Seconds after which an unchanged scene is shown again; 0 is never."""
    remember: Annotated[int, Field(ge=1, le=64)] = 3
    """How many of the last kept frames a frame is compared with, so that A-B-A does not send A twice."""


class RateCap:
    """At most `max_rate` kept frames per second, one early bird allowed for.

    The generic cell rate algorithm with a burst of one: over any stretch of `s` seconds at most ``s * max_rate + 1.1`` frames.
    """

    def __init__(self, max_rate: float) -> None:
        self._interval = 1.0 / max_rate if max_rate else 0.0
        self._due = float("-inf")

    def allows(self, time: float) -> bool:
        """Whether a frame may be kept at `time`."""
        return time >= self._due - _EARLY * self._interval

    def took(self, time: float) -> None:
        """A frame was kept at `time`."""
        self._due = max(self._due, time) + self._interval


@dataclass(frozen=True, slots=True)
class _Kept(Generic[Seen]):
    frame: int
    time: float
    seen: Seen


def keep(
    frames: Iterable[Frame],
    look: Callable[[Frame], Seen],
    compare: Callable[[Seen, Seen], Difference],
    options: KeepOptions,
) -> Iterator[Frame]:
    """Mark every frame, lazily: one is out before the next is asked for. Holds `remember` reductions and no picture.

    A frame is compared with the kept frame before it; only if it differs, with the ones before that, newest first. A frame that
    stands still for `refresh` seconds after the one that stands for it is kept anew. The rate cap goes before everything but
    the first frame.
    """
    kept: deque[_Kept[Seen]] = deque(maxlen=options.remember)
    cap = RateCap(options.max_rate)
    for frame in frames:
        seen = look(frame)
        if not kept:
            mark = Mark(frame.index, frame.time, kept=True, reason=Reason.FIRST)
        else:
            mark = _judge(frame, seen, kept, compare, options)
            if mark.kept and not cap.allows(frame.time):
                mark = replace(mark, kept=False, reason=Reason.THINNED, same_as=kept[-1].frame)
        if mark.kept:
            cap.took(frame.time)
            kept.append(_Kept(frame.index, frame.time, seen))
        yield replace(frame, mark=mark)


def _judge(
    frame: Frame, seen: Seen, kept: deque[_Kept[Seen]], compare: Callable[[Seen, Seen], Difference], options: KeepOptions
) -> Mark:
    first: Difference | None = None
    for older in reversed(kept):
        found = compare(seen, older.seen)
        if not found.changed:
            due = options.refresh > 0 and frame.time - older.time >= options.refresh
            return Mark(
                frame.index,
                frame.time,
                kept=due,
                reason=Reason.REFRESH if due else Reason.UNCHANGED,
                same_as=None if due else older.frame,
                change=found.change,
            )
        first = first or found
    assert first is not None
    reason = Reason.CUT if first.cut else Reason.CHANGED
    return Mark(frame.index, frame.time, kept=True, reason=reason, change=first.change, region=first.region)
