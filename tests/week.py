"""A week of one camera on an accelerated clock: `python -m tests.week [DAYS]` (from the repository's root, with tests on the path).

Holds it to: memory flat within 5 % from the second day on, the folders within their limit, no time going backwards, a compact journal, a
day's timeline without holes. Prints a line a day.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from watching import lines, problems

from videoscan.document import Timeline
from videoscan.model import Gap
from videoscan.testing.live import MadeClock, MadeSource, at, passing
from videoscan.watching.camera import Shared
from videoscan.watching.starting import Planned

DAY = 86_400.0
LIMIT = 60_000_000
JOURNAL = 1_500_000
"""Bytes of both journals of a day with a visit every twenty minutes, looked at every 10 s."""


@dataclass
class Report:
    """What came of it: resident bytes, bytes on disk and of the journals, and the number of events, by day."""

    memory: list[int] = field(default_factory=list)
    disk: list[int] = field(default_factory=list)
    journals: list[int] = field(default_factory=list)
    events: list[int] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def run(out: Path, days: float, *, every: float = 10.0, between: float = 1200.0, limit: int = LIMIT, tell=print) -> Report:
    """Watch so many days, looked at every `every` seconds, somebody passing every `between` seconds."""
    seconds = days * DAY
    visits = [(second, second + 6 * every) for second in range(600, int(seconds), int(between))]
    gaps = [Gap(day * DAY + 3600.0, day * DAY + 3720.0, "the camera was away") for day in range(int(days) + 1)]
    clock = MadeClock(at("2026-03-02T00:00:00+00:00"))
    source = MadeSource(clock, seconds, passing(visits), every=every, gaps=gaps)
    report, process = Report(), psutil.Process()
    folder = out / "yard"

    async def written(day: Path) -> None:
        gc.collect()
        report.memory.append(process.memory_info().rss)
        report.disk.append(sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()))
        report.journals.append(sum((day / name).stat().st_size for name in ("watch.jsonl", "journal.jsonl")))
        report.problems += [f"{day.name}: {each}" for each in problems(day)]
        timeline = Timeline.from_json((day / "timeline.json").read_bytes())
        report.events.append(len(timeline.events))
        report.problems += backwards(day, timeline)
        tell(
            f"{day.name}: {report.events[-1]} events, memory {report.memory[-1] / 1e6:.0f} MB, disk {report.disk[-1] / 1e6:.1f} MB, "
            f"journals {report.journals[-1] / 1e3:.0f} kB"
        )

    watch = Planned("yard", "made://yard", source, "default").watch(
        out,
        Shared(clock=clock),
        sets=(
            "source.clock_zone=UTC",
            f"watch.keep_size={limit / 1e6}MB",
            f"watch.latency={6 * every}",
            f"watch.quiet={2 * every}",
        ),
        written=written,
    )

    def pace() -> None:
        until = time.monotonic() + 5
        while watch.behind > 2 and time.monotonic() < until:
            time.sleep(0.001)

    source.pace = pace
    asyncio.run(watch.run())
    return report


def backwards(day: Path, timeline: Timeline) -> list[str]:
    """Times that go backwards: in the log, and in the timeline."""
    found, last = [], 0.0
    for entry in lines(day):
        start = entry.get("start", last) if "window" in entry else last
        if start < last - 1e-6:
            found.append(f"{day.name}: a window begins at {start}, after {last}")
        last = max(last, start)
    starts = [event.start for event in timeline.events]
    return found + ([f"{day.name}: events run back"] if starts != sorted(starts) else [])


def judged(report: Report, limit: int, journal: int) -> list[str]:
    """What does not hold."""
    wrong = list(report.problems)
    settled = report.memory[1:]
    if settled and max(settled) > 1.05 * min(settled[:2]):
        wrong.append(f"memory grew from {min(settled[:2]) / 1e6:.0f} to {max(settled) / 1e6:.0f} MB")
    if max(report.disk) > 1.1 * limit:
        wrong.append(f"the folders took {max(report.disk) / 1e6:.1f} MB, of {limit / 1e6:.1f} allowed")
    if max(report.journals) > journal:
        wrong.append(f"a day's journals took {max(report.journals) / 1e3:.0f} kB")
    return wrong


def main() -> int:
    """The whole week."""
    days = float(sys.argv[1]) if len(sys.argv) > 1 else 7.0
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="videoscan-week-") as out:
        wrong = judged(report := run(Path(out), days), LIMIT, JOURNAL)
    print(
        f"{days:g} days in {time.monotonic() - began:.0f} s, {sum(report.events)} events: {'; '.join(wrong) or 'all of it holds'}"
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
