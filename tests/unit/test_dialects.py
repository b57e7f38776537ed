"""What is known about endpoints: one row each, found by the address."""

import pytest
from yarl import URL

from videoscan.describers import dialects
from videoscan.describers.dialects import DIALECTS, Meaning, for_endpoint, meaning_of_code
from videoscan.errors import ConfigError


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("https://infer-modelarts-cn.example.com/v2/infer/0a-1b/v1/chat/completions", "modelarts"),
        ("https://api.modelarts-maas.com/v1/chat/completions", "modelarts"),
        ("https://api.openai.com/v1/chat/completions", "openai"),
        ("https://mine.openai.azure.com/openai/deployments/d/chat/completions?api-version=1", "openai"),
        ("https://dashscope.aliyuncs.com/compatible-mode/v1/chat/completions", "dashscope"),
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
