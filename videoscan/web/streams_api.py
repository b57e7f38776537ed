"""The routes of live sources: watched, listed, ended. Each is a job of kind stream too, with a job's routes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from videoscan.jobs.records import Stream
from videoscan.model import Login
from videoscan.web import jobs_api, routes
from videoscan.web.problems import Problem
from videoscan.web.routes import BASE, SERVICE, Answer, Route
from videoscan.web.schemas import Credentials, NewStream, StreamList

if TYPE_CHECKING:
    from videoscan.jobs.records import Job


async def made(request: web.Request) -> web.StreamResponse:
    """A stream that is watched from now on."""
    asked = await routes.body(request, NewStream)
    service = request.app[SERVICE]
    job = await service.watch(asked.name, asked.url, profile=asked.profile, login=_login(asked.credentials))
    return routes.answer(service.shown_stream(job), status=201, headers={"Location": f"{BASE}/streams/{job.id}"})


def _login(given: Credentials | str | None) -> Login | None:
    if given is None:
        return None
    if isinstance(given, Credentials):
        return Login(given.username, given.password)
    user, colon, password = given.partition(":")
    if not colon or not user:
        raise Problem(422, "`credentials` is `user:password`, or a table with `username` and `password`")
    return Login(user, password)


async def listed(request: web.Request) -> web.StreamResponse:
    """Every stream."""
    service = request.app[SERVICE]
    jobs = [await service.store.job(each) for each in await service.store.streams.all()]
    # Asked every other second by whoever watches: a year of days is for whoever asks for one stream.
    shown = [service.shown_stream(job).model_copy(update={"children": None}) for job in jobs if job is not None]
    return routes.answer(StreamList(streams=shown))


async def one(request: web.Request) -> web.StreamResponse:
    """One stream."""
    return routes.answer(request.app[SERVICE].shown_stream(await _found(request)))


async def removed(request: web.Request) -> web.StreamResponse:
    """End it; its job and what was seen stay."""
    await request.app[SERVICE].unwatch(await _found(request))
    return web.Response(status=204)


async def picture(request: web.Request) -> web.StreamResponse:
    """The latest picture."""
    job = await _found(request)
    data = await request.app[SERVICE].streams.picture(job.id)
    if data is None:
        raise Problem(404, "there is no picture of this stream yet", headers={"Retry-After": "2"})
    return web.Response(body=data, content_type="image/jpeg", headers={"Cache-Control": "no-store"})


async def _found(request: web.Request) -> Job:
    job = await jobs_api.found(request)
    if job.kind != "stream" or await request.app[SERVICE].store.streams.watched(job.id) is None:
        raise Problem(404, f"there is no stream {job.id}")
    return job


_STREAM = Answer("The stream.", Stream)

ROUTES = (
    Route(
        "POST",
        f"{BASE}/streams",
        made,
        "Watch a live source; its `id` is a job's as well: timeline, feed, pictures and corrections are at `/jobs/{id}`",
        {
            201: Answer("The stream.", Stream, headers={"Location": "The stream's address."}),
        },
        scope="submit",
        body=NewStream,
    ),
    Route("GET", f"{BASE}/streams", listed, "List live sources, and how each stands", {200: Answer("All of them.", StreamList)}),
    Route("GET", f"{BASE}/streams/{{id}}", one, "One live source", {200: _STREAM}, patterns=jobs_api.PATTERN),
    Route(
        "DELETE",
        f"{BASE}/streams/{{id}}",
        removed,
        "Watch it no more, and forget address and login; what was seen stays with its job",
        {204: Answer("It is watched no more.", media=())},
        scope="submit",
        patterns=jobs_api.PATTERN,
    ),
    Route(
        "GET",
        f"{BASE}/streams/{{id}}/picture.jpg",
        picture,
        "Its latest picture, 640 pixels at most",
        {200: Answer("The picture.", media=("image/jpeg",))},
        patterns=jobs_api.PATTERN,
    ),
)
