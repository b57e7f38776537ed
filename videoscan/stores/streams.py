"""What a service watches: addresses and logins, and the alerts of what it found there."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from videoscan import outbox
from videoscan.jobs.records import now
from videoscan.model import Login

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Awaitable, Callable, Mapping

_FEED_DAYS = 7.0
"""A stream's feed has no end: what is older is in its timelines."""


@dataclass(frozen=True, slots=True)
class Watched:
    """A live source as it is listened to: the address without its login, and the login. Never shown."""

    url: str = field(repr=False)
    login: Login | None = field(default=None, repr=False)


def add(database: sqlite3.Connection, job: str, watched: Watched) -> None:
    """What a job watches. Part of the caller's transaction."""
    login = watched.login
    user, password = (login.user, login.password) if login is not None else (None, None)
    database.execute("INSERT INTO streams VALUES (?,?,?,?)", (job, watched.url, user, password))


class Streams:
    """The part of a store that knows streams. `do` runs work in one transaction of the store."""

    def __init__(self, do: Callable[[Callable[[sqlite3.Connection], Any]], Awaitable[Any]]) -> None:
        self._do = do

    async def watched(self, job: str) -> Watched | None:
        """What a job watches; `None` where that was forgotten, or the job is none of a stream."""

        def work(database: sqlite3.Connection) -> Watched | None:
            row = database.execute("SELECT * FROM streams WHERE job = ?", (job,)).fetchone()
            if row is None:
                return None
            login = Login(row["user"] or "", row["password"] or "") if row["user"] or row["password"] else None
            return Watched(row["url"], login)

        found: Watched | None = await self._do(work)
        return found

    async def all(self) -> list[str]:
        """The jobs of all streams, in the order in which they were made."""

        def work(database: sqlite3.Connection) -> list[str]:
            rows = database.execute("SELECT job FROM streams JOIN jobs ON jobs.id = job ORDER BY number").fetchall()
            return [row["job"] for row in rows]

        found: list[str] = await self._do(work)
        return found

    async def begin(self, job: str) -> bool:
        """It is watched from now on; false for one that has ended, or was forgotten."""

        def work(database: sqlite3.Connection) -> bool:
            row = database.execute("SELECT state FROM jobs JOIN streams ON job = id WHERE id = ?", (job,)).fetchone()
            if row is None or row["state"] not in {"queued", "running"}:
                return False
            database.execute(
                "UPDATE jobs SET state = 'running', started = coalesce(started, ?), finished = NULL, error = NULL,"
                " attempts = attempts + 1 WHERE id = ?",
                (now(), job),
            )
            if row["state"] == "queued":
                database.execute(
                    "INSERT INTO feed (job, at, kind, data) VALUES (?,?,'state',?)",
                    (job, now(), json.dumps({"state": "running"})),
                )
            return True

        return bool(await self._do(work))

    async def forget(self, job: str) -> bool:
        """Forget an address and its login; whether there was one. What was seen stays."""
        return bool(await self._do(lambda database: database.execute("DELETE FROM streams WHERE job = ?", (job,)).rowcount > 0))

    async def alert(self, job: str, message: str, kind: str, said: Mapping[str, Any]) -> None:
        """An alert, for the job's feed and for the webhooks that are to be told, once however often it is given.

        `said` is the envelope of `videoscan.alerts.notices`.
        """
        data = said["data"]
        body = json.dumps(said, ensure_ascii=False)
        event = data["event"]
        told = {
            "alert": data["alert"],
            "rule": data["rule"],
            "state": data["state"],
            "event": event["id"],
            "title": event["title"],
            "clock": event["clock_start"],
        }

        def work(database: sqlite3.Connection) -> None:
            text = json.dumps(told)
            known = database.execute("SELECT 1 FROM feed WHERE job = ? AND kind = 'alert' AND data = ?", (job, text)).fetchone()
            if known is None and database.execute("SELECT 1 FROM jobs WHERE id = ?", (job,)).fetchone():
                database.execute("INSERT INTO feed (job, at, kind, data) VALUES (?,?,'alert',?)", (job, now(), text))
            for hook in database.execute("SELECT id, kinds FROM hooks").fetchall():
                if kind in json.loads(hook["kinds"]):
                    outbox.put(database, message=f"{message}_{hook['id']}", hook=hook["id"], kind=kind, body=body)

        await self._do(work)

    async def prune(self) -> None:
        """Forget what streams' feeds said long ago."""
        oldest = (dt.datetime.now(dt.UTC) - dt.timedelta(days=_FEED_DAYS)).isoformat()

        def work(database: sqlite3.Connection) -> None:
            database.execute("DELETE FROM feed WHERE at < ? AND job IN (SELECT id FROM jobs WHERE kind = 'stream')", (oldest,))

        await self._do(work)
