"""Groups the samples of a live source into windows that close by the clock, and not only when the next picture comes.

Memory: the encoded pictures of the open window and of its overlap: ``max_frames + overlap_frames``, or `_MOST_HELD` times `max_frames` where
what is shown is chosen when the window closes; one mark for each sample of the window.
"""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from videoscan.model import Reason, Window
from videoscan.reading.choosing import Chooser
from videoscan.windows import Room

if TYPE_CHECKING:
    from collections.abc import Iterator

    from videoscan.config import WatchOptions, WindowOptions
    from videoscan.model import Mark, Sample
    from videoscan.seams import Limits

_MOST_HELD = 4
_HAPPENS = frozenset({Reason.CHANGED, Reason.CUT})


class Why(enum.StrEnum):
    """What closed a window."""

    FULL = "full"
    CUT = "cut"
    SECONDS = "seconds"
    QUIET = "quiet"
    GAP = "gap"
    END = "end"


@dataclass(frozen=True, slots=True)
class Closed:
    """A window, what closed it, and when its first new picture came, on the reader's monotonic clock."""

    window: Window
    why: Why
    came: float


@dataclass(frozen=True, slots=True)
class Rest:
    """Samples that were dropped while no window was open: the scene stands still."""

    marks: tuple[Mark, ...]


Grouped = Closed | Rest


@dataclass(slots=True)
class _Open:
    """The window that is being filled. The first `overlap` kept samples were in the window before."""

    samples: list[Sample] = field(default_factory=list)
    shots: list[Sample] = field(default_factory=list)
    overlap: int = 0
    came: float = 0.0

    @property
    def fresh(self) -> int:
        return len(self.shots) - self.overlap

    @property
    def began(self) -> float:
        return self.shots[self.overlap].mark.time


class LiveWindows:
    """Takes samples in order of time, and the time itself when none come; gives windows as they close.

    A window opens with a kept sample. It closes when it is full, when the next sample begins a new shot (`windows.close_at_cut`),
    ``min(windows.max_seconds, watch.latency)`` after its first new picture, and, where something has changed in it, as soon as nothing has
    changed for `watch.quiet` seconds: what happened is over, and somebody waits to be told. `end` closes it at a gap or a day's end.
    With `windows.choose`, or under `max_rate` (kept frames per second, 0: no cap), which of its frames it shows is chosen when it closes.
    """

    def __init__(
        self, options: WindowOptions, limits: Limits, watch: WatchOptions, *, max_rate: float = 0.0, first: int = 0
    ) -> None:
        self._options, self._watch = options, watch
        self._room = Room.of(options, limits)
        self._seconds = min(options.max_seconds, watch.latency)
        self._overlap = min(options.overlap_frames, self._room.frames - 1)
        self._max_rate = max_rate
        self._chooses = options.choose or max_rate > 0
        self._allowed = 1.0
        self._counted_from: float | None = None
        self._chooser = Chooser()
        self._index = first
        self._open = _Open()
        self._rest: list[Mark] = []
        self._changed_at = -math.inf

    def take(self, sample: Sample, came: float) -> Iterator[Grouped]:
        """The next sample; `came` is when, on the reader's monotonic clock."""
        mark = sample.mark
        yield from self.tick(mark.time)
        if not mark.kept:
            if self._open.fresh:
                self._open.samples.append(sample)
            else:
                self._rest.append(mark)
            return
        if self._rest:
            yield from self._rested()
        if not self._room.holds([sample.pictures]):
            sample = replace(sample, pictures=sample.pictures[:1])
        cut = self._options.close_at_cut and mark.reason is Reason.CUT
        if self._open.fresh and (cut or self._full(sample)):
            yield self._close(mark.time, Why.CUT if cut else Why.FULL)
        if cut or (not self._open.fresh and mark.reason not in _HAPPENS):
            self._open = _Open()  # a scene that is shown again needs nothing of what was before it
        self._make_room(sample)
        if not self._open.fresh:
            self._open.came = came
        self._open.samples.append(sample)
        self._open.shots.append(sample)
        if mark.reason in _HAPPENS:
            self._changed_at = mark.time

    def tick(self, time: float) -> Iterator[Grouped]:
        """No sample that comes later lies before `time`."""
        if not self._open.fresh:
            return
        late = self._open.began + self._seconds
        quiet = self._changed_at + self._watch.quiet if self._watch.quiet else math.inf
        over = quiet if self._open.began <= self._changed_at else math.inf
        if time >= min(late, over):
            yield self._close(time, Why.SECONDS if late <= over else Why.QUIET)

    def end(self, time: float, why: Why) -> Iterator[Grouped]:
        """Close what is open: nothing of it goes on."""
        if self._open.fresh:
            yield self._close(time, why)
        self._open = _Open()
        yield from self.flush()

    def flush(self) -> Iterator[Grouped]:
        """What was dropped since the last window, if anything."""
        if self._rest:
            yield from self._rested()

    @property
    def waiting(self) -> int:
        """Samples that no window and no rest has told of yet."""
        return len(self._open.samples) + len(self._rest)

    @property
    def index(self) -> int:
        """The next window's."""
        return self._index

    def _rested(self) -> Iterator[Rest]:
        rest, self._rest = tuple(self._rest), []
        yield Rest(rest)

    def _full(self, sample: Sample) -> bool:
        if self._chooses:
            return self._open.fresh >= _MOST_HELD * self._room.frames
        return not self._room.holds([each.pictures for each in (*self._open.shots, sample)])

    def _make_room(self, sample: Sample) -> None:
        """Give up the oldest frames of the overlap that leave no room for a new one."""
        held = self._open
        while held.overlap and not self._room.holds([each.pictures for each in (*held.shots[: held.overlap], sample)]):
            gone = held.shots.pop(0)
            held.overlap -= 1
            held.samples = [each for each in held.samples if each.mark.time > gone.mark.time]

    def _close(self, end: float, why: Why) -> Closed:
        held = self._open
        samples, overlap = held.samples, held.overlap
        if self._chooses:
            fresh = [each for each in samples if each.mark.time >= held.began]
            limit = self._limit(end, overlap)
            samples = [*(each for each in samples if each.mark.time < held.began), *self._chooser.choose(fresh, limit)]
        shots = [each for each in samples if each.mark.kept]
        window = Window(
            index=self._index,
            start=shots[0].mark.time,
            end=max(end, shots[-1].mark.time),
            pictures=tuple(picture for each in shots for picture in each.pictures),
            marks=tuple(each.mark for each in samples),
            overlap=overlap,
        )
        self._index += 1
        again = shots[-self._overlap :] if self._overlap else []
        follows = [each for each in samples if again and each.mark.time >= again[0].mark.time]
        self._open = _Open(follows, list(again), len(again))
        return Closed(window, why, held.came)

    def _limit(self, end: float, overlap: int) -> int:
        """How many new pictures a window that is closed now may show."""
        most = self._room.frames - overlap if self._options.choose else _MOST_HELD * self._room.frames
        if not self._max_rate:
            return most
        since = self._counted_from if self._counted_from is not None else self._open.began
        self._allowed = min(self._allowed + (end - since) * self._max_rate, 4.0 + self._seconds * self._max_rate)
        self._counted_from = end
        limit = max(1, min(most, math.floor(self._allowed)))
        self._allowed = max(0.0, self._allowed - min(limit, self._open.fresh))
        return limit
