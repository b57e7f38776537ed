"""A small picture that stands for a job in a list: of its most important event, or the last that was looked at while it still runs."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from aiohttp import web

from videoscan import flow
from videoscan.document import Timeline
from videoscan.folder import PICTURES, TIMELINE, storing
from videoscan.web import jobs_api
from videoscan.web.routes import BASE, SERVICE, Answer, Route

if TYPE_CHECKING:
    from pathlib import Path

LONG_SIDE = 480
"""Pixels of the longer side: twice what a list shows, for screens that have two for each."""

_QUALITY = 80
_FILE = "poster.jpg"


async def poster(request: web.Request) -> web.StreamResponse:
    """The picture that stands for a job."""
    service, job = request.app[SERVICE], await jobs_api.found(request)
    running = service.worker.running.get(job.id)
    folders = [service.settings.folder(each) for each in (job.children or [job.id])]

    def look() -> bytes | None:
        return next((made for folder in folders if (made := _poster(folder, keep=running is None)) is not None), None)

    made = await flow.in_thread(look)
    if made is None:
        return web.Response(status=204, headers={"Cache-Control": "no-cache"})
    etag = f'"{job.id}-{len(made):x}-{hash(made) & 0xFFFFFFFF:x}"'
    headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
    if etag in request.headers.get("If-None-Match", ""):
        return web.Response(status=304, headers=headers)
    return web.Response(body=made, content_type="image/jpeg", headers=headers)


def _poster(folder: Path, *, keep: bool) -> bytes | None:
    """The small picture of a job's folder; `keep` writes it down beside the output, where it is as new as the timeline."""
    timeline, written = folder / "output" / TIMELINE, folder / _FILE
    with contextlib.suppress(OSError):
        if keep and written.stat().st_mtime >= timeline.stat().st_mtime:
            return written.read_bytes()
    chosen = _telling(folder / "output") if timeline.is_file() else None
    if chosen is None:
        kept = sorted(path for path in (folder / "output" / PICTURES).glob("*") if path.stem.isdigit())
        chosen = kept[-1] if kept else None
    made = None if chosen is None else _smaller(chosen)
    if made is not None and keep and timeline.is_file():
        with contextlib.suppress(Exception), storing(written):
            written.write_bytes(made)
    return made


def _telling(output: Path) -> Path | None:
    """The first picture of the most important event that a person did not reject; the earliest of equals."""
    try:
        told = Timeline.from_json((output / TIMELINE).read_bytes())
    except (OSError, ValueError):
        return None
    events = [event for event in told.events if event.review is None or event.review.state != "rejected"]
    for event in sorted(events, key=lambda event: -(event.importance or 0.0)):
        for evidence in event.evidence:
            if evidence.picture is not None and (path := output / evidence.picture).is_file():
                return path
    return None


def _smaller(path: Path) -> bytes | None:
    """A picture as a small JPEG, `None` where it cannot be read: it may be written this moment."""
    import cv2
    import numpy as np

    try:
        read = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    except (OSError, cv2.error):
        return None
    if read is None:
        return None
    height, width = read.shape[:2]
    scale = min(1.0, LONG_SIDE / max(width, height))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    done, made = cv2.imencode(".jpg", cv2.resize(read, size, interpolation=cv2.INTER_AREA), [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return made.tobytes() if done else None


ROUTES = (
    Route(
        "GET",
        f"{BASE}/jobs/{{id}}/poster.jpg",
        poster,
        "A small picture that stands for the job",
        {
            200: Answer("The picture.", media=("image/jpeg",)),
            204: Answer("No picture was kept yet.", media=()),
            304: Answer("Nothing is new.", media=()),
        },
        patterns=jobs_api.PATTERN,
        headers={"If-None-Match": ("An ETag that is known: 304 where nothing is new.", {"type": "string"})},
    ),
)
