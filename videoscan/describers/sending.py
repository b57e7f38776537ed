"""How a large body leaves this machine: piece by piece, so that nothing is copied and the event loop is never held up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiohttp.payload import Payload

if TYPE_CHECKING:
    from collections.abc import MutableSet

    from aiohttp.abc import AbstractStreamWriter

    from videoscan.describers.wire import Body
    from videoscan.flow import Turns

_STEP = 524_288
"""Bytes of one step: a quarter of a millisecond of copying into the kernel."""


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
        for piece in self._body.pieces:
            for at in range(0, len(piece), _STEP):
                part = memoryview(piece)[at : at + _STEP]
                size += len(part)
                if size > _STEP:
                    await self._turns.turn()
                    size = len(part)
                await writer.write(part)
