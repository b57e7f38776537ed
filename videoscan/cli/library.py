"""``videoscan library``: many timelines in one file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from videoscan import timecode
from videoscan.cli import libraries, options, output
from videoscan.errors import ConfigError, SourceError

if TYPE_CHECKING:
    from pathlib import Path


@click.group
def command() -> None:
    """Keep many timelines in one file, to search them.

    The library is one SQLite file. It holds whole timelines; their pictures stay in the output folders. `videoscan scan --library`
    adds what it scans, and a search takes in what was scanned or corrected since.
    """


@command.command
@click.argument("timelines", nargs=-1, required=True, metavar="TIMELINE...")
@libraries.option
@options.json_lines
def add(*, timelines: tuple[str, ...], library: Path | None, as_json: bool) -> int:
    """Put timelines in; one that is there already is replaced.

    TIMELINE is a timeline.json, an output folder, or a folder that holds output folders.
    """
    from videoscan.library.store import Library
    from videoscan.reviewing import selection

    path = libraries.needed(library)
    faults: list[SourceError] = []
    states: list[str] = []
    with Library(path, create=True) as opened:
        for argument in timelines:
            try:
                files = selection.files(argument)
            except SourceError as fault:
                faults.append(fault)
                output.complain(fault, about=argument)
                continue
            for file in files:
                try:
                    added = opened.add(file)
                except SourceError as fault:
                    faults.append(fault)
                    output.complain(fault, about=str(file))
                    continue
                states.append(added.state)
                if as_json:
                    output.put_json({"timeline": str(added.path), "state": added.state, "events": added.events})
                else:
                    output.put(f"{added.state} {added.path} ({added.events} events)")
    if as_json:
        counts = {state: states.count(state) for state in ("added", "replaced", "unchanged")}
        output.put_json({"total": {"timelines": len(states), **counts, "failed": len(faults)}})
    if faults:
        return output.GAPS if states else faults[0].exit_code
    return 0


@command.command("list")
@libraries.option
@options.json_lines
def list_(*, library: Path | None, as_json: bool) -> int:
    """Show which timelines are in it."""
    from videoscan.cli.tables import table
    from videoscan.library.store import Library, name_shown

    with Library(libraries.needed(library)) as opened:
        entries = opened.timelines()
    if as_json:
        for entry in entries:
            output.put_json(entry.record())
        output.put_json({"total": {"timelines": len(entries), "events": sum(entry.events for entry in entries)}})
        return 0
    rows = [
        (
            str(entry.id),
            name_shown(entry.camera, entry.uri),
            timecode.wall_short(entry.clock, 0.0, date=True) or "-",
            timecode.short(entry.duration),
            str(entry.events),
            str(entry.path.parent),
        )
        for entry in entries
    ]
    heads = ("no.", "camera", "begins", "lasts", "events", "folder")
    output.put(table(heads, rows, right={0, 3, 4}, give=(5, 1)) if rows else "the library is empty")
    return 0


@command.command
@click.argument("timelines", nargs=-1, required=True, metavar="TIMELINE...")
@libraries.option
@options.json_lines
def remove(*, timelines: tuple[str, ...], library: Path | None, as_json: bool) -> int:
    """Take timelines out; their folders stay as they are.

    TIMELINE is the number that `list` shows, an output folder or its timeline.json, or the path of the recording.
    """
    from videoscan.library.store import Library

    with Library(libraries.needed(library)) as opened:
        found = [(argument, opened.find(argument)) for argument in timelines]
        for argument, entry in found:
            if entry is None:
                raise ConfigError(
                    f"{argument} is not in the library {opened.path}", hint="`videoscan library list` shows what is"
                )
        for _, entry in found:
            assert entry is not None
            opened.remove(entry.id)
            if as_json:
                output.put_json({"removed": str(entry.path), "id": entry.id, "events": entry.events})
            else:
                output.put(f"removed {entry.path} ({entry.events} events)")
    return 0


@command.command
@click.option("--repair", is_flag=True, help="Put right what can be: orphaned rows, the index, timelines that cannot be read.")
@libraries.option
@options.json_lines
def check(*, repair: bool, library: Path | None, as_json: bool) -> int:
    """Say whether all of it is whole, and still where it says.

    Exit codes: 0 all is well; 6 the library is, but timelines or pictures that it names are gone or were written since; 5 the library
    itself is damaged.
    """
    from videoscan.cli.tables import plain
    from videoscan.errors import StoreError
    from videoscan.library.checking import check as look
    from videoscan.library.store import Library

    problems = []
    with Library(libraries.needed(library)) as opened:
        for problem in look(opened, repair=repair):
            problems.append(problem)
            if as_json:
                output.put_json(problem.record())
            else:
                about = f"{problem.path}: " if problem.path is not None else ""
                output.put(f"{problem.kind}: {plain(f'{about}{problem.message}')}{' (repaired)' if problem.repaired else ''}")
        count = len(opened.timelines())
    left = [problem for problem in problems if not problem.repaired]
    if as_json:
        output.put_json({"total": {"timelines": count, "problems": len(problems), "repaired": len(problems) - len(left)}})
    elif not problems:
        output.put(f"all is well: {count} timeline{'' if count == 1 else 's'}")
    if any(problem.inside for problem in left):
        return StoreError.exit_code
    return output.GAPS if left else 0
