"""A small renderer: a camera, rays against capsules and distance fields, and the light that falls on what they hit.

World coordinates are metres, x to the right, y up, z away from the camera; colours are linear light, blue-green-red. Everything is
plain numpy on float32, small enough to draw a frame in a fraction of a second on one core.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Callable

Floats = NDArray[Any]
"""Arrays of numbers: 32-bit floats, or masks made from them."""

FAR = np.float32(1e6)


@dataclass(frozen=True)
class Box:
    """A rectangle of whole pixels, half-open: ``x0 <= x < x1``, ``y0 <= y < y1``."""

    x0: int
    y0: int
    x1: int
    y1: int

    @property
    def empty(self) -> bool:
        """Whether it holds no pixel."""
        return self.x1 <= self.x0 or self.y1 <= self.y0

    @property
    def slices(self) -> tuple[slice, slice]:
        """The rows and columns, to index a picture with."""
        return slice(self.y0, self.y1), slice(self.x0, self.x1)


@dataclass(frozen=True)
class Camera:
    """A pinhole camera: ``focal`` is in picture heights, ``yaw`` (to the right) and ``pitch`` (down) in radians."""

    position: tuple[float, float, float]
    yaw: float
    pitch: float
    focal: float
    width: int
    height: int

    @cached_property
    def axes(self) -> tuple[Floats, Floats, Floats]:
        """Right, up and forward, as unit vectors."""
        forward = np.array(
            [np.sin(self.yaw) * np.cos(self.pitch), -np.sin(self.pitch), np.cos(self.yaw) * np.cos(self.pitch)], np.float32
        )
        right = np.array([np.cos(self.yaw), 0, -np.sin(self.yaw)], np.float32)
        return right, np.cross(forward, right).astype(np.float32), forward

    @cached_property
    def origin(self) -> Floats:
        """Where the camera stands."""
        return np.array(self.position, np.float32)

    def rays(self, box: Box | None = None, oversample: int = 1) -> Floats:
        """Unit directions through the pixels of ``box`` (all of them by default), ``oversample`` by ``oversample`` to a pixel.

        Returns:
            An array of shape (rows, columns, 3).
        """
        box = box or Box(0, 0, self.width, self.height)
        right, up, forward = self.axes
        xs = (np.arange((box.x1 - box.x0) * oversample, dtype=np.float32) + 0.5) / oversample + box.x0 - self.width / 2
        ys = (np.arange((box.y1 - box.y0) * oversample, dtype=np.float32) + 0.5) / oversample + box.y0 - self.height / 2
        scale = self.focal * self.height
        directions = forward + (xs / scale)[None, :, None] * right - (ys / scale)[:, None, None] * up
        return normalised(directions)

    def project(self, points: Floats) -> Floats:
        """Where points of shape (..., 3) appear: x and y in pixels, and the depth along the camera's axis in metres."""
        right, up, forward = self.axes
        local = np.asarray(points, np.float32) - self.origin
        depth = local @ forward
        safe = np.maximum(depth, np.float32(0.05))
        scale = self.focal * self.height
        return np.stack(
            [self.width / 2 + scale * (local @ right) / safe, self.height / 2 - scale * (local @ up) / safe, depth], -1
        )

    def box_around(self, points: Floats, radii: Floats | float, margin: int = 2) -> Box:
        """The pixels that balls of these radii around these points can touch, cut to the picture."""
        seen = self.project(points)
        depth = np.maximum(seen[..., 2], 0.2)
        reach = self.focal * self.height * np.asarray(radii, np.float32) / depth
        x0, x1 = np.floor((seen[..., 0] - reach).min()) - margin, np.ceil((seen[..., 0] + reach).max()) + margin
        y0, y1 = np.floor((seen[..., 1] - reach).min()) - margin, np.ceil((seen[..., 1] + reach).max()) + margin
        if (seen[..., 2] <= 0).all():
            return Box(0, 0, 0, 0)
        return Box(
            int(np.clip(x0, 0, self.width)), int(np.clip(y0, 0, self.height)),
            int(np.clip(x1, 0, self.width)), int(np.clip(y1, 0, self.height)),
        )  # fmt: skip


