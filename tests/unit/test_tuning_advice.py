"""What is advised after trials: which settings come first, what they change in a profile, and how sure a rate is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from videoscan import config, registry
from videoscan.config import WindowOptions
from videoscan.dedup.none import NoDedup
from videoscan.model import EVERYWHERE
from videoscan.tuning import advice, trials
from videoscan.tuning.figures import WIDTH, Figure
from videoscan.tuning.trials import Verdict

TILES = {"kind": "tiles"}


def setting(dedup=TILES, **rest):
    return trials.Setting("x", None, dedup, EVERYWHERE, WindowOptions(), **rest)


def test_so_few_misses_allow_so_high_a_rate():
    # 1 - 0.05 ** (1 / 30), and the tables of Clopper and Pearson.
    assert advice.at_most(0, 30) == pytest.approx(0.0950, abs=1e-4)
    assert advice.at_most(1, 30) == pytest.approx(0.1486, abs=1e-4)
    assert advice.at_most(5, 20) == pytest.approx(0.4556, abs=1e-4)
    assert advice.at_most(3, 3) == 1
    assert advice.at_most(0, 0) == 1


def made(name, missed, tokens, *, kept=50, aside=False):
    """A trial of a hundred looks and ten figures, for an hour."""
    trial = trials.Trial(
        replace(setting(aside=aside), name=name), trials.Cost(seconds=3600, sampled=100, kept=kept, tokens=tokens), NoDedup(), 0.0
    )
    verdicts = [Verdict.UNNOTICED] * missed + [Verdict.SHOWN] * (40 - missed)
    trial.found = [trials.Found(Figure(0.0, 5.0, 0.02, 0.5, 0.5, WIDTH, 40.0, 0.0), verdict) for verdict in verdicts]
    return trial


def names(found):
    return [trial.setting.name for trial in found]


def test_the_cheapest_of_those_that_miss_none_comes_first_and_what_is_aside_never():
    every = [made("dear", 0, 900), made("cheap", 0, 500), made("cheaper", 4, 100), made("none", 0, 50, kept=100, aside=True)]
    assert names(advice.order(every, 0.02)) == ["cheap", "dear", "cheaper"]
    # What is below the height that is asked for is not held against it.
    assert names(advice.order(every, 0.05))[0] == "cheaper"


def test_keeping_every_look_is_no_advice_while_something_misses_next_to_nothing():
    all_kept, nearly, poor = made("all kept", 0, 900, kept=99), made("nearly", 1, 500), made("poor", 20, 100)
    assert names(advice.order([all_kept, nearly, poor], 0.02)) == ["nearly", "all kept", "poor"]
    assert names(advice.order([all_kept, poor], 0.02)) == ["all kept", "poor"]
    assert advice.nearly_as_good([all_kept, nearly, poor], all_kept, 0.02) is nearly
    assert advice.nearly_as_good([all_kept, poor], all_kept, 0.02) is None


def test_a_snippet_holds_only_what_differs():
    profile = config.load("surveillance", environ={}).profile
    now = trials.Setting("as it is", 1.0, profile.dedup, EVERYWHERE, profile.windows)
    assert advice.changes(now, profile) == {}
    assert advice.changes(replace(now, every=2.0), profile) == {"sampler": {"every": 2.0}}
    other = replace(now, dedup={**registry.filled("dedups", profile.dedup), "mask": False})
    assert advice.changes(other, profile) == {"dedup": {"mask": False}}
    kind = replace(now, dedup=registry.filled("dedups", {"kind": "phash", "refresh": 60}))
    assert advice.changes(kind, profile) == {"dedup": {"kind": "phash", "refresh": 60.0}}
    others = config.load({"sampler": {"kind": "keyframe"}}, environ={}).profile
    assert advice.changes(replace(now, dedup=others.dedup, windows=others.windows), others) == {}
    slower = replace(now, dedup=others.dedup, windows=others.windows, every=2.0)
    assert advice.changes(slower, others) == {"sampler": {"kind": "interval", "every": 2.0}}
    fast = config.load({"sampler": {"kind": "interval", "rate": 2}}, environ={}).profile
    assert advice.changes(replace(now, every=1.0, windows=fast.windows, dedup=fast.dedup), fast) == {"sampler": {"rate": 1.0}}


def test_every_variant_is_one_that_can_be_made():
    for table in (TILES, {"kind": "phash"}, {"kind": "none"}, {"kind": "tiles", "max_rate": 0.5, "mask": False}):
        variants = advice.variants(setting(table))
        for each in variants:
            registry.make("dedups", each.dedup)
        names = [each.name for each in variants]
        assert len(names) == len(set(names))
        assert sum(each.aside for each in variants) == 1
