"""A program that receives webhooks, for the tests of whoever sends them."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
from dataclasses import dataclass, field

from aiohttp import web


@dataclass
class Receiver:
    """Answers with `statuses` in turn, then with 204, and keeps what came."""

    statuses: list[int] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    port: int = 0
    came: asyncio.Queue = field(default_factory=asyncio.Queue)

    async def take(self, request):
        self.came.put_nowait((dict(request.headers), await request.read()))
        return web.Response(status=self.statuses.pop(0) if self.statuses else 204, headers=self.headers)

    async def next(self):
        async with asyncio.timeout(20):
            return await self.came.get()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/hook?token=hush"

    @contextlib.asynccontextmanager
    async def up(self):
        app = web.Application()
        app.router.add_post("/hook", self.take)
        runner = web.AppRunner(app, shutdown_timeout=1)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", self.port).start()
            self.port = runner.addresses[0][1]
            yield self
        finally:
            await runner.cleanup()


def verified(secret, headers, body):
    """The message, its signature checked as the specification says and not as the service makes it."""
    headers = {name.lower(): value for name, value in headers.items()}
    version, given = headers["webhook-signature"].split(",", 1)
    kind, key = secret.split("_", 1)
    assert (version, kind) == ("v1", "whsec")
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.{body.decode()}"
    made = hmac.digest(base64.b64decode(key, validate=True), content.encode(), hashlib.sha256)
    assert hmac.compare_digest(made, base64.b64decode(given, validate=True))
    return headers["webhook-id"], json.loads(body)
