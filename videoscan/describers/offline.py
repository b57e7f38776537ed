"""Words what OpenCV measured: cuts, activity with its place, size and way, light, a covered or moved camera. No language model.

It needs no network and no weights, gives the same answer for the same window every time, and never guesses what a thing *is*.
It is meant for triage: where in the recording to look, and where nothing happened.
"""

from __future__ import annotations

import itertools
import math
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from videoscan.config import Options as BaseOptions
from videoscan.difference import CHANGED
from videoscan.measure import Flag
from videoscan.model import Description, Reason, Told
from videoscan.seams import Ledger, Limits, unheard
from videoscan.timecode import short

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from videoscan.model import Box, Call, Loading, Mark, Measured, Note, Prompt, Window

NOTE = "Measured by OpenCV, not by a language model: it says where and how much, never what."
"""What a reader of the timeline is told about this describer."""

SMALL, LARGE = 0.015, 0.10
"""Shares of the picture below which a thing is called small and from which on large."""
TINY = 0.001
"""Share of the picture below which one sighting is not told as an event: it must be seen to go somewhere."""
PATIENCE = 3.0
"""Seconds between two sightings that are still one activity, when no more than one sample in between shows nothing."""
_WAY = 0.12  # share of the picture's width or height that a thing must travel before a direction is named
_NEARER = 2.5  # times the area by which a thing must grow or shrink to be called nearer or farther
_STEP = 0.15  # how far a tiny thing may go between two samples and still be taken for the same


@dataclass(frozen=True, slots=True)
class _Sample:
    """One sampled frame of the window. `place` is the picture that shows it, `own` whether that is a picture of itself."""

    mark: Mark
    seen: Measured
    place: int | None
    own: bool


class OfflineDescriber:
    """Describes windows from `Mark.measured` alone; a window is described the same whatever came before it."""

    class Options(BaseOptions):
        """Nothing to choose: what is measured is measured."""

    note: ClassVar[str | None] = NOTE

    def __init__(self, options: Options | None = None) -> None:
        self.options = options or self.Options()

    def session(self, told: Callable[[Call | Loading | Note], None] = unheard, ledger: Ledger | None = None) -> OfflineSession:  # noqa: ARG002  # it asks nobody
        """See `videoscan.seams.Describer`."""
        return OfflineSession()


class OfflineSession:
    """One scan's worth of describing. Holds nothing."""

    limits = Limits(concurrency=1, measures=True, sends=False)

    async def describe(self, window: Window, prompt: Prompt) -> Description:
        """Never fails. The prompt is not read: there is nobody here to ask."""
        del prompt
        return describe(window)

    async def close(self) -> None:
        """Nothing to let go of."""


def describe(window: Window) -> Description:
    """What the marks of a window say, in words. A pure function of the window.

    An event begins at the first picture that shows it; what began in a picture that the window before showed as well is told from
    there again, under the same tags, so that the two become one. Confidence and importance are arithmetic on the signal; see
    `_activity`.
    """
    samples = _samples(window)
    if not samples:
        return Description(observations=("Nothing was measured in these pictures.",), summary="Nothing was measured.")
    events = [
        *_cuts(samples),
        *_activities(samples),
        *_lights(samples),
        *_states(samples),
        *_moves(samples),
    ]
    events.sort(key=lambda told: (told.first, told.last, told.tags))
    return Description(observations=_observations(window, samples, events), events=tuple(events), summary=_summary(events))


def _samples(window: Window) -> list[_Sample]:
    places = {picture.frame: place for place, picture in enumerate(window.pictures) if picture.zoom_of is None}
    samples = []
    for mark in window.marks:
        if mark.measured is not None:
            shown_by = mark.frame if mark.kept or mark.same_as is None else mark.same_as
            samples.append(_Sample(mark, mark.measured, places.get(shown_by), mark.frame in places))
    return samples


def _runs(samples: Sequence[_Sample], during: Callable[[_Sample], bool], gap: float = PATIENCE) -> list[list[_Sample]]:
    """Stretches in which `during` holds, one sample without it forgiven if it is short; a cut always ends one."""
    runs: list[list[_Sample]] = []
    misses = 2
    for sample in samples:
        if Flag.CUT in sample.seen.flags:
            misses = 2
        if during(sample):
            if misses > 1 or sample.mark.time - runs[-1][-1].mark.time > gap:
                runs.append([])
            runs[-1].append(sample)
            misses = 0
        else:
            misses += 1
    return runs


def _flagged(flag: Flag) -> Callable[[_Sample], bool]:
    return lambda sample: flag in sample.seen.flags


