"""Keeps every sampled frame: for footage that was chosen by hand, or to see what deduplication would have saved."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from videoscan.dedup.keeping import RateCap, RateOptions
from videoscan.model import Mark, Reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from videoscan.model import Frame


class NoDedup:
    """Compares nothing: `change` is 0 and the reason `changed`, except for the first frame and what the rate cap thins out."""

    class Options(RateOptions):
        """How `none` keeps."""

    def __init__(self, options: Options | None = None) -> None:
        self.options = options or self.Options()

    def apply(self, frames: Iterable[Frame]) -> Iterator[Frame]:
        """See `videoscan.seams.Dedup`."""
        cap = RateCap(self.options.max_rate)
        last: int | None = None
        for frame in frames:
            if last is None or cap.allows(frame.time):
                reason = Reason.FIRST if last is None else Reason.CHANGED
                mark = Mark(frame.index, frame.time, kept=True, reason=reason)
                cap.took(frame.time)
                last = frame.index
            else:
                mark = Mark(frame.index, frame.time, kept=False, reason=Reason.THINNED, same_as=last)
            yield replace(frame, mark=mark)
