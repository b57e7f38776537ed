"""Drops what looks like a kept frame, cell by cell and in units of the place's own noise: the default deduplicator."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import cv2
import numpy as np

from videoscan.dedup.keeping import KeepOptions, keep
from videoscan.dedup.steadying import Steadier
from videoscan.dedup.unrest import Unrest
from videoscan.difference import CHANGED, Comparator, view
from videoscan.model import EVERYWHERE
from videoscan.seams import INFINITY, Scale

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from videoscan.difference import Plane, View
    from videoscan.model import Frame, Pixels, Regions

_RESAMPLED = 7 / 6
"""What is one cell wide, noise included, loses a seventh by being put back: times which it counts then."""

_LATELY = 60
"""Samples for which it counts so: the kept picture that a sample is compared with may have been put back as well."""


class PlaceComparator(Comparator):
    """A comparator for one fixed camera: puts back what its trembling displaced, and knows how restless each place of its picture is."""

    def __init__(self, *, mask: bool = True, regions: Regions = EVERYWHERE) -> None:
        super().__init__(mask=mask, regions=regions)
        self._steadier = Steadier()
        self._unrest = Unrest()
        self._ease: Plane | None = None
        self._changed = 1.0
        self._trembled = _LATELY

    def look(self, pixels: Pixels) -> View:
        """Take in the next sample of the pass."""
        columns, rows = self.columns_and_rows(pixels)
        seen = view(pixels.gray(columns, rows))
        now = self._steadier.steady(seen, lambda: pixels.gray(2 * columns, 2 * rows), self)
        self._trembled = 0 if now is not seen else self._trembled + 1
        self.see(now)
        self._steadier.follow(now, self._changed)
        return now

    def learn(self, step: Plane, now: View) -> None:
        """See `Comparator.learn`."""
        super().learn(step, now)
        self._changed = np.count_nonzero(step > self.threshold) / step.size
        self._unrest.learn(step, self)
        self._ease = self._unrest.ease(self.threshold, _RESAMPLED if self._trembled < _LATELY else 1.0)

    def difference(self, now: View, reference: View) -> Plane:
        """Absolute difference of the details, less where a place is restless, masked cells at zero."""
        apart = super().difference(now, reference)
        return apart if self._ease is None else np.asarray(cv2.multiply(apart, self._ease, dst=apart), np.float32)


class TilesDedup:
    """Keeps a frame when any one cell of about 14,400 differs from the last kept frame by more than its noise explains.

    So a person of two per cent of the picture's height is a change, while noise, a slow drift of the light and a ticking clock
    are not. `videoscan.difference` has the method, its constants and its sources. A change of the whole picture's light
    by a quarter (a switch, a fade) is a change too, however little structure moves. A camera that trembles or swings by less than
    a cell is put back first (`videoscan.dedup.steadying`), and a place that is always restless, such as a tree in the wind or the coded
    noise along an edge, needs a larger change than the rest (`videoscan.dedup.unrest`).

    Its limits: strong noise hides what is small and far; in rain or snow and where something always moves (water, traffic, a crowd, a
    hand-held camera)
    nearly everything is kept, and `max_rate` is what bounds the cost. What happens inside the mask is neither a reason to keep
    a frame nor reported as its region.
    """

    learns: ClassVar[bool] = True

    class Options(KeepOptions):
        """How `tiles` keeps."""

        mask: bool = True
        """Leave out what changes at nearly every sample, such as a clock in the picture (6 % of it at most)."""

    def __init__(self, options: Options | None = None) -> None:
        self.options = options or self.Options()

    @property
    def scale(self) -> Scale:
        """See `videoscan.seams.Dedup`."""
        return Scale("times that place's own noise", CHANGED)

    def apply(self, frames: Iterable[Frame], *, regions: Regions = EVERYWHERE, since: float = -INFINITY) -> Iterator[Frame]:
        """See `videoscan.seams.Dedup`."""
        comparator = PlaceComparator(mask=self.options.mask, regions=regions)
        return keep(
            frames,
            lambda frame: comparator.look(frame.pixels),
            comparator.compare,
            self.options,
            since=since,
            ignored=lambda: comparator.ignored,
        )
