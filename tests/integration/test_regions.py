"""Regions from a profile's text to every picture that leaves the program: what is excluded makes nothing happen, and can be black."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from commanding import lines

from videoscan.testing.model_server import ModelServer

CARPARK = Path(__file__).parents[2] / "samples" / "carpark-night.mp4"
EARLY = ("--end", "35")
"""All that happens until then is that somebody far away walks from left to right, between 12 and 31 s."""
WALK = "[[0.28, 0.26], [0.78, 0.26], [0.78, 0.38], [0.28, 0.38]]"
SKY = "[[0.0, 0.0], [1.0, 0.0], [1.0, 0.29], [0.0, 0.29]]"
SKY_HIGH = 0.29
"""Just above the walker's head, so that the crops of them hold some of it."""


@pytest.fixture
def profile(tmp_path):
    def write(text):
        path = tmp_path / "regions.toml"
        path.write_text(text)
        return path

    return write


def frames(videoscan, *arguments):
    code, out, err = videoscan("frames", CARPARK, *EARLY, "--json", *arguments)
    assert code == 0, err
    return lines(out)


def timeline_of(folder):
    return json.loads((folder / CARPARK.stem / "timeline.json").read_text())


@pytest.mark.parametrize(
    "text",
    [
        f"[regions]\nexclude = [{WALK}]\n",
        f'[[cameras]]\nmatch = "*/carpark-*.mp4"\n\n[cameras.regions]\nexclude = [{WALK}]\n',
        "[regions]\ninclude = [[[0.0, 0.5], [1.0, 0.5], [1.0, 1.0], [0.0, 1.0]]]\n",
    ],
    ids=["excluded", "excluded by the camera's rule", "outside of what is included"],
)
def test_who_walks_where_nothing_counts_makes_no_event_and_no_kept_frame(videoscan, profile, tmp_path, text):
    path = profile(text)
    kept = [line for line in frames(videoscan, "--profile", path) if line["kept"]]
    assert [line["reason"] for line in kept] == ["first"]
    code, _, err = videoscan("scan", CARPARK, *EARLY, "--profile", path, "--out", tmp_path / "out")
    assert code == 0, err
    timeline = timeline_of(tmp_path / "out")
    assert timeline["events"] == []
    assert timeline["frames"]["kept"] == 1
    assert timeline["profile"]["regions"]["include" if "include" in text else "exclude"]


def test_without_regions_and_with_another_cameras_rule_the_same_walker_is_seen(videoscan, profile):
    path = profile(f'[[cameras]]\nmatch = "gate/*"\n\n[cameras.regions]\nexclude = [{WALK}]\n')
    for arguments in ((), ("--profile", path)):
        assert sum(line["kept"] for line in frames(videoscan, *arguments)) > 8


def darkness(picture):
    """0 is black: the mean level of the part that must be black, a little away from its edge, where JPEG blurs."""
    image = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    deep = image[: int(image.shape[0] * SKY_HIGH) - 16]
    assert deep.size
    return float(deep.mean())


