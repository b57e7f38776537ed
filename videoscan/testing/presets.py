"""Model servers as their makers describe them: stand-ins for services that cannot be run here, and for trying things without an account.

::

    with serving("modelarts", requests_per_minute=5) as server:
        ...  # server.url is the base, with the path that the real one has; the key is server.key

What is documented, and where, stands in `videoscan.testing.services`. A stand-in checks what the real one checks (path, key, model, formats,
sizes, context, schema), refuses in its words, counts tokens by its rule, and otherwise sees everything that it was shown. It shows
that videoscan gets on with what is *documented*; it does not show that the documents are true.
"""

from __future__ import annotations

import contextlib
import json
import re
import time
from collections import deque
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from videoscan.testing.model_server import ModelServer, Turn, answer, event
from videoscan.testing.received import MAGIC
from videoscan.testing.services import SERVICES, Trouble

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from aiohttp import web

    from videoscan.testing.model_server import Script
    from videoscan.testing.received import Received


_MINUTE = 60.0


class StandIn(ModelServer):
    """A `ModelServer` that behaves as a `Service` is documented to. Narrower limits than the documented ones may be given.

    `filtered` says of a request that the service's content filter would refuse it.
    """

    def __init__(
        self,
        script: Script = (),
        *,
        service: str,
        key: str | None = None,
        pictures: int | None = None,
        context: int | None = None,
        requests_per_minute: int | None = None,
        tokens_per_minute: int | None = None,
        filtered: Callable[[Received], bool] = lambda _: False,
        delay: float = 0.0,
    ) -> None:
        if service not in SERVICES:
            raise ValueError(f"there is no stand-in for {service!r}; there are {', '.join(SERVICES)}")
        self.service = SERVICES[service]
        super().__init__(script or self._sees, models=self.service.models, delay=delay)
        self.key = key or self.service.key
        self._most_shown = pictures or self.service.pictures
        self._room = context or self.service.context
        self._rate, self._token_rate = requests_per_minute, tokens_per_minute
        self._filtered = filtered
        self._answered: deque[tuple[float, int]] = deque()

    async def start(self) -> None:
        """Listen on a free port of 127.0.0.1; `url` is the base to use as an endpoint."""
        await super().start()
        self.url = self.url.removesuffix("/v1") + self.service.base

    async def _list_models(self, request: web.Request) -> web.Response:
        if self.key is not None and request.headers.get("Authorization") != f"Bearer {self.key}":
            return self._listed_refusal(Trouble.KEY)
        return await super()._list_models(request) if self.service.lists_models else self._listed_refusal(Trouble.PATH)

    def _listed_refusal(self, trouble: Trouble) -> web.Response:
        from aiohttp import web

        turn = self._refusal(trouble)
        return web.Response(status=turn.status, body=turn.body, content_type="application/json")

    def _turn(self, received: Received, problems: list[str], *, size: int) -> Turn:
        refused = self._refused(received)
        return refused or super()._turn(received, problems, size=size)

    def _refused(self, received: Received) -> Turn | None:
        service, body = self.service, received.body
        base = received.path.removesuffix("/chat/completions")
        if not re.fullmatch(service.path or re.escape(service.base), base):
            return self._refusal(Trouble.PATH, path=received.path)
        if self.key is not None and not (received.authorization or "").startswith("Bearer "):
            return self._refusal(Trouble.NO_KEY)
        if self.key is not None and received.authorization != f"Bearer {self.key}":
            return self._refusal(Trouble.KEY, key="***")
        if body.get("model") not in service.models:
            return self._refusal(Trouble.MODEL, model=body.get("model"))
        if service.renames and re.match(service.renames, str(body["model"])) and "max_tokens" in body:
            return self._refusal(Trouble.LIMIT_NAME)
        if service.schemas == "bounds refused" and received.schema and (found := _length_bound(received.schema)):
            return self._refusal(Trouble.SCHEMA, where=found[:-1], word=found[-1])
        if any(_media_type(each) not in service.formats for each in received.pictures):
            return self._refusal(Trouble.FORMAT)
        if service.picture_base64 and any(len(each) * 4 / 3 >= service.picture_base64 for each in received.pictures):
            return self._refusal(Trouble.LARGE)
        if self._most_shown is not None and len(received.pictures) > self._most_shown:
            return self._refusal(Trouble.PICTURES, most=self._most_shown)
        needed = self._tokens(received) + _limit(body)
        if self._room is not None and not service.truncates and needed > self._room:
            return self._refusal(Trouble.LONG, needed=needed, room=self._room)
        return self._too_fast(received) or (self._refusal(Trouble.FILTER) if self._filtered(received) else None)

    def _too_fast(self, received: Received) -> Turn | None:
        now = time.monotonic()
        while self._answered and now - self._answered[0][0] > _MINUTE:
            self._answered.popleft()
        if self._rate is not None and len(self._answered) >= self._rate:
            return self._refusal(Trouble.REQUESTS, most=self._rate)
        spent = sum(tokens for _, tokens in self._answered)
        if self._token_rate is not None and spent >= self._token_rate:
            return self._refusal(Trouble.TOKENS, most=self._token_rate)
        self._answered.append((now, self._tokens(received)))
        return None

    def _refusal(self, trouble: Trouble, **values: object) -> Turn:
        row = self.service.refusals[trouble]
        said = row.message.format(**values)
        inner = {"message": said, "type": row.type, "param": None, "code": row.code}
        body: dict[str, Any] = {"error": inner}
        # What vLLM behind Huawei's gateway refuses itself comes through in vLLM's form.
        if self.service.shape == "huawei" and isinstance(row.code, str):
            body = {"error_code": row.code, "error_msg": said, "request_id": "stand-in"}
        elif self.service.shape != "error":
            body = {"object": "error", **inner}
        return Turn(status=row.status, headers=dict(row.headers), body=json.dumps(body).encode())

    def _tokens(self, received: Received) -> int:
        """By the service's own rule for pictures; four characters of text are a token."""
        text = len(received.text) + len(received.system or "") + sum(map(len, received.labels))
        return sum(self._cost_of(each) for each in received.pictures) + text // 4

    def _cost_of(self, picture: bytes) -> int:
        shown = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_REDUCED_GRAYSCALE_8)
        height, width = (8 * side for side in shown.shape[:2]) if shown is not None else (0, 0)
        return self.service.cost.tokens(width, height)

    def _sees(self, received: Received) -> Turn:
        """One event over all that it saw; with a context that truncates, only the last pictures that fit into it."""
        needed, frames = self._tokens(received), received.frames
        seen, held = frames, needed
        if self._room is not None and self.service.truncates and needed > self._room:
            each = max(1, needed // max(1, len(received.pictures)))
            seen, held = min(frames, self._room // each), self._room
        schema = received.schema if self.service.schemas != "ignored" else None
        if schema is not None and "events" not in schema.get("properties", {}):
            text = json.dumps(_instance(schema))  # somebody else's form: held to it, as the real one does
        else:
            text = answer([event(f"Saw {seen} frames", frames - seen + 1, frames)] if seen else [])
        limit, spoken, finish = _limit(received.body), len(text) // 4, "stop"
        if spoken > limit:
            text, spoken, finish = text[: 4 * limit], limit, "length"
        usage = {"prompt_tokens": held, "completion_tokens": spoken, "total_tokens": held + spoken}
        if received.body.get("stream"):
            return Turn(content=text, usage=usage, stream=True, finish=finish)
        choice = {
            "index": 0,
            "message": {"role": "assistant", "content": text, **self.service.message_fields},
            "finish_reason": finish,
        }
        envelope = {
            "id": "chatcmpl-stand-in",
            "object": "chat.completion",
            "created": 1,
            "model": received.body.get("model"),
            "choices": [choice],
            "usage": usage,
            **self.service.fields,
        }
        return Turn(body=json.dumps(envelope).encode())


def preset(service: str, script: Script = (), **options: Any) -> StandIn:
    """The stand-in for a service of `SERVICES`, for ``async with``; `options` are `StandIn`'s."""
    return StandIn(script, service=service, **options)


@contextlib.contextmanager
def serving(service: str, script: Script = (), **options: Any) -> Iterator[StandIn]:
    """The same in a thread of its own, for synchronous code and for other processes."""
    with StandIn.in_thread(script, service=service, **options) as server:
        yield server


def _limit(body: Mapping[str, Any]) -> int:
    limit = body.get("max_tokens", body.get("max_completion_tokens"))
    return limit if isinstance(limit, int) else 0


def _instance(schema: Mapping[str, Any]) -> Any:
    """The smallest value that a schema allows."""
    if "enum" in schema or "const" in schema:
        return schema.get("const", next(iter(schema.get("enum", [None]))))
    kind = schema.get("type")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        return {key: _instance(value) for key, value in schema.get("properties", {}).items()}
    if kind == "array":
        return [_instance(schema.get("items", {})) for _ in range(schema.get("minItems", 0))]
    if kind in {"integer", "number"}:
        return schema.get("minimum", 0)
    return {"string": "x" * schema.get("minLength", 0), "boolean": False}.get(str(kind))


def _media_type(data: bytes) -> str | None:
    return next((kind for kind, starts in MAGIC.items() if data.startswith(starts)), None)


def _length_bound(schema: Mapping[str, Any], path: tuple[str, ...] = ()) -> tuple[str, ...] | None:
    """Where a schema bounds the length of a text, if it does: strict mode has no word for that."""
    for key, value in schema.items():
        if key in {"minLength", "maxLength"} and not isinstance(value, dict):
            return (*path, key)
        if isinstance(value, dict) and (found := _length_bound(value, (*path, key))):
            return found
    return None
