"""`ask`: widened by the model, found by words, answered with citations that are held to what was found."""

from __future__ import annotations

import json
import re

import examples
import pytest
from commanding import lines

from videoscan.reviewing.reviews import bare
from videoscan.testing.model_server import ModelServer, fails, says

LABEL = re.compile(r"^\[([ep][0-9a-f]{8}(?:\.\d+)?)\]", re.MULTILINE)
MODEL = ("--model", "test-model")


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    """Two recordings of a night whose events bear the same ids, with pictures."""
    place = tmp_path_factory.mktemp("asked")
    for name, camera in (("gate", "Gate"), ("yard", "Yard")):
        folder = place / name
        (folder / "frames").mkdir(parents=True)
        told = bare(examples.carpark())
        titles = ["A red van stops at the barrier", "一只狐狸穿过车道", "Two people talk"]
        events = []
        for number, event in enumerate(told.events[:3]):
            path = f"frames/{number:08d}.jpg"
            (folder / path).write_bytes(examples.draw(number, None, size=(320, 180)))
            evidence = [{"frame": event.evidence[0].frame, "time": event.start, "picture": path, "region": None}]
            events.append({**event.model_dump(mode="json"), "id": f"e{number:08d}", "aliases": [], "title": titles[number], "description": "", "tags": [], "evidence": evidence})  # fmt: skip
        document = {**json.loads(told.to_json()), "events": events, "chapters": []}
        document["source"]["camera"] = camera
        (folder / "timeline.json").write_text(json.dumps(document), encoding="utf-8")
    return place


def script(answer, words=("van", "truck", "狐狸"), **more):
    """Widens, then answers."""

    def turn(request):
        if "words" in (request.schema or {}).get("properties", {}):
            return says(json.dumps({"words": list(words)}))
        labels = LABEL.findall(request.text)
        said = answer(labels) if callable(answer) else answer
        return says(said if more.get("prose") else json.dumps({"answer": said, "known": more.get("known", True)}))

    return turn


def test_an_answer_cites_events_with_times_and_pictures(videoscan, out):
    answer = lambda labels: f"A red van stopped [{labels[0]}]. A fox ran by [{labels[-1]}]."  # noqa: E731
    with ModelServer.in_thread(script(answer)) as server:
        code, said, err = videoscan("ask", "What drove up last night?", out, "--endpoint", server.url, *MODEL, "--json")
        assert code == 0, err
        (record,) = lines(said)
        people = videoscan("ask", "What drove up last night?", out, "--endpoint", server.url, *MODEL)[1]
    widening, asked = server.requests[:2]
    assert all(isinstance(each.body["messages"][-1]["content"], str) for each in (widening, asked))
    assert "What drove up last night?" in widening.text
    assert "A red van stops at the barrier" in asked.text
    assert "Two people talk" not in asked.text, "what no word finds is not shown"
    assert len(set(LABEL.findall(asked.text))) == 4, "events of two recordings with one id are told apart"
    assert record["known"] is True
    assert record["words"] == ["drove", "night", "van", "truck", "狐狸"]
    assert (record["found"], record["shown"], record["pictures"]) == (4, 4, 0)
    assert record["flags"] == []
    first, second = record["citations"]
    assert first["title"] == "A red van stops at the barrier"
    assert second["title"] == "一只狐狸穿过车道"
    assert first["wall_start"] is not None
    assert first["picture"].endswith("frames/00000000.jpg")
    assert record["usage"]["requests"] == 2
    for words in ("A red van stopped", first["picture"], f"[{first['label']}]", "events that hold any of"):
        assert words in people
    assert "sending 4 events as text to 127.0.0.1" in err


def test_a_citation_of_what_was_not_shown_is_taken_out_and_flagged(videoscan, out):
    answer = lambda labels: f"A van [{labels[0]}, e99999999]. A ghost [e77777777]. And more."  # noqa: E731
    with ModelServer.in_thread(script(answer)) as server:
        (record,) = lines(videoscan("ask", "any van?", out, "--endpoint", server.url, *MODEL, "--json")[1])
    assert record["answer"] == f"A van [{record['citations'][0]['label']}]. A ghost. And more."
    assert [flag[:16] for flag in record["flags"]] == ["cites e99999999,", "cites e77777777,"]
    with ModelServer.in_thread(script("There was a van.")) as server:
        (record,) = lines(videoscan("ask", "any van?", out, "--endpoint", server.url, *MODEL, "--json")[1])
    assert record["citations"] == []
    assert any("cites no event" in flag for flag in record["flags"])


