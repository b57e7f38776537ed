"""The one connection to one SQLite file: one thread owns it, so there is one writer in the process and no lock to wait for.

Every piece of work is handed to that thread and is one transaction. WAL: readers hold no writer up.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from videoscan.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

T = TypeVar("T")

_LONGEST_WAIT = 10_000
"""Milliseconds that another process (a back-up, another command) may hold the file before it counts as an error."""


class OneWriter:
    """Opened with the first work. Belongs to one event loop."""

    def __init__(self, path: Path, prepare: Callable[[sqlite3.Connection], None], *, name: str) -> None:
        """`path` and its folder are made where they are not there, for this user alone. `prepare` brings the file into shape.

        `name` is the thread's. Nothing is opened yet.
        """
        self.path = path
        self._prepare = prepare
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._database: sqlite3.Connection | None = None

    async def do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """What `work` gives, done in one transaction: all of it or, where it raises, nothing. Raises `StoreError` for whatever the disk refuses."""

        def run() -> T:
            try:
                database = self._connected()
                database.execute("BEGIN IMMEDIATE")
                try:
                    result = work(database)
                except BaseException:
                    database.rollback()
                    raise
                database.execute("COMMIT")
            except (sqlite3.Error, OSError) as fault:
                raise StoreError(f"cannot use {self.path}: {fault}", hint="is the disk full, or the file damaged?") from fault
            return result

        # A caller that is cancelled must not leave a half-known write: what was begun is finished.
        return await asyncio.shield(asyncio.get_running_loop().run_in_executor(self._thread, run))

    async def close(self) -> None:
        """Close it when what is under way is done. Idempotent."""

        def end() -> None:
            if self._database is not None:
                self._database.close()
                self._database = None

        with contextlib.suppress(RuntimeError):  # closed before
            await asyncio.get_running_loop().run_in_executor(self._thread, end)
        self._thread.shutdown(wait=True)

    def _connected(self) -> sqlite3.Connection:
        if self._database is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # What lies in it is nobody else's business, whatever the umask says.
            self.path.touch(mode=0o600, exist_ok=True)
            database = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
            try:
                database.row_factory = sqlite3.Row
                database.execute(f"PRAGMA busy_timeout = {_LONGEST_WAIT}")
                database.execute("PRAGMA journal_mode = WAL")
                database.execute("PRAGMA foreign_keys = ON")
                self._prepare(database)
            except BaseException:
                database.close()
                raise
            self._database = database
        return self._database
