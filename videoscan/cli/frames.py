"""``videoscan frames``: what was sampled from one input, and why each frame was kept or dropped."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from videoscan import timecode
from videoscan.cli import options, output

if TYPE_CHECKING:
    from videoscan.cli.options import Choices
    from videoscan.model import Mark


@click.command
@click.argument("source", metavar="INPUT")
@options.sampling
@click.option("--images", type=click.Path(path_type=Path), metavar="DIR", help="Save the kept frames there.")
@options.json_lines
def command(*, source: str, choices: Choices, images: Path | None, as_json: bool) -> int:
    """Show which frames were kept or dropped, and why.

    One line per sampled frame, as soon as it is judged. Nothing is described and nothing is sent.
    """
    from videoscan import inputs
    from videoscan.cli import sampling
    from videoscan.core import Core
    from videoscan.folder import OutputFolder
    from videoscan.seams import Limits

    asked = sampling.settle(inputs.single(source), choices)
    spec = sampling.spec(asked, Limits())
    folder = OutputFolder(images) if images is not None else None
    if folder is not None:
        folder.prepare()
    core = Core(spec)
    sampled = kept = 0
    if not as_json:
        output.put(f"{'time':>12}  {'frame':>8}  {'':7}  {'reason':9}  {'change':>8}  same as")
    try:
        for sample in core.samples():
            mark = sample.mark
            sampled += 1
            kept += mark.kept
            if folder is not None:
                for picture in sample.pictures:
                    folder.write(picture.name, picture.data)
            if as_json:
                output.put_json(json_line(mark))
            else:
                output.put(_row(mark))
    finally:
        core.stop()
    tally = core.tally
    if tally is not None:
        asked.check_start(tally.duration)
    if not as_json:
        output.put(f"{sampled} sampled, {kept} kept")
    if images is not None:
        output.say(f"{kept} pictures in {images}")
    for lost in tally.lost if tally is not None else ():
        output.say(f"lost from {lost.start:.3f} to {lost.end:.3f} s: {lost.reason}")
    return output.GAPS if tally is not None and tally.lost else 0


def json_line(mark: Mark) -> dict[str, Any]:
    """A frame's line: times in seconds, `change` in units of that place's own noise, `region` in 0..1."""
    return {
        "frame": mark.frame,
        "time": round(mark.time, 6),
        "kept": mark.kept,
        "same_as": mark.same_as,
        "change": round(mark.change, 3),
        "region": [round(side, 4) for side in mark.region] if mark.region is not None else None,
        "reason": mark.reason.value,
    }


def _row(mark: Mark) -> str:
    what = "kept" if mark.kept else "dropped"
    same = "" if mark.same_as is None else mark.same_as
    return f"{timecode.clock(mark.time):>12}  {mark.frame:>8}  {what:7}  {mark.reason:9}  {mark.change:>8.2f}  {same}".rstrip()
