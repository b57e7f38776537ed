"""A car park at night, seen by a fixed camera on a wall: lamps, parked cars, long nothing, and now and then somebody.

The static part is traced once, one picture per lamp, so that a frame is a weighted sum of them; what moves is traced in its own
rectangle of each frame and laid over, behind whatever stands before it, with its shadow under every lamp.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

import cv2
import numpy as np

from samples.cars import Car
from samples.figures import Clothes, Pose, figure
from samples.film import Act, Picture, Span
from samples.light import (
    FAR,
    Box,
    Camera,
    Capsules,
    Floats,
    Lamp,
    Layer,
    Surface,
    airlight,
    averaged,
    grain,
    halo,
    hit_block,
    hit_capsules,
    normalised,
    shade,
    surface_of_capsules,
    tone,
)

WARM, COOL = (38.0, 84.0, 134.0), (112.0, 116.0, 104.0)
"""Colours of a sodium and of an LED lamp (blue-green-red), as strengths at one metre."""

LAMPS = (
    Lamp((-11.5, 6.4, 25.6), WARM, spread=0.10),
    Lamp((9.5, 6.4, 25.6), WARM, spread=0.10),
    Lamp((-3.0, 6.4, 41.6), COOL, spread=0.10),
    Lamp((21.0, 6.4, 41.6), WARM, spread=0.10),
    Lamp((-25.0, 6.4, 41.6), WARM, spread=0.10),
    Lamp((-2.5, 7.6, 5.5), (34.0, 52.0, 64.0), aim=(0.0, -0.90, 0.43), spread=0.35),
)
SKYLIGHT = (0.011, 0.0095, 0.0075)
WALL_Z, HOUSE_Z = 53.0, 66.0


@dataclass(frozen=True)
class FarWalk:
    """Somebody far away, ``height`` of the picture's height tall, crosses from left to right in the back of the car park."""

    start: float
    height: float = 0.035
    speed: float = 1.55
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
    pause: float = 7.0
    z: float = 14.2
    speed: float = 1.45
    stop_x: float = -3.2
    reach: float = 15.5
    clothes: Clothes = Clothes(top=(0.10, 0.05, 0.035), legs=(0.13, 0.12, 0.11))
    name: str = "near person"


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
WHOLE_NIGHT: tuple[Doing, ...] = (FarWalk(11.0), CarArrives(37.0), LampOut(55.5), NearWalk(66.0))

PARKED = (
    Car(-13.1, 20.2, 0.02, (0.10, 0.10, 0.11)),
    Car(-10.2, 20.4, np.pi, (0.30, 0.06, 0.04), length=4.0, cabin=-0.45, cabin_length=2.7, roof=1.5),
    Car(-4.6, 20.1, -0.02, (0.42, 0.42, 0.42), length=4.5),
    Car(9.3, 20.3, 0.0, (0.03, 0.03, 0.16), length=4.1, cabin=-0.4, cabin_length=2.8, roof=1.52),
    Car(14.9, 20.0, np.pi + 0.02, (0.035, 0.03, 0.03), length=4.7),
    Car(-15.6, 31.3, 0.0, (0.35, 0.36, 0.37)),
    Car(-7.3, 31.2, np.pi, (0.05, 0.09, 0.05), length=4.6),
    Car(-1.8, 31.4, 0.0, (0.25, 0.20, 0.13), length=4.0, cabin=-0.4, cabin_length=2.7, roof=1.5),
    Car(6.6, 31.2, 0.03, (0.02, 0.02, 0.025), length=4.6),
    Car(17.7, 31.4, np.pi, (0.36, 0.35, 0.33), length=4.2),
    Car(-10.4, 36.6, 0.0, (0.06, 0.06, 0.30)),
    Car(3.8, 36.5, np.pi, (0.20, 0.21, 0.22), length=4.4),
    Car(12.2, 38.0, np.pi, (0.48, 0.48, 0.46), length=5.4, roof=2.5),
    Car(20.6, 36.7, 0.0, (0.13, 0.05, 0.03)),
)


@dataclass(frozen=True)
class Still:
    """The static part, traced once: light per lamp and of the sky, and what lies where, for shading and hiding what moves."""

    per_lamp: tuple[Floats, ...]
    glows: tuple[Floats, ...]
    constant: Floats
    depth: Floats
    normal: Floats
    colour: Floats


