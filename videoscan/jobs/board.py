"""Tells those who wait for news of a job that there is some."""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


ANY = "*"
"""Whoever watches this is woken by news of any job."""


class Board:
    """Whoever waits is woken; what is new is read from the store, so that nothing is lost between two waits."""

    def __init__(self) -> None:
        self._waiting: dict[str, set[asyncio.Event]] = defaultdict(set)
        self.closed = False

    def changed(self, *jobs: str | None) -> None:
        """There is news of these jobs."""
        for job in (*jobs, ANY):
            for event in self._waiting.get(job or "", ()):
                event.set()

    def close(self) -> None:
        """The service is ending: whoever waits should go."""
        self.closed = True
        self.changed(*self._waiting)

    @contextlib.contextmanager
    def watching(self, job: str) -> Iterator[asyncio.Event]:
        """An event that is set whenever there is news, from now on. Clear it before reading what is new."""
        event = asyncio.Event()
        self._waiting[job].add(event)
        try:
            yield event
        finally:
            self._waiting[job].discard(event)
            if not self._waiting[job]:
                del self._waiting[job]
