"""Talks to a running service: submits, uploads what can go on after a broken connection, and waits for what comes of it."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

import aiohttp

from videoscan import flow
from videoscan.errors import ConfigError, SourceNotFound, StoreError, VideoscanError
from videoscan.jobs.records import FINAL

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from pathlib import Path
    from typing import Self

KEY = "VIDEOSCAN_SERVICE_KEY"
"""The variable that holds the service's key."""

_PIECE = 8 << 20
_ATTEMPTS = 6
_TUS = {"Tus-Resumable": "1.0.0"}


class Client:
    """One service. `server` is its address, the key comes from the environment. `async with` opens and closes it."""

    def __init__(self, server: str, *, environ: Mapping[str, str] = os.environ, pause: float = 1.0) -> None:
        if not server.startswith(("http://", "https://")):
            raise ConfigError(f"--server {server} is no address", hint="such as http://127.0.0.1:8765")
        self._base = f"{server.rstrip('/')}/api/v1/"
        key = environ.get(KEY)
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._pause = pause
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            headers=self._headers, timeout=aiohttp.ClientTimeout(total=None, sock_connect=20, sock_read=120)
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._session is not None
        await self._session.close()

    async def call(self, method: str, path: str, *, body: Any = None, headers: Mapping[str, str] | None = None) -> Any:
        """The answer's JSON. Raises what a problem document says, as an error of ours."""
        async with self._asked(method, path, json=body, headers=headers) as answer:
            return await answer.json() if answer.status != 204 else None

    @contextlib.asynccontextmanager
    async def _asked(self, method: str, path: str, **options: Any) -> AsyncIterator[aiohttp.ClientResponse]:
        assert self._session is not None, "open it with `async with`"
        address = urljoin(self._base, path)
        try:
            async with self._session.request(method, address, allow_redirects=False, **options) as answer:
                if answer.status >= 300:
                    raise await _refused(answer)
                yield answer
        except aiohttp.ClientConnectorError as fault:
            raise StoreError(
                f"no service answers at {self._base}: {fault}", hint="start one with `videoscan serve`, or name it with --server"
            ) from fault

    async def submit(
        self,
        source: str,
        *,
        profile: str | None = None,
        question: str | None = None,
        key: str | None = None,
    ) -> dict[str, Any]:
        """A job of a path or address that the service can reach; see `POST /jobs`."""
        body = {name: value for name, value in (("source", source), ("profile", profile), ("question", question)) if value}
        told: dict[str, Any] = await self.call("POST", "jobs", body=body, headers={"Idempotency-Key": key} if key else None)
        return told

    async def upload(self, file: Path, *, progress: Callable[[int, int], None] = lambda _sent, _size: None) -> str:
        """Send a file; what to submit then. A connection that breaks is taken up where it broke."""
        try:
            size = (await flow.in_thread(file.stat)).st_size
        except OSError as fault:
            raise SourceNotFound(f"{file} cannot be read: {fault.strerror}", hint="is the path right?") from fault
        name = base64.b64encode(file.name.encode()).decode()
        headers = {**_TUS, "Upload-Length": str(size), "Upload-Metadata": f"filename {name}"}
        async with self._asked("POST", "uploads", headers=headers) as answer:
            place = answer.headers["Location"]
        attempts, sent = 0, 0
        while sent < size:
            try:
                sent = await self._send(file, place, sent)
                attempts = 0
                progress(sent, size)
            except (aiohttp.ClientError, TimeoutError, StoreError) as fault:
                attempts += 1
                if attempts >= _ATTEMPTS or (isinstance(fault, StoreError) and fault.__cause__ is None):
                    raise
                await asyncio.sleep(self._pause * 2**attempts)
                with contextlib.suppress(aiohttp.ClientError, TimeoutError, StoreError):
                    async with self._asked("HEAD", place, headers=_TUS) as answer:
                        sent = int(answer.headers["Upload-Offset"])
        return f"upload:{place.rsplit('/', 1)[-1]}"

    async def _send(self, file: Path, place: str, at: int) -> int:
        def read() -> bytes:
            with file.open("rb") as opened:
                opened.seek(at)
                return opened.read(_PIECE)

        headers = {**_TUS, "Upload-Offset": str(at), "Content-Type": "application/offset+octet-stream"}
        async with self._asked("PATCH", place, data=await flow.in_thread(read), headers=headers) as answer:
            return int(answer.headers["Upload-Offset"])

    async def follow(self, job: str) -> AsyncIterator[dict[str, Any]]:
        """What happens to a job until it has ended, each once: the feed's entries, and `progress` between them."""
        last = ""
        broken = 0
        while True:
            try:
                async with self._asked("GET", f"jobs/{job}/feed", headers={"Last-Event-ID": last} if last else {}) as answer:
                    async for event in _events(answer.content):
                        broken = 0
                        last = event.get("id", last)
                        if event["event"] == "end":
                            return
                        yield {"event": event["event"], **json.loads(event["data"])}
            except (aiohttp.ClientError, TimeoutError, StoreError) as fault:
                broken += 1
                if broken >= _ATTEMPTS:
                    raise StoreError(f"the service went away: {fault}", hint="the job goes on when it is back") from fault
            await asyncio.sleep(self._pause)

    async def wait(self, job: str, told: Callable[[dict[str, Any]], None] = lambda _event: None) -> dict[str, Any]:
        """The job once it has ended."""
        while True:
            current: dict[str, Any] = await self.call("GET", f"jobs/{job}")
            if current["state"] in FINAL:
                return current
            async for event in self.follow(job):
                told(event)


async def _events(content: aiohttp.StreamReader) -> AsyncIterator[dict[str, str]]:
    """Server-sent events, as far as our own service uses them: one line a field."""
    event: dict[str, str] = {}
    async for line in content:
        text = line.decode().rstrip("\r\n")
        if not text:
            if "event" in event and "data" in event:
                yield event
            event = {}
        elif not text.startswith(":"):
            name, _, value = text.partition(":")
            event[name] = value.removeprefix(" ")


async def _refused(answer: aiohttp.ClientResponse) -> VideoscanError:
    try:
        problem = json.loads(await answer.read())
        message, hint = str(problem["detail"]), problem.get("hint")
        if problem.get("errors"):
            message += ": " + "; ".join(f"{each['at']}: {each['what']}" for each in problem["errors"])
    except (ValueError, KeyError, TypeError):
        message, hint = f"it answered {answer.status} {answer.reason}", "is this the address of a videoscan service?"
    if answer.status == 401:
        hint = f"put the key into {KEY}"
    kind = StoreError if answer.status >= 500 else ConfigError
    return kind(f"the service refused: {message}", hint=hint)
