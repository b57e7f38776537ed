"""What profiles say of themselves: the comments that stand above their keys, for whoever chooses one without reading TOML."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_TABLE = re.compile(r"\[\[?([A-Za-z0-9_.-]+)\]\]?\s*(?:#.*)?")
_KEY = re.compile(r"([A-Za-z0-9_-]+)\s*=")


def about(path: Path) -> str:
    """What a profile is for: its first line, where that is a comment."""
    first = next(iter(_lines(path)), "")
    return first.lstrip("# ").strip() if first.startswith("#") else ""


def comments(path: Path) -> dict[str, str]:
    """The comment above each key, by the key's dotted path; empty where the file cannot be read. It is made for files as `configs/` has them."""
    told: dict[str, str] = {}
    table, above = "", []
    for line in _lines(path):
        text = line.strip()
        if text.startswith("#"):
            above.append(text.lstrip("#").strip())
            continue
        if found := _TABLE.fullmatch(text):
            table = f"{found[1]}."
        elif (found := _KEY.match(text)) and above:
            told[table + found[1]] = " ".join(above)
        above = []
    return told


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return []
