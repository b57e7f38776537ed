"""Reads many recordings of one camera as one source: one clock, one count of frames, one sampler over all of them.

Memory and handles: one recording is open at a time, and what was learned of each by looking at its beginning is kept: a few hundred
bytes. A recording that cannot be read is `lost`, with its reason, and costs no other.
"""

from __future__ import annotations

import functools
import math
import threading
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias

from pydantic import Field

from videoscan import whereabouts
from videoscan.config import Options
from videoscan.errors import ConfigError, SourceError, SourceUnsupported
from videoscan.model import Frame, Lost, SourceInfo, Tally
from videoscan.recordings import clock as clocks
from videoscan.seams import INFINITY, Aim, Back
from videoscan.sources.laying import Laid, Looked, by_clock, in_order
from videoscan.sources.opencv import OpenCvSource
from videoscan.sources.pyav import PyAvOptions, PyAvSource
from videoscan.sources.times import Ledger

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import BaseModel

    from videoscan.model import Recording
    from videoscan.seams import Footage, Sampler, SamplerSession, Source

_HALF_A_MICROSECOND = 5e-7
"""Times on the common clock are rounded to microseconds, so that a frame on a segment's edge lies on one side of it, always."""

_FOREVER = 1e9
"""Seconds. A pass with an end does not complain of a source without pictures, and this end no recording reaches."""

_ROUNDING = 1e-3
"""Pictures."""

_LOOKS, _SOURCES = 1 << 16, 4
"""Files and joined sources whose beginnings are remembered in a process."""

_State: TypeAlias = tuple[int, int] | None

_USUAL_RATE = 25.0
"""Pictures a second of a source that declares none."""


class File(Options):
    """One recording.

    `clock` is its first frame's wall time, ISO 8601 with its offset, where its name says it; `again` the same an hour later, where
    clocks showed that hour twice.
    """

    uri: str
    clock: str | None = None
    again: str | None = None
    fault: str | None = None
    """Why it cannot be read to its end, where reading it has ended a process: such a file is not tried once more."""
    until: float = 0.0
    """What of such a one is read all the same: all up to the frame of that time on its own clock, in seconds. -1: nothing; -2: it is not even looked at."""


class JoinedOptions(Options):
    """Which recordings, in which order, and who reads them."""

    files: tuple[File, ...] = ()
    """The recordings."""
    order: Literal["clock", "given"] = "clock"
    """Each where its clock says, or one right after the other as they come."""
    zone: str | None = None
    """IANA time zone of clocks in metadata."""
    begins: str | None = None
    """The first one's wall time, ISO 8601: it corrects all clocks alike."""
    backend: Literal["pyav", "opencv"] = "pyav"
    """Who decodes."""
    threads: int = Field(default=0, ge=0, le=64)
    """Decoder threads; 0 lets the decoder choose."""


class JoinedSource:
    """Opens several recordings as one source."""

    Options: ClassVar[type[BaseModel]] = JoinedOptions

    def __init__(self, options: JoinedOptions | None = None) -> None:
        self.options = options or JoinedOptions()

    def open(self, uri: str) -> JoinedFootage:
        """Looks at the beginning of each recording, once in a process. `uri` is a name and nothing else.

        Raises `ConfigError` when nothing says in which order they belong, `SourceUnsupported` when not one can be read.
        """
        options = self.options
        info, laid = _opened(options, uri, tuple(_state(file.uri) for file in options.files))
        return JoinedFootage(info, laid.faults, self._source(), laid.absent, options.files)

    def _source(self) -> Source:
        return _reader(self.options.backend, self.options.threads)


@functools.lru_cache(maxsize=_SOURCES)
def _opened(options: JoinedOptions, uri: str, states: tuple[_State, ...]) -> tuple[SourceInfo, Laid]:
    """Every segment of a pass opens the source again: its recordings are looked at and laid once, as long as they stay what they are."""
    looks = []
    for number, (file, state) in enumerate(zip(options.files, states, strict=True)):
        whereabouts.note(number, whereabouts.LOOKING)
        deadly = file.fault is not None and file.until <= whereabouts.LOOKING
        looks.append(_Look(fault=file.fault) if deadly else _look(options.backend, file.uri, state))
    whereabouts.leave()
    first = next((look.info for look in looks if look.info is not None), None)
    if first is None:
        why = next((look.fault for look in looks if look.fault), "there is none")
        raise SourceUnsupported(f"none of the {len(looks)} recordings of {uri!r} can be read: {why}")
    laid = _laid(options, uri, looks)
    flags = dict.fromkeys(flag for look in looks if look.info is not None for flag in look.info.flags)
    info = replace(
        first,
        uri=uri,
        declared_duration=laid.end,
        clock=laid.parts[0].clock,
        flags=(*flags, *laid.flags),
        seekable=True,
        parts=laid.parts,
        left_out=laid.left_out,
    )
    return info, laid


