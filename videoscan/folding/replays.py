"""Replays: showings of what was told already. They are evidence of the play that they show again, and no new event.

Pure. A broadcast shows a goal three times; counted, it is one. What a model tells as a replay stays in the timeline, is never joined with
play, names the event that it shows again where one can be told, and counts nowhere: not among highlights, nor in a summary.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any

from rapidfuzz import fuzz

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from videoscan.document import Event

TAG = "replay"
"""The tag that every replay has."""
FIELD = "replay_of"
"""The field of `prompt.fields` in which a model names the play that a replay shows again, by its title."""
ALONE = "a replay of nothing that was told before it: what it shows may have been missed"
"""The flag of a replay without an event that it shows again."""

_TAGS = frozenset({TAG, "replays", "instant replay", "slow-motion replay", "wiederholung", "回放", "重放", "重播"})
_TITLE = re.compile(
    r"(?:instant |slow[- ]motion |slow-mo )?(?:replay\b|wiederholung\b|回放|重放|重播)(?:\s*(?:[:：–-]|of\b))?\s*", re.IGNORECASE
)
_LIKE = 70.0
"""Likeness of titles (rapidfuzz's token_set_ratio, 0..100) from which a replay shows an event again; as for two tellings of one."""
_REACH = 180.0
"""Seconds before a replay in which to look for what it shows, unless it is named: later, a like title is likelier another play."""
_MOST = 500
"""Events before a replay that are compared with it."""


def is_one(title: str, tags: Collection[str], attributes: Mapping[str, Any]) -> bool:
    """Whether an event is told as a replay: by a tag, by the name of what it shows, or by how its title begins."""
    if attributes and attributes.get(FIELD):
        return True
    return _said_to_be(title) or not _TAGS.isdisjoint(map(str.casefold, tags))


@functools.lru_cache(maxsize=1024)
def _said_to_be(title: str) -> bool:
    return _TITLE.match(title.strip()) is not None


def of(event: Event) -> bool:
    """Whether an event of a timeline is a replay."""
    return is_one(event.title, event.tags, event.attributes)


def traced(events: Sequence[Event], *, excludes: Callable[[str, str], bool]) -> tuple[Event, ...]:
    """The same events, each replay with its tag and, as `replay_of`, the id of the event before it that it shows again.

    That is the one which the model named; without a name the last one of a like title within three minutes. `excludes` tells that two
    titles cannot be of one event (other teams, other numbers). `events` are in order of start.
    """
    traced_: list[Event] = []
    for place, event in enumerate(events):
        if not of(event):
            traced_.append(event)
            continue
        changes: dict[str, Any] = {}
        if TAG not in event.tags:
            changes["tags"] = (*event.tags, TAG)
        original = _original(event, events[max(0, place - _MOST) : place], excludes)
        if original is not None:
            changes["replay_of"] = original.id
        else:
            changes["flags"] = (*event.flags, ALONE)
        traced_.append(event.model_copy(update=changes))
    return tuple(traced_)


def _original(replay: Event, before: Sequence[Event], excludes: Callable[[str, str], bool]) -> Event | None:
    named = replay.attributes.get(FIELD)
    title = _TITLE.sub("", str(named or replay.title), count=1).strip().casefold()
    if not title:
        return None
    best: tuple[float, float] | None = None
    found: Event | None = None
    for event in reversed(before):
        if not named and replay.start - event.end > _REACH:
            continue
        if of(event) or excludes(title, event.title):
            continue
        likeness = fuzz.token_set_ratio(title, event.title.casefold())
        if likeness < _LIKE:
            continue
        # A name may be of any play before; a title that was only made alike is of the last one.
        rank = (likeness if named else 0.0, event.start)
        if best is None or rank > best:
            best, found = rank, event
    return found
