"""What samplers ask for and take, without any video: aims answered by made-up frames."""

import itertools

import cv2
import numpy as np
import pytest
from pydantic import ValidationError

from videoscan.model import Frame, SourceInfo
from videoscan.samplers.activity import ActivityOptions, ActivitySampler
from videoscan.samplers.interval import IntervalOptions, IntervalSampler
from videoscan.samplers.keyframe import KeyframeOptions, KeyframeSampler
from videoscan.samplers.scene import SceneOptions, SceneSampler
from videoscan.testing.samplers import footage, scene, visited, watch

INFO = SourceInfo("made-up", 16, 9, 25.0)


def sampled(sampler, times, keyframes=()):
    """What a perfect source gives a sampler: by the letter of `Aim`."""
    session = sampler.session(INFO)
    taken, last = [], -1.0
    while True:
        aim = session.aim()
        later = [time for time in times if time > last]
        wanted = [time for time in later if time in keyframes and aim.keyframe_from <= time <= aim.keyframe_until]
        wanted = wanted or [time for time in later if time >= aim.time]
        if not wanted:
            return taken
        last = wanted[0]
        if session.saw(Frame(times.index(last), last, last in keyframes, None)):
            taken.append(last)


TENTHS = [number / 10 for number in range(100)]


def test_the_first_frame_is_always_a_sample():
    for sampler in (KeyframeSampler(), IntervalSampler(), IntervalSampler(IntervalOptions(snap=False))):
        assert sampled(sampler, [0.0]) == [0.0]
        assert sampler.session(INFO).aim().time <= 0


def test_an_exact_interval_takes_the_first_frame_at_or_after_each_target():
    assert sampled(IntervalSampler(IntervalOptions(every=1, snap=False)), [0.0, 0.9, 1.1, 1.9, 2.0, 3.05]) == [
        0.0,
        1.1,
        2.0,
        3.05,
    ]


def test_targets_stay_on_the_grid_after_a_late_frame():
    assert sampled(IntervalSampler(IntervalOptions(every=1, snap=False)), [0.0, 1.4, 2.0, 5.5, 5.9, 6.0]) == [
        0.0,
        1.4,
        2.0,
        5.5,
        6.0,
    ]


def test_an_interval_of_a_tenth_misses_no_tenth():
    assert sampled(IntervalSampler(IntervalOptions(every=0.1, snap=False)), TENTHS) == TENTHS


def test_a_rate_is_an_interval():
    assert sampled(IntervalSampler(IntervalOptions(rate=2, snap=False)), TENTHS)[:4] == [0.0, 0.5, 1.0, 1.5]


def test_an_interval_and_a_rate_together_are_refused_in_words():
    with pytest.raises(ValidationError, match="give only one"):
        IntervalOptions(every=1, rate=2)


@pytest.mark.parametrize("options", [{"every": 0}, {"every": -1}, {"every": float("inf")}, {"rate": 0}, {"evry": 1}])
def test_an_impossible_interval_is_refused(options):
    with pytest.raises(ValidationError):
        IntervalOptions(**options)


def test_snapping_takes_a_keyframe_near_the_target_before_or_after_it():
    assert sampled(IntervalSampler(), TENTHS, keyframes={0.0, 0.8, 2.3, 4.0})[:5] == [0.0, 0.8, 2.3, 3.0, 4.0]


def test_snapping_never_takes_a_keyframe_within_half_an_interval_of_the_last_sample():
    times = sampled(IntervalSampler(), TENTHS, keyframes={0.0, 1.4, 1.6, 2.4, 2.5})
    assert all(b - a >= 0.5 - 1e-9 for a, b in itertools.pairwise(times))
    assert times[:3] == [0.0, 1.4, 2.4]


def test_keyframes_are_taken_where_they_are():
    assert sampled(KeyframeSampler(), TENTHS, keyframes={0.0, 1.2, 3.3, 9.9}) == [0.0, 1.2, 3.3, 9.9]


