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

_MOST_CHANNELS = 2
"""Tracks of sound: a camera's stereo. Surround is for who cuts it to take from the file."""


class Fcp7XmlExporter:
    """``xmeml`` version 5: one sequence, one clip per event that nobody rejected, cut out of its file.

    Where a file has sound, its first two channels are on tracks of their own, each clip linked with its picture.

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
    media = SubElement(sequence, "media")
    video = SubElement(media, "video")
    characteristics = SubElement(SubElement(video, "format"), "samplecharacteristics")
    _rate(characteristics, first.rate)
    _put(characteristics, "width", parts[0].timeline.source.width)
    _put(characteristics, "height", parts[0].timeline.source.height)
    track = SubElement(video, "track")
    at = 0
    known: dict[str, str] = {}
    cut = cuts(parts)
    heard = [_channels(each) for each in cut]
    tracks = _sound_tracks(SubElement(media, "audio"), max(heard), cut) if any(heard) else []
    for number, each in enumerate(cut, start=1):
        ends = _clip(track, each, counts[id(each.timeline)], first.rate, number=number, at=at, known=known)
        if heard[number - 1]:
            _link(track[-1], number, heard)
        for channel, sound in enumerate(tracks[: heard[number - 1]], start=1):
            item = _placed(sound, each, counts[id(each.timeline)], f"clipitem-{number}-{channel}", at, ends)
            SubElement(item, "file", id=known[each.file])
            source = SubElement(item, "sourcetrack")
            _put(source, "mediatype", "audio")
            _put(source, "trackindex", channel)
            _link(item, number, heard)
        at = ends
    duration.text = str(at)
    return root


def _channels(cut: Cut) -> int:
    return 0 if cut.sound is None else min(cut.sound.channels, _MOST_CHANNELS)


def _sound_tracks(audio: Element, count: int, cut: Sequence[Cut]) -> list[Element]:
    """A track for each channel, as the format has it: its clips have one channel each."""
    _put(audio, "numOutputChannels", count)
    rate = next(each.sound.sample_rate for each in cut if each.sound is not None)
    _samples(SubElement(audio, "format"), rate)
    tracks = [SubElement(audio, "track") for _ in range(count)]
    for channel, track in enumerate(tracks, start=1):
        _put(track, "outputchannelindex", channel)
    return tracks


def _samples(parent: Element, rate: int) -> None:
    characteristics = SubElement(parent, "samplecharacteristics")
    _put(characteristics, "depth", 16)
    _put(characteristics, "samplerate", rate)


def _link(item: Element, number: int, heard: Sequence[int]) -> None:
    """Ties the picture of a clip and its sound together, so that they are moved and cut as one."""
    channels = heard[number - 1]
    for channel in range(channels + 1):
        link = SubElement(item, "link")
        _put(link, "linkclipref", f"clipitem-{number}" + (f"-{channel}" if channel else ""))
        _put(link, "mediatype", "audio" if channel else "video")
        _put(link, "trackindex", channel or 1)
        # The place among the clips of that track.
        _put(link, "clipindex", sum(each >= channel for each in heard[:number]))


def _placed(track: Element, cut: Cut, count: Counting, identity: str, at: int, ends: int) -> Element:
    """A clip of a track, from frame `at` of the sequence to `ends`, without its file."""
    rate = count.rate
    begins = rate.frame(cut.start)
    until = max(begins + 1, rate.frame(cut.end))
    item = SubElement(track, "clipitem", id=identity)
    _put(item, "name", cut.title)
    _put(item, "duration", max(rate.frame(length_of(cut.timeline, cut.file)), until))
    _rate(item, rate)
    for tag, value in (("start", at), ("end", ends), ("in", begins), ("out", until)):
        _put(item, tag, value)
    return item


def _clip(track: Element, cut: Cut, count: Counting, sequence: Rate, *, number: int, at: int, known: dict[str, str]) -> int:
    """Adds a clip at frame `at` of the sequence; where the next one begins. `known` are the ids of files described already."""
    rate = count.rate
    begins = rate.frame(cut.start)
    ends = max(begins + 1, rate.frame(cut.end))
    length = max(1, sequence.frame(rate.seconds(ends - begins)))
    source = cut.timeline.source
    lasts = rate.frame(length_of(cut.timeline, cut.file))
    item = _placed(track, cut, count, f"clipitem-{number}", at, at + length)
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
        media = SubElement(file, "media")
        characteristics = SubElement(SubElement(media, "video"), "samplecharacteristics")
        _put(characteristics, "width", source.width)
        _put(characteristics, "height", source.height)
        if cut.sound is not None:
            audio = SubElement(media, "audio")
            _samples(audio, cut.sound.sample_rate)
            _put(audio, "channelcount", cut.sound.channels)
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
