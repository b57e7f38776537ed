"""The sound of a stretch of a file, cut to the sample, silence where there is none."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import av
import numpy as np
from av.audio.resampler import AudioResampler

from videoscan.errors import SourceError
from videoscan.sources.probing import look, open_container

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

RATE = 48_000
"""Samples a second of everything that is written."""

_LEAD = 1.0
"""Seconds before a stretch from which on it is decoded: a decoder of sound needs a few frames to begin."""

_BLOCK = RATE // 10


def channels(file: str) -> int:
    """1 or 2 as it will be written, 0 for a file without sound that can be decoded."""
    try:
        _, opened = look(file, threads=1)
        with contextlib.closing(open_container(opened.url, file, None)) as container:
            stream = next((stream for stream in container.streams.audio if stream.codec_context is not None), None)
            return 0 if stream is None else min(2, max(1, stream.codec_context.channels))
    except (SourceError, av.error.FFmpegError, OSError, ValueError):
        return 0


def sound(file: str, start: float, end: float, count: int) -> Iterator[NDArray[np.float32]]:
    """Blocks of shape (`count` channels, samples), together exactly ``[start, end)`` seconds after the first picture.

    What the file does not have, or what cannot be decoded, is silence.
    """
    total = max(0, round((end - start) * RATE))
    done = 0
    for at, block in _decoded(file, start, end, count):
        first = max(done, round((at - start) * RATE))
        skipped = first - round((at - start) * RATE)
        piece = block[:, skipped:][:, : max(0, total - first)]
        if piece.shape[1] == 0:
            continue
        yield from _silence(count, first - done)
        yield piece
        done = first + piece.shape[1]
    yield from _silence(count, total - done)


def _silence(count: int, samples: int) -> Iterator[NDArray[np.float32]]:
    while samples > 0:
        yield np.zeros((count, min(samples, _BLOCK)), np.float32)
        samples -= _BLOCK


def _decoded(file: str, start: float, end: float, count: int) -> Iterator[tuple[float, NDArray[np.float32]]]:
    """What there is from a little before `start` on, with its time."""
    try:
        _, opened = look(file, threads=1)
        container = open_container(opened.url, file, None)
    except SourceError:
        return
    with contextlib.closing(container):
        stream = next((stream for stream in container.streams.audio if stream.codec_context is not None), None)
        if stream is None:
            return
        zero = opened.zero * opened.base
        if start > 2 * _LEAD and opened.indexed:
            container.seek(int((zero + start - _LEAD) * av.time_base))
        resampler = AudioResampler("fltp", "mono" if count == 1 else "stereo", RATE)
        following: float | None = None
        try:
            for packet in container.demux(stream):
                with contextlib.suppress(av.error.FFmpegError, ValueError):
                    for frame in packet.decode():
                        at = following if frame.pts is None else frame.pts * float(frame.time_base or 0) - zero
                        if at is None:
                            at = 0.0
                        following = at + frame.samples / frame.sample_rate
                        frame.pts = None
                        for made in resampler.resample(frame):
                            yield at, made.to_ndarray().astype(np.float32, copy=False).reshape(count, -1)
                            at += made.samples / RATE
                        if at >= end:
                            return
        except (av.error.FFmpegError, OSError):
            return