def _extent(run: Sequence[_Sample]) -> tuple[int, int] | None:
    """The first and last picture of a run; `None` when no picture of it was kept, for then its times could not be told."""
    own = [sample.place for sample in run if sample.own and sample.place is not None]
    return (own[0], own[-1]) if own else None


def _cuts(samples: Sequence[_Sample]) -> Iterable[Told]:
    for sample in samples:
        cut = Flag.CUT in sample.seen.flags or sample.mark.reason is Reason.CUT
        if cut and sample.own and sample.place is not None and not _hidden(sample):
            yield Told(
                title="Scene changes",
                description="From here on the picture shows something else: a cut, or another camera.",
                first=sample.place,
                last=sample.place,
                tags=("cut",),
                confidence=0.8,
                importance=0.3,
                origin="measured",
            )


def _activities(samples: Sequence[_Sample]) -> Iterable[Told]:
    for run in _runs(samples, lambda sample: bool(sample.seen.active)):
        extent = _extent(run)
        if extent is not None and not _negligible(run):
            yield _activity(run, *extent)


def _activity(run: Sequence[_Sample], first: int, last: int) -> Told:
    """One stretch of activity.

    Confidence: 0.3, and up to 0.3 for how far the change stands out of the noise (full at 16 times the threshold), 0.2 for how
    large it is (full at 2 % of the picture) and 0.2 for how often it was seen (full at four samples). Importance: 0.2, and up to
    0.5 for size (the square root, full at a quarter of the picture) and 0.3 for length (full at half a minute).
    """
    path = [sample.seen.active[0] for sample in run]
    size = statistics.median(_area(box) for box in path)
    largest = max(_area(box) for box in path)
    strength = max(sample.mark.change for sample in run) / CHANGED
    seconds = run[-1].mark.time - run[0].mark.time
    place, way = _place(_middle(path)), _way(path)
    word = "small" if size < SMALL else "medium-sized" if size < LARGE else "large"
    regions = {
        sample.place: sample.seen.active[0] for sample in run if sample.own and sample.place is not None and sample.seen.active
    }
    others = max(len(sample.seen.active) for sample in run) - 1
    several = f" Up to {others + 1} places are active at once." if others else ""
    title = f"Activity {place}, {word}" + (f", {way}" if way else "")
    share = _percent(size) if _percent(size) == _percent(largest) else f"{_percent(size)}, at most {_percent(largest)}"
    description = (
        f"Something {word} ({share} of the picture) is active {place}"
        f"{'; it is ' + way if way else ''}. First seen {_place(path[0])}, last seen {_place(path[-1])}.{several}"
    )
    return Told(
        title=title,
        description=description,
        first=first,
        last=last,
        # No tag for size or way: tellings from several windows are joined, and their tags would contradict each other.
        tags=("activity",),
        confidence=round(
            0.3
            + 0.3 * min(1.0, math.log2(max(1.0, strength)) / 4)
            + 0.2 * min(1.0, largest / 0.02)
            + 0.2 * min(1.0, len(run) / 4),
            2,
        ),
        importance=round(0.2 + 0.5 * math.sqrt(min(1.0, largest / 0.25)) + 0.3 * min(1.0, seconds / 30), 2),
        regions=regions,
        origin="measured",
    )


def _negligible(run: Sequence[_Sample]) -> bool:
    """Whether a run is so small, short and aimless that it is noted, but not told as an event."""
    path = [sample.seen.active[0] for sample in run]
    if max(_area(box) for box in path) >= TINY:
        return False
    steps = [math.dist(_centre(a), _centre(b)) for a, b in itertools.pairwise(path)]
    return len(path) < 3 or max(steps) > _STEP or math.dist(_centre(path[0]), _centre(path[-1])) < _STEP / 5


def _lights(samples: Sequence[_Sample]) -> Iterable[Told]:
    for flag, word in ((Flag.LIGHT_ON, "on"), (Flag.LIGHT_OFF, "off")):
        for run in _runs(samples, _flagged(flag)):
            extent = _extent(run)
            if extent is not None:
                yield Told(
                    title=f"Light goes {word}",
                    description=f"The whole picture became {'brighter' if word == 'on' else 'darker'} at once.",
                    first=extent[0],
                    last=extent[1],
                    tags=("light", f"light-{word}"),
                    confidence=0.8,
                    importance=0.4,
                    origin="measured",
                )


_STATES = (
    (Flag.BLACK, "Picture is black", "The picture is black: no light, a fade, or no signal.", ("black",), 0.9, 0.4),
    (
        Flag.COVERED,
        "Camera is covered or blind",
        "The picture lost its usual detail: covered, out of focus, fogged, or a blank picture.",
        ("tamper", "covered"),
        0.6,
        0.8,
    ),
)


