"""Reads video files with OpenCV: the other backend, for machines and files where PyAV is no choice.

OpenCV shows no packets together with pictures, so three captures of the same file work together, each opened when it is first
needed: one that only demuxes (``FORMAT=-1``) says which times and keyframes the file promises, one decodes keyframes alone
(``avdiscard;nonkey``), one decodes everything in order.

What it cannot do, PyAV can: no AV1, no wall clock, no rate of raw streams but FFmpeg's guess of 25, and a hole in a Matroska
file looks like a pause.
"""

from __future__ import annotations

import bisect
import contextlib
import itertools
import os
import statistics
import threading
import time as wall
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import cv2
import numpy as np
from pydantic import Field

from videoscan.config import Options
from videoscan.errors import SourceUnsupported
from videoscan.model import Frame, SourceInfo, Tally
from videoscan.seams import INFINITY, Aim
from videoscan.sources.paths import head, is_url, local_file, unreadable
from videoscan.sources.pixels import ArrayPixels
from videoscan.sources.times import Ledger, settle_length

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pydantic import BaseModel

    from videoscan.seams import Sampler

_ENVIRONMENT = threading.Lock()
"""OpenCV reads its FFmpeg options from the process's environment, at each open."""

_OPTIONS = "OPENCV_FFMPEG_CAPTURE_OPTIONS"
_LOG_LEVEL = "OPENCV_FFMPEG_LOGLEVEL"
_QUIET = "-8"
"""``AV_LOG_QUIET``."""

_REFUSALS = 64
"""``grab()`` gives up after 64 undecodable packets and goes on when asked again; so 64 refusals are 4096 packets, over two minutes."""

_HIGHEST_RATE = 240.0
_USUAL_RATE = 25.0
_LOOK = 48
_MATROSKA = b"\x1a\x45\xdf\xa3"
"""EBML's first bytes. Matroska's duration is the end on the container's own clock; elsewhere it counts from the first packet."""

_NO_PICTURE = "damaged: the decoder gave no picture"


class OpenCvOptions(Options):
    """How OpenCV's FFmpeg is run."""

    threads: int = Field(default=0, ge=0, le=64)
    """Decoder threads; 0 lets OpenCV choose (one per core)."""


@contextlib.contextmanager
def _environment(**values: str) -> Iterator[None]:
    with _ENVIRONMENT:
        before = {name: os.environ.get(name) for name in values}
        os.environ.update(values)
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value


def _capture(path: str, *, threads: int, keyframes_only: bool = False, demux_only: bool = False) -> cv2.VideoCapture:
    # Set beside it only for as long as it is read; without it the library prints every damaged macroblock on stderr.
    values = {_LOG_LEVEL: os.environ.get(_LOG_LEVEL, _QUIET)}
    if keyframes_only:
        values[_OPTIONS] = "|".join(filter(None, [os.environ.get(_OPTIONS), "avdiscard;nonkey"]))
    level = cv2.utils.logging.getLogLevel()
    with _environment(**values):
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
        try:
            capture = cv2.VideoCapture(path, cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, threads] if threads else [])
        finally:
            cv2.utils.logging.setLogLevel(level)
    if demux_only:
        capture.set(cv2.CAP_PROP_FORMAT, -1)
    return capture


def _grab(capture: cv2.VideoCapture, stopped: Callable[[], bool]) -> int | None:
    """How often it refused before it came; `None` when it will not come any more."""
    for refusals in range(_REFUSALS):
        if stopped():
            return None
        if capture.grab():
            return refusals
    return None


