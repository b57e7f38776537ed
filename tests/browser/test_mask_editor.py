"""The editor of regions as a person uses it: with a mouse, a finger, or keys only; and what its TOML then does."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import cv2
import numpy as np
import pytest
from commanding import lines

from videoscan import cli
from videoscan.settings.options import RegionOptions

CARPARK = Path(__file__).parents[2] / "samples" / "carpark-night.mp4"
EARLY = ("--end", "35")
"""Until then somebody walks from left to right in the back, between 12 and 31 s; nothing else happens."""
WALK = ((0.28, 0.26), (0.78, 0.26), (0.78, 0.38), (0.28, 0.38))
HALF = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))


@pytest.fixture
def frames(capsys):
    def run(*arguments):
        code = cli.run(["frames", str(CARPARK), *map(str, arguments)])
        said = capsys.readouterr()
        assert code == 0, said.err
        return said.out

    return run


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    page = tmp_path_factory.mktemp("editor") / "plain.html"
    assert cli.run(["frames", str(CARPARK), "--mask-editor", str(page)]) == 0
    return page


@pytest.fixture
def edit(open_file, plain):
    def visit(path=plain, **options):
        page = open_file(path, **options)
        # Leaving with what nobody took asks first; these tests leave all the time.
        page.on("dialog", lambda dialog: dialog.accept())
        return page

    return visit


def at(page, point):
    box = page.locator("#canvas").bounding_box()
    return box["x"] + point[0] * box["width"], box["y"] + point[1] * box["height"]


def click(page, *points):
    for point in points:
        page.mouse.click(*at(page, point))


def drag(page, start, *points):
    page.mouse.move(*at(page, start))
    page.mouse.down()
    for point in points:
        page.mouse.move(*at(page, point))
    page.mouse.up()


def draw(page, *points):
    click(page, *points)
    page.keyboard.press("Enter")


def toml(page):
    return page.locator("#toml").input_value()


def table(page):
    """The regions of the text on the page, as the program itself reads them."""
    read = tomllib.loads(toml(page))
    regions = read["regions"] if "regions" in read else read["cameras"][0]["regions"]
    RegionOptions(**regions)
    return regions


def near(corners, expected):
    return len(corners) == len(expected) and np.allclose(corners, expected, atol=0.004)


# --- what is drawn is what the program then does


def test_what_is_drawn_with_the_mouse_is_ignored_by_the_next_run(edit, frames, tmp_path):
    page = edit()
    draw(page, *WALK)
    profile = tmp_path / "that.toml"
    profile.write_text(toml(page))
    told = lines(frames("--profile", profile, "--json", *EARLY))
    assert [line["reason"] for line in told if line["kept"]] == ["first"]
    assert sum(line["kept"] for line in lines(frames("--json", *EARLY))) > 8, "without it, the walker is a reason"


def test_what_is_drawn_round_the_walker_leaves_them_the_only_reason(edit, frames, tmp_path):
    page = edit()
    page.get_by_text("Only here").first.click()
    draw(page, *WALK)
    profile = tmp_path / "that.toml"
    profile.write_text(toml(page))
    kept = [line for line in lines(frames("--profile", profile, "--json")) if line["reason"] == "changed"]
    assert sum(line["time"] < 32 for line in kept) > 8
    for line in kept:
        x0, y0, x1, y1 = line["region"]
        assert 0.27 <= x0 < x1 <= 0.79
        assert 0.25 <= y0 < y1 <= 0.39


def test_what_is_drawn_and_blacked_out_is_black_in_the_saved_pictures(edit, frames, tmp_path):
    page = edit()
    draw(page, *HALF)
    page.locator("#black-out").check()
    profile = tmp_path / "that.toml"
    profile.write_text(toml(page))
    frames("--profile", profile, "--images", tmp_path / "images", *EARLY)
    pictures = [cv2.imread(str(path)) for path in (tmp_path / "images").iterdir()]
    assert pictures
    for picture in pictures:
        middle = picture.shape[1] // 2
        assert picture[:, : middle - 16].mean() < 3
        assert picture[:, middle + 16 :].mean() > 15
    page.locator("#picture").screenshot(path=tmp_path / "preview.png")
    preview = cv2.imread(str(tmp_path / "preview.png"))
    middle = preview.shape[1] // 2
    assert preview[40:-40, 40 : middle - 40].mean() < 3, "the page shows beforehand how black it will be"
    assert preview[40:-40, middle + 40 :].mean() > 15


def test_a_cameras_rule_is_one_that_fits_this_camera(edit, frames, tmp_path):
    page = edit()
    draw(page, *WALK)
    page.get_by_text("One camera’s rule").click()
    page.locator("#name").fill('Gate "7"')
    read = tomllib.loads(toml(page))
    (rule,) = read["cameras"]
    assert (rule["match"], rule["name"]) == ("samples/*", 'Gate "7"')
    profile = tmp_path / "site.toml"
    profile.write_text(f'extends = "default"\n{toml(page)}')
    told = lines(frames("--profile", profile, "--json", *EARLY))
    assert sum(line["kept"] for line in told) == 1


def test_editing_goes_on_with_the_regions_of_the_profile(edit, frames, tmp_path):
    profile, page_file = tmp_path / "site.toml", tmp_path / "again.html"
    profile.write_text(
        "[regions]\ninclude = [[[0, 0], [1, 0], [1, 1], [0, 1]]]\nexclude = [[[0.1, 0.2], [0.3, 0.2], [0.3, 0.4]]]\n"
    )
    frames("--profile", profile, "--mask-editor", page_file)
    page = edit(page_file)
    assert table(page) == {
        "include": [[[0, 0], [1, 0], [1, 1], [0, 1]]],
        "exclude": [[[0.1, 0.2], [0.3, 0.2], [0.3, 0.4]]],
        "black_out": False,
    }
    assert page.locator("#list li").count() == 2
    assert str(profile) in page.locator(".line").inner_text()


# --- drawing


def test_corners_close_with_the_first_one_with_a_double_click_and_with_enter(edit):
    page = edit()
    click(page, (0.1, 0.6), (0.3, 0.6), (0.3, 0.8), (0.1, 0.6))
    assert near(table(page)["exclude"][0], [(0.1, 0.6), (0.3, 0.6), (0.3, 0.8)])
    click(page, (0.5, 0.5), (0.6, 0.5))
    page.mouse.dblclick(*at(page, (0.6, 0.7)))
    assert near(table(page)["exclude"][1], [(0.5, 0.5), (0.6, 0.5), (0.6, 0.7)])
    draw(page, (0.7, 0.2), (0.8, 0.2), (0.8, 0.3), (0.7, 0.3))
    assert len(table(page)["exclude"]) == 3
    assert page.locator("#list li").count() == 3


def test_what_encloses_nothing_does_not_close_and_can_be_given_up(edit):
    page = edit()
    draw(page, (0.2, 0.5), (0.6, 0.5))
    assert "needs three corners" in page.locator("#hint").inner_text()
    click(page, (0.4, 0.5))
    page.keyboard.press("Enter")
    assert table(page)["exclude"] == []
    page.keyboard.press("Escape")
    draw(page, (0.2, 0.5), (0.6, 0.5), (0.6, 0.9))
    assert len(table(page)["exclude"]) == 1


def test_backspace_takes_corners_back_and_delete_takes_regions(edit):
    page = edit()
    click(page, (0.2, 0.2), (0.6, 0.2), (0.9, 0.9))
    page.keyboard.press("Backspace")
    click(page, (0.6, 0.6))
    page.keyboard.press("Enter")
    assert near(table(page)["exclude"][0], [(0.2, 0.2), (0.6, 0.2), (0.6, 0.6)])
    page.keyboard.press("Delete")
    assert table(page)["exclude"] == []


def test_corners_snap_to_the_edge_and_beside_the_picture_lie_on_it(edit):
    page = edit()
    box = page.locator("#canvas").bounding_box()
    page.mouse.click(box["x"] + 6, box["y"] - 9)
    page.mouse.click(box["x"] + box["width"] + 9, box["y"] + 7)
    page.mouse.click(box["x"] + box["width"] - 4, box["y"] + box["height"] + 11)
    page.keyboard.press("Enter")
    assert table(page)["exclude"] == [[[0, 0], [1, 0], [1, 1]]]
    assert "[[0.0000, 0.0000], [1.0000, 0.0000]," in toml(page)


def test_corners_regions_and_edges_can_be_dragged(edit):
    page = edit()
    draw(page, (0.2, 0.2), (0.6, 0.2), (0.6, 0.6), (0.2, 0.6))
    drag(page, (0.6, 0.6), (0.65, 0.65), (0.7, 0.8))
    assert near(table(page)["exclude"][0], [(0.2, 0.2), (0.6, 0.2), (0.7, 0.8), (0.2, 0.6)])
    drag(page, (0.4, 0.2), (0.4, 0.15), (0.4, 0.1))
    assert near(table(page)["exclude"][0], [(0.2, 0.2), (0.4, 0.1), (0.6, 0.2), (0.7, 0.8), (0.2, 0.6)])
    drag(page, (0.35, 0.45), (0.4, 0.45), (0.45, 0.5))
    assert near(table(page)["exclude"][0], [(0.3, 0.25), (0.5, 0.15), (0.7, 0.25), (0.8, 0.85), (0.3, 0.65)])
    drag(page, (0.45, 0.5), (0.9, 0.9))
    corners = np.array(table(page)["exclude"][0])
    assert corners.max() == 1.0, "it stops at the edge"
    assert near((corners[1] - corners[0]).reshape(1, 2), [(0.2, -0.1)]), "and keeps its shape"


def test_undo_and_redo_walk_through_every_change(edit):
    page = edit()
    draw(page, (0.2, 0.2), (0.6, 0.2), (0.6, 0.6))
    first = toml(page)
    drag(page, (0.6, 0.6), (0.7, 0.7))
    moved = toml(page)
    page.locator("#black-out").check()
    page.keyboard.press("Control+z")
    assert (toml(page), page.locator("#black-out").is_checked()) == (moved, False)
    page.keyboard.press("Control+z")
    assert toml(page) == first
    page.locator("#undo").click()
    assert table(page)["exclude"] == []
    assert page.locator("#undo").is_disabled()
    page.keyboard.press("Control+Shift+z")
    page.keyboard.press("Control+y")
    page.locator("#redo").click()
    assert table(page)["black_out"] is True
    assert page.locator("#redo").is_disabled()


def test_a_region_can_be_begun_on_top_of_another_and_turned_into_the_other_kind(edit):
    page = edit()
    draw(page, (0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.1, 0.9))
    click(page, (0.5, 0.5))
    assert len(table(page)["exclude"]) == 1, "a click on a region chooses it"
    page.keyboard.press("n")
    draw(page, (0.4, 0.4), (0.6, 0.4), (0.6, 0.6))
    assert len(table(page)["exclude"]) == 2
    page.keyboard.press("x")
    assert (len(table(page)["include"]), len(table(page)["exclude"])) == (1, 1)
    page.get_by_role("button", name="Turn region 1 into “Only here”").click()
    assert (len(table(page)["include"]), len(table(page)["exclude"])) == (2, 0)
    page.get_by_role("button", name="Delete region 1").click()
    assert len(table(page)["include"]) == 1


def test_the_kinds_differ_in_pattern_and_colour(edit):
    page = edit()
    draw(page, (0.1, 0.1), (0.3, 0.1), (0.3, 0.3))
    page.get_by_text("Only here").first.click()
    draw(page, (0.5, 0.5), (0.7, 0.5), (0.7, 0.7))
    styles = [
        page.locator(f"#shapes .shape.{kind}").evaluate(
            "e => { const s = getComputedStyle(e); return [s.fill, s.stroke, s.strokeDasharray]; }"
        )
        for kind in ("exclude", "include")
    ]
    assert all(one != other for one, other in zip(*styles, strict=True))
    assert all("url" in fill for fill, *_ in styles)


# --- without a mouse


def test_keys_alone_draw_choose_move_and_delete(edit):
    page = edit()
    page.locator("#canvas").focus()
    for key, times in ((" ", 1), ("ArrowRight", 20), (" ", 1), ("ArrowDown", 10), ("Shift+ArrowDown", 5), (" ", 1), ("Enter", 1)):
        for _ in range(times):
            page.keyboard.press(key)
    assert table(page)["exclude"] == [[[0.5, 0.5], [0.7, 0.5], [0.7, 0.605]]]
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "Region 1: Ignore, 3 corners"
    page.keyboard.press("ArrowLeft")
    assert table(page)["exclude"] == [[[0.49, 0.5], [0.69, 0.5], [0.69, 0.605]]]
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')").startswith("Corner 1 of 3: 49.0 % from the left")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("+")
    assert table(page)["exclude"] == [[[0.49, 0.49], [0.59, 0.495], [0.69, 0.5], [0.69, 0.605]]]
    page.keyboard.press("Delete")
    assert table(page)["exclude"] == [[[0.49, 0.49], [0.69, 0.5], [0.69, 0.605]]]
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Rectangle").press("Enter")
    assert len(table(page)["exclude"]) == 2
    page.keyboard.press("ArrowDown")
    assert table(page)["exclude"][1][0] == [0.3, 0.31]
    page.keyboard.press("Delete")
    assert len(table(page)["exclude"]) == 1


def test_a_finger_draws_and_drags(edit):
    page = edit(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    for point in ((0.2, 0.2), (0.7, 0.2), (0.7, 0.8), (0.2, 0.2)):
        page.touchscreen.tap(*at(page, point))
    assert near(table(page)["exclude"][0], [(0.2, 0.2), (0.7, 0.2), (0.7, 0.8)])
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


# --- the text


def test_what_is_pasted_becomes_what_is_drawn_and_looks_the_same_again(edit):
    page = edit()
    written = (
        "# from another page\n[[cameras]]\nmatch = \"gate/*\"   # all of them\nname = 'Gate'\n\n[cameras.regions]\n"
        "exclude = [\n  [[0, 0], [0.25, 0.0], [2.5e-1, 0.125]],  # the clock\n]\nblack_out = true\n"
    )
    page.locator("#toml").fill(written)
    assert page.locator("#complaint").is_hidden()
    assert page.locator("#shapes .region.exclude").count() == 1
    assert page.locator("#black-out").is_checked()
    page.locator("#canvas").focus()
    again = toml(page)
    assert tomllib.loads(again)["cameras"] == [
        {
            "match": "gate/*",
            "name": "Gate",
            "regions": {"include": [], "exclude": [[[0, 0], [0.25, 0], [0.25, 0.125]]], "black_out": True},
        }
    ]
    page.locator("#toml").fill(again)
    page.locator("#canvas").focus()
    assert toml(page) == again
    page.keyboard.press("Control+z")
    assert page.locator("#shapes .region").count() == 0, "loading is a change like any other"


@pytest.mark.parametrize(
    "text",
    [
        "[regions]\ninclude = [[[0.1, 0.1], [0.9, 0.1], [0.9, 0.9]]]",
        "regions.include = [[[0.1, 0.1], [0.9, 0.1], [0.9, 0.9]]]",
        "regions = { include = [[[0.1, 0.1], [0.9, 0.1],\n [0.9, 0.9]]], black_out = false }",
        '[[cameras]]\nmatch = "a"\nregions.include = [[[0.1, 0.1], [0.9, 0.1], [0.9, 0.9,],],]\r\n',
        "\ufeff[regions] # x\n'include' = [ # a\n [ [1_0e-2, +0.1], [0.9, 0.1], [0.9, 0.9] ] ]",
    ],
)
def test_every_way_to_write_regions_is_read(edit, text):
    page = edit()
    page.locator("#toml").fill(text)
    assert page.locator("#complaint").is_hidden(), page.locator("#complaint").inner_text()
    page.locator("#canvas").focus()
    assert table(page)["include"] == [[[0.1, 0.1], [0.9, 0.1], [0.9, 0.9]]]


REFUSED = {
    "hello": "line 1: hello has no value",
    "[sampler]\nevery = 2": "[sampler] is another table",
    "[regions]\nexclude = [[[0, 0], [0.5, 0]]]": "exclude[0] needs three corners",
    "[regions]\nexclude = [[[0, 0], [0.5, 0], [1, 0]]]": "encloses nothing",
    "[regions]\nexclude = [[[0, 0], [0.5, 0], [1.2, 1]]]": "exclude[0][2] is no corner",
    "[regions]\nexclude = [[[0, 0], [0.5, 0], [1, 1]]": "a comma or ] is missing",
    "[regions]\nexclude = [0, 1]": "exclude[0] is a list of corners",
    "[regions]\nblack_out = true": "nothing would be black",
    "[regions]\nblack_out = 1": "black_out is true or false",
    "[regions]\nmask = []": "regions.mask does not belong to regions",
    '[[cameras]]\nname = "a"\n[cameras.regions]\nexclude = []': "has no match",
    '[[cameras]]\nmatch = "a"\n[[cameras]]\nmatch = "b"': "a second camera",
    "[regions]\nexclude = []\nexclude = []": "exclude stands twice",
    "[regions]\nexclude = [] []": "something stands behind the value",
    "": "there is no [regions] table",
}


def test_what_cannot_be_read_is_refused_in_a_sentence_and_changes_nothing(edit):
    page = edit()
    draw(page, (0.1, 0.1), (0.3, 0.1), (0.3, 0.3))
    before = toml(page)
    for text, said in REFUSED.items():
        page.locator("#toml").fill(text)
        complaint = page.locator("#complaint").inner_text()
        assert said in complaint, f"{text!r}: {complaint}"
        assert page.locator("#shapes .region").count() == 1
    click(page, (0.6, 0.6))
    page.keyboard.press("Escape")
    assert toml(page) == before, "the next stroke writes what is drawn"
    assert page.locator("#complaint").is_hidden()


def test_a_table_that_is_pasted_on_the_page_is_loaded_and_anything_else_complained_of(edit):
    page = edit()
    paste = """text => { const data = new DataTransfer(); data.setData("text", text);
        document.body.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true })); }"""
    page.evaluate(paste, "[regions]\nexclude = [[[0, 0], [0.5, 0], [0.5, 0.5]]]\n")
    assert table(page)["exclude"] == [[[0, 0], [0.5, 0], [0.5, 0.5]]]
    page.evaluate(paste, "a shopping list")
    assert "Not loaded" in page.locator("#complaint").inner_text()
    assert len(table(page)["exclude"]) == 1


def test_the_text_can_be_copied_and_downloaded(edit, tmp_path):
    page = edit(permissions=["clipboard-read", "clipboard-write"])
    draw(page, *WALK)
    page.get_by_role("button", name="Copy").click()
    assert page.get_by_text("Copied").is_visible()
    assert page.evaluate("navigator.clipboard.readText()") == toml(page)
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download").click()
    download = waiting.value
    assert download.suggested_filename == "regions.toml"
    download.save_as(tmp_path / "regions.toml")
    assert (tmp_path / "regions.toml").read_text() == toml(page)


def test_without_regions_the_text_still_replaces_those_of_another_profile(edit):
    page = edit()
    assert tomllib.loads(toml(page)) == {"regions": {"include": [], "exclude": [], "black_out": False}}
    assert page.locator("#black-out").is_disabled(), "nothing would be black"
    draw(page, *HALF)
    page.locator("#black-out").check()
    page.locator("#list .drop").click()
    assert table(page) == {"include": [], "exclude": [], "black_out": False}


# --- the page itself


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground_in_both_schemes(edit, contrasts, scheme):
    page = edit(color_scheme=scheme)
    draw(page, *HALF)
    page.locator("#toml").fill("nonsense")
    found = contrasts(
        page, "h1", "h2", ".line", ".segments label", ".button", ".button.first", "#list b", "#list .muted", ".check", ".fine",
        "textarea", ".complaint", "#hint", "summary", ".bottom",
    )  # fmt: skip
    assert {selector: ratio for selector, ratio in found.items() if ratio < 4.5} == {}, "WCAG 2 AA asks for 4.5"


def test_every_control_has_a_name(edit):
    page = edit()
    draw(page, *HALF)
    nameless = page.evaluate(
        """() => [...document.querySelectorAll("button, input, textarea, summary, [role=button]:not([aria-hidden=true] *), [tabindex]")]
            .filter(e => !(e.getAttribute("aria-label") || e.textContent.trim() || e.labels?.[0]?.textContent.trim()))
            .map(e => e.outerHTML.slice(0, 120))"""
    )
    assert nameless == []


@pytest.mark.parametrize("width", [320, 390, 768, 1280, 2000])
def test_no_width_makes_the_page_scroll_sideways(edit, width):
    page = edit(viewport={"width": width, "height": 844})
    draw(page, *HALF)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert near(table(page)["exclude"][0], HALF), "and the picture still lies under the pointer"


def test_leaving_with_what_nobody_took_asks_first(edit):
    page = edit()
    asked = []
    page.on("dialog", lambda dialog: asked.append(dialog.type))
    draw(page, *HALF)
    page.reload()
    assert asked == ["beforeunload"]
    assert json.loads(page.locator("#editor").get_attribute("data-regions"))["exclude"] == []