def test_keyframes_too_near_to_the_last_sample_are_passed_over():
    assert sampled(KeyframeSampler(KeyframeOptions(least=1)), TENTHS, keyframes={0.0, 0.5, 1.0, 1.9, 2.0}) == [0.0, 1.0, 2.0]


def test_without_keyframes_an_ordinary_frame_is_taken_every_so_often():
    assert sampled(KeyframeSampler(KeyframeOptions(most=3)), TENTHS, keyframes={0.0}) == [0.0, 3.0, 6.0, 9.0]


def test_most_of_zero_means_keyframes_only():
    assert sampled(KeyframeSampler(KeyframeOptions(most=0)), TENTHS, keyframes={0.0, 9.5}) == [0.0, 9.5]


def test_a_largest_distance_below_the_least_is_refused():
    with pytest.raises(ValidationError, match="below least"):
        KeyframeOptions(least=2, most=1)


def test_one_sampler_serves_many_passes_at_once():
    sampler = IntervalSampler()
    first, second = sampler.session(INFO), sampler.session(INFO)
    first.saw(Frame(0, 0.0, True, None))
    assert first.aim() != second.aim()


# Scene


def edited(*shots, rate=25.0):
    """Still shots one after another: (seed, seconds) each."""
    random = np.random.default_rng(4)
    pictures = []
    for seed, seconds in shots:
        for _ in range(round(seconds * rate)):
            noisy = scene(seed) + random.normal(0, 1, (90, 160))
            pictures.append(np.clip(noisy, 0, 255).astype(np.uint8))
    return footage(pictures, rate=rate)


def times(frames):
    return [round(frame.time, 3) for frame in frames]


def test_every_shot_has_its_sample_a_quarter_of_a_second_after_the_cut():
    got = times(watch(SceneSampler(SceneOptions(most=60)), edited((1, 3), (2, 2), (3, 4))))
    assert got[0] == 0
    assert len(got) == 3
    assert 3.25 <= got[1] <= 3.36
    assert 5.25 <= got[2] <= 5.36


def test_a_long_shot_has_a_sample_every_so_often():
    got = times(watch(SceneSampler(SceneOptions(most=1.5)), edited((1, 4), (2, 3))))
    assert got == pytest.approx([0, 1.52, 3.04, 4.28, 5.8], abs=0.09)


def test_samples_of_a_quick_edit_keep_their_distance():
    quick = [(1 + number % 3, 0.4) for number in range(12)]
    got = times(watch(SceneSampler(SceneOptions(least=1.0, most=60)), edited((1, 2), *quick, (2, 2))))
    assert len(got) > 3
    assert all(b - a >= 1 - 1e-6 for a, b in itertools.pairwise(got))


def test_at_sixty_pictures_a_second_every_other_one_is_looked_at():
    shown = []
    watch(SceneSampler(), edited((1, 2), rate=60), shown=shown)
    assert len(shown) == 60
    shown.clear()
    watch(SceneSampler(), edited((1, 2), rate=30), shown=shown)
    assert len(shown) == 60


def test_scene_and_activity_refuse_a_largest_distance_below_the_least():
    for options in (SceneOptions, ActivityOptions):
        with pytest.raises(ValidationError, match=r"most \(1 s\) is below least \(1.5 s\)"):
            options(least=1.5, most=1)
    with pytest.raises(ValidationError):
        ActivityOptions(calm=-1)


# Activity


def seen(samples, start, end):
    return [frame.time for frame in samples if start <= frame.time < end]


def test_while_nothing_happens_keyframes_are_looked_at_and_nothing_else():
    shown = []
    got = times(watch(ActivitySampler(ActivityOptions(most=2)), visited(98, 99, gop=20), shown=shown))
    assert got == [float(number) for number in range(0, 30, 2)]
    assert all(frame.keyframe for frame in shown)


def test_keyframes_that_come_more_often_than_needed_are_passed_over():
    assert times(watch(ActivitySampler(ActivityOptions(most=4)), visited(98, 99, gop=10))) == list(range(0, 30, 2))


