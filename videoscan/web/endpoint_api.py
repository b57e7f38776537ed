"""The endpoint check: what `videoscan doctor --endpoint` measures, for whoever looks at the page. One at a time; it may take a minute."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Literal

from aiohttp import web
from pydantic import BaseModel, Field

from videoscan import examining, flow
from videoscan.describers.measuring import examination
from videoscan.errors import ConfigError, VideoscanError
from videoscan.jobs.records import Fault, now
from videoscan.web import routes
from videoscan.web.problems import Problem
from videoscan.web.routes import BASE, SERVICE, Answer, Route
from videoscan.web.schemas import Asked

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from videoscan.describers.measuring.examination import Findings, Step
    from videoscan.jobs.settings import Settings

_BODY = 32_000_000
"""Bytes of the largest request that is tried, as `videoscan doctor` tries."""


class NewCheck(Asked):
    """A check to be made."""

    quick: bool = Field(default=False, description="Fewer requests: about half of them, and a third of the tokens.")


class AtOnce(BaseModel):
    """What so many requests at once came to."""

    at_once: int
    per_second: float
    median: float = Field(description="Seconds.")
    failed: int


class Measured(BaseModel):
    """What was measured; null where it could not be."""

    address: str
    model: str | None
    server: str = Field(description="The kind of server.")
    key: str | None = Field(description="`none`, `sent` (and accepted, unless there is an error) or `refused`.")
    models: list[str] | None = Field(description="What it lists.")
    first_answer: float | None = Field(description="Seconds.")
    json_schema: str | None = Field(description="`kept`, or how it is not.")
    streams: bool | None
    pictures_taken: int | None = Field(description="Pictures that one request may hold.")
    pictures_seen: int | None = Field(description="Of these, how many the model really looks at.")
    reads_cards: bool | None = Field(description="Whether it can read the numbered cards, by which that is told.")
    tokens_per_picture: float | None
    body_taken: int | None = Field(description="Bytes.")
    body_refused: int | None
    at_once: list[AtOnce]
    requests: int
    prompt_tokens: int
    completion_tokens: int
    warnings: list[str]


class Check(BaseModel):
    """The last check, or the one that runs."""

    state: Literal["none", "running", "done", "failed"]
    began: str | None = None
    seconds: float = 0.0
    step: str | None = Field(default=None, description="What it does right now.")
    requests: int | None = Field(default=None, description="How many requests it makes at most.")
    tokens: int | None = Field(default=None, description="About how many prompt tokens these hold.")
    measured: Measured | None = None
    error: Fault | None = None


class Examiner:
    """Makes one check at a time, and remembers the last."""

    def __init__(self) -> None:
        self._task: asyncio.Task[None] | None = None
        self._check = Check(state="none")
        self._at = 0.0

    @property
    def check(self) -> Check:
        """How it stands."""
        if self._check.state == "running":
            return self._check.model_copy(update={"seconds": round(time.monotonic() - self._at, 1)})
        return self._check

    async def begin(self, settings: Settings, *, quick: bool) -> None:
        """Begin a check, unless one runs. Raises `ConfigError` where there is no endpoint."""
        if self._check.state == "running":
            return
        overrides = {"describer.endpoint": settings.endpoint, "describer.model": settings.model}
        options, long_side = await flow.in_thread(examining.options_from, settings.profile, settings.sets, overrides)
        self._check, self._at = Check(state="running", began=now()), time.monotonic()
        wanted = examining.wanted(options, long_side=long_side, quick=quick, body_bytes=_BODY)
        self._task = asyncio.create_task(self._run(options, wanted))

    async def end(self) -> None:
        """Stop what runs."""
        task, self._task = self._task, None
        if task is None or task.done():
            return
        while not task.done():
            # Said again: `wait_for` of Python 3.11 loses a cancellation that meets the end of what it waits for.
            task.cancel()
            await asyncio.wait({task}, timeout=0.2)
        self._check = Check(state="none")

    async def _run(self, options: Any, wanted: examination.Wanted) -> None:
        try:
            findings = await examining.examine(options, wanted, announce=self._announce, say=self._say)
            await flow.in_thread(examining.kept, findings)
            fault = findings.error
            self._ended("done" if fault is None else "failed", fault, measured(findings))
        except VideoscanError as fault:
            self._ended("failed", fault, None)

    def _ended(self, state: Literal["done", "failed"], fault: VideoscanError | None, found: Measured | None) -> None:
        error = None if fault is None else Fault(kind=type(fault).__name__, message=fault.message, hint=fault.hint)
        self._check = self.check.model_copy(update={"state": state, "step": None, "measured": found, "error": error})

    def _announce(self, steps: tuple[Step, ...], _model: str) -> None:
        self._check = self._check.model_copy(
            update={"requests": examination.most_requests(steps), "tokens": sum(step.tokens for step in steps)}
        )

    def _say(self, text: str) -> None:
        self._check = self._check.model_copy(update={"step": text})


EXAMINER: web.AppKey[Examiner] = web.AppKey("examiner", Examiner)


def measured(findings: Findings) -> Measured:
    """What was found, as a page shows it."""
    sighted, body, words, stream = findings.sighted, findings.body, findings.words, findings.streaming
    return Measured(
        address=findings.endpoint,
        model=findings.model,
        server=findings.dialect,
        key=findings.key,
        models=None if findings.models is None else list(findings.models),
        first_answer=None if words is None else words.seconds,
        json_schema=None if findings.schema is None else findings.schema.verdict,
        streams=None if stream is None else stream.works,
        pictures_taken=None if sighted is None else sighted.most_taken,
        pictures_seen=None if sighted is None else sighted.really(),
        reads_cards=None if sighted is None else sighted.reads,
        tokens_per_picture=findings.sizes[-1].tokens if findings.sizes else None,
        body_taken=None if body is None else body.taken,
        body_refused=None if body is None else body.refused,
        at_once=[
            AtOnce(at_once=each.at_once, per_second=each.per_second, median=each.median, failed=each.failed)
            for each in findings.levels
        ],
        requests=findings.requests,
        prompt_tokens=findings.prompt_tokens,
        completion_tokens=findings.completion_tokens,
        warnings=list(findings.warnings),
    )


async def begin(request: web.Request) -> web.StreamResponse:
    """Begin a check; one that runs goes on."""
    asked = await routes.body(request, NewCheck)
    try:
        await request.app[EXAMINER].begin(request.app[SERVICE].settings, quick=asked.quick)
    except ConfigError as fault:
        raise Problem(409, "this service has no endpoint to check: it only measures", hint="start it with --endpoint") from fault
    return routes.answer(request.app[EXAMINER].check, status=202)


async def state(request: web.Request) -> web.StreamResponse:
    """How the check stands."""
    return routes.answer(request.app[EXAMINER].check)


async def stop(request: web.Request) -> web.StreamResponse:
    """Stop the check that runs."""
    await request.app[EXAMINER].end()
    return web.Response(status=204)


async def standing(app: web.Application) -> AsyncIterator[None]:
    """For `cleanup_ctx`: what runs at the end is stopped."""
    yield
    await app[EXAMINER].end()


_CHECK = Answer("The check.", Check)

ROUTES = (
    Route("POST", f"{BASE}/endpoint/check", begin, "Check the endpoint", {202: _CHECK}, scope="admin", body=NewCheck),
    Route("GET", f"{BASE}/endpoint/check", state, "How the endpoint's check stands", {200: _CHECK}),
    Route(
        "DELETE",
        f"{BASE}/endpoint/check",
        stop,
        "Stop the endpoint's check",
        {204: Answer("It is stopped.", media=())},
        scope="admin",
    ),
)
