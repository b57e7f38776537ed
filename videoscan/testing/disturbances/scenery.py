"""Parts of the picture that never rest: a tree, water, a screen, a flag, a sign. Each fills a box and draws itself at any time."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Protocol

import cv2
import numpy as np

from videoscan.testing.disturbances.planes import Plane, plane
from videoscan.testing.disturbances.stage import Stage, grain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from videoscan.model import Box


class Scenery(Protocol):
    """A part of the picture that moves all along; `cover` is how much of each pixel stands in front of it, 0..1."""

    box: Box

    def draw(self, canvas: Plane, time: float) -> None:
        """Lay it over the canvas."""
        ...


def gust(time: float, seed: int = 0) -> float:
    """How strong the wind is, 0..1: lulls and gusts over some ten seconds."""
    waves = (math.sin(time / period + seed + place) for place, period in enumerate((2.9, 4.7, 11.3)))
    return 0.5 + 0.5 * math.tanh(1.1 * sum(waves))


class _Part:
    """The pixels of a box on a stage, and what stands in front of them."""

    def __init__(self, stage: Stage, box: Box, cover: Plane) -> None:
        self.box = box
        self.place = stage.part(box)
        self.shape = (self.place[0].stop - self.place[0].start, self.place[1].stop - self.place[1].start)
        self.free = 1 - cover[self.place]
        self.unit = stage.height / 720

    def lay(self, canvas: Plane, light: Plane, cover: Plane) -> None:
        part = canvas[self.place]
        part += (light - part) * (cover * self.free)


class Tree(_Part):
    """A tree whose crown fills the box and sways, most at its top, in gusts."""

    def __init__(self, stage: Stage, box: Box, cover: Plane, seed: int, *, sway: float = 5.0) -> None:
        super().__init__(stage, box, cover)
        random = np.random.default_rng([seed, 11])
        rows, columns = self.shape
        self.sway = sway * self.unit
        down, across = np.mgrid[-1 : 1 : rows * 1j, -1 : 1 : columns * 1j].astype(np.float32)
        broad, leaves = grain(self.shape, 5, random, 3), grain(self.shape, columns / (5 * self.unit), random, 3)
        thick = 0.86 - np.hypot(across, down) + 0.10 * broad + 0.08 * leaves
        crown = plane(np.clip(thick * 6, 0, 1))
        level = float(stage.luma[self.place].mean())
        light = plane(np.clip(0.62 * level + level * (0.16 * leaves + 0.10 * broad) - 0.10 * level * down, 10, 215))
        self._picture = cv2.merge([light, crown])
        self._x, self._y = (plane(axis) for axis in np.meshgrid(np.arange(columns), np.arange(rows)))
        small = (max(2, rows // 24), max(2, columns // 24))
        self._phase = [plane(random.uniform(0, 2 * np.pi) + 2.2 * grain(small, 3, random, 2)) for _ in range(4)]
        self._lean = plane(np.linspace(1.0, 0.25, small[0])[:, None])

    def draw(self, canvas: Plane, time: float) -> None:
        """Each part of the crown in its own phase."""
        rows, columns = self.shape
        strength = self.sway * (0.25 + 0.75 * gust(time, 1))
        right = 0.6 * np.sin(2.3 * time + self._phase[0]) + 0.4 * np.sin(5.9 * time + self._phase[1]) + 0.5 * math.sin(0.9 * time)
        below = 0.25 * np.sin(3.1 * time + self._phase[2]) + 0.2 * np.sin(7.7 * time + self._phase[3])
        moved = [cv2.resize(plane(strength * self._lean * field), (columns, rows)) for field in (right, below)]
        found = cv2.remap(self._picture, self._x + plane(moved[0]), self._y + plane(moved[1]), cv2.INTER_LINEAR)
        self.lay(canvas, plane(found[..., 0]), plane(found[..., 1]))


class Water(_Part):
    """A canal: waves of several lengths run through the box, and glints on them."""

    def __init__(self, stage: Stage, box: Box, cover: Plane, seed: int) -> None:
        super().__init__(stage, box, cover)
        random = np.random.default_rng([seed, 12])
        rows, columns = self.shape
        self._level = 0.85 * float(stage.luma[self.place].mean())
        size = (max(2, rows // 2), max(2, columns // 2))
        down, across = np.mgrid[0 : size[0], 0 : size[1]].astype(np.float32) * 2 / self.unit
        self._waves = []
        for length in (58.0, 31.0, 17.0, 9.0):
            turn = random.uniform(-0.9, 0.9)
            # Waves look shorter from above to below the farther away they are: seen at a low angle.
            field = 2 * np.pi / length * (across * math.cos(turn) + 2.4 * down * math.sin(turn + 0.6)) + 1.3 * grain(
                size, 6, random, 2
            )
            # Deep water: the frequency goes with the root of the wave number.
            self._waves.append((plane(field), 2 * np.pi * 1.1 * math.sqrt(17.0 / length), 1.2 * math.sqrt(length / 58.0)))

    def draw(self, canvas: Plane, time: float) -> None:
        """The waves added up; where they meet, a glint."""
        swell = np.add.reduce([height * np.sin(field - speed * time) for field, speed, height in self._waves])
        light = self._level * (1 + 0.075 * swell) + 30 * np.clip(swell - 2.0, 0, 1.5) * self._level / 90
        rows, columns = self.shape
        self.lay(canvas, plane(cv2.resize(plane(light), (columns, rows))), np.ones((1, 1), np.float32))


class Screen(_Part):
    """A large screen that plays a film: shots of two to six seconds, each panning over another picture."""

    def __init__(self, stage: Stage, box: Box, cover: Plane, seed: int, seconds: float) -> None:
        super().__init__(stage, box, cover)
        random = np.random.default_rng([seed, 13])
        self._cuts = np.cumsum(random.uniform(2, 6, max(4, round(seconds / 2))))
        rows, columns = self.shape
        self._reach = columns // 4 + 1
        shots = []
        for _ in range(12):
            shot = random.uniform(70, 150) + 32 * grain((rows, columns + self._reach), random.uniform(2, 7), random, 4)
            for _ in range(4):
                x, y = int(random.integers(columns)), int(random.integers(rows))
                cv2.circle(
                    shot, (x, y), int(random.integers(4, max(5, rows // 3))), float(random.uniform(30, 210)), -1, cv2.LINE_AA
                )
            shots.append(plane(np.clip(shot, 16, 224)))
        self._shots = shots
        self._frame = np.ones(self.shape, np.float32)
        edge = max(1, round(3 * self.unit))
        self._frame[edge:-edge, edge:-edge] = 0

    def draw(self, canvas: Plane, time: float) -> None:
        """The shot of that moment, panned so far."""
        number = int(np.searchsorted(self._cuts, time, side="right"))
        began = float(self._cuts[number - 1]) if number else 0.0
        left = min(self._reach, round((time - began) / 6 * self._reach))
        picture = self._shots[number % len(self._shots)][:, left : left + self.shape[1]]
        self.lay(canvas, picture * (1 - self._frame) + 30 * self._frame, np.ones((1, 1), np.float32))


class Flag(_Part):
    """A striped flag on a pole at the box's left edge, waving and furling in the wind."""

    def __init__(self, stage: Stage, box: Box, cover: Plane, seed: int) -> None:
        super().__init__(stage, box, cover)
        rows, columns = self.shape
        random = np.random.default_rng([seed, 14])
        level = float(stage.luma[self.place].mean())
        cloth = np.full(self.shape, 0.6 * level, np.float32)
        cloth[rows // 3 : 2 * rows // 3] = 1.45 * level
        cloth += 3 * grain(self.shape, 8, random, 2)
        whole = np.zeros(self.shape, np.float32)
        whole[rows // 8 : -max(1, rows // 8), : -max(1, columns // 12)] = 1
        self._picture = cv2.merge([cloth, whole])
        self._x, self._y = (plane(axis) for axis in np.meshgrid(np.arange(columns), np.arange(rows)))
        self._along = self._x / columns

    def draw(self, canvas: Plane, time: float) -> None:
        """A wave runs from the pole to the free end, where it is largest."""
        rows, columns = self.shape
        wave = 2 * np.pi * (1.6 * self._along + 0.25 * self._y / rows) - 7.3 * time
        strength = (0.35 + 0.65 * gust(time, 3)) * self._along
        moved = (self._x - columns * 0.05 * strength * np.cos(wave), self._y + rows * 0.09 * strength * np.sin(wave))
        found = cv2.remap(self._picture, plane(moved[0]), plane(moved[1]), cv2.INTER_LINEAR)
        self.lay(canvas, plane(found[..., 0] * (1 + 0.16 * strength * np.cos(wave))), plane(found[..., 1]))


class Sign(_Part):
    """A sign that blinks, with its glow on what is around it: `period` in seconds, lit for `duty` of it."""

    def __init__(self, stage: Stage, box: Box, cover: Plane, *, period: float, duty: float = 0.5) -> None:
        super().__init__(stage, box, cover)
        rows, columns = self.shape
        self._period, self._duty = period, duty
        lit, dark = np.full(self.shape, 205, np.float32), np.full(self.shape, 58, np.float32)
        for row in range(2):
            y = round((0.35 + 0.35 * row) * rows)
            for canvas, shade in ((lit, 110.0), (dark, 40.0)):
                cv2.line(canvas, (columns // 6, y), (columns * (5 - row) // 6, y), shade, max(1, rows // 7))
        self._faces = (lit, dark)
        x0, y0, x1, y1 = box
        wide, high = x1 - x0, y1 - y0
        self._around = stage.part((x0 - wide, y0 - high, x1 + wide, y1 + 1.5 * high))
        down, across = np.mgrid[self._around].astype(np.float32)
        away = ((across - stage.x((x0 + x1) / 2)) / (wide * stage.width)) ** 2
        away += ((down - stage.y((y0 + y1) / 2)) / (high * stage.height)) ** 2
        self._glow = plane(1 + 0.22 * np.exp(-1.2 * away))

    def lit(self, time: float) -> bool:
        """Whether it is on."""
        return (time / self._period) % 1 < self._duty

    def draw(self, canvas: Plane, time: float) -> None:
        """Its face, and its glow while it is on."""
        lit = self.lit(time)
        if lit:
            canvas[self._around] *= self._glow
        self.lay(canvas, self._faces[0 if lit else 1], np.ones((1, 1), np.float32))


def inside(box: Box, parts: Sequence[Scenery]) -> bool:
    """Whether a box lies on any of the parts by at least half."""
    x0, y0, x1, y1 = box
    for part in parts:
        a0, b0, a1, b1 = part.box
        shared = max(0.0, min(x1, a1) - max(x0, a0)) * max(0.0, min(y1, b1) - max(y0, b0))
        if shared >= 0.5 * (x1 - x0) * (y1 - y0):
            return True
    return False
