"""Settled tables as TOML that a profile may hold."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def text(tables: Mapping[str, Any]) -> str:
    """The tables, an empty line after each. Values that are not set have no line: TOML knows no null.

    A table of tables, such as `prompt.fields`, has a heading for each of them.
    """
    return "".join(_table(name, table) for name, table in tables.items() if isinstance(table, dict))


def _table(name: str, table: Mapping[str, Any]) -> str:
    several = {key: each for key, each in table.items() if isinstance(each, dict) and each and _all_tables(each)}
    lines = [
        f"[{name}]\n",
        *(f"{key} = {value(each)}\n" for key, each in table.items() if each is not None and key not in several),
    ]
    return "".join([*lines, "\n"]) + "".join(
        _table(f"{name}.{key}.{_key(under)}", inside) for key, each in several.items() for under, inside in each.items()
    )


def _all_tables(table: Mapping[str, Any]) -> bool:
    return all(isinstance(each, dict) for each in table.values())


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json.dumps(name, ensure_ascii=False)


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
