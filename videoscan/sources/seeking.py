"""Begins to read in the middle of a file, where that gives the same as reading from its start.

A file says where its keyframes lie in an index: MP4 in its sample table, Matroska in its cues. Both may be missing, damaged or about
something else, so an index is believed only if it covers the declared length, and a place only if a marked keyframe is found there.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

import av

from videoscan.sources.packets import Packets
from videoscan.sources.times import Ledger
from videoscan.sources.traffic import MEMORY

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from av.container import InputContainer
    from av.packet import Packet as AvPacket
    from av.video.stream import VideoStream

_FARTHEST = 30.0
"""Seconds. Where keyframes lie further apart, as much would be decoded in vain at each place as reading on costs."""

_TRIES = 16

_TRIALS = (0.47, 1.0)
"""Where in the file a keyframe is tried: at no round number, where there is one by chance; else at the end."""

_SAMPLES = 512
"""Entries of an index that are looked at."""

_INTRA = 1
"""``AV_PICTURE_TYPE_I``."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a pass begins to read: `at` in ticks as FFmpeg is asked for it, `None` at the file's start.

    `before` is the number of pictures from the first one it gives to the span's start; for `None`, from the file's first.
    """

    at: int | None
    before: int


def is_seekable(container: InputContainer, stream: VideoStream, path: Path | None, zero: int, declared: float | None) -> bool:
    """Whether every picture can be reached from the keyframe before it, by what the file says and by a trial.

    `declared` is the length in seconds from `zero`, the first picture's tick. Leaves the container anywhere.
    """
    if path is None or declared is None or stream.time_base is None:
        return False
    base = float(stream.time_base)
    try:
        if "mov" in container.format.name:
            if _is_fragmented(path):
                return False
        elif "matroska" in container.format.name:
            container.seek(zero, stream=stream)  # reads the cues
        else:
            return False
        if not _covers(stream, zero, base, declared, container.size):
            return False
        trials = (_stands_alone(container, stream, zero, zero + round(share * declared / base)) for share in _TRIALS)
        return next((trial for trial in trials if trial is not None), False)
    except (av.error.FFmpegError, OSError):
        return False


def find(
    open_again: Callable[[], tuple[InputContainer, VideoStream]],
    zero: int,
    frame: int,
    *,
    begin: int,
    start: int,
    stopped: Callable[[], bool],
    from_start: bool = False,
) -> Place:
    """Where to begin so that all pictures at or after `begin` come; all in ticks. Reads to `start`.

    Begins so long before `start` that what the packets there tell of a loss is the same as if all had been read. `frame` is the
    usual distance of two pictures.
    """
    container, stream = open_again()
    with container:
        lead = round(MEMORY / float(stream.time_base or 1))
        wanted = min(begin, start - lead)
        while not from_start and wanted > zero:
            at = _land(container, stream, wanted)
            if at is None:
                break
            container.seek(at, stream=stream)
            before, last = _count(container, stream, zero, frame, start, stopped)
            if stopped() or (last is not None and last - lead >= wanted - frame):
                return Place(at, before)
            # There is a pause before `start`: what lies before the pause counts.
            earlier = (last if last is not None else wanted) - lead
            wanted = min(earlier, wanted - 1)
    container, stream = open_again()
    with container:
        return Place(None, _count(container, stream, zero, frame, start, stopped)[0])


def _count(
    container: InputContainer, stream: VideoStream, zero: int, frame: int, start: int, stopped: Callable[[], bool]
) -> tuple[int, int | None]:
    """How many pictures before `start` are still to come, and when the last of them does."""
    count, last = 0, None
    for packet in Packets(container, stream, zero, frame, Ledger()):
        if packet.shown and zero <= packet.pts < start:
            count += 1
            last = packet.pts if last is None else max(last, packet.pts)
        if packet.floor >= start or stopped():
            break
    return count, last


def _land(container: InputContainer, stream: VideoStream, wanted: int) -> int | None:
    """What to ask FFmpeg for so that it begins at a keyframe at or before `wanted`; `None` if it never does."""
    target, step = wanted, 1
    for _ in range(_TRIES):
        found = _first_after(container, stream, target)
        if found is None:
            return None
        if found.is_keyframe and found.pts is not None and found.pts <= wanted:
            return target
        # MP4 is searched by decoding times, which lie before the presentation times that are meant.
        times = [time for time in (found.pts, found.dts) if time is not None]
        target = min([target, *times]) - step
        step *= 2
    return None


def _first_after(container: InputContainer, stream: VideoStream, target: int) -> AvPacket[VideoStream] | None:
    try:
        container.seek(target, stream=stream)
        return next((raw for raw in container.demux(stream) if raw.size), None)
    except (av.error.FFmpegError, OSError):
        return None


def _covers(stream: VideoStream, zero: int, base: float, declared: float, size: int) -> bool:
    """Whether the index leads from the first picture to the declared end, in order, within the file, by keyframes near each other."""
    # PyAV shows indexes from its version 16 on.
    index: Any = getattr(stream, "index_entries", None)
    count = len(index or ())
    if count < 2:
        return False
    chosen = [index[place] for place in sorted({round(number * (count - 1) / _SAMPLES) for number in range(_SAMPLES + 1)})]
    if any(one.timestamp >= other.timestamp or one.pos > other.pos for one, other in itertools.pairwise(chosen)):
        return False
    if chosen[-1].pos + chosen[-1].size > size:
        return False
    key, reached, step = max(0, index.search_timestamp(zero)), 0.0, round(1 / base)
    while key >= 0:
        time = (index[key].timestamp - zero) * base
        if time - reached > _FARTHEST:
            return False
        reached = max(reached, time)
        key = index.search_timestamp(max(index[key].timestamp + 1, zero + round(reached / base) + step), backward=False)
    return declared - reached <= _FARTHEST


def _stands_alone(container: InputContainer, stream: VideoStream, zero: int, wanted: int) -> bool | None:
    """Whether the keyframe before `wanted` needs no picture before it; `None` if it is the first, which proves nothing."""
    place = _land(container, stream, wanted)
    raw = None if place is None else _first_after(container, stream, place)
    if raw is None or raw.pts is None:
        return False
    if raw.pts <= zero:
        return None
    context = stream.codec_context
    context.flush_buffers()
    frames = context.decode(raw) + context.decode(None)
    context.flush_buffers()
    frame = next(iter(frames), None)
    return frame is not None and not frame.is_corrupt and (frame.key_frame or frame.pict_type == _INTRA)


def _is_fragmented(path: Path) -> bool:
    """Whether an MP4's pictures are described piece by piece: by ``moof`` boxes (ISO/IEC 14496-12, 8.8.4) or an index of them."""
    with path.open("rb") as file:
        for _ in range(64):
            kind, length = _box(file)
            if kind is None:
                return False
            if kind in {b"moof", b"sidx"}:
                return True
            file.seek(length, 1)
    return True  # so many boxes have only files that were written piece by piece


def _box(file: BinaryIO) -> tuple[bytes | None, int]:
    """The next box's kind and how long its content is; `None` at the end."""
    head = file.read(8)
    if len(head) < 8:
        return None, 0
    length, kind = int.from_bytes(head[:4], "big"), head[4:8]
    if length == 1:
        return kind, int.from_bytes(file.read(8), "big") - 16
    if length < 8:
        return None, 0
    return kind, length - 8
