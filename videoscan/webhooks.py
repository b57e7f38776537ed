"""One attempt to deliver a message to a webhook, signed as Standard Webhooks (https://www.standardwebhooks.com, version 1) prescribes.

The service's own webhooks and those of alerts are sent alike.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import time
from http import HTTPStatus

import aiohttp

from videoscan import patience
from videoscan.seams import Sent

PREFIX = "whsec_"
"""What a secret begins with (Standard Webhooks); base64 follows."""

PATIENCE = patience.Patience(tries=16, first=5.0, longest=6 * 3600.0)
"""Sixteen attempts within about a day."""

TIMEOUT = 20.0
"""Seconds that a receiver has for its whole answer."""


def signature(secret: str, message: str, timestamp: int, body: bytes) -> str:
    """The header `webhook-signature`: HMAC-SHA256 over ``message.timestamp.body``. `secret` is ``whsec_`` and base64."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    signed = b".".join((message.encode(), str(timestamp).encode(), body))
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def is_secret(text: str) -> bool:
    """Whether a text can be signed with: ``whsec_`` and the base64 of 24 to 64 bytes, as the standard wants it."""
    try:
        return text.startswith(PREFIX) and 24 <= len(base64.b64decode(text.removeprefix(PREFIX), validate=True)) <= 64
    except binascii.Error:
        return False


def session(connector: aiohttp.TCPConnector | None = None, *, timeout: float = TIMEOUT) -> aiohttp.ClientSession:
    """Connections for `post`: no proxy of the environment, no cookies, a new connection each time."""
    return aiohttp.ClientSession(
        connector=connector or aiohttp.TCPConnector(force_close=True),
        timeout=aiohttp.ClientTimeout(total=timeout),
        trust_env=False,
        cookie_jar=aiohttp.DummyCookieJar(),
    )


async def post(connections: aiohttp.ClientSession, url: str, secret: str, message: str, body: str) -> Sent:
    """Send it once. What went wrong never names the address, which may hold a secret. Redirects are not followed; 410 is final."""
    data, timestamp = body.encode(), int(time.time())
    headers = {
        "Content-Type": "application/json",
        "webhook-id": message,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature(secret, message, timestamp, data),
    }
    try:
        async with connections.post(url, data=data, headers=headers, allow_redirects=False) as answer:
            if 200 <= answer.status < 300:
                return Sent(status=answer.status)
            wait = patience.retry_after(answer.headers.get("Retry-After"))
            return Sent(f"it answered {answer.status}", answer.status, wait, final=answer.status == HTTPStatus.GONE)
    except TimeoutError:
        return Sent(f"no answer within {connections.timeout.total or TIMEOUT:.0f} s")
    except aiohttp.ClientConnectorError:
        return Sent("it cannot be connected to")
    except (aiohttp.ClientError, OSError, ValueError) as fault:
        return Sent(f"the exchange broke off ({type(fault).__name__})")
