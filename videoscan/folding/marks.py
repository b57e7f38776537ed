"""What was decided about every sampled frame, in columns: 25 bytes instead of an object of more than 150. A month has millions of them."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import TYPE_CHECKING, overload

import numpy as np

from videoscan.model import Mark, Reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

_REASONS = tuple(Reason)
_CODES = {(kept, reason): 2 * place + kept for place, reason in enumerate(_REASONS) for kept in (False, True)}
"""Reason and decision in one byte: twice the reason's place, and one more for a frame that was kept."""
_THINNED = _CODES[False, Reason.THINNED]
NOBODY = -1
"""Stands for no frame: none stands for a dropped one."""
DIGITS = 6
"""Times are written with microseconds: finer than any container's clock, and free of binary tails such as 0.30000000000000004."""


class Marks(Sequence[Mark]):
    """The bare marks of a window, or of many, in columns; a sequence that is read like a tuple of them.

    `frames` and `stands` are int64, `times` double; `codes` one byte. A mark's `stands` is the kept frame that stands for it: itself, when
    it was kept, or `NOBODY`.
    """

    __slots__ = ("codes", "frames", "stands", "times")

    def __init__(self) -> None:
        self.frames, self.times, self.stands, self.codes = array("q"), array("d"), array("q"), array("B")

    @classmethod
    def of(cls, marks: Iterable[Mark]) -> Marks:
        """What `Mark.bare` leaves of each. Those that are in columns already stay as they are."""
        if isinstance(marks, cls):
            return marks
        made = cls()
        for mark in marks:
            made.frames.append(mark.frame)
            made.times.append(mark.time)
            made.stands.append(mark.frame if mark.kept else NOBODY if mark.same_as is None else mark.same_as)
            made.codes.append(_CODES[mark.kept, mark.reason])
        return made

    def extend(self, other: Marks) -> None:
        """Put others behind these."""
        self.frames.extend(other.frames)
        self.times.extend(other.times)
        self.stands.extend(other.stands)
        self.codes.extend(other.codes)

    def __len__(self) -> int:
        return len(self.frames)

    @overload
    def __getitem__(self, place: int) -> Mark: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[Mark, ...]: ...
    def __getitem__(self, place: int | slice) -> Mark | tuple[Mark, ...]:
        if isinstance(place, slice):
            return tuple(self)[place]
        code, stands = self.codes[place], self.stands[place]
        kept = code % 2 == 1
        same_as = None if kept or stands == NOBODY else stands
        return Mark(self.frames[place], self.times[place], kept, _REASONS[code // 2], same_as)

    def __iter__(self) -> Iterator[Mark]:
        return (self[place] for place in range(len(self)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Marks) and all(getattr(self, name) == getattr(other, name) for name in self.__slots__)

    __hash__ = None  # type: ignore[assignment]  # it grows


class Sampled:
    """Every sampled frame once, in order, in columns of equal length.

    `frames` are indices, `times` seconds to the microsecond, `stands` the kept frame that stands for each (itself, or `NOBODY`), `kept` says
    whether it was, `thinned` whether it was left out although it changed.
    """

    __slots__ = ("_codes", "frames", "stands", "times")

    def __init__(self, marks: Marks, windows: Sequence[tuple[int, int]]) -> None:
        """Of the marks of all windows. `windows` says, by their order, where each one's begin in `marks` and how many they are.

        Overlapping windows both carry the marks that they share. The columns are those of `marks`, and no copy, where they are in order.
        """
        frames, stands = np.frombuffer(marks.frames, np.int64), np.frombuffer(marks.stands, np.int64)
        times, codes = np.frombuffer(marks.times, np.float64), np.frombuffer(marks.codes, np.uint8)
        if not rises(frames):
            order = np.concatenate([np.arange(begin, begin + count) for begin, count in windows])
            ordered = frames[order]
            # A mark counts where it is beyond all that came before it.
            new = np.concatenate([[True], ordered[1:] > np.maximum.accumulate(ordered)[:-1]])
            order = order[new]
            frames, times, stands, codes = ordered[new], times[order], stands[order], codes[order]
        for part in parts(len(times)):
            times[part] = tidied(times[part])
        self.frames: NDArray[np.int64] = frames
        self.times: NDArray[np.float64] = times
        self.stands: NDArray[np.int64] = stands
        self._codes: NDArray[np.uint8] = codes

    @property
    def kept(self) -> NDArray[np.bool_]:
        """Whether each was kept."""
        kept: NDArray[np.bool_] = self._codes % 2 == 1
        return kept

    @property
    def thinned(self) -> NDArray[np.bool_]:
        """Whether each was left out although it had changed."""
        thinned: NDArray[np.bool_] = self._codes == _THINNED
        return thinned

    def changes(self) -> NDArray[np.int64]:
        """The places of those for which another frame stands than for the one before, in order, and behind them how many there are in all."""
        places = array("q")
        for part in parts(len(self), overlap=1):
            places.frombytes((np.flatnonzero(self.stands[part][1:] != self.stands[part][:-1]) + part.start + 1).tobytes())
        places.append(len(self))
        return np.frombuffer(places, np.int64)

    def time_of(self, frame: int) -> float:
        """When a frame was, or the first sampled one after it."""
        return float(self.times[min(int(np.searchsorted(self.frames, frame)), len(self) - 1)])

    def __len__(self) -> int:
        return len(self.frames)


def rises(frames: NDArray[np.int64]) -> bool:
    """Whether each is greater than the one before it."""
    return all(bool((frames[part][1:] > frames[part][:-1]).all()) for part in parts(len(frames), overlap=1))


_TOGETHER = 1 << 14
"""Marks at a time: with sixteen times as many a fold of a month was no faster and took 25 MB more."""


def parts(length: int, *, overlap: int = 0) -> Iterator[slice]:
    """A long column in parts, so that what is worked out on the way stays small; each begins `overlap` before the end of the last."""
    return (slice(max(0, begin - overlap), begin + _TOGETHER) for begin in range(0, length, _TOGETHER))


def tidied(seconds: NDArray[np.float64]) -> NDArray[np.float64]:
    """What `round(each, 6)` makes of each, to the last bit."""
    whole = seconds * 10.0**DIGITS
    made: NDArray[np.float64] = np.rint(whole) / 10.0**DIGITS
    # Python rounds the number as it is, numpy its product: they can part where that lies in the middle between two.
    for place in np.flatnonzero(np.abs(whole - np.floor(whole) - 0.5) < 0.01):
        made[place] = round(float(seconds[place]), DIGITS)
    return made
