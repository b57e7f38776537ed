"""A live stream at work: what its reader brings becomes frames, heartbeats, gaps and conditions, in order of time."""

from __future__ import annotations

import datetime as dt
import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from videoscan.live.backlog import Began
from videoscan.live.conditions import Watcher
from videoscan.live.decoding import LiveDecoder
from videoscan.model import LONGEST_GAP, Frame, Gap, Heartbeat, Note, SourceInfo
from videoscan.seams import INFINITY, Aim

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from videoscan.live.backlog import Arrival
    from videoscan.live.decoding import Picked
    from videoscan.live.edge import Edge
    from videoscan.live.reader import Reader
    from videoscan.live.recording import SegmentRecorder
    from videoscan.live.ring import Ring
    from videoscan.model import LiveItem, Recording
    from videoscan.seams import Sampler, SamplerSession

_BEAT = 1.0
"""Seconds between heartbeats while nothing else comes, at most."""

_LOOK = 0.2
"""Seconds for which the reader's thread is waited for before the clock is looked at again."""

_LATE = 2.0
"""Seconds by which a frame may come after it was said that none would, and be told as if it came then. Later ones are lost."""

_BAD_KEYFRAMES = 3
"""Keyframes in a row of which nothing can be shown, after which the connection is made anew."""

_KEYS_AWAY, _KEYS_APART = 8.0, 4.0
"""Seconds without a keyframe, and times the longest distance of two so far, after which something else must be sent than was agreed on: an
encoder that was changed behind a transport stream, of which nothing can be decoded."""

