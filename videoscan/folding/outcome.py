"""What became of one window, as the fold takes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from videoscan.doubting.doubt import Second
    from videoscan.model import Description, Mark, Shown, Usage
    from videoscan.ongoing import Ongoing


@dataclass(frozen=True, slots=True)
class Outcome:
    """A window after its description: without the pictures' bytes, so that hours of them fit into memory.

    `given` is what its prompt said was still going on; `second` a second look, where its answer was in doubt. `marks` are best packed
    (`videoscan.folding.marks.Marks`) where there are many.
    """

    index: int
    start: float
    end: float
    shown: tuple[Shown, ...]
    marks: Sequence[Mark]
    description: Description
    overlap: int = 0
    given: tuple[Ongoing, ...] = ()
    second: Second | None = None

    @property
    def usage(self) -> Usage:
        """What all answers about it took."""
        first = self.description.usage
        return first if self.second is None else first + self.second.description.usage

    @property
    def seconds(self) -> float:
        """How long was waited for them."""
        return self.description.seconds + (self.second.description.seconds if self.second is not None else 0.0)

    @property
    def counts(self) -> Description:
        """The answer whose summary and observations stand for the window; a failure where no answer could be had."""
        first, second = self.description, self.second
        if second is None or second.description.failure is not None:
            return first
        better = first.failure is not None or (not first.events and second.description.events)
        return second.description if better else first
