"""What is between the scene and the file: rain, snow, insects and webs near the lens, a shaken camera, its sensor, a clock written in."""

from __future__ import annotations

import functools
import itertools
import math
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

import cv2
import numpy as np

from videoscan.testing.disturbances.planes import Plane, plane
from videoscan.testing.disturbances.scenery import gust

if TYPE_CHECKING:
    from videoscan.model import Gray


class Air(Protocol):
    """Something near the lens."""

    def draw(self, picture: Plane, time: float) -> None:
        """Lay it over the picture, which has no margin."""
        ...


def moment(seed: int, time: float, what: int) -> np.random.Generator:
    """Random numbers of one moment: the same for the same time, independent of those of a millisecond later."""
    return np.random.default_rng([seed, what, round(time * 1000)])


@dataclass(frozen=True)
class Rain:
    """Streaks of drops that fall past faster than pictures follow each other, `count` in each picture."""

    count: int
    seed: int

    def draw(self, picture: Plane, time: float) -> None:
        """Near drops make long, broad, faint streaks, far ones short thin ones."""
        random = moment(self.seed, time, 21)
        rows, columns = picture.shape
        layer = np.zeros(picture.shape, np.uint8)
        near = random.random(self.count) ** 3
        x, y = random.uniform(-0.05, 1.05, self.count) * columns, random.uniform(-0.15, 1.05, self.count) * rows
        length = rows * (0.02 + 0.16 * near)
        slant = 0.06 + 0.10 * (gust(time, 5) - 0.5) + random.normal(0, 0.015, self.count)
        shade = random.uniform(10, 34, self.count)
        ends = np.stack([x, y, x + slant * length, y + length], -1)
        points = np.round(ends * 8).astype(np.int64).tolist()
        for (x0, y0, x1, y1), bright, close in zip(points, shade.tolist(), near.tolist(), strict=True):
            cv2.line(layer, (x0, y0), (x1, y1), bright, 1 + round(1.6 * close * rows / 720), cv2.LINE_AA, 3)
        cv2.add(picture, cv2.blur(layer, (3, 3)), picture, dtype=cv2.CV_32F)


@functools.cache
def _blob(radius: float) -> Plane:
    size = 2 * math.ceil(1.6 * radius) + 3
    down, across = np.mgrid[0:size, 0:size].astype(np.float32) - size // 2
    return plane(np.clip(1.25 * np.exp(-((np.hypot(across, down) / radius) ** 2)), 0, 1))


def _stamp(picture: Plane, blob: Plane, x: float, y: float, strength: float, towards: float) -> None:
    top, left = round(y) - blob.shape[0] // 2, round(x) - blob.shape[1] // 2
    rows, columns = picture.shape
    down, across = slice(max(0, top), min(rows, top + blob.shape[0])), slice(max(0, left), min(columns, left + blob.shape[1]))
    if down.start >= down.stop or across.start >= across.stop:
        return
    part = picture[down, across]
    cover = strength * blob[down.start - top : down.stop - top, across.start - left : across.stop - left]
    part += (towards - part) * cover


@dataclass(frozen=True)
class Snow:
    """Flakes that drift down, near ones large, faint and quick; each falls on from picture to picture."""

    count: int
    seed: int

    def draw(self, picture: Plane, time: float) -> None:
        """Where a flake comes in anew at the top, it does so at another place."""
        rows, columns = picture.shape
        random = np.random.default_rng([self.seed, 22])
        near = random.random(self.count) ** 4
        speed = 0.10 + 0.55 * near
        fallen = random.random(self.count) + speed * time / 1.1
        turn = np.floor(fallen)
        # A cheap hash: every round of a flake gets its own column.
        start = np.modf(np.abs(np.sin((np.arange(self.count) + 1) * 12.9898 + turn * 78.233)) * 43758.5453)[0]
        wobble = (0.010 + 0.02 * near) * np.sin(time * (0.8 + near) + np.arange(self.count))
        x = np.mod(start + wobble + 0.05 * (fallen - turn), 1.0) * columns
        y = ((fallen - turn) * 1.1 - 0.05) * rows
        for across, down, close in zip(x.tolist(), y.tolist(), near.tolist(), strict=True):
            radius = max(0.5, round((0.9 + 6.5 * close) * rows / 720 * 2) / 2)
            _stamp(picture, _blob(radius), across, down, 0.80 - 0.45 * close, 205.0)


