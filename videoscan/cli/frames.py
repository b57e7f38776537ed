"""``videoscan frames``: what was sampled from one input, and why each frame was kept or dropped."""

from __future__ import annotations

import contextlib
import glob
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from videoscan import timecode
from videoscan.cli import options, output

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from videoscan.cli.options import Choices
    from videoscan.core import Core, CoreSpec
    from videoscan.folder import OutputFolder
    from videoscan.model import Mark, Sample
    from videoscan.pages.decisions import About
    from videoscan.request import Request

_PAGE = click.Path(path_type=Path, dir_okay=False)


@click.command
@click.argument("source", metavar="INPUT")
@options.sampling_joined
@click.option("--images", type=click.Path(path_type=Path), metavar="DIR", help="Save the kept frames there.")
@click.option(
    "--report", type=_PAGE, metavar="FILE.html", help="Write a page that shows every decision, and what stands for what."
)
@click.option(
    "--mask-editor",
    type=_PAGE,
    metavar="FILE.html",
    help="Write a page on which to draw, over a still, where the picture counts. Alone, it looks at one frame only.",
)
@options.json_lines
def command(
    *, source: str, choices: Choices, images: Path | None, report: Path | None, mask_editor: Path | None, as_json: bool
) -> int:
    """Show which frames were kept or dropped, and why.

    One line per sampled frame, as soon as it is judged: a table for a person at a terminal, JSON wherever else it goes, and with
    --json. Nothing is described and nothing is sent.
    """
    from videoscan.cli import recordings, sampling
    from videoscan.seams import Limits

    asked = sampling.settle(recordings.single(source, choices), choices)
    spec = sampling.spec(asked, Limits())
    with contextlib.ExitStack() as ends:
        for page in (report, mask_editor):
            if page is not None:
                ends.enter_context(_writable(page))
        if mask_editor is not None:
            _write_editor(mask_editor, asked, spec)
            if report is None and images is None and not as_json:
                return 0
        return _list(asked, spec, images=images, report=report, as_json=as_json or not output.terminal())


def _list(asked: Request, spec: CoreSpec, *, images: Path | None, report: Path | None, as_json: bool) -> int:
    """One line per frame, and what goes with it into files."""
    from videoscan.core import Core
    from videoscan.folder import OutputFolder
    from videoscan.pages.decisions import Decisions

    core = Core(replace(spec, explain=report is not None))
    sampled = kept = 0
    with contextlib.ExitStack() as ends:
        ends.callback(core.stop)
        samples: Iterable[Sample] = core.samples()
        if images is not None:
            folder = OutputFolder(images)
            folder.prepare()
            samples = _saved(samples, folder)
        decisions = ends.enter_context(Decisions(report.parent)) if report is not None else None
        if not as_json:
            output.put(f"{'time':>12}  {'frame':>8}  {'':7}  {'reason':9}  {'change':>8}  same as")
        for sample in samples:
            sampled += 1
            kept += sample.mark.kept
            if decisions is not None:
                decisions.add(sample)
            if as_json:
                output.put_json(json_line(sample.mark))
            else:
                output.put(_row(sample.mark))
        tally = core.tally
        if tally is not None:
            asked.check_start(tally.duration)
        if not as_json:
            output.put(f"{sampled} sampled, {kept} kept")
        if images is not None:
            output.say(f"{kept} pictures in {images}")
        if decisions is not None and report is not None:
            with OutputFolder(report.parent).writing(report.name) as out:
                decisions.write(out, _about(asked, spec, core), tally)
            output.say(f"every decision: {report}")
    for lost in tally.lost if tally is not None else ():
        output.say(f"lost from {lost.start:.3f} to {lost.end:.3f} s: {lost.reason}")
    return output.GAPS if tally is not None and tally.lost else 0


def _saved(samples: Iterable[Sample], folder: OutputFolder) -> Iterator[Sample]:
    for sample in samples:
        for picture in sample.pictures:
            folder.write(picture.name, picture.data)
        yield sample


@contextlib.contextmanager
def _writable(page: Path) -> Iterator[None]:
    """A folder for the page, there and writable before anything is decoded; gone again when nothing came of it."""
    from videoscan.folder import OutputFolder

    folder = OutputFolder(page.parent)
    folder.prepare()
    try:
        yield
    except BaseException:
        if not page.exists():
            folder.discard()
        raise


def _about(asked: Request, spec: CoreSpec, core: Core) -> About:
    from videoscan import registry
    from videoscan.cli import toml
    from videoscan.pages.decisions import About

    assert core.info is not None, "a pass that ended was begun"
    tables = {name: asked.table[name] for name in ("sampler", "dedup", "regions") if name != "regions" or spec.regions}
    return About(
        uri=asked.given.uri,
        info=core.info,
        settings=toml.text(tables),
        scale=registry.make("dedups", spec.dedup).scale,
        regions=spec.regions,
        start=asked.start,
        end=asked.end,
    )


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


def _write_editor(page: Path, asked: Request, spec: CoreSpec) -> None:
    from videoscan.errors import SourceUnsupported
    from videoscan.folder import OutputFolder
    from videoscan.pages import editor

    still = editor.still(spec)
    if still is None:
        raise SourceUnsupported(
            f"no frame of {asked.given.uri!r} was sampled, so there is no still to draw on", hint="see --start and --end"
        )
    about = editor.About(
        uri=asked.given.uri,
        still=still,
        regions=spec.regions,
        profile=asked.resolved.origins.get("regions.exclude") or asked.resolved.origins.get("regions.include") or "the profile",
        match=glob.escape(Path(asked.given.uri).parent.name) + "/*",
    )
    with OutputFolder(page.parent).writing(page.name) as out:
        editor.write(out, about)
    output.say(f"draw the regions in a browser, then copy the TOML: {page}")
