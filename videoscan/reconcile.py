"""Neighbouring windows tell some things twice, and long ones in parts; here they become one event, with the union of their evidence.

The rules are deterministic. Two tellings are one event when their words are like enough and either

- they cite a picture that both windows showed, which weighs most, or
- the first reaches to its window's last picture and the second begins with the next one that was shown: it goes on.

So two different things in one picture stay two, and so do two like ones with a picture between them that shows neither. What was
joined, and on what ground, is written into the event's flags.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from rapidfuzz import fuzz

from videoscan import attributes, replays
from videoscan.document import Event, Evidence

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from videoscan.model import Box, Shown, Told

# Likeness of titles, 0..100 (rapidfuzz's token_set_ratio: word order and repeated words do not count). Two tellings of one event
# by one model rarely fall under 55; different events of one picture rarely pass 70 unless they share their tags as well.
_LIKE = 70.0
_LIKE_WITH_TAGS = 50.0
_MOMENTS = frozenset({"cut", "light", "moved"})
"""Tags of measurements that are over in a moment."""
# A model that was given names to go on with copies them, but for a letter or an article.
_NAMED = 85.0

# No likeness of letters tells "enters the room" from "leaves the room" (86 of 100): words that exclude each other do. Stems, by
# the beginning of a word; for Chinese by the character. What only one of two titles says is looked up on either side.
_EXCLUDE: tuple[tuple[frozenset[str], frozenset[str]], ...] = tuple(
    (frozenset(one.split()), frozenset(other.split()))
    for one, other in (
        ("arriv enter come coming approach", "leav exit depart"),
        ("open", "clos shut"),
        ("start begin", "stop end finish"),
        ("on", "off"),
        ("in into inside", "out outside"),
        ("up", "down"),
        ("left", "right"),
        ("sit sits sat sitting", "stand stood"),
        ("pick take takes took taking remov", "put puts putting plac drop"),
        ("入 进 来 到", "离 出 走"),
        ("开", "关"),
        ("亮", "灭"),
        ("左", "右"),
        ("上", "下"),
    )
)
_COLOURS = frozenset(
    ["black", "white", "grey", "silver", "red", "blue", "green", "yellow", "orange", "brown", "purple", "pink", "beige"]
)


Place: TypeAlias = tuple[int, int]
"""A window's index, and the place of an event among those that it told."""


@dataclass(frozen=True, slots=True)
class Follows:
    """An event says that it goes on from one that an earlier window told, which the model was given by `name`."""

    name: str
    place: Place


@dataclass(slots=True)
class Candidate:
    """An event in the making. `evidence` is in order of time and never empty. `told_as` are all tellings that became part of it."""

    title: str
    description: str
    tags: tuple[str, ...]
    origin: Literal["model", "measured"]
    confidence: float | None
    importance: float | None
    attributes: dict[str, Any]
    evidence: list[Evidence]
    windows: list[int]
    flags: list[str]
    aliases: list[int] = field(default_factory=list)
    continues: str | None = None
    told_as: list[Place] = field(default_factory=list)
    follows: Follows | None = None

    @classmethod
    def of(cls, told: Told, window: int, shown: Sequence[tuple[Shown, Box | None]]) -> Candidate:
        """What one window told, with the pictures it was told from; a region that was told goes before one that was measured."""
        return cls(
            title=" ".join(told.title.split()) or "Untitled",
            description=told.description,
            tags=told.tags,
            origin=told.origin,
            confidence=told.confidence,
            importance=told.importance,
            attributes=dict(told.attributes),
            evidence=[
                Evidence(frame=one.frame, time=round(one.time, 6), picture=one.picture, region=region or one.region)
                for one, region in shown
            ],
            windows=[window],
            flags=list(told.flags),
            continues=told.continues,
        )

    def order(self) -> tuple[float, float, str]:
        """Events in order of start, then of last evidence, then by title."""
        return (self.evidence[0].time, self.evidence[-1].time, self.title)

    def shares(self, other: Candidate) -> list[int]:
        """The frames both rest on."""
        mine = {evidence.frame for evidence in self.evidence}
        return [evidence.frame for evidence in other.evidence if evidence.frame in mine]

    def likeness(self, other: Candidate) -> float:
        """How much the words agree, 0..100; 0 where the kinds of statement differ."""
        if self.origin != other.origin:
            return 0.0
        if self.origin == "measured":
            # The program's own words: the first tag says what was measured, the title's numbers differ from window to window.
            return 100.0 if self.tags[:1] == other.tags[:1] else 0.0
        title = fuzz.token_set_ratio(self.title.casefold(), other.title.casefold())
        body = fuzz.token_set_ratio(self.description.casefold(), other.description.casefold()) if self.description else 0.0
        return float(max(title, min(title + 20, body)))

    def absorb(self, other: Candidate, ground: Ground | str) -> None:
        """Take over what another window told of the same event, and note on what ground."""
        known = {evidence.frame for evidence in self.evidence}
        self.evidence.extend(evidence for evidence in other.evidence if evidence.frame not in known)
        self.evidence.sort(key=lambda evidence: evidence.frame)
        self.windows = sorted({*self.windows, *other.windows})
        self.tags = tuple(dict.fromkeys((*self.tags, *other.tags)))
        before = self.importance or 0.0
        self.confidence = _most(self.confidence, other.confidence)
        self.importance = _most(self.importance, other.importance)
        self.attributes, changed = attributes.joined(self.attributes, other.attributes)
        self.told_as += other.told_as
        self.flags.append(f"joined with window {other.windows[-1]}: {ground}")
        self.flags.extend(changed)
        self.flags.extend(flag for flag in other.flags if flag not in self.flags)
        if self.origin == "measured":
            # Title and description are one measurement's words: the more telling window's, both of them.
            if before < (other.importance or 0.0):
                self.title, self.description = other.title, other.description
        elif len(other.description) > len(self.description):
            self.description = other.description
        if other.evidence[0].frame != self.evidence[0].frame:
            self.aliases.append(other.evidence[0].frame)

    def event(self, *, id: str, start: float, end: float, start_after: float) -> Event:  # noqa: A002 - the timeline's own field
        """The finished event, with the times that were looked up for it."""
        return Event(
            id=id,
            aliases=tuple(f"e{frame:08d}" for frame in self.aliases),
            origin=self.origin,
            start=start,
            end=end,
            start_after=start_after,
            end_before=end,
            title=self.title,
            description=self.description,
            tags=self.tags,
            confidence=self.confidence,
            importance=self.importance,
            attributes=self.attributes,
            evidence=tuple(self.evidence),
            windows=tuple(self.windows),
            flags=tuple(self.flags),
        )


