"""Groups samples into windows, and closes a window by count, time, cut, bytes or tokens.

Memory: the pictures of the open window and of its overlap, at most ``max_frames + overlap_frames`` encoded pictures and their
crops (with `windows.choose`: those of all samples in `max_seconds`), plus one mark per sampled frame of the window.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from videoscan.model import Mark, Picture, Reason, Sample, Window
from videoscan.reading.choosing import Chooser

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from videoscan.config import WindowOptions
    from videoscan.seams import Limits

Shot: TypeAlias = tuple[Picture, ...]
"""A frame's picture and the crops that go with it: shown together or not at all."""


@dataclass(slots=True)
class _Open:
    """The window that is being filled. The first `overlap` frames were in the window before."""

    shots: list[Shot] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    overlap: int = 0

    @property
    def fresh(self) -> int:
        return len(self.shots) - self.overlap

    @property
    def began(self) -> float:
        """Time of the first new picture."""
        return self.shots[self.overlap][0].time

    def shed(self, count: int) -> None:
        """Give up the oldest `count` frames of the overlap, and the marks before the first picture that is left."""
        del self.shots[:count]
        self.overlap -= count
        first = self.shots[0][0].time if self.shots else math.inf
        self.marks = [mark for mark in self.marks if mark.time >= first]


@dataclass(frozen=True, slots=True)
class Room:
    """How much fits into one window: `frames` is the profile's own limit, the rest counts crops as well."""

    frames: int
    pictures: float
    base64: float
    tokens: float

    @classmethod
    def of(cls, options: WindowOptions, limits: Limits) -> Room:
        """What the profile and the describer leave."""
        tokens = [limit for limit in (options.max_tokens, limits.tokens) if limit is not None]
        return cls(
            frames=min(options.max_frames, limits.pictures or options.max_frames),
            pictures=limits.pictures or math.inf,
            base64=limits.body_bytes if limits.body_bytes is not None else math.inf,
            tokens=min(tokens, default=math.inf),
        )

    def holds(self, shots: Sequence[Shot]) -> bool:
        """Whether all of these go into one window."""
        pictures = [picture for shot in shots for picture in shot]
        return (
            len(shots) <= self.frames
            and len(pictures) <= self.pictures
            and sum(len(picture.base64) for picture in pictures) <= self.base64
            and sum(picture.tokens for picture in pictures) <= self.tokens
        )


def windows(
    samples: Iterable[Sample], options: WindowOptions, limits: Limits, *, duration: Callable[[], float]
) -> Iterator[Window]:
    """Group samples into windows, in order of time.

    A window is closed by the next kept frame that does not belong to it any more: the window is full (frames, pictures with their
    crops, Base64 bytes or tokens), `max_seconds` have passed since its first new picture, or the frame begins a new shot. So every
    window has at least one new picture, and dropped frames stay with the window of what stands for them. The last `overlap_frames`
    frames are shown again in the next window, except across a cut, and except where they would leave no room for a new one.

    With `options.choose` a window's span is chosen first (`max_seconds`, a cut), and then which of its frames fill it:
    `videoscan.reading.choosing`.

    `duration` is asked for the source's end once `samples` are exhausted. A picture that alone exceeds the tokens of a window
    still gets one: it is the endpoint's to refuse. A crop that leaves no room for its own frame is left out.
    """
    room = Room.of(options, limits)
    overlap = min(options.overlap_frames, room.frames - 1)
    index = 0
    current = _Open()
    if options.choose:
        samples = _chosen(samples, options, room.frames - overlap)

    for sample in samples:
        mark = sample.mark
        if mark.kept:
            shot = sample.pictures if room.holds([sample.pictures]) else sample.pictures[:1]
            cut = options.close_at_cut and mark.reason is Reason.CUT
            late = current.fresh and mark.time - current.began >= options.max_seconds
            if current.fresh and (cut or late or not room.holds([*current.shots, shot])):
                yield _close(current, index, mark.time)
                index += 1
                current = _follow(current, 0 if cut else overlap)
            while current.overlap and not room.holds([*current.shots, shot]):
                current.shed(1)
            current.shots.append(shot)
        current.marks.append(mark)
    if current.fresh:
        yield _close(current, index, duration())


def _chosen(samples: Iterable[Sample], options: WindowOptions, limit: int) -> Iterator[Sample]:
    """The samples with at most `limit` kept ones between where windows must end anyway."""
    block: list[Sample] = []
    began: float | None = None
    chooser = Chooser()
    for sample in samples:
        mark = sample.mark
        if mark.kept:
            cut = options.close_at_cut and mark.reason is Reason.CUT
            if began is not None and (cut or mark.time - began >= options.max_seconds):
                yield from chooser.choose(block, limit)
                block, began = [], None
            began = mark.time if began is None else began
        block.append(sample)
    yield from chooser.choose(block, limit)


def _close(current: _Open, index: int, end: float) -> Window:
    return Window(
        index=index,
        start=current.shots[0][0].time,
        end=max(end, current.shots[-1][0].time),
        pictures=tuple(picture for shot in current.shots for picture in shot),
        marks=tuple(current.marks),
        overlap=current.overlap,
    )


def _follow(before: _Open, overlap: int) -> _Open:
    """The next window, which shows the last `overlap` frames again."""
    if not overlap:
        return _Open()
    shots = before.shots[-overlap:]
    return _Open(shots, [mark for mark in before.marks if mark.time >= shots[0][0].time], len(shots))
