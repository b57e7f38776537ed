"""Writes pictures and sound into an MP4: H.264 and AAC, which every player and phone takes."""

from __future__ import annotations

from fractions import Fraction
from typing import IO, TYPE_CHECKING, Any, TypeAlias, cast

import av
import cv2
import numpy as np
from av.video.reformatter import Colorspace

from videoscan.clips.sound import RATE
from videoscan.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from av.audio.stream import AudioStream
    from av.video.stream import VideoStream
    from numpy.typing import NDArray

    from videoscan.model import Bgr

TICKS = 90_000
"""A second of the written video: fine enough for every rate, so that a variable one stays what it is."""

Encoders: TypeAlias = "tuple[tuple[str, dict[str, str]], ...]"
"""Encoders with their options, in the order of preference."""

_ENCODERS: Encoders = (
    ("libx264", {"crf": "18", "preset": "veryfast", "bf": "0"}),
    ("libopenh264", {"b": "6M"}),
    ("mpeg4", {"q": "3"}),
)
"""The first one that this build of FFmpeg has. CRF 18: hardly to be told from the source (x264's own documentation). Without B-frames
a variable rate keeps its times exactly: decoding times are presentation times."""

_BT709 = 1


class Writer:
    """A video in the making: `picture` and `samples` in order of time, then `close`. `size` is cut to even numbers."""

    def __init__(
        self,
        out: IO[bytes],
        size: tuple[int, int],
        rate: float | None,
        *,
        channels: int,
        title: str | None = None,
        encoders: Encoders = _ENCODERS,
    ) -> None:
        self.size = max(2, size[0] // 2 * 2), max(2, size[1] // 2 * 2)
        self._out = av.open(out, "w", format="mp4", options={"movflags": "+faststart"})
        if title:
            self._out.metadata["title"] = title
        self._video = self._video_stream(rate, encoders)
        self._audio: AudioStream | None = None
        if channels:
            self._audio = self._out.add_stream("aac", rate=RATE)
            self._audio.codec_context.layout = "mono" if channels == 1 else "stereo"
            self._audio.codec_context.format = "fltp"
            self._audio.codec_context.bit_rate = 128_000
        self.channels = channels
        self._heard = 0
        self._held: tuple[int, Bgr] | None = None
        self._lengths: dict[int, int] = {}

    def _video_stream(self, rate: float | None, encoders: Encoders) -> VideoStream:
        known = av.codec.codecs_available
        for name, options in encoders:
            if name in known:
                rated = Fraction(rate or 25).limit_denominator(1001)
                stream = cast("VideoStream", self._out.add_stream(name, rate=rated, options=options))
                stream.width, stream.height = self.size
                stream.pix_fmt = "yuv420p"
                context: Any = stream.codec_context
                context.time_base = Fraction(1, TICKS)
                context.colorspace = context.color_primaries = context.color_trc = _BT709
                return stream
        raise ConfigError("this build of FFmpeg can write no video", hint="take --cut copy, or install PyAV's own wheel")

    @property
    def heard(self) -> float:
        """Seconds of sound that are written."""
        return self._heard / RATE

    def picture(self, time: float, picture: Bgr) -> None:
        """A picture that is shown from `time` seconds on, fitted into `size` with bars where its shape is another."""
        tick = round(time * TICKS)
        if self._held is not None:
            if tick <= self._held[0]:
                return
            self._encode(*self._held, tick)
        self._held = tick, picture

    def samples(self, blocks: Sequence[NDArray[np.float32]]) -> None:
        """Sound that goes on where the last one ended."""
        assert self._audio is not None, "a video without channels has no sound"
        for block in blocks:
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block), "fltp", "mono" if self.channels == 1 else "stereo")
            frame.sample_rate = RATE
            frame.pts, frame.time_base = self._heard, Fraction(1, RATE)
            self._heard += block.shape[1]
            self._out.mux(self._audio.encode(frame))

    def chapters(self, found: Sequence[tuple[float, float, str]]) -> None:
        """Chapters of the whole: start, end, title. Before `close`."""
        self._out.set_chapters(
            [
                {
                    "id": number,
                    "start": round(start * 1000),
                    "end": round(end * 1000),
                    "time_base": Fraction(1, 1000),
                    "metadata": {"title": title},
                }
                for number, (start, end, title) in enumerate(found, start=1)
            ]
        )

    def close(self, end: float) -> None:
        """The last picture is shown until `end` seconds."""
        try:
            if self._held is not None:
                self._encode(*self._held, max(round(end * TICKS), self._held[0] + 1))
                self._held = None
            self._mux(self._video.encode(None))
            if self._audio is not None:
                self._out.mux(self._audio.encode(None))
        finally:
            self._out.close()

    def abandon(self) -> None:
        """Let go of everything; what was written is of no use. Idempotent."""
        self._out.close()

    def _encode(self, tick: int, picture: Bgr, until: int) -> None:
        fitted = fit(picture, self.size)
        frame = av.VideoFrame.from_ndarray(fitted, format="bgr24").reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709)
        frame.pts, frame.time_base = tick, Fraction(1, TICKS)
        self._lengths[tick] = until - tick
        self._mux(self._video.encode(frame))

    def _mux(self, packets: Sequence[Any]) -> None:
        for packet in packets:
            length = self._lengths.pop(packet.pts, None)
            if length is not None:
                packet.duration = length
            self._out.mux(packet)


def fit(picture: Bgr, size: tuple[int, int]) -> Bgr:
    """`picture` in the middle of (width, height), black around it where its shape is another; a pixel of shape makes no bar."""
    height, width = picture.shape[:2]
    if abs(width - size[0]) <= 1 and abs(height - size[1]) <= 1:
        if (width, height) == size:
            return picture
        return (
            np.ascontiguousarray(picture[: size[1], : size[0]])
            if width >= size[0] and height >= size[1]
            else _resized(picture, size)
        )
    scale = min(size[0] / width, size[1] / height)
    inner = max(1, min(size[0], round(width * scale))), max(1, min(size[1], round(height * scale)))
    canvas = np.zeros((size[1], size[0], 3), np.uint8)
    left, top = (size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2
    canvas[top : top + inner[1], left : left + inner[0]] = _resized(picture, inner)
    return canvas


def _resized(picture: Bgr, size: tuple[int, int]) -> Bgr:
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
