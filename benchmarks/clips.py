"""Long clips for benchmarks, made by repeating a sample without encoding anything again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import av

if TYPE_CHECKING:
    from pathlib import Path


def repeat(clip: Path, seconds: float, out: Path) -> Path:
    """Write `clip` over and over into `out` until it lasts at least `seconds`; the packets are copied."""
    with av.open(str(clip)) as source:
        stream = source.streams.video[0]
        packets = [packet for packet in source.demux(stream) if packet.dts is not None and packet.pts is not None]
        first = min(packet.pts for packet in packets)
        length = max(packet.pts + (packet.duration or 0) for packet in packets) - first
        with av.open(str(out), "w", format="mp4") as target:
            copy = target.add_stream_from_template(stream)
            copy.time_base = stream.time_base
            times = [(packet.pts, packet.dts) for packet in packets]
            offset = 0
            while offset * stream.time_base < seconds:
                for packet, (pts, dts) in zip(packets, times, strict=True):
                    packet.pts, packet.dts, packet.stream = pts + offset, dts + offset, copy
                    target.mux(packet)
                    # Muxing rewrites the packet's clock to the target's; the next round starts from the source's again.
                    packet.time_base = stream.time_base
                offset += length
    return out
