"""The `openai` describer: shows windows to a vision model behind any OpenAI-compatible chat-completions endpoint.

One window goes three steps down: `_tell` splits it where the endpoint takes fewer pictures, `_ask` asks until an answer can be read,
`Exchange` sends until something was answered at all. What goes over the wire is in `wire`, what an answer's text means in `answer`,
what is known about servers in `dialects`, connections in `endpoint`.

Requests for one window are bounded: `READABLE_TRIES` asks (until it can be read, and is in the language that was asked for), each of `OpenAiOptions.retries` + 1 requests at most (not counted: one on a fresh
connection per ask, and one per adaptation to the endpoint, of which each happens once), for every part of a split window.
"""

from __future__ import annotations

import asyncio
import functools
import os
import time
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from videoscan import flow
from videoscan.describers import answer, dialects, introduction, models, replies, wire, writing
from videoscan.describers.dialects import Meaning
from videoscan.describers.endpoint import Address, Endpoint, key_from
from videoscan.describers.exchange import RAW_KEPT, Exchange, Smaller
from videoscan.describers.introduction import Familiar
from videoscan.describers.kept import Kept
from videoscan.describers.openai_options import OpenAiOptions
from videoscan.describers.request import Meter, Request
from videoscan.describers.split import Part, cut, merge
from videoscan.describers.tongue import Tongue
from videoscan.errors import (
    BadReply,
    BudgetSpent,
    ContentFiltered,
    DescribeError,
    EndpointFailed,
    EndpointRefused,
    EndpointThrottled,
    EndpointUnreachable,
    RequestRejected,
)
from videoscan.model import Description, Failure, Usage
from videoscan.patience import Deadline, Patience
from videoscan.seams import Limits, unheard

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from videoscan.describers.answer import Reading
    from videoscan.describers.dialects import Dialect
    from videoscan.describers.endpoint import Learned
    from videoscan.describers.replies import Reply
    from videoscan.model import Call, Loading, Note, Picture, Prompt, Window
    from videoscan.seams import Ledger, Notebook

__all__ = ["OpenAiDescriber", "OpenAiOptions", "OpenAiSession"]

READABLE_TRIES = 3
"""How often an answer that cannot be read is asked for, in all, before its window counts as failed."""
_LEAST_TOKENS = 16
"""Prompt tokens of a picture for the most frugal of models."""
MOST_ANSWER_TOKENS = 16_384
"""How far `max_tokens` is raised when an answer was cut off by it."""


class OpenAiDescriber:
    """Describes windows with a vision model behind an OpenAI-compatible endpoint."""

    Options: ClassVar[type[OpenAiOptions]] = OpenAiOptions
    note: ClassVar[str | None] = None

    def __init__(self, options: OpenAiOptions) -> None:
        self.options = options

    def session(self, told: Callable[[Call | Loading | Note], None] = unheard, ledger: Ledger | None = None) -> OpenAiSession:
        """Start working. Makes no connection yet; must be called inside a running event loop.

        Raises `ConfigError` for a key or an address that cannot be used.
        """
        options = self.options
        address = Address.parse(options.endpoint)
        key = key_from(os.environ.get(options.api_key_env), options.api_key_env)
        return OpenAiSession(options, Endpoint.shared(address, key), told, ledger)


