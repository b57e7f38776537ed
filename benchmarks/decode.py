"""How much cheaper a pass is than a plain OpenCV loop over every picture: CPU seconds of the loop over those of each way.

    python benchmarks/decode.py [--seconds 125] [--rounds 2] [--clips FOLDER] [--codec h264 ...] [--json FILE] [--write docs/speed.md]

The clips are 1080p30 with two B-frames, made with the ffmpeg program (see `benchmarks.clips.street`); with `--clips` they are kept and
used again. Each way opens the file, goes through it and reduces every sample's luma to 160x90, as a deduplicator does. The loops are
`cv2.VideoCapture.read()`, which converts every picture to BGR, and `grab()`, which does not. "Demux only" reads every packet and decodes
one picture: the floor. CPU seconds are those of the whole process, all threads together, the least of the rounds; everything is
measured in one run, the rounds one after another, so that what else the machine does befalls all ways alike.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import av
import cv2
from clips import repeat, street

from videoscan.samplers.interval import IntervalOptions, IntervalSampler
from videoscan.samplers.keyframe import KeyframeOptions, KeyframeSampler
from videoscan.sources.opencv import OpenCvOptions, OpenCvSource
from videoscan.sources.pyav import PyAvOptions, PyAvSource

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from videoscan.seams import Sampler, Source

KEYFRAMES = "keyframes"
SNAPPED, EXACT, SPARSE = "1 fps snapped", "1 fps exact", "0.2 fps snapped"
DEMUX = "demux only"
TARGETS = {
    (30, KEYFRAMES): ("read", 8.0),
    (30, SNAPPED): ("read", 8.0),
    (30, SPARSE): ("grab", 25.0),
    (250, SNAPPED): ("read", 1.8),
}
"""By keyframe distance and way: what the default backend is held against, and how many times cheaper it should be."""

SAMPLERS: dict[str, Sampler] = {
    KEYFRAMES: KeyframeSampler(KeyframeOptions(most=0)),
    SNAPPED: IntervalSampler(IntervalOptions(every=1)),
    EXACT: IntervalSampler(IntervalOptions(every=1, snap=False)),
    SPARSE: IntervalSampler(IntervalOptions(every=5)),
    # Keyframes further apart than the clip is long: one picture is decoded, the rest only demuxed.
    DEMUX: KeyframeSampler(KeyframeOptions(least=1e6, most=0)),
}
WAYS = {30: (KEYFRAMES, SNAPPED, SPARSE, EXACT, DEMUX), 250: (SNAPPED, EXACT, DEMUX)}
OPENCV_WAYS = {30: (KEYFRAMES, SNAPPED, SPARSE), 250: (SNAPPED,)}


@dataclass
class Row:
    """One way through one clip."""

    codec: str
    gop: int
    way: str
    backend: str
    pictures: int = 0
    cpu: float = float("inf")
    wall: float = float("inf")
    over_read: float = 0.0
    over_grab: float = 0.0

    @property
    def target(self) -> tuple[str, float] | None:
        """What it is held against, and how many times cheaper it should be."""
        return TARGETS.get((self.gop, self.way)) if self.backend == "PyAV" else None

    @property
    def reached(self) -> float:
        """How many times cheaper than that it is."""
        return self.over_grab if self.target and self.target[0] == "grab" else self.over_read


def read_loop(path: Path) -> int:
    capture = cv2.VideoCapture(str(path))
    count = 0
    while capture.read()[0]:
        count += 1
    return count


def grab_loop(path: Path) -> int:
    capture = cv2.VideoCapture(str(path))
    count = 0
    while capture.grab():
        count += 1
    return count


def sampled(source: Source, sampler: Sampler, path: Path) -> int:
    footage = source.open(str(path))
    return sum(frame.pixels.gray(160, 90) is not None for frame in footage.frames(sampler))


def ways(codec: str, gop: int, path: Path, threads: int) -> list[tuple[Row, Callable[[], int]]]:
    pyav, opencv = PyAvSource(PyAvOptions(threads=threads)), OpenCvSource(OpenCvOptions(threads=threads))
    loops = [("read() loop", read_loop), ("grab() loop", grab_loop)]
    sources = [("PyAV", pyav, WAYS[gop]), ("OpenCV", opencv, OPENCV_WAYS[gop])]
    return [(Row(codec, gop, name, "cv2"), partial(loop, path)) for name, loop in loops] + [
        (Row(codec, gop, way, backend), partial(sampled, source, SAMPLERS[way], path))
        for backend, source, wanted in sources
        for way in wanted
    ]


def measured(cases: Sequence[tuple[Row, Callable[[], int]]], rounds: int) -> list[Row]:
    for number in range(rounds):
        for row, work in cases:
            cpu, wall = time.process_time(), time.perf_counter()
            row.pictures = work()
            row.cpu = min(row.cpu, time.process_time() - cpu)
            row.wall = min(row.wall, time.perf_counter() - wall)
            print(
                f"  round {number + 1}: {row.codec} GOP {row.gop} {row.backend} {row.way}: {row.cpu:.2f} s CPU", file=sys.stderr
            )
    rows = [row for row, _ in cases]
    read, grab = rows[0].cpu, rows[1].cpu
    for row in rows:
        row.over_read, row.over_grab = round(read / row.cpu, 2), round(grab / row.cpu, 2)
    return rows


def kbit(path: Path, seconds: float) -> int:
    return round(path.stat().st_size * 8 / seconds / 1000)


def table(rows: Sequence[Row], seconds: float) -> str:
    lines = [
        "| codec | GOP | way | backend | pictures | CPU s | times cheaper than read() | than grab() | target |",
        "| --- | ---: | --- | --- | ---: | ---: | ---: | ---: | --- |",
    ]
    for row in rows:
        target = ""
        if row.target:
            against, least = row.target
            target = f"{least:g} x {against}(): {'reached' if row.reached >= least else f'missed, {row.reached:g}'}"
        lines.append(
            f"| {row.codec} | {row.gop} | {row.way} | {row.backend} | {row.pictures} | {row.cpu:.2f} | {row.over_read:g} "
            f"| {row.over_grab:g} | {target} |"
        )
    return "\n".join(lines) + f"\n\nEach clip lasts {seconds:g} s.\n"


def machine() -> str:
    model = next(
        (line.partition(":")[2].strip() for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines() if "model name" in line),
        platform.processor(),
    ) if Path("/proc/cpuinfo").exists() else platform.processor()  # fmt: skip
    return f"{model}, {os.cpu_count()} cores; PyAV {av.__version__}, OpenCV {cv2.__version__}, Python {platform.python_version()}"


def page(rows: Sequence[Row], seconds: float, rates: Sequence[str]) -> str:
    """The measured part of the document in docs/."""
    assert __doc__ is not None
    explained = "\n\n".join(__doc__.split("\n\n")[2:])
    return f"{explained.strip()}\n\nMeasured on {machine()}. The clips: {', '.join(rates)}.\n\n{table(rows, seconds)}"


def written(document: Path, part: str) -> None:
    """Put `part` between the marks in `document`; what a person wrote around them stays."""
    begin, end = "<!-- Made by benchmarks/decode.py --write; do not edit. -->", "<!-- End of what was made. -->"
    text = document.read_text(encoding="utf-8")
    before, _, rest = text.partition(begin)
    after = rest.partition(end)[2]
    document.write_text(f"{before}{begin}\n\n{part}\n{end}{after}", encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0] if __doc__ else None)
    parser.add_argument("--seconds", type=int, default=125, help="length of the clips")
    parser.add_argument("--rounds", type=int, default=2, help="how often everything is measured; the least counts")
    parser.add_argument("--threads", type=int, default=0, help="decoder threads; 0 is as many as the source chooses")
    parser.add_argument("--codec", action="append", choices=["h264", "hevc"], help="only this one")
    parser.add_argument("--gop", action="append", type=int, choices=[30, 250], help="only this keyframe distance")
    parser.add_argument("--clips", type=Path, help="a folder to keep the clips in and to take them from")
    parser.add_argument("--json", type=Path, help="also write the figures there")
    parser.add_argument("--write", type=Path, help="also put the table into this document")
    asked = parser.parse_args()
    rows: list[Row] = []
    rates: list[str] = []
    with tempfile.TemporaryDirectory() if asked.clips is None else nullcontext(asked.clips) as given:
        folder = Path(given)
        folder.mkdir(parents=True, exist_ok=True)
        for codec in asked.codec or ["h264", "hevc"]:
            for gop in asked.gop or [30, 250]:
                path = folder / f"street-{codec}-{gop}-{asked.seconds}s.mp4"
                if not path.exists():
                    repeat(street(folder, codec, gop), asked.seconds, path)
                rates.append(f"{codec} GOP {gop} {kbit(path, asked.seconds)} kbit/s")
                rows += measured(ways(codec, gop, path, asked.threads), asked.rounds)
    print(table(rows, asked.seconds))
    if asked.json:
        asked.json.write_text(json.dumps([vars(row) for row in rows], indent=1) + "\n", encoding="utf-8")
    if asked.write:
        written(asked.write, page(rows, asked.seconds, rates))
    missed = [row for row in rows if row.target and row.reached < row.target[1]]
    print(f"{sum(row.target is not None for row in rows) - len(missed)} targets reached, {len(missed)} missed")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except subprocess.CalledProcessError as fault:
        sys.exit(f"the ffmpeg program could not make the clips: {fault}")
