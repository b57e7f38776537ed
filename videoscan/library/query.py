"""What a person types into a search becomes an expression of SQLite's full-text search, whatever it is. Pure.

=============  ==========================================================================
``red car``    both words, in any order; word forms of English count as one (cars, car)
``"red car"``  one after the other
``car*``       words that begin so
``-dog``       not this word
``cat OR dog`` one of them
``*``          everything; so does nothing at all
=============  ==========================================================================

Everything else stands for itself: what FTS5 would take for an operator is only a word, or nothing.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from videoscan.language import words
from videoscan.library.stems import anything, beginning

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_MOST_TERMS = 64
_MOST_CHARACTERS = 10_000
_TERM = re.compile(r'(?P<minus>-?)(?:"(?P<phrase>[^"]*)(?:"|$)|(?P<word>[^\s"]+))')

WORDS = "{title description tags more}"


@dataclass(frozen=True, slots=True)
class Query:
    """A question to the index: every group must match with one of its terms, and none of `without`."""

    text: str
    groups: tuple[tuple[str, ...], ...] = ()
    without: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=(), compare=False)

    @property
    def empty(self) -> bool:
        """There was something to look for, and no word in it."""
        return self.text.strip() not in {"", "*"} and not self.groups and not self.without

    def expression(
        self,
        facets: Iterable[Iterable[str]] = (),
        but: Iterable[str] = (),
        follows: Callable[[str], Iterable[str]] = anything,
    ) -> str:
        """For ``words MATCH``. Of every group of `facets` one must be there, and none of `but`; `follows` as for `beginning`."""
        asked = functools.partial(_asked, follows=follows)
        every = [f"{WORDS} : ({' OR '.join(map(asked, group))})" for group in self.groups]
        every += [f"facets : ({' OR '.join(map(_quoted, group))})" for group in facets]
        without = [f"{WORDS} : ({asked(term)})" for term in self.without] + [f"facets : ({_quoted(facet)})" for facet in but]
        wanted = " AND ".join(f"({each})" for each in every) or f"facets : ({_quoted(EVERY)})"
        return f"({wanted}) NOT ({' OR '.join(without)})" if without else wanted

    def lighter(self, everywhere: Callable[[str], bool]) -> Query | None:
        """The query without words that are everywhere, which finds all that it finds, and more; `None` where that is no other query.

        A phrase falls apart at such a word. An alternative that has one finds nearly everything, so its whole group goes.
        """
        known = functools.cache(everywhere)
        groups: list[tuple[str, ...]] = []
        for group in self.groups:
            parted = [_parted(term, known) for term in group]
            if len(group) == 1:
                groups += [(part,) for part in parted[0]]
            elif [list(group)] == [[part for parts in parted for part in parts]]:
                groups.append(group)
        return None if not groups or tuple(groups) == self.groups else replace(self, groups=tuple(groups))


_BEGINNING = '" *'
"""How a term ends that is the beginning of a word."""


def _asked(term: str, follows: Callable[[str], Iterable[str]]) -> str:
    """A term as the index is asked for it."""
    *before, last = _words(term)
    if not term.endswith(_BEGINNING) or not last.isascii():
        return term
    begin, whole = beginning(last, follows)
    asked = [_quoted(" ".join((*before, each))) + " *" for each in begin] + [_quoted(" ".join((*before, each))) for each in whole]
    return f"({' OR '.join(asked)})" if len(asked) > 1 else asked[0]


def _words(term: str) -> list[str]:
    return term.removesuffix(" *").strip('"').split(" ")


def _parted(term: str, everywhere: Callable[[str], bool]) -> list[str]:
    """A term in parts without the words that are everywhere; itself where there are none."""
    words = _words(term)
    last = len(words) - 1 if term.endswith(_BEGINNING) else None
    runs: list[list[str]] = [[]]
    for place, word in enumerate(words):
        if place != last and everywhere(word):
            runs.append([])
        else:
            runs[-1].append(word)
    parts = [_quoted(" ".join(run)) for run in runs if run]
    return [*parts[:-1], parts[-1] + " *"] if parts and last is not None else parts


EVERY = "e"
"""The facet that every event bears."""
BETWEEN = "·"
"""What stands between two tags in the index, so that no phrase reaches from one into the next. No query can hold it."""


def parse(text: str) -> Query:
    """Any text is a query. Never fails."""
    groups: list[tuple[str, ...]] = []
    without: list[str] = []
    notes: list[str] = []
    joins = False
    cut = text[:_MOST_CHARACTERS].replace("\0", " ")
    for found in _TERM.finditer(cut):
        word = found["word"]
        if word == "OR" and not found["minus"]:
            joins = bool(groups)
            continue
        term = _term(found["phrase"] if word is None else word, prefix=word is not None and word.endswith("*"))
        if term is None:
            continue
        if len(groups) + len(without) >= _MOST_TERMS:
            notes.append(f"only the first {_MOST_TERMS} words were looked for")
            break
        if found["minus"]:
            without.append(term)
        elif joins:
            groups[-1] = (*groups[-1], term)
        else:
            groups.append((term,))
        joins = False
    if len(text) > _MOST_CHARACTERS:
        notes.append(f"only the first {_MOST_CHARACTERS:,} characters were looked at")
    return Query(text, tuple(groups), tuple(without), tuple(notes))


def any_of(terms: Iterable[str]) -> Query:
    """A query for events that hold any of these words or phrases."""
    found = dict.fromkeys(filter(None, (_term(term) for term in terms)))
    listed = tuple(found)[:_MOST_TERMS]
    return Query(" OR ".join(listed), (listed,) if listed else ())


def _term(text: str, *, prefix: bool = False) -> str | None:
    """A phrase of the words in `text`; `None` when there is none."""
    runs = list(words.runs(text))
    parts: list[str] = []
    for number, run in enumerate(runs):
        if not run.dense:
            parts.append(run.text[: words.LONGEST])
            continue
        pairs = [run.text[place : place + 2] for place in range(len(run.text))]
        last = number + 1 == len(runs)
        # The run may go on in the text: then its last character is no word of its own there.
        parts += pairs[:-1] if last and len(pairs) > 1 else pairs
        prefix = prefix or (last and len(pairs) == 1)
    if not parts:
        return None
    return _quoted(" ".join(parts)) + (" *" if prefix else "")


def _quoted(text: str) -> str:
    doubled = text.replace('"', '""')
    return f'"{doubled}"'
