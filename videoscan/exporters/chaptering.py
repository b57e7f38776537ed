"""Chapters for players: stretches that follow each other without a hole, one title each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from videoscan.exporters.wording import narrowed, plain, standing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from videoscan.document import Timeline


@dataclass(frozen=True, slots=True)
class Entry:
    """One chapter, seconds of video time, ``[start, end)``."""

    start: float
    end: float
    title: str


def entries(timeline: Timeline, *, least: float = 0.0) -> list[Entry]:
    """The timeline's chapters; without two of them, and for a part of its events, one per event that nobody rejected, each up to the next one.

    They tile ``[0, duration)``. What would be shorter than `least` seconds is one with the chapter before it, both titles kept.
    """
    duration = timeline.source.duration
    # One chapter of everything would lead nowhere.
    found = [] if narrowed(timeline) or len(timeline.chapters) < 2 else list(_chapters(timeline))
    found = found or list(_events(timeline))
    joined: list[Entry] = []
    for entry in sorted(found, key=lambda entry: entry.start):
        if joined and entry.start - joined[-1].start < max(least, 1e-3):
            if entry.title not in joined[-1].title.split(" · "):
                joined[-1] = replace(joined[-1], title=f"{joined[-1].title} · {entry.title}")
        else:
            joined.append(entry)
    while len(joined) > 1 and duration - joined[-1].start < least:
        last = joined.pop()
        joined[-1] = replace(joined[-1], title=f"{joined[-1].title} · {last.title}")
    ends = [*(entry.start for entry in joined[1:]), duration]
    return [replace(entry, end=max(end, entry.start)) for entry, end in zip(joined, ends, strict=False)]


def _chapters(timeline: Timeline) -> Iterator[Entry]:
    for number, chapter in enumerate(timeline.chapters, start=1):
        yield Entry(0.0 if number == 1 else chapter.start, chapter.end, plain(chapter.title) or f"Chapter {number}")


def _events(timeline: Timeline) -> Iterator[Entry]:
    events = standing(timeline)
    if events and events[0].start > 0:
        yield Entry(0.0, events[0].start, "Start")
    for event in events:
        yield Entry(event.start, event.end, plain(event.title) or event.id)
