"""Every source over every clip: the conformance suite, the traps of damaged files, and what a person is told."""

import contextlib
import itertools
import os
import shutil
import struct
import subprocess
import tempfile
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.contract import clips
from videoscan.errors import SourceError, SourceNotFound, SourceUnsupported
from videoscan.model import Sound
from videoscan.samplers.interval import IntervalOptions, IntervalSampler
from videoscan.samplers.keyframe import KeyframeOptions, KeyframeSampler
from videoscan.sources.images import ImagesSource
from videoscan.sources.opencv import OpenCvSource
from videoscan.sources.pyav import PyAvSource
from videoscan.testing.sources import CHECKS, Clip, EveryFrame, read

pytestmark = clips.needs_ffmpeg

SHARED = Path(__file__).parents[2].parent / "shared" / "data"
FILES = [PyAvSource, OpenCvSource]
both = pytest.mark.parametrize("kind", FILES, ids=lambda kind: kind.__name__)


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("clips")


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", [name for name in clips.RECIPES if name != "single.mp4"])
@both
def test_a_source_keeps_every_promise_on_every_kind_of_file(kind, name, check, folder):
    check(kind(), clips.probe(clips.made(folder, name)))


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_picture_files_keep_the_same_promises(check, tmp_path):
    rng = np.random.default_rng(1)
    for number in range(12):
        cv2.imwrite(str(tmp_path / f"shot{number}.png"), rng.integers(0, 255, (40, 60, 3), np.uint8))
    times = tuple(number / 2 for number in range(12))
    check(ImagesSource(ImagesSource.Options(image_rate=2)), Clip(str(tmp_path), times, 60, 40, keyframes=times))


@pytest.mark.parametrize("degrees", [90, 180, 270])
@both
def test_a_phone_held_sideways_is_shown_upright(kind, degrees, folder):
    path = clips.turned(folder, degrees)
    clip = clips.probe(path)
    frames, _ = read(kind(), clip)
    shown = frames[0].pixels.bgr()
    expected = np.frombuffer(clips.first_picture(path, clip.width, clip.height), np.uint8).reshape(shown.shape)
    assert np.abs(shown.astype(int) - expected).mean() < 3
    luma = frames[0].pixels.gray(clip.width, clip.height)
    correlation = np.corrcoef(luma.ravel(), cv2.cvtColor(shown, cv2.COLOR_BGR2GRAY).ravel())[0, 1]
    assert correlation > 0.99


@both
def test_a_file_that_starts_late_starts_at_zero_and_says_when_it_started(kind, folder):
    for name, start in [("offset.ts", 101.4), ("offset.mkv", 101.4)]:
        clip = clips.probe(clips.made(folder, name))
        assert clip.start_time == pytest.approx(start, abs=0.2)
        footage = kind().open(clip.uri)
        assert footage.info.start_time == pytest.approx(clip.start_time, abs=0.04)
        assert next(iter(footage.frames(EveryFrame()))).time == 0
        footage.close()


@both
def test_a_wait_before_a_gap_does_not_make_the_recording_longer(kind, folder):
    # MP4 keeps durations in decoding order, so with B-frames the 3.5 s of the gap stand at a picture near the file's end as well.
    frames, tally = read(kind(), clips.probe(clips.made(folder, "gap.mp4")))
    assert tally.duration == pytest.approx(frames[-1].time + 1 / 30, abs=0.05)
    assert tally.lost == ()


@both
def test_a_truncated_recording_gives_what_is_there_and_calls_the_rest_lost(kind, folder):
    whole = clips.ffmpeg("-c copy -movflags +faststart", folder / f"fast-{kind.__name__}.mp4", clips.made(folder, "longgop.mp4"))
    cut = clips.truncated(whole, folder / f"cut-{kind.__name__}.mp4", 0.5)
    frames, tally = read(kind(), Clip(str(cut), (), 0, 0))
    assert 100 < len(frames) < 200
    assert tally.duration == pytest.approx(10, abs=0.05)
    assert tally.lost[-1].end == tally.duration
    # The last pictures before the cut may be damaged already, which is another reason; one between them may come out whole.
    assert tally.lost[0].start == pytest.approx(frames[-1].time, abs=0.2)
    assert tally.lost[-1].start == pytest.approx(frames[-1].time, abs=0.2)
    assert all(earlier.end <= later.start for earlier, later in itertools.pairwise(tally.lost))
    assert not [frame.time for frame in frames for lost in tally.lost if lost.start <= frame.time < lost.end]


