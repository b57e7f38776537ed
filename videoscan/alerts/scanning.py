"""The rules over a finished pass: its events list those that they met. Nobody is told: a recording is no news."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from videoscan import observe
from videoscan.alerts.judging import misses
from videoscan.alerts.questions import Questioner
from videoscan.errors import DescribeError
from videoscan.model import Usage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from videoscan.alerts.rules import AlertRule
    from videoscan.document import Event, SourceRecord
    from videoscan.folder import OutputFolder
    from videoscan.journal import Journal
    from videoscan.observe import Observer
    from videoscan.request import Request
    from videoscan.seams import DescriberSession
    from videoscan.summary.summarizing import Summed

UNASKED = "a rule's question has no answer: "
"""How the flag begins that stands where a model was to be asked and did not answer; the next run asks again."""


@dataclass(frozen=True, slots=True)
class Alerted:
    """Events with the names of the rules that they met, what there is to flag, and what asking took."""

    events: tuple[Event, ...]
    flags: tuple[str, ...] = ()
    usage: Usage = Usage()
    seconds: float = 0.0

    def before(self, summed: Summed) -> Summed:
        """What all requests after the windows came to."""
        return summed.after(self.flags, self.usage, self.seconds)


async def alerted(
    request: Request,
    events: tuple[Event, ...],
    source: SourceRecord,
    session: DescriberSession,
    observer: Observer,
    place: OutputFolder | None = None,
    journal: Journal | None = None,
) -> Alerted:
    """The events of a scan, judged. `place` has their pictures; without it a rule with a question is never met, and that is said."""
    rules = request.resolved.profile.alerts
    if not rules:
        return Alerted(events)
    questioner = Questioner(
        session, asked=request.asked, language=request.resolved.profile.describer.get("language"), journal=journal
    )
    for note in notes(rules, source, model=questioner.can, pictures=place is not None):
        observer(observe.Note(note))
    room = asyncio.Semaphore(max(1, session.limits.concurrency))
    folder = place.path if place is not None else None
    flags: dict[str, None] = {}

    async def asked(rule: AlertRule, event: Event) -> bool:
        async with room:
            try:
                answer = await questioner.answer(rule, event, folder)
            except DescribeError as error:  # all windows have had their answers: this is no reason to lose them
                flags[f"{UNASKED}{error.message}"] = None
                return False
        return answer is not None and answer.yes

    met: dict[int, list[str]] = {}
    asking: list[tuple[int, AlertRule, asyncio.Task[bool]]] = []
    async with asyncio.TaskGroup() as group:
        for number, event in enumerate(events):
            for rule in rules:
                if misses(rule, event, source):
                    continue
                if rule.ask is None:
                    met.setdefault(number, []).append(rule.name)
                elif questioner.can and folder is not None:
                    asking.append((number, rule, group.create_task(asked(rule, event))))
    for number, rule, task in asking:
        if task.result():
            met.setdefault(number, []).append(rule.name)
    came_to = questioner.came_to
    flags |= dict.fromkeys(f"{UNASKED}{why}" for why in came_to.failures)
    for flag in flags:
        observer(observe.Note(flag))
    names = [rule.name for rule in rules]
    judged = tuple(
        event.model_copy(update={"alerts": tuple(sorted(met[number], key=names.index))}) if number in met else event
        for number, event in enumerate(events)
    )
    return Alerted(judged, tuple(flags), came_to.usage, came_to.seconds)


def notes(rules: Sequence[AlertRule], source: SourceRecord, *, model: bool, pictures: bool = True) -> list[str]:
    """What a person should know of rules that can never be met here."""
    said = []
    if source.clock is None:
        said += [
            f"alert {rule.name}: it has hours, and this recording has no wall clock, so it is never met; set source.clock"
            for rule in rules
            if rule.hours
        ]
    if not model:
        said += [
            f"alert {rule.name}: it asks a question, which takes a model, so it is never met; give --endpoint and --model"
            for rule in rules
            if rule.ask
        ]
    elif not pictures:
        said += [
            f"alert {rule.name}: it asks a question about pictures, which are only kept in an output folder"
            for rule in rules
            if rule.ask
        ]
    return said
