"""What the review page asks of the service besides a timeline: corrections that overwrite nothing unseen, a feed that stays, exports."""

from __future__ import annotations

import asyncio
import json

from serving import API, ENDED, events, serving

from videoscan.web.jobs_api import EXPORTS


def test_one_job_as_its_page_uses_it(tmp_path, roots):
    async def work():
        async with serving(tmp_path, roots=roots) as served:
            job = (await served.submit("reel.mp4"))["id"]
            other = (await served.submit("pair/a.mp4"))["id"]
            await served.until(job)
            await served.until(other)
            await corrections(served, job)
            await staying(served, job)
            await exports(served, job)
            await narrowed(served, job, other)

    asyncio.run(work())


async def corrections(served, job):
    """Two people have the same event before them: the second one is told, and nothing of the first one's is lost."""
    place = f"{API}/jobs/{job}"
    event = (await served.call("GET", f"{place}/timeline"))["events"][0]
    at = f"{place}/events/{event['id']}"
    nothing = {"state": None, "by": None, "at": None}

    async def say(action, seen, status=200, **more):
        return await served.call("PATCH", at, status, json={"action": action, "seen": seen, **more})

    done = (await say("edit", nothing, by="Lin", changes={"title": "Lin's"}))["event"]
    problem = await say("reject", nothing, 409, by="Ada")
    assert "Lin has corrected this event meanwhile" in problem["detail"]
    shown = (await served.call("GET", f"{place}/timeline"))["events"][0]
    assert (shown["title"], shown["review"]["state"]) == ("Lin's", "edited")
    seen = {key: done["review"][key] for key in nothing}
    assert (await say("accept", seen, by="Ada"))["event"]["review"]["state"] == "accepted"
    await say("undo", seen, 409)
    await served.call("PATCH", at, json={"action": "undo"})
    back = (await served.call("PATCH", at, json={"action": "undo"}))["event"]
    assert back["review"] is None
    assert back["title"] == event["title"]


async def staying(served, job):
    """A feed with `follow` is open after the job's end, and tells of a correction as it comes."""
    async with served.session.get(f"{served.base}{API}/jobs/{job}/feed?follow=true") as answer:
        text = ""

        async def until(what):
            nonlocal text
            async with asyncio.timeout(20):
                while what not in text:
                    text += (await answer.content.readany()).decode()

        await until('"done"')
        before = len(events(text))
        timeline = await served.call("GET", f"{API}/jobs/{job}/timeline")
        event = timeline["events"][0]["id"]
        await served.call("PATCH", f"{API}/jobs/{job}/events/{event}", json={"action": "accept", "by": "Kim"})
        await until('"by":"Kim"')
        told = events(text)
        assert [each["event"] for each in told[before:]][-1] == "event"
        assert "end" not in {each["event"] for each in told}
    assert (await served.feed(job))[-1]["event"] == "end", "without it, a feed of a job that has ended ends"
    assert (await served.call("GET", f"{API}/jobs/{job}"))["state"] in ENDED


async def exports(served, job):
    for suffix in EXPORTS:
        body = await served.call("GET", f"{API}/jobs/{job}/timeline.{suffix}")
        text = json.dumps(body) if isinstance(body, dict) else body.decode()
        assert len(text) > 20, suffix
        assert str(served.service.settings.roots[0].parent) not in text, suffix
    await served.call("GET", f"{API}/jobs/{job}/timeline.chapters", 404)


async def narrowed(served, job, other):
    """A search may be held to one job's timeline."""
    q = "change* OR camera OR cut OR picture OR scene"
    every = await served.call("GET", f"{API}/search", params={"q": q, "limit": 200})
    assert {hit["job"] for hit in every["hits"]} == {job, other}, every
    for each in (job, other):
        found = await served.call("GET", f"{API}/search", params={"q": q, "job": each, "limit": 200})
        assert {hit["job"] for hit in found["hits"]} == {each}
    await served.call("GET", f"{API}/search", 422, params={"q": q, "job": "../../etc"})
