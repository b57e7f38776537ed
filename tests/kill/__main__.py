"""``python -m tests.kill``: kill scans two hundred times at random moments, and once before every kind of file operation.

With ``--service`` a running service is killed instead.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from dataclasses import asdict
from math import inf
from pathlib import Path

from tests.kill import service
from tests.kill.runner import Trial, at_points, at_random, make_clip, operations, summary, uninterrupted


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.kill", description="Kill scans, and see what is left of them.")
    parser.add_argument("--kills", type=int, metavar="N", help="200 unless said: at random moments, one in ten of isolated scans")
    parser.add_argument("--tally", type=Path, metavar="FILE", help="one line per scan; what stands in it already counts")
    parser.add_argument(
        "--minutes", type=float, default=inf, metavar="N", help="stop after so many, and go on from --tally another time"
    )
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of the moments")
    parser.add_argument("--service", action="store_true", help="kill a service that works, a hundred times unless said")
    given = parser.parse_args()
    if given.service:
        return _service(given.kills or 100, given.seed)
    given.kills = given.kills or 200
    began = time.monotonic()
    trials = _tallied(given.tally)
    with tempfile.TemporaryDirectory(prefix="kills-") as text:
        folder = Path(text)
        clip = make_clip(folder / "clip.mp4")
        wholes = [uninterrupted(clip, folder / f"whole-{isolation}", isolation) for isolation in ("thread", "process")]
        for whole in wholes:
            print(f"{whole.isolation}: {whole.windows} windows in {whole.seconds:.1f} s uninterrupted", flush=True)
        while sum(trial.kills for trial in trials) < given.kills:
            number = len(trials)
            if time.monotonic() - began > 60 * given.minutes:
                print("so far", summary(trials), sep="\n", flush=True)
                return int(any(trial.problems for trial in trials))
            # An isolated scan starts a Python of its own for every pass, ten times the work of the scan itself.
            trials.append(at_random(wholes[number % 10 == 5], folder / f"{number}", given.seed * 100_000 + number))
            if given.tally is not None:
                with given.tally.open("a") as tally:
                    tally.write(json.dumps(asdict(trials[-1])) + "\n")
            if trials[-1].problems or number % 10 == 9:
                kills = sum(trial.kills for trial in trials)
                print(f"{kills} kills in {time.monotonic() - began:.0f} s; {trials[-1]}", file=sys.stderr, flush=True)
        print("at random moments", summary(trials), sep="\n", flush=True)
        points = operations(wholes[0], folder / "operations")
        chosen = [
            trial for number, point in enumerate(points) for trial in [at_points(wholes[0], folder / f"p{number}", [point])]
        ]
        print(f"before file operations, {len(chosen)} of them", summary(chosen), sep="\n")
    return int(any(trial.problems for trial in [*trials, *chosen]))


def _tallied(path: Path | None) -> list[Trial]:
    """What an earlier stretch of this run came to."""
    if path is None or not path.exists():
        return []
    return [Trial(**json.loads(line)) for line in path.read_text().splitlines()]


def _service(kills: int, seed: int) -> int:
    with tempfile.TemporaryDirectory(prefix="kills-") as folder:
        run = service.Trial(Path(folder), seed=seed).make(kills)
    print(run, *run.problems, sep="\n")
    return int(bool(run.problems))


if __name__ == "__main__":
    sys.exit(main())
