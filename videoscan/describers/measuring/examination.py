"""The examination of an endpoint: which questions, in which order, how many requests at most, and what follows from the answers."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from videoscan.describers import dialects, models
from videoscan.describers.endpoint import PictureTokens
from videoscan.describers.known import Known, Sight
from videoscan.describers.measuring import fit, load, sight, talk
from videoscan.describers.measuring.client import Client, Enough
from videoscan.describers.measuring.reach import Reach, reach
from videoscan.errors import DescribeError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from videoscan.describers.dialects import Dialect
    from videoscan.describers.endpoint import Endpoint

FIRST_SECONDS = 600.0
"""How long the very first answer may take: Ollama loads a model only when it is asked."""
_REPEATS = 12
"""Requests in reserve, all in all, for those that meet a passing fault."""
_SMALLER = (640, 360)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be measured. `width` and `height` are of the cards: those of the pictures that a scan will send.

    `body_bound` in bytes; `seconds` is the limit of one request.
    """

    width: int = 1280
    height: int = 720
    quick: bool = False
    body_bound: int = load.BODY_BOUND
    seconds: float = 120.0


@dataclass(frozen=True, slots=True)
class Step:
    """One question: requests at most, and an estimate of the prompt tokens of all of them."""

    name: str
    requests: int
    tokens: int


