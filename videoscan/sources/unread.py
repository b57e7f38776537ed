"""How many bytes of a file its demuxer left unread: where a file does not say how long it is, they are all that tells of a loss."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_CHUNK = 1 << 20


def unread(path: Path, container: str, end: int) -> int:
    """Bytes that may be pictures from `end`, the end of the last packet, to the end of the file.

    Zeros are none: recorders allocate their files in advance. Of MP4 only fragments behind the last packet's count: without them an
    index tells of every picture, and what lies behind the last one is sound.
    """
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            left = _in_fragments(file, end, size) if "mov" in container else max(0, size - end)
            return left if left and _holds_anything(file, end) else 0
    except OSError:
        return 0


def _in_fragments(file: BinaryIO, end: int, size: int) -> int:
    left, fragmented = 0, False
    for start, stop, name in _boxes(file, size):
        fragmented = fragmented or name == b"moof"
        if name in {b"moof", b"mdat", b""} and start >= end:
            left += stop - start
    return left if fragmented else 0


def _boxes(file: BinaryIO, size: int) -> Iterator[tuple[int, int, bytes]]:
    """(start, end, name) of each top-level box; what cannot be a box has no name and reaches to the end of the file."""
    at = 0
    while at < size:
        file.seek(at)
        head = file.read(16)
        length = int.from_bytes(head[8:16], "big") if head[:4] == b"\0\0\0\1" else int.from_bytes(head[:4], "big") or size - at
        name = head[4:8]
        if length < 8 or not name.isalnum() or at + length > size:
            yield at, size, name if name == b"mdat" else b""
            return
        yield at, at + length, name
        at += length


def _holds_anything(file: BinaryIO, start: int) -> bool:
    file.seek(start)
    while chunk := file.read(_CHUNK):
        if any(chunk):
            return True
    return False
