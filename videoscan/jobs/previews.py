"""Previews of recordings that a browser cannot play, or may not see as they are: made in a child process, one at a time, and kept.

A preview lies in its job's folder and goes with it. All of them together stay below `Settings.preview_bytes`: the one that was looked at
longest ago makes room.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import logging
import os
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, Field

from videoscan import flow
from videoscan.recordings.footage import masks

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from videoscan.document import Timeline
    from videoscan.jobs.settings import Settings

_log = logging.getLogger("videoscan.jobs")

_PATIENCE = 120.0
"""Seconds without a sign of progress after which the child is killed. It imports its libraries first."""

_SHARE = 4
"""One preview takes no more than this part of what all may take."""

_FAULTS = 1000
"""Jobs whose failure is remembered."""


class Preview(BaseModel):
    """A small video of a job's recording, on the same clock."""

    state: Literal["none", "waiting", "making", "ready", "failed"]
    progress: float | None = Field(default=None, ge=0, le=1, description="How much of it is made.")
    bytes: int | None = Field(default=None, ge=0, description="Its size.")
    error: str | None = Field(default=None, description="Why it could not be made.")


class Watching(BaseModel):
    """How a job's recording can be watched."""

    video: Literal["there", "blacked_out", "gone"] = Field(
        description="The file itself: served at `.../video`; not served because parts of it are to be black; not here any more."
    )
    type: str | None = Field(default=None, description="The file's media type.")
    timeline: bool = Field(default=False, description="Whether there is a timeline yet, or a part of one.")
    preview: Preview


@dataclass
class _Making:
    task: asyncio.Task[None]
    state: Literal["waiting", "making"] = "waiting"
    progress: float = 0.0


class Previews:
    """The previews of one service."""

    def __init__(self, settings: Settings, changed: Callable[[str], None]) -> None:
        """`changed` hears a job's id whenever there is news of its preview."""
        self._settings = settings
        self._changed = changed
        self._turn = asyncio.Semaphore(1)
        self._making: dict[str, _Making] = {}
        self._faults: dict[str, str] = {}

    def path(self, job: str, told: Timeline, file: Path) -> Path:
        """Where a job's preview lies: another place for another file, or when other parts of it are to be black. Blocking.

        Raises `OSError`, and what `videoscan.recordings.footage.masks` raises.
        """
        stat = file.stat()
        text = repr((masks(told), str(file), stat.st_size, stat.st_mtime_ns))
        return self._settings.folder(job) / f"preview-{hashlib.sha256(text.encode()).hexdigest()[:16]}.mp4"

    async def look(self, job: str, told: Timeline, file: Path) -> Preview:
        """What there is."""
        if (making := self._making.get(job)) is not None:
            return Preview(state=making.state, progress=round(making.progress, 4))
        with contextlib.suppress(OSError):
            return Preview(state="ready", bytes=await flow.in_thread(lambda: self.path(job, told, file).stat().st_size))
        error = self._faults.get(job)
        return Preview(state="none") if error is None else Preview(state="failed", error=error)

    async def begin(self, job: str, told: Timeline, file: Path) -> None:
        """Have it made, unless it is there or under way."""
        if (await self.look(job, told, file)).state in {"none", "failed"} and job not in self._making:
            self._faults.pop(job, None)
            task = asyncio.create_task(self._make(job, told, file), name=f"preview of {job}")
            self._making[job] = _Making(task)

    async def drop(self, job: str) -> None:
        """End what is under way for a job. What is made goes with its folder."""
        self._faults.pop(job, None)
        if (making := self._making.get(job)) is not None:
            making.task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await making.task
            self._making.pop(job, None)  # a task that never began takes nothing out

    async def close(self) -> None:
        """End everything. Idempotent."""
        for job in list(self._making):
            await self.drop(job)

    async def _make(self, job: str, told: Timeline, file: Path) -> None:
        error: str | None = None
        try:
            async with self._turn:
                making = self._making[job]
                making.state = "making"
                self._changed(job)
                path = await flow.in_thread(self.path, job, told, file)
                await flow.in_thread(self._make_room, path)
                error = await self._child(making, told, file, path)
        except OSError as fault:
            error = f"it cannot be written: {fault.strerror or fault}"
        finally:
            self._making.pop(job, None)
            if error is not None:
                if len(self._faults) >= _FAULTS:
                    self._faults.clear()
                self._faults[job] = error
                _log.warning("no preview of job %s: %s", job, error)
            self._changed(job)

    async def _child(self, making: _Making, told: Timeline, file: Path, path: Path) -> str | None:
        """Run the child; why it came to nothing, if it did."""
        part = path.with_name(f".{path.name}.part")
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "videoscan.jobs.previewing",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        assert child.stdin is not None
        assert child.stdout is not None
        try:
            # What the child needs of the timeline: where the footage is, how it was read, and what must be black in it.
            short = told.model_copy(update={"events": (), "windows": (), "coverage": (), "chapters": ()})
            asked = {
                "timeline": short.to_json(indent=None),
                "file": str(file),
                "out": str(part),
                "bytes": self._settings.preview_bytes // _SHARE,
            }
            child.stdin.write(json.dumps(asked).encode() + b"\n")
            await child.stdin.drain()
            duration = max(told.source.duration, 0.001)
            error: str | None = None
            while line := await asyncio.wait_for(child.stdout.readline(), _PATIENCE):
                said = json.loads(line)
                if isinstance(said, dict):
                    error = self._plain(str(said["error"]))
                else:
                    making.progress = min(1.0, max(making.progress, said / duration))
            code = await child.wait()
            if error is None and code != 0:
                error = f"what reads the file crashed (exit code {code}): it is probably damaged"
            if error is None:
                await flow.in_thread(part.replace, path)
        except (BrokenPipeError, ConnectionResetError):
            return "what reads the file ended before it began"
        except TimeoutError:
            return f"nothing moved for {_PATIENCE:g} s: the file is probably damaged"
        else:
            return error
        finally:
            if child.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    child.kill()
                await child.wait()
            child.stdin.close()
            part.unlink(missing_ok=True)

    def _make_room(self, path: Path) -> None:
        """Take away previews of this job that show something else, and of other jobs as many as are needed, oldest first. Blocking."""
        path.parent.mkdir(parents=True, exist_ok=True)
        for former in path.parent.glob("preview-*.mp4"):
            former.unlink(missing_ok=True)
        found = []
        for each in (self._settings.data / "jobs").glob("*/preview-*.mp4"):
            with contextlib.suppress(OSError):
                stat = each.stat()
                found.append((stat.st_atime, stat.st_size, each))
        most = self._settings.preview_bytes
        taken = sum(size for _, size, _ in found) + most // _SHARE
        for _, size, each in sorted(found):
            if taken <= most:
                break
            each.unlink(missing_ok=True)
            taken -= size

    def touch(self, path: Path) -> None:
        """Note that it is looked at, on disks too that do not. Blocking."""
        with contextlib.suppress(OSError):
            stat = path.stat()
            os.utime(path, ns=(max(stat.st_atime_ns + 1, time.time_ns()), stat.st_mtime_ns))

    def _plain(self, text: str) -> str:
        """A message without where things lie on this machine."""
        settings = self._settings
        for place in (settings.data, *(root.parent for root in settings.roots)):
            text = text.replace(f"{place}/", "").replace(str(place), "the service's folder")
        return text
