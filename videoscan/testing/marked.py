"""Clips whose figures bear ArUco markers, and a script for `ModelServer` that finds them in the pictures it is sent.

So the whole of videoscan, from the file to the timeline, can be scored over real HTTP, without a model: what the server tells is what
the pictures show, and what happens in the clip is known to the frame.

::

    clip = MarkedClip([Act(Figure(7, "a red van passes", ("car",)), 12.0, 15.5)], duration=60)
    clip.film(tmp_path / "clip.mp4")
    async with ModelServer(looks([act.figure for act in clip.acts], faults=Faults(0.1))) as server: ...
    verdict = videoscan.eval.judge(clip.truth, timeline)
"""

from __future__ import annotations

import functools
import itertools
import math
import random
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, TypeAlias

import av
import cv2
import numpy as np

from videoscan.testing.model_server import Turn, answer, drops, event, fails, ok, says, throttled
from videoscan.truth import TrueEvent, Truth

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from videoscan.model import Bgr, Gray
    from videoscan.testing.received import Received

_MARKERS = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_4X4_50)
MARKERS = 50
"""How many markers there are: figures are told apart by 0 to 49."""
_CELL = 4
"""Pixels of one of a marker's 6 x 6 cells: what a JPEG of quality 60 still leaves to be read."""
_SIDE = 6 * _CELL
_ROOM = 44
"""Pixels of the white disc a marker lies on: a square one would be taken for a marker's edge itself."""
_SWAY = 30
"""Pixels by which a figure moves to and fro."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A thing with a marker (0 to 49), and how a model that sees it tells of it."""

    marker: int
    what: str
    tags: tuple[str, ...] = ("figure",)

    def __post_init__(self) -> None:
        if not 0 <= self.marker < MARKERS:
            raise ValueError(f"marker is {self.marker}: there are 0 to {MARKERS - 1}")


@dataclass(frozen=True, slots=True)
class Act:
    """A figure in sight in ``[start, end)``, in seconds: whole frames of the clip."""

    figure: Figure
    start: float
    end: float


