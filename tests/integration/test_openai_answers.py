"""The openai describer: what it does about limits, odd answers and cut-off ones, against a real HTTP server."""

import asyncio
import json

import pytest
from describing import GOOD, PROMPT, describe

from videoscan.describers.openai import OpenAiDescriber, OpenAiOptions
from videoscan.model import Window
from videoscan.testing.model_server import (
    ModelServer,
    Received,
    Turn,
    answer,
    event,
    fails,
    ok,
    says,
    sees_everything,
    throttled,
)
from videoscan.testing.pictures import picture, window

# -- adapting -----------------------------------------------------------------------------------------------------------


def test_an_unknown_response_format_is_left_out_once_and_for_all():
    server = ModelServer(schemas="refused")
    first, second = describe(server, window(2), window(2, index=1))
    assert first.failure is None
    assert second.failure is None
    assert ["response_format" in request.body for request in server.requests] == [True, False, False]
    assert '"observations"' in server.requests[1].text
    assert server.requests[1].text.endswith("What happens?")
    assert server.waits == []


@pytest.mark.parametrize("key", ["response_format", "max_tokens"])
def test_neighbours_that_are_refused_at_once_all_adapt(key):
    def picky(request: Received) -> Turn:
        said = f"Unsupported parameter: '{key}'" + (". Use 'max_completion_tokens' instead." if key == "max_tokens" else "")
        return fails(400, said, delay=0.05) if key in request.body else sees_everything(request)

    server = ModelServer(picky)

    async def work():
        async with server:
            session = OpenAiDescriber(OpenAiOptions(endpoint=server.url, model="m", concurrency=4)).session()
            try:
                return await asyncio.gather(*(session.describe(window(1, index=n), PROMPT) for n in range(6)))
            finally:
                await session.close()

    assert [described.failure for described in asyncio.run(work())] == [None] * 6
    assert sum(key in request.body for request in server.requests) == 4


def test_an_opaque_400_is_tried_without_response_format_and_only_believed_when_that_helps():
    server = ModelServer(lambda _request: fails(400, "Bad Request"))
    first, second = describe(server, window(1), window(1, index=1))
    assert (first.failure.kind, second.failure.kind) == ("RequestRejected", "RequestRejected")
    assert ["response_format" in request.body for request in server.requests] == [True, False, True, False]

    def picky(request: Received) -> Turn:
        return fails(422, "Unprocessable") if "response_format" in request.body else sees_everything(request)

    server = ModelServer(picky)
    describe(server, window(1), window(1, index=1))
    assert ["response_format" in request.body for request in server.requests] == [True, False, False]


def test_max_completion_tokens_is_used_where_max_tokens_is_not_taken():
    def newer(request: Received) -> Turn:
        refused = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
        return fails(400, refused, code="unsupported_parameter") if "max_tokens" in request.body else sees_everything(request)

    server = ModelServer(newer)
    first, second = describe(server, window(1), window(1, index=1), max_tokens=99)
    assert first.failure is None
    assert second.failure is None
    assert len(server.requests) == 3
    assert server.requests[2].body["max_completion_tokens"] == 99


def test_too_many_pictures_split_the_window_and_the_limit_is_remembered():
    def sees_its_first_and_last(request: Received) -> Turn:
        return ok([event(f"Seen by request {request.index}", 1, 1), event(f"Last of request {request.index}", request.frames)])

    server = ModelServer(sees_its_first_and_last, most_pictures=4)
    first, second = describe(server, window(10), window(10, index=1, first=10))
    assert first.failure is None
    assert [request.frames for request in server.requests] == [10, 3, 3, 4, 3, 3, 4]
    assert [(each.first, each.last) for each in first.events] == [(0, 0), (2, 2), (3, 3), (5, 5), (6, 6), (9, 9)]
    assert second.failure is None
    assert second.attempts == 3
    assert server.session.takes.pictures == 4
    assert any("parts" in flag for flag in first.flags)
    assert (first.usage.requests, first.usage.retries, first.usage.images) == (4, 0, 20)


