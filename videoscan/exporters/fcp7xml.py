"""Final Cut Pro 7's XML, which Premiere, Resolve and others open: the events one after the other, each with a marker."""

from __future__ import annotations

import re
from typing import IO, TYPE_CHECKING, ClassVar
from xml.etree.ElementTree import Element, SubElement, indent, tostring  # written, never parsed

from videoscan import config
from videoscan.exporters.cutting import Counting, Cut, address, counting, cuts, short_name
from videoscan.exporters.cutting import length as length_of
from videoscan.exporters.wording import name, plain
from videoscan.seams import Told

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from videoscan.document import Timeline
    from videoscan.smpte import Rate


class Fcp7XmlExporter:
    """``xmeml`` version 5: one sequence, one clip per event that nobody rejected, cut out of its file; picture only.

    The sequence has the rate of the first source; each clip counts in its own.
    """

    class Options(config.Options):
        """How time is counted."""

        start_timecode: str | None = None
        """Timecode of the source's first frame, and where the cut begins: ``10:00:00:00``, drop-frame ``10:00:00;00``, or ``wall``."""

    suffix: ClassVar[str] = ".xml"
    media_type: ClassVar[str] = "application/xml"

    def __init__(self, options: Options | None = None) -> None:
        self.options = options or self.Options()

    def write(self, timeline: Timeline, out: IO[bytes], *, folder: str | None = None) -> None:
        """Write all of it; see `videoscan.seams.Exporter`. Raises `ConfigError` for a start timecode that the rate does not know."""
        self.write_all([Told(timeline, folder)], out)

    def write_all(self, parts: Sequence[Told], out: IO[bytes], missing: Callable[[str], None] | None = None) -> None:  # noqa: ARG002
        """All in one sequence; see `videoscan.seams.Gatherer`."""
        counts = {id(part.timeline): counting(part.timeline, self.options.start_timecode) for part in parts}
        document = _document(parts, counts)
        indent(document, " ")
        out.write(b'<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE xmeml>\n')
        out.write(tostring(document, encoding="utf-8"))
        out.write(b"\n")


def _document(parts: Sequence[Told], counts: dict[int, Counting]) -> Element:
    first = counts[id(parts[0].timeline)]
    root = Element("xmeml", version="5")
    sequence = SubElement(root, "sequence", id="sequence-1")
    _put(sequence, "name", ", ".join(dict.fromkeys(name(part.timeline) for part in parts)) or "videoscan")
    duration = SubElement(sequence, "duration")
    _rate(sequence, first.rate)
    _timecode(sequence, first)
    video = SubElement(SubElement(sequence, "media"), "video")
    characteristics = SubElement(SubElement(video, "format"), "samplecharacteristics")
    _rate(characteristics, first.rate)
    _put(characteristics, "width", parts[0].timeline.source.width)
    _put(characteristics, "height", parts[0].timeline.source.height)
    track = SubElement(video, "track")
    at = 0
    known: dict[str, str] = {}
    for number, cut in enumerate(cuts(parts), start=1):
        at = _clip(track, cut, counts[id(cut.timeline)], first.rate, number=number, at=at, known=known)
    duration.text = str(at)
    return root


def _clip(track: Element, cut: Cut, count: Counting, sequence: Rate, *, number: int, at: int, known: dict[str, str]) -> int:
    """Adds a clip at frame `at` of the sequence; where the next one begins. `known` are the ids of files described already."""
    rate = count.rate
    begins = rate.frame(cut.start)
    ends = max(begins + 1, rate.frame(cut.end))
    length = max(1, sequence.frame(rate.seconds(ends - begins)))
    source = cut.timeline.source
    lasts = rate.frame(length_of(cut.timeline, cut.file))
    item = SubElement(track, "clipitem", id=f"clipitem-{number}")
    _put(item, "name", cut.title)
    _put(item, "duration", max(lasts, ends))
    _rate(item, rate)
    for tag, value in (("start", at), ("end", at + length), ("in", begins), ("out", ends)):
        _put(item, tag, value)
    if cut.file in known:
        SubElement(item, "file", id=known[cut.file])
    else:
        known[cut.file] = f"file-{len(known) + 1}"
        file = SubElement(item, "file", id=known[cut.file])
        _put(file, "name", short_name(cut.file))
        _put(file, "pathurl", address(cut.file).replace("file:///", "file://localhost/", 1))
        _rate(file, rate)
        _put(file, "duration", max(lasts, ends))
        _timecode(file, Counting(rate, count.begins(cut)))
        characteristics = SubElement(SubElement(SubElement(file, "media"), "video"), "samplecharacteristics")
        _put(characteristics, "width", source.width)
        _put(characteristics, "height", source.height)
    marker = SubElement(item, "marker")
    _put(marker, "name", cut.title)
    _put(marker, "comment", cut.words)
    _put(marker, "in", begins)
    _put(marker, "out", ends)
    return at + length


def _rate(parent: Element, rate: Rate) -> None:
    element = SubElement(parent, "rate")
    _put(element, "timebase", rate.nominal)
    _put(element, "ntsc", "TRUE" if rate.ntsc else "FALSE")


def _timecode(parent: Element, count: Counting) -> None:
    element = SubElement(parent, "timecode")
    _rate(element, count.rate)
    _put(element, "string", count.rate.text(count.first))
    _put(element, "frame", count.first)
    _put(element, "displayformat", "DF" if count.rate.drop else "NDF")


def _put(parent: Element, tag: str, value: str | int) -> None:
    # XML 1.0 has no place for these two, not even as a reference.
    SubElement(parent, tag).text = re.sub("[\ufffe\uffff]", "", plain(value)) if isinstance(value, str) else str(value)
