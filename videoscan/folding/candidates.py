"""Events in the making: what one window told, and what other windows' tellings of the same event add to it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from rapidfuzz import fuzz

from videoscan import attributes
from videoscan.document import Event
from videoscan.language.opposites import excludes
from videoscan.slotted import maker

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from videoscan.document import Evidence

_event = maker(Event)

Place: TypeAlias = tuple[int, int]
"""A window's index, and the place of an event among those that it told."""


@dataclass(frozen=True, slots=True)
class Follows:
    """An event says that it goes on from one that an earlier window told, which the model was given by `name`."""

    name: str
    place: Place


@dataclass(slots=True)
class Candidate:
    """An event in the making. `evidence` is in order of time and never empty.

    `first_told` is the first frame that its first telling cited, and `until` the last; whatever is joined to it later changes nothing about
    that, so ids stay as they were issued. `place` is where it stands in its window's answer, `repeats` where that says the same again.

    Nearly all are told once, so what grows when tellings are joined is a tuple until then.
    """

    title: str
    description: str
    tags: tuple[str, ...]
    origin: Literal["model", "measured"]
    confidence: float | None
    importance: float | None
    attributes: dict[str, Any]
    evidence: Sequence[Evidence]
    windows: Sequence[int]
    flags: Collection[str]
    continues: str | None
    follows: Follows | None
    place: int | None
    first_told: int
    until: int
    aliases: Sequence[int] = ()
    repeats: tuple[int, ...] = ()
    changed: set[str] | None = None
    """The fields of `attributes` whose first value is in a flag, once two tellings with attributes have been joined."""
    last: Candidate | None = None
    """The last telling that was joined to it, where a model's word has joined tellings in unlike words: then these count as well."""

    def copied(self) -> Candidate:
        """The same, for joining on trial: whatever is joined to it leaves this one alone."""
        return replace(
            self,
            evidence=tuple(self.evidence),
            windows=tuple(self.windows),
            flags=tuple(self.flags),
            aliases=tuple(self.aliases),
            changed=None if self.changed is None else set(self.changed),
        )

    @property
    def places(self) -> tuple[int, ...]:
        """All its places."""
        return self.repeats if self.place is None else (self.place, *self.repeats)

    def number(self) -> tuple[int, int, int, str]:
        """How those that began with one frame are told apart by their ids: by window, by what was told of them there, by words."""
        return (self.first_told, self.windows[0], self.until, self.title)

    def flag(self, *words: str) -> None:
        """Write down what was corrected or is doubtful; each once."""
        if not isinstance(self.flags, dict):
            self.flags = dict.fromkeys(self.flags)
        self.flags.update(dict.fromkeys(words))

    def saying(self) -> tuple[str, int, int]:
        """What one window says of which of its pictures: those from a first to a last, for it tells of no others."""
        return (self.title.casefold(), self.evidence[0].frame, self.evidence[-1].frame)

    def shares(self, other: Candidate) -> list[int]:
        """The frames both rest on."""
        first = other.evidence[0].frame
        if first > self.evidence[-1].frame:
            return []
        mine = {evidence.frame for evidence in self.evidence[self._from(first) :]}
        return [evidence.frame for evidence in other.evidence if evidence.frame in mine]

    def _from(self, frame: int) -> int:
        """The place of the first evidence that is not before `frame`. What is looked for is near the end, however long this lasts."""
        place = len(self.evidence)
        while place and self.evidence[place - 1].frame >= frame:
            place -= 1
        return place

    def likeness(self, other: Candidate) -> float:
        """How much the words agree, 0..100; 0 where the kinds of statement differ."""
        own = self._likeness(other)
        return own if self.last is None else max(own, self.last.likeness(other))

    def contradicts(self, other: Candidate) -> bool:
        """Whether the titles exclude each other."""
        return excludes(self.title, other.title) or (self.last is not None and excludes(self.last.title, other.title))

    def _likeness(self, other: Candidate) -> float:
        if self.origin != other.origin:
            return 0.0
        if self.origin == "measured":
            # The program's own words: the first tag says what was measured, the title's numbers differ from window to window.
            return 100.0 if self.tags[:1] == other.tags[:1] else 0.0
        if self.title == other.title:
            return 100.0
        title = fuzz.token_set_ratio(self.title.casefold(), other.title.casefold())
        if title == 100.0 or not self.description:
            return float(title)
        body = fuzz.token_set_ratio(self.description.casefold(), other.description.casefold())
        return float(max(title, min(title + 20, body)))

    def absorb(self, other: Candidate, ground: str) -> None:
        """Take over what another window told of the same event, and note on what ground.

        Costs what `other` holds, not what this one holds by now: an event may last for all of a hundred thousand windows.
        """
        if other.first_told != self.first_told:
            if not isinstance(self.aliases, list):
                self.aliases = list(self.aliases)
            self.aliases.append(other.first_told)
        if not isinstance(self.evidence, list):
            self.evidence = list(self.evidence)
        if other.evidence[0].frame > self.evidence[-1].frame:
            self.evidence.extend(other.evidence)
        else:
            place = self._from(other.evidence[0].frame)
            both = {evidence.frame: evidence for evidence in (*other.evidence, *self.evidence[place:])}
            self.evidence[place:] = [both[frame] for frame in sorted(both)]
        self._add_windows(other.windows)
        if other.tags != self.tags:
            self.tags = tuple(dict.fromkeys((*self.tags, *other.tags)))
        before = self.importance or 0.0
        self.confidence = _most(self.confidence, other.confidence)
        self.importance = _most(self.importance, other.importance)
        changed: dict[str, str] = {}
        if other.attributes:
            if self.changed is None:
                self.changed = attributes.changed_in(self.flags)
            self.attributes, changed = attributes.joined(self.attributes, other.attributes, self.changed)
        if self.changed is not None:
            self.changed |= {*changed, *attributes.changed_in(other.flags)}
        self.flag(f"joined with window {other.windows[-1]}: {ground}", *changed.values(), *other.flags)
        if self.origin == "measured":
            # Title and description are one measurement's words: the more telling window's, both of them.
            if before < (other.importance or 0.0):
                self.title, self.description = other.title, other.description
        elif len(other.description) > len(self.description):
            self.description = other.description

    def _add_windows(self, windows: Sequence[int]) -> None:
        if not isinstance(self.windows, list):
            self.windows = list(self.windows)
        if windows[0] > self.windows[-1]:
            self.windows.extend(windows)
        elif list(windows) != self.windows[-len(windows) :]:
            self.windows = sorted({*self.windows, *windows})

    def event(self, *, id: str, aliases: Sequence[str], end: float, start_after: float) -> Event:  # noqa: A002 - the timeline's own field
        """The finished event, with the id and the times that were looked up for it."""
        return _event(
            id,
            tuple(aliases),
            self.origin,
            self.evidence[0].time,
            end,
            start_after,
            end,
            self.title,
            self.description,
            self.tags,
            self.confidence,
            self.importance,
            self.attributes,
            tuple(self.evidence),
            tuple(self.windows),
            (),
            tuple(self.flags),
            None,
            None,
            None,
        )


def _most(one: float | None, other: float | None) -> float | None:
    if one is None or other is None:
        return other if one is None else one
    return max(one, other)
