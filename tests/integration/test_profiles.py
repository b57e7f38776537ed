"""Every shipped profile, end to end over a real server with an answer as a model would give it for that kind of footage."""

from __future__ import annotations

import csv
import io
import subprocess

import pytest
from commanding import FEW, film
from shared import hold_to_contract

import videoscan
from videoscan import config, prompts
from videoscan.testing.model_server import ModelServer, event, ok, says

SETS = [each for each in FEW if each != "--set"]
PLAUSIBLE = {
    "default": ("A lorry turns round", ["vehicle"], {}),
    "surveillance": ("A person tries the gate", ["person", "door"], {"severity": "notice"}),
    "sports": ("Goal by red 9", ["goal"], {"score": "1:0", "match_clock": "12:41", "team": "red", "replay_of": None}),
    "content-moderation": ("A knife is shown", ["weapon"], {"category": "weapons", "staged": True}),
    "lecture": ("Slide: Fourier series", ["slide"], {"heading": "Fourier series", "slide_number": 12}),
    "site-inspection": ("Crack along the joint", ["crack"], {"place": "Axis C4", "grade": "repair"}),
}


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return film(tmp_path_factory.mktemp("clip") / "clip.mp4", 6)


def scan(clip, server, out, profile, *sets, **more):
    return videoscan.scan_sync(
        clip, profile=profile, out=out, endpoint=server.url, model="test-model", sets=(*SETS, *sets), **more
    )


def test_every_shipped_profile_is_tried_here():
    assert set(PLAUSIBLE) == set(config.available()) & {path.stem for path in config.layers.shipped_folder().glob("*.toml")}


@pytest.mark.parametrize("name", PLAUSIBLE)
def test_a_profile_asks_for_its_own_and_what_comes_back_is_whole(clip, tmp_path, name):
    title, tags, values = PLAUSIBLE[name]

    def script(request):
        return ok([event(title, 1, request.frames, tags=tags, importance=0.7, attributes=values)])

    with ModelServer.in_thread(script) as server:
        timeline = scan(clip, server, tmp_path / "out", name, to=["csv", "markdown"])
    asked = server.requests[-1]
    template = prompts.template(config.load(name, environ={}).profile.prompt.template)
    assert template.instructions.split("\n")[0] in asked.text
    assert asked.system == template.role
    for field in values:
        assert f"- {field} (" in asked.text
    (one,) = timeline.events
    assert (one.title, one.tags, one.importance, one.attributes) == (title, tuple(tags), 0.7, values)
    assert all(flag.startswith("joined with") for flag in one.flags)
    assert timeline.profile["prompt"]["template"] == name
    hold_to_contract(tmp_path / "out")


# Sports


def begins(request):
    """Seconds of video at a request's first picture; a request that only tries the endpoint out begins nowhere."""
    return float(request.labels[0].rsplit(":", 1)[-1]) if request.labels and "·" in request.labels[0] else -1.0


def match(request):
    """A goal that lasts to the end of its window, its replay right behind it, and once more later; a close-up."""
    at = begins(request) // 1.5
    if at == 0:
        return ok([event("Goal by red 9 after a corner", 2, 3, tags=["goal"], importance=0.9, attributes={"score": "1:0"})])
    if at == 1:
        return ok(
            [
                event("Replay: goal by red 9 after a corner", 1, 2, tags=["replay"], importance=0.8),
                event("Celebration in front of the stand", 3, 3, tags=["celebration"], importance=0.3),
            ]
        )
    if at == 2:
        again = {"replay_of": "Goal by red 9 after a corner"}
        return ok(
            [
                event("Slow motion from behind the goal", 1, 1, tags=["close-up"], importance=0.6, attributes=again),
                event("Foul on blue 4", 2, 2, tags=["foul"], importance=0.5),
                event("Attempt over the bar", 3, 3, tags=["attempt"], importance=0.5),
            ]
        )
    return ok([event("Free kick by blue", 1, 1, tags=["set piece"], importance=0.6)])


@pytest.fixture(scope="module")
def played(clip, tmp_path_factory):
    out = tmp_path_factory.mktemp("match") / "out"
    with ModelServer.in_thread(match) as server:
        timeline = scan(clip, server, out, "sports", "describer.concurrency=1", to=["csv", "markdown"])
    hold_to_contract(out)
    return timeline, out


def test_a_replay_is_no_part_of_the_goal_that_it_follows_and_no_second_one(played):
    timeline, _ = played
    goal = next(event for event in timeline.events if event.title.startswith("Goal"))
    assert goal.windows == (0,), "the replay begins in the next picture, in like words, and does not prolong it"
    again = [event for event in timeline.events if "replay" in event.tags]
    assert [event.replay_of for event in again] == [goal.id, goal.id]
    assert [event.title for event in timeline.events if event.replay_of is None and "goal" in event.title.casefold()] == [
        goal.title
    ]


