"""What waits to be sent to somebody, in a table of SQLite, and the loop that works it off.

The table is the same for the service's webhooks and for alerts: `hook` is whom a message is for. Messages for one are sent one after the other,
what is due longest first. A message leaves the outbox when its receiver has taken it, never before: what was sent and not noted is sent again,
with the same id.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import time
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from videoscan import patience
from videoscan.errors import StoreError

if TYPE_CHECKING:
    import logging
    import sqlite3
    from collections.abc import Awaitable, Callable, Sequence

    from videoscan.patience import Patience
    from videoscan.seams import Sent

TABLE = """
    CREATE TABLE outbox (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        hook TEXT NOT NULL,
        kind TEXT NOT NULL,
        body TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('waiting', 'delivered', 'failed')),
        attempts INTEGER NOT NULL DEFAULT 0,
        created TEXT NOT NULL,
        due REAL NOT NULL,
        ended TEXT,
        status INTEGER,
        error TEXT
    ) STRICT;
    CREATE INDEX outbox_by_due ON outbox (state, due);
    CREATE INDEX outbox_by_hook ON outbox (hook, number);
"""
"""The service's own has a reference to its webhooks beside that."""

KEPT_DAYS = 30.0
"""How long what has ended is remembered."""

_AT_ONCE = 8
"""Receivers that are sent to side by side: one that does not answer holds up no other."""

_LOOK = 5.0
"""Seconds between two looks into the outbox when nobody says that there is news."""

_SULK = 30.0
"""Seconds to leave a receiver alone when the disk refuses to note what became of its message."""


def now() -> str:
    """ISO 8601 with milliseconds, UTC."""
    return dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


# --- the table; each is part of the caller's transaction ----------------------------------------------------------------------


def put(database: sqlite3.Connection, *, message: str, hook: str, kind: str, body: str) -> None:
    """One more message, unless there is one of that id."""
    database.execute(
        "INSERT OR IGNORE INTO outbox (id, hook, kind, body, state, created, due) VALUES (?,?,?,?,'waiting',?,?)",
        (message, hook, kind, body, now(), time.time()),
    )


def sent(database: sqlite3.Connection, message: str, *, status: int | None, error: str | None, wait: float | None) -> None:
    """How an attempt ended: delivered where there is no `error`, tried again in `wait` seconds, given up where that is `None`."""
    state = "delivered" if error is None else "failed" if wait is None else "waiting"
    database.execute(
        "UPDATE outbox SET state = ?, attempts = attempts + 1, due = ?, ended = ?, status = ?, error = ? WHERE id = ?",
        (state, time.time() + (wait or 0.0), None if state == "waiting" else now(), status, error, message),
    )


def later(database: sqlite3.Connection, moment: float) -> float | None:
    """When the next message after `moment` (seconds of the epoch) will be due."""
    (due,) = database.execute("SELECT min(due) FROM outbox WHERE state = 'waiting' AND due > ?", (moment,)).fetchone()
    return None if due is None else float(due)


def prune(database: sqlite3.Connection) -> None:
    """Forget what ended a month ago."""
    oldest = (dt.datetime.now(dt.UTC) - dt.timedelta(days=KEPT_DAYS)).isoformat()
    database.execute("DELETE FROM outbox WHERE ended < ?", (oldest,))


# --- the loop -----------------------------------------------------------------------------------------------------------------


class Message(Protocol):
    """What is to be sent now."""

    @property
    def id(self) -> str:
        """The same at every attempt."""
        ...

    @property
    def hook(self) -> str:
        """Whom it is for."""
        ...

    @property
    def attempts(self) -> int:
        """How often it was sent."""
        ...


M = TypeVar("M", bound=Message)
Told_co = TypeVar("Told_co", bound=Message, covariant=True)


class Outbox(Protocol[Told_co]):
    """Where messages wait."""

    async def due(self) -> tuple[Sequence[Told_co], float | None]:
        """For each receiver the message that is due longest, and when (seconds of the epoch) the next one will be."""
        ...

    async def sent(self, message: str, *, status: int | None, error: str | None, wait: float | None) -> None:
        """See `sent` of this module."""
        ...


async def _nothing(_message: Any) -> bool:
    return False


class Deliverer(Generic[M]):
    """Works an outbox off for as long as `run` runs. `patience` says how often and when a message is tried."""

    def __init__(
        self,
        outbox: Outbox[M],
        send: Callable[[M], Awaitable[Sent]],
        patience: Patience,
        log: logging.Logger,
        *,
        gone: Callable[[M], Awaitable[bool]] = _nothing,
    ) -> None:
        """`send` makes one attempt. `gone` is asked when that was final; where it says true, nothing is noted: the receiver is removed."""
        self.patience = patience
        self._outbox, self._send, self._log, self._gone = outbox, send, log, gone
        self._busy: set[str] = set()
        self.idle = asyncio.Event()
        """Set whenever a look has found nothing that could be sent now, and nothing has come since. Clear it, set the news, and wait for it
        to let everything go out."""

    async def run(self, news: asyncio.Event) -> None:
        """Send what is due, until cancelled; `news` is set when there may be more. What is under way then is sent again at the next start."""
        async with asyncio.TaskGroup() as group:
            while True:
                news.clear()
                wait = _LOOK
                try:
                    due, following = await self._outbox.due()
                except StoreError as fault:
                    self._log.error("outbox: %s", fault)
                else:
                    for message in due:
                        if message.hook not in self._busy and len(self._busy) < _AT_ONCE:
                            self._busy.add(message.hook)
                            group.create_task(self._deliver(message, news))
                    # News that came during the look is not in what it found: only a look that began after them says that nothing is left.
                    if not due and not self._busy and not news.is_set():
                        self.idle.set()
                    if following is not None:
                        wait = min(wait, max(0.0, following - time.time()))
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(wait):
                        await news.wait()

    async def _deliver(self, message: M, news: asyncio.Event) -> None:
        try:
            outcome = await self._send(message)
            if outcome.final and await self._gone(message):
                return
            failures = message.attempts + 1
            error = outcome.error
            given_up = error is None or outcome.final or failures >= self.patience.tries
            wait = None if given_up else self.patience.wait(failures, outcome.wait)
            await self._outbox.sent(message.id, status=outcome.status, error=error, wait=wait)
            if error is not None:
                then = "given up" if wait is None else f"tried again in {wait:.0f} s"
                self._log.warning("%s: message %s, attempt %d: %s; %s", message.hook, message.id, failures, error, then)
        except StoreError as fault:
            self._log.error("%s: %s", message.hook, fault)
            await patience.sleep(_SULK)
        except Exception:
            # One message that nobody thought of must not end all others; it is still in the outbox.
            self._log.exception("%s: message %s ended in an unexpected fault", message.hook, message.id)
            await patience.sleep(_SULK)
        finally:
            self._busy.discard(message.hook)
            news.set()
