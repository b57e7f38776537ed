"""From a video to a timeline over real HTTP, with a server that looks: nothing is missed, made up, told twice, or told at a wrong time."""

from __future__ import annotations

import random

import pytest
from shared import hold_to_contract

import videoscan
from videoscan import patience
from videoscan.eval import judge
from videoscan.testing.marked import Act, Faults, Figure, MarkedClip, looks, markers
from videoscan.testing.model_server import ModelServer

EVERY = 0.5
KINDS = ("person", "car", "dog", "bicycle", "van", "fox")
DOINGS = ("crosses the yard", "waits at the gate", "passes by the wall", "turns round at the corner", "looks for a way out")


def thirty_events():
    """30 events of 0.5 to 40 s in ten minutes: some at once, some of the same figure again, two alike 3 s apart."""
    rng = random.Random(7)
    figures = [Figure(n, f"a {KINDS[n % 6]} {DOINGS[n % 5]}", (KINDS[n % 6],)) for n in range(24)]
    acts = [Act(figures[0], 20.0, 24.0), Act(figures[0], 27.0, 31.0)]  # two alike, 3 s apart
    acts += [Act(figures[n], start, start + 0.5) for n, start in ((1, 40.25), (2, 41.0), (3, 300.5), (4, 599.0))]
    acts += [Act(figures[n], start, start + 40.0) for n, start in ((5, 60.0), (6, 75.5), (7, 330.0), (8, 331.0))]
    free = [*range(9, 24), *(0, 1, 2, 5, 9)]  # the last five come back
    slots = rng.sample(range(8, 38), len(free))
    for figure, slot in zip(free, sorted(slots), strict=True):
        start = 120.0 + slot * 12 + rng.randrange(0, 16) / 4
        if 330 <= start <= 372:
            start += 45
        acts.append(Act(figures[figure], start, start + rng.choice((0.75, 1.5, 2.25, 4.0, 7.5, 11.0))))
    return acts


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    made = MarkedClip(thirty_events(), duration=600.0)
    assert len(made.acts) == 30
    return made, made.film(tmp_path_factory.mktemp("marked") / "yard.mp4")


@pytest.mark.parametrize("faults", [None, Faults(0.1)], ids=["sound", "faulty"])
@pytest.mark.parametrize("at_once", [1, 8])
@pytest.mark.parametrize("overlap", [0, 2])
def test_thirty_events_are_told_once_each_and_when_they_happen(clip, tmp_path, overlap, at_once, faults):
    made, path = clip
    script = looks([act.figure for act in made.acts], faults=faults)
    sets = [f"sampler.every={EVERY}", "sampler.kind=interval", "sampler.snap=false", "windows.max_frames=8"]
    sets += [f"windows.overlap_frames={overlap}", f"describer.concurrency={at_once}"]
    with patience.instantly(), ModelServer.in_thread(script) as server:
        timeline = videoscan.scan_sync(path, out=tmp_path / "out", endpoint=server.url, model="test-model", sets=sets)
        sent = server.requests
    hold_to_contract(tmp_path / "out")
    verdict = judge(made.truth, timeline, likeness=90)
    assert verdict.missed == ()
    assert verdict.invented == ()
    assert (verdict.events.duplicates, verdict.events.merged) == (0, 0)
    assert len(timeline.events) == len(made.acts)
    assert max(verdict.events.start_errors) <= EVERY
    assert max(verdict.events.end_errors) <= EVERY
    assert verdict.events.bounded == 30
    assert verdict.coverage == pytest.approx(1.0)
    if faults is not None:
        assert timeline.usage.retries > 0
    assert len(sent) == timeline.usage.requests


@pytest.mark.parametrize(
    ("acts", "says"),
    [
        ([Act(Figure(1, "a fox"), 1.0, 99.0)], "not within the clip"),
        ([Act(Figure(1, "a fox"), 2.0, 2.0)], "not within the clip"),
        ([Act(Figure(1, "a fox"), 1.1, 2.0)], "not the time of a frame"),
        ([Act(Figure(n, "a fox"), 1.0, 2.0) for n in range(40)], "figures at once"),
    ],
)
def test_a_clip_that_could_not_be_true_to_its_script_is_refused(acts, says):
    with pytest.raises(ValueError, match=says):
        MarkedClip(acts, duration=10.0)


def test_every_figure_is_found_wherever_it_is_and_nothing_else(clip):
    made, _ = clip
    for time in (22.0, 40.5, 85.25, 112.0, 345.0, 500.0, 599.25):
        there = {act.figure.marker for act in made.acts if act.start <= time < act.end}
        assert markers(made.draw(time)) == there
