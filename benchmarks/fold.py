"""What folding costs: a month of one camera, 100,000 described windows, in one process; ten times as many take ten times as long.

    python benchmarks/fold.py [--windows 100000] [--json FILE]

Each window has 8 pictures and 24 samples and tells two events; every other one goes on into the next window, and with ``--lasting`` one
event goes on through all of them, a field of it changing in each. Windows are handed over one by one, as a scan does. Printed are, for a
tenth, three tenths and all of them, the seconds of CPU of `videoscan.timeline.Folding` (making the windows is not counted), seconds per
thousand windows, which do not grow where the cost is linear, and the largest size of the process, each count in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

from videoscan.folding.marks import Marks
from videoscan.folding.outcome import Outcome
from videoscan.model import Description, Mark, Reason, Shown, Tally, Told, Usage
from videoscan.timeline import Folding

FRAMES, SAMPLES, EVERY = 8, 24, 1.0
DOINGS = (
    "A person walks along the fence",
    "A car parks by the gate",
    "Two people talk at the door",
    "A dog runs across the yard",
)


def outcome(index: int, *, lasting: bool = False) -> Outcome:
    """One window, as a scan would hand it over."""
    begin = index * SAMPLES
    kept = [begin + 3 * n for n in range(FRAMES)]
    marks = Marks.of(
        Mark(n, n * EVERY, kept=True, reason=Reason.CHANGED)
        if n in kept
        else Mark(n, n * EVERY, kept=False, reason=Reason.UNCHANGED, same_as=n - n % 3)
        for n in range(begin, begin + SAMPLES)
    )
    first, last = (0, 7) if lasting else (4, 7) if index % 2 == 0 else (0, 3)
    what = DOINGS[0 if lasting else index // 2 % 4]
    events = (
        Told(
            what,
            "It can be seen all the while.",
            first,
            last,
            tags=("motion",),
            attributes={"score": f"{index}:0"} if lasting else {},
        ),
        Told(f"{DOINGS[(index + 1) % 4]}, number {index}", "", 1, 2, tags=("motion", "other")),
    )
    return Outcome(
        index=index,
        start=begin * EVERY,
        end=(begin + SAMPLES) * EVERY,
        shown=tuple(Shown(n, n * EVERY, f"frames/{n:08d}.jpg", None) for n in kept),
        marks=marks,
        description=Description(events=events, summary="Somebody is about.", usage=Usage(requests=1, images=FRAMES)),
    )


def megabytes() -> float:
    """The largest size that this process has had."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20) if sys.platform == "darwin" else peak / 1024


def measure(count: int, *, lasting: bool) -> dict[str, float]:
    """Fold so many windows in this process."""
    folding, spent = Folding(), 0.0
    for begin in range(0, count, 500):
        windows = [outcome(index, lasting=lasting) for index in range(begin, min(count, begin + 500))]
        began = time.process_time()
        for window in windows:
            folding.add(window)
        spent += time.process_time() - began
    began = time.process_time()
    folded = folding.finish(Tally(count * SAMPLES * EVERY, count * SAMPLES))
    spent += time.process_time() - began
    expected = count + 1 if lasting else count * 3 // 2
    assert len(folded.events) == expected, "what goes on into the next window is one event"
    assert folded.sampled == count * SAMPLES
    return {"windows": count, "events": len(folded.events), "cpu": round(spent, 3), "megabytes": round(megabytes())}


def main() -> None:
    """Fold growing numbers of windows, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--windows", type=int, default=100_000)
    parser.add_argument("--lasting", action="store_true", help="one event goes on through all windows")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--only", action="store_true", help="just so many windows, in this process, as JSON")
    asked = parser.parse_args()
    if asked.only:
        print(json.dumps(measure(asked.windows, lasting=asked.lasting)))
        return
    rows = []
    print(f"{'windows':>10} {'events':>10} {'CPU':>9} {'per 1000':>11} {'largest':>10}")
    for count in (asked.windows // 10, asked.windows * 3 // 10, asked.windows):
        command = [sys.executable, __file__, "--only", "--windows", str(count), *(["--lasting"] if asked.lasting else [])]
        row = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        rows.append(row)
        each = 1000 * row["cpu"] / count * 1000
        print(f"{count:>10} {row['events']:>10} {row['cpu']:>7.2f} s {each:>8.1f} ms {row['megabytes']:>7} MB", flush=True)
    ratio = rows[-1]["cpu"] / rows[0]["cpu"] / (rows[-1]["windows"] / rows[0]["windows"])
    print(f"a window of the longest costs {ratio:.2f} times one of the shortest")
    if asked.json:
        asked.json.write_text(
            json.dumps({"lasting": asked.lasting, "rows": rows, "ratio": round(ratio, 3)}, indent=1) + "\n", encoding="utf-8"
        )


if __name__ == "__main__":
    main()
