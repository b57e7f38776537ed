"""Which answers of a model are in doubt, in what order, and what a second look at them shows. Pure.

An answer is in doubt when it

- could not be read, however often it was asked for (``BadReply``);
- tells of no event where the deduplicator measured a change of at least `_STRONG` times what counts as one;
- is less sure of an event than `second_look.confidence`.

Time that nobody understands weighs most, then what was measured and not told, then what is unsure.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from videoscan import timecode
from videoscan.model import Reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from videoscan.model import Box, Description, Mark, Prompt, Shown, Told, Window
    from videoscan.seams import Scale

Why = Literal["unreadable", "contradicted", "uncertain"]

_STRONG = 3.0
"""Times the deduplicator's threshold. On the samples, people and cars change 14 to 110 units of noise where 5 count as a change;
what is nothing to tell of stays near 5."""
_NO_WORDS = "BadReply"
_CLOSEST = 0.1
"""Seconds between two frames of a second look at least."""
_WEIGHT: dict[Why, float] = {"unreadable": 2.0, "contradicted": 1.0, "uncertain": 0.0}


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why a window's answer is in doubt, and where to look: from the sampled frame at `start` to the one at `end`, both included.

    `words` say why, for people. `weight` orders doubts, the largest first. `region` is where in the picture. `key` is the journal's
    key of the first answer, `None` without a journal.
    """

    window: int
    why: Why
    words: str
    weight: float
    start: float
    end: float
    region: Box | None = None
    key: str | None = None


def judge(window: Window, description: Description, scale: Scale, *, least: float) -> Doubt | None:
    """The doubt about an answer, if there is one. `scale` is the deduplicator's, `least` the confidence that is enough."""
    kept = [mark for mark in window.marks if mark.kept]
    if not kept:
        return None
    first, last = kept[0].time, kept[-1].time
    failure = description.failure
    if failure is not None:
        if failure.kind != _NO_WORDS:
            return None
        return _weighed(Doubt(window.index, "unreadable", "the answer could not be read", 0.0, first, last), 0.0)
    if not description.events:
        found = _strongest(kept[window.overlap :], scale)
        if found is None:
            return None
        start, end = _around(window.marks, found.time, found.time)
        times = found.change / (scale.threshold or 1.0)
        words = f"nothing is told of, though the picture changed at {timecode.short(found.time)} by {times:.0f} times what counts as a change"
        return _weighed(Doubt(window.index, "contradicted", words, 0.0, start, end, found.region), 1 - 1 / (1 + round(times, 2)))
    unsure = [told for told in description.events if in_doubt(told, least)]
    if not unsure:
        return None
    shown = [picture.time for picture in window.pictures]
    start, end = _around(window.marks, min(shown[told.first] for told in unsure), max(shown[told.last] for told in unsure))
    least_sure = min(unsure, key=lambda told: (told.confidence or 0.0, told.first))
    words = f"{least_sure.title!r} is told with a confidence of {least_sure.confidence:g} only"
    region = next(iter(least_sure.regions.values()), None) or _region(kept, start, end)
    return _weighed(Doubt(window.index, "uncertain", words, 0.0, start, end, region), 1 - (least_sure.confidence or 0.0))


def in_doubt(told: Told, least: float) -> bool:
    """Whether a model says that it is unsure of an event."""
    return told.origin == "model" and told.confidence is not None and told.confidence < least


def _weighed(doubt: Doubt, share: float) -> Doubt:
    return replace(doubt, weight=_WEIGHT[doubt.why] + 0.99 * share)


def _strongest(kept: Sequence[Mark], scale: Scale) -> Mark | None:
    """The frame that changed most, if that is much. As precise as a sampling on disk is: a scan that goes on must judge as before."""
    if scale.threshold is None:
        return None
    changed = [mark for mark in kept if mark.reason is Reason.CHANGED and round(mark.change, 3) >= _STRONG * scale.threshold]
    return max(changed, key=lambda mark: (round(mark.change, 3), -mark.time), default=None)


