"""What the index makes of English words (Porter's stems: cars and car are one), and what it must be asked for words that begin so.

A beginning is no word, and the index would make a stem of it all the same: of ``bicy*`` the beginning ``bici``, which no bicycle has,
of ``bus*`` the beginning ``bu``, which builders have as well.
"""

from __future__ import annotations

import contextlib
import sqlite3
import string
from typing import TYPE_CHECKING

from videoscan.library import schema

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

_NEXT = string.ascii_lowercase + string.digits
_ENDINGS = ("s", "d", "es", "ed", "er", "ly", "al", "ing", "ies", "ion", "ive", "ous", "ful", "able", "ment", "ness", "ation")
"""What English words end in, that a stem does not have."""


def stems(words: Sequence[str]) -> list[str]:
    """The stem of each word, as the index has it. Words are folded letters and digits."""
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.execute(f"CREATE VIRTUAL TABLE texts USING fts5 (text, {schema.TOKENIZE})")
        connection.execute("CREATE VIRTUAL TABLE found USING fts5vocab (texts, 'instance')")
        connection.execute("INSERT INTO texts (text) VALUES (?)", (" ".join(words),))
        return [stem for (stem,) in connection.execute("SELECT term FROM found ORDER BY offset")]


def anything(_: str) -> str:
    """All letters and digits: what may follow where nobody says what does."""
    return _NEXT


def beginning(word: str, follows: Callable[[str], Iterable[str]] = anything) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """How to ask for words that begin with `word`: beginnings that the index leaves as they are, and whole words.

    `follows` says which letters and digits come behind a beginning anywhere in the index; others are not asked for.
    """
    ended = {word + end[begun:] for end in _ENDINGS for begun in range(len(end)) if word.endswith(end[:begun])}
    stem = _stemmed({word} | ended)
    # A word whose stem is shorter than what was typed is found by its stem: running by run for runni*.
    whole = {each for each in ended if not stem[each].startswith(word)}
    if stem[word] == word:
        return (word,), tuple(sorted(whole))
    letters = {word + letter for letter in follows(word)}
    stem = _stemmed(letters)
    kept = {each for each in letters if stem[each] == each}
    pairs = {each + letter for each in letters - kept for letter in follows(each)}
    stem = _stemmed(pairs)
    kept |= {each for each in pairs if stem[each] == each}
    return tuple(sorted(kept)), tuple(sorted({word} | whole))


def _stemmed(words: Collection[str]) -> dict[str, str]:
    return dict(zip(words, stems(list(words)), strict=True)) if words else {}


class Index:
    """Which letters follow a beginning among the stems of a library's index: a seek for each letter that does, and one more."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __call__(self, begun: str) -> Iterator[str]:
        """The letters and digits, in order; the stem that is the beginning itself has none."""
        self._connection.execute("CREATE VIRTUAL TABLE IF NOT EXISTS temp.stems USING fts5vocab ('main', 'words', 'instance')")
        at = f"{begun}0"
        while True:
            row = self._connection.execute("SELECT term FROM temp.stems WHERE term >= ? LIMIT 1", (at,)).fetchone()
            if row is None or not row[0].startswith(begun):
                return
            letter = row[0][len(begun)]
            if letter in _NEXT:
                yield letter
            at = begun + chr(ord(letter) + 1)
