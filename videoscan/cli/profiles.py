"""``videoscan profiles``: which profiles there are, what stands in one and where it comes from, and whether one is right."""

from __future__ import annotations

import json
from typing import Any

import click

from videoscan.cli import options, output


@click.group
def command() -> None:
    """List, show and check profiles.

    A profile says what a scan does and how. Your own live as TOML files in this system's configuration folder, which `list` names.
    """


@command.command("list")
@options.json_lines
def show_all(*, as_json: bool) -> int:
    """The profiles that --profile takes by name."""
    from videoscan import config
    from videoscan.cli import tables
    from videoscan.settings import explained, layers

    shipped = layers.shipped_folder()
    rows = [
        {"name": name, "about": explained.about(path), "path": str(path), "shipped": path.parent == shipped}
        for name, path in sorted(config.available().items())
    ]
    if as_json:
        for row in rows:
            output.put_json(row)
        return 0
    output.put(
        tables.table(
            ("name", "", "about"),
            [(str(row["name"]), "" if row["shipped"] else "yours", str(row["about"])) for row in rows],
            give=(2,),
        )
    )
    output.say(f"profiles of your own: {layers.user_folder()}")
    return 0


@command.command("show")
@click.argument("name", metavar="NAME|FILE.toml")
@click.option("--explain", is_flag=True, help="Say where each value comes from.")
@click.option("--set", "sets", multiple=True, metavar="TABLE.KEY=VALUE", help="With this value changed. Repeatable.")
@options.json_lines
def show(*, name: str, explain: bool, sets: tuple[str, ...], as_json: bool) -> int:
    """All values of a profile, as a scan here would see them.

    What it extends, the built-in defaults and the environment are included.
    """
    from videoscan import config, registry
    from videoscan.cli import tables, toml

    resolved = config.load(name, sets=sets)
    for note in resolved.notes:
        output.say(note)
    rows = registry.explain(resolved)
    if as_json:
        if explain:
            for row in rows:
                output.put_json({"key": row.key, "value": row.value, "origin": row.origin})
        else:
            output.put_json(registry.complete(resolved.profile, origins=resolved.origins))
    elif explain:
        output.put(
            tables.table(("key", "value", "from"), [(row.key, _shown(row.value), row.origin) for row in rows], give=(1, 2))
        )
    else:
        output.put(toml.text(registry.complete(resolved.profile, origins=resolved.origins)).removesuffix("\n"))
    return 0


@command.command("check")
@click.argument("name", metavar="FILE")
@options.json_lines
def check(*, name: str, as_json: bool) -> int:
    """Check a profile: every key, every value, and every camera's rule."""
    from videoscan import registry

    every = registry.check(name)
    rules = len(every) - 1
    for note in dict.fromkeys(note for resolved in every for note in resolved.notes):
        output.say(note)
    if as_json:
        output.put_json({"profile": every[0].profile.name, "valid": True, "cameras": rules})
    else:
        output.put(f"{name}: fine" + (f", {rules} camera rule(s)" if rules else ""))
    return 0


def _shown(value: Any) -> str:
    return "-" if value is None else json.dumps(value, ensure_ascii=False)
