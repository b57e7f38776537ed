"""A scriptable model server for tests: a real HTTP server on 127.0.0.1, strict about the form of what it is sent.

::

    async with ModelServer([throttled(retry_after="2"), ok(events=[event("A car arrives", 2, 5)])]) as server:
        ...  # the endpoint's base is server.url
    assert server.requests[1].labels[0] == "Frame 1 · 00:00:00.000"

A script is a list of turns, one per chat request in order of arrival, or a function from a request to a turn. After its end, every
request gets `sees_everything`: one event over all its frames. A request that breaks the wire format is answered with 400, noted in
`problems`, and makes leaving the block fail. Scans in other processes, or synchronous tests, use `ModelServer.in_thread`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Self, TypeAlias

from aiohttp import web

from videoscan.testing.received import Received, read_request

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType


@dataclass(frozen=True, kw_only=True)
class Turn:
    """What the server does with one request.

    `content` is what the model says; `body` replaces the whole HTTP body. `delay` in seconds before anything is sent. `cut_after`
    breaks the connection after so many bytes of the body; 0 before the status line. `drip` sends that many bytes every 20 ms.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    content: Any = None
    body: bytes | None = None
    content_type: str = "application/json"
    finish: str | None = "stop"
    usage: Mapping[str, Any] | None = None
    message: Mapping[str, Any] = field(default_factory=dict)
    stream: bool = False
    done: bool = True
    delay: float = 0.0
    cut_after: int | None = None
    drip: int | None = None


Script: TypeAlias = Sequence[Turn] | Callable[[Received], Turn]
LOADING: Mapping[str, Any] = {"error": {"message": "Loading model", "type": "unavailable_error", "code": 503}}
"""What llama.cpp's server answers to everything until its model is loaded."""
USAGE: Mapping[str, Any] = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}


def event(title: str, first: int = 1, last: int | None = None, **more: Any) -> dict[str, Any]:
    """An event as a model writes it; frames count from 1."""
    return {
        "title": title,
        "description": f"{title}.",
        "first_frame": first,
        "last_frame": first if last is None else last,
        "tags": ["test"],
        "confidence": 0.9,
        "importance": 0.5,
        "continues": None,
        "attributes": {},
        **more,
    }


def answer(
    events: Sequence[Mapping[str, Any]] = (), *, summary: str = "A test.", observations: Sequence[str] = ("A place.",)
) -> str:
    """The text of a complete answer."""
    return json.dumps({"observations": list(observations), "events": list(events), "summary": summary}, ensure_ascii=False)


def ok(events: Sequence[Mapping[str, Any]] = (), **turn: Any) -> Turn:
    """A good answer."""
    return Turn(**{"content": answer(events), "usage": USAGE, **turn})


def sees_everything(request: Received) -> Turn:
    """One event over all frames of the request, titled after their number."""
    return ok([event(f"Saw {request.frames} frames", 1, request.frames)] if request.frames else [])


def says(content: Any, **turn: Any) -> Turn:
    """The model says something else: prose, fences, half an answer, a list of parts, nothing."""
    return Turn(**{"content": content, "usage": USAGE, **turn})


def fails(
    status: int, message: str = "it went wrong", *, code: Any = None, headers: Mapping[str, str] | None = None, **turn: Any
) -> Turn:
    """An error in OpenAI's shape."""
    error = {"error": {"message": message, "type": "test", "code": code}}
    return Turn(status=status, body=json.dumps(error).encode(), headers=headers or {}, **turn)


def throttled(*, retry_after: str | None = None, status: int = 429) -> Turn:
    """429 (or 503), with a Retry-After header or without."""
    return fails(status, "slow down", headers={} if retry_after is None else {"Retry-After": retry_after})


def drops() -> Turn:
    """The connection is closed before a byte of an answer."""
    return Turn(cut_after=0)


