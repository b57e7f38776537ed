"""The service over a real socket: jobs from submission to timeline, growth, cancelling, uploads, rules, keys."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import re
import threading

import aiohttp
from serving import API, serving
from shared import hold_to_contract
from stopwatch import Stopwatch

from videoscan.testing.model_server import ModelServer, ok, sees_everything

EVERY = (
    "windows.max_frames=2",
    "windows.overlap_frames=0",
    "dedup.kind=none",
    "describer.concurrency=1",
    "describer.probe=never",
)


class Gate:
    """A script for the model server that answers so many requests, and then holds the rest until it is opened."""

    def __init__(self, free: int) -> None:
        self.free, self.opened, self.asked = free, threading.Event(), 0

    def __call__(self, request):
        self.asked += 1
        if self.asked > self.free:
            self.opened.wait(30)
        return sees_everything(request)


def run(work):
    return asyncio.run(work)


def test_a_job_from_its_submission_to_its_timeline(tmp_path, roots):
    async def work():
        async with serving(tmp_path, roots=roots) as served:
            job = await served.submit("reel.mp4")
            assert job["state"] == "queued"
            assert job["source"] == f"{roots[0].name}/reel.mp4", "not where it lies on this machine"
            ended = await served.until(job["id"])
            assert ended["state"] == "done", ended
            assert ended["usage"]["requests"] == 0, "the built-in describer asks nobody"
            place = f"{API}/jobs/{job['id']}"
            timeline = await served.call("GET", f"{place}/timeline")
            assert str(roots[0]) not in json.dumps(timeline)
            hold_to_contract(served.service.settings.output(job["id"]))
            async with served.session.get(f"{served.base}{place}/timeline") as answer:
                tag = answer.headers["ETag"]
            await served.call("GET", f"{place}/timeline", 304, headers={"If-None-Match": tag})
            for suffix, begins in (
                ("srt", b"1\n"),
                ("vtt", b"WEBVTT"),
                ("csv", b"\xef\xbb\xbf"),
                ("md", b"# "),
                ("html", b"<!doctype"),
            ):
                body = await served.call("GET", f"{place}/timeline.{suffix}")
                assert body.startswith(begins), suffix
            frame = timeline["windows"][0]["frames"][0]
            assert (await served.call("GET", f"{place}/frames/{frame}.jpg")).startswith(b"\xff\xd8\xff")
            await served.call("GET", f"{place}/frames/999999.jpg", 404)
            whole = (roots[0] / "reel.mp4").read_bytes()
            assert await served.call("GET", f"{place}/video", 206, headers={"Range": "bytes=10-19"}) == whole[10:20]
            for beyond in (f"bytes={len(whole)}-", "bytes=words"):
                problem = await served.call("GET", f"{place}/video", 416, headers={"Range": beyond})
                assert problem["status"] == 416
            async with served.session.head(f"{served.base}{place}/video") as answer:
                assert (answer.status, answer.headers["Content-Length"]) == (200, str(len(whole)))
            async with served.session.head(f"{served.base}{place}/timeline") as answer:
                assert (answer.status, answer.headers["ETag"]) == (200, tag)

            told = await served.feed(job["id"])
            assert [each["data"]["state"] for each in told if each["event"] == "state"] == ["queued", "running", "done"]
            assert told[-1]["event"] == "end"
            kept = [each for each in told if each["id"]]
            for number, each in enumerate(kept):
                again = [one["id"] for one in await served.feed(job["id"], each["id"]) if one["id"]]
                assert again == [one["id"] for one in kept[number + 1 :]], "after a break: nothing lost, nothing repeated"

            assert b"videoscan_jobs" in await served.call("GET", "/metrics")
            by_name = [await served.call("GET", f"{API}/search?q=*&{name}=1") for name in ("to_time", "to-time")]
            assert by_name[0] == by_name[1]
            page = await served.call("GET", f"{API}/jobs?state=done&state=failed")
            assert [each["id"] for each in page["jobs"]] == [job["id"]]
            await served.call("DELETE", place, 204)
            await served.call("GET", place, 404)
            assert not served.service.settings.folder(job["id"]).exists()
            assert (roots[0] / "reel.mp4").exists()

    run(work())


def test_a_timeline_grows_and_a_cancelled_job_goes_on_where_it_was(tmp_path, roots):
    gate = Gate(2)

    async def work(server):
        async with serving(tmp_path, roots=roots, endpoint=server.url, model="test-model", sets=EVERY) as served:
            try:
                job = (await served.submit("reel.mp4"))["id"]
                with served.service.board.watching(job) as news:
                    while True:
                        found = await served.call("GET", f"{API}/jobs/{job}")
                        if (found["progress"] or {}).get("described", 0) == 2:
                            break
                        assert found["state"] in {"queued", "running"}, found
                        await asyncio.wait_for(news.wait(), 30)
                        news.clear()
                timeline = await served.call("GET", f"{API}/jobs/{job}/timeline")
                assert [each["status"] for each in timeline["windows"]] == ["described"] * 2
                assert timeline["events"]
                spans = timeline["coverage"]
                assert spans[0]["start"] == 0
                assert spans[-1]["end"] == timeline["source"]["duration"] >= 10
                assert all(one["end"] == two["start"] for one, two in itertools.pairwise(spans))
                assert (spans[-1]["state"], spans[-1]["reason"]) == ("skipped", "not looked at yet")
                assert found["eta"] is None or found["eta"] > 0

                with Stopwatch() as watched:
                    await served.call("POST", f"{API}/jobs/{job}/cancel", 202)
                    assert (await served.until(job, "cancelled"))["state"] == "cancelled"
                assert watched.seconds < 2
                await served.call("POST", f"{API}/jobs/{job}/cancel", 202)
            finally:
                gate.opened.set()
            await served.call("POST", f"{API}/jobs/{job}/retry", 202)
            ended = await served.until(job)
            assert ended["state"] == "done", ended
            assert ended["attempts"] == 2
            timeline = await served.call("GET", f"{API}/jobs/{job}/timeline")
            assert [each["status"] for each in timeline["windows"]] == ["described"] * 6
            assert len(server.requests) <= 7, "at most the one that was under way is asked again"

    with ModelServer.in_thread(gate) as server:
        run(work(server))


def test_a_service_that_ends_parks_what_it_runs_and_the_next_one_goes_on(tmp_path, roots):
    gate = Gate(3)

    async def work(server):
        settings = {"roots": roots, "endpoint": server.url, "model": "test-model", "sets": EVERY}
        async with serving(tmp_path, **settings) as served:
            job = (await served.submit("reel.mp4"))["id"]
            with served.service.board.watching(job) as news:
                while gate.asked < 4:
                    await asyncio.wait_for(news.wait(), 30)
                    news.clear()
        gate.opened.set()
        async with serving(tmp_path, **settings) as served:
            ended = await served.until(job)
            assert ended["state"] == "done", ended
            states = [each["data"]["state"] for each in await served.feed(job) if each["event"] == "state"]
            assert states == ["queued", "running", "queued", "running", "done"]
            assert len(server.requests) <= 7

    with ModelServer.in_thread(gate) as server:
        run(work(server))


def test_a_folder_is_a_job_with_children(tmp_path, roots):
    async def work():
        async with serving(tmp_path, roots=roots, at_once=2) as served:
            folder = await served.submit("pair")
            assert folder["kind"] == "folder"
            assert len(folder["children"]) == 2
            ended = await served.until(folder["id"])
            assert ended["state"] == "done"
            assert [each["id"] for each in (await served.call("GET", f"{API}/jobs"))["jobs"]] == [folder["id"]]
            children = (await served.call("GET", f"{API}/jobs?parent={folder['id']}"))["jobs"]
            assert sorted(each["name"] for each in children) == ["a", "b"]
            assert {each["job"] for each in await served.feed(folder["id"]) if each["id"]} == {folder["id"], *folder["children"]}
            await served.call("GET", f"{API}/jobs/{folder['id']}/timeline", 409)
            await served.call("DELETE", f"{API}/jobs/{folder['id']}", 204)
            assert (await served.call("GET", f"{API}/jobs/{children[0]['id']}", 404))["status"] == 404

    run(work())


def test_a_file_comes_along_in_a_multipart_body(tmp_path, roots):
    async def work():
        async with serving(tmp_path) as served:
            form = aiohttp.FormData()
            form.add_field("options", json.dumps({"question": "Who?"}), content_type="application/json")
            form.add_field("file", (roots[0] / "pair" / "a.mp4").read_bytes(), filename="../../é v:i*d.mp4")
            job = await served.call("POST", f"{API}/jobs", 202, data=form)
            assert (job["name"], job["question"]) == ("é v_i_d.mp4", "Who?")
            assert (await served.until(job["id"]))["state"] == "done"
            for wrong in ({}, {"file": b""}, {"movie": b"x"}):
                form = aiohttp.FormData(default_to_multipart=True)
                form.add_field("options", "{}")
                for name, data in wrong.items():
                    form.add_field(name, data, filename="x.mp4")
                problem = await served.call("POST", f"{API}/jobs", 422, data=form)
                assert problem["detail"]
            jobs = served.service.settings.data / "jobs"
            assert [each.name for each in jobs.iterdir()] == [job["id"]], "what was refused leaves nothing behind"
            await served.call("DELETE", f"{API}/jobs/{job['id']}", 204)
            assert list(jobs.iterdir()) == []

    run(work())


def test_an_upload_goes_on_after_a_break(tmp_path, roots):
    data = (roots[0] / "pair" / "a.mp4").read_bytes()
    tus = {"Tus-Resumable": "1.0.0"}

    async def work():
        async with serving(tmp_path) as served:
            async with served.session.post(
                f"{served.base}{API}/uploads",
                headers={
                    **tus,
                    "Upload-Length": str(len(data)),
                    "Upload-Metadata": f"filename {base64.b64encode(b'a.mp4').decode()}",
                },
            ) as answer:
                assert answer.status == 201
                place = answer.headers["Location"]
            piece = {**tus, "Content-Type": "application/offset+octet-stream"}
            upload = place.rsplit("/", 1)[-1]

            # A connection that breaks in the middle of a piece.
            _, writer = await asyncio.open_connection("127.0.0.1", int(served.base.rsplit(":", 1)[-1]))
            headers = "".join(
                f"{name}: {value}\r\n" for name, value in {**piece, "Upload-Offset": 0, "Content-Length": len(data)}.items()
            )
            writer.write(f"PATCH {place} HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}\r\n".encode() + data[:1000])
            await writer.drain()
            file = served.service.settings.uploads / upload / "data"
            async with asyncio.timeout(10):
                while file.stat().st_size < 1000:
                    await asyncio.to_thread(file.stat)
            writer.close()
            await writer.wait_closed()

            async def offset():
                async with served.session.head(served.base + place, headers=tus) as answer:
                    assert answer.status == 200
                    return int(answer.headers["Upload-Offset"])

            await served.submit(f"upload:{upload}", 409)
            async with asyncio.timeout(10):
                while True:
                    at = await offset()
                    async with served.session.patch(
                        served.base + place, headers={**piece, "Upload-Offset": str(at)}, data=data[at:]
                    ) as answer:
                        if answer.status == 204:
                            break
                        assert answer.status == 423, "the broken one may still be noticed"
            assert at == 1000
            assert await offset() == len(data)
            await served.call("PATCH", place, 409, headers={**piece, "Upload-Offset": "5"}, data=b"x")
            job = await served.submit(f"upload:{upload}")
            again = await served.submit(f"upload:{upload}")
            assert again["id"] == job["id"]
            assert (await served.until(job["id"]))["state"] == "done"
            await served.call("PATCH", place, 404, headers={**piece, "Upload-Offset": "0"}, data=b"x")
            await served.call("POST", f"{API}/uploads", 412)
            await served.call("POST", f"{API}/uploads", 422, headers={**tus, "Upload-Length": "-3"})

    run(work())


def test_what_a_person_corrects_is_shown_found_and_undone(tmp_path, roots):
    async def work():
        async with serving(tmp_path, roots=roots) as served:
            job = (await served.submit("reel.mp4"))["id"]
            await served.until(job)
            place = f"{API}/jobs/{job}"
            events = (await served.call("GET", f"{place}/timeline"))["events"]
            assert events
            told = events[0]
            one = f"{place}/events/{told['id']}"
            changed = {"action": "edit", "changes": {"title": "A zebra grazes", "tags": ["zebra"]}, "by": "Lin"}
            shown = (await served.call("PATCH", one, json=changed))["event"]
            assert (shown["title"], shown["review"]["state"], shown["review"]["by"]) == ("A zebra grazes", "edited", "Lin")
            own = {"changes": {"title": "The guard's round", "start": 2.0, "end": 4.0}}
            added = (await served.call("POST", f"{place}/events", 201, json=own))["event"]
            assert added["origin"] == "person"
            hold_to_contract(served.service.settings.output(job))

            found = await served.call("GET", f"{API}/search?q=zebra")
            assert [(hit["job"], hit["id"]) for hit in found["hits"]] == [(job, told["id"])]
            assert str(tmp_path) not in json.dumps(found)
            assert str(roots[0]) not in json.dumps(found)
            assert (await served.call("GET", found["hits"][0]["picture"])).startswith(b"\xff\xd8\xff")
            assert (await served.call("GET", f"{API}/search?q=guard&from=10"))["hits"] == []
            await served.call("GET", f"{API}/search?q=guard&from=soon", 422)
            for hostile in ('"', "a AND", "NEAR(", "title:x", "*", "'; DROP TABLE events"):
                await served.call("GET", f"{API}/search", params={"q": hostile})

            assert (await served.call("PATCH", one, json={"action": "undo"}))["event"]["title"] == told["title"]
            assert (await served.call("GET", f"{API}/search?q=zebra"))["hits"] == []
            assert (await served.call("PATCH", one, json={"action": "reject"}))["event"]["review"]["state"] == "rejected"
            await served.call("PATCH", f"{place}/events/{added['id']}", json={"action": "undo"})
            assert [event["id"] for event in (await served.call("GET", f"{place}/timeline"))["events"]] == [
                each["id"] for each in events
            ]
            await served.call("PATCH", f"{place}/events/nobody", 404, json={"action": "accept"})
            await served.call("PATCH", one, 422, json={"action": "edit"})
            await served.call("PATCH", one, 422, json={"action": "edit", "changes": {"start": 900, "end": 901}})
            await served.call("POST", f"{place}/events", 422, json={"changes": {"title": "No time"}})
            kinds = [each["event"] for each in await served.feed(job)]
            assert kinds.count("event") == 5
            await served.call("POST", f"{API}/ask", 409, json={"question": "Was there a zebra?"})
            await served.call("DELETE", place, 204)
            assert (await served.call("GET", f"{API}/search?q=guard"))["hits"] == []

    run(work())


def test_a_question_is_answered_with_citations_by_the_services_model(tmp_path, roots):
    asked = []

    def script(request):
        if request.labels:
            return sees_everything(request)
        asked.append(request.text)
        if len(asked) == 1:
            return ok(content=json.dumps({"words": ["event", "everything", "test"]}))
        label = re.search(r"^\[([^\]]+)\]", request.text, re.MULTILINE).group(1)
        return ok(content=json.dumps({"answer": f"It was seen [{label}].", "known": True}))

    async def work(server):
        async with serving(tmp_path, roots=roots, endpoint=server.url, model="test-model", sets=EVERY) as served:
            job = (await served.submit("reel.mp4"))["id"]
            await served.until(job)
            answer = await served.call("POST", f"{API}/ask", json={"question": "What was seen?"})
            assert answer["known"], answer
            ((_, cited),) = answer["citations"].items()
            assert cited["job"] == job
            assert answer["usage"]["requests"] == 2

    with ModelServer.in_thread(script) as server:
        run(work(server))
