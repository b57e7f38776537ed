"""The morning report as a browser shows it."""

from __future__ import annotations

import examples
import pytest

from videoscan.exporters.html import HtmlExporter
from videoscan.seams import Told


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("night")
    gate = examples.busy(count=6)
    gate = gate.model_copy(update={"source": gate.source.model_copy(update={"clock": "2026-11-21T23:00:00+01:00"})})
    with (folder / "night.html").open("wb") as out:
        HtmlExporter().write_all(
            [Told(examples.carpark(folder), str(folder)), Told(gate), Told(examples.quiet())], out, pytest.fail
        )
    return folder / "night.html"


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_phone_and_desk_and_asks_for_nothing(open_file, report, width, scheme):
    page = open_file(report, viewport={"width": width, "height": 900}, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator(".event").count() == 13
    assert "owned" not in page.title()
    page.locator("img").last.scroll_into_view_if_needed()
    page.wait_for_function("[...document.images].filter(i => i.complete && i.naturalWidth > 0).length > 0")
    assert page.locator("script").count() == 0


def test_a_mark_on_the_axis_leads_to_its_event(open_file, report):
    page = open_file(report)
    page.locator(".camera .mark").last.click()
    assert page.url.endswith("#event-9")
    shown = page.locator("#event-9").bounding_box()
    assert 0 <= shown["y"] < 900
