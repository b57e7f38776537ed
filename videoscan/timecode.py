"""The only parser and the only printer of time. Everything else holds seconds as a float."""

from __future__ import annotations

import datetime as dt
import math
import re

from videoscan.errors import ConfigError

_CLOCK = re.compile(r"(?:(?:(?P<h>\d+):)?(?P<m>\d{1,2}):)?(?P<s>\d{1,2}(?:[.,]\d+)?)")
_SECONDS = re.compile(r"\d+(?:\.\d+)?s?")
_TWO = tuple(f"{number:02}" for number in range(60))
_THREE = tuple(f"{number:03}" for number in range(1000))


def parse(text: str, *, what: str = "time") -> float:
    """Seconds of video time from ``72.5``, ``72.5s``, ``01:12.5`` or ``00:01:12.500``.

    Minutes and seconds after a colon are below 60. Raises `ConfigError`, naming `what`, for anything else, negative times included.
    """
    value = text.strip()
    if _SECONDS.fullmatch(value):
        return float(value.removesuffix("s"))
    found = _CLOCK.fullmatch(value)
    if found:
        hours, minutes, seconds = int(found["h"] or 0), int(found["m"] or 0), float(found["s"].replace(",", "."))
        if seconds < 60 and (minutes < 60 or found["h"] is None):
            return hours * 3600 + minutes * 60 + seconds
    raise ConfigError(f"{what}: {text!r} is not a time", hint="use seconds (72.5) or [[HH:]MM:]SS[.mmm] (00:01:12.500)")


def to_milliseconds(seconds: float) -> int:
    """Whole milliseconds, halves away from zero, so that 0.0005 s never prints as nothing."""
    return math.floor(abs(seconds) * 1000 + 0.5) * (1 if seconds >= 0 else -1)


def clock(seconds: float, *, separator: str = ".") -> str:
    """``HH:MM:SS.mmm``; hours grow past 99 as needed. `separator` stands before the milliseconds (SRT wants a comma)."""
    total = to_milliseconds(seconds)
    hours, rest = divmod(abs(total), 3_600_000)
    minutes, rest = divmod(rest, 60_000)
    sign = "-" if total < 0 else ""
    # Every picture of a request is named by one of these: an f-string's own formats take three times as long.
    return f"{sign}{_TWO[hours] if hours < 60 else hours}:{_TWO[minutes]}:{_TWO[rest // 1000]}{separator}{_THREE[rest % 1000]}"


def short(seconds: float) -> str:
    """For people: ``0:07``, ``12:05``, ``1:00:00``. Whole seconds, rounded down as a player's counter does."""
    whole = int(max(0.0, seconds) + 0.0005)
    minutes, secs = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{secs:02d}" if hours else f"{minutes}:{secs:02d}"


def length(seconds: float) -> str:
    """A duration for people: ``0.4 s``, ``11 s``, ``3 min 20 s``, ``2 h 05 min``."""
    if seconds < 9.95:
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    minutes, secs = divmod(round(seconds), 60)
    if minutes == 0:
        return f"{secs} s"
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min" if minutes else f"{hours} h"
    return f"{minutes} min {secs:02d} s" if secs else f"{minutes} min"


def wall(origin: str | None, seconds: float) -> dt.datetime | None:
    """The wall time `seconds` after `origin` (ISO 8601), in origin's own zone; `None` without an origin or when it is no such text."""
    try:
        return dt.datetime.fromisoformat(origin) + dt.timedelta(seconds=seconds) if origin else None
    except (ValueError, OverflowError):
        return None


def wall_iso(origin: str | None, seconds: float) -> str | None:
    """ISO 8601 to the millisecond, for programs: ``2026-11-21T22:14:05.400+01:00``. `None` as in `wall`."""
    moment = wall(origin, to_milliseconds(seconds) / 1000)
    return moment.isoformat(timespec="milliseconds") if moment else None


def wall_short(origin: str | None, seconds: float, *, date: bool = False) -> str | None:
    """For people: ``22:14:05``, or ``2026-11-21 22:14:05`` with `date`. Whole seconds, rounded down. `None` as in `wall`."""
    moment = wall(origin, seconds + 0.0005)
    return moment.strftime("%Y-%m-%d %H:%M:%S" if date else "%H:%M:%S") if moment else None
