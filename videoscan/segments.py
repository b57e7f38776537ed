"""A pass over one source, cut into segments: decode, sample, deduplicate and reduce, several segments at a time, in order.

A segment is a fixed stretch of the source's own clock, ``[n * SEGMENT, (n + 1) * SEGMENT)``. Sampling and deduplication start afresh
in each, warmed up on the `WARM_UP` seconds before it, whether they are read one after another or side by side. So what is kept does
not depend on how the file was cut, a resumed scan need not begin at its beginning, and any segment may be read anywhere. The price:
each segment's first sample is kept (about as often as an unchanged scene is shown again anyway), and its warm-up is decoded twice.
Where nothing lies before it (the source's beginning), the first `WARM_UP` seconds are read twice instead: a clock in the picture is
known from the first sample on. A deduplicator that learns nothing is not warmed up.

Only sources that say they are `seekable` are cut; the others, and what lies within one segment, are read in one go.

Memory: for each segment that is read ahead `_AHEAD_PICTURES` kept samples (encoded) and `_AHEAD_SAMPLES` others at most, its
source's own bound, and one raw frame.
"""

from __future__ import annotations

import itertools
import math
import threading
import time
from collections import deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from videoscan import registry
from videoscan.errors import SourceError, SourceUnsupported
from videoscan.model import EVERYWHERE, Frame, Picture, Reason, Regions, Sample, SourceInfo, Tally
from videoscan.reducing import Reducer, Remembered
from videoscan.regions import Blackened

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from videoscan.config import WindowOptions
    from videoscan.seams import Footage, Limits

SEGMENT = 300.0
"""Seconds. As long as an unchanged scene goes without being shown again by default, so the kept first samples cost nothing."""
WARM_UP = 16.0
"""Seconds before a segment on which a deduplicator learns its noise and its clocks: more than twelve samples at one a second."""
_WARM_UP_SAMPLES = 16
"""Samples, where they lie further apart than a second."""
_AHEAD_PICTURES = 24
_AHEAD_SAMPLES = 4096


@dataclass(frozen=True, slots=True)
class CoreSpec:
    """Everything a pass over one source depends on. Tables are ``{"kind": name, **options}``, as the registry takes them.

    `max_rate` caps the kept frames per second (0: no cap). `explain`: every sample comes with a thumbnail and with what was
    ignored in it. `parallel` segments are read at once; it changes nothing in what comes out.
    """

    uri: str
    source: Mapping[str, Any]
    sampler: Mapping[str, Any]
    dedup: Mapping[str, Any]
    windows: WindowOptions
    limits: Limits
    start: float = 0.0
    end: float | None = None
    regions: Regions = EVERYWHERE
    max_rate: float = 0.0
    parallel: int = 1
    explain: bool = False


@dataclass(frozen=True, slots=True)
class Segment:
    """``[start, end)`` in seconds (`None`: to the source's end), and how many seconds before it (at 0: after it) warm up for it."""

    start: float
    end: float | None
    warm_up: float = 0.0
    seek: bool = False


def cut(info: SourceInfo, spec: CoreSpec) -> list[Segment]:
    """The segments of a pass, in order. The last one reads on to the source's end, however long that proves to be."""
    warm_up = max(WARM_UP, _step(spec.sampler) * _WARM_UP_SAMPLES) if _learns(spec.dedup) else 0.0
    length = info.declared_duration if spec.end is None else min(spec.end, info.declared_duration or spec.end)
    if not info.seekable or length is None:
        return [Segment(spec.start, spec.end, warm_up)]
    first, last = math.floor(spec.start / SEGMENT), max(math.floor(spec.start / SEGMENT), math.ceil(length / SEGMENT) - 1)
    edges = [spec.start, *(number * SEGMENT for number in range(first + 1, last + 1))]
    return [
        Segment(start, end, min(warm_up, start) if start else warm_up, seek=place > 0)
        for place, (start, end) in enumerate(zip(edges, [*edges[1:], spec.end], strict=True))
    ]


def _learns(dedup: Mapping[str, Any]) -> bool:
    return bool(registry.factory("dedups", str(dedup["kind"])).learns)


def _step(sampler: Mapping[str, Any]) -> float:
    """Seconds between samples, as far as the options tell."""
    options = registry.filled("samplers", sampler)
    rate = options.get("rate")
    return float(1 / rate if rate else options.get("every") or options.get("most") or 1.0)


