"""The clips in samples/ hold what their truth files say, and the generator that made them still tells the same truth."""

from __future__ import annotations

import json
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from samples.carpark import CarPark
from samples.film import TIMESCALE, Coding, film, shown_times, truth_of, visible
from samples.make_samples import SAMPLES, main
from samples.match import Match
from samples.passing import FarWalk, LampOut, far_depth
from samples.phone import Phone

FOLDER = Path(__file__).resolve().parents[2] / "samples"
CLOCK = (0.32, 0.09)
"""Share of the car park's width and height, from the upper left, in which the clock ticks."""


def truth(clip: str) -> dict:
    return json.loads((FOLDER / f"{clip}.truth.json").read_text(encoding="utf-8"))


def frames_at(clip: str, wanted: list[float]) -> list[np.ndarray]:
    """The frames on show at these times: luma, as stored in the file."""
    found: dict[float, np.ndarray] = {}
    with av.open(str(FOLDER / clip)) as container:
        stream = container.streams.video[0]
        first = None
        for frame in container.decode(stream):
            first = frame.pts if first is None else first
            time = float((frame.pts - first) * stream.time_base)
            due = [at for at in wanted if at >= time - 1e-6]
            if not due:
                break
            if any(at < time + 0.5 for at in due):
                found.update(dict.fromkeys(due, frame.to_ndarray(format="gray").astype(np.float32)))
    return [found[at] for at in wanted]


def change(one: np.ndarray, two: np.ndarray) -> float:
    """The largest difference anywhere of a few pixels' size, in grey levels, the clock and slow drift left out."""
    difference = two - one
    difference -= cv2.blur(difference, (81, 81))
    difference[: int(CLOCK[1] * len(difference)), : int(CLOCK[0] * difference.shape[1])] = 0
    return float(np.abs(cv2.GaussianBlur(difference, (0, 0), 1.5)).max())


@pytest.mark.parametrize("clip", SAMPLES)
def test_a_truth_file_has_the_agreed_form_and_its_spans_lie_in_the_clip(clip):
    said = truth(clip)
    assert {"duration", "events", "cuts"} <= said.keys()
    for event in said["events"]:
        assert {"start", "end", "what", "tags", "slack"} <= event.keys()
        assert event["what"]
        assert event["tags"]
        assert event["slack"] >= 0
    for span in [*said["events"], *said["gradual"], *said["not_cuts"]]:
        assert 0 <= span["start"] < span["end"] <= said["duration"]
    for start, end in said["quiet"]:
        assert 0 <= start < end <= said["duration"]
    assert said["cuts"] == sorted(said["cuts"])
    assert [event["start"] for event in said["events"]] == sorted(event["start"] for event in said["events"])


@pytest.mark.parametrize("clip", SAMPLES)
def test_nothing_happens_in_the_quiet_stretches(clip):
    said = truth(clip)
    for start, end in said["quiet"]:
        assert all(event["end"] <= start or event["start"] >= end for event in said["events"])
        assert not [cut for cut in said["cuts"] if start < cut < end]


@pytest.mark.parametrize("clip", SAMPLES)
def test_duration_and_event_times_are_the_file_s_own(clip):
    said, shown = truth(clip), shown_times(FOLDER / clip)
    assert said["duration"] == pytest.approx(shown[-1], abs=1e-5)
    with av.open(str(FOLDER / clip)) as container:
        stream = container.streams.video[0]
        assert float(stream.duration * stream.time_base) == pytest.approx(said["duration"], abs=1e-3)
    known = np.array(shown)
    for time in [said["duration"], *said["cuts"], *(event[end] for event in said["events"] for end in ("start", "end"))]:
        assert np.abs(known - time).min() < 1e-5, f"{time} is not the time of any frame"


def test_the_samples_are_small_enough_to_live_in_the_repository():
    sizes = {clip: (FOLDER / clip).stat().st_size for clip in SAMPLES}
    assert sum(sizes.values()) <= 3_000_000, sizes
    assert sizes["carpark-night.mp4"] <= 1_400_000


def test_half_of_the_night_is_quiet():
    said = truth("carpark-night.mp4")
    assert sum(end - start for start, end in said["quiet"]) >= 0.5 * said["duration"]


def test_whatever_comes_by_at_night_is_seen_at_the_times_of_the_truth_and_not_between():
    said = truth("carpark-night.mp4")
    still, busy = [], []
    for start, end in said["quiet"]:
        still.append((start + 0.2, end - 0.3))
    for event in said["events"]:
        before = event["start"] - 0.3
        busy += [(before, event["start"] + 0.7), (before, (event["start"] + event["end"]) / 2)]
        if "arrival" not in event["tags"]:
            busy.append((event["end"] + 0.2, event["end"] - 0.8))
    times = sorted({time for pair in [*still, *busy] for time in pair})
    frames = dict(zip(times, frames_at("carpark-night.mp4", times), strict=True))
    calm = max(change(frames[a], frames[b]) for a, b in still)
    moved = {pair: change(frames[pair[0]], frames[pair[1]]) for pair in busy}
    assert calm < 12
    assert min(moved.values()) > 2.5 * calm, moved


