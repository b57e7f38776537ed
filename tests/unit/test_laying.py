"""Recordings on one clock: what follows on what, what lies between, and what two of them show alike."""

from __future__ import annotations

import datetime as dt

import pytest

from videoscan.document import SourceRecord
from videoscan.sources.laying import NOTHING, Looked, by_clock, in_order

START = dt.datetime(2026, 3, 1, 23, 55, tzinfo=dt.UTC)


def at(seconds, duration=60.0, name=None, **more):
    clock = START + dt.timedelta(seconds=seconds)
    return Looked(name or f"/rec/{clock:%H%M%S}.mp4", clock, duration=duration, **more)


def places(laid):
    return [(part.start, part.duration, part.skipped) for part in laid.parts]


def test_clocks_of_whole_seconds_do_not_tear_one_unbroken_recording_apart():
    true = [0.0, 59.6, 119.3, 178.9, 238.1, 298.0]  # the clock cuts fractions off
    looked = [at(int(0.9 + start), end - start) for start, end in zip(true, [*true[1:], 357.7], strict=True)]
    laid = by_clock(looked)
    assert [part.start for part in laid.parts] == pytest.approx(true)
    assert not laid.absent
    assert not laid.flags


def test_a_drift_that_adds_up_is_put_right_by_the_clock_and_told_as_absent():
    laid = by_clock([at(60.0 * number, 59.2) for number in range(60)])
    ends = [(span.end - span.start, span.reason) for span in laid.absent]
    assert all(length < 2.5 and reason == NOTHING for length, reason in ends)
    assert all(abs(part.start - 60.0 * number) <= 1.25 for number, part in enumerate(laid.parts))


def test_a_pause_is_absent_and_an_overlap_is_shown_once_and_told():
    laid = by_clock([at(0), at(90), at(140, name="/rec/late.mp4"), at(145, 20.0, name="/rec/inside.mp4")])
    assert places(laid) == [(0.0, 60.0, 0.0), (90.0, 60.0, 0.0), (150.0, 50.0, 10.0)]
    assert [(span.start, span.end) for span in laid.absent] == [(60.0, 90.0)]
    assert laid.parts[2].clock == "2026-03-01T23:57:30+00:00"
    assert laid.flags == (
        "late.mp4 begins 10.0 s before the one before it ends: that time is shown once",
        "inside.mp4 shows nothing that late.mp4 does not: it is left out",
    )


def test_of_many_overlaps_only_some_are_told_one_by_one():
    laid = by_clock([at(50.0 * number) for number in range(100)])
    assert len(laid.flags) == 21
    assert laid.flags[-1] == "the same holds for 79 more recordings"


@pytest.mark.parametrize(("following", "lost", "absent"), [(60, (0, 60), None), (75, (0, 60), (60, 75)), (30, (0, 30), None)])
def test_what_cannot_be_read_lasts_until_the_next_recording_but_no_longer_than_the_others(following, lost, absent):
    laid = by_clock([at(0, fault="it is text"), at(following)])
    assert laid.faults == {0: "it is text"}
    assert (laid.parts[0].start, laid.parts[0].end) == lost
    assert [(span.start, span.end) for span in laid.absent] == ([absent] if absent else [])
    assert laid.parts[1].start == following


def test_recordings_do_not_move_when_further_ones_come():
    looked = [at(0), at(60, 30.0), at(90, fault="broken"), at(200), at(300, 10.0), at(309, 20.0)]
    for count in range(1, len(looked)):
        before, after = by_clock(looked[:count]), by_clock(looked[: count + 1])
        assert places(after)[: count - 1] == places(before)[: count - 1]


def test_what_says_no_time_has_no_place():
    laid = by_clock([at(0), Looked("/rec/x.mp4", duration=5.0), Looked("/rec/y.mp4", fault="it is text")])
    assert [(each.uri, each.reason) for each in laid.left_out] == [
        ("/rec/x.mp4", "neither its name nor its metadata say when it was recorded"),
        ("/rec/y.mp4", "it is text"),
    ]


def test_the_hour_that_clocks_showed_twice_is_told_apart_by_what_lies_before_it():
    summer, winter = dt.timezone(dt.timedelta(hours=2)), dt.timezone(dt.timedelta(hours=1))

    def named(hour, minute, zone, *, twice=False):
        first = dt.datetime(2026, 10, 25, hour, minute, tzinfo=zone)
        again = first.replace(tzinfo=winter) if twice else None
        return Looked(f"/rec/{hour:02}{minute:02}.mp4", first, again, 3600.0)

    looked = [named(1, 30, summer), named(2, 30, summer, twice=True)]
    looked += [Looked("/rec/0230-1.mp4", looked[1].clock, looked[1].again, 3600.0), named(3, 30, winter)]
    laid = by_clock(looked)
    assert places(laid) == [(3600.0 * number, 3600.0, 0.0) for number in range(4)]
    assert [part.clock for part in laid.parts] == [
        "2026-10-25T01:30:00+02:00",
        "2026-10-25T02:30:00+02:00",
        "2026-10-25T02:30:00+01:00",
        "2026-10-25T03:30:00+01:00",
    ]


def test_the_wall_time_of_a_moment_is_what_the_clocks_showed_then():
    parts = [{"uri": "a", "start": 0, "duration": 3600, "clock": "2026-03-29T01:00:00+01:00"}]
    parts += [{"uri": "b", "start": 3600, "duration": 3600, "clock": "2026-03-29T03:00:00+02:00"}]
    source = SourceRecord(uri="x", duration=7200, width=1, height=1, clock="2026-03-29T01:00:00+01:00", parts=parts)
    assert source.origin(3599) == "2026-03-29T01:00:00+01:00"
    assert source.origin(3600) == "2026-03-29T02:00:00+02:00"


def test_in_the_order_of_names_each_begins_where_the_one_before_ends():
    looked = [Looked("/a.mp4", duration=10.0), Looked("/b.mp4", fault="broken"), Looked("/c.mp4", duration=5.0)]
    laid = in_order(looked, START)
    assert places(laid) == [(0.0, 10.0, 0.0), (10.0, 10.0, 0.0), (20.0, 5.0, 0.0)]
    assert laid.faults == {1: "broken"}
    assert laid.parts[2].clock == "2026-03-01T23:55:20+00:00"


def test_clocks_that_are_all_wrong_alike_are_put_right():
    laid = by_clock([at(0), at(60)], START.replace(hour=12))
    assert [part.clock for part in laid.parts] == ["2026-03-01T12:55:00+00:00", "2026-03-01T12:56:00+00:00"]
