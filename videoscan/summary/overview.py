"""What stands out in a timeline, and where nothing happens: by rule, from its events and its coverage. Pure.

Nothing here claims more than was looked at: a stretch that failed, was lost or was left out is never quiet.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from videoscan import timecode
from videoscan.folding import replays

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from videoscan.document import CoverageSpan, Event

NOTABLE = 0.5
"""Importance from which an event is a highlight: what "the owner of the recording would want to know", on the scale that models are given."""
MOST_HIGHLIGHTS = 10
QUIET = 30.0
"""Seconds from which nothing is worth telling; a fiftieth of the recording where that is longer."""
_SEEN = frozenset({"described", "unchanged"})


def counted(events: Iterable[Event]) -> list[Event]:
    """The events that count: those that no person rejected and that are no replays."""
    return [event for event in events if not (event.review and event.review.state == "rejected") and not replays.of(event)]


def highlights(events: Iterable[Event], most: int = MOST_HIGHLIGHTS) -> list[Event]:
    """The most important events that count, ranked: by importance, then in order of time. None under `NOTABLE`."""
    notable = [event for event in counted(events) if (event.importance or 0.0) >= NOTABLE]
    return sorted(notable, key=lambda event: (-(event.importance or 0.0), event.start))[:most]


@dataclass(frozen=True, slots=True)
class Quiet:
    """A stretch without an event, of which every second was looked at.

    `unchanged` are its seconds that look like a picture shown before; `pictures` how many stand for those.
    """

    start: float
    end: float
    unchanged: float
    pictures: int

    @property
    def length(self) -> float:
        """In seconds."""
        return self.end - self.start

    @property
    def still(self) -> bool:
        """Whether most of it did not even change: then nothing happened. Else it was told of, and no event was reported."""
        return 2 * self.unchanged >= self.length

    @property
    def what(self) -> str:
        """Such as ``Nothing happened for 2 h 28 min (30 pictures described)``."""
        word = "happened" if self.still else "was reported"
        looked = f" ({self.pictures} picture{'' if self.pictures == 1 else 's'} described)" if self.still else ""
        return f"Nothing {word} for {timecode.length(self.length)}{looked}"


def quiet(events: Sequence[Event], coverage: Iterable[CoverageSpan]) -> list[Quiet]:
    """The stretches without an event that are long enough to be told, in order of time. Linear but for sorting.

    `events` are those that no person rejected; replays end a quiet stretch like any other, for something is seen.
    """
    spans = list(coverage)
    duration = spans[-1].end if spans else 0.0
    least = max(QUIET, duration / 50)
    busy = [(event.start, event.end) for event in events if not (event.review and event.review.state == "rejected")]
    busy += [(span.start, span.end) for span in spans if span.state not in _SEEN]
    found: list[Quiet] = []
    at, place = 0.0, 0
    for start, end in sorted([*busy, (duration, duration)]):
        if start - at >= least:
            while place < len(spans) and spans[place].end <= at:
                place += 1
            found.append(_measured(at, start, spans, place))
        at = max(at, end)
    return found


def still(events: Sequence[Event], coverage: Iterable[CoverageSpan]) -> list[Quiet]:
    """Those of the quiet stretches in which nothing happened: what lists between the events tell."""
    return [each for each in quiet(events, coverage) if each.still]


def _measured(start: float, end: float, spans: Sequence[CoverageSpan], place: int) -> Quiet:
    unchanged, stand = 0.0, set()
    while place < len(spans) and spans[place].start < end:
        span = spans[place]
        if span.state == "unchanged":
            unchanged += min(end, span.end) - max(start, span.start)
            stand.add(span.same_as)
        place += 1
    return Quiet(start, end, unchanged, len(stand))
