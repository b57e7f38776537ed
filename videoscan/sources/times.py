"""What a pass learns about time: the clock of frames, the stretches that were lost, and how long the source really is."""

from __future__ import annotations

import bisect
import math
from dataclasses import dataclass, field
from datetime import UTC, datetime

from videoscan.model import Lost

UNKNOWN_LENGTHS = frozenset({2**31 - 1, 2**32 - 1, 2**63 - 1, 2**64 - 1})
"""ISO/IEC 14496-12, 8.2.2.3: "if the duration cannot be determined then duration is set to all 1s". In ticks."""

_FRAMES_OF_ROUNDING = 2.5
_SECONDS_OF_OTHERS = 1.0
_FIRST_VIDEO_YEAR = 1990
_FARTHEST = 3e13
"""Seconds."""


@dataclass(slots=True)
class BestEffort:
    """A frame's time when its pts may be missing or wrong: FFmpeg's ``guess_correct_pts`` (libavcodec/decode.c).

    Counts how often pts and dts failed to rise and believes the one that failed less.
    """

    faulty_pts: int = 0
    faulty_dts: int = 0
    last_pts: int | None = None
    last_dts: int | None = None

    def __call__(self, pts: int | None, dts: int | None) -> int | None:
        """The frame's time in ticks, `None` when it carries neither."""
        if dts is not None:
            self.faulty_dts += self.last_dts is not None and dts <= self.last_dts
            self.last_dts = dts
        elif pts is not None:
            self.last_dts = pts
        if pts is not None:
            self.faulty_pts += self.last_pts is not None and pts <= self.last_pts
            self.last_pts = pts
        elif dts is not None:
            self.last_pts = dts
        return pts if pts is not None and (dts is None or self.faulty_pts <= self.faulty_dts) else dts


@dataclass(slots=True)
class Order:
    """The pictures that were promised, in presentation order: which comes next, and the how many-th one is.

    Forgets only what it is told to, so that a question may be asked again. `passed` counts what it forgot; it may start below
    zero, where indices count from a later picture.
    """

    passed: int = 0
    ahead: list[int] = field(default_factory=list)
    _new: list[int] = field(default_factory=list)

    def push(self, pts: int) -> None:
        """A packet that will become a picture at `pts`."""
        self._new.append(pts)

    def index(self, pts: int) -> int:
        """How many promised pictures lie before `pts`."""
        return self.passed + bisect.bisect_left(self._sorted(), pts)

    def first_from(self, pts: int) -> int | None:
        """The first promised picture at or after `pts`."""
        ahead = self._sorted()
        place = bisect.bisect_left(ahead, pts)
        return ahead[place] if place < len(ahead) else None

    def forget(self, pts: int) -> None:
        """Nobody will ask for anything before `pts` again."""
        ahead = self._sorted()
        place = bisect.bisect_left(ahead, pts)
        del ahead[:place]
        self.passed += place

    def _sorted(self) -> list[int]:
        if self._new:
            # They arrive nearly sorted, which is what Python's sort is quickest with.
            self.ahead += self._new
            self.ahead.sort()
            self._new.clear()
        return self.ahead


@dataclass(slots=True)
class Ledger:
    """Stretches that could not be read, as they are found; in order and without overlap when asked for."""

    spans: list[Lost] = field(default_factory=list)

    def add(self, start: float, end: float, reason: str) -> None:
        """Half-open, in seconds. An empty stretch is no loss."""
        if end > start:
            self.spans.append(Lost(start, end, reason))

    def settled(self, duration: float) -> tuple[Lost, ...]:
        """Merged, sorted and cut to ``[0, duration)``. Where two overlap, the earlier one's reason stands for both."""
        merged: list[Lost] = []
        for span in sorted(self.spans, key=lambda span: (span.start, span.end)):
            start, end = max(0.0, span.start), min(duration, span.end)
            if end <= start:
                continue
            if merged and start < merged[-1].end + 1e-6:
                before = merged[-1]
                if end <= before.end or span.reason == before.reason:
                    merged[-1] = Lost(before.start, max(before.end, end), before.reason)
                    continue
                start = before.end
            merged.append(Lost(start, end, span.reason))
        return tuple(merged)


def tick(time: float, base: float) -> float:
    """The first tick at or after `time`, both from zero; what is further off than a million years is never."""
    if abs(time) > _FARTHEST:
        return math.copysign(float("inf"), time)
    ticks = math.ceil(time / base)
    # The quotient of two floats may lie on the wrong side of a whole number.
    while ticks * base < time:
        ticks += 1
    while (ticks - 1) * base >= time:
        ticks -= 1
    return ticks


def settle_length(read: float, declared: float | None, *, frame: float, shared: bool, whole: bool) -> tuple[float, float | None]:
    """(duration, start of the lost tail or `None`), all in seconds from the first frame.

    `read` is the end of the last picture, `frame` the usual distance of two. A promise that exceeds it by little is rounding:
    by 2.5 frames when the video itself is declared, by a second when `shared`: only the whole file is, and other streams in it
    may be longer. Unless the `whole` source was read the promise stands, and nothing is known to be lost.
    """
    if declared is None or declared <= read:
        return read, None
    if not whole:
        return declared, None
    rounding = max(_SECONDS_OF_OTHERS, 2 * frame) if shared else _FRAMES_OF_ROUNDING * frame
    return (declared, read) if declared > read + rounding else (read, None)


def wall_clock(text: str | None) -> str | None:
    """A container's date as ISO 8601, `None` for none, nonsense, or a clock that was never set (1904, 1970)."""
    try:
        found = datetime.fromisoformat((text or "").strip())
    except ValueError:
        return None
    if found.year < _FIRST_VIDEO_YEAR:
        return None
    if found.tzinfo is not None and not found.utcoffset():
        found = found.astimezone(UTC)
    return found.isoformat(timespec="milliseconds" if found.microsecond else "seconds")
