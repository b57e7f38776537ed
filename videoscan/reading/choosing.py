"""Which of too many kept frames are shown: those that cover the time and the changes best, in order of time.

A cap that keeps whatever comes first loses the end of what happens. Here the samples of a block of time are looked at together:
first come the first and the last frame of every run of changes (between stretches that stood still), then, one after another, the
frame that lies farthest from all that are chosen already, in time and in content (Gonzalez 1985: farthest-point clustering, at
most twice as far from the best cover as can be).
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from videoscan.model import Reason
from videoscan.reading.difference import fitted, plain_difference

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from videoscan.model import Sample

_BLOCK_FRAMES = 4
_BLOCK_SECONDS = 60.0
_REMEMBERED = 64
_TOP = 0.01
"""Share of the cells that tell two frames apart: a person of a tenth of the picture's height covers no more."""


def block_of(max_rate: float) -> tuple[float, int]:
    """Seconds of a block and the frames it may show, for a cap of `max_rate` frames per second.

    Four frames a block, less where that would be longer than a minute: (20 s, 4) for 0.2, (60 s, 1) for 1/60, (100 s, 1) for 0.01.
    """
    seconds = max(1 / max_rate, min(_BLOCK_FRAMES / max_rate, _BLOCK_SECONDS))
    return seconds, max(1, math.floor(seconds * max_rate + 1e-9))


def cap(samples: Iterable[Sample], max_rate: float) -> Iterator[Sample]:
    """The samples with at most `max_rate` kept frames per second; 0 is no cap. Each must have its `cells`.

    Works in blocks of time on a fixed grid (see `block_of`), so a sample comes out up to a block later, and any stretch of `s`
    seconds holds at most ``s * max_rate`` frames and those of two blocks more. Memory: the samples of one block.
    """
    if not max_rate:
        yield from samples
        return
    seconds, frames = block_of(max_rate)
    chooser = Chooser()
    block: list[Sample] = []
    number = 0
    for sample in samples:
        if (now := math.floor(sample.mark.time / seconds)) != number and block:
            yield from chooser.choose(block, frames)
            block = []
        number = now
        block.append(sample)
    yield from chooser.choose(block, frames)


class Chooser:
    """Chooses in one block of samples after another; remembers what was shown last and what was thinned of late."""

    def __init__(self) -> None:
        self._shown: int | None = None
        # A dropped frame names one of the last frames that its deduplicator kept (64 at most), and shares its fate.
        self._fates: deque[tuple[int, bool]] = deque(maxlen=_REMEMBERED)

    def choose(self, block: Sequence[Sample], limit: int) -> list[Sample]:
        """The block with at most `limit` kept frames; what had to go is `thinned`, and what looked like it too.

        Where the ends of runs alone exceed the limit, they are chosen among like all others. A source's very first frame is
        always kept.
        """
        candidates = [place for place, sample in enumerate(block) if sample.mark.kept]
        chosen = candidates
        if len(candidates) > limit:
            ends = [place for place in candidates if _is_end(block, place)]
            chosen = [place for place in candidates if block[place].mark.reason is Reason.FIRST][:1]
            for pool in (ends, candidates):
                _extend(chosen, [place for place in pool if place not in chosen], block, limit)
        return self._settled(block, set(chosen))

    def without(self, sample: Sample) -> Sample:
        """A sample as it is when frames that have no picture any more count as thinned, and what looked like them too."""
        (settled,) = self._settled([sample], {0} if sample.pictures else set())
        return settled

    def _settled(self, block: Sequence[Sample], chosen: set[int]) -> list[Sample]:
        done: list[Sample] = []
        for place, sample in enumerate(block):
            mark = sample.mark
            gone = mark.kept and place not in chosen
            if mark.kept:
                self._fates.append((mark.frame, gone))
            if place in chosen:
                self._shown = mark.frame
            elif gone or (mark.same_as, True) in self._fates:
                mark = replace(mark, kept=False, reason=Reason.THINNED, same_as=self._shown)
            done.append(sample if mark is sample.mark else replace(sample, mark=mark, pictures=()))
        return done


def _is_end(block: Sequence[Sample], place: int) -> bool:
    """Whether a run of changes begins or ends here, as far as the block shows it."""
    begins = place > 0 and not block[place - 1].mark.kept
    ends = place + 1 < len(block) and not block[place + 1].mark.kept
    return begins or ends


def _extend(chosen: list[int], pool: list[int], block: Sequence[Sample], limit: int) -> None:
    """Add from the pool, farthest first, until the limit."""
    if not chosen and pool:
        chosen.append(pool.pop(0))
    seconds = max(block[-1].mark.time - block[0].mark.time, 1e-9)
    apart = {place: [_apart(block[place], block[other]) for other in chosen] for place in pool}
    scale = max((distance for row in apart.values() for distance in row), default=0.0) or 1.0
    far = {
        place: min(
            abs(block[place].mark.time - block[other].mark.time) / seconds + distance / scale
            for other, distance in zip(chosen, row, strict=True)
        )
        for place, row in apart.items()
    }
    while far and len(chosen) < limit:
        best = max(far, key=lambda place: (far[place], -place))
        del far[best]
        chosen.append(best)
        for place, distance in far.items():
            gap = abs(block[place].mark.time - block[best].mark.time) / seconds
            far[place] = min(distance, gap + _apart(block[place], block[best]) / scale)


def _apart(one: Sample, other: Sample) -> float:
    """How different two frames look, in grey levels: the mean of the hundredth of the cells that differ most."""
    assert one.cells is not None
    assert other.cells is not None
    difference = plain_difference(one.cells, fitted(other.cells, one.cells)).ravel()
    top = max(1, round(_TOP * difference.size))
    return float(np.partition(difference, difference.size - top)[-top:].mean())
