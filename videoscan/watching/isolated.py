"""The core of one camera's watch in a process of its own, begun anew whenever it dies: what a camera sends may crash or hang a decoder.

The process is forked from one that has only imported what decoding takes (`forkserver`), so a camera costs little more than what its decoder holds.
It is told what to watch, login included, over a pipe: neither its arguments nor its environment say it. It dies with its parent, is held to
`videoscan.guarding`'s limits, and sends what `LiveCore` yields: windows, never raw frames. When it dies, the day is accounted for up to the last thing
it said; from there until it is there again the day is `lost`, with the reason.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import functools
import itertools
import logging
import multiprocessing
import os
import signal
import threading
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from videoscan import guarding, model
from videoscan.errors import VideoscanError
from videoscan.isolation import cause_of, interrupts_held
from videoscan.model import Lost
from videoscan.patience import SYSTEM, Patience
from videoscan.seams import Setting, unheard
from videoscan.watching.core import DayBegan, DayEnded, LiveCore, Missing, Pulse, Seen, Start, midnight_after
from videoscan.watching.windows import Closed, Rest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from multiprocessing.connection import Connection

    from videoscan.config import Profile
    from videoscan.model import Condition, Note, Picture, Recording
    from videoscan.reading.spec import Look
    from videoscan.seams import Limits, LiveSource
    from videoscan.watching.core import CoreItem

_log = logging.getLogger("videoscan.watching")

_FIRST = 60.0
"""Seconds that a process may take until it says its first word: on a busy machine it imports its libraries first."""
_LETS_GO = 1.0
"""Seconds that a process which is to end has for its last window."""
_ANSWER, _LOOK = 2.0, 60.0
"""Seconds that a question is waited for, and a second look, for which a part of the stream is decoded again."""
_LONG = 60.0
"""Seconds of life after which a death is the first one again."""
_AGAIN = Patience(first=0.5, longest=60.0)
_PULSE = 0.5

_IMPORTED = ["videoscan.watching.isolated", "videoscan.registry", "videoscan.live.stream"]
"""What every child needs, imported once."""


@dataclass(frozen=True, slots=True)
class LiveSpec:
    """What one camera's core is made of. It can be sent to another process, unless its clock is a made one."""

    name: str
    """What people call the camera."""
    source: LiveSource
    uri: str = field(repr=False)
    setting: Setting = field(repr=False)
    profile: Profile
    limits: Limits
    zone: dt.tzinfo | None = None
    start: Start | None = None
    duration: float | None = None

    def core(self, told: Callable[[Note], None]) -> LiveCore:
        """The core, in this process. Raises what `LiveSource.open` raises."""
        footage = self.source.open(self.uri, replace(self.setting, told=told))
        return LiveCore(
            footage,
            self.profile,
            self.limits,
            zero=self.setting.zero,
            zone=self.zone,
            start=self.start,
            duration=self.duration,
        )


def core_for(spec: LiveSpec, told: Callable[[Note], None], *, recordings: bool = False) -> LiveCore | IsolatedLiveCore:
    """The core where the profile wants it: in the caller's thread, or in a process of its own. `told` hears notes, from any thread.

    A folder of `recordings` is read in the caller's, and so is whatever has a made clock.
    """
    alone = spec.profile.source.isolation == "process" and spec.setting.clock in {None, SYSTEM} and not recordings
    return IsolatedLiveCore(spec, told) if alone else spec.core(told)


@dataclass(frozen=True, slots=True)
class _Failed:
    """What ended the child's pass for good."""

    error: VideoscanError


@dataclass(frozen=True, slots=True)
class _Broken:
    """What ended the child's pass, and need not end the next one's."""

    why: str


@dataclass(frozen=True, slots=True)
class _Ended:
    """The source came to its end, or was closed."""


@dataclass(frozen=True, slots=True)
class _Answer:
    """To a question that was asked of the child."""

    number: int
    value: Any


class _Died(Exception):
    """The child is no more, or is killed because it hangs. The text is a reason for people."""


