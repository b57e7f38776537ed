"""The morning report as one HTML file, in the report's own style: no script, no request, and nothing of a model's is markup."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from videoscan import webpage
from videoscan.exporters import wording
from videoscan.exporters.morning import view
from videoscan.exporters.pictures import inline

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from videoscan.document import Evidence
    from videoscan.exporters.morning.view import Happening, Morning
    from videoscan.exporters.pictures import Inlined
    from videoscan.seams import Told

_STEPS = (5, 10, 15, 30, 60, 120, 180, 360, 720, 1440)
"""Minutes between two marks of the axis; the first that gives at most `_MARKS`."""
_MARKS = 9

_BOX = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Bar:
    """A recording's row: stretches and events as places on the axis, in per cent as SVG takes them."""

    stretches: tuple[tuple[str, str, str, str], ...]
    """State, x, width, words."""
    marks: tuple[tuple[str, str, int, str], ...]
    """x, width, number of the event, title."""


@dataclass(frozen=True, slots=True)
class Shot:
    """An event's picture, with the changed region in per cent."""

    picture: Inlined
    box: _BOX | None
    frame: int


def write(parts: Sequence[Told], out: IO[bytes], *, picture_bytes: int, long_side: int) -> None:
    """Write the page. A picture that cannot be read is left out, never an error."""
    found = view.morning(parts)
    style = webpage.asset("videoscan.exporters", "report", "report.css") + webpage.asset(
        "videoscan.exporters", "morning", "morning.css"
    )
    template = webpage.template(
        webpage.asset("videoscan.exporters", "morning", "morning.html"), plain=wording.plain, prose=wording.prose
    )
    page = template.stream(
        m=found,
        bars=[_bar(found, number) for number in range(len(found.recordings))],
        shots=_shots(found, picture_bytes, long_side),
        ticks=list(_ticks(found)),
        legend=view.legend(found),
        version=parts[0].timeline.videoscan,
        style=style,
        policy=webpage.policy(style, ""),
    )
    page.enable_buffering(16)
    for piece in page:
        out.write(piece.encode("utf-8", "replace"))


def _bar(found: Morning, number: int) -> Bar:
    recording = found.recordings[number]

    def place(start: float, end: float) -> tuple[str, str]:
        first, last = found.place(recording, start), found.place(recording, end)
        return f"{100 * first:.3f}%", f"{100 * max(0.0, last - first):.3f}%"

    return Bar(
        tuple(
            (run.state, *place(run.start, run.end), recording.gap(run) if not run.known else wording.STATES[run.state])
            for run in recording.runs
        ),
        tuple(
            (*place(each.event.start, each.event.end), each.number, f"{each.when} {wording.plain(each.event.title)}")
            for each in found.happenings
            if each.recording is recording
        ),
    )


def _ticks(found: Morning) -> Iterator[tuple[str, str]]:
    """X in per cent and the time of day, in the zone of the first recording."""
    if found.axis is None:
        return
    first, last = found.axis
    length = (last - first).total_seconds() / 60
    step = next((step for step in _STEPS if length / step <= _MARKS), _STEPS[-1])
    at = first.replace(hour=0, minute=0, second=0, microsecond=0)
    while at <= last:
        share = (at - first).total_seconds() / 60 / length if length else 0.0
        if 0 <= share <= 0.97:  # a label at the very end would hang over the edge
            yield f"{100 * share:.3f}%", f"{at:%H:%M}"
        at += dt.timedelta(minutes=step)


def _shots(found: Morning, budget: int, long_side: int) -> dict[int, Shot]:
    """By an event's number: the picture that tells most of it."""
    chosen: dict[str, list[tuple[Happening, Evidence]]] = {}
    for each in found.happenings:
        evidence = _telling(each.event.evidence)
        if evidence is not None and each.recording.part.folder is not None:
            chosen.setdefault(each.recording.part.folder, []).append((each, evidence))
    count = sum(map(len, chosen.values()))
    shots: dict[int, Shot] = {}
    for folder, asked in chosen.items():
        uses: dict[str, int] = {}
        for _, evidence in asked:
            uses[evidence.picture or ""] = uses.get(evidence.picture or "", 0) + 1
        made = inline(uses, folder, budget=budget * len(asked) // count, long_side=long_side)
        for each, evidence in asked:
            if (picture := made.get(evidence.picture or "")) is not None:
                shots[each.number] = Shot(picture, _box(evidence), evidence.frame)
    return shots


def _telling(evidence: Sequence[Evidence]) -> Evidence | None:
    shown = [one for one in evidence if one.picture]
    return next((one for one in shown if one.region), shown[0] if shown else None)


def _box(evidence: Evidence) -> _BOX | None:
    if not evidence.region:
        return None
    x0, y0, x1, y1 = (100 * edge for edge in evidence.region)
    return round(min(x0, x1), 2), round(min(y0, y1), 2), round(abs(x1 - x0), 2), round(abs(y1 - y0), 2)
