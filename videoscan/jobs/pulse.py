"""How long the event loop was held up: the one number that says whether a service still answers everybody in time."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from dataclasses import dataclass

_BEAT = 0.05
"""Seconds between two beats: what is held up for twice as long is seen."""

_WITHIN = 60.0
"""Seconds that a delay is told for."""


@dataclass(frozen=True, slots=True)
class _Late:
    """A beat that came late: when, by how many seconds, and how many of these the loop itself worked."""

    at: float
    by: float
    own: float


class Pulse:
    """Beats evenly while the loop is free; a late beat is a loop that was held up, by us or by a machine that is too busy."""

    def __init__(self) -> None:
        self._beats: deque[_Late] = deque()

    async def run(self) -> None:
        """Beat until cancelled. Memory: a minute of beats."""
        while True:
            begun, worked = time.monotonic(), time.thread_time()
            await asyncio.sleep(_BEAT)
            now = time.monotonic()
            late = max(0.0, now - begun - _BEAT)
            self._beats.append(_Late(now, late, min(late, time.thread_time() - worked)))
            self._forget(now)

    @property
    def longest(self) -> float:
        """Seconds by which the latest beat of the last minute was late."""
        self._forget(time.monotonic())
        return max((each.by for each in self._beats), default=0.0)

    @property
    def own(self) -> float:
        """The same, without the time in which others had the processor: what the loop worked at in one go."""
        self._forget(time.monotonic())
        return max((each.own for each in self._beats), default=0.0)

    def _forget(self, now: float) -> None:
        while self._beats and self._beats[0].at < now - _WITHIN:
            self._beats.popleft()
