"""The only glue between the worker thread and the event loop, and the only place that starts tasks for a scan.

Both helpers are async context managers that hand out an iterator, so that `break`, an error and a cancellation all leave by the
same door: no task, thread or open capture stays behind. An async generator that yields inside its own task group could not
promise that (PEP 789).
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class _Item(Generic[T]):
    value: T


@dataclass(frozen=True, slots=True)
class _End:
    error: BaseException | None


@contextlib.asynccontextmanager
async def read_ahead(items: Iterator[T], depth: int, *, stop: Callable[[], None]) -> AsyncIterator[AsyncIterator[T]]:
    """Run a plain iterator in a thread of its own, at most `depth` items ahead of whoever reads the async one.

    Bound: `depth` items wait, one more is being made. On leaving, `stop` is called (from the event loop's thread; it must make
    the iterator end soon), and the thread is joined: it is never abandoned. An exception of the iterator is raised where the
    item would have come. If `items` is a generator it is closed in its own thread.
    """
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[_Item[T] | _End] = asyncio.Queue()
    room = threading.Semaphore(depth)
    leaving = threading.Event()

    def tell(entry: _Item[T] | _End) -> None:
        with contextlib.suppress(RuntimeError):  # the loop may be closed already when an interpreter is shutting down
            loop.call_soon_threadsafe(queue.put_nowait, entry)

    def work() -> None:
        error: BaseException | None = None
        try:
            for item in items:
                room.acquire()
                if leaving.is_set():
                    break
                tell(_Item(item))
        except BaseException as fault:  # it belongs to the reader, whatever it is
            error = fault
        finally:
            close = getattr(items, "close", None)
            if close is not None:
                try:
                    close()
                except BaseException as fault:
                    error = error or fault
            tell(_End(error))

    async def read() -> AsyncIterator[T]:
        while True:
            entry = await queue.get()
            if isinstance(entry, _End):
                if entry.error is not None:
                    raise entry.error
                return
            room.release()
            yield entry.value

    thread = threading.Thread(target=work, name="videoscan-core", daemon=True)
    thread.start()
    reader = read()
    try:
        yield reader
    finally:
        leaving.set()
        stop()
        room.release()
        await in_thread(thread.join)
        await reader.aclose()  # type: ignore[attr-defined]  # an async generator has it; its declared type does not


async def in_thread(work: Callable[..., R], *args: Any) -> R:
    """Run a blocking call in a thread and wait for it, even when we are cancelled meanwhile; then the cancellation goes on.

    `asyncio.to_thread` would return at once and leave the call running behind the back of whoever cleans up.
    """
    cancelled: asyncio.CancelledError | None = None
    running = asyncio.get_running_loop().run_in_executor(None, work, *args)
    while not running.done():
        try:
            await asyncio.shield(running)
        except asyncio.CancelledError as fault:
            if running.cancelled():  # it never began: the loop is shutting down
                raise
            cancelled = fault
        except Exception:
            break  # raised below, where a cancellation that came first goes before it
    if cancelled is not None:
        raise cancelled
    return running.result()


class Turns:
    """Shares an event loop: work that comes in small steps passes `turn` before each, and no turn of the loop lasts much longer than `most`.

    A turn of the loop runs whatever is ready. Sixty requests that are ready at once, a millisecond each, would keep everybody else
    waiting for all of them; here every turn wakes as many steps as fit into `most` seconds of the processor's time if they take
    as long as the last ones did, one at least, and the others queue. Where those before took longer than that, one that was woken goes
    back to the head of the queue: so a turn lasts `most` and one step at the longest. For one event loop.
    """

    def __init__(self, most: float = 0.002) -> None:
        self.most = most
        self._each = most
        self._room = 0
        """Steps that still fit into this turn of the loop."""
        self._through = 0
        self._begun = False
        self._began = 0.0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._sent_back: deque[asyncio.Future[None]] = deque()
        """Those who were woken in this turn and found it used up; they come first in the next."""

    async def turn(self) -> None:
        """Return when there is room for a step in a turn of the loop."""
        if not self._begun:
            self._begun, self._through, self._room = True, 0, self._fitting()
            asyncio.get_running_loop().call_soon(self._next)
        if self._room > 0 and not self._waiting:
            self._room -= 1
        else:
            await self._ticket(self._waiting)
        while self._through and _worked() - self._began > self.most:
            await self._ticket(self._sent_back)
        # From the first step on: what else the loop did in this turn is not what a step takes.
        if not self._through:
            self._began = _worked()
        self._through += 1

    async def _ticket(self, queue: deque[asyncio.Future[None]]) -> None:
        ticket: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue.append(ticket)
        await ticket

    def _fitting(self) -> int:
        return max(1, int(self.most / self._each)) if self._each > 0 else 1

    def _next(self) -> None:
        """A new turn of the loop: some of those who wait go on."""
        if self._through:
            took = (_worked() - self._began) / self._through
            # Longer steps are believed at once, shorter ones by and by.
            self._each = max(took, (3 * self._each + took) / 4)
        if self._sent_back:
            self._waiting.extendleft(reversed(self._sent_back))
            self._sent_back.clear()
        self._begun, self._through, self._room = bool(self._waiting), 0, self._fitting()
        while self._waiting and self._room > 0:
            ticket = self._waiting.popleft()
            if not ticket.done():
                ticket.set_result(None)
                self._room -= 1
        if self._begun:
            asyncio.get_running_loop().call_soon(self._next)


# The time that others take the processor away is nobody's fault here, and must not make turns smaller. Windows counts a thread's time in
# steps of 16 ms, which is no measure of this.
_worked = time.perf_counter if sys.platform == "win32" else time.thread_time


LARGE = 65_536
"""Bytes from which on reading something may take long enough for others on the event loop to notice."""


async def aside(size: int, work: Callable[..., R], *args: Any) -> R:
    """`work` over so many bytes: here when they are few, in a thread when it could hold the event loop up."""
    return await in_thread(work, *args) if size > LARGE else work(*args)


@contextlib.asynccontextmanager
async def map_as_done(
    work: Callable[[T], Awaitable[R]],
    items: AsyncIterator[T],
    limit: int,
) -> AsyncIterator[AsyncIterator[R]]:
    """Run `work` over `items`, at most `limit` at once, and hand out the results as they come, in any order.

    The next item is asked for only when there is room for it, so that what stands before feels the back-pressure. Bound: `limit`
    items in work; results wait until they are read. The first exception (of `work` or of `items`) is raised to the reader and
    ends everything else; on leaving, what still runs is cancelled and waited for.
    """
    results: asyncio.Queue[_Item[R] | _End] = asyncio.Queue()
    room = asyncio.Semaphore(limit)
    running: set[asyncio.Task[None]] = set()

    async def one(item: T) -> None:
        try:
            results.put_nowait(_Item(await work(item)))
        except Exception as fault:  # it belongs to the reader, whatever it is
            results.put_nowait(_End(fault))
        finally:
            room.release()

    async def feed() -> None:
        try:
            await room.acquire()
            async for item in items:
                task = asyncio.create_task(one(item))
                running.add(task)
                task.add_done_callback(running.discard)
                await room.acquire()
            if running:
                await asyncio.wait(set(running))
            results.put_nowait(_End(None))
        except Exception as fault:  # as above
            results.put_nowait(_End(fault))

    async def read() -> AsyncIterator[R]:
        while True:
            entry = await results.get()
            if isinstance(entry, _End):
                if entry.error is not None:
                    raise entry.error
                return
            yield entry.value

    feeder = asyncio.create_task(feed())
    reader = read()
    try:
        yield reader
    finally:
        left = {feeder, *running}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        # A task that was started between the snapshot and the feeder's end would be here.
        for task in set(running):
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await reader.aclose()  # type: ignore[attr-defined]  # see above
