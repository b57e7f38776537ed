"""A desk filmed with a phone held upright: a variable frame rate, a picture that only its metadata turns upright, a late first frame."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

import cv2
import numpy as np

from samples.desk import LAMP, Still, glow, traced
from samples.film import TIMESCALE, Act, Picture, Span
from samples.light import (
    FAR,
    Box,
    Camera,
    Capsules,
    Floats,
    averaged,
    hit_capsules,
    march,
    normalised,
    surface_of_capsules,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MUG_AT = (0.045, 0.0, 0.335)
MUG_RADIUS, MUG_HIGH = 0.041, 0.092
SKIN = (0.20, 0.30, 0.52)
SLEEVE = (0.22, 0.13, 0.07)


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
