"""Pictures and the video itself, in ranges."""

from __future__ import annotations

import mimetypes
from typing import TYPE_CHECKING

from aiohttp import web

from videoscan import flow
from videoscan.folder import PICTURES
from videoscan.web import jobs_api
from videoscan.web.problems import Problem
from videoscan.web.routes import BASE, SERVICE, Answer, Route

if TYPE_CHECKING:
    from pathlib import Path

    from videoscan.jobs.service import Service

_SUFFIXES = (".jpg", ".png", ".webp", ".bmp", ".tiff")
_TYPES = {".jpg": "image/jpeg", ".png": "image/png", ".webp": "image/webp", ".bmp": "image/bmp", ".tiff": "image/tiff"}


async def frame(request: web.Request) -> web.StreamResponse:
    """A picture that was kept, by its frame's index, in the format in which it was sent."""
    job = await jobs_api.found(request)
    number = int(request.match_info["frame"])
    folder = request.app[SERVICE].settings.output(job.id) / PICTURES

    def look() -> Path | None:
        return next((path for suffix in _SUFFIXES if (path := folder / f"{number:08d}{suffix}").is_file()), None)

    path = await flow.in_thread(look)
    if path is None:
        raise Problem(404, f"no picture of frame {number} was kept")
    return _file(path, _TYPES[path.suffix], "private, max-age=3600")


async def video(request: web.Request) -> web.StreamResponse:
    """The file that was scanned."""
    service, job = request.app[SERVICE], await jobs_api.found(request)
    if (job.kind == "folder") or (path := await service.video(job.id)) is None:
        raise Problem(404, "there is no file of this job here", hint="its kept pictures are there, frame by frame")
    if await flow.in_thread(_blacked_out, service, job.id):
        raise Problem(
            403, "parts of this picture are blacked out: the file itself is not served", hint="look at its kept pictures"
        )
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    # A drawing may hold scripts: nothing that a browser would run is named as what it is.
    plays = kind.startswith(("video/", "image/")) and "+" not in kind
    return _file(path, kind if plays else "application/octet-stream", "private, no-cache")


def _blacked_out(service: Service, job: str) -> bool:
    told, _ = service.written(job)
    return told is not None and bool(told.profile.get("regions", {}).get("black_out"))


def _file(path: Path, kind: str, cache: str) -> web.FileResponse:
    return web.FileResponse(path, headers={"Content-Type": kind, "Cache-Control": cache, "Content-Disposition": "inline"})


_RANGE = {"Range": ("Which bytes.", {"type": "string"})}
_PICTURES = tuple(_TYPES.values())
_VIDEOS = ("video/*", "application/octet-stream")


def _answers(whole: str, media: tuple[str, ...]) -> dict[int, Answer]:
    return {
        200: Answer(whole, media=media),
        206: Answer("A part of it.", media=media),
        304: Answer("Nothing is new.", media=()),
        416: Answer("It has no such part.", media=media),
    }


ROUTES = (
    Route(
        "GET",
        f"{BASE}/jobs/{{id}}/frames/{{frame}}.jpg",
        frame,
        "A kept picture",
        _answers("The picture.", _PICTURES),
        patterns={**jobs_api.PATTERN, "frame": r"\d{1,12}"},
        headers=_RANGE,
    ),
    Route(
        "GET",
        f"{BASE}/jobs/{{id}}/video",
        video,
        "The video",
        _answers("The file.", _VIDEOS),
        patterns=jobs_api.PATTERN,
        headers=_RANGE,
    ),
)
