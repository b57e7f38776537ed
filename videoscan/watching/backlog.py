"""Windows that wait for the describer, bounded: a live stream does not wait, so what is too much is left out, the least worth first.

When more than `most` windows wait: first the oldest unchanged pictures go (a scene that was shown again, a picture repeated for its
context), with windows that show nothing else; then neighbouring windows are thinned into one, the oldest first, up to `_TOGETHER` in one;
then the oldest go. The day's log and the timeline's coverage say which, and why.

Memory: the pictures of `most` windows, each of at most `max_frames` pictures and their crops; those of one more for a moment.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from videoscan.folding.held import BEHIND
from videoscan.model import Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from videoscan.model import Window
    from videoscan.watching.days import Day

_TOGETHER = 4
_UNCHANGED = frozenset({Reason.REFRESH, Reason.FIRST})


@dataclass(slots=True)
class Waiting:
    """A window of a day that waits. `came` is when its first new picture came, monotonic; `of` is how many windows it was made of."""

    day: Day
    window: Window
    came: float
    of: int = 1


@dataclass(slots=True)
class LeftOut:
    """How much was left out, by step."""

    unchanged: int = 0
    thinned: int = 0
    dropped: int = 0

    def __bool__(self) -> bool:
        return bool(self.unchanged or self.thinned or self.dropped)


class Backlog:
    """The queue of one camera. Belongs to one event loop."""

    def __init__(self, most: int, frames: int, told: Callable[[str], None], *, now: Callable[[], float] = time.monotonic) -> None:
        """`frames` is how many pictures a window may show; `told` hears a sentence about each step."""
        self._most, self._frames, self._told, self._now = most, max(1, frames), told, now
        self._waiting: deque[Waiting] = deque()
        self.filled = asyncio.Event()
        self.left_out = LeftOut()

    def __len__(self) -> int:
        return len(self._waiting)

    def __iter__(self) -> Iterator[Waiting]:
        return iter(tuple(self._waiting))

    def put(self, waiting: Waiting) -> None:
        """One more window, the newest."""
        self._waiting.append(waiting)
        while len(self._waiting) > self._most and (self._without_unchanged() or self._thinner() or self._without_oldest()):
            pass
        self.filled.set()

    def put_first(self, waiting: Iterable[Waiting]) -> None:
        """Windows of an earlier process, in order: they are older than all others. What is too much of them stays for the next time."""
        room = self._most - len(self._waiting)
        for each in reversed(list(waiting)[-room:] if room > 0 else []):
            self._waiting.appendleft(each)
        if self._waiting:
            self.filled.set()

    def pop(self) -> Waiting | None:
        """The oldest window, if one waits."""
        found = self._waiting.popleft() if self._waiting else None
        if not self._waiting:
            self.filled.clear()
        return found

    def clear(self) -> list[Waiting]:
        """Everything that waits, taken out."""
        rest = list(self._waiting)
        self._waiting.clear()
        self.filled.clear()
        return rest

    def _behind(self) -> str:
        return f"the describer was {self._now() - self._waiting[0].came:.0f} s behind the camera"

    def _without_unchanged(self) -> bool:
        """The oldest window with unchanged pictures loses them; whether a window went with them."""
        for place, waiting in enumerate(self._waiting):
            window = waiting.window
            reasons = {mark.frame: mark.reason for mark in window.marks if mark.kept}
            again = {each.frame for each in window.pictures[:] if reasons.get(each.frame) in _UNCHANGED}
            if not again or waiting is self._waiting[-1]:
                continue
            why = f"left out, unchanged: {self._behind()}"
            self.left_out.unchanged += len(again)
            if again >= {each.frame for each in window.pictures}:
                waiting.day.failed(window.index, BEHIND, why)
                self._told(f"window {window.index} shows an unchanged scene and is left out: {self._behind()}")
                del self._waiting[place]
                return True
            waiting.window = waiting.day.thinned(window, again, why)
        return False

    def _thinner(self) -> bool:
        """The two oldest neighbours that may still be put together become one."""
        for place in range(len(self._waiting) - 1):
            first, second = self._waiting[place], self._waiting[place + 1]
            if first.day is not second.day or first.of + second.of > _TOGETHER:
                continue
            frames = sorted({each.frame for each in (*first.window.pictures, *second.window.pictures)})
            room = max(2, self._frames // 2) if len(frames) > self._frames else len(frames)
            keep = _spread(frames, min(room, len(frames)))
            why = f"thinned: {self._behind()}"
            out = [{each.frame for each in waiting.window.pictures} - keep for waiting in (first, second)]
            self.left_out.thinned += len(frames) - len(keep)
            one = first.day.thinned(first.window, out[0], why) if out[0] else first.window
            other = second.day.thinned(second.window, out[1], why, into=one.index)
            shown = {each.frame for each in one.pictures}
            first.window = replace(
                one,
                end=max(one.end, other.end),
                pictures=(*one.pictures, *(each for each in other.pictures if each.frame not in shown)),
                marks=(*one.marks, *(mark for mark in other.marks if not one.marks or mark.frame > one.marks[-1].frame)),
            )
            first.of += second.of
            self._told(f"windows {one.index} and {other.index} are thinned into one of {len(keep)} pictures: {self._behind()}")
            del self._waiting[place + 1]
            return True
        return False

    def _without_oldest(self) -> bool:
        oldest = self._waiting[0]
        why = self._behind()
        self.left_out.dropped += 1
        oldest.day.failed(oldest.window.index, BEHIND, f"dropped: {why}")
        self._told(f"window {oldest.window.index} is dropped: {why}")
        self._waiting.popleft()
        return True


def _spread(frames: list[int], count: int) -> set[int]:
    """So many of the frames, the first and the last among them, evenly by their place."""
    if count >= len(frames):
        return set(frames)
    if count == 1:
        return {frames[-1]}
    return {frames[round(place * (len(frames) - 1) / (count - 1))] for place in range(count)}
