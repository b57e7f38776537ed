"""What the fold keeps of windows until the pass has ended: columns, and the rest packed. As objects, it would be several times as much.

Packed, what a window told is bytes, in which a garbage collector has nothing to look through; unpacked, it is used up at once. The bytes
are pickled and read by this process alone. What can be done to a whole column is not done window by window: a microsecond each is a tenth of
a second in a month of a camera.
"""

from __future__ import annotations

import dataclasses
import operator
import pickle
from array import array
from bisect import bisect_left
from dataclasses import dataclass, field
from itertools import repeat
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from videoscan import ongoing
from videoscan.document import ErrorRecord, Evidence, UsageRecord, WindowRecord
from videoscan.doubting import answers
from videoscan.folding.candidates import Candidate, Follows
from videoscan.folding.marks import DIGITS, Marks, parts, tidied
from videoscan.model import Usage
from videoscan.slotted import maker

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from videoscan.folding.candidates import Place
    from videoscan.folding.outcome import Outcome
    from videoscan.model import Box, Shown, Told
    from videoscan.ongoing import Ongoing
    from videoscan.spending.money import Prices

SPENT = "BudgetSpent"
"""The failure of a window that was not asked about because the budget had nothing left: it counts as skipped, and is no fault."""
BEHIND, PENDING = "Behind", "Pending"
"""Likewise for one that was dropped because the describer was slower than a live stream, and one that has no answer yet."""
LEFT_OUT = frozenset({SPENT, BEHIND, PENDING})
"""The failures that are none."""

Tags: TypeAlias = tuple[str, ...]

_Views: TypeAlias = "tuple[Sequence[str | None], Sequence[Box | None] | None]"
"""The `picture` and `region` of each `videoscan.model.Shown` that is no crop; no regions where there are none at all."""

_USAGE = operator.attrgetter(*(each.name for each in dataclasses.fields(Usage)))
_BILLED = 6
"""So many of them, the first, are a record's too; its last field is the cost."""
_TOGETHER = 256
"""So many windows' usage is added up at once, column by column: one by one, it was a twentieth of the time that a window takes."""
_evidence, _record, _usage = maker(Evidence), maker(WindowRecord), maker(UsageRecord)


