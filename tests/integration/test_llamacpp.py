"""The openai describer against llama.cpp's own server: pictures are decoded, and limits are met, in software that nobody here wrote."""

import asyncio
import copy
import dataclasses
import json

import pytest

from videoscan import prompts
from videoscan.attributes import Field
from videoscan.describers import dialects, known
from videoscan.describers.endpoint import Address
from videoscan.describers.openai import OpenAiDescriber, OpenAiOptions
from videoscan.errors import EndpointRefused
from videoscan.model import Description, PictureCost, Window
from videoscan.testing.pictures import picture, window

# The tiny model's vocabulary spells most words letter by letter, so the words of a real prompt would fill its context.
PROMPT = dataclasses.replace(prompts.build("surveillance"), system="You watch.", instructions="What happens?")

# Without it every run would say something else, and now and then run into the token limit.
STEADY = {"temperature": 0, "seed": 1}


def brief(prompt):
    """The same prompt with an answer so narrow that random words fit into it: one event, at frames of the model's choice."""
    schema = copy.deepcopy(prompt.schema)
    schema["properties"] |= {"observations": {"type": "array", "maxItems": 0}, "summary": {"enum": ["Random."]}}
    events = schema["properties"]["events"]
    events |= {"minItems": 1, "maxItems": 1}
    events["items"]["properties"] |= {
        "title": {"enum": ["A car arrives"]},
        "description": {"enum": [""]},
        "tags": {"type": "array", "maxItems": 0},
        "confidence": {"enum": [0.5]},
        "importance": {"enum": [0.5]},
        "continues": {"type": "null"},
    }
    return dataclasses.replace(prompt, schema=schema)


def describe(server, *windows: Window, prompt=PROMPT, **options) -> list[Description]:
    async def work():
        given = {"endpoint": server.url, "model": server.model, "extra_body": STEADY, **options}
        session = OpenAiDescriber(OpenAiOptions(**given)).session()
        try:
            return [await session.describe(each, prompt) for each in windows]
        finally:
            await session.close()

    return asyncio.run(work())


@pytest.fixture
def with_key(llamacpp, monkeypatch):
    monkeypatch.setenv("VIDEOSCAN_API_KEY", llamacpp.key)
    return llamacpp


def test_n_pictures_cost_222_prompt_tokens_each_more_than_none(with_key):
    def tokens(count: int, side: tuple[int, int] = (640, 360)) -> int:
        shown = window(count, width=side[0], height=side[1])
        [described] = describe(with_key, shown, prompt=brief(PROMPT))
        assert described.failure is None
        assert described.usage.requests == 1
        return described.usage.prompt_tokens

    none, small, large = tokens(0), tokens(3, (64, 64)), tokens(3)
    # 64 x 64 is 2 x 2 tokens and two markers, so the difference is free of the labels' words, which are then what is left.
    assert large - small == 3 * (222 - 6)
    words = large - none - 3 * 222
    assert 0 < words < 3 * 40
    assert dialects.for_endpoint(Address.parse(with_key.url).chat, with_key.model).cost.tokens(640, 360) == 222


def test_a_wrong_key_stops_at_once(llamacpp, monkeypatch):
    monkeypatch.setenv("VIDEOSCAN_API_KEY", "sk-wrong-and-secret")
    with pytest.raises(EndpointRefused, match="401") as info:
        describe(llamacpp, window(1))
    assert "sk-wrong" not in str(info.value)


def test_an_answer_held_to_the_schema_is_read_and_cites_only_frames_that_were_shown(with_key):
    [described] = describe(with_key, window(3, width=160, height=96), prompt=brief(PROMPT))
    [event] = described.events
    assert event.title == "A car arrives"
    assert not any("clamped" in flag for flag in event.flags)
    assert 0 <= event.first <= event.last <= 2
    assert described.usage.completion_tokens > 0


@pytest.mark.parametrize("template", prompts.names())
def test_the_shipped_schema_is_taken(with_key, template):
    [described] = describe(with_key, window(1), prompt=prompts.build(template, boxes=True), max_tokens=64)
    # Random words rarely end within the bounds; that the schema was taken shows in what was sent and how it began.
    assert described.failure is None or (described.failure.kind == "BadReply" and described.failure.raw.lstrip().startswith("{"))


