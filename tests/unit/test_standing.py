"""What a kept frame stands for: its noise averages away, what changes stays a change, what creeps in is seen."""

import numpy as np
import pytest

from videoscan.dedup.standing import Standing
from videoscan.dedup.tiles import TilesDedup
from videoscan.reading.difference import view
from videoscan.testing import scenes

GROUND = np.random.default_rng(1).integers(60, 160, (9, 16)).repeat(10, 0).repeat(10, 1)


def seen(noise, seed, *, patch=0.0):
    picture = GROUND + np.random.default_rng(seed).normal(0, noise, GROUND.shape)
    picture[40:43, 70:73] += patch
    return view(np.clip(np.rint(picture), 0, 255).astype(np.uint8))


def marks(pictures):
    return [frame.mark for frame in TilesDedup().apply(scenes.frames(pictures))]


def test_noise_counts_for_less_once_others_show_the_same():
    kept = Standing(seen(3, 0))
    first = kept.apart(seen(3, 99), 15.0).std()
    for number in range(1, 12):
        kept.add(seen(3, number))
    later = kept.apart(seen(3, 99), 15.0)
    # In units of what one picture against one comes to by noise alone, it stays the same, and what is there counts for more.
    assert later.std() == pytest.approx(first, rel=0.15)
    assert (
        kept.apart(seen(3, 99, patch=12), 15.0).max()
        > 1.2 * Standing(seen(3, 0)).apart(seen(3, 99, patch=12), 15.0)[40:43, 70:73].mean()
    )


def test_what_changed_begins_anew_and_the_rest_goes_on():
    before = Standing(seen(3, 0))
    for number in range(1, 9):
        before.add(seen(3, number))
    changed = np.zeros(GROUND.shape, np.float32)
    changed[40:43, 70:73] = 1
    kept = Standing(seen(3, 20, patch=30), before, changed)
    there = kept.apart(seen(0, 21, patch=30), 7.5)
    assert there[41, 71] < 12
    gone = kept.apart(seen(0, 21), 9.0)
    assert gone[41, 71] > 15
    assert (
        kept.apart(seen(0, 21), 9.0)[60:80, 20:60].mean()
        < 0.7 * Standing(seen(3, 20)).apart(seen(0, 21), 9.0)[60:80, 20:60].mean()
    )


def test_what_creeps_in_is_kept_before_it_is_taken_for_what_was_always_there():
    size = (180, 320)
    base = np.kron(np.random.default_rng(2).integers(70, 150, (9, 16)), np.ones((20, 20)))
    assert base.shape == size
    pictures = []
    for number in range(120):
        picture = base.copy()
        picture[80:96, 150:160] += 0.25 * number
        pictures.append(np.clip(np.rint(picture), 0, 255).astype(np.uint8))
    kept = [mark.time for mark in marks(pictures) if mark.kept]
    assert 3 <= len(kept) <= 8
    assert max(np.diff([*kept, 120])) * 0.25 < 12


def test_somebody_at_the_threshold_who_leaves_is_not_said_to_be_there_still():
    rng = np.random.default_rng(4)
    base = np.kron(rng.integers(70, 150, (9, 16)), np.ones((40, 40)))

    def picture(*, there):
        shown = base + rng.normal(0, 2, base.shape)
        if there:
            shown[200:208, 320:328] += 11
        return np.clip(np.rint(shown), 0, 255).astype(np.uint8)

    found = marks([picture(there=20 <= second < 24) for second in range(40)])
    assert found[20].kept
    standing = [mark.same_as if mark.same_as is not None else mark.frame for mark in found]
    assert all(found[0].frame <= frame < found[20].frame or frame >= found[24].frame for frame in standing[24:])
