"""RTSP, HLS and a transport stream over UDP, from real servers on loopback."""

from __future__ import annotations

import itertools
import threading
import time

import av
import pytest
from streaming import Web, collected, ffmpeg, frames, gaps

from tests.faults.camera import Camera, free_port, needed
from tests.faults.runner import in_order
from videoscan.live.stream import StreamOptions, StreamSource
from videoscan.model import Login
from videoscan.samplers.interval import IntervalOptions, IntervalSampler
from videoscan.samplers.keyframe import KeyframeOptions, KeyframeSampler
from videoscan.seams import Setting

QUICK = {"stall": 0.8, "connect_timeout": 2.0, "longest_wait": 0.3}
KEYS = KeyframeSampler(KeyframeOptions(least=0.0))


def stream(**options: object) -> StreamSource:
    return StreamSource(StreamOptions(**{**QUICK, **options}))


def enough(number):
    return lambda items: len(frames(items)) >= number


def test_hls_is_played_at_its_own_pace_though_segments_come_in_bursts(tmp_path):
    playlist = tmp_path / "live.m3u8"
    arguments = ("-f", "hls", "-hls_time", "1", "-hls_list_size", "6", "-hls_flags", "delete_segments", str(playlist))
    with ffmpeg(*arguments), Web(tmp_path) as server:
        end = time.monotonic() + 15
        while not (playlist.exists() and playlist.read_text().count(".ts") >= 3):
            assert time.monotonic() < end
            threading.Event().wait(0.05)
        came: list[float] = []

        def watching(items):
            if len(frames(items)) > len(came):
                came.append(time.monotonic())
            return len(came) >= 3

        items = collected(stream().open(f"{server.address}/files/live.m3u8"), KEYS, watching)
    times = [frame.time for frame in frames(items)]
    assert in_order(items) == []
    assert [later - earlier for earlier, later in itertools.pairwise(times)] == pytest.approx([1.0] * 2, abs=0.05)
    assert came[-1] - came[0] == pytest.approx(2.0, abs=0.7)
    assert len(gaps(items)) == 1


def test_a_transport_stream_that_is_pushed_over_udp_is_watched_and_recorded(tmp_path):
    port = free_port()
    with ffmpeg("-f", "mpegts", f"udp://127.0.0.1:{port}?pkt_size=1316"):
        footage = stream(connect_timeout=5.0).open(f"udp://127.0.0.1:{port}", Setting(record=tmp_path))
        items = collected(footage, KEYS, enough(4))
    times = [frame.time for frame in frames(items)]
    # Where the first lies is known only as well as the first packets came in time.
    assert [later - earlier for earlier, later in itertools.pairwise(times[1:])] == pytest.approx([1.0] * 2, abs=0.2)
    (recording,) = footage.recorded(0, 100)
    with av.open(recording.uri) as container:
        assert (container.streams.video[0].width, container.streams.video[0].height) == (320, 180)
        decoded = [float(frame.time) for frame in container.decode(video=0)]
    assert len(decoded) >= 25
    assert decoded[-1] == pytest.approx(recording.duration, abs=0.2)


def test_rtsp_brings_pictures_a_second_look_and_a_recording_from_one_connection(tmp_path):
    needed()
    with Camera("--auth", "viewer:s3cr et/@") as camera:
        setting = Setting(record=tmp_path, login=Login("viewer", "s3cr et/@"))
        footage = stream(segment_seconds=1).open(f"rtsp://127.0.0.1:{camera.port}/cam", setting)
        sampler = IntervalSampler(IntervalOptions(every=0.5, snap=False))
        items: list[object] = []
        for item in footage.items(sampler, duration=12):
            items.append(item)
            if len(frames(items)) >= 7:
                break
        again = [round(frame.time, 3) for frame in footage.recent(1.0, 2.0)]
        footage.close()
    times = [frame.time for frame in frames(items)]
    assert in_order(items) == []
    assert [later - earlier for earlier, later in itertools.pairwise(times[1:])] == pytest.approx([0.5] * 5, abs=0.1)
    assert len(again) == pytest.approx(25, abs=2)
    assert all(1.0 <= time < 2.0 for time in again)
    recorded = footage.recorded(0, 100)
    assert len(recorded) >= 2
    for part in recorded:
        with av.open(part.uri) as container:
            pictures = [frame for frame in container.decode(video=0) if not frame.is_corrupt]
        assert pictures[0].key_frame
        assert len(pictures) == pytest.approx(part.duration * 25, abs=3)
    joints = itertools.pairwise(recorded)
    assert all(later.start - earlier.end < 0.1 for earlier, later in joints)


def test_rtsp_over_datagrams():
    needed()
    with Camera() as camera:
        items = collected(stream(transport="udp").open(f"rtsp://127.0.0.1:{camera.port}/cam"), KEYS, enough(2))
    assert len(frames(items)) == 2
