"""Waiting, everywhere the same: backoff with jitter, what a server asks for, rates per minute, and a mode in which no wait takes time.

Nothing else in videoscan sleeps. Everything is bounded: one wait by `Patience.longest`, all waits for one thing by
`Patience.tries` and `Patience.total`, whatever a server asks for.
"""

from __future__ import annotations

import asyncio
import contextlib
import email.utils
import math
import random
import re
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aiolimiter import AsyncLimiter

if TYPE_CHECKING:
    import threading
    from collections.abc import AsyncIterator, Iterator


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to go on trying. Seconds throughout.

    The n-th wait (from 1) is drawn from the upper half of ``first * 2**(n - 1)``, never above `longest`. `tries` counts requests,
    the first included. `total` bounds the whole of it.
    """

    tries: int = 6
    first: float = 0.5
    longest: float = 120.0
    total: float = 900.0

    def wait(self, failures: int, asked: float | None = None) -> float:
        """Seconds to wait after so many failures (at least 1); `asked` is what the server wants, taken at its word up to `longest`.

        "Equal jitter": half of the wait is certain, half is random, so that many clients do not come back as one (AWS
        Architecture Blog, "Exponential backoff and jitter"). A wait that was asked for is only ever made longer, by a tenth at most;
        to be asked for none is not to be asked.
        """
        if asked:
            return min(self.longest, asked * (1 + random.random() / 10))
        most = min(self.longest, self.first * 2.0 ** min(failures - 1, 30))
        return most / 2 + random.random() * most / 2


@dataclass(slots=True)
class _Skipped:
    """The test mode's state: whether it is on, the seconds it leapt over, and each wait."""

    depth: int = 0
    seconds: float = 0.0
    waits: list[float] = field(default_factory=list)


_skipped = _Skipped()


@contextlib.contextmanager
def instantly() -> Iterator[list[float]]:
    """Test mode: inside, every wait takes no time and is noted in the list handed out; `now` leaps as if it had taken it.

    For the whole process, not only for one task; may be nested. Timeouts of connections are not waits and stay real.
    """
    _skipped.depth += 1
    if _skipped.depth == 1:
        _skipped.waits = []
    try:
        yield _skipped.waits
    finally:
        _skipped.depth -= 1


def now() -> float:
    """A monotonic clock in seconds that the waits of the test mode move forward."""
    return time.monotonic() + _skipped.seconds


async def sleep(seconds: float) -> None:
    """Wait. Nothing at all for zero or less."""
    if seconds <= 0:
        return
    if _skipped.depth:
        _skipped.waits.append(seconds)
        _skipped.seconds += seconds
        await asyncio.sleep(0)
        return
    await asyncio.sleep(seconds)


_SECONDS = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(ms|s)?\s*")
# Gemini: error.details[].retryDelay "55s"; others say it in prose: "Please try again in 1.5s", "retry after 20 seconds".
_IN_BODY = re.compile(
    r"retry_?(?:delay|after)[\\\"']*\s*:\s*[\\\"']*(\d+(?:\.\d+)?)\s*(ms|s)?\b|(?:try again|retry)[^.\n]{0,20}?\b(?:in|after) (\d+(?:\.\d+)?)\s*(ms|s)",
    re.IGNORECASE,
)


def retry_after(header: str | None, body: str = "", *, clock: float | None = None) -> float | None:
    """Seconds a server asks to wait, from its Retry-After header (seconds or an HTTP date, RFC 9110 10.2.3) or its error's text.

    A date that has passed is 0. What cannot be read is `None`. Unbounded: `Patience.wait` holds the bound. `clock` is the wall time
    (seconds of the epoch) that a date is compared with.
    """
    if header:
        found = _SECONDS.fullmatch(header)
        if found:
            return float(found[1]) / (1000 if found[2] == "ms" else 1)
        with contextlib.suppress(ValueError, TypeError, OverflowError):
            when = email.utils.parsedate_to_datetime(header.strip()).timestamp()
            return max(0.0, when - (time.time() if clock is None else clock))
    found = _IN_BODY.search(body)
    if found:
        number, unit = (found[1], found[2]) if found[1] else (found[3], found[4])
        return float(number) / (1000 if (unit or "s").lower() == "ms" else 1)
    return None


