"""The openai describer against a real HTTP server that misbehaves on request."""

import asyncio
import contextlib
import datetime as dt
import email.utils
import json
import socket

import pytest
from describing import PROMPT, describe, raised
from stopwatch import Stopwatch

from videoscan import patience, prompts
from videoscan.describers import shape
from videoscan.describers.openai import OpenAiDescriber, OpenAiOptions
from videoscan.errors import ConfigError, EndpointRefused, EndpointUnreachable
from videoscan.model import Note, Window
from videoscan.testing.model_server import (
    ModelServer,
    Turn,
    drops,
    event,
    fails,
    ok,
    says,
    throttled,
)
from videoscan.testing.pictures import picture, window

# -- what is sent ----------------------------------------------------------------------------------------------------


def test_a_window_becomes_one_request_of_named_pictures_with_the_question_last(monkeypatch):
    monkeypatch.setenv("VIDEOSCAN_API_KEY", " sk-secret\n")
    server = ModelServer([ok([event("A car arrives", 2, 3)])])
    shown = Window(0, 0.0, 90.0, (picture(0, 0.0), picture(30, 72.4), picture(31, 80.0)))
    [described] = describe(server, shown, max_tokens=777, extra_body={"temperature": 0})
    [request] = server.requests
    assert request.labels == ("Frame 1 · 00:00:00.000", "Frame 2 · 00:01:12.400", "Frame 3 · 00:01:20.000")
    assert request.pictures == tuple(each.data for each in shown.pictures)
    assert request.text.endswith("What happens?")
    assert request.system == PROMPT.system
    assert request.authorization == "Bearer sk-secret"
    assert request.path == "/v1/chat/completions"
    assert (request.body["max_tokens"], request.body["temperature"], request.body["model"]) == (777, 0, "test-model")
    assert request.schema == shape.with_frames(PROMPT.schema, 3)
    assert request.schema["properties"]["events"]["items"]["properties"]["last_frame"]["maximum"] == 3
    assert [(each.title, each.first, each.last) for each in described.events] == [("A car arrives", 1, 2)]
    assert described.failure is None
    assert described.summary == "A test."


def test_no_key_means_no_header_and_no_temperature_unless_asked_for(monkeypatch):
    monkeypatch.delenv("VIDEOSCAN_API_KEY", raising=False)
    server = ModelServer()
    describe(server, window(2))
    assert server.requests[0].authorization is None
    assert "temperature" not in server.requests[0].body


def test_text_first_puts_the_instructions_before_the_pictures():
    server = ModelServer(text_first=True)
    [described] = describe(server, window(3), prompt=prompts.build(order="text-first"))
    assert described.failure is None


@pytest.mark.parametrize("media_type", ["image/jpeg", "image/png", "image/webp", "image/bmp", "image/tiff"])
def test_every_format_is_declared_as_what_it_is(media_type):
    server = ModelServer()
    shown = window(2, media_type=media_type)
    [described] = describe(server, shown)
    assert described.failure is None
    assert server.requests[0].pictures == tuple(each.data for each in shown.pictures)


def test_the_whole_address_and_its_query_are_used_as_they_are():
    server = ModelServer()

    async def work():
        async with server:
            address = server.url.replace("/v1", "/v2/infer/abc-1/v1/chat/completions?api-version=2024-10-21&x=%2Fy")
            session = OpenAiDescriber(OpenAiOptions(endpoint=address, model="m")).session()
            await session.describe(window(1), PROMPT)
            await session.close()
            return session

    session = asyncio.run(work())
    assert server.requests[0].path == "/v2/infer/abc-1/v1/chat/completions"
    assert server.requests[0].query == "api-version=2024-10-21&x=%2Fy"
    assert session.dialect.name == "modelarts"
    assert "api-version" not in repr(session.endpoint)


