"""How a job's recording can be watched over the API: the file, a preview made of it, or the pictures that were kept."""

from __future__ import annotations

import asyncio
import io
import json
import os
import shutil

import av
import pytest
from serving import API, serving

from videoscan.jobs import previews
from videoscan.jobs.settings import Settings

BLACK = {"regions": {"exclude": [[[0.0, 0.0], [0.5, 0.0], [0.5, 1.0], [0.0, 1.0]]], "black_out": True}}


def run(work):
    return asyncio.run(work())


async def until_made(served, place):
    async with asyncio.timeout(60):
        with served.service.board.watching(place.rpartition("/")[2]) as news:
            while (seen := await served.call("GET", f"{place}/preview"))["preview"]["state"] in {"waiting", "making"}:
                await news.wait()
                news.clear()
    return seen


def pictures(body):
    with av.open(io.BytesIO(body)) as container:
        assert container.streams.video[0].codec_context.name == "h264"
        return [(frame.time, frame.to_ndarray(format="gray8")) for frame in container.decode(video=0)]


def test_a_preview_is_made_once_and_kept_and_goes_with_its_job(tmp_path, roots):
    async def work():
        async with serving(tmp_path, roots=roots) as served:
            job = (await served.submit("reel.mp4"))["id"]
            await served.until(job)
            place = f"{API}/jobs/{job}"
            assert await served.call("GET", f"{place}/preview") == {
                "video": "there",
                "type": "video/mp4",
                "timeline": True,
                "preview": {"state": "none", "progress": None, "bytes": None, "error": None},
            }
            await served.call("GET", f"{place}/preview.mp4", 404)
            first, second = await asyncio.gather(*(served.call("POST", f"{place}/preview", 202) for _ in range(2)))
            assert {first["preview"]["state"], second["preview"]["state"]} <= {"waiting", "making"}
            seen = await until_made(served, place)
            body = await served.call("GET", f"{place}/preview.mp4")
            assert seen["preview"] == {"state": "ready", "progress": None, "bytes": len(body), "error": None}
            assert await served.call("GET", f"{place}/preview.mp4", 206, headers={"Range": "bytes=4-7"}) == b"ftyp"
            timeline = await served.call("GET", f"{place}/timeline")
            shown = pictures(body)
            assert shown[0][0] == 0.0
            assert shown[-1][0] < timeline["source"]["duration"] <= shown[-1][0] + 1, "the same clock"
            frames = (await served.call("GET", f"{place}/frames"))["frames"]
            assert [each["frame"] for each in frames] == sorted({f for each in timeline["windows"] for f in each["frames"]})
            assert [each["time"] for each in frames] == sorted(each["time"] for each in frames)
            known = {each["frame"]: each["time"] for each in frames}
            for evidence in (each for event in timeline["events"] for each in event["evidence"]):
                assert known[evidence["frame"]] == pytest.approx(evidence["time"], abs=1e-3)
            small = await served.call("GET", f"{place}/frames/{frames[0]['frame']}.jpg?side=40")
            with av.open(io.BytesIO(small)) as container:
                assert max(container.streams.video[0].width, container.streams.video[0].height) == 40
            await served.call("GET", f"{place}/frames/{frames[0]['frame']}.jpg?side=4000", 422)
            folder = served.service.settings.folder(job)
            assert len(list(folder.glob("*preview*"))) == 1, "and nothing half made beside it"
            await served.call("DELETE", place, 204)
            assert not folder.exists()

    run(work)


