"""When a recording was made and which camera made it, by the name that a recorder gave its file.

Each style is an expression over a path below the folder that was given, with forward slashes. What the name says besides the time (folders
that are no dates, words) tells cameras apart; counters, end times, sizes and checksums do not.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from pathlib import PurePosixPath

_DATE = r"(?P<Y>20\d\d)(?P<ds>[-_. ]?)(?P<m>0[1-9]|1[0-2])(?P=ds)(?P<d>0[1-9]|[12]\d|3[01])"
_HOUR, _MINUTE, _SECOND = r"(?P<H>[01]\d|2[0-3])", r"(?P<M>[0-5]\d)", r"(?P<S>[0-5]\d)"
_FRACTION = r"(?:[.,]?(?P<f>\d{3})(?!\d))?"
_TIME = rf"{_HOUR}(?P<ts>[-_.:h ]?){_MINUTE}(?:(?P=ts)|[m:]){_SECOND}s?{_FRACTION}"
_OFFSET = r"(?P<z>Z|[+-](?:0\d|1[0-4]):?[0-5]\d(?!\d))?"
_NAME = r"(?P<camera>[^/]*?)"


@dataclass(frozen=True, slots=True)
class Style:
    """How some recorders name their files. `zone` is the one that they always mean, `None` where they mean their own."""

    recorders: str
    example: str
    expression: re.Pattern[str]
    zone: dt.tzinfo | None = None


def _style(recorders: str, example: str, expression: str, zone: dt.tzinfo | None = None) -> Style:
    return Style(recorders, example, re.compile(expression), zone)


STYLES = (
    _style(
        "Frigate (UTC)",
        "recordings/2026-03-01/23/front_door/55.00.mp4",
        rf"(?<![^/]){_DATE}/{_HOUR}/(?P<folders>[^/]+/){_MINUTE}\.{_SECOND}(?=\.)",
        dt.UTC,
    ),
    _style("Xiaomi", "camera/2026030123/55M00S_1772405700.mp4", rf"(?<![^/]){_DATE}{_HOUR}/(?P<folders>){_MINUTE}M{_SECOND}S"),
    _style("Wyze", "camera/20260301/23/55.mp4", rf"(?<![^/]){_DATE}/{_HOUR}/(?P<folders>){_MINUTE}(?=\.[^/]*$)"),
    _style(
        "UniFi Protect (a download)",
        "Front Door 3-1-2026, 23.55.00 GMT+1 - 3-2-2026, 00.00.00 GMT+1.mp4",
        rf"(?P<m>1[0-2]|[1-9])-(?P<d>3[01]|[12]\d|[1-9])-(?P<Y>20\d\d), {_HOUR}\.{_MINUTE}\.{_SECOND}(?: GMT(?P<hours>[+-]\d{{1,2}})?)?",
    ),
    _style(
        "Blue Iris, Hikvision, Reolink, Synology, Viofo, BlackVue, Tesla, phones: date and time in the name",
        "cam1_20260301_235500.mp4",
        rf"(?<!\d){_NAME}{_DATE}(?:[-_.T @]{{0,3}}|, | at |_at_){_TIME}{_OFFSET}(?=[^/]*$)",
    ),
    _style(
        "Viofo, older",
        "2026_0301_235500_001F.MP4",
        rf"(?<!\d){_NAME}(?P<Y>20\d\d)_(?P<m>0[1-9]|1[0-2])(?P<d>[0-3]\d)_{_TIME}(?=[^/]*$)",
    ),
    _style(
        "Dahua, Amcrest, motionEye: the date in a folder, the time in the name",
        "2026-03-01/001/dav/23/23.55.00-23.56.00[R][0@0][0].mp4",
        rf"(?<![^/]){_DATE}(?:AM|PM)?/(?P<folders>(?:[^/]+/)*?)(?:dav/[0-2]\d/)?{_NAME}(?<!\d){_TIME}(?!\d)(?=[^/]*$)",
    ),
    _style(
        "year, month and day in folders, the time in the name",
        "2026/03/01/cam1_235500.mp4",
        rf"(?<![^/])(?P<Y>20\d\d)/(?P<m>0[1-9]|1[0-2])/(?P<d>[0-2]\d|3[01])/(?P<folders>(?:[^/]+/)*){_NAME}(?<!\d){_TIME}(?!\d)(?=[^/]*$)",
    ),
    _style(
        "seconds or milliseconds since 1970 (UTC)",
        "cam1_0_1772405700.mp4",
        rf"{_NAME}(?<!\d)(?P<s>1[5-9]\d{{8}})(?P<ms>\d{{3}})?(?!\d)(?=[^/]*$)",
        dt.UTC,
    ),
)
"""In the order in which they are tried."""


@dataclass(frozen=True, slots=True)
class Named:
    """What a path says. `time` is naive where the name does not say its zone. `camera` is what tells one camera from another.

    `source` is the path with ``*`` where the time stood: all recordings of the camera, and nothing else.
    """

    time: dt.datetime
    camera: str
    source: str


def read(path: str) -> Named | None:
    """The first style that fits and gives a time that there is; `None` when none does."""
    path = path.replace("\\", "/")
    for style in STYLES:
        for found in style.expression.finditer(path):
            try:
                time = _time(found.groupdict(), style.zone)
            except (ValueError, OverflowError):
                continue  # 31 February: digits that happened to fit
            groups = found.groupdict()
            between = f"{groups.get('folders') or ''}{groups.get('camera') or ''}"
            return Named(time, *camera_of(path[: found.start()], between, path[found.end() :]))
    return None


def _time(said: dict[str, str | None], zone: dt.tzinfo | None) -> dt.datetime:
    if said.get("s"):
        return dt.datetime.fromtimestamp(int(said["s"] or 0) + int(said.get("ms") or 0) / 1000, dt.UTC)
    if said.get("z"):
        zone = dt.datetime.fromisoformat(f"2000-01-01T00:00:00{said['z']}").tzinfo
    elif said.get("hours"):
        zone = dt.timezone(dt.timedelta(hours=int(said["hours"] or 0)))
    year, month, day, hour, minute = (int(said[key] or 0) for key in ("Y", "m", "d", "H", "M"))
    second, thousandths = int(said.get("S") or 0), int(said.get("f") or 0)
    return dt.datetime(year, month, day, hour, minute, second, thousandths * 1000, tzinfo=zone)


_WHOLE_DATE = re.compile(r"(?:19|20)\d\d(?:[-_. ]?\d\d(?:[-_. ]?\d\d(?:[-_. T]?\d\d(?:[-_.:]?\d\d){0,2})?)?)?(?:AM|PM|Z)?")
_WORD = re.compile(r"[^\W\d_]{3,}")
_SIDE = re.compile(r"(?:\d{3,}|[NEPMI])([FRI])")
"""Front, rear or inside, as dashcams tell it: ``001F``, ``NR``."""
_NO_CAMERA = frozenset({"gmt", "utc"})


def camera_of(before: str, between: str, after: str) -> tuple[str, str]:
    """The camera's name (empty where nothing tells), and its recordings as a path with ``*`` for what varies.

    `before`, `between` and `after` are the path around the date and the time; folders that are dates are left out.
    """
    folders: list[str] = []
    dated = False
    *parts, prefix = f"{before}{between}".split("/")
    for part in parts:
        dated = bool(_WHOLE_DATE.fullmatch(part)) or (dated and len(part) == 2 and part.isdecimal()) or not part
        folders.append("*" if dated else part)
    if not before.endswith("/") and "/" in between and before.rpartition("/")[2]:
        folders = folders or ["*"]
    prefix = prefix.strip(" -_.([@,")
    stem = PurePosixPath(f"x{after}").stem[1:] if after else ""
    words = [word for token in re.split(r"[\W_]+", stem) for word in _words(token)]
    kept = [folder for folder in folders if folder != "*"]
    name = "/".join(kept + ([" ".join([prefix, *words]).strip()] if prefix or words else []))
    if prefix or words:
        places = [*folders, "*".join([prefix, *words, ""] if words else [prefix, ""])]
    else:
        places = folders
        while places and places[-1] == "*":
            places.pop()
    return name, "/".join(places)


def _words(token: str) -> list[str]:
    side = _SIDE.fullmatch(token)
    if side:
        return [side[1]]
    return [token] if _WORD.fullmatch(token) and token.lower() not in _NO_CAMERA else []
