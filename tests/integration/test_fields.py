"""Fields of a profile over a real server: asked for, read, joined across windows, exported, and asked again only when they change."""

from __future__ import annotations

import csv
import io

import pytest
from commanding import FEW, film
from shared import hold_to_contract

import videoscan
from videoscan.testing.model_server import ModelServer, event, ok

FIELDS = {
    "score": {"type": "text", "meaning": "the score as the scoreboard shows it"},
    "players": {"type": "int", "meaning": "how many players are in the picture", "min": 0, "max": 30},
    "team": {"type": "choice", "meaning": "whose play it is", "choices": ["home", "away"]},
}
SETS = [each for each in FEW if each != "--set"]


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return film(tmp_path_factory.mktemp("clip") / "clip.mp4", 6)


def scan(clip, server, out, fields=FIELDS, **more):
    profile = {"prompt": {"fields": fields}, "describer": {"concurrency": 1}}
    return videoscan.scan_sync(clip, profile=profile, out=out, endpoint=server.url, model="test-model", sets=SETS, **more)


def told(*each):
    """One attack over everything, with the attributes of each window in turn."""

    def script(request):
        at = int(request.labels[0].split("·")[1].strip().split(":")[2][:2]) // 3
        return ok([event("Attack down the left wing", 1, request.frames, attributes=each[at % len(each)])])

    return script


def test_fields_are_asked_for_in_schema_and_words_and_come_back_typed(clip, tmp_path):
    with ModelServer.in_thread(told({"score": "1:0", "players": "7", "team": "AWAY", "mood": "tense"})) as server:
        timeline = scan(clip, server, tmp_path / "out")
    asked = server.requests[-1]
    properties = asked.schema["properties"]["events"]["items"]["properties"]["attributes"]
    assert list(properties["properties"]) == list(FIELDS)
    assert properties["required"] == list(FIELDS)
    assert properties["properties"]["team"]["enum"] == ["home", "away", None]
    assert properties["properties"]["players"] == {
        "type": ["integer", "null"],
        "minimum": 0,
        "maximum": 30,
        "description": "how many players are in the picture",
    }
    assert "players (whole number from 0 to 30): how many players are in the picture;" in asked.text
    (one,) = timeline.events
    assert one.attributes == {"score": "1:0", "players": 7, "team": "away"}
    assert {
        'players: "7" read as 7',
        'team: "AWAY" read as "away"',
        "attributes that were not asked for were left out: mood",
    } <= set(one.flags)
    hold_to_contract(tmp_path / "out")


def test_a_server_without_json_schema_is_told_the_form_in_words(clip, tmp_path):
    with ModelServer.in_thread(told({"score": "1:0", "players": 3, "team": "home"}), schemas="refused") as server:
        timeline = scan(clip, server, tmp_path / "out")
    assert '"attributes": {"score": string or null, "players": integer or null 0 to 30, "team": "home" or "away" or null}' in (
        server.requests[-1].text
    )
    assert timeline.events[0].attributes == {"score": "1:0", "players": 3, "team": "home"}


def test_bad_answers_leave_null_and_a_flag_and_no_window_fails(clip, tmp_path):
    bad = {"score": {"home": 1}, "players": 400, "team": "the reds", "=cmd()": "<script>"}
    with ModelServer.in_thread(told(bad, ["no", "table"])) as server:
        timeline = scan(clip, server, tmp_path / "out")
    assert {window.status for window in timeline.windows} == {"described"}
    (one,) = timeline.events
    assert one.attributes == dict.fromkeys(FIELDS)
    flags = " / ".join(one.flags)
    for said in ("players: 400 is not from 0 to 30: left out", 'team: "the reds" is none of the choices: left out', "=cmd()"):
        assert said in flags


def test_an_event_over_two_windows_keeps_the_later_value_and_says_what_it_was(clip, tmp_path):
    first, then = {"score": "0:0", "players": None, "team": "home"}, {"score": "1:0", "players": 11, "team": None}
    with ModelServer.in_thread(told(first, then)) as server:
        (one,) = scan(clip, server, tmp_path / "out").events
    assert len(one.windows) == 2
    assert one.attributes == {"score": "1:0", "players": 11, "team": "home"}
    assert 'score was "0:0" at first' in one.flags


def test_every_export_has_them_and_none_of_them_computes(clip, tmp_path):
    values = {"score": "=1+1", "players": 3, "team": "home"}
    with ModelServer.in_thread(told(values)) as server:
        scan(clip, server, tmp_path / "out", to=["csv", "markdown"])
    text = (tmp_path / "out" / "timeline.csv").read_bytes().decode("utf-8-sig")
    (row,) = csv.DictReader(io.StringIO(text, newline=""))
    assert list(row)[-3:] == list(FIELDS)
    assert (row["score"], row["players"], row["team"]) == ("'=1+1", "3", "home")
    page = (tmp_path / "out" / "timeline.md").read_text(encoding="utf-8")
    assert "team: home" in page
    report = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "<dt" in report
    assert ">home</dd>" in report
    assert '"team":"home"' in (tmp_path / "out" / "timeline.json").read_text(encoding="utf-8").replace(": ", ":")


def test_changed_fields_are_asked_again_and_old_ones_are_remembered(clip, tmp_path):
    narrower = {**FIELDS, "players": {**FIELDS["players"], "max": 22}}
    with ModelServer.in_thread(told({"score": "1:0", "players": 25, "team": "home"})) as server:
        first = scan(clip, server, tmp_path / "out")
        asked = len(server.requests)
        second = scan(clip, server, tmp_path / "out", narrower)
        again = len(server.requests)
        third = scan(clip, server, tmp_path / "out")
        assert len(server.requests) == again, "what was answered once is not asked again"
    assert again == 2 * len(first.windows) + (asked - len(first.windows)), "a range is part of the question"
    assert [timeline.events[0].attributes["players"] for timeline in (first, second, third)] == [25, None, 25]


def test_a_finished_scan_is_asked_for_new_fields_without_the_footage(tmp_path):
    footage = film(tmp_path / "gone.mp4", 4)
    with ModelServer.in_thread(told({"score": "1:0", "players": 2, "team": "home"})) as server:
        scan(footage, server, tmp_path / "out", {})
        footage.unlink()
        again = scan(tmp_path / "out", server, tmp_path / "again")
    assert {event.attributes["score"] for event in again.events} == {"1:0"}
    hold_to_contract(tmp_path / "again")
