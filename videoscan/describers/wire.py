"""The wire format of chat completions: bodies out of pictures and prompts. Pure.

What comes back is opened by `videoscan.describers.replies` and judged by `videoscan.describers.refusals`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import orjson

from videoscan.describers import shape
from videoscan.timecode import clock

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from videoscan.model import Picture, Prompt

SCHEMA_NAME = "videoscan_window"
_OPENING = b'},{"type":"image_url","image_url":{"url":"data:'
_SMALL = 16_384
"""Bytes below which a piece is copied to its neighbours: a write costs more than such a copy."""


@dataclass(frozen=True, slots=True)
class Numbering:
    """How the pictures of one request are called. Frame numbers count from 1, crops have none of their own.

    `labels` has one text per picture; `places[n - 1]` is the place, from 0, of frame number n among the pictures.
    """

    labels: tuple[str, ...]
    places: tuple[int, ...]


def number(pictures: Sequence[Picture]) -> Numbering:
    """Name the pictures: ``Frame 3 · 00:01:12.400``, and ``Frame 3 zoom`` for a crop of frame 3."""
    labels: list[str] = []
    places: list[int] = []
    numbers: dict[int, int] = {}
    for place, picture in enumerate(pictures):
        if picture.zoom_of is not None and (of := numbers.get(picture.zoom_of)) is not None:
            labels.append(f"Frame {of} zoom")
            continue
        places.append(place)
        numbers[picture.frame] = len(places)
        labels.append(f"Frame {len(places)} · {clock(picture.time)}")
    return Numbering(tuple(labels), tuple(places))


@dataclass(frozen=True, slots=True)
class Body:
    """A request's bytes in pieces that lie where they are: a picture's text belongs to the picture, however often it is sent."""

    pieces: tuple[bytes, ...] = field(repr=False)
    size: int

    @classmethod
    def of(cls, pieces: Iterable[bytes]) -> Self:
        """The same bytes in few pieces: small neighbours become one."""
        few: list[bytes] = []
        small: list[bytes] = []
        for piece in pieces:
            if len(piece) < _SMALL:
                small.append(piece)
                continue
            few += [small[0] if len(small) == 1 else b"".join(small), piece]
            small = []
        few.append(b"".join(small))
        return cls(tuple(few), sum(map(len, few)))

    def __len__(self) -> int:
        return self.size

    def __bytes__(self) -> bytes:
        return b"".join(self.pieces)


def body(
    pictures: Sequence[Picture],
    prompt: Prompt,
    *,
    labels: Sequence[str] | None = None,
    model: str | None,
    max_tokens: int,
    schema: Mapping[str, Any] | None,
    instruct: bool,
    limit_key: str = "max_tokens",
    detail: str | None = None,
    stream_usage: bool = False,
    extra: Mapping[str, Any] | None = None,
) -> Body:
    """The request's body, ready to be sent and to be sent again.

    The pictures' Base64 is spliced into a small JSON skeleton, never through a JSON encoder (5 MB: 45 ms), and never copied:
    the body refers to the pictures' own bytes. `schema` goes as `response_format`; `instruct` puts the answer's form into the
    text as well. `labels` name the pictures, if not as `number` does. `detail` goes with every picture, and
    `stream_usage` asks for token counts where `extra` asks for a stream. `extra` is merged last and wins. Without pictures the user's content is the plain text.
    """
    text = prompt.instructions if not instruct else f"{shape.drawn(prompt.schema)}\n\n{prompt.instructions}"
    fields: dict[str, Any] = {limit_key: max_tokens}
    if schema is not None:
        fields["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": SCHEMA_NAME, "strict": True, "schema": schema},
        }
    if stream_usage and extra and extra.get("stream"):
        fields["stream_options"] = {"include_usage": True}
    fields.update(extra or {})
    head: dict[str, Any] = {"model": model} if model else {}
    pieces: list[bytes] = [orjson.dumps(head)[:-1], b"," if head else b"", b'"messages":[']
    if prompt.system:
        pieces += [orjson.dumps({"role": "system", "content": prompt.system}), b","]
    pieces.append(b'{"role":"user","content":')
    if pictures:
        words = orjson.dumps({"type": "text", "text": text})
        pieces += [b"[", words, b","] if prompt.text_first else [b"["]
        ending = b'"}}' if detail is None else b'","detail":%b}}' % orjson.dumps(detail)
        before = b'{"type":"text","text":'
        for label, picture in zip(number(pictures).labels if labels is None else labels, pictures, strict=True):
            opening = (before, orjson.dumps(label), _OPENING, picture.media_type.encode(), b";base64,")
            pieces += [b"".join(opening), picture.base64]
            before = ending + b',{"type":"text","text":'
        pieces += [ending, b"]"] if prompt.text_first else [ending, b",", words, b"]"]
    else:
        pieces.append(orjson.dumps(text))
    pieces += [b"}],", orjson.dumps(fields)[1:]]
    return Body.of(pieces)
