"""``--log-calls``: a line of JSON for every request to a model, without pictures or keys."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from videoscan.folder import storing
from videoscan.model import Call
from videoscan.observe import Fact, Observer, ignore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextlib.contextmanager
def log(path: Path | None) -> Iterator[Observer]:
    """An observer that appends every `Call` to the file, whole lines only; one that does nothing without a file.

    Raises `StoreError` when the file cannot be written to, before anything is sent.
    """
    if path is None:
        yield ignore
        return
    with storing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("ab")

    def heard(fact: Fact) -> None:
        if isinstance(fact, Call):
            line = {"at": dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds"), **asdict(fact)}
            with storing(path):
                file.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")
                file.flush()

    with file:
        yield heard
