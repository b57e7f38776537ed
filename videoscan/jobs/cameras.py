"""Which live sources may be watched: those of the open internet, and those that whoever runs the service named.

Cameras stand in private networks. To open all of that to whoever submits a video's address would be more than anybody wants, so hosts
and networks are named for cameras alone (`serve --camera-host`).
"""

from __future__ import annotations

import asyncio
import fnmatch
import ipaddress
import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from videoscan.errors import ConfigError
from videoscan.jobs.rules import RuleBroken, check_host

if TYPE_CHECKING:
    from collections.abc import Iterable

    from videoscan.jobs.settings import Settings

SCHEMES = frozenset({"rtsp", "rtsps", "http", "https"})
_HTTP = frozenset({"http", "https"})


def check(text: str, settings: Settings) -> None:
    """Raises `RuleBroken` for a live source's address that may not be listened to, as far as its text tells; `judged` does the rest."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as fault:
        raise RuleBroken(f"that is no address: {fault}") from None
    scheme = parts.scheme.lower()
    if scheme not in SCHEMES:
        raise RuleBroken(f"{scheme[:40]} is not watched here: {', '.join(sorted(SCHEMES))} are")
    if not parts.hostname:
        raise RuleBroken("the address names no host")
    if port == 0:
        raise RuleBroken("port 0 is no port")
    if settings.private_addresses or _named(parts.hostname, settings):
        return
    check_host(parts.hostname, literal_only=True)
    if scheme in _HTTP and not settings.cameras:
        raise _not_named(parts.hostname)


async def judged(text: str, settings: Settings) -> None:
    """Raises `RuleBroken` for an address whose host may not be listened to, its name looked up. A name that is unknown now is no breach.

    Called when it is given and whenever its watching begins, for what a name leads to may change.
    """
    parts = urlsplit(text)
    host = parts.hostname or ""
    if settings.private_addresses or _named(host, settings):
        return
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
        addresses = sorted({str(each[4][0]) for each in found})
    except (OSError, UnicodeError):
        addresses = []
    within = [each for each in addresses if _named(each, settings)]
    check_host(host, addresses=[each for each in addresses if each not in within])
    # Over HTTP a camera's answer is more than pictures to a decoder: only one that somebody vouched for is asked.
    if parts.scheme.lower() in _HTTP and (not addresses or len(within) < len(addresses)):
        raise _not_named(host)


def _not_named(host: str) -> RuleBroken:
    return RuleBroken(
        f"{host} may not be watched over http: this service takes rtsp and rtsps, and http and https of cameras that it was told of (--camera-host)"
    )


def _named(host: str, settings: Settings) -> bool:
    """Whether a name or an address is one that was named: itself, by a pattern, or by a network that holds it."""
    address = _address(host)
    for each in settings.cameras:
        network = network_of(each)
        if address is not None and network is not None:
            if address.version == network.version and address in network:
                return True
        elif address is None and network is None and fnmatch.fnmatchcase(host.lower().rstrip("."), each.lower()):
            return True
    return False


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        found = ipaddress.ip_address(host.strip("[]").split("%", 1)[0])
    except ValueError:
        return None
    return found.ipv4_mapped or found if isinstance(found, ipaddress.IPv6Address) else found


def network_of(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    """A network, or the one address, that `text` is; `None` for a name."""
    try:
        return ipaddress.ip_network(text.strip("[]"), strict=False)
    except ValueError:
        return None


def checked(named: Iterable[str]) -> tuple[str, ...]:
    """What was named for cameras, as it stands. Raises `ConfigError` for what is neither name nor network, or would be everything."""
    found = []
    for each in named:
        text = each.strip()
        network = network_of(text)
        if not text or "://" in text or (network is None and ("/" in text or ":" in text or not text.strip("*."))):
            raise ConfigError(
                f"--camera-host {each!r} is no host and no network",
                hint='give a name ("gate.lan", "*.cameras.lan"), an address, or a network such as 192.168.20.0/24',
            )
        if network is not None and network.prefixlen == 0:
            raise ConfigError(f"--camera-host {each} is every address there is", hint="--private-addresses opens all of them")
        found.append(text)
    return tuple(found)
