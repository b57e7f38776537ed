"""Keeps every sampled frame: for footage that was chosen by hand, or to see what deduplication would have saved."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from videoscan.dedup.keeping import RateOptions
from videoscan.model import EVERYWHERE, Mark, Reason
from videoscan.seams import INFINITY, Scale

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from videoscan.model import Frame, Regions


class NoDedup:
    """Compares nothing: `change` is 0 and the reason `changed`, except for the first frame and what the rate cap thins out."""

    learns: ClassVar[bool] = False

    class Options(RateOptions):
        """How `none` keeps."""

    def __init__(self, options: Options | None = None) -> None:
        self.options = options or self.Options()

    @property
    def scale(self) -> Scale:
        """See `videoscan.seams.Dedup`."""
        return Scale("as nothing is compared")

    def apply(
        self,
        frames: Iterable[Frame],
        *,
        regions: Regions = EVERYWHERE,  # noqa: ARG002  # a seam's argument that this deduplicator has no use for
        since: float = -INFINITY,
    ) -> Iterator[Frame]:
        """See `videoscan.seams.Dedup`."""
        reason = Reason.FIRST
        for frame in frames:
            if frame.time >= since:
                yield replace(frame, mark=Mark(frame.index, frame.time, kept=True, reason=reason))
                reason = Reason.CHANGED
