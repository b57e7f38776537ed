"""One job's screen while things happen: it plays, grows, fails and is asked again, loses its connection; and five thousand events."""

from __future__ import annotations

import re
import shutil
import threading

import examples
import pytest
from pacing import SCROLL, ZOOM
from planted import plant
from recordings import film
from serving import Standing

from videoscan.testing.model_server import ModelServer, event, fails, ok

EVERY = (
    "windows.max_frames=2",
    "windows.overlap_frames=0",
    "dedup.kind=none",
    "describer.concurrency=1",
    "describer.probe=never",
    "describer.retries=0",
    "summary.enabled=false",
)
BROKEN = ("ERR_CONNECTION", "ERR_EMPTY_RESPONSE", "ERR_INCOMPLETE_CHUNKED", "ERR_SOCKET", "ERR_NETWORK")


class Model:
    """Answers `free` requests and holds the rest; refuses what `refuses` holds, by the number of the request."""

    def __init__(self):
        self.reset()

    def reset(self, *, free=1000, refuses=()):
        self.asked, self.free, self.refuses, self.opened, self.held = 0, free, set(refuses), threading.Event(), threading.Event()

    def __call__(self, _request):
        number = self.asked
        self.asked += 1
        if number >= self.free:
            self.held.set()
            self.opened.wait(30)
        return (
            fails(403, "this picture is refused", code="ModelArts.81011")
            if number in self.refuses
            else ok([event(f"Seen {number}", 1, 2)])
        )


@pytest.fixture(scope="module")
def footage(tmp_path_factory):
    root = tmp_path_factory.mktemp("footage")
    film(root / "reel.mp4", 11, [(2, 4), (6, 9)])
    film(root / "old.avi", 4, [(1, 3)], codec="mpeg4")
    film(root / "busy.mp4", 1)
    return root.resolve()


@pytest.fixture(scope="module")
def script():
    return Model()


@pytest.fixture(scope="module")
def service(tmp_path_factory, footage, script):
    with (
        ModelServer.in_thread(script) as model,
        Standing(
            tmp_path_factory.mktemp("live") / "data", roots=(footage,), endpoint=model.url, model="m", sets=EVERY
        ) as standing,
    ):
        yield standing


@pytest.fixture(scope="module")
def done(service, script):
    """A job that is done, with six events; tests change none of them."""
    script.reset()
    job = service.submit("reel.mp4")["id"]
    service.until(job)
    return job


def now(page):
    return page.locator(".controls .now b").inner_text()


def test_the_recording_plays_and_list_and_words_follow(open_site, service, done):
    page = open_site(service, f"#/jobs/{done}")
    page.locator(".rows .row-event").nth(2).click()
    assert now(page) == "0:04.0"
    video = page.locator("video")
    at = "e => new Promise(then => { const look = () => (e.currentTime > 3.9 ? then(e.currentTime) : requestAnimationFrame(look)); look(); })"
    assert video.evaluate(at) == pytest.approx(4, abs=0.01)
    page.keyboard.press(" ")
    page.locator(".rows .row-event.now .row-title", has_text=re.compile("Seen [345]")).wait_for()
    page.locator(".detail-title", has_text=re.compile("Seen [345]")).wait_for()
    page.keyboard.press(" ")
    assert video.evaluate("e => e.paused")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press(".")
    assert float(now(page).split(":")[1]) < 7


def test_a_running_job_grows_under_a_reader_who_is_not_moved(open_site, service, script):
    script.reset(free=2)
    job = service.submit("reel.mp4", question="grow")["id"]
    page = open_site(service, f"#/jobs/{job}", viewport={"width": 1280, "height": 560})
    page.locator(".job-banner.running").wait_for()
    page.locator(".rows .row-title", has_text="Seen 1").wait_for()
    assert page.locator(".rows .row-event").count() == 2
    assert page.locator(".row-gap.skipped .row-reason").inner_text() == "Not looked at yet."
    page.locator(".rows .row-event").first.click()
    assert page.locator(".detail [data-act=accept]").is_disabled(), "events are not settled yet"
    before = page.locator(".rows .row-event").first.bounding_box()
    script.opened.set()
    page.locator(".rows .row-title", has_text="Seen 5").wait_for(state="attached")
    page.locator(".job-banner.done", has_text="It is done: 6 events.").wait_for()
    assert page.locator(".rows .row-event").first.bounding_box() == before
    page.locator(".detail [data-act=accept]:enabled").wait_for()
    assert page.locator(".row-gap").count() == 0


