"""What a day has come to at one moment, and the timeline that it makes: for a thread, while the day goes on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from videoscan import publish
from videoscan.document import Event, Evidence
from videoscan.folding.held import PENDING
from videoscan.folding.marks import Marks
from videoscan.model import Tally
from videoscan.summary import summarize
from videoscan.summary.summarizing import Summed
from videoscan.timeline import THINNED, Folded, Folding

if TYPE_CHECKING:
    from videoscan.document import Timeline
    from videoscan.folding.outcome import Outcome
    from videoscan.model import Condition, Lost, Mark, Recording, SourceInfo
    from videoscan.request import Request

_BEHIND = "thinned: it looks like a picture that was left out while the describer was behind the camera"
_TITLES = {"frozen": "Picture frozen", "black": "Picture black"}
_TOLD = {
    "frozen": "The camera sent the very same picture again and again.",
    "black": "The camera sent nothing but black.",
}


@dataclass(slots=True)
class Slot:
    """A window and what became of it. `rests` are samples that came after it; they are put behind its own.

    `came` and `answered` are when its first new picture came and its answer, monotonic; 0 for an earlier process's.
    """

    outcome: Outcome
    came: float = 0.0
    answered: float = 0.0
    rests: tuple[Marks, ...] = ()

    @property
    def pending(self) -> bool:
        """Whether there is no answer yet."""
        failure = self.outcome.description.failure
        return failure is not None and failure.kind == PENDING

    def whole(self) -> Outcome:
        """The outcome with all marks."""
        if not self.rests:
            return self.outcome
        marks = Marks()
        marks.extend(Marks.of(self.outcome.marks))
        for rest in self.rests:
            marks.extend(rest)
        return replace(self.outcome, marks=marks)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a day has come to, for a thread to make a timeline of."""

    request: Request
    info: SourceInfo
    slots: tuple[Slot, ...]
    position: float
    lost: tuple[Lost, ...]
    absent: tuple[Lost, ...]
    skipped: tuple[Lost, ...]
    conditions: tuple[Condition, ...]
    alerts: dict[str, tuple[str, ...]]
    flags: tuple[str, ...]
    gone_before: int
    parts: tuple[Recording, ...]
    decoded: int
    wall: float
    waited: float
    billed: float = 0.0
    latency: tuple[float, float] | None = None

    def folded(self) -> tuple[Tally, Folded]:
        """What the day has come to, without a summary. Linear in what there is."""
        folding = Folding(publish.prices(self.request))
        for slot in self.slots:
            folding.add(slot.whole())
        tally = Tally(
            duration=self.position,
            decoded=self.decoded,
            lost=self.lost,
            absent=self.absent,
            skipped=self.skipped,
            flags=self.flags,
        )
        folded = folding.finish(tally, thinned=_BEHIND if self.skipped else THINNED)
        events = publish.told(folded.events)
        events = self._with_measured(events)
        if self.gone_before:
            events = tuple(_without_pictures(event, self.gone_before) for event in events)
        if self.alerts:
            events = tuple(replace(each, alerts=self.alerts[each.id]) if each.id in self.alerts else each for each in events)
        # The last pictures may not be counted yet.
        tally = replace(tally, decoded=max(self.decoded, folded.sampled))
        return tally, replace(folded, events=events)

    def timeline(self, whole: tuple[Tally, Folded] | None = None, summed: Summed | None = None) -> Timeline:
        """The whole document, with the summary that was asked for, or one by rule."""
        tally, folded = whole or self.folded()
        if summed is None:
            unseen = sum(span.end - span.start for span in folded.coverage if span.state not in {"described", "unchanged"})
            summed = Summed(summarize.plain(folded.events, self.position, unseen=unseen))
        timeline, _ = publish.timeline_of(
            self.request,
            replace(self.info, parts=self.parts),
            tally,
            folded,
            summed,
            wall=self.wall,
            waited=self.waited,
            billed_seconds=self.billed,
        )
        p50, p95 = self.latency or (None, None)
        timing = timeline.timing.model_copy(update={"latency_p50": p50, "latency_p95": p95})
        return timeline.model_copy(update={"timing": timing})

    def _with_measured(self, events: tuple[Event, ...]) -> tuple[Event, ...]:
        if not self.conditions:
            return events
        made = [event for each in self.conditions if (event := self._measured(each)) is not None]
        return tuple(sorted([*events, *made], key=lambda event: (event.start, event.end, event.id)))

    def _measured(self, condition: Condition) -> Event | None:
        """The event of a condition, as far as the day reaches; its evidence is the picture that stands for its first frame."""
        found = self._mark_of(condition)
        if found is None:
            return None
        mark, before, pictures = found
        end = min(self.position, condition.end if condition.end is not None else self.position)
        if mark.time > end or (mark.time == end and end < self.position):
            return None
        stands = mark.frame if mark.kept else mark.same_as
        evidence = Evidence(frame=mark.frame, time=mark.time, picture=pictures.get(stands) if stands is not None else None)
        return Event(
            id=f"m{mark.frame:08d}-{condition.kind}",
            origin="measured",
            start=mark.time,
            end=end,
            start_after=min(before, mark.time),
            end_before=end,
            title=_TITLES[condition.kind],
            description=_TOLD[condition.kind],
            tags=("camera fault", condition.kind),
            evidence=(evidence,),
            flags=("measured by the program, told by no model",),
        )

    def _mark_of(self, condition: Condition) -> tuple[Mark, float, dict[int, str | None]] | None:
        """The first sample at or after a condition's first frame, the time of the one before it, and the pictures known by then."""
        before = 0.0
        pictures: dict[int, str | None] = {}
        for slot in self.slots:
            marks = slot.whole().marks
            pictures.update((each.frame, each.picture) for each in slot.outcome.shown if not each.zoom)
            if not len(marks) or marks[-1].frame < condition.frame:
                before = marks[-1].time if len(marks) else before
                continue
            for mark in marks:
                if mark.frame >= condition.frame:
                    return mark, before, pictures
                before = mark.time
        return None


def _without_pictures(event: Event, gone_before: int) -> Event:
    if not event.evidence or event.evidence[0].frame >= gone_before:
        return event
    evidence = tuple(replace(each, picture=None) if each.frame < gone_before else each for each in event.evidence)
    return replace(event, evidence=evidence)
