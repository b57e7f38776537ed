"""SELECTION: which events of which timelines a command works on.

Timelines come from files and folders (`files`, `load`) or from whoever else holds them (`Member`); `Filters` narrow them, and
`select` gives what is left. A timeline of which no event is left stays in the selection: that nothing was found there is an answer
too. One that a filter leaves out as a whole (another camera, another night) does not.
"""

from __future__ import annotations

import datetime as dt
import fnmatch
import json
import math
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from pydantic import ValidationError

from videoscan import timecode
from videoscan.document import SCHEMA_ID, Timeline
from videoscan.errors import ConfigError, SourceNotFound, SourceUnsupported
from videoscan.exporters.wording import NARROWED
from videoscan.folder import TIMELINE
from videoscan.recordings import clock
from videoscan.recordings.naming import is_output
from videoscan.reviewing import reviews

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from videoscan.document import Event

Edge: TypeAlias = float | dt.datetime
"""One end of a span: seconds of video time, or a wall time (without an offset: as the recording's own clock shows it)."""

REVIEWS = ("yes", "no", "accepted", "edited", "added", "rejected")
"""What `Filters.reviewed` may hold: a state of `document.Review`; ``yes`` is any of them but rejected, ``no`` is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What narrows a selection; an empty field narrows nothing. Values within one field are alternatives, fields add up.

    `cameras` are names or patterns (``gate*``) of cameras, of the recording's file where it has no camera; case does not count.
    An event is within ``[since, until)`` when any of it is; a recording without wall time never is, when a wall time is asked for.
    `tags` are whole tags, case does not count. Each word of `text` must stand in title, description or tags, as part of a longer
    word as well. `reviewed` are `REVIEWS`.
    """

    cameras: tuple[str, ...] = ()
    since: Edge | None = None
    until: Edge | None = None
    tags: tuple[str, ...] = ()
    text: str | None = None
    reviewed: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.cameras or self.tags or self.text or self.reviewed or self.since is not None or self.until is not None)

    @property
    def by_wall_time(self) -> bool:
        """Whether a wall time is asked for."""
        return isinstance(self.since, dt.datetime) or isinstance(self.until, dt.datetime)

    def takes_camera(self, timeline: Timeline) -> bool:
        """Whether the recording's camera is one of those asked for."""
        return self.takes_source(timeline.source.camera, timeline.source.uri)

    def takes_source(self, camera: str | None, uri: str) -> bool:
        """The same, of a recording of which no more is known."""
        if not self.cameras:
            return True
        file = re.split(r"[/\\]", uri.rstrip("/\\"))[-1]
        names = [camera] if camera else [file, file.rpartition(".")[0] or file]
        return any(fnmatch.fnmatchcase(_folded(name), _folded(wanted)) for wanted in self.cameras for name in names)

    def span(self, timeline: Timeline) -> tuple[float, float] | None:
        """``[since, until)`` in seconds of this recording, as far as it reaches; `None` when none of it is in there.

        Without a bound that is all of it, empty recordings included.
        """
        start, end = 0.0, timeline.source.duration
        if self.since is not None:
            at = _seconds(self.since, timeline)
            if at is None or at >= max(end, 1e-9):
                return None
            start = max(start, at)
        if self.until is not None:
            at = _seconds(self.until, timeline)
            if at is None or at <= 0:
                return None
            end = min(end, at)
        return (start, end) if end > start or (self.since is None and self.until is None) else None

    def takes(self, event: Event, span: tuple[float, float]) -> bool:
        """Whether an event of a recording that was taken is one of those asked for; `span` is the recording's `span`."""
        if self.since is not None and max(event.end, math.nextafter(event.start, math.inf)) <= span[0]:
            return False
        if self.until is not None and event.start >= span[1]:
            return False
        if self.tags and not {_folded(tag) for tag in self.tags} & {_folded(tag) for tag in event.tags}:
            return False
        if self.text and not says(event, self.text):
            return False
        return not self.reviewed or bool(self.reviewed & _states(event))

    def words(self) -> str:
        """Such as ``tag person, reviewed``: what was asked for, for people."""
        said = [f"camera {' or '.join(self.cameras)}"] if self.cameras else []
        said += [f"from {_shown(self.since)}"] if self.since is not None else []
        said += [f"to {_shown(self.until)}"] if self.until is not None else []
        said += [f"tag {' or '.join(self.tags)}"] if self.tags else []
        said += [f"text {self.text}"] if self.text else []
        said += [f"reviewed {' or '.join(word for word in REVIEWS if word in self.reviewed)}"] if self.reviewed else []
        return ", ".join(said)


