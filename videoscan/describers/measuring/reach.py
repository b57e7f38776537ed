"""How long it takes to reach a server: its name, the connection, the encryption. Sends no request."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import ipaddress
import os
import socket
import ssl
from dataclasses import dataclass
from typing import Any

from yarl import URL

from videoscan.describers.endpoint import proxy_for
from videoscan.errors import EndpointUnreachable
from videoscan.patience import now

SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Reach:
    """Seconds for each step. `name` is 0 for an address in figures. `via` is the proxy that stands between, if any.

    `certificate_days` is how long the server's certificate is still good for.
    """

    address: str
    name: float
    connect: float
    tls: float | None = None
    tls_version: str | None = None
    certificate_days: int | None = None
    via: str | None = None


async def reach(url: URL) -> Reach:
    """Connect, and let go again. Raises `EndpointUnreachable`, which says which step failed."""
    named_proxy = proxy_for(url)
    proxy = None if named_proxy is None else URL(named_proxy)
    host, port = url.host or "", url.port or 443
    via = None
    if proxy is not None:
        # What can be measured is the way to the proxy; the rest is the proxy's doing.
        host, port, via = proxy.host or "", proxy.port or 80, f"{proxy.host}:{proxy.port}"
    began = named = now()
    loop = asyncio.get_running_loop()
    address = host
    if not _is_address(host):
        try:
            found = await asyncio.wait_for(loop.getaddrinfo(host, port, type=socket.SOCK_STREAM), SECONDS)
        except (OSError, TimeoutError) as fault:
            raise EndpointUnreachable(
                f"{host}: the name cannot be resolved: {_why(fault)}", hint="check the address, and this machine's name servers"
            ) from None
        address, named = str(found[0][4][0]), now()
    try:
        reader, writer = await asyncio.wait_for(asyncio.open_connection(host, port), SECONDS)
    except (OSError, TimeoutError) as fault:
        raise EndpointUnreachable(
            f"{host}:{port} does not answer: {_why(fault)}", hint="check that the server runs and is reachable from here"
        ) from None
    del reader
    try:
        connected = now()
        if url.scheme != "https" or via is not None:
            return Reach(address, named - began, connected - named, via=via)
        try:
            await asyncio.wait_for(writer.start_tls(ssl.create_default_context(), server_hostname=host), SECONDS)
        except (OSError, TimeoutError) as fault:
            raise EndpointUnreachable(
                f"{host}:{port}: no secure connection: {_why(fault)}",
                hint="check the certificate, or whether the address is http",
            ) from None
        secured: Any = writer.get_extra_info("ssl_object")
        return Reach(
            address,
            named - began,
            connected - named,
            now() - connected,
            secured.version() if secured else None,
            _days(secured.getpeercert()) if secured else None,
        )
    finally:
        writer.close()
        with contextlib.suppress(OSError, TimeoutError):
            await asyncio.wait_for(writer.wait_closed(), 1.0)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _why(fault: Exception) -> str:
    if isinstance(fault, TimeoutError):
        return f"nothing within {SECONDS:g} s"
    if type(fault) is not socket.gaierror and isinstance(fault, OSError) and fault.errno and not isinstance(fault, ssl.SSLError):
        return os.strerror(fault.errno)  # asyncio's own words are for programmers
    return getattr(fault, "verify_message", None) or getattr(fault, "strerror", None) or str(fault) or type(fault).__name__


def _days(certificate: dict[str, Any] | None) -> int | None:
    until = (certificate or {}).get("notAfter")
    if not isinstance(until, str):
        return None
    ends = dt.datetime.fromtimestamp(ssl.cert_time_to_seconds(until), dt.UTC)
    return (ends - dt.datetime.now(dt.UTC)).days
