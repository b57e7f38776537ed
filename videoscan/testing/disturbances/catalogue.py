"""The scenes by name: which disturbance goes on all along, who comes by, and when."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from videoscan.testing.disturbances.cast import Actor, Bag, Car, LitWindow, Walker
from videoscan.testing.disturbances.lens import Clock, Infrared, Insects, Noise, Rain, Shake, Snow, Web
from videoscan.testing.disturbances.light import Clouds, Drift, Exposure, Headlights, Lamp, Light
from videoscan.testing.disturbances.scene import Coding, Scene
from videoscan.testing.disturbances.scenery import Flag, Scenery, Screen, Sign, Tree, Water, inside
from videoscan.testing.disturbances.stage import bare, feet, with_pillars
from videoscan.testing.disturbances.truth import Event, Stretch, Truth, quiet_between

if TYPE_CHECKING:
    from collections.abc import Sequence

    from videoscan.model import Box
    from videoscan.testing.disturbances.lens import Air
    from videoscan.testing.disturbances.stage import Plane, Stage

SECONDS = 330.0
FIRST = 45.0
"""When the first event begins: until then a deduplicator may learn."""
GAP = (11.0, 17.0)
"""Seconds of quiet between one event and the next, at least and at most."""
KNOCK = 0.55
LAMP = (0.30, 0.62)
INFRARED = (0.36, 0.78)
"""When those happen, in shares of the scene."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What a scene is made of; all defaults: the calm one. Lengths of time are in seconds, `noise` in grey levels."""

    about: str
    noise: float = 1.0
    night: bool = False
    lights: tuple[str, ...] = ()
    air: tuple[str, ...] = ()
    scenery: tuple[str, ...] = ()
    shake: Shake | None = None
    knock: bool = False
    infrared: bool = False
    clocks: tuple[Clock, ...] = ()
    coded: str | None = None


DATE = "%Y-%m-%d %H:%M:%S"
SMALL_CLOCK = Clock(DATE, 0.012, 0.012, 0.016)

KINDS: dict[str, Kind] = {
    "calm": Kind("nothing but a good sensor's noise of 1 grey level"),
    "noise-2": Kind("sensor noise of 2 grey levels", noise=2),
    "noise-4": Kind("sensor noise of 4 grey levels", noise=4),
    "noise-8": Kind("sensor noise of 8 grey levels", noise=8),
    "noise-16": Kind("sensor noise of 16 grey levels", noise=16),
    "noise-8-coded": Kind("sensor noise of 8 grey levels, then H.264 at a camera's rate", noise=8, coded="fair"),
    "dawn": Kind("the light swings by 30 % to either side in five minutes", lights=("drift",)),
    "clouds": Kind("shadows of clouds pass in three seconds, a third darker", lights=("clouds",)),
    "headlights": Kind("headlights sweep across", noise=2, night=True, lights=("headlights",)),
    "exposure": Kind("the exposure hunts by 18 %", lights=("exposure",)),
    "lamp": Kind("a street lamp is switched on and off, and that is an event", noise=2, night=True, lights=("lamp",)),
    "infrared": Kind("the camera goes over to infrared and back", noise=2, infrared=True),
    "jitter": Kind("the camera trembles by up to 1 pixel at 720 rows", shake=Shake(1.0)),
    "shake": Kind("the camera swings by up to 3 pixels at 720 rows", shake=Shake(3.0)),
    "gusts": Kind("the camera swings by up to 3 pixels in gusts", shake=Shake(3.0, gusty=True)),
    "knock": Kind("the camera is knocked and stays turned aside, and that is an event", knock=True),
    "rain": Kind("rain", air=("rain",)),
    "snow": Kind("snow", air=("snow",)),
    "insects": Kind("insects near the lens", noise=2, night=True, air=("insects",)),
    "web": Kind("a lit spider's web in front of the lens", noise=2, night=True, air=("web",)),
    "pumping": Kind("H.264 at a low rate, a coarse keyframe every ten seconds", noise=2, coded="pumping"),
    "pumping-hevc": Kind("HEVC at a low rate, a coarse keyframe every eight seconds", noise=2, coded="pumping-hevc"),
    "clock": Kind("date and seconds in a corner", clocks=(SMALL_CLOCK,)),
    "clock-large": Kind("date and seconds, white on black, on 6 % of the picture", clocks=(Clock(DATE, 0.06, 0.02, 0.86, plate=True),)),
    "clock-hundredths": Kind("hundredths of seconds", clocks=(Clock("%H:%M:%S.%f", 0.025, 0.70, 0.92),)),
    "clocks": Kind("two clocks", clocks=(SMALL_CLOCK, Clock("CAM 04  %H:%M:%S.%f", 0.03, 0.60, 0.92, plate=True))),
    "tree": Kind("a tree sways on a fifth of the picture", scenery=("tree",)),
    "water": Kind("waves on a canal, an eighth of the picture", scenery=("water",)),
    "screen": Kind("a large screen plays films", scenery=("screen",)),
    "blinking": Kind("three signs blink, once in 0.8, 2 and 3.3 s", scenery=("sign-0.8", "sign-2", "sign-3.3")),
    "blinking-slowly": Kind(
        "a sign blinks once in 1.05 s: at one sample a second, once in 21 s; another once in 7 s", scenery=("sign-1.05", "sign-7")
    ),
    "flag": Kind("a flag waves", scenery=("flag",)),
    "night-rain": Kind("night, noise of 4, rain, a clock", noise=4, night=True, air=("rain",), clocks=(SMALL_CLOCK,)),
    "storm": Kind("gusts shake the camera and a tree, in rain, coded", noise=2, air=("rain",), scenery=("tree",), shake=Shake(2.0, gusty=True), coded="fair"),
    "dusk": Kind(
        "light fades and comes back, insects, noise of 8, two clocks", noise=8, lights=("drift",), air=("insects",),
        clocks=(SMALL_CLOCK, Clock("%H:%M:%S", 0.02, 0.8, 0.92, plate=True)),
    ),
    "winter": Kind("snow, a trembling camera, noise of 4, infrared and back", noise=4, air=("snow",), shake=Shake(0.8), infrared=True),
}  # fmt: skip

