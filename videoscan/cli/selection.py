"""The options of every command that works on a SELECTION, and what they come to."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, TypeVar

import click

from videoscan.cli import output

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from videoscan.reviewing.selection import Chosen, Filters, Member

F = TypeVar("F", bound="Callable[..., Any]")

_REVIEWED = ("yes", "no", "accepted", "edited", "added", "rejected")

_OPTIONS = (
    click.option(
        "--camera", "cameras", multiple=True, metavar="NAME", help="Only of this camera; * stands for anything. Repeatable."
    ),
    click.option(
        "--from",
        "since",
        metavar="T",
        help="Only what is at or after this video time (72.5, 01:12) or wall time (2026-11-21T22:30).",
    ),
    click.option("--to-time", "until", metavar="T", help="Only what is before this video or wall time."),
    click.option(
        "--tag", "tags", multiple=True, metavar="TAG", help="Only events with this tag, or with another one given. Repeatable."
    ),
    click.option("--text", metavar="WORDS", help="Only events in whose title, description or tags all of these words stand."),
    click.option(
        "--reviewed",
        multiple=True,
        type=click.Choice(_REVIEWED),
        help="Only events that a person has accepted, edited or added; with a state, only those in it. `no`: nobody has looked at them.",
    ),
)


class Command(click.Command):
    """A command whose ``--reviewed`` may stand alone, without swallowing the argument that follows."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """A bare ``--reviewed`` means ``--reviewed yes``."""
        given: list[str] = []
        for place, word in enumerate(args):
            if word == "--":
                given += args[place:]
                break
            given.append(word)
            if word == "--reviewed" and (place + 1 == len(args) or args[place + 1] not in _REVIEWED):
                given.append("yes")
        return super().parse_args(ctx, given)


def options(command: F) -> F:
    """The filters of a SELECTION; they arrive as one `filters`. Give the command ``cls=Command`` as well."""

    @functools.wraps(command)
    def gather(
        *,
        cameras: tuple[str, ...],
        since: str | None,
        until: str | None,
        tags: tuple[str, ...],
        text: str | None,
        reviewed: tuple[str, ...],
        **given: Any,
    ) -> Any:
        from videoscan.reviewing.selection import Filters, edge

        filters = Filters(
            cameras=cameras,
            since=edge(since, what="--from") if since is not None else None,
            until=edge(until, what="--to-time") if until is not None else None,
            tags=tags,
            text=text,
            reviewed=frozenset(reviewed),
        )
        return command(filters=filters, **given)

    for option in reversed(_OPTIONS):
        gather = option(gather)
    return gather  # type: ignore[return-value]  # the same command, its options gathered


def resolve(arguments: Sequence[str], filters: Filters, library: Path | None = None) -> list[Chosen]:
    """What a command is to work on, in order: the timelines that were named, or those of the library where none was.

    Raises `ConfigError` when there is neither, `SourceNotFound` or `SourceUnsupported` for an argument that is no timeline, or when the
    filters leave no timeline at all, `StoreError` for a library that cannot be read.
    """
    from videoscan.errors import ConfigError, SourceNotFound
    from videoscan.reviewing.selection import load, select

    looked_at: list[bool] = []

    def counted(members: Iterable[Member]) -> Iterator[Member]:
        for member in members:
            looked_at.append(member.timeline.source.clock is None)
            yield member

    if arguments:
        chosen = select(counted(load(arguments)), filters)
    elif library is not None:
        from videoscan.cli import libraries

        with libraries.opened((), library) as opened:
            chosen = select(counted(opened.members(filters)), filters)
    else:
        hint = "name a timeline.json or an output folder, give --library FILE.db, or set VIDEOSCAN_LIBRARY"
        raise ConfigError("which timelines?", hint=hint)
    without = sum(looked_at) if filters.by_wall_time else 0
    if chosen and without:
        output.say(f"{without} of {len(looked_at)} timelines left out, because they have no wall time")
    if not chosen:
        hint = (
            f"without wall time: {without} of them; source.clock says where it comes from"
            if without
            else "see what there is with --to csv"
        )
        within = f" is within: {filters.words()}" if filters else ""
        raise SourceNotFound(f"none of {len(looked_at)} timeline(s){within}", hint=hint)
    return chosen
