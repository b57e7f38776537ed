"""The list of jobs in a browser: adding videos, watching them, uploads that break off, what can be done with a job."""

from __future__ import annotations

import itertools
import re
import shutil

import pytest
from recordings import film
from serving import Standing

BROKEN = (
    "ERR_CONNECTION_REFUSED",
    "ERR_CONNECTION_RESET",
    "ERR_SOCKET_NOT_CONNECTED",
    "ERR_EMPTY_RESPONSE",
    "ERR_CONNECTION_CLOSED",
)
MEGABYTE = 1 << 20


@pytest.fixture(scope="module")
def footage(tmp_path_factory):
    """Clips to submit: a small one, one of 40 MB (a small one with a box that players skip behind it), and what is no video."""
    folder = tmp_path_factory.mktemp("footage")
    clip = film(folder / "gate.mp4", 3, [(1, 2)])
    padding = 40 * MEGABYTE
    with (folder / "long.mp4").open("wb") as file:
        file.write(clip.read_bytes() + padding.to_bytes(4, "big") + b"free")
        # No two pieces are alike: one that is sent twice, or not at all, would be seen. The rest is a hole that takes no disk.
        for piece in range(0, 40, 4):
            file.seek(clip.stat().st_size + piece * MEGABYTE + 100)
            file.write(piece.to_bytes(1, "big") * 1000)
        file.truncate(clip.stat().st_size + padding)
    (folder / "broken.mp4").write_bytes(b"this is no video")
    (folder / "notes.txt").write_text("not a video either")
    return folder


@pytest.fixture(scope="module")
def service(tmp_path_factory, footage):
    """A service with a job that is done and one that failed."""
    with Standing(tmp_path_factory.mktemp("service") / "data", roots=(footage.resolve(),)) as standing:
        for source in ("gate.mp4", "broken.mp4"):
            standing.until(standing.submit(source)["id"])
        yield standing


@pytest.fixture(scope="module")
def waiting(tmp_path_factory, footage):
    """A service that takes jobs and works none of them off."""
    with Standing(tmp_path_factory.mktemp("waiting") / "data", roots=(footage.resolve(),), at_once=0) as standing:
        yield standing


@pytest.fixture
def clean(waiting):
    """That service without any job."""
    for job in waiting.call("GET", "/jobs")["jobs"]:
        waiting.call("POST", f"/jobs/{job['id']}/cancel", 202)
        waiting.call("DELETE", f"/jobs/{job['id']}", 204)
    return waiting


def row(page, name):
    return page.locator(".job", has=page.get_by_role("link", name=name, exact=True))


def choose(page, *files):
    """Choose files in the dialog that adds videos, which is opened where it is not open."""
    if not page.locator("dialog[open]").count():
        page.get_by_role("button", name="Add video").click()
    with page.expect_file_chooser() as chooser:
        page.locator("dialog").get_by_role("button", name="Choose files").click()
    chooser.value.set_files([str(file) for file in files])


def test_an_empty_service_teaches_and_its_sample_becomes_a_job(open_site, clean, barriers):
    page = open_site(clean)
    page.get_by_role("heading", name="Drop a video here").wait_for()
    page.get_by_text("Nothing leaves this machine").wait_for()
    assert page.locator(".welcome-steps li").count() == 3
    assert barriers(page) == []
    page.get_by_role("button", name="Try the sample clip").click()
    page.wait_for_url(re.compile(r"#/jobs/[0-9a-f]{24}$"))
    page.go_back()
    row(page, "carpark-night.mp4").get_by_text("Waits for its turn").wait_for()


def test_from_a_file_to_a_done_job(open_site, service, footage):
    page = open_site(service)
    row(page, "gate.mp4").wait_for()
    shutil.copy(footage / "gate.mp4", footage / "door.mp4")
    choose(page, footage / "door.mp4", footage / "notes.txt")
    dialog = page.locator("dialog")
    dialog.get_by_text("1 file,").wait_for()
    dialog.get_by_text("1 file is no video").wait_for()
    dialog.get_by_text("Fixed camera").click()
    assert "12–3,600 pictures" in dialog.inner_text()
    dialog.get_by_role("button", name="Start").click()
    done = row(page, "door.mp4")
    done.locator(".word", has_text=re.compile("event|Nothing happened")).wait_for()
    assert "Fixed camera" in done.inner_text()
    picture = done.locator("img")
    picture.wait_for()
    assert picture.evaluate("image => image.naturalWidth") > 0
    done.get_by_role("link").click()
    page.wait_for_url(re.compile(r"#/jobs/[0-9a-f]{24}$"))


