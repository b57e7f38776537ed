"""``videoscan watch``: live sources in, timelines that grow, a folder a day."""

from __future__ import annotations

import asyncio
import sys
import time
from typing import TYPE_CHECKING, Any

import click

from videoscan.cli import calls, libraries, options, output
from videoscan.cli.scan import OUT
from videoscan.errors import ConfigError, StoreError, VideoscanError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from videoscan.alerts.live import Alerting
    from videoscan.cli.options import Choices
    from videoscan.observe import Fact, Observer
    from videoscan.watching.camera import CameraWatch, Shared
    from videoscan.watching.starting import Planned
    from videoscan.watching.telling import Found, Status

_PROGRESS_EVERY = 10.0
_LOOK_EVERY = 10.0
"""Seconds between two looks whether a recorder's folder holds another camera by now."""


@click.command
@click.argument("inputs", nargs=-1, required=True, metavar="URL|FOLDER|FILE...")
@options.sampling_and_asking
@options.out
@click.option(
    "--to",
    multiple=True,
    metavar="FORMAT",
    help="Write this format into each day's folder as well: csv, srt, markdown and so on. Repeatable.",
)
@click.option("--camera", "cameras", multiple=True, metavar="NAME", help="The camera's name; one for each input, in their order.")
@click.option("--max-duration", type=options.Time(), metavar="T", help="End after so long.  [default: never]")
@click.option("--realtime", is_flag=True, help="The inputs are video files, played as if they were live: to try things out.")
@libraries.option
@options.log_calls
@options.json_lines
def command(
    *,
    inputs: tuple[str, ...],
    choices: Choices,
    out: Path | None,
    to: tuple[str, ...],
    cameras: tuple[str, ...],
    max_duration: float | None,
    realtime: bool,
    library: Path | None,
    log_calls: Path | None,
    as_json: bool,  # noqa: ARG001 - events come as JSON lines anyway
) -> int:
    """Watch live sources: a timeline that grows, a folder a day.

    Each event is one line of JSON on stdout when it is found, and another when it is complete. A day is a folder,
    --out/CAMERA/DATE, with timeline.json, report.html and the pictures; everything that takes a scan's folder takes it. Ctrl-C ends the
    watch and keeps everything; the same command goes on with the day.
    """
    with calls.log(log_calls) as heard:
        return watch(
            inputs,
            choices,
            out=out or OUT,
            to=to,
            cameras=cameras,
            duration=max_duration,
            realtime=realtime,
            library=library,
            heard=heard,
        )


def watch(
    arguments: Sequence[str],
    choices: Choices,
    *,
    out: Path,
    to: Sequence[str],
    cameras: Sequence[str],
    duration: float | None,
    realtime: bool,
    library: Path | None,
    heard: Observer,
) -> int:
    """Watch everything that `arguments` mean until it ends, and return the exit code. Raises what is wrong with all of it."""
    from videoscan import registry
    from videoscan.cli import interrupts

    if choices.start is not None or choices.end is not None:
        raise ConfigError("--start and --end do not go with a live source", hint="--max-duration ends a watch")
    if choices.join or choices.by_name or choices.clock_start:
        raise ConfigError(
            "--join, --by-name and --clock-start do not go with a live source", hint="its days are joined by its own clock"
        )
    registry.check(choices.profile, sets=choices.sets, overrides=choices.overrides)
    for name in to:
        options.exporter(name)
    if library is not None:
        libraries.check(library)
    printer = _Printer(library)
    run = _Run(arguments, choices, out, to, cameras, duration, printer, heard, realtime=realtime)
    try:
        interrupts.run(run.all())
    except KeyboardInterrupt:
        output.say("videoscan: interrupted; everything so far is kept, and the same command goes on with the day")
        return output.INTERRUPTED
    return run.code()


