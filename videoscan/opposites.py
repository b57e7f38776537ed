"""Tells titles that cannot both be of one event: opposite words, other numbers, other colours. Pure."""

from __future__ import annotations

import functools
import re

# No likeness of letters tells "enters the room" from "leaves the room" (86 of 100): words that exclude each other do. Stems, by
# the beginning of a word; for Chinese by the character. What only one of two titles says is looked up on either side.
_EXCLUDE: tuple[tuple[frozenset[str], frozenset[str]], ...] = tuple(
    (frozenset(one.split()), frozenset(other.split()))
    for one, other in (
        ("arriv enter come coming approach", "leav exit depart"),
        ("open", "clos shut"),
        ("start begin", "stop end finish"),
        ("on", "off"),
        ("in into inside", "out outside"),
        ("up", "down"),
        ("left", "right"),
        ("sit sits sat sitting", "stand stood"),
        ("pick take takes took taking remov", "put puts putting plac drop"),
        ("入 进 来 到", "离 出 走"),
        ("开", "关"),
        ("亮", "灭"),
        ("左", "右"),
        ("上", "下"),
    )
)
_COLOURS = frozenset(
    ["black", "white", "grey", "silver", "red", "blue", "green", "yellow", "orange", "brown", "purple", "pink", "beige"]
)


def excludes(one: str, other: str) -> bool:
    """Whether two titles say what cannot both be said of one event: opposite words, other numbers, other colours."""
    first, second = _words(one), _words(other)
    mine, theirs = first - second, second - first
    if not mine or not theirs:
        return False
    sides = [{side for word in words for side in _sides(word)} for words in (mine, theirs)]
    opposite = any((pair, not side) in sides[1] for pair, side in sides[0])
    numbers = [{word for word in words if word.isdecimal()} for words in (mine, theirs)]
    colours = [words & _COLOURS for words in (mine, theirs)]
    return opposite or all(numbers) or all(colours)


@functools.lru_cache(maxsize=1024)
def _words(title: str) -> frozenset[str]:
    return frozenset(_WORD.findall(title.casefold()))


@functools.lru_cache(maxsize=4096)
def _sides(word: str) -> tuple[tuple[int, bool], ...]:
    """Which pairs of opposites a word belongs to, and on which side."""
    # Short words must match whole: "on" is not the beginning of "one".
    return tuple(
        (pair, bool(side))
        for pair, sides in enumerate(_EXCLUDE)
        for side, stems in enumerate(sides)
        if any(word.startswith(stem) if len(stem) > 3 or not stem.isascii() else word == stem for stem in stems)
    )


# A run of letters or digits; of a script that sets no spaces, each character.
_WORD = re.compile(r"[0-9]+|[\u2e80-\u9fff]|[^\W0-9_\u2e80-\u9fff]+")