BOXES: dict[str, Box] = {
    "tree": (0.56, 0.06, 0.92, 0.60),
    "water": (0.0, 0.355, 0.60, 0.56),
    "screen": (0.56, 0.33, 0.76, 0.50),
    "flag": (0.52, 0.31, 0.66, 0.46),
    "sign-0.8": (0.50, 0.34, 0.55, 0.39),
    "sign-2": (0.70, 0.36, 0.78, 0.42),
    "sign-3.3": (0.30, 0.30, 0.33, 0.38),
    "sign-1.05": (0.56, 0.35, 0.66, 0.42),
    "sign-7": (0.30, 0.30, 0.33, 0.36),
}
_ROOM = ((0.05, 0.46), (0.50, 0.95))


def names() -> tuple[str, ...]:
    """All scenes, the calm one first."""
    return tuple(KINDS)


def about(name: str) -> str:
    """What goes on in a scene all along, in words."""
    return _kind(name).about


def scene(name: str, *, seed: int = 1, size: tuple[int, int] = (1280, 720), seconds: float = SECONDS) -> Scene:
    """Make a scene. `size` is width and height, both even, 160 x 90 at least; shorter scenes have fewer events.

    Raises `ValueError` for an unknown name, an odd size, or less than ten seconds.
    """
    kind = _kind(name)
    width, height = size
    if width % 2 or height % 2 or width < 160 or height < 90:
        raise ValueError(f"a scene's width and height must be even and at least 160 x 90, not {width} x {height}")
    if seconds < 10:
        raise ValueError(f"a scene must last ten seconds at least, not {seconds:g}")
    empty = bare(width, height, seed, night=kind.night)
    nothing = np.zeros_like(empty.luma)
    parts = [_scenery(part, empty, nothing, seed, seconds) for part in kind.scenery]
    cast = _cast(empty, parts, seed, seconds, width / height)
    stage, pillars = with_pillars(
        empty, [pillar for actor in cast if isinstance(actor, Walker) for pillar in actor.pillars], seed
    )
    scenery = tuple(_scenery(part, stage, pillars, seed, seconds) for part in kind.scenery)
    random = np.random.default_rng([seed, 5])
    lamps = (Lamp(tuple(share * seconds for share in LAMP), 0.28, 0.52),) if "lamp" in kind.lights else ()
    shake = kind.shake
    events, busy = [actor.event for actor in cast], [span for actor in cast for span in actor.busy]
    if kind.knock:
        shake = Shake(0.0, knock=_in_a_gap(busy, KNOCK * seconds, 3.0))
        events.append(_whole("the camera is knocked and stays turned aside", "knock", shake.knock, seconds, lasting=True))
        busy.append((shake.knock, shake.knock + 2.0))
    for lamp in lamps:
        on, off = (_in_a_gap(busy, at, 3.0) for at in lamp.times)
        lamps = (Lamp((on, off), lamp.x, lamp.y),)
        events.append(_whole("a street lamp goes on, and later off", "lamp", on, off))
        busy += [(on, on + 0.5), (off, off + 0.5)]
    infrared = None
    if kind.infrared:
        on, off = (_in_a_gap(busy, share * seconds, 3.0) for share in INFRARED)
        infrared = Infrared(((on, off),))
        for at, what in ((on, "goes over to infrared"), (off, "comes back from infrared")):
            events.append(_whole(f"the camera {what}", "infrared", at, at + 1.0, minor=True))
            busy.append((at, at + 1.0))
    truth = Truth(name, seed, seconds, tuple(sorted(events, key=lambda event: event.start)), quiet_between(busy, seconds))
    return Scene(
        name, stage, truth, tuple(cast), Noise(kind.noise, seed), scenery,
        lights=tuple(_light(light, random, seconds) for light in kind.lights if light != "lamp"), lamps=lamps,
        air=tuple(_air(thing, random, stage, seed, seconds) for thing in kind.air),
        shake=shake, infrared=infrared, clocks=kind.clocks, coding=_coding(kind.coded, size),
    )  # fmt: skip


