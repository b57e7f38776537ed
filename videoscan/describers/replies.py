"""Opens the envelope of an answer: a chat completion, a stream of its pieces, or an error in disguise. Pure.

`videoscan.describers.answer` reads the text that comes out.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from videoscan.describers.dialects import Meaning
from videoscan.describers.refusals import Refusal, judge

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from videoscan.describers.dialects import Dialect


@dataclass(frozen=True, slots=True)
class Reply:
    """What a model said, out of its envelope. `text` may be empty. Token counts are `None` where the server gave none.

    `finish` is the server's word for why it stopped ("stop", "length", "content_filter"); `reasoning` what a thinking model
    thought aloud in a field of its own.
    """

    text: str
    reasoning: str = ""
    finish: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int | None = None
    """Those of the prompt that the server had in its cache."""


class Unfinished(ValueError):
    """The envelope ended before its end: the connection was cut in a way that HTTP did not notice."""


class NoChoices(ValueError):
    """An envelope without an answer in it. What it says it cost was paid all the same."""

    def __init__(self, prompt_tokens: int | None, completion_tokens: int | None) -> None:
        super().__init__("the answer has no choices")
        self.prompt_tokens, self.completion_tokens = prompt_tokens, completion_tokens


def read_reply(data: bytes, content_type: str, dialect: Dialect) -> Reply | Refusal:
    """Open the envelope of a 200: JSON, or server-sent events from a server that streams without being asked.

    An error inside it is a `Refusal`. Raises `Unfinished` for a stream that stops in the middle or JSON that does not end, and
    `ValueError` for anything else that is no envelope, an empty `choices` included.
    """
    data = data.removeprefix(codecs.BOM_UTF8)
    start = data.lstrip()[:6]
    if "event-stream" in content_type.lower() or start.startswith((b"data:", b"event:", b": ")):
        return _read_stream(data, dialect)
    try:
        envelope = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        if start.startswith(b"{") and not data.rstrip().endswith(b"}"):
            raise Unfinished("the answer's JSON does not end") from error
        raise ValueError("the answer is not JSON") from error
    if not isinstance(envelope, dict):
        raise ValueError("the answer is JSON, but no chat completion")  # noqa: TRY004  # a bad reply, not a caller's mistake
    if envelope.get("error") and not envelope.get("choices"):
        return _refusal_inside(envelope, dialect)
    choices = envelope.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        raise NoChoices(*_tokens(envelope.get("usage")))
    return _reply(choices[0], choices[0].get("message"), envelope.get("usage"))


def _read_stream(data: bytes, dialect: Dialect) -> Reply | Refusal:
    text: list[str] = []
    reasoning: list[str] = []
    finish: str | None = None
    usage: Any = None
    done = False
    for chunk in _chunks(data):
        if chunk is None:
            done = True
            break
        if chunk.get("error"):
            return _refusal_inside(chunk, dialect)
        usage = chunk.get("usage") or usage
        choices = chunk.get("choices")
        for choice in choices[:1] if isinstance(choices, list) else ():
            if not isinstance(choice, dict):
                continue
            part = _reply(choice, choice.get("delta") or choice.get("message"), None)
            text.append(part.text)
            reasoning.append(part.reasoning)
            finish = part.finish or finish
    if not done and finish is None and not _is_object("".join(text)):
        raise Unfinished("the stream stopped in the middle")
    prompt_tokens, completion_tokens = _tokens(usage)
    return Reply("".join(text), "".join(reasoning), finish, prompt_tokens, completion_tokens, _cached(usage))


def _chunks(data: bytes) -> Iterator[dict[str, Any] | None]:
    """The JSON objects of a stream's events, and `None` for ``[DONE]``.

    An event may have several data lines, which belong together; servers that leave out the blank line between events have each of
    theirs on one. A line that fits nowhere is passed over: whether something is missing shows at the end.
    """
    pending = ""
    # Only what the format calls an end of line: `splitlines` also cuts at U+2028, which JSON may hold as it is.
    for line in re.split(r"\r\n|\n|\r", data.decode("utf-8-sig", "replace")):
        if not line:
            pending = ""
        if not line.startswith("data:"):
            continue
        payload = line[5:].strip()
        if payload == "[DONE]":
            yield None
            return
        for candidate in (payload, f"{pending}\n{payload}"):
            try:
                chunk = orjson.loads(candidate)
            except orjson.JSONDecodeError:
                continue
            pending = ""
            if isinstance(chunk, dict):
                yield chunk
            break
        else:
            pending = f"{pending}\n{payload}" if pending else payload


def _is_object(text: str) -> bool:
    """Whether a text is one complete JSON object: then nothing can be missing behind it."""
    try:
        return isinstance(orjson.loads(text), dict)
    except orjson.JSONDecodeError:
        return False


def _reply(choice: Mapping[str, Any], message: Any, usage: Any) -> Reply:
    message = message if isinstance(message, dict) else {}
    prompt_tokens, completion_tokens = _tokens(usage)
    finish = choice.get("finish_reason")
    refused = isinstance(message.get("refusal"), str) and message["refusal"] != ""
    text = _text(message.get("content") if message else choice.get("text"))
    return Reply(
        text=text if text.strip() else _called(message) or text,
        # Both from every server, whatever its row says. vLLM and SGLang with a reasoning parser, DeepSeek and ModelArts say reasoning_content; vLLM since 0.11 and OpenRouter, reasoning.
        reasoning=_text(message.get("reasoning_content")) or _text(message.get("reasoning")),
        finish="content_filter" if refused else (finish if isinstance(finish, str) else None),
        prompt_tokens=prompt_tokens,
        completion_tokens=completion_tokens,
        cached_tokens=_cached(usage),
    )


def _called(message: Mapping[str, Any]) -> str:
    """What a model "calls a tool" with that was to answer: some servers parse every JSON object of an answer as such a call."""
    calls = message.get("tool_calls")
    listed = [call.get("function") for call in calls if isinstance(call, dict)] if isinstance(calls, list) else []
    said = [function.get("arguments") for function in (*listed, message.get("function_call")) if isinstance(function, dict)]
    return "".join(each if isinstance(each, str) else orjson.dumps(each).decode() for each in said if each)


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "".join(part["text"] for part in content if isinstance(part, dict) and isinstance(part.get("text"), str))
    return ""


def _tokens(usage: Any) -> tuple[int | None, int | None]:
    usage = usage if isinstance(usage, dict) else {}

    def count(key: str) -> int | None:
        value = usage.get(key)
        return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None

    return count("prompt_tokens"), count("completion_tokens")


def _cached(usage: Any) -> int | None:
    """``usage.prompt_tokens_details.cached_tokens``: OpenAI, vLLM, DashScope, OpenRouter and Gemini say it there."""
    details = usage.get("prompt_tokens_details") if isinstance(usage, dict) else None
    cached = details.get("cached_tokens") if isinstance(details, dict) else None
    return cached if isinstance(cached, int) and not isinstance(cached, bool) and cached >= 0 else None


def _refusal_inside(envelope: Mapping[str, Any], dialect: Dialect) -> Refusal:
    error = envelope.get("error")
    code = str(error.get("code")) if isinstance(error, dict) else ""
    status = int(code) if re.fullmatch(r"[45]\d\d", code) else 500
    return judge(status, {}, orjson.dumps(envelope), dialect)


def full_context(reply: Reply, max_tokens: int) -> Refusal | None:
    """The refusal hidden in an answer that ended well before `max_tokens` though it says "length": nothing fitted any more.

    Then prompt and answer together are as long as the context, and contexts come in multiples of 256 (llama.cpp pads to that).
    """
    prompt_tokens, completion_tokens = reply.prompt_tokens, reply.completion_tokens
    if reply.finish != "length" or prompt_tokens is None or completion_tokens is None or completion_tokens >= 0.9 * max_tokens:
        return None
    together = prompt_tokens + completion_tokens
    if (together + 1) % 256 > 2:
        return None
    said = f"the answer was cut off after {completion_tokens} tokens: the context of {together} is full"
    return Refusal(Meaning.TOO_MANY, said, status=200)
