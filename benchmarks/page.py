"""The review page of a job with 5,000 events: how soon is it seen, and how long does a frame of scrolling and of zooming take?

``python benchmarks/page.py [--loads 10] [--beside] [--network] [--trace FILE]``

Each load is cold: a browser context of its own, with nothing kept from the load before. It ends when the screen has been painted: the page
says so by a mark of its own (`review-shown`). The service is a process of its own, as at its users'. With ``--beside`` it scans a recording all
the while, with its built-in describer. ``--trace`` keeps what Chromium tells of one more load, for its own performance panel.

Chromium is told where to go and asked for the mark afterwards, through its DevTools protocol, and nothing else. A test tool that listens to every
request has Chromium tell it of each, several times, and takes a good part of two cores for that, which is nobody's first view.

The first load is also the service's first look at that job. Goal: the first view under 1 s on loopback.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

import examples  # noqa: E402  # the tests have the job, and a service to put it into
from pacing import SCROLL, ZOOM  # noqa: E402
from planted import plant  # noqa: E402
from serving import Standing  # noqa: E402

FRAMES = 60
SETTLED = 0.5
"""Seconds that a new window gets."""
LOOK = 0.25
"""Seconds from one look whether the view is there to the next: the time itself is the page's own."""
QUIET = (
    "--headless=new",
    "--remote-debugging-port=0",
    "--no-first-run",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
)

NETWORK = """() => performance.getEntriesByType("resource").map((each) => ({
    what: each.name.replace(/^.*?\\/(static\\/[0-9a-f]+|api\\/v1)\\//, ""), from: Math.round(each.startTime), sent: Math.round(each.requestStart),
    first: Math.round(each.responseStart), until: Math.round(each.responseEnd), bytes: each.transferSize }))"""


