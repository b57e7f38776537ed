"""Tries one setting on the held footage: what it costs there, and what it misses of what was planted.

The way of a sample is that of a scan: the same deduplicator, rate cap, windows and crops, only without the pictures themselves,
whose sizes are enough to count tokens. So the cost of a setting is what `videoscan plan` would say of the same stretch.
"""

from __future__ import annotations

import enum
import math
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from videoscan import registry, windows
from videoscan.model import Picture, Reason, Sample
from videoscan.reading.choosing import cap
from videoscan.reading.difference import grid
from videoscan.reading.reducing import ZOOM_PIXELS, zoom_box
from videoscan.reading.regions import mask
from videoscan.reading.spec import SEGMENT
from videoscan.sources.pixels import shrunk
from videoscan.tuning.figures import Figure, Planted
from videoscan.tuning.following import Followed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from videoscan.config import WindowOptions
    from videoscan.model import Box, Frame, Gray, Mark, Regions
    from videoscan.seams import Dedup, Limits
    from videoscan.tuning.footage import Excerpt, Material
    from videoscan.tuning.planting import Round

_ENOUGH, _MANY = 8, 0.25
"""So many figures, of which so large a share was missed, and nobody will recommend it: the rest of the time is for the others."""
_BLIND = 0.5
"""A figure of which more than this share is where a setting does not look cannot be noticed by it."""


@dataclass(frozen=True, slots=True)
class Setting:
    """Something to try: `every` seconds between looks (`None`: as the footage was sampled), and the rest of a profile that decides.

    `aside`: shown for comparison, and never recommended.
    """

    name: str
    every: float | None
    dedup: Mapping[str, Any]
    regions: Regions
    windows: WindowOptions
    aside: bool = False


@dataclass(frozen=True, slots=True)
class Price:
    """Who the pictures are for: what fits into a window, and the tokens of the text that goes with one, and with each picture."""

    limits: Limits
    text: int
    label: int


class Verdict(enum.StrEnum):
    """What became of a planted figure."""

    SHOWN = "shown"
    """A picture with it is kept."""
    BETWEEN = "between"
    """It came and went between two looks."""
    UNNOTICED = "unnoticed"
    """Every look at it was dropped as the same as before."""
    THINNED = "thinned"
    """It was noticed, and what was noticed fell to the cap."""
    IGNORED = "ignored"
    """It was where this setting does not look: in front of a masked clock, for example. Not counted as missed."""


@dataclass(frozen=True, slots=True)
class Found:
    """One figure's fate. `late`: not in one of the first two looks at it; `lingers`: after it left, two looks still count as it.

    `lucky`: the pictures of it would have been kept without it, for what else goes on. `zoomed`: a crop shows it.
    """

    figure: Figure
    verdict: Verdict
    late: bool = False
    lingers: bool = False
    lucky: bool = False
    zoomed: bool = False

    @property
    def missed(self) -> bool:
        """Whether nobody would ever see it."""
        return self.verdict not in {Verdict.SHOWN, Verdict.IGNORED}


@dataclass(slots=True)
class Cost:
    """What the footage alone comes to. Sums over the excerpts; a picture that begins one counts as far as a scan would have it."""

    seconds: float = 0.0
    sampled: int = 0
    kept: int = 0
    pictures: float = 0.0
    requests: float = 0.0
    tokens: float = 0.0

    def hourly(self, amount: float) -> float:
        """An amount for an hour of such footage."""
        return amount * 3600 / self.seconds if self.seconds else 0.0


@dataclass(slots=True)
class Trial:
    """What came of a setting.

    `marks` are the footage's own decisions by excerpt, without figures; `ignored` is the share of the picture that did not count, on the
    mean, beyond what the regions leave out.
    """

    setting: Setting
    cost: Cost
    dedup: Dedup = field(repr=False)
    max_rate: float
    marks: tuple[tuple[Mark, ...], ...] = field(repr=False, default=())
    ignored: float = 0.0
    found: list[Found] = field(repr=False, default_factory=list)

    def missed(self, height: float) -> int:
        """How many figures of that height nobody would see."""
        return sum(found.missed for found in self.of(height))

    def of(self, height: float) -> list[Found]:
        """The figures of that height that count."""
        return [found for found in self.found if found.figure.height == height and found.verdict is not Verdict.IGNORED]

    def missed_from(self, height: float) -> float:
        """Which share of those of that height or taller, 0..1."""
        counted = [found for found in self.found if found.figure.height >= height and found.verdict is not Verdict.IGNORED]
        return sum(found.missed for found in counted) / max(1, len(counted))

    def fates(self, height: float) -> Counter[Verdict]:
        """How many of that height met which fate."""
        return Counter(found.verdict for found in self.found if found.figure.height == height)

    @property
    def tokens(self) -> float:
        """Per hour."""
        return self.cost.hourly(self.cost.tokens)

    @property
    def pictures(self) -> float:
        """Per hour."""
        return self.cost.hourly(self.cost.pictures)


