"""Measures, on somebody's own footage, what the settings would miss there and what they cost, and recommends values.

Small made figures are planted into the footage at known times (`figures`, `planting`). The footage is read once and held as the
reduced pictures that deduplicators look at (`footage`), so that many settings can be tried on it (`trials`). The cheapest that
misses no figure of the demanded height is recommended, after it has stood a second planting that it was not chosen by (`advice`).

What it cannot know: figures are planted after decoding, so what a camera's encoder smears away is not in it. They are silhouettes of one
shade; on made scenes they are missed about as often as drawn people of that size and contrast (`benchmarks/tuning.py`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from videoscan import registry
from videoscan.tuning import advice, footage, planting, trials
from videoscan.tuning.planting import LIVES, Wanted
from videoscan.tuning.trials import Price, Setting, Trial

if TYPE_CHECKING:
    from collections.abc import Callable

    from videoscan.config import Profile
    from videoscan.reading.spec import CoreSpec

__all__ = ["Demand", "Price", "Setting", "Trial", "Tuning", "tune"]

HEIGHTS = (0.02, 0.03, 0.05, 0.10)
"""Shares of the picture's height that are planted beside the demanded one."""
_SAMPLED_BY_TIME = {"interval", "keyframe"}


@dataclass(frozen=True, slots=True)
class Demand:
    """What must not be missed, and how thoroughly that is tried.

    Nobody of `height` (a share of the picture's) and `contrast` (grey levels lighter or darker than what is behind) who is in sight
    for `lasting` seconds. `each` figures of each height are planted, and twice as many of the demanded one to confirm the choice, in
    `samples` pictures at most.
    """

    height: float = 0.02
    contrast: float = 25.0
    lasting: float = 2.0
    each: int = 20
    samples: int = 600
    seed: int = 1

    @property
    def heights(self) -> tuple[float, ...]:
        """All that are planted, in order."""
        return tuple(sorted({*HEIGHTS, self.height}))


@dataclass(frozen=True, slots=True)
class Tuning:
    """What came of it. `present` and `chosen` are among `trials`, which stand in the order in which they were tried.

    `quiet` is the share of the figures that were planted where nothing else went on. `replaced`: the profile's sampler looks at the
    pictures itself, so one that goes by time was tried instead.
    """

    demand: Demand
    material: footage.Material
    trials: tuple[Trial, ...]
    present: Trial
    chosen: Trial
    quiet: float
    place: advice.Place | None
    zoom: advice.Zoom | None
    replaced: str | None = None

    @property
    def holds(self) -> bool:
        """Whether the chosen setting missed nothing of what was demanded."""
        return not self.chosen.missed_from(self.demand.height)

    @property
    def safe(self) -> float | None:
        """The smallest height from which on the chosen setting missed nothing."""
        return advice.safe_height(self.chosen, self.demand.heights)


