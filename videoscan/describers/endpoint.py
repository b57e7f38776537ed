"""One model server as everybody in this process shares it: the connections, what it was found to take, and how fast it may be asked.

There is one `Endpoint` per address, key and event loop (`Endpoint.shared`), however many scans use it: what one learned, the
others need not learn again. Nothing here knows what is in a request.
"""

from __future__ import annotations

import asyncio
import hashlib
import ipaddress
import re
import ssl
import urllib.parse
import urllib.request
import weakref
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Self

import aiohttp
from yarl import URL

import videoscan
from videoscan.describers.sending import BodyPayload
from videoscan.errors import ConfigError, DescribeError, EndpointFailed, EndpointUnreachable
from videoscan.flow import Turns
from videoscan.patience import Gate, Pace, Rate, Slots

if TYPE_CHECKING:
    from collections.abc import Mapping

    from videoscan.describers.wire import Body

MOST_ANSWER = 4 * 1024 * 1024
"""Bytes of an answer that are read. A window's answer is a few thousand; whoever sends megabytes does not answer the question."""
CONNECT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Address:
    """Where requests go. `shown` is what may be printed and stored: no query, because keys are found in queries."""

    chat: URL
    models: URL

    @classmethod
    def parse(cls, text: str) -> Self:
        """A base (``https://host/v1``) or the whole ``.../chat/completions`` address; the query string is kept.

        A bare host is given the usual ``/v1``. Raises `ConfigError` for anything but http and https, and for a name or password
        inside the address: secrets come from the environment.
        """
        try:
            parts = urllib.parse.urlsplit(text.strip())
            port_is_fine = parts.port is None or parts.port > 0
        except ValueError:
            parts, port_is_fine = urllib.parse.urlsplit(""), False
        if parts.username is not None or parts.password is not None:
            raise ConfigError(
                "describer.endpoint: the address carries a name or a password",
                hint="take them out of the address; put the key into the environment variable VIDEOSCAN_API_KEY",
            )
        if parts.scheme not in {"http", "https"} or not parts.hostname or not port_is_fine or re.search(r"[\s\\]", text.strip()):
            raise ConfigError(
                f"describer.endpoint: {_without_query(text)!r} is not an address of a model server",
                hint="give a base such as https://host/v1 or the whole https://host/.../chat/completions",
            )
        path = parts.path.rstrip("/")
        base = path.removesuffix("/chat/completions") if path.endswith("/chat/completions") else path or "/v1"

        def url(end: str) -> URL:
            whole = urllib.parse.urlunsplit((parts.scheme, parts.netloc, base + end, parts.query, ""))
            return URL(whole, encoded=whole.isascii())  # as it was given: %2F in a query is not always the same as /

        return cls(chat=url("/chat/completions"), models=url("/models"))

    @property
    def shown(self) -> str:
        """The address without its query."""
        return str(self.chat.with_query(None))

    @property
    def host(self) -> str:
        """Host, and port where it was given: what "pictures go to" means to a person."""
        return self.chat.authority


def _without_query(text: str) -> str:
    return text.strip().partition("?")[0][:200]


@dataclass(frozen=True, slots=True)
class PictureTokens:
    """A picture of that size, with its label, was found to add so many tokens to a prompt."""

    width: int
    height: int
    tokens: float


@dataclass(slots=True)
class Learned:
    """What one model behind an endpoint was found to take; `None` where nothing was learned. Only ever grows narrower."""

    pictures: int | None = None
    body_bytes: int | None = None
    json_schema: bool | None = None
    instruct: bool = False
    """`response_format` was taken and ignored: the form is asked for in words as well."""
    max_tokens: int | None = None
    limit_key: str = "max_tokens"
    picture: PictureTokens | None = None
    """What a picture is known to add to the count of the prompt's tokens."""
    words: float = 0.0
    """The most tokens that were found around the pictures of a prompt."""
    introduced: bool = False
    """What earlier runs found was looked up, or the first use was tried out."""
    introducing: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)


@dataclass(frozen=True, slots=True)
class Answered:
    """An HTTP answer, whatever its status. `data` ends at `MOST_ANSWER` bytes; `cut` says that there was more."""

    status: int
    headers: Mapping[str, str]
    data: bytes = field(repr=False)
    cut: bool = False


