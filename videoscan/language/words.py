"""Cuts text into the words that a search finds: any script, with and without spaces between words. Pure.

A word is a run of letters and digits, folded: compatibility forms, case and accents do not count (NFKC, case folding, no combining
accents). Where a script has no spaces between words (Chinese, Japanese, Thai, Lao, Khmer, Burmese) or hangs particles on them
(Korean), a run becomes all its pairs of neighbouring characters and its last character: 红色汽车 is 红色 色汽 汽车 车. So a word of two
characters or more is found as a run of pairs, wherever it stands, and a single one as the beginning of a pair. An emoji is a word.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST = 64
"""Characters of a word; what is longer is cut off there: nobody searches for the rest."""

# Han with its repetition marks, kana, Hangul, Thai and Lao, Burmese, Khmer; half-width kana.
_DENSE = "\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
_EMOJI = "\u2600-\u27bf\U0001f1e6-\U0001f1ff\U0001f300-\U0001faff"
# Accents that are spelling, not letters: Latin, Greek and Cyrillic ones, Hebrew points, Arabic vowel signs and the tatweel.
_ACCENTS = re.compile(
    "[\u0300-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670\u200c\u200d\ufe00-\ufe0f]"
)
_PLAIN = re.compile("[a-z0-9]+")


class Word(NamedTuple):
    """A word as it is found, and where it stands: ``text[start:end]``."""

    folded: str
    start: int
    end: int


class Run(NamedTuple):
    """Characters of one kind in a row. `dense`: of a script without spaces; then its words are pairs."""

    text: str
    start: int
    end: int
    dense: bool


@functools.cache
def _letters() -> re.Pattern[str]:
    """Letters and digits in a row with the signs that belong to them, such as Indic vowels, which are none to Python; or an emoji."""
    marks = "".join(f"\\u{code:04x}" for code in range(0x300, 0x3000) if unicodedata.category(chr(code))[0] == "M")
    return re.compile(f"(?:[^\\W_]+[{marks}\u200c\u200d\uff9e\uff9f]*)+|[{_EMOJI}]")


_DENSE_RUN = re.compile(f"[{_DENSE}]+")


def folded(text: str) -> str:
    """What counts of a word."""
    if text.isascii():
        return text.lower()
    text = unicodedata.normalize("NFKC", text).casefold()
    return unicodedata.normalize("NFC", _ACCENTS.sub("", unicodedata.normalize("NFD", text)))


def runs(text: str) -> Iterator[Run]:
    """The runs of a text, in order, folded."""
    for found in _letters().finditer(text):
        start, end = found.span()
        if found[0].isascii():
            yield Run(found[0].lower(), start, end, dense=False)
            continue
        at = start
        for dense in _DENSE_RUN.finditer(text, start, end):
            yield from _run(text, at, dense.start(), dense=False)
            yield from _run(text, dense.start(), dense.end(), dense=True)
            at = dense.end()
        yield from _run(text, at, end, dense=False)


def _run(text: str, start: int, end: int, *, dense: bool) -> Iterator[Run]:
    plain = folded(text[start:end])
    if plain:
        yield Run(plain, start, end, dense)


def words(text: str) -> list[Word]:
    """The words of a text, in order."""
    result = []
    for run in runs(text):
        if not run.dense:
            result.append(Word(run.text[:LONGEST], run.start, run.end))
            continue
        # Folding may change how many characters there are (half-width kana); then the places are those of the run.
        exact = len(run.text) == run.end - run.start
        for place in range(len(run.text)):
            start, end = (run.start + place, min(run.start + place + 2, run.end)) if exact else (run.start, run.end)
            result.append(Word(run.text[place : place + 2], start, end))
    return result


def joined(text: str) -> str:
    """The words of a text with a space between them, as the index holds them."""
    if text.isascii():
        return " ".join([word[:LONGEST] for word in _PLAIN.findall(text.lower())])
    parts: list[str] = []
    for run in runs(text):
        if run.dense:
            parts += [run.text[place : place + 2] for place in range(len(run.text))]
        else:
            parts.append(run.text[:LONGEST])
    return " ".join(parts)
