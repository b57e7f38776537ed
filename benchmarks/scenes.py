"""How well shot boundaries are found: precision, recall and F1 clip by clip, beside PySceneDetect's detectors and ffmpeg's.

    python benchmarks/scenes.py [FOLDER...] [--edits N] [--rate PICTURES] [--peers VENV] [--json FILE]
                                [--write docs/shots.md]

Each FOLDER (samples/ without one) is searched for clips with their truth beside them, ``CLIP.truth.json``, where it names `cuts` or
says that there are none. ``--edits`` adds so many edits of two minutes made of these clips (`benchmarks/edits.py`), at ``--rate``.

A boundary is found when one is told within half a second of it (of a gradual one: of its span); each may be found once, and whatever
is told beside is false. A fade to black and the fade from black after it are one boundary; a fade to black that nothing follows, and
what the truth calls `doubtful`, count neither way.

PySceneDetect is looked for in ``--peers``, a virtual environment (``pip install scenedetect-headless`` there, which brings the same
OpenCV wheel that videoscan needs), ffmpeg on the path. What is not there is left out and named. Every method runs as a program of its
own; CPU is what the operating system counted for it, start-up included.
"""

from __future__ import annotations

import argparse
import json
import re
import resource
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import documents
import edits

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Self

TOLERANCE = 0.5
JOINED = 3.0
"""Most seconds between a fade to black and the fade from it that is its other half."""

OURS = """
import sys
from videoscan.reading.difference import grid
from videoscan.reading.shots import Shots
from videoscan.sources.pyav import PyAvSource
from videoscan.testing.sources import EveryFrame
footage, shots = PyAvSource().open(sys.argv[1]), Shots()
size = grid((footage.info.width, footage.info.height))
for frame in footage.frames(EveryFrame()):
    found = shots.take(frame.time, frame.pixels.gray(*size))
    if found is not None: print(found.time)
"""
SCENEDETECT = """
import sys, scenedetect
kind = getattr(scenedetect, sys.argv[2])
for start, _ in scenedetect.detect(sys.argv[1], kind(), start_in_scene=True)[1:]: print(start.seconds)
"""


@dataclass(frozen=True)
class Method:
    """A way to find boundaries: the program for a clip, and where the times stand in what it prints."""

    name: str
    command: Callable[[Path], list[str]]
    time: str = r"^([\d.]+)$"


@dataclass
class Score:
    """What was found of what is there; the kinds of boundaries that are there, and that were missed."""

    right: int = 0
    false: int = 0
    missed: int = 0
    cpu: float = 0.0
    kinds: Counter[str] = field(default_factory=Counter)
    missing: Counter[str] = field(default_factory=Counter)

    @property
    def f1(self) -> float:
        """1 where there is nothing to find and nothing was told."""
        total = 2 * self.right + self.false + self.missed
        return 2 * self.right / total if total else 1.0

    def __iadd__(self, other: Self) -> Self:
        self.right += other.right
        self.false += other.false
        self.missed += other.missed
        self.cpu += other.cpu
        self.kinds += other.kinds
        self.missing += other.missing
        return self


def methods(peers: Path | None) -> tuple[list[Method], list[str]]:
    """Those that are there, ours first, and a line for each that is not."""
    found, absent = [Method("videoscan", lambda clip: [sys.executable, "-c", OURS, str(clip)])], []
    python = peers / "bin" / "python" if peers else None
    if python and subprocess.run([python, "-c", "import scenedetect"], capture_output=True, check=False).returncode == 0:
        found += [
            Method(kind, lambda clip, kind=kind: [str(python), "-c", SCENEDETECT, str(clip), kind])
            for kind in ("AdaptiveDetector", "ContentDetector")
        ]
    else:
        absent.append("PySceneDetect is not installed in --peers: its detectors are left out")
    if path := shutil.which("ffmpeg"):
        start, end = [path, "-hide_banner", "-nostdin", "-i"], ["-an", "-vf", "scdet=threshold=10", "-f", "null", "-"]
        found.append(Method("ffmpeg scdet", lambda clip: [*start, str(clip), *end], r"lavfi\.scd\.time: ?([\d.]+)"))
    else:
        absent.append("ffmpeg is not on the path: its scdet is left out")
    return found, absent


def boundaries(truth: dict[str, Any]) -> tuple[list[dict[str, Any]], list[tuple[float, float]]]:
    """The boundaries that are to be found, and the spans in which nothing counts."""
    gradual: list[dict[str, Any]] = []
    for each in sorted(truth.get("gradual", ()), key=lambda each: each["start"]):
        kind = each.get("kind") or each.get("what", "gradual")
        last = gradual[-1] if gradual else None
        if last and last["kind"] == "fade to black" and kind == "fade from black" and each["start"] - last["end"] < JOINED:
            last.update(end=each["end"], kind="fade")
        else:
            gradual.append({"start": each["start"], "end": each["end"], "kind": kind})
    aside = [(each["start"], truth["duration"]) for each in gradual if each["kind"] == "fade to black"]
    aside += [(each["t_s"], each["t_s"]) for each in truth.get("doubtful", ())]
    cuts = [{"start": cut, "end": cut, "kind": "cut"} for cut in truth["cuts"]]
    return cuts + [dict(each, kind=each["kind"].split()[0]) for each in gradual if each["kind"] != "fade to black"], aside