def test_what_nobody_knows_is_said(videoscan, out):
    with ModelServer.in_thread(script("unused", words=("zeppelin", "airship"))) as server:
        code, said, _ = videoscan("ask", "Was there a zeppelin?", out, "--endpoint", server.url, *MODEL, "--json")
        (record,) = lines(said)
        assert len(server.requests) == 1, "with nothing found, nothing is asked"
    assert (code, record["known"], record["citations"]) == (0, False, [])
    assert "zeppelin" in record["answer"]
    with ModelServer.in_thread(script("The events do not tell.", known=False)) as server:
        (record,) = lines(videoscan("ask", "Who drove the van?", out, "--endpoint", server.url, *MODEL, "--json")[1])
    assert (record["known"], record["flags"]) == (False, [])


def test_prose_instead_of_the_form_is_an_answer_too(videoscan, out):
    answer = lambda labels: f"I think that a van stopped [{labels[0]}]."  # noqa: E731
    with ModelServer.in_thread(script(answer, prose=True)) as server:
        (record,) = lines(videoscan("ask", "any van?", out, "--endpoint", server.url, *MODEL, "--json")[1])
    assert record["answer"].startswith("I think that a van stopped [")
    assert len(record["citations"]) == 1


def test_pictures_go_along_when_asked_for(videoscan, out):
    def turn(request):
        if not request.pictures:
            return says(json.dumps({"words": ["van"]}))
        return says(json.dumps({"observations": ["A van."], "summary": f"It is red [{LABEL.findall(request.text)[0]}]."}))

    with ModelServer.in_thread(turn) as server:
        code, said, err = videoscan(
            "ask",
            "What colour is the van?",
            out,
            "--endpoint",
            server.url,
            *MODEL,
            "--pictures",
            "--set",
            "describer.probe=never",
            "--json",
        )
        assert code == 0, err
        asked = server.requests[-1]
    (record,) = lines(said)
    assert record["answer"].startswith("It is red [")
    assert record["pictures"] == record["usage"]["images"] == len(asked.pictures) == 2
    assert "Frame 2 shows [" in asked.text
    assert "2 pictures to 127.0.0.1" in err


def test_filters_corrections_and_the_library_count(videoscan, out, tmp_path, monkeypatch):
    monkeypatch.setenv("VIDEOSCAN_LIBRARY", str(tmp_path / "all.db"))
    videoscan("library", "add", out)
    with ModelServer.in_thread(script(lambda labels: f"{len(labels)} [{labels[0]}].")) as server:
        (record,) = lines(videoscan("ask", "vans?", "--camera", "yard", "--endpoint", server.url, *MODEL, "--json")[1])
    assert {each["camera"] for each in record["citations"]} == {"Yard"}
    assert record["shown"] == 2


def test_without_a_model_it_says_what_to_do(videoscan, out):
    code, _, err = videoscan("ask", "any van?", out)
    assert code == 2
    assert "needs a model" in err
    assert "--endpoint" in err
    assert videoscan("ask", "  ", out)[0] == 2


@pytest.mark.parametrize(("status", "code"), [(401, 4), (404, 4)])
def test_an_endpoint_that_refuses_is_code_4(videoscan, out, status, code):
    with ModelServer.in_thread(lambda _request: fails(status)) as server:
        assert videoscan("ask", "any van?", out, "--endpoint", server.url, *MODEL)[0] == code


def test_a_budget_is_never_passed(videoscan, out):
    with ModelServer.in_thread(script("A van [e00000000].")) as server:
        code, _, err = videoscan("ask", "any van?", out, "--endpoint", server.url, *MODEL, "--budget", "1req")
        assert len(server.requests) == 1
    assert code == 6
    assert "1 request" in err
