"""Live sources that a service watches: added, listed, corrected, ended, gone on with after a restart; and what it keeps to itself."""

from __future__ import annotations

import json
import logging
import socket
import sqlite3

import pytest
from commanding import visits
from receiving import Receiver, verified
from serving import API, serving
from stopwatch import Stopwatch
from streaming import Web
from streams import STREAMS, WATCH, run, timeline_of, until

from videoscan.errors import ConfigError
from videoscan.jobs.cameras import checked
from videoscan.stores import migrations
from videoscan.web.schemas import NewStream


@pytest.fixture(scope="module")
def footage(tmp_path_factory):
    root = tmp_path_factory.mktemp("footage").resolve()
    visits(root / "gate.mp4", 240)
    return root


def closed_port():
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        return nobody.getsockname()[1]


def test_a_stream_is_a_job_whose_timeline_grows_and_that_can_be_corrected_and_ended(tmp_path, footage):
    async def work():
        async with serving(tmp_path, roots=(footage,)) as served:
            made = await served.call(
                "POST", STREAMS, 201, json={"name": "Gate", "url": f"{footage.name}/gate.mp4", "profile": WATCH}
            )
            job = made["id"]
            assert (made["kind"], made["name"], made["url"]) == ("stream", "Gate", f"{footage.name}/gate.mp4")
            told = await timeline_of(served, job)
            assert told["source"]["camera"] == "Gate"
            assert str(footage.parent) not in json.dumps(told)
            assert told["source"]["clock"] is not None
            one = await served.call("GET", f"{STREAMS}/{job}")
            assert (one["state"], one["live"]["state"]) == ("running", "playing")
            assert one["live"]["latency"]["p50"] > 0
            assert (await served.call("GET", one["picture"]))[:3] == b"\xff\xd8\xff"
            frame = told["events"][0]["evidence"][0]["frame"]
            assert (await served.call("GET", f"{API}/jobs/{job}/frames/{frame}.jpg"))[:3] == b"\xff\xd8\xff"
            listed = await served.call("GET", STREAMS)
            assert [each["id"] for each in listed["streams"]] == [job]
            assert (await served.call("GET", f"{API}/jobs/{job}"))["kind"] == "stream"

            event = told["events"][0]["id"]
            await served.call("PATCH", f"{API}/jobs/{job}/events/{event}", json={"action": "accept", "by": "Ann"})

            async def kept():
                return next(each for each in (await timeline_of(served, job))["events"] if each["id"] == event)

            await until(kept, lambda each: each["review"] is not None)
            later = (await timeline_of(served, job))["source"]["duration"] + 2
            await until(lambda: timeline_of(served, job), lambda now: now["source"]["duration"] > later)
            assert (await kept())["review"]["by"] == "Ann", "a correction stays while the day grows"

            with Stopwatch() as watched:
                await served.call("DELETE", f"{STREAMS}/{job}", 204)
            assert watched.seconds < 2.0
            assert (await served.call("GET", STREAMS))["streams"] == []
            await served.call("GET", f"{STREAMS}/{job}", 404)
            ended = await served.call("GET", f"{API}/jobs/{job}")
            assert (ended["state"], ended["kind"]) == ("cancelled", "stream")
            assert (await timeline_of(served, job))["events"], "what was seen stays"
            kinds = {each["event"] for each in await served.feed(job)}
            assert {"state", "stream", "found", "window", "event"} <= kinds
            await served.call("DELETE", f"{API}/jobs/{job}", 204)
            assert not served.service.settings.folder(job).exists()

    run(work)


def test_alerts_of_a_stream_go_to_its_feed_and_to_the_webhooks_and_by_no_restart_again(tmp_path, footage):
    profile = {**WATCH, "alerts": [{"name": "any", "repeat_after": 86_400}]}

    async def work():
        receiver = Receiver()
        async with receiver.up():
            async with serving(tmp_path, roots=(footage,), private_addresses=True) as served:
                hook = await served.call(
                    "POST", f"{API}/webhooks", 201, json={"url": receiver.url, "kinds": ["alert.started", "alert.completed"]}
                )
                job = (
                    await served.call(
                        "POST", STREAMS, 201, json={"name": "Gate", "url": f"{footage.name}/gate.mp4", "profile": profile}
                    )
                )["id"]
                first, message = verified(hook["secret"], *await receiver.next())
                assert message["type"] in {"alert.started", "alert.completed"}
                assert (message["data"]["rule"], message["data"]["camera"]) == ("any", "Gate")
                assert message["data"]["picture"]["base64"]
                assert str(footage) not in json.dumps(message)
                assert str(tmp_path) not in json.dumps(message)
                told = await until(lambda: timeline_of(served, job), lambda told: any(each["alerts"] for each in told["events"]))
                day = told["source"]["clock"]
            async with serving(tmp_path, roots=(footage,), private_addresses=True) as served:
                again = await until(
                    lambda: served.call("GET", f"{STREAMS}/{job}"),
                    lambda one: one["live"]["state"] == "playing" and one["live"]["described"],
                )
                assert again["state"] == "running"
                now = await timeline_of(served, job)
                assert now["source"]["clock"] == day, "it goes on with its day"
                assert any("not running" in (span["reason"] or "") for span in now["coverage"])
                with Stopwatch() as watched:
                    await served.call("POST", f"{API}/jobs/{job}/cancel", 202)
                    await served.until(job)
                assert watched.seconds < 2.0
                ended = await served.call("GET", f"{STREAMS}/{job}")
                assert ended["live"]["state"] == "ended"
                assert (await served.call("GET", ended["picture"]))[:3] == b"\xff\xd8\xff", "its last picture stays"
                alerts = [each["data"] for each in await served.feed(job) if each["event"] == "alert"]
        ids = [first] + [verified(hook["secret"], *receiver.came.get_nowait())[0] for _ in range(receiver.came.qsize())]
        assert len(set(ids)) == len(ids)
        assert len({each["alert"] for each in alerts}) == 1, "the rule is silent for a day, over a restart too"

    run(work)


