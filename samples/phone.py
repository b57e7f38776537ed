"""A desk filmed with a phone held upright: a variable frame rate, a picture that only its metadata turns upright, a late first frame."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

import cv2
import numpy as np

from samples.film import TIMESCALE, Act, Picture, Span
from samples.light import (
    FAR,
    Box,
    Camera,
    Capsules,
    Floats,
    averaged,
    grain,
    hit_block,
    hit_capsules,
    march,
    normalised,
    surface_of_capsules,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

LAMP = np.array([0.30, 0.62, 0.62], np.float32)
LAMP_LIGHT = np.array([0.22, 0.36, 0.46], np.float32)
ROOM_LIGHT = np.array([0.20, 0.17, 0.15], np.float32)
MUG_AT = (0.045, 0.0, 0.335)
MUG_RADIUS, MUG_HIGH = 0.041, 0.092
WALL_Z = 0.86
SKIN = (0.20, 0.30, 0.52)
SLEEVE = (0.22, 0.13, 0.07)


@dataclass(frozen=True)
class Still:
    """What lies on the desk all the time, traced once: light of the room, light of the lamp, and what lies where."""

    room: Floats
    lamp: Floats
    depth: Floats
    point: Floats


@dataclass(frozen=True)
class Phone:
    """The scene; ``width`` and ``height`` are of the upright picture.

    Frames come every 1 / ``fps`` seconds, give or take a third, some are missing, and between ``gap[0]`` and ``gap[1]`` there is none.
    """

    width: int = 360
    height: int = 640
    fps: float = 15.0
    duration: float = 15.0
    noise: float = 1.6
    gap: tuple[float, float] = (5.6, 8.6)
    mug: float = 1.9
    lamp_off: tuple[float, float] = (9.3, 10.9)
    hand: float = 11.6
    seed: int = 5
    restful: bool = True
    note: str = "A made clip. No frame between the ends of the gap; the picture stands still there and nothing happens. The hand brings the mug."
    cuts: tuple[float, ...] = ()
    gradual: tuple[Span, ...] = ()
    not_cuts: tuple[Span, ...] = ()

    BRING, LEAVE, SWEEP = 1.5, 1.3, 2.4

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.width, self.height

    @cached_property
    def times(self) -> Sequence[float]:
        """Irregular, on the file's clock, with the gap."""
        rng = np.random.default_rng(self.seed)
        times = [0.0]
        while times[-1] < self.duration - 1.5 / self.fps:
            step = (1 + rng.uniform(-0.33, 0.33)) / self.fps * (2 if rng.random() < 0.06 else 1)
            after = times[-1] + step
            times.append(self.gap[1] if self.gap[0] < after < self.gap[1] else after)
            if after > self.gap[0] > times[-2]:
                times[-2:] = [self.gap[0], self.gap[1]]
        return [round(time * TIMESCALE) / TIMESCALE for time in [*times, self.duration]]

    @property
    def acts(self) -> Sequence[Act]:
        """What happens."""
        gone = self.mug + self.BRING + self.LEAVE
        acts = (
            Act(
                "mug",
                self.mug,
                self.duration,
                "A hand brings a mug from the right, puts it on the desk and withdraws",
                ("hand", "mug"),
                0.3,
                rest=gone,
            ),
            Act("lamp", self.lamp_off[0], self.lamp_off[1], "The desk lamp is switched off and on again", ("lamp", "light"), 0.2),
            Act(
                "hand",
                self.hand,
                self.hand + self.SWEEP,
                "A hand comes in, moves over the notebook and withdraws",
                ("hand",),
                0.3,
            ),
        )
        return [act for act in acts if act.start < self.duration]

    @cached_property
    def camera(self) -> Camera:
        """Held above the desk's edge."""
        return Camera((0.0, 0.58, -0.26), yaw=0.0, pitch=0.70, focal=1.02, width=self.width, height=self.height)

    def draw(self, time: float, without: frozenset[str] = frozenset()) -> Picture:
        """The upright picture at ``time``."""
        still = traced(self.camera)
        lit = 0.0 if "lamp" not in without and self.lamp_off[0] <= time < self.lamp_off[1] else 1.0
        rods: list[Capsules] = []
        mug: tuple[float, float, float] | None = None
        since = time - self.mug
        if "mug" not in without and since >= 0:
            near = ease(since / self.BRING) * (1 - ease((since - self.BRING - 0.15) / (self.LEAVE - 0.15)))
            down = 0.10 * (1 - ease(since / self.BRING))
            offset = (1 - near) * 0.44
            held = since < self.BRING + 0.15
            mug = (
                MUG_AT[0] + (offset if held else 0.0),
                MUG_AT[1] + (down if held else 0.0),
                MUG_AT[2] - (offset * 0.5 if held else 0.0),
            )
            if since < self.BRING + self.LEAVE:
                grip = np.array(
                    [MUG_AT[0] + offset + 0.052, 0.055 + (down if held else 0.0), MUG_AT[2] - offset * 0.5 - 0.012], np.float32
                )
                rods.append(hand(grip, curl=1.0))
        since = time - self.hand
        if "hand" not in without and 0 <= since < self.SWEEP:
            near = ease(since / 0.8) * (1 - ease((since - self.SWEEP + 0.8) / 0.8))
            along = 0.05 * np.sin(since * 4.2)
            rods.append(
                hand(np.array([0.03 + (1 - near) * 0.42, 0.028, 0.13 + along - (1 - near) * 0.20], np.float32), curl=0.25)
            )
        light = lit_desk(self.camera, still, rods, mug, lit)
        exposed = 255 * np.clip(light * np.float32(1.25), 0, 1) ** np.float32(1 / 2.2)
        return np.asarray(np.clip(exposed + 0.5, 0, 255), np.uint8)

    def expose(self, picture: Picture, index: int) -> Picture:
        """A small sensor's noise, stronger in the dark."""
        rng = np.random.default_rng((self.seed, index))
        noise = rng.standard_normal((self.height, self.width, 1), np.float32) * np.float32(self.noise)
        dark = 1.5 - picture.max(axis=2, keepdims=True).astype(np.float32) / 255
        return np.asarray(np.clip(picture + noise * dark + 0.5, 0, 255), np.uint8)


