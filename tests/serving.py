"""A service on a real port, in this process, for tests."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

import aiohttp
from aiohttp import web

from videoscan.jobs.service import Service
from videoscan.jobs.settings import Settings
from videoscan.web.app import application

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine
    from pathlib import Path

API = "/api/v1"
TUS = {"Tus-Resumable": "1.0.0"}
PIECE = {**TUS, "Content-Type": "application/offset+octet-stream"}
ENDED = {"done", "failed", "cancelled"}


@dataclass
class Served:
    """A service, and somebody who talks to it."""

    service: Service
    session: aiohttp.ClientSession
    base: str
    runner: web.AppRunner

    async def deafen(self) -> None:
        """Close the port and cut what is connected to it."""
        for site in list(self.runner.sites):
            await site.stop()
        for connection in list(self.runner.server.connections):
            if connection.transport is not None:
                connection.transport.abort()

    async def listen(self) -> None:
        """Open the same port again."""
        await web.TCPSite(self.runner, "127.0.0.1", int(self.base.rpartition(":")[2])).start()

    async def call(self, method: str, path: str, status: int = 200, **options: Any) -> Any:
        """What the API answers, held to a status: JSON as such, the rest as bytes."""
        async with self.session.request(method, self.base + path, **options) as answer:
            body = await answer.read()
            assert answer.status == status, (answer.status, body[:500])
            return json.loads(body) if "json" in answer.content_type and body else body

    async def submit(self, source: str, status: int = 202, **more: Any) -> Any:
        """A job of a source."""
        headers = more.pop("headers", {})
        return await self.call("POST", f"{API}/jobs", status, json={"source": source, **more}, headers=headers)

    async def until(self, job: str, *states: str) -> Any:
        """The job once it is in one of these states."""
        wanted = set(states or ENDED)
        async with asyncio.timeout(60):
            with self.service.board.watching(job) as news:
                while (found := await self.call("GET", f"{API}/jobs/{job}"))["state"] not in wanted:
                    assert found["state"] not in ENDED, found
                    await news.wait()
                    news.clear()
        return found

    async def feed(self, job: str, after: str = "") -> list[dict[str, Any]]:
        """A whole feed, to its end."""
        headers = {"Last-Event-ID": after} if after else {}
        async with self.session.get(f"{self.base}{API}/jobs/{job}/feed", headers=headers) as answer:
            assert answer.status == 200
            return events(await answer.text())


async def begun(served: Served, length: int, name: str = "a.mp4") -> str:
    """The address of a new resumable upload."""
    metadata = f"filename {base64.b64encode(name.encode()).decode()}"
    headers = {**TUS, "Upload-Length": str(length), "Upload-Metadata": metadata}
    async with served.session.post(f"{served.base}{API}/uploads", headers=headers) as answer:
        assert answer.status == 201, await answer.text()
        return answer.headers["Location"]


def events(text: str) -> list[dict[str, Any]]:
    """Server-sent events, read."""
    read = []
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":") and ": " in line)
        if "event" in fields:
            read.append({"id": fields.get("id"), "event": fields["event"], **json.loads(fields["data"])})
    return read


@contextlib.asynccontextmanager
async def serving(data: Path, *, open_to_all: bool = True, per_minute: int = 100_000, **settings: Any) -> AsyncIterator[Served]:
    """A service at 127.0.0.1. `settings` are those of `Settings`."""
    wanted = replace(Settings(data=data, spare_bytes=0), **settings)
    async with Service(wanted) as service:
        runner = web.AppRunner(
            application(service, hosts={"127.0.0.1"}, open_to_all=open_to_all, per_minute=per_minute), shutdown_timeout=1
        )
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            async with aiohttp.ClientSession() as session:
                yield Served(service, session, f"http://127.0.0.1:{runner.addresses[0][1]}", runner)
        finally:
            await runner.cleanup()


class Standing:
    """A service on a thread of its own, for a client that is not asynchronous, such as a browser. `with` starts and ends it."""

    def __init__(self, data: Path, **settings: Any) -> None:
        self._data, self._settings = data, settings
        self._ready, self._end = threading.Event(), asyncio.Event()
        self._fault: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="standing service")
        self.base = ""

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(60)
        assert self._fault is None, self._fault
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(60)
        assert not self._thread.is_alive()
        names = [thread.name for thread in threading.enumerate()]
        # Another service that still stands has its own.
        left = [] if "standing service" in names else [name for name in names if name.startswith("videoscan")]
        assert not left, f"a service left threads running: {left}"

    def _run(self) -> None:
        async def work() -> None:
            self._loop = asyncio.get_running_loop()
            async with serving(self._data, **self._settings) as self.served:
                self.base = self.served.base
                self._ready.set()
                await self._end.wait()

        try:
            asyncio.run(work())
        except BaseException as fault:
            self._fault = fault
            raise
        finally:
            self._ready.set()

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        """What some work on the service's own loop comes to."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(90)

    def call(self, method: str, path: str, status: int = 200, **options: Any) -> Any:
        """See `Served.call`."""
        return self.do(self.served.call(method, API + path, status, **options))

    def submit(self, source: str, **more: Any) -> Any:
        """A job of a source."""
        return self.do(self.served.submit(source, **more))

    def until(self, job: str, *states: str) -> Any:
        """See `Served.until`."""
        return self.do(self.served.until(job, *states))

    def silent(self) -> None:
        """Nobody is listening at its port any more, and open connections are cut, as when a cable is pulled."""
        self.do(self.served.deafen())

    def heard(self) -> None:
        """It listens at the same port again."""
        self.do(self.served.listen())
