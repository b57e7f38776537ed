"""Hours of the week in which an alert rule holds, as people write them: ``22:00-06:00``, ``Mo-Fr 22:00-06:00``, ``Sa,Su``. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import datetime as dt

_DAY = 1440
_NAMES = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_EVERY = frozenset(range(7))
_SPAN = re.compile(r"(?:(?P<days>[a-z][a-z,\s-]*?)\s*)?(?P<times>(\d{1,2}):(\d\d)\s*-\s*(\d{1,2}):(\d\d))?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Hours:
    """From and to, in minutes after midnight, on these days of the week (0 is Monday). Half-open.

    Where `end` is not after `start` the hours run across midnight, and belong to the day on which they begin.
    """

    start: int
    end: int
    days: frozenset[int] = _EVERY

    def meet(self, begun: dt.datetime, ended: dt.datetime) -> bool:
        """Whether any of ``[begun, ended)`` lies in these hours, as a clock on the wall shows them. An instant is where it is."""
        end = self.end if self.end > self.start else self.end + _DAY
        first = begun.hour * 60 + begun.minute + (begun.second + begun.microsecond / 1e6) / 60
        last = first + (ended - begun).total_seconds() / 60
        # The hours of the day before may reach into this one; a long event may reach into the next days'.
        for day in range(-1, int(last // _DAY) + 1):
            if (begun.weekday() + day) % 7 not in self.days:
                continue
            since = day * _DAY + self.start
            if first < day * _DAY + end and (last > since or first == since):
                return True
        return False


def hours_of(text: str) -> Hours:
    """Days, times, or days and times. Raises `ValueError`."""
    found = _SPAN.fullmatch(text.strip())
    days = _days(found["days"]) if found and found["days"] else _EVERY
    if found and days and found["times"]:
        begin, end = (int(found[at]) * 60 + int(found[at + 1]) for at in (3, 5))
        if all(int(found[at]) < 60 for at in (4, 6)) and begin < _DAY and end <= _DAY and begin != end:
            return Hours(begin, end, days)
    elif found and days and found["days"]:
        return Hours(0, _DAY, days)
    raise ValueError(
        f'{text!r} is no span of hours; write it as "22:00-06:00", up to "24:00", or as "Mo-Fr 22:00-06:00", or "Sa,Su"'
    )


def _days(text: str) -> frozenset[int] | None:
    """The days of ``Mo-Fr, Su``; `None` where one is none. A range may run across the week's end: ``Fr-Mo``."""
    found: set[int] = set()
    for part in text.split(","):
        ends = [_day(each) for each in part.split("-")]
        first, last = ends[0], ends[-1]
        if first is None or last is None or len(ends) > 2:
            return None
        found |= {(first + more) % 7 for more in range((last - first) % 7 + 1)}
    return frozenset(found)


def _day(text: str) -> int | None:
    """A day by its English name or its first two letters or more."""
    name = text.strip().lower()
    return next((day for day, whole in enumerate(_NAMES) if len(name) >= 2 and whole.startswith(name)), None)
