"""Cameras' addresses: what kind of stream they name, and how they are shown without anybody's password."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

from videoscan.errors import ConfigError, SourceUnsupported
from videoscan.model import Login
from videoscan.settings.credentials import named_like_one

if TYPE_CHECKING:
    from collections.abc import Mapping

USER, PASSWORD = "VIDEOSCAN_CAMERA_USER", "VIDEOSCAN_CAMERA_PASSWORD"
"""What holds for every camera; ``VIDEOSCAN_CAMERA_<NAME>_USER`` and ``..._PASSWORD`` hold for one."""

_RTSP = frozenset({"rtsp", "rtsps"})
_HTTP = frozenset({"http", "https"})
_PUSHED = frozenset({"udp", "rtp", "srt"})
_OTHER = frozenset({"rtmp", "rtmps", "tcp"})
SCHEMES = _RTSP | _HTTP | _PUSHED | _OTHER

# Some makers want the login inside of the address: ``...?user=admin&password=x``, ``.../user=admin_password=x_channel=1_stream=0.sdp``.
_INLINE = re.compile(
    r"(?i)((?:^|[?&/_;])(?:password|passwd|pwd|pass|token|auth|secret)=)([^&/;\s]*?)(?=$|[&/;\s]|_[a-z]+=)",
)
_MASK = "***"
_PASSWORDS = frozenset({"pwd", "pass", "auth"})


@dataclass(frozen=True, slots=True)
class Address:
    """Where a stream is. `url` is for FFmpeg alone and may hold a login; `shown` is what everybody else sees.

    `secrets` are the texts that must not appear anywhere, as they are and as they stand in the URL.
    """

    url: str = field(repr=False)
    shown: str
    scheme: str
    login: Login | None = field(default=None, repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)

    @property
    def is_rtsp(self) -> bool:
        """Whether a camera is asked, over RTSP."""
        return self.scheme in _RTSP

    @property
    def is_http(self) -> bool:
        """MJPEG, HLS, FLV or a transport stream over HTTP."""
        return self.scheme in _HTTP

    @property
    def is_playlist(self) -> bool:
        """Whether the path says that it is HLS."""
        return self.is_http and urlsplit(self.url).path.lower().endswith((".m3u8", ".m3u"))

    @property
    def is_pushed(self) -> bool:
        """Whether somebody sends without being asked: silence is no refusal."""
        return self.scheme in _PUSHED

    @property
    def host(self) -> str:
        """The host's name or number, as a person knows it."""
        return urlsplit(self.shown).hostname or self.shown

    def masked(self, text: str) -> str:
        """`text` without any secret of this address."""
        for secret in self.secrets:
            text = text.replace(secret, _MASK)
        return text


def masked(uri: str) -> str:
    """An address without login and without what looks like a password in its path or query; anything else as it was."""
    try:
        parts = urlsplit(uri)
    except ValueError:
        return uri
    if len(parts.scheme) < 2 or not parts.netloc:
        return uri
    query = parts.query
    if any(_secret(name) for name, _ in parse_qsl(query, keep_blank_values=True)):
        pairs = parse_qsl(query, keep_blank_values=True)
        query = urlencode([(name, _MASK if _secret(name) else value) for name, value in pairs], safe="*/:,")
    path = _INLINE.sub(lambda found: f"{found[1]}{_MASK}", parts.path)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], path, _INLINE.sub(lambda f: f"{f[1]}{_MASK}", query), ""))


def _secret(name: str) -> bool:
    return named_like_one(name) or name.lower() in _PASSWORDS


def parse(uri: str, login: Login | None = None) -> Address:
    """Take an address apart and put the login where FFmpeg wants it. `login` wins over one in the address.

    Raises `SourceUnsupported` for a scheme that no camera speaks, `ConfigError` for what is no address; neither shows a password.
    """
    try:
        parts = urlsplit(uri)
        port = parts.port
    except ValueError as error:
        raise ConfigError(f"{masked(uri)!r} is no address: {error}", hint="write it as rtsp://host:554/path") from None
    scheme = parts.scheme.lower()
    if scheme not in SCHEMES:
        raise SourceUnsupported(
            f"{masked(uri)!r}: {scheme or 'nothing'}:// is no stream that can be watched",
            hint=f"known: {', '.join(sorted(SCHEMES))}, a device such as /dev/video0, a folder, or a file with --realtime",
        )
    if not parts.hostname and scheme not in _PUSHED:
        raise ConfigError(f"{masked(uri)!r} names no host", hint="write it as rtsp://host:554/path")
    if port == 0:
        raise ConfigError(f"{masked(uri)!r}: there is no port 0", hint="write it as rtsp://host:554/path")
    given = login or _written(parts.username, parts.password)
    place = parts.netloc.rpartition("@")[2]
    if given is not None and scheme not in _PUSHED:
        place = f"{quote(given.user, safe='')}:{quote(given.password, safe='')}@{place}"
    url = urlunsplit((scheme, place, parts.path, parts.query, ""))
    return Address(url, masked(uri), scheme, given, _secrets(given, parts.path, parts.query))


def _written(user: str | None, password: str | None) -> Login | None:
    return Login(unquote(user or ""), unquote(password or "")) if user or password else None


def _secrets(login: Login | None, path: str, query: str) -> tuple[str, ...]:
    found = [found[2] for text in (path, query) for found in _INLINE.finditer(text)]
    found += [value for name, value in parse_qsl(query) if _secret(name)]
    if login is not None:
        found += [login.password]
    # The longest first: one may be part of another. A password of one or two letters would mask every word.
    whole = {form for text in found if len(text) > 2 for form in (text, quote(text, safe=""), quote(text))}
    return tuple(sorted(whole, key=lambda text: (-len(text), text)))


def from_environment(camera: str, environ: Mapping[str, str] = os.environ) -> Login | None:
    """The login for a camera of that name: its own variables first, then those for all. `None` where neither is set.

    Letters and digits of the name count, in capitals, everything else is an underscore: ``Front door`` reads
    ``VIDEOSCAN_CAMERA_FRONT_DOOR_USER``.
    """
    name = re.sub(r"[^A-Z0-9]+", "_", camera.upper()).strip("_")
    own = (f"VIDEOSCAN_CAMERA_{name}_USER", f"VIDEOSCAN_CAMERA_{name}_PASSWORD")
    for user, password in ([own] if name else []) + [(USER, PASSWORD)]:
        if environ.get(user) or environ.get(password):
            return Login(environ.get(user, ""), environ.get(password, ""))
    return None
