"""Shot boundaries in made pictures: what is one, when it is told, and what is none."""

import functools
import itertools

import cv2
import numpy as np
import pytest

from videoscan.reading.shots import EVERY, MEMORY, SETTLED, Shots

RATE = 25.0
RANDOM = np.random.default_rng(5)
BLACK, WHITE = (np.full((90, 160), level, np.float32) for level in (16, 235))


@functools.cache
def wall(seed):
    """A large scene that a camera can look around in, with structure of every size."""
    random = np.random.default_rng(seed)
    scene = np.zeros((400, 920), np.float32)
    for size, depth in ((100, 45), (40, 35), (20, 25), (10, 20), (5, 15), (2, 8)):
        layer = random.normal(0, depth, (400 // size + 2, 920 // size + 2)).astype(np.float32)
        scene += cv2.resize(layer, (920, 400), interpolation=cv2.INTER_CUBIC)
    return np.clip(120 + scene, 16, 235)


def shot(seed, seconds, *, rate=RATE, pan=0.0, start=100.0):
    """A shot of so many seconds; `pan` is in picture widths a second."""
    scene = wall(seed)
    for number in range(round(seconds * rate)):
        left = round(start + pan * 160 * number / rate)
        yield scene[100:190, left : left + 160]


def mixed(one, other, shares):
    return [(1 - share) * a + share * b for a, b, share in zip(one, other, shares, strict=True)]


def fade(pictures, level, *, out):
    shares = np.linspace(0, 1, len(pictures) + 1)[1:]
    return [
        (1 - share) * picture + share * level for picture, share in zip(pictures, shares if out else shares[::-1], strict=True)
    ]


def boundaries(*parts, rate=RATE, noise=1.0):
    """What is found in the parts shown one after another: boundaries, and when each was told."""
    shots, found = Shots(), []
    for number, picture in enumerate(itertools.chain(*parts)):
        noisy = picture + RANDOM.normal(0, noise, picture.shape)
        boundary = shots.take(number / rate, np.clip(noisy, 0, 255).astype(np.uint8))
        if boundary is not None:
            found.append((boundary, number / rate))
    return found


def only(*parts, **options):
    ((boundary, told),) = boundaries(*parts, **options)
    return boundary, told


def test_a_cut_is_told_a_quarter_of_a_second_later_and_dated_to_the_new_shots_first_picture():
    boundary, told = only(shot(1, 2), shot(2, 2))
    assert (boundary.kind, boundary.start, boundary.end) == ("cut", 2.0, 2.0)
    assert told == pytest.approx(2.0 + SETTLED, abs=1.5 / RATE)


@pytest.mark.parametrize("rate", [3, 8, 12.5, 30, 60])
def test_cuts_are_found_at_any_rate(rate):
    found = boundaries(*(shot(seed, 2, rate=rate, pan=0.1) for seed in range(1, 6)), rate=rate)
    assert [boundary.time for boundary, _ in found] == pytest.approx([2, 4, 6, 8], abs=0.5 / rate)
    assert all(told - boundary.time <= max(SETTLED, 1 / rate) + 1 / rate for boundary, told in found)


def test_a_cut_between_moving_cameras_is_found_and_their_motion_is_none():
    boundary, _ = only(shot(1, 2, pan=0.8), shot(2, 2, pan=-0.3, start=300))
    assert (boundary.kind, boundary.start) == ("cut", 2.0)


@pytest.mark.parametrize("pan", [0.05, 0.3, 1.0, 1.7])
def test_a_pan_is_no_boundary(pan):
    assert boundaries(shot(1, 2), shot(1, 2, pan=pan), noise=2) == []


def test_a_zoom_is_no_boundary():
    scene = wall(1)
    zoomed = []
    for factor in np.linspace(1, 2.5, 60):
        high, wide = round(225 / factor), round(400 / factor)
        zoomed.append(
            cv2.resize(
                scene[200 - high // 2 : 200 + high // 2, 460 - wide // 2 : 460 + wide // 2],
                (160, 90),
                interpolation=cv2.INTER_AREA,
            )
        )
    assert boundaries(zoomed) == []


def test_noise_is_no_boundary():
    assert boundaries(shot(1, 2), noise=12) == []


@pytest.mark.parametrize("pictures", [1, 2, 5])
@pytest.mark.parametrize("strength", [0.5, 1.0])
def test_a_flash_is_no_boundary(pictures, strength):
    flash = mixed(shot(1, pictures / RATE), [WHITE] * pictures, [strength] * pictures)
    assert boundaries(shot(1, 1), flash, shot(1, 1)) == []


def test_a_flash_on_a_cut_is_one_boundary():
    boundary, _ = only(shot(1, 2), [WHITE] * 3, shot(2, 2))
    assert boundary.time == pytest.approx(2.0, abs=0.1)


def test_a_flash_does_not_hide_a_cut_after_it():
    boundary, _ = only(shot(1, 2, pan=0.2), [WHITE] * 2, shot(1, 0.4, pan=0.2, start=165), shot(2, 2))
    assert boundary.time == pytest.approx(2.48, abs=0.01)


@pytest.mark.parametrize("level", [16, 235])
@pytest.mark.parametrize("hold", [0, 20])
def test_a_fade_through_black_or_white_is_one_boundary_told_when_the_new_shot_is_up(level, hold):
    out, back = fade(list(shot(1, 1)), level, out=True), fade(list(shot(2, 1)), level, out=False)
    blank = [np.full((90, 160), level, np.float32)] * hold
    boundary, told = only(shot(1, 2), out, blank, back, shot(2, 2))
    assert boundary.kind == "fade"
    up = 4 + hold / RATE
    assert 2 < boundary.start < boundary.end
    assert up - 0.25 <= told <= up + 0.5


def test_a_blink_is_no_boundary():
    out, back = fade(list(shot(1, 1)), 16, out=True), fade(list(shot(1, 1)), 16, out=False)
    assert boundaries(shot(1, 1), out, [BLACK] * 10, back, shot(1, 1)) == []
    assert boundaries(shot(1, 1), [BLACK] * 5, shot(1, 1)) == []


def test_a_beginning_in_black_ends_in_a_boundary():
    boundary, told = only([BLACK] * 30, fade(list(shot(1, 1)), 16, out=False), shot(1, 1))
    assert (boundary.kind, boundary.start) == ("fade", 0)
    assert 2.0 <= told <= 2.7


def test_a_cut_to_black_and_one_from_black_are_two_boundaries():
    found = boundaries(shot(1, 2), [BLACK] * 40, shot(2, 2))
    assert [boundary.time for boundary, _ in found] == pytest.approx([2.0, 3.6], abs=0.05)


@pytest.mark.parametrize("seconds", [0.4, 1.0, 1.6])
@pytest.mark.parametrize("pan", [0.0, 0.03])
def test_a_dissolve_is_one_boundary_told_when_it_is_over(seconds, pan):
    shares = np.linspace(0, 1, round(seconds * RATE) + 2)[1:-1]
    between = mixed(shot(1, seconds, pan=pan), shot(2, seconds, pan=pan), shares)
    boundary, told = only(shot(1, 2), between, shot(2, 2, pan=pan, start=100 + pan * 160 * seconds))
    assert boundary.kind == "dissolve"
    assert boundary.start - 0.3 <= 2 + seconds / 2 <= boundary.end + 0.3
    assert 2 + 0.7 * seconds <= told <= 2.6 + seconds


def test_a_graphic_that_sweeps_across_before_another_shot_is_one_boundary():
    def swept(under, over):
        edges = np.linspace(0, 160, 9).astype(int)[1:-1]
        pairs = zip(shot(under, 0.28), shot(over, 0.28), edges, strict=True)
        return [np.hstack([b[:, :edge], a[:, edge:]]) for a, b, edge in pairs]

    boundary, told = only(shot(1, 2), swept(1, 9), swept(9, 2), shot(2, 2))
    assert (boundary.kind, boundary.time) == ("wipe", pytest.approx(2.28, abs=0.1))
    assert told <= 2.56 + SETTLED + 0.1


def test_light_that_goes_out_and_comes_on_is_no_boundary():
    dark = [0.4 * picture for picture in shot(1, 1)]
    assert boundaries(shot(1, 1), dark, shot(1, 1)) == []


def test_somebody_passing_close_to_the_lens_is_no_boundary():
    passing = []
    for picture, left in zip(shot(1, 0.8), np.linspace(-120, 160, 20).astype(int), strict=True):
        covered = picture.copy()
        covered[:, max(0, left) : max(0, left + 120)] = wall(9)[:90, : min(120, max(0, left + 120), 160 - max(0, left))]
        passing.append(covered)
    assert boundaries(shot(1, 1), passing, shot(1, 1)) == []


def test_a_strobe_ends():
    strobe = [picture for _ in range(40) for picture in (WHITE, *shot(1, 2 / RATE))]
    found = boundaries(shot(1, 1), strobe, shot(1, 1), shot(2, 2))
    assert [boundary.time for boundary, _ in found] == pytest.approx([1 + 40 * 3 / RATE + 1], abs=0.01)


def test_any_shape_of_picture_is_taken():
    for shape in ((60, 240), (240, 60), (120, 120)):
        shots = Shots()
        for number in range(60):
            shots.take(number / RATE, RANDOM.integers(0, 255, shape, np.uint8))


def test_what_is_remembered_is_bounded():
    shots = Shots()
    for number, picture in enumerate(shot(1, 12, rate=100)):
        shots.take(number / 100, picture.astype(np.uint8))
        assert len(shots._looks) <= MEMORY / EVERY + 3
