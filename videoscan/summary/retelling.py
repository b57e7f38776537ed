"""Keeps summary and chapters true to what a person corrected, without asking anybody. Pure.

What was written by rule is written by rule again, of the events as they are now. Out of a model's text the sentences go that rest on
nothing but rejected events; what it says of corrected ones stays, and a flag says that it is older than the corrections.
What stood there before is kept (`Timeline.told`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from videoscan.document import Chapter, Told
from videoscan.summary import overview, summarize

if TYPE_CHECKING:
    from collections.abc import Sequence

    from videoscan.document import Event, Timeline

STRUCK = "what summary and chapters said of events that a person rejected is left out"


def retold(before: Timeline, after: Timeline) -> Timeline:
    """`after`, which is `before` with a person's corrections of its events, with a summary and chapters to match."""
    if before.summary is None and not before.chapters:
        return after
    rule, made = _by_rule(before), _by_rule(after)
    rejected = [event for event in after.events if event.review and event.review.state == "rejected"]
    gone = {each for event in rejected for each in (event.id, *event.aliases)}
    struck = False
    if before.summary == rule.summary:
        summary = made.summary
    else:
        summary = _without(before.summary, gone)
        struck = summary != before.summary
    if _words(before.chapters) == _words(rule.chapters):
        chapters = _with_all(made.chapters, after.events)
    else:
        chapters = tuple(each.model_copy(update={"summary": _without(each.summary, gone)}) for each in after.chapters)
        struck = struck or chapters != after.chapters
    if (summary, chapters) == (before.summary, after.chapters):
        return after
    told = Told(summary=before.summary, chapters=before.chapters)
    flags = (*after.flags, STRUCK) if struck else after.flags
    return after.model_copy(update={"summary": summary, "chapters": chapters, "flags": flags, "told": told})


def _words(chapters: Sequence[Chapter]) -> list[tuple[float, str, str | None]]:
    return [(each.start, each.title, each.summary) for each in chapters]


def rule_for(timeline: Timeline) -> str | None:
    """The summary that is written by rule of the timeline's events as they are."""
    return _by_rule(timeline).summary


def _by_rule(timeline: Timeline) -> summarize.Digest:
    events, spans = timeline.events, timeline.coverage
    duration = spans[-1].end if spans else 0.0
    unseen = sum(span.end - span.start for span in spans if span.state not in {"described", "unchanged"})
    return summarize.plain(events, duration, unseen=unseen, quiet=overview.quiet(events, spans))


def _with_all(chapters: Sequence[Chapter], events: Sequence[Event]) -> tuple[Chapter, ...]:
    """Every event has its place in a chapter, a rejected one too: it can be accepted yet."""
    return tuple(
        chapter.model_copy(
            update={
                "events": tuple(
                    event.id
                    for event in events
                    if chapter.start <= event.start < chapter.end or (number == len(chapters) - 1 and event.start >= chapter.end)
                )
            }
        )
        for number, chapter in enumerate(chapters)
    )


def _without(text: str | None, gone: set[str]) -> str | None:
    """A text without the sentences that cite nothing but what is gone."""
    if not text or not gone:
        return text
    left = text
    for sentence in summarize.sentences(text):
        cited = set(summarize.CITED.findall(sentence))
        if cited and cited <= gone:
            left = left.replace(sentence, "", 1)
    return text if left == text else " ".join(left.split()) or None
