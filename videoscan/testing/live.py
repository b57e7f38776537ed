"""Made live sources on a clock of their own: a week passes in a minute, with whatever is to happen in it.

::

    clock = MadeClock(at("2026-03-01T22:00:00+00:00"))
    source = MadeSource(clock, seconds=8 * 3600, pictures=passing([(600, 620), (7200, 7230)]), gaps=[Gap(900, 960, "the camera was away")])
"""

from __future__ import annotations

import datetime as dt
import threading
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar

import cv2
import numpy as np

from videoscan.model import Camera, Condition, Frame, Gap, Heartbeat, SourceInfo
from videoscan.seams import AS_IT_IS
from videoscan.settings.options import Options
from videoscan.testing.scenes import ArrayPixels

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pydantic import BaseModel

    from videoscan.model import Gray, LiveItem, Recording
    from videoscan.seams import Sampler, Setting

WIDTH, HEIGHT = 320, 180


def at(text: str) -> float:
    """A wall time, ISO 8601, in seconds since 1970."""
    return dt.datetime.fromisoformat(text).timestamp()


class MadeClock:
    """A clock that only moves when it is told to, or when somebody waits for it. See `videoscan.seams.Clock`."""

    def __init__(self, wall: float) -> None:
        self._wall, self._passed = wall, 0.0
        self._guard = threading.Lock()

    def monotonic(self) -> float:
        """Seconds that have passed on it."""
        return self._passed

    def wall(self) -> float:
        """Seconds since 1970."""
        return self._wall + self._passed

    def set(self, wall: float) -> None:
        """Put it to a wall time: forward or back."""
        with self._guard:
            self._wall = wall - self._passed

    def pass_to(self, passed: float) -> None:
        """Let time pass, up to so many seconds since it was made; never back."""
        with self._guard:
            self._passed = max(self._passed, passed)

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Time passes; whether `event` is set."""
        self.pass_to(self._passed + max(0.0, seconds))
        return event.is_set()


def passing(
    visits: Sequence[tuple[float, float]], *, width: int = WIDTH, height: int = HEIGHT, seed: int = 1
) -> Callable[[float], Gray]:
    """Pictures by second of a still scene in which a bright square crosses during each ``[start, end)``."""
    random = np.random.default_rng(seed)
    coarse = np.asarray(random.integers(60, 160, (6, 10)), np.uint8)
    scene = np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)
    starts = np.array([start for start, _ in visits])
    side = height // 5

    def picture(second: float) -> Gray:
        place = int(np.searchsorted(starts, second, side="right")) - 1
        if place < 0 or second >= visits[place][1]:
            return scene
        start, end = visits[place]
        made = scene.copy()
        left = int((width - side) * (second - start) / max(end - start, 1e-9))
        made[height // 2 : height // 2 + side, left : left + side] = 230
        return made

    return picture


class MadeOptions(Options):
    """Nothing to choose."""


@dataclass(eq=False)
class MadeSource:
    """Serves made pictures, one every `every` seconds from `begins` for `seconds` (of the clock, from when it is opened).

    `gaps` and `conditions` count from when it is opened first; no picture comes in a gap. `pace` is called before each item, in the reader's
    thread: it may wait until whoever reads has caught up. `opened` are the settings it was opened with.
    """

    clock: MadeClock
    seconds: float
    pictures: Callable[[float], Gray]
    every: float = 1.0
    begins: float = 0.0
    gaps: Sequence[Gap] = ()
    conditions: Sequence[Condition] = ()
    pace: Callable[[], None] | None = None
    opened: list[Setting] = field(default_factory=list)

    Options: ClassVar[type[BaseModel]] = MadeOptions

    def open(self, uri: str, setting: Setting = AS_IT_IS) -> MadeFootage:
        """See `videoscan.seams.LiveSource`."""
        self.opened.append(setting)
        return MadeFootage(self, uri, setting)

    def cameras(self, uri: str) -> tuple[Camera, ...]:
        """One."""
        return (Camera("made", uri),)


class MadeFootage:
    """See `videoscan.seams.LiveFootage`."""

    def __init__(self, source: MadeSource, uri: str, setting: Setting) -> None:
        self._source, self._clock = source, source.clock
        now = self._clock.wall()
        self._zero = now if setting.zero is None else setting.zero
        self._base = max(now - self._zero, setting.seen)
        self._closed = threading.Event()
        self.decoded = 0
        height, width = source.pictures(0.0).shape
        moment = dt.datetime.fromtimestamp(self._zero, dt.UTC).isoformat()
        self.info = SourceInfo(uri, width, height, 1 / source.every, codec="made", clock=moment, live=True)

    def items(self, sampler: Sampler, *, duration: float | None = None) -> Iterator[LiveItem]:  # noqa: ARG002 - every picture is a sample
        """Pictures, heartbeats, gaps and conditions in order of time."""
        source, clock = self._source, self._clock
        began = clock.monotonic()
        end = source.seconds if duration is None else min(duration, source.seconds)
        conditions = sorted(
            [(each.start + source.every, replace(each, end=None)) for each in source.conditions]
            + [(each.end, each) for each in source.conditions if each.end is not None],
            key=lambda each: each[0],
        )
        gaps = list(source.gaps)
        number = 0
        second = source.begins
        while second < end and not self._closed.is_set():
            if source.pace is not None:
                source.pace()
            clock.pass_to(began + second)
            gap = next((each for each in gaps if each.start <= second < each.end), None)
            if gap is not None:
                yield Heartbeat(self._base + second, "waiting", gap.reason)
                if second + source.every >= gap.end:
                    yield replace(gap, start=self._base + gap.start, end=self._base + gap.end)
            else:
                self.decoded += 1
                yield Frame(number * 25, self._base + second, keyframe=True, pixels=ArrayPixels(source.pictures(second)))
            while conditions and conditions[0][0] <= second:
                _, each = conditions.pop(0)
                until = None if each.end is None else self._base + each.end
                yield replace(each, start=self._base + each.start, end=until)
            number += 1
            second = source.begins + number * source.every
        yield Heartbeat(self._base + min(end, second), "playing")

    def recent(self, start: float, end: float, *, every: float = 0.0) -> Iterator[Frame]:  # noqa: ARG002 - a seam's arguments
        """Nothing is held."""
        return iter(())

    def recorded(self, start: float, end: float) -> tuple[Recording, ...]:  # noqa: ARG002 - a seam's arguments
        """Nothing is recorded."""
        return ()

    def close(self) -> None:
        """See `videoscan.seams.LiveFootage`."""
        self._closed.set()
