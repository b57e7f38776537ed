"""The synchronous core of watching one source: its items become days, windows, gaps and conditions. Runs in a thread of its own.

Nothing here knows an event loop. Times and frame indices that leave it count from the day's own first frame: its second 0.

Memory: one raw picture (the latest), `WARM_UP_SAMPLES` reduced ones, and what `videoscan.watching.windows` and the deduplicator hold.
"""

from __future__ import annotations

import datetime as dt
import time
from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Generic, Literal, TypeAlias, TypeVar

import cv2
import numpy as np

from videoscan import registry, windows
from videoscan.core import looking
from videoscan.doubting.refetching import AtTimes, fetched
from videoscan.model import LONGEST_GAP, Condition, Frame, Gap, Heartbeat, LiveItem, Lost
from videoscan.reading.bursts import Bursts
from videoscan.reading.measure import measure
from videoscan.reading.reducing import Reducer, Remembered
from videoscan.reading.regions import Blackened, in_black
from videoscan.reading.spec import WARM_UP_SAMPLES
from videoscan.seams import INFINITY
from videoscan.watching.windows import Closed, LiveWindows, Rest, Why

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from videoscan.config import Profile
    from videoscan.model import Bgr, Gray, Picture, Pixels, Recording, Sample, SourceInfo
    from videoscan.reading.spec import Look
    from videoscan.seams import Limits, LiveFootage

T = TypeVar("T")
R = TypeVar("R")

_TOLD_EVERY = 60.0
"""Seconds of a scene that stands still after which its samples are told of; at most so much of a day is lost in a crash."""
_PULSE_EVERY = 0.5
"""Seconds of real time between two pulses at least, unless"""
_PULSE_AFTER = 60.0
"""so many of the source's own have passed."""
_NEAR = 1e-3
"""Seconds by which a time that was rounded may differ from its frame's own."""
_STILL_SIDE, _STILL_QUALITY = 640, 80


@dataclass(frozen=True, slots=True)
class DayBegan:
    """A day's first picture has come, or (`goes_on`) the first one since the day's watching was taken up again.

    `zero` is the wall time of the day's second 0, in seconds since 1970. `missing` is why there was nothing since midnight.
    """

    date: dt.date
    zero: float
    info: SourceInfo
    goes_on: bool = False
    missing: tuple[Lost, ...] = ()


@dataclass(frozen=True, slots=True)
class DayEnded:
    """Nothing more belongs to the day; `position` is its end in its own seconds. `last`: it is the end of the watch, not of the day.

    `decoded` is how many pictures came out of the decoder for it.
    """

    position: float
    last: bool = False
    decoded: int = 0


@dataclass(frozen=True, slots=True)
class Missing:
    """A stretch of the day, in its own seconds, without pictures."""

    kind: Literal["lost", "absent"]
    stretch: Lost


@dataclass(frozen=True, slots=True)
class Seen:
    """Frozen or black: `start`, `end` and `frame` are the day's own. Told when it began, and once more when it ended."""

    condition: Condition


@dataclass(frozen=True, slots=True)
class Pulse:
    """How the source is, a few times a second at most. `wall` is the live edge in seconds since 1970, `sampled` counts the samples.

    `decoded` is how many pictures of the day came out of the decoder.
    """

    wall: float
    state: Literal["connecting", "playing", "stalled", "waiting"]
    reason: str | None = None
    waited: float = 0.0
    sampled: int = 0
    decoded: int = 0


CoreItem: TypeAlias = DayBegan | Closed | Rest | Missing | Seen | Pulse | DayEnded


@dataclass(frozen=True, slots=True)
class Start:
    """Where a day's watching is taken up again: what is known of the day by its journal. `position` is how far it is accounted for."""

    date: dt.date
    zero: float
    position: float
    frame: int
    window: int
    decoded: int = 0


class Lazily(Generic[T, R]):
    """Drives a lazy generator one value at a time: what was given last has come out before more is asked for."""

    def __init__(self, make: Callable[[Iterator[T]], Iterator[R]]) -> None:
        self._given: deque[T] = deque()
        self._made = make(self._feed())

    def _feed(self) -> Iterator[T]:
        while self._given:
            yield self._given.popleft()

    def __call__(self, *values: T) -> R:
        """What becomes of the last of `values`; the ones before it leave no result of their own."""
        self._given.extend(values)
        return next(self._made)


