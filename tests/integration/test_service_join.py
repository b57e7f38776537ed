"""Recordings of a folder become one timeline for each camera, over the API."""

from __future__ import annotations

import asyncio
import json

import pytest
from recordings import by_clock, cut, film
from serving import API, serving
from shared import hold_to_contract

from videoscan.stores.migrations import STEPS
from videoscan.stores.sqlite import SqliteStore


@pytest.fixture(scope="module")
def cameras(tmp_path_factory):
    """Two cameras, three and two recordings."""
    root = tmp_path_factory.mktemp("recordings").resolve()
    whole = film(root.parent / "whole.mp4", 24, [(5.0, 9.0), (14.0, 17.0)])
    cut(whole, root / "day", [0, 8, 16], by_clock("gate_"))
    cut(whole, root / "day", [0, 12], by_clock("yard_"))
    return root


def test_a_folder_is_joined_into_one_timeline_for_each_camera(tmp_path, cameras):
    async def work():
        async with serving(tmp_path, roots=(cameras,), at_once=2, sets=("source.clock_zone=UTC",)) as served:
            folder = await served.submit(f"{cameras.name}/day", join=True, headers={"Idempotency-Key": "day"})
            assert (folder["kind"], len(folder["children"])) == ("folder", 2)
            assert (await served.until(folder["id"]))["state"] == "done"
            children = (await served.call("GET", f"{API}/jobs?parent={folder['id']}"))["jobs"]
            assert {each["name"]: each["joined"] for each in children} == {"gate": True, "yard": True}
            for child in children:
                timeline = await served.call("GET", f"{API}/jobs/{child['id']}/timeline")
                assert len(timeline["source"]["parts"]) == {"gate": 3, "yard": 2}[child["name"]]
                assert timeline["source"]["duration"] == pytest.approx(24, abs=0.3)
                assert str(cameras.parent) not in json.dumps([child, timeline])
                hold_to_contract(served.service.settings.output(child["id"]))
                await served.call("GET", f"{API}/jobs/{child['id']}/video", 404)
            assert (await served.submit(f"{cameras.name}/day", join=True, headers={"Idempotency-Key": "day"}))["id"] == folder[
                "id"
            ]
            await served.submit(f"{cameras.name}/day", 409, headers={"Idempotency-Key": "day"})
            (file, *_) = sorted((cameras / "day").iterdir())
            await served.submit(f"{cameras.name}/day/{file.name}", 403, join=True)

    asyncio.run(work())


def test_a_database_from_before_is_brought_up_to_date(tmp_path):
    import sqlite3

    path = tmp_path / "service.db"
    with sqlite3.connect(path) as database:
        for step in STEPS[:2]:
            database.executescript(step)
        database.execute(
            "INSERT INTO jobs (id, number, kind, state, name, source, profile, created) VALUES (?,1,'scan','queued','x','/x',?,?)",
            ("0" * 24, '"default"', "2026-11-28T00:00:00.000Z"),
        )
        database.execute("PRAGMA user_version = 2")
    database.close()

    async def work():
        store = SqliteStore(path)
        try:
            job = await store.job("0" * 24)
            assert (job.name, job.joined, job.state) == ("x", False, "queued")
        finally:
            await store.close()

    asyncio.run(work())
