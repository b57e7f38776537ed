"""One connection to a stream: opened with its timeouts, read packet by packet, and its faults put into words."""

from __future__ import annotations

import contextlib
import math
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import av
from av.stream import Disposition

from videoscan.guarding import plain_formats
from videoscan.sources.probing import LARGEST

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from av.container import InputContainer
    from av.packet import Packet as AvPacket
    from av.video.stream import VideoStream

    from videoscan.live.address import Address

# Whatever a stream's own text (a playlist, an SDP) names next must be a stream too, never a file of this computer.
_ALLOWED = {
    "rtsp": "rtsp,rtp,udp,tcp,tls,srtp,crypto,http,https",
    "http": "http,https,httpproxy,tcp,tls,crypto,data,hls",
    "pushed": "udp,rtp,srt,srtp,crypto",
    "other": "rtmp,rtmps,rtmpt,tcp,tls,crypto",
}

_CAN_STAY = 62
"""The libavformat that can be told not to follow redirects, for certain."""

_NO_TIMESTAMPS = 0x0080
"""``AVFMT_NOTIMESTAMPS``: MJPEG over HTTP, raw H.264. FFmpeg counts 25 pictures a second there, whatever the camera sends."""

_PLAYLIST_PATIENCE = 30.0
"""Seconds. FFmpeg waits inside of one read until an HLS server lists the next segment, and segments may last ten seconds."""

_ODD_METADATA: dict[str, Any] = {"metadata_errors": "ignore"} if int(av.__version__.partition(".")[0]) < 19 else {}