class LiveCore:
    """Iterate it once, in one thread; `stop` may be called from any. `still` is the latest picture, for whoever wants to look."""

    def __init__(
        self,
        footage: LiveFootage,
        profile: Profile,
        limits: Limits,
        *,
        zero: float | None = None,
        zone: dt.tzinfo | None = None,
        start: Start | None = None,
        duration: float | None = None,
    ) -> None:
        """`zero` is the wall time of the footage's second 0, `None` where its first item settles it; `zone` the one whose days are meant, `None` for this machine's."""
        self._footage, self._profile, self._limits = footage, profile, limits
        self._zero = zero if zero is not None else 0.0
        self._settled = zero is not None
        self._zone, self._start, self._duration = zone, start, duration
        self._dedup = registry.make("dedups", profile.dedup)
        self._regions = profile.regions.regions
        self._max_rate = float(registry.filled("dedups", profile.dedup).get("max_rate", 0.0))
        self._reduce = Reducer(
            profile.windows, limits, cells=limits.measures or profile.windows.choose or self._max_rate > 0, explain=False
        )
        self._measure: Lazily[Sample, Sample] | None = (
            Lazily(lambda samples: measure(samples, self._regions)) if limits.measures else None
        )
        self._day: _Day | None = None
        self._light: deque[Frame] = deque(maxlen=WARM_UP_SAMPLES if self._dedup.learns else 1)
        self._away: list[Gap] = []
        self._conditions: dict[str, Condition] = {}
        self._sampled = 0
        self._counted = 0
        """Pictures that were decoded for days that are over."""
        self._pulsed = self._pulsed_at = -INFINITY
        self._latest: Pixels | None = None

    def stop(self) -> None:
        """End the iteration. Idempotent; waits until the source has let go."""
        self._footage.close()

    def still(self) -> bytes | None:
        """The latest sampled picture as a JPEG, its longer side 640 pixels at most; `None` before the first. From any thread."""
        pixels = self._latest
        if pixels is None:
            return None
        done, buffer = cv2.imencode(".jpg", pixels.bgr(_STILL_SIDE), [cv2.IMWRITE_JPEG_QUALITY, _STILL_QUALITY])
        return buffer.tobytes() if done else None

    def recorded(self, zero: float, seconds: float) -> tuple[Recording, ...]:
        """The recordings on the disk of the `seconds` after the wall time `zero`, with their times counted from it. From any thread.

        One that reaches over an end is told as far as it lies inside; `skipped` says how much of it comes before.
        """
        if not self._settled:
            return ()
        base = zero - self._zero
        found = []
        for each in self._footage.recorded(base, base + seconds):
            start, end = each.start - base, min(each.end - base, seconds)
            inside = max(0.0, start)
            if end > inside:
                skipped = round(each.skipped + inside - start, 6)
                found.append(replace(each, start=round(inside, 6), duration=round(end - inside, 6), skipped=skipped))
        return tuple(found)

    def fetch(self, zero: float, look: Look) -> list[tuple[Picture, ...]]:
        """A second look: pictures at `look.times`, in seconds since the wall time `zero`, in as many windows as the describer's limits want.

        None where the stream is not held so far back. From any thread. CPU: the stream is decoded again from the keyframe before the first
        time to the last. Memory: the pictures, and one decoded frame.
        """
        base, wanted = zero - self._zero, AtTimes(look.times).session(self._footage.info)
        options = looking(self._profile.windows)
        reduce = Reducer(options, self._limits)
        found: list[Sample] = []
        for frame in self._footage.recent(base + look.times[0] - _NEAR, base + look.times[-1] + _NEAR):
            local = replace(frame, time=round(frame.time - base, 3))
            if local.time < wanted.aim().time:
                continue
            if not found and local.time > look.times[0] + _NEAR:
                return []
            wanted.saw(local)
            if self._regions.black_out:
                local = replace(local, pixels=Blackened(local.pixels, self._regions))
            found.append(reduce(fetched(local, look)))
        return [
            window.pictures for window in windows.windows(iter(found), options, self._limits, duration=lambda: look.times[-1])
        ]

    def __iter__(self) -> Iterator[CoreItem]:
        bursts = Bursts[LiveItem](registry.make("samplers", self._profile.sampler))
        at = 0.0
        for item in bursts.over(self._footage.items(bursts, duration=self._duration)):
            if not self._settled and not isinstance(item, Heartbeat):
                self._settle()
            if isinstance(item, Frame):
                at = max(at, item.time)
                yield from self._frame(item)
            elif isinstance(item, Heartbeat):
                at = max(at, item.time)
                yield from self._to(item.time, away=item.state != "playing")
                yield from self._pulse(item.time, item)
            elif isinstance(item, Gap):
                at = max(at, item.end)
                yield from self._gap(item)
            else:
                yield from self._condition(item)
        if self._day is not None:
            yield from self._end_day(at, last=True)

    def _settle(self) -> None:
        """Of some sources only the first item shows when their second 0 was."""
        text = self._footage.info.clock
        self._zero = dt.datetime.fromisoformat(text).timestamp() if text else time.time()
        self._settled = True

    # --- days -----------------------------------------------------------------------------------------------------------------

    def _to(self, at: float, *, away: bool = False) -> Iterator[CoreItem]:
        """The live edge is at `at`: windows close, and days end. While the camera is `away` a gap is still to be told of that began before."""
        day = self._day
        if day is None:
            return
        if self._zero + at >= day.midnight + (2 * LONGEST_GAP if away else 0.0):
            yield from self._end_day(day.midnight - self._zero)
            return
        local = min(at, day.midnight - self._zero) - day.base
        yield from day.windows.tick(local)
        if day.told + _TOLD_EVERY <= local:
            day.told = local
            yield from day.windows.flush()

    def _end_day(self, at: float, *, last: bool = False) -> Iterator[CoreItem]:
        day = self._day
        assert day is not None
        local = max(0.0, at - day.base)
        yield from day.windows.end(local, Why.END)
        for kind in () if last else tuple(self._conditions):
            yield Seen(day.moved(replace(self._conditions[kind], end=at)))
        self._day = None
        self._counted = self._footage.decoded
        yield DayEnded(local, last=last, decoded=self._footage.decoded - day.undecoded)

    def _begin_day(self, frame: Frame) -> Iterator[CoreItem]:
        wall = self._zero + frame.time
        date = dt.datetime.fromtimestamp(wall, self._zone).date()
        start, self._start = self._start, None
        goes_on = start is not None and start.date == date
        if goes_on:
            assert start is not None
            base = start.zero - self._zero
            day = _Day(self._windows(start.window), base, start.frame - frame.index, midnight_after(date, self._zone))
        else:
            base = frame.time
            day = _Day(self._windows(0), base, -frame.index, midnight_after(date, self._zone))
        day.undecoded = self._counted - (start.decoded if goes_on and start is not None else 0)
        day.told = frame.time - base
        self._day = day
        away, self._away = self._away, []
        here = [each for each in away if each.end > base]
        info = self._footage.info
        before = tuple(Lost(each.start - base, each.end - base, each.reason) for each in away if each.end <= base)
        yield DayBegan(date, self._zero + base, info, goes_on=goes_on, missing=before)
        for gap in here:
            yield Missing(gap.kind, Lost(max(0.0, gap.start - base), gap.end - base, gap.reason))
        judge = self._dedup.apply
        warm = [day.shifted(each) for each in self._light] if self._dedup.learns else []
        # As its time will be written: were it a hair later, this very frame would only be learned from.
        since = day.shifted(frame).time
        day.judge = Lazily(lambda frames: judge(frames, regions=self._regions, since=since))
        day.warm = [each for each in warm if each.time < since]
        for kind, condition in self._conditions.items():
            self._conditions[kind] = again = replace(condition, start=frame.time, frame=frame.index)
            yield Seen(day.moved(again))

    def _windows(self, first: int) -> LiveWindows:
        profile = self._profile
        return LiveWindows(profile.windows, self._limits, profile.watch, max_rate=self._max_rate, first=first)

    # --- items ----------------------------------------------------------------------------------------------------------------

    def _frame(self, frame: Frame) -> Iterator[CoreItem]:
        if self._regions.black_out:
            frame = in_black(frame, self._regions)
        frame = Remembered.of(frame)
        yield from self._to(frame.time)
        if self._day is None:
            yield from self._begin_day(frame)
        day = self._day
        assert day is not None
        assert day.judge is not None
        self._sampled += 1
        warm, day.warm = day.warm, []
        judged = day.judge(*warm, day.shifted(frame))
        sample = self._reduce(judged)
        if self._measure is not None:
            sample = self._measure(sample)
        self._latest = frame.pixels
        self._light.append(replace(frame, pixels=_Light.of(frame.pixels), following=None))
        yield from day.windows.take(sample, time.monotonic())
        yield from self._pulse(frame.time)

    def _gap(self, gap: Gap) -> Iterator[CoreItem]:
        """A stretch without pictures: it belongs to the day in which it lies, and what lies behind midnight to the next."""
        day = self._day
        if day is None:
            self._away.append(gap)
            return
        edge = day.midnight - self._zero
        if gap.start < edge:
            yield from day.windows.end(max(0.0, gap.start - day.base), Why.GAP)
            local = Lost(max(0.0, gap.start - day.base), min(gap.end, edge) - day.base, gap.reason)
            if local.end > local.start:
                yield Missing(gap.kind, local)
        if gap.end > edge:
            yield from self._end_day(edge)
            self._away.append(replace(gap, start=max(gap.start, edge)))

    def _condition(self, condition: Condition) -> Iterator[CoreItem]:
        known = self._conditions.get(condition.kind)
        if condition.end is None:
            self._conditions[condition.kind] = condition
        else:
            self._conditions.pop(condition.kind, None)
            if known is not None:  # it may have been carried over midnight
                condition = replace(condition, start=known.start, frame=known.frame)
        if self._day is not None and condition.start >= self._day.base:
            yield Seen(self._day.moved(condition))

    def _pulse(self, at: float, beat: Heartbeat | None = None) -> Iterator[CoreItem]:
        now = time.monotonic()
        if now < self._pulsed + _PULSE_EVERY and at < self._pulsed_at + _PULSE_AFTER:
            return
        self._pulsed, self._pulsed_at = now, at
        state = beat.state if beat is not None else "playing"
        reason = beat.reason if beat is not None else None
        wall = self._zero + at if self._settled else time.time()
        waited = beat.waited if beat is not None else 0.0
        decoded = self._footage.decoded - self._day.undecoded if self._day is not None else 0
        yield Pulse(wall, state, reason, waited, self._sampled, decoded)


