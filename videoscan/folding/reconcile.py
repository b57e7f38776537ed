"""Neighbouring windows tell some things twice, and long ones in parts; here they become one event, with the union of their evidence.

The rules are deterministic. Two tellings are one event when their words are like enough and either

- they cite a picture that both windows showed, which weighs most, or
- the first reaches to its window's last picture and the second begins with the next one that was shown: it goes on.

So two different things in one picture stay two, and so do two like ones with a picture between them that shows neither. What was
joined, and on what ground, is written into the event's flags.

Where the words are nearly like enough, or only just, or agree in nothing but the kind of subject, the pair is doubtful: a model may be
asked (`doubtful`, `videoscan.doubting.settling`), and what it says goes before the rule. Words that exclude each other, measurements and replays are never doubtful.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from rapidfuzz import fuzz

from videoscan.folding import replays
from videoscan.language import content

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from videoscan.folding.candidates import Candidate, Place
    from videoscan.model import Box

# Likeness of titles, 0..100 (rapidfuzz's token_set_ratio: word order and repeated words do not count). Two tellings of one event
# by one model rarely fall under 55; different events of one picture rarely pass 70 unless they share their tags as well.
_LIKE = 70.0
_LIKE_WITH_TAGS = 50.0
_MOMENTS = frozenset({"cut", "light", "moved"})
"""Tags of measurements that are over in a moment."""
# What lies so near those limits is doubtful ("a man tries a car door", "a person pulls at a door": 57): too unlike for the rule, too alike to
# be sure. `benchmarks/doubt.py`: at a border these bounds catch 52 of 54 wordings of one thing that the rule keeps apart, and 82 of 107 pairs of
# two things that it joins. A question costs as much as a pair of sentences, and what lies further below is nearly always two things.
_DOUBT_BELOW = 25.0
_DOUBT_ABOVE = 10.0
_NOTHING: tuple[frozenset[int], frozenset[int]] = frozenset(), frozenset()
DOUBTS_EACH = 2
"""Doubtful pairs that one telling is asked about at most, so that what is asked grows with what was told."""
# A model that was given names to go on with copies them, but for a letter or an article.
_NAMED = 85.0

Pair: TypeAlias = tuple[int, int, int]
"""A window's index, the place of a telling in the window before it, and of one in it; both count what an answer repeats once."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """Two tellings by neighbouring windows that may be one event, as each window told it."""

    pair: Pair
    one: Candidate
    other: Candidate


class Telling(NamedTuple):
    """What one window told. `last` is the last frame it showed, `fresh` the first one that no window before it had shown.

    `window` is its index. `severed`: between the last frame of the window before and `fresh` lies something that nobody described, so nothing goes on across it.
    """

    window: int
    candidates: Sequence[Candidate]
    last: int | None = None
    fresh: int | None = None
    severed: bool = False


class Ground(NamedTuple):
    """Why two tellings are one event."""

    shared: Sequence[int]
    likeness: float
    named: bool = False
    asked: bool = False
    doubtful: bool = False

    def __str__(self) -> str:
        if self.shared:
            what = f"shared frame{'s' if len(self.shared) > 1 else ''} {', '.join(map(str, self.shared[:3]))}"
        else:
            what = "told as still going on" if self.named else "it goes on from one window's last picture to the next one's first"
        said = ", and a model that was asked says it is the same" if self.asked else ""
        return f"{what}, likeness {self.likeness:.0f}{said}"


