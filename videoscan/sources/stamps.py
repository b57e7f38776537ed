"""Repairs single damaged timestamps before anybody believes them: one flipped bit would otherwise make a minute last 26 hours.

A decoding time only rises. One that jumps ahead of packets that follow it, or falls behind one before it although what follows goes
on where that left off, is damaged, and its packet lies between its neighbours. A presentation time lies at most 16 pictures behind
the decoding time (the most that H.264 and HEVC reorder); one that lies further off is damaged, and its picture fills the place
among its neighbours' that is free. A clock that jumps and stays where it is is not repaired here: that is another recording.

Memory: `AHEAD` undecoded packets.
"""

from __future__ import annotations

import itertools
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from av.packet import Packet
    from av.video.stream import VideoStream

AHEAD = 17
"""Packets that are looked at in advance: one more than any codec here reorders."""

_JUMP = 1.0
"""Seconds that a clock may jump without anybody asking what comes next."""

_ABSURD = 86_400.0
"""Seconds. A jump of more than a day that nothing behind it confirms is damage, also at the end of a file."""


class Arrived(NamedTuple):
    """A packet as the demuxer gave it. `complaint` is what went wrong since the one before it."""

    raw: Packet[VideoStream]
    complaint: str | None = None


@dataclass
class Steady:
    """The packets of one pass with their stamps repaired; `repaired` counts them. `frame` and `base` as in `Packets`."""

    source: Iterator[Arrived]
    base: float
    frame: int
    repaired: int = 0
    _ahead: deque[Arrived] = field(default_factory=deque)
    _shown: deque[int] = field(default_factory=lambda: deque(maxlen=AHEAD))
    """Presentation times that went out last."""
    _last: int | None = None
    _previous: int | None = None
    """Presentation time of the last packet, as it came."""
    _still: int | None = None
    """The one presentation time that many packets in a row have."""
    _delay: int | None = None
    """Between the last packet's decoding and presentation time."""

    def __post_init__(self) -> None:
        self._jump = max(1, round(_JUMP / self.base))
        self._absurd = round(_ABSURD / self.base)

    def __iter__(self) -> Iterator[Arrived]:
        ahead = self._ahead
        for arrived in self.source:
            ahead.append(arrived)
            if len(ahead) > AHEAD:
                yield self._settled(ahead.popleft())
        while ahead:
            yield self._settled(ahead.popleft())

    def _settled(self, arrived: Arrived) -> Arrived:
        """The quick answer for nearly every packet: it follows the last one closely, and the next one follows it, as usual."""
        raw, last, delay, jump = arrived.raw, self._last, self._delay, self._jump
        dts, pts = raw.dts, raw.pts
        following = self._ahead[0].raw.dts if self._ahead else None
        if dts is None or pts is None or last is None or following is None or delay is None:
            self._settle(raw)
        elif (
            pts != self._previous
            and 0 <= dts - last <= jump
            and 0 <= following - dts <= jump
            and -jump <= pts - dts - delay <= jump
        ):
            self._previous = pts
            if -jump <= pts - dts <= jump:
                self._delay = pts - dts
            self._shown.append(pts)
            self._last = dts
        else:
            self._settle(raw)
        return arrived

    def _settle(self, raw: Packet[VideoStream]) -> None:
        stands_still = self._stands_still(raw)
        self._previous = raw.pts
        if stands_still:
            if raw.dts == raw.pts and self._last is not None:
                raw.dts = self._last + self.frame  # nothing tells of time: they follow each other
            raw.pts = raw.dts
            self.repaired += 1
        dts, pts = raw.dts, raw.pts
        if dts is None:
            return
        mended = None if self._rises(dts) else self._between(dts)
        if mended is not None:
            if pts is not None and abs(pts - dts - (self._delay or 0)) <= AHEAD * self.frame:
                raw.pts = pts = pts + mended - dts  # both were moved, as where packets have but one time
            raw.dts = dts = mended
            self.repaired += 1
        if pts is not None:
            delay = pts - dts
            doubted = abs(delay - (self._delay or 0)) > self._jump and self._is_stray(pts, dts)
            # Where one of a packet's two times is damaged, so may be the other.
            if doubted or (mended is not None and not 0 <= delay <= AHEAD * self.frame):
                raw.pts = pts = self._free_place(dts)
                self.repaired += 1
            elif abs(delay) <= self._jump or self._delay is None:
                self._delay = delay
            self._shown.append(pts)
        self._last = dts

    def _stands_still(self, raw: Packet[VideoStream]) -> bool:
        """Whether its presentation time is also that of both packets before or behind it, as where an index is damaged.

        Two may have the same: a picture that is not shown, and the one behind it.
        """
        pts = raw.pts
        if pts is None or raw.dts is None:
            return False
        if pts != self._still:
            following = [arrived.raw.pts for arrived in itertools.islice(self._ahead, 2)]
            self._still = pts if following == [pts, pts] else None
        return self._still is not None

    def _following(self) -> Iterator[int]:
        return (arrived.raw.dts for arrived in self._ahead if arrived.raw.dts is not None)

    def _rises(self, dts: int) -> bool:
        """Whether it follows the last one closely, and the next one follows it."""
        following = next(self._following(), dts + 1)
        last = self._last if self._last is not None else dts - 1
        # A picture that is not shown may have the time of the one behind it.
        return 0 <= dts - last <= self._jump and 0 <= following - dts <= self._jump

    def _between(self, dts: int) -> int | None:
        """Where the packet belongs if `dts` is damaged, `None` if it may be right."""
        last = self._last
        if last is None:
            return self._before_first(dts)
        for place, other in enumerate(self._following()):
            near = last < other <= last + self._jump + (place + 2) * self.frame
            if near and (other < dts or dts < last):
                return last + max(1, (other - last) // (place + 2))
        confirmed = any(abs(other - dts) <= self._jump for other in itertools.islice(self._following(), 3))
        return None if abs(dts - last) <= self._absurd or confirmed else last + self.frame

    def _before_first(self, dts: int) -> int | None:
        """The first packet has none before it: the next two must agree with each other and not with it."""
        first, second = (*itertools.islice(self._following(), 2), None, None)[:2]
        if first is None or second is None or not 0 < second - first <= self._jump:
            return None
        return first - self.frame if first <= dts or first - dts > self._absurd else None

    def _is_stray(self, pts: int, dts: int) -> bool:
        """Whether no packet in sight comes near this time, forwards or backwards, and the next ones are not as late as it is."""
        near = [arrived.raw for arrived in itertools.islice(self._ahead, 5)]
        alike = sum(
            raw.pts is not None and raw.dts is not None and abs(raw.pts - raw.dts - pts + dts) <= self._jump for raw in near
        )
        if alike > len(near) // 2:
            return False
        if pts < dts - self._jump:
            return True
        following = sorted(self._following(), reverse=True)
        if not following:
            return pts - dts > self._absurd
        # One or two of them may be damaged as well.
        furthest = following[2 if len(following) > AHEAD // 2 else 0]
        return pts > furthest + self._jump and (len(self._ahead) >= AHEAD or pts - dts > AHEAD * self.frame + self._jump)

    def _free_place(self, dts: int) -> int:
        """The first presentation time from `dts` on at which no neighbour is shown."""
        behind = dts + AHEAD * self.frame + self._jump
        others = (arrived.raw.pts for arrived in self._ahead)
        taken = sorted({pts for pts in (*self._shown, *others) if pts is not None and dts - 2 * self.frame <= pts <= behind})
        if taken and not self._shown:
            return taken[0] - self.frame  # the first picture comes before all others
        for earlier, later in itertools.pairwise(taken):
            if later - earlier > 1.5 * self.frame:
                return earlier + self.frame
        return taken[-1] + self.frame if taken else dts + (self._delay or 0)
