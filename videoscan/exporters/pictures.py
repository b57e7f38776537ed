"""Evidence pictures for exports: safe paths out of a timeline, and data URLs within a budget of bytes."""

from __future__ import annotations

import io
import tempfile
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING
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


class _Shelf:
    """Where shrunk pictures wait for their turn on the page: a nameless temporary file, gone when nobody holds it any more."""

    def __init__(self) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  (as long as the pictures that lie in it)
        weakref.finalize(self, self._file.close)

    def put(self, data: bytes) -> int:
        at = self._file.seek(0, io.SEEK_END)
        self._file.write(data)
        return at

    def get(self, at: int, size: int) -> bytes:
        self._file.seek(at)
        return self._file.read(size)


@dataclass(frozen=True, slots=True)
class Inlined:
    """A picture for a data URL; `width` and `height` are its own pixels. Its bytes lie on disk until `url` is asked for."""

    media_type: str
    width: int
    height: int
    _shelf: _Shelf
    _at: int
    _size: int

    @property
    def url(self) -> str:
        """The data URL, made anew each time."""
        return _data_url(self._shelf.get(self._at, self._size), self.media_type)


@dataclass(frozen=True, slots=True)
class _Shrunk:
    data: bytes
    media_type: str
    width: int
    height: int

    @property
    def length(self) -> int:
        """Of the data URL, in bytes."""
        return len(f"data:{self.media_type};base64,") + 4 * ((len(self.data) + 2) // 3)


def _data_url(data: bytes, media_type: str) -> str:
    return f"data:{media_type};base64,{pybase64.b64encode(data).decode()}"


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
    in the answer. Memory: one decoded picture; the shrunk ones lie on disk.
    """
    made: dict[str, Inlined] = {}
    shelf = _Shelf()
    left, turns = budget, sum(uses.values())
    root = Path(folder).resolve()
    for path, times in uses.items():
        picture = _shrunk(root, path, allowance=left // max(1, turns), most=left // times, long_side=long_side)
        turns -= times
        if picture:
            at = shelf.put(picture.data)
            made[path] = Inlined(picture.media_type, picture.width, picture.height, shelf, at, len(picture.data))
            left -= picture.length * times
    return made


def _shrunk(root: Path, path: str, *, allowance: int, most: int, long_side: int) -> _Shrunk | None:
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
        return _Shrunk(data, kind, width, height)
    shrunk = None
    for side in sides[start:]:
        scale = min(1.0, side / max(height, width))
        size = max(1, round(width * scale)), max(1, round(height * scale))
        small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        done, encoded = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, _QUALITIES.get(side, 60)])
        if not done:
            return None
        shrunk = _Shrunk(encoded.tobytes(), "image/jpeg", *size)
        if shrunk.length <= allowance:
            return shrunk
    return shrunk if shrunk and shrunk.length <= most else None


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
