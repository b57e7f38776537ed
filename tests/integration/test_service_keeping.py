"""What a service takes away by itself, and what it says when there is no room."""

from __future__ import annotations

import asyncio
import os
import time

import aiohttp
from serving import API, PIECE, TUS, begun, serving

from videoscan.jobs import retention
from videoscan.jobs.records import Job, new_id, now


def run(work):
    return asyncio.run(work)


def aged(folder, seconds):
    """Make a folder look as if nobody had touched it for so long."""
    for path in (*folder.rglob("*"), folder):
        os.utime(path, (time.time() - seconds,) * 2)


async def ended(served, name, size, day):
    """A job that is done since some day, with so many bytes of output."""
    job = Job(id=new_id(), name=name, source="/x", created=now())
    await served.service.store.add([(job, False)])
    await served.service.store.settle(job.id, "done")
    finished = f"2026-01-{day:02d}T00:00:00.000Z"
    await served.service.store._do(
        lambda database: database.execute("UPDATE jobs SET finished = ? WHERE id = ?", (finished, job.id)) and None
    )
    output = served.service.settings.output(job.id)
    output.mkdir(parents=True)
    (output / "timeline.json").write_bytes(b" " * size)
    return job.id


async def swept(served):
    service = served.service
    await retention.forget(service.store, service.settings, service.delete)


def test_uploads_that_nobody_goes_on_with_are_taken_away(tmp_path):
    async def work():
        async with serving(tmp_path, at_once=0, keep_upload=3600) as served:
            old, young = [(await begun(served, 10)).rsplit("/", 1)[-1] for _ in range(2)]
            uploads = served.service.settings.uploads
            aged(uploads / old, 7200)
            # The service was killed while a multipart body came in: a file, and no job.
            orphan, results, arriving = (served.service.settings.folder(new_id()) for _ in range(3))
            for folder, name in ((orphan, "source"), (results, "output"), (arriving, "source")):
                (folder / name).mkdir(parents=True)
                (folder / name / "x").write_bytes(b"x")
            for folder in (orphan, results):
                aged(folder, 7200)
            form = aiohttp.FormData()
            form.add_field("file", b"x", filename="x.mp4")
            waiting = served.service.settings.folder((await served.call("POST", f"{API}/jobs", 202, data=form))["id"])
            aged(waiting, 7200)
            await swept(served)
            assert [each.name for each in uploads.iterdir()] == [young]
            assert not orphan.exists()
            assert results.exists(), "results are never taken away for want of a line in the database"
            assert arriving.exists(), "it may be arriving just now"
            assert waiting.exists(), "its job waits"
            await served.call("HEAD", f"{API}/uploads/{old}", 404, headers=TUS)

    run(work())


def test_jobs_are_forgotten_by_age_and_by_size_the_oldest_first(tmp_path):
    async def work():
        async with serving(tmp_path, at_once=0, keep_bytes=2500) as served:
            ids = [await ended(served, f"{day}", 1000, day) for day in (3, 1, 4, 2)]
            queued = await ended(served, "again", 1000, 5)
            await served.service.store.retry(queued)
            await swept(served)
            left = {each["id"] for each in (await served.call("GET", f"{API}/jobs"))["jobs"]}
            assert left == {queued, ids[0], ids[2]}, "the two that ended last, and what waits"
            assert not served.service.settings.folder(ids[1]).exists()
        async with serving(tmp_path, at_once=0, keep_days=1) as served:
            recent = Job(id=new_id(), name="now", source="/x", created=now())
            await served.service.store.add([(recent, False)])
            await served.service.store.settle(recent.id, "done")
            await swept(served)
            left = {each["id"] for each in (await served.call("GET", f"{API}/jobs"))["jobs"]}
            assert left == {queued, recent.id}

    run(work())


def test_a_full_disk_and_a_full_queue_are_said_in_each_way_to_submit(tmp_path, roots):
    async def work():
        async with serving(tmp_path / "full", at_once=0, spare_bytes=1 << 62) as served:
            form = aiohttp.FormData()
            form.add_field("file", b"x" * 100, filename="x.mp4")
            for problem in (
                await served.call("POST", f"{API}/jobs", 507, data=form),
                await served.call("POST", f"{API}/uploads", 507, headers={**TUS, "Upload-Length": "100"}),
            ):
                assert "are free" in problem["detail"]
                assert problem["hint"]
            assert not list((tmp_path / "full" / "jobs").iterdir())
        async with serving(tmp_path / "fills", at_once=0) as served:
            place = await begun(served, 10)
            await served.call("PATCH", place, 204, headers={**PIECE, "Upload-Offset": "0"}, data=b"12345")
            object.__setattr__(served.service.settings, "spare_bytes", 1 << 62)
            await served.call("PATCH", place, 507, headers={**PIECE, "Upload-Offset": "5"}, data=b"67890")
            async with served.session.head(served.base + place, headers=TUS) as answer:
                assert answer.headers["Upload-Offset"] == "5", "what came before is kept"
        async with serving(tmp_path / "queue", roots=roots, at_once=0, most_waiting=1) as served:
            place = await begun(served, 1)
            await served.call("PATCH", place, 204, headers={**PIECE, "Upload-Offset": "0"}, data=b"x")
            await served.call("POST", f"{API}/uploads", 503, headers={**TUS, "Upload-Length": "1"})
            await served.submit("reel.mp4")
            upload = place.rsplit("/", 1)[-1]
            for source in ("reel.mp4", "pair", f"upload:{upload}"):
                assert "wait" in (await served.submit(source, 503))["detail"]
            form = aiohttp.FormData()
            form.add_field("file", b"x", filename="x.mp4")
            await served.call("POST", f"{API}/jobs", 503, data=form)
            async with served.session.head(served.base + place, headers=TUS) as answer:
                assert answer.status == 200, "the upload is there for the next attempt"
            assert not list((tmp_path / "queue" / "jobs").glob("*/source/*"))

    run(work())
