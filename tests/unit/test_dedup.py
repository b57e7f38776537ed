"""Deduplicators: what is kept, what is dropped, and what stands for it."""

import itertools
from dataclasses import replace

import cv2
import numpy as np
import pytest

from videoscan import registry
from videoscan.dedup.none import NoDedup
from videoscan.dedup.phash import PhashDedup
from videoscan.dedup.tiles import TilesDedup
from videoscan.model import Reason, Regions
from videoscan.reading.difference import CHANGED, Comparator, grid
from videoscan.testing import dedups, scenes


def marks(pictures, dedup=None, **options):
    dedup = dedup or TilesDedup(TilesDedup.Options(**options))
    return [frame.mark for frame in dedup.apply(scenes.frames(pictures))]


def yard(**changes):
    return replace(scenes.NightCamera(seconds=40, clock=False, drift=0.0, width=320, height=180, noise=3.0), **changes)


def still(count=1, *, level=0, seed=1):
    """A textured picture, the same each time, so that only what a test changes is a change."""
    base = yard(noise=0.0, seed=seed, seconds=1)
    picture = next(base.pictures())
    return [np.clip(picture.astype(int) + level, 0, 255).astype(np.uint8)] * count


@pytest.fixture(scope="module")
def night():
    camera = scenes.many_visits(15)
    return camera, [frame.mark for frame in TilesDedup().apply(camera.frames())]


