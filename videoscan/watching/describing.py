"""One camera's windows on their way through the describer: the oldest that waits first, then second looks, by turns with the other cameras."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING

from videoscan.errors import DescribeError, VideoscanError
from videoscan.folding.outcome import Outcome
from videoscan.model import Description, Failure
from videoscan.watching.telling import Latencies

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    from videoscan.model import Window
    from videoscan.watching.backlog import Backlog, Waiting
    from videoscan.watching.days import Day
    from videoscan.watching.publishing import AtWork
    from videoscan.watching.sharing import Sharing


class Describing:
    """Takes windows out of a camera's backlog and gives their answers to their days. Belongs to one event loop.

    `at_work` are the days that windows may belong to; whoever made this keeps the list. `quiet` is set while nothing is being asked.
    """

    def __init__(self, camera: str, backlog: Backlog, at_work: Sequence[AtWork], stopping: asyncio.Event) -> None:
        self._camera, self._backlog, self._at_work, self._stopping = camera, backlog, at_work, stopping
        self.turns: Sharing | None = None
        """At the endpoint; there before the first window waits."""
        self.described = self.failed = self.asking = 0
        self.fault: str | None = None
        """What went wrong with the last window; `None` when it was described."""
        self.latencies = Latencies()
        self.quiet = asyncio.Event()
        self.quiet.set()
        self._ever = False

    async def work(self) -> None:
        """Ask about one window after another, without end. Several may do so side by side.

        Raises `DescribeError` when the model could not be used from the beginning; later on, what fails is the window's.
        """
        while True:
            await self._backlog.filled.wait()
            async with self._turn():
                waiting = self._backlog.pop()
                if waiting is None:
                    continue
                with self._under_way():
                    await self._ask(waiting)
            await self._look_again()

    async def _look_again(self) -> None:
        """Look at doubtful answers again, as long as no window waits."""
        while not len(self._backlog) and any(len(work.looking) for work in self._at_work):
            async with self._turn():
                work = next((work for work in self._at_work if len(work.looking)), None)
                if work is None or len(self._backlog):
                    continue
                with self._under_way():
                    await work.looking.make()
                work.stir()

    async def _ask(self, waiting: Waiting) -> None:
        work, window = self._work_of(waiting.day), waiting.window
        work.asker.enter(window)
        try:
            outcome = await work.asker.ask(window)
        except DescribeError as error:
            if not self._ever:
                raise
            outcome = _failed(window, error)
            self.fault = error.message
        failure = outcome.description.failure
        if failure is None:
            self._ever, self.fault = True, None
            self.described += 1
            if waiting.came:
                self.latencies.add(time.monotonic() - waiting.came)
        else:
            self.failed += 1
            self.fault = failure.message
        work.day.described(outcome)
        doubt = work.asker.doubts.pop(window.index, None)
        if doubt is not None and not self._stopping.is_set():
            work.looking.want(outcome, doubt)
        work.stir()

    @contextlib.asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        assert self.turns is not None, "what waits belongs to a day at work"
        async with self.turns.turn(self._camera):
            yield

    @contextlib.contextmanager
    def _under_way(self) -> Iterator[None]:
        self.asking += 1
        self.quiet.clear()
        try:
            yield
        finally:
            self.asking -= 1
            if not self.asking:
                self.quiet.set()

    def _work_of(self, day: Day) -> AtWork:
        return next(work for work in self._at_work if work.day is day)


def _failed(window: Window, error: VideoscanError) -> Outcome:
    failure = Failure(type(error).__name__, error.message)
    return Outcome(window.index, window.start, window.end, (), window.marks, Description(failure=failure))
