"""Decoded pictures that are converted only as far as somebody asks, always upright."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from av.video.reformatter import Colorspace, Interpolation, VideoReformatter

from videoscan.reading.shrinking import area_averaged

if TYPE_CHECKING:
    from av import VideoFrame
    from numpy.typing import NDArray

    from videoscan.model import Bgr, Gray

_TURNS = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}

_LUMA_FIRST = ("yuv", "nv12", "nv16", "nv21", "nv24", "gray")
"""Beginnings of the names of pixel formats whose first plane is luma alone."""

_PACKED = ("yuyv", "yuvx", "yuv444o")

_UNSPECIFIED = 2
"""``AVCOL_SPC_UNSPECIFIED``."""

_HD_LINES = 576
"""Unmarked pictures with more lines than this are taken for BT.709, as players do; swscale alone would take BT.601."""


def turned(picture: NDArray[np.uint8], rotation: int) -> NDArray[np.uint8]:
    """`picture` turned clockwise by `rotation` degrees (0, 90, 180 or 270)."""
    return np.asarray(cv2.rotate(picture, _TURNS[rotation]), np.uint8) if rotation in _TURNS else picture


def rotation_of(frame: VideoFrame) -> int:
    """Degrees clockwise (0, 90, 180, 270) that make the frame upright, from its display matrix (counter-clockwise there)."""
    return -round(frame.rotation / 90) * 90 % 360


def upright_size(width: int, height: int, rotation: int) -> tuple[int, int]:
    """Width and height after turning by `rotation` degrees."""
    return (height, width) if rotation in {90, 270} else (width, height)


def shrunk(width: int, height: int, long_side: int | None) -> tuple[int, int]:
    """The size with its longer side at most `long_side`, proportions kept to the pixel, never below 1x1."""
    scale = 1.0 if long_side is None else min(1.0, long_side / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


@dataclass(frozen=True, slots=True)
class AvPixels:
    """A frame as FFmpeg decoded it. Pixels are as coded: an anamorphic picture (sample aspect ratio not 1) is not stretched."""

    frame: VideoFrame
    rotation: int = 0

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the upright picture."""
        return upright_size(self.frame.width, self.frame.height, self.rotation)

    def gray(self, width: int, height: int) -> Gray:
        """Luma straight from its plane, without colour conversion: limited-range video stays in 16..235."""
        size = upright_size(width, height, self.rotation)
        frame = self.frame if self._has_plain_luma() else VideoReformatter().reformat(self.frame, format="gray8")
        bits = frame.format.components[0].bits
        if bits == 8:
            small = area_averaged(_plane(frame, np.dtype(np.uint8)), *size)
        else:
            deep = area_averaged(_plane(frame, np.dtype("<u2")), *size)
            small = np.right_shift(deep, bits - 8)
        return turned(np.ascontiguousarray(small, np.uint8), self.rotation)

    def bgr(self, long_side: int | None = None) -> Bgr:
        """Scaled and converted in one pass."""
        frame = self.frame
        width, height = shrunk(frame.width, frame.height, long_side)
        unmarked = frame.colorspace == _UNSPECIFIED and frame.height > _HD_LINES
        made = VideoReformatter().reformat(
            frame,
            width,
            height,
            "bgr24",
            src_colorspace=Colorspace.ITU709 if unmarked else None,
            interpolation=Interpolation.AREA,
        )
        rows = np.frombuffer(memoryview(made.planes[0]), np.uint8).reshape(height, made.planes[0].line_size)
        picture = rows[:, : width * 3].reshape(height, width, 3)
        return np.ascontiguousarray(turned(picture, self.rotation))

    def _has_plain_luma(self) -> bool:
        layout = self.frame.format
        bits = layout.components[0].bits
        return (
            # Some decoders (AMV) keep a picture upside down: its plane begins with the last line, and Python would read on behind it.
            self.frame.planes[0].line_size > 0
            and layout.name.startswith(_LUMA_FIRST)
            and not layout.name.startswith(_PACKED)
            and not layout.is_big_endian
            and (bits == 8 or (8 < bits <= 16))
        )


def _plane(frame: VideoFrame, kind: np.dtype[Any]) -> NDArray[Any]:
    plane = frame.planes[0]
    rows = np.frombuffer(memoryview(plane), kind).reshape(plane.height, plane.line_size // kind.itemsize)
    return rows[:, : plane.width]


@dataclass(frozen=True, slots=True)
class ArrayPixels:
    """An upright picture that is already an array, as OpenCV gives it: (height, width, 3), blue first."""

    picture: Bgr

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.picture.shape[1], self.picture.shape[0]

    def gray(self, width: int, height: int) -> Gray:
        """Shrunk first, then converted: the same luma for a fraction of the work."""
        small = area_averaged(self.picture, width, height)
        return np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), np.uint8)

    def bgr(self, long_side: int | None = None) -> Bgr:
        """A copy, shrunk by area averaging."""
        height, width = self.picture.shape[:2]
        size = shrunk(width, height, long_side)
        if size == (width, height):
            return self.picture.copy()
        return np.asarray(cv2.resize(self.picture, size, interpolation=cv2.INTER_AREA), np.uint8)
