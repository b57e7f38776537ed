"""Looks a library over: is the file whole, does every part fit the others, are the timelines and pictures still where it says."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from videoscan.errors import SourceError, StoreError
from videoscan.library import schema
from videoscan.library.store import stamp_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from videoscan.library.store import Entry, Library

Kind = Literal["damaged", "orphaned", "missing", "changed", "pictures"]


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is not as it should be. ``damaged`` and ``orphaned`` are of the library itself, the others of the folders it names."""

    kind: Kind
    message: str
    path: Path | None = None
    repaired: bool = False

    @property
    def inside(self) -> bool:
        """Whether the library itself is at fault."""
        return self.kind in {"damaged", "orphaned"}

    def record(self) -> dict[str, Any]:
        """For programs."""
        path = str(self.path) if self.path is not None else None
        return {"problem": self.kind, "message": self.message, "timeline": path, "repaired": self.repaired}


_ORPHANS = (
    (
        "events of no timeline",
        "SELECT key FROM events WHERE timeline NOT IN (SELECT id FROM timelines)",
        "DELETE FROM events WHERE key = ?",
    ),
    (
        "words of no event",
        "SELECT d.id FROM words_docsize AS d LEFT JOIN events AS e ON e.key = d.id WHERE e.key IS NULL",
        "DELETE FROM words WHERE rowid = ?",
    ),
)


_LOOK_OVER = "INSERT INTO words (words) VALUES ('integrity-check')"
_DISAGREES = "the index of words does not agree with the events"


def check(library: Library, *, repair: bool = False) -> Iterator[Problem]:
    """Everything that is wrong. With `repair` what can be put right is: orphaned rows go, a broken index and unreadable rows are made anew.

    Raises `StoreError` when the file is so damaged that it cannot be read.
    """
    yield from _file(library)
    yield from _orphans(library, repair=repair)
    yield from _index(library, repair=repair)
    for entry in library.timelines():
        yield from _whole(library, entry, repair=repair)
        yield from _outside(library, entry)


def _file(library: Library) -> Iterator[Problem]:
    with library.reading() as connection:
        said = [row[0] for row in connection.execute("PRAGMA integrity_check(20)")]
    for line in said:
        if line != "ok":
            yield Problem("damaged", f"SQLite says: {line}")


def _orphans(library: Library, *, repair: bool) -> Iterator[Problem]:
    for what, find, delete in _ORPHANS:
        with library.reading() as connection:
            keys = connection.execute(find).fetchall()
        if keys and repair:
            with library.writing() as connection:
                connection.executemany(delete, keys)
        if keys:
            yield Problem("orphaned", f"{len(keys)} {what}", repaired=repair)


def _index(library: Library, *, repair: bool) -> Iterator[Problem]:
    try:
        with library.writing() as connection:
            connection.execute(_LOOK_OVER)
    except StoreError as fault:
        if schema.unwritable(fault.__cause__) and not repair:
            yield from _index_of_a_copy(library)
            return
        if (
            not isinstance(fault.__cause__, sqlite3.DatabaseError)
            or "locked" in fault.message
            or schema.unwritable(fault.__cause__)
        ):
            raise
        if repair:
            with library.writing() as connection:
                connection.execute("INSERT INTO words (words) VALUES ('rebuild')")
            # Whole again, but made of what the index itself held of the words: the timelines know better.
            for entry in library.timelines():
                with contextlib.suppress(StoreError):  # whose document cannot be read is told of later
                    library.put(library.timeline(entry.id), entry.path, stamp=library.stamp(entry.id))
        yield Problem("damaged", _DISAGREES, repaired=repair)


def _index_of_a_copy(library: Library) -> Iterator[Problem]:
    """For a library that cannot be written: SQLite looks its index over by a statement that writes, so a temporary copy is looked over."""
    with contextlib.closing(sqlite3.connect("", isolation_level=None)) as copy:
        with library.reading() as connection:
            connection.backup(copy)
        try:
            copy.execute(_LOOK_OVER)
        except sqlite3.DatabaseError:
            yield Problem("damaged", _DISAGREES)


def _whole(library: Library, entry: Entry, *, repair: bool) -> Iterator[Problem]:
    """Whether a timeline can be read, and has all of its rows."""
    with library.reading() as connection:
        events, words = connection.execute(
            "SELECT count(*), count(d.id) FROM events AS e LEFT JOIN words_docsize AS d ON d.id = e.key WHERE e.timeline = ?",
            (entry.id,),
        ).fetchone()
    message = None
    try:
        timeline = library.timeline(entry.id)
    except StoreError:
        timeline, message = None, "its document cannot be read"
    if message is None and not entry.events == events == words:
        message = f"it has {entry.events} events, but {events} rows and {words} entries in the index"
    if message is None:
        return
    repaired = False
    if repair:
        try:
            library.add(entry.path, again=True)
            repaired = True
        except SourceError:
            if timeline is not None:
                library.put(timeline, entry.path)
                repaired = True
    yield Problem("damaged", message, entry.path, repaired)


def _outside(library: Library, entry: Entry) -> Iterator[Problem]:
    if not entry.path.is_file():
        yield Problem("missing", "its timeline.json is gone; the library still holds the timeline", entry.path)
    with library.reading() as connection:
        pictures = connection.execute(
            "SELECT DISTINCT picture FROM events WHERE timeline = ? AND picture IS NOT NULL", (entry.id,)
        ).fetchall()
    stamp = library.stamp(entry.id)
    if stamp and stamp_of(entry.path) not in {stamp, ""}:
        yield Problem("changed", "it was written since it was added; a search takes that in", entry.path)
    gone = sum(not os.path.exists(entry.path.parent / picture) for (picture,) in pictures)  # noqa: PTH110  # a million of them
    if gone:
        yield Problem("pictures", f"{gone} of {len(pictures)} pictures are gone", entry.path)
