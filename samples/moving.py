"""Draws what moves in the car park: each thing traced in its own rectangle, with its shadow under every lamp and its light."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import cv2
import numpy as np

from samples.ground import trace
from samples.light import (
    FAR,
    Box,
    Camera,
    Capsules,
    Floats,
    Lamp,
    Layer,
    Surface,
    averaged,
    halo,
    hit_capsules,
    normalised,
    surface_of_capsules,
)
from samples.lot import LAMPS, PARKED, Still, blocked, ground_rays, ground_shadow, lit
from samples.passing import headlights

if TYPE_CHECKING:
    from collections.abc import Sequence

    from samples.cars import Car


@lru_cache(maxsize=4)
def traced(camera: Camera) -> Still:
    """Trace the static scene; see ``samples.ground`` for what stands in it."""
    return trace(camera)


def person_shadows(camera: Camera, rods: Capsules) -> list[tuple[int, Box, Floats]]:
    """How much of each lamp's light a figure leaves to the ground: (lamp, pixels, share)."""
    result = []
    ends, _radii = rods.ends()
    for index, lamp in enumerate(LAMPS):
        feet = ends[ends[:, 1].argmin()]
        if lamp.arriving(feet)[1] * max(lamp.colour) < 0.03:
            continue
        box = camera.box_around(np.concatenate([ground_shadow(lamp, ends), ends * np.array([1, 0, 1], np.float32)]), 0.15)
        if box.empty:
            continue
        _, rays, length, down = ground_rays(camera, lamp, box)
        distance, _ = hit_capsules(lamp.origin, rays, rods)
        kept = np.where(distance < length - 0.03, np.float32(0.12), np.float32(1)).reshape(down.shape)
        result.append(
            (index, box, cv2.GaussianBlur(kept, (0, 0), 0.8) * only_ground(camera, box) + (1 - only_ground(camera, box)))
        )
    return result


def only_ground(camera: Camera, box: Box) -> Floats:
    """One where the static scene shows the ground, zero elsewhere."""
    rays = camera.rays(box)
    height = camera.position[1] + rays[..., 1] * traced(camera).depth[box.slices]
    return (np.abs(height) < 0.06).astype(np.float32)


@lru_cache(maxsize=4)
def drawn_car(camera: Camera, car: Car, gains: tuple[float, ...]) -> tuple[Layer, list[tuple[int, Box, Floats]], Floats | None]:
    """A moving car under lamps of these strengths: itself, the shadows it casts, and what its headlights light."""
    still = traced(camera)
    beams = headlights(car)
    box = car.box(camera)
    surface = car.surface(camera.origin, camera.rays(box, 2).reshape(-1, 3)) if not box.empty else None
    layer = Layer(box, np.zeros((0, 0, 3), np.float32), np.zeros((0, 0), np.float32))
    if surface is not None:
        layer = laid(camera, box, surface, still, gains, LAMPS, 2)
    glows = []
    for side in (-1, 1):
        for front, size, colour in ((True, 0.05, (0.85, 0.95, 0.95)), (False, 0.026, (0.03, 0.05, 0.9))):
            strength = car.lights if front else 0.35 * car.lights + 0.8 * car.brakes
            at = np.array(car.lamp_at(side, front=front), np.float32)
            ahead = np.array([np.sin(car.heading), 0, np.cos(car.heading)], np.float32) * (1 if front else -1)
            facing = float(ahead @ normalised(camera.origin - at))
            if strength and facing > 0:
                star = halo(camera, (float(at[0]), float(at[1]), float(at[2])), size)
                glows.append(
                    star[..., None] * np.array(colour, np.float32) * np.float32(strength * min(1.0, facing * 1.6) * 0.55)
                )
    layer = Layer(layer.box, layer.light, layer.cover, tuple(glows))
    shadows = []
    corners = car.world(np.array([(x, y, z) for x in (-0.9, 0.9) for y in (0.2, car.roof) for z in (-2.2, 2.2)], np.float32))
    for index, lamp in enumerate(LAMPS):
        if lamp.arriving(corners[0])[1] * max(lamp.colour) < 0.02:
            continue
        cast = camera.box_around(np.concatenate([ground_shadow(lamp, corners), corners * np.array([1, 0, 1], np.float32)]), 0.2)
        if cast.empty:
            continue
        _, rays, length, down = ground_rays(camera, lamp, cast)
        kept = 1 - 0.9 * blocked(lamp, rays, length, car).reshape(down.shape)
        ground = only_ground(camera, cast)
        shadows.append((index, cast, np.asarray(cv2.GaussianBlur(kept, (0, 0), 1.4) * ground + 1 - ground, np.float32)))
    light = lit_by_beams(camera, still, beams) if beams else None
    return layer, shadows, light


