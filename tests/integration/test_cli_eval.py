"""``videoscan eval`` as its users meet it."""

from __future__ import annotations

import json

import examples
import pytest
from commanding import lines


@pytest.fixture
def output(tmp_path):
    """Writes a timeline as a scan's output folder."""

    def write(name, timeline):
        folder = tmp_path / name
        folder.mkdir(parents=True)
        (folder / "timeline.json").write_text(timeline.to_json())
        return folder

    return write


@pytest.fixture
def night():
    return examples.carpark(None)


@pytest.fixture
def truth(tmp_path, night):
    """All that the timeline tells, but its last event, and something that it does not tell."""
    plain = [event for event in night.events if event.review is None or event.review.state != "rejected"]
    said = [{"start": e.start, "end": e.end, "what": e.title, "tags": list(e.tags), "slack": 0.5} for e in plain[:-1]]
    missed = {
        "start": night.source.duration - 1.5,
        "end": night.source.duration - 1,
        "what": "A hedgehog",
        "tags": ["animal"],
        "slack": 0,
    }
    path = tmp_path / "night.mp4.truth.json"
    path.write_text(json.dumps({"duration": night.source.duration, "events": [*said, missed], "cuts": []}))
    return path


def test_two_timelines_stand_side_by_side(videoscan, truth, night, output):
    one, two = output("one", night), output("two", night.model_copy(update={"events": ()}))
    code, out, _ = videoscan("eval", truth, one, two)
    assert code == 0
    head, recalled, *_ = out.splitlines()
    assert str(one) in head
    assert str(two) in head
    assert recalled.startswith("recalled")
    assert " 0 of " in recalled
    assert "A hedgehog" in out


def test_json_has_a_line_for_each_and_a_total(videoscan, truth, night, output):
    folders = output("one", night), output("two", night)
    code, out, _ = videoscan("eval", truth, *folders, "--json")
    assert code == 0
    first, second, total = lines(out)
    assert first["timeline"] == str(folders[0])
    assert first["recalled"] == first["true"] - 1
    assert first["missed"][-1]["what"] == "A hedgehog"
    assert first["by_tag"]["animal"]["recalled"] == 0
    assert {key: value for key, value in first.items() if key != "timeline"} == {
        key: value for key, value in second.items() if key != "timeline"
    }
    assert total == {"total": {"timelines": 2, "passed": True}}


def test_a_bound_that_is_not_held_makes_the_exit_code_one_and_says_which(videoscan, truth, night, output):
    folder = output("one", night)
    assert videoscan("eval", truth, folder, "--min-recall", "0.1", "--max-duplicates", "9")[0] == 0
    code, _, err = videoscan("eval", truth, folder, "--min-recall", "1")
    assert code == 1
    assert "--min-recall 1 is not held" in err


@pytest.mark.parametrize("bounds", [("--min-precision", "1"), ("--min-coverage", "1")])
def test_every_bound_can_fail(videoscan, truth, night, output, bounds):
    assert videoscan("eval", truth, output("one", night), *bounds)[0] == 1


def test_a_folder_of_truths_goes_with_the_folder_that_a_scan_of_its_clips_wrote(videoscan, tmp_path, night, output):
    truths = tmp_path / "clips"
    (truths / "yard").mkdir(parents=True)
    for name in ("yard/a.mp4", "b.mp4", "gone.mp4"):
        (truths / f"{name}.truth.json").write_text(json.dumps({"duration": night.source.duration, "events": []}))
    output("out/yard/a", night)
    output("out/b", night)
    code, out, err = videoscan("eval", truths, tmp_path / "out", "--json")
    (only,) = lines(out)
    assert code == 6
    assert "gone.mp4" in err
    assert only["told"] == 2 * len(
        [e for e in night.events if "cut" not in e.tags and not (e.review and e.review.state == "rejected")]
    )


def test_what_cannot_be_judged_is_refused(videoscan, truth, night, output, tmp_path):
    output("out/a", night)
    output("out/b", night)
    code, _, err = videoscan("eval", truth, tmp_path / "out")
    assert code == 2
    assert "2 timelines" in err
    assert videoscan("eval", tmp_path / "none.truth.json", tmp_path / "out" / "a")[0] == 3
    assert videoscan("eval", truth, tmp_path / "nowhere")[0] == 3
    assert videoscan("eval", truth, truth)[0] == 3
    assert videoscan("eval", truth, tmp_path / "out" / "a", "--min-recall", "2")[0] == 2
