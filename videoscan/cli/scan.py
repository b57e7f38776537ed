"""``videoscan scan``: videos in, a timeline and a report each."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from videoscan.cli import calls, libraries, options, output
from videoscan.errors import ConfigError, DescribeError, ScanAborted, StoreError, VideoscanError
from videoscan.observe import Fact, Observer, ignore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping, Sequence

    from videoscan.cli.options import Choices
    from videoscan.document import Timeline
    from videoscan.planning.fitting import Fit
    from videoscan.recordings.inputs import Found, Input
    from videoscan.spending.ledger import Accounts
    from videoscan.spending.money import Budget


OUT = Path("videoscan-out")
"""Where output goes when nobody says where."""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one input: a timeline in `folder`, or an error."""

    about: str
    folder: Path | None = None
    timeline: Timeline | None = None
    error: BaseException | None = None


@click.command
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@options.sampling_and_asking
@options.out
@click.option(
    "--to",
    multiple=True,
    metavar="FORMAT",
    help="Write this format as well: csv, jsonl, srt, vtt, markdown, chapters, edl and so on; see `videoscan export`. Repeatable.",
)
@click.option("--fresh", is_flag=True, help="Forget what an earlier run described.")
@libraries.option
@options.log_calls
@options.json_lines
def command(
    *,
    inputs: tuple[str, ...],
    choices: Choices,
    out: Path | None,
    to: tuple[str, ...],
    fresh: bool,
    library: Path | None,
    log_calls: Path | None,
    as_json: bool,
) -> int:
    """Scan videos: one timeline each, with a report to read.

    INPUT is a video file, a folder (searched recursively), a folder of pictures, or a pattern in quotes. Each gets a folder below
    --out with timeline.json, report.html and the pictures. Run the same command again to continue an interrupted scan: what is
    described is never asked, or paid for, twice.

    INPUT may also be the output folder of an earlier scan: then its kept pictures are asked another --question, and nothing is
    decoded, even if the footage is gone. The answer goes to a folder beside it, named after the question, or below --out.
    """
    with calls.log(log_calls) as heard:
        return scan(inputs, choices, out=out, to=to, fresh=fresh, library=library, as_json=as_json, heard=heard)


def scan(
    arguments: Sequence[str],
    choices: Choices,
    *,
    out: Path | None = None,
    to: Sequence[str] = (),
    fresh: bool = False,
    library: Path | None = None,
    as_json: bool = False,
    heard: Observer = ignore,
) -> int:
    """Scan everything that `arguments` mean, print what came of it, and return the exit code. `heard` is told every fact as well.

    With `library`, what came of it is put in there too. Raises `ConfigError` for what is wrong with all of it, `StoreError` when the
    library cannot be used.
    """
    from videoscan import registry
    from videoscan.cli import interrupts, recordings
    from videoscan.spending.ledger import Accounts

    registry.check(choices.profile, sets=choices.sets, overrides=choices.overrides)
    for name in to:
        options.exporter(name)
    if library is not None:
        libraries.check(library)
    found = recordings.find(arguments, choices, out=out or OUT)
    for note in found.notes:
        output.say(note)
    printer = _Printer(as_json=as_json, library=library)
    for refused in found.refused:
        printer.take(Result(refused.argument, error=refused.error))
    if found.inputs:
        try:
            interrupts.run(_scan_all(found, choices, out, to, printer, Accounts(), fresh=fresh, heard=heard))
        except KeyboardInterrupt:
            output.say("videoscan: interrupted; what is described is kept, and the same command goes on from there")
            return output.INTERRUPTED
    return printer.end()


@contextlib.asynccontextmanager
async def _describer_open(choices: Choices) -> AsyncIterator[None]:
    """While open, all inputs share what the describer has open: connections, or a loaded model."""
    from videoscan import config, registry

    settled = config.load(choices.profile, sets=choices.sets, overrides=choices.overrides).profile
    session = None
    with contextlib.suppress(VideoscanError):  # what is wrong with it is said for the first input that it is wrong for
        session = registry.make("describers", settled.describer).session()
    try:
        yield
    finally:
        if session is not None:
            await session.close()


async def _scan_all(
    found: Found,
    choices: Choices,
    out: Path | None,
    to: Sequence[str],
    printer: _Printer,
    accounts: Accounts,
    *,
    fresh: bool,
    heard: Observer,
) -> None:
    opened = False
    fits = await _fits(found, choices, out, accounts) if choices.budget and len(found.inputs) > 1 and not fresh else {}
    async with _describer_open(choices):
        for number, given in enumerate(found.inputs, start=1):
            place = f"[{number}/{len(found.inputs)}] " if len(found.inputs) > 1 else ""
            title = f"{place}{given.name}"
            result, looked = await _scan_one(given, choices, out, to, accounts, fits, fresh=fresh, heard=heard, title=title)
            opened = opened or looked
            if isinstance(result.error, ConfigError) and not opened and given.kind != "joined":
                # Nothing was looked at yet: the options are wrong, not this input.
                raise result.error
            printer.take(result)
            if isinstance(result.error, (DescribeError, ScanAborted)):
                # The next input would be refused as well, after decoding for nothing.
                for rest in found.inputs[number:]:
                    printer.take(Result(rest.uri, error=_not_tried(result.error)))
                return


