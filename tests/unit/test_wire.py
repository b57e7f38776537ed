"""Bodies out of pictures, and sense out of whatever comes back."""

import base64
import dataclasses
import json
import time

import pytest

from videoscan import prompts
from videoscan.describers import answer, refusals, replies, shape, wire
from videoscan.describers.answer import find_object, read
from videoscan.describers.dialects import DIALECTS, Meaning
from videoscan.describers.split import Part, cut, merge
from videoscan.model import Told
from videoscan.testing.model_server import answer as written
from videoscan.testing.model_server import event
from videoscan.testing.pictures import picture

GENERIC = DIALECTS["generic"]
PROMPT = prompts.build(question='What "happens"?\n你好')


def zoom(of: int, time: float = 0.0):
    return dataclasses.replace(picture(of, time), zoom_of=of)


def made(pictures, prompt=PROMPT, **options):
    given = {"model": "m", "max_tokens": 100, "schema": None, "instruct": False, **options}
    return json.loads(bytes(wire.body(pictures, prompt, **given)))


# -- out --------------------------------------------------------------------------------------------------------------------


def test_parts_are_a_name_and_a_picture_each_and_the_words_last():
    shown = (picture(5, 72.4), picture(9, 3600.0, media_type="image/png"))
    body = made(shown)
    system, user = body["messages"]
    assert system == {"role": "system", "content": PROMPT.system}
    first, one, second, two, words = user["content"]
    assert (first["text"], second["text"]) == ("Frame 1 · 00:01:12.400", "Frame 2 · 01:00:00.000")
    for part, each in ((one, shown[0]), (two, shown[1])):
        head, _, text = part["image_url"]["url"].partition(",")
        assert head == f"data:{each.media_type};base64"
        assert base64.b64decode(text, validate=True) == each.data
    assert words == {"type": "text", "text": PROMPT.instructions}
    assert body["max_tokens"] == 100
    assert set(body) == {"model", "messages", "max_tokens"}


def test_a_crop_is_named_after_its_frame_and_has_no_number_of_its_own():
    numbering = wire.number((picture(5), zoom(5), picture(7), zoom(7), zoom(7)))
    assert [label.split(" · ")[0] for label in numbering.labels] == [
        "Frame 1",
        "Frame 1 zoom",
        "Frame 2",
        "Frame 2 zoom",
        "Frame 2 zoom",
    ]
    assert numbering.places == (0, 2)


def test_text_alone_goes_as_a_plain_string():
    assert made(())["messages"][1]["content"] == PROMPT.instructions
    assert [each["role"] for each in made((), dataclasses.replace(PROMPT, system=""))["messages"]] == ["user"]


def test_the_schema_goes_as_response_format_and_the_form_as_words():
    body = made((picture(1),), schema=PROMPT.schema, instruct=True, extra={"temperature": 0.2, "max_tokens": 7})
    assert body["response_format"]["json_schema"] == {"name": "videoscan_window", "strict": True, "schema": PROMPT.schema}
    assert (body["temperature"], body["max_tokens"]) == (0.2, 7)
    text = body["messages"][1]["content"][-1]["text"]
    assert '"confidence": number 0 to 1' in text
    assert text.endswith(PROMPT.instructions)


def test_bounds_are_taken_out_but_never_a_property_of_that_name():
    schema = {"type": "object", "properties": {"maxLength": {"type": "string", "maxLength": 3}}, "minItems": 1}
    assert shape.without_bounds(schema) == {"type": "object", "properties": {"maxLength": {"type": "string"}}}


def test_five_megabytes_are_spliced_in_milliseconds():
    shown = tuple(dataclasses.replace(picture(n), base64=b"A" * 333_000) for n in range(16))
    began = time.perf_counter()
    body = wire.body(shown, PROMPT, model="m", max_tokens=1, schema=PROMPT.schema, instruct=False)
    assert body.size == len(bytes(body)) > 5_000_000
    assert sum(any(piece is each.base64 for each in shown) for piece in body.pieces) == 16, "pictures are not copied"
    assert time.perf_counter() - began < 0.5  # about 2 ms on an idle machine; an encoder takes 45


