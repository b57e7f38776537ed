"""`tiles` on short made scenes: nothing that happens is missed, and what is quiet collapses. All scenes, whole: `benchmarks/disturbances.py`."""

from dataclasses import replace

import numpy as np
import pytest

from videoscan.dedup.tiles import TilesDedup
from videoscan.dedup.weather import HEAVY
from videoscan.model import Frame
from videoscan.reading.bursts import MOST
from videoscan.testing import disturbances
from videoscan.testing.scenes import ArrayPixels

QUIET = {"shake": 0.2, "clock-large": 0.06, "exposure": 0.08, "web": 0.2, "rain": 0.3, "snow": 0.1}
"""The most that may be kept of the quiet samples in which nothing happens."""


SHORT = {"snow": 70}
"""Seconds of a scene that takes long to draw."""


def judged(name, frames=lambda scene: scene.frames(every=1.0)):
    scene = disturbances.scene(name, seed=1, size=(640, 360), seconds=SHORT.get(name, 110))
    return disturbances.judge([frame.mark for frame in TilesDedup().apply(frames(scene))], scene.truth, every=1.0)


@pytest.mark.parametrize("name", QUIET)
def test_nobody_is_missed_and_little_of_what_is_quiet_is_kept(name):
    found = judged(name)
    assert len(found.verdicts) >= (2 if name in SHORT else 3)
    assert (found.missed_begins, found.missed_ends, found.wrong) == ((), (), ())
    assert found.quiet_share <= QUIET[name]


def test_without_what_follows_a_sample_rain_is_kept_whole():
    found = judged("rain", lambda scene: (replace(frame, following=None) for frame in scene.frames(every=1.0)))
    assert found.quiet_share == 1.0
    assert found.missed_begins == ()


def specks(random, count, *, dark=0):
    """A plain picture with small bright specks on it, and so many dark ones."""
    picture = np.full((90, 160), 90, np.uint8)
    for number, value in ((count, 140), (dark, 40)):
        picture[random.integers(0, 90, number), random.integers(0, 160, number)] = value
    return picture


def asked(count, *, lasts, dark=0):
    """For how many of 150 samples it is asked what follows, where so many specks are elsewhere in each, and whether the last 30 were kept."""
    random = np.random.default_rng(8)
    times = []

    def following(time, picture):
        times.append(time)
        return [ArrayPixels(picture if lasts else specks(random, count, dark=dark)) for _ in range(MOST)]

    def frames():
        for second in range(150):
            picture = specks(random, count, dark=dark)
            after = lambda second=second, picture=picture: following(second, picture)  # noqa: E731
            yield Frame(second, float(second), keyframe=True, pixels=ArrayPixels(picture), following=after)

    kept = [frame.mark.kept for frame in TilesDedup().apply(frames())]
    return times, sum(kept[-30:])


def test_what_follows_is_asked_for_in_rain_and_snow_alone():
    rain, kept = asked(60, lasts=False)
    assert len(rain) > 140
    assert kept <= 1
    # What is elsewhere in each sample and stays where it is in the next pictures is leaves, waves or a crowd.
    crowd, kept = asked(60, lasts=True)
    assert len(crowd) < 20
    assert kept == 30
    assert asked(int(HEAVY) // 2 - 1, lasts=False)[0] == []
    # What goes half and half is noise: once, to learn which way it goes.
    assert len(asked(30, lasts=False, dark=30)[0]) < 5