@pytest.mark.parametrize("name", ["bframes.mp4", "longgop.mp4", "offset.mkv", "offset.ts"])
@both
def test_a_hole_in_the_middle_is_lost_and_what_follows_is_read(kind, name, folder):
    whole = clips.made(folder, name)
    holed = clips.damaged(whole, folder / f"holed-{kind.__name__}-{name}", start=0.4, end=0.55)
    truth = clips.probe(whole)
    frames, tally = read(kind(), Clip(str(holed), (), 0, 0))
    length = truth.times[-1]
    assert frames[-1].time > 0.9 * length
    assert tally.duration == pytest.approx(length, abs=0.2)
    if kind is OpenCvSource and name.endswith(".mkv"):
        return  # OpenCV goes on behind the hole without a word, and shows no bytes by which to tell it from a pause
    assert sum(span.end - span.start for span in tally.lost) > 0.05 * length
    assert any(span.start < 0.6 * length and span.end > 0.4 * length for span in tally.lost)
    for frame in frames:
        assert any(abs(frame.time - time) < 0.002 for time in truth.times), frame


@both
def test_a_hole_is_lost_to_a_pass_that_skips_too(kind, folder):
    whole = clips.made(folder, "longgop.mp4")
    holed = clips.damaged(whole, folder / f"holed2-{kind.__name__}.mp4", start=0.3, end=0.7)
    frames, tally = read(kind(), Clip(str(holed), (), 0, 0), IntervalSampler(IntervalOptions(every=0.5)))
    assert frames[0].time == 0
    assert tally.lost
    assert tally.duration == pytest.approx(10, abs=0.05)


@both
def test_a_keyframe_sampler_does_not_skip_a_file_with_one_keyframe(kind, folder):
    clip = clips.probe(clips.made(folder, "longgop.mp4"))
    frames, _ = read(kind(), clip, KeyframeSampler(KeyframeOptions(most=2)))
    assert [round(frame.time, 2) for frame in frames] == [0, 2, 4, 6, 8]


def test_pyav_decodes_only_the_keyframes_when_nothing_else_is_wanted(folder):
    clip = clips.probe(clips.made(folder, "bframes.mp4"))
    frames, tally = read(PyAvSource(), clip, KeyframeSampler(KeyframeOptions(most=0)))
    assert [frame.time for frame in frames] == pytest.approx([0, 1, 2, 3])
    assert [frame.index for frame in frames] == [0, 30, 60, 90]
    assert tally.decoded < 30


def test_a_stream_without_timestamps_counts_at_its_rate_and_says_so(folder):
    raw = clips.ffmpeg("-c copy -f h264", folder / "raw.264", clips.made(folder, "bframes.mp4"))
    for kind in FILES:
        footage = kind().open(str(raw))
        frames = list(footage.frames(IntervalSampler(IntervalOptions(every=1, snap=False))))
        assert [frame.time for frame in frames] == pytest.approx([frame.index / footage.info.fps for frame in frames])
        assert footage.tally().duration == pytest.approx(120 / footage.info.fps)
        assert footage.tally().decoded == 120
        assert "timestamps" in " ".join(footage.info.flags)


@both
def test_a_clip_of_one_picture_is_one_picture(kind, folder):
    frames, tally = read(kind(), Clip(str(clips.made(folder, "single.mp4")), (), 0, 0))
    assert [(frame.index, frame.time) for frame in frames] == [(0, 0.0)]
    assert tally.duration == pytest.approx(1 / 30, abs=0.01)


@both
def test_paths_may_have_any_character(kind, folder, tmp_path):
    target = tmp_path / "比赛 100% 🎥 #1;a|b.mp4"
    shutil.copy(clips.made(folder, "bframes.mp4"), target)
    frames, _ = read(kind(), Clip(str(target), (), 0, 0))
    assert len(frames) == 120


