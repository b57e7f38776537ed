"""How well the offline describer's timelines agree with what people saw: recall, precision and errors, clip by clip.

    python benchmarks/accuracy.py [FOLDER...] [--profile NAME] [--json FILE] [--write FILE.md]

Each FOLDER (samples/ without one) holds clips, each with its truth beside it: ``CLIP.truth.json``. How they are judged stands in
`videoscan.eval`; words are not judged. A truth without any event says that nobody judged events there, except for the clips in
`NOTHING_HAPPENS`. ``--write`` puts the table between the marks of a page.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import videoscan
from videoscan import truth as truths
from videoscan.eval import Score, Verdict, judge

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT = Path(__file__).parents[1]
BEGIN, END = "<!-- accuracy: made by benchmarks/accuracy.py -->", "<!-- accuracy: end -->"
NOTHING_HAPPENS = {"brightness_change.avi"}
HEADS = ("clip", "recalled", "right of told", "start error", "end error", "told twice", "merged", "cuts found", "cuts right")


def row(name: str, verdict: Verdict) -> tuple[str, ...]:
    """One clip's figures, as they are printed."""
    events, cuts = verdict.events, verdict.cuts
    return (
        name,
        f"{events.recalled} of {events.true}" if events.true else "-",
        f"{events.right} of {events.told}" if events.told else "-",
        "-" if events.start_error is None else f"{events.start_error:.2f} s",
        "-" if events.end_error is None else f"{events.end_error:.2f} s",
        str(events.duplicates),
        str(events.merged),
        f"{cuts.found} of {cuts.true}" if cuts.true else "-",
        f"{cuts.right} of {cuts.told}" if cuts.told else "-",
    )


def page(path: Path, rows: Iterable[tuple[str, ...]]) -> None:
    """Put the table into a page, in place of the one that was there."""
    text = path.read_text(encoding="utf-8")
    lines = [HEADS, ("---", *("---:" for _ in HEADS[1:])), *rows]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    path.write_text(f"{before}{BEGIN}\n\n{table}\n\n{END}{after}", encoding="utf-8")


def main() -> None:
    """Scan and judge every clip that has a truth file, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folders", nargs="*", type=Path, default=[ROOT / "samples"])
    parser.add_argument("--profile", help="one profile for all; without it sports for *match* and */sport/*, else surveillance")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--write", type=Path, help="a page with the marks between which the table goes")
    asked = parser.parse_args()
    verdicts: dict[str, Verdict] = {}
    for file in sorted(file for folder in asked.folders for file in folder.rglob(f"*{truths.SUFFIX}")):
        clip = file.with_name(file.name.removesuffix(truths.SUFFIX))
        sport = "match" in clip.name or "sport" in clip.parts
        profile = asked.profile or ("sports" if sport else "surveillance")
        timeline = videoscan.scan_sync(clip, profile=profile, sets=("describer.kind=offline",))
        truth = truths.read(file)
        verdict = judge(truth, timeline)
        if not truth.events and clip.name not in NOTHING_HAPPENS:
            verdict = replace(verdict, events=Score())
        verdicts[clip.name] = verdict
    rows = [row(name, verdict) for name, verdict in verdicts.items()]
    rows.append(row("all", sum(verdicts.values(), Verdict())))
    widths = [max(len(line[at]) for line in (HEADS, *rows)) for at in range(len(HEADS))]
    for line in (HEADS, *rows):
        print("  ".join(cell.ljust(widths[0]) if not at else cell.rjust(widths[at]) for at, cell in enumerate(line)))
    if asked.json:
        asked.json.write_text(json.dumps({name: v.record() for name, v in verdicts.items()}, indent=1) + "\n", encoding="utf-8")
    if asked.write:
        page(asked.write, rows)


if __name__ == "__main__":
    main()
