"""A person's corrections: kept beside the model's words, shown merged into the timeline, and gone again without a trace when undone.

``reviews.jsonl`` in the output folder: a header, then one JSON object a line for each `Correction`, only ever appended to. Nothing in it
is changed or taken out; to undo is one more line. A torn last line is passed over, and the next one begins on a line of its own.

`merged` lays corrections over a timeline. What it replaces it keeps in ``review.was``, so that `bare` gives back exactly what the
describer said, and merging twice is merging once. A correction finds its event by id, then by the ids merged into it (`aliases`), then
by its first evidence frame: so it holds in a re-scan that cites the same frames. One that finds none is not forgotten: `Merge.orphans`.

Pure but for `Book`. Linear in events and corrections.
"""

from __future__ import annotations

import contextlib
import json
import os
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from videoscan.document import Event, Review, Timeline
from videoscan.errors import StoreError
from videoscan.folder import REVIEWS, OutputFolder, storing
from videoscan.summary.retelling import STRUCK, retold, rule_for

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

_FORMAT = "videoscan.reviewing.reviews/1"
_HEADER_KEY = "reviews"

Action = Literal["accept", "reject", "edit", "add", "undo"]
State = Literal["accepted", "rejected", "edited", "added"]

_STATES: Mapping[str, State] = {"accept": "accepted", "reject": "rejected", "edit": "edited", "add": "added"}
_MOVED = "its times were set by a person, but what it rests on lies elsewhere now: they are the describer's again"
_SUMMARY = "a person has corrected events since the summary was written"

_OURS = frozenset({_SUMMARY, STRUCK})
"""The flags that a merge sets."""

Text = Annotated[str, Field(max_length=20_000)]
Seconds = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]


class Changes(BaseModel):
    """What a person says of an event instead. Only what is set counts; times are seconds of the source's own clock."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    title: Annotated[str, Field(min_length=1, max_length=2_000)] | None = None
    """A few words."""
    description: Text | None = None
    """A sentence or two."""
    tags: tuple[Annotated[str, Field(min_length=1, max_length=200)], ...] | None = None
    """All of its tags, not only the new ones."""
    start: Seconds | None = None
    """When it begins."""
    end: Seconds | None = None
    """When it ends."""
    attributes: dict[str, Any] | None = None
    """Values by name; the others stay as they are, and a null takes one away."""

    @model_validator(mode="after")
    def _says_something(self) -> Changes:
        if self.title is not None and not self.title.strip():
            raise ValueError("the title is empty")
        return self

    def table(self) -> dict[str, Any]:
        """What is set, as a correction stores it."""
        return self.model_dump(mode="json", exclude_none=True, exclude={"attributes"}) | (
            {"attributes": self.attributes} if self.attributes is not None else {}
        )


class Correction(BaseModel):
    """One line of ``reviews.jsonl``."""

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)

    review: str
    """This correction's own name."""
    action: Action
    """What was done."""
    event: str
    """The event's id then; for `add` the id of the new one."""
    at: str
    """When, ISO 8601."""
    by: str | None = None
    """Who."""
    frame: int | None = None
    """The event's first evidence frame then."""
    said: str | None = None
    """The event's title then, in the describer's words."""
    changes: Changes | None = None
    """For `edit` and `add`: what is so instead."""
    undoes: str | None = None
    """For `undo`: the correction that no longer counts."""
    comment: Text | None = None
    """Why, in the person's words."""


class Merge(BaseModel):
    """A timeline with a person's corrections in it, and those that found no event."""

    model_config = ConfigDict(frozen=True)

    timeline: Timeline
    orphans: tuple[Correction, ...] = ()


# --- the merge ----------------------------------------------------------------------------------------------------------------


def standing(corrections: Iterable[Correction]) -> list[Correction]:
    """Those that count, in order: without `undo` and what was undone. Undoing an undo brings back what that one took away."""
    every = list(corrections)
    gone: set[str] = set()
    for correction in reversed(every):
        if correction.action == "undo" and correction.review not in gone and correction.undoes is not None:
            gone.add(correction.undoes)
    return [correction for correction in every if correction.action != "undo" and correction.review not in gone]


def bare(timeline: Timeline) -> Timeline:
    """The timeline as its describer told it: `merged`, taken back."""
    if not any(event.review is not None for event in timeline.events) and timeline.told is None and not _OURS & {*timeline.flags}:
        return timeline
    if timeline.told is not None:
        was = {"summary": timeline.told.summary, "chapters": timeline.told.chapters, "told": None}
        timeline = timeline.model_copy(update=was)
    events = [_restored(event) for event in timeline.events if not (event.review and event.origin == "person")]
    return _with(timeline, events, tuple(flag for flag in timeline.flags if flag not in _OURS), before=timeline.events)


