"""How well the offline describer's timelines agree with what people saw: recall, precision and error of starts, clip by clip.

    python benchmarks/accuracy.py [FOLDER] [--profile NAME] [--json FILE]

FOLDER (samples/ without one) holds clips, each with its truth beside it: ``CLIP.truth.json``. An event is recalled when an event of
the timeline overlaps it, slack included; words are not judged. An event of the timeline is right when it overlaps a true one, a minor
one too, or lies at a cut of the truth. Cuts are counted apart. Start errors are of recalled events against the first timeline event that
overlaps them.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import videoscan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from videoscan import Event, Timeline

CUT_SLACK = 1.0
"""Seconds; a cut is found when an event tagged so lies no farther from it. The samplers look once or twice a second."""


def overlaps(event: Event, truth: dict[str, Any]) -> bool:
    """Whether the two share time, the truth widened by its slack."""
    slack = truth.get("slack", 0.0)
    return event.start < truth["end"] + slack and event.end > truth["start"] - slack


def near(event: Event, cuts: Sequence[float]) -> bool:
    """Whether an event begins at a cut."""
    return any(abs(event.start - cut) <= CUT_SLACK for cut in cuts)


def judge(timeline: Timeline, truth: dict[str, Any]) -> dict[str, Any]:
    """The figures of one clip. `None` where there is nothing to divide by."""
    cuts, things = truth.get("cuts", []), truth.get("events", [])
    wanted = [thing for thing in things if not thing.get("minor")]
    events = [event for event in timeline.events if "cut" not in event.tags]
    told_cuts = [event for event in timeline.events if "cut" in event.tags]
    starts = []
    for thing in wanted:
        hits = [event for event in events if overlaps(event, thing)]
        if hits:
            starts.append(min(abs(event.start - thing["start"]) for event in hits))
    right = [event for event in events if near(event, cuts) or any(overlaps(event, thing) for thing in things)]
    return {
        "events": len(wanted),
        "recalled": len(starts),
        "told": len(events),
        "right": len(right),
        "start_error": round(sum(starts) / len(starts), 2) if starts else None,
        "cuts": len(cuts),
        "cuts_found": sum(any(abs(event.start - cut) <= CUT_SLACK for event in told_cuts) for cut in cuts),
        "cuts_told": len(told_cuts),
        "cuts_right": sum(near(event, cuts) for event in told_cuts),
    }


def main() -> None:
    """Scan and judge every clip that has a truth file, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", nargs="?", type=Path, default=Path(__file__).parents[1] / "samples")
    parser.add_argument("--profile", help="one profile for all; without it sports for *match* and */sport/*, else surveillance")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    rows = {}
    print(f"{'clip':30} {'recalled':>9} {'right of told':>14} {'start error':>12} {'cuts found':>11} {'cuts right':>11}")
    for file in sorted(asked.folder.rglob("*.truth.json")):
        clip = file.with_name(file.name.removesuffix(".truth.json"))
        sport = "match" in clip.name or "sport" in clip.parts
        profile = asked.profile or ("sports" if sport else "surveillance")
        timeline = videoscan.scan_sync(clip, profile=profile, sets=("describer.kind=offline",))
        row = rows[clip.name] = judge(timeline, json.loads(file.read_text(encoding="utf-8")))
        error = "-" if row["start_error"] is None else f"{row['start_error']:.2f} s"
        print(
            f"{clip.name:30} {row['recalled']:>4}/{row['events']:<4} {row['right']:>9}/{row['told']:<4} {error:>12} "
            f"{row['cuts_found']:>6}/{row['cuts']:<4} {row['cuts_right']:>6}/{row['cuts_told']:<4}"
        )
    if asked.json:
        asked.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
