"""Watches of made cameras against a scripted model server: latency, overload, fairness, faults, budgets, and what is deleted."""

import asyncio
import json
import signal
import subprocess
import threading

import pytest
from commanding import ENTRY, film, lines
from watching import Watched, problems

from videoscan.errors import EndpointRefused
from videoscan.library.store import Library
from videoscan.model import Condition
from videoscan.testing.live import MadeClock, at
from videoscan.testing.model_server import ModelServer, Turn, event, fails, ok, sees_everything
from videoscan.watching.camera import Shared

DAY = 86_400.0


def asking(server, *more):
    return (
        f"describer.endpoint={server.url}",
        "describer.kind=openai",
        "describer.model=test-model",
        "describer.concurrency=1",
        "windows.overlap_frames=0",
        *more,
    )


def test_events_are_told_when_they_are_found_and_again_when_they_are_complete(tmp_path):
    def looks(request):
        return ok([event("Somebody crosses", 1, request.frames - 1)] if request.frames > 2 else [])

    with ModelServer.in_thread(looks) as server:
        watched = Watched(tmp_path, seconds=300.0, visits=[(50, 58), (200, 206)], sets=asking(server)).run()
    first, last = watched.timeline().events
    assert [(first.start, first.end), (last.start, last.end)] == [(50.0, 58.0), (200.0, 206.0)]
    complete = [each.event.id for each in watched.found if each.complete]
    assert sorted(complete) == [first.id, last.id], "each is complete once"
    assert {each.event.id for each in watched.found} == {first.id, last.id}
    assert all(each.latency is not None and 0 <= each.latency < 30 for each in watched.found)
    assert watched.timeline().timing.latency_p50 is not None
    assert problems(tmp_path / "yard" / "2026-03-01") == []


def test_a_model_slower_than_the_camera_is_shown_less_and_the_timeline_says_what_was_left_out(tmp_path):
    visits = [(second, second + 8) for second in range(30, 400, 16)]
    with ModelServer.in_thread(lambda _request: Turn(content=ok().content, delay=1.2)) as server:
        watched = Watched(
            tmp_path, seconds=400.0, visits=visits, paced=False, sets=asking(server, "watch.backlog=2", "dedup.refresh=60")
        ).run()
    left_out = watched.watch.status().left_out
    assert left_out.thinned > 0
    timeline = watched.timeline()
    reasons = {span.reason.partition(":")[0] for span in timeline.coverage if span.state == "skipped"}
    assert "thinned" in reasons
    assert reasons <= {"thinned", "dropped", "left out, unchanged"}
    assert ("dropped" in reasons) == (left_out.dropped > 0)
    assert all("behind the camera" in span.reason for span in timeline.coverage if span.state == "skipped")
    assert problems(tmp_path / "yard" / "2026-03-01") == []
    assert watched.watch.gaps
    again = Watched(tmp_path, clock=MadeClock(at("2026-03-01T10:20:00+00:00")), seconds=10.0).run()
    kept = {event.id for event in again.timeline().events}
    assert {event.id for event in timeline.events} <= kept, "what was thinned stays so when the day goes on"
    assert problems(tmp_path / "yard" / "2026-03-01") == []


def test_a_quiet_camera_is_described_while_a_busy_one_waits(tmp_path):
    busy_visits = [(second, second + 8) for second in range(30, 300, 20)]
    seen = threading.Event()

    def script(_request):
        seen.wait(60)
        return ok()

    async def run(server):
        clock = MadeClock(at("2026-03-01T10:00:00+00:00"))
        shared = Shared(clock=clock)
        cameras = [
            Watched(
                tmp_path,
                visits=visits,
                paced=False,
                name=name,
                shared=shared,
                clock=clock,
                sets=asking(server, f"prompt.question={name}?"),
            )
            for name, visits in (("busy", busy_visits), ("quiet", [(60, 66)]))
        ]
        watching = asyncio.gather(*(each.watch.run() for each in cameras))
        # Nothing is answered until both have seen all there is: from then on it is only a question of whose turn it is.
        async with asyncio.timeout(60):
            while any((each.watch.status().position or "") < "2026-03-01T10:05:10" for each in cameras):  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.01)
        seen.set()
        await watching

    with ModelServer.in_thread(script) as server:
        asyncio.run(run(server))
        order = ["quiet" if "quiet?" in request.text else "busy" for request in server.requests]
    assert order.count("busy") > 8
    last_quiet = len(order) - 1 - order[::-1].index("quiet")
    assert last_quiet < 3 * order.count("quiet") + 4, f"the quiet one waited for the busy one: {order}"


