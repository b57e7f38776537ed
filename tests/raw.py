"""A server below HTTP: each connection, and each request on it, meets what a test says, byte for byte."""

import asyncio
import contextlib
import json

from videoscan.testing.model_server import USAGE, answer, event

GOOD = json.dumps(
    {"choices": [{"message": {"content": answer([event("Seen", 1)])}, "finish_reason": "stop"}], "usage": USAGE}
).encode()


def http(status: str, body: bytes, *, kind: str = "application/json", more: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n{more}\r\n".encode() + body


@contextlib.asynccontextmanager
async def serving(handle):
    """Runs ``handle(reader, writer, number)`` for every connection, numbered from 0; hands out the endpoint's base and the count."""
    connections = []

    async def meet(reader, writer):
        connections.append(writer)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await handle(reader, writer, len(connections) - 1)
        writer.close()

    server = await asyncio.start_server(meet, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", connections
    finally:
        server.close()
        for writer in connections:
            writer.close()
        await server.wait_closed()


async def head_of(reader) -> int:
    """Read a request's head; the length of its body."""
    head = await reader.readuntil(b"\r\n\r\n")
    lengths = [line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    return int(lengths[0]) if lengths else 0


async def request_from(reader) -> bytes:
    """Read a whole request; its body."""
    return await reader.readexactly(await head_of(reader))
