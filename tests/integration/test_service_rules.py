"""What a service refuses: sources and profiles that break a rule, callers without a key, pages of other sites, and too much of it."""

from __future__ import annotations

import asyncio
import json
import socket

import pytest
from serving import API, serving

from videoscan.errors import ConfigError, StoreError
from videoscan.jobs.records import Job, new_id, now
from videoscan.stores.migrations import STEPS
from videoscan.stores.sqlite import SqliteStore
from videoscan.web import security


def run(work):
    return asyncio.run(work)


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
    ("http://①②⑦.0.0.1/x.mp4", 403),
    ("http://127。0。0。1/x.mp4", 403),
    ("http://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ/x.mp4", 403),
    ("http://[::ffff:7f00:1]:80/x.mp4", 403),
    ("http://[fe80::1%25eth0]/x.mp4", 403),
    ("http://example.org:0/x.mp4", 403),
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
    ({"budget": {"prices": {"currency": "USD", "prompt": 0, "completion": 0}}}, 403),
    ({"budget": {"per": "run"}}, 403),
    ({"source": {"clock": "pattern", "clock_pattern": "*a*a*a*%Y%m%d%H"}}, 403),
    ({"source": {"max_memory": 0}}, 403),
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
            # Whoever has it tried again gives it all its chances.
            await store.retry(job.id)
            for state in ("queued", "queued", "failed"):
                await store.lease()
                await store.requeue(3)
                assert (await store.job(job.id)).state == state
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
