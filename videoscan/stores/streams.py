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

    from videoscan.jobs.records import Job

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

    async def days(self, stream: str, *, running: bool = False) -> list[str]:
        """The jobs of a stream's days, the earliest first; with `running` only those that are being watched."""

        def work(database: sqlite3.Connection) -> list[str]:
            narrowed = " AND state = 'running'" if running else ""
            query = f"SELECT id FROM jobs WHERE parent = ? AND kind = 'day'{narrowed} ORDER BY id"  # noqa: S608 - our own words
            return [row["id"] for row in database.execute(query, (stream,))]

        found: list[str] = await self._do(work)
        return found

    async def day(self, job: Job) -> bool:
        """A day of the stream `job.parent` is there, and watched where its state says so; whether that is news.

        One that is known and over stays as it is.
        """

        def work(database: sqlite3.Connection) -> bool:
            if database.execute("SELECT 1 FROM jobs WHERE id = ?", (job.parent,)).fetchone() is None:
                return False
            row = database.execute("SELECT state FROM jobs WHERE id = ?", (job.id,)).fetchone()
            if row is not None and job.state in {row["state"], "done"}:
                return False
            ended = job.created if job.state == "done" else None
            if row is None:
                (last,) = database.execute("SELECT coalesce(max(number), 0) FROM jobs").fetchone()
                told = (job.id, last + 1, job.kind, job.state, job.parent, job.name, job.source, json.dumps(job.profile))
                database.execute(
                    "INSERT INTO jobs (id, number, kind, state, parent, name, source, profile, created, started, finished, attempts)"
                    " VALUES (?,?,?,?,?,?,?,?,?,?,?,1)",
                    (*told, job.created, job.created, ended),
                )
            else:
                database.execute(
                    "UPDATE jobs SET state = ?, finished = ?, attempts = attempts + 1 WHERE id = ?", (job.state, ended, job.id)
                )
            database.execute(
                "INSERT INTO feed (job, at, kind, data) VALUES (?,?,'state',?)", (job.id, now(), json.dumps({"state": job.state}))
            )
            return True

        return bool(await self._do(work))

    async def forget_day(self, job: str) -> None:
        """A day is no more."""
        await self._do(lambda database: database.execute("DELETE FROM jobs WHERE id = ? AND kind = 'day'", (job,)) and None)

    async def over(self, *, watched: bool = False) -> list[tuple[str, str]]:
        """Every day that is over, with `watched` only of streams that are watched on: its job and when it ended (ISO 8601), the earliest end first."""

        def work(database: sqlite3.Connection) -> list[tuple[str, str]]:
            narrowed = " AND parent IN (SELECT id FROM jobs WHERE state IN ('queued', 'running'))" if watched else ""
            rows = database.execute(
                "SELECT id, coalesce(finished, created) AS ended FROM jobs WHERE kind = 'day' AND state = 'done'"  # noqa: S608
                f"{narrowed} ORDER BY ended, id"
            )
            return [(row["id"], row["ended"]) for row in rows]

        found: list[tuple[str, str]] = await self._do(work)
        return found

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
            database.execute(
                "DELETE FROM feed WHERE at < ? AND job IN (SELECT id FROM jobs WHERE kind IN ('stream', 'day'))", (oldest,)
            )

        await self._do(work)