def measure(material: Material, setting: Setting, price: Price) -> Trial:
    """What the footage alone costs with a setting."""
    trial = Trial(
        setting,
        Cost(),
        registry.make("dedups", setting.dedup),
        float(registry.filled("dedups", setting.dedup).get("max_rate", 0.0)),
    )
    runs = [_Run(excerpt, trial, price, ()) for excerpt in material.excerpts]
    for run in runs:
        run.add_to(trial.cost)
    trial.marks = tuple(run.marks for run in runs)
    trial.ignored = float(np.mean([run.ignored for run in runs]))
    return trial


def put_to(trial: Trial, material: Material, rounds: Iterable[Round], price: Price, *, hopeless: float | None = None) -> None:
    """Judge a setting by the figures of some rounds; by fewer of them once it has missed many of the height `hopeless`."""
    for planted in rounds:
        for excerpt, figures, without in zip(material.excerpts, planted, trial.marks, strict=True):
            if figures:
                trial.found += _Run(excerpt, trial, price, figures).judged(without)
        if hopeless is not None and (tried := len(trial.of(hopeless))) >= _ENOUGH and trial.missed(hopeless) > _MANY * tried:
            return


def run(excerpt: Excerpt, trial: Trial, price: Price, figures: tuple[Figure, ...]) -> tuple[Mark, ...]:
    """The decisions about one excerpt with figures in it, for those who judge by themselves."""
    return _Run(excerpt, trial, price, figures).marks


