"""Makes the timeline document out of what a scan came to, and writes an output folder."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from videoscan import __version__, folder, registry
from videoscan.alerts.scanning import UNASKED
from videoscan.document import (
    BudgetRecord,
    DescriberRecord,
    FrameCounts,
    LeftOutRecord,
    Part,
    SoundRecord,
    SourceRecord,
    Timeline,
    Timing,
    UsageRecord,
)
from videoscan.doubting.settling import UNSETTLED
from videoscan.errors import SourceUnsupported
from videoscan.folding import replays, subjects
from videoscan.language import opposites
from videoscan.reading import former
from videoscan.recordings import clock
from videoscan.reviewing import reviews, selection
from videoscan.reviewing.correcting import Corrector
from videoscan.summary.summarize import BY_RULE
from videoscan.timeline import THINNED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from videoscan.document import Event
    from videoscan.folding.reconcile import Doubt, Pair
    from videoscan.journal import Journal
    from videoscan.model import Sound, SourceInfo, Tally
    from videoscan.request import Request
    from videoscan.spending.money import Prices
    from videoscan.summary.summarizing import Summed
    from videoscan.timeline import Folded, Folding

T = TypeVar("T")


def doubts(request: Request, tally: Tally, folding: Folding) -> list[Doubt]:
    """The pairs of tellings that a model may be asked about; none where the profile does not want that."""
    if not request.resolved.profile.reconcile.ask:
        return []
    start, end = _looked_at(request)
    return folding.doubts(tally, start=start, end=end)


def folded(
    request: Request,
    tally: Tally,
    folding: Folding,
    budget: BudgetRecord | None = None,
    verdicts: Mapping[Pair, bool] | None = None,
) -> Folded:
    """What the outcomes come to; see `videoscan.timeline.Folding`. `budget` is what was done to keep to one."""
    start, end = _looked_at(request)
    thinned = f"thinned: left out to fit the budget of {request.budget}" if budget is not None and budget.measures else THINNED
    made = folding.finish(tally, start=start, end=end, thinned=thinned, verdicts=verdicts)
    return replace(made, events=told(made.events))


def told(events: Sequence[Event]) -> tuple[Event, ...]:
    """Folded events as a timeline has them: replays with what they show again, subjects that recur with their names."""
    return subjects.named(replays.traced(events, excludes=opposites.excludes))


def prices(request: Request) -> Prices | None:
    """What the bill is worked out with; the program itself costs nothing."""
    return request.prices if request.describer["kind"] != "offline" else None


def timeline_of(
    request: Request,
    info: SourceInfo,
    tally: Tally,
    folded: Folded,
    summed: Summed,
    *,
    wall: float,
    waited: float,
    billed_seconds: float = 0.0,
    budget: BudgetRecord | None = None,
) -> tuple[Timeline, tuple[str, ...]]:
    """The whole document, and notes about what had to be assumed.

    `wall` is how many seconds the scan took, `waited` how many of them, added up, it waited for descriptions, `billed_seconds` how long a
    deployed endpoint was in use for it, of this run.
    """
    source, notes = source_of(request, info, tally)
    digest = summed.digest
    timeline = Timeline(
        source=source,
        created=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        videoscan=__version__,
        profile=request.table,
        describer=DescriberRecord(
            kind=request.describer["kind"],
            model=request.model,
            endpoint=request.describer.get("endpoint"),
            note=registry.factory("describers", request.describer["kind"]).note,
        ),
        summary=digest.summary,
        chapters=digest.chapters,
        flags=digest.flags,
        events=folded.events,
        windows=folded.windows,
        coverage=folded.coverage,
        frames=FrameCounts(decoded=tally.decoded, sampled=folded.sampled, kept=folded.kept),
        usage=UsageRecord.of(folded.usage + summed.usage, prices(request), seconds=billed_seconds),
        budget=budget,
        timing=Timing(
            wall=round(wall, 3),
            decode=round(tally.decode_seconds, 3),
            encode=round(tally.encode_seconds, 3),
            describe_wait=round(waited + summed.seconds, 3),
        ),
    )
    return timeline, notes


def source_of(request: Request, info: SourceInfo, tally: Tally) -> tuple[SourceRecord, tuple[str, ...]]:
    """Where the pictures came from, and notes about what had to be assumed."""
    settings = request.resolved.profile.source
    duration = round(tally.duration, 6)
    wall_time = (
        clock.WallTime(info.clock) if info.parts or info.live else clock.wall_time(settings, request.given.relative, info.clock)
    )
    left_out = (f"{each.uri} is left out: {each.reason}" for each in info.left_out)
    flags = tuple(dict.fromkeys((*info.flags, *tally.flags, *left_out)))
    source = _former(request, duration) or SourceRecord(
        uri=request.given.uri,
        camera=settings.camera or request.given.camera,
        duration=duration,
        width=info.width,
        height=info.height,
        fps=info.fps,
        rotation=info.rotation,
        start_time=round(info.start_time, 6),
        clock=wall_time.start,
        parts=_parts(info, duration) or (_whole(request, info, duration, wall_time.start),),
        flags=flags,
        left_out=tuple(LeftOutRecord(uri=each.uri, reason=each.reason) for each in info.left_out),
    )
    return source, (*wall_time.notes, *(flags if info.parts else ()))


def _parts(info: SourceInfo, duration: float) -> tuple[Part, ...]:
    """The recordings that were joined, or that a live source left. How long the last of those joined is, is known only now."""
    last = len(info.parts) - 1 if not info.live else -1
    return tuple(
        Part(
            uri=part.uri,
            start=part.start,
            duration=round(duration - part.start, 6) if place == last else part.duration,
            clock=part.clock,
            skipped=part.skipped,
            sound=_sound(part.sound),
        )
        for place, part in enumerate(info.parts)
    )


def _whole(request: Request, info: SourceInfo, duration: float, clock: str | None) -> Part:
    return Part(uri=request.given.uri, start=0.0, duration=duration, clock=clock, sound=_sound(info.sound))


def _sound(sound: Sound | None) -> SoundRecord | None:
    return None if sound is None else SoundRecord(channels=sound.channels, sample_rate=sound.sample_rate)


def _looked_at(request: Request) -> tuple[float, float | None]:
    """The span that the pass kept to; for a former output folder, the one that was sampled then."""
    store = former.latest(Path(request.given.uri)) if request.given.kind == "kept" else None
    if store is None:
        return request.start, request.end
    spans = store.spans()
    return spans[0][0], spans[-1][1]


def _former(request: Request, duration: float) -> SourceRecord | None:
    """What the timeline of a former output folder says of its source; the answer that is made of it says the same."""
    if request.given.kind != "kept":
        return None
    path = Path(request.given.uri) / folder.TIMELINE
    try:
        source = Timeline.from_json(path.read_bytes()).source
    except (OSError, ValueError) as fault:
        raise SourceUnsupported(f"{path} cannot be read: {fault}", hint="scan the video itself again") from fault
    if source.duration != duration:
        raise SourceUnsupported(
            f"{path} tells of {source.duration:g} s, but what was sampled last beside it lasts {duration:g} s",
            hint="a later scan of another recording was cut short there: the same scan once more puts it right",
        )
    return source.model_copy(update={"kept_from": request.given.uri})


def write(request: Request, place: folder.OutputFolder, timeline: Timeline) -> Timeline:
    """Everything of the output folder but the pictures, the timeline last: where it is, the rest is.

    What a person corrected in this folder is in it; the timeline that was written is returned. Pictures of an earlier timeline go only
    then: until it is replaced, it names them.
    """
    with place.correcting():
        timeline = reviews.shown(timeline, place.path)
        _write(place, timeline, dict.fromkeys(("html", *request.to, "json")))
    place.keep_only({frame for window in timeline.windows for frame in window.frames})
    return timeline


def grow(place: folder.OutputFolder, timeline: Timeline, names: Iterable[str]) -> Timeline:
    """Write what shows a timeline that is still growing, the formats in `names`; its pictures stay, those that it does not show yet too."""
    with place.correcting():
        timeline = reviews.shown(timeline, place.path)
        _write(place, timeline, names)
    return timeline


def rewrite(place: folder.OutputFolder, timeline: Timeline) -> None:
    """Write a finished timeline anew, in all the formats that lie in its folder already. Under `OutputFolder.correcting`."""
    _write(place, timeline, _written_before(place))


def correct(place: folder.OutputFolder, make: Callable[[Corrector], T], **who: str | None) -> tuple[T, Timeline]:
    """Have `make` correct the timeline in a folder, write that down, and write anew what shows it; what it returned, and the timeline.

    `who` is `by` and `comment`. Nothing is written when `make` raises. Other processes, and a scan into the same folder, may do the same
    at the same time. Raises `ConfigError`, `SourceUnsupported`, `StoreError`.
    """
    with place.correcting():
        book = reviews.Book(place.path)
        corrector = Corrector(selection.read(place.path / folder.TIMELINE), book.read(), **who)
        made = make(corrector)
        if corrector.made:
            timeline = corrector.timeline
            book.append(corrector.made, source=timeline.source.uri)
            _write(place, timeline, _written_before(place))
    return made, corrector.timeline


def _written_before(place: folder.OutputFolder) -> Iterator[str]:
    """The formats that lie in the folder already, the timeline last."""
    for name in registry.names("exporters"):
        if name != "json" and (place.path / _file(name)).is_file():
            yield name
    yield "json"


def _file(name: str) -> str:
    return folder.REPORT if name == "html" else f"timeline.{registry.factory('exporters', name).suffix.lstrip('.')}"


def _write(place: folder.OutputFolder, timeline: Timeline, names: Iterable[str]) -> None:
    for name in names:
        exporter = registry.make("exporters", {"kind": name})
        with place.writing(_file(name)) as out:
            exporter.write(timeline, out, folder=str(place.path))


def written(place: folder.OutputFolder) -> Timeline | None:
    """The timeline that lies in an output folder; `None` where there is none that can be read."""
    try:
        return Timeline.from_json((place.path / folder.TIMELINE).read_bytes())
    except (OSError, ValueError):
        return None


def finished(fingerprint: str, place: folder.OutputFolder, journal: Journal) -> Timeline | None:
    """The timeline of an earlier run, if it answers exactly this and nothing in it needs asking again."""
    timeline = written(place) if journal.finished == fingerprint else None
    if timeline is None:
        return None
    # A second look that came to nothing is made again, like a window that failed.
    whole = all(
        window.status == "described" and (window.second_look is None or window.second_look.second.error is None)
        for window in timeline.windows
    )
    # A summary that was to be a model's and is not is asked for again, like a window that failed; so are doubtful pairs and rules' questions.
    return timeline if whole and not any(flag.startswith((BY_RULE, UNSETTLED, UNASKED)) for flag in timeline.flags) else None