def test_an_event_that_goes_on_across_the_cut_is_told_once():
    server = ModelServer(lambda request: ok([event("A dog sleeps", 1, request.frames)]), most_pictures=3)
    [described] = describe(server, window(6))
    assert [(each.title, each.first, each.last) for each in described.events] == [("A dog sleeps", 0, 5)]


def test_a_context_that_is_too_short_splits_by_its_measure():
    server = ModelServer(context=450)
    first, second = describe(server, window(8), window(8, index=1))
    assert first.failure is None
    assert second.failure is None
    assert max(request.frames for request in server.requests[1:]) <= 4
    assert sum(request.frames > 4 for request in server.requests) == 1


def test_modelarts_words_for_a_prompt_that_is_too_long_split_the_window():
    """As its error codes give them: under the code of every other bad request, and without "context" in them."""

    def short(request: Received) -> Turn:
        if request.frames > 4:
            said = "Tokenizer encode failed. the prompt length 2176 must less than the maximum input length 1400.Request failed"
            return Turn(status=400, body=json.dumps({"error_code": "ModelArts.81001", "error_msg": said}).encode())
        return sees_everything(request)

    server = ModelServer(short)
    [described] = describe(server, window(8, width=640, height=352), max_tokens=100)
    assert described.failure is None
    assert [request.frames for request in server.requests] == [8, 4, 4]
    assert all(request.schema for request in server.requests), "it is not tried without response_format first"


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, {"error": {"message": "Total image size is 50.56MB, which exceeds the allowed limit of 50MB."}}),
        (400, {"error": {"message": "Exceeded limit on max data-uri per request: 4", "code": "invalid_parameter_error"}}),
        (
            400,
            [{"error": {"message": "The input token count exceeds the maximum number of tokens allowed 1048576.", "code": 400}}],
        ),
        (
            400,
            {
                "error": {
                    "message": "Too many images were provided, we currently limit the number of images per conversation to 4"
                }
            },
        ),
        (422, {"detail": [{"loc": ["body", "messages"], "msg": "prompt is too long: 9000 tokens > 8192 maximum"}]}),
    ],
    ids=["openai", "dashscope", "gemini", "fireworks", "422"],
)
def test_whatever_words_say_that_it_is_too_much_split_the_window(status, body):
    """As these services were seen to say it."""
    refusal = Turn(status=status, body=json.dumps(body).encode())
    server = ModelServer(lambda request: refusal if request.frames > 4 else sees_everything(request))
    first, second = describe(server, window(8), window(8, index=1))
    assert (first.failure, second.failure) == (None, None)
    assert [request.frames for request in server.requests] == [8, 4, 4, 4, 4], "it is learned once, and remembered"
    assert all(request.schema for request in server.requests), "it is not tried without response_format first"
    assert first.usage.retries == 0


def test_an_answer_that_ends_for_want_of_context_splits_the_window_instead_of_losing_its_events():
    def cramped(request: Received) -> Turn:
        if request.frames > 2:
            return says(answer([event("One", 1)])[:-20], finish="length", usage={"prompt_tokens": 4000, "completion_tokens": 96})
        return sees_everything(request)

    server = ModelServer(cramped)
    [described] = describe(server, window(4))
    assert [request.frames for request in server.requests] == [4, 2, 2]
    assert described.events[-1].last == 3


def test_a_body_that_is_too_large_is_split_and_the_limit_remembered():
    server = ModelServer(most_bytes=60_000)
    shown = window(6, width=160, height=90)
    first, second = describe(server, shown, window(6, index=1, width=160, height=90))
    assert first.failure is None
    assert second.failure is None
    assert sum(request.size > 60_000 for request in server.requests) <= 2
    assert server.session.takes.body_bytes is not None


