"""Cameras on the page: added, watched as things happen, removed; and their logins, which nobody sees again."""

from __future__ import annotations

import re

import pytest
from commanding import visits
from serving import Standing

WATCH = {"watch": {"quiet": 1.0, "latency": 2.0}, "alerts": [{"name": "anybody", "min_confidence": 0.0}]}


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    root = tmp_path_factory.mktemp("footage").resolve()
    visits(root / "gate.mp4", 60)
    with Standing(tmp_path_factory.mktemp("service") / "data", roots=(root,)) as standing:
        standing.footage = f"{root.name}/gate.mp4"
        yield standing


def test_a_camera_is_added_seen_live_and_removed(open_site, service, barriers):
    page = open_site(service, "#/streams", tolerate=("status of 422", "status of 403"))
    page.get_by_text("No camera is watched").wait_for()
    assert barriers(page) == []
    page.get_by_role("button", name="Add camera").click()
    dialog = page.locator("dialog")
    dialog.get_by_role("button", name="Add camera").click()
    dialog.get_by_text("A name and an address are needed.").wait_for()
    dialog.get_by_label("Name", exact=True).fill("Gate <b>north</b>")
    dialog.get_by_label("Address").fill("gopher://nowhere")
    dialog.get_by_role("button", name="Add camera").click()
    page.wait_for_function("() => document.querySelector('dialog .complaint').textContent.length > 10")
    dialog.get_by_label("Address").fill(service.footage)
    dialog.get_by_role("button", name="Add camera").click()
    card = page.locator(".stream")
    page.locator(".stream[data-state=playing]").wait_for(timeout=30_000)
    assert card.get_by_role("link", name="Gate <b>north</b>").is_visible()
    card.get_by_role("button", name="Remove Gate").click()
    page.locator("dialog").get_by_role("button", name="Remove").click()
    page.get_by_text("No camera is watched").wait_for()


def test_events_come_as_they_happen_and_lead_to_their_moment(open_site, service, barriers):
    login = {"username": "viewer", "password": "very-secret"}
    body = {"name": "Yard", "url": service.footage, "profile": WATCH, "credentials": login}
    made = service.call("POST", "/streams", 201, json=body)
    page = open_site(service, "#/streams", viewport={"width": 390, "height": 844}, tolerate=("status of 404",))
    row = page.locator(".latest a").first
    row.wait_for(timeout=60_000)
    picture = page.locator(".stream img")
    picture.wait_for()
    assert picture.evaluate("image => image.naturalWidth") > 0
    page.get_by_text("alert: anybody").first.wait_for()
    assert "very-secret" not in page.content()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert barriers(page) == []
    assert re.search(rf"#/jobs/{made['id']}\?t=[\d.]+&event=\w+$", row.get_attribute("href"))
    service.call("DELETE", f"/streams/{made['id']}", 204)
    page.get_by_text("No camera is watched").wait_for()
