"""Reads what is tried on, once: excerpts of the footage, their samples held as the reduced pictures that deduplicators ask for.

Memory: samples x (bytes of the sizes that the deduplicators ask for), 18 kB a sample for `tiles` and `phash` together: about 13 MB
for 600 samples and the ones that warm up for them. In rain and snow what follows each sample is held too (`videoscan.tuning.following`), seven times as
much. `HELD_BYTES` is never exceeded: fewer samples are looked at instead.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from videoscan import registry
from videoscan.errors import ConfigError
from videoscan.reading.difference import grid
from videoscan.reading.regions import Blackened
from videoscan.reading.segments import cut
from videoscan.reading.spec import WARM_UP, WARM_UP_SAMPLES, Segment
from videoscan.tuning.following import Followed, Scouting
from videoscan.tuning.held import Held

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import Any

    from numpy.typing import NDArray

    from videoscan.model import Bgr, Frame, Gray, Lost, Pixels, SourceInfo
    from videoscan.reading.spec import CoreSpec
    from videoscan.seams import Footage

HELD_BYTES = 512 * 2**20
EXCERPT = 120.0
"""Seconds of an excerpt at least: long enough for a deduplicator to settle and for several figures, short enough for many."""
_EXCERPT_SAMPLES = 60
"""Samples of an excerpt at least, where they lie further apart."""
_STILL = 1200
"""Longer side of the pictures that are kept to show figures in."""
_SLACK = 1e-6
_REACH = 1.5
"""Times between looks for which the last look of an excerpt may stand."""
_LOWER_HALF = 0.3246
_IMMERKAER = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Excerpt:
    """A stretch ``[start, end)`` that is judged, and its samples in order, those of the warm-up before it included.

    The samples lie about `step` seconds apart, up to `early` seconds before the time that each was wanted for.
    """

    start: float
    end: float
    frames: tuple[Frame, ...] = field(repr=False)
    step: float = 1.0
    early: float = 0.0

    def looks(self, every: float | None = None) -> tuple[Frame, ...]:
        """The samples, or as many of them as `samplers.interval` would have taken at `every` seconds."""
        if every is None or every <= self.step * 1.01 or not self.frames:
            return self.frames
        chosen: list[Frame] = []
        number = 0
        for frame in self.frames:
            reached = math.floor((frame.time + self.early + _SLACK) / every)
            if not chosen or reached >= number:
                chosen.append(frame)
                number = reached + 1
        return tuple(chosen)

    def stream(self, dress: Callable[[Frame], Frame], *, every: float | None = None) -> Iterator[Frame]:
        """What a deduplicator gets to see, each frame dressed first.

        Where too little lies before the excerpt to learn from, what it begins with is looked at twice, as `videoscan.reading.reader` does at a
        source's beginning.
        """
        frames = self.looks(every)
        learning = max(WARM_UP, WARM_UP_SAMPLES * (every or self.step))
        before = max(0.0, self.start - frames[0].time)
        if before < 0.9 * learning:
            length = min(learning - before, self.end - self.start)
            for frame in frames:
                if self.start <= frame.time < self.start + length:
                    yield replace(dress(frame), time=frame.time - length - before)
        for frame in frames:
            yield dress(frame)

    @property
    def judged(self) -> tuple[Frame, ...]:
        """The samples without the warm-up."""
        return tuple(frame for frame in self.frames if frame.time >= self.start)


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """What was read. `duration` is the source's in seconds, `None` where it is not known; `noise` the deviation of its pixels in grey levels, `None` where it is not known.

    `stills` are pictures in colour to show figures in, each with its excerpt's place and its time. `whole`: nothing was left out.
    """

    info: SourceInfo
    excerpts: tuple[Excerpt, ...]
    noise: float | None
    whole: bool
    duration: float | None = None
    lost: tuple[Lost, ...] = ()
    stills: tuple[tuple[int, float, Bgr], ...] = ()

    @property
    def seconds(self) -> float:
        """How much was looked at."""
        return sum(excerpt.end - excerpt.start for excerpt in self.excerpts)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the pictures."""
        return self.excerpts[0].frames[0].pixels.size

    @property
    def samples(self) -> int:
        """How many pictures were looked at."""
        return sum(len(excerpt.judged) for excerpt in self.excerpts)


