"""A stream's days over the API: each is a job that stays, is searched as it grows, and is forgotten everywhere when it is deleted."""

from __future__ import annotations

import datetime as dt
import shutil
import sqlite3
import time

import pytest
from commanding import visits
from serving import API, serving
from streams import STREAMS, WATCH, run, timeline_of, until

from videoscan.jobs import retention
from videoscan.jobs.records import day_id
from videoscan.patience import SystemClock
from videoscan.stores import migrations

FIRST, SECOND = "2026-03-28", "2026-03-29"
"""In Berlin the second of these days has 23 hours."""
BERLIN = {**WATCH, "source": {"clock_zone": "Europe/Berlin"}}


class Shifted(SystemClock):
    """A clock on which a day of Berlin ends so many seconds from now, until it is set anew."""

    def __init__(self, seconds):
        self.before_midnight(seconds)

    def before_midnight(self, seconds):
        midnight = dt.datetime.fromisoformat(f"{SECOND}T00:00:00+01:00").timestamp()
        self._ahead = midnight - seconds - time.time()

    def wall(self):
        return super().wall() + self._ahead


@pytest.fixture(scope="module")
def footage(tmp_path_factory):
    root = tmp_path_factory.mktemp("footage").resolve()
    visits(root / "gate.mp4", 240)
    return root


async def search(served, status=200, **more):
    return await served.call(
        "GET", f"{API}/search", status, params={"q": "movement OR change OR activity", "order": "oldest", **more}
    )


def test_each_day_is_a_job_that_stays_when_the_next_one_begins_and_is_found_by_search(tmp_path, footage):
    body = {"name": "Gate", "url": f"{footage.name}/gate.mp4", "profile": {**BERLIN, "watch": {**WATCH["watch"], "keep_days": 1}}}

    async def work():
        clock = Shifted(400.0)  # less than what old days are looked for after
        async with serving(tmp_path, roots=(footage,)) as served:
            served.service.streams.shared.clock = clock
            stream = (await served.call("POST", STREAMS, 201, json=body))["id"]
            first, second = (day_id(stream, date) for date in (FIRST, SECOND))
            # However slow this machine is, the first day ends after something was seen.
            await timeline_of(served, first)
            clock.before_midnight(2.0)
            await timeline_of(served, second)
            ended = await served.until(first)
            assert (ended["kind"], ended["state"], ended["parent"], ended["name"]) == ("day", "done", stream, f"Gate {FIRST}")
            one = await served.call("GET", f"{STREAMS}/{stream}")
            assert one["children"] == [first, second]
            assert (one["live"]["day"], one["live"]["job"]) == (SECOND, second)
            listed = await served.call("GET", f"{API}/jobs", params={"parent": stream})
            assert [each["id"] for each in listed["jobs"]] == [second, first]
            assert listed["outcomes"][first]["clock"].startswith(FIRST)
            assert [each["id"] for each in (await served.call("GET", f"{API}/jobs"))["jobs"]] == [stream]

            told = await timeline_of(served, first)
            assert told["source"]["clock"].startswith(FIRST)
            assert told["source"]["camera"] == "Gate"
            frame = told["events"][0]["evidence"][0]["frame"]
            assert (await served.call("GET", f"{API}/jobs/{first}/frames/{frame}.jpg"))[:3] == b"\xff\xd8\xff"
            assert b"-->" in await served.call("GET", f"{API}/jobs/{first}/timeline.srt")
            assert (await timeline_of(served, stream))["source"]["clock"].startswith(SECOND)
            await served.call("GET", f"{API}/jobs/{first}/video", 404)

            # While it grows it is found already; what is found leads to its day, with the picture.
            found = await until(lambda: search(served), lambda found: {each["job"] for each in found["hits"]} == {first, second})
            assert found["hits"][0]["wall_start"].startswith(FIRST)
            assert (await served.call("GET", found["hits"][0]["picture"]))[:3] == b"\xff\xd8\xff"
            earlier = await search(served, to_time=f"{SECOND}T00:00:00+01:00", camera="Gate")
            assert {each["job"] for each in earlier["hits"]} == {first}
            assert len((await search(served, job=stream))["hits"]) == len((await search(served))["hits"])
            assert {each["job"] for each in (await search(served, job=first))["hits"]} == {first}

            event = told["events"][0]["id"]
            await served.call("PATCH", f"{API}/jobs/{first}/events/{event}", json={"action": "accept", "by": "Ann"})
            assert [each["id"] for each in (await search(served, reviewed="accepted"))["hits"]] == [event]
            kinds = {each["event"] for each in await served.feed(first)}
            assert {"state", "found", "window", "event"} <= kinds
            for path in ("cancel", "retry"):
                await served.call("POST", f"{API}/jobs/{second}/{path}", 409)
            await served.call("POST", f"{API}/jobs/{first}/retry", 409)
            await served.call("DELETE", f"{API}/jobs/{second}", 409)

        # What the camera's retention deletes is nowhere any more.
        async with serving(tmp_path, roots=(footage,)) as served:
            served.service.streams.shared.clock = clock
            await until(lambda: served.call("GET", f"{STREAMS}/{stream}"), lambda one: one["children"] == [second])
            await served.call("GET", f"{API}/jobs/{first}", 404)
            assert {each["job"] for each in (await search(served))["hits"]} == {second}
            assert not served.service.settings.folder(first).exists()
            await served.call("DELETE", f"{STREAMS}/{stream}", 204)
            assert (await served.call("GET", f"{API}/jobs/{second}"))["state"] == "done"
            assert (await search(served))["hits"], "what was seen stays"
            await served.call("DELETE", f"{API}/jobs/{stream}", 204)
            await served.call("GET", f"{API}/jobs/{second}", 404)
            assert (await search(served))["hits"] == []
            assert list(served.service.settings.jobs.iterdir()) == []

    run(work)


