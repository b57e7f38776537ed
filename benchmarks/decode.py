"""How much cheaper a pass is than a plain OpenCV loop over every picture: CPU seconds of the loop over those of each way.

    python benchmarks/decode.py [--seconds 125] [--rounds 2] [--clips FOLDER] [--only PART ...] [--json FILE] [--write docs/speed.md]

The clips are 1080p30 with two B-frames, made with the ffmpeg program (see `benchmarks.clips.street`); with `--clips` they are kept and
used again. What can be saved depends on how large a clip's keyframes are: they are the part that has to be decoded. "Large keyframes" is
the worst case, a silent camera's, where half of all bits are theirs.

Each way opens the file, goes through it and reduces every sample's luma to 160x90, as a deduplicator does. The loops are
`cv2.VideoCapture.read()`, which converts every picture to BGR, and `grab()`, which does not. "Demux only" reads every packet and decodes
one picture: the floor. A decoder has half of the cores, as in a scan of a long recording, which reads two stretches at once. `ffmpeg -skip_frame nokey` is the ffmpeg program decoding keyframes and doing nothing with them.

CPU seconds are user and system time, all threads together, the mean of the rounds. Ratios are taken within a round, in which every way
runs once, so that what else the machine does befalls all alike; the middle one is told, and the least and the greatest where there are several.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import av
import cv2
import documents
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


@dataclass(frozen=True)
class Clip:
    """What is gone through."""

    codec: str
    gop: int
    large_keyframes: bool = False

    @property
    def name(self) -> str:
        """As the table calls it."""
        return f"{self.codec}, GOP {self.gop}{', large keyframes' if self.large_keyframes else ''}"

    def made(self, folder: Path, seconds: int) -> Path:
        """The file, made if it is not there."""
        path = folder / f"{self.name.replace(', ', '-').replace(' ', '-')}-{seconds}s.mp4"
        if not path.exists():
            repeat(street(folder, self.codec, self.gop, large_keyframes=self.large_keyframes), seconds, path)
        return path


CLIPS = (Clip("h264", 30), Clip("hevc", 30), Clip("h264", 250), Clip("hevc", 250), Clip("h264", 30, large_keyframes=True))


@dataclass
class Row:
    """One way through one clip; `cpu` holds seconds of each round, the ratios how many times cheaper it was than each loop."""

    clip: Clip
    way: str
    backend: str
    pictures: int = 0
    seconds: int = 0
    kbit: int = 0
    cpu: list[float] = field(default_factory=list)
    over_read: list[float] = field(default_factory=list)
    over_grab: list[float] = field(default_factory=list)

    @property
    def target(self) -> tuple[str, float] | None:
        """What it is held against, and how many times cheaper it should be. Large keyframes are shown, not aimed at."""
        if self.backend != "PyAV" or self.clip.large_keyframes:
            return None
        return TARGETS.get((self.clip.gop, self.way))

    @property
    def reached(self) -> float:
        """How many times cheaper than that it is."""
        return statistics.median(self.over_grab if self.target and self.target[0] == "grab" else self.over_read)


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


def nokey(path: Path) -> int:
    program = ["ffmpeg", "-v", "error", "-nostdin", "-skip_frame", "nokey", "-i", str(path), "-an", "-f", "null", "-"]
    subprocess.run(program, check=True)
    return 0


def ways(clip: Clip, path: Path, seconds: int, threads: int) -> list[tuple[Row, Callable[[], int]]]:
    made = {"seconds": seconds, "kbit": round(path.stat().st_size * 8 / seconds / 1000)}
    pyav, opencv = PyAvSource(PyAvOptions(threads=threads)), OpenCvSource(OpenCvOptions(threads=threads))
    loops = [("read() loop", "cv2", read_loop), ("grab() loop", "cv2", grab_loop), ("-skip_frame nokey", "ffmpeg", nokey)]
    sources = [("PyAV", pyav, WAYS[clip.gop]), ("OpenCV", opencv, OPENCV_WAYS[clip.gop])]
    return [(Row(clip, name, backend, **made), partial(loop, path)) for name, backend, loop in loops] + [
        (Row(clip, way, backend, **made), partial(sampled, source, SAMPLERS[way], path))
        for backend, source, wanted in sources
        for way in wanted
    ]


def spent() -> float:
    """CPU seconds of this process and of the programs it ran."""
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(used.ru_utime + used.ru_stime for used in both)


def remembered(figures: Path | None) -> list[Row]:
    """What an earlier run wrote there."""
    if figures is None or not figures.exists():
        return []
    return [Row(**{**row, "clip": Clip(**row["clip"])}) for row in json.loads(figures.read_text(encoding="utf-8"))]


def measured(cases: Sequence[tuple[Row, Callable[[], int]]], rounds: int) -> list[Row]:
    rows = [row for row, _ in cases]
    for number in range(rounds):
        for row, work in cases:
            before = spent()
            row.pictures = work()
            row.cpu.append(spent() - before)
            row.over_read.append(rows[0].cpu[-1] / row.cpu[-1])
            row.over_grab.append(rows[1].cpu[-1] / row.cpu[-1] if row is not rows[0] else 0.0)
            print(f"  round {number + 1}: {row.clip.name}, {row.backend} {row.way}: {row.cpu[-1]:.2f} s CPU", file=sys.stderr)
        rows[0].over_grab[-1] = rows[1].cpu[-1] / rows[0].cpu[-1]
    return rows


def times(ratios: Sequence[float]) -> str:
    """The middle ratio, and how far the rounds lie apart."""
    told = f"{statistics.median(ratios):.3g}"
    return told if len(ratios) < 2 else f"{told} ({min(ratios):.3g}-{max(ratios):.3g})"


def table(rows: Sequence[Row]) -> str:
    lines = [
        "| clip | way | backend | pictures | CPU s | times cheaper than read() | than grab() | target |",
        "| --- | --- | --- | ---: | ---: | ---: | ---: | --- |",
    ]
    for row in rows:
        target = ""
        if row.target:
            against, least = row.target
            target = f"{least:g} x {against}(): {'reached' if row.reached >= least else f'missed, {row.reached:.3g}'}"
        lines.append(
            f"| {row.clip.name} | {row.way} | {row.backend} | {row.pictures or ''} | {statistics.mean(row.cpu):.2f} "
            f"| {times(row.over_read)} | {times(row.over_grab)} | {target} |"
        )
    return "\n".join(lines) + "\n"


def machine() -> str:
    model = next(
        (line.partition(":")[2].strip() for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines() if "model name" in line),
        platform.processor(),
    ) if Path("/proc/cpuinfo").exists() else platform.processor()  # fmt: skip
    return f"{model}, {os.cpu_count()} cores; PyAV {av.__version__}, OpenCV {cv2.__version__}, Python {platform.python_version()}"


def page(rows: Sequence[Row]) -> str:
    """The measured part of the document in docs/."""
    assert __doc__ is not None
    explained = "\n\n".join(__doc__.split("\n\n")[2:])
    rates = dict.fromkeys(f"{row.clip.name}: {row.seconds} s, {row.kbit} kbit/s" for row in rows)
    return f"{explained.strip()}\n\nMeasured on {machine()}. The clips: {'; '.join(rates)}.\n\n{table(rows)}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0] if __doc__ else None)
    parser.add_argument("--seconds", type=int, default=125, help="length of the clips")
    parser.add_argument("--rounds", type=int, default=2, help="how often everything is measured")
    shared = max(1, (os.cpu_count() or 1) // 2)
    parser.add_argument("--threads", type=int, default=shared, help="decoder threads; 0 is as many as the decoder chooses")
    parser.add_argument("--only", action="append", default=[], help="clips of this name or codec: 'h264, GOP 250', say, or hevc")
    parser.add_argument("--clips", type=Path, help="a folder to keep the clips in and to take them from")
    parser.add_argument("--json", type=Path, help="also write the figures there; those of other clips stay")
    parser.add_argument("--write", type=Path, help="also put the table into this document")
    asked = parser.parse_args()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() if asked.clips is None else nullcontext(asked.clips) as given:
        folder = Path(given)
        folder.mkdir(parents=True, exist_ok=True)
        for clip in CLIPS:
            if asked.only and not {clip.name, clip.codec} & set(asked.only):
                rows += [row for row in remembered(asked.json) if row.clip == clip]
                continue
            path = clip.made(folder, asked.seconds)
            rows += measured(ways(clip, path, asked.seconds, asked.threads), asked.rounds)
    print(table(rows))
    if asked.json:
        asked.json.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n", encoding="utf-8")
    if asked.write:
        documents.put(asked.write, "decode.py", page(rows))
    missed = [row for row in rows if row.target and row.reached < row.target[1]]
    print(f"{sum(row.target is not None for row in rows) - len(missed)} targets reached, {len(missed)} missed")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except subprocess.CalledProcessError as fault:
        sys.exit(f"the ffmpeg program could not make the clips: {fault}")
