"""Takes the pictures of the page for docs/images/, from real footage, in a real Chromium.

``python docs/make_images.py FOOTAGE [--every FOLDER] [--only NAME]``

FOOTAGE is a folder with `street-vehicles.mp4`, `one-by-one-person.mp4` and `bottle-detection.mp4` of the sample videos of Intel's IoT DevKit
(CC BY 4.0), each beside what is to be seen in it (`NAME.mp4.truth.json`): the model that the pictures are taken with answers that.
``--every`` takes every screen instead, at the widths of a phone, a tablet and a desk, dark and light, in both languages: for whoever has changed
the page and wants to see what came of it.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import re
import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playwright.sync_api import sync_playwright

from videoscan.testing.model_server import ModelServer, event, fails, ok

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, Page

    from videoscan.testing.model_server import Turn
    from videoscan.testing.received import Received

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests"))

from serving import ENDED, Standing  # noqa: E402  # the tests' own service, on a thread

NAMES = ("street-vehicles", "one-by-one-person", "bottle-detection")
SETS = ("describer.probe=never", "describer.retries=0", "windows.max_seconds=12", "summary.enabled=false")
SIZES = {"phone": (390, 844), "tablet": (820, 1180), "desk": (1440, 900)}
_TIME = re.compile(r"(\d+):(\d\d):(\d\d\.\d+)")


class Model:
    """Answers what is to be seen in a recording, refuses some windows of `refused`, and keeps those of `held` waiting."""

    def __init__(self, footage: Path) -> None:
        told = {name: json.loads((footage / f"{name}.mp4.truth.json").read_text(encoding="utf-8")) for name in NAMES}
        self._events = {name: each["events"] for name, each in told.items()}
        self.seen, self.refuse, self.hold = NAMES[0], False, False
        self._asked, self.held, self.end = 0, threading.Event(), threading.Event()

    def now(self, name: str, *, refuse: bool = False, hold: bool = False) -> None:
        """What is sent from here on is of this recording."""
        self.seen, self.refuse, self.hold, self._asked = name, refuse, hold, 0

    def __call__(self, request: Received) -> Turn:
        """The answer to one request."""
        self._asked += 1
        if self.refuse and self._asked in {2, 3}:
            return fails(403, "the picture was refused by the content filter", code="ModelArts.81011")
        if self.hold and self._asked > 1:
            self.held.set()
            self.end.wait(600)
        times = [_seconds(label) for label in request.labels]
        found = []
        for each in self._events[self.seen]:
            inside = [at + 1 for at, time in enumerate(times) if each["start"] <= time < each["end"]]
            if inside:
                what = each["what"][0].upper() + each["what"][1:]
                found.append(
                    event(what.split(",")[0].split(" (")[0], inside[0], inside[-1], description=f"{what}.", tags=_tags(what))
                )
        return ok(found)


def _seconds(label: str) -> float:
    hours, minutes, seconds = _TIME.search(label).groups()  # type: ignore[union-attr]  # every picture's label has one
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)


def _tags(what: str) -> list[str]:
    words = set(re.findall(r"\w+", what.lower()))
    if words & {"car", "suv", "sedan", "truck"}:
        return ["vehicle", "truck" if "truck" in words else "car"]
    return ["person", "woman"] if "woman" in words else ["person", "man"] if "man" in words else ["hand", "bottle"]


@contextlib.contextmanager
def stage(footage: Path, place: Path) -> Iterator[tuple[Standing, dict[str, str]]]:
    """A service with jobs in every state, and their ids by state."""
    root = place / "footage"
    root.mkdir()
    for name in NAMES:
        shutil.copy(footage / f"{name}.mp4", root)
    (root / "broken.mp4").write_bytes(b"this is no video")
    model = Model(footage)
    with (
        ModelServer.in_thread(model) as server,
        Standing(place / "data", roots=(root.resolve(),), endpoint=server.url, model="qwen3-vl-8b", sets=SETS) as standing,
    ):
        jobs = {}
        for kind, name, how in (
            ("failed", "broken", {}),
            ("part", NAMES[2], {"refuse": True}),
            ("done", NAMES[0], {}),
            ("people", NAMES[1], {}),
        ):
            model.now(name if name in NAMES else NAMES[0], **how)
            jobs[kind] = standing.submit(f"footage/{name}.mp4")["id"]
            _ended(standing, jobs[kind])
        model.now(NAMES[1], hold=True)
        jobs["running"] = standing.submit("footage/one-by-one-person.mp4", question="Who is it?")["id"]
        model.held.wait(600)
        jobs["queued"] = standing.submit("footage/street-vehicles.mp4", question="Which cars?")["id"]
        try:
            yield standing, jobs
        finally:
            for each in ("queued", "running"):
                standing.call("POST", f"/jobs/{jobs[each]}/cancel", 202)
            model.end.set()


def _ended(standing: Standing, job: str) -> None:
    """Waits for a job however long it takes: the machine may have other work."""
    while standing.call("GET", f"/jobs/{job}")["state"] not in ENDED:
        time.sleep(0.5)


def judged(page: Page) -> None:
    """One event chosen, two judged: as somebody leaves it who is in the middle of it."""
    page.locator(".rows .row-event").first.wait_for()
    for key in "jajrj":
        page.keyboard.press(key)
    page.locator(".detail-title").wait_for()
    page.locator(".toast", has_text="Rejected").wait_for()
    page.locator(".toast").wait_for(state="detached")


def chosen(page: Page) -> None:
    """The first event chosen, its moment shown."""
    page.locator(".rows .row-event").first.click()
    page.locator(".detail-shots img").first.wait_for(state="attached")


def nothing(_page: Page) -> None:
    """As it comes."""


def pressing(name: str, then: str) -> Callable[[Page], None]:
    """A button is pressed, and something waited for."""

    def press(page: Page) -> None:
        page.get_by_role("button", name=name).first.click()
        page.locator(then).first.wait_for()

    return press


def summary(selector: str) -> Callable[[Page], None]:
    """A menu is opened."""
    return lambda page: page.locator(selector).first.click()


def exporting(page: Page) -> None:
    """An event is chosen and the export menu open."""
    chosen(page)
    page.locator(".job-head .menu summary", has_text="Export").click()
    page.locator(".menu[open] a").first.wait_for()


def tab(name: str) -> Callable[[Page], None]:
    """A tab is shown."""
    return lambda page: page.locator(f'[data-tab="{name}"]').click()


def hovered(page: Page) -> None:
    """The pointer is over the time bar."""
    chosen(page)
    box = page.locator(".bar-pane").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + box["height"] * 0.4)


def keyed(page: Page) -> None:
    """The sheet of keys is open."""
    page.locator(".rows .row-event").first.wait_for()
    page.keyboard.press("?")


def editing(page: Page) -> None:
    """An event is being edited."""
    chosen(page)
    page.keyboard.press("e")
    page.locator(".detail.editing").wait_for()


DOCS: dict[str, tuple[str, tuple[int, int], Callable[[Page], None]]] = {
    "page-jobs": ("#/", (1200, 720), lambda page: page.get_by_text("left").first.wait_for()),
    "page-add": ("#/", (1200, 760), pressing("Add video", "dialog")),
    "page-review": ("#/jobs/{people}", (1200, 760), judged),
    "page-export": ("#/jobs/{done}", (1200, 640), exporting),
    "page-search": ("#/search?q=car", (1200, 640), lambda page: page.locator(".hit, .row").first.wait_for()),
}

EVERY: dict[str, tuple[str, Callable[[Page], None]]] = {
    "jobs": ("#/", nothing),
    "add": ("#/", lambda page: page.locator("main .button.main").first.click()),
    "review": ("#/jobs/{people}", chosen),
    "hover": ("#/jobs/{people}", hovered),
    "judged": ("#/jobs/{done}", nothing),
    "export": ("#/jobs/{done}", summary(".job-head .menu summary")),
    "editing": ("#/jobs/{people}", editing),
    "keys": ("#/jobs/{people}", keyed),
    "ask": ("#/jobs/{people}", tab("ask")),
    "about": ("#/jobs/{part}", tab("about")),
    "part": ("#/jobs/{part}", nothing),
    "running": ("#/jobs/{running}", nothing),
    "queued": ("#/jobs/{queued}", nothing),
    "failed": ("#/jobs/{failed}", nothing),
    "unknown": ("#/jobs/000000000000000000000000", nothing),
    "lost": ("#/nowhere", nothing),
    "search": ("#/search?q=car", nothing),
    "search-none": ("#/search?q=zebra", nothing),
    "search-bare": ("#/search", nothing),
    "live": ("#/streams", nothing),
    "live-add": ("#/streams", lambda page: page.locator("main .button.main:visible").first.click()),
    "settings": ("#/settings", nothing),
}
EMPTY: dict[str, tuple[str, Callable[[Page], None]]] = {"empty": ("#/", nothing)}


def settled(page: Page) -> None:
    """Until pictures have come and what moves has moved."""
    page.wait_for_timeout(1200)


def shoot(browser: Browser, address: str, act: Callable[[Page], None], path: Path, **options: Any) -> None:
    """One picture."""
    context = browser.new_context(**{"locale": "en-GB", **options})
    page = context.new_page()
    page.set_default_timeout(8000)
    page.goto(address)
    page.locator("main .screen").wait_for()
    try:
        act(page)
        settled(page)
        page.screenshot(path=path, **({"type": "jpeg", "quality": 55} if path.suffix == ".jpg" else {}))
    finally:
        context.close()
    print(path)


def main() -> None:
    """Take them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("footage", type=Path)
    parser.add_argument("--every", type=Path, help="take every screen, into this folder")
    parser.add_argument("--only", default="", help="only pictures whose name begins with this")
    parser.add_argument("--looks", default="desk-light-en,desk-dark-zh,tablet-dark-en,phone-light-zh,phone-dark-en")
    given = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="videoscan-images-") as place,
        stage(given.footage, Path(place)) as (standing, jobs),
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), headless=True, args=["--no-sandbox"])
        if given.every is None:
            for name, (way, (width, height), act) in DOCS.items():
                if name.startswith(given.only):
                    size = {"width": width, "height": height}
                    shoot(browser, f"{standing.base}/{way.format(**jobs)}", act, HERE / f"images/{name}.jpg", viewport=size)
        else:
            given.every.mkdir(parents=True, exist_ok=True)
            everything(browser, standing.base, jobs, given)
        browser.close()