@dataclass(frozen=True)
class Insects:
    """Insects that fly through close to the lens, out of focus and bright; `flights` are (start, seconds, size in shares, seed)."""

    flights: tuple[tuple[float, float, float, int], ...]

    def draw(self, picture: Plane, time: float) -> None:
        """Along a curve, with a beat of wings."""
        rows, columns = picture.shape
        for start, seconds, size, seed in self.flights:
            along = (time - start) / seconds
            if not 0 <= along < 1:
                continue
            random = np.random.default_rng([seed, 23])
            ends = random.uniform(-0.1, 1.1, (3, 2))
            x, y = (1 - along) ** 2 * ends[0] + 2 * along * (1 - along) * ends[1] + along**2 * ends[2]
            radius = max(1.0, round(size * rows / 2))
            beat = 0.75 + 0.25 * math.sin(97 * time)
            _stamp(picture, _blob(radius), x * columns, y * rows, 0.62 * beat, 235.0)
            _stamp(picture, _blob(max(1.0, radius / 2)), x * columns + radius * 0.8, y * rows - radius * 0.6, 0.4 * beat, 225.0)


class Web:
    """Threads of a spider's web across a corner, lit by the camera's own infrared: bright, blurred, trembling."""

    def __init__(self, width: int, height: int, seed: int) -> None:
        random = np.random.default_rng([seed, 24])
        self._reach = (round(0.46 * height), round(0.36 * width))
        layer = np.zeros(self._reach, np.uint8)
        self._unit = height / 720
        hub = (0.35 * self._reach[1], 0.4 * self._reach[0])
        spokes = np.sort(random.uniform(0, 2 * np.pi, 11))
        thick = max(1, round(2 * self._unit))
        for turn in spokes:
            far = (hub[0] + 900 * self._unit * math.cos(turn), hub[1] + 900 * self._unit * math.sin(turn))
            cv2.line(layer, (round(hub[0]), round(hub[1])), (round(far[0]), round(far[1])), 150.0, thick, cv2.LINE_AA)
        for radius in np.cumsum(random.uniform(22, 48, 9)) * self._unit:
            ring = [(hub[0] + radius * math.cos(t), hub[1] + radius * math.sin(t)) for t in spokes]
            cv2.polylines(
                layer,
                [np.array(ring).round().astype(np.int32)],
                isClosed=True,
                color=110.0,
                thickness=thick,
                lineType=cv2.LINE_AA,
            )
        self._threads = plane(cv2.GaussianBlur(plane(layer), (0, 0), 2.2 * self._unit + 0.3))
        down, across = np.mgrid[0 : self._reach[0], 0 : self._reach[1]].astype(np.float32)
        fade = np.clip(1.15 - np.hypot(across / self._reach[1], down / self._reach[0]), 0, 1)
        self._threads *= plane(fade)
        self._glare = plane(16 * fade * fade)

    def draw(self, picture: Plane, time: float) -> None:
        """It swings by a few pixels and its glare comes and goes with it."""
        wind = 0.3 + 0.7 * gust(time, 7)
        right, below = 5 * wind * math.sin(3.3 * time) * self._unit, 2.5 * wind * math.sin(4.7 * time + 1) * self._unit
        shift = np.array([[1, 0, right], [0, 1, below]], np.float32)
        moved = plane(cv2.warpAffine(self._threads, shift, self._reach[::-1]))
        part = picture[: self._reach[0], : self._reach[1]]
        part += moved * (0.45 + 0.2 * wind * math.sin(2.1 * time)) + self._glare * (1 + 0.25 * wind * math.sin(1.3 * time))


@dataclass(frozen=True)
class Shake:
    """A camera on a pole that swings: `pixels` at 720 rows, the most to either side; `gusty`: in gusts, still between them.

    `knock` is when it is hit: it swings and stays turned aside for good, by `turned` pixels.
    """

    pixels: float
    gusty: bool = False
    knock: float = math.inf
    turned: tuple[float, float] = (9.0, -5.0)

    def offset(self, time: float, *, knocked: bool = True) -> tuple[float, float]:
        """How far the picture is displaced, in pixels at 720 rows, right and down."""
        strength = self.pixels * (max(0.0, 1.6 * gust(time, 9) - 0.6) if self.gusty else 1.0)
        right = strength * (0.62 * math.sin(9.7 * time) + 0.38 * math.sin(15.1 * time + 1))
        below = strength * (0.55 * math.sin(11.3 * time + 2) + 0.30 * math.sin(6.1 * time))
        since = time - self.knock
        if knocked and since >= 0:
            swing = math.exp(-since / 0.3) * math.cos(2 * math.pi * 3 * since)
            right, below = right + self.turned[0] * (1 - swing), below + self.turned[1] * (1 - swing)
        return right, below


