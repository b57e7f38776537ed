"""What a job's events can be taken away as: a clip of each, one reel, an evidence bundle. Made on the spot and sent as it is made.

A child process makes it, as it does previews: strangers' files are decoded where a crash or a hang costs nothing else. It works in a
folder of its own, in which the footage lies by the name that callers know it by, so that nothing that it writes tells where things lie on
this machine. The folder goes when the download ends, however it ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from videoscan import flow
from videoscan.errors import ConfigError, SourceLost, SourceNotFound, SourceUnsupported
from videoscan.exporters.wording import NARROWED, standing
from videoscan.folder import JOURNAL, REVIEWS, TIMELINE
from videoscan.jobs import fetching, rules
from videoscan.stores.sqlite import Conflict

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from videoscan.document import Event, Timeline
    from videoscan.jobs.records import Job
    from videoscan.jobs.service import Service

Kind = Literal["clips", "reel", "evidence"]

MOST_SECONDS = 7200.0
"""Seconds of footage in one download, padding included: encoded anew at 1080p some half an hour of work for two cores."""

MOST_EVENTS = 2000
"""Events of one evidence bundle; each has its stills in full size."""

_AT_ONCE = 4
"""Downloads that are made or wait for their turn; one is made at a time."""

_LONGEST = 3600.0
"""Seconds after which a download that is still not whole is given up."""

_CHUNK = 1 << 18

_SHARE = 4
"""One file takes no more than this part of `Settings.preview_bytes`."""

FAULT = "fault.json"
"""Where the child says, in its folder, why it came to nothing."""


class Busy(Exception):
    """As many downloads are being made or wait as may."""


class Making:
    """A download in the making: `read` it to its end, then ask `fault`."""

    def __init__(self, child: asyncio.subprocess.Process, place: Path) -> None:
        assert child.stdout is not None
        self._child, self._place, self._out = child, place, child.stdout

    async def read(self) -> bytes:
        """The next bytes; none at the end. A caller who waits for them can be cancelled, and read on later."""
        return await self._out.read(_CHUNK)

    async def fault(self) -> SourceUnsupported | SourceLost | None:
        """Why it is not whole, `None` where it is."""
        code = await self._child.wait()
        if code == 0:
            return None

        def look() -> SourceUnsupported | SourceLost:
            with contextlib.suppress(OSError, ValueError):
                said = json.loads((self._place / FAULT).read_text(encoding="utf-8"))
                return SourceUnsupported(said["error"], hint=said["hint"])
            return SourceLost(f"what reads the footage crashed (exit code {code}): it is probably damaged")

        return await flow.in_thread(look)


class Bundles:
    """The downloads of one service. Disk: one file, at most a quarter of `Settings.preview_bytes`, while it is made."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._turn = asyncio.Semaphore(1)
        self._asked = 0

    @property
    def _folder(self) -> Path:
        return self._service.settings.data / "bundles"

    async def open(self) -> None:
        """Take away what a service left that was killed."""
        await flow.in_thread(shutil.rmtree, self._folder, True)

    async def wanted(
        self, job: Job, kind: Kind, *, events: Sequence[str] = (), pad: tuple[float, float] = (0.0, 0.0)
    ) -> Timeline:
        """The timeline that it would be made of; raises as `making` does, but for `Busy`."""
        told = None if job.kind == "folder" else (await self._service.told(job))[0]
        if told is None:
            raise Conflict(
                "a folder has no events of its own"
                if job.kind == "folder"
                else f"there is no timeline yet: the job is {job.state}"
            )
        told = narrowed(told, events)
        _check(told, kind, pad)
        return told

    @contextlib.asynccontextmanager
    async def making(
        self, job: Job, kind: Kind, *, events: Sequence[str] = (), pad: tuple[float, float] = (0.0, 0.0)
    ) -> AsyncGenerator[Making]:
        """Make it of these events, of all that nobody rejected where none is named. Leaving ends the child.

        Raises `KeyError` for an event that is not there, `Conflict` where there is no timeline yet, `ConfigError` for more than may be
        asked for at once, `SourceNotFound` where there is nothing to show, `Busy`.
        """
        told = await self.wanted(job, kind, events=events, pad=pad)
        if self._asked >= _AT_ONCE:
            raise Busy(f"{_AT_ONCE} downloads are being made or wait already")
        self._asked += 1
        place = self._folder / secrets.token_hex(8)
        try:
            async with self._turn, asyncio.timeout(_LONGEST):
                asked = await flow.in_thread(self._lay_out, job, told, kind, place)
                async with self._child({**asked, "kind": kind, "pad": list(pad)}, place) as making:
                    yield making
        except TimeoutError:
            raise SourceUnsupported(f"it took longer than {_LONGEST / 60:.0f} min, and was given up") from None
        finally:
            self._asked -= 1
            await flow.in_thread(shutil.rmtree, place, True)

    @contextlib.asynccontextmanager
    async def _child(self, asked: dict[str, object], place: Path) -> AsyncGenerator[Making]:
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "videoscan.jobs.bundling",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        assert child.stdin is not None
        try:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # then its exit code says why
                child.stdin.write(json.dumps(asked).encode() + b"\n")
                await child.stdin.drain()
            yield Making(child, place)
        finally:
            if child.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    child.kill()
                await child.wait()
            child.stdin.close()

    def _lay_out(self, job: Job, told: Timeline, kind: Kind, place: Path) -> dict[str, object]:
        """The folder in which the child works, and what it is told. Blocking."""
        settings = self._service.settings
        place.mkdir(parents=True)
        names: dict[str, str] = {}

        def name_of(uri: str) -> str:
            """What the footage is called in there; where it may be looked at, a link of that name is."""
            if uri not in names:
                local = settings.folder(job.id) / "source" / fetching.file_name(uri) if "://" in uri else Path(uri)
                shown = settings.shown(str(local))
                names[uri] = shown if shown not in names.values() else f"{len(names)}-{Path(shown).name}"
                if local.is_file() and (local.is_relative_to(settings.folder(job.id)) or rules.inside(local, settings)):
                    link = place / "footage" / names[uri]
                    link.parent.mkdir(parents=True, exist_ok=True)
                    link.symlink_to(local.resolve())
            return names[uri]

        parts = tuple(part.model_copy(update={"uri": name_of(part.uri)}) for part in told.source.parts)
        uri = settings.shown(told.source.uri) if parts else name_of(told.source.uri)
        if kind != "evidence" and not (place / "footage").is_dir():
            raise SourceNotFound(
                "the footage of this job is not here any more", hint="its kept pictures are there, frame by frame"
            )
        (place / "footage").mkdir(exist_ok=True)
        told = told.model_copy(update={"source": told.source.model_copy(update={"uri": uri, "parts": parts})})
        if kind == "evidence":
            self._lay_out_output(job, told, place / "output")
        return {"timeline": told.to_json(indent=None), "place": str(place), "bytes": settings.preview_bytes // _SHARE}

    def _lay_out_output(self, job: Job, told: Timeline, place: Path) -> None:
        """What of the job's output a bundle takes: the timeline as callers see it, what people said, the answers, the pictures cited."""
        output = self._service.settings.output(job.id)
        place.mkdir()
        text = self._service.documents.text(job.id)
        if text is not None:
            (place / TIMELINE).write_bytes(text.body)
        pictures = {each.picture for event in told.events for each in event.evidence if each.picture}
        for name in (JOURNAL, REVIEWS, *sorted(pictures)):
            file = output / name
            if file.is_file() and file.resolve().is_relative_to(output.resolve()):
                (place / name).parent.mkdir(parents=True, exist_ok=True)
                try:
                    os.link(file, place / name)
                except OSError:  # not on every file system
                    shutil.copyfile(file, place / name)


def narrowed(told: Timeline, events: Sequence[str]) -> Timeline:
    """A timeline with these of its events, by id or alias, and a flag that says so; with all of them where none is named.

    Raises `KeyError` for one that it does not have.
    """
    if not events:
        return told
    known = {name: event.id for event in told.events for name in (*event.aliases, event.id)}
    wanted = {known[name] for name in events}
    if len(wanted) == len(told.events):
        return told
    kept: tuple[Event, ...] = tuple(event for event in told.events if event.id in wanted)
    chapters = tuple(
        chapter.model_copy(update={"events": tuple(each for each in chapter.events if each in wanted)})
        for chapter in told.chapters
    )
    flag = f"{NARROWED}{len(kept)} of {len(told.events)} events: those that were chosen"
    return told.model_copy(update={"events": kept, "chapters": chapters, "flags": (*told.flags, flag)})


def _check(told: Timeline, kind: Kind, pad: tuple[float, float]) -> None:
    """Raises `SourceNotFound` where there is nothing to take away, `ConfigError` for more than may be asked for at once."""
    if kind == "evidence":
        if len(told.events) > MOST_EVENTS:
            raise ConfigError(
                f"{len(told.events)} events do not go into one bundle: at most {MOST_EVENTS}", hint="choose some with `event`"
            )
        return
    shown = standing(told)
    if not shown:
        raise SourceNotFound("there is no event to show: none was told, or all were rejected")
    seconds = sum(event.end - event.start + sum(pad) for event in shown)
    if seconds > MOST_SECONDS:
        raise ConfigError(
            f"these {len(shown)} events come to {seconds / 60:.0f} min: at most {MOST_SECONDS / 60:.0f} min are cut at once",
            hint="choose some with `event`, or have `videoscan export` cut all of them",
        )
