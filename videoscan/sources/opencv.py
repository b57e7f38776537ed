"""Reads video files with OpenCV: the other backend, for machines and files where PyAV is no choice.

OpenCV shows no packets together with pictures, so three captures of the same file work together, each opened when it is first
needed: one that only demuxes (``FORMAT=-1``) says which times and keyframes the file promises, one decodes keyframes alone
(``avdiscard;nonkey``), one decodes everything in order.

What it cannot do, PyAV can: no AV1, no interlaced video, no wall clock, no rate of raw streams but FFmpeg's guess of 25. What is
missing from a file is found by PyAV's packets: OpenCV shows no bytes by which a hole could be told from a pause.
"""

from __future__ import annotations

import bisect
import itertools
import statistics
import threading
import time as wall
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import cv2
import numpy as np
from pydantic import Field

from videoscan.config import Options
from videoscan.errors import SourceUnsupported
from videoscan.model import Frame, SourceInfo, Tally
from videoscan.seams import INFINITY, Aim
from videoscan.sources import captures
from videoscan.sources.paths import is_url, local_file, unreadable
from videoscan.sources.pixels import ArrayPixels
from videoscan.sources.probing import LARGEST, FirstPictures, first_pictures, missing_packets, too_large
from videoscan.sources.times import Ledger, settle_length

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pydantic import BaseModel

    from videoscan.seams import Sampler

_HIGHEST_RATE = 240.0
_USUAL_RATE = 25.0
_SHORTEST = 1e-4
"""Seconds between pictures of the fastest camera; less is damage."""
_LOOK = 48


_BEHIND = 0.5
"""Seconds by which OpenCV may end before the last packet without a loss: it gives the last pictures of some files no time."""

_NOT_SHOWN = Frame(-1, -1.0, keyframe=False, pixels=ArrayPixels(np.zeros((1, 1, 3), np.uint8)))
"""Stands for a picture that was decoded and could not be converted."""


class OpenCvOptions(Options):
    """How OpenCV's FFmpeg is run."""

    threads: int = Field(default=0, ge=0, le=64)
    """Decoder threads; 0 lets OpenCV choose (one per core)."""


class OpenCvSource:
    """Opens what OpenCV's FFmpeg backend reads; its wheels have no software decoder for AV1."""

    Options: ClassVar[type[BaseModel]] = OpenCvOptions

    def __init__(self, options: OpenCvOptions | None = None) -> None:
        self.options = options or OpenCvOptions()

    def open(self, uri: str) -> OpenCvFootage:
        """Decodes the first picture to learn where the clock starts. Raises `SourceNotFound` or `SourceUnsupported`."""
        path = None if is_url(uri) else local_file(uri)
        name = uri if path is None else str(path.absolute())
        capture = captures.capture(name, threads=1)
        try:
            if not capture.isOpened():
                raise unreadable(uri, path, "OpenCV could not open it")
            width, height = int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)), int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
            if width * height > LARGEST:
                raise too_large(uri, width, height)
            first = first_pictures(name, path) if path is not None else FirstPictures()
            if first.interlaced:
                # Seen in the wheel of OpenCV 5.0: its scaler refuses every later picture, and `retrieve` gives the old one again.
                raise SourceUnsupported(
                    f"{uri!r} is interlaced, and OpenCV would show its first picture again and again",
                    hint="use source.backend = pyav, which is the default",
                )
            return OpenCvFootage(*self._look(capture, uri, name, first), self.options)
        finally:
            capture.release()

    def _look(self, capture: cv2.VideoCapture, uri: str, name: str, first: FirstPictures) -> tuple[SourceInfo, _Opened]:
        fps, count = capture.get(cv2.CAP_PROP_FPS), capture.get(cv2.CAP_PROP_FRAME_COUNT)
        declared = count / fps if fps > 0 and count > 0 else None
        codec = int(capture.get(cv2.CAP_PROP_FOURCC)).to_bytes(4, "little", signed=False).decode("latin-1").strip("\0 ").lower()
        if captures.grab(capture, lambda: False) is None:
            promised = f" ({declared:.1f} s are declared)" if declared else ""
            raise SourceUnsupported(
                f"OpenCV opened {uri!r} ({codec or 'unknown codec'}) and decoded not one picture{promised}",
                hint="its builds have no decoder for some codecs, AV1 among them: use source.backend = pyav",
            )
        flags: list[str] = []
        zero = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
        late = max(0.0, zero - first.begin) if first.begin is not None and not first.hidden else 0.0
        # OpenCV tells the first picture's place only in units of its own rate: right to half a picture.
        start = max(0.0, capture.get(cv2.CAP_PROP_PTS) / fps - late) if fps > 0 else 0.0
        stamps = _stamps(name)
        timed = len(set(stamps)) > 1 or len(stamps) <= 1
        gaps = [later - earlier for earlier, later in itertools.pairwise(sorted(stamps)) if later > earlier]
        if not 0 < fps <= _HIGHEST_RATE:
            fps = 1 / max(statistics.median(gaps), _SHORTEST) if gaps else _USUAL_RATE
        if not timed:
            flags.append(f"the stream has no timestamps: frame times are counted at its declared {fps:g} pictures a second")
        info = SourceInfo(
            uri=uri,
            width=int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)),
            height=int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)),
            fps=fps,
            rotation=int(capture.get(cv2.CAP_PROP_ORIENTATION_META)) % 360,
            start_time=start,
            declared_duration=None if not timed else first.declared if first.known else declared,
            codec=codec or None,
            flags=tuple(flags),
            sound=first.sound,
        )
        # MPEG program streams stamp a picture now and then; what has none is shown as 0, which is then there twice.
        planned = timed and len(set(stamps)) == len(stamps)
        return info, _Opened(name, zero - late, first.hidden, late, timed, planned, first.shared, local=first.known)


