"""Recurring subjects keep one name within a timeline: "man with red coat" is called "person in red jacket", as he was at first. Pure.

A name says what somebody or something looks like, in a model's own words, and nothing about who it is: a second person in a red jacket
goes by the same name. So it is a way to find and to count what looks alike, no recognition.

Two ways to tell a subject get one name only where that is sure:

- they have a mark in common (a garment and its colour, a vehicle's colour, a number plate), and nothing told of the one speaks against the
  other (a man, a woman; another colour of the same garment; another kind of vehicle);
- no window tells of both: a model that looks at them together and words them differently may mean two;
- it is not open which is meant: "person in red jacket" stays by itself where both "man in red jacket" and "woman in red jacket" are told.

The name is the earliest way it was told; every other way is flagged with the reason.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rapidfuzz import fuzz

from videoscan.folding import replays
from videoscan.language import appearance

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from videoscan.document import Event
    from videoscan.language.appearance import Appearance, Trait

_SAME_WORDS = 95.0
"""Likeness of names, 0..100 (rapidfuzz's ratio), from which they differ by a slip of the pen and need no explanation."""

_MOST = 200
"""Ways to tell of one mark from which on none is compared: so many are of more than one subject."""


@dataclass(slots=True)
class _Told:
    """One way to tell a subject: the name, the event that used it first, the windows and events that used it."""

    name: str
    first: str
    windows: set[int] = field(default_factory=set)
    events: int = 0


def named(events: Sequence[Event]) -> tuple[Event, ...]:
    """The same events, those of a subject that recurs with its name as `subject`. `events` are in order of start.

    Linear in the events; ways to tell a subject are compared where they have a mark in common, and the words known here make few of them.
    """
    read = [_read(event) for event in events]
    ways: dict[Appearance, _Told] = {}
    for event, found in zip(events, read, strict=True):
        if found is not None:
            told = ways.setdefault(found[1], _Told(found[0], event.id))
            told.windows.update(event.windows)
            told.events += 1
    names = _names(ways)
    count: dict[str, int] = defaultdict(int)
    for way, (first, _) in names.items():
        count[ways[first].first] += ways[way].events
    named_ = []
    for event, found in zip(events, read, strict=True):
        if found is None or count[ways[names[found[1]][0]].first] < 2:
            named_.append(event)
            continue
        first, marks = names[found[1]]
        changes: dict[str, object] = {"subject": ways[first].name}
        if found[1] != first and fuzz.ratio(found[0].casefold(), ways[first].name.casefold()) < _SAME_WORDS:
            changes["flags"] = (
                *event.flags,
                f"{found[0]!r} is called {ways[first].name!r}, as in {ways[first].first}: {_in_words(marks)}",
            )
        named_.append(event.model_copy(update=changes))
    return tuple(named_)


def _read(event: Event) -> tuple[str, Appearance] | None:
    """What a model's event says of its subject; a measurement has none, and a replay shows one again that was counted."""
    if event.origin != "model" or replays.of(event):
        return None
    return appearance.read(event.title, event.attributes)


def _names(ways: dict[Appearance, _Told]) -> dict[Appearance, tuple[Appearance, frozenset[Trait]]]:
    """For each way to tell a subject the earliest one that is surely of the same, and the marks in common; often itself."""
    order = {way: place for place, way in enumerate(ways)}
    marked: dict[tuple[str, frozenset[str], Trait], list[Appearance]] = defaultdict(list)
    for way in ways:
        for mark in way.marks:
            marked[way.kind, way.other, mark].append(way)
    near = {
        way: {
            other
            for mark in way.marks
            for other in _few(marked[way.kind, way.other, mark])
            if other != way and way.agrees(other) and ways[way].windows.isdisjoint(ways[other].windows)
        }
        for way in ways
    }
    # Who agrees with two that do not agree with each other could be either.
    clear = {way for way, others in near.items() if all(others <= near[other] | {other} for other in others)}
    names = {}
    for way in ways:
        same = {other for other in near[way] if other in clear} if way in clear else set()
        first = min({way, *same}, key=order.__getitem__)
        names[way] = (first, first.agrees(way))
    return names


def _few(ways: Sequence[Appearance]) -> Sequence[Appearance]:
    return ways if len(ways) <= _MOST else ()


def _in_words(marks: Iterable[Trait]) -> str:
    """What two ways have in common."""
    parts = [
        f"plate {which}" if what == "plate" else which if what == "colour" else f"{which} {what}" for what, which in sorted(marks)
    ]
    return f"both tell of {' and '.join(parts)}, and nothing speaks against it"
