"""Looks at the beginning of a video file: what it says of itself, and where its clock starts."""

from __future__ import annotations

import contextlib
import itertools
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import av
from av.stream import Disposition

from videoscan.errors import SourceUnsupported
from videoscan.model import SourceInfo
from videoscan.sources.packets import Packets
from videoscan.sources.paths import is_text, is_url, local_file, unreadable
from videoscan.sources.pixels import rotation_of, upright_size
from videoscan.sources.times import UNKNOWN_LENGTHS, BestEffort, Ledger, wall_clock

if TYPE_CHECKING:
    from pathlib import Path

    from av import VideoFrame
    from av.container import InputContainer
    from av.video.stream import VideoStream

_NETWORK_PATIENCE = 30.0
"""Seconds to wait for a URL to open or to go on."""

_LOOK = 48
"""Packets that are looked at to learn the rate and whether there are timestamps: more than any encoder reorders."""

_LOOK_FOR_PICTURE = 2000
"""Packets that may pass before the first picture: over a minute, for streams that were cut in the middle of a long GOP."""

_HIGHEST_RATE = 240.0
"""Frames per second above which a declared rate is a time base in disguise (FLV says 1000)."""

_USUAL_RATE = 25.0

# PyAV 19 (what pip finds for Python 3.12 and newer) keeps metadata of odd bytes by itself and took the argument away.
_ODD_METADATA: dict[str, Any] = {"metadata_errors": "ignore"} if int(av.__version__.partition(".")[0]) < 19 else {}


@dataclass(frozen=True, slots=True)
class Opened:
    """What looking at the beginning of a file told; enough to open it again and know where its clock starts."""

    uri: str
    url: str
    stream: int
    zero: int
    rate: float
    """Pictures per second, for frames that carry no time and for what counts as a gap."""
    timed: bool
    declared: float | None
    """Declared end in seconds from the first frame."""
    shared: bool
    """Only the container declared a length, and it holds other streams too."""
    threads: int


# Some encoders mark only those pictures as interlaced that move; the first few of a broadcast or a tape include one.
_FIRST_PICTURES = 8


def look(uri: str, threads: int = 0) -> tuple[SourceInfo, Opened]:
    """Decodes the first picture to learn the clock's zero and the rotation, and lets go of the file again.

    Raises `SourceNotFound` or `SourceUnsupported`.
    """
    path = None if is_url(uri) else local_file(uri)
    url = uri if path is None else f"file:{path.absolute()}"
    with contextlib.closing(open_container(url, uri, path)) as container:
        if path is not None and container.format.name == "tty" and is_text(path):
            raise unreadable(uri, path, "it is text")
        return _look(container, uri, url, threads)


@dataclass(frozen=True, slots=True)
class FirstPictures:
    """What OpenCV does not say of a file: whether pictures are coded as two fields, and seconds that an edit list hides before them."""

    interlaced: bool = False
    hidden: float = 0.0


def first_pictures(uri: str) -> FirstPictures:
    """Decodes the first few. Nothing is claimed of a file that FFmpeg cannot decode: others say why."""
    try:
        with contextlib.closing(open_container(uri, uri, None)) as container:
            stream = container.streams.video[0]
            sent: list[int] = []
            shown: list[VideoFrame] = []
            for packet in container.demux(stream):
                sent += [packet.pts] if packet.pts is not None else []
                shown += packet.decode()
                if len(shown) >= _FIRST_PICTURES:
                    break
            # Only MP4 and its kin have edit lists; elsewhere what comes before the first picture could not be decoded.
            first = shown[0].pts if shown and "mov" in container.format.name else None
            hidden = (first - min(sent)) * float(stream.time_base or 0) if first is not None and sent else 0.0
            return FirstPictures(any(frame.interlaced_frame for frame in shown), max(0.0, hidden))
    except (SourceUnsupported, av.error.FFmpegError, OSError, ValueError, IndexError):
        return FirstPictures()


def open_container(url: str, uri: str, path: Path | None) -> InputContainer:
    """FFmpeg's demuxer for `url`; `path` only helps to say what is wrong with a local file. Raises `SourceUnsupported`."""
    try:
        patience = None if path else (_NETWORK_PATIENCE, _NETWORK_PATIENCE)
        container: InputContainer = av.open(url, mode="r", timeout=patience, **_ODD_METADATA)
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise unreadable(uri, path, getattr(error, "strerror", None) or str(error)) from error
    return container


