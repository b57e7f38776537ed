"""One JSON object a line, one line per event: for programs that read as they go."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any, ClassVar

import orjson

from videoscan import config, timecode

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from videoscan.document import Event
    from videoscan.document import Timeline as TimelineDocument
    from videoscan.seams import Told


class JsonlExporter:
    """Every field of an event, after `camera`, `source`, `folder` (of its pictures), `wall_start` and `wall_end`. UTF-8."""

    class Options(config.Options):
        """There is nothing to choose."""

    suffix: ClassVar[str] = ".jsonl"
    media_type: ClassVar[str] = "application/jsonl"

    def __init__(self, options: Options | None = None) -> None:
        self.options = options or self.Options()

    def write(self, timeline: TimelineDocument, out: IO[bytes], *, folder: str | None = None) -> None:
        """Write all of it; see `videoscan.seams.Exporter`."""
        for event in timeline.events:
            out.write(orjson.dumps(_line(timeline, event, folder), option=orjson.OPT_APPEND_NEWLINE))

    def write_all(self, parts: Sequence[Told], out: IO[bytes], missing: Callable[[str], None]) -> None:  # noqa: ARG002
        """The events of each, one after the other; see `videoscan.seams.Gatherer`."""
        for part in parts:
            self.write(part.timeline, out, folder=part.folder)


def _line(timeline: TimelineDocument, event: Event, folder: str | None) -> dict[str, Any]:
    source = timeline.source
    return {
        "camera": source.camera,
        "source": _whole(source.uri),
        "folder": None if folder is None else _whole(folder),
        "wall_start": timecode.wall_iso(source.origin(event.start), event.start),
        "wall_end": timecode.wall_iso(source.origin(event.end), event.end),
        **event.model_dump(mode="json"),
    }


def _whole(path: str) -> str:
    """A path as UTF-8 can say it: undecodable bytes of a file's name as escapes."""
    return path.encode("utf-8", "backslashreplace").decode()
