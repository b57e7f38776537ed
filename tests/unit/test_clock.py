"""Wall time from metadata, paths and the user's own word."""

import os
import time

import pytest

from videoscan.config import SourceOptions
from videoscan.errors import ConfigError
from videoscan.recordings.clock import Pattern, moment, time_zone, wall_time


def found(pattern, path, zone="UTC"):
    return wall_time(SourceOptions(clock="pattern", clock_pattern=pattern, clock_zone=zone), path).start


@pytest.mark.parametrize(
    ("maker", "pattern", "path"),
    [
        ("Hikvision", "%Y%m%d%H%M%S", "ch01_20240115143210_20240115150000.mp4"),
        ("Hikvision, unseparated channel", "%Y%m%d%H%M%S", "NVR_ch1_main_20240115143210.asf"),
        ("Dahua", "%Y-%m-%d/*/dav/%H/%H.%M.%S", "2024-01-15/001/dav/14/14.32.10-14.40.00[M][0@0][0].dav"),
        ("Reolink", "%Y%m%d_%H%M%S", "cam/2024/01/RecM01_20240115_143210_143310_6D28808_1.mp4"),
        ("Axis", "%Y%m%d_%H%M%S", "20240115/14/20240115_143210_AB12_ACCC8E0.mkv"),
        ("Blue Iris", "%Y%m%d_%H%M%S", "Front.20240115_143210.mp4"),
        ("Frigate", "%Y-%m-%d/%H/*/%M.%S", "recordings/2024-01-15/14/front/32.10.mp4"),
        ("Synology", "-%Y%m%d-%H%M%S", "Front/20240115PM/Front-20240115-143210-1705329130.mp4"),
        ("Unix seconds", "_%s", "Front/clip_1705329130.mp4"),
        ("Xiaomi", "%YY%mM%dD%HH/%MM%SS", "2024Y01M15D14H/32M10S_1705329130.mp4"),
        ("Tesla", "%Y-%m-%d_%H-%M-%S", "SentryClips/2024-01-15_14-32-10-front.mp4"),
        ("OBS", "%Y-%m-%d %H-%M-%S", "2024-01-15 14-32-10.mkv"),
        ("Windows camera", "WIN_%Y%m%d_%H_%M_%S", "WIN_20240115_14_32_10_Pro.mp4"),
        ("American", "%m-%d-%Y, %I.%M.%S %p", "Front - 1, 01-15-2024, 02.32.10 pm.mp4"),
        ("UniFi", "%d %b %Y %H-%M-%S", "G4 15 Jan 2024 14-32-10.mp4"),
        ("day of the year", "%y%j_%H%M%S", "x_24015_143210.mp4"),
        ("Windows folders", "%Y-%m-%d/%H%M%S", "cam\\2024-01-15\\143210.mp4"),
    ],
)
def test_the_names_that_recorders_give_are_understood(maker, pattern, path):
    assert found(pattern, path) == "2024-01-15T14:32:10+00:00", maker


def test_a_fraction_of_a_second_is_kept():
    assert found("VID_%Y%m%d_%H%M%S%f", "VID_20240115_143210123.mp4") == "2024-01-15T14:32:10.123000+00:00"


def test_the_first_of_two_times_is_the_start():
    assert found("%Y%m%d%H%M%S", "ch01_20240115143210_20240115150000.mp4") == "2024-01-15T14:32:10+00:00"


def test_digits_that_only_happen_to_fit_are_passed_over():
    assert found("%Y%m%d_%H%M%S", "20240231_101010_20240301_101010.mp4") == "2024-03-01T10:10:10+00:00"


def test_a_place_that_does_not_run_on_into_digits_is_preferred():
    assert found("%Y%m%d%H%M%S", "9920200202020202_20240115143210.mp4") == "2024-01-15T14:32:10+00:00"


def test_the_files_name_is_looked_at_before_its_folders():
    assert found("%Y%m%d_%H%M%S", "export_20240116_000000/cam_20240115_143210.mp4") == "2024-01-15T14:32:10+00:00"
    assert found("%Y%m%d_%H%M%S", "cam_20240115_143210/video.mp4") == "2024-01-15T14:32:10+00:00"


def test_a_directive_that_comes_twice_must_agree_with_itself():
    pattern = Pattern("%Y-%m-%d/%H/%H.%M.%S")
    assert pattern.find("2024-01-15/14/14.32.10.dav") is not None
    assert pattern.find("2024-01-15/14/15.32.10.dav") is None


def test_a_name_without_the_pattern_gives_no_time_but_a_note():
    got = wall_time(SourceOptions(clock="pattern", clock_pattern="%Y%m%d_%H%M%S"), "holiday.mp4")
    assert got.start is None
    assert "holiday.mp4" in got.notes[0]
    assert "%Y%m%d_%H%M%S" in got.notes[0]


@pytest.mark.parametrize(
    ("pattern", "word"),
    [
        ("%Y%m%d_%H%M%Q", "%Q"),
        ("%Y%m%d_%H%", "%"),
        ("%H%M%S", "year"),
        ("%Y_%H%M%S", "month"),
        ("%Y%m%d", "hour"),
        ("%Y%m%d_%I%M", "hour"),
        ("", "year"),
    ],
)
def test_a_pattern_that_cannot_give_a_whole_time_is_refused(pattern, word):
    with pytest.raises(ConfigError, match=word):
        Pattern(pattern)


