"""The page of `videoscan frames --report` as a browser shows it."""

from __future__ import annotations

import re

import numpy as np
import pytest
from deciding import about, day, page, sample, still

from videoscan.model import Lost, Reason, Regions, Tally

REGIONS = Regions(exclude=(((0.0, 0.0), (1.0, 0.0), (1.0, 0.5), (0.0, 0.5)),))
TALLY = Tally(44.0, 440, lost=(Lost(20.0, 22.0, "the file is damaged here"),))


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")

    def hour():
        """Sixty kept frames, sixty that look like each."""
        for minute in range(60):
            first = minute * 600
            yield sample(first, Reason.CHANGED if minute else Reason.FIRST, 20.0 if minute else 0.0)
            yield from still(first, 59, 4.9 if minute == 30 else 1.0)

    made = {}
    for name, samples, told, tally in (
        ("day", day(), about(), TALLY),
        ("regions", day(), about(regions=REGIONS), TALLY),
        ("hour", hour(), about(), None),
    ):
        text = page(samples, folder, told, tally=tally)
        made[name] = folder / f"{name}.html"
        made[name].write_text(text)
    return made


@pytest.fixture
def visit(open_file, pages):
    return lambda name, **options: open_file(pages[name], **options)


def shown(page):
    """The frames that are there to be seen, by number."""
    return [
        int(each.get_attribute("data-frame"))
        for each in page.locator('[data-what="frame"]').all()
        if each.evaluate("e => !e.closest('[hidden]') && e.getClientRects().length > 0")
    ]


def test_everything_can_be_read_without_javascript(visit):
    page = visit("day", java_script_enabled=False)
    assert len(shown(page)) == 44, "nothing is folded away where nothing could unfold it"
    text = page.locator("body").inner_text()
    for said in ("5 of 44 sampled frames were kept", "the file is damaged here", "Stands for 30 dropped frames", "27"):
        assert said in text
    assert page.locator("#chips").is_hidden()
    assert page.evaluate("[...document.images].every(i => i.complete && i.naturalWidth > 0)")


