"""Seconds as a machine counts them that has nothing else to do: bounds of time that hold on a busy one."""

from __future__ import annotations

import threading
from typing import Self

_TICK = 0.01


class Stopwatch:
    """Counts the ticks of a thread of its own while it is entered.

    Where other processes take the machine, its ticks come late as whatever is measured does, and fewer are counted than the clock on the wall
    would say. What only waits too long, or works too long, is counted in full.
    """

    def __init__(self) -> None:
        self._ticks = 0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="stopwatch")

    @property
    def seconds(self) -> float:
        """Since it was entered."""
        return self._ticks * _TICK

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._end.wait(_TICK):
            self._ticks += 1