@dataclass(frozen=True)
class Infrared:
    """The camera sees by its own infrared light in `spans`: without colour, another tone curve, bright in the middle."""

    spans: tuple[tuple[float, float], ...]

    def on(self, time: float) -> bool:
        """Whether it does."""
        return any(start <= time < end for start, end in self.spans)

    def seen(self, picture: Plane) -> Plane:
        """The picture under infrared light: mid-tones lifted and flattened, less light towards the edges."""
        rows, columns = picture.shape
        table = 30 + 205 * np.power(np.arange(256) / 255, 0.72)
        shade = cv2.LUT(cv2.convertScaleAbs(picture), plane(table))
        return plane(shade * _spot(rows, columns))


@functools.lru_cache(maxsize=4)
def _spot(rows: int, columns: int) -> Plane:
    down, across = np.mgrid[-1 : 1 : rows * 1j, -1 : 1 : columns * 1j].astype(np.float32)
    return plane(0.62 + 0.46 * np.exp(-0.9 * (across * across + down * down)))


@dataclass(frozen=True)
class Noise:
    """A sensor's noise: normal, of deviation `sigma` in grey levels, independent from pixel to pixel and from picture to picture."""

    sigma: float
    seed: int

    def over(self, picture: Plane, time: float) -> Gray:
        """The picture with noise, in whole grey levels."""
        if not self.sigma:
            return np.asarray(cv2.addWeighted(picture, 1, picture, 0, 0, dtype=cv2.CV_8U), np.uint8)
        random = moment(self.seed, time, 25)
        rows, columns = picture.shape
        fields = _fields(rows, columns)
        down, across, field = int(random.integers(_ROOM)), int(random.integers(_ROOM)), int(random.integers(len(fields)))
        # Cut out of a larger field at a random place rather than drawn anew: as independent between neighbours, ten times as quick.
        piece = fields[field][down : down + rows, across : across + columns]
        if random.random() < 0.5:
            piece = piece[::-1]
        return np.asarray(cv2.addWeighted(piece, self.sigma, picture, 1, 0, dtype=cv2.CV_8U), np.uint8)


_ROOM = 97


@functools.lru_cache(maxsize=2)
def _fields(rows: int, columns: int) -> tuple[Plane, ...]:
    random = np.random.default_rng(26)
    return tuple(random.standard_normal((rows + _ROOM, columns + _ROOM), np.float32) for _ in range(4))


@dataclass(frozen=True)
class Clock:
    """The time written into the picture: `form` is strftime's, `%f` cut to hundredths; `share` of the picture's area, its plate included.

    It stands with its left upper corner at (`x`, `y`), or where it just fits; `plate`: white on black, else white with a dark rim.
    """

    form: str
    share: float
    x: float
    y: float
    plate: bool = False
    begin: datetime = datetime(2026, 3, 1, 21, 57, 12)  # noqa: DTZ001  # what is written in a picture has no zone

    def over(self, luma: Gray, time: float) -> None:
        """Write it, in place."""
        now = self.begin + timedelta(seconds=round(time, 3))
        text = now.strftime(self.form.replace("%f", f"{now.microsecond // 10000:02d}"))
        rows, columns = luma.shape
        scale, (wide, high), thick = _fitting(re.sub(r"\d", "0", text), self.share * rows * columns, columns)
        left, top = min(round(self.x * columns), columns - wide), min(round(self.y * rows), rows - high)
        place = luma[max(0, top) : top + high, max(0, left) : left + wide]
        if self.plate:
            place[:] = 0
        at = (round(0.15 * high), round(0.82 * high))
        for right, below in () if self.plate else itertools.product((-1, 1), repeat=2):
            cv2.putText(place, text, (at[0] + right, at[1] + below), cv2.FONT_HERSHEY_SIMPLEX, scale, 10.0, thick, cv2.LINE_AA)
        cv2.putText(place, text, at, cv2.FONT_HERSHEY_SIMPLEX, scale, 244.0, thick, cv2.LINE_AA)


@functools.cache
def _fitting(text: str, area: float, columns: int) -> tuple[float, tuple[int, int], int]:
    """The scale, the size of the plate and the strokes' thickness for such a text on so many pixels."""
    (wide, high), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 1.0, 2)
    ratio = 1.08 * wide / (1.5 * high)
    tall = min(math.sqrt(area / ratio), columns / ratio)
    scale = tall / (1.5 * high)
    return scale, (round(tall * ratio), max(4, round(tall))), max(1, round(2 * scale))
