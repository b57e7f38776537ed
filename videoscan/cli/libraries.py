"""What the commands that use a library share: which one, and the timelines named beside or instead of it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from videoscan.cli import output
from videoscan.errors import ConfigError, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from videoscan.library.store import Library

F = TypeVar("F", bound=Callable[..., Any])


def option(command: F) -> F:
    """``--library``, which may stand in the environment."""
    return click.option(
        "--library",
        "library",
        type=click.Path(path_type=Path, dir_okay=False),
        envvar="VIDEOSCAN_LIBRARY",
        metavar="FILE.db",
        help="A library of timelines. [env: VIDEOSCAN_LIBRARY]",
    )(command)


def needed(library: Path | None) -> Path:
    """The library's path. Raises `ConfigError` when nobody said which."""
    if library is None:
        raise ConfigError("which library?", hint="give --library FILE.db, or set VIDEOSCAN_LIBRARY")
    return library


def check(library: Path) -> None:
    """Open a library that is to be written, made if there is none yet. Raises `StoreError`: better now than after a long scan."""
    from videoscan.library.store import Library

    Library(library, create=True).close()


def add(library: Path, folder: Path) -> None:
    """Put the timeline of an output folder in. Raises `StoreError`."""
    from videoscan.folder import TIMELINE
    from videoscan.library.store import Library

    with Library(library, create=True) as opened:
        opened.add(folder / TIMELINE)


@contextlib.contextmanager
def opened(selection: Sequence[str], library: Path | None) -> Iterator[Library]:
    """The timelines that were named, as a library of their own; without any, the library, brought up to date.

    Raises `ConfigError` when neither was named, `SourceError` and `StoreError` for what cannot be read.
    """
    from videoscan.library.store import Library
    from videoscan.reviewing import selection as selection_of

    if selection:
        with Library(None) as made:
            for member in selection_of.load(selection):
                assert member.file is not None, "what was loaded from a file has one"
                made.put(member.timeline, Path(member.file).absolute())
            yield made
        return
    if library is None:
        raise ConfigError(
            "where to look?", hint="name timelines or output folders, give --library FILE.db, or set VIDEOSCAN_LIBRARY"
        )
    with Library(library) as found:
        refresh(found)
        yield found


def refresh(library: Library) -> None:
    """Take in what was scanned or corrected since; who cannot, such as for want of permission, reads what there is."""
    try:
        renewed = library.refresh()
    except StoreError as fault:
        output.say(f"videoscan: the library is not brought up to date: {fault.message}")
        return
    if renewed:
        output.say(
            f"{len(renewed)} timeline{'s' if len(renewed) > 1 else ''} changed since, and brought up to date in the library"
        )
