"""Which frames are chosen, what they miss and what choosing costs: videoscan beside what else there is, clip by clip.

    python benchmarks/selection.py [FOLDER...] [--peers VENV] [--made SECONDS] [--only METHOD] [--cache FILE] [--json FILE] [--write FILE.md]

Each FOLDER (samples/ without one) is searched for clips with their truth beside them, ``CLIP.truth.json``; ``--made`` adds the made
scenes of `videoscan.testing.disturbances`, so many seconds of each. Every method runs as a program of its own, and its CPU time (user
and system, start-up included) is what the operating system counted for it.

An event is seen when a chosen frame lies in it, slack included. Start and end error are the distances from its true start and end to
the nearest chosen frame, at most its own length and five seconds. "Idle" is the share of the quiet seconds (the truth's `quiet`) in
which a frame was chosen. A cut is seen when a frame is chosen within a second after it. CPU is told for each picture that the clip has.
Words are not judged: nobody describes anything here.

Peers are looked for in ``--peers``, a virtual environment (``pip install scenedetect claude-real-video`` there; where the desktop build of OpenCV that comes with it cannot be
imported, ``pip uninstall opencv-python`` and ``pip install opencv-python-headless`` after it), and on the path (ffmpeg). What is not there is left
out and named.

With ``--cache``, what a program chose and cost is kept there, under a key of its command, the clip's bytes, and the versions of all that it runs:
of videoscan the whole source. So a run can be cut off and go on, and after a change only what it may have changed is measured again.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ROOT = Path(__file__).parents[1]
FAR = 5.0
CUT_SLACK = 1.0
LIMIT = 900

NAIVE = """
import sys, cv2
capture, step, due = cv2.VideoCapture(sys.argv[1]), 1.0, 0.0
while True:
    done, _ = capture.read()
    if not done: break
    time = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
    if time >= due - 1e-6:
        print(time); due += step
"""
CLAUDE_REAL_VIDEO = """
import json, pathlib, sys, tempfile
from claude_real_video.core import process
with tempfile.TemporaryDirectory() as out:
    process(sys.argv[1], out + '/o', do_transcribe=False)
    for row in json.loads(next(pathlib.Path(out).rglob('frames.json')).read_text())['frames']:
        print('chosen', row['timestamp_sec'])
