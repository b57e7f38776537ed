"""Do decoding, encoding and waiting for the model overlap? A model server that takes one second a window, four at once.

Prints the wall time of the whole scan over the larger of (the core alone, windows / 4 seconds); the goal is at most 1.1.
"""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
import time
from pathlib import Path

from clips import repeat

import videoscan
from videoscan import config, core
from videoscan.recordings import inputs
from videoscan.seams import Limits
from videoscan.testing.model_server import ModelServer, ok

SAMPLE = Path(__file__).parent.parent / "samples" / "carpark-night.mp4"
SETS = ("windows.max_frames=3", "windows.overlap_frames=0", "dedup.kind=none", "describer.concurrency=4")


def alone(clip: Path) -> tuple[float, int]:
    """The core without anybody to wait for: seconds and windows."""
    given = inputs.single(clip)
    profile = config.load("default", sets=SETS, environ={}).profile
    began = time.perf_counter()
    items = list(core.Core(core.spec_for(given, profile, Limits())))
    return time.perf_counter() - began, len(items) - 2


async def with_model(clip: Path) -> float:
    async with ModelServer(lambda _request: ok(delay=1.0)) as server:
        began = time.perf_counter()
        await videoscan.scan(clip, endpoint=server.url, model="tiny", sets=SETS)
        return time.perf_counter() - began


def main() -> None:
    os.environ.pop("VIDEOSCAN_API_KEY", None)
    with tempfile.TemporaryDirectory() as made:
        clip = repeat(SAMPLE, 150, Path(made) / "clip.mp4")
        decode, windows = alone(clip)
        wall = asyncio.run(with_model(clip))
    bound = max(decode, windows / 4)
    print(f"core alone {decode:.2f} s, {windows} windows / 4 = {windows / 4:.2f} s, whole scan {wall:.2f} s")
    print(f"ratio {wall / bound:.3f} (goal: at most 1.1)")
    print(json.dumps({"benchmark": "overlap", "core_s": decode, "windows": windows, "wall_s": wall, "ratio": wall / bound}))


if __name__ == "__main__":
    main()
