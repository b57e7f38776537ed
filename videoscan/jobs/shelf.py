"""The service's library: what its jobs came to, to be searched and asked about. All of it on threads: SQLite waits for the disk."""

from __future__ import annotations

import contextlib
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from videoscan import answering, flow, registry
from videoscan.config import load
from videoscan.document import UsageRecord
from videoscan.errors import SourceError, StoreError
from videoscan.folder import TIMELINE
from videoscan.jobs.records import day_id
from videoscan.jobs.settings import DAYS
from videoscan.library.search import search
from videoscan.library.store import Library
from videoscan.spending.ledger import Accounts, Ledger
from videoscan.spending.money import parse_budget

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from videoscan.jobs.settings import Settings
    from videoscan.library.search import Found, Hit, Order
    from videoscan.library.store import Entry
    from videoscan.reviewing.selection import Filters

_log = logging.getLogger("videoscan.jobs")


class Shelf:
    """One open library. It may hold timelines of other origin as well; those have no job."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._library: Library | None = None

    async def open(self) -> None:
        """Open it, or make it. Raises `StoreError`."""
        self._library = await flow.in_thread(lambda: Library(self._settings.library_file, create=True))

    async def close(self) -> None:
        """Idempotent."""
        if self._library is not None:
            await flow.in_thread(self._library.close)
            self._library = None

    @property
    def library(self) -> Library:
        """The library, which is open."""
        assert self._library is not None, "open it first"
        return self._library

    async def take(self, job: str, *, again: bool = True) -> None:
        """Put in what a job came to, as it is shown now; without `again` only if that was written since.

        A library that cannot be written costs no job its end: it is logged.
        """
        try:
            await flow.in_thread(lambda: self.library.add(self._settings.output(job) / TIMELINE, again=again))
        except (StoreError, SourceError) as fault:
            _log.error("job %s is not in the library: %s", job, fault)

    async def drop(self, job: str) -> None:
        """Take out what a job came to."""

        def work() -> None:
            for entry in self.library.at([self._settings.output(job) / TIMELINE]).values():
                self.library.remove(entry.id)

        with contextlib.suppress(StoreError):
            await flow.in_thread(work)

    async def outcomes(self, jobs: Iterable[str]) -> dict[str, Entry]:
        """What jobs came to, by job: how many events, how long. A library that cannot be read tells of none."""
        files = {self._settings.output(job) / TIMELINE: job for job in jobs}
        try:
            found = await flow.in_thread(lambda: self.library.at(files))
        except StoreError as fault:
            _log.warning("what jobs came to cannot be told: %s", fault)
            return {}
        return {files[path]: entry for path, entry in found.items() if path in files}

    def job_of(self, hit: Hit) -> str | None:
        """The job whose timeline holds what was found, `None` for a timeline of other origin."""
        jobs = self._settings.jobs
        if hit.path.is_relative_to(jobs):
            parts = hit.path.relative_to(jobs).parts
            if len(parts) == 5 and parts[1] == DAYS:  # stream, days, camera, date, timeline.json
                return day_id(parts[0], parts[3])
            return parts[0] if len(parts) == 3 else None  # id, output, timeline.json
        return None

    async def search(
        self,
        query: str,
        filters: Filters,
        *,
        jobs: Sequence[str] = (),
        order: Order = "best",
        limit: int = 20,
        offset: int = 0,
    ) -> Found:
        """See `videoscan.library.search`. With `jobs`, only in their timelines."""
        sources = self._timelines(jobs)
        return await flow.in_thread(
            lambda: search(self.library, query, filters, sources=sources, order=order, limit=limit, offset=offset)
        )

    def _timelines(self, jobs: Sequence[str]) -> list[str]:
        return [str((self._settings.output(job) / TIMELINE).absolute()) for job in jobs]

    async def ask(
        self, question: str, filters: Filters, *, jobs: Sequence[str] = (), pictures: bool
    ) -> tuple[answering.Answer, UsageRecord]:
        """See `videoscan.answering`; the service's own model is asked, within its budget. With `jobs`, only of their timelines."""
        settings = self._settings
        flags: dict[str, Any] = {
            "describer.endpoint": settings.endpoint,
            "describer.model": settings.model,
            **{f"budget.{key}": value for key, value in parse_budget(settings.budget).items()},
        }
        resolved = await flow.in_thread(lambda: load(settings.profile, sets=settings.sets, overrides=flags))
        describer = registry.complete(resolved.profile, origins=resolved.origins)["describer"]
        budget = resolved.profile.budget
        prices = budget.prices_of(describer.get("model"))
        ledger = Ledger(Accounts().of(budget.of(describer.get("model"))), prices)
        answer = await answering.ask(
            self.library,
            question,
            filters,
            describer=describer,
            pictures=pictures,
            sources=self._timelines(jobs),
            ledger=ledger,
        )
        return answer, UsageRecord.of(answer.usage, prices)

    def picture_of(self, hit: Hit) -> int | None:
        """The frame of an event's picture, as it can be had from the service, `None` where there is none."""
        if hit.picture is None or self.job_of(hit) is None:
            return None
        stem = Path(hit.picture).stem
        return int(stem) if stem.isdecimal() else None
