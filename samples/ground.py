"""What stands in the car park all night: wet asphalt with its bays, lamp posts, a wall, a house, trees and parked cars, traced once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from samples.light import (
    FAR,
    Box,
    Camera,
    Capsules,
    Floats,
    Lamp,
    airlight,
    averaged,
    grain,
    halo,
    hit_block,
    normalised,
    surface_of_capsules,
)
from samples.lot import HOUSE_Z, LAMPS, PARKED, WALL_Z, Still, blocked, ground_shadow, lit

if TYPE_CHECKING:
    from collections.abc import Callable

OVERSAMPLE = 2
TILE = 90.0
"""Metres that the ground's texture spans, from -45 to 45 across and 0 to 90 away."""


def texture(seed: int, cells: float, octaves: int) -> Floats:
    """A square of noise for the ground."""
    return grain((1536, 1536), cells, seed, octaves)


def sampled(square: Floats, x: Floats, z: Floats) -> Floats:
    """The texture at ground coordinates."""
    size = square.shape[0]
    # remap takes pictures of at most 32767 rows: the points are folded into one.
    rows = -(-len(x) // 1024)
    u, v = np.zeros(rows * 1024, np.float32), np.zeros(rows * 1024, np.float32)
    u[: len(x)], v[: len(x)] = np.clip(x / TILE + 0.5, -9, 9) * size, np.clip(z / TILE, -9, 9) * size
    picture = cv2.remap(square, u.reshape(rows, 1024), v.reshape(rows, 1024), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(picture, np.float32).reshape(-1)[: len(x)]


def paint_on(x: Floats, z: Floats) -> Floats:
    """How much of the ground is painted white, 0..1: the lines of the bays and an arrow in each lane."""
    lines = np.zeros(x.shape, bool)
    for low, high in ((17.6, 22.8), (28.8, 33.8), (34.0, 39.2)):
        across = np.abs((x - 2.35) / 2.8 - np.round((x - 2.35) / 2.8)) * 2.8
        lines |= (z > low) & (z < high) & (across < 0.06) & (np.abs(x) < 24)
    lines |= (np.abs(z - 33.9) < 0.06) & (np.abs(x) < 24)
    lines |= (np.abs(z - 22.9) < 0.06) & (np.abs(x) < 24)
    for middle, turn in ((13.6, -1.0), (25.9, 1.0)):
        along = (x + 6.0) * turn
        shaft = (np.abs(z - middle) < 0.09) & (along > -1.2) & (along < 0.6)
        head = (along >= 0.6) & (along < 1.6) & (np.abs(z - middle) < (1.6 - along) * 0.42)
        lines |= shaft | head
    return lines.astype(np.float32)


def trace(camera: Camera) -> Still:
    """Trace everything with ``OVERSAMPLE`` squared rays to a pixel and average the light."""
    rays = camera.rays(oversample=OVERSAMPLE)
    shape = rays.shape[:2]
    flat = rays.reshape(-1, 3)
    count = len(flat)
    depth = np.full(count, FAR, np.float32)
    normal = np.zeros((count, 3), np.float32)
    colour = np.zeros((count, 3), np.float32)
    shine = np.zeros(count, np.float32)
    glow = np.zeros((count, 3), np.float32)
    origin = camera.origin

    def put(
        where: Floats, distance: Floats, normals: Floats, colours: Floats, shines: Floats | float, glows: Floats | float = 0.0
    ) -> None:
        depth[where], normal[where], colour[where], shine[where], glow[where] = distance, normals, colours, shines, glows

    sky(flat, glow)
    house(origin, flat, put)
    hedge(origin, flat, depth, put)
    wet = asphalt(origin, flat, depth, put)
    everywhere = np.arange(count).reshape(shape)
    for post in (lamp_post(lamp.position) for lamp in LAMPS[:5]):
        box = camera.box_around(*post.ends())
        index = within(everywhere, box)
        surface = surface_of_capsules(origin, flat[index], post)
        nearer = surface.distance < depth[index]
        put(index[nearer], surface.distance[nearer], surface.normal[nearer], surface.colour[nearer], 0.25)
    for car in sorted(PARKED, key=lambda parked: -parked.z):
        box = car.box(camera)
        index = within(everywhere, box)
        surface = car.surface(origin, flat[index])
        nearer = surface.distance < depth[index]
        put(
            index[nearer],
            *(part[nearer] for part in (surface.distance, surface.normal, surface.colour, surface.shine, surface.glow)),
        )

    point = origin + flat * np.minimum(depth, 300)[:, None]
    solid = depth < FAR
    is_ground = solid & (wet >= 0) & (np.abs(point[:, 1]) < 1e-2)
    dim = crowding(point, is_ground)
    per_lamp = []
    for lamp in LAMPS:
        light = np.zeros((count, 3), np.float32)
        strength = lamp.arriving(point)[1] * max(lamp.colour)
        near = np.flatnonzero(solid & (strength > 1e-3))
        only = [1.0 if other is lamp else 0.0 for other in LAMPS]
        plain = lit(point[near], normal[near], colour[near], np.where(is_ground[near], 0, shine[near]), flat[near], LAMPS, only)
        plain -= lit(
            point[near],
            normal[near],
            colour[near],
            np.where(is_ground[near], 0, shine[near]),
            flat[near],
            LAMPS,
            [0.0] * len(LAMPS),
        )
        free = shadowed(point, near, is_ground, lamp)
        light[near] = plain * free[:, None]
        puddles = near[is_ground[near]]
        light[puddles] += mirrored(point[puddles], flat[puddles], lamp, wet[puddles]) * free[is_ground[near], None]
        per_lamp.append(averaged(light.reshape(*shape, 3), OVERSAMPLE))
    base = np.zeros((count, 3), np.float32)
    base[solid] = lit(
        point[solid], normal[solid], colour[solid], np.where(is_ground[solid], 0.25 * np.maximum(wet[solid], 0), shine[solid]), flat[solid],
        LAMPS, [0.0] * len(LAMPS),
    ) * dim[solid, None]  # fmt: skip
    constant = averaged((base + glow).reshape(*shape, 3), OVERSAMPLE)
    centre = np.arange(count).reshape(shape)[::OVERSAMPLE, ::OVERSAMPLE].reshape(-1)
    small = (camera.height, camera.width)
    still_depth = depth[centre].reshape(small)
    glows = []
    for lamp in LAMPS:
        fog = airlight(camera, lamp, still_depth)[..., None] * np.array(lamp.colour, np.float32) * np.float32(0.0026)
        star = halo(camera, lamp.position, 0.030)[..., None] * np.array(lamp.colour, np.float32) * np.float32(0.028)
        # The lamp on the camera's own wall is out of the picture, and so is its glow.
        glows.append(np.asarray(fog + star, np.float32) * (lamp is not LAMPS[5]))
    whole = constant + sum(light + glow_of for light, glow_of in zip(per_lamp, glows, strict=True))
    return Still(
        tuple(per_lamp), tuple(glows), constant, np.asarray(whole, np.float32), still_depth, normal[centre].reshape(*small, 3),
        averaged(colour.reshape(*shape, 3), OVERSAMPLE),
    )  # fmt: skip


def within(everywhere: Floats, box: Box) -> Floats:
    """The numbers of the rays of a box of pixels."""
    return everywhere[box.y0 * OVERSAMPLE : box.y1 * OVERSAMPLE, box.x0 * OVERSAMPLE : box.x1 * OVERSAMPLE].reshape(-1)


def lamp_post(lamp: tuple[float, float, float]) -> Capsules:
    """The post that holds a lamp: it stands a little behind it."""
    x, _, z = lamp
    foot, top, grey = (x, 0.0, z + 0.9), (x, 6.6, z + 0.9), (0.10, 0.10, 0.10)
    return Capsules.of([
        (foot, top, 0.07, grey), (top, (x, 6.62, z + 0.1), 0.05, grey), (foot, (x, 0.45, z + 0.9), 0.16, (0.25, 0.24, 0.22)),
    ])  # fmt: skip


def sky(flat: Floats, glow: Floats) -> None:
    """A town's glow under a dark sky, trees against it, a few stars."""
    up = np.maximum(flat[:, 1], 0)
    bearing = np.arctan2(flat[:, 0], flat[:, 2])
    fade = np.exp(-up * 7.0)[:, None]
    glow[:] = np.array([0.0075, 0.0050, 0.0042], np.float32) + fade * np.array([0.016, 0.020, 0.027], np.float32)
    ridge = grain((4, 2048), 60, 5, 5)[2]
    crown = 0.060 + 0.035 * ridge[np.clip(((bearing / 1.7) + 0.5) * 2047, 0, 2047).astype(int)]
    crown *= np.clip(np.abs(bearing + 0.08) * 3.0, 0.35, 1.25)
    trees = np.clip((crown - flat[:, 1]) / 0.004, 0, 1)[:, None]
    glow[:] = glow * (1 - trees) + trees * np.array([0.0030, 0.0036, 0.0030], np.float32)


def house(origin: Floats, flat: Floats, put: Callable[..., None]) -> None:
    """A brick house in the back with rows of windows, a few of them lit."""
    t = HOUSE_Z / np.maximum(flat[:, 2], 1e-4)
    x, y = flat[:, 0] * t, origin[1] + flat[:, 1] * t
    wall = np.flatnonzero((x > -34) & (x < 27) & (y > 0) & (y < 10.2))
    x, y = x[wall], y[wall]
    brick = 0.86 + 0.14 * np.sign(np.sin(y * 42)) * 0.4 + 0.10 * np.sin(x * 1.7) * np.sin(y * 2.3)
    colours = np.stack([0.040 * brick, 0.052 * brick, 0.085 * brick], -1)
    column, row = np.floor((x + 34) / 3.05), np.floor((y - 1.0) / 3.05)
    inside_x, inside_y = (x + 34) - column * 3.05, (y - 1.0) - row * 3.05
    pane = (inside_x > 0.85) & (inside_x < 2.2) & (inside_y > 0.75) & (inside_y < 2.35) & (row >= 0) & (row < 3)
    frame = pane & ((np.abs(inside_x - 1.52) < 0.05) | (np.abs(inside_y - 1.75) < 0.05))
    colours[pane] = (0.012, 0.010, 0.009)
    colours[frame] = (0.10, 0.10, 0.10)
    glows = np.zeros_like(colours)
    chance = np.mod(np.sin(column * 12.9898 + row * 78.233) * 43758.5453, 1.0)
    shade_of = (0.55 + 0.45 * np.clip((inside_y - 0.75) / 1.6, 0, 1))[:, None]
    glows[pane & ~frame & (chance > 0.88)] = (np.array([0.055, 0.15, 0.26]) * shade_of)[pane & ~frame & (chance > 0.88)]
    glows[pane & ~frame & (chance < 0.05)] = (np.array([0.11, 0.10, 0.07]) * shade_of)[pane & ~frame & (chance < 0.05)]
    cornice = (y > 9.85) | (y < 0.8)
    colours[cornice] = (0.05, 0.05, 0.055)
    put(wall, t[wall], np.array([0, 0, -1], np.float32), colours.astype(np.float32), 0.05, glows.astype(np.float32))


def hedge(origin: Floats, flat: Floats, depth: Floats, put: Callable[..., None]) -> None:
    """A low wall with a hedge behind it along the back, and a brick shed on the left."""
    t = WALL_Z / np.maximum(flat[:, 2], 1e-4)
    x, y = flat[:, 0] * t, origin[1] + flat[:, 1] * t
    rough = sampled(texture(11, 220, 3), x, np.mod(y * 6, 60).astype(np.float32))
    top = 1.55 + 0.28 * rough
    seen = np.flatnonzero((y > 0) & (y < top) & (t < depth))
    leaf = (0.6 + 0.55 * rough[seen])[:, None]
    wall = (y[seen] < 0.75)[:, None]
    colours = np.where(wall, np.array([0.16, 0.165, 0.17]) * (0.85 + 0.15 * leaf), np.array([0.018, 0.040, 0.024]) * leaf)
    put(seen, t[seen], np.array([0, 0.25, -0.97], np.float32), np.maximum(colours, 0.004).astype(np.float32), 0.05)
    low, high = np.array([-19.5, 0, 42.6], np.float32), np.array([-13.4, 2.9, 45.4], np.float32)
    enter, leave = hit_block(origin, flat, low, high)
    hit = np.flatnonzero((enter < leave) & (enter > 0) & (enter < depth))
    point = origin + flat[hit] * enter[hit, None]
    sides = np.stack(
        [
            np.abs(point[:, 0] - low[0]),
            np.abs(point[:, 0] - high[0]),
            np.abs(point[:, 1] - high[1]),
            np.abs(point[:, 2] - low[2]),
        ],
        -1,
    )
    normals = np.array([[-1, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, -1]], np.float32)[sides.argmin(-1)]
    course = 0.85 + 0.15 * np.sign(np.sin(point[:, 1] * 38))
    door = (np.abs(point[:, 0] + 16.4) < 0.55) & (point[:, 1] < 2.1) & (normals[:, 2] < -0.5)
    colours = np.array([0.075, 0.095, 0.15], np.float32) * course[:, None]
    colours[door] = (0.10, 0.09, 0.06)
    put(hit, enter[hit], normals, colours.astype(np.float32), 0.05)


def asphalt(origin: Floats, flat: Floats, depth: Floats, put: Callable[..., None]) -> Floats:
    """The ground; returns how wet it is at each ray that meets it (0..1), -1 at the others."""
    t = np.where(flat[:, 1] < -1e-4, -origin[1] / np.minimum(flat[:, 1], -1e-4), FAR)
    ground = np.flatnonzero(t < np.minimum(depth, 140))
    x, z = flat[ground, 0] * t[ground], flat[ground, 2] * t[ground]
    fine, broad = sampled(texture(21, 420, 2), x, z), sampled(texture(22, 12, 5), x, z)
    tracks = (
        np.exp(-(((z - 12.9) / 0.35) ** 2))
        + np.exp(-(((z - 14.5) / 0.35) ** 2))
        + np.exp(-(((z - 25.2) / 0.35) ** 2))
        + np.exp(-(((z - 26.7) / 0.35) ** 2))
    )
    fade = np.clip(1.25 - t[ground] / 60, 0.1, 1)
    grey = 0.088 * (1 + 0.22 * fine * fade + 0.30 * broad) - 0.018 * tracks
    patch = ((np.abs(x + 9.5) < 2.1) & (np.abs(z - 14.8) < 0.9)) | ((np.abs(x - 8.2) < 0.35) & (z > 9) & (z < 17))
    grey = np.where(patch, grey * 0.62, grey)
    oil = np.zeros_like(grey)
    rng = np.random.default_rng(3)
    for bay in range(-8, 9):
        cx, cz, size = 3.75 + 2.8 * bay + rng.uniform(-0.5, 0.5), rng.uniform(19.2, 21.2), rng.uniform(0.25, 0.6)
        oil += np.exp(-((((x - cx) / size) ** 2) + ((z - cz) / (size * 1.3)) ** 2))
    grey = np.maximum(grey * (1 - 0.45 * np.clip(oil, 0, 1)), 0.015)
    painted = paint_on(x, z) * np.clip(0.75 + 0.6 * fine + 0.35 * broad, 0.15, 1)
    colours = grey[:, None] * np.array([0.98, 1.0, 1.02]) * (1 - painted[:, None]) + painted[:, None] * np.array(
        [0.36, 0.37, 0.38]
    )
    colours[z > WALL_Z - 1.6] *= 0.8
    wetness = np.clip(0.30 + 0.9 * sampled(texture(23, 16, 4), x, z) - 0.1 * painted, 0.06, 1)
    tilt = (
        np.stack([0.05 * fine, np.ones_like(fine), 0.05 * sampled(texture(24, 420, 2), x, z)], -1) if len(x) else np.zeros((0, 3))
    )
    put(ground, t[ground], normalised(tilt.astype(np.float32)), colours.astype(np.float32), 0.2)
    wet = np.full(len(flat), -1, np.float32)
    wet[ground] = wetness
    return wet


def mirrored(point: Floats, rays: Floats, lamp: Lamp, wet: Floats) -> Floats:
    """The long reflections of a lamp in wet asphalt: sharp where it is wet, wide where it is only damp."""
    towards, strength = lamp.arriving(point)
    half = normalised(towards - rays)
    # Ripples tilt the surface towards and away from the camera: the reflection is drawn out along the line of sight.
    off_side, off_along = half[:, 0] / np.maximum(half[:, 1], 1e-3), half[:, 2] / np.maximum(half[:, 1], 1e-3)
    soft = 0.030 + 0.10 * (1 - wet)
    spread = np.exp(-((off_side / soft) ** 2) - (off_along / (soft * 2.6)) ** 2)
    grazing = 0.04 + 0.96 * (1 - np.clip(np.einsum("mi,mi->m", -rays, half), 0, 1)) ** 5
    amount = spread * grazing * wet * strength * 0.42 / soft
    return np.asarray(amount[:, None] * np.array(lamp.colour, np.float32), np.float32)


def shadowed(point: Floats, near: Floats, is_ground: Floats, lamp: Lamp) -> Floats:
    """How much of the lamp reaches each of the ``near`` points, 0..1; only the ground takes the cars' shadows."""
    free = np.ones(len(near), np.float32)
    spots = point[near]
    ground = is_ground[near]
    offsets = ((0.25, 0.0), (-0.25, 0.0), (0.0, 0.25), (0.0, -0.25))
    for car in PARKED:
        half = car.length / 2
        corners = car.world(
            np.array([(x, y, z) for x in (-0.9, 0.9) for y in (0.15, car.roof) for z in (-half, half)], np.float32)
        )
        reach = np.concatenate([ground_shadow(lamp, corners), corners])
        low, high = reach.min(0) - 0.4, reach.max(0) + 0.4
        index = np.flatnonzero(
            ground & (spots[:, 0] > low[0]) & (spots[:, 0] < high[0]) & (spots[:, 2] > low[2]) & (spots[:, 2] < high[2])
        )
        if not len(index):
            continue
        stopped = np.zeros(len(index), np.float32)
        for dx, dz in offsets:
            moved = Lamp((lamp.position[0] + dx, lamp.position[1], lamp.position[2] + dz), lamp.colour)
            towards = spots[index] - moved.origin
            length = np.sqrt(np.einsum("mi,mi->m", towards, towards))
            stopped += blocked(moved, (towards / length[:, None]).astype(np.float32), length, car)
        free[index] *= 1 - 0.92 * stopped / len(offsets)
    return free


def crowding(point: Floats, is_ground: Floats) -> Floats:
    """How much of the sky the ground sees near and under parked cars, 0..1."""
    seen = np.ones(len(point), np.float32)
    for car in PARKED:
        near = np.flatnonzero(is_ground & (np.abs(point[:, 0] - car.x) < 4) & (np.abs(point[:, 2] - car.z) < 5))
        if not len(near):
            continue
        own = car.local(point[near])
        gap = np.sqrt(np.maximum(np.abs(own[:, 0]) - 0.7, 0) ** 2 + np.maximum(np.abs(own[:, 2]) - car.length / 2 + 0.2, 0) ** 2)
        seen[near] *= np.clip(0.10 + gap / 0.9, 0.10, 1)
    return seen
