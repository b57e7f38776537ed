"""Does peak memory grow with the video's length? Scans ten minutes and two hours of the same picture, offline describer.

Prints the peak resident memory of each whole process and their ratio; the goal is a ratio of at most 1.10 and under 350 MB.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from clips import repeat

SAMPLE = Path(__file__).parent.parent / "samples" / "carpark-night.mp4"


def scan(clip: Path, out: Path) -> dict[str, float]:
    """One scan as a process of its own: peak memory in MB and wall seconds."""
    began = time.monotonic()
    child = subprocess.Popen(
        [sys.executable, "-m", "videoscan", "scan", str(clip), "--out", str(out), "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert child.stdout is not None
    told = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"the scan of {clip.name} ended with {child.returncode}: {told}")
    line = json.loads(told.splitlines()[0])
    return {"peak_mb": usage.ru_maxrss / 1024, "wall_s": time.monotonic() - began, "events": line["events"]}


def main() -> None:
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        rows = {}
        for name, seconds in (("10 minutes", 600), ("2 hours", 7200)):
            clip = repeat(SAMPLE, seconds, folder / f"{seconds}.mp4")
            rows[name] = scan(clip, folder / "out")
            print(
                f"{name:>10}: peak {rows[name]['peak_mb']:6.1f} MB, wall {rows[name]['wall_s']:6.1f} s, {rows[name]['events']} events"
            )
        ratio = rows["2 hours"]["peak_mb"] / rows["10 minutes"]["peak_mb"]
        print(f"ratio of the peaks: {ratio:.3f} (goal: at most 1.10, and under 350 MB)")
        print(json.dumps({"benchmark": "memory", "rows": rows, "ratio": ratio}))


if __name__ == "__main__":
    main()
