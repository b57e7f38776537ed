"""Reads video files with OpenCV: the other backend, for machines and files where PyAV is no choice.

OpenCV shows no packets together with pictures, so three captures of the same file work together, each opened when it is first
needed: one that only demuxes (``FORMAT=-1``) says which times and keyframes the file promises, one decodes keyframes alone
(``avdiscard;nonkey``), one decodes everything in order.

What it cannot do, PyAV can: no AV1, no interlaced video, no wall clock, no rate of raw streams but FFmpeg's guess of 25, and a
hole in a Matroska file looks like a pause.
"""

from __future__ import annotations

import bisect
import itertools
import statistics
import threading
import time as wall
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import cv2
import numpy as np
from pydantic import Field

from videoscan.config import Options
from videoscan.errors import SourceUnsupported
from videoscan.model import Frame, SourceInfo, Tally
from videoscan.seams import INFINITY, Aim
from videoscan.sources import captures
from videoscan.sources.paths import head, is_url, local_file, unreadable
from videoscan.sources.pixels import ArrayPixels
from videoscan.sources.probing import FirstPictures, first_pictures
from videoscan.sources.times import Ledger, settle_length

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pydantic import BaseModel

    from videoscan.seams import Sampler

_HIGHEST_RATE = 240.0
_USUAL_RATE = 25.0
_LOOK = 48
_MATROSKA = b"\x1a\x45\xdf\xa3"
"""EBML's first bytes. Matroska's duration is the end on the container's own clock; elsewhere it counts from the first packet."""


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
            first = first_pictures(name) if path is not None else FirstPictures()
            if first.interlaced:
                # Seen in the wheel of OpenCV 5.0: its scaler refuses every later picture, and `retrieve` gives the old one again.
                raise SourceUnsupported(
                    f"{uri!r} is interlaced, and OpenCV would show its first picture again and again",
                    hint="use source.backend = pyav, which is the default",
                )
            info = self._look(capture, uri, name)
            if first.hidden and info.declared_duration is not None:
                info = replace(info, declared_duration=max(0.0, info.declared_duration - first.hidden))
            return OpenCvFootage(info, name, capture.get(cv2.CAP_PROP_POS_MSEC) / 1000, first.hidden, self.options)
        finally:
            capture.release()

    def _look(self, capture: cv2.VideoCapture, uri: str, name: str) -> SourceInfo:
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
    capture = captures.capture(name, threads=1, demux_only=True)
    try:
        stamps: list[float] = []
        while len(stamps) < _LOOK and capture.grab():
            stamps.append(capture.get(cv2.CAP_PROP_POS_MSEC) / 1000)
        return sorted(stamps)
    finally:
        capture.release()


class OpenCvFootage:
    """A video file, ready to be decoded once."""

    def __init__(self, info: SourceInfo, name: str, zero: float, hidden: float, options: OpenCvOptions) -> None:
        self.info = info
        self._name = name
        self._zero = zero
        self._hidden = hidden
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
        run = _Run(
            self._name, self._zero, self._hidden, self._step, self._threads, self._ledger, self._closed.is_set, timed=self._timed
        )
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
        hidden: float,
        step: float,
        threads: int,
        ledger: Ledger,
        stopped: Callable[[], bool],
        *,
        timed: bool,
    ) -> None:
        self.name, self.zero, self.step, self.threads, self.ledger, self.timed = name, zero, step, threads, ledger, timed
        self.stopped = stopped
        self.scan = captures.Scan(captures.capture(name, threads=1, demux_only=True), zero + hidden, stopped)
        self.keys: captures.Reader | None = None
        self.all: captures.Reader | None = None
        self.keys_trusted = True
        self.last = -1.0
        self.last_index = -1

    def _reader(self, *, keyframes_only: bool) -> captures.Reader:
        capture = captures.capture(self.name, threads=self.threads, keyframes_only=keyframes_only)
        return captures.Reader(capture, self.zero, self.step, self.stopped, None if keyframes_only else self.ledger)

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
                self.ledger.add(promised, self.read(), captures.NO_PICTURE)
            return None
        # Repaired times are guesses, and no proof that a picture is missing.
        if reader.time - promised > near and not reader.repaired:
            self.ledger.add(promised, reader.time, captures.NO_PICTURE)
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

    def _taken(self, reader: captures.Reader, *, keyframe: bool) -> Frame | None:
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
