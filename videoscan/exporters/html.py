"""The report: one HTML file with its pictures inside, that opens offline, on a phone, and on paper."""

from __future__ import annotations

import base64
import hashlib
import re
from importlib import resources
from typing import IO, TYPE_CHECKING, ClassVar

import jinja2
from pydantic import Field

from videoscan import config
from videoscan.exporters import wording
from videoscan.exporters.report import view

if TYPE_CHECKING:
    from videoscan.document import Timeline


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
        page = _template().stream(
            t=timeline, r=shown, span=wording.span, style=style, script=script, policy=policy(style, script)
        )
        page.enable_buffering(16)
        for piece in page:
            out.write(piece.encode("utf-8", "replace"))


def policy(style: str, script: str) -> str:
    """The content security policy: this very style and script, pictures from inside the file, nothing else from anywhere."""
    return (
        f"default-src 'none'; img-src data:; style-src {_hash(style)}; script-src {_hash(script)}; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _asset(name: str) -> str:
    # Line ends as a browser's parser makes them, or the policy's hashes would not fit a checkout with CRLF.
    text = (resources.files("videoscan.exporters") / "report" / name).read_text(encoding="utf-8")
    return text.replace("\r\n", "\n")


def _template() -> jinja2.Template:
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["plain"] = wording.plain
    environment.filters["prose"] = wording.prose
    # Line breaks between tags would be a third of a long page's nodes, and a browser builds each of them.
    return environment.from_string(re.sub(r"(?<=[>}])\n\s*(?=[<{])", "", _asset("report.html")))
