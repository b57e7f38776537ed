"""The bridge between the worker thread and the event loop."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from videoscan import flow


def counting(n, made, closed=None):
    try:
        for i in range(n):
            made.append(i)
            yield i
    finally:
        if closed is not None:
            closed.append(True)


def run(coroutine):
    return asyncio.run(coroutine)


def no_stop():
    pass


def test_items_come_out_in_order_and_the_thread_ends():
    async def main():
        async with flow.read_ahead(counting(50, []), 2, stop=no_stop) as items:
            got = [item async for item in items]
        return got, [t for t in threading.enumerate() if t.name == "videoscan-core"]

    assert run(main()) == (list(range(50)), [])


def test_the_worker_is_never_more_than_depth_and_one_ahead():
    made = []

    async def main():
        ahead = []
        async with flow.read_ahead(counting(30, made), 3, stop=no_stop) as items:
            read = 0
            async for _ in items:
                read += 1
                await asyncio.sleep(0.002)
                ahead.append(len(made) - read)
        return max(ahead)

    # `read` is counted after the item was taken, and taking it made room for one more.
    assert run(main()) <= 3 + 1


def test_an_error_of_the_iterator_reaches_the_reader_after_the_items_before_it():
    def failing():
        yield 1
        raise ValueError("torn")

    async def main():
        got = []
        with pytest.raises(ValueError, match="torn"):
            async with flow.read_ahead(failing(), 2, stop=no_stop) as items:
                async for item in items:
                    got.append(item)
        return got

    assert run(main()) == [1]


def test_leaving_early_stops_joins_and_closes_the_generator():
    made, closed = [], []
    stopped = threading.Event()

    async def main():
        async with flow.read_ahead(counting(10_000, made, closed), 2, stop=stopped.set) as items:
            async for item in items:
                if item == 3:
                    break

    run(main())
    assert stopped.is_set()
    assert closed == [True]
    assert len(made) < 20


def test_cancelling_while_the_worker_is_busy_waits_for_it():
    """The decode thread is never abandoned: a cancelled scan returns only after its worker has ended."""
    stop = threading.Event()
    ended = []

    def slow():
        yield 1
        stop.wait(30)
        ended.append(True)

    async def main():
        async def read():
            async with flow.read_ahead(slow(), 2, stop=stop.set) as items:
                async for _ in items:
                    pass

        task = asyncio.create_task(read())
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(main())
    assert ended == [True]


async def numbers(n):
    for i in range(n):
        yield i


def test_results_come_as_they_are_done_and_never_more_than_the_limit_runs():
    async def main():
        running = peak = 0

        async def work(i):
            nonlocal running, peak
            running += 1
            peak = max(peak, running)
            await asyncio.sleep(0.03 if i == 0 else 0.001)
            running -= 1
            return i

        async with flow.map_as_done(work, numbers(12), 3) as results:
            got = [result async for result in results]
        return got, peak

    got, peak = run(main())
    assert sorted(got) == list(range(12))
    assert got[0] != 0, "one slow item must not hold the others back"
    assert peak == 3


def test_one_error_ends_everything_and_is_raised_alone():
    async def main():
        cancelled = []

        async def work(i):
            if i == 1:
                raise KeyError("no")
            try:
                await asyncio.sleep(30)
            except asyncio.CancelledError:
                cancelled.append(i)
                raise

        with pytest.raises(KeyError):
            async with flow.map_as_done(work, numbers(5), 3) as results:
                async for _ in results:
                    pass
        return cancelled, len(asyncio.all_tasks())

    cancelled, tasks = run(main())
    assert sorted(cancelled) == [0, 2]
    assert tasks == 1, "only the test's own task is left"


def test_an_error_of_the_items_is_raised_too():
    async def broken():
        yield 1
        raise OSError("gone")

    async def work(i):
        return i

    async def main():
        with pytest.raises(OSError, match="gone"):
            async with flow.map_as_done(work, broken(), 2) as results:
                async for _ in results:
                    pass

    run(main())


def test_the_next_item_is_asked_for_only_when_there_is_room():
    async def main():
        asked = []

        async def items():
            for i in range(10):
                asked.append(i)
                yield i

        gate = asyncio.Event()

        async def work(i):
            await gate.wait()
            return i

        async with flow.map_as_done(work, items(), 2) as results:
            for _ in range(20):
                await asyncio.sleep(0)
            before = len(asked)
            gate.set()
            return before, [result async for result in results]

    before, got = run(main())
    assert before == 2
    assert sorted(got) == list(range(10))


def test_reading_ahead_overlaps_the_worker_with_the_reader():
    async def main():
        def slow():
            for i in range(6):
                time.sleep(0.03)
                yield i

        began = time.perf_counter()
        async with flow.read_ahead(slow(), 2, stop=no_stop) as items:
            async for _ in items:
                await asyncio.sleep(0.03)
        return time.perf_counter() - began

    assert run(main()) < 0.03 * 6 * 2 * 0.9


def test_a_call_in_a_thread_is_waited_for_even_when_cancelled():
    go, ended = threading.Event(), []

    def work():
        go.wait(10)
        ended.append(True)

    async def main():
        task = asyncio.create_task(flow.in_thread(work))
        await asyncio.sleep(0.02)
        task.cancel()
        await asyncio.sleep(0.02)
        assert not task.done()
        task.cancel()
        go.set()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(main())
    assert ended == [True]


def test_a_call_in_a_thread_returns_and_raises():
    async def main():
        with pytest.raises(ZeroDivisionError):
            await flow.in_thread(lambda: 1 / 0)
        return await flow.in_thread(lambda a, b: a + b, 2, 3)

    assert run(main()) == 5
