"""Light that wanders: dawn, clouds, headlights, a lens that cannot settle its exposure, a street lamp. Each is a gain at a time.

A gain is one number for the whole picture, or a coarse field of `FIELD` (rows, columns) that is blown up to the picture's size.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from videoscan.testing.disturbances.planes import Plane, plane

FIELD = (46, 82)
"""Rows and columns of a gain field: its cells run from edge to edge of the canvas."""
_DOWN, _ACROSS = np.mgrid[0 : 1 : FIELD[0] * 1j, 0 : 1 : FIELD[1] * 1j].astype(np.float32)

Gain = float | Plane


class Light(Protocol):
    """Something that changes how bright places are."""

    def gain(self, time: float) -> Gain:
        """By what everything is multiplied; 1 leaves it alone."""
        ...


@dataclass(frozen=True)
class Drift:
    """A slow swing by `share` to either side, one way and back in `period` seconds, a little stronger on one side of the picture."""

    share: float
    period: float

    def gain(self, time: float) -> Gain:
        """Darkest at the start, lightest half a period later."""
        swing = -math.cos(2 * math.pi * time / self.period)
        return plane(1 + self.share * swing * (1 - 0.15 * _ACROSS))


@dataclass(frozen=True)
class Clouds:
    """Soft-edged shadows of clouds: `passes` are (when the front edge reaches the middle, seconds until the rear edge does)."""

    passes: tuple[tuple[float, float], ...]
    share: float = 0.36
    crossing: float = 3.0

    def gain(self, time: float) -> Gain:
        """Darker by `share` under a cloud; an edge takes `crossing` seconds from one side to the other."""
        near = [(at, lasting) for at, lasting in self.passes if at - self.crossing < time < at + lasting + self.crossing]
        if not near:
            return 1.0
        shadow = np.zeros(FIELD, np.float32)
        edge = 0.85 * _ACROSS + 0.15 * _DOWN + 0.04 * np.sin(9 * _DOWN)
        for at, lasting in near:
            front, rear = (0.5 + (time - moment) / self.crossing for moment in (at, at + lasting))
            shadow += np.clip((front - edge) / 0.16 + 0.5, 0, 1) - np.clip((rear - edge) / 0.16 + 0.5, 0, 1)
        return plane(1 - self.share * np.clip(shadow, 0, 1))


@dataclass(frozen=True)
class Headlights:
    """Beams that sweep over the ground and the wall in `crossing` seconds: `passes` are (when they start, 1 or -1 for the way)."""

    passes: tuple[tuple[float, int], ...]
    crossing: float = 2.6
    strength: float = 0.8

    def gain(self, time: float) -> Gain:
        """A bright wide spot with a bright core."""
        for at, way in self.passes:
            along = (time - at) / self.crossing
            if 0 <= along < 1:
                x = -0.25 + 1.5 * (along if way > 0 else 1 - along)
                away = ((_ACROSS - x) / 0.17) ** 2 + ((_DOWN - 0.45 - 0.12 * along) / 0.20) ** 2
                return plane(1 + self.strength * (0.6 * np.exp(-away) + 0.7 * np.exp(-6 * away)))
        return 1.0


@dataclass(frozen=True)
class Exposure:
    """A lens that hunts: at each of `moments` the exposure jumps by up to `share`, overshoots, swings and settles again."""

    moments: tuple[float, ...]
    share: float = 0.18

    def gain(self, time: float) -> Gain:
        """Swings of a period of 1.7 s that die away with 2.5 s."""
        swing = 0.0
        for number, at in enumerate(self.moments):
            since = time - at
            if 0 <= since < 15:
                swing += (1 if number % 2 else -1) * self.share * math.exp(-since / 2.5) * math.cos(2 * math.pi * since / 1.7)
        return 1 + swing


@dataclass(frozen=True)
class Lamp:
    """A street lamp that is switched: lit between each two of `times`; `share` is what it adds in the middle of its pool of light."""

    times: tuple[float, ...]
    x: float
    y: float
    share: float = 0.5

    def gain(self, time: float) -> Gain:
        """At once, as LED lamps are."""
        if sum(at <= time for at in self.times) % 2 == 0:
            return 1.0
        away = ((_ACROSS - self.x) / 0.18) ** 2 + ((_DOWN - self.y) / 0.26) ** 2
        return plane(1 + self.share * np.exp(-away))