def everything(browser: Browser, base: str, jobs: dict[str, str], given: argparse.Namespace) -> None:
    """Every screen in the looks that were asked for; of a service that has all, then of an empty one, then of one with a key."""

    def each(screens: dict[str, tuple[str, Callable[[Page], None]]], at: str) -> None:
        for look in given.looks.split(","):
            size, scheme, language = look.split("-")
            width, height = SIZES[size]
            locale = "zh-CN" if language == "zh" else "en-GB"
            for name, (way, act) in screens.items():
                if name.startswith(given.only):
                    path = given.every / f"{name}-{look}.png"
                    try:
                        shoot(
                            browser, f"{at}/{way.format(**jobs)}", act, path, viewport={"width": width, "height": height},
                            color_scheme=scheme, locale=locale,
                        )  # fmt: skip
                    except Exception as fault:  # the others are worth having
                        print(f"{path}: {fault}", file=sys.stderr)

    each(EVERY, base)
    with tempfile.TemporaryDirectory() as data, Standing(Path(data) / "data") as bare:
        each(EMPTY, bare.base)
    with tempfile.TemporaryDirectory() as data, Standing(Path(data) / "data", open_to_all=False) as locked:
        each({"login": ("#/", nothing)}, locked.base)


if __name__ == "__main__":
    main()
