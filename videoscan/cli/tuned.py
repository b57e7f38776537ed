"""What `tune` found, for people and for programs."""

from __future__ import annotations

import math
import re
import shutil
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

from videoscan import timecode
from videoscan.cli import tables, toml
from videoscan.tuning import advice
from videoscan.tuning.planting import LIVES, STANDING
from videoscan.tuning.trials import Verdict

if TYPE_CHECKING:
    from videoscan.config import Profile
    from videoscan.tuning import Trial, Tuning

_WIDEST = 100
_NOISY = 2.0
"""Grey levels of noise from which on it is worth a word."""
_LITTLE = 300.0
_FEW_PIXELS = 28.0
"""A figure lower than this in a sent picture is less than one patch of the vision models that are common."""


def text(tuning: Tuning, uri: str, baseline: Profile) -> str:
    """All of it, a table and a snippet of TOML among it."""
    blocks = [
        _wrapped(_looked_at(tuning, Path(uri).name)),
        _wrapped(_planted(tuning)),
        table(tuning),
        _wrapped(recommendation(tuning)),
        snippet(tuning, baseline).rstrip(),
    ]
    remarks = notes(tuning)
    if remarks:
        blocks.append("\n".join(["Worth knowing:", *(_wrapped(each, bullet="- ") for each in remarks)]))
    return "\n\n".join(blocks)


def record(tuning: Tuning, uri: str, baseline: Profile, assumed: str | None) -> dict[str, Any]:
    """For ``--json``. Shares are 0..1, times seconds, costs per hour of such footage."""
    material, demand = tuning.material, tuning.demand
    return {
        "input": uri,
        "looked_at": {
            "seconds": round(material.seconds, 3),
            "samples": material.samples,
            "whole": material.whole,
            "excerpts": [[round(excerpt.start, 3), round(excerpt.end, 3)] for excerpt in material.excerpts],
        },
        "noise": None if material.noise is None else round(material.noise, 2),
        "planted": {
            "heights": list(demand.heights),
            "pixels": [round(height * material.size[1], 1) for height in demand.heights],
            "contrast": demand.contrast,
            "lasting": [demand.lasting * LIVES[0], demand.lasting * LIVES[1]],
            "each": demand.each,
            "seed": demand.seed,
            "quiet": round(tuning.quiet, 3),
        },
        "demanded": demand.height,
        "settings": [_setting(tuning, trial, baseline) for trial in tuning.trials],
        "present": tuning.present.setting.name,
        "recommended": tuning.chosen.setting.name,
        "holds": tuning.holds,
        "safe_height": tuning.safe,
        "profile": advice.changes(tuning.chosen.setting, baseline),
        "toml": snippet(tuning, baseline),
        "place": tuning.place
        and {
            "box": list(tuning.place.box),
            "share": round(tuning.place.share, 3),
            "pictures_per_hour": round(tuning.place.pictures, 1),
            "tokens_per_hour": round(tuning.place.tokens),
        },
        "zoom": tuning.zoom
        and {
            "shown": tuning.zoom.shown,
            "zoomed": tuning.zoom.zoomed,
            "tokens_per_hour": round(tuning.zoom.tokens),
            "pixels": round(tuning.zoom.pixels, 1),
        },
        "notes": notes(tuning),
        "assumed": assumed,
    }


def _setting(tuning: Tuning, trial: Trial, baseline: Profile) -> dict[str, Any]:
    cost = trial.cost
    figures = {}
    for height in tuning.demand.heights:
        fates, counted = trial.fates(height), trial.of(height)
        figures[f"{height:g}"] = {
            "planted": sum(fates.values()),
            "missed": trial.missed(height),
            "at_most": round(advice.at_most(trial.missed(height), len(counted)), 4),
            **{verdict.value: fates[verdict] for verdict in Verdict},
            "late": sum(found.late for found in counted),
            "lingers": sum(found.lingers for found in counted),
            "lucky": sum(found.lucky for found in counted),
        }
    return {
        "name": trial.setting.name,
        "profile": advice.changes(trial.setting, baseline),
        "candidate": not trial.setting.aside,
        "sampled": cost.sampled,
        "kept": cost.kept,
        "pictures_per_hour": round(trial.pictures, 1),
        "requests_per_hour": round(cost.hourly(cost.requests), 1),
        "tokens_per_hour": round(trial.tokens),
        "ignored": round(trial.ignored, 4),
        "figures": figures,
    }


