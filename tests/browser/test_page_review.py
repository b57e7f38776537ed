"""One job's screen in a browser: looking, moving, judging, finding, on every size of window and by keys alone."""

from __future__ import annotations

import re
import shutil

import examples
import pytest
from planted import plant
from recordings import film
from serving import Standing

NIGHT = 8  # events of the made night


@pytest.fixture(scope="module")
def footage(tmp_path_factory):
    root = tmp_path_factory.mktemp("footage")
    for name in ("night", "other", "busy", "quiet"):
        film(root / f"{name}.mp4", 2)
    film(root / "clip.mp4", 6, [(1, 2), (3, 5)])
    return root


@pytest.fixture(scope="module")
def service(tmp_path_factory, footage):
    """A service that holds made timelines and works nothing off."""
    with Standing(tmp_path_factory.mktemp("service") / "data", roots=(footage.resolve(),), at_once=0) as standing:
        yield standing


@pytest.fixture(scope="module")
def carpark(tmp_path_factory):
    """Makes the night in a car park in a folder; its pictures are drawn once."""
    drawn = tmp_path_factory.mktemp("carpark")
    timeline = examples.carpark(drawn)

    def make(folder):
        shutil.copytree(drawn / "frames", folder / "frames")
        return timeline

    return make


@pytest.fixture
def night(service, footage, carpark):
    """A job whose recording is gone, with the night in a car park; a fresh one for each test."""
    shutil.copy(footage / "other.mp4", footage / "night.mp4")
    job = plant(service, "night.mp4", carpark)
    (footage / "night.mp4").unlink()
    return job


@pytest.fixture
def visit(open_site, service):
    def visiting(job, query="", **options):
        page = open_site(service, f"#/jobs/{job}{query}", **options)
        page.locator(".review .row-event").first.wait_for()
        return page

    return visiting


# What a finger can hardly hit: buttons, fields and tabs under 40 px. A link in a line of text is as high as its line; more than it answers.
TOO_SMALL = """() => [...document.querySelectorAll("button:not(.link), summary, .button, input:not([type=checkbox]), select, .job-back")]
    .filter(e => e.checkVisibility({ visibilityProperty: true })).map(e => [e, e.getBoundingClientRect()])
    .filter(([, box]) => box.height && (box.height < 39.5 || box.width < 39.5)).map(([e, box]) => `${e.outerHTML.slice(0, 120)} ${box.width}x${box.height}`)"""


def titles(page):
    return page.locator(".rows .row-title").all_inner_texts()


def now(page):
    return page.locator(".controls .now b").inner_text()


def current(page):
    return page.locator(".rows .row[aria-current=true] .row-title").inner_text()


def told(service, job):
    return {event["id"]: event for event in service.call("GET", f"/jobs/{job}/timeline")["events"]}


def answered(page):
    """What is said of an event is shown before the service has taken it: wait for its answer on leaving."""
    return page.expect_response(lambda answer: answer.request.method in {"PATCH", "POST"} and "/events" in answer.url)


def bar_x(page, seconds, duration=28800):
    box = page.locator(".bar-pane").bounding_box()
    return box["x"] + box["width"] * seconds / duration


# Looking and moving


def test_what_a_model_wrote_is_shown_and_never_run(visit, night):
    page = visit(night)
    assert examples.SCRIPT in titles(page)
    page.get_by_role("button", name=re.compile("owned")).first.click()
    assert page.locator(".detail-title").inner_text() == examples.SCRIPT
    assert "<b>tag</b>" in page.locator(".detail-tags").inner_text()
    assert page.locator(".detail-tags b").count() == 0
    assert page.title() == "night.mp4 · videoscan"
    page.get_by_role("tab", name="About").click()
    assert "<script" not in page.evaluate("document.querySelector('.screen-job').innerHTML.replaceAll('&lt;', '')")


def test_a_click_in_the_list_shows_the_moment_the_event_and_its_pictures_with_what_changed(visit, night):
    page = visit(night)
    page.get_by_text("Person walks between parked cars").click()
    assert now(page) == "12:31.0"
    assert page.locator(".controls .wall").inner_text().endswith("22:12:31")
    assert page.locator(".detail-title").inner_text() == "Person walks between parked cars"
    assert page.locator(".shot img").count() == 3
    assert float(page.locator(".shot .outline rect").first.get_attribute("width")) == pytest.approx(8)
    assert page.locator("img.stage-picture").get_attribute("src").endswith(f"/{examples.frame_at(751):d}.jpg")
    assert page.locator(".stage-region rect").count() == 1
    page.locator(".shot-picture").nth(1).click()
    assert now(page) == "12:44.3"
    page.wait_for_url(re.compile(r"t=764\.334&event="))
    assert page.locator("img.stage-picture").evaluate("e => e.decode().then(() => e.naturalWidth)") == 1280