def _video(container: InputContainer, uri: str) -> VideoStream:
    pictures = [stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic]
    if not pictures:
        kinds = ", ".join(sorted({stream.type if stream.type != "video" else "a cover picture" for stream in container.streams}))
        raise SourceUnsupported(f"{uri!r} has no video in it, only {kinds or 'nothing'}", hint="name a file with a picture track")
    best = container.streams.best("video")
    return next((stream for stream in pictures if best is not None and stream.index == best.index), pictures[0])


def _look(container: InputContainer, uri: str, url: str, threads: int) -> tuple[SourceInfo, Opened]:
    stream = _video(container, uri)
    base = float(stream.time_base or 1)
    frame, ticks, stamps, timed = _first_picture(container, stream)
    context = stream.codec_context
    rate = _rate(stream, stamps, base)
    zero = ticks or 0
    declared, shared = _declared(container, stream, zero, base)
    if frame is None:
        promised = f" ({declared:.1f} s of {context.width}x{context.height} {context.name} are declared)" if declared else ""
        raise SourceUnsupported(
            f"not one picture of {uri!r} could be decoded{promised}", hint="the recording is damaged or its payload is missing"
        )
    rotation = rotation_of(frame)
    width, height = upright_size(frame.width, frame.height, rotation)
    flags = []
    if ticks is None:
        flags.append(f"the stream has no timestamps: frame times are counted at its declared {rate:g} pictures a second")
    aspect = context.sample_aspect_ratio
    if aspect and aspect != 1:
        flags.append(f"pixels are not square ({aspect.numerator}:{aspect.denominator}); pictures are shown as coded")
    dates = {**container.metadata, **stream.metadata}
    info = SourceInfo(
        uri=uri,
        width=width,
        height=height,
        fps=rate if stamps or stream.average_rate else None,
        rotation=rotation,
        start_time=zero * base,
        declared_duration=declared,
        codec=context.codec.canonical_name,
        clock=wall_clock(dates.get("com.apple.quicktime.creationdate")) or wall_clock(dates.get("creation_time")),
        flags=tuple(flags),
    )
    return info, Opened(uri, url, stream.index, zero, rate, timed and ticks is not None, declared, shared, threads)


def _first_picture(container: InputContainer, stream: VideoStream) -> tuple[VideoFrame | None, int | None, list[int], bool]:
    """The first picture, its time in ticks, decoding times of the first packets, and whether every packet had a pts."""
    clock = BestEffort()
    context = stream.codec_context
    frame: VideoFrame | None = None
    stamps: list[int] = []
    timed = True
    for number, packet in enumerate(Packets(container, stream, 0, 1, Ledger())):
        raw = packet.raw
        timed = timed and raw.pts is not None
        if raw.dts is not None:
            stamps.append(raw.dts)
        if frame is None:
            with contextlib.suppress(av.error.FFmpegError, OSError):
                frame = next((found for found in context.decode(raw) if not found.is_corrupt), None)
        if (number >= _LOOK and frame is not None) or number >= _LOOK_FOR_PICTURE:
            break
    if frame is None:
        with contextlib.suppress(av.error.FFmpegError, OSError):
            frame = next(iter(context.decode(None)), None)
    return frame, clock(frame.pts, frame.dts) if frame else None, stamps, timed


def _rate(stream: VideoStream, stamps: list[int], base: float) -> float:
    average, guessed = stream.average_rate, stream.guessed_rate
    gaps = [later - earlier for earlier, later in itertools.pairwise(stamps) if later > earlier]
    if gaps and average and 0 < average <= _HIGHEST_RATE:
        return float(average)
    if gaps:
        return 1 / (statistics.median(gaps) * base)
    # Without timestamps the average is the demuxer's guess (25); the stream's own header speaks in `guessed_rate`.
    return float(guessed or average or _USUAL_RATE)


def _declared(container: InputContainer, stream: VideoStream, zero: int, base: float) -> tuple[float | None, bool]:
    """Declared end in seconds from the first frame, and whether other streams may account for it."""
    if stream.duration in UNKNOWN_LENGTHS:
        return None, False
    if stream.duration is not None and stream.duration > 0:
        return ((stream.start_time or 0) + stream.duration - zero) * base, False
    if container.duration is None or container.duration <= 0:
        return None, False
    # Matroska's duration is the end on the container's own clock; elsewhere it counts from the first packet.
    start = 0 if "matroska" in container.format.name else (container.start_time or 0)
    end = (start + container.duration) / av.time_base - zero * base
    return (end, len(container.streams) > 1) if end > 0 else (None, False)
