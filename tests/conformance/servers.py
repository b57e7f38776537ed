"""The client against three real servers: what ``make conformance`` runs. Not collected by a plain ``pytest``: they weigh 5 GB.

The weights are random, so answers mean nothing; but pictures are decoded and counted, limits are met and schemas enforced by software
that nobody here wrote.
"""

from __future__ import annotations

import asyncio
import copy
import dataclasses
import json

import pytest
from commanding import film
from shared import hold_to_contract
from starting import SERVERS, Server

from videoscan import cli, prompts
from videoscan.describers.openai import OpenAiDescriber, OpenAiOptions
from videoscan.errors import DescribeError, EndpointRefused
from videoscan.model import Description, Window
from videoscan.testing.pictures import picture, window

# A tiny vocabulary spells most words letter by letter, so the words of a real prompt would fill a small context.
PROMPT = dataclasses.replace(prompts.build("surveillance"), system="You watch.", instructions="What happens?")
STEADY = {"temperature": 0, "seed": 1}


def brief(schema, *, frames=True):
    """The answer's schema, made so narrow that random words fit into it.

    Without `frames` it is one that is sent as it stands: the client bounds frame numbers by the window, and nobody would do so there.
    """
    made = copy.deepcopy(schema)
    made["properties"] |= {"observations": {"type": "array", "maxItems": 0}, "summary": {"enum": ["Random."]}}
    events = made["properties"]["events"]
    events |= {"minItems": 1, "maxItems": 1}
    events["items"]["properties"] |= {
        "title": {"enum": ["A car arrives"]},
        "description": {"enum": [""]},
        "tags": {"type": "array", "maxItems": 0},
        "confidence": {"enum": [0.5]},
        "importance": {"enum": [0.5]},
        "continues": {"type": "null"},
    }
    if not frames:
        events["items"]["properties"] |= {"first_frame": {"enum": [1]}, "last_frame": {"enum": [1]}}
    return made


BRIEF = dataclasses.replace(PROMPT, schema=brief(PROMPT.schema))


@pytest.fixture(scope="module", params=sorted(SERVERS))
def server(request, tmp_path_factory):
    with SERVERS[request.param](tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture(autouse=True)
def _key(server, monkeypatch):
    monkeypatch.setenv("VIDEOSCAN_API_KEY", server.key)


def describe(server: Server, shown: Window, *, prompt=BRIEF, **options) -> Description:
    async def work():
        given = {
            "endpoint": server.url,
            "model": server.model,
            "extra_body": STEADY,
            "timeout": 300,
            "max_tokens": 300,
            **options,
        }
        session = OpenAiDescriber(OpenAiOptions(**given)).session()
        try:
            return await session.describe(shown, prompt)
        finally:
            await session.close()

    return asyncio.run(work())


def toml(value) -> str:
    """A value as TOML writes it within a line, which is what ``--set`` takes."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {toml(each)}" for key, each in value.items()) + "}"
    return f"[{', '.join(map(toml, value))}]" if isinstance(value, list) else json.dumps(value)


def is_answered(server: Server, described: Description) -> bool:
    """Random words can be read where they are held to a schema; where not, what is right is a failed window that keeps them."""
    if server.schemas:
        return described.failure is None and described.events[0].title == "A car arrives"
    return described.failure is not None and described.failure.kind == "BadReply" and bool(described.failure.raw)


def test_an_answer_is_read_and_its_usage_told(server):
    described = describe(server, window(3, width=160, height=96))
    assert is_answered(server, described), described
    assert described.usage.images == 3 * described.usage.requests
    assert described.usage.prompt_tokens
    assert described.usage.completion_tokens


def test_pictures_cost_the_prompt_tokens_that_the_formula_says(server):
    def tokens(count, width, height):
        described = describe(server, window(count, width=width, height=height), max_tokens=60 if not server.schemas else 300)
        return described.usage.prompt_tokens / described.usage.requests

    # Qwen3-VL: a token for 32 x 32 pixels, and two markers. The labels' words are the same in both.
    assert tokens(3, 640, 352) - tokens(3, 64, 64) == 3 * (20 * 11 - 2 * 2)


def test_more_pictures_than_it_takes_are_split_and_all_described(server):
    if server.pictures is None and server.context is None:
        described = describe(server, window(20, width=160, height=96))
        assert is_answered(server, described), described
        return
    described = describe(server, window(20, width=640, height=352))
    assert is_answered(server, described), described
    assert any("parts" in flag for flag in described.flags)
    assert described.events[-1].last >= 10, "the second half was asked about as well"


@pytest.mark.parametrize("media_type", ["image/jpeg", "image/png", "image/webp", "image/bmp", "image/tiff"])
def test_each_format_is_decoded_or_refused_for_that_window_only(server, media_type):
    shown = Window(0, 0.0, 1.0, (picture(1, width=160, height=96, media_type=media_type),))
    described = describe(server, shown, dialect="generic", retries=0)
    if server.name == "llama.cpp" and media_type == "image/tiff":
        assert described.failure is not None
    else:
        assert is_answered(server, described), described


def test_a_model_that_it_does_not_have_stops_at_once(server, tmp_path):
    if not server.knows_models:
        assert is_answered(server, describe(server, window(1), model="nope"))
        return
    with pytest.raises(EndpointRefused, match="nope"):
        describe(server, window(1), model="nope")


def test_words_that_leave_no_room_for_one_picture_fail_the_window_with_a_sentence(server):
    if server.context is None:
        pytest.xfail("its context is 32,768 tokens: nothing of a prompt's length fills it")
    endless = dataclasses.replace(BRIEF, instructions="What happens here? " * 2000)
    try:
        described = describe(server, window(2), prompt=endless, retries=0)
    except DescribeError as error:
        pytest.fail(f"one window's words must not end a scan: {error}")
    assert described.failure is not None
    assert described.failure.kind == "RequestRejected"


def test_a_streamed_answer_is_read(server):
    assert is_answered(server, describe(server, window(1), extra_body={**STEADY, "stream": True}))


def test_a_whole_scan_keeps_the_contract(server, tmp_path):
    clip = film(tmp_path / "in" / "clip.mp4", 8, size="320x192")
    words = tmp_path / "short.toml"
    words.write_text('role = "You watch."\ninstructions = "What happens?"\n', encoding="utf-8")
    shape = {
        "type": "json_schema",
        "json_schema": {"name": "answer", "strict": True, "schema": brief(PROMPT.schema, frames=False)},
    }
    body = toml({**STEADY, "response_format": shape})
    sets = [f"describer.extra_body={body}", "windows.max_frames=3", "describer.max_tokens=300", "describer.timeout=300"]
    options = [part for each in sets for part in ("--set", each)]
    arguments = [
        "scan",
        clip,
        "--out",
        tmp_path / "out",
        "--endpoint",
        server.url,
        "--model",
        server.model,
        "--prompt-file",
        words,
    ]
    code = cli.run([str(part) for part in [*arguments, *options]])
    hold_to_contract(tmp_path / "out" / "clip")
    timeline = json.loads((tmp_path / "out" / "clip" / "timeline.json").read_text())
    states = {each["status"] for each in timeline["windows"]}
    assert (code, states) == ((0, {"described"}) if server.schemas else (6, {"failed"}))
    assert timeline["usage"]["prompt_tokens"]