def test_a_click_on_the_bar_seeks_or_chooses_and_the_list_follows(visit, night):
    page = visit(night)
    box = page.locator(".bar-pane").bounding_box()
    page.mouse.click(bar_x(page, 14000), box["y"] + box["height"] - 12)
    assert abs(seconds(now(page)) - 14000) < 30
    # The camera is covered from 5:00:00 on, for ten minutes: wide enough to be aimed at, in the lane of its tag.
    lane = page.locator(".bar-label", has_text="camera").bounding_box()
    page.mouse.click(bar_x(page, 18300), lane["y"] + lane["height"] / 2)
    assert current(page) == "Camera covered"
    assert now(page) == "5:00:00.0"
    # Near its beginning the pointer means that beginning, unless Shift says that it does not.
    beside = bar_x(page, 18000) - 4, box["y"] + box["height"] - 12
    page.mouse.click(*beside)
    assert now(page) == "5:00:00.0"
    page.keyboard.down("Shift")
    page.mouse.click(*beside)
    page.keyboard.up("Shift")
    assert 17850 < seconds(now(page)) < 17950


def seconds(text):
    total = 0.0
    for piece in text.split(":"):
        total = total * 60 + float(piece)
    return total


def test_the_bar_is_zoomed_and_moved_by_wheel_drag_and_keys(visit, night):
    page = visit(night)
    box = page.locator(".bar-pane").bounding_box()
    middle = box["y"] + 20
    assert page.locator(".bar-zoom button").nth(1).is_disabled(), "all is shown"
    page.mouse.move(bar_x(page, 18000), middle)
    for _ in range(6):
        page.mouse.wheel(0, -400)
    page.locator(".bar-zoom button:enabled").nth(1).wait_for()
    page.mouse.move(bar_x(page, 18000), middle + 1)
    before = page.locator(".bar-readout").inner_text()
    assert abs(seconds(before.split(",")[0]) - 18000) < 30, "what was under the pointer stays there"
    still = page.locator(".bar-readout img")
    still.wait_for()
    assert re.search(r"/frames/\d+\.jpg\?side=352$", still.get_attribute("src"))
    page.mouse.down()
    page.mouse.move(bar_x(page, 18000) - 300, middle, steps=4)
    page.mouse.up()
    page.mouse.move(bar_x(page, 18000), middle + 2)
    assert seconds(page.locator(".bar-readout").inner_text().split(",")[0]) > 18010, "dragged to the left, later times come"
    page.keyboard.press("0")
    page.locator(".bar-zoom button:disabled").nth(1).wait_for()
    page.keyboard.press("+")
    page.locator(".bar-zoom button:enabled").nth(1).wait_for()
    page.mouse.dblclick(bar_x(page, 18000), box["y"] + box["height"] * 0.6)
    page.locator(".bar-zoom button:disabled").nth(1).wait_for()


def test_whoever_does_not_see_the_bar_is_told_what_it_shows(visit, night):
    page = visit(night)
    slider = page.get_by_role("slider", name="Position in the recording")
    assert slider.get_attribute("aria-valuemax") == "28800"
    page.get_by_text("Person walks between parked cars").click()
    assert slider.get_attribute("aria-valuetext") == "12:31, 22:12:31"
    page.keyboard.press("ArrowRight")
    assert slider.get_attribute("aria-valuenow") == "756"
    gaps = page.locator(".bar ul.unseen li").all_inner_texts()
    assert "Lost, 41:10–42:12 (1 min 02 s): the file is damaged here" in gaps
    assert len(gaps) == 4


def test_a_link_leads_to_its_moment_and_its_event(visit, service, night):
    event = next(each for each in told(service, night).values() if each["title"] == "Camera covered")
    page = visit(night, f"?t=18012.5&event={event['id']}")
    assert now(page) == "5:00:12.5"
    assert current(page) == "Camera covered"
    page.evaluate("location.hash = location.hash.replace('18012.5', '100.0').replace(/&event=.*/, '')")
    page.locator(".controls .now b", has_text="1:40.0").wait_for()


# Judging


