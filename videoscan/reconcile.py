"""Neighbouring windows tell some things twice, and long ones in parts; here they become one event, with the union of their evidence.

The rules are deterministic. Two tellings are one event when their words are like enough and either

- they cite a picture that both windows showed, which weighs most, or
- the first reaches to its window's last picture and the second begins with the next one that was shown: it goes on.

So two different things in one picture stay two, and so do two like ones with a picture between them that shows neither. What was
joined, and on what ground, is written into the event's flags.

Where the words are nearly like enough, or only just, the pair is doubtful: a model may be asked (`doubtful`, `videoscan.settling`),
and what it says goes before the rule. Words that exclude each other, measurements and replays are never doubtful.
"""

from __future__ import annotations

import functools
import operator
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from rapidfuzz import fuzz

from videoscan import attributes, replays
from videoscan.document import Event

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from videoscan.document import Evidence
    from videoscan.model import Box, Told

# Likeness of titles, 0..100 (rapidfuzz's token_set_ratio: word order and repeated words do not count). Two tellings of one event
# by one model rarely fall under 55; different events of one picture rarely pass 70 unless they share their tags as well.
_LIKE = 70.0
_LIKE_WITH_TAGS = 50.0
_MOMENTS = frozenset({"cut", "light", "moved"})
"""Tags of measurements that are over in a moment."""
# What lies so near those limits is doubtful ("a man tries a car door", "a person pulls at a door": 57): too unlike for the rule, too alike to
# be sure. The bounds are a judgement, not a measurement: what lies further below would ask about nearly everything.
_DOUBT_BELOW = 25.0
_DOUBT_ABOVE = 10.0
DOUBTS_EACH = 2
"""Doubtful pairs that one telling is asked about at most, so that what is asked grows with what was told."""
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

