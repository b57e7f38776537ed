"""What the head of a recording promises of its length, where FFmpeg keeps it to itself because the file was cut off since.

FFmpeg scales an AVI's length with the size of what is left of it, and takes an ASF's for unknown when its size is not what the head
says; of Matroska it passes on each track's length only as a tag.
"""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING

from videoscan.sources.paths import head

if TYPE_CHECKING:
    from pathlib import Path

_HEAD = 64 * 1024

_FILE_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
"""GUID of ASF's file properties object (ASF specification, 3.2)."""

_LONGEST = 1e6
"""Seconds (eleven days) above which a length is damage, not a promise."""

_DURATION = re.compile(r"(\d+):(\d\d):(\d\d(?:\.\d+)?)")


def promised(path: Path, container: str) -> float | None:
    """Seconds that the head of a file cut off since promises, from the first packet on; `None` for whole files and other formats."""
    if container == "avi":
        return _plausible(_avi(head(path, _HEAD), path.stat().st_size))
    if container == "asf":
        return _plausible(_asf(head(path, _HEAD), path.stat().st_size))
    return None


def pack_size(path: Path) -> int:
    """Bytes of each data packet of an ASF file, by its head; 0 where they differ or are not told."""
    data = head(path, _HEAD)
    at = data.find(_FILE_PROPERTIES)
    if at < 0 or at + 100 > len(data):
        return 0
    least, most = struct.unpack_from("<II", data, at + 92)
    return least if least == most else 0


def track_length(tags: dict[str, str]) -> float | None:
    """Where a Matroska track ends on the container's clock in seconds, by the ``DURATION`` tag that muxers write."""
    found = _DURATION.match(tags.get("DURATION", ""))
    if not found:
        return None
    hours, minutes, seconds = found.groups()
    return _plausible(int(hours) * 3600 + int(minutes) * 60 + float(seconds))


def _plausible(length: float | None) -> float | None:
    return length if length is not None and 0 < length < _LONGEST else None


def _avi(data: bytes, size: int) -> float | None:
    """``strh`` of the first video stream: dwScale, dwRate, dwStart, dwLength."""
    if data[:4] != b"RIFF" or struct.unpack_from("<I", data.ljust(8, b"\0"), 4)[0] + 8 <= size:
        return None
    at = data.find(b"strh")
    while at >= 0 and at + 44 <= len(data):
        if data[at + 8 : at + 12] == b"vids":
            scale, rate, _, length = struct.unpack_from("<4I", data, at + 28)
            return length * scale / rate if scale and rate else None
        at = data.find(b"strh", at + 4)
    return None


def _asf(data: bytes, size: int) -> float | None:
    """The play duration in units of 100 ns, from which the preroll in milliseconds is to be taken."""
    at = data.find(_FILE_PROPERTIES)
    if at < 0 or at + 92 > len(data):
        return None
    declared, duration, preroll, flags = struct.unpack_from("<16xQ16xQ8xQI", data, at + 24)
    broadcast = flags & 1
    return None if broadcast or declared <= size else duration / 1e7 - preroll / 1e3
