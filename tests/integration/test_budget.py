"""`--budget` against a real server that counts: never passed, the rest skipped, and a larger one goes on with exactly that."""

from __future__ import annotations

import json
import random

import pytest
from commanding import film, lines
from shared import hold_to_contract

from videoscan import patience
from videoscan.testing.model_server import ModelServer, Turn, fails, ok, sees_everything

PRICES = """
[budget.prices]
currency = "USD"
as_of = "2026-11-01"
prompt = 10.0
completion = 100.0
"""
AS_IT_IS = ("--set", "budget.fit=false")
EVERY = ("--set", "windows.max_frames=2", "--set", "windows.overlap_frames=0", "--set", "dedup.kind=none")


@pytest.fixture(scope="module")
def reel(tmp_path_factory):
    """Forty samples, twenty windows."""
    return film(tmp_path_factory.mktemp("reel") / "reel.mp4", 39)


@pytest.fixture
def priced(tmp_path):
    path = tmp_path / "priced.toml"
    path.write_text(PRICES)
    return path


def scanning(server, clip, out, *more):
    return ["scan", clip, "--endpoint", server.url, "--model", "test-model", *EVERY, *AS_IT_IS, "--out", out, *more]


def timeline_in(folder):
    return json.loads((folder / "timeline.json").read_text())


def test_what_the_budget_does_not_suffice_for_is_skipped_and_a_larger_one_goes_on_with_it(videoscan, reel, tmp_path):
    with ModelServer.in_thread() as server:
        arguments = scanning(server, reel, tmp_path)
        code, out, err = videoscan(*arguments, "--budget", "5req", "--json")
        assert code == 6
        assert len(server.requests) == 5
        assert "the budget of 5 requests is used up" in err
        first = lines(out)[0]
        assert not first["complete"]
        timeline = timeline_in(tmp_path / "reel")
        assert [window["status"] for window in timeline["windows"]].count("described") == 5
        skipped = [window for window in timeline["windows"] if window["status"] == "skipped"]
        assert len(skipped) == 15
        assert all(window["error"] is None for window in skipped)
        (reason,) = {span["reason"] for span in timeline["coverage"] if span["state"] == "skipped"}
        assert "budget of 5 requests" in reason
        hold_to_contract(tmp_path / "reel")

        code, _, _ = videoscan(*arguments, "--budget", "100req")
        assert code == 0
        assert len(server.requests) == 20
        timeline = timeline_in(tmp_path / "reel")
        assert timeline["usage"]["requests"] == 20
        assert {span["state"] for span in timeline["coverage"]} == {"described"}
        hold_to_contract(tmp_path / "reel")
        videoscan(*arguments, "--budget", "100req")
        assert len(server.requests) == 20


@pytest.mark.parametrize(
    ("limit", "counted"),
    [
        ("12req", lambda spent: spent["requests"] <= 12),
        ("15ktok", lambda spent: spent["prompt"] + spent["completion"] <= 15_000),
        ("0.5USD", lambda spent: (10 * spent["prompt"] + 100 * spent["completion"]) / 1e6 <= 0.5),
    ],
)
@pytest.mark.parametrize("seed", range(3))
def test_eight_at_once_and_a_tenth_faults_never_pass_it(videoscan, reel, priced, tmp_path, limit, counted, seed):
    """What the server counts, faults and answers nobody read included."""
    dice = random.Random(seed)
    spent = {"requests": 0, "prompt": 0, "completion": 0}

    def script(received):
        spent["requests"] += 1
        fault = dice.random()
        if fault < 0.03:
            return fails(429, "slow down", headers={"Retry-After": "1"})
        prompt, completion = 900 + dice.randint(0, 200), dice.randint(20, 400)
        spent["prompt"] += prompt
        spent["completion"] += completion
        if fault < 0.06:
            return Turn(cut_after=0)
        if fault < 0.1:
            return fails(500, "the model fell over")
        usage = {"prompt_tokens": prompt, "completion_tokens": completion}
        return ok(usage=usage, delay=0.1, content=sees_everything(received).content)

    with ModelServer.in_thread(script) as server, patience.instantly():
        more = ["--profile", priced, "--budget", limit, "--set", "describer.concurrency=8", "--set", "describer.max_tokens=500"]
        code, _, err = videoscan(*scanning(server, reel, tmp_path / "out", *more))
        assert code == 6, err
        assert server.most_busy > 1
    assert counted(spent), spent
    timeline = timeline_in(tmp_path / "out" / "reel")
    assert 0 < sum(window["status"] == "described" for window in timeline["windows"]) < 20
    hold_to_contract(tmp_path / "out" / "reel")


def test_answers_that_cannot_be_read_are_paid_for_as_well(videoscan, reel, tmp_path):
    with ModelServer.in_thread(lambda _: ok(content="no idea")) as server:
        code, _, _ = videoscan(*scanning(server, reel, tmp_path, "--budget", "7req"))
        assert code == 6
        assert len(server.requests) == 7


