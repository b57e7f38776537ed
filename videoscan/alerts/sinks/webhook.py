"""Alerts to a webhook, signed like the service's own messages."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Annotated, ClassVar, Self

from pydantic import Field, field_validator, model_validator

from videoscan import webhooks
from videoscan.alerts import pictures
from videoscan.alerts.pictures import How  # noqa: TC001 - pydantic reads the annotation
from videoscan.errors import ConfigError
from videoscan.settings import credentials
from videoscan.settings.options import Options

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import aiohttp

    from videoscan.seams import Notice, Sent

SECRET = "VIDEOSCAN_WEBHOOK_SECRET"  # noqa: S105 - the variable's name


class WebhookOptions(Options):
    """Where a webhook is, and which environment variables hold what must not stand in a profile."""

    url: str | None = None
    """Where it is posted to. Redirects are not followed."""
    url_env: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] | None = None
    """Instead of `url`: the environment variable that holds the address, where that is a secret itself, as a chat's often is."""
    secret_env: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] = SECRET
    """The environment variable that holds what messages are signed with: ``whsec_`` and the base64 of 24 to 64 bytes."""
    timeout: Annotated[float, Field(gt=0, le=300)] = webhooks.TIMEOUT
    """Seconds that the receiver has for its whole answer."""
    picture: How = "inline"
    """The event's picture: `inline` as base64, `path` as where it lies on this machine's disk, or `none`."""
    picture_bytes: Annotated[int, Field(ge=2_000, le=10_000_000)] = 200_000
    """Bytes of an inline picture at most, before base64. A larger one is made smaller."""

    @field_validator("url")
    @classmethod
    def _an_address(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                credentials.check_endpoint(value, where="alerts", path="url")
            except ConfigError as error:
                raise ValueError(
                    f"{error.message}; an address that holds a secret goes into a variable that url_env names"
                ) from None
        return value

    @model_validator(mode="after")
    def _one_address(self) -> Self:
        if (self.url is None) == (self.url_env is None):
            raise ValueError("a webhook needs url, or url_env with the name of the variable that holds it; not both")
        return self


class WebhookSink:
    """POSTs each alert as JSON, signed (Standard Webhooks), until it is answered 2xx, for about a day."""

    Options: ClassVar[type[WebhookOptions]] = WebhookOptions
    durable: ClassVar[bool] = True

    def __init__(self, options: WebhookOptions) -> None:
        self.options = options

    def render(self, notice: Notice) -> str:
        """The body."""
        return pictures.told(notice, self.options.picture, self.options.picture_bytes)

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[_Webhook]:
        """Connections are made when something is sent. Raises `ConfigError` without address or secret."""
        url, secret = self._url(), self._secret()
        async with webhooks.session(timeout=self.options.timeout) as connections:
            yield _Webhook(connections, url, secret)

    def _url(self) -> str:
        options = self.options
        if options.url is not None:
            return options.url
        assert options.url_env is not None, "one of them is given"
        found = os.environ.get(options.url_env, "").strip()
        if not found.startswith(("http://", "https://")):
            raise ConfigError(
                f"alerts: the variable {options.url_env} holds no address of a webhook",
                hint=f"export {options.url_env}=https://... before the command",
            )
        return found

    def _secret(self) -> str:
        name = self.options.secret_env
        found = os.environ.get(name, "").strip()
        if not webhooks.is_secret(found):
            what = "is not set" if not found else "is no secret of the form whsec_BASE64 (24 to 64 bytes)"
            raise ConfigError(
                f"alerts: webhooks are signed, and the variable {name} {what}",
                hint=f'make one: export {name}="whsec_$(openssl rand -base64 32)", and give it to the receiver',
            )
        return found


class _Webhook:
    def __init__(self, connections: aiohttp.ClientSession, url: str, secret: str) -> None:
        self._connections, self._url, self._secret = connections, url, secret

    async def send(self, id: str, kind: str, body: str, *, camera: str, rule: str) -> Sent:  # noqa: A002, ARG002 - the seam's
        return await webhooks.post(self._connections, self._url, self._secret, id, body)
