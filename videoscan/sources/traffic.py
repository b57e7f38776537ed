"""How many bytes of video, and of everything else, a file holds for a stretch of time: by that a loss is told from a pause."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

MEMORY = 16.0
"""Seconds of packets that are remembered. Longer would tell no more; and whoever reads from so long before a place on knows as much
there as whoever reads from the file's start."""

_MOST = 4096
"""Packets that are remembered at most."""

_FEW = 8
"""Pictures after which a file's usual traffic is known."""

_RECENT = 32

_HEADS = 512
"""Bytes that a container may need between two pictures, for the head of a cluster, say."""

_KEYFRAME = 8
"""How many times as large as another picture a keyframe is, as long as nothing better is known."""


@dataclass(slots=True)
class Traffic:
    """What passed in the last `MEMORY` seconds, kept up to date with each packet.

    A gap in time is a loss when the file holds bytes for it that the other streams do not need: for at least half of the missing
    pictures, if they were as small as the smallest of late; where there are no other streams, for one and a half. A camera that
    sends nothing while nothing moves leaves no bytes.
    """

    alone: bool
    """Nothing but the video is in the file, and what its container needs to hold it."""
    frame: int
    """The usual distance of two pictures in ticks."""
    memory: int
    """`MEMORY` in ticks."""
    first: int | None = None
    """Where the first packet lies in the file."""
    last_end: int | None = None
    video: int = 0
    """Bytes of video so far."""
    count: int = 0
    _others: int = 0
    _recent: deque[tuple[int, int]] = field(default_factory=lambda: deque(maxlen=_MOST))
    """Decoding time of each packet, and the bytes of other streams before it."""
    _bursts: deque[tuple[int, int]] = field(default_factory=deque)
    """Of those with no gap in time before them, the ones larger than all that follow."""
    _sizes: deque[int] = field(default_factory=lambda: deque(maxlen=_RECENT))

    def saw(self, position: int | None, size: int, dts: int, *, gap: bool) -> None:
        """Count one packet at `position` in the file; `gap`: there is one in time before it.

        MPEG program streams know the place of a few pictures only: the others follow the one before them.
        """
        position = self.last_end if position is None else position
        if position is None:
            return
        others = 0
        if self.last_end is None:
            self.first = position if self.first is None else self.first
        elif position > self.last_end:
            others = position - self.last_end
        bursts, recent = self._bursts, self._recent
        if others and not gap:
            while bursts and bursts[-1][1] <= others:
                bursts.pop()
            bursts.append((dts, others))
        if len(recent) == _MOST:
            self._others -= recent[0][1]
        recent.append((dts, others))
        self._others += others
        since = dts - self.memory
        while recent[0][0] < since:
            self._others -= recent.popleft()[1]
        while bursts and bursts[0][0] < since:
            bursts.popleft()
        self._sizes.append(size)
        self.video += size
        self.count += 1
        self.last_end = position + size

    def is_missing(self, position: int | None, gap: int) -> bool:
        """Whether the bytes skipped before a packet at `position` are more than what the other streams need for `gap` ticks."""
        if gap <= 0 or position is None or self.last_end is None:
            return False
        skipped = position - self.last_end
        if skipped <= 0:
            return False
        usual = float(self._bursts[0][1]) if self._bursts else 0.0
        # The first pictures are keyframes, and others are much smaller.
        smallest = min(self._sizes) / (1 if len(self._sizes) >= _FEW else _KEYFRAME)
        if not self.alone:
            ticks = self._recent[-1][0] - self._recent[0][0]
            if len(self._recent) < _FEW or ticks <= 0:
                return False
            usual += 1.25 * self._others / ticks * gap
        needed = max(_HEADS, 1.5 * smallest) if self.alone else 0.5 * smallest * gap / self.frame
        return skipped > usual + needed
