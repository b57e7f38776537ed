"""Cameras that are plugged in (V4L2 on Linux, `/dev/video0`), read with OpenCV: the FFmpeg that PyAV brings knows no devices."""

from __future__ import annotations

import contextlib
import re
import threading
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import cv2
import numpy as np
from pydantic import Field

from videoscan.errors import SourceNotFound, SourceUnsupported
from videoscan.live.link import LinkFailed
from videoscan.live.stream import LiveOptions, at_work
from videoscan.model import Camera
from videoscan.seams import AS_IT_IS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import BaseModel

    from videoscan.live.footage import LiveStream
    from videoscan.model import Bgr
    from videoscan.seams import Setting

_NUMBER = re.compile(r"(?:/dev/video)?(\d{1,3})")

_OPENING = threading.Lock()
"""OpenCV's log level is the process's."""


class DeviceOptions(LiveOptions):
    """How a device is read."""

    width: int = Field(default=0, ge=0, le=16_384)
    """What is asked of the device, with `height`; it gives the nearest that it can. 0: what it gives by itself."""

    height: int = Field(default=0, ge=0, le=16_384)
    """See `width`."""

    rate: float = Field(default=0.0, ge=0, le=240)
    """Pictures per second that are asked of the device. 0: what it gives by itself."""


class DeviceLink:
    """An opened device. For one thread. See `videoscan.live.reader.Connection`: pictures come decoded, and carry no times."""

    paced = timed = False
    codec: str | None = None
    extradata: bytes | None = None
    base = 1.0

    def __init__(self, device: str, options: DeviceOptions, patience: float) -> None:
        """Open it. Raises `LinkFailed`."""
        self.patience = patience
        self._capture = _capture(device, options, patience)
        if not self._capture.isOpened():
            self._capture.release()
            there = Path(device).exists() or _NUMBER.fullmatch(device) is None
            raise LinkFailed(
                "the device cannot be opened: another program may use it" if there else "the device is not plugged in"
            )
        rate = self._capture.get(cv2.CAP_PROP_FPS)
        self.rate: float | None = rate if 0.01 <= rate <= 240 else None

    def packets(self) -> Iterator[Bgr]:
        """Its pictures. Raises `LinkFailed` when no more come."""
        while True:
            came, picture = self._capture.read()
            if not came or picture is None:
                raise LinkFailed("the device gives no picture any more: is it still plugged in?")
            yield np.ascontiguousarray(picture, np.uint8)

    def close(self) -> None:
        """Let go of the device, so that others can open it."""
        with contextlib.suppress(cv2.error):
            self._capture.release()


class DeviceSource:
    """Watches a camera that is plugged in."""

    Options: ClassVar[type[BaseModel]] = DeviceOptions

    def __init__(self, options: DeviceOptions | None = None) -> None:
        self.options = options or DeviceOptions()

    def open(self, uri: str, setting: Setting = AS_IT_IS) -> LiveStream:
        """See `videoscan.seams.LiveSource`. The device must be there now; later it may be unplugged, and plugged in again."""
        path = Path(uri)
        if not path.exists():
            raise SourceNotFound(f"there is no device {uri!r}", hint="`ls /dev/video*` shows those that are plugged in")
        if not path.is_char_device():
            raise SourceUnsupported(f"{uri!r} is no device", hint="play a file with --realtime")
        return at_work(
            uri,
            lambda read: DeviceLink(uri, self.options, read),
            self.options,
            setting,
            why_not="a device gives pictures that are not compressed",
        )

    def cameras(self, uri: str) -> tuple[Camera, ...]:
        """The one, called like the device."""
        return (Camera(Path(uri).name, uri),)


def _capture(device: str, options: DeviceOptions, patience: float) -> cv2.VideoCapture:
    number = _NUMBER.fullmatch(device)
    wanted = {
        cv2.CAP_PROP_FRAME_WIDTH: options.width,
        cv2.CAP_PROP_FRAME_HEIGHT: options.height,
        cv2.CAP_PROP_FPS: options.rate,
        # One picture waits, not four: what is looked at is now.
        cv2.CAP_PROP_BUFFERSIZE: 1,
    }
    with _OPENING:
        level = cv2.utils.logging.getLogLevel()
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
        try:
            limits = [cv2.CAP_PROP_READ_TIMEOUT_MSEC, round(patience * 1000)]
            capture = cv2.VideoCapture(int(number[1]) if number else device, cv2.CAP_V4L2 if number else cv2.CAP_ANY, limits)
            if not capture.isOpened() and number:
                # Drivers that know no time limit refuse it; FFmpeg's own wait of ten seconds then holds.
                capture = cv2.VideoCapture(int(number[1]), cv2.CAP_V4L2)
        finally:
            cv2.utils.logging.setLogLevel(level)
    for key, value in wanted.items():
        if value:
            capture.set(key, value)
    return capture
