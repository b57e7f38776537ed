"""The wall clock of a recording: when second 0 was, from what the user says, from the file's path or from its metadata.

A pattern is strptime-like and is found anywhere in the path, so ``%Y%m%d_%H%M%S`` fits ``cam1/RecM01_20240115_143210_143310.mp4``.

========  =======================================================================================
``%Y``    year, 1970 to 2099                    ``%H %M %S``  hour 00-23, minute, second 00-59
``%y``    year, two digits (2000 to 2099)       ``%I %p``     hour 01-12 with AM or PM
``%m``    month, 01-12                          ``%f``        fraction of a second, 1 to 6 digits
``%b``    month, Jan to Dec                     ``%z``        offset, ``+0200``, ``+02:00`` or ``Z``
``%d``    day, 01-31                            ``%s``        seconds since 1970, UTC
``%j``    day of the year, 001-366              ``%%``        a percent sign
``*``     anything but a slash                  ``?``         one character that is no slash
========  =======================================================================================

Anything else stands for itself, and a directive that comes twice must read the same both times (Dahua's
``%Y-%m-%d/*/dav/%H/%H.%M.%S``). A pattern without a slash is looked for in the file's name first, then in the whole path. The
first place that is a valid time counts; a place that does not run on into further digits is preferred.
"""

from __future__ import annotations

import datetime as dt
import re
import zoneinfo
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from videoscan.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

_DIRECTIVES = {
    "Y": r"(?:19[7-9]\d|20\d\d)",
    "y": r"\d\d",
    "m": r"(?:0[1-9]|1[0-2])",
    "b": f"(?i:{'|'.join(_MONTHS)})",
    "d": r"(?:0[1-9]|[12]\d|3[01])",
    "j": r"(?:00[1-9]|0[1-9]\d|[12]\d\d|3[0-5]\d|36[0-6])",
    "H": r"(?:[01]\d|2[0-3])",
    "I": r"(?:0[1-9]|1[0-2])",
    "p": r"(?i:[AP]M)",
    "M": r"[0-5]\d",
    "S": r"[0-5]\d",
    "f": r"\d{1,6}",
    "z": r"(?:[+-](?:[01]\d|2[0-3]):?[0-5]\d|Z)",
    "s": r"\d{9,10}",
}

# Cameras and writers that have no clock leave the epoch of their container: 1904 (MP4), 1970 (Unix), 2000 (many firmwares).
_UNSET_BEFORE = dt.datetime(1971, 1, 1, tzinfo=dt.UTC)


class ClockOptions(Protocol):
    """The four keys of the `source` table that concern the clock."""

    @property
    def clock(self) -> str:
        """``none``, ``metadata`` or ``pattern``."""
        ...

    @property
    def clock_pattern(self) -> str | None:
        """See the module's docstring."""
        ...

    @property
    def clock_zone(self) -> str | None:
        """IANA name."""
        ...

    @property
    def clock_start(self) -> str | None:
        """ISO 8601."""
        ...


@dataclass(frozen=True, slots=True)
class WallTime:
    """The wall time of second 0, ISO 8601 with its offset, or `None` where it is not known; and what had to be assumed."""

    start: str | None = None
    notes: tuple[str, ...] = ()


def wall_time(options: ClockOptions, path: str, metadata: str | None = None) -> WallTime:
    """When second 0 of a recording was.

    `options.clock_start` wins over everything; then `options.clock` decides between the `path` (relative to the input folder, either
    slash) and `metadata` (`SourceInfo.clock`). A time without an offset is in `options.clock_zone`, without that in this machine's zone,
    with a note; a time with one is converted to `clock_zone`. Raises `ConfigError` for a bad pattern, zone or start.
    """
    zone = time_zone(options.clock_zone) if options.clock_zone else None
    if options.clock_start:
        return _placed(moment(options.clock_start), zone)
    if options.clock == "pattern":
        if not options.clock_pattern:
            raise ConfigError("source.clock = 'pattern' needs source.clock_pattern", hint="for example %Y%m%d_%H%M%S")
        found = Pattern(options.clock_pattern).find(path)
        if found is None:
            return WallTime(None, (f"no wall time: source.clock_pattern {options.clock_pattern!r} is not found in {path!r}",))
        return _placed(found, zone)
    if options.clock == "metadata":
        return _from_metadata(metadata, zone)
    return WallTime()


