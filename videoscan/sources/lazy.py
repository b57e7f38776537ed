"""Decodes as little as an aim allows, by trusting a file's keyframes and timestamps."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from videoscan.sources.decoding import Picked, Span, Untrusted, decode
from videoscan.sources.goals import NEVER, Goal
from videoscan.sources.thinning import AHEAD, Thinner
from videoscan.sources.times import Order, tick

if TYPE_CHECKING:
    from collections.abc import Callable

    from av import VideoFrame
    from av.video.codeccontext import VideoCodecContext

    from videoscan.seams import Aim
    from videoscan.sources.decoding import Progress
    from videoscan.sources.packets import Packet, Packets

PENDING_BYTES = 64 * 1024 * 1024
PENDING_PACKETS = 4096
"""Packets kept because their pictures may be wanted. Beyond either bound they are decoded as they come, or let go of where only
keyframes are wanted, and there is no going back over them."""

_LEADING = 16
"""Most pictures that may come before a keyframe in presentation and after it in the file: H.264 and HEVC reorder at most 16."""

_SETTLING = 64
"""Packets that are read behind a pass's end to see how long a loss is that began before it: more than any codec reorders."""

_UNKNOWN, _INTRA = 0, 1
"""``AV_PICTURE_TYPE_NONE`` and ``AV_PICTURE_TYPE_I``."""


