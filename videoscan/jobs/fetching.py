"""Fetches a source from an address, by the rules: each name is judged at the moment of connecting, each redirect like a new address.

The file is fetched whole before it is scanned. The decoder never talks to the network, so a playlist inside it leads nowhere.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urljoin, urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from videoscan import flow
from videoscan.errors import SourceError, SourceLost, SourceNotFound
from videoscan.folder import storing
from videoscan.jobs.rules import RuleBroken, check_address, check_host

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from aiohttp import AddrInfoType

    from videoscan.jobs.settings import Settings

_REDIRECTS = 5
_PIECE = 1 << 20
_PATIENCE = aiohttp.ClientTimeout(total=12 * 3600, connect=20, sock_connect=20, sock_read=60)
_LONGEST_NAME = 160
"""Bytes of a file's name. File systems take 255, and what grows beside it has a longer one; a Chinese sign has three."""


class Judged(AbstractResolver):
    """Resolves names as the system does, and refuses what leads into the neighbourhood: the address that is judged is connected to."""

    def __init__(self) -> None:
        self._resolver = ThreadedResolver()

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> list[ResolveResult]:
        """The addresses of a host. Raises `RuleBroken` where one of them is private, `OSError` for a name that is not known."""
        found = await self._resolver.resolve(host, port, family)
        check_host(host, addresses=[each["host"] for each in found])
        return found

    async def close(self) -> None:
        """Nothing is looked up any more."""
        await self._resolver.close()


def connector(settings: Settings, **options: Any) -> aiohttp.TCPConnector:
    """For a session that goes only where it may. Each address is judged at the moment of connecting too, however it was written."""
    if settings.private_addresses:
        return aiohttp.TCPConnector(**options)
    return aiohttp.TCPConnector(resolver=Judged(), socket_factory=_socket, **options)


def _socket(address: AddrInfoType) -> socket.socket:
    family, kind, protocol, _, where = address
    check_host(str(where[0]), addresses=[str(where[0])])
    return socket.socket(family, kind, protocol)


async def judged(address: str, settings: Settings) -> None:
    """Raises `RuleBroken` for an address that may not be fetched, its name looked up. A name that is unknown now is no breach."""
    check_address(address, settings)
    await judged_host(address, settings)


async def judged_host(address: str, settings: Settings) -> None:
    """Raises `RuleBroken` for an address whose host's name leads to where this service may not reach."""
    if settings.private_addresses:
        return
    host = urlsplit(address).hostname or ""
    with contextlib.suppress(OSError, UnicodeError):
        found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
        check_host(host, addresses=[str(each[4][0]) for each in found])


async def fetch(
    address: str, folder: Path, settings: Settings, *, room: Callable[[int], None], secretly: str | None = None
) -> Path:
    """Fetch `address` into `folder`; the file's path. What was fetched before is not fetched again.

    `secretly` is the address to ask instead, one that no message may hold. `room` raises `StoreError` when there is none for so many bytes. Raises `SourceError` for what the other side does.
    """
    target = folder / file_name(address)
    if target.exists():
        return target
    beside = target.with_name(f".{target.name}.part")
    try:
        async with (
            aiohttp.ClientSession(
                connector=connector(settings, limit=4), timeout=_PATIENCE, trust_env=False, auto_decompress=False
            ) as session,
            _answered(session, address, secretly or address, settings) as answer,
        ):
            length = answer.content_length
            if length is not None:
                _check_size(address, length, settings)
                room(length)
            await flow.in_thread(_write_empty, folder, beside)
            size = 0
            with growing(beside) as grow:
                async for piece in answer.content.iter_chunked(_PIECE):
                    size += len(piece)
                    _check_size(address, size, settings)
                    room(len(piece))
                    await flow.in_thread(grow, piece)
        if length is not None and size != length:
            raise SourceLost(f"{address} ended after {size} of {length} bytes", hint="retry the job")
        with storing(target):
            beside.replace(target)
    except RuleBroken as fault:
        raise SourceError(str(fault), hint="upload the file instead") from None
    except (aiohttp.ClientError, TimeoutError) as fault:
        why = type(fault).__name__ if secretly or not str(fault) else fault
        raise SourceLost(f"{address} could not be fetched: {why}", hint="retry the job") from (None if secretly else fault)
    finally:
        beside.unlink(missing_ok=True)
    return target


@contextlib.contextmanager
def growing(path: Path) -> Iterator[Callable[[bytes], None]]:
    """Appends to a file, each piece on its way to disk when the call returns. Only the disk's refusals become `StoreError`s.

    A connection's errors are `OSError`s too: they pass as they are.
    """
    with storing(path):
        file = path.open("ab", buffering=0)

    def grow(piece: bytes) -> None:
        with storing(path):
            view = memoryview(piece)
            while view:
                view = view[file.write(view) :]

    with file:
        yield grow


@contextlib.asynccontextmanager
async def _answered(
    session: aiohttp.ClientSession, address: str, current: str, settings: Settings
) -> AsyncIterator[aiohttp.ClientResponse]:
    for _ in range(_REDIRECTS + 1):
        check_address(current, settings)
        async with session.get(current, allow_redirects=False, headers={"Accept-Encoding": "identity"}) as answer:
            if answer.status in {301, 302, 303, 307, 308} and (location := answer.headers.get("Location")):
                current = urljoin(current, location)
                continue
            if answer.status != 200:
                kind = SourceNotFound if answer.status in {404, 410} else SourceError
                raise kind(f"{address} answered {answer.status} {answer.reason or ''}".rstrip(), hint="is the address right?")
            yield answer
            return
    raise SourceError(f"{address} led through more than {_REDIRECTS} redirects", hint="give the address that it leads to")


def _check_size(address: str, size: int, settings: Settings) -> None:
    if size > settings.most_bytes:
        raise SourceError(
            f"{address} is larger than {settings.most_bytes} bytes", hint="the service's --most-bytes allows no more"
        )


def _write_empty(folder: Path, beside: Path) -> None:
    with storing(beside):
        folder.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(b"")


def file_name(text: str) -> str:
    """A name for a stranger's file: its own, as far as that is harmless on every system. The suffix is all that a decoder looks at."""
    path = urlsplit(text).path if "://" in text else text
    name = PurePosixPath(unquote(path).replace("\\", "/")).name
    plain = re.sub(r"[^\w.() -]+", "_", name).strip(". ")
    # The end of it, which holds the suffix; no half letter at its beginning.
    plain = plain.encode()[-_LONGEST_NAME:].decode(errors="ignore").strip(". ")
    return plain if plain and not plain.startswith("-") else f"source{plain}" if plain else "source"