# -- refusals -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "body", "meaning"),
    [
        (429, "", Meaning.THROTTLED),
        (503, "<html><h1>busy</h1></html>", Meaning.THROTTLED),
        (500, "Internal Server Error", Meaning.FAILED),
        (408, "", Meaning.FAILED),
        (409, "", Meaning.FAILED),
        (500, '{"error": {"message": "Context size has been exceeded."}}', Meaning.TOO_MANY),
        (401, "", Meaning.REFUSED),
        (403, '{"detail": "forbidden"}', Meaning.REFUSED),
        (403, '{"error_code": "ModelArts.81011", "error_msg": "x"}', Meaning.FILTERED),
        (403, '{"error": {"message": "blocked by our content policy"}}', Meaning.FILTERED),
        (404, "", Meaning.REFUSED),
        (413, "", Meaning.TOO_MANY),
        (504, '{"error_code": "APIG.0203", "error_msg": "Backend timeout"}', Meaning.OVERLOADED),
        (429, '{"error": {"code": "insufficient_quota", "message": "pay"}}', Meaning.REFUSED),
        (400, '{"error": {"message": "At most 16 image(s) may be provided in one prompt."}}', Meaning.TOO_MANY),
        (400, '{"detail": "Too many images: 20 > 16"}', Meaning.TOO_MANY),
        (400, '{"error": "You set image=2 in `--limit-mm-per-prompt`, but passed 3 image items"}', Meaning.TOO_MANY),
        (
            400,
            '{"message": "This model\'s maximum context length is 8192 tokens. However, you requested 9000"}',
            Meaning.TOO_MANY,
        ),
        (400, '{"error": {"code": "context_length_exceeded", "message": "x"}}', Meaning.TOO_MANY),
        (400, '{"error": {"message": "request body too large"}}', Meaning.TOO_MANY),
        (400, '{"error": "Only 4 images are supported"}', Meaning.TOO_MANY),
        (400, '{"error": "Number of images (10) exceeds the limit of 4"}', Meaning.TOO_MANY),
        (
            400,
            '{"message": "The decoder prompt (length 9000) is longer than the maximum model length of 8192."}',
            Meaning.TOO_MANY,
        ),
        (
            400,
            '{"message": "The input (9000 tokens) is longer than the model\'s context length (8192 tokens)."}',
            Meaning.TOO_MANY,
        ),
        (422, '{"detail": "prompt is too long: 9000 tokens > 8192 maximum"}', Meaning.TOO_MANY),
        (400, "图片数量超过限制,最多支持10张", Meaning.TOO_MANY),
        (
            400,
            '{"error": {"message": "Total image size is 50.56MB, which exceeds the allowed limit of 50MB."}}',
            Meaning.TOO_MANY,
        ),
        (400, '{"error": {"message": "Range of input length should be [1, 129024]"}}', Meaning.TOO_MANY),
        (
            400,
            '[{"error": {"message": "The input token count exceeds the maximum number of tokens allowed 1048576."}}]',
            Meaning.TOO_MANY,
        ),
        (422, '{"detail": [{"loc": ["body", "response_format"], "msg": "extra fields not permitted"}]}', Meaning.NO_SCHEMA),
        (400, '{"error": {"message": "failed to parse grammar"}}', Meaning.NO_SCHEMA),
        (400, '{"error": {"message": "Bad Request"}}', Meaning.NO_SCHEMA),
        (400, '{"error": {"message": "Input data may contain inappropriate content"}}', Meaning.FILTERED),
        (400, "{\"detail\": \"Server is pinned to '/models/a'; requested 'b'.\"}", Meaning.REFUSED),
        (400, '{"error": {"message": "b is not a valid model ID", "code": 400}}', Meaning.REFUSED),
        (400, '{"error": {"message": "Invalid model name passed in model=b"}}', Meaning.REFUSED),
        (400, '{"error": {"message": "The model `b` does not exist."}}', Meaning.REFUSED),
        (302, "", Meaning.REFUSED),
    ],
)
def test_a_refusal_means_what_it_says(status, body, meaning):
    assert refusals.judge(status, {}, body.encode(), GENERIC, sent_schema=True).meaning is meaning


