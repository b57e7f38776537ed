"""What an earlier pass left in an output folder, to be asked again: a scan's sampling, or the log of a watched day.

A day has no sampling of its own: its log knows every sample and every picture in a twentieth of the room.
"""

from __future__ import annotations

import bisect
import contextlib
import itertools
import json
import math
import zlib
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

import pybase64

from videoscan.errors import StoreError
from videoscan.folder import PICTURES, TIMELINE
from videoscan.folding.marks import Marks
from videoscan.model import Lost, Picture, Sample, Tally
from videoscan.reading import daylog, sampling
from videoscan.reading.spec import SEGMENT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from typing import Any

    from videoscan.model import Box, Mark, SourceInfo
    from videoscan.reading.daylog import Recalled
    from videoscan.reading.sampling import Span


class Former(Protocol):
    """What a pass over a source came to; `videoscan.reading.sampling.SamplingStore` is one."""

    info: SourceInfo | None

    @property
    def whole(self) -> bool:
        """Whether all of it can be read."""
        ...

    def spans(self) -> list[Span]:
        """The stretches that it comes in, in order; they meet."""
        ...

    def recall(self, span: Span, *, base64: bool) -> Iterator[Sample]:
        """The samples of a stretch, with the pictures that are still there."""
        ...

    def tally(self, span: Span) -> Tally:
        """What reading it came to."""
        ...

    def kept(self) -> Iterator[Mark]:
        """The marks of all frames that have a picture, in order of time."""
        ...


def latest(folder: Path) -> Former | None:
    """What lies in a folder, whatever it is of; `None` when there is nothing that can be read."""
    return sampling.latest(folder) or WatchedDay.read(folder)


class WatchedDay:
    """The samples of a watched day as far as its timeline reaches, though it may still grow.

    Memory: 25 bytes a sample, and a row for each picture.
    """

    def __init__(self, folder: Path, recalled: Recalled, duration: float) -> None:
        """`duration` is the timeline's, in seconds."""
        self._folder, self._recalled, self._duration = folder, recalled, duration
        self.info: SourceInfo | None = recalled.info
        self._marks = Marks()
        self._pictures: dict[int, list[dict[str, Any]]] = {}
        self._regions: dict[int, Box] = {}
        rests = sorted(recalled.rests, key=lambda rest: rest[0])
        for entry in sorted(recalled.entries.values(), key=lambda each: each.index):
            while rests and rests[0][0] < entry.index:
                self._add(rests.pop(0)[1])
            self._add(entry.marks)
            for row in entry.pictures:
                known = self._pictures.setdefault(row["frame"], [])
                if all(row["name"] != each["name"] for each in known):
                    known.append(row)
            self._regions |= {each.frame: each.region for each in entry.shown if each.region is not None and not each.zoom}
        for _, marks in rests:
            self._add(marks)

    @classmethod
    def read(cls, folder: Path) -> WatchedDay | None:
        """The day that lies in a folder; `None` where there is none, or none that can be read."""
        try:
            recalled = daylog.read(folder)
            if recalled is None:
                return None
            return cls(folder, recalled, float(json.loads((folder / TIMELINE).read_bytes())["source"]["duration"]))
        except (StoreError, OSError, ValueError, LookupError, TypeError):
            return None

    def _add(self, marks: Marks) -> None:
        # Windows that overlap have both written down what they share.
        last = self._marks.frames[-1] if len(self._marks) else -1
        place = bisect.bisect_right(marks.frames, last)
        for name in Marks.__slots__:
            getattr(self._marks, name).extend(getattr(marks, name)[place:])

    @property
    def whole(self) -> bool:
        """Always: a torn line has cost what it said."""
        return len(self._marks) > 0

    def spans(self) -> list[Span]:
        """Stretches of `SEGMENT` seconds."""
        edges = [number * SEGMENT for number in range(max(1, math.ceil(self._duration / SEGMENT)))]
        return [*itertools.pairwise(edges), (edges[-1], None)]

    def recall(self, span: Span, *, base64: bool) -> Iterator[Sample]:
        """See `Former`."""
        marks, end = self._marks, self._duration if span[1] is None else span[1]
        for place in range(bisect.bisect_left(marks.times, span[0]), bisect.bisect_left(marks.times, end)):
            mark = marks[place]
            pictures = tuple(self._read(mark.frame, base64=base64)) if mark.kept else ()
            yield Sample(self._placed(mark) if pictures else mark, keyframe=False, pictures=pictures)

    def tally(self, span: Span) -> Tally:
        """See `Former`. What is told of the day as a whole stands at its last stretch."""
        if span[1] is not None:
            return Tally(span[1], 0)
        day = self._recalled
        return Tally(
            duration=self._duration,
            decoded=max(day.decoded, len(self._marks)),
            lost=_together(gap for kind, gap in day.gaps if kind == "lost"),
            absent=_together(gap for kind, gap in day.gaps if kind == "absent"),
            flags=tuple(day.flags),
            next_index=day.frame,
        )

    def kept(self) -> Iterator[Mark]:
        """See `Former`."""
        for mark in self._marks:
            if mark.kept and mark.frame in self._pictures:
                yield self._placed(mark)

    def _placed(self, mark: Mark) -> Mark:
        """A mark with where the picture changed, as far as the log tells."""
        region = self._regions.get(mark.frame)
        return mark if region is None else replace(mark, region=region, regions=(region,))

    def _read(self, frame: int, *, base64: bool) -> Iterator[Picture]:
        for row in self._pictures.get(frame, ()):
            with contextlib.suppress(OSError, LookupError, ValueError):
                data = (self._folder / PICTURES / row["name"]).read_bytes()
                if zlib.crc32(data) == int(row["crc32"], 16):
                    more = {key: row[key] for key in ("frame", "time", "media_type", "width", "height", "zoom_of")}
                    yield Picture(data=data, base64=pybase64.b64encode(data) if base64 else b"", tokens=0, **more)


def _together(gaps: Iterable[Lost]) -> tuple[Lost, ...]:
    """Gaps in order of time; what is told of one in pieces is one."""
    found: list[Lost] = []
    for gap in sorted(gaps, key=lambda each: (each.start, each.end)):
        last = found[-1] if found else None
        if last is not None and last.reason == gap.reason and gap.start <= last.end + 1e-3:
            found[-1] = replace(last, end=max(last.end, gap.end))
        else:
            found.append(gap)
    return tuple(found)