_INDEX_STEP = 1e-3


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds: without a picture before it counts as a gap; of the same picture before it is frozen; of black before it is told."""

    stall: float
    frozen_after: float
    black_after: float


class LiveStream:
    """See `videoscan.seams.LiveFootage`. Two threads: the reader's, and the one that iterates."""

    def __init__(
        self,
        shown: str,
        reader: Reader,
        edge: Edge,
        limits: Limits,
        ring: Ring,
        *,
        seen: float = 0.0,
        recorder: SegmentRecorder | None = None,
        told: Callable[[Note], None],
    ) -> None:
        self._reader, self._edge, self._limits, self._ring = reader, edge, limits, ring
        self._recorder, self._tell = recorder, told
        self._info = SourceInfo(shown, 0, 0, None, clock=_iso(edge.zero), live=True)
        self._closed = threading.Event()
        self._watcher = Watcher(limits.frozen_after, limits.black_after)
        self._decoder: LiveDecoder | None = None
        self._decoded = 0
        """By decoders of connections that are over."""
        self._told = seen
        """Nothing that is told from now on lies before this."""
        self._covered = seen
        """Up to here there were pictures, or a gap was told."""
        self._gap: str | None = "the connection is being made"
        """Why there is no picture since `_covered`; `None` while there are."""
        self._last_frame = -1.0
        self._last_index = -1
        self._beat: tuple[float, str] = (-1e9, "")
        self._hurt = False
        self._key: float | None = None
        """When the connection's last keyframe was to be decoded."""
        self._apart = 0.0
        """The longest distance of two of its keyframes."""

    @property
    def info(self) -> SourceInfo:
        """What is known by now."""
        return self._info

    @property
    def decoded(self) -> int:
        """Pictures that came out of the decoder so far."""
        decoder = self._decoder
        return self._decoded + (decoder.decoded if decoder is not None else 0)

    def close(self) -> None:
        """Stop reading, and wait for the reader's thread; see `Reader.close`."""
        self._closed.set()
        self._reader.close()
        if self._recorder is not None:
            self._recorder.close()

    def recorded(self, start: float, end: float) -> tuple[Recording, ...]:
        """Segments on the disk that touch the span."""
        return self._recorder.recorded(start, end) if self._recorder is not None else ()

    def recent(self, start: float, end: float, *, every: float = 0.0) -> Iterator[Frame]:
        """Frames that are still in the ring, decoded again."""
        return self._ring.frames(start, end, every)

    def items(self, sampler: Sampler, *, duration: float | None = None) -> Iterator[LiveItem]:
        """What happens, for ever."""
        self._reader.start()
        try:
            yield from self._items(sampler, duration)
        finally:
            self.close()

    def _items(self, sampler: Sampler, duration: float | None) -> Iterator[LiveItem]:
        session: SamplerSession | None = None
        clock = self._edge.clock
        began = clock.monotonic()
        while not self._closed.is_set():
            if duration is not None and clock.monotonic() - began >= duration:
                break
            entry = self._reader.backlog.take(_LOOK)
            if (dropped := self._reader.backlog.take_dropped()) > 0 and self._gap is None:
                self._gap = f"{dropped} pictures came faster than they were looked at"
            if self._reader.fault is not None:
                raise self._reader.fault
            if entry is None:
                if self._reader.status.state == "ended":
                    yield from self._rest(session)
                    break
                yield from self._idle()
            elif isinstance(entry, Began):
                yield from self._begun(entry)
                session = session or sampler.session(self._info)
            elif self._decoder is not None and session is not None:
                yield from self._came(entry, self._decoder, session)
                yield from self._beaten(self._safe(session), "playing", None)
        yield from self._finished()

    def _begun(self, began: Began) -> Iterator[LiveItem]:
        if self._gap is None:
            yield from self._lose(self._covered, began.why or "the connection was made anew")
        self._decoded = self.decoded
        self._decoder = LiveDecoder(began.codec, began.extradata)
        self._ring.begin(began)
        self._info = replace(self._info, codec=began.codec, fps=began.rate or self._info.fps)
        self._hurt = False
        self._key, self._apart = None, 0.0

    def _came(self, arrival: Arrival, decoder: LiveDecoder, session: SamplerSession) -> Iterator[LiveItem]:
        patience = max(self._limits.stall, 3 * self._reader.spacing)
        if self._gap is None and arrival.decoded - self._covered > patience:
            yield from self._lose(self._covered, f"no picture came for {arrival.decoded - self._covered:.1f} s")
        self._ring.add(arrival)
        picked = decoder.offer(arrival, self._aim(session))
        while picked is not None:
            yield from self._picked(picked, session)
            picked = decoder.more(self._aim(session))
        if self._gap is None:
            self._covered = max(self._covered, arrival.decoded + min(self._reader.spacing, self._limits.stall))
        if (decoder.failed >= _BAD_KEYFRAMES or self._without_key(arrival)) and not self._hurt:
            self._hurt = True
            if self._gap is None:
                yield from self._lose(max(self._last_frame, 0.0), "pictures came, but none that could be decoded")
            self._reader.renew()

    def _without_key(self, arrival: Arrival) -> bool:
        """Whether keyframes have stayed away for too long."""
        if arrival.key:
            if self._key is not None:
                self._apart = max(self._apart, arrival.decoded - self._key)
            self._key = arrival.decoded
        return (
            self._apart > 0 and self._key is not None and arrival.decoded - self._key > max(_KEYS_AWAY, _KEYS_APART * self._apart)
        )

    def _aim(self, session: SamplerSession) -> Aim:
        """What the sampler wants; after a gap the first picture there is, because it ends the gap."""
        if self._gap is None:
            return session.aim()
        joined = self._decoder is not None and self._decoder.joined
        return Aim(self._covered) if joined else Aim(INFINITY, self._covered, INFINITY)

    def _picked(self, picked: Picked, session: SamplerSession) -> Iterator[LiveItem]:
        arrival = picked.arrival
        time = max(arrival.time, self._last_frame + _INDEX_STEP)
        if time < self._told:
            if self._told - time > _LATE:
                return
            time = self._told
        index = max(arrival.index, self._last_index + 1)
        frame = Frame(index, time, arrival.key, picked.pixels)
        self._resized(frame)
        sampled = session.saw(frame)
        if self._gap is None and sampled is False:
            return
        yield from self._healed(time)
        self._last_frame, self._last_index, self._told = time, index, time
        self._covered = max(self._covered, time)
        self._beat = (self._edge.clock.monotonic(), "playing")
        yield frame
        yield from self._watcher.saw(frame, picked.group)

    def _resized(self, frame: Frame) -> None:
        width, height = frame.pixels.size
        if (width, height) != (self._info.width, self._info.height):
            if self._info.width:
                self._tell(
                    Note(f"the camera's picture is {width}x{height} now, no longer {self._info.width}x{self._info.height}")
                )
            self._info = replace(self._info, width=width, height=height)

    def _idle(self) -> Iterator[LiveItem]:
        """Nothing came for a moment."""
        if self._recorder is not None:
            self._recorder.rotate()  # what is recorded grows old without anything being written, too
        status, now = self._reader.status, self._edge.now()
        if status.state == "playing":
            patience = max(self._limits.stall, 3 * self._reader.spacing)
            silent = now - self._reader.arrived
            if silent <= patience and self._gap is None:
                yield from self._beaten(self._told, "playing", None)
                return
            if self._gap is None:
                yield from self._lose(self._covered, f"the camera stands, but no picture has come since {silent:.1f} s")
            yield from self._lasting(now)
            yield from self._beaten(now, "stalled", self._gap)
            return
        if status.reason and self._gap is None:
            yield from self._lose(self._covered, status.reason)
        elif status.reason:
            self._gap = status.reason
        # While a connection is being made, its first pictures may be as old as the attempt.
        edge = status.since if status.state == "connecting" else now
        yield from self._lasting(edge)
        yield from self._beaten(edge, "connecting" if status.state == "connecting" else "waiting", status.reason)

    def _rest(self, session: SamplerSession | None) -> Iterator[LiveItem]:
        """What the decoder still holds when nothing follows any more."""
        picked = self._decoder.last(self._aim(session)) if self._decoder is not None and session is not None else None
        if picked is not None and session is not None:
            yield from self._picked(picked, session)

    def _finished(self) -> Iterator[LiveItem]:
        if self._gap is not None and self._reader.status.state != "ended":
            now = self._edge.now()
            yield from self._healed(now)
            self._covered = max(self._covered, now)
        yield from self._watcher.ended(self._covered)
        self._told = max(self._told, self._covered)
        yield Heartbeat(self._told, "waiting", self._reader.status.reason, behind=self._edge.behind)

    def _lose(self, start: float, reason: str) -> Iterator[LiveItem]:
        """From `start` on there is no picture."""
        self._covered = max(start, self._last_frame)
        self._gap = reason
        yield from self._watcher.ended(self._covered)

    def _lasting(self, edge: float) -> Iterator[LiveItem]:
        """Pieces of a gap that goes on, as far as it is certain."""
        while self._gap is not None and edge - self._covered >= LONGEST_GAP:
            yield Gap(self._covered, self._covered + LONGEST_GAP, self._gap)
            self._covered += LONGEST_GAP
            self._told = max(self._told, self._covered)

    def _healed(self, end: float) -> Iterator[LiveItem]:
        """The gap is over."""
        yield from self._lasting(end)
        if self._gap is not None and end > self._covered:
            yield Gap(self._covered, end, self._gap)
        self._gap = None

    def _safe(self, session: SamplerSession) -> float:
        """The edge while pictures come: what is undecoded may come out yet."""
        return self._decoder.edge(session.aim()) if self._decoder is not None and self._gap is None else self._told

    def _beaten(
        self, time: float, state: Literal["connecting", "playing", "stalled", "waiting"], reason: str | None
    ) -> Iterator[LiveItem]:
        """A heartbeat, where one is due or the state is another one."""
        now = self._edge.clock.monotonic()
        at, before = self._beat
        if now - at < _BEAT and state == before:
            return
        self._beat = (now, state)
        self._told = max(self._told, time)
        yield Heartbeat(
            self._told,
            state,
            reason,
            round(max(0.0, self._edge.now() - max(self._last_frame, 0.0)), 3),
            round(self._edge.behind, 3),
        )


def _iso(zero: float) -> str:
    return dt.datetime.fromtimestamp(zero, dt.UTC).astimezone().isoformat(timespec="milliseconds")
