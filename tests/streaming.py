"""Streams on loopback for the tests of live sources: MJPEG and files over HTTP from a small server, HLS and UDP from ffmpeg."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import subprocess
import threading
import time
from typing import TYPE_CHECKING

import cv2
import numpy as np
from aiohttp import web

from videoscan.model import Frame, Gap, Heartbeat

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from videoscan.model import LiveItem
    from videoscan.seams import LiveFootage, Sampler


def jpeg(number: int, size: tuple[int, int] = (160, 120)) -> bytes:
    """A picture that says which one it is: no two are the same."""
    picture = np.full((size[1], size[0], 3), 60, np.uint8)
    cv2.circle(picture, (20 + 7 * number % (size[0] - 40), size[1] // 2), 12, (200, 220, 240), -1)
    cv2.putText(picture, str(number), (5, 20), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (255, 255, 255))
    return cv2.imencode(".jpg", picture)[1].tobytes()


class Web:
    """``/mjpeg`` (a camera's endless multipart answer) and ``/files/...`` (a folder's), on a thread of its own."""

    def __init__(
        self,
        folder: Path | None = None,
        *,
        rate: float = 10.0,
        login: str | None = None,
        ends_after: int = 0,
        stalls_after: int = 0,
    ) -> None:
        self.size = (160, 120)
        self.stalled = False
        self.connections = 0
        self._folder, self._rate, self._login, self._ends_after = folder, rate, login, ends_after
        self._stalls_after = stalls_after
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        self._ready.wait()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()

    def __enter__(self):
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self) -> None:
        with contextlib.closing(self._loop):
            self._loop.run_until_complete(self._serve())

    async def _serve(self) -> None:
        self._over = asyncio.Event()
        app = web.Application()
        app.router.add_get("/mjpeg", self._mjpeg)
        app.router.add_get("/moved", self._moved)
        if self._folder is not None:
            app.router.add_static("/files", self._folder)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.port = runner.addresses[0][1]
        self._ready.set()
        await self._over.wait()
        await runner.cleanup()

    async def _moved(self, _request: web.Request) -> web.StreamResponse:
        raise web.HTTPFound("/mjpeg")

    async def _mjpeg(self, request: web.Request) -> web.StreamResponse:
        if self._login is not None:
            wanted = "Basic " + base64.b64encode(self._login.encode()).decode()
            if request.headers.get("Authorization") != wanted:
                return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="camera"'})
        self.connections += 1
        answer = web.StreamResponse(headers={"Content-Type": "multipart/x-mixed-replace; boundary=frame"})
        await answer.prepare(request)
        number = 0
        while not self._over.is_set() and (not self._ends_after or number < self._ends_after):
            if not self.stalled and not 0 < self._stalls_after <= number:
                data = jpeg(number, self.size)
                head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n".encode()
                try:
                    await answer.write(head + data + b"\r\n")
                except ConnectionError:
                    break
                number += 1
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._over.wait(), 1 / self._rate)
        return answer


@contextlib.contextmanager
def ffmpeg(*arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """An ffmpeg that plays a test picture in real time to wherever the arguments say, until the block ends."""
    source = ["-re", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=10"]
    coding = ["-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", "10", "-pix_fmt", "yuv420p"]
    process = subprocess.Popen(["ffmpeg", "-v", "error", *source, *coding, *arguments], stdin=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def collected(footage: LiveFootage, sampler: Sampler, enough, seconds: float = 15.0) -> list[LiveItem]:
    """The items until `enough(items)`, or as many as came in so many seconds. The footage is closed then."""
    items: list[LiveItem] = []
    end = time.monotonic() + seconds
    for item in footage.items(sampler, duration=seconds):
        items.append(item)
        if enough(items) or time.monotonic() > end:
            break
    footage.close()
    return items


def frames(items: list[LiveItem]) -> list[Frame]:
    return [item for item in items if isinstance(item, Frame)]


def gaps(items: list[LiveItem]) -> list[Gap]:
    return [item for item in items if isinstance(item, Gap)]


def beats(items: list[LiveItem]) -> list[Heartbeat]:
    return [item for item in items if isinstance(item, Heartbeat)]
