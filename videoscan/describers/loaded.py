"""One model on this machine as everybody in this process shares it: loaded when the first of them asks, ended with the last.

There is one `Loaded` per settings and event loop (`Loaded.shared`), however many scans use it: a folder of videos loads its model once.
"""

from __future__ import annotations

import asyncio
import weakref
from typing import TYPE_CHECKING, ClassVar

from videoscan.describers import llamacpp

if TYPE_CHECKING:
    from collections.abc import Callable

    from videoscan.describers.llamacpp import Server, Settings

MOST_CRASHES = 2
"""So many crashes without an answer in between, and whoever waits is told so."""


class Loaded:
    """llama.cpp with one model. A crash is answered by loading it again, `MOST_CRASHES` - 1 times in a row."""

    _all: ClassVar[weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Settings, Loaded]]] = weakref.WeakKeyDictionary()

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._server: Server | None = None
        self._changing = asyncio.Lock()
        self._users = 0
        self.crashes = 0
        """Since the last answer."""

    @classmethod
    def shared(cls, settings: Settings) -> Loaded:
        """The one with these settings on the running event loop."""
        return cls._all.setdefault(asyncio.get_running_loop(), {}).setdefault(settings, cls(settings))

    def open(self) -> None:
        """One more uses it."""
        self._users += 1

    async def close(self) -> None:
        """One less uses it; with the last one it ends."""
        self._users -= 1
        if self._users > 0:
            return
        async with self._changing:
            server, self._server, self.crashes = self._server, None, 0
            if server is not None:
                await server.stop()

    async def server(self, told: Callable[[float, bool], None]) -> Server:
        """The running server; loads the model where it is not. `told` hears how many seconds that takes, and when it is done.

        Raises `EndpointRefused` with what llama.cpp said.
        """
        async with self._changing:
            if self._server is None:
                began = asyncio.get_running_loop().time()
                told(0.0, False)
                self._server = await llamacpp.Server.start(self._settings, lambda seconds: told(seconds, False))
                told(asyncio.get_running_loop().time() - began, True)
            return self._server

    def answered(self) -> None:
        """It gave an answer: what crashes there were are forgiven."""
        self.crashes = 0

    async def crashed(self, server: Server) -> None:
        """Clear a server away that ended by itself; counted once, however many were waiting for it.

        Raises `EndpointFailed` when that has happened too often.
        """
        async with self._changing:
            if self._server is server:
                self._server = None
                self.crashes += 1
                await server.stop()
            if self.crashes >= MOST_CRASHES:
                raise llamacpp.crashed(server, self.crashes)
