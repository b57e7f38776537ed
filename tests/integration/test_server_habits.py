"""What real model servers do and say, each in their own words, against a real HTTP server."""

import asyncio
import dataclasses
import json

import pytest
from describing import GOOD, describe
from shared import clip, hold_to_contract

import videoscan
from videoscan import observe, patience
from videoscan.testing.model_server import ModelServer, Turn, answer, event, fails, ok, says, sees_everything, throttled
from videoscan.testing.pictures import picture, window

SMALL = "cuts/bikes.mp4"
CUT = "surv/one-by-one-person.mp4"


def titles(described):
    return [each.title for each in described.events]


# -- waiting ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("turn", "least", "most"),
    [
        # LiteLLM's issue 27823: no header, the wait in words.
        (
            fails(429, "No deployments available for selected model, Try again in 60 seconds. Passed model=m", code="429"),
            60,
            66,
        ),
        # OpenAI, in milliseconds as well, which is the more exact.
        (Turn(status=429, body=b"{}", headers={"Retry-After": "1", "Retry-After-Ms": "250"}), 0.25, 0.28),
        (
            fails(429, "Rate limit reached for gpt-4o on tokens per min. Please try again in 6.5s.", code="rate_limit_exceeded"),
            6.5,
            7.2,
        ),
        # ModelArts: requests per minute, and nothing about when.
        (Turn(status=429, body=b'{"error_code": "ModelArts.81101", "error_msg": "RPM"}'), 0.2, 0.5),
        (throttled(retry_after="999999", status=503), 119.9, 120),
        (fails(503, "retry after 999999 seconds"), 119.9, 120),
        (throttled(retry_after="Fri, 31 Dec 9999 23:59:59 GMT"), 119.9, 120),
        (throttled(retry_after="-1"), 0.2, 0.5),
        (throttled(retry_after="9" * 400), 119.9, 120),
    ],
    ids=[
        "litellm",
        "milliseconds",
        "openai",
        "modelarts",
        "503 for days",
        "days in words",
        "year 9999",
        "negative",
        "400 digits",
    ],
)
def test_a_wait_is_read_wherever_it_stands_and_bounded(turn, least, most):
    server = ModelServer([turn, ok()])
    [described] = describe(server, window(2))
    assert described.failure is None
    assert len(server.waits) == 1
    assert least <= server.waits[0] <= most + 0.01


def test_a_window_ends_when_its_time_is_up_however_patient_the_rest_is():
    server = ModelServer(lambda _request: throttled(retry_after="100"))
    first, second = describe(server, window(1), window(1, index=1), retries=100, window_timeout=350)
    for described in (first, second):
        assert described.failure.kind == "EndpointThrottled"
        assert described.usage.requests == 4, "three waits of a hundred seconds fit in, a fourth does not"
    assert sum(server.waits) < 2 * 350


def test_the_time_of_a_window_covers_its_parts_and_what_is_asked_again():
    def slow(request):
        return throttled(retry_after="100") if request.index % 2 else says("I see a car.")

    server = ModelServer(slow, most_pictures=1)
    [described] = describe(server, window(6), window_timeout=250)
    assert described.failure is not None
    assert 200 <= sum(server.waits) <= 250


def test_waiting_for_ones_turn_is_not_time_of_the_window():
    server = ModelServer()
    described = describe(server, *(window(1, index=n) for n in range(6)), requests_per_minute=1, window_timeout=5)
    assert [each.failure for each in described] == [None] * 6
    assert sum(server.waits) > 4 * 60


def test_an_answer_in_hand_is_kept_when_there_is_no_time_for_a_better_one():
    cut_off = says(answer([event("One", 1), event("Two", 2)])[:-40])
    server = ModelServer([cut_off], delay=0)
    server._script = [cut_off, throttled(retry_after="100"), throttled(retry_after="100")]
    [described] = describe(server, window(3), window_timeout=150)
    assert described.failure is None
    assert titles(described)[0] == "One"


# -- refusals ------------------------------------------------------------------------------------------------------------