@dataclass
class Lazy:
    """Demuxes everything, decodes what is asked for.

    A keyframe that meets the aim is decoded alone: sent, drained, flushed, because ``skip_frame=nokey`` loses keyframes of open
    GOPs and returns them out of order. An ordinary frame is reached from the last keyframe, without the pictures before it that
    no other one refers to; in H.265 (`Thinner`) without those that it is not made of.

    Packets are kept from the keyframe on that leads to the last frame that was taken (`PENDING_BYTES`, `PENDING_PACKETS` at
    most): those behind it may be wanted yet, and a session may ask to go `back`. Raises `Untrusted` when a keyframe needs others
    or decoded frames do not come in order of their timestamps.
    """

    packets: Packets
    context: VideoCodecContext
    progress: Progress
    stopped: Callable[[], bool]
    span: Span = Span()
    order: Order = field(default_factory=Order)
    ended: bool = False
    _kept: list[Packet] = field(default_factory=list)
    _bytes: int = 0
    _fed: int = 0
    """Place of the first kept packet that the decoder has not been given (or would not be, if decoding began now)."""
    _judged: int = 0
    """Place of the first kept packet that was not held against the aim."""
    _ready: deque[VideoFrame] = field(default_factory=deque)
    _start: int | None = None
    """pts of the keyframe that decoding began with; pictures that lead it in presentation refer to what was skipped."""
    _floor: int | None = None
    _last_out: int | None = None
    _fed_keys: set[int] = field(default_factory=set)
    _broken_key: int | None = None
    _drained: bool = False
    _dirty: bool = False
    """The decoder holds something."""
    _faults: int = 0
    """Complaints of the decoder before it was given what it holds."""
    _skipping: bool | None = None
    _thinned_to: int = -(2**63)
    """Highest pts that the decoder was given while it left out what no other frame refers to."""
    _gone_back_from: int | None = None
    _references_are_near: bool = True
    """Frames that others refer to were found as near as they were asked for."""
    _old_complaints: int = 0
    """Complaints of the decoder before the last frame that was taken."""

    def __post_init__(self) -> None:
        self._thinner = Thinner(self.context) if self.context.name == "hevc" else None
        self._end = self._tick(self.span.end)
        self._last = self._tick(self.span.begin) - 1
        """pts of the last frame that was taken; before the first one, the last tick that is not wanted."""
        self._first = True

    def _tick(self, time: float) -> float:
        return tick(time, self.packets.base) + self.packets.zero

    def next(self, aim: Aim) -> Picked | None:
        """See `Decoder`."""
        goal = Goal.of(aim, self.packets.base, self.packets.zero, self._last + 1)
        if not self._references_are_near:
            goal = replace(goal, reference_until=-NEVER)
        picked = self._reach(goal)
        if not goal.by_reference and self._left_out(picked, goal):
            place = self._key_place(goal.at)
            if place is not None:
                self._restart(place)
                picked = self._reach(goal)
        if goal.by_reference and self._overlooked(picked, goal):
            # Damage, or in this file such frames lie far apart: then all are decoded from here on. Those left out are decoded now.
            self._references_are_near = self._complaints() > self._old_complaints
            place = self._key_place(goal.at)
            if place is not None:
                goal = replace(goal, reference_until=-NEVER)
                self._restart(place)
                picked = self._reach(goal)
        if picked is None and self.ended:
            self._lose_the_rest(goal)
        return picked

    def _left_out(self, picked: Picked | None, goal: Goal) -> bool:
        """Whether a frame that meets an exact aim was passed over on the way to the last one, when only those were wanted that others refer to."""
        promised = None if goal.endless else self.order.first_from(int(goal.at))
        return promised is not None and promised <= self._thinned_to and (picked is None or promised < picked.pts)

    def _overlooked(self, picked: Picked | None, goal: Goal) -> bool:
        """Whether a frame that no other refers to would have met the aim."""
        if picked is None:
            return self.ended and self.order.first_from(int(goal.at)) is not None
        preferred = picked.keyframe and goal.key_from <= picked.pts <= goal.key_until
        return not preferred and picked.pts > goal.reference_until

    def _reach(self, goal: Goal) -> Picked | None:
        # What is undecoded is looked at again, as if it came only now: the new aim may judge it differently.
        self._judged = self._fed
        self._floor = self._kept[self._fed - 1].floor if self._fed else None
        kept = self._kept
        while True:
            found = self._in_ready(goal, ended=False) if self._ready else None
            if found is not None:
                return self._found(found, goal)
            if self._judged == len(kept) and not self._read_one():
                return self._at_end(goal)
            packet = kept[self._judged]
            if self.stopped() or (packet.floor >= self._end and goal.at >= self._end and not self._waiting(goal)):
                return None
            self._judged += 1
            if packet.key or self._fed_keys or packet.pts >= goal.at or self._is_full():
                picked = self._arrived(packet, goal)
                if picked is not None:
                    return picked
            else:
                self._floor = packet.floor

    def taken(self, picked: Picked) -> None:
        """See `Decoder`."""
        for start, end in picked.lost:
            self._lose(start, end)
        if self._broken_key is not None and picked.pts > self._broken_key:
            self._lose(self._broken_key, picked.pts)
            self._broken_key = None
        if picked.pts >= self._end:
            return
        self._first = False
        self._last = picked.pts
        self._gone_back_from = None
        self._old_complaints = self._complaints()
        self.progress.taken(picked)
        self.order.forget(picked.pts)
        place = self._key_place(picked.pts)
        if place is not None:
            self._drop(min(place, self._fed))

    def back(self, picked: Picked, time: float) -> bool:
        """See `Decoder`. Impossible over packets that were let go of, and twice from the same frame with none in between."""
        at = max(self._tick(time), self._last + 1)
        if at >= picked.pts or self._gone_back_from == picked.pts:
            return False
        place = self._key_place(at)
        if place is None:
            return False
        self._gone_back_from = picked.pts
        self._restart(place)
        self._last = at - 1
        if self._broken_key is not None and self._broken_key >= at:
            self._broken_key = None
        return True

    def _restart(self, place: int) -> None:
        self._begin_at(place)
        self._judged = place
        self._drained = False

    def finish(self) -> int:
        """See `Decoder`."""
        if self._end == NEVER:
            return self.progress.index(self.order.index(2**63))
        floor = self._kept[-1].floor if self._kept else -(2**63)
        patience = _SETTLING
        while (floor < self._end or (self.packets.unsettled and patience)) and not self.stopped():
            # Nobody will ask for these packets.
            self._drop(len(self._kept))
            if not self._read_one():
                break
            floor = max(floor, self._kept[-1].floor)
            patience -= floor >= self._end
        self.packets.wind_up()
        if self._broken_key is not None:
            self._lose(self._broken_key, int(self._end))
        return self.progress.index(self.order.index(int(self._end)))

    def _read_one(self) -> bool:
        packet = next(self.packets, None)
        if packet is None:
            self.ended = True
            return False
        self._kept.append(packet)
        self._bytes += packet.size
        if packet.shown and packet.pts >= self.packets.zero:
            self.order.push(packet.pts)
        return True

    def _drop(self, count: int) -> None:
        self._bytes -= sum(packet.size for packet in self._kept[:count])
        del self._kept[:count]
        self._fed = max(0, self._fed - count)
        self._judged = max(0, self._judged - count)

    def _key_place(self, pts: float) -> int | None:
        """Place of the last kept keyframe at or before `pts`."""
        for place in range(len(self._kept) - 1, -1, -1):
            if self._kept[place].key and self._kept[place].pts <= pts:
                return place
        return None

    def _arrived(self, packet: Packet, goal: Goal) -> Picked | None:
        self._floor = packet.floor
        waiting = self._waiting(goal)
        if packet.key and not waiting:
            if packet.shown and self._in_window(packet.pts, goal):
                picked = self._keyframe(packet, self._judged - 1)
                if picked is not None:
                    return picked
            elif packet.pts <= goal.at:
                self._begin_at(self._judged - 1)
        if waiting or (packet.pts >= goal.at and self._window_closed(goal)):
            self._feed_until(goal)
        elif self._is_full():
            self._make_room(goal)
        return None

    def _is_full(self) -> bool:
        return self._bytes > PENDING_BYTES or len(self._kept) > PENDING_PACKETS

    def _make_room(self, goal: Goal) -> None:
        if not self._fed and not goal.endless:
            self._feed_until(goal)
        self._drop(self._judged if goal.endless else self._fed)
        self.order.forget(int(min(self._floor or 0, goal.at)))

    def _in_window(self, pts: int, goal: Goal) -> bool:
        if pts <= self._last:
            return False
        if self._first and pts == self.packets.zero and goal.at <= pts:
            return True  # the very first picture needs none after it, and nothing comes before it
        return goal.key_from <= pts <= goal.key_until

    def _begin_at(self, place: int) -> None:
        self._flush()
        self._fed = place
        self._judged = max(self._judged, place)
        self._start = self._kept[place].pts

    def _flush(self) -> None:
        if self._dirty:
            self.context.flush_buffers()
            self._dirty = False
        self._faults = self._complaints()
        self._ready.clear()
        self._fed_keys.clear()
        self._last_out = None
        if self._thinner is not None:
            self._thinner.restart()
        self._thinned_to = -(2**63)

    def _waiting(self, goal: Goal) -> bool:
        """Whether a keyframe that meets the aim is in the decoder already."""
        return bool(self._fed_keys) and any(self._in_window(pts, goal) for pts in self._fed_keys)

    def _window_closed(self, goal: Goal) -> bool:
        if goal.key_until == -NEVER:
            return True
        return self._floor is not None and self._floor > goal.key_until and not self._waiting(goal)

    def _keyframe(self, packet: Packet, place: int) -> Picked | None:
        self._begin_at(place)
        self._skip(all_but_referenced=False)
        frames = decode(self.context, packet.raw, self.progress)
        frames += decode(self.context, None, self.progress)
        self.context.flush_buffers()
        self.progress.corrupt += sum(frame.is_corrupt for frame in frames)
        frame = next((frame for frame in frames if not frame.is_corrupt), None)
        if frame is None or not (frame.key_frame or frame.pict_type == _INTRA):
            self._distrust_unless_damaged()
            self._broken_key = packet.pts if self._broken_key is None else self._broken_key
            return None
        # Pictures that come after it in the file but before it in presentation count too.
        for following in range(place + 1, place + 1 + _LEADING):
            if following == len(self._kept) and not self._read_one():
                break
            if self._kept[following].pts > packet.pts:
                break
        return self._picked(frame, packet.pts, keyframe=True)

    def _skip(self, *, all_but_referenced: bool) -> None:
        if self._skipping != all_but_referenced:
            self._skipping = all_but_referenced
            self.context.skip_frame = "NONREF" if all_but_referenced else "DEFAULT"

    def _feed_until(self, goal: Goal) -> None:
        if self._thinner is not None and self._thinner.wanted != goal.at and not self._waiting(goal):
            while len(self._kept) < self._judged + AHEAD and self._read_one():
                pass
            self._thinner.plan(self._kept[self._fed :], goal.at)
        while self._fed < self._judged:
            packet = self._kept[self._fed]
            self._fed += 1
            self._feed(packet, goal)
            if self.stopped() or self._in_ready(goal, ended=False) is not None:
                return

    def _feed(self, packet: Packet, goal: Goal) -> None:
        if packet.key:
            self._fed_keys.add(packet.pts)
        raw = packet.raw if self._thinner is None else self._thinner.fit(packet)
        if raw is None or (not packet.key and self._start is not None and packet.pts < self._start):
            return
        self._skip(all_but_referenced=not packet.key and (goal.by_reference or packet.pts < goal.at))
        if self._skipping:
            self._thinned_to = max(self._thinned_to, packet.pts)
        self._dirty = True
        self._came(decode(self.context, raw, self.progress), goal)

    def _came(self, frames: list[VideoFrame], goal: Goal) -> None:
        for frame in frames:
            pts = frame.pts
            if frame.is_corrupt:
                self.progress.corrupt += 1
            marked = pts == self._start and not frame.key_frame and frame.pict_type not in {_UNKNOWN, _INTRA}
            if pts is None or marked or (self._last_out is not None and pts <= self._last_out):
                self._distrust_unless_damaged()
                continue
            self._last_out = pts
            if self._fed_keys:
                self._fed_keys = {key for key in self._fed_keys if key > pts}
            if not frame.is_corrupt and (pts >= goal.at or (frame.key_frame and self._in_window(pts, goal))):
                self._ready.append(frame)

    def _distrust_unless_damaged(self) -> None:
        """What cannot be may be due to damage that the decoder complained of; if it did not, the file says what is not so."""
        if self._complaints() == self._faults:
            raise Untrusted

    def _complaints(self) -> int:
        return self.progress.errors + self.progress.corrupt

    def _in_ready(self, goal: Goal, *, ended: bool) -> VideoFrame | None:
        """The ready frame that meets the aim for certain: nothing that is still to come can be preferred to it."""
        if not self._ready:
            return None
        for frame in self._ready:
            if frame.key_frame and self._in_window(frame.pts or 0, goal):
                return frame
        if ended or self._window_closed(goal):
            for frame in self._ready:
                if (frame.pts or 0) >= goal.at:
                    return frame
        return None

    def _found(self, frame: VideoFrame, goal: Goal) -> Picked:
        while self._ready.popleft() is not frame:
            pass
        pts = frame.pts or 0
        if frame.key_frame and self._in_window(pts, goal):
            return self._picked(frame, pts, keyframe=True)
        # A picture was promised for the aim; if a later one came, what lies between could not be decoded or was left out.
        promised = self.order.first_from(int(goal.at))
        left_out = goal.by_reference and self._complaints() == self._old_complaints
        lost = ((promised, pts),) if promised is not None and not left_out else ()
        return self._picked(frame, pts, keyframe=frame.key_frame, lost=lost)

    def _picked(self, frame: VideoFrame, pts: int, *, keyframe: bool, lost: tuple[tuple[int, int], ...] = ()) -> Picked:
        return Picked(frame, self.packets.time(pts), pts, self.progress.index(self.order.index(pts)), keyframe, lost)

    def _lose(self, start: int, end: int) -> None:
        if end - start >= self.packets.frame / 2:
            self.progress.ledger.add(self.packets.time(start), self.packets.time(end), self.progress.why())

    def _at_end(self, goal: Goal) -> Picked | None:
        if not self._drained:
            self._drained = True
            # Beyond the last promised picture there is nothing to find, however much is undecoded.
            while self._fed < len(self._kept) and goal.at < self.packets.end:
                packet = self._kept[self._fed]
                self._fed += 1
                self._feed(packet, goal)
            if self._dirty:
                self._came(decode(self.context, None, self.progress), goal)
        found = self._in_ready(goal, ended=True)
        return self._found(found, goal) if found is not None else None

    def _lose_the_rest(self, goal: Goal) -> None:
        promised = None if goal.endless else self.order.first_from(int(goal.at))
        if promised is not None:
            self._lose(promised, self.packets.end)
        if self._broken_key is not None:
            self._lose(self._broken_key, self.packets.end)
