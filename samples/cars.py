"""Parked and moving cars as distance fields, with paint, glass, wheels and lights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from samples.light import FAR, Box, Camera, Floats, Surface, hit_block, march


@dataclass(frozen=True)
class Car:
    """A car on the ground at (x, z), heading in radians (0 is away from the camera); linear paint, blue-green-red.

    ``cabin`` is where the cabin's middle stands along the car, ``roof`` how high it reaches; a van is one tall block.
    """

    x: float
    z: float
    heading: float
    paint: tuple[float, float, float]
    length: float = 4.3
    cabin: float = -0.25
    cabin_length: float = 2.5
    roof: float = 1.45
    lights: float = 0.0
    brakes: float = 0.0

    @property
    def is_van(self) -> bool:
        """Whether it is one tall block."""
        return self.roof > 1.8

    def local(self, points: Floats, *, turn_only: bool = False) -> Floats:
        """World points or directions in the car's own axes: x to its right, y up, z ahead."""
        sine, cosine = np.float32(np.sin(self.heading)), np.float32(np.cos(self.heading))
        moved = points if turn_only else points - np.array([self.x, 0, self.z], np.float32)
        x, z = moved[..., 0], moved[..., 2]
        return np.stack([x * cosine - z * sine, moved[..., 1], x * sine + z * cosine], -1)

    def world(self, points: Floats, *, turn_only: bool = False) -> Floats:
        """The other way round."""
        sine, cosine = np.float32(np.sin(self.heading)), np.float32(np.cos(self.heading))
        x, z = points[..., 0], points[..., 2]
        turned = np.stack([x * cosine + z * sine, points[..., 1], -x * sine + z * cosine], -1)
        return turned if turn_only else turned + np.array([self.x, 0, self.z], np.float32)

    def blocks(self) -> tuple[tuple[Floats, Floats], ...]:
        """Two blocks in its own axes that cast nearly its shadow."""
        half = self.length / 2
        body = (
            np.array([-0.85, 0.18, -half], np.float32),
            np.array([0.85, 0.9 if not self.is_van else self.roof, half], np.float32),
        )
        reach = self.cabin_length * 0.40
        cabin = (
            np.array([-0.66, 0.85, self.cabin - reach], np.float32),
            np.array([0.66, self.roof, self.cabin + reach], np.float32),
        )
        return body, cabin

    def field(self, p: Floats) -> Floats:
        """The distance to its skin from points (m, 3) in its own axes; a little too small near the cabin, never too large."""
        x, y, z = np.abs(p[:, 0]), p[:, 1], p[:, 2]
        half = self.length / 2
        if self.is_van:
            slope = np.clip((y - 0.9) * 0.45, 0, 0.6) * (z > 0)
            body = rounded(x, y - self.roof / 2 - 0.1, z + slope, 0.92, self.roof / 2 - 0.1, half, 0.16) * np.float32(0.85)
        else:
            # The bonnet and the boot fall a little towards the ends, the flanks lean in above the waist.
            fall = 0.10 * (z / half) ** 2
            tuck = 0.10 * np.clip(y - 0.6, -0.3, 0.4)
            lower = rounded(x + tuck, y - 0.56 + fall, z, 0.86, 0.30, half, 0.20)
            height = self.roof - 0.72
            rise = np.clip((y - 0.80) / (self.roof - 0.80), 0, 1.2)
            along = z - self.cabin
            slant = rise * np.where(along > 0, np.float32(0.62), np.float32(0.42))
            upper = rounded(
                x + 0.17 * rise, y - 0.72 - height / 2, np.abs(along) + slant, 0.78, height / 2, self.cabin_length / 2, 0.16
            )
            upper *= np.float32(0.72)
            body = smooth_union(lower, upper, 0.07)
        axle = half - 0.82
        ahead = np.abs(z) - axle
        across = np.sqrt(ahead**2 + (y - 0.32) ** 2)
        arch = np.maximum(across - 0.39, 0.55 - x)
        wheel = np.maximum(across - 0.32, np.abs(x - 0.74) - 0.11)
        return np.minimum(np.maximum(body, -arch), wheel).astype(np.float32)

    def surface(self, origin: Floats, rays: Floats) -> Surface:
        """What rays (m, 3) hit of it."""
        own_origin, own_rays = self.local(origin), self.local(rays, turn_only=True)
        high = np.array([1.1, self.roof + 0.15, self.length / 2 + 0.15], np.float32)
        enter, leave = hit_block(own_origin, own_rays, high * np.array([-1, 0, -1], np.float32), high)
        distance = np.full(len(rays), FAR, np.float32)
        normal = np.zeros_like(rays)
        near = np.flatnonzero((enter < leave) & (leave > 0))
        if len(near):
            start = max(0.05, float(enter[near].min()))
            distance[near], normal[near] = march(own_origin, own_rays[near], self.field, start, float(leave[near].max()) + 0.1)
        point = own_origin + own_rays * np.where(distance < FAR, distance, 0)[:, None]
        colour, shine, glow = self.skin(point, normal)
        return Surface(distance, self.world(normal, turn_only=True), colour, shine, glow)

    def skin(self, p: Floats, normal: Floats) -> tuple[Floats, Floats, Floats]:
        """Colour, shine and glow of points of its skin, in its own axes."""
        x, y, z = np.abs(p[:, 0]), p[:, 1], p[:, 2]
        half = self.length / 2
        colour = np.broadcast_to(np.array(self.paint, np.float32), p.shape).copy()
        shine = np.full(len(p), 0.55, np.float32)
        glow = np.zeros_like(p)

        def put(where: Floats, value: tuple[float, float, float], gloss: float) -> None:
            colour[where] = np.array(value, np.float32)
            shine[where] = gloss

        put(y < 0.30, (0.015, 0.015, 0.015), 0.1)
        if self.is_van:
            glass = (y > 1.15) & (y < self.roof - 0.22) & (z > half - 1.5) & ((np.abs(normal[:, 0]) < 0.5) | (z < half - 0.75))
        else:
            # Pillars: paint at the cabin's corners and between the doors.
            side = np.abs(normal[:, 0]) > 0.55
            pillar = side & (np.abs(z - self.cabin - 0.05) < 0.06)
            corner = ~side & (x > 0.60)
            glass = (
                (y > 0.93)
                & (y < self.roof - 0.09)
                & (normal[:, 1] < 0.93)
                & ~pillar
                & ~corner
                & (np.abs(z - self.cabin) < self.cabin_length / 2)
            )
        put(glass, (0.020, 0.017, 0.014), 1.0)
        axle = half - 0.82
        across = np.sqrt((np.abs(z) - axle) ** 2 + (y - 0.32) ** 2)
        put((x > 0.60) & (across < 0.34), (0.012, 0.012, 0.012), 0.15)
        put((x > 0.80) & (across < 0.21), (0.20, 0.20, 0.21), 0.8)
        plate = (x < 0.27) & (np.abs(y - 0.48) < 0.07) & (np.abs(z) > half - 0.25)
        put(plate, (0.55, 0.58, 0.60), 0.3)
        lamp_low, lamp_high = (0.62, 0.92) if self.is_van else (0.52, 0.72)
        lamps = (x > 0.50) & (x < 0.80) & (y > lamp_low) & (y < lamp_high)
        front, rear = lamps & (z > half - 0.45), lamps & (z < -half + 0.40)
        put(front, (0.5, 0.5, 0.5), 1.0)
        put(rear, (0.02, 0.02, 0.30), 0.9)
        glow[front] = np.array([7.0, 8.0, 8.0], np.float32) * self.lights
        glow[rear] = np.array([0.10, 0.14, 3.0], np.float32) * (0.35 * self.lights + self.brakes)
        return colour, shine, glow

    def lamp_at(self, side: float, *, front: bool) -> tuple[float, float, float]:
        """Where one of its lamps is in the world; ``side`` is -1 or 1."""
        ends = np.array([side * 0.66, 0.64, (self.length / 2 + 0.05) * (1 if front else -1)], np.float32)
        x, y, z = self.world(ends)
        return float(x), float(y), float(z)

    def box(self, camera: Camera) -> Box:
        """The pixels it can touch."""
        half = self.length / 2
        corners = [(x, y, z) for x in (-1.0, 1.0) for y in (0.0, self.roof) for z in (-half, half)]
        return camera.box_around(self.world(np.array(corners, np.float32)), 0.05)


def rounded(x: Floats, y: Floats, z: Floats, wide: float, high: float, long: float, edge: float) -> Floats:
    """The distance to a block with rounded edges about the origin; half sizes, edges included."""
    dx, dy, dz = np.abs(x) - (wide - edge), np.abs(y) - (high - edge), np.abs(z) - (long - edge)
    outside = np.sqrt(np.maximum(dx, 0) ** 2 + np.maximum(dy, 0) ** 2 + np.maximum(dz, 0) ** 2)
    return np.asarray(outside + np.minimum(np.maximum(dx, np.maximum(dy, dz)), 0) - edge, np.float32)


def smooth_union(one: Floats, two: Floats, blend: float) -> Floats:
    """Two distance fields joined with a fillet (Quilez's polynomial smooth minimum)."""
    mix = np.clip(0.5 + 0.5 * (two - one) / blend, 0, 1)
    return np.asarray(two + (one - two) * mix - blend * mix * (1 - mix), np.float32)
