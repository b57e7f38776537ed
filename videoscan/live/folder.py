"""A folder into which a recorder writes: each file is looked at once, when it is whole, and all of one camera's follow one another."""

from __future__ import annotations

import datetime as dt
import threading
from collections import deque
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field, field_validator

from videoscan.config import Options
from videoscan.errors import SourceError, SourceNotFound, SourceUnsupported
from videoscan.live.arriving import Arrivals, Reading, files
from videoscan.live.conditions import Watcher
from videoscan.model import LONGEST_GAP, Camera, Gap, Heartbeat, Note, Recording, SourceInfo
from videoscan.patience import SYSTEM
from videoscan.recordings import clock
from videoscan.seams import AS_IT_IS, Aim
from videoscan.sources.probing import missing_packets
from videoscan.sources.pyav import PyAvSource

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from pydantic import BaseModel

    from videoscan.live.arriving import Place
    from videoscan.model import Frame, LiveItem, Lost
    from videoscan.seams import Sampler, Setting
    from videoscan.sources.pyav import PyAvFootage

_BETWEEN = "#"
"""Stands between a folder and the camera in it, where it holds recordings of several."""

_BEAT = 0.5

_JOINT = 2.5
"""Seconds. Names tell whole seconds and recorders begin a file when the next keyframe comes: what lies nearer follows without a gap."""

_REMEMBERED = 4096
"""Recordings that `recorded` knows of: two weeks of five minutes."""


class FolderOptions(Options):
    """How a folder is watched. Seconds, where nothing else is said."""

    poll: float = Field(default=2.0, gt=0, le=3600)
    """Between two looks into the folder."""

    settle: float = Field(default=10.0, ge=0, le=3600)
    """A file to which nothing was written for so long is whole."""

    patience: float = Field(default=60.0, ge=0, le=86_400)
    """A file that is whole and cannot be opened is tried again for so long: some recorders write the index last."""

    frozen_after: float = Field(default=30.0, ge=0)
    """The very same picture for so long is told as frozen. 0: never."""

    black_after: float = Field(default=3.0, ge=0)
    """Nothing but black for so long is told. 0: never."""

    clock_pattern: str | None = None
    """When a recording began, in its path below the folder, where no known recorder gave it its name; see `source.clock_pattern`."""

    clock_zone: str | None = None
    """The time zone of the recorder's names; without it this machine's."""

    @field_validator("clock_pattern")
    @classmethod
    def _readable(cls, value: str | None) -> str | None:
        if value is not None:
            clock.Pattern(value)
        return value

    @property
    def reading(self) -> Reading:
        """How paths are read."""
        return Reading(self.clock_pattern, self.clock_zone)


class FolderSource:
    """Watches what an NVR, a dashcam's sync or FTP uploads bring."""

    Options: ClassVar[type[BaseModel]] = FolderOptions

    def __init__(self, options: FolderOptions | None = None) -> None:
        self.options = options or FolderOptions()

    def open(self, uri: str, setting: Setting = AS_IT_IS) -> WatchedFolder:
        """One camera's recordings: the folder's only one, or the one that `cameras` gave. See `videoscan.seams.LiveSource`."""
        folder, camera = _split(uri)
        if camera is None:
            named = {place.name for place in self.cameras(uri)}
            if len(named) > 1:
                raise SourceUnsupported(
                    f"{uri!r} holds recordings of {len(named)} cameras: {', '.join(sorted(named))}",
                    hint="each of them is opened by itself",
                )
            camera = _only(folder, self.options.reading)
        return WatchedFolder(uri, Arrivals(folder, camera, self.options.reading, self.options.settle), self.options, setting)

    def cameras(self, uri: str) -> tuple[Camera, ...]:
        """The cameras of which recordings are there by now; the folder itself while there is none."""
        folder, camera = _split(uri)
        if camera is not None:
            return (Camera(_name(camera, folder), uri),)
        found = sorted({self.options.reading.place(path, relative).camera for path, relative in files(folder)})
        if found in ([], [""]):
            return (Camera(_name("", folder), uri),)
        return tuple(Camera(_name(name, folder), f"{folder}{_BETWEEN}{name}") for name in found)


def _name(camera: str, folder: Path) -> str:
    """For people: recorders like to say a camera's name twice, in the folder's name and in the file's."""
    *others, last = camera.split("/")
    return "/".join(others) if others and others[-1] == last else camera or folder.name


def _split(uri: str) -> tuple[Path, str | None]:
    path = Path(uri)
    if path.is_dir():
        return path, None
    before, between, camera = uri.rpartition(_BETWEEN)
    if between and Path(before).is_dir():
        return Path(before), camera
    raise SourceNotFound(f"there is no folder {uri!r}", hint="check the spelling, and that the disk is mounted")


