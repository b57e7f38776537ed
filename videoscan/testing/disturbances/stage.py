"""Where the made scenes play: a street in front of a house, with structure at every scale, as a fixed camera sees it."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from videoscan.testing.disturbances.figures import car
from videoscan.testing.disturbances.planes import Plane, plane

if TYPE_CHECKING:
    from collections.abc import Sequence

    from videoscan.model import Box, Gray

HORIZON = 0.34
"""Where the ground begins, in shares of the height."""
MARGIN = 0.02
"""What is drawn beyond each edge, in shares of the height, so that a camera may shake."""


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """The empty scene in neutral light: `luma` in grey levels, its shape (height + 2 * margin, width + 2 * margin).

    `chroma` are the two colour planes of the picture as yuv420p has them, (height / 2, width / 2) each.
    """

    width: int
    height: int
    margin: int
    luma: Plane
    chroma: tuple[Gray, Gray]

    def x(self, share: float) -> float:
        """The column on the canvas of a share of the picture's width."""
        return self.margin + share * self.width

    def y(self, share: float) -> float:
        """The row on the canvas of a share of the picture's height."""
        return self.margin + share * self.height

    def part(self, box: Box) -> tuple[slice, slice]:
        """The canvas's pixels of a box given in shares of the picture, cut off at the canvas's edges."""
        rows, columns = self.luma.shape
        top, bottom = (min(rows, max(0, round(self.y(share)))) for share in (box[1], box[3]))
        left, right = (min(columns, max(0, round(self.x(share)))) for share in (box[0], box[2]))
        return slice(top, max(top + 1, bottom)), slice(left, max(left + 1, right))


@dataclass(frozen=True, slots=True)
class Pillar:
    """Something to come out from behind: a post, a crate, a trunk. `box` in shares of the picture."""

    box: Box


def feet(height: float) -> float:
    """Where somebody of `height` (share of the picture's) stands, in shares of the picture's height: perspective, camera held level."""
    return HORIZON + 2.6 * height


def grain(shape: tuple[int, int], cells: float, random: np.random.Generator, octaves: int = 4) -> Plane:
    """Smooth noise of mean 0 and deviation 1: layers of blown-up random grids, the first with `cells` cells across."""
    total = np.zeros(shape, np.float32)
    strength = 1.0
    for _ in range(octaves):
        grid = (max(2, round(cells * shape[0] / shape[1])), max(2, round(cells)))
        layer = random.normal(0, 1, grid).astype(np.float32)
        total += strength * plane(cv2.resize(layer, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC))
        strength, cells = strength * 0.6, cells * 2.2
    return plane((total - total.mean()) / max(1e-6, float(total.std())))


@functools.lru_cache(maxsize=4)
def bare(width: int, height: int, seed: int, *, night: bool) -> Stage:
    """The stage without anybody's pillars. About 0.3 s for 1280 x 720, hence kept. Sizes are even."""
    random = np.random.default_rng([seed, 1])
    margin = math.ceil(MARGIN * height)
    shape = (height + 2 * margin, width + 2 * margin)
    empty = Stage(width, height, margin, np.zeros(shape, np.float32), _chroma(width, height, random))
    luma = _ground(empty, random)
    _markings(luma, empty)
    _litter(luma, empty, random)
    _house(luma, empty, random)
    for x in (0.04, 0.20, 0.83):
        _standing_car(luma, empty, x, random)
    luma = plane(cv2.GaussianBlur(luma, (0, 0), 0.7 * height / 720 + 0.2))
    if night:
        luma = _at_night(luma, empty)
    np.clip(luma, 14, 226, out=luma)
    luma.flags.writeable = False
    return Stage(width, height, margin, luma, empty.chroma)


def with_pillars(stage: Stage, pillars: Sequence[Pillar], seed: int) -> tuple[Stage, Plane]:
    """The stage with pillars in it, and how much of each canvas pixel they cover, 0..1."""
    random = np.random.default_rng([seed, 2])
    luma, cover = stage.luma.copy(), np.zeros_like(stage.luma)
    for pillar in pillars:
        rows, columns = stage.part(pillar.box)
        shape = (rows.stop - rows.start, columns.stop - columns.start)
        base = float(luma[rows, columns].mean())
        across = np.linspace(-1, 1, shape[1], dtype=np.float32)[None, :]
        body = np.clip(base + random.uniform(-14, 14) - 9 * across + 3 * grain(shape, 6, random, 2), 14, 226)
        luma[rows, columns] = body
        cover[rows, columns] = 1.0
    return Stage(stage.width, stage.height, stage.margin, luma, stage.chroma), cover


def _ground(stage: Stage, random: np.random.Generator) -> Plane:
    shape = stage.luma.shape
    down = np.linspace(-MARGIN, 1 + MARGIN, shape[0], dtype=np.float32)[:, None]
    luma = 104 + 14 * (down - 0.6) + 9 * grain((shape[0], shape[1]), 5, random, 5)
    # Asphalt: coarse near by, fine far away.
    coarse, fine = grain((shape[0], shape[1]), shape[1] / 9, random, 2), random.normal(0, 1, shape).astype(np.float32)
    near = np.clip((down - HORIZON) / 0.6, 0, 1)
    return plane(luma + coarse * (2.5 + 4 * near) + fine * 2.5)


