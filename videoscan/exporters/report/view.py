"""What the HTML report says, worked out as values that its template only has to print.

Places on the time bar are percentages of the source's duration, as text, because the bar is as wide as the window it is read in.
"""

from __future__ import annotations

import bisect
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from videoscan import attributes, timecode
from videoscan.exporters import wording
from videoscan.exporters.pictures import inline, link
from videoscan.spending import money
from videoscan.summary import overview

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from videoscan.document import Chapter, Event, Evidence, Timeline
    from videoscan.exporters.pictures import Inlined
    from videoscan.exporters.wording import Run, State

LANES = 4
"""Events at the same time lie below each other, up to here; what is more shares the last lane."""

MANY = 200
"""More events than this are laid out by the browser only when they come near."""

AT_ONCE = 100
"""Where there are many, this number of them is in the page when it opens; the browser adds the rest while it has nothing else to do."""

ZOOMS = (1, 4, 16)
"""How many windows wide the bar can be drawn; report.js has the same."""

_GRAIN = 1500
"""Stretches that were looked at and are shorter than this part of the duration are drawn together: a screen has no more pixels.
What was not looked at is always drawn for itself."""

_FEW = 8
"""Values of a field up to which each has a button to filter by; what has more is found by text."""

_BOOKKEEPING = ("joined with window", attributes.NOT_ASKED)
"""Flags that stand in the timeline and that a reviewer has no use for: that windows told it together, that a model told too much."""

_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of the bar."""

    x: str
    width: str
    state: State
    title: str


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on the bar's scale. Minor ones are left out where there is little room, `level` says from which zoom on it shows."""

    x: str
    text: str
    wall: str | None
    level: int
    minor: bool


@dataclass(frozen=True, slots=True)
class Shot:
    """An evidence picture. Without `picture` there is only `link` (relative to the folder), or neither."""

    time: str
    wall: str | None
    frame: int
    picture: Inlined | None
    link: str | None
    box: tuple[float, float, float, float] | None
    """x, y, width and height in 0..100 of the picture."""


@dataclass(frozen=True, slots=True)
class EventView:
    """An event, its times in words, its place on the bar, and its pictures, the telling one first."""

    event: Event
    anchor: str
    when: str
    wall: str | None
    length: str
    bounds: str | None
    x: str
    width: str
    lane: int
    badges: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    shots: tuple[Shot, ...]
    more: str | None


@dataclass(frozen=True, slots=True)
class Twice:
    """A window that was asked about twice: when, why, and what the second look came to."""

    when: str
    why: str
    came: str


@dataclass(frozen=True, slots=True)
class QuietView:
    """A stretch between two events in which nothing happened, in words."""

    when: str
    wall: str | None
    what: str


Piece: TypeAlias = "tuple[str, str | None]"
"""Words of a text, and the anchor of the event that they cite, if they do."""


@dataclass(frozen=True, slots=True)
class Report:
    """Everything the template prints that the timeline does not say itself."""

    name: str
    line: str
    facts: tuple[tuple[str, str], ...]
    looked_at: str
    gaps: tuple[Run, ...]
    twice: tuple[Twice, ...]
    nothing: str
    summary: tuple[Piece, ...]
    chapters: tuple[tuple[Chapter, tuple[Piece, ...]], ...]
    """Each with its summary in pieces."""
    highlights: tuple[EventView, ...]
    """The events to look at first, ranked."""
    count: str
    quiet: Mapping[int, tuple[QuietView, ...]]
    """By the place of the event that they come before; behind the last, by their number."""
    events: tuple[EventView, ...]
    stretches: tuple[Stretch, ...]
    legend: tuple[tuple[State, str], ...]
    ticks: tuple[Tick, ...]
    long: bool
    """So many events that the browser should not lay them all out at once."""
    at_once: int
    """How many events the page holds when it opens."""
    lanes: int
    tags: tuple[tuple[str, int], ...]
    values: tuple[tuple[str, tuple[tuple[str, int], ...]], ...]
    """Fields that have few values, each with those that occur and how often."""
    day_second: int | None
    """Wall time of second 0, in seconds since that day's midnight, for the read-out under the pointer."""


