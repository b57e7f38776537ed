"""Before the first window: a session goes by what is known of its endpoint, or tries the endpoint out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from videoscan.describers import dialects, known, probe
from videoscan.describers.families import at_low_detail
from videoscan.model import Usage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from videoscan.describers.dialects import Dialect
    from videoscan.describers.endpoint import Endpoint, Learned
    from videoscan.describers.exchange import Exchange
    from videoscan.describers.known import Known
    from videoscan.describers.openai_options import OpenAiOptions
    from videoscan.model import Picture

TEXT_ROOM = 1000
"""Tokens of a request's words, at a guess, where a measured context is shared out."""


REMEDY = "raise the server's context, or send fewer pictures (windows.max_frames)"
_LOST = 0.8
"""Of the tokens that its pictures should have, a prompt has fewer than this share only when pictures are missing."""
_ALIKE = 0.1
"""Share by which two pictures' areas may differ and still cost the same."""


class Familiar:
    """An endpoint and a model as one session knows them: what kind of server it is, and what earlier runs measured.

    `row` is the dialect's, with what `doctor` measured laid over it.
    """

    def __init__(self, endpoint: Endpoint, model: str | None, options: OpenAiOptions) -> None:
        self._endpoint, self._model, self._options = endpoint, model, options
        dialect = options.dialect
        self._known = known.recall(endpoint.address.shown, model)
        if dialect == "auto" and self._known is not None and self._known.dialect is not None:
            dialect = self._known.dialect
        row = dialects.for_endpoint(
            endpoint.address.chat, model or (self._known.model if self._known is not None else None), dialect
        )
        over = row if self._known is None else self._known.over(row)
        # What was measured was measured at full detail.
        self.row: Dialect = over if options.detail != "low" else replace(over, cost=at_low_detail(row.cost))

    @property
    def _examined(self) -> Known | None:
        return self._known if self._known is not None and self._known.by == "doctor" else None

    def at_once(self, wanted: int) -> int:
        """Requests at once: as many as are wanted, but no more than were found to be worth it."""
        most = self._examined.concurrency if self._examined is not None else None
        return min(wanted, most or wanted)

    def room_for_pictures(self, max_tokens: int) -> int | None:
        """Prompt tokens that a window's pictures may have by a measured context, beside words and answer; `None` without one."""
        if self._examined is None or self._examined.context is None:
            return None
        left = max(2, self._examined.context - TEXT_ROOM)
        return left - min(max_tokens, left // 2)

    async def introduce(self, exchange: Exchange, pictures: Sequence[Picture]) -> Usage:
        """Go by what is known, or try the endpoint out if nothing is. Once per endpoint and model; what it took is returned."""
        learned = self._endpoint.learned(self._model)
        if learned.introduced or not pictures or self._model is None:
            return Usage()
        async with learned.introducing:
            if self._endpoint.learned(self._model).introduced:
                return Usage()
            usage = Usage()
            if self._known is not None:
                self._go_by(self._known, exchange)
            elif known.may_probe(self._options.probe):
                usage = await self._try_out(exchange, self._model, pictures)
            learned.introduced = True
            return usage

    def _go_by(self, found: Known, exchange: Exchange) -> None:
        """Take over what was learned in an earlier run, and say what must be said of it.

        A probe's limits are taken over only now, after the windows are planned: a scan that goes on after its own first probe must
        plan the same windows as before.
        """
        learned, host = self._endpoint.learned(self._model), self._endpoint.address.host
        learned.limit_key = found.limit_key
        learned.picture = found.picture if self._options.detail != "low" else None
        if found.by == "probe":
            if found.pictures is not None:
                learned.pictures = min(learned.pictures or found.pictures, found.pictures)
            learned.json_schema = False if found.json_schema == "refused" else learned.json_schema
        said = [found.sentence()] if found.by == "doctor" or found.stale else []
        for text in (*said, *found.warnings):
            exchange.note(text if host in text else f"{host}: {text}")

    async def _try_out(self, exchange: Exchange, model: str, pictures: Sequence[Picture]) -> Usage:
        """Probe an endpoint that nothing is known of, say what must be said, and remember it; what it took is returned."""
        endpoint, learned, host = self._endpoint, self._endpoint.learned(model), self._endpoint.address.host
        exchange.note(
            f"first use of {host} (model {model}): two requests with test cards show what it takes; remembered afterwards"
        )
        found = await probe.probe(exchange, pictures, dialect=self.row, learned=learned, model=model, options=self._options)
        learned.picture = found.picture
        text = probe.warning(found, host, self.row)
        forgotten = probe.remember(found, probe.profile(found, endpoint, model, learned, pictures, text))
        for said in (text, forgotten):
            if said is not None:
                exchange.note(said)
        return found.usage


def lost(pictures: Sequence[Picture], prompt_tokens: int | None, learned: Learned) -> str | None:
    """That pictures were dropped on the way, by the count of a prompt's tokens; `None` where all is well or nothing can be told.

    Only pictures of about the size that was measured are judged. The words around them cost what remained of the fullest prompt so
    far: where pictures are missing, less remains.
    """
    each = learned.picture
    if each is None or prompt_tokens is None or len(pictures) < 2:
        return None
    if any(abs(picture.width * picture.height / (each.width * each.height) - 1) > _ALIKE for picture in pictures):
        return None
    shown = each.tokens * len(pictures)
    learned.words = max(learned.words, prompt_tokens - shown)
    if prompt_tokens - learned.words >= _LOST * shown:
        return None
    about = max(1, int((prompt_tokens - learned.words) / each.tokens))
    return (
        f"pictures seem to be dropped silently: of {len(pictures)} about {about} can be among the prompt's {prompt_tokens} tokens"
    )
