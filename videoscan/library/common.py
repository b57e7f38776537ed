"""Keeps words that nearly every event holds out of a search's way: they leave out next to nothing, and cost the most.

"a man at the gate" is found by ``man`` and ``gate``; whether the other words stand there as well is asked of the few events that are left,
in an index of their own. So is the order of the best: a word that is everywhere says nothing of it, and how often it is in the whole
index takes long to count.
"""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING

from videoscan.library import schema
from videoscan.library.query import WORDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

LARGE = 50_000
"""Events from which on it is worth while: a smaller library answers in a few milliseconds whatever the words."""
FEW = 150
"""So many events are looked at one by one: reading and indexing them takes 40 ms at most (``benchmarks/library.py``)."""
_SAMPLED = 200
_EVERYWHERE = 0.4
"""A word is everywhere when this share of the newest events holds it."""


def large(connection: sqlite3.Connection) -> bool:
    """Whether a library is so large that words which are everywhere take long."""
    (events,) = connection.execute("SELECT total(events) FROM timelines").fetchone()
    return bool(events >= LARGE)


def everywhere(connection: sqlite3.Connection, word: str) -> bool:
    """Whether the newest events nearly all hold this word, which takes a millisecond to see; it stands for all of them."""
    last = "SELECT rowid FROM words WHERE words MATCH ? ORDER BY rowid DESC LIMIT ?"
    match = f'{WORDS} : "{word}"'
    count, first = connection.execute(f"SELECT count(*), min(rowid) FROM ({last})", (match, _SAMPLED)).fetchone()  # noqa: S608
    if count < _SAMPLED:
        return False
    most = int(_SAMPLED / _EVERYWHERE)
    since = connection.execute("SELECT count(*) FROM (SELECT 1 FROM events WHERE key >= ? LIMIT ?)", (first, most + 1))
    return bool(since.fetchone()[0] <= most)


@contextlib.contextmanager
def index_of(connection: sqlite3.Connection, keys: Sequence[int]) -> Iterator[sqlite3.Connection]:
    """An index in memory like the library's own, of these events alone."""
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as small:
        small.execute(schema.WORDS)
        rows = (
            row
            for key in keys
            for row in connection.execute(
                "SELECT rowid, title, description, tags, more, facets FROM words WHERE rowid = ?", (key,)
            )
        )
        small.execute("BEGIN")
        small.executemany("INSERT INTO words (rowid, title, description, tags, more, facets) VALUES (?, ?, ?, ?, ?, ?)", rows)
        small.execute("COMMIT")
        yield small
