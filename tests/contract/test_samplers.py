"""Every registered sampler keeps the promises of the seam; and what going back comes to in a real file."""

import itertools
import subprocess

import av
import cv2
import pytest

from tests.contract.clips import needs_ffmpeg
from videoscan import registry
from videoscan.samplers.activity import ActivitySampler
from videoscan.sources.opencv import OpenCvSource
from videoscan.sources.pyav import PyAvSource
from videoscan.testing import samplers


@pytest.mark.parametrize("check", samplers.CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("kind", registry.names("samplers"))
def test_a_sampler_keeps_every_promise(kind, check):
    check(registry.make("samplers", {"kind": kind}))


RATE = 10


@pytest.fixture(scope="module")
def visit(tmp_path_factory):
    """Half a minute of a still camera with one keyframe in ten seconds; somebody walks through from 12.3 to 16.0 s."""
    path = tmp_path_factory.mktemp("visit") / "visit.mp4"
    with av.open(str(path), "w") as target:
        stream = target.add_stream("libx264", rate=RATE, options={"crf": "20", "x264-params": "keyint=100:scenecut=0:bframes=2"})
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for frame in samplers.visited(12.3, 16.0, rate=RATE):
            large = cv2.resize(frame.pixels.gray(160, 90), (320, 180), interpolation=cv2.INTER_NEAREST)
            target.mux(stream.encode(av.VideoFrame.from_ndarray(large, "gray8").reformat(format="yuv420p")))
        target.mux(stream.encode())
    return str(path)


def taken(source, sampler, uri):
    footage = source.open(uri)
    try:
        return [frame.time for frame in footage.frames(sampler)], footage.tally().decoded
    finally:
        footage.close()


def test_a_file_is_gone_back_in_to_where_the_event_began(visit):
    times, _ = taken(PyAvSource(), ActivitySampler(), visit)
    assert max(time for time in times if time < 12.29) > 12.3 - 0.55
    assert min(time for time in times if time > 12.29) < 12.3 + 0.5
    assert all(a < b for a, b in itertools.pairwise(times))


def test_a_backend_that_cannot_go_back_looks_closely_from_there_on(visit):
    times, _ = taken(OpenCvSource(), ActivitySampler(), visit)
    close = [time for time in times if 14.4 <= time < 16]
    assert len(close) >= 3
    assert all(a < b for a, b in itertools.pairwise(times))


@needs_ffmpeg
def test_between_keyframes_that_come_often_enough_nothing_is_decoded(tmp_path, visit):
    quiet = tmp_path / "quiet.mp4"
    subprocess.run(
        ["ffmpeg", "-v", "error", "-i", visit, "-t", "10", "-c:v", "libx264", "-g", "20", "-sc_threshold", "0", str(quiet)],
        check=True,
    )
    times, decoded = taken(PyAvSource(), ActivitySampler(), str(quiet))
    assert times == pytest.approx([0, 2, 4, 6, 8])
    assert decoded <= len(times) + 1
