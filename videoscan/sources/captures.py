"""OpenCV captures: opened quietly, asked again when they refuse, with their times repaired."""

from __future__ import annotations

import bisect
import contextlib
import os
import threading
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import cv2

from videoscan.guarding import enforced
from videoscan.seams import INFINITY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from videoscan.sources.times import Ledger

_ENVIRONMENT = threading.Lock()
"""OpenCV reads its FFmpeg options from the process's environment, at each open."""

_OPTIONS = "OPENCV_FFMPEG_CAPTURE_OPTIONS"
_LOG_LEVEL = "OPENCV_FFMPEG_LOGLEVEL"
_QUIET = "-8"
"""``AV_LOG_QUIET``."""

_AHEAD = 17
"""Packets in sight when one's time is judged: more than any codec reorders."""

_JUMP = 1.0
"""Seconds by which a time may be off the last one without being doubted."""

_ABSURD = 86_400.0
"""Seconds. Nobody waits a day for the next picture of a file."""

_REFUSALS = 64
"""``grab()`` gives up after 64 undecodable packets and goes on when asked again; so 64 refusals are 4096 packets, over two minutes."""

NO_PICTURE = "damaged: the decoder gave no picture"


@contextlib.contextmanager
def _environment(**values: str) -> Iterator[None]:
    with _ENVIRONMENT:
        before = {name: os.environ.get(name) for name in values}
        os.environ.update(values)
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value


def capture(path: str, *, threads: int, keyframes_only: bool = False, demux_only: bool = False) -> cv2.VideoCapture:
    """An opened or refused capture of `path`; `keyframes_only` decodes those alone, `demux_only` gives packets and no pictures."""
    # Set beside it only for as long as it is read; without it the library prints every damaged macroblock on stderr.
    values = {_LOG_LEVEL: os.environ.get(_LOG_LEVEL, _QUIET)}
    options = [f"{name};{value}" for name, value in enforced().options().items()] + ["avdiscard;nonkey"] * keyframes_only
    if options:
        values[_OPTIONS] = "|".join(filter(None, [os.environ.get(_OPTIONS), *options]))
    level = cv2.utils.logging.getLogLevel()
    with _environment(**values):
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
        try:
            made = cv2.VideoCapture(path, cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, threads] if threads else [])
        finally:
            cv2.utils.logging.setLogLevel(level)
    if demux_only:
        made.set(cv2.CAP_PROP_FORMAT, -1)
    return made


def grab(capture: cv2.VideoCapture, stopped: Callable[[], bool]) -> int | None:
    """How often it refused before it came; `None` when it will not come any more."""
    for refusals in range(_REFUSALS):
        if stopped():
            return None
        if capture.grab():
            return refusals
    return None


