"""Cameras' streams (RTSP, MJPEG and HLS over HTTP, MPEG-TS over UDP), and files that are played as if they were one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from videoscan.config import Options
from videoscan.live import address
from videoscan.live.edge import Edge
from videoscan.live.footage import Limits, LiveStream
from videoscan.live.link import Link, Ways
from videoscan.live.reader import Reader
from videoscan.live.recording import Keeping, SegmentRecorder
from videoscan.live.ring import Ring
from videoscan.model import Camera, Note
from videoscan.patience import SYSTEM, Patience
from videoscan.seams import AS_IT_IS
from videoscan.sources.paths import local_file

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import BaseModel

    from videoscan.live.reader import Connection
    from videoscan.seams import Setting


class LiveOptions(Options):
    """How a camera is watched, whatever it is reached by. Seconds, where nothing else is said."""

    connect_timeout: float = Field(default=5.0, gt=0, le=60)
    """How long a connection may take to be made."""

    stall: float = Field(default=2.5, gt=0, le=60)
    """Without a picture for so long the camera is stalled: that is said, and the connection is made anew."""

    longest_wait: float = Field(default=5.0, gt=0, le=600)
    """Between two tries to connect. The first waits are shorter; tries go on for ever."""

    frozen_after: float = Field(default=30.0, ge=0)
    """The very same picture for so long is told as frozen. 0: never."""

    black_after: float = Field(default=3.0, ge=0)
    """Nothing but black for so long is told. 0: never."""

    ring_megabytes: float = Field(default=32.0, ge=0, le=1024)
    """What is held, compressed, for a second look at what was just seen."""

    segment_seconds: float = Field(default=300.0, ge=1, le=86_400)
    """Length of recorded segments; each ends with the group of pictures that passes it."""

    record_days: float = Field(default=7.0, ge=0)
    """How long recorded segments are kept. 0: without end."""

    record_gigabytes: float = Field(default=20.0, ge=0)
    """How much recorded segments of one camera may take; the oldest go first. 0: without end."""

    @property
    def limits(self) -> Limits:
        """What makes a gap, and what a condition."""
        return Limits(self.stall, self.frozen_after, self.black_after)

    @property
    def patience(self) -> Patience:
        """Between two tries: a quarter of a second at first."""
        return Patience(first=min(0.25, self.longest_wait), longest=self.longest_wait)

    def recorder(self, setting: Setting, edge: Edge, *, why_not: str | None = None) -> SegmentRecorder | None:
        """What records, if anything; says why where it was wanted and cannot be."""
        if setting.record is None:
            return None
        if setting.black_out:
            why_not = "parts of the picture are to be black, and a stream copy would show them"
        if why_not is not None:
            setting.told(Note(f"nothing is recorded: {why_not}"))
            return None
        keeping = Keeping(self.segment_seconds, self.record_days, int(self.record_gigabytes * 1e9))
        return SegmentRecorder(setting.record, edge, keeping, setting.told)


class StreamOptions(LiveOptions):
    """How a camera is connected to."""

    transport: Literal["tcp", "udp"] = "tcp"
    """How RTSP brings its pictures. ``udp`` loses some on a bad network instead of being late."""

    redirects: bool = True
    """Whether what answers over HTTP may lead elsewhere: by a redirect, or by being a playlist (HLS)."""


def at_work(
    shown: str,
    connect: Callable[[float], Connection],
    options: LiveOptions,
    setting: Setting,
    *,
    why_not: str | None = None,
) -> LiveStream:
    """The footage of whatever `connect` connects to; it is given how long a read may take, in seconds."""
    edge = Edge(setting.clock or SYSTEM, setting.zero)
    recorder = options.recorder(setting, edge, why_not=why_not)
    reader = Reader(connect, edge, options.patience, options.stall, recorder)
    ring = Ring(int(options.ring_megabytes * 1024 * 1024))
    return LiveStream(shown, reader, edge, options.limits, ring, seen=setting.seen, recorder=recorder, told=setting.told)


class StreamSource:
    """Listens to what FFmpeg can connect to."""

    Options: ClassVar[type[BaseModel]] = StreamOptions

    def __init__(self, options: StreamOptions | None = None) -> None:
        self.options = options or StreamOptions()

    def open(self, uri: str, setting: Setting = AS_IT_IS) -> LiveStream:
        """See `videoscan.seams.LiveSource`. The login is the caller's, else the address's own, else the environment's."""
        options = self.options
        where = address.parse(uri, setting.login)
        if where.login is None and (login := address.from_environment(setting.camera)) is not None:
            where = address.parse(uri, login)

        def connect(read: float) -> Link:
            return Link.stream(
                where, Ways(options.connect_timeout, read, udp=options.transport == "udp", redirects=options.redirects)
            )

        return at_work(where.shown, connect, options, setting)

    def cameras(self, uri: str) -> tuple[Camera, ...]:
        """The one. Its name is its host's."""
        where = address.parse(uri)
        return (Camera(where.host, uri),)


class RealtimeSource:
    """Plays a file at the pace of its own timestamps, once: for trying out what a camera would do."""

    Options: ClassVar[type[BaseModel]] = LiveOptions

    def __init__(self, options: LiveOptions | None = None) -> None:
        self.options = options or LiveOptions()

    def open(self, uri: str, setting: Setting = AS_IT_IS) -> LiveStream:
        """See `videoscan.seams.LiveSource`. The items end with the file."""
        path = local_file(uri)
        return at_work(str(path), lambda _: Link.file(path), self.options, setting)

    def cameras(self, uri: str) -> tuple[Camera, ...]:
        """The one, called like the file."""
        return (Camera(Path(uri).stem, uri),)