@dataclass(frozen=True)
class Capsules:
    """Rounded rods from ``start`` to ``end`` (n, 3) of ``radius`` (n,), each of one colour (n, 3): what figures are made of."""

    start: Floats
    end: Floats
    radius: Floats
    colour: Floats

    @staticmethod
    def of(rods: list[tuple[object, object, float, tuple[float, float, float]]]) -> Capsules:
        """From a list of (start, end, radius, colour)."""
        return Capsules(
            np.array([rod[0] for rod in rods], np.float32),
            np.array([rod[1] for rod in rods], np.float32),
            np.array([rod[2] for rod in rods], np.float32),
            np.array([rod[3] for rod in rods], np.float32),
        )

    def ends(self) -> tuple[Floats, Floats]:
        """All end points (2n, 3) and the radius around each (2n,)."""
        return np.concatenate([self.start, self.end]), np.concatenate([self.radius, self.radius])


@dataclass(frozen=True)
class Surface:
    """What rays hit, one entry per ray: distance (``FAR`` where nothing), normal, colour, shine 0..1 and own glow."""

    distance: Floats
    normal: Floats
    colour: Floats
    shine: Floats
    glow: Floats


def normalised(vectors: Floats) -> Floats:
    """The same directions with length one."""
    length = np.sqrt(np.einsum("...i,...i->...", vectors, vectors))[..., None]
    return np.asarray(vectors / np.maximum(length, np.float32(1e-9)), np.float32)


def hit_capsules(origin: Floats, rays: Floats, rods: Capsules) -> tuple[Floats, NDArray[np.intp]]:
    """The distance at which each ray (m, 3) from one origin meets the nearest rod, and which rod that is.

    The intersection is Inigo Quilez's closed form (https://iquilezles.org/articles/intersectors/, ``capIntersect``).
    """
    axis = rods.end - rods.start
    from_start = origin - rods.start
    axis_axis = np.einsum("ni,ni->n", axis, axis) + np.float32(1e-12)
    axis_ray = rays @ axis.T
    axis_from = np.einsum("ni,ni->n", axis, from_start)
    ray_from = rays @ from_start.T
    from_from = np.einsum("ni,ni->n", from_start, from_start)
    a = axis_axis - axis_ray * axis_ray
    b = axis_axis * ray_from - axis_from * axis_ray
    c = axis_axis * from_from - axis_from**2 - rods.radius**2 * axis_axis
    h = b * b - a * c
    t = (-b - np.sqrt(np.maximum(h, 0))) / np.where(np.abs(a) < 1e-9, np.float32(1e-9), a)
    along = axis_from + t * axis_ray
    body = (h >= 0) & (along > 0) & (along < axis_axis) & (t > 0)
    best = np.where(body, t, FAR)
    for centre in (rods.start, rods.end):
        to_centre = origin - centre
        ball_b = rays @ to_centre.T
        ball_h = ball_b * ball_b - (np.einsum("ni,ni->n", to_centre, to_centre) - rods.radius**2)
        ball_t = -ball_b - np.sqrt(np.maximum(ball_h, 0))
        best = np.minimum(best, np.where((ball_h > 0) & (ball_t > 0), ball_t, FAR))
    index = best.argmin(axis=1)
    return best[np.arange(len(best)), index].astype(np.float32), index


def surface_of_capsules(origin: Floats, rays: Floats, rods: Capsules) -> Surface:
    """What rays (m, 3) from ``origin`` hit among the rods, with their normals and colours."""
    distance, index = hit_capsules(origin, rays, rods)
    point = origin + rays * distance[:, None]
    start, axis = rods.start[index], (rods.end - rods.start)[index]
    along = np.einsum("mi,mi->m", point - start, axis) / (np.einsum("mi,mi->m", axis, axis) + np.float32(1e-12))
    normal = normalised(point - start - np.clip(along, 0, 1)[:, None] * axis)
    return Surface(distance, normal, rods.colour[index], np.zeros(len(rays), np.float32), np.zeros_like(normal))


