"""Decodes as little as an aim allows: `Lazy` trusts keyframes and timestamps and skips, `Plain` decodes everything in order."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import av

from videoscan.sources.times import BestEffort, Order

if TYPE_CHECKING:
    from collections.abc import Callable

    from av import VideoFrame
    from av.video.codeccontext import VideoCodecContext

    from videoscan.seams import Aim
    from videoscan.sources.packets import Packet, Packets
    from videoscan.sources.times import Ledger

PENDING_BYTES = 64 * 1024 * 1024
PENDING_PACKETS = 4096
"""Undecoded packets kept in case their pictures are wanted. Beyond either bound they are decoded as they come."""

_LEADING = 16
"""Most pictures that may come before a keyframe in presentation and after it in the file: H.264 and HEVC reorder at most 16."""

_INTRA = 1
"""``AV_PICTURE_TYPE_I``."""


class Untrusted(Exception):
    """The file's keyframe marks or timestamps proved wrong, so nothing may be skipped by them."""


@dataclass(frozen=True, slots=True)
class Picked:
    """A frame that meets an aim."""

    frame: VideoFrame
    time: float
    index: int
    keyframe: bool


@dataclass(slots=True)
class Progress:
    """What decoding came to, whichever decoder did it; carried over when one hands over to the other."""

    ledger: Ledger
    decoded: int = 0
    errors: int = 0
    corrupt: int = 0
    last_error: str = ""
    last_time: float = float("-inf")
    last_index: int = -1

    def pick(self, frame: VideoFrame, time: float, index: int, *, keyframe: bool) -> Picked:
        """Note that this frame goes out. Indices stay unique even where packets and pictures do not correspond."""
        self.last_time = time
        self.last_index = max(index, self.last_index + 1)
        return Picked(frame, time, self.last_index, keyframe)

    def why(self) -> str:
        """The decoder's last complaint, as a reason for a lost stretch."""
        return f"damaged: {self.last_error}" if self.last_error else "damaged: the decoder gave no picture"


def decode(context: VideoCodecContext, packet: Packet | None, progress: Progress) -> list[VideoFrame]:
    """What the decoder gives out for `packet` (`None`: what it still holds). Damage is counted, never raised."""
    try:
        frames = context.decode(packet.raw if packet else None)
    except av.error.EOFError:
        return []
    except (av.error.FFmpegError, OSError) as error:
        progress.errors += 1
        progress.last_error = error.strerror or str(error)
        return []
    progress.decoded += len(frames)
    return frames