def test_a_single_picture_that_is_too_much_fails_its_window_and_says_what_to_do():
    server = ModelServer(context=50)
    [described] = describe(server, window(2))
    assert described.failure.kind == "RequestRejected"
    assert "context" in described.failure.message


def test_a_backend_timeout_asks_with_fewer_pictures_and_remembers_nothing():
    slow = Turn(status=504, body=b'{"error_msg":"Backend timeout","error_code":"APIG.0203","request_id":"r"}')
    server = ModelServer([slow])
    [described] = describe(server, window(4))
    assert described.failure is None
    assert [request.frames for request in server.requests] == [4, 2, 2]
    assert server.session.takes.pictures is None


@pytest.mark.parametrize(
    "turn",
    [
        Turn(status=403, body=b'{"error_code": "ModelArts.81011", "error_msg": "May contain senstive words"}'),
        fails(403, "blocked", code="ModelArts.81011"),
        fails(400, "The response was filtered due to the prompt triggering content management policy", code="content_filter"),
        fails(400, "Input data may contain inappropriate content.", code="data_inspection_failed"),
        says(None, finish="content_filter"),
        says(None, message={"refusal": "I can't help with that."}),
    ],
)
def test_a_content_filter_fails_that_window_and_nothing_else(turn):
    server = ModelServer([turn, ok()])
    first, second = describe(server, window(4), window(4, index=1))
    assert first.failure.kind == "ContentFiltered"
    assert second.failure is None
    assert len(server.requests) == 2


# -- answers --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "turn",
    [
        says(f"```json\n{GOOD}\n```"),
        says(f"Here is what I saw:\n{GOOD}\nI hope this helps {{really}}!"),
        says(f'<think>The user wants {{"events": []}}. Let me look.</think>\n{GOOD}'),
        says(f"Let me look at frame 1.</think>{GOOD}"),
        says(GOOD, message={"reasoning_content": '{"events": []}'}),
        says("", message={"reasoning": f"I see. {GOOD}"}),
        says([{"type": "text", "text": GOOD[:30]}, {"type": "text", "text": GOOD[30:]}]),
        says(GOOD, stream=True),
        says(GOOD, stream=True, done=False),
        says(GOOD, stream=True, usage=None, message={"reasoning_content": "hm"}),
        Turn(body=json.dumps({"choices": [{"text": GOOD}]}).encode()),
    ],
)
def test_an_answer_is_found_in_whatever_surrounds_it(turn):
    server = ModelServer([turn])
    [described] = describe(server, window(4))
    assert [(each.title, each.first, each.last) for each in described.events] == [("A car arrives", 1, 2)]
    assert described.attempts == 1


@pytest.mark.parametrize(
    "turn",
    [
        says("I see a car park at night. A man walks."),
        says(None),
        says("", finish="length"),
        Turn(body=b'{"choices": [], "usage": {"prompt_tokens": 5}}'),
        Turn(body=b"Internal text", content_type="text/plain"),
        Turn(body=b"[1, 2]"),
    ],
)
def test_what_cannot_be_read_is_asked_three_times_in_all_and_its_text_kept(turn):
    server = ModelServer(lambda _request: turn)
    [described] = describe(server, window(2))
    assert described.failure.kind == "BadReply"
    assert len(server.requests) == 3
    assert described.events == ()
    assert described.summary is None
    assert described.observations == ()
    if isinstance(turn.content, str) and turn.content:
        assert described.failure.raw == turn.content


def test_prose_is_asked_again_in_plain_words_and_the_endpoint_is_remembered_for_it():
    def needs_words(request: Received) -> Turn:
        return sees_everything(request) if "JSON object" in request.text else says("I see a car.")

    server = ModelServer(needs_words)
    first, second = describe(server, window(2), window(2, index=1), dialect="vllm")
    assert (first.failure, second.failure) == (None, None)
    assert (first.attempts, second.attempts) == (2, 1)


