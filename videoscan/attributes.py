"""What a profile wants to know of every event beyond the words: fields of one type each, asked for, read, held to, and joined.

Pure. A model's value is taken when it is of the field's type or can be read as one without guessing ("3" for a whole number), which is
flagged; anything else becomes null, with a flag. So a declared field of an event always holds a value of its type or null.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

Type: TypeAlias = Literal["text", "int", "number", "bool", "choice", "list"]

MOST_FIELDS, MOST_CHOICES, MOST_ITEMS = 20, 50, 12
"""Fields of a profile, choices of a field, and items of a list: every one of them costs tokens in every window."""
LONGEST = 200
"""Characters of a text, or of one item of a list."""
NOT_ASKED = "attributes that were not asked for were left out: "
"""How the flag begins that stands where a model told more than the profile declares."""

NAME = re.compile(r"[^\W\d_][\w-]{0,39}")
"""A field's name: it becomes a key of JSON, a column of a table and a word in the prompt."""


@dataclass(frozen=True, slots=True)
class Field:
    """An attribute that a profile wants of every event: its type and, in words for the model, what it means.

    `choices` are all values that a ``choice`` can have, or an item of a ``list``. `min` and `max`, both included, bound numbers.
    """

    type: Type
    meaning: str
    choices: tuple[str, ...] = ()
    min: float | None = None
    max: float | None = None

    @property
    def kind(self) -> str:
        """What it takes, in words: ``whole number from 0 to 9``, ``one of "home", "away"``."""
        if self.choices:
            named = ", ".join(f'"{choice}"' for choice in self.choices)
            return f"list of any of {named}" if self.type == "list" else f"one of {named}"
        name = {
            "text": "text",
            "int": "whole number",
            "number": "number",
            "bool": "true or false",
            "list": "list of texts",
            "choice": "text",
        }[self.type]
        bounds = [f"{word} {self._bound(bound):g}" for word, bound in (("from", self.min), ("to", self.max)) if bound is not None]
        return " ".join([name, *bounds])

    def _bound(self, bound: float) -> float:
        return int(bound) if self.type == "int" else bound


def schema(fields: Mapping[str, Field]) -> dict[str, Any]:
    """The JSON Schema of each field's value, by name: its type or null."""
    return {name: {**_typed(field), "description": field.meaning} for name, field in fields.items()}


def _typed(field: Field) -> dict[str, Any]:
    text: dict[str, Any] = {"type": "string", "maxLength": LONGEST}
    match field.type:
        case "text":
            return {"type": ["string", "null"], "maxLength": LONGEST}
        case "choice":
            return {"type": ["string", "null"], "enum": [*field.choices, None]}
        case "list":
            items = {"type": "string", "enum": list(field.choices)} if field.choices else text
            return {"type": ["array", "null"], "items": items, "maxItems": MOST_ITEMS}
        case "bool":
            return {"type": ["boolean", "null"]}
    bounds = {"minimum": field.min, "maximum": field.max}
    named = {"int": "integer", "number": "number"}[field.type]
    return {"type": [named, "null"]} | {key: field._bound(bound) for key, bound in bounds.items() if bound is not None}  # noqa: SLF001  # its own


# --- reading ------------------------------------------------------------------------------------------------------------------


def read(told: Mapping[str, Any], fields: Mapping[str, Field], flags: list[str]) -> dict[str, Any]:
    """A model's attributes held to the fields, every one of them, in their order; sentences about what was changed go to `flags`.

    `told` are values of JSON. A name counts whatever its case, and with a space or hyphen for an underscore.
    """
    by_name = {_folded(name): name for name in fields}
    given: dict[str, Any] = {}
    foreign: list[str] = []
    for key, value in told.items():
        name = key if key in fields else by_name.get(_folded(key))
        if name is None:
            foreign.append(key)
        elif name not in given or given[name] is None:
            given[name] = value
    if foreign:
        more = f" and {len(foreign) - 3} more" if len(foreign) > 3 else ""
        flags.append(f"{NOT_ASKED}{', '.join(key[:40] for key in foreign[:3])}{more}")
    return {name: _read(name, field, given.get(name), flags) for name, field in fields.items()}


def _folded(name: str) -> str:
    return re.sub(r"[\s-]+", "_", name.strip()).casefold()


