"""``videoscan review``: a person's word on a timeline, beside the model's."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from videoscan import timecode
from videoscan.cli import options, output
from videoscan.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from videoscan.document import Event, Timeline
    from videoscan.reviewing.correcting import Corrector
    from videoscan.reviewing.reviews import Changes, Correction

_OF_AN_EVENT = (
    click.option("--title", metavar="TEXT", help="With --edit or --add: a few words."),
    click.option("--description", metavar="TEXT", help="With --edit or --add: a sentence or two."),
    click.option("--tag", "tags", multiple=True, metavar="TAG", help="With --edit or --add: its tags, all of them. Repeatable."),
    click.option("--no-tags", is_flag=True, help="With --edit: take all tags away."),
    click.option("--start", type=options.Time(), metavar="T", help="With --edit or --add: when it begins."),
    click.option("--end", type=options.Time(), metavar="T", help="With --edit or --add: when it ends."),
    click.option(
        "--attribute",
        "attributes",
        multiple=True,
        metavar="NAME=VALUE",
        help="With --edit or --add: one attribute; without a value it is taken away. Repeatable.",
    ),
)


@dataclass(frozen=True, slots=True)
class _Work:
    """What is to be done, in this order."""

    undo: tuple[str, ...] = ()
    accept: tuple[str, ...] = ()
    reject: tuple[str, ...] = ()
    edit: str | None = None
    add: bool = False
    changes: Changes | None = None

    def __bool__(self) -> bool:
        return bool(self.undo or self.accept or self.reject or self.edit or self.add)

    def __call__(self, corrector: Corrector) -> list[tuple[str, str]]:
        done = []
        for identity in self.undo:
            taken_back = corrector.undo(None if identity == "last" else identity)
            done.append((f"undone: {taken_back.action}", taken_back.event))
        done += [("accepted", corrector.accept(identity).id) for identity in self.accept]
        done += [("rejected", corrector.reject(identity).id) for identity in self.reject]
        if self.edit is not None and self.changes is not None:
            done.append(("edited", corrector.edit(self.edit, self.changes).id))
        if self.add and self.changes is not None:
            done.append(("added", corrector.add(self.changes).id))
        return done


def _event_options(command: Any) -> Any:
    for option in reversed(_OF_AN_EVENT):
        command = option(command)
    return command


@click.command
@click.argument("timeline", metavar="TIMELINE")
@click.option("--accept", multiple=True, metavar="ID", help="This event is so. Repeatable.")
@click.option("--reject", multiple=True, metavar="ID", help="This event is not so. Repeatable.")
@click.option("--edit", metavar="ID", help="This event is otherwise.")
@click.option("--add", is_flag=True, help="Something happened that is not told: needs --title, --start and --end.")
@_event_options
@click.option(
    "--undo", multiple=True, metavar="ID|last", help="Take back the last correction of an event, or of all. Repeatable."
)
@click.option("--by", metavar="NAME", help="Who says so.  [default: your user name]")
@click.option("--comment", metavar="TEXT", help="Why.")
@click.option("--history", is_flag=True, help="List the corrections that were made, not the events.")
@click.option("-i", "--interactive", is_flag=True, help="Go through the events that nobody has reviewed, one key each.")
@options.json_lines
def command(
    *,
    timeline: str,
    accept: tuple[str, ...],
    reject: tuple[str, ...],
    edit: str | None,
    add: bool,
    title: str | None,
    description: str | None,
    tags: tuple[str, ...],
    no_tags: bool,
    start: float | None,
    end: float | None,
    attributes: tuple[str, ...],
    undo: tuple[str, ...],
    by: str | None,
    comment: str | None,
    history: bool,
    interactive: bool,
    as_json: bool,
) -> int:
    """Accept, reject, edit or add events.

    TIMELINE is an output folder or its timeline.json. Without anything to do, its events are listed with their ids and what people said
    of them. Corrections are kept in reviews.jsonl, beside the model's words; timeline.json, report.html and the other files in the
    folder show them, and a later scan keeps them.
    """
    from videoscan.reviewing import correcting, selection

    given = correcting.changes(
        title=title,
        description=description,
        tags=() if no_tags else (tags or None),
        start=start,
        end=end,
        attributes=_attributes(attributes),
    )
    work = _Work(undo, accept, reject, edit, add, given)
    if given.table() and not (edit or add):
        raise ConfigError(f"--{next(iter(given.table()))} says nothing without --edit ID or --add".replace("--tags", "--tag"))
    if edit and add:
        raise ConfigError("--edit and --add do not go together: both take --title and the like", hint="make two calls")
    file = _file(timeline)
    who = {"by": by or _user(), "comment": comment}
    if history:
        return _history(file, as_json=as_json)
    if interactive:
        if work:
            raise ConfigError("--interactive does not go with --accept, --reject, --edit, --add or --undo")
        return _interactive(file, who)
    if not work:
        return _list(selection.read(file), as_json=as_json)
    done, corrected = _correct(file, work, who)
    _tell(done, corrected, as_json=as_json)
    return 0


def _file(argument: str) -> Path:
    from videoscan.folder import TIMELINE
    from videoscan.reviewing import selection

    files = selection.files(argument)
    if len(files) > 1:
        raise ConfigError(f"{argument} holds {len(files)} timelines", hint=f"name one of its folders, such as {files[0].parent}")
    if files[0].name != TIMELINE:
        raise ConfigError(
            f"{argument} is not called {TIMELINE}: corrections are kept in an output folder",
            hint="give the folder that a scan wrote",
        )
    return files[0]


def _user() -> str | None:
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container's user without a name
        return None


def _attributes(given: tuple[str, ...]) -> dict[str, Any] | None:
    values: dict[str, Any] = {}
    for each in given:
        name, equals, text = each.partition("=")
        if not name.strip() or not equals:
            raise ConfigError(f"--attribute {each}: write it as NAME=VALUE")
        try:
            values[name.strip()] = json.loads(text) if text else None
        except ValueError:
            values[name.strip()] = text
    return values or None


def _record(event: Event) -> dict[str, Any]:
    return {
        "id": event.id,
        "origin": event.origin,
        "start": event.start,
        "end": event.end,
        "title": event.title,
        "tags": list(event.tags),
        "review": event.review.model_dump(mode="json") if event.review is not None else None,
    }


def _tell(done: list[tuple[str, str]], timeline: Timeline, *, as_json: bool) -> None:
    from videoscan.cli.tables import plain

    events = {event.id: event for event in timeline.events}
    for what, identity in done:
        event = events.get(identity)
        if as_json:
            output.put_json({"done": what, "id": identity, "event": _record(event) if event is not None else None})
        elif event is None:
            output.put(f"{what} {identity}")
        else:
            output.put(f"{what} {event.id} {timecode.short(event.start)}-{timecode.short(event.end)} {plain(event.title)}")


def _list(timeline: Timeline, *, as_json: bool) -> int:
    from videoscan.cli.tables import table

    if as_json:
        for event in timeline.events:
            output.put_json(_record(event))
        states = [event.review.state for event in timeline.events if event.review is not None]
        counts = {state: states.count(state) for state in ("accepted", "rejected", "edited", "added")}
        output.put_json({"total": {"events": len(timeline.events), **counts}})
        return 0
    rows = [
        (event.id, f"{timecode.short(event.start)}-{timecode.short(event.end)}", _said(event), event.title)
        for event in timeline.events
    ]
    output.put(table(("id", "time", "review", "event"), rows, give=(3,)) if rows else "no events")
    return 0


def _said(event: Event) -> str:
    review = event.review
    return f"{review.state}{f' by {review.by}' if review.by else ''}" if review is not None else "-"


def _history(file: Path, *, as_json: bool) -> int:
    from videoscan.cli.tables import table
    from videoscan.reviewing import reviews, selection

    corrections = reviews.Book(file.parent).read()
    standing = {each.review for each in reviews.standing(corrections)}
    lost = {each.review for each in reviews.merged(selection.read(file), corrections).orphans}

    def state(each: Correction) -> str:
        if each.review in lost:
            return "its event is not told any more"
        return "counts" if each.action == "undo" or each.review in standing else "undone"

    if as_json:
        for each in corrections:
            output.put_json({**each.model_dump(mode="json"), "state": state(each)})
        output.put_json({"total": {"corrections": len(corrections), "count": len(standing), "without_event": len(lost)}})
        return 0
    rows = [
        (
            each.at,
            each.by or "-",
            each.action,
            each.event,
            ", ".join(each.changes.table()) if each.changes is not None else "",
            each.comment or "",
            state(each),
        )
        for each in corrections
    ]
    heads = ("at", "by", "what", "event", "changed", "comment", "state")
    output.put(table(heads, rows, give=(5,)) if rows else "no corrections")
    return 0


_QUESTION = "  (a)ccept (r)eject (s)kip (u)ndo the one before (q)uit"


def _interactive(file: Path, who: dict[str, str | None]) -> int:
    """One event after the other; each answer is written down at once."""
    from videoscan.reviewing import selection

    timeline = selection.read(file)
    waiting = [event.id for event in timeline.events if event.review is None]
    if not waiting:
        output.put("every event has been reviewed")
    at = 0
    while at < len(waiting):
        event = next((event for event in timeline.events if event.id == waiting[at]), None)
        if event is None:  # a scan that ended meanwhile tells it no more
            at += 1
            continue
        _show(event, f"[{at + 1}/{len(waiting)}]", file.parent)
        asked = click.prompt(_QUESTION, type=click.Choice(list("arsuq")), show_choices=False)
        if asked == "q":
            break
        if asked == "u":
            at = max(0, at - 1)
            if any(event.id == waiting[at] and event.review is not None for event in timeline.events):
                timeline = _correct(file, _Work(undo=(waiting[at],)), who)[1]
            continue
        if asked in "ar":
            work = _Work(accept=(event.id,)) if asked == "a" else _Work(reject=(event.id,))
            timeline = _correct(file, work, who)[1]
        at += 1
    return 0


def _show(event: Event, place: str, folder: Path) -> None:
    from videoscan.cli.tables import plain

    output.put(f"{place} {timecode.short(event.start)}-{timecode.short(event.end)} {plain(event.title)}")
    if event.description:
        output.put(f"  {plain(event.description)}")
    for each in event.evidence[:2]:
        if each.picture:
            output.put(f"  {folder / each.picture}")


def _correct(file: Path, work: _Work, who: dict[str, str | None]) -> tuple[list[tuple[str, str]], Timeline]:
    from videoscan import publish
    from videoscan.folder import OutputFolder

    return publish.correct(OutputFolder(file.parent), work, **who)
