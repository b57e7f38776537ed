"""Tells titles that cannot both be of one event: opposite words, other numbers, other colours, other kinds of subject. Pure."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING

from videoscan.language import appearance_zh
from videoscan.language.appearance import COLOURS

if TYPE_CHECKING:
    from collections.abc import Mapping

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
# What is of one kind is of no other, though "a dog crosses the yard" and "a fox crosses the yard" agree in nine letters of ten.
_ONE_KIND = (
    "person man woman boy girl child kid guy lady gentleman pedestrian somebody someone people men women children",
    "dog dogs puppy",
    "cat cats kitten",
    "fox foxes",
    "deer",
    "bird birds",
    "horse horses",
    "car cars automobile sedan hatchback suv suvs taxi taxis",
    "van vans minivan",
    "truck trucks lorry lorries",
    "bus buses",
    "bicycle bicycles bike bikes",
    "motorcycle motorcycles motorbike motorbikes",
    "train trains tram trams",
    "人 男 女",
    "狗",
    "猫",
)
# Words that may mean several kinds, with a word of each: a cyclist is no car, but may be told as a person or as a bicycle.
_SEVERAL_KINDS = {
    "cyclist cyclists biker bikers rider riders": "person bicycle motorcycle horse",
    "animal animals": "dog cat fox deer bird horse",
    "pet pets": "dog cat",
    "pickup pickups": "car truck van",
    "vehicle vehicles": "car van truck bus bicycle motorcycle train",
}
_KIND = {word: number for number, words in enumerate(_ONE_KIND) for word in words.split()}
_KINDS = {
    **{word: frozenset({number}) for word, number in _KIND.items()},
    **{
        word: frozenset(_KIND[each] for each in kinds.split())
        for words, kinds in _SEVERAL_KINDS.items()
        for word in words.split()
    },
}
KIND_WORDS = frozenset(word for word in _KINDS if word.isascii())
"""English words for a kind of subject."""
# By the character, in Chinese; what is a colour only sometimes (银行 is a bank, 米 a metre) is in none.
_COLOURS = {
    word: frozenset({colour})
    for word, colour in (
        *COLOURS.items(),
        *((word, colour) for word, colour in appearance_zh.COLOURS.items() if len(word) == 1 and word not in "银銀米粉"),
    )
}
_GENDERS = {
    word: frozenset({number})
    for number, words in enumerate(("man boy guy gentleman 男", "woman girl lady 女"))
    for word in words.split()
}


def excludes(one: str, other: str) -> bool:
    """Whether two titles say what cannot both be said of one event: opposite words, other numbers, colours, or kinds of subject.

    Only words that one of them has alone count, and only where both have such.
    """
    first, second = _words(one), _words(other)
    mine, theirs = first - second, second - first
    if not mine or not theirs:
        return False
    one_says, other_says = ({side for word in words for side in _sides(word)} for words in (mine, theirs))
    # Who enters and leaves does not exclude who is leaving.
    opposite = any((pair, not side) in other_says for pair, side in one_says - other_says if (pair, not side) not in one_says)
    if opposite or all(any(word.isdecimal() for word in words) for words in (mine, theirs)):
        return True
    return any(_apart(mine, theirs, table) for table in (_COLOURS, _GENDERS, _KINDS))


def _apart(mine: frozenset[str], theirs: frozenset[str], table: Mapping[str, frozenset[object]]) -> bool:
    """Whether both name something of a table, and nothing that may be the same."""
    one, other = ({each for word in words for each in table.get(word, ())} for words in (mine, theirs))
    return bool(one) and bool(other) and one.isdisjoint(other)


@functools.lru_cache(maxsize=1024)
def _words(title: str) -> frozenset[str]:
    return frozenset(WORD.findall(title.casefold()))


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
WORD = re.compile(r"[0-9]+|[\u2e80-\u9fff]|[^\W0-9_\u2e80-\u9fff]+")