def report(timeline: Timeline, folder: str | None, *, budget: int, long_side: int, pictures_per_event: int) -> Report:
    """Work it out. Reads pictures from `folder` when there is one; see `pictures.inline` for `budget` and `long_side`."""
    chosen = [_chosen(event.evidence, pictures_per_event) for event in timeline.events]
    uses: dict[str, int] = {}
    # The first picture of every event comes before the second of any, so that a tight budget still shows each event.
    for rank in range(pictures_per_event):
        for shown in chosen:
            if len(shown) > rank and (picture := shown[rank].picture):
                uses[picture] = uses.get(picture, 0) + 1
    inlined = inline(uses, folder, budget=budget, long_side=long_side) if folder else {}

    lanes = _lanes(timeline.events)
    events = tuple(
        _event_view(timeline, event, number, lane, shown, inlined)
        for number, (event, lane, shown) in enumerate(zip(timeline.events, lanes, chosen, strict=True), start=1)
    )
    by_id = {view.event.id: view for view in events}
    anchors = {id_: view.anchor for id_, view in by_id.items()}

    def pieces(text: str | None) -> tuple[Piece, ...]:
        split = wording.cited(wording.prose(text), timeline)
        return tuple((words, anchors[event.id] if event else None) for words, event in split)

    tags: dict[str, int] = {}
    for event in timeline.events:
        for tag in dict.fromkeys(event.tags):
            tags[tag] = tags.get(tag, 0) + 1
    values = [(name, _counted(events, name)) for name in wording.fields(timeline)]
    states = {span.state for span in timeline.coverage}
    begins = timecode.wall(timeline.source.clock, 0)
    return Report(
        name=wording.name(timeline),
        line=" · ".join(_line(timeline)),
        facts=tuple(_facts(timeline)),
        looked_at=wording.looked_at(timeline),
        gaps=tuple(wording.gaps(timeline)),
        twice=tuple(_twice(timeline)),
        nothing=wording.nothing_happened(timeline),
        summary=pieces(timeline.summary),
        chapters=tuple((chapter, pieces(chapter.summary)) for chapter in timeline.chapters),
        highlights=tuple(by_id[event.id] for event in wording.highlights(timeline)),
        count=wording.count(timeline),
        quiet=_quiet(timeline),
        events=events,
        stretches=tuple(_stretches(timeline)),
        legend=tuple((state, text) for state, text in wording.STATES.items() if state in states),
        ticks=tuple(ticks(timeline.source.duration, timeline.source.clock)),
        long=len(events) > MANY,
        at_once=AT_ONCE if len(events) > MANY else len(events),
        lanes=max(lanes, default=0) + 1,
        tags=tuple(sorted(tags.items(), key=lambda item: (-item[1], item[0]))[:16]),
        values=tuple((name, counted) for name, counted in values if 1 < len(counted) <= _FEW),
        day_second=begins.hour * 3600 + begins.minute * 60 + begins.second if begins else None,
    )


def _quiet(timeline: Timeline) -> dict[int, tuple[QuietView, ...]]:
    starts = [event.start for event in timeline.events]
    found: dict[int, tuple[QuietView, ...]] = {}
    for quiet in overview.still(timeline.events, timeline.coverage) if starts else ():
        walls = [wording.wall(timeline.source, at) for at in (quiet.start, quiet.end)]
        shown = QuietView(wording.span(quiet.start, quiet.end), "–".join(filter(None, walls)) or None, quiet.what)
        place = bisect.bisect_left(starts, quiet.end)
        found[place] = (*found.get(place, ()), shown)
    return found