"""
SCENEDETECT = """
import sys
from scenedetect import AdaptiveDetector, ContentDetector, detect
kind = {'adaptive': AdaptiveDetector, 'content': ContentDetector}[sys.argv[2]]
scenes = detect(sys.argv[1], kind(), start_in_scene=True)
for start, _ in scenes: print(start.seconds if hasattr(start, 'seconds') and not callable(start.seconds) else start.get_seconds())
"""
_SHOWN = re.compile(r"pts_time:\s*(-?[\d.]+)")


@dataclass(frozen=True)
class Method:
    """A way to choose frames: the command for a clip, and how its times are read from what it prints."""

    name: str
    command: Callable[[Path], list[str]]
    read: Callable[[str, str], list[float]]
    missing: str | None = None
    version: Callable[[], str] = str


@dataclass
class Row:
    """What a method came to on one clip."""

    kept: int
    cpu: float
    pictures: int
    """That the clip has, chosen or not."""
    events: int = 0
    seen: int = 0
    start_errors: list[float] = field(default_factory=list)
    end_errors: list[float] = field(default_factory=list)
    cuts: int = 0
    cuts_seen: int = 0
    quiet: float = 0.0
    idle: float = 0.0


def _numbers(out: str, _err: str) -> list[float]:
    return [float(line.split()[-1]) for line in out.splitlines() if re.fullmatch(r"(chosen )?-?[\d.]+(e-?\d+)?", line.strip())]


def _shown(_out: str, err: str) -> list[float]:
    return [float(found) for found in _SHOWN.findall(err)]


def _kept(out: str, _err: str) -> list[float]:
    rows = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    return [row["time"] for row in rows if row.get("kept")]


@cache
def _said(*command: str) -> str:
    return subprocess.run(command, capture_output=True, check=True, text=True).stdout


def _libraries() -> str:
    return f"{sys.version} {av.__version__} {av.library_versions} {cv2.__version__} {np.__version__}"


@cache
def own_version() -> str:
    """Of all that decides what `videoscan frames` chooses and costs."""
    whole = hashlib.sha256(_libraries().encode())
    for file in sorted((ROOT / "videoscan").rglob("*.py")) + sorted((ROOT / "configs").rglob("*.toml")):
        whole.update(str(file.relative_to(ROOT)).encode() + b"\0" + file.read_bytes())
    return whole.hexdigest()


def _own(name: str, *sets: str, profile: str = "default") -> Method:
    options = [part for each in sets for part in ("--set", each)]
    command = [sys.executable, "-m", "videoscan", "frames", "--json", "--profile", profile, *options]
    return Method(name, lambda clip: [*command, str(clip)], _kept, version=own_version)


def _ffmpeg(name: str, before: Sequence[str], chain: str) -> Method:
    path = shutil.which("ffmpeg")
    start = [path or "ffmpeg", "-hide_banner", "-nostdin", *before, "-i"]
    end = ["-an", "-vf", f"{chain}showinfo", "-f", "null", "-"]
    missing = None if path else "ffmpeg is not on the path"
    return Method(name, lambda clip: [*start, str(clip), *end], _shown, missing, lambda: _said(path or "ffmpeg", "-version"))


def _peer(name: str, python: Path | None, module: str, program: str, *arguments: str) -> Method:
    there = (
        python is not None
        and subprocess.run([python, "-c", f"import {module}"], capture_output=True, check=False).returncode == 0
    )
    missing = None if there else f"{module} is not installed in --peers"
    return Method(
        name,
        lambda clip: [str(python), "-c", program, str(clip), *arguments],
        _numbers,
        missing,
        lambda: _said(str(python), "-m", "pip", "freeze"),
    )


def methods(peers: Path | None) -> list[Method]:
    """All of them, ours first."""
    python = peers / "bin" / "python" if peers else None
    return [
        _own("videoscan: 1 fps, tiles (default)"),
        _own("videoscan: activity, tiles", "sampler.kind=activity"),
        _own("videoscan: keyframes, tiles", "sampler.kind=keyframe"),
        _own("videoscan: scenes, no dedup", "sampler.kind=scene", "dedup.kind=none"),
        _own("videoscan: 1 fps, phash", "dedup.kind=phash"),
        Method(
            "every second (cv2.read loop)", lambda clip: [sys.executable, "-c", NAIVE, str(clip)], _numbers, version=_libraries
        ),
        _ffmpeg("ffmpeg -skip_frame nokey", ("-skip_frame", "nokey"), ""),
        _ffmpeg("ffmpeg fps=1, mpdecimate", (), "fps=1:round=down,mpdecimate,"),
        _peer("PySceneDetect adaptive", python, "scenedetect", SCENEDETECT, "adaptive"),
        _peer("PySceneDetect content", python, "scenedetect", SCENEDETECT, "content"),
        _peer("claude-real-video", python, "claude_real_video", CLAUDE_REAL_VIDEO),
    ]


def run(method: Method, clip: Path) -> tuple[list[float], float]:
    """The chosen times and the CPU seconds. Raises `RuntimeError` with what the program said when it failed."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = subprocess.Popen(method.command(clip), stdout=out, stderr=err, stdin=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        said, complained = out.read().decode("utf-8", "replace"), err.read().decode("utf-8", "replace")
    if process.returncode not in {0, 6}:
        raise RuntimeError(complained.strip()[-300:] or f"exit code {process.returncode}")
    return sorted(method.read(said, complained)), used.ru_utime + used.ru_stime