def test_what_failed_is_explained_and_asked_again(open_site, service, script):
    script.reset(refuses={1, 2})
    job = service.submit("reel.mp4", question="fail")["id"]
    service.until(job)
    page = open_site(service, f"#/jobs/{job}")
    page.get_by_text("The model gave no answer for 2 windows (4 s).").wait_for()
    assert page.locator(".row-gap.failed").count() == 2
    reason = page.locator(".row-gap.failed .row-reason").first
    assert (reason.inner_text(), reason.get_attribute("title")) == (
        "A content filter refused the pictures or the answer.",
        "window 1: ContentFiltered",
    )
    page.get_by_role("button", name="Why?").click()
    page.locator(".failed-part", has_text="refused").wait_for()
    script.reset()
    script.asked = 10
    page.get_by_role("status").get_by_role("button", name="Ask the 2 failed windows again").click()
    page.locator(".job-banner.done").get_by_role("button", name="Close").click()
    page.get_by_role("tab", name=re.compile("Events")).click()
    page.locator(".row-gap.failed").first.wait_for(state="detached")
    assert script.asked == 12, "only what had no answer was asked"
    assert page.locator(".rows .row-event").count() == 6


def test_an_answer_that_comes_after_what_it_led_to_is_not_believed(open_site, service, script):
    script.reset(refuses={1})
    job = service.submit("reel.mp4", question="fail late")["id"]
    service.until(job)
    page = open_site(service, f"#/jobs/{job}")
    late = []
    page.route("**/retry", lambda route: late.append((route, route.fetch())))
    page.get_by_role("status").get_by_role("button", name="Ask the failed window again").click()
    # The feed has told of all of it, and the answer to the press is still under way.
    page.locator(".row-gap.failed").wait_for(state="detached")
    service.until(job)
    [(route, answer)] = late
    assert answer.json()["state"] == "queued"
    route.fulfill(response=answer)
    page.locator(".job-banner.done", has_text="It is done: 6 events.").wait_for()


def test_one_failed_stretch_is_asked_again_by_itself(open_site, service, script):
    script.reset(refuses={1, 3})
    job = service.submit("reel.mp4", question="fail alone")["id"]
    service.until(job)
    page = open_site(service, f"#/jobs/{job}")
    page.get_by_role("button", name="Why?").click()
    buttons = page.get_by_role("button", name=re.compile("^Ask again about "))
    buttons.nth(1).wait_for()
    assert buttons.count() == 2
    name = buttons.nth(1).get_attribute("aria-label")
    stretch = name.removeprefix("Ask again about ")
    assert page.locator(".gaps li", has_text=stretch).get_by_role("button").count() == 2
    script.reset(free=0)
    buttons.nth(1).focus()
    page.keyboard.press("Enter")
    assert script.held.wait(15)
    line = page.locator(".gaps li", has_text="Asked again now")
    line.wait_for()
    assert line.locator("button.link").inner_text() == stretch
    page.locator(".job-banner.running", has_text=f"{stretch} is asked again").wait_for()
    assert line.locator("button.link").evaluate("e => e === document.activeElement"), "whoever pressed it stays there"
    script.opened.set()
    page.get_by_role("button", name="Ask the failed window again").first.wait_for()
    assert script.asked == 1
    assert buttons.count() == 1
    assert buttons.get_attribute("aria-label") != name


def test_what_the_budget_left_out_is_explained_and_asked_like_what_failed(open_site, service, script):
    script.reset()
    job = service.submit("reel.mp4", question="spend", profile={"budget": {"requests": 3, "fit": False}})["id"]
    service.until(job)
    assert script.asked == 3
    page = open_site(service, f"#/jobs/{job}")
    banner = page.locator(".job-banner")
    banner.get_by_text("The budget left 3 windows out (5 s).").wait_for()
    page.locator(".row-gap.skipped .row-reason", has_text="The budget of 3 requests was used up.").wait_for()
    page.get_by_role("button", name="Why?").click()
    buttons = page.get_by_role("button", name=re.compile("^Ask again about "))
    buttons.nth(2).wait_for()
    name = buttons.nth(1).get_attribute("aria-label")
    assert name == "Ask again about 0:08–0:10"
    buttons.nth(1).click()
    banner.get_by_text("The budget left 2 windows out").wait_for()
    assert script.asked == 4, "that one and no other"
    assert page.get_by_role("button", name=name).count() == 0
    banner.get_by_role("button", name="Ask the 2 skipped windows").wait_for()


def test_a_file_that_no_browser_plays_is_shown_in_pictures_and_then_as_a_preview(open_site, service, script):
    script.reset()
    job = service.submit("old.avi")["id"]
    service.until(job)
    page = open_site(service, f"#/jobs/{job}")
    note = page.locator(".stage-note")
    note.get_by_text("This browser cannot play the file").wait_for()
    page.keyboard.press("j")
    page.keyboard.press("j")
    at = now(page)
    note.get_by_text("Shown is a small preview").wait_for(timeout=60_000)
    assert now(page) == at, "it goes on where the pictures were"
    video = page.locator("video")
    assert (
        video.evaluate("e => e.readyState >= 1 ? e.videoWidth : new Promise(d => e.onloadedmetadata = () => d(e.videoWidth))")
        == 160
    )
    page.reload()
    note.get_by_text("Shown is a small preview").wait_for()


