"""``videoscan mcp``: tools for agents."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import click

from videoscan.cli import output
from videoscan.cli.serve import DATA
from videoscan.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from videoscan.jobs.settings import Settings


@click.command
@click.option("--http", is_flag=True, help="Speak over HTTP at 127.0.0.1 instead of over stdin and stdout.")
@click.option("--port", default=8766, show_default=True, type=click.IntRange(1, 65535), help="With --http.")
@click.option(
    "--data", type=click.Path(path_type=Path, file_okay=False), default=DATA, show_default=True, help="Where jobs are kept."
)
@click.option(
    "--root",
    "roots",
    multiple=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="A folder whose videos an agent may name. Without one, only addresses. Repeatable.",
)
@click.option("--profile", default="default", show_default=True, help="What a scan gets that names none.")
@click.option(
    "--endpoint", metavar="URL", envvar="VIDEOSCAN_ENDPOINT", help="The model that is asked. Without one, changes are measured."
)
@click.option("--model", metavar="NAME", envvar="VIDEOSCAN_MODEL", help="Its name there.")
@click.option("--budget", multiple=True, metavar="AMOUNT", help="What each scan may spend: 5USD, 2Mtok, 500req. Repeatable.")
def command(
    *,
    http: bool,
    port: int,
    data: Path,
    roots: Sequence[Path],
    profile: str,
    endpoint: str | None,
    model: str | None,
    budget: Sequence[str],
) -> int:
    """Offer scan, status, timeline, search and frame to an agent.

    It speaks the Model Context Protocol, and needs the extra `mcp`. Over stdin and stdout an agent's program starts it itself; with --http it listens at
    http://127.0.0.1:PORT/mcp, on this machine only. An agent sees nothing but the folders of --root.
    """
    from videoscan import registry
    from videoscan.cli import interrupts
    from videoscan.jobs import logs
    from videoscan.jobs.settings import Settings
    from videoscan.spending import money

    try:
        import mcp  # noqa: F401  - only to say in time that it is missing
    except ImportError:
        raise ConfigError("`videoscan mcp` needs the protocol's SDK", hint="pip install 'videoscan[mcp]'") from None
    for root in roots:
        if not root.is_dir():
            raise ConfigError(f"--root {root} is no folder", hint="name one that is there")
    registry.check(profile, overrides={"describer.endpoint": endpoint, "describer.model": model})
    money.parse_budget(budget)
    settings = Settings(
        data=data.absolute(),
        roots=tuple(root.resolve() for root in roots),
        profile=profile,
        endpoint=endpoint,
        model=model,
        budget=tuple(budget),
    )
    # stdout belongs to the protocol.
    logs.to_stderr(logging.WARNING)
    try:
        interrupts.run(_serve(settings, port if http else None))
    except KeyboardInterrupt:
        output.say("videoscan: stopped; what was running goes on at the next start")
    return 0


async def _serve(settings: Settings, port: int | None) -> None:
    from videoscan import agent
    from videoscan.folder import OutputFolder
    from videoscan.jobs.service import Service

    place = OutputFolder(settings.data)
    place.prepare()
    with place.lock(option="--data"):
        async with Service(settings) as service:
            server = agent.server(service)
            if port is None:
                await server.run_stdio_async()
            else:
                output.say(f"videoscan speaks MCP at http://127.0.0.1:{port}/mcp")
                await server.run_streamable_http_async(host="127.0.0.1", port=port)