class SystemClock:
    """The computer's own clock, as `videoscan.seams.Clock` wants one."""

    def monotonic(self) -> float:
        """Seconds since the computer started, mostly."""
        return time.monotonic()

    def wall(self) -> float:
        """Seconds since 1970."""
        return time.time()

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait for the event, really."""
        return event.wait(max(0.0, seconds))


SYSTEM = SystemClock()


class Deadline:
    """An end of all waiting, on the clock of `now`."""

    def __init__(self, seconds: float) -> None:
        self._end = now() + seconds

    @property
    def left(self) -> float:
        """Seconds until then, never below 0."""
        return max(0.0, self._end - now())

    def put_off(self, seconds: float) -> None:
        """So many seconds do not count."""
        self._end += seconds


class Gate:
    """Holds everybody back until a time: when one request is told to wait, its neighbours need not ask to be told the same."""

    def __init__(self) -> None:
        self._until = -math.inf

    def close_for(self, seconds: float) -> None:
        """Let nobody through for so long from now; never shortens what was said before."""
        self._until = max(self._until, now() + seconds)

    async def passage(self) -> None:
        """Return when the gate is open."""
        while (left := self._until - now()) > 0:
            await sleep(left)


class Rate:
    """So many units per minute, at most; no limit for `None`. For one event loop.

    A leaky bucket (aiolimiter). It starts with room for `burst` of a minute's units, so that the first minute lets through
    ``1 + burst`` times the rate at most.
    """

    def __init__(self, per_minute: float | None, *, burst: float = 0.1) -> None:
        self._room = max(1.0, per_minute * burst) if per_minute else 0.0
        self._limiter = AsyncLimiter(self._room, 60 * self._room / per_minute) if per_minute else None

    async def take(self, units: float = 1.0) -> None:
        """Wait for room for `units`. More than the bucket holds are taken as a full bucket, one after the other."""
        if self._limiter is None:
            return
        while units > 0:
            part = min(units, self._room)
            units -= part
            if _skipped.depth and not self._limiter.has_capacity(part):
                await sleep(part * self._limiter.time_period / self._limiter.max_rate)
                continue
            await self._limiter.acquire(part)


class Pace:
    """How many requests a server is sent at once: fewer when it says that it is too many, more while it keeps up.

    Additive increase, multiplicative decrease (Chiu and Jain 1989). Begins at `FIRST`, halves when a request that began since the
    last change is throttled, and grows by one after as many answers in a row as there are slots, as long as their mean time stays
    below twice the best so far; between 1 and `most`.
    """

    FIRST = 4

    def __init__(self, slots: Slots, most: int) -> None:
        self._slots = slots
        self._most = max(1, most)
        self._in_a_row = 0
        self._spent = 0.0
        self._best = math.inf
        self._changed = -math.inf
        slots.limit = min(self._most, self.FIRST)

    @property
    def most(self) -> int:
        """What the profile allows."""
        return self._most

    @most.setter
    def most(self, value: int) -> None:
        self._most = max(1, value)
        self._slots.limit = min(self._slots.limit, self._most) if self._slots.limit > self.FIRST else min(self._most, self.FIRST)

    def answered(self, seconds: float) -> None:
        """A request was answered within so many seconds."""
        self._in_a_row += 1
        self._spent += seconds
        if self._in_a_row < self._slots.limit:
            return
        mean = self._spent / self._in_a_row
        self._in_a_row, self._spent = 0, 0.0
        self._best = min(self._best, mean)
        if mean <= 2 * self._best and self._slots.limit < self._most:
            self._slots.limit += 1

    def throttled(self, began: float) -> None:
        """The server refused a request that began then (on the clock of `now`), for there were too many."""
        self._in_a_row, self._spent = 0, 0.0
        if began > self._changed:
            self._changed = now()
            self._slots.limit = max(1, self._slots.limit // 2)


class Slots:
    """At most `limit` at once, first come first served; the limit may change at any time. For one event loop."""

    def __init__(self, limit: int) -> None:
        self._limit = max(1, limit)
        self._busy = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def limit(self) -> int:
        """How many at once."""
        return self._limit

    @limit.setter
    def limit(self, value: int) -> None:
        self._limit = max(1, value)
        self._wake()

    @property
    def busy(self) -> int:
        """How many are inside now."""
        return self._busy

    @contextlib.asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Be one of them for the length of the block."""
        if self._busy >= self._limit or self._waiting:
            ticket: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(ticket)
            self._wake()
            try:
                await ticket
            except asyncio.CancelledError:
                if ticket.done() and not ticket.cancelled():
                    self._leave()
                else:
                    with contextlib.suppress(ValueError):
                        self._waiting.remove(ticket)
                raise
        else:
            self._busy += 1
        try:
            yield
        finally:
            self._leave()

    def _leave(self) -> None:
        self._busy -= 1
        self._wake()

    def _wake(self) -> None:
        while self._waiting and self._busy < self._limit:
            ticket = self._waiting.popleft()
            if not ticket.done():
                self._busy += 1
                ticket.set_result(None)
