"""Going back to what was passed over, and leaving out what no other picture needs: which frames come, to the tick."""

import numpy as np
import pytest

from tests.contract import clips
from videoscan.samplers.interval import IntervalOptions, IntervalSampler
from videoscan.samplers.keyframe import KeyframeOptions, KeyframeSampler
from videoscan.seams import Aim, Back
from videoscan.sources import lazy
from videoscan.sources.pyav import PyAvSource
from videoscan.testing.sources import Clip, EveryFrame, Turning, read

pytestmark = clips.needs_ffmpeg

MADE = {
    "open.mkv": f"{clips.PICTURE.format(seconds=6)} {clips.X264} -g 30 -x264-params open-gop=1:scenecut=0:bframes=3:b-adapt=0",
    "hevc-open.mp4": f"{clips.PICTURE.format(seconds=6)} -c:v libx265 -preset ultrafast "
    "-x265-params log-level=none:keyint=30:open-gop=1:bframes=3",
    "hidden.webm": f"{clips.PICTURE.format(seconds=6)} -c:v libvpx-vp9 -deadline good -cpu-used 6 -g 45 -auto-alt-ref 1 "
    "-lag-in-frames 25 -b:v 200k",
    "av1.mkv": f"{clips.PICTURE.format(seconds=6)} -c:v libaom-av1 -cpu-used 8 -usage realtime -g 45",
    "slow.mp4": f"-f lavfi -i testsrc2=size=192x108:rate=5:duration=20 {clips.X264} -g 50 -bf 3 -x264-params b-adapt=0:b-pyramid=none",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("back")


def made(folder, name):
    if name in clips.RECIPES:
        return clips.made(folder, name)
    target = folder / name
    return target if target.exists() else clips.ffmpeg(MADE[name], target)


def whole(path):
    return read(PyAvSource(), Clip(str(path), (), 0, 0))[0]


def expected(frames, ago):
    """What `Turning` is to see, by the letter of `Back`."""
    times, keys = [frame.time for frame in frames], [frame.time for frame in frames if frame.keyframe]
    found = [times[0]]
    while True:
        key = next((time for time in keys if time > found[-1]), None)
        if key is None:
            return found
        if key - found[-1] > ago:
            later = [time for time in times if time > found[-1] and time >= key - ago]
            found += [time for time in later if time < key - ago + 1.0]
            found += [time for time in later if time >= key - ago + 1.0][:1]
        else:
            found.append(key)


@pytest.mark.parametrize("ago", [0.3, 0.9])
@pytest.mark.parametrize(
    "name",
    ["bframes.mp4", "longgop.mp4", "opengop.mp4", "opengop.ts", "open.mkv", "hevc-open.mp4", "vfr.mp4", "hidden.webm", "av1.mkv"],
)
def test_what_was_passed_over_is_shown_when_it_is_asked_for(name, ago, folder):
    path = made(folder, name)
    full = whole(path)
    frames, tally = read(PyAvSource(), Clip(str(path), (), 0, 0), Turning(ago))
    truth = {frame.time: frame for frame in full}
    assert [frame.time for frame in frames] == expected(full, ago)
    assert [frame.index for frame in frames] == [truth[frame.time].index for frame in frames]
    for frame in frames[:: max(1, len(frames) // 8)]:
        assert np.array_equal(frame.pixels.gray(64, 36), truth[frame.time].pixels.gray(64, 36))
    assert not tally.lost


def test_going_back_over_more_than_is_kept_goes_on(folder, monkeypatch):
    monkeypatch.setattr(lazy, "PENDING_PACKETS", 20)
    path = made(folder, "bframes.mp4")
    truth = {frame.time: frame.index for frame in whole(path)}
    frames, _ = read(PyAvSource(), Clip(str(path), (), 0, 0), Turning(0.3))
    # The keyframe at 1 s was shown and is not a sample; what it asked for is gone, so everything for a second comes behind it.
    assert frames[0].time == 0
    assert frames[1].time > 1.0
    assert all(truth[frame.time] == frame.index for frame in frames)


class _Stubborn:
    def __init__(self):
        self.asked = 0

    def aim(self):
        return Aim(0.0 if not self.asked else 1.0)

    def saw(self, frame):
        self.asked += 1
        return Back(0.5) if frame.time else True


class Stubborn(EveryFrame):
    """Always back to the same place."""

    def session(self, info):
        return _Stubborn()


def test_a_session_that_asks_for_the_same_again_and_again_ends(folder):
    frames, tally = read(PyAvSource(), Clip(str(made(folder, "bframes.mp4")), (), 0, 0), Stubborn())
    assert [frame.time for frame in frames] == [0]
    assert tally.decoded < 2000


@pytest.mark.parametrize("name", ["longgop.mp4", "bframes.mp4", "opengop.ts", "hevc-open.mp4", "hidden.webm", "vfr.mp4"])
def test_a_snapped_sample_is_near_its_target_and_no_loss(name, folder):
    path = made(folder, name)
    truth = {frame.time: frame for frame in whole(path)}
    frames, tally = read(PyAvSource(), Clip(str(path), (), 0, 0), IntervalSampler(IntervalOptions(every=0.9)))
    for number, frame in enumerate(frames):
        assert truth[frame.time].index == frame.index
        assert name == "vfr.mp4" or abs(frame.time - 0.9 * number) <= 0.45
        assert np.array_equal(frame.pixels.gray(64, 36), truth[frame.time].pixels.gray(64, 36))
    assert not tally.lost


def test_pictures_that_no_other_needs_are_not_decoded(folder):
    clip = Clip(str(made(folder, "longgop.mp4")), (), 0, 0)
    _, snapped = read(PyAvSource(), clip, IntervalSampler(IntervalOptions(every=1)))
    _, exact = read(PyAvSource(), clip, IntervalSampler(IntervalOptions(every=1, snap=False)))
    assert snapped.decoded < exact.decoded < 300


def test_where_frames_that_others_need_lie_far_apart_all_are_decoded(folder):
    """Five pictures a second, and three of four are needed by none: within a tenth of a second there is no other choice."""
    path = made(folder, "slow.mp4")
    frames, tally = read(PyAvSource(), Clip(str(path), (), 0, 0), IntervalSampler(IntervalOptions(every=0.4)))
    times = [frame.time for frame in frames]
    assert all(abs(time - round(time / 0.4) * 0.4) <= 0.2 + 1e-6 for time in times)
    assert len(times) == 50
    assert not tally.lost


def test_keyframes_are_decoded_alone_in_any_case(folder):
    _, tally = read(PyAvSource(), Clip(str(made(folder, "bframes.mp4")), (), 0, 0), KeyframeSampler(KeyframeOptions(most=0)))
    assert tally.decoded <= 5
