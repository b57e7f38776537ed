"""Reading from the middle of a file gives what reading all of it gives: every codec and container, cut anywhere, damaged or not."""

import random
import subprocess

import pytest

from benchmarks.clips import repeat
from tests.contract import clips
from tests.shared import clip as shared_clip
from videoscan.config import WindowOptions
from videoscan.reading import segments
from videoscan.reading.segments import CoreSpec, Pass
from videoscan.samplers.interval import IntervalOptions, IntervalSampler
from videoscan.samplers.keyframe import KeyframeOptions, KeyframeSampler
from videoscan.seams import Limits
from videoscan.sources import packets
from videoscan.sources.pyav import PyAvOptions, PyAvSource
from videoscan.testing.sources import Clip, EveryFrame, begins_anywhere, read

pytestmark = clips.needs_ffmpeg

X264 = f"{clips.PICTURE.format(seconds=12)} {clips.X264}"

MADE = {
    "closed.mkv": f"{X264} -g 30 -bf 2",
    "open.mkv": f"{X264} -g 30 -x264-params open-gop=1:scenecut=0:bframes=3:b-adapt=0",
    "pyramid.mp4": f"{X264} -g 40 -bf 8 -x264-params b-adapt=0:b-pyramid=normal",
    "hevc-open.mp4": f"{clips.PICTURE.format(seconds=8)} -c:v libx265 -preset ultrafast "
    "-x265-params log-level=none:keyint=30:open-gop=1:bframes=3",
    "offset.mp4": f"{X264} -g 30 -bf 2 -output_ts_offset 5",
    "hidden.webm": f"{clips.PICTURE.format(seconds=6)} -c:v libvpx-vp9 -deadline good -cpu-used 6 -g 45 -auto-alt-ref 1 "
    "-lag-in-frames 25 -b:v 200k",
    "hidden-vp8.webm": f"{clips.PICTURE.format(seconds=6)} -c:v libvpx -g 45 -auto-alt-ref 1 -lag-in-frames 16 -b:v 200k",
    "faststart.mp4": f"{X264} -g 60 -bf 2 -movflags +faststart",
    "mpeg4.mp4": f"{clips.PICTURE.format(seconds=6)} -c:v mpeg4 -g 15 -bf 2",
    "interlaced.mp4": f"{X264} -vf tinterlace=interleave_top,fieldorder=tff -flags +ildct+ilme -g 25",
    "fragmented.mp4": f"{X264} -g 30 -movflags frag_keyframe+empty_moov",
    "refresh.mp4": f"{X264} -g 60 -x264-params intra-refresh=1:keyint=60:scenecut=0",
    "sparse.mp4": f"{clips.PICTURE.format(seconds=70)} -r 5 {clips.X264} -g 1000 -x264-params scenecut=0",
    "sound.mkv": f"{clips.PICTURE.format(seconds=40)} -f lavfi -i sine=duration=40.3 {clips.X264} -g 45 -bf 2 -c:a aac",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("seeking")


def made(folder, name):
    target = folder / name
    if name in clips.RECIPES:
        return clips.made(folder, name)
    return target if target.exists() else clips.ffmpeg(MADE[name], target)


def seekable(path):
    footage = PyAvSource().open(str(path))
    footage.close()
    return footage.info.seekable


ANYWHERE = ["closed.mkv", "open.mkv", "pyramid.mp4", "hevc-open.mp4", "offset.mp4", "hidden.webm", "hidden-vp8.webm", "mpeg4.mp4", "interlaced.mp4"]  # fmt: skip


@pytest.mark.parametrize("name", ANYWHERE)
def test_a_file_with_an_index_may_be_cut_anywhere(name, folder):
    path = made(folder, name)
    assert seekable(path)
    begins_anywhere(PyAvSource(), clips.probe(path))


def test_what_an_edit_list_hides_stays_hidden_wherever_reading_begins(folder, tmp_path):
    cut, source = tmp_path / "cut.mp4", made(folder, "longgop.mp4")
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-ss", "3.3", "-i", source, "-c", "copy", cut], check=True)
    assert seekable(cut)
    begins_anywhere(PyAvSource(), clips.probe(cut))


def test_only_what_can_be_reached_exactly_is_said_to_be_seekable(folder):
    for name in ("bframes.mp4", "offset.mkv", "hidden.webm", "faststart.mp4", "sound.mkv"):
        assert seekable(made(folder, name)), name
    for name in ("offset.ts", "mpeg4.avi", "fragmented.mp4", "refresh.mp4", "sparse.mp4", "single.mp4"):
        assert not seekable(made(folder, name)), name


def test_an_index_that_promises_more_than_there_is_is_not_believed(folder):
    whole = made(folder, "faststart.mp4")
    assert not seekable(clips.truncated(whole, folder / "cut.mp4", 0.6))


def test_keyframe_marks_that_are_wrong_are_found_out_before_anybody_relies_on_them(folder):
    """Without its table of keyframes (``stss``) every picture of an MP4 counts as one."""
    whole = made(folder, "bframes.mp4")
    target = folder / "unmarked.mp4"
    target.write_bytes(whole.read_bytes().replace(b"stss", b"free"))
    assert not seekable(target)
    frames, _ = read(PyAvSource(), Clip(str(target), (), 0, 0), IntervalSampler(IntervalOptions(every=0.5, snap=False)))
    assert [frame.time for frame in frames] == pytest.approx([number / 2 for number in range(8)])


@pytest.mark.parametrize("name", ["transparent.webm", "vp9-10bit.webm", "delayed_start.mp4", "rot90-b.mp4"])
def test_clips_made_by_others_may_be_cut_anywhere(name):
    begins_anywhere(PyAvSource(), clips.probe(shared_clip(f"odd/{name}")))


@pytest.mark.parametrize("name", ["bframes.mp4", "open.mkv", "sound.mkv", "gap.mp4"])
@pytest.mark.parametrize("hole", [(0.3, 0.4), (0.5, 0.8), (0.2, 0.21)], ids=str)
def test_what_is_lost_is_lost_wherever_the_file_is_cut(name, hole, folder):
    whole = made(folder, name)
    path = clips.damaged(whole, folder / f"holed-{hole[0]}-{name}", start=hole[0], end=hole[1])
    # Threads of one decoder race for what is left of a damaged picture; a single one gives the same each time.
    source, clip = PyAvSource(PyAvOptions(threads=1)), Clip(str(path), (), 0, 0)
    if not seekable(path):
        pytest.skip("its index is damaged: it is not cut")
    length = source.open(str(path)).info.declared_duration
    chance = random.Random(str(hole))
    for sampler in (IntervalSampler(IntervalOptions(every=0.31, snap=False)), KeyframeSampler(KeyframeOptions(least=0, most=0))):
        for _ in range(3):
            start = chance.uniform(0, length)
            end = chance.choice([None, chance.uniform(start, length)])
            found, tally = read(source, clip, sampler, start=start, end=end, warm_up=0.5, seek=True)
            expected, whole_tally = read(source, clip, sampler, start=start, end=end, warm_up=0.5)
            _, before = read(source, clip, sampler, end=start)
            assert [(frame.time, frame.index + before.next_index) for frame in found] == [
                (frame.time, frame.index) for frame in expected
            ]
            assert tally.next_index + before.next_index == whole_tally.next_index
            assert tally.duration == whole_tally.duration
            assert spans(tally, start) == spans(whole_tally, start)


def spans(tally, start):
    cut = [(max(start, lost.start), lost.end, lost.reason) for lost in tally.lost]
    return [(first, last, why) for first, last, why in cut if last > first]


def everything(sample):
    return sample.mark, sample.keyframe, [(picture.frame, picture.time, picture.data) for picture in sample.pictures]


@pytest.mark.parametrize(
    "sampler",
    [
        {"kind": "interval", "every": 0.4},
        {"kind": "interval", "every": 0.25, "snap": False},
        {"kind": "keyframe"},
        {"kind": "activity", "least": 0.2, "most": 0.8, "calm": 0.5},
        {"kind": "scene", "least": 0.2, "most": 0.7},
    ],
    ids=str,
)
@pytest.mark.parametrize("name", ["open.mkv", "bframes.mp4", "hidden.webm"])
def test_a_pass_is_the_same_however_many_segments_are_read_at_once(name, sampler, folder, monkeypatch):
    monkeypatch.setattr(segments, "SEGMENT", 2.0)
    monkeypatch.setattr(segments, "WARM_UP", 1.0)
    path = made(folder, name)
    truth = {frame.time: frame.index for frame in read(PyAvSource(), clips.probe(path))[0]}
    passes = []
    for parallel in (1, 2, 3):
        spec = CoreSpec(str(path), {"kind": "pyav"}, sampler, {"kind": "tiles"}, WindowOptions(), Limits(), parallel=parallel)
        one = Pass(spec)
        samples = [everything(sample) for sample in one.samples()]
        passes.append((samples, one.tally.duration, one.tally.lost, one.tally.next_index))
    assert passes[0] == passes[1] == passes[2]
    marks = [mark for mark, _, _ in passes[0][0]]
    assert len(marks) > 3
    assert all(truth[mark.time] == mark.frame for mark in marks)
    assert passes[0][3] == len(truth)
    kept = {mark.frame for mark in marks if mark.kept}
    assert all(mark.same_as in kept for mark in marks if not mark.kept)


def test_two_hours_are_reached_without_reading_them(folder, tmp_path, monkeypatch):
    small = clips.ffmpeg(
        "-f lavfi -i testsrc2=size=96x64:rate=10:duration=20 -c:v libx264 -preset ultrafast -g 50", tmp_path / "s.mp4"
    )
    path = repeat(small, 7200, tmp_path / "long.mp4")
    read_packets = []
    plain = packets.Packets.__next__

    def counted(self):
        read_packets.append(1)
        return plain(self)

    monkeypatch.setattr(packets.Packets, "__next__", counted)
    frames, tally = read(PyAvSource(), Clip(str(path), (), 0, 0), start=6000, end=6002, warm_up=1, seek=True)
    assert [frame.time for frame in frames] == pytest.approx([5999 + number / 10 for number in range(30)])
    assert [frame.index for frame in frames] == list(range(-10, 20))
    assert tally.next_index == 20
    assert tally.duration == pytest.approx(7200, abs=0.2)
    assert tally.decoded < 100
    assert len(read_packets) < 1000


def test_a_pass_that_ends_early_reads_little_more(folder, monkeypatch):
    path = made(folder, "sound.mkv")
    stopped = []
    plain = packets.Packets.__next__

    def watched(self):
        packet = plain(self)
        stopped.append(self.time(packet.floor))
        return packet

    monkeypatch.setattr(packets.Packets, "__next__", watched)
    for sampler in (EveryFrame(), IntervalSampler(), KeyframeSampler(KeyframeOptions(most=0))):
        stopped.clear()
        _, tally = read(PyAvSource(), Clip(str(path), (), 0, 0), sampler, end=5.0)
        assert 5.0 <= stopped[-1] < 6.5
        assert tally.next_index == 150
        assert tally.duration == pytest.approx(40, abs=0.1)
