"""Turns judged frames into samples: what is kept is encoded, where it changed little cropped, and the raw picture is let go."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pybase64

from videoscan.errors import ConfigError
from videoscan.model import Picture, Sample
from videoscan.reading.difference import grid
from videoscan.reading.regions import covered

if TYPE_CHECKING:
    from videoscan.config import WindowOptions
    from videoscan.model import Bgr, Box, Frame, Gray, Mark, Pixels, Regions
    from videoscan.seams import Limits

_MEDIA = {"jpeg": "image/jpeg", "png": "image/png", "webp": "image/webp", "bmp": "image/bmp", "tiff": "image/tiff"}
_ENDING = {"image/jpeg": ".jpg", "image/png": ".png", "image/webp": ".webp", "image/bmp": ".bmp", "image/tiff": ".tiff"}
_LOSSY = {"image/jpeg": cv2.IMWRITE_JPEG_QUALITY, "image/webp": cv2.IMWRITE_WEBP_QUALITY}

# Below this quality JPEG blocks hide small subjects more than fewer pixels would: shrink instead.
_LEAST_QUALITY = 60
_LEAST_SIDE = 16

_ZOOM_AROUND = 3.0
"""A crop is so many times as wide and high as what changed: without its surroundings nobody can say what a thing does."""
_ZOOM_LEAST = 0.15
"""Of the picture's shorter side: a smaller crop holds nothing to tell the place by."""
ZOOM_PIXELS = 512
"""Longer side of a crop that is enlarged. Vision models cut pictures into patches of about 28 pixels; a person of 20 pixels is
less than one of them, and four after this."""
_ZOOM_GAIN = 1.5
"""A crop that shows its region less than so many times larger than the picture already does tells nothing new."""

THUMBNAIL = 480
"""Longer side of a thumbnail in pixels: 14 to 29 kB a picture, on five clips. Who shows thousands shrinks them further."""
_THUMBNAIL_QUALITY = 75


@dataclass(frozen=True, slots=True, eq=False)
class Remembered:
    """Pixels that reduce the luma once for everybody who asks for the same size."""

    pixels: Pixels
    known: dict[tuple[int, int], Gray]

    @classmethod
    def of(cls, frame: Frame) -> Frame:
        """The frame with pixels that remember."""
        return replace(frame, pixels=cls(frame.pixels, {}))

    @property
    def size(self) -> tuple[int, int]:
        """See `videoscan.model.Pixels`."""
        return self.pixels.size

    def gray(self, width: int, height: int) -> Gray:
        """See `videoscan.model.Pixels`. The same array each time: nobody may write into it."""
        known = self.known.get((width, height))
        if known is None:
            known = self.known[width, height] = self.pixels.gray(width, height)
            known.flags.writeable = False
        return known

    def bgr(self, long_side: int | None = None) -> Bgr:
        """See `videoscan.model.Pixels`."""
        return self.pixels.bgr(long_side)


@dataclass(frozen=True, slots=True)
class Reducer:
    """What is to be left of a frame: its pictures always; its cells and a thumbnail of every frame where somebody wants them."""

    options: WindowOptions
    limits: Limits
    cells: bool = False
    explain: bool = False

    def __call__(self, frame: Frame) -> Sample:
        """Raises `ConfigError` when a picture cannot be made to fit."""
        mark = frame.mark
        assert mark is not None, "a deduplicator marks every frame"
        return Sample(
            mark=mark if self.explain else replace(mark, ignored=None),
            keyframe=frame.keyframe,
            pictures=pictures(frame, self.options, self.limits) if mark.kept else (),
            cells=frame.pixels.gray(*grid(frame.pixels.size)) if self.cells else None,
            thumbnail=_bytes(frame.pixels.bgr(THUMBNAIL), "image/jpeg", _THUMBNAIL_QUALITY) if self.explain else None,
        )


