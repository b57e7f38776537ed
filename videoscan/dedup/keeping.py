"""What every deduplicator shares: refresh and the memory of the last kept frames, in one place."""

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
    from videoscan.model import Frame, Gray

Seen = TypeVar("Seen")


class RateOptions(Options):
    """The option that caps how many frames are kept."""

    max_rate: Annotated[float, Field(ge=0)] = 0.0
    """Kept frames per second at most; 0 is no cap. Those are kept that cover the time and the changes best (`videoscan.choosing`);
    the rest is marked `thinned`, and its time counts as skipped."""


class KeepOptions(RateOptions):
    """The options of every deduplicator that compares."""

    refresh: Annotated[float, Field(ge=0)] = 300.0
    """Seconds after which an unchanged scene is shown again; 0 is never."""
    remember: Annotated[int, Field(ge=1, le=64)] = 3
    """How many of the last kept frames a frame is compared with, so that A-B-A does not send A twice."""


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
    *,
    since: float,
    ignored: Callable[[], Gray | None] = lambda: None,
) -> Iterator[Frame]:
    """Mark every frame, lazily: one is out before the next is asked for. Holds `remember` reductions and no picture.

    A frame is compared with the kept frame before it; only if it differs, with the ones before that, newest first. A frame that
    stands still for `refresh` seconds after the one that stands for it is kept anew. `ignored` is what does not count just now
    (`Mark.ignored`). Frames before `since` are looked at and not given out. The rate cap is not applied here: it needs to see what comes later.
    """
    kept: deque[_Kept[Seen]] = deque(maxlen=options.remember)
    for frame in frames:
        seen = look(frame)
        if frame.time < since:
            continue
        if not kept:
            mark = Mark(frame.index, frame.time, kept=True, reason=Reason.FIRST)
        else:
            mark = _judge(frame, seen, kept, compare, options)
        if mark.kept:
            kept.append(_Kept(frame.index, frame.time, seen))
        yield replace(frame, mark=replace(mark, ignored=ignored()))


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
    return Mark(
        frame.index, frame.time, kept=True, reason=reason, change=first.change, region=first.region, regions=first.regions
    )
