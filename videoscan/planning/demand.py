"""What a sampling would have sent: windows, requests, pictures, bytes and tokens, for any model and any way to make it smaller."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from videoscan.planning.sketch import Sketch, resized
from videoscan.reading.choosing import block_of
from videoscan.spending import tokens
from videoscan.windows import windows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from videoscan.config import WindowOptions
    from videoscan.model import Picture, PictureCost, Sample
    from videoscan.seams import Limits

_FIXED = 1_000
"""Bytes of a JPEG that do not grow with its area: headers and tables."""


@dataclass(frozen=True, slots=True)
class Demand:
    """What would be sent. `image_bytes` are before Base64; `picture_tokens` and `text_tokens` are estimates of all prompts."""

    windows: int = 0
    requests: int = 0
    images: int = 0
    image_bytes: int = 0
    picture_tokens: int = 0
    text_tokens: int = 0

    def __add__(self, other: Demand) -> Demand:
        return Demand(*(getattr(self, name) + getattr(other, name) for name in self.__dataclass_fields__))

    @property
    def prompt_tokens(self) -> int:
        """All of the prompts."""
        return self.picture_tokens + self.text_tokens

    def times(self, factor: float) -> Demand:
        """So many times as much; never less than one window where there is one."""
        return Demand(
            *(max(min(1, value), round(value * factor)) for value in (getattr(self, name) for name in self.__dataclass_fields__))
        )

    def record(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "windows": self.windows,
            "requests": self.requests,
            "images": self.images,
            "image_bytes": self.image_bytes,
            "tokens": {"pictures": self.picture_tokens, "text": self.text_tokens, "prompt": self.prompt_tokens},
        }


@dataclass(frozen=True, slots=True)
class Smaller:
    """Ways to send less of the same sampling: see `videoscan.planning.fitting`. `None` and 0 leave things as they are.

    `long_side` in pixels; `rate` in kept frames per second at most; `overlap_frames`, `max_frames` and `max_seconds` of a window.
    """

    long_side: int | None = None
    rate: float = 0.0
    overlap_frames: int | None = None
    max_frames: int | None = None
    max_seconds: float | None = None

    def __bool__(self) -> bool:
        return self != Smaller()

    def of(self, options: WindowOptions) -> WindowOptions:
        """The options of windows under it."""
        changes = {
            "long_side": None if self.long_side is None else min(self.long_side, options.long_side),
            "overlap_frames": self.overlap_frames,
            "max_frames": self.max_frames,
            "max_seconds": self.max_seconds,
        }
        return options.model_copy(update={key: value for key, value in changes.items() if value is not None})


AS_IT_IS = Smaller()


def demand(sketch: Sketch, options: WindowOptions, limits: Limits, *, words: int, smaller: Smaller = AS_IT_IS) -> Demand:
    """What the windows of a sampling would send, of pictures that cost what `limits.cost` says and `words` tokens of text each."""
    samples = [_as(sample, limits.cost, smaller.long_side) for sample in thinned(sketch.samples, smaller.rate)]
    settled = smaller.of(options)
    total = Demand()
    for window in windows(iter(samples), settled, limits, duration=lambda: sketch.duration):
        shown = window.pictures
        total += Demand(
            windows=1,
            requests=1,
            images=len(shown),
            image_bytes=sum(len(picture.data) for picture in shown),
            picture_tokens=sum(picture.tokens for picture in shown),
            text_tokens=words + tokens.LABEL_TOKENS * len(shown),
        )
    return total


def thinned(samples: Sequence[Sample], rate: float) -> Iterator[Sample]:
    """As many samples as `videoscan.reading.choosing.cap` would leave, if not always the same ones."""
    if not rate:
        yield from samples
        return
    seconds, frames = block_of(rate)
    block: list[Sample] = []
    number = 0
    for sample in samples:
        if (now := math.floor(sample.mark.time / seconds)) != number and block:
            yield from _spread(block, frames)
            block = []
        number = now
        block.append(sample)
    yield from _spread(block, frames)


def _spread(block: Sequence[Sample], count: int) -> list[Sample]:
    if len(block) <= count:
        return list(block)
    return [block[place * (len(block) - 1) // max(1, count - 1)] for place in range(count)]


def _as(sample: Sample, cost: PictureCost, long_side: int | None) -> Sample:
    return replace(sample, pictures=tuple(_picture(picture, cost, long_side) for picture in sample.pictures))


def _picture(picture: Picture, cost: PictureCost, long_side: int | None) -> Picture:
    width, height = picture.width, picture.height
    longer = max(width, height)
    if long_side is None or longer <= long_side:
        return replace(picture, tokens=cost.tokens(width, height))
    share = long_side / longer
    width, height = max(1, round(width * share)), max(1, round(height * share))
    data = (
        min(len(picture.data), round(_FIXED + (len(picture.data) - _FIXED) * share**1.6))
        if len(picture.data) > _FIXED
        else len(picture.data)
    )
    return resized(picture, data, width, height, cost.tokens(width, height))