class ModelServer:
    """The server. What it takes can be narrowed, as real ones do, whatever the script says.

    `most_pictures`, `most_bytes` and `context` (tokens, at 100 a picture) refuse in vLLM's, nginx's and llama.cpp's words. `schemas`:
    whether response_format is taken, refused with 400, or `key` (a Bearer key) is wanted. `text_first` expects the instructions
    before the pictures. The first `loading` requests of any kind meet a server that is still loading its model, as llama.cpp says it.
    `models` is what it lists, and may be changed while it runs. `owner` is whom the list says they belong to. `strict=False` only notes problems.
    """

    def __init__(
        self,
        script: Script = (),
        *,
        key: str | None = None,
        most_pictures: int | None = None,
        most_bytes: int | None = None,
        context: int | None = None,
        schemas: Literal["taken", "refused"] = "taken",
        text_first: bool = False,
        models: Sequence[str] = ("test-model",),
        delay: float = 0.0,
        loading: int = 0,
        owner: str | None = None,
        strict: bool = True,
    ) -> None:
        self._script = script
        self._key, self._most_pictures, self._most_bytes, self._context = key, most_pictures, most_bytes, context
        self._schemas, self._text_first, self.models, self._delay, self._strict = schemas, text_first, models, delay, strict
        self._loading, self._owner = loading, owner
        self.requests: list[Received] = []
        self.problems: list[str] = []
        self.busy = 0
        self.most_busy = 0
        self.connections: set[int] = set()
        self.url = ""
        self._arrived = asyncio.Event()
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.stop()
        if kind is None:
            self.check()

    def check(self) -> None:
        """Raise `AssertionError` when a request broke the wire format."""
        assert not (self._strict and self.problems), f"requests broke the wire format: {self.problems}"

    async def start(self) -> None:
        """Listen on a free port of 127.0.0.1; `url` is the base to use as an endpoint."""
        app = web.Application(client_max_size=1 << 30)
        app.router.add_get("/{base:.*}/models", self._list_models)
        app.router.add_post("/{base:.*}/chat/completions", self._chat)
        self._runner = web.AppRunner(app, shutdown_timeout=0.2, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}/v1"

    async def stop(self) -> None:
        """Stop listening and break what is open."""
        if self._runner is not None:
            runner, self._runner = self._runner, None
            await runner.cleanup()

    async def until_busy(self, count: int) -> None:
        """Wait until so many requests are being answered at once."""
        while self.busy < count:
            self._arrived.clear()
            await self._arrived.wait()

    @classmethod
    @contextlib.contextmanager
    def in_thread(cls, script: Script = (), **options: Any) -> Iterator[Self]:
        """The same server in a thread and event loop of its own, for synchronous tests and for other processes."""
        server = cls(script, **options)
        ready, stopping = threading.Event(), asyncio.Event()
        loop = asyncio.new_event_loop()

        async def serve() -> None:
            await server.start()
            ready.set()
            await stopping.wait()
            await server.stop()
            # Answers that were held back when the client went away.
            held = asyncio.all_tasks() - {asyncio.current_task()}
            for task in held:
                task.cancel()
            await asyncio.gather(*held, return_exceptions=True)

        thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), name="model-server", daemon=True)
        thread.start()
        try:
            assert ready.wait(10), "the model server did not start"
            yield server
            server.check()
        finally:
            loop.call_soon_threadsafe(stopping.set)
            thread.join(10)
            loop.close()

    def _still_loading(self) -> bool:
        self._loading -= 1
        return self._loading >= 0

    async def _list_models(self, request: web.Request) -> web.Response:
        if self._still_loading():
            return web.json_response(LOADING, status=503)
        if self._key is not None and request.headers.get("Authorization") != f"Bearer {self._key}":
            return web.json_response({"error": {"message": "Incorrect API key provided"}}, status=401)
        owned = {} if self._owner is None else {"owned_by": self._owner}
        return web.json_response({"object": "list", "data": [{"id": name, "object": "model", **owned} for name in self.models]})

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        if self._still_loading():
            return web.json_response(LOADING, status=503)
        self.connections.add(id(request.transport))
        received, problems = read_request(request, raw, len(self.requests), text_first=self._text_first)
        self.requests.append(received)
        turn = self._turn(received, problems, size=len(raw))
        self.busy += 1
        self.most_busy = max(self.most_busy, self.busy)
        self._arrived.set()
        try:
            await asyncio.sleep(turn.delay or (self._delay if turn.status == 200 else 0))
            return await _play(request, turn)
        finally:
            self.busy -= 1

    def _turn(self, received: Received, problems: list[str], *, size: int) -> Turn:
        if self._key is not None and received.authorization != f"Bearer {self._key}":
            return fails(401, f"Incorrect API key provided: {received.authorization}", code="invalid_api_key")
        if self._most_bytes is not None and size > self._most_bytes:
            page = b"<html><head><title>413 Request Entity Too Large</title></head></html>"
            return Turn(status=413, body=page, content_type="text/html")
        if problems:
            self.problems += [f"request {received.index}: {problem}" for problem in problems]
            if self._strict:
                return fails(400, "; ".join(problems))
        shown = len(received.pictures)
        if self._most_pictures is not None and shown > self._most_pictures:
            return fails(400, f"At most {self._most_pictures} image(s) may be provided in one prompt.", code=400)
        if self._context is not None and shown * 100 > self._context:
            error = {
                "code": 400,
                "message": f"request ({shown * 100} tokens) exceeds the available context size ({self._context} tokens)",
            }
            error |= {"type": "exceed_context_size_error", "n_prompt_tokens": shown * 100, "n_ctx": self._context}
            return Turn(status=400, body=json.dumps({"error": error}).encode())
        if self._schemas == "refused" and "response_format" in received.body:
            return fails(400, "Unknown parameter: 'response_format'.", code="unknown_parameter")
        if callable(self._script):
            return self._script(received)
        return self._script[received.index] if received.index < len(self._script) else sees_everything(received)


