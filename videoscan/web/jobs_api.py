"""The routes of jobs: submit, list, cancel, retry, delete, and what came of them."""

from __future__ import annotations

import hashlib
import io
import re
from typing import TYPE_CHECKING

from aiohttp import web

from videoscan import flow, registry
from videoscan.document import Timeline
from videoscan.jobs.records import ID, Job
from videoscan.web import routes, uploads
from videoscan.web.problems import Problem
from videoscan.web.routes import BASE, SERVICE, Answer, Route
from videoscan.web.schemas import JobList, JobRequest, Jobs, Outcome, TimelineOf

if TYPE_CHECKING:
    from videoscan.jobs.service import Service

PATTERN = {"id": ID.strip("^$")}
EXPORTS = {
    "srt": "srt",
    "vtt": "vtt",
    "csv": "csv",
    "md": "markdown",
    "html": "html",
    "json": "json",
    "jsonl": "jsonl",
    "chapters.vtt": "vtt-chapters",
    "chapters.txt": "chapters",
    "ffmetadata": "ffmetadata",
    "edl": "edl",
    "otio": "otio",
    "xml": "fcp7xml",
    "llc": "llc",
}
"""Suffix and exporter of what a timeline can be had as."""

_WORTH_PACKING = 16_384
"""Bytes of a timeline from which on it goes over the wire in gzip, where the caller takes that."""

_GONE = Answer("It is gone.", media=())


async def submit(request: web.Request) -> web.StreamResponse:
    """A job of a path, an address or an upload; multipart brings its file along."""
    service = request.app[SERVICE]
    key = request.headers.get("Idempotency-Key")
    if key is not None and not 0 < len(key) <= 200:
        raise Problem(422, "an Idempotency-Key has 1 to 200 characters")
    if request.content_type == "multipart/form-data":
        job, new = await uploads.multipart(request, service, key)
    else:
        asked = await routes.body(request, JobRequest)
        if asked.source.startswith("upload:"):
            job, new = await uploads.submit(service, asked, key)
        else:
            job, new = await service.submit(
                asked.source, profile=asked.profile, question=asked.question, key=key, join=asked.join
            )
    headers = {"Location": f"{BASE}/jobs/{job.id}"} | ({} if new else {"Idempotent-Replayed": "true"})
    return routes.answer(service.shown(job), status=202, headers=headers)


async def listed(request: web.Request) -> web.StreamResponse:
    """A page of jobs."""
    service, asked = request.app[SERVICE], routes.query(request, Jobs)
    jobs, following = await service.store.jobs(
        states=asked.state, parent=asked.parent, text=asked.q, before=asked.cursor, most=asked.limit
    )
    found = await service.shelf.outcomes(job.id for job in jobs if job.kind in {"scan", "day"} and job.state == "done")
    outcomes = {
        job: Outcome(events=entry.events, duration=entry.duration, camera=entry.camera, clock=entry.clock)
        for job, entry in found.items()
    }
    page = JobList(
        jobs=[service.shown(job) for job in jobs],
        outcomes=outcomes,
        within=await service.store.counts_within(job.id for job in jobs if job.kind == "folder"),
        counts=await service.store.counts(),
        next=following,
    )
    # Asked every second or two by whoever watches: where nothing is new, no more than that goes over the wire.
    state = hashlib.sha256(page.model_dump_json().encode()).hexdigest()[:24]
    if (unchanged := _unchanged(request, state)) is not None:
        return unchanged
    return routes.answer(page, headers={"ETag": f'"{state}"', "Cache-Control": "no-cache"})


async def one(request: web.Request) -> web.StreamResponse:
    """One job."""
    return routes.answer(request.app[SERVICE].shown(await found(request)))


async def cancel(request: web.Request) -> web.StreamResponse:
    """Cancel it; what has ended stays as it ended."""
    service = request.app[SERVICE]
    return routes.answer(service.shown(await service.cancel(await found(request))), status=202)


async def retry(request: web.Request) -> web.StreamResponse:
    """Queue it again; only what has no answer yet is asked."""
    service = request.app[SERVICE]
    return routes.answer(service.shown(await service.retry(await found(request))), status=202)


async def retry_window(request: web.Request) -> web.StreamResponse:
    """Queue it again; only this window is asked, the others that have no answer keep their failures."""
    service, job = request.app[SERVICE], await found(request)
    try:
        again = await service.retry_window(job, int(request.match_info["window"]))
    except LookupError as fault:
        raise Problem(404, str(fault.args[0])) from None
    return routes.answer(service.shown(again), status=202)


async def delete(request: web.Request) -> web.StreamResponse:
    """Forget it, with its output and its upload; never a file below a root."""
    job = await found(request)
    await request.app[SERVICE].delete(job.id)
    return web.Response(status=204)