def test_letters_that_mean_something_to_regular_expressions_stand_for_themselves():
    assert found("[%Y.%m.%d] (%H+%M)", "[2024.01.15] (14+32).mp4") == "2024-01-15T14:32:00+00:00"
    assert Pattern("[%Y.%m.%d] (%H+%M)").find("[2024x01x15] (14+32).mp4") is None


# Zones


def test_a_time_without_an_offset_is_in_the_given_zone():
    assert found("%Y%m%d_%H%M%S", "20240115_143210.mp4", "Europe/Berlin") == "2024-01-15T14:32:10+01:00"
    assert found("%Y%m%d_%H%M%S", "20240715_143210.mp4", "Europe/Berlin") == "2024-07-15T14:32:10+02:00"
    assert found("%Y%m%d_%H%M%S", "20240715_143210.mp4", "Asia/Shanghai") == "2024-07-15T14:32:10+08:00"


def test_a_time_with_an_offset_is_shown_in_the_given_zone():
    assert found("%Y%m%dT%H%M%S%z", "20240115T143210Z.mp4", "Europe/Berlin") == "2024-01-15T15:32:10+01:00"
    assert found("%Y%m%dT%H%M%S%z", "20240115T143210+0530.mp4", None) == "2024-01-15T14:32:10+05:30"
    assert found("_%s", "clip_1705329130.mp4", "Asia/Shanghai") == "2024-01-15T22:32:10+08:00"


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="this system cannot change the zone of a running process")
def test_without_a_zone_this_machines_is_assumed_and_said():
    before = os.environ.get("TZ")
    try:
        os.environ["TZ"] = "Asia/Tokyo"
        time.tzset()
        got = wall_time(SourceOptions(clock="pattern", clock_pattern="%Y%m%d_%H%M%S"), "20240115_143210.mp4")
    finally:
        os.environ.pop("TZ") if before is None else os.environ.update(TZ=before)
        time.tzset()
    assert got.start == "2024-01-15T14:32:10+09:00"
    assert "clock_zone" in got.notes[0]


def test_the_hour_that_clocks_show_twice_is_the_first_and_said():
    got = wall_time(SourceOptions(clock_start="2024-10-27T02:30:00", clock_zone="Europe/Berlin"), "x.mp4")
    assert got.start == "2024-10-27T02:30:00+02:00"
    assert "twice" in got.notes[0]


def test_a_time_that_clocks_skipped_becomes_one_that_they_showed():
    got = wall_time(SourceOptions(clock_start="2024-03-31T02:30:00", clock_zone="Europe/Berlin"), "x.mp4")
    assert got.start == "2024-03-31T03:30:00+02:00"
    assert "skipped" in got.notes[0]


def test_an_unknown_zone_is_refused_with_an_example():
    for name in ("Europe/Berln", "../etc/passwd", ""):
        with pytest.raises(ConfigError, match="Europe/Berlin"):
            time_zone(name)


# Metadata and the user's own word


def test_metadata_give_the_time_when_asked_for():
    options = SourceOptions(clock="metadata", clock_zone="Europe/Berlin")
    assert wall_time(options, "x.mp4", "2024-01-15T13:32:10.000000Z").start == "2024-01-15T14:32:10+01:00"
    assert wall_time(SourceOptions(), "x.mp4", "2024-01-15T13:32:10Z").start is None
    assert wall_time(SourceOptions(clock="metadata"), "x.mp4", "2024-01-15T13:32:10Z").start == "2024-01-15T13:32:10+00:00"


@pytest.mark.parametrize("metadata", [None, "", "yesterday", "1904-01-01T00:00:00Z", "1970-01-01T00:00:00"])
def test_metadata_that_say_nothing_give_no_time_but_a_note(metadata):
    got = wall_time(SourceOptions(clock="metadata"), "x.mp4", metadata)
    assert got.start is None
    assert "no wall time" in got.notes[0]


def test_a_given_start_wins_over_everything():
    for clock in ("none", "metadata", "pattern"):
        options = SourceOptions(clock=clock, clock_pattern="%Y%m%d_%H%M%S", clock_start="2030-01-01T00:00:00+00:00")
        assert wall_time(options, "20240115_143210.mp4", "2024-01-15T13:32:10Z").start == "2030-01-01T00:00:00+00:00"


def test_no_clock_is_no_time_and_no_note():
    assert wall_time(SourceOptions(), "20240115_143210.mp4") == wall_time(SourceOptions(), "other.mp4")


@pytest.mark.parametrize("text", ["noon", "2024-01-15", "2024-13-01T00:00:00", "14:32:10", ""])
def test_a_start_that_is_no_date_and_time_is_refused(text):
    with pytest.raises(ConfigError, match="2024-01-15T14:32:10"):
        moment(text)


def test_the_ends_of_the_calendar_do_not_break_the_conversion():
    got = wall_time(SourceOptions(clock_start="0001-01-01T00:00:00+14:00", clock_zone="America/New_York"), "x.mp4")
    assert got.start is None
    assert "cannot be converted" in got.notes[0]