def doubtful(windows: Iterable[Telling], followed: Collection[Place] = ()) -> list[Doubt]:
    """The pairs that `reconcile` can decide only just, in order. It joins on trial, so what the windows tell is used up.

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
    events: Sequence[Candidate] = ()  # what that told, each as the event that it is by now
    as_told: Sequence[Candidate] = ()  # what the window before told, before anything was joined to it
    verdicts = verdicts or {}
    for told in windows:
        fresh = _without_repeats(told.candidates)
        meetings = _meetings(events, before.last, fresh, told)
        # Before anything is joined: that changes the words.
        grounds = [
            (ground, each)
            for each in meetings
            if (ground := _ground(each, before.window, verdicts.get((told.window, each.old, each.new)) if verdicts else None))
            is not None
        ]
        near = _near(meetings) if doubts is not None else []
        owners = _followed(fresh, known) if known else {}
        sure_old, sure_new = _joined(grounds, events, owners) if grounds or doubts is not None else _NOTHING
        if doubts is not None:
            asked = [(old, new) for old, new in near if old not in sure_old and new not in sure_new]
            doubts += [Doubt((told.window, old, new), as_told[old], fresh[new].copied()) for old, new in _few(asked)]
            as_told = [each.copied() for each in fresh]
        for place, candidate in enumerate(fresh):
            if place not in owners:
                if candidate.continues and candidate.follows is None:
                    candidate.flag(f"continues {candidate.continues!r}, which is no name that it was given")
                done.append(candidate)
        before, events = told, [owners.get(place, candidate) for place, candidate in enumerate(fresh)] if owners else fresh
        if followed:
            for candidate, owner in zip(fresh, events, strict=True):
                known.update({(told.window, each): owner for each in candidate.places if (told.window, each) in followed})
    return done


class _Meeting(NamedTuple):
    """Two tellings that may be one event, by their places: `shared` are the frames that both cite; without any, the one goes on in the other."""

    old: int
    new: int
    one: Candidate
    other: Candidate
    shared: Sequence[int]


def _meetings(before: Sequence[Candidate], last: int | None, fresh: Sequence[Candidate], now: Telling) -> list[_Meeting]:
    """The pairs that meet in time; `last` is the last frame of the window before. A replay shows play again, it is never part of it."""
    if not before or not fresh:
        return []
    first = min([each.evidence[0].frame for each in fresh])
    found = []
    for old, one in enumerate(before):
        until = one.evidence[-1].frame
        lasts = until == last and not now.severed
        if until < first and not lasts:
            continue
        for new, other in enumerate(fresh):
            shared = one.shares(other) if other.evidence[0].frame <= until else ()
            if (shared or (lasts and _goes_on(one, other, now))) and _replay(one) is _replay(other):
                found.append(_Meeting(old, new, one, other, shared))
    return found


def _joined(
    grounds: Sequence[tuple[Ground, _Meeting]], before: Sequence[Candidate], owners: dict[int, Candidate]
) -> tuple[set[int], set[int]]:
    """Join what there are grounds for, the best first, each telling once. `owners` are told what each new one became part of.

    The places, in the window before and in this one, of what is surely joined.
    """
    taken = {old for old, candidate in enumerate(before) if _in(candidate, owners.values())} if owners else set()
    sure_old, sure_new = set(taken), set(owners)
    for ground, (old, new, owner, candidate, _) in sorted(grounds, key=_best_first) if len(grounds) > 1 else grounds:
        if old in taken or new in owners:
            continue
        owner.absorb(candidate, str(ground))
        if ground.asked or owner.last is not None:
            owner.last = candidate
        taken.add(old)
        owners[new] = owner
        if not ground.doubtful:
            sure_old.add(old)
            sure_new.add(new)
    return sure_old, sure_new


def _best_first(founded: tuple[Ground, _Meeting]) -> tuple[bool, bool, float, int, int, int]:
    """Pictures that both cite weigh most, then that the model said so, then the words."""
    ground, meeting = founded
    return (not ground.shared, not ground.named, -ground.likeness, -len(ground.shared), meeting.old, meeting.new)


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


def _ground(meeting: _Meeting, window: int, verdict: bool | None) -> Ground | None:
    """Why the two are one event; `None` when they are not. `window` is the one that told the first."""
    _, _, one, other, shared = meeting
    likeness = one.likeness(other)
    named = other.continues is not None and fuzz.ratio(other.continues.casefold(), one.title.casefold()) >= _NAMED
    if named and not shared:
        return Ground(shared, likeness, named=named)
    enough = _enough(one, other)
    same = likeness >= enough and not (one.origin == "model" and one.contradicts(other))
    if verdict is not None:
        if same and not verdict:
            other.flag(f"kept apart from window {window}'s {one.title!r}: a model that was asked says it is another")
        # What it was asked about were this window's words; the event may have begun in words that exclude them.
        agreed = verdict and not one.contradicts(other)
        return Ground(shared, likeness, named=named, asked=True) if agreed else None
    return Ground(shared, likeness, named=named, doubtful=_only_just(one, other, likeness, enough)) if same else None


def _only_just(one: Candidate, other: Candidate, likeness: float, enough: float) -> bool:
    """Whether the words of two tellings that are like enough are so only just, or agree in nothing but what kind of subject it is."""
    if likeness < enough + _DOUBT_ABOVE:
        return True
    if one.title == other.title or one.origin != "model":
        return False
    return not content.shared((one.title, one.description), (other.title, other.description))


def _near(meetings: Iterable[_Meeting]) -> list[tuple[int, int]]:
    """The places of the pairs whose words are nearly like enough, or only just; those that share a picture first, then the likest."""
    found = []
    for old, new, one, other, shared in meetings:
        if one.origin != "model" or other.origin != "model":
            continue
        likeness, enough = one.likeness(other), _enough(one, other)
        if enough - _DOUBT_BELOW <= likeness and _only_just(one, other, likeness, enough) and not one.contradicts(other):
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


def _goes_on(one: Candidate, other: Candidate, now: Telling) -> bool:
    """Whether what was in sight in the last picture of the window before is so in the next that was shown."""
    if now.fresh is None or other.evidence[0].frame > now.fresh:
        return False
    if one.origin == "measured" == other.origin:
        # Measurements have no subject but their place; and what is over in a moment happens again, it does not go on.
        return not _MOMENTS.intersection(one.tags) and _meet(one.evidence[-1].region, other.evidence[0].region)
    return True


def _meet(one: Box | None, other: Box | None) -> bool:
    if one is None or other is None:
        return one is other
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _enough(one: Candidate, other: Candidate) -> float:
    return _LIKE if set(one.tags).isdisjoint(other.tags) else _LIKE_WITH_TAGS


def _without_repeats(told: Sequence[Candidate]) -> Sequence[Candidate]:
    """One answer that says the same thing of the same pictures twice has said it once."""
    if len(told) < 2 or len({(each.first_told, each.until) for each in told}) == len(told):
        return told
    kept: dict[tuple[str, int, int], Candidate] = {}
    for candidate in told:
        twin = kept.setdefault(candidate.saying(), candidate)
        if twin is not candidate:
            twin.flag("told twice in one answer")
            twin.repeats += candidate.places
            twin.follows = twin.follows or candidate.follows
    return list(kept.values())
