"""Events as cuts out of files: which stretch of which file each of them is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING
from urllib.parse import quote

from videoscan.errors import ConfigError
from videoscan.exporters.wording import file_name, plain, standing
from videoscan.smpte import Rate, rate_of, written_with_drop
from videoscan.timecode import wall

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from videoscan.document import Event, SoundRecord, Timeline
    from videoscan.seams import Told

WALL = "wall"
"""In place of a start timecode: the time of day, as cameras with free-running timecode have it."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A stretch ``[start, end)`` of `file`, in seconds from that file's first frame. `at`: where that is on the source's clock.

    `sound` is that of the file, `None` where it has none or the timeline does not say.
    """

    timeline: Timeline
    event: Event
    file: str
    start: float
    end: float
    at: float
    sound: SoundRecord | None = None

    @property
    def title(self) -> str:
        """One line, never empty."""
        return plain(self.event.title) or plain(self.event.id) or "event"

    @property
    def words(self) -> str:
        """Title, description and tags on one line."""
        tags = ", ".join(filter(None, map(plain, self.event.tags)))
        return ". ".join(filter(None, (self.title, plain(self.event.description)))) + (f" [{tags}]" if tags else "")


def cuts(parts: Iterable[Told]) -> list[Cut]:
    """Every event that nobody rejected, in the order of its timeline; one that runs over joined files is one cut in each."""
    return [
        cut for part in parts for event in standing(part.timeline) for cut in pieces(part.timeline, event, event.start, event.end)
    ]


def pieces(timeline: Timeline, event: Event, start: float, end: float) -> Iterator[Cut]:
    """The stretch of the source's clock in the files that it lies in. An instant is a cut without length.

    Of a watched day some may have been recorded and some not: what lies in no file at all is a cut of the stream itself, which nobody has.
    """
    source = timeline.source
    found = False
    files = [(part.uri, part.start, part.duration, part.skipped, part.sound) for part in source.parts]
    files = files or [(source.uri, 0.0, source.duration, 0.0, None)]
    for number, (uri, begins, lasts, skipped, sound) in enumerate(files):
        # The last file answers for the end of the source, so that an instant there is not lost.
        last = number + 1 == len(files)
        inside = begins <= start and (start < begins + lasts or (last and start <= begins + lasts))
        if inside or (begins < end and start < begins + lasts):
            first, final = max(start, begins), min(end, begins + lasts)
            if final > first or inside:
                from_file = skipped - begins
                found = True
                yield Cut(timeline, event, uri, first + from_file, max(final, first) + from_file, first, sound)
    if not found:
        yield Cut(timeline, event, source.uri, start, max(start, end), start)


def length(timeline: Timeline, file: str) -> float:
    """Seconds of a file of the source, from its first frame on."""
    lengths = (part.duration + part.skipped for part in timeline.source.parts if part.uri == file)
    return next(lengths, timeline.source.duration)


def address(file: str) -> str:
    """A file as a URL, as editing programs take it; a URL as it is, without credentials."""
    if "://" in file:
        return re.sub(r"(?<=://)[^/@]*@", "", file)
    if PureWindowsPath(file).drive:
        return PureWindowsPath(file).as_uri() if PureWindowsPath(file).is_absolute() else quote(file)
    path = PurePosixPath(file)
    return path.as_uri() if path.is_absolute() else quote(file, errors="replace")


def short_name(file: str) -> str:
    """The file's name, on one line."""
    return plain(file_name(file)) or "clip"


@dataclass(frozen=True, slots=True)
class Counting:
    """How a source's frames are counted: its rate, and the number of its first one.

    `runs_on`: each of several joined files goes on counting where its place on the source's clock is; otherwise each begins anew.
    """

    rate: Rate
    first: int
    runs_on: bool = False

    def begins(self, cut: Cut) -> int:
        """The number of the first frame of the cut's file."""
        return self.first + (self.rate.frame(cut.at - cut.start) if self.runs_on else 0)


def counting(timeline: Timeline, start_timecode: str | None) -> Counting:
    """For one source. Raises `ConfigError` when the timecode does not exist at its rate, or the wall time is not known."""
    fps = timeline.source.fps
    if start_timecode is None:
        return Counting(rate_of(fps), 0)
    if start_timecode == WALL:
        rate = rate_of(fps)
        begins = wall(timeline.source.clock, 0)
        if begins is None:
            raise ConfigError(
                f"--start-timecode wall: nobody knows the wall time of {timeline.source.uri}", hint="give a timecode: 10:00:00:00"
            )
        return Counting(rate, rate.time_of_day(begins), runs_on=True)
    rate = rate_of(fps, drop=written_with_drop(start_timecode))
    return Counting(rate, rate.parse(start_timecode), runs_on=True)
