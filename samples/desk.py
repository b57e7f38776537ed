"""The desk that the phone films: wood, a wall, a notebook, books, a pencil and a plant, lit by the room and by a lamp, traced once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from samples.light import FAR, Camera, Capsules, Floats, averaged, grain, hit_block, hit_capsules, normalised, surface_of_capsules

LAMP = np.array([0.30, 0.62, 0.62], np.float32)
LAMP_LIGHT = np.array([0.22, 0.36, 0.46], np.float32)
ROOM_LIGHT = np.array([0.20, 0.17, 0.15], np.float32)
WALL_Z = 0.86


@dataclass(frozen=True)
class Still:
    """What lies on the desk all the time, traced once: light of the room, light of the lamp, and what lies where."""

    room: Floats
    lamp: Floats
    depth: Floats
    point: Floats


def glow(point: Floats, normal: Floats, colour: Floats, rays: Floats, gloss: float) -> tuple[Floats, Floats]:
    """The room's and the lamp's light from points of a surface."""
    room = colour * ROOM_LIGHT * (0.72 + 0.28 * normal[:, 1:2])
    towards = LAMP - point
    square = np.einsum("mi,mi->m", towards, towards)
    towards = towards / np.sqrt(square)[:, None]
    facing = np.maximum(np.einsum("mi,mi->m", normal, towards), 0)
    mirror = np.maximum(np.einsum("mi,mi->m", normal, normalised(towards - rays)), 0) ** 60 * gloss
    lamp = (colour * facing[:, None] + mirror[:, None]) * LAMP_LIGHT / (square + 0.05)[:, None]
    return np.asarray(room, np.float32), np.asarray(lamp, np.float32)


@lru_cache(maxsize=4)
def traced(camera: Camera) -> Still:
    """The desk, the wall, a notebook, a pencil, a book and the foot of a plant, traced once at two by two rays to a pixel."""
    rays = camera.rays(oversample=2)
    shape, flat = rays.shape[:2], rays.reshape(-1, 3)
    origin = camera.origin
    desk = np.where(flat[:, 1] < -1e-4, -origin[1] / np.minimum(flat[:, 1], -1e-4), FAR)
    wall = (WALL_Z - origin[2]) / np.maximum(flat[:, 2], 1e-4)
    distance = np.minimum(desk, wall).astype(np.float32)
    point = origin + flat * distance[:, None]
    wood = sampled(grain((1024, 1024), 9, 61, 5), point[:, 0] * 9, point[:, 2] * 0.9)
    fibre = sampled(grain((1024, 1024), 300, 62, 2), point[:, 0] * 3.0, point[:, 2] * 0.22)
    plank = 1 + 0.07 * np.sin(np.floor(point[:, 0] / 0.13) * 91.7)
    joint = 1 - 0.35 * (np.abs(point[:, 0] / 0.13 - np.round(point[:, 0] / 0.13)) < 0.010)
    colour = (np.array([0.085, 0.17, 0.30]) * (plank * joint * (1 + 0.20 * wood + 0.16 * fibre))[:, None]).astype(np.float32)
    normal = np.tile(np.array([0, 1, 0], np.float32), (len(flat), 1))
    on_wall = wall < desk
    colour[on_wall] = (0.42, 0.46, 0.47)
    normal[on_wall] = (0, 0, -1)
    shadow = np.ones(len(flat), np.float32)
    blocks = (
        ((-0.170, 0.0, 0.100), (0.010, 0.014, 0.345), (0.66, 0.72, 0.74)),
        ((-0.215, 0.0, 0.470), (-0.045, 0.032, 0.700), (0.10, 0.06, 0.30)),
        ((-0.200, 0.032, 0.490), (-0.065, 0.058, 0.690), (0.16, 0.20, 0.06)),
    )
    for low, high, paint in blocks:
        low_at, high_at = np.array(low, np.float32), np.array(high, np.float32)
        enter, leave = hit_block(origin, flat, low_at, high_at)
        hit = np.flatnonzero((enter < leave) & (enter > 0) & (enter < distance))
        distance[hit], point[hit] = enter[hit], origin + flat[hit] * enter[hit, None]
        sides = np.abs(np.concatenate([point[hit] - low_at, point[hit] - high_at], -1)).argmin(-1)
        normal[hit] = np.concatenate([-np.eye(3), np.eye(3)]).astype(np.float32)[sides]
        pages = (sides != 4)[:, None]
        face = np.broadcast_to(np.array(paint), (len(hit), 3))
        if paint[0] > 0.5:
            line = np.abs(point[hit, 2] / 0.0125 - np.round(point[hit, 2] / 0.0125)) < 0.06
            ink = line & (np.abs(point[hit, 0] + 0.08) < 0.078)
            written = ink_of(point[hit])
            face = face * (1 - 0.16 * ink - 0.62 * written)[:, None]
            ring = (np.abs(point[hit, 2] - 0.336) < 0.004) & (np.mod(point[hit, 0], 0.012) < 0.005)
            face = np.where(ring[:, None], 0.12, face)
            colour[hit] = np.where(pages, face * 0.85, face)
        else:
            colour[hit] = np.where(pages & (sides != 2)[:, None], 0.6, face)
    pencil = Capsules.of([
        ((0.040, 0.006, 0.115), (0.105, 0.006, 0.255), 0.0048, (0.06, 0.42, 0.72)), ((0.040, 0.006, 0.115), (0.036, 0.006, 0.106), 0.0034, (0.35, 0.5, 0.62)),
        ((0.105, 0.006, 0.255), (0.109, 0.006, 0.263), 0.0050, (0.30, 0.25, 0.65)),
    ])  # fmt: skip
    stalks = np.random.default_rng(9)
    leaves = []
    for _ in range(26):
        angle, long = stalks.uniform(0, 2 * np.pi), stalks.uniform(0.05, 0.13)
        tip = np.array([0.135 + np.cos(angle) * long * 0.75, 0.12 + long * 0.9, 0.665 + np.sin(angle) * long * 0.75])
        leaves.append(
            ((0.135, 0.10, 0.665), tip, 0.0085, (0.05 + stalks.uniform(0, 0.03), 0.20 + stalks.uniform(-0.06, 0.06), 0.06))
        )
    pot = [
        ((0.135, y, 0.665), (0.135, y + 0.004, 0.665), 0.036 + y * 0.16, (0.16, 0.26, 0.52)) for y in np.linspace(0.03, 0.085, 12)
    ]
    things = Capsules.of([*leaves, *pot])
    for rods in (pencil, things):
        box = camera.box_around(*rods.ends())
        index = np.arange(len(flat)).reshape(shape)[box.y0 * 2 : box.y1 * 2, box.x0 * 2 : box.x1 * 2].reshape(-1)
        surface = surface_of_capsules(origin, flat[index], rods)
        nearer = surface.distance < distance[index]
        index = index[nearer]
        distance[index], normal[index], colour[index] = surface.distance[nearer], surface.normal[nearer], surface.colour[nearer]
        point[index] = origin + flat[index] * distance[index, None]
    towards = point - LAMP
    length = np.sqrt(np.einsum("mi,mi->m", towards, towards))
    towards = (towards / length[:, None]).astype(np.float32)
    for low, high, _ in blocks:
        enter, leave = hit_block(LAMP, towards, np.array(low, np.float32), np.array(high, np.float32))
        shadow[(enter < leave) & (enter > 0) & (enter < length - 0.003)] = 0.1
    for rods in (pencil, things):
        for start in range(0, len(flat), 100_000):
            part = slice(start, start + 100_000)
            blocked, _ = hit_capsules(LAMP, towards[part], rods)
            shadow[part][blocked < length[part] - 0.004] = 0.12
    room, lamp = glow(point, normal, colour, flat, 0.10)
    lamp *= cv2.GaussianBlur(shadow.reshape(shape), (0, 0), 1.6).reshape(-1)[:, None]
    room *= (1 - 0.35 * np.exp(-np.minimum(np.abs(WALL_Z - point[:, 2]), point[:, 1] + 0.2 * (1 - on_wall)) / 0.05))[:, None]
    centre = np.arange(len(flat)).reshape(shape)[::2, ::2].reshape(-1)
    small = (camera.height, camera.width)
    of_room, of_lamp = (averaged(part.astype(np.float32).reshape(*shape, 3), 2) for part in (room, lamp))
    return Still(of_room, of_lamp, distance[centre].reshape(small), point[centre].reshape(*small, 3).astype(np.float32))


def ink_of(point: Floats) -> Floats:
    """Something written by hand on the lines of the notebook: 1 where there is ink."""
    row = np.round((0.325 - point[:, 2]) / 0.0125)
    height = (0.325 - point[:, 2]) - row * 0.0125 + 0.003
    x = point[:, 0]
    wave = 0.0022 * np.sin(x * 900 + row * 5) * np.sin(x * 310 + row * 11) + 0.0009 * np.sin(x * 2100 + row)
    words = np.sin(x * 95 + row * 2.7) > -0.72
    length_of = -0.155 + 0.14 * (0.55 + 0.45 * np.sin(row * 3.3))
    return ((np.abs(height - wave) < 0.0009) & words & (x > -0.155) & (x < length_of) & (row > 1) & (row < 13)).astype(np.float32)


def sampled(square: Floats, x: Floats, z: Floats) -> Floats:
    """A texture that repeats, mirrored, once per unit."""
    size = square.shape[0]
    rows = -(-len(x) // 1024)
    u, v = np.zeros(rows * 1024, np.float32), np.zeros(rows * 1024, np.float32)
    u[: len(x)], v[: len(x)] = x * size * 0.25, z * size * 0.25
    picture = cv2.remap(square, u.reshape(rows, 1024), v.reshape(rows, 1024), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(picture, np.float32).reshape(-1)[: len(x)]
