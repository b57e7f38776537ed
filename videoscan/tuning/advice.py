"""Which settings are tried, which of them is recommended and why, and what a person could do beyond that."""

from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from videoscan import registry
from videoscan.errors import ConfigError
from videoscan.model import Reason
from videoscan.settings.options import ZOOM_SHARE
from videoscan.tuning.trials import Setting, Verdict, measure

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from videoscan.config import Profile
    from videoscan.model import Box, Mark
    from videoscan.tuning.footage import Material
    from videoscan.tuning.trials import Price, Trial

SURE = 0.95
_STEPS = (1, 2, 5)
_CAP = 0.2
_SENSITIVITIES = (0.5, 0.7, 1.4, 2.0)
_PLACES = (24, 14)
"""Columns and rows of the map on which the places of changes are counted."""
_OFTEN = 0.15
"""A place is told of when it alone makes so large a share of the looks change."""
_PARTS, _BUSY_PARTS = 8, 6
"""And when it does so in most of the time that was looked at: otherwise it may be what the camera is there for."""
_SAVES = 0.2
_MUCH_LESS, _NEARLY = 0.75, 0.05
_EVERYTHING = 0.95
"""Who keeps so large a share of the looks drops nothing worth the name."""
_LARGEST_PLACE = 0.15
"""Of the picture. What is larger is more likely what the camera looks at than what disturbs it."""
_MARGINS = (0.0, 0.035, 0.07)
"""Room around the place that is tried, in shares of the width: a change is felt that far where local means are taken off."""


@dataclass(frozen=True, slots=True)
class Place:
    """A part of the picture that keeps changing. `share` of the kept pictures changed there; without it `pictures` an hour are left."""

    box: Box
    share: float
    pictures: float
    tokens: float


@dataclass(frozen=True, slots=True)
class Zoom:
    """What crops would do: so many of `shown` figures of the demanded height came with one, for so many tokens an hour in all.

    `pixels` is how high such a figure is in the pictures without.
    """

    shown: int
    zoomed: int
    tokens: float
    pixels: float


def step_of(sampler: dict[str, Any]) -> float | None:
    """Seconds between two looks, for samplers that go by time alone; `None` for those that go by keyframes."""
    if sampler.get("rate"):
        return 1 / float(sampler["rate"])
    return float(sampler["every"]) if "every" in sampler else None


def variants(present: Setting) -> list[Setting]:
    """The present setting, then others of `tiles` and other deduplicators: all with its time between looks."""
    now = registry.filled("dedups", present.dedup)
    cap, refresh = float(now.get("max_rate", 0.0)), float(now.get("refresh", 300.0))
    found = [present]

    def add(name: str, dedup: dict[str, Any], *, aside: bool = False) -> None:
        found.append(replace(present, name=name, dedup=registry.filled("dedups", dedup), aside=aside))

    tiles = now
    if now["kind"] != "tiles":
        tiles = registry.filled("dedups", {"kind": "tiles", "refresh": refresh, "max_rate": cap})
        add("tiles", tiles)
    if isinstance(tiles.get("sensitivity"), int | float):
        for factor in _SENSITIVITIES:
            value = round(tiles["sensitivity"] * factor, 2)
            with contextlib.suppress(ConfigError):  # beyond what the option takes
                add(f"sensitivity {value:g}", {**tiles, "sensitivity": value})
    if "mask" in tiles:
        add("mask off" if tiles["mask"] else "mask on", {**tiles, "mask": not tiles["mask"]})
    add("no cap" if cap else f"max_rate {_CAP:g}", {**tiles, "max_rate": 0.0 if cap else _CAP})
    if now["kind"] != "phash":
        add("phash", {"kind": "phash", "refresh": refresh, "max_rate": cap})
    add("keep every look", {"kind": "none"}, aside=True)
    return found