class Pass:
    """One pass. Iterate `samples` once, in one thread; `stop` may be called from any."""

    def __init__(self, spec: CoreSpec) -> None:
        self._spec = spec
        self._stopped = threading.Event()
        self._readers: list[_Reader] = []
        self._guard = threading.Lock()
        self.info: SourceInfo | None = None
        self.tally: Tally | None = None

    def stop(self) -> None:
        """End the iteration at its next packet. Idempotent."""
        with self._guard:
            self._stopped.set()
            readers = list(self._readers)
        for reader in readers:
            reader.close()

    def samples(self) -> Iterator[Sample]:
        """Every sampled frame, judged and reduced, in order. Leaves `tally` at `None` when it was stopped."""
        footage = registry.make("sources", self._spec.source).open(self._spec.uri)
        self.info = footage.info
        segments = cut(footage.info, self._spec)
        waiting = deque(segments[1:])
        running: deque[_Reader] = deque()
        tallies: list[Tally] = []
        shift = sampled = 0
        try:
            self._start(running, segments[0], footage, alone=not waiting or self._spec.parallel < 2)
            while running:
                while waiting and len(running) < self._spec.parallel:
                    self._start(running, waiting.popleft(), None, alone=False)
                reader = running[0]
                for sample in reader:
                    if self._stopped.is_set():
                        return
                    yield _moved(sample, shift, afresh=sampled > 0) if tallies else sample
                    sampled += 1
                if self._stopped.is_set() or reader.tally is None:
                    return
                tallies.append(reader.tally)
                shift += reader.tally.next_index
                self._end(running.popleft())
                if waiting and not running:
                    self._start(running, waiting.popleft(), None, alone=self._spec.parallel < 2)
            if not sampled and len(segments) > 1 and self._spec.start <= 0:
                raise SourceUnsupported(
                    f"not one picture of {self._spec.uri!r} could be decoded",
                    hint="the recording is damaged or its payload is missing",
                )
            self.tally = _together(tallies)
        finally:
            for reader in running:
                self._end(reader)

    def _start(self, running: deque[_Reader], segment: Segment, footage: Footage | None, *, alone: bool) -> None:
        reader = _Reader(self._spec, segment, footage)
        with self._guard:
            self._readers.append(reader)
            if self._stopped.is_set():
                reader.close()
        running.append(reader)
        if not alone:
            reader.run_ahead()

    def _end(self, reader: _Reader) -> None:
        reader.close()
        reader.join()
        with self._guard:
            self._readers.remove(reader)


class _Reader:
    """Reads one segment, in its consumer's thread or (after `run_ahead`) in its own, so far ahead as its bounds allow."""

    def __init__(self, spec: CoreSpec, segment: Segment, footage: Footage | None) -> None:
        self._spec = spec
        self._segment = segment
        self._footage = footage
        self._beginning: Footage | None = None
        self._closed = threading.Event()
        self._ahead: _Ahead | None = None
        self._spent = {"decode": 0.0, "encode": 0.0}
        self.tally: Tally | None = None

    def run_ahead(self) -> None:
        """Start reading in a thread."""
        self._ahead = _Ahead(self._samples())

    def close(self) -> None:
        """Reading ends at its next packet. Idempotent, from any thread."""
        self._closed.set()
        ahead = self._ahead
        for footage in (self._footage, self._beginning):
            if footage is not None:
                footage.close()
        if ahead is not None:
            ahead.close()

    def join(self) -> None:
        """Wait until the thread has let go of everything; after `close`."""
        if self._ahead is not None:
            self._ahead.join()
        elif self._footage is not None:
            self._footage.close()

    def __iter__(self) -> Iterator[Sample]:
        return iter(self._ahead) if self._ahead is not None else self._samples()

    def _samples(self) -> Iterator[Sample]:
        spec, segment = self._spec, self._segment
        if self._footage is None:
            self._footage = registry.make("sources", spec.source).open(spec.uri)
        footage = self._footage
        try:
            if self._closed.is_set():
                return
            sampler = registry.make("samplers", spec.sampler)
            frames = footage.frames(sampler, start=segment.start, end=segment.end, warm_up=segment.warm_up, seek=segment.seek)
            dedup = registry.make("dedups", spec.dedup)
            seen = itertools.chain(self._rehearsal(), self._decoded(frames))
            judged = dedup.apply(map(self._prepared, seen), regions=spec.regions, since=segment.start)
            reduced = Reducer(
                spec.windows,
                spec.limits,
                cells=spec.limits.measures or spec.windows.choose or spec.max_rate > 0,
                explain=spec.explain,
            )
            for frame in judged:
                began = time.perf_counter()
                sample = reduced(frame)
                self._spent["encode"] += time.perf_counter() - began
                yield sample
                if self._closed.is_set():
                    return
            if not self._closed.is_set():
                tally = footage.tally()
                self.tally = replace(tally, decode_seconds=self._spent["decode"], encode_seconds=self._spent["encode"])
        finally:
            footage.close()

    def _rehearsal(self) -> Iterator[Frame]:
        """What the source begins with, as if it had come before."""
        spec, segment = self._spec, self._segment
        if segment.start > 0 or not segment.warm_up:
            return
        footage = registry.make("sources", spec.source).open(spec.uri)
        self._beginning = footage
        try:
            sampler = registry.make("samplers", spec.sampler)
            end = segment.warm_up if segment.end is None else min(segment.warm_up, segment.end)
            for frame in self._decoded(footage.frames(sampler, end=end)):
                if self._closed.is_set():
                    return
                yield replace(frame, time=frame.time - end)
        except SourceError:
            return  # the pass itself will say what is wrong
        finally:
            footage.close()

    def _prepared(self, frame: Frame) -> Frame:
        if self._spec.regions.black_out:
            frame = replace(frame, pixels=Blackened(frame.pixels, self._spec.regions))
        return Remembered.of(frame)

    def _decoded(self, frames: Iterator[Frame]) -> Iterator[Frame]:
        """Add up the time that making the frames takes, and not the time their reader takes with them."""
        while True:
            began = time.perf_counter()
            try:
                frame = next(frames, None)
            finally:
                self._spent["decode"] += time.perf_counter() - began
            if frame is None:
                return
            yield frame


