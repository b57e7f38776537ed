"""Subtitles in SubRip's format: one cue per event, for any player."""

from __future__ import annotations

import re
from typing import IO, TYPE_CHECKING, ClassVar

from videoscan import config, timecode
from videoscan.exporters.wording import plain, standing

if TYPE_CHECKING:
    from videoscan.document import Timeline

LEAST_CUE = 1.0
"""Seconds. An event may be as short as one frame, which nobody could read."""


class SrtExporter:
    r"""Numbered cues in order of start, UTF-8 without a byte order mark. Events that a person rejected are left out.

    SubRip has no escapes, so what a player would take for markup (``<b>``, ``{\an8}``, ``-->``) is written with look-alikes.
    """

    class Options(config.Options):
        """What a cue holds."""

        description: bool = True
        """Write the description under the title."""

    suffix: ClassVar[str] = ".srt"
    media_type: ClassVar[str] = "application/x-subrip"

    def __init__(self, options: Options | None = None) -> None:
        self.options = options or self.Options()

    def write(self, timeline: Timeline, out: IO[bytes], *, folder: str | None = None) -> None:  # noqa: ARG002  no pictures in subtitles
        """Write all of it; see `videoscan.seams.Exporter`."""
        for number, event in enumerate(standing(timeline), start=1):
            lines = [harmless(event.title) or event.id]
            if self.options.description and event.description.strip():
                lines.append(harmless(event.description))
            first = timecode.clock(event.start, separator=",")
            last = timecode.clock(max(event.end, event.start + LEAST_CUE), separator=",")
            out.write("\n".join((str(number), f"{first} --> {last}", *lines, "", "")).encode())


def harmless(text: str) -> str:
    """One line that no player takes for an arrow, an HTML tag or an override block."""
    text = re.sub(r"-+>", "→", plain(text))
    text = re.sub(r"<(?=[/!?A-Za-z])", "‹", text)
    return re.sub(r"\{(?=\s*\\|\s*[A-Za-z]\s*:)", "(", text)
