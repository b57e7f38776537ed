"""Subtitles in WebVTT: one cue per event, for browsers; what was not looked at stands in a note at the top."""

from __future__ import annotations

import re
from typing import IO, TYPE_CHECKING, ClassVar

from videoscan import config, timecode
from videoscan.exporters.srt import LEAST_CUE
from videoscan.exporters.wording import described_by, gaps, looked_at, name, plain, standing

if TYPE_CHECKING:
    from videoscan.document import Timeline


class VttExporter:
    """Cues in order of start, identified by the event's id. Events that a person rejected are left out."""

    class Options(config.Options):
        """What a cue holds."""

        description: bool = True
        """Write the description under the title."""

    suffix: ClassVar[str] = ".vtt"
    media_type: ClassVar[str] = "text/vtt"

    def __init__(self, options: Options | None = None) -> None:
        self.options = options or self.Options()

    def write(self, timeline: Timeline, out: IO[bytes], *, folder: str | None = None) -> None:  # noqa: ARG002  no pictures in subtitles
        """Write all of it; see `videoscan.seams.Exporter`."""
        note = [name(timeline), f"Described by {described_by(timeline)}", timeline.describer.note or "", looked_at(timeline)]
        note += [gap.sentence for gap in gaps(timeline)]
        lines = ["WEBVTT", "", "NOTE", *filter(None, map(_unarrowed, note)), ""]
        for event in standing(timeline):
            lines.append(_unarrowed(event.id))
            lines.append(f"{timecode.clock(event.start)} --> {timecode.clock(max(event.end, event.start + LEAST_CUE))}")
            lines.append(escaped(event.title) or escaped(event.id))
            if self.options.description and plain(event.description):
                lines.append(escaped(event.description))
            lines.append("")
        out.write("\n".join(lines).encode())


def escaped(text: str) -> str:
    """One line of cue text: the format's own escapes, so that no tag and no arrow is left."""
    return plain(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _unarrowed(text: str) -> str:
    # Notes and cue identifiers know no escapes, and an arrow would turn them into a timing line.
    return re.sub(r"-+>", "→", plain(text))
