"""A recording played as if it were live, in real time: to try out what a camera's watch would do."""

from __future__ import annotations

import datetime as dt
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from videoscan import registry
from videoscan.model import Camera, Gap, Heartbeat
from videoscan.options import Options
from videoscan.patience import SYSTEM
from videoscan.seams import Setting

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pydantic import BaseModel

    from videoscan.model import Frame, LiveItem, SourceInfo
    from videoscan.seams import Footage, Sampler

_BEAT = 0.5


class ReplayOptions(Options):
    """Nothing to choose."""


class Replay:
    """Plays a video file at the speed of its own clock, from now on."""

    Options: ClassVar[type[BaseModel]] = ReplayOptions

    def __init__(self, options: ReplayOptions | None = None) -> None:
        self.options = options or ReplayOptions()

    def open(self, uri: str | Path, setting: Setting = Setting()) -> Replayed:  # noqa: B008 - a frozen value
        """Raises `SourceNotFound` or `SourceUnsupported`."""
        return Replayed(registry.make("sources", {"kind": "pyav"}).open(str(uri)), setting)

    def cameras(self, uri: str) -> tuple[Camera, ...]:
        """The file itself."""
        return (Camera(uri.replace("\\", "/").rpartition("/")[2].rpartition(".")[0] or uri, uri),)


class Replayed:
    """A file being played; see `videoscan.seams.LiveFootage`."""

    def __init__(self, footage: Footage, setting: Setting) -> None:
        self._footage, self._clock = footage, setting.clock or SYSTEM
        now = self._clock.wall()
        self._zero = now if setting.zero is None else setting.zero
        self._base = max(now - self._zero, setting.seen)
        self._closed = threading.Event()
        moment = dt.datetime.fromtimestamp(self._zero, dt.UTC).isoformat()
        self.info: SourceInfo = replace(footage.info, live=True, clock=moment, seekable=False, declared_duration=None)

    def items(self, sampler: Sampler, *, duration: float | None = None) -> Iterator[LiveItem]:
        """See `videoscan.seams.LiveFootage`: frames at their time, and heartbeats between them."""
        began = self._clock.monotonic()
        end = float("inf") if duration is None else duration
        try:
            for frame in self._footage.frames(sampler):
                at = min(frame.time, end)
                while (left := began + at - self._clock.monotonic()) > 0:
                    if self._clock.wait(self._closed, min(left, _BEAT)):
                        return
                    yield Heartbeat(self._base + min(at, self._clock.monotonic() - began), "playing")
                if self._closed.is_set():
                    return
                if frame.time >= end:
                    yield Heartbeat(self._base + end, "playing")
                    return
                yield replace(frame, time=self._base + frame.time)
            for lost in self._footage.tally().lost:
                yield Gap(self._base + lost.start, self._base + lost.end, lost.reason)
            yield Heartbeat(self._base + min(end, self._footage.tally().duration), "playing")
        finally:
            self._footage.close()

    def recent(self, start: float, end: float, *, every: float = 0.0) -> Iterator[Frame]:  # noqa: ARG002 - a seam's arguments
        """Nothing: the file itself can be scanned."""
        return iter(())

    def close(self) -> None:
        """See `videoscan.seams.LiveFootage`."""
        self._closed.set()
        self._footage.close()
