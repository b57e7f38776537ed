"""Profiles: what a scan is to do, as TOML.

Values come in layers, each over the ones before it: the shipped defaults, the profile with all that it extends, the first
``[[cameras]]`` rule that fits the source, the environment, a caller's arguments or flags, ``--set``. `load` lays them over each other
and remembers for each value where it came from. Kinds (samplers, deduplicators, describers) are unknown here: their tables stay
raw until `videoscan.registry` validates them with the kind's own model.
"""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

from videoscan.alerts.rules import MOST_RULES, AlertRule
from videoscan.errors import ConfigError
from videoscan.settings import complaints, credentials, layers
from videoscan.settings.complaints import unknown_key
from videoscan.settings.layers import Layer, Merged, Rank, available
from videoscan.settings.options import (
    BudgetOptions,
    CameraRule,
    Kind,
    Options,
    Profile,
    PromptOptions,
    ReconcileOptions,
    RegionOptions,
    RunnerOptions,
    SecondLookOptions,
    SourceOptions,
    SummaryOptions,
    WatchOptions,
    WindowOptions,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = [
    "AlertRule",
    "BudgetOptions",
    "CameraRule",
    "Kind",
    "Options",
    "Profile",
    "PromptOptions",
    "ReconcileOptions",
    "RegionOptions",
    "Resolved",
    "Row",
    "SecondLookOptions",
    "SourceOptions",
    "SummaryOptions",
    "WatchOptions",
    "WindowOptions",
    "available",
    "explain",
    "load",
    "load_every_camera",
]

_TABLES = (
    "source",
    "sampler",
    "dedup",
    "regions",
    "windows",
    "describer",
    "prompt",
    "second_look",
    "reconcile",
    "summary",
    "budget",
    "watch",
    "live",
    "alerts",
    "runner",
)
_MODEL_KEYS = (
    "endpoint", "model", "dialect", "api_key_env", "concurrency", "requests_per_minute", "tokens_per_minute", "timeout",
    "window_timeout", "retries", "max_tokens", "language", "detail", "probe", "extra_body",
)  # fmt: skip
_LOCAL_KEYS = ("model_file", "projector", "context", "threads", "gpu_layers")
_BOTH_KEYS = ("concurrency", "timeout", "max_tokens", "language", "extra_body")
_REMOTE_KEYS = tuple(key for key in _MODEL_KEYS if key not in _BOTH_KEYS)
_PACE_KEYS = ("concurrency", "timeout")
_OWN = {"openai": "endpoint", "local": "model_file"}
_TEXT_KEYS = {
    f"describer.{key}" for key in ("endpoint", "model", "dialect", "api_key_env", "language", "model_file", "projector")
}
_HOW_TO_NAME_AN_ENDPOINT = "give --endpoint https://host/v1, set VIDEOSCAN_ENDPOINT, or write describer.endpoint into the profile"

_KNOWN: dict[str, type[Options]] = {
    "source": SourceOptions,
    "regions": RegionOptions,
    "windows": WindowOptions,
    "prompt": PromptOptions,
    "second_look": SecondLookOptions,
    "reconcile": ReconcileOptions,
    "summary": SummaryOptions,
    "budget": BudgetOptions,
    "watch": WatchOptions,
    "runner": RunnerOptions,
}


@dataclass(frozen=True, slots=True)
class Resolved:
    """A profile with all layers laid over each other.

    `origins` tells by dotted key where a value came from: a file, a flag, a variable; a key that is missing there has its built-in
    default. `notes` are sentences that a person should read, such as which options were dropped.
    """

    profile: Profile
    origins: dict[str, str]
    notes: tuple[str, ...] = ()


class Row(NamedTuple):
    """One value of a resolved profile, and where it came from."""

    key: str
    value: Any
    origin: str


def load(
    profile: str | Path | Mapping[str, Any] = "default",
    *,
    sets: Sequence[str] = (),
    overrides: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] = os.environ,
    uri: str | None = None,
) -> Resolved:
    """Resolve a profile, given by name, by file or as a table (such as one that a timeline holds).

    Args:
        profile: A shipped or a user's profile's name, a TOML file, or a table.
        sets: Texts ``table.key=value``; a value is TOML or bare text, an empty one puts the key back to its default.
        overrides: A caller's arguments, as nested tables or dotted keys; `None` values are as good as not given.
        environ: Where ``VIDEOSCAN_ENDPOINT`` and ``VIDEOSCAN_MODEL`` are looked for.
        uri: The source, for the ``[[cameras]]`` rules: the first that fits wins, a profile's own before those it extends.

    Raises `ConfigError` with the key's path, where it stands, and what is allowed.
    """
    name, stack, rules = _read(profile)
    fitting = next((rule for rule in rules if uri is not None and fits(rule[0].match, uri)), None)
    return _resolve(name, stack, rules, fitting, sets=sets, overrides=overrides or {}, environ=environ)


