"""Tells whether two texts have a word in common that says what happens, beyond what kind of subject it is. Pure.

"A person at the gate" and "a person with a ladder" agree in most of their letters and in nothing that they tell.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from videoscan.language.opposites import KIND_WORDS, WORD

if TYPE_CHECKING:
    from collections.abc import Iterable

_FUNCTION = frozenset(
    word
    for words in (
        "a an the this that some any one two three four several another other its his her their it he she they who which",
        "at in on of to by near past through with from behind across along into onto over under before after for and or",
        "is are was were be been being has have while as",
    )
    for word in words.split()
)
"""English words that stand beside whatever happens. In other languages every word counts, so nothing more is held to be in doubt there."""
_STEM = 4
"""So many first letters make two forms of one word: "waits" and "waiting"."""


def shared(one: Iterable[str], other: Iterable[str]) -> bool:
    """Whether the texts of `one` and those of `other` have a word in common that tells something; also where either tells nothing at all."""
    mine = {stem for text in one for stem in _stems(text)}
    theirs = {stem for text in other for stem in _stems(text)}
    return not mine or not theirs or not mine.isdisjoint(theirs)


@functools.lru_cache(maxsize=1024)
def _stems(text: str) -> frozenset[str]:
    words = WORD.findall(text.casefold())
    return frozenset(word[:_STEM] for word in words if word not in _FUNCTION and word not in KIND_WORDS)