def test_what_must_be_black_is_black_in_a_preview_and_the_file_itself_is_never_served(tmp_path, roots):
    async def work():
        async with serving(tmp_path, roots=roots) as served:
            before = (await served.submit("reel.mp4"))["id"]
            job = (await served.submit("reel.mp4", profile=BLACK))["id"]
            place = f"{API}/jobs/{job}"
            await served.call("GET", f"{API}/jobs/{before}/video", 206, headers={"Range": "bytes=0-9"})
            assert (await served.call("GET", place))["state"] == "queued"
            await served.call("GET", f"{place}/video", 403)
            await served.until(job, "running")
            await served.call("GET", f"{place}/video", 403)
            await served.until(job)
            await served.call("GET", f"{place}/video", 403)
            assert (await served.call("POST", f"{place}/preview", 202))["video"] == "blacked_out"
            await until_made(served, place)
            for _, picture in pictures(await served.call("GET", f"{place}/preview.mp4")):
                assert picture[:, : picture.shape[1] // 2 - 8].max() < 40
            kept = await served.call(
                "GET", f"{place}/frames/{(await served.call('GET', f'{place}/frames'))['frames'][0]['frame']}.jpg"
            )
            with av.open(io.BytesIO(kept)) as container:
                picture = next(container.decode(video=0)).to_ndarray(format="gray8")
            assert picture[:, : picture.shape[1] // 2 - 8].max() < 40

    run(work)


def test_where_no_preview_can_be_made_it_says_why_and_the_kept_pictures_are_left(tmp_path, roots, monkeypatch):
    async def work():
        footage = tmp_path / "footage"
        footage.mkdir()
        shutil.copy(roots[0] / "reel.mp4", footage)
        async with serving(tmp_path / "data", roots=(footage,), preview_bytes=4000) as served:
            job = (await served.submit("reel.mp4"))["id"]
            await served.until(job)
            place = f"{API}/jobs/{job}"
            await served.call("POST", f"{place}/preview", 202)
            seen = await until_made(served, place)
            assert seen["preview"]["state"] == "failed"
            assert "does not fit" in seen["preview"]["error"]
            assert str(tmp_path) not in json.dumps(seen)
            assert not list(served.service.settings.folder(job).glob("*preview*"))
            monkeypatch.setattr(previews, "_PATIENCE", 0.001)
            assert (await served.call("POST", f"{place}/preview", 202))["preview"]["state"] in {"waiting", "making"}
            assert "nothing moved" in (await until_made(served, place))["preview"]["error"], "a child that hangs is ended"
            (footage / "reel.mp4").unlink()
            assert (await served.call("GET", f"{place}/preview"))["video"] == "gone"
            await served.call("POST", f"{place}/preview", 409)
            assert (await served.call("GET", f"{place}/frames"))["frames"]

    run(work)


def test_the_preview_that_was_looked_at_longest_ago_makes_room(tmp_path):
    settings = Settings(data=tmp_path, preview_bytes=4000)
    made = [settings.folder(each * 24) / "preview-x.mp4" for each in "abc"]
    for at, path in enumerate(made):
        path.parent.mkdir(parents=True)
        path.write_bytes(bytes(1200))
        os.utime(path, (100 + at, 100))
    manager = previews.Previews(settings, lambda _: None)
    manager.touch(made[0])
    manager._make_room(settings.folder("d" * 24) / "preview-y.mp4")
    assert [path.is_file() for path in made] == [True, False, True]


def test_a_service_that_ends_leaves_no_preview_half_made(tmp_path, roots):
    """The child is killed with the service; the part that it wrote goes."""

    async def work():
        async with serving(tmp_path, roots=roots) as served:
            job = (await served.submit("reel.mp4"))["id"]
            await served.until(job)
            await served.call("POST", f"{API}/jobs/{job}/preview", 202)
            making = served.service.viewing.previews._making[job]
            folder = served.service.settings.folder(job)
        assert making.task.done()
        assert not list(folder.glob("*.part"))

    run(work)


def test_what_the_first_look_takes_is_done_when_a_service_starts_and_a_damaged_timeline_does_not_stop_it(tmp_path, roots):
    async def started():
        async with serving(tmp_path, roots=roots) as served:
            await served.service._tasks[-1]  # ends once it is done
            texts = served.service.documents._texts
            jobs = (await served.call("GET", f"{API}/jobs"))["jobs"]
            assert served.service.alive
            return {job: "packed" in text.__dict__ for job, text in texts.items()}, [each["id"] for each in jobs]

    async def work():
        async with serving(tmp_path, roots=roots) as served:
            job = (await served.submit("reel.mp4"))["id"]
            await served.until(job)
            written = served.service.settings.output(job) / "timeline.json"
        assert await started() == ({job: True}, [job])
        written.write_text("no timeline")
        assert await started() == ({}, [job])

    run(work)
