"""Small made values for tests of the pure stages: frames without a decoder, marks without a deduplicator."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from videoscan.config import WindowOptions
from videoscan.folding.outcome import Outcome
from videoscan.model import Description, Frame, Mark, Reason, Shown, Told
from videoscan.reading.reducing import Reducer
from videoscan.seams import Limits


@dataclass(frozen=True)
class ArrayPixels:
    """A picture that is an array already, shape (height, width, 3)."""

    image: np.ndarray

    @property
    def size(self):
        return self.image.shape[1], self.image.shape[0]

    def gray(self, width, height):
        return cv2.resize(cv2.cvtColor(self.image, cv2.COLOR_BGR2GRAY), (width, height), interpolation=cv2.INTER_AREA)

    def bgr(self, long_side=None):
        height, width = self.image.shape[:2]
        if long_side is None or max(height, width) <= long_side:
            return self.image
        scale = long_side / max(height, width)
        return cv2.resize(self.image, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_AREA)


def mark(index, *, kept=True, same_as=None, reason=None, time=None):
    reason = reason or (Reason.CHANGED if kept else Reason.UNCHANGED)
    return Mark(index, float(index if time is None else time), kept, reason, same_as)


def frame(index, *, kept=True, same_as=None, reason=None, time=None, size=(36, 64), noise=0):
    image = np.full((*size, 3), 40 + index % 100, np.uint8)
    if noise:
        image = np.random.default_rng(index).integers(0, 255, (*size, 3), np.uint8)
    made = mark(index, kept=kept, same_as=same_as, reason=reason, time=time)
    return Frame(index, made.time, keyframe=True, pixels=ArrayPixels(image), mark=made)


def samples(frames, options=None, limits=None):
    """Judged frames as samples, with their cells."""
    return map(Reducer(options or WindowOptions(), limits or Limits(), cells=True), frames)


def told(first, last, title="A person walks", **more):
    return Told(title, more.pop("description", ""), first, last, **more)


def outcome(index, frames, *, end, dropped=(), events=(), failure=None, overlap=0, start=None):
    """A window of kept `frames` (indices; time = index) with `dropped` {frame: same_as}; `end` in seconds."""
    marks = [mark(i) for i in frames]
    marks += [mark(i, kept=False, same_as=same) for i, same in dict(dropped).items()]
    marks.sort(key=lambda each: each.time)
    return Outcome(
        index=index,
        start=float(frames[0]) if start is None else start,
        end=float(end),
        shown=tuple(Shown(i, float(i), f"frames/{i:08d}.jpg", None) for i in frames),
        marks=tuple(marks),
        description=Description(events=tuple(events), failure=failure),
        overlap=overlap,
    )
