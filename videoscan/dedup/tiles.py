"""Drops what looks like a kept frame, cell by cell and in units of the place's own noise: the default deduplicator."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import cv2
import numpy as np

from videoscan.dedup.blinking import Blinking
from videoscan.dedup.keeping import KeepOptions, keep
from videoscan.dedup.standing import Standing
from videoscan.dedup.steadying import Steadier
from videoscan.dedup.unrest import Unrest
from videoscan.dedup.weather import Weather
from videoscan.model import EVERYWHERE
from videoscan.reading.difference import CHANGED, Comparator, view
from videoscan.seams import INFINITY, Scale

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from videoscan.model import Frame, Gray, Pixels, Regions
    from videoscan.reading.difference import Difference, Plane, View

_RESAMPLED = 7 / 6
"""What is one cell wide, noise included, loses a seventh by being put back: times which it counts then."""

_LATELY = 60
"""Samples for which it counts so: the kept picture that a sample is compared with may have been put back as well."""


class PlaceComparator(Comparator):
    """A comparator for one fixed camera: puts back what its trembling displaced, and knows how restless each place of its picture is."""

    def __init__(self, *, mask: bool = True, regions: Regions = EVERYWHERE) -> None:
        super().__init__(mask=mask, regions=regions)
        self._steadier = Steadier()
        self._weather = Weather()
        self._blinking = Blinking() if mask else None
        self._unrest = Unrest()
        self._ease: Plane | None = None
        self._changed = 1.0
        self._trembled = _LATELY

    def look(self, pixels: Pixels, following: Callable[[], Iterable[Pixels]] | None = None) -> View:
        """Take in the next sample of the pass; `following` as in `videoscan.model.Frame`."""
        self._trembled += 1
        after = None if following is None else lambda: map(self._steadied, following())
        now = self._weather.clear(self._steadied(pixels), self._before, self.threshold, after)
        if self._blinking is not None:
            now = self._blinking.clear(now, self.threshold)
        self.see(now)
        self._steadier.follow(now, self._changed)
        return now

    def _steadied(self, pixels: Pixels) -> View:
        columns, rows = self.columns_and_rows(pixels)
        seen = view(pixels.gray(columns, rows))
        now = self._steadier.steady(seen, lambda: pixels.gray(2 * columns, 2 * rows), self)
        if now is not seen:
            self._trembled = 0
        return now

    def learn(self, step: Plane, now: View) -> None:
        """See `Comparator.learn`."""
        super().learn(step, now)
        self._changed = np.count_nonzero(step > self.threshold) / step.size
        self._unrest.learn(step, self)
        self._ease = self._unrest.ease(self.threshold, _RESAMPLED if self._trembled < _LATELY else 1.0)

    def against(self, now: View, kept: Standing, *, where: bool) -> Difference:
        """Judge a picture against what a kept frame stands for. Without `where` only whether it changed."""
        found = self.judge(self._weighed(kept.apart(now, self.threshold)), now, kept.shown, where=where)
        if found.changed:
            return found
        crept = self._weighed(kept.crept())
        return self.judge(crept, now, kept.shown, where=where) if float(crept.max()) > self.threshold else found

    def hold(self, now: View, before: Standing | None) -> Standing:
        """What others are compared with once this picture is kept."""
        if before is None:
            return Standing(now)
        apart = self._weighed(before.apart(now, self.threshold))
        changed = cv2.threshold(apart, self.threshold, 1.0, cv2.THRESH_BINARY)[1]
        return Standing(now, before, np.asarray(changed, np.float32))

    def _weighed(self, apart: Plane) -> Plane:
        """Less where a place is restless, masked cells at zero."""
        for weight in (self.open, self._ease):
            if weight is not None:
                cv2.multiply(apart, weight, dst=apart)
        return apart


class _Tiles:
    """See `videoscan.dedup.keeping.Comparing`."""

    def __init__(self, comparator: PlaceComparator) -> None:
        self._comparator = comparator
        self.compare = comparator.against
        self.hold = comparator.hold

    @property
    def ignored(self) -> Gray | None:
        return self._comparator.ignored

    def look(self, frame: Frame) -> View:
        return self._comparator.look(frame.pixels, frame.following)

    def stands_for(self, kept: Standing, now: View) -> None:
        kept.add(now)


class TilesDedup:
    """Keeps a frame when any one cell of about 14,400 differs from the last kept frames by more than its noise explains.

    So a person of two per cent of the picture's height is a change, while noise, a slow drift of the light and a ticking clock
    are not. `videoscan.reading.difference` has the method, its constants and its sources. A change of the whole picture's light
    by a quarter (a switch, a fade) is a change too, however little structure moves. What a kept frame stands for takes its own noise out of
    the comparison (`videoscan.dedup.standing`). A camera that trembles or swings by less than
    a cell is put back first (`videoscan.dedup.steadying`), and a place that is always restless, such as a tree in the wind or the coded
    noise along an edge, needs a larger change than the rest (`videoscan.dedup.unrest`). A sign that blinks is seen as if it did not, and whoever
    passes in front of it is seen (`videoscan.dedup.blinking`).

    In rain and snow the pictures that follow a sample within a quarter of a second are asked for, where its source can give four or more
    (16 pictures a second): a drop is gone from its place in them, and a person is not (`videoscan.dedup.weather`).

    Its limits: strong noise hides what is small and far; where something always moves (water, traffic, a crowd, a hand-held camera), and in
    rain or snow of which nothing but single samples is to be had,
    nearly everything is kept, and `max_rate` is what bounds the cost. What happens inside the mask is neither a reason to keep
    a frame nor reported as its region.
    """

    learns: ClassVar[bool] = True

    class Options(KeepOptions):
        """How `tiles` keeps."""

        mask: bool = True
        """Leave out what changes at nearly every sample, such as a clock in the picture (6 % of it at most), and put out what blinks, such as a sign."""

    def __init__(self, options: Options | None = None) -> None:
        self.options = options or self.Options()

    @property
    def scale(self) -> Scale:
        """See `videoscan.seams.Dedup`."""
        return Scale("times that place's own noise", CHANGED)

    def apply(self, frames: Iterable[Frame], *, regions: Regions = EVERYWHERE, since: float = -INFINITY) -> Iterator[Frame]:
        """See `videoscan.seams.Dedup`."""
        comparator = PlaceComparator(mask=self.options.mask, regions=regions)
        return keep(frames, _Tiles(comparator), self.options, since=since)