@dataclass(slots=True)
class _Day:
    """The day that is being filled. `base` is its second 0 on the source's clock, `first` is added to the source's frame indices."""

    windows: LiveWindows
    base: float
    first: int
    midnight: float
    judge: Lazily[Frame, Frame] | None = None
    warm: Iterable[Frame] = ()
    told: float = 0.0
    undecoded: int = 0
    """What the footage has decoded that does not belong to it."""

    def shifted(self, frame: Frame) -> Frame:
        return replace(frame, index=frame.index + self.first, time=round(frame.time - self.base, 3))

    def moved(self, condition: Condition) -> Condition:
        end = None if condition.end is None else round(condition.end - self.base, 6)
        return replace(condition, start=round(condition.start - self.base, 6), end=end, frame=condition.frame + self.first)


def midnight_after(date: dt.date, zone: dt.tzinfo | None) -> float:
    """The end of a local date, in seconds since 1970."""
    following = dt.datetime.combine(date + dt.timedelta(days=1), dt.time())
    return (following.replace(tzinfo=zone) if zone is not None else following.astimezone()).timestamp()


@dataclass(frozen=True, slots=True, eq=False)
class _Light:
    """What is left of a picture for a deduplicator to learn from: its luma, as far as it was reduced already."""

    size: tuple[int, int]
    known: dict[tuple[int, int], Gray]

    @classmethod
    def of(cls, pixels: Pixels) -> _Light:
        known = dict(getattr(pixels, "known", {}))
        return cls(pixels.size, known)

    def gray(self, width: int, height: int) -> Gray:
        known = self.known.get((width, height))
        if known is None:
            largest = max(self.known.values(), key=lambda each: each.size, default=np.zeros((height, width), np.uint8))
            known = np.asarray(cv2.resize(largest, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
        return known

    def bgr(self, long_side: int | None = None) -> Bgr:
        width, height = self.size
        share = min(1.0, long_side / max(width, height)) if long_side else 1.0
        gray = self.gray(max(1, round(width * share)), max(1, round(height * share)))
        return np.asarray(cv2.cvtColor(gray, cv2.COLOR_GRAY2BGR), np.uint8)
