"""Cuts without encoding: packets are taken over as they are, from the keyframe at or before the start on."""

from __future__ import annotations

import contextlib
from typing import IO, TYPE_CHECKING, Any

import av

from videoscan.errors import SourceUnsupported
from videoscan.sources.probing import look, open_container

if TYPE_CHECKING:
    from collections.abc import Iterator

    from av.container import InputContainer

    from videoscan.clips.exact import Stretch
    from videoscan.sources.probing import Opened

_IN_MP4 = frozenset({"h264", "hevc", "av1", "mpeg4", "vp9", "aac", "mp3", "ac3", "eac3", "opus", "flac", "alac"})
"""What goes into an MP4 that players take; anything else goes into Matroska."""

_RUN_ON = 2.0
"""Seconds after the end of the pictures within which the sound must have ended too."""


def suffix(file: str) -> str:
    """``.mp4``, or ``.mkv`` for codecs that an MP4 does not hold. Raises `SourceError`."""
    _, opened = look(file, threads=1)
    with contextlib.closing(open_container(opened.url, file, None)) as container:
        names = {stream.codec_context.codec.canonical_name for stream in _streams(container, opened)}
    return ".mp4" if names <= _IN_MP4 else ".mkv"


def cut(stretch: Stretch, out: IO[bytes], title: str, *, form: str) -> None:
    """Write a stretch, `form` being `suffix`'s. It begins at the keyframe at or before its start.

    Raises `SourceUnsupported` where packets carry no times, nothing is in the stretch, or no container holds such streams.
    """
    _, opened = look(stretch.file, threads=1)
    if not opened.timed:
        raise _impossible(stretch, "its packets carry no times")
    first = opened.zero + round(stretch.start / opened.base)
    begins = _keyframe(stretch, opened, first, seek=True)
    if begins is None or begins > first:
        # Where a container has no index, seeking may end behind the place that was asked for.
        begins, first = _keyframe(stretch, opened, first, seek=False), opened.zero
    if begins is None:
        raise _impossible(stretch, f"it has no keyframe from which {stretch.start:.2f} s could be shown")
    with contextlib.closing(_opened(stretch, opened, first)) as container:
        streams = _streams(container, opened)
        made = av.open(out, "w", format="mp4" if form == ".mp4" else "matroska")
        try:
            made.metadata["title"] = title
            try:
                copies = {stream.index: made.add_stream_from_template(stream, opaque=True) for stream in streams}
            except (ValueError, av.error.FFmpegError) as fault:
                raise _impossible(stretch, str(fault)) from fault
            last = opened.zero * opened.base + stretch.end
            for packet in _packets(container, streams, begins, last):
                packet.stream = copies[packet.stream_index]
                made.mux(packet)
        finally:
            made.close()


def _impossible(stretch: Stretch, why: str) -> SourceUnsupported:
    return SourceUnsupported(
        f"{stretch.file} cannot be cut without decoding it: {why}", hint="--cut exact decodes and encodes it anew"
    )


def _streams(container: InputContainer, opened: Opened) -> list[Any]:
    pictures = container.streams[opened.stream]
    sound = [stream for stream in container.streams.audio if stream.codec_context is not None]
    return [pictures, *sound[:1]]


def _opened(stretch: Stretch, opened: Opened, first: int) -> InputContainer:
    """The container, about to give what is shown at `first` in ticks of the pictures."""
    container = open_container(opened.url, stretch.file, None)
    if first > opened.zero:
        with contextlib.suppress(av.error.FFmpegError):
            container.seek(first, stream=container.streams[opened.stream])
    return container


def _keyframe(stretch: Stretch, opened: Opened, first: int, *, seek: bool) -> int | None:
    """The last keyframe at or before `first`; the first one after it where there is none; `None` where there is none at all."""
    found: int | None = None
    with contextlib.closing(_opened(stretch, opened, first if seek else opened.zero)) as container:
        for packet in container.demux(container.streams[opened.stream]):
            if packet.pts is None or packet.dts is None:
                continue
            if packet.is_keyframe and (found is None or packet.pts <= first):
                found = packet.pts
            if packet.dts > first and found is not None:
                break
    return found


def _packets(container: InputContainer, streams: list[Any], begins: int, last: float) -> Iterator[Any]:
    """The packets from the keyframe at `begins` on to `last` seconds of the container's clock, their times counted from it."""
    pictures = streams[0]
    zero = float(begins * pictures.time_base)
    begun = False
    for packet in container.demux(*streams):
        if packet.dts is None or packet.pts is None:
            continue
        base = float(packet.time_base)
        if packet.stream_index == pictures.index:
            begun = begun or packet.pts == begins
            if not begun:
                continue
            if packet.dts * base >= last:
                return
        elif packet.pts * base < zero - base or packet.pts * base >= last:
            if packet.pts * base > last + _RUN_ON:
                return
            continue
        shift = round(zero / base)
        packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
        yield packet
