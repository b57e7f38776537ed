"""Words what OpenCV measured: cuts, activity with its place, size and way, light, a covered or moved camera. No language model.

It needs no network and no weights, gives the same answer for the same window every time, and never guesses what a thing *is*.
It is meant for triage: where in the recording to look, and where nothing happened.
"""

from __future__ import annotations

import itertools
import math
import statistics
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from videoscan.config import Options as BaseOptions
from videoscan.describers import passages, placing
from videoscan.model import Description, Reason, Told
from videoscan.reading.difference import CHANGED
from videoscan.reading.measure import Flag
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
SHORTEST_VIEW = 1.0
"""Seconds that a view must last to be told as one: between two jumps that follow each other more quickly lies a fast pan, not a shot."""
RESTLESS, RESTLESS_SAMPLES = 0.3, 3
"""Share, and number, of a window's samples with a moved camera or a new view from which on nothing is told of what moves in the picture:
it cannot be told from the camera. Measured at two samples a second: windows of hand-held and broadcast sport 0.25 to 1, most of them over
0.4; of fixed cameras 0."""
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
    cuts = list(_cuts(samples, window.end))
    seen = _views(cuts, list(_travel(samples))) if _is_restless(samples) else [*cuts, *_activities(samples), *_moves(samples)]
    events = [*seen, *_lights(samples), *_states(samples)]
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


def _is_cut(sample: _Sample) -> bool:
    return (Flag.CUT in sample.seen.flags or sample.mark.reason is Reason.CUT) and not _hidden(sample)


def _is_restless(samples: Sequence[_Sample]) -> bool:
    """Whether the camera or the view changes so often that activity in the picture means nothing."""
    cuts = sum(map(_is_cut, samples))
    if cuts and len(samples) <= RESTLESS_SAMPLES:
        return True  # after a cut, and with so few samples, nobody knows what is usual there
    often = cuts + sum(Flag.MOVED in sample.seen.flags for sample in samples)
    return often >= max(RESTLESS_SAMPLES, RESTLESS * len(samples))


def _cuts(samples: Sequence[_Sample], end: float) -> Iterable[Told]:
    cuts = [sample for sample in samples if _is_cut(sample)]
    quick: list[_Sample] = []
    # Where a window that began with a cut ends so soon, the next one does so too. Any other window may end for want of room.
    last = end if cuts and cuts[-1] is samples[0] else math.inf
    for sample, until in zip(cuts, [*(cut.mark.time for cut in cuts[1:]), last], strict=bool(cuts)):
        if until - sample.mark.time < SHORTEST_VIEW:
            quick.append(sample)
        elif sample.own and sample.place is not None:
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

    if (extent := _extent(quick)) is not None:
        yield Told(
            title="View changes quickly",
            description=f"No view lasts for {SHORTEST_VIEW:g} s: a fast pan, or cuts in quick succession.",
            first=extent[0],
            last=extent[1],
            tags=("camera", "quick"),
            confidence=0.6,
            importance=0.2,
            origin="measured",
        )


def _activities(samples: Sequence[_Sample]) -> Iterable[Told]:
    found: list[tuple[list[_Sample], list[Box], int, int]] = []
    for run in _runs(samples, lambda sample: bool(sample.seen.active)):
        for number, passage in enumerate(passages.parts([sample.seen.active for sample in run])):
            shown, path = [run[place] for place, _ in passage], [box for _, box in passage]
            extent = _extent(shown)
            if extent is None or _negligible(path):
                continue
            first, last = extent
            if found and not number and _rested(samples, found[-1], shown[0], path[0]):
                before, way, first, _ = found.pop()
                shown, path = before + shown, way + path
            found.append((shown, path, first, last))
    for each in found:
        yield _activity(*each)


def _rested(samples: Sequence[_Sample], before: tuple[list[_Sample], list[Box], int, int], now: _Sample, box: Box) -> bool:
    """Whether an activity that begins `now` is the one `before`, which only rested there: its last picture stands for all in between.

    A lamp that goes out is usual after a while, and comes on again. As two events that would lie side by side, without a pause.
    """
    run, path, _, last = before
    if Flag.CUT in now.seen.flags or now.place != last + 1 or not passages.alike(path[-1], box):
        return False
    between = [sample for sample in samples if run[-1].mark.time < sample.mark.time < now.mark.time]
    times = [sample.mark.time for sample in (run[-1], *between, now)]
    # Where nothing was recorded, or could be read, nobody knows what rested.
    unseen = max(later - earlier for earlier, later in itertools.pairwise(times)) > PATIENCE
    return not unseen and all(sample.place == last for sample in between)


