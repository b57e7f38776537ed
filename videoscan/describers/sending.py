"""How a large body leaves this machine: piece by piece, so that nothing is copied and the event loop is never held up."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING, Any

from aiohttp.payload import Payload

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator, MutableSet

    from aiohttp.abc import AbstractStreamWriter

    from videoscan.describers.wire import Body
    from videoscan.flow import Turns

_STEP = 1_048_576
"""Bytes of one step: a third of a millisecond of copying into the kernel. Half as much costs as many turns more as it saves time."""


class BodyPayload(Payload):
    """Sends a body from where its pieces lie. One per request.

    `begun`: a connection was there and sending began; `reused`: it had carried a request before, one of `known`. aiohttp tells the
    same through its tracing, which costs more than sending does.
    """

    _autoclose = True  # there is nothing to close

    def __init__(self, body: Body, turns: Turns, known: MutableSet[Any]) -> None:
        super().__init__(body, content_type="application/json")
        self._body, self._turns, self._known = body, turns, known
        self._size = body.size
        self.begun = self.reused = False

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """The body as text."""
        return bytes(self._body).decode(encoding, errors)

    async def write(self, writer: AbstractStreamWriter) -> None:
        """Write all of it, and let others have their turn in between, however fast the connection takes it."""
        transport = getattr(writer, "transport", None)
        self.begun, self.reused = True, transport in self._known
        if transport is not None:
            self._known.add(transport)
        size = _STEP
        with _in_full_packets(transport):
            for piece in self._body.pieces:
                for part in (piece,) if len(piece) <= _STEP else _steps(piece):
                    size += len(part)
                    if size > _STEP:
                        await self._turns.turn()
                        size = len(part)
                    await writer.write(part)


@contextlib.contextmanager
def _in_full_packets(transport: asyncio.Transport | None) -> Iterator[None]:
    """While open, what is written waits for what follows until a packet is full, where the system can do that.

    A name of forty bytes lies between any two pictures. Sent by itself, it wakes the other side for nothing: a tenth of what sending costs.
    """
    held = transport.get_extra_info("socket") if transport is not None and _CORK is not None else None
    if held is None or held.family not in _INTERNET:
        yield
        return
    held.setsockopt(socket.IPPROTO_TCP, _CORK, 1)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):  # it was closed meanwhile
            held.setsockopt(socket.IPPROTO_TCP, _CORK, 0)


_CORK = getattr(socket, "TCP_CORK", None)  # Linux has it
_INTERNET = frozenset({socket.AF_INET, socket.AF_INET6})


def _steps(piece: bytes) -> Iterator[memoryview]:
    whole = memoryview(piece)
    return (whole[at : at + _STEP] for at in range(0, len(piece), _STEP))
