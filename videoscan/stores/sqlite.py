"""Jobs, their feeds and the keys of a service, in one SQLite file.

One thread owns the one connection, so there is one writer and no lock to wait for; every verb is a coroutine that hands its work
to that thread. WAL and `synchronous=NORMAL`: a crash of the program loses nothing, a power cut at most the last moments, and a job
whose last moments are lost goes on from its journal.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import secrets
from typing import TYPE_CHECKING, Any

from videoscan.jobs.records import FINAL, Entry, Fault, Job, Key, Progress, new_id, now
from videoscan.onewriter import OneWriter
from videoscan.stores import hooks, streams
from videoscan.stores.migrations import migrate

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from videoscan.jobs.records import State
    from videoscan.stores.streams import Watched


class Conflict(Exception):
    """What was asked for does not go with what is there; the message is for the caller."""


class SqliteStore:
    """The store of one service. `path` is made where it is not there. Raises `StoreError` for whatever the disk refuses."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._writer = OneWriter(path, self._prepare, name="videoscan-store")
        self._do = self._writer.do
        self.hooks = hooks.Hooks(self._do)
        self.streams = streams.Streams(self._do)

    async def open(self) -> None:
        """Open it, and bring it up to date."""
        await self._do(lambda _: None)

    async def close(self) -> None:
        """Close it when what is under way is done. Idempotent."""
        await self._writer.close()

    def _prepare(self, database: sqlite3.Connection) -> None:
        database.execute("PRAGMA synchronous = NORMAL")
        migrate(database, str(self.path))

    # --- jobs ----------------------------------------------------------------------------------------------------------------

    async def add(
        self,
        jobs: Sequence[tuple[Job, bool]],
        *,
        request: tuple[str, str] | None = None,
        most_waiting: int | None = None,
        joined: str | None = None,
        stream: Watched | None = None,
    ) -> tuple[Job, bool]:
        """Add a job (and its children behind it), whole or not at all; returns the first, and whether it is new.

        Args:
            jobs: Each with whether its file belongs to the job and goes with it.
            request: An idempotency key and what stands for the request: the same again gives the job that it made.
            most_waiting: How many jobs may be queued at once.
            joined: The folder in which the recordings lie that the children scan as one.
            stream: What is watched, where the first is a job of kind stream.

        Raises `Conflict` when the key stands for another request, `QueueFull` when too many wait.
        """

        def work(database: sqlite3.Connection) -> tuple[Job, bool]:
            if request is not None:
                row = database.execute("SELECT asked, job FROM requests WHERE key = ?", (request[0],)).fetchone()
                if row is not None:
                    if row["asked"] != request[1]:
                        raise Conflict("this Idempotency-Key was used for another request")
                    return _job(database, row["job"]), False
            if most_waiting is not None:
                (waiting,) = database.execute("SELECT count(*) FROM jobs WHERE state = 'queued'").fetchone()
                if waiting + len(jobs) > most_waiting:
                    raise QueueFull(waiting, most_waiting)
            (last,) = database.execute("SELECT coalesce(max(number), 0) FROM jobs").fetchone()
            for number, (job, owned) in enumerate(jobs, start=last + 1):
                database.execute(
                    "INSERT INTO jobs (id, number, kind, state, parent, name, source, owned, profile, question, created,"
                    " joined) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)",
                    (
                        job.id, number, job.kind, job.state, job.parent, job.name, job.source, owned, json.dumps(job.profile),
                        job.question, job.created, joined if job.joined else None,
                    ),
                )  # fmt: skip
                _tell(database, job.id, "state", {"state": job.state})
            first = jobs[0][0]
            if stream is not None:
                streams.add(database, first.id, stream)
            if request is not None:
                database.execute("INSERT INTO requests VALUES (?,?,?,?)", (*request, first.id, now()))
            return _job(database, first.id), True

        return await self._do(work)

    async def job(self, job: str) -> Job | None:
        """One job, or `None`."""

        def work(database: sqlite3.Connection) -> Job | None:
            with contextlib.suppress(KeyError):
                return _job(database, job)
            return None

        return await self._do(work)

    async def joined(self, job: str) -> str | None:
        """The folder whose recordings of one camera the job scans as one; `None` for a job of one source."""

        def work(database: sqlite3.Connection) -> str | None:
            row = database.execute("SELECT joined FROM jobs WHERE id = ?", (job,)).fetchone()
            return None if row is None else row["joined"]

        return await self._do(work)

    async def source(self, job: str) -> tuple[str, bool] | None:
        """Where a job's source lies on this machine, and whether it belongs to the job."""

        def work(database: sqlite3.Connection) -> tuple[str, bool] | None:
            row = database.execute("SELECT source, owned FROM jobs WHERE id = ?", (job,)).fetchone()
            return None if row is None else (row["source"], bool(row["owned"]))

        return await self._do(work)

    async def jobs(
        self,
        *,
        states: Iterable[State] = (),
        parent: str | None = None,
        text: str | None = None,
        before: int | None = None,
        most: int = 50,
    ) -> tuple[list[Job], int | None]:
        """The newest jobs first, at most `most`, and the place to go on from with `before`, `None` at the end.

        Children of a folder are listed with `parent` only.
        """
        wanted = tuple(states)
        where, values = ["parent IS ?"], [parent]
        marks: list[Any] = list(values)
        if wanted:
            where.append(f"state IN ({','.join('?' * len(wanted))})")
            marks += wanted
        if text:
            where.append("instr(lower(name), lower(?)) > 0")
            marks.append(text)
        if before is not None:
            where.append("number < ?")
            marks.append(before)

        def work(database: sqlite3.Connection) -> tuple[list[Job], int | None]:
            rows = database.execute(
                f"SELECT * FROM jobs WHERE {' AND '.join(where)} ORDER BY number DESC LIMIT ?",  # noqa: S608 - our own words
                (*marks, most + 1),
            ).fetchall()
            more = rows[most - 1]["number"] if len(rows) > most else None
            return [_read(database, row) for row in rows[:most]], more

        return await self._do(work)

    async def counts_within(self, folders: Iterable[str]) -> dict[str, dict[str, int]]:
        """How many jobs of each of these folders are in each state."""
        wanted = tuple(folders)

        def work(database: sqlite3.Connection) -> dict[str, dict[str, int]]:
            told: dict[str, dict[str, int]] = {}
            query = f"SELECT parent, state, count(*) FROM jobs WHERE parent IN ({','.join('?' * len(wanted))}) GROUP BY 1, 2"  # noqa: S608
            for parent, state, count in database.execute(query, wanted):
                told.setdefault(parent, {})[state] = count
            return told

        return await self._do(work) if wanted else {}

    async def counts(self) -> dict[str, int]:
        """How many jobs are in each state."""

        def work(database: sqlite3.Connection) -> dict[str, int]:
            # A stream that is watched and its day are one and the same to whoever counts.
            return dict(database.execute("SELECT state, count(*) FROM jobs WHERE kind <> 'day' GROUP BY state").fetchall())

        return await self._do(work)

    async def lease(self) -> Job | None:
        """The queued job that waits longest, running from now on; `None` where none waits."""

        def work(database: sqlite3.Connection) -> Job | None:
            row = database.execute(
                "SELECT id FROM jobs WHERE state = 'queued' AND kind = 'scan' ORDER BY number LIMIT 1"
            ).fetchone()
            if row is None:
                return None
            database.execute(
                "UPDATE jobs SET state = 'running', started = coalesce(started, ?), finished = NULL, error = NULL,"
                " attempts = attempts + 1 WHERE id = ?",
                (now(), row["id"]),
            )
            _tell(database, row["id"], "state", {"state": "running"})
            return _job(database, row["id"])

        return await self._do(work)

    async def record(self, job: str, progress: Progress) -> None:
        """How far a job has come; not told to its feed, which would be one line a second for hours."""
        text = progress.model_dump_json()
        await self._do(lambda database: database.execute("UPDATE jobs SET progress = ? WHERE id = ?", (text, job)) and None)

    async def tell(self, job: str, kind: str, data: dict[str, Any]) -> None:
        """One line for a job's feed."""

        def work(database: sqlite3.Connection) -> None:
            if not database.execute("SELECT 1 FROM jobs WHERE id = ?", (job,)).fetchone():
                return
            # What a scan that goes on finds in its journal was told before the service ended.
            if (
                kind == "window"
                and database.execute(
                    "SELECT 1 FROM feed WHERE job = ? AND kind = ? AND data = ?", (job, kind, json.dumps(data))
                ).fetchone()
            ):
                return
            _tell(database, job, kind, data)

        await self._do(work)

    async def settle(
        self, job: str, state: State, *, usage: dict[str, Any] | None = None, error: Fault | None = None
    ) -> Job | None:
        """A job's new state. A queued one is as it was before it began, but for its progress."""

        def work(database: sqlite3.Connection) -> Job | None:
            ended = now() if state in FINAL else None
            row = database.execute("SELECT parent FROM jobs WHERE id = ?", (job,)).fetchone()
            if row is None:
                return None
            database.execute(
                "UPDATE jobs SET state = ?, finished = ?, usage = coalesce(?, usage), error = ? WHERE id = ?",
                (state, ended, _text(usage), None if error is None else error.model_dump_json(), job),
            )
            _tell(database, job, "state", {"state": state, **({"error": error.model_dump()} if error else {})})
            if row["parent"]:
                _settle_folder(database, row["parent"])
            return _job(database, job)

        return await self._do(work)

    async def cancel(self, job: str) -> list[str]:
        """Cancel what of a job is queued, and name what of it is running: whoever runs that must stop it."""

        def work(database: sqlite3.Connection) -> list[str]:
            rows = database.execute("SELECT id, state, kind FROM jobs WHERE id = ? OR parent = ?", (job, job)).fetchall()
            for row in rows:
                if row["state"] == "queued" and row["kind"] != "folder":
                    database.execute("UPDATE jobs SET state = 'cancelled', finished = ? WHERE id = ?", (now(), row["id"]))
                    _tell(database, row["id"], "state", {"state": "cancelled"})
            folder = database.execute("SELECT parent FROM jobs WHERE id = ?", (job,)).fetchone()
            _settle_folder(database, job)
            if folder is not None and folder["parent"]:
                _settle_folder(database, folder["parent"])
            return [row["id"] for row in rows if row["state"] == "running" and row["kind"] != "folder"]

        return await self._do(work)

    async def retry(self, job: str, *, windows: Sequence[int] | None = None) -> Job:
        """Queue again what of a job failed or was cancelled, or ended with gaps. Raises `Conflict` when it is not at its end.

        `windows` are those that alone are asked again; it is kept until the job has ended once more.
        """
        chosen = None if windows is None else json.dumps(list(windows))

        def work(database: sqlite3.Connection) -> Job:
            found = _job(database, job)
            if found.state not in FINAL:
                raise Conflict(f"the job is {found.state}: only one that ended can be tried again")
            rows = database.execute("SELECT * FROM jobs WHERE (id = ? OR parent = ?)", (job, job)).fetchall()
            for row in rows:
                if row["kind"] == "folder" or row["state"] != "done" or row["id"] == job:
                    database.execute(
                        "UPDATE jobs SET state = 'queued', finished = NULL, error = NULL, windows = ? WHERE id = ?",
                        (chosen, row["id"]),
                    )
                    _tell(database, row["id"], "state", {"state": "queued"})
            if found.parent:
                _settle_folder(database, found.parent)
            return _job(database, job)

        return await self._do(work)

    async def delete(self, job: str) -> list[tuple[str, str, bool]]:
        """Forget a job and its children, and name each: id, source, and whether that belongs to it. Raises `Conflict` while one runs."""

        def work(database: sqlite3.Connection) -> list[tuple[str, str, bool]]:
            rows = database.execute(
                "SELECT id, state, kind, source, owned FROM jobs WHERE id = ? OR parent = ?", (job, job)
            ).fetchall()
            if any(row["state"] == "running" and row["kind"] != "folder" for row in rows):
                raise Conflict("the job is running: cancel it first")
            database.execute("DELETE FROM jobs WHERE id = ?", (job,))
            return [(row["id"], row["source"], bool(row["owned"])) for row in rows]

        return await self._do(work)

    async def requeue(self, most_attempts: int) -> list[str]:
        """Queue again what was running when the service ended; what did so `most_attempts` times is given up as failed."""

        def work(database: sqlite3.Connection) -> list[str]:
            rows = database.execute("SELECT id, attempts, parent FROM jobs WHERE state = 'running' AND kind = 'scan'").fetchall()
            for row in rows:
                begun = _begun(database, row["id"])
                if begun < most_attempts:
                    database.execute("UPDATE jobs SET state = 'queued' WHERE id = ?", (row["id"],))
                    _tell(database, row["id"], "state", {"state": "queued"})
                    continue
                fault = Fault(
                    kind="ScanAborted",
                    message=f"the service ended {begun} times while it scanned this",
                    hint="retry it when nothing else runs; the file may need more memory than there is",
                )
                database.execute(
                    "UPDATE jobs SET state = 'failed', finished = ?, error = ? WHERE id = ?",
                    (now(), fault.model_dump_json(), row["id"]),
                )
                _tell(database, row["id"], "state", {"state": "failed", "error": fault.model_dump()})
                if row["parent"]:
                    _settle_folder(database, row["parent"])
            return [row["id"] for row in rows]

        return await self._do(work)

    async def feed(self, job: str, after: int, most: int = 200) -> list[Entry]:
        """What a job's feed (a folder's: and its children's) says after `after`, in order."""

        def work(database: sqlite3.Connection) -> list[Entry]:
            rows = database.execute(
                "SELECT feed.* FROM feed JOIN jobs ON jobs.id = feed.job WHERE (feed.job = ? OR jobs.parent = ?)"
                " AND feed.number > ? ORDER BY feed.number LIMIT ?",
                (job, job, after, most),
            ).fetchall()
            return [_entry(row) for row in rows]

        return await self._do(work)

    async def latest(self, job: str, kinds: Iterable[str], most: int) -> list[Entry]:
        """The last of what a job's feed says (a folder's or a stream's: and its children's), the newest first; of these kinds only, where some are named."""
        wanted = tuple(kinds)
        narrowed = f" AND kind IN ({','.join('?' * len(wanted))})" if wanted else ""

        def work(database: sqlite3.Connection) -> list[Entry]:
            query = (
                "SELECT * FROM feed WHERE job IN (SELECT id FROM jobs WHERE id = ? OR parent = ?)"  # noqa: S608 - marks only
                f"{narrowed} ORDER BY number DESC LIMIT ?"
            )
            return [_entry(row) for row in database.execute(query, (job, job, *wanted, most))]

        return await self._do(work)

    # --- keys ----------------------------------------------------------------------------------------------------------------

    async def add_key(self, name: str, scopes: Sequence[str]) -> tuple[Key, str]:
        """A new key, and its text, which is told this once."""
        text = f"vs_{secrets.token_urlsafe(32)}"
        key = Key.model_validate({"id": new_id(), "name": name, "scopes": list(scopes), "created": now()})

        def work(database: sqlite3.Connection) -> None:
            database.execute(
                "INSERT INTO keys VALUES (?,?,?,?,?)", (key.id, name, _hash(text), json.dumps(list(scopes)), key.created)
            )

        await self._do(work)
        return key, text

    async def keys(self) -> list[Key]:
        """Every key, the oldest first."""

        def work(database: sqlite3.Connection) -> list[Key]:
            return [_key(row) for row in database.execute("SELECT * FROM keys ORDER BY id").fetchall()]

        return await self._do(work)

    async def remove_key(self, key: str) -> bool:
        """Take a key away, and every login that was made with it; whether it was there."""
        return await self._do(lambda database: database.execute("DELETE FROM keys WHERE id = ?", (key,)).rowcount > 0)

    async def who(self, text: str) -> Key | None:
        """Whose key this is. A key is 256 random bits, so its hash needs neither salt nor stretching."""

        def work(database: sqlite3.Connection) -> Key | None:
            row = database.execute("SELECT * FROM keys WHERE hash = ?", (_hash(text),)).fetchone()
            return None if row is None else _key(row)

        return await self._do(work)

    async def log_in(self, key: str, ends: str) -> str:
        """A login's token for a page, until `ends` (ISO 8601, UTC)."""
        token = secrets.token_urlsafe(32)

        def work(database: sqlite3.Connection) -> None:
            database.execute("DELETE FROM sessions WHERE ends < ?", (now(),))
            database.execute("INSERT INTO sessions VALUES (?,?,?)", (_hash(token), key, ends))

        await self._do(work)
        return token

    async def logged_in(self, token: str) -> Key | None:
        """Whose login this is."""

        def work(database: sqlite3.Connection) -> Key | None:
            row = database.execute(
                "SELECT keys.* FROM sessions JOIN keys ON keys.id = sessions.key WHERE sessions.hash = ? AND ends >= ?",
                (_hash(token), now()),
            ).fetchone()
            return None if row is None else _key(row)

        return await self._do(work)

    async def log_out(self, token: str) -> None:
        """End a login."""
        await self._do(lambda database: database.execute("DELETE FROM sessions WHERE hash = ?", (_hash(token),)) and None)


