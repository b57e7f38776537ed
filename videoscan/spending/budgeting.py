"""Under a budget a scan samples first and asks afterwards: only who knows all pictures can say which of them it can afford.

The whole sampling is kept. Where something has to be left out, it is set aside as it is (`WHOLE`, hard links), and what is shown is made of
it: thinned, shrunk, in fuller windows. So the same command goes on with the same windows, a larger budget with those that were skipped, and
``--fresh`` or a scan without a budget begins with all pictures again, without decoding one.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from videoscan import flow, observe, registry
from videoscan.core import spec_for
from videoscan.document import BudgetRecord
from videoscan.errors import VideoscanError
from videoscan.folder import FITTED, PICTURES, SAMPLING, WHOLE, OutputFolder, storing
from videoscan.isolation import core_for
from videoscan.journal import Journal
from videoscan.model import EVERYWHERE, SourceInfo
from videoscan.planning import fitting
from videoscan.planning.demand import Smaller
from videoscan.planning.fitting import Fit, Sampled
from videoscan.planning.forecast import Experience, Pace
from videoscan.planning.sketch import Sketcher
from videoscan.reading.sampling import SamplingStore
from videoscan.spending import tokens

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from videoscan.core import CoreSpec
    from videoscan.observe import Observer
    from videoscan.request import Request
    from videoscan.seams import Limits
    from videoscan.spending.ledger import Accounts, Ledger
    from videoscan.spending.money import Budget


@dataclass(frozen=True, slots=True)
class Prepared:
    """The pass that a scan is to make, and how it was made smaller, if that was looked into."""

    spec: CoreSpec
    fit: Fit | None = None

    def record(self, budget: Budget, *, skipped: int) -> BudgetRecord | None:
        """For the timeline. `skipped` counts windows."""
        if not budget:
            return None
        fit = self.fit
        return BudgetRecord(
            limit=budget.written,
            per=budget.per,
            measures=fit.measures if fit is not None else (),
            planned=fit.expected() if fit is not None else None,
            skipped_windows=skipped,
        )


def spec_of(request: Request, limits: Limits, store: Path | None) -> CoreSpec:
    """The pass that a request asks for, whatever it costs."""
    return spec_for(
        request.given,
        request.resolved.profile,
        limits,
        start=request.start,
        end=request.end,
        store=store,
        version=request.version(),
    )


async def prepare(
    request: Request,
    limits: Limits,
    store: Path | None,
    ledger: Ledger,
    observer: Observer,
    *,
    scratch: Callable[[], Path],
    begun: bool = False,
    given: Fit | None = None,
) -> Prepared:
    """The pass for a scan into `store`, such that it fits into what is left of the budget.

    `scratch` gives a folder where there is no `store`. `begun`: answers to the whole sampling lie in the journal; then nothing is made
    smaller, because they would be lost. `given` is a fit that was worked out for several inputs together.
    """
    spec = spec_of(request, limits, store)
    if not limits.sends or limits.measures:
        return Prepared(spec)
    former = fitting.recall(store, spec.key()) if store is not None else None
    if store is not None and former:
        whole = replace(spec, store=store / WHOLE)
        await _pass(whole, request, observer)
        if not request.budget or not request.budget.fit:
            return Prepared(_made_of(whole, store, Smaller()))
        observer(observe.Note(f"goes on as it was made to fit {former.budget}: {'; '.join(former.measures)}; --fresh plans anew"))
        return Prepared(_made_of(whole, store, former.smaller), former)
    if not request.budget or not request.budget.fit or begun:
        return Prepared(spec)
    base = store or scratch()
    sampling = replace(spec, store=base)
    fitted = given
    if fitted is None or not SamplingStore(base, spec.key()).whole:
        sketched = await sample(request, limits, base, observer)
        fitted = fitted or fitting.fit([sketched], ledger.account.left(), request.budget)
    if not fitted:
        if not fitted.suffices:
            observer(observe.Note(f"the budget of {fitted.budget} will not suffice for all ({fitted.expected()} are likely)"))
        return Prepared(spec if store is not None and spec.recalls else _made_of(sampling, None, Smaller()), fitted)
    observer(observe.Note(fitted.sentence()))
    if store is None:
        return Prepared(_made_of(sampling, None, fitted.smaller), fitted)
    await flow.in_thread(set_aside, store, spec.key())
    await flow.in_thread(OutputFolder(store).write, FITTED, fitting.text_of(fitted, spec.key()))
    return Prepared(_made_of(replace(spec, store=store / WHOLE), store, fitted.smaller), fitted)


async def sample(request: Request, limits: Limits, store: Path, observer: Observer) -> Sampled:
    """Sample a source into `store`, as far as it is not there already, and give what a fit needs to know of it."""
    sketcher = await _pass(spec_of(request, limits, store), request, observer)
    describer = request.describer
    profile = request.resolved.profile
    context = profile.prompt.context_tokens if profile.prompt.context == "rolling" else 0
    return Sampled(
        sketcher.sketch(),
        profile.windows,
        limits,
        context + tokens.of_words(request.prompt, str(request.prompt.schema)),
        Experience(),
        Pace(describer.get("concurrency", 1), max_tokens=describer.get("max_tokens", 2048)),
        request.prices,
    )


async def together(wanted: Sequence[tuple[Request, Path]], accounts: Accounts, observer: Observer) -> dict[Budget, Fit]:
    """How several inputs, each with its output folder, fit into a budget together: one fit for each budget.

    Samples those that were not begun yet; what cannot be sampled is told by its own scan.
    """
    all_of: dict[Budget, list[Sampled]] = {}
    for request, folder in wanted:
        place = OutputFolder(folder)
        session = registry.make("describers", request.describer).session()
        try:
            place.prepare()
            with place.lock(), contextlib.closing(Journal(folder, request.given.uri)) as journal:
                if (
                    request.budget.fit
                    and request.budget
                    and not len(journal)
                    and not (folder / FITTED).exists()
                    and session.limits.sends
                ):
                    sampled = await sample(request, session.limits, folder, observer)
                    all_of.setdefault(request.budget, []).append(sampled)
        except VideoscanError:
            place.discard()
        finally:
            await session.close()
    return {budget: fitting.fit(sampled, accounts.of(budget).left(), budget) for budget, sampled in all_of.items()}


async def _pass(spec: CoreSpec, request: Request, observer: Observer) -> Sketcher:
    """Run a pass to its end for what it leaves on disk, and keep a sketch of it."""
    import asyncio

    loop = asyncio.get_running_loop()
    worker = core_for(spec, request.resolved.profile.source, told_on(loop, observer))
    sketcher = Sketcher()
    async with flow.read_ahead(iter(worker), 1, stop=worker.stop) as items:
        async for item in items:
            sketcher.take(item)
            if isinstance(item, SourceInfo):
                observer(observe.Opened(item))
    return sketcher


def told_on(loop: asyncio.AbstractEventLoop, observer: Observer) -> Callable[[Any], None]:
    """Facts from a worker's thread, told on the loop's."""

    def report(fact: observe.Sampled) -> None:
        with contextlib.suppress(RuntimeError):  # the loop may have ended while the worker is being joined
            loop.call_soon_threadsafe(observer, fact)

    return report


def _made_of(whole: CoreSpec, store: Path | None, smaller: Smaller) -> CoreSpec:
    """A pass over a sampling that is on disk already, smaller. What is to be black is black there."""
    rates = [rate for rate in (whole.max_rate, smaller.rate) if rate]
    return replace(
        whole,
        source={"kind": "kept"},
        uri=str(whole.store),
        windows=smaller.of(whole.windows),
        max_rate=min(rates, default=0.0),
        regions=EVERYWHERE,
        store=store,
        start=0.0,
        end=None,
    )


def set_aside(folder: Path, key: str) -> None:
    """Put the sampling of `folder` that has this key into its `WHOLE`, as links: nothing is copied where links can be made.

    Raises `StoreError`.
    """
    there = folder / WHOLE
    with storing(there):
        (there / PICTURES).mkdir(parents=True, exist_ok=True)
        store = SamplingStore(folder, key)
        for name in store.pictures():
            _link(folder / PICTURES / name, there / PICTURES / name)
    OutputFolder(there).write(SAMPLING, (folder / SAMPLING).read_bytes())


def _link(source: Path, target: Path) -> None:
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:  # a file system without hard links
        shutil.copyfile(source, target)


def fingerprint(of: str, budget: Budget, folder: Path) -> str:
    """What a finished timeline answers to: under a budget, also how it was made smaller, so that a scan without one does all of it."""
    try:
        made = (folder / FITTED).read_bytes() if budget and budget.fit else b""
    except OSError:
        made = b""
    return hashlib.sha256(of.encode() + made).hexdigest()[:32] if made else of