def judge(told: Sequence[float], truth: dict[str, Any]) -> Score:
    """Pair every boundary that was told with the nearest true one that is still free."""
    wanted, aside = boundaries(truth)
    score = Score(kinds=Counter(each["kind"] for each in wanted))
    for time in told:
        apart = [(max(each["start"] - time, time - each["end"], 0.0), place) for place, each in enumerate(wanted)]
        near = min(apart, default=(TOLERANCE + 1, -1))
        if near[0] <= TOLERANCE + 1e-6:
            score.right += 1
            del wanted[near[1]]
        elif not any(start - TOLERANCE <= time <= end + TOLERANCE for start, end in aside):
            score.false += 1
    score.missed = len(wanted)
    score.missing = Counter(each["kind"] for each in wanted)
    return score


def run(method: Method, clip: Path) -> tuple[list[float], float]:
    """The boundaries that a method tells, and the CPU seconds it took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(method.command(clip), capture_output=True, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    times = [float(found) for found in re.findall(method.time, done.stdout + done.stderr, re.MULTILINE)]
    return sorted(times), after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def labelled(folders: Sequence[Path]) -> list[Path]:
    """The clips whose truth speaks of cuts."""
    found = []
    for truth in sorted(file for folder in folders for file in folder.rglob("*.truth.json")):
        clip = truth.with_name(truth.name.removesuffix(".truth.json"))
        if clip.exists() and "cuts" in json.loads(truth.read_text(encoding="utf-8")):
            found.append(clip)
    return found


def table(clips: Sequence[Path], used: Sequence[Method], rows: list[list[str]]) -> dict[str, Score]:
    """Print a row for each clip and add it to `rows`, and return what each method came to over all of them."""
    total = {method.name: Score() for method in used}
    print(f"{'right/false/missed':28}" + "".join(f"{method.name[:17]:>19}" for method in used))
    for clip in clips:
        truth = json.loads(clip.with_name(f"{clip.name}.truth.json").read_text(encoding="utf-8"))
        cells, row = [], [clip.name]
        for method in used:
            told, cpu = run(method, clip)
            score = judge(told, truth)
            score.cpu = cpu
            total[method.name] += score
            cells.append(f"{score.right:>8}/{score.false}/{score.missed} {score.f1:5.2f}")
            row.append(f"{score.right}/{score.false}/{score.missed}")
        rows.append(row)
        print(f"{clip.name[:27]:28}" + "".join(f"{cell:>19}" for cell in cells), flush=True)
    for name, score in total.items():
        precision, recall, kinds = summed(score)
        print(f"  {name:18} F1 {score.f1:.3f}  precision {precision:.3f}  recall {recall:.3f}  {score.cpu:6.1f} s CPU  {kinds}")
    return total


def summed(score: Score) -> tuple[float, float, str]:
    """Precision, recall, and how many of each kind were found."""
    precision = score.right / max(1, score.right + score.false)
    recall = score.right / max(1, score.right + score.missed)
    kinds = ", ".join(f"{kind} {count - score.missing[kind]}/{count}" for kind, count in sorted(score.kinds.items()))
    return precision, recall, kinds


def page(results: Mapping[str, dict[str, Score]], rows: Mapping[str, list[list[str]]]) -> str:
    """The measured part of the document in docs/."""
    assert __doc__ is not None
    parts = [" ".join(__doc__.split("\n\n")[3].split())]
    for name, scores in results.items():
        head = ["method", "F1", "precision", "recall", "CPU s", "found of each kind"]
        lines = []
        for method, score in scores.items():
            precision, recall, kinds = summed(score)
            lines.append([method, f"{score.f1:.3f}", f"{precision:.3f}", f"{recall:.3f}", f"{score.cpu:.1f}", kinds])
        parts += [f"## The {name}", documents.markdown(head, lines)]
        parts += ["Found / false / missed:", documents.markdown(["clip", *scores], rows[name])]
    return "\n\n".join(parts)


def main() -> None:
    """Judge the clips, then the edits."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folders", nargs="*", type=Path, default=[Path(__file__).parents[1] / "samples"])
    parser.add_argument("--edits", type=int, default=0, help="edits to make of the clips")
    parser.add_argument("--rate", type=float, default=25.0, help="their pictures per second")
    parser.add_argument("--seed", type=int, default=1, help="of the first edit")
    parser.add_argument("--peers", type=Path, help="a virtual environment with scenedetect in it")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--write", type=Path, help="also put the tables into this document")
    asked = parser.parse_args()
    rows: dict[str, list[list[str]]] = {"clips": [], "edits": []}
    used, absent = methods(asked.peers)
    print(*absent, sep="\n")
    clips = labelled(asked.folders)
    results = {"clips": table(clips, used, rows["clips"])}
    with tempfile.TemporaryDirectory() as folder:
        pool = edits.stretches(clips)
        made = [
            edits.make(pool, Path(folder) / f"edit-{seed}.mp4", seconds=120, rate=asked.rate, seed=seed)
            for seed in range(asked.seed, asked.seed + asked.edits)
        ]
        if made:
            print()
            results["edits"] = table(made, used, rows["edits"])
    if asked.write:
        documents.put(asked.write, "scenes.py", page(results, rows))
    if asked.json:
        plain = {part: {name: vars(score) | {"f1": score.f1} for name, score in each.items()} for part, each in results.items()}
        asked.json.write_text(json.dumps(plain, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
