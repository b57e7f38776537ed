"""What an endpoint's refusal means: an error's status, code and words, out of every form in which servers say so. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from videoscan.describers.dialects import Dialect, Meaning, meaning_of_code
from videoscan.patience import retry_after

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error that an endpoint answered with. `retry_after` in seconds, unbounded, as the server has it.

    `pictures` is the greatest number of pictures it takes, `room` and `needed` the tokens of its context and of this prompt, each
    where it says so.
    `sure` is false where the meaning is a guess to be tried out.
    """

    meaning: Meaning
    message: str
    status: int
    code: str | None = None
    retry_after: float | None = None
    request_id: str | None = None
    pictures: int | None = None
    room: int | None = None
    needed: int | None = None
    sure: bool = True


_FILTER = re.compile(
    r"content[ _-]?(?:filter|policy|management|moderation)|inappropriate|contain\w* sens(?:i?tive)|sensitive (?:content|information|words?)|"
    r"safety (?:system|policy)|risk control|违规|敏感|不合规",
    re.IGNORECASE,
)
_LIMIT = r"(?:limit|max(?:imum)?|at most|up to|no more than|more than|too many|exceed\w*|only (?:support|accept|allow|take)\w*|only \d+)"
_PICTURES = r"(?:images?|pictures?|photos?|multi-?modal (?:items?|data|inputs?))"
_TOO_MANY = re.compile(
    rf"{_LIMIT}[^.\n]{{0,60}}\b{_PICTURES}|\b{_PICTURES}(?:[^.\n]|\.(?=\d)){{0,60}}\b{_LIMIT}|"
    # DashScope: "Exceeded limit on max data-uri per request: 250"; "Range of input length should be [1, 129024]".
    r"data-uris? per request|range of input length|"
    r"context[ _-]?(?:length|window|size)|maximum context|exceed_context|too many (?:input )?tokens|longer than the (?:maximum )?model|"
    r"less than the maximum (?:input|model|prompt) length|"
    r"(?:prompt|input|request|body|payload|entity|content|message)s?\b[^.\n]{0,40}\b(?:too (?:large|long|big)|exceeds?)|"
    r"(?:图片|图像)[^。\n]{0,12}(?:数量|张数|过多|超)|超(?:过|出|长)[^。\n]{0,16}(?:限制|最大|上限|长度)|最多[^。\n]{0,10}(?:张|图)",
    re.IGNORECASE,
)
_MOST_PICTURES = re.compile(
    rf"(?:at most|up to|no more than|more than|limit(?:ed)?(?: is| of| to|:|=)?|max(?:imum)?(?: is| of|:|=)?|only \w+|image=|最多\D{{0,8}}?"
    # Fireworks: "we currently limit the number of images per conversation to 60".
    rf"|data-uris? per request ?:|limit the number of {_PICTURES}[^.\d\n]{{0,30}} to)\s*(\d+)"
    rf"(?=\s*(?:\(|{_PICTURES}|张|图|\.|,|;|\"|$|per\b|in\b))",
    re.IGNORECASE,
)
# vLLM: "The decoder prompt (length 10127) is longer than the maximum model length of 8192"; SGLang: "The input (61709 tokens) is
# longer than the model's context length (40960 tokens)". ModelArts MaaS: "the prompt length 151499 must less than the maximum input length 129024".
# Gemini: "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)".
_LENGTHS = re.compile(
    r"(?:length |\()(\d+)\b[^.\n]{0,20}(?:is longer than the (?:maximum )?model|must (?:be )?less than the maximum|exceeds the maximum number of tokens)"
    r"[^.\n\d]{0,40}(\d+)",
    re.IGNORECASE,
)
# llama.cpp: 503 "Loading model"; Hugging Face: 503 "Model X is currently loading".
_LOADING = re.compile(
    r"\bloading (?:the )?model|\bmodel\b[^.\n]{0,80}\b(?:is|being|still) (?:\w+ )?load(?:ing|ed)\b", re.IGNORECASE
)
# With 400 rather than 404: transformers serve: "Server is pinned to 'a'; requested 'b'."; OpenRouter: "b is not a valid model ID";
# LiteLLM: "Invalid model name passed in model=b".
_NO_MODEL = re.compile(
    r"pinned to .{1,300}; requested|not a valid model\b|(?:invalid|unknown) model(?: name| id)?\b|\bno such model\b|"
    r"\bmodel\b[^.\n]{0,120}\b(?:does not exist|was not found|not found)\b",
    re.IGNORECASE,
)
_SCHEMA = re.compile(r"response_?format|json_?schema|structured[ _-]?outputs?|guided|grammar|\bschema\b", re.IGNORECASE)


