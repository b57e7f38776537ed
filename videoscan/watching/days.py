"""One day of one camera: its folder, its journals, and the timeline that grows in it.

Belongs to the event loop; what takes long (folding, writing) is done in a thread on a snapshot. Memory: the answers and marks of the day's
windows, without pictures, as a scan holds them.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import time
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, Literal

from videoscan import flow, publish
from videoscan.asking import shown
from videoscan.doubting.doubt import Second
from videoscan.folder import JOURNAL, OutputFolder
from videoscan.folding.held import PENDING
from videoscan.folding.marks import Marks
from videoscan.folding.outcome import Outcome
from videoscan.journal import Journal
from videoscan.model import Description, Failure, Lost, Mark, Reason
from videoscan.reading import daylog
from videoscan.reading.daylog import DayLog, header_of
from videoscan.watching import thinning
from videoscan.watching.snapshot import Slot, Snapshot

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from pathlib import Path

    from videoscan.document import Event, Timeline
    from videoscan.model import Condition, Recording, SourceInfo, Window
    from videoscan.request import Request
    from videoscan.seams import Limits
    from videoscan.watching.core import DayBegan

NOT_YET = "not described yet"
AWAY = "nobody was watching: videoscan was not running"
_REMEMBERED = 256
_WORTH_SAYING = 10.0
"""Seconds before a day's first picture from which on somebody should know why there is nothing."""


