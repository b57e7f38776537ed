"""The parts of a live source, each against the traps that cameras, networks and clocks set."""

from __future__ import annotations

import datetime as dt
import itertools
import os
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av
import av.bitstream
import cv2
import numpy as np
import pytest

from videoscan.errors import ConfigError, SourceUnsupported
from videoscan.live import address
from videoscan.live.backlog import Arrival, Backlog, Began
from videoscan.live.conditions import Watcher
from videoscan.live.decoding import LiveDecoder
from videoscan.live.edge import Edge
from videoscan.live.recording import Keeping, SegmentRecorder
from videoscan.live.ring import Ring
from videoscan.live.stamps import StreamClock
from videoscan.model import Frame, Login
from videoscan.recordings import recorders
from videoscan.seams import Aim
from videoscan.sources.pixels import ArrayPixels

if TYPE_CHECKING:
    import threading

WALL = 1_700_000_000.0


class Hands:
    """A clock that goes as it is told."""

    def __init__(self, wall: float = WALL) -> None:
        self.ticks, self.time = 50.0, wall

    def monotonic(self) -> float:
        return self.ticks

    def wall(self) -> float:
        return self.time

    def wait(self, event: threading.Event, seconds: float) -> bool:
        self.go(seconds)
        return event.is_set()

    def go(self, seconds: float, *, by: float | None = None) -> None:
        """Both go on; the wall clock goes `by` so much instead, if that is said."""
        self.ticks += seconds
        self.time += seconds if by is None else by


# --- the live edge --------------------------------------------------------------------------------------------------------------


def test_the_edge_goes_with_the_clock():
    hands = Hands()
    edge = Edge(hands, zero=hands.time - 100)
    hands.go(5)
    assert edge.now() == pytest.approx(105)
    assert (edge.behind, edge.take_jump()) == (0, 0)


def test_a_clock_that_is_set_back_never_takes_the_edge_back_and_the_difference_is_told():
    hands = Hands()
    edge = Edge(hands)
    hands.go(10)
    before = edge.now()
    hands.go(1, by=-3600)
    assert edge.now() == pytest.approx(before + 1)
    assert edge.behind == pytest.approx(3601)
    hands.go(1, by=3602)  # and put right again
    assert edge.now() == pytest.approx(12, abs=0.01)
    assert edge.behind == 0


def test_a_clock_that_is_set_forward_or_a_computer_that_slept_is_followed_and_told_once():
    hands = Hands()
    edge = Edge(hands)
    hands.go(1, by=601)
    assert edge.now() == pytest.approx(601)
    assert edge.take_jump() == pytest.approx(600)
    assert edge.take_jump() == 0


def test_two_clocks_that_drift_apart_are_brought_together_slowly():
    hands = Hands()
    edge = Edge(hands)
    last = edge.now()
    for _ in range(3600):
        hands.go(1, by=1.0001)
        now = edge.now()
        assert 0.999 < now - last < 1.001
        last = now
    assert last == pytest.approx(3600.36, abs=0.01)


# --- timestamps -----------------------------------------------------------------------------------------------------------------


def placed(stamps, arrivals, **options):
    clock = StreamClock(1.0, **options)
    return [clock.place(stamp, stamp, arrival, 0.04).shown for stamp, arrival in zip(stamps, arrivals, strict=True)], clock


def test_stamps_give_the_distances_and_the_fastest_packet_the_place():
    jitter = [0.30, 0.10, 0.25, 0.05, 0.20, 0.12]
    times, _ = placed(range(1000, 1006), [10 + n + late for n, late in enumerate(jitter)])
    assert times[3:] == pytest.approx([13.05, 14.05, 15.05])
    assert times == sorted(times)


def test_a_crystal_that_is_wrong_is_followed_without_a_step():
    # A camera whose second is too long by a thousandth: after an hour it would be 3.6 s behind.
    stamps = [number * 0.999 for number in range(3600)]
    times, clock = placed(stamps, range(3600))
    assert times[-1] == pytest.approx(3599, abs=0.1)
    assert all(0.9 < later - earlier < 1.1 for earlier, later in itertools.pairwise(times))
    assert clock.steps == 0


