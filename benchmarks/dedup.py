"""What the deduplicators miss, what they save and what they cost: the table behind the constants of `videoscan.reading.difference`.

    python benchmarks/dedup.py [--json FILE]

Persons of 2, 5 and 15 % of the picture's height visit a made night camera (640x360, noise, light drifting by +-8 %, a ticking
clock) 24 times each, at one sample a second. "Missed" are visits of which no sample was kept; "still kept" is the share of the
samples with nobody there that were kept all the same. Microseconds are CPU time per sample, the
reduction of the picture included. At the end, the same of `tiles` for a
camera of 1920x1080: without putting a trembling camera back, with it where nothing trembles, and where every other sample is displaced.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from videoscan.config import WindowOptions
from videoscan.dedup import tiles
from videoscan.dedup.phash import PhashDedup
from videoscan.dedup.steadying import Steadier
from videoscan.dedup.tiles import TilesDedup
from videoscan.reading.difference import View, grid
from videoscan.reading.measure import measure
from videoscan.reading.reducing import Reducer
from videoscan.seams import Limits
from videoscan.testing import scenes
from videoscan.testing.scenes import NightCamera, many_visits

METHODS = {
    "tiles": TilesDedup(),
    "tiles without mask": TilesDedup(TilesDedup.Options(mask=False)),
    "phash 6": PhashDedup(),
    "phash 1": PhashDedup(PhashDedup.Options(distance=1)),
    "phash 0": PhashDedup(PhashDedup.Options(distance=0)),
}


def judged(camera: NightCamera, method: str) -> dict[str, float]:
    frames = list(camera.frames())
    begin = time.process_time()
    marks = [frame.mark for frame in METHODS[method].apply(frames)]
    seconds = time.process_time() - begin
    empty = [
        mark
        for mark in marks
        # The first empty sample after a visit is news, so it is not counted as still.
        if not any(visit.start <= mark.time < visit.end + 1 for visit in camera.visits)
    ]
    missed = sum(not any(mark.kept and visit.start <= mark.time < visit.end for mark in marks) for visit in camera.visits)
    return {
        "missed": missed,
        "visits": len(camera.visits),
        "still_kept": round(sum(mark.kept for mark in empty) / len(empty), 4),
        "us_per_sample": round(seconds / len(frames) * 1e6),
    }


def measured(camera: NightCamera) -> int:
    frames = [*map(Reducer(WindowOptions(), Limits(), cells=True), TilesDedup().apply(camera.frames()))]
    begin = time.process_time()
    for _ in measure(frames):
        pass
    return round((time.process_time() - begin) / len(frames) * 1e6)


class Idle(Steadier):
    """Puts nothing back, and costs nothing."""

    def steady(self, now: View, *_: object) -> View:
        """The picture as it is."""
        return now

    def follow(self, *_: object) -> None:
        """Learn nothing."""


def large(samples: int = 200) -> dict[str, int]:
    """Microseconds of CPU per sample of 1920x1080, from luma."""
    camera = replace(many_visits(8), width=1920, height=1080, seconds=20, noise=2.0)
    pool = list(camera.pictures())
    still = [pool[number % len(pool)] for number in range(samples)]
    trembling = [np.roll(picture, 4 * (number % 2), axis=1) for number, picture in enumerate(pool)] * (samples // len(pool))
    small = grid((camera.width, camera.height))
    begin = time.process_time()
    for frame in scenes.frames(still):
        frame.pixels.gray(*small)
    found = {"reducing alone": time.process_time() - begin}
    for name, pictures, steadier in (
        ("all but putting back", still, Idle),
        ("a still camera", still, Steadier),
        ("a trembling camera", trembling, Steadier),
    ):
        tiles.Steadier = steadier  # type: ignore[misc]
        begin = time.process_time()
        for _ in TilesDedup().apply(scenes.frames(pictures)):
            pass
        found[name] = time.process_time() - begin
    tiles.Steadier = Steadier  # type: ignore[misc]
    return {name: round(seconds / samples * 1e6) for name, seconds in found.items()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    rows = []
    print(f"{'method':20} {'noise':>5} {'height':>7} {'missed':>9} {'still kept':>10} {'us/sample':>9}")
    for method in METHODS:
        for noise in (2.0, 4.0, 8.0) if method == "tiles" else (4.0,):
            for size in (0.02, 0.05, 0.15):
                row = judged(replace(many_visits(24, (size,)), noise=noise), method)
                rows.append({"method": method, "noise": noise, "height": size, **row})
                print(
                    f"{method:20} {noise:5.0f} {size:7.0%} {row['missed']:>4} / {row['visits']:<2} "
                    f"{row['still_kept']:10.1%} {row['us_per_sample']:9}"
                )
    cost = measured(many_visits())
    print(f"measure(), after tiles: {cost} us per sample")
    costs = large()
    for name, microseconds in costs.items():
        print(f"tiles at 1920x1080, {name}: {microseconds} us per sample")
    if options.json:
        options.json.write_text(json.dumps({"rows": rows, "measure_us": cost, "large_us": costs}, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
