"""The report: one HTML file with its pictures inside, that opens offline, on a phone, and on paper."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, ClassVar

from pydantic import Field

from videoscan import config, timecode, webpage
from videoscan.exporters import wording
from videoscan.exporters.morning import page as morning
from videoscan.exporters.report import view

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from videoscan.document import Timeline
    from videoscan.seams import Told


class HtmlExporter:
    """Writes ``report.html``. What a model wrote is text and nothing else; the page's own policy forbids any request.

    The file's size is bounded: `Options.picture_bytes`, about 2 kB per event, 0.1 kB per stretch of coverage, 30 kB for the rest.
    """

    class Options(config.Options):
        """How much it may hold."""

        picture_bytes: int = Field(default=14_000_000, ge=0)
        """All pictures together, in bytes of Base64. With more events, each picture gets smaller."""
        long_side: int = Field(default=960, ge=112, le=4096)
        """No picture is larger than this, in pixels of its longer side."""
        pictures_per_event: int = Field(default=4, ge=0, le=50)
        """How many of an event's evidence pictures are shown."""

    suffix: ClassVar[str] = ".html"
    media_type: ClassVar[str] = "text/html"

    def __init__(self, options: Options | None = None) -> None:
        self.options = options or self.Options()

    def write(self, timeline: Timeline, out: IO[bytes], *, folder: str | None = None) -> None:
        """Write all of it; see `videoscan.seams.Exporter`. A picture that cannot be read is left out, never an error."""
        shown = view.report(
            timeline,
            folder,
            budget=self.options.picture_bytes,
            long_side=self.options.long_side,
            pictures_per_event=self.options.pictures_per_event,
        )
        style, script = _asset("report.css"), _asset("report.js")
        template = webpage.template(_asset("report.html"), plain=wording.plain, prose=wording.prose, short=timecode.short)
        page = template.stream(
            t=timeline,
            r=shown,
            part=wording.narrowed(timeline),
            span=wording.span,
            style=style,
            script=script,
            policy=webpage.policy(style, script),
        )
        page.enable_buffering(16)
        for piece in page:
            out.write(piece.encode("utf-8", "replace"))

    def write_all(self, parts: Sequence[Told], out: IO[bytes], missing: Callable[[str], None]) -> None:  # noqa: ARG002
        """One recording as in `write`; several as a morning report, by wall time. See `videoscan.seams.Gatherer`."""
        if len(parts) == 1:
            self.write(parts[0].timeline, out, folder=parts[0].folder)
        else:
            morning.write(parts, out, picture_bytes=self.options.picture_bytes, long_side=self.options.long_side)


def _asset(name: str) -> str:
    return webpage.asset("videoscan.exporters", "report", name)
