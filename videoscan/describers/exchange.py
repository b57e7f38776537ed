"""Sends one request until something is answered: waits, retries and adapts, within bounds."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from typing import TYPE_CHECKING, Any

from videoscan import flow, timecode
from videoscan.describers import models, refusals, replies
from videoscan.describers.bill import Bill
from videoscan.describers.dialects import Meaning
from videoscan.describers.endpoint import Broken
from videoscan.errors import (
    BadReply,
    ContentFiltered,
    DescribeError,
    EndpointFailed,
    EndpointRefused,
    EndpointThrottled,
    EndpointUnreachable,
    RequestRejected,
)
from videoscan.model import Call, Note, Usage
from videoscan.patience import Deadline, now, sleep
from videoscan.seams import unheard

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from videoscan.describers.dialects import Dialect
    from videoscan.describers.endpoint import Answered, Endpoint
    from videoscan.describers.refusals import Refusal
    from videoscan.describers.replies import Reply
    from videoscan.describers.request import Meter, Request
    from videoscan.patience import Patience
    from videoscan.seams import Ledger

FIRST_CONTACT_TRIES = 3
"""Tries to connect before an endpoint that was never reached is given up: a wrong address should be known in seconds."""
SLOW_TRIES = 3
"""Requests that may run into the time limit: each costs the whole limit, and the model's work is paid for."""
FAULT_500_TRIES = 4
"""Requests that may end in a 500: servers also say 500 where they mean that a picture is bad (measured)."""
_TOO_FAST = frozenset({429, 503})
_UNEASY = 5.0
"""Seconds from which on it is said why nothing happens."""
RAW_KEPT = 8_000
"""Characters of an unreadable answer that are kept."""


class Smaller(Exception):
    """The endpoint takes fewer pictures, tokens or bytes than this request had."""

    def __init__(self, refusal: Refusal, body_bytes: int) -> None:
        super().__init__(refusal.message)
        self.refusal, self.body_bytes = refusal, body_bytes


_KINDS: dict[Meaning, type[DescribeError]] = {
    Meaning.THROTTLED: EndpointThrottled,
    Meaning.LOADING: EndpointThrottled,
    Meaning.FAILED: EndpointFailed,
    Meaning.OVERLOADED: EndpointFailed,
    Meaning.REFUSED: EndpointRefused,
    Meaning.FILTERED: ContentFiltered,
    Meaning.TOO_MANY: RequestRejected,
    Meaning.NO_SCHEMA: RequestRejected,
    Meaning.COMPLETION_TOKENS: RequestRejected,
    Meaning.REJECTED: RequestRejected,
}


def _left_alone(host: str, asked: float, pause: float) -> str:
    longer = " for longer than is waited at once" if asked > pause else ""
    return f"{host} asks to be left alone{longer}: nothing is sent to it for {timecode.length(pause)}"