def table(tuning: Tuning) -> str:
    """A row for each setting, the dearest first, the present one before all."""
    heights = tuning.demand.heights
    rest = sorted((trial for trial in tuning.trials if trial is not tuning.present), key=lambda trial: -trial.tokens)
    rows = [
        (
            ">" if trial is tuning.chosen else "",
            trial.setting.name,
            *(f"{trial.missed(height)}/{len(trial.of(height))}" for height in heights),
            _percent(trial.cost.kept / max(1, trial.cost.sampled)),
            f"{trial.pictures:,.0f}",
            _short(trial.tokens),
        )
        for trial in (tuning.present, *rest)
    ]
    heads = ("", "missed of", *map(_height, heights), "kept", "pictures/h", "tokens/h")
    return tables.table(heads, rows, right=range(2, len(heads)), give=(1,))


def recommendation(tuning: Tuning) -> str:
    """What to take, by which rule, and what it is worth."""
    demand, chosen, present = tuning.demand, tuning.chosen, tuning.present
    height, counted = _height(demand.height), len(chosen.of(demand.height))
    missed = chosen.missed(demand.height)
    sure = f"with 95 % certainty at most {_rate(advice.at_most(missed, counted))} of such are"
    if tuning.holds:
        rule = f"the cheapest of those tried that missed no figure of {height} or taller (0 of {counted} of {height}: {sure})."
        words = [f"Recommended: {_named(chosen)}, {rule}"]
    else:
        least = f"which misses least: {missed} of {counted} figures of {height} ({sure})."
        none = f"None of those that drop a fair part of the looks missed none of {height} or taller."
        words = [f"Recommended: {_named(chosen)}, {least}", none, _limit(tuning)]
    if chosen is present:
        words.append("Nothing needs to be changed.")
    else:
        words.append(
            f"It comes to {_short(chosen.tokens)} tokens an hour. As it is now, {present.missed(demand.height)} of "
            f"{len(present.of(demand.height))} are missed, for {_short(present.tokens)}."
        )
    near = advice.nearly_as_good(tuning.trials, chosen, demand.height)
    if near is not None and near is not present:
        words.append(
            f"Nearly as good: {_named(near)} misses {near.missed(demand.height)} of {len(near.of(demand.height))}, for "
            f"{_short(near.tokens)} tokens an hour."
        )
    return " ".join(words)


def _limit(tuning: Tuning) -> str:
    """From where on it can be trusted, and what the reason may be."""
    safe, noise = tuning.safe, tuning.material.noise
    words = f"From {_height(safe)} on it missed none." if safe is not None else "It missed some of every height."
    if noise is not None and noise >= _NOISY:
        words += f" The pixels' noise is {noise:.0f} grey levels."
    sure = next((trial for trial in tuning.trials if trial.setting.aside and not trial.missed_from(tuning.demand.height)), None)
    if sure is not None:
        words += f" Only keeping every look ({_short(sure.tokens)} tokens an hour) shows all."
    return words


def snippet(tuning: Tuning, baseline: Profile) -> str:
    """What to paste into a profile."""
    tables_ = advice.changes(tuning.chosen.setting, baseline)
    lines = toml.text(tables_) if tables_ else f"# The profile {baseline.name!r} has these values already.\n"
    place = tuning.place
    if place is not None:
        x0, y0, x1, y1 = place.box
        polygon = toml.value([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])
        lines += (
            f"# If nothing there matters: {_short(place.tokens)} tokens an hour instead of {_short(tuning.chosen.tokens)}.\n"
            f"# [regions]\n# exclude = [{', '.join([*map(toml.value, _excluded(baseline)), polygon])}]\n"
        )
    return lines


def _excluded(baseline: Profile) -> list[list[list[float]]]:
    return [[list(corner) for corner in polygon] for polygon in baseline.regions.exclude]