def _kind(name: str) -> Kind:
    if name not in KINDS:
        raise ValueError(f"there is no scene {name!r}; there are {', '.join(KINDS)}")
    return KINDS[name]


def _whole(what: str, kind: str, start: float, end: float, *, minor: bool = False, lasting: bool = False) -> Event:
    return Event(what, kind, start, end, start, end, 1.0, 0.0, (0.0, 0.0, 1.0, 1.0), minor=minor, lasting=lasting)


def _in_a_gap(busy: Sequence[Stretch], time: float, room: float) -> float:
    """The first time from `time` on with `room` quiet seconds on either side."""
    while any(start - room < time < end + room for start, end in busy):
        time += 0.37
    return time


def _cast(stage: Stage, parts: Sequence[Scenery], seed: int, seconds: float, aspect: float) -> list[Actor]:
    """Who comes by, one after the other; every other walker in front of what moves, where something does."""
    random = np.random.default_rng([seed, 4])
    drawn = stage.luma.copy()
    for part in parts:
        part.draw(drawn, 0.0)
    wanted: list[tuple[str, float, float, float]] = [  # kind, height, seconds, contrast
        ("walk", 0.02, 3.0, 45), ("walk", 0.05, 3.0, -38), ("stand", 0.03, 14.0, -42), ("walk", 0.15, 4.0, -32),
        ("walk", 0.02, 3.0, -40), ("bag", 0.10, 8.0, 48), ("walk", 0.03, 3.0, 30), ("car", 0.075, 4.5, 60),
        ("light", 0.084, 24.0, 60), ("walk", 0.10, 3.0, 22), ("walk", 0.02, 3.0, 34), ("stand", 0.02, 12.0, -45),
        ("walk", 0.03, 3.0, -25), ("walk", 0.05, 3.0, 50),
    ]  # fmt: skip
    cast: list[Actor] = []
    at, number = FIRST if seconds >= 120 else seconds / 4, 0
    for what, height, lasting, contrast in itertools.cycle(wanted):
        at += float(random.uniform(0, 1))
        if at + lasting + 4 > seconds:
            break
        if what == "car":
            if any(isinstance(actor, Car) for actor in cast):
                continue
            shade = _shade(drawn, stage, (0.62, 0.70, 0.86, 0.80), contrast)
            cast.append(Car(at, lasting, height, 0.74, 0.79, shade[1], shade[0], aspect))
        elif what == "light":
            box = (0.351, 0.053, 0.387, 0.137)
            cast.append(LitWindow(at, lasting, box, contrast))
        else:
            within = number % 2 == 0 and bool(parts) and what == "walk"
            number += what == "walk"
            walker = _walker(
                drawn, stage, parts, random, at, lasting, height, contrast, aspect, stand=what != "walk", within=within
            )
            cast.append(walker)
            if what == "bag":
                cast.append(_bag(drawn, stage, walker, seconds, aspect))
        at += lasting + float(random.uniform(*GAP))
    return cast


