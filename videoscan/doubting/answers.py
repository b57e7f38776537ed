"""What two answers about one window come to: which events count, and what the window's record says of both. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from videoscan.document import AnswerRecord, ErrorRecord, SecondLookRecord, ToldRecord

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from videoscan.doubting.doubt import Second
    from videoscan.folding.candidates import Candidate
    from videoscan.model import Description, Shown

_ALIKE = 60.0
"""Likeness of words, 0 to 100, from which two events of one window that rest on a common frame are one. The same model tells the same
thing of the same frames: that is less than what two windows must agree in."""
AGAIN = "told by a second look"
NOT_AGAIN = "a second look did not tell of it"


def merged(first: Sequence[Candidate], again: Sequence[Candidate], seen: Collection[int]) -> list[Candidate]:
    """The events of both answers; `seen` are the frames that the second look showed. Where both tell one, the second's words, confidence and frames count, for it has looked closer.

    What only the first tells stays, with a flag where the second has looked at all of it: nothing that was told is lost.
    """
    kept: list[Candidate] = []
    for candidate in again:
        candidate.flag(AGAIN)
        candidate.place = None  # by its place the next window's prompt knows the first answer's (`videoscan.ongoing`)
    for candidate in first:
        same = max((other for other in again if _meet(candidate, other)), key=candidate.likeness, default=None)
        if same is not None and candidate.likeness(same) >= _ALIKE:
            _take_over(same, candidate, seen)
            continue
        if all(evidence.frame in seen for evidence in candidate.evidence):
            candidate.flag(NOT_AGAIN)
        kept.append(candidate)
    return [*kept, *again]


def _meet(one: Candidate, other: Candidate) -> bool:
    return one.evidence[0].frame <= other.evidence[-1].frame and other.evidence[0].frame <= one.evidence[-1].frame


def _take_over(again: Candidate, first: Candidate, seen: Collection[int]) -> None:
    """What the first answer knows of an event beside what the second look has shown."""
    beside = [evidence for evidence in first.evidence if evidence.frame not in seen]
    before = first.evidence[0].frame
    again.evidence = sorted([*again.evidence, *beside], key=lambda evidence: evidence.frame)
    again.first_told, again.until = again.evidence[0].frame, again.evidence[-1].frame
    again.repeats += first.places
    again.follows = again.follows or first.follows
    if before != again.first_told:
        again.aliases = [*again.aliases, before]


def second_look(description: Description, shown: Sequence[Shown], second: Second | None) -> SecondLookRecord | None:
    """Both answers, for the window's record."""
    if second is None:
        return None
    doubt = second.doubt
    return SecondLookRecord(
        why=doubt.why,
        reason=doubt.words,
        start=round(doubt.start, 6),
        end=round(doubt.end, 6),
        frames=tuple(each.frame for each in second.shown if not each.zoom),
        first=_answer(description, shown),
        second=_answer(second.description, second.shown),
    )


def _answer(description: Description, shown: Sequence[Shown]) -> AnswerRecord:
    failure = description.failure
    return AnswerRecord(
        summary=description.summary,
        observations=description.observations,
        events=tuple(
            ToldRecord(
                title=" ".join(told.title.split()) or "Untitled",
                description=told.description,
                first_frame=shown[min(max(0, told.first), len(shown) - 1)].frame,
                last_frame=shown[min(max(0, told.last), len(shown) - 1)].frame,
                confidence=told.confidence,
            )
            for told in description.events
            if shown
        ),
        error=ErrorRecord(kind=failure.kind, message=failure.message, raw=failure.raw) if failure is not None else None,
        flags=description.flags,
    )
