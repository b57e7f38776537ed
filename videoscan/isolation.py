"""Runs the core in a child process, so that a decoder's crash or hang is an error of that one file.

The child gets a picklable `CoreSpec` and sends back what `Core` yields, nothing smaller than a window. It dies with its parent:
a thread of the child waits on the pipe and ends the process when the parent's end closes, however the parent ended.

Of joined recordings one that ends the child costs only itself (`Surviving`).
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from array import array
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from videoscan import guarding, whereabouts
from videoscan.core import Core, CoreItem, CoreSpec, Report
from videoscan.errors import SourceLost, VideoscanError
from videoscan.model import Window
from videoscan.observe import Sampled

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from multiprocessing.connection import Connection

    from videoscan.config import SourceOptions


# Seconds that a child may take until it has begun.
_START = 60.0


@dataclass(frozen=True, slots=True)
class _Failed:
    """What ended the child's pass: a `VideoscanError` of its own, or the sentence for anything else."""

    error: VideoscanError


class _DiedError(Exception):
    """The child was ended by what it read. `error` is what to tell of the whole source, `cause` what to tell of one recording.

    `recording` is the number of the one it was in, `until` the time of the last frame that came out of it; see `videoscan.whereabouts`.
    """

    def __init__(self, error: SourceLost, cause: str, recording: int, until: float) -> None:
        super().__init__(error.message)
        self.error, self.cause, self.recording, self.until = error, cause, recording, until


@dataclass(frozen=True, slots=True)
class _Begun:
    """The child has its libraries, and begins with the source."""


@dataclass(frozen=True, slots=True)
class _Ended:
    """The pass came to its end."""


_Message: TypeAlias = CoreItem | Sampled | _Begun | _Failed | _Ended


def core_for(spec: CoreSpec, source: SourceOptions, report: Report | None = None) -> Core | IsolatedCore | Surviving:
    """The core where the profile wants it: in the caller's thread, or in a child process."""
    if source.isolation != "process":
        return Core(spec, report)
    kind = Surviving if spec.source["kind"] == "joined" else IsolatedCore
    return kind(spec, report, patience=source.patience)


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
        try:
            yield from self.items()
        except _DiedError as death:
            raise death.error from None

    def items(self) -> Generator[CoreItem]:
        """The same. Raises `_DiedError` when the child crashes or hangs."""
        # A fresh interpreter: forking a process that runs threads and an event loop copies their locks in whatever state they are.
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe(duplex=True)
        board = whereabouts.board(context)
        child = context.Process(target=_serve, args=(theirs, self._spec, board), name="videoscan-core", daemon=True)
        with interrupts_held():
            child.start()
        theirs.close()
        try:
            # A child that starts on a busy machine imports its libraries first: that is no hanging decoder.
            patience = max(self._patience, _START)
            while (message := self._next(ours, patience, board)) is not None:
                patience = self._patience
                if isinstance(message, _Begun):
                    continue
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
            raise self._crashed(child.exitcode, board) from None
        finally:
            ours.close()
            child.kill()
            child.join()
            child.close()

    def _crashed(self, code: int | None, board: whereabouts.Board) -> SourceLost | _DiedError:
        cause, guard = cause_of(code), self._spec.guard
        if cause == "SIGXCPU" and guard.cpu is not None:
            return SourceLost(
                f"decoding {self._spec.uri} took more than {guard.cpu:g} s of processor time and was stopped",
                hint="raise source.max_cpu if it is a long recording",
            )
        crash = SourceLost(
            f"the decoder crashed on {self._spec.uri} ({cause})",
            hint="the file is probably damaged; try --set source.backend=opencv",
        )
        return _DiedError(crash, f"the decoder crashed on it ({cause})", *whereabouts.noted(board))

    def _next(self, pipe: Connection, patience: float, board: whereabouts.Board) -> _Message | None:
        """The child's next message, or `None` once we were stopped."""
        waited = 0.0
        while not self._stopped.is_set():
            if pipe.poll(0.1):
                message: _Message = pipe.recv()
                return message
            waited += 0.1
            if waited >= patience:
                hang = SourceLost(
                    f"the decoder made no progress on {self._spec.uri} for {patience:g} s and was stopped",
                    hint="raise source.patience if the disk is slow; the file may be damaged",
                )
                cause = f"the decoder made no progress on it for {patience:g} s and was stopped"
                raise _DiedError(hang, cause, *whereabouts.noted(board))
        return None


