"""What every readable export says alike: what was looked at and what was not, who described it, what is worth a subtitle."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias
from urllib.parse import urlsplit

from videoscan import timecode
from videoscan.folding import replays
from videoscan.summary import overview
from videoscan.summary.summarize import CITED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from videoscan.document import Event, SourceRecord, Timeline

State: TypeAlias = Literal["described", "unchanged", "failed", "lost", "absent", "skipped"]

STATES: dict[State, str] = {
    "described": "Described from pictures",
    "unchanged": "Unchanged since a described picture",
    "failed": "Failed: the describer gave no answer",
    "lost": "Lost: could not be read",
    "skipped": "Skipped",
    "absent": "Absent: between recordings",
}
"""What each state of coverage means, in the order in which a legend lists them."""

NARROWED = "narrowed to "
"""How the flag begins by which a timeline says that it does not hold all events of its recording: a selection of them."""

_WORDS: dict[State, str] = {"failed": "Failed", "lost": "Lost", "skipped": "Skipped", "absent": "Absent"}


@dataclass(frozen=True, slots=True)
class Run:
    """Neighbouring spans of coverage that a reader sees as one: same state, same reason, whatever frame stands for them."""

    start: float
    end: float
    state: State
    reason: str | None = None

    @property
    def known(self) -> bool:
        """Whether somebody looked, directly or through a frame that looks the same."""
        return self.state in {"described", "unchanged"}

    @property
    def what(self) -> str:
        """Such as ``Lost 0:41-0:52 (11 s)``, with an en dash."""
        return f"{_WORDS.get(self.state, STATES[self.state])} {span(self.start, self.end)} ({timecode.length(self.end - self.start)})"

    @property
    def sentence(self) -> str:
        """`what` and the reason: ``Lost 0:41-0:52 (11 s): the file is damaged``."""
        return f"{self.what}: {plain(self.reason)}" if self.reason else self.what


def runs(timeline: Timeline) -> Iterator[Run]:
    """Coverage in order of time, neighbours of one state and reason joined."""
    held: Run | None = None
    for piece in timeline.coverage:
        if held and (held.state, held.reason) == (piece.state, piece.reason):
            held = Run(held.start, piece.end, held.state, held.reason)
            continue
        if held:
            yield held
        held = Run(piece.start, piece.end, piece.state, piece.reason)
    if held:
        yield held


def gaps(timeline: Timeline) -> list[Run]:
    """The stretches that nobody looked at."""
    return [run for run in runs(timeline) if not run.known]


def looked_at(timeline: Timeline) -> str:
    """One sentence: how much of what was recorded the timeline speaks for; and another, where there are times without a recording."""
    seconds = dict.fromkeys(STATES, 0.0)
    for piece in timeline.coverage:
        seconds[piece.state] += piece.end - piece.start
    absent = seconds.pop("absent")
    duration = timeline.source.duration - absent
    between = f" There is no recording of {timecode.length(absent)} between." if absent else ""
    known = seconds["described"] + seconds["unchanged"]
    if duration <= 0 or known <= 0:
        return "Nothing was looked at."
    told = f"{timecode.length(seconds['described'])} described from pictures"
    if seconds["unchanged"]:
        told += f", {timecode.length(seconds['unchanged'])} unchanged since a described picture"
    if not any(length for state, length in seconds.items() if state not in {"described", "unchanged"}):
        return f"All of {timecode.length(duration)} was looked at: {told}.{between}"
    # Rounded down: 99.97 % that reads "100 %" would deny the gap that is listed below it.
    share = int(min(known / duration, 0.9999) * 1000) / 10
    return f"{timecode.length(known)} of {timecode.length(duration)} ({share:g} %) was looked at: {told}.{between}"


def narrowed(timeline: Timeline) -> str | None:
    """Such as ``narrowed to 2 of 8 events: tag person``; `None` for a whole timeline."""
    return next((flag for flag in timeline.flags if flag.startswith(NARROWED)), None)


def nothing_happened(timeline: Timeline) -> str:
    """What a timeline without events says. It never claims more than was looked at, or than was asked for."""
    if told := narrowed(timeline):
        return f"No event is in this selection ({plain(told)})."
    missing = sum(run.end - run.start for run in gaps(timeline))
    if not timeline.coverage or missing >= timeline.source.duration:
        return "No events, because nothing was looked at."
    if missing > 0:
        return (
            f"Nothing was reported in what was looked at. {timecode.length(missing)} was not looked at, and may hold something."
        )
    return f"Nothing happened: all of {timecode.length(timeline.source.duration)} was looked at, and no event was reported."


def wall(source: SourceRecord, seconds: float) -> str | None:
    """The wall time of a moment, for people: with its date where the recording has more than one. `None` where nobody knows it."""
    first, last = (timecode.wall(source.origin(at), at) for at in (0.0, source.duration))
    dated = first is not None and last is not None and first.date() != last.date()
    return timecode.wall_short(source.origin(seconds), seconds, date=dated)


def described_by(timeline: Timeline) -> str:
    """Such as ``openai · qwen3-vl-8b at models.example``. The endpoint's host only; its address may carry a key."""
    who = timeline.describer
    if who.kind == "offline":
        return "the built-in offline describer"
    text = " · ".join(filter(None, (who.kind, who.model)))
    host = urlsplit(who.endpoint).hostname if who.endpoint else None
    return f"{text} at {host}" if host else text


