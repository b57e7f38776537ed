"""Packets on their way from the thread that reads them to the one that looks at them: bounded, whole groups of pictures go first."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from av.packet import Packet as AvPacket
    from av.video.stream import VideoStream

    from videoscan.model import Bgr

MOST_BYTES = 48 * 1024 * 1024
MOST_ITEMS = 6000
"""Four minutes of 25 pictures a second, or 48 MiB: whichever comes first."""


@dataclass(frozen=True, slots=True)
class Began:
    """A connection stands. `codec` is FFmpeg's decoder; none where pictures come decoded. `why` the one before it ended, if there was one."""

    codec: str | None
    extradata: bytes | None = field(repr=False)
    rate: float | None
    why: str | None = None


@dataclass(frozen=True, slots=True)
class Arrival:
    """One compressed picture (or, from a device, a decoded one), placed on the clock in seconds since second 0.

    `decoded` never runs back from one arrival to the next; `time` is when it is shown.
    """

    decoded: float
    time: float
    key: bool
    size: int
    index: int
    packet: AvPacket[VideoStream] | None = field(default=None, repr=False)
    picture: Bgr | None = field(default=None, repr=False)


class Backlog:
    """A queue between two threads. Who puts never waits: where it is full, the oldest pictures up to a keyframe are dropped."""

    def __init__(self, most_bytes: int = MOST_BYTES, most_items: int = MOST_ITEMS) -> None:
        self._most_bytes, self._most_items = most_bytes, most_items
        self._entries: deque[Began | Arrival] = deque()
        self._bytes = 0
        self._dropped = 0
        self._broken = False
        """The group that the newest entry belongs to lost pictures: none of it can be decoded."""
        self._changed = threading.Condition()

    def put(self, entry: Began | Arrival) -> None:
        """Add the newest."""
        with self._changed:
            if isinstance(entry, Began) or entry.key:
                self._broken = False
            elif self._broken:
                self._dropped += 1
                return
            self._entries.append(entry)
            self._bytes += _size(entry)
            while self._bytes > self._most_bytes or len(self._entries) > self._most_items:
                self._drop_a_group()
            self._changed.notify()

    def take(self, seconds: float) -> Began | Arrival | None:
        """The oldest, waiting for so long; `None` when there is none."""
        with self._changed:
            if not self._entries and seconds > 0:
                self._changed.wait(seconds)
            if not self._entries:
                return None
            entry = self._entries.popleft()
            self._bytes -= _size(entry)
            return entry

    def take_dropped(self) -> int:
        """How many pictures were dropped since the last call."""
        with self._changed:
            dropped, self._dropped = self._dropped, 0
            return dropped

    def wake(self) -> None:
        """Let whoever waits look again."""
        with self._changed:
            self._changed.notify_all()

    def _drop_a_group(self) -> None:
        """The oldest pictures until the next one that can be decoded without them. What tells of a connection stays."""
        kept = [entry for entry in (self._pop_group()) if isinstance(entry, Began)]
        self._entries.extendleft(reversed(kept))

    def _pop_group(self) -> list[Began | Arrival]:
        popped: list[Began | Arrival] = []
        while self._entries:
            first = self._entries[0]
            if isinstance(first, Arrival) and first.key and any(isinstance(entry, Arrival) for entry in popped):
                return popped
            popped.append(self._entries.popleft())
            self._bytes -= _size(first)
            self._dropped += isinstance(first, Arrival)
        self._broken = True
        return popped


def _size(entry: Began | Arrival) -> int:
    return entry.size if isinstance(entry, Arrival) else 0
