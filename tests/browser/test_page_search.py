"""Search and questions on the page: words in context, filters, a click to the moment, answers whose citations lead there."""

from __future__ import annotations

import json
import re

import pytest
from recordings import film
from serving import Standing

from videoscan.testing.model_server import ModelServer, event, ok

EVERY = ("windows.max_frames=2", "windows.overlap_frames=0", "dedup.kind=none", "describer.probe=never", "source.camera=Gate")


def script(request):
    if request.labels:
        more = {"description": "🚐 A red van waits at the barrier & leaves.", "tags": ["vehicle", "red"]}
        return ok([event("A van waits", 1, 1, **more), event("The barrier opens", 2, 2, tags=["barrier"])])
    if "[" not in request.text:
        return ok(content=json.dumps({"words": ["van"]}))
    label = re.search(r"^\[([^\]]+)\]", request.text, re.MULTILINE)
    if label is None:
        return ok(content=json.dumps({"words": ["van"]}))
    return ok(content=json.dumps({"answer": f"A van was there [{label.group(1)}].", "known": True}))


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    root = tmp_path_factory.mktemp("footage")
    film(root / "gate.mp4", 4)
    with ModelServer.in_thread(script, strict=False) as model:
        data = tmp_path_factory.mktemp("service") / "data"
        with Standing(data, roots=(root.resolve(),), endpoint=model.url, model="test-model", sets=EVERY) as standing:
            standing.until(standing.submit("gate.mp4")["id"])
            yield standing


def test_words_are_found_in_their_context_and_a_click_leads_to_the_moment(open_site, service, barriers):
    page = open_site(service)
    page.get_by_label("Search everything").fill("red van")
    page.keyboard.press("Enter")
    hit = page.locator(".hit").first
    hit.wait_for()
    assert "🚐 A red van waits at the barrier & leaves." in hit.inner_text()
    assert "red" in [each.lower() for each in hit.locator("mark").all_inner_texts()]
    assert "van" in [each.lower() for each in hit.locator("mark").all_inner_texts()]
    assert "Gate" in hit.inner_text()
    assert page.get_by_role("status").get_by_text(re.compile(r"^\d+ events?$")).is_visible()
    assert barriers(page) == []
    hit.get_by_role("link").click()
    page.wait_for_url(re.compile(r"#/jobs/[0-9a-f]{24}\?t=[\d.]+&event=\w+"))
    page.go_back()
    page.locator(".hit").first.wait_for()
    assert page.get_by_label("Words").input_value() == "red van"


def test_filters_narrow_and_stand_in_the_address(open_site, service):
    page = open_site(service, "#/search?q=barrier&tag=barrier")
    page.locator(".hit").first.wait_for()
    assert set(page.locator(".hit h3").all_inner_texts()) == {"The barrier opens"}
    page.get_by_label("Camera").fill("Yard*")
    page.get_by_label("Camera").blur()
    page.get_by_text("No event holds these words.").wait_for()
    assert "camera=Yard" in page.url
    page.reload()
    page.get_by_text("No event holds these words.").wait_for()
    assert page.get_by_label("Camera").input_value() == "Yard*"


def test_nothing_asked_for_teaches_and_nothing_found_says_why(open_site, service):
    page = open_site(service, "#/search")
    page.get_by_role("button", name="park*").click()
    assert page.get_by_label("Words").input_value() == "park*"
    page.get_by_label("Words").fill("zebra")
    page.keyboard.press("Enter")
    page.get_by_text("It matches words, not meaning").wait_for()


def test_a_question_is_answered_and_its_citation_leads_to_the_moment(open_site, service, barriers):
    page = open_site(service, "#/search", viewport={"width": 390, "height": 844})
    page.get_by_role("button", name="Ask a question").click()
    page.get_by_label("Question").fill("Was there a van?")
    page.keyboard.press("Control+Enter")
    page.locator(".answer-text").wait_for()
    assert "A van was there" in page.locator(".answer-text").inner_text()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert barriers(page) == []
    page.locator(".answer-text .cite").click()
    page.wait_for_url(re.compile(r"#/jobs/[0-9a-f]{24}\?t="))


def test_a_question_about_one_recording_is_answered_beside_it_and_its_citation_seeks(open_site, service):
    job = service.call("GET", "/jobs")["jobs"][0]["id"]
    page = open_site(service, f"#/jobs/{job}")
    page.locator(".rows .row-event", has_text="The barrier opens").last.click()
    page.get_by_role("tab", name="Ask").click()
    page.get_by_role("textbox", name="Ask about what was seen").fill("Was there a van?")
    page.keyboard.press("Enter")
    cite = page.locator(".answer-text button")
    cite.wait_for()
    assert page.locator(".answer-text").inner_text().startswith("A van was there")
    cite.click()
    assert page.locator(".detail-title").inner_text() == "A van waits"
    assert page.locator(".controls .now b").inner_text().partition(".")[0] == cite.inner_text(), "the playhead is there"
