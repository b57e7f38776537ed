"""Whether an event meets a rule, as far as that can be told without asking anybody. Pure.

`misses` says what of a rule an event does not meet, in words for people; none is all that `ask` waits for.
"""

from __future__ import annotations

import datetime as dt
import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from videoscan import timecode
from videoscan.reviewing import selection

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from videoscan.alerts.rules import AlertRule
    from videoscan.document import Event, SourceRecord
    from videoscan.model import Box

_ALL = 0.0, math.inf


@dataclass(frozen=True, slots=True)
class Miss:
    """A condition that an event does not meet: the rule's key, and why."""

    key: str
    words: str


def misses(rule: AlertRule, event: Event, source: SourceRecord) -> tuple[Miss, ...]:
    """What of a rule an event does not meet; `ask` is not judged here."""
    return tuple(_misses(rule, event, source))


def _misses(rule: AlertRule, event: Event, source: SourceRecord) -> Iterable[Miss]:
    if event.review is not None and event.review.state == "rejected":
        yield Miss("review", f"{event.review.by or 'a person'} rejected it")
    if rule.tags and not selection.Filters(tags=rule.tags).takes(event, _ALL):
        yield Miss("tags", f"none of the tags {', '.join(rule.tags)}, but {', '.join(event.tags) or 'no tag'}")
    if rule.text:
        absent = [word for word in rule.text.split() if not selection.says(event, word)]
        if absent:
            yield Miss("text", f"does not say {', '.join(absent)}")
    if rule.region is not None and not _within(rule.region, event):
        yield Miss("region", "lies outside of the region")
    if rule.hours:
        yield from _hours(rule, event, source)
    for key, least, value in (
        ("min_confidence", rule.min_confidence, event.confidence),
        ("min_importance", rule.min_importance, event.importance),
    ):
        what = key.removeprefix("min_")
        if least is not None and value is None:
            yield Miss(key, f"its {what} is not known, and {least:g} is asked for")
        elif least is not None and value is not None and value < least:
            yield Miss(key, f"{what} {value:g} is below {least:g}")


def _hours(rule: AlertRule, event: Event, source: SourceRecord) -> Iterable[Miss]:
    begun = timecode.wall(source.origin(event.start), event.start)
    ended = timecode.wall(source.origin(event.start), event.end)
    if begun is None or ended is None:
        yield Miss("hours", "the recording has no wall clock (source.clock), so nobody knows the hour")
    elif not any(span.meet(begun, ended) for span in rule.spans):
        shown = begun.strftime("%H:%M") + (f" to {ended:%H:%M}" if ended.replace(second=0) > begun.replace(second=0) else "")
        yield Miss("hours", f"{shown} is outside of {', '.join(rule.hours)}")


def _within(region: Sequence[tuple[float, float]], event: Event) -> bool:
    if not event.evidence:
        return True
    return any(each.region is None or overlap(region, each.region) > 0 for each in event.evidence)


def overlap(polygon: Sequence[tuple[float, float]], box: Box) -> float:
    """The area that a polygon and a box have in common, in shares of the picture.

    The polygon, which may be concave, is cut along the box's four sides (Sutherland and Hodgman 1974). Where it falls into pieces the cut
    joins them by edges that lie on top of each other, which add no area.
    """
    x0, y0, x1, y1 = box
    corners = list(polygon)
    for axis, bound, sign in ((0, x0, 1.0), (0, x1, -1.0), (1, y0, 1.0), (1, y1, -1.0)):
        kept: list[tuple[float, float]] = []
        for one, other in zip(corners, [*corners[1:], *corners[:1]], strict=True):
            inside, next_inside = sign * (one[axis] - bound) >= 0, sign * (other[axis] - bound) >= 0
            if inside:
                kept.append(one)
            if inside != next_inside:
                share = (bound - one[axis]) / (other[axis] - one[axis])
                kept.append((one[0] + share * (other[0] - one[0]), one[1] + share * (other[1] - one[1])))
        corners = kept
    pairs = itertools.pairwise([*corners, *corners[:1]])
    area = sum(ax * by - bx * ay for (ax, ay), (bx, by) in pairs) / 2
    return abs(area) if abs(area) > 1e-12 else 0.0


def place(event: Event, source: SourceRecord) -> float:
    """When an event begins, for the limit of repeats: seconds of the epoch by the wall clock, else of the recording's own clock."""
    wall = timecode.wall(source.origin(event.start), event.start)
    if wall is None:
        return event.start
    return (wall if wall.tzinfo else wall.replace(tzinfo=dt.UTC)).timestamp()


def silent(rule: AlertRule, at: float, last: float | None) -> bool:
    """Whether a rule that told of something that began at `last` says nothing of what begins at `at` (both as `place` gives them)."""
    return last is not None and rule.repeat_after > 0 and abs(at - last) < rule.repeat_after


def camera_of(source: SourceRecord) -> str:
    """What a recording's camera is called in alerts: its name, else the recording's."""
    if source.camera:
        return source.camera
    return source.uri.rstrip("/\\").replace("\\", "/").rpartition("/")[2] or source.uri
