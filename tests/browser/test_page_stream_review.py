"""A camera's day on its screen while it is watched: it grows, what is told is judged at once, and the judgement holds."""

from __future__ import annotations

import pytest
from commanding import visits
from serving import Standing

WATCH = {"watch": {"quiet": 1.0, "latency": 2.0}}


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    root = tmp_path_factory.mktemp("footage").resolve()
    visits(root / "gate.mp4", 240)
    with Standing(tmp_path_factory.mktemp("service") / "data", roots=(root,)) as standing:
        standing.footage = f"{root.name}/gate.mp4"
        yield standing


def test_a_day_grows_under_its_reviewer_and_what_was_judged_stays_judged(open_site, service):
    made = service.call("POST", "/streams", 201, json={"name": "Yard", "url": service.footage, "profile": WATCH})
    page = open_site(service, "#/streams")
    page.locator(".latest a").first.click(timeout=60_000)
    rows = page.locator(".rows .row-event")
    rows.first.wait_for(timeout=60_000)
    page.locator(".job-banner").get_by_role("button", name="Go to the newest").click()
    page.locator(".job-banner").get_by_role("button", name="The newest is shown").wait_for()
    rows.first.click()
    title = page.locator(".detail-title").inner_text()
    with page.expect_response(lambda answer: answer.request.method == "PATCH") as judged:
        page.keyboard.press("a")
    assert judged.value.status == 200
    page.locator(".detail-review.accepted").wait_for()
    before = int(page.locator(".tabs .count-of").inner_text().split("/")[-1])
    page.wait_for_function(
        "before => Number(document.querySelector('.tabs .count-of').textContent.split('/').at(-1)) > before",
        arg=before,
        timeout=60_000,
    )
    assert page.locator(".detail-title").inner_text() == title, "it goes on, and nobody is moved"
    assert page.locator(".detail-review.accepted").count() == 1
    page.close()
    service.call("DELETE", f"/streams/{made['id']}", 204)
