"""``videoscan submit``: sources for a running service."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from videoscan.cli import options, output
from videoscan.cli.jobs import follow, printed, server

if TYPE_CHECKING:
    from collections.abc import Sequence


@click.command
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@click.option("--profile", metavar="NAME", help="A profile that the service knows.")
@click.option("--question", metavar="TEXT", help="What to ask of every window.")
@click.option("--there", is_flag=True, help="SOURCE is a path on the service's side, below one of its folders.")
@click.option("--wait", is_flag=True, help="Wait until all have ended.")
@server
@options.json_lines
def command(
    *, sources: Sequence[str], profile: str | None, question: str | None, there: bool, wait: bool, address: str, as_json: bool
) -> int:
    """Submit videos to a service, and print their jobs.

    SOURCE is a file here, which is uploaded (a connection that breaks is taken up where it broke), an http(s) address, or, with
    --there, a path below one of the service's folders.
    """
    from videoscan.cli import interrupts

    code: list[int] = []
    try:
        interrupts.run(_submit(sources, profile, question, address, code, there=there, wait=wait, as_json=as_json))
    except KeyboardInterrupt:
        output.say("videoscan: interrupted; what was submitted goes on (`videoscan jobs list`)")
        return output.INTERRUPTED
    return code[0]


async def _submit(
    sources: Sequence[str],
    profile: str | None,
    question: str | None,
    address: str,
    code: list[int],
    *,
    there: bool,
    wait: bool,
    as_json: bool,
) -> None:
    from videoscan.cli.remote import uploading
    from videoscan.jobs.client import Client

    made: list[dict[str, Any]] = []
    async with Client(address) as client:
        for source in sources:
            named = source
            if not there and "://" not in source:
                with uploading(source) as told:
                    named = await client.upload(Path(source), progress=told)
            job = await client.submit(named, profile=profile, question=question)
            made.append(job)
            if not wait:
                printed(job, as_json=as_json)
        code.append(await follow(client, [job["id"] for job in made], as_json=as_json) if wait else 0)