def merged(timeline: Timeline, corrections: Iterable[Correction]) -> Merge:
    """Lay all corrections that stand over a timeline, whatever was laid over it before."""
    plain = bare(timeline)
    grouped: dict[str, list[Correction]] = {}
    for correction in standing(corrections):
        grouped.setdefault(correction.event, []).append(correction)
    if not grouped:
        return Merge(timeline=plain)
    find = _Finder(plain.events)
    about: dict[str, list[Correction]] = {}
    added: list[Event] = []
    orphans: list[Correction] = []
    for theirs in grouped.values():
        if theirs[0].action == "add":
            if (event := _added(theirs, plain.source.duration)) is not None:
                added.append(event)
            else:
                orphans += theirs
        elif (found := find(theirs[-1])) is not None:
            about.setdefault(found, []).extend(theirs)
        else:
            orphans += theirs
    order = {correction.review: place for place, correction in enumerate(corrections)} if about else {}
    events = [
        _corrected(event, sorted(about[event.id], key=lambda each: order.get(each.review, 0)), plain.source.duration)
        if event.id in about
        else event
        for event in plain.events
    ]
    events = sorted([*events, *added], key=lambda event: event.start)
    shown = retold(plain, _with(plain, events, plain.flags, before=plain.events))
    cited = " ".join([shown.summary or "", *(f"{chapter.title} {chapter.summary or ''}" for chapter in shown.chapters)])
    corrected = any(event.review and event.review.state in {"rejected", "edited"} and event.id in cited for event in events)
    if corrected and shown.summary != rule_for(shown):
        shown = shown.model_copy(update={"flags": (*shown.flags, _SUMMARY)})
    return Merge(timeline=shown, orphans=tuple(orphans))


class _Finder:
    """Which event a correction is about, by what it said of it."""

    def __init__(self, events: Sequence[Event]) -> None:
        self._ids = {event.id: event.id for event in events}
        for event in events:
            for alias in event.aliases:
                self._ids.setdefault(alias, event.id)
        self._first: dict[int, set[str]] = {}
        self._any: dict[int, set[str]] = {}
        for event in events:
            for place, evidence in enumerate(event.evidence):
                self._any.setdefault(evidence.frame, set()).add(event.id)
                if not place:
                    self._first.setdefault(evidence.frame, set()).add(event.id)

    def __call__(self, correction: Correction) -> str | None:
        if (known := self._ids.get(correction.event)) is not None:
            return known
        if correction.frame is None:
            return None
        for citing in (self._first, self._any):
            found = citing.get(correction.frame, set())
            if len(found) == 1:
                return next(iter(found))
        return None


def _added(corrections: Sequence[Correction], duration: float) -> Event | None:
    """A person's own event, with what was said of it since; `None` when it no longer lies in the recording."""
    first = corrections[0].changes or Changes()
    start, end = first.start or 0.0, first.end if first.end is not None else duration
    for each in corrections[1:]:
        if each.changes is not None:
            start = each.changes.start if each.changes.start is not None else start
            end = each.changes.end if each.changes.end is not None else end
    if not 0 <= start < duration or end <= start:
        return None
    end = min(end, duration)
    plain = Event(
        id=corrections[0].event,
        origin="person",
        start=start,
        end=end,
        start_after=start,
        end_before=end,
        title=first.title or "event",
        description=first.description or "",
        tags=first.tags or (),
        attributes=_attributes({}, first.attributes or {}),
    )
    later = corrections[1:]
    values, changes = _values(plain, later)
    values.pop("start", None), values.pop("end", None)
    changed = plain.model_copy(update=values)
    verdicts = [each for each in later if each.action in {"accept", "reject"}]
    last = later[-1] if later else corrections[0]
    state = _STATES[verdicts[-1].action] if verdicts and verdicts[-1] is last else "added"
    review = Review(state=state, by=last.by, at=last.at, changes=changes or None, comment=last.comment)
    return changed.model_copy(update={"review": review})


def _corrected(event: Event, corrections: Sequence[Correction], duration: float) -> Event:
    values, changes = _values(event, corrections)
    flags = list(event.flags)
    if "start" in values or "end" in values:
        start, end = values.get("start", event.start), min(values.get("end", event.end), duration)
        evidence = tuple(each for each in event.evidence if start <= each.time < end)
        if start < end and (evidence or event.origin == "person"):
            values |= {"start": start, "end": end, "evidence": evidence}
            # A person's word is exact; where nothing was said, the describer's bounds stay.
            values["start_after"] = start if start != event.start else event.start_after
            values["end_before"] = end if end != event.end else event.end_before
        else:
            values = {key: value for key, value in values.items() if key not in {"start", "end"}}
            flags.append(_MOVED)
    last = corrections[-1]
    state = _STATES[last.action]
    if last.said is not None and last.said != event.title:
        flags.append(f"a person {state} it when its title was {last.said!r}")
    if tuple(flags) != event.flags:
        values["flags"] = tuple(flags)
    values = {key: value for key, value in values.items() if value != getattr(event, key)}
    told = event.model_dump(mode="json")
    review = Review(
        state=state,
        by=last.by,
        at=last.at,
        changes=changes or None,
        comment=last.comment,
        was={key: told[key] for key in values} or None,
    )
    return event.model_copy(update={**values, "review": review})