def went_on(offsets, *, least):
    """An upload in pieces of 8 MB broke off after `least` MB or more, and went on from there."""
    assert len(offsets) >= 6, offsets
    assert offsets == sorted(set(offsets)), "nothing is sent twice"
    assert all(later - each <= 8 * MEGABYTE for each, later in itertools.pairwise(offsets))
    broken = next(each for each in offsets if each % (8 * MEGABYTE))
    assert broken > least * MEGABYTE, offsets


def arrived_whole(service, footage):
    """What the service has of it is what was sent, byte by byte."""
    [job] = [each["id"] for each in service.call("GET", "/jobs")["jobs"] if each["name"] == "long.mp4"]
    assert service.call("GET", f"/jobs/{job}/video") == (footage / "long.mp4").read_bytes()


def reached(page, percent):
    page.wait_for_function(
        "percent => Number(document.querySelector('.upload [role=progressbar]')?.getAttribute('aria-valuenow')) > percent",
        arg=percent,
    )


def test_a_reload_in_the_middle_of_an_upload_goes_on_where_it_was(open_site, clean, footage):
    sent = []
    sessions = []

    def carrying(megabytes):
        limits = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": megabytes * MEGABYTE}
        sessions[0].send("Network.emulateNetworkConditions", limits)

    def slow(page):
        sessions.append(page.context.new_cdp_session(page))
        sessions[0].send("Network.enable")
        carrying(24)
        page.on("request", lambda request: sent.append((request.method, dict(request.headers).get("upload-offset"))))

    page = open_site(clean, before=slow)
    page.get_by_role("heading", name="Drop a video here").wait_for()
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose files").click()
    chooser.value.set_files(str(footage / "long.mp4"))
    page.get_by_role("button", name="Start").click()
    page.locator(".upload [role=progressbar]").wait_for()
    # Past 16 MB, two whole pieces, a third is on its way: so slowly that even a busy machine reloads before it is there.
    reached(page, 25)
    carrying(2)
    reached(page, 42)
    page.reload()
    carrying(24)
    row(page, "long.mp4").wait_for()
    assert page.locator(".upload").count() == 0
    went_on([int(offset) for method, offset in sent if method == "PATCH"], least=16)
    arrived_whole(clean, footage)


def test_an_upload_whose_connection_breaks_goes_on_by_itself(open_site, clean, footage):
    offsets = []

    def watch(page):
        page.on("request", lambda request: request.method == "PATCH" and offsets.append(request.headers["upload-offset"]))

    page = open_site(clean, before=watch, tolerate=BROKEN)
    page.get_by_role("heading", name="Drop a video here").wait_for()
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.send(
        "Network.emulateNetworkConditions",
        {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 24 * MEGABYTE},
    )
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose files").click()
    chooser.value.set_files(str(footage / "long.mp4"))
    page.get_by_role("button", name="Start").click()
    page.wait_for_function(
        "() => Number(document.querySelector('.upload [role=progressbar]')?.getAttribute('aria-valuenow')) > 30"
    )
    clean.silent()
    page.get_by_text("The connection broke").wait_for()
    page.get_by_text("The service does not answer").wait_for()
    clean.heard()
    row(page, "long.mp4").wait_for()
    went_on([int(offset) for offset in offsets], least=8)
    arrived_whole(clean, footage)


def test_a_file_that_is_no_video_fails_with_its_reason_and_can_be_tried_again(open_site, service):
    page = open_site(service)
    failed = row(page, "broken.mp4")
    failed.get_by_text("Failed").wait_for()
    assert "broken.mp4" in failed.locator(".why").inner_text()
    failed.hover()
    failed.get_by_role("button", name="Try broken.mp4 again").click()
    page.get_by_text("broken.mp4 is queued again.").wait_for()
    failed.get_by_text("Failed").wait_for()


def test_a_path_of_the_service_is_scanned_where_it_lies_and_a_wrong_one_is_said(open_site, clean, footage):
    clean.submit("gate.mp4")
    page = open_site(clean, tolerate=("status of 403",))
    page.get_by_role("button", name="Add video").click()
    dialog = page.locator("dialog")
    dialog.get_by_text("By path or address").click()
    dialog.get_by_role("button", name="Start").click()
    assert "Write a path or an address first." in dialog.inner_text()
    dialog.get_by_label("Path or address").last.fill("nothing.mp4")
    dialog.get_by_role("button", name="Start").click()
    dialog.get_by_text("is not below a folder of this service").wait_for()
    dialog.get_by_label("Path or address").last.fill("gate.mp4")
    dialog.get_by_role("button", name="Start").click()
    dialog.wait_for(state="detached")
    page.wait_for_function("() => document.querySelectorAll('.job').length === 2")


