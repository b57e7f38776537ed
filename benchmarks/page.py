"""The review page of a job with 5,000 events: how soon is it seen, and how long does a frame of scrolling and of zooming take?

``python benchmarks/page.py [--loads 10] [--beside] [--network] [--trace FILE]``

Each load is cold: a browser profile of its own, with nothing kept from the load before. It ends when the screen has been painted: the page
says so by a mark of its own (`review-shown`). The service is a process of its own, as at its users'. With ``--beside`` it scans a recording all
the while, with its built-in describer. ``--trace`` keeps what Chromium tells of the last load, for its own performance panel.

Goal: the first view under 1 s on loopback.
"""

from __future__ import annotations

import argparse
import contextlib
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

from playwright.sync_api import sync_playwright

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

import examples  # noqa: E402  # the tests have the job, and a service to put it into
from planted import plant  # noqa: E402
from serving import Standing  # noqa: E402

FRAMES = 60
SETTLED = 500
"""Milliseconds that a new window gets."""
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
)

SHOWN = """() => new Promise((then) => {
    const look = () => { const [mark] = performance.getEntriesByName("review-shown"); mark ? then(mark.startTime) : setTimeout(look, 20); };
    look();
})"""

SCROLL = """async (frames) => {
    const host = document.querySelector(".rows-host"), spent = [];
    for (let i = 0; i < frames; i += 1) {
        host.scrollTop += 900;
        const begun = performance.now();
        host.dispatchEvent(new Event("scroll"));
        await new Promise((then) => requestAnimationFrame(() => setTimeout(then, 0)));
        spent.push(performance.now() - begun);
    }
    return spent;
}"""

ZOOM = """async (frames) => {
    const pane = document.querySelector(".bar-pane"), box = pane.getBoundingClientRect(), spent = [];
    for (let i = 0; i < frames; i += 1) {
        const begun = performance.now();
        const options = { deltaY: i < frames / 2 ? -60 : 60, clientX: box.left + box.width / 3, clientY: box.top + 9, cancelable: true };
        pane.dispatchEvent(new WheelEvent("wheel", options));
        await new Promise((then) => requestAnimationFrame(() => setTimeout(then, 0)));
        spent.push(performance.now() - begun);
    }
    return spent;
}"""

NETWORK = """() => performance.getEntriesByType("resource").map((each) => ({
    what: each.name.replace(/^.*?\\/(static\\/[0-9a-f]+|api\\/v1)\\//, ""), from: Math.round(each.startTime), sent: Math.round(each.requestStart),
    first: Math.round(each.responseStart), until: Math.round(each.responseEnd), bytes: each.transferSize }))"""


def main() -> None:
    """Plant the job, load it, measure it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--loads", type=int, default=10)
    parser.add_argument("--beside", action="store_true", help="scan a recording meanwhile")
    parser.add_argument("--trace", type=Path, help="where Chromium's trace of the last load goes")
    parser.add_argument("--network", action="store_true", help="print when what was asked for and came, of the last load")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="videoscan-page-") as place:
        job = planted(Path(place))
        with served(Path(place)) as base, scanning(base, wanted=given.beside), sync_playwright() as playwright:
            chromium = shutil.which("chromium") or shutil.which("google-chrome")
            browser = playwright.chromium.launch(executable_path=chromium, headless=True, args=list(QUIET))
            print(json.dumps(measure(browser, f"{base}/#/jobs/{job}", given), indent=1))
            browser.close()


def measure(browser: Browser, address: str, given: argparse.Namespace) -> dict[str, Any]:
    """Milliseconds: of each load, and of frames of scrolling and zooming after the last."""
    loads = []
    for number in range(given.loads):
        last = number == given.loads - 1
        context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="en-GB")
        page = context.new_page()
        page.wait_for_timeout(SETTLED)  # an empty window is at work for a while, and nobody types an address that soon
        if last and given.trace:
            browser.start_tracing(page=page, path=str(given.trace))
        page.goto(address, wait_until="commit")
        loads.append(page.evaluate(SHOWN))
        if last:
            if given.trace:
                browser.stop_tracing()
            page.locator(".rows .row-event").first.wait_for()
            if given.network:
                print(json.dumps(page.evaluate(NETWORK)), file=sys.stderr)
            moved = {name: frames(page, script) for name, script in (("scroll", SCROLL), ("zoom", ZOOM))}
        context.close()
    return {
        "beside a scan": given.beside,
        "first view, ms": [round(each) for each in loads],
        "first view, median and worst ms": [round(statistics.median(loads)), round(max(loads))],
        **{f"a frame of {name}, median and worst ms": told for name, told in moved.items()},
        "load of the machine": round(os.getloadavg()[0], 1),
    }


def frames(page: Page, script: str) -> list[float]:
    spent = page.evaluate(script, FRAMES)
    return [round(statistics.median(spent), 1), round(max(spent), 1)]


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
