"""Runs the core in a child process, so that a decoder's crash or hang is an error of that one file.

The child gets a picklable `CoreSpec` and sends back what `Core` yields, nothing smaller than a window. It dies with its parent:
a thread of the child waits on the pipe and ends the process when the parent's end closes, however the parent ended.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from videoscan import guarding
from videoscan.core import Core, CoreItem, CoreSpec, Report
from videoscan.errors import SourceLost, VideoscanError
from videoscan.observe import Sampled

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from multiprocessing.connection import Connection

    from videoscan.config import SourceOptions


# Seconds that a child may take until its first message.
_START = 60.0


@dataclass(frozen=True, slots=True)
class _Failed:
    """What ended the child's pass: a `VideoscanError` of its own, or the sentence for anything else."""

    error: VideoscanError


@dataclass(frozen=True, slots=True)
class _Ended:
    """The pass came to its end."""


def core_for(spec: CoreSpec, source: SourceOptions, report: Report | None = None) -> Core | IsolatedCore:
    """The core where the profile wants it: in the caller's thread, or in a child process."""
    return IsolatedCore(spec, report, patience=source.patience) if source.isolation == "process" else Core(spec, report)


class IsolatedCore:
    """Like `Core`, in a process of its own. `patience` is how many seconds it may show no sign of progress.

    Progress is a message (the core reports several times a second while it samples) while we are waiting for one: a child that
    waits for us is not hanging.
    """

    def __init__(self, spec: CoreSpec, report: Report | None = None, *, patience: float = 60.0) -> None:
        self._spec = spec
        self._report = report
        self._patience = patience
        self._stopped = threading.Event()

    def stop(self) -> None:
        """End the pass: the child is killed, the iteration ends. Idempotent, from any thread."""
        self._stopped.set()

    def __iter__(self) -> Generator[CoreItem]:
        """What `Core` yields. Raises `SourceLost` when the child crashes or hangs."""
        # A fresh interpreter: forking a process that runs threads and an event loop copies their locks in whatever state they are.
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe(duplex=True)
        child = context.Process(target=_serve, args=(theirs, self._spec), name="videoscan-core", daemon=True)
        with _interrupts_held():
            child.start()
        theirs.close()
        try:
            # A child that starts on a busy machine imports its libraries first: that is no hanging decoder.
            patience = max(self._patience, _START)
            while (message := self._next(ours, patience)) is not None:
                patience = self._patience
                if isinstance(message, Sampled):
                    if self._report is not None:
                        self._report(message)
                elif isinstance(message, _Failed):
                    raise message.error
                elif isinstance(message, _Ended):
                    return
                else:
                    yield message
        except EOFError:
            child.join(5)
            raise self._crashed(child.exitcode) from None
        finally:
            ours.close()
            child.kill()
            child.join()
            child.close()

    def _crashed(self, code: int | None) -> SourceLost:
        cause, guard = _cause(code), self._spec.guard
        if cause == "SIGXCPU" and guard.cpu is not None:
            return SourceLost(
                f"decoding {self._spec.uri} took more than {guard.cpu:g} s of processor time and was stopped",
                hint="raise source.max_cpu if it is a long recording",
            )
        return SourceLost(
            f"the decoder crashed on {self._spec.uri} ({cause})",
            hint="the file is probably damaged; try --set source.backend=opencv",
        )

    def _next(self, pipe: Connection, patience: float) -> CoreItem | Sampled | _Failed | _Ended | None:
        """The child's next message, or `None` once we were stopped."""
        waited = 0.0
        while not self._stopped.is_set():
            if pipe.poll(0.1):
                message: CoreItem | Sampled | _Failed | _Ended = pipe.recv()
                return message
            waited += 0.1
            if waited >= patience:
                raise SourceLost(
                    f"the decoder made no progress on {self._spec.uri} for {patience:g} s and was stopped",
                    hint="raise source.patience if the disk is slow; the file may be damaged",
                )
        return None


@contextlib.contextmanager
def _interrupts_held() -> Iterator[None]:
    """A child that is started inside begins with SIGINT blocked, or Ctrl-C would meet it with its imports half done."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _cause(code: int | None) -> str:
    if code is None:
        return "no exit code"
    if code < 0:
        with contextlib.suppress(ValueError):
            return signal.Signals(-code).name
    return f"exit code {code}"


def _serve(pipe: Connection, spec: CoreSpec) -> None:
    """The child's whole life."""
    # Ctrl-C reaches the whole process group; the parent decides what it means, and closes the pipe.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_die_with, args=(pipe,), daemon=True).start()
    guarding.enforce(spec.guard)
    sending = threading.Lock()

    def tell(message: object) -> None:
        with sending:
            pipe.send(message)

    try:
        for item in Core(spec, report=tell):
            tell(item)
        tell(_Ended())
    except VideoscanError as fault:
        tell(_Failed(fault))
    except (BrokenPipeError, ConnectionResetError):
        os._exit(0)
    except MemoryError:
        most = f" than {spec.guard.memory} bytes" if spec.guard.memory is not None else " than there is"
        tell(_Failed(SourceLost(f"decoding {spec.uri} needs more memory{most}", hint="raise source.max_memory")))
    except Exception as fault:  # whatever it is, it belongs to this file and must reach the parent as a sentence
        tell(_Failed(SourceLost(f"reading {spec.uri} failed: {type(fault).__name__}: {fault}")))


def _die_with(pipe: Connection) -> None:
    """Nothing is ever sent to the child: anything readable on the pipe is the parent's end closing."""
    with contextlib.suppress(EOFError, OSError):
        pipe.recv_bytes()
    os._exit(0)
