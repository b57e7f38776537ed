"""What a pass over a source came to, segment by segment, kept beside its pictures: nothing is decoded twice.

``sampling.jsonl`` in an output folder: a header (what was sampled, and how: a key), then a line for each segment that was read to its
end, with every sample's decision and the names of its pictures in ``frames/``, and a last one when the pass came to its end. A line
is written after its pictures. Those are not synced one by one, so each has its checksum: what a power cut left of one is no picture.
A person can read it (``docs/output-folder.md``); a torn or foreign line costs only its own segment.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import zlib
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import pybase64

from videoscan.errors import StoreError
from videoscan.folder import PICTURES, SAMPLING, OutputFolder, storing
from videoscan.model import LeftOut, Lost, Mark, Picture, Reason, Recording, Sample, Sound, SourceInfo, Tally

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from videoscan.model import Box

_FORMAT = 2
_COMPLETE = b'{"complete":true}\n'
_STAMP = re.compile(rb',"of":"([0-9a-f]*)"')

Span = tuple[float, float | None]


class SamplingStore:
    """The sampling in one output folder. `key` says what it is a sampling of; what lies there under another key is forgotten.

    Only the lines' places are held in memory. One process writes; see `videoscan.folder.OutputFolder.lock`.
    """

    def __init__(self, folder: Path, key: str) -> None:
        """Read what is there. Raises `StoreError` when the folder cannot be read or written."""
        self._folder = OutputFolder(folder)
        self._path = folder / SAMPLING
        self._key = key
        self.info: SourceInfo | None = None
        self._complete = False
        self._lines: dict[Span, int] = {}
        self._stamps: dict[Span, str] = {}
        with storing(self._path):
            if self._path.exists():
                self._read()

    def _read(self) -> None:
        with self._path.open("rb") as file:
            place = 0
            for number, line in enumerate(file):
                with contextlib.suppress(ValueError, KeyError, TypeError):  # a torn line: its segment is read again
                    if number == 0:
                        header = json.loads(line)
                        if header["key"] != self._key or header["sampling"] != _FORMAT:
                            return
                        self.info = _info(header["info"])
                    elif self.info is not None and line == _COMPLETE:
                        self._complete = True
                    elif self.info is not None and line.endswith(b"}\n"):
                        start, end = json.loads(line[: line.index(b"]") + 1].decode().removeprefix('{"segment":'))
                        self._lines[start, end] = place
                        stamp = _STAMP.match(line, line.index(b"]") + 1)
                        self._stamps[start, end] = stamp[1].decode() if stamp else ""
                place += len(line)

    def begin(self, info: SourceInfo, stamps: Mapping[Span, str] | None = None) -> None:
        """Note what is being sampled. What was there under another key goes.

        With `stamps`, which say by segment what it is made of now, segments that were made of just that stay, even if the source has
        become another.
        """
        stay = [span for span in self.spans() if (stamps or {}).get(span) == self._stamps[span]]
        if self.info == info and (stamps is None or len(stay) == len(self._lines)):
            return
        former, self._lines = self._lines, {}
        self.info, self._complete = info, False
        with storing(self._path):
            self._path.parent.mkdir(parents=True, exist_ok=True)
        header = {"sampling": _FORMAT, "key": self._key, "info": asdict(info)}
        with self._folder.writing(SAMPLING) as out:
            place = out.write(_line(header))
            for span in stay:
                self._lines[span] = place
                place += out.write(self._line_at(former[span]))

    def has(self, span: Span, stamp: str = "") -> bool:
        """Whether this segment was read to its end, of what `stamp` stands for, and all its pictures are still there as they were."""
        try:
            return (span in self._lines and self._stamps[span] == stamp) and all(
                self._data(picture) is not None for row in self._entry(span)["samples"] for picture in row["pictures"]
            )
        except (StoreError, ValueError, LookupError, TypeError):
            return False

    @property
    def whole(self) -> bool:
        """Whether the pass came to its end, and every segment of it can still be read, whatever became of its pictures."""
        spans = self.spans()
        meet = all(end == start for (_, end), (start, _) in itertools.pairwise(spans))
        try:
            return self._complete and bool(spans) and meet and all(self._entry(span)["samples"] is not None for span in spans)
        except (StoreError, ValueError, LookupError, TypeError):
            return False

    def recall(self, span: Span, *, base64: bool) -> Iterator[Sample]:
        """A segment's samples, with their pictures from disk; without those that are gone, as thinned frames' are in the end."""
        for row in self._entry(span)["samples"]:
            there = [(picture, data) for picture in row["pictures"] if (data := self._data(picture)) is not None]
            yield _sample(row, tuple(_picture(picture, data, base64=base64) for picture, data in there))

    def tally(self, span: Span) -> Tally:
        """What reading a segment came to."""
        return _tally(self._entry(span)["tally"])

    def pictures(self) -> Iterator[str]:
        """The names of all pictures, in order of time."""
        for span in self.spans():
            for row in self._entry(span)["samples"]:
                yield from (picture["name"] for picture in row["pictures"])

    def kept(self) -> Iterator[Mark]:
        """The marks of all frames that have a picture, in order of time; segments that cannot be read are passed over."""
        for span in self.spans():
            with contextlib.suppress(StoreError, ValueError, LookupError, TypeError):
                yield from (_sample(row, ()).mark for row in self._entry(span)["samples"] if row["pictures"])

    def spans(self) -> list[Span]:
        """The segments that are there, in order."""
        return sorted(self._lines, key=lambda span: span[0])

    def keep(self, sample: Sample) -> dict[str, Any]:
        """Save a sample's pictures and return its row for `remember`."""
        if sample.pictures:
            self._folder.save(sample.pictures)
        return _row(sample)

    def remember(self, span: Span, rows: list[dict[str, Any]], tally: Tally, stamp: str = "") -> None:
        """Write down a segment that was read to its end; `stamp` stands for what it was made of. Raises `StoreError`."""
        made_of = {"of": stamp} if stamp else {}
        self._lines[span] = self._append(_line({"segment": span, **made_of, "tally": asdict(tally), "samples": rows}))
        self._stamps[span] = stamp

    def end(self) -> None:
        """Write down that the pass came to its end. Raises `StoreError`."""
        if not self._complete:
            self._append(_COMPLETE)
            self._complete = True

    def _append(self, line: bytes) -> int:
        """Append whole, synced, on a line of its own; where it begins. What a full disk lets in of it is taken back."""
        with storing(self._path), self._path.open("ab", buffering=0) as file:
            before = file.seek(0, os.SEEK_END)
            start = b"\n" if before and not self._ends_whole(before) else b""
            try:
                left = memoryview(start + line)
                while left:
                    left = left[file.write(left) :]
                os.fsync(file.fileno())
            except OSError:
                file.truncate(before)
                raise
        return before + len(start)

    def _ends_whole(self, size: int) -> bool:
        with self._path.open("rb") as file:
            file.seek(size - 1)
            return file.read(1) == b"\n"

    def _entry(self, span: Span) -> dict[str, Any]:
        entry: dict[str, Any] = json.loads(self._line_at(self._lines[span]))
        return entry

    def _line_at(self, place: int) -> bytes:
        with storing(self._path), self._path.open("rb") as file:
            file.seek(place)
            return file.readline()

    def _data(self, picture: dict[str, Any]) -> bytes | None:
        """A picture's file, if it is there as it was saved."""
        try:
            data = (self._folder.path / PICTURES / str(picture["name"])).read_bytes()
        except OSError:
            return None
        return data if zlib.crc32(data) == int(picture["crc32"], 16) else None


