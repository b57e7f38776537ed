"""Reads what a title says its subject looks like: "Man with red coat enters" is of a person, male, in a red coat. Pure.

Only what is plainly there counts: titles in English, or in Chinese (`videoscan.language.appearance_zh`), whose first words are a person or a vehicle with a colour ("in a red jacket", "white
van"), built as models build them. Anything else (two people, "another man", a part of a car, a word that is not known in its place) has
no appearance: nothing is guessed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from videoscan.language import appearance_zh

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence


def _words(*groups: str) -> dict[str, str]:
    """Each word to the first of its group, which stands for all."""
    return {word: group.split()[0] for group in groups for word in group.split()}


COLOURS = _words(
    "black", "white", "grey gray", "silver", "red", "blue", "green", "yellow", "orange", "brown", "purple", "pink", "beige"
)
_SHADES = frozenset({"dark", "light", "bright", "pale"})
# Words for one garment. What can be worn beside it (shirt and T-shirt, cap and helmet) is another.
_GARMENTS = _words(
    "jacket coat parka anorak", "hoodie", "sweater jumper pullover", "shirt", "t-shirt tshirt", "vest waistcoat", "suit", "dress",
    "skirt", "trousers pants", "jeans", "shorts", "hat cap", "helmet", "scarf", "backpack rucksack", "bag handbag", "umbrella",
    "uniform", "overalls", "apron",
)  # fmt: skip
_PEOPLE: dict[str, tuple[tuple[str, str], ...]] = {
    "person": (),
    "individual": (),
    "figure": (),
    "pedestrian": (),
    "man": (("gender", "male"), ("age", "grown")),
    "guy": (("gender", "male"), ("age", "grown")),
    "gentleman": (("gender", "male"), ("age", "grown")),
    "woman": (("gender", "female"), ("age", "grown")),
    "lady": (("gender", "female"), ("age", "grown")),
    "boy": (("gender", "male"), ("age", "child")),
    "girl": (("gender", "female"), ("age", "child")),
    "child": (("age", "child"),),
    "kid": (("age", "child"),),
}
_YEARS = _words("young", "old elderly")
# A body is a trait of a car: a red sedan may be told as a red car, and is no red hatchback.
_VEHICLES = _words(
    "car automobile",
    "van",
    "truck lorry",
    "bus",
    "taxi cab",
    "bicycle bike",
    "motorcycle motorbike",
    "scooter",
    "tractor",
    "tram",
)
_BODIES = _words("sedan saloon", "hatchback", "suv", "convertible")
_MANY = frozenset(
    {"another", "other", "second", "third", "different", "two", "three", "four", "several", "some", "many", "both", "each"}
)
_ARTICLES = frozenset({"a", "an", "the"})
_WEARING = frozenset({"in", "with", "wearing", "carrying"})
_PARTS = frozenset({"doors", "lights", "headlights", "windows", "keys", "tires", "tyres", "wheels", "parts", "owners", "drivers"})
_TOKEN = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*|\S")
_COLOURED = re.compile("|".join(COLOURS), re.IGNORECASE)
_MOST_BEFORE = 4

Trait = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Appearance:
    """What a subject looks like, as far as it was told. Two of them can be equal, or surely of one subject, or not.

    `kind` is "person" or a vehicle; `traits` are ``(what, which)``, such as ``("jacket", "red")``, no what twice; `other` are words
    before the noun that mean nothing here ("police"): they must be the same.
    """

    kind: str
    traits: frozenset[Trait]
    other: frozenset[str] = frozenset()

    @property
    def marks(self) -> frozenset[Trait]:
        """The traits by which it is told from others of its kind: a number plate, or what can be seen from afar."""
        plate = frozenset(trait for trait in self.traits if trait[0] == "plate")
        return plate or frozenset(trait for trait in self.traits if trait[0] not in _PLAIN and not trait[0].endswith(_SHADE))

    def agrees(self, other: Appearance) -> frozenset[Trait]:
        """The marks that both have, where nothing speaks against one subject; else none."""
        if self.kind != other.kind or self.other != other.other:
            return frozenset()
        mine = dict(self.traits)
        if any(mine.get(what, which) != which for what, which in other.traits):
            return frozenset()
        return self.marks & other.marks


_PLAIN = frozenset({"gender", "age", "years", "body"})
_SHADE = " shade"


def read(title: str, attributes: Mapping[str, Any] | None = None) -> tuple[str, Appearance] | None:
    """The words with which a title names its subject, without article and capital, and what they say; `None` where that is not plain.

    A number plate among the `attributes` (``plate``) is a mark too.
    """
    plate = "".join(re.findall(r"\w", str((attributes or {}).get("plate") or ""))).upper()
    if (chinese := appearance_zh.read(title)) is not None:
        return _named(chinese.name, chinese.kind, chinese.traits, [], plate)
    if not plate and _COLOURED.search(title) is None:
        return None  # nearly all titles
    found = [(each[0].casefold(), *each.span()) for each in _TOKEN.finditer(title)]
    tokens = [word for word, _, _ in found]
    first = 1 if tokens[:1] and tokens[0] in _ARTICLES else 0
    head = _head(tokens, first)
    if head is None:
        return None
    kind, traits, other = _before(tokens[first:head], tokens[head])
    end = head + 1
    if kind == "person":
        worn = _worn(tokens, end)
        if worn is None:
            return None
        more, end = worn
        traits += more
    if not _goes_on(tokens, end):
        return None
    name = title[found[first][1] : found[end - 1][2]]
    return _named(name if name[1:2].isupper() else name[:1].lower() + name[1:], kind, traits, other, plate)


def _named(name: str, kind: str, traits: Sequence[Trait], other: Collection[str], plate: str) -> tuple[str, Appearance] | None:
    """A subject with its name; `None` where nothing tells it from others of its kind, or too much is told."""
    if kind != "person" and len(plate) >= 4:
        traits = [*traits, ("plate", plate)]
    what = [trait[0] for trait in traits]
    if len(what) != len(set(what)) or len(other) > 1:
        return None
    appearance = Appearance(kind, frozenset(traits), frozenset(other))
    return (name, appearance) if appearance.marks else None


def _head(tokens: Sequence[str], first: int) -> int | None:
    """The place of the noun."""
    for place in range(first, min(len(tokens), first + _MOST_BEFORE + 1)):
        word = tokens[place]
        if word in _PEOPLE or word in _VEHICLES or word in _BODIES:
            return place
        if word in _MANY or not word[0].isalpha() or (word.endswith(("ing", "ed")) and word not in COLOURS):
            return None
    return None


def _before(words: Sequence[str], noun: str) -> tuple[str, list[Trait], list[str]]:
    """What the noun and the words before it say: the kind, the traits, and what means nothing here."""
    kind = "person" if noun in _PEOPLE else "car" if noun in _BODIES else _VEHICLES[noun]
    traits = list(_PEOPLE.get(noun, ()))
    if noun in _BODIES:
        traits.append(("body", _BODIES[noun]))
    other = []
    for word in words:
        if word in COLOURS and kind != "person":
            traits.append(("colour", COLOURS[word]))
        elif word in _SHADES and kind != "person":
            traits.append((f"colour{_SHADE}", word))
        elif word in _YEARS:
            traits.append(("years", _YEARS[word]))
        else:
            other.append(word)
    return kind, traits, other


def _worn(tokens: Sequence[str], place: int) -> tuple[list[Trait], int] | None:
    """What somebody wears or carries, told from `place` on, and where that ends; `None` where somebody else comes in."""
    traits: list[Trait] = []
    while place < len(tokens) and tokens[place] in {*_WEARING, "and"}:
        joined = tokens[place] == "and"
        at, told = place + 1, list[Trait]()
        colours: list[str] = []
        shades: list[str] = []
        while at < len(tokens) and (tokens[at] in _ARTICLES or tokens[at] in COLOURS or tokens[at] in _SHADES):
            if tokens[at] in COLOURS:
                colours.append(COLOURS[tokens[at]])
            elif tokens[at] in _SHADES:
                shades.append(tokens[at])
            at += 1
        if at < len(tokens) and tokens[at] in _GARMENTS and len(colours) <= 1 and len(shades) <= 1:
            garment = _GARMENTS[tokens[at]]
            told = [(garment, colour) for colour in colours] + [(f"{garment}{_SHADE}", shade) for shade in shades]
        elif joined:
            return None  # another subject, or something that is not understood
        else:
            break
        traits += told
        place = at + 1
    return traits, place


def _goes_on(tokens: Sequence[str], place: int) -> bool:
    """Whether what follows the subject can be what it does: then it was the subject, and not the first word of a longer noun."""
    if place >= len(tokens):
        return True
    word = tokens[place]
    if word in _PARTS or word == "and" or not word[0].isalpha():
        return not word[0].isalpha() and word in {".", ":", ";", "-", "–"}
    return word in _DOES or word.endswith(("s", "ing", "ed"))


_DOES = frozenset(
    [
        "in",
        "at",
        "on",
        "by",
        "near",
        "with",
        "from",
        "to",
        "into",
        "out",
        "through",
        "over",
        "under",
        "past",
        "beside",
        "behind",
        "across",
        "along",
        "has",
        "is",
        "was",
        "left",
        "came",
        "went",
        "ran",
        "stood",
        "sat",
    ]
)
