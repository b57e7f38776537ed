"""Who and what comes by: each actor draws itself at any time and states, as truth, when it was in sight."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from videoscan.testing.disturbances.figures import WIDTH, bag, car, person
from videoscan.testing.disturbances.planes import Plane, plane
from videoscan.testing.disturbances.stage import Pillar, Stage, feet
from videoscan.testing.disturbances.truth import Event, Stretch

if TYPE_CHECKING:
    from videoscan.model import Box

PACE = 0.82
"""Body heights per second: 1.4 m/s for 1.7 m."""


class Actor(Protocol):
    """Something that happens in front of the stage."""

    @property
    def event(self) -> Event:
        """The truth about it."""
        ...

    @property
    def busy(self) -> tuple[Stretch, ...]:
        """When it moves or appears, so that the scene is not quiet."""
        ...

    def draw(self, canvas: Plane, stage: Stage, time: float) -> None:
        """Lay it over the canvas, light and camera not yet applied; minus infinity is before anything happened."""
        ...


@dataclass(frozen=True, slots=True)
class Walker:
    """Somebody who comes out from behind one pillar and goes behind another, or stands a while and goes back.

    `left` and `right` are the columns (shares) between which they can be seen, `step` the direction: 1 to the right, -1 to the left.
    With `stand` seconds they come out, stand and go back behind the pillar they came from.
    """

    start: float
    seconds: float
    height: float
    left: float
    step: int
    contrast: float
    shade: float
    aspect: float
    stand: float = 0.0
    inside: bool = False

    @property
    def half(self) -> float:
        """Half the width, in shares of the picture's width."""
        return WIDTH / 2 * self.height / self.aspect

    @property
    def speed(self) -> float:
        """Shares of the picture's width per second."""
        return PACE * self.height / self.aspect

    @property
    def right(self) -> float:
        """The right end of what can be seen."""
        return self.left + 2 * self.half + self.speed * (self.seconds - self.stand) / (2 if self.stand else 1)

    @property
    def emerging(self) -> float:
        """Seconds from the first of them to be seen to all of them."""
        return 2 * self.half / self.speed

    def centre(self, time: float) -> float | None:
        """Where the middle of them is, in shares of the width; `None` while they are out of sight."""
        since = time - self.start
        if not -self.emerging < since < self.seconds + self.emerging:
            return None
        walk = (self.seconds - self.stand) / (2 if self.stand else 1)
        along = self.speed * (min(since, walk) - max(0.0, since - walk - self.stand) if self.stand else since)
        return self.left + self.half + along if self.step > 0 else self.right - self.half - along

    def box(self, time: float) -> Box:
        """Around them, in shares of the picture; as they come out before, as they go after."""
        middle = self.centre(min(max(time, self.start), self.start + self.seconds))
        assert middle is not None
        low = feet(self.height)
        return (middle - self.half, low - self.height, middle + self.half, low)

    @property
    def pillars(self) -> tuple[Pillar, ...]:
        """What they come out from behind and go behind."""
        low, wide = feet(self.height) + 0.004, 2.4 * self.half
        sides = [self.left - wide, self.right] if not self.stand else [self.left - wide if self.step > 0 else self.right]
        return tuple(Pillar((x, low - 1.25 * self.height, x + wide, low)) for x in sides)

    @property
    def event(self) -> Event:
        """See `Actor`."""
        end = self.start + self.seconds
        what = f"a person of {self.height:.0%} of the picture's height " + ("stands for a while" if self.stand else "walks by")
        return Event(
            what, "stand" if self.stand else "walk", self.start, end, self.start - self.emerging, end + self.emerging, self.height,
            self.contrast, self.box(self.start), self.inside,
        )  # fmt: skip

    @property
    def busy(self) -> tuple[Stretch, ...]:
        """See `Actor`."""
        return ((self.event.appears, self.event.gone),)

    def draw(self, canvas: Plane, stage: Stage, time: float) -> None:
        """See `Actor`."""
        middle = self.centre(time)
        if middle is None:
            return
        walked = abs(middle - (self.left if self.step > 0 else self.right)) * self.aspect / self.height
        standing = (
            self.stand and self.start + (self.seconds - self.stand) / 2 < time < self.start + (self.seconds + self.stand) / 2
        )
        # A pace is 0.45 body heights; a phase runs over two of them.
        phase = 0 if standing else round(walked / 0.9 * 16) % 16
        dress = 0.12 * self.contrast
        drawn = person(self.height * stage.height, phase, self.shade + dress, self.shade - dress, self.shade)
        left = stage.x(self.left) if not self.stand or self.step > 0 else -math.inf
        right = stage.x(self.right) if not self.stand or self.step < 0 else math.inf
        drawn.over(canvas, stage.x(middle), stage.y(feet(self.height)), left=left, right=right)


