"""A scripted model that sees: it reads test cards, counts tokens like a real one, and can be given real servers' faults.

The words on a card are read by comparing it with every word drawn the same way, so a card that no machine could read fails here.
"""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import cv2
import numpy as np

from videoscan.describers import cards, dialects
from videoscan.testing.model_server import Turn, answer, fails

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from videoscan.model import PictureCost
    from videoscan.testing.received import Received


def dark(pixels):
    """Where a card's lower half, which has the word, is written on."""
    return pixels[pixels.shape[0] // 2 :].max(axis=2) < 110


@functools.cache
def drawn(width, height):
    """Every word as it looks on a card of that size."""
    return {word: dark(cards.drawn(1, word, width, height, (230, 230, 230))) for word in cards.WORDS}


def pixels_of(data):
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)


def read(data):
    """The word on a card; `None` on a picture that is none."""
    pixels = pixels_of(data)
    mask = dark(pixels)
    if not mask.any():
        return None
    word, misses = min(
        ((word, np.count_nonzero(mask ^ known)) for word, known in drawn(*pixels.shape[1::-1]).items()), key=lambda pair: pair[1]
    )
    return word if misses < 0.2 * np.count_nonzero(mask) else None


@functools.lru_cache(maxsize=200)
def size_of(data):
    height, width = pixels_of(data).shape[:2]
    return width, height


@dataclass
class Eyes:
    """A script for `ModelServer`. `reach` says which pictures of a request come to the model; what does not is neither counted nor seen.

    A token is two characters. `context`: prompts are cut to so many tokens, from the front, silently (Ollama). `takes`: more pictures are refused in vLLM's words.
    `schema`: whether response_format binds the answer. `counts`: whether usage is told. `reads`: whether it can read at all.
    `key`: the only name of the limit of the answer's length. `streams`: whether `stream` is obeyed.
    """

    reach: Callable[[Sequence[bytes]], Sequence[bytes]] = list
    cost: PictureCost = dialects.QWEN3
    context: int | None = None
    takes: int | None = None
    schema: str = "enforced"
    counts: bool = True
    reads: bool = True
    key: str | None = None
    streams: bool = True
    overhead: int = 7
    asked: list[Received] = field(default_factory=list)

    def __call__(self, request: Received) -> Turn:
        self.asked.append(request)
        if self.key is not None and self.key not in request.body:
            return fails(
                400, f"Unsupported parameter: 'max_tokens' is not supported. Use '{self.key}' instead.", code="unsupported"
            )
        if self.takes is not None and len(request.pictures) > self.takes:
            return fails(400, f"At most {self.takes} image(s) may be provided in one prompt.")
        if self.schema == "refused" and request.schema is not None:
            return fails(400, "response_format json_schema is not supported by this model")
        shown, tokens = list(self.reach(request.pictures)), None
        words = self.overhead + sum(len(text) for text in (request.system or "", request.text, *request.labels)) // 2
        each = [self.cost.tokens(*size_of(picture)) for picture in shown]
        while shown and self.context is not None and words + sum(each) > self.context:
            shown.pop(0)
            each.pop(0)
        tokens = words + sum(each)
        said, spent = self._says(request, shown)
        limit = request.body.get("max_tokens", request.body.get("max_completion_tokens"))
        usage = {"prompt_tokens": tokens, "completion_tokens": min(spent, limit)} if self.counts else None
        finish = "length" if spent > limit else "stop"
        stream = self.streams and bool(request.body.get("stream"))
        if stream and not request.body.get("stream_options", {}).get("include_usage"):
            usage = None
        return Turn(content=said, usage=usage, finish=finish, stream=stream)

    def _says(self, request, shown):
        if request.schema is not None and self.schema == "enforced":
            properties = request.schema["properties"]
            if "events" in properties:
                return answer(), 40
            made = {name: (inner["enum"][0] if "enum" in inner else []) for name, inner in properties.items()}
            return json.dumps(made), 20
        if "Count from 1" in request.text:
            return "1 2 3 4", 1500
        if "card" in request.text and shown:
            words = [read(picture) for picture in shown] if self.reads else []
            return "\n".join(f"{place}: {word}" for place, word in enumerate(words, 1) if word) or "I see a lake.", 8 * len(shown)
        return ("The sky is blue." if "sky" in request.text else answer() if request.pictures else "OK"), 6