def _walker(
    drawn: Plane, stage: Stage, parts: Sequence[Scenery], random: np.random.Generator, at: float, lasting: float, height: float,
    contrast: float, aspect: float, *, stand: bool, within: bool,
) -> Walker:  # fmt: skip
    step = 1 if random.random() < 0.5 else -1
    # Those who stand walk for two seconds before and after.
    waiting = max(0.0, lasting - 4.0) if stand else 0.0
    low, best = feet(height), None
    for attempt in range(200):
        x0, x1 = _ROOM[int(random.integers(2))] if height < 0.09 else (0.05, 0.55)
        trial = Walker(at, lasting, height, float(random.uniform(x0, x1)), step, contrast, 0.0, aspect, waiting)
        if trial.right > x1 + 0.02:
            continue
        box = (trial.left, low - height, trial.right, low)
        shade, found = _shade(drawn, stage, box, contrast)
        here = inside(box, parts)
        best = Walker(at, lasting, height, trial.left, step, found, shade, aspect, waiting, inside=here)
        if here == within or attempt == 199:
            break
    assert best is not None
    return best


def _bag(drawn: Plane, stage: Stage, owner: Walker, seconds: float, aspect: float) -> Bag:
    height = 0.25 * owner.height
    beyond = owner.half + 0.8 * height / aspect
    stop = owner.right - owner.half if owner.step > 0 else owner.left + owner.half
    x = stop + owner.step * beyond
    low = feet(owner.height)
    shade, contrast = _shade(drawn, stage, (x - 0.02, low - height, x + 0.02, low), -55)
    return Bag(owner.start + owner.seconds / 2, seconds, height, owner.height, x, contrast, shade, aspect)


def _shade(drawn: Plane, stage: Stage, box: Box, contrast: float) -> tuple[float, float]:
    """The shade that stands out from what is in a box by `contrast`, and the contrast: the other way where there is no room."""
    level = float(drawn[stage.part(box)].mean())
    if not 12 <= level + contrast <= 235:
        contrast = -contrast
    return level + contrast, contrast


def _scenery(name: str, stage: Stage, cover: Plane, seed: int, seconds: float) -> Scenery:
    box = BOXES[name]
    if name == "tree":
        return Tree(stage, box, cover, seed)
    if name == "water":
        return Water(stage, box, cover, seed)
    if name == "screen":
        return Screen(stage, box, cover, seed, seconds)
    if name == "flag":
        return Flag(stage, box, cover, seed)
    return Sign(stage, box, cover, period=float(name.removeprefix("sign-")))


def _light(name: str, random: np.random.Generator, seconds: float) -> Light:
    if name == "drift":
        return Drift(0.30, 300.0)
    if name == "clouds":
        return Clouds(tuple((at, float(random.uniform(6, 25))) for at in _moments(random, seconds, 32, 55)))
    if name == "headlights":
        return Headlights(tuple((at, int(random.choice([-1, 1]))) for at in _moments(random, seconds, 14, 32)))
    return Exposure(tuple(_moments(random, seconds, 15, 30)))


def _air(name: str, random: np.random.Generator, stage: Stage, seed: int, seconds: float) -> Air:
    if name == "rain":
        return Rain(420, seed)
    if name == "snow":
        return Snow(380, seed)
    if name == "web":
        return Web(stage.width, stage.height, seed)
    flights = _moments(random, seconds, 5, 17)
    return Insects(
        tuple((at, float(random.uniform(0.4, 2.2)), float(random.uniform(0.05, 0.14)), n) for n, at in enumerate(flights))
    )


def _moments(random: np.random.Generator, seconds: float, least: float, most: float) -> list[float]:
    """Moments in the scene, `least` to `most` seconds apart."""
    found = np.cumsum(random.uniform(least, most, int(seconds / least) + 1))
    return [float(at) for at in found if at < seconds]


def _coding(name: str | None, size: tuple[int, int]) -> Coding | None:
    pixels = size[0] * size[1]
    if name == "fair":
        return Coding(gop=20, fps=5, bitrate=round(0.30 * 5 * pixels))
    if name == "pumping":
        return Coding(gop=50, fps=5, bitrate=round(0.05 * 5 * pixels))
    if name == "pumping-hevc":
        return Coding(codec="libx265", gop=40, fps=5, bitrate=round(0.04 * 5 * pixels), preset="ultrafast")
    return None