def test_a_bad_picture_that_is_answered_with_500_is_not_sent_for_ever():
    server = ModelServer(lambda _request: Turn(status=500, body=b"cannot identify image file", content_type="text/plain"))
    [described] = describe(server, window(1), retries=50)
    assert described.failure.kind == "EndpointFailed"
    assert "cannot identify image file" in described.failure.message
    assert len(server.requests) == 4


@pytest.mark.parametrize(
    "limits",
    [{"most_pictures": 2}, {"context": 250}, {"schemas": "refused"}, {"most_bytes": 120_000}],
    ids=lambda limits: next(iter(limits)),
)
def test_a_scan_of_an_endpoint_that_takes_less_is_complete_and_counts_no_failure(tmp_path, limits):
    with ModelServer.in_thread(sees_everything, **limits) as server:
        timeline = videoscan.scan_sync(
            clip(SMALL),
            out=tmp_path / "out",
            endpoint=server.url,
            model="m",
            sets=("windows.max_frames=5", "describer.concurrency=1"),
        )
        refused = sum(len(request.pictures) > 2 for request in server.requests)
    hold_to_contract(tmp_path / "out")
    assert timeline.complete
    assert all(each.status == "described" and each.error is None for each in timeline.windows)
    assert timeline.usage.retries == 0 or "schemas" in limits
    if "most_pictures" in limits or "context" in limits:
        assert refused == 1, "it is learned once, and remembered"


def test_a_filtered_window_is_a_gap_and_nothing_else(tmp_path):
    def script(request):
        blocked = Turn(status=403, body=b'{"error_code": "ModelArts.81011", "error_msg": "May contain senstive words"}')
        return blocked if request.labels[0].endswith("00:00:00.000") else sees_everything(request)

    with ModelServer.in_thread(script) as server:
        timeline = videoscan.scan_sync(
            clip(SMALL), out=tmp_path / "out", endpoint=server.url, model="m", sets=("windows.max_frames=3",)
        )
        asked = sum(request.labels[0].endswith("00:00:00.000") for request in server.requests)
    hold_to_contract(tmp_path / "out")
    assert asked == 1
    failed = [each for each in timeline.windows if each.status == "failed"]
    assert [each.error.kind for each in failed] == ["ContentFiltered"]
    assert len(timeline.windows) > 1


# -- answers -------------------------------------------------------------------------------------------------------------

EVENTS = json.dumps([event("A car arrives", 2, 3), event("It leaves", 4)])


def calls(arguments, **more):
    return {"tool_calls": [{"id": "c", "type": "function", "function": {"name": "report", "arguments": arguments}}], **more}


@pytest.mark.parametrize(
    "turn",
    [
        says(EVENTS),
        says(f"```json\n{EVENTS}\n```"),
        says(f"<think>[1, 2] {{}}</think>Here they are: {EVENTS}"),
        says("\n".join(json.dumps(each) for each in json.loads(EVENTS))),
    ],
    ids=["a list", "fenced", "after prose", "one a line"],
)
def test_events_without_the_object_around_them_are_an_answer(turn):
    server = ModelServer([turn])
    [described] = describe(server, window(4))
    assert titles(described) == ["A car arrives", "It leaves"]
    assert any("alone" in flag for flag in described.flags)
    assert len(server.requests) == 1


def test_one_event_alone_is_an_answer_and_a_list_that_was_cut_off_keeps_its_whole_ones():
    server = ModelServer([says(json.dumps(event("Only one", 2))), says(EVENTS[:-30], finish="length")])
    one, cut_off = describe(server, window(4), window(4, index=1))
    assert titles(one) == ["Only one"]
    assert titles(cut_off) == ["A car arrives"]
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    "turn",
    [
        says(None, message=calls(GOOD), finish="tool_calls"),
        says("", message=calls(json.loads(GOOD)), finish="tool_calls"),
        says(None, message={"function_call": {"name": "report", "arguments": GOOD}}, finish="function_call"),
        says("", message=calls(GOOD), stream=True, finish="tool_calls"),
    ],
    ids=["tool", "tool with an object", "function", "streamed"],
)
def test_an_answer_inside_a_tool_call_is_read(turn):
    server = ModelServer([turn])
    [described] = describe(server, window(4))
    assert titles(described) == ["A car arrives"]
    assert len(server.requests) == 1