def judge(status: int, headers: Mapping[str, str], data: bytes, dialect: Dialect, *, sent_schema: bool = False) -> Refusal:
    """What an answer other than 200 means for this request.

    Bodies: ``{"error": {...}}``, ``{"error": text}``, ``{"error_code", "error_msg"}`` (Huawei Cloud), ``{"detail": text or list}``,
    ``[{...}]`` (Gemini), plain text. An error code decides; failing that the status; for 400, 413 and 422 the message.
    """
    raw = data[:20_000].decode("utf-8", "replace").strip()
    codes, message, details = _error_parts(raw)
    meaning, sure = _meaning(status, codes, message, dialect, sent_schema=sent_schema)
    most = _MOST_PICTURES.search(message)
    needed, room = details.get("n_prompt_tokens"), details.get("n_ctx")  # llama.cpp
    if needed is None and meaning is Meaning.TOO_MANY and (lengths := _LENGTHS.search(message)):
        needed, room = int(lengths[1]), int(lengths[2])
    return Refusal(
        meaning=meaning,
        message=message[:500] or "without a message",
        status=status,
        code=codes[0] if codes else None,
        retry_after=retry_after(_asked(headers), raw),
        request_id=headers.get("x-request-id") or headers.get("X-Request-Id"),
        pictures=int(most[1]) if most and meaning is Meaning.TOO_MANY and 0 < int(most[1]) < 10_000 else None,
        room=room if isinstance(room, int) and room > 0 else None,
        needed=needed if isinstance(needed, int) and needed > 0 else None,
        sure=sure,
    )


def _asked(headers: Mapping[str, str]) -> str | None:
    """How long to wait, as the headers have it. OpenAI and Azure also say it in milliseconds, which is the more exact of the two."""
    exact = headers.get("Retry-After-Ms")
    return f"{exact}ms" if exact else headers.get("Retry-After")


def _meaning(status: int, codes: Sequence[str], message: str, dialect: Dialect, *, sent_schema: bool) -> tuple[Meaning, bool]:
    for code in codes:
        known = meaning_of_code(code, dialect)
        if known is not None:
            return known, True
    if status == 403 and _FILTER.search(message):
        return Meaning.FILTERED, True
    if 300 <= status < 400 or status in {401, 402, 403, 404, 405}:
        return Meaning.REFUSED, True
    if status == 503 and _LOADING.search(message):
        return Meaning.LOADING, True
    if status in {429, 503}:
        return Meaning.THROTTLED, True
    if status in {408, 409, 425} or status >= 500:
        # llama.cpp sometimes says 500 for a context that is full (its issue 19774).
        full = status == 500 and re.search(r"context size has been exceeded", message, re.IGNORECASE)
        return (Meaning.TOO_MANY if full else Meaning.FAILED), True
    if status == 413:
        return Meaning.TOO_MANY, True
    if _FILTER.search(message):
        return Meaning.FILTERED, True
    if _NO_MODEL.search(message):
        return Meaning.REFUSED, True
    if "max_completion_tokens" in message and re.search(r"unsupported|not supported|use ", message, re.IGNORECASE):
        return Meaning.COMPLETION_TOKENS, True
    if sent_schema and _SCHEMA.search(message) and not re.search(r"context|too many|at most \d", message, re.IGNORECASE):
        return Meaning.NO_SCHEMA, True
    if _TOO_MANY.search(message):
        return Meaning.TOO_MANY, True
    # Nothing is said about the reason; the one unusual thing in the request was the response format.
    return (Meaning.NO_SCHEMA if sent_schema else Meaning.REJECTED), False


def _error_parts(raw: str) -> tuple[list[str], str, Mapping[str, Any]]:
    """Codes (most telling first), the message, and the error object itself."""
    try:
        found = orjson.loads(raw)
    except orjson.JSONDecodeError:
        text = re.sub(r"<[^>]{0,200}>", " ", raw) if raw.startswith("<") else raw
        return [], " ".join(text.split()), {}
    if isinstance(found, list) and found:
        found = found[0]
    if not isinstance(found, dict):
        return [], str(found), {}
    inner = found.get("error")
    error: Mapping[str, Any] = inner if isinstance(inner, dict) else found
    codes = [error.get("code"), error.get("error_code"), error.get("type"), error.get("status")]
    nested = error.get("innererror")
    if isinstance(nested, dict):
        codes.insert(0, nested.get("code"))
    message = next(
        (
            value if isinstance(value, str) else orjson.dumps(value).decode()
            for value in (error.get("message"), error.get("error_msg"), inner, found.get("detail"), found.get("message"))
            if value
        ),
        raw,
    )
    return [str(code) for code in codes if isinstance(code, (str, int)) and str(code)], message, error
