"""The timeline as a Markdown page: for an issue, a wiki, a note, or to read as it is."""

from __future__ import annotations

import re
from typing import IO, TYPE_CHECKING, ClassVar

from videoscan import config, timecode
from videoscan.exporters import wording
from videoscan.exporters.morning import view
from videoscan.exporters.pictures import link
from videoscan.exporters.wording import (
    described_by,
    gaps,
    in_words,
    looked_at,
    name,
    narrowed,
    nothing_happened,
    plain,
    question,
    span,
    timed,
    wall,
)
from videoscan.summary import overview

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from videoscan.document import Event, Timeline
    from videoscan.seams import Told


class MarkdownExporter:
    """CommonMark with GitHub's tables. What a model wrote is escaped: it is never a heading, a link, an image or HTML."""

    class Options(config.Options):
        """What it shows."""

        pictures: bool = True
        """Show one picture per event, linked relative to the output folder."""

    suffix: ClassVar[str] = ".md"
    media_type: ClassVar[str] = "text/markdown"

    def __init__(self, options: Options | None = None) -> None:
        self.options = options or self.Options()

    def write(self, timeline: Timeline, out: IO[bytes], *, folder: str | None = None) -> None:
        """Write all of it; see `videoscan.seams.Exporter`."""
        for line in _page(timeline, pictures=self.options.pictures and folder is not None):
            out.write(line.encode() + b"\n")

    def write_all(self, parts: Sequence[Told], out: IO[bytes], missing: Callable[[str], None]) -> None:  # noqa: ARG002
        """One recording as in `write`; several as a morning report, by wall time. See `videoscan.seams.Gatherer`."""
        if len(parts) == 1:
            self.write(parts[0].timeline, out, folder=parts[0].folder)
            return
        for line in _morning(view.morning(parts)):
            out.write(line.encode() + b"\n")


def _morning(found: view.Morning) -> Iterator[str]:
    yield f"# {escaped(found.title)}\n"
    yield f"{escaped(found.line)}\n"
    yield from (f"- Narrowed to: {escaped(note)}" for note in found.notes)
    if found.notes:
        yield ""
    yield "| Recording | When | Events | Looked at |\n| --- | --- | --- | --- |"
    for each in found.recordings:
        yield f"| {escaped(each.name)} | {each.when} | {each.told} | {each.looked_at} |"
    yield ""
    missing = [f"- {escaped(each.name)}: {escaped(each.gap(run))}" for each in found.recordings for run in each.gaps]
    yield from missing
    if missing:
        yield ""
    if not found.happenings:
        yield found.nothing
    day = None
    for happening in found.happenings:
        if happening.day != day:
            day = happening.day
            yield f"{'' if happening.number == 1 else chr(10)}## {day}\n"
            yield "| Time | Recording | Event | Tags | Confidence |\n| --- | --- | --- | --- | --- |"
        event = happening.event
        words = escaped(event.title) or escaped(event.id)
        if plain(event.description):
            words = f"**{words}** {escaped(event.description)}"
        where = escaped(happening.recording.name)
        yield f"| {happening.when} | {where} | {words} | {_tags(event)} | {_share(event.confidence)} |"