def test_the_language_is_asked_for_once():
    server = ModelServer()
    describe(server, window(1), language="zh", prompt=prompts.build(language="zh", question="谁?"))
    assert server.requests[0].text.count("Simplified Chinese") == 1
    assert server.requests[0].text.endswith("谁?")


def test_a_picture_over_the_limit_is_never_sent():
    huge = picture(1, width=1700, height=1700, media_type="image/bmp")  # 8.7 MB, 11.6 MB as Base64
    server = ModelServer()
    [described] = describe(server, Window(0, 0.0, 1.0, (huge,)))
    assert server.requests == []
    assert described.failure.kind == "RequestRejected"
    assert "10000000" in described.failure.message


def test_the_only_model_is_taken_when_none_is_named():
    server = ModelServer(models=["the-one"])
    describe(server, window(1), model=None)
    assert server.requests[0].body["model"] == "the-one"
    error = raised(ConfigError, ModelServer(models=["a", "b"]), window(1), model=None)
    assert "a, b" in str(error)


# -- waiting and trying again ------------------------------------------------------------------------------------------


def in_seconds(seconds: float) -> str:
    when = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=seconds)
    return email.utils.format_datetime(when, usegmt=True)


@pytest.mark.parametrize(
    ("turn", "least", "most"),
    [
        (throttled(retry_after="7"), 6.9, 7.8),
        (throttled(retry_after="7", status=503), 6.9, 7.8),
        (lambda _request: throttled(retry_after=in_seconds(40)), 30, 45),
        (throttled(retry_after="999999"), 119.9, 120),
        (throttled(), 0.2, 0.5),
        (throttled(status=503), 0.2, 0.5),
        (throttled(retry_after="soon"), 0.2, 0.5),
        (fails(429, 'quota: "retryDelay": "55s"'), 55, 61),
    ],
)
def test_a_throttled_request_waits_as_long_as_it_is_told_and_goes_again(turn, least, most):
    # A date is only worth something when it is written while the request is being answered.
    server = ModelServer(lambda request: ok() if request.index else turn(request) if callable(turn) else turn)
    [described] = describe(server, window(2))
    assert described.failure is None
    assert len(server.waits) == 1
    assert least <= server.waits[0] <= most + 0.01
    assert (described.usage.requests, described.usage.retries, described.attempts) == (2, 1, 2)


def test_a_long_wait_is_told_once_and_a_short_one_is_not():
    async def work(*turns):
        heard = []
        async with ModelServer([*turns, ok()]) as server:
            session = OpenAiDescriber(OpenAiOptions(endpoint=server.url, model="m", probe="never")).session(heard.append)
            with patience.instantly():
                described = await session.describe(window(1), PROMPT)
            await session.close()
        assert described.failure is None
        return [fact.text.partition(" ")[2] for fact in heard if isinstance(fact, Note)]

    assert asyncio.run(work(throttled(retry_after="2"))) == []
    for_two_minutes = "asks to be left alone for longer than is waited at once: nothing is sent to it for 2 min"
    assert asyncio.run(work(throttled(retry_after="9" * 400), throttled(retry_after="300"))) == [for_two_minutes]
    [said] = asyncio.run(work(throttled(retry_after="30"), throttled(retry_after="30")))
    assert said.startswith("asks to be left alone: nothing is sent to it for 3")


