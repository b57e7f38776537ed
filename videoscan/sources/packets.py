"""Reads a file's video packets in decoding order, past whatever damage the container has, and says what is missing."""

from __future__ import annotations

import bisect
import struct
from array import array
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av

from videoscan.sources.promised import pack_size
from videoscan.sources.stamps import AHEAD, Arrived, Steady
from videoscan.sources.traffic import MEMORY, Traffic
from videoscan.sources.unread import unread

if TYPE_CHECKING:
    from collections.abc import Iterator

    from av.container import InputContainer
    from av.packet import Packet as AvPacket
    from av.video.stream import VideoStream

    from videoscan.sources.times import Ledger

_READ_ERRORS = 64
"""How often in a row reading may fail before the rest is given up: a demuxer that cannot find its way back fails forever."""

_JUMP_BACK = 1.0
"""Seconds. Decoding times only rise; one that falls by more belongs to another recording, appended or after a restart."""

_BEGINNING = struct.Struct("Q").unpack_from
"""The first eight bytes as one number: looked at first, because it costs so little."""

_LEAST = 16
_HOLE = 64
"""Bytes. A compressed picture's header is never all zeros for so long; a preallocated or half-copied file is."""

_LONGEST_PICTURE = 3600.0
"""Seconds. A picture that is said to stand for longer has a damaged header."""

_PACK = 2048
"""Bytes of a pack of an MPEG program stream, whose length FFmpeg takes from the last timestamp that it can read."""

_FILLED = frozenset({"asf", "dv", "mpegts", "mxf", "wtv"})
"""Containers with bytes of their own between pictures that are far apart: tables, clocks, padding."""

_REST = 0.02
"""Share of a file that may be left behind its last picture: sound, an index, a footer."""

_HIDING = frozenset({"vp8", "libvpx", "vp9", "libvpx-vp9"})
"""Codecs with pictures that only help others."""

_NEVER_ZERO = frozenset({"h264", "hevc", "vvc", "mpeg4", "mpeg2video", "mpeg1video", "mjpeg", "vp8", "vp9", "av1"})


@dataclass(slots=True)
class Packet:
    """One compressed picture. `pts` is in ticks, repaired; no later packet has one below `floor`.

    `shown` is False for pictures that only help others (VP8/VP9) and those that an edit list cuts away.
    """

    raw: AvPacket[VideoStream]
    pts: int
    floor: int
    key: bool
    shown: bool
    size: int


@dataclass(slots=True)
class Damage:
    """What the container's damage came to so far."""

    errors: int = 0
    jumps: int = 0
    stamps: int = 0
    """Timestamps that were repaired."""


class _AviIndex:
    """An AVI holds no times: FFmpeg counts what it finds. The index tells of pictures that are lost, and so where the next one belongs."""

    def __init__(self, stream: VideoStream) -> None:
        # PyAV shows indexes from its version 16 on.
        entries: Any = getattr(stream, "index_entries", None) or ()
        self.places = array("q", (entry.pos for entry in entries))
        self.stamps = array("q", (entry.timestamp for entry in entries))
        self.last: int | None = None
        self.shift = 0

    def place(self, raw: AvPacket[VideoStream]) -> bool:
        """Correct the packet's times by what was lost before it. Whether something was lost right before it."""
        at = (raw.pos or 0) - _CHUNK_HEAD
        place = bisect.bisect_left(self.places, at)
        lost = False
        if place < len(self.places) and self.places[place] == at:
            if self.last is not None and place > self.last + 1 and raw.dts is not None:
                shift = self.stamps[place] - raw.dts
                lost = shift > self.shift
                self.shift = max(self.shift, shift)
            self.last = place
        if self.shift:
            raw.pts = None if raw.pts is None else raw.pts + self.shift
            raw.dts = None if raw.dts is None else raw.dts + self.shift
        return lost


_MISSING = "pictures are missing from the file"

_CHUNK_HEAD = 8
"""Bytes of name and size before an AVI's chunk."""


