"""What blinks is put out, and whoever passes in front of it is not."""

from __future__ import annotations

import numpy as np
import pytest

from videoscan.dedup.tiles import TilesDedup
from videoscan.testing.scenes import frames

SIGN = (slice(30, 38), slice(60, 76))
"""Rows and columns, of 90 and 160."""
LEARNT = 50


def pictures(lit, *, count=110, extra=lambda second, picture: None):
    """A plain wall of texture with a sign on it, lit in the seconds that `lit` says; `extra` may draw over each picture."""
    wall = np.random.default_rng(5).integers(70, 110, (90, 160))
    noise = np.random.default_rng(6)
    for second in range(count):
        picture = wall.copy()
        if lit(second):
            picture[SIGN] += 90
            picture[26:42, 54:82] += 6  # its glow
        extra(second, picture)
        yield np.clip(np.rint(picture + noise.normal(0, 0.5, picture.shape)), 0, 255).astype(np.uint8)


def marks_of(given, **options):
    return [frame.mark for frame in TilesDedup(TilesDedup.Options(**options)).apply(frames(given))]


def kept(given, **options):
    return [mark.kept for mark in marks_of(given, **options)]


RHYTHMS = {
    "every other": lambda second: second % 2 == 0,
    "two and two": lambda second: second % 4 < 2,
    "uneven": lambda second: (second / 3.3) % 1 < 0.5,
    "seldom": lambda second: second % 9 < 2,
}


@pytest.mark.parametrize("rhythm", RHYTHMS)
@pytest.mark.parametrize("shade", [40, -40])
def test_what_blinks_is_no_change_once_it_is_known_and_whoever_passes_in_front_of_it_is(rhythm, shade):
    def person(second, picture):
        if 80 <= second < 84:
            left = 62 + 3 * (second - 80)
            picture[32:34, left : left + 1] += shade

    marks = marks_of(pictures(RHYTHMS[rhythm], count=100, extra=person))
    # Nor is it left out of the picture, as a clock is.
    assert all(mark.ignored is None for mark in marks[LEARNT:])
    assert sum(mark.kept for mark in marks[:LEARNT]) >= 2
    assert not any(mark.kept for mark in marks[LEARNT:80])
    assert any(mark.kept for mark in marks[80:82])
    shown = {mark.frame for mark in marks[80:84] if mark.kept}
    assert all(mark.kept or mark.same_as not in shown for mark in marks[84:])
    assert not any(mark.kept for mark in marks[86:])


def test_what_has_many_looks_is_left_as_it_is():
    random = np.random.default_rng(7)

    def film(_second, picture):
        picture[SIGN] = random.integers(20, 230, picture[SIGN].shape)

    found = kept(pictures(lambda _second: False, extra=film), mask=True)
    without = kept(pictures(lambda _second: False, extra=film), mask=False)
    assert all(without)
    # It changes at every sample, so it is left out as a clock is.
    assert not any(found[LEARNT:])


def test_who_comes_and_goes_often_but_never_looks_the_same_is_seen_each_time():
    def visits(second, picture):
        if second % 6 < 3:
            left = 20 + (second * 7) % 100
            picture[40:60, left : left + 8] += 50

    found = kept(pictures(lambda _second: False, extra=visits))
    assert all(found[second] for second in range(LEARNT, 110) if second % 6 == 0)


def test_a_light_that_goes_on_for_a_minute_at_a_time_does_not_blink():
    found = kept(pictures(lambda second: second // 45 % 2 == 1, count=190), remember=1)
    assert [second for second in range(1, 190) if found[second]] == [45, 90, 135, 180]


def test_a_sign_that_stays_at_its_other_face_is_told_before_long():
    def told(lit):
        found = kept(pictures(lambda second: second % 4 < 2 if second < 80 else lit, count=150))
        assert not any(found[130:])
        return sum(found[80:130])

    # One of the two is its first face, by which it is compared all along; its glow may have the other order.
    both = sorted((told(True), told(False)))
    assert both[0] <= 1
    assert both[1] == 1


def test_without_the_mask_a_sign_is_a_change_like_any_other():
    found = kept(pictures(RHYTHMS["two and two"]), mask=False, remember=1)
    assert sum(found[LEARNT:]) >= 28
