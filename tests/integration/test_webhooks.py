"""Webhooks against a real receiver: signatures, retries, a restart, 410, what is refused, and that nothing is lost."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import sqlite3

import pytest
from receiving import Receiver, verified
from serving import API, serving

from videoscan.errors import StoreError
from videoscan.jobs.records import USUAL_KINDS, Fault, Job, new_id, now
from videoscan.patience import Patience
from videoscan.stores.sqlite import SqliteStore
from videoscan.testing.model_server import ModelServer, sees_everything
from videoscan.webhooks import signature

HOOKS = f"{API}/webhooks"
SOON = Patience(tries=4, first=0.02, longest=0.05)


async def failed(served):
    """A job that has failed; its id. A folder's, for the worker takes none of these up."""
    job = Job(id=new_id(), kind="folder", name="x", source="/x", created=now())
    await served.service.store.add([(job, False)])
    fault = Fault(kind="SourceError", message="nothing can be read")
    await served.service.store.settle(job.id, "failed", error=fault)
    served.service.board.changed(job.id)
    return job.id


async def settled(served, hook, *states):
    """The hook's deliveries once they are in these states, the oldest first."""
    async with asyncio.timeout(20):
        while True:
            found = (await served.call("GET", f"{HOOKS}/{hook}/deliveries"))["deliveries"][::-1]
            if [each["state"] for each in found] == list(states):
                return found


def test_the_specification_s_own_example():
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    body = b'{"test": 2432232314}'
    made = signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_receiver_is_told_of_the_end_and_of_corrections(tmp_path, roots):
    async def work():
        receiver = Receiver()
        async with receiver.up(), serving(tmp_path, roots=roots, private_addresses=True) as served:
            made = await served.call("POST", HOOKS, 201, json={"url": receiver.url})
            assert made["kinds"] == list(USUAL_KINDS)
            only = await served.call("POST", HOOKS, 201, json={"url": receiver.url, "kinds": ["job.failed"]})
            job = await served.submit("reel.mp4")
            first, message = verified(made["secret"], *await receiver.next())
            assert message["type"] == "job.done"
            assert message["data"] == {"job": job["id"], "name": "reel.mp4", "kind": "scan", "parent": None, "state": "done"}
            own = {"changes": {"title": "A van", "start": 0.5, "end": 1.0}, "by": "me"}
            added = (await served.call("POST", f"{API}/jobs/{job['id']}/events", 201, json=own))["event"]
            second, message = verified(made["secret"], *await receiver.next())
            assert (message["type"], message["data"]["event"], message["data"]["by"]) == ("event.corrected", added["id"], "me")
            told = await settled(served, made["id"], "delivered", "delivered")
            assert [each["id"] for each in told] == [first, second]
            assert [(each["attempts"], each["status"], each["due"], each["error"]) for each in told] == [(1, 204, None, None)] * 2
            assert await settled(served, only["id"]) == [], "it asked for failures only"
            page = await served.call("GET", f"{HOOKS}/{made['id']}/deliveries", params={"limit": 1})
            rest = await served.call("GET", f"{HOOKS}/{made['id']}/deliveries", params={"cursor": page["next"]})
            assert [each["id"] for each in (*page["deliveries"], *rest["deliveries"])] == [second, first]

            listed = json.dumps(await served.call("GET", HOOKS))
            assert made["id"] in listed
            assert "whsec_" not in listed
            await served.call("DELETE", f"{HOOKS}/{made['id']}", 204)
            await served.call("DELETE", f"{HOOKS}/{made['id']}", 404)
            await served.call("GET", f"{HOOKS}/{made['id']}/deliveries", 404)

    asyncio.run(work())