@dataclass(slots=True)
class Held:
    """All windows, in the order in which they came: each has a place in these columns.

    Of window `place`, ``frames[frame_ends[place - 1]:frame_ends[place]]`` are the frames that it showed at first, crops not counted, and
    `times` are theirs in seconds; so for its `marks`. `starts` and `ends` are in seconds. What it `told` and its `records` are packed.
    """

    indices: array[int] = field(default_factory=lambda: array("q"))
    starts: array[float] = field(default_factory=lambda: array("d"))
    ends: array[float] = field(default_factory=lambda: array("d"))
    marks: Marks = field(default_factory=Marks)
    mark_ends: array[int] = field(default_factory=lambda: array("q"))
    frames: array[int] = field(default_factory=lambda: array("q"))
    times: array[float] = field(default_factory=lambda: array("d"))
    frame_ends: array[int] = field(default_factory=lambda: array("q"))
    told: list[bytes] = field(default_factory=list)
    records: list[bytes] = field(default_factory=list)
    _numbers: list[tuple[int, ...]] = field(default_factory=list)
    _spent: list[Sequence[int | None]] = field(default_factory=lambda: [_USAGE(Usage())])

    @property
    def spent(self) -> Sequence[Any]:
        """The fields of a `Usage`, of all windows together: a count that nobody told is none, beside one that somebody did."""
        return [None if set(counts) == {None} else sum(filter(None, counts)) for counts in zip(*self._spent, strict=True)]

    def add(self, outcome: Outcome) -> Sequence[Place]:
        """One more window. The tellings of earlier ones that it says it goes on from."""
        shown = outcome.shown
        spent = _USAGE(outcome.usage)
        self._spent.append(spent)
        if len(self._spent) == _TOGETHER:
            self._spent = [self.spent]
        crops: Sequence[int] = ()
        plain: Sequence[Shown] = shown
        if True in [each.zoom for each in shown]:
            crops = [place for place, each in enumerate(shown) if each.zoom]
            plain = [each for each in shown if not each.zoom]
        told, follows = _told(outcome, plain, crops)
        self.indices.append(outcome.index)
        self.starts.append(outcome.start)
        self.ends.append(outcome.end)
        self.marks.extend(Marks.of(outcome.marks))
        self.mark_ends.append(len(self.marks.frames))
        self.frames.extend([each.frame for each in plain])
        self.times.extend([each.time for each in plain])
        self.frame_ends.append(len(self.frames))
        self.told.append(told)
        self.records.append(_packed_record(outcome, spent))
        return follows

    def __len__(self) -> int:
        return len(self.indices)

    def places(self) -> list[int]:
        """The windows' places, in order of their indices."""
        return sorted(range(len(self.indices)), key=self.indices.__getitem__)

    def marks_of(self, place: int) -> tuple[int, int]:
        """Where a window's marks begin among all, and how many they are."""
        begin = self.mark_ends[place - 1] if place else 0
        return begin, self.mark_ends[place] - begin

    def frames_of(self, place: int) -> tuple[int, ...]:
        """The frames that a window showed at first."""
        if self._numbers:
            return self._numbers[place]
        return tuple(self.frames[self.frame_ends[place - 1] if place else 0 : self.frame_ends[place]])

    def used_up(self, numbers: list[tuple[int, ...]]) -> None:
        """Nothing is left to tell of the windows but their records, which take the very `numbers` of frames that the evidence has.

        A number is an object of 32 bytes, and a month shows a million frames.
        """
        self._numbers = numbers
        self.frames, self.times = array("q"), array("d")

    def tidy(self) -> None:
        """Round all times as a timeline has them; once more changes nothing."""
        for column in (self.starts, self.ends, self.times):
            view = np.frombuffer(column, np.float64)
            for part in parts(len(view)):
                view[part] = tidied(view[part])

    def candidates(self, place: int, frames: Sequence[int], known: dict[Tags, Tags]) -> Sequence[Candidate]:
        """The events that a window tells, its second look among them. Made anew each time; `known` holds the tags that are the same in many, once.

        `frames` are the window's own. Times must have been tidied.
        """
        packed = self.told[place]
        if not packed:
            return ()
        events, views, again = pickle.loads(packed)  # noqa: S301  # this process packed it
        index = self.indices[place]
        begin, end = self.frame_ends[place - 1] if place else 0, self.frame_ends[place]
        first = _candidates(index, events, frames, self.times[begin:end], views, known)
        if again is None:
            return first
        shown, events_again, frames, times, views_again = again
        return answers.merged(first, _candidates(index, events_again, frames, times, views_again, known), shown)

    def record(self, place: int, prices: Prices | None, duration: float) -> WindowRecord:
        """What the timeline says of a window; `duration` is the source's, rounded as its times are, which must have been tidied."""
        again, status, summary, observations, error, attempts, spent, flags, second_look = pickle.loads(self.records[place])  # noqa: S301
        frames = self.frames_of(place)
        return _record(
            self.indices[place],
            self.starts[place],
            min(self.ends[place], duration),
            tuple(sorted({*frames, *again})) if again else frames,
            status,
            summary,
            observations,
            error,
            attempts,
            _usage(*spent[:_BILLED], None) if prices is None else UsageRecord.of(Usage(*spent), prices),
            flags,
            second_look,
        )


def _told(outcome: Outcome, plain: Sequence[Shown], crops: Sequence[int]) -> tuple[bytes, Sequence[Place]]:
    """What its answers tell, and the tellings of earlier windows that these say they go on from; no bytes where nothing is told.

    `plain` are the pictures of the first answer that are no crops, `crops` the places of the others.
    """
    first, second = outcome.description, outcome.second
    answered = second if second is not None and second.description.failure is None else None
    told = first.events if first.failure is None else ()
    if not told and answered is None:
        return b"", ()
    given = outcome.given
    count = len(outcome.shown)
    events = [_begun(each, given, count, crops) for each in told]
    again = None
    places = [each[-1][1] for each in events if each[-1] is not None] if given else []
    if answered is not None:
        zoomed = [place for place, each in enumerate(answered.shown) if each.zoom]
        looked = [each for each in answered.shown if not each.zoom]
        more = [_begun(each, given, len(answered.shown), zoomed) for each in answered.description.events]
        places += [each[-1][1] for each in more if each[-1] is not None]
        frames, times = [each.frame for each in looked], [round(each.time, DIGITS) for each in looked]
        again = ({each.frame for each in answered.shown}, more, frames, times, _views(looked))
    return _packed((events, _views(plain), again)), places