class OpenAiSession:
    """One scan's use of an endpoint. `limits` are what its windows are planned by: what is known of the endpoint beforehand.

    What it is found to take meanwhile splits windows, and changes no plan: a scan that goes on must plan the same ones as before, or
    their answers are paid for again.

    `endpoint` and `dialect` are what the session works with; both may be printed, neither shows the key.
    """

    def __init__(
        self,
        options: OpenAiOptions,
        endpoint: Endpoint,
        told: Callable[[Call | Loading | Note], None] = unheard,
        ledger: Ledger | None = None,
    ) -> None:
        self._options = options
        self.endpoint = endpoint
        self.model = options.model
        self._familiar = Familiar(endpoint, options.model, options)
        self.dialect: Dialect = self._familiar.row
        self._exchange = Exchange(
            endpoint,
            Patience(tries=options.retries + 1, total=self._window_seconds),
            seconds=options.timeout,
            key_variable=options.api_key_env,
            told=told,
            ledger=ledger,
        )
        self._tongue = Tongue(options.language)
        self._naming = asyncio.Lock()
        self._notebook: Notebook | None = None
        self._closed = False
        endpoint.open(
            concurrency=self._familiar.at_once(options.concurrency),
            requests_per_minute=options.requests_per_minute,
            tokens_per_minute=options.tokens_per_minute,
        )
        self.limits = self._planned()

    async def describe(self, window: Window, prompt: Prompt) -> Description:
        """An answer about the window's pictures, or a failure as a value.

        Raises `EndpointRefused` when no request can succeed, `EndpointUnreachable` when the endpoint was never reached, and
        `ConfigError` when no model is named and the endpoint does not settle it.
        """
        began = time.monotonic()
        meter = Meter(window.index, deadline=Deadline(self._window_seconds))
        reading: Reading | None = None
        failure: Failure | None = None
        before = Usage()
        try:
            await self._name_the_model()
            await self.endpoint.turns.turn()
            before = await self._introduce(window.pictures)
            reading = await self._tell(window.pictures, self._tongue.begin(prompt), meter, Kept(window, prompt, self._notebook))
        except DescribeError as error:
            if isinstance(error, EndpointRefused) or (isinstance(error, EndpointUnreachable) and not self.endpoint.reached):
                raise
            raw = None if error.raw is None else self.endpoint.mask(error.raw)[:RAW_KEPT]
            # The same words for every window that is left out for want of money: they are the reason for one long stretch.
            said = error.message if isinstance(error, BudgetSpent) else str(error)
            failure = Failure(type(error).__name__, said, raw)
        described = reading or answer.Reading()
        return Description(
            observations=described.observations,
            events=described.events,
            summary=described.summary,
            failure=failure,
            attempts=max(1, meter.usage.requests),
            usage=before + meter.usage,
            seconds=time.monotonic() - began,
            flags=tuple(dict.fromkeys((*meter.flags, *described.flags))),
        )

    async def _introduce(self, pictures: Sequence[Picture]) -> Usage:
        """Get to know the endpoint; what that took, unless the notebook has it."""
        usage = await self._familiar.introduce(self._exchange, pictures)
        if self._notebook is None:
            return usage
        await self._notebook.probed(usage)
        return Usage()

    def remember_in(self, notebook: Notebook) -> None:
        """Write parts of windows and the probe down; see `videoscan.seams.Remembering`."""
        self._notebook = notebook

    async def named(self) -> str | None:
        """The model's name, asked of the endpoint where the options name none; see `videoscan.seams.Naming`."""
        await self._name_the_model()
        return self.model

    async def write(self, prompt: Prompt, *, max_tokens: int, keys: Collection[str]) -> Description:
        """The answer to a prompt without pictures; see `videoscan.seams.Writer`."""
        await self._name_the_model()

        def request(prompt: Prompt, instruct: bool) -> Request:
            return self._request((), prompt, max_tokens=max_tokens, instruct=instruct)

        return await writing.written(self._exchange, self.endpoint, request, prompt, keys=keys)

    @property
    def _window_seconds(self) -> float:
        return self._options.window_timeout or max(900.0, 5 * self._options.timeout)

    @property
    def at_once(self) -> int:
        """How many requests may be under way at once just now."""
        return self.endpoint.slots.limit

    async def close(self) -> None:
        """Let go of connections. Idempotent."""
        if not self._closed:
            self._closed = True
            await self.endpoint.close()

    # -- a window, in as many parts as the endpoint wants ------------------------------------------------------------

    async def _tell(self, pictures: Sequence[Picture], prompt: Prompt, meter: Meter, kept: Kept) -> Reading:
        self._hold_to_size(pictures)
        known = self.takes
        parts = cut(pictures, known.pictures, known.body_bytes)
        if len(parts) == 1:
            try:
                return await self._ask(pictures, prompt, meter)
            except Smaller as smaller:
                parts = self._make_smaller(pictures, smaller)
        meter.flag(f"asked in {len(parts)} parts: the endpoint takes no more at once")
        return merge([(part, await self._part(part, prompt, meter, kept)) for part in parts])

    async def _part(self, part: Part, prompt: Prompt, meter: Meter, kept: Kept) -> Reading:
        """What is said of a part; written down before the next one is asked about, so that its failure does not cost this one."""
        known = await kept.recall(part.pictures)
        if known is not None:
            reading, usage = known
            meter.usage += usage
            return reading
        own = replace(meter, usage=Usage())
        try:
            reading = await self._tell(part.pictures, prompt, own, kept)
        finally:
            meter.usage += own.usage
        await kept.note(part.pictures, reading, own.usage)
        return reading

    def _make_smaller(self, pictures: Sequence[Picture], smaller: Smaller) -> list[Part]:
        """Learn from the refusal, and cut accordingly; raises when a single frame is already too much."""
        refusal, learned = smaller.refusal, self._learned
        frames = len(wire.number(pictures).places)
        if frames <= 1:
            raise self._exchange.error(refusal, self.dialect)
        most = len(pictures) // 2 + len(pictures) % 2
        if refusal.room is not None and refusal.needed is not None and refusal.room < refusal.needed:
            most = self._fitting(pictures, refusal.room, refusal.needed)
        if refusal.pictures is not None and refusal.pictures < len(pictures):
            most = refusal.pictures
        if refusal.meaning is Meaning.TOO_MANY:
            if refusal.status == 413 and refusal.pictures is None:
                learned.body_bytes = min(learned.body_bytes or smaller.body_bytes, int(smaller.body_bytes * 0.6))
            else:
                learned.pictures = min(learned.pictures or most, most)
        parts = cut(pictures, most, None)
        return parts if len(parts) > 1 else cut(pictures, (len(pictures) + 1) // 2, None, halve=True)

    def _fitting(self, pictures: Sequence[Picture], room: int, needed: int) -> int:
        """How many such pictures fit into a context of `room` tokens, beside texts and answer, when all of them `needed` so many."""
        shown = sum(self._tokens_of(picture) for picture in pictures)
        texts = max(0, needed - shown) if shown else 0
        left = max(0, room - texts)
        # All of `max_tokens` for the answer, where that leaves half of the rest for the pictures.
        left -= min(self._options.max_tokens, left // 2)
        each = (shown or needed) / len(pictures)
        return max(1, min(len(pictures) - 1, int(left / each)))

    def _tokens_of(self, picture: Picture) -> int:
        return picture.tokens or self.dialect.cost.tokens(picture.width, picture.height)

    def _hold_to_size(self, pictures: Sequence[Picture]) -> None:
        for picture in pictures:
            if len(picture.base64) > self.dialect.picture_bytes:
                raise RequestRejected(
                    f"frame {picture.frame}: its Base64 text has {len(picture.base64)} bytes, the endpoint takes {self.dialect.picture_bytes}",
                    hint="lower windows.long_side or windows.quality, or use windows.format = jpeg",
                )

    @property
    def takes(self) -> Limits:
        """What it takes by all that is known by now."""
        learned, planned = self._learned, self._planned()
        if learned.pictures is None and learned.body_bytes is None:
            return planned
        body = None if learned.body_bytes is None else _for_pictures(learned.body_bytes)
        return replace(
            planned,
            pictures=min((count for count in (planned.pictures, learned.pictures) if count is not None), default=None),
            body_bytes=min((size for size in (planned.body_bytes, body) if size is not None), default=None),
        )

    def _planned(self) -> Limits:
        row = self.dialect
        return Limits(
            pictures=row.pictures,
            picture_bytes=row.picture_bytes,
            body_bytes=None if row.body_bytes is None else _for_pictures(row.body_bytes),
            tokens=self._familiar.room_for_pictures(self._options.max_tokens),
            concurrency=self._familiar.at_once(self._options.concurrency),
            formats=row.formats,
            cost=row.cost,
        )

    # -- until it can be read ------------------------------------------------------------------------------------------

    async def _ask(self, pictures: Sequence[Picture], prompt: Prompt, meter: Meter) -> Reading:
        learned = self._learned
        max_tokens = learned.max_tokens or self._options.max_tokens
        instruct = learned.instruct
        insisted = False
        best: Reading | None = None
        reply: Reply | None = None
        why = ""
        tries = 1 if prompt.once else READABLE_TRIES
        for turn in range(tries):
            request = self._request(pictures, prompt, max_tokens=max_tokens, instruct=instruct)
            places = request.numbering.places
            try:
                reply = await self._exchange.reply_to(request, meter, again=turn > 0)
            except BudgetSpent:
                if best is None:
                    raise
                meter.flag("not asked again, though it could be better: the budget is used up")
                return best
            except (EndpointUnreachable, EndpointThrottled, EndpointFailed) as error:
                if best is None:
                    raise
                meter.flag(f"asked again for a better answer, and none came: {error.message}")
                return best
            except BadReply as error:
                why, reply = error.message.removeprefix(f"{self.endpoint.address.host}: "), replies.Reply(text=error.raw or "")
                continue
            if reply.finish == "content_filter":
                raise ContentFiltered(
                    f"{self.endpoint.address.host}: the content filter withheld the answer", raw=reply.text or None
                )
            if len(places) > 1 and (full := replies.full_context(reply, max_tokens)):
                raise Smaller(full, 0)
            said = reply.text if reply.text.strip() else reply.reasoning
            reading = await flow.aside(len(said), answer.read, said, places, prompt.fields)
            if reading is not None:
                reading, insist = await self._tongue.judge(reading, again=insisted)
                if insist and turn + 1 < tries:
                    best, insisted, prompt = reading, True, self._tongue.insist(prompt)
                    continue
            self._doubt(reply, request, meter)
            if reading is not None and (reading.whole or reply.finish == "length"):
                learned.instruct = instruct
                learned.max_tokens = max_tokens if max_tokens > self._options.max_tokens else learned.max_tokens
                return reading
            best = reading or best
            if reply.finish == "length":
                why = f"the answer was cut off at {max_tokens} tokens"
                max_tokens = min(max_tokens * 2, max(MOST_ANSWER_TOKENS, self._options.max_tokens))
            else:
                why = "the answer has no JSON in the form that was asked for" if reply.text.strip() else "the answer is empty"
                instruct = True
        if best is not None:
            return best
        raise BadReply(
            f"{self.endpoint.address.host}: {why}" + (f", {tries} times in all" if tries > 1 else ""),
            hint="a stronger model, a larger describer.max_tokens or fewer pictures per window may help",
            raw=(reply.text or reply.reasoning) if reply else None,
        )

    def _doubt(self, reply: Reply, request: Request, meter: Meter) -> None:
        """Flag, and say once, that the server counted a prompt as too short for what was sent: it looked at a part of it at most."""
        text = introduction.lost(request.pictures, reply.prompt_tokens, self._learned)
        shown = [self._tokens_of(picture) for picture in request.pictures]
        # Without a formula for this model there is only the least that any picture costs.
        least = sum(shown) // 2 if dialects.family(self.model) is not None else min(sum(shown), _LEAST_TOKENS * len(shown))
        if text is None and reply.prompt_tokens is not None and reply.prompt_tokens < least:
            text = (
                f"the endpoint counted {reply.prompt_tokens} prompt tokens where {len(shown)} pictures take about {sum(shown)}: it may not "
                "have looked at all of them"
            )
        if text is not None:
            text += f" ({self.dialect.remedy or introduction.REMEDY})"
            meter.flag(text)
            self._exchange.note(f"{self.endpoint.address.host}: {text}", about="dropped")

    def _request(self, pictures: Sequence[Picture], prompt: Prompt, *, max_tokens: int, instruct: bool) -> Request:
        return Request(
            pictures,
            prompt,
            model=self.model,
            dialect=self.dialect,
            learned=self._learned,
            max_tokens=max_tokens,
            instruct=instruct,
            extra=self._options.extra_body,
            detail=self._options.detail,
        )

    @property
    def _learned(self) -> Learned:
        return self.endpoint.learned(self.model)

    async def _name_the_model(self) -> None:
        if self.model is not None:
            return
        async with self._naming:
            if self.model is None:
                self.model = models.only(self.endpoint, await self._listed())
                self._familiar = Familiar(self.endpoint, self.model, self._options)
                self.dialect = self._familiar.row

    async def _listed(self) -> models.Listed | None:
        options = self._options
        waiting = functools.partial(self._exchange.note, about="loading")
        return await models.listed(self.endpoint, key_variable=options.api_key_env, seconds=options.timeout, waiting=waiting)


def _for_pictures(body: int) -> int:
    """The pictures' share of a body: texts and schema stay below 64 KB."""
    return max(body // 2, body - 65_536)
