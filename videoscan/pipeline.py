"""The main path: a video goes in, a timeline comes out. Start reading here.

The core (`videoscan.core`: decode, sample, deduplicate, group, encode) runs in a worker; this module is the asynchronous shell
around it. They meet at one bounded bridge that hands over windows. Descriptions may come in any order; the fold puts them right.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import hashlib
import io
import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from videoscan import __version__, clock, config, flow, folder, inputs, journal, observe, prompts, registry
from videoscan.core import Core, CoreItem, spec_for
from videoscan.document import DescriberRecord, FrameCounts, Part, SourceRecord, Timeline, Timing
from videoscan.errors import ConfigError, ScanAborted
from videoscan.isolation import IsolatedCore
from videoscan.model import Prompt, SourceInfo, Tally, Window
from videoscan.timeline import Folded, Outcome, Shown, fold, usage_record

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping, Sequence

    from videoscan.observe import Observer
    from videoscan.seams import DescriberSession

# Windows that wait, described by nobody yet, on top of those in work. Two hide the jitter of decoding; more only cost memory.
_AHEAD = 2

# After so many windows in a row that failed because the endpoint did not answer, the rest would only cost time or money.
_ENOUGH_FAILURES = 10

# Options of a describer that change how fast an answer comes, not which.
_PACE = frozenset({"concurrency", "requests_per_minute", "tokens_per_minute", "timeout", "api_key_env"})


@dataclass(frozen=True, slots=True)
class _Job:
    """One resolved scan of one input."""

    given: inputs.Input
    resolved: config.Resolved
    prompt: Prompt
    profile: dict[str, Any]
    start: float
    end: float | None
    to: tuple[str, ...]
    observer: Observer

    def fingerprint(self) -> str:
        """What a finished timeline is an answer to: the file as it is, every option, and this version."""
        stats = [(path, *_stat(path)) for path in _files(self.given)]
        parts = [__version__, stats, self.profile, self.prompt.instructions, self.start, self.end]
        return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:32]


async def scan(
    source: str | Path | inputs.Input,
    *,
    profile: str | Path | Mapping[str, Any] = "default",
    question: str | None = None,
    out: str | Path | None = None,
    start: float | None = None,
    end: float | None = None,
    endpoint: str | None = None,
    model: str | None = None,
    sets: Sequence[str] = (),
    to: Sequence[str] = (),
    fresh: bool = False,
    observer: Observer = observe.ignore,
) -> Timeline:
    """Scan one video (or image folder) and return its timeline.

    Args:
        source: a video file, a folder or glob of pictures.
        profile: a profile's name, a TOML file, or its tables as a mapping.
        question: what to ask of every window, besides what the profile asks.
        out: this timeline's own folder; with it `timeline.json`, `report.html` and the pictures are written, and a scan that was
            interrupted continues. Without it nothing is written.
        start: where to begin, in seconds of video time.
        end: where to stop, in seconds of video time.
        endpoint: an OpenAI-compatible address; without one (here, in the profile or in `VIDEOSCAN_ENDPOINT`) the built-in
            offline describer is used.
        model: the model's name at that endpoint.
        sets: single options, as ``"table.key=value"``.
        to: further formats to write into `out`, by exporter's name.
        fresh: forget what an earlier run left in `out`.
        observer: is told what happens; see `videoscan.observe`.

    Raises:
        ConfigError: an option is wrong, before anything is decoded.
        SourceError: the source cannot be read at all. Damage is no error: it is in `coverage`.
        DescribeError: the model cannot be used at all. A failed window is no error: it is in `windows`.
        StoreError: `out` cannot be written.
    """
    given = source if isinstance(source, inputs.Input) else inputs.single(source)
    job = _resolve(given, profile, question, start, end, endpoint, model, sets, to, observer)
    if out is None:
        timeline = await _run(job, None, None)
        observer(observe.Finished(timeline))
        return timeline
    place = folder.OutputFolder(Path(out))
    place.prepare()
    try:
        with _journal(place, given.uri, fresh=fresh) as record:
            timeline = _finished(job, place, record) or await _run(job, place, record)
            _write(job, place, timeline)
            if record.finished != job.fingerprint():
                record.finish(job.fingerprint())
    except BaseException:
        place.discard()
        raise
    observer(observe.Finished(timeline))
    return timeline


def scan_sync(source: str | Path | inputs.Input, **options: Any) -> Timeline:
    """`scan` for programs without an event loop; the same options, the same errors."""
    return asyncio.run(scan(source, **options))


def _resolve(
    given: inputs.Input,
    profile: str | Path | Mapping[str, Any],
    question: str | None,
    start: float | None,
    end: float | None,
    endpoint: str | None,
    model: str | None,
    sets: Sequence[str],
    to: Sequence[str],
    observer: Observer,
) -> _Job:
    """Settle every option, and make every part once, so that what is wrong is said before anything is decoded."""
    named = {"describer.endpoint": endpoint, "describer.model": model, "prompt.question": question}
    flags = {key: value for key, value in named.items() if value is not None}
    resolved = config.load(profile, sets=sets, overrides=flags, uri=given.uri)
    settled = resolved.profile
    if end is not None and end <= (start or 0.0):
        raise ConfigError(f"--end {end:g} is not after --start {start or 0.0:g}", hint="both are seconds of video time")
    for group, table in (("samplers", settled.sampler), ("dedups", settled.dedup), ("describers", settled.describer)):
        registry.make(group, table)
    for name in to:
        registry.make("exporters", {"kind": name})
    for note in resolved.notes:
        observer(observe.Note(note))
    asked = settled.prompt
    prompt = prompts.build(
        asked.template, role=asked.role, question=asked.question, order=asked.order, language=settled.describer.get("language")
    )
    return _Job(given, resolved, prompt, registry.complete(settled), start or 0.0, end, tuple(to), observer)


# --- the scan itself ----------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Pass:
    """What a running scan has come to."""

    info: SourceInfo
    outcomes: list[Outcome] = field(default_factory=list)
    tally: Tally | None = None
    windows: int = 0
    failures: int = 0


async def _run(job: _Job, place: folder.OutputFolder | None, record: journal.Journal | None) -> Timeline:
    began = time.monotonic()
    loop = asyncio.get_running_loop()
    profile = job.resolved.profile
    session = registry.make("describers", profile.describer).session()
    try:
        spec = spec_for(job.given.uri, job.given.kind, profile, session.limits, start=job.start, end=job.end)

        def report(fact: observe.Sampled) -> None:
            with contextlib.suppress(RuntimeError):  # the loop may have ended while the worker is being joined
                loop.call_soon_threadsafe(job.observer, fact)

        isolated = profile.source.isolation == "process"
        worker = IsolatedCore(spec, report, patience=profile.source.patience) if isolated else Core(spec, report)
        async with flow.read_ahead(iter(worker), _AHEAD, stop=worker.stop) as items:
            info = await anext(items)
            assert isinstance(info, SourceInfo), "the core opens with what the source says of itself"
            job.observer(observe.Opened(info))
            state = _Pass(info)

            async def describe(window: Window) -> Outcome:
                return await _describe(window, job, session, place, record)

            async with flow.map_as_done(describe, _windows(items, state, job), session.limits.concurrency) as outcomes:
                async for outcome in outcomes:
                    _take(outcome, state)
    finally:
        await session.close()
    assert state.tally is not None, "a core that was not stopped ends with its tally"
    if job.start >= state.tally.duration > 0:
        raise ConfigError(
            f"--start {job.start:g} is past the end of {job.given.uri}", hint=f"it lasts {state.tally.duration:g} s"
        )
    folded = fold(state.outcomes, state.tally, start=job.start, end=job.end)
    return _timeline(job, state, state.tally, folded, time.monotonic() - began)


async def _windows(items: AsyncIterator[CoreItem], state: _Pass, job: _Job) -> AsyncIterator[Window]:
    """The windows among the core's items; the tally that comes last is kept aside."""
    async for item in items:
        if isinstance(item, Window):
            if not state.windows:
                _say_where(job)
            state.windows += 1
            job.observer(observe.WindowReady(item))
            yield item
        elif isinstance(item, Tally):
            state.tally = item
    job.observer(observe.Decoded(state.windows))