def _from_metadata(metadata: str | None, zone: dt.tzinfo | None) -> WallTime:
    if not metadata:
        return WallTime(None, ("no wall time: the file's metadata have no creation time",))
    try:
        found = dt.datetime.fromisoformat(metadata.strip())
    except ValueError:
        return WallTime(None, (f"no wall time: the creation time in the metadata cannot be read: {metadata!r}",))
    if (found if found.tzinfo else found.replace(tzinfo=dt.UTC)) < _UNSET_BEFORE:
        return WallTime(None, (f"no wall time: the camera's clock was never set (metadata say {metadata!r})",))
    return _placed(found, zone)


def from_metadata(metadata: str | None, zone: str | None = None) -> WallTime:
    """The wall time that a file's metadata give (`SourceInfo.clock`), in `zone`, an IANA name; see `wall_time`."""
    return _from_metadata(metadata, time_zone(zone) if zone else None)


def placed(found: dt.datetime, zone: str | None = None) -> WallTime:
    """A time that was read somewhere, in `zone`, an IANA name; see `wall_time`."""
    return _placed(found, time_zone(zone) if zone else None)


def moment(text: str) -> dt.datetime:
    """A date and time in ISO 8601, with or without an offset. Raises `ConfigError`; a date alone says no time of day."""
    try:
        if not re.search(r"\d[T ]\d", text.strip()):
            raise ValueError("no time of day")
        return dt.datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise ConfigError(
            f"{text!r} is not a date and time ({error})", hint="write it as 2024-01-15T14:32:10 or 2024-01-15T14:32:10+01:00"
        ) from None


def time_zone(name: str) -> dt.tzinfo:
    """An IANA time zone by name. Raises `ConfigError` for an unknown one."""
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        hint = "use an IANA name such as Europe/Berlin, Asia/Shanghai or UTC"
        if not zoneinfo.available_timezones():
            hint += "; this system has no time zone data: `pip install tzdata`"
        raise ConfigError(f"{name!r} is not a time zone", hint=hint) from None


def _placed(found: dt.datetime, zone: dt.tzinfo | None) -> WallTime:
    try:
        if found.tzinfo is not None:
            return WallTime((found.astimezone(zone) if zone else found).isoformat())
        if zone is None:
            local = found.astimezone()
            return WallTime(
                local.isoformat(),
                (f"source.clock_zone is not set: {found.isoformat()} is taken in this machine's time zone ({local:%z})",),
            )
        first, second = found.replace(tzinfo=zone), found.replace(tzinfo=zone, fold=1)
        if first.utcoffset() == second.utcoffset():
            return WallTime(first.isoformat())
    except (OverflowError, OSError) as error:
        return WallTime(None, (f"no wall time: {found.isoformat()} cannot be converted ({error})",))
    # Through UTC and back, so that a time inside the spring gap becomes one that clocks did show.
    real = first.astimezone(dt.UTC).astimezone(zone)
    gap = real.replace(tzinfo=None) != found
    why = "clocks skipped it" if gap else "clocks showed it twice, and the first is taken"
    return WallTime(real.isoformat(), (f"{found.isoformat()} in {zone}: {why}",))


@dataclass(frozen=True, slots=True)
class Located:
    """A time that a pattern found in a path, and the path around it."""

    time: dt.datetime
    before: str
    after: str


