"""Rolling context over real pictures and a real server: who waits for whom, what a prompt says, and what a resume asks again."""

import asyncio
import re

import cv2
import numpy as np
import pytest
from shared import clip, hold_to_contract

import videoscan
from videoscan import patience
from videoscan.errors import EndpointRefused
from videoscan.testing.model_server import ModelServer, event, fails, ok

ROLLING = ("prompt.context=rolling", "windows.max_frames=2", "windows.overlap_frames=0", "dedup.kind=none")


@pytest.fixture
def stills(tmp_path):
    """Eight pictures that stand for 50 s each: windows begin at 0, 100 and 200, and at 300, in the next segment."""
    folder = tmp_path / "stills"
    folder.mkdir()
    for number in range(8):
        cv2.imwrite(str(folder / f"{number}.png"), np.full((90, 160, 3), 30 * number, np.uint8))
    return folder


def run(source, *scripts, out=None, sets=(), before=lambda _number: None):
    """The same scan once for each script, at one server; for each the timeline (or error) and the requests that it took."""

    async def main():
        came = []

        def script(request):
            return scripts[len(came)](request)

        async with ModelServer(script) as server:
            for number in range(len(scripts)):
                before(number)
                seen = len(server.requests)
                options = {"endpoint": server.url, "model": "tiny", "sets": (*ROLLING, "source.image_rate=0.02", *sets)}
                with patience.instantly():
                    try:
                        result = await videoscan.scan(source, out=out, **options)
                    except EndpointRefused as error:
                        result = error
                came.append((result, server.requests[seen:]))
            return came, server.most_busy

    return asyncio.run(main())


def at(request):
    """Minutes and seconds of a request's first frame."""
    return request.labels[0][-9:-4]


def listed(request):
    """The names that its prompt says are still going on."""
    _, going_on, rest = request.text.partition("Still going on when")
    return re.findall(r"^- ([^:\n]+)", rest.partition("Where one of these")[0], re.MULTILINE) if going_on else []


def goes_on(request):
    """A watchman who sees the same thing all the time and says so; in his own words, but by its name."""
    if at(request) in {"00:00", "05:00"}:
        first = at(request) == "00:00"
        return ok([event("A guard at the gate", 1, 2) if first else event("Rain", 1, 2, tags=["weather"])])
    names = listed(request)
    return ok([event(f"Still there at {at(request)}", 1, 2, continues=names[0])]) if names else ok([event("Lost it", 1, 2)])


def test_a_long_event_is_one_event_under_its_first_name_within_a_segment(stills, tmp_path):
    [(timeline, requests)], _ = run(stills, goes_on, out=tmp_path / "out")
    hold_to_contract(tmp_path / "out")
    assert answered(timeline) == [("A guard at the gate", (0, 1, 2)), ("Rain", (3,))]
    asked = {at(request): listed(request) for request in requests}
    assert asked == {"00:00": [], "01:40": ["A guard at the gate"], "03:20": ["A guard at the gate"], "05:00": []}


def test_windows_of_one_segment_wait_for_each_other_and_those_of_two_do_not(stills):
    def slow(_request):
        return ok([event("The watch", 1, 2)], delay=0.05)

    assert run(stills, slow)[1] == 2
    assert run(stills, slow, sets=("prompt.context=none",))[1] == 4


def test_without_context_no_prompt_says_what_is_going_on(stills):
    [(_, requests)], _ = run(stills, goes_on, sets=("prompt.context=none",))
    assert [listed(request) for request in requests] == [[]] * 4


def answered(timeline):
    return [(each.title, each.windows) for each in timeline.events]


def test_a_resume_asks_only_what_failed_and_leaves_its_successors_alone(stills, tmp_path):
    def second_fails(request):
        return fails(400, "no such picture") if at(request) == "01:40" else goes_on(request)

    came, _ = run(stills, second_fails, goes_on, goes_on, out=tmp_path / "out")
    (gap, first), (late, second), (again, third) = came
    hold_to_contract(tmp_path / "out")
    assert [window.status for window in gap.windows] == ["described", "failed", "described", "described"]
    assert answered(gap)[0] == ("A guard at the gate", (0, 2)), "what was going on before a gap is told after it"
    assert len(first) > 4
    assert [at(request) for request in second] == ["01:40"]
    assert [window.status for window in late.windows] == ["described"] * 4
    assert answered(late)[0] == ("A guard at the gate", (0, 1, 2))
    assert third == []
    assert answered(again) == answered(late)


def test_a_late_answer_stays_late_when_the_timeline_has_to_be_made_again(stills, tmp_path):
    def second_fails(request):
        return fails(400, "no such picture") if at(request) == "01:40" else goes_on(request)

    def otherwise(request):
        return ok([event("Another thing altogether", 1, 2)]) if at(request) == "01:40" else goes_on(request)

    def lost(number):
        if number == 2:
            (tmp_path / "out" / "timeline.json").unlink()

    [_, (late, _), (again, requests)], _ = run(stills, second_fails, otherwise, otherwise, out=tmp_path / "out", before=lost)
    assert requests == []
    assert answered(again) == answered(late)


def test_another_picture_earlier_on_asks_again_what_follows_from_its_answer(stills, tmp_path):
    def changed(number):
        if number:
            cv2.imwrite(str(stills / "0.png"), np.full((90, 160, 3), 250, np.uint8))

    def otherwise(request):
        return goes_on(request) if listed(request) else ok([event("The watchman", 1, 2)])

    [_, (_, requests)], _ = run(stills, goes_on, otherwise, out=tmp_path / "out", before=changed)
    assert sorted(at(request) for request in requests) == ["00:00", "01:40", "03:20"]


def test_a_run_that_was_broken_off_goes_on_to_what_one_in_one_go_comes_to(stills, tmp_path):
    def stops(request):
        return fails(401, "no key") if at(request) == "03:20" else goes_on(request)

    [(error, _), (resumed, requests)], _ = run(stills, stops, goes_on, out=tmp_path / "out")
    assert isinstance(error, EndpointRefused)
    assert {at(request) for request in requests} <= {"03:20", "05:00"}
    [(whole, _)], _ = run(stills, goes_on)
    assert answered(resumed) == answered(whole)


def test_a_real_clip_with_rolling_context_keeps_the_contract(tmp_path):
    def watches(request):
        names = listed(request)
        return ok([event("A person is in the room", 1, request.frames, continues=names[0] if names else None)])

    [(timeline, _)], _ = run(clip("surv/one-by-one-person.mp4"), watches, out=tmp_path / "out", sets=("windows.max_frames=4",))
    hold_to_contract(tmp_path / "out")
    assert answered(timeline) == [("A person is in the room", tuple(range(len(timeline.windows))))]