def rhythms(setting: Setting, base: float, lasting: float) -> list[Setting]:
    """The same with other times between looks, none of them longer than a figure that stays."""
    found = []
    for factor in _STEPS:
        every = round(base * factor, 6)
        if setting.every is not None and not math.isclose(every, setting.every) and every <= lasting:
            name = f"every {every:g} s" if setting.name == "as it is" else f"{setting.name}, every {every:g} s"
            found.append(replace(setting, name=name, every=every))
    return found


def order(trials: Iterable[Trial], height: float) -> list[Trial]:
    """The best first: what misses least of the demanded height and above, and of those the cheapest.

    What keeps nearly every look misses nothing either, and says nothing about the camera: it comes after what misses next to nothing.
    """

    def rank(trial: Trial) -> tuple[int, float, float, float]:
        missed = trial.missed_from(height)
        if trial.cost.kept >= _EVERYTHING * trial.cost.sampled:
            tier = 2 if not missed else 3
        else:
            tier = 0 if not missed else 1 if _rate(trial, height) <= _NEARLY else 3
        return tier, missed, trial.tokens, trial.pictures

    return sorted((trial for trial in trials if not trial.setting.aside), key=rank)


def _rate(trial: Trial, height: float) -> float:
    """The larger of the miss rates of the demanded height, and of that and all above."""
    return max(trial.missed_from(height), trial.missed(height) / max(1, len(trial.of(height))))


def safe_height(trial: Trial, heights: Sequence[float]) -> float | None:
    """The smallest height from which on nothing was missed."""
    safe = None
    for height in sorted(heights, reverse=True):
        if not trial.of(height) or trial.missed(height):
            break
        safe = height
    return safe


def nearly_as_good(trials: Iterable[Trial], chosen: Trial, height: float) -> Trial | None:
    """The cheapest that misses next to nothing and costs much less than the chosen one, if there is one."""
    near = [
        trial
        for trial in trials
        if not trial.setting.aside and trial.tokens < _MUCH_LESS * chosen.tokens and _rate(trial, height) <= _NEARLY
    ]
    return min(near, key=lambda trial: trial.tokens, default=None)


def at_most(missed: int, tried: int, sure: float = SURE) -> float:
    """The miss rate, 0..1, above which so few misses would be less likely than ``1 - sure`` (Clopper and Pearson 1934)."""
    if not tried or missed >= tried:
        return 1.0
    low, high = missed / tried, 1.0
    for _ in range(50):
        rate = (low + high) / 2
        likely = sum(math.comb(tried, count) * rate**count * (1 - rate) ** (tried - count) for count in range(missed + 1))
        low, high = (rate, high) if likely > 1 - sure else (low, rate)
    return high


def busiest_place(material: Material, trial: Trial, price: Price) -> Place | None:
    """The place whose changes cost most, where one place does, all along; measured by trying the same setting without it."""
    kept = [mark for marks in trial.marks for mark in marks if _is_news(mark)]
    looks = sum(len(marks) for marks in trial.marks)
    counts = np.zeros((_PLACES[1], _PLACES[0]), np.float32)
    for mark in kept:
        for rows, columns in _touched(mark):
            counts[rows, columns] += 1
    if not looks or counts.max() < _OFTEN * looks:
        return None
    _, labels = cv2.connectedComponents((counts >= counts.max() / 3).astype(np.uint8))
    down, across = np.nonzero(labels == labels[np.unravel_index(int(counts.argmax()), counts.shape)])
    box = (
        float(across.min() / _PLACES[0]), float(down.min() / _PLACES[1]),
        float((across.max() + 1) / _PLACES[0]), float((down.max() + 1) / _PLACES[1]),
    )  # fmt: skip
    if not _all_along(trial, box):
        return None
    share = sum(_lies_in(mark, box) for mark in kept) / len(kept)
    regions = trial.setting.regions
    for margin in _MARGINS:
        x0, y0, x1, y1 = (round(min(1.0, max(0.0, edge)), 3) for edge in _grown(box, margin, material.size))
        if (x1 - x0) * (y1 - y0) > _LARGEST_PLACE:
            return None
        polygon = ((x0, y0), (x1, y0), (x1, y1), (x0, y1))
        without = measure(material, replace(trial.setting, regions=replace(regions, exclude=(*regions.exclude, polygon))), price)
        if without.tokens <= (1 - _SAVES) * trial.tokens:
            return Place((x0, y0, x1, y1), share, without.pictures, without.tokens)
    return None


