"""llama.cpp's server in a child process: loaded, watched, ended. Nothing here knows of windows or prompts.

A process of its own, because a fault in native code must not end the scan, and because loading keeps the interpreter's lock for as
long as it takes. The child dies with its parent, however that ends. The server listens on a free port of 127.0.0.1 and answers only
to a key that is made for it and never leaves the two processes.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import json
import os
import re
import secrets
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from videoscan.describers import llamacpp_child
from videoscan.errors import EndpointFailed, EndpointRefused

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MOST_LOADING = 1800.0
"""Seconds that loading may take: forty gigabytes from a slow disk."""
# Ctrl-C goes to a terminal's whole group of processes; what it means is the parent's business.
_APART: dict[str, Any] = {"creationflags": 0x200} if sys.platform == "win32" else {"process_group": 0}
_TELL_EVERY = 1.0
_LINES_KEPT = 60


@dataclass(frozen=True, slots=True)
class Settings:
    """What llama.cpp is started with. `context` is in tokens, for each of the `slots` requests that may be under way at once.

    `gpu_layers` is how many layers go to a graphics card, `None` for what llama.cpp finds room for.
    """

    model: Path
    projector: Path
    alias: str
    context: int
    slots: int
    threads: int
    batch_threads: int
    gpu_layers: int | None


class Server:
    """A running llama.cpp. `url` is the base to use as an endpoint, `key` what it wants to see.

    Made by `start`; must be stopped on the same event loop, and that loop's thread must outlive it: on Linux the child's life
    hangs on the thread that started it.
    """

    def __init__(self, process: asyncio.subprocess.Process, key: str) -> None:
        self._process = process
        self._lines: collections.deque[str] = collections.deque(maxlen=_LINES_KEPT)
        self._listening = asyncio.ensure_future(self._listen())
        self.key = key
        self.url = ""

    @classmethod
    async def start(cls, settings: Settings, told: Callable[[float], None]) -> Server:
        """Load the model. `told` hears every second how many have passed. Raises `EndpointRefused` with what llama.cpp said."""
        key = secrets.token_urlsafe(32)
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",  # a file called json.py in the working directory is none of ours
            llamacpp_child.__file__,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            **_APART,
        )
        server = cls(process, key)
        try:
            await server._load(settings, told)
        except BaseException:
            await server.stop()
            raise
        return server

    async def _load(self, settings: Settings, told: Callable[[float], None]) -> None:
        began = time.monotonic()
        given = {
            "parent": os.getpid(),
            "key": self.key,
            "model": str(settings.model),
            "projector": str(settings.projector),
            "alias": settings.alias,
            "context": settings.context,
            "slots": settings.slots,
            "threads": settings.threads,
            "batch_threads": settings.batch_threads,
            "gpu_layers": settings.gpu_layers,
        }
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(OSError):  # it ended already: why is asked below
            self._process.stdin.write(json.dumps(given).encode() + b"\n")
            await self._process.stdin.drain()
        line = asyncio.ensure_future(self._process.stdout.readline())
        try:
            while not (await asyncio.wait({line}, timeout=_TELL_EVERY))[0]:
                spent = time.monotonic() - began
                told(spent)
                if spent > MOST_LOADING:
                    raise EndpointRefused(
                        f"llama.cpp has not loaded {settings.model.name} in {MOST_LOADING:g} s",
                        hint="copy the model to a faster disk, or take a smaller one",
                    )
            answer = line.result()
        finally:
            line.cancel()
        if not answer:
            await self._process.wait()
            await self._listening
            raise _not_loaded(settings, self._process.returncode or 0, list(self._lines))
        self.url = f"{json.loads(answer)['listening']}/v1"

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._process.returncode is None

    async def ended(self) -> None:
        """Wait until the process has ended, for whatever reason."""
        await self._process.wait()

    def why(self) -> str:
        """How it ended, and the last that it said."""
        said = _last_error(list(self._lines))
        return f"{_cause(self._process.returncode)}{f': {said}' if said else ''}"

    async def stop(self) -> None:
        """End the process and wait for that. Idempotent."""
        if self.running:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
        if self._process.stdin is not None:
            self._process.stdin.close()
        await self._process.wait()
        await self._listening

    async def _listen(self) -> None:
        """Keep the last lines of what it says, and keep the pipe from filling up."""
        assert self._process.stderr is not None
        while chunk := await self._process.stderr.read(65_536):
            self._lines.extend(line for line in chunk.decode("utf-8", "replace").splitlines() if line.strip())


def _cause(code: int | None) -> str:
    if code is not None and code < 0:
        with contextlib.suppress(ValueError):
            return signal.Signals(-code).name
    return f"exit code {code}"


_PREFIX = re.compile(r"^[\d.]+ [A-Z] +")
_TELLS_NOTHING = ("exiting due to", "failed to load model", "Failed to init server", "encountered an error while trying to fit")


def _last_error(lines: list[str]) -> str:
    """The line that says most: the last error that is not just another's consequence. Without time stamp and level."""
    errors = [_PREFIX.sub("", line).strip() for line in lines if re.match(r"^[\d.]+ E ", line)]
    telling = [line for line in errors if not any(words in line for words in _TELLS_NOTHING)]
    return (telling or errors or [line.strip() for line in lines] or [""])[-1][:300]


