"""What is shown and what is left out, through the whole main path: crops, caps, choosing."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from shared import hold_to_contract

import videoscan
from videoscan.errors import ConfigError, StoreError
from videoscan.recordings import inputs
from videoscan.testing.model_server import ModelServer, event, ok, says

CARPARK = Path(__file__).parents[2] / "samples" / "carpark-night.mp4"


def scan_with_model(script, **options):
    async def main():
        async with ModelServer(script) as server:
            timeline = await videoscan.scan(CARPARK, endpoint=server.url, model="tiny", **options)
        assert server.problems == [], server.problems
        return timeline, server.requests

    return asyncio.run(main())


def test_a_small_change_is_shown_zoomed_and_told_to_the_model_as_such(tmp_path):
    def script(request):
        return ok([event("Somebody walks", 1, request.frames)])

    timeline, requests = scan_with_model(script, out=tmp_path / "out", sets=("windows.zoom=true", "describer.max_tokens=500"))
    hold_to_contract(tmp_path / "out")
    zooms = [label for request in requests for label in request.labels if label.endswith("zoom")]
    assert zooms, "the car park is full of far, small people"
    for request in requests:
        assert '"Frame 3 zoom" is no frame of its own' in request.text
        for before, label in zip(request.labels, request.labels[1:], strict=False):
            if label.endswith("zoom"):
                assert before.split(" · ")[0] == label.removesuffix(" zoom")
    assert timeline.usage.images == sum(len(request.pictures) for request in requests)
    shown = [frame for window in timeline.windows for frame in window.frames]
    assert all(len(set(window.frames)) == len(window.frames) for window in timeline.windows)
    for each in timeline.events:
        cited = [evidence.frame for evidence in each.evidence]
        assert len(set(cited)) == len(cited), "a crop is no evidence of its own"
        assert set(cited) <= set(shown)
        assert all(not evidence.picture.endswith("zoom1.jpg") for evidence in each.evidence)
    names = [path.name for path in (tmp_path / "out" / "frames").iterdir()]
    crops = [name for name in names if re.fullmatch(r"\d{8}-zoom1\.jpg", name)]
    assert crops
    assert {name.removesuffix("-zoom1.jpg") + ".jpg" for name in crops} <= set(names)
    crop = cv2.imread(str(tmp_path / "out" / "frames" / crops[0]))
    assert max(crop.shape[:2]) >= 512


def test_without_zoom_the_model_hears_nothing_of_crops():
    # A second look is another matter: it may cut out what changed.
    _, requests = scan_with_model([ok([])], sets=("second_look.share=0",))
    assert all("zoom" not in request.text for request in requests)
    assert all(not label.endswith("zoom") for request in requests for label in request.labels)


def test_a_cap_bounds_the_pictures_and_says_what_was_thinned(tmp_path):
    timeline = videoscan.scan_sync(CARPARK, out=tmp_path / "out", sets=("dedup.max_rate=0.1",))
    hold_to_contract(tmp_path / "out")
    duration = timeline.source.duration
    assert timeline.frames.kept <= duration * 0.1 + 4
    skipped = [span for span in timeline.coverage if span.state == "skipped"]
    assert skipped
    assert all("thinned" in (span.reason or "") or "rate" in (span.reason or "") for span in skipped)


def test_choosing_shows_fewer_pictures_over_the_same_time(tmp_path):
    sets = ("windows.max_frames=4", "windows.overlap_frames=0", "windows.max_seconds=30")
    every = videoscan.scan_sync(CARPARK, sets=sets)
    timeline = videoscan.scan_sync(CARPARK, out=tmp_path / "out", sets=(*sets, "windows.choose=true"))
    hold_to_contract(tmp_path / "out")
    assert len(timeline.windows) < len(every.windows)
    assert all(len(window.frames) <= 4 for window in timeline.windows)
    assert any(span.state == "skipped" for span in timeline.coverage)


def test_what_is_blacked_out_is_black_wherever_it_goes_and_the_model_is_told(tmp_path):
    left = [[0.0, 0.0], [0.5, 0.0], [0.5, 1.0], [0.0, 1.0]]
    profile = {"extends": "default", "regions": {"exclude": [left], "black_out": True}, "windows": {"zoom": True}}
    timeline, requests = scan_with_model([ok([])], out=tmp_path / "out", profile=profile)
    assert json.loads(timeline.to_json())["profile"]["regions"]["black_out"] is True
    assert all("covered with black on purpose" in request.text for request in requests)
    whole = [
        picture
        for request in requests
        for label, picture in zip(request.labels, request.pictures, strict=True)
        if not label.endswith("zoom")
    ]
    whole += [path.read_bytes() for path in (tmp_path / "out" / "frames").glob("????????.jpg")]
    assert len(whole) > 4
    for data in whole:
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
        width = picture.shape[1]
        assert picture[:, : width // 2 - 16].mean() < 3
        assert picture[:, width // 2 + 16 :].mean() > 10


def test_what_moves_where_nothing_counts_is_no_reason_to_show_a_frame():
    everywhere = videoscan.scan_sync(CARPARK)
    sky = {"extends": "default", "regions": {"include": [[[0.0, 0.0], [1.0, 0.0], [1.0, 0.02], [0.0, 0.02]]]}}
    timeline = videoscan.scan_sync(CARPARK, profile=sky)
    assert timeline.frames.sampled == everywhere.frames.sampled
    assert timeline.frames.kept < everywhere.frames.kept / 4
    assert timeline.events == ()


def test_what_was_sampled_is_not_decoded_again_when_only_the_answers_are_missing(tmp_path, monkeypatch):
    sets = ("windows.max_frames=6",)
    scan_with_model([says("no JSON")] * 100, out=tmp_path / "out", sets=(*sets, "describer.retries=0"))
    seen = lambda request: ok([event(f"Seen at {request.labels[0]}", 1, 1)])  # noqa: E731 - which request comes first is open
    whole, _ = scan_with_model(seen, sets=sets)

    def never(*_, **__):
        raise AssertionError("decoded again")

    monkeypatch.setattr("videoscan.sources.pyav.PyAvFootage.frames", never)
    again, _ = scan_with_model(seen, out=tmp_path / "out", sets=sets)
    hold_to_contract(tmp_path / "out")
    assert again.frames == whole.frames
    assert again.coverage == whole.coverage
    assert [each.start for each in again.events] == [each.start for each in whole.events]


def test_two_scans_into_one_folder_at_once_the_second_is_told(tmp_path):
    async def main():
        asked = asyncio.Event()

        def script(_):
            asked.set()
            return ok([], delay=3600.0)

        async with ModelServer(script) as server:
            first = asyncio.ensure_future(videoscan.scan(CARPARK, endpoint=server.url, model="tiny", out=tmp_path / "out"))
            await asked.wait()
            with pytest.raises(StoreError, match=r"another videoscan \(process .* is writing"):
                await videoscan.scan(CARPARK, out=tmp_path / "out")
            assert not first.done()
            first.cancel()
            with pytest.raises(asyncio.CancelledError):
                await first

    asyncio.run(main())


def test_an_output_folder_is_asked_another_question_though_the_footage_is_gone(tmp_path):
    gone = tmp_path / "night.mp4"
    gone.write_bytes(CARPARK.read_bytes())
    first = videoscan.scan_sync(gone, out=tmp_path / "out" / "night")
    gone.unlink()
    before = {path: path.read_bytes() for path in (tmp_path / "out" / "night").rglob("*") if path.is_file()}

    async def main(out):
        async with ModelServer([ok([event("A car parks", 1, 1)])]) as server:
            options = {"endpoint": server.url, "model": "tiny", "question": "Which cars park?", "out": out}
            timeline = await videoscan.scan(tmp_path / "out" / "night", **options)
            asked = len(server.requests)
            assert await videoscan.scan(tmp_path / "out" / "night", **options) == timeline
            assert len(server.requests) == asked, "asking the same again costs nothing"
        assert server.problems == [], server.problems
        return timeline, server.requests

    answer = tmp_path / "answer"
    timeline, requests = asyncio.run(main(answer))
    hold_to_contract(answer)
    assert all(request.text.rstrip().endswith("Which cars park?") for request in requests)
    assert timeline.source == first.source.model_copy(update={"kept_from": str(tmp_path / "out" / "night")})
    assert timeline.frames == first.frames
    assert {frame for window in timeline.windows for frame in window.frames} == {
        frame for window in first.windows for frame in window.frames
    }
    assert {path: path.read_bytes() for path in before} == before, "what was asked again is as it was"


def test_an_answer_lies_beside_what_was_asked_named_after_the_question(tmp_path):
    given = inputs.single(_scanned(tmp_path / "out" / "night"))
    assert inputs.beside(given, "Who left the gate open?") == tmp_path / "out" / "night-who-left-the-gate-open"
    assert inputs.beside(given, "谁开了门？") == tmp_path / "out" / "night-谁开了门"
    assert len(inputs.beside(given, "and " * 100).name) < 80
    assert inputs.beside(given, "../../etc/passwd") == tmp_path / "out" / "night-etc-passwd"


def test_asking_again_needs_a_model_and_takes_no_part_of_the_time(tmp_path):
    folder = _scanned(tmp_path / "night")
    with pytest.raises(ConfigError, match="needs a model"):
        videoscan.scan_sync(folder)
    with pytest.raises(ConfigError, match="--start and --end do not go with"):
        videoscan.scan_sync(folder, start=3.0, endpoint="http://127.0.0.1:9/v1", model="m")


def _scanned(folder):
    videoscan.scan_sync(CARPARK, out=folder, end=3.0)
    return folder


def test_boxes_are_asked_for_and_become_the_evidences_regions(tmp_path):
    box = [0.1, 0.2, 0.3, 0.4]

    def script(request):
        assert "boxes" in request.schema["properties"]["events"]["items"]["properties"]
        return ok([event("A car parks", 1, 2, boxes=[{"frame": 2, "box": box}])])

    profile = {"extends": "default", "prompt": {"boxes": True}}
    timeline, _ = scan_with_model(script, out=tmp_path / "out", profile=profile, end=20.0)
    hold_to_contract(tmp_path / "out")
    assert [list(evidence.region) for evidence in timeline.events[0].evidence if evidence.region][-1:] == [box]


def test_a_prompt_file_is_what_the_model_reads(tmp_path):
    words = tmp_path / "bees.toml"
    words.write_text('role = "You watch bees."\ninstructions = "Count the bees."\n', encoding="utf-8")
    _, requests = scan_with_model([ok([])], prompt_file=words, end=5.0)
    assert requests[0].system == "You watch bees."
    assert "Count the bees." in requests[0].text


@pytest.mark.parametrize("sets", [("dedup.max_rate=0.1",), ("windows.choose=true", "windows.max_frames=4")])
def test_what_was_thinned_stays_thinned_when_the_folder_is_asked_again(tmp_path, sets):
    first = videoscan.scan_sync(CARPARK, out=tmp_path / "night", sets=sets)
    timeline = _asked_again(tmp_path / "night", tmp_path / "answer")
    hold_to_contract(tmp_path / "answer")
    assert timeline.frames == first.frames
    assert timeline.coverage == first.coverage


def test_what_was_not_looked_at_is_not_looked_at_when_the_folder_is_asked_again(tmp_path):
    first = videoscan.scan_sync(CARPARK, out=tmp_path / "night", start=10.0, end=35.0)
    timeline = _asked_again(tmp_path / "night", tmp_path / "answer")
    hold_to_contract(tmp_path / "answer")
    assert timeline.coverage == first.coverage


def _asked_again(folder, out):
    async def main():
        async with ModelServer([ok([])]) as server:
            return await videoscan.scan(folder, endpoint=server.url, model="tiny", question="What?", out=out)

    return asyncio.run(main())
