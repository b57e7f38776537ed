"""The wire format of chat completions, pure: bodies out of pictures and prompts, and what came back into a reply or a refusal.

Nothing here does I/O or knows of retries; `videoscan.describers.answer` reads the text of a reply.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from videoscan.describers import shape
from videoscan.describers.dialects import Dialect, Meaning, meaning_of_code
from videoscan.patience import retry_after
from videoscan.timecode import clock

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from videoscan.model import Picture, Prompt

SCHEMA_NAME = "videoscan_window"


@dataclass(frozen=True, slots=True)
class Numbering:
    """How the pictures of one request are called. Frame numbers count from 1, crops have none of their own.

    `labels` has one text per picture; `places[n - 1]` is the place, from 0, of frame number n among the pictures.
    """

    labels: tuple[str, ...]
    places: tuple[int, ...]


def number(pictures: Sequence[Picture]) -> Numbering:
    """Name the pictures: ``Frame 3 · 00:01:12.400``, and ``Frame 3 zoom`` for a crop of frame 3."""
    labels: list[str] = []
    places: list[int] = []
    numbers: dict[int, int] = {}
    for place, picture in enumerate(pictures):
        of = None if picture.zoom_of is None else numbers.get(picture.zoom_of)
        if of is not None:
            labels.append(f"Frame {of} zoom")
            continue
        places.append(place)
        numbers[picture.frame] = len(places)
        labels.append(f"Frame {len(places)} · {clock(picture.time)}")
    return Numbering(tuple(labels), tuple(places))


def body(
    pictures: Sequence[Picture],
    prompt: Prompt,
    *,
    model: str | None,
    max_tokens: int,
    schema: Mapping[str, Any] | None,
    instruct: bool,
    limit_key: str = "max_tokens",
    extra: Mapping[str, Any] | None = None,
) -> bytes:
    """The request's body, ready to be sent and to be sent again.

    The pictures' Base64 is spliced into a small JSON skeleton, never through a JSON encoder (5 MB: 1 ms instead of 45). `schema`
    goes as `response_format`; `instruct` puts the answer's form into the text as well. `extra` is merged last and wins. Without
    pictures the user's content is the plain text.
    """
    text = prompt.instructions if not instruct else f"{shape.drawn(prompt.schema)}\n\n{prompt.instructions}"
    fields: dict[str, Any] = {limit_key: max_tokens}
    if schema is not None:
        fields["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": SCHEMA_NAME, "strict": True, "schema": schema},
        }
    fields.update(extra or {})
    head: dict[str, Any] = {"model": model} if model else {}
    pieces: list[bytes] = [orjson.dumps(head)[:-1], b"," if head else b"", b'"messages":[']
    if prompt.system:
        pieces += [orjson.dumps({"role": "system", "content": prompt.system}), b","]
    pieces.append(b'{"role":"user","content":')
    if pictures:
        words = orjson.dumps({"type": "text", "text": text})
        pieces += [b"[", words, b","] if prompt.text_first else [b"["]
        for place, (label, picture) in enumerate(zip(number(pictures).labels, pictures, strict=True)):
            pieces += [
                b"," if place else b"",
                orjson.dumps({"type": "text", "text": label}),
                b',{"type":"image_url","image_url":{"url":"data:',
                picture.media_type.encode(),
                b";base64,",
                picture.base64,
                b'"}}',
            ]
        pieces += [b"]"] if prompt.text_first else [b",", words, b"]"]
    else:
        pieces.append(orjson.dumps(text))
    pieces += [b"}],", orjson.dumps(fields)[1:]]
    return b"".join(pieces)


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
    return Reply("".join(text), "".join(reasoning), finish, prompt_tokens, completion_tokens)


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
    return Reply(
        text=_text(message.get("content") if message else choice.get("text")),
        # vLLM and SGLang with a reasoning parser, DeepSeek and ModelArts say reasoning_content; vLLM since 0.11 and OpenRouter, reasoning.
        reasoning=_text(message.get("reasoning_content")) or _text(message.get("reasoning")),
        finish="content_filter" if refused else (finish if isinstance(finish, str) else None),
        prompt_tokens=prompt_tokens,
        completion_tokens=completion_tokens,
    )


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


def _refusal_inside(envelope: Mapping[str, Any], dialect: Dialect) -> Refusal:
    error = envelope.get("error")
    code = str(error.get("code")) if isinstance(error, dict) else ""
    status = int(code) if re.fullmatch(r"[45]\d\d", code) else 500
    return judge(status, {}, orjson.dumps(envelope), dialect)


_FILTER = re.compile(
    r"content[ _-]?(?:filter|policy|management|moderation)|inappropriate|contain\w* sens(?:i?tive)|sensitive (?:content|information|words?)|"
    r"safety (?:system|policy)|risk control|违规|敏感|不合规",
    re.IGNORECASE,
)
_LIMIT = r"(?:limit|max(?:imum)?|at most|up to|no more than|more than|too many|exceed\w*|only (?:support|accept|allow|take)\w*|only \d+)"
_PICTURES = r"(?:images?|pictures?|photos?|multi-?modal (?:items?|data|inputs?))"
_TOO_MANY = re.compile(
    rf"{_LIMIT}[^.\n]{{0,60}}\b{_PICTURES}|\b{_PICTURES}[^.\n]{{0,60}}\b{_LIMIT}|"
    r"context[ _-]?(?:length|window|size)|maximum context|exceed_context|too many (?:input )?tokens|"
    r"(?:prompt|input|request|body|payload|entity|content|message)s?\b[^.\n]{0,40}\b(?:too (?:large|long|big)|exceeds?)|"
    r"(?:图片|图像)[^。\n]{0,12}(?:数量|张数|过多|超)|超(?:过|出|长)[^。\n]{0,16}(?:限制|最大|上限|长度)|最多[^。\n]{0,10}(?:张|图)",
    re.IGNORECASE,
)
_MOST_PICTURES = re.compile(
    rf"(?:at most|up to|no more than|more than|limit(?:ed)?(?: is| of| to|:|=)?|max(?:imum)?(?: is| of|:|=)?|only \w+|image=|最多\D{{0,8}}?)\s*(\d+)"
    rf"(?=\s*(?:\(|{_PICTURES}|张|图|\.|,|;|\"|$|per\b|in\b))",
    re.IGNORECASE,
)
# llama.cpp: 503 "Loading model"; Hugging Face: 503 "Model X is currently loading".
_LOADING = re.compile(
    r"\bloading (?:the )?model|\bmodel\b[^.\n]{0,80}\b(?:is|being|still) (?:\w+ )?load(?:ing|ed)\b", re.IGNORECASE
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
    return Refusal(
        meaning=meaning,
        message=message[:500] or "without a message",
        status=status,
        code=codes[0] if codes else None,
        retry_after=retry_after(headers.get("Retry-After"), raw),
        request_id=headers.get("x-request-id") or headers.get("X-Request-Id"),
        pictures=int(most[1]) if most and meaning is Meaning.TOO_MANY and 0 < int(most[1]) < 10_000 else None,
        room=room if isinstance(room, int) and room > 0 else None,
        needed=needed if isinstance(needed, int) and needed > 0 else None,
        sure=sure,
    )


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
