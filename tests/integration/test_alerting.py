"""Alerts of a watched camera against real receivers: told once, completed later, kept over kills and faults of whoever is told."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import dataclasses
import json
import os
import shutil
import socket
import subprocess
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from commanding import visits
from receiving import Receiver, verified

from videoscan.alerts import pictures
from videoscan.alerts.live import Alerting
from videoscan.alerts.sinks.mqtt import part_of_topic
from videoscan.cli import run
from videoscan.document import DescriberRecord, Event, Evidence, FrameCounts, SourceRecord, Timeline
from videoscan.errors import ConfigError
from videoscan.patience import Patience
from videoscan.recordings.inputs import Input
from videoscan.request import settle
from videoscan.spending.ledger import Accounts
from videoscan.testing.model_server import ModelServer, event, ok, says
from videoscan.watching.telling import Found

SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()
DAY, CLOCK = "2026-11-21", "2026-11-21T22:00:00+01:00"
SOON = Patience(tries=1000, first=0.0, longest=0.0)


@pytest.fixture(autouse=True)
def _secret(monkeypatch):
    monkeypatch.setenv("VIDEOSCAN_WEBHOOK_SECRET", SECRET)


@pytest.fixture
def patient(monkeypatch):
    monkeypatch.setattr("videoscan.alerts.live.PATIENCE", SOON)


class Camera:
    """What alerting needs of a watch, and what it tells of."""

    def __init__(self, out, rules, *, name="Gate", model=None):
        self.name, self.folder = name, out / name
        self.day = self.folder / DAY
        (self.day / "frames").mkdir(parents=True, exist_ok=True)
        given = Input("rtsp://10.0.0.7/stream1", "live", name, (), "rtsp://10.0.0.7/stream1", camera=name)
        flags = {} if model is None else {"describer.endpoint": model, "describer.model": "test-model"}
        self.request = settle(given, profile={"alerts": rules}, flags=flags)
        self.late = []

    def alerted(self, date, event, rules):
        self.late.append((date, event, rules))

    def event(self, start=10.0, end=12.0, *, title="A man at the gate", tags=("person",), **more):
        frame = round(start * 10)
        path = f"frames/{frame:08d}.jpg"
        noise = np.random.default_rng(frame).integers(0, 255, (360, 640, 3), np.uint8)
        (self.day / path).write_bytes(cv2.imencode(".jpg", noise)[1].tobytes())
        evidence = (Evidence(frame=frame, time=start, picture=path, region=(0.1, 0.1, 0.3, 0.5)),)
        return Event(
            id=f"e{frame:08d}",
            origin="model",
            start=start,
            end=end,
            start_after=start,
            end_before=end,
            title=title,
            tags=tags,
            evidence=evidence,
            windows=(0,),
            **more,
        )

    def found(self, event, *, complete):
        source = SourceRecord(uri="rtsp://10.0.0.7/stream1", camera=self.name, duration=60.0, width=640, height=360, clock=CLOCK)
        timeline = Timeline(
            source=source,
            created=CLOCK,
            videoscan="1",
            profile={},
            describer=DescriberRecord(kind="openai"),
            events=(event,),
            frames=FrameCounts(sampled=1, kept=1),
        )
        return Found(self.name, event, self.day, CLOCK, complete, timeline=timeline)


SHARED = SimpleNamespace(accounts=Accounts())


def told(camera, *tellings):
    """Watch a camera that tells of these events, each with whether it is complete; the names that were known at once, and the notes."""
    notes = []

    async def work():
        alerting = Alerting().over(camera, SHARED, observer=lambda fact: notes.append(getattr(fact, "text", "")))
        async with alerting:
            return [tuple(alerting.heard(camera.found(each, complete=complete)) or ()) for each, complete in tellings]

    return asyncio.run(work()), notes


def heard(work, *, statuses=()):
    """Run `work(receiver)` beside a receiver of webhooks; the messages that came, in order, their signatures checked."""

    async def beside():
        receiver = Receiver(list(statuses))
        async with receiver.up():
            address = receiver.url.partition("?")[0]
            await asyncio.to_thread(work, address)
        return [verified(SECRET, *receiver.came.get_nowait()) for _ in range(receiver.came.qsize())]

    return asyncio.run(beside())


def rule(address, **more):
    return {"name": "people", "tags": ["person"], "to": [address], **more}


# Webhooks


def test_an_event_is_told_at_once_and_completed_later_and_by_no_restart_again(tmp_path):
    def work(address):
        camera = Camera(tmp_path, [rule(address)])
        early = camera.event(title="Somebody comes")
        late = dataclasses.replace(early, end=31.0, title="A man climbs the gate")
        assert told(camera, (early, False))[0] == [("people",)]
        assert told(camera, (early, False), (late, True))[0] == [("people",), ("people",)]
        told(camera, (late, True))
        told(camera, (camera.event(tags=("cat",), start=40.0, end=41.0), True))

    (first, started), (second, completed) = heard(work)
    assert (started["type"], completed["type"]) == ("alert.started", "alert.completed")
    assert first != second
    assert first.startswith("msg_")
    data, then = started["data"], completed["data"]
    assert data["alert"] == then["alert"]
    assert (data["rule"], data["camera"], data["state"]) == ("people", "Gate", "started")
    assert (data["event"]["title"], then["event"]["title"]) == ("Somebody comes", "A man climbs the gate")
    assert (data["event"]["end"], then["event"]["end"]) == (None, 31.0)
    assert data["event"]["clock_start"] == "2026-11-21T22:00:10.000+01:00"
    assert then["event"]["clock_end"] == "2026-11-21T22:00:31.000+01:00"
    assert data["timeline"] == str(tmp_path / "Gate" / DAY)


def test_the_picture_goes_along_small_enough_and_is_a_jpeg(tmp_path):
    def work(address):
        table = {"kind": "webhook", "url": address, "picture_bytes": 20_000}
        camera = Camera(tmp_path, [rule(table), {**rule({**table, "picture": "path"}), "name": "path"}])
        told(camera, (camera.event(), True))

    messages = {message["data"]["rule"]: message["data"]["picture"] for _, message in heard(work)}
    inline = messages["people"]
    data = base64.b64decode(inline["base64"])
    assert len(data) <= 20_000
    assert cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) is not None
    assert (inline["frame"], inline["media_type"]) == (100, "image/jpeg")
    assert messages["path"] == {"frame": 100, "time": 10.0, "path": "frames/00000100.jpg", "media_type": "image/jpeg"}


def test_what_is_no_picture_goes_along_as_its_place_alone(tmp_path):
    assert pictures.bounded(b"not a picture", 10_000) is None

    def work(address):
        camera = Camera(tmp_path, [rule(address)])
        event = camera.event()
        (camera.day / "frames/00000100.jpg").unlink()
        told(camera, (event, True))

    ((_, message),) = heard(work)
    assert "base64" not in message["data"]["picture"]


def test_a_receiver_that_fails_is_told_again_with_the_same_id(tmp_path, patient):
    def work(address):
        camera = Camera(tmp_path, [rule(address)])
        told(camera, (camera.event(), True))

    messages = heard(work, statuses=[500, 302, 429])
    assert len(messages) == 4
    assert len({name for name, _ in messages}) == 1


def test_what_nobody_took_waits_on_disk_for_the_next_start_and_an_end_for_its_beginning(tmp_path, patient):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]

    async def all_of_it():
        receiver = Receiver(port=port)
        camera = Camera(tmp_path, [rule(f"http://127.0.0.1:{port}/hook")])
        early = camera.event()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("videoscan.alerts.live.GRACE", 0.0)
            await asyncio.to_thread(told, camera, (early, False), (dataclasses.replace(early, end=20.0), True))
        async with receiver.up():
            await asyncio.to_thread(told, camera)
        return [verified(SECRET, *receiver.came.get_nowait())[1]["type"] for _ in range(receiver.came.qsize())]

    assert asyncio.run(all_of_it()) == ["alert.started", "alert.completed"]


def test_a_receiver_that_is_gone_for_good_is_not_told_again(tmp_path, patient):
    def work(address):
        camera = Camera(tmp_path, [rule(address)])
        told(camera, (camera.event(), True))
        told(camera)

    assert len(heard(work, statuses=[410])) == 1


def test_a_rule_is_silent_for_a_while_and_what_was_silent_is_not_completed(tmp_path):
    def work(address):
        camera = Camera(tmp_path, [rule(address, repeat_after=60)])
        first, second, third = (camera.event(start=at, end=at + 1) for at in (10.0, 40.0, 80.0))
        names, _ = told(camera, (first, True), (second, False), (second, True))
        assert names == [("people",)] * 3, "the timeline says it all the same"
        told(camera, (third, True))  # also after a restart: 70 s after the first, 40 s after the silent one

    starts = [message["data"]["event"]["start"] for _, message in heard(work)]
    assert starts == [10.0, 80.0]


def test_events_that_turn_out_to_be_one_are_completed_once(tmp_path):
    def work(address):
        camera = Camera(tmp_path, [rule(address)])
        one, other = camera.event(start=10.0), camera.event(start=20.0, end=25.0)
        told(camera, (one, False), (other, False))
        whole = dataclasses.replace(one, aliases=(other.id,), end=25.0)
        assert told(camera, (whole, True))[0] == [("people",)]
        told(camera, (whole, True), (dataclasses.replace(other, aliases=(one.id,)), True))

    messages = [message for _, message in heard(work)]
    assert [message["type"] for message in messages] == ["alert.started", "alert.started", "alert.completed"]
    one, other, completed = (message["data"] for message in messages)
    assert completed["alert"] == one["alert"]
    assert completed["merged"] == [other["alert"]]


def test_an_alert_is_completed_even_if_the_event_meets_the_rule_no_more(tmp_path):
    def work(address):
        camera = Camera(tmp_path, [rule(address)])
        early = camera.event()
        told(camera, (early, False))
        told(camera, (dataclasses.replace(early, tags=("cat",), title="A cat"), True))

    assert [message["data"]["event"]["title"] for _, message in heard(work)] == ["A man at the gate", "A cat"]


# Questions


def script(*mets):
    answers = list(mets)

    def turn(request):
        assert "Does he climb?" in request.text
        met = answers.pop(0)
        return (
            met if not isinstance(met, bool) else ok([event("Yes", 1, 1, attributes={"met": met}, description="A leg is over.")])
        )

    return turn


def test_the_model_is_asked_about_what_meets_the_rest_and_its_words_go_along(tmp_path):
    with ModelServer.in_thread(script(True)) as server:

        def work(address):
            camera = Camera(tmp_path, [rule(address, ask="Does he climb?")], model=server.url)
            early = camera.event()
            names, _ = told(camera, (early, False), (camera.event(start=30.0, tags=("cat",)), True), (early, True))
            assert names[0] == (), "nobody waits for the model"
            assert camera.late == [(DAY, early.id, ("people",))]

        started, completed = (message["data"] for _, message in heard(work))
    assert len(server.requests) == 1
    assert started["answer"] == {"question": "Does he climb?", "because": "A leg is over.", "confidence": 0.9, "frames": [100]}
    assert (started["state"], completed["state"]) == ("started", "completed")


def test_a_no_may_become_a_yes_when_the_event_is_complete_and_a_fault_is_no_answer(tmp_path):
    with ModelServer.in_thread(script(False, *[says("I cannot tell.")] * 3, True)) as server:

        def work(address):
            camera = Camera(tmp_path, [rule(address, ask="Does he climb?")], model=server.url)
            early = camera.event()
            told(camera, (early, False))
            _, notes = told(camera, (early, True))
            assert any("has no answer" in note for note in notes)
            told(camera, (early, True))

        ((_, message),) = heard(work)
    assert message["type"] == "alert.completed"


def test_without_a_model_a_question_is_never_met_and_that_is_said(tmp_path):
    camera = Camera(tmp_path, [{"name": "people", "ask": "Does he climb?", "to": []}])
    names, notes = told(camera, (camera.event(), True))
    assert names == [()]
    assert any("takes a model" in note for note in notes)


# What is missing


@pytest.mark.parametrize(
    ("to", "variable", "value", "words"),
    [
        ("https://127.0.0.1/x", "VIDEOSCAN_WEBHOOK_SECRET", "", ("VIDEOSCAN_WEBHOOK_SECRET", "openssl rand")),
        ("https://127.0.0.1/x", "VIDEOSCAN_WEBHOOK_SECRET", "hunter2", ("whsec_",)),
        ({"kind": "webhook", "url_env": "HOOK"}, "HOOK", "", ("HOOK", "address")),
        (
            {"kind": "mqtt", "url": "mqtt://127.0.0.1", "username": "u"},
            "VIDEOSCAN_MQTT_PASSWORD",
            "",
            ("VIDEOSCAN_MQTT_PASSWORD",),
        ),
    ],
)
def test_a_secret_that_is_missing_is_said_before_anything_is_watched(tmp_path, monkeypatch, to, variable, value, words):
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigError) as fault:
        told(Camera(tmp_path, [rule(to)]))
    said = f"{fault.value} {fault.value.hint}"
    assert all(word in said for word in words)
    assert "hunter2" not in said


# MQTT


@contextlib.contextmanager
def mosquitto(folder, port=0, *, user=None):
    """A broker on loopback; its port."""
    if port == 0:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
    folder.mkdir(parents=True, exist_ok=True)
    lines = [f"listener {port} 127.0.0.1", f"allow_anonymous {'false' if user else 'true'}", "persistence false"]
    if user:
        subprocess.run(["mosquitto_passwd", "-b", "-c", folder / "users", *user], check=True, capture_output=True)
        (folder / "users").chmod(0o644)
        lines.append(f"password_file {folder / 'users'}")
    if os.geteuid() == 0:
        lines.append("user root")
    (folder / "mosquitto.conf").write_text("\n".join(lines) + "\n")
    program = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
    with subprocess.Popen(
        [program, "-c", folder / "mosquitto.conf"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as broker:
        try:
            for _ in range(500):
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.02):
                    break
                if broker.poll() is not None:
                    raise AssertionError("mosquitto did not start")
            yield port
        finally:
            broker.terminate()
            broker.wait()


broker_wanted = pytest.mark.skipif(
    not (shutil.which("mosquitto") or os.access("/usr/sbin/mosquitto", os.X_OK)), reason="there is no mosquitto here"
)


async def listening(port, count, work, *, user=None):
    """The first `count` messages of a broker while `work` runs in a thread: topic, quality of service and what they say."""
    import aiomqtt

    named = {"username": user[0], "password": user[1]} if user else {}
    async with aiomqtt.Client("127.0.0.1", port, **named) as client:
        await client.subscribe("#", qos=1)
        task = asyncio.create_task(asyncio.to_thread(work))
        came = []
        async with asyncio.timeout(30):
            async for message in client.messages:
                came.append((str(message.topic), message.qos, json.loads(message.payload)))
                if len(came) == count:
                    break
        await task
        return came


@broker_wanted
def test_a_broker_gets_a_topic_per_camera_and_rule_and_a_login_from_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("VIDEOSCAN_MQTT_PASSWORD", "hush-hush")
    user = ("watch", "hush-hush")
    with mosquitto(tmp_path / "broker", user=user) as port:
        table = {"kind": "mqtt", "url": f"mqtt://127.0.0.1:{port}/site/a", "username": "watch", "picture_bytes": 5000}
        camera = Camera(tmp_path, [rule(table), {**rule(table), "name": "all of it"}], name="Gate")
        came = asyncio.run(listening(port, 2, lambda: told(camera, (camera.event(), True)), user=user))
    assert sorted(topic for topic, _, _ in came) == ["site/a/Gate/all of it", "site/a/Gate/people"]
    assert {quality for _, quality, _ in came} == {1}
    assert all(message["type"] == "alert.completed" for _, _, message in came)
    assert len(base64.b64decode(came[0][2]["data"]["picture"]["base64"])) <= 5000
    assert b"hush-hush" not in (camera.folder / "alerts.db").read_bytes()


@broker_wanted
def test_a_broker_that_went_away_is_told_when_it_is_back(tmp_path, patient, monkeypatch):
    with mosquitto(tmp_path / "broker") as port:
        camera = Camera(tmp_path, [rule(f"mqtt://127.0.0.1:{port}")])
        (before,) = asyncio.run(listening(port, 1, lambda: told(camera, (camera.event(), True))))
    with monkeypatch.context() as patch:
        patch.setattr("videoscan.alerts.live.GRACE", 0.0)
        told(camera, (camera.event(start=20.0, end=21.0), True))
    with mosquitto(tmp_path / "broker", port):
        (after,) = asyncio.run(listening(port, 1, lambda: told(camera)))
    assert [message["data"]["event"]["start"] for _, _, message in (before, after)] == [10.0, 20.0]
    assert before[0] == "videoscan/Gate/people"


def test_a_name_is_one_level_of_a_topic():
    assert part_of_topic("hall/2 + yard#") == "hall-2 - yard-"
    assert part_of_topic("") == "-"


# The whole of it


def test_a_watch_tells_of_alerts_between_its_events_and_writes_them_into_the_day(tmp_path, capsys):
    clip = visits(tmp_path / "clip.mp4", 5)
    profile = tmp_path / "mine.toml"
    profile.write_text('[[alerts]]\nname = "all"\n[watch]\nquiet = 1\nlatency = 2\n')
    out = tmp_path / "out"
    assert run(["watch", "--realtime", str(clip), "--profile", str(profile), "--out", str(out), "--camera", "Gate"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    alerts = [line for line in lines if line.get("type", "").startswith("alert.")]
    events = [line for line in lines if "latency" in line]
    assert events
    assert {alert["data"]["event"]["id"] for alert in alerts} == {each["event"]["id"] for each in events}
    assert all(alert["data"]["camera"] == "Gate" and "base64" not in (alert["data"]["picture"] or {}) for alert in alerts)
    (file,) = out.glob("Gate/*/timeline.json")
    assert all(each["alerts"] == ["all"] for each in json.loads(file.read_text())["events"])
