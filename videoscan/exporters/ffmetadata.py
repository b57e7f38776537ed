"""FFmpeg's metadata file with chapters: ``ffmpeg -i video.mp4 -i it -map_chapters 1 -codec copy out.mp4``."""

from __future__ import annotations

import re
from typing import IO, TYPE_CHECKING, ClassVar

from videoscan import config, timecode
from videoscan.exporters.chaptering import entries
from videoscan.exporters.wording import name, plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from videoscan.document import Timeline


class FfmetadataExporter:
    """Version 1 of the format (FFmpeg's ``ffmetadata`` muxer), times in milliseconds. Title and summary are the file's own."""

    class Options(config.Options):
        """There is nothing to choose."""

    suffix: ClassVar[str] = ".ffmetadata"
    media_type: ClassVar[str] = "text/plain"

    def __init__(self, options: Options | None = None) -> None:
        self.options = options or self.Options()

    def write(self, timeline: Timeline, out: IO[bytes], *, folder: str | None = None) -> None:  # noqa: ARG002  no pictures in it
        """Write all of it; see `videoscan.seams.Exporter`."""
        for line in _lines(timeline):
            out.write(f"{line}\n".encode("utf-8", "replace"))


def _lines(timeline: Timeline) -> Iterator[str]:
    yield ";FFMETADATA1"
    yield f"title={_escaped(name(timeline))}"
    if timeline.summary:
        yield f"comment={_escaped(timeline.summary)}"
    for entry in entries(timeline):
        yield "[CHAPTER]"
        yield "TIMEBASE=1/1000"
        yield f"START={timecode.to_milliseconds(entry.start)}"
        yield f"END={timecode.to_milliseconds(entry.end)}"
        yield f"title={_escaped(entry.title)}"


def _escaped(text: str) -> str:
    return re.sub(r"([=;#\\])", r"\\\1", plain(text))
