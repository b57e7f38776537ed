"""A project of LosslessCut: the events as segments, to be cut without re-encoding."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any, ClassVar

import orjson

from videoscan import config
from videoscan.errors import ConfigError
from videoscan.exporters.cutting import cuts, short_name
from videoscan.exporters.wording import plain
from videoscan.seams import Told

if TYPE_CHECKING:
    from videoscan.document import Timeline


class LlcExporter:
    """LosslessCut's project format, version 1: it opens beside the video. One segment per event that nobody rejected.

    JSON, which is also JSON5. `tags` holds description, tags and id. LosslessCut 3 reads version 1 as well as its present version 2, whose
    segments look alike (its ``llcProjectV1Schema`` and ``llcProjectV2Schema``, in src/renderer/src/types.ts of mifi/lossless-cut).
    """

    class Options(config.Options):
        """There is nothing to choose."""

    suffix: ClassVar[str] = ".llc"
    media_type: ClassVar[str] = "application/json"
    one_recording: ClassVar[bool] = True
    """Said before joined recordings are scanned, not after."""

    def __init__(self, options: Options | None = None) -> None:
        self.options = options or self.Options()

    def write(self, timeline: Timeline, out: IO[bytes], *, folder: str | None = None) -> None:
        """Write all of it; see `videoscan.seams.Exporter`. Raises `ConfigError` for joined recordings: a project is about one file."""
        if len(timeline.source.parts) > 1:
            raise ConfigError(
                f"a LosslessCut project is about one file, but {timeline.source.uri} was joined from {len(timeline.source.parts)}",
                hint="cut them with --to clips, or take --to edl or otio",
            )
        segments = []
        for cut in cuts([Told(timeline, folder)]):
            about = {
                "id": cut.event.id,
                "description": plain(cut.event.description),
                "tags": ", ".join(map(plain, cut.event.tags)),
            }
            segment: dict[str, Any] = {"start": round(cut.start, 6), "end": round(cut.end, 6), "name": cut.title}
            segments.append({**segment, "tags": {key: value for key, value in about.items() if value}})
        project = {"version": 1, "mediaFileName": short_name(timeline.source.uri), "cutSegments": segments}
        out.write(orjson.dumps(project, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
