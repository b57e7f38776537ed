"""How much rain and snow `tiles` copes with: what it misses and keeps by the drops in each picture and the pictures that follow a sample.

    python benchmarks/weather.py [--seconds 150] [--seed 1] [--write FILE.md]

The made scenes `rain` and `snow` (1280x720, one sample a second) with more or fewer drops and flakes than they have, and with fewer
pictures after a sample than a camera of 25 a second gives. "Cells hit" are those that differ by more than 7 grey levels from what is behind, in any one
picture: from there on a still place counts as changed.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import documents
import numpy as np

from videoscan.dedup.tiles import TilesDedup
from videoscan.reading.difference import CHANGED, NOISE_FLOOR, grid, view
from videoscan.testing import disturbances
from videoscan.testing.scenes import ArrayPixels

if TYPE_CHECKING:
    from collections.abc import Iterator

    from videoscan.model import Frame
    from videoscan.testing.disturbances import Scene

TRIALS = (("rain", 105, 6), ("rain", 210, 6), ("rain", 420, 6), ("rain", 840, 6), ("rain", 420, 4), ("snow", 190, 6))
"""What falls, how many of it in each picture, and the pictures after a sample."""


def hit(scene: Scene) -> float:
    """The share of the cells that what falls changes."""
    found, clear = [], replace(scene, air=())
    for time in np.linspace(1, 20, 5):
        one, other = (view(ArrayPixels(each.picture(time)).gray(*grid(scene.size))).detail for each in (scene, clear))
        found.append(np.count_nonzero(cv2.absdiff(one, other) > CHANGED * NOISE_FLOOR) / one.size)
    return float(np.mean(found))


def frames(scene: Scene, following: int) -> Iterator[Frame]:
    for frame in scene.frames():
        asked = frame.following
        assert asked is not None
        yield replace(frame, following=lambda asked=asked: islice(asked(), following))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=150.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", type=Path, help="also put the table into this document")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    rows = []
    for name, count, following in TRIALS:
        made = disturbances.scene(name, seed=options.seed, seconds=options.seconds)
        scene = replace(made, air=tuple(replace(each, count=count) for each in made.air))
        marks = [frame.mark for frame in TilesDedup().apply(frames(scene, following))]
        found = disturbances.judge(marks, scene.truth, 1.0)
        missed = len(found.missed_begins) + len(found.missed_ends)
        rows.append(
            (
                name,
                str(count),
                f"{hit(scene):.1%}",
                str(following),
                f"{missed} of {2 * len(found.verdicts)}",
                f"{found.quiet_share:.0%}",
            )
        )
        print("  ".join(rows[-1]), flush=True)
    if options.write:
        head = ("what falls", "in a picture", "cells hit", "pictures after a sample", "begins and ends missed", "quiet kept")
        documents.put(options.write, "weather.py", documents.markdown(head, rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
