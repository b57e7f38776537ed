"""Who comes by in a scene, where and when: the same people in every scene, one after the other, with quiet between them."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from videoscan.testing.disturbances.cast import Actor, Bag, Car, LitWindow, Walker
from videoscan.testing.disturbances.scenery import Scenery, inside
from videoscan.testing.disturbances.stage import feet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from videoscan.model import Box
    from videoscan.testing.disturbances.stage import Stage

FIRST = 60.0
"""When the first event begins: until then a deduplicator may learn."""
GAP = (9.0, 14.0)
"""Seconds of quiet between one event and the next, at least and at most; there are seven times as many once, half-way."""
TAIL = 12.0
"""Seconds of quiet at the end, at least."""
FAR = 0.09
"""Whoever is smaller than this, in shares of the picture's height, walks behind the parked car."""
_WINDOW: Box = (0.351, 0.053, 0.387, 0.137)
_TRIES = 120


class Turn(NamedTuple):
    """What happens next: its height in shares of the picture's, how long it lasts in seconds, its contrast in grey levels."""

    what: str
    height: float
    seconds: float
    contrast: float


TURNS = (
    Turn("walk", 0.02, 3.0, 45), Turn("walk", 0.05, 3.0, -38), Turn("stand", 0.03, 14.0, -42), Turn("walk", 0.15, 4.0, -32),
    Turn("walk", 0.02, 3.0, -40), Turn("bag", 0.10, 8.0, 48), Turn("walk", 0.03, 3.0, 30), Turn("car", 0.075, 4.5, 60),
    Turn("light", 0.084, 24.0, 60), Turn("walk", 0.10, 3.0, 22), Turn("walk", 0.02, 3.0, 34), Turn("stand", 0.02, 12.0, -45),
    Turn("walk", 0.03, 3.0, -25), Turn("walk", 0.05, 3.0, 50),
)  # fmt: skip
"""Persons of all sizes, light and dark and hardly different from the ground; those of 2 % differ by 34 grey levels at least."""


def cast(stage: Stage, parts: Sequence[Scenery], seed: int, seconds: float) -> list[Actor]:
    """Everybody who comes by. Every other walker passes in front of what moves, where something does."""
    random = np.random.default_rng([seed, 4])
    ground = _Ground.of(stage, parts)
    found: list[Actor] = []
    at, walks = FIRST if seconds >= 3 * FIRST else seconds / 4, 0
    for number, turn in enumerate(itertools.cycle(TURNS), 1):
        at += float(random.uniform(0, 1))
        if at + turn.seconds + TAIL > seconds:
            break
        if turn.what == "car":
            if any(isinstance(actor, Car) for actor in found):
                continue
            shade, contrast = ground.shade((0.62, 0.70, 0.86, 0.80), turn.contrast)
            found.append(Car(at, turn.seconds, turn.height, 0.74, 0.79, contrast, shade, ground.aspect))
        elif turn.what == "light":
            found.append(LitWindow(at, turn.seconds, _WINDOW, turn.contrast))
        else:
            wanted = bool(parts) and turn.what == "walk" and walks % 2 == 0
            walks += turn.what == "walk"
            known = [actor for actor in found if isinstance(actor, Walker)]
            walker = _walker(ground, parts, known, random, turn, at, within=wanted)
            found.append(walker)
            if turn.what == "bag":
                found.append(_bag(ground, walker, seconds))
        at += turn.seconds + float(random.uniform(*GAP)) * (7 if number == len(TURNS) // 2 else 1)
    return found


@dataclass(frozen=True, slots=True, eq=False)
class _Ground:
    """How light the stage is in any box, from sums over its luma and its squares."""

    stage: Stage
    sums: np.ndarray[tuple[int, ...], np.dtype[np.float64]]
    squares: np.ndarray[tuple[int, ...], np.dtype[np.float64]]

    @classmethod
    def of(cls, stage: Stage, parts: Sequence[Scenery]) -> _Ground:
        drawn = stage.luma.copy()
        for part in parts:
            part.draw(drawn, 0.0)
        sums, squares = cv2.integral2(drawn)
        return cls(stage, np.asarray(sums, np.float64), np.asarray(squares, np.float64))

    @property
    def aspect(self) -> float:
        return self.stage.width / self.stage.height

    def level(self, box: Box) -> tuple[float, float]:
        """Mean and standard deviation in a box."""
        rows, columns = self.stage.part(box)
        count = (rows.stop - rows.start) * (columns.stop - columns.start)
        mean, square = (
            float(table[rows.stop, columns.stop] - table[rows.start, columns.stop] - table[rows.stop, columns.start] + table[rows.start, columns.start]) / count
            for table in (self.sums, self.squares)
        )  # fmt: skip
        return mean, max(0.0, square - mean * mean) ** 0.5

    def shade(self, box: Box, contrast: float) -> tuple[float, float]:
        """The shade that stands out from what is in a box by `contrast`, and the contrast: the other way where there is no room."""
        level, _ = self.level(box)
        if not 12 <= level + contrast <= 235:
            contrast = -contrast
        return level + contrast, contrast


def _walker(
    ground: _Ground,
    parts: Sequence[Scenery],
    known: Sequence[Walker],
    random: np.random.Generator,
    turn: Turn,
    at: float,
    *,
    within: bool,
) -> Walker:
    """Somebody on a plain piece of ground, clear of where others come and go, so that the contrast is what is said."""
    taken = [box for walker in known for box in _room(walker)]
    step = 1 if random.random() < 0.5 else -1
    # Those who stand walk for two seconds before and after.
    waiting = max(0.0, turn.seconds - 4.0) if turn.what != "walk" else 0.0
    x0, x1 = (0.03, 0.97) if turn.height < FAR else (0.03, 0.58)
    best: tuple[float, Walker] | None = None
    for _ in range(_TRIES):
        left = float(random.uniform(x0, x1))
        walker = Walker(at, turn.seconds, turn.height, left, step, turn.contrast, 0.0, ground.aspect, waiting)
        walker = replace(walker, left=min(left, x1 - (walker.right - left)))
        way = _room(walker)[0]
        walker = replace(walker, inside=inside(way, parts))
        crowd = sum(_touch(one, other) for one in _room(walker) for other in taken)
        badness = 10.0 * (walker.inside != within) + 2.0 * crowd + ground.level(way)[1] / abs(turn.contrast)
        if best is None or badness < best[0]:
            best = (badness, walker)
    assert best is not None
    shade, contrast = ground.shade(_room(best[1])[0], turn.contrast)
    return replace(best[1], shade=shade, contrast=contrast)


def _bag(ground: _Ground, owner: Walker, seconds: float) -> Bag:
    height = 0.25 * owner.height
    beyond = owner.half + 0.8 * height / owner.aspect
    stop = owner.right - owner.half if owner.step > 0 else owner.left + owner.half
    x, low = stop + owner.step * beyond, feet(owner.height)
    shade, contrast = ground.shade((x - 0.02, low - height, x + 0.02, low), -55)
    return Bag(owner.start + owner.seconds / 2, seconds, height, owner.height, x, contrast, shade, owner.aspect)


def _room(walker: Walker) -> tuple[Box, ...]:
    """Where somebody walks, and what they come out from behind."""
    low = feet(walker.height)
    return ((walker.left, low - walker.height, walker.right, low), *(pillar.box for pillar in walker.pillars))


def _touch(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
