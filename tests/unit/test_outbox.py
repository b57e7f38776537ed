"""Working off what waits to be sent: when nothing is left, and when that is only how it looks."""

from __future__ import annotations

import asyncio
import logging
from types import SimpleNamespace

from videoscan import outbox
from videoscan.patience import Patience
from videoscan.seams import Sent

SOON = Patience(tries=3, first=0.0, longest=0.0)


class Slow:
    """An outbox whose look answers with what was there when it began, as one does whose query runs on another thread."""

    def __init__(self):
        self.waiting, self.delivered = [], []
        self.looking, self.answer = asyncio.Event(), asyncio.Event()

    async def due(self):
        found = self.waiting[:1]
        self.looking.set()
        await self.answer.wait()
        return found, None

    async def sent(self, message, *, status, error, wait):
        self.delivered.append(message)
        self.waiting = [each for each in self.waiting if each.id != message]


def test_a_look_that_began_before_the_news_does_not_say_that_nothing_is_left():
    async def work():
        slow, news = Slow(), asyncio.Event()

        async def send(_message):
            return Sent(status=200)

        deliverer = outbox.Deliverer(slow, send, SOON, logging.getLogger("test"))
        running = asyncio.create_task(deliverer.run(news))
        try:
            await slow.looking.wait()
            slow.waiting.append(SimpleNamespace(id="late", hook="gate", attempts=0))
            deliverer.idle.clear()
            news.set()
            slow.answer.set()
            await deliverer.idle.wait()
            return tuple(slow.delivered)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    assert asyncio.run(work()) == ("late",)
