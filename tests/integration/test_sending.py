"""How bodies are sent: nothing is copied, and the event loop stays free for others, whatever their size."""

import asyncio
import dataclasses

from describing import PROMPT

from videoscan.describers.openai import OpenAiDescriber, OpenAiOptions
from videoscan.flow import Turns
from videoscan.testing.model_server import ModelServer, ok
from videoscan.testing.pictures import picture, window


def test_others_have_many_turns_while_a_large_body_is_sent():
    shown = dataclasses.replace(
        window(12), pictures=tuple(dataclasses.replace(picture(n), base64=b"/9j/" + b"A" * 4_000_000) for n in range(12))
    )

    async def work():
        turns = 0

        async def others():
            nonlocal turns
            while True:
                await asyncio.sleep(0)
                turns += 1

        with ModelServer.in_thread(lambda _request: ok(), strict=False) as server:
            session = OpenAiDescriber(OpenAiOptions(endpoint=server.url, model="m")).session()
            beside = asyncio.create_task(others())
            described = await session.describe(shown, PROMPT)
            beside.cancel()
            await session.close()
        [received] = server.requests
        assert described.failure is None
        assert received.size > 48_000_000
        assert [len(each) for each in received.pictures] == [3_000_003] * 12
        return turns

    assert asyncio.run(work()) > 48_000_000 / 600_000


def test_work_that_is_ready_all_at_once_takes_turns_and_loses_nobody():
    async def work():
        turns, longest, done = Turns(most=0.0), 0, 0

        async def step():
            nonlocal done
            for _ in range(3):
                await turns.turn()
                done += 1

        steps = [asyncio.create_task(step()) for _ in range(20)]
        steps[7].cancel()
        while not all(each.done() for each in steps):
            before = done
            await asyncio.sleep(0)
            longest = max(longest, done - before)
        assert done == 19 * 3
        return longest

    assert asyncio.run(work()) <= 2


def test_one_that_is_cancelled_while_it_waits_does_not_stop_the_others():
    async def work():
        turns = Turns(most=0.0)
        waiting = [asyncio.create_task(turns.turn()) for _ in range(5)]
        await asyncio.sleep(0)
        waiting[1].cancel()
        waiting[2].cancel()
        await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), 5)
        await asyncio.wait_for(turns.turn(), 5)

    asyncio.run(work())
