"""Kills a running service with SIGKILL at random moments, while jobs come in and are worked off, and starts it again each time.

What must hold in the end: every job that was taken is there once and done, each of its windows is described once, what was asked
again is at most what was in flight at a kill, each job's end was told to the webhook under one id, and the databases are whole.
"""

from __future__ import annotations

import contextlib
import http.server
import json
import os
import random
import re
import sqlite3
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.kill.runner import ENTRY
from videoscan.testing.model_server import ModelServer, sees_everything

if TYPE_CHECKING:
    from collections.abc import Iterator

CONCURRENCY = 2
AT_ONCE = 2
WINDOWS = 10
"""Of the clip, with the options below."""
_OPTIONS = (
    "windows.max_frames=2",
    "windows.overlap_frames=0",
    "dedup.kind=none",
    "describer.probe=never",
    f"describer.concurrency={CONCURRENCY}",
)
_ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONUNBUFFERED": "1"}
_GIVE_UP = 300.0
"""Seconds for what is left after the last kill."""


@dataclass
class Run:
    """What came of it. `early` kills came before the service answered; `problems` is empty where all held."""

    kills: int = 0
    early: int = 0
    jobs: int = 0
    requests: int = 0
    again: int = 0
    given_up: int = 0
    problems: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"{self.kills} kills ({self.early} before it answered), {self.jobs} jobs, {self.requests} requests, {self.again} of them"
            f" again, {self.given_up} jobs given up after three and retried; {len(self.problems)} problems"
        )