@pytest.mark.parametrize("check", dedups.CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("kind", registry.names("dedups"))
def test_every_registered_dedup_keeps_the_promises(kind, check):
    check(registry.make("dedups", {"kind": kind}))


def test_no_person_at_night_is_missed_whether_near_or_far(night):
    camera, found = night
    missed = [visit for visit in camera.visits if not any(mark.kept and visit.start <= mark.time < visit.end for mark in found)]
    assert missed == []


def test_little_of_the_still_night_is_kept_in_spite_of_noise_clock_and_drifting_light(night):
    camera, found = night
    empty = [m for m in found if m.time > 15 and not any(v.start <= m.time < v.end + 1 for v in camera.visits)]
    assert sum(mark.kept for mark in empty) / len(empty) < 0.08


def test_a_ticking_clock_is_masked_after_a_dozen_samples_and_a_walking_person_is_not():
    camera = scenes.NightCamera(seconds=60, noise=2.0, drift=0.0, visits=(scenes.Visit(2, 9, 0.3), scenes.Visit(40, 47, 0.3)))
    found = marks(camera.pictures())
    assert [m.time for m in found if m.kept and 15 <= m.time < 40] == []
    for visit in camera.visits:
        seen = [m for m in found if visit.start <= m.time < visit.end]
        assert sum(m.kept for m in seen) >= len(seen) - 1
    unmasked = marks(camera.pictures(), mask=False)
    assert all(m.kept for m in unmasked)


def test_the_mask_never_covers_more_than_six_per_cent_of_the_picture():
    random = np.random.default_rng(5)
    comparator = Comparator()
    for _ in range(30):
        picture = still()[0].copy()
        picture[40:140, 60:260] = random.integers(0, 255, (100, 200))  # a third of the picture never rests
        picture[5:15, 5:40] = random.integers(0, 255, (10, 35))
        comparator.look(scenes.ArrayPixels(picture))
    assert 0 < comparator.masked <= 0.06


def test_what_is_masked_counts_again_two_samples_after_it_stops():
    random = np.random.default_rng(5)
    pictures = []
    for second in range(30):
        picture = still()[0].copy()
        if second < 25:
            picture[60:80, 100:120] = random.integers(0, 255, (20, 20))
        pictures.append(picture)
    found = marks(pictures)
    assert not any(mark.kept for mark in found[16:25])
    assert any(mark.kept for mark in found[25:28])


def test_a_change_names_where_it_happened_in_units_of_the_noise():
    pictures = [picture.copy() for picture in still(6)]
    pictures[5][90:108, 240:256] += 100
    last = marks(pictures)[5]
    assert last.reason is Reason.CHANGED
    assert last.change > CHANGED
    x0, y0, x1, y1 = last.region
    assert (x0, y0, x1, y1) == pytest.approx((240 / 320, 90 / 180, 256 / 320, 108 / 180), abs=0.02)


def test_everything_that_changed_is_named_the_strongest_first():
    pictures = [picture.copy() for picture in still(6)]
    pictures[5][90:108, 240:256] += 40
    pictures[5][20:38, 40:56] += 100
    last = marks(pictures)[5]
    assert [tuple(round(edge, 1) for edge in box) for box in last.regions] == [(0.1, 0.1, 0.2, 0.2), (0.8, 0.5, 0.8, 0.6)]
    assert last.region == last.regions[0]
    unchanged = marks(pictures[:5])[-1]
    assert (unchanged.region, unchanged.regions) == (None, ())


def test_a_mark_says_what_does_not_count_a_clock_and_what_lies_outside_of_the_regions():
    random = np.random.default_rng(5)
    pictures = []
    for _ in range(30):
        picture = still()[0].copy()
        picture[60:80, 100:120] = random.integers(0, 255, (20, 20))
        pictures.append(picture)
    found = marks(pictures)
    assert found[0].ignored is None
    for one, next_one in itertools.pairwise(found[15:]):
        assert (one.ignored is next_one.ignored) == np.array_equal(one.ignored, next_one.ignored), "they share one array"
    rows, columns = np.nonzero(found[-1].ignored)
    assert (columns.min() / 160, rows.min() / 90) == pytest.approx((100 / 320, 60 / 180), abs=0.04)
    assert (columns.max() / 160, rows.max() / 90) == pytest.approx((120 / 320, 80 / 180), abs=0.04)
    left = Regions(exclude=(((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)),))
    (first, *_, last) = [frame.mark for frame in TilesDedup().apply(scenes.frames(still(3)), regions=left)]
    assert first.ignored is None or first.ignored.mean() == pytest.approx(0.5, abs=0.02)
    assert last.ignored[:, :78].all()
    assert not last.ignored[:, 82:].any()


def test_a_light_switched_on_is_kept_though_nothing_moved():
    found = marks([*still(5), *still(5, level=40)])
    assert [mark.time for mark in found if mark.kept] == [0, 5]
    assert found[5].reason is Reason.CHANGED


def test_a_slow_fade_of_a_plain_picture_is_kept_in_steps():
    found = marks([np.full((90, 160), level, np.uint8) for level in range(120, 20, -4)])
    assert 3 <= sum(mark.kept for mark in found) <= 8
    assert all(mark.region is None for mark in found)


def test_light_that_drifts_by_eight_per_cent_is_not_kept():
    found = marks(yard(drift=0.08, seconds=120, noise=2.0).pictures())
    assert sum(mark.kept for mark in found) <= 0.05 * len(found)


def test_a_cut_is_told_from_a_pan_and_from_a_person():
    scene = cv2.GaussianBlur(np.random.default_rng(1).normal(0, 1, (180, 640)).astype(np.float32), (0, 0), 4)
    wide = np.clip(120 + 400 * scene, 0, 255).astype(np.uint8)
    other = np.clip(120 + 400 * scene[::-1, ::-1], 0, 255).astype(np.uint8)
    pan = marks([wide[:, 0:320], wide[:, 60:380]])[1]
    cut = marks([wide[:, 0:320], other[:, 0:320]])[1]
    walk = wide[:, 0:320].copy()
    walk[40:160, 100:150] = 20
    assert (pan.reason, cut.reason) == (Reason.CHANGED, Reason.CUT)
    assert marks([wide[:, 0:320], walk])[1].reason is Reason.CHANGED


def test_an_unchanged_scene_is_shown_again_after_the_refresh_and_never_at_zero():
    found = marks(still(25), refresh=10)
    assert [(m.time, m.reason) for m in found if m.kept] == [(0, Reason.FIRST), (10, Reason.REFRESH), (20, Reason.REFRESH)]
    assert sum(mark.kept for mark in marks(still(25), refresh=0)) == 1


def test_a_scene_that_comes_back_is_stood_for_by_its_earlier_picture():
    a, b = still()[0], still(seed=2)[0]
    found = marks([a, b, a, b, a])
    assert [(mark.kept, mark.same_as) for mark in found] == [(True, None), (True, None), (False, 0), (False, 25), (False, 0)]
    assert sum(mark.kept for mark in marks([a, b, a, b], remember=1)) == 4


@pytest.mark.parametrize(
    ("shape", "size"), [((1080, 1920), (160, 90)), ((1920, 1080), (90, 160)), ((480, 640), (139, 104)), ((10, 900), (240, 60))]
)
def test_cells_are_about_square_whatever_the_shape(shape, size):
    assert grid(shape[::-1]) == size


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (3, 2)])
def test_even_a_picture_of_one_pixel_can_be_judged(shape):
    found = marks([np.full(shape, level, np.uint8) for level in (0, 0, 200, 0)])
    assert [mark.kept for mark in found] == [True, False, True, False]


