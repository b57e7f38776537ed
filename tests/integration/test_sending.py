"""How bodies are sent: nothing is copied, and the event loop stays free for others, whatever their size."""

import asyncio
import dataclasses
import socket
import time
from unittest.mock import ANY

import pytest
from describing import PROMPT

from videoscan.describers.endpoint import Address, Endpoint
from videoscan.describers.openai import OpenAiDescriber, OpenAiOptions
from videoscan.describers.sending import BodyPayload
from videoscan.describers.wire import Body
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

    assert asyncio.run(work()) > 48_000_000 / 4_194_304


@pytest.mark.parametrize("room", [4_096, None])
def test_a_body_arrives_as_it_is_however_slowly_it_is_taken(room):
    # None of them ends where a step does, and those of a slow connection are taken in parts.
    body = Body.of(bytes([65 + n % 26]) * (70_001 + n) for n in range(64))

    async def work():
        arrived = bytearray()

        async def take(reader, writer):
            head = await reader.readuntil(b"\r\n\r\n")
            assert f"content-length: {body.size}".encode() in head.lower()
            while len(arrived) < body.size:
                arrived.extend(await reader.read(50_000))
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
            await writer.drain()
            writer.close()

        listening = socket.create_server(("127.0.0.1", 0))
        if room:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
        server = await asyncio.start_server(take, sock=listening, limit=65_536)
        endpoint = Endpoint(Address.parse(f"http://127.0.0.1:{listening.getsockname()[1]}"), None)
        endpoint.open(concurrency=1, requests_per_minute=None, tokens_per_minute=None)
        answered = await endpoint.post(body, seconds=30)
        await endpoint.close()
        server.close()
        await server.wait_closed()
        assert answered.status == 200
        return bytes(arrived)

    assert asyncio.run(work()) == bytes(body)


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


def test_a_connection_is_handed_back_sending_at_once():
    async def work():
        with ModelServer.in_thread(lambda _request: ok()) as server:
            session = OpenAiDescriber(OpenAiOptions(endpoint=server.url, model="m", probe="never")).session()
            seen = []
            write = BodyPayload.write

            async def watched(payload, writer):
                connection = writer.transport.get_extra_info("socket")
                await write(payload, writer)
                seen.append(connection.getsockopt(socket.IPPROTO_TCP, getattr(socket, "TCP_CORK", socket.TCP_MAXSEG)))

            BodyPayload.write = watched
            try:
                described = await session.describe(window(3), PROMPT)
            finally:
                BodyPayload.write = write
                await session.close()
            assert described.failure is None
            return seen

    # Of a corked connection the last part of a body would lie here for a fifth of a second.
    assert asyncio.run(work()) == [0 if hasattr(socket, "TCP_CORK") else ANY]


def test_short_steps_share_a_turn_of_the_loop_and_long_ones_do_not():
    async def most_at_once(took):
        turns, at_once, longest = Turns(most=0.004), 0, 0

        async def step():
            nonlocal at_once
            for _ in range(6):
                await turns.turn()
                at_once += 1
                until = time.thread_time() + took
                while time.thread_time() < until:
                    pass

        steps = [asyncio.create_task(step()) for _ in range(20)]
        while not all(each.done() for each in steps):
            at_once = 0
            await asyncio.sleep(0)
            longest = max(longest, at_once)
        return longest

    assert asyncio.run(most_at_once(0.00001)) > 10
    assert asyncio.run(most_at_once(0.003)) <= 2


def test_steps_that_take_longer_than_those_before_do_not_all_run_in_one_turn():
    async def work():
        turns, at_once, longest, order = Turns(most=0.004), 0, 0, []
        for _ in range(200):  # so short that all twenty would fit, if the next were like them
            await turns.turn()
            await asyncio.sleep(0)

        async def step(number):
            nonlocal at_once
            await turns.turn()
            at_once += 1
            order.append(number)
            until = time.thread_time() + 0.003
            while time.thread_time() < until:
                pass

        steps = [asyncio.create_task(step(number)) for number in range(20)]
        while not all(each.done() for each in steps):
            at_once = 0
            await asyncio.sleep(0)
            longest = max(longest, at_once)
        assert order == list(range(20)), "whoever was sent back comes first in the next turn"
        return longest

    assert asyncio.run(work()) <= 2
