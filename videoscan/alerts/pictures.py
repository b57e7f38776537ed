"""The picture that goes along with an alert: read back from the output folder, and made small enough to be sent."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import pybase64

from videoscan.model import SUFFIXES, Picture

if TYPE_CHECKING:
    from pathlib import Path

    from videoscan.seams import Notice

How: TypeAlias = Literal["inline", "path", "none"]

_KINDS = {**{suffix: kind for kind, suffix in SUFFIXES.items()}, "jpeg": "image/jpeg"}
_JPEG = b"\xff\xd8\xff"
_QUALITY, _LEAST_SIDE = 85, 64


def told(notice: Notice, how: How, most: int) -> str:
    """What is told, as JSON, with the picture as `how` says; one of at most `most` bytes goes along as base64 of a JPEG."""
    body = dict(notice.told)
    data: dict[str, Any] = dict(body.get("data") or {})
    where = data.get("picture")
    if how == "none":
        data["picture"] = None
    elif how == "inline" and where is not None and notice.picture is not None:
        small = bounded(notice.picture, most)
        if small is not None:
            data["picture"] = {**where, "media_type": "image/jpeg", "base64": pybase64.b64encode(small).decode()}
    return json.dumps({**body, "data": data}, ensure_ascii=False, allow_nan=False)


def bounded(data: bytes, most: int) -> bytes | None:
    """A picture as a JPEG of at most `most` bytes: as it is, or shrunk step by step; `None` for what is no picture."""
    import cv2
    import numpy as np

    if data.startswith(_JPEG) and len(data) <= most:
        return data
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
    if image is None:
        return None
    while True:
        done, encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
        if done and len(encoded) <= most:
            return encoded.tobytes()
        height, width = image.shape[:2]
        if max(height, width) <= _LEAST_SIDE:
            return None
        # The bytes of a JPEG go about with its area.
        scale = max(0.3, min(0.9, (most / len(encoded)) ** 0.5)) if done else 0.5
        size = max(1, round(width * scale)), max(1, round(height * scale))
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)


def stored(path: Path, frame: int, time: float) -> Picture | None:
    """A picture that was saved, as it is sent to a model; `None` where it is gone or is none. Blocking."""
    import cv2
    import numpy as np

    media_type = _KINDS.get(path.suffix.lstrip(".").lower())
    try:
        data = path.read_bytes()
    except OSError:
        return None
    # An eighth of the size is enough to know that it can be read.
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_REDUCED_GRAYSCALE_8) if data else None
    if image is None or media_type is None:
        return None
    height, width = image.shape[0] * 8, image.shape[1] * 8
    return Picture(frame, time, data, pybase64.b64encode(data), media_type, width, height)