async def _fits(found: Found, choices: Choices, out: Path | None, accounts: Accounts) -> dict[Budget, Fit]:
    """How all inputs together are made to fit their budget. What is wrong with one of them is told when it is scanned."""
    from videoscan.cli import sampling
    from videoscan.cli.progress import Reporter
    from videoscan.spending import budgeting

    wanted = []
    for given in found.inputs:
        if given.kind != "kept" or out is not None:
            with contextlib.suppress(VideoscanError):
                wanted.append((sampling.settle(given, choices, say=False), (out or OUT) / given.name))
    with Reporter(f"{len(wanted)} inputs") as reporter:
        return await budgeting.together(wanted, accounts, reporter)


def _not_tried(error: DescribeError | ScanAborted) -> DescribeError | ScanAborted:
    return type(error)(f"not tried, as the model could not be used: {error.message}")


async def _scan_one(
    given: Input,
    choices: Choices,
    out: Path | None,
    to: Sequence[str],
    accounts: Accounts,
    fits: Mapping[Budget, Fit],
    *,
    fresh: bool,
    heard: Observer,
    title: str,
) -> tuple[Result, bool]:
    """The result, and whether the source was opened at all."""
    from videoscan import pipeline
    from videoscan.cli.progress import Reporter
    from videoscan.folder import storing
    from videoscan.recordings import inputs

    again = given.kind == "kept" and out is None
    folder = inputs.beside(given, choices.question) if again else (out or OUT) / given.name
    with Reporter(title, start=choices.start or 0.0, end=choices.end) as reporter:
        try:
            with storing(folder):
                timeline = await pipeline.scan(
                    given,
                    profile=choices.profile,
                    question=choices.question,
                    prompt_file=choices.prompt_file,
                    out=folder,
                    start=choices.start,
                    end=choices.end,
                    endpoint=choices.endpoint,
                    model=choices.model,
                    model_file=choices.model_file,
                    projector=choices.projector,
                    sets=choices.sets,
                    to=to,
                    fresh=fresh,
                    budget=choices.budget,
                    clock_start=choices.clock_start,
                    accounts=accounts,
                    fits=fits,
                    observer=_both(reporter, heard),
                )
        except Exception as error:  # one input's fault, whatever it is, must not cost the others their scan
            return Result(given.uri, error=error), reporter.opened
    return Result(given.uri, folder, timeline), True


def _both(first: Observer, second: Observer) -> Observer:
    def observer(fact: Fact) -> None:
        first(fact)
        second(fact)

    return observer


class _Printer:
    """Prints results as they come and the total at the end. A reader of stdout that went away does not stop the scan."""

    def __init__(self, *, as_json: bool, library: Path | None = None) -> None:
        self._json = as_json
        self._library = library
        self._not_stored: StoreError | None = None
        self._results: list[Result] = []
        self._reader_is_there = True

    def take(self, result: Result) -> None:
        self._results.append(result)
        if result.error is not None:
            output.complain(result.error, about=result.about)
        if self._library is not None and result.timeline is not None and result.folder is not None:
            try:
                libraries.add(self._library, result.folder)
            except StoreError as fault:  # the timeline itself is written: `library add` puts it in later
                self._not_stored = fault
                output.complain(fault, about=result.about)
        if self._json:
            self._put([_json_line(result)])
        elif result.timeline is not None and result.folder is not None:
            self._put(_lines(result.timeline, result.folder))

    def end(self) -> int:
        """Print the total and return the exit code."""
        if len(self._results) > 1:
            self._put([_json_total(self._results) if self._json else _total(self._results)])
        code = exit_code(self._results)
        return self._not_stored.exit_code if self._not_stored is not None and code in {0, output.GAPS} else code

    def _put(self, lines: Iterable[str | dict[str, Any]]) -> None:
        if not self._reader_is_there:
            return
        try:
            for line in lines:
                if isinstance(line, str):
                    output.put(line)
                else:
                    output.put_json(line)
        except output.ReaderGone:
            self._reader_is_there = False
            output.stop_writing()


