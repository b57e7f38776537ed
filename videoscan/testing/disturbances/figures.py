"""Persons, cars and bags, drawn soft-edged at any size and any fraction of a pixel."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import cv2
import numpy as np

from videoscan.testing.disturbances.planes import Plane, plane

WIDTH = 0.40
"""A walking person's width from hand to hand, in shares of the height."""


@dataclass(frozen=True, slots=True, eq=False)
class Sprite:
    """Something to lay over a picture: its light times its cover, and its cover (0..1); `foot` is the (x, y) that stands on the ground."""

    light: Plane
    cover: Plane
    foot: tuple[float, float]

    def over(self, canvas: Plane, x: float, y: float, *, left: float = -math.inf, right: float = math.inf) -> None:
        """Lay it over `canvas` with its foot at (x, y); only columns from `left` to `right` show, the rest is behind something."""
        rows, columns = self.cover.shape
        corner_x, corner_y = x - self.foot[0], y - self.foot[1]
        whole_x, whole_y = math.floor(corner_x), math.floor(corner_y)
        if whole_x >= canvas.shape[1] or whole_y >= canvas.shape[0] or whole_x + columns < 0 or whole_y + rows < 0:
            return
        shift = np.array([[1, 0, corner_x - whole_x], [0, 1, corner_y - whole_y]], np.float32)
        size = (columns + 1, rows + 1)
        light, cover = plane(cv2.warpAffine(self.light, shift, size)), plane(cv2.warpAffine(self.cover, shift, size))
        if left > -math.inf or right < math.inf:
            edges = np.arange(whole_x, whole_x + columns + 1, dtype=np.float32)
            seen = np.clip(edges + 1 - left, 0, 1) * np.clip(right - edges, 0, 1)
            light, cover = plane(light * seen), plane(cover * seen)
        top, bottom = max(0, whole_y), min(canvas.shape[0], whole_y + rows + 1)
        start, stop = max(0, whole_x), min(canvas.shape[1], whole_x + columns + 1)
        if top >= bottom or start >= stop:
            return
        inner = (slice(top - whole_y, bottom - whole_y), slice(start - whole_x, stop - whole_x))
        part = canvas[top:bottom, start:stop]
        part *= 1 - cover[inner]
        part += light[inner]


@functools.lru_cache(maxsize=512)
def person(tall: float, phase: int, top: float, legs: float, head: float) -> Sprite:
    """Somebody `tall` pixels high in one of sixteen phases of a step (0 and 8 have the legs together), shades in grey levels."""
    scale = max(4.0, min(12.0, 160 / tall))
    unit = tall * scale
    rows, columns = round(unit * 1.12) + 4, round(unit * 0.62) + 4
    light, cover = np.zeros((rows, columns), np.float32), np.zeros((rows, columns), np.float32)
    middle, ground = columns / 2, unit * 1.06
    swing = math.sin(phase / 16 * 2 * math.pi)

    def limb(x0: float, y0: float, x1: float, y1: float, thick: float, shade: float) -> None:
        ends = [(round((middle + x * unit) * 16), round((ground - y * unit) * 16)) for x, y in ((x0, y0), (x1, y1))]
        for canvas, value in ((light, shade), (cover, 1.0)):
            cv2.line(canvas, ends[0], ends[1], value, max(1, round(thick * unit)), cv2.LINE_AA, 4)

    shadow = ((middle + 0.10 * unit, ground), (0.46 * unit, 0.07 * unit), 0.0)
    cv2.ellipse(cover, shadow, 0.38, -1)  # its light is zero: it only darkens
    for side in (-1, 1):
        limb(0, 0.47, side * swing * 0.15, 0.04, 0.105, legs * (0.94 if side < 0 else 1.0))
    limb(0, 0.75, -swing * 0.14, 0.45, 0.065, top * 0.92)
    limb(0, 0.73, 0, 0.51, 0.21, top)
    limb(0.02, 0.76, swing * 0.15, 0.46, 0.065, top * 0.96)
    limb(0, 0.915, 0, 0.93, 0.125, head)
    size = (max(1, math.ceil(columns / scale)), max(1, math.ceil(rows / scale)))
    shrink = np.array([[1 / scale, 0, 0], [0, 1 / scale, 0]], np.float32)
    found = []
    for canvas in (light, cover):
        padded = cv2.copyMakeBorder(
            canvas, 0, round(size[1] * scale) - rows + 1, 0, round(size[0] * scale) - columns + 1, cv2.BORDER_CONSTANT
        )
        small = cv2.resize(padded[: round(size[1] * scale), : round(size[0] * scale)], size, interpolation=cv2.INTER_AREA)
        found.append(plane(cv2.GaussianBlur(cv2.copyMakeBorder(small, 2, 2, 2, 2, cv2.BORDER_CONSTANT), (0, 0), 0.55)))
    foot = cv2.transform(np.array([[[middle, ground]]], np.float32), shrink)[0, 0]
    return Sprite(found[0], found[1], (float(foot[0]) + 2, float(foot[1]) + 2))