@dataclass(frozen=True, slots=True)
class Bag:
    """A bag that somebody puts down and leaves: `height` is its own, `owner` the person's."""

    start: float
    duration: float
    height: float
    owner: float
    x: float
    contrast: float
    shade: float
    aspect: float

    @property
    def event(self) -> Event:
        """See `Actor`."""
        low, half = feet(self.owner), 0.65 * self.height / self.aspect
        box = (self.x - half, low - 1.1 * self.height, self.x + half, low)
        end = self.duration
        what = f"a bag of {self.height:.1%} of the picture's height is put down and left"
        return Event(what, "object", self.start, end, self.start, end, self.height, self.contrast, box, lasting=True)

    @property
    def busy(self) -> tuple[Stretch, ...]:
        """See `Actor`."""
        return ((self.start, self.start + 0.5),)

    def draw(self, canvas: Plane, stage: Stage, time: float) -> None:
        """See `Actor`."""
        if time >= self.start:
            bag(self.height * stage.height, self.shade).over(canvas, stage.x(self.x), stage.y(feet(self.owner)))


@dataclass(frozen=True, slots=True)
class Car:
    """A parked car that drives off and out of the picture on the right, gaining speed all the way."""

    start: float
    seconds: float
    height: float
    x: float
    y: float
    contrast: float
    shade: float
    aspect: float

    @property
    def event(self) -> Event:
        """See `Actor`."""
        half = 1.5 * self.height / self.aspect
        box = (self.x - half, self.y - self.height, self.x + half, self.y)
        end = self.start + self.seconds
        return Event("a parked car drives off", "car", self.start, end, self.start, end, self.height, self.contrast, box)

    @property
    def busy(self) -> tuple[Stretch, ...]:
        """See `Actor`."""
        return ((self.start, self.start + self.seconds),)

    def draw(self, canvas: Plane, stage: Stage, time: float) -> None:
        """See `Actor`."""
        along = min(1.0, max(0.0, (time - self.start) / self.seconds))
        if along < 1:
            beyond = 1.0 + 2.0 * self.height / self.aspect - self.x
            drawn = car(round(self.height * stage.height), self.shade)
            drawn.over(canvas, stage.x(self.x + beyond * along**1.6), stage.y(self.y))


@dataclass(frozen=True, slots=True)
class LitWindow:
    """The light in a window goes on and, `seconds` later, off; it spills a little on the wall around it."""

    start: float
    seconds: float
    box: Box
    contrast: float

    @property
    def event(self) -> Event:
        """See `Actor`."""
        end = self.start + self.seconds
        height = self.box[3] - self.box[1]
        return Event(
            "the light in a window goes on, and later off",
            "light",
            self.start,
            end,
            self.start,
            end,
            height,
            self.contrast,
            self.box,
        )

    @property
    def busy(self) -> tuple[Stretch, ...]:
        """See `Actor`."""
        return ((self.start, self.start + 0.5), (self.start + self.seconds, self.start + self.seconds + 0.5))

    def draw(self, canvas: Plane, stage: Stage, time: float) -> None:
        """See `Actor`."""
        if not self.start <= time < self.start + self.seconds:
            return
        pane = canvas[stage.part(self.box)]
        pane += plane(np.linspace(self.contrast * 1.15, self.contrast * 0.85, pane.shape[0])[:, None])
        x0, y0, x1, y1 = self.box
        around = stage.part((x0 - 0.03, y0 - 0.03, x1 + 0.03, y1 + 0.03))
        down, across = np.mgrid[around].astype(np.float32)
        away = ((across - stage.x((x0 + x1) / 2)) / (0.02 * stage.width)) ** 2 + (
            (down - stage.y((y0 + y1) / 2)) / (0.05 * stage.height)
        ) ** 2
        canvas[around] *= 1 + 0.12 * np.exp(-away)
