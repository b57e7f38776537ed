"""What a row of `videoscan.describers.dialects` is made of: one kind of OpenAI-compatible server, as data."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from videoscan.model import PictureCost

if TYPE_CHECKING:
    from collections.abc import Mapping


class Meaning(enum.StrEnum):
    """What an endpoint's refusal means for the request that met it."""

    THROTTLED = "throttled"
    """Too fast: wait, then the same again."""
    LOADING = "loading"
    """The model is not loaded yet: wait, however long that takes, then the same again."""
    FAILED = "failed"
    """The server's own trouble: wait, then the same again."""
    OVERLOADED = "overloaded"
    """The server did not finish in time: fewer pictures, now; no lasting limit."""
    REFUSED = "refused"
    """Key, address, model or account: no request will ever succeed."""
    FILTERED = "filtered"
    """The content filter refused these pictures: this window only."""
    TOO_MANY = "too many"
    """Too many pictures, too many tokens or too many bytes: fewer pictures, from now on."""
    NO_SCHEMA = "no schema"
    """`response_format` is not taken: ask by instruction, from now on."""
    COMPLETION_TOKENS = "completion tokens"
    """The limit of the answer's length has another name there: `max_completion_tokens`, from now on."""
    REJECTED = "rejected"
    """This request is not taken, and nothing says what would be."""


JPEG_PNG_WEBP = frozenset({"image/jpeg", "image/png", "image/webp"})
ALL_FORMATS = frozenset({"image/jpeg", "image/png", "image/webp", "image/bmp", "image/tiff"})

# "编码后的图片小于10MB": ModelArts, image understanding, picture limits. The contract makes it everybody's default.
TEN_MB = 10_000_000

Detail = Literal["auto", "low", "high"]


@dataclass(frozen=True, slots=True)
class Dialect:
    """One kind of server. Limits are per request; `None` is what is not known, and is found out while working.

    Prices are in no row: they change, and count only where a profile gives them (`[budget]`).
    """

    name: str
    hosts: tuple[str, ...] = ()
    """Endings of host names that identify the server."""
    paths: tuple[str, ...] = ()
    """Regular expressions, searched in the path, that identify it."""
    ports: tuple[int, ...] = ()
    """Port numbers that identify it."""
    pictures: int | None = None
    """Pictures in one request at most."""
    picture_bytes: int = TEN_MB
    """Bytes of one picture's Base64 text at most."""
    body_bytes: int | None = None
    """Bytes of the whole body at most."""
    formats: frozenset[str] = ALL_FORMATS
    """Media types that it reads."""
    detail: Detail | None = None
    """What goes as `image_url.detail` when the profile says nothing; `None`: nothing, because the server ignores it or is not known to
    take it. Sent where the price of a picture hangs on it, so that what was planned is what is paid."""
    json_schema: bool | None = None
    """Whether `response_format: json_schema` is enforced, or refused or ignored (`False`); `None`: tried once."""
    plain_schema: bool = False
    """Only the subset of JSON Schema without bounds on lengths and numbers is taken."""
    usage: bool | None = None
    """Whether answers come with token counts."""
    stream_usage: bool = False
    """Whether `stream_options: {"include_usage": true}` goes along where `extra_body` asks for a stream: without it the counts are missing."""
    reasoning: tuple[str, ...] = ()
    """Fields of the message in which a thinking model thinks aloud. Both names in use are read from every server; this one first."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Headers that go with every request, besides the key's."""
    cost: PictureCost = PictureCost()
    """What a picture costs in prompt tokens, unless the model's name says better."""
    codes: Mapping[str, Meaning] = field(default_factory=dict)
    """What its error codes mean."""
    owners: tuple[str, ...] = ()
    """What such a server writes as `owned_by` into its list of models."""
    loads_when_asked: bool = False
    """Whether the first request makes it load the model: that answer may take minutes."""
    remedy: str | None = None
    """What to tell a person whose window does not fit."""
    sources: tuple[str, ...] = ()
    """Where this was read or measured."""
