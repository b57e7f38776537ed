"""``python -m tests.fuzz``: all cases, or those that are named; what ``make fuzz`` runs."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import tempfile
import time
from pathlib import Path

from tests.fuzz.cases import FURTHER, TOTAL, case, sample
from tests.fuzz.runner import Result, run, summary, worker


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Scan damaged copies of small clips.")
    parser.add_argument("--case", type=int, nargs="+", metavar="N", help="only these, told in full")
    parser.add_argument("--further", type=int, metavar="N", help="N cases more than there are, from number 10000 on")
    parser.add_argument("--sample", action="store_true", help="only the few that the test suite runs")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, metavar="N", help="children at once")
    parser.add_argument(
        "--clips", type=Path, metavar="DIR", help="where the clean clips are kept; else they are made again each time"
    )
    parser.add_argument("--keep", type=Path, metavar="DIR", help="also write the damaged files there, and run nothing")
    parser.add_argument(
        "--resume", type=Path, metavar="FILE", help="results are added here, and cases that stand in it are not run"
    )
    given = parser.parse_args()
    further = list(range(FURTHER, FURTHER + (given.further or 0)))
    numbers = given.case or further or (list(sample()) if given.sample else list(range(TOTAL)))
    with contextlib.ExitStack() as stack:
        folder = given.clips or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fuzz-clips-")))
        folder.mkdir(parents=True, exist_ok=True)
        if given.keep:
            _keep(numbers, folder, given.keep)
            return 0
        results = _run(numbers, folder, given)
    print(summary(results))
    return int(any(result["outcome"] == "bug" for result in results))


def _run(numbers: list[int], folder: Path, given: argparse.Namespace) -> list[Result]:
    done: dict[int, Result] = {}
    if given.resume and given.resume.exists():
        lines = given.resume.read_text().splitlines()
        done = {result["case"]: result for result in map(json.loads, lines) if result["case"] in set(numbers)}
    began = time.monotonic()
    log = given.resume.open("a") if given.resume else None

    def told(result: Result) -> None:
        done[result["case"]] = result
        if log:
            print(json.dumps(result), file=log, flush=True)
        if given.case:
            print(json.dumps(result, indent=1))
        elif result["outcome"] == "bug":
            print(f"BUG {result['what']}: {result['problems'][0]}", file=sys.stderr, flush=True)
        if len(done) % 100 == 0:
            print(f"{len(done)} of {len(numbers)} in {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)

    # Cases of one clip follow each other, so that it is made and read once.
    left = sorted((number for number in numbers if number not in done), key=lambda number: (case(number).recipe.name, number))
    try:
        run(left, worker(folder), workers=given.workers, told=told)
    finally:
        if log:
            log.close()
    return [done[number] for number in sorted(done)]


def _keep(numbers: list[int], folder: Path, target: Path) -> None:
    from tests.fuzz.clips import make
    from tests.fuzz.worker import damaged

    target.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        given = case(number)
        path, done = damaged(given, make(given.recipe, folder), folder, target)
        print(f"{given}: {done.what}\n    {path}")


if __name__ == "__main__":
    sys.exit(main())
