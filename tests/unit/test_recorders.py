"""What the names of recordings say: when, and which camera."""

from __future__ import annotations

import datetime as dt

import pytest

from videoscan.recordings import recorders

NAIVE = dt.datetime(2026, 3, 1, 23, 55)  # noqa: DTZ001  # as most names say it


@pytest.mark.parametrize("style", recorders.STYLES, ids=lambda style: style.recorders)
def test_every_style_reads_its_own_example(style):
    named = recorders.read(style.example)
    assert named is not None
    assert named.time.replace(tzinfo=None) in {NAIVE, NAIVE.replace(hour=22)}


@pytest.mark.parametrize(
    ("path", "time", "camera"),
    [
        ("cam1_20260301_235500.mp4", "2026-03-01T23:55:00", "cam1"),
        ("2026-03-01/23.55.00.mp4", "2026-03-01T23:55:00", ""),
        ("garage/2026-03-01/23-55-00.mp4", "2026-03-01T23:55:00", "garage"),
        ("2026-03-01/23/front_door/55.00.mp4", "2026-03-01T23:55:00+00:00", "front_door"),
        ("Cam1.20260301_235500.mp4", "2026-03-01T23:55:00", "Cam1"),
        ("192.168.1.64_01_20260301235500123.mp4", "2026-03-01T23:55:00.123000", "192.168.1.64_01"),
        ("NVR_ch1_main_20260301235500_20260302000000.mp4", "2026-03-01T23:55:00", "NVR_ch1_main"),
        ("RecM01_20260301_235500_235600_6D28808_1A2B3C.mp4", "2026-03-01T23:55:00", "RecM01"),
        ("2026/03/01/Camera1_00_20260301235500.mp4", "2026-03-01T23:55:00", "Camera1_00"),
        ("20260301PM/Camera-20260301-235500-1772405700.mp4", "2026-03-01T23:55:00", "Camera"),
        ("2026-03-01/001/dav/23/23.55.00-23.56.00[M][0@0][0].mp4", "2026-03-01T23:55:00", "001"),
        ("2026-03-01_23-55-00-left_repeater.mp4", "2026-03-01T23:55:00", "left repeater"),
        ("2026_0301_235500_001R.MP4", "2026-03-01T23:55:00", "R"),
        ("PXL_20260301_225500123.mp4", "2026-03-01T22:55:00.123000", "PXL"),
        ("2026-03-01T23:55:00Z.mp4", "2026-03-01T23:55:00+00:00", ""),
        ("Front Door 3-1-2026, 23.55.00 GMT+1 - 3-2-2026, 00.00.00 GMT+1.mp4", "2026-03-01T23:55:00+01:00", "Front Door"),
    ],
)
def test_common_recorders_are_understood(path, time, camera):
    named = recorders.read(path)
    assert (named.time.isoformat(), named.camera) == (time, camera)


@pytest.mark.parametrize(
    "path", ["clip.mp4", "video20260301.mp4", "cam_20260231_101010.mp4", "cam_20260301_256199.mp4", "GX010042.MP4"]
)
def test_a_name_that_says_no_time_says_none(path):
    assert recorders.read(path) is None


def test_what_varies_between_recordings_of_one_camera_does_not_tell_cameras_apart():
    paths = [
        "2026-03-01/001/dav/23/23.55.00-23.56.00[R][0@0][0].mp4",
        "2026-03-02/001/dav/00/00.00.00-00.01.00[M][0@0][7].mp4",
    ]
    assert len({recorders.read(path).source for path in paths}) == 1
