"""Asking some windows again and not others: what an earlier timeline says of the others stands as it is.

Without a choice every window without an answer is asked again (`videoscan.asking`), and every second look that came to nothing
(`videoscan.doubting.second`). The choice changes no answer, so it is no part of what a journal's or a timeline's key is made of.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from videoscan.folding.held import SPENT
from videoscan.model import Description, Failure, Usage

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from videoscan.document import ErrorRecord, Timeline, UsageRecord, WindowRecord
    from videoscan.model import Window

_SPENT = "the budget was used up"


@dataclass(frozen=True, slots=True)
class Retry:
    """`others` are the windows of an earlier timeline that were not chosen, by index: nothing is asked about them.

    `skipped` says in its words why some of them were skipped.
    """

    others: Mapping[int, WindowRecord]
    skipped: Mapping[int, str] = field(default_factory=dict)

    @classmethod
    def of(cls, timeline: Timeline, chosen: Collection[int]) -> Retry:
        """Ask about the windows `chosen` (indices), and about those that the timeline does not have yet."""
        others = {each.index: each for each in timeline.windows if each.index not in chosen}
        return cls(others, _reasons(timeline, [each for each in others.values() if each.status == "skipped"]))

    def stands(self, window: Window) -> Description | None:
        """The failure that a window keeps; `None` for one that is to be asked: chosen, or not of the pictures that were shown then."""
        record = self.others.get(window.index)
        if record is None or record.status == "described":
            return None
        if not {picture.frame for picture in window.pictures} <= set(record.frames):
            return None
        failure = Failure(SPENT, self.skipped.get(record.index, _SPENT)) if record.error is None else _failure(record.error)
        usage = Usage() if record.usage is None else _usage(record.usage)
        return Description(failure=failure, attempts=record.attempts, usage=usage, flags=record.flags)

    def looks_at(self, index: int) -> bool:
        """Whether a window may have a second look: one that was not chosen only if it had one, which is in the journal or has failed."""
        record = self.others.get(index)
        return record is None or record.second_look is not None

    def looked(self, index: int) -> Description | None:
        """The failure that a second look keeps; `None` for one that is to be made."""
        record = self.others.get(index)
        if record is None or record.second_look is None or record.second_look.second.error is None:
            return None
        return Description(failure=_failure(record.second_look.second.error), attempts=0)  # the window's record counts both


def _reasons(timeline: Timeline, skipped: Sequence[WindowRecord]) -> dict[int, str]:
    """Why windows were skipped: their records do not say it, the stretches in `coverage` do."""
    if not skipped:
        return {}
    # A frame within a window may have been left out for itself.
    spans = [each for each in timeline.coverage if each.state == "skipped" and not (each.reason or "").startswith("thinned")]
    ends = [each.end for each in spans]
    found: dict[int, str] = {}
    for window in skipped:
        at = bisect_right(ends, window.start)
        if at < len(spans) and spans[at].start < window.end and (reason := spans[at].reason):
            found[window.index] = reason
    return found


def _failure(error: ErrorRecord) -> Failure:
    return Failure(error.kind, error.message, error.raw)


def _usage(spent: UsageRecord) -> Usage:
    return Usage(
        requests=spent.requests,
        retries=spent.retries,
        images=spent.images,
        image_bytes=spent.image_bytes,
        prompt_tokens=spent.prompt_tokens,
        completion_tokens=spent.completion_tokens,
    )