def test_stamps_that_fall_back_begin_anew_without_times_running_back():
    times, clock = placed([500, 501, 502, 3, 4, 5], [10, 11, 12, 13, 14, 15])
    assert times == pytest.approx([10, 11, 12, 13, 14, 15])
    assert clock.steps == 1


def test_stamps_that_leap_forward_do_not_take_times_into_the_future():
    times, clock = placed([0, 1, 2, 9002, 9003], [10, 11, 12, 13, 14])
    assert times == pytest.approx([10, 11, 12, 13, 14])
    assert clock.steps == 1


def test_a_burst_after_a_held_up_network_keeps_its_own_times():
    times, _ = placed([0, 1, 2, 3, 4, 5, 6], [10, 11, 15.0, 15.01, 15.02, 15.03, 16.0])
    assert times == pytest.approx([10, 11, 12, 13, 14, 15, 16], abs=0.05)


def test_a_camera_that_stood_still_and_goes_on_counting_is_put_right_after_a_while():
    stamps = [0, 1, 2, *range(3, 20)]
    arrivals = [10, 11, 12, *range(33, 50)]
    times, clock = placed(stamps, arrivals)
    assert times[-1] == pytest.approx(49)
    assert times == sorted(times)
    assert clock.steps == 1


def test_without_stamps_the_arrival_counts_and_times_still_rise():
    clock = StreamClock(1.0)
    assert [clock.place(None, None, at, 0.04).shown for at in (1.0, 1.5, 1.4, 2.0)] == [1.0, 1.5, 1.5, 2.0]


def test_pictures_out_of_order_keep_their_places():
    clock = StreamClock(0.1)
    found = [clock.place(dts, pts, 5 + dts / 10, 0.1) for dts, pts in ((0, 2), (1, 5), (2, 3), (3, 4), (4, 8))]
    shown = [each.shown for each in found]
    # The second one tells that the first came later than it might have: then all lie where they belong.
    assert [round(time - shown[1], 3) for time in shown[1:]] == [0.0, -0.2, -0.1, 0.3]
    assert [each.decoded for each in found] == sorted(each.decoded for each in found)


def test_bursts_that_wait_for_their_time_begin_where_the_first_came():
    times, _ = placed([7, 8, 9, 10], [20.0, 20.1, 20.2, 20.3], paced=True)
    assert times == pytest.approx([20, 21, 22, 23])


# --- the way between two threads ------------------------------------------------------------------------------------------------


def arrival(number: int, *, key: bool = False, size: int = 10) -> Arrival:
    return Arrival(number / 10, number / 10, key, size, number)


def taken(backlog: Backlog):
    found = []
    while (entry := backlog.take(0)) is not None:
        found.append(entry)
    return found


def test_a_full_backlog_drops_whole_groups_of_the_oldest_pictures():
    backlog = Backlog(most_items=10)
    began = Began("h264", None, None)
    backlog.put(began)
    for number in range(24):
        backlog.put(arrival(number, key=number % 8 == 0))
    found = taken(backlog)
    assert found[0] is began
    assert found[1].key
    numbers = [each.index for each in found[1:]]
    assert numbers == list(range(numbers[0], 24))
    assert numbers[0] in {8, 16}
    assert backlog.take_dropped() == numbers[0]
    assert backlog.take_dropped() == 0


def test_a_group_larger_than_the_backlog_is_dropped_up_to_its_end():
    backlog = Backlog(most_bytes=50)
    for number in range(12):
        backlog.put(arrival(number, key=number in {0, 10}))
    assert [each.index for each in taken(backlog)] == [10, 11]
    assert backlog.take_dropped() == 10


# --- decoding -------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def coded(tmp_path_factory):
    """Two seconds of H.264, 10 pictures a second, a keyframe each second, and its decoder's parameters."""
    return _coded(tmp_path_factory.mktemp("coded") / "plain.mp4", {"g": "10", "bf": "0"})


