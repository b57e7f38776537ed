"""What deduplicators ask for beyond a sample itself, taken while the footage is read, so that a trial sees what a scan would.

In rain and snow `tiles` asks for the pictures after a sample, and where a camera trembles for a finer one of the sample. Which samples those are is
known only to a deduplicator that has seen what came before: so one of each kind that will be tried goes along with the reading, and what it
asks for is held.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from videoscan.reading.bursts import Bursts
from videoscan.reading.difference import grid
from videoscan.reading.reducing import Remembered
from videoscan.reading.regions import Blackened
from videoscan.tuning.held import Held

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from videoscan.model import Frame, Pixels, Regions
    from videoscan.seams import Dedup, Sampler


@dataclass(frozen=True, slots=True, eq=False)
class Followed:
    """The pictures after a sample, held, with their times: see `videoscan.model.Frame.following`, which may be asked of it more than once."""

    times: tuple[float, ...]
    pictures: tuple[Held, ...]

    def __call__(self) -> Iterator[Pixels]:
        """All of them, in order."""
        return iter(self.pictures)

    def dressed(self, dress: Callable[[Pixels, float], Pixels]) -> Callable[[], Iterable[Pixels]]:
        """The same with something done to each."""
        return lambda: map(dress, self.pictures, self.times)

    @property
    def bytes(self) -> int:
        """What they take."""
        return sum(picture.bytes for picture in self.pictures)


@dataclass(slots=True, eq=False)
class _Asking:
    """What follows a sample, taken from the source when somebody asks for it first, and held."""

    source: Callable[[], Iterable[tuple[float, Pixels]]]
    held: Followed | None = None
    asked: bool = False

    def __call__(self) -> Iterator[Pixels]:
        self.asked = True
        return self.taken()()

    def taken(self) -> Followed:
        if self.held is None:
            found = [(time, Held(pixels.size, pixels)) for time, pixels in self.source()]
            self.held = Followed(tuple(time for time, _ in found), tuple(picture for _, picture in found))
        return self.held

    def let_go(self) -> None:
        for picture in self.held.pictures if self.held is not None else ():
            picture.gray(*grid(picture.size))
            picture.let_go()


@dataclass(slots=True, eq=False)
class Scouting:
    """One pass over footage, with deduplicators that go along. Wrap its sampler, then its frames. Not shared between threads."""

    sampler: Bursts[Frame]
    scouts: tuple[Dedup, ...]
    regions: Regions
    asked: bool = False
    """Whether any of them has asked what follows a sample."""
    _time: float = field(default=0.0, init=False)

    @classmethod
    def of(cls, sampler: Sampler, scouts: Iterable[Dedup], regions: Regions) -> Scouting:
        """For a pass with that sampler."""
        return cls(Bursts(sampler), tuple(scouts), regions)

    def over(self, frames: Iterable[Frame], *, learning: Callable[[Frame], bool]) -> Iterator[Frame]:
        """The samples, each with what was asked of it held: its pixels are a `Held` whose picture is still there, what follows it is a `Followed`.

        What follows the samples for which `learning` is true is taken unasked: a trial looks at the beginning twice, and asks for it
        the second time, when it knows the weather.
        """
        seen: Iterator[Frame] = map(self._watched, self.sampler.over(self._noted(frames)))
        for scout in self.scouts:
            seen = scout.apply(seen, regions=self.regions)
        for frame in seen:
            following = frame.following
            if not isinstance(following, _Asking):
                yield frame
                continue
            self.asked |= following.asked
            if learning(frame):
                following.taken()
            following.let_go()
            yield replace(frame, mark=None, following=following.held)

    def _noted(self, frames: Iterable[Frame]) -> Iterator[Frame]:
        for frame in frames:
            self._time = frame.time
            yield frame

    def _watched(self, frame: Frame) -> Frame:
        following = frame.following
        asking = _Asking(
            lambda: ((self._time, self._covered(pixels)) for pixels in (following() if following is not None else ()))
        )
        pixels = self._covered(Remembered.of(frame).pixels)
        return replace(frame, pixels=Held(pixels.size, pixels), following=asking)

    def _covered(self, pixels: Pixels) -> Pixels:
        return Blackened(pixels, self.regions) if self.regions.black_out else pixels
