"""What one window's parts have been answered so far: where an endpoint takes a window in parts only, a failed one costs no other its answer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from videoscan.describers.answer import Reading
from videoscan.model import Description, Usage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from videoscan.model import Picture, Prompt, Window
    from videoscan.seams import Notebook


@dataclass(frozen=True, slots=True)
class Kept:
    """The answers about parts of `window`, asked with `prompt`, in a notebook; without one nothing is kept."""

    window: Window
    prompt: Prompt
    notebook: Notebook | None = None

    async def recall(self, pictures: Sequence[Picture]) -> tuple[Reading, Usage] | None:
        """What was answered about exactly these pictures before, and what that took."""
        if self.notebook is None:
            return None
        known = await self.notebook.recall(self._part(pictures), self.prompt)
        if known is None:
            return None
        return Reading(known.observations, known.events, known.summary, known.flags), known.usage

    async def note(self, pictures: Sequence[Picture], reading: Reading, usage: Usage) -> None:
        """Write an answer down before it is used."""
        if self.notebook is not None:
            told = Description(reading.observations, reading.events, reading.summary, usage=usage, flags=reading.flags)
            await self.notebook.note(self._part(pictures), self.prompt, told)

    def _part(self, pictures: Sequence[Picture]) -> Window:
        return replace(self.window, pictures=tuple(pictures), start=pictures[0].time, end=pictures[-1].time, marks=(), overlap=0)