@dataclass
class Scan:
    """What the file promises: times in presentation order and which are keyframes, read only as far ahead as is asked for."""

    capture: cv2.VideoCapture
    zero: float
    stopped: Callable[[], bool]
    times: list[float] = field(default_factory=list)
    """Promised and not yet passed, rising."""
    keys: list[float] = field(default_factory=list)
    passed: int = 0
    latest: float = 0.0
    ended: bool = False
    errors: int = 0

    def advance(self, until: float) -> None:
        """Read until no picture at or before `until` can come any more: 17 pictures beyond it, the most that is reordered."""
        while not self.ended and not (len(self.times) > 17 and self.times[-17] > until):
            self._one()

    def _one(self) -> None:
        refusals = _grab(self.capture, self.stopped)
        if refusals is None:
            self.ended = True
            return
        self.errors += refusals
        time = self.capture.get(cv2.CAP_PROP_POS_MSEC) / 1000 - self.zero
        if time > -1e-4:
            bisect.insort(self.times, time)
            if self.capture.get(cv2.CAP_PROP_LRF_HAS_KEY_FRAME):
                bisect.insort(self.keys, time)
        self.latest = max(self.latest, time)

    def read_on(self) -> None:
        """To the end, remembering nothing."""
        while not self.ended:
            self._one()
            self.times.clear()
            self.keys.clear()

    def index(self, time: float) -> int:
        """How many promised pictures lie before `time`; forgets them. Questions come in order of time."""
        place = bisect.bisect_left(self.times, time - 1e-4)
        self.passed += place
        del self.times[:place]
        del self.keys[: bisect.bisect_left(self.keys, time - 1e-4)]
        return self.passed

    def first(self, time: float) -> float | None:
        """The first promised picture at or after `time`."""
        while True:
            self.advance(time)
            place = bisect.bisect_left(self.times, time)
            if place < len(self.times) or self.ended:
                return self.times[place] if place < len(self.times) else None

    def key(self, start: float, end: float) -> float | None:
        """The first keyframe in ``[start, end]``."""
        while True:
            place = bisect.bisect_left(self.keys, start)
            if place < len(self.keys):
                # Keyframes come in order: none that is read later lies before this one.
                return self.keys[place] if self.keys[place] <= end else None
            if self.ended or (len(self.times) > 17 and self.times[-17] > end):
                return None
            if end == INFINITY and len(self.times) > 4096:
                self.index(self.times[-64])
            self._one()


@dataclass
class Reader:
    """A capture whose times are repaired: OpenCV gives 0 for the last frames of some files and all of a raw stream, and runs back."""

    capture: cv2.VideoCapture
    zero: float
    step: float
    stopped: Callable[[], bool]
    ledger: Ledger | None = None
    """Where gaps after refusals go; none for a reader that skips on purpose."""
    time: float = -1.0
    count: int = 0
    repaired: int = 0
    _unexplained: int = 0
    ended: bool = False

    def grab(self) -> bool:
        """Step to the next picture; its time is then `time`."""
        refusals = _grab(self.capture, self.stopped)
        if refusals is None:
            self.ended = True
            return False
        self._unexplained += refusals
        time = self.capture.get(cv2.CAP_PROP_POS_MSEC) / 1000 - self.zero
        if self.count and time <= self.time:
            time = self.time + self.step
            self.repaired += 1
        # A refusal comes earlier than the gap it leaves, by as many pictures as the decoder holds back.
        if self.ledger and self._unexplained and time - self.time > 1.5 * self.step:
            self.ledger.add(self.time + self.step if self.count else 0.0, time, _NO_PICTURE)
            self._unexplained = 0
        self.time = max(0.0, time)
        self.count += 1
        return True


