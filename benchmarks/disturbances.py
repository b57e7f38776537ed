"""What a deduplicator misses and keeps under every disturbance that a fixed camera meets, on made scenes with exact truth.

    python benchmarks/disturbances.py [--kind tiles] [--set mask=false] [--only NAME ...] [--every 1] [--seed 1] [--missed] [--cache FILE] [--json FILE] [--write FILE.md]

"begin" and "end" are the events whose begin or end no kept frame shows, "of which inside" those in front of what moves; "wrong" the
dropped samples in which something is there, or gone, that is not so in the kept frame that stands for them; "quiet kept" the share
of the samples in which nothing happens that were kept all the same. Microseconds are CPU time per sample of the deduplicator,
the reduction of the picture included. `videoscan.testing.disturbances` has the scenes and the judge.

With ``--cache``, what a scene came to is kept there and taken from there, under a key of the scene, all options, the versions of the
libraries, and every line of code that draws, decides and judges: a long table can be made in parts, and is of one state of the code.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import cv2
import documents
import numpy as np

from videoscan import registry
from videoscan.testing import disturbances

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from videoscan.model import Frame, Mark
    from videoscan.seams import Dedup
    from videoscan.testing.disturbances import Event


ROOT = Path(__file__).parents[1]
DECIDING = (
    "dedup/*.py",
    "reading/*.py",
    "samplers/*.py",
    "testing/disturbances/*.py",
    "testing/*.py",
    "config.py",
    "model.py",
    "seams.py",
)
"""Of the package, what draws, decides and judges."""


def version() -> str:
    """Of all that a row depends on, its options apart."""
    whole = hashlib.sha256(f"{sys.version} {av.__version__} {av.library_versions} {cv2.__version__} {np.__version__}".encode())
    for file in sorted({Path(__file__), *(file for each in DECIDING for file in (ROOT / "videoscan").glob(each))}):
        whole.update(file.name.encode() + b"\0" + file.read_bytes())
    return whole.hexdigest()


class Cache:
    """Rows with what was missed in each, by all that they depend on; without a file, for this run only."""

    def __init__(self, file: Path | None) -> None:
        self.file, self.version = file, version()
        lines = file.read_text(encoding="utf-8").splitlines() if file is not None and file.exists() else []
        self.known: dict[str, tuple[dict[str, Any], list[str]]] = {
            key: (row, missed) for key, row, missed in map(json.loads, lines)
        }

    def row(
        self, name: str, seed: int, size: tuple[int, int] | None, dedup: dict[str, Any], every: float
    ) -> tuple[dict[str, Any], list[str]]:
        """What `run` says of a scene, and sentences on the events that were missed."""
        key = hashlib.sha256(json.dumps([name, seed, size, dedup, every, self.version], sort_keys=True).encode()).hexdigest()
        if key not in self.known:
            row, found = run(disturbances.scene(name, seed=seed, size=size), registry.make("dedups", dedup), every)
            sides = (("begin", found.missed_begins), ("end", found.missed_ends))
            self.known[key] = row, [f"{what} of {told(event)}" for what, events in sides for event in events]
            if self.file is not None:
                with self.file.open("a", encoding="utf-8") as out:
                    out.write(json.dumps([key, *self.known[key]]) + "\n")
        return self.known[key]


class Drawn:
    """Frames on their way in, with the CPU time that making them took."""

    def __init__(self, frames: Iterable[Frame]) -> None:
        self.frames, self.seconds = iter(frames), 0.0

    def __iter__(self) -> Iterator[Frame]:
        return self

    def __next__(self) -> Frame:
        begin = time.process_time()
        try:
            return next(self.frames)
        finally:
            self.seconds += time.process_time() - begin


def run(scene: disturbances.Scene, dedup: Dedup, every: float) -> tuple[dict[str, Any], disturbances.Judgement]:
    frames = Drawn(scene.frames(every))
    marks: list[Mark] = []
    begin = time.process_time()
    for frame in dedup.apply(frames):
        assert frame.mark is not None
        marks.append(frame.mark)
    own = time.process_time() - begin - frames.seconds
    found = disturbances.judge(marks, scene.truth, every)
    return {
        "scene": scene.name,
        "seed": scene.truth.seed,
        "events": len(found.verdicts),
        "missed_begins": len(found.missed_begins),
        "missed_ends": len(found.missed_ends),
        "missed_inside": len({id(event) for event in (*found.missed_begins, *found.missed_ends) if event.inside}),
        "wrong": len(found.wrong),
        "samples": found.samples,
        "kept": found.kept,
        "quiet_kept": round(found.quiet_share, 4),
        "settling_kept": found.settling_kept,
        "us_per_sample": round(own / max(1, found.samples) * 1e6),
        "render_us": round(frames.seconds / max(1, found.samples) * 1e6),
    }, found


def told(event: Event) -> str:
    where = ", inside" if event.inside else ""
    return f"{event.start:6.1f}-{event.end:.1f} s {event.kind} {event.height:.1%} contrast {event.contrast:+.0f}{where}"


def option(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=VALUE")
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value


def page(rows: list[dict[str, Any]]) -> str:
    """The table for a document: what was missed and kept in each scene, all seeds together."""
    lines: list[tuple[str, ...]] = []
    for name in dict.fromkeys(row["scene"] for row in rows):
        seeds = [row for row in rows if row["scene"] == name]
        missed = [sum(row[side] for row in seeds) for side in ("missed_begins", "missed_ends", "missed_inside", "wrong")]
        quiet = sum(row["quiet_kept"] for row in seeds) / len(seeds)
        lines.append((f"`{name}`", str(sum(row["events"] for row in seeds)), *map(str, missed), f"{quiet:.1%}"))
    return documents.markdown(
        ("scene", "events", "begins missed", "ends missed", "of which inside", "wrong", "quiet kept"), lines
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kind", default="tiles", help="the deduplicator (default: tiles)")
    parser.add_argument("--set", type=option, action="append", default=[], metavar="KEY=VALUE", help="one of its options")
    parser.add_argument(
        "--only", action="append", choices=disturbances.names(), metavar="NAME", help="only this scene; repeatable"
    )
    parser.add_argument("--every", type=float, default=1.0, help="seconds from sample to sample")
    parser.add_argument("--seed", type=int, action="append", help="repeatable; default 1")
    parser.add_argument("--size", metavar="WxH", help="default: 1280x720, 960x540 for coded scenes")
    parser.add_argument("--missed", action="store_true", help="name the events that were missed")
    parser.add_argument("--cache", type=Path, help="keep there what was measured, and take it from there")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--write", type=Path, help="also put the table into this document")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    width, _, height = (options.size or "").partition("x")
    size = (int(width), int(height)) if options.size else None
    dedup = {"kind": options.kind, **dict(options.set)}
    cached, rows = Cache(options.cache), []
    print(
        f"{'scene':17} {'events':>6} {'begin':>5} {'end':>4} {'inside':>6} {'wrong':>5} {'kept':>5} {'quiet kept':>10} {'us/sample':>9}"
    )
    for name in options.only or disturbances.names():
        for seed in options.seed or [1]:
            row, missed = cached.row(name, seed, size, dedup, options.every)
            rows.append(row)
            print(
                f"{name:17} {row['events']:6} {row['missed_begins']:5} {row['missed_ends']:4} {row['missed_inside']:6} {row['wrong']:5} "
                f"{row['kept']:5} {row['quiet_kept']:10.1%} {row['us_per_sample']:9}",
                flush=True,
            )
            if options.missed:
                for sentence in missed:
                    print(f"    {sentence}")
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")
    if options.write:
        documents.put(options.write, "disturbances.py", page(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