def test_a_model_that_refuses_from_the_beginning_ends_the_watch(tmp_path):
    with ModelServer.in_thread([fails(401, "no such key")] * 50) as server:
        watched = Watched(tmp_path, visits=[(30, 36)], sets=asking(server))
        with pytest.raises(EndpointRefused):
            watched.run()
    assert problems(tmp_path / "yard" / "2026-03-01") == []


def test_a_model_that_refuses_later_costs_its_windows_and_the_watch_goes_on(tmp_path):
    turns = {"count": 0}

    def later(request):
        turns["count"] += 1
        return fails(401, "the key was withdrawn") if 2 <= turns["count"] <= 3 else sees_everything(request)

    with ModelServer.in_thread(later) as server:
        watched = Watched(tmp_path, seconds=400.0, visits=[(50, 56), (150, 156), (300, 306)], sets=asking(server)).run()
    timeline = watched.timeline()
    assert {window.status for window in timeline.windows} == {"described", "failed"}
    assert any("the key was withdrawn" in window.error.message for window in timeline.windows if window.error)
    assert timeline.windows[-1].status == "described"
    assert problems(tmp_path / "yard" / "2026-03-01") == []


def test_a_budget_per_day_is_kept_over_midnight(tmp_path):
    visits = [(second, second + 6) for second in range(60, 600, 100)]
    with ModelServer.in_thread() as server:
        sets = asking(server, "budget.requests=3", "budget.per=day", "watch.backlog=100")
        watched = Watched(tmp_path, seconds=600.0, visits=visits, sets=sets).run()
        assert len(server.requests) == 3
    skipped = [span for span in watched.timeline().coverage if span.state == "skipped"]
    assert skipped
    assert "budget" in skipped[0].reason
    assert "of today" in skipped[0].reason


def test_frozen_and_black_pictures_are_events_with_a_picture(tmp_path):
    conditions = [Condition("frozen", 100.0, 160.0, 2500), Condition("black", 200.0, None, 5000)]
    watched = Watched(tmp_path, seconds=300.0, conditions=conditions).run()
    frozen, black = [each for each in watched.timeline().events if each.id.startswith("m")]
    assert (frozen.title, frozen.start, frozen.end, frozen.origin) == ("Picture frozen", 100.0, 160.0, "measured")
    assert (black.title, black.start, black.end) == ("Picture black", 200.0, 300.0)
    assert frozen.flags
    assert frozen.evidence[0].picture is not None
    assert (frozen.id, True) in watched.told
    assert (black.id, True) not in watched.told, "it goes on"
    assert problems(tmp_path / "yard" / "2026-03-01") == []


# --- what is deleted ----------------------------------------------------------------------------------------------------------


def days_of(tmp_path, count, *sets, **more):
    """Two minutes of each of so many days; the last watch."""
    watched = None
    for day in range(count):
        clock = MadeClock(at("2026-03-01T12:00:00+00:00") + day * DAY)
        watched = Watched(tmp_path, clock=clock, seconds=120.0, visits=[(20, 40)], sets=sets, **more).run()
    return watched


