"""The job database's shape, step by step. A step that was released is never changed; a new one is added behind it."""

from __future__ import annotations

import sqlite3

from videoscan.errors import StoreError

STEPS: tuple[str, ...] = (
    """
    CREATE TABLE jobs (
        id TEXT PRIMARY KEY,
        number INTEGER NOT NULL UNIQUE,
        kind TEXT NOT NULL CHECK (kind IN ('scan', 'folder')),
        state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled')),
        parent TEXT REFERENCES jobs(id) ON DELETE CASCADE,
        name TEXT NOT NULL,
        source TEXT NOT NULL,
        owned INTEGER NOT NULL DEFAULT 0,
        profile TEXT NOT NULL,
        question TEXT,
        created TEXT NOT NULL,
        started TEXT,
        finished TEXT,
        attempts INTEGER NOT NULL DEFAULT 0,
        progress TEXT,
        usage TEXT,
        error TEXT
    ) STRICT;
    CREATE INDEX jobs_by_state ON jobs (state, number);
    CREATE INDEX jobs_by_parent ON jobs (parent, number);
    CREATE TABLE feed (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        job TEXT NOT NULL REFERENCES jobs(id) ON DELETE CASCADE,
        at TEXT NOT NULL,
        kind TEXT NOT NULL,
        data TEXT NOT NULL
    ) STRICT;
    CREATE INDEX feed_by_job ON feed (job, number);
    CREATE TABLE requests (
        key TEXT PRIMARY KEY,
        asked TEXT NOT NULL,
        job TEXT NOT NULL REFERENCES jobs(id) ON DELETE CASCADE,
        at TEXT NOT NULL
    ) STRICT;
    CREATE TABLE keys (
        id TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        hash TEXT NOT NULL UNIQUE,
        scopes TEXT NOT NULL,
        created TEXT NOT NULL
    ) STRICT;
    CREATE TABLE sessions (
        hash TEXT PRIMARY KEY,
        key TEXT NOT NULL REFERENCES keys(id) ON DELETE CASCADE,
        ends TEXT NOT NULL
    ) STRICT;
    """,
    """
    CREATE TABLE hooks (
        id TEXT PRIMARY KEY,
        url TEXT NOT NULL,
        kinds TEXT NOT NULL,
        secret TEXT NOT NULL,
        created TEXT NOT NULL
    ) STRICT;
    CREATE TABLE outbox (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        hook TEXT NOT NULL REFERENCES hooks(id) ON DELETE CASCADE,
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
    """,
    # Recordings that are scanned as one: the folder in which they were found.
    "ALTER TABLE jobs ADD COLUMN joined TEXT;",
    # A kind more. SQLite changes no CHECK in place; what refers to jobs refers to the table of that name afterwards.
    """
    CREATE TABLE jobs_anew (
        id TEXT PRIMARY KEY,
        number INTEGER NOT NULL UNIQUE,
        kind TEXT NOT NULL CHECK (kind IN ('scan', 'folder', 'stream')),
        state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled')),
        parent TEXT REFERENCES jobs(id) ON DELETE CASCADE,
        name TEXT NOT NULL,
        source TEXT NOT NULL,
        owned INTEGER NOT NULL DEFAULT 0,
        profile TEXT NOT NULL,
        question TEXT,
        created TEXT NOT NULL,
        started TEXT,
        finished TEXT,
        attempts INTEGER NOT NULL DEFAULT 0,
        progress TEXT,
        usage TEXT,
        error TEXT,
        joined TEXT
    ) STRICT;
    INSERT INTO jobs_anew SELECT * FROM jobs;
    DROP TABLE jobs;
    ALTER TABLE jobs_anew RENAME TO jobs;
    CREATE INDEX jobs_by_state ON jobs (state, number);
    CREATE INDEX jobs_by_parent ON jobs (parent, number);
    CREATE TABLE streams (
        job TEXT PRIMARY KEY REFERENCES jobs(id) ON DELETE CASCADE,
        url TEXT NOT NULL,
        user TEXT,
        password TEXT
    ) STRICT;
    """,
    # And one more: the days of a stream.
    """
    CREATE TABLE jobs_anew (
        id TEXT PRIMARY KEY,
        number INTEGER NOT NULL UNIQUE,
        kind TEXT NOT NULL CHECK (kind IN ('scan', 'folder', 'stream', 'day')),
        state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled')),
        parent TEXT REFERENCES jobs(id) ON DELETE CASCADE,
        name TEXT NOT NULL,
        source TEXT NOT NULL,
        owned INTEGER NOT NULL DEFAULT 0,
        profile TEXT NOT NULL,
        question TEXT,
        created TEXT NOT NULL,
        started TEXT,
        finished TEXT,
        attempts INTEGER NOT NULL DEFAULT 0,
        progress TEXT,
        usage TEXT,
        error TEXT,
        joined TEXT
    ) STRICT;
    INSERT INTO jobs_anew SELECT * FROM jobs;
    DROP TABLE jobs;
    ALTER TABLE jobs_anew RENAME TO jobs;
    CREATE INDEX jobs_by_state ON jobs (state, number);
    CREATE INDEX jobs_by_parent ON jobs (parent, number);
    """,
    # The windows that alone are asked again.
    "ALTER TABLE jobs ADD COLUMN windows TEXT;",
)


def migrate(connection: sqlite3.Connection, path: str) -> None:
    """Bring a database up to date, each step whole or not at all. Raises `StoreError` for one of a later version."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > len(STEPS):
        raise StoreError(
            f"{path} has version {version}, and this videoscan knows {len(STEPS)}",
            hint="a newer videoscan wrote it: use that one, or give another folder with --data",
        )
    (held,) = connection.execute("PRAGMA foreign_keys").fetchone()
    # A table that is made anew would take with it what refers to it.
    connection.execute("PRAGMA foreign_keys = OFF")
    try:
        for number, step in enumerate(STEPS[version:], start=version + 1):
            # executescript commits what is open first: the transaction is part of the script.
            try:
                connection.executescript(f"BEGIN IMMEDIATE;\n{step}\nPRAGMA user_version = {number};\nCOMMIT;")
            except sqlite3.Error:
                if connection.in_transaction:
                    connection.rollback()
                raise
        if version < len(STEPS) and (broken := connection.execute("PRAGMA foreign_key_check").fetchone()):
            raise StoreError(f"{path} refers to what is not there (table {broken[0]})", hint="restore it from a copy")
    finally:
        connection.execute(f"PRAGMA foreign_keys = {held}")