def test_keys_alone_are_enough_to_judge_and_what_was_done_is_kept_and_taken_back(visit, service, night):
    page = visit(night)
    page.keyboard.press("j")
    assert current(page) == "Person walks between parked cars"
    page.keyboard.press("a")
    page.locator(".detail-review.accepted").wait_for()
    page.keyboard.press("j")
    page.keyboard.press("r")
    page.locator(".detail-review.rejected").wait_for()
    page.keyboard.press("e")
    page.keyboard.type("A man tries a door")
    with answered(page):
        page.keyboard.press("Control+Enter")
    page.locator(".detail-review.edited").wait_for()
    assert page.locator(".detail-title").inner_text() == "A man tries a door"
    events = told(service, night)
    states = {each["title"]: (each["review"] or {}).get("state") for each in events.values()}
    assert states["Person walks between parked cars"] == "accepted"
    assert states["A man tries a door"] == "edited"
    edited = next(name for name, each in events.items() if each["title"] == "A man tries a door")
    reviewed, all_of_them = page.locator(".tabs .count-of").inner_text().split("/")
    assert (int(reviewed), int(all_of_them)) == (len([each for each in states.values() if each]), NIGHT)
    page.keyboard.press("t")
    assert page.locator(".row-event[aria-current=true].open").count() == 1, "the next that nobody has reviewed"
    page.get_by_text("A man tries a door").first.click()
    page.wait_for_url(re.compile(f"event={edited}"))
    page.reload()
    page.locator(".detail-title", has_text="A man tries a door").wait_for()
    assert page.locator(".rows .row-verdict").count() >= 2
    page.keyboard.press("u")
    page.get_by_text("There is nothing to take back").wait_for()
    page.keyboard.press("k")
    page.keyboard.press("r")
    page.locator(".detail-review.rejected").wait_for()
    with answered(page):
        page.keyboard.press("u")
    page.locator(".detail-review.accepted").wait_for()
    states = {each["title"]: (each["review"] or {}).get("state") for each in told(service, night).values()}
    assert states["Person walks between parked cars"] == "accepted"


def test_an_event_that_was_missed_is_added_where_the_playhead_is_and_can_be_taken_back(visit, service, night):
    page = visit(night, "?t=5000")
    page.keyboard.press("n")
    form = page.get_by_role("form", name="Add an event")
    assert form.get_by_label("Start", exact=True).input_value() == "1:23:20.00"
    form.get_by_role("button", name="Add", exact=True).click()
    assert form.get_by_label("Title").evaluate("e => e.validity.valueMissing")
    form.get_by_label("Title").fill("The gate opens")
    form.get_by_label("End", exact=True).fill("1:00")
    form.get_by_role("button", name="Add", exact=True).click()
    form.get_by_text("It ends before it begins").wait_for()
    form.get_by_label("End", exact=True).fill("1:23:29.5")
    form.get_by_label("Tags").fill("gate, door")
    form.get_by_label("Your name").fill("Lin")
    form.get_by_role("button", name="Add", exact=True).click()
    page.locator(".detail-review.added").wait_for()
    assert current(page) == "The gate opens"
    event = next(each for each in told(service, night).values() if each["title"] == "The gate opens")
    assert (event["start"], event["end"], event["tags"], event["review"]["by"]) == (5000.0, 5009.5, ["gate", "door"], "Lin")
    page.keyboard.press("u")
    page.locator(".rows .row-title", has_text="The gate opens").wait_for(state="detached")
    assert "The gate opens" not in {each["title"] for each in told(service, night).values()}


def test_two_people_do_not_overwrite_each_other(visit, service, night):
    page = visit(night, tolerate=("409",))
    event = next(each for each in told(service, night).values() if each["title"] == "Person walks between parked cars")
    page.get_by_text(event["title"]).click()
    address = f"/jobs/{night}/events/{event['id']}"
    page.keyboard.press("e")
    service.call("PATCH", address, json={"action": "edit", "by": "Ada", "changes": {"title": "A guard walks his round"}})
    page.locator(".editor").get_by_label("Title").fill("Somebody walks")
    page.get_by_role("button", name="Save").click()
    page.get_by_text("Ada has corrected this event meanwhile").wait_for()
    assert told(service, night)[event["id"]]["title"] == "A guard walks his round", "nothing of Ada's is lost"
    page.locator(".rows .row-title", has_text="A guard walks his round").wait_for()
    with answered(page):
        page.get_by_role("button", name="Do it anyway").click()
    page.locator(".rows .row-title", has_text="Somebody walks").wait_for()
    assert told(service, night)[event["id"]]["title"] == "Somebody walks"


