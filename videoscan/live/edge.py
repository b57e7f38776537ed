"""The live edge: how many seconds have passed since second 0, by a clock that never runs back though the computer's may."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from videoscan.seams import Clock

STEP = 1.0
"""Seconds by which the wall clock may differ from the monotonic one before somebody must have set it, or the computer slept."""

_SLEW = 0.0005
"""How much faster or slower than the monotonic clock the edge goes while the two differ by less: 500 ppm, as NTP does itself."""


class Edge:
    """Seconds since second 0. May be asked from any thread.

    The monotonic clock gives the pace. The wall clock is read again each time: a small difference is worked off slowly, a jump forward is
    followed (the computer slept, or its clock was wrong), a jump back is not: times never run back, and `behind` says by how much the
    wall clock differs since.
    """

    def __init__(self, clock: Clock, zero: float | None = None) -> None:
        self.clock = clock
        self.zero = clock.wall() if zero is None else zero
        self.behind = 0.0
        self.jumped = 0.0
        """Seconds jumped over since `take_jump` was called last."""
        self._lock = threading.Lock()
        self._last = clock.monotonic()
        self._now = max(0.0, clock.wall() - self.zero)

    def now(self) -> float:
        """The edge."""
        with self._lock:
            monotonic = self.clock.monotonic()
            passed = max(0.0, monotonic - self._last)
            self._last = monotonic
            self._now += passed
            off = self.clock.wall() - self.zero - self._now
            if off > STEP:
                self._now += off
                self.jumped += off
                self.behind = 0.0
            elif off < -STEP:
                self.behind = -off
            else:
                self.behind = 0.0
                self._now += max(-passed * _SLEW, min(off, passed * _SLEW))
            return self._now

    def take_jump(self) -> float:
        """How many seconds were jumped over since the last call."""
        with self._lock:
            jumped, self.jumped = self.jumped, 0.0
            return jumped