def name(timeline: Timeline) -> str:
    """What a person calls the source: its camera, else the last piece of its path."""
    return timeline.source.camera or file_name(timeline.source.uri)


def file_name(uri: str) -> str:
    """The last piece of a path or URL, without query or credentials."""
    path = urlsplit(uri).path if "://" in uri else uri
    return re.split(r"[/\\]", path.rstrip("/\\"))[-1] or uri


def question(timeline: Timeline) -> str | None:
    """What was asked, when the profile asked something."""
    prompt = timeline.profile.get("prompt")
    asked = prompt.get("question") if isinstance(prompt, dict) else None
    return asked if isinstance(asked, str) and asked.strip() else None


_FEW = 5
"""Events from which highlights are worth a list of their own; fewer are read at a glance."""


def highlights(timeline: Timeline) -> list[Event]:
    """The events to look at first, ranked (`videoscan.summary.overview`); none where there are few events anyway."""
    return overview.highlights(timeline.events) if len(overview.counted(timeline.events)) >= _FEW else []


def count(timeline: Timeline) -> str:
    """How many events there are, replays told apart: ``12 events (3 of them replays)``."""
    events = timeline.events
    again = sum(map(replays.of, events))
    told = f"{len(events):,} event{'' if len(events) == 1 else 's'}"
    return f"{told} ({again:,} of them replay{'' if again == 1 else 's'})" if again else told


def replay_of(event: Event, timeline: Timeline) -> str | None:
    """What a replay shows again, with its time; `None` for all else."""
    original = next((each for each in timeline.events if each.id == event.replay_of), None) if event.replay_of else None
    return f"{timecode.short(original.start)} {plain(original.title)}" if original is not None else None


def fields(timeline: Timeline) -> list[str]:
    """The names of the attributes that its events can have: those that the profile declares, then any others, in order."""
    prompt = timeline.profile.get("prompt")
    declared = prompt.get("fields") if isinstance(prompt, dict) else None
    others = (name for event in timeline.events for name in event.attributes)
    return list(dict.fromkeys((*(declared if isinstance(declared, dict) else ()), *others)))


def in_words(value: object, between: str = ", ") -> str:
    """An attribute's value as people read it; nothing for null."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return between.join(in_words(item, between) for item in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def span(start: float, end: float) -> str:
    """``0:41-0:52`` with an en dash; one time where both print alike."""
    first, last = timecode.short(start), timecode.short(end)
    return first if first == last else f"{first}–{last}"


def standing(timeline: Timeline) -> list[Event]:
    """The events that no person rejected: what subtitles show."""
    return [event for event in timeline.events if event.review is None or event.review.state != "rejected"]


def cited(text: str | None, timeline: Timeline) -> list[tuple[str, Event | None]]:
    """A text in pieces: words, and between them each event that it cites, with the time that stands for its id."""
    events = {alias: event for event in timeline.events for alias in event.aliases}
    events |= {event.id: event for event in timeline.events}
    pieces: list[tuple[str, Event | None]] = []
    at = 0
    for found in CITED.finditer(text or ""):
        if event := events.get(found[0]):
            pieces += [(found.string[at : found.start()], None), (timecode.short(event.start), event)]
            at = found.end()
    pieces.append(((text or "")[at:], None))
    return [(words, event) for words, event in pieces if words]


def timed(text: str | None, timeline: Timeline) -> str:
    """A text with the times of the events that it cites, in place of their ids."""
    return "".join(words for words, _ in cited(text, timeline))


def plain(text: str | None) -> str:
    """One line: white space collapsed, without control characters, surrogates, and what turns the direction of all that follows.

    Other format characters, such as joiners and the marks of a direction, stay.
    """
    return " ".join(_CONTROLS.sub("", text or "").split())


def prose(text: str | None) -> str:
    """Like `plain`, with the line breaks kept: at most one empty line between two others."""
    return re.sub(r"\n{3,}", "\n\n", "\n".join(map(plain, (text or "").splitlines()))).strip()


_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters that are no white space; embeddings, overrides and isolates of a direction, of which one that is left open turns the
words around it; and halves of characters, which no encoder takes."""
