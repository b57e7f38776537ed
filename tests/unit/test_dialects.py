"""What is known about endpoints: one row each, found by the address."""

import json
from dataclasses import dataclass

import pytest
from yarl import URL

from videoscan.describers import dialects, refusals
from videoscan.describers.dialects import DIALECTS, Meaning, family, for_endpoint, meaning_of_code
from videoscan.describers.families import at_low_detail
from videoscan.errors import ConfigError


@dataclass(frozen=True)
class Line:
    """A row as it is relied on. `says` is an error as that server words it, with its status, and `means` what is made of it."""

    address: str | None
    model: str
    hd: int
    pictures: int | None
    body: int | None
    says: tuple[int, object]
    means: Meaning
    json_schema: bool | None = None
    plain: bool = False
    formats: int = 5
    detail: str | None = None
    usage: bool | None = True
    reasoning: str | None = None
    headers: tuple[str, ...] = ()


def error(**fields):
    return {"error": {"message": "it went wrong", **fields}}


# One line a row. `hd` is what a picture of 1280 x 720 costs with `model`.
TABLE = {
    "modelarts": Line(
        "https://h.example/v2/infer/0a-1b/v1",
        "Qwen3-VL-30B-A3B",
        882,
        None,
        None,
        (403, {"error_code": "ModelArts.81011", "error_msg": "x"}),
        Meaning.FILTERED,
        reasoning="reasoning_content",
    ),
    "openai": Line(
        "https://api.openai.com/v1",
        "gpt-4o",
        1105,
        500,
        50_000_000,
        (429, error(code="insufficient_quota")),
        Meaning.REFUSED,
        True,
        True,
        3,
        "high",
    ),
    "dashscope": Line(
        "https://dashscope.aliyuncs.com/compatible-mode/v1",
        "qwen3-vl-plus",
        882,
        250,
        None,
        (400, error(code="data_inspection_failed")),
        Meaning.FILTERED,
        reasoning="reasoning_content",
    ),
    "gemini": Line(
        "https://generativelanguage.googleapis.com/v1beta/openai",
        "gemini-2.5-flash",
        258,
        3600,
        20_000_000,
        (429, [error(status="RESOURCE_EXHAUSTED", code=429)]),
        Meaning.THROTTLED,
        True,
        True,
        3,
    ),
    "vllm": Line(
        None,
        "Qwen/Qwen2.5-VL-7B-Instruct",
        1198,
        None,
        None,
        (400, error(code=400, message="At most 16 image(s) may be provided in one prompt.")),
        Meaning.TOO_MANY,
        True,
        reasoning="reasoning",
    ),
    "sglang": Line(
        "http://h.example:30000/v1",
        "Qwen/Qwen3-VL-8B-Instruct",
        882,
        None,
        None,
        (400, {"object": "error", "message": "The input (9000 tokens) is longer than the model's context length (8192 tokens)."}),
        Meaning.TOO_MANY,
        True,
        reasoning="reasoning_content",
    ),
    "llamacpp": Line(
        None,
        "gemma-3-4b-it",
        258,
        None,
        None,
        (400, error(code=400, type="exceed_context_size_error")),
        Meaning.TOO_MANY,
        True,
        formats=3,
        reasoning="reasoning_content",
    ),
    "ollama": Line(
        "http://127.0.0.1:11434/v1",
        "qwen3-vl:8b",
        882,
        None,
        None,
        (404, error(message="model 'x' not found")),
        Meaning.REFUSED,
        True,
        formats=3,
        reasoning="reasoning",
    ),
    "lmstudio": Line(
        "http://127.0.0.1:1234/v1",
        "qwen/qwen3-vl-8b",
        882,
        None,
        None,
        (400, {"error": "The number of tokens to keep is greater than the context length"}),
        Meaning.TOO_MANY,
        True,
        formats=3,
        reasoning="reasoning_content",
    ),
    "openrouter": Line(
        "https://openrouter.ai/api/v1",
        "qwen/qwen3-vl-30b-a3b-instruct",
        882,
        None,
        None,
        (402, error(code=402)),
        Meaning.REFUSED,
        None,
        True,
        3,
        reasoning="reasoning",
        headers=("X-Title",),
    ),
    "litellm": Line(
        "http://h.example:4000/v1",
        "openai/gpt-5-mini",
        1426,
        None,
        None,
        (
            429,
            error(
                type="None",
                param="None",
                code="429",
                message="No deployments available for selected model, Try again in 60 seconds.",
            ),
        ),
        Meaning.THROTTLED,
        None,
        True,
        3,
        reasoning="reasoning_content",
    ),
    "generic": Line(
        "http://h.example:8000/v1", "somebody-elses", 882, None, None, (503, "<html>busy</html>"), Meaning.THROTTLED, usage=None
    ),
}


def test_every_row_has_its_line():
    assert set(DIALECTS) == set(TABLE)


