"""A day's own journal: what was sampled, missed, thinned and seen, so that a restart goes on where a kill, or a power cut, left the day.

``watch.jsonl``: one JSON object a line. A header (whose day, its second 0), then a line for each window that closed (before it is asked
about, after its pictures were written), and for what else a timeline is made of. Answers are in ``journal.jsonl``, as a scan's are. A line
counts when it is whole; a torn one costs what it says. Samples that were dropped take about six bytes each: 86,400 a day half a megabyte.
"""

from __future__ import annotations

import itertools
import json
import os
import zlib
from array import array
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import pybase64

from videoscan.doubting.doubt import Doubt
from videoscan.folder import PICTURES, storing
from videoscan.folding.marks import Marks
from videoscan.model import Condition, LeftOut, Lost, Picture, Recording, Shown, SourceInfo, Window

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from videoscan.seams import Limits

LOG = "watch.jsonl"
_FORMAT = "videoscan.watch/1"
_MS = 1000


@dataclass(slots=True)
class Entry:
    """A window as the log knows it. `left_out` are thinned frames; `fault` is why it was never described, kind and message."""

    index: int
    start: float
    end: float
    overlap: int
    shown: tuple[Shown, ...]
    marks: Marks
    pictures: tuple[dict[str, Any], ...]
    fault: tuple[str, str] | None = None


@dataclass(slots=True)
class Recalled:
    """A day as its log tells it. `rests` are the samples after the window of that index (-1: before the first)."""

    date: str
    zero: float
    info: SourceInfo
    position: float = 0.0
    frame: int = 0
    window: int = 0
    ended: bool = False
    entries: dict[int, Entry] = field(default_factory=dict)
    rests: list[tuple[int, Marks]] = field(default_factory=list)
    gaps: list[tuple[Literal["lost", "absent"], Lost]] = field(default_factory=list)
    skipped: list[Lost] = field(default_factory=list)
    conditions: dict[tuple[str, int], Condition] = field(default_factory=dict)
    alerts: dict[str, tuple[str, ...]] = field(default_factory=dict)
    flags: list[str] = field(default_factory=list)
    gone_before: int = 0
    parts: dict[str, Recording] = field(default_factory=dict)
    decoded: int = 0
    looks: dict[int, tuple[Doubt, str]] = field(default_factory=dict)
    """Second looks that were answered, by window: why, and the journal's key."""


class DayLog:
    """The open log of one day. One process writes; see `videoscan.folder.OutputFolder.lock`."""

    def __init__(self, folder: Path, *, header: dict[str, Any] | None = None) -> None:
        """Append to what is there; `header` begins a new one. Raises `StoreError`."""
        self._path = folder / LOG
        with storing(self._path):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            fresh = not self._path.exists() or not self._path.stat().st_size
            torn = not fresh and not _ends_whole(self._path)
            self._file = self._path.open("ab", buffering=0)
        if fresh and header is not None:
            self.write({"watch": _FORMAT, **header})
        elif torn:
            self._append(b"\n", sync=False)

    def write(self, entry: dict[str, Any], *, sync: bool = True) -> None:
        """Append a line; `sync`: it is on the disk when this returns. Raises `StoreError`."""
        self._append((json.dumps(entry, ensure_ascii=False, separators=(",", ":")) + "\n").encode(), sync=sync)

    def _append(self, data: bytes, *, sync: bool) -> None:
        with storing(self._path):
            before = os.fstat(self._file.fileno()).st_size
            try:
                left = memoryview(data)
                while left:
                    left = left[self._file.write(left) :]
                if sync:
                    os.fsync(self._file.fileno())
            except OSError:
                os.ftruncate(self._file.fileno(), before)
                raise

    def close(self) -> None:
        """Idempotent."""
        self._file.close()

    def window(self, window: Window, shown: Sequence[Shown], decoded: int = 0) -> None:
        """A window has closed, and its pictures are written; by then so many of the day's pictures were decoded."""
        self.write(
            {
                "window": window.index,
                "start": window.start,
                "end": window.end,
                "overlap": window.overlap,
                "decoded": decoded,
                "shown": [[each.frame, each.time, each.picture, each.region, each.zoom] for each in shown],
                "pictures": [_picture_row(each) for each in window.pictures],
                "marks": packed(Marks.of(window.marks)),
            }
        )


