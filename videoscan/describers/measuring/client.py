"""Sends the requests of an examination, one shape like a scan's, and counts them: there is an end, known beforehand."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from videoscan.describers import models, refusals, replies, wire
from videoscan.describers.dialects import Meaning
from videoscan.describers.endpoint import Broken
from videoscan.errors import DescribeError, EndpointRefused
from videoscan.model import Prompt
from videoscan.patience import Deadline, Patience, now, sleep

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from videoscan.describers.dialects import Dialect
    from videoscan.describers.endpoint import Answered, Endpoint
    from videoscan.describers.refusals import Refusal
    from videoscan.describers.replies import Reply
    from videoscan.describers.wire import Body
    from videoscan.model import Picture

ROLE = "You look at test cards and answer exactly as asked."
_PATIENCE = Patience(tries=4, first=1.0, longest=60.0)
_PASSING = frozenset({Meaning.THROTTLED, Meaning.FAILED})


class Enough(Exception):
    """All requests that were announced have been sent."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one request: a reply, a refusal, or the `error` why there was no answer at all."""

    seconds: float
    body_bytes: int
    status: int | None = None
    reply: Reply | None = None
    refusal: Refusal | None = None
    error: DescribeError | None = None
    slow: bool = False
    raw: bytes = field(default=b"", repr=False)
    content_type: str = ""

    @property
    def prompt_tokens(self) -> int | None:
        """As the server counts them."""
        return self.reply.prompt_tokens if self.reply is not None else None

    @property
    def why(self) -> str:
        """Why there is no reply, in a few words."""
        if self.refusal is not None:
            return f"{self.refusal.status}: {self.refusal.message[:200]}"
        return self.error.message if self.error is not None else "no answer"


class Client:
    """Asks one model. At most `most` requests are ever sent, those that are repeated included.

    `seconds` is the limit of one request. `say` is told what is being waited for.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        dialect: Dialect,
        *,
        seconds: float,
        extra: Mapping[str, Any],
        most: int,
        say: Callable[[str], None],
    ) -> None:
        self.endpoint, self.dialect, self.say = endpoint, dialect, say
        self.model: str | None = None
        self.limit_key = "max_tokens"
        self.sent = self.pictures = self.prompt_tokens = self.completion_tokens = 0
        self._seconds, self._extra, self._most = seconds, extra, most

    async def ask(
        self,
        text: str,
        pictures: Sequence[Picture] = (),
        *,
        schema: Mapping[str, Any] | None = None,
        max_tokens: int = 32,
        limit_key: str | None = None,
        more: Mapping[str, Any] | None = None,
        seconds: float | None = None,
    ) -> Outcome:
        """Send one request, and again where the server is only too busy or still loading its model.

        Raises `EndpointRefused` when no request can succeed, and `Enough`.
        """
        body = wire.body(
            pictures,
            Prompt(system=ROLE, instructions=text, schema={}),
            model=self.model,
            max_tokens=max_tokens,
            schema=schema,
            instruct=False,
            limit_key=limit_key or self.limit_key,
            detail=self.dialect.detail,
            extra={**self._extra, **(more or {})},
        )
        failures, loaded, loading = 0, 0, Deadline(models.LOADING_SECONDS)
        while True:
            outcome = await self._once(body, len(pictures), sent_schema=schema is not None, seconds=seconds or self._seconds)
            refusal = outcome.refusal
            if refusal is not None and refusal.meaning is Meaning.REFUSED:
                raise self.refused(refusal)
            if refusal is not None and refusal.meaning is Meaning.LOADING and loading.left > 0:
                self.say(models.loading(self.endpoint.address.host, loading.left))
                self.sent -= 1  # nobody worked on it
                await sleep(models.loading_pause(loaded, loading))
                loaded += 1
                continue
            failures += 1
            passing = refusal.meaning in _PASSING if refusal is not None else outcome.error is not None and not outcome.slow
            if not passing or failures >= _PATIENCE.tries or (outcome.error is not None and failures >= 2):
                return outcome
            pause = _PATIENCE.wait(failures, refusal.retry_after if refusal is not None else None)
            self.say(f"{outcome.why}; again in {pause:.0f} s")
            await sleep(pause)

    async def at_once(self, count: int, text: str, pictures: Sequence[Sequence[Picture]], **options: Any) -> list[Outcome]:
        """So many requests at the same time, each with its own pictures; nothing is repeated."""
        bodies = [
            wire.body(
                shown,
                Prompt(system=ROLE, instructions=text, schema={}),
                model=self.model,
                max_tokens=options.get("max_tokens", 32),
                schema=None,
                instruct=False,
                limit_key=self.limit_key,
                detail=self.dialect.detail,
                extra=self._extra,
            )
            for shown in pictures[:count]
        ]
        return list(
            await asyncio.gather(
                *(
                    self._once(body, len(shown), sent_schema=False, seconds=self._seconds)
                    for body, shown in zip(bodies, pictures, strict=False)
                )
            )
        )

    async def _once(self, body: Body, pictures: int, *, sent_schema: bool, seconds: float) -> Outcome:
        if self.sent >= self._most:
            raise Enough
        self.sent += 1
        self.pictures += pictures
        began = now()
        try:
            answered = await self._post(body, seconds)
        except Broken as broken:
            return Outcome(now() - began, len(body), error=broken.error, slow=broken.slow)
        outcome = self._read(answered, now() - began, len(body), sent_schema=sent_schema)
        if outcome.reply is not None:
            self.prompt_tokens += outcome.reply.prompt_tokens or 0
            self.completion_tokens += outcome.reply.completion_tokens or 0
        return outcome

    async def _post(self, body: Body, seconds: float) -> Answered:
        try:
            return await self.endpoint.post(body, seconds=seconds)
        except Broken as broken:
            if not broken.stale:
                raise
            return await self.endpoint.post(body, seconds=seconds, fresh=True)

    def _read(self, answered: Answered, seconds: float, size: int, *, sent_schema: bool) -> Outcome:
        kind = answered.headers.get("Content-Type", "")
        if answered.status != 200:
            refusal = refusals.judge(answered.status, answered.headers, answered.data, self.dialect, sent_schema=sent_schema)
            return Outcome(seconds, size, answered.status, refusal=refusal, raw=answered.data, content_type=kind)
        try:
            opened = replies.read_reply(answered.data, kind, self.dialect)
        except ValueError as fault:
            error = DescribeError(f"{self.endpoint.address.host}: {fault}")
            return Outcome(seconds, size, 200, error=error, raw=answered.data, content_type=kind)
        if isinstance(opened, refusals.Refusal):
            return Outcome(seconds, size, opened.status, refusal=opened, raw=answered.data, content_type=kind)
        return Outcome(seconds, size, 200, reply=opened, raw=answered.data, content_type=kind)

    def refused(self, refusal: Refusal) -> EndpointRefused:
        """What is raised for a refusal that nothing can be done about here."""
        told = self.endpoint.mask(refusal.message)
        if refusal.status == 401:
            what, hint = "does not accept the key", "check the key in the environment variable that the profile names"
        elif refusal.status == 403:
            what, hint = "knows the key and forbids this", "check what the account and the key may use"
        else:
            what, hint = "refuses", "check the address, the model's name and the account"
        return EndpointRefused(
            f"{self.endpoint.address.host} {what}: {refusal.status}: {told}",
            hint=hint,
            status=refusal.status,
            request_id=refusal.request_id,
        )
