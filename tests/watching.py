"""Watches of made cameras for tests."""

import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path

from videoscan.document import Timeline
from videoscan.testing.live import MadeClock, MadeSource, at, passing
from videoscan.watching.camera import Shared
from videoscan.watching.starting import Planned


class Watched:
    """A made camera and what was heard of it; unless `paced` is false it waits for the describer between pictures."""

    def __init__(
        self,
        out,
        *,
        start="2026-03-01T10:00:00+00:00",
        seconds=600.0,
        visits=(),
        clock=None,
        name="yard",
        sets=(),
        shared=None,
        paced=True,
        **more,
    ):
        self.clock = clock or MadeClock(at(start))
        self.source = MadeSource(self.clock, seconds, passing(list(visits)), **more)
        self.found, self.notes = [], []
        self.watch = Planned(name, f"made://{name}", self.source, "default").watch(
            out,
            shared or Shared(clock=self.clock),
            sets=("source.clock_zone=UTC", *sets),
            heard=self.found.append,
            observer=self.notes.append,
        )
        self.out = out / name
        if paced:
            self.source.pace = self.settled

    def settled(self):
        """Wait until what has come is described; two seconds at most. In the thread of the source."""
        until = time.monotonic() + 2
        while self.watch.behind and time.monotonic() < until:
            time.sleep(0.001)

    def run(self):
        asyncio.run(self.watch.run())
        return self

    def timeline(self, date="2026-03-01"):
        return Timeline.from_json((self.out / date / "timeline.json").read_bytes())

    @property
    def told(self):
        return [(each.event.id, each.complete) for each in self.found]


def problems(folder):
    """What `check` finds wrong with a day, in the way of the outside's own checker: coverage tiles, ids are unique, pictures are there."""
    timeline = Timeline.from_json((folder / "timeline.json").read_bytes())
    found, place = [], 0.0
    for span in timeline.coverage:
        if abs(span.start - place) > 0.0015:
            found.append(f"coverage: from {place} to {span.start}")
        if span.state in {"failed", "lost", "absent", "skipped"} and not span.reason:
            found.append(f"no reason at {span.start}")
        place = span.end
    if abs(place - timeline.source.duration) > 0.0015:
        found.append(f"coverage ends at {place}, the source at {timeline.source.duration}")
    described = {frame for window in timeline.windows if window.status == "described" for frame in window.frames}
    for span in timeline.coverage:
        if span.state == "unchanged" and span.same_as not in described:
            found.append(f"unchanged from {span.same_as}, which nobody described")
    ids = [event.id for event in timeline.events]
    if len(set(ids)) < len(ids):
        found.append("an id twice")
    if [event.start for event in timeline.events] != sorted(event.start for event in timeline.events):
        found.append("events out of order")
    for event in timeline.events:
        found += [
            f"{event.id}: no file {each.picture}"
            for each in event.evidence
            if each.picture and not (folder / each.picture).is_file()
        ]
    return found


def lines(folder, name="watch.jsonl"):
    return [json.loads(line) for line in (folder / name).read_text(encoding="utf-8").splitlines() if line]


def in_process(program, *arguments, timeout=60):
    """Run a program of our own; its exit status and stderr."""
    return subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=timeout,
        cwd=Path(__file__).parents[1],
        check=False,
    )
