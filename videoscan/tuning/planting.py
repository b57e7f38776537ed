"""Where, when and what is planted: a schedule that a seed decides, the same for every setting that is tried."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from videoscan.errors import ConfigError
from videoscan.reading.difference import grid
from videoscan.reading.regions import mask
from videoscan.tuning.figures import WIDTH, Figure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from videoscan.model import Gray, Mark, Regions
    from videoscan.tuning.footage import Excerpt, Material

LIVES = (1.0, 2.5)
"""A figure is in sight for so many times the shortest time at least and at most."""
PACES = (0.8, 1.6)
"""Body heights a second of those who walk: 1.4 to 2.7 m/s for 1.7 m."""
STANDING = 3
"""Every third figure stands still."""
GAP = 6.0
"""Seconds between two figures at least, so that each is judged by itself. With the figures' usual lives of 2 to 5 s a place for one lasts
11 s: in a row of places each lies differently to looks 2 or 5 s apart. At 10 s all would lie alike, and be met or missed together."""
_LEAST_ROUNDS = 4
_STEPS = 3000
"""Samples that one setting is tried on: more rounds over fewer, quieter places where the footage is short."""
_SLACK = 1e-6
_ATTEMPTS = 60
_INSIDE = 0.5
"""A figure that fits into the regions with less than half of its box is left out: there is no place for it."""
_DARKEST, _LIGHTEST = 12.0, 240.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to plant: `each` figures of each of the `heights`, `contrast` grey levels lighter or darker, `lasting` seconds or longer."""

    heights: tuple[float, ...]
    each: int
    contrast: float
    lasting: float
    seed: int


Round = tuple[tuple[Figure, ...], ...]
"""The figures of one run over the material, by excerpt; no two of an excerpt are in sight at once."""


@dataclass(frozen=True, slots=True)
class _Slot:
    excerpt: int
    start: float
    end: float
    busy: int


