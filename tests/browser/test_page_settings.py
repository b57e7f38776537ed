"""Settings on the page: who may come in, what the model can do, what the profiles mean."""

from __future__ import annotations

import pytest
from serving import Standing

from videoscan.testing.model_server import ModelServer, sees_everything


@pytest.fixture
def locked(tmp_path):
    """A service that nobody enters without a key, and a key for everything."""

    with Standing(tmp_path / "data", open_to_all=False) as standing:
        yield standing, standing.do(standing.served.service.store.add_key("Lin", ["admin"]))[1]


def test_a_wrong_key_is_refused_in_words_and_the_right_one_leads_where_one_wanted_to_go(open_site, locked, barriers):
    service, key = locked
    page = open_site(service, "#/settings", tolerate=("status of 401",))
    page.get_by_label("Key").fill("vs_not-the-key")
    assert barriers(page) == []
    page.get_by_role("button", name="Sign in").click()
    page.get_by_text("This key is not known.").wait_for()
    page.get_by_label("Key").fill(key)
    page.keyboard.press("Enter")
    page.get_by_text("Signed in with the key Lin.").wait_for()
    assert page.url.endswith("#/settings")
    stored = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])")
    assert key not in stored
    page.reload()
    page.get_by_text("Signed in with the key Lin.").wait_for()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_label("Key").wait_for()
    page.goto(service.base + "/#/")
    page.get_by_label("Key").wait_for()


def test_keys_are_shown_once_and_revoked_after_a_question(open_site, locked):
    service, key = locked
    page = open_site(service, "#/login")
    page.get_by_label("Key").fill(key)
    page.keyboard.press("Enter")
    page.get_by_role("navigation").get_by_role("link", name="Settings").click()
    page.get_by_label("Name").fill("<b>guest</b>")
    page.get_by_label("It may").select_option("read")
    page.get_by_role("button", name="Make a key").click()
    made = page.locator("dialog input").input_value()
    page.get_by_role("button", name="Close").click()
    row = page.locator(".keys li", has_text="<b>guest</b>")
    row.wait_for()
    assert "look" in row.inner_text()
    assert made not in page.content()
    row.get_by_role("button", name="Revoke").click()
    page.locator("dialog").get_by_role("button", name="Cancel").click()
    assert row.is_visible()
    row.get_by_role("button", name="Revoke").click()
    page.locator("dialog").get_by_role("button", name="Revoke").click()
    row.wait_for(state="detached")


def test_a_key_that_only_looks_cannot_submit(open_site, locked):
    service, key = locked
    bearer = {"Authorization": f"Bearer {key}"}
    guest = service.call("POST", "/keys", 201, json={"name": "guest", "scopes": ["read"]}, headers=bearer)["key"]
    page = open_site(service, "#/login")
    page.get_by_label("Key").fill(guest)
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Drop a video here").wait_for()
    assert page.get_by_role("button", name="Choose files").is_disabled()
    page.get_by_role("navigation").get_by_role("link", name="Settings").click()
    page.get_by_text("It allows: look.").wait_for()
    page.locator(".profiles li").first.wait_for()
    assert not page.get_by_role("heading", name="Keys").is_visible()


def test_the_endpoint_is_checked_in_the_page_and_profiles_explain_themselves(open_site, tmp_path, barriers):
    with (
        ModelServer.in_thread(sees_everything, strict=False) as model,
        Standing(tmp_path / "data", endpoint=model.url, model="test-model") as service,
    ):
        page = open_site(service, "#/settings")
        page.get_by_text("(test-model)").wait_for()
        page.get_by_role("button", name="Quick check").click()
        page.locator(".verdict").wait_for()
        assert "Pictures in a request" in page.locator(".check-results").inner_text()
        page.locator(".profiles li", has_text="surveillance").get_by_text("All values").click()
        page.get_by_text("An empty scene is shown again every five minutes").wait_for()
        assert barriers(page) == []
        page.set_viewport_size({"width": 390, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
