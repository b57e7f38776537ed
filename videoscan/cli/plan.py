"""``videoscan plan``: what a scan would send, cost and take, measured by sampling and deduplicating for real; no key, no request."""

from __future__ import annotations

from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from videoscan.cli import options, output

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from videoscan.cli.options import Choices
    from videoscan.cli.planned import Planned, Result
    from videoscan.core import CoreSpec
    from videoscan.planning.quick import Estimate
    from videoscan.recordings.inputs import Input
    from videoscan.request import Request
    from videoscan.seams import Limits


@click.command
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@options.sampling_and_asking_models
@click.option("--quick", is_flag=True, help="Estimate from excerpts, with a band, instead of looking at all of it.")
@options.out
@click.option("--to", multiple=True, hidden=True)
@click.option("--fresh", is_flag=True, hidden=True)
@click.option("--library", hidden=True)
@click.option("--log-calls", hidden=True)
@options.json_lines
def command(
    *,
    inputs: tuple[str, ...],
    choices: Choices,
    quick: bool,
    out: Path | None,
    to: tuple[str, ...],
    fresh: bool,
    library: str | None,
    log_calls: str | None,
    as_json: bool,
) -> int:
    """Say what a scan would send and cost, without sending it.

    Frames, windows, requests, bytes and tokens: samples and deduplicates for real, and needs no key. Money is at the prices of the
    profile ([budget.prices]), time at what requests to this endpoint took before, or assumed. Without an endpoint the figures are for
    a Qwen3-VL model. Several --model are put side by side.

    Takes the options of `scan`. With an endpoint, or with --out, the sampling is kept where a scan looks for it: that decodes nothing
    again.
    """
    from videoscan import registry
    from videoscan.cli import planned as figures
    from videoscan.cli import recordings
    from videoscan.cli.scan import OUT

    del fresh, library, log_calls  # a scan's line can be planned as it stands: nothing is written or sent
    for name in to:
        options.exporter(name)
    registry.check(choices.profile, sets=choices.sets, overrides=choices.overrides)
    found = recordings.find(inputs, choices, out=out or OUT)
    for note in found.notes:
        output.say(note)
    results: list[Result] = []

    def take(result: Result) -> None:
        results.append(result)
        if result.error is not None:
            output.complain(result.error, about=result.about)
        if as_json:
            output.put_json(figures.json_line(result))

    for refused in found.refused:
        take(figures.Result(refused.argument, error=refused.error))
    for number, given in enumerate(found.inputs, start=1):
        place = f"[{number}/{len(found.inputs)}] " if len(found.inputs) > 1 else ""
        try:
            take(figures.Result(given.uri, _plan(given, choices, out, f"{place}{given.name}", quick=quick)))
        except output.ReaderGone:
            raise
        except Exception as error:  # one input's fault must not cost the others their figures
            take(figures.Result(given.uri, error=error))
    if as_json and len(results) > 1:
        output.put_json(figures.json_total(results))
    elif not as_json and any(result.planned for result in results):
        figures.show(results)
    for line in figures.remarks(results):
        output.say(line)
    return _exit_code(results)


def _plan(given: Input, choices: Choices, out: Path | None, title: str, *, quick: bool) -> Planned:
    """The figures of one input, for each model."""
    import asyncio

    from videoscan.cli import planned as figures
    from videoscan.cli import sampling
    from videoscan.cli.progress import Reporter
    from videoscan.cli.scan import OUT

    asked = [
        sampling.settle(given, replace(choices, model=model), say=not at) for at, model in enumerate(choices.models or (None,))
    ]
    first = asked[0]
    assumed = first.describer["kind"] == "offline"
    limits = [asyncio.run(limits_of(ASSUMED if assumed else each.resolved.profile.describer)) for each in asked]
    spec = sampling.spec(first, limits[0])
    with Reporter(title, start=choices.start or 0.0, end=choices.end) as reporter:
        estimate = _estimated(spec, first, reporter) if quick and given.kind in {"video", "joined"} else None
        kept_at = None
        if estimate is None:
            with _kept(first, spec, out, wanted=not assumed or out is not None) as (keeping, kept_at):
                estimate = _whole(keeping, first, reporter)
    return figures.planned(
        given, asked, limits, estimate, out or OUT, kept_at=kept_at, assumed=ASSUMED["model"] if assumed else None
    )


def _estimated(spec: CoreSpec, asked: Request, reporter: Any) -> Estimate | None:
    from videoscan.observe import Opened
    from videoscan.planning import quick

    return quick.estimate(spec, asked.resolved.profile.source, lambda info: reporter(Opened(info)))


def _whole(spec: CoreSpec, asked: Request, reporter: Any) -> Estimate:
    """The sampling itself."""
    from videoscan.isolation import core_for
    from videoscan.model import SourceInfo, Window
    from videoscan.observe import Opened, WindowReady
    from videoscan.planning.quick import Estimate
    from videoscan.planning.sketch import Sketcher

    sketcher = Sketcher()
    with closing(iter(core_for(spec, asked.resolved.profile.source, reporter))) as items:
        for item in items:
            sketcher.take(item)
            if isinstance(item, SourceInfo):
                reporter(Opened(item))
            elif isinstance(item, Window):
                reporter(WindowReady(item))
    sketch = sketcher.sketch()
    asked.check_start(sketch.duration)
    return Estimate(sketch)


@contextmanager
def _kept(asked: Request, spec: CoreSpec, out: Path | None, *, wanted: bool) -> Iterator[tuple[CoreSpec, Path | None]]:
    """The pass with a store where a scan looks for it, and that folder; without, where it is not wanted or would be in the way.

    A folder that holds the sampling of anything else is left alone: a plan must not cost anybody a result.
    """
    from videoscan.cli.scan import OUT
    from videoscan.errors import StoreError
    from videoscan.folder import OutputFolder
    from videoscan.journal import Journal
    from videoscan.planning.keeping import may_keep

    folder = OutputFolder((out or OUT) / asked.given.name)
    keeping = replace(spec, store=folder.path)
    with ExitStack() as held:
        try:
            if not wanted or asked.given.kind == "kept" or not may_keep(keeping):
                yield spec, None
                return
            folder.prepare()
            held.enter_context(folder.lock())
            # The folder says whose it is, or the scan would go elsewhere.
            held.enter_context(closing(Journal(folder.path, asked.given.uri)))
        except StoreError as error:
            output.say(f"the sampling is not kept: {error.message}")
            folder.discard()
            yield spec, None
            return
        try:
            yield keeping, folder.path
        except BaseException:
            folder.discard()
            raise


# Whom the figures are for when nobody is named. The address only has to be one: no connection is ever made.
ASSUMED = {"kind": "openai", "endpoint": "http://127.0.0.1/v1", "model": "qwen3-vl"}


async def limits_of(describer: Mapping[str, Any]) -> Limits:
    """What the describer takes in one window. It is started for that and nothing else: no connection is made."""
    from videoscan import registry

    session = registry.make("describers", describer).session()
    try:
        return session.limits
    finally:
        await session.close()


def _exit_code(results: list[Result]) -> int:
    errors = [result.error for result in results if result.error is not None]
    if errors and len(errors) == len(results):
        return output.code_of(errors[0])
    lost = sum(result.planned.sketch.lost for result in results if result.planned is not None)
    return output.GAPS if errors or lost > 0 else 0
