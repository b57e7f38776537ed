"""Questions without pictures: does it answer, keep to a schema, stream, and end where it is told to?"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import orjson

from videoscan.describers.dialects import Meaning

if TYPE_CHECKING:
    from videoscan.describers.measuring.client import Client, Outcome

OK = "Answer with the single word OK."
READ = (
    "Every picture is a card with a number and one word on it. Write down the number and the word of every card that you see, one card "
    "a line, and nothing else."
)
LONG = "Count from 1 to 500 in figures, separated by spaces. Do not stop early and do not explain."
LABELS = 8
SHORT_ANSWER, LONG_ANSWER = 8, 128
_THINKING_TOKENS = 2048
_NOISE = 0.05

LimitKey = Literal["max_tokens", "max_completion_tokens"]


@dataclass(frozen=True, slots=True)
class Words:
    """The first answer: seconds (loading included), and the prompt tokens of `OK`, of `READ` and of one picture's label.

    `None` where the server does not count.
    """

    seconds: float
    text_tokens: int | None = None
    question_tokens: int | None = None
    label_tokens: float | None = None


async def first_answer(client: Client, *, seconds: float) -> Outcome:
    """The first request of all. A server that loads its model for it (Ollama) is given `seconds`."""
    client.say(f"the first answer; a server that loads its model now has {seconds:.0f} s for it")
    outcome = await client.ask(OK, max_tokens=16, seconds=seconds)
    if outcome.refusal is not None and outcome.refusal.meaning is Meaning.COMPLETION_TOKENS:
        client.limit_key = "max_completion_tokens"
        outcome = await client.ask(OK, max_tokens=16, seconds=seconds)
    return outcome


async def words(client: Client, first: Outcome) -> Words:
    """What the words around pictures cost, so that pictures can be told apart from them."""
    if first.prompt_tokens is None:
        return Words(first.seconds)
    label = "Frame 3 · 00:00:02.000"
    none = (await client.ask(READ, max_tokens=16)).prompt_tokens
    some = (await client.ask(label * LABELS + READ, max_tokens=16)).prompt_tokens
    each = (some - none) / LABELS if none is not None and some is not None and some > none else None
    return Words(first.seconds, first.prompt_tokens, none, each)


@dataclass(frozen=True, slots=True)
class Schema:
    """Whether ``response_format: json_schema`` binds the answer. `why` holds the server's words or the answer that broke it."""

    verdict: Literal["enforced", "ignored", "refused"] | None
    why: str | None = None


async def schema(client: Client) -> Schema:
    """Ask for prose, under a schema that lets through nothing but a word made up on the spot: only enforcement can give it."""
    word = f"zq{secrets.token_hex(3)}"
    wanted = {
        "type": "object",
        "properties": {"sign": {"type": "string", "enum": [word]}},
        "required": ["sign"],
        "additionalProperties": False,
    }
    question = "Say in one short English sentence that the sky is blue. Do not write JSON."
    outcome = await client.ask(question, schema=wanted, max_tokens=64)
    if outcome.reply is not None and not outcome.reply.text.strip() and outcome.reply.finish == "length":
        # A thinking model has not come to its answer yet.
        outcome = await client.ask(question, schema=wanted, max_tokens=_THINKING_TOKENS)
    if outcome.reply is None:
        refused = outcome.refusal is not None and outcome.refusal.meaning is Meaning.NO_SCHEMA
        return Schema("refused" if refused else None, outcome.why)
    text = outcome.reply.text.strip()
    if not text and outcome.reply.finish == "length":
        return Schema(None, f"no answer within {_THINKING_TOKENS} tokens")
    try:
        kept = orjson.loads(text) == {"sign": word}
    except orjson.JSONDecodeError:
        kept = False
    return Schema("enforced") if kept else Schema("ignored", text[:120])


@dataclass(frozen=True, slots=True)
class Streaming:
    """Whether ``stream: true`` is obeyed, and what the stream has in it."""

    works: bool
    chunks: int = 0
    usage: bool = False
    done: bool = False
    why: str | None = None


async def streaming(client: Client) -> Streaming:
    """Ask for a stream, with the usage chunk first and without where that is refused."""
    more = {"stream": True, "stream_options": {"include_usage": True}}
    outcome = await client.ask(OK, max_tokens=16, more=more)
    if outcome.refusal is not None and outcome.refusal.status in {400, 422}:
        outcome = await client.ask(OK, max_tokens=16, more={"stream": True})
    if outcome.reply is None:
        return Streaming(works=False, why=outcome.why)
    if "event-stream" not in outcome.content_type.lower() and not outcome.raw.lstrip().startswith(b"data:"):
        return Streaming(works=False, why="answers with one JSON object instead")
    lines = re.findall(rb"^data:\s*(.*?)\s*$", outcome.raw, re.MULTILINE)
    return Streaming(
        works=True,
        chunks=sum(line != b"[DONE]" for line in lines),
        usage=outcome.reply.prompt_tokens is not None,
        done=b"[DONE]" in lines,
    )


@dataclass(frozen=True, slots=True)
class Ending:
    """Whether the answer ends where it is told to: "obeyed", "ignored", or "refused" for each name of the limit.

    `per_token` is how many seconds a token of an answer takes, `None` where the server does not count.
    """

    max_tokens: str | None
    max_completion_tokens: str | None
    per_token: float | None = None

    def key(self, now: str) -> LimitKey:
        """The name to use: the one that is in use unless only the other is obeyed."""
        if now == "max_tokens" and self.max_tokens in {"ignored", "refused"} and self.max_completion_tokens == "obeyed":
            return "max_completion_tokens"
        return "max_completion_tokens" if now == "max_completion_tokens" else "max_tokens"


async def ending(client: Client) -> Ending:
    """Ask for a long answer three times: cut short under either name, and longer, which shows the speed."""
    verdicts: dict[str, str | None] = {}
    brief: Outcome | None = None
    for key in ("max_tokens", "max_completion_tokens"):
        outcome = await client.ask(LONG, max_tokens=SHORT_ANSWER, limit_key=key)
        verdicts[key] = _verdict(outcome)
        if verdicts[key] == "obeyed" and brief is None:
            brief = outcome
    told = Ending(verdicts["max_tokens"], verdicts["max_completion_tokens"])
    long = await client.ask(LONG, max_tokens=LONG_ANSWER, limit_key=told.key(client.limit_key))
    if brief is None or brief.reply is None or long.reply is None:
        return told
    few, many = brief.reply.completion_tokens, long.reply.completion_tokens
    # A difference that small is chance: the server is too fast to be timed so.
    if few is None or many is None or many - few < LONG_ANSWER // 4 or long.seconds - brief.seconds < _NOISE:
        return told
    return replace(told, per_token=max(0.0, (long.seconds - brief.seconds) / (many - few)))


def _verdict(outcome: Outcome) -> str | None:
    if outcome.refusal is not None:
        return "refused" if outcome.refusal.status in {400, 422} else None
    if outcome.reply is None:
        return None
    tokens = outcome.reply.completion_tokens
    if tokens is None:
        return "obeyed" if outcome.reply.finish == "length" else None
    # A server may add an end mark or two; one that ignores the limit counts on to 500.
    return "obeyed" if tokens <= SHORT_ANSWER + 4 else "ignored"
