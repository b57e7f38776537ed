"""The car park as it is all night: its lamps, the parked cars, and how light falls on things in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from samples.cars import Car
from samples.light import Box, Camera, Floats, Lamp, hit_block, shade

if TYPE_CHECKING:
    from collections.abc import Sequence

WARM, COOL = (38.0, 84.0, 134.0), (112.0, 116.0, 104.0)
"""Colours of a sodium and of an LED lamp (blue-green-red), as strengths at one metre."""


LAMPS = (
    Lamp((-11.5, 6.4, 25.6), WARM, spread=0.10),
    Lamp((9.5, 6.4, 25.6), WARM, spread=0.10),
    Lamp((-3.0, 6.4, 41.6), COOL, spread=0.10),
    Lamp((21.0, 6.4, 41.6), WARM, spread=0.10),
    Lamp((-25.0, 6.4, 41.6), WARM, spread=0.10),
    Lamp((-2.5, 7.6, 5.5), (34.0, 52.0, 64.0), aim=(0.0, -0.90, 0.43), spread=0.35),
)


SKYLIGHT = (0.011, 0.0095, 0.0075)


WALL_Z, HOUSE_Z = 53.0, 66.0


PARKED = (
    Car(-13.1, 20.2, 0.02, (0.10, 0.10, 0.11)),
    Car(-10.2, 20.4, np.pi, (0.30, 0.06, 0.04), length=4.0, cabin=-0.45, cabin_length=2.7, roof=1.5),
    Car(-4.6, 20.1, -0.02, (0.42, 0.42, 0.42), length=4.5),
    Car(9.3, 20.3, 0.0, (0.03, 0.03, 0.16), length=4.1, cabin=-0.4, cabin_length=2.8, roof=1.52),
    Car(14.9, 20.0, np.pi + 0.02, (0.035, 0.03, 0.03), length=4.7),
    Car(-15.6, 31.3, 0.0, (0.35, 0.36, 0.37)),
    Car(-7.3, 31.2, np.pi, (0.05, 0.09, 0.05), length=4.6),
    Car(-1.8, 31.4, 0.0, (0.25, 0.20, 0.13), length=4.0, cabin=-0.4, cabin_length=2.7, roof=1.5),
    Car(6.6, 31.2, 0.03, (0.02, 0.02, 0.025), length=4.6),
    Car(17.7, 31.4, np.pi, (0.36, 0.35, 0.33), length=4.2),
    Car(-10.4, 36.6, 0.0, (0.06, 0.06, 0.30)),
    Car(3.8, 36.5, np.pi, (0.20, 0.21, 0.22), length=4.4),
    Car(12.2, 38.0, np.pi, (0.48, 0.48, 0.46), length=5.4, roof=2.5),
    Car(20.6, 36.7, 0.0, (0.13, 0.05, 0.03)),
)


@dataclass(frozen=True)
class Still:
    """The static part, traced once: light per lamp, of the sky and all together, and what lies where, for shading and hiding what moves."""

    per_lamp: tuple[Floats, ...]
    glows: tuple[Floats, ...]
    constant: Floats
    whole: Floats
    depth: Floats
    normal: Floats
    colour: Floats


def ground_shadow(lamp: Lamp, points: Floats, height: float = 0.0) -> Floats:
    """Where the shadows of points fall on the ground, at most 14 m from under them."""
    top = lamp.origin
    share = np.minimum((top[1] - height) / np.maximum(top[1] - points[:, 1], 0.4), 6.0)
    ground = top + (points - top) * share[:, None]
    ground[:, 1] = 0
    away = ground - points
    return np.asarray(points + away * np.minimum(1, 14 / (np.linalg.norm(away, axis=1) + 1e-6))[:, None], np.float32)


def ground_rays(camera: Camera, lamp: Lamp, box: Box) -> tuple[Floats, Floats, Floats, Floats]:
    """The ground points seen in a box of pixels, the unit rays to them from the lamp, their length, and where ground is."""
    rays = camera.rays(box)
    down = rays[..., 1] < -1e-3
    t = np.where(down, -camera.position[1] / np.minimum(rays[..., 1], -1e-3), 0)
    point = (camera.origin + rays * t[..., None]).reshape(-1, 3)
    towards = point - lamp.origin
    length = np.sqrt(np.einsum("mi,mi->m", towards, towards))
    return point, (towards / length[:, None]).astype(np.float32), length.astype(np.float32), down


def blocked(lamp: Lamp, rays: Floats, length: Floats, car: Car) -> Floats:
    """Which rays from the lamp a car stops before ``length``."""
    origin, own = car.local(lamp.origin), car.local(rays, turn_only=True)
    stopped = np.zeros(len(rays), bool)
    for low, high in car.blocks():
        enter, leave = hit_block(origin, own, low, high)
        stopped |= (enter < leave) & (leave > 0) & (enter < length - 0.02)
    return stopped.astype(np.float32)


def lit(
    point: Floats, normal: Floats, colour: Floats, shine: Floats, rays: Floats, lamps: Sequence[Lamp], gains: Sequence[float]
) -> Floats:
    """The light that points of a thing send to the camera, with a reflection of the night sky in what shines."""
    up = 0.55 + 0.45 * normal[:, 1:2]
    mirrored = rays[:, 1] - 2 * np.einsum("mi,mi->m", rays, normal) * normal[:, 1]
    edge = (1 - np.clip(-np.einsum("mi,mi->m", rays, normal), 0, 1)) ** 4
    sky = np.clip(mirrored, 0, 1) ** 0.5 * (0.06 + 0.6 * edge) * shine
    total = colour * np.array(SKYLIGHT, np.float32) * up * 4 + sky[:, None] * np.array([0.055, 0.050, 0.046], np.float32)
    for lamp, gain in zip(lamps, gains, strict=True):
        if gain > 0:
            diffuse, mirror = shade(point, normal, rays, lamp, gloss=70.0)
            total += (
                np.float32(gain)
                * np.array(lamp.colour, np.float32)
                * (colour * diffuse[:, None] + (2.2 * shine * mirror)[:, None])
            )
    return np.asarray(total, np.float32)
