"""What a library of a million events costs: how long a search takes, and how long it takes to add a timeline of 10,000 events.

    python benchmarks/library.py [--events 1000000] [--place FOLDER] [--json FILE]

The library is made once, in `--place` (by default a temporary folder that goes again), of 100 timelines, in English and Chinese, from ten
cameras. Then one more timeline of 10,000 events is added to it, and replaced, and searches are made: rare and common words, phrases,
prefixes, Chinese words of two characters, and every filter. Printed are seconds of nine searches each: the median and the worst by the wall
clock, and the median of the CPU. ``words that are in every event`` and ``a sentence`` are the hard cases: they ask for words that nearly every event holds.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from videoscan.document import DescriberRecord, Event, Evidence, FrameCounts, SourceRecord, Timeline
from videoscan.library.search import search
from videoscan.library.store import Library
from videoscan.reviewing import selection
from videoscan.reviewing.selection import Filters

if TYPE_CHECKING:
    from collections.abc import Callable

EACH = 10_000
WHO = [
    "person",
    "man",
    "woman",
    "child",
    "cyclist",
    "courier",
    "guard",
    "driver",
    "dog",
    "cat",
    "fox",
    "bird",
    "group",
    "worker",
    "visitor",
]
DOES = [
    "walks",
    "runs",
    "stops",
    "waits",
    "turns",
    "enters",
    "leaves",
    "opens",
    "closes",
    "carries",
    "drops",
    "parks",
    "reverses",
    "passes",
    "looks",
]
WHAT = [
    "car",
    "van",
    "truck",
    "bicycle",
    "door",
    "gate",
    "barrier",
    "fence",
    "ladder",
    "box",
    "bag",
    "trolley",
    "lamp",
    "bench",
    "window",
]
COLOURS = ["red", "blue", "white", "black", "grey", "silver", "green", "yellow"]
WHERE = [
    "at the entrance",
    "by the fence",
    "near the loading dock",
    "in the far corner",
    "on the ramp",
    "under the lamp",
    "behind the van",
]
CHINESE = (
    "一名男子走近白色轿车并试拉车门",
    "一辆红色汽车驶入停车场",
    "保安打开大门检查货车",
    "两人在围栏旁交谈后离开",
    "一只狐狸穿过车道",
)


def event(rng: random.Random, number: int, start: float) -> Event:
    """One event, in words that come as often as words do: a few of them everywhere, most of them rarely."""
    colour, who, does, what, where = (rng.choice(each) for each in (COLOURS, WHO, DOES, WHAT, WHERE))
    description = (
        f"A {who} in a {colour} jacket {does} {where}; a {rng.choice(COLOURS)} {rng.choice(WHAT)} is nearby. "
        f"Plate {rng.randrange(10**6):06d}, seen for {rng.randrange(60)} seconds."
    )
    chinese = number % 10 == 0
    return Event(
        id=f"e{number * 20:08d}",
        origin="model",
        start=start,
        end=start + 6.0,
        start_after=start,
        end_before=start + 6.0,
        title=rng.choice(CHINESE) if chinese else f"{who.capitalize()} {does} {where} with a {what}",
        description=description,
        tags=(who, what) if number % 3 else (who, what, "vehicle"),
        confidence=0.8,
        importance=0.4,
        evidence=(Evidence(frame=number * 20, time=start, picture=f"frames/{number * 20:08d}.jpg"),),
    )


def timeline(seed: int, events: int) -> Timeline:
    """A recording of one camera, with an event every eight seconds."""
    rng = random.Random(seed)
    day = seed % 28 + 1
    return Timeline(
        source=SourceRecord(
            uri=f"/footage/camera-{seed % 10}/{seed:04d}.mp4",
            camera=f"Camera {seed % 10}",
            duration=events * 8.0 + 10,
            width=1920,
            height=1080,
            fps=25.0,
            clock=f"2026-{seed // 28 % 12 + 1:02d}-{day:02d}T00:00:00+01:00",
        ),
        created="2026-11-29T00:00:00+00:00",
        videoscan="0",
        profile={},
        describer=DescriberRecord(kind="openai", model="made-up"),
        events=tuple(event(rng, number, number * 8.0) for number in range(events)),
        frames=FrameCounts(decoded=None, sampled=events, kept=events),
    )


SEARCHES: tuple[tuple[str, str, Filters], ...] = (
    ("one plate of a million", "004711", Filters()),
    ("a common word", "person", Filters()),
    ("three common words", "person red door", Filters()),
    ("a phrase", '"loading dock"', Filters()),
    ("words that are in every event", '"red bicycle is nearby" courier reverses', Filters()),
    ("a sentence", "a courier waits in the far corner a red ladder is nearby", Filters()),
    ("the beginning of a word", "bicy*", Filters()),
    ("a word and not another", "fox -red -blue", Filters()),
    ("one or the other", "fox OR ladder", Filters()),
    ("Chinese, two characters", "汽车", Filters()),
    ("Chinese, four characters", "白色轿车", Filters()),
    ("Chinese, one character", "狐", Filters()),
    ("a common word, one camera", "person", Filters(cameras=("Camera 3",))),
    ("a common word, one tag", "person", Filters(tags=("vehicle",))),
    ("a common word, an hour", "person", Filters(since=selection.edge("2026-02-03T10:00", what="t"), until=selection.edge("2026-02-03T11:00", what="t"))),
    ("a common word, video time", "person", Filters(since=79_000.0)),
    ("a camera alone", "*", Filters(cameras=("Camera 3",))),
    ("a word that is nowhere", "zeppelin", Filters()),
)  # fmt: skip


def measured(name: str, library: Library, query: str, filters: Filters) -> dict[str, object]:
    """Median and worst seconds of nine searches, their median CPU seconds, and how many events were counted."""
    seconds, busy = [], []
    for _ in range(9):
        began, at_work = time.perf_counter(), time.process_time()
        found = search(library, query, filters)
        seconds.append(time.perf_counter() - began)
        busy.append(time.process_time() - at_work)
    median, worst, cpu = (round(each, 4) for each in (statistics.median(seconds), max(seconds), statistics.median(busy)))
    many = f"{found.count}{'+' if found.more else ''} events"
    print(f"{name:32s} {median * 1000:7.1f} ms  worst {worst * 1000:7.1f} ms  CPU {cpu * 1000:7.1f} ms  {many}", flush=True)
    return {"search": name, "median": median, "worst": worst, "cpu": cpu, "events": found.count, "more": found.more}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--events", type=int, default=1_000_000)
    arguments.add_argument("--place", type=Path)
    arguments.add_argument("--json", type=Path)
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="videoscan-library-") as scratch:
        record = run(given.place or Path(scratch), given.events)
    if given.json:
        given.json.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def run(place: Path, events: int) -> dict[str, object]:
    """Make the library where it is not there yet, and measure."""
    path = place / "library.db"
    with Library(path, create=True) as library:
        there = sum(entry.events for entry in library.timelines())
        began = time.perf_counter()
        for seed in range(there // EACH, events // EACH):
            library.put(timeline(seed, EACH), Path(f"/out/{seed:04d}/timeline.json"))
        made = time.perf_counter() - began
        print(f"made: {events - there:,} events in {made:.1f} s, {path.stat().st_size / 1e9:.2f} GB")
        one = timeline(events // EACH, EACH)
        where = Path("/out/one/timeline.json")
        added, added_cpu = _seconds(lambda: library.put(one, where))
        replaced, replaced_cpu = _seconds(lambda: library.put(one, where))
        print(
            f"add a timeline of {EACH:,} events: {added:.2f} s (CPU {added_cpu:.2f}); replace: {replaced:.2f} s (CPU {replaced_cpu:.2f})"
        )
        rows = [measured(name, library, query, filters) for name, query, filters in SEARCHES]
        library.remove(next(entry.id for entry in library.timelines() if entry.path == where))
    return {
        "events": events,
        "made": round(made, 2),
        "add": round(added, 3),
        "add_cpu": round(added_cpu, 3),
        "replace": round(replaced, 3),
        "searches": rows,
    }


def _seconds(do: Callable[[], object]) -> tuple[float, float]:
    began, at_work = time.perf_counter(), time.process_time()
    do()
    return time.perf_counter() - began, time.process_time() - at_work


if __name__ == "__main__":
    main()
