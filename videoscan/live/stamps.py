"""A stream's timestamps on the wall clock: they give the distances, the arrival of packets gives the place."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

STEP = 1.0
"""Seconds. A difference as large as that is no drift: somebody's clock was set, or the camera stood still."""

_WINDOW = 5.0
"""Seconds over which lateness is judged: longer than a burst after a network that was held up."""

_SLEW = 0.02
"""Share by which stream time is stretched to catch up with the wall clock; a camera's crystal is wrong by 0.0001."""


_LONGEST_PAUSE = 60.0
"""Seconds. Timestamps that leap by more, where packets wait for their time, belong to another recording."""


@dataclass(frozen=True, slots=True)
class Placed:
    """When a packet is to be decoded, in seconds since second 0 and never back, and when its picture is shown."""

    decoded: float
    shown: float


@dataclass(slots=True)
class StreamClock:
    """For one connection: turns packets' timestamps into seconds since second 0.

    The packet that travelled fastest tells where the stream's clock lies on ours; the others came late. So whatever comes earlier than
    its timestamp says moves the whole clock back at once (no picture is from the future), and only what is late for `_WINDOW` seconds
    without a single exception moves it forward: slowly, or by a step where it is too much for drift. Timestamps that fall back begin anew.

    `paced`: packets come in bursts on purpose, as HLS segments and files do, and wait for their time; then the first one tells.
    """

    tick: float
    paced: bool = False
    steps: int = 0
    _offset: float | None = None
    _last_stamp: float | None = None
    _last: float = 0.0
    _late: deque[tuple[float, float]] = field(default_factory=deque)
    """Arrival and lateness, only those later than all after them are left out: the first is the least of the window."""
    _since: float = 0.0
    _slewed: float = 0.0

    def place(self, dts: int | None, pts: int | None, arrived: float, spacing: float) -> Placed:
        """Where a packet lies. `spacing` is the usual distance, for one without a stamp.

        A picture cannot have been taken after it arrived: so it is `pts` that is held against the arrival, whatever the order.
        """
        pts, dts = dts if pts is None else pts, pts if dts is None else dts
        if dts is None or pts is None:
            time = arrived if self._offset is None else min(self._last + spacing, max(arrived, self._last))
            self._last = max(self._last, time)
            return Placed(self._last, self._last)
        stamp, shown = dts * self.tick, pts * self.tick
        before = self._last_stamp
        self._last_stamp = stamp
        if self._offset is None:
            self._begin(shown, arrived)
        elif before is not None and before - stamp > STEP:
            self.steps += 1
            self._begin(shown, max(arrived, self._last + spacing) if self.paced else arrived)
        assert self._offset is not None
        late = arrived - (self._offset + shown)
        if self.paced:
            if before is not None and stamp - before > _LONGEST_PAUSE:
                self.steps += 1
                self._offset = max(arrived, self._last + spacing) - shown
            elif late > STEP:
                self._judge(arrived, late)
        elif late < 0:
            self.steps += late < -STEP
            self._offset += late
            self._late.clear()
            self._since = self._slewed = arrived
        else:
            self._judge(arrived, late)
        self._last = max(self._last, self._offset + stamp)
        return Placed(self._last, max(self._last, self._offset + shown))

    def jump(self, seconds: float) -> None:
        """Our own clock was set forward."""
        if self._offset is not None:
            self._offset += seconds
        self._late.clear()

    def _begin(self, stamp: float, arrived: float) -> None:
        self._offset = arrived - stamp
        self._late.clear()
        self._since = self._slewed = arrived

    def _judge(self, arrived: float, late: float) -> None:
        assert self._offset is not None
        while self._late and self._late[-1][1] >= late:
            self._late.pop()
        self._late.append((arrived, late))
        while self._late[0][0] < arrived - _WINDOW:
            self._late.popleft()
        if arrived - self._since < _WINDOW:
            return
        least = self._late[0][1]
        if least > STEP:
            self.steps += 1
            self._offset += least
            self._late.clear()
            self._since = self._slewed = arrived
        elif least > 0:
            moved = min(least, _SLEW * (arrived - self._slewed))
            self._slewed = arrived
            self._offset += moved
            self._late = deque((at, value - moved) for at, value in self._late)
