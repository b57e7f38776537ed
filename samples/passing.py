"""Who comes by in the car park, by script: people who walk, a car that parks, a lamp that fails, and where they are at any time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from samples.cars import Car
from samples.figures import Clothes, Pose
from samples.light import Camera, Lamp, normalised
from samples.lot import WALL_Z


@dataclass(frozen=True)
class FarWalk:
    """Somebody far away, ``height`` of the picture's height tall, crosses from left to right in the back of the car park."""

    start: float
    height: float = 0.035
    speed: float = 1.75
    reach: float = 15.0
    clothes: Clothes = Clothes(top=(0.30, 0.32, 0.36), legs=(0.05, 0.04, 0.04))
    name: str = "far person"

    @property
    def seconds(self) -> float:
        """How long the walk takes, the parts behind something included."""
        return 2 * self.reach / self.speed


@dataclass(frozen=True)
class NearWalk:
    """Somebody walks in from the left, stands still for ``pause`` seconds under the near lamp, and leaves to the right."""

    start: float
    pause: float = 5.5
    z: float = 11.4
    speed: float = 1.5
    stop_x: float = -2.4
    reach: float = 13.0
    clothes: Clothes = Clothes(top=(0.10, 0.05, 0.035), legs=(0.13, 0.12, 0.11))
    name: str = "near person"


LIGHTS_AFTER = 1.6
"""Seconds between standing still and the lights going out."""


@dataclass(frozen=True)
class CarArrives:
    """A car drives in from the right with its headlights on, turns into the free bay, stops and puts its lights out."""

    start: float
    speed: float = 5.2
    name: str = "car"

    LANE_Z = 13.6
    BAY_X = 3.75
    BAY_Z = 20.3
    RADIUS = 4.6


@dataclass(frozen=True)
class LampOut:
    """One lamp goes out and comes back, flickering, after ``seconds``."""

    start: float
    seconds: float = 4.5
    lamp: int = 1
    name: str = "lamp out"


Doing = FarWalk | NearWalk | CarArrives | LampOut


WHOLE_NIGHT: tuple[Doing, ...] = (FarWalk(12.0), CarArrives(39.0), LampOut(58.0, 4.0), NearWalk(70.0))


def lamp_strength(doing: LampOut, time: float) -> float:
    """Its strength in 0..1: out at once; on again with two flickers."""
    since = time - doing.start
    if since < 0:
        return 1.0
    back = since - doing.seconds
    if back < 0:
        return 0.0
    flicker = (0.7, 0.1, 0.85, 0.45, 0.9)
    step = int(back / 0.1 + 1e-6)
    return flicker[step] if step < len(flicker) else 1.0


def far_depth(camera: Camera, height: float) -> float:
    """How far away on the ground somebody 1.75 m tall is ``height`` of the picture tall."""
    near, far = 8.0, 400.0
    for _ in range(50):
        middle = (near + far) / 2
        feet, head = camera.project(np.array([[0, 0, middle], [0, 1.75, middle]], np.float32))
        near, far = (middle, far) if (feet[1] - head[1]) / camera.height > height else (near, middle)
    return min(near, WALL_Z - 1.0)


def far_pose(camera: Camera, doing: FarWalk, time: float) -> Pose | None:
    """Where the far walker is."""
    along = (time - doing.start) * doing.speed
    if not 0 <= along <= 2 * doing.reach:
        return None
    return Pose(along - doing.reach, far_depth(camera, doing.height), np.pi / 2, phase=along / 0.75 * np.pi, swing=0.5)


def near_pose(doing: NearWalk, time: float) -> Pose | None:
    """Where the near walker is: walking, standing turned a little to the camera, walking on."""
    since = time - doing.start
    arrive = (doing.stop_x + doing.reach) / doing.speed
    leave = arrive + doing.pause
    along = min(since, arrive) * doing.speed + max(0.0, since - leave) * doing.speed
    if since < 0 or along > 2 * doing.reach:
        return None
    # Half a second to turn and to come to a stand at either end of the pause.
    standing = float(np.clip((since - arrive) / 0.5, 0, 1) * np.clip((leave - since) / 0.5, 0, 1))
    return Pose(
        along - doing.reach, doing.z, np.pi / 2 + 1.25 * standing, phase=along / 0.75 * np.pi, swing=0.5 * (1 - standing),
    )  # fmt: skip


def drive_path(doing: CarArrives) -> tuple[float, float, float]:
    """The lengths of the straight, the quarter turn and the way into the bay."""
    return 24.0 - (doing.BAY_X + doing.RADIUS), doing.RADIUS * np.pi / 2, doing.BAY_Z - doing.LANE_Z - doing.RADIUS


def drive_seconds(doing: CarArrives) -> float:
    """How long it drives: at full speed, then slowing down evenly from the turn on."""
    straight, turn, way_in = drive_path(doing)
    return straight / doing.speed + 2 * (turn + way_in) / doing.speed


def arriving_car(doing: CarArrives, time: float) -> Car | None:
    """The car at ``time``, or None before it comes."""
    since = time - doing.start
    if since < 0:
        return None
    straight, turn, _way_in = drive_path(doing)
    at_turn, total = straight / doing.speed, drive_seconds(doing)
    slowing = min(max(since - at_turn, 0.0), total - at_turn)
    along = doing.speed * min(since, at_turn) + doing.speed * slowing * (1 - slowing / (2 * (total - at_turn)))
    if along < straight:
        x, z, heading = 24.0 - along, doing.LANE_Z, -np.pi / 2
    elif along < straight + turn:
        angle = (along - straight) / doing.RADIUS
        x = doing.BAY_X + doing.RADIUS * (1 - np.sin(angle))
        z, heading = doing.LANE_Z + doing.RADIUS * (1 - np.cos(angle)), -np.pi / 2 + angle
    else:
        x, z, heading = doing.BAY_X, doing.LANE_Z + doing.RADIUS + along - straight - turn, 0.0
    lights = 1.0 if since < total + LIGHTS_AFTER else 0.0
    brakes = 1.0 if at_turn * 0.85 < since < total + 0.8 else 0.0
    return Car(
        round(float(x), 4),
        round(float(z), 4),
        round(float(heading), 5),
        (0.055, 0.05, 0.28),
        length=4.3,
        lights=lights,
        brakes=brakes,
    )


def headlights(car: Car | None) -> list[Lamp]:
    """The two beams of a car with its lights on."""
    if car is None or not car.lights:
        return []
    sine, cosine = float(np.sin(car.heading)), float(np.cos(car.heading))
    aim = tuple(float(v) for v in normalised(np.array([sine, -0.07, cosine], np.float32)))
    return [
        Lamp(car.lamp_at(side, front=True), (46.0, 52.0, 54.0), aim=(aim[0], aim[1], aim[2]), spread=0.86, soft=0.13)
        for side in (-1, 1)
    ]
