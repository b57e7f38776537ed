"""Reads video files with FFmpeg's libraries (PyAV): the default for files, because it decodes only what is looked at."""

from __future__ import annotations

import threading
import time as wall
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from av.codec.context import ThreadType
from av.video.stream import VideoStream
from pydantic import Field

from videoscan.config import Options
from videoscan.errors import SourceUnsupported
from videoscan.model import Frame, Lost, SourceInfo, Tally
from videoscan.seams import INFINITY, Aim, Back
from videoscan.sources import seeking
from videoscan.sources.decoding import Picked, Plain, Progress, Span, Untrusted
from videoscan.sources.lazy import Lazy
from videoscan.sources.packets import Packets
from videoscan.sources.pixels import AvPixels, rotation_of
from videoscan.sources.probing import Opened, look, open_container
from videoscan.sources.times import Ledger, Order, settle_length, tick

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from av.container import InputContainer
    from pydantic import BaseModel

    from videoscan.seams import Sampler
    from videoscan.sources.seeking import Place


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


def _open(opened: Opened) -> tuple[InputContainer, VideoStream]:
    container = open_container(opened.url, opened.uri, None)
    stream = container.streams[opened.stream]
    assert isinstance(stream, VideoStream)
    return container, stream


@dataclass(frozen=True, slots=True)
class _Way:
    """How a pass goes through the file: what it trusts, and where it begins to read.

    Without a `place` that is the start, and indices count from there.
    """

    plain: bool
    accept_corrupt: bool = False
    place: Place | None = None


