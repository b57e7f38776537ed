"""Summary and chapters by a model: text-only requests after the windows, held to the events, journalled, never the end of a scan."""

from __future__ import annotations

import json
import re

import pytest
from commanding import FEW, film
from shared import hold_to_contract

import videoscan
from videoscan import observe, patience
from videoscan.testing.model_server import ModelServer, event, fails, ok, says

ENABLED = "summary.enabled=true"


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return film(tmp_path_factory.mktemp("clip") / "clip.mp4", 24)


def sums_up(request, *, extra=""):
    """One chapter for every second event, each sentence with its citation."""
    ids = re.findall(r"^\[(e\d{8}(?:-\d+)?)\]", request.text, re.MULTILINE)
    chapters = [{"first_event": id_, "title": f"Chapter of {id_}", "summary": f"It begins [{id_}]."} for id_ in ids[::2]]
    return says(json.dumps({"chapters": chapters, "summary": f"From [{ids[0]}] to [{ids[-1]}].{extra}"}))


def script(request):
    if request.pictures:
        return ok([event(f"Thing {request.index} happens", n, n) for n in range(1, request.frames + 1)])
    return sums_up(request)


def scan(clip, server, out, *sets, **more):
    few = [each for each in FEW if each != "--set"]
    return videoscan.scan_sync(clip, out=out, endpoint=server.url, model="test-model", sets=(*few, *sets), **more)


def wordy(server):
    return [request for request in server.requests if not request.pictures]


def test_a_summary_is_one_request_of_plain_text_after_the_windows(clip, tmp_path):
    with ModelServer.in_thread(script) as server:
        timeline = scan(clip, server, tmp_path / "out", ENABLED)
    (asked,) = wordy(server)
    assert server.requests[-1] is asked
    assert asked.body["messages"][-1]["content"] == asked.text
    assert asked.schema["properties"]["chapters"]
    assert all(f"[{event.id}]" in asked.text for event in timeline.events)
    assert timeline.summary == f"From [{timeline.events[0].id}] to [{timeline.events[-1].id}]."
    assert timeline.flags == ()
    assert timeline.usage.requests == len(server.requests)
    assert [chapter.start for chapter in timeline.chapters[1:]] == [chapter.end for chapter in timeline.chapters[:-1]]
    assert sum((chapter.events for chapter in timeline.chapters), ()) == tuple(event.id for event in timeline.events)
    hold_to_contract(tmp_path / "out")


def test_without_it_no_word_is_asked_and_the_rule_makes_both(clip, tmp_path):
    with ModelServer.in_thread(script) as server:
        timeline = scan(clip, server, tmp_path / "out")
    assert wordy(server) == []
    assert timeline.events[0].id in timeline.summary
    assert timeline.chapters


def test_what_does_not_fit_is_asked_in_parts_and_then_about_the_parts(clip, tmp_path):
    with ModelServer.in_thread(script) as server:
        timeline = scan(clip, server, tmp_path / "out", ENABLED, "summary.max_tokens=1000")
    asked = wordy(server)
    assert len(asked) >= 3
    assert "Chapter of" not in asked[0].text
    assert "Chapter of" in asked[-1].text
    assert timeline.summary.startswith(f"From [{timeline.events[0].id}] to [")
    assert timeline.usage.requests == len(server.requests)


def test_another_model_of_the_same_endpoint_may_write_it(clip, tmp_path):
    with ModelServer.in_thread(script) as server:
        scan(clip, server, tmp_path / "out", ENABLED, "summary.model=writer")
    assert {request.body["model"] for request in wordy(server)} == {"writer"}
    assert {request.body["model"] for request in server.requests if request.pictures} == {"test-model"}


def test_a_citation_that_does_not_exist_is_taken_out_and_flagged(clip, tmp_path):
    def lies(request):
        return script(request) if request.pictures else sums_up(request, extra=" A dragon came [e99999999]. So it was.")

    with ModelServer.in_thread(lies) as server:
        timeline = scan(clip, server, tmp_path / "out", ENABLED)
    assert "e99999999" not in timeline.summary
    assert any("e99999999" in flag for flag in timeline.flags)
    assert any("cites no event: So it was." in flag for flag in timeline.flags)


@pytest.mark.parametrize(
    "fault", [fails(500), fails(404, "no such model"), says("I would rather not."), says('{"chapters": []}')]
)
def test_a_summary_that_fails_costs_no_window_is_flagged_and_asked_again(clip, tmp_path, fault):
    told, broken = [], [True]

    def breaks(request):
        return fault if broken and not request.pictures else script(request)

    with patience.instantly(), ModelServer.in_thread(breaks) as server:
        timeline = scan(clip, server, tmp_path / "out", ENABLED, observer=told.append)
        hold_to_contract(tmp_path / "out")
        broken.clear()
        asked = len(server.requests)
        again = scan(clip, server, tmp_path / "out", ENABLED)
    assert all(window.status == "described" for window in timeline.windows)
    assert any(flag.startswith("made by rule: ") for flag in timeline.flags)
    assert timeline.summary
    assert any(isinstance(fact, observe.Note) and "made by rule" in fact.text for fact in told)
    assert [len(request.pictures) for request in server.requests[asked:]] == [0]
    assert again.summary.startswith("From [")


def test_a_summary_that_was_given_is_not_asked_for_again(clip, tmp_path):
    with ModelServer.in_thread(script) as server:
        first = scan(clip, server, tmp_path / "out", ENABLED)
        asked = len(server.requests)
        (tmp_path / "out" / "timeline.json").unlink()
        again = scan(clip, server, tmp_path / "out", ENABLED)
        assert len(server.requests) == asked
        assert (again.summary, again.chapters, again.usage.requests) == (first.summary, first.chapters, first.usage.requests)
        scan(clip, server, tmp_path / "out", ENABLED, question="Who came?")
    assert "Who came?" in wordy(server)[-1].text


def test_a_budget_holds_for_words_as_well(clip, tmp_path):
    with ModelServer.in_thread(script) as server:
        windows = len(scan(clip, server, None).windows)
    with ModelServer.in_thread(script) as server:
        timeline = scan(clip, server, tmp_path / "out", ENABLED, budget=[f"{windows}req"])
    assert len(server.requests) <= windows
    assert timeline.summary


def test_without_events_nobody_is_asked_for_a_summary(clip, tmp_path):
    with ModelServer.in_thread(lambda _: ok([])) as server:
        timeline = scan(clip, server, tmp_path / "out", ENABLED)
    assert wordy(server) == []
    assert timeline.summary.startswith("Nothing was reported")
