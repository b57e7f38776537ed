"""The timeline itself, as `timeline.json` has it."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, ClassVar

from pydantic import Field

from videoscan import config

if TYPE_CHECKING:
    from videoscan.document import Timeline


class JsonExporter:
    """Writes schema ``videoscan.timeline/1``, UTF-8, with a newline at the end."""

    class Options(config.Options):
        """How it is laid out."""

        indent: int = Field(default=1, ge=0, le=8)
        """Spaces per level; 0 puts everything on one line."""

    suffix: ClassVar[str] = ".json"
    media_type: ClassVar[str] = "application/json"

    def __init__(self, options: Options | None = None) -> None:
        self.options = options or self.Options()

    def write(self, timeline: Timeline, out: IO[bytes], *, folder: str | None = None) -> None:  # noqa: ARG002  pictures stay paths
        """Write all of it; see `videoscan.seams.Exporter`."""
        # The serializer writes bytes; by way of text a long timeline would lie in memory twice more.
        out.write(timeline.__pydantic_serializer__.to_json(timeline, indent=self.options.indent or None))
        out.write(b"\n")