def _only(folder: Path, reading: Reading) -> str:
    return next((reading.place(path, relative).camera for path, relative in files(folder)), "")


@dataclass(frozen=True, slots=True)
class _Shown:
    """A recording on the source's clock. `offset`: the source's second at which the file's own second 0 lies."""

    recording: Recording
    offset: float


class WatchedFolder:
    """See `videoscan.seams.LiveFootage`. One thread; between two files it looks into the folder now and then."""

    def __init__(self, uri: str, arrivals: Arrivals, options: FolderOptions, setting: Setting) -> None:
        self._arrivals, self._options, self._setting = arrivals, options, setting
        self._clock = setting.clock or SYSTEM
        begin = setting.zero if setting.zero is not None else arrivals.earliest()
        self._zero = self._clock.wall() if begin is None else begin
        self._given_zero = setting.zero is not None or begin is not None
        self._info = SourceInfo(uri, 0, 0, None, clock=_iso(self._zero), live=True)
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._footage: PyAvFootage | None = None
        self._edge = setting.seen
        """The end of what was shown."""
        self._began = setting.seen > 0
        self._frames = 0
        self._last = -1.0
        self._came = self._clock.monotonic()
        self._beat = self._came - _BEAT
        self._tried: dict[str, float] = {}
        self._broken: str | None = None
        """Why the stretch up to the next recording is lost, and not only absent."""
        self._watcher = Watcher(options.frozen_after, options.black_after)
        self._shown: deque[_Shown] = deque(maxlen=_REMEMBERED)
        self.decoded = 0
        """Pictures that came out of the decoder, of the recordings that were looked at to their ends."""

    @property
    def info(self) -> SourceInfo:
        """What is known by now."""
        return self._info

    def close(self) -> None:
        """A running `items` ends at its next picture."""
        self._closed.set()
        with self._lock:
            if self._footage is not None:
                self._footage.close()

    def recorded(self, start: float, end: float) -> tuple[Recording, ...]:
        """The recordings themselves."""
        return tuple(each.recording for each in tuple(self._shown) if each.recording.start < end and each.recording.end > start)

    def recent(self, start: float, end: float, *, every: float = 0.0) -> Iterator[Frame]:
        """Frames of the recordings, as long as these are there, read again. Their indices count from the begin of each file's span."""
        for each in tuple(self._shown):
            recording = each.recording
            if recording.start >= end or recording.end <= start:
                continue
            try:
                footage = PyAvSource().open(recording.uri)
            except SourceError:
                continue
            try:
                seek = footage.info.seekable
                span = max(0.0, start - each.offset), end - each.offset
                for frame in footage.frames(_Every(every), start=span[0], end=span[1], seek=seek):
                    yield replace(frame, time=round(frame.time + each.offset, 6))
            finally:
                footage.close()

    def items(self, sampler: Sampler, *, duration: float | None = None) -> Iterator[LiveItem]:
        """What happens, for ever."""
        began = self._clock.monotonic()
        try:
            while not self._closed.is_set():
                if duration is not None and self._clock.monotonic() - began >= duration:
                    return
                reason = None
                try:
                    ready: Sequence[Place] = self._arrivals.look(self._clock.monotonic())
                except OSError as error:
                    ready, reason = (), f"the folder cannot be read: {error.strerror or error}"
                for place in ready:
                    if self._closed.is_set():
                        return
                    if not (yield from self._take(place, sampler)):
                        break
                yield from self._wait(reason)
            yield from self._watcher.ended(self._edge)
        finally:
            self.close()

    def _wait(self, reason: str | None) -> Iterator[LiveItem]:
        until = self._clock.monotonic() + self._options.poll
        while True:
            now = self._clock.monotonic()
            if now - self._beat >= _BEAT:
                self._beat = now
                yield Heartbeat(self._edge, "waiting", reason, round(now - self._came, 3))
            if now >= until or self._clock.wait(self._closed, min(_BEAT, until - now)):
                return

    def _take(self, place: Place, sampler: Sampler) -> Generator[LiveItem, None, bool]:
        """Show a recording. Returns whether it is done with: one that cannot be opened yet holds up those behind it for a while."""
        try:
            footage = PyAvSource().open(str(place.path))
        except SourceError as error:
            now = self._clock.monotonic()
            if now - self._tried.setdefault(place.relative, now) < self._options.patience:
                return False
            self._tried.pop(place.relative, None)
            self._arrivals.done(place)
            if self._began and place.begin is not None and place.begin - self._zero > self._edge + _JOINT:
                yield from self._away(place.begin - self._zero)
            self._broken = error.message
            self._setting.told(Note(self._broken))
            return True
        with self._lock:
            self._footage = footage
        try:
            if not self._closed.is_set():
                yield from self._show(place, footage, sampler)
        finally:
            footage.close()
            with self._lock:
                self._footage = None
        self._tried.pop(place.relative, None)
        self._arrivals.done(place)
        return True

    def _show(self, place: Place, footage: PyAvFootage, sampler: Sampler) -> Iterator[LiveItem]:
        read, missing = missing_packets(str(place.path))
        length = max(read, footage.info.declared_duration or 0.0)
        begin = self._begin(place, length)
        end = begin + length
        if end <= self._edge + 0.1:
            if self._began and end > self._setting.seen:
                self._setting.told(Note(f"{place.relative} came too late: later recordings were shown before it"))
            return
        info = footage.info
        self._info = replace(self._info, width=info.width, height=info.height, fps=info.fps, codec=info.codec)
        first = max(begin, self._edge)
        if first > self._edge:
            yield from self._away(first)
        self._broken = None
        skipped = round(first - begin, 6)
        self._shown.append(
            _Shown(Recording(str(place.path), first, end - first, _iso(self._zero + first), skipped, info.seekable), begin)
        )
        self._began = True
        yield from self._pictures(place, footage, sampler, begin, first, [span for span in missing if span.end > skipped])
        lost = max(self._edge, end)
        if lost - self._edge > 0.5 and self._last < self._edge:
            yield from self._watcher.ended(self._edge)
        self._edge = lost

    def _pictures(
        self, place: Place, footage: PyAvFootage, sampler: Sampler, begin: float, first: float, missing: list[Lost]
    ) -> Iterator[LiveItem]:
        offset = group = None
        try:
            for frame in footage.frames(sampler, start=max(0.0, first - begin)):
                time = round(begin + frame.time, 6)
                while missing and begin + missing[0].end <= time + 1e-6:
                    yield from self._lost(begin, missing.pop(0))
                offset = self._frames - frame.index if offset is None else offset
                time = max(time, self._edge, self._last + 1e-6)
                shown = replace(frame, index=frame.index + offset, time=time)
                self._last = self._edge = time
                self._frames = max(self._frames, shown.index + 1)
                self._came = self._beat = self._clock.monotonic()
                yield shown
                group = shown.index if frame.keyframe or group is None else group
                yield from self._watcher.saw(shown, group)
        except SourceError as error:
            self._broken = f"{place.relative}: {error.message}"
            self._setting.told(Note(self._broken))
        tally = footage.tally()
        self.decoded += tally.decoded
        self._frames += 1
        if offset is not None:
            self._frames = max(self._frames, tally.next_index + offset)
        known = {span.end for span in missing}
        rest = (
            [span for span in tally.lost if begin + span.start >= self._last and span.end not in known]
            if offset is not None
            else []
        )
        for span in sorted((*missing, *rest), key=lambda span: span.start):
            yield from self._lost(begin, span)

    def _lost(self, begin: float, span: Lost) -> Iterator[LiveItem]:
        start, end = max(begin + span.start, self._edge), begin + span.end
        if end - start > 0.5:
            yield from self._gap(start, end, span.reason, lost=True)
            self._edge = end

    def _begin(self, place: Place, length: float) -> float:
        """Where a recording lies on the source's clock: by its name, else by when it was finished."""
        wall = place.begin
        if wall is None:
            wall = place.path.stat().st_mtime - length
        if not self._given_zero:
            self._zero, self._given_zero = wall, True
            self._info = replace(self._info, clock=_iso(wall))
        begin = wall - self._zero
        return self._edge if self._began and abs(begin - self._edge) <= _JOINT else begin

    def _away(self, until: float) -> Iterator[LiveItem]:
        """Up to `until` there is no recording."""
        if self._began or self._setting.zero is not None:
            reason = self._broken or "there is no recording"
            yield from self._gap(self._edge, until, reason, lost=self._broken is not None)
        self._edge = until

    def _gap(self, start: float, end: float, reason: str, *, lost: bool) -> Iterator[LiveItem]:
        yield from self._watcher.ended(start)
        while start < end:
            piece = min(end, start + LONGEST_GAP)
            # A rest too short to be told would be a hole for rounding to fall into.
            piece = end if end - piece < 1e-3 else piece
            yield Gap(start, piece, reason, "lost" if lost else "absent")
            start = piece


class _Every:
    """A sampler for second looks."""

    Options: ClassVar[type[BaseModel]] = Options

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def session(self, _info: SourceInfo) -> _EverySession:
        return _EverySession(self._seconds)


class _EverySession:
    def __init__(self, seconds: float) -> None:
        self._seconds, self._next = seconds, 0.0

    def aim(self) -> Aim:
        return Aim(self._next)

    def saw(self, frame: Frame) -> bool:
        self._next = frame.time + max(self._seconds, 1e-6)
        return True


def _iso(wall: float) -> str:
    return dt.datetime.fromtimestamp(wall, dt.UTC).astimezone().isoformat(timespec="milliseconds")
