"""Says what is wrong with a table of options in the words of the person who wrote it: key, value, file, what is allowed."""

from __future__ import annotations

import difflib
import json
import os
from types import UnionType
from typing import TYPE_CHECKING, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from videoscan.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pydantic_core import ErrorDetails

M = TypeVar("M", bound=BaseModel)

_TYPES = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "string": "text",
    "dict": "a table",
    "list": "a list",
    "tuple": "a list",
    "set": "a list",
    "model": "a table",
}


def suggestion(word: str, words: Iterable[str]) -> str:
    """``did you mean `x`?; the keys are a, b, c``, as far as there is something like it."""
    known = sorted(words)
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    listed = f"known: {', '.join(known)}" if known else "there are no options here"
    return f"did you mean `{close[0]}`? {listed}" if close else listed


def unknown_key(path: str, keys: Iterable[str], origin: str | None) -> ConfigError:
    """The error for a key that nobody reads."""
    return ConfigError(f"{_placed(path, origin)}: unknown key", hint=suggestion(path.rpartition(".")[2], keys))


def unknown_value(path: str, value: object, values: Iterable[str], origin: str | None) -> ConfigError:
    """The error for a name that nothing answers to."""
    return ConfigError(
        f"{_placed(path, origin)} = {_shown(value)}: there is none of that name", hint=suggestion(str(value), values)
    )


def unknown_kind(path: str, kind: object, kinds: Iterable[str], origin: str | None) -> ConfigError:
    """The error for a kind that no installed part answers to."""
    return ConfigError(f"{_placed(path, origin)} = {_shown(kind)}: unknown kind", hint=suggestion(str(kind), kinds))


def checked(
    model: type[M],
    table: Mapping[str, Any],
    *,
    path: str,
    origins: Mapping[str, str] | None = None,
    extra_keys: Iterable[str] = (),
) -> M:
    """Validate a raw table. Raises `ConfigError` about the first thing that is wrong.

    Types are strict: ``"12"`` is no number and ``1`` is not true. JSON is the way in because pydantic's strict mode takes a list for
    a tuple only there. `path` is the table's name, `origins` tells which file or flag a dotted key came from, and `extra_keys`
    are known to whoever calls (such as ``kind``) and are only named in suggestions.
    """
    origins = origins or {}
    try:
        text = json.dumps(table, default=_plain)
    except TypeError as error:
        raise ConfigError(f"{path}: {error}", hint="use text, numbers, true, false, lists and tables") from None
    try:
        return model.model_validate_json(text, strict=True)
    except ValidationError as error:
        raise _first(error.errors(include_url=False), model, path, origins, tuple(extra_keys)) from None


def _plain(value: object) -> str:
    if isinstance(value, os.PathLike):
        return str(value)
    raise TypeError(f"{value!r} cannot stand in a profile")


def _first(
    errors: list[ErrorDetails], model: type[BaseModel], path: str, origins: Mapping[str, str], extra: tuple[str, ...]
) -> ConfigError:
    # An unknown key goes first: it is the likelier cause of whatever else is wrong.
    error = min(errors, key=lambda each: each["type"] != "extra_forbidden")
    # Unions put the tried branch into the location ("int", "constrained-int"); the key is all that a person knows.
    model, steps = _innermost(model, error["loc"])
    key = steps[-1] if steps else ""
    here = ".".join((path, *steps))
    deeper = [str(step) for step in error["loc"][len(steps) :] if isinstance(step, int)]
    here += "".join(f"[{step}]" for step in deeper)
    origin = origin_of(here, origins)
    if error["type"] == "extra_forbidden":
        return unknown_key(here, (*model.model_fields, *extra), origin)
    if error["type"] == "missing":
        return ConfigError(f"{here}: missing", hint=_allowed(model, key))
    if error["type"] == "value_error":
        return ConfigError(f"{_placed(here, origin)}: {error['ctx']['error']}")
    return ConfigError(f"{_placed(here, origin)} = {_shown(error['input'])}: {_expected(error)}", hint=_allowed(model, key))


def _innermost(model: type[BaseModel], place: Sequence[int | str]) -> tuple[type[BaseModel], list[str]]:
    """The table that a fault lies in, which may stand inside of `model`, and the keys that lead to the fault, the last one its own."""
    steps: list[str] = []
    rest = list(place)
    while rest:
        field = model.model_fields.get(str(rest[0]))
        steps.append(str(rest.pop(0)))
        inside = _model_in(field.annotation) if field is not None else None
        if inside is None or not rest:
            break
        if get_origin(field.annotation if field is not None else None) is dict:
            steps.append(str(rest.pop(0)))
        if not rest:
            break
        model = inside
    return model, steps


def _model_in(annotation: object) -> type[BaseModel] | None:
    """The table that a field holds, be it optional or one of many by name."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) in {dict, Union, UnionType}:
        return next((found for each in get_args(annotation) if (found := _model_in(each)) is not None), None)
    return None


def origin_of(path: str, origins: Mapping[str, str]) -> str | None:
    """Where a key came from; for a table, where its latest own key did, as far as they agree."""
    if path in origins:
        return origins[path]
    inside = {origin for key, origin in origins.items() if key.startswith(f"{path}.")}
    return inside.pop() if len(inside) == 1 else None


def _expected(error: ErrorDetails) -> str:
    stem = error["type"].partition("_")[0]
    if error["type"].endswith(("_type", "_parsing", "_from_float", "_unicode")) and stem in _TYPES:
        return f"{_TYPES[stem]} is expected"
    if error["type"] == "literal_error":
        return "not one of the allowed values"
    if error["type"].startswith(("greater_than", "less_than")):
        return "out of range"
    if error["type"] == "string_too_short":
        return "must not be empty"
    return error["msg"][:1].lower() + error["msg"][1:]


def _allowed(model: type[BaseModel], key: str) -> str | None:
    """What a field takes, from its JSON Schema: ``allowed: 1 to 1000; default 12``."""
    schema = model.model_json_schema().get("properties", {}).get(key)
    if schema is None:
        return None
    branches = [branch for branch in schema.get("anyOf", [schema]) if branch.get("type") != "null"]
    said = [text for text in map(_range, branches) if text]
    if "default" in schema and schema["default"] is not None:
        default = f"default {_shown(schema['default'])}"
        return f"allowed: {' or '.join(said)}; {default}" if said else default
    return f"allowed: {' or '.join(said)}" if said else None


def _range(schema: Mapping[str, Any]) -> str:
    if "enum" in schema or "const" in schema:
        return ", ".join(str(value) for value in schema.get("enum", [schema.get("const")]))
    names = {"integer": "a whole number", "number": "a number", "boolean": "true or false", "string": "text", "object": "a table"}
    name = names.get(str(schema.get("type")), "a list" if schema.get("type") == "array" else "")
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        return f"{low} to {high}"
    bounds = [
        f"{word} {schema[bound]}"
        for word, bound in (
            ("from", "minimum"),
            ("above", "exclusiveMinimum"),
            ("up to", "maximum"),
            ("below", "exclusiveMaximum"),
        )
        if bound in schema
    ]
    return f"{name} {' and '.join(bounds)}" if bounds else name


def _placed(path: str, origin: str | None) -> str:
    return f"{path} ({origin})" if origin else path


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else text[:57] + "..."
