"""What rules would have told of timelines that there are already. Pure: nobody is asked, nobody is told."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from videoscan import timecode
from videoscan.alerts.judging import camera_of, misses, place, silent

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from videoscan.alerts.judging import Miss
    from videoscan.alerts.rules import AlertRule
    from videoscan.document import Event, Timeline

MOST_MISSES = 1000
"""Near misses of a rule that are kept of one timeline."""

Outcome = Literal["sent", "silent", "asked"]
"""Sent; met, within the rule's `repeat_after`; a question to the model stands between."""


@dataclass(frozen=True, slots=True)
class Alert:
    """What a rule does on an event. `why` says more where nothing is sent for certain. `wall` is ISO 8601, `None` without a clock."""

    rule: AlertRule
    event: Event
    camera: str
    outcome: Outcome
    why: str | None
    wall: str | None


@dataclass(frozen=True, slots=True)
class NearMiss:
    """An event that a rule does not take, and what of the rule it does not meet."""

    rule: AlertRule
    event: Event
    camera: str
    missed: tuple[Miss, ...]
    wall: str | None


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of one timeline, in order of time; misses as `nearest` sorts them."""

    timeline: Timeline
    alerts: tuple[Alert, ...]
    misses: tuple[NearMiss, ...]


def tried(timelines: Iterable[Timeline], rules: Sequence[AlertRule]) -> list[Trial]:
    """Judge timelines in the order in which they are given: the limit of repeats runs on from one to the next of a camera.

    A question counts as answered where the timeline's own scan says so; else it is left open, and sets no limit.
    """
    last: dict[tuple[str, str], float] = {}
    trials = []
    for timeline in timelines:
        source = timeline.source
        camera = camera_of(source)
        alerts: list[Alert] = []
        missed: list[NearMiss] = []
        for event in timeline.events:
            wall = timecode.wall_iso(source.origin(event.start), event.start)
            at = place(event, source)
            for rule in rules:
                unmet = misses(rule, event, source)
                if unmet:
                    missed.append(NearMiss(rule, event, camera, unmet, wall))
                    continue
                before = last.get((camera, rule.name))
                outcome: Outcome = "sent"
                why: str | None = None
                if silent(rule, at, before):
                    outcome = "silent"
                    why = f"{timecode.length(abs(at - (before or 0.0)))} after the last one, and repeat_after is {rule.repeat_after:g} s"
                elif rule.ask is not None and rule.name not in event.alerts:
                    outcome, why = "asked", f"if the model says yes to: {rule.ask}"
                else:
                    last[camera, rule.name] = at
                alerts.append(Alert(rule, event, camera, outcome, why, wall))
        trials.append(Trial(timeline, tuple(alerts), nearest(missed)))
    return trials


def nearest(missed: Iterable[NearMiss], most: int = MOST_MISSES) -> tuple[NearMiss, ...]:
    """Of each rule the `most` events that miss the fewest of its conditions, the most important and surest first."""
    by_rule: dict[str, list[NearMiss]] = defaultdict(list)
    for each in missed:
        by_rule[each.rule.name].append(each)

    def far(each: NearMiss) -> tuple[int, float, float, float]:
        event = each.event
        return len(each.missed), -(event.importance or 0.0), -(event.confidence or 0.0), event.start

    return tuple(each for found in by_rule.values() for each in sorted(found, key=far)[:most])
