"""The decisions as the page shows them: each kept frame with what it stands for, told one by one or, without pictures, together."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from videoscan import timecode
from videoscan.model import Reason
from videoscan.pages import choosing, sizes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from videoscan.model import Box as Region
    from videoscan.pages.shelf import Columns, Shelf
    from videoscan.seams import Scale

Seconds: TypeAlias = NDArray[np.float64]

ROOM = 18
"""Frames of a strip that are shown while it is folded: three rows beside the kept frame's picture."""
_METER = 10
_CROP = 320


@dataclass(frozen=True, slots=True)
class Box:
    """A changed region in 0..100 of the picture."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Small:
    """A dropped frame. `meter` is its score in tenths of the threshold; `extra` ones are hidden while the strip is folded.

    `after` is the time of a kept frame that came between the one that stands for this and this, where there is one.
    """

    frame: int
    time: float
    when: str
    exact: str
    reason: Reason
    score: str
    meter: int
    near: bool
    extra: bool
    after: str | None
    picture: sizes.Inlined | None


@dataclass(frozen=True, slots=True)
class Together:
    """Dropped frames without pictures that follow each other. `most` is the highest of their scores."""

    count: int
    when: str
    most: str


@dataclass(frozen=True, slots=True)
class Group:
    """A kept frame (`kept` false: frames that none stands for) and the dropped ones that it stands for."""

    kept: bool
    frame: int
    time: float
    when: str
    exact: str
    reason: Reason
    score: str
    compared: bool
    """Whether the score says anything: there was something to compare with."""
    near: bool
    keyframe: bool
    picture: sizes.Inlined | None
    twin: sizes.Inlined | None
    """As small as what it stands for, to be compared with that."""
    crop: sizes.Inlined | None
    boxes: tuple[Box, ...]
    mask: int | None
    count: int
    thinned: int
    """How many of these look different, and were dropped for the rate cap."""
    until: str | None
    folded: int
    """How many are hidden while the strip is folded."""
    strip: Iterator[Small | Together]


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """Iterates over all groups, in order of time; pictures are read when their turn comes, the strip's while it is iterated.

    `pictured` says which frames have a picture, `single` which dropped ones are told one by one, `near` which decisions are near
    the threshold, `order` is all samples by group, `masks` are the numbers of the masks that the page has.
    """

    shelf: Shelf
    samples: Columns
    scale: Scale
    large: sizes.Size
    small: sizes.Size
    pictured: choosing.Which
    single: choosing.Which
    near: choosing.Which
    order: choosing.Places
    masks: frozenset[int]
    digits: int = 0
    """Of a second, in times."""

    def when(self, seconds: float) -> str:
        """A time, as exact as the samples need: ``0:12``, ``0:12.4``."""
        return when(seconds, self.digits)

    def __iter__(self) -> Iterator[Group]:
        leaders = self.samples.leaders[self.order]
        kept_times = self.samples.times[self.samples.kept]
        starts = np.flatnonzero(np.diff(leaders, prepend=-2)).tolist()
        for start, end in itertools.pairwise([*starts, leaders.size]):
            yield self._group(int(leaders[start]), self.order[start:end], kept_times)

    def _group(self, leader: int, members: choosing.Places, kept_times: Seconds) -> Group:
        rest = members[members != leader]
        shown = self.shelf.get(leader if leader >= 0 else int(members[0]))
        single = rest[self.single[rest]]
        first = choosing.at_first(self.samples.changes[single].tolist(), ROOM)
        pictured = leader >= 0 and bool(self.pictured[leader])
        return Group(
            kept=leader >= 0,
            frame=shown.frame,
            time=shown.time,
            when=self.when(shown.time),
            exact=timecode.clock(shown.time),
            reason=shown.reason,
            score=score(shown.change),
            compared=self.scale.threshold is not None and shown.reason is not Reason.FIRST,
            near=leader >= 0 and bool(self.near[leader]),
            keyframe=shown.keyframe,
            picture=sizes.inlined(shown.picture, self.large) if pictured else None,
            twin=sizes.inlined(shown.thumbnail, self.small) if pictured and self.pictured[rest].any() else None,
            crop=sizes.inlined(shown.crop, sizes.Size(min(_CROP, self.large.side), self.large.quality)) if pictured else None,
            boxes=tuple(_box(region) for region in shown.regions),
            mask=shown.mask if shown.mask in self.masks else None,
            count=rest.size,
            thinned=int(self.samples.of(Reason.THINNED)[rest].sum()),
            until=self.when(float(self.samples.times[rest[-1]])) if rest.size else None,
            folded=single.size - len(first),
            strip=self._strip(shown.time, rest, {int(single[place]) for place in first}, kept_times),
        )

    def _strip(self, start: float, rest: choosing.Places, first: set[int], kept_times: Seconds) -> Iterator[Small | Together]:
        told: list[int] = []
        for number in rest.tolist():
            if not self.single[number]:
                told.append(number)
                continue
            if told:
                yield self._together(told)
                told = []
            shown = self.shelf.get(number)
            between = kept_times[np.searchsorted(kept_times, start, side="right") : np.searchsorted(kept_times, shown.time)]
            start = shown.time
            yield Small(
                frame=shown.frame,
                time=shown.time,
                when=self.when(shown.time),
                exact=timecode.clock(shown.time),
                reason=shown.reason,
                score=score(shown.change),
                meter=self._meter(shown.change),
                near=bool(self.near[number]),
                extra=number not in first,
                after=self.when(float(between[-1])) if between.size else None,
                picture=sizes.inlined(shown.thumbnail, self.small) if self.pictured[number] else None,
            )
        if told:
            yield self._together(told)

    def _together(self, numbers: list[int]) -> Together:
        times, changes = self.samples.times[numbers], self.samples.changes[numbers]
        first, last = self.when(float(times[0])), self.when(float(times[-1]))
        return Together(len(numbers), first if first == last else f"{first}–{last}", score(float(changes.max())))

    def _meter(self, change: float) -> int:
        threshold = self.scale.threshold
        return min(_METER, round(_METER * change / threshold)) if threshold else 0


def digits(step: float) -> int:
    """How many digits of a second tell samples apart that are `step` seconds from each other."""
    return 0 if step > 0.95 else 1 if step > 0.095 else 2 if step > 0.0095 else 3


def when(seconds: float, digits: int) -> str:
    """``0:12`` with so many digits behind it, all rounded down to a millisecond's half."""
    milliseconds = timecode.to_milliseconds(seconds)
    fraction = f".{milliseconds % 1000:03d}"[: digits + 1] if digits else ""
    return timecode.short(milliseconds / 1000) + fraction


def score(change: float) -> str:
    """Two digits after the point where they matter: ``4.98``, ``12.3``, ``140``; none for whole numbers, such as counted bits."""
    if change == int(change):
        return str(int(change))
    return f"{change:.2f}" if change < 9.995 else f"{change:.1f}" if change < 99.95 else f"{change:.0f}"


def _box(region: Region) -> Box:
    x0, y0, x1, y1 = (100 * edge for edge in region)
    return Box(round(x0, 2), round(y0, 2), round(x1 - x0, 2), round(y1 - y0, 2))
