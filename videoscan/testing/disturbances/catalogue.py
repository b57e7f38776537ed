"""The scenes by name: which disturbance goes on all along, who comes by, and when."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from videoscan.testing.disturbances import script
from videoscan.testing.disturbances.cast import Walker
from videoscan.testing.disturbances.coding import Coded
from videoscan.testing.disturbances.lens import Clock, Infrared, Insects, Noise, Rain, Shake, Snow, Web
from videoscan.testing.disturbances.light import Clouds, Drift, Exposure, Headlights, Lamp, Light
from videoscan.testing.disturbances.scene import Scene
from videoscan.testing.disturbances.scenery import Flag, Scenery, Screen, Sign, Tree, Water
from videoscan.testing.disturbances.stage import bare, with_pillars
from videoscan.testing.disturbances.truth import Event, Stretch, Truth, quiet_between

if TYPE_CHECKING:
    from collections.abc import Sequence

    from videoscan.model import Box
    from videoscan.testing.disturbances.lens import Air
    from videoscan.testing.disturbances.planes import Plane
    from videoscan.testing.disturbances.stage import Stage

SECONDS = 380.0
SIZE, CODED_SIZE = (1280, 720), (960, 540)
"""Width and height of a scene unless another is asked for; coded ones are smaller, since coding is what takes the time."""
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
    lamp: bool = False
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
    "lamp": Kind("a street lamp is switched on and off, and that is an event", noise=2, night=True, lamp=True),
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

CODED = {
    "fair": Coded("libx264", 4.0, 0.30),
    "pumping": Coded("libx264", 10.0, 0.08),
    "pumping-hevc": Coded("libx265", 8.0, 0.06, "ultrafast", 2),
}

BOXES: dict[str, Box] = {
    "tree": (0.52, 0.02, 0.96, 0.66),
    "water": (0.0, 0.355, 0.60, 0.56),
    "screen": (0.56, 0.33, 0.76, 0.50),
    "flag": (0.52, 0.31, 0.66, 0.46),
    "sign-0.8": (0.50, 0.34, 0.55, 0.39),
    "sign-2": (0.70, 0.36, 0.78, 0.42),
    "sign-3.3": (0.30, 0.30, 0.33, 0.38),
    "sign-1.05": (0.56, 0.35, 0.66, 0.42),
    "sign-7": (0.30, 0.30, 0.33, 0.36),
}


def names() -> tuple[str, ...]:
    """All scenes, the calm one first."""
    return tuple(KINDS)


def about(name: str) -> str:
    """What goes on in a scene all along, in words."""
    return _kind(name).about


def scene(name: str, *, seed: int = 1, size: tuple[int, int] | None = None, seconds: float = SECONDS) -> Scene:
    """Make a scene; a short one has fewer events.

    `size` is width and height, both even, 160 x 90 at least, and 1280 x 720 (coded: 960 x 540) unless given.
    Raises `ValueError` for an unknown name, an odd size, or less than ten seconds.
    """
    kind = _kind(name)
    width, height = size or (CODED_SIZE if kind.coded else SIZE)
    if width % 2 or height % 2 or width < 160 or height < 90:
        raise ValueError(f"a scene's width and height must be even and at least 160 x 90, not {width} x {height}")
    if seconds < 10:
        raise ValueError(f"a scene must last ten seconds at least, not {seconds:g}")
    empty = bare(width, height, seed, night=kind.night)
    nothing = np.zeros_like(empty.luma)
    parts = [_scenery(part, empty, nothing, seed, seconds) for part in kind.scenery]
    cast = script.cast(empty, parts, seed, seconds)
    stage, pillars = with_pillars(
        empty, [pillar for actor in cast if isinstance(actor, Walker) for pillar in actor.pillars], seed
    )
    scenery = tuple(_scenery(part, stage, pillars, seed, seconds) for part in kind.scenery)
    switched = _switched(kind, [span for actor in cast for span in actor.busy], seconds)
    events = [switched.turned(actor.event, stage) for actor in cast] + list(switched.events)
    truth = Truth(
        name, seed, seconds, tuple(sorted(events, key=lambda event: event.start)), quiet_between(switched.busy, seconds)
    )
    random = np.random.default_rng([seed, 5])
    return Scene(
        name, stage, truth, tuple(cast), Noise(kind.noise, seed), scenery,
        lights=tuple(_light(light, random, seconds) for light in kind.lights), lamps=switched.lamps,
        air=tuple(_air(thing, random, stage, seed, seconds) for thing in kind.air),
        shake=switched.shake, infrared=switched.infrared, clocks=kind.clocks, coded=CODED[kind.coded] if kind.coded else None,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Switched:
    """What happens to the whole picture, in gaps between those who come by; `busy` is when anything at all happens."""

    lamps: tuple[Lamp, ...]
    shake: Shake | None
    infrared: Infrared | None
    events: tuple[Event, ...]
    busy: tuple[Stretch, ...]

    def turned(self, event: Event, stage: Stage) -> Event:
        """The event where the camera shows it: elsewhere once it has been knocked."""
        if self.shake is None or event.start < self.shake.knock:
            return event
        right, below = self.shake.turned[0] / 720 * stage.height / stage.width, self.shake.turned[1] / 720
        x0, y0, x1, y1 = event.box
        return replace(event, box=(x0 + right, y0 + below, x1 + right, y1 + below))


def _switched(kind: Kind, cast: Sequence[Stretch], seconds: float) -> _Switched:
    busy, events = list(cast), []
    lamps: tuple[Lamp, ...] = ()
    shake, infrared = kind.shake, None
    if kind.knock:
        shake = Shake(0.0, knock=_in_a_gap(busy, KNOCK * seconds))
        events.append(_whole("the camera is knocked and stays turned aside", "knock", shake.knock, seconds, lasting=True))
        busy.append((shake.knock, shake.knock + 2.0))
    if kind.lamp:
        on, off = (_in_a_gap(busy, share * seconds) for share in LAMP)
        lamps = (Lamp((on, off), 0.28, 0.52),)
        events.append(_whole("a street lamp goes on, and later off", "lamp", on, off))
        busy += [(on, on + 0.5), (off, off + 0.5)]
    if kind.infrared:
        on, off = (_in_a_gap(busy, share * seconds) for share in INFRARED)
        infrared = Infrared(((on, off),))
        for at, what in ((on, "goes over to infrared"), (off, "comes back from infrared")):
            events.append(_whole(f"the camera {what}", "infrared", at, at + 1.0, minor=True))
            busy.append((at, at + 1.0))
    return _Switched(lamps, shake, infrared, tuple(events), tuple(busy))


def _kind(name: str) -> Kind:
    if name not in KINDS:
        raise ValueError(f"there is no scene {name!r}; there are {', '.join(KINDS)}")
    return KINDS[name]


def _whole(what: str, kind: str, start: float, end: float, *, minor: bool = False, lasting: bool = False) -> Event:
    return Event(what, kind, start, end, start, end, 1.0, 0.0, (0.0, 0.0, 1.0, 1.0), minor=minor, lasting=lasting)


def _in_a_gap(busy: Sequence[Stretch], time: float) -> float:
    """The first time from `time` on with three quiet seconds on either side."""
    while any(start - 3 < time < end + 3 for start, end in busy):
        time += 0.37
    return time


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
