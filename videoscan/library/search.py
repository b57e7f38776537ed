"""Finds events in a library by their words, and within what filters leave."""

from __future__ import annotations

import datetime as dt
import fnmatch
import json
import os
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from videoscan import timecode
from videoscan.language import words
from videoscan.library import common, schema
from videoscan.library import query as queries
from videoscan.library.query import BETWEEN
from videoscan.library.stems import Index
from videoscan.library.store import hour_of
from videoscan.reviewing.selection import Filters

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

    from videoscan.library.query import Query
    from videoscan.library.store import Library

Order = Literal["best", "newest", "oldest"]

COUNTED = 1_000
"""So many matches are counted; beyond that it is said that there are more. And so many are ranked: with more of them any order by words
would be as good as another, and takes long. 1,000 of a million take 10 to 50 ms (``benchmarks/library.py``)."""
_CONTEXT = 160
"""Characters of a description that are shown around the words found."""

_MOST_HOURS = 300

_ON, _OFF = "\x02", "\x03"

MATCHES_WORDS = "it matches words, not meaning"
"""What every answer says: a search for a car does not find a van."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A part of an event's text. `matches` are the places ``[start, end)`` in it where words were found.

    Of the attributes those are told that the words are in: ``plate: ABC 123; colour: red``.
    """

    field: Literal["title", "description", "tags", "attributes"]
    text: str
    matches: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Hit:
    """An event that was found. `picture` is its first picture's path, `None` when it has none.

    `wall_start` and `wall_end` are ISO 8601, `None` for a recording without a clock.
    """

    key: int
    timeline: int
    path: Path
    source: str
    camera: str | None
    id: str
    start: float
    end: float
    wall_start: str | None
    wall_end: str | None
    title: str
    description: str
    tags: tuple[str, ...]
    attributes: dict[str, Any]
    confidence: float | None
    importance: float | None
    origin: str
    review: str | None
    picture: Path | None
    context: tuple[Passage, ...] = ()

    def record(self) -> dict[str, Any]:
        """For programs."""
        return {
            "id": self.id,
            "timeline": str(self.path),
            "source": self.source,
            "camera": self.camera,
            "start": self.start,
            "end": self.end,
            "wall_start": self.wall_start,
            "wall_end": self.wall_end,
            "title": self.title,
            "description": self.description,
            "tags": list(self.tags),
            "attributes": self.attributes,
            "confidence": self.confidence,
            "importance": self.importance,
            "origin": self.origin,
            "review": self.review,
            "picture": str(self.picture) if self.picture is not None else None,
            "context": [
                {"field": each.field, "text": each.text, "matches": [list(span) for span in each.matches]}
                for each in self.context
            ],
        }


@dataclass(frozen=True, slots=True)
class Found:
    """What a search came to. `count` is exact unless there are `more` than were counted."""

    hits: tuple[Hit, ...]
    count: int
    more: bool
    order: Order
    notes: tuple[str, ...] = field(default=())


_HIT = """
SELECT e.key, e.timeline, t.path, t.uri, t.camera, e.id, e.start, e.end, t.clock, e.title, e.description, e.tags, e.attributes,
       e.confidence, e.importance, e.origin, e.review, e.picture
FROM events AS e JOIN timelines AS t ON t.id = e.timeline WHERE e.key = ?
"""
_FROM = "words AS w CROSS JOIN events AS e ON e.key = w.rowid CROSS JOIN timelines AS t ON t.id = e.timeline"
_RANK = "bm25(words, 5.0, 1.0, 4.0, 1.0, 0.0)"
"""What the words count in a title, a description, a tag, an attribute; lower is better."""
_SORTS: dict[Order, str] = {"best": f"{_RANK}, w.rowid DESC", "newest": "w.rowid DESC", "oldest": "w.rowid ASC"}
_MARKED = ", ".join(f"highlight(words, {column}, '{_ON}', '{_OFF}')" for column in range(4))


def search(
    library: Library,
    query: str | Query,
    filters: Filters | None = None,
    *,
    sources: Sequence[str] = (),
    order: Order = "best",
    limit: int = 20,
    offset: int = 0,
    ranked: int = COUNTED,
) -> Found:
    """The events that a query finds, `limit` of them from the `offset`-th on.

    Events that a person rejected are found only when `filters.reviewed` asks for them. `sources` are patterns (``*/gate/*``) or parts of the
    recordings' paths, or the path of a timeline itself, alternatives to each other. With more than `ranked` matches ``best`` becomes ``newest``, and a note
    says so. Raises `StoreError`.
    """
    asked = queries.parse(query) if isinstance(query, str) else query
    filters = filters or Filters()
    if asked.empty:
        return Found((), 0, more=False, order=order, notes=("there is no word in the query", *asked.notes))
    with library.reading() as connection:
        narrowed = _narrow(connection, asked, filters, sources)
        if narrowed is None:
            return Found((), 0, more=False, order=order, notes=asked.notes)
        lighter = asked.lighter(lambda word: common.everywhere(connection, word)) if common.large(connection) else None
        light = None if lighter is None else _narrow(connection, lighter, filters, sources)
        return _run(connection, narrowed, light, asked, order, limit, offset, ranked)