def header_of(date: str, zero: float, info: SourceInfo, **more: Any) -> dict[str, Any]:
    """A new log's first line."""
    return {"date": date, "zero": zero, "info": asdict(info), **more}


def read(folder: Path) -> Recalled | None:
    """What the log in a folder tells; `None` without one, or without a readable header. Raises `StoreError`."""
    path = folder / LOG
    if not path.is_file():
        return None
    recalled: Recalled | None = None
    with storing(path), path.open("rb") as file:
        for line in file:
            try:
                entry = json.loads(line.lstrip(b"\0"))
                if recalled is None:
                    if entry.get("watch") != _FORMAT:
                        return None
                    recalled = Recalled(entry["date"], float(entry["zero"]), _info(entry["info"]))
                else:
                    _take(recalled, entry)
            except (ValueError, LookupError, TypeError, AttributeError):
                if recalled is None:
                    return None
    return recalled


def _take(day: Recalled, entry: dict[str, Any]) -> None:
    day.decoded = max(day.decoded, entry.get("decoded", 0))
    if "window" in entry:
        marks = unpacked(entry["marks"])
        found = Entry(
            index=entry["window"],
            start=entry["start"],
            end=entry["end"],
            overlap=entry["overlap"],
            shown=tuple(
                Shown(frame, time, picture, tuple(region) if region else None, zoom)
                for frame, time, picture, region, zoom in entry["shown"]
            ),
            marks=marks,
            pictures=tuple(entry["pictures"]),
        )
        day.entries[found.index] = found
        day.window = max(day.window, found.index + 1)
        _reach(day, found.end, marks)
    elif "rest" in entry:
        marks = unpacked(entry["rest"])
        day.rests.append((entry["after"], marks))
        _reach(day, marks.times[-1] if len(marks) else 0.0, marks)
    elif "gap" in entry:
        stretch = Lost(entry["start"], entry["end"], entry["reason"])
        day.gaps.append((entry["gap"], stretch))
        day.position = max(day.position, stretch.end)
    elif "seen" in entry:
        condition = Condition(entry["seen"], entry["start"], entry["end"], entry["frame"])
        day.conditions[condition.kind, condition.frame] = condition
    elif "thinned" in entry:
        _thin(day, entry)
    elif "fault" in entry:
        day.entries[entry["fault"]].fault = entry["kind"], entry["message"]
    elif "alerts" in entry:
        day.alerts[entry["event"]] = tuple(entry["alerts"])
    elif "flag" in entry:
        day.flags.append(entry["flag"])
    elif "info" in entry:
        day.info = _info(entry["info"])
    elif "gone_before" in entry:
        day.gone_before = max(day.gone_before, entry["gone_before"])
    elif "look" in entry:
        told = {**entry["doubt"], "region": tuple(entry["doubt"]["region"]) if entry["doubt"]["region"] else None}
        day.looks[entry["look"]] = Doubt(**told), entry["key"]
    elif "part" in entry:
        part = Recording(entry["part"], entry["start"], entry["duration"], entry["clock"], entry["skipped"])
        day.parts[part.uri] = part
    elif "at" in entry:
        day.position = max(day.position, entry["at"])
        day.ended = entry.get("ended", False)