class Chromium:
    """A browser, spoken to as little as can be."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket, self._numbers = socket, itertools.count(1)

    async def call(self, method: str, session: str | None = None, **params: Any) -> Any:
        """What a method of the DevTools protocol answers; what is told meanwhile is not listened to."""
        number = next(self._numbers)
        asked = {"id": number, "method": method, "params": params}
        await self._socket.send_json(asked if session is None else {**asked, "sessionId": session})
        while True:
            told = await self._socket.receive_json()
            if told.get("id") == number:
                if "error" in told:
                    raise RuntimeError(f"{method}: {told['error']['message']}")
                return told["result"]

    async def run(self, session: str, script: str) -> Any:
        """What a script in the page comes to."""
        told = await self.call("Runtime.evaluate", session, expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in told:
            raise RuntimeError(told["exceptionDetails"]["text"])
        return told["result"].get("value")

    async def traced(self) -> list[dict[str, Any]]:
        """Ends tracing; what was traced."""
        await self.call("Tracing.end")
        events: list[dict[str, Any]] = []
        while True:
            told = await self._socket.receive_json()
            if told.get("method") == "Tracing.dataCollected":
                events += told["params"]["value"]
            elif told.get("method") == "Tracing.tracingComplete":
                return events


@contextlib.asynccontextmanager
async def browser() -> AsyncIterator[Chromium]:
    """Chromium without a window, with a profile that is thrown away."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        raise SystemExit("chromium is not on the path")
    with tempfile.TemporaryDirectory(prefix="videoscan-chromium-", ignore_cleanup_errors=True) as profile:
        process = await asyncio.create_subprocess_exec(
            program, *QUIET, f"--user-data-dir={profile}", stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        try:
            assert process.stderr is not None
            address = ""
            while not address:
                line = (await process.stderr.readline()).decode()
                if not line:
                    raise SystemExit("chromium ended before it could be used")
                address = line.partition("DevTools listening on ")[2].strip()
            async with (
                aiohttp.ClientSession() as session,
                session.ws_connect(address, max_msg_size=0) as socket,
            ):
                yield Chromium(socket)
        finally:
            process.terminate()
            await process.wait()


@contextlib.asynccontextmanager
async def window(chromium: Chromium) -> AsyncIterator[str]:
    """A window that knows of no other load: the session to speak to it."""
    context = (await chromium.call("Target.createBrowserContext"))["browserContextId"]
    try:
        opened = await chromium.call("Target.createTarget", url="about:blank", browserContextId=context, width=1280, height=900)
        session = (await chromium.call("Target.attachToTarget", targetId=opened["targetId"], flatten=True))["sessionId"]
        await asyncio.sleep(SETTLED)  # an empty window is at work for a while, and nobody types an address that soon
        yield session
    finally:
        await chromium.call("Target.disposeBrowserContext", browserContextId=context)


async def measure(address: str, given: argparse.Namespace) -> dict[str, Any]:
    """Milliseconds: of each load, and of frames of scrolling and zooming after the last."""
    loads, moved = [], {}
    async with browser() as chromium:
        for number in range(given.loads):
            async with window(chromium) as session:
                loads.append(await load(chromium, session, address))
                if number == given.loads - 1:
                    if given.network:
                        print(json.dumps(await chromium.run(session, f"({NETWORK})()")), file=sys.stderr)
                    moved = {
                        name: await frames(chromium, session, script) for name, script in (("scroll", SCROLL), ("zoom", ZOOM))
                    }
        if given.trace:
            async with window(chromium) as session:
                categories = "devtools.timeline,v8.execute,blink.user_timing,loading,disabled-by-default-v8.cpu_profiler"
                await chromium.call(
                    "Tracing.start", transferMode="ReportEvents", traceConfig={"includedCategories": categories.split(",")}
                )
                await load(chromium, session, address)
                given.trace.write_text(json.dumps({"traceEvents": await chromium.traced()}), encoding="utf-8")
    return {
        "beside a scan": given.beside,
        "first view, ms": [round(each) for each in loads],
        "first view, median and worst ms": [round(statistics.median(loads)), round(max(loads))],
        **{f"a frame of {name}, median and worst ms": told for name, told in moved.items()},
        "load of the machine": round(os.getloadavg()[0], 1),
    }


async def load(chromium: Chromium, session: str, address: str) -> float:
    """Milliseconds from the navigation to the first view."""
    await chromium.call("Page.navigate", session, url=address)
    shown = None
    while shown is None:
        await asyncio.sleep(LOOK)
        # The script that waits would end with the empty page; so it is looked from here, and seldom.
        shown = await chromium.run(session, 'performance.getEntriesByName("review-shown")[0]?.startTime ?? null')
    return float(shown)


async def frames(chromium: Chromium, session: str, script: str) -> list[float]:
    spent = await chromium.run(session, f"({script})({FRAMES})")
    return [round(statistics.median(spent), 1), round(max(spent), 1)]


def main() -> None:
    """Plant the job, load it, measure it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--loads", type=int, default=10)
    parser.add_argument("--beside", action="store_true", help="scan a recording meanwhile")
    parser.add_argument("--trace", type=Path, help="where Chromium's trace of one more load goes")
    parser.add_argument("--network", action="store_true", help="print when what was asked for and came, of the last load")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="videoscan-page-") as place:
        job = planted(Path(place))
        with served(Path(place)) as base, scanning(base, wanted=given.beside):
            print(json.dumps(asyncio.run(measure(f"{base}/#/jobs/{job}", given)), indent=1))


def planted(place: Path) -> str:
    """A job with 5,000 events in a service's data folder; its id."""
    (place / "footage").mkdir()
    shutil.copy(ROOT / "samples/match.mp4", place / "footage/gate.mp4")
    with Standing(place / "data", roots=((place / "footage").resolve(),), at_once=0) as standing:
        return plant(standing, "gate.mp4", examples.busy)


@contextlib.contextmanager
def served(place: Path) -> Iterator[str]:
    """The address of a service of that data."""
    serve = [
        sys.executable,
        "-m",
        "videoscan",
        "serve",
        "--port",
        "0",
        "--data",
        str(place / "data"),
        "--root",
        str(place / "footage"),
    ]
    process = subprocess.Popen(
        serve, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"}
    )
    try:
        assert process.stdout is not None
        yield process.stdout.readline().split()[-1].rstrip("/")
    finally:
        process.terminate()
        process.wait()


@contextlib.contextmanager
def scanning(base: str, *, wanted: bool) -> Iterator[None]:
    """Scans a recording in the service for as long as it takes; one after the other."""
    if not wanted:
        yield
        return
    jobs = [
        call("POST", f"{base}/api/v1/jobs", {"source": "footage/gate.mp4", "question": str(number)})["id"] for number in range(40)
    ]
    while call("GET", f"{base}/api/v1/jobs/{jobs[0]}")["state"] == "queued":
        time.sleep(0.05)
    yield
    left = call("GET", f"{base}/api/v1/jobs/{jobs[-1]}")["state"]
    assert left == "queued", "the scans ended before the loads did"


def call(method: str, address: str, body: dict[str, str] | None = None) -> Any:
    """What the service answers."""
    data = None if body is None else json.dumps(body).encode()
    asked = urllib.request.Request(address, data=data, method=method, headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(asked) as answer:
        return json.load(answer)


if __name__ == "__main__":
    main()