def _grown(box: Box, margin: float, size: tuple[int, int]) -> Box:
    """A margin in shares of the picture's width, as many pixels on all sides."""
    above = margin * size[0] / size[1]
    return box[0] - margin, box[1] - above, box[2] + margin, box[3] + above


def _is_news(mark: Mark) -> bool:
    return mark.kept and mark.reason in {Reason.CHANGED, Reason.CUT}


def _touched(mark: Mark) -> list[tuple[slice, slice]]:
    columns, rows = _PLACES
    found = []
    for x0, y0, x1, y1 in dict.fromkeys(box for box in (mark.region, *mark.regions) if box is not None):
        across = slice(math.floor(x0 * columns), max(math.floor(x0 * columns) + 1, math.ceil(x1 * columns - 1e-6)))
        down = slice(math.floor(y0 * rows), max(math.floor(y0 * rows) + 1, math.ceil(y1 * rows - 1e-6)))
        found.append((down, across))
    return found


def _lies_in(mark: Mark, box: Box) -> bool:
    boxes = [each for each in (mark.region, *mark.regions) if each is not None]
    return any(each[0] < box[2] and box[0] < each[2] and each[1] < box[3] and box[1] < each[3] for each in boxes)


def _all_along(trial: Trial, box: Box) -> bool:
    """Whether it changes there nearly all the time: a visitor comes and goes, a tree does not."""
    marks = [mark for marks in trial.marks for mark in marks]
    here = [place for place, mark in enumerate(marks) if _is_news(mark) and _lies_in(mark, box)]
    return len({_PARTS * place // len(marks) for place in here}) >= _BUSY_PARTS


def zoomed(trial: Trial) -> Setting:
    """The same setting with crops of what is small."""
    return replace(trial.setting, windows=trial.setting.windows.model_copy(update={"zoom": ZOOM_SHARE}))


def changes(setting: Setting, profile: Profile) -> dict[str, dict[str, Any]]:
    """What must stand in a profile to get the setting, as tables: only the keys that differ from it."""
    tables: dict[str, dict[str, Any]] = {}
    sampler = registry.filled("samplers", profile.sampler)
    # Where another kind had to be stood in for, its time between looks is no change, and any other one takes the kind along.
    own = sampler["kind"] == "interval"
    step = step_of(sampler if own else registry.filled("samplers", {"kind": "interval"}))
    if setting.every is not None and (step is None or not math.isclose(setting.every, step)):
        value = {"rate": 1 / setting.every} if own and sampler.get("rate") else {"every": setting.every}
        tables["sampler"] = value if own else {"kind": "interval", **value}
    now, then = registry.filled("dedups", profile.dedup), registry.filled("dedups", setting.dedup)
    if now["kind"] == then["kind"]:
        dedup = {key: value for key, value in then.items() if now.get(key) != value}
    else:
        plain = registry.filled("dedups", {"kind": then["kind"]})
        dedup = {"kind": then["kind"], **{key: value for key, value in then.items() if plain.get(key) != value}}
    if dedup:
        tables["dedup"] = dedup
    if setting.windows.zoom != profile.windows.zoom:
        tables["windows"] = {"zoom": setting.windows.zoom}
    return tables


def fates(trial: Trial, height: float) -> dict[Verdict, int]:
    """How the figures of that height and above fared."""
    counted: dict[Verdict, int] = dict.fromkeys(Verdict, 0)
    for found in trial.found:
        if found.figure.height >= height:
            counted[found.verdict] += 1
    return counted
