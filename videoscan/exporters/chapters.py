"""Chapter marks as plain text, as YouTube reads them out of a description."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, ClassVar

from videoscan import config, timecode
from videoscan.exporters.chaptering import entries

if TYPE_CHECKING:
    from videoscan.document import Timeline

LEAST = 10.0
"""Seconds that a chapter must last, or YouTube shows none at all (YouTube Help, "Video chapters")."""

_LOOKALIKES = str.maketrans("<>", "‹›")
"""YouTube refuses a description with angle brackets."""


class ChaptersExporter:
    """``0:00 Title``, one line each, the first at 0:00, none under 10 s: closer ones share a line. YouTube wants three or more.

    The timeline's own chapters; without any, its events.
    """

    class Options(config.Options):
        """There is nothing to choose."""

    suffix: ClassVar[str] = ".chapters.txt"
    media_type: ClassVar[str] = "text/plain"

    def __init__(self, options: Options | None = None) -> None:
        self.options = options or self.Options()

    def write(self, timeline: Timeline, out: IO[bytes], *, folder: str | None = None) -> None:  # noqa: ARG002  no pictures in it
        """Write all of it; see `videoscan.seams.Exporter`."""
        for entry in entries(timeline, least=LEAST):
            out.write(f"{timecode.short(entry.start)} {entry.title.translate(_LOOKALIKES)}\n".encode())