def test_a_receiver_that_fails_twice_is_told_the_third_time(tmp_path, caplog):
    async def work():
        receiver = Receiver([500, 302], headers={"Location": "/elsewhere"})
        async with receiver.up(), serving(tmp_path, private_addresses=True) as served:
            served.service.deliverer.patience = SOON
            made = await served.call("POST", HOOKS, 201, json={"url": receiver.url})
            await failed(served)
            ids = {verified(made["secret"], *await receiver.next())[0] for _ in range(3)}
            assert len(ids) == 1, "the same message, which a receiver can tell by its id"
            (told,) = await settled(served, made["id"], "delivered")
            assert (told["attempts"], told["status"]) == (3, 204)
            assert made["secret"] not in caplog.text
            assert "hush" not in caplog.text

    with caplog.at_level(logging.DEBUG, logger="videoscan"):
        asyncio.run(work())
    assert "it answered 302" in caplog.text


def test_a_receiver_that_never_takes_it_is_given_up(tmp_path):
    async def work():
        receiver = Receiver([503] * SOON.tries)
        async with receiver.up(), serving(tmp_path, private_addresses=True) as served:
            served.service.deliverer.patience = SOON
            made = await served.call("POST", HOOKS, 201, json={"url": receiver.url})
            await failed(served)
            (told,) = await settled(served, made["id"], "failed")
            assert (told["attempts"], told["status"], told["error"], told["due"]) == (4, 503, "it answered 503", None)
            assert receiver.came.qsize() == SOON.tries

    asyncio.run(work())


def test_a_receiver_that_is_down_over_a_restart_is_told_when_it_is_back(tmp_path):
    async def work():
        receiver = Receiver()
        async with receiver.up():
            pass  # nobody listens at its port from here on
        async with serving(tmp_path, private_addresses=True) as served:
            served.service.deliverer.patience = Patience(tries=1000, first=0.02, longest=0.05)
            made = await served.call("POST", HOOKS, 201, json={"url": receiver.url})
            job = await failed(served)
            async with asyncio.timeout(20):
                while not (told := await settled(served, made["id"], "waiting"))[0]["attempts"]:
                    pass
            assert told[0]["error"] == "it cannot be connected to"
            assert told[0]["due"]
        async with receiver.up(), serving(tmp_path, private_addresses=True) as served:
            identity, message = verified(made["secret"], *await receiver.next())
            assert (message["type"], message["data"]["error"]["message"]) == ("job.failed", "nothing can be read")
            assert (identity, message["data"]["job"]) == (told[0]["id"], job)
            await settled(served, made["id"], "delivered")

    asyncio.run(work())


def test_a_receiver_that_is_gone_is_not_told_again(tmp_path):
    async def work():
        receiver = Receiver([410])
        async with receiver.up(), serving(tmp_path, private_addresses=True) as served:
            await served.call("POST", HOOKS, 201, json={"url": receiver.url})
            await failed(served)
            await receiver.next()
            async with asyncio.timeout(20):
                while (await served.call("GET", HOOKS))["webhooks"]:
                    pass

    asyncio.run(work())


def test_addresses_are_judged_as_sources_are(tmp_path):
    async def work():
        async with serving(tmp_path) as served:
            for url in ("http://127.0.0.1:1/x", "http://localhost/x", "http://[::ffff:10.0.0.1]/", "https://a:b@example.org/"):
                await served.call("POST", HOOKS, 403, json={"url": url})
            for url in ("ftp://example.org/", "file:///etc/passwd", "http://exa mple.org/"):
                await served.call("POST", HOOKS, 422, json={"url": url})
            await served.call("POST", HOOKS, 422, json={"url": "https://example.org/", "kinds": ["job.begun"]})
            assert (await served.call("GET", HOOKS))["webhooks"] == []

    asyncio.run(work())


def test_an_address_that_became_private_is_not_connected_to(tmp_path):
    """Made while private addresses were allowed, and sent when they are not: judged again at each attempt."""

    async def work():
        receiver = Receiver()
        async with receiver.up():
            async with serving(tmp_path, private_addresses=True) as served:
                made = await served.call("POST", HOOKS, 201, json={"url": receiver.url})
            async with serving(tmp_path) as served:
                served.service.deliverer.patience = SOON
                await failed(served)
                (told,) = await settled(served, made["id"], "failed")
                assert "private address" in told["error"]
                assert receiver.came.empty()

    asyncio.run(work())