@dataclass(frozen=True)
class CarPark:
    """The scene. Times in seconds, ``noise`` in grey levels of 255, ``drift`` the share by which the light slowly swells and fades."""

    width: int = 960
    height: int = 540
    fps: float = 10.0
    duration: float = 96.0
    noise: float = 2.2
    drift: float = 0.05
    clock: bool = True
    seed: int = 7
    doings: tuple[Doing, ...] = WHOLE_NIGHT
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
        return [index / self.fps for index in range(round(self.duration * self.fps) + 1)]

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
                layer, cast, light = drawn_car(self.camera, car)
                layers.append((car.z, layer))
                shadows += cast
                extra += [] if light is None else [light]
            else:
                pose = far_pose(self.camera, doing, time) if isinstance(doing, FarWalk) else near_pose(doing, time)
                if pose is None:
                    continue
                rods = figure(pose, doing.clothes)
                lit_by = (
                    *LAMPS,
                    *(
                        lamp
                        for other in present
                        if isinstance(other, CarArrives)
                        for lamp in headlights(arriving_car(other, time))
                    ),
                )
                layers.append((pose.z, drawn_person(self.camera, rods, still, gains, lit_by)))
                shadows += person_shadows(self.camera, rods)
        lights = list(still.per_lamp)
        for lamp, box, kept in shadows:
            lights[lamp] = lights[lamp].copy()
            # A shadow lies on the ground only: what stands between it and the camera keeps its light.
            lights[lamp][box.slices] *= kept[..., None]
        picture = still.constant.copy()
        for lamp, gain in enumerate(gains):
            if gain > 0:
                picture += gain * (lights[lamp] + still.glows[lamp])
        for light in extra:
            picture += light
        for _, layer in sorted(layers, key=lambda item: -item[0]):
            layer.over(picture)
            for glow in layer.glow:
                picture += glow
        picture *= np.float32(1 + self.drift * np.sin(2 * np.pi * time / 41.0))
        return np.asarray(np.clip(tone(bloomed(picture), 1.15) + 0.5, 0, 255), np.uint8)

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


LIGHTS_AFTER = 1.6
"""Seconds between standing still and the lights going out."""


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
    straight, turn, way_in = drive_path(doing)
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


def ground_shadow(lamp: Lamp, points: Floats, height: float = 0.0) -> Floats:
    """Where the shadows of points fall on the ground, at most 14 m from under them."""
    top = lamp.origin
    share = np.minimum((top[1] - height) / np.maximum(top[1] - points[:, 1], 0.4), 6.0)
    ground = top + (points - top) * share[:, None]
    ground[:, 1] = 0
    away = ground - points
    return np.asarray(points + away * np.minimum(1, 14 / (np.linalg.norm(away, axis=1) + 1e-6))[:, None], np.float32)


def ground_rays(camera: Camera, lamp: Lamp, box: Box) -> tuple[Floats, Floats, Floats, Floats]:
    """The ground points seen in a box of pixels, the unit rays to them from the lamp, their length, and where ground is."""
    rays = camera.rays(box)
    down = rays[..., 1] < -1e-3
    t = np.where(down, -camera.position[1] / np.minimum(rays[..., 1], -1e-3), 0)
    point = (camera.origin + rays * t[..., None]).reshape(-1, 3)
    towards = point - lamp.origin
    length = np.sqrt(np.einsum("mi,mi->m", towards, towards))
    return point, (towards / length[:, None]).astype(np.float32), length.astype(np.float32), down


def person_shadows(camera: Camera, rods: Capsules) -> list[tuple[int, Box, Floats]]:
    """How much of each lamp's light a figure leaves to the ground: (lamp, pixels, share)."""
    result = []
    ends, radii = rods.ends()
    for index, lamp in enumerate(LAMPS):
        feet = ends[ends[:, 1].argmin()]
        if lamp.arriving(feet)[1] * max(lamp.colour) < 0.03:
            continue
        box = camera.box_around(np.concatenate([ground_shadow(lamp, ends), ends * np.array([1, 0, 1], np.float32)]), 0.15)
        if box.empty:
            continue
        _, rays, length, down = ground_rays(camera, lamp, box)
        distance, _ = hit_capsules(lamp.origin, rays, rods)
        kept = np.where(distance < length - 0.03, np.float32(0.12), np.float32(1)).reshape(down.shape)
        result.append(
            (index, box, cv2.GaussianBlur(kept, (0, 0), 0.8) * only_ground(camera, box) + (1 - only_ground(camera, box)))
        )
    return result


