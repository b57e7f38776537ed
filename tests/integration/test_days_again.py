"""A watched day as an input: its kept pictures are asked again, though nobody has the footage any more."""

import json
import shutil

import pytest
from watching import Watched, problems

from videoscan import scan_sync
from videoscan.errors import SourceUnsupported
from videoscan.model import Gap
from videoscan.recordings import inputs
from videoscan.testing.model_server import ModelServer, event, ok


def crosses(request):
    return ok([event("Somebody crosses", 1, request.frames - 1)] if request.frames > 2 else [])


def asking(server):
    return ("describer.kind=openai", f"describer.endpoint={server.url}", "describer.model=test-model", "dedup.refresh=120")


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    """Eleven minutes with two visits and a gap, each looked at once a second."""
    gap = Gap(300.0, 340.0, "the camera was away")
    with ModelServer.in_thread(crosses) as server:
        return Watched(
            tmp_path_factory.mktemp("watched"),
            seconds=660.0,
            visits=[(50, 58), (400, 406)],
            gaps=[gap],
            sets=("windows.overlap_frames=2", *asking(server)),
        ).run()


def again(day, out, question="Does somebody carry anything?"):
    asked = []

    def answers(request):
        asked.append(request)
        return crosses(request)

    with ModelServer.in_thread(answers) as server:
        made = scan_sync(inputs.single(str(day)), question=question, out=out, sets=asking(server))
    return made, asked


def test_a_day_is_asked_again_with_another_question(watched, tmp_path):
    day = watched.out / "2026-03-01"
    before = watched.timeline()
    after, asked = again(day, tmp_path / "again")
    assert asked
    assert all("carry anything" in request.text for request in asked)
    assert problems(tmp_path / "again") == []
    assert {frame for window in after.windows for frame in window.frames} == {
        frame for window in before.windows for frame in window.frames
    }
    assert [each.end for each in after.events] == [each.end for each in before.events]
    assert [(span.start, span.end) for span in after.coverage if span.state == "lost"] == [(300.0, 340.0)]
    assert (after.source.duration, after.source.clock, after.source.uri) == (
        before.source.duration,
        before.source.clock,
        before.source.uri,
    )
    assert (after.frames.sampled, after.frames.kept) == (before.frames.sampled, before.frames.kept)
    assert after.frames.decoded == before.frames.decoded >= before.frames.sampled
    # What was asked again can be asked again in its turn.
    once_more, _ = again(tmp_path / "again", tmp_path / "once more", "And now?")
    assert once_more.frames == after.frames


def test_a_day_that_still_grows_is_asked_as_far_as_its_timeline_reaches(watched, tmp_path):
    day = tmp_path / "2026-03-01"
    shutil.copytree(watched.out / "2026-03-01", day)
    told = json.loads((day / "timeline.json").read_bytes())
    told["source"]["duration"] = 200.0
    (day / "timeline.json").write_text(json.dumps(told), encoding="utf-8")
    after, _ = again(day, tmp_path / "again")
    assert after.source.duration == 200.0
    assert after.coverage[-1].end == 200.0
    assert all(event.start < 200 for event in after.events)


def test_a_day_without_its_pictures_cannot_be_asked(watched, tmp_path):
    day = tmp_path / "2026-03-01"
    shutil.copytree(watched.out / "2026-03-01", day)
    shutil.rmtree(day / "frames")
    with pytest.raises(SourceUnsupported, match=r"pictures of .* are gone"):
        again(day, tmp_path / "again")
