"""Looks at the beginning of a video file: what it says of itself, and where its clock starts."""

from __future__ import annotations

import contextlib
import itertools
import statistics
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import av
from av.stream import Disposition

from videoscan.errors import SourceError, SourceUnsupported
from videoscan.guarding import enforced
from videoscan.model import Sound, SourceInfo
from videoscan.sources.packets import Packets
from videoscan.sources.paths import is_text, is_url, local_file, unreadable
from videoscan.sources.pixels import rotation_of, upright_size
from videoscan.sources.promised import promised, track_length
from videoscan.sources.seeking import is_seekable
from videoscan.sources.times import UNKNOWN_LENGTHS, BestEffort, Ledger, wall_clock

if TYPE_CHECKING:
    from fractions import Fraction
    from pathlib import Path

    from av import VideoFrame
    from av.container import InputContainer
    from av.video.stream import VideoStream

    from videoscan.model import Lost

_NETWORK_PATIENCE = 30.0
"""Seconds to wait for a URL to open or to go on."""

_LOOK = 48
"""Packets that are looked at to learn the rate and whether there are timestamps: more than any encoder reorders."""

_LOOK_FOR_PICTURE = 2000
"""Packets that may pass before the first picture: over a minute, for streams that were cut in the middle of a long GOP."""

_HIGHEST_RATE = 240.0
"""Frames per second above which a declared rate is a time base in disguise (FLV says 1000)."""

_FASTEST_CAMERA = 10_000.0
"""Frames per second that timestamps may show; more is damage."""

_SLOWEST_CAMERA = 1 / 86_400
"""A picture a day."""

_USUAL_RATE = 25.0

LARGEST = 100_000_000
"""Pixels of a picture that is decoded: three times 8K. A decoder holds up to 17 of them and one for each thread."""

_ONE_THREAD = 1 << 25
"""Pixels (8K) above which only one thread decodes, unless somebody asks for more: each would hold a picture of its own."""

_LONGEST = 31 * 86_400.0
"""Seconds that a file may declare: a month. A file of so many bytes does not last for more seconds either. More is damage."""

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
    base: float
    """Seconds of a tick."""
    indexed: bool
    """An index covers all that is declared: see `videoscan.sources.seeking`."""

    @property
    def frame(self) -> int:
        """The usual distance of two pictures in ticks."""
        return max(1, round(1 / (self.rate * self.base)))


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
        return _look(container, uri, url, path, threads)


@dataclass(frozen=True, slots=True)
class FirstPictures:
    """What OpenCV does not say of a file.

    `interlaced`: pictures are coded as two fields. `hidden`: seconds that an edit list hides before the first picture. `begin`:
    where the first picture lies, decodable or not, in seconds from the stream's start. `declared` and `shared` as in `Opened`,
    `None` where the file declares no length. `sound` as in `SourceInfo`.
    """

    interlaced: bool = False
    hidden: float = 0.0
    begin: float | None = None
    declared: float | None = None
    shared: bool = True
    known: bool = False
    sound: Sound | None = None


def first_pictures(uri: str, path: Path) -> FirstPictures:
    """Decodes the first few. Nothing is claimed of a file that FFmpeg cannot decode: others say why."""
    try:
        with contextlib.closing(open_container(uri, uri, None)) as container:
            stream = _video(container, uri)
            base = float(stream.time_base or 1)
            hidden: list[int] = []
            zero: int | None = None
            shown: list[VideoFrame] = []
            for number, packet in enumerate(container.demux(stream)):
                if packet.pts is not None and packet.is_discard:
                    hidden.append(packet.pts)
                elif packet.pts is not None and zero is None and not shown and packet.is_keyframe:
                    zero = packet.pts
                with contextlib.suppress(av.error.FFmpegError, OSError):
                    shown += [frame for frame in packet.decode() if not frame.is_corrupt]
                if len(shown) >= _FIRST_PICTURES or number >= _LOOK_FOR_PICTURE:
                    break
            first = shown[0].pts if shown else None
            if first is None:
                return FirstPictures(any(frame.interlaced_frame for frame in shown))
            # Without a keyframe at its beginning a file begins where it can first be decoded.
            zero = min(first, zero) if zero is not None else first
            declared, shared = _declared(container, stream, path, zero * base)
            return FirstPictures(
                any(frame.interlaced_frame for frame in shown),
                max(0.0, (zero - min(hidden)) * base) if hidden else 0.0,
                (zero - (stream.start_time or 0)) * base,
                declared if declared is not None and declared <= _longest(path) else None,
                shared,
                known=True,
                sound=_sound(container),
            )
    except (SourceUnsupported, av.error.FFmpegError, OSError, ValueError, IndexError):
        return FirstPictures()


