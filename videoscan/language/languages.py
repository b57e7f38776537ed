"""Languages: what a person may call one, and whether a text is written in the one that was asked for.

The check is for answers that ignored the wish altogether, and holds its tongue where it cannot be sure: on a few words, between near
kin (Norwegian and Danish), and on languages that it does not know. A script of its own decides first; between languages of one
script `py3langid` (BSD, 139 languages, a model of 4.5 MB) does.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

NAMES = {
    "ar": "Arabic (العربية)",
    "bg": "Bulgarian (български)",
    "bn": "Bengali (বাংলা)",
    "ca": "Catalan",
    "cs": "Czech",
    "da": "Danish",
    "de": "German",
    "el": "Greek (ελληνικά)",
    "en": "English",
    "es": "Spanish",
    "et": "Estonian",
    "fa": "Persian (فارسی)",
    "fi": "Finnish",
    "fr": "French",
    "he": "Hebrew (עברית)",
    "hi": "Hindi (हिन्दी)",
    "hr": "Croatian",
    "hu": "Hungarian",
    "id": "Indonesian",
    "it": "Italian",
    "ja": "Japanese (日本語)",
    "ko": "Korean (한국어)",
    "lt": "Lithuanian",
    "lv": "Latvian",
    "ms": "Malay",
    "nb": "Norwegian",
    "nl": "Dutch",
    "nn": "Norwegian Nynorsk",
    "no": "Norwegian",
    "pl": "Polish",
    "pt": "Portuguese",
    "ro": "Romanian",
    "ru": "Russian (русский)",
    "sk": "Slovak",
    "sl": "Slovenian",
    "sr": "Serbian (српски)",
    "sv": "Swedish",
    "ta": "Tamil (தமிழ்)",
    "te": "Telugu (తెలుగు)",
    "th": "Thai (ไทย)",
    "tr": "Turkish",
    "uk": "Ukrainian (українська)",
    "ur": "Urdu (اردو)",
    "vi": "Vietnamese",
    "zh": "Simplified Chinese (简体中文)",
    "zh-cn": "Simplified Chinese (简体中文)",
    "zh-hans": "Simplified Chinese (简体中文)",
    "zh-hant": "Traditional Chinese (繁體中文)",
    "zh-hk": "Traditional Chinese (繁體中文)",
    "zh-tw": "Traditional Chinese (繁體中文)",
}
"""Codes (BCP 47, lower case) to the name a model understands best: English, and the language's own where the script differs."""

# What Unicode calls the letters of a language that has a script of its own. Serbian is written in either of two.
_SCRIPTS: dict[str, tuple[str, ...]] = {
    "ar": ("ARABIC",),
    "bg": ("CYRILLIC",),
    "bn": ("BENGALI",),
    "el": ("GREEK",),
    "fa": ("ARABIC",),
    "he": ("HEBREW",),
    "hi": ("DEVANAGARI",),
    "ja": ("HIRAGANA", "KATAKANA", "CJK"),
    "ko": ("HANGUL",),
    "ru": ("CYRILLIC",),
    "sr": ("CYRILLIC", "LATIN"),
    "ta": ("TAMIL",),
    "te": ("TELUGU",),
    "th": ("THAI",),
    "uk": ("CYRILLIC",),
    "ur": ("ARABIC",),
    "zh": ("CJK",),
}

# Languages that a few sentences cannot tell apart, or that one name stands for.
_KIN = (
    {"no", "nb", "nn", "da"},
    {"id", "ms", "jv"},
    {"hr", "bs", "sr", "sl"},
    {"cs", "sk"},
    {"es", "ca", "gl", "an", "ext", "oc"},
    {"pt", "gl"},
    {"it", "vec", "lij"},
    {"fr", "wa", "oc", "gcf", "gcr", "ht"},
    {"en", "pcm"},
    {"de", "lb"},
    {"nl", "af", "fy"},
    {"zh", "wuu", "yue"},
    {"ru", "uk", "be", "bg"},
    {"ar", "ary", "arz"},
    {"fa", "ps", "sdh"},
    {"hi", "mr", "ne", "sa"},
    {"tr", "az", "crh"},
)

