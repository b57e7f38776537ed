"""Records a stream as it comes, without coding it again: segments that begin with a keyframe, named by the wall clock, rotated by age and size."""

from __future__ import annotations

import contextlib
import datetime as dt
import re
import threading
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING

import av
from av.bitstream import BitStreamFilterContext
from av.packet import Packet

from videoscan.live.decoding import LiveDecoder
from videoscan.model import Note, Recording
from videoscan.seams import Aim

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from av.container import OutputContainer
    from av.stream import Stream

    from videoscan.live.backlog import Arrival
    from videoscan.live.edge import Edge

_BASE = Fraction(1, 90_000)

_SETS = {"h264": (frozenset({7, 8}), 0, 0x1F), "hevc": (frozenset({32, 33, 34}), 1, 0x3F)}
"""Codecs that browsers play from an MP4: the types of their parameter sets, and where a type stands in a unit's first byte, as a shift and
a mask (H.264, 7.3.1; H.265, 7.3.1.2). Everything else is recorded as Matroska."""

_FRAGMENTS = {"movflags": "frag_keyframe+delay_moov+default_base_moof", "flush_packets": "1"}
"""Each group of pictures is written whole before the next one: a crash loses no more than that."""

_CLUSTERS = {"flush_packets": "1", "cluster_time_limit": "2000"}

_RETRY = 30.0
"""Seconds for which a disk is left alone that could not be written."""

_DAY = 86_400.0
_NAME = "%Y%m%d_%H%M%S"
_NAMED = re.compile(r"(\d{8}_\d{6}\.\d{3}[+-]\d{4})\.(?:mp4|mkv)")
_START_CODE = re.compile(rb"\x00\x00\x01")


@dataclass(frozen=True, slots=True)
class Keeping:
    """How segments are cut and how long they stay. Days and bytes may be 0: without end."""

    seconds: float = 300.0
    days: float = 7.0
    most_bytes: int = 20 * 1024**3


@dataclass(frozen=True, slots=True)
class Stored:
    """A segment that is finished: wall time of its begin and end in seconds since 1970, and bytes."""

    path: Path
    begin: float
    end: float
    size: int


def stored(folder: Path) -> list[Stored]:
    """The segments in a folder, in order of time; each ends when it was written last. Other files are passed over; none without a folder."""
    found = []
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            if (named := _NAMED.fullmatch(path.name)) is None:
                continue
            with contextlib.suppress(OSError, ValueError):  # it is gone by now, or there is no such day
                begin = dt.datetime.strptime(named[1], f"{_NAME}.%f%z").timestamp()
                status = path.stat()
                found.append(Stored(path, begin, max(begin, status.st_mtime), status.st_size))
    return sorted(found, key=lambda segment: (segment.begin, segment.path.name))


@dataclass(slots=True)
class _Segment:
    """The one that is being written."""

    path: Path
    output: OutputContainer
    stream: Stream
    sets: bytes
    start: float
    end: float
    last: int = -1
    size: int = 0


