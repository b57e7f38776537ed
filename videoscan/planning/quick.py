"""Estimates a sampling from excerpts: a few short stretches spread over the recording, each standing for the part it lies in.

Systematic sampling with one excerpt at a shifting place in each of `n` equal parts. A kept frame a second is what varies; its mean over the
excerpts has a 95 % band by Student's t, widened to what a Poisson count of so few frames allows (nothing seen in `s` seconds may still
be three in `s`: the rule of three). Each part is then taken to go on as its excerpt did, so that windows can be formed of it.

What an excerpt begins with is always kept, whatever it shows; it does not count. What is added is what a whole pass keeps anyway: the first
sample of each segment.
"""

from __future__ import annotations

import math
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from videoscan.isolation import core_for
from videoscan.model import Mark, Reason, Sample
from videoscan.planning.sketch import Sketch, Sketcher
from videoscan.reading.spec import SEGMENT, WARM_UP

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from videoscan.config import SourceOptions
    from videoscan.model import SourceInfo
    from videoscan.reading.spec import CoreSpec

FEWEST, MOST = 8, 32
SECONDS = 20.0
"""Of an excerpt: long enough for a deduplicator that has learned a place's noise on the seconds before it."""
_SHARE = 0.06
"""Of the recording that is looked at, where `FEWEST` excerpts are not more than that already."""
_GOLDEN = 0.6180339887

# Student's t, two-sided 95 %, by degrees of freedom; above the last the normal's 1.96 and a little.
_T = {1: 12.71, 2: 4.30, 3: 3.18, 4: 2.78, 5: 2.57, 6: 2.45, 7: 2.36, 8: 2.31, 9: 2.26, 10: 2.23, 15: 2.13, 20: 2.09, 30: 2.04}