class Trial:
    """One data folder. `kills` times a service on it is killed, `longest` seconds after it answers at the latest."""

    def __init__(self, folder: Path, *, seed: int, longest: float = 4.0) -> None:
        self._folder = folder
        self._chance = random.Random(seed)
        self._longest = longest
        self._footage = folder / "footage"
        self._data = folder / "service"
        self._jobs: dict[str, str | None] = {}
        """By Idempotency-Key, the job that it made, `None` as long as no answer said so."""
        self._told: dict[str, set[str]] = defaultdict(set)
        """By job, the ids under which a webhook was told that it is done."""
        self.run = Run()

    def make(self, kills: int) -> Run:
        """Kill it so many times, let it finish, and look."""
        self._footage.mkdir(parents=True)
        clip = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=160x120:r=10:d=19", "-pix_fmt", "yuv420p", "-g", "10"]
        subprocess.run([*clip, self._footage / "reel.mp4"], check=True)
        with self._model() as model, self._receiver() as hook:
            while self.run.kills < kills:
                self._killed(model, hook)
            self._finish(model)
            self.run.requests = len(model.requests)
            self._check(model)
        return self.run

    # --- one life of the service -------------------------------------------------------------------------------------------------

    def _start(self, model: ModelServer) -> subprocess.Popen[str]:
        options = [part for option in _OPTIONS for part in ("--set", option)]
        serve = [*ENTRY, "serve", "--port", "0", "--data", str(self._data), "--root", str(self._footage), *options]
        serve += ["--spare-bytes", "0", "--jobs", str(AT_ONCE), "--endpoint", model.url, "--model", "test-model"]
        return subprocess.Popen(
            [*serve, "--private-addresses"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=_ENVIRONMENT
        )

    def _killed(self, model: ModelServer, hook: str) -> None:
        process = self._start(model)
        # Every fifth while it starts: opening the databases, taking up what was running. The others while it works.
        starting = self.run.kills % 5 == 4
        timer = threading.Timer(self._chance.uniform(0.2 if starting else 0.0, self._longest), process.kill)
        if starting:
            timer.start()
        try:
            base = _address(process)
            if not starting:
                timer.start()
            if base is None:
                self.run.early += 1
            else:
                with contextlib.suppress(OSError, ValueError):  # it was killed meanwhile
                    self._work(process, base, hook)
        finally:
            process.wait()
            timer.cancel()
            process.stdout.close()
        self.run.kills += 1
        self._whole(f"after kill {self.run.kills}")

    def _work(self, process: subprocess.Popen[str], base: str, hook: str) -> None:
        if not _call(base, "webhooks")["webhooks"]:
            _call(base, "webhooks", {"url": hook, "kinds": ["job.done"]})
        while process.poll() is None:
            for key in [key for key, job in self._jobs.items() if job is None]:
                self._submit(base, key)
            jobs = _call(base, "jobs?limit=500")["jobs"]
            self._retry(base, jobs)
            if sum(each["state"] in {"queued", "running"} for each in jobs) < 2 * AT_ONCE:
                self._submit(base, f"job {len(self._jobs)}")
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.1)

    def _submit(self, base: str, key: str) -> None:
        self._jobs[key] = None
        job = _call(base, "jobs", {"source": "footage/reel.mp4", "question": f"What about {key}?"}, key)
        self._jobs[key] = job["id"]

    def _retry(self, base: str, jobs: list[dict[str, Any]]) -> None:
        """What was running at three kills is given up, as it should be: whoever submitted it has it tried again."""
        for job in jobs:
            if job["state"] == "failed" and "times while it scanned" in job["error"]["message"]:
                _call(base, f"jobs/{job['id']}/retry", {})
                self.run.given_up += 1

    def _finish(self, model: ModelServer) -> None:
        process = self._start(model)
        try:
            base = _address(process)
            assert base is not None, "it starts when nobody kills it"
            until = time.monotonic() + _GIVE_UP
            while time.monotonic() < until:
                for key in [key for key, job in self._jobs.items() if job is None]:
                    self._submit(base, key)
                jobs = _call(base, "jobs?limit=500")["jobs"]
                self._retry(base, jobs)
                if all(job["state"] not in {"queued", "running"} for job in jobs) and len(self._told) >= len(jobs):
                    break
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(0.2)
            self._compare(base, jobs)
        finally:
            process.kill()
            process.wait()
            process.stdout.close()
        self._whole("in the end")

    # --- what must hold -----------------------------------------------------------------------------------------------------------

    def _compare(self, base: str, jobs: list[dict[str, Any]]) -> None:
        there = {job["id"]: job for job in jobs}
        self.run.jobs = len(self._jobs)
        self._hold(len(jobs) == len(self._jobs), f"{len(self._jobs)} jobs were taken, {len(jobs)} are there")
        for key, identity in self._jobs.items():
            job = there.get(identity or "")
            if job is None or job["state"] != "done":
                self.run.problems.append(f"{key} is {'lost' if job is None else job['state']}")
                continue
            timeline = _call(base, f"jobs/{identity}/timeline")
            told = [(window["index"], window["status"]) for window in timeline["windows"]]
            self._hold(told == [(index, "described") for index in range(WINDOWS)], f"{key} has the windows {told}")
            ids = self._told.get(identity or "", set())
            self._hold(len(ids) == 1, f"the end of {key} was told under {len(ids)} ids")

    def _check(self, model: ModelServer) -> None:
        asked = Counter(
            (re.search(r"What about (job \d+)\?", request.text).group(1), request.labels[0]) for request in model.requests
        )
        self.run.again = sum(times - 1 for times in asked.values())
        most = (self.run.kills + 1) * AT_ONCE * CONCURRENCY
        self._hold(
            self.run.again <= most, f"{self.run.again} windows were asked again, and {most} at most can have been in flight"
        )
        self._hold(
            len(asked) == WINDOWS * len(self._jobs), f"{len(asked)} windows were asked for, of {WINDOWS * len(self._jobs)}"
        )

    def _whole(self, when: str) -> None:
        for name in ("service.db", "library.db"):
            path = self._data / name
            if path.exists():
                with contextlib.closing(sqlite3.connect(path)) as database:
                    (said,) = database.execute("PRAGMA integrity_check").fetchone()
                self._hold(said == "ok", f"{when} {name} is damaged: {said}")

    def _hold(self, holds: bool, otherwise: str) -> None:
        if not holds:
            self.run.problems.append(otherwise)

    # --- who it talks to ----------------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _model(self) -> Iterator[ModelServer]:
        # Slow enough that a kill meets requests in flight.
        with ModelServer.in_thread(lambda request: _later(sees_everything(request))) as model:
            yield model

    @contextlib.contextmanager
    def _receiver(self) -> Iterator[str]:
        told = self._told

        class Receiver(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                told[message["data"]["job"]].add(self.headers["webhook-id"])
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/"
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


def _later(turn: Any) -> Any:
    from dataclasses import replace

    return replace(turn, delay=0.05)


def _address(process: subprocess.Popen[str]) -> str | None:
    """Where it listens; `None` when it ended before it said so."""
    found = re.search(r"http://\S+", process.stdout.readline())
    return found.group(0).rstrip("/") if found else None


def _call(base: str, path: str, body: Any = None, key: str | None = None) -> Any:
    headers = {"Content-Type": "application/json"} | ({"Idempotency-Key": key} if key else {})
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(f"{base}/api/v1/{path}", data, headers), timeout=30) as answer:
        return json.load(answer)
