"""Questions of size and number: the largest body, how many requests at once, and how the time grows with the pictures."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from videoscan.describers import cards
from videoscan.describers.known import Speed
from videoscan.describers.measuring.talk import OK
from videoscan.patience import now

if TYPE_CHECKING:
    from collections.abc import Sequence

    from videoscan.describers.measuring.client import Client, Outcome
    from videoscan.describers.measuring.sight import Sighted

BODY_BOUND = 32_000_000
"""Bytes of the largest body that is tried: a window of 16 large pictures has 10 MB."""
BODY_TRIES = 8
_FIRST_BODY = 4_000_000
_RAW_SHARE = 0.74
"""Bytes of a picture per byte of its Base64 text, and a little less."""
LEVELS = (1, 2, 4, 8)
FEW_LEVELS = (1, 4)
ROUNDS = 2
_NEAR = 0.9
"""Share of the best throughput that is as good: the rest is chance."""


@dataclass(frozen=True, slots=True)
class Body:
    """The largest body that was taken, the smallest that was refused, and why; bytes. `bound` is where trying ended."""

    taken: int
    refused: int | None
    bound: int
    why: str | None = None


async def body(client: Client, *, pictures: int, bound: int = BODY_BOUND, tries: int = BODY_TRIES) -> Body:
    """Pad pictures until they are refused, then halve the distance. `pictures` is how many a request may have."""
    count = max(1, min(pictures, 8))
    # No single picture may be larger than the endpoint takes: that is another limit.
    bound = min(bound, int(count * client.dialect.picture_bytes * 0.95))
    taken, refused, why = 0, None, None
    size = min(_FIRST_BODY, bound)
    for _ in range(tries):
        client.say(f"a body of {size / 1e6:.1f} MB")
        outcome = await _sized(client, count, size)
        if outcome.reply is not None:
            taken = max(taken, outcome.body_bytes)
            if refused is None and size >= bound:
                break
            size = min(bound, size * 2) if refused is None else (taken + refused) // 2
        else:
            refused, why = size, outcome.why
            size = (taken + refused) // 2
        if refused is not None and refused - taken < max(100_000, refused // 20):
            break
    return Body(taken, refused, bound, why)


async def _sized(client: Client, count: int, size: int) -> Outcome:
    each = int(size * _RAW_SHARE / count)
    pictures = [cards.padded(card.picture, each) for card in cards.deal(count, width=64, height=64)]
    return await client.ask(OK, pictures, max_tokens=16)


@dataclass(frozen=True, slots=True)
class Level:
    """So many requests at once: requests answered per second, the median seconds of one, and how many failed."""

    at_once: int
    per_second: float
    median: float
    failed: int
    why: str | None = None


async def levels(client: Client, at_once: Sequence[int]) -> tuple[Level, ...]:
    """Small requests, more and more at once; ends where some are refused."""
    found: list[Level] = []
    for count in at_once:
        client.say(f"{count} request{'s' if count > 1 else ''} at once")
        began, outcomes = now(), []
        for turn in range(ROUNDS):
            shown = [[card.picture] for card in cards.deal(count, width=448, height=252, seed=None if turn else count)]
            outcomes += await client.at_once(count, OK, shown, max_tokens=32)
        spent = max(1e-6, now() - began)
        good = [outcome for outcome in outcomes if outcome.reply is not None]
        bad = [outcome for outcome in outcomes if outcome.reply is None]
        median = statistics.median(outcome.seconds for outcome in good) if good else 0.0
        found.append(Level(count, len(good) / spent, median, len(bad), bad[0].why if bad else None))
        if bad:
            break
    return tuple(found)


def worth(found: Sequence[Level]) -> int | None:
    """Requests at once from which on more only wait: the fewest that come near the best throughput.

    `None` where the most that were tried were the best, or nothing was answered.
    """
    whole = [level for level in found if not level.failed and level.per_second > 0]
    if not whole:
        return None
    best = max(level.per_second for level in whole)
    enough = next(level for level in whole if level.per_second >= best * _NEAR)
    return None if enough is found[-1] else enough.at_once


def speed(sighted: Sighted, per_token: float | None) -> Speed | None:
    """How long an answer takes by its number of pictures, by least squares over the looks; `None` for fewer than two."""
    points = [
        (look.sent, look.seconds - (per_token or 0.0) * (look.completion_tokens or 0))
        for look in sighted.taken
        if look.completion_tokens is not None or per_token is None
    ]
    if len(points) < 2:
        return None
    x, y = np.array(points, float).T
    each, first = (float(value) for value in np.polyfit(x, y, 1))
    if first < 0:
        # Through nothing: a request of no pictures does not take less than no time.
        first, each = 0.0, float((x * y).sum() / (x * x).sum())
    return Speed(
        first=round(first, 4),
        per_picture=round(max(0.0, each), 4),
        per_token=round(per_token or 0.0, 5),
        width=sighted.width,
        height=sighted.height,
    )
