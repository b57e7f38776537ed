"""What stands around every screen of the page: ways, language, theme, signing in, a service that goes and comes back."""

from __future__ import annotations

import pytest
from serving import Standing


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with Standing(tmp_path_factory.mktemp("service") / "data") as standing:
        yield standing


def test_the_ways_lead_to_the_screens_and_the_browser_leads_back(open_site, service):
    page = open_site(service, tolerate=("status of 404",))
    for way in ("Live", "Search", "Settings", "Jobs"):
        page.get_by_role("navigation").get_by_role("link", name=way).click()
        page.locator("h1", has_text=way).wait_for()
        assert page.locator("[aria-current=page]").inner_text() == way
    page.go_back()
    page.locator("h1", has_text="Settings").wait_for()


def test_the_language_changes_at_once_and_is_remembered(open_site, service):
    page = open_site(service, "#/settings")
    page.get_by_text("中文").click()
    page.locator("h1", has_text="设置").wait_for()
    assert page.locator("html").get_attribute("lang") == "zh-CN"
    page.reload()
    page.locator("h1", has_text="设置").wait_for()


def test_a_browser_that_speaks_chinese_gets_chinese(open_site, service):
    page = open_site(service, "#/settings", locale="zh-CN")
    page.locator("h1", has_text="设置").wait_for()


def test_the_theme_that_was_chosen_lies_over_the_systems(open_site, service):
    page = open_site(service, "#/settings", color_scheme="light")
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    page.get_by_text("Dark", exact=True).click()
    dark = page.evaluate(ground)
    assert dark != light
    page.reload()
    page.locator("h1").wait_for()
    assert page.evaluate(ground) == dark
    page.get_by_text("As the system").click()
    assert page.evaluate(ground) == light
