"""Asks a model for summary and chapters: part by part, then about the parts, until one request holds them all.

Every answer is in the journal before it is used, like a window's. Whatever goes wrong, there is a digest: the one by rule, and a flag
that says why. Pure parts are in `videoscan.summarize`.

Bounds: a level has at most half as many lines as the one below, so n events of t tokens each take about ``2 * n * t / max_tokens`` requests.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from videoscan import flow, observe, overview, registry, summarize, tokens
from videoscan.languages import name_of
from videoscan.model import Usage
from videoscan.seams import Writer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from videoscan.document import Event
    from videoscan.journal import Journal
    from videoscan.model import Prompt
    from videoscan.observe import Observer
    from videoscan.request import Request
    from videoscan.seams import DescriberSession, Ledger
    from videoscan.summarize import Digest, Item, Read
    from videoscan.timeline import Folded

KEYS = frozenset({"chapters", "summary"})
_LONGEST = 4_096
"""Tokens of one answer at most."""
_LEAST_ROOM = 200
"""Tokens of events in one request, however small it is to be."""


@dataclass(frozen=True, slots=True)
class Summed:
    """A digest, and what asking for it took."""

    digest: Digest
    usage: Usage = Usage()
    seconds: float = 0.0


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


def writer_of(request: Request, session: DescriberSession, observer: Observer, ledger: Ledger, model: str | None) -> Any:
    """Who writes: the session that described, or one of its own for another model of the same endpoint; `None` where it cannot."""
    if not isinstance(session, Writer):
        return None
    if model is None or model == request.describer.get("model") or "endpoint" not in request.describer:
        return session  # a model's file is the only model that there is
    # The endpoint is known by now; only pictures would be tried out.
    table = {**request.describer, "model": model, "probe": "never"}
    return registry.make("describers", table).session(observer, ledger)


def shares(most: int, words: int) -> tuple[int, int]:
    """How `most` tokens of a request are shared out: for the answer, and for events beside `words` tokens of instructions."""
    answer = min(_LONGEST, most // 4)
    return answer, max(_LEAST_ROOM, most - answer - words)


class _Summary:
    def __init__(
        self, request: Request, events: Sequence[Event], duration: float, writer: Writer, journal: Journal | None
    ) -> None:
        self._request, self._events, self._duration = request, events, duration
        self._writer, self._journal = writer, journal
        options = request.resolved.profile.summary
        self._answer_tokens, self._room = shares(options.max_tokens, tokens.of_words(self._prompt((), most=1), ""))
        self._usage, self._seconds = Usage(), 0.0

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
                return Summed(summarize.fallen_back(rule, failed), self._usage, self._seconds)
            reads = [answer for answer in answers if not isinstance(answer, str)]
            if last:
                digest = summarize.digest(reads[0], self._events, self._duration, flags=flags, rule=rule)
                return Summed(digest, self._usage, self._seconds)
            flags += [flag for read in reads for flag in read.flags]
            items = summarize.lifted(reads, parts, self._events)

    async def _ask(self, part: Sequence[Item], *, last: bool) -> Read | str:
        """What the model says about a part, or why there is nothing. Written down before it is used, if it is of use."""
        most = summarize.chapters_for(len(part), last=last)
        prompt = self._prompt(part, most=most)
        key = self._key(prompt)
        known = await flow.in_thread(self._journal.answer, key) if self._journal is not None else None
        told = known or await self._writer.write(prompt, max_tokens=self._answer_tokens, keys=KEYS)
        self._usage += told.usage
        self._seconds += told.seconds
        if told.failure is not None:
            return told.failure.message
        read = summarize.read(json.loads(told.raw or "{}"), part, self._events, most=most)
        if read is None:
            return "the answer says nothing about the events"
        if self._journal is not None and known is None:
            await flow.in_thread(self._journal.record_words, key, "summary", told)
        return read

    def _key(self, prompt: Prompt) -> str:
        asked = {**self._request.asked, "model": self._request.resolved.profile.summary.model or self._request.model}
        parts: list[Any] = [asked, prompt.system, prompt.instructions, prompt.schema, self._answer_tokens]
        return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:32]

    def _prompt(self, part: Sequence[Item], *, most: int) -> Prompt:
        profile = self._request.resolved.profile
        language = profile.describer.get("language")
        return summarize.prompt_for(
            part, most=most, question=profile.prompt.question, language=name_of(language) if language else None
        )