def test_the_far_person_is_three_to_four_percent_of_the_picture_tall():
    scene = CarPark()
    walk = next(doing for doing in scene.doings if isinstance(doing, FarWalk))
    depth = far_depth(scene.camera, walk.height)
    feet, head = scene.camera.project(np.array([[0, 0, depth], [0, 1.75, depth]]))
    assert 0.03 <= (feet[1] - head[1]) / scene.height <= 0.04


def test_the_match_cuts_where_the_truth_says_and_nowhere_else():
    said = truth("match.mp4")
    step = 1 / 25
    pans = [(pan["start"] + pan["end"]) / 2 for pan in said["not_cuts"]]
    times = sorted({round(time - back, 6) for time in [*said["cuts"], *pans] for back in (0, step)})
    frames = dict(zip(times, frames_at("match.mp4", times), strict=True))

    def jump(time: float) -> float:
        return float(np.abs(frames[round(time, 6)] - frames[round(time - step, 6)]).mean())

    cuts, moves = [jump(cut) for cut in said["cuts"]], [jump(pan) for pan in pans]
    assert len(cuts) == 5
    assert len(moves) >= 4
    assert min(cuts) > 2 * max(moves), (cuts, moves)


def test_the_score_changes_once_and_the_replay_is_marked():
    scene, said = Match(), truth("match.mp4")
    score = next(event for event in said["events"] if "scoreboard" in event["tags"])
    times = [score["start"] - 0.04, score["start"], score["end"] + 2]
    before, at, after = (frame[16:37, 122:168] for frame in frames_at("match.mp4", times))
    assert np.abs(before - at).max() > 60
    assert np.abs(at - after).max() < 40
    replay = next(event for event in said["events"] if "replay" in event["tags"])
    mark = next(act for act in scene.acts if act.name == "replay")
    assert not visible(scene, mark, replay["start"] - 0.04)
    assert visible(scene, mark, replay["start"])
    assert visible(scene, mark, replay["end"] - 0.04)


def test_the_phone_s_frames_come_irregularly_and_one_gap_is_three_seconds():
    gaps = np.diff(shown_times(FOLDER / "phone-vfr.mp4"))
    assert gaps.max() == pytest.approx(3.0, abs=0.01)
    assert sorted(gaps)[-2] < 0.5
    assert len(np.unique(np.round(gaps, 3))) > 20


def test_the_phone_s_clip_starts_late_and_its_metadata_turns_it_upright():
    path = FOLDER / "phone-vfr.mp4"
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert float(stream.start_time * stream.time_base) == pytest.approx(0.48, abs=1 / TIMESCALE)
        frame = next(container.decode(stream))
        assert (frame.width, frame.height) == (640, 360)
        assert abs(frame.rotation) == 90
    capture = cv2.VideoCapture(str(path))
    try:
        upright = capture.read()[1]
    finally:
        capture.release()
    drawn = Phone().draw(0.0)
    assert upright.shape == drawn.shape == (640, 360, 3)
    assert cv2.absdiff(upright, drawn).mean() < 6
    assert cv2.absdiff(cv2.rotate(upright, cv2.ROTATE_180), drawn).mean() > 20


def test_drawing_the_phone_s_clip_again_tells_the_same_truth():
    assert truth_of(Phone(), shown_times(FOLDER / "phone-vfr.mp4")).document() == truth("phone-vfr.mp4")


def test_a_made_clip_of_another_size_and_script_is_filmed_with_its_own_truth(tmp_path):
    scene = CarPark(
        width=320, height=180, fps=5, duration=6, noise=0, doings=(FarWalk(start=1.0, height=0.12, reach=2.5), LampOut(4.4, 1.0))
    )
    made = film(scene, tmp_path / "night.mp4", Coding(crf=20, preset="veryfast"))
    walker, lamp = made.events
    assert json.loads((tmp_path / "night.mp4.truth.json").read_text())["events"][0]["start"] == walker.start
    assert (walker.start, walker.end) == (1.0, 4.0)
    assert lamp.start == pytest.approx(4.4)
    assert made.duration == pytest.approx(6.0)
    again = film(scene, tmp_path / "again.mp4", Coding(crf=20, preset="veryfast"))
    assert again == made
    assert (tmp_path / "again.mp4").read_bytes() == (tmp_path / "night.mp4").read_bytes()


def test_an_unknown_clip_is_refused_with_the_names_of_those_there_are(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["no-such.mp4"])
    assert stopped.value.code == 2
    assert "carpark-night.mp4" in capsys.readouterr().err
