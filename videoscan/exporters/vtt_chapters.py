"""WebVTT with one cue per chapter, for ``<track kind="chapters">``."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, ClassVar

from videoscan import config, timecode
from videoscan.exporters.chaptering import entries
from videoscan.exporters.vtt import escaped

if TYPE_CHECKING:
    from videoscan.document import Timeline


class VttChaptersExporter:
    """Chapters as a browser's player takes them: in order, without overlap. The timeline's own; without any, its events."""

    class Options(config.Options):
        """There is nothing to choose."""

    suffix: ClassVar[str] = ".chapters.vtt"
    media_type: ClassVar[str] = "text/vtt"

    def __init__(self, options: Options | None = None) -> None:
        self.options = options or self.Options()

    def write(self, timeline: Timeline, out: IO[bytes], *, folder: str | None = None) -> None:  # noqa: ARG002  no pictures in it
        """Write all of it; see `videoscan.seams.Exporter`."""
        lines = ["WEBVTT", ""]
        for number, entry in enumerate(entries(timeline), start=1):
            if timecode.to_milliseconds(entry.end) > timecode.to_milliseconds(entry.start):
                times = f"{timecode.clock(entry.start)} --> {timecode.clock(entry.end)}"
                lines += [f"chapter-{number}", times, escaped(entry.title), ""]
        out.write("\n".join(lines).encode())
