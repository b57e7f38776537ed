"""``videoscan serve``: the HTTP service."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from videoscan.cli import output
from videoscan.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from videoscan.jobs.settings import Settings

DATA = Path("videoscan-service")
"""Where a service keeps things when nobody says where."""

_GRACE = 10.0
"""Seconds that open connections get at the end."""


@click.command
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
@click.option(
    "--port", default=8765, show_default=True, type=click.IntRange(0, 65535), help="0 takes a free one, and says which."
)
@click.option(
    "--data", type=click.Path(path_type=Path, file_okay=False), default=DATA, show_default=True, help="Where jobs are kept."
)
@click.option(
    "--root",
    "roots",
    multiple=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="A folder whose videos may be named by path. Without one, only uploads and addresses are taken. Repeatable.",
)
@click.option("--bucket", "buckets", multiple=True, metavar="NAME", help="A bucket whose objects may be submitted. Repeatable.")
@click.option("--s3-endpoint", metavar="URL", help="Where the store of these buckets is, if not Amazon's.")
@click.option("--allow-host", "hosts", multiple=True, metavar="NAME", help="A name by which this service is reached. Repeatable.")
@click.option("--profile", default="default", show_default=True, help="What a job gets that names none.")
@click.option(
    "--library",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="VIDEOSCAN_LIBRARY",
    help="The library that jobs go into, to be searched. One of its own unless said. [env: VIDEOSCAN_LIBRARY]",
)
@click.option(
    "--endpoint", metavar="URL", envvar="VIDEOSCAN_ENDPOINT", help="The model that is asked. Without one, changes are measured."
)
@click.option("--model", metavar="NAME", envvar="VIDEOSCAN_MODEL", help="Its name there.")
@click.option(
    "--set", "sets", multiple=True, metavar="KEY=VALUE", help="An option that lies over every job's profile. Repeatable."
)
@click.option("--budget", multiple=True, metavar="AMOUNT", help="What each job may spend: 5USD, 2Mtok, 500req. Repeatable.")
@click.option(
    "--jobs", "at_once", default=1, show_default=True, type=click.IntRange(1, 64), help="Jobs that are worked on side by side."
)
@click.option("--most-waiting", default=10_000, show_default=True, type=click.IntRange(1), help="Jobs that may wait.")
@click.option("--most-bytes", default=64 << 30, type=click.IntRange(1), help="The largest upload, in bytes. 64 GiB unless said.")
@click.option(
    "--spare-bytes", default=1 << 30, type=click.IntRange(0), help="What must stay free on the disk. 1 GiB unless said."
)
@click.option(
    "--preview-bytes",
    default=8 << 30,
    type=click.IntRange(1),
    help="What previews for the review page may take of the disk, in bytes, all together. 8 GiB unless said.",
)
@click.option("--keep-days", type=click.FloatRange(0.001), help="Forget jobs that ended longer ago, with their output.")
@click.option(
    "--keep-bytes",
    type=click.IntRange(0),
    help="What jobs may hold on the disk together: beyond it, those that ended longest ago are forgotten.",
)
@click.option(
    "--grace",
    default=0.0,
    show_default=True,
    type=click.FloatRange(0),
    help="Seconds that running jobs get to come to their end when the service is stopped. What has not then goes on at the next start.",
)
@click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Log lines on stderr: for people or programs.",
)
@click.option(
    "--camera-host",
    "cameras",
    multiple=True,
    metavar="HOST|NETWORK",
    help="Cameras that may be watched in a private network: gate.lan, *.cameras.lan, 192.168.20.0/24. Repeatable.",
)
@click.option("--private-addresses", is_flag=True, help="Fetch sources from loopback, private and link-local addresses too.")
def command(
    *,
    host: str,
    port: int,
    data: Path,
    roots: Sequence[Path],
    buckets: Sequence[str],
    s3_endpoint: str | None,
    hosts: Sequence[str],
    profile: str,
    library: Path | None,
    endpoint: str | None,
    model: str | None,
    sets: Sequence[str],
    budget: Sequence[str],
    at_once: int,
    most_waiting: int,
    most_bytes: int,
    spare_bytes: int,
    preview_bytes: int,
    keep_days: float | None,
    keep_bytes: int | None,
    grace: float,
    log_format: str,
    cameras: Sequence[str],
    private_addresses: bool,
) -> int:
    """Run the HTTP service: jobs, timelines, live feeds.

    It listens on this machine only, and is open to whoever is on it until there is a key (`videoscan keys add`). It listens
    elsewhere only with one. Stop it with Ctrl-C or SIGTERM: what runs is queued again, and goes on at the next start.
    """
    from videoscan import registry
    from videoscan.jobs import logs
    from videoscan.jobs.cameras import checked
    from videoscan.jobs.settings import Settings
    from videoscan.spending import money

    settings = Settings(
        data=data.absolute(),
        roots=tuple(root.resolve() for root in roots),
        profile=profile,
        sets=tuple(sets),
        library=None if library is None else library.absolute(),
        endpoint=endpoint,
        model=model,
        budget=tuple(budget),
        at_once=at_once,
        most_waiting=most_waiting,
        most_bytes=most_bytes,
        spare_bytes=spare_bytes,
        preview_bytes=preview_bytes,
        buckets=tuple(buckets),
        s3_endpoint=s3_endpoint,
        grace=grace,
        cameras=checked(cameras),
        private_addresses=private_addresses,
        keep_days=keep_days,
        keep_bytes=keep_bytes,
    )
    for root in roots:
        if not root.is_dir():
            raise ConfigError(f"--root {root} is no folder", hint="name one that is there")
    if buckets:
        from videoscan.jobs.buckets import require

        require()
    registry.check(profile, sets=sets, overrides={"describer.endpoint": endpoint, "describer.model": model})
    money.parse_budget(budget)
    from videoscan.cli import interrupts

    logs.to_stderr(form="json" if log_format == "json" else "text")
    try:
        interrupts.run(_serve(settings, host, port, hosts))
    except KeyboardInterrupt:
        output.say("videoscan: stopped; what was running goes on at the next start")
    return 0


async def _serve(settings: Settings, host: str, port: int, hosts: Sequence[str]) -> None:
    from aiohttp import web

    from videoscan.folder import OutputFolder
    from videoscan.jobs.service import Service
    from videoscan.web import app, security

    # Two services on one database would both run its jobs.
    place = OutputFolder(settings.data)
    place.prepare()
    with place.lock(option="--data"):
        async with Service(settings) as service:
            keys = len(await service.store.keys())
            security.check_bind(host, keys=keys)
            names = {host, *hosts} | ({"localhost", "127.0.0.1", "::1"} if security.loopback(host) else set())
            application = app.application(service, hosts=names, open_to_all=not keys)
            runner = web.AppRunner(application, access_log=None, shutdown_timeout=_GRACE)
            await runner.setup()
            try:
                site = web.TCPSite(runner, host, port)
                try:
                    await site.start()
                except OSError as fault:
                    raise ConfigError(
                        f"cannot listen at {host}:{port}: {fault.strerror or fault}",
                        hint="is another service running? --port 0 takes a free port",
                    ) from fault
                bound = runner.addresses[0][1]
                shown = f"[{host}]" if ":" in host else host
                output.put(f"videoscan serves at http://{shown}:{bound}/")
                sys.stdout.flush()
                if not keys:
                    output.say("no key was made: everyone on this machine may use it (`videoscan keys add NAME --scope admin`)")
                await asyncio.Event().wait()
            finally:
                await runner.cleanup()
