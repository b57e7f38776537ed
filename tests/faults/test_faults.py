"""A few of the faults of ``make soak``, with little patience, and proof that the run would see what it is there to see."""

from __future__ import annotations

import pytest

from tests.faults.camera import needed
from tests.faults.runner import in_order, run
from videoscan.model import Frame, Gap, Heartbeat

QUICK = {"stall": 0.8, "connect_timeout": 1.5, "longest_wait": 0.4}
SHORT = [("stop", 3.0), ("refuse", 0.8), ("garbage", 1.2), ("kill", 0.5)]


@pytest.mark.slow
def test_a_camera_that_comes_and_goes_is_watched_through_it_all(tmp_path):
    needed()
    trials = run(SHORT, calm=1.3, record=tmp_path, **QUICK)
    assert [(trial.kind, trial.problems) for trial in trials] == [(kind, []) for kind, _ in SHORT]
    assert trials[0].noticed < 2
    assert trials[-1].threads <= trials[0].threads + 2
    assert trials[-1].descriptors <= trials[0].descriptors + 4
    assert len(list(tmp_path.glob("*.mp4"))) >= len(SHORT)


def frame(index, time):
    return Frame(index, time, keyframe=True, pixels=None)


@pytest.mark.parametrize(
    ("items", "count"),
    [
        ([frame(1, 0.0), Gap(1.0, 3.0, "away"), frame(2, 3.0), Heartbeat(4.0, "playing")], 0),
        ([frame(1, 2.0), frame(2, 1.0)], 1),
        ([frame(2, 1.0), frame(1, 2.0)], 1),
        ([Heartbeat(5.0, "playing"), frame(1, 4.0)], 1),
        ([frame(1, 2.0), Gap(1.0, 3.0, "away")], 1),
        ([Gap(0.0, 61.0, "away")], 1),
        ([Gap(0.0, 3.0, "away"), Heartbeat(1.0, "playing")], 1),
    ],
)
def test_what_is_told_out_of_order_is_seen(items, count):
    assert len(in_order(items)) == count