@dataclass(frozen=True, slots=True)
class _Narrowed:
    """A search as SQL: the index's own part, and what only the rows can tell."""

    match: str
    low: int | None
    high: int | None
    conditions: tuple[str, ...]
    values: tuple[Any, ...]

    @property
    def source(self) -> str:
        """The tables that it is asked of."""
        return _FROM if self.conditions else "words AS w"

    def where(self) -> tuple[str, list[Any]]:
        parts = ["words MATCH ?"]
        values: list[Any] = [self.match]
        if self.low is not None:
            parts.append("w.rowid >= ?")
            values.append(self.low)
        if self.high is not None:
            parts.append("w.rowid < ?")
            values.append(self.high)
        return " AND ".join((*parts, *self.conditions)), [*values, *self.values]


def _run(
    connection: sqlite3.Connection,
    narrowed: _Narrowed,
    light: _Narrowed | None,
    asked: Query,
    order: Order,
    limit: int,
    offset: int,
    ranked: int,
) -> Found:
    """A pass over the index in order of time, no farther than needed; where few match, another one that ranks them.

    Ranking needs to know how often each word is in the whole index, which for common words takes longer than finding them: so words
    that are everywhere are left out of it (`light`), and where few are left without them, the rest is asked of those few alone.
    """
    notes = list(asked.notes)
    if not asked.groups and order == "best":
        order = "newest"
    page = max(0, limit), max(0, offset)
    if light is not None and len(few := _keys_of(connection, light, "DESC", common.FEW + 1)) <= common.FEW:
        with common.index_of(connection, few) as small:
            rows = _page(small, ("words MATCH ?", [narrowed.match]), _SORTS[order], page)
            (count,) = small.execute("SELECT count(*) FROM words WHERE words MATCH ?", (narrowed.match,)).fetchone()
        return Found(_hits(connection, rows), count, more=False, order=order, notes=tuple(notes))
    most = ranked if order == "best" else COUNTED
    keys = _keys_of(connection, narrowed, "ASC" if order == "oldest" else "DESC", max(most, COUNTED) + 1)
    if order == "best" and len(keys) > ranked:
        order = "newest"
        notes.append(f"more than {ranked:,} events match: the newest come first; more words or a filter would leave the best")
    if order == "best" and light is not None:
        rows = _ranked(connection, keys, light, narrowed.match, page)
    else:
        rows = _page(connection, narrowed.where(), _SORTS[order], page, source=narrowed.source)
    counted = max(COUNTED, most)
    return Found(_hits(connection, rows), min(len(keys), counted), len(keys) > counted, order, tuple(notes))


def _keys_of(connection: sqlite3.Connection, narrowed: _Narrowed, direction: str, most: int) -> list[int]:
    where, values = narrowed.where()
    finding = f"SELECT w.rowid FROM {narrowed.source} WHERE {where} ORDER BY w.rowid {direction} LIMIT ?"  # noqa: S608
    return [key for (key,) in connection.execute(finding, (*values, most))]


def _page(
    connection: sqlite3.Connection,
    within: tuple[str, list[Any]],
    sorting: str,
    page: tuple[int, int],
    *,
    source: str = "words AS w",
) -> list[tuple[Any, ...]]:
    where, values = within
    finding = f"SELECT w.rowid, {_MARKED} FROM {source} WHERE {where} ORDER BY {sorting} LIMIT ? OFFSET ?"  # noqa: S608
    return connection.execute(finding, (*values, *page)).fetchall()


def _ranked(
    connection: sqlite3.Connection, keys: Sequence[int], light: _Narrowed, match: str, page: tuple[int, int]
) -> list[tuple[Any, ...]]:
    """A page of the events of `keys` in the order that the words of `light` give them, with every word marked."""
    # The plus keeps SQLite from looking up each key by itself.
    among = "words MATCH ? AND +rowid IN (SELECT value FROM json_each(?))"
    ranking = f"SELECT rowid FROM words WHERE {among} ORDER BY {_RANK}, rowid DESC LIMIT ? OFFSET ?"  # noqa: S608
    best = [key for (key,) in connection.execute(ranking, (light.match, json.dumps(keys), *page))]
    with common.index_of(connection, best) as small:
        marked = {row[0]: row for row in _page(small, ("words MATCH ?", [match]), "w.rowid", (len(best), 0))}
    return [marked[key] for key in best if key in marked]


