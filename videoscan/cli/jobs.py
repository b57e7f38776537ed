"""``videoscan jobs``: what became of what was submitted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlencode

import click

from videoscan import timecode
from videoscan.cli import options, output

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from videoscan.jobs.client import Client

F = TypeVar("F", bound="Callable[..., Any]")

_STATES = ("queued", "running", "done", "failed", "cancelled")


def server(command: F) -> F:
    """``--server``."""
    return click.option(
        "--server",
        "address",
        default="http://127.0.0.1:8765",
        show_default=True,
        envvar="VIDEOSCAN_SERVER",
        metavar="URL",
        help="The service. Its key comes from VIDEOSCAN_SERVICE_KEY. [env: VIDEOSCAN_SERVER]",
    )(command)


@click.group
def command() -> None:
    """List, show, cancel, retry and await the jobs of a service."""


@command.command("list")
@click.option("--state", "states", multiple=True, type=click.Choice(_STATES), help="Only these. Repeatable.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 500))
@server
@options.json_lines
def listed(*, states: Sequence[str], limit: int, address: str, as_json: bool) -> int:
    """List jobs, the newest first."""
    asked = urlencode([("limit", limit), *(("state", state) for state in states)])

    async def work(client: Client) -> int:
        page = await client.call("GET", f"jobs?{asked}")
        for job in page["jobs"]:
            printed(job, as_json=as_json)
        if page["next"] is not None:
            output.say("there are more: --limit shows them")
        return 0

    return _with(address, work)


@command.command("show")
@click.argument("job")
@server
@options.json_lines
def show(*, job: str, address: str, as_json: bool) -> int:
    """Show one job."""

    async def work(client: Client) -> int:
        printed(await client.call("GET", f"jobs/{job}"), as_json=as_json)
        return 0

    return _with(address, work)


@command.command("cancel")
@click.argument("jobs", nargs=-1, required=True, metavar="JOB...")
@server
@options.json_lines
def cancel(*, jobs: Sequence[str], address: str, as_json: bool) -> int:
    """Cancel jobs. What they described is kept: `retry` goes on from there."""
    return _each(jobs, "cancel", address, as_json=as_json)


@command.command("retry")
@click.argument("jobs", nargs=-1, required=True, metavar="JOB...")
@server
@options.json_lines
def retry(*, jobs: Sequence[str], address: str, as_json: bool) -> int:
    """Queue jobs again; only what has no answer is asked."""
    return _each(jobs, "retry", address, as_json=as_json)


@command.command("wait")
@click.argument("jobs", nargs=-1, required=True, metavar="JOB...")
@server
@options.json_lines
def wait(*, jobs: Sequence[str], address: str, as_json: bool) -> int:
    """Wait until jobs have ended. Exit code 6 when one failed or was cancelled."""

    async def work(client: Client) -> int:
        return await follow(client, jobs, as_json=as_json)

    return _with(address, work)


async def follow(client: Client, jobs: Sequence[str], *, as_json: bool) -> int:
    """Wait for each, print it, and return the exit code."""
    from videoscan.cli.remote import following

    states = []
    for job in jobs:
        with following(job) as told:
            ended = await client.wait(job, told)
        printed(ended, as_json=as_json)
        states.append(ended["state"])
    return 0 if all(state == "done" for state in states) else output.GAPS


def printed(job: dict[str, Any], *, as_json: bool) -> None:
    """One job on one line."""
    if as_json:
        output.put_json(job)
        return
    progress = job.get("progress") or {}
    told = ""
    if job["state"] == "running" and progress.get("duration"):
        told = f"{timecode.short(progress['position'])} of {timecode.short(progress['duration'])}"
        if job.get("eta") is not None:
            told += f", {timecode.length(job['eta'])} left"
    elif job.get("error"):
        told = job["error"]["message"]
    elif job.get("children") is not None:
        told = f"{len(job['children'])} videos"
    output.put(f"{job['id']}  {job['state']:<9}  {job['name']}{f'  {told}' if told else ''}")


def _each(jobs: Sequence[str], verb: str, address: str, *, as_json: bool) -> int:
    async def work(client: Client) -> int:
        for job in jobs:
            printed(await client.call("POST", f"jobs/{job}/{verb}"), as_json=as_json)
        return 0

    return _with(address, work)


def _with(address: str, work: Callable[[Client], Awaitable[int]]) -> int:
    from videoscan.cli import interrupts
    from videoscan.jobs.client import Client

    async def run() -> int:
        async with Client(address) as client:
            return await work(client)

    try:
        return interrupts.run(run())
    except KeyboardInterrupt:
        return output.INTERRUPTED
