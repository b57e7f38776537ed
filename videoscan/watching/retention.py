"""What is old, or too much, is deleted: whole days, their recordings or their pictures, the oldest first. Whatever goes is told.

A day without its pictures is a timeline still: its events cite frames that nobody can look at any more, and its `source.flags` say so.
So it is with a day without its recording. A recorded segment belongs to the day in which it begins.
"""

from __future__ import annotations

import datetime as dt
import os
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from videoscan import publish
from videoscan.document import Part
from videoscan.errors import StoreError, VideoscanError
from videoscan.folder import PICTURES, TIMELINE, OutputFolder, storing
from videoscan.live.recording import stored
from videoscan.reading.daylog import LOG
from videoscan.reviewing import selection

if TYPE_CHECKING:
    from collections.abc import Iterator

    from videoscan.config import WatchOptions
    from videoscan.document import Event, Timeline
    from videoscan.live.recording import Stored

RECORDING = "recording"
"""The folder beside the days into which the stream is recorded, where that is wanted."""

_SHARE = 0.1
"""Of what a day's pictures take, that goes at once where today's own are too much: deleting one by one would never end."""


@dataclass(frozen=True, slots=True)
class Removed:
    """What was deleted: a whole day, or its pictures (of today: those of frames before `before`), so many bytes, and why."""

    date: str
    what: str
    size: int
    why: str
    before: int | None = None

    def __str__(self) -> str:
        return f"{self.what} of {self.date} deleted ({self.size / 1e6:,.1f} MB): {self.why}"