def test_what_somebody_else_corrects_is_shown_as_it_happens(visit, service, night):
    page = visit(night)
    event = next(each for each in told(service, night).values() if each["title"] == "Camera covered")
    service.call(
        "PATCH", f"/jobs/{night}/events/{event['id']}", json={"action": "edit", "by": "Ada", "changes": {"title": "Fog"}}
    )
    page.locator(".rows .row-title", has_text="Fog").wait_for()


# Finding


def test_filters_narrow_the_list_and_the_bar(visit, service, night):
    page = visit(night)
    important = [event["title"] for event in told(service, night).values() if (event["importance"] or 0) >= 0.75]
    assert page.locator(".row-weight").count() >= len(important) > 0
    assert len(titles(page)) == NIGHT
    page.keyboard.press("/")
    page.keyboard.type("person walks")
    assert titles(page) == ["Person walks between parked cars"]
    assert page.locator(".row-title mark").all_inner_texts() == ["Person", "walks"]
    assert page.get_by_text(f"1 of {NIGHT} events").is_visible()
    page.keyboard.press("Escape")
    assert len(titles(page)) == NIGHT
    page.get_by_role("button", name="Filter", exact=True).click()
    page.get_by_role("button", name=re.compile("^vehicle")).last.click()
    assert len(titles(page)) == 2
    page.get_by_role("button", name="Show all", exact=True).click()
    page.get_by_role("button", name=re.compile("^rejected")).click()
    assert len(titles(page)) == 1
    assert examples.FOX in titles(page)[0]
    page.get_by_role("button", name="Show all", exact=True).click()
    page.get_by_role("button", name=re.compile("with an alert")).click()
    assert titles(page) == [examples.CHINESE]
    page.keyboard.press("Escape")
    page.get_by_role("slider", name="Confidence").fill("85")
    assert "Camera covered" in titles(page)
    assert examples.SCRIPT not in titles(page)
    page.keyboard.press("Escape")
    page.get_by_role("slider", name="Importance").fill("75")
    assert titles(page) == important
    page.keyboard.press("Escape")
    page.locator(".bar-label", has_text="person").click()
    assert len(titles(page)) == 2


def test_a_search_of_everything_leads_here_and_elsewhere(visit, service, footage, carpark, night):
    shutil.copy(footage / "other.mp4", footage / "elsewhere.mp4")
    other = plant(service, "elsewhere.mp4", carpark)
    page = visit(night)
    page.get_by_label("Find in this recording").fill("covered")
    page.get_by_role("button", name="Search everywhere").click()
    page.get_by_role("region", name="Search everywhere").get_by_text("in this recording").first.wait_for()
    page.get_by_role("region", name="Search everywhere").get_by_role("button", name=re.compile("Camera covered")).click()
    assert now(page) == "5:00:00.0"
    page.locator(f".still a[href^='#/jobs/{other}']").first.click()
    page.wait_for_url(re.compile(other))
    page.locator(".detail-title", has_text="Camera covered").wait_for()
    assert now(page) == "5:00:00.0"


def test_a_question_needs_a_model_and_says_so(visit, night):
    page = visit(night, tolerate=("409",))
    page.get_by_role("tab", name="Ask").click()
    page.get_by_role("textbox", name="Ask about what was seen").fill("Who came?")
    page.keyboard.press("Enter")
    page.get_by_text("This service asks no model").wait_for()


def test_every_export_is_a_file_with_the_corrections_in_it(visit, night):
    page = visit(night)
    page.keyboard.press("j")
    with page.expect_response(lambda answer: answer.request.method == "PATCH"):
        page.keyboard.press("r")
    page.locator("summary", has_text="Export").click()
    with page.expect_download() as downloading:
        page.get_by_role("link", name="Table (CSV)").click()
    assert downloading.value.suggested_filename == "night.csv"
    assert "rejected" in downloading.value.path().read_text(encoding="utf-8-sig")
    page.locator("summary", has_text="Export").click()
    assert page.locator(".menu[open] a").count() == 16
    assert page.get_by_role("link", name="A clip of each event").count() == 0, "of footage that is gone nothing can be cut"
    page.keyboard.press("Escape")
    assert page.locator(".menu[open]").count() == 0


# Everybody


@pytest.mark.parametrize(("width", "height"), [(390, 844), (820, 1180), (1440, 900)])
def test_no_window_is_too_small_and_nothing_keeps_anybody_out(visit, night, barriers, width, height):
    page = visit(night, viewport={"width": width, "height": height}, color_scheme="dark" if width == 820 else "light")
    page.get_by_text("Person walks between parked cars").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    if width == 820:
        page.get_by_role("tab", name="About").click()
        page.get_by_text("What was looked at", exact=True).last.wait_for()
    assert barriers(page) == []


