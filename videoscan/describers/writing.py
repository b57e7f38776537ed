"""Requests without pictures: what has been seen already is put into other words by the same endpoint, or by another model there."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import orjson

from videoscan import flow
from videoscan.describers import answer
from videoscan.describers.exchange import RAW_KEPT, Smaller
from videoscan.describers.request import Meter
from videoscan.errors import BadReply, ContentFiltered, DescribeError
from videoscan.model import Description, Failure, Prompt

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from videoscan.describers.endpoint import Endpoint
    from videoscan.describers.exchange import Exchange
    from videoscan.describers.replies import Reply
    from videoscan.describers.request import Request

TRIES = 3
"""How often an answer that cannot be read is asked for, in all."""
NO_WINDOW = -1
"""What stands for a window's place in the log of calls."""


async def written(
    exchange: Exchange,
    endpoint: Endpoint,
    request: Callable[[Prompt, bool], Request],
    prompt: Prompt,
    *,
    keys: Collection[str],
) -> Description:
    """The answer to a text-only prompt, as JSON in `Description.raw`; or a failure as a value, whatever it was.

    `request` makes the request, with the form of the answer put into words where that is true. The answer is the last JSON object in
    the text that has one of `keys`.
    """
    began, meter = time.monotonic(), Meter(NO_WINDOW)
    failure: Failure | None = None
    text: str | None = None
    try:
        text = await _text(exchange, endpoint, request, prompt, meter, keys)
    except Smaller as smaller:
        failure = Failure("RequestRejected", f"{endpoint.address.host}: the text is too long: {smaller}")
    except DescribeError as error:
        raw = None if error.raw is None else endpoint.mask(error.raw)[:RAW_KEPT]
        failure = Failure(type(error).__name__, str(error), raw)
    return Description(
        failure=failure,
        attempts=max(1, meter.usage.requests),
        usage=meter.usage,
        seconds=time.monotonic() - began,
        flags=tuple(meter.flags),
        raw=text,
    )


async def _text(
    exchange: Exchange,
    endpoint: Endpoint,
    request: Callable[[Prompt, bool], Request],
    prompt: Prompt,
    meter: Meter,
    keys: Collection[str],
) -> str:
    instruct, reply, why = False, None, ""
    for turn in range(TRIES):
        try:
            reply = await exchange.reply_to(request(prompt, instruct), meter, again=turn > 0)
        except BadReply as error:
            why = error.message.removeprefix(f"{endpoint.address.host}: ")
            continue
        if reply.finish == "content_filter":
            raise ContentFiltered(f"{endpoint.address.host}: the content filter withheld the answer", raw=reply.text or None)
        said = _said(reply)
        found = await flow.aside(len(said), answer.find_object, said, keys)
        if found is not None and found[1]:
            return orjson.dumps(found[0], default=str).decode()
        why = "the answer has no JSON in the form that was asked for"
        instruct = True
    raise BadReply(f"{endpoint.address.host}: {why}, {TRIES} times in all", raw=_said(reply) if reply else None)


def _said(reply: Reply) -> str:
    return reply.text if reply.text.strip() else reply.reasoning
