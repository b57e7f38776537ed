"""What one request costs: reserved before it is sent, counted when it was answered, assumed where nobody counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from videoscan.model import Usage

if TYPE_CHECKING:
    from videoscan.describers.request import Meter
    from videoscan.model import Estimate
    from videoscan.seams import Ledger, Reservation

_WORKED = frozenset({200, 408, 500, 502, 504})
"""Answers behind which a model may have worked: gateways also say 502 and 504 of requests that are billed. What is refused with another
status was refused before anybody worked on it."""

NOT_COUNTED = "the server did not say how many tokens it took: an upper estimate counts"


class Bill:
    """One request's: `open` before it is sent, then `settle`, `unanswered` or (in any case, last) `drop`."""

    def __init__(self, ledger: Ledger | None, estimate: Estimate, meter: Meter) -> None:
        self._ledger, self._estimate, self._meter = ledger, estimate, meter
        self._before = meter.usage
        self._reservation: Reservation | None = None
        self._sent = False

    async def open(self) -> None:
        """Hold the worst back. Raises `BudgetSpent`."""
        if self._ledger is not None:
            self._reservation = await self._ledger.reserve(self._estimate)

    def send(self) -> None:
        """From now on it may be billed, whatever becomes of it."""
        self._sent = True

    async def settle(self, status: int, answer_bytes: int) -> None:
        """It was answered with `status`. What the meter has not counted by now is assumed where a model may have worked.

        A token of an answer is a byte at least, so an answer that was read whole has no more of them than bytes.
        """
        if status in _WORKED:
            longest = self._estimate.completion_tokens
            self._assume(longest if status != 200 else min(longest, answer_bytes))
        await self._close()

    async def unanswered(self, *, sent: bool) -> None:
        """No whole answer came. If it was `sent`, a model may have worked for nothing."""
        if sent:
            self._assume(self._estimate.completion_tokens)
            await self._close()
        elif self._reservation is not None:
            await self._reservation.release()

    def drop(self) -> None:
        """Whatever else happened. Nothing after one of the others."""
        if self._reservation is not None:
            self._reservation.drop(sent=self._sent)

    def _assume(self, completion: int) -> None:
        before, usage = self._before, self._meter.usage
        prompt = self._estimate.prompt_tokens if usage.prompt_tokens == before.prompt_tokens else 0
        answer = completion if usage.completion_tokens == before.completion_tokens else 0
        if prompt or answer:
            self._meter.usage += Usage(assumed_prompt_tokens=prompt, assumed_completion_tokens=answer)
            if self._ledger is not None and self._ledger.counts_tokens:
                self._meter.flag(NOT_COUNTED)

    async def _close(self) -> None:
        if self._reservation is not None:
            await self._reservation.settle(difference(self._meter.usage, self._before))


def difference(usage: Usage, before: Usage) -> Usage:
    """The tokens that came on top of `before`."""

    def more(now: int | None, then: int | None) -> int | None:
        return None if now is None or now == then else now - (then or 0)

    return Usage(
        prompt_tokens=more(usage.prompt_tokens, before.prompt_tokens),
        completion_tokens=more(usage.completion_tokens, before.completion_tokens),
        cached_tokens=more(usage.cached_tokens, before.cached_tokens),
        assumed_prompt_tokens=usage.assumed_prompt_tokens - before.assumed_prompt_tokens,
        assumed_completion_tokens=usage.assumed_completion_tokens - before.assumed_completion_tokens,
    )
