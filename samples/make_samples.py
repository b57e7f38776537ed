"""Makes the clips in this folder and their truth files: ``python -m samples.make_samples [CLIP...] [--out DIR]``."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

if __package__ in {None, ""}:  # Started by its path, not with -m: the folder above holds the package.
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from samples.carpark import CarPark
from samples.film import Coding, film
from samples.match import Match
from samples.phone import Phone

HERE = Path(__file__).resolve().parent

SAMPLES: dict[str, tuple[type[CarPark | Match | Phone], Coding]] = {
    "carpark-night.mp4": (CarPark, Coding(crf=30, gop_seconds=4.0)),
    "match.mp4": (Match, Coding(crf=32, gop_seconds=4.0)),
    "phone-vfr.mp4": (Phone, Coding(crf=27, gop_seconds=3.0, start=0.48, rotation=90, bframes=0)),
}
"""Every clip: the scene, which films itself with its own defaults, and how it is coded."""


def main(arguments: list[str] | None = None) -> int:
    """Make the named clips, or all; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clips", nargs="*", metavar="CLIP", help=f"one of {', '.join(SAMPLES)} (default: all)")
    parser.add_argument("--out", type=Path, default=HERE, metavar="DIR", help="where to write (default: beside this file)")
    options = parser.parse_args(arguments)
    unknown = [clip for clip in options.clips if clip not in SAMPLES]
    if unknown:
        parser.error(f"there is no clip {unknown[0]!r}; choose from {', '.join(SAMPLES)}")
    options.out.mkdir(parents=True, exist_ok=True)
    for clip in options.clips or SAMPLES:
        kind, coding = SAMPLES[clip]
        scene = kind()
        began = time.monotonic()
        truth = film(scene, options.out / clip, coding)
        size = (options.out / clip).stat().st_size
        print(
            f"{clip}: {truth.duration:g} s, {len(truth.events)} events, {size / 1e6:.2f} MB, made in {time.monotonic() - began:.0f} s"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
