"""Every kind of stream that a camera may send, from real servers on loopback."""

from __future__ import annotations

import contextlib
import subprocess
import threading
import time

import pytest
from stopwatch import Stopwatch
from streaming import Web, beats, collected, ffmpeg, frames, gaps

from tests.faults.camera import free_port
from tests.faults.runner import in_order
from videoscan.live.device import DeviceLink, DeviceOptions, DeviceSource
from videoscan.live.link import LinkFailed
from videoscan.live.stream import LiveOptions, RealtimeSource, StreamOptions, StreamSource, at_work
from videoscan.model import Condition, Login
from videoscan.samplers.interval import IntervalOptions, IntervalSampler
from videoscan.samplers.keyframe import KeyframeOptions, KeyframeSampler
from videoscan.seams import Setting
from videoscan.testing.live import MadeClock

QUICK = {"stall": 0.8, "connect_timeout": 2.0, "longest_wait": 0.3}
KEYS = KeyframeSampler(KeyframeOptions(least=0.0))


def stream(**options: object) -> StreamSource:
    return StreamSource(StreamOptions(**{**QUICK, **options}))


def enough(number):
    return lambda items: len(frames(items)) >= number


def test_mjpeg_over_http_gives_every_picture_its_time_of_arrival():
    with Web(rate=20) as server:
        items = collected(stream().open(f"{server.address}/mjpeg"), KEYS, enough(12))
    times = [frame.time for frame in frames(items)]
    assert len(times) == 12
    assert in_order(items) == []
    assert 0.3 < times[-1] - times[0] < 20, "the clock's, on a machine that may be busy"
    assert frames(items)[0].pixels.size == (160, 120)


def test_a_stalled_camera_is_noticed_and_its_gap_is_where_it_was():
    with Web(rate=20) as server:
        footage = stream(stall=0.6).open(f"{server.address}/mjpeg")
        stalled: list[float] = []

        def watching(items):
            if len(frames(items)) == 8 and not server.stalled and not stalled:
                server.stalled = True
                stalled.append(time.monotonic())
            if any(beat.state != "playing" for beat in beats(items[8:])) and server.stalled:
                stalled.append(time.monotonic())
                server.stalled = False
            return len(gaps(items)) >= 2 and len(frames(items)) > 12

        items = collected(footage, KEYS, watching)
    assert stalled[1] - stalled[0] < 1.2
    assert in_order(items) == []
    gap = gaps(items)[1]
    assert gap.kind == "lost"
    assert "no picture" in gap.reason
    assert gap.end - gap.start >= 0.5


def test_an_answer_that_ends_is_asked_for_again():
    with Web(rate=30, ends_after=5) as server:
        items = collected(stream().open(f"{server.address}/mjpeg"), KEYS, enough(12))
        assert server.connections >= 2
    assert "ended the connection" in gaps(items)[1].reason
    assert in_order(items) == []


def test_a_picture_of_another_size_is_taken_as_it_is_and_said():
    told = []
    with Web(rate=30) as server:

        def watching(items):
            if len(frames(items)) == 5:
                server.size = (240, 180)
            return len(frames(items)) >= 15

        footage = stream().open(f"{server.address}/mjpeg", Setting(told=told.append))
        sizes = {frame.pixels.size for frame in frames(collected(footage, KEYS, watching))}
    assert sizes == {(160, 120), (240, 180)}
    assert (footage.info.width, footage.info.height) == (240, 180)
    assert ["240x180" in note.text for note in told] == [True]


@pytest.mark.parametrize("how", ["given", "address", "environment", "own variable"])
def test_a_login_is_used_from_wherever_it_comes_and_never_shown(how, monkeypatch):
    secret, user = "p@ss:w/rd?", "admin"
    said: list[object] = []
    with Web(rate=30, login=f"{user}:{secret}") as server:
        address, setting = f"{server.address}/mjpeg", Setting(camera="Front door", told=said.append)
        if how == "given":
            setting = Setting(login=Login(user, secret), told=said.append)
        elif how == "address":
            address = address.replace("http://", "http://admin:p%40ss%3Aw%2Frd%3F@")
        else:
            name = "VIDEOSCAN_CAMERA" if how == "environment" else "VIDEOSCAN_CAMERA_FRONT_DOOR"
            monkeypatch.setenv(f"{name}_USER", user)
            monkeypatch.setenv(f"{name}_PASSWORD", secret)
        footage = stream().open(address, setting)
        items = collected(footage, KEYS, enough(3))
    assert len(frames(items)) == 3
    everything = f"{items} {said} {footage.info} {setting}"
    assert "p%40ss" not in everything
    assert secret not in everything


def test_a_refused_login_is_said_and_not_tried_again_at_once():
    with Web(login="admin:right") as server:
        footage = stream().open(f"{server.address}/mjpeg", Setting(login=Login("admin", "wrong-one")))
        items = collected(footage, KEYS, lambda items: any(beat.state == "waiting" for beat in beats(items)))
        assert server.connections == 0
    assert beats(items)[-1].reason == "the camera refuses the login"
    assert "wrong-one" not in str(items)


