"""Pictures and windows for tests of describers: small, really encoded, each different from the next."""

from __future__ import annotations

import cv2
import numpy as np
import pybase64

from videoscan.model import SUFFIXES, Mark, Picture, Reason, Window


def picture(
    frame: int, time: float | None = None, *, width: int = 64, height: int = 36, media_type: str = "image/jpeg"
) -> Picture:
    """A picture with its frame's number written on noise that is its own. `time` is `frame` seconds unless given."""
    pixels = np.random.default_rng(frame).integers(0, 256, (height, width, 3), dtype=np.uint8)
    cv2.putText(pixels, str(frame), (2, height - 6), cv2.FONT_HERSHEY_SIMPLEX, height / 40, (255, 255, 255), 1)
    good, data = cv2.imencode(f".{SUFFIXES[media_type]}", pixels)
    assert good, media_type
    encoded = data.tobytes()
    return Picture(
        frame=frame,
        time=float(frame) if time is None else time,
        data=encoded,
        base64=pybase64.b64encode(encoded),
        media_type=media_type,
        width=width,
        height=height,
    )


def window(
    count: int, *, index: int = 0, first: int = 0, width: int = 64, height: int = 36, media_type: str = "image/jpeg"
) -> Window:
    """A window of `count` pictures, one a second, all of them changed."""
    pictures = tuple(picture(first + n, width=width, height=height, media_type=media_type) for n in range(count))
    marks = tuple(Mark(shown.frame, shown.time, kept=True, reason=Reason.CHANGED) for shown in pictures)
    return Window(index=index, start=float(first), end=float(first + count), pictures=pictures, marks=marks)
