"""The per-scan record that makes resume exact: an answer is in the journal before it is used.

One JSON object a line, readable by a person: a header that names the source, then one line per described window, keyed by
everything the answer depends on. A changed prompt, model or picture makes another key, so that an old answer is never taken for
a new question. The last line may be torn by a kill; it is skipped, and the next write begins on a line of its own.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from videoscan.folder import JOURNAL, storing
from videoscan.model import Description, Prompt, Window

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_FORMAT = "videoscan.journal/1"
_DESCRIPTION = TypeAdapter(Description)


def key_of(window: Window, prompt: Prompt, describer: Mapping[str, Any], *, measured: bool) -> str:
    """The hash of all that an answer depends on: pictures and their times, words around them, who is asked, and with what.

    `describer` holds the options that change an answer (model, dialect, extra body), not those that only change how fast it
    comes. `measured`: the describer goes by the marks, so they count as well.
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
        parts.append([window.overlap, *(asdict(mark) for mark in window.marks)])
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:32]


class Journal:
    """The open journal of one output folder. Threads may share it, two processes may not."""

    def __init__(self, folder: Path, source: str, *, fresh: bool = False) -> None:
        """Read what is there, or with `fresh` forget it. Raises `StoreError` when the folder cannot be read or written."""
        self._path = folder / JOURNAL
        self._answers: dict[str, Description] = {}
        self._failed: set[str] = set()
        self._writing = threading.Lock()
        self.finished: str | None = None
        with storing(self._path):
            text = self._path.read_bytes() if self._path.exists() and not fresh else b""
            self._load(text)
            self._file = self._path.open("wb" if fresh else "ab")
            if text and not text.endswith(b"\n"):
                self._file.write(b"\n")
        if not text:
            self._append({"journal": _FORMAT, "source": source})

    def _load(self, text: bytes) -> None:
        for line in text.splitlines():
            try:
                entry = json.loads(line)
                if "key" in entry:
                    self._answers[entry["key"]] = _DESCRIPTION.validate_python(entry["description"])
                elif "failed" in entry:
                    self._failed.add(entry["failed"])
                elif "finished" in entry:
                    self.finished = entry["finished"]
            except (ValueError, KeyError, TypeError, ValidationError):
                continue  # a torn line, or one of another version: its window is asked again

    def __len__(self) -> int:
        return len(self._answers)

    def answer(self, key: str) -> Description | None:
        """The answer to exactly this question, if it was given before."""
        return self._answers.get(key)

    def record(self, key: str, window: Window, description: Description) -> None:
        """Write an answer down. Failures are not recorded: they are asked again. Raises `StoreError`."""
        if description.failure is not None:
            return
        self._answers[key] = description
        self._append(
            {
                "key": key,
                "window": window.index,
                "start": round(window.start, 6),
                "end": round(window.end, 6),
                "frames": [picture.frame for picture in window.pictures],
                "description": _DESCRIPTION.dump_python(description, mode="json"),
            }
        )

    def record_failure(self, key: str, window: Window, description: Description) -> None:
        """Note that a question has had no answer, for the sake of those that were asked after it. Raises `StoreError`."""
        if description.failure is None or key in self._failed:
            return
        self._failed.add(key)
        entry = {"failed": key, "window": window.index, "start": round(window.start, 6), "end": round(window.end, 6)}
        self._append({**entry, "error": {"kind": description.failure.kind, "message": description.failure.message}})

    def failed(self, key: str) -> bool:
        """Whether this question has ever had no answer, whatever came later; see `record_failure`."""
        return key in self._failed

    def finish(self, fingerprint: str) -> None:
        """Note that the timeline beside it is finished, and for which question; see `videoscan.publish`."""
        if self.finished == fingerprint:
            return
        self.finished = fingerprint
        self._append({"finished": fingerprint})

    def _append(self, entry: dict[str, Any]) -> None:
        line = json.dumps(entry, ensure_ascii=False, separators=(",", ":")) + "\n"
        with storing(self._path), self._writing:
            self._file.write(line.encode())
            self._file.flush()
            os.fsync(self._file.fileno())

    def close(self) -> None:
        """Idempotent."""
        self._file.close()