def load_every_camera(
    profile: str | Path | Mapping[str, Any] = "default",
    *,
    sets: Sequence[str] = (),
    overrides: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] = os.environ,
) -> tuple[Resolved, ...]:
    """The profile as it is without a camera, then as each of its ``[[cameras]]`` rules makes it: for checking all of it."""
    name, stack, rules = _read(profile)
    return tuple(
        _resolve(name, stack, rules, rule, sets=sets, overrides=overrides or {}, environ=environ) for rule in (None, *rules)
    )


def explain(resolved: Resolved, complete: Mapping[str, Any] | None = None) -> list[Row]:
    """Every value with its origin, in the order of the profile. `complete`: with the kinds' defaults too (`registry.complete`)."""
    table = complete if complete is not None else resolved.profile.model_dump(mode="json", exclude={"cameras"})
    return [
        *(
            Row(key, value, resolved.origins.get(key, "built in"))
            for name in _TABLES
            if name != "alerts"
            for key, value in _flat(table[name], f"{name}.")
        ),
        *_alert_rows(table["alerts"], resolved.origins),
    ]


def _flat(table: Mapping[str, Any], prefix: str) -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = []
    for key, value in table.items():
        rows += _flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) and value else [(f"{prefix}{key}", value)]
    return rows


def _alert_rows(rules: Sequence[Mapping[str, Any]], origins: Mapping[str, str]) -> list[Row]:
    origin = origins.get("alerts", "built in")
    rows: list[Row] = []
    for place, rule in enumerate(rules):
        sinks = {f"to[{number}]": sink for number, sink in enumerate(rule["to"])}
        told = {key: value for key, value in rule.items() if key != "to" or not sinks}
        rows += [Row(key, value, origin) for key, value in _flat({**told, **sinks}, f"alerts[{place}].")]
    return rows or [Row("alerts", [], origin)]


def fits(match: str, uri: str) -> bool:
    """Whether a rule's glob fits a path or URL, whole or from behind one of its slashes. A login in a URL is not looked at."""
    text = credentials.without_login(uri).replace("\\", "/")
    tails = [text, *(text[place + 1 :] for place, letter in enumerate(text) if letter == "/")]
    return any(fnmatch.fnmatchcase(tail, match.replace("\\", "/")) for tail in tails)


_Rules = tuple[tuple[CameraRule, str], ...]


def _read(profile: str | Path | Mapping[str, Any]) -> tuple[str, list[Layer], _Rules]:
    name, stack = layers.chain(profile)
    rules: list[tuple[CameraRule, str]] = []
    for layer in reversed(stack):
        given = layer.table.get("cameras", [])
        if not isinstance(given, list) or not all(isinstance(each, dict) for each in given):
            raise ConfigError(f"cameras ({layer.origin}): a list of tables is expected", hint="write [[cameras]]")
        rules += [(_rule(each, layer.origin, place), layer.origin) for place, each in enumerate(given)]
    own = {"extends", "name", "cameras"}
    for layer in stack:
        _check_keys({key: value for key, value in layer.table.items() if key not in own}, layer, extra=own)
    plain = [
        Layer(layer.origin, layer.rank, {key: value for key, value in layer.table.items() if key not in own}) for layer in stack
    ]
    return name, plain, tuple(rules)


def _rule(table: dict[str, Any], origin: str, place: int) -> CameraRule:
    path = f"cameras[{place}]"
    if "match" not in table:
        raise ConfigError(f"{path}.match ({origin}): missing", hint='a glob on the path or URL, such as match = "garage/*"')
    tables = {key: value for key, value in table.items() if key not in {"match", "name"}}
    _check_keys(tables, Layer(origin, Rank.CAMERA, tables), path=f"{path}.", extra={"match", "name"})
    own = {key: value for key, value in table.items() if key in {"match", "name"}}
    rule = complaints.checked(CameraRule, own, path=path, origins={f"{path}.{key}": origin for key in own})
    return rule.model_copy(update={"tables": tables})