def test_a_job_that_cannot_be_read_says_why(open_site, service, footage):
    (footage / "broken.mp4").write_bytes(b"this is no video")
    job = service.submit("broken.mp4")["id"]
    service.until(job)
    page = open_site(service, f"#/jobs/{job}")
    page.get_by_role("heading", name="There is no timeline: the job failed").wait_for()
    assert "broken.mp4" in page.locator(".sorry").inner_text()
    assert "/source/" not in page.locator(".sorry").inner_text(), "nor where it lies in the service"
    page.get_by_role("button", name="Try again").wait_for()
    assert not page.locator(".bar").is_visible(), "a bar of nothing says nothing"
    assert not page.locator(".view").is_visible()


def test_a_connection_that_is_lost_loses_nothing(open_site, service, script, done):
    page = open_site(service, f"#/jobs/{done}", tolerate=BROKEN)
    page.locator(".rows .row-event").nth(1).click()
    title = page.locator(".detail-title").inner_text()
    service.silent()
    page.keyboard.press("a")
    page.get_by_text("Not saved: the service does not answer").wait_for()
    assert page.locator(".detail-review").count() == 0, "what was not taken is not shown as taken"
    assert page.locator(".offline").is_visible()
    service.heard()
    page.locator(".offline").wait_for(state="hidden")
    page.locator(".toast", has_text="Not saved").get_by_role("button", name="Try again").click()
    page.locator(".detail-review.accepted").wait_for()
    other = next(each for each in service.call("GET", f"/jobs/{done}/timeline")["events"] if each["title"] != title)
    service.call("PATCH", f"/jobs/{done}/events/{other['id']}", json={"action": "edit", "by": "Ada", "changes": {"title": "Fog"}})
    page.locator(".rows .row-title", has_text="Fog").wait_for()
    for each in (other["id"], page.locator(".rows .row[aria-current=true]").get_attribute("data-key")):
        service.call("PATCH", f"/jobs/{done}/events/{each}", json={"action": "undo"})


def test_a_folder_shows_what_is_in_it(open_site, service, footage, script):
    script.reset()
    (footage / "two").mkdir(exist_ok=True)
    for name in ("a.mp4", "b.mp4"):
        shutil.copy(footage / "busy.mp4", footage / "two" / name)
    job = service.submit("two")["id"]
    page = open_site(service, f"#/jobs/{job}")
    page.get_by_role("link", name="a", exact=True).wait_for()
    page.locator(".children .job-state.done").nth(1).wait_for()
    page.get_by_role("link", name="b", exact=True).click()
    page.locator(".review").wait_for()


SHOWN = """() => new Promise((then) => {
    const look = () => { const [mark] = performance.getEntriesByName("review-shown"); mark ? then(mark.startTime) : setTimeout(look, 10); };
    look();
})"""

# What was asked for until the first view, and whether that was before any module could run.
ASKED = """() => {
    const [{ domInteractive }] = performance.getEntriesByType("navigation"), [shown] = performance.getEntriesByName("review-shown");
    return performance.getEntriesByType("resource").filter(each => each.startTime < shown.startTime)
        .map(each => [each.name, each.startTime < domInteractive]);
}"""


def test_five_thousand_events_are_there_at_once_and_move_smoothly(open_site, service, footage, script, record_property):
    script.reset(free=0)
    held = service.submit("reel.mp4", question="hold")["id"]  # keeps the worker from the next one
    job = plant(service, "busy.mp4", lambda folder: examples.busy(folder, pictures=20))
    assert script.held.wait(30)
    page = open_site(service, f"#/jobs/{job}")
    # The page's own mark: whoever looks from outside takes time from the service, which runs in this very process.
    shown = page.evaluate(SHOWN)
    page.locator(".rows .row-event").first.wait_for()
    # Asked for before the modules were here, once each; and every module at once, not one after the other.
    asked = page.evaluate(ASKED)
    assert sum("/timeline" in each or each.endswith(("/preview", "/me")) for each, _ in asked) == 2, "who asks stands in the page"
    assert sum("/js/" in each for each, _ in asked) > 20
    assert [each for each, at_once in asked if "/js/" in each and not at_once] == []
    assert page.locator(".tabs .count-of").inner_text() == "5,000"
    assert page.locator(".rows .row").count() < 60
    scroll, zoom = sorted(page.evaluate(SCROLL, 60)), sorted(page.evaluate(ZOOM, 60))
    page.keyboard.press("/")
    page.keyboard.type("vehicle 4999")
    page.get_by_text("1 of 5,000 events").wait_for()
    script.opened.set()
    service.until(held)
    measured = {
        "first view, ms": round(shown),
        "scroll, median and worst ms of a frame": (round(scroll[30], 1), round(scroll[-1], 1)),
        "zoom, median and worst ms of a frame": (round(zoom[30], 1), round(zoom[-1], 1)),
    }
    print(measured)
    for name, value in measured.items():
        record_property(name, value)
    # Loose: a busy machine is no reason to fail. What was measured on an idle one stands in the how-to.
    assert shown < 10_000
    assert scroll[30] < 1000
    assert zoom[30] < 1000
