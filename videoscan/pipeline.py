"""The main path: a video goes in, a timeline comes out. Start reading here.

The core (`videoscan.core`: decode, sample, deduplicate, group, encode) runs in a worker thread or process; this module is the
asynchronous shell around it. They meet at one bounded bridge that hands over windows. Descriptions come in any order, each is in
the journal before it is used, and the fold (`videoscan.timeline`) puts them right.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import tempfile
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from videoscan import flow, observe, publish, registry
from videoscan.alerts import scanning
from videoscan.asking import Asker
from videoscan.doubting import settling
from videoscan.doubting.second import looked_at_again, most_again
from videoscan.errors import ConfigError, DescribeError, ScanAborted, StoreError
from videoscan.folder import OutputFolder
from videoscan.folding.held import SPENT
from videoscan.isolation import core_for
from videoscan.journal import Journal
from videoscan.model import SourceInfo, Tally, Window
from videoscan.notebook import JournalNotebook
from videoscan.reading import sampling
from videoscan.recordings import inputs, naming
from videoscan.request import Request, settle
from videoscan.retrying import Retry
from videoscan.seams import Naming, Remembering
from videoscan.spending import budgeting, money
from videoscan.spending.ledger import Accounts, Ledger
from videoscan.summary.summarizing import summed_up
from videoscan.timeline import Folding

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Mapping, Sequence

    from videoscan.core import CoreItem
    from videoscan.document import Timeline
    from videoscan.folding.outcome import Outcome
    from videoscan.observe import Observer
    from videoscan.planning.fitting import Fit
    from videoscan.seams import DescriberSession
    from videoscan.settings.options import WindowOptions
    from videoscan.spending.money import Budget

# Windows that wait, described by nobody yet, on top of those in work. Two hide the jitter of decoding; more only cost memory.
_AHEAD = 2

# After so many windows in a row that failed because the endpoint did not answer, the rest would only cost time or money.
_ENOUGH_FAILURES = 10
_NO_ANSWER = frozenset({"EndpointUnreachable", "EndpointThrottled", "EndpointFailed"})


async def scan(
    source: str | Path | inputs.Input,
    *,
    profile: str | Path | Mapping[str, Any] = "default",
    question: str | None = None,
    prompt_file: str | Path | None = None,
    out: str | Path | None = None,
    start: float | None = None,
    end: float | None = None,
    endpoint: str | None = None,
    model: str | None = None,
    model_file: str | Path | None = None,
    projector: str | Path | None = None,
    sets: Sequence[str] = (),
    to: Sequence[str] = (),
    fresh: bool = False,
    retry: Collection[int] | None = None,
    budget: Sequence[str] = (),
    clock_start: str | None = None,
    accounts: Accounts | None = None,
    fits: Mapping[Budget, Fit] | None = None,
    observer: Observer = observe.ignore,
) -> Timeline:
    """Scan one video (or image folder) and return its timeline.

    Args:
        source: A video file, a folder or glob of pictures.
        profile: A profile's name, a TOML file, or its tables as a mapping.
        question: What to ask of every window, besides what the profile asks.
        prompt_file: A template of your own, instead of the profile's `prompt.template`.
        out: This timeline's own folder; with it `timeline.json`, `report.html` and the pictures are written, and a scan that was
            interrupted continues. Without it nothing is written.
        start: Where to begin, in seconds of video time.
        end: Where to stop, in seconds of video time.
        endpoint: An OpenAI-compatible address; without one (here, in the profile or in `VIDEOSCAN_ENDPOINT`) the built-in
            offline describer is used.
        model: The model's name at that endpoint.
        model_file: Instead of an endpoint, a GGUF file that llama.cpp runs inside the scan (the extra `local`).
        projector: The file with which that model sees; without it the only one beside it.
        sets: Single options, as ``"table.key=value"``.
        to: Further formats to write into `out`, by exporter's name.
        fresh: Forget what an earlier run left in `out`.
        retry: Of the windows that an earlier run in `out` left without an answer, ask only these again (indices); the others keep the
            failure that its timeline tells of. By default all of them are asked.
        budget: What may be spent on the model, such as ``["5USD", "500req"]``: see ``videoscan.spending.money``. It is never passed; what it does
            not suffice for is left out and marked `skipped`.
        clock_start: The wall time of second 0, ISO 8601; stands for `source.clock_start`.
        fits: By budget, how this and other scans were made smaller together; see `videoscan.spending.budgeting`. Without it, it is worked
            out for this one alone.
        accounts: Shared by scans that draw on the same budget; a run of one scan needs none.
        observer: Is told what happens; see `videoscan.observe`.

    Raises:
        ConfigError: An option is wrong, said before anything is decoded.
        SourceError: The source cannot be read at all. Damage is no error: it is in `coverage`.
        DescribeError: The model cannot be used at all. A failed window is no error: it is in `windows`.
        StoreError: `out` cannot be written.
    """
    given = source if isinstance(source, inputs.Input) else inputs.single(source)
    flags = {
        "describer.endpoint": endpoint,
        "describer.model": model,
        "describer.model_file": _absolute(model_file),
        "describer.projector": _absolute(projector),
        "prompt.question": question,
        "prompt.template": _absolute(prompt_file),
        "source.clock_start": clock_start,
        **{f"budget.{key}": value for key, value in money.parse_budget(budget).items()},
    }
    request = await flow.in_thread(
        lambda: settle(given, profile=profile, flags=flags, sets=sets, start=start, end=end, to=to).identified()
    )
    for note in request.resolved.notes:
        observer(observe.Note(note))
    if request.resolved.profile.prompt.question and request.describer["kind"] == "offline":
        observer(observe.Note("the question is not answered: the built-in describer only measures; give --endpoint and --model"))
    ledger = Ledger((accounts or Accounts()).of(request.budget), request.prices)
    fit = (fits or {}).get(request.budget)
    timeline = await (
        _scan(request, observer, ledger, fit=fit)
        if out is None
        else _scan_into(OutputFolder(Path(out)), request, observer, ledger, fresh=fresh, fit=fit, retry=retry)
    )
    observer(observe.Finished(timeline))
    return timeline


def _absolute(path: str | Path | None) -> str | None:
    return None if path is None else str(Path(path).absolute())


def scan_sync(source: str | Path | inputs.Input, **options: Any) -> Timeline:
    """`scan` for programs without an event loop: the same options, the same errors."""
    return asyncio.run(scan(source, **options))


async def _scan_into(
    place: OutputFolder,
    request: Request,
    observer: Observer,
    ledger: Ledger,
    *,
    fresh: bool,
    fit: Fit | None = None,
    retry: Collection[int] | None = None,
) -> Timeline:
    """Scan with an output folder: go on from its journal, and write everything into it at the end."""
    place.prepare()
    # Before the scan: a file that grows meanwhile was not scanned as it is then, and must not count as finished.
    fingerprint = request.fingerprint()
    answers = 0
    with place.lock():
        _check_owner(place, request, fresh=fresh)
        if fresh:
            place.forget()
        if retry is not None and (former := await flow.in_thread(publish.written, place)) is not None:
            request = replace(request, retry=Retry.of(former, retry))
        try:
            with contextlib.closing(Journal(place.path, request.given.uri, fresh=fresh)) as journal:
                try:
                    exact = publish.finished(fingerprint, place, journal)
                    before = budgeting.fingerprint(fingerprint, request.budget, place.path)
                    timeline = exact or publish.finished(before, place, journal)
                    if timeline is not None and not await _of_its_model(timeline, request, observer, ledger):
                        timeline = exact = None
                    if timeline is None:
                        timeline = await _scan(request, observer, ledger, place, journal, fit=fit)
                    elif exact is None and timeline.budget is not None:
                        done = "; ".join(timeline.budget.measures)
                        observer(observe.Note(f"finished before, made to fit a budget: {done}; --fresh plans anew"))
                    if exact is None:
                        fingerprint = budgeting.fingerprint(fingerprint, request.budget, place.path)
                    await flow.in_thread(journal.replacing, fingerprint)
                    timeline = await flow.in_thread(publish.write, request, place, timeline)
                    journal.finish(fingerprint)
                finally:
                    answers = len(journal)
        except BaseException as fault:
            # Leave nothing behind that the same command could not go on from. A full disk is an interruption like any other.
            interrupted = isinstance(fault, (asyncio.CancelledError, KeyboardInterrupt, StoreError))
            if not answers and not (interrupted and sampling.latest(place.path)):
                place.discard()
            raise
    return timeline


def _check_owner(place: OutputFolder, request: Request, *, fresh: bool) -> None:
    """Raises `StoreError` when the folder belongs to another source: another process may have taken it since it was chosen."""
    owner = naming.owner(place.path)
    if owner and not naming.same(owner, request.given.uri) and not fresh:
        raise StoreError(
            f"{place.path} holds the output of {owner}, not of {request.given.uri}",
            hint="give this one another folder, or --fresh to replace what is there",
        )


@dataclass(slots=True)
class _Pass:
    """What a running scan has come to."""

    folding: Folding
    doubtful: list[Outcome] = field(default_factory=list)
    info: SourceInfo | None = None
    tally: Tally | None = None
    windows: int = 0
    failures_in_a_row: int = 0
    skipped: int = 0
    let_be: int = 0  # of those skipped, the ones that this run left as they were


async def _scan(
    request: Request,
    observer: Observer,
    ledger: Ledger,
    place: OutputFolder | None = None,
    journal: Journal | None = None,
    *,
    fit: Fit | None = None,
) -> Timeline:
    began = time.monotonic()
    held = contextlib.ExitStack()
    state = _Pass(Folding(publish.prices(request)))
    session = registry.make("describers", request.describer).session(observer, ledger)

    try:
        request = await _named(request, session)
        ledger.prices = request.prices
        notebook = None
        if journal is not None and isinstance(session, Remembering):
            notebook = JournalNotebook(journal, request)
            session.remember_in(notebook)
        asker = Asker(request, session, observer, place, journal)
        prepared = await budgeting.prepare(
            request,
            session.limits,
            place.path if place is not None else None,
            ledger,
            observer,
            scratch=lambda: Path(held.enter_context(tempfile.TemporaryDirectory(prefix="videoscan-"))),
            begun=journal is not None and len(journal) > 0,
            given=fit,
        )
        told = budgeting.told_on(asyncio.get_running_loop(), observer)
        worker = core_for(prepared.spec, request.resolved.profile.source, told)
        async with (
            flow.read_ahead(iter(worker), _AHEAD, stop=worker.stop) as items,
            flow.map_as_done(
                asker.ask, _windows(items, state, request, prepared.spec.windows, observer, asker), asker.at_once
            ) as outcomes,
        ):
            async for outcome in outcomes:
                _take(outcome, state, observer, ledger, asker)
        assert state.info is not None
        assert state.tally is not None, "a core that was not stopped ends with its tally"
        request.check_start(state.tally.duration)
        for outcome in await looked_at_again(
            request, state.info, state.doubtful, asker.doubts, state.folding, session, observer, ledger, place, journal
        ):
            state.folding.add(outcome)
        budget = prepared.record(request.budget, skipped=state.skipped)
        doubts = publish.doubts(request, state.tally, state.folding)
        settled = await settling.settled(request, doubts, session, observer, ledger, journal)
        folded = publish.folded(request, state.tally, state.folding, budget, settled.verdicts)
        source, _ = publish.source_of(request, state.info, state.tally)
        alerted = await scanning.alerted(request, folded.events, source, session, observer, place, journal)
        folded = replace(folded, events=alerted.events)
        summed = alerted.before(settled.before(await summed_up(request, folded, session, observer, ledger, journal)))
        if notebook is not None:
            summed = replace(summed, usage=summed.usage + notebook.probes)
    finally:
        held.close()
        await session.close()
    timeline, notes = publish.timeline_of(
        request,
        state.info,
        state.tally,
        folded,
        summed,
        wall=time.monotonic() - began,
        waited=state.folding.seconds,
        billed_seconds=ledger.seconds,
        budget=budget,
    )
    for note in notes:
        observer(observe.Note(note))
    return timeline


async def _named(request: Request, session: DescriberSession) -> Request:
    """The request with the model's name, where only the endpoint knows it: answers of another model are no answers of this one."""
    if request.model is not None or not isinstance(session, Naming):
        return request
    try:
        return replace(request, served=await session.named())
    except DescribeError:
        return request  # what is in the journal may suffice; if not, asking says what is wrong