@dataclass
class _Run:
    """One way through the file with one decoder. There is another one when the first cannot be trusted."""

    opened: Opened
    way: _Way
    span: Span
    progress: Progress
    stopped: Callable[[], bool]

    def __post_init__(self) -> None:
        opened, place = self.opened, self.way.place
        self.container, self.stream = _open(opened)
        context = self.stream.codec_context
        # After a flush FFmpeg's APNG decoder finds nothing more when it runs one thread for each picture.
        context.thread_type = ThreadType.SLICE if context.name == "apng" else ThreadType.AUTO
        context.thread_count = opened.threads
        if place is not None and place.at is not None:
            self.container.seek(place.at, stream=self.stream)
        self.packets = Packets(self.container, self.stream, opened.zero, opened.frame, self.progress.ledger, opened.indexed)
        order = Order(-place.before if place is not None else 0)
        self.decoder: Lazy | Plain
        if self.way.plain:
            self.decoder = Plain(
                self.packets,
                context,
                self.progress,
                self.stopped,
                opened.rate,
                self.span,
                order if opened.timed else None,
                self.way.accept_corrupt,
            )
        else:
            self.decoder = Lazy(self.packets, context, self.progress, self.stopped, self.span, order)

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
        self._cut_short = False
        self._counted_from_start = False
        self._span = Span()
        self._next_index = 0
        self._seconds = 0.0
        self._flags: list[str] = []

    def frames(
        self, sampler: Sampler, *, start: float = 0.0, end: float | None = None, warm_up: float = 0.0, seek: bool = False
    ) -> Iterator[Frame]:
        """The sampled frames in ``[start, end)``; see `videoscan.seams.Footage`."""
        session = sampler.session(self.info)
        self._span = Span(max(0.0, start - warm_up), start, INFINITY if end is None else end)
        self._counted_from_start = seek
        before = wall.perf_counter()
        way = _Way(plain=not self._opened.timed, place=self._place() if seek else None)
        run = self._run(way)
        try:
            while True:
                try:
                    picked = run.decoder.next(self._from_begin(session.aim()))
                except Untrusted:
                    self._flags.append("keyframe marks or timestamps of the file are wrong: every picture was decoded")
                    way = replace(way, plain=True, place=self._place(from_start=True) if seek else None)
                    run = self._again(run, way)
                    continue
                other = self._other_way(way, picked)
                if other is not None:
                    way, run = other, self._again(run, other)
                    continue
                if picked is None:
                    break
                if picked.time >= self._span.end:
                    run.decoder.taken(picked)
                    break
                frame = self._frame(picked)
                verdict = session.saw(frame)
                if isinstance(verdict, Back) and run.decoder.back(picked, verdict.time):
                    continue
                run.decoder.taken(picked)
                if verdict is True:
                    self._seconds += wall.perf_counter() - before
                    yield frame
                    before = wall.perf_counter()
            self._next_index = run.decoder.finish()
            self._whole = run.decoder.ended
            if not self._whole and self._opened.declared is None:
                run.read_on()
                self._whole = True
        finally:
            self._read = max(self._read, run.read())
            self._cut_short = self._opened.shared and run.packets.stopped_before(self._opened.declared or 0.0)
            self._flags += run.flags()
            run.close()
            self._seconds += wall.perf_counter() - before
        if not self._progress.seen and start <= 0 and end is None and not seek and not self._closed.is_set():
            raise SourceUnsupported(
                f"not one picture of {self._opened.uri!r} could be decoded",
                hint="the recording is damaged or its payload is missing",
            )

    def _from_begin(self, aim: Aim) -> Aim:
        """The first frame of a pass is the first one there is, of whatever kind."""
        begin = self._span.begin
        if self._progress.seen or begin <= 0:
            return aim
        return Aim(max(aim.time, begin)) if aim.time < INFINITY else Aim(begin)

    def _place(self, *, from_start: bool = False) -> Place:
        opened, span = self._opened, self._span
        base = opened.base
        return seeking.find(
            lambda: _open(opened),
            opened.zero,
            opened.frame,
            begin=int(tick(span.begin, base)) + opened.zero,
            start=int(tick(span.start, base)) + opened.zero,
            stopped=self._closed.is_set,
            from_start=from_start or not opened.indexed,
        )

    def _other_way(self, way: _Way, picked: Picked | None) -> _Way | None:
        """How to go through the file instead, if what came first shows that this way does not lead to what is there."""
        progress = self._progress
        if progress.seen or not progress.trouble or self._closed.is_set():
            return None
        if way.place is not None and way.place.at is not None:
            # It may be damage, or that pictures before this place are needed: reading from the start tells.
            self._ledger.spans.clear()
            progress.errors = progress.corrupt = 0
            return replace(way, place=self._place(from_start=True))
        if picked is None and progress.corrupt and not way.accept_corrupt:
            self._flags.append("every picture is damaged; damaged pictures are shown")
            return replace(way, plain=True, accept_corrupt=True)
        return None

    def _run(self, way: _Way) -> _Run:
        return _Run(self._opened, way, self._span, self._progress, self._closed.is_set)

    def _again(self, run: _Run, way: _Way) -> _Run:
        run.close()
        return self._run(way)

    def _frame(self, picked: Picked) -> Frame:
        return Frame(picked.index, picked.time, picked.keyframe, AvPixels(picked.frame, rotation_of(picked.frame)))

    def tally(self) -> Tally:
        """What the pass came to. The part after `end` is not decoded, so its damage is not known."""
        frame = 1 / self._opened.rate
        shared = self._opened.shared and not self._cut_short
        duration, tail = settle_length(self._read, self._opened.declared, frame=frame, shared=shared, whole=self._whole)
        if tail is not None:
            self._ledger.add(tail, duration, f"the file ends here, but declares {duration:.1f} s")
        first = self._span.start if self._counted_from_start else 0.0
        lost = (
            Lost(max(span.start, first), min(span.end, self._span.end), span.reason) for span in self._ledger.settled(duration)
        )
        return Tally(
            duration=duration,
            decoded=self._progress.decoded,
            lost=tuple(span for span in lost if span.end > span.start),
            flags=tuple(dict.fromkeys(self._flags)),
            decode_seconds=self._seconds,
            next_index=self._next_index,
        )

    def close(self) -> None:
        """A running `frames` ends at its next packet and lets go of the file itself."""
        self._closed.set()