def _counted(events: Iterable[EventView], name: str) -> tuple[tuple[str, int], ...]:
    """The values of a field in words, the commonest first, and of how many events."""
    counts: dict[str, int] = {}
    for words in (words for view in events for key, words in view.facts if key == name):
        counts[words] = counts.get(words, 0) + 1
    return tuple(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _twice(timeline: Timeline) -> Iterable[Twice]:
    for window in timeline.windows:
        look = window.second_look
        if look is not None:
            error, told = look.second.error, [event.title for event in look.second.events]
            came = f"no second answer: {error.message}" if error is not None else "; ".join(told) or "nothing to tell of"
            yield Twice(wording.span(look.start, look.end), look.reason, came)


def _line(timeline: Timeline) -> Iterable[str]:
    source = timeline.source
    yield timecode.length(source.duration)
    if begins := timecode.wall_short(source.clock, 0, date=True):
        yield f"{begins} – {wording.wall(source, source.duration)}"
    yield f"described by {wording.described_by(timeline)}"


def _facts(timeline: Timeline) -> Iterable[tuple[str, str]]:
    source, usage, frames = timeline.source, timeline.usage, timeline.frames
    yield "Source", wording.file_name(source.uri)
    if source.camera:
        yield "Camera", source.camera
    yield "Duration", timecode.clock(source.duration)
    rate = f", {source.fps:.5g} fps" if source.fps else ""
    yield "Picture", f"{source.width} × {source.height}{rate}"
    if len(source.parts) > 1:
        yield "Joined from", f"{len(source.parts)} recordings"
    yield "Describer", wording.described_by(timeline)
    if asked := wording.question(timeline):
        yield "Question", asked
    decoded = f"{frames.decoded:,} decoded, " if frames.decoded is not None else ""
    yield "Frames", f"{decoded}{frames.sampled:,} looked at, {frames.kept:,} kept"
    if usage.requests:
        retries = f" and {usage.retries:,} retries" if usage.retries else ""
        yield "Sent", f"{usage.images:,} pictures ({usage.image_bytes / 1e6:.1f} MB) in {usage.requests:,} requests{retries}"
    if usage.prompt_tokens is not None or usage.completion_tokens is not None:
        yield "Tokens", f"{usage.prompt_tokens or 0:,} in, {usage.completion_tokens or 0:,} out"
    if usage.cost is not None:
        yield "Cost", f"{money.money(usage.cost.amount, usage.cost.currency)} (prices of {usage.cost.prices_as_of})"
    yield "Made", f"{timeline.created.replace('T', ' ')[:19]}, videoscan {timeline.videoscan}"


def percent(seconds: float, duration: float) -> str:
    """A place on the bar, as SVG takes it."""
    return f"{min(100.0, max(0.0, 100 * seconds / duration if duration > 0 else 0.0)):.3f}%"


def _stretches(timeline: Timeline) -> Iterable[Stretch]:
    duration = timeline.source.duration
    grain = duration / _GRAIN

    def drawn(run: Run) -> Stretch:
        told = f"{wording.STATES[run.state]}, {wording.span(run.start, run.end)}" if run.known else run.sentence
        return Stretch(percent(run.start, duration), percent(run.end - run.start, duration), run.state, told)

    pending: list[Run] = []
    for run in wording.runs(timeline):
        if pending and not (run.known and run.end - pending[0].start < grain):
            yield drawn(_together(pending))
            pending = []
        if run.known and run.end - run.start < grain:
            pending.append(run)
        else:
            yield drawn(run)
    if pending:
        yield drawn(_together(pending))


def _together(known: list[Run]) -> Run:
    """One run in place of several short ones, in the state that most of its time had."""
    start, end = known[0].start, known[-1].end
    described = sum(run.end - run.start for run in known if run.state == "described")
    return wording.Run(start, end, "described" if described * 2 >= end - start else "unchanged")


def ticks(duration: float, clock: str | None = None) -> Iterable[Tick]:
    """Ticks for the whole at a glance, and finer ones between them that show when the bar is drawn 4 or 16 times as wide."""
    steps: list[int] = []
    for zoom in ZOOMS:
        step = next((step for step in _STEPS if duration / step <= 9 * zoom), _STEPS[-1])
        if not steps or (step < steps[-1] and steps[-1] % step == 0):
            steps.append(step)
        else:
            # The next size would not meet the coarser ticks: better none between.
            steps.append(steps[-1])
    for number in range(int(duration / steps[-1]) + 1):
        at = number * steps[-1]
        level = next(level for level, step in enumerate(steps) if at % step == 0)
        # A label at the very end would hang over the edge.
        if at <= duration * (1 - 0.03 / ZOOMS[level]):
            wall = timecode.wall_short(clock, at)
            short = wall[:5] if wall and steps[level] >= 60 else wall
            yield Tick(percent(at, duration), timecode.short(at), short, level, minor=at // steps[0] % 2 == 1 and level == 0)


def _lanes(events: Iterable[Event]) -> list[int]:
    ends = [float("-inf")] * LANES
    lanes = []
    for event in events:
        lane = next((lane for lane, end in enumerate(ends) if end <= event.start), LANES - 1)
        ends[lane] = max(ends[lane], event.end)
        lanes.append(lane)
    return lanes


def _chosen(evidence: tuple[Evidence, ...], most: int) -> list[Evidence]:
    """Up to `most`, spread over the event; first the one that tells most: the first with a region, else the first with a picture."""
    if not evidence or most < 1:
        return []
    shown = [one for one in evidence if one.picture] or list(evidence)
    lead = next((one for one in shown if one.region), shown[0])
    rest = [one for one in shown if one is not lead]
    if len(rest) > most - 1:
        rest = [rest[round(i * (len(rest) - 1) / max(1, most - 2))] for i in range(most - 1)]
    return [lead, *rest]


def _event_view(
    timeline: Timeline, event: Event, number: int, lane: int, shown: list[Evidence], inlined: dict[str, Inlined]
) -> EventView:
    source = timeline.source
    duration = source.duration
    left = len(event.evidence) - len(shown)
    return EventView(
        event=event,
        # An id that could not stand in a fragment as it is gives way to a number.
        anchor=f"event-{event.id}" if re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", event.id) else f"event-{number}-",
        when=wording.span(event.start, event.end),
        wall=wording.wall(source, event.start),
        length=timecode.length(event.end - event.start),
        bounds=_bounds(event),
        x=percent(event.start, duration),
        width=percent(event.end - event.start, duration),
        lane=lane,
        badges=tuple(_badges(event, wording.replay_of(event, timeline))),
        facts=tuple((str(key), words) for key, value in event.attributes.items() if (words := wording.in_words(value))),
        shots=tuple(_shot(timeline, one, inlined) for one in shown),
        more=f"and {left} more frame{'s' if left > 1 else ''}" if left else None,
    )


def _bounds(event: Event) -> str | None:
    if event.start - event.start_after < 1 or event.origin == "person":
        return None
    return f"began after {timecode.short(event.start_after)}"


def _badges(event: Event, again: str | None) -> Iterable[str]:
    if again:
        yield f"shows again {again}"
    if event.subject:
        yield f"subject: {event.subject}"
    if event.origin == "measured":
        yield "measured by the program"
    if event.origin == "person":
        yield "added by a person"
    if event.review and event.review.state != "added":
        yield f"{event.review.state} by {event.review.by or 'a person'}"
    yield from (f"alert: {rule}" for rule in event.alerts)
    yield from (flag for flag in event.flags if not flag.startswith(_BOOKKEEPING))


def _shot(timeline: Timeline, evidence: Evidence, inlined: dict[str, Inlined]) -> Shot:
    box = None
    if evidence.region:
        x0, y0, x1, y1 = (100 * edge for edge in evidence.region)
        box = (round(min(x0, x1), 2), round(min(y0, y1), 2), round(abs(x1 - x0), 2), round(abs(y1 - y0), 2))
    return Shot(
        time=timecode.short(evidence.time),
        wall=wording.wall(timeline.source, evidence.time),
        frame=evidence.frame,
        picture=inlined.get(evidence.picture or ""),
        link=link(evidence.picture),
        box=box,
    )