def march(
    origin: Floats, rays: Floats, field_of: Callable[[Floats], Floats], near: float, far: float, steps: int = 56
) -> tuple[Floats, Floats]:
    """Walk rays (m, 3) along a distance field from ``near`` to ``far``; returns distances (``FAR`` for a miss) and normals."""
    t = np.full(len(rays), near, np.float32)
    alive = np.arange(len(rays))
    result = np.full(len(rays), FAR, np.float32)
    for _ in range(steps):
        gap = field_of(origin + rays[alive] * t[alive, None])
        hit = gap < 0.004
        result[alive[hit]] = t[alive[hit]]
        t[alive] += gap
        alive = alive[~hit & (t[alive] < far)]
        if not len(alive):
            break
    normal = np.zeros_like(rays)
    seen = np.flatnonzero(result < FAR)
    if len(seen):
        point = origin + rays[seen] * result[seen, None]
        offsets = np.eye(3, dtype=np.float32) * np.float32(0.008)
        slope = np.stack([field_of(point + offset) - field_of(point - offset) for offset in offsets], -1)
        normal[seen] = normalised(slope)
    return result, normal


def hit_block(origin: Floats, rays: Floats, lowest: Floats, highest: Floats) -> tuple[Floats, Floats]:
    """Where rays (m, 3) enter and leave an axis-aligned block; entry is greater than exit where they miss it."""
    inverse = 1 / np.where(np.abs(rays) < 1e-7, np.float32(1e-7), rays)
    one, two = (lowest - origin) * inverse, (highest - origin) * inverse
    return np.minimum(one, two).max(-1), np.maximum(one, two).min(-1)


@dataclass(frozen=True)
class Lamp:
    """A light at ``position`` shining along ``aim``; ``spread`` is the cosine of its half angle, ``colour`` its strength."""

    position: tuple[float, float, float]
    colour: tuple[float, float, float]
    aim: tuple[float, float, float] = (0.0, -1.0, 0.0)
    spread: float = 0.25
    soft: float = 0.5

    @property
    def origin(self) -> Floats:
        """Where it is."""
        return np.array(self.position, np.float32)

    def arriving(self, point: Floats) -> tuple[Floats, Floats]:
        """The direction towards the lamp (..., 3) and the strength arriving (...,) at points, by the inverse square law."""
        towards = self.origin - point
        square = np.einsum("...i,...i->...", towards, towards)
        towards = towards / np.sqrt(square)[..., None]
        cosine = -(towards @ np.array(self.aim, np.float32))
        cone = np.clip((cosine - self.spread) / self.soft, 0, 1)
        return towards, (cone * cone * (3 - 2 * cone) / (square + 0.3)).astype(np.float32)


def shade(point: Floats, normal: Floats, view: Floats, lamp: Lamp, *, gloss: float = 40.0) -> tuple[Floats, Floats]:
    """Diffuse and specular strength (Blinn-Phong) of one lamp at points seen along ``view``."""
    towards, strength = lamp.arriving(point)
    facing = np.maximum(np.einsum("...i,...i->...", normal, towards), 0)
    half = normalised(towards - view)
    mirror = np.maximum(np.einsum("...i,...i->...", normal, half), 0) ** gloss
    return facing * strength, mirror * strength * (facing > 0)