def test_a_panning_camera_is_not_taken_for_noise():
    scene = cv2.GaussianBlur(np.random.default_rng(1).normal(0, 1, (180, 1600)).astype(np.float32), (0, 0), 4)
    wide = np.clip(120 + 400 * scene, 0, 255).astype(np.uint8)
    found = marks([wide[:, n * 25 : n * 25 + 320] for n in range(40)])
    assert all(mark.kept for mark in found)


def test_phash_sees_another_picture_and_misses_a_small_person():
    camera = yard(visits=(scenes.Visit(10, 20, 0.1),), noise=0.0)
    assert sum(mark.kept for mark in marks(camera.pictures(), PhashDedup())) == 1
    found = marks([still()[0], still(seed=9)[0][::-1]], PhashDedup())
    assert found[1].kept
    assert found[1].change > 6


def test_none_keeps_everything():
    assert all(mark.kept for mark in marks(still(10), NoDedup()))


def swinging(reach, *, seconds=60, size=(640, 360)):
    """A still camera on a pole: its picture is displaced by up to `reach` pixels each way, never twice the same."""
    width, height = size
    wide = next(
        replace(scenes.NightCamera(clock=False, drift=0.0, noise=0.0, seconds=1), width=width + 64, height=height + 64).pictures()
    )
    wide = cv2.GaussianBlur(wide, (0, 0), 1.0).astype(np.float32)
    random = np.random.default_rng(7)
    for right, down in random.uniform(-reach, reach, (seconds, 2)):
        move = np.array([[1, 0, 32 + right], [0, 1, 32 + down]], np.float32)
        seen = cv2.warpAffine(wide, move, size, flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP)
        yield np.clip(seen + random.normal(0, 1, (height, width)), 0, 255).astype(np.uint8)


def test_a_camera_that_swings_by_less_than_a_cell_is_put_back_and_one_that_turns_is_kept():
    swung = marks(swinging(1.5))
    assert sum(mark.kept for mark in swung[20:]) <= 4
    knocked = [
        *itertools.islice(swinging(1.0), 30),
        *(np.roll(picture, 24, axis=1) for picture in itertools.islice(swinging(1.0), 30)),
    ]
    found = marks(knocked)
    assert found[30].kept
    assert sum(mark.kept for mark in found[34:]) <= 3


def test_somebody_small_is_seen_though_the_camera_swings():
    pictures = list(swinging(1.5))
    for picture in pictures[40:43]:
        picture[200:208, 300:303] = 230
    found = marks(pictures)
    assert any(mark.kept for mark in found[40:43])
    assert next(mark for mark in found[40:43] if mark.kept).region[0] == pytest.approx(300 / 640, abs=0.02)


def test_a_place_that_is_always_restless_needs_a_larger_change_than_the_rest():
    random = np.random.default_rng(3)
    pictures = []
    for _ in range(70):
        picture = still()[0].copy()
        picture[60:120, 100:220] = np.clip(
            picture[60:120, 100:220] + random.normal(0, 1.8, (30, 60)).repeat(2, 0).repeat(2, 1), 0, 255
        )
        pictures.append(picture)
    assert sum(mark.kept for mark in marks(pictures)[30:]) <= 4
    pictures[60][80:100, 150:160] = np.clip(pictures[60][80:100, 150:160].astype(int) + 60, 0, 255)
    found = marks(pictures)
    assert found[60].kept


def test_the_tens_of_a_large_clock_are_masked_with_its_seconds():
    pictures = []
    for second in range(62):
        picture = still(seed=4)[0].copy()
        cv2.rectangle(picture, (8, 150), (80, 176), 0, -1)
        cv2.putText(picture, f"{second // 60:02}:{second % 60:02}", (10, 172), cv2.FONT_HERSHEY_SIMPLEX, 0.75, 255, 2)
        pictures.append(picture)
    assert [mark.time for mark in marks(pictures) if mark.kept and mark.time > 20] == [60]