@both
def test_the_wall_clock_is_taken_from_metadata_where_there_is_one(kind, folder):
    dated = clips.ffmpeg(
        "-c copy -metadata creation_time=2026-03-01T08:00:00Z",
        folder / f"dated-{kind.__name__}.mp4",
        clips.made(folder, "bframes.mp4"),
    )
    assert kind().open(str(dated)).info.clock in {"2026-03-01T08:00:00+00:00", None if kind is OpenCvSource else ""}


@both
def test_it_is_told_what_sound_a_file_has(kind, folder):
    for name, expected in (("sound.mp4", Sound(1, 44_100)), ("bframes.mp4", None)):
        with contextlib.closing(kind().open(str(clips.made(folder, name)))) as footage:
            assert footage.info.sound == expected


def bad_inputs(folder, tmp_path):
    whole = clips.made(folder, "bframes.mp4")
    text = tmp_path / "text.mp4"
    text.write_text("this is no video\n" * 50)
    empty = tmp_path / "empty.mp4"
    empty.touch()
    headless = clips.truncated(whole, tmp_path / "headless.mp4", 0.6)
    zeros = tmp_path / "zeros.mp4"
    zeros.write_bytes(bytes(100_000))
    sound = clips.ffmpeg("-f lavfi -i sine=duration=1 -c:a aac", tmp_path / "sound.m4a")
    return [
        (tmp_path / "nothing.mp4", SourceNotFound, "there is no file"),
        (tmp_path, SourceUnsupported, "is a folder"),
        (empty, SourceUnsupported, "is empty"),
        (text, SourceUnsupported, "holds text"),
        (headless, SourceUnsupported, "index (moov) is missing"),
        (zeros, SourceUnsupported, "zeros"),
        (sound, SourceUnsupported, ""),
        (Path("bad\0name.mp4"), SourceNotFound, "bad"),
    ]


@both
def test_bad_input_is_one_clear_sentence_with_the_path_and_a_hint(kind, folder, tmp_path, capfd):
    for path, error, words in bad_inputs(folder, tmp_path):
        with pytest.raises(error) as caught:
            kind().open(str(path))
        assert repr(str(path))[1:-1] in caught.value.message
        assert words in caught.value.message
        assert caught.value.hint
        assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_a_song_with_a_cover_is_no_video(tmp_path):
    how = "-f lavfi -i sine=duration=1 -f lavfi -i color=size=64x64 -frames:v 1 -c:v mjpeg -disposition:v attached_pic -c:a aac"
    song = clips.ffmpeg(how, tmp_path / "song.m4a")
    with pytest.raises(SourceUnsupported, match="only a cover picture"):
        PyAvSource().open(str(song))


@both
def test_a_file_that_may_not_be_read_is_named(kind, folder):
    with tempfile.TemporaryDirectory() as open_to_all:
        Path(open_to_all).chmod(0o755)
        target = Path(open_to_all, "secret.mp4")
        shutil.copy(clips.made(folder, "bframes.mp4"), target)
        target.chmod(0)
        root = os.geteuid() == 0
        try:
            if root:  # root may read everything: for a moment be nobody
                os.seteuid(65534)
            with pytest.raises(SourceUnsupported, match="may not be read"):
                kind().open(str(target))
        finally:
            if root:
                os.seteuid(0)


@both
def test_damage_prints_nothing(kind, folder, capfd):
    holed = clips.damaged(clips.made(folder, "longgop.mp4"), folder / f"quiet-{kind.__name__}.mp4", start=0.3, end=0.6)
    read(kind(), Clip(str(holed), (), 0, 0))
    assert capfd.readouterr() == ("", "")


@both
def test_closing_from_another_thread_ends_a_running_pass(kind, folder):
    footage = kind().open(str(clips.made(folder, "longgop.mp4")))
    frames = footage.frames(EveryFrame())
    next(frames)
    closer = threading.Thread(target=footage.close)
    closer.start()
    closer.join()
    assert len(list(frames)) < 64