def _page(timeline: Timeline, *, pictures: bool) -> Iterator[str]:
    source = timeline.source
    yield f"# {escaped(name(timeline))}\n"
    yield f"- Source: {escaped(source.uri)}, {timecode.length(source.duration)}, {source.width} × {source.height}"
    if begins := timecode.wall_short(source.clock, 0, date=True):
        yield f"- Recorded from {begins}"
    yield f"- Described by {escaped(described_by(timeline))}"
    if timeline.describer.note:
        yield f"- {escaped(timeline.describer.note)}"
    if asked := question(timeline):
        yield f"- Question: {escaped(asked)}"
    if part := narrowed(timeline):
        yield f"- {escaped(part[:1].upper() + part[1:])}"
    yield f"- {timeline.frames.sampled} frames looked at, {timeline.frames.kept} kept"
    yield f"\n{looked_at(timeline)}\n"
    missing = gaps(timeline)
    yield from (f"- {escaped(gap.sentence)}" for gap in missing)
    if missing:
        yield ""
    if timeline.summary:
        yield f"## Summary\n\n{escaped(timed(timeline.summary, timeline))}\n"
    if best := wording.highlights(timeline):
        yield "## Highlights\n"
        yield from (f"{place}. {_when(timeline, event)} **{escaped(event.title)}**" for place, event in enumerate(best, 1))
        yield ""
    if timeline.chapters:
        yield "## Chapters\n"
        for chapter in timeline.chapters:
            summary = f": {escaped(timed(chapter.summary, timeline))}" if chapter.summary else ""
            yield f"- {span(chapter.start, chapter.end)} **{escaped(chapter.title)}**{summary}"
        yield ""
    if still := overview.still(timeline.events, timeline.coverage):
        yield "## Quiet\n"
        yield from (f"- {_quiet(timeline, each)}" for each in still)
        yield ""
    yield "## Events\n"
    if not timeline.events:
        yield nothing_happened(timeline)
        return
    yield "| Time | Event | Tags | Confidence |\n| --- | --- | --- | --- |"
    for event in timeline.events:
        yield f"| {_when(timeline, event)} | {escaped(event.title)} | {_tags(event)} | {_share(event.confidence)} |"
    for event in timeline.events:
        yield from _section(timeline, event, pictures=pictures)


def _section(timeline: Timeline, event: Event, *, pictures: bool) -> Iterator[str]:
    yield f"\n### {_when(timeline, event)} · {escaped(event.title)}\n"
    if event.description.strip():
        yield f"{escaped(event.description)}\n"
    facts = {
        "Tags": _tags(event),
        "Confidence": _share(event.confidence),
        "Importance": _share(event.importance),
        "Origin": {"model": "", "measured": "measured by the program", "person": "added by a person"}[event.origin],
        "Replay of": escaped(wording.replay_of(event, timeline)),
        "Subject": escaped(event.subject or ""),
        "Review": f"{event.review.state} by {escaped(event.review.by or 'a person')}" if event.review else "",
        "Alerts": ", ".join(map(escaped, event.alerts)),
        "Flags": "; ".join(map(escaped, event.flags)),
        **{escaped(key): escaped(in_words(value)) for key, value in event.attributes.items()},
        "Frames": ", ".join(f"{evidence.frame} ({timecode.short(evidence.time)})" for evidence in event.evidence),
        "Id": escaped(event.id),
    }
    yield from (f"- {key}: {value}" for key, value in facts.items() if value)
    shown = next((evidence for evidence in event.evidence if link(evidence.picture)), None)
    if pictures and shown:
        yield f"\n![Frame {shown.frame} at {timecode.short(shown.time)}]({link(shown.picture)})"


def _quiet(timeline: Timeline, quiet: overview.Quiet) -> str:
    begins, ends = (wall(timeline.source, at) for at in (quiet.start, quiet.end))
    when = f" ({begins}–{ends})" if begins and ends else ""
    return f"{span(quiet.start, quiet.end)}{when}: {quiet.what}"


def _when(timeline: Timeline, event: Event) -> str:
    clock = wall(timeline.source, event.start)
    return f"{span(event.start, event.end)} ({clock})" if clock else span(event.start, event.end)


def _tags(event: Event) -> str:
    return ", ".join(map(escaped, event.tags))


def _share(value: float | None) -> str:
    return "" if value is None else f"{value * 100:.0f} %"


def escaped(text: str | None) -> str:
    """Text on one line that renders as itself, wherever in a line it stands.

    CommonMark lets a backslash stand before any ASCII punctuation; the rest of the rules are for what GitHub makes of bare
    addresses and for what means something only at the start of a line.
    """
    line = plain(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    line = re.sub(r"([\\`*_\[\]|~#!$@{}])", r"\\\1", line)
    line = re.sub(r"(?i)(https?|ftp|mailto|xmpp):", r"\1\\:", line)
    line = re.sub(r"(?i)\bwww\.", r"www\\.", line)
    line = re.sub(r"^([-+=:])", r"\\\1", line)
    return re.sub(r"^(\d{1,9})([.)])", r"\1\\\2", line)
