"""The service over a real socket: jobs from submission to timeline, growth, cancelling, uploads, rules, keys."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import re
import socket
import threading
import time

import aiohttp
import pytest
from commanding import film
from serving import API, serving
from shared import hold_to_contract

from videoscan.errors import ConfigError, StoreError
from videoscan.jobs.records import Job, new_id, now
from videoscan.stores.migrations import STEPS
from videoscan.stores.sqlite import SqliteStore
from videoscan.testing.model_server import ModelServer, ok, sees_everything
from videoscan.web import security

EVERY = (
    "windows.max_frames=2",
    "windows.overlap_frames=0",
    "dedup.kind=none",
    "describer.concurrency=1",
    "describer.probe=never",
)


@pytest.fixture(scope="module")
def roots(tmp_path_factory):
    """A folder with a reel of twelve samples, six windows, and a folder of two."""
    root = tmp_path_factory.mktemp("footage")
    film(root / "reel.mp4", 11)
    (root / "pair").mkdir()
    film(root / "pair" / "a.mp4", 2)
    film(root / "pair" / "b.mp4", 2)
    return (root.resolve(),)


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
                assert body.startswith(begins) or not timeline["events"], suffix
            frame = timeline["windows"][0]["frames"][0]
            assert (await served.call("GET", f"{place}/frames/{frame}.jpg")).startswith(b"\xff\xd8\xff")
            await served.call("GET", f"{place}/frames/999999.jpg", 404)
            whole = (roots[0] / "reel.mp4").read_bytes()
            assert await served.call("GET", f"{place}/video", 206, headers={"Range": "bytes=10-19"}) == whole[10:20]

            told = await served.feed(job["id"])
            assert [each["data"]["state"] for each in told if each["event"] == "state"] == ["queued", "running", "done"]
            assert told[-1]["event"] == "end"
            kept = [each for each in told if each["id"]]
            for number, each in enumerate(kept):
                again = [one["id"] for one in await served.feed(job["id"], each["id"]) if one["id"]]
                assert again == [one["id"] for one in kept[number + 1 :]], "after a break: nothing lost, nothing repeated"

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

                began = time.monotonic()
                await served.call("POST", f"{API}/jobs/{job}/cancel", 202)
                assert (await served.until(job, "cancelled"))["state"] == "cancelled"
                assert time.monotonic() - began < 2
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


REFUSED_SOURCES = [
    ("/etc/passwd", 403),
    ("../../../../etc/passwd", 403),
    ("reel.mp4/../../secret.mp4", 403),
    ("link-out.mp4", 403),
    ("nothing.mp4", 403),
    ("reel\0.mp4", 403),
    ("rtsp://camera.example/live", 403),
    ("file:///etc/passwd", 403),
    ("concat:reel.mp4|reel.mp4", 403),
    ("http://127.0.0.1:9/x.mp4", 403),
    ("http://localhost/x.mp4", 403),
    ("http://127.1/x.mp4", 403),
    ("http://2130706433/x.mp4", 403),
    ("http://0x7f.0.0.1/x.mp4", 403),
    ("http://[::1]/x.mp4", 403),
    ("http://[::ffff:10.0.0.1]/x.mp4", 403),
    ("http://169.254.169.254/latest/meta-data", 403),
    ("http://10.1.2.3/x.mp4", 403),
    ("http://[64:ff9b::7f00:1]/x.mp4", 403),
    ("http://0.0.0.0/x.mp4", 403),
    ("http://user:password@93.184.215.14/x.mp4", 403),
    ("upload:../../x", 422),
    (f"upload:{'0' * 24}", 404),
    ("", 422),
]

REFUSED_PROFILES = [
    ({"describer": {"endpoint": "http://attacker.example/v1"}}, 403),
    ({"describer": {"api_key_env": "HOME"}}, 403),
    ({"describer": {"kind": "local", "model_file": "/etc/passwd"}}, 403),
    ({"prompt": {"template": "/etc/passwd"}}, 403),
    ({"source": {"isolation": "thread"}}, 403),
    ({"extends": "/etc/passwd"}, 403),
    ("../../etc/passwd", 403),
    ({"cameras": []}, 403),
    ({"sampler": {"every": -1}}, 422),
    ({"sampler": []}, 422),
    ("no-such-profile", 422),
    (5, 422),
]


def test_what_breaks_a_rule_is_refused_and_leaves_no_job(tmp_path, roots):
    link = roots[0] / "link-out.mp4"
    outside = tmp_path / "secret.mp4"
    outside.write_bytes((roots[0] / "reel.mp4").read_bytes())
    link.symlink_to(outside)

    async def work():
        async with serving(tmp_path / "service", roots=roots) as served:
            for source, status in REFUSED_SOURCES:
                problem = await served.submit(source, status)
                assert problem["status"] == status
                assert problem["detail"]
                assert str(tmp_path) not in json.dumps(problem)
            for profile, status in REFUSED_PROFILES:
                assert (await served.submit("reel.mp4", status, profile=profile))["status"] == status
            assert (await served.call("GET", f"{API}/jobs"))["jobs"] == []

    try:
        run(work())
    finally:
        link.unlink()


def test_the_same_request_with_the_same_key_is_the_same_job(tmp_path, roots):
    async def work():
        async with serving(tmp_path, roots=roots, most_waiting=3) as served:
            key = {"Idempotency-Key": "once"}
            both = await asyncio.gather(*(served.submit("reel.mp4", headers=key) for _ in range(4)))
            assert len({job["id"] for job in both}) == 1
            assert "another request" in (await served.submit("reel.mp4", 409, headers=key, question="Else?"))["detail"]
            async with asyncio.timeout(30):
                refused = None
                while refused is None:
                    async with served.session.post(f"{served.base}{API}/jobs", json={"source": "reel.mp4"}) as answer:
                        assert answer.status in {202, 503}
                        if answer.status == 503:
                            refused = answer.headers["Retry-After"]
            assert int(refused) > 0

    run(work())


def test_a_file_that_cannot_be_scanned_is_a_failed_job_that_says_why(tmp_path, roots):
    broken = roots[0] / "broken.mp4"
    broken.write_bytes(b"this is no video" * 100)

    async def work():
        async with serving(tmp_path, roots=roots) as served:
            problem = await served.submit("broken.mp4", 202)
            ended = await served.until(problem["id"])
            assert ended["state"] == "failed"
            assert ended["error"]["kind"] == "SourceUnsupported"
            assert str(roots[0]) not in json.dumps(ended)
            await served.call("GET", f"{API}/jobs/{ended['id']}/timeline", 404)

    try:
        run(work())
    finally:
        broken.unlink()


def test_a_source_is_fetched_from_an_address_by_the_rules(tmp_path, roots):
    from aiohttp import web

    clip = roots[0] / "pair" / "a.mp4"

    async def film_server(request):
        if request.path == "/moved":
            raise web.HTTPFound("/a.mp4")
        if request.path == "/round":
            raise web.HTTPFound("/round")
        return web.FileResponse(clip) if request.path == "/a.mp4" else web.Response(status=404)

    async def work():
        app = web.Application()
        app.router.add_get("/{name}", film_server)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        base = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            async with serving(tmp_path, private_addresses=True, at_once=4) as served:
                states = {}
                for name in ("a.mp4", "moved", "round", "missing"):
                    job = await served.submit(f"{base}/{name}")
                    states[name] = await served.until(job["id"])
                assert [states[name]["state"] for name in ("a.mp4", "moved")] == ["done", "done"]
                assert "redirects" in states["round"]["error"]["message"]
                assert states["missing"]["error"]["kind"] == "SourceNotFound"
            async with serving(tmp_path, most_bytes=1000, private_addresses=True) as served:
                job = await served.submit(f"{base}/a.mp4")
                assert "larger than 1000 bytes" in (await served.until(job["id"]))["error"]["message"]
        finally:
            await runner.cleanup()

    run(work())


def test_a_name_that_leads_into_the_neighbourhood_is_refused_where_it_connects(tmp_path, monkeypatch):
    from videoscan.errors import SourceError
    from videoscan.jobs import fetching
    from videoscan.jobs.settings import Settings

    looked_up = []

    def rebinding(host, *_args, **_options):
        looked_up.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 9))]

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    with pytest.raises(SourceError, match="private address"):
        run(fetching.fetch("http://innocent.example/x.mp4", tmp_path, Settings(data=tmp_path), room=lambda _size: None))
    assert "innocent.example" in looked_up


def test_keys_scopes_logins_hosts_and_origins(tmp_path, roots):
    async def work():
        async with serving(tmp_path, roots=roots, open_to_all=False) as served:
            store = served.service.store
            texts = {scope: (await store.add_key(scope, [scope]))[1] for scope in ("read", "submit", "admin")}
            assert all(text not in (tmp_path / "service.db").read_bytes().decode("latin-1") for text in texts.values())

            def bearer(scope):
                return {"headers": {"Authorization": f"Bearer {texts[scope]}"}}

            for path in ("/jobs", "/metrics", "/keys", f"/jobs/{'0' * 24}/feed"):
                await served.call("GET", API + path, 401)
            await served.call("GET", f"{API}/jobs", 401, headers={"Authorization": "Bearer wrong"})
            await served.call("GET", "/healthz")
            await served.call("GET", f"{API}/openapi.json")
            await served.call("GET", f"{API}/jobs", **bearer("read"))
            await served.call("POST", f"{API}/jobs", 403, json={"source": "reel.mp4"}, **bearer("read"))
            await served.call("POST", f"{API}/jobs", 202, json={"source": "reel.mp4"}, **bearer("submit"))
            await served.call("GET", f"{API}/keys", 403, **bearer("submit"))
            keys = (await served.call("GET", f"{API}/keys", **bearer("admin")))["keys"]
            assert len(keys) == 3

            await served.call("POST", f"{API}/login", 401, json={"key": "wrong"})
            async with served.session.post(f"{served.base}{API}/login", json={"key": texts["submit"]}) as answer:
                cookie = answer.headers["Set-Cookie"]
                assert "HttpOnly" in cookie
                assert "SameSite=Strict" in cookie
                value = cookie.split(";")[0]
            assert (await served.call("GET", f"{API}/me", headers={"Cookie": value}))["name"] == "submit"
            await served.call("GET", f"{API}/jobs", headers={"Cookie": value})
            foreign = {"Cookie": value, "Origin": "https://attacker.example"}
            await served.call("POST", f"{API}/jobs", 403, json={"source": "reel.mp4"}, headers=foreign)
            cross = {"Cookie": value, "Sec-Fetch-Site": "cross-site"}
            await served.call("POST", f"{API}/jobs", 403, json={"source": "reel.mp4"}, headers=cross)
            await served.call("POST", f"{API}/logout", 204, headers={"Cookie": value})
            served.session.cookie_jar.clear()
            await served.call("GET", f"{API}/jobs", 401, headers={"Cookie": value})
            await served.call("GET", "/healthz", 421, headers={"Host": "attacker.example"})

            submits = next(key["id"] for key in keys if key["name"] == "submit")
            await served.call("DELETE", f"{API}/keys/{submits}", 204, **bearer("admin"))
            await served.call("GET", f"{API}/jobs", 401, **bearer("submit"))

    run(work())


def test_who_asks_too_often_is_told_when_to_come_back(tmp_path):
    async def work():
        async with serving(tmp_path, per_minute=30) as served:
            for _ in range(30):
                await served.call("GET", "/healthz")
            async with served.session.get(f"{served.base}/healthz") as answer:
                assert answer.status == 429
                assert 1 <= int(answer.headers["Retry-After"]) <= 60

    run(work())


def test_every_answer_has_the_headers_and_every_error_is_a_problem_document(tmp_path):
    async def work():
        async with serving(tmp_path) as served:
            for method, path, status in (
                ("GET", "/healthz", 200),
                ("GET", "/nothing", 404),
                ("PUT", f"{API}/jobs", 405),
                ("GET", f"{API}/jobs?limit=0", 422),
                ("GET", f"{API}/jobs?nonsense=1", 422),
                ("GET", f"{API}/jobs/{'0' * 24}", 404),
                ("POST", f"{API}/jobs", 415),
            ):
                async with served.session.request(method, served.base + path) as answer:
                    assert answer.status == status, path
                    assert answer.headers["X-Content-Type-Options"] == "nosniff"
                    assert "default-src" in answer.headers["Content-Security-Policy"]
                    assert answer.headers["Server"] == "videoscan"
                    if status >= 400:
                        assert answer.content_type == "application/problem+json"
                        assert (await answer.json(content_type=None))["status"] == status

    run(work())


def test_a_service_without_a_key_stays_on_this_machine(videoscan, tmp_path):
    code, _, err = videoscan("serve", "--host", "0.0.0.0", "--port", "0", "--data", tmp_path)
    assert code == 2
    assert "videoscan keys add" in err
    security.check_bind("0.0.0.0", keys=1)
    for host in ("127.0.0.1", "::1", "localhost", "127.0.0.9"):
        security.check_bind(host, keys=0)
    for host in ("0.0.0.0", "::", "192.168.1.5", "example.com"):
        with pytest.raises(ConfigError):
            security.check_bind(host, keys=0)


def test_keys_are_made_listed_and_removed_on_the_command_line(videoscan, tmp_path):
    code, out, _ = videoscan("keys", "add", "camera room", "--scope", "read", "--data", tmp_path, "--json")
    assert code == 0
    made = json.loads(out)
    assert made["key"].startswith("vs_")
    code, out, _ = videoscan("keys", "list", "--data", tmp_path)
    assert (code, made["id"] in out, made["key"] in out) == (0, True, False)
    assert videoscan("keys", "remove", made["id"], "--data", tmp_path)[0] == 0
    assert videoscan("keys", "remove", made["id"], "--data", tmp_path)[0] == 2


def test_a_database_of_a_later_version_is_left_alone(tmp_path):
    import sqlite3

    path = tmp_path / "service.db"
    with sqlite3.connect(path) as database:
        database.execute(f"PRAGMA user_version = {len(STEPS) + 1}")
    database.close()

    async def work():
        store = SqliteStore(path)
        try:
            with pytest.raises(StoreError, match="newer videoscan"):
                await store.open()
        finally:
            await store.close()

    run(work())


def test_a_job_that_ends_the_service_each_time_is_given_up(tmp_path):
    async def work():
        store = SqliteStore(tmp_path / "service.db")
        try:
            job = Job(id=new_id(), name="x", source="/x", created=now())
            await store.add([(job, False)])
            for attempt in range(1, 4):
                leased = await store.lease()
                assert leased.attempts == attempt
                await store.requeue(3)
            found = await store.job(job.id)
            assert found.state == "failed"
            assert "3 times" in found.error.message
        finally:
            await store.close()

    run(work())


def test_a_page_of_jobs_leads_to_the_next(tmp_path):
    async def work():
        store = SqliteStore(tmp_path / "service.db")
        try:
            first = Job(id=new_id(), name="x", source="/x", created=now(), state="done")
            await store.add([(first, False)])
            for number in range(24):
                await store.add([(first.model_copy(update={"id": new_id(), "name": f"clip {number}"}), False)])
            seen, before = [], None
            while True:
                page, before = await store.jobs(before=before, most=7)
                seen += [job.name for job in page]
                if before is None:
                    break
            assert seen == [*(f"clip {number}" for number in reversed(range(24))), "x"]
            found, _ = await store.jobs(text="CLIP 2", most=100)
            assert [job.name for job in found] == ["clip 23", "clip 22", "clip 21", "clip 20", "clip 2"]
        finally:
            await store.close()

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
