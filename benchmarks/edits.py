"""Edits with exact truth, made of stretches of real clips: cuts, dissolves, fades, wipes, and flashes that are no boundary."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
import cv2
import numpy as np

from videoscan.samplers.interval import IntervalOptions, IntervalSampler
from videoscan.sources.pyav import PyAvSource

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

WIDTH, HEIGHT = 320, 180
KINDS = ("cut",) * 5 + ("dissolve",) * 3 + ("black", "white", "flash", "flash", "wipe")
MARGIN = 0.15
SHORTEST = 1.2
SLOWEST = 8.0
"""Pictures a second; a clip of fewer shows jumps instead of motion when it is played at the edit's rate."""


@dataclass(frozen=True)
class Stretch:
    """A part of a clip with no boundary in it, in seconds."""

    clip: Path
    start: float
    end: float


def stretches(clips: Iterable[Path]) -> list[Stretch]:
    """What lies between the boundaries that the truths beside the clips name."""
    found = []
    for clip in clips:
        footage = PyAvSource().open(str(clip))
        rate = footage.info.fps
        footage.close()
        if rate is None or rate < SLOWEST:
            continue
        truth = json.loads(clip.with_name(f"{clip.name}.truth.json").read_text(encoding="utf-8"))
        edges = [(cut, cut) for cut in truth.get("cuts", ())] + [
            (each["start"], each["end"]) for each in truth.get("gradual", ())
        ]
        start = 0.0
        for first, last in [*sorted(edges), (truth["duration"], truth["duration"])]:
            if first - start > SHORTEST + 2 * MARGIN:
                found.append(Stretch(clip, start + MARGIN, first - MARGIN))
            start = max(start, last)
    return found


def shown(stretch: Stretch, rate: float, length: float, start: float) -> list[NDArray[np.float32]]:
    """Pictures of a stretch, `rate` a second, each repeated where the clip has fewer."""
    footage = PyAvSource().open(str(stretch.clip))
    seek = footage.info.seekable
    begin = max(0.0, start - 0.5)
    frames = footage.frames(
        IntervalSampler(IntervalOptions(every=1 / rate, snap=False)), start=begin, end=start + length, seek=seek and begin > 0
    )
    times, pictures = [], []
    for frame in frames:
        times.append(frame.time)
        pictures.append(cv2.resize(frame.pixels.bgr(2 * WIDTH), (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA))
    footage.close()
    wanted = start + np.arange(round(length * rate)) / rate
    places = np.clip(np.searchsorted(times, wanted + 1e-6) - 1, 0, len(pictures) - 1)
    return [pictures[place].astype(np.float32) for place in places]


class _Edit:
    """An edit as it grows. `pictures` are those that may still be changed, `written` counts the others."""

    def __init__(self, pool: Sequence[Stretch], rate: float, seed: int) -> None:
        self.pool, self.rate = pool, rate
        self.random = random.Random(seed)
        self.pictures: list[NDArray[np.float32]] = []
        self.truth: list[dict[str, Any]] = []
        self.clip: Path | None = None
        self.written = 0

    def shot(self) -> list[NDArray[np.float32]]:
        while True:
            stretch = self.random.choice(self.pool)
            if stretch.clip != self.clip or len({each.clip for each in self.pool}) == 1:
                break
        self.clip = stretch.clip
        length = min(self.random.uniform(2, 6), stretch.end - stretch.start)
        return shown(stretch, self.rate, length, self.random.uniform(stretch.start, stretch.end - length))

    def note(self, kind: str, before: int, after: int = 0) -> None:
        end = self.written + len(self.pictures)
        self.truth.append(
            {"start": round((end - before) / self.rate, 3), "end": round((end + after) / self.rate, 3), "kind": kind}
        )

    def flash(self) -> None:
        at = len(self.pictures) - round(self.random.uniform(0.35, 0.6) * self.rate)
        strength = self.random.uniform(0.5, 1)
        for place in range(max(0, at), min(len(self.pictures), at + self.random.randint(1, 3))):
            self.pictures[place] += strength * (255 - self.pictures[place])

    def join(self, kind: str) -> None:
        if kind == "flash":
            self.flash()
            kind = "cut"
        following = self.shot()
        if kind == "cut":
            self.note("cut", 0)
        elif kind in {"dissolve", "wipe"}:
            count = min(round(self.random.uniform(0.4, 1.5) * self.rate), len(following) // 2, len(self.pictures) // 2)
            self.note(kind, count)
            for place, (old, new) in enumerate(zip(self.pictures[-count:], following[:count], strict=True), 1):
                share = place / (count + 1)
                edge = round(share * WIDTH)
                mixed = (1 - share) * old + share * new if kind == "dissolve" else np.hstack((new[:, :edge], old[:, edge:]))
                self.pictures[place - count - 1] = mixed
            following = following[count:]
        else:
            count = max(1, min(round(self.random.uniform(0.3, 0.9) * self.rate), len(following) // 2))
            hold = round(self.random.uniform(0, 0.5) * self.rate)
            level = np.full((HEIGHT, WIDTH, 3), 0.0 if kind == "black" else 255.0, np.float32)
            self.note("fade", count, hold + count)
            for place in range(count):
                share = (place + 1) / count
                self.pictures[place - count] = (1 - share) * self.pictures[place - count] + share * level
                following[place] = share * following[place] + (1 - share) * level
            self.pictures += [level] * hold
        self.pictures += following

    def settled(self, keep: int) -> list[NDArray[np.float32]]:
        """All pictures but the last `keep`: nothing touches them any more."""
        count = max(0, len(self.pictures) - keep)
        done, self.pictures = self.pictures[:count], self.pictures[count:]
        self.written += count
        return done


def make(pool: Sequence[Stretch], target: Path, *, seconds: float, rate: float, seed: int) -> Path:
    """Write an edit and, beside it, its truth. The same for the same seed."""
    edit = _Edit(pool, rate, seed)
    random = np.random.default_rng(seed)
    grain = random.normal(0, 1.5, (HEIGHT + 64, WIDTH + 64, 3)).astype(np.float32)
    with av.open(str(target), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(rate).limit_denominator(1001), options={"crf": "23"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        edit.pictures = edit.shot()
        while True:
            over = edit.written + len(edit.pictures) >= seconds * rate
            for picture in edit.settled(0 if over else round(2 * rate)):
                down, across = random.integers(0, 64, 2)
                grainy = np.clip(picture + grain[down : down + HEIGHT, across : across + WIDTH], 0, 255).astype(np.uint8)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(grainy, "bgr24")))
            if over:
                break
            edit.join(edit.random.choice(KINDS))
        container.mux(stream.encode())
    truth = {
        "duration": round(edit.written / rate, 3),
        "events": [],
        "cuts": [each["start"] for each in edit.truth if each["kind"] == "cut"],
        "gradual": [each for each in edit.truth if each["kind"] != "cut"],
    }
    target.with_name(f"{target.name}.truth.json").write_text(json.dumps(truth), encoding="utf-8")
    return target