@dataclass(frozen=True, slots=True)
class Member:
    """A timeline and where it lies. `folder` is where its pictures' paths start; `None` when there are none."""

    timeline: Timeline
    folder: Path | None = None
    file: Path | None = None


@dataclass(frozen=True, slots=True)
class Chosen:
    """A timeline of a selection with those of its events that were asked for, in order of start; `span` in its seconds."""

    timeline: Timeline
    folder: Path | None
    file: Path | None
    events: tuple[Event, ...]
    span: tuple[float, float]
    filters: Filters

    def narrowed(self) -> Timeline:
        """The timeline with the chosen events alone, and a flag that says so. Its coverage stays: what was looked at, was."""
        if not self.filters or len(self.events) == len(self.timeline.events):
            return self.timeline
        kept = {event.id for event in self.events}
        chapters = tuple(
            chapter.model_copy(update={"events": tuple(each for each in chapter.events if each in kept)})
            for chapter in self.timeline.chapters
        )
        flag = f"{NARROWED}{len(self.events)} of {len(self.timeline.events)} events: {self.filters.words()}"
        flags = (*self.timeline.flags, flag)
        return self.timeline.model_copy(update={"events": self.events, "chapters": chapters, "flags": flags})


def edge(text: str, *, what: str) -> Edge:
    """A time of ``--from`` or ``--to-time``: video time as `timecode.parse` takes it, or ISO 8601 with a time of day.

    Raises `ConfigError`, naming `what`.
    """
    if re.match(r"\s*\d{4}-?\d\d-?\d\d", text):
        return clock.moment(text)
    try:
        return timecode.parse(text, what=what)
    except ConfigError as fault:
        hint = "video time: 72.5 or 00:01:12.5; wall clock: 2026-11-21T22:30:00 or 2026-11-21T22:30:00+01:00"
        raise ConfigError(fault.message, hint=hint) from None


def files(argument: str) -> list[Path]:
    """The `timeline.json` files that an argument means. Raises `SourceNotFound` or `SourceUnsupported`."""
    path = Path(argument)
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise SourceNotFound(f"{argument} does not exist", hint="give a timeline.json or the folder that a scan wrote")
    if (path / TIMELINE).is_file():
        return [path / TIMELINE]
    found = below(path)
    if not found:
        raise SourceUnsupported(
            f"there is no timeline in the folder {argument}", hint="an unfinished scan has none yet: run its command again"
        )
    return found


def below(folder: Path) -> list[Path]:
    """Every `timeline.json` of an output folder somewhere in a folder, in order of their paths."""
    return sorted(file for file in folder.rglob(TIMELINE) if is_output(file.parent))


def read(file: Path) -> Timeline:
    """A timeline whose times make sense, its events in order, with what people corrected beside it. Raises `SourceUnsupported`, saying what is wrong with it and where."""
    try:
        data = file.read_bytes()
    except OSError as fault:
        raise SourceUnsupported(f"cannot read {file}: {fault.strerror or fault}") from fault
    try:
        timeline = Timeline.from_json(data)
    except ValidationError as fault:
        raise _wrong(file, data, fault) from fault
    if "schema_id" not in timeline.model_fields_set:
        raise _of_no_schema(file)
    _check(file, timeline)
    if any(after.start < before.start for before, after in zip(timeline.events, timeline.events[1:], strict=False)):
        timeline = timeline.model_copy(update={"events": tuple(sorted(timeline.events, key=lambda event: event.start))})
    return reviews.shown(timeline, file.parent) if file.name == TIMELINE else timeline


def load(arguments: Iterable[str]) -> list[Member]:
    """The timelines that arguments mean, each once, in the order given. Raises as `files` and `read` do."""
    found = dict.fromkeys(file for argument in arguments for file in files(argument))
    return [Member(read(file), file.parent, file) for file in found]


def select(members: Iterable[Member], filters: Filters) -> list[Chosen]:
    """What `filters` leave of `members`, in their order."""
    chosen = []
    for member in members:
        timeline = member.timeline
        span = filters.span(timeline) if filters.takes_camera(timeline) else None
        if span is not None:
            events = tuple(event for event in timeline.events if filters.takes(event, span))
            chosen.append(Chosen(timeline, member.folder, member.file, events, span, filters))
    return chosen