def ease(share: float) -> float:
    """From 0 to 1, starting and stopping gently."""
    share = float(np.clip(share, 0, 1))
    return share * share * (3 - 2 * share)


def hand(grip: Floats, curl: float) -> Capsules:
    """A right hand and forearm coming from the lower right; ``curl`` 1 holds something, 0 lies flat."""
    ahead = normalised(np.array([-0.80, 0.0, 0.60], np.float32))
    side = np.array([0.60, 0.0, 0.80], np.float32)
    up = np.array([0.0, 1.0, 0.0], np.float32)
    wrist = grip - ahead * 0.085 + up * 0.02
    elbow = wrist - ahead * 0.34 + up * 0.06
    rods: list[tuple[object, object, float, tuple[float, float, float]]] = [
        (wrist - ahead * 0.045, elbow, 0.040, SLEEVE), (wrist, wrist - ahead * 0.06 + up * 0.005, 0.027, SKIN),
    ]  # fmt: skip
    for finger, (across, long) in enumerate(((0.030, 0.066), (0.011, 0.074), (-0.009, 0.070), (-0.028, 0.055))):
        knuckle = grip - ahead * 0.012 + side * across + up * 0.012
        bend = curl * 0.9
        middle = knuckle + long * 0.55 * (ahead * np.cos(bend * 0.5) + side * np.float32(0.35 * curl)) + up * (0.006 * (1 - curl))
        tip = middle + long * 0.5 * (ahead * np.cos(bend) - up * np.float32(0.25 * (1 - curl)) - side * np.float32(0.45 * curl))
        rods += [
            (wrist + side * across * 0.6, knuckle, 0.0155, SKIN), (knuckle, middle, 0.0105 - 0.0006 * finger, SKIN), (middle, tip, 0.0092 - 0.0005 * finger, SKIN),
        ]  # fmt: skip
    thumb = wrist - side * 0.030 + ahead * 0.025
    rods += [
        (thumb, thumb + ahead * 0.045 - side * 0.018, 0.0125, SKIN),
        (thumb + ahead * 0.045 - side * 0.018, thumb + ahead * 0.080 - side * 0.004, 0.0105, SKIN),
    ]
    return Capsules.of(rods)


def mug_field(at: tuple[float, float, float]) -> Callable[[Floats], Floats]:
    """The distance field of a hollow mug with a handle, standing at a place."""
    base = np.array(at, np.float32)

    def distance(p: Floats) -> Floats:
        q = p - base
        around = np.sqrt(q[:, 0] ** 2 + q[:, 2] ** 2)
        outer = np.maximum(around - MUG_RADIUS, np.abs(q[:, 1] - MUG_HIGH / 2) - MUG_HIGH / 2)
        inner = np.maximum(around - MUG_RADIUS + 0.0045, 0.006 - q[:, 1])
        hollow = np.maximum(outer, -inner) - np.float32(0.0012)
        hx, hy = q[:, 0] * -0.8 + q[:, 2] * -0.6 - MUG_RADIUS - 0.006, q[:, 1] - MUG_HIGH * 0.52
        hz = q[:, 0] * 0.6 - q[:, 2] * 0.8
        ring = np.sqrt((np.sqrt(hx**2 + hy**2) - 0.024) ** 2 + hz**2) - 0.0055
        return np.asarray(np.minimum(hollow, np.maximum(ring, MUG_RADIUS - 0.002 - around)), np.float32) * np.float32(0.9)

    return distance


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