def _values(event: Event, corrections: Iterable[Correction]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The fields of an event that corrections replace, with their values: for the event, and as ``review.changes`` tells them."""
    values: dict[str, Any] = {}
    changes: dict[str, Any] = {}
    for correction in corrections:
        if correction.changes is None:
            continue
        given = correction.changes
        for name in ("title", "description", "tags", "start", "end"):
            if (value := getattr(given, name)) is not None:
                values[name] = value
        if given.attributes is not None:
            values["attributes"] = _attributes(values.get("attributes", event.attributes), given.attributes)
        told = given.table()
        if "attributes" in told:
            told["attributes"] = {**changes.get("attributes", {}), **told["attributes"]}
        changes |= told
    return values, changes


def _attributes(before: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in {**before, **given}.items() if value is not None}


def _restored(event: Event) -> Event:
    if event.review is None:
        return event
    told = {**event.model_dump(mode="json"), **(event.review.was or {}), "review": None}
    return Event.model_validate(told)


def _with(timeline: Timeline, events: Sequence[Event], flags: tuple[str, ...], *, before: Sequence[Event]) -> Timeline:
    """The timeline with other events, each of those that came, went or moved in the chapter that it begins in."""
    ordered = tuple(sorted(events, key=lambda event: event.start))
    then = {event.id: event.start for event in before}
    now = {event.id: event.start for event in ordered}
    touched = {identity for identity in then.keys() | now.keys() if then.get(identity) != now.get(identity)}
    chapters = timeline.chapters
    if touched:
        chapters = tuple(
            chapter.model_copy(
                update={
                    "events": tuple(
                        sorted(
                            [
                                *(identity for identity in chapter.events if identity not in touched),
                                *(each for each in touched if each in now and chapter.start <= now[each] < chapter.end),
                            ],
                            key=lambda identity: (now.get(identity, 0.0), identity),
                        )
                    )
                }
            )
            for chapter in timeline.chapters
        )
    return timeline.model_copy(update={"events": ordered, "chapters": chapters, "flags": flags})


# --- the file -----------------------------------------------------------------------------------------------------------------


class Book:
    """The corrections of one output folder. Any number of processes may use it at once: whoever writes holds `locked`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / REVIEWS

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Held while corrections are added or the timeline that shows them is written. Raises `StoreError`."""
        with OutputFolder(self.folder).correcting():
            yield

    def read(self) -> list[Correction]:
        """Every correction, in order. Lines that are none, such as a torn one, are passed over. Raises `StoreError`."""
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            return []
        except OSError as fault:
            raise StoreError(f"cannot read {self.path}: {fault.strerror or fault}") from fault
        corrections = []
        for line in data.splitlines():
            with contextlib.suppress(ValueError, ValidationError, RecursionError):
                entry = json.loads(line)
                if isinstance(entry, dict) and "review" in entry:
                    corrections.append(Correction.model_validate(entry))
        return corrections

    def append(self, corrections: Sequence[Correction], *, source: str) -> None:
        """Write corrections down, all or none, and be sure that they are on the disk. Under `locked`. Raises `StoreError`."""
        lines = b"".join(
            _line(each.model_dump(mode="json", exclude_none=True, exclude={"changes"}) | _told(each)) for each in corrections
        )
        with storing(self.path), self.path.open("ab+") as file:
            began = file.seek(0, os.SEEK_END)
            if not began:
                lines = _line({_HEADER_KEY: _FORMAT, "source": source}) + lines
            else:
                file.seek(began - 1)
                lines = lines if file.read(1) == b"\n" else b"\n" + lines
            try:
                file.write(lines)
                file.flush()
                os.fsync(file.fileno())
            except OSError:
                with contextlib.suppress(OSError):
                    os.ftruncate(file.fileno(), began)
                raise


def _told(correction: Correction) -> dict[str, Any]:
    return {} if correction.changes is None else {"changes": correction.changes.table()}


def _line(entry: Mapping[str, Any]) -> bytes:
    return (json.dumps(entry, ensure_ascii=False, separators=(",", ":")) + "\n").encode()


def shown(timeline: Timeline, folder: Path) -> Timeline:
    """The timeline as readers are to see it: with what a person corrected in `folder`."""
    corrections = Book(folder).read()
    return merged(timeline, corrections).timeline if corrections else timeline
