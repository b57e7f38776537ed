"""Takes a chat request apart and lists every way in which it breaks the wire format: what the test server is strict about."""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import web

MAGIC: Mapping[str, tuple[bytes, ...]] = {
    "image/jpeg": (b"\xff\xd8\xff",),
    "image/png": (b"\x89PNG\r\n\x1a\n",),
    "image/webp": (b"RIFF",),
    "image/bmp": (b"BM",),
    "image/tiff": (b"II*\x00", b"MM\x00*"),
}
"""The first bytes of each kind of picture."""
MOST_BASE64 = 10_000_000
"""Characters of one picture's Base64 text; DashScope takes none that has more."""


@dataclass(frozen=True)
class Received:
    """One chat request as it came. `pictures` are the decoded files; `labels` the texts before them; `text` the instructions."""

    index: int
    path: str
    query: str
    authorization: str | None
    body: Mapping[str, Any] = field(repr=False)
    pictures: tuple[bytes, ...] = field(repr=False)
    labels: tuple[str, ...]
    text: str = field(repr=False)
    system: str | None = field(repr=False)
    size: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def frames(self) -> int:
        """How many frames it shows; crops do not count."""
        return sum(not label.endswith("zoom") for label in self.labels)

    @property
    def schema(self) -> Mapping[str, Any] | None:
        """The JSON Schema that it asks for with `response_format`, if any."""
        wanted = self.body.get("response_format")
        return wanted["json_schema"]["schema"] if isinstance(wanted, dict) and wanted.get("type") == "json_schema" else None


_DATA_URL = re.compile(r"data:(image/[a-z]+);base64,([A-Za-z0-9+/]+={0,2})")
_LABEL = re.compile(r"Frame (\d+) (?:· \d\d+:\d\d:\d\d\.\d\d\d|(zoom))")


def read_request(request: web.Request, raw: bytes, index: int, *, text_first: bool) -> tuple[Received, list[str]]:
    """A request in its parts, and every way in which it breaks the wire format."""
    problems: list[str] = []
    try:
        body = json.loads(raw)
    except ValueError as error:
        body, problems = {}, [f"the body is not JSON: {error}"]
    if request.content_type != "application/json":
        problems.append(f"the content type is {request.content_type}")
    limit = body.get("max_tokens", body.get("max_completion_tokens"))
    if not isinstance(limit, int) or limit < 1:
        problems.append(f"max_tokens is {limit!r}")
    if not isinstance(body.get("model"), str):
        problems.append(f"model is {body.get('model')!r}")
    messages = list(body.get("messages") or ())
    system = None
    if messages and messages[0].get("role") == "system":
        system = messages.pop(0).get("content")
        if not isinstance(system, str):
            problems.append("the system message is no string")
    if len(messages) != 1 or messages[0].get("role") != "user":
        problems.append("there is not exactly one user message")
    content = messages[0].get("content") if messages else None
    labels, pictures, text = _parts(content, problems, text_first=text_first)
    received = Received(
        index=index,
        path=request.path,
        query=request.rel_url.raw_query_string,
        authorization=request.headers.get("Authorization"),
        body=body,
        pictures=tuple(pictures),
        labels=tuple(labels),
        text=text,
        system=system,
        size=len(raw),
        headers=dict(request.headers),
    )
    return received, problems


def _parts(content: Any, problems: list[str], *, text_first: bool) -> tuple[list[str], list[bytes], str]:
    if isinstance(content, str):
        return [], [], content
    if not isinstance(content, list):
        problems.append("the user's content is neither text nor parts")
        return [], [], ""
    order = "".join({"text": "t", "image_url": "i"}.get(part.get("type"), "?") for part in content)
    if not re.fullmatch("t(ti)+" if text_first else "(ti)+t", order):
        problems.append(f"the parts are in the order {order}, not {'text (text image)+' if text_first else '(text image)+ text'}")
        return [], [], ""
    text = content[0]["text"] if text_first else content[-1]["text"]
    shown = content[1:] if text_first else content[:-1]
    labels = [part["text"] for part in shown[::2]]
    last = 0
    for label in labels:
        found = _LABEL.fullmatch(label)
        if found is None or int(found[1]) != (last if found[2] else last + 1):
            problems.append(f"{label!r} does not name frame {last + 1}")
            break
        last = int(found[1])
    pictures = [_picture(part, problems) for part in shown[1::2]]
    return labels, pictures, text


def _picture(part: Mapping[str, Any], problems: list[str]) -> bytes:
    found = _DATA_URL.fullmatch(part["image_url"]["url"])
    if found is None or len(found[2]) % 4:
        problems.append("a picture is no data URL with standard, padded Base64 without line breaks")
        return b""
    if len(found[2]) >= MOST_BASE64:
        problems.append(f"a picture's Base64 text has {len(found[2])} characters")
    try:
        data = base64.b64decode(found[2], validate=True)
    except binascii.Error as error:
        problems.append(f"a picture's Base64 is broken: {error}")
        return b""
    if not data.startswith(MAGIC.get(found[1], ())):
        problems.append(f"a picture is declared {found[1]}, but begins with {data[:4]!r}")
    return data