def crop_top(picture):
    """The mean level of a crop's uppermost tenth: crops of the walker reach above their head by three times their height."""
    image = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR)
    return float(image[: image.shape[0] // 10].mean())


def pictures_of(page):
    """Every picture inside an HTML file."""
    return [base64.b64decode(found) for found in re.findall(rb"data:image/jpeg;base64,([A-Za-z0-9+/=]+)", page.read_bytes())]


def is_whole(picture):
    image = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR)
    return image.shape[1] / image.shape[0] == pytest.approx(16 / 9, rel=0.02)


BLACK = f"[regions]\nexclude = [{SKY}]\nblack_out = true\n\n[windows]\nzoom = true\nmax_frames = 6\n"


def test_black_out_is_black_in_what_is_sent_and_stored_and_in_the_report(videoscan, profile, tmp_path):
    with ModelServer.in_thread() as server:
        code, _, err = videoscan(
            "scan", CARPARK, *EARLY, "--profile", profile(BLACK), "--endpoint", server.url, "--model", "m", "--out", tmp_path / "out"
        )  # fmt: skip
        assert code == 0, err
        requests = [request for request in server.requests if request.pictures]
    folder = tmp_path / "out" / CARPARK.stem
    sent = [(label, picture) for request in requests for label, picture in zip(request.labels, request.pictures, strict=True)]
    whole = [picture for label, picture in sent if not label.endswith("zoom")]
    crops = [picture for label, picture in sent if label.endswith("zoom")]
    assert len(whole) > 8
    assert len(crops) > 5
    assert max(map(darkness, whole)) < 3
    assert max(map(crop_top, crops)) < 3
    stored = {path.name: path.read_bytes() for path in (folder / "frames").iterdir()}
    assert {picture for _, picture in sent} == set(stored.values()), "what is stored is what was sent"
    shown = pictures_of(folder / "report.html")
    assert len(shown) >= 2
    assert max(map(darkness, shown)) < 3


def test_what_an_earlier_run_left_is_not_there_any_more_once_it_is_to_be_black(videoscan, profile, tmp_path):
    arguments = ("scan", CARPARK, *EARLY, "--out", tmp_path / "out")
    assert videoscan(*arguments, "--set", "windows.zoom=true")[0] == 0
    stored = tmp_path / "out" / CARPARK.stem / "frames"
    assert any("zoom" in path.name for path in stored.iterdir())
    path = profile(BLACK)
    assert videoscan(*arguments, "--profile", path, "--set", "windows.zoom=false", "--set", "windows.format=png")[0] == 0
    names = {path.name for path in stored.iterdir()}
    assert all(name.endswith(".png") for name in names), names
    assert max(darkness(path.read_bytes()) for path in stored.iterdir()) < 3


def test_a_former_output_folder_that_is_asked_again_is_blacked_out_as_well(videoscan, profile, tmp_path):
    path = profile(BLACK)
    with ModelServer.in_thread() as server:
        model = ("--endpoint", server.url, "--model", "m")
        for name, arguments in (("plain", ("--set", "windows.zoom=true")), ("black", ("--profile", path))):
            assert videoscan("scan", CARPARK, *EARLY, *model, "--out", tmp_path / name, *arguments)[0] == 0
            before = len(server.requests)
            former = tmp_path / name / CARPARK.stem
            code, _, err = videoscan("scan", former, *model, "--profile", path, "--out", tmp_path / f"{name}-again")
            assert code == 0, err
            sent = [pair for request in server.requests[before:] for pair in zip(request.labels, request.pictures, strict=True)]
            whole = [picture for label, picture in sent if not label.endswith("zoom")]
            crops = [picture for label, picture in sent if label.endswith("zoom")]
            assert len(whole) > 8
            assert max(map(darkness, whole)) < 3
            # Of crops that were cut before anything was black, nobody knows where they lie.
            assert bool(crops) == (name == "black")
            assert all(crop_top(crop) < 3 for crop in crops)
            stored = [each.read_bytes() for each in (tmp_path / f"{name}-again").rglob("frames/*.jpg")]
            assert set(stored) == {picture for _, picture in sent}


def test_black_out_is_black_in_saved_frames_on_the_page_of_decisions_and_in_the_editors_still(videoscan, profile, tmp_path):
    images, report, editor = tmp_path / "images", tmp_path / "report.html", tmp_path / "editor.html"
    told = frames(videoscan, "--profile", profile(BLACK), "--images", images, "--report", report, "--mask-editor", editor)
    saved = sorted(images.iterdir())
    whole = [path.read_bytes() for path in saved if "zoom" not in path.name]
    crops = [path.read_bytes() for path in saved if "zoom" in path.name]
    assert len(whole) == sum(line["kept"] for line in told)
    assert crops
    assert max(map(darkness, whole)) < 3
    assert max(map(crop_top, crops)) < 3
    shown = pictures_of(report)
    assert len(shown) > len(told), "kept frames, what they stand for, and crops"
    assert max(darkness(picture) for picture in shown if is_whole(picture)) < 3
    assert max(crop_top(picture) for picture in shown if not is_whole(picture)) < 3
    (still,) = pictures_of(editor)
    assert darkness(still) < 3


def test_the_editor_can_be_told_to_show_what_is_blacked_out(videoscan, profile, tmp_path):
    page = tmp_path / "editor.html"
    arguments = ("--profile", profile(BLACK), "--set", "regions.black_out=false", "--mask-editor", page)
    code, out, err = videoscan("frames", CARPARK, *arguments)
    assert (code, out) == (0, ""), err
    assert str(page) in err
    (still,) = pictures_of(page)
    assert darkness(still) > 8
