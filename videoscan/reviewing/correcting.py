"""Makes a person's corrections of a timeline, each checked against what the timeline holds. What becomes of them is in `videoscan.reviewing.reviews`."""

from __future__ import annotations

import contextlib
import datetime as dt
import secrets
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from videoscan import timecode
from videoscan.errors import ConfigError
from videoscan.reviewing.reviews import Changes, Correction, bare, merged, standing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from videoscan.document import Event, Timeline
    from videoscan.reviewing.reviews import Action


def _adopted(timeline: Timeline) -> list[Correction]:
    """What a timeline tells of corrections whose file did not come along, so that the next one does not wipe them out."""
    adopted = []
    for event in timeline.events:
        if (review := event.review) is None:
            continue
        who: dict[str, Any] = {"at": review.at or timeline.created, "by": review.by, "comment": review.comment, "event": event.id}
        first = {
            "frame": event.evidence[0].frame if event.evidence else None,
            "said": (review.was or {}).get("title", event.title),
        }
        given = {name: getattr(event, name) for name in ("title", "description", "tags", "start", "end", "attributes")}
        actions: list[tuple[Action, Changes | None]] = []
        if event.origin == "person":
            actions.append(("add", Changes.model_validate(given)))
        elif review.changes:
            with contextlib.suppress(ValidationError):
                actions.append(("edit", Changes.model_validate(review.changes)))
        if review.state in {"accepted", "rejected"} or not actions:
            actions.append(("reject" if review.state == "rejected" else "accept", None))
        adopted += [
            Correction(review=f"r{secrets.token_hex(6)}", action=action, changes=changes, **who, **first)
            for action, changes in actions
        ]
    return adopted


def changes(**given: Any) -> Changes:
    """Changes out of plain values, `None` for those that are not changed. Raises `ConfigError` for what cannot be."""
    try:
        return Changes.model_validate(given)
    except ValidationError as fault:
        first = fault.errors(include_url=False)[0]
        raise ConfigError(f"{'.'.join(map(str, first['loc'])) or 'the event'}: {first['msg']}") from fault


class Corrector:
    """Makes corrections of a timeline as it is shown. Nothing is written; see `Book`."""

    def __init__(
        self, timeline: Timeline, corrections: Sequence[Correction], *, by: str | None = None, comment: str | None = None
    ) -> None:
        self._before = list(corrections)
        self._made = [] if self._before else _adopted(timeline)
        self._plain = bare(timeline)
        self._told = {event.id: event for event in self._plain.events}
        self._by, self._comment = by, comment
        self._show()

    @property
    def made(self) -> tuple[Correction, ...]:
        """What was made, in order."""
        return tuple(self._made)

    @property
    def timeline(self) -> Timeline:
        """The timeline with everything that was made so far."""
        return self._shown

    def _show(self) -> None:
        self._shown = merged(self._plain, [*self._before, *self._made]).timeline
        self._ids = {alias: event for event in self._shown.events for alias in event.aliases}
        self._ids |= {event.id: event for event in self._shown.events}

    def event(self, identity: str) -> Event:
        """The event of that id or alias, as it is shown. Raises `ConfigError`."""
        found = self._ids.get(identity)
        if found is None:
            raise ConfigError(
                f"there is no event {identity!r} in this timeline",
                hint="`videoscan review TIMELINE` lists the events with their ids",
            )
        return found

    def accept(self, identity: str) -> Event:
        """It is so."""
        return self._make("accept", self.event(identity))

    def reject(self, identity: str) -> Event:
        """It is not so."""
        return self._make("reject", self.event(identity))

    def edit(self, identity: str, given: Changes) -> Event:
        """It is otherwise. Raises `ConfigError` when nothing is changed, or the event would lie outside of what it rests on."""
        event = self.event(identity)
        if not given.table():
            raise ConfigError(
                f"nothing is to be changed in {event.id}",
                hint="give --title, --description, --tag, --start, --end or --attribute",
            )
        start = given.start if given.start is not None else event.start
        end = given.end if given.end is not None else event.end
        self._check(start, end)
        told = self._told.get(event.id)
        if told is not None and told.origin != "person" and not any(start <= each.time < end for each in told.evidence):
            seen = ", ".join(timecode.clock(each.time) for each in told.evidence[:3])
            raise ConfigError(
                f"{event.id} rests on what was seen at {seen}: it cannot be from {timecode.clock(start)} to {timecode.clock(end)}",
                hint="reject it, and add an event of your own there",
            )
        return self._make("edit", event, given)

    def add(self, given: Changes) -> Event:
        """Something that the describer did not tell. Raises `ConfigError` without a title, a start and an end."""
        if given.title is None or given.start is None or given.end is None:
            missing = [name for name in ("title", "start", "end") if getattr(given, name) is None]
            raise ConfigError(f"a new event needs --{' and --'.join(missing)}")
        self._check(given.start, given.end)
        identity = f"p{secrets.token_hex(4)}"
        self._made.append(self._correction("add", identity, changes=given))
        self._show()
        return self._ids[identity]

    def undo(self, identity: str | None = None) -> Correction:
        """Take back the last correction that counts, of one event or of all. Raises `ConfigError` when there is none."""
        counting = standing([*self._before, *self._made])
        if identity is not None:
            names = {identity}
            if (event := self._ids.get(identity)) is not None:
                names |= {event.id, *event.aliases}
            counting = [each for each in counting if each.event in names]
        if not counting:
            raise ConfigError(f"there is no correction of {identity} to undo" if identity else "there is no correction to undo")
        last = counting[-1]
        self._made.append(self._correction("undo", last.event, undoes=last.review))
        self._show()
        return last

    def _check(self, start: float, end: float) -> None:
        duration = self._plain.source.duration
        if not 0 <= start < end <= duration + 0.0005:
            raise ConfigError(
                f"an event cannot be from {timecode.clock(start)} to {timecode.clock(end)}",
                hint=f"it begins before it ends, and the recording lasts {timecode.clock(duration)}",
            )

    def _make(self, action: Action, event: Event, given: Changes | None = None) -> Event:
        told = self._told.get(event.id)
        self._made.append(
            self._correction(
                action,
                event.id,
                changes=given,
                frame=told.evidence[0].frame if told is not None and told.evidence else None,
                said=told.title if told is not None else None,
            )
        )
        self._show()
        return self.event(event.id)

    def _correction(self, action: Action, identity: str, **more: Any) -> Correction:
        return Correction(
            review=f"r{secrets.token_hex(6)}",
            action=action,
            event=identity,
            at=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
            by=self._by,
            comment=self._comment,
            **more,
        )
