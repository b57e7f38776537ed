"""Connections that break, drip and lie: against sockets that speak HTTP only as far as each test wants."""

import asyncio
import contextlib
import dataclasses
import gzip
import socket
import zlib

import pytest
from describing import PROMPT
from raw import GOOD, head_of, http, request_from, serving

from videoscan import patience
from videoscan.describers import endpoint
from videoscan.describers.openai import OpenAiDescriber, OpenAiOptions
from videoscan.errors import EndpointUnreachable
from videoscan.testing.pictures import picture, window


def describe(handle, *windows, **options):
    """All windows through one session against raw connections; the descriptions, how many connections, and the waits."""

    async def work():
        async with serving(handle) as (url, connections):
            session = OpenAiDescriber(OpenAiOptions(endpoint=url, model="m", **options)).session()
            try:
                with patience.instantly() as waits:
                    described = [await session.describe(each, PROMPT) for each in windows]
                    return described, len(connections), list(waits)
            finally:
                await session.close()

    return asyncio.run(work())


def test_a_connection_that_is_dead_after_a_500_costs_no_retry():
    async def handle(reader, writer, number):
        if number == 0:
            await request_from(reader)
            writer.write(http("500 Internal Server Error", b"Internal Server Error", kind="text/plain"))
            await writer.drain()
            await head_of(reader)  # the next request on it finds it dead
            writer.transport.abort()
        else:
            while await request_from(reader):
                writer.write(http("200 OK", GOOD))

    [described], connections, waits = describe(handle, window(2), retries=1)
    assert described.failure is None
    assert connections == 2
    assert len(waits) == 1, "for the 500, not for the connection"


@pytest.mark.parametrize(
    "answer",
    [
        http("200 OK", GOOD)[:-20],
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n40\r\n" + GOOD[:30],
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n" + GOOD[:-20],
        b"HTTP/1.1 200 OK\r\nContent-Ty",
        (
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
            b'data: {"choices": [{"delta": {"content": "{\\"eve"}}]}\n\n'
        ),
        b"\x16\x03\x01\x02\x00 this is no HTTP",
        b"",
    ],
    ids=["length", "chunk", "until closed", "head", "stream", "garbage", "nothing"],
)
def test_an_answer_that_is_cut_off_is_asked_for_again(answer):
    async def handle(reader, writer, number):
        await request_from(reader)
        writer.write(answer if number == 0 else http("200 OK", GOOD))
        await writer.drain()

    [described], connections, _ = describe(handle, window(2))
    assert described.failure is None
    assert [event.title for event in described.events] == ["Seen"]
    assert connections == 2
    assert described.usage.requests == 2


def test_a_server_that_only_ever_talks_garbage_is_given_up():
    async def handle(reader, writer, _number):
        await request_from(reader)
        writer.write(b"\xff\xfe no HTTP\r\n\r\n")

    [described], connections, _ = describe(handle, window(1), retries=2)
    assert described.failure.kind == "EndpointFailed"
    assert connections <= 4


def test_a_head_that_drips_meets_the_time_limit():
    async def handle(reader, writer, number):
        await request_from(reader)
        if number:
            writer.write(http("200 OK", GOOD))
            return
        for byte in http("200 OK", GOOD):
            writer.write(bytes([byte]))
            await asyncio.sleep(0.05)

    [described], _, _ = describe(handle, window(1), timeout=0.4)
    assert described.failure is None
    assert described.usage.requests == 2


def test_a_refusal_that_comes_before_the_body_was_read_is_read_nevertheless():
    """nginx answers 413 as soon as it has seen the length, and closes with the body half sent."""
    pictures = tuple(dataclasses.replace(picture(n), base64=b"/9j/" + b"A" * 1_000_000) for n in range(4))
    shown = dataclasses.replace(window(4), pictures=pictures)

    async def handle(reader, writer, _number):
        length = await head_of(reader)
        if length > 2_500_000:
            writer.write(
                http("413 Request Entity Too Large", b"<html>413</html>", kind="text/html", more="Connection: close\r\n")
            )
            await writer.drain()
            return
        await reader.readexactly(length)
        writer.write(http("200 OK", GOOD, more="Connection: close\r\n"))

    [described], _, _ = describe(handle, shown)
    assert described.failure is None
    assert any("2 parts" in flag for flag in described.flags)
    assert described.usage.requests == 3


def test_an_interim_answer_is_not_the_answer():
    async def handle(reader, writer, _number):
        await request_from(reader)
        writer.write(b"HTTP/1.1 102 Processing\r\n\r\n" + http("200 OK", GOOD))

    [described], _, _ = describe(handle, window(1))
    assert described.failure is None


@pytest.mark.parametrize(("name", "packed"), [("gzip", gzip.compress(GOOD)), ("deflate", zlib.compress(GOOD))])
def test_an_answer_that_a_gateway_packed_is_read(name, packed):
    async def handle(reader, writer, _number):
        await request_from(reader)
        writer.write(http("200 OK", packed, more=f"Content-Encoding: {name}\r\n"))

    [described], _, _ = describe(handle, window(1))
    assert described.failure is None
    assert described.events


def test_a_packed_answer_that_is_damaged_is_asked_for_again():
    async def handle(reader, writer, number):
        await request_from(reader)
        packed = gzip.compress(GOOD)
        damaged = packed[:20] + bytes(byte ^ 0xFF for byte in packed[20:40]) + packed[40:]
        writer.write(http("200 OK", packed if number else damaged, more="Content-Encoding: gzip\r\nConnection: close\r\n"))

    [described], _, _ = describe(handle, window(1))
    assert described.failure is None
    assert (described.usage.requests, described.usage.retries) == (2, 1)


def test_a_packed_answer_that_unpacks_without_end_is_bounded():
    packed = gzip.compress(b" " * 50_000_000, 1)

    async def handle(reader, writer, _number):
        await request_from(reader)
        writer.write(http("200 OK", packed, more="Content-Encoding: gzip\r\nConnection: close\r\n"))

    [described], _, _ = describe(handle, window(1))
    assert described.failure.kind == "BadReply"
    assert f"larger than {endpoint.MOST_ANSWER} bytes" in described.failure.message


def test_a_server_that_takes_no_connection_is_given_up_in_seconds(monkeypatch):
    """As behind a firewall that drops what it does not like: its queue is full, and nobody looks at it."""
    monkeypatch.setattr(endpoint, "CONNECT_SECONDS", 0.2)
    with socket.socket() as deaf, contextlib.ExitStack() as waiting:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        for _ in range(3):
            one = waiting.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex(deaf.getsockname())

        async def work():
            url = f"http://127.0.0.1:{deaf.getsockname()[1]}/v1"
            session = OpenAiDescriber(OpenAiOptions(endpoint=url, model="m", timeout=30)).session()
            try:
                with patience.instantly():
                    await session.describe(window(1), PROMPT)
            finally:
                await session.close()

        with pytest.raises(EndpointUnreachable, match=r"no connection within 0\.2 s"):
            asyncio.run(work())
