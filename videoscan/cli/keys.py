"""``videoscan keys``: who may use a service."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from videoscan.cli import options, output
from videoscan.cli.serve import DATA
from videoscan.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from videoscan.stores.sqlite import SqliteStore

T = TypeVar("T")

_data = click.option(
    "--data", type=click.Path(path_type=Path, file_okay=False), default=DATA, show_default=True, help="The service's --data."
)


@click.group
def command() -> None:
    """Make, list and remove the keys of a service. A running one heeds a change at once, but for the first key."""


@command.command("add")
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice(["read", "submit", "admin"]),
    default=("submit",),
    show_default=True,
    help="What it allows: to read, to submit (and read), or everything. Repeatable.",
)
@_data
@options.json_lines
def add(*, name: str, scopes: Sequence[str], data: Path, as_json: bool) -> int:
    """Make a key and print it, this once: only its hash is kept."""
    key, text = _with(data, lambda store: store.add_key(name, list(dict.fromkeys(scopes))))
    if as_json:
        output.put_json({**key.model_dump(), "key": text})
    else:
        output.put(text)
        output.say(f"the key {name!r} ({', '.join(key.scopes)}) is told this once; its id is {key.id}")
    return 0


@command.command("list")
@_data
@options.json_lines
def listed(*, data: Path, as_json: bool) -> int:
    """List keys, without the keys."""
    for key in _with(data, lambda store: store.keys()):
        if as_json:
            output.put_json(key.model_dump())
        else:
            output.put(f"{key.id}  {key.created[:10]}  {', '.join(key.scopes):<20}  {key.name}")
    return 0


@command.command("remove")
@click.argument("key")
@_data
def remove(*, key: str, data: Path) -> int:
    """Take a key away, by its id."""
    if not _with(data, lambda store: store.remove_key(key)):
        raise ConfigError(f"there is no key {key}", hint="`videoscan keys list` shows their ids")
    output.say(f"{key} is removed")
    return 0


def _with(data: Path, work: Callable[[SqliteStore], Awaitable[T]]) -> T:
    from videoscan.jobs.settings import Settings
    from videoscan.stores.sqlite import SqliteStore

    database = Settings(data=data.absolute()).database

    async def run() -> T:
        store = SqliteStore(database)
        try:
            return await work(store)
        finally:
            await store.close()

    return asyncio.run(run())
