"""The per-scan record that makes resume exact: an answer is in the journal before it is used.

``journal.jsonl``: one JSON object a line, readable by a person (``docs/output-folder.md``): a header that names the source,
then one line per described window, keyed by everything the answer depends on. A changed prompt, model or picture makes another key, so
that an old answer is never taken for a new question, and is still there when the old question comes back.

A line counts when it is whole. What a kill, a full disk or a power cut left of one is passed over, costs only its own window, and the
next write begins on a line of its own.

Memory: 16 bytes of key and a place in the file for each answer, about 120 bytes in all (12 MB for a month of 100,000 windows);
answers are read back from disk when they are asked for.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import threading
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from videoscan import __version__
from videoscan.folder import JOURNAL, OutputFolder, storing
from videoscan.model import Description, Prompt, Shown, Usage, Window

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_FORMAT = "videoscan.journal/1"
_DESCRIPTION = TypeAdapter(Description)
_SHOWN = TypeAdapter(Shown)
_USAGE = TypeAdapter(Usage)

# How an answer's line begins, as `_append` writes it: enough to index it without reading on.
_ANSWER = b'{"key":"'

# A line that means nothing: torn, overwritten, or of another version. Brackets without end exhaust the parser's stack.
_UNREADABLE = (ValueError, LookupError, TypeError, ValidationError, RecursionError)


def key_of(window: Window, prompt: Prompt, describer: Mapping[str, Any], *, measured: bool) -> str:
    """The hash of all that an answer depends on: pictures and their times, words around them, who is asked, and with what.

    `describer` holds the options that change an answer (model, dialect, extra body), not those that only change how fast it
    comes. `measured`: the describer is this program and goes by the marks, so both count as well.
    """
    parts: list[Any] = [
        dict(describer),
        [prompt.system, prompt.instructions, prompt.schema, prompt.text_first],
        [
            [
                round(picture.time, 6),
                picture.media_type,
                hashlib.sha256(picture.data).hexdigest(),
                *(["zoom"] if picture.zoom_of is not None else []),
            ]
            for picture in window.pictures
        ],
    ]
    if measured:
        marks = [asdict(replace(mark, ignored=None)) for mark in window.marks]
        parts.append([__version__, window.overlap, window.start, window.end, *marks])
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:32]


class Journal:
    """The open journal of one output folder. Threads may share it, two processes may not."""

    def __init__(self, folder: Path, source: str, *, fresh: bool = False) -> None:
        """Read what is there, or with `fresh` forget it. Raises `StoreError` when the folder cannot be read or written."""
        self._path = folder / JOURNAL
        self._places: dict[str, int] = {}
        self._failed: set[str] = set()
        self._probes: dict[str, Usage] = {}
        self._writing = threading.Lock()
        self._reading = threading.Lock()
        self.finished: str | None = None
        with storing(self._path):
            if fresh or not self._path.exists() or not self._path.stat().st_size:
                # Whole or not at all: a journal that does not say whose it is would belong to nobody.
                OutputFolder(folder).write(JOURNAL, _line({"journal": _FORMAT, "source": source}))
            self._file = self._path.open("ab", buffering=0)
            self._written = self._path.open("rb")
        try:
            with storing(self._path):
                torn = self._load()
            if torn:
                self._write(b"\n")
        except BaseException:
            self.close()
            raise

    def _load(self) -> bool:
        """Index what is there; whether the last line has no end."""
        place, line = 0, b"\n"
        for line in self._written:
            if line.startswith(b"\0"):  # a power cut leaves a file's length without its content
                bare = line.lstrip(b"\0")
                place, line = place + len(line) - len(bare), bare  # noqa: PLW2901
            if line.startswith(_ANSWER):
                if line.endswith(b"}\n") or _parsed(line) is not None:
                    key = line[len(_ANSWER) :].split(b'"', 1)[0]
                    self._places[key.decode(errors="replace")] = place
            elif (entry := _parsed(line)) is not None:
                if "failed" in entry:
                    self._failed.add(str(entry["failed"]))
                elif "probe" in entry:
                    with contextlib.suppress(*_UNREADABLE):
                        self._add_probe(str(entry["probe"]), _USAGE.validate_python(entry["usage"]))
                elif "finished" in entry:
                    self.finished = entry["finished"]
            place += len(line)
        return not line.endswith(b"\n")

    def __len__(self) -> int:
        return len(self._places)

    def answer(self, key: str) -> Description | None:
        """The answer to exactly this question, if it was given before. Raises `StoreError` when the file cannot be read."""
        try:
            entry = self._entry(key)
            return None if entry is None else _DESCRIPTION.validate_python(entry["description"])
        except _UNREADABLE:
            return None  # its window is asked again

    def by_window(self) -> dict[tuple[int, tuple[int, ...]], Description]:
        """The last answers about windows, by their index and pictures' frames. Raises `StoreError` when the file cannot be read."""
        found: dict[tuple[int, tuple[int, ...]], Description] = {}
        for key in self._places:
            entry = self._entry(key)
            if entry is not None and "window" in entry and "second_look" not in entry:
                with contextlib.suppress(*_UNREADABLE):
                    found[int(entry["window"]), tuple(entry["frames"])] = _DESCRIPTION.validate_python(entry["description"])
        return found

    def _entry(self, key: str) -> dict[str, Any] | None:
        """The line of a key, `None` without one, or where it cannot be read."""
        place = self._places.get(key)
        if place is None:
            return None
        with storing(self._path), self._reading:
            self._written.seek(place)
            return _parsed(self._written.readline())

    def record(self, key: str, window: Window, description: Description) -> None:
        """Write an answer down. Failures are not recorded: they are asked again. Raises `StoreError`."""
        if description.failure is not None:
            return
        entry = {
            "key": key,
            "window": window.index,
            "start": round(window.start, 6),
            "end": round(window.end, 6),
            "frames": [picture.frame for picture in window.pictures],
            "description": _DESCRIPTION.dump_python(description, mode="json"),
        }
        self._places[key] = self._write(_line(entry))

    def record_words(self, key: str, what: str, description: Description) -> None:
        """Write down an answer that is about no window but about `what`. As `record` does. Raises `StoreError`."""
        if description.failure is None:
            entry = {"key": key, "what": what, "description": _DESCRIPTION.dump_python(description, mode="json")}
            self._places[key] = self._write(_line(entry))

    def record_probe(self, scan: str, usage: Usage) -> None:
        """Write down what trying out the endpoint took for a scan, whose windows may all be asked about later. Raises `StoreError`."""
        self._write(_line({"probe": scan, "usage": asdict(usage)}))
        self._add_probe(scan, usage)

    def _add_probe(self, scan: str, usage: Usage) -> None:
        self._probes[scan] = self._probes.get(scan, Usage()) + usage

    def probes(self, scan: str) -> Usage:
        """What trying out the endpoint took for a scan so far."""
        return self._probes.get(scan, Usage())

    def second_look(self, key: str) -> tuple[Description, tuple[Shown, ...]] | None:
        """The answer of exactly this second look, and what it has shown. Raises `StoreError` when the file cannot be read."""
        entry = self._entry(key)
        try:
            if entry is None:
                return None
            shown = tuple(_SHOWN.validate_python(row) for row in entry["shown"])
            return _DESCRIPTION.validate_python(entry["description"]), shown
        except _UNREADABLE:
            return None

    def record_second_look(self, key: str, window: Window, why: str, shown: Sequence[Shown], description: Description) -> None:
        """Write down the answer of a second look. As `record` does. Raises `StoreError`."""
        if description.failure is None:
            entry = {
                "key": key,
                "second_look": why,
                "window": window.index,
                "start": round(window.start, 6),
                "end": round(window.end, 6),
                "frames": [picture.frame for picture in window.pictures],
                "shown": [asdict(each) for each in shown],
                "description": _DESCRIPTION.dump_python(description, mode="json"),
            }
            self._places[key] = self._write(_line(entry))

    def replacing(self, fingerprint: str) -> None:
        """Note that the timeline beside it is about to be one of `fingerprint`, finished or not. Raises `StoreError`.

        Otherwise a kill between the writing of the new one and `finish` would leave it under the old one's name.
        """
        if self.finished not in {None, fingerprint}:
            self._note(None)

    def record_failure(self, key: str, window: Window, description: Description) -> None:
        """Note that a question has had no answer, for the sake of those that were asked after it. Raises `StoreError`."""
        if description.failure is None or key in self._failed:
            return
        self._failed.add(key)
        entry = {"failed": key, "window": window.index, "start": round(window.start, 6), "end": round(window.end, 6)}
        self._write(_line({**entry, "error": {"kind": description.failure.kind, "message": description.failure.message}}))

    def failed(self, key: str) -> bool:
        """Whether this question has ever had no answer, whatever came later; see `record_failure`."""
        return key in self._failed

    def finish(self, fingerprint: str) -> None:
        """Note that the timeline beside it is finished, and for which question; see `videoscan.publish`. Raises `StoreError`."""
        if self.finished != fingerprint:
            self._note(fingerprint)

    def _note(self, fingerprint: str | None) -> None:
        self._write(_line({"finished": fingerprint}))
        self.finished = fingerprint

    def _write(self, data: bytes) -> int:
        """Append whole, synced; where it begins. What a full disk lets in of it is taken back."""
        with storing(self._path), self._writing:
            began = os.fstat(self._file.fileno()).st_size
            try:
                left = memoryview(data)
                while left:
                    left = left[self._file.write(left) :]
                os.fsync(self._file.fileno())
            except OSError:
                os.ftruncate(self._file.fileno(), began)
                raise
        return began

    def close(self) -> None:
        """Idempotent."""
        self._file.close()
        self._written.close()


def _line(entry: dict[str, Any]) -> bytes:
    return (json.dumps(entry, ensure_ascii=False, separators=(",", ":")) + "\n").encode()


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        entry = json.loads(line)
    except _UNREADABLE:
        return None
    return entry if isinstance(entry, dict) else None
