"""What a picture costs in prompt tokens, by the family of the model. Estimates: the true count comes back in `usage`."""

from __future__ import annotations

import functools
import re
from dataclasses import replace

from videoscan.model import PictureCost

# Qwen: one token per 28 x 28 (2.5) or 32 x 32 (3) pixels, and a marker at each end. Measured on llama.cpp's server: 640 x 360 costs 222.
QWEN3 = PictureCost("patch", size=32, base=2)
QWEN25 = PictureCost("patch", size=28, base=2)
# OpenAI, "Images and vision", calculating costs, high detail: base and tile of 512 pixels; 85 and 170 for GPT-4o, 4.1 and 4.5.
OPENAI_TILES = PictureCost("tile", size=512, base=85, each=170)
# The same page, by patches of 32 pixels, 1536 at most, times a factor: 1.62 for the mini, 2.46 for the nano models, 1.72 for o4-mini.
OPENAI_MINI = PictureCost("patch", size=32, most=2489, times=1.62)
OPENAI_NANO = PictureCost("patch", size=32, most=3779, times=2.46)
OPENAI_O4_MINI = PictureCost("patch", size=32, most=2642, times=1.72)
# Gemini, "Image understanding": 258 for a small picture and for each tile of a large one. What is counted is 258 whatever its size, up to
# 3840 x 2160 with gemini-2.5-pro (googleapis/python-genai, issue 1349).
GEMINI_FLAT = PictureCost("flat", base=258)
# Gemini 3, "Image understanding" (of Google Cloud's agent platform): 1120 at the default resolution, whatever the picture's size.
GEMINI_3 = PictureCost("flat", base=1120)

FAMILIES: tuple[tuple[re.Pattern[str], PictureCost], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), cost)
    for pattern, cost in (
        (r"qwen-?2(\.5)?-?(vl|omni)|qvq", QWEN25),
        (r"qwen-?3|qwen-vl", QWEN3),
        (r"gpt-(4\.1|5)-mini", OPENAI_MINI),
        (r"gpt-(4\.1|5)-nano", OPENAI_NANO),
        (r"\bo4-mini", OPENAI_O4_MINI),
        (r"gpt-4o-mini", PictureCost("tile", size=512, base=2833, each=5667)),
        (r"gpt-5", PictureCost("tile", size=512, base=70, each=140)),
        (r"\bo[13]\b", PictureCost("tile", size=512, base=75, each=150)),
        (r"\b(gpt-4o|gpt-4\.|chatgpt)", OPENAI_TILES),
        (r"gemini-?3", GEMINI_3),
        (r"gemini", GEMINI_FLAT),
        # Gemma 3 model card: every picture is normalised to 896 x 896 and encoded to 256 tokens.
        (r"gemma-?3", PictureCost("flat", base=258)),
        # InternVL: 256 tokens per 448-pixel tile, at most 12 tiles and a thumbnail; frames of a video are usually given one tile.
        (r"internvl", PictureCost("flat", base=258)),
        # LLaVA 1.5: 576 patches of a 336-pixel picture.
        (r"llava", PictureCost("flat", base=576)),
    )
)
"""Tokens per picture by the model's name, first match wins."""


@functools.lru_cache(maxsize=64)
def family(model: str | None) -> PictureCost | None:
    """What a picture costs with this model; `None` where its name says nothing."""
    return next((cost for pattern, cost in FAMILIES if model and pattern.search(model)), None)


def at_low_detail(cost: PictureCost) -> PictureCost:
    """The same at low detail: a model that counts tiles then sees one small picture for its base; others are not known to care."""
    return replace(cost, rule="flat", each=0) if cost.rule == "tile" else cost
