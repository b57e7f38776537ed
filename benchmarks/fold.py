"""What folding costs: a month of one camera, 100,000 described windows, in one process; twice as many take twice as long.

    python benchmarks/fold.py [--windows 100000] [--json FILE]

Each window has 8 pictures and 24 samples and tells two events; every other one goes on into the next window. Printed are the seconds of CPU
of `videoscan.timeline.fold`, for a quarter, a half and all of the windows, and the largest size of the process. Making the windows is
not counted, but what they take is.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from pathlib import Path

from videoscan.model import Description, Mark, Reason, Shown, Tally, Told, Usage
from videoscan.timeline import Outcome, fold

FRAMES, SAMPLES, EVERY = 8, 24, 1.0
DOINGS = (
    "A person walks along the fence",
    "A car parks by the gate",
    "Two people talk at the door",
    "A dog runs across the yard",
)


def outcome(index: int) -> Outcome:
    """One window, as a scan would hand it over."""
    first = index * SAMPLES
    kept = [first + 3 * n for n in range(FRAMES)]
    marks = tuple(
        Mark(n, n * EVERY, kept=True, reason=Reason.CHANGED)
        if n in kept
        else Mark(n, n * EVERY, kept=False, reason=Reason.UNCHANGED, same_as=n - n % 3)
        for n in range(first, first + SAMPLES)
    )
    lasting = DOINGS[index // 2 % 4]
    events = (
        Told(lasting, "It can be seen all the while.", 4 if index % 2 == 0 else 0, 7 if index % 2 == 0 else 3, tags=("motion",)),
        Told(f"{DOINGS[(index + 1) % 4]}, number {index}", "", 1, 2, tags=("motion", "other")),
    )
    return Outcome(
        index=index,
        start=first * EVERY,
        end=(first + SAMPLES) * EVERY,
        shown=tuple(Shown(n, n * EVERY, f"frames/{n:08d}.jpg", None) for n in kept),
        marks=marks,
        description=Description(events=events, summary="Somebody is about.", usage=Usage(requests=1, images=FRAMES)),
    )


def megabytes() -> float:
    """The largest size that this process has had."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20) if sys.platform == "darwin" else peak / 1024


def main() -> None:
    """Fold growing numbers of windows, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--windows", type=int, default=100_000)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    rows = []
    print(f"{'windows':>10} {'events':>10} {'CPU':>9} {'per 1000':>10} {'largest':>10}")
    for count in (asked.windows // 4, asked.windows // 2, asked.windows):
        outcomes = [outcome(index) for index in range(count)]
        began = time.process_time()
        folded = fold(outcomes, Tally(count * SAMPLES * EVERY, count * SAMPLES))
        spent = time.process_time() - began
        rows.append({"windows": count, "events": len(folded.events), "cpu": round(spent, 2), "megabytes": round(megabytes())})
        print(
            f"{count:>10} {len(folded.events):>10} {spent:>7.2f} s {1000 * spent / count * 1000:>7.1f} ms {megabytes():>7.0f} MB"
        )
        assert len(folded.events) == count * 3 // 2, "every other event goes on into the next window"
        del outcomes, folded
    if asked.json:
        asked.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
