"""The pages of `videoscan frames` as far as text goes; tests/browser reads them as a browser does."""

from __future__ import annotations

import io
import json
import re
import subprocess
from html.parser import HTMLParser

import cv2
import numpy as np
import pybase64
import pytest
from deciding import about, day, jpeg, page, sample, still

from videoscan.config import WindowOptions
from videoscan.core import CoreSpec
from videoscan.model import EVERYWHERE, Lost, Reason, Regions, SourceInfo, Tally
from videoscan.pages import choosing, editor, shapes, sizes
from videoscan.pages.groups import score, when
from videoscan.pages.shelf import MASKS, Shelf
from videoscan.pages.strip import HIGH, strip
from videoscan.reading.regions import mask as counted
from videoscan.seams import Limits, Scale
from videoscan.settings.options import MOST_CORNERS, MOST_POLYGONS, RegionOptions


class Elements(HTMLParser):
    """Every element with its attributes, and all text."""

    def __init__(self, text):
        super().__init__()
        self.found, self.text = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text.append(data)

    def having(self, name, value=None):
        return [attrs for _, attrs in self.found if name in attrs and value in {None, attrs[name]}]

    def of(self, cls):
        return [attrs for _, attrs in self.found if cls in (attrs.get("class") or "").split()]

    @property
    def words(self):
        return " ".join(" ".join(self.text).split())


# --- the shelf


def test_samples_come_back_from_the_shelf_as_they_were_put(tmp_path):
    given = day()
    with Shelf(tmp_path) as shelf:
        for each in given:
            shelf.put(
                each, picture=each.pictures[0].data if each.pictures else b"", crop=b"crop" if each.mark.frame == 50 else b""
            )
        columns = shelf.columns()
        assert columns.times.tolist() == [each.mark.time for each in given]
        assert columns.changes.tolist() == [each.mark.change for each in given]
        assert columns.kept.tolist() == [each.mark.kept for each in given]
        back = [shelf.get(number) for number in reversed(range(len(shelf)))][::-1]
        for each, told in zip(given, back, strict=True):
            mark = each.mark
            assert (told.frame, told.time, told.kept, told.reason) == (mark.frame, mark.time, mark.kept, mark.reason)
            assert (told.regions, told.keyframe, told.thumbnail) == (mark.regions, each.keyframe, each.thumbnail)
            assert told.picture == (each.pictures[0].data if each.pictures else b"")
            assert told.crop == (b"crop" if mark.frame == 50 else b"")
        (mask,) = shelf.masks
        assert np.array_equal(mask, given[5].mark.ignored)
        assert [told.mask for told in back if told.mask is not None] == [0, 0]
    assert list(tmp_path.iterdir()) == [], "what waited on disk is gone"


def test_every_dropped_sample_knows_which_kept_one_stands_for_it(tmp_path):
    with Shelf(tmp_path) as shelf:
        for each in [*day(), sample(500, Reason.UNCHANGED, 1.0, same_as=99_999)]:
            shelf.put(each)
        leaders, frames = shelf.columns().leaders.tolist(), [shelf.get(number).frame for number in range(len(shelf))]
    assert [frames[leader] for leader in leaders[:10]] == [0, 0, 0, 0, 0, 50, 50, 70, 0, 0]
    assert leaders[-1] == -1, "a frame that nobody heard of stands for nothing"