def test_nobody_there_is_waited_for_and_the_reason_is_told():
    footage = stream().open(f"rtsp://127.0.0.1:{free_port()}/cam")
    items = list(footage.items(KEYS, duration=1.0))
    assert "127.0.0.1 refuses the connection" in [beat.reason for beat in beats(items)]
    assert gaps(items)[-1].start == 0.0
    assert in_order(items) == []


def test_closing_from_another_thread_ends_a_connection_that_hangs():
    with Web(rate=20) as server:
        server.stalled = True
        footage = stream().open(f"{server.address}/mjpeg")
        closing = threading.Timer(0.5, footage.close)
        closing.start()
        with Stopwatch() as watched:
            items = list(footage.items(KEYS))
            closing.join()
    assert watched.seconds < 4
    assert frames(items) == []


def test_a_file_is_played_as_if_it_were_live_and_ends(tmp_path):
    clip = tmp_path / "clip.mp4"
    with ffmpeg("-t", "1", str(clip)) as process:
        assert process.wait() == 0
    before = time.monotonic()
    with Stopwatch() as watched:
        footage = RealtimeSource().open(str(clip))
        items = list(footage.items(IntervalSampler(IntervalOptions(every=0.3, snap=False))))
    assert time.monotonic() - before > 0.3
    assert watched.seconds < 1.7
    times = [frame.time for frame in frames(items)]
    assert [round(later - times[0], 3) for later in times] == [0.0, 0.3, 0.6, 0.9]
    assert [item for item in items if isinstance(item, Condition)] == []


@pytest.mark.parametrize("coding", [("libx264", "-crf", "38"), ("libx264", "-crf", "23")], ids=" ".join)
@pytest.mark.parametrize("noise", ["c0s=6:c0f=t", "c0s=6"], ids=["still night", "frozen"])
def test_only_a_picture_that_is_repeated_is_frozen_however_it_is_coded(tmp_path, coding, noise):
    """Twenty seconds of a dark scene with a sensor's noise, or one picture of it again and again; a keyframe every five seconds."""
    clip = tmp_path / "night.mkv"
    scene = f"gradients=s=320x180:c0=0x0a0a0a:c1=0x303030:n=2:speed=0.00001:d=0.2:r=5,loop=-1:1,noise={noise}"
    if "t" not in noise.partition("f=")[2]:
        scene += ",loop=-1:1"
    coded = ["-t", "20", "-g", "25", "-pix_fmt", "yuv420p", "-c:v", *coding]
    subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", scene, *coded, clip], check=True)
    footage = RealtimeSource(LiveOptions(frozen_after=10.0)).open(str(clip), Setting(clock=MadeClock(1_700_000_000.0)))
    items = list(footage.items(IntervalSampler(IntervalOptions(every=1.0, snap=False))))
    told = {item.kind for item in items if isinstance(item, Condition)}
    assert len(frames(items)) > 15
    assert told == ({"frozen"} if noise == "c0s=6" else set())


@pytest.mark.parametrize("place", [(), ("-streamid", "0:0x120")], ids=["in its place", "under another number"])
def test_an_encoder_that_is_changed_behind_a_transport_stream_is_survived(place):
    port = free_port()
    coded = ["-c:v", "libx265", "-x265-params", "log-level=none:keyint=10", "-s", "640x360", *place]
    told, senders = [], contextlib.ExitStack()
    address = f"udp://127.0.0.1:{port}?pkt_size=1316"
    # The second encoder takes its time to start: that alone is no stall here.
    footage = stream(stall=8.0, connect_timeout=9.0).open(f"udp://127.0.0.1:{port}", Setting(told=told.append))

    def watching(items):
        if len(frames(items)) == 5 and not switched:
            switched.append(True)
            senders.close()
            senders.enter_context(ffmpeg(*coded, "-f", "mpegts", address))
        return [frame.pixels.size for frame in frames(items)[-3:]] == [(640, 360)] * 3

    switched: list[bool] = []
    with senders:
        senders.enter_context(ffmpeg("-f", "mpegts", address))
        items = collected(footage, KEYS, watching, 60)
    assert frames(items)[-1].pixels.size == (640, 360)
    assert footage.info.codec == "hevc"
    assert in_order(items) == []
    assert gaps(items)[-1].reason == "pictures came, but none that could be decoded"
    assert any("640x360" in note.text for note in told)


def test_a_device_is_read_through_opencv(tmp_path):
    # No camera is plugged in here: a file stands in, which OpenCV opens in the same way.
    clip = tmp_path / "clip.mp4"
    with ffmpeg("-t", "1", str(clip)) as process:
        assert process.wait() == 0
    options = DeviceOptions(stall=0.5, longest_wait=0.1)
    footage = at_work(str(clip), lambda read: DeviceLink(str(clip), options, read), options, Setting())
    items = collected(footage, KEYS, enough(15))
    assert "is it still plugged in?" in gaps(items)[-1].reason
    assert frames(items)[0].pixels.size == (320, 180)
    assert in_order(items) == []


def test_a_device_that_is_not_there_is_refused_at_once_and_waited_for_later():
    with pytest.raises(Exception, match="there is no device '/dev/video97'"):
        DeviceSource().open("/dev/video97")
    with pytest.raises(LinkFailed, match="not plugged in"):
        DeviceLink("/dev/video97", DeviceOptions(), 1.0)
