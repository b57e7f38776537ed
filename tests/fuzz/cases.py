"""Case N: which clip, what is done to it, and who reads it. A pure function of N."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from random import Random

from tests.fuzz.clips import make
from tests.fuzz.mutations import KINDS, Mutated, untouched
from tests.fuzz.table import MAIN, PAIRS, RECIPES, Recipe

DAMAGED = 2000
"""Cases with damage. Behind them comes each clip once more as it is."""

TOTAL = DAMAGED + len(RECIPES)

FURTHER = 10_000
"""From this number on there is damage again, as much as anybody wants."""

SAMPLERS: dict[str, tuple[dict[str, object], float]] = {
    "dense": ({}, 0.0),
    "default": ({"kind": "interval"}, 1.0),
    "exact": ({"kind": "interval", "every": 0.3, "snap": False}, 0.3),
    "keyframe": ({"kind": "keyframe", "least": 0.2, "most": 1.0}, 1.0),
}
"""How a pass looks at the clip, and the seconds that may lie between two looks. ``dense`` takes every picture."""


@dataclass(frozen=True)
class Case:
    """One case. `whole`: a scan by the whole pipeline takes the place of the core alone."""

    number: int
    recipe: Recipe
    kind: str
    backend: str
    sampler: str
    whole: bool

    def __str__(self) -> str:
        how = "scan" if self.whole else f"{self.backend}, {self.sampler}"
        return f"case {self.number}: {self.recipe.name}, {self.kind}, {how}"


def case(number: int) -> Case:
    if DAMAGED <= number < FURTHER:
        recipe = list(RECIPES.values())[number - DAMAGED]
        return Case(number, recipe, "untouched", "images" if recipe.muxer == "folder" else "pyav", "dense", whole=False)
    random = Random(f"case {number}")
    turn, place = divmod(number, 5)
    # Three fifths go to the files people have, which are fewer by far: each of them comes up many times.
    recipe = MAIN[(turn * 3 + place) % len(MAIN)] if place < 3 else PAIRS[(turn * 2 + place - 3) % len(PAIRS)]
    kind = random.choices(list(KINDS), [weight for _, weight in KINDS.values()])[0]
    backend = "images" if recipe.muxer == "folder" else random.choices(("pyav", "opencv"), (7, 3))[0]
    sampler = random.choices(list(SAMPLERS), (6, 2, 2, 1))[0]
    return Case(number, recipe, kind, backend, sampler, whole=number % 20 == 7)


def mutated(given: Case, clean: bytes, folder) -> Mutated:
    """The damaged bytes. `folder` is where the clips are, of which one may lend its head."""
    random = Random(f"mutation {given.number}")
    donors = [recipe for recipe in RECIPES.values() if recipe.muxer not in {"folder", "shared"} and recipe != given.recipe]
    near = [recipe for recipe in donors if recipe.suffix == given.recipe.suffix]
    chosen = random.choice(near if near and random.random() < 0.6 else donors)
    change = KINDS[given.kind][0] if given.kind in KINDS else untouched
    return change(clean, random, given.recipe.suffix, lambda: make(chosen, folder).read_bytes())


@functools.cache
def sample() -> tuple[int, ...]:
    """Few cases that show every codec, container, mutation, backend and sampler at least once, the rarest first."""
    every = {number: _shows(case(number)) for number in range(TOTAL)}
    missing = set().union(*every.values())
    chosen = []
    while missing:
        best = max(every, key=lambda number: (len(every[number] & missing), -number))
        chosen.append(best)
        missing -= every[best]
    return tuple(sorted(chosen))


def _shows(given: Case) -> frozenset[str]:
    recipe = given.recipe
    if recipe.muxer == "shared":
        return frozenset()
    reader = "scan" if given.whole else f"{given.backend} {given.sampler}"
    return frozenset({f"codec {recipe.codec}", f"muxer {recipe.muxer}", f"mutation {given.kind}", f"reader {reader}"})