def _laid(options: JoinedOptions, uri: str, looks: list[_Look]) -> Laid:
    """The recordings' places. Raises `ConfigError` when nothing says which comes first."""
    begins = datetime.fromisoformat(options.begins) if options.begins else None
    looked = [_looked(options, file, look) for file, look in zip(options.files, looks, strict=True)]
    if options.order == "given":
        return in_order(looked, begins)
    if len(looked) == 1:
        return in_order(looked, begins or looked[0].clock)
    if any(each.clock is not None for each in looked):
        return by_clock(looked, begins)
    if begins is not None:
        return in_order(looked, begins)
    without = next(Path(each.uri).name for each in looked if each.fault is None)
    raise ConfigError(
        f"nothing says when the {len(looked)} recordings of {uri} were made, neither their names nor their metadata (such as {without})",
        hint="say how their names tell it, --set source.clock=pattern --set source.clock_pattern=...; or join them in the order "
        "of their names, --by-name, from --clock-start on if you know it",
    )


def _looked(options: JoinedOptions, file: File, look: _Look) -> Looked:
    said = _moment(file.clock)
    if said is None and look.info is not None and options.order == "clock":
        said = _moment(clocks.from_metadata(look.info.clock, options.zone).start)
    seekable = look.info is not None and look.info.seekable
    sound = look.info.sound if look.info is not None else None
    return Looked(file.uri, said, _moment(file.again), look.duration, seekable, look.fault, sound)


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _reader(backend: str, threads: int) -> Source:
    return OpenCvSource() if backend == "opencv" else PyAvSource(PyAvOptions(threads=threads))


@dataclass(frozen=True, slots=True)
class _Look:
    """What looking at the beginning of a file told: `info` and `duration` in seconds, or a `fault`."""

    info: SourceInfo | None = None
    duration: float = 0.0
    fault: str | None = None


class _Nothing:
    """The sampler that wants no picture: a pass with it learns how long a source is."""

    Options: ClassVar[type[BaseModel]] = Options

    def session(self, info: SourceInfo) -> _Nothing:  # noqa: ARG002  # a seam's argument that this sampler has no use for
        return self

    def aim(self) -> Aim:
        return Aim(INFINITY)

    def saw(self, frame: Frame) -> bool:  # noqa: ARG002  # the same
        return False


def _state(uri: str) -> _State:
    """A file's size and time, by which it is known to be the same; `None` where it is gone."""
    try:
        stat = Path(uri).stat()
    except OSError:
        return None
    return stat.st_size, stat.st_mtime_ns


@functools.lru_cache(maxsize=_LOOKS)
def _look(backend: str, uri: str, state: _State) -> _Look:  # noqa: ARG001  # another size or time is another file
    """What the beginning of a file tells; looked at once, also where further recordings are joined later."""
    try:
        footage = _reader(backend, 1).open(uri)
        try:
            length = footage.info.declared_duration
            if length is None:
                for _ in footage.frames(_Nothing(), end=_FOREVER):
                    pass
                length = footage.tally().duration
        finally:
            footage.close()
    except SourceError as error:
        return _Look(fault=error.message)
    if length <= 0:
        return _Look(fault=f"{Path(uri).name} has no length")
    return _Look(footage.info, round(length, 6))