def test_old_days_and_old_pictures_are_deleted_and_it_is_told(tmp_path):
    watched = days_of(tmp_path, 4, "watch.keep_days=3", "watch.keep_picture_days=2")
    folders = sorted(path.name for path in (tmp_path / "yard").iterdir())
    assert folders == ["2026-03-02", "2026-03-03", "2026-03-04"]
    without = tmp_path / "yard" / "2026-03-02"
    assert not (without / "frames").exists()
    assert (tmp_path / "yard" / "2026-03-03" / "frames").is_dir()
    timeline = watched.timeline("2026-03-02")
    assert timeline.events
    assert all(each.picture is None for event in timeline.events for each in event.evidence)
    assert "its pictures were deleted: older than 2 days" in timeline.source.flags
    assert problems(without) == []
    notes = [fact.text for fact in watched.notes if hasattr(fact, "text")]
    assert any("everything of 2026-03-01 deleted" in note for note in notes)
    assert any("pictures of 2026-03-02 deleted" in note for note in notes)


def test_what_takes_too_much_room_is_deleted_from_the_oldest_on(tmp_path):
    visits = [(second, second + 20) for second in range(30, 1300, 60)]
    sets = ("watch.keep_size=900kB", "watch.backlog=100")
    watched = Watched(tmp_path, seconds=1300.0, every=2.0, visits=visits, sets=sets).run()
    day = tmp_path / "yard" / "2026-03-01"
    assert problems(day) == []
    first, *_, last = watched.timeline().events
    assert all(each.picture is None for each in first.evidence)
    assert any(each.picture is not None for each in last.evidence)
    assert any("the oldest pictures of 2026-03-01 deleted" in getattr(fact, "text", "") for fact in watched.notes)


# --- the command --------------------------------------------------------------------------------------------------------------


def test_the_command_prints_events_keeps_a_day_and_adds_it_to_the_library(tmp_path):
    clip, library = film(tmp_path / "gate.mp4", 3), tmp_path / "lib.db"
    sets = ("--set", "watch.latency=1", "--set", "watch.quiet=0.5")
    done = subprocess.run(
        [
            *ENTRY,
            "watch",
            "--realtime",
            clip,
            "--out",
            tmp_path / "out",
            "--library",
            library,
            "--camera",
            "gate",
            "--to",
            "csv",
            *sets,
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = lines(done.stdout)
    assert {"camera", "complete", "latency", "clock", "folder", "event"} <= told[0].keys()
    (day,) = (tmp_path / "out" / "gate").glob("20*")
    assert problems(day) == []
    assert (day / "timeline.csv").is_file()
    assert "gate: ended" in done.stderr
    with Library(library) as opened:
        assert len(list(opened.members())) == 1
    timeline = json.loads((day / "timeline.json").read_bytes())
    assert timeline["source"]["camera"] == "gate"
    assert timeline["source"]["clock"]


def test_ctrl_c_ends_the_watch_and_keeps_everything(tmp_path):
    clip = film(tmp_path / "gate.mp4", 20)
    process = subprocess.Popen(
        [*ENTRY, "watch", "--realtime", clip, "--out", tmp_path / "out", "--set", "watch.latency=0.5"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout.readline().startswith("{")
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "goes on with the day" in said
    (day,) = (tmp_path / "out" / "gate").glob("20*")
    assert problems(day) == []


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["no-such-thing"], 2, "is no live source"),
        (["rtsp://h/s", "--start", "3"], 2, "--max-duration ends a watch"),
        (["rtsp://h/a", "rtsp://h/b", "--camera", "one"], 2, "one --camera for each input"),
        (["--realtime", "rtsp://h/a"], 2, "leave --realtime out"),
        (["rtsp://h/s", "--set", "watch.latency=0"], 2, "watch.latency"),
    ],
)
def test_what_cannot_be_watched_is_said_at_once(tmp_path, arguments, code, words):
    done = subprocess.run(
        [*ENTRY, "watch", *arguments, "--out", tmp_path], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, words in done.stderr) == (code, True), done.stderr
