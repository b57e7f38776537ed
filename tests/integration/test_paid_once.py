"""What was paid for before a window's answer was whole is not paid for again: parts of windows, probes; and which model's answers they are."""

from __future__ import annotations

import json

import pytest
from commanding import film, lines
from shared import hold_to_contract

import videoscan
from videoscan import patience
from videoscan.errors import StoreError
from videoscan.journal import Journal
from videoscan.testing.model_server import ModelServer, event, fails, ok

ONE_WINDOW = ("dedup.kind=none", "windows.max_frames=12", "windows.long_side=64")


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return film(tmp_path_factory.mktemp("clip") / "clip.mp4", 10)


def scan(clip, server, out, *sets, model="test-model", **more):
    with patience.instantly():
        return videoscan.scan_sync(clip, out=out, endpoint=server.url, model=model, sets=(*ONE_WINDOW, *sets), **more)


def seen(request):
    return ok([event(f"Seen at {request.labels[0][-12:]}", 1, request.frames)])


def test_a_part_that_was_answered_is_kept_when_another_one_fails(clip, tmp_path):
    broken = True

    def script(request):
        if request.labels[0].endswith("00:07.000") and broken:
            return fails(403, "sensitive", code="ModelArts.81011")
        return seen(request)

    with ModelServer.in_thread(script, most_pictures=4) as server:
        first = scan(clip, server, tmp_path / "out")
        assert [window.status for window in first.windows] == ["failed"]
        asked = [request.labels[0][-12:] for request in server.requests]
        assert len(asked) == 4, "once too many, then three parts, the last of which fails"
        broken = False
        server.requests.clear()
        again = scan(clip, server, tmp_path / "out")
        taken = [request for request in server.requests if len(request.pictures) <= 4]
        assert len(taken) == 1, "only the part that is missing"
        assert again.complete
    with ModelServer.in_thread(seen, most_pictures=4) as server:
        whole = scan(clip, server, tmp_path / "whole")
    assert [(told.start, told.end, told.title) for told in again.events] == [
        (told.start, told.end, told.title) for told in whole.events
    ]
    assert again.usage.prompt_tokens == whole.usage.prompt_tokens == 3000, "what the parts took is in the bill, once"
    hold_to_contract(tmp_path / "out")


def full(*_):
    raise StoreError("no room", hint="make some")


def test_a_probe_is_counted_once_however_the_scan_was_cut_short_after_it(clip, tmp_path, monkeypatch):
    monkeypatch.setenv("VIDEOSCAN_PROBE", "first-use")
    monkeypatch.setenv("VIDEOSCAN_STATE_DIR", str(tmp_path / "state"))
    probed = []

    def script(request):
        if "test cards" in (request.system or ""):
            probed.append(request)
            return ok([], usage={"prompt_tokens": 300 * request.frames, "completion_tokens": 5})
        return seen(request)

    with ModelServer.in_thread(script) as server:
        with monkeypatch.context() as cut:
            cut.setattr(Journal, "record", full)
            with pytest.raises(StoreError):
                scan(clip, server, tmp_path / "out")
        assert len(probed) == 2
        asked = len(server.requests)
        timeline = scan(clip, server, tmp_path / "out")
        windows = len(server.requests) - asked
        assert len(probed) == 2, "remembered"
        shown = sum(len(request.pictures) for request in probed)
        assert timeline.usage.requests == windows + 2
        assert timeline.usage.prompt_tokens == 1000 * windows + 300 * shown
        assert sum(window.usage.requests for window in timeline.windows) == windows
        other = scan(clip, server, tmp_path / "out", question="A car?")
        assert other.usage.requests == windows, "another question did not pay for it"
        third = scan(clip, server, tmp_path / "out")
        assert third.usage == timeline.usage
    rows = lines((tmp_path / "out" / "journal.jsonl").read_text())
    assert [row["usage"]["requests"] for row in rows if "probe" in row] == [2]


def test_answers_belong_to_the_model_that_the_endpoint_has_when_none_is_named(clip, tmp_path):
    for models, asked in ((["one"], 1), (["two"], 1)):
        with ModelServer.in_thread(seen, models=models) as server:
            timeline = scan(clip, server, tmp_path / models[0], model=None)
            assert len(server.requests) == asked
            assert timeline.describer.model == models[0]
            assert {request.body["model"] for request in server.requests} == set(models)
    keys = [json.loads((tmp_path / name / "journal.jsonl").read_text().splitlines()[1])["key"] for name in ("one", "two")]
    assert keys[0] != keys[1]
    with ModelServer.in_thread(seen, models=["one"]) as server:
        named = scan(clip, server, tmp_path / "named", model="one")
        unnamed = scan(clip, server, tmp_path / "named", model=None)
        assert len(server.requests) == 1, "the same model by its name"
        assert unnamed.events == named.events


def test_a_finished_scan_is_made_again_when_the_endpoint_has_another_model_by_now(clip, tmp_path):
    with ModelServer.in_thread(seen, models=["one"]) as server, patience.instantly():
        made = scan(clip, server, tmp_path / "out", model=None)
        assert scan(clip, server, tmp_path / "out", model=None) == made
        assert len(server.requests) == 1, "the same model is not asked again"
        server.models = ["two"]
        other = scan(clip, server, tmp_path / "out", model=None)
        assert (other.describer.model, len(server.requests)) == ("two", 2)
        server.models = ["one", "two"]
        assert scan(clip, server, tmp_path / "out", model=None) == other, "it does not say which it would take"
        server.models = ["one"]
        assert scan(clip, server, tmp_path / "out", model=None).describer.model == "one"
        assert len(server.requests) == 2, "its answers are in the journal"
    assert scan(clip, server, tmp_path / "out", model=None).describer.model == "one", "finished, whether or not anybody answers"


def test_a_model_that_was_not_named_costs_what_its_own_prices_say(clip, tmp_path):
    prices = {"currency": "USD", "as_of": "2026-11-29", "prompt": 1.0, "models": {"dear-*": {"prompt": 1000.0}}}
    with ModelServer.in_thread(seen, models=["dear-one"]) as server, patience.instantly():
        timeline = videoscan.scan_sync(
            clip,
            endpoint=server.url,
            profile={"budget": {"prices": prices}},
            sets=ONE_WINDOW,
        )
    assert timeline.usage.cost.amount == pytest.approx(1000 * timeline.usage.prompt_tokens / 1e6)