class IsolatedLiveCore:
    """Like `LiveCore`. Iterate it once, in one thread; the rest may be called from any."""

    def __init__(self, spec: LiveSpec, told: Callable[[Note], None] = unheard) -> None:
        self._spec, self._told = spec, told
        self._stopped = threading.Event()
        self._child: _Child | None = None
        self._numbers = itertools.count()
        self._waiting: dict[int, tuple[threading.Event, list[Any]]] = {}
        self._still: bytes | None = None
        self._recordings: tuple[Recording, ...] = ()

    def stop(self) -> None:
        """End the iteration. Idempotent; the process has a second for its last window, then it is killed."""
        self._stopped.set()

    def still(self) -> bytes | None:
        """As `LiveCore.still`; the one before where the process does not answer."""
        self._still = self._ask("still") or self._still
        return self._still

    def recorded(self, zero: float, seconds: float) -> tuple[Recording, ...]:
        """As `LiveCore.recorded`; what was known before where the process does not answer."""
        if self._spec.setting.record is None:
            return ()
        found = self._ask("recorded", zero, seconds)
        if found is not None:
            self._recordings = found
        return self._recordings

    def fetch(self, zero: float, look: Look) -> list[tuple[Picture, ...]]:
        """As `LiveCore.fetch`; nothing where the process does not answer, or was begun anew since: then the stream is not held any more."""
        return self._ask("fetch", zero, look, patience=_LOOK) or []

    def _ask(self, what: str, *about: Any, patience: float = _ANSWER) -> Any:
        child = self._child
        if child is None or self._stopped.is_set():
            return None
        number = next(self._numbers)
        done, answer = self._waiting[number] = threading.Event(), []
        try:
            if child.say((what, number, *about)) and done.wait(patience) and answer:
                return answer[0]
        finally:
            self._waiting.pop(number, None)
        return None

    def __iter__(self) -> Iterator[CoreItem]:
        """What `LiveCore` yields. Raises what the child's source raises for what can never work; of a crash it tells as `lost`."""
        duration, began = self._spec.duration, None
        book, spec, failures = _Book(self._spec), self._spec, 0
        while True:
            born = time.monotonic()
            book.opened = time.time()
            self._child = child = _Child(spec)
            try:
                for item in self._items(child):
                    began = began or time.monotonic()
                    yield from book.take(item)
                break
            except _Died as died:
                why = str(died)
            finally:
                self._child = None
                child.end()
                for done, _ in list(self._waiting.values()):
                    done.set()
            if self._stopped.is_set():
                break
            failures = 1 if time.monotonic() - born > _LONG else failures + 1
            _log.warning("%s: %s; it is begun anew", spec.name, why)
            self._told(model.Note(f"{why}: it is begun anew"))
            yield from book.died(why)
            again = time.monotonic() + _AGAIN.wait(failures)
            while not self._stopped.wait(min(_PULSE, max(0.0, again - time.monotonic()))):
                yield from book.away()
                if time.monotonic() >= again:
                    break
            else:
                break
            left = duration if duration is None or began is None else duration - (time.monotonic() - began)
            if left is not None and left <= 0:
                break
            spec = replace(book.again(), duration=left)
        yield from book.end()

    def _items(self, child: _Child) -> Iterator[CoreItem]:
        """What the child says of the camera, until it ends of itself or has to. Raises `_Died`, and what the child raises."""
        patience = max(self._spec.profile.source.patience, _FIRST)
        heard, last = time.monotonic(), None
        while True:
            if self._stopped.is_set() and last is None:
                last = time.monotonic() + _LETS_GO
                child.say(("stop",))
            message = child.hear(0.1)
            now = time.monotonic()
            if last is not None and now >= last:
                return
            if message is None:
                if now - heard >= patience:
                    raise _Died(f"the decoder said nothing for {patience:g} s and was stopped")
                continue
            heard, patience = now, self._spec.profile.source.patience
            if isinstance(message, _Answer):
                asked = self._waiting.get(message.number)
                if asked is not None:
                    asked[1].append(message.value)
                    asked[0].set()
            elif isinstance(message, model.Note):
                self._told(message)
            elif isinstance(message, _Failed):
                raise message.error
            elif isinstance(message, _Broken):
                raise _Died(message.why)
            elif isinstance(message, _Ended):
                return
            else:
                yield message


