"""``videoscan ask``: a question about many recordings, answered with citations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from videoscan import timecode
from videoscan.cli import libraries, options, output
from videoscan.cli import selection as selection_of

if TYPE_CHECKING:
    from pathlib import Path

    from videoscan.answering import Answer
    from videoscan.cli.options import Choices
    from videoscan.document import CostRecord
    from videoscan.library.store import Library
    from videoscan.model import Call, Loading, Note
    from videoscan.reviewing.selection import Filters


@click.command(cls=selection_of.Command)
@click.argument("question", metavar="QUESTION")
@click.argument("selection", nargs=-1, metavar="[SELECTION...]")
@libraries.option
@selection_of.options
@click.option(
    "--source", "sources", multiple=True, metavar="PATTERN", help="Only of recordings whose path has this in it. Repeatable."
)
@click.option("--pictures", is_flag=True, help="Send the events' pictures again, so that the model looks before it answers.")
@click.option(
    "--limit", type=click.IntRange(1, 500), default=60, show_default=True, help="So many events are shown to the model at most."
)
@options.asking_alone
@options.json_lines
def command(
    *,
    question: str,
    selection: tuple[str, ...],
    library: Path | None,
    filters: Filters,
    sources: tuple[str, ...],
    pictures: bool,
    limit: int,
    choices: Choices,
    as_json: bool,
) -> int:
    """Ask a question about many recordings.

    The model at --endpoint first says which words such events may hold, in several languages; the events that hold any of them are found,
    and it answers from those. Every sentence cites its events; citations of events that there are not are taken out and flagged.
    What the timelines do not tell is not known, and the answer says so.

    SELECTION is timelines or output folders; without one, the library is asked. What a person rejected is left out.
    """
    from videoscan import config, registry
    from videoscan.cli import interrupts
    from videoscan.spending.ledger import Accounts, Ledger

    resolved = config.load(choices.profile, sets=choices.sets, overrides=choices.overrides)
    for note in resolved.notes:
        output.say(f"note: {note}")
    profile = resolved.profile
    describer = registry.complete(profile, origins=resolved.origins)["describer"]
    prices = profile.budget.prices_of(describer.get("model"))
    host = urlsplit(describer.get("endpoint") or "").hostname or "the model on this machine"

    def sending(events: int, sent: int) -> None:
        said = f" and {sent} picture{'s' if sent != 1 else ''}" if sent else ""
        output.say(f"sending {events} event{'s' if events != 1 else ''} as text{said} to {host}")

    async def asked(opened: Library) -> Answer:
        from videoscan.answering import ask

        return await ask(
            opened,
            question,
            filters,
            describer=describer,
            pictures=pictures,
            most=limit,
            sources=sources,
            ledger=Ledger(Accounts().of(profile.budget.of(describer.get("model"))), prices),
            told=_tell,
            sending=sending,
        )

    with libraries.opened(selection, library) as opened:
        answer: Answer = interrupts.run(asked(opened))
    from videoscan.document import UsageRecord

    cost = UsageRecord.of(answer.usage, prices).cost
    if as_json:
        _put_json(answer, cost)
    else:
        _put(answer, cost)
    return 0


def _tell(fact: Call | Loading | Note) -> None:
    from videoscan.model import Note

    if isinstance(fact, Note):
        output.say(f"note: {fact.text}")


def _put_json(answer: Answer, cost: CostRecord | None) -> None:
    from videoscan.answering import NOTE

    record: dict[str, Any] = {
        "question": answer.question,
        "answer": answer.text,
        "known": answer.known,
        "citations": [each.record() for each in answer.citations],
        "words": list(answer.words),
        "found": answer.found,
        "shown": answer.shown,
        "pictures": answer.pictures,
        "flags": list(answer.flags),
        "notes": [NOTE],
        "usage": {
            "requests": answer.usage.requests,
            "images": answer.usage.images,
            "prompt_tokens": answer.usage.prompt_tokens,
            "completion_tokens": answer.usage.completion_tokens,
            "cost": cost.model_dump(mode="json") if cost is not None else None,
        },
    }
    output.put_json(record)


def _put(answer: Answer, cost: CostRecord | None) -> None:
    from videoscan.answering import NOTE
    from videoscan.cli import tables
    from videoscan.library.store import name_shown

    output.put(tables.plain(answer.text))
    if not answer.known and answer.citations:
        output.put("The events do not answer the question, says the model.")
    if answer.citations:
        output.put()
    for each in answer.citations:
        hit = each.hit
        wall = [hit.wall_start[:19].replace("T", " ")] if hit.wall_start else []
        when = f"{timecode.short(hit.start)}-{timecode.short(hit.end)}"
        head = [f"[{each.label}]", *wall, tables.plain(name_shown(hit.camera, hit.source)), when]
        output.put(f"{'  '.join(head)}  {tables.plain(hit.title)}")
        output.put(f"    {hit.picture or hit.path}")
    output.put()
    output.put(f"From {answer.shown} of {answer.found:,} events that hold any of: {tables.plain(', '.join(answer.words))}.")
    for flag in answer.flags:
        output.say(f"flag: {tables.plain(flag)}")
    output.say(f"note: {NOTE}")
    if cost is not None:
        output.put(tables.cost(cost))
