"""What follows a sample is decoded for whoever asks, and nobody else sees anything of it."""

from dataclasses import replace

import numpy as np
import pytest

from videoscan import registry
from videoscan.model import Frame, Gap, Heartbeat, Regions
from videoscan.reading.bursts import MOST, REACH, STEP, Bursts
from videoscan.reading.regions import in_black
from videoscan.testing import disturbances
from videoscan.testing.scenes import ArrayPixels

FPS = 25


@pytest.fixture(scope="module", params=["libx264", "libx265"])
def film(request, tmp_path_factory):
    """Ten seconds whose every picture differs: hundredths of seconds are written in it."""
    path = tmp_path_factory.mktemp("bursts") / "clock.mp4"
    scene = disturbances.scene("clock-hundredths", size=(320, 180), seconds=10)
    scene.film(path, codec=request.param, fps=FPS, gop=30 if request.param == "libx264" else 125, bframes=2)
    return str(path)


def taken(film, sampler, *, source="pyav", asking):
    """The sampled frames, and the luma of what followed each."""
    footage = registry.make("sources", {"kind": source}).open(film)
    bursts = Bursts(registry.make("samplers", sampler))
    frames, after = [], []
    for frame in bursts.over(footage.frames(bursts)):
        frames.append((frame.index, frame.time, frame.keyframe, frame.pixels.gray(160, 90).tobytes()))
        after.append([pixels.gray(160, 90) for pixels in frame.following()] if asking else [])
    return frames, after, footage.tally()


@pytest.mark.parametrize("source", ["pyav", "opencv"])
@pytest.mark.parametrize("sampler", [{"kind": "interval"}, {"kind": "interval", "snap": False}, {"kind": "keyframe"}])
def test_the_samples_are_the_same_whether_or_not_somebody_asks_what_follows_them(film, source, sampler):
    alone, _, _ = taken(film, sampler, source=source, asking=False)
    frames, after, tally = taken(film, sampler, source=source, asking=True)
    assert frames == alone
    assert {len(each) for each, (_, time, *_) in zip(after, frames, strict=True) if time < 10 - REACH} == {MOST}
    assert not tally.lost


def test_what_follows_is_what_the_file_shows_then(film):
    every, _, _ = taken(film, {"kind": "interval", "rate": FPS, "snap": False}, asking=False)
    frames, after, _ = taken(film, {"kind": "interval"}, asking=True)
    for (index, *_), pictures in zip(frames, after, strict=True):
        expected = [picture for _, _, _, picture in every[index + 1 : index + 1 + MOST]]
        assert [picture.tobytes() for picture in pictures] == expected


def test_nothing_follows_where_the_sampler_wants_the_next_picture_itself(film):
    frames, after, _ = taken(film, {"kind": "interval", "every": 0.2, "snap": False}, asking=True)
    assert len(frames) == 50
    assert not any(after)


def test_an_active_sampler_goes_back_as_far_as_it_would_and_no_further_than_what_was_shown(film):
    activity = {"kind": "activity", "least": 0.5, "most": 2.0}
    alone, _, _ = taken(film, activity, asking=False)
    frames, _, _ = taken(film, activity, asking=True)
    assert frames == alone


class Camera:
    """A live source's items: a picture each `spacing` seconds, a heartbeat each five pictures, a gap at the end."""

    def __init__(self, spacing):
        self.spacing = spacing

    def items(self, sampler):
        session = sampler.session(None)
        for number in range(100):
            if number % 5 == 4:
                yield Heartbeat(number * self.spacing, "playing", None)
            frame = Frame(number, number * self.spacing, keyframe=False, pixels=ArrayPixels(np.full((90, 160), number, np.uint8)))
            if frame.time >= session.aim().time and session.saw(frame) is True:
                yield frame
        yield Gap(100 * self.spacing, 101 * self.spacing, "the camera went away")


def test_a_live_source_loses_no_item_when_somebody_asks_what_follows():
    bursts = Bursts(registry.make("samplers", {"kind": "interval", "snap": False}))
    found, after = [], []
    for item in bursts.over(Camera(0.04).items(bursts)):
        found.append(item)
        if isinstance(item, Frame):
            after.append([int(pixels.luma[0, 0]) - item.index for pixels in item.following()])
    assert [item.index for item in found if isinstance(item, Frame)] == [0, 25, 50, 75]
    assert sum(isinstance(item, Heartbeat) for item in found) == 20
    assert isinstance(found[-1], Gap)
    # A heartbeat may mean that nothing comes any more, so it ends the waiting.
    assert after == [[1, 2, 3]] * 4


def test_a_slow_camera_is_not_waited_for():
    bursts = Bursts(registry.make("samplers", {"kind": "interval", "every": 4.0, "snap": False}))
    frames, after = [], []
    for item in bursts.over(Camera(2 * REACH).items(bursts)):
        if isinstance(item, Frame):
            frames.append(item.index)
            after += item.following()
    assert frames == [0, 8, 15, 23, 30, 38, 45, 52, 60, 67, 75, 82, 89, 97]
    assert after == []
    assert STEP * MOST < REACH


def test_what_follows_a_blackened_frame_is_black_there_too():
    left = Regions(exclude=(((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)),), black_out=True)
    white = ArrayPixels(np.full((90, 160), 255, np.uint8))
    frame = Frame(0, 0.0, keyframe=True, pixels=white, following=lambda: [white])
    (after,) = in_black(frame, left).following()
    assert not after.gray(160, 90)[:, :78].any()
    assert after.gray(160, 90)[:, 84:].all()
    assert in_black(replace(frame, following=None), left).following is None