def test_an_opaque_400_is_a_guess_and_without_a_schema_a_rejection():
    assert refusals.judge(400, {}, b"no", GENERIC, sent_schema=True).sure is False
    assert refusals.judge(400, {}, b"no", GENERIC).meaning is Meaning.REJECTED


@pytest.mark.parametrize(
    ("message", "pictures"),
    [
        ("At most 16 image(s) may be provided in one prompt.", 16),
        ("You set image=2 (or defaulted to 1) in `--limit-mm-per-prompt`, but passed 3 image items", 2),
        ("Too many images. Maximum is 8 images.", 8),
        ("Number of images (10) exceeds the limit of 4", 4),
        ("too many images, max 4", 4),
        ("Exceeded limit on max data-uri per request: 250", 250),
        ("Too many images were provided, we currently limit the number of images per conversation to 60", 60),
        ("Total image size is 50.56MB, which exceeds the allowed limit of 50MB.", None),
        ("too many images", None),
        ("the request exceeds the available context size", None),
    ],
)
def test_the_number_of_pictures_that_is_taken_is_read_where_it_is_said(message, pictures):
    assert refusals.judge(400, {}, json.dumps({"error": {"message": message}}).encode(), GENERIC).pictures == pictures


def test_llamacpps_own_words_give_its_measure():
    body = b'{"error":{"code":400,"message":"request (4458 tokens) exceeds the available context size (4096 tokens), try increasing it","type":"exceed_context_size_error","n_prompt_tokens":4458,"n_ctx":4096}}'
    refusal = refusals.judge(400, {}, body, GENERIC, sent_schema=True)
    assert (refusal.meaning, refusal.room, refusal.needed) == (Meaning.TOO_MANY, 4096, 4458)


@pytest.mark.parametrize(
    "message",
    [
        "The decoder prompt (length 10127) is longer than the maximum model length of 8192. Make sure that `max_model_len` is no smaller than the number of text tokens plus multimodal tokens. For image inputs, the number of image tokens depends on the number of images.",
        "The input (10127 tokens) is longer than the model's context length (8192 tokens).",
        "Inference failed: Unknown error: Tokenizer encode failed. the prompt length 10127 must less than the maximum input length 8192.Request failed with status: 400 BAD_REQUEST.",
        "The input token count (10127) exceeds the maximum number of tokens allowed (8192).",
    ],
)
def test_the_room_is_read_out_of_vllms_sglangs_modelarts_and_geminis_sentences(message):
    body = json.dumps({"object": "error", "message": message, "type": "BadRequestError", "param": None, "code": 400}).encode()
    refusal = refusals.judge(400, {}, body, GENERIC, sent_schema=True)
    assert (refusal.meaning, refusal.room, refusal.needed) == (Meaning.TOO_MANY, 8192, 10127)
    assert refusal.pictures is None


# -- answers --------------------------------------------------------------------------------------------------------------------


def test_the_last_object_wins_over_drafts():
    text = f'{{"events": [], "draft": 1}} better: {written([event("Final", 1)])}'
    found, whole = find_object(text)
    assert whole
    assert found["events"][0]["title"] == "Final"


WHOLE = written([event('One {with} [brackets] and "quotes"', 1), event("Two", 2)])


def test_an_answer_cut_anywhere_yields_complete_events_or_nothing():
    for end in range(1, len(WHOLE)):
        reading = read(WHOLE[:end], (0, 1, 2))
        told = len(reading.events) if reading else 0
        assert told == WHOLE[:end].count('"attributes": {}}'), WHOLE[:end]
        assert reading is None or not reading.whole


def test_an_answer_cut_after_an_empty_list_of_events_is_a_quiet_one():
    reading = read('{"observations": ["a"], "events": [], "summary": "Not', (0,))
    assert reading.events == ()
    assert reading.observations == ("a",)
    assert not reading.whole


def test_nothing_sound_is_nothing():
    for text in (
        "",
        "no JSON",
        "{",
        '{"observations": ["a',
        '{"observations": ["a"], "events": [{"title": "x',
        "[1, 2]",
        '{"a": 1}',
        "{" * 5000,
    ):
        assert read(text, (0, 1)) is None