class Surviving:
    """`IsolatedCore` of joined recordings: one on which the decoder crashes or hangs is `lost` from there on, and costs no other.

    After the first death the pass is begun once more, one segment and one thread at a time, so that what a recording gives before it ends
    the child is all that it can give. Whoever ends the child then is read up to the last frame that came out of it; if that ends the child
    as well, not at all. What was given before is passed over: a pass depends on its source alone, so it comes out the same, which is looked
    at. With an output folder what was read to its end is taken from there; else a bad recording costs reading what lies before it again.
    """

    def __init__(self, spec: CoreSpec, report: Report | None = None, *, patience: float = 60.0) -> None:
        self._spec = spec
        self._report = report
        self._patience = patience
        self._stopped = False
        self._core: IsolatedCore | None = None
        self._told = -1.0

    def stop(self) -> None:
        """End the pass. Idempotent, from any thread."""
        self._stopped = True
        core = self._core
        if core is not None:
            core.stop()

    def __iter__(self) -> Generator[CoreItem]:
        """What `Core` yields. Raises `SourceLost` where nothing of the source can be read, or it is not the recordings."""
        given = array("q")
        spec = self._spec
        while True:
            self._core = core = IsolatedCore(spec, self._tell if self._report is not None else None, patience=self._patience)
            if self._stopped:
                return
            try:
                for place, item in enumerate(core.items()):
                    if place >= len(given):
                        given.append(_digest(item))
                        yield item
                    elif given[place] != _digest(item):
                        raise SourceLost(
                            f"reading {spec.uri} once more after a crash gave other pictures than before",
                            hint="is something writing to the recordings?",
                        )
            except _DiedError as death:
                spec = self._without(spec, death)
            else:
                return

    def _tell(self, progress: Sampled) -> None:
        if progress.position > self._told and self._report is not None:  # nobody is told of what is read again
            self._told = progress.position
            self._report(progress)

    def _without(self, spec: CoreSpec, death: _DiedError) -> CoreSpec:
        """The pass to try next. Raises the death where there is none."""
        if spec is self._spec:
            return replace(spec, parallel=1, source={**spec.source, "threads": 1})
        files = list(spec.source["files"])
        if death.recording == whereabouts.NOWHERE:
            raise death.error from None
        before = files[death.recording]
        until = death.until
        if before.get("fault") is not None:
            if before["until"] <= whereabouts.LOOKING:
                raise death.error from None
            # What it gave once it does not give again: it is not opened any more, nor in the end even looked at.
            opened = before["until"] > whereabouts.OPENED and until > whereabouts.LOOKING
            until = whereabouts.OPENED if opened else whereabouts.LOOKING
        files[death.recording] = {**before, "fault": death.cause, "until": until}
        return replace(spec, source={**spec.source, "files": files})


def _digest(item: CoreItem) -> int:
    """What an item that was given is known by."""
    if isinstance(item, Window):
        return hash((item.index, item.start, item.end, tuple((each.frame, each.time, each.zoom_of) for each in item.pictures)))
    return hash(repr(item))


@contextlib.contextmanager
def interrupts_held() -> Iterator[None]:
    """A child that is started inside begins with SIGINT blocked, or Ctrl-C would meet it with its imports half done."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def cause_of(code: int | None) -> str:
    """What ended a process, by its exit code: a signal's name, or the code."""
    if code is None:
        return "no exit code"
    if code < 0:
        with contextlib.suppress(ValueError):
            return signal.Signals(-code).name
    return f"exit code {code}"


def _serve(pipe: Connection, spec: CoreSpec, board: whereabouts.Board) -> None:
    """The child's whole life."""
    whereabouts.write_on(board)
    # Ctrl-C reaches the whole process group; the parent decides what it means, and closes the pipe.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_die_with, args=(pipe,), daemon=True).start()
    guarding.enforce(spec.guard)
    sending = threading.Lock()

    def tell(message: object) -> None:
        with sending:
            pipe.send(message)

    try:
        tell(_Begun())
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
