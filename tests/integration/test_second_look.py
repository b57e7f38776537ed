"""Second looks: what is asked twice, what it is shown then, what counts of both answers, and that nothing is paid for twice."""

from __future__ import annotations

import json
import subprocess

import cv2
import numpy as np
import pytest
from commanding import lines
from shared import hold_to_contract

import videoscan
from videoscan import observe, patience
from videoscan.reading import segments
from videoscan.testing.model_server import ModelServer, event, fails, ok, says

SMALL = ("windows.long_side=160", "windows.max_seconds=10", "windows.overlap_frames=0")


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """Half a minute in which nothing happens, but for a box that appears at 13 s and is gone at 16 s."""
    path = tmp_path_factory.mktemp("clip") / "quiet.mp4"
    source = "color=0x607080:s=320x240:r=10:d=30,drawbox=x=60:y=80:w=40:h=40:c=red:t=fill:enable='between(t,13,15.99)'"
    subprocess.run(
        ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", source, "-pix_fmt", "yuv420p", "-g", "20", "-y", path], check=True
    )
    return path


@pytest.fixture
def readers(monkeypatch):
    """The stretches that were decoded."""
    made = []

    class Spy(segments.Reader):
        def __init__(self, spec, *given):
            made.append((spec.start, spec.look is not None))
            super().__init__(spec, *given)

    monkeypatch.setattr(segments, "Reader", Spy)
    return made


def scan(clip, server, out, *sets, **more):
    with patience.instantly():
        return videoscan.scan_sync(
            clip, out=out, endpoint=server.url, model="test-model", sets=("describer.probe=never", *SMALL, *sets), **more
        )


def second(request):
    """Whether a request is a second look."""
    return "a first look" in request.text or "could not be read" in request.text


def again(server):
    return [request for request in server.requests if second(request)]


def blind(request):
    """Tells of nothing at first, and looks twice."""
    if not second(request):
        return ok([])
    return ok([event("A box appears", 2, request.frames)]) if request.frames > 2 else ok([])


def the_look(timeline):
    (window,) = (window for window in timeline.windows if window.second_look is not None)
    return window, window.second_look


@pytest.mark.parametrize("isolation", ["thread", "process"])
def test_nothing_told_where_much_changed_is_looked_at_again_densely_and_cut_out(clip, tmp_path, isolation):
    with ModelServer.in_thread(blind) as server:
        timeline = scan(clip, server, tmp_path / "out", f"source.isolation={isolation}")
    (request,) = again(server)
    assert server.requests[-1] is request, "windows come first"
    first_shown = sum(len(other.pictures) for other in server.requests) - len(request.pictures)
    window, look = the_look(timeline)
    assert (look.why, look.first.events, look.first.error) == ("contradicted", (), None)
    assert "the picture changed at 0:13" in look.reason
    assert [told.title for told in look.second.events] == ["A box appears"]
    assert len(request.labels) > len(set(look.frames)), "crops go with the frames"
    times = sorted({label[-12:] for label in request.labels if not label.endswith("zoom")})
    assert len(times) > 3
    assert len(set(look.frames)) == len(look.frames) == len(times)
    assert all(abs(frame / 10 - seconds(label)) < 0.051 for frame, label in zip(look.frames, times, strict=True))
    assert [told.title for told in timeline.events] == ["A box appears"]
    assert "told by a second look" in timeline.events[0].flags
    assert (window.summary, look.first.summary, window.attempts) == ("A test.", "A test.", 2)
    assert timeline.usage.requests == len(server.requests)
    assert timeline.usage.images == first_shown + len(request.pictures)
    for evidence in timeline.events[0].evidence:
        assert (tmp_path / "out" / evidence.picture).is_file()
    hold_to_contract(tmp_path / "out")


def seconds(label):
    hours, minutes, rest = label.split(":")
    return 3600 * int(hours) + 60 * int(minutes) + float(rest)