@dataclass
class Lazy:
    """Demuxes everything, decodes what is asked for.

    Packets since the last keyframe wait undecoded (`PENDING_BYTES`, `PENDING_PACKETS` at most). A keyframe that meets the aim
    is decoded alone: sent, drained, flushed, because ``skip_frame=nokey`` loses keyframes of open GOPs and returns them out of
    order. An ordinary frame is reached from the last keyframe, without the pictures before it that no other one refers to.
    Raises `Untrusted` when a keyframe needs others or decoded frames do not come in order of their timestamps.
    """

    packets: Packets
    context: VideoCodecContext
    progress: Progress
    stopped: Callable[[], bool]
    order: Order = field(default_factory=Order)
    _pending: deque[Packet] = field(default_factory=deque)
    _pending_bytes: int = 0
    _ready: deque[VideoFrame] = field(default_factory=deque)
    _start: int | None = None
    """pts of the keyframe that decoding began with; pictures that lead it in presentation refer to what was skipped."""
    _floor: int | None = None
    _last_out: int | None = None
    _last_taken: int | None = None
    _fed_keys: set[int] = field(default_factory=set)
    _broken_key: int | None = None
    _drained: bool = False
    _skipping: bool | None = None

    def next(self, aim: Aim) -> Picked | None:
        """The frame that meets `aim`, later than any before it."""
        self._rewind_pending()
        while True:
            found = self._in_ready(aim, ended=False)
            if found is not None:
                return self._take(found, aim)
            packet = next(self.packets, None)
            if packet is None:
                return self._at_end(aim)
            if self.stopped():
                return None
            taken = self._arrived(packet, aim)
            if taken is not None:
                return taken

    def _rewind_pending(self) -> None:
        """Look at what is undecoded again, as if it came only now: the new aim may judge it differently."""
        self.packets.put_back(list(self._pending))
        self._clear_pending()

    def _clear_pending(self) -> None:
        self._pending.clear()
        self._pending_bytes = 0

    def _count(self, packet: Packet) -> None:
        if not packet.counted:
            packet.counted = True
            if packet.shown and packet.pts >= self.packets.zero:
                self.order.push(packet.pts)

    def _arrived(self, packet: Packet, aim: Aim) -> Picked | None:
        self._count(packet)
        self._floor = packet.floor
        time = self.packets.time(packet.pts)
        endless = aim.time == float("inf")
        if endless:
            self.order.first_from(packet.floor)
        if packet.key and packet.shown and self._in_window(packet.pts, time, aim):
            taken = self._keyframe(packet)
            if taken is not None:
                return taken
        elif packet.key and time <= aim.time:
            self._begin_at(packet)
        if not endless and not (self._start is not None and packet.pts < self._start and not packet.key):
            self._pending.append(packet)
            self._pending_bytes += packet.raw.size
        if self._must_decode(aim, time):
            self._feed_until(aim)
        return None

    def _in_window(self, pts: int, time: float, aim: Aim) -> bool:
        if self._last_taken is None and pts == self.packets.zero and aim.time <= 0:
            return True  # the very first picture needs none after it, and nothing comes before it
        later = self._last_taken is None or pts > self._last_taken
        return later and aim.keyframe_from <= time <= aim.keyframe_until

    def _begin_at(self, packet: Packet) -> None:
        self._flush()
        self._clear_pending()
        self._start = packet.pts

    def _flush(self) -> None:
        if self.context.is_open:
            self.context.flush_buffers()
        self._ready.clear()
        self._fed_keys.clear()
        self._last_out = None

    def _must_decode(self, aim: Aim, time: float) -> bool:
        if self._pending_bytes > PENDING_BYTES or len(self._pending) > PENDING_PACKETS:
            return True
        return time >= aim.time and self._window_closed(aim)

    def _window_closed(self, aim: Aim) -> bool:
        if aim.keyframe_until == -float("inf") or self._floor is None:
            return True
        waiting = any(self._in_window(pts, self.packets.time(pts), aim) for pts in self._fed_keys)
        return not waiting and self.packets.time(self._floor) > aim.keyframe_until

    def _keyframe(self, packet: Packet) -> Picked | None:
        self._begin_at(packet)
        complaints = self.progress.errors
        self._skip(all_but_referenced=False)
        frames = decode(self.context, packet, self.progress)
        frames += decode(self.context, None, self.progress)
        self.context.flush_buffers()
        frame = next((frame for frame in frames if not frame.is_corrupt), None)
        if frame is None:
            if self.progress.errors == complaints and not frames:
                raise Untrusted
            self.progress.corrupt += len(frames)
            self._broken_key = packet.pts if self._broken_key is None else self._broken_key
            return None
        if not (frame.key_frame or frame.pict_type == _INTRA):
            raise Untrusted
        # Pictures that come after it in the file but before it in presentation count too.
        following: list[Packet] = []
        for size in range(1, _LEADING + 1):
            following = self.packets.peek(size)
            if len(following) < size or following[-1].pts > packet.pts:
                break
        for lead in following:
            self._count(lead)
        self._pending.append(packet)
        self._pending_bytes += packet.raw.size
        return self._picked(frame, packet.pts, keyframe=True)

    def _skip(self, *, all_but_referenced: bool) -> None:
        if self._skipping != all_but_referenced:
            self._skipping = all_but_referenced
            self.context.skip_frame = "NONREF" if all_but_referenced else "DEFAULT"

    def _feed_until(self, aim: Aim) -> None:
        while self._pending:
            packet = self._pending.popleft()
            self._pending_bytes -= packet.raw.size
            self._feed(packet, aim)
            if self.stopped() or self._in_ready(aim, ended=False) is not None:
                return

    def _feed(self, packet: Packet, aim: Aim) -> None:
        self._skip(all_but_referenced=self.packets.time(packet.pts) < aim.time and not packet.key)
        if packet.key:
            self._fed_keys.add(packet.pts)
        self._came(decode(self.context, packet, self.progress), aim)

    def _came(self, frames: list[VideoFrame], aim: Aim) -> None:
        for frame in frames:
            if frame.pts is None or (self._last_out is not None and frame.pts <= self._last_out):
                raise Untrusted
            self._last_out = frame.pts
            self._fed_keys = {pts for pts in self._fed_keys if pts > frame.pts}
            if frame.is_corrupt:
                self.progress.corrupt += 1
            elif self.packets.time(frame.pts) >= aim.time or self._meets_as_keyframe(frame, aim):
                self._ready.append(frame)

    def _meets_as_keyframe(self, frame: VideoFrame, aim: Aim) -> bool:
        return frame.key_frame and frame.pts is not None and self._in_window(frame.pts, self.packets.time(frame.pts), aim)

    def _in_ready(self, aim: Aim, *, ended: bool) -> VideoFrame | None:
        """The ready frame that meets the aim for certain: nothing that is still to come can be preferred to it."""
        for frame in self._ready:
            if self._meets_as_keyframe(frame, aim):
                return frame
        if ended or self._window_closed(aim):
            for frame in self._ready:
                later = self._last_taken is None or (frame.pts or 0) > self._last_taken
                if later and self.packets.time(frame.pts or 0) >= aim.time:
                    return frame
        return None

    def _take(self, frame: VideoFrame, aim: Aim) -> Picked:
        while self._ready.popleft() is not frame:
            pass
        preferred = self._meets_as_keyframe(frame, aim)
        if not preferred:
            self._note_loss(aim, frame.pts)
        return self._picked(frame, frame.pts or 0, keyframe=frame.key_frame)

    def _picked(self, frame: VideoFrame, pts: int, *, keyframe: bool) -> Picked:
        if self._broken_key is not None and pts > self._broken_key:
            self._lose(self._broken_key, pts)
            self._broken_key = None
        self._last_taken = pts
        return self.progress.pick(frame, self.packets.time(pts), self.order.index(pts), keyframe=keyframe)

    def _note_loss(self, aim: Aim, delivered: int | None) -> None:
        """A picture was promised for the aim; if a later one came, what lies between could not be decoded."""
        until = delivered if delivered is not None else self.packets.end
        if aim.time < float("inf"):
            wanted = math.ceil(max(0.0, aim.time) / self.packets.base) + self.packets.zero
            if self._last_taken is not None:
                wanted = max(wanted, self._last_taken + 1)
            promised = self.order.first_from(wanted)
            if promised is not None:
                self._lose(promised, until)
        if delivered is None and self._broken_key is not None:
            self._lose(self._broken_key, until)

    def _lose(self, start: int, end: int) -> None:
        if end - start >= self.packets.frame / 2:
            self.progress.ledger.add(self.packets.time(start), self.packets.time(end), self.progress.why())

    def _at_end(self, aim: Aim) -> Picked | None:
        if not self._drained:
            self._drained = True
            # Beyond the last promised picture there is nothing to find, however much is undecoded.
            while self._pending and aim.time < self.packets.time(self.packets.end):
                packet = self._pending.popleft()
                self._feed(packet, aim)
            if self.context.is_open:
                self._came(decode(self.context, None, self.progress), aim)
        found = self._in_ready(aim, ended=True)
        if found is not None:
            return self._take(found, aim)
        self._note_loss(aim, None)
        return None


