"""Damaged timestamps are put back from their neighbours."""

from __future__ import annotations

import av

from videoscan.sources.stamps import Arrived, Steady

FRAME = 40  # ms


def mended(times: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """What becomes of packets with these decoding and presentation times, both in milliseconds."""
    arrived = []
    for dts, pts in times:
        packet = av.Packet(16)
        packet.dts, packet.pts = dts, pts
        arrived.append(Arrived(packet))
    steady = Steady(iter(arrived), 1 / 1000, FRAME)
    return [(each.raw.dts, each.raw.pts) for each in steady]


def reordered(groups: int) -> list[tuple[int, int]]:
    """A keyframe, then groups of one picture and the two that are shown before it."""
    places = [0, *(3 * group + place for group in range(groups) for place in (3, 1, 2))]
    return [(FRAME * (number - 1), FRAME * place) for number, place in enumerate(places)]


def test_sound_times_are_left_alone():
    times = reordered(20)
    assert mended(times) == times


def test_a_stray_picture_fills_the_place_that_is_free():
    times = reordered(20)
    damaged = times.copy()
    damaged[10] = (times[10][0], 9_000_000)
    assert mended(damaged) == times


def test_a_stray_first_picture_comes_before_all_others():
    times = reordered(20)
    damaged = [(times[0][0], 9_000_000), *times[1:]]
    assert mended(damaged) == times
