"""Reads a file's video packets in decoding order, past whatever damage the container has, and says what is missing."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import av

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

_HOLE = 64
"""Bytes. A compressed picture's header is never all zeros for so long; a preallocated or half-copied file is."""

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
    counted: bool = False
    """Whether whoever counts pictures has seen it: a packet may be handed back and come again."""


@dataclass(slots=True)
class Damage:
    """What the container's damage came to so far."""

    errors: int = 0
    last_error: str = ""
    jumps: int = 0


@dataclass(slots=True)
class Traffic:
    """How many bytes of video, and of everything else, a tick of time takes in this file.

    A gap in time is a loss when the file holds about as many bytes for it as that many pictures would have taken; a camera
    that sends nothing while nothing moves leaves no bytes.
    """

    first: tuple[int, int] | None = None
    last_end: int | None = None
    video: int = 0
    ticks: int = 0
    others: int = 0

    def saw(self, raw: AvPacket[VideoStream], dts: int) -> None:
        """Count one packet."""
        position = raw.pos
        if position is None or position < 0:
            self.last_end = None
            return
        if self.first is None:
            self.first = (dts, position)
        if self.last_end is not None and position > self.last_end:
            self.others += position - self.last_end
        self.video += raw.size
        self.ticks = max(self.ticks, dts - self.first[0])
        self.last_end = position + raw.size

    def is_missing(self, raw: AvPacket[VideoStream], gap: int) -> bool:
        """Whether the bytes skipped before `raw` are more than what the other streams need for `gap` ticks."""
        if gap <= 0 or self.ticks <= 0 or self.last_end is None or raw.pos is None:
            return False
        return raw.pos - self.last_end > (self.others + 0.5 * self.video) / self.ticks * gap


@dataclass
class Packets:
    """The video packets of one pass, each once. `end` and `frame` grow truer as it goes; all are in ticks."""

    container: InputContainer
    stream: VideoStream
    zero: int
    frame: int
    """The usual distance of two pictures."""
    ledger: Ledger
    end: int = 0
    """End of the last picture so far."""
    damage: Damage = field(default_factory=Damage)
    _latest: int = -(2**63)
    _offset: int = 0
    _last: AvPacket[VideoStream] | None = None
    _last_dts: int | None = None
    _hole: int | None = None
    _suspect: bool = False
    _gap: tuple[int, int] | None = None
    """A stretch that looks lost, until decoding has passed it: reordered pictures may still come for it."""
    _traffic: Traffic = field(default_factory=Traffic)
    _ready: deque[Packet] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self.base = float(self.stream.time_base or 1)
        self.end = self.zero
        self._source = self._read()

    def time(self, pts: int) -> float:
        """Seconds from the source's first frame."""
        return (pts - self.zero) * self.base

    def __iter__(self) -> Iterator[Packet]:
        return self

    def __next__(self) -> Packet:
        return self._ready.popleft() if self._ready else next(self._source)

    def put_back(self, packets: list[Packet]) -> None:
        """Hand them out again, in this order, before anything else."""
        self._ready.extendleft(reversed(packets))

    def peek(self, count: int) -> list[Packet]:
        """Up to `count` packets that come next; they stay."""
        while len(self._ready) < count:
            packet = next(self._source, None)
            if packet is None:
                break
            self._ready.append(packet)
        return list(self._ready)[:count]

    def _read(self) -> Iterator[Packet]:
        failed = 0
        while failed <= _READ_ERRORS:
            try:
                for raw in self.container.demux(self.stream):
                    if raw.size:
                        failed = 0
                        yield self._packet(raw)
            except (av.error.FFmpegError, OSError) as error:
                # The demuxer keeps its place: asked again, it goes on behind what it could not read.
                failed += 1
                self.damage.errors += 1
                self.damage.last_error = error.strerror or str(error)
                self._suspect = True
            else:
                break
        if self._gap is not None:
            self._settle_gap(self.end, self.end)
        if self._hole is not None:
            self.ledger.add(self.time(self._hole), self.time(self.end), "the file holds only zeros here")
            self._hole = None

    def _packet(self, raw: AvPacket[VideoStream]) -> Packet:
        self._continue_clock(raw)
        pts = raw.pts if raw.pts is not None else raw.dts
        if pts is None:
            pts = self.end
        dts = min(pts, raw.dts if raw.dts is not None else pts)
        self._look_for_gaps(raw, pts, dts)
        # FLV counts in milliseconds and says that every picture lasts one: less than a quarter of the usual is no duration.
        duration = raw.duration if raw.duration and raw.duration * 4 >= self.frame else self.frame
        shown = not raw.is_discard and is_shown(raw, self.stream.codec_context.name)
        if shown and pts >= self._latest:
            # MP4 counts durations in decoding order: the wait before a gap may stand at a picture that is shown long before it.
            self._latest, self.end = pts, pts + duration
        self._last, self._last_dts = raw, dts
        return Packet(raw, pts, dts, raw.is_keyframe, shown)

    def _continue_clock(self, raw: AvPacket[VideoStream]) -> None:
        if self._offset:
            raw.pts = None if raw.pts is None else raw.pts + self._offset
            raw.dts = None if raw.dts is None else raw.dts + self._offset
        if raw.dts is None or self._last_dts is None:
            return
        if (self._last_dts - raw.dts) * self.base > _JUMP_BACK:
            shift = self.end - (raw.dts if raw.pts is None else min(raw.pts, raw.dts))
            self._offset += shift
            self.damage.jumps += 1
            raw.pts = None if raw.pts is None else raw.pts + shift
            raw.dts += shift

    def _look_for_gaps(self, raw: AvPacket[VideoStream], pts: int, dts: int) -> None:
        hole = self.stream.codec_context.name in _NEVER_ZERO and raw.size >= 16 and not any(memoryview(raw)[:_HOLE])
        if hole:
            self._hole = pts if self._hole is None else min(self._hole, pts)
        elif self._hole is not None and pts > self._hole:
            self.ledger.add(self.time(self._hole), self.time(pts), "the file holds only zeros here")
            self._hole = None
        if self._gap is not None:
            self._settle_gap(pts, dts)
        gap = pts - self.end
        if self._gap is None and self._last is not None and gap > 0 and (self._suspect or self._traffic.is_missing(raw, gap)):
            self._gap = (self.end, pts)
        self._suspect = bool(raw.is_corrupt)
        self._traffic.saw(raw, dts)

    def _settle_gap(self, pts: int, dts: int) -> None:
        assert self._gap is not None
        start, stop = self._gap
        if start <= pts < stop:
            self._gap = (start, pts)
        elif dts >= stop:
            self._gap = None
            if stop - start > 1.5 * self.frame:
                why = self.damage.last_error or "pictures are missing from the file"
                self.ledger.add(self.time(start), self.time(stop), f"damaged: {why}")


def is_shown(raw: AvPacket[VideoStream], codec: str) -> bool:
    """Whether the packet becomes a picture: VP8 (RFC 6386, 9.1) and VP9 (bitstream specification, 6.2) may hide one.

    A VP9 superframe (Annex B) holds a hidden picture together with one that is shown.
    """
    if codec not in {"vp8", "libvpx", "vp9", "libvpx-vp9"} or raw.size < 2:
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
