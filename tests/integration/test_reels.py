"""Reels, looked at by FFmpeg: every event once, one after the other, with a chapter each."""

from __future__ import annotations

import itertools

import pytest
from cutouts import about, numbered, reel, seen

from videoscan.errors import SourceNotFound


@pytest.fixture(scope="module")
def footage(tmp_path_factory):
    return numbered(tmp_path_factory.mktemp("footage") / "gate.mp4", tone_from=2.0)


def test_a_reel_shows_events_one_after_the_other_with_a_chapter_each(footage, tmp_path):
    made = reel(
        tmp_path / "reel.mp4", about(footage, (0.4, 0.8, "First"), (2.0, 3.0, "Second"), clock="2026-11-21T22:00:00+01:00")
    )
    assert made.numbers == [*range(10, 20), *range(50, 75)]
    assert made.duration == pytest.approx(1.4, abs=0.03)
    assert made.chapters == [(0, 0.4, "Gate 2026-11-21 22:00:00 First"), (0.4, 1.4, "Gate 2026-11-21 22:00:02 Second")]
    assert made.loudness(0.0, 0.35) < 0.01
    assert made.loudness(0.5, 1.3) > 0.05


def test_what_overlaps_is_shown_once_and_has_its_chapters(footage, tmp_path):
    made = reel(tmp_path / "reel.mp4", about(footage, (1.0, 2.0), (1.4, 1.6), (1.8, 2.6)))
    assert made.numbers == list(range(25, 65))
    assert [start for start, _, _ in made.chapters] == pytest.approx([0, 0.4, 0.8])


def test_cameras_of_other_shapes_and_without_sound_go_into_one_reel(footage, tmp_path):
    upright = numbered(tmp_path / "door.mp4", size="120x160")
    made = reel(tmp_path / "reel.mp4", about(footage, (1.0, 1.4)), about(upright, (2.0, 2.4), camera="Door"))
    assert made.size == (160, 120)
    assert len(made.numbers) == 20
    assert len(made.heard) / 48000 == pytest.approx(0.8, abs=0.05)
    assert seen(tmp_path / "reel.mp4", (35, 10, 125, 110)).numbers[10:] == list(range(50, 60))
    assert max(map(max, seen(tmp_path / "reel.mp4", (0, 10, 33, 110)).halves[10:])) <= 17


def test_a_reel_without_events_is_an_error(footage, tmp_path):
    with pytest.raises(SourceNotFound, match="no event"):
        reel(tmp_path / "reel.mp4", about(footage))


def test_what_overlaps_only_by_its_padding_is_shown_once_too(footage, tmp_path):
    made = reel(tmp_path / "reel.mp4", about(footage, (1.0, 1.2), (1.6, 1.8)), pad="0.3,0.3")
    assert all(after == before + 1 for before, after in itertools.pairwise(made.numbers))
