"""Made scenes with known truth: a night camera with noise, drifting light, a ticking clock and persons of any size.

For tests and benchmarks of deduplicators and describers; deterministic for a seed. Nothing here is decoded or read from disk.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from videoscan.model import Frame
from videoscan.reading.shrinking import area_averaged

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from videoscan.model import Bgr, Gray


@dataclass(frozen=True, slots=True, eq=False)
class ArrayPixels:
    """A picture that is an array of luma already; `videoscan.model.Pixels` over it."""

    luma: Gray

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.luma.shape[1], self.luma.shape[0]

    def gray(self, width: int, height: int) -> Gray:
        """Luma, area-averaged to exactly (height, width)."""
        return area_averaged(self.luma, width, height)

    def bgr(self, long_side: int | None = None) -> Bgr:
        """The luma in three channels."""
        height, width = self.luma.shape
        scale = min(1.0, (long_side or width + height) / max(width, height))
        return np.dstack([self.gray(max(1, round(width * scale)), max(1, round(height * scale)))] * 3)


def frames(pictures: Iterable[Gray], *, every: float = 1.0, step: int = 25) -> Iterator[Frame]:
    """Frames from luma arrays, one sample each `every` seconds; indices rise by `step` as if the rest had been skipped."""
    for number, luma in enumerate(pictures):
        yield Frame(number * step, number * every, keyframe=True, pixels=ArrayPixels(luma))


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody crosses: `height` is a share of the picture's, `path` from and to in 0..1, seconds are half-open."""

    start: float
    end: float
    height: float
    path: tuple[tuple[float, float], tuple[float, float]] = ((0.1, 0.6), (0.9, 0.6))
    contrast: int = 45


@dataclass(frozen=True, slots=True)
class NightCamera:
    """A fixed camera at night. `noise` is the deviation of each pixel in grey levels, `drift` the share by which light wanders."""

    seconds: int = 120
    visits: tuple[Visit, ...] = ()
    width: int = 640
    height: int = 360
    noise: float = 4.0
    drift: float = 0.08
    clock: bool = True
    seed: int = 1

    def pictures(self) -> Iterator[Gray]:
        """One picture a second."""
        random = np.random.default_rng(self.seed)
        scene = self.background()
        grain = [random.normal(0, self.noise, scene.shape).astype(np.float32) for _ in range(8)] if self.noise else []
        for second in range(self.seconds):
            picture = scene.copy()
            for visit in self.visits:
                if visit.start <= second < visit.end:
                    self._draw(picture, visit, second)
            picture *= 1 + self.drift * np.sin(2 * np.pi * second / 97)
            if grain:
                # Rolled rather than drawn anew: as independent between neighbours in time, and thirty times as quick.
                rows, columns = (int(n) for n in random.integers(0, (self.height, self.width)))
                picture += np.roll(grain[int(random.integers(8))], (rows, columns), (0, 1))
            luma = np.clip(picture, 0, 255).astype(np.uint8)
            if self.clock:
                text = f"2026-03-01 22:{second // 60 % 60:02d}:{second % 60:02d}"
                cv2.putText(luma, text, (8, 22), cv2.FONT_HERSHEY_SIMPLEX, self.height / 600, 235.0, 2)
            yield luma

    def frames(self) -> Iterator[Frame]:
        """The pictures as frames, one sample a second."""
        return frames(self.pictures())

    def background(self) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        """The empty scene: a lit yard, a wall with windows, parked cars, ground texture."""
        random = np.random.default_rng(self.seed + 1000)
        down, across = np.mgrid[0 : self.height, 0 : self.width].astype(np.float32)
        scene = 30 + 40 * np.exp(-(((across / self.width - 0.6) / 0.4) ** 2) - ((down / self.height - 0.7) / 0.5) ** 2)
        ground = cv2.GaussianBlur(random.normal(0, 1, scene.shape).astype(np.float32), (0, 0), 3)
        scene = np.asarray(scene + 25 * np.asarray(ground), np.float32)
        for x in (0.1, 0.3, 0.5, 0.7):
            left, top = int(x * self.width), int(0.18 * self.height)
            cv2.rectangle(scene, (left, top), (left + self.width // 16, top + self.height // 10), 75.0, -1)
        for x in (0.15, 0.75):
            left, top = int(x * self.width), int(0.8 * self.height)
            cv2.rectangle(scene, (left, top), (left + self.width // 8, top + self.height // 10), 85.0, -1)
            cv2.rectangle(scene, (left, top), (left + self.width // 8, top + self.height // 10), 20.0, 2)
        return scene

    def _draw(self, picture: np.ndarray[tuple[int, ...], np.dtype[np.float32]], visit: Visit, second: float) -> None:
        length = max(visit.end - visit.start - 1, 1e-9)
        along = min(1.0, (second - visit.start) / length)
        (x0, y0), (x1, y1) = visit.path
        tall = visit.height * self.height
        centre = (int((x0 + (x1 - x0) * along) * self.width), int((y0 + (y1 - y0) * along) * self.height))
        half = (max(1, round(tall * 0.18)), max(1, round(tall / 2)))
        body = picture[max(0, centre[1] - half[1]) : centre[1] + half[1], max(0, centre[0] - half[0]) : centre[0] + half[0]]
        body += visit.contrast


def many_visits(count: int = 24, sizes: tuple[float, ...] = (0.02, 0.05, 0.15), *, seed: int = 3) -> NightCamera:
    """The scene behind the constants of `videoscan.reading.difference`: short visits in every size, long still stretches between."""
    random = np.random.default_rng(seed)
    visits: list[Visit] = []
    at = 25.0
    for number in range(count):
        x, y = random.uniform(0.1, 0.7), random.uniform(0.35, 0.7)
        long = int(random.integers(3, 8))
        contrast = 45 if number % 2 else -30
        visits.append(Visit(at, at + long, sizes[number % len(sizes)], ((x, y), (x + 0.2, y + 0.05)), contrast))
        at += long + int(random.integers(14, 30))
    return NightCamera(seconds=int(at), visits=tuple(visits), seed=seed)
