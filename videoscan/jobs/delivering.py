"""Sends what is in the outbox to the webhooks, signed as Standard Webhooks (https://www.standardwebhooks.com, version 1) prescribes.

A delivery leaves the outbox when its receiver has answered 2xx, never before: what was sent and not noted is sent again, with the
same `webhook-id`.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import logging
import time
from http import HTTPStatus
from typing import TYPE_CHECKING

import aiohttp

from videoscan import patience
from videoscan.errors import StoreError
from videoscan.jobs import fetching
from videoscan.jobs.board import ANY
from videoscan.jobs.rules import RuleBroken
from videoscan.stores.hooks import PREFIX

if TYPE_CHECKING:
    from videoscan.jobs.board import Board
    from videoscan.jobs.settings import Settings
    from videoscan.stores.hooks import Due, Hooks

_log = logging.getLogger("videoscan.jobs")

PATIENCE = patience.Patience(tries=16, first=5.0, longest=6 * 3600.0)
"""Sixteen attempts within about a day."""

_TIMEOUT = 20.0
"""Seconds that a receiver has for its whole answer."""

_AT_ONCE = 8
"""Webhooks that are sent to side by side: one that does not answer holds up no other."""

_LOOK = 5.0
"""Seconds between two looks into the outbox when nobody says that there is news."""

_SULK = 30.0
"""Seconds to leave a webhook alone when the disk refuses to note what became of its delivery."""


def signature(secret: str, message: str, timestamp: int, body: bytes) -> str:
    """The header `webhook-signature`: HMAC-SHA256 over ``message.timestamp.body``. `secret` is ``whsec_`` and base64."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    signed = b".".join((message.encode(), str(timestamp).encode(), body))
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


class Deliverer:
    """Works the outbox off for as long as `run` runs. `patience` says how often and when a delivery is tried."""

    def __init__(self, hooks: Hooks, settings: Settings, board: Board) -> None:
        self.patience = PATIENCE
        self._hooks = hooks
        self._settings = settings
        self._board = board
        self._busy: set[str] = set()

    async def run(self) -> None:
        """Send what is due, until cancelled. What is under way then is sent again at the next start."""
        connector = fetching.connector(self._settings, force_close=True)
        timeout = aiohttp.ClientTimeout(total=_TIMEOUT)
        async with (
            aiohttp.ClientSession(
                connector=connector, timeout=timeout, trust_env=False, cookie_jar=aiohttp.DummyCookieJar()
            ) as session,
            asyncio.TaskGroup() as group,
        ):
            with self._board.watching(ANY) as news:
                while True:
                    news.clear()
                    wait = _LOOK
                    try:
                        due, later = await self._hooks.due()
                    except StoreError as fault:
                        _log.error("webhooks: %s", fault)
                    else:
                        for delivery in due:
                            if delivery.hook not in self._busy and len(self._busy) < _AT_ONCE:
                                self._busy.add(delivery.hook)
                                group.create_task(self._deliver(session, delivery, news))
                        if later is not None:
                            wait = min(wait, max(0.0, later - time.time()))
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(wait):
                            await news.wait()

    async def _deliver(self, session: aiohttp.ClientSession, due: Due, news: asyncio.Event) -> None:
        try:
            status, error, asked = await self._send(session, due)
            if status == HTTPStatus.GONE:
                await self._hooks.remove(due.hook)
                _log.warning("webhook %s is removed: its receiver answered 410", due.hook)
                return
            failures = due.attempts + 1
            wait = None if error is None or failures >= self.patience.tries else self.patience.wait(failures, asked)
            await self._hooks.sent(due.id, status=status, error=error, wait=wait)
            if error is not None:
                then = "given up" if wait is None else f"tried again in {wait:.0f} s"
                _log.warning("webhook %s: delivery %s, attempt %d: %s; %s", due.hook, due.id, failures, error, then)
        except StoreError as fault:
            _log.error("webhook %s: %s", due.hook, fault)
            await patience.sleep(_SULK)
        except Exception:
            # One delivery that nobody thought of must not end all others; it is still in the outbox.
            _log.exception("webhook %s: delivery %s ended in an unexpected fault", due.hook, due.id)
            await patience.sleep(_SULK)
        finally:
            self._busy.discard(due.hook)
            news.set()

    async def _send(self, session: aiohttp.ClientSession, due: Due) -> tuple[int | None, str | None, float | None]:
        """One attempt: the answer's status, what went wrong (never with the address, which may hold a secret), the wait it asks for."""
        body, timestamp = due.body.encode(), int(time.time())
        headers = {
            "Content-Type": "application/json",
            "webhook-id": due.id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": signature(due.secret, due.id, timestamp, body),
        }
        try:
            await fetching.judged(due.url, self._settings)
            async with session.post(due.url, data=body, headers=headers, allow_redirects=False) as answer:
                if 200 <= answer.status < 300:
                    return answer.status, None, None
                return answer.status, f"it answered {answer.status}", patience.retry_after(answer.headers.get("Retry-After"))
        except RuleBroken as fault:
            return None, str(fault), None
        except TimeoutError:
            return None, f"no answer within {_TIMEOUT:.0f} s", None
        except aiohttp.ClientConnectorError:
            return None, "it cannot be connected to", None
        except (aiohttp.ClientError, OSError, ValueError) as fault:
            return None, f"the exchange broke off ({type(fault).__name__})", None