class Cache:
    """What was chosen and what it cost, by all that it depends on; without a file, for this run only."""

    def __init__(self, file: Path | None) -> None:
        self.file = file
        lines = file.read_text(encoding="utf-8").splitlines() if file is not None and file.exists() else []
        self.known: dict[str, tuple[list[float], float]] = {key: (times, cpu) for key, times, cpu in map(json.loads, lines)}

    def run(self, method: Method, clip: Path, digest: str) -> tuple[list[float], float]:
        """As `run`. `digest` is of the clip's bytes."""
        command = [part if part != str(clip) else "CLIP" for part in method.command(clip)]
        key = hashlib.sha256(json.dumps([command, method.version(), digest]).encode()).hexdigest()
        if key not in self.known:
            self.known[key] = run(method, clip)
            if self.file is not None:
                with self.file.open("a", encoding="utf-8") as lines:
                    lines.write(json.dumps([key, *self.known[key]]) + "\n")
        return self.known[key]


def pictures_of(clip: Path) -> int:
    """How many there are, by the packets."""
    with av.open(str(clip), metadata_errors="ignore") as container:
        return sum(packet.size > 0 for packet in container.demux(container.streams.video[0]))


def judged(times: Sequence[float], cpu: float, pictures: int, truth: dict[str, Any]) -> Row:
    """Hold the chosen times to the truth."""
    row = Row(len(times), cpu, pictures)
    for event in truth.get("events", []):
        if event.get("minor"):
            continue
        slack = event.get("slack", 0.0)
        length = event["end"] - event["start"]
        row.events += 1
        row.seen += any(event["start"] - slack <= time < event["end"] + slack for time in times)
        for errors, edge in ((row.start_errors, event["start"]), (row.end_errors, event["end"])):
            errors.append(min([abs(time - edge) for time in times] + [length, FAR]))
    for cut in truth.get("cuts", []):
        row.cuts += 1
        row.cuts_seen += any(cut - 0.1 <= time < cut + CUT_SLACK for time in times)
    for start, end in truth.get("quiet", []):
        seconds = range(int(start) + 2, int(end))  # the first empty second after something is news
        row.quiet += len(seconds)
        row.idle += sum(any(second <= time < second + 1 for time in times) for second in seconds)
    return row


def clips(folders: Sequence[Path]) -> list[tuple[str, Path, dict[str, Any]]]:
    """Name, file and truth of every labelled clip."""
    found = []
    for folder in folders:
        for file in sorted(folder.rglob("*.truth.json")):
            clip = file.with_name(file.name.removesuffix(".truth.json"))
            if clip.is_file():
                found.append((clip.stem, clip, json.loads(file.read_text(encoding="utf-8"))))
    return found


def film_made(folder: Path, seconds: float) -> None:
    """The made scenes as files, 640 x 360."""
    from videoscan.testing import disturbances

    for name in disturbances.names():
        path = folder / f"{name}.mp4"
        disturbances.scene(name, size=(640, 360), seconds=seconds).film(path, fps=10)


def _mean(values: Sequence[float]) -> str:
    return f"{sum(values) / len(values):.1f}" if values else "-"


def _share(part: float, whole: float) -> str:
    return f"{part / whole:.0%}" if whole else "-"


HEAD = ("clip", "method", "kept", "of 1 fps", "events seen", "start error s", "end error s", "cuts seen", "idle", "us per frame")


def line(clip: str, method: str, row: Row, duration: float) -> tuple[str, ...]:
    """A row of the table, as text."""
    return (
        clip,
        method,
        str(row.kept),
        _share(row.kept, duration),
        f"{row.seen}/{row.events}" if row.events else "-",
        _mean(row.start_errors),
        _mean(row.end_errors),
        f"{row.cuts_seen}/{row.cuts}" if row.cuts else "-",
        _share(row.idle, row.quiet),
        f"{row.cpu / max(1, row.pictures) * 1e6:,.0f}",
    )