@pytest.mark.parametrize("name", ["day", "hour"])
def test_no_width_makes_the_page_scroll_sideways(visit, name):
    page = visit(name)
    for width in (320, 390, 768, 1280, 2000):
        page.set_viewport_size({"width": width, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_long_strip_is_folded_and_can_be_unfolded(visit):
    page = visit("day")
    assert len(shown(page)) == 44 - 12
    more = page.get_by_role("button", name="Show 12 more")
    more.click()
    assert len(shown(page)) == 44
    page.get_by_role("button", name="Show fewer").click()
    assert len(shown(page)) == 32


def test_filters_narrow_by_reason_and_nearness_and_count(visit):
    page = visit("day")
    page.get_by_role("button", name="Thinned 2").click()
    assert shown(page) == [410, 420, 430], "with the frame that was shown instead"
    assert page.locator("#count").inner_text() == "2 of 44"
    assert "context" in page.locator("#f410").get_attribute("class")
    page.get_by_role("button", name="Cut 1").click()
    assert page.locator("#count").inner_text() == "3 of 44"
    assert "context" not in page.locator("#f410").get_attribute("class")
    page.get_by_role("button", name="Thinned 2").click()
    page.get_by_role("button", name="Cut 1").click()
    page.keyboard.press("n")
    assert shown(page) == [50, 60, 70]
    assert page.locator("#count").inner_text() == "2 of 44"
    page.get_by_role("button", name="First frame 1").click()
    assert page.get_by_text("No frame matches.").is_visible()
    page.get_by_role("button", name="First frame 1").click()
    page.keyboard.press("n")
    assert len(shown(page)) == 32


def test_what_a_filter_asks_for_is_not_folded_away(visit):
    page = visit("day")
    page.get_by_role("button", name="Unchanged 37").click()
    assert page.locator(".small:visible").count() == 37
    assert page.locator(".unfold:visible").count() == 0


def test_a_dropped_frame_is_shown_beside_the_one_that_stands_for_it(visit):
    page = visit("day")
    page.get_by_role("button", name=re.compile("Compare frame 80 ")).click()
    viewer = page.locator("#viewer")
    assert viewer.is_visible()
    assert page.locator("#title").inner_text() == "Frame 80 · 00:00:08.000 · dropped: unchanged, 2"
    assert page.locator("#subtitle").inner_text() == "00:00:00.000 stands for it"
    left, right = (each.bounding_box() for each in viewer.locator("figure").all())
    assert left["x"] + left["width"] <= right["x"] + 1
    assert abs(left["y"] - right["y"]) < 1
    assert [each.inner_text() for each in viewer.locator("figcaption").all()] == ["kept 00:00:00.000", "dropped 00:00:08.000"]
    page.keyboard.press("Escape")
    assert viewer.is_hidden()
    assert page.evaluate("document.activeElement.dataset.frame") == "80", "the focus is back where it was"


def test_a_thinned_frame_is_not_said_to_look_like_the_one_that_was_shown(visit):
    page = visit("day")
    page.get_by_role("button", name=re.compile("Compare frame 420 ")).click()
    assert page.locator("#subtitle").inner_text() == "beside the last frame that was shown, 00:00:41.000: they differ"


def test_arrows_go_through_the_frames_and_open_what_is_folded(visit):
    page = visit("day")
    page.get_by_role("button", name=re.compile("Open frame 100 ")).click()
    assert "frame kept before it, 00:00:07.000" in page.locator("#subtitle").inner_text()
    for number in range(110, 150, 10):
        page.keyboard.press("ArrowRight")
        assert page.locator("#title").inner_text().startswith(f"Frame {number} ")
    for _ in range(5):
        page.keyboard.press("ArrowLeft")
    assert page.locator("#title").inner_text().startswith("Frame 70 ") or page.locator("#title").inner_text().startswith(
        "Frame 90 "
    )
    page.keyboard.press("Escape")
    page.get_by_role("button", name=re.compile("Open frame 0 ")).click()
    assert "nothing before it" in page.locator("#subtitle").inner_text()
    assert page.locator("#previous").is_disabled()
    assert page.get_by_role("button", name="Flicker").is_disabled()


def test_flicker_swaps_the_pictures_in_one_place_and_space_swaps_them_by_hand(visit):
    page = visit("day", reduced_motion="reduce")
    page.get_by_role("button", name=re.compile("Compare frame 10 ")).click()
    page.keyboard.press("2")
    first, second = page.locator("#stage figure").all()
    assert first.bounding_box() == second.bounding_box()
    assert (first.evaluate("e => getComputedStyle(e).visibility"), second.is_visible()) == ("hidden", True)
    page.keyboard.press(" ")
    assert (first.is_visible(), second.evaluate("e => getComputedStyle(e).visibility")) == (True, "hidden")
    sizes = [each.evaluate("e => [e.naturalWidth, e.naturalHeight]") for each in page.locator("#stage img").all()]
    assert sizes[0] == sizes[1], "a sharper picture alone would flicker"
    assert page.locator("#viewer").is_visible()


def test_flicker_goes_on_by_itself_unless_somebody_wants_less_motion(visit):
    page = visit("day", reduced_motion="no-preference")
    page.get_by_role("button", name=re.compile("Compare frame 10 ")).click()
    page.get_by_role("button", name="Flicker").click()
    for hidden in (2, 1, 2):
        page.locator(f"#stage figure:nth-child({hidden}).off").wait_for(state="attached")


def test_the_difference_of_two_pictures_is_black_where_they_are_alike(visit, tmp_path):
    import cv2

    page = visit("day")
    page.get_by_role("button", name=re.compile("Compare frame 10 ")).click()
    page.keyboard.press("3")
    page.locator("#stage").screenshot(path=tmp_path / "difference.png")
    image = cv2.imread(str(tmp_path / "difference.png"))[:, :, ::-1].astype(int).max(axis=2)
    height, width = image.shape
    # The square is at 0 in one picture and at 70 of 320 in the other; elsewhere there is different noise.
    where = np.zeros(image.shape, bool)
    where[int(height * 0.36) : int(height * 0.46), : int(width * 0.12)] = True
    assert image[where].mean() > 200
    assert image[int(height * 0.6) : int(height * 0.9)].mean() < 100


def test_j_and_k_walk_through_the_kept_frames(visit):
    page = visit("hour")
    for key, expected in (("j", "f0"), ("j", "f600"), ("j", "f1200"), ("k", "f600")):
        page.keyboard.press(key)
        assert page.locator("[aria-current=true]").get_attribute("id") == expected
    group, dock = page.locator("[aria-current=true]").bounding_box(), page.locator("#dock").bounding_box()
    assert group["y"] >= dock["y"] + dock["height"] - 1, "it is not hidden under the strip"
    page.keyboard.press("o")
    assert page.locator("#title").inner_text().startswith("Frame 600 ")


def test_the_strip_reads_out_what_is_under_the_pointer_and_a_click_goes_there(visit):
    page = visit("day")

    def place(seconds):
        lane = page.locator(".kept-lane").bounding_box()
        return lane["x"] + lane["width"] * seconds / 44, lane["y"] + 40

    page.mouse.move(*place(6.5))
    assert page.locator("#readout").inner_text() == "0:06  dropped: unchanged, 4.60"
    page.mouse.click(*place(6.5))
    assert page.evaluate("document.activeElement.dataset.frame") == "60"
    assert page.locator("[aria-current=true]").get_attribute("id") == "f50"
    page.mouse.move(*place(21))
    assert page.locator("#readout").inner_text() == "0:21  Lost: the file is damaged here"
    page.mouse.click(*place(24.5))
    assert page.evaluate("document.activeElement.dataset.frame") == "240", "it is unfolded for that"


def test_the_strip_can_be_zoomed(visit):
    page = visit("hour")
    before = page.locator("#bar").bounding_box()["width"]
    page.locator("#in").click()
    page.keyboard.press("+")
    assert page.locator("#bar").bounding_box()["width"] == pytest.approx(16 * before, rel=0.01)
    assert page.locator("#in").is_disabled()
    page.keyboard.press("-")
    assert page.locator("#bar").bounding_box()["width"] == pytest.approx(4 * before, rel=0.01)


def test_the_boxes_lie_where_the_picture_changed_and_the_mask_where_it_was_ignored(visit):
    page = visit("day")
    picture = page.locator("#f50 .pic").bounding_box()
    box = page.locator("#f50 .boxes .lead").bounding_box()
    assert (box["x"] - picture["x"]) / picture["width"] == pytest.approx(0.4, abs=0.01)
    assert box["height"] / picture["height"] == pytest.approx(0.3, abs=0.02)
    covers = page.locator("#f50 .mask use").evaluate(
        "e => { const b = e.getBoundingClientRect(); return [b.x, b.y, b.width, b.height]; }"
    )
    assert covers[2] <= picture["width"] + 1
    page.locator("#show-boxes").uncheck()
    assert page.locator("#f50 .boxes").is_hidden()
    page.keyboard.press("m")
    assert page.locator("#f50 .mask").is_hidden()


def pixels(page, selector, tmp_path):
    import cv2

    page.locator(selector).screenshot(path=tmp_path / "shot.png")
    return cv2.imread(str(tmp_path / "shot.png")).astype(int)


def test_the_hatching_is_seen_where_nothing_counts_and_nowhere_else(visit, tmp_path):
    page = visit("regions")
    plain = page.locator("#show-mask")
    with_hatching = pixels(page, "#f0 .pic", tmp_path)
    plain.uncheck()
    without = pixels(page, "#f0 .pic", tmp_path)
    changed = np.abs(with_hatching - without).max(axis=2) > 8
    half = changed.shape[0] // 2
    assert changed[: half - 3].mean() > 0.9
    assert changed[half + 3 :].mean() < 0.01


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground_in_both_schemes(visit, contrasts, scheme):
    page = visit("day", color_scheme=scheme)
    found = contrasts(
        page, "h1", "h3 a", ".line", ".sum", ".meta", ".facts dt", ".legend li", ".badge", ".badge.near", ".cap span", ".cap b",
        ".small.near .cap b", ".chip", ".chip .num", ".scale text", ".unfold", ".keys", "summary", ".losses .muted",
    )  # fmt: skip
    assert {selector: ratio for selector, ratio in found.items() if ratio < 4.5} == {}, "WCAG 2 AA asks for 4.5"


def test_every_control_has_a_name(visit):
    page = visit("day")
    page.get_by_role("button", name=re.compile("Compare frame 10 ")).click()
    nameless = page.evaluate(
        """() => [...document.querySelectorAll("button, input, a, summary")]
            .filter(e => !(e.getAttribute("aria-label") || e.textContent.trim() || e.closest("label")?.textContent.trim()))
            .map(e => e.outerHTML.slice(0, 120))"""
    )
    assert nameless == []


def test_printed_there_are_all_kept_frames_and_no_controls(visit):
    page = visit("hour")
    page.emulate_media(media="print")
    assert page.locator("#chips").is_hidden()
    assert page.locator("#zoom").is_hidden()
    assert page.locator(".group:visible").count() == 60
    assert page.pdf().startswith(b"%PDF")


def test_an_hour_at_one_frame_a_second_opens_quickly(visit):
    sessions = []

    def measure(page):
        sessions.append(page.context.new_cdp_session(page))
        # The page's own thread time: how long it waited for the rest of the machine does not count.
        sessions[0].send("Performance.enable", {"timeDomain": "threadTicks"})

    page = visit("hour", before=measure)
    spent = {metric["name"]: metric["value"] for metric in sessions[0].send("Performance.getMetrics")["metrics"]}
    # 0.7 s measured on a busy machine; far more where every strip is laid out at once.
    assert spent["TaskDuration"] < 4
    page.keyboard.press("n")
    assert page.locator("#count").inner_text() == "59 of 3,600"
    assert page.locator(".small:visible").count() == 59