def test_masks_are_bounded(tmp_path):
    with Shelf(tmp_path) as shelf:
        for number in range(MASKS + 5):
            mask = np.zeros((9, 160), np.uint8)
            mask[:, : number % 150 + 1] = mask[0, number // 150] = 1
            mask[number // 150, 159] = 1
            shelf.put(sample(number, Reason.CHANGED, 9.0, ignored=mask, size=(16, 9)))
        assert len(shelf.masks) <= MASKS
        assert shelf.get(MASKS + 4).mask is None or shelf.get(MASKS + 4).mask < MASKS


# --- what is shown where there is too much


def columns(samples, folder):
    with Shelf(folder) as shelf:
        for each in samples:
            shelf.put(each)
        return shelf.columns()


def test_a_decision_is_near_when_a_slightly_different_threshold_would_turn_it_round(tmp_path):
    found = columns(
        [
            sample(0, Reason.FIRST, 4.9),
            sample(10, Reason.UNCHANGED, 3.9, same_as=0),
            sample(20, Reason.UNCHANGED, 4.0, same_as=0),
            sample(30, Reason.CHANGED, 6.0),
            sample(40, Reason.CHANGED, 6.1),
            sample(50, Reason.THINNED, 5.5, same_as=40),
            sample(60, Reason.REFRESH, 4.9),
        ],
        tmp_path,
    )
    assert choosing.near(found, 5.0).tolist() == [False, False, True, True, False, True, False]
    assert not choosing.near(found, None).any()


@pytest.mark.parametrize("most", [0, 1, 5, 20, 300])
def test_pictures_go_first_to_near_decisions_and_never_to_more_than_there_is_room_for(tmp_path, most):
    samples = [sample(0, Reason.FIRST)]
    for number in range(1, 200):
        samples.append(sample(10 * number, Reason.UNCHANGED, 4.5 if number % 50 == 0 else 1.0, same_as=0))
    found = columns(samples, tmp_path)
    close = choosing.near(found, 5.0)
    shown = choosing.some(~found.kept, close, found.leaders, choosing.order(found.leaders), most)
    assert shown.sum() == min(most, 199)
    assert not shown[0]
    if most >= 5:
        assert shown[close].all(), "all three near decisions"
        assert shown[[1, 199]].all(), "the first and the last"
    if most == 20:
        assert np.diff(np.flatnonzero(shown)).max() < 30, "the rest at even distances"


def test_a_folded_strip_shows_its_ends_and_its_highest_scores():
    scores = [1.0] * 100
    scores[37], scores[81] = 4.9, 4.8
    shown = choosing.at_first(scores, 18)
    assert len(shown) == 18
    assert {0, 37, 81, 99} <= shown
    assert choosing.at_first([1.0] * 5, 18) == set(range(5))


def test_pictures_get_smaller_the_more_there_are():
    examples = [jpeg(number, 480, 270) for number in range(4)]
    few, many = sizes.fit(examples, 10, 1_000_000, sizes.SMALL), sizes.fit(examples, 100, 1_000_000, sizes.SMALL)
    assert few.size == sizes.SMALL[0]
    assert many.size.side < few.size.side
    assert many.bytes <= 1_000_000
    hopeless = sizes.fit(examples, 10_000, 100_000, sizes.SMALL)
    assert hopeless.size == sizes.SMALL[-1]
    assert 0 < hopeless.count < 10_000
    assert sizes.fit([], 0, 0, sizes.SMALL) == sizes.Fit(sizes.SMALL[0], 0, 0)


def test_a_picture_is_never_enlarged_and_a_broken_one_is_none():
    small = sizes.inlined(jpeg(1, 100, 50), sizes.Size(480, 75))
    assert (small.width, small.height) == (100, 50)
    assert pybase64.b64decode(small.url.split(",")[1]) == jpeg(1, 100, 50)
    assert sizes.inlined(b"no picture", sizes.Size(480, 75)) is None
    assert sizes.inlined(b"", sizes.Size(480, 75)) is None


# --- shapes


def drawn(path, rows, columns):
    """The cells of a path of rectangles."""
    cells = np.zeros((rows, columns), int)
    for left, top, right, bottom in re.findall(r"M(\d+) (\d+)H(\d+)V(\d+)H\d+Z", path):
        cells[int(top) : int(bottom), int(left) : int(right)] += 1
    return cells


@pytest.mark.parametrize("share", [0.0, 0.05, 0.5, 0.95, 1.0])
def test_a_masks_path_covers_its_cells_and_each_once(share):
    mask = (np.random.default_rng(3).random((23, 31)) < share).astype(np.uint8)
    assert np.array_equal(drawn(shapes.cells(mask), 23, 31), mask)


def test_a_rectangle_is_one_piece_of_path():
    mask = np.zeros((90, 160), np.uint8)
    mask[10:30, 40:80] = 1
    assert shapes.cells(mask) == "M40 10H80V30H40Z"


# --- the strip


def test_the_strip_draws_what_was_kept_above_the_threshold_and_the_rest_below(tmp_path):
    made = strip(columns(day(), tmp_path), threshold=5.0, duration=44.0, lost=(Lost(11.0, 22.0, "damaged"),))
    tops = {name: [float(y) for y in re.findall(r"V([\d.]+)H", getattr(made, name))] for name in ("kept", "dropped", "thinned")}
    assert max(tops["dropped"]) < HIGH
    assert min(tops["dropped"]) > made.threshold, "y grows downwards"
    assert len([y for y in tops["kept"] if y < made.threshold]) == 3
    assert len(tops["thinned"]) == 2
    assert made.chosen.count("M") == 3
    assert made.again.count("M") == 2
    assert made.lost == (("25.000%", "25.000%", "damaged"),)


def test_the_strip_of_a_day_is_not_larger_than_a_screen_can_show(tmp_path):
    samples = [sample(0, Reason.FIRST), *[sample(i, Reason.UNCHANGED, i % 4, same_as=0, time=float(i)) for i in range(1, 20_000)]]
    made = strip(columns(samples, tmp_path), threshold=5.0, duration=20_000.0)
    assert len(made.dropped) < 150_000
    assert min(float(y) for y in re.findall(r"V([\d.]+)H", made.dropped)) == max(
        float(y) for y in re.findall(r"V([\d.]+)H", made.dropped)
    ), "of samples that share a place, the highest is drawn"


def test_where_nothing_is_compared_no_score_is_drawn(tmp_path):
    made = strip(columns(day(), tmp_path), threshold=None, duration=44.0)
    assert (made.threshold, made.levels, made.kept, made.dropped) == (None, (), "", "")


# --- words


@pytest.mark.parametrize(
    ("change", "text"),
    [(0.0, "0"), (14.0, "14"), (4.996, "5.00"), (4.98, "4.98"), (12.34, "12.3"), (140.2, "140"), (9.999, "10.0")],
)
def test_scores_have_as_many_digits_as_matter(change, text):
    assert score(change) == text


@pytest.mark.parametrize(
    ("seconds", "digits", "text"), [(12.46, 0, "0:12"), (12.46, 1, "0:12.4"), (59.9999, 0, "1:00"), (3600.05, 2, "1:00:00.05")]
)
def test_times_are_as_exact_as_the_samples_need(seconds, digits, text):
    assert when(seconds, digits) == text


# --- the page of decisions


def test_the_page_has_every_decision_with_its_score_under_the_frame_that_stands_for_it(tmp_path):
    found = Elements(page(day(), tmp_path))
    shown = found.having("data-what", "frame")
    assert sorted(int(each["data-frame"]) for each in shown) == sorted(each.mark.frame for each in day())
    by_frame = {int(each["data-frame"]): each for each in shown}
    for each in day():
        told = by_frame[each.mark.frame]
        assert told["data-kind"] == ("kept" if each.mark.kept else "dropped")
        assert told["data-reason"] == each.mark.reason.value
        assert each.mark.reason is Reason.FIRST or float(told["data-score"]) == each.mark.change
        assert ("data-near" in told) == (each.mark.frame in {60, 70})
    order = [int(each["data-frame"]) for each in shown]
    assert order[: order.index(50)] == [0, 10, 20, 30, 40, 80, 90], "what came later and looks like the first stands with it"
    assert "after 0:07 was kept:" in found.words
    assert "5 of 44 sampled frames were kept (11 %)" in found.words
    assert "39 were dropped." in found.words


def test_the_page_says_what_was_lost_and_what_had_to_be_assumed(tmp_path):
    tally = Tally(44.0, 440, lost=(Lost(20.0, 22.0, "the file is damaged here"),), flags=("frame times from the declared rate",))
    words = Elements(page(day(), tmp_path, tally=tally)).words
    assert "0:20–0:22 (2 s) the file is damaged here" in words
    assert "frame times from the declared rate" in words


def test_a_pass_that_was_stopped_and_one_without_frames_say_so(tmp_path):
    with_none = Elements(page([], tmp_path))
    assert "No frame was sampled." in with_none.words
    out = io.BytesIO()
    from videoscan.pages.decisions import Decisions

    with Decisions(tmp_path) as decisions:
        decisions.add(sample(0, Reason.FIRST))
        decisions.write(out, about(), None)
    assert "stopped before its end" in out.getvalue().decode()


@pytest.mark.parametrize(
    ("scale", "said", "unsaid"),
    [
        (Scale("of 64 bits of the perceptual hash", 6.0), "of 64 bits of the perceptual hash", "noise"),
        (Scale("as nothing is compared"), "Kept, as nothing is compared.", "Changed"),
    ],
)
def test_the_page_claims_no_more_than_the_deduplicator_knows(tmp_path, scale, said, unsaid):
    samples = [sample(0, Reason.FIRST), sample(10, Reason.CHANGED, 0.0 if scale.threshold is None else 14.0)]
    words = Elements(page(samples, tmp_path, about(scale=scale))).words
    head, _, _ = words.partition('"use strict"')
    assert said in head
    assert unsaid not in head[head.index("videoscan frames") :]
    assert "single place" not in head, "where no place is ever named, its absence says nothing"


def test_names_and_reasons_are_text_and_nothing_else(tmp_path):
    evil = "/footage/<script>alert(1)</script>\x1b[31m.mp4"
    tally = Tally(44.0, 440, lost=(Lost(1.0, 2.0, "<img src=x onerror=alert(1)>"),))
    info = SourceInfo(evil, 320, 180, 10.0, flags=('"><b>bold</b>',))
    found = Elements(page(day(), tmp_path, about(uri=evil, info=info, settings='[x]\ny = "</pre><i>"'), tally=tally))
    assert [tag for tag, _ in found.found].count("script") == 1
    assert not {"b", "i"} & {tag for tag, attrs in found.found if "onerror" in attrs}
    assert "<script>alert(1)</script>[31m.mp4" in found.words
    assert not found.having("onerror")


def test_the_page_asks_for_nothing_from_anywhere(tmp_path):
    text = page(day(), tmp_path)
    assert not re.findall(r"""(?:src|href|action)=["'](?!data:|#)""", text)
    (policy,) = Elements(text).having("http-equiv", "Content-Security-Policy")
    assert policy["content"].startswith("default-src 'none'; img-src data:;")
    assert not re.findall(r'<[^>]+\sstyle="', text), "the policy would refuse it"


def test_what_is_ignored_lies_over_kept_frames_and_outside_regions_has_a_hatching_of_its_own(tmp_path):
    regions = Regions(exclude=(((0.0, 0.0), (0.5, 0.0), (0.5, 0.2)),), include=(((0.0, 0.0), (1.0, 0.0), (1.0, 1.0)),))
    text = page(day(), tmp_path, about(regions=regions))
    found = Elements(text)
    assert len(found.of("mask")) == 2
    assert len(found.of("outside")) == 5
    (symbol,) = found.having("id", "mask-0")
    assert symbol["viewbox"] == "0 0 160 90"
    path = re.search(r'id="mask-0".*?d="([^"]*)"', text)[1]
    inside = counted(regions, 160, 90)
    expected = np.zeros((90, 160), int)
    expected[2:8, 4:60] = 1
    assert np.array_equal(drawn(path, 90, 160), expected * inside), "what the regions leave out anyway is no clock"
    assert text.count('fill-rule="evenodd"') == 2
    assert Elements(page(day(), tmp_path)).of("outside") == []


def test_changed_places_are_outlined_where_they_are_the_strongest_first(tmp_path):
    boxes = [attrs for tag, attrs in Elements(page(day(), tmp_path)).found if tag == "rect" and attrs.get("height") == "30.0"]
    assert [(float(box["x"]), box.get("class")) for box in boxes] == [(40.0, "lead"), (45.0, "lead")]


def pictures_in(text):
    return re.findall(r"data:image/jpeg;base64,[A-Za-z0-9+/=]+", text)


def busy(count, every=40):
    for number in range(count):
        kept = number % every == 0
        reason = (Reason.CHANGED if number else Reason.FIRST) if kept else Reason.UNCHANGED
        same = None if kept else number // every * every
        yield sample(number, reason, 20.0 if kept else number % 49 / 10, same_as=same, time=float(number))


@pytest.mark.parametrize("budget", [20_000, 200_000, 2_000_000])
def test_pictures_keep_to_their_budget_about(tmp_path, budget):
    text = page(busy(400), tmp_path, picture_bytes=budget)
    assert sum(map(len, pictures_in(text))) <= 1.15 * budget
    assert len(Elements(text).having("data-what", "frame")) == 400, "every decision is there, with or without a picture"
    if budget == 20_000:
        assert "are shown without a picture" in text
    if budget == 2_000_000:
        assert len(pictures_in(text)) == 400 + 10, "and each kept one twice, to be compared with what it stands for"


def test_with_more_frames_than_anybody_looks_at_some_are_told_together_and_none_is_left_out(tmp_path):
    text = page(busy(1000), tmp_path, most=100)
    found = Elements(text)
    alone = found.having("data-kind", "dropped")
    together = [int(number) for number in re.findall(r'class="together"><b class="num">(\d+)</b>', text)]
    assert len(alone) == 100
    assert len(alone) + sum(together) == 975
    assert "not each has its own place here" in found.words
    assert len(found.having("data-near")) >= 100, "near decisions are among those that stay"


def test_the_page_is_written_piece_by_piece(tmp_path):
    class Pieces:
        largest = total = 0

        def write(self, piece):
            self.largest, self.total = max(self.largest, len(piece)), self.total + len(piece)

    out = Pieces()
    page(busy(600), tmp_path, out=out)
    assert out.total > 1_500_000
    assert out.largest < 200_000


# --- the editor


def test_the_editors_script_knows_the_bounds_of_the_profile(tmp_path):
    assert {"polygons": MOST_POLYGONS, "corners": MOST_CORNERS, "area": 1e-7} == editor.LIMITS
    corners = [[round(0.5 + 0.4 * np.cos(a), 4), round(0.5 + 0.4 * np.sin(a), 4)] for a in np.linspace(0, 6.2, MOST_CORNERS)]
    RegionOptions(exclude=[corners[::300]] * MOST_POLYGONS, include=[corners])
    for bad in ([corners[::300]] * (MOST_POLYGONS + 1), [[*corners, corners[0]]]):
        with pytest.raises(ValueError, match="at most"):
            RegionOptions(exclude=bad)


def test_the_editor_begins_with_the_profiles_regions(tmp_path):
    regions = Regions(exclude=(((0.0, 0.0), (0.5, 0.0), (0.5, 0.25)),), black_out=True)
    out = io.BytesIO()
    shown = editor.Still(jpeg(3, 640, 360), 12, 1.2, 1920, 1080)
    editor.write(out, editor.About("/footage/gate 'A' & co.mp4", shown, regions, "site.toml", "gate/*"))
    found = Elements(out.getvalue().decode())
    (main,) = found.having("data-regions")
    assert json.loads(main["data-regions"]) == {"include": [], "exclude": [[[0, 0], [0.5, 0], [0.5, 0.25]]], "black_out": True}
    assert "1920 × 1080 · begins with the regions of site.toml" in found.words
    assert "black in this still too" in found.words
    assert found.having("id", "match")[0]["value"] == "gate/*"


@pytest.fixture(scope="module")
def dark_start(tmp_path_factory):
    path = tmp_path_factory.mktemp("clips") / "dark.mp4"
    graph = "color=black:s=320x180:r=10:d=3[a];testsrc2=s=320x180:r=10:d=3[b];[a][b]concat=n=2:v=1:a=0"
    command = ["ffmpeg", "-v", "error", "-filter_complex", graph, "-pix_fmt", "yuv420p", "-g", "10", "-y", str(path)]
    subprocess.run(command, check=True)
    return path


def spec(path, **more):
    return CoreSpec(
        str(path), {"kind": "pyav"}, {"kind": "interval"}, {"kind": "tiles"}, WindowOptions(long_side=64), Limits(), **more
    )


def test_the_still_is_the_first_frame_that_shows_something_at_its_full_size(dark_start):
    shown = editor.still(spec(dark_start))
    assert 2.5 <= shown.time <= 3.5
    image = cv2.imdecode(np.frombuffer(shown.data, np.uint8), cv2.IMREAD_COLOR)
    assert image.shape == (180, 320, 3) == (shown.height, shown.width, 3)
    assert editor.still(spec(dark_start, start=4.5)).time >= 4.5


def test_of_a_dark_recording_any_frame_is_the_still(dark_start):
    shown = editor.still(spec(dark_start, end=2.5))
    assert shown.time < 2.5
    assert editor.still(spec(dark_start, start=100.0)) is None


def test_what_is_blacked_out_is_black_in_the_still(dark_start):
    regions = Regions(exclude=(((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)),), black_out=True)
    for told, dark in ((regions, True), (EVERYWHERE, False)):
        image = cv2.imdecode(
            np.frombuffer(editor.still(spec(dark_start, start=4.0, regions=told)).data, np.uint8), cv2.IMREAD_COLOR
        )
        assert (image[:, :150].mean() < 3) == dark
        assert image[:, 170:].mean() > 50


def test_dropped_strips_are_counted_per_kept_frame(tmp_path):
    words = Elements(page([sample(0, Reason.FIRST), *still(0, 1, 1.0)], tmp_path)).words
    assert "Stands for 1 dropped frame at 0:01." in words
    words = Elements(page(day(), tmp_path)).words
    assert "2 look different and were thinned" in words
