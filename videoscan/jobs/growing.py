"""The timeline of a scan that is still running: what is known so far, and the rest as what it is: not looked at yet."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from videoscan import observe, publish
from videoscan.asking import shown
from videoscan.folding.outcome import Outcome
from videoscan.model import Description, Tally, Usage
from videoscan.spans import Spans
from videoscan.summary import summarize
from videoscan.summary.summarizing import Summed
from videoscan.timeline import Folding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from videoscan.document import CoverageSpan, Timeline
    from videoscan.model import Mark, SourceInfo, Window
    from videoscan.request import Request

NOT_YET = "not looked at yet"
_ROUNDED = 0.001
"""The reason in `coverage` for what a running scan has still before it."""


class Growing:
    """Hears what a scan tells, and makes a timeline of it at any time.

    Windows are described in any order; only those before the first that is still open count, so that nothing that was told once is
    taken back. Memory: the answers and marks of all windows, without pictures, as the scan itself holds them.
    """

    def __init__(self, request: Request) -> None:
        self._request = request
        self._info: SourceInfo | None = None
        self._open: dict[int, Outcome] = {}
        self._done: dict[int, Outcome] = {}
        self._whole: list[Outcome] = []
        self._sampled = 0

    @property
    def version(self) -> int:
        """Rises with what `timeline` would tell."""
        return len(self._whole)

    def __call__(self, fact: observe.Fact) -> None:
        """An observer; see `videoscan.observe`."""
        if isinstance(fact, observe.Opened):
            self._info = fact.info
        elif isinstance(fact, observe.WindowReady):
            self._open[fact.window.index] = _bare(fact.window)
        elif isinstance(fact, observe.WindowDone):
            begun = self._open.pop(fact.index, None)
            if begun is not None:
                self._done[fact.index] = dataclasses.replace(begun, description=fact.description)
            while (found := self._done.pop(len(self._whole), None)) is not None:
                self._whole.append(found)

    def timeline(self) -> Timeline | None:
        """What is known now; `None` before the source was opened. For a thread: it takes as long as the fold does."""
        outcomes, info = list(self._whole), self._info
        if info is None:
            return None
        position = outcomes[-1].end if outcomes else 0.0
        duration = max(position, info.declared_duration or 0.0)
        tally = Tally(duration=duration, decoded=sum(len(outcome.marks) for outcome in outcomes))
        request = (
            dataclasses.replace(self._request, end=min(position, self._request.end or position)) if outcomes else self._request
        )
        folding = Folding(publish.prices(self._request))
        for outcome in outcomes:
            folding.add(outcome)
        folded = publish.folded(request, tally, folding)
        coverage = Spans(_told(span, position, self._request.start) for span in folded.coverage)
        folded = dataclasses.replace(folded, coverage=coverage)
        digest = summarize.plain(folded.events, duration, unseen=max(0.0, duration - position))
        timeline, _ = publish.timeline_of(
            self._request,
            info,
            tally,
            folded,
            Summed(digest),
            wall=0.0,
            waited=sum(each.description.seconds for each in outcomes),
        )
        return timeline

    def kept(self) -> Iterator[Mark]:
        """The frames that were kept so far, in order of time within each window."""
        for outcome in [*self._whole, *self._done.values(), *self._open.values()]:
            yield from (mark for mark in outcome.marks if mark.kept)

    @property
    def usage(self) -> Usage:
        """What was sent for the windows that are described."""
        usage = Usage()
        for outcome in self._whole:
            usage += outcome.description.usage
        return usage


def _told(span: CoverageSpan, position: float, start: float) -> CoverageSpan:
    """A stretch of coverage; what lies behind the position, or was given up only because nothing came yet, is not looked at yet."""
    # Times in a timeline are rounded: a stretch may begin a hair before the position that it lies behind.
    if span.start >= position - _ROUNDED and span.start >= start and span.state in {"skipped", "lost"}:
        return dataclasses.replace(span, state="skipped", reason=NOT_YET, same_as=None)
    return span


def _bare(window: Window) -> Outcome:
    return Outcome(
        index=window.index,
        start=window.start,
        end=window.end,
        shown=shown(window.pictures, window.marks, saved=True),
        marks=tuple(mark.bare() for mark in window.marks),
        description=Description(),
        overlap=window.overlap,
    )