async def _of_its_model(timeline: Timeline, request: Request, observer: Observer, ledger: Ledger) -> bool:
    """Whether a finished timeline is the work of the model that would be asked now, where only the endpoint says which that is.

    An endpoint that cannot be reached, or cannot say, takes nothing away: what is finished can be had without it.
    """
    if request.model is not None:
        return True
    session = registry.make("describers", request.describer).session(observer, ledger)
    try:
        served = (await _named(request, session)).served
    except ConfigError:  # it offers several by now
        served = None
    finally:
        await session.close()
    return served is None or timeline.describer.model in {None, served}


async def _windows(
    items: AsyncIterator[CoreItem], state: _Pass, request: Request, options: WindowOptions, observer: Observer, asker: Asker
) -> AsyncIterator[Window]:
    """The windows among the core's items; what comes before and after them is kept aside. `options` are those that they are made by."""
    async for item in items:
        if isinstance(item, Window):
            if not state.windows and (endpoint := request.describer.get("endpoint")):
                host = urlsplit(endpoint).hostname or endpoint
                pictures = _most_pictures(request, state.info)
                at_once = options.max_frames * (2 if options.zoom else 1)  # a frame and its crop
                observer(observe.Sending(host, request.describer.get("model"), pictures, most_again(request, pictures), at_once))
            state.windows += 1
            observer(observe.WindowReady(item))
            asker.enter(item)
            yield item
        elif isinstance(item, SourceInfo):
            state.info = item
            observer(observe.Opened(item))
        else:
            state.tally = item
    observer(observe.Decoded(state.windows))