def test_an_answer_that_cannot_be_read_is_asked_for_once_more_and_its_window_is_described(clip, tmp_path):
    def script(request):
        if second(request):
            return ok([event("It was readable", 1, request.frames)])
        return says("I see a room.") if request.labels[0].endswith("00:00.000") else ok([event("Seen", 1, request.frames)])

    with ModelServer.in_thread(script) as server:
        timeline = scan(clip, server, tmp_path / "out", "dedup.kind=none")
    window, look = the_look(timeline)
    assert (window.status, window.error, look.why, look.first.error.kind) == ("described", None, "unreadable", "BadReply")
    assert look.first.error.raw == "I see a room."
    assert timeline.complete
    assert "It was readable" in {told.title for told in timeline.events}
    hold_to_contract(tmp_path / "out")


def test_what_never_can_be_read_is_asked_for_three_times_and_once_with_pictures_closer_together(clip, tmp_path):
    def script(request):
        return says("I see a room.") if request.labels[0].endswith("00:00.000") else ok([event("Seen", 1, request.frames)])

    with ModelServer.in_thread(script) as server:
        timeline = scan(clip, server, tmp_path / "out", "dedup.kind=none")
        asked = [len(request.pictures) for request in server.requests if request.labels[0].endswith("00:00.000")]
    window, look = the_look(timeline)
    assert (window.status, window.attempts, look.second.error.raw) == ("failed", 4, "I see a room.")
    assert asked[0] == asked[1] == asked[2] < asked[3]
    assert len(asked) == 4


def test_the_very_same_pictures_are_not_asked_about_a_fourth_time(clip, tmp_path):
    def script(request):
        return says("I see a room.") if request.labels[0].endswith("00:00.000") else ok([event("Seen", 1, request.frames)])

    with ModelServer.in_thread(script) as server:
        timeline = scan(clip, server, tmp_path / "out", "dedup.kind=none", "windows.max_frames=2")
        asked = [request for request in server.requests if request.labels[0].endswith("00:00.000")]
    assert len(asked) == 3
    (window,) = (window for window in timeline.windows if window.status != "described")
    assert (window.status, window.attempts, window.second_look) == ("failed", 3, None)


def test_an_unsure_event_is_told_as_the_second_look_tells_it_and_the_rest_of_the_first_answer_stays(clip, tmp_path):
    def script(request):
        if second(request):
            return ok([event("A red box appears", 1, request.frames, confidence=0.95)])
        if request.frames < 2:
            return ok([event("Quiet", 1, 1)])
        return ok([event("A red box may appear", 1, 2, confidence=0.3), event("The light flickers", 2, 2, confidence=0.8)])

    with ModelServer.in_thread(script) as server:
        timeline = scan(clip, server, tmp_path / "out", "windows.overlap_frames=1")
    _, look = the_look(timeline)
    assert look.why == "uncertain"
    told = {told.title: told for told in timeline.events}
    assert "A red box may appear" not in told
    assert told["A red box appears"].confidence == 0.95
    assert "a second look did not tell of it" in told["The light flickers"].flags
    assert {told.title: told.confidence for told in look.first.events}["A red box may appear"] == 0.3
    hold_to_contract(tmp_path / "out")


def test_no_more_than_a_share_is_looked_at_again_the_most_doubtful_first_and_none_when_it_is_off(clip, tmp_path):
    unsure = iter([0.4, 0.1, 0.3, 0.2, 0.45, 0.35, 0.25])

    def script(request):
        return ok([event("Perhaps", 1, 1, confidence=0.9 if second(request) else next(unsure))])

    with ModelServer.in_thread(script) as server:
        timeline = scan(clip, server, None, "describer.concurrency=1", "windows.max_frames=1")
        least = min(timeline.windows, key=lambda window: min([1.0, *confidences(window)]))
        assert [window.index for window in timeline.windows if window.second_look] == [least.index] == [1]
        asked = len(server.requests)
        unsure = iter([0.1] * 20)
        off = scan(clip, server, None, "windows.max_frames=1", "second_look.share=0")
        assert len(server.requests) - asked == len(off.windows)
        assert all(window.second_look is None for window in off.windows)


def confidences(window):
    return [told.confidence for told in window.second_look.first.events] if window.second_look else []