class SegmentRecorder:
    """Writes on the reader's thread. A disk that is full or gone is said once and tried again later; the watching goes on.

    Segments are called by the wall time of their first picture, ``20260301_235500.250+0100.mp4``, as `videoscan.recordings.recorders` reads it. The
    folder's other files are left alone.
    """

    def __init__(self, folder: Path, edge: Edge, keeping: Keeping, told: Callable[[Note], None]) -> None:
        self._folder, self._edge, self._keeping, self._tell = folder, edge, keeping, told
        self._codec: str | None = None
        self._extradata: bytes | None = None
        self._filter: BitStreamFilterContext | None = None
        """Of a connection whose units come with their lengths, as RTMP and fragmented MP4 have them."""
        self._open: _Segment | None = None
        self._quiet_until = 0.0
        self._complained = False
        self._lock = threading.Lock()
        self._writing = threading.RLock()
        self._closed = False
        self._done = stored(folder)
        """Those of an earlier process, and our own. Somebody else may have deleted some of them."""

    def begin(self, codec: str, extradata: bytes | None) -> None:
        """A connection stands."""
        self._codec, self._extradata = codec, extradata
        self._filter = None

    def write(self, arrival: Arrival) -> None:
        """The next packet. What comes before the first keyframe is left out."""
        with self._writing:
            if not self._closed and arrival.decoded >= self._quiet_until:
                self._write(arrival)

    def _write(self, arrival: Arrival) -> None:
        now = arrival.decoded
        try:
            data = self._with_start_codes(arrival)
            if arrival.key:
                sets = self._sets(data)
                segment = self._open
                if segment is not None and (now - segment.start >= self._keeping.seconds or (sets and sets != segment.sets)):
                    segment.end = max(segment.end, arrival.time)  # its last picture is shown until this one
                    self.cut()
                if self._open is None:
                    self._begin_segment(arrival, sets)
                self.rotate()
            if self._open is not None:
                self._mux(self._open, arrival, data)
                self._complained = False
        except (OSError, av.error.FFmpegError, ValueError) as error:
            self._give_up(error, now)

    def cut(self) -> None:
        """Finish the segment: the next keyframe begins another one."""
        with self._writing:
            self._cut()

    def _cut(self) -> None:
        segment, self._open = self._open, None
        if segment is None:
            return
        with contextlib.suppress(OSError, av.error.FFmpegError, ValueError):
            segment.output.close()
        size = segment.path.stat().st_size if segment.path.exists() else 0
        zero = self._edge.zero
        with self._lock:
            if size:
                self._done.append(Stored(segment.path, zero + segment.start, zero + segment.end, size))

    def close(self) -> None:
        """Write nothing any more, though the reader's thread may hang in a read yet."""
        with self._writing:
            self._closed = True
            self._cut()

    def recorded(self, start: float, end: float) -> tuple[Recording, ...]:
        """Segments on the disk that touch the span."""
        zero = self._edge.zero
        with self._lock:
            found = [(each.path, each.begin - zero, each.end - zero) for each in self._done]
            segment = self._open
            if segment is not None:
                found.append((segment.path, segment.start, segment.end))
        return tuple(
            Recording(str(path), begin, max(0.0, stop - begin), _iso(zero + begin))
            for path, begin, stop in found
            if begin < end and stop > start and path.exists()
        )

    def _begin_segment(self, arrival: Arrival, sets: bytes) -> None:
        assert self._codec is not None
        decoder = LiveDecoder(self._codec, self._extradata)
        first = replace(arrival, decoded=0.0, time=0.0)
        picked = decoder.offer(first, Aim(0.0, 0.0, 0.0))
        if picked is None:
            return  # nothing to be seen on this one: the next keyframe will do
        width, height = picked.pixels.size
        self._folder.mkdir(parents=True, exist_ok=True)
        moment = dt.datetime.fromtimestamp(self._edge.zero + arrival.time, dt.UTC).astimezone()
        name = f"{moment:{_NAME}}.{moment.microsecond // 1000:03d}{moment:%z}"[:24]
        in_mp4 = self._codec in _SETS
        path = self._folder / f"{name}.{'mp4' if in_mp4 else 'mkv'}"
        output = av.open(
            str(path), "w", format="mp4" if in_mp4 else "matroska", options=dict(_FRAGMENTS if in_mp4 else _CLUSTERS)
        )
        try:
            stream = output.add_mux_stream(self._codec, width=width, height=height, time_base=_BASE)
        except BaseException:
            output.close()
            path.unlink(missing_ok=True)
            raise
        self._open = _Segment(path, output, stream, sets, arrival.time, arrival.time)

    def _mux(self, segment: _Segment, arrival: Arrival, data: bytes) -> None:
        if segment.last < 0 and self._codec in _SETS and not self._sets(data, own=True):
            data = segment.sets + data
        packet = Packet(data)
        dts = max(round((arrival.decoded - segment.start) / _BASE), segment.last + 1)
        packet.dts = dts
        packet.pts = max(dts, round((arrival.time - segment.start) / _BASE))
        packet.time_base = _BASE
        packet.is_keyframe = arrival.key
        packet.stream = segment.stream
        segment.last = dts
        segment.output.mux_one(packet)
        segment.end = max(segment.end, arrival.time)
        segment.size += len(data)

    def _sets(self, data: bytes, *, own: bool = False) -> bytes:
        """The parameter sets that a keyframe brings; failing that (not with `own`), those of the connection's beginning."""
        if self._codec not in _SETS:
            return b""
        return _units(data, self._codec) or (b"" if own else _units(self._extradata or b"", self._codec))

    def _with_start_codes(self, arrival: Arrival) -> bytes:
        """A packet's bytes, its units with start codes and a keyframe's with its parameter sets, whatever it came in.

        The layout of the units is the connection's: a first byte of 1 in front of the parameter sets says that they have lengths
        (ISO/IEC 14496-15, 5.3.3.1 and 8.3.3.1).
        """
        assert arrival.packet is not None
        if self._codec not in _SETS or (self._extradata or b"")[:1] != b"\1":
            return bytes(arrival.packet)
        if self._filter is None:
            self._filter = BitStreamFilterContext(f"{self._codec}_mp4toannexb", arrival.packet.stream)
        copy = Packet(bytes(arrival.packet))  # the filter takes what it is given away
        copy.is_keyframe = arrival.key
        return b"".join(bytes(made) for made in self._filter.filter(copy))

    def rotate(self) -> None:
        """Let go of the oldest segments, as far as their age and all of them together want it. From any thread."""
        keeping, now = self._keeping, self._edge.zero + self._edge.now()
        with self._lock:
            total = sum(each.size for each in self._done) + (self._open.size if self._open is not None else 0)
            while self._done:
                oldest = self._done[0]
                old = keeping.days and oldest.end < now - keeping.days * _DAY
                if not old and not (keeping.most_bytes and total > keeping.most_bytes):
                    break
                try:
                    oldest.path.unlink(missing_ok=True)
                except OSError:
                    break  # the disk is gone, or read-only: it is tried again
                self._done.pop(0)
                total -= oldest.size

    def _give_up(self, error: Exception, now: float) -> None:
        self.cut()
        self._quiet_until = now + _RETRY
        if not self._complained:
            self._complained = True
            what = getattr(error, "strerror", None) or str(error)
            self._tell(Note(f"the recording in {self._folder} is interrupted: {what}; it is tried again every {_RETRY:g} s"))


def _units(data: bytes, codec: str) -> bytes:
    """The parameter sets among the units that begin with start codes."""
    types, shift, mask = _SETS[codec]
    starts = [found.end() for found in _START_CODE.finditer(data)]
    found = bytearray()
    for place, start in enumerate(starts):
        stop = starts[place + 1] - 3 if place + 1 < len(starts) else len(data)
        if start < len(data) and data[start] >> shift & mask in types:
            found += b"\0\0\0\1" + data[start:stop].rstrip(b"\0")
    return bytes(found)


def _iso(wall: float) -> str:
    return dt.datetime.fromtimestamp(wall, dt.UTC).astimezone().isoformat(timespec="milliseconds")
