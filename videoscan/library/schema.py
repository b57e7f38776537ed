"""The tables of a library, as numbered migrations, and the opening of its file.

An event's key is its time: milliseconds since 1970 (UTC) times 65,536, plus a number that tells apart what began in the same one. So the
order of keys is the order of time in the events and in the index of words alike, a stretch of time is a range of keys, and the newest
events with a common word are found without looking at the others. Recordings without a wall clock lie before all others, one after
the other.

The index of words holds, beside an event's words, `facets`: words of its own making that no text can hold, such as ``c12`` for a camera, so that
every filter is one more list of events to intersect.
"""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING

from videoscan.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

APPLICATION_ID = 0x76736C62
"""In the header of the file, ``vslb``: this is a library and nothing else."""

PER_MILLISECOND = 1 << 16
"""Keys in one millisecond."""
LATEST = 140_000_000_000_000
"""Milliseconds since 1970 that a key can hold: the year 6406."""

_UNWRITABLE = frozenset({sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN})
TOKENIZE = """tokenize = "porter unicode61 remove_diacritics 0 categories 'L* M* N* P* S* Co Cn'\""""
WORDS = f"CREATE VIRTUAL TABLE words USING fts5 (title, description, tags, more, facets, {TOKENIZE})"
"""The index of words."""

_AGAIN = "timelines stay in their folders: `videoscan library add` makes a new library of them"


def _first(connection: sqlite3.Connection) -> None:
    statements = """
    CREATE TABLE timelines (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        path TEXT NOT NULL UNIQUE,
        uri TEXT NOT NULL,
        camera TEXT,
        clock TEXT,
        wall REAL,
        zone REAL,
        duration REAL NOT NULL,
        longest REAL NOT NULL,
        created TEXT NOT NULL,
        added TEXT NOT NULL,
        describer TEXT NOT NULL,
        events INTEGER NOT NULL,
        stamp TEXT NOT NULL,
        document BLOB NOT NULL
    );
    CREATE TABLE events (
        key INTEGER PRIMARY KEY,
        timeline INTEGER NOT NULL REFERENCES timelines (id),
        id TEXT NOT NULL,
        start REAL NOT NULL,
        end REAL NOT NULL,
        wall REAL,
        title TEXT NOT NULL,
        description TEXT NOT NULL,
        tags TEXT NOT NULL,
        attributes TEXT NOT NULL,
        confidence REAL,
        importance REAL,
        origin TEXT NOT NULL,
        review TEXT,
        picture TEXT
    );
    CREATE INDEX events_by_timeline ON events (timeline, start);
    CREATE TABLE names (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        kind TEXT NOT NULL,
        name TEXT NOT NULL,
        UNIQUE (kind, name)
    );
    """
    for statement in statements.split(";"):
        if statement.strip():
            connection.execute(statement)
    connection.execute(WORDS)


MIGRATIONS: Sequence[Callable[[sqlite3.Connection], None]] = (_first,)
"""What makes version n + 1 out of version n, in order. Only ever added to."""


@contextlib.contextmanager
def storing(path: Path | str) -> Iterator[None]:
    """Turn what SQLite says into a `StoreError` that names the file and what to do."""
    try:
        yield
    except sqlite3.Error as fault:
        raise _explained(path, fault) from fault


def _explained(path: Path | str, fault: sqlite3.Error) -> StoreError:
    code = _code(fault)
    if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return StoreError(f"the library {path} is locked by another program", hint="wait until it is done, and try again")
    if code == sqlite3.SQLITE_FULL:
        return StoreError(
            f"cannot write the library {path}: the disk is full", hint="free some space; what it held, it still holds"
        )
    if code in _UNWRITABLE | {sqlite3.SQLITE_PERM, sqlite3.SQLITE_IOERR}:
        return StoreError(
            f"cannot open or write the library {path}: {fault}", hint="look at its permissions, and at those of its folder"
        )
    if code == sqlite3.SQLITE_NOTADB:
        return StoreError(f"{path} is no library: it is no SQLite database, or it is damaged", hint=f"move it away; {_AGAIN}")
    if code == sqlite3.SQLITE_CORRUPT:
        return StoreError(f"the library {path} is damaged: {fault}", hint=f"move it away; {_AGAIN}")
    return StoreError(f"the library {path} cannot be used: {fault}")