def test_webhooks_are_for_admins(tmp_path):
    async def work():
        async with serving(tmp_path, open_to_all=False) as served:
            _, text = await served.service.store.add_key("camera room", ["read", "submit"])
            headers = {"Authorization": f"Bearer {text}"}
            await served.call("GET", HOOKS, 403, headers=headers)
            await served.call("POST", HOOKS, 403, headers=headers, json={"url": "https://example.org/"})
            await served.call("GET", HOOKS, 401)

    asyncio.run(work())


def test_an_end_and_its_message_are_written_together_or_not_at_all(tmp_path):
    async def work():
        store = SqliteStore(tmp_path / "service.db")
        try:
            first, second = (Job(id=new_id(), name="x", source="/x", created=now()) for _ in range(2))
            await store.add([(first, False)])
            await store.add([(second, False)])
            await store.hooks.add("https://example.org/", ["job.cancelled"])
            await store.cancel(first.id)
            with contextlib.closing(sqlite3.connect(store.path)) as beside:
                assert beside.execute("SELECT state, attempts FROM outbox").fetchall() == [("waiting", 0)]
                beside.execute("ALTER TABLE outbox RENAME TO away")
                beside.commit()
                with pytest.raises(StoreError):
                    await store.cancel(second.id)
                assert (await store.job(second.id)).state == "queued", "no end without its message"
                beside.execute("ALTER TABLE away RENAME TO outbox")
                beside.commit()
            await store.cancel(second.id)
            assert (await store.job(second.id)).state == "cancelled"
        finally:
            await store.close()

    asyncio.run(work())


def test_events_are_told_as_they_are_found_and_once(tmp_path, roots):
    def script(request):
        return sees_everything(request)

    async def work(server):
        receiver = Receiver()
        sets = ("windows.max_frames=2", "windows.overlap_frames=0", "dedup.kind=none", "describer.probe=never")
        async with (
            receiver.up(),
            serving(tmp_path, roots=roots, private_addresses=True, endpoint=server.url, model="test-model", sets=sets) as served,
        ):
            made = await served.call("POST", HOOKS, 201, json={"url": receiver.url, "kinds": ["event.found"]})
            job = (await served.submit("pair/a.mp4"))["id"]
            await served.until(job)
            windows = (await served.call("GET", f"{API}/jobs/{job}/timeline"))["windows"]
            told = [verified(made["secret"], *await receiver.next())[1] for _ in windows]
            assert {message["type"] for message in told} == {"event.found"}
            data = sorted((message["data"] for message in told), key=lambda each: each["index"])
            assert [(each["start"], each["end"]) for each in data] == [(each["start"], each["end"]) for each in windows]
            assert all(each["events"] and each["job"] == job for each in data)
            # What a retry finds in the journal was told before.
            await served.call("POST", f"{API}/jobs/{job}/retry", 202)
            await served.until(job)
            assert len(await settled(served, made["id"], *["delivered"] * len(windows))) == len(windows)
            feed = [each["data"]["index"] for each in await served.feed(job) if each["event"] == "window"]
            assert sorted(feed) == list(range(len(windows)))

    with ModelServer.in_thread(script) as server:
        asyncio.run(work(server))


def test_a_delivery_that_was_given_up_is_sent_again_when_somebody_asks(tmp_path):
    async def work():
        receiver = Receiver([503] * SOON.tries)
        async with receiver.up(), serving(tmp_path, private_addresses=True) as served:
            served.service.deliverer.patience = SOON
            made = await served.call("POST", HOOKS, 201, json={"url": receiver.url})
            await failed(served)
            (told,) = await settled(served, made["id"], "failed")
            place = f"{HOOKS}/{made['id']}/deliveries"
            again = await served.call("POST", f"{place}/{told['id']}/retry", 202)
            assert (again["state"], again["attempts"]) == ("waiting", 0)
            (now_,) = await settled(served, made["id"], "delivered")
            assert (now_["id"], now_["attempts"]) == (told["id"], 1)
            await served.call("POST", f"{place}/msg_{'0' * 24}/retry", 404)

    asyncio.run(work())