_NOTHING = frozenset({"", "-", "–", "null", "none", "n/a", "unknown"})
"""What models write where they should write null."""


def _read(name: str, field: Field, value: Any, flags: list[str]) -> Any:
    if isinstance(value, str):
        value = value.strip()
        if value.casefold() in _NOTHING and value.casefold() not in {choice.casefold() for choice in field.choices}:
            return None
    if value is None:
        return None
    held = _READERS[field.type](field, value)
    if held is None:
        flags.append(f"{name}: {_shown(value)} is {_WHY['choice' if field.choices else field.type]}: left out")
        return None
    if not _within(field, held):
        flags.append(f"{name}: {_shown(held)} is not {_range(field)}: left out")
        return None
    if held != value or isinstance(held, bool) is not isinstance(value, bool):
        flags.append(f"{name}: {_shown(value)} read as {_shown(held)}")
    return held


def _within(field: Field, value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return True
    return (field.min is None or value >= field.min) and (field.max is None or value <= field.max)


def _range(field: Field) -> str:
    return field.kind.removeprefix("whole ").removeprefix("number ")


def _text(_: Field, value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return str(value)[:LONGEST].strip()


def _whole(_: Field, value: Any) -> int | None:
    if isinstance(value, str):
        return int(value) if re.fullmatch(r"[+-]?\d{1,15}", value) else None
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**15 else None


def _number(_: Field, value: Any) -> float | None:
    if isinstance(value, str):
        # No comma: in some languages it parts thousands, in others decimals.
        return float(value) if re.fullmatch(r"[+-]?\d{1,15}(?:\.\d{1,15})?", value) else None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return value


def _truth(_: Field, value: Any) -> bool | None:
    if isinstance(value, str):
        return {"true": True, "yes": True, "false": False, "no": False}.get(value.casefold())
    if isinstance(value, bool):
        return value
    return bool(value) if isinstance(value, int | float) and value in {0, 1} else None


def _choice(field: Field, value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return next((choice for choice in field.choices if _folded(choice) == _folded(str(value))), None)


def _list(field: Field, value: Any) -> list[str] | None:
    items = value if isinstance(value, list) else re.split(r"\s*[,;、，]\s*", value) if isinstance(value, str) else None
    if items is None:
        return None
    read = [_choice(field, item) if field.choices else _text(field, item) for item in items]
    return list(dict.fromkeys(item for item in read if item))[:MOST_ITEMS] or (None if items else [])


_READERS = {"text": _text, "int": _whole, "number": _number, "bool": _truth, "choice": _choice, "list": _list}
_WHY = {
    "text": "no text",
    "int": "no whole number",
    "number": "no number",
    "bool": "neither true nor false",
    "choice": "none of the choices",
    "list": "no list of texts",
}


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return f'"{value if len(value) <= 40 else value[:39] + "…"}"'
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        text = ", ".join(map(_shown, value[:4]))
        return f"[{text}{', …' if len(value) > 4 else ''}]"
    return "a table" if isinstance(value, dict) else f"{value}"[:40]


# --- joining ------------------------------------------------------------------------------------------------------------------


_WAS, _AT_FIRST = " was ", " at first"


def joined(
    before: Mapping[str, Any], after: Mapping[str, Any], changed: Collection[str] = ()
) -> tuple[dict[str, Any], dict[str, str]]:
    """The attributes of one event that was told in two parts, and by field what there is to flag.

    A value wins over null, lists are united, and of two different values the later one holds: it has seen the outcome. The first one of
    all is then in a flag, once for each field, however many windows an event lasts: those of the fields that have `changed` before are.
    """
    values = dict(before)
    flags: dict[str, str] = {}
    for name, value in after.items():
        old = values.get(name)
        if isinstance(old, list) and isinstance(value, list):
            values[name] = list(dict.fromkeys((*old, *value)))
        elif old is None or value is None:
            values[name] = value if old is None else old
        elif old != value:
            values[name] = value
            if name not in changed:
                flags[name] = f"{name}{_WAS}{_shown(old)}{_AT_FIRST}"
    return values, flags


def changed_in(flags: Iterable[str]) -> set[str]:
    """The fields of which one of the flags says that they have changed."""
    return {flag.partition(_WAS)[0] for flag in flags if flag.endswith(_AT_FIRST)}