def airlight(camera: Camera, lamp: Lamp, depth: Floats, *, samples: int = 20, reach: float = 9.0) -> Floats:
    """The glow of the air in a lamp's cone, seen through each pixel, added up along the ray near the lamp (rows, columns)."""
    rays = camera.rays()
    nearest = (lamp.origin - camera.origin) @ rays.reshape(-1, 3).T
    nearest = nearest.reshape(rays.shape[:2])
    total = np.zeros(rays.shape[:2], np.float32)
    for step in np.linspace(-1, 1, samples):
        # Denser near the lamp, where the glow changes most.
        t = nearest + np.float32(np.sign(step) * step * step * reach)
        _, strength = lamp.arriving(camera.origin + rays * t[..., None])
        total += np.where((t > 0) & (t < depth), strength * np.float32(abs(step) + 0.02), 0)
    return total * np.float32(2 * reach / samples)


def halo(camera: Camera, at: tuple[float, float, float], size: float) -> Floats:
    """A soft star of light around a point, as a lens makes it: strength per pixel (rows, columns), one at its middle."""
    x, y, depth = camera.project(np.array(at, np.float32))
    if depth <= 0:
        return np.zeros((camera.height, camera.width), np.float32)
    scale = size * camera.height
    xs = (np.arange(camera.width, dtype=np.float32)[None, :] - x) / scale
    ys = (np.arange(camera.height, dtype=np.float32)[:, None] - y) / scale
    square = xs * xs + ys * ys
    return np.asarray(1 / (1 + 14 * square) ** 2.2, np.float32)


def grain(shape: tuple[int, int], cells: float, seed: int, octaves: int = 4) -> Floats:
    """Smooth noise in about -1..1: layers of blown-up random grids, the first with ``cells`` cells across."""
    rng = np.random.default_rng(seed)
    total = np.zeros(shape, np.float32)
    strength, norm = 1.0, 0.0
    for _ in range(octaves):
        grid = (max(2, int(cells * shape[0] / shape[1]) + 1), max(2, int(cells) + 1))
        layer = rng.uniform(-1, 1, grid).astype(np.float32)
        total += strength * cv2.resize(layer, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC)
        norm += strength * 0.6
        strength, cells = strength * 0.55, cells * 2.1
    return total / np.float32(norm)


@lru_cache(maxsize=4)
def tone_table(exposure: float) -> NDArray[np.uint8]:
    """Display values for the square roots of linear light from 0 to 4 in 8192 steps: finer than a grey level everywhere.

    The curve is Krzysztof Narkowicz's fit of ACES
    (https://knarkowicz.wordpress.com/2016/01/06/aces-filmic-tone-mapping-curve/), then the gamma of a screen.
    """
    x = (np.arange(8192) / 2048) ** 2 * exposure
    mapped = np.clip((x * (2.51 * x + 0.03)) / (x * (2.43 * x + 0.59) + 0.14), 0, 1)
    return np.asarray(mapped ** (1 / 2.2) * 255 + 0.5, np.uint8)


def tone(linear: Floats, exposure: float = 1.0) -> NDArray[np.uint8]:
    """From linear light to what a screen shows: a film-like shoulder, then gamma."""
    roots = cv2.sqrt(np.clip(linear, 0, 15.9))
    return tone_table(exposure)[(roots * 2048).astype(np.uint16)]


@dataclass(frozen=True)
class Layer:
    """A drawn thing ready to be laid over a picture: where, its light (rows, columns, 3) and how much of each pixel it covers."""

    box: Box
    light: Floats
    cover: Floats
    glow: tuple[Floats, ...] = field(default=())

    def over(self, picture: Floats) -> None:
        """Lay it over ``picture`` in place."""
        if self.box.empty:
            return
        part = picture[self.box.slices]
        part *= 1 - self.cover[..., None]
        part += self.light


def averaged(values: Floats, oversample: int) -> Floats:
    """Blocks of ``oversample`` by ``oversample`` samples averaged into pixels."""
    rows, columns = values.shape[0] // oversample, values.shape[1] // oversample
    shape = (rows, oversample, columns, oversample, *values.shape[2:])
    return np.asarray(values.reshape(shape).mean(axis=(1, 3)), np.float32)
