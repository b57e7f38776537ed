"""`plan` as its users meet it: one sampling for every model, kept for the scan; money, time and bands; excerpts."""

from __future__ import annotations

import json
import subprocess

import pytest
from commanding import FEW, bad_file, film, lines
from shared import clip as real_clip

from videoscan.reading import reader
from videoscan.testing.model_server import ModelServer

PRICES = """
[budget.prices]
currency = "CNY"
as_of = "2026-11-01"
prompt = 2.0
completion = 8.0
[budget.prices.models."gpt-*"]
prompt = 20.0
completion = 80.0
"""
NOWHERE = ("--endpoint", "http://127.0.0.1:9/v1")


@pytest.fixture
def decodings(monkeypatch):
    """Every stretch that is really read, by its start."""
    read = []
    whole = reader.Reader._decoded

    def counted(self, frames):
        read.append(self.segment.start)
        return whole(self, frames)

    monkeypatch.setattr(reader.Reader, "_decoded", counted)
    return read


@pytest.fixture
def priced(tmp_path):
    path = tmp_path / "priced.toml"
    path.write_text(PRICES)
    return path


def test_a_scan_goes_on_from_the_sampling_of_a_plan(videoscan, clip, tmp_path, decodings):
    with ModelServer.in_thread() as server:
        asking = ("--endpoint", server.url, "--model", "test-model", *FEW, "--out", tmp_path / "out")
        _, out, err = videoscan("plan", clip, *asking, "--json")
        assert decodings
        assert f"the sampling is kept in {tmp_path / 'out' / 'match'}" in err
        planned = lines(out)[0]
        decodings.clear()
        code, _, _ = videoscan("scan", clip, *asking)
        assert code == 0
        assert not decodings
        assert len(server.requests) == planned["requests"]
    timeline = json.loads((tmp_path / "out" / "match" / "timeline.json").read_text())
    assert timeline["frames"] == planned["frames"]


def test_another_model_is_planned_on_the_same_sampling(videoscan, clip, tmp_path, decodings):
    videoscan("plan", clip, *NOWHERE, "--model", "qwen3-vl", "--out", tmp_path)
    decodings.clear()
    _, out, _ = videoscan("plan", clip, *NOWHERE, "--model", "gpt-4o", "--out", tmp_path, "--json")
    assert not decodings
    planned = lines(out)[0]
    assert planned["tokens"]["pictures"] == (85 + 170) * planned["images"]


def test_models_stand_side_by_side_over_one_sampling(videoscan, clip, priced, tmp_path, decodings):
    models = ("--model", "qwen3-vl", "--model", "gpt-4o", "--profile", priced, "--out", tmp_path / "out")
    code, out, _ = videoscan("plan", clip, film(tmp_path / "b.mp4", 1), *NOWHERE, *models, "--json")
    assert code == 0
    assert len(decodings) == 4  # two inputs, each with its rehearsal, once
    first, _, total = lines(out)
    qwen, gpt = first["models"]
    assert (qwen["model"], gpt["model"]) == ("qwen3-vl", "gpt-4o")
    assert qwen["images"] == gpt["images"]
    assert qwen["tokens"]["pictures"] < gpt["tokens"]["pictures"]
    prompt, answers = gpt["tokens"]["prompt"], gpt["completion_tokens"]["likely"]
    assert gpt["cost"]["likely"] == pytest.approx((20 * prompt + 80 * answers) / 1e6, rel=1e-3)
    assert gpt["cost"]["low"] < gpt["cost"]["likely"] < gpt["cost"]["high"]
    assert (gpt["cost"]["currency"], gpt["cost"]["prices_as_of"]) == ("CNY", "2026-11-01")
    assert [each["model"] for each in total["total"]["models"]] == ["qwen3-vl", "gpt-4o"]
    _, out, _ = videoscan("plan", clip, *NOWHERE, *models)
    assert "gpt-4o" in out
    assert "CNY" in out


