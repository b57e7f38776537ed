"""Alert rules in a scan: events list the rules that they met, a model is asked only about what meets the rest, and is paid once."""

from __future__ import annotations

import csv
import json

import pytest
from commanding import FEW, film, lines
from shared import hold_to_contract

import videoscan
from videoscan import observe
from videoscan.cli import run
from videoscan.testing.model_server import ModelServer, event, fails, ok

QUESTION = "Does somebody climb the fence?"


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return film(tmp_path_factory.mktemp("clip") / "clip.mp4", 6)


def is_question(request):
    return QUESTION in request.text


def server_of(answer=None):
    """Tells of a person in the first window and a cat in the second, and answers questions with `answer`."""

    def script(request):
        if is_question(request):
            return answer
        if request.labels[0].endswith("00:00:00.000"):
            return ok([event("A person at the fence", 1, request.frames, tags=["person"], confidence=0.9)])
        return ok([event("A cat on the wall", 1, request.frames, tags=["cat"], confidence=0.4)])

    return script


def says(met, first=2, last=3):
    told = event("Yes, he does" if met else "No", first, last, attributes={"met": met}, description="A leg is over the fence.")
    return ok([told])


RULES = [
    {"name": "people", "tags": ["person"]},
    {"name": "climbing", "tags": ["person"], "ask": QUESTION},
    {"name": "sure cats", "tags": ["cat"], "min_confidence": 0.5},
]


def scan(clip, server, out=None, rules=RULES, **more):
    few = [each for each in FEW if each != "--set"]
    options = (*few, "sampler.every=1", "sampler.kind=interval", "dedup.kind=none", "second_look.share=0")
    facts = []
    timeline = videoscan.scan_sync(
        clip,
        out=out,
        profile={"alerts": rules},
        endpoint=server.url,
        model="test-model",
        sets=options,
        observer=facts.append,
        **more,
    )
    return timeline, [fact.text for fact in facts if isinstance(fact, observe.Note)]


def met(timeline):
    return {each.title: each.alerts for each in timeline.events}


def test_events_list_the_rules_that_they_met_and_the_model_is_asked_about_no_others(clip, tmp_path):
    with ModelServer.in_thread(server_of(says(True))) as server:
        timeline, _ = scan(clip, server, tmp_path / "out", to=("csv", "markdown"))
    assert met(timeline) == {"A person at the fence": ("people", "climbing"), "A cat on the wall": ()}
    (asked,) = [request for request in server.requests if is_question(request)]
    assert asked.labels[0].startswith("Frame 1")
    assert asked.frames == 3
    assert timeline.usage.requests == 3
    hold_to_contract(tmp_path / "out")
    with (tmp_path / "out/timeline.csv").open(encoding="utf-8-sig") as file:
        assert [row["alerts"] for row in csv.DictReader(file)] == ["people; climbing", ""]
    assert "people, climbing" in (tmp_path / "out/timeline.md").read_text()
    assert "alert: climbing" in (tmp_path / "out/report.html").read_text()


def test_an_answer_is_paid_once_and_changed_rules_ask_only_what_is_new(clip, tmp_path):
    with ModelServer.in_thread(server_of(says(True))) as server:
        scan(clip, server, tmp_path / "out")
        before = len(server.requests)
        again, _ = scan(clip, server, tmp_path / "out", rules=[*RULES, {"name": "all"}])
    assert len(server.requests) == before
    assert met(again) == {"A person at the fence": ("people", "climbing", "all"), "A cat on the wall": ("all",)}


def test_a_no_is_no_alert(clip, tmp_path):
    with ModelServer.in_thread(server_of(says(False))) as server:
        timeline, notes = scan(clip, server, tmp_path / "out")
    assert met(timeline)["A person at the fence"] == ("people",)
    assert not timeline.flags
    assert not any("alert" in note for note in notes)


def test_a_question_without_an_answer_is_flagged_and_asked_again_by_the_next_run(clip, tmp_path):
    answers = [fails(400, "no"), says(True)]

    def script(request):
        return server_of(answers[0])(request)

    with ModelServer.in_thread(script) as server:
        first, notes = scan(clip, server, tmp_path / "out")
        before = len(server.requests)
        del answers[0]
        second, _ = scan(clip, server, tmp_path / "out")
    (flag,) = first.flags
    assert flag.startswith("a rule's question has no answer")
    assert flag in notes
    assert met(first)["A person at the fence"] == ("people",)
    assert [is_question(request) for request in server.requests[before:]] == [True]
    assert met(second)["A person at the fence"] == ("people", "climbing")
    assert not second.flags


def test_a_budget_that_is_spent_leaves_the_question_open(clip, tmp_path):
    with ModelServer.in_thread(server_of(says(True))) as server:
        timeline, _ = scan(clip, server, tmp_path / "out", budget=["2req"])
    assert not any(map(is_question, server.requests))
    assert met(timeline)["A person at the fence"] == ("people",)
    assert any("budget" in flag for flag in timeline.flags)


def test_rules_that_can_never_be_met_are_told_of(clip, tmp_path, capsys):
    profile = tmp_path / "mine.toml"
    profile.write_text(
        f'[[alerts]]\nname = "asks"\nask = "{QUESTION}"\n[[alerts]]\nname = "nights"\nhours = "22:00-06:00"\n[[alerts]]\nname = "all"\n'
    )
    assert run(["scan", str(clip), "--profile", str(profile), "--out", str(tmp_path / "out")]) == 0
    heard = capsys.readouterr()
    assert "alert asks: it asks a question" in heard.err
    assert "alert nights: it has hours, and this recording has no wall clock" in heard.err
    told = json.loads((tmp_path / "out/clip/timeline.json").read_text())
    assert {name for each in told["events"] for name in each["alerts"]} == {"all"}
    assert "alerts" in heard.out

    assert run(["alerts", "test", str(profile), str(tmp_path / "out"), "--json"]) == 0
    (trial,) = lines(capsys.readouterr().out)
    count = len(told["events"])
    assert (trial["sent"], trial["silent"], trial["asked"]) == (count, 0, count)
    assert {alert["rule"] for alert in trial["alerts"]} == {"asks", "all"}
    assert "wall clock" in trial["misses"][0]["missed"]["hours"]

    assert run(["alerts", "test", str(profile), str(tmp_path / "out"), "--misses", "1"]) == 0
    shown = capsys.readouterr().out
    assert "nearest misses" in shown
    assert shown.count("no wall clock") == 1


def test_a_profile_without_rules_has_nothing_to_test(tmp_path, capsys):
    assert run(["alerts", "test", "default", str(tmp_path)]) == 2
    assert "[[alerts]]" in capsys.readouterr().err
