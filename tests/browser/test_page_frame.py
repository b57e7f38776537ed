"""What stands around every screen of the page: ways, language, theme, signing in, a service that goes and comes back."""

from __future__ import annotations

import pytest
from serving import Standing


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with Standing(tmp_path_factory.mktemp("service") / "data") as standing:
        yield standing


def test_the_ways_lead_to_the_screens_and_the_browser_leads_back(open_site, service):
    page = open_site(service)
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


def test_a_service_that_goes_away_is_said_and_its_coming_back_too(open_site, service):
    page = open_site(service, tolerate=("ERR_CONNECTION_REFUSED", "ERR_CONNECTION_RESET", "ERR_SOCKET_NOT_CONNECTED"))
    page.get_by_role("heading", name="Drop a video here").wait_for()
    service.silent()
    page.get_by_text("The service does not answer.").wait_for()
    service.heard()
    page.get_by_text("The service answers again.").wait_for()
    assert page.locator(".offline").is_hidden()
    assert page.get_by_role("heading", name="Drop a video here").is_visible(), "what was on the screen stays"


def test_the_frame_can_be_used_by_everybody_and_says_where_nothing_is(open_site, service, barriers):
    page = open_site(service, "#/nowhere", viewport={"width": 390, "height": 844}, color_scheme="dark")
    page.get_by_text("There is nothing at this address.").wait_for()
    assert barriers(page) == []
    page.keyboard.press("Tab")
    assert page.locator(".skip").evaluate("link => link === document.activeElement")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.get_by_role("link", name="Go to the jobs").click()
    page.get_by_role("heading", name="Drop a video here").wait_for()


def test_whoever_wants_less_motion_gets_none(open_site, service):
    page = open_site(service, reduced_motion="reduce")
    page.get_by_role("heading", name="Drop a video here").wait_for()
    moving = "[...document.querySelectorAll('*')].filter(e => getComputedStyle(e).animationName !== 'none' || parseFloat(getComputedStyle(e).transitionDuration))"
    assert page.evaluate(f"{moving}.length") == 0