class JoinedFootage:
    """Recordings on one clock, ready to be decoded once."""

    def __init__(
        self, info: SourceInfo, faults: dict[int, str], source: Source, absent: tuple[Lost, ...], files: tuple[File, ...]
    ) -> None:
        self.info = info
        self._files = {file.uri: (number, file) for number, file in enumerate(files)}
        self._faults = faults
        self._source = source
        self._absent = absent
        self._closed = threading.Event()
        self._reading: Footage | None = None
        self._pass = _Pass()

    def frames(
        self, sampler: Sampler, *, start: float = 0.0, end: float | None = None, warm_up: float = 0.0, seek: bool = False
    ) -> Iterator[Frame]:
        """The sampled frames in ``[start, end)``; see `videoscan.seams.Footage`."""
        session = sampler.session(self.info)
        begin, stop = max(0.0, start - warm_up), INFINITY if end is None else end
        self._pass = run = _Pass(start, stop)
        places = [place for place, part in enumerate(self.info.parts) if part.end > begin and part.start < stop]
        # By recording, the index of its first picture that is asked for: a sampler may send back into the one before.
        counts = {places[0]: 0 if seek else self._pictures_before(places[0])} if places else {}
        at = 0
        while at < len(places) and not self._closed.is_set():
            place = places[at]
            part, run.count = self.info.parts[place], counts[place]
            if place in self._faults:
                run.lost[place] = [Lost(part.start, part.end, self._faults[place])]
            else:
                through = _Through(session, part, last=place == len(self.info.parts) - 1, goes_back=at > 0)
                yield from self._part(place, through, begin, start, stop, seek=seek)
                if through.back:
                    at -= 1
                    continue
            counts[place + 1] = run.count
            at += 1

    def _part(self, place: int, through: _Through, begin: float, start: float, stop: float, *, seek: bool) -> Iterator[Frame]:
        """The frames of one recording, on the common clock and count; leaves the count of the next recording in the pass."""
        part, run = self.info.parts[place], self._pass
        count, shift = run.count, through.shift
        rehearses = start >= part.end  # all of it comes before what is asked for
        earlier = begin - shift - _HALF_A_MICROSECOND if begin > part.start else part.skipped
        local = earlier if rehearses else start - shift - _HALF_A_MICROSECOND if start > part.start else part.skipped
        until = None if stop >= part.end else stop - shift - _HALF_A_MICROSECOND
        seeks = part.seekable and local > 0 and (seek or part.skipped > 0)
        # Where to begin in the middle of a file means to read all of it, nobody says which index the first frame there has.
        first = 0 if seeks or local <= 0 or not seek else None
        number, file = self._files[part.uri]
        ends_at = None if file.fault is None else file.until
        if ends_at is not None and ends_at < max(0.0, earlier):
            run.lost[place] = [Lost(part.start, part.end, str(file.fault))]
            return
        whereabouts.note(number, whereabouts.OPENED)
        try:
            footage = self._open(part.uri)
        except SourceError as error:
            run.lost[place] = [Lost(part.start, part.end, error.message)]
            return
        through.read(footage)
        last = -1
        try:
            for frame in footage.frames(through, start=local, end=until, warm_up=local - earlier, seek=seeks):
                whereabouts.note(number, frame.time)
                time = run.seen = round(frame.time + shift, 6)
                last = frame.index
                if seek and rehearses:  # nobody has counted what lies between this and the start
                    index = -max(1, math.ceil((start - time) * (self.info.fps or _USUAL_RATE) - _ROUNDING))
                elif seek and time < start:
                    index = min(-1, frame.index)
                else:
                    first = frame.index if first is None else first
                    index = count + frame.index - first
                yield replace(frame, index=index, time=time)
                if ends_at is not None and frame.time >= ends_at and not through.back:
                    run.lost[place] = [Lost(max(part.start, time), part.end, str(file.fault))]
                    run.count = count if (rehearses and seek) or first is None else count + last + 1 - first
                    break
            else:
                ends_at = None
            if not through.back and ends_at is None:
                tally = footage.tally()
                run.take(place, part, tally, shift)
                following = tally.next_index
                if not following and not part.seekable:  # a reader that does not count what it passes over
                    following = last + max(1, round((part.end - max(run.seen, part.start)) * (self.info.fps or _USUAL_RATE)))
                run.count = count if rehearses and seek else count + max(0, following - (first or 0))
        except SourceError as error:
            run.lost[place] = [Lost(max(part.start, run.seen), part.end, error.message)]
        finally:
            footage.close()
            whereabouts.leave()
            self._reading = None
            tally = footage.tally()
            run.decoded += tally.decoded
            run.seconds += tally.decode_seconds

    def _open(self, uri: str) -> Footage:
        footage = self._source.open(uri)
        self._reading = footage
        if self._closed.is_set():
            footage.close()
        return footage

    def _pictures_before(self, place: int) -> int:
        """How many pictures lie before a recording, by time: nobody has counted them."""
        rate = self.info.fps or _USUAL_RATE
        return sum(round(part.duration * rate) for part in self.info.parts[:place])

    def tally(self) -> Tally:
        """What the pass came to: for the span that was read."""
        run = self._pass
        last = self.info.parts[-1]
        length = run.lengths.get(len(self.info.parts) - 1)
        duration = round(last.start + length, 6) if length is not None else last.end
        ledger = Ledger([lost for place in sorted(run.lost) for lost in run.lost[place]])
        return Tally(
            duration=duration,
            decoded=run.decoded,
            lost=tuple(clipped(ledger.settled(duration), run.start, run.stop)),
            flags=tuple(dict.fromkeys(run.flags)),
            decode_seconds=run.seconds,
            next_index=run.count,
            absent=tuple(clipped(self._absent, run.start, run.stop)),
        )

    def close(self) -> None:
        """A running `frames` ends at its next packet and lets go of its file."""
        self._closed.set()
        footage = self._reading
        if footage is not None:
            footage.close()