def only_ground(camera: Camera, box: Box) -> Floats:
    """One where the static scene shows the ground, zero elsewhere."""
    rays = camera.rays(box)
    height = camera.position[1] + rays[..., 1] * traced(camera).depth[box.slices]
    return (np.abs(height) < 0.06).astype(np.float32)


def blocked(lamp: Lamp, rays: Floats, length: Floats, car: Car) -> Floats:
    """Which rays from the lamp a car stops before ``length``."""
    origin, own = car.local(lamp.origin), car.local(rays, turn_only=True)
    stopped = np.zeros(len(rays), bool)
    for low, high in car.blocks():
        enter, leave = hit_block(origin, own, low, high)
        stopped |= (enter < leave) & (leave > 0) & (enter < length - 0.02)
    return stopped.astype(np.float32)


@lru_cache(maxsize=4)
def drawn_car(camera: Camera, car: Car) -> tuple[Layer, list[tuple[int, Box, Floats]], Floats | None]:
    """A moving car: itself, the shadows it casts, and what its headlights light."""
    still = traced(camera)
    beams = headlights(car)
    box = car.box(camera)
    surface = car.surface(camera.origin, camera.rays(box, 2).reshape(-1, 3)) if not box.empty else None
    gains = np.ones(len(LAMPS), np.float32)
    layer = Layer(box, np.zeros((0, 0, 3), np.float32), np.zeros((0, 0), np.float32))
    if surface is not None:
        layer = laid(camera, box, surface, still, gains, LAMPS, 2)
    glows = []
    for side in (-1, 1):
        for front, size, colour in ((True, 0.05, (0.85, 0.95, 0.95)), (False, 0.026, (0.03, 0.05, 0.9))):
            strength = car.lights if front else 0.35 * car.lights + 0.8 * car.brakes
            at = np.array(car.lamp_at(side, front=front), np.float32)
            ahead = np.array([np.sin(car.heading), 0, np.cos(car.heading)], np.float32) * (1 if front else -1)
            facing = float(ahead @ normalised(camera.origin - at))
            if strength and facing > 0:
                star = halo(camera, (float(at[0]), float(at[1]), float(at[2])), size)
                glows.append(
                    star[..., None] * np.array(colour, np.float32) * np.float32(strength * min(1.0, facing * 1.6) * 0.55)
                )
    layer = Layer(layer.box, layer.light, layer.cover, tuple(glows))
    shadows = []
    corners = car.world(np.array([(x, y, z) for x in (-0.9, 0.9) for y in (0.2, car.roof) for z in (-2.2, 2.2)], np.float32))
    for index, lamp in enumerate(LAMPS):
        if lamp.arriving(corners[0])[1] * max(lamp.colour) < 0.02:
            continue
        cast = camera.box_around(np.concatenate([ground_shadow(lamp, corners), corners * np.array([1, 0, 1], np.float32)]), 0.2)
        if cast.empty:
            continue
        _, rays, length, down = ground_rays(camera, lamp, cast)
        kept = 1 - 0.9 * blocked(lamp, rays, length, car).reshape(down.shape)
        ground = only_ground(camera, cast)
        shadows.append((index, cast, np.asarray(cv2.GaussianBlur(kept, (0, 0), 1.4) * ground + 1 - ground, np.float32)))
    light = lit_by_beams(camera, still, beams) if beams else None
    return layer, shadows, light


