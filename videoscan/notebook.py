"""What a describer writes down between a window's question and its answer, in the journal: parts of windows, and what a probe took."""

from __future__ import annotations

import functools
import hashlib
import json
from typing import TYPE_CHECKING

from videoscan import flow
from videoscan.journal import key_of
from videoscan.model import Usage

if TYPE_CHECKING:
    from videoscan.journal import Journal
    from videoscan.model import Description, Prompt, Window
    from videoscan.request import Request


class JournalNotebook:
    """One scan's notebook; see `videoscan.seams.Notebook`."""

    def __init__(self, journal: Journal, request: Request) -> None:
        self._journal, self._asked = journal, request.asked
        # Of this question only: another one is another scan, and did not pay for the probe.
        whole = [self._asked, request.prompt.system, request.prompt.instructions]
        self._scan = hashlib.sha256(json.dumps(whole, sort_keys=True, default=str).encode()).hexdigest()[:32]

    async def recall(self, part: Window, prompt: Prompt) -> Description | None:
        """The answer about a part of a window, if there was one."""
        return await flow.in_thread(self._journal.answer, await self._key(part, prompt))

    async def note(self, part: Window, prompt: Prompt, description: Description) -> None:
        """Write down the answer about a part of a window. Raises `StoreError`."""
        await flow.in_thread(self._journal.record, await self._key(part, prompt), part, description)

    async def probed(self, usage: Usage) -> None:
        """Write down what trying out the endpoint took. Raises `StoreError`."""
        if usage != Usage():
            await flow.in_thread(self._journal.record_probe, self._scan, usage)

    @property
    def probes(self) -> Usage:
        """What trying out the endpoint took for this scan, in former runs as well."""
        return self._journal.probes(self._scan)

    async def _key(self, part: Window, prompt: Prompt) -> str:
        return await flow.in_thread(functools.partial(key_of, part, prompt, self._asked, measured=False))
