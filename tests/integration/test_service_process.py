"""`videoscan serve` as a program: killed at any moment it loses nothing, and `submit` and `jobs` speak to it."""

from __future__ import annotations

import configparser
import contextlib
import json
import os
import random
import re
import shlex
import shutil
import signal
import sqlite3
import subprocess
import urllib.request
from dataclasses import replace
from pathlib import Path

import pytest
from commanding import ENTRY, film

from videoscan.cli import serve
from videoscan.testing.model_server import ModelServer, sees_everything

ROOT = Path(__file__).parents[2]

EVERY = [
    option
    for one in (
        "windows.max_frames=2",
        "windows.overlap_frames=0",
        "dedup.kind=none",
        "describer.concurrency=2",
        "describer.probe=never",
    )
    for option in ("--set", one)
]


@contextlib.contextmanager
def started(data, *more):
    """A running service and its address."""
    serve = [*ENTRY, "serve", "--port", "0", "--data", str(data), "--spare-bytes", "0", *map(str, more)]
    environ = {**os.environ, "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(serve, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environ)
    try:
        line = process.stdout.readline()
        found = re.search(r"http://\S+", line)
        assert found, process.stderr.read()
        yield process, found.group(0).rstrip("/")
    finally:
        process.kill()
        process.communicate()


def call(base, path):
    with urllib.request.urlopen(f"{base}/api/v1/{path}", timeout=30) as answer:
        return json.load(answer)


@pytest.fixture(scope="module")
def reel(tmp_path_factory):
    return film(tmp_path_factory.mktemp("reel") / "reel.mp4", 19)


def test_submit_and_jobs_speak_to_a_service(videoscan, reel, tmp_path):
    with started(tmp_path) as (process, base):
        code, out, err = videoscan("submit", reel, "--server", base, "--wait", "--json")
        assert code == 0, err
        job = json.loads(out)
        assert job["state"] == "done"
        assert videoscan("jobs", "wait", job["id"], "--server", base)[0] == 0
        code, out, _ = videoscan("jobs", "list", "--server", base)
        assert (code, job["id"] in out, "reel.mp4" in out) == (0, True, True)
        assert json.loads(videoscan("jobs", "show", job["id"], "--server", base, "--json")[1])["id"] == job["id"]
        assert videoscan("jobs", "retry", job["id"], "--server", base)[0] == 0
        assert videoscan("jobs", "wait", job["id"], "--server", base)[0] == 0
        code, _, err = videoscan("jobs", "show", "0" * 24, "--server", base)
        assert (code, "there is no job" in err) == (2, True)
        code, _, err = videoscan("submit", "--there", "/etc/passwd", "--server", base)
        assert (code, "takes no paths" in err) == (2, True)
        code, _, err = videoscan("submit", tmp_path / "missing.mp4", "--server", base)
        assert (code, "cannot be read" in err) == (3, True)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=30)
        assert process.returncode == 0
        assert "stopped" in err
    code, _, err = videoscan("jobs", "list", "--server", base)
    assert (code, "videoscan serve" in err) == (5, True)


def test_two_services_do_not_share_a_folder(videoscan, tmp_path):
    with started(tmp_path):
        code, _, err = videoscan("serve", "--port", "0", "--data", tmp_path)
        assert code == 5
        assert "is writing into" in err
        assert "another folder with --data" in err


