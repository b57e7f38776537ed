"""Reads one segment of a source: decode, sample, deduplicate, reduce; in its consumer's thread, or ahead of it in its own.

Memory: `_AHEAD_PICTURES` kept samples (encoded) and `_AHEAD_SAMPLES` others at most, the source's own bound, and one raw frame.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections import deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from videoscan import registry
from videoscan.doubting.refetching import AtTimes, fetched
from videoscan.errors import SourceError
from videoscan.model import Frame
from videoscan.reading.bursts import Bursts
from videoscan.reading.reducing import Reducer, Remembered
from videoscan.reading.regions import in_black

if TYPE_CHECKING:
    from collections.abc import Iterator

    from videoscan.model import Sample, Tally
    from videoscan.reading.spec import CoreSpec, Segment
    from videoscan.seams import Footage

_AHEAD_PICTURES = 24
_AHEAD_SAMPLES = 4096


class Reader:
    """Reads one segment, in its consumer's thread or (after `run_ahead`) in its own, so far ahead as its bounds allow."""

    def __init__(self, spec: CoreSpec, segment: Segment, footage: Footage | None) -> None:
        self._spec = spec
        self.segment = segment
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
        spec, segment = self._spec, self.segment
        if self._footage is None:
            self._footage = registry.make("sources", spec.source).open(spec.uri)
        footage = self._footage
        try:
            if self._closed.is_set():
                return
            look = spec.look
            bursts = Bursts[Frame](registry.make("samplers", spec.sampler) if look is None else AtTimes(look.times))
            frames = footage.frames(bursts, start=segment.start, end=segment.end, warm_up=segment.warm_up, seek=segment.seek)
            seen = map(self._prepared, itertools.chain(self._rehearsal(), bursts.over(self._decoded(frames))))
            if look is None:
                judged = registry.make("dedups", spec.dedup).apply(seen, regions=spec.regions, since=segment.start)
            else:
                judged = (fetched(frame, look) for frame in seen)
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
        spec, segment = self._spec, self.segment
        if segment.start > 0 or not segment.warm_up:
            return
        footage = registry.make("sources", spec.source).open(spec.uri)
        self._beginning = footage
        try:
            bursts = Bursts[Frame](registry.make("samplers", spec.sampler))
            end = segment.warm_up if segment.end is None else min(segment.warm_up, segment.end)
            for frame in bursts.over(self._decoded(footage.frames(bursts, end=end))):
                if self._closed.is_set():
                    return
                yield replace(frame, time=frame.time - end)
        except SourceError:
            return  # the pass itself will say what is wrong
        finally:
            footage.close()

    def _prepared(self, frame: Frame) -> Frame:
        regions = self._spec.regions
        return Remembered.of(in_black(frame, regions) if regions.black_out else frame)

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
