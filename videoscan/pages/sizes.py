"""How large pictures may be so that all of a page's fit into its budget."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pybase64

if TYPE_CHECKING:
    from collections.abc import Sequence

    from videoscan.model import Bgr


@dataclass(frozen=True, slots=True)
class Size:
    """Longer side in pixels, and JPEG quality. Small pictures take more compression before it shows."""

    side: int
    quality: int


LARGE = (Size(960, 80), Size(800, 78), Size(640, 76), Size(480, 75), Size(400, 72), Size(320, 68), Size(256, 64), Size(192, 60))
SMALL = (Size(480, 75), Size(400, 72), Size(320, 68), Size(256, 64), Size(192, 60), Size(160, 55), Size(128, 50), Size(112, 45))


@dataclass(frozen=True, slots=True)
class Inlined:
    """A picture inside the page; `width` and `height` are its own pixels."""

    url: str
    width: int
    height: int

    @property
    def length(self) -> int:
        """Bytes on the page."""
        return len(self.url)


@dataclass(frozen=True, slots=True)
class Fit:
    """`count` pictures of `size` take about `bytes` of a page."""

    size: Size
    count: int
    bytes: int


def fit(examples: Sequence[bytes], count: int, budget: int, sizes: Sequence[Size]) -> Fit:
    """The largest of `sizes` at which `count` pictures like the `examples` fit, and how many do at the smallest if none is small enough.

    An estimate: right as far as the examples are like the rest.
    """
    each = 0.0
    for size in sizes:
        found = [shown.length for data in examples if (shown := inlined(data, size)) is not None]
        each = sum(found) / len(found) if found else 0.0
        if count * each <= budget:
            return Fit(size, count, round(count * each))
    return Fit(sizes[-1], int(budget / each), budget)


def shrunk(image: Bgr, size: Size) -> bytes:
    """A picture as JPEG, never enlarged."""
    height, width = image.shape[:2]
    scale = size.side / max(height, width)
    if scale < 1:
        image = np.asarray(
            cv2.resize(image, (max(1, round(width * scale)), max(1, round(height * scale))), interpolation=cv2.INTER_AREA),
            np.uint8,
        )
    return bytes(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, size.quality])[1].tobytes())


def decoded(data: bytes) -> Bgr | None:
    """A picture's pixels; `None` when it is none."""
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
    return None if image is None else np.asarray(image, np.uint8)


def inlined(data: bytes, size: Size) -> Inlined | None:
    """A JPEG for the page, made smaller where it is larger than that. `None` when there is no picture."""
    image = decoded(data)
    if image is None:
        return None
    height, width = image.shape[:2]
    if max(height, width) > size.side:
        data = shrunk(image, size)
        scale = size.side / max(height, width)
        width, height = max(1, round(width * scale)), max(1, round(height * scale))
    return Inlined("data:image/jpeg;base64," + pybase64.b64encode(data).decode(), width, height)