def test_what_earlier_scans_took_is_what_is_expected(videoscan, clip, tmp_path):
    with ModelServer.in_thread() as server:
        asking = ("--endpoint", server.url, "--model", "test-model", *FEW, "--out", tmp_path, "--set", "dedup.kind=none")
        videoscan("scan", film(tmp_path / "before.mp4", 12), *asking)
        _, out, _ = videoscan("plan", clip, *asking, "--json")
    planned = lines(out)[0]
    assert "measured on" in planned["figures_from"]
    assert planned["completion_tokens"]["likely"] == 100 * planned["requests"]
    assert planned["seconds"]["high"] < 30


def test_a_plan_says_whether_the_budget_suffices(videoscan, clip, tmp_path):
    asking = ("plan", clip, *NOWHERE, "--model", "qwen3-vl", *FEW, "--out", tmp_path)
    assert "the budget of 100 requests suffices" in videoscan(*asking, "--budget", "100req")[2]
    assert "the budget of 1 request does not suffice" in videoscan(*asking, "--budget", "1req")[2]


def test_a_plan_leaves_a_result_of_other_options_alone(videoscan, clip, tmp_path):
    with ModelServer.in_thread() as server:
        asking = ("--endpoint", server.url, "--model", "test-model", "--out", tmp_path)
        videoscan("scan", clip, *asking)
        before = {path: path.read_bytes() for path in (tmp_path / "match").rglob("*") if path.is_file()}
        code, _, err = videoscan("plan", clip, *asking, "--set", "windows.long_side=64")
    assert code == 0
    assert "is kept" not in err
    assert {path: path.read_bytes() for path in (tmp_path / "match").rglob("*") if path.is_file()} == before


def test_a_plan_that_cannot_keep_its_sampling_is_a_plan_all_the_same(videoscan, clip, tmp_path):
    (tmp_path / "file").touch()
    code, out, err = videoscan("plan", clip, *NOWHERE, "--model", "m", "--out", tmp_path / "file")
    assert code == 0
    assert "match.mp4" in out
    assert "the sampling is not kept" in err


def test_a_bad_input_leaves_nothing_behind(videoscan, tmp_path):
    code, _, _ = videoscan("plan", bad_file(tmp_path, "text"), *NOWHERE, "--model", "m", "--out", tmp_path / "out")
    assert code == 3
    assert not (tmp_path / "out").exists()


# --- excerpts


def test_a_short_clip_is_looked_at_whole_even_when_it_should_be_quick(videoscan, clip, tmp_path):
    _, out, err = videoscan("plan", clip, *NOWHERE, "--model", "m", "--out", tmp_path, "--quick", "--json")
    assert "estimated_from" not in lines(out)[0]
    assert "excerpts" not in err


@pytest.fixture(scope="module")
def long_one(tmp_path_factory):
    """Forty minutes in which people come and go: a real clip over and over, without another encoding."""
    clip = real_clip("surv/one-by-one-person.mp4")
    path = tmp_path_factory.mktemp("long") / "long.mp4"
    command = ["ffmpeg", "-v", "error", "-stream_loop", "17", "-i", clip, "-c", "copy", "-y", path]
    subprocess.run(command, check=True)
    return path


@pytest.mark.slow
def test_excerpts_of_a_long_recording_hold_the_truth_in_their_band(videoscan, long_one, tmp_path):
    asking = (*NOWHERE, "--model", "qwen3-vl", "--out", tmp_path, "--set", "sampler.every=2", "--json")
    _, out, err = videoscan("plan", long_one, *asking, "--quick")
    guess = lines(out)[0]
    assert guess["estimated_from"]["excerpts"] >= 8
    assert guess["estimated_from"]["seconds"] < 0.1 * guess["duration"]
    assert "95 %" in err
    true = lines(videoscan("plan", long_one, *asking)[1])[0]
    for key in ("requests", "images", "image_bytes"):
        assert guess["low"][key] <= true[key] <= guess["high"][key], key
    assert guess["low"]["tokens"]["prompt"] <= true["tokens"]["prompt"] <= guess["high"]["tokens"]["prompt"]
    assert guess["frames"]["sampled"] == pytest.approx(true["frames"]["sampled"], rel=0.1)
