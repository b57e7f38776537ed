"""All events in one video, one after the other, with a chapter each."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, ClassVar

from videoscan import timecode
from videoscan.clips.exact import Film
from videoscan.clips.options import PadOptions, Piece, joined, wanted, whole
from videoscan.clips.sound import channels
from videoscan.errors import SourceError, SourceNotFound
from videoscan.exporters.wording import name, plain
from videoscan.seams import Told

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from videoscan.document import Timeline


class ReelExporter:
    """MP4 with H.264 and AAC at the first recording's size; others are fitted into it. What overlaps is shown once.

    Chapters carry camera, wall time (video time where it is not known) and title.
    """

    Options: ClassVar[type[PadOptions]] = PadOptions
    suffix: ClassVar[str] = ".mp4"
    media_type: ClassVar[str] = "video/mp4"

    def __init__(self, options: PadOptions | None = None) -> None:
        self.options = options or PadOptions()

    def write(self, timeline: Timeline, out: IO[bytes], *, folder: str | None = None) -> None:
        """Write all of it; see `videoscan.seams.Exporter`. Raises `SourceError` when there is nothing to show."""
        self.write_all([Told(timeline, folder)], out, lambda _sentence: None)

    def write_all(self, parts: Sequence[Told], out: IO[bytes], missing: Callable[[str], None]) -> None:
        """All in one reel; see `videoscan.seams.Gatherer`. Raises `SourceError` when there is nothing to show."""
        groups = joined(list(wanted(parts, self.options.pad)))
        if not groups:
            raise SourceNotFound(
                "there is no event in this selection, so there is nothing to show", hint="see --to csv for all of them"
            )
        first = groups[0][0].stretch.timeline
        heard = max(channels(file) for file in {piece.stretch.file for group in groups for piece in group})
        film = Film(out, first.source.fps, heard, ", ".join(dict.fromkeys(plain(name(part.timeline)) for part in parts)))
        faults: list[SourceError] = []
        try:
            for group in groups:
                try:
                    _add(film, group)
                except SourceError as fault:
                    faults.append(fault)
                    for piece in group:
                        missing(f"{piece.cut.title!r} is not in the reel: {fault.message}")
            if not film.begun:
                raise faults[0]
            film.close()
        except BaseException:
            film.abandon()
            raise


def _add(film: Film, group: Sequence[Piece]) -> None:
    stretch = whole(group)
    begins = film.length
    film.add(stretch)
    starts = [begins + piece.stretch.start - stretch.start for piece in group]
    for piece, start, end in zip(group, starts, [*starts[1:], film.length], strict=True):
        if end > start:
            film.mark(start, end, _title(piece))


def _title(piece: Piece) -> str:
    source = piece.cut.timeline.source
    event = piece.cut.event
    when = timecode.wall_short(source.origin(event.start), event.start, date=True) or timecode.short(event.start)
    return f"{plain(name(piece.cut.timeline))} {when} {piece.cut.title}"