@pytest.mark.parametrize("seed", range(3))
def test_killed_at_any_moment_it_loses_no_job_and_asks_nothing_twice(videoscan, reel, tmp_path, seed):
    chance = random.Random(seed)
    with ModelServer.in_thread() as server:
        options = [*EVERY, "--root", reel.parent, "--endpoint", server.url, "--model", "test-model"]
        with started(tmp_path, *options) as (process, base):
            code, out, err = videoscan("submit", "--there", "reel.mp4", "--server", base, "--json")
            assert code == 0, err
            job = json.loads(out)["id"]
            # The kill comes after so many requests as chance says: any moment between two of them is as good.
            wanted = chance.randrange(10)
            while len(server.requests) < wanted:
                assert call(base, f"jobs/{job}")["state"] in {"queued", "running"}
            process.send_signal(signal.SIGKILL)
            process.wait()
        asked = len(server.requests)
        with started(tmp_path, *options) as (_, base):
            assert videoscan("jobs", "wait", job, "--server", base)[0] == 0
            timeline = call(base, f"jobs/{job}/timeline")
        assert [window["status"] for window in timeline["windows"]] == ["described"] * 10
        assert len(server.requests) <= 10 + 2, f"killed after {asked}: at most what was in flight is asked again"
    with contextlib.closing(sqlite3.connect(tmp_path / "service.db")) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_back_up_that_was_made_while_it_worked_is_restored_as_the_how_to_says(videoscan, reel, tmp_path):
    page = (ROOT / "docs" / "how-to" / "service.md").read_text(encoding="utf-8").partition("## Back up")[2]
    back_up, restore = re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
    data = tmp_path / "videoscan-service"

    def slowly(request):
        return replace(sees_everything(request), delay=0.05)

    with ModelServer.in_thread(slowly) as server:
        options = [*EVERY, "--root", reel.parent, "--endpoint", server.url, "--model", "test-model"]
        with started(data, *options) as (_, base):
            for _ in range(3):
                assert videoscan("submit", "--there", "reel.mp4", "--server", base)[0] == 0
            states = []
            while states != ["done", "running", "queued"]:
                states = [job["state"] for job in call(base, "jobs")["jobs"]][::-1]
                assert states != ["done"] * 3, "the back-up comes while it works"
            subprocess.run(["bash", "-euc", back_up], cwd=tmp_path, check=True)
        data.rename(tmp_path / "lost")
        subprocess.run(["bash", "-euc", restore], cwd=tmp_path, check=True)
        with started(data, *options) as (_, base):
            jobs = [job["id"] for job in call(base, "jobs")["jobs"]]
            assert len(jobs) == 3
            assert videoscan("jobs", "wait", *jobs, "--server", base)[0] == 0
            for job in jobs:
                windows = call(base, f"jobs/{job}/timeline")["windows"]
                assert [window["status"] for window in windows] == ["described"] * 10
            assert len({hit["job"] for hit in call(base, "search?q=saw&limit=100")["hits"]}) == 3
        assert len(server.requests) <= 30 + 2 + 2, "asked again is what was in flight at the back-up, and at the end"


def test_the_unit_and_the_container_start_it_with_options_that_there_are(tmp_path):
    unit = configparser.ConfigParser(strict=False, interpolation=None, delimiters=("=",))
    unit.optionxform = str
    unit.read(ROOT / "docs" / "service" / "videoscan.service", encoding="utf-8")
    container = (ROOT / "docs" / "service" / "Containerfile").read_text(encoding="utf-8")
    assert 'ENTRYPOINT ["videoscan"]' in container
    commands = [
        shlex.split(unit["Service"]["ExecStart"])[1:],
        json.loads(re.search(r"^CMD (\[.*\])$", container, re.MULTILINE).group(1)),
    ]
    for command, *arguments in commands:
        assert command == "serve"
        context = serve.command.make_context("serve", list(arguments), resilient_parsing=False)
        assert context.params["grace"] < 40, "the time until it is killed is longer"
    assert int(unit["Service"]["TimeoutStopSec"]) == 40
    if shutil.which("systemd-analyze"):
        text = (ROOT / "docs" / "service" / "videoscan.service").read_text(encoding="utf-8")
        (tmp_path / "videoscan.service").write_text(text.replace("/usr/local/bin/videoscan", "/bin/true"))
        done = subprocess.run(
            ["systemd-analyze", "verify", tmp_path / "videoscan.service"], check=False, capture_output=True, text=True
        )
        assert "Unknown" not in done.stderr, done.stderr
