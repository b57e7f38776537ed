"""Doubtful pairs of tellings: a model is asked in words alone where the profile says so, is paid once, and never ends a scan."""

from __future__ import annotations

import json

import pytest
from commanding import FEW, film
from shared import hold_to_contract

import videoscan
from videoscan import observe, patience
from videoscan.testing.model_server import ModelServer, event, fails, ok, says

ASK = "reconcile.ask=true"
FIRST, SECOND = "A man waits at the gate", "Somebody stands by the gate"


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return film(tmp_path_factory.mktemp("clip") / "clip.mp4", 6)


def watching(*titles):
    """A watchman who tells of one thing in every window, in these words one after another."""

    def script(request):
        window = int(request.labels[0][-6:-4]) // 3
        return ok([event(titles[window], 1, request.frames, tags=[])])

    return script


def answers(pairs, watch=None):
    """A server that answers the pictures as `watch` does, and the words with `pairs`, which may be a reply of its own."""
    watch = watch or watching(FIRST, SECOND)
    reply = pairs if not isinstance(pairs, (list, dict)) else says(json.dumps({"pairs": pairs}))
    return lambda request: watch(request) if request.pictures else reply


def scan(clip, server, out=None, *sets, **more):
    few = [each for each in FEW if each != "--set"]
    options = (*few, "sampler.every=1", "sampler.kind=interval", "dedup.kind=none", *sets)
    return videoscan.scan_sync(clip, out=out, endpoint=server.url, model="test-model", sets=options, **more)


def wordy(server):
    return [request for request in server.requests if not request.pictures]


def joins(timeline):
    return [flag for each in timeline.events for flag in each.flags if "a model that was asked" in flag]


SAME, OTHER = [{"id": "p1", "same": True}], [{"id": "p1", "same": False}]


def test_without_the_option_no_word_is_asked(clip):
    with ModelServer.in_thread(answers(SAME)) as server:
        timeline = scan(clip, server)
    assert wordy(server) == []
    assert [each.title for each in timeline.events] == [FIRST, SECOND]


def test_a_pair_that_the_model_says_is_one_becomes_one_and_says_why(clip, tmp_path):
    with ModelServer.in_thread(answers(SAME)) as server:
        timeline = scan(clip, server, tmp_path / "out", ASK)
    (asked,) = wordy(server)
    assert asked.body["messages"][-1]["content"] == asked.text
    assert "[p1]\n  A, 0:00 to 0:02: A man waits at the gate." in asked.text
    assert "\n  B, 0:03 to 0:05: Somebody stands by the gate." in asked.text
    (one,) = timeline.events
    assert (one.title, one.windows, len(one.evidence)) == (FIRST, (0, 1), 6)
    (flag,) = joins(timeline)
    assert flag.startswith("joined with window 1: it goes on from")
    assert timeline.flags == ()
    assert timeline.usage.requests == len(server.requests)
    hold_to_contract(tmp_path / "out")


def test_a_pair_that_the_model_says_is_two_stays_two(clip):
    with ModelServer.in_thread(answers(OTHER)) as server:
        timeline = scan(clip, server, None, ASK)
    assert len(wordy(server)) == 1
    assert [each.title for each in timeline.events] == [FIRST, SECOND]
    assert timeline.flags == ()


def test_what_the_rules_would_only_just_join_is_kept_apart_where_the_model_says_so(clip):
    watch = watching(FIRST, "Someone waits by the gate")
    with ModelServer.in_thread(answers(OTHER, watch)) as server:
        assert len(scan(clip, server).events) == 1
        timeline = scan(clip, server, None, ASK)
    assert len(wordy(server)) == 1
    assert [each.title for each in timeline.events] == [FIRST, "Someone waits by the gate"]
    assert joins(timeline) == [f"kept apart from window 0's {FIRST!r}: a model that was asked says it is another"]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (FIRST, FIRST),  # surely one
        ("A red car waits at the gate", "A blue car stands by the gate"),  # surely two
        ("A dog", "Heavy rain falls outside"),
    ],
)
def test_what_is_not_in_doubt_is_not_asked_about(clip, first, second):
    with ModelServer.in_thread(answers(SAME, watching(first, second))) as server:
        timeline = scan(clip, server, None, ASK)
    assert wordy(server) == []
    assert len(timeline.events) == (1 if first == second else 2)


@pytest.mark.parametrize(
    "reply",
    [
        fails(500),
        fails(404, "no such model"),
        says("I would rather not."),
        [],
        {"p1": True},
        [7, {"id": "p9", "same": True}, {"id": "p1", "same": "yes"}, {"same": True}],
        [*SAME, *OTHER],
    ],
)
def test_an_answer_that_is_none_leaves_it_to_the_rules_is_flagged_and_asked_again(clip, tmp_path, reply):
    told, broken = [], [True]
    bad, good = answers(reply), answers(SAME)

    def breaks(request):
        return bad(request) if broken else good(request)

    with patience.instantly(), ModelServer.in_thread(breaks) as server:
        timeline = scan(clip, server, tmp_path / "out", ASK, observer=told.append)
        hold_to_contract(tmp_path / "out")
        broken.clear()
        asked = len(server.requests)
        again = scan(clip, server, tmp_path / "out", ASK)
    assert [each.title for each in timeline.events] == [FIRST, SECOND]
    assert all(window.status == "described" for window in timeline.windows)
    (flag,) = timeline.flags
    assert flag.startswith("doubtful pairs were decided by rule: ")
    assert flag in [fact.text for fact in told if isinstance(fact, observe.Note)]
    assert [len(request.pictures) for request in server.requests[asked:]] == [0]
    assert ([each.title for each in again.events], again.flags) == ([FIRST], ())


def test_an_answer_that_was_given_is_not_paid_for_again(clip, tmp_path):
    with ModelServer.in_thread(answers(SAME)) as server:
        first = scan(clip, server, tmp_path / "out", ASK)
        asked = len(server.requests)
        (tmp_path / "out" / "timeline.json").unlink()
        again = scan(clip, server, tmp_path / "out", ASK)
        assert len(server.requests) == asked
        assert (again.events, again.usage.requests) == (first.events, first.usage.requests)


def test_a_budget_holds_for_pairs_as_well(clip, tmp_path):
    with ModelServer.in_thread(answers(SAME)) as server:
        windows = len(scan(clip, server).windows)
    with ModelServer.in_thread(answers(SAME)) as server:
        timeline = scan(clip, server, tmp_path / "out", ASK, budget=[f"{windows}req"])
    assert len(server.requests) <= windows
    assert len(timeline.events) == 2
    assert timeline.flags[0].startswith("doubtful pairs were decided by rule: ")


def test_another_model_of_the_same_endpoint_may_be_asked(clip):
    with ModelServer.in_thread(answers(SAME)) as server:
        scan(clip, server, None, ASK, "reconcile.model=reader")
    assert [request.body["model"] for request in wordy(server)] == ["reader"]
