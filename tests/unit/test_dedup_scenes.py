"""`tiles` on short made scenes: nothing that happens is missed, and what is quiet collapses. All scenes, whole: `benchmarks/disturbances.py`."""

import pytest

from videoscan.dedup.tiles import TilesDedup
from videoscan.testing import disturbances

QUIET = {"shake": 0.2, "clock-large": 0.06, "exposure": 0.08, "web": 0.2}
"""The most that may be kept of the quiet samples in which nothing happens."""


@pytest.mark.parametrize("name", QUIET)
def test_nobody_is_missed_and_little_of_what_is_quiet_is_kept(name):
    scene = disturbances.scene(name, seed=1, size=(640, 360), seconds=110)
    found = disturbances.judge([frame.mark for frame in TilesDedup().apply(scene.frames(every=1.0))], scene.truth, every=1.0)
    assert len(found.verdicts) >= 3
    assert (found.missed_begins, found.missed_ends, found.wrong) == ((), (), ())
    assert found.quiet_share <= QUIET[name]