class _Book:
    """What was told of the day so far: where a new process goes on, and what is missing between two of them."""

    def __init__(self, spec: LiveSpec) -> None:
        self._spec = spec
        self._zone = spec.zone
        self.opened = 0.0
        """The wall time at which the present process was begun."""
        start = spec.start
        self._date = start.date if start is not None else None
        self._zero = start.zero if start is not None else 0.0
        self._position = start.position if start is not None else 0.0
        self._frame, self._window = (start.frame, start.window) if start is not None else (0, 0)
        self._decoded = start.decoded if start is not None else 0
        self._going = False
        """A day is open of which this process's reader has heard."""
        self._conditions: dict[str, Condition] = {}
        self._sampled = self._before = self._deaths = 0
        self._why: str | None = None
        """Why the process before died, until its day goes on."""

    def take(self, item: CoreItem) -> Iterator[CoreItem]:
        """What is told for what a process said."""
        if isinstance(item, Pulse):
            self._sampled = self._before + item.sampled
            if self._why is not None and item.wall >= self._midnight() + model.LONGEST_GAP:
                yield from self._end_day(self._why)
            elif self._date is not None and self._why is None:
                self._decoded = max(self._decoded, item.decoded)
            yield replace(item, sampled=self._sampled)
            return
        if isinstance(item, DayBegan):
            yield from self._begin(item)
            return
        if isinstance(item, Missing):
            # Its source knows only that it is new; what happened before it is told already.
            stretch = item.stretch
            since = self.opened - self._zero if self._before_me else 0.0
            if stretch.end <= since:
                return
            item = replace(item, stretch=replace(stretch, start=max(stretch.start, since)))
            self._position = max(self._position, item.stretch.end)
        elif isinstance(item, Closed):
            window = item.window
            self._position, self._window = max(self._position, window.end), window.index + 1
            self._seen(window.marks)
        elif isinstance(item, Rest):
            self._seen(item.marks)
        elif isinstance(item, Seen):
            if item.condition.end is None:
                self._conditions[item.condition.kind] = item.condition
            else:
                self._conditions.pop(item.condition.kind, None)
        elif isinstance(item, DayEnded):
            self._date, self._going = None, False
            self._conditions.clear()
        yield item

    def _seen(self, marks: Iterable[model.Mark]) -> None:
        for mark in marks:
            self._position, self._frame = max(self._position, mark.time), max(self._frame, mark.frame + 1)

    @property
    def _before_me(self) -> bool:
        """Whether another process watched before the present one."""
        return self._deaths > 0

    def _begin(self, item: DayBegan) -> Iterator[CoreItem]:
        why, self._why = self._why, None
        if item.goes_on:
            self._going = True
            yield item
            if why is not None and (until := self.opened - self._zero) > self._position:
                yield Missing("lost", Lost(self._position, until, why))
                self._position = until
            return
        if why is not None and self._going:
            yield from self._end_day(why)
        if why is not None:
            since = self._day_begins(item) - item.zero
            item = replace(item, missing=(Lost(since, max(since, self.opened - item.zero), why), *item.missing))
        self._date, self._zero, self._going = item.date, item.zero, True
        self._position, self._frame, self._window, self._decoded = 0.0, 0, 0, 0
        yield item

    def _day_begins(self, item: DayBegan) -> float:
        return midnight_after(item.date - dt.timedelta(days=1), self._zone)

    def _midnight(self) -> float:
        return midnight_after(self._date, self._zone) if self._date is not None and self._going else float("inf")

    def died(self, why: str) -> Iterator[CoreItem]:
        """The process is gone: what it had said of as going on has ended as far as anybody knows."""
        self._why = why
        self._deaths += 1
        self._before = self._sampled
        for condition in self._conditions.values():
            yield Seen(replace(condition, end=max(condition.start, self._position)))
        self._conditions.clear()

    def away(self) -> Iterator[CoreItem]:
        """Nobody watches just now."""
        now = time.time()
        if now >= self._midnight() + model.LONGEST_GAP:
            yield from self._end_day(self._why or "")
        yield Pulse(now, "waiting", self._why, sampled=self._sampled, decoded=self._decoded)

    def _end_day(self, why: str) -> Iterator[CoreItem]:
        """The day ends while nobody watches it."""
        end = self._midnight() - self._zero
        if end > self._position:
            yield Missing("lost", Lost(self._position, end, why))
        self._date, self._going = None, False
        yield DayEnded(end, decoded=self._decoded)

    def end(self) -> Iterator[CoreItem]:
        """The watch is over; a process that was killed could not say so."""
        if self._going:
            self._going = False
            yield DayEnded(self._position, last=True, decoded=self._decoded)

    def again(self) -> LiveSpec:
        """What the next process is to do: go on with the day, if there is one."""
        if self._date is None:
            return replace(self._spec, start=None, setting=replace(self._spec.setting, zero=None, seen=0.0))
        start = Start(self._date, self._zero, self._position, self._frame, self._window, self._decoded)
        setting = replace(self._spec.setting, zero=self._zero, seen=self._position)
        return replace(self._spec, start=start, setting=setting)


