"""What is measured in each sample: light, texture, displacement, and what is there that usually is not."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from building import samples

from videoscan.dedup.tiles import TilesDedup
from videoscan.reading.measure import ABSORB, REGIONS, Flag, measure
from videoscan.testing import scenes
from videoscan.testing.scenes import NightCamera, Visit


def measured(pictures, *, every=1.0):
    return [sample.mark.measured for sample in measure(samples(TilesDedup().apply(scenes.frames(pictures, every=every))))]


def yard(**changes):
    return replace(NightCamera(seconds=40, clock=False, drift=0.0, width=320, height=180, noise=2.0), **changes)


def stepped(picture, box, level):
    changed = picture.copy()
    x0, y0, x1, y1 = box
    changed[y0:y1, x0:x1] = np.clip(changed[y0:y1, x0:x1].astype(int) + level, 0, 255)
    return changed


def empty(count, **changes):
    return list(yard(seconds=count, **changes).pictures())


def fidgeting(picture, second, box=(150, 50, 180, 150)):
    """A body in the box whose sides move a little at every sample, as somebody's who stands."""
    x0, y0, x1, y1 = box
    sway = second % 3
    return stepped(picture, (x0 + 2 * sway, y0, x1 + 2 * sway, y1), 90)


def test_frames_come_through_unchanged_but_for_the_measurements():
    judged = list(samples(TilesDedup().apply(yard(seconds=6).frames())))
    out = list(measure(judged))
    assert [replace(sample.mark, measured=None) for sample in out] == [sample.mark for sample in judged]


def test_a_recording_that_changes_its_proportions_midway_is_measured_on():
    wide, tall = empty(3), empty(3, width=180, height=320)
    assert len(measured([*wide, *tall, *wide])) == 9


def test_it_is_lazy():
    asked = 0

    def source():
        nonlocal asked
        for frame in TilesDedup().apply(yard(seconds=5).frames()):
            asked += 1
            yield frame

    for came, _ in enumerate(measure(samples(source())), 1):
        assert asked == came