def test_hostile_nesting_ends_quickly():
    began = time.perf_counter()
    assert read('{"a":' * 100_000, (0,)) is None
    assert read("[" * 200_000 + '{"events"', (0,)) is None
    assert time.perf_counter() - began < 5


def test_strange_values_are_made_safe():
    reading = read(
        json.dumps(
            {
                "observations": "one only",
                "summary": None,
                "events": [
                    {"title": "", "description": "words"},
                    {"title": "\ud800\x00bad", "first_frame": "Frame 2", "last_frame": 2.0, "confidence": "90%", "tags": "car"},
                    {"title": "Nan", "first_frame": True, "confidence": "high", "importance": 1e400, "attributes": []},
                    "A plain sentence",
                    {"nothing": 1},
                    7,
                ],
            }
        ),
        (0, 1, 2),
    )
    words, bad, nan, plain = reading.events
    assert words.title == "words"
    assert (bad.title, bad.first, bad.last, bad.confidence, bad.tags) == ("?bad", 1, 1, 0.9, ("car",))
    assert (nan.first, nan.last, nan.confidence) == (0, 2, None)
    assert plain.title == "A plain sentence"
    assert reading.observations == ("one only",)
    assert reading.summary is None
    assert any("left out" in flag for flag in reading.flags)
    json.dumps([event.title for event in reading.events]).encode()


def test_frame_numbers_are_places_of_frames_and_not_of_crops():
    places = wire.number((picture(5), zoom(5), picture(7), picture(8))).places
    [told] = read(
        written([event("x", 2, 3, boxes=[{"frame": 2, "box": [0.1, 0.2, 1.5, 0.9]}, {"frame": 9, "box": [0, 0, 1, 1]}])]), places
    ).events
    assert (told.first, told.last) == (2, 3)
    assert told.regions == {2: (0.1, 0.2, 1.0, 0.9)}
    assert len(told.flags) == 2


def test_an_event_told_twice_is_kept_once():
    reading = read(written([event("x", 1, 2), event("x", 1, 2), event("x", 3)]), (0, 1, 2))
    assert len(reading.events) == 2


# -- parts -----------------------------------------------------------------------------------------------------------------------


def test_parts_are_few_even_and_keep_crops_with_their_frames():
    shown = [picture(n) for n in range(10)]
    assert [len(part.pictures) for part in cut(shown, 4, None)] == [3, 3, 4]
    assert [part.offset for part in cut(shown, 4, None)] == [0, 3, 6]
    assert len(cut(shown, None, None)) == 1
    assert len(cut(shown, 100, None, halve=True)) == 2
    with_crops = [picture(1), zoom(1), picture(2), zoom(2), picture(3)]
    assert [len(part.pictures) for part in cut(with_crops, 2, None)] == [2, 2, 1]
    alone = cut(with_crops, 1, None)
    assert [len(part.pictures) for part in alone] == [1, 1, 1]
    assert [part.offset for part in alone] == [0, 2, 4]
    each = len(shown[0].base64)
    assert all(sum(len(p.base64) for p in part.pictures) <= each * 4 for part in cut(shown, None, each * 4))


def test_joined_answers_speak_of_the_whole_windows_places():
    one, two = Part((picture(1), picture(2)), 0), Part((picture(3), picture(4)), 2)
    told = Told("A man walks", "He walks.", 0, 1, confidence=0.4, regions={1: (0, 0, 1, 1)})
    goes_on = dataclasses.replace(
        told, title="a man walks", first=0, last=0, confidence=0.8, description="Still.", regions={0: (0, 0, 1, 1)}
    )
    again = dataclasses.replace(told, first=1, last=1)
    merged = merge(
        [
            (one, answer.Reading(("a",), (told,), "One.", ("f",))),
            (two, answer.Reading(("b",), (goes_on, again), "Two.", ("f",), whole=False)),
        ]
    )
    assert [(each.first, each.last) for each in merged.events] == [(0, 2), (3, 3)]
    assert merged.events[0].confidence == 0.8
    assert set(merged.events[0].regions) == {1, 2}
    assert (merged.observations, merged.summary, merged.flags, merged.whole) == (("a", "b"), "One. Two.", ("f",), False)


