"""OpenTimelineIO: the events one after the other, for every program that has an adapter. Needs the extra `otio`."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any, ClassVar

from videoscan import config
from videoscan.errors import ConfigError
from videoscan.exporters.cutting import Counting, Cut, address, counting, cuts
from videoscan.exporters.cutting import length as length_of
from videoscan.exporters.wording import name, plain
from videoscan.seams import Told

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from videoscan.document import Timeline


class OtioExporter:
    """One video track, one clip per event that nobody rejected, at the source's own rate. A marker on each clip holds its words.

    Where recordings have sound, a second track holds the same clips again for it. Clips refer to the recording by its address, and carry all of the event under ``metadata["videoscan"]``.
    """

    class Options(config.Options):
        """How time is counted."""

        start_timecode: str | None = None
        """Timecode of the source's first frame, and where the cut begins: ``10:00:00:00``, drop-frame ``10:00:00;00``, or ``wall``."""

    suffix: ClassVar[str] = ".otio"
    media_type: ClassVar[str] = "application/json"

    def __init__(self, options: Options | None = None) -> None:
        self.options = options or self.Options()
        try:
            import opentimelineio  # noqa: F401  (said before a scan begins, not at its end)
        except ImportError as fault:
            raise ConfigError(
                f"--to otio needs OpenTimelineIO, which is not installed ({fault})", hint="pip install 'videoscan[otio]'"
            ) from fault

    def write(self, timeline: Timeline, out: IO[bytes], *, folder: str | None = None) -> None:
        """Write all of it; see `videoscan.seams.Exporter`. Raises `ConfigError` for a start timecode that the rate does not know."""
        self.write_all([Told(timeline, folder)], out)

    def write_all(self, parts: Sequence[Told], out: IO[bytes], missing: Callable[[str], None] | None = None) -> None:  # noqa: ARG002
        """All on one track, each clip at its own rate; see `videoscan.seams.Gatherer`."""
        import opentimelineio as otio

        counts = {id(part.timeline): counting(part.timeline, self.options.start_timecode) for part in parts}
        first = counts[id(parts[0].timeline)]
        titles = ", ".join(dict.fromkeys(plain(name(part.timeline)) for part in parts))
        track = otio.schema.Track(name="Events", kind=otio.schema.TrackKind.Video)
        cut = cuts(parts)
        track.extend([_clip(each, counts[id(each.timeline)]) for each in cut])
        tracks = [track]
        if any(each.sound is not None for each in cut):
            sound = otio.schema.Track(name="Sound", kind=otio.schema.TrackKind.Audio)
            sound.extend([_heard(each, counts[id(each.timeline)]) for each in cut])
            tracks.append(sound)
        begins = otio.opentime.RationalTime(first.first, float(first.rate.exact))
        made = otio.schema.Timeline(name=titles or "videoscan", tracks=tracks, global_start_time=begins)
        made.metadata["videoscan"] = {"version": parts[0].timeline.videoscan}
        out.write(otio.adapters.write_to_string(made, "otio_json", indent=1).encode() + b"\n")


def _heard(cut: Cut, count: Counting) -> Any:
    """The sound of a clip; a gap as long where its file has none, so that later ones stay below their pictures."""
    import opentimelineio as otio

    clip = _clip(cut, count)
    if cut.sound is None:
        return otio.schema.Gap(source_range=otio.opentime.TimeRange(duration=clip.source_range.duration))
    clip.markers[:] = []  # they stand with the pictures
    return clip


def _clip(cut: Cut, count: Counting) -> Any:
    import opentimelineio as otio

    rate = float(count.rate.exact)

    def span(start: int, frames: int) -> Any:
        return otio.opentime.TimeRange(otio.opentime.RationalTime(start, rate), otio.opentime.RationalTime(frames, rate))

    first = count.rate.frame(cut.start)
    length = max(1, count.rate.frame(cut.end) - first)
    lasts = length_of(cut.timeline, cut.file)
    reference = otio.schema.ExternalReference(
        target_url=address(cut.file), available_range=span(count.begins(cut), max(first + length, count.rate.frame(lasts)))
    )
    chosen = span(count.begins(cut) + first, length)
    marker = otio.schema.Marker(name=cut.title, marked_range=chosen, color=otio.schema.MarkerColor.RED, comment=cut.words)
    clip = otio.schema.Clip(name=cut.title, media_reference=reference, source_range=chosen, markers=[marker])
    event = cut.event
    clip.metadata["videoscan"] = {
        "id": event.id,
        "description": plain(event.description),
        "tags": [plain(tag) for tag in event.tags],
        "origin": event.origin,
        **{
            key: value for key, value in (("confidence", event.confidence), ("importance", event.importance)) if value is not None
        },
        "camera": plain(cut.timeline.source.camera),
        "start": event.start,
        "end": event.end,
    }
    return clip