@pytest.mark.parametrize("gop", [1, 10, 25, 100, 300])
def test_the_begin_of_an_event_is_found_though_nobody_was_looking(gop):
    got = times(watch(ActivitySampler(), visited(12.3, 16.0, gop=gop)))
    before, first = max(time for time in got if time < 12.3), min(time for time in got if time >= 12.3)
    assert 12.3 - before <= 0.5
    assert first - 12.3 < 0.5
    close = [time for time in got if 12.3 <= time < 16.0 + 3.0]
    assert all(b - a <= 0.5 + 1e-6 for a, b in itertools.pairwise(close))


def test_between_samples_lie_at_most_and_at_least_so_many_seconds():
    got = times(watch(ActivitySampler(ActivityOptions(least=0.3, most=2.5)), visited(gop=100)))
    gaps = [b - a for a, b in itertools.pairwise(got)]
    assert max(gaps) <= 2.5 + 0.1
    assert min(gaps) >= 0.3 - 1e-6


@pytest.mark.parametrize("start", [10.0, 10.5, 11.1, 11.7])
def test_whatever_shows_for_the_longest_distance_is_seen(start):
    assert seen(watch(ActivitySampler(ActivityOptions(most=2)), visited(start, start + 2.1, gop=100)), start, start + 2.1)


def test_after_some_calm_it_looks_less_often_again():
    got = times(watch(ActivitySampler(ActivityOptions(calm=2)), visited(8, 10, gop=20)))
    late = [time for time in got if time > 13]
    assert all(b - a == pytest.approx(2) for a, b in itertools.pairwise(late))
    assert [time for time in got if time < 6.1] == [0, 2, 4, 6]


def test_with_a_source_that_cannot_go_back_it_looks_closely_from_there_on():
    shown = []
    got = times(watch(ActivitySampler(), visited(12.3, 16.0, gop=20), goes_back=False, shown=shown))
    first = min(time for time in got if time >= 12.3)
    assert first <= 12.3 + 2 + 0.1
    close = [time for time in got if first <= time < 16.0]
    assert all(b - a <= 0.5 + 1e-6 for a, b in itertools.pairwise(close))
    assert len(shown) - len(got) == 1, "asked to go back again and again"


def test_what_creeps_is_looked_at_closely():
    random = np.random.default_rng(3)
    pictures = []
    for number in range(300):
        picture = scene() + random.normal(0, 0.8, (90, 160))
        left = 30 + max(0, number - 100) // 20  # half a cell a second
        picture[40:60, left : left + 10] = 245
        pictures.append(np.clip(picture, 0, 255).astype(np.uint8))
    got = watch(ActivitySampler(), footage(pictures, gop=20))
    assert len(seen(got, 0, 10)) <= 6
    assert len(seen(got, 14, 30)) >= 28


def test_light_that_goes_out_is_looked_at_and_a_drift_is_not():
    random = np.random.default_rng(3)

    def lit(shares):
        pictures = (share * scene() + random.normal(0, 0.8, (90, 160)) for share in shares)
        return footage([np.clip(picture, 0, 255).astype(np.uint8) for picture in pictures], gop=20)

    drift = 1 + 0.08 * np.sin(np.arange(600) / 60)
    assert len(watch(ActivitySampler(), lit(drift))) == 30
    went_out = times(watch(ActivitySampler(), lit(np.where(np.arange(300) < 155, 1.0, 0.5))))
    assert any(15.5 <= time < 16 for time in went_out)


def test_a_clock_is_known_after_a_while():
    random = np.random.default_rng(3)
    still = cv2.resize(scene(), (640, 360))
    grain = random.normal(0, 1.5, (400, 700))
    pictures = []
    for number in range(350):
        down, across = random.integers(0, 40, 2)
        picture = np.clip(still + grain[down : down + 360, across : across + 640], 0, 255).astype(np.uint8)
        second = number // 5
        cv2.putText(picture, f"22:{40 + second // 60:02d}:{second % 60:02d}", (8, 20), cv2.FONT_HERSHEY_SIMPLEX, 0.5, 255, 1)
        pictures.append(picture)
    got = watch(ActivitySampler(), footage(pictures, rate=5, gop=10))
    assert len(seen(got, 30, 58)) <= 15