class Pattern:
    """A compiled `clock_pattern`. Raises `ConfigError` for an unknown directive or a pattern that does not give a whole time."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._in_name = "/" not in text
        expression, used = _translate(text)
        _must_say_a_whole_time(text, used)
        edge = r"(?:(?<!\d)|(?!\d))"
        self._exact = re.compile(f"{edge}(?:{expression}){edge}")
        self._loose = re.compile(expression)

    def __repr__(self) -> str:
        return f"Pattern({self.text!r})"

    def find(self, path: str) -> dt.datetime | None:
        """The time that stands in `path`: aware when the pattern has ``%z`` or ``%s``, else naive; `None` when there is none."""
        located = self.locate(path)
        return located.time if located is not None else None

    def locate(self, path: str) -> Located | None:
        """The same, with what stands around it; slashes come out forward."""
        whole = path.replace("\\", "/")
        name = whole.rpartition("/")[2]
        for place in (name, whole) if self._in_name else (whole,):
            before = whole[: len(whole) - len(place)]
            for expression in (self._exact, self._loose):
                for found in _every(expression, place):
                    try:
                        time = _assemble({key: value for key, value in found.groupdict().items() if value is not None})
                    except (ValueError, OverflowError):
                        continue  # 31 February and its like: digits that happened to fit
                    return Located(time, before + place[: found.start()], place[found.end() :])
        return None


def _every(expression: re.Pattern[str], text: str) -> Iterator[re.Match[str]]:
    """Every match, overlapping ones too: a false one must not hide the true one that begins inside it."""
    start = 0
    while found := expression.search(text, start):
        yield found
        start = found.start() + 1


def _translate(text: str) -> tuple[str, frozenset[str]]:
    parts: list[str] = []
    used: set[str] = set()
    letters = iter(text.replace("\\", "/"))
    for letter in letters:
        if letter == "*":
            parts.append("[^/]*?")
        elif letter == "?":
            parts.append("[^/]")
        elif letter != "%":
            parts.append(re.escape(letter))
        elif (name := next(letters, "")) == "%":
            parts.append("%")
        elif name not in _DIRECTIVES:
            known = " ".join(f"%{each}" for each in _DIRECTIVES)
            raise ConfigError(f"{text!r}: %{name} is not a directive of a clock pattern", hint=f"known: {known}")
        elif name in used:
            parts.append(f"(?P={name})")
        else:
            used.add(name)
            parts.append(f"(?P<{name}>{_DIRECTIVES[name]})")
    return "".join(parts), frozenset(used)


def _must_say_a_whole_time(text: str, used: frozenset[str]) -> None:
    if "s" in used:
        return
    missing = []
    if not used & {"Y", "y"}:
        missing.append("the year (%Y)")
    if "j" not in used and not (used & {"m", "b"} and "d" in used):
        missing.append("month and day (%m %d)")
    if "H" not in used and not {"I", "p"} <= used:
        missing.append("the hour (%H, or %I with %p)")
    if missing:
        raise ConfigError(f"{text!r} does not say {' and '.join(missing)}", hint="for example %Y%m%d_%H%M%S")


def _assemble(said: dict[str, str]) -> dt.datetime:
    fraction = dt.timedelta(microseconds=int(said.get("f", "0").ljust(6, "0")))
    if "s" in said:
        return dt.datetime.fromtimestamp(int(said["s"]), dt.UTC) + fraction
    year = int(said["Y"]) if "Y" in said else 2000 + int(said["y"])
    if "j" in said:
        day = dt.date(year, 1, 1) + dt.timedelta(days=int(said["j"]) - 1)
        if day.year != year:
            raise ValueError("day 366 of a year that has 365")
    else:
        month = int(said["m"]) if "m" in said else _MONTHS.index(said["b"].lower()) + 1
        day = dt.date(year, month, int(said["d"]))
    hour = int(said["H"]) if "H" in said else int(said["I"]) % 12 + (12 if said["p"].lower() == "pm" else 0)
    zone = dt.datetime.fromisoformat(f"2000-01-01T00:00:00{said['z']}").tzinfo if "z" in said else None
    time = dt.time(hour, int(said.get("M", "0")), int(said.get("S", "0")), tzinfo=zone)
    return dt.datetime.combine(day, time) + fraction