class OpenCvSource:
    """Opens what OpenCV's FFmpeg backend reads; its wheels have no software decoder for AV1."""

    Options: ClassVar[type[BaseModel]] = OpenCvOptions

    def __init__(self, options: OpenCvOptions | None = None) -> None:
        self.options = options or OpenCvOptions()

    def open(self, uri: str) -> OpenCvFootage:
        """Decodes the first picture to learn where the clock starts. Raises `SourceNotFound` or `SourceUnsupported`."""
        path = None if is_url(uri) else local_file(uri)
        name = uri if path is None else str(path.absolute())
        capture = _capture(name, threads=1)
        try:
            if not capture.isOpened():
                raise unreadable(uri, path, "OpenCV could not open it")
            return OpenCvFootage(self._look(capture, uri, name), name, capture.get(cv2.CAP_PROP_POS_MSEC) / 1000, self.options)
        finally:
            capture.release()

    def _look(self, capture: cv2.VideoCapture, uri: str, name: str) -> SourceInfo:
        fps, count = capture.get(cv2.CAP_PROP_FPS), capture.get(cv2.CAP_PROP_FRAME_COUNT)
        declared = count / fps if fps > 0 and count > 0 else None
        codec = int(capture.get(cv2.CAP_PROP_FOURCC)).to_bytes(4, "little", signed=False).decode("latin-1").strip("\0 ").lower()
        if _grab(capture, lambda: False) is None:
            promised = f" ({declared:.1f} s are declared)" if declared else ""
            raise SourceUnsupported(
                f"OpenCV opened {uri!r} ({codec or 'unknown codec'}) and decoded not one picture{promised}",
                hint="its builds have no decoder for some codecs, AV1 among them: use source.backend = pyav",
            )
        flags: list[str] = []
        # OpenCV tells the first picture's place only in units of its own rate: right to half a picture.
        start = max(0.0, capture.get(cv2.CAP_PROP_PTS) / fps) if fps > 0 else 0.0
        if declared is not None and head(Path(name), 4) == _MATROSKA:
            declared = max(0.0, declared - start)
        stamps = _stamps(name)
        timed = len(set(stamps)) > 1 or len(stamps) <= 1
        gaps = [later - earlier for earlier, later in itertools.pairwise(stamps) if later > earlier]
        if not 0 < fps <= _HIGHEST_RATE:
            fps = 1 / statistics.median(gaps) if gaps else _USUAL_RATE
        if not timed:
            flags.append(f"the stream has no timestamps: frame times are counted at its declared {fps:g} pictures a second")
        return SourceInfo(
            uri=uri,
            width=int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)),
            height=int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)),
            fps=fps,
            rotation=int(capture.get(cv2.CAP_PROP_ORIENTATION_META)) % 360,
            start_time=start,
            declared_duration=declared,
            codec=codec or None,
            flags=tuple(flags),
        )


def _stamps(name: str) -> list[float]:
    """Times of the first packets in seconds, rising."""
    capture = _capture(name, threads=1, demux_only=True)
    try:
        stamps: list[float] = []
        while len(stamps) < _LOOK and capture.grab():
            stamps.append(capture.get(cv2.CAP_PROP_POS_MSEC) / 1000)
        return sorted(stamps)
    finally:
        capture.release()


class OpenCvFootage:
    """A video file, ready to be decoded once."""

    def __init__(self, info: SourceInfo, name: str, zero: float, options: OpenCvOptions) -> None:
        self.info = info
        self._name = name
        self._zero = zero
        self._threads = options.threads
        self._step = 1 / (info.fps or _USUAL_RATE)
        self._timed = not info.flags
        self._closed = threading.Event()
        self._ledger = Ledger()
        self._decoded = 0
        self._read = 0.0
        self._whole = True
        self._seconds = 0.0
        self._flags: list[str] = []

    def frames(self, sampler: Sampler, *, start: float = 0.0, end: float | None = None) -> Iterator[Frame]:
        """The sampled frames in ``[start, end)``; see `videoscan.seams.Footage`."""
        session = sampler.session(self.info)
        before = wall.perf_counter()
        run = _Run(self._name, self._zero, self._step, self._threads, self._ledger, self._closed.is_set, timed=self._timed)
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
                if session.saw(frame):
                    self._seconds += wall.perf_counter() - before
                    yield frame
                    before = wall.perf_counter()
            if self._whole or self.info.declared_duration is None:
                run.scan.read_on()
                self._whole = True
        finally:
            self._read = run.read()
            self._decoded = run.decoded()
            self._flags += run.flags()
            run.close()
            self._seconds += wall.perf_counter() - before

    def tally(self) -> Tally:
        """What the pass came to. The part after `end` is not decoded, so its damage is not known."""
        declared = self.info.declared_duration if self._timed else None
        duration, tail = settle_length(self._read, declared, frame=self._step, shared=True, whole=self._whole)
        if tail is not None:
            self._ledger.add(tail, duration, f"the file ends here, but declares {duration:.1f} s")
        return Tally(duration, self._decoded, self._ledger.settled(duration), tuple(self._flags), decode_seconds=self._seconds)

    def close(self) -> None:
        """A running `frames` ends at its next picture and lets go of the file itself."""
        self._closed.set()