@dataclass(frozen=True)
class MarkedClip:
    """A still scene in which figures come and go. `size` is (width, height) in pixels; at most as many at once as fit side by side."""

    acts: Sequence[Act]
    duration: float
    fps: int = 4
    size: tuple[int, int] = (320, 180)
    _places: dict[int, int] = field(default_factory=dict, init=False, repr=False, compare=False)
    """By an act's number: where in the picture it happens."""

    def __post_init__(self) -> None:
        """Give every act a place of its own for as long as it lasts."""
        across, down = self._grid
        busy = [0.0] * (across * down)
        for number in sorted(range(len(self.acts)), key=lambda number: self.acts[number].start):
            act = self.acts[number]
            if not 0 <= act.start < act.end <= self.duration:
                raise ValueError(f"{act.figure.what}: [{act.start}, {act.end}) is not within the clip's {self.duration} s")
            for time in (act.start, act.end):
                if abs(time * self.fps - round(time * self.fps)) > 1e-6:
                    raise ValueError(f"{act.figure.what}: {time} s is not the time of a frame at {self.fps} frames a second")
            # The places are taken in turn, so that neighbours in time are not neighbours in the picture.
            order = [(number * 7 + step) % len(busy) for step in range(len(busy))]
            place = next((place for place in order if busy[place] <= act.start), None)
            if place is None:
                raise ValueError(f"more than {len(busy)} figures at once at {act.start} s: use a larger size")
            busy[place] = act.end
            self._places[number] = place

    @property
    def _grid(self) -> tuple[int, int]:
        width, height = self.size
        return width // (_ROOM + _SWAY), height // _ROOM

    @property
    def truth(self) -> Truth:
        """What happens in it."""
        events = (TrueEvent(start=act.start, end=act.end, what=act.figure.what, tags=act.figure.tags) for act in self.acts)
        return Truth(duration=self.duration, events=tuple(sorted(events, key=lambda event: (event.start, event.end))))

    def draw(self, time: float) -> Bgr:
        """The picture at a time in seconds."""
        picture = self._scene.copy()
        for number, act in enumerate(self.acts):
            if act.start - 1e-9 <= time < act.end - 1e-9:
                self._put(picture, act, self._places[number], time - act.start)
        return picture

    @functools.cached_property
    def _scene(self) -> Bgr:
        width, height = self.size
        rows = np.linspace(70, 130, height, dtype=np.float32)[:, None]
        texture = cv2.GaussianBlur(np.random.default_rng(1).normal(0, 30, (height, width)).astype(np.float32), (0, 0), 2)
        return np.repeat(np.clip(rows + texture, 0, 255).astype(np.uint8)[:, :, None], 3, axis=2)

    def _put(self, picture: Bgr, act: Act, place: int, age: float) -> None:
        across, _ = self._grid
        sway = round(_SWAY / 2 * (1 + math.sin(age * 2.1 + place)))
        left, top = (place % across) * (_ROOM + _SWAY) + sway, (place // across) * _ROOM
        cv2.circle(picture, (left + _ROOM // 2, top + _ROOM // 2), _ROOM // 2 - 1, (255, 255, 255), -1)
        marker = np.asarray(cv2.aruco.generateImageMarker(_MARKERS, act.figure.marker, _SIDE), np.uint8)
        left, top = left + (_ROOM - _SIDE) // 2, top + (_ROOM - _SIDE) // 2
        picture[top : top + _SIDE, left : left + _SIDE] = marker[:, :, None]

    def film(self, path: Path, *, codec: str = "libx264", gop: int = 40) -> Path:
        """Write it as a video, a keyframe every `gop` frames. Returns `path`."""
        with av.open(str(path), "w") as container:
            stream = container.add_stream(codec, rate=self.fps, options={"crf": "18", "preset": "veryfast", "threads": "1"})
            assert isinstance(stream, av.VideoStream), f"{codec} codes no video"
            stream.width, stream.height = self.size
            stream.pix_fmt = "yuv420p"
            stream.codec_context.gop_size = gop
            for number in range(round(self.duration * self.fps)):
                frame = av.VideoFrame.from_ndarray(self.draw(number / self.fps), format="bgr24")
                frame.pts, frame.time_base = number, Fraction(1, self.fps)
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
        return path


def markers(picture: Gray | Bgr) -> set[int]:
    """The markers to be seen in a picture."""
    _, found, _ = cv2.aruco.ArucoDetector(_MARKERS).detectMarkers(picture)
    return set() if found is None else {int(each) for each in np.ravel(found)}


def seen(request: Received) -> dict[int, list[tuple[int, int]]]:
    """For each marker in a request's frames the runs of frame numbers that show it, first and last; crops are not looked at."""
    shown: dict[int, list[int]] = {}
    number = 0
    for label, data in zip(request.labels, request.pictures, strict=True):
        if label.endswith("zoom"):
            continue
        number += 1
        for marker in markers(np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE), np.uint8)):
            shown.setdefault(marker, []).append(number)
    return {marker: _runs(numbers) for marker, numbers in sorted(shown.items())}


def _runs(numbers: Iterable[int]) -> list[tuple[int, int]]:
    runs = []
    for _, group in itertools.groupby(enumerate(numbers), lambda pair: pair[1] - pair[0]):
        together = [number for _, number in group]
        runs.append((together[0], together[-1]))
    return runs


Fault: TypeAlias = "Callable[[str], Turn]"
"""From the answer that would have been given to what is sent instead."""

FAULTS: dict[str, Fault] = {
    "throttled": lambda _: throttled(retry_after="1"),
    "unavailable": lambda _: throttled(status=503),
    "broken": lambda _: fails(500),
    "gone": lambda _: drops(),
    "cut-body": lambda text: says(text, cut_after=40),
    "prose": lambda _: says("I see several things moving about, but I would rather tell it in my own words."),
    "empty": lambda _: says(""),
    "half": lambda text: says(text[: len(text) // 2], finish="length"),
    "fenced": lambda text: says(f"Here is the answer:\n```json\n{text}\n```\nI hope that helps."),
    "thinking": lambda text: says(f'<think>Maybe {{"events": []}}? No.</think>{text}'),
    "stream": lambda text: says(text, stream=True),
}
"""What goes wrong with real servers, by name. After each of them a patient client still gets the whole answer."""


@dataclass(frozen=True, slots=True)
class Faults:
    """A `share` (0..1) of the requests goes wrong, the same ones on every run of one `seed`, in the `kinds` of `FAULTS` by turns."""

    share: float
    kinds: tuple[str, ...] = tuple(FAULTS)
    seed: int = 1

    def of(self, request: int) -> Fault | None:
        """What goes wrong with a request, by its place in order of arrival."""
        chance = random.Random(f"{self.seed}/{request}")
        return FAULTS[chance.choice(self.kinds)] if chance.random() < self.share else None


def looks(figures: Iterable[Figure], *, faults: Faults | None = None) -> Callable[[Received], Turn]:
    """A script for `ModelServer`: it tells of the figures whose markers it finds, and of nothing else."""
    known = {figure.marker: figure for figure in figures}

    def turn(request: Received) -> Turn:
        told = [
            event(known[marker].what, first, last, tags=list(known[marker].tags))
            for marker, runs in seen(request).items()
            if marker in known
            for first, last in runs
        ]
        words = f"{len(told)} things happen." if told else "Nothing happens."
        fault = faults.of(request.index) if faults is not None else None
        text = answer(told, summary=words, observations=["A grey yard."])
        return fault(text) if fault is not None else ok(content=text)

    return turn