def _check_keys(table: Mapping[str, Any], layer: Layer, *, path: str = "", extra: set[str] | None = None) -> None:
    """Unknown keys are refused layer by layer, so that the message names the layer they stand in."""
    for name, value in table.items():
        here = f"{path}{name}"
        if name not in _TABLES:
            raise unknown_key(here, (*_TABLES, *(extra or ())), layer.label(here))
        if name == "alerts":
            _check_rules(value, layer, path=here)
            continue
        if not isinstance(value, Mapping):
            raise ConfigError(f"{here} ({layer.label(here)}): a table is expected", hint=f"write [{here}] above its keys")
        for key in value:
            dotted = f"{name}.{key}"
            if name in _KNOWN and key not in _KNOWN[name].model_fields:
                raise unknown_key(f"{path}{dotted}", _KNOWN[name].model_fields, layer.label(dotted))


def _check_rules(rules: object, layer: Layer, *, path: str) -> None:
    if not isinstance(rules, list) or not all(isinstance(each, Mapping) for each in rules):
        raise ConfigError(f"{path} ({layer.label(path)}): a list of tables is expected", hint=f"write [[{path}]] above each rule")
    for place, rule in enumerate(rules):
        for key in rule:
            if key not in AlertRule.model_fields:
                raise unknown_key(f"{path}[{place}].{key}", AlertRule.model_fields, layer.label(path))


def _alerts(rules: Sequence[Mapping[str, Any]], origin: str | None) -> tuple[AlertRule, ...]:
    """The rules of the layer that gives any, checked: a profile's own list takes the place of the one that it extends."""
    checked = []
    for place, rule in enumerate(rules):
        path = f"alerts[{place}]"
        origins = {f"{path}.{key}": origin for key in rule} if origin else {}
        checked.append(complaints.checked(AlertRule, rule, path=path, origins=origins))
    names = [rule.name for rule in checked]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ConfigError(f"alerts ({origin}): two rules are called {twice!r}", hint="give each a name of its own")
    if len(checked) > MOST_RULES:
        raise ConfigError(f"alerts ({origin}): {len(checked)} rules; {MOST_RULES} at most")
    return tuple(checked)


def _resolve(
    name: str,
    stack: list[Layer],
    rules: _Rules,
    fitting: tuple[CameraRule, str] | None,
    *,
    sets: Sequence[str],
    overrides: Mapping[str, Any],
    environ: Mapping[str, str],
) -> Resolved:
    outer = [layers.from_environment(environ), layers.from_arguments(overrides), layers.from_sets(sets, keeps_text=_keeps_text)]
    for layer in outer:
        credentials.refuse(layer.table, where=layer.origin)
        _check_keys(layer.table, layer)
    if fitting:
        outer.insert(0, _camera_layer(*fitting))
    merged = layers.merge([*stack, *outer], same_options=_same_options)
    _settle_describer(merged)
    _take_out_fields(merged)
    origins = merged.origins()
    parts = {
        table: complaints.checked(model, merged.table.get(table, {}), path=table, origins=origins)
        for table, model in _KNOWN.items()
    }
    source = parts["source"]
    if isinstance(source, SourceOptions) and source.clock_pattern and source.clock != "pattern":
        merged.notes.append(f"source.clock_pattern is not used: source.clock is {source.clock}, not pattern")
    for table in layers.KINDED:
        kind = merged.table[table].get("kind")
        if not isinstance(kind, str) or not kind:
            raise ConfigError(f"{table}.kind ({origins.get(f'{table}.kind', table)}) = {kind!r}: text is expected")
    kinds = {table: merged.table[table] for table in layers.KINDED}
    kinds["live"] = dict(merged.table.get("live", {}))
    alerts = _alerts(merged.table.get("alerts", ()), origins.get("alerts"))
    profile = Profile.model_validate(
        {"name": name, **parts, **kinds, "alerts": alerts, "cameras": tuple(rule for rule, _ in rules)}
    )
    return Resolved(profile, origins, tuple(merged.notes))


def _camera_layer(rule: CameraRule, origin: str) -> Layer:
    tables = {name: dict(table) if isinstance(table, Mapping) else table for name, table in rule.tables.items()}
    if rule.name is not None:
        tables.setdefault("source", {})["camera"] = rule.name
    return Layer(f"{origin}, [[cameras]] {rule.match}", Rank.CAMERA, tables)


def _same_options(table: str, old: object, new: object) -> bool:
    # "auto" has no options of its own: what stands beside it is for the model, should there be one.
    return table == "describer" and ({old, new} == {"auto", "openai"} or (old, new) in {("auto", "offline"), ("auto", "local")})