def by_clock(chosen: Sequence[Chosen]) -> list[Chosen]:
    """In the order in which the recordings began, those without wall time at the end; otherwise as they were."""

    def began(each: Chosen) -> tuple[bool, float]:
        wall = timecode.wall(each.timeline.source.clock, 0)
        return wall is None, 0.0 if wall is None else _absolute(wall)

    return sorted(chosen, key=began)


def says(event: Event, text: str) -> bool:
    """Whether each word of `text` stands in the event's title, description or tags; case and width of letters do not count."""
    held = _folded(" ".join((event.title, event.description, *event.tags)))
    return all(word in held for word in _folded(text).split())


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def _states(event: Event) -> frozenset[str]:
    if event.review is None:
        return frozenset({"no"})
    return frozenset({event.review.state} if event.review.state == "rejected" else {event.review.state, "yes"})


def _seconds(at: Edge, timeline: Timeline) -> float | None:
    """A place on the recording's own clock; `None` for a wall time when the recording has none."""
    if not isinstance(at, dt.datetime):
        return at
    origin = timecode.wall(timeline.source.clock, 0)
    if origin is None:
        return None
    if origin.tzinfo is None or at.tzinfo is None:  # one of them says no offset: then both are the recording's own clock
        at, origin = at.replace(tzinfo=None), origin.replace(tzinfo=None)
    return (at - origin).total_seconds()


def _absolute(wall: dt.datetime) -> float:
    return (wall if wall.tzinfo else wall.replace(tzinfo=dt.UTC)).timestamp()


def _shown(at: Edge) -> str:
    return at.isoformat() if isinstance(at, dt.datetime) else timecode.short(at)


def _of_no_schema(file: Path) -> SourceUnsupported:
    return SourceUnsupported(f"{file} is not a timeline of schema {SCHEMA_ID}", hint="give the timeline.json that a scan wrote")


def _wrong(file: Path, data: bytes, fault: ValidationError) -> SourceUnsupported:
    again = "give the timeline.json that a scan wrote, or make it anew: the same scan again asks nothing twice"
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as broken:
        where = f"line {broken.lineno}: {broken.msg}" if isinstance(broken, json.JSONDecodeError) else str(broken)
        return SourceUnsupported(f"{file} is not a timeline: it is no whole JSON ({where})", hint=again)
    schema = found.get("schema") if isinstance(found, dict) else None
    if schema is None:
        return SourceUnsupported(
            f"{file} is not a timeline of schema {SCHEMA_ID}", hint="give the timeline.json that a scan wrote"
        )
    if schema != SCHEMA_ID:
        hint = "a newer videoscan wrote it: update this one"
        told = str(schema)[:80]
        return SourceUnsupported(f"{file} has the schema {told!r}; this videoscan reads {SCHEMA_ID}", hint=hint)
    first = fault.errors(include_url=False, include_context=False)[0]
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"]).lstrip(".")
    value = "" if first["type"] == "missing" else f", not {json.dumps(first['input'], ensure_ascii=False, default=str)[:80]}"
    more = f" (and {fault.error_count() - 1} more)" if fault.error_count() > 1 else ""
    said = first["msg"][:1].lower() + first["msg"][1:]
    return SourceUnsupported(f"{file} is not a valid timeline: {path}: {said}{value}{more}", hint=again)


def _check(file: Path, timeline: Timeline) -> None:
    """What a schema does not say and no exporter could make sense of."""

    def refuse(what: str) -> SourceUnsupported:
        return SourceUnsupported(
            f"{file} is not a valid timeline: {what}", hint="it was changed by hand: correct that, or scan again"
        )

    if not math.isfinite(timeline.source.duration):
        raise refuse(f"source.duration is {timeline.source.duration}")
    seen: set[str] = set()
    for number, event in enumerate(timeline.events):
        here = f"events[{number}] ({event.id[:40]!r})"
        if not (math.isfinite(event.start) and math.isfinite(event.end)):
            raise refuse(f"{here} has a time that is no number")
        if event.end < event.start:
            raise refuse(f"{here} ends at {event.end:g} s, before it starts at {event.start:g} s")
        if event.start > timeline.source.duration:
            raise refuse(f"{here} starts at {event.start:g} s, but the source lasts {timeline.source.duration:g} s")
        if event.id in seen:
            raise refuse(f"{here} has the id of another event")
        seen.add(event.id)
    for number, piece in enumerate(timeline.coverage):
        if not (math.isfinite(piece.start) and math.isfinite(piece.end)) or piece.end < piece.start:
            raise refuse(f"coverage[{number}] runs from {piece.start} to {piece.end}")