def test_opencv_leaves_the_environment_as_it_was(folder, monkeypatch):
    monkeypatch.setenv("OPENCV_FFMPEG_CAPTURE_OPTIONS", "rtsp_transport;tcp")
    monkeypatch.delenv("OPENCV_FFMPEG_LOGLEVEL", raising=False)
    clip = clips.probe(clips.made(folder, "bframes.mp4"))
    before = dict(os.environ)
    read(OpenCvSource(), clip, KeyframeSampler())
    assert dict(os.environ) == before


@pytest.mark.parametrize("form", ["yuv420p10le", "yuv444p", "gray", "yuvj420p", "yuv422p10le"])
def test_luma_is_the_same_whatever_the_pixel_format(form, folder):
    codec = "ffv1" if form != "yuvj420p" else "mjpeg -q:v 2"
    path = clips.ffmpeg(f"-frames:v 3 -pix_fmt {form} -c:v {codec}", folder / f"{form}.mkv", clips.made(folder, "bframes.mp4"))
    plain, _ = read(PyAvSource(), clips.probe(clips.made(folder, "bframes.mp4")))
    frames, _ = read(PyAvSource(), Clip(str(path), (), 0, 0))
    expected = plain[0].pixels.gray(96, 54).astype(int)
    if form in {"gray", "yuvj420p"}:
        expected = (expected - 16) * 255 / 219
    assert np.abs(frames[0].pixels.gray(96, 54) - expected).mean() < 2.5
    assert frames[0].pixels.bgr().shape == (108, 192, 3)