def _most_pictures(request: Request, info: SourceInfo | None) -> int | None:
    """The most pictures that can be sent: what the sampler's shortest step allows in the length that the container declares."""
    sampler = request.table["sampler"]
    step = sampler.get("every") or (1 / rate if (rate := sampler.get("rate")) else sampler.get("least"))
    end = request.end if request.end is not None else info.declared_duration if info is not None else None
    each = 2 if request.resolved.profile.windows.zoom else 1  # a frame and its crop
    return each * (math.ceil((end - request.start) / step) + 1) if step and end is not None else None


def _take(outcome: Outcome, state: _Pass, observer: Observer, ledger: Ledger, asker: Asker) -> None:
    if outcome.index in asker.doubts:
        state.doubtful.append(outcome)
    else:
        state.folding.add(outcome)
    failure, asked = outcome.description.failure, outcome.index not in asker.let_be
    if failure is not None and failure.kind == SPENT:
        if asked and state.skipped == state.let_be:
            observer(observe.Note(f"{failure.message} ({ledger.left()} spent); what is left is skipped"))
        state.skipped += 1
        state.let_be += not asked
        return
    if not asked:
        return  # what an earlier run was told says nothing of whether the endpoint answers now
    if failure is None or failure.kind not in _NO_ANSWER:
        state.failures_in_a_row = 0
        return
    state.failures_in_a_row += 1
    if state.failures_in_a_row >= _ENOUGH_FAILURES:
        raise ScanAborted(
            f"{state.failures_in_a_row} windows in a row got no answer; the last: {failure.message}",
            hint="what was described is kept: the same command goes on from there",
        )