def plant(material: Material, wanted: Wanted, regions: Regions, marks: Sequence[Sequence[Mark]]) -> tuple[Round, ...]:
    """The rounds that together plant what is wanted.

    Figures come where the footage is quiet by `marks` (of each excerpt, without figures); where there is too little of that, in the
    quietest of it. They stand or walk wholly inside of `regions`. Raises `ConfigError` for footage too short for a single one.
    """
    random = np.random.default_rng(wanted.seed)
    slots = _slots(material, wanted, marks)
    total = wanted.each * len(wanted.heights)
    quiet = [slot for slot in slots if not slot.busy]
    enough = math.ceil(total / max(_LEAST_ROUNDS, _STEPS // material.samples))
    if len(quiet) < enough:
        order = random.permutation(len(slots))
        quiet = sorted((slots[place] for place in order), key=lambda slot: slot.busy)[: max(len(quiet), enough)]
    # Every height gets the same mixture of those who walk and stand, lighter and darker ones.
    kinds = [
        (height, number % STANDING != 0, 1 if (number // STANDING + number) % 2 else -1)
        for height in wanted.heights
        for number in range(wanted.each)
    ]
    kinds = [kinds[place] for place in random.permutation(len(kinds))]
    counts = mask(regions, *grid(material.size))
    rounds: list[Round] = []
    while kinds:
        batch, kinds = kinds[: len(quiet)], kinds[len(quiet) :]
        places = random.permutation(len(quiet))[: len(batch)]
        by_excerpt: list[list[Figure]] = [[] for _ in material.excerpts]
        for place, (height, walks, sign) in zip(places, batch, strict=True):
            slot = quiet[place]
            figure = _figure(
                material.excerpts[slot.excerpt], slot, random, counts, height, sign * wanted.contrast, wanted.lasting, walks=walks
            )
            if figure is not None:
                by_excerpt[slot.excerpt].append(figure)
        rounds.append(tuple(tuple(sorted(each, key=lambda figure: figure.start)) for each in by_excerpt))
    return tuple(rounds)


def quietness(rounds: Sequence[Round], marks: Sequence[Sequence[Mark]]) -> float:
    """The share of the figures, 0..1, that were planted where nothing else was kept."""
    figures = [(number, figure) for each in rounds for number, planted in enumerate(each) for figure in planted]
    still = [
        not any(_news(mark) and figure.start - GAP / 2 <= mark.time < figure.end + GAP / 2 for mark in marks[number])
        for number, figure in figures
    ]
    return sum(still) / len(still) if still else 0.0


def _news(mark: Mark) -> bool:
    return mark.kept and mark.reason not in {"first", "refresh"}


def _slots(material: Material, wanted: Wanted, marks: Sequence[Sequence[Mark]]) -> list[_Slot]:
    slots: list[_Slot] = []
    for number, excerpt in enumerate(material.excerpts):
        times = [frame.time for frame in excerpt.judged]
        # Not at the first looks: what is there from the beginning is no event.
        at = times[min(2, len(times) - 1)]
        length = min(wanted.lasting * LIVES[1] + GAP, excerpt.end - at)
        if length < wanted.lasting * 2:
            continue
        news = [mark.time for mark in marks[number] if _news(mark)]
        free = at
        for start in [*(time for time in times if time >= at), excerpt.end]:
            # The quiet ones first, wherever they begin; what is left between them is filled up.
            last = start + length > excerpt.end + _SLACK
            if not last and (start < free or any(start <= time < start + length for time in news)):
                continue
            end = excerpt.end if last else start
            slots += _filled(number, free, end, length, news)
            if last:
                break
            slots.append(_Slot(number, start, start + length, 0))
            free = start + length
    if not slots:
        raise ConfigError(
            f"{material.seconds:.1f} s of footage are too short to plant figures of {wanted.lasting:g} s in",
            hint=f"give {2 * wanted.lasting + 2:g} s or more, or a shorter --lasting",
        )
    return slots


def _filled(number: int, start: float, end: float, length: float, news: Sequence[float]) -> list[_Slot]:
    """The slots that a busy stretch has room for."""
    starts = [start + place * length for place in range(math.floor((end - start) / length + _SLACK))]
    return [_Slot(number, at, at + length, sum(at <= time < at + length for time in news)) for at in starts]


def _figure(
    excerpt: Excerpt,
    slot: _Slot,
    random: np.random.Generator,
    counts: Gray,
    height: float,
    contrast: float,
    lasting: float,
    *,
    walks: bool,
) -> Figure | None:
    room = slot.end - slot.start
    longest = max(lasting, min(lasting * LIVES[1], room - min(GAP, room / 2)))
    life = float(random.uniform(lasting, longest))
    start = slot.start + float(random.uniform(0, max(0.0, room - life - min(GAP, (room - life) / 2))))
    frame = min(excerpt.frames, key=lambda frame: abs(frame.time - start))
    width, tall = frame.pixels.size
    aspect = width / tall
    half = WIDTH / 2 * height / aspect
    pace = float(random.uniform(*PACES)) * height / aspect * (1 if random.random() < 0.5 else -1) if walks else 0.0
    luma = frame.pixels.gray(*grid(frame.pixels.size))
    best: tuple[float, Figure] | None = None
    for _ in range(_ATTEMPTS):
        x, y = float(random.uniform(half, 1 - half)), float(random.uniform(height / 2, 1 - height / 2))
        if not half <= x + pace * life <= 1 - half:
            pace = -pace
            if not half <= x + pace * life <= 1 - half:
                continue
        figure = Figure(start, start + life, height, x, y, half, contrast, pace)
        inside = min(_mean(counts, figure.box(start)), _mean(counts, figure.box(start + life)))
        if best is None or inside > best[0]:
            level = _mean(luma, figure.box(start))
            turned = not _DARKEST <= level + contrast <= _LIGHTEST and _DARKEST <= level - contrast <= _LIGHTEST
            best = inside, Figure(start, start + life, height, x, y, half, -contrast if turned else contrast, pace)
        if inside >= 1:
            break
    return best[1] if best is not None and best[0] >= _INSIDE else None


def _mean(plane: Gray, box: tuple[float, float, float, float]) -> float:
    rows, columns = plane.shape
    left, right = min(columns - 1, max(0, math.floor(box[0] * columns))), min(columns, max(1, math.ceil(box[2] * columns)))
    top, bottom = min(rows - 1, max(0, math.floor(box[1] * rows))), min(rows, max(1, math.ceil(box[3] * rows)))
    return float(plane[top : max(bottom, top + 1), left : max(right, left + 1)].mean())