def _markings(luma: Plane, stage: Stage) -> None:
    def stripe(points: Sequence[tuple[float, float]], shade: float) -> None:
        corners = np.array([(stage.x(x) * 16, stage.y(y) * 16) for x, y in points]).round().astype(np.int32)
        cv2.fillConvexPoly(luma, corners, shade, cv2.LINE_AA, 4)

    for n in range(9):  # bays, towards one vanishing point
        x = -0.6 + n * 0.28
        stripe([(0.5 + (x - 0.5) * 0.42, 0.50), (0.5 + (x - 0.49) * 0.42, 0.50), (x + 0.017, 0.86), (x, 0.86)], 158.0)
    stripe([(-0.1, 0.865), (1.1, 0.865), (1.1, 0.877), (-0.1, 0.877)], 150.0)
    stripe([(-0.1, HORIZON), (1.1, HORIZON), (1.1, HORIZON + 0.012), (-0.1, HORIZON + 0.012)], 74.0)
    stripe([(-0.1, 0.44), (1.1, 0.452), (1.1, 0.459), (-0.1, 0.446)], 132.0)
    stripe([(0.31, 0.60), (0.40, 0.60), (0.405, 0.64), (0.305, 0.64)], 84.0)


def _litter(luma: Plane, stage: Stage, random: np.random.Generator) -> None:
    for _ in range(260):  # leaves, stains, chewing gum
        y = HORIZON + 0.03 + (0.66 * random.random()) ** 1.3
        size = max(0.6, (y - HORIZON) * 0.011 * stage.height * random.uniform(0.3, 1.2))
        centre = (round(stage.x(random.uniform(-0.01, 1.01)) * 16), round(stage.y(y) * 16))
        shade = float(np.clip(104 + random.choice([-1, 1]) * random.uniform(12, 40), 30, 200))
        cv2.circle(luma, centre, round(size * 16), shade, -1, cv2.LINE_AA, 4)
    for _ in range(6):  # cracks
        x, y = random.uniform(0, 1), random.uniform(0.5, 0.95)
        points = []
        for _ in range(14):
            points.append((round(stage.x(x)), round(stage.y(y))))
            x, y = x + random.uniform(-0.004, 0.016), y + random.uniform(-0.012, 0.012)
        cv2.polylines(luma, [np.array(points, np.int32)], isClosed=False, color=74.0, thickness=max(1, stage.height // 480))


def _house(luma: Plane, stage: Stage, random: np.random.Generator) -> None:
    rows, columns = stage.part((-1, -1, 2, HORIZON))
    shape = (rows.stop, columns.stop)
    course = max(3, stage.height // 120)
    wall = 122 + 5 * grain(shape, 4, random, 4) + random.normal(0, 2, shape).astype(np.float32)
    wall[::course] -= 14
    luma[rows, columns] = wall
    for row in range(2):
        for column in range(12):
            x, y = 0.015 + column * 0.083, 0.045 + row * 0.155
            outer, inner = (x, y, x + 0.044, y + 0.10), (x + 0.004, y + 0.008, x + 0.040, y + 0.092)
            luma[stage.part(outer)] = 158
            pane = stage.part(inner)
            luma[pane] = random.uniform(42, 66) + 14 * np.linspace(1, 0, pane[0].stop - pane[0].start)[:, None]
            luma[stage.part((x + 0.021, y, x + 0.023, y + 0.1))] = 150


def _standing_car(luma: Plane, stage: Stage, x: float, random: np.random.Generator) -> None:
    drawn = car(round(0.055 * stage.height), float(random.choice([58, 150, 176])))
    drawn.over(luma, stage.x(x), stage.y(0.535))


def _at_night(luma: Plane, stage: Stage) -> Plane:
    down, across = np.mgrid[0 : luma.shape[0], 0 : luma.shape[1]].astype(np.float32)
    down, across = (down - stage.margin) / stage.height, (across - stage.margin) / stage.width
    pools = sum(
        np.exp(-(((across - x) / 0.22) ** 2) - ((down - y) / 0.30) ** 2) for x, y in ((0.22, 0.45), (0.62, 0.50), (0.95, 0.42))
    )
    return plane(12 + luma * (0.26 + 0.36 * plane(np.asarray(pools))))


def _chroma(width: int, height: int, random: np.random.Generator) -> tuple[Gray, Gray]:
    shape = (height // 2, width // 2)
    blue, red = (7 * grain(shape, 6, random, 3) for _ in range(2))
    wall = round(HORIZON * shape[0])
    blue[:wall] -= 12
    red[:wall] += 14
    return (np.clip(128 + blue, 80, 176).astype(np.uint8), np.clip(128 + red, 80, 176).astype(np.uint8))
