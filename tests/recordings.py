"""Makes a recorder's work: a small film of a place, and the same film in pieces, copied packet by packet."""

from __future__ import annotations

import datetime as dt
import itertools
from typing import TYPE_CHECKING

import av
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

RATE, GOP = 5, 10
MIDNIGHT = dt.datetime(2026, 3, 1, 23, 55)  # noqa: DTZ001  # as a recorder's name says it


def film(path: Path, seconds: float, visits: Sequence[tuple[float, float]] = (), *, size=(160, 90), codec="libx264") -> Path:
    """A still place through which a bright box goes from left to right in each of `visits` (seconds); keyframes every 2 s."""
    rng = np.random.default_rng(7)
    place = rng.integers(40, 90, (size[1], size[0], 3), np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=RATE)
        stream.width, stream.height, stream.pix_fmt, stream.gop_size = *size, "yuv420p", GOP
        stream.options = {"preset": "ultrafast", "sc_threshold": "0"} if codec == "libx264" else {}
        for number in range(round(seconds * RATE)):
            picture, now = place.copy(), number / RATE
            for start, end in visits:
                if start <= now < end:
                    left = round((size[0] - 30) * (now - start) / (end - start))
                    picture[30:60, left : left + 20] = 230
            for packet in stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")):
                out.mux(packet)
        out.mux(stream.encode(None))
    return path


def by_clock(prefix: str = "cam1_", pattern: str = "%Y%m%d_%H%M%S", start: dt.datetime = MIDNIGHT) -> Callable[[float], str]:
    """Names as recorders give them: the wall time of the piece, whole seconds."""
    return lambda seconds: f"{prefix}{start + dt.timedelta(seconds=int(seconds)):{pattern}}"


def cut(source: Path, folder: Path, times: Sequence[float], name: Callable[[float], str], suffix: str = ".mp4") -> list[Path]:
    """Stream copies of ``[times[n], times[n + 1])``; keyframes lie at the times."""
    with av.open(str(source)) as container:
        stream = container.streams.video[0]
        packets = [packet for packet in container.demux(stream) if packet.dts is not None]
        zero, base = min(packet.pts for packet in packets), stream.time_base
        made = []
        for start, end in itertools.pairwise([*times, float("inf")]):
            piece = [packet for packet in packets if start - 1e-6 <= float((packet.pts - zero) * base) < end - 1e-6]
            path = folder / f"{name(start)}{suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            with av.open(str(path), "w") as out:
                copy = out.add_stream_from_template(stream)
                first = min(packet.pts for packet in piece)
                for packet in piece:
                    before = packet.pts, packet.dts
                    packet.pts, packet.dts, packet.stream = packet.pts - first, packet.dts - first, copy
                    out.mux(packet)
                    packet.pts, packet.dts = before
                    packet.time_base = base
            made.append(path)
    return made


def copy(source: Path, path: Path, created: str | None) -> Path:
    """The same packets in another file, whose metadata say when it was made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(source)) as container, av.open(str(path), "w") as out:
        if created:
            out.metadata["creation_time"] = created
        stream = container.streams.video[0]
        to = out.add_stream_from_template(stream)
        for packet in container.demux(stream):
            if packet.dts is not None:
                packet.stream = to
                out.mux(packet)
    return path
