"""A table with one row per event, for spreadsheets."""

from __future__ import annotations

import csv
import io
from typing import IO, TYPE_CHECKING, ClassVar, Literal

from videoscan import config, timecode
from videoscan.exporters.wording import fields, in_words, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from videoscan.document import Event, Timeline
    from videoscan.seams import Told

COLUMNS = (
    "id",
    "start",
    "end",
    "start_seconds",
    "end_seconds",
    "wall_start",
    "wall_end",
    "title",
    "description",
    "tags",
    "confidence",
    "importance",
    "origin",
    "review",
    "flags",
    "frames",
    "picture",
    "camera",
    "source",
    "replay_of",
    "alerts",
    "subject",
)
"""The columns, in order. They are public: new ones are added at the end.

`start` and `end` are ``HH:MM:SS.mmm`` of video time, `wall_start` and `wall_end` ISO 8601 (empty when the source's clock is
unknown). `tags`, `flags` and `alerts` (the rules that it met) are joined with ``; ``, `frames` (of the evidence) with spaces. `review` is what a person said of the
event, empty when nobody did. `picture` is relative to the output folder. `replay_of` is the id
of the event that a replay shows again: whoever counts goals leaves out the rows that have one, or the tag ``replay``. `subject` is the name of a subject that
recurs. After them comes one column for each of the profile's
`prompt.fields`, under the field's name, or ``attributes.NAME`` where a column has that name; lists are joined with ``; ``.
"""

_FORMULA = tuple("=+-@＝＋－＠")
"""What makes a spreadsheet compute a cell; the wide forms count in East Asian locales (OWASP, "CSV Injection")."""


class CsvExporter:
    """RFC 4180 with a UTF-8 byte order mark, without which Excel reads every other script as Latin-1. One line per event.

    A cell that a spreadsheet would compute begins with an apostrophe instead.
    """

    class Options(config.Options):
        """How it is laid out."""

        delimiter: Literal[",", ";", "\t"] = ","
        """What stands between cells: ``;`` where the system's decimal sign is a comma, ``\\t`` for tabs."""

    suffix: ClassVar[str] = ".csv"
    media_type: ClassVar[str] = "text/csv"

    def __init__(self, options: Options | None = None) -> None:
        self.options = options or self.Options()

    def write(self, timeline: Timeline, out: IO[bytes], *, folder: str | None = None) -> None:  # noqa: ARG002  pictures stay paths
        """Write all of it; see `videoscan.seams.Exporter`."""
        self._write([timeline], out)

    def write_all(self, parts: Sequence[Told], out: IO[bytes], missing: Callable[[str], None]) -> None:  # noqa: ARG002
        """One table of them all; see `videoscan.seams.Gatherer`."""
        self._write([part.timeline for part in parts], out)

    def _write(self, timelines: Sequence[Timeline], out: IO[bytes]) -> None:
        text = io.TextIOWrapper(out, encoding="utf-8-sig", newline="", write_through=True)
        try:
            rows = csv.writer(text, delimiter=self.options.delimiter)
            names = list(dict.fromkeys(name for timeline in timelines for name in fields(timeline)))
            rows.writerow((*COLUMNS, *(cell(f"attributes.{name}" if name in COLUMNS else name) for name in names)))
            for timeline in timelines:
                for event in timeline.events:
                    rows.writerow([*_row(timeline, event), *(_value(event.attributes.get(name)) for name in names)])
        finally:
            # The wrapper would close the caller's stream when it is collected.
            text.detach()


def _row(timeline: Timeline, event: Event) -> list[str | float | None]:
    source = timeline.source
    picture = next((evidence.picture for evidence in event.evidence if evidence.picture), None)
    return [
        cell(event.id),
        timecode.clock(event.start),
        timecode.clock(event.end),
        round(event.start, 3),
        round(event.end, 3),
        timecode.wall_iso(source.origin(event.start), event.start),
        timecode.wall_iso(source.origin(event.end), event.end),
        cell(event.title),
        cell(event.description),
        cell("; ".join(event.tags)),
        event.confidence,
        event.importance,
        event.origin,
        event.review.state if event.review else None,
        cell("; ".join(event.flags)),
        " ".join(str(evidence.frame) for evidence in event.evidence),
        cell(picture),
        cell(source.camera),
        cell(source.uri),
        cell(event.replay_of),
        cell("; ".join(event.alerts)),
        cell(event.subject),
    ]


def _value(value: object) -> str | float:
    # A bool is a number to Python, but not to a spreadsheet.
    return value if isinstance(value, int | float) and not isinstance(value, bool) else cell(in_words(value, "; "))


def cell(text: str | None) -> str:
    """Text on one line that a spreadsheet shows and never computes."""
    line = plain(text)
    # A tab or return in front makes some spreadsheets compute too; `plain` has taken them away.
    return f"'{line}" if line.startswith(_FORMULA) else line