def _hits(connection: sqlite3.Connection, rows: Iterable[tuple[Any, ...]]) -> tuple[Hit, ...]:
    hits = []
    for key, *marked in rows:
        row = connection.execute(_HIT, (key,)).fetchone()
        if row is not None:  # an orphan, which `library check` tells of
            hits.append(_hit(row, _context(row, marked)))
    return tuple(hits)


def _narrow(connection: sqlite3.Connection, asked: Query, filters: Filters, sources: Sequence[str]) -> _Narrowed | None:
    """The filters as facets, a range of keys and conditions; `None` when nothing can be within them."""
    facets: list[list[str]] = []
    if filters.cameras:
        names = connection.execute("SELECT id, name FROM names WHERE kind = 'camera'").fetchall()
        facets.append([f"c{number}" for number, name in names if filters.takes_source(*_source(name))])
    if sources:
        timelines = connection.execute("SELECT id, uri, path FROM timelines").fetchall()
        facets.append(
            [f"t{number}" for number, uri, path in timelines if any(path == each or _like(uri, each) for each in sources)]
        )
    if filters.tags:
        marks = ", ".join("?" * len(filters.tags))
        wanted = [words.folded(tag) for tag in filters.tags]
        found = connection.execute(f"SELECT id FROM names WHERE kind = 'tag' AND name IN ({marks})", wanted)  # noqa: S608
        facets.append([f"g{number}" for (number,) in found])
    if filters.reviewed:
        states = {*filters.reviewed} | ({"accepted", "edited", "added"} if "yes" in filters.reviewed else set())
        facets.append([f"r{state}" for state in sorted(states - {"yes"})])
    if (hours := _hours(connection, filters)) is not None:
        facets.append(hours)
    if not all(facets):
        return None
    # What a person rejected is not so, and is found only when somebody asks for it.
    without = () if filters.reviewed else ("rrejected",)
    conditions, values = _within(filters)
    if filters.text:
        connection.create_function("says", 4, _says, deterministic=True)
        conditions.append("says(e.title, e.description, e.tags, ?)")
        values.append(words.folded(filters.text))
    low, high = _keys(connection, filters)
    return _Narrowed(asked.expression(facets, without, Index(connection)), low, high, tuple(conditions), tuple(values))


def _source(name: str) -> tuple[str | None, str]:
    kind, _, rest = name.partition(" ")
    return (rest, "") if kind == "camera" else (None, rest)


def _like(uri: str, pattern: str) -> bool:
    uri, pattern = words.folded(uri.replace("\\", "/")), words.folded(pattern.replace("\\", "/"))
    return fnmatch.fnmatchcase(uri, pattern) or pattern in uri


def _says(title: str, description: str, tags: str, text: str) -> bool:
    held = words.folded(" ".join((title, description, *json.loads(tags))))
    return all(word in held for word in text.split())


def _hours(connection: sqlite3.Connection, filters: Filters) -> list[str] | None:
    """The hours of video time that events within the filters begin in; `None` where there are too many to be of use."""
    since = filters.since if isinstance(filters.since, float) else None
    until = filters.until if isinstance(filters.until, float) else None
    if since is None and until is None:
        return None
    longest, duration = connection.execute("SELECT max(longest), max(duration) FROM timelines").fetchone()
    first = hour_of((since or 0.0) - (longest or 0.0))
    last = hour_of(min(until if until is not None else inf, duration or 0.0))
    return [f"h{hour}" for hour in range(first, last + 1)] if last - first < _MOST_HOURS else None


def _keys(connection: sqlite3.Connection, filters: Filters) -> tuple[int | None, int | None]:
    """The range of keys that a span of wall time leaves, generously: zones and lengths are for `_within`."""
    day = 86_400.0
    low = high = None
    if isinstance(filters.since, dt.datetime):
        (longest,) = connection.execute("SELECT max(longest) FROM timelines").fetchone()
        low = _key(_absolute(filters.since) - (longest or 0.0) - day)
    if isinstance(filters.until, dt.datetime):
        high = _key(_absolute(filters.until) + day)
    return low, high


def _key(seconds: float) -> int:
    return max(-schema.LATEST, min(schema.LATEST, int(seconds * 1000))) * schema.PER_MILLISECOND


def _absolute(moment: dt.datetime) -> float:
    return (moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)).timestamp()