class _Run:
    """One command's cameras."""

    def __init__(
        self,
        arguments: Sequence[str],
        choices: Choices,
        out: Path,
        to: Sequence[str],
        cameras: Sequence[str],
        duration: float | None,
        printer: _Printer,
        heard: Observer,
        *,
        realtime: bool,
    ) -> None:
        self._choices, self._out, self._to, self._duration = choices, out, to, duration
        self._printer, self._heard, self._realtime = printer, heard, realtime
        self._inputs = list(arguments)
        self._names = list(cameras)
        if self._names and len(self._names) != len(self._inputs):
            raise ConfigError(
                f"{len(self._names)} times --camera for {len(self._inputs)} inputs", hint="give one --camera for each input"
            )
        self._shared: Shared
        self._began = 0.0
        self._planned: list[Planned] = []
        self._watches: list[CameraWatch] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._errors: list[BaseException] = []

    async def all(self) -> None:
        """Watch all of them, side by side; one that fails costs the others nothing."""
        from videoscan.watching.camera import Shared

        self._shared, self._began = Shared(), time.monotonic()
        self._start(self._sources())
        beside = [asyncio.create_task(self._progress()), asyncio.create_task(self._find_more())]
        try:
            while left := [task for task in self._tasks if not task.done()]:
                await asyncio.wait(left, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            for task in beside:
                task.cancel()
            for watch in self._watches:
                watch.stop()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            raise
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
            for watch, task in zip(self._watches, self._tasks, strict=True):
                fault = task.exception() if task.done() and not task.cancelled() else None
                if fault is not None:
                    self._errors.append(fault)
                    output.complain(fault, about=watch.name)
            self._printer.summary([each.status() for each in self._watches])

    def _sources(self) -> list[Planned]:
        """The cameras that are not watched yet."""
        from videoscan.watching.starting import sources

        return sources(
            self._inputs,
            self._names,
            self._choices.profile,
            realtime=self._realtime,
            sets=self._choices.sets,
            overrides=self._choices.overrides,
            known=self._planned,
        )

    def _start(self, planned: Sequence[Planned]) -> None:
        from videoscan.alerts.live import Alerting

        for each in planned:
            alerting = Alerting(self._printer.event)
            watch = each.watch(
                self._out,
                self._shared,
                sets=self._choices.sets,
                overrides=self._choices.overrides,
                to=self._to,
                duration=None if self._duration is None else max(0.0, self._duration - (time.monotonic() - self._began)),
                heard=alerting.heard,
                observer=self._observer,
                written=self._printer.written,
            )
            alerting.over(watch, self._shared, observer=self._observer)
            self._planned.append(each)
            self._watches.append(watch)
            self._tasks.append(asyncio.create_task(_watched(watch, alerting)))

    async def _find_more(self) -> None:
        """Look now and then whether a recorder writes the files of another camera by now."""
        from videoscan import flow

        while any(each.recordings for each in self._planned):
            await asyncio.sleep(_LOOK_EVERY)
            try:
                more = await flow.in_thread(self._sources)
            except (VideoscanError, OSError):  # the disk is away for a moment; the watches themselves say so
                continue
            for each in more:
                output.say(f"{each.name}: a camera of which there were no recordings before")
            self._start(more)

    def code(self) -> int:
        """0, 6 when something is missing, or the code of the error when no camera could be watched."""
        if self._errors and len(self._errors) == len(self._watches):
            return output.code_of(self._errors[0])
        if self._printer.not_stored is not None:
            return self._printer.not_stored.exit_code
        return output.GAPS if self._errors or any(each.gaps for each in self._watches) else 0

    def _observer(self, fact: Fact) -> None:
        from videoscan.model import Note
        from videoscan.observe import Finished

        self._heard(fact)
        if isinstance(fact, Note):
            output.say(fact.text)
        elif isinstance(fact, Finished):
            pass

    async def _progress(self) -> None:
        """A line now and then, on a terminal and in a log alike."""
        while True:
            await asyncio.sleep(_PROGRESS_EVERY)
            for each in self._watches:
                output.say(progress_line(each.status()))


async def _watched(watch: CameraWatch, alerting: Alerting) -> None:
    async with alerting:
        await watch.run()


def progress_line(status: Status) -> str:
    """One camera in one line."""
    parts = [
        f"{status.camera}: {status.state}",
        status.reason or "",
        f"{status.events} events",
        f"{status.described} of {status.windows} windows described",
        f"{status.failed} failed" if status.failed else "",
        f"{status.waiting} waiting" if status.waiting else "",
        f"latency {status.latency[0]:.1f} s, 95 % within {status.latency[1]:.1f} s" if status.latency else "",
        f"{status.lost:.0f} s lost in {status.gaps} gaps" if status.gaps else "",
        f"left out: {_left_out(status)}" if status.left_out else "",
    ]
    return " · ".join(part for part in parts if part)


def _left_out(status: Status) -> str:
    out = status.left_out
    assert out is not None
    counts = (("unchanged pictures", out.unchanged), ("thinned pictures", out.thinned), ("windows", out.dropped))
    return ", ".join(f"{count} {what}" for what, count in counts if count)


class _Printer:
    """Prints events as they come. A reader of stdout that went away does not end the watch."""

    def __init__(self, library: Path | None) -> None:
        self._library = library
        self.not_stored: StoreError | None = None
        self._reader_is_there = True

    def event(self, found: Found) -> Iterable[str] | None:
        """One event, found or complete."""
        if self._reader_is_there:
            try:
                output.put_json(event_line(found))
                sys.stdout.flush()
            except output.ReaderGone:
                self._reader_is_there = False
                output.stop_writing()
        return None

    async def written(self, folder: Path) -> None:
        """A day is finished, or the watch is: its timeline goes into the library."""
        from videoscan import flow

        if self._library is None:
            return
        try:
            await flow.in_thread(libraries.add, self._library, folder)
            self.not_stored = None
        except StoreError as fault:  # the timeline itself is written: `library add` puts it in later
            self.not_stored = fault
            output.complain(fault, about=str(folder))

    def summary(self, statuses: Sequence[Status]) -> None:
        """How it ended, for a person."""
        for status in statuses:
            output.say(progress_line(status))


def event_line(found: Found) -> dict[str, Any]:
    """An event as a line of JSON."""
    import dataclasses

    event = dataclasses.asdict(found.event)
    return {
        "camera": found.camera,
        "complete": found.complete,
        "latency": found.latency,
        "clock": found.clock,
        "folder": str(found.folder),
        "event": event,
    }
