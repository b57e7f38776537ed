"""What a reviewer takes away of the footage: a clip of each event, one video of those that are shown, the evidence."""

from __future__ import annotations

import zipfile

import av
import pytest
from cutouts import about
from planted import plant
from recordings import film
from serving import Standing


@pytest.fixture(scope="module")
def footage(tmp_path_factory):
    root = tmp_path_factory.mktemp("footage").resolve()
    film(root / "gate.mp4", 8, [(1, 2), (4, 7)])
    return root


@pytest.fixture(scope="module")
def service(tmp_path_factory, footage):
    with Standing(tmp_path_factory.mktemp("service") / "data", roots=(footage,), at_once=0) as standing:
        yield standing


@pytest.fixture
def page(open_site, service, footage):
    spans = ((1.0, 1.4, "A van stops"), (4.0, 4.6, "A man gets out"), (6.0, 6.8, "The van leaves"))
    job = plant(service, "gate.mp4", lambda folder: about(footage / "gate.mp4", *spans, duration=8.0, fps=5.0, folder=folder))
    page = open_site(service, f"#/jobs/{job}")
    page.locator(".rows .row-event").first.wait_for()
    return page


def taken(page, press):
    with page.expect_download(timeout=60_000) as downloading:
        press()
    return downloading.value


def length(path):
    with av.open(str(path)) as container:
        return float(container.streams.video[0].duration * container.streams.video[0].time_base)


def test_a_clip_of_each_event_and_the_evidence_are_downloads(page):
    page.locator("summary", has_text="Export").click()
    clips = taken(page, lambda: page.get_by_role("link", name="A clip of each event").click())
    assert clips.suggested_filename == "gate clips.zip"
    with zipfile.ZipFile(clips.path()) as packed:
        assert [name.rpartition(" ")[2] for name in packed.namelist()] == ["stops.mp4", "out.mp4", "leaves.mp4"]
    page.locator("summary", has_text="Export").click()
    bundle = taken(page, lambda: page.get_by_role("link", name="Evidence bundle").click())
    assert bundle.suggested_filename == "gate evidence.zip"
    with zipfile.ZipFile(bundle.path()) as packed:
        assert "manifest.sha256" in packed.namelist()


def test_what_a_filter_leaves_is_what_is_cut(page):
    page.get_by_role("searchbox", name="Find in this recording").fill("van")
    page.get_by_text("2 of 3 events").wait_for()
    page.locator("summary", has_text="Export").click()
    page.get_by_text("Only the 2 events that are shown").wait_for()
    reel = taken(page, lambda: page.get_by_role("link", name="One video of all events").click())
    # Two seconds around each: 0 to 3.4, and 4 to 8.
    assert length(reel.path()) == pytest.approx(7.4, abs=0.3)


def test_the_event_that_is_looked_at_is_saved_as_a_video_of_its_own(page):
    page.locator(".rows .row-event", has_text="A man gets out").click()
    clip = taken(page, lambda: page.get_by_role("link", name="Save a clip of this event").click())
    assert clip.suggested_filename == "gate 0-04.mp4"
    assert length(clip.path()) == pytest.approx(4.6, abs=0.3)
    page.keyboard.press("r")
    page.get_by_role("link", name="Save a clip of this event").wait_for(state="detached")