def test_a_dead_camera_is_tried_again_and_costs_the_others_nothing(tmp_path, footage, caplog):
    caplog.set_level(logging.DEBUG)
    url = f"rtsp://admin:hunter2@127.0.0.1:{closed_port()}/stream1?password=hunter3"

    async def work():
        async with serving(tmp_path, roots=(footage,), private_addresses=True) as served:
            dead = await served.call("POST", STREAMS, 201, json={"name": "Away", "url": url, "profile": WATCH})
            given = await served.call(
                "POST", STREAMS, 201,
                json={"name": "Two", "url": url.replace("admin:hunter2@", ""), "credentials": {"username": "u", "password": "hunter4"}},
            )  # fmt: skip
            alive = (
                await served.call(
                    "POST", STREAMS, 201, json={"name": "Gate", "url": f"{footage.name}/gate.mp4", "profile": WATCH}
                )
            )["id"]
            stands = await until(
                lambda: served.call("GET", f"{STREAMS}/{dead['id']}"),
                lambda one: one["live"]["state"] in {"connecting", "waiting"} and one["live"]["reason"],
            )
            assert stands["state"] == "running"
            assert (await timeline_of(served, alive))["events"]
            await served.call("GET", f"{STREAMS}/{dead['id']}/picture.jpg", 404)
            said = [dead, given, stands, await served.call("GET", STREAMS), await served.call("GET", f"{API}/jobs")]
            await served.call("DELETE", f"{STREAMS}/{dead['id']}", 204)
            said.append(await served.feed(dead["id"]))
            assert await served.service.store.streams.watched(dead["id"]) is None
            assert not any(secret in json.dumps(said) for secret in ("hunter2", "hunter3", "hunter4", "admin:"))
            assert stands["url"].startswith("rtsp://127.0.0.1:")
        assert (tmp_path / "service.db").stat().st_mode & 0o077 == 0

    run(work)
    assert not any(secret in caplog.text for secret in ("hunter2", "hunter3", "hunter4"))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"url": "rtsp://127.0.0.1/a"}, "private"),
        ({"url": "rtsp://localhost/a"}, "neighbourhood"),
        ({"url": "rtsp://0x7f.1/a"}, "private"),
        ({"url": "rtsp://192.168.1.20:554/stream1"}, "private"),
        ({"url": "http://8.8.8.8/a.m3u8"}, "--camera-host"),
        ({"url": "file:///etc/passwd"}, "file is not watched here"),
        ({"url": "udp://@:5000"}, "udp is not watched here"),
        ({"url": "concat:/etc/passwd|/etc/hosts"}, "not below a folder"),
        ({"url": "/etc/passwd"}, "not below a folder"),
        ({"url": "/dev/video0"}, "not below a folder"),
        ({"url": "rtsp://8.8.8.8:0/a"}, "port 0"),
        ({"url": "rtsp:///a"}, "no host"),
        ({"url": "rtsp://8.8.8.8/a", "credentials": "nocolon"}, "user:password"),
        ({"url": "rtsp://8.8.8.8/a", "profile": {"alerts": [{"name": "a", "to": "https://a.example/x"}]}}, "alerts[].to"),
        ({"url": "rtsp://8.8.8.8/a", "profile": {"alerts": [{"nme": "a"}]}}, "alerts[0].nme"),
        ({"url": "rtsp://8.8.8.8/a", "profile": {"describer": {"endpoint": "http://a"}}}, "describer.endpoint"),
        ({"url": "rtsp://8.8.8.8/a", "profile": "../x"}, "name of a profile"),
        ({"url": "rtsp://8.8.8.8/a", "secret": "x"}, "secret"),
    ],
)
def test_what_may_not_be_watched_is_refused_at_once(tmp_path, footage, body, words):
    async def work():
        async with serving(tmp_path, roots=(footage,)) as served:
            async with served.session.post(served.base + STREAMS, json={"name": "x", **body}) as answer:
                told = await answer.text()
            assert 400 <= answer.status < 500
            assert words in told, told
            assert (await served.call("GET", STREAMS))["streams"] == []

    run(work)