def _settle_describer(merged: Merged) -> None:
    """Decide what `auto` means, and see that options for one kind of describer do not go to another."""
    table, placed = merged.table["describer"], merged.placed
    decided = _settle_kind(merged)
    kind, where = table.get("kind"), placed["describer.kind"].label("describer.kind")
    if kind == "openai":
        if not table.get("endpoint"):
            raise ConfigError("describer.kind is openai, but no endpoint is known", hint=_HOW_TO_NAME_AN_ENDPOINT)
        if isinstance(table["endpoint"], str):
            credentials.check_endpoint(table["endpoint"], where=_label(placed, "describer.endpoint"))
    if kind == "local" and not table.get("model_file"):
        raise ConfigError("describer.kind is local, but no model file is known", hint="give --model-file MODEL.gguf")
    foreign = {"openai": _LOCAL_KEYS, "local": _REMOTE_KEYS}.get(str(kind), (*_MODEL_KEYS, *_LOCAL_KEYS))
    if kind == "local":
        # How hard a shipped profile drives a server says nothing about this machine.
        foreign += tuple(key for key in _PACE_KEYS if _rank(placed, f"describer.{key}") == Rank.SHIPPED)
    unused = [
        key
        for key in foreign
        if key in table and (kind == "offline" or decided or _rank(placed, f"describer.{key}") == Rank.ENVIRONMENT)
    ]
    asked = [key for key in unused if _rank(placed, f"describer.{key}") > Rank.SHIPPED]
    if asked:
        named = ", ".join(f"{key} ({_label(placed, f'describer.{key}')})" for key in asked)
        what_then = f"; {_HOW_TO_NAME_AN_ENDPOINT}" if kind not in _OWN else ""
        merged.notes.append(f"not used, as the describer is {kind} ({where}): describer.{named}{what_then}")
    for key in unused:
        merged.drop(f"describer.{key}")


def _take_out_fields(merged: Merged) -> None:
    """``NAME = false`` under ``[prompt.fields]`` takes a field out that a profile below asks for: TOML has no null."""
    prompt = merged.table.get("prompt")
    fields = prompt.get("fields") if isinstance(prompt, dict) else None
    for name in [name for name, field in fields.items() if field is False] if isinstance(fields, dict) else ():
        merged.drop(f"prompt.fields.{name}")


def _settle_kind(merged: Merged) -> bool:
    """Put in place of `auto`, or of a kind that a later layer's endpoint or model file overrules, the kind that is meant.

    Returns whether anything was decided here. Raises `ConfigError` where two layers of one rank want different things.
    """
    table, placed = merged.table["describer"], merged.placed
    kind, layer = table.get("kind"), placed["describer.kind"]
    given = {own: meant for meant, own in _OWN.items() if table.get(own)}
    ranks = {own: placed[f"describer.{own}"].rank for own in given}
    best = max(given, key=lambda own: ranks[own], default=None)
    said = {own: _label(placed, f"describer.{own}") for own in given}
    if kind == "auto" and len(set(ranks.values())) < len(ranks):
        raise ConfigError(
            f"describer.endpoint ({said['endpoint']}) and describer.model_file ({said['model_file']}) are both given",
            hint="leave one of them out, or say which: --set describer.kind=openai, or local",
        )
    if kind == "offline" and best and ranks[best] >= max(Rank.ARGUMENT, layer.rank):
        raise ConfigError(
            f"describer.{best} is given ({said[best]}), but describer.kind is offline ({layer.label('describer.kind')})",
            hint=f"add --set describer.kind={given[best]} to use {'the endpoint' if best == 'endpoint' else 'the model file'}",
        )
    if kind == "auto":
        table["kind"] = given[best] if best else "offline"
        why = f"the {best.replace('_', ' ')} is known ({said[best]})" if best else "no endpoint is known"
        placed["describer.kind"] = Layer(f"auto, as {why}", layer.rank, {})
        return True
    if kind in _OWN and best and given[best] != kind and ranks[best] > layer.rank:
        table["kind"] = given[best]
        placed["describer.kind"] = Layer(f"{said[best]} instead of {kind} ({layer.label('describer.kind')})", ranks[best], {})
        return True
    return False


def _owners(placed: Mapping[str, Layer], path: str) -> list[Layer]:
    return [layer for key, layer in placed.items() if key == path or key.startswith(f"{path}.")]


def _rank(placed: Mapping[str, Layer], path: str) -> Rank:
    return max((layer.rank for layer in _owners(placed, path)), default=Rank.SHIPPED)


def _label(placed: Mapping[str, Layer], path: str) -> str:
    return max(_owners(placed, path), key=lambda layer: layer.rank).label(path)


def _keeps_text(path: str) -> bool:
    table, _, key = path.partition(".")
    if table in _KNOWN and key in _KNOWN[table].model_fields:
        annotation = _KNOWN[table].model_fields[key].annotation
        return annotation is str or str in get_args(annotation)
    return path in _TEXT_KEYS