def _most(one: float | None, other: float | None) -> float | None:
    return max((value for value in (one, other) if value is not None), default=None)


@dataclass(frozen=True, slots=True)
class Telling:
    """What one window told. `last` is the last frame it showed, `fresh` the first one that no window before it had shown.

    `severed`: between the last frame of the window before and `fresh` lies something that nobody described, so nothing goes on across it.
    """

    candidates: list[Candidate]
    last: int | None = None
    fresh: int | None = None
    severed: bool = False


@dataclass(frozen=True, slots=True)
class Ground:
    """Why two tellings are one event. Grounds compare by their weight."""

    shared: tuple[int, ...]
    likeness: float
    named: bool = False

    @property
    def weight(self) -> tuple[bool, bool, float, int]:
        """Pictures that both cite weigh most, then that the model said so, then the words."""
        return (bool(self.shared), self.named, self.likeness, len(self.shared))

    def __str__(self) -> str:
        if self.shared:
            what = f"shared frame{'s' if len(self.shared) > 1 else ''} {', '.join(map(str, self.shared[:3]))}"
        else:
            what = "told as still going on" if self.named else "it goes on from one window's last picture to the next one's first"
        return f"{what}, likeness {self.likeness:.0f}"


def reconcile(windows: Iterable[Telling]) -> list[Candidate]:
    """Join what neighbouring windows told twice, or in parts. `windows` come in order; so does what is returned.

    What an event says it follows, by a name that the model was given, goes first. Of the rest only candidates of neighbouring windows
    are compared, best ground first, so the work grows with the number of windows.
    """
    done: list[Candidate] = []
    known: dict[Place, Candidate] = {}
    before = Telling([])
    for told in windows:
        fresh = _without_repeats(told.candidates)
        pairs = sorted(
            (
                (ground.weight, -old, -new, ground)
                for old, candidate in enumerate(before.candidates)
                for new, other in enumerate(fresh)
                if (ground := _ground(candidate, other, before, told)) is not None
            ),
            key=lambda pair: pair[:3],
            reverse=True,
        )
        taken_new = _followed(fresh, known)
        taken_old = {old for old, candidate in enumerate(before.candidates) if _in(candidate, taken_new.values())}
        for _, old, new, ground in pairs:
            if -old in taken_old or -new in taken_new:
                continue
            before.candidates[-old].absorb(fresh[-new], ground)
            taken_old.add(-old)
            taken_new[-new] = before.candidates[-old]
        done.extend(candidate for place, candidate in enumerate(fresh) if place not in taken_new)
        before = replace(told, candidates=[taken_new.get(place, candidate) for place, candidate in enumerate(fresh)])
        known.update({place: candidate for candidate in before.candidates for place in candidate.told_as})
    return done