def test_replays_count_nowhere(played):
    timeline, out = played
    assert timeline.summary.count("oal by red 9") == 1
    assert "2 replays [" in timeline.summary
    rows = list(csv.DictReader(io.StringIO((out / "timeline.csv").read_bytes().decode("utf-8-sig"), newline="")))
    assert sum(bool(row["replay_of"]) for row in rows) == 2
    assert rows[0]["score"] == "1:0"
    page = (out / "timeline.md").read_text(encoding="utf-8")
    ranked = page.partition("## Highlights")[2].partition("## ")[0]
    assert [line[0] for line in ranked.splitlines() if line] == ["1", "2", "3", "4"]
    assert ranked.index("Goal by red") < ranked.index("Free kick") < ranked.index("Foul on blue") < ranked.index("Attempt")
    assert "Replay" not in ranked
    assert "Slow motion" not in ranked
    assert "Replay of: 0:00 Goal by red 9 after a corner" in page
    report = (out / "report.html").read_text(encoding="utf-8")
    assert "(2 of them replays)" in report
    assert "shows again 0:00 Goal by red 9 after a corner" in report


# Surveillance


@pytest.fixture(scope="module")
def yard(tmp_path_factory):
    """A still yard of three minutes in which a white box passes within five seconds."""
    path = tmp_path_factory.mktemp("yard") / "yard.mp4"
    boxes = [f"drawbox=enable='eq(floor(t),{20 + at})':x={20 + 20 * at}:y=60:w=24:h=40:color=white:t=fill" for at in range(5)]
    source = ",".join(["color=c=gray:s=160x120:r=2:d=180", *boxes])
    command = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", source, "-pix_fmt", "yuv420p", "-g", "20", "-y", path]
    subprocess.run(command, check=True)
    return path


def test_a_quiet_night_is_told_as_such_with_the_time_of_day(yard, tmp_path):
    def script(request):
        if request.frames < 3:
            return ok()
        return ok(
            [event("A person crosses the yard", 2, request.frames - 1, tags=["person"], attributes={"severity": "routine"})]
        )

    with ModelServer.in_thread(script) as server:
        timeline = videoscan.scan_sync(
            yard,
            profile="surveillance",
            out=tmp_path / "out",
            endpoint=server.url,
            model="test-model",
            sets=["source.clock_start=2026-11-21T22:00:00+01:00"],
            to=["markdown"],
        )
    hold_to_contract(tmp_path / "out")
    still = [span for span in timeline.coverage if span.state == "unchanged"]
    assert sum(span.end - span.start for span in still) > 120
    (crossing,) = [event for event in timeline.events if "person" in event.tags]
    assert crossing.attributes == {"severity": "routine"}
    assert f"picture described), after [{crossing.id}]." in timeline.summary
    page = (tmp_path / "out" / "timeline.md").read_text(encoding="utf-8")
    quiet = page.partition("## Quiet")[2].partition("## ")[0]
    assert "–3:00 (22:00:" in quiet
    assert "Nothing happened for 2 min" in quiet
    assert '<li class="quiet">' in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


def test_what_failed_is_not_called_quiet(yard, tmp_path):
    def script(request):
        return (
            says("I cannot see that.") if begins(request) > 20 else ok([event("A person crosses the yard", 2, tags=["person"])])
        )

    with ModelServer.in_thread(script) as server:
        timeline = scan(yard, server, tmp_path / "out", "surveillance")
    assert {span.state for span in timeline.coverage} >= {"failed"}
    assert "Nothing happened" not in timeline.summary


# Importance


def test_importance_is_asked_for_clamped_flagged_and_exported(clip, tmp_path):
    def script(request):
        return ok([event("Goal", 1, request.frames, importance=1.4 if begins(request) == 0 else 0.25)])

    with ModelServer.in_thread(script) as server:
        timeline = scan(clip, server, tmp_path / "out", "default", "describer.concurrency=1", to=["csv"])
    asked = server.requests[0]
    assert asked.schema["properties"]["events"]["items"]["properties"]["importance"] == {
        "type": "number",
        "minimum": 0,
        "maximum": 1,
    }
    assert "importance: from 0 to 1" in asked.text
    (one,) = timeline.events
    assert one.importance == 1.0
    assert "importance 1.4 clamped" in one.flags
    (row,) = csv.DictReader(io.StringIO((tmp_path / "out" / "timeline.csv").read_bytes().decode("utf-8-sig"), newline=""))
    assert row["importance"] == "1.0"
