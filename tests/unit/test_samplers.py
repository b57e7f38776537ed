"""What samplers ask for, without any video: aims answered by made-up frames."""

import itertools

import pytest
from pydantic import ValidationError

from videoscan.model import Frame, SourceInfo
from videoscan.samplers.interval import IntervalOptions, IntervalSampler
from videoscan.samplers.keyframe import KeyframeOptions, KeyframeSampler

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
