"""Files that callers send: in one multipart body, or piece by piece by tus 1.0 (core and creation). Both go straight to disk."""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import json
import re
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aiohttp import BodyPartReader, web
from pydantic import ValidationError

from videoscan import flow
from videoscan.errors import StoreError
from videoscan.folder import OutputFolder, storing
from videoscan.jobs import fetching
from videoscan.jobs.records import ID, new_id
from videoscan.web.problems import Problem, invalid
from videoscan.web.routes import BASE, LARGEST_JSON, SERVICE, Answer, Route
from videoscan.web.schemas import JobRequest, Options

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterator
    from pathlib import Path

    from videoscan.jobs.records import Job
    from videoscan.jobs.service import Service

_PIECE = 1 << 20
_VERSION = "1.0.0"
_TUS = {"Tus-Resumable": _VERSION}

MULTIPART: dict[str, Any] = {
    "schema": {
        "type": "object",
        "required": ["file"],
        "properties": {
            "file": {"type": "string", "contentMediaType": "application/octet-stream", "description": "The video."},
            "options": {"$ref": "#/components/schemas/Options"},
        },
    },
    "encoding": {"options": {"contentType": "application/json"}},
}


async def multipart(request: web.Request, service: Service, key: str | None) -> tuple[Job, bool]:
    """The job of a multipart body: `file`, and `options` before or after it."""
    try:
        reader = await request.multipart()
    except (ValueError, AssertionError) as fault:
        raise Problem(422, f"the body is no multipart that can be read: {fault}") from None
    job, file = new_id(), None
    options: Options | None = None
    folder = service.settings.folder(job)
    try:
        try:
            async for part in reader:
                name = part.name if isinstance(part, BodyPartReader) else None
                if not isinstance(part, BodyPartReader) or name not in {"file", "options"}:
                    raise Problem(422, f"the parts are `file` and `options`, not {str(name)[:100]!r}")
                if part.name == "options" and options is None:
                    options = await _options(part, service)
                elif part.name == "file" and file is None:
                    file = await _save(part, folder / "source", service)
                else:
                    raise Problem(422, f"one file makes one job: there are two parts `{part.name}`")
        except ValueError as fault:
            raise Problem(422, f"the body is no multipart that can be read: {fault}") from None
        if file is None:
            raise Problem(422, "the part `file` is missing")
        options = options or Options()
        made, new = await service.submit(
            file, profile=options.profile, question=options.question, key=key, owned=True, name=file.name, job=job
        )
    except BaseException:
        await flow.in_thread(_remove, folder)
        raise
    if not new:
        await flow.in_thread(_remove, folder)
    return made, new


async def _options(part: BodyPartReader, service: Service) -> Options:
    text = bytearray()
    while piece := await _read(part.read_chunk(_PIECE), service):
        text += piece
        if len(text) > LARGEST_JSON:
            raise Problem(413, f"the part `options` is larger than {LARGEST_JSON} bytes")
    try:
        return Options.model_validate_json(bytes(text))
    except ValidationError as fault:
        raise invalid(fault, "part `options`") from None


async def _save(part: BodyPartReader, folder: Path, service: Service) -> Path:
    path = folder / fetching.file_name(part.filename or "upload")
    size = 0
    await flow.in_thread(_make, folder)
    with fetching.growing(path) as grow:
        while piece := await _read(part.read_chunk(_PIECE), service):
            size += len(piece)
            _check(size, len(piece), service)
            await flow.in_thread(grow, piece)
    if not size:
        raise Problem(422, "the file is empty")
    return path


async def _read(piece: Awaitable[bytes], service: Service) -> bytes:
    """The next of a body. Raises `Problem` 408 for a sender that falls silent: it would hold its place for ever."""
    try:
        async with asyncio.timeout(service.settings.stall):
            return await piece
    except TimeoutError:
        raise Problem(408, f"nothing came for {service.settings.stall:g} s", hint="go on with what is missing") from None


def _make(folder: Path) -> None:
    with storing(folder):
        folder.mkdir(parents=True, exist_ok=True)


def _check(size: int, more: int, service: Service) -> None:
    if size > service.settings.most_bytes:
        raise Problem(413, f"an upload has at most {service.settings.most_bytes} bytes")
    try:
        service.worker.room(more)
    except StoreError as fault:
        raise Problem(507, fault.message, hint=fault.hint) from None


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)


