"""Settled tables as TOML that a profile may hold."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def text(tables: Mapping[str, Any]) -> str:
    """The tables, an empty line after each. Values that are not set have no line: TOML knows no null."""
    return "".join(
        f"[{name}]\n" + "".join(f"{key} = {value(each)}\n" for key, each in table.items() if each is not None) + "\n"
        for name, table in tables.items()
        if isinstance(table, dict)
    )


def value(what: Any) -> str:
    """One value."""
    if isinstance(what, dict):
        inside = ", ".join(
            f"{json.dumps(key, ensure_ascii=False)} = {value(each)}" for key, each in what.items() if each is not None
        )
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(what, (list, tuple)):
        return f"[{', '.join(value(each) for each in what)}]"
    # A JSON string, number or boolean is a TOML one; JSON escapes what TOML wants escaped (DEL aside, which no profile holds).
    return json.dumps(what, ensure_ascii=False)