def exit_code(results: Sequence[Result]) -> int:
    """0, or 6 when something is missing from some of the results, or the code of the error when nothing succeeded."""
    errors = [result.error for result in results if result.error is not None]
    if errors and len(errors) == len(results):
        return output.code_of(errors[0])
    complete = all(result.timeline is not None and result.timeline.complete for result in results)
    return 0 if complete else output.GAPS


def _lines(timeline: Timeline, folder: Path) -> list[str]:
    from videoscan import timecode
    from videoscan.cli import tables
    from videoscan.exporters import wording
    from videoscan.folder import REPORT, TIMELINE

    who = timeline.describer.model or wording.described_by(timeline)
    parts = [f"{len(timeline.source.parts)} recordings"] if len(timeline.source.parts) > 1 else []
    begins = timecode.wall_short(timeline.source.clock, 0, date=True)
    when = timecode.short(timeline.source.duration) + (f" from {begins}" if begins else "")
    told = [folder.name, when, *parts, wording.count(timeline), f"described by {who}"]
    lines = [" · ".join(told), ""]
    if timeline.events:
        lines += [tables.events(timeline), ""]
    lines.append(wording.looked_at(timeline))
    gaps = tables.gaps(timeline)
    if gaps:
        lines.append(gaps)
    if timeline.usage.requests:
        lines.append(tables.asked(timeline.usage))
    if timeline.usage.cost is not None:
        lines.append(tables.cost(timeline.usage.cost))
    if timeline.describer.note:
        lines.append(tables.plain(timeline.describer.note))
    return [*lines, f"timeline: {folder / TIMELINE}", f"report:   {folder / REPORT}", ""]


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _total(results: Sequence[Result]) -> str:
    from videoscan.spending import money

    timelines = [result.timeline for result in results if result.timeline is not None]
    failed = len(results) - len(timelines)
    events = sum(len(timeline.events) for timeline in timelines)
    gaps = sum(not timeline.complete for timeline in timelines)
    parts = [f"{_counted(len(results), 'input')}: {len(timelines)} scanned", _counted(events, "event")]
    parts += [f"{gaps} with gaps"] if gaps else []
    parts += [f"{failed} failed"] if failed else []
    parts += [money.money(amount, currency) for currency, amount in (_cost(timelines) or {}).items()]
    return ", ".join(parts)


def _json_line(result: Result) -> dict[str, Any]:
    from videoscan.cli import tables
    from videoscan.folder import REPORT, TIMELINE

    timeline, folder = result.timeline, result.folder
    done = timeline is not None and folder is not None
    return {
        "input": result.about,
        "timeline": str(folder / TIMELINE) if folder is not None and done else None,
        "report": str(folder / REPORT) if folder is not None and done else None,
        "duration": timeline.source.duration if timeline is not None else None,
        "events": len(timeline.events) if timeline is not None else None,
        "coverage": tables.coverage([timeline]) if timeline is not None else None,
        "usage": _usage([timeline]) if timeline is not None else None,
        "cost": _cost([timeline]) if timeline is not None else None,
        "complete": timeline is not None and timeline.complete,
        "error": output.error_record(result.error) if result.error is not None else None,
    }


def _usage(timelines: Sequence[Timeline]) -> dict[str, int | None]:
    """What was sent to a model and what it counted, together; null where no server said."""

    def together(counts: Iterable[int | None]) -> int | None:
        known = [count for count in counts if count is not None]
        return sum(known) if known else None

    usages = [timeline.usage for timeline in timelines]
    return {
        "requests": sum(usage.requests for usage in usages),
        "retries": sum(usage.retries for usage in usages),
        "images": sum(usage.images for usage in usages),
        "prompt_tokens": together(usage.prompt_tokens for usage in usages),
        "completion_tokens": together(usage.completion_tokens for usage in usages),
    }


def _cost(timelines: Sequence[Timeline]) -> dict[str, float] | None:
    """Money by currency, as far as prices are known."""
    costs: dict[str, float] = {}
    for timeline in timelines:
        if (cost := timeline.usage.cost) is not None:
            costs[cost.currency] = round(costs.get(cost.currency, 0.0) + cost.amount, 8)
    return costs or None


def _json_total(results: Sequence[Result]) -> dict[str, Any]:
    from videoscan.cli import tables

    timelines = [result.timeline for result in results if result.timeline is not None]
    return {
        "total": {
            "inputs": len(results),
            "scanned": len(timelines),
            "failed": len(results) - len(timelines),
            "duration": round(sum(timeline.source.duration for timeline in timelines), 3),
            "events": sum(len(timeline.events) for timeline in timelines),
            "coverage": tables.coverage(timelines),
            "usage": _usage(timelines),
            "cost": _cost(timelines),
            "complete": len(timelines) == len(results) and all(timeline.complete for timeline in timelines),
        }
    }
