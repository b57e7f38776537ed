"""A small version of a recording that every browser plays, for whoever reviews: the same clock, few pictures a second, little sound.

A recording of an hour is about 40 MB at most settings; `Bounds.bytes` is what it never exceeds by more than a tenth.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from videoscan.clips.sound import channels, sound
from videoscan.clips.writer import Encoders, Writer
from videoscan.errors import SourceUnsupported
from videoscan.recordings.footage import small

if TYPE_CHECKING:
    from collections.abc import Callable

    from videoscan.document import Timeline

_AUDIO_BITS = 128_000
"""Bits a second of sound, as `Writer` makes it."""

_MOST_BITS = 900_000
"""Bits a second of pictures that are worth having at this size."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How small a preview is made."""

    long_side: int = 854
    """Pixels of the longer side, at most."""
    rate: float = 12.5
    """Pictures a second, at most."""
    bytes: int = 2 << 30
    """The file's size, about."""


def encoders(duration: float, bounds: Bounds, *, heard: bool) -> Encoders:
    """H.264 that keeps to a size and can be sought in by the second; VP9 where this build of FFmpeg has no H.264.

    Raises `SourceUnsupported` where so long a recording does not fit.
    """
    left = bounds.bytes * 8 / max(duration, 1.0) - (_AUDIO_BITS if heard else 0)
    if left < 20_000:
        raise SourceUnsupported(
            f"a preview of {duration / 3600:.1f} h does not fit into {bounds.bytes / 1e6:.0f} MB",
            hint="the kept pictures are there; `--preview-bytes` of `videoscan serve` allows more",
        )
    most = str(round(min(_MOST_BITS, left)))
    every_other_second = str(round(bounds.rate * 2))
    return (
        (
            "libx264",
            {
                "crf": "27",
                "preset": "veryfast",
                "bf": "0",
                "maxrate": most,
                "bufsize": str(2 * int(most)),
                "g": every_other_second,
            },
        ),
        ("libopenh264", {"b": most, "g": every_other_second}),
        ("libvpx-vp9", {"b": most, "g": every_other_second, "deadline": "realtime", "cpu-used": "8"}),
    )


def make(timeline: Timeline, file: str, out: IO[bytes], bounds: Bounds, report: Callable[[float], None]) -> None:
    """Write a preview of `file`, the recording that `timeline` tells of; `report` hears how many seconds of it are done.

    What the profile blacks out is black. Raises `SourceError`.
    """
    duration = timeline.source.duration
    heard = channels(file)
    writer: Writer | None = None
    try:
        blocks = sound(file, 0.0, duration, heard) if heard else iter(())
        for shot in small(timeline, file, long_side=bounds.long_side, every=1 / bounds.rate):
            if writer is None:
                height, width = shot.picture.shape[:2]
                rate = min(bounds.rate, timeline.source.fps or bounds.rate)
                made = encoders(duration, bounds, heard=bool(heard))
                writer = Writer(out, (width, height), rate, channels=heard, encoders=made)
            writer.picture(max(0.0, shot.time), shot.picture)
            while heard and writer.heard < shot.time and (block := next(blocks, None)) is not None:
                writer.samples([block])
            report(shot.time)
        if writer is None:
            raise SourceUnsupported(f"there is no picture in {file}")
        for block in blocks:
            writer.samples([block])
    except BaseException:
        if writer is not None:
            writer.abandon()
        raise
    writer.close(duration)