def test_retry_delay_in_a_gemini_error_body_is_heeded():
    body = [{"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "details": [{"retryDelay": "55s"}], "message": "quota"}}]
    server = ModelServer([Turn(status=429, body=json.dumps(body).encode()), ok()])
    [described] = describe(server, window(1))
    assert described.failure is None
    assert 55 <= server.waits[0] <= 61


def test_one_request_told_to_wait_holds_its_neighbours_back():
    server = ModelServer([throttled(retry_after="30")])

    async def work():
        async with server:
            session = OpenAiDescriber(OpenAiOptions(endpoint=server.url, model="m", concurrency=1)).session()
            with patience.instantly() as waits:
                await asyncio.gather(*(session.describe(window(1, index=n), PROMPT) for n in range(3)))
            await session.close()
            return list(waits)

    waits = asyncio.run(work())
    assert len(waits) == 1
    assert len(server.requests) == 4


@pytest.mark.parametrize("status", [408, 409, 500, 502, 504])
def test_passing_faults_are_tried_again_with_growing_waits_and_within_bounds(status):
    server = ModelServer(lambda _request: fails(status))
    [described] = describe(server, window(1), retries=3)
    assert described.failure.kind == "EndpointFailed"
    assert str(status) in described.failure.message
    assert len(server.requests) == 4
    assert server.waits == sorted(server.waits)
    assert described.events == ()


def test_a_throttled_endpoint_costs_its_window_and_not_the_scan():
    server = ModelServer([throttled()] * 3 + [ok()])
    first, second = describe(server, window(1), window(1, index=1), retries=2)
    assert first.failure.kind == "EndpointThrottled"
    assert second.failure is None


def test_a_connection_cut_in_the_middle_of_an_answer_is_tried_again():
    server = ModelServer([ok(cut_after=40), ok([event("Seen", 1)])])
    [described] = describe(server, window(1))
    assert described.events[0].title == "Seen"
    assert described.usage.retries == 1


def test_an_answer_whose_json_does_not_end_is_tried_again_though_http_noticed_nothing():
    server = ModelServer([Turn(body=b'{"choices": [{"message": {"content": "{'), ok([event("Seen", 1)])])
    [described] = describe(server, window(1))
    assert described.events[0].title == "Seen"


def test_a_dead_pooled_connection_costs_no_retry():
    server = ModelServer([ok(), drops(), ok([event("Seen", 1)])])
    _first, second = describe(server, window(1), window(1, index=1), retries=0)
    assert second.failure is None
    assert second.events[0].title == "Seen"
    assert server.waits == []
    assert len(server.connections) == 2


def test_a_server_that_always_hangs_up_ends_in_a_failure_not_in_a_loop():
    server = ModelServer([ok()] + [drops()] * 50)
    _first, second = describe(server, window(1), window(1, index=1), retries=2)
    assert second.failure.kind == "EndpointFailed"
    assert len(server.requests) == 1 + 1 + 3


def test_a_server_that_never_answers_meets_the_time_limit_three_times_and_no_more():
    server = ModelServer([ok()], delay=0)
    server._script = [ok(), *[ok(delay=30)] * 9]
    _first, second = describe(server, window(1), window(1, index=1), timeout=0.6)
    assert second.failure.kind == "EndpointUnreachable"
    assert "0.6 s" in second.failure.message
    assert len(server.requests) == 4


def test_an_answer_that_drips_meets_the_time_limit_too():
    server = ModelServer([ok(drip=1), ok([event("Seen", 1)])])
    with Stopwatch() as watched:
        [described] = describe(server, window(1), timeout=1.0)
    assert described.events[0].title == "Seen"
    assert watched.seconds < 5


def test_requests_per_minute_are_held():
    server = ModelServer()
    describe(server, *(window(1, index=n) for n in range(5)), requests_per_minute=6)
    assert sum(server.waits) >= 4 * 10 - 1


def test_no_more_requests_are_under_way_than_were_allowed():
    server = ModelServer(delay=0.02)

    async def work():
        async with server:
            session = OpenAiDescriber(OpenAiOptions(endpoint=server.url, model="m", concurrency=3)).session()
            await asyncio.gather(*(session.describe(window(1, index=n), PROMPT) for n in range(12)))
            await session.close()

    asyncio.run(work())
    assert server.most_busy == 3


# -- stopping at once ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "turn",
    [
        fails(401, "no such key"),
        fails(403, "not for you"),
        fails(404, "model not found"),
        fails(401, "The resource is frozen.", code="ModelArts.81006"),
        fails(429, "You exceeded your current quota", code="insufficient_quota"),
        Turn(status=301, headers={"Location": "https://elsewhere.example/"}),
    ],
)
def test_what_no_request_can_cure_stops_the_scan_at_once(turn):
    server = ModelServer([turn])
    error = raised(EndpointRefused, server, window(1))
    assert len(server.requests) == 1
    assert error.exit_code == 4
    assert error.hint


def test_a_key_that_a_server_quotes_is_masked(monkeypatch):
    monkeypatch.setenv("MY_KEY", "sk-very-secret")
    error = raised(EndpointRefused, ModelServer(key="sk-other"), window(1), api_key_env="MY_KEY")
    assert "sk-very-secret" not in str(error)
    assert "MY_KEY" in str(error)


def test_a_key_never_shows_in_a_failure_or_a_repr(monkeypatch):
    monkeypatch.setenv("VIDEOSCAN_API_KEY", "sk-very-secret")
    server = ModelServer(lambda _request: says("I know sk-very-secret, but no JSON"))
    [described] = describe(server, window(1))
    assert described.failure.kind == "BadReply"
    everything = repr(
        (described, server.session.endpoint, server.session.limits, OpenAiDescriber(OpenAiOptions(endpoint=server.url)))
    )
    assert "sk-very-secret" not in everything


def test_an_endpoint_that_was_never_reached_raises_after_a_few_tries():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/v1"

    async def work():
        session = OpenAiDescriber(OpenAiOptions(endpoint=url, model="m")).session()
        try:
            with patience.instantly() as waits, contextlib.suppress(asyncio.CancelledError):
                await session.describe(window(1), PROMPT)
        finally:
            await session.close()
            assert len(waits) == 2

    with pytest.raises(EndpointUnreachable, match="cannot be reached") as info:
        asyncio.run(work())
    assert info.value.exit_code == 4


def test_an_endpoint_that_goes_away_later_costs_windows_only():
    server = ModelServer()

    async def work():
        session = None
        async with server:
            session = OpenAiDescriber(OpenAiOptions(endpoint=server.url, model="m", retries=1)).session()
            first = await session.describe(window(1), PROMPT)
        with patience.instantly():
            second = await session.describe(window(1, index=1), PROMPT)
        await session.close()
        return first, second

    first, second = asyncio.run(work())
    assert first.failure is None
    assert second.failure.kind == "EndpointUnreachable"
    assert second.usage.images == 0


@pytest.mark.parametrize(
    "address",
    ["ftp://host/v1", "host/v1", "", "http://", "https://user:hunter2@host/v1", "http://host:99999/v1", "http://ho st/v1"],
)
def test_an_address_that_cannot_be_used_is_a_configuration_error_without_its_secrets(address):
    with pytest.raises(ConfigError, match=r"describer\.endpoint") as info:
        OpenAiOptions(endpoint=address)
    assert "hunter2" not in str(info.value)
    assert info.value.hint


# -- how many at once ------------------------------------------------------------------------------------------------


def test_a_server_that_is_overrun_is_sent_fewer_requests_at_once_and_no_window_is_lost():
    sessions, seen = [], []

    def script(request):
        seen.append(sessions[0].at_once)
        return throttled(retry_after="1") if request.index < 4 else ok()

    async def main():
        async with ModelServer(script) as server:
            sessions.append(OpenAiDescriber(OpenAiOptions(endpoint=server.url, model="m", concurrency=16)).session())
            try:
                with patience.instantly():
                    return await asyncio.gather(*(sessions[0].describe(window(1), PROMPT) for _ in range(40)))
            finally:
                await sessions[0].close()

    described = asyncio.run(main())
    assert all(each.failure is None for each in described)
    assert seen[0] == 4, "it begins with four, whatever the profile allows"
    assert min(seen) == 2, "half of them, once"
    assert sessions[0].at_once > 2, "and more again, while the server keeps up"