def notes(tuning: Tuning) -> list[str]:
    """What a person should know beside the figures, most important first."""
    demand, chosen, present = tuning.demand, tuning.chosen, tuning.present
    height, found = _height(demand.height), []
    fates = advice.fates(present, demand.height)
    total = max(1, sum(fates.values()))
    if fates[Verdict.BETWEEN]:
        found.append(
            f"As it is, {fates[Verdict.BETWEEN]} of {total} figures came and went between two looks: sampler.every is too long for what "
            f"lasts {demand.lasting:g} s."
            if present.setting.every is not None
            else f'{fates[Verdict.BETWEEN]} of {total} figures came and went between two keyframes: sampler.kind = "interval" looks in between.'
        )
    if fates[Verdict.THINNED]:
        found.append(
            f"As it is, {fates[Verdict.THINNED]} of {total} figures were noticed and then left out, to stay within the cap on pictures."
        )
    if tuning.place is not None:
        x0, y0, x1, y1 = tuning.place.box
        found.append(
            f"{_percent(tuning.place.share)} of the kept pictures changed at x {x0:.2f} to {x1:.2f}, y {y0:.2f} to {y1:.2f} (shares of "
            f"the picture), all along. If nothing there matters, exclude it: {_short(tuning.place.tokens)} tokens an hour instead of "
            f"{_short(chosen.tokens)}. Figures planted there counted like all others."
        )
    if chosen.ignored >= 0.005:
        found.append(
            f"{_percent(chosen.ignored)} of the picture is left out as ever-changing, such as a clock. Figures there are not counted as missed, "
            "and nothing that happens only there would be shown."
        )
    if tuning.zoom is not None and tuning.zoom.pixels < _FEW_PIXELS and tuning.zoom.zoomed:
        found.append(
            f"A figure of {height} is {tuning.zoom.pixels:.0f} pixels high in the pictures that are sent, which a model may overlook. "
            f"windows.zoom = true shows {tuning.zoom.zoomed} of the {tuning.zoom.shown} enlarged as well, for {_short(tuning.zoom.tokens)} "
            "tokens an hour in all."
        )
    counted = [each for each in chosen.of(demand.height) if not each.missed]
    lucky, late = sum(each.lucky for each in counted), sum(each.late for each in counted)
    if lucky > 0.2 * max(1, len(counted)):
        found.append(
            f"{lucky} of the {len(counted)} figures of {height} that are shown stand in pictures that are kept for other reasons: "
            "in a quieter hour they may be missed."
        )
    if late:
        found.append(
            f"{late} of the {len(counted)} figures of {height} that are shown are noticed late, not in one of the first two looks."
        )
    if tuning.quiet < 0.5:
        found.append(
            f"There is little stillness here: {_percent(tuning.quiet)} of the figures could be planted where nothing else went on. "
            "An excerpt of a quiet hour (--start, --end) says more."
        )
    if tuning.material.seconds < _LITTLE:
        found.append(
            f"{timecode.length(tuning.material.seconds)} is little to judge by. A longer recording, with day and night in it, says more."
        )
    if tuning.replaced is not None:
        found.append(
            f"sampler.kind = {tuning.replaced!r} looks at the pictures itself, which cannot be replayed: one look a second was tried instead."
        )
    found.append(
        "Figures are planted after decoding. What this camera's encoder smears away before that is not in these figures."
    )
    return found


def _looked_at(tuning: Tuning, name: str) -> str:
    material = tuning.material
    spans = [f"{timecode.short(excerpt.start)}-{timecode.short(excerpt.end)}" for excerpt in material.excerpts]
    if material.whole:
        return f"{name}: {material.samples:,} looks at all {timecode.length(material.seconds)} of it."
    shown = spans if len(spans) <= 6 else [*spans[:5], f"{len(spans) - 5} more"]
    of = f" of {timecode.length(material.duration)}" if material.duration else ""
    return f"{name}: {material.samples:,} looks at {timecode.length(material.seconds)}{of}, in {len(spans)} excerpts ({', '.join(shown)})."


def _planted(tuning: Tuning) -> str:
    demand, rows = tuning.demand, tuning.material.size[1]
    heights = _listed([f"{100 * height:g}" for height in demand.heights])
    pixels = _listed([f"{height * rows:.0f}" for height in demand.heights])
    return (
        f"Planted: {demand.each} figures each of {heights} % of the picture's height ({pixels} pixels), {demand.contrast:g} grey levels "
        f"lighter or darker than what is behind them, in sight for {demand.lasting * LIVES[0]:g} to {demand.lasting * LIVES[1]:g} s; "
        f"every {_ORDINALS[STANDING]} stands still, the others walk."
    )


_ORDINALS = {2: "second", 3: "third", 4: "fourth"}


def _named(trial: Trial) -> str:
    return "the settings as they are" if trial.setting.name == "as it is" else f"{trial.setting.name!r}"


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _height(height: float) -> str:
    return f"{100 * height:g} %"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _rate(share: float) -> str:
    return f"{100 * share:.1f} %" if share < 0.1 else _percent(share)


def _short(amount: float) -> str:
    """Three digits are more than such an estimate is worth."""
    for size, unit in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if amount >= 0.9995 * size:
            digits = max(0, 2 - math.floor(math.log10(amount / size * 1.0005)))
            return f"{amount / size:.{digits}f}{unit}"
    return f"{amount:.0f}"


def _wrapped(words: str, *, bullet: str = "") -> str:
    width = min(_WIDEST, shutil.get_terminal_size().columns) if sys.stdout.isatty() else _WIDEST
    # A figure stays with its unit: textwrap does not break at a no-break space.
    together = re.sub(r"(?<=\d) (?=[%kMGs]\b|%|tokens|pixels|grey)", "\u00a0", words)
    filled = textwrap.fill(
        together,
        width,
        initial_indent=bullet,
        subsequent_indent=" " * len(bullet),
        break_long_words=False,
        break_on_hyphens=False,
    )
    return filled.replace("\u00a0", " ")