def test_light_is_the_mean_luma_and_texture_what_is_left_without_the_local_mean():
    flat, busy = measured([np.full((90, 160), 60, np.uint8), (np.indices((90, 160)).sum(0) // 4 % 2 * 100).astype(np.uint8)])
    assert (flat.light, flat.texture) == (60, 0)
    assert busy.light == pytest.approx(50, abs=2)
    assert busy.texture == pytest.approx(50, abs=5)


def test_an_empty_scene_is_not_active_in_spite_of_noise_clock_and_drift():
    seen = measured(yard(clock=True, drift=0.08, seconds=90, height=360, width=640).pictures())
    assert [n for n, one in enumerate(seen) if one.active and n > 15] == []


def test_somebody_who_walks_is_active_where_they_are_and_the_scene_is_empty_when_they_have_left():
    visit = Visit(10, 18, 0.5, ((0.2, 0.5), (0.8, 0.5)))
    seen = measured(yard(visits=(visit,)).pictures())
    assert [n for n, one in enumerate(seen) if one.active] == list(range(10, 18))
    for second in range(10, 18):
        x0, y0, x1, y1 = seen[second].active[0]
        assert (x0 + x1) / 2 == pytest.approx(0.2 + 0.6 * (second - 10) / 7, abs=0.05)
        assert y1 - y0 == pytest.approx(0.5, abs=0.1)


def test_somebody_who_stands_still_stays_active():
    pictures = [fidgeting(picture, n) if 10 <= n < 35 else picture for n, picture in enumerate(empty(40))]
    assert [n for n, one in enumerate(measured(pictures)) if one.active] == list(range(10, 35))


def test_a_thing_put_down_belongs_to_the_scene_soon_and_is_no_activity_when_it_is_taken_away_for_long():
    pictures = [stepped(picture, (150, 80, 180, 140), 90) if 10 <= n < 30 else picture for n, picture in enumerate(empty(45))]
    active = [n for n, one in enumerate(measured(pictures)) if one.active]
    assert {10, 11} <= set(active)
    assert not set(active) & set(range(17, 30))
    assert not set(active) & set(range(33, 45))


def test_who_was_there_from_the_start_leaves_no_ghost():
    pictures = [fidgeting(picture, n) if n < 8 else picture for n, picture in enumerate(empty(20))]
    seen = measured(pictures)
    assert not any(one.active for one in seen[11:])


def test_what_hardly_moves_is_absorbed_in_the_end():
    pictures = [
        stepped(picture, (150, 60, 158, 68), 90) if n >= 5 else picture for n, picture in enumerate(empty(int(ABSORB) + 15))
    ]
    assert not measured(pictures)[-1].active


def test_at_most_four_regions_are_told_largest_first():
    boxes = [(20 + 45 * n, 60, 26 + 45 * n + 3 * n, 100) for n in range(6)]
    pictures = empty(6)
    for box in boxes:
        pictures[5] = stepped(pictures[5], box, 120)
    active = measured(pictures)[5].active
    sizes = [(x1 - x0) * (y1 - y0) for x0, y0, x1, y1 in active]
    assert len(active) == REGIONS
    assert sizes == sorted(sizes, reverse=True)


@pytest.mark.parametrize(("level", "flag"), [(60, Flag.LIGHT_ON), (-35, Flag.LIGHT_OFF)])
def test_a_switched_light_is_light_and_no_activity(level, flag):
    base = [np.clip(picture.astype(int) + 40, 0, 255).astype(np.uint8) for picture in empty(20)]
    pictures = [np.clip(p.astype(int) + level, 0, 255).astype(np.uint8) if n >= 10 else p for n, p in enumerate(base)]
    seen = measured(pictures)
    assert [(n, one.flags) for n, one in enumerate(seen) if one.flags] == [(10, (flag,))]
    assert not any(one.active for one in seen)


def test_something_large_in_front_of_the_lens_is_no_light():
    pictures = [stepped(picture, (120, 20, 200, 180), 120) if n == 5 else picture for n, picture in enumerate(empty(8))]
    assert Flag.LIGHT_ON not in measured(pictures)[5].flags


def test_a_covered_lens_is_covered_while_it_lasts_and_the_scene_is_known_afterwards():
    pictures = [np.full_like(p, 90) if 8 <= n < 14 else p for n, p in enumerate(empty(25))]
    seen = measured(pictures)
    assert [n for n, one in enumerate(seen) if Flag.COVERED in one.flags] == list(range(8, 14))
    assert not any(one.active for one in seen)


def test_a_black_picture_is_black_and_neither_covered_nor_a_cut():
    pictures = [np.full_like(p, 3) if 8 <= n < 14 else p for n, p in enumerate(empty(25))]
    seen = measured(pictures)
    assert [(n, one.flags) for n, one in enumerate(seen) if one.flags] == [(n, (Flag.BLACK,)) for n in range(8, 14)]


def rough(seed, width=900):
    scene = cv2.GaussianBlur(np.random.default_rng(seed).normal(0, 1, (180, width)).astype(np.float32), (0, 0), 4)
    return np.clip(120 + 400 * scene, 0, 255).astype(np.uint8)


def test_a_cut_is_a_cut_and_what_follows_is_the_new_scene():
    seen = measured([rough(1)[:, :320]] * 5 + [rough(2)[:, :320]] * 5)
    assert [n for n, one in enumerate(seen) if Flag.CUT in one.flags] == [5]
    assert not any(one.active for one in seen)


def test_a_camera_that_is_pushed_is_said_to_move_by_how_much_and_nothing_is_active_after():
    wide = rough(1)
    seen = measured([wide[:, 100:420]] * 5 + [wide[:, 116:436]] * 5)
    assert [n for n, one in enumerate(seen) if Flag.MOVED in one.flags] == [5]
    assert seen[5].shift == pytest.approx((-16 / 320, 0), abs=0.005)
    assert not any(one.active for one in seen)


def test_leaves_in_the_wind_are_no_activity():
    wide = rough(1)
    pictures = []
    for n in range(20):
        picture = wide[:, 100:420].copy()
        picture[20:120, 40:200] = wide[20:120, 140 + n % 2 : 300 + n % 2]  # sways by half a cell
        pictures.append(picture)
    assert not any(one.active for one in measured(pictures))


def test_measuring_twice_gives_the_same():
    camera = yard(visits=(Visit(10, 18, 0.3),))
    assert measured(camera.pictures()) == measured(camera.pictures())
