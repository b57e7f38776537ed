"""The endpoint's check, as a service makes it."""

from __future__ import annotations

import asyncio

from serving import API, serving

from videoscan.testing.model_server import ModelServer, fails, sees_everything


async def ended(served):
    async with asyncio.timeout(60):
        while True:
            check = await served.call("GET", f"{API}/endpoint/check")
            if check["state"] != "running":
                return check


def test_a_check_measures_and_says_what_it_does(tmp_path):
    async def work(server):
        async with serving(tmp_path, endpoint=server.url, model="test-model") as served:
            assert (await served.call("GET", f"{API}/endpoint/check"))["state"] == "none"
            begun = await served.call("POST", f"{API}/endpoint/check", 202, json={"quick": True})
            assert begun["state"] == "running"
            check = await ended(served)
            assert check["state"] == "done", check
            assert check["requests"] >= check["measured"]["requests"] > 3
            assert check["measured"]["model"] == "test-model"
            assert check["measured"]["pictures_taken"] >= 1
            assert check["measured"]["address"].startswith(server.url)

    with ModelServer.in_thread(sees_everything, strict=False) as server:
        asyncio.run(work(server))


def test_what_keeps_a_model_from_being_used_is_said(tmp_path):
    async def work(server):
        async with serving(tmp_path, endpoint=server.url, model="test-model") as served:
            await served.call("POST", f"{API}/endpoint/check", 202, json={"quick": True})
            check = await ended(served)
            assert check["state"] == "failed"
            assert check["error"]["message"]
            assert check["measured"]["key"] == "refused"

    with ModelServer.in_thread(lambda _: fails(401), strict=False) as server:
        asyncio.run(work(server))


def test_a_check_can_be_stopped_and_there_is_none_without_an_endpoint(tmp_path):
    async def work(server):
        async with serving(tmp_path / "a", endpoint=server.url, model="test-model") as served:
            await served.call("POST", f"{API}/endpoint/check", 202, json={"quick": True})
            await served.call("DELETE", f"{API}/endpoint/check", 204)
            assert (await served.call("GET", f"{API}/endpoint/check"))["state"] == "none"
            await served.call("POST", f"{API}/endpoint/check", 202, json={"quick": True})  # the end of the service stops it
        async with serving(tmp_path / "b") as served:
            told = await served.call("POST", f"{API}/endpoint/check", 409, json={})
            assert "only measures" in told["detail"]

    with ModelServer.in_thread(sees_everything, strict=False, delay=0.5) as server:
        asyncio.run(work(server))