class Day:
    """A day that is being watched, or finished. Make it with `begin` or `resume`; `close` lets go of its folder."""

    def __init__(
        self, request: Request, folder: Path, date: str, zero: float, info: SourceInfo, *, keep: contextlib.ExitStack
    ) -> None:
        self.request = request
        self.place = OutputFolder(folder)
        self.date, self.zero = date, zero
        self._info = info
        self.position = 0.0
        self.slots: dict[int, Slot] = {}
        self.journal: Journal
        self._log: DayLog
        self._held = keep
        self._gaps: dict[Literal["lost", "absent"], list[Lost]] = {"lost": [], "absent": []}
        self._skipped: list[Lost] = []
        self._conditions: dict[tuple[str, int], Condition] = {}
        self.alerts: dict[str, tuple[str, ...]] = {}
        self._flags: list[str] = []
        self._thinned: dict[int, int | None] = {}
        self._began = time.monotonic()
        self._parts: dict[str, Recording] = {}
        self._noted: set[str] = set()
        """Recordings that are in the log: nothing will change about them."""
        self.gone_before = 0
        self.looking: set[int] = set()
        """Windows that are to be looked at again: what was told of them may yet change."""
        self.decoded = 0
        """Pictures that came out of the decoder."""
        self.version = 0
        self.next_frame = 0
        self.ended = False

    # --- life -----------------------------------------------------------------------------------------------------------------

    @classmethod
    def begin(cls, request: Request, folder: Path, began: DayBegan, zone: dt.tzinfo | None) -> Day:
        """A new day in a folder of its own. Raises `StoreError`, naming who holds it, when another process does."""
        info = replace(began.info, clock=clock_of(began.zero, zone), live=True, declared_duration=None)
        day = cls(request, folder, began.date.isoformat(), began.zero, info, keep=contextlib.ExitStack())
        day._open(header_of(day.date, day.zero, info, source=request.given.uri, camera=request.given.camera))
        for gap in began.missing:
            if gap.end - gap.start < _WORTH_SAYING:
                continue
            since = dt.datetime.fromtimestamp(began.zero + gap.start, zone).time().isoformat("seconds")
            day.flag(f"nothing came from {since} to the first picture: {gap.reason}")
        return day

    @classmethod
    def resume(cls, request: Request, folder: Path) -> Day | None:
        """The day that an earlier process left in a folder, with all that it had written down; `None` where there is none."""
        keep = contextlib.ExitStack()
        recalled = daylog.read(folder)
        if recalled is None or not (folder / JOURNAL).is_file():
            return None
        day = cls(request, folder, recalled.date, recalled.zero, recalled.info, keep=keep)
        day._open(None)
        day._recall(recalled)
        return day

    def _open(self, header: dict[str, Any] | None) -> None:
        self.place.prepare()
        with contextlib.ExitStack() as opened:
            opened.enter_context(self.place.lock())
            self.journal = opened.enter_context(contextlib.closing(Journal(self.place.path, self.request.given.uri)))
            self._log = opened.enter_context(contextlib.closing(DayLog(self.place.path, header=header)))
            self._held.push(opened.pop_all())

    def _recall(self, recalled: daylog.Recalled) -> None:
        answers = self.journal.by_window()
        for entry in sorted(recalled.entries.values(), key=lambda each: each.index):
            frames = tuple(row["frame"] for row in entry.pictures)
            told = answers.get((entry.index, frames)) if entry.pictures else None
            if told is None and entry.fault is not None:
                told = Description(failure=Failure(*entry.fault), attempts=0)
            outcome = Outcome(
                index=entry.index,
                start=entry.start,
                end=entry.end,
                shown=entry.shown,
                marks=entry.marks,
                description=told or _pending(),
                overlap=entry.overlap,
                second=self._second(recalled, entry.index) if told is not None else None,
            )
            self.slots[entry.index] = Slot(outcome)
        indices = sorted(self.slots)
        for after, marks in recalled.rests:
            at = max((each for each in indices if each <= after), default=None)
            if at is not None:
                self.slots[at].rests += (marks,)
        for kind, gap in recalled.gaps:
            self._gaps[kind].append(gap)
        self._skipped = recalled.skipped
        self._conditions = recalled.conditions
        self.alerts = recalled.alerts
        self._flags = recalled.flags
        self.position, self.next_frame, self.ended = recalled.position, recalled.frame, recalled.ended
        self.gone_before = recalled.gone_before
        self.decoded = recalled.decoded
        self._parts, self._noted = dict(recalled.parts), set(recalled.parts)
        self._recalled = recalled
        self.version += 1

    def _second(self, recalled: daylog.Recalled, index: int) -> Second | None:
        """The second look at a window, where there was one."""
        known = recalled.looks.get(index)
        answer = self.journal.second_look(known[1]) if known is not None else None
        if known is None or answer is None:
            return None
        description, pictures = answer
        return Second(known[0], pictures, description)

    def unanswered(self, limits: Limits) -> Iterator[Window]:
        """Windows of an earlier process that have no answer, or failed, with their pictures from disk. What cannot be asked is a failure.

        A describer that measures needs the pictures as they were decoded, and those are gone.
        """
        recalled = getattr(self, "_recalled", None)
        for index, slot in list(self.slots.items()):
            failure = slot.outcome.description.failure
            if failure is None or failure.kind == "Behind" or recalled is None:
                continue
            window = None if limits.measures else daylog.window_of(recalled.entries[index], self.place.path, limits)
            if window is None:
                self.failed(index, "Interrupted", "videoscan was ended before its answer came, and its pictures are gone")
            else:
                yield window

    def close(self) -> None:
        """Let go of the folder. Idempotent."""
        self._held.close()

    # --- what comes in --------------------------------------------------------------------------------------------------------

    def window(self, window: Window) -> None:
        """A window has closed: its pictures are written, then it is. For a thread; raises `StoreError`."""
        self.place.save(window.pictures)
        self._log.window(window, shown(window.pictures, window.marks, saved=True), self.decoded)

    def enter(self, window: Window, came: float) -> None:
        """The same on the event loop, once it is written."""
        marks = self._settled(window.marks)
        outcome = Outcome(
            index=window.index,
            start=window.start,
            end=window.end,
            shown=shown(window.pictures, window.marks, saved=True),
            marks=marks,
            description=_pending(),
            overlap=window.overlap,
        )
        self.slots[window.index] = Slot(outcome, came)
        self._reach(window.end, marks)

    def rest(self, marks: Sequence[Mark]) -> None:
        """Samples that were dropped while the scene stood still."""
        settled = self._settled(marks)
        last = max(self.slots, default=None)
        if last is None:
            return
        self._log.write({"rest": daylog.packed(settled), "after": last}, sync=False)
        slot = self.slots[last]
        slot.rests = (*slot.rests, settled) if len(slot.rests) < 16 else (thinning.joined((*slot.rests, settled)),)
        self._reach(settled.times[-1], settled)

    def missing(self, kind: Literal["lost", "absent"], gap: Lost) -> None:
        """A stretch without pictures; one that goes on where the last of its kind and reason ended becomes one with it."""
        gap = Lost(round(gap.start, 3), round(gap.end, 3), gap.reason)
        known = self._gaps[kind]
        if known and known[-1].reason == gap.reason and gap.start <= known[-1].end + 1e-3:
            known[-1] = replace(known[-1], end=max(known[-1].end, gap.end))
        else:
            known.append(gap)
        self._log.write({"gap": kind, "start": gap.start, "end": gap.end, "reason": gap.reason}, sync=False)
        self._reach(gap.end)

    def saw(self, condition: Condition) -> None:
        """Frozen or black, begun or ended."""
        self._conditions[condition.kind, condition.frame] = condition
        self._log.write(
            {"seen": condition.kind, "start": condition.start, "end": condition.end, "frame": condition.frame}, sync=False
        )
        self.version += 1

    def described(self, outcome: Outcome) -> None:
        """A window has its answer, or none for good."""
        slot = self.slots[outcome.index]
        failure = outcome.description.failure
        if failure is not None:
            self._log.write({"fault": outcome.index, "kind": failure.kind, "message": failure.message}, sync=False)
        slot.outcome = replace(slot.outcome, description=outcome.description, given=outcome.given)
        slot.answered = time.monotonic()
        self.version += 1

    def looked(self, index: int, second: Second, key: str | None) -> None:
        """A window was looked at again; `key` is the journal's for the answer."""
        slot = self.slots[index]
        slot.outcome = replace(slot.outcome, second=second)
        if key is not None and second.description.failure is None:
            self._log.write({"look": index, "doubt": asdict(second.doubt), "key": key}, sync=False)
        self.version += 1

    def failed(self, index: int, kind: str, message: str) -> None:
        """There will be no answer about a window."""
        self.described(replace(self.slots[index].outcome, description=Description(failure=Failure(kind, message), attempts=0)))

    def thinned(self, window: Window, frames: set[int], reason: str, *, into: int | None = None) -> Window:
        """Leave frames of a waiting window out; with `into` what is left of it joins the window of that index. The window as it is then."""
        slot = self.slots[window.index]
        pictures = tuple(each for each in window.pictures if each.frame not in frames)
        kept = [each.frame for each in pictures]
        marks = thinning.thinned(slot.whole().marks, frames, kept)
        for mark in marks:
            if mark.reason is Reason.THINNED:
                self._forget(mark.frame, mark.same_as)
        spans = thinning.stretches(marks, slot.outcome.end)
        left = tuple(each for each in slot.outcome.shown if each.frame not in frames)
        packed = Marks.of(marks)
        row = {"thinned": window.index, "frames": sorted(frames), "reason": reason, "marks": daylog.packed(packed)}
        self._log.write({**row, "spans": spans, **({} if into is None else {"into": into})}, sync=False)
        self._skipped += [Lost(start, end, reason) for start, end in spans]
        slot.outcome = replace(slot.outcome, shown=left, marks=packed)
        slot.rests = ()
        thin = replace(window, pictures=pictures, marks=tuple(marks), overlap=min(window.overlap, len(kept)))
        if into is not None:
            first = self.slots[into]
            joined = thinning.joined((Marks.of(first.whole().marks), packed))
            known = {(each.frame, each.zoom) for each in first.outcome.shown}
            more = tuple(each for each in left if (each.frame, each.zoom) not in known)
            first.outcome = replace(
                first.outcome, shown=(*first.outcome.shown, *more), marks=joined, end=max(first.outcome.end, window.end)
            )
            first.rests = ()
            del self.slots[window.index]
        self.version += 1
        return thin

    def alerted(self, event: str, rules: Iterable[str]) -> None:
        """An event has met alert rules."""
        names = tuple(dict.fromkeys((*self.alerts.get(event, ()), *rules)))
        if names != self.alerts.get(event, ()):
            self.alerts[event] = names
            self._log.write({"alerts": names, "event": event}, sync=False)
            self.version += 1

    def recorded(self, found: Iterable[Recording], gone: Collection[str], *, last: bool = False) -> None:
        """The recordings of the day that are on the disk now, in its own seconds; those of `gone` are there no more.

        All but the newest are finished; with `last` that one is as well.
        """
        for uri in gone:
            self._parts.pop(uri, None)
        for each in found:
            if each.uri not in self._noted:
                self._parts[each.uri] = each
        ordered = sorted(self._parts.values(), key=lambda part: part.start)
        for part in ordered if last else ordered[:-1]:
            if part.uri in self._noted:
                continue
            self._noted.add(part.uri)
            row = {"part": part.uri, "start": part.start, "duration": part.duration}
            self._log.write({**row, "clock": part.clock, "skipped": part.skipped}, sync=False)

    @property
    def parts(self) -> tuple[Recording, ...]:
        """Its recordings as far as they are known, in order of time."""
        return tuple(sorted(self._parts.values(), key=lambda part: part.start))

    def flag(self, text: str) -> None:
        """Something that a reader of this day should know."""
        if text not in self._flags:
            self._flags.append(text)
            self._log.write({"flag": text}, sync=False)
            self.version += 1

    def at(self, position: float, *, ended: bool = False) -> None:
        """The day is accounted for up to here; with `ended` nothing more comes."""
        self._reach(position)
        self.ended = self.ended or ended
        self._log.write(
            {"at": round(self.position, 3), "decoded": self.decoded, **({"ended": True} if ended else {})}, sync=ended
        )

    def pictures_gone(self, before: int) -> None:
        """The pictures of frames before this one were deleted."""
        self.gone_before = max(self.gone_before, before)
        self._log.write({"gone_before": before})
        self.version += 1

    def _reach(self, position: float, marks: Marks | None = None) -> None:
        self.position = round(max(self.position, position, marks.times[-1] if marks is not None and len(marks) else 0.0), 6)
        if marks is not None and len(marks):
            self.next_frame = max(self.next_frame, marks.frames[-1] + 1)
        self.version += 1

    def _settled(self, marks: Iterable[Mark]) -> Marks:
        """Marks in columns; what looks like a frame that was thinned shares its fate."""
        made = []
        for mark in marks:
            if mark.reason is Reason.THINNED:
                self._forget(mark.frame, mark.same_as)
            elif not mark.kept and mark.same_as in self._thinned:
                mark = replace(mark, reason=Reason.THINNED, same_as=self._thinned[mark.same_as])  # noqa: PLW2901
            made.append(mark)
        return Marks.of(made)

    def _forget(self, frame: int, stands: int | None) -> None:
        self._thinned[frame] = stands
        while len(self._thinned) > _REMEMBERED:
            del self._thinned[next(iter(self._thinned))]

    # --- what comes out -------------------------------------------------------------------------------------------------------

    def snapshot(self, *, latency: tuple[float, float] | None = None, billed: float = 0.0) -> Snapshot:
        """What the day has come to; with how long descriptions took, and how long a deployed endpoint was in use (seconds)."""
        slots = tuple(replace(self.slots[index]) for index in sorted(self.slots))
        return Snapshot(
            request=self.request,
            info=self._info,
            slots=slots,
            position=self.position,
            lost=tuple(self._gaps["lost"]),
            absent=tuple(self._gaps["absent"]),
            skipped=tuple(self._skipped),
            conditions=tuple(self._conditions.values()),
            alerts=dict(self.alerts),
            flags=tuple(self._flags),
            gone_before=self.gone_before,
            parts=self.parts,
            decoded=self.decoded,
            wall=time.monotonic() - self._began,
            waited=sum(slot.outcome.description.seconds for slot in slots),
            billed=billed,
            latency=latency,
        )

    def settled_frame(self) -> int:
        """No picture of a frame before this one waits for its description."""
        waiting = [slot.outcome.shown[0].frame for slot in self.slots.values() if slot.pending and slot.outcome.shown]
        last = [slot.outcome.shown[-1].frame for slot in self.slots.values() if slot.outcome.shown]
        return min([*waiting, max(last, default=0)])

    def described_so_far(self) -> tuple[int, int]:
        """How many windows were described, and how many pictures they showed."""
        found = [slot.outcome for slot in self.slots.values() if slot.outcome.description.failure is None]
        return len(found), sum(len(outcome.shown) for outcome in found)

    @property
    def info(self) -> SourceInfo:
        """What is known of the source."""
        return self._info

    def pending(self) -> int:
        """Windows that have no answer yet."""
        return sum(slot.pending for slot in self.slots.values())

    def lost(self) -> tuple[float, int]:
        """Seconds that were not seen, and the number of stretches."""
        gaps = [gap for known in self._gaps.values() for gap in known]
        return sum(gap.end - gap.start for gap in gaps), len(gaps)

    def picture(self) -> Path | None:
        """The last picture that was kept."""
        last = next((slot for _, slot in sorted(self.slots.items(), reverse=True) if slot.outcome.shown), None)
        name = last.outcome.shown[-1].picture if last is not None else None
        return self.place.path / name if name is not None else None

    def latency_of(self, event: Event) -> float | None:
        """Seconds from the arrival of an event's first picture to its description; `None` for what this process did not see."""
        slot = self.slots.get(event.windows[0]) if event.windows else None
        if slot is None or not slot.came or not slot.answered:
            return None
        fresh = [each.time for each in slot.outcome.shown[slot.outcome.overlap :]] or [slot.outcome.start]
        return round(max(0.0, slot.answered - slot.came - max(0.0, event.start - fresh[0])), 3)

    def renewed(self, info: SourceInfo) -> None:
        """The source was opened again, and may have become another size."""
        info = replace(info, clock=self._info.clock, live=True, declared_duration=None)
        if info != self._info:
            self._info = info
            self._log.write({"info": asdict(info)}, sync=False)

    def described_to(self) -> float:
        """Up to here nothing waits for an answer any more."""
        waiting = (slot.outcome.start for index, slot in self.slots.items() if slot.pending or index in self.looking)
        return min(waiting, default=self.position)

    async def write(self, timeline: Timeline, *, report: bool) -> None:
        """Write a timeline into the day's folder; with `report` its page and the other formats as well. Raises `StoreError`."""
        names = ("html", *self.request.to, "json") if report else ("json",)
        await flow.in_thread(publish.grow, self.place, timeline, names)


def clock_of(wall: float, zone: dt.tzinfo | None) -> str:
    """A wall time, in seconds since 1970, as a timeline writes it: ISO 8601 to the millisecond with its offset."""
    moment = (
        dt.datetime.fromtimestamp(round(wall, 3), zone)
        if zone is not None
        else dt.datetime.fromtimestamp(round(wall, 3)).astimezone()
    )
    return moment.isoformat(timespec="milliseconds")


def _pending() -> Description:
    return Description(failure=Failure(PENDING, NOT_YET), attempts=0)


def is_finished(folder: Path) -> bool:
    """Whether a folder holds no day of a watch, or one that came to its end."""
    try:
        with (folder / daylog.LOG).open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - 200))
            return b'"ended":true' in file.read()
    except OSError:
        return True
