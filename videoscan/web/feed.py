"""A job's feed as server-sent events. What is told stands in the store with a number, so a reader that comes back loses and repeats nothing."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from aiohttp import web
from pydantic import Field

from videoscan.jobs.records import FINAL, Entry
from videoscan.web import jobs_api, routes
from videoscan.web.problems import Problem
from videoscan.web.routes import BASE, SERVICE, Answer, Route
from videoscan.web.schemas import Asked, EntryList, Latest
from videoscan.web.security import head

if TYPE_CHECKING:
    from videoscan.jobs.records import Job
    from videoscan.jobs.service import Service

_BEAT = 15.0
"""Seconds of silence after which a comment is sent, so that nothing between us takes the connection for dead."""

_PAGE = 200


class Following(Asked):
    """How long it is listened to."""

    follow: bool = Field(
        default=False, description="Stay when the job has ended: corrections and new attempts are told too, and no `end` is."
    )


async def feed(request: web.Request) -> web.StreamResponse:
    """Everything after `Last-Event-ID`, then what comes, until the job has ended and all is told."""
    service = request.app[SERVICE]
    job = await jobs_api.found(request)
    after, following = _after(request), routes.query(request, Following)
    answer = web.StreamResponse(
        headers={"Content-Type": "text/event-stream", "Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
    )
    head(answer)
    await answer.prepare(request)
    with contextlib.suppress(ConnectionResetError):
        with service.board.watching(job.id) as news:
            await answer.write(b"retry: 2000\n\n")
            await _follow(service, job, after, news, answer, stay=following.follow)
        await answer.write_eof()
    return answer


async def latest(request: web.Request) -> web.StreamResponse:
    """The last of what happened, the newest first: for whoever only looks in."""
    job, asked = await jobs_api.found(request), routes.query(request, Latest)
    return routes.answer(EntryList(entries=await request.app[SERVICE].store.latest(job.id, asked.kind, asked.limit)))


async def _follow(service: Service, job: Job, after: int, news: asyncio.Event, answer: web.StreamResponse, *, stay: bool) -> None:
    told: Job | None = None
    state = ""
    while True:
        news.clear()
        # Read before the feed: once the job has ended, the feed holds all of it.
        current = await service.store.job(job.id)
        while entries := await service.store.feed(job.id, after, _PAGE):
            await answer.write(b"".join(map(_event, entries)))
            after = entries[-1].number
        if current is None or (current.state in FINAL and not stay):
            await answer.write(b"event: end\ndata: {}\n\n")
            return
        shown = service.shown(current)
        if shown.progress is not None and (told is None or shown.progress != told.progress):
            # No id: how far it is, is true only now, and nothing that must be told again.
            body = shown.model_dump_json(include={"id", "state", "progress", "eta"})
            await answer.write(f"event: progress\ndata: {body}\n\n".encode())
        told = shown
        if current.kind in {"stream", "day"} and (now := await service.state(current)) != state:
            # Neither an id: what a camera's window came to stands in its timeline a moment after it is told of.
            await answer.write(f'event: timeline\ndata: {{"state": "{now}"}}\n\n'.encode())
            state = now
        try:
            await asyncio.wait_for(news.wait(), _BEAT)
        except TimeoutError:
            await answer.write(b": still here\n\n")
        if service.board.closed:
            return


def _event(entry: Entry) -> bytes:
    return f"id: {entry.number}\nevent: {entry.kind}\ndata: {entry.model_dump_json()}\n\n".encode()


def _after(request: web.Request) -> int:
    text = request.headers.get("Last-Event-ID", "")
    if not text:
        return 0
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise Problem(422, f"Last-Event-ID is a number that this feed gave, not {text[:40]!r}")
    return int(text)


ROUTES = (
    Route(
        "GET",
        f"{BASE}/jobs/{{id}}/feed",
        feed,
        "What happens, as server-sent events",
        {
            200: Answer(
                "Events `state`, `window`, `event` and `note` with an id, of a camera `stream`, `found` and `alert` too; `progress`, and `timeline`"
                " when a camera's was written, without; `end` at the end.",
                media=("text/event-stream",),
            )
        },
        query=Following,
        patterns=jobs_api.PATTERN,
        headers={
            "Last-Event-ID": (
                "The last id that was read: what came after it follows.",
                {"type": "string", "pattern": r"^\d{1,18}$"},
            )
        },
    ),
    Route(
        "GET",
        f"{BASE}/jobs/{{id}}/feed/latest",
        latest,
        "The last of what happened",
        {200: Answer("Entries of the feed, the newest first.", EntryList)},
        query=Latest,
        patterns=jobs_api.PATTERN,
    ),
)