@pytest.mark.parametrize("name", sorted(DIALECTS))
def test_a_row_says_what_its_line_says(name):
    row, line = DIALECTS[name], TABLE[name]
    found = for_endpoint(URL(line.address or "http://h.example/v1"), line.model, "auto" if line.address else name)
    assert found.name == row.name == name
    assert found.cost.tokens(1280, 720) == line.hd
    assert (row.pictures, row.body_bytes) == (line.pictures, line.body)
    assert (row.json_schema, row.plain_schema) == (line.json_schema, line.plain)
    assert len(row.formats) == line.formats
    assert row.detail == line.detail
    assert row.usage == line.usage
    assert next(iter(row.reasoning), None) == line.reasoning
    assert tuple(row.headers) == line.headers
    status, body = line.says
    refusal = refusals.judge(status, {}, (body if isinstance(body, str) else json.dumps(body)).encode(), row, sent_schema=True)
    assert refusal.meaning is line.means
    assert row.sources or row is dialects.GENERIC, "where is it from?"


def test_what_a_picture_costs_at_low_detail_is_the_base_where_tiles_are_counted():
    assert at_low_detail(family("gpt-4o-2024-11-20")).tokens(1280, 720) == 85
    assert at_low_detail(family("gpt-5")).tokens(1280, 720) == 70
    assert at_low_detail(family("qwen3-vl")).tokens(1280, 720) == 882


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("https://infer-modelarts-cn.example.com/v2/infer/0a-1b/v1/chat/completions", "modelarts"),
        ("https://api.modelarts-maas.com/v1/chat/completions", "modelarts"),
        ("https://api.openai.com/v1/chat/completions", "openai"),
        ("https://mine.openai.azure.com/openai/deployments/d/chat/completions?api-version=1", "openai"),
        ("https://dashscope.aliyuncs.com/compatible-mode/v1/chat/completions", "dashscope"),
        ("https://mine.cn-beijing.maas.aliyuncs.com/compatible-mode/v1/chat/completions", "dashscope"),
        ("https://generativelanguage.googleapis.com/v1beta/openai/chat/completions", "gemini"),
        ("https://openrouter.ai/api/v1/chat/completions", "openrouter"),
        ("http://127.0.0.1:11434/v1/chat/completions", "ollama"),
        ("http://10.0.0.7:30000/v1/chat/completions", "sglang"),
        ("http://localhost:1234/v1/chat/completions", "lmstudio"),
        ("http://localhost:8000/v1/chat/completions", "generic"),
        ("https://notapi.openai.com.example/v1/chat/completions", "generic"),
    ],
)
def test_an_endpoint_is_known_by_its_address(address, name):
    assert for_endpoint(URL(address), None).name == name


def test_a_named_dialect_wins_over_the_address_and_an_unknown_one_is_an_error():
    assert for_endpoint(URL("http://localhost:8000/v1"), None, "vllm").name == "vllm"
    with pytest.raises(ConfigError, match=r"describer\.dialect.*'vlm'") as info:
        for_endpoint(URL("http://localhost:8000/v1"), None, "vlm")
    assert "vllm" in info.value.hint


@pytest.mark.parametrize(
    ("model", "width", "height", "tokens"),
    [
        ("Qwen3-VL-30B-A3B", 640, 360, 20 * 11 + 2),
        ("Qwen/Qwen2.5-VL-7B-Instruct", 640, 360, 23 * 13 + 2),
        ("qwen-vl-max", 640, 360, 222),
        ("gpt-4o-2024-11-20", 1024, 1024, 765),  # the example in OpenAI's documentation
        ("gemini-2.5-flash", 640, 360, 258),
        ("gemini-3-pro-preview", 640, 360, 1120),
        ("somebody-elses", 640, 360, 222),  # never nothing: that would lift every limit
    ],
)
def test_a_picture_costs_what_the_models_family_says(model, width, height, tokens):
    assert for_endpoint(URL("http://localhost:8000/v1"), model).cost.tokens(width, height) == tokens


@pytest.mark.parametrize(
    ("code", "meaning"),
    [
        ("ModelArts.81011", Meaning.FILTERED),
        ("ModelArts.81101", Meaning.THROTTLED),
        ("ModelArts.81103", Meaning.THROTTLED),
        ("ModelArts.81005", Meaning.REFUSED),
        ("ModelArts.81006", Meaning.REFUSED),
        ("ModelArts.81015", Meaning.REFUSED),
        ("ModelArts.81118", Meaning.REJECTED),
        ("APIG.0203", Meaning.OVERLOADED),
        ("insufficient_quota", Meaning.REFUSED),
        ("data_inspection_failed", Meaning.FILTERED),
        ("exceed_context_size_error", Meaning.TOO_MANY),
        ("nobody_knows", None),
    ],
)
def test_a_code_means_the_same_behind_a_gateway_that_is_not_known(code, meaning):
    assert meaning_of_code(code, dialects.GENERIC) == meaning


def test_every_row_keeps_to_the_contract_and_names_formats_that_can_be_made():
    assert set(DIALECTS) >= {"modelarts", "openai", "vllm", "sglang", "llamacpp", "ollama", "generic"}
    for name, row in DIALECTS.items():
        assert row.name == name
        assert row.picture_bytes <= 10_000_000
        assert "image/jpeg" in row.formats
        assert row.formats <= dialects.ALL_FORMATS
    assert DIALECTS["modelarts"].formats == dialects.ALL_FORMATS