def stream(*lines, end="\n\n"):
    return Turn(body=end.join(lines).encode() + end.encode(), content_type="text/event-stream")


def delta(content, **more):
    return "data: " + json.dumps({"choices": [{"index": 0, "delta": {"content": content}, **more}]}, ensure_ascii=False)


LATE_USAGE = 'data: {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 3}}'


@pytest.mark.parametrize(
    "turn",
    [
        stream(
            delta(None),
            *[delta(GOOD[at : at + 9]) for at in range(0, len(GOOD), 9)],
            delta("", finish_reason="stop"),
            "data: [DONE]",
        ),
        stream(delta(GOOD, finish_reason="stop"), LATE_USAGE, "data: [DONE]", end="\r\n\r\n"),
        stream(": keep-alive", "event: message", delta(GOOD), "data: [DONE]", end="\n"),
        stream("id: 1", "retry: 3000", delta(GOOD, finish_reason="stop"), end="\r"),
        stream(delta(GOOD[:40]).replace("data: ", "data:"), delta(GOOD[40:]), LATE_USAGE),
        stream(delta("<think>one car</think>"), delta(GOOD, finish_reason="stop"), "data: [DONE]", "data: trailing rubbish"),
        stream(
            *[delta(None) for _ in range(3)],
            'data: {"choices": [{"delta": {"reasoning_content": "hm"}}]}',
            'data: {"choices": [{"delta": null}]}',
            'data: {"choices": [{}]}',
            delta(GOOD, finish_reason="stop"),
        ),
        stream("data: " + json.dumps({"choices": [{"message": {"content": GOOD}, "finish_reason": "stop"}]}), "data: [DONE]"),
        stream('data: {"choices": [{"delta":\ndata: {"content": ' + json.dumps(GOOD) + "}}]}", "data: [DONE]"),
    ],
    ids=[
        "pieces",
        "crlf",
        "no blank lines",
        "cr only",
        "no space, no DONE",
        "rubbish after",
        "odd deltas",
        "a message",
        "two lines",
    ],
)
def test_a_stream_is_read_with_all_its_quirks(turn):
    server = ModelServer([turn])
    [described] = describe(server, window(4))
    assert described.failure is None
    assert titles(described) == ["A car arrives"]
    assert len(server.requests) == 1


@pytest.mark.parametrize("sent", ["application/json", "text/plain"])
def test_a_stream_is_known_by_what_it_is_not_by_what_it_is_called(sent):
    turn = stream(delta(GOOD, finish_reason="stop"), LATE_USAGE)
    server = ModelServer([dataclasses.replace(turn, content_type=sent)])
    [described] = describe(server, window(4))
    assert titles(described) == ["A car arrives"]
    assert described.usage.prompt_tokens == 7


def test_ten_megabytes_of_events_are_bounded_and_do_not_hold_the_loop_up():
    huge = answer([event("x" * 200, 1, description="y" * 1000) for _ in range(8000)])
    server = ModelServer(lambda _request: says(huge))
    [described] = describe(server, window(1))
    assert described.failure.kind == "BadReply"
    assert "larger than" in described.failure.message
    assert len(server.requests) == 3


# -- a server that looks at less than it was sent --------------------------------------------------------------------------


def test_a_prompt_that_was_cut_silently_is_flagged_with_the_remedy():
    shown = dataclasses.replace(window(12), pictures=tuple(picture(n, width=1280, height=720) for n in range(12)))
    cut_off = {"prompt_tokens": 4096, "completion_tokens": 50}
    server = ModelServer(lambda request: ok([event("Seen", 1)], usage=cut_off))
    [described] = describe(server, shown, model="qwen3-vl:8b", dialect="ollama")
    [flag] = [flag for flag in described.flags if "prompt tokens" in flag]
    assert "counted 4096" in flag
    assert "OLLAMA_CONTEXT_LENGTH" in flag


