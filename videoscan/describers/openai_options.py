"""What a profile may say of an OpenAI-compatible endpoint."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from videoscan.config import Options
from videoscan.describers.dialect import Detail  # noqa: TC001  # pydantic reads it at run time
from videoscan.describers.endpoint import Address


class OpenAiOptions(Options):
    """Which endpoint, which model, and how hard it may be driven."""

    endpoint: str
    """Base (``https://host/v1``) or the whole ``.../chat/completions`` address, query string included. http or https."""
    model: str | None = None
    """The model's name there. Without one the only model that the endpoint lists is taken."""
    dialect: str = "auto"
    """What kind of server it is, a row of `videoscan.describers.dialects`; "auto" tells by the address."""
    api_key_env: str = "VIDEOSCAN_API_KEY"
    """The environment variable that holds the key. Not set: no key is sent."""
    concurrency: Annotated[int, Field(ge=1, le=1000)] = 4
    """Requests under way at once, at most: begins with four, fewer when the server says that it is too fast, more as it keeps up."""
    requests_per_minute: Annotated[float, Field(gt=0)] | None = None
    """What the endpoint's contract allows."""
    tokens_per_minute: Annotated[float, Field(gt=0)] | None = None
    """What the endpoint's contract allows, prompts and answers together."""
    timeout: Annotated[float, Field(gt=0, le=3600)] = 120.0
    """Seconds for one request, from connecting to the answer's last byte."""
    window_timeout: Annotated[float, Field(gt=0, le=86_400)] | None = None
    """Seconds for one window in all: requests, retries, parts and what a server asks to wait, but not waiting for its turn. Without it 15
    minutes, or five times `timeout` where that is longer."""
    retries: Annotated[int, Field(ge=0, le=100)] = 5
    """How often a request that met a passing fault is sent again."""
    detail: Detail | None = None
    """How closely pictures are looked at, where the endpoint gives the choice: at OpenAI "low" costs a tenth and sees 512 x 512 pixels.
    Without it the dialect's: "high" for OpenAI, nothing for the others."""
    max_tokens: Annotated[int, Field(ge=1, le=1_000_000)] = 2048
    """Longest answer in tokens. An answer that was cut off is asked for again with more."""
    language: str | None = None
    """Language of the answers, a name ("German") or a code ("de", "zh"). An answer in another one is asked for once more, and flagged
    if it comes again."""
    probe: Literal["auto", "never"] = "auto"
    """Whether the first use of an unknown endpoint begins with two requests that show what it takes (test cards, no footage)."""
    extra_body: dict[str, Any] = Field(default={})
    """Fields for the request's body as they are, such as ``temperature``. They win over what videoscan puts there."""

    @field_validator("endpoint")
    @classmethod
    def _can_be_addressed(cls, value: str) -> str:
        Address.parse(value)  # raises ConfigError, which shows no credentials; pydantic's own message would show the value
        return value

    @field_validator("extra_body")
    @classmethod
    def _leaves_the_messages_alone(cls, value: dict[str, Any]) -> dict[str, Any]:
        if "messages" in value:
            raise ValueError("messages are what videoscan is for: use prompt.role, prompt.question or a template")
        return value