def read(
    spec: CoreSpec,
    step: float,
    samples: int,
    dedups: Iterable[Mapping[str, Any]],
    *,
    stills: bool = False,
    told: Callable[[SourceInfo, float], None] = lambda _info, _time: None,
) -> Material:
    """Read `samples` pictures at most, about `step` seconds apart, in excerpts spread evenly over ``[spec.start, spec.end)``.

    `dedups` are asked at the first picture what they want to see; `told` hears how far it has come, in seconds. What is shorter is
    read whole, in the very segments of a scan. Raises as `videoscan.seams.Source` and `Footage` do.
    """
    parts = [registry.make("dedups", table) for table in dedups]
    while True:
        reading = _Reading(spec, step, samples, parts, stills, told)
        try:
            return _read(reading)
        except _TooLarge as large:
            samples = large.fitting


def _read(reading: _Reading) -> Material:
    spec = reading.spec
    footage = registry.make("sources", spec.source).open(spec.uri)
    try:
        segments, whole = _segments(footage.info, spec, reading.step, reading.samples)
        together = not footage.info.seekable or len(segments) == 1
        if together:
            reading.read(footage, segments, segments[-1].end)
    finally:
        footage.close()
    for segment in [] if together else segments:
        part = registry.make("sources", spec.source).open(spec.uri)
        try:
            reading.read(part, [segment], segment.end)
        finally:
            part.close()
    return reading.material(footage.info, segments, whole=whole)


class _TooLarge(Exception):
    """The samples would take more than `HELD_BYTES`; so many would fit."""

    def __init__(self, fitting: int) -> None:
        super().__init__(fitting)
        self.fitting = fitting


def _segments(info: SourceInfo, spec: CoreSpec, step: float, samples: int) -> tuple[list[Segment], bool]:
    """What to read, and whether that is everything."""
    scan = cut(info, spec)
    ends = [end for end in (spec.end, info.declared_duration) if end is not None]
    if not ends:
        return [replace(scan[0], end=spec.start + samples * step)], False
    length = min(ends) - spec.start
    if length <= samples * step * 1.05:
        return scan, True
    each = max(EXCERPT, _EXCERPT_SAMPLES * step)
    count = max(1, math.floor(samples * step / each))
    each = min(each, samples * step)
    warm_up = scan[0].warm_up
    middles = [spec.start + (place + 0.5) * length / count for place in range(count)]
    starts = [max(spec.start, middle - each / 2) for middle in middles]
    return [
        Segment(start, start + each, min(warm_up, start) if start else warm_up, seek=info.seekable and start > 0)
        for start in starts
    ], False


