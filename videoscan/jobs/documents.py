"""Jobs' timelines as they lie on disk, for callers who look again and again: as text to send, and without their long lists."""

from __future__ import annotations

import gzip
import threading
from collections import OrderedDict
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import orjson

from videoscan.document import Timeline
from videoscan.folder import TIMELINE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_HELD_BYTES = 32 << 20
"""Bytes of texts that are held, packed ones included; the one that was asked for last stays, however large."""

_HEADS = 256
"""Jobs whose head is held: some 50 kB each, of which most is the profile."""

_LISTS = ("events", "windows", "coverage", "chapters")

NOTHING = "none"
"""What stands for the state of a timeline that is not there yet."""


@dataclass(frozen=True)
class Text:
    """A timeline as JSON. `stamp` stands for this state of it."""

    stamp: str
    body: bytes
    head: bytes = b""
    """The same without its long lists, and with its source as it is on this machine."""

    @cached_property
    def packed(self) -> bytes:
        """The same in gzip, worked out once: a day's timeline is megabytes, and a tenth of that when packed. Blocking."""
        # Measured on 5,000 events (3.4 MB): level 1 takes 30 ms for 281 kB, level 6 takes 92 ms for 242 kB.
        return gzip.compress(self.body, compresslevel=1, mtime=0)


class Documents:
    """The timelines of a service's jobs. Everything blocks.

    Memory: `_HELD_BYTES` and one text, and `_HEADS` heads. What lies on disk was checked when it was written: a text is not read into
    models, which takes ten times as long as all else.
    """

    def __init__(self, place: Callable[[str], Path], shown: Callable[[str], str]) -> None:
        """`place` is a job's output folder, `shown` what callers see of where a source lies."""
        self._place, self._shown = place, shown
        self._texts: OrderedDict[str, Text] = OrderedDict()
        self._heads: OrderedDict[str, tuple[str, Timeline]] = OrderedDict()
        # One at a time: two who ask at the same moment, as a page does, read it once.
        self._lock = threading.Lock()

    def stamp(self, job: str) -> str:
        """What stands for the state of a job's timeline; `NOTHING` where there is none."""
        try:
            stat = (self._place(job) / TIMELINE).stat()
        except FileNotFoundError:
            return NOTHING
        return f"{stat.st_mtime_ns:x}-{stat.st_size:x}"

    def text(self, job: str) -> Text | None:
        """A job's timeline as JSON, with its source as callers see it; `None` where there is none yet."""
        with self._lock:
            stamp = self.stamp(job)
            held = self._texts.get(job)
            if held is not None and held.stamp == stamp:
                self._texts.move_to_end(job)
                return held
            return self._read(job)

    def head(self, job: str) -> tuple[Timeline | None, str]:
        """A job's timeline without events, windows, coverage and chapters, and the state of it; the source as it is on this machine.

        Raises `ValueError` on a file that is no timeline.
        """
        with self._lock:
            stamp = self.stamp(job)
            held = self._heads.get(job)
            if held is None or held[0] != stamp:
                text = self._texts.get(job)
                if text is None or text.stamp != stamp:
                    text = self._read(job)
                if text is None:
                    return None, NOTHING
                held = self._heads[job] = text.stamp, Timeline.from_json(text.head)
                while len(self._heads) > _HEADS:
                    self._heads.popitem(last=False)
            self._heads.move_to_end(job)
            return held[1], held[0]

    def _read(self, job: str) -> Text | None:
        """Read a timeline from disk, and hold what was read."""
        try:
            stamp = self.stamp(job)
            told = orjson.loads((self._place(job) / TIMELINE).read_bytes())
        except FileNotFoundError:
            self._texts.pop(job, None)
            return None
        head = orjson.dumps({**told, **dict.fromkeys(_LISTS, ())})
        source = told["source"]
        for each in (source, *source.get("parts", ())):
            each["uri"] = self._shown(each["uri"])
        text = self._texts[job] = Text(stamp, orjson.dumps(told), head)
        self._texts.move_to_end(job)
        while len(self._texts) > 1 and sum(map(_size, self._texts.values())) > _HELD_BYTES:
            self._texts.popitem(last=False)
        return text


def _size(text: Text) -> int:
    return len(text.body) + len(text.__dict__.get("packed", b""))
