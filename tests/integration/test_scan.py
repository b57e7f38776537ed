"""The main path, whole: a real clip goes in, a timeline that the independent checker accepts comes out."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import shutil

import pytest
from shared import clip, hold_to_contract

import videoscan
from videoscan import observe, patience
from videoscan.document import Timeline
from videoscan.errors import ConfigError, EndpointRefused, ScanAborted, SourceNotFound, SourceUnsupported, StoreError
from videoscan.testing.model_server import ModelServer, event, fails, ok, says

CLIP = "surv/one-by-one-person.mp4"
SMALL = "cuts/bikes.mp4"
MODEL = {"model": "tiny", "sets": ("windows.max_frames=3",)}


def scan(source, **options):
    return asyncio.run(videoscan.scan(source, **options))


def without_times(timeline):
    """What must be equal between two runs: everything but when it was made, how long it took and what it cost."""
    whole = json.loads(timeline.to_json())
    for key in ("created", "timing", "usage"):
        whole.pop(key)
    for window in whole["windows"]:
        window.pop("usage")
    return whole


@pytest.mark.parametrize("sampler", ["interval", "keyframe"])
@pytest.mark.parametrize("backend", ["pyav", "opencv"])
def test_every_backend_and_sampler_gives_a_timeline_that_keeps_the_contract(tmp_path, backend, sampler):
    timeline = scan(clip(SMALL), out=tmp_path / "out", sets=(f"source.backend={backend}", f"sampler.kind={sampler}"))
    hold_to_contract(tmp_path / "out")
    assert timeline.source.duration == pytest.approx(10.0, abs=0.05)
    assert timeline.frames.kept >= 1
    assert timeline.complete


@pytest.mark.parametrize("dedup", ["tiles", "phash", "none"])
def test_every_dedup_gives_a_timeline_that_keeps_the_contract(tmp_path, dedup):
    timeline = scan(clip("surv/bottle-detection.mp4"), out=tmp_path / "out", sets=(f"dedup.kind={dedup}",))
    hold_to_contract(tmp_path / "out")
    assert (timeline.frames.kept == timeline.frames.sampled) == (dedup == "none")


@pytest.mark.parametrize("name", ["odd/corrupted.mp4", "odd/hls-segment.ts", "odd/vfr-rot180-phone.mp4", "odd/multires.mkv"])
def test_odd_files_keep_the_contract_too(tmp_path, name):
    scan(clip(name), out=tmp_path / "out")
    hold_to_contract(tmp_path / "out")


def test_the_output_folder_holds_what_was_promised(tmp_path):
    out = tmp_path / "with space 夜 🌙"
    timeline = scan(clip(SMALL), out=out, to=("srt", "csv", "vtt", "markdown"))
    names = {path.name for path in out.iterdir()}
    assert {"timeline.json", "report.html", "frames", "journal.jsonl", "timeline.srt", "timeline.csv", "timeline.vtt"} <= names
    assert Timeline.from_json((out / "timeline.json").read_bytes()) == timeline
    pictures = {path.name for path in (out / "frames").iterdir()}
    assert pictures == {f"{frame:08d}.jpg" for window in timeline.windows for frame in window.frames}
    assert not [path for path in out.rglob("*") if path.name.startswith(".")]


def test_without_out_nothing_is_written_and_no_picture_is_promised(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    timeline = videoscan.scan_sync(clip(SMALL))
    assert list(tmp_path.iterdir()) == []
    assert all(evidence.picture is None for event in timeline.events for evidence in event.evidence)


def test_a_child_process_gives_the_same_timeline_as_a_thread(tmp_path):
    thread = scan(clip(SMALL))
    process = scan(clip(SMALL), out=tmp_path / "out", sets=("source.isolation=process",))
    hold_to_contract(tmp_path / "out")
    assert [e.start for e in process.events] == [e.start for e in thread.events]
    assert process.coverage == thread.coverage


def test_start_and_end_limit_what_is_looked_at_and_the_rest_says_so(tmp_path):
    timeline = scan(clip(CLIP), out=tmp_path / "out", start=50.0, end=72.0)
    hold_to_contract(tmp_path / "out")
    assert timeline.source.duration == pytest.approx(139.4, abs=0.2)
    first, *_, last = timeline.coverage
    assert (first.start, first.end, first.state) == (0, 50, "skipped")
    assert (last.start, last.end, last.state) == (72, timeline.source.duration, "skipped")
    assert all(50 <= e.start < 72 for e in timeline.events)
    assert timeline.events


def test_limits_that_make_no_sense_are_refused():
    with pytest.raises(ConfigError, match="not after"):
        scan(clip(SMALL), start=5.0, end=5.0)
    with pytest.raises(ConfigError, match="past the end"):
        scan(clip(SMALL), start=500.0)


def test_the_observer_is_told_in_order_what_happens():
    facts = []
    scan(clip(SMALL), observer=facts.append)
    kinds = [type(fact) for fact in facts if not isinstance(fact, observe.Sampled)]
    assert kinds[0] is observe.Opened
    assert kinds[-1] is observe.Finished
    assert kinds.count(observe.WindowReady) == kinds.count(observe.WindowDone) > 1
    assert kinds.index(observe.Decoded) < kinds.index(observe.Finished)
    assert observe.Sending not in kinds, "nothing leaves this machine without an endpoint"


def test_a_model_describes_and_its_words_reach_the_timeline(tmp_path):
    async def main():
        facts = []
        async with ModelServer([ok([event("A rider passes", 1, 2, tags=["bike"], confidence=0.7)])]) as server:
            timeline = await videoscan.scan(
                clip(SMALL), endpoint=server.url, out=tmp_path / "out", question="Who wins?", observer=facts.append, **MODEL
            )
        return timeline, server.requests, facts

    timeline, requests, facts = asyncio.run(main())
    hold_to_contract(tmp_path / "out")
    (first,) = [e for e in timeline.events if e.title == "A rider passes"]
    assert (first.origin, first.tags, first.confidence, first.start) == ("model", ("bike",), 0.7, 0.0)
    assert all(request.text.rstrip().endswith("Who wins?") for request in requests)
    assert timeline.usage.requests == len(requests) == len(timeline.windows)
    assert timeline.usage.images == sum(len(request.pictures) for request in requests)
    sending = next(fact for fact in facts if isinstance(fact, observe.Sending))
    assert (sending.host, sending.model) == ("127.0.0.1", "tiny")
    assert sending.pictures >= timeline.frames.sampled, "the most that can be sent, said before anything is"


def test_a_question_that_nobody_will_answer_is_said_to_be_so():
    facts = []
    scan(clip(SMALL), question="Who wins?", observer=facts.append)
    assert any(isinstance(fact, observe.Note) and "question is not answered" in fact.text for fact in facts)


def test_answers_in_any_order_give_one_timeline_in_order(tmp_path):
    def slow_first(request):
        return dataclasses.replace(ok([event(f"Seen {request.labels[0]}", 1)]), delay=0.3 if request.index % 4 == 0 else 0.0)

    async def main():
        async with ModelServer(slow_first) as server:
            return await videoscan.scan(clip(SMALL), endpoint=server.url, out=tmp_path / "out", **MODEL)

    timeline = asyncio.run(main())
    hold_to_contract(tmp_path / "out")
    assert [window.index for window in timeline.windows] == list(range(len(timeline.windows)))
    starts = [e.start for e in timeline.events]
    assert starts == sorted(starts)


def test_a_window_whose_answers_cannot_be_read_fails_alone_and_keeps_its_words_out_of_the_text(tmp_path):
    def one_bad(request):
        bad = "00:00:03" in request.labels[-1] or "00:00:04" in request.labels[-1]
        return says("I cannot say anything in JSON today.") if bad else ok([event("Fine", 1)])

    async def main():
        async with ModelServer(one_bad) as server:
            return await videoscan.scan(clip(SMALL), endpoint=server.url, out=tmp_path / "out", **MODEL)

    timeline = asyncio.run(main())
    hold_to_contract(tmp_path / "out")
    failed = [window for window in timeline.windows if window.status == "failed"]
    assert failed
    assert len(failed) < len(timeline.windows)
    assert all(window.error.kind == "BadReply" and "JSON today" in window.error.raw for window in failed)
    assert not any("JSON today" in e.title + e.description for e in timeline.events)
    assert "failed" in {span.state for span in timeline.coverage}
    assert not timeline.complete


def test_a_wrong_key_ends_the_scan_at_once_and_leaves_nothing(tmp_path):
    async def main():
        async with ModelServer([fails(401, "bad key")] * 20) as server:
            with pytest.raises(EndpointRefused):
                await videoscan.scan(clip(SMALL), endpoint=server.url, out=tmp_path / "a" / "out", **MODEL)
            return len(server.requests)

    assert asyncio.run(main()) <= 4, "at most what was in flight"
    assert list(tmp_path.iterdir()) == []


def test_an_endpoint_that_dies_for_good_ends_the_scan_and_keeps_what_was_described(tmp_path):
    async def main():
        with patience.instantly():
            async with ModelServer([ok(), ok(), *[fails(500)] * 400]) as server:
                with pytest.raises(ScanAborted, match="in a row got no answer"):
                    await videoscan.scan(
                        clip(CLIP),
                        endpoint=server.url,
                        model="tiny",
                        out=tmp_path,
                        sets=("windows.max_frames=4", "describer.concurrency=1"),
                    )

    asyncio.run(main())
    assert (tmp_path / "journal.jsonl").read_text().count('"key"') == 2
    assert not (tmp_path / "timeline.json").exists()


def test_an_interrupted_scan_goes_on_where_it_was_and_gives_the_same_timeline(tmp_path):
    titles = lambda request: ok([event(f"Seen at {request.labels[0]}", 1, len(request.pictures))])  # noqa: E731 - a script, not a step of the test

    async def main():
        async with ModelServer(titles) as server:
            options = {"endpoint": server.url, "model": "tiny", "sets": ("windows.max_frames=3", "describer.concurrency=2")}
            whole = await videoscan.scan(clip(SMALL), out=tmp_path / "whole", **options)
            asked = len(server.requests)

            done = asyncio.Event()
            seen = []

            def watch(fact):
                if isinstance(fact, observe.WindowDone):
                    seen.append(fact)
                    if len(seen) == 2:
                        done.set()

            task = asyncio.create_task(videoscan.scan(clip(SMALL), out=tmp_path / "cut", observer=watch, **options))
            await done.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert not (tmp_path / "cut" / "timeline.json").exists()
            assert not list((tmp_path / "cut").rglob("*.part"))

            before = len(server.requests)
            facts = []
            again = await videoscan.scan(clip(SMALL), out=tmp_path / "cut", observer=facts.append, **options)
            resumed = sum(isinstance(fact, observe.WindowDone) and fact.resumed for fact in facts)
            return whole, again, asked, len(server.requests) - before, resumed, len(seen)

    whole, again, asked, repeated, resumed, done_before = asyncio.run(main())
    assert without_times(again) == without_times(whole)
    assert resumed >= 2
    assert repeated == asked - resumed
    assert again.usage.images == whole.usage.images, "what an earlier run paid for stays in the account"
    assert done_before >= 2
    hold_to_contract(tmp_path / "cut")


def test_a_finished_input_is_neither_decoded_nor_asked_again_unless_the_question_changes(tmp_path):
    async def main():
        async with ModelServer() as server:
            options = {"endpoint": server.url, "out": tmp_path, **MODEL}
            first = await videoscan.scan(clip(SMALL), **options)
            asked = len(server.requests)
            facts = []
            second = await videoscan.scan(clip(SMALL), observer=facts.append, to=("srt",), **options)
            assert second == first
            assert len(server.requests) == asked
            assert not any(isinstance(fact, observe.Opened) for fact in facts)
            await videoscan.scan(clip(SMALL), question="And now?", **options)
            assert len(server.requests) == 2 * asked
            await videoscan.scan(clip(SMALL), question="And now?", fresh=True, **options)
            return len(server.requests), asked

    requests, asked = asyncio.run(main())
    assert requests == 3 * asked
    assert (tmp_path / "timeline.srt").exists()


def test_a_file_that_grows_while_it_is_scanned_does_not_count_as_finished(tmp_path):
    path = tmp_path / "growing.mp4"
    shutil.copy(clip(SMALL), path)

    def grow(fact):
        if isinstance(fact, observe.Decoded):
            with path.open("ab") as file:
                file.write(bytes(1000))

    scan(path, out=tmp_path / "out", observer=grow)
    facts = []
    scan(path, out=tmp_path / "out", observer=facts.append)
    assert any(isinstance(fact, observe.Opened) for fact in facts), "it is read again, as it is now"


def test_a_failed_window_is_asked_again_by_the_same_command(tmp_path):
    async def main():
        async with ModelServer([fails(403, "sensitive", code="ModelArts.81011")]) as server:
            options = {"endpoint": server.url, "out": tmp_path, **MODEL}
            first = await videoscan.scan(clip(SMALL), **options)
            asked = len(server.requests)
            second = await videoscan.scan(clip(SMALL), **options)
            return first, second, len(server.requests) - asked

    first, second, more = asyncio.run(main())
    assert [window.status for window in first.windows].count("failed") == 1
    assert second.complete
    assert more == 1


def test_a_missing_file_a_text_file_and_an_empty_one_are_told_apart(tmp_path):
    with pytest.raises(SourceNotFound):
        scan(tmp_path / "no.mp4")
    text = tmp_path / "text.mp4"
    text.write_text("This is no video.\n" * 100)
    empty = tmp_path / "empty.mp4"
    empty.write_bytes(b"")
    for path in (text, empty):
        with pytest.raises(SourceUnsupported, match=path.name):
            scan(path, out=tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty.mp4", "text.mp4"], "a failed scan leaves no folder"


def test_an_out_that_cannot_be_written_is_said_before_anything_is_decoded(tmp_path):
    (tmp_path / "file").write_text("in the way")
    facts = []
    with pytest.raises(StoreError, match="cannot write"):
        scan(clip(SMALL), out=tmp_path / "file" / "out", observer=facts.append)
    assert not any(isinstance(fact, observe.Opened) for fact in facts)


def test_wall_time_and_camera_reach_the_timeline(tmp_path):
    path = tmp_path / "yard_20240115_223000.mp4"
    shutil.copy(clip(SMALL), path)
    sets = ("source.clock=pattern", "source.clock_pattern=%Y%m%d_%H%M%S", "source.clock_zone=Europe/Berlin", "source.camera=yard")
    timeline = scan(path, sets=sets)
    assert timeline.source.clock == "2024-01-15T22:30:00+01:00"
    assert timeline.source.camera == "yard"
    assert timeline.source.parts[0].clock == timeline.source.clock


@pytest.mark.parametrize("stop_after", [0.0, 0.05, 0.2, 0.5])
def test_cancelling_at_any_moment_leaves_no_half_written_file(tmp_path, stop_after):
    async def main():
        task = asyncio.create_task(videoscan.scan(clip(CLIP), out=tmp_path / "out"))
        await asyncio.sleep(stop_after)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return len(asyncio.all_tasks())

    assert asyncio.run(main()) == 1
    left = [path.name for path in tmp_path.rglob("*") if path.is_file() and path.suffix not in {".jpg", ".jsonl"}]
    assert left == []