def _states(samples: Sequence[_Sample]) -> Iterable[Told]:
    for flag, title, description, tags, confidence, importance in _STATES:
        for run in _runs(samples, _flagged(flag)):
            extent = _extent(run)
            if extent is not None:
                yield Told(
                    title=title,
                    description=description,
                    first=extent[0],
                    last=extent[1],
                    tags=tags,
                    confidence=confidence,
                    importance=importance,
                    origin="measured",
                )


def _moves(samples: Sequence[_Sample]) -> Iterable[Told]:
    for run in _runs(samples, _flagged(Flag.MOVED)):
        extent = _extent(run)
        if extent is None:
            continue
        far = max(max(abs(part) for part in sample.seen.shift or (0.0, 0.0)) for sample in run)
        lasting = len(run) > 2
        yield Told(
            title="Camera keeps moving" if lasting else "Camera moved",
            description=f"The whole picture is displaced, by up to {_percent(far)} of its size from one sample to the next.",
            first=extent[0],
            last=extent[1],
            tags=("camera", "moving" if lasting else "moved"),
            confidence=0.7,
            importance=0.2 if lasting else 0.6,
            origin="measured",
        )


def _observations(window: Window, samples: Sequence[_Sample], events: Sequence[Told]) -> tuple[str, ...]:
    kept = sum(sample.mark.kept for sample in samples)
    light = [sample.seen.light for sample in samples]
    facts = [
        f"{len(samples)} samples from {short(window.start)} to {short(window.end)}, {kept} of them kept.",
        f"Brightness {round(min(light))} to {round(max(light))} of 255.",
    ]
    busy = sum(bool(sample.seen.active) for sample in samples)
    if busy:
        facts.append(f"Something differs from the usual scene in {busy} of {len(samples)} samples.")
    facts += [f"{told.title}, from picture {told.first + 1} to {told.last + 1}." for told in events if "cut" not in told.tags][:4]
    cuts = sum("cut" in told.tags for told in events)
    if cuts:
        facts.append(f"{cuts} scene change{'s' if cuts > 1 else ''}.")
    if not events:
        facts.append("Too small and aimless for an event." if busy else "Nothing moves.")
    return tuple(facts[:8])


def _summary(events: Sequence[Told]) -> str:
    if not events:
        return "Nothing happens."
    titles = list(dict.fromkeys(told.title for told in events))
    shown = "; ".join([titles[0], *(title[0].lower() + title[1:] for title in titles[1:3])])
    return shown + (f"; and {len(titles) - 3} more" if len(titles) > 3 else "") + "."


def _hidden(sample: _Sample) -> bool:
    return Flag.BLACK in sample.seen.flags or Flag.COVERED in sample.seen.flags


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def _centre(box: Box) -> tuple[float, float]:
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def _middle(path: Sequence[Box]) -> Box:
    x0, y0, x1, y1 = (statistics.median(box[side] for box in path) for side in range(4))
    return x0, y0, x1, y1


def _place(box: Box) -> str:
    x, y = _centre(box)
    across = "left" if x < 1 / 3 else "right" if x > 2 / 3 else ""
    down = "top" if y < 1 / 3 else "bottom" if y > 2 / 3 else ""
    if across and down:
        return f"at the {down} {across}"
    return f"at the {across or down}" if across or down else "in the centre"


def _way(path: Sequence[Box]) -> str:
    """Where a thing went between its first and its last two sightings: along the picture, or nearer or farther.

    Both opposite edges must have gone the same way, so that a thing that only grows into the picture is not said to move.
    """
    if len(path) < 2:
        return ""
    ends = 1 if len(path) < 4 else 2
    begin, end = _middle(path[:ends]), _middle(path[-ends:])
    across = _both(end[0] - begin[0], end[2] - begin[2])
    down = _both(end[1] - begin[1], end[3] - begin[3])
    if max(abs(across), abs(down)) >= _WAY:
        if abs(across) >= abs(down):
            return "moving right" if across > 0 else "moving left"
        return "moving down" if down > 0 else "moving up"
    growth = _area(end) / max(_area(begin), 1e-6)
    return "coming nearer" if growth >= _NEARER else "going away" if growth <= 1 / _NEARER else ""


def _both(one: float, other: float) -> float:
    """The lesser of two steps, 0 where they go opposite ways."""
    return math.copysign(min(abs(one), abs(other)), one) if one * other > 0 else 0.0


def _percent(share: float) -> str:
    if share < 0.001:
        return "under 0.1 %"
    return f"{share * 100:.1f} %" if share < 0.1 else f"{share * 100:.0f} %"