@dataclass(slots=True, eq=False)
class _Reading:
    """What has been read so far."""

    spec: CoreSpec
    step: float
    samples: int
    dedups: list[Any]
    stills: bool
    told: Callable[[SourceInfo, float], None]
    found: dict[Segment, list[Frame]] = field(default_factory=dict)
    kept_stills: list[tuple[Segment, float, Bgr]] = field(default_factory=list)
    noises: list[float] = field(default_factory=list)
    lost: list[Lost] = field(default_factory=list)
    first: Held | None = None
    count: int = 0
    bytes: int = 0
    duration: float = 0.0

    def read(self, footage: Footage, segments: list[Segment], end: float | None) -> None:
        """Hold the samples of the segments."""
        begin = segments[0]
        # Of each kind one: what others of it ask for is the same but for a sample or two.
        scouts = {type(dedup): dedup for dedup in reversed(self.dedups)}
        scouting = Scouting.of(registry.make("samplers", self.spec.sampler), scouts.values(), self.spec.regions)
        frames = footage.frames(
            scouting.sampler, start=begin.start, end=end, warm_up=begin.warm_up if begin.start else 0.0, seek=begin.seek
        )
        learnt = max(begin.warm_up, WARM_UP_SAMPLES * self.step)
        before: tuple[float, Gray] | None = None
        for frame in scouting.over(frames, learning=lambda frame: begin.start == 0 and frame.time < learnt):
            self.told(footage.info, frame.time)
            for segment in segments:
                if not segment.start - segment.warm_up <= frame.time < (math.inf if segment.end is None else segment.end):
                    continue
                pixels = _live(frame)
                if len(self.noises) < 2 * len(segments) and frame.time >= segment.start:
                    before = self._learn_noise(segment, pixels, before)
                end = segment.end or footage.info.declared_duration or segment.start
                if self.stills and frame.time >= (segment.start + end) / 2:
                    self._keep_still(segment, frame.time, pixels)
                self._hold(frame)
                self.found.setdefault(segment, []).append(frame)
            _held(frame).let_go()
        if not scouting.asked:
            for segment in segments:
                self.found[segment] = [replace(frame, following=None) for frame in self.found.get(segment, [])]
        tally = footage.tally()
        self.duration = max(self.duration, tally.duration)
        self.lost += [
            lost for lost in tally.lost if any(lost.start < (each.end or math.inf) and lost.end > each.start for each in segments)
        ]

    def material(self, info: SourceInfo, segments: list[Segment], *, whole: bool) -> Material:
        """All of it."""
        excerpts = []
        for segment in segments:
            frames = self.found.get(segment, [])
            if not any(frame.time >= segment.start for frame in frames):
                continue
            end = min(segment.end or math.inf, self.duration or math.inf, self.spec.end or math.inf)
            early = self.step / 2 if registry.filled("samplers", self.spec.sampler).get("snap") else 0.0
            # Not the tail of a file that was cut off: nothing was seen of it.
            end = max(frames[-1].time, min(end, frames[-1].time + _REACH * self.step))
            excerpts.append((segment, Excerpt(segment.start, end, tuple(frames), self.step, early)))
        if not excerpts:
            raise ConfigError(
                f"--start {self.spec.start:g} is past the end of {self.spec.uri}", hint=f"it lasts {self.duration:g} s"
            )
        place = {id(segment): number for number, (segment, _) in enumerate(excerpts)}
        return Material(
            info,
            tuple(excerpt for _, excerpt in excerpts),
            float(np.median(self.noises)) if self.noises else None,
            whole=whole,
            duration=info.declared_duration or (self.duration if whole else None),
            lost=tuple(self.lost),
            stills=tuple((place[id(segment)], time, still) for segment, time, still in self.kept_stills if id(segment) in place),
        )

    def _hold(self, frame: Frame) -> None:
        """Have it hold what any setting may ask for. Raises `_TooLarge`."""
        held = _held(frame)
        if self.first is None:
            alone = replace(frame, following=None)
            for dedup in self.dedups:
                list(dedup.apply([alone, replace(alone, index=frame.index + 1, time=frame.time + 1)], regions=self.spec.regions))
            held.gray(*grid(held.size))
            self.first = held
            if held.bytes * self.samples > HELD_BYTES and self.samples > 1:
                raise _TooLarge(max(1, HELD_BYTES // held.bytes))
        else:
            held.ask_like(self.first)
        self.count += 1
        self.bytes += held.bytes + (frame.following.bytes if isinstance(frame.following, Followed) else 0)
        # What follows a sample is held in rain alone, and is more than the sample.
        if self.bytes > HELD_BYTES and self.samples > 1:
            raise _TooLarge(max(1, min(self.samples, self.count) * 3 // 4))

    def _learn_noise(self, segment: Segment, pixels: Pixels, before: tuple[float, Gray] | None) -> tuple[float, Gray] | None:
        full = pixels.gray(*pixels.size)
        if before is None or before[0] != segment.start or before[1].shape != full.shape:
            return segment.start, full
        self.noises.append(noise_between(before[1], full))
        return None

    def _keep_still(self, segment: Segment, time: float, pixels: Pixels) -> None:
        if all(kept is not segment for kept, _, _ in self.kept_stills):
            self.kept_stills.append((segment, time, pixels.bgr(_STILL)))


def _held(frame: Frame) -> Held:
    held = frame.pixels
    assert isinstance(held, Held)
    return held


def _live(frame: Frame) -> Pixels:
    """The picture itself, with what does not count: what is asked of it is not held."""
    live = _held(frame).live
    assert live is not None
    return live.pixels if isinstance(live, Blackened) else live


def noise_between(one: Gray, other: Gray) -> float:
    """Deviation of the pixels' noise in grey levels, from two pictures of one place.

    The smaller of two estimates, as each is misled upwards only: the difference of both by what moved, the roughness of one by its
    texture (Immerkaer 1996).
    """
    apart = one.astype(np.float32) - other.astype(np.float32)
    rough = cv2.filter2D(one.astype(np.float32), -1, _IMMERKAER)
    return min(_deviation(apart - np.median(apart)) / math.sqrt(2), _deviation(np.asarray(rough, np.float32)) / 6)


def _deviation(differences: NDArray[np.floating]) -> float:
    """From the lower half of the magnitudes, which what moved or has an edge does not reach; see `videoscan.reading.difference`."""
    flat = np.abs(differences[::2, ::2]).ravel()
    middle = (flat.size + 1) // 2
    return float(np.partition(flat, middle - 1)[:middle].mean()) / _LOWER_HALF