def test_a_picture_is_there_before_anything_was_found(tmp_path, footage):
    slow = {"watch": {"quiet": 60.0, "latency": 60.0}, "windows": {"max_frames": 100}}

    async def work():
        async with serving(tmp_path, roots=(footage,)) as served:
            await served.call("POST", STREAMS, 201, json={"name": "Gate", "url": f"{footage.name}/gate.mp4", "profile": slow})
            listed = await until(lambda: served.call("GET", STREAMS), lambda listed: listed["streams"][0]["picture"])
            (one,) = listed["streams"]
            assert one["live"]["windows"] == 0
            assert (await served.call("GET", one["picture"]))[:3] == b"\xff\xd8\xff"

    run(work)


def test_there_is_an_end_to_how_many_are_watched(tmp_path, footage):
    async def work():
        async with serving(tmp_path, roots=(footage,), most_streams=0) as served:
            await served.call("POST", STREAMS, 409, json={"name": "x", "url": f"{footage.name}/gate.mp4"})

    run(work)


def test_a_login_may_be_said_in_both_ways():
    assert NewStream(name="a", url="b", credentials={"user": "u", "password": "p"}).credentials.username == "u"
    assert NewStream(name="a", url="b", credentials={"username": "u", "password": "p"}).credentials.password == "p"


def test_a_database_from_before_streams_keeps_all_that_it_holds(tmp_path, monkeypatch):
    database = sqlite3.connect(tmp_path / "service.db", isolation_level=None)
    database.row_factory = sqlite3.Row
    database.execute("PRAGMA foreign_keys = ON")
    with monkeypatch.context() as patch:
        patch.setattr(migrations, "STEPS", migrations.STEPS[:2])
        migrations.migrate(database, "service.db")
    job = "0" * 24
    database.execute(
        "INSERT INTO jobs (id, number, kind, state, name, source, profile, created) VALUES (?,1,'scan','done','n','s','\"default\"','t')",
        (job,),
    )
    database.execute("INSERT INTO feed (job, at, kind, data) VALUES (?,'t','state','{}')", (job,))
    database.close()

    async def work():
        async with serving(tmp_path) as served:
            assert (await served.call("GET", f"{API}/jobs/{job}"))["state"] == "done"
            assert len(await served.feed(job)) >= 1
            await served.call("DELETE", f"{API}/jobs/{job}", 204)
            assert await served.service.store.feed(job, 0) == [], "what refers to a job goes with it, as before"

    run(work)


def test_cameras_of_named_hosts_and_networks_are_watched_and_nothing_else_of_the_neighbourhood(tmp_path, footage):
    async def work():
        with Web(login="viewer:hunter2") as web:
            login = {"username": "viewer", "password": "hunter2"}
            async with serving(tmp_path, cameras=("127.0.0.1", "10.0.0.0/24", "*.cameras.lan")) as served:
                made = [
                    (
                        await served.call(
                            "POST", STREAMS, 201, json={"name": path, "url": web.address + path, "credentials": login}
                        )
                    )["id"]
                    for path in ("/mjpeg", "/moved", "/live.m3u8")
                ]
                plays, moved, listed = made
                await until(lambda: served.call("GET", f"{STREAMS}/{plays}"), lambda one: one["live"]["state"] == "playing")
                for away in (moved, listed):
                    await until(lambda away=away: served.call("GET", f"{STREAMS}/{away}"), lambda one: one["live"]["reason"])
                assert web.connections == 1, "a redirect is not followed"
                for url in (
                    "rtsp://127.0.0.2/a",
                    "http://10.0.1.1/a",
                    "rtsp://192.168.1.20/a",
                    "http://8.8.8.8/a",
                    "rtsp://localhost/a",
                ):
                    await served.call("POST", STREAMS, 403, json={"name": "x", "url": url})
                await served.call("POST", STREAMS, 201, json={"name": "x", "url": "rtsp://10.0.0.9/a"})
                await served.call("POST", STREAMS, 201, json={"name": "x", "url": "rtsp://gate.Cameras.lan/a"})
                # What is named for cameras is open to cameras alone.
                await served.submit(f"{web.address}/video.mp4", 403)

    run(work)


@pytest.mark.parametrize("named", ["", "*", "*.*", "rtsp://10.0.0.7", "10.0.0.7:554", "a/b", "0.0.0.0/0", "::/0"])
def test_what_is_named_for_cameras_is_a_host_or_a_network(named):
    with pytest.raises(ConfigError, match="camera-host"):
        checked([named])
