"""Webhooks and what waits to be sent to them. Deliveries of one hook are sent one after the other, those that are due first."""

from __future__ import annotations

import base64
import datetime as dt
import json
import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from videoscan import outbox, webhooks
from videoscan.jobs.records import FINAL, Delivery, Hook, new_id, now

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Awaitable, Callable, Sequence

    from videoscan.jobs.records import HookKind

T = TypeVar("T")

MOST = 100
"""Webhooks of one service: each is a row per message."""


@dataclass(frozen=True, slots=True)
class Due:
    """A delivery that is to be sent now, with all that sending takes."""

    id: str
    hook: str
    url: str = field(repr=False)
    secret: str = field(repr=False)
    body: str
    attempts: int


class Hooks:
    """The part of a store that knows webhooks. `do` runs work in one transaction of the store."""

    def __init__(self, do: Callable[[Callable[[sqlite3.Connection], Any]], Awaitable[Any]]) -> None:
        self._do = do

    async def add(self, url: str, kinds: Sequence[HookKind]) -> tuple[Hook, str] | None:
        """A new webhook, and its secret, which is told this once; `None` when there are `MOST`."""
        hook = Hook(id=new_id(), url=url, kinds=list(dict.fromkeys(kinds)), created=now())
        secret = webhooks.PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()

        def work(database: sqlite3.Connection) -> bool:
            (count,) = database.execute("SELECT count(*) FROM hooks").fetchone()
            if count >= MOST:
                return False
            database.execute("INSERT INTO hooks VALUES (?,?,?,?,?)", (hook.id, url, json.dumps(hook.kinds), secret, hook.created))
            return True

        return (hook, secret) if await self._do(work) else None

    async def all(self) -> list[Hook]:
        """Every webhook, the oldest first."""

        def work(database: sqlite3.Connection) -> list[Hook]:
            rows = database.execute("SELECT * FROM hooks ORDER BY id").fetchall()
            return [Hook(id=row["id"], url=row["url"], kinds=json.loads(row["kinds"]), created=row["created"]) for row in rows]

        found: list[Hook] = await self._do(work)
        return found

    async def remove(self, hook: str) -> bool:
        """Take a webhook away with all that waits for it; whether it was there."""
        return bool(await self._do(lambda database: database.execute("DELETE FROM hooks WHERE id = ?", (hook,)).rowcount > 0))

    async def deliveries(
        self, hook: str, *, before: int | None = None, most: int = 50
    ) -> tuple[list[Delivery], int | None] | None:
        """The newest deliveries first, and the place to go on from with `before`; `None` where there is no such webhook."""

        def work(database: sqlite3.Connection) -> tuple[list[Delivery], int | None] | None:
            if not database.execute("SELECT 1 FROM hooks WHERE id = ?", (hook,)).fetchone():
                return None
            rows = database.execute(
                "SELECT * FROM outbox WHERE hook = ? AND number < ? ORDER BY number DESC LIMIT ?",
                (hook, 2**62 if before is None else before, most + 1),
            ).fetchall()
            return [_delivery(row) for row in rows[:most]], rows[most - 1]["number"] if len(rows) > most else None

        found: tuple[list[Delivery], int | None] | None = await self._do(work)
        return found

    async def again(self, hook: str, delivery: str) -> Delivery | None:
        """Have a delivery sent once more, now, and as often as a new one where that fails; `None` where there is none of that id."""

        def work(database: sqlite3.Connection) -> Delivery | None:
            database.execute(
                "UPDATE outbox SET state = 'waiting', attempts = 0, due = ?, ended = NULL WHERE id = ? AND hook = ?",
                (time.time(), delivery, hook),
            )
            row = database.execute("SELECT * FROM outbox WHERE id = ? AND hook = ?", (delivery, hook)).fetchone()
            return None if row is None else _delivery(row)

        found: Delivery | None = await self._do(work)
        return found

    # --- sending -------------------------------------------------------------------------------------------------------------

    async def due(self) -> tuple[list[Due], float | None]:
        """For each webhook the delivery that is due longest, and when (seconds of the epoch) the next one will be."""
        moment = time.time()

        def work(database: sqlite3.Connection) -> tuple[list[Due], float | None]:
            rows = database.execute(
                "SELECT outbox.*, hooks.url, hooks.secret, min(outbox.due) FROM outbox JOIN hooks ON hooks.id = outbox.hook"
                " WHERE state = 'waiting' AND due <= ? GROUP BY hook",
                (moment,),
            ).fetchall()
            return [Due(**{name: row[name] for name in Due.__slots__}) for row in rows], outbox.later(database, moment)

        found: tuple[list[Due], float | None] = await self._do(work)
        return found

    async def sent(self, delivery: str, *, status: int | None, error: str | None, wait: float | None) -> None:
        """See `videoscan.outbox.sent`."""
        await self._do(lambda database: outbox.sent(database, delivery, status=status, error=error, wait=wait))

    async def prune(self) -> None:
        """Forget deliveries that ended a month ago."""
        await self._do(outbox.prune)


def post(database: sqlite3.Connection, job: str, kind: str, data: dict[str, Any]) -> None:
    """Put a job's news into the outbox, once for each webhook that is to be told. Part of the caller's transaction."""
    if kind == "state" and data["state"] in FINAL:
        what = f"job.{data['state']}"
    elif kind == "event":
        what = "event.corrected"
    elif kind == "window" and data["events"]:
        what = "event.found"
    else:
        return
    wanting = [row["id"] for row in database.execute("SELECT id, kinds FROM hooks") if what in json.loads(row["kinds"])]
    if not wanting:
        return
    row = database.execute("SELECT name, kind, parent FROM jobs WHERE id = ?", (job,)).fetchone()
    told = {"job": job, "name": row["name"], "kind": row["kind"], "parent": row["parent"]}
    told |= {"event": data["id"], "by": data.get("by")} if kind == "event" else data
    body = json.dumps({"type": what, "timestamp": now(), "data": told}, ensure_ascii=False)
    for hook in wanting:
        outbox.put(database, message=f"msg_{new_id()}", hook=hook, kind=what, body=body)


def _delivery(row: sqlite3.Row) -> Delivery:
    due = dt.datetime.fromtimestamp(row["due"], dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    names = ("id", "kind", "state", "attempts", "created", "ended", "status", "error")
    return Delivery(**{name: row[name] for name in names}, due=due if row["state"] == "waiting" else None)
