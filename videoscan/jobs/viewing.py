"""How a job's recording can be watched: the file itself, a preview of it, or the pictures that were kept."""

from __future__ import annotations

import mimetypes
from pathlib import Path
from typing import TYPE_CHECKING

from videoscan import flow
from videoscan.errors import VideoscanError
from videoscan.jobs.kept import KeptFrame, kept_frames
from videoscan.jobs.previews import Preview, Previews, Watching
from videoscan.recordings import inputs
from videoscan.recordings.footage import masks
from videoscan.stores.sqlite import Conflict

if TYPE_CHECKING:
    from videoscan.jobs.records import Job
    from videoscan.jobs.service import Service


class Viewing:
    """What of a service's recordings may be seen."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self.previews = Previews(service.settings, service.board.changed)
        self._black: dict[str, tuple[str, bool]] = {}

    async def blacked_out(self, job: Job) -> bool:
        """Whether parts of a job's pictures are to be black, so that its file is not shown as it is. True where nobody can tell."""
        stamp = f"{job.state}-{job.attempts}-{await flow.in_thread(self._service.documents.stamp, job.id)}"
        known = self._black.get(job.id)
        if known is None or known[0] != stamp:
            if len(self._black) >= 1000:
                self._black.clear()
            known = self._black[job.id] = stamp, await self._is_black(job)
        return known[1]

    async def _is_black(self, job: Job) -> bool:
        found = await self._service.store.source(job.id)
        if found is None:
            return True

        def work() -> bool:
            try:
                told, _ = self._service.documents.head(job.id)
                if told is not None and masks(told):
                    return True
                # What the next attempt would black out, and the first one before it has written anything.
                place = self._service.settings.folder(job.id) / "source" / "x.mp4" if "://" in found[0] else Path(found[0])
                return self._service.worker.request(job, inputs.single(place)).resolved.profile.regions.black_out
            except (VideoscanError, ValueError, OSError):
                return True

        return await flow.in_thread(work)

    async def watching(self, job: Job) -> Watching:
        """How a job's recording can be watched."""
        file = await self._service.video(job)
        told = None if job.kind == "folder" else await self._service.head(job)
        if file is None:
            return Watching(video="gone", timeline=told is not None, preview=Preview(state="none"))
        preview = Preview(state="none") if told is None else await self.previews.look(job.id, told, file)
        black = await self.blacked_out(job)
        return Watching(
            video="blacked_out" if black else "there",
            type=mimetypes.guess_type(file.name)[0],
            timeline=told is not None,
            preview=preview,
        )

    async def make_preview(self, job: Job) -> Watching:
        """Have a preview made, unless there is one. Raises `Conflict` where there is nothing yet to make it of."""
        file = await self._service.video(job)
        if file is None:
            raise Conflict("there is no file of this job here that a preview could be made of")
        told = await self._service.head(job)
        if told is None:
            raise Conflict(f"nothing is known of this recording yet: the job is {job.state}")
        await self.previews.begin(job.id, told, file)
        return await self.watching(job)

    async def preview(self, job: Job) -> Path | None:
        """The finished preview of a job, `None` where there is none."""
        file = await self._service.video(job)
        told = None if file is None else await self._service.head(job)
        if file is None or told is None:
            return None

        def work() -> Path | None:
            path = self.previews.path(job.id, told, file)
            if not path.is_file():
                return None
            self.previews.touch(path)
            return path

        return await flow.in_thread(work)

    async def kept(self, job: Job) -> list[KeptFrame]:
        """The pictures of a job that were kept so far, in order of time."""
        running = self._service.worker.running.get(job.id)
        growing = running.growing if running is not None else None
        marks = list(growing.kept()) if growing is not None else []
        return await flow.in_thread(kept_frames, self._service.settings.output(job.id), marks)
