"""The offline describer on real footage with known events: what a person would want to be told, and nothing else."""

import json
from pathlib import Path

import pytest

from videoscan.config import WindowOptions
from videoscan.core import Core, CoreSpec
from videoscan.describers.offline import OfflineSession, describe
from videoscan.folding.outcome import Outcome
from videoscan.model import Shown, Tally, Window
from videoscan.timeline import fold

CLIPS = Path(__file__).parents[3] / "shared" / "data"


def scan(name, every=1.0):
    clip = CLIPS / name
    if not clip.is_file():
        pytest.skip(f"the real clip {name} is not here: it may be used for tests, but not copied into the project")
    table = {"kind": "interval", "every": every}
    core = Core(CoreSpec(str(clip), {"kind": "pyav"}, table, {"kind": "tiles"}, WindowOptions(), OfflineSession.limits))
    outcomes, tally = [], None
    for item in core:
        if isinstance(item, Window):
            shown = tuple(Shown(one.frame, one.time, None, None) for one in item.pictures)
            outcomes.append(Outcome(item.index, item.start, item.end, shown, item.marks, describe(item), item.overlap))
        elif isinstance(item, Tally):
            tally = item
    return fold(outcomes, tally).events, json.loads((CLIPS / f"{name}.truth.json").read_text())


def overlapping(event, truth):
    return [one for one in truth["events"] if event.start < one["end"] + one["slack"] and event.end > one["start"] - one["slack"]]


@pytest.mark.parametrize("every", [1.0, 0.5])
def test_six_visits_are_six_activities_from_first_to_last_second(every):
    events, truth = scan("surv/one-by-one-person.mp4", every)
    activities = [event for event in events if "activity" in event.tags]
    assert activities == list(events)
    assert [overlapping(event, truth) for event in activities] == [[one] for one in truth["events"]]
    for event, one in zip(activities, truth["events"], strict=True):
        assert event.start == pytest.approx(one["start"], abs=1.5)
        # What is left of a visit may be dropped as the same as its last kept picture for some seconds: the light is still settling.
        assert event.end == pytest.approx(one["end"], abs=4.0)


def test_light_that_only_changes_and_trees_that_sway_are_no_event():
    events, truth = scan("surv/brightness_change.avi", 0.5)
    assert truth["events"] == []
    assert [event.title for event in events] == []


@pytest.mark.parametrize("name", ["surv/bottle-detection.mp4", "surv/street-vehicles.mp4"])
def test_nothing_that_happened_is_missed_and_nothing_is_told_of_quiet_times(name):
    events, truth = scan(name)
    found = {one["what"] for event in events for one in overlapping(event, truth)}
    assert found == {one["what"] for one in truth["events"]}
    assert all(overlapping(event, truth) for event in events)


def test_cuts_between_still_shots_are_told_and_a_fade_to_black_is_black():
    events, _ = scan("cuts/psd-testvideo.mp4")
    assert sum("cut" in event.tags for event in events) >= 1
    assert sum("black" in event.tags for event in events) >= 2
