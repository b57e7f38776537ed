"""Whether `videoscan tune` tells the truth: the people of the made scenes beside figures planted in their place into the empty scene.

    python benchmarks/tuning.py [--only NAME ...] [--seed 1 ...] [--size 1280x720] [--noise 12] [--json FILE]

"drawn" are the people that a scene draws (shaded, hiding what is behind them, with a shadow; coded with everything else in the coded
scenes), "in place" silhouettes planted into the same scene without people at the same times, places and contrasts, "predicted" what
`tune` plants anywhere in it, with the same contrasts. All three are missed of how many, at one sample a second.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import cv2

from videoscan.config import WindowOptions
from videoscan.model import EVERYWHERE, SourceInfo
from videoscan.seams import Limits
from videoscan.testing import disturbances
from videoscan.testing.disturbances.cast import Walker
from videoscan.testing.disturbances.lens import Noise
from videoscan.testing.disturbances.scene import INDEX_RATE
from videoscan.tuning import planting, trials
from videoscan.tuning.figures import WIDTH, Figure
from videoscan.tuning.following import Followed
from videoscan.tuning.footage import Excerpt, Material
from videoscan.tuning.held import Held

if TYPE_CHECKING:
    from collections.abc import Iterable

    from videoscan.model import Frame


SCENES = (
    "calm",
    "noise-4",
    "noise-8",
    "noise-16",
    "noise-8-coded",
    "pumping",
    "dawn",
    "rain",
    "snow",
    "tree",
    "clock",
    "night-rain",
)
METHODS = {"tiles": {"kind": "tiles"}, "phash": {"kind": "phash"}}
HEIGHTS = (0.02, 0.03, 0.05)
PRICE = trials.Price(Limits(), 0, 0)
EACH = 30


def held(scene: disturbances.Scene) -> Material:
    frames = []
    for frame in scene.frames():
        pixels = Held(frame.pixels.size, frame.pixels)
        for size in ((160, 90), (64, 64)):
            pixels.gray(*size)
        pixels.gray(*frame.pixels.size)
        pixels.let_go()
        frames.append(replace(frame, pixels=pixels, following=followed(frame) if scene.air else None))
    width, height = scene.size
    excerpt = Excerpt(0.0, scene.truth.duration, tuple(frames))
    return Material(SourceInfo(scene.name, width, height, 1.0), (excerpt,), None, whole=True)


def followed(frame: Frame) -> Followed | None:
    """What comes after a sample, in which figures can be planted."""
    if frame.following is None:
        return None
    pictures = tuple(Held(pixels.size, pixels) for pixels in frame.following())
    for picture in pictures:
        picture.gray(160, 90)
        picture.let_go()
    return Followed(tuple(frame.time + (number + 1) / INDEX_RATE for number in range(len(pictures))), pictures)


def in_place(walker: Walker) -> list[Figure]:
    """Silhouettes that stand for somebody drawn: for one who stands a while, three in a row."""
    event, end = walker.event, walker.start + walker.seconds
    walk = (walker.seconds - walker.stand) / 2
    edges = [walker.start, end] if not walker.stand else [walker.start, walker.start + walk, end - walk, end]
    found = []
    for begin, stop in itertools.pairwise(edges):
        x, later = walker.centre(begin), walker.centre(stop - 1e-3)
        assert x is not None
        assert later is not None
        low = walker.box(begin)[3]
        pace = (later - x) / (stop - begin)
        half = WIDTH / 2 * walker.height / walker.aspect
        found.append(
            Figure(
                begin, stop, walker.height, x, low - walker.height / 2, half, event.contrast, pace if abs(pace) > 1e-6 else 0.0
            )
        )
    return found


def setting(method: str) -> trials.Setting:
    return trials.Setting(method, None, METHODS[method], EVERYWHERE, WindowOptions())


def missed(marks: Iterable, start: float, end: float) -> bool:
    return not any(mark.kept and start <= mark.time < end for mark in marks)


def compare(name: str, seed: int, size: tuple[int, int], noise: float | None) -> dict[str, dict[float, Counter[str]]]:
    scene = disturbances.scene(name, seed=seed, size=size)
    if noise is not None:
        scene = replace(scene, noise=Noise(noise, seed))
    people, nobody = held(scene), held(replace(scene, cast=()))
    walkers = [actor for actor in scene.cast if isinstance(actor, Walker) and actor.height in HEIGHTS and not actor.inside]
    counts: dict[str, dict[float, Counter[str]]] = {}
    for method in METHODS:
        found: dict[float, Counter[str]] = defaultdict(Counter)
        drawn = trials.measure(people, setting(method), PRICE).marks[0]
        trial = trials.measure(nobody, setting(method), PRICE)
        planted = trials.run(nobody.excerpts[0], trial, PRICE, tuple(figure for walker in walkers for figure in in_place(walker)))
        for walker in walkers:
            start, end = walker.start, walker.start + walker.seconds
            found[walker.height]["people"] += 1
            found[walker.height]["drawn"] += missed(drawn, start, end)
            found[walker.height]["in place"] += missed(planted, start, end)
        for height in HEIGHTS:
            contrasts = [abs(walker.event.contrast) for walker in walkers if walker.height == height]
            for contrast in contrasts:
                wanted = planting.Wanted((height,), EACH // len(contrasts), contrast, 3.0, seed + int(contrast))
                trials.put_to(trial, nobody, planting.plant(nobody, wanted, EVERYWHERE, trial.marks), PRICE)
            found[height]["predicted"] = trial.missed(height)
            found[height]["figures"] = len(trial.of(height))
        counts[method] = found
    return counts


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--only", action="append", choices=disturbances.names(), metavar="NAME", help="only this scene; repeatable"
    )
    parser.add_argument("--seed", type=int, action="append", help="repeatable; default 1")
    parser.add_argument("--size", default="1280x720")
    parser.add_argument("--noise", type=float, help="grey levels of sensor noise, instead of the scene's own")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    width, height = (int(side) for side in options.size.split("x"))
    rows = []
    total: dict[str, dict[float, Counter[str]]] = {method: defaultdict(Counter) for method in METHODS}
    print(f"{'scene':16} {'method':6} {'height':>6} {'drawn':>8} {'in place':>8} {'predicted':>9}")

    def show(name: str, method: str, tall: float, counts: Counter[str]) -> None:
        people, figures = counts["people"], counts["figures"]
        cells = [f"{counts['drawn']}/{people}", f"{counts['in place']}/{people}", f"{counts['predicted']}/{figures}"]
        print(f"{name:16} {method:6} {tall:6.0%} {cells[0]:>8} {cells[1]:>8} {cells[2]:>9}", flush=True)

    for name in options.only or SCENES:
        here: dict[str, dict[float, Counter[str]]] = {method: defaultdict(Counter) for method in METHODS}
        for seed in options.seed or [1]:
            for method, found in compare(name, seed, (width, height), options.noise).items():
                for tall, counts in found.items():
                    here[method][tall] += counts
                    total[method][tall] += counts
        for method, found in here.items():
            for tall, counts in sorted(found.items()):
                show(name, method, tall, counts)
                rows.append({"scene": name, "method": method, "height": tall, **counts})
    for method, found in total.items():
        for tall, counts in sorted(found.items()):
            show("all", method, tall, counts)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
