"""The last seconds of a live stream, still compressed, for whoever wants to look again."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

from videoscan.live.backlog import Arrival, Began
from videoscan.live.decoding import LiveDecoder
from videoscan.model import Frame
from videoscan.seams import Aim

if TYPE_CHECKING:
    from collections.abc import Iterator

    from videoscan.live.decoding import Picked

_MOST_PACKETS = 20_000


class Ring:
    """Holds `most` bytes of packets, and 20,000 of them, at most; the oldest group of pictures goes first.

    One thread fills it; any may look, and holds on to what was there when it began: as much again, for as long as it decodes.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._entries: deque[Began | Arrival] = deque()
        self._bytes = 0
        self._guard = threading.Lock()
        self._before: Began | None = None
        """The connection that the oldest entry belongs to."""

    def begin(self, began: Began) -> None:
        """Another connection stands."""
        with self._guard:
            self._entries.append(began)

    def add(self, arrival: Arrival) -> None:
        """The newest packet."""
        if not self._most:
            return
        with self._guard:
            self._entries.append(arrival)
            self._bytes += arrival.size
            while self._entries and (self._bytes > self._most or len(self._entries) > _MOST_PACKETS):
                self._drop()
                while self._entries and not (isinstance(self._entries[0], Arrival) and self._entries[0].key):
                    self._drop()

    def frames(self, start: float, end: float, every: float) -> Iterator[Frame]:
        """Frames in ``[start, end)``, `every` seconds apart at least, decoded from the keyframe before `start` on."""
        with self._guard:
            before, entries = self._before, tuple(self._entries)
        decoder = self._decoder(before)
        wanted = start
        for entry in entries:
            if isinstance(entry, Began):
                yield from self._last(decoder, wanted, end)
                decoder = self._decoder(entry)
                continue
            if decoder is None:
                continue
            picked = decoder.offer(entry, Aim(wanted))
            while picked is not None and picked.arrival.time < end:
                yield _frame(picked)
                wanted = picked.arrival.time + max(every, 1e-6)
                picked = decoder.more(Aim(wanted))
            if picked is not None or entry.decoded >= end:
                return
        yield from self._last(decoder, wanted, end)

    def _drop(self) -> None:
        first = self._entries.popleft()
        if isinstance(first, Began):
            self._before = first
        else:
            self._bytes -= first.size

    @staticmethod
    def _last(decoder: LiveDecoder | None, wanted: float, end: float) -> Iterator[Frame]:
        picked = decoder.last(Aim(wanted)) if decoder is not None else None
        if picked is not None and picked.arrival.time < end:
            yield _frame(picked)

    @staticmethod
    def _decoder(began: Began | None) -> LiveDecoder | None:
        return LiveDecoder(began.codec, began.extradata) if began is not None else None


def _frame(picked: Picked) -> Frame:
    return Frame(picked.arrival.index, picked.arrival.time, picked.arrival.key, picked.pixels)
