"""The synchronous core: decode, sample, deduplicate, measure, group, encode. A chain of plain generators in one worker.

The core runs from a picklable `CoreSpec`, in a thread or in a child process (`videoscan.isolation`), and crosses to its reader
only at windows. Nothing here knows an event loop.

Memory: the source's own bound, one raw frame in work, and what `videoscan.windows` holds.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from videoscan import registry, windows
from videoscan.measure import measure
from videoscan.model import Frame, Picture, SourceInfo, Tally, Window
from videoscan.observe import Sampled

if TYPE_CHECKING:
    from videoscan.config import Profile, WindowOptions
    from videoscan.inputs import Input
    from videoscan.seams import Footage, Limits

CoreItem: TypeAlias = SourceInfo | Window | Tally
Report: TypeAlias = Callable[[Sampled], None]

T = TypeVar("T")

# A person cannot read a progress line more often than this, and a child process need not tell it more often.
_REPORT_EVERY = 0.1


@dataclass(frozen=True, slots=True)
class CoreSpec:
    """Everything a pass over one source depends on. Tables are ``{"kind": name, **options}``, as the registry takes them."""

    uri: str
    source: Mapping[str, Any]
    sampler: Mapping[str, Any]
    dedup: Mapping[str, Any]
    windows: WindowOptions
    limits: Limits
    start: float = 0.0
    end: float | None = None


def spec_for(given: Input, profile: Profile, limits: Limits, *, start: float = 0.0, end: float | None = None) -> CoreSpec:
    """The pass that `profile` asks for over one input.

    ``auto`` is PyAV for videos: it is right on open GOPs and damage where OpenCV is not, and faster where frames are skipped.
    """
    if given.kind == "images":
        source: dict[str, Any] = {"kind": "images", "image_rate": profile.source.image_rate}
        if given.files:
            source["files"] = list(given.files)
    else:
        source = {"kind": "pyav" if profile.source.backend == "auto" else profile.source.backend}
    return CoreSpec(given.uri, source, profile.sampler, profile.dedup, profile.windows, limits, start, end)


class Core:
    """One pass over one source. Iterate it (or `frames`) once, in one thread; `stop` may be called from any.

    Opening the source is part of iterating, so that a decoder that crashes on a header crashes where it can be contained.
    """

    def __init__(self, spec: CoreSpec, report: Report | None = None) -> None:
        self._spec = spec
        self._report = report
        self._stopped = threading.Event()
        self._footage: Footage | None = None
        self._spent = {"decode": 0.0, "encode": 0.0}
        self.info: SourceInfo | None = None
        self.tally: Tally | None = None

    def stop(self) -> None:
        """End the iteration at its next packet. Idempotent."""
        self._stopped.set()
        footage = self._footage
        if footage is not None:
            footage.close()

    def frames(self) -> Iterator[Frame]:
        """The sampled frames, each with its mark; `info` is known from the first on, `tally` after the last.

        A pass that was stopped ends early and leaves `tally` at `None`.
        """
        spec = self._spec
        footage = registry.make("sources", spec.source).open(spec.uri)
        self._footage = footage
        try:
            self.info = footage.info
            sampler = registry.make("samplers", spec.sampler)
            sampled = self._timed(footage.frames(sampler, start=spec.start, end=spec.end), "decode")
            judged = registry.make("dedups", spec.dedup).apply(sampled)
            if spec.limits.measures:
                judged = measure(judged)
            yield from self._told(judged)
            if not self._stopped.is_set():
                self.tally = footage.tally()
        finally:
            footage.close()

    def __iter__(self) -> Generator[CoreItem]:
        """First the source's info, then its windows, last the tally. A stopped pass just ends."""
        frames = self._until_stopped(self.frames())
        first = next(frames, None)
        if self.info is None:
            return
        yield self.info
        if first is not None:
            spec = self._spec
            yield from windows.windows(
                _chain(first, frames), spec.windows, spec.limits, duration=self._duration, encoder=self._encode
            )
        if self.tally is not None:
            yield replace(self.tally, decode_seconds=self._spent["decode"], encode_seconds=self._spent["encode"])

    def _duration(self) -> float:
        # Without a tally the pass was stopped and nobody will fold the window this ends.
        return self.tally.duration if self.tally is not None else 0.0

    def _encode(self, frame: Frame, options: WindowOptions, limits: Limits) -> Picture:
        began = time.perf_counter()
        picture = windows.encode(frame, options, limits)
        self._spent["encode"] += time.perf_counter() - began
        return picture

    def _timed(self, items: Iterator[T], what: str) -> Iterator[T]:
        """Add up the time that making the items takes, and not the time their reader takes with them."""
        while True:
            began = time.perf_counter()
            try:
                item = next(items)
            except StopIteration:
                return
            finally:
                self._spent[what] += time.perf_counter() - began
            yield item

    def _until_stopped(self, frames: Iterator[Frame]) -> Iterator[Frame]:
        for frame in frames:
            if self._stopped.is_set():
                return
            yield frame

    def _told(self, frames: Iterator[Frame]) -> Iterator[Frame]:
        """Report how far the pass has come, seldom enough to cost nothing."""
        sampled = kept = 0
        position = due = 0.0
        for frame in frames:
            sampled += 1
            kept += frame.mark is not None and frame.mark.kept
            position = frame.time
            now = time.monotonic()
            if self._report is not None and now >= due:
                self._report(Sampled(position, sampled, kept))
                due = now + _REPORT_EVERY
            yield frame
        if self._report is not None:
            self._report(Sampled(position, sampled, kept))


def _chain(first: Frame, rest: Iterator[Frame]) -> Iterator[Frame]:
    yield first
    yield from rest
