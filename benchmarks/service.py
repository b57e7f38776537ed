"""The service under load: 200 jobs wait, 50 feeds are open, two jobs run, and files of 2 GB come in. How large and how slow does it get?

``python benchmarks/service.py [--jobs 200] [--feeds 50] [--upload 2e9] [--asked 400]``

Goals: memory of the service (without the decoding children) under 400 MB, the 95th percentile of ``GET /jobs`` under 50 ms on loopback, its
event loop never held up for 100 ms. The last is what the service itself measures (``videoscan_loop_late_seconds``),
once as the clock has it and once without the time in which other programs had the processor.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import aiohttp
import psutil

SAMPLES = Path(__file__).parents[1] / "samples"
PIECE = 1 << 20
PAUSE = 0.1
"""Seconds between two rounds of three requests: below what one caller may ask for in a minute."""


def main() -> None:
    """Start the service, load it, measure it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=200)
    parser.add_argument("--feeds", type=int, default=50)
    parser.add_argument("--upload", type=float, default=2e9, help="bytes")
    parser.add_argument("--asked", type=int, default=400, help="requests that are timed")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="videoscan-service-") as data:
        serve = [sys.executable, "-m", "videoscan", "serve", "--port", "0", "--data", data, "--root", str(SAMPLES), "--jobs", "2"]
        process = subprocess.Popen(
            serve, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"}
        )
        try:
            assert process.stdout is not None
            base = process.stdout.readline().split()[-1].rstrip("/")
            print(json.dumps(asyncio.run(measure(base, psutil.Process(process.pid), given)), indent=1))
        finally:
            process.terminate()
            process.wait()


async def measure(base: str, process: psutil.Process, given: argparse.Namespace) -> dict[str, float | int]:
    """Load the service and time it. Milliseconds and megabytes."""
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(base, connector=connector, timeout=aiohttp.ClientTimeout(total=None)) as session:
        jobs = []
        began = time.perf_counter()
        for _ in range(given.jobs):
            async with session.post("/api/v1/jobs", json={"source": f"{SAMPLES.name}/match.mp4"}) as answer:
                jobs.append((await answer.json())["id"])
        submitted = time.perf_counter() - began
        feeds = [asyncio.create_task(listen(session, jobs[-1 - number])) for number in range(given.feeds)]
        upload = asyncio.create_task(send(session, int(given.upload)))
        peak, listing, health, late = 0, [], [], []
        for _ in range(given.asked):
            listing.append(await timed(session, "/api/v1/jobs?limit=50"))
            health.append(await timed(session, "/healthz"))
            late.append(await held_up(session))
            await asyncio.sleep(PAUSE)
            peak = max(peak, process.memory_info().rss)
        sent = await upload
        peak = max(peak, process.memory_info().rss)
        for feed in feeds:
            feed.cancel()
        await asyncio.gather(*feeds, return_exceptions=True)
        async with session.get("/api/v1/jobs?limit=500&state=queued&state=running") as answer:
            waiting = len((await answer.json())["jobs"])
    return {
        "jobs": given.jobs,
        "still waiting at the end": waiting,
        "submit, ms each": round(1000 * submitted / given.jobs, 2),
        "feeds": given.feeds,
        "upload, MB/s": round(given.upload / sent / 1e6),
        "GET /jobs median, ms": round(1000 * statistics.median(listing), 2),
        "GET /jobs p95, ms": round(1000 * statistics.quantiles(listing, n=20)[-1], 2),
        "GET /healthz slowest, ms": round(1000 * max(health), 2),
        "event loop held up, ms": round(1000 * max(each for each, _ in late), 1),
        "event loop held up by its own work, ms": round(1000 * max(each for _, each in late), 1),
        "service, MB": round(peak / 1e6),
    }


async def timed(session: aiohttp.ClientSession, path: str) -> float:
    """Seconds until the whole answer is there. Raises when it is no answer."""
    began = time.perf_counter()
    async with session.get(path) as answer:
        await answer.read()
        answer.raise_for_status()  # a refusal is quick, and no measure of anything
    return time.perf_counter() - began


async def held_up(session: aiohttp.ClientSession) -> tuple[float, float]:
    """Seconds that the service's event loop was held up at most within the last minute, and those of its own work among them."""
    async with session.get("/api/v1/metrics") as answer:
        told = dict(line.split() for line in (await answer.text()).splitlines() if line.startswith("videoscan_loop"))
        return float(told["videoscan_loop_late_seconds"]), float(told["videoscan_loop_own_seconds"])


async def listen(session: aiohttp.ClientSession, job: str) -> None:
    """Read a feed for ever."""
    async with session.get(f"/api/v1/jobs/{job}/feed") as answer:
        async for _ in answer.content:
            pass


async def send(session: aiohttp.ClientSession, size: int) -> float:
    """Upload so many bytes in one multipart body; seconds. No video: the job fails, which is not the matter here."""

    async def pieces():  # noqa: ANN202
        left = size
        while left > 0:
            yield bytes(min(PIECE, left))
            left -= PIECE

    form = aiohttp.FormData()
    form.add_field("file", pieces(), filename="large.mp4", content_type="video/mp4")
    began = time.perf_counter()
    async with session.post("/api/v1/jobs", data=form) as answer:
        assert answer.status == 202, await answer.text()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