async def _play(request: web.Request, turn: Turn) -> web.StreamResponse:
    if turn.cut_after == 0:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()
    data = turn.body if turn.body is not None else (_events(turn) if turn.stream else _envelope(turn))
    content_type = "text/event-stream" if turn.stream and turn.body is None else turn.content_type
    if turn.cut_after is None and turn.drip is None:
        return web.Response(status=turn.status, body=data, content_type=content_type, headers=turn.headers)
    response = web.StreamResponse(status=turn.status, headers=turn.headers)
    response.content_type = content_type
    response.content_length = len(data)
    await response.prepare(request)
    if turn.drip is not None:
        for at in range(0, len(data), turn.drip):
            await response.write(data[at : at + turn.drip])
            await asyncio.sleep(0.02)
        return response
    await response.write(data[: turn.cut_after])
    assert request.transport is not None
    request.transport.close()
    return response


def _envelope(turn: Turn) -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", "content": turn.content, **turn.message}, "finish_reason": turn.finish}
    envelope: dict[str, Any] = {
        "id": "chatcmpl-test",
        "object": "chat.completion",
        "created": 1,
        "model": "test-model",
        "choices": [choice],
    }
    if turn.usage is not None:
        envelope["usage"] = dict(turn.usage)
    return json.dumps(envelope).encode()


def _events(turn: Turn) -> bytes:
    """The same answer as server-sent events, with the quirks of real ones: a role alone, null content, usage without choices."""
    text = turn.content or ""

    def chunk(delta: Mapping[str, Any], finish: str | None = None) -> dict[str, Any]:
        return {"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": dict(delta), "finish_reason": finish}]}

    chunks: list[Any] = [chunk({"role": "assistant", "content": None})]
    chunks += [chunk({"content": text[at : at + 7]}) for at in range(0, len(text), 7)]
    chunks += [chunk(turn.message)] if turn.message else []
    chunks += [chunk({}, turn.finish)] if turn.finish else []
    chunks += [{"object": "chat.completion.chunk", "choices": [], "usage": dict(turn.usage)}] if turn.usage else []
    lines = [": keep-alive"] + [f"data: {json.dumps(each)}" for each in chunks] + (["data: [DONE]"] if turn.done else [])
    return "\n\n".join([*lines, ""]).encode()