Pair: TypeAlias = tuple[int, int, int]
"""A window's index, the place of a telling in the window before it, and of one in it; both count what an answer repeats once."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """Two tellings by neighbouring windows that may be one event, as each window told it."""

    pair: Pair
    one: Candidate
    other: Candidate


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
    last: Candidate | None = None
    """The last telling that was joined to it, where a model's word has joined tellings in unlike words: then these count as well."""

    @classmethod
    def of(cls, told: Told, window: int, place: int, evidence: tuple[Evidence, ...], follows: Follows | None = None) -> Candidate:
        """What one window told at one place of its answer, with what it was told from."""
        return cls(
            " ".join(told.title.split()) or "Untitled",
            told.description,
            told.tags,
            told.origin,
            told.confidence,
            told.importance,
            told.attributes,
            evidence,
            (window,),
            told.flags,
            told.continues,
            follows,
            place,
            evidence[0].frame,
            evidence[-1].frame,
        )

    def copied(self) -> Candidate:
        """The same, for joining on trial: whatever is joined to it leaves this one alone."""
        return replace(
            self,
            evidence=tuple(self.evidence),
            windows=tuple(self.windows),
            flags=tuple(self.flags),
            aliases=tuple(self.aliases),
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
        title = fuzz.token_set_ratio(self.title.casefold(), other.title.casefold())
        body = fuzz.token_set_ratio(self.description.casefold(), other.description.casefold()) if self.description else 0.0
        return float(max(title, min(title + 20, body)))

    def absorb(self, other: Candidate, ground: Ground | str) -> None:
        """Take over what another window told of the same event, and note on what ground.

        Costs what `other` holds, not what this one holds by now: an event may last for all of a hundred thousand windows.
        """
        if other.first_told != self.first_told:
            if not isinstance(self.aliases, list):
                self.aliases = list(self.aliases)
            self.aliases.append(other.first_told)
        if not isinstance(self.evidence, list):
            self.evidence = list(self.evidence)
        place = self._from(other.evidence[0].frame)
        both = {evidence.frame: evidence for evidence in (*other.evidence, *self.evidence[place:])}
        self.evidence[place:] = [both[frame] for frame in sorted(both)]
        self._add_windows(other.windows)
        if not set(other.tags).issubset(self.tags):
            self.tags = tuple(dict.fromkeys((*self.tags, *other.tags)))
        before = self.importance or 0.0
        self.confidence = _most(self.confidence, other.confidence)
        self.importance = _most(self.importance, other.importance)
        changed: list[str] = []
        if other.attributes:
            self.attributes, changed = attributes.joined(self.attributes, other.attributes, self.flags)
        self.flag(f"joined with window {other.windows[-1]}: {ground}", *changed, *other.flags)
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
        return Event.unchecked(
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
        )


def _most(one: float | None, other: float | None) -> float | None:
    return max((value for value in (one, other) if value is not None), default=None)


@dataclass(frozen=True, slots=True)
class Telling:
    """What one window told. `last` is the last frame it showed, `fresh` the first one that no window before it had shown.

    `window` is its index. `severed`: between the last frame of the window before and `fresh` lies something that nobody described, so nothing goes on across it.
    """

    window: int
    candidates: Sequence[Candidate]
    last: int | None = None
    fresh: int | None = None
    severed: bool = False


@dataclass(frozen=True, slots=True)
class Ground:
    """Why two tellings are one event. Grounds compare by their weight."""

    shared: tuple[int, ...]
    likeness: float
    named: bool = False
    asked: bool = False
    doubtful: bool = False

    @property
    def weight(self) -> tuple[bool, bool, float, int]:
        """Pictures that both cite weigh most, then that the model said so, then the words."""
        return (bool(self.shared), self.named, self.likeness, len(self.shared))

    def __str__(self) -> str:
        if self.shared:
            what = f"shared frame{'s' if len(self.shared) > 1 else ''} {', '.join(map(str, self.shared[:3]))}"
        else:
            what = "told as still going on" if self.named else "it goes on from one window's last picture to the next one's first"
        said = ", and a model that was asked says it is the same" if self.asked else ""
        return f"{what}, likeness {self.likeness:.0f}{said}"


_WEIGHT = operator.itemgetter(0, 1, 2)


def doubtful(windows: Iterable[Telling], followed: Collection[Place] = ()) -> list[Doubt]:
    """The pairs that `reconcile` can decide only just, in order. Joins on trial, so give it copies (`Candidate.copied`).

    Left out is a pair of which one is surely part of another event.
    """
    found: list[Doubt] = []
    reconcile(windows, followed, doubts=found)
    return found


def reconcile(
    windows: Iterable[Telling],
    followed: Collection[Place] = (),
    *,
    verdicts: Mapping[Pair, bool] | None = None,
    doubts: list[Doubt] | None = None,
) -> list[Candidate]:
    """Join what neighbouring windows told twice, or in parts. `windows` come in order; so does what is returned.

    `followed` are all tellings that others say they follow. `verdicts` say of doubtful pairs whether they are one event; `doubts` is
    given what pairs there are of these.

    What an event says it follows, by a name that the model was given, goes first. Of the rest only candidates of neighbouring windows
    are compared, best ground first, so the work grows with the number of windows, however long an event lasts.
    """
    done: list[Candidate] = []
    known: dict[Place, Candidate] = {}
    before = Telling(-1, ())
    last: Sequence[Candidate] = ()
    verdicts = verdicts or {}
    for told in windows:
        fresh = _without_repeats(told.candidates) if len(told.candidates) > 1 else list(told.candidates)
        pairs = [
            (ground.weight, -old, -new, ground)
            for old, candidate in enumerate(before.candidates)
            for new, other in enumerate(fresh)
            if (ground := _ground(candidate, other, before, told, verdicts.get((told.window, old, new)))) is not None
        ]
        near = _near(before, fresh, told) if doubts is not None else []
        pairs.sort(key=_WEIGHT, reverse=True)
        taken_new = _followed(fresh, known) if known else {}
        taken_old = {old for old, candidate in enumerate(before.candidates) if _in(candidate, taken_new.values())}
        sure_old, sure_new = set(taken_old), set(taken_new)
        for _, old, new, ground in pairs:
            if -old in taken_old or -new in taken_new:
                continue
            owner = before.candidates[-old]
            owner.absorb(fresh[-new], ground)
            if ground.asked or owner.last is not None:
                owner.last = fresh[-new]
            taken_old.add(-old)
            taken_new[-new] = owner
            if not ground.doubtful:
                sure_old.add(-old)
                sure_new.add(-new)
        if doubts is not None:
            asked = [(old, new) for old, new in near if old not in sure_old and new not in sure_new]
            doubts += [Doubt((told.window, old, new), last[old], fresh[new].copied()) for old, new in _few(asked)]
            last = [each.copied() for each in fresh]
        for place, candidate in enumerate(fresh):
            if place not in taken_new:
                if candidate.continues and candidate.follows is None:
                    candidate.flag(f"continues {candidate.continues!r}, which is no name that it was given")
                done.append(candidate)
        reached = [taken_new.get(place, candidate) for place, candidate in enumerate(fresh)]
        before = Telling(told.window, reached, told.last, told.fresh, told.severed)
        if followed:
            for candidate, owner in zip(fresh, before.candidates, strict=True):
                known.update({(told.window, each): owner for each in candidate.places if (told.window, each) in followed})
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
            candidate.flag(f"continues {follows.name!r}, which another event does already")
        else:
            earlier.absorb(candidate, f"continues {follows.name!r}")
            taken[-minus_place] = earlier
    return taken


def _in(candidate: Candidate, others: Iterable[Candidate]) -> bool:
    return any(candidate is other for other in others)


def _ground(one: Candidate, other: Candidate, before: Telling, now: Telling, verdict: bool | None) -> Ground | None:
    """Why the two are one event; `None` when they are not. A replay shows play again, it is never part of it."""
    shared = tuple(one.shares(other)) if other.evidence[0].frame <= one.evidence[-1].frame else ()
    if not shared and not _goes_on(one, other, before, now):
        return None
    if _replay(one) is not _replay(other):
        return None
    likeness = one.likeness(other)
    named = other.continues is not None and fuzz.ratio(other.continues.casefold(), one.title.casefold()) >= _NAMED
    if named and not shared:
        return Ground(shared, likeness, named=named)
    same = _same(one, other, likeness)
    if verdict is not None:
        if same and not verdict:
            other.flag(f"kept apart from window {before.window}'s {one.title!r}: a model that was asked says it is another")
        # What it was asked about were this window's words; the event may have begun in words that exclude them.
        agreed = verdict and not one.contradicts(other)
        return Ground(shared, likeness, named=named, asked=True) if agreed else None
    return Ground(shared, likeness, named=named, doubtful=likeness < _enough(one, other) + _DOUBT_ABOVE) if same else None


def _near(before: Telling, fresh: Sequence[Candidate], now: Telling) -> list[tuple[int, int]]:
    """The places of the pairs whose words are nearly like enough, or only just; those that share a picture first, then the likest."""
    found = []
    for old, one in enumerate(before.candidates):
        for new, other in enumerate(fresh):
            if one.origin != "model" or other.origin != "model" or _replay(one) is not _replay(other):
                continue
            shared = other.evidence[0].frame <= one.evidence[-1].frame and bool(one.shares(other))
            if not shared and not _goes_on(one, other, before, now):
                continue
            likeness, enough = one.likeness(other), _enough(one, other)
            if enough - _DOUBT_BELOW <= likeness < enough + _DOUBT_ABOVE and not one.contradicts(other):
                found.append((not shared, -likeness, old, new))
    return [(old, new) for _, _, old, new in sorted(found)]


def _few(pairs: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The first pairs of each telling."""
    kept: list[tuple[int, int]] = []
    for old, new in pairs:
        if max(sum(old == each for each, _ in kept), sum(new == each for _, each in kept)) < DOUBTS_EACH:
            kept.append((old, new))
    return kept


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
    return likeness >= _enough(one, other) and not (one.origin == "model" and one.contradicts(other))


def _enough(one: Candidate, other: Candidate) -> float:
    return _LIKE_WITH_TAGS if set(one.tags) & set(other.tags) else _LIKE


def excludes(one: str, other: str) -> bool:
    """Whether two titles say what cannot both be said of one event: opposite words, other numbers, other colours."""
    first, second = _words(one), _words(other)
    mine, theirs = first - second, second - first
    if not mine or not theirs:
        return False
    sides = [{side for word in words for side in _sides(word)} for words in (mine, theirs)]
    opposite = any((pair, not side) in sides[1] for pair, side in sides[0])
    numbers = [{word for word in words if word.isdecimal()} for words in (mine, theirs)]
    colours = [words & _COLOURS for words in (mine, theirs)]
    return opposite or all(numbers) or all(colours)


@functools.lru_cache(maxsize=1024)
def _words(title: str) -> frozenset[str]:
    return frozenset(_WORD.findall(title.casefold()))


@functools.lru_cache(maxsize=4096)
def _sides(word: str) -> tuple[tuple[int, bool], ...]:
    """Which pairs of opposites a word belongs to, and on which side."""
    # Short words must match whole: "on" is not the beginning of "one".
    return tuple(
        (pair, bool(side))
        for pair, sides in enumerate(_EXCLUDE)
        for side, stems in enumerate(sides)
        if any(word.startswith(stem) if len(stem) > 3 or not stem.isascii() else word == stem for stem in stems)
    )


# A run of letters or digits; of a script that sets no spaces, each character.
_WORD = re.compile(r"[0-9]+|[\u2e80-\u9fff]|[^\W0-9_\u2e80-\u9fff]+")


def _without_repeats(told: Sequence[Candidate]) -> list[Candidate]:
    """One answer that says the same thing of the same pictures twice has said it once."""
    kept: dict[tuple[str, int, int], Candidate] = {}
    for candidate in told:
        twin = kept.setdefault(candidate.saying(), candidate)
        if twin is not candidate:
            twin.flag("told twice in one answer")
            twin.repeats += candidate.places
            twin.follows = twin.follows or candidate.follows
    return list(kept.values())
