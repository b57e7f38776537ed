"""A service's jobs: what its API, its page and its command line do with them."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import logging
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from videoscan import config, flow, publish, registry
from videoscan.document import Timeline
from videoscan.errors import SourceUnsupported
from videoscan.folder import PICTURES, TIMELINE, OutputFolder
from videoscan.jobs import buckets, cameras, fetching, retention, rules
from videoscan.jobs.board import Board
from videoscan.jobs.bundles import Bundles
from videoscan.jobs.delivering import Deliverer
from videoscan.jobs.documents import NOTHING, Documents, Text
from videoscan.jobs.pulse import Pulse
from videoscan.jobs.records import FINAL, Job, Stream, new_id, now
from videoscan.jobs.shelf import Shelf
from videoscan.jobs.streaming import Streams, source_of
from videoscan.jobs.viewing import Viewing
from videoscan.jobs.worker import Worker
from videoscan.recordings import inputs
from videoscan.reviewing import reviews
from videoscan.stores.sqlite import Conflict, SqliteStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from videoscan.errors import VideoscanError
    from videoscan.jobs.settings import Settings
    from videoscan.model import Login
    from videoscan.reviewing.correcting import Corrector

_log = logging.getLogger("videoscan.jobs")

_SWEEP = 3600.0
"""Seconds between two looks for jobs that are to be forgotten."""


class Service:
    """Everything of one running service but its sockets. `async with` opens and closes it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.store = SqliteStore(settings.database)
        self.board = Board()
        self.shelf = Shelf(settings)
        self.worker = Worker(self.store, settings, self.board, done=self.shelf.take)
        self.pulse = Pulse()
        self.streams = Streams(self.store, settings, self.board, self.shelf)
        self.deliverer = Deliverer(self.store.hooks, settings, self.board)
        self.documents = Documents(settings.output, settings.shown)
        self.viewing = Viewing(self)
        self.bundles = Bundles(self)
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        await self.store.open()
        try:
            await self.shelf.open()
        except BaseException:
            await self.store.close()
            raise
        await self.bundles.open()
        runs = (self.worker.run(), self._sweep(), self.deliverer.work(), self.streams.run(), self.pulse.run(), self._warm())
        self._tasks = [asyncio.create_task(each) for each in runs]
        return self

    async def __aexit__(self, *_: object) -> None:
        """Let what runs come to its end within the time given, stop the rest (it goes on at the next start), and close."""
        await self.worker.drain(self.settings.grace)
        self.board.close()
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await self.viewing.previews.close()
        await self.shelf.close()
        await self.store.close()

    @property
    def alive(self) -> bool:
        """Whether jobs are being worked off."""
        return bool(self._tasks) and not self._tasks[0].done()

    # --- submitting ----------------------------------------------------------------------------------------------------------

    async def submit(
        self,
        source: str | Path,
        *,
        profile: str | Mapping[str, Any] | None = None,
        question: str | None = None,
        key: str | None = None,
        owned: bool = False,
        name: str | None = None,
        job: str | None = None,
        join: bool = False,
    ) -> tuple[Job, bool]:
        """Make a job of a source, and of each video where it is a folder; the job, and whether it is new.

        Args:
            source: A path below a root, an address, or (with `owned`) a file that belongs to the job from now on.
            profile: A profile's name, or its tables; by default the service's own.
            question: What to ask of every window.
            key: The caller's Idempotency-Key.
            owned: Whether the file goes when the job goes.
            name: What a person calls it.
            job: The id that an upload was given.
            join: Whether the recordings of each camera in a folder become one job.

        Raises `rules.RuleBroken`, `ConfigError`, `SourceError`, and what `SqliteStore.add` raises.
        """
        wanted = profile if profile is not None else self.settings.profile
        asked = await flow.in_thread(rules.profile_of, wanted, self.settings)
        request = None
        if key is not None:
            what = json.dumps([str(source) if not owned else name, asked, question, *[join] * join], sort_keys=True)
            request = key, hashlib.sha256(what.encode()).hexdigest()
        text = str(source)
        place = await self._place(text, owned=owned)
        first = Job(
            id=job or new_id(),
            name=name or (fetching.file_name(text) if "://" in text else Path(text).name or text),
            source=str(place),
            profile=asked,
            question=question,
            created=now(),
        )
        jobs = [(first, owned)]
        if isinstance(place, Path) and place.is_dir():
            jobs = await flow.in_thread(self._cameras if join else self._folder, first, place)
        elif join:
            raise rules.RuleBroken("`join` is for a folder of recordings")
        made, new = await self.store.add(
            jobs, request=request, most_waiting=self.settings.most_waiting, joined=str(place) if join else None
        )
        self.worker.wake()
        return made, new

    async def _place(self, text: str, *, owned: bool) -> str | Path:
        if owned:
            return Path(text)
        if text.startswith(buckets.SCHEME):
            buckets.check(text, self.settings)
            return text
        if "://" in text.split("?", 1)[0]:
            await fetching.judged(text, self.settings)
            return text
        return await flow.in_thread(rules.path_of, text, self.settings)

    def _folder(self, first: Job, place: Path) -> list[tuple[Job, bool]]:
        """The job of a folder: of one recording in pictures, or of all that lies in it."""
        found = inputs.find([str(place)])
        within = [each for each in found.inputs if all(rules.inside(Path(file), self.settings) for file in each.files)]
        if len(within) == 1 and within[0].kind == "images":
            return [(first, False)]
        if not within:
            if found.refused:
                raise self._refused(found.refused[0].error)
            raise rules.RuleBroken(f"{first.name} holds nothing that can be scanned")
        folder = first.model_copy(update={"kind": "folder"})
        children = [
            first.model_copy(update={"id": new_id(), "parent": first.id, "name": each.name, "source": each.uri})
            for each in within
        ]
        return [(folder, False), *((child, False) for child in children)]

    def _refused(self, error: VideoscanError) -> SourceUnsupported:
        """Why a folder is refused, without where it lies on this machine."""
        return SourceUnsupported(self.worker.plain(error.message), hint=error.hint and self.worker.plain(error.hint))

    def _cameras(self, first: Job, place: Path) -> list[tuple[Job, bool]]:
        """The job of a folder, with one for each camera whose recordings lie in it."""
        found = self.worker.recordings(place, first)
        if found.refused:
            raise self._refused(found.refused[0].error)
        cameras = [each for each in found.inputs if each.kind == "joined"]
        if not cameras:
            raise rules.RuleBroken(f"{first.name} holds no recordings that can be joined")
        children = [
            first.model_copy(update={"id": new_id(), "parent": first.id, "name": each.name, "source": each.uri, "joined": True})
            for each in cameras
        ]
        return [(first.model_copy(update={"kind": "folder"}), False), *((child, False) for child in children)]

    async def watch(
        self, name: str, url: str, *, profile: str | Mapping[str, Any] | None = None, login: Login | None = None
    ) -> Job:
        """Watch a live source from now on: a job of kind stream. `login` is kept for it, and told nobody.

        Raises `rules.RuleBroken`, `ConfigError`, and `Conflict` when as many streams are watched as may be.
        """
        wanted = profile if profile is not None else self.settings.profile
        asked = await flow.in_thread(rules.profile_of, wanted, self.settings)
        watched, shown = await flow.in_thread(source_of, url, login, self.settings)
        if "://" in watched.url:
            await cameras.judged(watched.url, self.settings)
        if len(await self.store.streams.all()) >= self.settings.most_streams:
            raise Conflict(f"{self.settings.most_streams} streams are watched already: remove one first")
        source = shown if "://" in watched.url else watched.url
        job = Job(id=new_id(), kind="stream", name=name, source=source, profile=asked, created=now())
        made, _ = await self.store.add([(job, False)], stream=watched)
        self.streams.wake()
        return made

    def shown_stream(self, job: Job) -> Stream:
        """A stream as a caller sees it."""
        live = self.streams.live(job)
        there = live.day is not None or (self.settings.output(job.id) / PICTURES).is_dir()
        picture = f"/api/v1/streams/{job.id}/picture.jpg" if there else None
        shown = self.shown(job)
        return Stream(**shown.model_dump(), url=shown.source, live=live, picture=picture)

    async def unwatch(self, job: Job) -> None:
        """Watch a stream no more, and forget its address and login. What was seen stays with its job, until that is deleted."""
        await self.cancel(job)
        await self.streams.ended(job.id)
        await self.store.streams.forget(job.id)
        self.board.changed(job.id)

    # --- what became of it ---------------------------------------------------------------------------------------------------

    def shown(self, job: Job) -> Job:
        """A job as a caller sees it: how far it is this moment, and nothing of where things lie on this machine."""
        running = self.worker.running.get(job.id)
        updates: dict[str, Any] = {"source": self.settings.shown(job.source)}
        if running is not None:
            updates |= {"progress": running.progress, "eta": running.eta()}
        return job.model_copy(update=updates)

    async def timeline(self, job: Job) -> tuple[Timeline | None, str]:
        """A job's timeline, whole or as far as it is, and what stands for this state of it."""
        told, state = await self.told(job)
        return None if told is None else self._placeless(told), state

    async def text(self, job: Job) -> tuple[Text | None, str]:
        """As `timeline`, as JSON."""
        running = self.worker.running.get(job.id)
        if running is None or running.growing is None:
            text = await flow.in_thread(self.documents.text, job.id)
            return text, NOTHING if text is None else text.stamp
        told, state = await self.timeline(job)
        return (None if told is None else Text(state, (await flow.in_thread(told.to_json)).encode())), state

    async def state(self, job: Job) -> str:
        """What stands for the state of a job's timeline, as `timeline` says it, without making one."""
        running = self.worker.running.get(job.id)
        if running is not None and running.growing is not None:
            return f"{job.attempts}-{running.growing.version}"
        return await flow.in_thread(self.documents.stamp, job.id)

    async def head(self, job: Job) -> Timeline | None:
        """What a timeline says of its recording and its scan, without events, windows, coverage and chapters; as `told` says it."""
        running = self.worker.running.get(job.id)
        if running is not None and running.growing is not None:
            return (await self.told(job))[0]
        return (await flow.in_thread(self.documents.head, job.id))[0]

    async def told(self, job: Job) -> tuple[Timeline | None, str]:
        """As `timeline`, with the places where things lie on this machine."""
        running = self.worker.running.get(job.id)
        if running is None or running.growing is None:
            return await flow.in_thread(self.written, job.id)
        growing, place = running.growing, self.settings.output(job.id)

        def work() -> tuple[Timeline | None, str]:
            version = growing.version
            told = growing.timeline()
            if told is None:  # not opened yet: until then an earlier attempt's word stands
                return self.written(job.id)
            # What a person corrected before a retry is shown all the while.
            return reviews.shown(told, place), f"{job.attempts}-{version}"

        return await flow.in_thread(work)

    def _placeless(self, told: Timeline) -> Timeline:
        """A timeline that names its source as the job does."""
        shown = self.settings.shown
        parts = tuple(part.model_copy(update={"uri": shown(part.uri)}) for part in told.source.parts)
        return told.model_copy(update={"source": told.source.model_copy(update={"uri": shown(told.source.uri), "parts": parts})})

    def written(self, job: str) -> tuple[Timeline | None, str]:
        """The timeline on disk, `None` where there is none yet, and what stands for its state. Blocking."""
        try:
            stamp = self.documents.stamp(job)
            return Timeline.from_json((self.settings.output(job) / TIMELINE).read_bytes()), stamp
        except FileNotFoundError:
            return None, NOTHING

    async def video(self, job: Job) -> Path | None:
        """The file that a job scanned, while it is there and may be read. A folder has none, nor has what was watched live."""
        found = await self.store.source(job.id) if job.kind == "scan" else None
        if found is None:
            return None
        source, owned = found
        if "://" in source:
            path = self.settings.folder(job.id) / "source" / fetching.file_name(source)
            return path if path.is_file() else None
        path = Path(source)
        return path if path.is_file() and (owned or rules.inside(path, self.settings)) else None

    @property
    def can_ask(self) -> bool:
        """Whether a model is asked, and not only measured."""
        return bool(self._usual().profile.describer["kind"] != "offline")

    def _usual(self) -> config.Resolved:
        """The options of a job that says nothing of its own. Raises `ConfigError`."""
        settings = self.settings
        return config.load(settings.profile, sets=settings.sets, overrides={"describer.endpoint": settings.endpoint})

    async def within(self, jobs: Iterable[str]) -> list[str]:
        """These jobs, and in place of a folder or a stream those that hold its timelines."""
        found = [(each, await self.store.job(each)) for each in jobs]
        return [one for each, job in found for one in ((job.children if job is not None else None) or [each])]

    # --- changing it ---------------------------------------------------------------------------------------------------------

    async def cancel(self, job: Job) -> Job:
        """Cancel what of it has not ended. Running scans and streams stop within two seconds; what they described is kept.

        Raises `Conflict` for a day that is being watched.
        """
        if job.kind == "day" and job.state == "running":
            raise Conflict("a day is watched as long as its stream: cancel that")
        for running in await self.store.cancel(job.id):
            self.worker.stop(running)
            self.streams.stop(running)
        self.board.changed(job.id, job.parent)
        return await self.store.job(job.id) or job

    async def retry(self, job: Job) -> Job:
        """Queue it again; only what has no answer is asked. Raises `Conflict` before it has ended, and for a day of a stream."""
        if job.kind == "day":
            raise Conflict("a day of a stream is watched once: what is still to be asked of it is asked by its stream")
        again = await self.store.retry(job.id)
        self.worker.wake()
        self.streams.wake()
        self.board.changed(job.id, job.parent)
        return again

    async def retry_window(self, job: Job, window: int) -> Job:
        """Queue it again, and have only this window asked of those that have no answer; the others keep their failures.

        Raises `Conflict` as `retry` does, for a job without a timeline of its own, and for a window that has its answer; `LookupError` where
        there is no such window or no timeline yet.
        """
        if job.kind != "scan":
            raise Conflict(f"a {job.kind} has no windows that can be asked again one by one")
        if job.state in FINAL:  # while it runs its windows may change; the store says so below
            told, _ = await flow.in_thread(self.written, job.id)
            if told is None:
                raise LookupError(f"there is no timeline yet: the job is {job.state}")
            found = next((each for each in told.windows if each.index == window), None)
            if found is None:
                raise LookupError(f"there is no window {window}: the timeline has {len(told.windows)}, counted from 0")
            if found.status == "described":
                raise Conflict(f"window {window} has its answer: only one that failed or was skipped can be asked again")
        again = await self.store.retry(job.id, windows=[window])
        self.worker.wake()
        self.board.changed(job.id, job.parent)
        return again

    async def correct(
        self, job: Job, make: Callable[[Corrector], str], *, by: str | None, comment: str | None, about: str | None = None
    ) -> tuple[str, Timeline]:
        """Have `make` correct the job's timeline; the event's id, and the timeline as it is shown now.

        Raises `KeyError` when there is no event `about`, `ConfigError` for a correction that cannot be, `StoreError`.
        """
        place = OutputFolder(self.settings.output(job.id))

        def work() -> tuple[str, Timeline]:
            if not (place.path / TIMELINE).is_file():
                raise KeyError(job.id)

            def checked(corrector: Corrector) -> str:
                if about is not None and not any(about in {each.id, *each.aliases} for each in corrector.timeline.events):
                    raise KeyError(about)
                return make(corrector)

            return publish.correct(place, checked, by=by, comment=comment)

        event, told = await flow.in_thread(work)
        await self.shelf.take(job.id)
        await self.store.tell(job.id, "event", {"id": event, "by": by})
        self.board.changed(job.id, job.parent)
        return event, self._placeless(told)

    async def delete(self, job: str) -> None:
        """Forget a job with everything that was written for it. Raises `Conflict` while it runs."""
        if (found := await self.store.job(job)) is not None and found.kind == "day":
            await self.streams.days.delete(job)
            self.board.changed(job, found.parent)
            return
        for gone, _source, _owned in await self.store.delete(job):
            await self.viewing.previews.drop(gone)
            # Uploads lie in the job's own folder: nothing outside of it is ever removed.
            await self.shelf.drop(gone)
            await flow.in_thread(shutil.rmtree, self.settings.folder(gone), True)
        self.board.changed(job)

    async def _warm(self) -> None:
        """Do once what every job's first look takes, and what the look at the newest takes: whoever comes first need not wait for it."""

        def settle() -> None:
            usual = self._usual()
            registry.complete(usual.profile, origins=usual.origins)

        def read(job: str) -> None:
            if self.documents.head(job)[0] is not None and (text := self.documents.text(job)) is not None:
                _ = text.packed

        try:
            await flow.in_thread(settle)
            jobs, _ = await self.store.jobs(states=("done",), most=1)
            for job in jobs:
                await flow.in_thread(read, job.id)
        except Exception as fault:  # whoever asks for it is told what is wrong
            _log.info("the first look at the service will take longer: %s", fault)

    async def _sweep(self) -> None:
        """Forget old jobs, now and every hour. What goes wrong is logged, and tried again an hour later."""
        while True:
            try:
                await self.store.hooks.prune()
                await self.store.streams.prune()
                await retention.forget(self.store, self.settings, self.delete)
            except Exception:
                _log.exception("old jobs could not be forgotten")
            await asyncio.sleep(_SWEEP)
