"""Text-only questions to a model, each answered once: what is of use is in the journal before it is used, like a window's answer."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, TypeVar

from videoscan import flow, registry
from videoscan.model import Usage
from videoscan.seams import Writer

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from videoscan.journal import Journal
    from videoscan.model import Prompt
    from videoscan.observe import Observer
    from videoscan.request import Request
    from videoscan.seams import DescriberSession, Ledger

T = TypeVar("T")

_LONGEST = 4_096
"""Tokens of one answer at most."""
_LEAST_ROOM = 200
"""Tokens of material in one request, however small it is to be."""


class Letters:
    """Questions of one kind to a writer. `usage` and `seconds` are what their answers took, those from the journal included.

    `kind` is what they are called in the journal, `model` who is asked where that is not the one that describes. An answer has one of
    `keys` and at most `answer_tokens`.
    """

    def __init__(
        self,
        request: Request,
        writer: Writer,
        journal: Journal | None,
        *,
        kind: str,
        model: str | None,
        keys: Collection[str],
        answer_tokens: int,
    ) -> None:
        self._writer, self._journal = writer, journal
        self._kind, self._keys, self._answer_tokens = kind, keys, answer_tokens
        self._asked = {**request.asked, "model": model or request.model}
        self.usage, self.seconds = Usage(), 0.0

    async def ask(self, prompt: Prompt, read: Callable[[dict[str, Any]], T | None]) -> T | str | None:
        """What `read` makes of the answer: `None` where that says nothing, which is not written down; or why there is no answer."""
        key = self._key(prompt)
        known = await flow.in_thread(self._journal.answer, key) if self._journal is not None else None
        told = known or await self._writer.write(prompt, max_tokens=self._answer_tokens, keys=self._keys)
        self.usage += told.usage
        self.seconds += told.seconds
        if told.failure is not None:
            return told.failure.message
        made = read(json.loads(told.raw or "{}"))
        if made is not None and self._journal is not None and known is None:
            await flow.in_thread(self._journal.record_words, key, self._kind, told)
        return made

    def _key(self, prompt: Prompt) -> str:
        parts: list[Any] = [self._asked, prompt.system, prompt.instructions, prompt.schema, self._answer_tokens]
        return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:32]


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
    """How `most` tokens of a request are shared out: for the answer, and for material beside `words` tokens of instructions."""
    answer = min(_LONGEST, most // 4)
    return answer, max(_LEAST_ROOM, most - answer - words)