@dataclass
class Plain:
    """Decodes every packet in order and judges frames as they come out; for files whose marks or times cannot be trusted.

    A frame without a timestamp gets one from its place and `rate`. A keyframe is preferred only while it comes before the
    aim's `time`: waiting for one behind it would mean keeping all pictures between.
    """

    packets: Packets
    context: VideoCodecContext
    progress: Progress
    stopped: Callable[[], bool]
    rate: float
    accept_corrupt: bool = False
    untimed: int = 0
    end: float = 0.0
    """End of the last good picture in seconds; when all is read, end of the last one that was promised."""
    _clock: BestEffort = field(default_factory=BestEffort)
    _ready: deque[tuple[VideoFrame, float, int]] = field(default_factory=deque)
    _count: int = 0
    _drained: bool = False
    _explained: int = 0
    """Faults whose gap was already found."""

    def next(self, aim: Aim) -> Picked | None:
        """The frame that meets `aim`, later than any before it."""
        while True:
            while self._ready:
                frame, time, index = self._ready.popleft()
                in_window = frame.key_frame and aim.keyframe_from <= time <= aim.keyframe_until
                if time > self.progress.last_time and (in_window or time >= aim.time):
                    return self.progress.pick(frame, time, index, keyframe=frame.key_frame)
            if self.stopped() or self._drained:
                return None
            packet = next(self.packets, None)
            for frame in decode(self.context, packet, self.progress):
                self._came(frame)
            if packet is None:
                self._drained = True
                end = self._count / self.rate if self.untimed else self.packets.time(self.packets.end)
                self._look_for_gap(end)
                self.end = max(self.end, end)

    def _came(self, frame: VideoFrame) -> None:
        place, self._count = self._count, self._count + 1
        if frame.is_corrupt and not self.accept_corrupt:
            self.progress.corrupt += 1
            return
        ticks = self._clock(frame.pts, frame.dts)
        self.untimed += ticks is None
        time = place / self.rate if ticks is None else self.packets.time(ticks)
        self._look_for_gap(time)
        self.end = max(self.end, time + 1 / self.rate)
        self._ready.append((frame, time, place))

    def _look_for_gap(self, time: float) -> None:
        """A gap in time is a loss if something was wrong with the pictures since the last one; otherwise the file is just so."""
        faults = self.progress.errors + self.progress.corrupt
        if faults > self._explained and time - self.end > 0.5 / self.rate:
            self.progress.ledger.add(self.end, time, self.progress.why())
            self._explained = faults
