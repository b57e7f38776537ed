"""What tests of a service's streams share: a profile that tells soon, and how to wait for what a stream comes to."""

from __future__ import annotations

import asyncio

from serving import API

STREAMS = f"{API}/streams"
WATCH = {"watch": {"quiet": 1.0, "latency": 2.0}}


def run(work):
    asyncio.run(work())


async def until(look, holds, seconds=100):
    """What `look` gives once it is as it should be."""
    async with asyncio.timeout(seconds):
        while True:
            if holds(found := await look()):
                return found
            await asyncio.sleep(0.05)


async def timeline_of(served, job, events=1):
    async def look():
        async with served.session.get(f"{served.base}{API}/jobs/{job}/timeline") as answer:
            return await answer.json() if answer.status == 200 else {"events": []}

    return await until(look, lambda told: len(told["events"]) >= events)