def _views(plain: Iterable[Shown]) -> _Views:
    regions = [each.region for each in plain]
    return [each.picture for each in plain], regions if any(regions) else None


def _begun(told: Told, given: Sequence[Ongoing], count: int, crops: Sequence[int]) -> tuple[Any, ...]:
    """What a candidate begins with, as far as the answer alone tells it; the pictures that it cites as places among those that are no `crops`."""
    flags, follows = told.flags, None
    if told.continues and given:
        before = ongoing.continued(told, given)
        if before is None:
            flags = (*flags, f"continues {told.continues!r}, which is no name that it was given")
        else:
            follows = (before.name, (before.window, before.event))
    title = " ".join(told.title.split()) or "Untitled"
    first, end, regions = max(0, told.first), min(told.last, count - 1) + 1, told.regions or None
    if crops:
        first, end = (place - bisect_left(crops, place) for place in (first, max(first, end)))
        if regions:
            regions = {place - bisect_left(crops, place): box for place, box in regions.items() if place not in crops}
    return (
        title,
        first,
        end,
        regions,
        told.description,
        told.tags,
        told.confidence,
        told.importance,
        told.continues,
        told.attributes,
        told.origin == "measured",
        flags,
        follows,
    )


def _candidates(
    index: int,
    events: Sequence[Sequence[Any]],
    frames: Sequence[int],
    times: Sequence[float],
    views: _Views,
    known: dict[Tags, Tags],
) -> list[Candidate]:
    """The events of an answer that rest on the frames it was given to; a region that was told goes before one that was measured."""
    low, high = min([each[1] for each in events], default=0), max([each[2] for each in events], default=0)
    pictures, changed = views
    cited = slice(low, high)
    # A picture that several events cite is one piece of evidence.
    shown = [
        *map(_evidence, frames[cited], times[cited], pictures[cited], changed[cited] if changed is not None else repeat(None))
    ]
    found = []
    for number, begun in enumerate(events):
        (
            title,
            first,
            end,
            regions,
            description,
            tags,
            confidence,
            importance,
            continues,
            attributes,
            measured,
            flags,
            follows,
        ) = begun
        evidence = shown[first - low : end - low] if end > first else []
        if not evidence:
            continue
        if regions:
            evidence = [
                _evidence(one.frame, one.time, one.picture, regions.get(place, one.region))
                for place, one in enumerate(evidence, first)
            ]
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
                follows if follows is None else Follows(*follows),
                number,
                evidence[0].frame,
                evidence[-1].frame,
            )
        )
    return found


def _packed_record(outcome: Outcome, spent: Sequence[int | None]) -> bytes:
    """What the timeline will say of the window itself, beside what is in columns."""
    told, second = outcome.counts, outcome.second
    failure = told.failure
    left_out = failure is not None and failure.kind in LEFT_OUT
    plain = (
        tuple([shown.frame for shown in second.shown]) if second is not None else (),
        "described" if failure is None else "skipped" if left_out else "failed",
        told.summary,
        told.observations,
        ErrorRecord(kind=failure.kind, message=failure.message, raw=failure.raw) if failure and not left_out else None,
        outcome.description.attempts + (second.description.attempts if second is not None else 0),
        spent,
        told.flags,
        answers.second_look(outcome.description, outcome.shown, second) if second is not None else None,
    )
    return _packed(plain)


def _packed(plain: tuple[Any, ...]) -> bytes:
    """Pickled, as a copy.

    The bytes that `pickle` returns lie in the larger block that it wrote them into, and once that is given back nothing that the fold
    makes can use it: 55 MB of a month.
    """
    return bytes(memoryview(pickle.dumps(plain, pickle.HIGHEST_PROTOCOL)))
