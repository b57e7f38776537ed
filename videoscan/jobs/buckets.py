"""Sources in S3-compatible stores, ``s3://bucket/key``: only what is in buckets that the service was started with.

The address of an object is signed here, without asking anybody, and then fetched like any other address, by the same rules. So a store
in one's own network needs `--private-addresses`, and nothing but the object is read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from videoscan.errors import ConfigError, SourceError
from videoscan.jobs.rules import RuleBroken

if TYPE_CHECKING:
    from videoscan.jobs.settings import Settings

SCHEME = "s3://"

_VALID = 3600
"""Seconds that a signed address may be begun with. What has begun goes on for as long as it takes."""


def check(text: str, settings: Settings) -> None:
    """Raises `RuleBroken` for what is not an object of one of the service's buckets."""
    bucket, key = _parts(text)
    if not settings.buckets:
        raise RuleBroken("this service takes nothing from s3: have it started with --bucket")
    if bucket not in settings.buckets:
        # One answer for what is not allowed and for what is not there, as for paths.
        raise RuleBroken(f"{bucket[:100]!r} is not a bucket of this service")
    if not key or key.endswith("/"):
        raise RuleBroken(f"{text[:200]!r} names no object: s3://bucket/key does")


def signed(text: str, settings: Settings) -> str:
    """The address at which an object is read within the hour. It holds a signature: not for logs. Blocking.

    Where the store is and which key signs come from the environment, as every program for S3 has it (``AWS_ACCESS_KEY_ID``,
    ``AWS_PROFILE``, ``AWS_REGION``, ``AWS_ENDPOINT_URL``), but for the endpoint that the service was given.
    """
    check(text, settings)
    require()
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError
    from botocore.session import get_session

    bucket, key = _parts(text)
    # A store of one's own seldom has a name for each bucket.
    style = "path" if settings.s3_endpoint else "auto"
    try:
        client = get_session().create_client(
            "s3", endpoint_url=settings.s3_endpoint, config=Config(signature_version="s3v4", s3={"addressing_style": style})
        )
        address: str = client.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": key}, ExpiresIn=_VALID)
    except (BotoCoreError, ValueError) as fault:
        raise SourceError(f"{text} cannot be asked for: {fault}", hint="AWS_ACCESS_KEY_ID and the like say who asks") from fault
    return address


def require() -> None:
    """Raises `ConfigError` where the library that signs is missing."""
    try:
        import botocore  # noqa: F401  - only to say in time that it is missing
    except ImportError:
        raise ConfigError("sources in S3 need a library that signs", hint="pip install 'videoscan[s3]'") from None


def _parts(text: str) -> tuple[str, str]:
    try:
        parts = urlsplit(text)
    except ValueError as fault:
        raise RuleBroken(f"{text[:200]!r} is no address: {fault}") from None
    # A key is taken as it stands: `%`, `#` and `?` are letters of it.
    return parts.netloc, text[len(SCHEME) + len(parts.netloc) + 1 :]