class LinkFailed(Exception):
    """A connection could not be made, or broke. Its text is a sentence without secrets; `refused`: asking again soon will not help."""

    def __init__(self, reason: str, *, refused: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.refused = refused


@dataclass(frozen=True, slots=True)
class Ways:
    """How FFmpeg is to connect. Seconds; `udp`: RTSP's pictures come as datagrams; `redirects`: an HTTP answer may lead elsewhere."""

    connect: float
    read: float
    udp: bool = False
    redirects: bool = True


class LinkEnded(LinkFailed):
    """There is no more to come, ever: a file's end."""


class Link:
    """An open connection to a stream, or a file that is read like one (`Link.file`).

    For one thread. One read ends within `patience` seconds whatever the camera does. `paced`: packets come in bursts and have to wait for
    their time. `timed`: they have times of their own.
    """

    def __init__(
        self, container: InputContainer, complain: Callable[[Exception], str], *, patience: float, paced: bool, ends: bool = False
    ) -> None:
        """Raises `LinkFailed` when there is no video in it; the container is closed then."""
        self._container = container
        self._complain = complain
        self._ends = ends
        self.paced = paced
        self.patience = patience
        try:
            self.video = self._picture_stream()
        except LinkFailed:
            self._container.close()
            raise
        context = self.video.codec_context
        self.codec: str | None = context.codec.name
        self.extradata = bytes(context.extradata) if context.extradata else None
        self.size = (context.width, context.height)
        self.base = float(self.video.time_base or 1)
        self.timed = not (container.format.flags & _NO_TIMESTAMPS or container.format.name.endswith("_pipe"))
        rate = self.video.average_rate
        self.rate = float(rate) if rate and 0.01 <= rate <= 240 else None

    @classmethod
    def stream(cls, address: Address, ways: Ways) -> Link:
        """Connect. Raises `LinkFailed`."""
        read = max(ways.read, _PLAYLIST_PATIENCE) if address.is_playlist else ways.read
        container = _open(address, ways, read)
        paced = "hls" in container.format.name.split(",")
        return cls(container, lambda error: _complaint(address, error, read), patience=read, paced=paced)

    @classmethod
    def file(cls, path: Path) -> Link:
        """Open a file. Raises `LinkFailed`."""
        try:
            container = av.open(f"file:{path.absolute()}", mode="r", options={"max_pixels": str(LARGEST)}, **_ODD_METADATA)
        except (av.error.FFmpegError, OSError, ValueError) as error:
            raise LinkFailed(f"it cannot be opened: {getattr(error, 'strerror', None) or error}") from None
        return cls(
            container,
            lambda error: f"it cannot be read on: {getattr(error, 'strerror', None) or error}",
            patience=math.inf,
            paced=True,
            ends=True,
        )

    def packets(self) -> Iterator[AvPacket[VideoStream]]:
        """The video packets in decoding order. Raises `LinkFailed` when they end, for whatever reason."""
        damaged = 0
        while True:
            try:
                for packet in self._container.demux(self.video):
                    if packet.size:
                        damaged = 0
                        yield packet
            except IndexError:
                continue  # a packet of a stream that appeared since; PyAV has no place for it, and it is consumed
            except av.error.InvalidDataError:
                damaged += 1
                if damaged < 32:
                    continue  # some packets are damaged; the demuxer goes on behind them
                raise LinkFailed("what the camera sends cannot be read any more") from None
            except (av.error.FFmpegError, OSError) as error:
                raise LinkFailed(self._complain(error)) from None
            raise LinkEnded("the file ended") if self._ends else LinkFailed("the camera ended the connection")

    def close(self) -> None:
        """Let go of it. FFmpeg says goodbye to the camera, without waiting for an answer."""
        with contextlib.suppress(av.error.FFmpegError, OSError):
            self._container.close()

    def _picture_stream(self) -> VideoStream:
        pictures = [
            stream
            for stream in self._container.streams.video
            if not stream.disposition & Disposition.attached_pic and stream.codec_context is not None
        ]
        if not pictures:
            kinds = ", ".join(sorted({stream.type for stream in self._container.streams})) or "nothing that can be recognised"
            raise LinkFailed(f"there is no video in what the camera sends, only {kinds}", refused=True)
        best = self._container.streams.best("video")
        return next((stream for stream in pictures if best is not None and stream.index == best.index), pictures[0])


def _open(address: Address, ways: Ways, read: float) -> InputContainer:
    family = "rtsp" if address.is_rtsp else "http" if address.is_http else "pushed" if address.is_pushed else "other"
    options = {
        "max_pixels": str(LARGEST),
        "protocol_whitelist": _ALLOWED[family],
        # Two seconds of pictures tell what FFmpeg has to know; its own five would be lost at each reconnection.
        "analyzeduration": "2000000",
    }
    if not address.is_rtsp and not address.is_playlist:
        # A transport stream whose encoder was changed has its pictures under another number: they stay one stream.
        options["merge_pmt_versions"] = "1"
    if address.is_rtsp:
        options |= {"rtsp_transport": "udp" if ways.udp else "tcp", "allowed_media_types": "video", "fpsprobesize": "0"}
    elif address.is_http and not ways.redirects:
        if av.library_versions["libavformat"][0] < _CAN_STAY:
            raise LinkFailed("this FFmpeg follows redirects, and it may not: PyAV 16 or later is needed", refused=True)
        options |= {"max_redirects": "0", "format_whitelist": plain_formats()}
    elif address.scheme == "udp":
        # Bursts while the reader is busy: 64 MiB instead of 7. Losing some packets is no reason to end the connection.
        options |= {"fifo_size": "356962", "overrun_nonfatal": "1"}
    try:
        container: InputContainer = av.open(address.url, mode="r", options=options, timeout=(ways.connect, read), **_ODD_METADATA)
    except av.error.HTTPUnauthorizedError:
        raise LinkFailed("the camera refuses the login", refused=True) from None
    except av.error.HTTPForbiddenError:
        raise LinkFailed("the camera forbids it (403): this login may not see this stream", refused=True) from None
    except av.error.HTTPNotFoundError:
        raise LinkFailed("the camera knows no stream of that path (404)") from None
    except av.error.ProtocolNotFoundError:
        raise LinkFailed(f"this FFmpeg does not speak {address.scheme}", refused=True) from None
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise LinkFailed(_complaint(address, error, ways.connect)) from None
    return container


def _complaint(address: Address, error: Exception, patience: float) -> str:
    """What FFmpeg's error means to a person. Never its own text with the URL in it."""
    if isinstance(error, (av.error.ExitError, av.error.TimeoutError)) or (isinstance(error, OSError) and error.errno == 110):
        return f"no answer from the camera within {patience:g} s"
    if isinstance(error, av.error.ConnectionRefusedError):
        return f"{address.host} refuses the connection"
    if isinstance(error, av.error.InvalidDataError):
        return "what the camera sends cannot be read as a video stream"
    if isinstance(error, OSError) and error.errno == 5 and not _has_address(address.host):
        return f"the name {address.host} cannot be found"
    return f"the connection failed: {address.masked(getattr(error, 'strerror', None) or type(error).__name__)}"


def _has_address(host: str) -> bool:
    try:
        socket.getaddrinfo(host, None)
    except (OSError, UnicodeError):
        return False
    return True