def missing_packets(uri: str) -> tuple[float, tuple[Lost, ...]]:
    """Where the last packet ends, in seconds from the first frame, and what is missing between packets and behind them.

    Reads through a local file without decoding it. Nothing, of a file that cannot be read.
    """
    try:
        _, opened = look(uri, threads=1)
        with contextlib.closing(open_container(opened.url, uri, None)) as container:
            stream = container.streams[opened.stream]
            base, ledger = float(stream.time_base or 1), Ledger()
            packets = Packets(
                container, cast("VideoStream", stream), opened.zero, max(1, round(1 / (opened.rate * base))), ledger
            )
            for _ in packets:
                pass
            end = packets.time(packets.end)
            return end, ledger.settled(end)
    except (SourceError, av.error.FFmpegError, OSError, ValueError):
        return 0.0, ()


def _longest(path: Path | None) -> float:
    return min(_LONGEST, float(path.stat().st_size)) if path else _LONGEST


def open_container(url: str, uri: str, path: Path | None) -> InputContainer:
    """FFmpeg's demuxer for `url`; `path` only helps to say what is wrong with a local file. Raises `SourceUnsupported`.

    Its decoders refuse pictures of more than `LARGEST` pixels.
    """
    guard = enforced()
    options = {"max_pixels": str(LARGEST)}
    try:
        patience = None if path else (_NETWORK_PATIENCE, _NETWORK_PATIENCE)
        container: InputContainer = av.open(
            url, mode="r", options=options | guard.options(spare=1), timeout=patience, **_ODD_METADATA
        )
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise unreadable(uri, path, getattr(error, "strerror", None) or str(error)) from error
    try:
        guard.check_streams(uri, len(container.streams))
    except SourceUnsupported:
        container.close()
        raise
    for stream in container.streams.video:
        if stream.codec_context is not None:
            stream.codec_context.options = options
    return container


def too_large(uri: str, width: int, height: int) -> SourceUnsupported:
    """The error for a file whose pictures would take more memory than they should."""
    return SourceUnsupported(
        f"{uri!r} has pictures of {width}x{height}, more than the {LARGEST / 1e6:.0f} million pixels that are decoded",
        hint="scale it down first, if its head is not simply damaged",
    )


def _video(container: InputContainer, uri: str) -> VideoStream:
    pictures = [stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic]
    if not pictures:
        kinds = ", ".join(sorted({stream.type if stream.type != "video" else "a cover picture" for stream in container.streams}))
        if not kinds:
            raise SourceUnsupported(
                f"{uri!r} is {container.format.long_name} with nothing in it that can be recognised",
                hint="its beginning is damaged or missing; fetch it again",
            )
        raise SourceUnsupported(f"{uri!r} has no video in it, only {kinds}", hint="name a file with a picture track")
    # A codec that FFmpeg does not know, or knows and cannot decode, has no context.
    decodable = [stream for stream in pictures if stream.codec_context is not None]
    if not decodable:
        raise SourceUnsupported(
            f"{uri!r} holds video of a kind that FFmpeg has no decoder for", hint="convert it, or see whether its head is damaged"
        )
    best = container.streams.best("video")
    return next((stream for stream in decodable if best is not None and stream.index == best.index), decodable[0])


def _look(container: InputContainer, uri: str, url: str, path: Path | None, threads: int) -> tuple[SourceInfo, Opened]:
    stream = _video(container, uri)
    base = float(stream.time_base or 1)
    begin = _begin(container, stream)
    context, frame = stream.codec_context, begin.frame
    declared, shared = _declared(container, stream, path, begin.zero * base)
    if context.width * context.height > LARGEST:
        raise too_large(uri, context.width, context.height)
    if frame is None:
        size = f"{context.width}x{context.height} " if context.width else ""
        kind = f"{size}{context.codec.canonical_name}"
        promised = f" ({declared:.1f} s of {kind} are declared)" if declared else ""
        # What was found too large at once has no size here.
        larger = "" if size else f", or its pictures have more than the {LARGEST / 1e6:.0f} million pixels that are decoded"
        raise SourceUnsupported(
            f"not one picture of {uri!r} could be decoded{promised}",
            hint=f"the recording is damaged or its payload is missing{larger}",
        )
    if frame.width * frame.height > _ONE_THREAD:
        threads = threads or 1
    rotation = rotation_of(frame)
    width, height = upright_size(frame.width, frame.height, rotation)
    flags = []
    if not begin.has_times:
        flags.append(f"the stream has no timestamps: frame times are counted at its declared {begin.rate:g} pictures a second")
    if declared is not None and declared > _longest(path):
        flags.append(f"the file declares {declared:g} s, which cannot be: its length is what can be read")
        declared = None
    aspect = context.sample_aspect_ratio
    if aspect and aspect != 1:
        flags.append(f"pixels are not square ({aspect.numerator}:{aspect.denominator}); pictures are shown as coded")
    dates = {**container.metadata, **stream.metadata}
    info = SourceInfo(
        uri=uri,
        width=width,
        height=height,
        fps=begin.rate if begin.stamped or stream.average_rate else None,
        rotation=rotation,
        start_time=begin.zero * base,
        declared_duration=declared,
        codec=context.codec.canonical_name,
        clock=wall_clock(dates.get("com.apple.quicktime.creationdate")) or wall_clock(dates.get("creation_time")),
        flags=tuple(flags),
        sound=_sound(container),
    )
    timed = begin.timed and begin.has_times
    indexed = timed and is_seekable(container, stream, path, begin.zero, declared)
    info = replace(info, seekable=indexed)
    opened = Opened(uri, url, stream.index, begin.zero, begin.rate, timed, declared, shared, threads, base, indexed)
    return info, opened


