"""What a source may ask of this machine: for files of strangers, which are decoded in a process of their own.

The operating system holds the limits of memory and processor time, FFmpeg those of streams and of what else is opened; the rest is
looked at when a source says what it is, and as it goes on, for a file may say one thing and hold another.
"""

from __future__ import annotations

import contextlib
import functools
import math
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from videoscan.errors import SourceUnsupported

if TYPE_CHECKING:
    from videoscan.model import SourceInfo

_KINDER = 5
"""By how much a guarded process is nicer than the one that waits for it: a service answers while it decodes."""

# What reads further files or addresses than the one it was given, or runs a script that does.
_LEADS_ELSEWHERE = (
    "avisynth", "concat", "dash", "hls", "image2", "imf", "lavfi", "rtp", "rtsp", "sap", "sdp", "vapoursynth", "vobsub",
    "webm_dash_manifest",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Guard:
    """Limits of one source, `None` for none. `alone`: no file but its own is opened on its behalf, such as those of a playlist.

    `memory` in bytes of the process's own data, `cpu` in seconds of processor time; both hold only in a process that `enforce`s them.
    `duration` in seconds of video time, `fps` in pictures per second.
    """

    memory: int | None = None
    cpu: float | None = None
    pixels: int | None = None
    duration: float | None = None
    fps: float | None = None
    streams: int | None = None
    alone: bool = False

    def check(self, info: SourceInfo) -> None:
        """Raises `SourceUnsupported` for a source that says it is more than it may be."""
        if self.pixels is not None and info.width * info.height > self.pixels:
            raise _refused(info.uri, f"has pictures of {info.width}x{info.height}", f"{self.pixels} pixels")
        if self.fps is not None and info.fps is not None and info.fps > self.fps:
            raise _refused(info.uri, f"has {info.fps:g} pictures per second", f"{self.fps:g}")
        if info.declared_duration is not None:
            self.check_time(info.uri, info.declared_duration)

    def check_time(self, uri: str, time: float) -> None:
        """Raises `SourceUnsupported` for a source that has come further than it may."""
        if self.duration is not None and time > self.duration:
            raise _refused(uri, f"lasts {time:.0f} s or longer", f"{self.duration:.0f} s")

    def check_streams(self, uri: str, count: int) -> None:
        """Raises `SourceUnsupported` for a file with more streams than it may have."""
        if self.streams is not None and count > self.streams:
            raise _refused(uri, f"has more than {self.streams} streams", f"{self.streams}")

    def options(self, *, spare: int = 0) -> dict[str, str]:
        """For FFmpeg's demuxers. A file with more than `spare` streams too many cannot be opened."""
        options = {} if self.streams is None else {"max_streams": str(self.streams + spare)}
        if self.alone:
            options |= {"protocol_whitelist": "file", "format_whitelist": plain_formats()}
        return options


def _refused(uri: str, what: str, most: str) -> SourceUnsupported:
    return SourceUnsupported(f"{uri!r} {what}: at most {most} is taken here", hint="whoever runs this may allow more")


@functools.cache
def plain_formats() -> str:
    """FFmpeg's demuxers that open nothing but what they were given, as its own options take them."""
    import av

    return ",".join(sorted(each for each in av.formats_available if not set(each.split(",")) & set(_LEADS_ELSEWHERE)))


_enforced = Guard()


def enforced() -> Guard:
    """What holds in this process: nothing, unless it called `enforce`."""
    return _enforced


def enforce(guard: Guard) -> None:
    """Have the operating system hold this process to a guard's limits from now on, as far as it can. There is no way back."""
    global _enforced  # noqa: PLW0603  - a property of the process
    _enforced = guard
    with contextlib.suppress(OSError, AttributeError):
        os.nice(_KINDER)
    try:
        import resource
    except ImportError:  # Windows
        return
    wanted = [(resource.RLIMIT_CORE, 0)]  # a crash must not leave a stranger's pictures on the disk
    if guard.memory is not None:
        wanted.append((resource.RLIMIT_DATA, guard.memory))
    if guard.cpu is not None:
        wanted.append((resource.RLIMIT_CPU, math.ceil(guard.cpu)))
    for limit, value in wanted:
        with contextlib.suppress(OSError, ValueError):
            _, hard = resource.getrlimit(limit)
            most = value if hard == resource.RLIM_INFINITY else min(value, hard)
            # The soft limit ends the process with a signal that says which; the hard one would only say KILL.
            resource.setrlimit(limit, (most, hard))
