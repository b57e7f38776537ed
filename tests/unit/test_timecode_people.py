from __future__ import annotations

import pytest

from videoscan import timecode


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (0.4, "0.4 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (200, "3 min 20 s"),
        (3600, "1 h"),
        (7500, "2 h 05 min"),
    ],
)
def test_a_length_is_told_in_the_units_that_fit_it(seconds, words):
    assert timecode.length(seconds) == words


def test_wall_time_is_the_origin_moved_on_in_its_own_zone():
    assert timecode.wall_iso("2026-11-21T23:59:59+01:00", 1.4) == "2026-11-22T00:00:00.400+01:00"
    assert timecode.wall_short("2026-11-21T23:59:59", 61.9) == "00:01:00"
    assert timecode.wall_short("2026-11-21T23:59:59Z", 1, date=True) == "2026-11-22 00:00:00"


@pytest.mark.parametrize("origin", [None, "", "yesterday"])
def test_there_is_no_wall_time_without_a_clock(origin):
    assert timecode.wall(origin, 5) is None
    assert timecode.wall_iso(origin, 5) is None
    assert timecode.wall_short(origin, 5) is None


def test_wall_time_beyond_the_calendar_is_unknown_rather_than_an_error():
    assert timecode.wall("9999-12-31T23:59:59", 10) is None
