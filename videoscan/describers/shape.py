"""The answer's JSON Schema as different endpoints want it: without bounds, held to a request's frames, or drawn in words. Pure."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from collections.abc import Mapping


class _Same:
    """A schema as a key: equal to itself alone. Every window asks for the same few, which must not be changed."""

    __slots__ = ("schema",)

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self.schema = schema

    def __hash__(self) -> int:
        return id(self.schema)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.schema is self.schema


def drawn(schema: Mapping[str, Any]) -> str:
    """The instruction that stands in for `response_format`: the answer's shape, drawn from its schema."""
    return _drawn(_Same(schema))


@functools.lru_cache(maxsize=64)
def _drawn(same: _Same) -> str:
    return (
        "Answer with one JSON object and nothing else: no Markdown, no comment before or after it. Its form, with types in place of "
        f"values:\n{_types(same.schema)}"
    )


def _types(schema: Mapping[str, Any]) -> str:
    if "enum" in schema:
        return " or ".join(orjson.dumps(each).decode() for each in schema["enum"])
    kind = schema.get("type", "any")
    kinds = kind if isinstance(kind, list) else [kind]
    if "object" in kinds:
        return "{" + ", ".join(f'"{key}": {_types(value)}' for key, value in schema.get("properties", {}).items()) + "}"
    if "array" in kinds:
        return f"[{_types(schema.get('items', {}))}, ...]" + (" or null" if "null" in kinds else "")
    low, high = schema.get("minimum"), schema.get("maximum")
    between = f" {low} to {high}" if low is not None and high is not None else ""
    return " or ".join(kinds) + between


_BOUNDS = frozenset({"minLength", "maxLength", "minimum", "maximum", "minItems", "maxItems"})


def without_bounds(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The same schema for servers whose strict mode refuses bounds on lengths, counts and numbers."""
    plain: dict[str, Any] = {}
    for key, value in schema.items():
        if key in _BOUNDS:
            continue
        if key == "properties":
            plain[key] = {name: without_bounds(inner) for name, inner in value.items()}
        elif key == "items":
            plain[key] = without_bounds(value)
        else:
            plain[key] = value
    return plain


_FRAME_NUMBERS = frozenset({"first_frame", "last_frame", "frame"})


def with_frames(schema: Mapping[str, Any], frames: int) -> dict[str, Any]:
    """The same schema with frame numbers held to those of a request, so that a server that enforces it cannot cite another."""
    return _with_frames(_Same(schema), frames)


@functools.lru_cache(maxsize=64)
def _with_frames(same: _Same, frames: int) -> dict[str, Any]:
    return _bounded(same.schema, frames)


def _bounded(schema: Mapping[str, Any], frames: int) -> dict[str, Any]:
    bounded: dict[str, Any] = {}
    for key, value in schema.items():
        if key == "properties":
            bounded[key] = {
                name: {**inner, "maximum": frames}
                if name in _FRAME_NUMBERS and inner.get("type") == "integer"
                else _bounded(inner, frames)
                for name, inner in value.items()
            }
        elif key == "items":
            bounded[key] = _bounded(value, frames)
        else:
            bounded[key] = value
    return bounded
