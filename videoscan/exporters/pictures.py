"""Evidence pictures for exports: safe paths out of a timeline, and data URLs within a budget of bytes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import cv2
import numpy as np
import pybase64

if TYPE_CHECKING:
    from collections.abc import Mapping

_SIDES = (1280, 960, 720, 480, 320, 240, 160, 112)
_QUALITIES = {1280: 80, 960: 80, 720: 78, 480: 76, 320: 70, 240: 66, 160: 58, 112: 45}
_MAGIC = ((b"\xff\xd8\xff", "image/jpeg"), (b"\x89PNG\r\n\x1a\n", "image/png"))
_LARGEST_FILE = 64 << 20
"""Bytes. No picture that a describer takes comes near it; a file that does was not written by a scan."""


@dataclass(frozen=True, slots=True)
class Inlined:
    """A picture as a data URL; `width` and `height` are its own pixels."""

    url: str
    width: int
    height: int


def link(picture: str | None) -> str | None:
    """`picture` as a relative URL, percent-encoded. `None` for anything that is not a path below the folder.

    A timeline may come from a stranger; its paths must lead neither out of the folder nor to another scheme.
    """
    parts = (picture or "").replace("\\", "/").split("/")
    if not picture or ":" in parts[0] or any(part in {"", "..", "."} for part in parts):
        return None
    return quote("/".join(parts))


def inline(uses: Mapping[str, int], folder: str, *, budget: int, long_side: int) -> dict[str, Inlined]:
    """Data URLs for pictures of `folder`, shrunk so that together they take at most `budget` bytes.

    `uses` says how often each picture (relative path) will be written, the most important ones first. At its turn a picture may
    take ``budget left / uses left`` per use, so that many pictures mean smaller ones and what small ones leave is shared out. The
    longer side is at most `long_side` pixels. What is missing, broken or, at 112 pixels, still over the budget that is left is not
    in the answer. Peak memory: the budget, and one decoded picture.
    """
    made: dict[str, Inlined] = {}
    left, turns = budget, sum(uses.values())
    root = Path(folder).resolve()
    for path, times in uses.items():
        picture = _shrunk(root, path, allowance=left // max(1, turns), most=left // times, long_side=long_side)
        turns -= times
        if picture:
            made[path] = picture
            left -= len(picture.url) * times
    return made


def _shrunk(root: Path, path: str, *, allowance: int, most: int, long_side: int) -> Inlined | None:
    data = _read(root, path)
    if data is None:
        return None
    # Most pictures of a busy timeline end as thumbnails: decoding at a half or a quarter is several times quicker.
    sides = [side for side in _SIDES if side <= long_side] or [min(long_side, _SIDES[-1])]
    start = next((i for i, side in enumerate(sides) if side * side * 0.09 < allowance), len(sides) - 1)
    raw = np.frombuffer(data, np.uint8)
    fine = sides[start] > 320 or len(data) < 20_000
    try:
        image = cv2.imdecode(raw, cv2.IMREAD_COLOR if fine else cv2.IMREAD_REDUCED_COLOR_2)
    except cv2.error:
        return None
    if image is None:
        return None
    height, width = image.shape[:2]
    kind = next((media for magic, media in _MAGIC if data.startswith(magic)), None)
    if fine and kind and max(height, width) <= long_side and 4 * len(data) // 3 + 30 <= allowance:
        return _inlined(data, kind, width, height)
    url = None
    for side in sides[start:]:
        scale = min(1.0, side / max(height, width))
        size = max(1, round(width * scale)), max(1, round(height * scale))
        small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        done, encoded = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, _QUALITIES.get(side, 60)])
        if not done:
            return None
        url = _inlined(encoded.tobytes(), "image/jpeg", *size)
        if len(url.url) <= allowance:
            return url
    return url if url and len(url.url) <= most else None


def _read(root: Path, path: str) -> bytes | None:
    if link(path) is None:
        return None
    file = (root / path).resolve()
    try:
        if not file.is_relative_to(root) or not file.is_file() or not 0 < file.stat().st_size <= _LARGEST_FILE:
            return None
        return file.read_bytes()
    except OSError:
        return None


def _inlined(data: bytes, media_type: str, width: int, height: int) -> Inlined:
    return Inlined(f"data:{media_type};base64,{pybase64.b64encode(data).decode()}", width, height)