def clipped(spans: tuple[Lost, ...], start: float, stop: float) -> Iterator[Lost]:
    """The parts of the spans in ``[start, stop)``."""
    for span in spans:
        left, right = max(span.start, start), min(span.end, stop)
        if right > left:
            yield Lost(left, right, span.reason)


class _Through:
    """The sampler's session as one recording's reader sees it: on that recording's own clock."""

    Options: ClassVar[type[BaseModel]] = Options

    def __init__(self, session: SamplerSession, part: Recording, *, last: bool, goes_back: bool) -> None:
        self.shift = part.start - part.skipped
        self.back = False
        self._session = session
        self._part = part
        self._limit = INFINITY if last else part.end
        self._goes_back = goes_back
        self._ended = False
        self._footage: Footage | None = None

    def read(self, footage: Footage) -> None:
        """The reader, which is closed when the sampler wants the recording before once more."""
        self._footage = footage

    def session(self, info: SourceInfo) -> _Through:  # noqa: ARG002  # the pass over all recordings has begun already
        """The same for each recording."""
        return self

    def aim(self) -> Aim:
        """What the session aims at; nothing, where the recording's share of the common clock has ended."""
        if self._ended:
            return Aim(INFINITY)
        aim = self._session.aim()
        shift = self.shift
        return Aim(aim.time - shift, aim.keyframe_from - shift, aim.keyframe_until - shift, aim.reference_until - shift)

    def saw(self, frame: Frame) -> bool | Back:
        """What the session says of it. Where it wants to go back into the recording before, reading this one ends."""
        time = round(frame.time + self.shift, 6)
        if time >= self._limit:
            self._ended = True
            return False
        verdict = self._session.saw(replace(frame, time=time))
        if not isinstance(verdict, Back):
            return verdict
        if self._goes_back and verdict.time < self._part.start - _HALF_A_MICROSECOND:
            self.back = self._ended = True
            if self._footage is not None:
                self._footage.close()
            return False
        return Back(verdict.time - self.shift)


@dataclass
class _Pass:
    """What a pass has come to. `lost` and `lengths` go by recording; `seen` is when the last sampled frame was."""

    start: float = 0.0
    stop: float = INFINITY
    count: int = 0
    decoded: int = 0
    seconds: float = 0.0
    seen: float = 0.0
    lost: dict[int, list[Lost]] = field(default_factory=dict)
    lengths: dict[int, float] = field(default_factory=dict)
    flags: list[str] = field(default_factory=list)

    def take(self, place: int, part: Recording, tally: Tally, shift: float) -> None:
        """A recording was read."""
        self.flags += tally.flags
        spans = tuple(Lost(lost.start + shift, lost.end + shift, lost.reason) for lost in tally.lost)
        self.lost[place] = list(clipped(spans, part.start, part.end))
        self.lengths[place] = tally.duration - part.skipped