def latest(folder: Path) -> SamplingStore | None:
    """The sampling that lies in a folder, whatever it is one of; `None` when there is none that can be read."""
    path = folder / SAMPLING
    try:
        with path.open("rb") as file:
            store = SamplingStore(folder, str(json.loads(file.readline())["key"]))
    except (OSError, ValueError, LookupError, TypeError):
        return None
    return store if store.info is not None and store.spans() else None


def _line(entry: dict[str, Any]) -> bytes:
    return (json.dumps(entry, ensure_ascii=False, separators=(",", ":")) + "\n").encode()


def _row(sample: Sample) -> dict[str, Any]:
    mark = sample.mark
    return {
        "frame": mark.frame,
        "time": mark.time,
        "kept": mark.kept,
        "reason": mark.reason.value,
        "same_as": mark.same_as,
        "change": round(mark.change, 3),
        "regions": mark.regions or ([mark.region] if mark.region else []),
        "keyframe": sample.keyframe,
        "pictures": [
            {
                "name": picture.name,
                "frame": picture.frame,
                "time": picture.time,
                "media_type": picture.media_type,
                "width": picture.width,
                "height": picture.height,
                "tokens": picture.tokens,
                "zoom_of": picture.zoom_of,
                "bytes": len(picture.data),
                "crc32": f"{zlib.crc32(picture.data):08x}",
            }
            for picture in sample.pictures
        ],
    }


def _sample(row: dict[str, Any], pictures: tuple[Picture, ...]) -> Sample:
    regions = tuple(_box(box) for box in row["regions"])
    mark = Mark(
        frame=row["frame"],
        time=row["time"],
        kept=row["kept"],
        reason=Reason(row["reason"]),
        same_as=row["same_as"],
        change=row["change"],
        region=regions[0] if regions else None,
        regions=regions,
    )
    return Sample(mark, keyframe=row["keyframe"], pictures=pictures)


def _picture(row: dict[str, Any], data: bytes, *, base64: bool) -> Picture:
    return Picture(
        frame=row["frame"],
        time=row["time"],
        data=data,
        base64=pybase64.b64encode(data) if base64 else b"",
        media_type=row["media_type"],
        width=row["width"],
        height=row["height"],
        tokens=row["tokens"],
        zoom_of=row["zoom_of"],
    )


def _box(values: list[float]) -> Box:
    x0, y0, x1, y1 = values
    return x0, y0, x1, y1


def _info(table: dict[str, Any]) -> SourceInfo:
    parts = tuple(Recording(**{**each, "sound": _sound(each)}) for each in table.get("parts", ()))
    left_out = tuple(LeftOut(**each) for each in table.get("left_out", ()))
    return replace(SourceInfo(**table), flags=tuple(table["flags"]), parts=parts, left_out=left_out, sound=_sound(table))


def _sound(table: dict[str, Any]) -> Sound | None:
    return Sound(**table["sound"]) if table.get("sound") is not None else None


def _tally(table: dict[str, Any]) -> Tally:
    lost = tuple(Lost(**each) for each in table["lost"])
    absent = tuple(Lost(**each) for each in table.get("absent", ()))
    skipped = tuple(Lost(**each) for each in table.get("skipped", ()))
    return replace(Tally(**table), lost=lost, flags=tuple(table["flags"]), absent=absent, skipped=skipped)
