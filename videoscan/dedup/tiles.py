"""Drops what looks like a kept frame, cell by cell and in units of the place's own noise: the default deduplicator."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from videoscan.dedup.keeping import KeepOptions, keep
from videoscan.difference import CHANGED, Comparator
from videoscan.model import EVERYWHERE
from videoscan.seams import INFINITY, Scale

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from videoscan.model import Frame, Regions


class TilesDedup:
    """Keeps a frame when any one cell of about 14,400 differs from the last kept frame by more than its noise explains.

    So a person of two per cent of the picture's height is a change, while noise, a slow drift of the light and a ticking clock
    are not. `videoscan.difference` has the method, its constants and its sources. A change of the whole picture's light
    by a quarter (a switch, a fade) is a change too, however little structure moves.

    Its limits: strong noise hides what is small and far; where something always moves (traffic, a crowd, a hand-held camera)
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
        comparator = Comparator(mask=self.options.mask, regions=regions)
        return keep(frames, lambda frame: comparator.look(frame.pixels), comparator.compare, self.options, since=since)
