"""What a service takes away by itself: jobs that ended long ago, those beyond a size, and uploads that nobody goes on with."""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
import os
import shutil
import time
from typing import TYPE_CHECKING

from videoscan import flow
from videoscan.jobs.records import FINAL
from videoscan.stores.sqlite import Conflict

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from videoscan.jobs.records import Job
    from videoscan.jobs.settings import Settings
    from videoscan.stores.sqlite import SqliteStore

_log = logging.getLogger("videoscan.jobs")


async def forget(store: SqliteStore, settings: Settings, delete: Callable[[str], Awaitable[None]]) -> None:
    """Look once for all of it. `delete` forgets a job with its children and its folders."""
    await _old_jobs(store, settings, delete)
    await _jobs_beyond(store, settings, delete)
    await _uploads(store, settings)


async def _old_jobs(store: SqliteStore, settings: Settings, delete: Callable[[str], Awaitable[None]]) -> None:
    if settings.keep_days is None:
        return
    oldest = (dt.datetime.now(dt.UTC) - dt.timedelta(days=settings.keep_days)).isoformat()
    async for job in _ended(store):
        if job.finished is not None and job.finished < oldest:
            await _drop(job.id, delete, f"it ended {job.finished}")
    for day, ended in await store.streams.over():
        if ended < oldest:
            await _drop(day, delete, f"it ended {ended}")


async def _jobs_beyond(store: SqliteStore, settings: Settings, delete: Callable[[str], Awaitable[None]]) -> None:
    """Of what ended, the latest is kept for as long as there is room; what waits or runs is never touched."""
    if settings.keep_bytes is None:
        return
    sizes: list[tuple[str, str, int]] = []
    async for job in _ended(store):
        folders = [settings.folder(each) for each in (job.id, *(job.children or ()))]
        sizes.append((job.finished or job.created, job.id, await flow.in_thread(_size, folders)))
    for day, ended in await store.streams.over(watched=True):
        sizes.append((ended, day, await flow.in_thread(_size, [settings.output(day)])))
    held = 0
    for _, oldest, size in sorted(sizes, key=lambda each: each[0], reverse=True):
        held += size
        if held > settings.keep_bytes:
            await _drop(oldest, delete, f"jobs hold more than {settings.keep_bytes} bytes")
            held -= size


async def _drop(job: str, delete: Callable[[str], Awaitable[None]], why: str) -> None:
    with contextlib.suppress(Conflict):  # somebody retried it in this very moment
        await delete(job)
        _log.info("job %s is forgotten: %s", job, why, extra={"job": job})


async def _ended(store: SqliteStore) -> AsyncIterator[Job]:
    before: int | None = None
    while True:
        jobs, before = await store.jobs(states=tuple(FINAL), before=before)
        for job in jobs:
            yield job
        if before is None:
            return


def _size(folders: list[Path]) -> int:
    """Bytes of the files in folders, as far as they can be read."""
    size = 0
    for folder in folders:
        for place, _, names in os.walk(folder):
            for name in names:
                with contextlib.suppress(OSError):
                    size += os.lstat(os.path.join(place, name)).st_size  # noqa: PTH118  - a Path for each is five times slower
    return size


async def _uploads(store: SqliteStore, settings: Settings) -> None:
    """Uploads without news for long, and folders of jobs that were never made: the service ended while their file arrived."""
    before = time.time() - settings.keep_upload
    for folder in await flow.in_thread(_children, settings.uploads):
        if await flow.in_thread(_newest, folder) < before:
            await flow.in_thread(shutil.rmtree, folder, True)
            _log.info("upload %s is taken away: nothing came of it", folder.name)
    for folder in await flow.in_thread(_children, settings.data / "jobs"):
        # Only what holds nothing but a file that came: results are never taken away for want of a line in the database.
        alone = [each.name for each in await flow.in_thread(_children, folder)] in ([], ["source"])
        if alone and await flow.in_thread(_newest, folder) < before and await store.job(folder.name) is None:
            await flow.in_thread(shutil.rmtree, folder, True)
            _log.info("what was sent for job %s is taken away: the job was never made", folder.name)


def _children(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _newest(folder: Path) -> float:
    """When something in it was last written, in seconds of the epoch."""
    times = [folder.stat().st_mtime]
    for place, folders, names in os.walk(folder):
        for name in (*folders, *names):
            with contextlib.suppress(OSError):
                times.append(os.lstat(os.path.join(place, name)).st_mtime)  # noqa: PTH118  - as above
    return max(times)