@dataclass
class _Ahead:
    """Runs an iterator of samples in a thread of its own, and waits when it is too far ahead of whoever takes them."""

    samples: Iterator[Sample]
    _ready: deque[Sample] = field(default_factory=deque)
    _pictures: int = 0
    _ended: bool = False
    _closed: bool = False
    _fault: BaseException | None = None

    def __post_init__(self) -> None:
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="videoscan-segment", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """The thread ends at its next sample."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def join(self) -> None:
        """Wait for the thread; after `close`."""
        self._thread.join()

    def __iter__(self) -> Iterator[Sample]:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._ready or self._ended or self._closed)
                if self._closed:
                    return
                if not self._ready:
                    if self._fault is not None:
                        raise self._fault
                    return
                sample = self._ready.popleft()
                self._pictures -= bool(sample.pictures)
                self._changed.notify_all()
            yield sample

    def _run(self) -> None:
        try:
            for sample in self.samples:
                with self._changed:
                    self._ready.append(sample)
                    self._pictures += bool(sample.pictures)
                    self._changed.notify_all()
                    self._changed.wait_for(self._has_room)
                    if self._closed:
                        break
        except BaseException as fault:  # whatever it is, it belongs to whoever takes the samples
            self._fault = fault
        finally:
            close = getattr(self.samples, "close", None)
            if close is not None:
                close()
            with self._changed:
                self._ended = True
                self._changed.notify_all()

    def _has_room(self) -> bool:
        return self._closed or (self._pictures < _AHEAD_PICTURES and len(self._ready) < _AHEAD_SAMPLES)


def _moved(sample: Sample, shift: int, *, afresh: bool) -> Sample:
    """A segment's sample with its indices on the whole source's count; its first one is a scene shown again, not the first."""
    mark = sample.mark
    reason = Reason.REFRESH if afresh and mark.reason is Reason.FIRST else mark.reason
    same_as = None if mark.same_as is None else mark.same_as + shift
    return replace(
        sample,
        mark=replace(mark, frame=mark.frame + shift, same_as=same_as, reason=reason),
        pictures=tuple(_moved_picture(picture, shift) for picture in sample.pictures),
    )


def _moved_picture(picture: Picture, shift: int) -> Picture:
    zoom_of = None if picture.zoom_of is None else picture.zoom_of + shift
    return replace(picture, frame=picture.frame + shift, zoom_of=zoom_of)


def _together(tallies: list[Tally]) -> Tally:
    """What the segments came to as a whole. The last one knows how long the source is."""
    return Tally(
        duration=tallies[-1].duration,
        decoded=sum(tally.decoded for tally in tallies),
        lost=tuple(lost for tally in tallies for lost in tally.lost),
        flags=tuple(dict.fromkeys(flag for tally in tallies for flag in tally.flags)),
        decode_seconds=sum(tally.decode_seconds for tally in tallies),
        encode_seconds=sum(tally.encode_seconds for tally in tallies),
        next_index=sum(tally.next_index for tally in tallies),
    )
