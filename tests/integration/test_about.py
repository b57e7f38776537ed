"""What a service tells before anything is submitted, and what stands for a job in a list."""

from __future__ import annotations

import asyncio

import cv2
import numpy as np
import pytest
from serving import API, serving

from videoscan.settings import explained, layers

PRICES = (
    "budget.prices.currency=EUR",
    "budget.prices.as_of=2026-11-01",
    "budget.prices.prompt=1.0",
    "budget.prices.completion=2.0",
)


def run(work):
    return asyncio.run(work)


def test_a_service_says_where_pictures_go_and_where_they_do_not(tmp_path, roots):
    async def work():
        async with serving(tmp_path / "a", roots=roots) as served:
            told = await served.call("GET", f"{API}/service")
            assert told["describer"] == {"kind": "offline", "host": None, "model": None, "sends": False}
            assert not told["asks"]
            assert told["roots"] == [roots[0].name]
        endpoint = "https://models.example:8443/v1?api-version=2"
        async with serving(tmp_path / "b", endpoint=endpoint, model="qwen3-vl") as served:
            told = await served.call("GET", f"{API}/service")
            assert told["describer"] == {"kind": "openai", "host": "models.example:8443", "model": "qwen3-vl", "sends": True}
            whole = await served.call("GET", f"{API}/profiles/default")
            [shown] = [each["value"] for each in whole["values"] if each["key"] == "describer.endpoint"]
            assert shown.startswith("https://models.example:8443/v1")
            assert "api-version" not in str(whole)

    run(work())


def test_an_hour_of_video_is_counted_by_the_profile(tmp_path):
    async def work():
        async with serving(tmp_path / "data", endpoint="http://127.0.0.1:9/v1", model="qwen3-vl", sets=PRICES) as served:
            told = {each["name"]: each for each in (await served.call("GET", f"{API}/profiles"))["profiles"]}
        assert set(told) >= {"default", "surveillance", "sports", "lecture"}
        hour = told["surveillance"]["per_hour"]
        # One look a second; shown again every 300 s at least; 12 pictures in a request, one of them shown before.
        assert hour["pictures"] == [12, 3600]
        assert hour["requests"] == [12, 328]
        assert hour["currency"] == "EUR"
        assert 0 < hour["cost"][0] < hour["cost"][1]
        assert hour["tokens"][0] < hour["tokens"][1]
        assert "severity" in told["surveillance"]["fields"]

    run(work())


def test_without_a_model_there_is_no_cost(tmp_path):
    async def work():
        async with serving(tmp_path / "data") as served:
            told = await served.call("GET", f"{API}/profiles")
        assert all(each["per_hour"] is None or each["per_hour"]["cost"] is None for each in told["profiles"])

    run(work())


def test_a_profile_explains_its_values(tmp_path):
    async def work():
        async with serving(tmp_path / "data") as served:
            told = await served.call("GET", f"{API}/profiles/surveillance")
            await served.call("GET", f"{API}/profiles/nobody", 404)
        values = {each["key"]: each for each in told["values"]}
        assert values["dedup.refresh"]["about"].startswith("An empty scene is shown again every five minutes")
        assert values["regions.black_out"]["about"].startswith("Black in everything"), "what it leaves as it is, is explained too"
        assert not any("/" in each["origin"] for each in told["values"])

    run(work())


@pytest.mark.parametrize("name", ["default", "surveillance", "sports"])
def test_the_comments_of_shipped_profiles_are_found(name):
    told = explained.comments(layers.shipped_folder() / f"{name}.toml")
    assert len(told) >= 5
    assert all(text and not text.startswith("#") for text in told.values())


def test_a_poster_is_a_small_picture_of_a_job_and_a_list_says_what_it_came_to(tmp_path, roots):
    async def work():
        async with serving(tmp_path / "data", roots=roots) as served:
            job = (await served.submit("reel.mp4"))["id"]
            await served.until(job)
            async with served.session.get(f"{served.base}{API}/jobs/{job}/poster.jpg") as answer:
                assert answer.status == 200
                picture = cv2.imdecode(np.frombuffer(await answer.read(), np.uint8), cv2.IMREAD_COLOR)
                assert max(picture.shape[:2]) <= 480
                known = {"If-None-Match": answer.headers["ETag"]}
            async with served.session.get(f"{served.base}{API}/jobs/{job}/poster.jpg", headers=known) as answer:
                assert answer.status == 304
            told = await served.call("GET", f"{API}/jobs")
            timeline = await served.call("GET", f"{API}/jobs/{job}/timeline")
            assert told["outcomes"][job]["events"] == len(timeline["events"])
            assert told["outcomes"][job]["duration"] == timeline["source"]["duration"]
            assert told["counts"] == {"done": 1}
            async with served.session.get(f"{served.base}{API}/jobs") as answer:
                known = {"If-None-Match": answer.headers["ETag"]}
            async with served.session.get(f"{served.base}{API}/jobs", headers=known) as answer:
                assert answer.status == 304

    run(work())


def test_a_job_without_pictures_has_no_poster(tmp_path, roots):
    async def work():
        async with serving(tmp_path / "data", roots=roots, at_once=0) as served:
            job = (await served.submit("reel.mp4"))["id"]
            await served.call("GET", f"{API}/jobs/{job}/poster.jpg", 204)

    run(work())


def test_the_last_of_a_feed_is_told_newest_first(tmp_path, roots):
    async def work():
        async with serving(tmp_path / "data", roots=roots) as served:
            job = (await served.submit("reel.mp4"))["id"]
            await served.until(job)
            told = await served.feed(job)
            last = (await served.call("GET", f"{API}/jobs/{job}/feed/latest?limit=2"))["entries"]
            numbered = [entry for entry in told if entry["id"] is not None]
            assert [entry["number"] for entry in last] == [int(entry["id"]) for entry in numbered[:-3:-1]]
            states = (await served.call("GET", f"{API}/jobs/{job}/feed/latest?kind=state"))["entries"]
            assert [entry["data"]["state"] for entry in states] == ["done", "running", "queued"]

    run(work())
