"""The library: timelines go in whole and come out whole, each with its events as rows and its words in the index.

One connection for each `Library`, guarded by a lock, so that threads may share it. Processes take turns at writing; readers wait for nobody.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import threading
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import orjson

from videoscan import timecode
from videoscan.document import Timeline
from videoscan.errors import SourceError, StoreError
from videoscan.folder import REVIEWS
from videoscan.language import words
from videoscan.library import schema
from videoscan.library.query import BETWEEN, EVERY
from videoscan.reviewing import selection

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Sequence

    from videoscan.document import Event

PATIENCE = 30.0
"""Seconds to wait for another process that is writing; adding a long timeline takes it a second or two."""

_NO_CLOCK = -(1 << 46)
"""Milliseconds before 1970 where the recordings without a clock begin."""
_EACH = 1 << 28
"""Milliseconds for each of them: three days."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A timeline in a library. `path` is its `timeline.json`, as an absolute path; `clock` the wall time of its second 0."""

    id: int
    path: Path
    uri: str
    camera: str | None
    clock: str | None
    duration: float
    describer: str
    events: int
    created: str
    added: str

    def record(self) -> dict[str, Any]:
        """For programs."""
        return {
            "id": self.id,
            "timeline": str(self.path),
            "source": self.uri,
            "camera": self.camera,
            "clock": self.clock,
            "duration": self.duration,
            "describer": self.describer,
            "events": self.events,
            "created": self.created,
            "added": self.added,
        }


@dataclass(frozen=True, slots=True)
class Added:
    """What came of adding a timeline. ``unchanged``: it was in the library already, just as it is."""

    path: Path
    state: Literal["added", "replaced", "unchanged"]
    events: int


_ENTRY = "id, path, uri, camera, clock, duration, describer, events, created, added"


class Library:
    """An open library. Use it as a context manager."""

    def __init__(self, path: str | Path | None, *, create: bool = False, patience: float = PATIENCE) -> None:
        """Open the file at `path`, with `create` a new one if there is none; `None` for a library in memory, gone when it is closed.

        Raises `StoreError`; see `videoscan.library.schema.connect`.
        """
        self.path = None if path is None else Path(path).expanduser()
        if self.path is not None and create:
            with contextlib.suppress(OSError):
                self.path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = schema.connect(self.path, create=create, patience=patience)
        self._lock = threading.RLock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Idempotent."""
        with self._lock:
            self._connection.close()

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """The connection, for this thread alone. What SQLite refuses becomes a `StoreError`."""
        with self._lock, schema.storing(self.path or "in memory"):
            yield self._connection

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """The same in a transaction: all of it or nothing."""
        with self.reading() as connection, schema.writing(connection):
            yield connection

    # -- what is in it --------------------------------------------------------------------------------------------------

    def timelines(self) -> list[Entry]:
        """All of them, in the order in which they were added."""
        with self.reading() as connection:
            return [_entry(row) for row in connection.execute(f"SELECT {_ENTRY} FROM timelines ORDER BY id")]  # noqa: S608

    def find(self, reference: str) -> Entry | None:
        """A timeline by its number, its file, its output folder, or its source's path."""
        number = int(reference) if reference.isascii() and reference.isdigit() else None
        path = _absolute(Path(reference))
        for entry in self.timelines():
            if entry.id == number or path in {entry.path, entry.path.parent} or entry.uri == reference:
                return entry
        return None

    def at(self, paths: Iterable[Path]) -> dict[Path, Entry]:
        """The timelines of these files, by file; those that are not in it are left out. For a few hundred at a time."""
        wanted = [_stored(_absolute(path)) for path in paths]
        marks = ",".join("?" * len(wanted))
        with self.reading() as connection:
            rows = connection.execute(f"SELECT {_ENTRY} FROM timelines WHERE path IN ({marks})", wanted)  # noqa: S608
            return {entry.path: entry for entry in map(_entry, rows)}

    def timeline(self, number: int) -> Timeline:
        """The whole timeline of that number, as it was when it was added. Raises `StoreError` when it cannot be read."""
        with self.reading() as connection:
            row = connection.execute("SELECT document, path FROM timelines WHERE id = ?", (number,)).fetchone()
        if row is None:
            raise StoreError(f"the library {self.path} holds no timeline of the number {number}")
        try:
            return Timeline.from_json(zlib.decompress(row[0]))
        except (ValueError, zlib.error) as fault:
            raise StoreError(
                f"the library {self.path} is damaged: the timeline {os.fsdecode(row[1])} cannot be read",
                hint="`videoscan library check --repair` makes it anew from its folder",
            ) from fault

    def stamp(self, number: int) -> str:
        """What `stamp_of` said of its file when it was added; empty where there is nothing to compare with."""
        with self.reading() as connection:
            row = connection.execute("SELECT stamp FROM timelines WHERE id = ?", (number,)).fetchone()
        return str(row[0]) if row is not None else ""

    def members(self, filters: selection.Filters | None = None) -> Iterator[selection.Member]:
        """Whole timelines for a SELECTION, those that `filters` leave out by camera alone are not read."""
        for entry in self.timelines():
            if filters is None or filters.takes_source(entry.camera, entry.uri):
                folder = entry.path.parent if entry.path.parent.is_dir() else None
                yield selection.Member(self.timeline(entry.id), folder, entry.path)

    # -- what goes in and out -------------------------------------------------------------------------------------------

    def add(self, file: Path, *, again: bool = False) -> Added:
        """Put in the timeline of a `timeline.json`, with the corrections beside it; an older one of that file is replaced.

        One that has not changed since is left alone, unless `again`. Raises `SourceUnsupported` for what is no timeline, `StoreError`.
        """
        stamp = stamp_of(file)
        path = _absolute(file)
        with self.reading() as connection:
            row = connection.execute("SELECT stamp, events FROM timelines WHERE path = ?", (_stored(path),)).fetchone()
        if row is not None and row[0] == stamp and not again:
            return Added(path, "unchanged", row[1])
        return self.put(selection.read(file), path, stamp=stamp)

    def put(self, timeline: Timeline, path: Path, *, stamp: str = "") -> Added:
        """Put in a timeline as that of `path`, an absolute one. Raises `StoreError`.

        10,000 events take about a second. `stamp` is what `stamp_of` said when it was read.
        """
        document = zlib.compress(timeline.to_json(indent=None).encode(errors="replace"), 1)
        with self.writing() as connection:
            old = connection.execute("SELECT id FROM timelines WHERE path = ?", (_stored(path),)).fetchone()
            if old is not None:
                _remove(connection, old[0])
            number = _insert(connection, timeline, path, stamp, document)
            _insert_events(connection, number, timeline)
        return Added(path, "added" if old is None else "replaced", len(timeline.events))

    def remove(self, number: int) -> None:
        """Take out the timeline of that number; its folder stays as it is. Raises `StoreError`."""
        with self.writing() as connection:
            _remove(connection, number)

    def refresh(self) -> list[Added]:
        """Bring up to date the timelines whose files were written since, by a scan or by a person's correction.

        Timelines whose files are gone, or are none any more, stay as they are. Raises `StoreError`.
        """
        with self.reading() as connection:
            rows = connection.execute("SELECT path, stamp FROM timelines").fetchall()
        renewed = []
        for stored, stamp in rows:
            file = Path(os.fsdecode(stored))
            if stamp and stamp_of(file) not in {stamp, ""}:
                with contextlib.suppress(SourceError):
                    renewed.append(self.add(file))
        return renewed