def pictures(frame: Frame, options: WindowOptions, limits: Limits) -> tuple[Picture, ...]:
    """A frame's picture, and the crop that goes with it where one is wanted: see `encode` and `zoom_box`."""
    picture = encode(frame, options, limits)
    box = zoom_box(frame.mark, options.zoom, frame.pixels.size, options.long_side) if options.zoom and frame.mark else None
    if box is None or (limits.pictures is not None and limits.pictures < 2):
        return (picture,)
    whole = frame.pixels.bgr()
    height, width = whole.shape[:2]
    x0, y0, x1, y1 = (round(edge * side) for edge, side in zip(box, (width, height, width, height), strict=True))
    crop = whole[y0:y1, x0:x1]
    scale = ZOOM_PIXELS / max(crop.shape[:2])
    if scale > 1:
        crop = np.asarray(cv2.resize(crop, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC), np.uint8)
    elif (scale := options.long_side / max(crop.shape[:2])) < 1:
        crop = np.asarray(cv2.resize(crop, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
    zoom = _fitting(crop, frame, options, limits)
    return picture, replace(zoom, zoom_of=frame.index)


def refitted(shown: tuple[Picture, ...], options: WindowOptions, limits: Limits) -> tuple[Picture, ...]:
    """Pictures that were encoded for somebody else, as this endpoint takes them and no larger than is wanted; crops only where they are."""
    wanted = shown if options.zoom and limits.pictures != 1 else shown[:1]
    return tuple(_refitted(picture, options, limits) for picture in wanted)


def blackened(shown: tuple[Picture, ...], regions: Regions, options: WindowOptions, limits: Limits) -> tuple[Picture, ...]:
    """What an earlier pass encoded, with all that does not count black. Crops are left out: where they were cut is not known."""
    whole = shown[0]
    image = np.asarray(cv2.imdecode(np.frombuffer(whole.data, np.uint8), cv2.IMREAD_COLOR), np.uint8)
    return (_fitting(covered(image, regions), whole, options, limits),)


def cells_of(picture: Picture) -> Gray:
    """The luma of an encoded picture on the grid of `videoscan.reading.difference`."""
    image = np.asarray(cv2.imdecode(np.frombuffer(picture.data, np.uint8), cv2.IMREAD_GRAYSCALE), np.uint8)
    return np.asarray(cv2.resize(image, grid((picture.width, picture.height)), interpolation=cv2.INTER_AREA), np.uint8)


def _refitted(picture: Picture, options: WindowOptions, limits: Limits) -> Picture:
    most = min(limit for limit in (limits.picture_bytes, limits.body_bytes, math.inf) if limit is not None)
    longer = max(picture.width, picture.height)
    if picture.media_type in limits.formats and 4 * ((len(picture.data) + 2) // 3) <= most and longer <= options.long_side:
        return replace(picture, tokens=limits.cost.tokens(picture.width, picture.height))
    image = np.asarray(cv2.imdecode(np.frombuffer(picture.data, np.uint8), cv2.IMREAD_COLOR), np.uint8)
    if longer > options.long_side:
        share = options.long_side / longer
        size = max(1, round(picture.width * share)), max(1, round(picture.height * share))
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    made = _fitting(image, picture, options, limits)
    return replace(made, zoom_of=picture.zoom_of)


def zoom_box(mark: Mark, share: float, size: tuple[int, int], long_side: int) -> Box | None:
    """What to crop out of a picture of `size` (width, height) that is shown at `long_side`; `None` for nothing.

    The strongest changed region that covers less than `share` of the picture, with its surroundings, about as wide as high and
    within the picture.
    """
    region = next((box for box in (mark.region, *mark.regions) if box is not None and 0 < _area(box) < share), None)
    if region is None:
        return None
    width, height = size
    x0, y0, x1, y1 = region
    side = max(_ZOOM_AROUND * max((x1 - x0) * width, (y1 - y0) * height), _ZOOM_LEAST * min(width, height))
    wide, high = min(1.0, side / width), min(1.0, side / height)
    if max(ZOOM_PIXELS, side) < _ZOOM_GAIN * side * min(1.0, long_side / max(width, height)):
        return None
    left, top = (min(max(0.0, (a + b - extent) / 2), 1.0 - extent) for a, b, extent in ((x0, x1, wide), (y0, y1, high)))
    return left, top, left + wide, top + high


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def encode(frame: Frame, options: WindowOptions, limits: Limits) -> Picture:
    """One frame as a picture of at most `options.long_side`, its Base64 text within `limits.picture_bytes`.

    A picture that is too large is encoded again with less quality (not under 60) and then smaller, until it fits. A format that
    the endpoint does not take becomes JPEG. Raises `ConfigError` when not even a 16-pixel picture would fit.
    """
    return _fitting(frame.pixels.bgr(options.long_side), frame, options, limits)


def _fitting(image: Bgr, frame: Frame | Picture, options: WindowOptions, limits: Limits) -> Picture:
    media = _MEDIA[options.format]
    if media not in limits.formats:
        media = "image/jpeg"
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
        frame=frame.frame if isinstance(frame, Picture) else frame.index,
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
