"""What the rules of reconciliation decide, what they hold to be doubtful, and how often either is right: over made wordings of fifteen things.

    python benchmarks/doubt.py [--json FILE]

Each thing is told in five ways, as models word it in one window and the next. Every two wordings of one thing, and every two of different
things, are put at a border of two windows: the first to one window's last picture, the second from the next one's first. What `videoscan`
makes of them is counted: joined or kept apart, surely or in doubt (`reconcile.ask` would have a model decide).
"""

from __future__ import annotations

import argparse
import itertools
import json
from pathlib import Path

from videoscan.folding.outcome import Outcome
from videoscan.model import Description, Mark, Reason, Shown, Tally, Told
from videoscan.timeline import Folding

THINGS: dict[str, tuple[str, ...]] = {
    "person": (
        "A man waits at the gate|Man waiting at the gate|A person stands by the gate|Somebody waits near the gate|Person at the gate",
        "A man tries the door of a car|Man pulls at a car's door|Person tampers with a parked car|Someone tries car door handles|A person at a car door",
        "A woman walks along the fence|Woman walking past the fence|A person passes along the fence|Pedestrian walks by the fence|Woman on the path",
        "Two people talk at the door|Two persons in conversation at the door|People talking at the entrance|Two men talk|A conversation at the door",
        "A person carries a ladder to the wall|Man with a ladder|Person brings a ladder|Someone puts a ladder to the wall|Ladder carried across the yard",
        "A child plays with a ball|Child kicking a ball|Kid plays football in the yard|A boy with a ball|Child at play",
    ),
    "vehicle": (
        "A white van parks by the gate|White van stops at the gate|Van parking near the gate|A delivery van arrives|White van at the gate",
        "A red car passes|Red car drives through|A car passes on the road|Car driving past|Red vehicle passes by",
        "A truck unloads at the ramp|Truck being unloaded|Lorry unloads goods at the ramp|Unloading at the ramp|Truck at the loading ramp",
        "A cyclist crosses the yard|Cyclist riding through the yard|Person on a bicycle crosses|Bicycle passes through the yard|A cyclist passes",
    ),
    "animal": (
        "A dog runs across the yard|Dog running in the yard|A dog in the yard|Loose dog crosses|Dog runs past the gate",
        "A fox comes to the bins|Fox at the bins|An animal searches the bins|Fox sniffing at rubbish bins|Fox near the bins",
    ),
    "light": ("The lamp goes out|Lamp switched off|Light turns off|Yard light goes off|The yard becomes dark",),
    "smoke": ("Smoke rises behind the shed|Smoke behind the shed|Grey smoke is seen|Smoke coming from the shed|Fumes rise near the shed",),
    "door": ("The garage door opens|Garage door opening|Garage is opened|Door of the garage goes up|Open garage door",),
}  # fmt: skip


def window(index: int, tag: str, title: str) -> Outcome:
    """One window of four pictures that are all of one thing."""
    frames = range(4 * index, 4 * index + 4)
    return Outcome(
        index,
        float(frames[0]),
        frames[0] + 4.0,
        tuple(Shown(frame, float(frame), None, None) for frame in frames),
        tuple(Mark(frame, float(frame), kept=True, reason=Reason.CHANGED) for frame in frames),
        Description(events=(Told(title, "", 0, 3, tags=(tag,) if tag else ()),)),
    )


def outcome(one: tuple[str, str], other: tuple[str, str]) -> str:
    """What becomes of two tellings at a border; each is a tag and a title."""
    folding = Folding()
    for index, (tag, title) in enumerate((one, other)):
        folding.add(window(index, tag, title))
    tally = Tally(8.0, 8)
    doubtful = bool(folding.doubts(tally))
    joined = len(folding.finish(tally).events) == 1
    return f"{'joined' if joined else 'apart'}, {'in doubt' if doubtful else 'sure'}"


def measure(*, tags: bool) -> dict[str, dict[str, int]]:
    """The counts, by what the pairs are. With `tags` a thing's tellings bear one, without them none."""
    things = [[(tag if tags else "", title) for title in words.split("|")] for tag, all_of in THINGS.items() for words in all_of]
    counts: dict[str, dict[str, int]] = {"one thing": {}, "two things": {}}
    for place, thing in enumerate(things):
        pairs = [("one thing", pair) for pair in itertools.permutations(thing, 2)]
        pairs += [("two things", pair) for other in things[:place] for pair in itertools.product(thing, other)]
        for kind, (one, other) in pairs:
            made = outcome(one, other)
            counts[kind][made] = counts[kind].get(made, 0) + 1
    return counts


def main() -> None:
    """Print a table, of shares and counts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    columns = ("joined, sure", "joined, in doubt", "apart, in doubt", "apart, sure")
    print(f"{'':>28}" + "".join(f"{column:>18}" for column in columns))
    record = {}
    for tags, said in ((True, "with tags"), (False, "without")):
        for kind, counts in measure(tags=tags).items():
            total = sum(counts.values())
            cells = "".join(f"{counts.get(column, 0):>10} ({counts.get(column, 0) / total:>4.0%})" for column in columns)
            print(f"{kind + ', ' + said:>28}{cells}", flush=True)
            record[f"{kind}, {said}"] = counts
    if asked.json:
        asked.json.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