# --- tus ------------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Upload:
    """A file that is arriving: `length` bytes in all, as many of them there as the file is long."""

    folder: Path
    length: int
    name: str

    @property
    def file(self) -> Path:
        return self.folder / "data"

    @property
    def offset(self) -> int:
        return self.file.stat().st_size


async def create(request: web.Request) -> web.StreamResponse:
    """Begin an upload (tus creation)."""
    _speaks(request)
    service = request.app[SERVICE]
    length = _number(request, "Upload-Length")
    if length > service.settings.most_bytes:
        raise Problem(413, f"an upload has at most {service.settings.most_bytes} bytes", headers=_TUS)
    if not length:
        raise Problem(422, "the file is empty", headers=_TUS)
    _check(0, length, service)
    if await flow.in_thread(_count, service.settings.uploads) >= service.settings.most_waiting:
        raise Problem(
            503,
            f"{service.settings.most_waiting} uploads are under way already",
            hint="try again later",
            headers={**_TUS, "Retry-After": "30"},
        )
    upload, name = new_id(), fetching.file_name(_metadata(request).get("filename", "upload"))
    folder = service.settings.uploads / upload

    def begin() -> None:
        place = OutputFolder(folder)
        place.write("data", b"")
        place.write("about.json", json.dumps({"length": length, "name": name}).encode())

    await flow.in_thread(begin)
    return web.Response(status=201, headers={**_TUS, "Location": f"{BASE}/uploads/{upload}", "Upload-Offset": "0"})


def _count(folder: Path) -> int:
    return sum(1 for _ in folder.iterdir()) if folder.is_dir() else 0


async def state(request: web.Request) -> web.StreamResponse:
    """How much of an upload is there."""
    _speaks(request)
    upload = await flow.in_thread(_upload, request.app[SERVICE], request.match_info["id"])
    told = {"Upload-Offset": str(upload.offset), "Upload-Length": str(upload.length), "Cache-Control": "no-store"}
    return web.Response(headers={**_TUS, **told})


async def append(request: web.Request) -> web.StreamResponse:
    """The next piece. What arrived before a connection broke is kept."""
    _speaks(request)
    if request.content_type != "application/offset+octet-stream":
        raise Problem(415, "a piece is application/offset+octet-stream", headers=_TUS)
    service = request.app[SERVICE]
    with _alone(request):
        upload = await flow.in_thread(_upload, service, request.match_info["id"])
        at, wanted = upload.offset, _number(request, "Upload-Offset")
        if wanted != at:
            raise Problem(409, f"the upload goes on at {at}, not at {wanted}", headers={**_TUS, "Upload-Offset": str(at)})
        with fetching.growing(upload.file) as grow:
            while piece := await _read(request.content.read(_PIECE), service):
                at += len(piece)
                if at > upload.length:
                    raise Problem(413, f"more came than the {upload.length} bytes that were announced", headers=_TUS)
                _check(at, len(piece), service)
                await flow.in_thread(grow, piece)
    return web.Response(status=204, headers={**_TUS, "Upload-Offset": str(at)})


async def drop(request: web.Request) -> web.StreamResponse:
    """Give an upload up."""
    with _alone(request):
        upload = await flow.in_thread(_upload, request.app[SERVICE], request.match_info["id"])
        await flow.in_thread(_remove, upload.folder)
    return web.Response(status=204, headers=_TUS)


@contextlib.contextmanager
def _alone(request: web.Request) -> Iterator[None]:
    """Two that write one upload would mix their pieces. Raises `Problem` 423 for the second."""
    arriving, upload = request.app[ARRIVING], request.match_info["id"]
    if upload in arriving:
        raise Problem(423, "another request is sending this upload", headers=_TUS)
    arriving.add(upload)
    try:
        yield
    finally:
        arriving.discard(upload)