def lit_by_beams(camera: Camera, still: Still, beams: list[Lamp]) -> Floats:
    """What headlights add to the static scene, the parked cars' shadows included."""
    rays = camera.rays()
    point = camera.origin + rays * np.minimum(still.depth, 300)[..., None]
    total = np.zeros_like(still.colour)
    for beam in beams:
        _, strength = beam.arriving(point)
        near = (strength > 2e-5) & (still.depth < 200)
        if not near.any():
            continue
        towards, strength = beam.arriving(point[near])
        # Rough asphalt throws grazing light back better than Lambert's law says.
        facing = np.maximum(np.einsum("mi,mi->m", still.normal[near], towards), 0) ** 0.7
        length = np.sqrt(((point[near] - beam.origin) ** 2).sum(-1)).astype(np.float32)
        free = np.ones(len(length), np.float32)
        for car in PARKED:
            if abs(car.x - beam.position[0]) < 25 and abs(car.z - beam.position[2]) < 25:
                free *= 1 - blocked(beam, -towards, length - 0.35, car)
        total[near] += still.colour[near] * np.array(beam.colour, np.float32) * (facing * strength * free)[:, None]
    return np.asarray(cv2.GaussianBlur(total, (0, 0), 0.9), np.float32)


def laid(
    camera: Camera,
    box: Box,
    surface: Surface,
    still: Still,
    gains: Sequence[float] | Floats,
    lamps: Sequence[Lamp],
    oversample: int,
) -> Layer:
    """A surface shaded by the lamps, hidden where the static scene stands before it, averaged into pixels."""
    shape = ((box.y1 - box.y0) * oversample, (box.x1 - box.x0) * oversample)
    depth = np.repeat(np.repeat(still.depth[box.slices], oversample, 0), oversample, 1).reshape(-1)
    shows = surface.distance < np.minimum(depth, FAR / 2)
    light = np.zeros((len(depth), 3), np.float32)
    if shows.any():
        rays = camera.rays(box, oversample).reshape(-1, 3)[shows]
        light[shows] = lit(
            camera.origin + rays * surface.distance[shows, None], surface.normal[shows], surface.colour[shows], surface.shine[shows],
            rays, lamps, [*gains, *[1.0] * (len(lamps) - len(gains))],
        ) + surface.glow[shows]  # fmt: skip
    return Layer(
        box, averaged(light.reshape(*shape, 3), oversample), averaged(shows.reshape(shape).astype(np.float32), oversample)
    )


def drawn_person(camera: Camera, rods: Capsules, still: Still, gains: Sequence[float] | Floats, lamps: Sequence[Lamp]) -> Layer:
    """A figure, four by four samples to a pixel when it is small."""
    ends, radii = rods.ends()
    box = camera.box_around(ends, radii)
    if box.empty:
        return Layer(box, np.zeros((0, 0, 3), np.float32), np.zeros((0, 0), np.float32))
    oversample = 4 if box.y1 - box.y0 < 60 else 2
    surface = surface_of_capsules(camera.origin, camera.rays(box, oversample).reshape(-1, 3), rods)
    return laid(camera, box, surface, still, gains, lamps, oversample)