class Exchange:
    """Requests to one endpoint, each until it is answered. `seconds` is the limit of one request."""

    def __init__(
        self,
        endpoint: Endpoint,
        patience: Patience,
        *,
        seconds: float,
        key_variable: str,
        told: Callable[[Call | Note], None] = unheard,
        ledger: Ledger | None = None,
    ) -> None:
        self._told = told
        self._ledger = ledger
        self._said: set[str] = set()
        self._endpoint, self._patience, self._seconds, self._key_variable = endpoint, patience, seconds, key_variable

    @property
    def reached(self) -> bool:
        """Whether a connection was ever made."""
        return self._endpoint.reached

    async def reply_to(self, request: Request, meter: Meter, *, again: bool) -> Reply:
        """The model's reply, whatever its text. `again`: the same was asked before, and its answer could not be read.

        Raises `Smaller` when the request must be cut, `BadReply` for an answer that is no chat completion, and the `DescribeError`
        that remained after all tries, or when the window's time was up.
        """
        endpoint, failures, stale, fresh = self._endpoint, 0, False, False
        deadline, loading, loaded = Deadline(self._patience.total), Deadline(models.LOADING_SECONDS), 0
        while True:
            wait: float | None = None
            try:
                outcome = await self._outcome(request, meter, again=again, fresh=fresh)
                if not isinstance(outcome, refusals.Refusal):
                    request.succeeded()
                    return outcome
                if request.adapt(outcome):
                    again, fresh = True, False
                    continue
                if outcome.meaning is Meaning.LOADING and loading.left > 0:
                    again, fresh = True, False
                    self.note(models.loading(endpoint.address.host, loading.left), about="loading")
                    # The gate holds the neighbours as well: none of them need send its pictures to be told the same.
                    pause = models.loading_pause(loaded, loading)
                    endpoint.gate.close_for(pause)
                    meter.deadline.put_off(pause)
                    loaded += 1
                    continue
                if outcome.meaning is Meaning.TOO_MANY or (outcome.meaning is Meaning.OVERLOADED and len(request.pictures) > 1):
                    raise Smaller(outcome, request.size)
                error, wait = self.error(outcome, request.dialect), outcome.retry_after
                tries = min(self._patience.tries, FAULT_500_TRIES) if outcome.status == 500 else self._patience.tries
            except EndpointUnreachable:
                raise  # out of time
            except Broken as broken:
                if broken.stale and not stale:
                    again = stale = fresh = True
                    continue
                error, tries = broken.error, self._tries(broken)
            again, fresh = True, False
            failures += 1
            if not error.retryable or failures >= tries:
                raise error
            pause = self._patience.wait(failures, wait)
            if pause > min(deadline.left, meter.deadline.left):
                raise error
            if wait is not None:
                if pause > _UNEASY:
                    self.note(_left_alone(endpoint.address.host, wait, pause), about="left alone")
                endpoint.gate.close_for(pause)
            else:
                await sleep(pause)

    def note(self, text: str, *, about: str | None = None) -> None:
        """Say what a person should know, once: `about` names what it is about, where the figures in it change."""
        if (about or text) not in self._said:
            self._said.add(about or text)
            self._told(Note(text))

    def _tries(self, broken: Broken) -> int:
        if broken.hopeless:
            return 1
        if broken.slow:
            return min(self._patience.tries, SLOW_TRIES)
        return self._patience.tries if self._endpoint.reached else min(self._patience.tries, FIRST_CONTACT_TRIES)

    async def _outcome(self, request: Request, meter: Meter, *, again: bool, fresh: bool) -> Reply | Refusal:
        """Send it once, if the budget allows; count what it took, and tell whoever listens how that ended."""
        bill = Bill(self._ledger, request.estimate(self._seconds), meter)
        try:
            return await self._billed(request, meter, bill, again=again, fresh=fresh)
        finally:
            bill.drop()

    async def _billed(self, request: Request, meter: Meter, bill: Bill, *, again: bool, fresh: bool) -> Reply | Refusal:
        try:
            answered, seconds = await self._send(request, meter, bill, again=again, fresh=fresh)
        except Broken as broken:
            await bill.unanswered(sent=broken.connected)
            self._tell(request, meter, again=again, seconds=broken.seconds, error=broken.error.message)
            raise
        tell = functools.partial(self._tell, request, meter, again=again, seconds=seconds, status=answered.status)
        try:
            outcome = await self._open(answered, request, meter)
        except (Broken, BadReply) as fault:
            error = fault.error if isinstance(fault, Broken) else fault
            await bill.settle(answered.status, len(answered.data))
            tell(error=error.message)
            raise
        await bill.settle(outcome.status if isinstance(outcome, refusals.Refusal) else answered.status, len(answered.data))
        if isinstance(outcome, refusals.Refusal):
            tell(error=self._endpoint.mask(outcome.message), request_id=outcome.request_id)
        else:
            tell(
                prompt_tokens=outcome.prompt_tokens,
                completion_tokens=outcome.completion_tokens,
                finish=outcome.finish,
                request_id=answered.headers.get("x-request-id"),
            )
        return outcome

    def _tell(self, request: Request, meter: Meter, **known: Any) -> None:
        pictures = request.pictures
        self._told(
            Call(
                host=self._endpoint.address.host,
                model=request.model,
                window=meter.window,
                frames=tuple(picture.frame for picture in pictures if picture.zoom_of is None),
                pictures=len(pictures),
                body_bytes=request.size,
                **{"status": None, **known},
            )
        )

    async def _send(self, request: Request, meter: Meter, bill: Bill, *, again: bool, fresh: bool) -> tuple[Answered, float]:
        endpoint = self._endpoint
        arrived = now()
        async with endpoint.slots.slot():
            await bill.open()
            await endpoint.requests.take()
            await endpoint.tokens.take(request.tokens())
            # That others come first is no fault of this window or of the server's.
            meter.deadline.put_off(now() - arrived)
            await endpoint.gate.passage()
            seconds_left = min(self._seconds, meter.deadline.left)
            if seconds_left <= 0:
                raise EndpointUnreachable(
                    f"{endpoint.address.host}: this window's time is up", hint="raise describer.window_timeout"
                )
            await endpoint.turns.turn()
            began = now()
            bill.send()
            try:
                with self._first_answer(request.dialect, seconds_left) as limit:
                    answered = await endpoint.post(request.body(), seconds=limit, fresh=fresh, headers=request.dialect.headers)
            except Broken as broken:
                meter.request(request.pictures, again=again, sent=broken.connected and not broken.stale)
                broken.seconds = now() - began
                raise
            seconds = now() - began
            await endpoint.turns.turn()
            if answered.status in _TOO_FAST:
                endpoint.pace.throttled(began)
            elif answered.status == 200:
                endpoint.answered = True
                endpoint.pace.answered(seconds)
        meter.request(request.pictures, again=again, sent=True)
        return answered, seconds

    @contextlib.contextmanager
    def _first_answer(self, dialect: Dialect, seconds: float) -> Iterator[float]:
        """The limit of a request in seconds: a longer one, and a word about it, where the first makes the server load its model."""
        if self._endpoint.answered or not dialect.loads_when_asked:
            yield seconds
            return
        host = self._endpoint.address.host
        text = f"{host} has not answered yet: it may be loading its model; waiting, for {models.LOADING_SECONDS:.0f} s at most"
        telling = asyncio.get_running_loop().call_later(_UNEASY, self.note, text)
        try:
            yield max(seconds, models.LOADING_SECONDS)
        finally:
            telling.cancel()

    async def _open(self, answered: Answered, request: Request, meter: Meter) -> Reply | Refusal:
        """The reply or refusal inside an HTTP answer. Raises `Broken` for half an envelope, `BadReply` for none."""
        if answered.status != 200:
            return refusals.judge(
                answered.status, answered.headers, answered.data, request.dialect, sent_schema=request.sent_schema
            )
        host = self._endpoint.address.host
        if answered.cut:
            raise BadReply(
                f"{host}: the answer is larger than {len(answered.data)} bytes",
                raw=answered.data[:RAW_KEPT].decode("utf-8", "replace"),
            )
        try:
            kind = answered.headers.get("Content-Type", "")
            opened = await flow.aside(len(answered.data), replies.read_reply, answered.data, kind, request.dialect)
        except replies.Unfinished as fault:
            raise Broken(EndpointFailed(f"{host}: {fault}"), connected=True) from None
        except ValueError as fault:
            if isinstance(fault, replies.NoChoices):
                meter.usage += Usage(prompt_tokens=fault.prompt_tokens, completion_tokens=fault.completion_tokens)
            raise BadReply(f"{host}: {fault}", raw=answered.data[:RAW_KEPT].decode("utf-8", "replace")) from None
        if isinstance(opened, replies.Reply):
            meter.usage += Usage(
                prompt_tokens=opened.prompt_tokens,
                completion_tokens=opened.completion_tokens,
                cached_tokens=opened.cached_tokens,
            )
        return opened

    def error(self, refusal: Refusal, dialect: Dialect) -> DescribeError:
        """What is raised, or recorded, for a refusal that nothing more can be done about."""
        kind, hint = _KINDS[refusal.meaning], None
        if refusal.meaning is Meaning.REFUSED:
            hint = {
                401: f"check the key in the environment variable {self._key_variable}",
                404: "check describer.endpoint and describer.model",
            }.get(refusal.status, "check the key, the account and the address")
            if 300 <= refusal.status < 400:
                hint = "it points elsewhere: use the address that it names"
        elif refusal.meaning is Meaning.TOO_MANY:
            hint = dialect.remedy or "lower windows.long_side, or raise the server's context"
        code = (
            f" {refusal.code}"
            if refusal.code and refusal.code not in refusal.message and refusal.code != str(refusal.status)
            else ""
        )
        return kind(
            f"{self._endpoint.address.host} answered {refusal.status}{code}: {self._endpoint.mask(refusal.message)}",
            hint=hint,
            status=refusal.status,
            request_id=refusal.request_id,
            retry_after=refusal.retry_after,
        )