def test_days_that_are_there_have_a_job_whoever_wrote_them_and_can_be_deleted_one_by_one(tmp_path, footage):
    async def work():
        async with serving(tmp_path, roots=(footage,)) as served:
            body = {"name": "Gate", "url": f"{footage.name}/gate.mp4", "profile": WATCH}
            stream = (await served.call("POST", STREAMS, 201, json=body))["id"]
            today = (await until(lambda: served.call("GET", f"{STREAMS}/{stream}"), lambda one: one["live"]["events"]))["live"]
            await timeline_of(served, today["job"])
            folder = served.service.settings.output(stream)
        # As a service left it that knew no jobs of days.
        for date in ("2020-02-29", "2020-03-01"):
            shutil.copytree(folder, folder.parent / date)
        with sqlite3.connect(tmp_path / "service.db") as database:
            database.execute("DELETE FROM jobs WHERE kind = 'day'")
        database.close()
        async with serving(tmp_path, roots=(footage,)) as served:
            early, late = (day_id(stream, date) for date in ("2020-02-29", "2020-03-01"))
            await until(
                lambda: served.call("GET", f"{STREAMS}/{stream}"), lambda one: one["children"] == [early, late, today["job"]]
            )
            # Copied from a day that was being watched, both are finished first: they run for a moment.
            for day in (early, late):
                await until(lambda day=day: served.call("GET", f"{API}/jobs/{day}"), lambda one: one["state"] == "done")
            found = await until(lambda: search(served), lambda found: {early, late} <= {each["job"] for each in found["hits"]})
            assert found["hits"]
            await served.call("DELETE", f"{API}/jobs/{early}", 204)
            assert not (folder.parent / "2020-02-29").exists()
            assert early not in {each["job"] for each in (await search(served))["hits"]}
            assert (await served.call("GET", f"{API}/jobs/{late}"))["state"] == "done"

    run(work)


def test_days_of_a_camera_that_is_watched_on_are_forgotten_as_other_jobs_are(tmp_path, footage):
    async def work():
        async with serving(tmp_path, roots=(footage,)) as served:
            body = {"name": "Gate", "url": f"{footage.name}/gate.mp4", "profile": WATCH}
            stream = (await served.call("POST", STREAMS, 201, json=body))["id"]
            today = (await until(lambda: served.call("GET", f"{STREAMS}/{stream}"), lambda one: one["live"]["events"]))["live"]
            await timeline_of(served, today["job"])
            folder = served.service.settings.output(stream)
        shutil.copytree(folder, folder.parent / "2020-02-29")
        old = day_id(stream, "2020-02-29")
        async with serving(tmp_path, roots=(footage,)) as served:
            await until(lambda: served.service.store.job(old), lambda job: job is not None)
        async with serving(tmp_path, roots=(footage,), keep_days=0.00001) as served:

            async def looked_after():
                service = served.service
                await retention.forget(service.store, service.settings, service.delete)
                return await served.call("GET", f"{STREAMS}/{stream}")

            one = await until(looked_after, lambda one: old not in one["children"])
            assert not (folder.parent / "2020-02-29").exists()
            assert (one["state"], one["children"]) == ("running", [today["job"]])

    run(work)


def test_a_database_from_before_days_keeps_its_streams(tmp_path, monkeypatch):
    database = sqlite3.connect(tmp_path / "service.db", isolation_level=None)
    database.row_factory = sqlite3.Row
    with monkeypatch.context() as patch:
        patch.setattr(migrations, "STEPS", migrations.STEPS[:-1])
        migrations.migrate(database, "service.db")
    job = "0" * 24
    database.execute(
        "INSERT INTO jobs (id, number, kind, state, name, source, profile, created)"
        " VALUES (?,1,'stream','cancelled','n','rtsp://10.0.0.7/a','\"default\"','t')",
        (job,),
    )
    database.execute("INSERT INTO streams VALUES (?,'rtsp://10.0.0.7/a','u','p')", (job,))
    database.close()

    async def work():
        async with serving(tmp_path) as served:
            one = await served.call("GET", f"{STREAMS}/{job}")
            assert (one["state"], one["children"], one["live"]["state"]) == ("cancelled", [], "ended")
            assert (await served.service.store.streams.watched(job)).login.password == "p"

    run(work)
