"""The review page: one HTML file, styles and ES modules, as they stand in `static/`. Nothing is built, and nothing comes from elsewhere.

Every file is also to be had below `/static/DIGEST/`, where DIGEST stands for the content of all of them: modules import each other by
relative paths, so a browser keeps them for good, and a new version of the package has new addresses. The page itself names the digest and is
asked for anew each time.

Each file costs a browser some milliseconds, wherever it comes from, and it asks for six at a time. So the page is sent with its first script
inside it, its styles are one file, and that script knows which modules the screen is made of that the address names: they are asked for at
once, not as each is found in the one before. The page also holds who asks for it: what it shows first is asked for without asking that before.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import html
import json
import mimetypes
import posixpath
import re
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

from aiohttp import web

from videoscan.web import keys_api
from videoscan.web.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from importlib.resources.abc import Traversable

INDEX = "index.html"

POLICY = (
    "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'; "
    # Strings never become markup or code, not even by a mistake in our own scripts.
    "require-trusted-types-for 'script'; trusted-types 'none'"
)

_APP = "js/app.js"
_SCREENS = ("jobs", "job", "search", "streams", "settings", "login")
_SHEETS = "css/all.css"
"""All styles that the page names, in its order."""

_IMPORT = re.compile(rb"""^(?:import|export)\b[^;]*?\bfrom "(\.[^"]+)";$""", re.MULTILINE)

_FOREVER = "public, max-age=31536000, immutable"
_ASK = "no-cache"
_NEVER = "no-store"
_ME = b"%ME%"
_TYPES = {".js": "text/javascript", ".css": "text/css", ".html": "text/html", ".svg": "image/svg+xml"}
_TEXTS = tuple(_TYPES)
_EARLY = re.compile(rb'<script src="[^"]*/js/early.js"></script>')
_SHEET = re.compile(rb'<link rel="stylesheet" href="/static/([^"]+)">\n')


@dataclass(frozen=True, slots=True)
class File:
    """One file of the page. `packed` is its gzip, `None` where that is no gain."""

    body: bytes
    packed: bytes | None
    kind: str
    etag: str


class Site:
    """All files of the page, in memory: some 100 kB."""

    def __init__(self) -> None:
        found = dict(_walk(resources.files("videoscan.web").joinpath("static")))
        found[_SHEETS] = b"\n".join(found[name.decode()] for name in _SHEET.findall(found[INDEX]))
        self.digest = hashlib.sha256(b"\0".join(name.encode() + b"\0" + found[name] for name in sorted(found))).hexdigest()[:16]
        early = found["js/early.js"]
        self.files = {name: _file(name, body) for name, body in (found | {INDEX: self._index(found, early)}).items()}
        self.policy = POLICY + f"; script-src 'self' 'sha256-{base64.b64encode(hashlib.sha256(early).digest()).decode()}'"

    def _index(self, found: Mapping[str, bytes], early: bytes) -> bytes:
        """The page as it is sent."""
        first, *rest = _SHEET.findall(found[INDEX])
        page = found[INDEX].replace(first, _SHEETS.encode())
        for name in rest:
            page = page.replace(b'<link rel="stylesheet" href="/static/%s">\n' % name, b"")
        page = page.replace(b'"/static/', f'"/static/{self.digest}/'.encode())
        frame = needed(found, _APP)
        more = {name: [each for each in needed(found, f"js/screens/{name}.js") if each not in frame] for name in _SCREENS}
        told = html.escape(json.dumps({"at": f"/static/{self.digest}/", "frame": frame, "screens": more}, separators=(",", ":")))
        return _EARLY.sub(
            lambda _: (
                b'<meta name="videoscan-me" content="%s">\n<meta name="videoscan-modules" content="%s">\n<script>%s</script>'
                % (_ME, told.encode(), early)
            ),
            page,
        )


SITE: web.AppKey[Site] = web.AppKey("site", Site)


async def index(request: web.Request) -> web.StreamResponse:
    """The page, and within it who asks for it. So it is never kept."""
    site = request.app[SITE]
    who = html.escape((await keys_api.asking(request)).model_dump_json()).encode()
    file = _file(INDEX, site.files[INDEX].body.replace(_ME, who, 1))
    return _answer(request, file, _NEVER, site.policy)


async def static(request: web.Request) -> web.StreamResponse:
    """A style, a script or a picture of the page."""
    site, path = request.app[SITE], request.match_info["path"]
    digest, _, rest = path.partition("/")
    name, cache = (rest, _FOREVER) if digest == site.digest else (path, _ASK)
    file = site.files.get(name)
    if file is None or name == INDEX:
        raise Problem(404, f"there is nothing at {request.path[:200]}")
    return _answer(request, file, cache)


def add(app: web.Application) -> None:
    """Put the page into an application. It is no part of the API, nor of its document."""
    app[SITE] = Site()
    app.router.add_get("/", index)
    app.router.add_get("/static/{path:.+}", static)


def _answer(request: web.Request, file: File, cache: str, policy: str = POLICY) -> web.Response:
    headers = {"ETag": file.etag, "Cache-Control": cache, "Vary": "Accept-Encoding", "Content-Security-Policy": policy}
    known = {each.strip().removeprefix("W/") for each in request.headers.get("If-None-Match", "").split(",")}
    if file.etag in known or "*" in known:
        return web.Response(status=304, headers=headers)
    body = file.body
    if file.packed is not None and "gzip" in request.headers.get("Accept-Encoding", ""):
        body = file.packed
        headers["Content-Encoding"] = "gzip"
    return web.Response(body=body, headers=headers | {"Content-Type": file.kind})


def _file(name: str, body: bytes) -> File:
    suffix = name[name.rfind(".") :]
    kind = _TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
    packed = gzip.compress(body, mtime=0) if suffix in _TEXTS else None
    return File(
        body,
        packed if packed is not None and len(packed) < len(body) else None,
        f"{kind}; charset=utf-8" if suffix in _TEXTS else kind,
        f'"{hashlib.sha256(body).hexdigest()[:16]}"',
    )


def needed(found: Mapping[str, bytes], *first: str) -> tuple[str, ...]:
    """Some modules and all that they import at once, each once, in the order in which they come to be needed."""
    names = list(first)
    for name in names:
        told = (
            posixpath.normpath(posixpath.join(posixpath.dirname(name), each.decode())) for each in _IMPORT.findall(found[name])
        )
        names += [each for each in dict.fromkeys(told) if each not in names]
    return tuple(names)


def _walk(folder: Traversable, within: str = "") -> Iterator[tuple[str, bytes]]:
    for each in folder.iterdir():
        if each.is_dir():
            yield from _walk(each, f"{within}{each.name}/")
        else:
            yield f"{within}{each.name}", each.read_bytes()