def test_a_window_that_is_asked_in_parts_stops_between_them(videoscan, reel, tmp_path):
    with ModelServer.in_thread(most_pictures=1) as server:
        code, _, _ = videoscan(*scanning(server, reel, tmp_path, "--budget", "9req"))
        assert code == 6
        assert len(server.requests) == 9
    hold_to_contract(tmp_path / "reel")


def test_a_cost_is_told_and_a_continued_scan_tells_what_it_cost_in_all(videoscan, reel, priced, tmp_path):
    with ModelServer.in_thread() as server:
        arguments = scanning(server, reel, tmp_path / "out", "--profile", priced)
        videoscan(*arguments, "--budget", "5req")
        cost = timeline_in(tmp_path / "out" / "reel")["usage"]["cost"]
        assert cost == {"amount": 0.1, "currency": "USD", "prices_as_of": "2026-11-01", "estimated": 0.0, "time": 0.0}
        code, out, _ = videoscan(*arguments, "--json")
        assert code == 0
        assert [each["cost"] for each in lines(out)] == [{"USD": 0.4}]
        _, out, _ = videoscan(*arguments)
        assert "Cost: 0.40 USD (prices of 2026-11-01)." in out
        usage = timeline_in(tmp_path / "out" / "reel")["usage"]
        told = f"Asked: 20 requests, {usage['images']} pictures, {usage['prompt_tokens']:,} tokens in, {usage['completion_tokens']:,} tokens out."
        assert told in out, "runs before this one included: they are in the bill"
        assert "0.40 USD" in (tmp_path / "out" / "reel" / "report.html").read_text()
        assert len(server.requests) == 20


def test_tokens_that_a_server_does_not_count_are_assumed_and_flagged(videoscan, clip, priced, tmp_path):
    with ModelServer.in_thread(lambda received: ok(usage=None, content=sees_everything(received).content)) as server:
        videoscan(*scanning(server, clip, tmp_path / "out", "--profile", priced))
    timeline = timeline_in(tmp_path / "out" / "match")
    cost = timeline["usage"]["cost"]
    assert cost["estimated"] == cost["amount"] > 0
    assert timeline["usage"]["prompt_tokens"] is None
    assert all(any("upper estimate" in flag for flag in window["flags"]) for window in timeline["windows"])


def test_tokens_out_of_a_servers_cache_cost_what_the_profile_says(videoscan, clip, tmp_path):
    (tmp_path / "cached.toml").write_text(PRICES + "cached = 1.0\n")
    usage = {"prompt_tokens": 1000, "completion_tokens": 100, "prompt_tokens_details": {"cached_tokens": 400}}
    for number, stream in enumerate((False, True)):
        with ModelServer.in_thread(lambda _, stream=stream: ok(usage=usage, stream=stream)) as server:
            out = tmp_path / str(number)
            videoscan(*scanning(server, clip, out, "--profile", tmp_path / "cached.toml"))
            asked = len(server.requests)
        cost = timeline_in(out / "match")["usage"]["cost"]
        assert cost["amount"] == pytest.approx(asked * (600 * 10 + 400 * 1 + 100 * 100) / 1e6)


def test_a_timeline_without_prices_has_no_cost(videoscan, clip, tmp_path):
    with ModelServer.in_thread() as server:
        _, out, _ = videoscan(*scanning(server, clip, tmp_path))
    assert timeline_in(tmp_path / "match")["usage"]["cost"] is None
    assert "Cost" not in out


@pytest.mark.parametrize(
    ("limit", "profile", "words"),
    [
        ("5USD", "", "no prices are known"),
        ("5CNY", PRICES, "budget.prices are in USD"),
        ("5dollars", "", "the unit 'dollars' is not known"),
    ],
)
def test_a_budget_that_cannot_be_kept_is_bad_usage_before_anything_is_decoded(videoscan, clip, tmp_path, limit, profile, words):
    (tmp_path / "own.toml").write_text(profile)
    with ModelServer.in_thread() as server:
        code, _, err = videoscan(*scanning(server, clip, tmp_path / "out", "--profile", tmp_path / "own.toml", "--budget", limit))
        assert code == 2
        assert words in err
        assert not server.requests
    assert not (tmp_path / "out").exists()


def test_inputs_of_one_command_share_its_budget(videoscan, reel, clip, tmp_path):
    with ModelServer.in_thread() as server:
        arguments = scanning(server, reel, tmp_path, "--budget", "21req")
        code, out, _ = videoscan(*arguments, clip, "--json")
        assert code == 6
        assert len(server.requests) == 21
        assert [line["complete"] for line in lines(out)[:2]] == [True, False]


def test_a_day_has_one_budget_for_two_runs(videoscan, reel, clip, tmp_path, monkeypatch):
    monkeypatch.setenv("VIDEOSCAN_STATE_DIR", str(tmp_path / "state"))
    with ModelServer.in_thread() as server:
        videoscan(*scanning(server, reel, tmp_path / "a", "--budget", "21req/day"))
        assert len(server.requests) == 20
        code, _, err = videoscan(*scanning(server, clip, tmp_path / "b", "--budget", "21req/day"))
        assert code == 6
        assert "of today" in err
        assert len(server.requests) == 21
