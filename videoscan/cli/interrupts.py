"""Ctrl-C and SIGTERM for a running scan: cancel it, wait until it has cleaned up, and only then leave."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import threading
from typing import TYPE_CHECKING, Any, TypeVar

from videoscan.cli import output

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run `work` to its end. Raises `KeyboardInterrupt` after an interrupt, when everything is cleaned up.

    The first interrupt cancels `work`. Further ones say that it is being stopped and change nothing: a second cancellation
    would cut the cleaning up short and leave half-written files and running decoders behind.
    """
    spare_imports()
    with asyncio.Runner() as runner:
        return runner.run(_guarded(work))


def spare_imports() -> None:
    """Keep the garbage collector from going through everything that was imported, again and again.

    That takes it 50 ms, in which an event loop does nothing else: no answer is read, no deadline kept. What is made later is collected as
    ever. Only for a program that is ours: whoever imports videoscan decides for themselves.
    """
    gc.collect()
    gc.freeze()


async def _guarded(work: Coroutine[Any, Any, T]) -> T:
    task = asyncio.ensure_future(work)
    with _signals(task) as interrupted:
        try:
            return await task
        except asyncio.CancelledError:
            if interrupted.is_set():
                raise KeyboardInterrupt from None
            raise


@contextlib.contextmanager
def _signals(task: asyncio.Future[Any]) -> Iterator[threading.Event]:
    """While open, the signals that end a program cancel `task` instead."""
    interrupted = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield interrupted
        return
    loop = asyncio.get_running_loop()

    def handle(_signal: int, _frame: object) -> None:
        # `signal.signal` rather than `loop.add_signal_handler`, which Windows lacks; waking the loop is safe from here.
        if interrupted.is_set():
            loop.call_soon_threadsafe(output.say, "videoscan: already stopping; what is being written is finished first")
            return
        interrupted.set()
        loop.call_soon_threadsafe(task.cancel)

    # A hang-up counts too, unless it is ignored as under nohup.
    names = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
    wanted = [getattr(signal, name) for name in names if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in wanted if signal.getsignal(number) is not signal.SIG_IGN}
    for number in before:
        signal.signal(number, handle)
    try:
        yield interrupted
    finally:
        for number, handler in before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)
