"""Holds a deduplicator's decisions to a made scene's truth: nothing that happens is missed, little of what is quiet is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from videoscan.model import Mark
    from videoscan.testing.disturbances.truth import Event, Truth

SETTLING = 30.0
"""Seconds at the start of a scene in which a deduplicator may still be learning what is normal there."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether an event's begin and its end were seen. An end that lies beyond the scene counts as seen."""

    event: Event
    begin: bool
    end: bool


@dataclass(frozen=True, slots=True)
class Judgement:
    """How the decisions about a scene's samples fared.

    `wrong` are the times of dropped samples that show another state of affairs than the kept one that stands for them:
    seconds in which something happened that a reader of the kept frames would never know of. `quiet` counts the samples in which
    nothing happens and nothing just ended, once the scene has settled; `quiet_kept` those that were kept all the same.
    `settling` and `settling_kept` are the same for the first `SETTLING` seconds.
    """

    verdicts: tuple[Verdict, ...]
    wrong: tuple[float, ...]
    samples: int
    kept: int
    quiet: int
    quiet_kept: int
    settling: int
    settling_kept: int

    @property
    def missed_begins(self) -> tuple[Event, ...]:
        """Demanded events whose begin was not seen."""
        return tuple(verdict.event for verdict in self.verdicts if not verdict.begin)

    @property
    def missed_ends(self) -> tuple[Event, ...]:
        """Demanded events whose end was not seen."""
        return tuple(verdict.event for verdict in self.verdicts if not verdict.end)

    @property
    def quiet_share(self) -> float:
        """The share of the quiet samples that was kept, 0..1."""
        return self.quiet_kept / self.quiet if self.quiet else 0.0


def judge(marks: Iterable[Mark], truth: Truth, every: float, *, settling: float = SETTLING) -> Judgement:
    """Judge the marks of a scene that was sampled once in `every` seconds.

    A begin is seen when a frame is kept from the event's first appearance to one step after it is whole in sight; an end when one is
    kept from one step before it begins to go to one step after it is gone, or when, the event having been kept, a dropped frame up to
    then says that it is the same as one from before the event. Minor events are neither demanded nor quiet.
    """
    marks = list(marks)
    when = {mark.frame: mark.time for mark in marks}
    verdicts = tuple(_verdict(event, marks, when, every) for event in truth.demanded)
    still = [mark for mark in marks if _is_quiet(mark.time, truth, every)]
    early = [mark for mark in still if mark.time < settling]
    late = [mark for mark in still if mark.time >= settling]
    return Judgement(
        verdicts,
        wrong=tuple(mark.time for mark in marks if mark.same_as is not None and _differ(truth, mark.time, when[mark.same_as])),
        samples=len(marks),
        kept=sum(mark.kept for mark in marks),
        quiet=len(late),
        quiet_kept=sum(mark.kept for mark in late),
        settling=len(early),
        settling_kept=sum(mark.kept for mark in early),
    )


def _is_quiet(time: float, truth: Truth, every: float) -> bool:
    # The first sample of a quiet stretch shows for the first time that what was there is gone: news.
    return any(start + every <= time < end for start, end in truth.quiet)


def _verdict(event: Event, marks: list[Mark], when: dict[int, float], every: float) -> Verdict:
    slack = 1e-6
    kept = [mark.time for mark in marks if mark.kept]
    ending = [mark for mark in marks if event.end - every - slack <= mark.time <= event.gone + every + slack]
    known = any(event.appears < time < event.gone for time in kept)
    back = (mark.same_as is not None and mark.time >= event.end and when[mark.same_as] <= event.appears for mark in ending)
    return Verdict(
        event,
        begin=any(event.appears - slack <= time <= event.start + every + slack for time in kept),
        end=event.lasting or any(mark.kept for mark in ending) or (known and any(back)),
    )


def _differ(truth: Truth, time: float, other: float) -> bool:
    """Whether an event is wholly in sight at one of two times and not at all at the other."""
    return any({event.shows(time), event.shows(other)} == {True, False} for event in truth.demanded)
