"""How a large body leaves this machine: piece by piece, so that nothing is copied and the event loop is never held up."""

from __future__ import annotations

import contextlib
import os
import socket
from typing import TYPE_CHECKING, Any

from aiohttp.payload import Payload

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator, MutableSet, Sequence

    from aiohttp.abc import AbstractStreamWriter

    from videoscan.describers.wire import Body
    from videoscan.flow import Turns

_STEP = 4_194_304
"""Bytes of one step: a little more than a millisecond of copying into the kernel. Each step costs a call and a turn of the loop."""


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
        with _in_full_packets(transport):
            writer.send_headers()
            for step in _steps(self._body.pieces):
                await self._turns.turn()
                for left in _hand_over(transport, step):
                    await writer.write(left)


def _steps(pieces: Sequence[bytes]) -> Iterator[list[bytes | memoryview]]:
    """The pieces in groups of `_STEP` bytes, cut where they must be."""
    step: list[bytes | memoryview] = []
    room = _STEP
    for piece in pieces:
        if len(piece) < room:  # as most are; a view of each would take longer than all else here
            step.append(piece)
            room -= len(piece)
            continue
        left = memoryview(piece)
        while len(left) >= room:
            step.append(left[:room])
            left = left[room:]
            yield step
            step, room = [], _STEP
        if left:
            step.append(left)
            room -= len(left)
    if step:
        yield step


def _hand_over(transport: asyncio.Transport | None, step: list[bytes | memoryview]) -> list[bytes | memoryview]:
    """Give the system as much of it as it takes at once, in one call; what is left must be written.

    asyncio makes a call for every piece, or one copy of all. Theirs are three tenths of what sending costs.
    """
    # Only past asyncio's own transport, of which it is known that nothing waits in it: not past TLS, nor another event loop's.
    if transport is None or type(transport).__module__ != "asyncio.selector_events" or not hasattr(os, "writev"):
        return step
    if transport.is_closing() or transport.get_write_buffer_size():
        return step
    try:
        taken = os.writev(transport.get_extra_info("socket").fileno(), step)
    except OSError:  # it takes nothing just now, or it is broken: the transport finds out which, and says so
        return step
    for place, part in enumerate(step):
        if taken < len(part):
            return [memoryview(part)[taken:], *step[place + 1 :]]
        taken -= len(part)
    return []


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