def test_on_a_phone_a_second_touch_tells_of_the_event_and_it_is_judged_there(visit, service, night):
    page = visit(night, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    row = page.locator(".rows .row-title", has_text="Person walks between parked cars")
    row.tap()
    assert now(page) == "12:31.0"
    assert not page.locator(".detail").is_visible()
    row.tap()
    page.get_by_role("button", name="Accept", exact=True).tap()
    page.locator(".detail-review.accepted").wait_for()
    assert page.evaluate(TOO_SMALL) == []
    page.get_by_role("button", name="Edit", exact=True).tap()
    assert page.evaluate(TOO_SMALL) == []
    bottom = page.get_by_role("button", name="Save", exact=True).evaluate("button => button.getBoundingClientRect().bottom")
    assert bottom <= page.locator(".ways").bounding_box()["y"], "an edit can be saved without scrolling to its end"
    page.get_by_role("button", name="Cancel", exact=True).tap()
    page.get_by_role("tab", name=re.compile("Events")).tap()
    assert page.evaluate(TOO_SMALL) == []
    assert page.locator(".rows .row-event.accepted").count() == 1


def test_two_fingers_zoom_the_bar_where_they_are_and_one_moves_it(visit, night):
    page = visit(night, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    box = page.locator(".bar-pane").bounding_box()
    session = page.context.new_cdp_session(page)

    def touch(kind, *shares):
        points = [{"x": box["x"] + share * box["width"], "y": box["y"] + 20, "id": at} for at, share in enumerate(shares)]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    def at(share):
        page.touchscreen.tap(box["x"] + share * box["width"], box["y"] + box["height"] * 0.75)
        return hours(now(page))

    assert at(0.5) == pytest.approx(4, abs=0.1)
    touch("touchStart", 0.45, 0.55)
    for far in (0.1, 0.2, 0.3, 0.4):
        touch("touchMove", 0.5 - far, 0.5 + far)
    touch("touchEnd")
    assert at(0.5) == pytest.approx(4, abs=0.1), "what lay between the fingers stays there"
    assert at(1 - 1e-3) == pytest.approx(4.5, abs=0.1), "eight times as large"
    touch("touchStart", 0.9)
    touch("touchMove", 0.7)
    touch("touchMove", 0.4)
    touch("touchEnd")
    assert at(0.5) == pytest.approx(4.5, abs=0.1), "half the bar, half an hour"


def hours(clock):
    h, m, s = clock.split(":")
    return int(h) + int(m) / 60 + float(s) / 3600


def test_the_list_is_reached_by_tab_wherever_it_stands(visit, night):
    page = visit(night, viewport={"width": 1280, "height": 420})
    assert "row-quiet" in page.locator(".rows .row").first.get_attribute("class"), "the first row does nothing"
    stops = page.locator(".rows .row-main[tabindex='0']")
    assert stops.count() == 1
    first = stops.get_attribute("aria-label")
    page.locator(".rows-host").evaluate("host => { host.scrollTop = host.scrollHeight; }")
    page.wait_for_function(
        "first => [...document.querySelectorAll('.rows .row-main')].every(row => row.ariaLabel !== first)", arg=first
    )
    assert stops.count() == 1
    page.locator(".rows .row-event").last.click()
    assert stops.count() == 1
    assert page.locator(".rows .row-event[aria-current=true]").locator("[tabindex='0']").count() == 1


def test_the_keys_are_shown(visit, night):
    page = visit(night)
    page.keyboard.press("?")
    sheet = page.get_by_role("dialog", name="Keys")
    for key in "jkaerntu?":
        assert sheet.locator("kbd", has_text=re.compile(f"^{re.escape(key)}$")).count() == 1
    page.keyboard.press("Escape")
    assert sheet.count() == 0


def test_the_screen_speaks_chinese(visit, night):
    page = visit(night, locale="zh-CN")
    found = page.evaluate(
        """async () => {
            const { REVIEW } = await import('/static/js/texts/review.js');
            return Object.entries(REVIEW).filter(([, row]) => row.length !== 2 || row.some((text) => !text)).map(([key]) => key);
        }"""
    )
    assert found == [], "every text is there in both languages"
    assert page.get_by_role("tab", name="概况").is_visible()
    page.keyboard.press("j")
    page.get_by_role("button", name="接受", exact=True).wait_for()


def test_a_job_that_is_unknown_says_so(open_site, service):
    page = open_site(service, "#/jobs/" + "0" * 24, tolerate=("404",))
    page.get_by_text("There is no such job").wait_for()
