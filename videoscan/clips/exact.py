"""Cuts to the picture: decoded, blacked out where the profile says so, and encoded anew."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING

from videoscan.clips.sound import channels, sound
from videoscan.clips.writer import Writer
from videoscan.errors import SourceUnsupported
from videoscan.recordings.footage import shots

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from videoscan.document import Timeline


@dataclass(frozen=True, slots=True)
class Stretch:
    """``[start, end)`` seconds of `file`."""

    timeline: Timeline
    file: str
    start: float
    end: float


def cut(stretch: Stretch, out: IO[bytes], title: str) -> None:
    """Write a stretch as a video of its own, at the source's size and its own rate. Raises `SourceError`."""
    source = stretch.timeline.source
    film = Film(out, source.fps, channels(stretch.file), title)
    try:
        film.add(stretch)
    except BaseException:
        film.abandon()
        raise
    film.close()


@dataclass
class Film:
    """Stretches one after the other. The first picture sets the size; `length` is how many seconds there are by now."""

    out: IO[bytes]
    rate: float | None
    channels: int
    title: str | None = None
    length: float = 0.0
    _writer: Writer | None = None
    _chapters: list[tuple[float, float, str]] = field(default_factory=list)

    def add(self, stretch: Stretch) -> None:
        """Add a stretch. Raises `SourceError` when there is no picture in it; then nothing was added."""
        begins = self.length
        lasts = stretch.end - stretch.start
        heard = sound(stretch.file, stretch.start, stretch.end, self.channels) if self.channels else iter(())
        shown = False
        for shot in shots(stretch.timeline, stretch.file, stretch.start, stretch.end):
            if self._writer is None:
                height, width = shot.picture.shape[:2]
                self._writer = Writer(self.out, (width, height), self.rate, channels=self.channels, title=self.title)
            at = max(0.0, shot.time - stretch.start) if shown else 0.0
            if at >= lasts and shown:
                break
            self._writer.picture(begins + at, shot.picture)
            shown = True
            self._hear(heard, begins + at)
        if not shown:
            raise SourceUnsupported(f"there is no picture in {stretch.file} from {stretch.start:.2f} s to {stretch.end:.2f} s")
        self.length = begins + lasts
        self._hear(heard, self.length + 1)

    def _hear(self, blocks: Iterator[NDArray[np.float32]], until: float) -> None:
        if self._writer is None or not self.channels:
            return
        while self._writer.heard < until:
            block = next(blocks, None)
            if block is None:
                return
            self._writer.samples([block])

    def mark(self, start: float, end: float, title: str) -> None:
        """A chapter, in seconds of the film."""
        self._chapters.append((start, end, title))

    @property
    def begun(self) -> bool:
        """Whether there is anything in it."""
        return self._writer is not None

    def close(self) -> None:
        """Finish the file."""
        assert self._writer is not None, "a film has at least one stretch"
        if self._chapters:
            self._writer.chapters(self._chapters)
        self._writer.close(self.length)

    def abandon(self) -> None:
        """Let go of what was begun."""
        if self._writer is not None:
            self._writer.abandon()
