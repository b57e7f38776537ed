"""Holds a session's answers to the language that was asked for: asks once more, remembers what helped, and flags what did not."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from videoscan import flow, prompts
from videoscan.language import languages

if TYPE_CHECKING:
    from videoscan.describers.answer import Reading
    from videoscan.model import Prompt

DEAF = 3
"""Windows in a row that were asked again for the language in vain: after them none is any more."""


class Tongue:
    """The language of one session's answers; `wanted` may be empty, then any will do.

    A model that had to be told twice is told twice from the start in the windows that follow.
    """

    def __init__(self, wanted: str | None) -> None:
        self.wanted = (wanted or "").strip()
        self._insists = False
        self._in_vain = 0

    def begin(self, prompt: Prompt) -> Prompt:
        """A window's prompt as it is first asked."""
        prompt = prompts.in_language(prompt, self.wanted)
        return self.insist(prompt) if self._insists else prompt

    def insist(self, prompt: Prompt) -> Prompt:
        """The same prompt after an answer in another language."""
        return prompts.insisting(prompt, self.wanted)

    async def judge(self, reading: Reading, *, again: bool) -> tuple[Reading, bool]:
        """The reading, flagged if it is in another language, and whether to insist; `again`: that was done already."""
        other = await self._other(reading)
        if other is None:
            if again:
                self._insists, self._in_vain = True, 0
            return reading, False
        self._in_vain += again
        # A flag and not a failure: what it says is there to be read, by those who can.
        flagged = replace(
            reading, flags=(*reading.flags, f"answer in another language: {other}, not {languages.shown(self.wanted)}")
        )
        return flagged, not again and self._in_vain < DEAF

    async def _other(self, reading: Reading) -> str | None:
        """The language that an answer is surely in, if it is not the one that is wanted."""
        if not self.wanted:
            return None
        told = [text for event in reading.events for text in (event.title, event.description)]
        text = "\n".join([reading.summary or "", *reading.observations, *told])
        return await flow.in_thread(languages.found_instead, text, self.wanted)