@pytest.fixture(scope="module")
def reordered(tmp_path_factory):
    return _coded(tmp_path_factory.mktemp("coded") / "reordered.mp4", {"g": "10", "bf": "2"})


def _coded(path, options, size=(160, 96), codec="libx264"):
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=10, options=options)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for number in range(20):
            picture = np.full((size[1], size[0], 3), 40, np.uint8)
            cv2.circle(picture, (20 + 5 * number, 48), 10, (255, 255, 255), -1)
            for packet in stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")):
                out.mux(packet)
        for packet in stream.encode(None):
            out.mux(packet)
    arrivals = []
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        extradata = bytes(stream.codec_context.extradata)
        for packet in container.demux(stream):
            if packet.size:
                pts = float(packet.pts * stream.time_base)
                decoded = max(float(packet.dts * stream.time_base), arrivals[-1].decoded if arrivals else 0.0)
                arrivals.append(Arrival(decoded, pts, packet.is_keyframe, packet.size, len(arrivals), packet=packet))
    return arrivals, extradata


def shown(pixels) -> int:
    """Which picture it is, by where its ball lies."""
    gray = pixels.gray(160, 96)
    return round((float(np.mean(np.argwhere(gray > 150)[:, 1])) - 20) / 5)


def run_through(arrivals, extradata, aims):
    decoder, found = LiveDecoder("h264", extradata), []
    aims = iter(aims)
    aim = next(aims)
    for each in arrivals:
        picked = decoder.offer(each, aim)
        while picked is not None:
            found.append((round(picked.arrival.time, 2), shown(picked.pixels)))
            aim = next(aims, None)
            if aim is None:
                return found, decoder
            picked = decoder.more(aim)
    while aim is not None and (picked := decoder.last(aim)) is not None:
        found.append((round(picked.arrival.time, 2), shown(picked.pixels)))
        aim = next(aims, None)
    return found, decoder


def test_only_keyframes_are_decoded_where_they_do(coded):
    arrivals, extradata = coded
    found, decoder = run_through(arrivals, extradata, [Aim(float("inf"), 0.0, float("inf"))] * 5)
    assert found == [(0.0, 0), (1.0, 10)]
    assert decoder.failed == 0


def test_any_picture_is_reached_from_the_keyframe_before(coded):
    found, _ = run_through(*coded, [Aim(0.0), Aim(0.35), Aim(0.95), Aim(1.7)])
    assert found == [(0.0, 0), (0.4, 4), (1.0, 10), (1.7, 17)]


def test_a_keyframe_within_the_window_is_preferred_and_else_the_picture_itself_taken(coded):
    found, _ = run_through(*coded, [Aim(0.0), Aim(0.8, 0.6, 1.2), Aim(1.3, 1.1, 1.6)])
    assert found == [(0.0, 0), (1.0, 10), (1.3, 13)]


def test_reordered_pictures_come_out_as_they_are_shown(reordered):
    arrivals, extradata = reordered
    first = arrivals[0].time
    found, _ = run_through(arrivals, extradata, [Aim(first + n / 10 - 0.01) for n in range(20)])
    assert [number for _, number in found] == list(range(20))


def test_every_picture_once_however_often_it_is_asked_for(coded):
    arrivals, extradata = coded
    found, _ = run_through(arrivals, extradata, [Aim(0.0)] * 30)
    assert [number for _, number in found] == list(range(20))


def test_joining_in_the_middle_of_a_group_shows_nothing_before_the_next_keyframe(coded):
    arrivals, extradata = coded
    found, _ = run_through(arrivals[3:], extradata, [Aim(0.0), Aim(1.2)])
    assert found == [(1.0, 10), (1.2, 12)]


def test_damage_is_passed_over_and_counted(coded):
    arrivals, extradata = coded
    broken = av.Packet(b"\x00\x00\x00\x05\x65garb" * 20)
    broken.pts = broken.dts = 0
    bad = [Arrival(n / 10, n / 10, key=True, size=9, index=n, packet=broken) for n in range(3)]
    found, decoder = run_through([*bad, *arrivals[10:]], extradata, [Aim(float("inf"), 0.0, float("inf"))] * 3)
    assert found == [(1.0, 10)]
    assert decoder.failed == 0


