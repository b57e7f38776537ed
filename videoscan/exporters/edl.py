"""An edit decision list (CMX 3600): the events one after the other, as editing programs cut them out of the source."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, ClassVar

from videoscan import config
from videoscan.errors import ConfigError
from videoscan.exporters.cutting import Counting, Cut, counting, cuts, short_name
from videoscan.exporters.wording import name, plain
from videoscan.seams import Told

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from videoscan.document import Timeline

_LINE = 400
"""Characters of a comment. The format knows no limit; programs that read it into fixed buffers do."""


class EdlExporter:
    """One edit per event that nobody rejected, from reel ``AX`` with the file's name as a comment, as programs that link by name want.

    Sound is cut with its picture, as far as the first two channels. Times are rounded to frames of the source's rate (`videoscan.smpte.rate_of`); 29.97 and 59.94 are counted drop-frame unless
    `start_timecode` is written with a colon. Joined recordings are cut from each of their files.
    """

    class Options(config.Options):
        """How time is counted."""

        start_timecode: str | None = None
        """Timecode of the source's first frame, and where the cut begins: ``10:00:00:00``, drop-frame ``10:00:00;00``, or ``wall``."""

    suffix: ClassVar[str] = ".edl"
    media_type: ClassVar[str] = "text/plain"

    def __init__(self, options: Options | None = None) -> None:
        self.options = options or self.Options()

    def write(self, timeline: Timeline, out: IO[bytes], *, folder: str | None = None) -> None:
        """Write all of it; see `videoscan.seams.Exporter`. Raises `ConfigError` for a start timecode that the rate does not know."""
        self.write_all([Told(timeline, folder)], out)

    def write_all(self, parts: Sequence[Told], out: IO[bytes], missing: Callable[[str], None] | None = None) -> None:  # noqa: ARG002
        """All in one list; see `videoscan.seams.Gatherer`. Raises `ConfigError` when they differ in rate: a list has but one."""
        counts = [counting(part.timeline, self.options.start_timecode) for part in parts]
        if len({count.rate for count in counts}) > 1:
            told = ", ".join(
                f"{name(part.timeline)}: {part.timeline.source.fps:.5g}" for part in parts if part.timeline.source.fps
            )
            raise ConfigError(
                f"an edit decision list counts at one rate, and these differ ({told})",
                hint="one list each: -o FOLDER/; or --to otio, which can hold them together",
            )
        by_timeline = {id(part.timeline): count for part, count in zip(parts, counts, strict=True)}
        for line in _lines(parts, counts[0], by_timeline):
            out.write(f"{line}\n".encode())


def _lines(parts: Sequence[Told], record: Counting, counts: dict[int, Counting]) -> Iterator[str]:
    yield f"TITLE: {plain(', '.join(dict.fromkeys(name(part.timeline) for part in parts)))[:70] or 'videoscan'}"
    yield f"FCM: {'DROP FRAME' if record.rate.drop else 'NON-DROP FRAME'}"
    yield ""
    at = record.first
    for number, cut in enumerate(cuts(parts), start=1):
        count = counts[id(cut.timeline)]
        first = count.begins(cut) + count.rate.frame(cut.start)
        length = max(1, count.rate.frame(cut.end) - count.rate.frame(cut.start))
        source_in, source_out = count.rate.text(first), count.rate.text(first + length)
        record_in, record_out = record.rate.text(at), record.rate.text(at + length)
        yield f"{number:03d}  AX       {_channels(cut):<5} C        {source_in} {source_out} {record_in} {record_out}"
        yield from _comments(cut, record_in)
        yield ""
        at += length


def _channels(cut: Cut) -> str:
    """What of the source is cut: the picture, and one or two channels of its sound; the format's edit has room for no more."""
    if cut.sound is None:
        return "V"
    return "B" if cut.sound.channels == 1 else "AA/V"


def _comments(cut: Cut, record_in: str) -> Iterator[str]:
    yield f"* FROM CLIP NAME: {short_name(cut.file)}"
    yield f"* LOC: {record_in} RED     {cut.title}"[:_LINE]
    yield f"* COMMENT: {cut.words}"[:_LINE]
