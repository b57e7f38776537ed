"""Groups kept frames into windows: encodes them, and closes a window by count, time, cut, bytes or tokens.

A kept frame is encoded as soon as it comes, so that no raw picture waits. Memory: the pictures of the open window and of its
overlap, at most ``max_frames + overlap_frames`` encoded pictures, plus one mark per sampled frame of the window.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pybase64

from videoscan.errors import ConfigError
from videoscan.model import Frame, Mark, Picture, Reason, Window

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from videoscan.config import WindowOptions
    from videoscan.model import Bgr
    from videoscan.seams import Limits

_MEDIA = {"jpeg": "image/jpeg", "png": "image/png", "webp": "image/webp", "bmp": "image/bmp", "tiff": "image/tiff"}
_ENDING = {"image/jpeg": ".jpg", "image/png": ".png", "image/webp": ".webp", "image/bmp": ".bmp", "image/tiff": ".tiff"}
_LOSSY = {"image/jpeg": cv2.IMWRITE_JPEG_QUALITY, "image/webp": cv2.IMWRITE_WEBP_QUALITY}

# Below this quality JPEG blocks hide small subjects more than fewer pixels would: shrink instead.
_LEAST_QUALITY = 60
_LEAST_SIDE = 16


def encode(frame: Frame, options: WindowOptions, limits: Limits) -> Picture:
    """One frame as a picture of at most `options.long_side`, its Base64 text within `limits.picture_bytes`.

    A picture that is too large is encoded again with less quality (not under 60) and then smaller, until it fits. A format that
    the endpoint does not take becomes JPEG. Raises `ConfigError` when not even a 16-pixel picture would fit.
    """
    media = _MEDIA[options.format]
    if media not in limits.formats:
        media = "image/jpeg"
    image = frame.pixels.bgr(options.long_side)
    quality = options.quality
    most = limits.picture_bytes if limits.picture_bytes is not None else math.inf
    if limits.body_bytes is not None:
        most = min(most, limits.body_bytes)
    while True:
        data = _bytes(image, media, quality)
        text = 4 * ((len(data) + 2) // 3)
        if text <= most:
            break
        if media in _LOSSY and quality > _LEAST_QUALITY:
            quality = max(_LEAST_QUALITY, quality - 15)
            continue
        # Bytes go roughly with the area; never by less than a tenth, so that the loop ends.
        share = min(0.9, max(0.25, math.sqrt(most / text)))
        height, width = image.shape[:2]
        if max(height, width) * share < _LEAST_SIDE:
            raise ConfigError(
                f"a picture cannot be made smaller than the endpoint's limit of {int(most)} Base64 bytes",
                hint="raise the limit of describer.dialect, or use windows.format = 'jpeg'",
            )
        size = max(1, round(width * share)), max(1, round(height * share))
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    height, width = image.shape[:2]
    return Picture(
        frame=frame.index,
        time=frame.time,
        data=data,
        base64=pybase64.b64encode(data) if limits.sends else b"",
        media_type=media,
        width=width,
        height=height,
        tokens=limits.cost.tokens(width, height),
    )


def _bytes(image: Bgr, media: str, quality: int) -> bytes:
    done, buffer = cv2.imencode(_ENDING[media], image, [_LOSSY[media], quality] if media in _LOSSY else [])
    if not done:
        height, width = image.shape[:2]
        raise ConfigError(f"a picture of {width}x{height} cannot be encoded as {media}", hint="choose another windows.format")
    return buffer.tobytes()


@dataclass(slots=True)
class _Open:
    """The window that is being filled. The first `overlap` pictures were in the window before."""

    pictures: list[Picture] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    overlap: int = 0

    @property
    def fresh(self) -> int:
        return len(self.pictures) - self.overlap

    def shed(self, count: int) -> None:
        """Give up the oldest `count` overlap pictures, and the marks before the first picture that is left."""
        del self.pictures[:count]
        self.overlap -= count
        first = self.pictures[0].time if self.pictures else math.inf
        self.marks = [mark for mark in self.marks if mark.time >= first]


@dataclass(frozen=True, slots=True)
class _Room:
    """How much fits into one window."""

    pictures: int
    base64: float
    tokens: float

    @classmethod
    def of(cls, options: WindowOptions, limits: Limits) -> _Room:
        tokens = [limit for limit in (options.max_tokens, limits.tokens) if limit is not None]
        return cls(
            pictures=min(options.max_frames, limits.pictures or options.max_frames),
            base64=limits.body_bytes if limits.body_bytes is not None else math.inf,
            tokens=min(tokens, default=math.inf),
        )

    def holds(self, pictures: list[Picture]) -> bool:
        return (
            len(pictures) <= self.pictures
            and sum(len(picture.base64) for picture in pictures) <= self.base64
            and sum(picture.tokens for picture in pictures) <= self.tokens
        )


def windows(
    frames: Iterable[Frame],
    options: WindowOptions,
    limits: Limits,
    *,
    duration: Callable[[], float],
    encoder: Callable[[Frame, WindowOptions, Limits], Picture] = encode,
) -> Iterator[Window]:
    """Group judged frames (each with its `mark`) into windows, in order of time.

    A window is closed by the next kept frame that does not belong to it any more: the window is full (pictures, Base64 bytes or
    tokens), `max_seconds` have passed since its first new picture, or the frame begins a new shot. So every window has at least
    one new picture, and dropped frames stay with the window of what stands for them. The last `overlap_frames` pictures are
    shown again in the next window, except across a cut, and except where they would leave no room for a new one.

    `duration` is asked for the source's end once `frames` are exhausted. A picture that alone exceeds the tokens of a window
    still gets one: it is the endpoint's to refuse.
    """
    room = _Room.of(options, limits)
    overlap = min(options.overlap_frames, room.pictures - 1)
    index = 0
    current = _Open()

    for frame in frames:
        mark = frame.mark
        assert mark is not None, "windows() comes after a deduplicator"
        if mark.kept:
            picture = encoder(frame, options, limits)
            cut = options.close_at_cut and mark.reason is Reason.CUT
            if current.fresh and (
                cut
                or picture.time - current.pictures[current.overlap].time >= options.max_seconds
                or not room.holds([*current.pictures, picture])
            ):
                yield _close(current, index, picture.time)
                index += 1
                current = _follow(current, 0 if cut else overlap)
            while current.overlap and not room.holds([*current.pictures, picture]):
                current.shed(1)
            current.pictures.append(picture)
        current.marks.append(mark)
    if current.fresh:
        yield _close(current, index, duration())


def _close(current: _Open, index: int, end: float) -> Window:
    return Window(
        index=index,
        start=current.pictures[0].time,
        end=max(end, current.pictures[-1].time),
        pictures=tuple(current.pictures),
        marks=tuple(current.marks),
        overlap=current.overlap,
    )


def _follow(before: _Open, overlap: int) -> _Open:
    """The next window, which shows the last `overlap` pictures again."""
    if not overlap:
        return _Open()
    pictures = before.pictures[-overlap:]
    return _Open(pictures, [mark for mark in before.marks if mark.time >= pictures[0].time], len(pictures))