async def submit(service: Service, asked: JobRequest, key: str | None) -> tuple[Job, bool]:
    """The job of a finished upload: the file goes over to it."""
    text = asked.source.removeprefix("upload:")
    if re.fullmatch(ID, text) is None:
        raise Problem(422, "`upload:` is followed by the id of an upload")
    # An upload that has become a job: its id is the job's, so asking twice finds it.
    if (made := await service.store.job(text)) is not None:
        return made, False
    upload = await flow.in_thread(_upload, service, text)
    if upload.offset != upload.length:
        raise Problem(409, f"of this upload {upload.offset} of {upload.length} bytes are there", hint="send the rest first")
    path = service.settings.folder(text) / "source" / upload.name

    def move() -> None:
        with storing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            upload.file.replace(path)

    def back() -> None:
        path.replace(upload.file)
        _remove(service.settings.folder(text))

    await flow.in_thread(move)
    try:
        result = await service.submit(
            path, profile=asked.profile, question=asked.question, key=key, owned=True, name=upload.name, job=text
        )
    except BaseException:
        await flow.in_thread(back)
        raise
    await flow.in_thread(_remove, upload.folder)
    return result


def _upload(service: Service, upload: str) -> _Upload:
    folder = service.settings.uploads / upload
    try:
        about = json.loads((folder / "about.json").read_bytes())
        return _Upload(folder, about["length"], about["name"])
    except (OSError, ValueError, KeyError):
        raise Problem(404, f"there is no upload {upload}", headers=_TUS) from None


def _speaks(request: web.Request) -> None:
    if request.headers.get("Tus-Resumable") != _VERSION:
        raise Problem(412, f"this speaks tus {_VERSION}: send `Tus-Resumable: {_VERSION}`", headers={"Tus-Version": _VERSION})


def _number(request: web.Request, name: str) -> int:
    text = request.headers.get(name, "")
    if re.fullmatch(r"\d{1,18}", text, re.ASCII) is None:
        raise Problem(422, f"the header {name} is a number of bytes, not {text[:40]!r}", headers=_TUS)
    return int(text)


def _metadata(request: web.Request) -> dict[str, str]:
    told = {}
    for pair in request.headers.get("Upload-Metadata", "").split(","):
        name, _, value = pair.strip().partition(" ")
        try:
            told[name] = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError, ValueError):
            raise Problem(422, f"Upload-Metadata: {name[:40]!r} is not Base64 of UTF-8", headers=_TUS) from None
    return told


ARRIVING: web.AppKey[set[str]] = web.AppKey("uploads-arriving", set)
"""Uploads that somebody is writing just now."""

_PATTERN = {"id": ID.strip("^$")}
_HEADER = {"Tus-Resumable": ("The protocol's version: 1.0.0.", {"type": "string", "pattern": r"^1\.0\.0$"})}
_NUMBER = {"type": "string", "pattern": r"^\d{1,18}$"}
_AT = {"Upload-Offset": "How many bytes are there."}

ROUTES = (
    Route(
        "POST",
        f"{BASE}/uploads",
        create,
        "Begin a resumable upload (tus 1.0)",
        {201: Answer("It is begun.", media=(), headers={"Location": "Where its pieces go.", **_AT})},
        scope="submit",
        headers={
            **_HEADER,
            "Upload-Length": ("How many bytes will come.", _NUMBER),
            "Upload-Metadata": ("`filename` and its name in Base64.", {"type": "string"}),
        },
    ),
    Route(
        "HEAD",
        f"{BASE}/uploads/{{id}}",
        state,
        "How much of an upload is there",
        {200: Answer("The header Upload-Offset says it.", media=(), headers=_AT)},
        scope="submit",
        patterns=_PATTERN,
        headers=_HEADER,
    ),
    Route(
        "PATCH",
        f"{BASE}/uploads/{{id}}",
        append,
        "Send the next piece of an upload",
        {204: Answer("It is on disk.", media=(), headers=_AT)},
        scope="submit",
        patterns=_PATTERN,
        headers={**_HEADER, "Upload-Offset": ("Where the piece goes.", _NUMBER)},
        other_bodies={
            "application/offset+octet-stream": {"schema": {"type": "string", "contentMediaType": "application/octet-stream"}}
        },
    ),
    Route(
        "DELETE",
        f"{BASE}/uploads/{{id}}",
        drop,
        "Give an upload up",
        {204: Answer("It is gone.", media=())},
        scope="submit",
        patterns=_PATTERN,
    ),
)
