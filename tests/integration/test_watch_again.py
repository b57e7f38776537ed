"""Second looks of a watched camera, out of what is still held of its stream."""

import asyncio

import cv2
import pytest
from cutouts import numbered
from watching import problems

from videoscan.document import Timeline
from videoscan.live.stream import LiveOptions, RealtimeSource
from videoscan.testing.live import MadeClock, at
from videoscan.testing.model_server import ModelServer, event, ok
from videoscan.watching.camera import Shared
from videoscan.watching.starting import Planned

START = "2026-03-01T10:00:00+00:00"


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """Ten seconds, ten pictures a second, each another one."""
    return numbered(tmp_path_factory.mktemp("footage") / "clip.mp4", rate="10", gop=10)


def second(request):
    return "a first look" in request.text


def unsure(request):
    """Is unsure of what it sees, until it is shown more of it."""
    return ok([event("Somebody climbs", 1, 2, confidence=0.9 if second(request) else 0.2)])


def watch(out, clip, server, *sets, start=START, **options):
    sets = (
        "source.clock_zone=UTC",
        "describer.kind=openai",
        f"describer.endpoint={server.url}",
        "describer.model=test-model",
        "watch.latency=5",
        "windows.overlap_frames=0",
        "windows.max_frames=8",
        *sets,
    )
    found = []
    clock = MadeClock(at(start))
    made = Planned("yard", str(clip), RealtimeSource(LiveOptions(**options)), "default").watch(
        out, Shared(clock=clock), sets=sets, heard=found.append, observer=found.append
    )
    asyncio.run(made.run())
    return Timeline.from_json((out / "yard" / "2026-03-01" / "timeline.json").read_bytes()), found


def looks(timeline):
    return [window for window in timeline.windows if window.second_look is not None]


def test_an_unsure_answer_is_asked_for_again_with_pictures_that_lie_closer_together(clip, tmp_path):
    with ModelServer.in_thread(unsure) as server:
        timeline, found = watch(tmp_path, clip, server)
    assert problems(tmp_path / "yard" / "2026-03-01") == []
    (window,) = looks(timeline)
    look = window.second_look
    assert look.why == "uncertain"
    assert (look.end - look.start) / (len(look.frames) - 1) < 0.5, "the first answer saw one picture a second"
    assert all((tmp_path / "yard" / "2026-03-01" / "frames" / f"{frame:08d}.jpg").is_file() for frame in look.frames)
    told = next(each for each in timeline.events if window.index in each.windows)
    assert told.confidence == 0.9
    assert len([request for request in server.requests if second(request)]) == 1
    # Told at once with the first answer's words, and as complete only when it was looked at again.
    of_it = [
        (each.complete, each.event.confidence) for each in found if getattr(each, "event", None) and each.event.id == told.id
    ]
    assert of_it[-1] == (True, 0.9)
    # Another process knows of it, without asking.
    with ModelServer.in_thread(unsure) as other:
        again, _ = watch(tmp_path, clip, other, start="2026-03-01T10:05:00+00:00")
    assert again.windows[window.index].second_look == look
    assert next(each for each in again.events if each.id == told.id).confidence == 0.9


def test_what_looks_may_send_is_a_share_of_the_day_and_nothing_where_none_are_wanted(clip, tmp_path):
    with ModelServer.in_thread(unsure) as server:
        timeline, _ = watch(tmp_path / "all", clip, server, "second_look.share=1")
        first = sum(len(request.pictures) for request in server.requests if not second(request))
        again = [len(request.pictures) for request in server.requests if second(request)]
        assert len(looks(timeline)) == len(again) >= 1
        assert sum(again) <= max(8, first)
        timeline, _ = watch(tmp_path / "none", clip, server, "second_look.share=0")
        assert looks(timeline) == []


def test_what_is_not_held_any_more_is_not_looked_at_again(clip, tmp_path):
    with ModelServer.in_thread(unsure) as server:
        timeline, found = watch(tmp_path, clip, server, ring_megabytes=0)
    assert looks(timeline) == []
    assert not [request for request in server.requests if second(request)]
    assert any("came too late" in getattr(each, "text", "") for each in found)
    assert timeline.events


def test_what_is_to_be_black_is_black_in_a_second_look(clip, tmp_path):
    black = "[[0.0, 0.0], [0.5, 0.0], [0.5, 1.0], [0.0, 1.0]]"
    with ModelServer.in_thread(unsure) as server:
        timeline, _ = watch(tmp_path, clip, server, f"regions.exclude=[{black}]", "regions.black_out=true")
    (window,) = looks(timeline)
    for frame in window.second_look.frames:
        picture = cv2.imread(str(tmp_path / "yard" / "2026-03-01" / "frames" / f"{frame:08d}.jpg"))
        assert picture[:, :70].max() < 12
        assert picture[:, 90:].min() > 12