@dataclass
class Packets:
    """The video packets of one pass, each once. `end` and `frame` grow truer as it goes; all are in ticks."""

    container: InputContainer
    stream: VideoStream
    zero: int
    frame: int
    """The usual distance of two pictures."""
    ledger: Ledger
    indexed: bool = False
    """An index covers all that the file declares: what lies behind it is no video."""
    end: int = 0
    """End of the last picture so far."""
    damage: Damage = field(default_factory=Damage)
    _latest: int = -(2**63)
    _offset: int = 0
    _read_any: bool = False
    _last_dts: int | None = None
    _hole: int | None = None
    _suspect: str | None = None
    """What was wrong right before this packet."""
    _off: int | None = None
    """Where in its pack the last packet's pack began: always the same, until an ASF demuxer loses its place and finds another."""
    _gap: tuple[int, int] | None = None
    """A stretch that looks lost, until decoding has passed it: reordered pictures may still come for it."""
    _why: str | None = None
    """What was wrong there; not known yet where the place of a packet in the file is not."""
    _undecided: tuple[int, int] | None = None
    """Such a gap once it is settled, until the place of a packet in the file is known again."""

    def __post_init__(self) -> None:
        self.base = float(self.stream.time_base or 1)
        self.end = self.zero
        codec = self.stream.codec_context.name
        self._hides = codec in _HIDING
        self._never_zero = codec in _NEVER_ZERO
        self._codec = codec
        self._jump_back = _JUMP_BACK / self.base
        self._longest = _LONGEST_PICTURE / self.base
        alone = len(self.container.streams) == 1 and self.container.format.name not in _FILLED
        self._traffic = Traffic(alone=alone, frame=self.frame, memory=round(MEMORY / self.base))
        self._index = _AviIndex(self.stream) if self.container.format.name == "avi" else None
        local = self.container.name.startswith("file:")
        self._pack = (
            pack_size(Path(self.container.name.removeprefix("file:"))) if local and self.container.format.name == "asf" else 0
        )
        self._steady = Steady(self._arriving(), self.base, self.frame)
        self._source = self._read()

    def time(self, pts: int) -> float:
        """Seconds from the source's first frame."""
        return (pts - self.zero) * self.base

    def __iter__(self) -> Iterator[Packet]:
        return self

    def __next__(self) -> Packet:
        return next(self._source)

    @property
    def unsettled(self) -> bool:
        """Whether the next packets decide how long a stretch is that looks lost."""
        return self._gap is not None

    def wind_up(self) -> None:
        """Nothing more will be read: what is lost and may still go on is lost as far as it was seen."""
        if self._gap is not None:
            self._settle_gap(self.end, self.end)
        if self._hole is not None:
            self.ledger.add(self.time(self._hole), self.time(self.end), "the file holds only zeros here")
            self._hole = None

    def stopped_before(self, end: float) -> bool:
        """Whether the file holds bytes for pictures up to `end`, in seconds, that were not read."""
        return self._traffic.is_missing(self.container.size, round(end / self.base) + self.zero - self.end)

    def _read(self) -> Iterator[Packet]:
        for arrived in self._steady:
            yield self._packet(arrived)
        self.damage.stamps = self._steady.repaired
        self.wind_up()
        self._count_the_rest()

    def _arriving(self) -> Iterator[Arrived]:
        failed, complaint = 0, None
        while failed <= _READ_ERRORS:
            try:
                for raw in self.container.demux(self.stream):
                    if raw.size:
                        if self._index and self._index.place(raw):
                            complaint = complaint or _MISSING
                        yield Arrived(raw, complaint)
                        failed, complaint = 0, None
            except IndexError:
                # PyAV's word for a packet of a stream that appeared since the file was opened. It is not ours, and it is consumed.
                continue
            except (av.error.FFmpegError, OSError) as error:
                # The demuxer keeps its place: asked again, it goes on behind what it could not read.
                failed += 1
                self.damage.errors += 1
                complaint = error.strerror or str(error)
            else:
                break

    def _count_the_rest(self) -> None:
        """What a demuxer leaves unread at a file's end is lost; how long it would have lasted is told by the bytes before it."""
        name = self.container.format.name
        traffic = self._traffic
        if self.indexed:
            return
        program = name == "mpeg" and traffic.alone
        if self.container.duration is not None and "mov" not in name and not program:
            return  # it declares a length, which is held against what was read
        if traffic.first is None or traffic.last_end is None or not self.container.name.startswith("file:"):
            return
        left = unread(Path(self.container.name.removeprefix("file:")), name, traffic.last_end)
        whole = traffic.last_end - traffic.first
        if left > max(_REST * whole, 1.5 * traffic.video / traffic.count, _PACK if program else 0):
            length = max(1, round(left / whole * (self.end - self.zero)))
            reason = f"the file's last {left} bytes cannot be read: about {length * self.base:.1f} s"
            self.ledger.add(self.time(self.end), self.time(self.end + length), reason)
            self.end += length

    def _packet(self, arrived: Arrived) -> Packet:
        raw = arrived.raw
        pts, dts, size = raw.pts, raw.dts, raw.size
        if self._offset or (dts is not None and self._last_dts is not None and self._last_dts - dts > self._jump_back):
            self._continue_clock(raw)
            pts, dts = raw.pts, raw.dts
        self._last_dts = self._last_dts if dts is None else dts
        if pts is None:
            pts = self.end if dts is None else dts
        # Matroska's first packets, and those behind a seek, have no decoding time: any picture that is reordered may follow.
        floor = pts - AHEAD * self.frame if dts is None else min(pts, dts)
        position, gap = raw.pos, pts - self.end
        if self._hole is not None or (self._never_zero and size >= _LEAST and not _BEGINNING(raw)[0]):
            self._look_for_zeros(raw, pts)
        if self._gap is not None:
            self._settle_gap(pts, floor)
        if self._pack and position is not None:
            lost_its_place = self._off is not None and position % self._pack != self._off
            self._off = position % self._pack
            self._suspect = self._suspect or (_MISSING if lost_its_place else None)
        if gap > 0 and self._gap is None and self._read_any:
            missing = arrived.complaint or self._suspect or (_MISSING if self._traffic.is_missing(position, gap) else None)
            if missing or position is None:
                self._gap, self._why = (self.end, pts), missing
        if position is not None and self._undecided is not None:
            self._decide(position)
        self._suspect = "a packet is damaged" if raw.is_corrupt else None
        self._traffic.saw(position, size, floor, gap=gap > 0)
        self._read_any = True
        shown = not raw.is_discard and (not self._hides or is_shown(raw, self._codec))
        if shown and pts >= self._latest:
            # FLV counts in milliseconds and says that every picture lasts one: less than a quarter of the usual is no duration.
            duration = raw.duration
            plausible = duration and self.frame <= duration * 4 and duration <= self._longest
            # MP4 counts durations in decoding order: the wait before a gap may stand at a picture that is shown long before it.
            self._latest, self.end = pts, pts + (duration if duration and plausible else self.frame)
        return Packet(raw, pts, floor, raw.is_keyframe, shown, size)

    def _decide(self, position: int) -> None:
        """The place of a packet in the file is known again: what lies between shows whether there was a loss before it."""
        assert self._undecided is not None
        start, stop = self._undecided
        self._undecided = None
        if self._traffic.is_missing(position, stop - start):
            self.ledger.add(self.time(start), self.time(stop), f"damaged: {_MISSING}")

    def _continue_clock(self, raw: AvPacket[VideoStream]) -> None:
        if self._offset:
            raw.pts = None if raw.pts is None else raw.pts + self._offset
            raw.dts = None if raw.dts is None else raw.dts + self._offset
        if raw.dts is None or self._last_dts is None:
            return
        if self._last_dts - raw.dts > self._jump_back:
            shift = self.end - (raw.dts if raw.pts is None else min(raw.pts, raw.dts))
            self._offset += shift
            self.damage.jumps += 1
            raw.pts = None if raw.pts is None else raw.pts + shift
            raw.dts += shift

    def _look_for_zeros(self, raw: AvPacket[VideoStream], pts: int) -> None:
        if self._never_zero and raw.size >= _LEAST and not any(memoryview(raw)[:_HOLE]):
            self._hole = pts if self._hole is None else min(self._hole, pts)
        elif self._hole is not None and pts > self._hole:
            self.ledger.add(self.time(self._hole), self.time(pts), "the file holds only zeros here")
            self._hole = None

    def _settle_gap(self, pts: int, dts: int) -> None:
        assert self._gap is not None
        start, stop = self._gap
        if start <= pts < stop:
            self._gap = (start, pts)
        elif dts >= stop:
            self._gap = None
            if stop - start > 1.5 * self.frame and self._why:
                self.ledger.add(self.time(start), self.time(stop), f"damaged: {self._why}")
            elif stop - start > 1.5 * self.frame:
                self._undecided = (start, stop)


def is_shown(raw: AvPacket[VideoStream], codec: str) -> bool:
    """Whether the packet becomes a picture: VP8 (RFC 6386, 9.1) and VP9 (bitstream specification, 6.2) may hide one.

    A VP9 superframe (Annex B) holds a hidden picture together with one that is shown.
    """
    if codec not in _HIDING or raw.size < 2:
        return True
    view = memoryview(raw)
    if codec in {"vp8", "libvpx"}:
        return bool(view[0] & 0x10)
    marker = view[-1]
    if marker & 0xE0 == 0xC0:
        index_size = 2 + ((marker >> 3 & 3) + 1) * ((marker & 7) + 1)
        if raw.size > index_size and view[-index_size] == marker:
            return True
    header = view[0] << 8 | view[1]
    # Two bits of marker and two of profile come first; profile 3 has one more, reserved.
    at = 11 if header >> 12 & 3 != 3 else 10
    shows_existing, shows_this = header >> at & 1, header >> (at - 2) & 1
    return bool(shows_existing or shows_this)
