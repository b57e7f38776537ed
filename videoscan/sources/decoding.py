"""What every way of decoding shares, and the plain way: everything in order, for files whose marks or times cannot be trusted."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import av

from videoscan.sources.times import BestEffort, tick

if TYPE_CHECKING:
    from collections.abc import Callable

    from av import VideoFrame
    from av.packet import Packet as AvPacket
    from av.video.codeccontext import VideoCodecContext
    from av.video.stream import VideoStream

    from videoscan.seams import Aim
    from videoscan.sources.packets import Packets
    from videoscan.sources.times import Ledger, Order


class Untrusted(Exception):
    """The file's keyframe marks or timestamps proved wrong, so nothing may be skipped by them."""


@dataclass(frozen=True, slots=True)
class Span:
    """What a pass is to give out, in seconds: sampling begins at `begin`, indices count from `start`; `end` may be infinite."""

    begin: float = 0.0
    start: float = 0.0
    end: float = float("inf")


@dataclass(frozen=True, slots=True)
class Picked:
    """A frame that meets an aim, not yet seen by anybody: only `taken` makes it count. `lost` are stretches before it, in ticks."""

    frame: VideoFrame
    time: float
    pts: int
    index: int
    keyframe: bool
    lost: tuple[tuple[int, int], ...] = ()


@dataclass(slots=True)
class Progress:
    """What decoding came to, whichever decoder did it; carried over when one hands over to the other."""

    ledger: Ledger
    decoded: int = 0
    errors: int = 0
    corrupt: int = 0
    last_error: str = ""
    last_time: float = float("-inf")
    last_index: int = -(2**63)

    @property
    def seen(self) -> bool:
        """Whether any frame went out."""
        return self.last_time > float("-inf")

    @property
    def trouble(self) -> bool:
        """Whether the decoder complained of anything."""
        return self.errors > 0 or self.corrupt > 0

    def index(self, index: int) -> int:
        """Indices stay unique even where packets and pictures do not correspond."""
        return max(index, self.last_index + 1)

    def taken(self, picked: Picked) -> None:
        """This frame went out."""
        self.last_time = picked.time
        self.last_index = picked.index

    def why(self) -> str:
        """The decoder's last complaint, as a reason for a lost stretch."""
        return f"damaged: {self.last_error}" if self.last_error else "damaged: the decoder gave no picture"


class Decoder(Protocol):
    """One way through a file."""

    ended: bool
    """The file has nothing more."""

    def next(self, aim: Aim) -> Picked | None:
        """The frame that meets `aim`, later than any that was taken; `None`: there is none before the pass's end."""
        ...

    def taken(self, picked: Picked) -> None:
        """The frame was seen, or lies behind the pass's end: nothing before it is asked for again."""
        ...

    def back(self, picked: Picked, time: float) -> bool:
        """Forget that this frame was picked; the next one is the first at or after `time`. False: it cannot be done."""
        ...

    def finish(self) -> int:
        """The index of the first picture at or after the pass's end; reads on as far as that takes."""
        ...


def decode(context: VideoCodecContext, packet: AvPacket[VideoStream] | None, progress: Progress) -> list[VideoFrame]:
    """What the decoder gives out for `packet` (`None`: what it still holds). Damage is counted, never raised."""
    try:
        frames = context.decode(packet)
    except av.error.EOFError:
        return []
    except (av.error.FFmpegError, OSError) as error:
        progress.errors += 1
        progress.last_error = error.strerror or str(error)
        return []
    progress.decoded += len(frames)
    return frames


_ROUNDING = 2.5
"""Pictures that a file may promise more than it has."""


