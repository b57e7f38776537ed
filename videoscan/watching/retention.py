"""What is old, or too much, is deleted: whole days, or their pictures, the oldest first. Whatever goes is told.

A day without its pictures is a timeline still: its events cite frames that nobody can look at any more, and its `source.flags` say so.
"""

from __future__ import annotations

import datetime as dt
import os
import shutil
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from videoscan import publish, selection
from videoscan.errors import StoreError, VideoscanError
from videoscan.folder import PICTURES, TIMELINE, OutputFolder, storing
from videoscan.watching.daylog import LOG

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from videoscan.config import WatchOptions
    from videoscan.document import Event

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

    def __init__(self, folder: Path, options: WatchOptions) -> None:
        self._folder, self._options = folder, options
        self._sizes: dict[str, tuple[int, int]] = {}

    @property
    def limited(self) -> bool:
        """Whether there is any limit."""
        options = self._options
        return options.keep_days is not None or options.keep_picture_days is not None or options.keep_bytes is not None

    def keep(self, today: str, settled: int = 0) -> Iterator[Removed]:
        """Delete what the limits do not allow on the day `today`, ISO 8601, and say what. Raises `StoreError`.

        Today's folder stays; of its pictures those of frames before `settled` may go, where the size demands it.
        """
        options, now = self._options, dt.date.fromisoformat(today)
        dates = self._dates(today)
        for date in list(dates):
            age = (now - dt.date.fromisoformat(date)).days
            if options.keep_days is not None and age >= options.keep_days:
                yield self._remove_day(date, f"older than {_days(options.keep_days)}")
                dates.remove(date)
            elif options.keep_picture_days is not None and age >= options.keep_picture_days and self._has_pictures(date):
                yield self._remove_pictures(date, f"older than {_days(options.keep_picture_days)}")
        limit = options.keep_bytes
        if limit is None:
            return
        why = f"more than {options.keep_size}"
        self._sizes.pop(today, None)
        total = sum(sum(self._size(date)) for date in (*dates, today))
        for remove in (self._remove_pictures, self._remove_day):
            for date in list(dates):
                if total <= limit:
                    return
                if remove == self._remove_pictures and not self._has_pictures(date):
                    continue
                removed = remove(date, why)
                total -= removed.size
                if remove == self._remove_day:
                    dates.remove(date)
                yield removed
        if total > limit and (removed_today := self._remove_of_today(today, settled, total - limit, why)) is not None:
            yield removed_today

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
        size = sum(self._size(date))
        with storing(self._folder / date):
            shutil.rmtree(self._folder / date)
        del self._sizes[date]
        return Removed(date, "everything", size, why)

    def _remove_pictures(self, date: str, why: str) -> Removed:
        place = OutputFolder(self._folder / date)
        size, _ = self._size(date)
        with place.correcting():
            try:
                timeline = selection.read(place.path / TIMELINE)
            except VideoscanError as error:
                raise StoreError(f"{place.path / TIMELINE} cannot be rewritten without its pictures: {error.message}") from error
            flag = f"its pictures were deleted: {why}"
            source = timeline.source.model_copy(update={"flags": tuple(dict.fromkeys((*timeline.source.flags, flag)))})
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