async def _describe(
    window: Window, job: _Job, session: DescriberSession, place: folder.OutputFolder | None, record: journal.Journal | None
) -> Outcome:
    """Save the pictures, ask (or find the answer in the journal), write the answer down; only then use it."""
    if place is not None:
        await asyncio.to_thread(place.save, window.pictures)
    asked = {key: value for key, value in job.profile["describer"].items() if key not in _PACE}
    key = journal.key_of(window, job.prompt, asked, measured=session.limits.measures) if record is not None else ""
    known = record.answer(key) if record is not None else None
    if known is None:
        description = await session.describe(window, job.prompt)
        if record is not None:
            await asyncio.to_thread(record.record, key, window, description)
    else:
        description = known
    job.observer(observe.WindowDone(window.index, description, resumed=known is not None))
    regions = {mark.frame: mark.region for mark in window.marks}
    return Outcome(
        index=window.index,
        start=window.start,
        end=window.end,
        shown=tuple(
            Shown(
                picture.frame,
                picture.time,
                f"{folder.PICTURES}/{picture.name}" if place is not None else None,
                regions.get(picture.frame),
            )
            for picture in window.pictures
        ),
        # What was measured has been used; without it a night's marks are small.
        marks=tuple(mark.without_measured() for mark in window.marks),
        description=description,
        overlap=window.overlap,
    )