def test_a_schema_with_fields_of_every_type_is_taken_and_enforced(with_key):
    fields = {
        "score": Field("text", "the score"),
        "people": Field("int", "how many", min=0, max=9),
        "speed": Field("number", "how fast"),
        "masked": Field("bool", "whether"),
        "severity": Field("choice", "how bad", choices=("low", "high alarm")),
        "doors": Field("list", "which doors", choices=("front", "back")),
    }
    asked = brief(dataclasses.replace(prompts.build(fields=fields), system="You watch.", instructions="What happens?"))
    asked.schema["properties"]["events"]["items"]["properties"]["attributes"]["properties"]["score"]["maxLength"] = 5
    [described] = describe(with_key, window(2, width=160, height=96), prompt=asked)
    assert described.failure is None
    for event in described.events:
        assert list(event.attributes) == list(fields)
        assert not any("left out" in flag or "read as" in flag for flag in event.flags if flag.startswith(tuple(fields)))


def test_a_window_too_large_for_the_context_is_split_and_described(with_key):
    first, second = describe(
        with_key,
        window(20, width=640, height=360),
        window(17, index=1, first=20, width=640, height=360),
        prompt=brief(PROMPT),
        max_tokens=300,
    )
    assert first.failure is None
    assert second.failure is None
    # Random weights may run into the token limit, and then a half is asked once more.
    assert first.usage.images >= 40  # the first request was refused
    assert 17 <= second.usage.images < 34  # the second was split beforehand: what was learned is remembered
    assert first.usage.requests >= 3
    assert second.usage.requests >= 2
    assert any("2 parts" in flag for flag in second.flags)
    assert any("2 parts" in flag for flag in first.flags)
    assert all(event.last <= 19 for event in first.events)
    assert first.events[-1].last >= 10


@pytest.mark.parametrize("media_type", ["image/jpeg", "image/png", "image/bmp"])
def test_the_formats_that_the_dialect_names_are_decoded(with_key, media_type):
    shown = Window(0, 0.0, 1.0, (picture(1, width=160, height=96, media_type=media_type),))
    [described] = describe(with_key, shown, prompt=brief(PROMPT), dialect="llamacpp")
    assert described.failure is None


def test_the_only_model_is_found(with_key):
    [described] = describe(with_key, window(1), prompt=brief(PROMPT), model=None)
    assert described.failure is None


@pytest.mark.slow
def test_doctor_measures_it_and_a_scan_goes_by_that(with_key, clip, videoscan, tmp_path, monkeypatch):
    monkeypatch.setenv("VIDEOSCAN_STATE_DIR", str(tmp_path / "state"))
    # The long limit is for busy machines: more pictures are not tried once a request takes a quarter of it.
    small = ("--set", "windows.long_side=640", "--body-mb", "4", "--set", "describer.timeout=900")
    code, out, err = videoscan("doctor", "--endpoint", with_key.url, "--json", *small)
    assert code == 0, err
    found = json.loads(out)
    assert found["model"] == with_key.model
    assert found["dialect"] == "llamacpp", "on whatever port: its list of models gives it away"
    assert found["schema"]["verdict"] == "enforced"
    assert (found["streaming"]["works"], found["streaming"]["usage"], found["streaming"]["done"]) == (True, True, True)
    assert (found["ending"]["max_tokens"], found["ending"]["max_completion_tokens"]) == ("obeyed", "obeyed")
    # This tiny model's projector shrinks every picture to 640 x 360 at most.
    assert PictureCost(**found["fit"]["cost"]) == PictureCost("patch", size=32, base=2, most=222)
    assert found["profile"]["context"] == with_key.context
    assert "pictures" not in found["profile"], "only tokens are short"
    sighted = found["sighted"]
    assert not sighted["reads_cards"], "random weights"
    assert not sighted["drops_silently"]
    assert (sighted["most_taken"], sighted["refused"]) == (15, 16)
    assert found["body"]["refused"] is None
    assert not any(level["failed"] for level in found["levels"])

    code, _, err = videoscan(
        "scan", clip, "--endpoint", with_key.url, "--out", tmp_path / "out", "--set", "describer.max_tokens=64"
    )
    assert code in {0, 6}, err  # random words may not end within 64 tokens
    assert "goes by what doctor measured" in err
    assert "context of 4,096 tokens" in err


def test_the_first_use_counts_its_pictures(with_key, tmp_path, monkeypatch):
    monkeypatch.setenv("VIDEOSCAN_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.delenv("VIDEOSCAN_PROBE")
    [described] = describe(with_key, window(4, width=640, height=360), prompt=brief(PROMPT))
    assert described.failure is None
    assert described.usage.requests == 3
    (kept,) = known.all_known()
    assert (kept.sight.sent, kept.sight.counted, kept.warnings) == (4, 4, ())
    assert 222 <= kept.picture.tokens <= 222 + 30


def test_a_streamed_answer_is_read(with_key):
    [described] = describe(with_key, window(1), prompt=brief(PROMPT), extra_body={"stream": True})
    assert described.failure is None
    assert described.events