def _around(marks: Sequence[Mark], first: float, last: float) -> tuple[float, float]:
    """From the sampled frame before the first time to the one after the last, as far as there are such."""
    before = max((mark.time for mark in marks if mark.time < first), default=first)
    after = min((mark.time for mark in marks if mark.time > last), default=last)
    return before, after


def _region(kept: Sequence[Mark], start: float, end: float) -> Box | None:
    inside = [mark for mark in kept if start <= mark.time <= end and mark.region is not None]
    return max(inside, key=lambda mark: round(mark.change, 3)).region if inside else None


def ranked(doubts: Iterable[Doubt]) -> list[Doubt]:
    """The most doubtful first."""
    return sorted(doubts, key=lambda doubt: (-doubt.weight, doubt.window))


@dataclass(slots=True)
class Allowance:
    """How much a scan's second looks may send together: a share of what it sent before, one look of `room` pictures at least."""

    looks: int
    pictures: int

    @classmethod
    def of(cls, share: float, *, windows: int, images: int, room: int) -> Allowance:
        """For a scan of so many windows and pictures sent."""
        if not share or not windows:
            return cls(0, 0)
        return cls(math.ceil(share * windows), max(room, math.floor(share * images)))

    def take(self, least: int, most: int) -> int:
        """Room for one look's pictures: `most`, as far as so many are left, and none where there is not even `least`."""
        room = min(most, self.pictures)
        return room if self.looks and room >= least else 0

    def give(self, pictures: int) -> None:
        """A look is made of so many pictures."""
        self.looks -= 1
        self.pictures -= pictures


def times(kept: Sequence[float], room: int) -> tuple[float, ...]:
    """At most `room` times from the first to the last of `kept`: these and, where there is room, the middles of the largest gaps.

    No two lie nearer than a tenth of a second, but for kept ones. Where there are too many of those, as many as there is room for.
    """
    if len(kept) > room:
        step = (len(kept) - 1) / max(1, room - 1)
        return tuple(dict.fromkeys(kept[round(place * step)] for place in range(room)))
    chosen = sorted(kept)
    while len(chosen) < room:
        gap, place = max(((after - before, -place) for place, (before, after) in enumerate(_pairs(chosen))), default=(0.0, 0))
        if gap < 2 * _CLOSEST:
            break
        chosen.insert(1 - place, round(chosen[-place] + gap / 2, 6))
    return tuple(chosen)


def _pairs(values: Sequence[float]) -> Iterator[tuple[float, float]]:
    return itertools.pairwise(values)


_ASKED: dict[Why, str] = {
    "unreadable": (
        "An answer about these frames could not be read. Answer with the JSON object alone, and keep it short: at most five events, one "
        "sentence each."
    ),
    "contradicted": (
        "These frames are shown because a measurement says that something changes between them, and a first look told of nothing. "
        "They lie closer together than usual. Look for what changes. If it is nothing that anybody would want to know of, such as light, "
        "shadow, weather or noise, tell of no event and say in the observations what it is."
    ),
    "uncertain": (
        "These frames are shown because a first look was unsure of what happens in them. They lie closer together than usual. Tell what "
        "happens as they show it, and say with `confidence` how sure you are now."
    ),
}


def asking(prompt: Prompt, why: Why) -> Prompt:
    """The same prompt for a second look, which is asked once: what cannot be read has been asked for often enough before."""
    return replace(prompt, instructions=f"{_ASKED[why]}\n\n{prompt.instructions}", once=True)


def summed_up(doubts: Sequence[Doubt]) -> str:
    """What is in doubt, in a few words."""
    said = {"unreadable": "could not be read", "contradicted": "told of nothing where much changed", "uncertain": "unsure"}
    counts = {why: sum(doubt.why == why for doubt in doubts) for why in said}
    return ", ".join(f"{count} {said[why]}" for why, count in counts.items() if count)


@dataclass(frozen=True, slots=True)
class Second:
    """A second look at a window: why, what was shown, and what came of it."""

    doubt: Doubt
    shown: tuple[Shown, ...]
    description: Description