class Keeper:
    """Keeps one camera's folder within the limits of the profile's `watch` table. Belongs to one thread at a time."""

    def __init__(self, folder: Path, options: WatchOptions, zone: dt.tzinfo | None = None) -> None:
        """`zone` is the one whose days are meant, `None` for this machine's."""
        self._folder, self._options, self._zone = folder, options, zone
        self._sizes: dict[str, tuple[int, int]] = {}
        self._recorded: dict[str, list[Stored]] = {}
        self._recorded_bytes = 0
        self._without: set[str] = set()
        """Days that are known to name no recording."""

    @property
    def limited(self) -> bool:
        """Whether there is anything that may have to go, or to be told as gone."""
        options = self._options
        limits = (options.keep_days, options.keep_picture_days, options.keep_bytes)
        return options.record or any(limit is not None for limit in limits)

    def keep(self, today: str, settled: int = 0) -> Iterator[Removed]:
        """Delete what the limits do not allow on the day `today`, ISO 8601, and say what. Raises `StoreError`.

        Today's folder stays, and the segment that is being written; of today's pictures those of frames before `settled` may go, where the
        size demands it.
        """
        options, now = self._options, dt.date.fromisoformat(today)
        dates = self._dates(today)
        self._recorded = self._recordings()
        for date in list(dates):
            age = (now - dt.date.fromisoformat(date)).days
            if options.keep_days is not None and age >= options.keep_days:
                yield self._remove_day(date, f"older than {_days(options.keep_days)}")
                dates.remove(date)
            elif options.keep_picture_days is not None and age >= options.keep_picture_days and self._has_pictures(date):
                yield self._remove_pictures(date, f"older than {_days(options.keep_picture_days)}")
        if options.keep_days is not None:  # days on which nobody saw anything have no folder
            limit = (now - dt.timedelta(days=options.keep_days)).isoformat()
            for date in [each for each in self._recorded if each <= limit]:
                self._remove_recording(date)
        yield from self._within_size(today, dates, settled)
        self._without_recording(dates)

    def _within_size(self, today: str, dates: list[str], settled: int) -> Iterator[Removed]:
        """Day by day, the oldest first: its recording, then its pictures; whole days when that was not enough."""
        limit = self._options.keep_bytes
        if limit is None:
            return
        why = f"more than {self._options.keep_size}"
        self._sizes.pop(today, None)
        total = sum(sum(self._size(date)) for date in (*dates, today))
        total += self._recorded_bytes
        for date in sorted({*dates, *self._recorded} - {today}):
            if total <= limit:
                return
            if date in self._recorded:
                size = self._remove_recording(date, total - limit)
                total -= size
                yield Removed(date, "recorded segments", size, why)
            if total > limit and date in dates and self._has_pictures(date):
                removed = self._remove_pictures(date, why)
                total -= removed.size
                yield removed
        for date in list(dates):
            if total <= limit:
                return
            removed = self._remove_day(date, why)
            total -= removed.size
            dates.remove(date)
            yield removed
        if total > limit and (size := self._remove_recording(today, total - limit)):
            total -= size
            yield Removed(today, "the oldest recorded segments", size, why)
        if total > limit and (removed_today := self._remove_of_today(today, settled, total - limit, why)) is not None:
            yield removed_today

    # --- recordings -----------------------------------------------------------------------------------------------------------

    def _recordings(self) -> dict[str, list[Stored]]:
        """The finished segments by day, in order of time: the newest one may be still being written."""
        found: dict[str, list[Stored]] = {}
        segments = stored(self._folder / RECORDING)
        self._recorded_bytes = sum(each.size for each in segments)
        for each in segments[:-1]:
            found.setdefault(self._date(each), []).append(each)
        return found

    def _date(self, segment: Stored) -> str:
        return dt.datetime.fromtimestamp(segment.begin, self._zone).date().isoformat()

    def _remove_recording(self, date: str, enough: int | None = None) -> int:
        """Delete a day's segments, the oldest first, until so many bytes are gone; how many are."""
        gone, segments = 0, self._recorded.get(date, [])
        while segments and (enough is None or gone < enough):
            with storing(segments[0].path):
                segments[0].path.unlink(missing_ok=True)
            gone += segments.pop(0).size
        if not segments:
            self._recorded.pop(date, None)
        return gone

    def _without_recording(self, dates: list[str]) -> None:
        """Days whose recording is gone altogether, whoever deleted it, say so; those that still have some of it wait."""
        if not self._options.record:
            return
        left = stored(self._folder / RECORDING)
        oldest = self._date(left[0]) if left else None
        for date in reversed([each for each in dates if oldest is None or each < oldest]):
            if date in self._without:
                return  # those before it were looked at as well
            self._without.add(date)
            place = OutputFolder(self._folder / date)
            with place.correcting():
                timeline = _timeline(place, "recording")
                source = timeline.source
                if not any(Path(part.uri).parent.name == RECORDING for part in source.parts):
                    return
                # As it is where nothing was recorded.
                whole = Part(uri=source.uri, start=0.0, duration=source.duration, clock=source.clock)
                told = {"parts": (whole,), "flags": _flagged(timeline, "its recording was deleted")}
                publish.rewrite(place, timeline.model_copy(update={"source": source.model_copy(update=told)}))

    # --- one day --------------------------------------------------------------------------------------------------------------

    def _dates(self, today: str) -> list[str]:
        """The days before today that are a watch's, oldest first."""
        return sorted(path.name for path in self._folder.iterdir() if path.name < today and (path / LOG).is_file())

    def _has_pictures(self, date: str) -> bool:
        return (self._folder / date / PICTURES).is_dir()

    def _size(self, date: str) -> tuple[int, int]:
        """Bytes of a day's pictures, and of the rest."""
        if date not in self._sizes:
            self._sizes[date] = _size_of(self._folder / date)
        return self._sizes[date]

    def _remove_day(self, date: str, why: str) -> Removed:
        size = sum(self._size(date)) + self._remove_recording(date)
        with storing(self._folder / date):
            shutil.rmtree(self._folder / date)
        del self._sizes[date]
        return Removed(date, "everything", size, why)

    def _remove_pictures(self, date: str, why: str) -> Removed:
        place = OutputFolder(self._folder / date)
        size, _ = self._size(date)
        with place.correcting():
            timeline = _timeline(place, "pictures")
            source = timeline.source.model_copy(update={"flags": _flagged(timeline, f"its pictures were deleted: {why}")})
            events = tuple(without_pictures(event) for event in timeline.events)
            publish.rewrite(place, timeline.model_copy(update={"source": source, "events": events}))
            with storing(place.path / PICTURES):
                shutil.rmtree(place.path / PICTURES)
        self._sizes.pop(date, None)
        return Removed(date, "pictures", size, why)

    def _remove_of_today(self, today: str, settled: int, too_much: int, why: str) -> Removed | None:
        """The oldest of today's pictures, before the frame `settled`: as much as is too much, and a tenth of all at least."""
        folder = self._folder / today / PICTURES
        if not folder.is_dir():
            return None
        files = sorted((entry.name, entry.stat().st_size) for entry in os.scandir(folder) if entry.name[:8].isdecimal())
        enough = max(too_much, int(_SHARE * sum(size for _, size in files)))
        gone, before = 0, 0
        for name, size in files:
            frame = int(name[:8])
            if gone >= enough or frame >= settled:
                break
            gone, before = gone + size, frame + 1
        if not gone:
            return None
        # The log first: a timeline must not name a picture that is gone, whenever this is cut short.
        return Removed(today, "the oldest pictures", gone, why, before=before)


def delete_before(folder: Path, before: int) -> None:
    """Delete a day's pictures of frames before this one. Raises `StoreError`."""
    with storing(folder):
        for path in (folder / PICTURES).iterdir():
            index = path.name[:8]
            if index.isdecimal() and int(index) < before:
                path.unlink(missing_ok=True)


def without_pictures(event: Event) -> Event:
    """An event whose evidence nobody can look at any more."""
    if all(each.picture is None for each in event.evidence):
        return event
    return replace(event, evidence=tuple(replace(each, picture=None) for each in event.evidence))


def _timeline(place: OutputFolder, what: str) -> Timeline:
    try:
        return selection.read(place.path / TIMELINE)
    except VideoscanError as error:
        raise StoreError(f"{place.path / TIMELINE} cannot be rewritten without its {what}: {error.message}") from error


def _flagged(timeline: Timeline, flag: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*timeline.source.flags, flag)))


def _size_of(folder: Path) -> tuple[int, int]:
    pictures = rest = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                size = os.stat(os.path.join(place, name)).st_size  # noqa: PTH116, PTH118 - a path object for each of 100,000 takes seconds
            except OSError:
                continue
            if os.path.basename(place) == PICTURES:  # noqa: PTH119
                pictures += size
            else:
                rest += size
    return pictures, rest


def _days(count: int) -> str:
    return "1 day" if count == 1 else f"{count} days"