def test_a_scan_that_goes_on_pays_for_no_look_twice_and_decodes_nothing_for_it(clip, tmp_path, readers):
    out = tmp_path / "out"
    with ModelServer.in_thread(blind) as server:
        whole = scan(clip, server, out)
        asked = len(server.requests)
        assert [look for _, look in readers] == [False, True]
        # As a kill leaves it that comes after the last answer, and before the timeline.
        text = (out / "journal.jsonl").read_text().splitlines()
        (out / "journal.jsonl").write_text("\n".join(line for line in text if '"finished"' not in line) + "\n")
        (out / "timeline.json").unlink()
        told = []
        resumed = scan(clip, server, out, observer=told.append)
        assert len(server.requests) == asked
        assert len(readers) == 2
        assert without_times(resumed) == without_times(whole)
        assert all(fact.resumed for fact in told if isinstance(fact, observe.WindowDone))
        # A picture that was lost meanwhile is fetched again; the answer is still there.
        (out / "journal.jsonl").write_text("\n".join(line for line in text if '"finished"' not in line) + "\n")
        _, look = the_look(resumed)
        (out / "frames" / f"{look.frames[1]:08d}.jpg").unlink()
        without_times(scan(clip, server, out))
        assert len(server.requests) == asked
        assert (out / "frames" / f"{look.frames[1]:08d}.jpg").is_file()
    rows = lines((out / "journal.jsonl").read_text())
    assert [row["second_look"] for row in rows if "second_look" in row] == ["contradicted"]
    hold_to_contract(out)


def without_times(timeline):
    whole = json.loads(timeline.to_json())
    del whole["created"], whole["timing"]
    return whole


def test_a_look_that_comes_to_nothing_leaves_the_first_answer_and_is_made_again_by_the_same_command(clip, tmp_path):
    filtered = True

    def script(request):
        return fails(403, "sensitive", code="ModelArts.81011") if second(request) and filtered else blind(request)

    told = []
    with ModelServer.in_thread(script) as server:
        timeline = scan(clip, server, tmp_path / "out", observer=told.append)
        assert [window.status for window in timeline.windows] == ["described"] * len(timeline.windows)
        _, look = the_look(timeline)
        assert look.second.error.kind == "ContentFiltered"
        assert any("the first answer stands" in fact.text for fact in told if isinstance(fact, observe.Note))
        assert timeline.complete
        filtered = False
        assert [event.title for event in scan(clip, server, tmp_path / "out").events] == ["A box appears"]
        assert len(again(server)) == 2


def test_a_look_that_the_budget_does_not_allow_is_made_with_a_larger_one(clip, tmp_path):
    with ModelServer.in_thread(blind) as server:
        windows = len(scan(clip, server, None, "second_look.share=0").windows)
        server.requests.clear()
        timeline = scan(clip, server, tmp_path / "out", "budget.fit=false", budget=[f"{windows}req"])
        assert (len(server.requests), len(again(server))) == (windows, 0)
        assert {window.status for window in timeline.windows} == {"described"}, "looks take nothing from windows"
        _, look = the_look(timeline)
        assert look.second.error.kind == "BudgetSpent"
        scan(clip, server, tmp_path / "out", "budget.fit=false", budget=[f"{windows + 1}req"])
        assert (len(server.requests), len(again(server))) == (windows + 1, 1)
    hold_to_contract(tmp_path / "out")


def test_a_former_output_folder_is_not_looked_at_again_because_nothing_is_decoded(clip, tmp_path):
    told = []
    with ModelServer.in_thread(blind) as server:
        scan(clip, server, tmp_path / "out")
        asked = len(again(server))
        with patience.instantly():
            videoscan.scan_sync(
                tmp_path / "out", out=tmp_path / "answer", question="A box?", endpoint=server.url, model="test-model",
                sets=("describer.probe=never", *SMALL), observer=told.append,
            )  # fmt: skip
        assert len(again(server)) == asked
    assert any("needs the footage" in fact.text for fact in told if isinstance(fact, observe.Note))