class Broken(Exception):
    """No whole answer came. `error` says why.

    `connected`: the server was reached, so the pictures may have been sent. `stale`: a pooled connection turned out to be dead
    before anything came back; nothing is known about the server's health. `hopeless`: asking again cannot help. `slow`: it was
    the time limit. `seconds` is how long it took.
    """

    def __init__(
        self, error: DescribeError, *, connected: bool, stale: bool = False, hopeless: bool = False, slow: bool = False
    ) -> None:
        super().__init__(str(error))
        self.error, self.connected, self.stale, self.hopeless, self.slow = error, connected, stale, hopeless, slow
        self.seconds = 0.0


class Endpoint:
    """Connections, limits and pace of one address with one key. The key itself is never shown.

    `reached`: a connection has been made at least once; `answered`: a chat request has been. `gate` holds everybody back while the server wants to be left alone;
    `slots` is how many requests are under way at once, and `pace` what changes that; `requests` and `tokens` are the rates per minute.
    `turns` keeps many of them from holding the event loop up together.
    """

    _all: ClassVar[weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[tuple[str, str], Endpoint]]] = (
        weakref.WeakKeyDictionary()
    )

    def __init__(self, address: Address, key: str | None) -> None:
        self.address = address
        self._key = key
        self.reached = self.answered = False
        self.gate = Gate()
        self.slots = Slots(1)
        self.pace = Pace(self.slots, 1)
        self.requests = Rate(None)
        self.tokens = Rate(None)
        self.turns = Turns()
        self._rates: tuple[float | None, float | None] = (None, None)
        self._learned: dict[str | None, Learned] = {}
        self._pooled: aiohttp.ClientSession | None = None
        self._fresh: aiohttp.ClientSession | None = None
        self._users = 0
        self._carried: weakref.WeakSet[Any] = weakref.WeakSet()
        self._proxy = proxy_for(address.chat)

    @classmethod
    def shared(cls, address: Address, key: str | None) -> Endpoint:
        """The one of this address, key and running event loop."""
        of_loop = cls._all.setdefault(asyncio.get_running_loop(), {})
        digest = hashlib.sha256((key or "").encode()).hexdigest()
        return of_loop.setdefault((str(address.chat), digest), cls(address, key))

    def __repr__(self) -> str:
        return f"<Endpoint {self.address.shown}, {'with a key' if self._key else 'no key'}>"

    @property
    def has_key(self) -> bool:
        """Whether requests carry a key."""
        return self._key is not None

    def learned(self, model: str | None) -> Learned:
        """What is known about a model there; to be written to."""
        known = self._learned.get(model)
        return self._learned.setdefault(model, Learned()) if known is None else known

    def open(self, *, concurrency: int, requests_per_minute: float | None, tokens_per_minute: float | None) -> None:
        """One more uses it. Where several want different paces, the latest word counts."""
        self._users += 1
        if self.pace.most != concurrency:
            self.pace.most = concurrency
        if self._rates != (requests_per_minute, tokens_per_minute):
            self._rates = (requests_per_minute, tokens_per_minute)
            self.requests, self.tokens = Rate(requests_per_minute), Rate(tokens_per_minute)

    async def close(self) -> None:
        """One less uses it; with the last one the connections go."""
        self._users -= 1
        if self._users > 0:
            return
        sessions, self._pooled, self._fresh = (self._pooled, self._fresh), None, None
        for session in sessions:
            if session is not None:
                await session.close()

    def mask(self, text: str) -> str:
        """The text with the key taken out, should a server have quoted it."""
        return text.replace(self._key, "***") if self._key else text

    async def post(
        self, body: Body, *, seconds: float, fresh: bool = False, headers: Mapping[str, str] | None = None
    ) -> Answered:
        """Send a chat request. `seconds` is the limit for all of it; `fresh` takes a new connection, not one from the pool.

        `headers` go along. Raises `Broken` when no whole answer came.
        """
        return await self._request("POST", self.address.chat, body, seconds=seconds, fresh=fresh, headers=headers)

    async def get_models(self, *, seconds: float) -> Answered:
        """Ask which models there are. Raises `Broken`."""
        return await self._request("GET", self.address.models, None, seconds=seconds, fresh=False)

    async def _request(
        self,
        method: str,
        url: URL,
        body: Body | None,
        *,
        seconds: float,
        fresh: bool,
        headers: Mapping[str, str] | None = None,
    ) -> Answered:
        payload = None if body is None else BodyPayload(body, self.turns, self._carried)
        # None for each read: the limit of all of it comes first in any case, and setting one back at every read takes time.
        limits = aiohttp.ClientTimeout(total=seconds, sock_connect=min(CONNECT_SECONDS, seconds))
        headers = {**(headers or {}), **({"Authorization": f"Bearer {self._key}"} if self._key else {})}
        started = False
        try:
            async with self._session(fresh=fresh).request(
                method,
                url,
                data=payload,
                headers=headers,
                timeout=limits,
                allow_redirects=False,
                proxy=self._proxy,
            ) as answer:
                started = True
                data, cut = await _read(answer.content)
                return Answered(answer.status, answer.headers, data, cut=cut)
        except (aiohttp.ClientError, TimeoutError, OSError) as fault:
            began = started or (payload is not None and payload.begun)
            reused = payload is not None and payload.reused
            raise self._broken(fault, began=began, started=started, reused=reused, seconds=seconds) from None
        finally:
            self.reached = self.reached or started or (payload is not None and payload.begun)

    def _broken(self, fault: Exception, *, began: bool, started: bool, reused: bool, seconds: float) -> Broken:
        """What went wrong: before or after sending `began`, after an answer `started`, on a connection that was `reused`."""
        where = self.address.host
        why = self.mask(str(fault)) or type(fault).__name__
        if isinstance(fault, (aiohttp.ClientConnectorCertificateError, aiohttp.ClientSSLError, ssl.SSLError)):
            error: DescribeError = EndpointUnreachable(
                f"{where}: no secure connection: {why}", hint="check the certificate, or whether the address is http"
            )
            return Broken(error, connected=False, hopeless=True)
        if isinstance(fault, (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError)):
            return Broken(EndpointUnreachable(f"{where}: {why}"), connected=False, hopeless=True)
        if isinstance(fault, TimeoutError):
            if began:
                error = EndpointUnreachable(
                    f"{where} did not finish its answer within {seconds:g} s",
                    hint="raise describer.timeout, or send fewer or smaller pictures",
                )
                return Broken(error, connected=True, slow=True)
            error = EndpointUnreachable(f"{where} cannot be reached: no connection within {min(CONNECT_SECONDS, seconds):g} s")
            return Broken(error, connected=False)
        if isinstance(fault, aiohttp.ClientConnectorError):
            error = EndpointUnreachable(
                f"{where} cannot be reached: {fault.os_error.strerror or why}",
                hint="check the address, and that the server runs and is reachable from here",
            )
            return Broken(error, connected=False)
        if started:
            return Broken(EndpointFailed(f"{where}: the connection broke in the middle of an answer: {why}"), connected=True)
        error = EndpointFailed(f"{where}: the connection broke before an answer came: {why}")
        # A connection that died before sending began came out of the pool as well.
        return Broken(error, connected=began, stale=reused or not began)

    def _session(self, *, fresh: bool) -> aiohttp.ClientSession:
        if fresh:
            if self._fresh is None:
                self._fresh = _client(aiohttp.TCPConnector(force_close=True, limit=0))
            return self._fresh
        if self._pooled is None:
            # The connector does not count: `slots` does, and a queue inside the pool would eat into the request's time limit.
            self._pooled = _client(aiohttp.TCPConnector(limit=0))
        return self._pooled


