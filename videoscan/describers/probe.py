"""The first use of an unknown endpoint: two requests of the shape that is about to be sent, with test cards for pictures.

They show early what otherwise shows late, or never: that so many pictures are refused, that `response_format` is not taken, that
pictures are dropped without a word. Judged by status and by the prompt's tokens, never by what the model says: one too weak to read
cards still works. What is found is remembered, counted in the window that waited for it, and told as a note; it stops no scan.
"""

from __future__ import annotations

import datetime as dt
import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from videoscan import flow
from videoscan.describers import cards, known
from videoscan.describers import shape as shapes
from videoscan.describers.endpoint import PictureTokens
from videoscan.describers.exchange import Exchange, Smaller
from videoscan.describers.known import Known, Sight
from videoscan.describers.request import Meter, Request
from videoscan.errors import BadReply, BudgetSpent, DescribeError, EndpointRefused, EndpointUnreachable, StoreError
from videoscan.model import Prompt

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from videoscan.describers.dialects import Dialect
    from videoscan.describers.endpoint import Endpoint, Learned
    from videoscan.describers.openai_options import OpenAiOptions
    from videoscan.model import Picture, Usage

MOST_PICTURES = 16
"""Cards in the second request at most: a window may have more, but the probe is to stay short."""
MAX_TOKENS = 64
ROLE = "You look at test cards."
QUESTION = "List the number and the word of every card."
SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {"cards": {"type": "array", "maxItems": MOST_PICTURES, "items": {"type": "string", "maxLength": 40}}},
    "required": ["cards"],
    "additionalProperties": False,
}
_LABEL_TOKENS = 30
"""A picture's label costs no more than this: growth below it is no picture's."""
_CERTAIN = 0.7
"""Pictures count as dropped when each further one added less than this share of the first: its words are estimated."""
_WORTH_TELLING = 64
"""Prompt tokens from which on a first picture is sure to be in the count."""


@dataclass(frozen=True, slots=True)
class Found:
    """What two requests showed. `seen` of `sent` pictures are in the prompt's tokens; `None` where that tells nothing."""

    sent: int
    seen: int | None
    usage: Usage
    tells_usage: bool | None = None
    certain: bool = True
    """Whether it is worth remembering: a server that only had a bad moment is asked again next time."""
    fault: str | None = None
    refused: str | None = None
    """Why so many pictures at once are more than it takes: no fault, and windows are asked in parts then."""
    takes: int | None = None
    """How many it takes at once, where it said so when it refused more."""
    picture: PictureTokens | None = None
    """What one more picture adds, where all of them are counted."""


async def probe(
    exchange: Exchange,
    shape: Sequence[Picture],
    *,
    dialect: Dialect,
    learned: Learned,
    model: str | None,
    options: OpenAiOptions,
) -> Found:
    """Ask about one card, then about as many as `shape` has pictures, of their size and format.

    `learned` is written to where the endpoint refuses something. Raises what ends a scan as well: `EndpointRefused`, and
    `EndpointUnreachable` when nothing was reached at all.
    """
    meter = Meter(-1)
    most = min(max(2, len(shape)), MOST_PICTURES, *([dialect.pictures] if dialect.pictures else []))
    first = shape[0]
    counts = (1, most) if most > 1 else (1,)
    tokens: list[int | None] = []
    fault: str | None = None
    for count in counts:
        # Other words each time, so that a server that remembers prompts has seen neither.
        deal = functools.partial(cards.deal, width=first.width, height=first.height, media_type=first.media_type, seed=count)
        dealt = await flow.in_thread(deal, count)
        request = Request(
            [card.picture for card in dealt],
            Prompt(system=ROLE, instructions=QUESTION, schema=dict(SCHEMA)),
            model=model,
            dialect=dialect,
            learned=learned,
            max_tokens=MAX_TOKENS,
            instruct=False,
            extra=options.extra_body,
            detail=options.detail,
        )
        try:
            reply = await exchange.reply_to(request, meter, again=False)
        except EndpointRefused:
            raise
        except EndpointUnreachable as error:
            if not exchange.reached:
                raise
            return Found(most, None, meter.usage, certain=False, fault=error.message)
        except Smaller as smaller:
            if smaller.refusal.pictures is not None:
                learned.pictures = min(learned.pictures or count, smaller.refusal.pictures)
            return Found(most, None, meter.usage, refused=smaller.refusal.message, takes=smaller.refusal.pictures)
        except BudgetSpent as error:
            return Found(most, None, meter.usage, certain=False, fault=error.message)
        except BadReply as error:
            tokens.append(None)
            fault = error.message
            continue
        except DescribeError as error:
            return Found(most, None, meter.usage, certain=not error.retryable, fault=error.message)
        tokens.append(reply.prompt_tokens)
    too_small = dialect.cost.tokens(first.width, first.height) < _WORTH_TELLING
    if too_small or len(tokens) < 2 or tokens[0] is None or tokens[1] is None:
        return Found(most, None, meter.usage, tells_usage=any(count is not None for count in tokens), fault=fault)
    drawn = len(shapes.drawn(SCHEMA)) if dialect.json_schema is None else 0
    counted = seen(tokens[0], tokens[1], most, len(ROLE) + len(QUESTION) + drawn)
    each = PictureTokens(first.width, first.height, round((tokens[1] - tokens[0]) / (most - 1), 1)) if counted == most else None
    return Found(most, counted, meter.usage, tells_usage=True, picture=each)