def connect(path: Path | None, *, create: bool, patience: float) -> sqlite3.Connection:
    """The library at `path`, at the newest version; a new one in memory for `None`.

    Waits `patience` seconds for others that write. One in a folder that nobody may write to can be read, unless it is to be made. Raises
    `StoreError` when there is none and it is not to be made, when it is damaged, no library, or of a newer version.
    """
    if path is not None and not create and not path.is_file():
        raise StoreError(f"there is no library {path}", hint="`videoscan library add TIMELINE... --library FILE.db` makes one")
    with storing(path or "in memory"):
        try:
            return _opened(path or ":memory:", path or "in memory", patience)
        except sqlite3.OperationalError as fault:
            if path is None or create or not unwritable(fault):
                raise
        return _only_to_read(path, patience)


def _opened(name: Path | str, path: Path | str, patience: float) -> sqlite3.Connection:
    uri = isinstance(name, str) and name.startswith("file:")
    connection = sqlite3.connect(name, timeout=patience, isolation_level=None, check_same_thread=False, uri=uri)
    try:
        _settle(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _only_to_read(path: Path, patience: float) -> sqlite3.Connection:
    """A library that cannot be written, such as on a read-only disk: SQLite wants a file of its own beside it even to read.

    Without one it may only be read as what never changes, which is wrong while somebody else writes: so not where there is a log of
    changes beside it that does not stand in it yet.
    """
    name = path.absolute().as_uri()
    try:
        return _opened(f"{name}?mode=ro", path, patience)
    except sqlite3.OperationalError as fault:
        if not unwritable(fault):
            raise
        log = path.with_name(f"{path.name}-wal")
        if log.is_file() and log.stat().st_size:
            raise StoreError(
                f"the library {path} cannot be read where it lies: its last changes are in {log.name}, and nothing can be written there",
                hint="copy both files to a folder that can be written to, and read the library there",
            ) from fault
    return _opened(f"{name}?mode=ro&immutable=1", path, patience)


def unwritable(fault: BaseException | None) -> bool:
    """Whether SQLite refused because the file, or the folder around it, cannot be written."""
    return isinstance(fault, sqlite3.OperationalError) and _code(fault) in _UNWRITABLE


def _code(fault: sqlite3.Error) -> int:
    return getattr(fault, "sqlite_errorcode", 0) & 0xFF


def _settle(connection: sqlite3.Connection, path: Path | str) -> None:
    version, application = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("user_version", "application_id"))
    empty = not connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()
    if application != APPLICATION_ID and not (empty and version == 0):
        raise StoreError(f"{path} is a database, but no library of videoscan", hint="give another file")
    if version > len(MIGRATIONS):
        raise StoreError(
            f"the library {path} has version {version}; this videoscan knows {len(MIGRATIONS)}",
            hint="a newer videoscan has written it: update this one",
        )
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA cache_size = -65536")
    if version < len(MIGRATIONS):
        # A file system that cannot share memory between processes keeps its old journal, which does the same, only slower.
        connection.execute("PRAGMA journal_mode = WAL")
        migrate(connection, MIGRATIONS, path)


def migrate(connection: sqlite3.Connection, migrations: Sequence[Callable[[sqlite3.Connection], None]], path: Path | str) -> None:
    """Bring a library to the newest version, all at once or not at all; others may do the same at the same time."""
    with writing(connection):
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        for migration in migrations[version:]:
            try:
                migration(connection)
            except sqlite3.OperationalError as fault:
                if "fts5" in str(fault):
                    raise StoreError(
                        f"cannot make the library {path}: the SQLite of this Python has no full-text search (FTS5)",
                        hint="use a Python from python.org, uv or your distribution",
                    ) from fault
                raise
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {max(version, len(migrations))}")


@contextlib.contextmanager
def writing(connection: sqlite3.Connection) -> Iterator[None]:
    """A transaction that writes: all of it or nothing. Waits for others that write."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