@dataclass(frozen=True, slots=True)
class Excerpt:
    """What was kept in ``[start, end)``; `opening` is its first sample, which does not count. `part` is the stretch that it stands for."""

    start: float
    end: float
    part: tuple[float, float]
    samples: tuple[Sample, ...]
    opening: Sample | None = None
    sampled: int = 0

    @property
    def rate(self) -> float:
        """Kept frames a second."""
        return len(self.samples) / max(self.end - self.start, 1e-9)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A likely sampling, and what its number of kept frames is to be multiplied with for the low and the high end of the band.

    `looked_at` is seconds, `excerpts` how many; with the whole recording looked at both factors are 1.
    """

    sketch: Sketch
    low: float = 1.0
    high: float = 1.0
    excerpts: int = 0
    looked_at: float = 0.0


def estimate(
    spec: CoreSpec, source: SourceOptions, opened: Callable[[SourceInfo], None], *, fewest: int = FEWEST, seconds: float = SECONDS
) -> Estimate | None:
    """Look at excerpts; `None` where that would be no quicker than the whole, or the source cannot be entered anywhere.

    `opened` is told what the source says of itself.
    """
    first = _looked_at(spec, source, spec.start, spec.start + seconds)
    info = first.info
    if info is None:
        return None
    opened(info)
    end = min(edge for edge in (spec.end, info.declared_duration, math.inf) if edge is not None)
    length = end - spec.start
    if not info.seekable or not math.isfinite(end) or first.tally is None:
        return None
    count = min(MOST, max(fewest, round(length * _SHARE / seconds)))
    if count * (seconds + WARM_UP) >= length:
        return None
    excerpts = []
    for place in range(count):
        part = spec.start + length * place / count, spec.start + length * (place + 1) / count
        # The golden ratio's multiples fall everywhere alike: nothing that recurs meets the same phase each time.
        start = part[0] + (0.0 if place == 0 else (place * _GOLDEN % 1.0) * max(0.0, part[1] - part[0] - seconds))
        seen = first if place == 0 else _looked_at(spec, source, start, min(start + seconds, end))
        excerpts.append(excerpt_of(seen, start, min(start + seconds, end), part))
    return together(excerpts, info.declared_duration or end, refreshed=length / SEGMENT)


def excerpt_of(seen: Sketcher, start: float, end: float, part: tuple[float, float]) -> Excerpt:
    """What a pass over an excerpt came to."""
    sketch = seen.sketch()
    return Excerpt(start, end, part, sketch.samples[1:], next(iter(sketch.samples), None), sketch.sampled)


def together(excerpts: Sequence[Excerpt], duration: float, *, refreshed: float) -> Estimate:
    """The estimate that excerpts make of a source of that duration, in which `refreshed` samples are kept anyway."""
    looked_at = sum(each.end - each.start for each in excerpts)
    rates = [each.rate for each in excerpts]
    count = sum(len(each.samples) for each in excerpts)
    mean = sum(rates) / len(rates)
    length = sum(each.part[1] - each.part[0] for each in excerpts)
    low, high = band(rates, count, looked_at)
    always = math.ceil(refreshed)
    likely = mean * length + always
    samples = sorted([*_gone_on(excerpts), *_first_ones(excerpts, always)], key=lambda sample: sample.mark.time)
    sampled = round(sum(each.sampled for each in excerpts) / max(looked_at, 1e-9) * length)
    sketch = Sketch(tuple(samples), duration, 0, sampled)
    # As kept frames of the made-up sampling, whose rounding is not the estimate's.
    scale = max(1, len(samples))
    return Estimate(
        sketch,
        min(1.0, (low * length + always) / scale, likely / scale),
        max(1.0, (high * length + always) / scale),
        len(excerpts),
        looked_at,
    )


def band(rates: Sequence[float], count: int, seconds: float) -> tuple[float, float]:
    """The 95 % band of the mean rate, from the rates of excerpts that saw `count` in so many seconds together."""
    mean = sum(rates) / len(rates)
    spread = math.sqrt(sum((rate - mean) ** 2 for rate in rates) / max(1, len(rates) - 1))
    reach = _t(len(rates) - 1) * spread / math.sqrt(len(rates))
    low = min(mean - reach, (count - 2 * math.sqrt(count)) / seconds)
    high = max(mean + reach, (count + 3 + 2 * math.sqrt(count)) / seconds)
    return max(0.0, low), high


def _t(freedom: int) -> float:
    return next((value for degrees, value in _T.items() if degrees >= freedom), 2.0)


def _looked_at(spec: CoreSpec, source: SourceOptions, start: float, end: float) -> Sketcher:
    seen = Sketcher()
    with closing(iter(core_for(replace(spec, start=start, end=end, store=None, excerpt=True), source))) as items:
        for item in items:
            seen.take(item)
    return seen


def _gone_on(excerpts: Sequence[Excerpt]) -> list[Sample]:
    """Each excerpt's samples over and over, to the end of its part."""
    made = []
    for each in excerpts:
        length = each.end - each.start
        for again in range(math.ceil((each.part[1] - each.part[0]) / length)):
            at = each.part[0] + again * length
            made += [
                moved
                for sample in each.samples
                if (moved := _at(sample, at + sample.mark.time - each.start)).mark.time < each.part[1]
            ]
    return made


def _first_ones(excerpts: Sequence[Excerpt], count: int) -> list[Sample]:
    """So many samples that are kept whatever happens, spread over the whole; as large as those that were seen."""
    like = next((each.opening for each in excerpts if each.opening is not None), None)
    if like is None:
        return []
    start, end = excerpts[0].part[0], excerpts[-1].part[1]
    return [_at(like, start + (end - start) * place / count) for place in range(count)]


def _at(sample: Sample, time: float) -> Sample:
    mark = Mark(sample.mark.frame, time, kept=True, reason=Reason.CUT if sample.mark.reason is Reason.CUT else Reason.CHANGED)
    return Sample(mark, pictures=tuple(replace(picture, time=time) for picture in sample.pictures))