def exif_jpeg(path, orientation):
    picture = np.zeros((20, 40, 3), np.uint8)
    picture[:, :20] = (0, 0, 255)
    data = cv2.imencode(".jpg", picture)[1].tobytes()
    tiff = b"II*\0" + struct.pack("<IHHHIHHI", 8, 1, 0x112, 3, 1, orientation, 0, 0)
    body = b"Exif\0\0" + tiff
    path.write_bytes(data[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + data[2:])


def test_a_photo_is_turned_as_its_camera_says(tmp_path):
    exif_jpeg(tmp_path / "photo.jpg", 6)
    footage = ImagesSource().open(str(tmp_path / "photo.jpg"))
    picture = next(iter(footage.frames(EveryFrame()))).pixels.bgr()
    assert (footage.info.width, footage.info.height) == (20, 40)
    assert picture[5, 10, 2] > 200
    assert picture[35, 10, 2] < 50


def test_pictures_come_in_natural_order_and_an_unreadable_one_is_lost(tmp_path):
    for number in (1, 2, 10):
        cv2.imwrite(str(tmp_path / f"bild {number}.jpg"), np.full((30 + number, 40, 3), number * 20, np.uint8))
    (tmp_path / "bild 3.jpg").write_bytes(b"no picture")
    (tmp_path / "notes.txt").write_text("not looked at")
    for uri in (str(tmp_path), str(tmp_path / "*.jpg")):
        frames, tally = read(ImagesSource(), Clip(uri, (), 0, 0))
        assert [(frame.time, frame.pixels.bgr().shape[0]) for frame in frames] == [(0, 31), (1, 32), (3, 40)]
        assert [(span.start, span.end) for span in tally.lost] == [(2, 3)]
        assert "bild 3.jpg" in tally.lost[0].reason


def test_a_picture_that_ends_early_prints_nothing(tmp_path, capfd):
    cv2.imwrite(str(tmp_path / "a.png"), np.random.default_rng(0).integers(0, 255, (60, 80, 3), np.uint8))
    (tmp_path / "b.png").write_bytes((tmp_path / "a.png").read_bytes()[:300])
    _, tally = read(ImagesSource(), Clip(str(tmp_path), (), 0, 0))
    assert [lost.reason for lost in tally.lost] == ["b.png cannot be read"]
    assert capfd.readouterr() == ("", "")


def test_a_place_without_pictures_is_an_error_with_a_hint(tmp_path):
    for uri, error in [
        (tmp_path, SourceUnsupported),
        (tmp_path / "*.png", SourceNotFound),
        (tmp_path / "no.png", SourceNotFound),
    ]:
        with pytest.raises(error) as caught:
            ImagesSource().open(str(uri))
        assert caught.value.hint


ODD = {
    "unordered.mov": (4, 4), "rot90.mov": (3, 3), "rot180.mov": (3, 3), "no_duration.webm": (74, 74), "vfr-rot180-phone.mp4": (25, 25),
    "transparent.webm": (150, 150), "pigs.gif": (30, 30), "one-pixel.mp4": (5, 5), "delayed_start.mp4": (24, 24),
    "fragmented.mp4": (30, 30), "mdat_too_long.mp4": (30, 30), "sample.flv": (30, 30), "xvid.avi": (96, 96),
    "portrait_4k60.mp4": (18, 18), "vp9-10bit.webm": (72, 72), "desks.3gp": (71, 71), "raw.h265": (60, 60), "av1.mkv": (125, None),
    "hevc.mp4": (10, 10), "h264-10bit.mp4": (30, 30), "hls-segment.ts": (134, 134), "p_lost.264": (99, 99), "multires.mkv": (96, 96),
    "rot90-b.mp4": (30, 30), "tree-cinepak.avi": (69, 69), "corrupted.mp4": (48, 49), "h264-no-parameter-sets.h264": (None, None),
    "truncated-41s-header.mp4": (None, None), "chunk_out_of_range.mp4": (None, None), "error_i_p.264": (1, 6),
}  # fmt: skip
"""Pictures that PyAV and OpenCV must find in clips made by others; `None`: an error that says why."""


@pytest.mark.skipif(not SHARED.is_dir(), reason="the collection of odd clips made by others is not here")
@pytest.mark.parametrize("name", ODD)
@both
def test_odd_clips_from_elsewhere_give_what_is_in_them(kind, name):
    path = SHARED / "odd" / name
    expected = ODD[name][FILES.index(kind)]
    clip = Clip(str(path), (), 0, 0)
    if expected is None:
        with pytest.raises(SourceError) as caught:
            read(kind(), clip)
        assert caught.value.hint
        return
    frames, tally = read(kind(), clip)
    assert len(frames) == expected
    assert tally.duration < 60
    for frame in frames[:: max(1, len(frames) // 3)]:
        assert frame.pixels.gray(160, 90).shape == (90, 160)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the collection of odd clips made by others is not here")
@both
def test_a_size_that_changes_midway_changes_the_pictures(kind):
    clip = Clip(str(SHARED / "odd" / "hevc-size-changes.mp4"), (), 0, 0)
    frames, _ = read(kind(), clip, IntervalSampler(IntervalOptions(every=1)))
    seen = {frame.pixels.bgr().shape[:2] for frame in frames}
    assert len(seen) > 1 or kind is OpenCvSource


def test_interlaced_video_moves_in_pyav_and_is_refused_where_it_would_stand_still(tmp_path, capfd):
    clip = clips.ffmpeg(
        "-f lavfi -i testsrc2=size=160x120:rate=25:duration=2 -vf tinterlace=interleave_top,fieldorder=tff "
        "-c:v libx264 -flags +ildct+ilme -pix_fmt yuv420p",
        tmp_path / "interlaced.mp4",
    )
    session = PyAvSource().open(str(clip))
    pictures = [frame.pixels.bgr() for frame in session.frames(IntervalSampler(IntervalOptions(every=0.2)))]
    assert len(pictures) == 10
    assert all((one != other).any() for one, other in itertools.pairwise(pictures))
    with pytest.raises(SourceUnsupported, match=r"interlaced.*pyav"):
        OpenCvSource().open(str(clip))
    assert capfd.readouterr() == ("", "")


@both
def test_what_an_edit_list_hides_is_neither_shown_nor_lost(kind, folder, tmp_path):
    """A cut without encoding begins at the keyframe before it; players begin where the edit list says, and so do we."""
    cut = tmp_path / "cut.mp4"
    source = clips.made(folder, "longgop.mp4")
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-ss", "3.3", "-i", source, "-c", "copy", cut], check=True)
    footage = kind().open(str(cut))
    times = [frame.time for frame in footage.frames(IntervalSampler(IntervalOptions(every=1.0)))]
    assert times == pytest.approx([float(second) for second in range(7)], abs=0.05)
    tally = footage.tally()
    assert tally.duration == pytest.approx(6.7, abs=0.1)
    assert tally.lost == ()
