"""What the fold keeps of a window until the pass has ended: packed. As objects, a month of a camera would be several times as much.

Packed, what a window told is bytes, in which a garbage collector has nothing to look through; unpacked, it is used up at once. The bytes
are pickled and read by this process alone.
"""

from __future__ import annotations

import dataclasses
import operator
import pickle
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from videoscan import answers, ongoing
from videoscan.candidates import Candidate, Follows
from videoscan.document import ErrorRecord, Evidence, UsageRecord, WindowRecord
from videoscan.marks import DIGITS
from videoscan.model import Usage
from videoscan.slotted import maker

if TYPE_CHECKING:
    from collections.abc import Sequence

    from videoscan.candidates import Place
    from videoscan.model import Box, Told
    from videoscan.money import Prices
    from videoscan.ongoing import Ongoing
    from videoscan.timeline import Outcome

SPENT = "BudgetSpent"
"""The failure of a window that was not asked about because the budget had nothing left: it counts as skipped, and is no fault."""
BEHIND, PENDING = "Behind", "Pending"
"""Likewise for one that was dropped because the describer was slower than a live stream, and one that has no answer yet."""
LEFT_OUT = frozenset({SPENT, BEHIND, PENDING})
"""The failures that are none."""

Tags: TypeAlias = tuple[str, ...]

_Row: TypeAlias = "tuple[int, float, str | None, Box | None, bool]"
"""The fields of a `videoscan.model.Shown`."""


_SHOWN = operator.attrgetter("frame", "time", "picture", "region", "zoom")
_TOLD = operator.attrgetter(
    "description", "first", "last", "tags", "confidence", "importance", "continues", "attributes", "regions"
)
_USAGE = operator.attrgetter(*(field.name for field in dataclasses.fields(Usage)))
_evidence, _record = maker(Evidence), maker(WindowRecord)


@dataclass(slots=True)
class Held:
    """A window: where its marks begin among all, and how many they are; so for the frames that it showed at first; and the rest, packed."""

    index: int
    first_mark: int
    marks: int
    first_frame: int
    frames: int
    told: bytes
    record: bytes


def pack_told(outcome: Outcome) -> tuple[bytes, Sequence[Place]]:
    """What its answers tell, and the tellings of earlier windows that these say they go on from; no bytes where nothing is told."""
    first, second = outcome.description, outcome.second
    answered = second if second is not None and second.description.failure is None else None
    told = first.events if first.failure is None else ()
    if not told and answered is None:
        return b"", ()
    events = [_begun(each, outcome.given) for each in told]
    again = [_begun(each, outcome.given) for each in answered.description.events] if answered is not None else []
    plain = (
        outcome.index,
        [*map(_SHOWN, outcome.shown)],
        events,
        ([*map(_SHOWN, answered.shown)], again) if answered is not None else None,
    )
    places = [each[-1].place for each in (*events, *again) if each[-1] is not None] if outcome.given else ()
    return pickle.dumps(plain, pickle.HIGHEST_PROTOCOL), places


def _begun(told: Told, given: Sequence[Ongoing]) -> tuple[Any, ...]:
    """What a candidate begins with, as far as the answer alone tells it."""
    flags, follows = told.flags, None
    if told.continues and given:
        before = ongoing.continued(told, given)
        if before is None:
            flags = (*flags, f"continues {told.continues!r}, which is no name that it was given")
        else:
            follows = Follows(before.name, (before.window, before.event))
    title = " ".join(told.title.split()) or "Untitled"
    return (*_TOLD(told), told.origin == "measured", title, flags, follows)


def candidates(packed: bytes, known: dict[Tags, Tags]) -> Sequence[Candidate]:
    """The events that a window tells, its second look among them. Made anew each time; `known` holds the tags that is the same in many, once."""
    if not packed:
        return ()
    index, shown, events, again = pickle.loads(packed)  # noqa: S301  # this process packed it
    first = _candidates(index, events, shown, known)
    if again is None:
        return first
    shown_again, events_again = again
    return answers.merged(first, _candidates(index, events_again, shown_again, known), {row[0] for row in shown_again})


def _candidates(index: int, events: Sequence[Sequence[Any]], shown: Sequence[_Row], known: dict[Tags, Tags]) -> list[Candidate]:
    """The events of an answer that rest on the frames it was given to; a region that was told goes before one that was measured."""
    count = len(shown)
    cited = range(min([each[1] for each in events], default=0), max([each[2] for each in events], default=-1) + 1)
    # A picture that several events cite is one piece of evidence; a crop is none.
    plain = {
        place: _evidence(frame, round(time, DIGITS), picture, changed)
        for place, (frame, time, picture, changed, zoom) in enumerate(shown)
        if place in cited and not zoom
    }
    found = []
    for number, begun in enumerate(events):
        (
            description,
            first,
            last,
            tags,
            confidence,
            importance,
            continues,
            attributes,
            regions,
            measured,
            title,
            flags,
            follows,
        ) = begun
        evidence = [plain[place] for place in range(max(0, first), min(last, count - 1) + 1) if place in plain]
        if regions:
            by_frame = {shown[place][0]: region for place, region in regions.items() if place in plain}
            evidence = [_evidence(one.frame, one.time, one.picture, by_frame.get(one.frame, one.region)) for one in evidence]
        if evidence:
            found.append(
                Candidate(
                    title,
                    description,
                    known.setdefault(tags, tags),
                    "measured" if measured else "model",
                    confidence,
                    importance,
                    attributes,
                    tuple(evidence),
                    (index,),
                    flags,
                    continues,
                    follows,
                    number,
                    evidence[0].frame,
                    evidence[-1].frame,
                )
            )
    return found


def pack_record(outcome: Outcome) -> bytes:
    """What the timeline will say of the window itself."""
    told, second = outcome.counts, outcome.second
    failure = told.failure
    left_out = failure is not None and failure.kind in LEFT_OUT
    plain = (
        round(outcome.start, DIGITS),
        round(outcome.end, DIGITS),
        tuple([shown.frame for shown in second.shown]) if second is not None else (),
        "described" if failure is None else "skipped" if left_out else "failed",
        told.summary,
        told.observations,
        ErrorRecord(kind=failure.kind, message=failure.message, raw=failure.raw) if failure and not left_out else None,
        outcome.description.attempts + (second.description.attempts if second is not None else 0),
        _USAGE(outcome.usage),
        told.flags,
        answers.second_look(outcome.description, outcome.shown, second),
    )
    return pickle.dumps(plain, pickle.HIGHEST_PROTOCOL)


def record(packed: bytes, index: int, frames: Sequence[int], prices: Prices | None, duration: float) -> WindowRecord:
    """The window's record; `frames` are those that it showed at first, and `duration` is the source's."""
    start, end, again, status, summary, observations, error, attempts, usage, flags, second_look = pickle.loads(packed)  # noqa: S301
    return _record(
        index,
        start,
        min(end, round(duration, DIGITS)),
        tuple(sorted({*frames, *again})) if again else tuple(frames),
        status,
        summary,
        observations,
        error,
        attempts,
        UsageRecord.of(Usage(*usage), prices),
        flags,
        second_look,
    )
