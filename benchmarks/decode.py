"""How much cheaper a pass is than reading every picture: CPU seconds of a `cv2.VideoCapture.read()` loop over those of each way.

    python benchmarks/decode.py [--seconds 60] [--json decode.json]

Needs the ffmpeg program, which makes the 1080p30 clips. Targets: keyframes and 1 fps snapped at GOP 30 at least 8, exact 1 fps
at GOP 250 at least 1.8, with PyAV.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import cv2

from videoscan.samplers.interval import IntervalOptions, IntervalSampler
from videoscan.samplers.keyframe import KeyframeOptions, KeyframeSampler
from videoscan.sources.opencv import OpenCvSource
from videoscan.sources.pyav import PyAvSource

if TYPE_CHECKING:
    from collections.abc import Callable

    from videoscan.seams import Sampler, Source

MOVING = "testsrc2=size=1920x1080:rate=30:duration={},noise=alls=12:allf=t"


def clip(folder: Path, seconds: int, gop: int) -> Path:
    target = folder / f"gop{gop}.mp4"
    options = ["-c:v", "libx264", "-preset", "superfast", "-pix_fmt", "yuv420p", "-g", str(gop), "-bf", "2", "-b:v", "6M"]
    subprocess.run(
        ["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", MOVING.format(seconds), *options, str(target)], check=True
    )
    return target


def read_loop(path: Path) -> int:
    capture = cv2.VideoCapture(str(path))
    count = 0
    while capture.read()[0]:
        count += 1
    return count


def sampled(source: Source, sampler: Sampler, path: Path) -> int:
    footage = source.open(str(path))
    return sum(frame.pixels.gray(160, 90) is not None for frame in footage.frames(sampler))


def demuxed(path: Path) -> int:
    # Keyframes further apart than the clip is long: one picture is decoded, the rest only demuxed.
    return sampled(PyAvSource(), KeyframeSampler(KeyframeOptions(least=1e6, most=0)), path)


def cost(work: Callable[[], int], repeat: int = 2) -> tuple[float, float, int]:
    """(CPU seconds, wall seconds, pictures), the best of `repeat`."""
    best = (float("inf"), float("inf"), 0)
    for _ in range(repeat):
        cpu, wall = time.process_time(), time.perf_counter()
        count = work()
        best = min(best, (time.process_time() - cpu, time.perf_counter() - wall, count))
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="length of the clips")
    parser.add_argument("--json", type=Path, help="also write the figures there")
    given = parser.parse_args()
    keyframes = KeyframeSampler(KeyframeOptions(most=0))
    snapped, exact = IntervalSampler(IntervalOptions(every=1)), IntervalSampler(IntervalOptions(every=1, snap=False))
    wanted = {30: [("keyframes", keyframes), ("1 fps snapped", snapped)], 250: [("1 fps exact", exact)]}
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for gop, cases_wanted in wanted.items():
            path = clip(Path(folder), given.seconds, gop)
            base = cost(lambda path=path: read_loop(path))
            cases: list[tuple[str, Callable[[], int]]] = []
            if gop == 30:
                cases.append(("demux only, PyAV", lambda path=path: demuxed(path)))
            for source in (PyAvSource(), OpenCvSource()):
                name = type(source).__name__.removesuffix("Source")
                for what, sampler in cases_wanted:
                    cases.append(
                        (f"{what}, {name}", lambda source=source, sampler=sampler, path=path: sampled(source, sampler, path))
                    )
            for what, work in cases:
                cpu, wall, count = cost(work)
                rows.append({
                    "gop": gop, "case": what, "pictures": count, "cpu": round(cpu, 3), "wall": round(wall, 3),
                    "times_cheaper": round(base[0] / cpu, 1), "times_faster": round(base[1] / wall, 1),
                })  # fmt: skip
    print(f"{'GOP':>4}  {'case':24} {'pictures':>8} {'CPU s':>8} {'x CPU':>7} {'x wall':>7}")
    for row in rows:
        print("{gop:>4}  {case:24} {pictures:>8} {cpu:>8.3f} {times_cheaper:>7} {times_faster:>7}".format(**row))
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