def test_an_answer_cut_off_by_the_token_limit_keeps_its_complete_events():
    whole = answer([event("One", 1), event("Two", 2), event("Three", 3)])
    server = ModelServer([says(whole[: whole.index("Three") + 20], finish="length")])
    [described] = describe(server, window(4), max_tokens=100)
    assert [each.title for each in described.events] == ["One", "Two"]
    assert any("cut off" in flag for flag in described.flags)
    assert described.attempts == 1


def test_an_answer_cut_off_before_anything_complete_is_asked_again_with_more_room():
    server = ModelServer([says('{"observations": ["A long', finish="length", usage=None), ok([event("One", 1)])])
    first, second = describe(server, window(4), window(4, index=1), max_tokens=100)
    assert [each.title for each in first.events] == ["One"]
    assert second.failure is None
    assert [request.body["max_tokens"] for request in server.requests] == [100, 200, 200]


def test_numbers_out_of_range_are_clamped_and_flagged():
    told = [event("Far", 40, 50, confidence=1.7, importance=-3), event("Back", 3, 2), event("No frame", None, None)]
    told[2]["first_frame"] = told[2]["last_frame"] = None
    server = ModelServer([ok(told)])
    [described] = describe(server, window(4))
    far, back, nowhere = described.events
    assert (far.first, far.last, far.confidence, far.importance) == (3, 3, 1.0, 0.0)
    assert len(far.flags) == 3
    assert (back.first, back.last) == (1, 2)
    assert back.flags
    assert (nowhere.first, nowhere.last) == (0, 3)
    assert nowhere.flags


def test_usage_is_summed_over_attempts_and_absent_when_the_server_gives_none():
    server = ModelServer([says("prose"), throttled(), ok()])
    shown = window(3)
    [described] = describe(server, shown)
    usage = described.usage
    assert (usage.requests, usage.retries, usage.images) == (3, 2, 9)
    assert usage.image_bytes == 3 * sum(len(each.data) for each in shown.pictures)
    assert (usage.prompt_tokens, usage.completion_tokens) == (2000, 200)
    server = ModelServer([ok(usage=None)])
    [described] = describe(server, window(1))
    assert described.usage.prompt_tokens is None


def test_ten_megabytes_of_text_are_bounded():
    server = ModelServer(lambda _request: says("x" * 10_000_000))
    [described] = describe(server, window(1))
    assert described.failure.kind == "BadReply"
    assert len(described.failure.raw) <= 8000
    assert len(server.requests) == 3


def test_an_error_in_the_middle_of_a_stream_is_an_error():
    broken = Turn(
        body=b'data: {"choices":[{"delta":{"content":"{"}}]}\n\ndata: {"error": {"message": "boom", "code": 500}}\n\n',
        content_type="text/event-stream",
    )
    half = Turn(body=b'data: {"choices":[{"delta":{"content":"{"}}]}\n\n', content_type="text/event-stream")
    server = ModelServer([broken, half, ok([event("Seen", 1)])])
    [described] = describe(server, window(1))
    assert described.events[0].title == "Seen"
    assert described.usage.requests == 3


def test_an_error_inside_a_200_is_an_error():
    server = ModelServer([Turn(body=b'{"error": {"message": "Provider returned error", "code": 429}}'), ok()])
    [described] = describe(server, window(1))
    assert described.failure is None
    assert len(server.requests) == 2


# -- leaving -----------------------------------------------------------------------------------------------------------------


def test_cancelling_leaves_no_task_and_no_connection():
    server = ModelServer(delay=30)

    async def work():
        async with server:
            session = OpenAiDescriber(OpenAiOptions(endpoint=server.url, model="m", concurrency=2)).session()
            tasks = [asyncio.create_task(session.describe(window(1, index=n), PROMPT)) for n in range(5)]
            await server.until_busy(2)
            for task in tasks:
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
            assert all(isinstance(each, asyncio.CancelledError) for each in ended)
            assert session.endpoint.slots.busy == 0
            await session.close()
            await session.close()
            # What is left belongs to the server, which runs in this loop as well.
            assert not [task for task in asyncio.all_tasks() if "videoscan/describers" in repr(task)]

    asyncio.run(work())


