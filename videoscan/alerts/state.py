"""What a camera's rules have told so far, and what of it still waits to be sent, in one SQLite file.

So neither a kill nor a restart tells anything twice or loses it. An alert and its messages are written in one transaction. `scope` is what an event's id counts within: the day of a watch.

Size: about 200 bytes for each alert, and its messages with their pictures until they were sent; both are forgotten after a month.
"""

from __future__ import annotations

import datetime as dt
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from videoscan import outbox
from videoscan.alerts.notices import alert_id
from videoscan.errors import StoreError
from videoscan.onewriter import OneWriter

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from videoscan.alerts.notices import State

FILE = "alerts.db"
"""Its name in a camera's folder."""

_VERSION = 1
_SHAPE = f"""
    CREATE TABLE alerts (
        id TEXT PRIMARY KEY,
        camera TEXT NOT NULL,
        rule TEXT NOT NULL,
        scope TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('started', 'completed')),
        silent INTEGER NOT NULL,
        at REAL NOT NULL,
        created TEXT NOT NULL
    ) STRICT;
    CREATE INDEX alerts_by_place ON alerts (camera, rule, at);
    CREATE TABLE events (
        scope TEXT NOT NULL,
        event TEXT NOT NULL,
        rule TEXT NOT NULL,
        alert TEXT NOT NULL REFERENCES alerts(id) ON DELETE CASCADE,
        PRIMARY KEY (scope, event, rule)
    ) STRICT, WITHOUT ROWID;
    {outbox.TABLE}
"""


@dataclass(frozen=True, slots=True)
class Alert:
    """One that there is. `silent`: it came too soon after another, and nobody was told."""

    id: str
    rule: str
    state: State
    silent: bool


@dataclass(frozen=True, slots=True)
class Posting:
    """A message for somebody who is told durably."""

    message: str
    hook: str
    kind: str
    body: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Due:
    """A message that is to be sent now."""

    id: str
    hook: str
    kind: str
    body: str = field(repr=False)
    attempts: int


