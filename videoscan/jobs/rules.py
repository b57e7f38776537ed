"""What may be submitted. Whatever breaks a rule is refused before a job is made of it."""

from __future__ import annotations

import ipaddress
import re
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from yarl import URL

from videoscan import registry
from videoscan.errors import ConfigError
from videoscan.settings import credentials

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from videoscan.jobs.settings import Settings

SCHEMES = frozenset({"http", "https"})

# What of a profile a stranger may say. Not where pictures go, which key goes along, or which file of this machine is read.
_TABLES = frozenset({"sampler", "dedup", "regions", "windows", "prompt", "reconcile", "summary", "budget", "watch", "alerts"})
_DESCRIBER = frozenset({"language", "max_tokens", "detail"})
_NOT_THEIRS = frozenset(
    {
        ("prompt", "template"), ("reconcile", "model"), ("summary", "model"),
        # Who says what a model costs, or on which account it goes, says what a limit is worth.
        ("budget", "prices"), ("budget", "ledger"), ("budget", "per"),
    }
)  # fmt: skip
_SOURCE = frozenset({"camera", "clock", "clock_pattern", "clock_zone", "clock_start"})
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_MOST_STARS = 2
"""`*` in a stranger's `clock_pattern`: with each, looking for it in a path takes as many times longer as the path has letters."""


class RuleBroken(Exception):
    """A source or profile that is not taken; the message is for the caller, and names nothing of this machine."""


def path_of(text: str, settings: Settings) -> Path:
    """The file or folder below a root that `text` means: an absolute path, or one that begins with a root's name.

    Links are followed first: one that leads out of its root is outside. Raises `RuleBroken`.
    """
    if not settings.roots:
        raise RuleBroken("this service takes no paths: upload the file, or have it started with --root")
    if "\0" in text:
        raise RuleBroken("the path holds a null character")
    wanted = Path(text)
    candidates = (
        [wanted]
        if wanted.is_absolute()
        else [root.parent / wanted for root in settings.roots] + [root / wanted for root in settings.roots]
    )
    for candidate in candidates:
        try:
            resolved = candidate.resolve(strict=True)
        except (OSError, RuntimeError, ValueError):
            continue
        if any(resolved.is_relative_to(root) for root in settings.roots):
            return resolved
    # One answer for what is outside and for what is not there: it must not tell which files this machine has.
    raise RuleBroken(f"{text[:200]!r} is not below a folder of this service, or there is nothing of that name")


def inside(folder: Path, settings: Settings) -> bool:
    """Whether a file that was found below a folder is below a root in truth."""
    try:
        resolved = folder.resolve(strict=True)
    except (OSError, RuntimeError):
        return False
    return any(resolved.is_relative_to(root) for root in settings.roots)