def _stamps(name: str) -> list[float]:
    """Times of the first packets in seconds."""
    capture = captures.capture(name, threads=1, demux_only=True)
    try:
        stamps: list[float] = []
        while len(stamps) < _LOOK and capture.grab():
            stamps.append(capture.get(cv2.CAP_PROP_POS_MSEC) / 1000)
        return stamps
    finally:
        capture.release()


@dataclass(frozen=True, slots=True)
class _Opened:
    """What looking at the beginning told; times in seconds.

    `zero` is the first picture's time as OpenCV counts, `hidden` as in `FirstPictures`. `late`: so long after the first picture
    comes the first that can be decoded.
    `timed`: pictures have times at all. `planned`: each packet has its own, so that what is wanted can be found without decoding.
    `local`: a file that PyAV can read as well.
    """

    name: str
    zero: float
    hidden: float
    late: float
    timed: bool
    planned: bool
    shared: bool
    local: bool


class OpenCvFootage:
    """A video file, ready to be decoded once."""

    def __init__(self, info: SourceInfo, opened: _Opened, options: OpenCvOptions) -> None:
        self.info = info
        self._opened = opened
        self._threads = options.threads
        self._step = 1 / (info.fps or _USUAL_RATE)
        self._closed = threading.Event()
        self._ledger = Ledger()
        self._decoded = 0
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
        before = wall.perf_counter()
        run = _Run(self._opened, self._step, self._threads, self._ledger, self._closed.is_set)
        try:
            while True:
                aim = session.aim()
                if run.last_index < 0 and start > 0:
                    aim = Aim(max(aim.time, start)) if aim.time < INFINITY else Aim(start)
                frame = run.next(aim)
                if frame is None:
                    break
                if end is not None and frame.time >= end:
                    self._whole = False
                    break
                if session.saw(frame) is True:
                    self._seconds += wall.perf_counter() - before
                    yield frame
                    before = wall.perf_counter()
            if self._whole or self.info.declared_duration is None:
                run.scan.read_on()
                self._whole = True
            if self._whole and self._opened.local and self._opened.timed and not self._closed.is_set():
                self._ask_for_what_is_missing(run.read())
        finally:
            self._read = max(self._read, run.read())
            self._decoded = run.decoded()
            self._flags += run.flags()
            run.close()
            self._seconds += wall.perf_counter() - before

    def _ask_for_what_is_missing(self, read: float) -> None:
        """OpenCV shows no bytes by which a hole could be told from a pause, or an end from the place where reading stopped."""
        end, lost = missing_packets(self._opened.name)
        for span in lost:
            self._ledger.add(span.start, span.end, span.reason)
            self._read = max(read, span.end)
        if end > read + _BEHIND:
            self._ledger.add(read, end, captures.NO_PICTURE)
            self._read = end

    def tally(self) -> Tally:
        """What the pass came to. The part after `end` is not decoded, so its damage is not known."""
        declared = self.info.declared_duration
        duration, tail = settle_length(self._read, declared, frame=self._step, shared=self._opened.shared, whole=self._whole)
        if tail is not None:
            self._ledger.add(tail, duration, f"the file ends here, but declares {duration:.1f} s")
        return Tally(duration, self._decoded, self._ledger.settled(duration), tuple(self._flags), decode_seconds=self._seconds)

    def close(self) -> None:
        """A running `frames` ends at its next picture and lets go of the file itself."""
        self._closed.set()


