"""Holds a timeline against the truth: what was missed, what was made up, how far off the times are, what was told twice.

Pure. Words count only where a likeness is asked for. An event of the timeline that a person rejected is not part of it. Events
tagged `cut` are told apart: they are held against the truth's cuts and gradual changes, where it has any. So are replays
(`videoscan.folding.replays`): one shows again what happened, so it recalls no event but a true replay, and where the truth names no replays a told
one is neither right nor wrong, and never a duplicate. A measurement says that something moves, of play or of its replay, and may be about either.

- A true event is **recalled** when an event of the timeline overlaps it, its slack included (and its words are like enough).
- An event of the timeline is **right** when it overlaps a true one in this sense, a minor one too.
- Right events and true ones are then paired one to one, as many as can be, those that agree best in time first. What is right
  and left over is a **duplicate**; what is recalled and left over was **merged** with another into one event.
- **Errors** of start and end are between a true event and the one it is paired with, or for a merged one the one that overlaps it most.
- A start is **bounded** when the true one lies in ``[start_after, start]``, where the timeline says that it must; slack is allowed.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rapidfuzz import fuzz

from videoscan.folding import replays
from videoscan.truth import TrueEvent, Truth

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from videoscan.document import Event, Timeline

CUT = "cut"
CUT_SLACK = 1.0
"""Seconds; a cut is found when an event tagged so begins no farther from it: samplers look once or twice a second."""


@dataclass(frozen=True, slots=True)
class Score:
    """How well events were told. Shares are in 0..1, errors in seconds; `None` where there is nothing to divide by.

    `true` counts the events that had to be told, `recalled` those that were; `told` what the timeline tells and `right` how much of it is
    so. `duplicates` and `merged` count events; `bounded` counts true starts that lie where the timeline says they must.
    """

    true: int = 0
    recalled: int = 0
    told: int = 0
    right: int = 0
    duplicates: int = 0
    merged: int = 0
    bounded: int = 0
    start_errors: tuple[float, ...] = ()
    end_errors: tuple[float, ...] = ()

    def __add__(self, other: Score) -> Score:
        return Score(*(getattr(self, name) + getattr(other, name) for name in Score.__dataclass_fields__))

    @property
    def recall(self) -> float | None:
        """The share of true events that were told."""
        return _ratio(self.recalled, self.true)

    @property
    def precision(self) -> float | None:
        """The share of what was told that is so."""
        return _ratio(self.right, self.told)

    @property
    def start_error(self) -> float | None:
        """Mean absolute error of the starts of recalled events."""
        return _mean(self.start_errors)

    @property
    def end_error(self) -> float | None:
        """Mean absolute error of the ends of recalled events."""
        return _mean(self.end_errors)

    @property
    def repeated(self) -> float | None:
        """Duplicates per true event that was recalled."""
        return _ratio(self.duplicates, self.recalled) if self.recalled else (0.0 if not self.duplicates else None)

    def record(self) -> dict[str, Any]:
        """For programs."""
        return {
            "true": self.true,
            "recalled": self.recalled,
            "recall": _round(self.recall),
            "told": self.told,
            "right": self.right,
            "precision": _round(self.precision),
            "start_error": _round(self.start_error),
            "end_error": _round(self.end_error),
            "largest_start_error": _round(max(self.start_errors, default=None)),
            "largest_end_error": _round(max(self.end_errors, default=None)),
            "bounded": self.bounded,
            "duplicates": self.duplicates,
            "duplicates_per_event": _round(self.repeated),
            "merged": self.merged,
        }


@dataclass(frozen=True, slots=True)
class Cuts:
    """How well changes of shot were told."""

    true: int = 0
    found: int = 0
    told: int = 0
    right: int = 0

    def __add__(self, other: Cuts) -> Cuts:
        return Cuts(self.true + other.true, self.found + other.found, self.told + other.told, self.right + other.right)

    @property
    def f1(self) -> float | None:
        """The harmonic mean of recall and precision."""
        recall, precision = _ratio(self.found, self.true), _ratio(self.right, self.told)
        if recall is None or precision is None:
            return None
        return 2 * recall * precision / (recall + precision) if recall + precision else 0.0

    def record(self) -> dict[str, Any]:
        """For programs."""
        return {"true": self.true, "found": self.found, "told": self.told, "right": self.right, "f1": _round(self.f1)}


@dataclass(frozen=True, slots=True)
class Verdict:
    """A timeline (or several together) against the truth.

    `replays` counts the told replays that the truth says nothing about. `covered` and `seconds` are the time that rests on a description, and all of it. `missed` are the true events nobody told, `invented`
    the events that are not so, with the source each is of; `by_tag` has a score for every tag of a true event.
    """

    events: Score = Score()
    cuts: Cuts = Cuts()
    replays: int = 0
    covered: float = 0.0
    seconds: float = 0.0
    by_tag: Mapping[str, Score] = field(default_factory=dict)
    missed: tuple[tuple[str, TrueEvent], ...] = ()
    invented: tuple[tuple[str, Event], ...] = ()

    def __add__(self, other: Verdict) -> Verdict:
        tags = dict(self.by_tag)
        for tag, score in other.by_tag.items():
            tags[tag] = tags.get(tag, Score()) + score
        return Verdict(
            self.events + other.events,
            self.cuts + other.cuts,
            self.replays + other.replays,
            self.covered + other.covered,
            self.seconds + other.seconds,
            tags,
            self.missed + other.missed,
            self.invented + other.invented,
        )

    @property
    def coverage(self) -> float | None:
        """The share of time that is described, or unchanged from what is described."""
        return self.covered / self.seconds if self.seconds else None

    def record(self) -> dict[str, Any]:
        """For programs."""
        return {
            **self.events.record(),
            "coverage": _round(self.coverage),
            "replays": self.replays,
            "cuts": self.cuts.record() if self.cuts.true or self.cuts.told else None,
            "by_tag": {tag: score.record() for tag, score in sorted(self.by_tag.items())},
            "missed": [
                {"source": source, "start": true.start, "end": true.end, "what": true.what} for source, true in self.missed
            ],
            "invented": [
                {"source": source, "id": told.id, "start": told.start, "end": told.end, "title": told.title}
                for source, told in self.invented
            ],
        }


def judge(truth: Truth, timeline: Timeline, *, likeness: float | None = None, tags: Sequence[str] = ()) -> Verdict:
    """Hold one timeline against one truth.

    `likeness` (0..100) is how much the words of an event must agree with the truth's (rapidfuzz's token_set_ratio), `None` to go by time
    alone. With `tags`, only true events that bear one of them are demanded, and only those and events that bear one are judged.
    """
    told = [event for event in timeline.events if event.review is None or event.review.state != "rejected"]
    plain = [event for event in told if CUT not in event.tags]
    unjudged = 0 if any(map(_replay, truth.events)) else sum(map(replays.of, plain))
    if unjudged:
        plain = [event for event in plain if not replays.of(event)]
    pairs = _pairs(truth.events, plain, likeness)
    demanded = [place for place, true in enumerate(truth.events) if not true.minor and _wanted(true.tags, tags)]
    right, among = {one for _, one in pairs}, set(demanded)
    about = {one for true, one in pairs if true in among}
    counted = [place for place, event in enumerate(plain) if _wanted(event.tags, tags) or place in about]
    score, missed = _score(truth.events, plain, pairs, demanded, counted)
    by_tag = {}
    for tag in sorted({tag for place in demanded for tag in truth.events[place].tags}):
        bearing = [place for place in demanded if tag in truth.events[place].tags]
        theirs = set(bearing)
        with_tag = {one for true, one in pairs if true in theirs}
        with_tag |= {place for place, event in enumerate(plain) if tag in event.tags}
        by_tag[tag] = _score(truth.events, plain, pairs, bearing, sorted(with_tag))[0]
    source = timeline.source.uri
    return Verdict(
        events=score,
        cuts=_cuts(truth, [event for event in told if CUT in event.tags]) if not tags or CUT in tags else Cuts(),
        replays=unjudged,
        covered=sum(span.end - span.start for span in timeline.coverage if span.state in {"described", "unchanged"}),
        seconds=timeline.source.duration,
        by_tag=by_tag,
        missed=tuple((source, truth.events[place]) for place in missed),
        invented=tuple((source, plain[place]) for place in counted if place not in right),
    )


def truth_of(timeline: Timeline) -> Truth:
    """What a person said of a timeline, as a truth for others: what was accepted, edited or added is so, and what was rejected is not.

    What nobody has reviewed is neither: nobody needs to tell it, and whoever does is right. A time that no person has set may be off by
    what the timeline itself says. Shots are told by all cuts that were not rejected.
    """
    standing = [event for event in timeline.events if event.review is None or event.review.state != "rejected"]
    return Truth(
        duration=timeline.source.duration,
        events=tuple(
            TrueEvent(
                start=event.start,
                end=event.end,
                what=event.title,
                tags=event.tags,
                slack=event.start - event.start_after,
                minor=event.review is None,
            )
            for event in standing
            if CUT not in event.tags
        ),
        cuts=tuple(event.start for event in standing if CUT in event.tags),
    )


def _wanted(borne: Iterable[str], wanted: Sequence[str]) -> bool:
    return not wanted or bool(set(borne) & set(wanted))


def _pairs(true: Sequence[TrueEvent], told: Sequence[Event], likeness: float | None) -> list[tuple[int, int]]:
    """Places of a true and a told event that overlap, by a sweep over time."""
    begins = sorted(range(len(true)), key=lambda place: true[place].start - true[place].slack)
    running: list[int] = []
    due = 0
    pairs: list[tuple[int, int]] = []
    for one in sorted(range(len(told)), key=lambda place: told[place].start):
        event = told[one]
        while due < len(begins) and true[begins[due]].start - true[begins[due]].slack < max(event.end, event.start + 1e-9):
            running.append(begins[due])
            due += 1
        running = [place for place in running if true[place].end + true[place].slack > event.start]
        pairs += [
            (place, one)
            for place in running
            if true[place].start - true[place].slack < max(event.end, event.start + 1e-9) and _alike(true[place], event, likeness)
        ]
    return pairs


def _replay(true: TrueEvent) -> bool:
    return replays.is_one(true.what, true.tags, {})


def _alike(true: TrueEvent, event: Event, likeness: float | None) -> bool:
    if event.origin != "measured" and _replay(true) is not replays.of(event):
        return False
    if likeness is None or not true.what:
        return True
    words = f"{event.title} {event.description} {' '.join(event.tags)}"
    return fuzz.token_set_ratio(true.what.casefold(), words.casefold()) >= likeness


def _agreement(true: TrueEvent, event: Event) -> float:
    """Intersection over union in time; for events that only meet within slack, minus the distance between them."""
    together = min(true.end, event.end) - max(true.start, event.start)
    if together <= 0:
        return together
    return together / (max(true.end, event.end) - min(true.start, event.start))


def _score(
    true: Sequence[TrueEvent],
    told: Sequence[Event],
    pairs: Sequence[tuple[int, int]],
    demanded: Sequence[int],
    counted: Sequence[int],
) -> tuple[Score, list[int]]:
    among, of = set(demanded), set(counted)
    theirs = sorted(
        ((a, b) for a, b in pairs if a in among and b in of), key=lambda pair: -_agreement(true[pair[0]], told[pair[1]])
    )
    matched = _matching(theirs)
    best = dict(matched)
    for a, b in theirs:
        best.setdefault(a, b)
    # What also overlaps a minor event may be about that.
    minor = {b for a, b in pairs if true[a].minor or a not in among}
    right = {b for _, b in theirs}
    duplicates = right - set(matched.values()) - minor
    starts, ends, bounded = [], [], 0
    for a, b in best.items():
        event, slack = told[b], true[a].slack
        starts.append(abs(event.start - true[a].start))
        ends.append(abs(event.end - true[a].end))
        bounded += event.start_after - slack - 1e-6 <= true[a].start <= event.start + slack + 1e-6
    score = Score(
        true=len(demanded),
        recalled=len(best),
        told=len(counted),
        right=len((right | minor) & of),
        duplicates=len(duplicates),
        merged=len(best) - len(matched),
        bounded=bounded,
        start_errors=tuple(starts),
        end_errors=tuple(ends),
    )
    return score, [place for place in demanded if place not in best]


def _matching(pairs: Sequence[tuple[int, int]]) -> dict[int, int]:
    """As many pairs as can be, one to one, earlier ones of `pairs` preferred (augmenting paths; Kuhn 1955)."""
    edges: dict[int, list[int]] = {}
    mine: dict[int, int] = {}
    theirs: dict[int, int] = {}
    for a, b in pairs:
        edges.setdefault(a, []).append(b)
        if a not in mine and b not in theirs:
            mine[a], theirs[b] = b, a
    for start in edges:
        if start in mine:
            continue
        came: dict[int, int] = {}
        waiting = deque([start])
        free: int | None = None
        while waiting and free is None:
            a = waiting.popleft()
            for b in edges[a]:
                if b not in came:
                    came[b] = a
                    if b not in theirs:
                        free = b
                        break
                    waiting.append(theirs[b])
        while free is not None:  # every one on the path takes the next, which leaves nobody out
            a = came[free]
            left = mine.get(a)
            mine[a], theirs[free] = free, a
            free = left
    return mine


def _cuts(truth: Truth, told: Sequence[Event]) -> Cuts:
    starts = sorted(event.start for event in told)
    spans = [(cut - CUT_SLACK, cut + CUT_SLACK) for cut in truth.cuts]
    gradual = [(span.start - CUT_SLACK, span.end + CUT_SLACK) for span in truth.gradual]
    return Cuts(
        true=len(spans) + len(gradual),
        found=sum(any(low <= start <= high for start in starts) for low, high in (*spans, *gradual)),
        told=len(starts),
        right=sum(any(low <= start <= high for low, high in (*spans, *gradual)) for start in starts),
    )


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