def _client(connector: aiohttp.TCPConnector) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": f"videoscan/{videoscan.__version__}"},
    )


async def _read(content: aiohttp.StreamReader) -> tuple[bytes, bool]:
    """At most `MOST_ANSWER` bytes, and whether there would have been more."""
    chunks: list[bytes] = []
    size = 0
    async for chunk in content.iter_any():
        chunks.append(chunk)
        size += len(chunk)
        if size > MOST_ANSWER:
            return b"".join(chunks)[:MOST_ANSWER], True
    return b"".join(chunks), False


def proxy_for(url: URL) -> str | None:
    """The proxy that the environment names for this address; never one for this machine itself.

    aiohttp's own `trust_env` would also send credentials out of ~/.netrc.
    """
    host = url.host or ""
    try:
        local = ipaddress.ip_address(host).is_loopback
    except ValueError:
        local = host == "localhost"
    if local or urllib.request.proxy_bypass(host):
        return None
    return urllib.request.getproxies().get(url.scheme)


def key_from(text: str | None, variable: str) -> str | None:
    """A key as the environment gives it, without the white space around it; `None` for none.

    Raises `ConfigError`, without showing it, when it could not stand in a header.
    """
    key = (text or "").strip()
    if not key:
        return None
    if not re.fullmatch(r"[\x21-\x7e]+", key):
        raise ConfigError(
            f"the key in the environment variable {variable} has a space, a line break or a character outside ASCII in it",
            hint="set it again, as the endpoint's console shows it",
        )
    return key