async def timeline(request: web.Request) -> web.StreamResponse:
    """The timeline, or what there is of it."""
    asked = routes.query(request, TimelineOf)
    try:
        if (unchanged := await _unchanged_yet(request)) is not None:
            return unchanged
        job = await _scanned(request)
        text, state = await request.app[SERVICE].text(job)
        if text is None:
            raise _no_timeline(job)
    except Problem:
        if asked.if_any:
            return web.Response(status=204)
        raise
    headers = {"ETag": f'"{job.id}-{state}"', "Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
    body = text.body
    if len(body) >= _WORTH_PACKING and "gzip" in request.headers.get("Accept-Encoding", ""):
        body = await flow.in_thread(lambda: text.packed)
        headers["Content-Encoding"] = "gzip"
    return web.Response(body=body, content_type="application/json", headers=headers)


async def exported(request: web.Request) -> web.StreamResponse:
    """The timeline in another format."""
    suffix = request.match_info["format"]
    told, state = await _told(request)
    if (unchanged := _unchanged(request, f"{suffix}-{state}")) is not None:
        return unchanged
    exporter = registry.make("exporters", {"kind": EXPORTS[suffix]})
    paper = io.BytesIO()
    # A report holds its pictures and a Markdown text links them; the rest would only say where things lie on this machine.
    pictured = suffix in {"html", "md"}
    folder = str(request.app[SERVICE].settings.output(request.match_info["id"])) if pictured else None
    await flow.in_thread(lambda: exporter.write(told, paper, folder=folder))
    # A report that is opened in a tab of this service's origin must not be able to act as its page.
    headers = {"ETag": f'"{suffix}-{state}"', "Cache-Control": "no-cache"}
    if suffix == "html":
        headers["Content-Security-Policy"] = "sandbox allow-scripts"
    return web.Response(body=paper.getvalue(), content_type=exporter.media_type, charset="utf-8", headers=headers)


async def _unchanged_yet(request: web.Request) -> web.Response | None:
    """Whether the caller has it as it stands. Asked before it is read: a page asks again and again."""
    job = await found(request)
    return _unchanged(request, f"{job.id}-{await request.app[SERVICE].state(job)}") if job.kind != "folder" else None


async def _told(request: web.Request) -> tuple[Timeline, str]:
    job = await _scanned(request)
    told, state = await request.app[SERVICE].timeline(job)
    if told is None:
        raise _no_timeline(job)
    return told, f"{job.id}-{state}"


async def _scanned(request: web.Request) -> Job:
    job = await found(request)
    if job.kind == "folder":
        raise Problem(409, "a folder has no timeline of its own", hint="each of its children has one")
    return job


def _no_timeline(job: Job) -> Problem:
    return Problem(404, f"there is no timeline yet: the job is {job.state}", headers={"Retry-After": "2"})


def _unchanged(request: web.Request, state: str) -> web.Response | None:
    wanted = request.headers.get("If-None-Match", "")
    if wanted.strip() == "*" or f'"{state}"' in (each.strip().removeprefix("W/") for each in wanted.split(",")):
        return web.Response(status=304, headers={"ETag": f'"{state}"', "Cache-Control": "no-cache"})
    return None


async def found(request: web.Request) -> Job:
    """The job that the address names. Raises `Problem` 404."""
    service: Service = request.app[SERVICE]
    job = await service.store.job(request.match_info["id"])
    if job is None:
        raise Problem(404, f"there is no job {request.match_info['id']}")
    return job


_JOB = Answer("The job.", Job)
_ETAG = {"ETag": "What stands for this state of it."}
_MATCH = {"If-None-Match": ("An ETag that is known: 304 where nothing is new.", {"type": "string"})}

ROUTES = (
    Route(
        "POST",
        f"{BASE}/jobs",
        submit,
        "Submit a source",
        {
            202: Answer(
                "The job, queued. The same Idempotency-Key gives the same job.", Job, headers={"Location": "The job's address."}
            )
        },
        scope="submit",
        body=JobRequest,
        other_bodies={"multipart/form-data": uploads.MULTIPART},
        headers={
            "Idempotency-Key": (
                "Makes a repeated request give the same job.",
                {"type": "string", "minLength": 1, "maxLength": 200},
            )
        },
    ),
    Route(
        "GET",
        f"{BASE}/jobs",
        listed,
        "List jobs",
        {200: Answer("A page of jobs.", JobList, headers=_ETAG), 304: Answer("Nothing is new.", media=())},
        query=Jobs,
        headers=_MATCH,
    ),
    Route("GET", f"{BASE}/jobs/{{id}}", one, "One job", {200: _JOB}, patterns=PATTERN),
    Route("POST", f"{BASE}/jobs/{{id}}/cancel", cancel, "Cancel a job", {202: _JOB}, scope="submit", patterns=PATTERN),
    Route("POST", f"{BASE}/jobs/{{id}}/retry", retry, "Try a job again", {202: _JOB}, scope="submit", patterns=PATTERN),
    Route(
        "POST",
        f"{BASE}/jobs/{{id}}/windows/{{window}}/retry",
        retry_window,
        "Ask one failed window again, by its index",
        {202: _JOB},
        scope="submit",
        patterns={**PATTERN, "window": "[0-9]{1,9}"},
    ),
    Route("DELETE", f"{BASE}/jobs/{{id}}", delete, "Forget a job", {204: _GONE}, scope="submit", patterns=PATTERN),
    Route(
        "GET",
        f"{BASE}/jobs/{{id}}/timeline",
        timeline,
        "The timeline; it grows while the job runs",
        {
            200: Answer("The timeline (`videoscan.timeline/1`).", Timeline, headers=_ETAG),
            204: Answer("There is none, and that is no fault (`if_any`).", media=()),
            304: Answer("Nothing is new.", media=()),
        },
        query=TimelineOf,
        patterns=PATTERN,
        headers=_MATCH,
    ),
    Route(
        "GET",
        f"{BASE}/jobs/{{id}}/timeline.{{format}}",
        exported,
        "The timeline in another format",
        {
            200: Answer(
                "The timeline.",
                media=tuple(dict.fromkeys(registry.factory("exporters", kind).media_type for kind in EXPORTS.values())),
                headers=_ETAG,
            ),
            304: Answer("Nothing is new.", media=()),
        },
        patterns={**PATTERN, "format": "|".join(map(re.escape, EXPORTS))},
        headers=_MATCH,
    ),
)
