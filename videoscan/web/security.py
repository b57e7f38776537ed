"""Who may call what. Each rule is a middleware of its own; `docs/security.md` says against whom they stand.

In order: a foreign Host header is refused (DNS rebinding), a page of another origin may not write (CSRF), a key or a login must allow
what the route does, and every answer carries the headers that keep a browser from doing more with it than it should.
"""

from __future__ import annotations

import ipaddress
import time
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from aiohttp import web

from videoscan.errors import ConfigError
from videoscan.web.problems import Problem
from videoscan.web.routes import SERVICE, matched

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from videoscan.jobs.records import Key

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

COOKIE = "videoscan"

KEY: web.AppKey[Guard] = web.AppKey("guard", object)  # type: ignore[arg-type]  # known to type checkers only

_ALLOWS: Mapping[str, frozenset[str]] = {
    "read": frozenset({"read", "submit", "admin"}),
    "submit": frozenset({"submit", "admin"}),
    "admin": frozenset({"admin"}),
}
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Server": "videoscan",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Guard:
    """The rules of one service. `hosts` are the names that it answers to, `open` whether it may be called without a key."""

    def __init__(self, hosts: Iterable[str], *, open_to_all: bool, per_minute: int = 1200) -> None:
        self.hosts = frozenset(host.lower() for host in hosts)
        self.open = open_to_all
        self._per_minute = per_minute
        self._tries: dict[str, tuple[float, float]] = {}

    def take(self, caller: str, cost: float = 1.0) -> None:
        """Count a call. Raises `Problem` 429 when `caller` makes more than it may: a bucket that refills evenly."""
        now, rate = time.monotonic(), self._per_minute / 60
        left, at = self._tries.get(caller, (float(self._per_minute), now))
        left = min(float(self._per_minute), left + (now - at) * rate)
        if len(self._tries) > 10_000:
            self._tries.clear()
        if left < cost:
            self._tries[caller] = left, now
            raise Problem(
                429, "too many requests", hint="wait", headers={"Retry-After": str(max(1, round((cost - left) / rate)))}
            )
        self._tries[caller] = left - cost, now


def loopback(host: str) -> bool:
    """Whether a service that is bound to `host` can be reached from this machine only."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def check_bind(host: str, *, keys: int) -> None:
    """Raises `ConfigError` where a service without a key would be open to the network."""
    if not loopback(host) and not keys:
        raise ConfigError(
            f"--host {host} would open this service to everyone who can reach it: it has no key",
            hint="make one with `videoscan keys add NAME --scope admin`, or stay on 127.0.0.1",
        )


@web.middleware
async def headed(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Headers for every answer, errors included."""
    answer = await handler(request)
    if not answer.prepared:
        head(answer)
    return answer


def head(answer: web.StreamResponse) -> None:
    """Put the headers on an answer that is about to be sent."""
    for name, value in _HEADERS.items():
        answer.headers.setdefault(name, value)
    answer.headers.setdefault("Cache-Control", "no-store")


@web.middleware
async def hosted(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Only requests that name this service as their host, so that no foreign name can be made to point at it."""
    host = _name(request.headers.get("Host", ""))
    if host is None or host not in request.app[KEY].hosts:
        raise Problem(
            421, f"this service is not {request.headers.get('Host', '')[:100]!r}", hint="start it with --allow-host NAME"
        )
    return await handler(request)


@web.middleware
async def same_origin(request: web.Request, handler: Handler) -> web.StreamResponse:
    """What changes something must not come from another site's page."""
    if request.method not in _SAFE:
        site = request.headers.get("Sec-Fetch-Site")
        origin = request.headers.get("Origin")
        if site is not None and site not in {"same-origin", "none"}:
            raise Problem(403, f"a page of another site may not do this (Sec-Fetch-Site: {site[:40]})")
        if origin is not None and urlsplit(origin).netloc.lower() != request.headers.get("Host", "").lower():
            raise Problem(403, f"a page of {origin[:100]!r} may not do this")
    return await handler(request)


@web.middleware
async def allowed(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A key or a login that allows what the route does."""
    route = matched(request)
    guard, remote = request.app[KEY], request.remote or ""
    guard.take(remote)
    if route is None or route.scope is None or guard.open:
        return await handler(request)
    key = await caller(request)
    if key is None:
        guard.take(remote, 20)  # guessing is slow
        raise Problem(
            401,
            "this needs a key",
            hint="send `Authorization: Bearer KEY`; `videoscan keys add` makes one",
            headers={"WWW-Authenticate": "Bearer"},
        )
    if not _ALLOWS[route.scope] & set(key.scopes):
        raise Problem(403, f"the key {key.name!r} does not allow this: it needs the scope {route.scope}")
    return await handler(request)


async def caller(request: web.Request) -> Key | None:
    """Whose key or login came along."""
    store = request.app[SERVICE].store
    kind, _, text = request.headers.get("Authorization", "").partition(" ")
    if text and kind.lower() == "bearer":
        return await store.who(text.strip())
    if token := request.cookies.get(COOKIE):
        return await store.logged_in(token)
    return None


def _name(host: str) -> str | None:
    """The name in a Host header, `None` where there is none."""
    try:
        return (urlsplit(f"//{host}").hostname or "").lower() or None
    except ValueError:
        return None


Scope = Literal["read", "submit", "admin"]