class QueueFull(Exception):
    """As many jobs wait as may."""

    def __init__(self, waiting: int, most: int) -> None:
        super().__init__(f"{waiting} jobs wait, and at most {most} may")


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _text(value: dict[str, Any] | None) -> str | None:
    return None if value is None else json.dumps(value)


def _tell(database: sqlite3.Connection, job: str, kind: str, data: dict[str, Any]) -> None:
    database.execute("INSERT INTO feed (job, at, kind, data) VALUES (?,?,?,?)", (job, now(), kind, json.dumps(data)))
    # Whatever is told is posted too, in the same transaction: neither can be there without the other.
    hooks.post(database, job, kind, data)


def _job(database: sqlite3.Connection, job: str) -> Job:
    row = database.execute("SELECT * FROM jobs WHERE id = ?", (job,)).fetchone()
    if row is None:
        raise KeyError(job)
    return _read(database, row)


def _read(database: sqlite3.Connection, row: sqlite3.Row) -> Job:
    children = None
    if row["kind"] in {"folder", "stream"}:
        # A day's id sorts by its date, whenever the day was found.
        order = "id" if row["kind"] == "stream" else "number"
        query = f"SELECT id FROM jobs WHERE parent = ? ORDER BY {order}"  # noqa: S608 - our own words
        children = [each["id"] for each in database.execute(query, (row["id"],))]
    return Job(
        id=row["id"],
        kind=row["kind"],
        state=row["state"],
        parent=row["parent"],
        name=row["name"],
        source=row["source"],
        profile=json.loads(row["profile"]),
        question=row["question"],
        created=row["created"],
        started=row["started"],
        finished=row["finished"],
        attempts=row["attempts"],
        progress=Progress.model_validate_json(row["progress"]) if row["progress"] else None,
        usage=json.loads(row["usage"]) if row["usage"] else None,
        error=Fault.model_validate_json(row["error"]) if row["error"] else None,
        joined=row["joined"] is not None,
        windows=json.loads(row["windows"]) if row["windows"] and row["state"] not in FINAL else None,
        children=children,
    )


