"""Asks a model for summary and chapters: part by part, then about the parts, until one request holds them all.

Every answer is in the journal before it is used, like a window's. Whatever goes wrong, there is a digest: the one by rule, and a flag
that says why. Pure parts are in `videoscan.summary.summarize`.

Bounds: a level has at most half as many lines as the one below, so n events of t tokens each take about ``2 * n * t / max_tokens`` requests.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from videoscan import observe
from videoscan.language.languages import name_of
from videoscan.model import Usage
from videoscan.spending import tokens
from videoscan.summary import overview, summarize
from videoscan.writing import Letters, shares, writer_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from videoscan.document import Event
    from videoscan.journal import Journal
    from videoscan.model import Prompt
    from videoscan.observe import Observer
    from videoscan.request import Request
    from videoscan.seams import DescriberSession, Ledger, Writer
    from videoscan.summary.summarize import Digest, Item, Read
    from videoscan.timeline import Folded

KEYS = frozenset({"chapters", "summary"})


@dataclass(frozen=True, slots=True)
class Summed:
    """A digest, and what asking for it took."""

    digest: Digest
    usage: Usage = Usage()
    seconds: float = 0.0

    def after(self, flags: Iterable[str], usage: Usage, seconds: float) -> Summed:
        """The same, with what was asked before it and what that gave to flag."""
        digest = replace(self.digest, flags=(*flags, *self.digest.flags))
        return Summed(digest, usage + self.usage, seconds + self.seconds)


async def summed_up(
    request: Request,
    folded: Folded,
    session: DescriberSession,
    observer: Observer,
    ledger: Ledger,
    journal: Journal | None,
) -> Summed:
    """The digest that the profile asks for: a model's where `summary.enabled` says so, there is one and there are events."""
    events = folded.events
    duration = folded.coverage[-1].end if folded.coverage else 0.0
    unseen = sum(span.end - span.start for span in folded.coverage if span.state not in {"described", "unchanged"})
    rule = summarize.plain(events, duration, unseen=unseen, quiet=overview.quiet(events, folded.coverage))
    items = summarize.items_of(events)
    if not request.resolved.profile.summary.enabled or not items:
        return Summed(rule)
    writer = writer_of(request, session, observer, ledger, request.resolved.profile.summary.model)
    if writer is None:
        return Summed(rule)
    try:
        summed = await _Summary(request, events, duration, writer, journal).of(items, rule)
    finally:
        if writer is not session:
            await writer.close()
    for flag in summed.digest.flags:
        if flag.startswith(summarize.BY_RULE):
            observer(observe.Note(f"summary and chapters are {flag}"))
    return summed


class _Summary:
    def __init__(
        self, request: Request, events: Sequence[Event], duration: float, writer: Writer, journal: Journal | None
    ) -> None:
        self._request, self._events, self._duration = request, events, duration
        options = request.resolved.profile.summary
        answer_tokens, self._room = shares(options.max_tokens, tokens.of_words(self._prompt((), most=1), ""))
        self._letters = Letters(
            request, writer, journal, kind="summary", model=options.model, keys=KEYS, answer_tokens=answer_tokens
        )

    async def of(self, items: Sequence[Item], rule: Digest) -> Summed:
        """The finished digest, level by level."""
        flags: list[str] = []
        while True:
            parts = summarize.parts_of(items, self._room)
            last = len(parts) == 1
            async with asyncio.TaskGroup() as group:
                asked = [group.create_task(self._ask(part, last=last)) for part in parts]
            answers = [task.result() for task in asked]
            failed = next((answer for answer in answers if isinstance(answer, str)), None)
            if failed is not None:
                return Summed(summarize.fallen_back(rule, failed), self._letters.usage, self._letters.seconds)
            reads = [answer for answer in answers if not isinstance(answer, str)]
            if last:
                digest = summarize.digest(reads[0], self._events, self._duration, flags=flags, rule=rule)
                return Summed(digest, self._letters.usage, self._letters.seconds)
            flags += [flag for read in reads for flag in read.flags]
            items = summarize.lifted(reads, parts, self._events)

    async def _ask(self, part: Sequence[Item], *, last: bool) -> Read | str:
        """What the model says about a part, or why there is nothing."""
        most = summarize.chapters_for(len(part), last=last)
        answer = await self._letters.ask(
            self._prompt(part, most=most), lambda said: summarize.read(said, part, self._events, most=most)
        )
        return answer if answer is not None else "the answer says nothing about the events"

    def _prompt(self, part: Sequence[Item], *, most: int) -> Prompt:
        profile = self._request.resolved.profile
        language = profile.describer.get("language")
        return summarize.prompt_for(
            part, most=most, question=profile.prompt.question, language=name_of(language) if language else None
        )