def test_a_plan_counts_second_looks_in_its_upper_figures_and_a_scan_takes_no_more(clip, tmp_path, videoscan):
    with ModelServer.in_thread(lambda request: ok([event("Perhaps", 1, 1, confidence=0.1)])) as server:
        sets = [part for each in (*SMALL, "second_look.share=1") for part in ("--set", each)]
        asking = (clip, "--endpoint", server.url, "--model", "test-model", "--out", tmp_path / "out", *sets)
        _, out, err = videoscan("plan", *asking, "--json")
        (planned,) = lines(out)
        most = planned["second_looks"]["at_most"]
        assert f"at most {most['requests']} requests with {most['images']} pictures (second_look.share)" in err
        _, _, said = videoscan("scan", *asking, "--set", "describer.probe=never")
        assert len(server.requests) == planned["requests"] + len(again(server))
        assert 0 < len(again(server)) <= most["requests"]
        assert sum(len(request.pictures) for request in again(server)) <= most["images"]
        assert "looked at again" in said


def test_what_is_to_be_black_is_black_in_a_second_look_too(clip, tmp_path):
    out = ("regions.exclude=[[[0.0,0.0],[0.5,0.0],[0.5,0.2],[0.0,0.2]]]", "regions.black_out=true")
    with ModelServer.in_thread(blind) as server:
        scan(clip, server, tmp_path / "out", *out)
        (request,) = again(server)
    shown = [(label, image(data)) for label, data in zip(request.labels, request.pictures, strict=True)]
    wholes = [picture for label, picture in shown if not label.endswith("zoom")]
    assert len(wholes) > 3
    for picture in wholes:
        height, width = picture.shape[:2]
        assert picture[: height // 6, : width // 3].max() < 12
        assert picture[height // 2 :, :].min() > 40
    for path in (tmp_path / "out" / "frames").glob("*.jpg"):
        if "zoom" not in path.name:
            saved = image(path.read_bytes())
            assert saved[: saved.shape[0] // 6, : saved.shape[1] // 3].max() < 12


def image(data):
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)


def test_a_folder_of_pictures_has_no_frames_between_and_is_looked_at_with_crops(tmp_path):
    stills = tmp_path / "stills"
    stills.mkdir()
    for number in range(8):
        drawn = np.full((240, 320, 3), 100, np.uint8)
        if number in {4, 5}:
            cv2.rectangle(drawn, (60, 80), (100, 120), (240, 240, 240), -1)
        cv2.imwrite(str(stills / f"{number}.png"), drawn)
    with ModelServer.in_thread(blind) as server:
        timeline = scan(stills, server, tmp_path / "out")
        (request,) = again(server)
    _, look = the_look(timeline)
    assert look.frames == (3, 4, 5)
    assert sum(label.endswith("zoom") for label in request.labels) == 3
    hold_to_contract(tmp_path / "out")


def test_a_crop_of_a_second_look_leaves_the_first_ones_crop_of_that_frame_as_it_was_sent(tmp_path):
    stills = tmp_path / "stills"
    stills.mkdir()
    for number in range(8):
        drawn = np.full((240, 320, 3), 100, np.uint8)
        if number in {4, 5}:
            cv2.rectangle(drawn, (60, 80), (80, 100), (240, 240, 240), -1)
        cv2.imwrite(str(stills / f"{number}.png"), drawn)
    with ModelServer.in_thread(blind) as server:
        scan(stills, server, tmp_path / "out", "windows.zoom=0.05")
        (request,) = again(server)
        asked = [each for each in server.requests if each is not request]
    crops = {label: data for each in asked for label, data in zip(each.labels, each.pictures, strict=True) if "zoom" in label}
    looked = [data for label, data in zip(request.labels, request.pictures, strict=True) if label.endswith("zoom")]
    kept = {path.name: path.read_bytes() for path in (tmp_path / "out" / "frames").glob("*-zoom*.jpg")}
    assert crops
    assert looked
    assert sorted(data for name, data in kept.items() if "zoom1" in name) == sorted(crops.values())
    assert sorted(data for name, data in kept.items() if "zoom2" in name) == sorted(looked)
