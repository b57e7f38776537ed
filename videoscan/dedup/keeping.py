"""What every deduplicator shares: refresh and the memory of the last kept frames, in one place."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Generic, Protocol, TypeVar

from pydantic import Field

from videoscan.config import Options
from videoscan.model import Mark, Reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from videoscan.model import Frame, Gray
    from videoscan.reading.difference import Difference

Seen = TypeVar("Seen")
Held = TypeVar("Held")


class RateOptions(Options):
    """The option that caps how many frames are kept."""

    max_rate: Annotated[float, Field(ge=0)] = 0.0
    """Kept frames per second at most; 0 is no cap. Those are kept that cover the time and the changes best (`videoscan.reading.choosing`);
    the rest is marked `thinned`, and its time counts as skipped."""


class KeepOptions(RateOptions):
    """The options of every deduplicator that compares."""

    refresh: Annotated[float, Field(ge=0)] = 300.0
    """Seconds after which an unchanged scene is shown again; 0 is never."""
    remember: Annotated[int, Field(ge=1, le=64)] = 3
    """How many of the last kept frames a frame is compared with, so that A-B-A does not send A twice."""


class Comparing(Protocol[Seen, Held]):
    """How a deduplicator sees frames: `Seen` is its reduction of one, `Held` what it keeps of a kept one to compare others with."""

    def look(self, frame: Frame) -> Seen:
        """Reduce the next frame."""
        ...

    def compare(self, now: Seen, kept: Held, *, where: bool) -> Difference:
        """Judge a frame against a kept one. Without `where`, only whether it changed need be right."""
        ...

    def hold(self, now: Seen, before: Held | None) -> Held:
        """What is held of a frame that is kept; `before` is the kept frame that stood for the one before it."""
        ...

    def stands_for(self, kept: Held, now: Seen) -> None:
        """Take in a frame that does not differ from the kept one."""
        ...

    @property
    def ignored(self) -> Gray | None:
        """What does not count just now; see `Mark.ignored`."""
        ...


@dataclass(frozen=True, slots=True)
class _Kept(Generic[Held]):
    frame: int
    time: float
    held: Held


def keep(frames: Iterable[Frame], comparing: Comparing[Seen, Held], options: KeepOptions, *, since: float) -> Iterator[Frame]:
    """Mark every frame, lazily: one is out before the next is asked for. Holds `remember` reductions and no picture.

    A frame is compared with the kept frame before it; only if it differs, with the ones before that, newest first. A frame that
    stands still for `refresh` seconds after the one that stands for it is kept anew. Frames before `since` are looked at and not given
    out. The rate cap is not applied here: it needs to see what comes later.
    """
    kept: deque[_Kept[Held]] = deque(maxlen=options.remember)
    standing: Held | None = None
    for frame in frames:
        seen = comparing.look(frame)
        if frame.time < since:
            continue
        if not kept:
            mark = Mark(frame.index, frame.time, kept=True, reason=Reason.FIRST)
        else:
            mark, same = _judge(frame, seen, kept, comparing, options)
            if same is not None:
                standing = same.held
                comparing.stands_for(standing, seen)
        if mark.kept:
            standing = comparing.hold(seen, standing)
            kept.append(_Kept(frame.index, frame.time, standing))
        yield replace(frame, mark=replace(mark, ignored=comparing.ignored))


def _judge(
    frame: Frame, seen: Seen, kept: deque[_Kept[Held]], comparing: Comparing[Seen, Held], options: KeepOptions
) -> tuple[Mark, _Kept[Held] | None]:
    """The frame's mark, and the kept frame that it does not differ from."""
    first: Difference | None = None
    for older in reversed(kept):
        found = comparing.compare(seen, older.held, where=first is None)
        if not found.changed:
            due = options.refresh > 0 and frame.time - older.time >= options.refresh
            mark = Mark(
                frame.index,
                frame.time,
                kept=due,
                reason=Reason.REFRESH if due else Reason.UNCHANGED,
                same_as=None if due else older.frame,
                change=found.change,
            )
            return mark, older
        first = first or found
    assert first is not None
    reason = Reason.CUT if first.cut else Reason.CHANGED
    mark = Mark(
        frame.index, frame.time, kept=True, reason=reason, change=first.change, region=first.region, regions=first.regions
    )
    return mark, None
