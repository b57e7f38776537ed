"""Downloads of a job's events out of its footage: clips, a reel, an evidence bundle. Each is sent as it is made."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Annotated, cast

from aiohttp import web
from pydantic import Field

from videoscan.jobs.bundles import Busy
from videoscan.web import jobs_api, routes
from videoscan.web.problems import Problem
from videoscan.web.routes import BASE, SERVICE, Answer, Route
from videoscan.web.schemas import Asked

if TYPE_CHECKING:
    from videoscan.jobs.bundles import Kind, Making

_KINDS = {"clips.zip": "clips", "reel.mp4": "reel"}
_TYPES = {"zip": "application/zip", "mp4": "video/mp4"}

_PATIENCE = 20.0
"""Seconds to wait for the first bytes, in which most of what can go wrong has: afterwards the answer's head is sent, and a download that
fails can only be cut off."""

_LOOK = 1.0
"""Seconds between two looks whether somebody still waits for it."""


class Which(Asked):
    """Which events."""

    event: list[Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]] = Field(
        default=[], max_length=100, description="Ids of events; all that nobody rejected, where none is named."
    )


class Wanted(Which):
    """Which events, and how much around them."""

    pad: float = Field(default=0.0, ge=0, le=600, description="So many seconds more on either side of an event.")


async def cut(request: web.Request) -> web.StreamResponse:
    """The clips, or the reel."""
    asked = routes.query(request, Wanted)
    name = request.match_info["cut"]
    return await _sent(request, cast("Kind", _KINDS[name]), name, asked.event, asked.pad)


async def evidence(request: web.Request) -> web.StreamResponse:
    """The bundle."""
    return await _sent(request, "evidence", "evidence.zip", routes.query(request, Which).event, 0.0)


async def _sent(request: web.Request, kind: Kind, name: str, events: list[str], pad: float) -> web.StreamResponse:
    job = await jobs_api.found(request)
    service = request.app[SERVICE]
    headers = {
        "Content-Type": _TYPES[name.rpartition(".")[2]],
        "Content-Disposition": "attachment",  # whoever links to it names it
        "Cache-Control": "no-store",
    }
    try:
        if request.method == "HEAD":  # nothing is made for its headers
            await service.bundles.wanted(job, kind, events=events, pad=(pad, pad))
            return web.Response(headers=headers)
        async with service.bundles.making(job, kind, events=events, pad=(pad, pad)) as making:
            reading = asyncio.ensure_future(making.read())
            try:
                return await _stream(request, making, reading, headers, service.settings.stall)
            finally:
                reading.cancel()
    except Busy as fault:
        raise Problem(503, str(fault), hint="try again in a minute", headers={"Retry-After": "30"}) from None
    except KeyError as fault:
        raise Problem(404, f"there is no event {fault.args[0]} in this job") from None


async def _stream(
    request: web.Request, making: Making, reading: asyncio.Future[bytes], headers: dict[str, str], stall: float
) -> web.StreamResponse:
    response = web.StreamResponse(headers=headers)
    # Whoever goes is no fault: the child ends, and nobody hears what is answered.
    with contextlib.suppress(ConnectionResetError):
        if await _waited(request, reading, _PATIENCE) and not reading.result() and (fault := await making.fault()) is not None:
            raise fault
        await response.prepare(request)
        while True:
            while not await _waited(request, reading, _PATIENCE):
                pass
            if not (chunk := reading.result()):
                break
            reading = asyncio.ensure_future(making.read())
            try:
                await asyncio.wait_for(response.write(chunk), stall)
            except BaseException:
                reading.cancel()
                raise
        if await making.fault() is not None and request.transport is not None:
            # Whoever has half of it must not take it for the whole.
            request.transport.abort()
        await response.write_eof()
    return response


async def _waited(request: web.Request, reading: asyncio.Future[bytes], longest: float) -> bool:
    """Whether there are bytes within so many seconds. Raises `ConnectionResetError` when nobody waits for them any more."""
    until = asyncio.get_running_loop().time() + longest
    while not (await asyncio.wait([reading], timeout=_LOOK))[0]:
        if request.transport is None or request.transport.is_closing():
            raise ConnectionResetError
        if asyncio.get_running_loop().time() >= until:
            return False
    return True


ROUTES = (
    Route(
        "GET",
        f"{BASE}/jobs/{{id}}/{{cut}}",
        cut,
        "Clips of a job's events, or one reel of them",
        {
            200: Answer(
                "A zip with a video per event, as they are cut; or one video. Made anew each time.", media=tuple(_TYPES.values())
            )
        },
        query=Wanted,
        patterns={**jobs_api.PATTERN, "cut": r"clips\.zip|reel\.mp4"},
    ),
    Route(
        "GET",
        f"{BASE}/jobs/{{id}}/evidence.zip",
        evidence,
        "An evidence bundle of a job's events",
        {
            200: Answer(
                "What `videoscan export --to evidence` writes; sources go by the names that jobs have.",
                media=("application/zip",),
            )
        },
        query=Which,
        patterns=jobs_api.PATTERN,
    ),
)