def _followed(fresh: Sequence[Candidate], known: Mapping[Place, Candidate]) -> dict[int, Candidate]:
    """Join what follows an earlier event to it; of two that follow one, the likelier. Places in `fresh`, and what they became part of."""
    taken: dict[int, Candidate] = {}
    claims = [
        (earlier.likeness(candidate), -place, earlier, candidate.follows)
        for place, candidate in enumerate(fresh)
        if candidate.follows is not None
        and (earlier := known.get(candidate.follows.place)) is not None
        and _replay(earlier) is _replay(candidate)
    ]
    for _, minus_place, earlier, follows in sorted(claims, key=lambda claim: claim[:2], reverse=True):
        candidate = fresh[-minus_place]
        if _in(earlier, taken.values()):
            candidate.flags.append(f"continues {follows.name!r}, which another event does already")
        else:
            earlier.absorb(candidate, f"continues {follows.name!r}")
            taken[-minus_place] = earlier
    return taken


def _in(candidate: Candidate, others: Iterable[Candidate]) -> bool:
    return any(candidate is other for other in others)


def _ground(one: Candidate, other: Candidate, before: Telling, now: Telling) -> Ground | None:
    """Why the two are one event; `None` when they are not. A replay shows play again, it is never part of it."""
    if _replay(one) is not _replay(other):
        return None
    shared = tuple(one.shares(other))
    if not shared and not _goes_on(one, other, before, now):
        return None
    likeness = one.likeness(other)
    named = other.continues is not None and fuzz.ratio(other.continues.casefold(), one.title.casefold()) >= _NAMED
    if (named and not shared) or _same(one, other, likeness):
        return Ground(shared, likeness, named=named)
    return None


def _replay(candidate: Candidate) -> bool:
    return candidate.origin == "model" and replays.is_one(candidate.title, candidate.tags, candidate.attributes)


def _goes_on(one: Candidate, other: Candidate, before: Telling, now: Telling) -> bool:
    """Whether the one is in sight in its window's last picture, and the other in the next that was shown, with nothing unknown between."""
    if now.severed or now.fresh is None or one.evidence[-1].frame != before.last or other.evidence[0].frame > now.fresh:
        return False
    if one.origin == "measured" == other.origin:
        # Measurements have no subject but their place; and what is over in a moment happens again, it does not go on.
        return not _MOMENTS.intersection(one.tags) and _meet(one.evidence[-1].region, other.evidence[0].region)
    return True


def _meet(one: Box | None, other: Box | None) -> bool:
    if one is None or other is None:
        return one is other
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _same(one: Candidate, other: Candidate, likeness: float) -> bool:
    enough = _LIKE_WITH_TAGS if set(one.tags) & set(other.tags) else _LIKE
    return likeness >= enough and not (one.origin == "model" and _exclude(one.title, other.title))


def _exclude(one: str, other: str) -> bool:
    """Whether two titles say what cannot both be said of one event: opposite words, other numbers, other colours."""
    first, second = (set(_WORD.findall(title.casefold())) for title in (one, other))
    mine, theirs = first - second, second - first

    def says(words: set[str], stems: frozenset[str]) -> bool:
        # Short words must match whole: "on" is not the beginning of "one".
        return any(
            word.startswith(stem) if len(stem) > 3 or not stem.isascii() else word == stem for word in words for stem in stems
        )

    opposite = any((says(mine, a) and says(theirs, b)) or (says(mine, b) and says(theirs, a)) for a, b in _EXCLUDE)
    numbers = [{word for word in words if word.isdecimal()} for words in (mine, theirs)]
    colours = [words & _COLOURS for words in (mine, theirs)]
    return opposite or all(numbers) or all(colours)


# A run of letters or digits; of a script that sets no spaces, each character.
_WORD = re.compile(r"[0-9]+|[\u2e80-\u9fff]|[^\W0-9_\u2e80-\u9fff]+")


def _without_repeats(told: list[Candidate]) -> list[Candidate]:
    """One answer that says the same thing of the same pictures twice has said it once."""
    kept: list[Candidate] = []
    for candidate in told:
        frames = [evidence.frame for evidence in candidate.evidence]
        twin = next(
            (
                old
                for old in kept
                if [evidence.frame for evidence in old.evidence] == frames and old.title.casefold() == candidate.title.casefold()
            ),
            None,
        )
        if twin is None:
            kept.append(candidate)
        else:
            twin.flags.append("told twice in one answer")
            twin.told_as += candidate.told_as
            twin.follows = twin.follows or candidate.follows
    return kept


def excludes(one: str, other: str) -> bool:
    """Whether two titles cannot be of one event: opposite words, other numbers, other colours."""
    return _exclude(one, other)