def test_a_job_that_is_deleted_can_be_taken_back_until_it_is_gone(open_site, clean):
    for source in ("gate.mp4", "long.mp4"):
        job = clean.submit(source)["id"]
        clean.call("POST", f"/jobs/{job}/cancel", 202)
    page = open_site(clean)
    row(page, "gate.mp4").hover()
    page.get_by_role("button", name="Delete gate.mp4").click()
    assert row(page, "gate.mp4").count() == 0
    page.get_by_role("button", name="Undo").click()
    row(page, "gate.mp4").hover()
    page.get_by_role("button", name="Delete gate.mp4").click()
    page.get_by_role("navigation").get_by_role("link", name="Settings").click()
    page.locator("h1", has_text="Settings").wait_for()
    page.get_by_role("navigation").get_by_role("link", name="Jobs").click()
    row(page, "long.mp4").wait_for()
    assert row(page, "gate.mp4").count() == 0
    assert [job["name"] for job in clean.call("GET", "/jobs")["jobs"]] == ["long.mp4"]


def test_a_job_that_is_stopped_can_be_taken_up_again_at_once(open_site, clean):
    clean.submit("gate.mp4")
    page = open_site(clean)
    row(page, "gate.mp4").hover()
    page.get_by_role("button", name="Stop gate.mp4").click()
    row(page, "gate.mp4").get_by_text("Stopped").wait_for()
    page.get_by_role("button", name="Undo").click()
    row(page, "gate.mp4").get_by_text("Waits for its turn").wait_for()


def test_names_that_hold_markup_are_shown_and_never_run(open_site, clean, footage):
    name = "<img src=x onerror=alert(1)>.mp4"
    shutil.copy(footage / "gate.mp4", footage / name)
    clean.submit(name, question="<script>alert(2)</script>")
    page = open_site(clean)
    row(page, name).wait_for()
    assert "<script>alert(2)</script>" in row(page, name).inner_text()
    assert page.locator(".job script").count() == 0


def test_filters_narrow_by_state_and_name(open_site, service):
    page = open_site(service)
    row(page, "broken.mp4").wait_for()
    page.get_by_role("group", name="Which jobs").get_by_role("button", name="Done").click()
    row(page, "broken.mp4").wait_for(state="detached")
    assert row(page, "gate.mp4").is_visible()
    page.get_by_role("group", name="Which jobs").get_by_role("button", name="All").click()
    page.get_by_label("Filter by name").fill("brok")
    row(page, "gate.mp4").wait_for(state="detached")
    page.get_by_label("Filter by name").fill("nothing of that name")
    page.get_by_text("No job fits.").wait_for()
    page.get_by_role("button", name="Clear the filter").click()
    row(page, "gate.mp4").wait_for()


def test_a_key_press_reaches_everything(open_site, service):
    page = open_site(service)
    row(page, "broken.mp4").wait_for()
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.type") == "search"
    page.locator(".screen-head .button").focus()
    for expected in ("All", "Running", "Done", "Failed"):
        page.keyboard.press("Tab")
        assert expected in page.evaluate("document.activeElement.innerText")
    row(page, "broken.mp4").get_by_role("link").focus()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "Try broken.mp4 again"
    assert row(page, "broken.mp4").locator(".acts").evaluate("acts => getComputedStyle(acts).opacity") == "1"


def test_every_width_and_scheme_can_be_used_by_everybody(open_site, service, barriers):
    page = open_site(service, locale="zh-CN")
    for width, scheme in ((390, "dark"), (820, "light"), (1440, "dark")):
        page.set_viewport_size({"width": width, "height": 844})
        page.emulate_media(color_scheme=scheme)
        row(page, "broken.mp4").wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        if width == 820:
            continue
        assert barriers(page) == []
        page.locator(".screen-head .button.main").click()
        page.locator("dialog .kind").first.wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert barriers(page) == []
        page.keyboard.press("Escape")


def test_a_folder_is_dropped_with_all_that_lies_in_it(open_site, clean, footage, tmp_path):
    for name in ("week/monday/gate.mp4", "week/tuesday/gate 2.mp4"):
        (tmp_path / name).parent.mkdir(parents=True)
        shutil.copy(footage / "gate.mp4", tmp_path / name)
    (tmp_path / "week" / "notes.txt").write_text("not a video")
    page = open_site(clean)
    page.get_by_role("heading", name="Drop a video here").wait_for()
    session = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(tmp_path / "week")], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        session.send("Input.dispatchDragEvent", {"type": kind, "x": 600, "y": 300, "data": data})
    dialog = page.locator("dialog")
    dialog.get_by_text("2 files,").wait_for()
    dialog.get_by_text("1 file is no video").wait_for()
    dialog.get_by_role("button", name="Start").click()
    for name in ("gate.mp4", "gate 2.mp4"):
        row(page, name).get_by_text("Waits for its turn").wait_for()