_MEMORY = re.compile(
    r"insufficient memory|failed to allocate|unable to allocate|out of memory|bad_alloc|cannot allocate", re.IGNORECASE
)
_CAUSES: tuple[tuple[re.Pattern[str], str, str], ...] = (
    (
        _MEMORY,
        "there is not enough memory for it",
        "lower describer.context or describer.concurrency, take a smaller quantization, or fewer describer.gpu_layers",
    ),
    (
        re.compile(r"mismatch between text model|wrong mmproj", re.IGNORECASE),
        "the projector belongs to another model",
        "take the projector (mmproj-...gguf) from the page where the model came from",
    ),
    (
        re.compile(r"unknown model architecture|unknown projector type|unsupported projector", re.IGNORECASE),
        "this llama.cpp does not know that kind of model",
        "pip install --upgrade xllamacpp, or take another model",
    ),
    (
        re.compile(r"not within the file bounds|corrupted or incomplete|failed to read|invalid magic", re.IGNORECASE),
        "the file is incomplete or damaged",
        "fetch it again, and compare its size with the one on the page where it came from",
    ),
)


def _not_loaded(settings: Settings, code: int, lines: list[str]) -> EndpointRefused:
    """What llama.cpp's last words mean for a person."""
    text = "\n".join(lines)
    said = _last_error(lines)
    names = f"{settings.model.name} with {settings.projector.name}"
    if "No module named 'xllamacpp'" in text:
        return EndpointRefused(f"llama.cpp cannot be started: {said}", hint="pip install 'videoscan[local]'")
    if code == -signal.SIGKILL if sys.platform != "win32" else False:
        return EndpointRefused(f"llama.cpp was killed while it loaded {names}, probably for want of memory", hint=_CAUSES[0][2])
    for pattern, meaning, hint in _CAUSES:
        if found := next((line for line in lines if pattern.search(line)), None):
            return EndpointRefused(
                f"llama.cpp cannot load {names}: {meaning} ({_PREFIX.sub('', found).strip()[:300]})", hint=hint
            )
    return EndpointRefused(
        f"llama.cpp cannot load {names} ({_cause(code)}): {said or 'it did not say why'}",
        hint="try the two files with llama.cpp's own llama-mtmd-cli",
    )


def crashed(server: Server, times: int) -> EndpointFailed:
    """The error for a server that ended while it was asked, `times` in a row."""
    why = server.why()
    memory = _MEMORY.search(why) or why.startswith("SIGKILL")
    return EndpointFailed(
        f"llama.cpp crashed {times} times in a row ({why})",
        hint=_CAUSES[0][2]
        if memory
        else "what is described is kept; try a smaller windows.long_side, or describer.gpu_layers = 0",
    )