def _sound(container: InputContainer) -> Sound | None:
    stream = next((stream for stream in container.streams.audio if stream.codec_context is not None), None)
    if stream is None or not stream.codec_context.channels or not stream.codec_context.sample_rate:
        return None
    return Sound(stream.codec_context.channels, stream.codec_context.sample_rate)


@dataclass(frozen=True, slots=True)
class _Begin:
    """What the first packets and their first whole picture tell.

    `zero` is where the source's clock starts: the first picture, also where it cannot be decoded, if the file says that it can
    be decoded without others before it. `has_times`: the picture carries one. `timed`: every packet had a pts. `stamped`: some
    packets had decoding times.
    """

    frame: VideoFrame | None
    zero: int
    rate: float
    has_times: bool
    timed: bool
    stamped: bool


def _begin(container: InputContainer, stream: VideoStream) -> _Begin:
    clock = BestEffort()
    context = stream.codec_context
    frame: VideoFrame | None = None
    stamps: list[tuple[int, int]] = []
    timed, first = True, None
    usual = _plain_rate(stream.average_rate) or _plain_rate(stream.guessed_rate) or _USUAL_RATE
    spacing = max(1, round(1 / (usual * float(stream.time_base or 1))))
    for number, packet in enumerate(Packets(container, stream, 0, spacing, Ledger())):
        raw = packet.raw
        timed = timed and raw.pts is not None
        if number == 0 and packet.key and packet.shown:
            first = raw.pts
        if raw.dts is not None:
            stamps.append((number, raw.dts))
        if frame is None:
            try:
                frame = next((found for found in context.decode(raw) if not found.is_corrupt), None)
            except av.error.MemoryError:
                raise  # no damage: its pictures are too large for what this process may take
            except (av.error.FFmpegError, OSError):
                pass
        if (number >= _LOOK and frame is not None) or number >= _LOOK_FOR_PICTURE:
            break
    if frame is None:
        with contextlib.suppress(av.error.FFmpegError, OSError):
            frame = next(iter(context.decode(None)), None)
    ticks = clock(frame.pts, frame.dts) if frame else None
    zero = ticks or 0
    if timed and ticks is not None and first is not None:
        zero = min(first, ticks)
    return _Begin(frame, zero, _rate(stream, stamps, timed=timed), ticks is not None, timed, bool(stamps))


def _rate(stream: VideoStream, stamps: list[tuple[int, int]], *, timed: bool) -> float:
    average, guessed = stream.average_rate, stream.guessed_rate
    base = float(stream.time_base or 1)
    steps = [(later[0] - earlier[0], later[1] - earlier[1]) for earlier, later in itertools.pairwise(stamps)]
    gaps = [ticks / (pictures if not timed else 1) for pictures, ticks in steps if ticks > 0]
    found = 1 / (statistics.median(gaps) * base) if gaps else None
    if gaps and average and 0 < average <= _HIGHEST_RATE:
        return float(average)
    if found and found <= _FASTEST_CAMERA:
        return found
    # Without timestamps the average is the demuxer's guess (25); the stream's own header speaks in `guessed_rate`.
    return _plain_rate(guessed) or _plain_rate(average) or _USUAL_RATE


def _plain_rate(rate: Fraction | None) -> float | None:
    """A rate that a camera may have; a time base in disguise and nonsense are none."""
    return float(rate) if rate and _SLOWEST_CAMERA <= rate <= _HIGHEST_RATE else None


def _declared(container: InputContainer, stream: VideoStream, path: Path | None, zero: float) -> tuple[float | None, bool]:
    """Declared end in seconds from the first frame, and whether other streams may account for it."""
    end, shared = _told_by_ffmpeg(container, stream)
    cut = promised(path, container.format.name) if path else None
    if cut is not None and cut > (end or 0.0):
        end, shared = cut, container.format.name != "avi" and len(container.streams) > 1
    return (end - zero, shared) if end is not None and end > zero else (None, False)


def _told_by_ffmpeg(container: InputContainer, stream: VideoStream) -> tuple[float | None, bool]:
    """The same on the container's clock."""
    if stream.duration in UNKNOWN_LENGTHS:
        return None, False
    if stream.duration is not None and stream.duration > 0:
        return ((stream.start_time or 0) + stream.duration) * float(stream.time_base or 1), False
    if container.duration is None or container.duration <= 0:
        return None, False
    if "matroska" in container.format.name:
        # Its duration is the end on the container's own clock; elsewhere it counts from the first packet.
        own = track_length(stream.metadata)
        return (own, False) if own else (container.duration / av.time_base, len(container.streams) > 1)
    return ((container.start_time or 0) + container.duration) / av.time_base, len(container.streams) > 1
