"""Alerts over MQTT, with quality of service 1: a topic per camera and rule."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
from typing import TYPE_CHECKING, Annotated, ClassVar
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from videoscan.alerts import pictures
from videoscan.alerts.pictures import How  # noqa: TC001 - pydantic reads the annotation
from videoscan.errors import ConfigError
from videoscan.seams import Sent
from videoscan.settings.options import Options

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import aiomqtt

    from videoscan.seams import Notice

PASSWORD = "VIDEOSCAN_MQTT_PASSWORD"  # noqa: S105 - the variable's name

_PORTS = {"mqtt": 1883, "mqtts": 8883}
_FOREIGN = re.compile(r"[/+#\x00-\x1f\x7f]+")


class MqttOptions(Options):
    """Where the broker is, and how topics begin."""

    url: str
    """``mqtt://host``, ``mqtts://host`` for TLS, with a port where it is not 1883 or 8883. A path is short for `topic`."""
    topic: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    """How topics begin: alerts go to ``TOPIC/CAMERA/RULE``. ``videoscan`` by default, or the path of `url`."""
    username: str | None = None
    """Who logs in."""
    password_env: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] = PASSWORD
    """The environment variable that holds the password, where there is a `username`."""
    timeout: Annotated[float, Field(gt=0, le=300)] = 10.0
    """Seconds within which the broker answers."""
    picture: How = "inline"
    """The event's picture: `inline` as base64, `path` as where it lies on this machine's disk, or `none`."""
    picture_bytes: Annotated[int, Field(ge=2_000, le=10_000_000)] = 100_000
    """Bytes of an inline picture at most, before base64. A larger one is made smaller."""

    @field_validator("url")
    @classmethod
    def _an_address(cls, value: str) -> str:
        try:
            parts = urlsplit(value)
            host, _ = parts.hostname, parts.port
        except ValueError as error:
            raise ValueError(f"not an address: {error}") from None
        if parts.scheme not in _PORTS or not host or parts.username or parts.password or parts.query or parts.fragment:
            raise ValueError(f"{parts.scheme}://...: write it as mqtt://host or mqtts://host:8883; the user goes into username")
        if re.search(r"[+#]", parts.path):
            raise ValueError("a topic holds no + and no #")
        return value

    @field_validator("topic")
    @classmethod
    def _a_topic(cls, value: str | None) -> str | None:
        if value is not None and (re.search(r"[+#\x00]", value) or value.startswith(("/", "$")) or value.endswith("/")):
            raise ValueError(f"topic = {value!r}: a topic holds no + and no #, and neither begins nor ends with a slash")
        return value

    @property
    def prefix(self) -> str:
        """How topics begin."""
        return self.topic or urlsplit(self.url).path.strip("/") or "videoscan"


class MqttSink:
    """Publishes each alert as JSON with quality of service 1 to ``TOPIC/CAMERA/RULE``, and connects again when the broker went away.

    Needs the extra ``mqtt``. An alert waits on disk until the broker has said that it has it.
    """

    Options: ClassVar[type[MqttOptions]] = MqttOptions
    durable: ClassVar[bool] = True

    def __init__(self, options: MqttOptions) -> None:
        self.options = options

    def render(self, notice: Notice) -> str:
        """The payload."""
        return pictures.told(notice, self.options.picture, self.options.picture_bytes)

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[_Broker]:
        """The connection is made when something is sent. Raises `ConfigError` without the extra, or without a password."""
        try:
            import aiomqtt  # noqa: F401 - whether it is there
        except ImportError:
            raise ConfigError("alerts: MQTT needs an extra that is not installed", hint="pip install 'videoscan[mqtt]'") from None
        options = self.options
        secret = os.environ.get(options.password_env)
        if options.username is not None and not secret:
            raise ConfigError(
                f"alerts: the MQTT user {options.username} has no password: the variable {options.password_env} is not set",
                hint=f"export {options.password_env}=... before the command",
            )
        broker = _Broker(options, secret if options.username is not None else None)
        try:
            yield broker
        finally:
            await broker.close()


class _Broker:
    """A connection that is made when it is needed, and made anew after a fault."""

    def __init__(self, options: MqttOptions, secret: str | None) -> None:
        self._options, self._secret = options, secret
        self._client: aiomqtt.Client | None = None
        self._open = contextlib.AsyncExitStack()
        self._one = asyncio.Lock()

    async def send(self, id: str, kind: str, body: str, *, camera: str, rule: str) -> Sent:  # noqa: A002, ARG002 - the seam's
        import aiomqtt

        topic = "/".join((self._options.prefix, part_of_topic(camera), part_of_topic(rule)))
        async with self._one:
            try:
                client = self._client or await self._connect()
                # With quality of service 1 this returns when the broker has acknowledged it.
                await client.publish(topic, body.encode(), qos=1, timeout=self._options.timeout)
            except (aiomqtt.MqttError, OSError, ValueError) as fault:
                await self.close()
                return Sent(f"the broker did not take it: {type(fault).__name__} {fault}".rstrip())
        return Sent()

    async def _connect(self) -> aiomqtt.Client:
        import aiomqtt

        parts, options = urlsplit(self._options.url), self._options
        client = aiomqtt.Client(
            parts.hostname or "",
            parts.port or _PORTS[parts.scheme],
            username=options.username,
            password=self._secret,
            timeout=options.timeout,
            tls_params=aiomqtt.TLSParameters() if parts.scheme == "mqtts" else None,
        )
        await self._open.enter_async_context(client)
        self._client = client
        return client

    async def close(self) -> None:
        """Idempotent."""
        import aiomqtt

        self._client = None
        opened, self._open = self._open, contextlib.AsyncExitStack()
        with contextlib.suppress(aiomqtt.MqttError, OSError):  # it is gone already
            await opened.aclose()


def part_of_topic(name: str) -> str:
    """A camera's or rule's name as a level of a topic: what means something there becomes a dash."""
    return _FOREIGN.sub("-", name).strip() or "-"
