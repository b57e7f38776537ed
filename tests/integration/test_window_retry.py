"""One failed window is asked again, and the others keep their failures: through the service, and through the scan itself."""

from __future__ import annotations

import asyncio
import json
import threading

import pytest
from recordings import film
from serving import API, serving
from shared import hold_to_contract

import videoscan
from videoscan import patience
from videoscan.testing.model_server import ModelServer, event, fails, ok, says

SETS = (
    "windows.max_frames=2",
    "windows.overlap_frames=0",
    "windows.long_side=64",
    "dedup.kind=none",
    "describer.concurrency=1",
    "describer.probe=never",
    "describer.retries=0",
    "summary.enabled=false",
)
STARTS = [f"00:00:{2 * window:02}.000" for window in range(6)]


class Model:
    """Refuses the windows (by index) that `refuses` holds, tells of the others, and notes which was asked. `hold` keeps it waiting."""

    def __init__(self, *refuses):
        self.refuses, self.asked = set(refuses), []
        self.hold, self.reached, self.opened = False, threading.Event(), threading.Event()

    def __call__(self, request):
        window = next(number for number, start in enumerate(STARTS) if request.labels[0].endswith(start))
        self.asked.append(window)
        if self.hold:
            self.reached.set()
            self.opened.wait(30)
        if window in self.refuses:
            return fails(403, f"refusal {len(self.asked)} of window {window}", code="ModelArts.81011")
        return ok([event(f"Seen {window}", 1, request.frames)])

    def took(self):
        """What was asked since the last time."""
        asked, self.asked = self.asked, []
        return asked


def statuses(timeline):
    return {each["index"]: (each["error"] or {}).get("message") for each in timeline["windows"] if each["status"] != "described"}


def test_a_window_is_asked_again_alone_also_by_a_service_that_was_restarted(tmp_path):
    footage = film(tmp_path / "in" / "reel.mp4", 11)
    model = Model(1, 4)

    async def work(server):
        settings = {"roots": (footage.parent.resolve(),), "endpoint": server.url, "model": "m", "sets": SETS}
        async with serving(tmp_path / "data", **settings) as served:
            job = (await served.submit("reel.mp4"))["id"]
            place = f"{API}/jobs/{job}"
            assert (await served.until(job))["state"] == "done"
            before = statuses(await served.call("GET", f"{place}/timeline"))
            assert sorted(before) == [1, 4]
            assert model.took() == [0, 1, 2, 3, 4, 5]
            model.refuses = set()

            for window, status, words in (
                ("3", 409, "window 3 has its answer"),
                ("6", 404, "there is no window 6"),
                ("last", 404, ""),
            ):
                problem = await served.call("POST", f"{place}/windows/{window}/retry", status)
                assert words in problem["title"] + problem.get("detail", ""), problem
            await served.call("POST", f"{API}/jobs/{'0' * 24}/windows/1/retry", 404)

            model.hold = True
            queued = await served.call("POST", f"{place}/windows/1/retry", 202)
            assert (queued["id"], queued["windows"]) == (job, [1])
            assert await asyncio.to_thread(model.reached.wait, 30)
            problem = await served.call("POST", f"{place}/windows/4/retry", 409)
            assert "the job is running: only one that ended can be tried again" in json.dumps(problem)
        model.hold = False
        model.opened.set()
        async with serving(tmp_path / "data", **settings) as served:
            ended = await served.until(job)
            assert (ended["state"], ended["windows"]) == ("done", None), ended
            assert model.took() == [1, 1], "the request that was under way once more, and no other"
            timeline = await served.call("GET", f"{place}/timeline")
            assert statuses(timeline) == {4: before[4]}
            assert [span["reason"] for span in timeline["coverage"] if span["state"] == "failed"] == ["window 4: ContentFiltered"]
            assert timeline["usage"]["requests"] == 6, "what was paid for the failure stays in the bill"
            hold_to_contract(served.service.settings.output(job))

            await served.call("POST", f"{place}/retry", 202)
            assert (await served.until(job))["state"] == "done"
            assert model.took() == [4]
            assert statuses(await served.call("GET", f"{place}/timeline")) == {}

    with ModelServer.in_thread(model) as server:
        try:
            asyncio.run(work(server))
        finally:
            model.opened.set()


def test_what_has_no_windows_of_its_own_or_none_yet_is_refused(tmp_path, roots):
    async def work():
        async with serving(tmp_path, roots=roots) as served:
            folder = await served.submit("pair")
            problem = await served.call("POST", f"{API}/jobs/{folder['id']}/windows/0/retry", 409)
            assert "a folder has no windows" in json.dumps(problem)
            await served.call("POST", f"{API}/jobs/{folder['id']}/cancel", 202)
            job = (await served.submit("reel.mp4"))["id"]
            await served.call("POST", f"{API}/jobs/{job}/cancel", 202)
            assert (await served.until(job))["state"] == "cancelled"
            problem = await served.call("POST", f"{API}/jobs/{job}/windows/0/retry", 404)
            assert "there is no timeline yet: the job is cancelled" in json.dumps(problem)

    asyncio.run(work())


@pytest.fixture
def scanned(tmp_path):
    """Scans a clip of six windows into one folder; the timeline as JSON, and the windows that were asked about."""
    clip = film(tmp_path / "clip.mp4", 11)

    def scan(server, model, *sets, **more):
        with patience.instantly():
            timeline = videoscan.scan_sync(
                clip, out=tmp_path / "out", endpoint=server.url, model="m", sets=(*SETS, *sets), **more
            )
        hold_to_contract(tmp_path / "out")
        return json.loads(timeline.to_json()), model.took()

    return scan


def test_a_window_that_the_budget_skipped_is_asked_alone(scanned, readers):
    model = Model()
    with ModelServer.in_thread(model) as server:
        first, asked = scanned(server, model, "budget.fit=false", budget=["3req"])
        assert asked == [0, 1, 2]
        decoded = len(readers)
        later, asked = scanned(server, model, "budget.fit=false", budget=["100req"], retry=[4])
        assert asked == [4]
        assert len(readers) == decoded
    assert [each["status"] for each in later["windows"]] == ["described"] * 3 + ["skipped", "described", "skipped"]
    why = {span["reason"] for span in first["coverage"] if span["state"] == "skipped"}
    assert {span["reason"] for span in later["coverage"] if span["state"] == "skipped"} == why
    assert later["budget"]["skipped_windows"] == 2


def test_a_second_look_that_came_to_nothing_is_left_alone_with_its_window(scanned):
    class Mumbling(Model):
        def __call__(self, request):
            self.asked.append(next((number for number, start in enumerate(STARTS) if request.labels[0].endswith(start)), None))
            return says("mumble") if self.asked[-1] in self.refuses else ok([event("Seen", 1, request.frames)])

    model = Mumbling(1, 4)
    looks = ("second_look.share=1", "windows.max_frames=4", "windows.max_seconds=2")
    with ModelServer.in_thread(model) as server:
        first, _ = scanned(server, model, *looks)
        assert {each["index"] for each in first["windows"] if each["status"] == "failed"} == {1, 4}
        assert all(first["windows"][index]["second_look"] for index in (1, 4)), first["windows"]
        model.refuses = set()
        later, asked = scanned(server, model, *looks, retry=[1])
        assert asked == [1]
    kept, before = later["windows"][4], first["windows"][4]
    for key in ("status", "error", "attempts", "usage"):
        assert kept[key] == before[key], key
    assert kept["second_look"]["second"]["error"] == before["second_look"]["second"]["error"]
