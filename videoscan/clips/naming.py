"""Names of clips: the camera, when it was, what happened; as every file system takes them."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from videoscan import timecode
from videoscan.exporters.wording import name

if TYPE_CHECKING:
    from videoscan.exporters.cutting import Cut

MOST = 160
"""Bytes of a name without its suffix. File systems take 255, and what is written beside a file's place has a longer name."""

_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?")
"""Devices under Windows, whatever their suffix."""


def safe(text: str, *, most: int = MOST, otherwise: str = "clip") -> str:
    """`text` as a part of a file's name: no separators, control or direction characters, nothing that a shell takes for an option."""
    kept = "".join(" " if letter.isspace() else letter for letter in unicodedata.normalize("NFC", text))
    # Format characters such as a right-to-left override could show a name's suffix as another one.
    kept = "".join(letter for letter in kept if unicodedata.category(letter)[0] != "C")
    kept = " ".join(re.sub(r'[<>:"/\\|?*]', "-", kept).split())
    kept = kept.encode("utf-8", "ignore")[:most].decode("utf-8", "ignore").rstrip(" .").lstrip(" .-~")
    if _RESERVED.fullmatch(kept):
        kept = f"_{kept}"
    return kept or otherwise


def clip_name(cut: Cut, start: float) -> str:
    """Such as ``Gate 2026-11-21 22-12-31 Person at the door``; video time where the wall time is not known. `start`: where it begins."""
    wall = timecode.wall_short(cut.timeline.source.origin(start), start, date=True)
    when = wall or timecode.clock(start).partition(".")[0]
    camera = safe(name(cut.timeline), most=60, otherwise="camera")
    if not cut.timeline.source.camera:
        camera = camera.rpartition(".")[0] or camera
    return safe(f"{camera} {when.replace(':', '-')} {safe(cut.title, most=MOST - 24 - len(camera.encode()))}")


def numbered(wanted: str, taken: set[str]) -> str:
    """`wanted`, or with a number where this run has that name already; case makes no difference."""
    found, number = wanted, 2
    while found.casefold() in taken:
        found, number = f"{wanted} ({number})", number + 1
    taken.add(found.casefold())
    return found