def _within(filters: Filters) -> tuple[list[str], list[Any]]:
    """Conditions on rows: an event is within ``[since, until)`` when any of it is, as `videoscan.reviewing.selection` has it."""
    conditions: list[str] = []
    values: list[Any] = []
    for edge, compared in ((filters.since, "max(e.end, e.start + 1e-9) > ?"), (filters.until, "e.start < ?")):
        if edge is None:
            continue
        if not isinstance(edge, dt.datetime):
            conditions.append(compared)
            values.append(edge)
            continue
        # In seconds of the event's own recording. Where either side says no offset, both are that recording's own clock.
        local = edge.replace(tzinfo=dt.UTC).timestamp()
        absolute = edge.timestamp() if edge.tzinfo else local
        own = "? - t.wall - coalesce(t.zone, 0.0)"
        exact = f"CASE WHEN t.zone IS NULL THEN {own} ELSE ? - t.wall END" if edge.tzinfo else own
        conditions += ["t.wall IS NOT NULL", compared.replace("?", f"({exact})")]
        values += [local, absolute] if edge.tzinfo else [local]
    return conditions, values


# --- hits ---------------------------------------------------------------------------------------------------------------------


def _hit(row: Sequence[Any], context: tuple[Passage, ...]) -> Hit:
    key, timeline, path, uri, camera, identity, start, end, clock, title, description, tags, attributes, *rest = row
    confidence, importance, origin, review, picture = rest
    file = Path(os.fsdecode(path))
    return Hit(
        key=key,
        timeline=timeline,
        path=file,
        source=uri,
        camera=camera,
        id=identity,
        start=start,
        end=end,
        wall_start=timecode.wall_iso(clock, start),
        wall_end=timecode.wall_iso(clock, end),
        title=title,
        description=description,
        tags=tuple(json.loads(tags)),
        attributes=json.loads(attributes),
        confidence=confidence,
        importance=importance,
        origin=origin,
        review=review,
        picture=file.parent / picture if picture is not None else None,
        context=context,
    )


def _context(row: Sequence[Any], marked: Sequence[str]) -> tuple[Passage, ...]:
    """The passages of an event in which the words stand; where they stand in none, its title."""
    title, description, tags = row[9], row[10], ", ".join(json.loads(row[11]))
    found = []
    for name, text, told in zip(("title", "description", "tags"), (title, description, tags), marked, strict=False):
        spans = list(_spans(text, told))
        if spans:
            found.append(_cut(name, text, spans))  # type: ignore[arg-type]
    attributes = json.loads(row[12])
    if attributes and _ON in marked[3]:
        found.append(_attributes(attributes, marked[3]))
    return tuple(found) or (Passage("title", title),)


def _attributes(attributes: dict[str, Any], marked: str) -> Passage:
    """Those of the attributes in which the words stand: in their names or in their values."""
    parts = [f"{name}: {', '.join(map(str, value)) if isinstance(value, list) else value}" for name, value in attributes.items()]
    spans = list(_spans("; ".join(parts), marked))
    shown: list[str] = []
    kept: list[tuple[int, int]] = []
    begin, length = 0, 0
    for part in parts:
        end = begin + len(part)
        here = [(max(start, begin), min(stop, end)) for start, stop in spans if start < end and stop > begin]
        if here:
            kept += [(start - begin + length, stop - begin + length) for start, stop in here]
            shown.append(part)
            length += len(part) + 2
        begin = end + 2
    return _cut("attributes", "; ".join(shown), kept)


def _spans(text: str, marked: str) -> Iterable[tuple[int, int]]:
    """Where the marked words stand in the text they were made of: word by word, both in the same order."""
    inside = False
    merged: list[tuple[int, int]] = []
    told = [word for word in marked.split(" ") if word.strip(_ON + _OFF) != BETWEEN and word]
    for word, token in zip(words.words(text), told, strict=False):
        inside = inside or token.startswith(_ON)
        if inside:
            if merged and word.start <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(word.end, merged[-1][1]))
            else:
                merged.append((word.start, word.end))
        if token.endswith(_OFF):
            inside = False
    return merged


def _cut(name: Literal["title", "description", "tags", "attributes"], text: str, spans: list[tuple[int, int]]) -> Passage:
    """As much of a long text as shows its first match."""
    if len(text) <= _CONTEXT:
        return Passage(name, text, tuple(spans))
    start = max(0, min(spans[0][0] - _CONTEXT // 3, len(text) - _CONTEXT))
    end = min(len(text), start + _CONTEXT)
    while 0 < start < spans[0][0] and text[start - 1].isalnum() and text[start].isascii():
        start += 1
    before, after = ("…" if start else ""), ("…" if end < len(text) else "")
    shift = len(before) - start
    kept = tuple((a + shift, b + shift) for a, b in spans if a >= start and b <= end)
    return Passage(name, f"{before}{text[start:end]}{after}", kept)
