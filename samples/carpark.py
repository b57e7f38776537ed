"""A car park at night, seen by a fixed camera on a wall: lamps, parked cars, long nothing, and now and then somebody.

The static part is traced once, one picture per lamp, so that a frame is a weighted sum of them; what moves is traced in its own
rectangle of each frame and laid over, behind whatever stands before it, with its shadow under every lamp.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import cv2
import numpy as np

from samples.figures import figure
from samples.film import Act, Picture, Span, steady
from samples.light import Box, Camera, Floats, Layer, tone
from samples.lot import LAMPS, Still
from samples.moving import drawn_car, drawn_person, person_shadows, traced
from samples.passing import (
    LIGHTS_AFTER,
    WHOLE_NIGHT,
    CarArrives,
    Doing,
    FarWalk,
    LampOut,
    NearWalk,
    arriving_car,
    drive_seconds,
    far_pose,
    headlights,
    lamp_strength,
    near_pose,
)

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class CarPark:
    """The scene. Times in seconds, ``noise`` in grey levels of 255, ``drift`` the share by which the light slowly swells and fades."""

    width: int = 960
    height: int = 540
    fps: float = 10.0
    duration: float = 104.0
    noise: float = 2.2
    drift: float = 0.05
    clock: bool = True
    seed: int = 7
    doings: tuple[Doing, ...] = WHOLE_NIGHT
    restful: bool = True
    note: str = "A made clip. Slow drift of light and a ticking clock throughout: no events. The car's event begins with its light on the ground."
    cuts: tuple[float, ...] = ()
    gradual: tuple[Span, ...] = ()
    not_cuts: tuple[Span, ...] = field(default=())

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.width, self.height

    @property
    def times(self) -> Sequence[float]:
        """One frame every 1 / ``fps`` seconds."""
        return steady(self.duration, self.fps)

    @cached_property
    def camera(self) -> Camera:
        """On a wall, seven metres up, wide."""
        return Camera((0.0, 7.0, 0.0), yaw=0.0, pitch=0.300, focal=0.98, width=self.width, height=self.height)

    @cached_property
    def still(self) -> Still:
        """The static part at this size."""
        return traced(self.camera)

    @property
    def acts(self) -> Sequence[Act]:
        """What happens, from the script."""
        return [self.act_of(doing) for doing in self.doings]

    def act_of(self, doing: Doing) -> Act:
        """A doing as an act with its bounds."""
        start = doing.start
        if isinstance(doing, FarWalk):
            what = "A person far away crosses the back of the car park from left to right"
            return Act(doing.name, start, start + doing.seconds + 0.2, what, ("person", "far"), slack=0.5)
        if isinstance(doing, NearWalk):
            seconds = 2 * doing.reach / doing.speed + doing.pause
            what = "A person walks in from the left, stands still for a while and leaves to the right"
            return Act(doing.name, start, start + seconds + 0.5, what, ("person", "near"), slack=0.5)
        if isinstance(doing, CarArrives):
            rest = start + drive_seconds(doing) + LIGHTS_AFTER
            what = "A car drives in from the right with its headlights on, parks in a free bay and puts its lights out"
            return Act(doing.name, start, self.duration, what, ("car", "arrival"), slack=1.0, rest=rest)
        what = "A lamp goes out and comes on again"
        return Act(doing.name, start - 0.1, start + doing.seconds + 1.0, what, ("lamp", "light"), slack=0.3)

    def draw(self, time: float, without: frozenset[str] = frozenset()) -> Picture:
        """The picture at ``time`` as a perfect sensor would take it."""
        still = self.still
        gains = np.ones(len(LAMPS), np.float32)
        layers: list[tuple[float, Layer]] = []
        shadows: list[tuple[int, Box, Floats]] = []
        extra: list[Floats] = []
        present = [doing for doing in self.doings if doing.name not in without]
        for doing in present:
            if isinstance(doing, LampOut):
                gains[doing.lamp] *= lamp_strength(doing, time)
        for doing in present:
            if isinstance(doing, LampOut):
                continue
            if isinstance(doing, CarArrives):
                car = arriving_car(doing, time)
                if car is None:
                    continue
                layer, cast, light = drawn_car(self.camera, car, tuple(float(gain) for gain in gains))
                layers.append((car.z, layer))
                shadows += cast
                extra += [] if light is None else [light]
            else:
                pose = far_pose(self.camera, doing, time) if isinstance(doing, FarWalk) else near_pose(doing, time)
                if pose is None:
                    continue
                rods = figure(pose, doing.clothes)
                cars = [arriving_car(other, time) for other in present if isinstance(other, CarArrives)]
                lit_by = (*LAMPS, *(beam for car in cars for beam in headlights(car)))
                layers.append((pose.z, drawn_person(self.camera, rods, still, gains, lit_by)))
                shadows += person_shadows(self.camera, rods)
        picture = still.whole.copy()
        for lamp, gain in enumerate(gains):
            if gain != 1:
                picture += (gain - 1) * (still.per_lamp[lamp] + still.glows[lamp])
        for lamp, box, kept in shadows:
            part = picture[box.slices]
            part -= gains[lamp] * still.per_lamp[lamp][box.slices] * (1 - kept)[..., None]
            # Two shadows of one lamp that overlap take its light only once.
            np.maximum(part, still.constant[box.slices], out=part)
        for light in extra:
            picture += light
        for _, layer in sorted(layers, key=lambda item: -item[0]):
            layer.over(picture)
            for glow in layer.glow:
                picture += glow
        picture *= np.float32(1 + self.drift * np.sin(2 * np.pi * time / 41.0))
        return tone(bloomed(picture), 1.15)

    def expose(self, picture: Picture, index: int) -> Picture:
        """Add the sensor's noise, stronger in the dark, and burn in the clock."""
        noisy = picture.astype(np.float32)
        if self.noise:
            rng = np.random.default_rng((self.seed, index))
            luma = rng.standard_normal((self.height, self.width), np.float32)
            chroma = rng.standard_normal((self.height // 4, self.width // 4, 3), np.float32)
            dark = np.float32(self.noise) * (0.55 + 0.75 * np.exp(-noisy.max(axis=2) / 90))
            noisy += (dark * luma)[..., None]
            noisy += 0.5 * self.noise * cv2.resize(chroma, (self.width, self.height), interpolation=cv2.INTER_LINEAR)
        result = np.asarray(np.clip(noisy + 0.5, 0, 255), np.uint8)
        if self.clock:
            second = int(index / self.fps + 1e-9) + 41 * 60 + 7
            text = f"2026-11-14 23:{second // 60:02d}:{second % 60:02d}"
            burn_in(result, text, (0.018, 0.058))
            burn_in(result, "CAM 02  CAR PARK NORTH", (0.018, 0.968))
        return result


def burn_in(picture: Picture, text: str, at: tuple[float, float]) -> None:
    """Write white text with a dark edge, its lower left corner at shares of the picture's width and height."""
    height, width = picture.shape[:2]
    scale, (x, y) = height / 540 * 0.62, (int(at[0] * width), int(at[1] * height))
    edge, thick = max(1, round(height / 400)), max(1, round(height / 400))
    for dx, dy in ((-edge, 0), (edge, 0), (0, -edge), (0, edge), (edge, edge)):
        cv2.putText(picture, text, (x + dx, y + dy), cv2.FONT_HERSHEY_DUPLEX, scale, (16, 16, 16), thick, cv2.LINE_AA)
    cv2.putText(picture, text, (x, y), cv2.FONT_HERSHEY_DUPLEX, scale, (225, 228, 228), thick, cv2.LINE_AA)


def bloomed(linear: Floats) -> Floats:
    """Bright spots spill over into their surroundings, as in a lens."""
    height, width = linear.shape[:2]
    small = cv2.resize(np.maximum(linear - 0.9, 0), (width // 4, height // 4), interpolation=cv2.INTER_AREA)
    if not small.any():
        return linear
    spread = (
        cv2.GaussianBlur(np.minimum(small, 6), (0, 0), height / 160) * 0.22 + cv2.GaussianBlur(small, (0, 0), height / 45) * 0.05
    )
    return np.asarray(linear + cv2.resize(spread, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
