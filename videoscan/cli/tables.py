"""Tables for people: as wide as the terminal, or as wide as they need to be where the output is no terminal."""

from __future__ import annotations

import shutil
import sys
import unicodedata
from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size

from videoscan import timecode
from videoscan.exporters import wording
from videoscan.spending import money
from videoscan.summary import overview

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Sequence

    from videoscan.document import CostRecord, SourceRecord, Timeline, UsageRecord

_BETWEEN = "  "

# A clipped column keeps so many cells: a Chinese character takes two.
_LEAST = 12


def plain(text: str) -> str:
    """`text` on one line and harmless: a model's words must not move a terminal's cursor or turn the writing's direction."""
    words = "".join(" " if unicodedata.category(character) in {"Cc", "Zl", "Zp"} else character for character in text)
    return " ".join("".join(character for character in words if not _steers(character)).split())


def _steers(character: str) -> bool:
    return character in "\u061c\u200e\u200f" or "\u202a" <= character <= "\u202e" or "\u2066" <= character <= "\u2069"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], *, right: Container[int] = (), give: Sequence[int] = ()) -> str:
    """The text of a table. `right` are the columns set flush right; `give` those that a narrow terminal clips, first one first."""
    lines = [tuple(heads), *(tuple(plain(cell) for cell in row) for row in rows)]
    widths = [max(cell_len(line[at]) for line in lines) for at in range(len(heads))]
    if sys.stdout.isatty():
        excess = sum(widths) + len(_BETWEEN) * (len(widths) - 1) - shutil.get_terminal_size().columns
        for at in give:
            cut = max(0, min(excess, widths[at] - _LEAST))
            widths[at] -= cut
            excess -= cut
    return "\n".join(
        _BETWEEN.join(
            _fit(cell, width, right=at in right) for at, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def _fit(cell: str, width: int, *, right: bool) -> str:
    if cell_len(cell) > width:
        cell = set_cell_size(cell, width - 1).rstrip() + "…"
    return " " * (width - cell_len(cell)) + cell if right else set_cell_size(cell, width)


def events(timeline: Timeline) -> str:
    """The table of a timeline's events: when (with the wall time, where it is known), what, tags, alert rules it met; and where nothing happened.

    What a person rejected is left out.
    """
    stands = [event for event in timeline.events if event.review is None or event.review.state != "rejected"]
    told = [(event.start, event.end, (event.title, ", ".join(event.tags), ", ".join(event.alerts))) for event in stands]
    told += [(quiet.start, quiet.end, (quiet.what, "", "")) for quiet in overview.still(timeline.events, timeline.coverage)]
    # Events of one start keep the timeline's order.
    told.sort(key=lambda row: row[0])
    heads = ("event", "tags", "alerts") if any(event.alerts for event in stands) else ("event", "tags")
    times = [f"{timecode.short(start)}-{timecode.short(end)}" for start, end, _ in told]
    words = [row[: len(heads)] for _, _, row in told]
    clocks = _clocks(timeline.source, [start for start, _, _ in told])
    if clocks is None:
        return table(("time", *heads), [(time, *row) for time, row in zip(times, words, strict=True)], give=(1, 2))
    rows = [(time, clock, *row) for time, clock, row in zip(times, clocks, words, strict=True)]
    return table(("time", "clock", *heads), rows, give=(2, 3))


def _clocks(source: SourceRecord, times: Iterable[float]) -> list[str] | None:
    """The wall times, with their date where there is more than one; `None` where nobody knows them."""
    return [wording.wall(source, at) or "" for at in times] if timecode.wall(source.clock, 0.0) is not None else None


_GAPS = {"failed": "failed", "lost": "could not be read", "skipped": "left out"}


def gaps(timeline: Timeline) -> str | None:
    """A sentence about what the timeline does not know, `None` when there is nothing."""
    if timeline.complete:
        return None
    seconds: dict[str, float] = {}
    reasons: dict[str, str] = {}
    for span in timeline.coverage:
        if span.state in {"failed", "lost"} or (span.state == "skipped" and "budget" in (span.reason or "")):
            seconds[span.state] = seconds.get(span.state, 0.0) + span.end - span.start
            reasons.setdefault(span.state, plain(span.reason or ""))
    parts = [
        f"{length:.1f} s {_GAPS[state]}" + (f" ({reasons[state]})" if reasons[state] else "") for state, length in seconds.items()
    ]
    failed = sum(window.status == "failed" for window in timeline.windows)
    if failed:
        parts.append(f"{failed} of {len(timeline.windows)} windows failed")
    if left_out := timeline.source.left_out:
        parts.append(f"left out: {plain(left_out[0].uri)}" + (f" and {len(left_out) - 1} more" if len(left_out) > 1 else ""))
    return f"Gaps: {'; '.join(parts)}."


def asked(usage: UsageRecord) -> str:
    """A sentence about what was sent to a model, runs before this one included, and what the server counted."""
    again = f" ({usage.retries:,} of them again)" if usage.retries else ""
    told = [f"{money.counted(usage.requests, 'request')}{again}", money.counted(usage.images, "picture")]
    counts = ((usage.prompt_tokens, "in"), (usage.completion_tokens, "out"))
    told += [f"{money.counted(count, 'token')} {way}" for count, way in counts if count is not None]
    return f"Asked: {', '.join(told)}."


def cost(record: CostRecord) -> str:
    """A sentence about what it cost."""
    parts = [f"prices of {record.prices_as_of}"]
    if record.estimated:
        parts.append(f"of it {money.money(record.estimated, record.currency)} for tokens that the server did not count")
    if record.time:
        parts.append(f"of it {money.money(record.time, record.currency)} for the hours of the endpoint")
    return f"Cost: {money.money(record.amount, record.currency)} ({', '.join(parts)})."


def coverage(timelines: Iterable[Timeline]) -> dict[str, float]:
    """Seconds by state, of all of them together."""
    seconds: dict[str, float] = {}
    for timeline in timelines:
        for span in timeline.coverage:
            seconds[span.state] = seconds.get(span.state, 0.0) + span.end - span.start
    return {state: round(length, 3) for state, length in seconds.items()}