def tune(
    spec: CoreSpec,
    profile: Profile,
    price: Price,
    demand: Demand,
    *,
    stills: bool = False,
    told: Callable[[str, float | None], None] = lambda _what, _share: None,
) -> Tuning:
    """Measure and choose. `spec` is the pass that `profile` asks for; `stills` holds pictures to show figures in.

    `told` hears what is being done, and how much of it is done, 0..1 (`None`: nobody knows). Deterministic: the same footage, demand
    and seed give the same result. Raises what `videoscan.core.Core` raises, and `ConfigError` for footage too short for a figure.
    """
    sampler, step, base, replaced = _sampling(profile, demand.lasting)
    present = Setting("as it is", step, dict(profile.dedup), spec.regions, spec.windows)
    first = advice.variants(present)
    material = footage.read(
        # The warm-up that the default deduplicator needs, whatever the profile's own one wants.
        replace(spec, sampler=sampler, dedup={"kind": "tiles"}),
        base or 1.0,
        demand.samples,
        [dict(table) for table in {repr(setting.dedup): setting.dedup for setting in first}.values()],
        stills=stills,
        told=lambda info, time: told("reading", _share(time, spec, info.declared_duration)),
    )
    told("planting", None)
    quiet = trials.measure(material, Setting("", None, {"kind": "tiles"}, spec.regions, spec.windows), price)
    wanted = Wanted(demand.heights, demand.each, demand.contrast, demand.lasting, demand.seed)
    rounds = planting.plant(material, wanted, spec.regions, quiet.marks)
    done: list[Trial] = []

    def rhythms(setting: Setting) -> list[Setting]:
        return [] if base is None else advice.rhythms(setting, base, demand.lasting * LIVES[1])

    # About as many as will be tried, those to confirm included.
    steps = len(first) + 2 * len(rhythms(present)) + 2

    def attempt(setting: Setting) -> None:
        told(f"trying {setting.name}", min(1.0, len(done) / steps))
        trial = trials.measure(material, setting, price)
        trials.put_to(trial, material, rounds, price, hopeless=demand.height if done else None)
        done.append(trial)

    for setting in first:
        attempt(setting)
    best = advice.order(done, demand.height)[0].setting
    for setting in {each.name: each for each in (*rhythms(present), *rhythms(best))}.values():
        attempt(setting)
    fresh = replace(wanted, heights=(demand.height,), each=2 * demand.each, seed=demand.seed + 1_000_003)
    confirming = planting.plant(material, fresh, spec.regions, quiet.marks)
    chosen = _confirmed(done, demand, lambda trial: trials.put_to(trial, material, confirming, price), told)
    return Tuning(
        demand,
        material,
        tuple(done),
        done[0],
        chosen,
        planting.quietness(rounds, quiet.marks),
        advice.busiest_place(material, chosen, price),
        _zoom(material, chosen, demand, confirming, price),
        replaced,
    )


def _confirmed(
    done: list[Trial], demand: Demand, confirm: Callable[[Trial], None], told: Callable[[str, float | None], None]
) -> Trial:
    """The best one, once it has also been tried on figures that it was not chosen by; as is the present one, to compare with."""
    waiting, confirmed = done[0], set[int]()
    while id(waiting) not in confirmed:
        told(f"confirming {waiting.setting.name}", 1.0)
        confirm(waiting)
        confirmed.add(id(waiting))
        waiting = advice.order(done, demand.height)[0]
    return waiting


def _sampling(profile: Profile, lasting: float) -> tuple[dict[str, Any], float | None, float | None, str | None]:
    """The sampler to read with, the profile's seconds between looks and those that are read, and the kind that had to be replaced."""
    table = registry.filled("samplers", profile.sampler)
    replaced = None
    if table["kind"] not in _SAMPLED_BY_TIME:
        replaced = str(table["kind"])
        table = registry.filled("samplers", {"kind": "interval"})
    step = advice.step_of(table)
    if step is None or table["kind"] != "interval":
        return table, None, None, replaced
    # Two looks at least at the shortest figure, in a whole part of the profile's own time, so that its looks are among them.
    base = step / math.ceil(step / (lasting / 2) - 1e-9)
    return {"kind": "interval", "every": base, "snap": table["snap"]}, step, base, replaced


def _share(time: float, spec: CoreSpec, declared: float | None) -> float | None:
    ends = [end for end in (spec.end, declared) if end is not None]
    return min(1.0, max(0.0, (time - spec.start) / (min(ends) - spec.start))) if ends and min(ends) > spec.start else None


def _zoom(
    material: footage.Material, chosen: Trial, demand: Demand, rounds: tuple[planting.Round, ...], price: Price
) -> advice.Zoom | None:
    """What crops would do to the chosen setting, where it has none."""
    if chosen.setting.windows.zoom:
        return None
    trial = trials.measure(material, advice.zoomed(chosen), price)
    trials.put_to(trial, material, rounds, price)
    shown = [found for found in trial.of(demand.height) if not found.missed]
    width, height = material.size
    scale = min(1.0, chosen.setting.windows.long_side / max(width, height))
    return advice.Zoom(len(shown), sum(found.zoomed for found in shown), trial.tokens, demand.height * height * scale)
