"""Recordings as they arrive in a folder: which of them are whole, of which camera they are, and when each was made."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from videoscan.recordings import clock, recorders
from videoscan.recordings.inputs import is_video
from videoscan.recordings.naming import is_output

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class Place:
    """What a path says of a recording: `camera` (empty where it says none), and its begin in seconds since 1970, if it tells."""

    path: Path
    relative: str
    camera: str
    begin: float | None


@dataclass(frozen=True, slots=True)
class Reading:
    """How a path is read: by the names that recorders give, or by a pattern; see `videoscan.recordings.clock`."""

    pattern: str | None = None
    zone: str | None = None

    def place(self, path: Path, relative: str) -> Place:
        """Camera and begin."""
        folder = relative.rpartition("/")[0]
        if self.pattern is not None:
            located = clock.Pattern(self.pattern).locate(relative)
            if located is None:
                return Place(path, relative, folder, None)
            return Place(path, relative, recorders.camera_of(located.before, "", located.after)[0], self._begin(located.time))
        named = recorders.read(relative)
        if named is None:
            return Place(path, relative, folder, None)
        return Place(path, relative, named.camera, self._begin(named.time))

    def _begin(self, time: dt.datetime) -> float:
        if time.tzinfo is not None:
            return time.timestamp()
        # Without a zone `timestamp` takes this machine's, as everywhere in videoscan.
        return (time.replace(tzinfo=clock.time_zone(self.zone)) if self.zone else time).timestamp()


def files(folder: Path) -> Iterator[tuple[Path, str]]:
    """Every video below, with its path relative to `folder`. Raises `OSError` when the folder itself cannot be read.

    Hidden files and folders, and outputs of our own, are passed over; so is a folder below that vanishes meanwhile.
    """
    waiting = [(folder, "")]
    while waiting:
        here, prefix = waiting.pop()
        try:
            entries = sorted(os.scandir(here), key=lambda entry: entry.name)
        except OSError:
            if not prefix:
                raise
            continue
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir():
                if not is_output(Path(entry.path)):
                    waiting.append((Path(entry.path), f"{prefix}{entry.name}/"))
            elif is_video(Path(entry.path)):
                yield Path(entry.path), f"{prefix}{entry.name}"


@dataclass(slots=True)
class _Growing:
    size: int
    changed: int
    since: float


@dataclass
class Arrivals:
    """The recordings of one camera in a folder, each handed out once: the earliest first, when nothing has been written to it for a while.

    `settle`: seconds without a change after which a file is whole. Memory: what is remembered of a file is its name.
    """

    folder: Path
    camera: str
    reading: Reading
    settle: float
    _seen: dict[str, int] = field(default_factory=dict)
    """Handed out, by relative path, with the size that they had."""
    _growing: dict[str, _Growing] = field(default_factory=dict)

    def look(self, now: float) -> list[Place]:
        """Those that are whole by now (`now` on a monotonic clock), in order of time, and not handed out before.

        A file waits for those before it, as far as their names tell the order. Raises `OSError` when the folder cannot be read.
        """
        there: set[str] = set()
        found: list[tuple[float, Place, bool]] = []
        for path, relative in files(self.folder):
            place = self.reading.place(path, relative)
            if place.camera != self.camera:
                continue
            there.add(relative)
            if relative in self._seen:
                continue
            try:
                status = path.stat()
            except OSError:
                continue
            whole = self._is_whole(relative, status.st_size, status.st_mtime_ns, now)
            found.append((place.begin if place.begin is not None else status.st_mtime, place, whole))
        for gone in [name for name in (*self._seen, *self._growing) if name not in there]:
            self._seen.pop(gone, None)
            self._growing.pop(gone, None)
        found.sort(key=lambda each: (each[0], each[1].relative))
        ready: list[Place] = []
        for _, place, whole in found:
            if not whole:
                break
            ready.append(place)
        return ready

    def done(self, place: Place) -> None:
        """It need not be handed out any more."""
        self._growing.pop(place.relative, None)
        self._seen[place.relative] = 1

    def earliest(self) -> float | None:
        """When the first recording there began, as far as its name tells."""
        try:
            places = [self.reading.place(path, relative) for path, relative in files(self.folder)]
        except OSError:
            return None
        return min((place.begin for place in places if place.camera == self.camera and place.begin is not None), default=None)

    def _is_whole(self, relative: str, size: int, changed: int, now: float) -> bool:
        known = self._growing.get(relative)
        if known is None or (known.size, known.changed) != (size, changed):
            self._growing[relative] = _Growing(size, changed, now)
            return False
        return size > 0 and now - known.since >= self.settle
