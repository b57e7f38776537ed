"""Before the first window: a session goes by what is known of its endpoint, or tries the endpoint out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from videoscan.describers import probe
from videoscan.model import Note

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from videoscan.describers.dialects import Dialect
    from videoscan.describers.endpoint import Endpoint, Learned
    from videoscan.describers.exchange import Exchange
    from videoscan.describers.known import Known
    from videoscan.model import Call, Picture, Usage

TEXT_ROOM = 1000
"""Tokens of a request's words, at a guess, where a measured context is shared out."""


def go_by(known: Known, learned: Learned, host: str) -> list[str]:
    """Take over what was learned in an earlier run; what is to be said of it.

    A probe's limits are taken over only now, after the windows are planned: a scan that goes on after its own first probe must plan
    the same windows as before.
    """
    learned.limit_key = known.limit_key
    if known.by == "probe":
        if known.pictures is not None:
            learned.pictures = min(learned.pictures or known.pictures, known.pictures)
        learned.json_schema = False if known.json_schema == "refused" else learned.json_schema
    said = [known.sentence()] if known.by == "doctor" or known.stale else []
    return [f"{host}: {text}" if not text.startswith(host) else text for text in (*said, *known.warnings)]


def room_for_pictures(known: Known | None, max_tokens: int) -> int | None:
    """Prompt tokens that a window's pictures may have by a measured context, beside words and answer; `None` without one."""
    if known is None or known.by != "doctor" or known.context is None:
        return None
    left = max(2, known.context - TEXT_ROOM)
    return left - min(max_tokens, left // 2)


async def try_out(
    exchange: Exchange,
    pictures: Sequence[Picture],
    *,
    endpoint: Endpoint,
    model: str,
    dialect: Dialect,
    extra: Mapping[str, Any],
    told: Callable[[Call | Note], None],
) -> Usage:
    """Probe an endpoint that nothing is known of, say what must be said, and remember it; what it took is returned."""
    host, learned = endpoint.address.host, endpoint.learned(model)
    told(Note(f"first use of {host} (model {model}): two requests with test cards show what it takes; remembered afterwards"))
    found = await probe.probe(exchange, pictures, dialect=dialect, learned=learned, model=model, extra=extra)
    text = probe.warning(found, host, dialect)
    forgotten = probe.remember(found, probe.profile(found, endpoint, model, learned, pictures, text))
    for said in (text, forgotten):
        if said is not None:
            told(Note(said))
    return found.usage
