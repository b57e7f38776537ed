"""Frame-counting timecode (SMPTE ST 12-1): what editors call a place in a video. Everything else here counts seconds.

A `Rate` is how many frames a second really has, and how many a timecode pretends that it has: 29.97 is 30000/1001, counted as 30.
Drop-frame timecode leaves out numbers, never frames, so that it keeps up with the clock: the first two (of 60: four) of each
minute that is not a tenth one.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from videoscan.errors import ConfigError

if TYPE_CHECKING:
    import datetime as dt

_WRITTEN = re.compile(r"(\d{1,2}):([0-5]\d):([0-5]\d)([:;.,])(\d{1,3})")

_STANDARD = (24, 25, 30, 50, 60)
_WHOLE = frozenset({*_STANDARD, 48, 100, 120})
_MOST_TIMES = 30
"""How many times a slow camera's rate may be counted: one picture a second becomes 24."""
_NTSC = frozenset({24, 30, 48, 60, 120})

_NEAR = Fraction(1, 4000)
"""By which share a declared rate may differ from a standard one: 29.97 from 30000/1001 by 1e-6, 24 from 23.976 by 1e-3."""

_DAY = 24 * 60


@dataclass(frozen=True, slots=True)
class Rate:
    """`exact` frames a second, counted as `nominal` ones. `drop`: the timecode leaves out numbers; only for 29.97 and 59.94."""

    exact: Fraction
    nominal: int
    drop: bool = False

    @property
    def ntsc(self) -> bool:
        """Whether it is a 1000/1001 of its nominal rate."""
        return self.exact.denominator == 1001

    def frame(self, seconds: float) -> int:
        """The frame that is shown from that time on; halves up. A frame's own time always gives that frame."""
        return math.floor(Fraction(seconds) * self.exact + Fraction(1, 2))

    def seconds(self, frame: int) -> float:
        """When a frame begins."""
        return float(frame / self.exact)

    def text(self, frame: int) -> str:
        """``HH:MM:SS:FF``, drop-frame ``HH:MM:SS;FF``; after 24 hours it begins again, as decks do."""
        base, gone = self.nominal, self._dropped
        if gone:
            tenth = base * 600 - 9 * gone
            tens, left = divmod(frame % (tenth * _DAY // 10), tenth)
            # The first minute of ten is whole; each of the others begins with numbers that are left out.
            minutes = max(0, left - gone) // (base * 60 - gone)
            frame = (tens * tenth + left) + gone * (9 * tens + minutes)
        seconds, frames = divmod(frame, base)
        width = len(str(base - 1))
        hours = seconds // 3600 % 24
        return f"{hours:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}{';' if self.drop else ':'}{frames:0{max(2, width)}d}"

    def parse(self, text: str) -> int:
        """The frame that a timecode names. Raises `ConfigError` for one that does not exist at this rate."""
        found = _WRITTEN.fullmatch(text.strip())
        if found is None or int(found[1]) > 23:
            raise ConfigError(f"{text!r} is not a timecode", hint="write it as 10:00:00:00, drop-frame as 10:00:00;00")
        hours, minutes, seconds, frames = (int(found[group]) for group in (1, 2, 3, 5))
        if frames >= self.nominal:
            raise ConfigError(f"{text!r}: there are {self.nominal} frames in a second here, 0 to {self.nominal - 1}")
        gone = self._dropped
        if gone and minutes % 10 and seconds == 0 and frames < gone:
            raise ConfigError(f"{text!r} is one of the numbers that drop-frame timecode leaves out", hint=f"use frame {gone:02d}")
        whole = hours * 60 + minutes
        return (whole * 60 + seconds) * self.nominal + frames - gone * (whole - whole // 10)

    def time_of_day(self, moment: dt.time | dt.datetime) -> int:
        """The frame whose timecode shows that time: what a camera counts from that is set by the clock."""
        frames = moment.microsecond * self.nominal // 1_000_000
        if moment.second == 0 and moment.minute % 10:
            frames = max(frames, self._dropped)
        return self.parse(f"{moment.hour:02d}:{moment.minute:02d}:{moment.second:02d}:{frames:02d}")

    @property
    def _dropped(self) -> int:
        return self.nominal // 15 if self.drop else 0


def rate_of(fps: float | None, *, drop: bool | None = None) -> Rate:
    """The rate by which editors count a video that declares `fps` frames a second.

    23.976, 29.97 and 59.94 are what they stand for. Rates that no editing program knows (12.5, 10, 15) are counted two or more times, so
    that every picture still begins on a frame. What is none of them, as the mean of a variable rate, is counted at the nearest of 24, 25,
    30, 50 and 60, and 25 where nothing is declared: a time then names the nearest frame. `drop`: drop-frame timecode; by default where it exists (29.97, 59.94).
    """
    exact, nominal = _counted(fps)
    can_drop = exact.denominator == 1001 and nominal in {30, 60}
    if drop and not can_drop:
        raise ConfigError(
            f"there is no drop-frame timecode at {float(exact):.5g} frames a second, only at 29.97 and 59.94",
            hint="write the last colon as a colon: 10:00:00:00",
        )
    return Rate(exact, nominal, can_drop if drop is None else drop)


def written_with_drop(text: str) -> bool:
    """Whether somebody who writes a timecode like this means drop-frame: a semicolon (or dot or comma) before the frames."""
    found = _WRITTEN.fullmatch(text.strip())
    return found is not None and found[4] != ":"


def _counted(fps: float | None) -> tuple[Fraction, int]:
    if fps is None or not math.isfinite(fps) or fps <= 0 or fps > 1000:
        return Fraction(25), 25
    declared = Fraction(fps)
    for times in range(1, _MOST_TIMES + 1):
        rate = declared * times
        whole = round(rate)
        ntsc = round(rate * Fraction(1001, 1000))
        if ntsc in _NTSC and abs(rate - Fraction(ntsc * 1000, 1001)) <= rate * _NEAR:
            return Fraction(ntsc * 1000, 1001), ntsc
        if whole in _WHOLE and abs(rate - whole) <= rate * _NEAR:
            return Fraction(whole), whole
    nearest = min(_STANDARD, key=lambda each: abs(math.log(each / fps)))
    return Fraction(nearest), nearest