def seen(of_one: int, of_all: int, sent: int, characters: int) -> int | None:
    """How many of `sent` pictures are in the count of a prompt's tokens, by that of the same words with one picture.

    `None` where neither request's pictures can be in it. `characters` is the length of the words; they are estimated at twice what
    they usually cost, so that pictures are called dropped only when it is plain.
    """
    words = characters // 2
    one, growth = of_one - words - _LABEL_TOKENS, (of_all - of_one) / max(1, sent - 1)
    if growth <= _LABEL_TOKENS:
        # The first picture is counted, the others are not; or none ever is.
        return 1 if one >= _WORTH_TELLING else None
    if growth >= _CERTAIN * one:
        return sent
    return max(1, min(sent - 1, round(1 + (of_all - of_one) / max(1, of_one - words // 2))))


def profile(found: Found, endpoint: Endpoint, model: str, learned: Learned, shape: Sequence[Picture], text: str | None) -> Known:
    """What is remembered of a first use."""
    return Known(
        endpoint=endpoint.address.shown,
        model=model,
        by="probe",
        measured=dt.datetime.now(dt.UTC).replace(microsecond=0),
        requests=found.usage.requests,
        sight=Sight(sent=found.sent, counted=found.seen, width=shape[0].width, height=shape[0].height),
        picture=found.picture,
        pictures=learned.pictures,
        json_schema="refused" if learned.json_schema is False else None,
        limit_key="max_completion_tokens" if learned.limit_key == "max_completion_tokens" else "max_tokens",
        tells_usage=found.tells_usage,
        warnings=() if text is None else (text,),
    )


def warning(found: Found, host: str, dialect: Dialect) -> str | None:
    """What a person must know of it, `None` when all is well."""
    command = "`videoscan doctor --endpoint` shows what is really seen"
    if found.seen is not None and found.seen < found.sent:
        remedy = dialect.remedy or "raise the server's context, or send fewer pictures (windows.max_frames)"
        about = "one" if found.seen == 1 else f"about {found.seen}"
        return (
            f"{host} seems to drop pictures silently: of {found.sent} in a request {about} can be in its count of prompt tokens. "
            f"{remedy}. {command}"
        )
    if found.takes is not None:
        whole = f"--set windows.max_frames={found.takes} has them asked whole"
        return f"{host} takes {found.takes} picture{'s'[: found.takes != 1]} in a request at most: windows with more are asked in parts; {whole}"
    if found.refused is not None:
        return f"{host} refused {found.sent} pictures in a request, and windows with so many are asked in parts: {found.refused}"
    if found.fault is not None:
        return f"the first-use probe of {host} was not answered as it should be: {found.fault}"
    return None


def remember(found: Found, profile: Known) -> str | None:
    """Write it down; a sentence why not, if that cannot be done."""
    if not found.certain:
        return None
    try:
        known.remember(profile)
    except StoreError as error:
        return f"what the first-use probe found is not kept: {error.message}"
    return None
