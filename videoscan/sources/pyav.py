"""Reads video files with FFmpeg's libraries (PyAV): the default for files, because it decodes only what is looked at."""

from __future__ import annotations

import threading
import time as wall
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from av.codec.context import ThreadType
from av.video.stream import VideoStream
from pydantic import Field

from videoscan.config import Options
from videoscan.errors import SourceUnsupported
from videoscan.model import Frame, SourceInfo, Tally
from videoscan.seams import Aim
from videoscan.sources.decoding import Lazy, Picked, Plain, Progress, Untrusted
from videoscan.sources.packets import Packets
from videoscan.sources.pixels import AvPixels, rotation_of
from videoscan.sources.probing import Opened, look, open_container
from videoscan.sources.times import Ledger, settle_length

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pydantic import BaseModel

    from videoscan.seams import Sampler


class PyAvOptions(Options):
    """How FFmpeg is run."""

    threads: int = Field(default=0, ge=0, le=64)
    """Decoder threads; 0 lets the decoder choose (one per core)."""


class PyAvSource:
    """Opens any container that FFmpeg reads."""

    Options: ClassVar[type[BaseModel]] = PyAvOptions

    def __init__(self, options: PyAvOptions | None = None) -> None:
        self.options = options or PyAvOptions()

    def open(self, uri: str) -> PyAvFootage:
        """Looks at the first picture. Raises `SourceNotFound` or `SourceUnsupported`."""
        return PyAvFootage(*look(uri, self.options.threads))


@dataclass
class _Run:
    """One way through the file with one decoder. There is a second one when the first cannot be trusted."""

    opened: Opened
    progress: Progress
    stopped: Callable[[], bool]
    plain: bool
    start: float = 0.0
    accept_corrupt: bool = False

    def __post_init__(self) -> None:
        opened = self.opened
        self.container = open_container(opened.url, opened.uri, None)
        self.stream = self.container.streams[opened.stream]
        assert isinstance(self.stream, VideoStream)
        context = self.stream.codec_context
        # After a flush FFmpeg's APNG decoder finds nothing more when it runs one thread for each picture.
        context.thread_type = ThreadType.SLICE if context.name == "apng" else ThreadType.AUTO
        context.thread_count = opened.threads
        base = float(self.stream.time_base or 1)
        frame = max(1, round(1 / (opened.rate * base)))
        self.packets = Packets(self.container, self.stream, opened.zero, frame, self.progress.ledger)
        self.decoder: Lazy | Plain
        if self.plain:
            self.decoder = Plain(self.packets, context, self.progress, self.stopped, opened.rate, self.accept_corrupt)
        else:
            self.decoder = Lazy(self.packets, context, self.progress, self.stopped)

    def read_on(self) -> None:
        """Learn how long the source is where it does not say, without decoding."""
        for _packet in self.packets:
            if self.stopped():
                return

    def read(self) -> float:
        """End of the last picture in seconds."""
        if isinstance(self.decoder, Plain) and self.decoder.untimed:
            return self.decoder.end
        return self.packets.time(self.packets.end)

    def flags(self) -> list[str]:
        """What only reading could show."""
        damage = self.packets.damage
        flags = []
        if damage.jumps:
            flags.append(f"timestamps jumped back {damage.jumps} times: the clock was continued")
        if damage.stamps:
            flags.append(f"{damage.stamps} timestamps were damaged: they were taken from the packets around them")
        if isinstance(self.decoder, Plain) and self.decoder.untimed and self.opened.timed:
            flags.append(f"{self.decoder.untimed} pictures had no timestamp: their times were counted")
        return flags

    def close(self) -> None:
        """Let go of the file and the decoder."""
        self.container.close()


class PyAvFootage:
    """A video file, ready to be decoded once."""

    def __init__(self, info: SourceInfo, opened: Opened) -> None:
        self.info = info
        self._opened = opened
        self._closed = threading.Event()
        self._ledger = Ledger()
        self._progress = Progress(self._ledger)
        self._read = 0.0
        self._whole = True
        self._seconds = 0.0
        self._flags: list[str] = []

    def frames(
        self,
        sampler: Sampler,
        *,
        start: float = 0.0,
        end: float | None = None,
        warm_up: float = 0.0,
        seek: bool = False,  # noqa: ARG002  # such a source says that it is not seekable
    ) -> Iterator[Frame]:
        """The sampled frames in ``[start, end)``; see `videoscan.seams.Footage`."""
        session = sampler.session(self.info)
        start = max(0.0, start - warm_up)
        careful = not self._opened.timed
        before = wall.perf_counter()
        run = _Run(self._opened, self._progress, self._closed.is_set, plain=careful)
        try:
            while True:
                aim = session.aim()
                if self._progress.last_index < 0 and start > 0:
                    aim = Aim(max(aim.time, start)) if aim.time < float("inf") else Aim(start)
                try:
                    picked = run.decoder.next(aim)
                except Untrusted:
                    run.close()
                    self._flags.append("keyframe marks or timestamps of the file are wrong: every picture was decoded")
                    run = _Run(self._opened, self._progress, self._closed.is_set, plain=True)
                    continue
                if picked is None and self._progress.last_index < 0 and self._progress.corrupt and not run.accept_corrupt:
                    run.close()
                    self._flags.append("every picture is damaged; damaged pictures are shown")
                    run = _Run(self._opened, self._progress, self._closed.is_set, plain=True, accept_corrupt=True)
                    continue
                if picked is None:
                    break
                if end is not None and picked.time >= end:
                    self._whole = False
                    break
                frame = self._frame(picked)
                if session.saw(frame) is True:
                    self._seconds += wall.perf_counter() - before
                    yield frame
                    before = wall.perf_counter()
            if not self._whole and self._opened.declared is None:
                run.read_on()
                self._whole = True
        finally:
            self._read = max(self._read, run.read())
            self._flags += run.flags()
            run.close()
            self._seconds += wall.perf_counter() - before
        if self._progress.last_index < 0 and start <= 0 and not self._closed.is_set():
            raise SourceUnsupported(
                f"not one picture of {self._opened.uri!r} could be decoded",
                hint="the recording is damaged or its payload is missing",
            )

    def _frame(self, picked: Picked) -> Frame:
        return Frame(picked.index, picked.time, picked.keyframe, AvPixels(picked.frame, rotation_of(picked.frame)))

    def tally(self) -> Tally:
        """What the pass came to. The part after `end` is not decoded, so its damage is not known."""
        frame = 1 / self._opened.rate
        duration, tail = settle_length(
            self._read, self._opened.declared, frame=frame, shared=self._opened.shared, whole=self._whole
        )
        if tail is not None:
            self._ledger.add(tail, duration, f"the file ends here, but declares {duration:.1f} s")
        return Tally(
            duration=duration,
            decoded=self._progress.decoded,
            lost=self._ledger.settled(duration),
            flags=tuple(dict.fromkeys(self._flags)),
            decode_seconds=self._seconds,
        )

    def close(self) -> None:
        """A running `frames` ends at its next packet and lets go of the file itself."""
        self._closed.set()