def test_a_prompt_that_was_cut_silently_is_said_once():
    said = []
    usage = {"prompt_tokens": 3, "completion_tokens": 50}
    with ModelServer.in_thread(lambda _request: ok([event("Seen", 1)], usage=usage)) as server:
        videoscan.scan_sync(
            clip(SMALL),
            endpoint=server.url,
            model="qwen3-vl",
            sets=("windows.max_frames=2", "describer.probe=never"),
            observer=said.append,
        )
    notes = [fact.text for fact in said if isinstance(fact, observe.Note) and "prompt tokens" in fact.text]
    assert len(notes) == 1
    assert notes[0].startswith("127.0.0.1:")


@pytest.mark.parametrize(
    ("model", "counted", "flagged"),
    [("qwen3-vl", 10_700, False), ("somebody-elses", 900, False), ("somebody-elses", 150, True), ("qwen3-vl", None, False)],
)
def test_only_a_count_that_cannot_be_right_is_flagged(model, counted, flagged):
    shown = dataclasses.replace(window(12), pictures=tuple(picture(n, width=1280, height=720) for n in range(12)))
    usage = None if counted is None else {"prompt_tokens": counted, "completion_tokens": 50}
    server = ModelServer(lambda _request: ok([event("Seen", 1)], usage=usage))
    [described] = describe(server, shown, model=model)
    assert any("prompt tokens" in flag for flag in described.flags) == flagged


# -- what a dialect changes about a request ---------------------------------------------------------------------------------


def sent(**options):
    server = ModelServer()
    describe(server, window(2), **options)
    return server.requests[0]


def pictures_of(request):
    return [part["image_url"] for part in request.body["messages"][-1]["content"] if part["type"] == "image_url"]


def test_detail_goes_along_where_it_matters_or_where_it_is_asked_for():
    assert all(set(each) == {"url"} for each in pictures_of(sent(dialect="vllm")))
    assert [each["detail"] for each in pictures_of(sent(dialect="openai"))] == ["high", "high"]
    assert [each["detail"] for each in pictures_of(sent(dialect="openai", detail="low"))] == ["low", "low"]
    assert [each["detail"] for each in pictures_of(sent(dialect="generic", detail="low"))] == ["low", "low"]


def test_a_stream_that_was_asked_for_is_asked_for_its_token_counts():
    streamed = sent(dialect="vllm", extra_body={"stream": True})
    assert streamed.body["stream_options"] == {"include_usage": True}
    assert "stream_options" not in sent(dialect="vllm").body
    assert "stream_options" not in sent(dialect="generic", extra_body={"stream": True}).body
    own = sent(dialect="vllm", extra_body={"stream": True, "stream_options": {"include_usage": False}})
    assert own.body["stream_options"] == {"include_usage": False}


def test_a_dialects_headers_go_along_and_no_other_ones():
    assert sent(dialect="openrouter").headers["X-Title"] == "videoscan"
    assert "X-Title" not in sent(dialect="vllm").headers


# -- one slow window -----------------------------------------------------------------------------------------------------------


def test_one_window_that_hangs_does_not_stall_the_others_and_memory_stays_bounded(tmp_path):
    ready = done = most = 0
    finished = asyncio.Event()

    def observer(fact):
        nonlocal ready, done, most
        ready += isinstance(fact, observe.WindowReady)
        most = max(most, ready - done)
        if isinstance(fact, observe.WindowDone):
            done += 1
            if server.windows is not None and done == server.windows - 1:
                finished.set()
        if isinstance(fact, observe.Decoded):
            server.windows = fact.windows
            if done == fact.windows - 1:
                finished.set()

    def script(request):
        return ok(delay=30) if request.labels and request.labels[0].endswith("00:00:00.000") else sees_everything(request)

    server = ModelServer(script)
    server.windows = None

    async def work():
        async with server:
            scan = asyncio.create_task(
                videoscan.scan(
                    clip(CUT),
                    endpoint=server.url,
                    model="m",
                    sets=("windows.max_frames=2", "dedup.kind=none", "describer.concurrency=3"),
                    observer=observer,
                )
            )
            await asyncio.wait_for(finished.wait(), 120)
            assert not scan.done(), "the first window still hangs"
            scan.cancel()
            await asyncio.gather(scan, return_exceptions=True)

    with patience.instantly():
        asyncio.run(work())
    assert server.windows > 20
    assert most <= 3, "no more windows are held than are asked about at once"