def stamp_of(file: Path) -> str:
    """What changes whenever a `timeline.json` or the corrections beside it do; empty when there is no such file."""
    parts = []
    for path in (file, file.with_name(REVIEWS)):
        try:
            stat = path.stat()
            parts.append(f"{stat.st_size}/{stat.st_mtime_ns}")
        except OSError:
            if path is file:
                return ""
            parts.append("-")
    return " ".join(parts)


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path.expanduser()))  # noqa: PTH100  # a link stays a link: what it is called is what people know


def _stored(path: Path) -> str | bytes:
    """Text where the path is text; bytes where it is not, as Unix allows."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return os.fsencode(path)
    return str(path)


def _clean(text: str) -> str:
    """Half of a surrogate pair is nothing that a database holds."""
    return text if text.isascii() else text.encode(errors="replace").decode()


def _entry(row: Sequence[Any]) -> Entry:
    number, path, *rest = row
    return Entry(number, Path(os.fsdecode(path)), *rest)


# --- rows ---------------------------------------------------------------------------------------------------------------------


def wall_of(clock: str | None) -> tuple[float | None, float | None]:
    """When a recording began, in seconds since 1970 (UTC), and its zone's offset in seconds.

    Without an offset its own clock is taken for UTC, and the offset is `None`. Without a clock both are.
    """
    moment = timecode.wall(clock, 0.0)
    if moment is None:
        return None, None
    offset = moment.utcoffset()
    wall = (moment if offset is not None else moment.replace(tzinfo=dt.UTC)) - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    return wall.total_seconds(), offset.total_seconds() if offset is not None else None


def _insert(connection: sqlite3.Connection, timeline: Timeline, path: Path, stamp: str, document: bytes) -> int:
    wall, zone = wall_of(timeline.source.clock)
    cursor = connection.execute(
        "INSERT INTO timelines (path, uri, camera, clock, wall, zone, duration, longest, created, added, describer, events, stamp,"
        " document) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            _stored(path),
            _clean(timeline.source.uri),
            None if timeline.source.camera is None else _clean(timeline.source.camera),
            timeline.source.clock,
            wall,
            zone,
            timeline.source.duration,
            max((event.end - event.start for event in timeline.events), default=0.0),
            timeline.created,
            dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
            timeline.describer.model or timeline.describer.kind,
            len(timeline.events),
            stamp,
            document,
        ),
    )
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def milliseconds(wall: float | None, number: int, start: float) -> int:
    """Where an event stands in the order of time, in milliseconds; see `videoscan.library.schema`."""
    if wall is None:
        return _NO_CLOCK + number * _EACH + min(int(start * 1000), _EACH - 1)
    return max(-schema.LATEST, min(schema.LATEST, int((wall + start) * 1000)))


def _insert_events(connection: sqlite3.Connection, number: int, timeline: Timeline) -> None:
    if not timeline.events:
        return
    wall, _ = wall_of(timeline.source.clock)
    facets = _Facets(connection, number, timeline)
    ordered = sorted(timeline.events, key=lambda event: event.start)
    first = milliseconds(wall, number, ordered[0].start) * schema.PER_MILLISECOND
    last = (milliseconds(wall, number, ordered[-1].start) + 1) * schema.PER_MILLISECOND
    between = connection.execute("SELECT key FROM events WHERE key BETWEEN ? AND ?", (first, last + len(ordered)))
    taken = {key for (key,) in between}
    keys: list[int] = []
    key = first - 1
    for event in ordered:
        key = max(key + 1, milliseconds(wall, number, event.start) * schema.PER_MILLISECOND)
        while key in taken:
            key += 1
        keys.append(key)
    connection.executemany(
        "INSERT INTO events (key, timeline, id, start, end, wall, title, description, tags, attributes, confidence, importance,"
        " origin, review, picture) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (_row(key, number, event, wall) for key, event in zip(keys, ordered, strict=True)),
    )
    # In order of keys: the index writes what comes in another order piece by piece.
    connection.executemany(
        "INSERT INTO words (rowid, title, description, tags, more, facets) VALUES (?, ?, ?, ?, ?, ?)",
        (_words(key, event, facets) for key, event in zip(keys, ordered, strict=True)),
    )


def _row(key: int, number: int, event: Event, wall: float | None) -> tuple[Any, ...]:
    picture = next((each.picture for each in event.evidence if each.picture), None)
    return (
        key,
        number,
        _clean(event.id),
        event.start,
        event.end,
        None if wall is None else wall + event.start,
        _clean(event.title),
        _clean(event.description),
        orjson.dumps(event.tags).decode(),
        orjson.dumps(event.attributes, default=str).decode() if event.attributes else "{}",
        event.confidence,
        event.importance,
        event.origin,
        None if event.review is None else event.review.state,
        None if picture is None else _clean(picture),
    )


def _words(key: int, event: Event, facets: _Facets) -> tuple[Any, ...]:
    return (
        key,
        words.joined(event.title),
        words.joined(event.description),
        # A word of its own between tags, so that no phrase reaches from one into the next.
        f" {BETWEEN} ".join(map(words.joined, event.tags)),
        words.joined(" ".join(f"{name} {value}" for name, value in event.attributes.items())) if event.attributes else "",
        facets.of(event),
    )


class _Facets:
    """The facets of one timeline's events; see `videoscan.library.schema`."""

    def __init__(self, connection: sqlite3.Connection, number: int, timeline: Timeline) -> None:
        self._connection = connection
        camera = name_of_source(timeline.source.camera, timeline.source.uri)
        self._always = f"{EVERY} t{number} c{self._number('camera', camera)}"
        self._tags: dict[str, int] = {}

    def of(self, event: Event) -> str:
        tags = {word for tag in event.tags if (word := f"g{self._tag(tag)}")}
        review = event.review.state if event.review is not None else "no"
        return " ".join((self._always, f"r{review}", f"h{hour_of(event.start)}", *sorted(tags)))

    def _tag(self, tag: str) -> int:
        if tag not in self._tags:
            self._tags[tag] = self._number("tag", words.folded(tag))
        return self._tags[tag]

    def _number(self, kind: str, name: str) -> int:
        name = _clean(name)
        self._connection.execute("INSERT OR IGNORE INTO names (kind, name) VALUES (?, ?)", (kind, name))
        number: int = self._connection.execute("SELECT id FROM names WHERE kind = ? AND name = ?", (kind, name)).fetchone()[0]
        return number


def hour_of(seconds: float) -> int:
    """The hour of video time that an event begins in: a facet, so that a part of all recordings is found without looking at the rest."""
    return int(min(max(seconds, 0.0), 1e12) // 3600)


def name_of_source(camera: str | None, uri: str) -> str:
    """What a filter by camera knows a recording by: its camera, or its path where it has none; the kind in front."""
    return f"camera {camera}" if camera else f"uri {uri}"


def name_shown(camera: str | None, uri: str) -> str:
    """What people call a recording: its camera, or its file where it has none."""
    return camera or uri.replace("\\", "/").rstrip("/").rpartition("/")[2] or uri


def _remove(connection: sqlite3.Connection, number: int) -> None:
    connection.execute("DELETE FROM words WHERE rowid IN (SELECT key FROM events WHERE timeline = ? ORDER BY key)", (number,))
    connection.execute("DELETE FROM events WHERE timeline = ?", (number,))
    connection.execute("DELETE FROM timelines WHERE id = ?", (number,))
