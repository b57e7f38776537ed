"""`videoscan tune` as its users meet it: on a made night, on a real room, and on what cannot be tuned."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib

import av
import cv2
import numpy as np
import pytest
from commanding import ENTRY, bad_file, lines
from shared import clip as real

from videoscan import registry, tuning
from videoscan.testing.scenes import NightCamera, Visit

QUICK = ("--figures", 4, "--profile", "surveillance")
SECONDS = 60


@pytest.fixture(scope="module")
def night(tmp_path_factory):
    """A minute of a quiet yard at night: noise, and somebody tall who crosses it."""
    path = tmp_path_factory.mktemp("night") / "yard.mp4"
    camera = NightCamera(seconds=SECONDS, noise=2.0, clock=False, width=320, height=180, visits=(Visit(24, 30, 0.3),))
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=2, options={"crf": "18", "g": "2", "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = camera.width, camera.height, "yuv420p"
        for luma in camera.pictures():
            frame = av.VideoFrame.from_ndarray(np.dstack([luma] * 3), format="bgr24")
            for _ in range(2):
                container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.fixture(scope="module")
def tuned(night, tmp_path_factory):
    """That night, tuned twice: for people and for programs."""
    images = tmp_path_factory.mktemp("figures")
    command = [*ENTRY, "tune", night, *map(str, QUICK)]
    table = subprocess.run([*command, "--images", images], capture_output=True, text=True, check=False)
    record = subprocess.run([*command, "--json"], capture_output=True, text=True, check=False)
    assert table.returncode == record.returncode == 0, table.stderr + record.stderr
    return table, json.loads(record.stdout), images


@pytest.fixture
def two_heights(monkeypatch):
    """What is planted where nobody looks at the other heights: it takes half the time."""
    monkeypatch.setattr(tuning, "HEIGHTS", (0.02, 0.10))


def test_a_table_a_rule_a_snippet_and_what_is_worth_knowing(tuned):
    table, _, _ = tuned
    out = table.stdout
    assert out.startswith("yard.mp4: 60 looks at all 1 min of it.")
    assert "Recommended: " in out
    assert "95 % certainty" in out
    assert "planted after decoding" in " ".join(out.split())
    assert max(map(len, out.splitlines())) <= 100
    assert "tokens are for qwen3-vl" in table.stderr


def test_the_table_and_the_json_of_two_runs_agree_to_the_last_figure(tuned):
    table, record, _ = tuned
    rows = [line for line in table.stdout.splitlines() if re.search(r"\d/\d.* % ", line)]
    shown = {row[3:].split("  ")[0]: re.findall(r"\d+/\d+", row) for row in rows}
    told = {
        each["name"]: [f"{fates['missed']}/{fates['planted'] - fates['ignored']}" for fates in each["figures"].values()]
        for each in record["settings"]
    }
    assert shown == told
    assert next(iter(shown)) == "as it is"
    assert [row[3:].split("  ")[0] for row in rows if row.startswith(">")] == [record["recommended"]]


def test_the_json_says_the_same_and_more(tuned):
    _, record, _ = tuned
    assert record["input"].endswith("yard.mp4")
    assert record["looked_at"] == {"seconds": 60.0, "samples": 60, "whole": True, "excerpts": [[0.0, 60.0]]}
    assert record["planted"]["heights"] == [0.02, 0.03, 0.05, 0.1]
    assert record["planted"]["pixels"] == [3.6, 5.4, 9.0, 18.0]
    named = {each["name"]: each for each in record["settings"]}
    assert record["present"] == "as it is"
    assert record["recommended"] in named
    every = named["keep every look"]
    assert (every["kept"], every["candidate"]) == (60, False)
    assert all(fates["missed"] == 0 for fates in every["figures"].values())
    assert named["phash"]["figures"]["0.02"]["missed"] >= 3
    assert named["as it is"]["figures"]["0.1"]["missed"] == 0
    for each in record["settings"]:
        for fates in each["figures"].values():
            verdicts = sum(fates[name] for name in ("shown", "between", "unnoticed", "thinned", "ignored"))
            assert verdicts == fates["planted"]
            assert fates["missed"] == verdicts - fates["shown"] - fates["ignored"]
    # The recommended and the present one have been tried on figures that nothing was chosen by.
    assert named[record["recommended"]]["figures"]["0.02"]["planted"] == 12
    assert named["as it is"]["figures"]["0.02"]["planted"] == 12


def test_the_present_settings_keep_what_a_scan_would_keep(tuned, night, videoscan):
    _, record, _ = tuned
    _, out, _ = videoscan("frames", night, "--json", "--profile", "surveillance")
    kept = sum(line["kept"] for line in lines(out))
    assert record["settings"][0]["kept"] == kept
    assert record["settings"][0]["sampled"] == len(lines(out)) == 60


def test_the_snippet_is_one_that_a_profile_takes_and_holds_the_recommendation(tuned, tmp_path):
    _, record, _ = tuned
    snippet = tomllib.loads(record["toml"])
    assert snippet == record["profile"]
    profile = tmp_path / "mine.toml"
    profile.write_text('extends = "surveillance"\n\n' + record["toml"])
    settled = registry.check(str(profile), environ={})[0].profile
    named = {each["name"]: each for each in record["settings"]}
    for table, values in named[record["recommended"]]["profile"].items():
        given = getattr(settled, table)
        assert {key: given[key] for key in values} == values


def test_the_pictures_show_figures(tuned):
    _, _, images = tuned
    (path,) = images.iterdir()
    picture = cv2.imread(str(path)).astype(int)
    assert picture.shape == (180, 320, 3)
    # The frames around them are drawn in one colour that no night has.
    assert ((picture[..., 2] > 180) & (picture[..., 1] > 150) & (picture[..., 0] < 130)).sum() > 100


@pytest.mark.usefixtures("two_heights")
def test_another_seed_plants_elsewhere_and_changes_nothing_of_the_footage(tuned, night, videoscan):
    _, record, _ = tuned
    other = lines(videoscan("tune", night, *QUICK, "--json", "--seed", 2)[1])[0]
    assert other["settings"] != record["settings"]
    assert [each["kept"] for each in other["settings"][:3]] == [each["kept"] for each in record["settings"][:3]]


@pytest.mark.usefixtures("two_heights")
def test_of_long_footage_an_excerpt_is_looked_at(night, videoscan):
    code, out, _ = videoscan("tune", night, "--figures", 4, "--samples", 30, "--json")
    record = lines(out)[0]
    assert code == 0
    assert record["looked_at"] == {"seconds": 30.0, "samples": 30, "whole": False, "excerpts": [[15.0, 45.0]]}


@pytest.mark.usefixtures("two_heights")
def test_a_value_set_by_hand_stands_in_the_snippet_when_it_is_recommended(night, videoscan):
    record = lines(videoscan("tune", night, "--figures", 4, "--end", 30, "--set", "dedup.remember=2", "--json")[1])[0]
    chosen = next(each for each in record["settings"] if each["name"] == record["recommended"])
    assert record["profile"]["dedup"]["remember"] == 2
    assert chosen["profile"] == record["profile"]


@pytest.mark.usefixtures("two_heights")
def test_looks_too_far_apart_are_found_out(night, videoscan):
    code, out, _ = videoscan("tune", night, "--figures", 6, "--set", "sampler.every=10", "--set", "dedup.kind=none", "--json")
    record = lines(out)[0]
    assert code == 0
    present = record["settings"][0]["figures"]["0.02"]
    assert present["between"] > 0
    assert present["missed"] == present["between"]
    assert any("too long for what lasts 2 s" in note for note in record["notes"])
    assert record["profile"]["sampler"]["every"] < 10


@pytest.mark.usefixtures("two_heights")
def test_keyframes_are_taken_as_they_come(night, videoscan):
    code, out, _ = videoscan("tune", night, "--figures", 4, "--end", 40, "--set", "sampler.kind=keyframe", "--json")
    record = lines(out)[0]
    assert code == 0
    assert not any("every" in each["name"] and "look" not in each["name"] for each in record["settings"])
    assert "sampler" not in record["profile"]


@pytest.mark.usefixtures("two_heights")
def test_a_real_room_with_people_coming_and_going(videoscan):
    code, out, _ = videoscan("tune", real("surv/one-by-one-person.mp4"), "--figures", 4, "--end", 30, "--json")
    record = lines(out)[0]
    assert code == 0
    named = {each["name"]: each for each in record["settings"]}
    assert named["as it is"]["figures"]["0.1"]["missed"] == 0
    assert record["safe_height"] is not None
    assert record["noise"] < 3


@pytest.mark.usefixtures("two_heights")
def test_a_file_that_was_cut_off_is_judged_by_what_there_is(night, tmp_path, videoscan):
    whole, cut = tmp_path / "whole.mp4", tmp_path / "cut.mp4"
    subprocess.run(["ffmpeg", "-v", "error", "-i", night, "-c", "copy", "-movflags", "+faststart", whole], check=True)
    data = whole.read_bytes()
    cut.write_bytes(data[: len(data) // 2])
    code, out, err = videoscan("tune", cut, "--figures", 4, "--json")
    assert code == 6
    assert "the file ends here" in err
    looked = lines(out)[0]["looked_at"]
    assert 20 < looked["seconds"] < 40
    assert abs(looked["seconds"] - looked["samples"]) <= 2


@pytest.mark.parametrize(("kind", "code"), [("text", 3), ("empty", 3), ("audio", 3), ("no-moov", 3)])
def test_what_cannot_be_read_ends_as_everywhere(videoscan, tmp_path, kind, code):
    found, out, err = videoscan("tune", bad_file(tmp_path, kind))
    assert (found, out) == (code, "")
    assert "videoscan: " in err


def test_bad_usage_is_said_and_nothing_is_made(videoscan, clip, tmp_path):
    assert videoscan("tune", tmp_path / "none.mp4")[0] == 3
    for arguments, words in [
        ((clip, "--start", 100), "past the end"),
        ((clip, "--end", 3), "too short"),
        ((clip, "--height", 2), "--height"),
        ((clip, "--set", "dedup.kind=magic"), "magic"),
        ((clip, "--samples", 0), "--samples"),
    ]:
        code, out, err = videoscan("tune", *arguments)
        assert (code, out) == (2, ""), err
        assert words in err
