"""What a morning report shows: an account of each recording, and all events in the order in which they happened.

Recordings lie on one axis of wall time. What has no wall time cannot be put among the others: its events come last, by video time.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from videoscan import timecode
from videoscan.exporters import wording
from videoscan.exporters.wording import STATES, Run

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from videoscan.document import Event, Timeline
    from videoscan.seams import Told


@dataclass(frozen=True, slots=True)
class Recording:
    """One timeline's account. `span` is the part of it that was asked for; times are seconds of its own clock."""

    part: Told
    span: tuple[float, float]
    runs: tuple[Run, ...]
    events: tuple[Event, ...]
    rejected: int

    @property
    def timeline(self) -> Timeline:
        """The whole of it."""
        return self.part.timeline

    @property
    def name(self) -> str:
        """What people call it."""
        return wording.name(self.timeline)

    @property
    def clocked(self) -> bool:
        """Whether its wall time is known."""
        return timecode.wall(self.timeline.source.clock, 0) is not None

    @property
    def when(self) -> str:
        """``2026-11-21 22:00:00 - 06:00:00`` with an en dash, or video time where the wall time is not known."""
        first, last = (timecode.wall_short(self.timeline.source.clock, at, date=True) for at in self.span)
        if first is None or last is None:
            return wording.span(*self.span)
        return f"{first} – {last[11:] if last[:10] == first[:10] else last}"

    @property
    def gaps(self) -> list[Run]:
        """What nobody looked at."""
        return [run for run in self.runs if not run.known]

    def gap(self, run: Run) -> str:
        """Such as ``Lost 22:41:10 - 22:42:12 (1 min 02 s): the file is damaged``, by wall time where it is known."""
        clock = self.timeline.source.clock
        first, last = timecode.wall_short(clock, run.start), timecode.wall_short(clock, run.end)
        when = f"{first}–{last}" if first and last else wording.span(run.start, run.end)
        reason = f": {wording.plain(run.reason)}" if run.reason else ""
        return f"{run.state.capitalize()} {when} ({timecode.length(run.end - run.start)}){reason}"

    @property
    def looked_at(self) -> str:
        """How much of it the timeline speaks for. It never says all of it when that is not so."""
        whole = self.span[1] - self.span[0]
        known = sum(run.end - run.start for run in self.runs if run.known)
        if whole <= 0 or known <= 0:
            return "nothing was looked at"
        if not self.gaps:
            return f"all of {timecode.length(whole)} was looked at"
        # Rounded down, so that no gap ever makes 100 %.
        return f"{timecode.length(known)} of {timecode.length(whole)} ({int(min(known / whole, 0.999) * 1000) / 10:g} %) was looked at"

    @property
    def told(self) -> str:
        """How many events, and how many of them were rejected."""
        count = f"{len(self.events)} event{'' if len(self.events) == 1 else 's'}" if self.events else "no event"
        return f"{count}, {self.rejected} rejected" if self.rejected else count


@dataclass(frozen=True, slots=True)
class Happening:
    """An event among those of all recordings. `number` counts from 1."""

    number: int
    recording: Recording
    event: Event

    @property
    def wall(self) -> dt.datetime | None:
        """When it began."""
        return timecode.wall(self.recording.timeline.source.clock, self.event.start)

    @property
    def when(self) -> str:
        """Wall time, else video time."""
        return timecode.wall_short(self.recording.timeline.source.clock, self.event.start) or wording.span(
            self.event.start, self.event.end
        )

    @property
    def day(self) -> str:
        """The heading that it stands under."""
        wall = self.wall
        return wall.strftime("%Y-%m-%d") if wall else "Without wall time"


@dataclass(frozen=True, slots=True)
class Morning:
    """The whole report. `axis` is the first and last moment of what was recorded, where wall times are known."""

    recordings: tuple[Recording, ...]
    happenings: tuple[Happening, ...]
    axis: tuple[dt.datetime, dt.datetime] | None
    notes: tuple[str, ...]

    @property
    def title(self) -> str:
        """Such as ``3 cameras``."""
        cameras = {each.name for each in self.recordings}
        if len(cameras) == 1:
            return next(iter(cameras))
        named = all(each.timeline.source.camera for each in self.recordings)
        return f"{len(cameras)} {'cameras' if named else 'recordings'}"

    @property
    def line(self) -> str:
        """From when to when, and how much happened."""
        count = len(self.happenings)
        happened = f"{count} event{'' if count == 1 else 's'}" if count else "no event"
        if self.axis is None:
            return happened
        first, last = (f"{moment:%Y-%m-%d %H:%M}" for moment in self.axis)
        return f"{first} – {last} · {happened}"

    @property
    def nothing(self) -> str:
        """What it says without events. It never claims more than was looked at."""
        if self.notes:
            return "No event is in this selection."
        missing = any(each.gaps or not each.runs for each in self.recordings)
        return (
            "Nothing was reported in what was looked at; not all of it was."
            if missing
            else "Nothing happened: all of it was looked at."
        )

    def place(self, recording: Recording, at: float) -> float:
        """Where a second of a recording lies on the axis, 0 to 1; on the recording's own, where it has no wall time."""
        wall = timecode.wall(recording.timeline.source.clock, at)
        if self.axis is None or wall is None:
            first, last = recording.span
            return min(1.0, max(0.0, (at - first) / (last - first))) if last > first else 0.0
        first, last = (_stamp(moment) for moment in self.axis)
        return min(1.0, max(0.0, (_stamp(wall) - first) / (last - first))) if last > first else 0.0


def morning(parts: Sequence[Told]) -> Morning:
    """What there is to say of several timelines. Events that a person rejected are counted and left out."""
    recordings = tuple(map(_recording, parts))
    happened = [(recording, event) for recording in recordings for event in recording.events]
    happened.sort(key=_order)
    walls = [
        wall for each in recordings for at in each.span if (wall := timecode.wall(each.timeline.source.clock, at)) is not None
    ]
    axis = (min(walls, key=_stamp), max(walls, key=_stamp)) if walls else None
    notes = dict.fromkeys(told.partition(": ")[2] for each in recordings if (told := wording.narrowed(each.timeline)) is not None)
    return Morning(
        recordings,
        tuple(Happening(number, recording, event) for number, (recording, event) in enumerate(happened, start=1)),
        axis,
        tuple(notes),
    )


def _recording(part: Told) -> Recording:
    timeline = part.timeline
    span = part.span or (0.0, timeline.source.duration)
    standing = tuple(wording.standing(timeline))
    return Recording(part, span, tuple(_clipped(timeline, span)), standing, len(timeline.events) - len(standing))


def _clipped(timeline: Timeline, span: tuple[float, float]) -> Iterator[Run]:
    for run in wording.runs(timeline):
        start, end = max(run.start, span[0]), min(run.end, span[1])
        if end > start:
            yield Run(start, end, run.state, run.reason)


def _order(each: tuple[Recording, Event]) -> tuple[bool, float, float]:
    recording, event = each
    wall = timecode.wall(recording.timeline.source.clock, event.start)
    return wall is None, 0.0 if wall is None else _stamp(wall), event.start


def _stamp(moment: dt.datetime) -> float:
    return (moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)).timestamp()


def legend(found: Morning) -> list[tuple[str, str]]:
    """The states that occur, with what they mean."""
    states = {run.state for each in found.recordings for run in each.runs}
    return [(state, text) for state, text in STATES.items() if state in states]