def check_address(text: str, settings: Settings) -> str:
    """An address that may be fetched, as far as its text tells. Raises `RuleBroken`."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as fault:
        raise RuleBroken(f"{text[:200]!r} is no address: {fault}") from None
    if parts.scheme not in SCHEMES:
        raise RuleBroken(f"{parts.scheme or text[:40]!r} is not taken as a source here: http and https are")
    if not parts.hostname:
        raise RuleBroken(f"{text[:200]!r} names no host")
    try:
        # Who connects reads the name by the rules for international ones: `①②⑦.0.0.1` is 127.0.0.1.
        host = URL(text).host or ""
    except ValueError as fault:
        raise RuleBroken(f"{text[:200]!r} is no address: {fault}") from None
    if parts.username or parts.password:
        raise RuleBroken("a source's address must hold no user or password: it would be stored and shown")
    if port == 0:
        raise RuleBroken("port 0 is no port")
    if not settings.private_addresses:
        for name in dict.fromkeys((parts.hostname, host)):
            check_host(name, literal_only=True)
    return text


def check_host(host: str, *, literal_only: bool = False, addresses: Iterable[str] = ()) -> None:
    """Raises `RuleBroken` for a host that is, or an address that leads to, this machine or its neighbourhood.

    `literal_only` judges what is an address already; `addresses` are what a name was resolved to.
    """
    judged = list(addresses)
    literal = _address(host)
    if literal is not None:
        judged.append(str(literal))
    elif literal_only and (host.lower().rstrip(".") == "localhost" or host.lower().rstrip(".").endswith(".localhost")):
        raise RuleBroken(f"{host} is this machine: sources of the neighbourhood are refused here")
    for each in judged:
        if not public(each):
            raise RuleBroken(f"{host} leads to a private address: sources of the neighbourhood are refused here")


def public(address: str) -> bool:
    """Whether an address is one of the open internet: not loopback, private, link-local, multicast, or one of these in disguise."""
    parsed = ipaddress.ip_address(address.split("%", 1)[0])
    if isinstance(parsed, ipaddress.IPv6Address):
        inner = parsed.ipv4_mapped or parsed.sixtofour or (parsed.teredo[1] if parsed.teredo else None)
        if inner is None and parsed in ipaddress.ip_network("64:ff9b::/96"):
            inner = ipaddress.IPv4Address(int(parsed) & 0xFFFFFFFF)
        if inner is not None:
            return public(str(inner))
    return parsed.is_global and not parsed.is_multicast and not parsed.is_reserved


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host.strip("[]").split("%", 1)[0])
    except ValueError:
        pass
    try:
        # 127.1, 0x7f000001, 2130706433: what the system's own parser takes for an address too.
        return ipaddress.IPv4Address(socket.inet_aton(host))
    except OSError:
        return None


def profile_of(asked: str | Mapping[str, Any], settings: Settings) -> str | dict[str, Any]:
    """A profile as a job may have it, checked to its last key. Raises `RuleBroken`, or `ConfigError` for what is wrong with it."""
    if isinstance(asked, str):
        if not _NAME.fullmatch(asked):
            raise RuleBroken("`profile` is the name of a profile, or a table; files are not read")
        registry.check(asked, sets=settings.sets)
        return asked
    table = dict(asked)
    extends = table.get("extends")
    if extends is not None and not (isinstance(extends, str) and _NAME.fullmatch(extends)):
        raise RuleBroken("`extends` is the name of a profile; files are not read")
    for name, value in table.items():
        if name == "extends":
            continue
        allowed = _DESCRIBER if name == "describer" else _SOURCE if name == "source" else None
        if name not in _TABLES and allowed is None:
            raise RuleBroken(f"`{name[:64]}` cannot be set by a job of this service")
        if isinstance(value, dict):
            for key in value:
                if (allowed is not None and key not in allowed) or (name, key) in _NOT_THEIRS:
                    raise RuleBroken(f"`{name}.{str(key)[:64]}` cannot be set by a job of this service")
    rules = table.get("alerts")
    for rule in rules if isinstance(rules, list) else ():
        if isinstance(rule, dict) and rule.get("to"):
            raise RuleBroken("`alerts[].to` cannot be set by a job of this service: its webhooks and the job's feed are told")
    source = table.get("source")
    pattern = source.get("clock_pattern") if isinstance(source, dict) else None
    if isinstance(pattern, str) and (pattern.count("*") > _MOST_STARS or len(pattern) > 200):
        raise RuleBroken(f"`source.clock_pattern` has at most {_MOST_STARS} `*` and 200 characters in a job of this service")
    try:
        credentials.refuse(table, where="profile")
        registry.check(table, sets=settings.sets)
    except (TypeError, AttributeError, RecursionError) as fault:
        raise ConfigError(f"profile: {fault}", hint="it is a table of tables, as TOML has them") from None
    return table


LIMITS = (
    "source.max_memory=4294967296",
    "source.max_cpu=43200",
    "source.max_duration=172800",
    "source.max_fps=1000",
    "source.max_streams=64",
)
"""What a stranger's file may ask for, unless whoever runs the service says otherwise: 4 GiB, 12 hours of a core, two days of video."""


def placeless(text: str, settings: Settings) -> str:
    """A message without where things lie on this machine. What was uploaded has the name that its sender gave it."""
    text = re.sub(rf"{re.escape(str(settings.data))}/jobs/[0-9a-z]+/source/", "", text)
    for place in (settings.data, *(root.parent for root in settings.roots)):
        text = text.replace(f"{place}/", "").replace(str(place), "the service's folder")
    return text


CAMERA_LIMITS = ("source.max_memory=2147483648", "source.patience=20")
"""What a camera's decoder may ask for: 2 GiB, a 4K stream takes a tenth of that. One that says nothing for 20 s hangs: a camera that is away is told of."""


def live_sets_of(settings: Settings) -> Sequence[str]:
    """The same for a live source: whatever a camera sends, it ends no more than the process that decodes it, which is begun anew.

    Where not every address may be reached, what answers over HTTP leads nowhere else.
    """
    alone = () if settings.private_addresses else ("live.redirects=false",)
    return (*CAMERA_LIMITS, *settings.sets, *alone, "source.isolation=process")


def sets_of(settings: Settings) -> Sequence[str]:
    """What lies over every job's profile. A stranger's file is decoded in a process of its own, which can be killed."""
    return (*LIMITS, *settings.sets, "source.isolation=process")