class _Run:
    """One excerpt through one setting, with figures or without."""

    def __init__(self, excerpt: Excerpt, trial: Trial, price: Price, figures: tuple[Figure, ...]) -> None:
        self._excerpt, self._trial, self._price, self._figures = excerpt, trial, price, figures
        setting = trial.setting
        self._boxes: dict[int, Box] = {}
        self.windows = tuple(windows.windows(self._samples(), setting.windows, price.limits, duration=lambda: excerpt.end))
        # The frames of an overlap stand in two windows.
        by_frame = {mark.frame: mark for window in self.windows for mark in window.marks}
        self.marks = tuple(by_frame[frame] for frame in sorted(by_frame))
        counts = mask(setting.regions, *grid(excerpt.frames[0].pixels.size))
        planes = [mark.ignored for mark in self.marks if mark.ignored is not None]
        open_ = [float((plane == 0).mean()) for plane in planes]
        self.ignored = max(0.0, float(counts.mean()) - float(np.mean(open_))) * len(planes) / len(self.marks) if planes else 0.0

    def add_to(self, cost: Cost) -> None:
        """Count what this excerpt costs.

        A scan keeps the first sample of each segment. An excerpt shorter than that has one as well, which counts by its share.
        """
        share = min(1.0, (self._excerpt.end - self._excerpt.start) / SEGMENT)
        cost.seconds += self._excerpt.end - self._excerpt.start
        cost.sampled += len(self.marks)
        cost.kept += sum(mark.kept for mark in self.marks)
        first = self.marks[0].frame if self.marks else None
        for window in self.windows:
            alone = share if [picture.frame for picture in window.pictures] == [first] else 1.0
            cost.requests += alone
            cost.tokens += alone * self._price.text
            for picture in window.pictures:
                weight = share if picture.frame == first else 1.0
                cost.pictures += weight
                cost.tokens += weight * (picture.tokens + self._price.label)

    def judged(self, without: Sequence[Mark]) -> Iterator[Found]:
        """The fate of each figure."""
        shown = {mark.frame for mark in self.marks if mark.kept}
        anyway = {mark.frame for mark in without if mark.kept}
        when = {mark.frame: mark.time for mark in self.marks}
        crops = [picture.frame for window in self.windows for picture in window.pictures if picture.zoom_of is not None]
        for figure in self._figures:
            seen = [mark for mark in self.marks if figure.shows(mark.time)]
            kept = [mark for mark in seen if mark.frame in shown]
            if not seen:
                yield Found(figure, Verdict.BETWEEN)
                continue
            if not kept:
                blind = all(self._is_blind(mark, figure) for mark in seen)
                thinned = any(mark.reason is Reason.THINNED for mark in seen)
                yield Found(figure, Verdict.IGNORED if blind else Verdict.THINNED if thinned else Verdict.UNNOTICED)
                continue
            after = [mark for mark in self.marks if mark.time >= figure.end][:2]
            yield Found(
                figure,
                Verdict.SHOWN,
                late=kept[0] not in seen[:2],
                lingers=len(after) == 2 and all(mark.same_as is not None and figure.shows(when[mark.same_as]) for mark in after),
                lucky=all(mark.frame in anyway and not _touches(mark, figure) for mark in kept),
                zoomed=any(frame in crops and _within(figure.box(when[frame]), self._boxes[frame]) for frame in shown),
            )

    def _samples(self) -> Iterator[Sample]:
        trial, excerpt = self._trial, self._excerpt
        options = trial.setting.windows
        cells = trial.max_rate > 0 or options.choose
        frames = excerpt.stream(self._dressed, every=trial.setting.every)
        judged = trial.dedup.apply(frames, regions=trial.setting.regions, since=excerpt.start)
        yield from cap((self._sample(frame, options, cells=cells) for frame in judged), trial.max_rate)

    def _dressed(self, frame: Frame) -> Frame:
        following = frame.following
        if isinstance(following, Followed) and any(self._planted(time) for time in following.times):
            following = following.dressed(lambda pixels, time: Planted(pixels, self._planted(time), time))
        here = self._planted(frame.time)
        return replace(frame, pixels=Planted(frame.pixels, here, frame.time) if here else frame.pixels, following=following)

    def _planted(self, time: float) -> tuple[Figure, ...]:
        return tuple(figure for figure in self._figures if figure.shows(time))

    def _sample(self, frame: Frame, options: WindowOptions, *, cells: bool) -> Sample:
        mark = frame.mark
        assert mark is not None
        return Sample(
            mark,
            frame.keyframe,
            pictures=self._pictures(frame, mark, options) if mark.kept else (),
            cells=frame.pixels.gray(*grid(frame.pixels.size)) if cells else None,
        )

    def _pictures(self, frame: Frame, mark: Mark, options: WindowOptions) -> tuple[Picture, ...]:
        """The sizes of what would be sent, without the pictures; as `videoscan.reading.reducing.pictures` makes them."""
        width, height = frame.pixels.size
        picture = self._picture(frame, *shrunk(width, height, options.long_side))
        box = zoom_box(mark, options.zoom, (width, height), options.long_side) if options.zoom else None
        pictures = self._price.limits.pictures
        if box is None or (pictures is not None and pictures < 2):
            return (picture,)
        self._boxes[frame.index] = box
        wide, high = (box[2] - box[0]) * width, (box[3] - box[1]) * height
        scale = ZOOM_PIXELS / max(wide, high)
        scale = scale if scale > 1 else min(1.0, options.long_side / max(wide, high))
        return picture, replace(self._picture(frame, round(wide * scale), round(high * scale)), zoom_of=frame.index)

    def _picture(self, frame: Frame, width: int, height: int) -> Picture:
        tokens = self._price.limits.cost.tokens(width, height)
        return Picture(frame.index, frame.time, b"", b"", "image/jpeg", width, height, tokens)

    def _is_blind(self, mark: Mark, figure: Figure) -> bool:
        return mark.ignored is not None and _share(mark.ignored, figure.box(mark.time)) > _BLIND


def _touches(mark: Mark, figure: Figure) -> bool:
    """Whether what changed lies where the figure is, or has been: it is then noticed for itself."""
    boxes = [box for box in (mark.region, *mark.regions) if box is not None]
    own = figure.box(mark.time)
    return any(box[0] < own[2] and own[0] < box[2] and box[1] < own[3] and own[1] < box[3] for box in boxes)


def _within(inner: Box, outer: Box) -> bool:
    return outer[0] <= inner[0] and outer[1] <= inner[1] and inner[2] <= outer[2] and inner[3] <= outer[3]


def _share(plane: Gray, box: Box) -> float:
    """The mean of a plane's cells that a box touches."""
    rows, columns = plane.shape
    left, top = min(columns - 1, max(0, math.floor(box[0] * columns))), min(rows - 1, max(0, math.floor(box[1] * rows)))
    right, bottom = max(left + 1, math.ceil(box[2] * columns)), max(top + 1, math.ceil(box[3] * rows))
    return float(plane[top:bottom, left:right].mean())