@functools.lru_cache(maxsize=32)
def car(tall: int, shade: float) -> Sprite:
    """A parked car seen from its side, `tall` pixels high; its foot is the middle of its underside."""
    scale = 4
    unit = float(tall * scale)
    rows, columns = round(unit * 1.3), round(unit * 3.2)
    light, cover = np.zeros((rows, columns), np.float32), np.zeros((rows, columns), np.float32)
    left, ground = unit * 0.2, unit * 1.12

    def shape(points: list[tuple[float, float]], value: float) -> None:
        corners = np.array([(left + x * unit, ground - y * unit) for x, y in points]).round().astype(np.int32)
        cv2.fillPoly(light, [corners], value, cv2.LINE_AA)
        cv2.fillPoly(cover, [corners], 1.0, cv2.LINE_AA)

    cv2.ellipse(cover, ((left + 1.4 * unit, ground), (2.9 * unit, 0.22 * unit), 0.0), 0.5, -1)
    shape([(0, 0.2), (0.05, 0.55), (0.7, 0.62), (1.0, 0.97), (1.9, 1.0), (2.3, 0.64), (2.75, 0.56), (2.8, 0.2)], shade)
    shape([(0.82, 0.63), (1.05, 0.91), (1.42, 0.93), (1.42, 0.63)], 38.0)
    shape([(1.5, 0.63), (1.5, 0.93), (1.84, 0.94), (2.12, 0.63)], 44.0)
    shape([(0.06, 0.42), (2.76, 0.42), (2.77, 0.38), (0.05, 0.38)], shade * 0.75)
    for x in (0.55, 2.25):
        centre = (round(left + x * unit), round(ground - 0.2 * unit))
        for radius, value in ((0.21, 26.0), (0.11, 120.0)):
            cv2.circle(light, centre, round(radius * unit), value, -1, cv2.LINE_AA)
            cv2.circle(cover, centre, round(radius * unit), 1.0, -1, cv2.LINE_AA)
    size = (columns // scale, rows // scale)
    both = [plane(cv2.resize(canvas, size, interpolation=cv2.INTER_AREA)) for canvas in (light, cover)]
    return Sprite(both[0], both[1], ((left + 1.4 * unit) / scale, ground / scale))


@functools.lru_cache(maxsize=32)
def bag(tall: float, shade: float) -> Sprite:
    """A bag `tall` pixels high and a little wider."""
    scale = 8
    unit = tall * scale
    rows, columns = round(unit * 1.5), round(unit * 1.9)
    light, cover = np.zeros((rows, columns), np.float32), np.zeros((rows, columns), np.float32)
    middle, ground = columns / 2, unit * 1.25
    cv2.ellipse(cover, ((middle + 0.1 * unit, ground), (1.5 * unit, 0.22 * unit), 0.0), 0.38, -1)
    low, high = (round(middle - 0.6 * unit), round(ground - 0.72 * unit)), (round(middle + 0.6 * unit), round(ground))
    for canvas, value in ((light, shade), (cover, 1.0)):
        cv2.rectangle(canvas, low, high, value, -1)
        cv2.ellipse(canvas, ((middle, ground - 0.7 * unit), (0.6 * unit, 0.5 * unit), 0.0), value, max(1, round(0.1 * unit)))
    cv2.line(light, (low[0], round(ground - 0.45 * unit)), (high[0], round(ground - 0.45 * unit)), shade * 0.8, max(1, scale))
    size = (max(1, columns // scale), max(1, rows // scale))
    both = [plane(cv2.GaussianBlur(cv2.resize(c, size, interpolation=cv2.INTER_AREA), (0, 0), 0.55)) for c in (light, cover)]
    return Sprite(both[0], both[1], (middle * size[0] / columns, ground * size[1] / rows))
