"""``python -m tests.faults``: stall, kill, restart, refuse, cut, block and garble a camera forty times, and see what is told of it."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.faults.runner import Trial, grown, planned, run


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description="Give a real RTSP camera faults, and watch it.")
    parser.add_argument("--faults", type=int, default=40, metavar="N")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of their order and lengths")
    parser.add_argument("--calm", type=float, default=4.0, metavar="SECONDS", help="before each")
    given = parser.parse_args()
    began = time.monotonic()

    def say(trial: Trial) -> None:
        print(f"{time.monotonic() - began:5.0f} s  {trial}", flush=True)

    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        trials = run(planned(given.faults, given.seed), given.calm, Path(folder), say)
    worst = max(trials, key=lambda trial: trial.recovery)
    noticed = [trial.noticed for trial in trials if trial.noticed is not None]
    off = max(abs(value) for trial in trials for value in (trial.start_off, trial.end_off))
    growth = grown(trials)
    failed = [trial for trial in trials if trial.problems]
    print(f"{len(trials)} faults in {time.monotonic() - began:.0f} s, {len(failed)} of them told wrongly")
    print(
        f"slowest recovery {worst.recovery:.1f} s ({worst.kind}), stalls noticed within {max(noticed, default=0):.1f} s, gaps within {off:.2f} s"
    )
    print("growth:", "; ".join(growth) or "none")
    return int(bool(failed or growth))


if __name__ == "__main__":
    sys.exit(main())