def test_two_sessions_of_one_endpoint_share_what_was_learned_and_the_last_closes_it():
    server = ModelServer(schemas="refused")

    async def work():
        async with server:
            describer = OpenAiDescriber(OpenAiOptions(endpoint=server.url, model="m"))
            one, two = describer.session(), describer.session()
            assert one.endpoint is two.endpoint
            await one.describe(window(1), PROMPT)
            await one.close()
            await two.describe(window(1), PROMPT)
            await two.close()

    asyncio.run(work())
    assert len(server.requests) == 3
    assert len(server.connections) == 1


def test_a_server_in_a_thread_serves_other_loops():
    with ModelServer.in_thread([ok([event("Seen", 1)])]) as server:

        async def work():
            session = OpenAiDescriber(OpenAiOptions(endpoint=server.url, model="m")).session()
            try:
                return await session.describe(window(1), PROMPT)
            finally:
                await session.close()

        assert asyncio.run(work()).events[0].title == "Seen"


def test_the_server_notices_what_breaks_the_wire_format():
    liar = picture(1, media_type="image/png")
    liar = type(liar)(**{name: getattr(liar, name) for name in liar.__slots__} | {"media_type": "image/jpeg"})
    with pytest.raises(AssertionError, match="declared image/jpeg"):
        describe(ModelServer(), Window(0, 0.0, 1.0, (liar,)))


# -- the language of the answer ------------------------------------------------------------------------------------------

ENGLISH = [event("A red car arrives", 1, description="A red car arrives from the left and parks beside the house.")]
GERMAN = [event("Ein Auto kommt", 1, description="Ein rotes Auto kommt von links und parkt neben dem Haus.")]


def in_language(events, words):
    return says(answer(events, summary=words, observations=[words]))


def english():
    return in_language(ENGLISH, "A car park at night, and nothing else can be seen.")


def german():
    return in_language(GERMAN, "Ein Parkplatz bei Nacht, und sonst ist nichts zu sehen.")


def test_an_answer_in_another_language_is_asked_for_once_more_and_then_from_the_start():
    server = ModelServer([english(), german(), german()])
    first, second = describe(server, window(2), window(2, index=1), language="de")
    assert [each.title for each in (*first.events, *second.events)] == ["Ein Auto kommt"] * 2
    assert (first.flags, first.attempts, first.usage.retries) == ((), 2, 1)
    assert (second.flags, second.attempts) == ((), 1)
    asked = [request.text for request in server.requests]
    assert ["Answer in German." in text for text in asked] == [False, True, True]
    assert all(text.endswith("What happens?") for text in asked)


def test_a_language_that_is_never_heeded_is_flagged_and_soon_no_longer_paid_for():
    server = ModelServer(lambda _request: english())
    described = describe(server, *(window(1, index=number) for number in range(5)), language="German")
    assert [each.attempts for each in described] == [2, 2, 2, 1, 1]
    for each in described:
        assert each.failure is None
        assert each.events[0].title == "A red car arrives"
        assert each.flags == ("answer in another language: English, not German",)


def test_after_an_answer_that_cannot_be_read_the_one_in_another_language_stands():
    server = ModelServer([english(), says("Nein."), says("Nein.")])
    [described] = describe(server, window(1), language="de")
    assert described.attempts == 3
    assert described.events[0].title == "A red car arrives"
    assert described.flags == ("answer in another language: English, not German",)


def test_without_a_language_any_will_do():
    server = ModelServer([english(), german()])
    described = describe(server, window(1), window(1, index=1))
    assert [(each.attempts, each.flags) for each in described] == [(1, ()), (1, ())]