def test_the_ring_shows_again_what_it_holds(coded):
    arrivals, extradata = coded
    ring = Ring(10**6)
    ring.begin(Began("h264", extradata, None))
    for each in arrivals:
        ring.add(each)
    assert [shown(frame.pixels) for frame in ring.frames(0.5, 1.2, 0.0)] == [5, 6, 7, 8, 9, 10, 11]
    assert [shown(frame.pixels) for frame in ring.frames(0.5, 2.0, 0.5)] == [5, 10, 15]


def test_the_ring_lets_go_of_the_oldest_group(coded):
    arrivals, extradata = coded
    ring = Ring(sum(each.size for each in arrivals[8:]))
    ring.begin(Began("h264", extradata, None))
    for each in arrivals:
        ring.add(each)
    assert [shown(frame.pixels) for frame in ring.frames(0.0, 2.0, 0.29)] == [10, 13, 16, 19]


# --- conditions -----------------------------------------------------------------------------------------------------------------


def judged(pictures, *, frozen_after=3.0, black_after=2.0, group=1):
    """`group`: how many pictures there are from one keyframe to the next."""
    watcher, told = Watcher(frozen_after, black_after), []
    for number, picture in enumerate(pictures):
        told += watcher.saw(Frame(number, float(number), True, ArrayPixels(picture)), number // group)
    return [(each.kind, each.start, each.end, each.frame) for each in told], watcher


def noisy(seed: int, level: int = 90) -> np.ndarray:
    drawn = np.random.default_rng(seed).normal(level, 3, (90, 160, 3))
    return np.clip(drawn, 0, 255).astype(np.uint8)


def test_the_same_picture_again_and_again_is_frozen_until_it_is_another_one():
    told, _ = judged([noisy(0), noisy(1), *[noisy(2)] * 6, noisy(3)])
    assert told == [("frozen", 2.0, None, 2), ("frozen", 2.0, 8.0, 2)]


def test_pictures_that_an_encoder_left_alone_between_two_keyframes_are_not_frozen():
    kept = [noisy(number // 6) for number in range(24)]
    assert judged(kept, group=6)[0] == []
    assert judged([noisy(0)] * 9, group=6)[0] == [("frozen", 0.0, None, 0)], "a fresh coding shows the very same picture"


def test_a_quiet_scene_with_noise_is_not_frozen():
    assert judged([noisy(seed) for seed in range(12)])[0] == []


def test_a_black_picture_is_told_once_and_not_as_frozen_too():
    black = np.full((90, 160, 3), 16, np.uint8)
    told, watcher = judged([noisy(0), *[black] * 6])
    assert told == [("black", 1.0, None, 1)]
    assert [(each.kind, each.end) for each in watcher.ended(7.0)] == [("black", 7.0)]
    assert watcher.ended(8.0) == []


def test_a_lamp_in_the_night_is_not_black():
    night = np.full((90, 160, 3), 16, np.uint8)
    night[40:43, 80:83] = 200
    assert [kind for kind, *_ in judged([night] * 3)[0]] == []


def test_conditions_can_be_left_out():
    black = np.full((90, 160, 3), 16, np.uint8)
    assert judged([black] * 9, frozen_after=0.0, black_after=0.0)[0] == []


# --- addresses and logins -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("uri", "shown_as"),
    [
        ("rtsp://admin:s3cret@10.0.0.5:554/Streaming/Channels/101", "rtsp://10.0.0.5:554/Streaming/Channels/101"),
        ("http://cam/flv?port=1935&user=admin&password=s3cret", "http://cam/flv?port=1935&user=admin&password=***"),
        (
            "rtsp://cam:554/user=admin_password=s3cret_channel=1_stream=0.sdp",
            "rtsp://cam:554/user=admin_password=***_channel=1_stream=0.sdp",
        ),
        ("https://cam/live.m3u8?token=s3cret", "https://cam/live.m3u8?token=***"),
        ("/recordings/a:b@c", "/recordings/a:b@c"),
    ],
)
def test_what_is_shown_of_an_address_has_no_secret(uri, shown_as):
    assert address.masked(uri) == shown_as
    if uri.startswith(("rtsp", "http")):
        parsed = address.parse(uri)
        assert parsed.shown == shown_as
        assert "s3cret" not in repr(parsed)
        assert "s3cret" in parsed.url
        assert parsed.masked("it said s3cret!") == "it said ***!"


def test_a_login_is_written_so_that_any_letter_may_be_in_it():
    parsed = address.parse("rtsp://old:one@cam:8554/x", Login("a@b", "p:/?#@"))
    assert parsed.url == "rtsp://a%40b:p%3A%2F%3F%23%40@cam:8554/x"
    assert parsed.masked("p%3A%2F%3F%23%40 and p:/?#@") == "*** and ***"


def test_a_cameras_own_variables_win_over_those_for_all():
    environ = {
        "VIDEOSCAN_CAMERA_USER": "all",
        "VIDEOSCAN_CAMERA_PASSWORD": "x",
        "VIDEOSCAN_CAMERA_YARD_2_USER": "own",
        "VIDEOSCAN_CAMERA_YARD_2_PASSWORD": "y",
    }
    assert address.from_environment("Yard 2", environ) == Login("own", "y")
    assert address.from_environment("gate", environ) == Login("all", "x")
    assert address.from_environment("", {}) is None


@pytest.mark.parametrize(
    ("uri", "error", "said"),
    [
        ("ftp://u:s3cret@host/x", SourceUnsupported, "no stream that can be watched"),
        ("file:///etc/passwd", SourceUnsupported, "no stream that can be watched"),
        ("concat:a|b", SourceUnsupported, "no stream that can be watched"),
        ("rtsp:///path", ConfigError, "names no host"),
        ("rtsp://u:s3cret@host:port/x", ConfigError, "is no address"),
    ],
)
def test_what_can_never_work_is_refused_without_showing_a_password(uri, error, said):
    with pytest.raises(error, match=said) as caught:
        address.parse(uri)
    assert "s3cret" not in str(caught.value)


# --- recording ------------------------------------------------------------------------------------------------------------------


def recorder_in(folder: Path, hands: Hands, **keeping: object) -> tuple[SegmentRecorder, list[str]]:
    told: list[str] = []
    return SegmentRecorder(folder, Edge(hands), Keeping(**keeping), lambda note: told.append(note.text)), told


def record(recorder, coded, hands, rounds=1):
    arrivals, extradata = coded
    recorder.begin("h264", extradata)
    for number in range(rounds):
        for each in arrivals:
            recorder.write(
                Arrival(each.decoded + 2 * number, each.time + 2 * number, each.key, each.size, each.index, packet=each.packet)
            )
            hands.go(0.1)
    recorder.close()


def annexb(coded):
    """As RTSP brings it: units with start codes, the parameter sets in every keyframe."""
    arrivals, _ = coded
    with av.open(str(arrivals[0].packet.stream.container.name)) as container:
        stream = container.streams.video[0]
        context = av.bitstream.BitStreamFilterContext("h264_mp4toannexb", stream)
        packets = [out for packet in container.demux(stream) if packet.size for out in context.filter(packet)]
        copies = []
        for packet in packets:
            copy = av.Packet(bytes(packet))
            copy.pts, copy.dts, copy.time_base, copy.is_keyframe = packet.pts, packet.dts, Fraction(1, 10240), packet.is_keyframe
            copies.append(copy)
    made = [
        Arrival(each.decoded, each.time, each.key, packet.size, each.index, packet=packet)
        for each, packet in zip(arrivals, copies, strict=True)
    ]
    return made, None


def test_segments_begin_with_keyframes_and_follow_one_another_by_the_wall_clock(coded, tmp_path):
    hands = Hands()
    recorder, told = recorder_in(tmp_path, hands, seconds=1.0)
    record(recorder, annexb(coded), hands, rounds=2)
    files = sorted(tmp_path.glob("*.mp4"))
    assert len(files) == 4
    assert told == []
    recorded = recorder.recorded(0.0, 100.0)
    assert [round(part.start, 2) for part in recorded] == [0.0, 1.0, 2.0, 3.0]
    assert [Path(part.uri) for part in recorded] == files
    for part, path in zip(recorded, files, strict=True):
        named = recorders.read(path.name)
        assert named is not None
        assert named.time.timestamp() == pytest.approx(WALL + part.start, abs=0.002)
        with av.open(str(path)) as container:
            decoded = list(container.decode(video=0))
        assert len(decoded) == 10
        assert decoded[0].key_frame
        assert [float(frame.time) for frame in decoded] == pytest.approx([n / 10 for n in range(10)], abs=0.001)
    assert len(recorder.recorded(1.2, 1.5)) == 1


def test_a_segment_that_was_cut_off_by_a_crash_is_played_up_to_its_last_group(coded, tmp_path):
    hands = Hands()
    recorder, _ = recorder_in(tmp_path, hands)
    arrivals, _ = annexb(coded)
    recorder.begin("h264", None)
    for each in arrivals:
        recorder.write(each)
    (path,) = tmp_path.glob("*.mp4")
    left = path.read_bytes()  # as it lies on the disk, never closed
    recorder.close()
    path.write_bytes(left)
    with av.open(str(path)) as container:
        assert len(list(container.decode(video=0))) >= 10


def test_the_oldest_segments_go_by_size_and_by_age(coded, tmp_path):
    hands = Hands()
    old = tmp_path / f"{dt.datetime.fromtimestamp(WALL - 3 * 86_400, dt.UTC):%Y%m%d_%H%M%S}.000+0000.mp4"
    old.write_bytes(b"x" * 100)
    stranger = tmp_path / "mine.mp4"
    stranger.write_bytes(b"x")
    os.utime(old, (WALL - 3 * 86_400 + 60,) * 2)
    recorder, _ = recorder_in(tmp_path, hands, seconds=1.0, days=2.0)
    assert len(recorder.recorded(-1e9, 1e9)) == 1
    record(recorder, annexb(coded), hands)
    assert not old.exists()
    assert stranger.exists()
    size = max(path.stat().st_size for path in tmp_path.glob("*+*.mp4"))
    recorder, _ = recorder_in(tmp_path / "small", hands, seconds=1.0, most_bytes=2 * size)
    record(recorder, annexb(coded), hands, rounds=4)
    kept = sorted((tmp_path / "small").iterdir())
    assert len(kept) in {2, 3}
    assert kept[-1].name == Path(recorder.recorded(0, 100)[-1].uri).name


def test_a_disk_that_cannot_be_written_is_said_once_and_tried_again(coded, tmp_path):
    hands = Hands()
    place = tmp_path / "not-a-folder"
    place.write_text("in the way")
    recorder, told = recorder_in(place, hands)
    arrivals, extradata = annexb(coded)
    recorder.begin("h264", extradata)
    for each in arrivals:
        recorder.write(each)
    assert len(told) == 1
    assert "is interrupted" in told[0]
    place.unlink()
    later = [
        Arrival(each.decoded + 40, each.time + 40, each.key, each.size, each.index, packet=each.packet)
        for each in annexb(coded)[0]
    ]
    for each in later:
        recorder.write(each)
    recorder.close()
    assert len(list(place.glob("*.mp4"))) == 1


def test_what_no_mp4_holds_is_recorded_as_matroska(tmp_path):
    hands = Hands()
    recorder, told = recorder_in(tmp_path, hands)
    recorder.begin("mjpeg", None)
    for number in range(5):
        picture = np.full((96, 160, 3), 40 * number, np.uint8)
        packet = av.Packet(cv2.imencode(".jpg", picture)[1].tobytes())
        recorder.write(Arrival(number / 5, number / 5, key=True, size=packet.size, index=number, packet=packet))
    recorder.close()
    assert told == []
    (path,) = tmp_path.iterdir()
    assert path.suffix == ".mkv"
    with av.open(str(path)) as container:
        assert [round(float(frame.time), 2) for frame in container.decode(video=0)] == [0.0, 0.2, 0.4, 0.6, 0.8]