# --- the process --------------------------------------------------------------------------------------------------------------


class _Child:
    """One process and the pipe to it. `end` it."""

    def __init__(self, spec: LiveSpec) -> None:
        context = _context()
        self._pipe, theirs = context.Pipe(duplex=True)
        self._saying = threading.Lock()
        self._process = context.Process(target=_serve, args=(theirs, spec), name="videoscan-camera", daemon=True)
        with interrupts_held():
            self._process.start()
        theirs.close()

    def say(self, words: tuple[Any, ...]) -> bool:
        """Tell the child something; whether it can hear."""
        try:
            with self._saying:
                self._pipe.send(words)
        except (OSError, ValueError):
            return False
        return True

    def hear(self, seconds: float) -> Any:
        """What the child says next, `None` where it says nothing for so long. Raises `_Died`."""
        try:
            return self._pipe.recv() if self._pipe.poll(seconds) else None
        except (EOFError, OSError):
            self._process.join(5)
            raise _Died(f"the decoder crashed ({cause_of(self._process.exitcode)})") from None

    def end(self) -> None:
        """It is gone when this returns."""
        self._process.kill()
        self._process.join()
        with self._saying:
            self._pipe.close()
        self._process.close()


def _context() -> Any:
    """How children are begun: a fork of a process without threads of ours, where there is such a thing."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_IMPORTED)
    return context


def _serve(pipe: Connection, spec: LiveSpec) -> None:
    """The child's whole life."""
    # Whoever ends the service may tell its whole group; the parent decides what that means, and closes the pipe.
    for sign in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sign, signal.SIG_IGN)
    saying = threading.Lock()

    def tell(message: object) -> None:
        with saying:
            pipe.send(message)

    memory = spec.profile.source.max_memory
    guarding.enforce(guarding.Guard(memory=memory))
    try:
        core = spec.core(tell)
        threading.Thread(target=_listen, args=(pipe, core, tell), name="videoscan-parent", daemon=True).start()
        for item in core:
            tell(item)
        tell(_Ended())
    except VideoscanError as fault:
        tell(_Failed(fault))
    except (BrokenPipeError, ConnectionResetError):
        os._exit(0)
    except MemoryError:
        most = f" than the {memory} bytes that it may" if memory is not None else " than there is"
        tell(_Broken(f"decoding needs more memory{most} (source.max_memory)"))
    except Exception as fault:  # whatever it is, it must not end the watch of a camera that may send something better next
        tell(_Broken(f"reading the camera failed: {type(fault).__name__}: {fault}"))


def _listen(pipe: Connection, core: LiveCore, tell: Callable[[object], None]) -> None:
    """What the parent says. Its end of the pipe closes when it ends, however that was."""
    with contextlib.suppress(EOFError, OSError):
        while True:
            what, *about = pipe.recv()
            if what == "stop":
                core.stop()
            else:
                # On a thread of its own: a second look takes seconds, and whoever wants the end does not wait for it.
                work = functools.partial(_answer, about[0], getattr(core, what), about[1:], tell)
                threading.Thread(target=work, daemon=True).start()
    os._exit(0)


def _answer(number: int, ask: Callable[..., Any], about: Iterable[Any], tell: Callable[[object], None]) -> None:
    try:
        value = ask(*about)
    except Exception as fault:  # a question that cannot be answered is not the end of the watch
        tell(model.Note(f"{getattr(ask, '__name__', 'a question')} came to nothing: {type(fault).__name__}: {fault}"))
        value = None
    with contextlib.suppress(OSError):
        tell(_Answer(number, value))
