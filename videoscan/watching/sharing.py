"""Cameras take turns at one endpoint: whoever has the fewest requests under way, and has waited longest, goes next."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Sharing:
    """At most `most` at once, fairly among whoever asks. Belongs to one event loop.

    A camera with a hundred windows waiting gets no more turns than one with a single window: among those that wait, the one with the fewest
    turns under way goes first, and of these the one whose last turn lies furthest back.
    """

    def __init__(self, most: int) -> None:
        self.most = max(1, most)
        self._under_way: dict[str, int] = {}
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}
        self._last: dict[str, int] = {}
        self._count = itertools.count(1)

    @contextlib.asynccontextmanager
    async def turn(self, who: str) -> AsyncIterator[None]:
        """Hold a turn."""
        ticket = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(who, deque()).append(ticket)
        self._grant()
        try:
            await ticket
        except asyncio.CancelledError:
            if ticket.done() and not ticket.cancelled():
                self._give_back(who)
            else:
                with contextlib.suppress(KeyError, ValueError):
                    self._waiting[who].remove(ticket)
            raise
        try:
            yield
        finally:
            self._give_back(who)

    @property
    def under_way(self) -> int:
        """Turns that are held."""
        return sum(self._under_way.values())

    def _give_back(self, who: str) -> None:
        self._under_way[who] -= 1
        if not self._under_way[who]:
            del self._under_way[who]
        self._grant()

    def _grant(self) -> None:
        while self.under_way < self.most:
            waiting = [who for who, tickets in self._waiting.items() if tickets]
            if not waiting:
                return
            who = min(waiting, key=lambda each: (self._under_way.get(each, 0), self._last.get(each, 0)))
            ticket = self._waiting[who].popleft()
            if not self._waiting[who]:
                del self._waiting[who]
            if ticket.done():  # its asker was cancelled
                continue
            self._under_way[who] = self._under_way.get(who, 0) + 1
            self._last[who] = next(self._count)
            ticket.set_result(None)
