"""Sends what is in the service's outbox to its webhooks; see `videoscan.outbox` for the loop and `videoscan.webhooks` for one attempt."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from videoscan import outbox, webhooks
from videoscan.jobs import fetching
from videoscan.jobs.board import ANY
from videoscan.jobs.rules import RuleBroken
from videoscan.seams import Sent

if TYPE_CHECKING:
    import aiohttp

    from videoscan.jobs.board import Board
    from videoscan.jobs.settings import Settings
    from videoscan.stores.hooks import Due, Hooks

_log = logging.getLogger("videoscan.jobs")


class Deliverer(outbox.Deliverer["Due"]):
    """Works the outbox off while `work` runs."""

    def __init__(self, hooks: Hooks, settings: Settings, board: Board) -> None:
        super().__init__(hooks, self._attempt, webhooks.PATIENCE, _log, gone=self._removed)
        self._hooks, self._settings, self._board = hooks, settings, board
        self._connections: aiohttp.ClientSession | None = None

    async def work(self) -> None:
        """Send what is due, until cancelled."""
        async with webhooks.session(fetching.connector(self._settings, force_close=True)) as self._connections:
            with self._board.watching(ANY) as news:
                await self.run(news)

    async def _attempt(self, due: Due) -> Sent:
        assert self._connections is not None, "it is at work"
        try:
            await fetching.judged(due.url, self._settings)
            return await webhooks.post(self._connections, due.url, due.secret, due.id, due.body)
        except RuleBroken as fault:
            return Sent(str(fault))

    async def _removed(self, due: Due) -> bool:
        await self._hooks.remove(due.hook)
        _log.warning("webhook %s is removed: its receiver answered 410", due.hook)
        return True
