"""Lays the recordings of one camera onto one clock: where each begins, what lies between them, and what two of them show alike.

Pure: the recordings' own words go in (`Looked`), their places come out (`Laid`).
"""

from __future__ import annotations

import heapq
import itertools
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import PurePath

from videoscan.model import LeftOut, Lost, Recording, Sound

JITTER = 1.25
"""Seconds by which a clock may miss the end of the recording before it and still follow it. Names and metadata say whole seconds,
cut off or rounded, so two clocks of one unbroken recording disagree with its length by up to one; a camera needs a moment as well."""

NOTHING = "no recording of this time"
"""Why a stretch between recordings is absent."""

_UNKNOWN = 60.0
"""Seconds that an unreadable recording counts for where no other one tells how long they are."""

_TOLD = 20
"""Overlaps that are told one by one."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What one recording says of itself.

    `clock` is its first frame's wall time, with its offset; `again` another reading of it, an hour later, where clocks showed that
    hour twice. `duration` is in seconds; `fault` says why it cannot be read.
    """

    uri: str
    clock: datetime | None = None
    again: datetime | None = None
    duration: float = 0.0
    seekable: bool = False
    fault: str | None = None
    sound: Sound | None = None


@dataclass(frozen=True, slots=True)
class Laid:
    """Recordings in order and without overlap, what is lost and absent between them, and sentences about what had to be decided.

    `faults` gives by place in `parts` why one cannot be read.
    """

    parts: tuple[Recording, ...] = ()
    faults: dict[int, str] = field(default_factory=dict)
    absent: tuple[Lost, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    flags: tuple[str, ...] = ()

    @property
    def end(self) -> float:
        """Where the last one ends, in seconds."""
        return self.parts[-1].end if self.parts else 0.0


def in_order(looked: list[Looked], begins: datetime | None = None) -> Laid:
    """One right after the other, as they come; with `begins`, the first one's wall time, each has a clock."""
    parts: list[Recording] = []
    faults: dict[int, str] = {}
    at, usual = 0.0, next((each.duration for each in looked if each.fault is None), _UNKNOWN)
    for each in looked:
        usual = each.duration if each.fault is None else usual
        if each.fault is not None:
            faults[len(parts)] = each.fault
        parts.append(Recording(each.uri, at, usual, _iso(begins, at), seekable=each.seekable, sound=each.sound))
        at = round(at + usual, 6)
    return Laid(tuple(parts), faults)


def by_clock(looked: list[Looked], begins: datetime | None = None) -> Laid:
    """Each where its clock says; `begins` is the first one's wall time where the clocks are known to be wrong all alike.

    A recording follows the one before it without a gap where its clock is within `JITTER` of that one's end. Where it begins
    earlier, what the one before shows as well is skipped; where it begins later, the time between is absent. One that cannot be read
    lasts until the next one, but no longer than the longest of the others.
    """
    clocked = [(each.clock, number, each) for number, each in enumerate(looked) if each.clock is not None]
    out = tuple(
        LeftOut(each.uri, each.fault or "neither its name nor its metadata say when it was recorded")
        for each in looked
        if each.clock is None
    )
    heapq.heapify(clocked)
    if not clocked:
        return Laid(left_out=out)
    origin = clocked[0][0]
    told = _Teller()
    parts: list[Recording] = []
    faults: dict[int, str] = {}
    absent: list[Lost] = []
    longest = max((each.duration for _, _, each in clocked if each.fault is None), default=_UNKNOWN)
    end, known = 0.0, True  # of what is laid already, and whether it is known and not only supposed
    while clocked:
        clock, number, each = heapq.heappop(clocked)
        at = (clock - origin).total_seconds()
        if each.again is not None and known and parts and at < end - JITTER:
            # Clocks showed this hour twice, and the first time it was taken up: this is the second.
            heapq.heappush(clocked, (each.again, number, replace(each, again=None)))
            continue
        skipped = 0.0
        if parts and not known:
            # The one before cannot be read: nobody knows when it ended but by this one's beginning.
            start = max(at, parts[-1].start)
            length = start - parts[-1].start
            if length <= parts[-1].duration + JITTER:
                parts[-1] = replace(parts[-1], duration=round(length, 6))
            end = parts[-1].end
        elif abs(at - end) <= JITTER:
            start = end
        elif at > end:
            start = at
        else:
            start, skipped = end, end - at
        length = each.duration - skipped if each.fault is None else longest
        if length <= 0:
            told.add(each.uri, f"shows nothing that {_name(parts[-1].uri)} does not: it is left out")
            continue
        if skipped:
            told.add(each.uri, f"begins {skipped:.1f} s before the one before it ends: that time is shown once")
        if start > end:
            absent.append(Lost(end, start, NOTHING))
        if each.fault is not None:
            faults[len(parts)] = each.fault
        shown = clock + timedelta(seconds=skipped)
        shown = shown if begins is None else begins + (shown - origin)
        part = Recording(
            each.uri,
            round(start, 6),
            round(length, 6),
            _iso(shown),
            skipped=round(skipped, 6),
            seekable=each.seekable,
            sound=each.sound,
        )
        parts.append(part)
        end, known = part.end, each.fault is None
    return Laid(tuple(parts), faults, tuple(absent), out, told.sentences())


@dataclass
class _Teller:
    """Sentences about single recordings, not without end."""

    _said: list[str] = field(default_factory=list)

    def add(self, uri: str, what: str) -> None:
        self._said.append(f"{_name(uri)} {what}")

    def sentences(self) -> tuple[str, ...]:
        more = len(self._said) - _TOLD
        return (*itertools.islice(self._said, _TOLD), *([f"the same holds for {more} more recordings"] if more > 0 else []))


def _name(uri: str) -> str:
    return PurePath(uri).name


def _iso(moment: datetime | None, seconds: float = 0.0) -> str | None:
    if moment is None:
        return None
    moment = moment + timedelta(seconds=seconds)
    return moment.isoformat(timespec="milliseconds" if moment.microsecond else "seconds")