class _Run:
    """One pass: plans with the scan, fetches a keyframe from the keyframe capture and anything else from the full one."""

    def __init__(
        self,
        name: str,
        zero: float,
        step: float,
        threads: int,
        ledger: Ledger,
        stopped: Callable[[], bool],
        *,
        timed: bool,
    ) -> None:
        self.name, self.zero, self.step, self.threads, self.ledger, self.timed = name, zero, step, threads, ledger, timed
        self.stopped = stopped
        self.scan = Scan(_capture(name, threads=1, demux_only=True), zero, stopped)
        self.keys: Reader | None = None
        self.all: Reader | None = None
        self.keys_trusted = True
        self.last = -1.0
        self.last_index = -1

    def _reader(self, *, keyframes_only: bool) -> Reader:
        capture = _capture(self.name, threads=self.threads, keyframes_only=keyframes_only)
        return Reader(capture, self.zero, self.step, self.stopped, None if keyframes_only else self.ledger)

    def next(self, aim: Aim) -> Frame | None:
        """The frame that meets `aim`, later than any before it."""
        if not self.timed:
            return self._counted(aim)
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
                self.ledger.add(promised, self.read(), _NO_PICTURE)
            return None
        # Repaired times are guesses, and no proof that a picture is missing.
        if reader.time - promised > near and not reader.repaired:
            self.ledger.add(promised, reader.time, _NO_PICTURE)
        keys = self.scan.keys
        place = bisect.bisect_left(keys, reader.time - 1e-3)
        return self._taken(reader, keyframe=place < len(keys) and keys[place] <= reader.time + 1e-3)

    def _counted(self, aim: Aim) -> Frame | None:
        self.all = self.all or self._reader(keyframes_only=False)
        while self.all.grab():
            self.all.time = (self.all.count - 1) * self.step
            if self.all.time > self.last and self.all.time >= aim.time:
                return self._taken(self.all, keyframe=self.all.capture.get(cv2.CAP_PROP_FRAME_TYPE) == ord("I"))
        return None

    def _taken(self, reader: Reader, *, keyframe: bool) -> Frame | None:
        found, picture = reader.capture.retrieve()
        if not found:
            self.ledger.add(reader.time, reader.time + self.step, "damaged: the picture could not be converted")
            self.last = reader.time
            return None
        self.last = reader.time
        index = self.scan.index(reader.time) if self.timed else reader.count - 1
        self.last_index = max(index, self.last_index + 1)
        return Frame(self.last_index, reader.time, keyframe, ArrayPixels(np.asarray(picture, np.uint8)))

    def read(self) -> float:
        """End of the last picture in seconds, as far as it was read."""
        if not self.timed:
            return self.all.count * self.step if self.all else 0.0
        return max(self.scan.latest, self.all.time if self.all else 0.0, self.last) + self.step

    def decoded(self) -> int:
        """Pictures that came out of the decoders."""
        return sum(reader.count for reader in (self.keys, self.all) if reader)

    def flags(self) -> list[str]:
        """What only reading could show."""
        repaired = sum(reader.repaired for reader in (self.keys, self.all) if reader)
        if self.timed and repaired:
            return [f"{repaired} pictures had no time or one that ran back: they follow at the usual distance"]
        return []

    def close(self) -> None:
        """Let go of all captures."""
        for reader in (self.keys, self.all):
            if reader:
                reader.capture.release()
        self.scan.capture.release()