def _take(outcome: Outcome, state: _Pass) -> None:
    state.outcomes.append(outcome)
    failure = outcome.description.failure
    silent = failure is not None and failure.kind in {"EndpointUnreachable", "EndpointThrottled", "EndpointFailed"}
    state.failures = state.failures + 1 if silent else 0
    if failure is not None and state.failures >= _ENOUGH_FAILURES:
        raise ScanAborted(
            f"{state.failures} windows in a row got no answer; the last: {failure.message}",
            hint="what was described is kept: the same command goes on from there",
        )


def _say_where(job: _Job) -> None:
    endpoint = job.profile["describer"].get("endpoint")
    if endpoint:
        job.observer(observe.Sending(urlsplit(endpoint).hostname or endpoint, job.profile["describer"].get("model")))


# --- what is written ----------------------------------------------------------------------------------------------------------


def _timeline(job: _Job, state: _Pass, tally: Tally, folded: Folded, wall: float) -> Timeline:
    info, settings = state.info, job.resolved.profile.source
    wall_time = clock.wall_time(settings, job.given.uri, info.clock)
    for note in wall_time.notes:
        job.observer(observe.Note(note))
    describer = job.profile["describer"]
    return Timeline(
        source=SourceRecord(
            uri=job.given.uri,
            camera=settings.camera,
            duration=round(tally.duration, 6),
            width=info.width,
            height=info.height,
            fps=info.fps,
            rotation=info.rotation,
            start_time=round(info.start_time, 6),
            clock=wall_time.start,
            parts=(Part(uri=job.given.uri, start=0.0, duration=round(tally.duration, 6), clock=wall_time.start),),
            flags=tuple(dict.fromkeys((*info.flags, *tally.flags))),
        ),
        created=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        videoscan=__version__,
        profile=job.profile,
        describer=DescriberRecord(
            kind=describer["kind"],
            model=describer.get("model"),
            endpoint=describer.get("endpoint"),
            note=registry.factory("describers", describer["kind"]).note,
        ),
        events=folded.events,
        windows=folded.windows,
        coverage=folded.coverage,
        frames=FrameCounts(decoded=tally.decoded, sampled=folded.sampled, kept=folded.kept),
        usage=usage_record(folded.usage),
        timing=Timing(
            wall=round(wall, 3),
            decode=round(tally.decode_seconds, 3),
            encode=round(tally.encode_seconds, 3),
            describe_wait=round(sum(outcome.description.seconds for outcome in state.outcomes), 3),
        ),
    )


def _write(job: _Job, place: folder.OutputFolder, timeline: Timeline) -> None:
    """Everything of the output folder but the pictures, the timeline last: where it is, the rest is."""
    place.keep_only({frame for window in timeline.windows for frame in window.frames})
    for name in dict.fromkeys(("html", *job.to, "json")):
        exporter = registry.make("exporters", {"kind": name})
        buffer = io.BytesIO()
        exporter.write(timeline, buffer, folder=str(place.path))
        file = folder.REPORT if name == "html" else f"timeline.{exporter.suffix}"
        place.write(file, buffer.getvalue())


@contextlib.contextmanager
def _journal(place: folder.OutputFolder, source: str, *, fresh: bool) -> Iterator[journal.Journal]:
    if fresh:
        with folder.storing(place.path):
            (place.path / folder.JOURNAL).unlink(missing_ok=True)
    record = journal.Journal(place.path, source)
    try:
        yield record
    finally:
        record.close()


def _finished(job: _Job, place: folder.OutputFolder, record: journal.Journal) -> Timeline | None:
    """The timeline of an earlier run, if it answers exactly this and nothing in it needs asking again."""
    path = place.path / folder.TIMELINE
    if record.finished != job.fingerprint() or not path.is_file():
        return None
    try:
        timeline = Timeline.from_json(path.read_bytes())
    except (OSError, ValueError):
        return None
    return timeline if all(window.status == "described" for window in timeline.windows) else None


def _files(given: inputs.Input) -> list[str]:
    """The files whose change makes an earlier timeline stale."""
    if given.files:
        return list(given.files)
    path = Path(given.uri)
    return sorted(str(each) for each in path.iterdir()) if path.is_dir() else [given.uri]


def _stat(path: str) -> tuple[int, int]:
    with contextlib.suppress(OSError):
        stat = Path(path).stat()
        return stat.st_size, stat.st_mtime_ns
    return 0, 0