class AlertRecord:
    """The open file. Belongs to one event loop; one process at a time, as the camera's folder does."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._writer = OneWriter(path, self._prepare, name="videoscan-alerts")
        self._do = self._writer.do

    async def open(self) -> None:
        """Open it, or make it. Raises `StoreError`."""
        await self._do(_forget)

    async def close(self) -> None:
        """Close it when what is under way is done. Idempotent."""
        await self._writer.close()

    def _prepare(self, database: sqlite3.Connection) -> None:
        (version,) = database.execute("PRAGMA user_version").fetchone()
        if version > _VERSION:
            raise StoreError(f"{self.path} was written by a newer videoscan", hint="use that one, or another --out")
        if not version:
            database.executescript(f"BEGIN IMMEDIATE;\n{_SHAPE}\nPRAGMA user_version = {_VERSION};\nCOMMIT;")

    # --- alerts ---------------------------------------------------------------------------------------------------------------

    async def known(self, scope: str, events: Sequence[str]) -> list[Alert]:
        """The alerts of an event that goes, or went, by any of these ids, the earliest first."""
        return await self._do(lambda database: _known(database, scope, events))

    async def begin(
        self,
        *,
        camera: str,
        rule: str,
        scope: str,
        events: Sequence[str],
        at: float,
        repeat_after: float,
        state: State,
        postings: Callable[[str], Sequence[Posting]],
    ) -> Alert | None:
        """A rule is met by an event for the first time; `None` where it was already, by any of its ids.

        `events` are the event's id and its aliases, `at` when it begins (`videoscan.alerts.judging.place`). It is silent where another alert of the
        rule on that camera begins less than `repeat_after` seconds away. `postings` makes the messages, given the alert's id.
        """

        def work(database: sqlite3.Connection) -> Alert | None:
            if any(alert.rule == rule for alert in _known(database, scope, events)):
                return None
            near = database.execute(
                "SELECT 1 FROM alerts WHERE camera = ? AND rule = ? AND NOT silent AND at > ? AND at < ? LIMIT 1",
                (camera, rule, at - repeat_after, at + repeat_after),
            ).fetchone()
            alert = Alert(alert_id(camera, rule, scope, events[0]), rule, state, near is not None)
            database.execute(
                "INSERT INTO alerts VALUES (?,?,?,?,?,?,?,?)",
                (alert.id, camera, rule, scope, state, alert.silent, at, outbox.now()),
            )
            _link(database, scope, events, rule, alert.id)
            if not alert.silent:
                _post(database, postings(alert.id))
            return alert

        return await self._do(work)

    async def complete(
        self, *, rule: str, scope: str, events: Sequence[str], postings: Callable[[str, tuple[str, ...]], Sequence[Posting]]
    ) -> Alert | None:
        """An event has ended: its alert of that rule is completed, once; `None` where there is nothing to say.

        Where several events turned out to be this one, the earliest alert that somebody was told of stands for all; `postings` is given its id
        and those of the others.
        """

        def work(database: sqlite3.Connection) -> Alert | None:
            alerts = [alert for alert in _known(database, scope, events) if alert.rule == rule]
            open_ones = [alert for alert in alerts if alert.state == "started"]
            if not alerts:
                return None
            told = [alert for alert in alerts if not alert.silent]
            stands = (told or alerts)[0]
            database.executemany("UPDATE alerts SET state = 'completed' WHERE id = ?", [(alert.id,) for alert in open_ones])
            _link(database, scope, events, rule, stands.id)
            if not any(alert.state == "started" for alert in told):
                return None
            others = tuple(alert.id for alert in told if alert is not stands)
            _post(database, postings(stands.id, others))
            return stands

        return await self._do(work)

    # --- sending --------------------------------------------------------------------------------------------------------------

    async def due(self) -> tuple[list[Due], float | None]:
        """For each receiver the message that is due longest, and when (seconds of the epoch) the next one will be."""
        moment = time.time()

        def work(database: sqlite3.Connection) -> tuple[list[Due], float | None]:
            # Nobody hears of an end before the beginning; otherwise nothing waits for a message that is not taken.
            rows = database.execute(
                "SELECT id, hook, kind, body, attempts, min(due) FROM outbox WHERE state = 'waiting' AND due <= ? AND NOT EXISTS ("
                " SELECT 1 FROM outbox AS first WHERE first.state = 'waiting' AND first.id <> outbox.id"
                " AND first.id = replace(outbox.id, '_completed@', '_started@')) GROUP BY hook",
                (moment,),
            ).fetchall()
            return [Due(**{name: row[name] for name in Due.__slots__}) for row in rows], outbox.later(database, moment)

        return await self._do(work)

    async def sent(self, message: str, *, status: int | None, error: str | None, wait: float | None) -> None:
        """See `videoscan.outbox.sent`."""
        await self._do(lambda database: outbox.sent(database, message, status=status, error=error, wait=wait))

    async def waiting(self) -> int:
        """How many messages wait."""

        def work(database: sqlite3.Connection) -> int:
            (count,) = database.execute("SELECT count(*) FROM outbox WHERE state = 'waiting'").fetchone()
            return int(count)

        return await self._do(work)


def _known(database: sqlite3.Connection, scope: str, events: Sequence[str]) -> list[Alert]:
    marks = ",".join("?" * len(events))
    rows = database.execute(
        f"SELECT DISTINCT alerts.id, alerts.rule, alerts.state, alerts.silent, alerts.rowid FROM events"  # noqa: S608 - question marks
        f" JOIN alerts ON alerts.id = events.alert WHERE events.scope = ? AND events.event IN ({marks}) ORDER BY alerts.rowid",
        (scope, *events),
    ).fetchall()
    return [Alert(row["id"], row["rule"], row["state"], bool(row["silent"])) for row in rows]


def _link(database: sqlite3.Connection, scope: str, events: Sequence[str], rule: str, alert: str) -> None:
    """Ids that were merged later belong to the same alert; one that has an alert keeps it."""
    rows: list[Any] = [(scope, event, rule, alert) for event in events]
    database.executemany("INSERT OR IGNORE INTO events VALUES (?,?,?,?)", rows)


def _post(database: sqlite3.Connection, postings: Sequence[Posting]) -> None:
    for each in postings:
        outbox.put(database, message=each.message, hook=each.hook, kind=each.kind, body=each.body)


def _forget(database: sqlite3.Connection) -> None:
    oldest = (dt.datetime.now(dt.UTC) - dt.timedelta(days=outbox.KEPT_DAYS)).isoformat()
    database.execute("DELETE FROM alerts WHERE created < ?", (oldest,))
    outbox.prune(database)