def lit_desk(camera: Camera, still: Still, rods: list[Capsules], mug: tuple[float, float, float] | None, lit: float) -> Floats:
    """The desk with a hand and a mug on it, in linear light."""
    lamp = still.lamp
    casters = [*rods]
    if mug is not None:
        foot = np.array(mug, np.float32) + np.array([0, MUG_RADIUS, 0], np.float32)
        casters.append(
            Capsules.of([(foot, foot + np.array([0, MUG_HIGH - 2 * MUG_RADIUS + 0.012, 0], np.float32), MUG_RADIUS, SKIN)])
        )
    if casters and lit:
        towards = still.point - LAMP
        length = np.sqrt(np.einsum("ijk,ijk->ij", towards, towards))
        kept = np.ones(length.shape, np.float32)
        for caster in casters:
            ends, radii = caster.ends()
            fallen = ends + (ends - LAMP) * (ends[:, 1:2] / np.maximum(LAMP[1] - ends[:, 1:2], 0.1))
            box = camera.box_around(np.concatenate([ends, fallen]), float(radii.max()) * 1.5)
            if box.empty:
                continue
            rays = (towards[box.slices] / length[box.slices][..., None]).reshape(-1, 3)
            distance, _ = hit_capsules(LAMP, rays.astype(np.float32), caster)
            kept[box.slices] *= 1 - 0.88 * (distance < length[box.slices].reshape(-1) - 0.004).reshape(length[box.slices].shape)
        lamp = lamp * cv2.GaussianBlur(kept, (0, 0), camera.height / 180)[..., None]
    picture = still.room + lamp * np.float32(lit)
    if mug is not None:
        # Less of the room's light reaches the desk around the mug's foot.
        away = np.sqrt(
            (still.point[..., 0] - mug[0]) ** 2 + (still.point[..., 2] - mug[2]) ** 2 + (still.point[..., 1] - mug[1]) ** 2
        )
        picture *= (1 - 0.45 * np.exp(-np.maximum(away - MUG_RADIUS, 0) / 0.02) * (still.point[..., 1] < 0.03))[..., None]
    drawings = [drawn_mug(camera, mug)] if mug is not None else []
    drawings += [drawn_hand(camera, hand_rods) for hand_rods in rods]
    for box, _depth, room, lamp_light, cover in sorted(drawings, key=lambda item: -item[1]):
        if not box.empty:
            part = picture[box.slices]
            part *= 1 - cover[..., None]
            part += room + lamp_light * np.float32(lit)
    return picture


Drawing = tuple[Box, float, Floats, Floats, Floats]


def laid(box: Box, seen: Floats, light: tuple[Floats, Floats], depth: float) -> Drawing:
    """Samples two by two averaged into pixels."""
    shape = ((box.y1 - box.y0) * 2, (box.x1 - box.x0) * 2)
    room, lamp = (averaged((part * seen[:, None]).astype(np.float32).reshape(*shape, 3), 2) for part in light)
    return box, depth, room, lamp, averaged(seen.astype(np.float32).reshape(shape), 2)


@lru_cache(maxsize=8)
def drawn_mug(camera: Camera, at: tuple[float, float, float]) -> Drawing:
    """The mug, white inside, with a coloured band outside."""
    middle = np.array([[at[0], y, at[2]] for y in (at[1], at[1] + MUG_HIGH)], np.float32)
    box = camera.box_around(middle, MUG_RADIUS + 0.04)
    if box.empty:
        return box, 0.0, np.zeros((0, 0, 3), np.float32), np.zeros((0, 0, 3), np.float32), np.zeros((0, 0), np.float32)
    rays = camera.rays(box, 2).reshape(-1, 3)
    distance, normal = march(camera.origin, rays, mug_field(at), 0.15, 1.6, steps=90)
    seen = distance < FAR
    point = camera.origin + rays * np.where(seen, distance, 0)[:, None]
    inside = np.hypot(point[:, 0] - at[0], point[:, 2] - at[2]) < MUG_RADIUS - 0.002
    band = ~inside & (np.abs(point[:, 1] - at[1] - MUG_HIGH * 0.5) < 0.017)
    colour = np.where(band[:, None], np.array([0.42, 0.16, 0.05]), np.array([0.72, 0.76, 0.78])).astype(np.float32)
    room, lamp = glow(point, normal, colour, rays, 0.5)
    deep = np.where(inside, np.clip((point[:, 1] - at[1]) / MUG_HIGH, 0.15, 1), 1)[:, None].astype(np.float32)
    return laid(box, seen, (room * deep, lamp * deep**2), float(np.hypot(at[0], at[2] - camera.position[2])))


def drawn_hand(camera: Camera, rods: Capsules) -> Drawing:
    """A hand."""
    ends, radii = rods.ends()
    box = camera.box_around(ends, radii)
    if box.empty:
        return box, 0.0, np.zeros((0, 0, 3), np.float32), np.zeros((0, 0, 3), np.float32), np.zeros((0, 0), np.float32)
    rays = camera.rays(box, 2).reshape(-1, 3)
    surface = surface_of_capsules(camera.origin, rays, rods)
    seen = surface.distance < FAR
    point = camera.origin + rays * np.where(seen, surface.distance, 0)[:, None]
    light = glow(point, surface.normal, surface.colour, rays, 0.06)
    return laid(box, seen, light, float(surface.distance.min()))


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