def lit_by_beams(camera: Camera, still: Still, beams: list[Lamp]) -> Floats:
    """What headlights add to the static scene, the parked cars' shadows included."""
    rays = camera.rays()
    point = camera.origin + rays * np.minimum(still.depth, 300)[..., None]
    total = np.zeros_like(still.colour)
    for beam in beams:
        _, strength = beam.arriving(point)
        near = (strength > 2e-5) & (still.depth < 200)
        if not near.any():
            continue
        towards, strength = beam.arriving(point[near])
        # Rough asphalt throws grazing light back better than Lambert's law says.
        facing = np.maximum(np.einsum("mi,mi->m", still.normal[near], towards), 0) ** 0.7
        length = np.sqrt(((point[near] - beam.origin) ** 2).sum(-1)).astype(np.float32)
        free = np.ones(len(length), np.float32)
        for car in PARKED:
            if abs(car.x - beam.position[0]) < 25 and abs(car.z - beam.position[2]) < 25:
                free *= 1 - blocked(beam, -towards, length - 0.35, car)
        total[near] += still.colour[near] * np.array(beam.colour, np.float32) * (facing * strength * free)[:, None]
    return np.asarray(cv2.GaussianBlur(total, (0, 0), 0.9), np.float32)


def laid(
    camera: Camera, box: Box, surface: Surface, still: Still, gains: Floats, lamps: Sequence[Lamp], oversample: int
) -> Layer:
    """A surface shaded by the lamps, hidden where the static scene stands before it, averaged into pixels."""
    shape = ((box.y1 - box.y0) * oversample, (box.x1 - box.x0) * oversample)
    depth = np.repeat(np.repeat(still.depth[box.slices], oversample, 0), oversample, 1).reshape(-1)
    shows = surface.distance < np.minimum(depth, FAR / 2)
    light = np.zeros((len(depth), 3), np.float32)
    if shows.any():
        rays = camera.rays(box, oversample).reshape(-1, 3)[shows]
        light[shows] = lit(
            camera.origin + rays * surface.distance[shows, None], surface.normal[shows], surface.colour[shows], surface.shine[shows],
            rays, lamps, [*gains, *[1.0] * (len(lamps) - len(gains))],
        ) + surface.glow[shows]  # fmt: skip
    return Layer(
        box, averaged(light.reshape(*shape, 3), oversample), averaged(shows.reshape(shape).astype(np.float32), oversample)
    )


def lit(
    point: Floats, normal: Floats, colour: Floats, shine: Floats, rays: Floats, lamps: Sequence[Lamp], gains: Sequence[float]
) -> Floats:
    """The light that points of a thing send to the camera, with a reflection of the night sky in what shines."""
    up = 0.55 + 0.45 * normal[:, 1:2]
    mirrored = rays[:, 1] - 2 * np.einsum("mi,mi->m", rays, normal) * normal[:, 1]
    edge = (1 - np.clip(-np.einsum("mi,mi->m", rays, normal), 0, 1)) ** 4
    sky = np.clip(mirrored, 0, 1) ** 0.5 * (0.06 + 0.6 * edge) * shine
    total = colour * np.array(SKYLIGHT, np.float32) * up * 4 + sky[:, None] * np.array([0.055, 0.050, 0.046], np.float32)
    for lamp, gain in zip(lamps, gains, strict=True):
        if gain > 0:
            diffuse, mirror = shade(point, normal, rays, lamp, gloss=70.0)
            total += (
                np.float32(gain)
                * np.array(lamp.colour, np.float32)
                * (colour * diffuse[:, None] + (2.2 * shine * mirror)[:, None])
            )
    return np.asarray(total, np.float32)


def drawn_person(camera: Camera, rods: Capsules, still: Still, gains: Floats, lamps: Sequence[Lamp]) -> Layer:
    """A figure, four by four samples to a pixel when it is small."""
    ends, radii = rods.ends()
    box = camera.box_around(ends, radii)
    if box.empty:
        return Layer(box, np.zeros((0, 0, 3), np.float32), np.zeros((0, 0), np.float32))
    oversample = 4 if box.y1 - box.y0 < 60 else 2
    surface = surface_of_capsules(camera.origin, camera.rays(box, oversample).reshape(-1, 3), rods)
    return laid(camera, box, surface, still, gains, lamps, oversample)


@lru_cache(maxsize=4)
def traced(camera: Camera) -> Still:
    """Trace the static scene; see ``samples.ground`` for what stands in it."""
    from samples.ground import trace

    return trace(camera)
