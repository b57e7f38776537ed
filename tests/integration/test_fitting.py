"""A budget that would not suffice: less is sent, by the measure that loses least, and it is told; the same windows come back."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from commanding import film, lines
from shared import hold_to_contract

from videoscan import scan_sync
from videoscan.reading import reader
from videoscan.testing.model_server import ModelServer, ok, sees_everything

OPTIONS = ("--set", "dedup.kind=none", "--set", "describer.max_tokens=400", "--set", "sampler.every=0.5")


@pytest.fixture(scope="module")
def wide(tmp_path_factory):
    """Two minutes of pictures of 960 x 540, two a second: 240 of them, 22 windows."""
    return film(tmp_path_factory.mktemp("wide") / "wide.mp4", 120, size="960x540", rate=4)


def counted(received):
    """A server whose tokens go by the pictures' true size, as Qwen's do."""
    tokens = 300
    for data in received.pictures:
        height, width = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR).shape[:2]
        tokens += round(width / 32) * round(height / 32) + 18
    return ok(usage={"prompt_tokens": tokens, "completion_tokens": 300}, content=sees_everything(received).content)


def asking(server, clip, out, *more):
    return ["scan", clip, "--endpoint", server.url, "--model", "qwen3-vl-test", *OPTIONS, "--out", out, *more]


def timeline_in(folder):
    return json.loads((folder / "timeline.json").read_text())


def spent(timeline):
    return timeline["usage"]["prompt_tokens"] + timeline["usage"]["completion_tokens"]


def test_a_budget_that_suffices_changes_nothing(videoscan, wide, tmp_path):
    with ModelServer.in_thread(counted, models=["qwen3-vl-test"]) as server:
        code, _, err = videoscan(*asking(server, wide, tmp_path, "--budget", "2Mtok"))
    assert code == 0, err
    timeline = timeline_in(tmp_path / "wide")
    assert timeline["budget"]["measures"] == []
    assert timeline["budget"]["limit"] == "2Mtok"
    assert timeline["frames"]["kept"] == 240
    assert not (tmp_path / "wide" / "whole").exists()


def test_somewhat_too_little_takes_smaller_pictures_and_loses_no_moment(videoscan, wide, tmp_path):
    with ModelServer.in_thread(counted, models=["qwen3-vl-test"]) as server:
        code, _, err = videoscan(*asking(server, wide, tmp_path, "--budget", "110ktok"))
        assert code == 0, err
    timeline = timeline_in(tmp_path / "wide")
    assert "instead of" in " ".join(timeline["budget"]["measures"])
    assert any("pixels" in measure for measure in timeline["budget"]["measures"])
    assert "to fit the budget of 110,000 tokens" in err
    assert {span["state"] for span in timeline["coverage"]} == {"described"}
    assert spent(timeline) <= 110_000
    assert max(cv2.imread(str(path)).shape[1] for path in (tmp_path / "wide" / "frames").iterdir()) < 960
    hold_to_contract(tmp_path / "wide")


def test_far_too_little_shows_fewer_pictures_and_says_which_stretches_are_left_out(videoscan, wide, tmp_path):
    with ModelServer.in_thread(counted, models=["qwen3-vl-test"]) as server:
        code, _, err = videoscan(*asking(server, wide, tmp_path, "--budget", "20ktok"))
        assert code == 6, err
    timeline = timeline_in(tmp_path / "wide")
    assert spent(timeline) <= 20_000
    assert 0 < timeline["frames"]["kept"] < 200
    assert all(window["status"] == "described" for window in timeline["windows"])
    reasons = {span["reason"] for span in timeline["coverage"] if span["state"] == "skipped"}
    assert reasons == {"thinned: left out to fit the budget of 20,000 tokens"}
    described = [window["end"] for window in timeline["windows"]]
    assert max(described) > 110, "what is left out is spread over all of it"
    hold_to_contract(tmp_path / "wide")


def test_what_was_made_smaller_goes_on_with_the_same_windows_and_decodes_nothing(videoscan, wide, tmp_path, monkeypatch):
    """Interrupted by a limit on requests; a larger budget asks for what was skipped, and for nothing else."""
    with ModelServer.in_thread(counted, models=["qwen3-vl-test"]) as server:
        # An answer is longer than assumed, so that the limit is met while it runs.
        limit = ("--budget", "110ktok")
        videoscan(*asking(server, wide, tmp_path, *limit))
        first = timeline_in(tmp_path / "wide")
        asked = len(server.requests)
        monkeypatch.setattr(reader.Reader, "_decoded", lambda *_: pytest.fail("decoded again"))
        (tmp_path / "wide" / "timeline.json").unlink()
        _, _, err = videoscan(*asking(server, wide, tmp_path, "--budget", "150ktok"))
        assert len(server.requests) == asked
        assert "--fresh plans anew" in err
        again = timeline_in(tmp_path / "wide")
        assert [window["frames"] for window in again["windows"]] == [window["frames"] for window in first["windows"]]
        # What is finished stays as it is, and says why it is not whole.
        _, _, err = videoscan(*asking(server, wide, tmp_path, "--budget", "150ktok"))
        assert len(server.requests) == asked
        assert "made to fit a budget" in err
        assert "--fresh plans anew" in err
        # Without a budget everything is asked, of the pictures as they were.
        code, _, _ = videoscan(*asking(server, wide, tmp_path))
        assert code == 0
        assert len(server.requests) > asked
        whole = timeline_in(tmp_path / "wide")
        assert whole["budget"] is None
        assert max(cv2.imread(str(path)).shape[1] for path in (tmp_path / "wide" / "frames").iterdir()) == 960


def test_a_run_that_stops_at_its_limit_is_continued_with_what_was_skipped(videoscan, wide, tmp_path):
    """Prompts that count far more than anybody thought: what was planned to fit does not, and the ceiling holds all the same."""

    def wordy(received):
        return ok(usage={"prompt_tokens": 15_000, "completion_tokens": 400}, content=sees_everything(received).content)

    with ModelServer.in_thread(wordy, models=["qwen3-vl-test"]) as server:
        code, _, _ = videoscan(*asking(server, wide, tmp_path, "--budget", "60ktok"))
        assert code == 6
        first = timeline_in(tmp_path / "wide")
        assert spent(first) <= 60_000
        skipped = [window["frames"] for window in first["windows"] if window["status"] == "skipped"]
        assert len(skipped) == first["budget"]["skipped_windows"] > 0
        before = len(server.requests)
        videoscan(*asking(server, wide, tmp_path, "--budget", "1Mtok"))
        assert len(server.requests) - before == len(skipped)
        assert all(window["status"] == "described" for window in timeline_in(tmp_path / "wide")["windows"])
    hold_to_contract(tmp_path / "wide")


def test_few_requests_are_fuller_windows(videoscan, wide, tmp_path):
    with ModelServer.in_thread(counted, models=["qwen3-vl-test"]) as server:
        code, _, err = videoscan(*asking(server, wide, tmp_path, "--budget", "12req"))
        assert code == 0, err
        assert len(server.requests) <= 12
    measures = " ".join(timeline_in(tmp_path / "wide")["budget"]["measures"])
    assert "windows of up to 24 pictures" in measures
    assert "at most 24 a window" in err
    assert "pixels" not in measures


def test_several_inputs_are_made_to_fit_together(videoscan, wide, tmp_path):
    other = film(tmp_path / "in" / "other.mp4", 60, size="960x540", rate=4)
    with ModelServer.in_thread(counted, models=["qwen3-vl-test"]) as server:
        arguments = asking(server, wide, tmp_path / "out", "--budget", "30ktok", "--json")
        code, out, err = videoscan(*arguments, other)
        assert code == 6, err
    timelines = [json.loads(Path(line["timeline"]).read_text()) for line in lines(out)[:2]]
    assert sum(map(spent, timelines)) <= 30_000
    assert [bool(timeline["budget"]["measures"]) for timeline in timelines] == [True, True]
    kept = [timeline["frames"]["kept"] for timeline in timelines]
    assert kept[0] == pytest.approx(2 * kept[1], rel=0.3), "a second of each is worth the same"


def test_a_scan_that_writes_nothing_is_made_to_fit_as_well(wide):
    with ModelServer.in_thread(counted, models=["qwen3-vl-test"]) as server:
        timeline = scan_sync(
            wide, endpoint=server.url, model="qwen3-vl-test", sets=[text for text in OPTIONS if "=" in text], budget=["20ktok"]
        )
    assert timeline.budget.measures
    assert timeline.usage.prompt_tokens + timeline.usage.completion_tokens <= 20_000


def test_a_budget_too_small_for_anything_changes_nothing_and_sends_nothing(videoscan, wide, tmp_path):
    with ModelServer.in_thread(counted, models=["qwen3-vl-test"]) as server:
        code, _, err = videoscan(*asking(server, wide, tmp_path, "--budget", "300tok"))
        assert code == 6
        assert not server.requests
    assert "will not suffice" in err
    assert not (tmp_path / "wide" / "fitted.json").exists()
    hold_to_contract(tmp_path / "wide")
