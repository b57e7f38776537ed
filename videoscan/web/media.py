"""Pictures and the video itself, in ranges."""

from __future__ import annotations

import mimetypes
from typing import TYPE_CHECKING

from aiohttp import web
from pydantic import BaseModel, Field

from videoscan import flow
from videoscan.folder import PICTURES
from videoscan.jobs.kept import KeptFrame
from videoscan.jobs.previews import Watching
from videoscan.web import jobs_api, routes
from videoscan.web.problems import MEDIA_TYPE, Problem, ProblemDocument
from videoscan.web.routes import BASE, SERVICE, Answer, Route
from videoscan.web.schemas import Asked

if TYPE_CHECKING:
    from pathlib import Path

_SUFFIXES = (".jpg", ".png", ".webp", ".bmp", ".tiff")
_TYPES = {".jpg": "image/jpeg", ".png": "image/png", ".webp": "image/webp", ".bmp": "image/bmp", ".tiff": "image/tiff"}


class Wanted(Asked):
    """How a picture is wanted."""

    side: int | None = Field(
        default=None,
        ge=16,
        le=2048,
        description="At most so many pixels on its longer side, as JPEG; the picture as it is, unless said.",
    )


class Kept(BaseModel):
    """The pictures that were kept."""

    frames: list[KeptFrame]


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
    side = routes.query(request, Wanted).side
    if side is None:
        return await _file(request, path, _TYPES[path.suffix], "private, max-age=3600")
    body = await flow.in_thread(_small, path, side)
    return web.Response(body=body, content_type="image/jpeg", headers={"Cache-Control": "private, max-age=3600"})


def _small(path: Path, side: int) -> bytes:
    """A picture shrunk to `side` pixels, as JPEG; decoded at half its size where that is enough."""
    import cv2
    import numpy as np

    data = np.frombuffer(path.read_bytes(), np.uint8)
    picture = cv2.imdecode(data, cv2.IMREAD_REDUCED_COLOR_2)
    if picture is None or max(picture.shape[:2]) < side:
        picture = cv2.imdecode(data, cv2.IMREAD_COLOR)
    if picture is None:
        raise Problem(404, f"the picture {path.name} cannot be read")
    height, width = picture.shape[:2]
    scale = side / max(height, width)
    if scale < 1:
        size = max(1, round(width * scale)), max(1, round(height * scale))
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    return bytes(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 82])[1])


async def video(request: web.Request) -> web.StreamResponse:
    """The file that was scanned."""
    service, job = request.app[SERVICE], await jobs_api.found(request)
    if (path := await service.video(job)) is None:
        raise Problem(404, "there is no file of this job here", hint="its kept pictures are there, frame by frame")
    if await service.viewing.blacked_out(job):
        raise Problem(
            403,
            "parts of this picture are blacked out: the file itself is not served",
            hint="look at its kept pictures, or have a preview made",
        )
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    # A drawing may hold scripts: nothing that a browser would run is named as what it is.
    plays = kind.startswith(("video/", "image/")) and "+" not in kind
    return await _file(request, path, kind if plays else "application/octet-stream", "private, no-cache")


async def frames(request: web.Request) -> web.StreamResponse:
    """Which pictures were kept."""
    job = await jobs_api.found(request)
    return routes.answer(Kept(frames=await request.app[SERVICE].viewing.kept(job)))


async def watching(request: web.Request) -> web.StreamResponse:
    """How the recording can be watched."""
    return routes.answer(await request.app[SERVICE].viewing.watching(await jobs_api.found(request)))


async def make_preview(request: web.Request) -> web.StreamResponse:
    """Have a preview made; the same one however often it is asked for."""
    return routes.answer(await request.app[SERVICE].viewing.make_preview(await jobs_api.found(request)), status=202)


async def preview(request: web.Request) -> web.StreamResponse:
    """The preview."""
    path = await request.app[SERVICE].viewing.preview(await jobs_api.found(request))
    if path is None:
        raise Problem(404, "there is no preview of this job", hint="`POST .../preview` has one made")
    return await _file(request, path, "video/mp4", "private, no-cache")


async def _file(request: web.Request, path: Path, kind: str, cache: str) -> web.FileResponse:
    """The file, or the part of it that `Range` asks for. Raises `Problem` 416 for a part that there is not."""
    if "Range" in request.headers and "If-Range" not in request.headers:
        size = (await flow.in_thread(path.stat)).st_size
        try:
            start = request.http_range.start
        except ValueError:
            start = size
        if start is not None and start >= size:
            raise Problem(416, f"the file has {size} bytes", headers={"Content-Range": f"bytes */{size}"})
    return web.FileResponse(path, headers={"Content-Type": kind, "Cache-Control": cache, "Content-Disposition": "inline"})


_RANGE = {"Range": ("Which bytes.", {"type": "string"})}
_PICTURES = tuple(_TYPES.values())
_VIDEOS = ("video/*", "application/octet-stream")


def _answers(whole: str, media: tuple[str, ...]) -> dict[int, Answer]:
    return {
        200: Answer(whole, media=media),
        206: Answer("A part of it.", media=media),
        304: Answer("Nothing is new.", media=()),
        416: Answer("It has no such part.", ProblemDocument, (MEDIA_TYPE,)),
    }


_WATCHING = "How it can be watched, and what there is of a preview."

ROUTES = (
    Route(
        "GET",
        f"{BASE}/jobs/{{id}}/frames",
        frames,
        "Which pictures were kept",
        {200: Answer("The pictures, in order of time.", Kept)},
        patterns=jobs_api.PATTERN,
    ),
    Route(
        "GET",
        f"{BASE}/jobs/{{id}}/preview",
        watching,
        "How the recording can be watched",
        {200: Answer(_WATCHING, Watching)},
        patterns=jobs_api.PATTERN,
    ),
    Route(
        "POST",
        f"{BASE}/jobs/{{id}}/preview",
        make_preview,
        "Have a preview made",
        {202: Answer(_WATCHING, Watching)},
        patterns=jobs_api.PATTERN,
    ),
    Route(
        "GET",
        f"{BASE}/jobs/{{id}}/preview.mp4",
        preview,
        "The preview: small, H.264, on the same clock",
        _answers("The preview.", ("video/mp4",)),
        patterns=jobs_api.PATTERN,
        headers=_RANGE,
    ),
    Route(
        "GET",
        f"{BASE}/jobs/{{id}}/frames/{{frame}}.jpg",
        frame,
        "A kept picture",
        _answers("The picture.", _PICTURES),
        query=Wanted,
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