@dataclass
class Plain:
    """Decodes every packet in order and judges frames as they come out.

    With an `order` their indices are places among the pictures that the packets promise; without one, for streams whose packets
    carry no times, among those that came out. A frame without a timestamp gets one from its place and `rate`. A keyframe is
    preferred only while it comes before the aim's `time`: waiting for one behind it would mean keeping all pictures between. It
    cannot go back.
    """

    packets: Packets
    context: VideoCodecContext
    progress: Progress
    stopped: Callable[[], bool]
    rate: float
    span: Span = Span()
    order: Order | None = None
    accept_corrupt: bool = False
    untimed: int = 0
    end: float = 0.0
    """End of the last good picture in seconds; when all is read, end of the last one that was promised."""
    ended: bool = False
    _clock: BestEffort = field(default_factory=BestEffort)
    _ready: deque[tuple[VideoFrame, float, int]] = field(default_factory=deque)
    _count: int = 0
    _latest: float | None = None
    """Time of the last picture, once one had a time of its own."""
    _beyond: int | None = None
    """Place of the first picture at or after the pass's end."""
    _explained: int = 0
    """Faults whose gap was already found."""

    def next(self, aim: Aim) -> Picked | None:
        """The frame that meets `aim`, later than any before it."""
        while True:
            while self._ready:
                frame, time, place = self._ready.popleft()
                if time >= self.span.end:
                    return None
                in_window = frame.key_frame and aim.keyframe_from <= time <= aim.keyframe_until
                if time > self.progress.last_time and (in_window or time >= aim.time):
                    index = place if self.order is None else self.order.index(self._tick(time))
                    return Picked(frame, time, frame.pts or 0, self.progress.index(index), frame.key_frame)
            if self.stopped() or self.ended:
                return None
            self._read_one()

    def taken(self, picked: Picked) -> None:
        """See `Decoder`."""
        self.progress.taken(picked)
        if self.order is not None:
            self.order.forget(self._tick(picked.time))

    def back(self, picked: Picked, time: float) -> bool:  # noqa: ARG002  # what lies before is not kept
        """Never."""
        return False

    def finish(self) -> int:
        """See `Decoder`."""
        endless = self.span.end == float("inf")
        while not endless and self._beyond is None and not self.ended and not self.stopped():
            self._ready.clear()
            self._read_one()
        if self.order is not None:
            return self.progress.index(self.order.index(2**63 if endless else self._tick(self.span.end)))
        return self.progress.index(self._count if self._beyond is None else self._beyond)

    def _tick(self, time: float) -> int:
        return int(tick(time, self.packets.base)) + self.packets.zero

    def _read_one(self) -> None:
        packet = next(self.packets, None)
        if packet is not None and self.order is not None and packet.shown and packet.pts >= self.packets.zero:
            self.order.push(packet.pts)
        for frame in decode(self.context, packet.raw if packet else None, self.progress):
            self._came(frame)
        if packet is None:
            self.ended = True
            end = self._count / self.rate if self._latest is None else self.packets.time(self.packets.end)
            # Pictures that were promised at the end and did not come are lost, whatever the decoder says of them.
            self._look_for_gap(end, certain=end - self.end > _ROUNDING / self.rate)
            self.end = max(self.end, end)

    def _came(self, frame: VideoFrame) -> None:
        place, self._count = self._count, self._count + 1
        time = self._time(frame, place)
        if frame.is_corrupt and not self.accept_corrupt:
            self.progress.corrupt += 1
            return
        self._look_for_gap(time)
        self.end = max(self.end, time + 1 / self.rate)
        if time >= self.span.end and self._beyond is None:
            self._beyond = place
        self._ready.append((frame, time, place))

    def _time(self, frame: VideoFrame, place: int) -> float:
        """Where a picture without a time of its own follows one that has one (MPEG program streams), it follows at the usual distance."""
        ticks = self._clock(frame.pts, frame.dts)
        if ticks is not None:
            self._latest = self.packets.time(ticks)
            return self._latest
        self.untimed += 1
        if self._latest is None:
            return place / self.rate
        self._latest += 1 / self.rate
        return self._latest

    def _look_for_gap(self, time: float, *, certain: bool = False) -> None:
        """A gap in time is a loss if something was wrong with the pictures since the last one; otherwise the file is just so."""
        faults = self.progress.errors + self.progress.corrupt
        if certain or (faults > self._explained and time - self.end > 0.5 / self.rate):
            self.progress.ledger.add(self.end, time, self.progress.why())
            self._explained = faults