def _begun(database: sqlite3.Connection, job: str) -> int:
    """How often a job was begun since it last came to an end: whoever has it tried again gives it all its chances."""
    told = [
        json.loads(row["data"])["state"]
        for row in database.execute("SELECT data FROM feed WHERE job = ? AND kind = 'state' ORDER BY number DESC", (job,))
    ]
    since = next((place for place, state in enumerate(told) if state in FINAL), len(told))
    return told[:since].count("running")


def _key(row: sqlite3.Row) -> Key:
    return Key(id=row["id"], name=row["name"], scopes=json.loads(row["scopes"]), created=row["created"])


def _settle_folder(database: sqlite3.Connection, folder: str) -> None:
    """A folder's state follows from its children's: running while one is under way, failed only where all failed."""
    row = database.execute("SELECT state, kind FROM jobs WHERE id = ?", (folder,)).fetchone()
    if row is None or row["kind"] != "folder":
        return
    states = {each["state"] for each in database.execute("SELECT state FROM jobs WHERE parent = ?", (folder,))}
    if states <= FINAL:
        state = "done" if "done" in states else "failed" if "failed" in states else "cancelled"
    else:
        state = "queued" if states == {"queued"} else "running"
    if state != row["state"]:
        ended = now() if state in FINAL else None
        database.execute("UPDATE jobs SET state = ?, finished = ? WHERE id = ?", (state, ended, folder))
        _tell(database, folder, "state", {"state": state})


def _entry(row: sqlite3.Row) -> Entry:
    return Entry(number=row["number"], job=row["job"], at=row["at"], kind=row["kind"], data=json.loads(row["data"]))
