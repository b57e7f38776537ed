"""Which of too many kept frames are shown."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from building import mark

from videoscan.model import Reason, Sample
from videoscan.reading.choosing import Chooser, block_of, cap

EMPTY = np.full((90, 160), 100, np.uint8)


def sample(index, *, kept=True, same_as=None, reason=None, cells=None, time=None):
    made = mark(index, kept=kept, same_as=same_as, reason=reason, time=time)
    return Sample(made, cells=EMPTY if cells is None else cells)


def with_something(at, level=180):
    cells = EMPTY.copy()
    cells[30:50, at : at + 10] = level
    return cells


def kept(samples):
    return [each.mark.frame for each in samples if each.mark.kept]


def test_what_fits_is_left_alone():
    block = [sample(0), sample(1), sample(2, kept=False, same_as=1)]
    assert Chooser().choose(block, 2) == block


def test_the_first_and_last_frame_of_every_run_of_changes_are_shown():
    runs = [(5, 9), (20, 21), (30, 38)]
    frames, stand_in = [sample(0, reason=Reason.FIRST)], 0
    for index in range(1, 45):
        if any(first <= index <= last for first, last in runs):
            frames.append(sample(index, cells=with_something(index)))
            stand_in = index
        else:
            frames.append(sample(index, kept=False, same_as=stand_in))
    done = Chooser().choose(frames, 7)
    assert kept(done) == [0, 5, 9, 20, 21, 30, 38]
    assert [each.mark.time for each in done] == sorted(each.mark.time for each in done)


def test_frames_are_chosen_to_cover_the_time():
    done = Chooser().choose([sample(index) for index in range(13)], 4)
    gaps = [later - earlier for earlier, later in itertools.pairwise([0, *kept(done), 12])]
    assert len(kept(done)) == 4
    assert max(gaps) <= 6


def test_frames_are_chosen_to_cover_the_change():
    """One in thirty shows something that the others do not."""
    frames = [sample(index, cells=with_something(70) if index == 17 else EMPTY) for index in range(30)]
    assert 17 in kept(Chooser().choose(frames, 3))


def test_what_is_thinned_out_is_told_with_all_that_looked_like_it():
    frames = [sample(0, reason=Reason.FIRST), sample(1), sample(2), sample(3, kept=False, same_as=1), sample(4), sample(5)]
    done = {each.mark.frame: each.mark for each in Chooser().choose(frames, 1)}
    assert [frame for frame, made in done.items() if made.kept] == [0]
    assert all(done[frame].reason is Reason.THINNED and done[frame].same_as == 0 for frame in (1, 2, 3, 4, 5))


def test_a_frame_that_looks_like_one_that_is_shown_stays_unchanged():
    frames = [sample(0, reason=Reason.FIRST), sample(1), sample(2, kept=False, same_as=0), sample(3), sample(4), sample(5)]
    done = {each.mark.frame: each.mark for each in Chooser().choose(frames, 2)}
    assert done[2] == frames[2].mark


def test_a_frame_that_looks_like_one_thinned_in_the_block_before_is_thinned_too():
    chooser = Chooser()
    first = chooser.choose([sample(0), sample(1), sample(2)], 1)
    gone = next(each.mark.frame for each in first if not each.mark.kept)
    (late,) = chooser.choose([sample(3, kept=False, same_as=gone)], 1)
    assert late.mark.reason is Reason.THINNED
    assert late.mark.same_as == kept(first)[-1]


@pytest.mark.parametrize(("rate", "block"), [(0.2, (20.0, 4)), (1.0, (4.0, 4)), (1 / 60, (60.0, 1)), (0.01, (100.0, 1))])
def test_a_blocks_length_follows_from_the_rate(rate, block):
    assert block_of(rate) == pytest.approx(block)


@pytest.mark.parametrize("rate", [0.05, 0.2, 0.5, 1.0])
def test_no_stretch_of_time_holds_more_than_the_cap_and_two_blocks(rate):
    random = np.random.default_rng(3)
    frames = [sample(index, cells=with_something(int(random.integers(140)))) for index in range(400)]
    times = kept(cap(frames, rate))
    _, frames_per_block = block_of(rate)
    for first, last in itertools.combinations(range(len(times)), 2):
        assert last - first + 1 <= (times[last] - times[first]) * rate + 2 * frames_per_block
    assert len(times) >= 0.9 * 400 * rate


def test_without_a_cap_samples_pass_at_once_and_untouched():
    asked = []

    def source():
        for index in range(3):
            asked.append(index)
            yield sample(index)

    passing = cap(source(), 0)
    assert next(passing).mark.frame == 0
    assert asked == [0]


def test_a_sources_first_frame_stays_whatever_the_cap():
    frames = [replace(sample(0, reason=Reason.FIRST)), *(sample(index) for index in range(1, 50))]
    assert kept(cap(frames, 0.01))[0] == 0
