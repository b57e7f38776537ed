"""A sampling without its pictures' bytes: small enough to keep for a night, and enough to form windows of it again.

Memory: about a kilobyte for each kept frame, nothing for the dropped ones.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

from videoscan.model import Mark, Picture, Sample, SourceInfo, Tally, Window

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from videoscan.core import CoreItem


@dataclass(frozen=True, slots=True)
class Sketch:
    """What was sampled of one source. `samples` are the kept ones; times are seconds, `read` is what decoding and encoding took."""

    samples: tuple[Sample, ...]
    duration: float
    decoded: int = 0
    sampled: int = 0
    lost: float = 0.0
    read: float = 0.0

    @property
    def kept(self) -> int:
        """Frames that would be shown."""
        return len(self.samples)


class Sketcher:
    """Takes what a core gives, item by item. `info` is the source's, once it was given."""

    def __init__(self) -> None:
        self._samples: list[Sample] = []
        self._sampled = 0
        self.info: SourceInfo | None = None
        self.tally: Tally | None = None

    def take(self, item: CoreItem) -> None:
        """The next item."""
        if isinstance(item, Window):
            self._take(item)
        elif isinstance(item, Tally):
            self.tally = item
        else:
            self.info = item

    def sketch(self) -> Sketch:
        """Everything, at the end of a pass that was not stopped."""
        tally = self.tally
        assert tally is not None, "a core that was not stopped ends with its tally"
        lost = sum(stretch.end - stretch.start for stretch in tally.lost)
        read = tally.decode_seconds + tally.encode_seconds
        return Sketch(tuple(self._samples), tally.duration, tally.decoded, self._sampled, lost, read)

    def _take(self, window: Window) -> None:
        marks = {mark.frame: mark for mark in window.marks}
        shots = list(_shots(window.pictures))
        first = shots[window.overlap][0].time if window.overlap < len(shots) else window.end
        self._sampled += sum(mark.time >= first for mark in window.marks)
        for shot in shots[window.overlap :]:
            mark = marks[shot[0].frame]
            self._samples.append(light(mark, shot))


def light(mark: Mark, shot: Iterable[Picture]) -> Sample:
    """A kept sample whose pictures have their sizes, and nothing in them."""
    return Sample(mark.bare(), pictures=tuple(_light(picture) for picture in shot))


def resized(picture: Picture, data: int, width: int, height: int, tokens: int) -> Picture:
    """A light picture of another size. `data` is in bytes."""
    return replace(picture, data=_blank(data), base64=_blank(base64_size(data)), width=width, height=height, tokens=tokens)


def base64_size(data: int) -> int:
    """Characters of the Base64 text of so many bytes."""
    return 4 * ((data + 2) // 3)


def _light(picture: Picture) -> Picture:
    return replace(picture, data=_blank(len(picture.data)), base64=_blank(base64_size(len(picture.data))))


_nothing = bytearray(1 << 20)


def _blank(size: int) -> bytes:
    """Something that has a length, and takes no memory of its own: all that grouping asks of a picture's bytes."""
    global _nothing  # noqa: PLW0603  # it only grows, and nobody reads what is in it
    if size > len(_nothing):
        _nothing = bytearray(size)
    return cast("bytes", memoryview(_nothing)[:size])


def _shots(pictures: Iterable[Picture]) -> Iterator[tuple[Picture, ...]]:
    """Each frame's picture with the crop that follows it."""
    shot: list[Picture] = []
    for picture in pictures:
        if picture.zoom_of is None and shot:
            yield tuple(shot)
            shot = []
        shot.append(picture)
    if shot:
        yield tuple(shot)