_SIGNS = frozenset({"CJK", "HANGUL", "HIRAGANA", "KATAKANA"})
_LEAST_LETTERS = 12
"""Fewer say nothing: a title may be a name."""
_OWN_SCRIPT = 0.2
"""Share of letters in a language's own script from which a text is in it: names and signs are quoted in theirs."""
_SURE, _HARDLY = 0.85, 0.02
"""How likely another language must be, and the one that was asked for at most, before a text counts as written in the other."""


def name_of(language: str) -> str:
    """What a model is told: the name for a code ("de", "zh-TW", "de_AT"), or whatever was given."""
    code = language.strip().lower().replace("_", "-")
    return NAMES.get(code) or NAMES.get(code.partition("-")[0]) or language.strip()


def shown(language: str) -> str:
    """The same name in plain English, for people: "Chinese"."""
    return _plain(name_of(language))


def code_of(language: str) -> str | None:
    """The two or three letters of a language given as a code or by its name, English or its own; `None` for one unknown here."""
    given = language.strip().casefold().replace("_", "-").removeprefix("simplified ").removeprefix("traditional ")
    base = given.partition("-")[0]
    if base in NAMES:
        return base
    for code, name in NAMES.items():
        words = {word.casefold() for word in re.findall(r"[^\s()]+", name)} - {"simplified", "traditional"}
        if given in {name.casefold(), *words}:
            return code.partition("-")[0]
    return base if re.fullmatch(r"[a-z]{2,3}", base) and base in _identifier().labels else None


def found_instead(text: str, language: str) -> str | None:
    """The name of the language that a text is written in, if that is surely not `language`; else `None`.

    Loads the model on its first use that a script does not decide (0.6 s): not for an event loop.
    """
    asked = code_of(language)
    scripts = [_script(character) for character in text if character.isalpha()]
    # A sign stands for a syllable or a word, so it says as much as several letters.
    said = Counter[str]()
    for script in scripts:
        said[script] += 3 if script in _SIGNS else 1
    total = said.total()
    if asked is None or total < _LEAST_LETTERS:
        return None
    own = _SCRIPTS.get(asked, ("LATIN",))
    share = sum(said[script] for script in own) / total
    kana = (said["HIRAGANA"] + said["KATAKANA"]) / total
    if asked == "ja" and kana == 0 and share >= _OWN_SCRIPT:
        return "Chinese"
    if asked == "zh" and kana > _OWN_SCRIPT:
        return "Japanese"
    if share < (_OWN_SCRIPT if asked in _SCRIPTS else 1 - _OWN_SCRIPT):
        found = _ranked(text)[0][0]
        return None if found == asked else _named(found)
    if own not in {("LATIN",), ("CYRILLIC",), ("ARABIC",), ("CYRILLIC", "LATIN")} or asked not in _identifier().labels:
        return None
    ranked = _ranked(text)
    found, likely = ranked[0]
    if found == asked or likely < _SURE or dict(ranked)[asked] > _HARDLY or any({found, asked} <= kin for kin in _KIN):
        return None
    return _named(found)


@functools.lru_cache(maxsize=4096)
def _script(letter: str) -> str:
    return unicodedata.name(letter, "").partition(" ")[0].partition("-")[0]


def _named(code: str) -> str:
    return _plain(NAMES.get("zh" if code in {"wuu", "yue"} else code, code))


def _plain(name: str) -> str:
    return name.partition(" (")[0].removeprefix("Simplified ")


def _ranked(text: str) -> list[tuple[str, float]]:
    """Languages with their likelihood, 0..1, most likely first; "zxx", no language at all, is left out."""
    return [(code, float(share)) for code, share in _identifier().rank(text) if code != "zxx"]


@functools.cache
def _identifier() -> LanguageIdentifier:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
