"""Decodes as little of a live stream as a sampler's aim allows: packets come in, the wanted pictures come out."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import av
from av.codec.context import CodecContext, ThreadType

from videoscan.seams import INFINITY, Aim
from videoscan.sources.pixels import ArrayPixels, AvPixels, rotation_of
from videoscan.sources.probing import LARGEST

if TYPE_CHECKING:
    from av import VideoFrame
    from av.video.codeccontext import VideoCodecContext

    from videoscan.live.backlog import Arrival
    from videoscan.model import Pixels

_MOST_BYTES = 64 * 1024 * 1024
_MOST_PACKETS = 4096
"""Undecoded packets since the last keyframe that are kept in case one of their pictures is wanted. Beyond them only keyframes are."""


@dataclass(frozen=True, slots=True)
class Picked:
    """A decoded picture that met the aim; `group` is the keyframe's index from which it was decoded."""

    arrival: Arrival
    pixels: Pixels
    group: int


class LiveDecoder:
    """For one connection, in one thread.

    A keyframe that meets the aim is decoded alone: sent, drained, flushed (``skip_frame=nokey`` loses keyframes of open groups). Another
    picture is reached from the last keyframe on, as soon as it is sure that no keyframe will meet the aim instead. Damaged pictures are
    passed over: `failed` counts the keyframes in a row of which nothing could be shown.
    """

    def __init__(self, codec: str | None, extradata: bytes | None) -> None:
        self.failed = 0
        self.decoded = 0
        """Pictures that came out of the decoder."""
        self._context: VideoCodecContext | None = None
        if codec is not None:
            self._context = cast("VideoCodecContext", CodecContext.create(codec, "r"))
            if extradata:
                self._context.extradata = extradata
            self._context.options = {"max_pixels": str(LARGEST)}
            # One camera of many: frame threads would each hold pictures back.
            self._context.thread_type = ThreadType.SLICE
            self._context.thread_count = 1
        self._group: list[Arrival] = []
        """Packets since the last keyframe, that one included; none where the group cannot be decoded."""
        self._bytes = 0
        self._top = -INFINITY
        """When the last of them is shown; reordered ones come in another order."""
        self._fed = 0
        """How many of them the decoder was given."""
        self._ready: list[tuple[Arrival, VideoFrame]] = []
        self._drained = True
        self._next: Arrival | None = None
        """A keyframe that came, while the group before it may still hold what is wanted."""
        self._taken = -INFINITY
        """When the last picture that came out is shown."""

    @property
    def joined(self) -> bool:
        """Whether what follows can be decoded: a keyframe came, and nothing is missing since."""
        return bool(self._group)

    def offer(self, arrival: Arrival, aim: Aim) -> Picked | None:
        """Take in the next packet; the picture that meets the aim, if it is certain by now. Ask `more` with the next aim then."""
        if self._context is None:
            assert arrival.picture is not None
            self._group = [arrival]
            return self.more(aim)
        if self._next is not None:
            self._start(self._next)
        if arrival.key:
            self._next = arrival
            return self.more(aim)
        if self._group:
            self._group.append(arrival)
            self._top = max(self._top, arrival.time)
            self._bytes += arrival.size
            if len(self._group) > _MOST_PACKETS or self._bytes > _MOST_BYTES:
                self._forget()
        return self.more(aim)

    def more(self, aim: Aim) -> Picked | None:
        """A picture among the packets so far that meets another aim."""
        if self._next is not None:
            # Those that were waiting in the group before go first.
            picked = self._before(self._next, aim)
            if picked is not None:
                return picked
            self._start(self._next)
        if not self._group:
            return None
        first, last = self._group[0], self._group[-1]
        if self._context is None:
            self._group = []
            if last.time > self._taken and (_is_key(last, aim) or last.time >= aim.time):
                assert last.picture is not None
                self._taken = last.time
                self.decoded += 1
                return Picked(last, ArrayPixels(last.picture), last.index)
            return None
        if first is last and first.time > self._taken and _is_key(first, aim):
            return self._key(first)
        if self._top < aim.time or aim.keyframe_until >= last.time > aim.keyframe_from:
            return None  # it may still come, or a keyframe that is better
        return self._reach(aim.time)

    def last(self, aim: Aim) -> Picked | None:
        """The picture that meets the aim, now that nothing follows."""
        if not self._group or self._context is None or self._top < aim.time:
            return None
        return self._reach(aim.time, drain=True)

    def edge(self, aim: Aim) -> float:
        """No picture that can still come out lies before this."""
        if not self._group:
            return -INFINITY
        last = self._group[-1].decoded
        return last if aim.time > last else min(last, max(aim.time, self._group[0].time))

    def _start(self, key: Arrival) -> None:
        self._group, self._bytes, self._fed, self._top = [key], key.size, 0, key.time
        self._ready.clear()
        self._next = None

    def _forget(self) -> None:
        self._group, self._bytes, self._fed = [], 0, 0
        self._ready.clear()

    def _before(self, key: Arrival, aim: Aim) -> Picked | None:
        """The picture of the group that ends here, where the aim was waiting for a keyframe that would have been better."""
        if not self._group or self._top < aim.time or _is_key(key, aim):
            return None
        return self._reach(aim.time, drain=True)

    def _key(self, key: Arrival) -> Picked | None:
        assert self._context is not None
        self._reset()
        shown = self._shown(self._feed(key))
        if not shown:
            # It waits for others that it will not get.
            shown = self._shown(self._drain())
            self._fed = 0
        else:
            self._fed = 1
        for arrival, frame in shown:
            if arrival is key:
                self.failed = 0
                self._taken = key.time
                return self._picked(arrival, frame)
        self.failed += 1
        return None

    def _reach(self, time: float, *, drain: bool = False) -> Picked | None:
        """The first picture at or after `time`, as far as it can be decoded by now."""
        if self._fed == 0:
            self._reset()
        while True:
            for place, (arrival, frame) in enumerate(self._ready):
                if arrival.time >= time and arrival.time > self._taken:
                    self._taken = arrival.time
                    del self._ready[: place + 1]
                    self.failed = 0
                    return self._picked(arrival, frame)
            self._ready.clear()
            if self._fed < len(self._group):
                self._ready += self._shown(self._feed(self._group[self._fed]))
                self._fed += 1
            elif drain:
                self._ready += self._shown(self._drain())
                drain = False
            else:
                return None
            if not self._ready and not drain and self._fed >= len(self._group):
                return None

    def _picked(self, arrival: Arrival, frame: VideoFrame) -> Picked:
        return Picked(arrival, AvPixels(frame, rotation_of(frame)), self._group[0].index)

    def _reset(self) -> None:
        assert self._context is not None
        if not self._drained or self._fed:
            with contextlib.suppress(av.error.FFmpegError):
                self._context.flush_buffers()
        self._ready.clear()
        self._fed = 0

    def _feed(self, arrival: Arrival) -> list[VideoFrame]:
        assert self._context is not None
        assert arrival.packet is not None
        self._drained = False
        with contextlib.suppress(av.error.FFmpegError, OSError, ValueError):
            return list(self._context.decode(arrival.packet))
        return []

    def _drain(self) -> list[VideoFrame]:
        assert self._context is not None
        frames: list[VideoFrame] = []
        with contextlib.suppress(av.error.FFmpegError, OSError, ValueError):
            frames = list(self._context.decode(None))
        with contextlib.suppress(av.error.FFmpegError):
            self._context.flush_buffers()
        self._drained = True
        return frames

    def _shown(self, frames: list[VideoFrame]) -> list[tuple[Arrival, VideoFrame]]:
        """Those of the present group that are whole, with the packet that each came in."""
        found = []
        self.decoded += len(frames)
        for frame in frames:
            if frame.is_corrupt:
                continue
            arrival = self._arrival(frame)
            if arrival is not None and arrival.time >= self._group[0].time:
                found.append((arrival, frame))
        return found

    def _arrival(self, frame: VideoFrame) -> Arrival | None:
        fed = self._group[: max(1, self._fed + 1)]
        for arrival in reversed(fed):
            assert arrival.packet is not None
            stamp = arrival.packet.pts if arrival.packet.pts is not None else arrival.packet.dts
            if stamp == frame.pts:
                return arrival
        # Without timestamps there is no reordering either: it is the picture of the packet that was fed last.
        return fed[-1] if frame.pts is None and fed else None


def _is_key(arrival: Arrival, aim: Aim) -> bool:
    return arrival.key and aim.keyframe_from <= arrival.time <= aim.keyframe_until