@dataclass
class Scan:
    """What the file promises: times in presentation order and which are keyframes, read only as far ahead as is asked for.

    Packets come in decoding order, so the clock is judged with those that follow in sight: one that lies far from the last one
    while others go on there is damaged, and takes the next place; one that falls back with all that follow belongs to another
    recording, appended, and the clock continues.
    """

    capture: cv2.VideoCapture
    zero: float
    step: float
    stopped: Callable[[], bool]
    times: list[float] = field(default_factory=list)
    """Promised and not yet passed, rising."""
    keys: list[float] = field(default_factory=list)
    passed: int = 0
    latest: float = 0.0
    ended: bool = False
    refused: list[float] = field(default_factory=list)
    """Times of packets before which others were damaged so that they cannot be shown even without decoding."""
    strays: int = 0
    _offset: float = 0.0
    _last: float | None = None
    _waiting: deque[tuple[float, bool, bool]] = field(default_factory=deque)

    def advance(self, until: float) -> None:
        """Read until no picture at or before `until` can come any more: 17 pictures beyond it, the most that is reordered."""
        while not self.ended and not (len(self.times) > 17 and self.times[-17] > until):
            self._one()

    def _one(self) -> None:
        while len(self._waiting) <= _AHEAD:
            refusals = grab(self.capture, self.stopped)
            if refusals is None:
                break
            time = self.capture.get(cv2.CAP_PROP_POS_MSEC) / 1000 - self.zero
            self._waiting.append((time, bool(self.capture.get(cv2.CAP_PROP_LRF_HAS_KEY_FRAME)), bool(refusals)))
        if not self._waiting:
            self.ended = True
            return
        time, key, refused = self._waiting.popleft()
        time = self._last = self._settled(time + self._offset)
        if refused:
            self.refused.append(time)
        if time > -1e-4:
            bisect.insort(self.times, time)
            if key:
                bisect.insort(self.keys, time)
        self.latest = max(self.latest, time)

    def _settled(self, time: float) -> float:
        reach = _JUMP + _AHEAD * self.step
        last = self._last
        if last is None or abs(time - last) <= reach:
            return time
        others = [other + self._offset for other, _, _ in self._waiting]
        confirmed = abs(time - last) < _ABSURD or any(abs(other - time) <= reach for other in others[:3])
        if any(abs(other - last) <= reach for other in others) or not confirmed:
            self.strays += 1
            return last + self.step
        if time < last and all(other < last for other in others):
            shift = self.latest + self.step - time
            self._offset += shift
            return time + shift
        return time

    def read_on(self) -> None:
        """To the end, remembering nothing."""
        while not self.ended:
            self._one()
            self.times.clear()
            self.keys.clear()

    def promises(self, time: float, near: float) -> bool:
        """Whether there is to be a picture within `near` of `time`."""
        promised = self.first(time - near)
        return promised is not None and promised <= time + near

    def refuses(self, start: float, end: float) -> bool:
        """Whether packets between these times are damaged; reordering may have put those next to them a little off."""
        self.advance(end)
        return any(start < time <= end + _AHEAD * self.step for time in self.refused)

    def index(self, time: float) -> int:
        """How many promised pictures lie before `time`; forgets them. Questions come in order of time."""
        place = bisect.bisect_left(self.times, time - 1e-4)
        self.passed += place
        del self.times[:place]
        del self.keys[: bisect.bisect_left(self.keys, time - 1e-4)]
        return self.passed

    def first(self, time: float) -> float | None:
        """The first promised picture at or after `time`."""
        while True:
            self.advance(time)
            place = bisect.bisect_left(self.times, time)
            if place < len(self.times) or self.ended:
                return self.times[place] if place < len(self.times) else None

    def key(self, start: float, end: float) -> float | None:
        """The first keyframe in ``[start, end]``."""
        while True:
            place = bisect.bisect_left(self.keys, start)
            if place < len(self.keys):
                # Keyframes come in order: none that is read later lies before this one.
                return self.keys[place] if self.keys[place] <= end else None
            if self.ended or (len(self.times) > 17 and self.times[-17] > end):
                return None
            if end == INFINITY and len(self.times) > 4096:
                self.index(self.times[-64])
            self._one()


@dataclass
class Reader:
    """A capture whose times are repaired: OpenCV gives 0 for the last frames of some files and all of a raw stream, and runs back."""

    capture: cv2.VideoCapture
    zero: float
    step: float
    stopped: Callable[[], bool]
    ledger: Ledger | None = None
    """Where gaps after refusals go; none for a reader that skips on purpose."""
    scan: Scan | None = None
    """Asked whether a time that is far from the last one can be right, and what lies between; without it only a day is too far."""
    time: float = -1.0
    guessed: bool = False
    """`time` is a guess."""
    count: int = 0
    repaired: int = 0
    restarts: int = 0
    _unexplained: int = 0
    _offset: float = 0.0
    ended: bool = False

    def grab(self) -> bool:
        """Step to the next picture; its time is then `time`."""
        refusals = grab(self.capture, self.stopped)
        if refusals is None:
            self.ended = True
            return False
        self._unexplained += refusals
        time = self._settled(self.capture.get(cv2.CAP_PROP_POS_MSEC) / 1000)
        # A refusal comes earlier than the gap it leaves, by as many pictures as the decoder holds back.
        if self.ledger and time - self.time > 1.5 * self.step and (self._unexplained or self._is_refused(time)):
            self.ledger.add(self.time + self.step if self.count else 0.0, time, NO_PICTURE)
            self._unexplained = 0
        self.time = max(0.0, time)
        self.count += 1
        return True

    def _settled(self, stamp: float) -> float:
        time = stamp - self.zero + self._offset
        self.guessed = False
        if not self.count:
            return time
        following = self.time + self.step
        # An exact 0 is OpenCV's word for a picture without a time.
        if stamp and time < self.time - _JUMP:
            self._offset += following - time
            self.restarts += 1
            return following
        if time <= self.time or (time - self.time > _JUMP and not self._can_be(time)):
            self.repaired += 1
            self.guessed = True
            return following
        return time

    def _can_be(self, time: float) -> bool:
        return time - self.time < _ABSURD if self.scan is None else self.scan.promises(time, self.step / 2)

    def _is_refused(self, time: float) -> bool:
        return self.scan is not None and self.scan.refuses(self.time, time)