def test_an_event_goes_on_across_parts_whose_last_frame_has_a_crop():
    one, two = Part((picture(1), picture(2), zoom(2)), 0), Part((picture(3),), 3)
    told = Told("A man walks", "He walks.", 0, 1)
    merged = merge(
        [(one, answer.Reading((), (told,), None)), (two, answer.Reading((), (dataclasses.replace(told, last=0),), None))]
    )
    assert [(each.first, each.last) for each in merged.events] == [(0, 3)]


@pytest.mark.parametrize(
    "text",
    [
        '{"observations": ["a, }",], "events": [{"title": "T", "first_frame": 1, "tags": ["x",],},], "summary": "S",}',
        '{"answer": {"observations": ["a, }"], "events": [{"title": "T", "first_frame": 1, "tags": "x, "}], "summary": "S"}}',
        '{"observations": ["a, }"], "events": [{"title": "T", "first_frame": 1, "last_frame": %s, "tags": ["x"]}], "summary": "S"}'
        % ("9" * 5000),
    ],
    ids=["trailing commas", "wrapped in an object", "a number of 5000 digits"],
)
def test_slips_with_only_one_reading_are_read(text):
    reading = read(text, [0])
    assert reading is not None
    assert reading.whole
    assert reading.observations == ("a, }",)
    assert [(told.title, told.tags) for told in reading.events] == [("T", ("x",))]


def test_tags_in_one_text_are_several_tags():
    reading = read('{"events": [{"title": "T", "first_frame": 1, "tags": "car, red, car"}]}', [0])
    assert reading is not None
    assert reading.events[0].tags == ("car", "red")


def test_an_envelope_may_begin_with_a_byte_order_mark():
    data = b"\xef\xbb\xbf" + json.dumps({"choices": [{"message": {"content": "x"}}]}).encode()
    assert replies.read_reply(data, "application/json", DIALECTS["openai"]).text == "x"


def test_a_stream_is_cut_into_lines_where_the_format_says_and_nowhere_else():
    chunks = [
        {"choices": [{"delta": {"content": "a\u2028b\x85c"}}]},
        {"choices": {}},
        {"choices": ["x"]},
        {"choices": [{"finish_reason": "stop"}]},
    ]
    data = "".join(f"data: {json.dumps(chunk, ensure_ascii=False)}\r\n\r\n" for chunk in chunks).encode()
    assert replies.read_reply(data, "text/event-stream", DIALECTS["openai"]).text == "a\u2028b\x85c"


def stream(*lines):
    return "\n".join(lines).encode()


def delta(text, finish=None):
    return json.dumps({"choices": [{"delta": {"content": text}, "finish_reason": finish}]})


def test_a_stream_without_an_end_mark_is_whole_when_its_json_is():
    whole = stream("data: " + delta('{"events":'), "", "data: " + delta(" []}"), "")
    assert replies.read_reply(whole, "text/event-stream", DIALECTS["openai"]).text == '{"events": []}'
    with pytest.raises(replies.Unfinished):
        replies.read_reply(stream("data: " + delta('{"events":'), ""), "text/event-stream", DIALECTS["openai"])


def test_an_event_of_a_stream_may_have_several_lines_and_blank_lines_may_be_missing():
    first, second = delta("one ").split(", ", 1)
    data = stream(
        f"data: {first},", f"data: {second}", "", f"data: {delta('two ')}", f"data: {delta('three', 'stop')}", "data: [DONE]"
    )
    assert replies.read_reply(data, "text/event-stream", DIALECTS["openai"]).text == "one two three"


def test_what_an_answer_without_choices_says_it_cost_is_told():
    body = b'{"choices": [], "usage": {"prompt_tokens": 70, "completion_tokens": 3}}'
    with pytest.raises(replies.NoChoices) as caught:
        replies.read_reply(body, "application/json", DIALECTS["openai"])
    assert (caught.value.prompt_tokens, caught.value.completion_tokens) == (70, 3)