def total(rows: Sequence[tuple[Row, float]]) -> tuple[Row, float]:
    """All clips of one method together."""
    whole = Row(0, 0.0, 0)
    for row, _ in rows:
        for name in ("kept", "cpu", "pictures", "events", "seen", "cuts", "cuts_seen", "quiet", "idle"):
            setattr(whole, name, getattr(whole, name) + getattr(row, name))
        whole.start_errors += row.start_errors
        whole.end_errors += row.end_errors
    return whole, sum(duration for _, duration in rows)


def markdown(lines: Sequence[tuple[str, ...]]) -> str:
    """The lines as a table."""
    rows = [HEAD, ("---", "---", *["--:"] * (len(HEAD) - 2)), *lines]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def main() -> int:
    """Run every method over every clip, print a table, and write it where asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folders", nargs="*", type=Path, default=[ROOT / "samples"])
    parser.add_argument("--peers", type=Path, help="a virtual environment with the peers")
    parser.add_argument("--made", type=float, default=0.0, metavar="SECONDS")
    parser.add_argument("--only", action="append", default=[], help="methods whose names hold this")
    parser.add_argument("--cache", type=Path, help="keep there what was measured, and take it from there")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--write", type=Path)
    asked = parser.parse_args()
    cached = Cache(asked.cache)
    chosen = [each for each in methods(asked.peers) if not asked.only or any(part in each.name for part in asked.only)]
    notes = [f"{method.name}: left out, {method.missing}" for method in chosen if method.missing]
    chosen = [method for method in chosen if method.missing is None]
    table: list[tuple[str, ...]] = []
    by_method: dict[str, list[tuple[Row, float]]] = {}
    raw: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as made:
        folders = list(asked.folders)
        if asked.made:
            film_made(Path(made), asked.made)
            folders.append(Path(made))
        for name, clip, truth in clips(folders):
            pictures = pictures_of(clip)
            digest = hashlib.sha256(clip.read_bytes()).hexdigest()
            for method in chosen:
                try:
                    times, cpu = cached.run(method, clip, digest)
                except RuntimeError as fault:
                    notes.append(f"{method.name} on {name}: {fault}")
                    continue
                row = judged(times, cpu, pictures, truth)
                by_method.setdefault(method.name, []).append((row, truth["duration"]))
                table.append(line(name, method.name, row, truth["duration"]))
                raw.append({"clip": name, "method": method.name, **vars(row)})
                print("  ".join(f"{cell:<34}" if at == 1 else f"{cell:>13}" for at, cell in enumerate(table[-1])), flush=True)
    totals = [line("**all**", name, *total(rows)) for name, rows in by_method.items()]
    print(markdown(totals))
    for note in notes:
        print(note)
    if asked.json:
        asked.json.write_text(json.dumps({"rows": raw, "notes": notes}, indent=1) + "\n", encoding="utf-8")
    if asked.write:
        asked.write.write_text(page(totals, table, notes), encoding="utf-8")
    return 0


def page(totals: Sequence[tuple[str, ...]], table: Sequence[tuple[str, ...]], notes: Sequence[str]) -> str:
    """The document in docs/."""
    assert __doc__ is not None
    explained = "\n\n".join(__doc__.split("\n\n")[3:])
    told = "\n".join(f"- {note}" for note in notes)
    return (
        "# Which frames are chosen, and what they miss\n\n<!-- Made by benchmarks/selection.py --write; do not edit. -->\n\n"
        f"{explained.strip()}\n\nClips that are not in `samples/` are public recordings made by others, and no part of this project.\n\n"
        f"## All clips together\n\n{markdown(totals)}\n\n## Clip by clip\n\n{markdown(table)}\n"
        + (f"\n## Left out\n\n{told}\n" if told else "")
    )


if __name__ == "__main__":
    sys.exit(main())