class _Run:
    """One pass: plans with the scan, fetches a keyframe from the keyframe capture and anything else from the full one."""

    def __init__(self, opened: _Opened, step: float, threads: int, ledger: Ledger, stopped: Callable[[], bool]) -> None:
        self.opened, self.step, self.threads, self.ledger, self.stopped = opened, step, threads, ledger, stopped
        demuxed = captures.capture(opened.name, threads=1, demux_only=True)
        self.scan = captures.Scan(demuxed, opened.zero + opened.hidden, step, stopped)
        self.keys: captures.Reader | None = None
        self.all: captures.Reader | None = None
        self.keys_trusted = opened.planned
        self.last = -1.0
        self.last_index = -1
        ledger.add(0.0, opened.late, captures.NO_PICTURE)

    def _reader(self, *, keyframes_only: bool) -> captures.Reader:
        capture = captures.capture(self.opened.name, threads=self.threads, keyframes_only=keyframes_only)
        ledger = None if keyframes_only else self.ledger
        scan = self.scan if self.opened.planned else None
        return captures.Reader(capture, self.opened.zero, self.step, self.stopped, ledger, scan)

    def next(self, aim: Aim) -> Frame | None:
        """The frame that meets `aim`, later than any before it."""
        while True:
            frame = self._next(aim)
            # A picture that cannot be converted is lost; it is not the end.
            if frame is not _NOT_SHOWN:
                return frame

    def _next(self, aim: Aim) -> Frame | None:
        if not self.opened.planned:
            return self._in_order(aim)
        after = self.last + self.step / 4
        key = self.scan.key(max(aim.keyframe_from, after), aim.keyframe_until) if aim.keyframe_until > -INFINITY else None
        if key is not None:
            frame = self._keyframe(key)
            if frame is not None:
                return frame
        elif aim.time == INFINITY:
            return None
        promised = self.scan.first(max(aim.time if key is None else key, after))
        if promised is None:
            return None
        return self._ordinary(promised)

    def _keyframe(self, key: float) -> Frame | None:
        if not self.keys_trusted:
            return None
        self.keys = self.keys or self._reader(keyframes_only=True)
        reader = self.keys
        near = self.step / 2
        # A keyframe of an open GOP comes out of order or not at all; then only decoding everything finds the rest.
        while reader.time < key - near:
            before = reader.repaired
            if not reader.grab() or reader.repaired > before:
                self.keys_trusted = False
                return None
        if reader.time > key + near:
            self.keys_trusted = False
            return None
        return self._taken(reader, keyframe=True)

    def _ordinary(self, promised: float) -> Frame | None:
        self.all = self.all or self._reader(keyframes_only=False)
        reader = self.all
        near = self.step / 2
        while not reader.ended and (reader.time < promised - min(near, 1e-3) or reader.time <= self.last):
            reader.grab()
        if reader.ended:
            if not self.stopped():
                self.scan.read_on()
                self.ledger.add(promised, self.read(), captures.NO_PICTURE)
            return None
        # A guess is no proof that a picture is missing.
        if reader.time - promised > near and not reader.guessed:
            self.ledger.add(promised, reader.time, captures.NO_PICTURE)
        keys = self.scan.keys
        place = bisect.bisect_left(keys, reader.time - 1e-3)
        return self._taken(reader, keyframe=place < len(keys) and keys[place] <= reader.time + 1e-3)

    def _in_order(self, aim: Aim) -> Frame | None:
        """Without a plan: everything is decoded, and what meets the aim is taken as it comes."""
        self.all = self.all or self._reader(keyframes_only=False)
        reader = self.all
        while reader.grab():
            if not self.opened.timed:
                reader.time = (reader.count - 1) * self.step
            key = reader.capture.get(cv2.CAP_PROP_FRAME_TYPE) == ord("I")
            in_window = key and aim.keyframe_from <= reader.time <= aim.keyframe_until
            if reader.time > self.last and (in_window or reader.time >= aim.time):
                return self._taken(reader, keyframe=key)
        return None

    def _taken(self, reader: captures.Reader, *, keyframe: bool) -> Frame:
        found, picture = reader.capture.retrieve()
        self.last = reader.time
        if not found:
            self.ledger.add(reader.time, reader.time + self.step, "damaged: the picture could not be converted")
            return _NOT_SHOWN
        index = self.scan.index(reader.time) if self.opened.planned else reader.count - 1
        self.last_index = max(index, self.last_index + 1)
        return Frame(self.last_index, reader.time, keyframe, ArrayPixels(np.asarray(picture, np.uint8)))

    def read(self) -> float:
        """End of the last picture in seconds, as far as it was read."""
        if not self.opened.planned:
            return self.all.time + self.step if self.all and self.all.count else 0.0
        return max(self.scan.latest, self.all.time if self.all else 0.0, self.last) + self.step

    def decoded(self) -> int:
        """Pictures that came out of the decoders."""
        return sum(reader.count for reader in (self.keys, self.all) if reader)

    def flags(self) -> list[str]:
        """What only reading could show."""
        readers = [reader for reader in (self.keys, self.all) if reader]
        flags = []
        if restarts := max((reader.restarts for reader in readers), default=0):
            flags.append(f"timestamps jumped back {restarts} times: the clock was continued")
        if self.opened.timed and (repaired := sum(reader.repaired for reader in readers)):
            flags.append(f"{repaired} pictures had no time or a wrong one: they follow at the usual distance")
        return flags

    def close(self) -> None:
        """Let go of all captures."""
        for reader in (self.keys, self.all):
            if reader:
                reader.capture.release()
        self.scan.capture.release()