def _thin(day: Recalled, entry: dict[str, Any]) -> None:
    """A waiting window was thinned, or (`into`) joined with the one before it."""
    found = day.entries[entry["thinned"]]
    found.shown = tuple(each for each in found.shown if each.frame not in set(entry["frames"]))
    gone = {row["name"] for row in found.pictures if row["frame"] in set(entry["frames"])}
    found.pictures = tuple(row for row in found.pictures if row["name"] not in gone)
    found.marks = unpacked(entry["marks"])  # with those of the rests behind it
    day.rests = [rest for rest in day.rests if rest[0] != found.index]
    day.skipped += [Lost(start, end, entry["reason"]) for start, end in entry["spans"]]
    if (into := entry.get("into")) is not None:
        first = day.entries[into]
        for after, marks in day.rests:
            if after == into:
                first.marks.extend(marks)
        day.rests = [rest for rest in day.rests if rest[0] != into]
        there = {(each.frame, each.zoom) for each in first.shown}
        first.shown += tuple(each for each in found.shown if (each.frame, each.zoom) not in there)
        names = {row["name"] for row in first.pictures}
        first.pictures += tuple(row for row in found.pictures if row["name"] not in names)
        first.marks.extend(found.marks)
        first.end = max(first.end, found.end)
        del day.entries[found.index]


def _reach(day: Recalled, position: float, marks: Marks) -> None:
    day.position = max(day.position, position)
    if len(marks):
        day.frame = max(day.frame, marks.frames[-1] + 1)


def window_of(entry: Entry, folder: Path, limits: Limits) -> Window | None:
    """An entry's window with its pictures from disk; `None` where one is gone or is not what was written. Raises nothing."""
    pictures = []
    for row in entry.pictures:
        try:
            data = (folder / PICTURES / row["name"]).read_bytes()
            if zlib.crc32(data) != int(row["crc32"], 16):
                return None
        except (OSError, LookupError, ValueError):
            return None
        more = {key: row[key] for key in ("frame", "time", "media_type", "width", "height", "zoom_of")}
        tokens = limits.cost.tokens(row["width"], row["height"])
        pictures.append(Picture(data=data, base64=pybase64.b64encode(data) if limits.sends else b"", tokens=tokens, **more))
    return Window(entry.index, entry.start, entry.end, tuple(pictures), tuple(entry.marks), entry.overlap)


def _picture_row(picture: Picture) -> dict[str, Any]:
    return {
        "name": picture.name,
        "frame": picture.frame,
        "time": picture.time,
        "media_type": picture.media_type,
        "width": picture.width,
        "height": picture.height,
        "zoom_of": picture.zoom_of,
        "crc32": f"{zlib.crc32(picture.data):08x}",
    }


# --- marks --------------------------------------------------------------------------------------------------------------------


def packed(marks: Marks) -> list[Any]:
    """Marks in few bytes: the first frame and time (milliseconds), then differences, runs of one value as ``[value, times]``."""
    times = [round(each * _MS) for each in marks.times]
    return [_runs(_steps(marks.frames)), _runs(_steps(times)), _runs(marks.stands), _runs(marks.codes)]


def unpacked(rows: list[Any]) -> Marks:
    """What `packed` was given, times to the millisecond. Raises `ValueError` for what it never made."""
    frames, times, stands, codes = (list(_unrun(row)) for row in rows)
    if not len(frames) == len(times) == len(stands) == len(codes):
        raise ValueError("columns of different lengths")
    marks = Marks()
    marks.frames = array("q", itertools.accumulate(frames))
    marks.times = array("d", [each / _MS for each in itertools.accumulate(times)])
    marks.stands = array("q", stands)
    marks.codes = array("B", codes)
    return marks


def _steps(values: Iterable[int]) -> Iterator[int]:
    before = 0
    for value in values:
        yield value - before
        before = value


def _runs(values: Iterable[int]) -> list[Any]:
    row: list[Any] = []
    for value, group in itertools.groupby(values):
        count = sum(1 for _ in group)
        row += [value] * count if count < 3 else [[value, count]]
    return row


def _unrun(row: Iterable[Any]) -> Iterator[int]:
    for each in row:
        if isinstance(each, list):
            value, count = each
            yield from itertools.repeat(value, count)
        else:
            yield each


def _info(table: dict[str, Any]) -> SourceInfo:
    parts = tuple(Recording(**each) for each in table.pop("parts", ()))
    left_out = tuple(LeftOut(**each) for each in table.pop("left_out", ()))
    flags = tuple(table.pop("flags", ()))
    return replace(SourceInfo(**table), flags=flags, parts=parts, left_out=left_out)


def _ends_whole(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"
