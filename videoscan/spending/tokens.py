"""Estimates of how many tokens a prompt takes, for plans and budgets: before anybody has counted them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from videoscan.model import Prompt

LABEL_TOKENS = 16
"""``Frame 3 · 00:01:12.400``: most tokenizers take digits one by one."""

_DENSE = re.compile("[\u2e80-\U0010ffff]")


def of_text(text: str) -> int:
    """A rule of thumb for prose: four characters a token, and one for each Chinese, Japanese or Korean character."""
    dense = 0 if text.isascii() else len(_DENSE.findall(text))
    return dense + -(-(len(text) - dense) // 4)


def of_words(prompt: Prompt, form: str = "") -> int:
    """What the words around the pictures take. `form` is the answer's form, where it is asked for in words."""
    return of_text(prompt.system) + of_text(prompt.instructions) + of_text(form)


def of_pictures(tokens: Iterable[int]) -> int:
    """What pictures take that are estimated at so many tokens each, with their labels."""
    return sum(each + LABEL_TOKENS for each in tokens)