def agenda(wanted: Wanted, row: Dialect) -> tuple[Step, ...]:
    """Every question with its bound, known before anything is sent."""
    each = row.cost.tokens(wanted.width, wanted.height) + 20
    small = row.cost.tokens(448, 252) + 60
    limit = row.pictures or 10_000
    counts = [count for count in (sight.FEW_COUNTS if wanted.quick else sight.COUNTS) if count <= limit]
    sizes = sight.FEW_SIZES if wanted.quick else sight.SIZES
    levels = load.FEW_LEVELS if wanted.quick else load.LEVELS
    bodies = 2 if wanted.quick else load.BODY_TRIES
    narrowing = sight.NARROWING * (counts[-1] // 2)
    return (
        Step("words", 4, 300),
        Step("cost", len(sizes), sum(row.cost.tokens(*size) + 60 for size in sizes)),
        Step("json_schema", 2, 120),
        Step("stream", 2, 60),
        Step("max_tokens", 3, 180),
        Step("pictures", len(counts) + sight.NARROWING, (sum(counts) + narrowing) * each),
        Step("body", bodies, bodies * 8 * 20),
        Step("concurrency", load.ROUNDS * sum(levels), load.ROUNDS * sum(levels) * small),
    )


def most_requests(steps: tuple[Step, ...]) -> int:
    """The bound of the whole, repeats included."""
    return sum(step.requests for step in steps) + _REPEATS


@dataclass(slots=True)
class Findings:
    """What was found so far. `error` is why the model cannot be used, if it cannot."""

    endpoint: str
    model: str | None = None
    dialect: str = ""
    gave_away: str | None = None
    """The kind of server, where its address does not tell and its list of models does."""
    key: str | None = None
    """"none", "sent" (and accepted, unless there is an error), or "refused"."""
    reach: Reach | None = None
    models: tuple[str, ...] | None = None
    words: talk.Words | None = None
    sizes: tuple[fit.Size, ...] = ()
    fit: fit.Fit | None = None
    schema: talk.Schema | None = None
    streaming: talk.Streaming | None = None
    ending: talk.Ending | None = None
    limit_key: talk.LimitKey = "max_tokens"
    sighted: sight.Sighted | None = None
    body: load.Body | None = None
    levels: tuple[load.Level, ...] = ()
    requests: int = 0
    pictures: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    warnings: list[str] = field(default_factory=list)
    """What a person must know."""
    lasting: list[str] = field(default_factory=list)
    """Those of them that every scan says again: its answers suffer from it."""
    error: DescribeError | None = None


async def examine(
    endpoint: Endpoint,
    model: str | None,
    *,
    dialect: str,
    wanted: Wanted,
    extra: Mapping[str, Any],
    key_variable: str,
    announce: Callable[[tuple[Step, ...], str], None],
    say: Callable[[str], None],
) -> Findings:
    """Measure everything. Never raises `DescribeError`: what makes the model unusable is in `Findings.error`.

    `announce` is told the agenda and the model's name before the first request that costs anything, `say` each step. Raises
    `ConfigError` when no model is named and the endpoint does not settle it.
    """
    findings = Findings(endpoint.address.shown, model, key="sent" if endpoint.has_key else "none")
    client: Client | None = None
    try:
        say("connecting")
        findings.reach = await reach(endpoint.address.chat)
        say("asking which models there are")
        listed = await models.listed(endpoint, key_variable=key_variable, seconds=wanted.seconds, waiting=say)
        findings.models = listed.names if listed is not None else None
        findings.model = model or models.only(endpoint, listed)
        row = dialects.for_endpoint(endpoint.address.chat, findings.model, dialect)
        if dialect == "auto" and row.name == dialects.GENERIC.name and listed is not None and listed.dialect is not None:
            row = dialects.for_endpoint(endpoint.address.chat, findings.model, listed.dialect)
            findings.gave_away = listed.dialect
        findings.dialect = row.name
        steps = agenda(wanted, row)
        announce(steps, findings.model)
        client = Client(endpoint, row, seconds=wanted.seconds, extra=extra, most=most_requests(steps), say=say)
        client.model = findings.model
        await _ask(client, findings, wanted)
    except DescribeError as error:
        findings.error = error
        findings.key = "refused" if error.status in {401, 403} else findings.key
    except Enough:
        findings.warnings.append("the server had so many passing faults that not everything could be measured")
    if client is not None:
        findings.requests, findings.pictures = client.sent, client.pictures
        findings.prompt_tokens, findings.completion_tokens = client.prompt_tokens, client.completion_tokens
    _judge(findings)
    return findings


async def _ask(client: Client, findings: Findings, wanted: Wanted) -> None:
    row = client.dialect
    first = await talk.first_answer(client, seconds=max(FIRST_SECONDS, wanted.seconds))
    if first.reply is None:
        raise first.error or DescribeError(f"{client.endpoint.address.host} answered {first.why}")
    findings.limit_key = "max_completion_tokens" if client.limit_key != "max_tokens" else "max_tokens"
    findings.words = await talk.words(client, first)
    findings.sizes = await sight.costs(client, findings.words, sight.FEW_SIZES if wanted.quick else sight.SIZES)
    findings.fit = fit.fitted(findings.sizes, row.cost)
    client.say("json_schema")
    findings.schema = await talk.schema(client)
    client.say("stream")
    findings.streaming = await talk.streaming(client)
    client.say("max_tokens")
    findings.ending = await talk.ending(client)
    client.limit_key = findings.limit_key = findings.ending.key(findings.limit_key)
    await _look(client, findings, wanted)
    assert findings.sighted is not None
    most = findings.sighted.really() or max(1, findings.sighted.most_taken)
    tries = 2 if wanted.quick else load.BODY_TRIES
    findings.body = await load.body(client, pictures=most, bound=wanted.body_bound, tries=tries)
    findings.levels = await load.levels(client, load.FEW_LEVELS if wanted.quick else load.LEVELS)


async def _look(client: Client, findings: Findings, wanted: Wanted) -> None:
    assert findings.words is not None
    counts = sight.FEW_COUNTS if wanted.quick else sight.COUNTS
    size = (wanted.width, wanted.height)
    seed = random.randrange(1 << 30)
    for width, height in (size, _SMALLER):
        findings.sighted = await sight.look(
            client, findings.words, counts, width=width, height=height, slow=wanted.seconds, seed=seed
        )
        if findings.sighted.most_taken or size <= _SMALLER:
            break
    assert findings.sighted is not None
    if not findings.sighted.most_taken:
        why = findings.sighted.looks[0].why if findings.sighted.looks else "nothing was asked"
        raise DescribeError(
            f"{client.endpoint.address.host} does not take a single picture: {why}",
            hint="choose a model that sees pictures (a vision model), or start it with its projector",
        )


def _judge(findings: Findings) -> None:
    """Say what a person must know."""
    row = dialects.DIALECTS.get(findings.dialect, dialects.GENERIC)
    say = findings.warnings.append
    sighted = findings.sighted
    if sighted is not None:
        lost = sighted.dropped()
        if lost is not None:
            findings.lasting.append(_of_loss(sighted, lost, row))
        elif findings.sizes and max(size.tokens for size in findings.sizes) < 16:
            read = max((len(look.read) for look in sighted.taken), default=0)
            if read == 0:
                findings.lasting.append(
                    "there is no sign that pictures are seen at all: they add nothing to the count of prompt tokens, and no card was "
                    "read. Is it a vision model?"
                )
    findings.warnings += findings.lasting
    if findings.words is not None and findings.words.text_tokens is None:
        say(
            "answers carry no usage: tokens and cost can only be estimated, and pictures that are dropped only be told by the cards"
        )
    if findings.fit is not None and abs(findings.fit.off) > 0.1:
        # Of the largest, which are what a scan sends.
        size, said = findings.sizes[-1], findings.fit.row[-1]
        say(
            f"a picture of {size.width} x {size.height} costs {size.tokens:.0f} tokens, where the formula in use says {said}: "
            "the measured one is kept"
        )
    if findings.schema is not None and findings.schema.verdict == "ignored":
        say("json_schema is taken and ignored: answers are asked for in words, and some will have to be asked for again")
    if findings.model and findings.models and findings.model not in findings.models:
        say(
            f"the model {findings.model} is not among those that are listed ({', '.join(findings.models[:8])}), and was answered for"
        )


def _of_loss(sighted: sight.Sighted, lost: sight.Look, row: Dialect) -> str:
    seen = sighted.really() or 1
    which = ""
    if lost.read and sighted.reads:
        if lost.read[0] > 0 and lost.read[-1] == lost.sent - 1:
            which = ", the last ones" if seen > 1 else ", the last one"
        elif lost.read[0] == 0 and lost.read[-1] < lost.sent - 1:
            which = ", the first ones" if seen > 1 else ", the first one"
    remedy = row.remedy or "raise the server's context, or ask whether something between here and it drops pictures"
    told = "prompt tokens" if lost.counted is not None and lost.counted < lost.sent else "cards"
    return (
        f"PICTURES ARE DROPPED SILENTLY: of {lost.sent} pictures in a request about {seen} {'is' if seen == 1 else 'are'} looked at{which} "
        f"(by its {told}), and the answer does not say so. {remedy}"
    )


def known(findings: Findings) -> Known | None:
    """The profile to be kept; `None` where the model could not be used."""
    sighted = findings.sighted
    if findings.error is not None or findings.model is None or sighted is None:
        return None
    lost, most = sighted.dropped(), max((look.sent for look in sighted.taken), default=0)
    last = next((look for look in reversed(sighted.taken) if look.sent == most), None)
    # Where only tokens are short, the size of the pictures decides how many fit: the context is the limit then.
    short_of_tokens = lost is None and sighted.context is not None and sighted.told_most is None
    return Known(
        endpoint=findings.endpoint,
        model=findings.model,
        by="doctor",
        measured=dt.datetime.now(dt.UTC).replace(microsecond=0),
        requests=findings.requests,
        dialect=findings.gave_away,
        picture=_per_picture(sighted),
        sight=Sight(
            sent=most,
            counted=last.counted if last is not None else None,
            read=len(last.read) if last is not None else None,
            width=sighted.width,
            height=sighted.height,
        ),
        pictures=None if short_of_tokens else sighted.really(),
        context=sighted.context,
        body_bytes=findings.body.taken if findings.body is not None and findings.body.refused is not None else None,
        json_schema=findings.schema.verdict if findings.schema is not None else None,
        limit_key=findings.limit_key,
        cost=findings.fit.cost if findings.fit is not None else None,
        speed=load.speed(sighted, findings.ending.per_token if findings.ending is not None else None),
        concurrency=load.worth(findings.levels),
        streams=findings.streaming.works if findings.streaming is not None else None,
        tells_usage=findings.words is not None and findings.words.text_tokens is not None,
        warnings=tuple(findings.lasting),
    )


def _per_picture(sighted: sight.Sighted) -> PictureTokens | None:
    """What one more picture adds, from the first to the last look in which all were counted."""
    whole = [look for look in sighted.taken if look.counted == look.sent and look.prompt_tokens is not None]
    if len(whole) < 2 or sighted.dropped() is not None:
        return None
    first, last = whole[0], whole[-1]
    more = (last.prompt_tokens or 0) - (first.prompt_tokens or 0)
    return PictureTokens(sighted.width, sighted.height, round(more / (last.sent - first.sent), 1))
