"""Refuses secrets in places where they would be stored or shown: profiles, ``--set`` and endpoints' addresses.

No message here repeats the value that it refuses.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from videoscan.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

REMEDY = "keys come from the environment: put it in VIDEOSCAN_API_KEY, or in the variable that describer.api_key_env names"

_NAMES = frozenset({
    "api_key", "apikey", "key", "token", "secret", "password", "passwd", "authorization", "bearer", "credentials",
    "access_key", "secret_key", "client_secret", "access_token", "auth_token", "x_api_key", "x_auth_token", "private_key",
    "sig", "signature",
})  # fmt: skip

# Prefixes that providers give their keys (OpenAI and its kin, Hugging Face, Google, AWS, Groq, xAI, GitHub), JWTs, headers.
_SHAPES = re.compile(
    r"""(?<![A-Za-z0-9])(?:
        (?:sk|gsk|xai|nvapi|r8|pplx)[-_][A-Za-z0-9_-]{16,} | hf_[A-Za-z0-9]{20,} | gh[pousr]_[A-Za-z0-9]{20,}
      | AIza[0-9A-Za-z_-]{30,} | A[KS]IA[0-9A-Z]{16} | eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_.-]{10,}
      | (?i:Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{16,}
    )""",
    re.VERBOSE,
)
_WORD = re.compile(r"[A-Za-z0-9]{32,}")
_LOGIN = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/\s@]*@")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")


def named_like_one(key: str) -> bool:
    """Whether a key's name says that its value is a secret. ``api_key_env``, ``max_tokens`` and the like do not."""
    return key.lower().replace("-", "_") in _NAMES


def looks_like_one(text: str) -> bool:
    """Whether a text has the shape of a key: a provider's prefix, or 32 and more unbroken characters of all three sorts."""
    if _SHAPES.search(text):
        return True
    return any(re.search("[a-z]", word) and re.search("[A-Z]", word) and re.search("[0-9]", word) for word in _WORD.findall(text))


def refuse(table: Mapping[str, Any], *, where: str, path: str = "") -> None:
    """Look through a raw table, at any depth. Raises `ConfigError` that names the key's path and `where`, never the value."""
    for key, value in table.items():
        here = f"{path}.{key}" if path else str(key)
        if named_like_one(str(key)) and value is not None:
            raise ConfigError(f"{here} ({where}): a secret does not belong here", hint=REMEDY)
        _refuse_value(value, where=where, path=here)


def _refuse_value(value: Any, *, where: str, path: str) -> None:
    if isinstance(value, dict):
        refuse(value, where=where, path=path)
    elif isinstance(value, list | tuple):
        for place, item in enumerate(value):
            _refuse_value(item, where=where, path=f"{path}[{place}]")
    elif isinstance(value, str):
        if _LOGIN.search(value):
            raise ConfigError(f"{path} ({where}): an address must not carry user:password@", hint=REMEDY)
        if path.endswith("api_key_env"):
            if looks_like_one(value) or not _VARIABLE.fullmatch(value):
                raise ConfigError(
                    f"{path} ({where}): this is not the name of an environment variable",
                    hint="write the variable's name, such as VIDEOSCAN_API_KEY, and put the key into that variable",
                )
        elif looks_like_one(value):
            raise ConfigError(f"{path} ({where}): the value looks like a key", hint=REMEDY)


def check_endpoint(address: str, *, where: str, path: str = "describer.endpoint") -> None:
    """Raises `ConfigError` unless `address` is an http(s) URL with a host and without login or key."""
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise ConfigError(f"{path} ({where}): not an address: {error}", hint="write it as https://host/v1") from None
    if "@" in parts.netloc:
        raise ConfigError(f"{path} ({where}): an address must not carry user:password@", hint=REMEDY)
    if parts.scheme not in {"http", "https"} or not host:
        raise ConfigError(f"{path} ({where}): {address!r} is not an http or https address", hint="write it as https://host/v1")
    if any(named_like_one(name) for name, _ in parse_qsl(parts.query, keep_blank_values=True)):
        raise ConfigError(f"{path} ({where}): a secret does not belong into an address", hint=REMEDY)


def without_login(address: str) -> str:
    """The address without ``user:password@``; anything that has none comes back as it was."""
    return _LOGIN.sub(lambda found: found[0].partition("://")[0] + "://", address, count=1)