def _activity(run: Sequence[_Sample], path: Sequence[Box], first: int, last: int) -> Told:
    """One stretch of activity; `path` is where the thing is in each sample.

    Confidence: 0.3, and up to 0.3 for how far the change stands out of the noise (full at 16 times the threshold), 0.2 for how
    large it is (full at 2 % of the picture) and 0.2 for how often it was seen (full at four samples). Importance: 0.2, and up to
    0.5 for size (the square root, full at a quarter of the picture) and 0.3 for length (full at half a minute).
    """
    size = statistics.median(placing.area(box) for box in path)
    largest = max(placing.area(box) for box in path)
    strength = max(sample.mark.change for sample in run) / CHANGED
    seconds = run[-1].mark.time - run[0].mark.time
    place, way = placing.place(placing.middle(path)), placing.way(path)
    word = "small" if size < SMALL else "medium-sized" if size < LARGE else "large"
    regions = {sample.place: box for sample, box in zip(run, path, strict=True) if sample.own and sample.place is not None}
    others = max(len(sample.seen.active) for sample in run) - 1
    several = f" Up to {others + 1} places are active at once." if others else ""
    title = f"Activity {place}, {word}" + (f", {way}" if way else "")
    share = (
        placing.percent(size)
        if placing.percent(size) == placing.percent(largest)
        else f"{placing.percent(size)}, at most {placing.percent(largest)}"
    )
    description = (
        f"Something {word} ({share} of the picture) is active {place}"
        f"{'; it is ' + way if way else ''}. First seen {placing.place(path[0])}, last seen {placing.place(path[-1])}.{several}"
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


def _negligible(path: Sequence[Box]) -> bool:
    """Whether a thing is so small, short and aimless that it is noted, but not told as an event."""
    if max(placing.area(box) for box in path) >= TINY:
        return False
    steps = [math.dist(placing.centre(a), placing.centre(b)) for a, b in itertools.pairwise(path)]
    return len(path) < 3 or max(steps) > _STEP or math.dist(placing.centre(path[0]), placing.centre(path[-1])) < _STEP / 5


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
            description=f"The whole picture is displaced, by up to {placing.percent(far)} of its size from one sample to the next.",
            first=extent[0],
            last=extent[1],
            tags=("camera", "moving" if lasting else "moved"),
            confidence=0.7,
            importance=0.2 if lasting else 0.6,
            origin="measured",
        )


_WHOLE = (0.0, 0.0, 1.0, 1.0)


def _travel(samples: Sequence[_Sample]) -> Iterable[Told]:
    """A camera that moves through much of a window: told once, from the first time to the last."""
    moving = [sample for sample in samples if Flag.MOVED in sample.seen.flags]
    extent = _extent(moving)
    if extent is None:
        return
    far = max(max(abs(part) for part in sample.seen.shift or (0.0, 0.0)) for sample in moving)
    yield Told(
        title="Camera keeps moving",
        description=f"The whole picture is displaced in {len(moving)} of {len(samples)} samples, by up to {placing.percent(far)} of its size. "
        "What moves in it cannot be told from that.",
        first=extent[0],
        last=extent[1],
        tags=("camera", "moving"),
        confidence=0.7,
        importance=0.2,
        regions={sample.place: _WHOLE for sample in moving if sample.own and sample.place is not None},
        origin="measured",
    )


def _views(cuts: Sequence[Told], travel: Sequence[Told]) -> list[Told]:
    """Cuts and a camera that travels, where the camera travels in the last view only: then the two are one thing to see."""
    last = max((cut for cut in cuts if "cut" in cut.tags), key=lambda cut: cut.first, default=None)
    if last is None or not travel or travel[0].first < last.first or any(cut.last > last.first for cut in cuts):
        return [*cuts, *travel]
    (moving,) = travel
    shot = replace(
        last,
        title="Scene changes, the camera keeps moving",
        description=f"{last.description} {moving.description}",
        last=moving.last,
        tags=("cut", *moving.tags),
        regions=moving.regions,
    )
    return [*(cut for cut in cuts if cut is not last), shot]


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
