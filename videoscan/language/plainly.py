"""What a model's words are held to before they stand in a timeline: plain text of bounded length, tags that are words. Pure.

Three things are only pointed out, because words alone cannot settle them: a text that speaks of instructions (they may stand in the
picture, for the model to read), a summary that tells of something although no event was listed, and what was cut off.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_LONGEST_LOOKED_AT = 300
_TAG_WORDS, _TAG_LETTERS, _TAG_SIGNS = 4, 40, 12
"""Words, letters, and signs of a script that sets no spaces, of the longest tag."""

# HTML as a model writes it: a name right behind the bracket, so that "a < b" stays. Markdown: links, bold, code, headings.
_HTML = re.compile(r"<!--.*?-->|</?[a-zA-Z][a-zA-Z0-9-]*(?:\s[^<>]*)?/?>", re.DOTALL)
_LINK = re.compile(r"!?\[([^\[\]]*)\]\((?:[^()\s]|\([^()\s]*\))+\)")
_BOLD = re.compile(r"(\*\*|__)(?=\S)(.+?)(?<=\S)\1", re.DOTALL)
_CODE = re.compile(r"`+([^`]+)`+")
_HEADING = re.compile(r"^\s{0,3}#{1,6}\s+", re.MULTILINE)
_SIGNS = re.compile(r"[<\[*_`#]")  # without any of them there is no markup

_INSTRUCTS = re.compile(
    r"\b(?:ignor\w*|disregard\w*|forget|override)\b[^.!?。]{0,60}\b(?:instruction|prompt|rule|anweisung|vorgabe|regel)\w*"
    r"|\bsystem prompt\b|\breport nothing\b|\b(?:do not|don't) report\b|\byou are now (?:a|an|the|in)\b|\bnichts melden\b"
    r"|忽略.{0,12}(?:指令|指示|提示|命令)|(?:不要|不得)报告",
    re.IGNORECASE,
)
# What stands in every text that it finds, whatever the case. Most texts have none of them, and are searched twenty times as fast for these.
_STEMS = (
    "ignor", "disregard", "forget", "override", "system prompt", "report nothing", "not report", "don't report", "you are now",
    "nichts melden", "忽略", "不要报告", "不得报告",
)  # fmt: skip
_NOTHING = re.compile(
    r"\b(?:no|nothing|none|nobody|not|never|without|empty|quiet|still|static|unchanged|uneventful|calm|deserted|idle|same"
    r"|kein\w*|nichts|niemand|leer\w*|ruhig\w*|unverändert\w*|rien|aucun\w*|vide|calme|nada|ning[uú]n\w*|vac[ií]\w*|пуст\w*|ничего|нет)\b"
    r"|[无無没沒空静靜未]|不变|なし|ない|없",
    re.IGNORECASE,
)
INSTRUCTED = "speaks of instructions, which may stand in the picture: they are no word of the recording, and what they forbid may be missing"
"""The flag of an answer that may have obeyed, or repeated, what it read in a picture."""
UNHEARD = "its summary tells of something, but it lists no event: nothing of that is in the timeline"
"""The flag of a window whose answer has a summary without events that does not say that nothing happened."""


def plain(text: str, what: str, flags: list[str], *, longest: int) -> str:
    """A text without markup, cut to so many characters; `flags` gets a sentence on what was changed in `what`."""
    held = text
    if _SIGNS.search(held):
        for markup, by in ((_HTML, ""), (_LINK, r"\1"), (_BOLD, r"\2"), (_CODE, r"\1"), (_HEADING, "")):
            held = markup.sub(by, held)
        if held != text:
            flags.append(f"markup was taken out of its {what}")
    held = held.strip()
    if len(held) > longest:
        flags.append(f"its {what} has {len(held)} characters: cut to {longest}")
        held = f"{held[: longest - 1].rstrip()}…"
    return held


def tags(given: Iterable[str], flags: list[str]) -> tuple[str, ...]:
    """The tags among what was given, each once; a sentence is none."""
    kept: dict[str, None] = {}
    for each in given:
        text = plain(each, "tags", flags, longest=_LONGEST_LOOKED_AT)
        signs = 0 if text.isascii() else sum("\u2e80" <= sign <= "\uffdc" for sign in text)
        if len(text.split()) > _TAG_WORDS or len(text) > _TAG_LETTERS or signs > _TAG_SIGNS:
            flags.append(f"a tag that is a sentence was left out: {text[:60]}")
        elif text:
            kept[text] = None
    return tuple(kept)


def instructs(*texts: str | None) -> bool:
    """Whether any of the texts speaks of instructions to the one who reads it."""
    said = "\n".join(text for text in texts if text)
    folded = said.casefold()
    return any(stem in folded for stem in _STEMS) and any(text and _INSTRUCTS.search(text) for text in texts)


def tells_of_something(summary: str | None) -> bool:
    """Whether a summary says that something happened: it does not say in any of the usual words that nothing did."""
    return bool(summary) and _NOTHING.search(summary or "") is None
