"""What whoever runs a service relies on: its logs, its health, and a stop that waits as long as it was told to."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import threading

import pytest
from serving import API, serving

from videoscan.jobs import logs
from videoscan.testing.model_server import ModelServer, sees_everything

EVERY = (
    "windows.max_frames=2",
    "windows.overlap_frames=0",
    "dedup.kind=none",
    "describer.concurrency=1",
    "describer.probe=never",
)


def run(work):
    return asyncio.run(work)


@pytest.fixture
def lines():
    """What is logged, as JSON lines."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(logs.Jobs())
    handler.setFormatter(logs.JsonLines())
    logger = logging.getLogger("videoscan")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


def test_what_is_logged_of_a_job_names_it(tmp_path, roots, lines):
    async def work():
        async with serving(tmp_path, roots=roots) as served:
            job = (await served.submit("pair/a.mp4"))["id"]
            await served.until(job)
            served.service.worker.running.clear()

            async def fails(*_):
                raise ZeroDivisionError("deep inside")

            served.service.worker._scan = fails
            other = (await served.submit("pair/b.mp4"))["id"]
            assert (await served.until(other))["state"] == "failed"
            return job, other

    job, other = run(work())
    told = lines()
    assert all(set(line) >= {"time", "level", "logger", "job", "message"} for line in told)
    assert any(line["job"] == job and "done" in line["message"] for line in told)
    (fault,) = [line for line in told if line["level"] == "error"]
    assert fault["job"] == other
    assert "ZeroDivisionError: deep inside" in fault["fault"]


def test_a_line_for_people_has_the_job_too():
    record = logging.LogRecord("videoscan.jobs", logging.WARNING, "", 0, "it is %s", ("late",), None)
    record.job = "01a2"
    assert logs.Text().format(record).endswith("Z WARNING videoscan.jobs [01a2] it is late")


@pytest.mark.parametrize(("grace", "state"), [(30.0, "done"), (0.0, "queued")])
def test_a_stop_waits_for_what_runs_as_long_as_it_was_told_to(tmp_path, roots, grace, state):
    opened, asked = threading.Event(), threading.Event()

    def script(request):
        asked.set()
        opened.wait(30)
        return sees_everything(request)

    async def work(server):
        async with serving(
            tmp_path, roots=roots, endpoint=server.url, model="test-model", sets=EVERY, grace=grace, at_once=1
        ) as served:
            running = (await served.submit("reel.mp4"))["id"]
            waiting = (await served.submit("pair/a.mp4"))["id"]
            await asyncio.to_thread(asked.wait, 30)
            if grace:
                opened.set()
        opened.set()
        async with serving(tmp_path, at_once=0) as served:
            assert (await served.call("GET", f"{API}/jobs/{running}"))["state"] == state
            assert (await served.call("GET", f"{API}/jobs/{waiting}"))["state"] == "queued", "nothing new was begun"

    with ModelServer.in_thread(script) as server:
        run(work(server))


def test_it_says_when_it_is_not_ready_and_what_it_counts(tmp_path, roots):
    async def work():
        async with serving(tmp_path, roots=roots) as served:
            await served.until((await served.submit("pair/a.mp4"))["id"])
            assert (await served.call("GET", "/readyz"))["status"] == "ok"
            text = (await served.call("GET", f"{API}/metrics")).decode()
            told = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
            assert told['videoscan_jobs{state="done"}'] == "1"
            assert 0 <= float(told["videoscan_loop_own_seconds"]) <= float(told["videoscan_loop_late_seconds"]) < 60
            names = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")}
            assert {name.partition("{")[0] for name in told} == names, "each has its type"
            served.service._tasks[0].cancel()
            await asyncio.wait(served.service._tasks[:1])
            assert "worker has ended" in (await served.call("GET", "/readyz", 503))["detail"]
            assert (await served.call("GET", "/healthz"))["status"] == "ok"

    run(work())
