"""Finds parts by kind through entry points, the built-in ones like a stranger's, and validates their options.

A distribution adds a kind with one line, for example under ``[project.entry-points."videoscan.samplers"]``:
``mine = "package.module:MySampler"``, where the class has an `Options` model (a `videoscan.config.Options`) and is made as
``MySampler(options)``.
"""

from __future__ import annotations

import functools
import os
import sys
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast, get_args, overload

from pydantic import BaseModel

from videoscan import config, prompts
from videoscan.errors import ConfigError
from videoscan.settings import complaints
from videoscan.settings.layers import RIVALS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from videoscan.config import AlertRule, Profile, Resolved, Row
    from videoscan.seams import Dedup, Describer, Exporter, LiveSource, Sampler, Sink, Source

Group: TypeAlias = Literal["sources", "samplers", "dedups", "describers", "exporters", "lives", "sinks"]

_TABLES: dict[Group, str] = {
    "sources": "source",
    "samplers": "sampler",
    "dedups": "dedup",
    "describers": "describer",
    "exporters": "export",
    "lives": "live",
    "sinks": "alerts.to",
}


def names(group: Group) -> list[str]:
    """The kinds of a group that are installed, sorted."""
    return sorted(_entries(group))


def factory(group: Group, kind: str) -> type[Any]:
    """The class behind a kind; imports its module. Raises `ConfigError` for an unknown kind or a part that cannot be imported."""
    return _factory(group, kind, origin=None)


@overload
def make(group: Literal["sources"], table: Mapping[str, Any], *, origins: Mapping[str, str] | None = None) -> Source: ...
@overload
def make(group: Literal["samplers"], table: Mapping[str, Any], *, origins: Mapping[str, str] | None = None) -> Sampler: ...
@overload
def make(group: Literal["dedups"], table: Mapping[str, Any], *, origins: Mapping[str, str] | None = None) -> Dedup: ...
@overload
def make(group: Literal["describers"], table: Mapping[str, Any], *, origins: Mapping[str, str] | None = None) -> Describer: ...
@overload
def make(group: Literal["exporters"], table: Mapping[str, Any], *, origins: Mapping[str, str] | None = None) -> Exporter: ...
@overload
def make(group: Literal["lives"], table: Mapping[str, Any], *, origins: Mapping[str, str] | None = None) -> LiveSource: ...
@overload
def make(group: Literal["sinks"], table: Mapping[str, Any], *, origins: Mapping[str, str] | None = None) -> Sink: ...
def make(group: Group, table: Mapping[str, Any], *, origins: Mapping[str, str] | None = None) -> Any:
    """Make a part from ``{"kind": name, **options}``.

    `origins` (`Resolved.origins`) lets a message name the file or flag. Raises `ConfigError` with the key's path, the value and what
    is allowed.
    """
    part, options = _checked(group, table, origins or {})
    return part(options)


def complete(profile: Profile, *, origins: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The profile with every kind's defaults filled in: what a timeline stores. JSON-able, without secrets, and `config.load` reads it.

    Camera rules are left out: the one that fitted has done its work, and the others concern other people's cameras. Raises `ConfigError`
    as `make` does, so that this is also the check of a whole profile.
    """
    if profile.prompt.template not in prompts.names() and not prompts.is_file(profile.prompt.template):
        raise complaints.unknown_value(
            "prompt.template", profile.prompt.template, prompts.names(), (origins or {}).get("prompt.template")
        )
    if profile.describer["kind"] != "offline":
        profile.budget.of(profile.describer.get("model"))
    table: dict[str, Any] = {"name": profile.name, "source": profile.source.model_dump(mode="json")}
    table["sampler"] = _filled("samplers", profile.sampler, origins or {})
    table["dedup"] = _filled("dedups", profile.dedup, origins or {})
    table["regions"] = profile.regions.model_dump(mode="json")
    table["windows"] = profile.windows.model_dump(mode="json")
    table["describer"] = _filled("describers", profile.describer, origins or {})
    table["prompt"] = profile.prompt.model_dump(mode="json")
    table["second_look"] = profile.second_look.model_dump(mode="json")
    table["reconcile"] = profile.reconcile.model_dump(mode="json")
    table["summary"] = profile.summary.model_dump(mode="json")
    table["budget"] = profile.budget.model_dump(mode="json")
    table["watch"] = profile.watch.model_dump(mode="json")
    table["runner"] = profile.runner.model_dump(mode="json")
    table["live"] = dict(profile.live)
    if profile.live:
        _check_live(profile.live, origins or {})
    table["alerts"] = [_filled_rule(rule, place, origins or {}) for place, rule in enumerate(profile.alerts)]
    return table


def _filled_rule(rule: AlertRule, place: int, origins: Mapping[str, str]) -> dict[str, Any]:
    to = []
    for number, given in enumerate(rule.to):
        path = f"alerts[{place}].to[{number}]"
        named = {f"{path}.{key}": origins["alerts"] for key in given} if "alerts" in origins else {}
        to.append(_filled("sinks", given, named, path=path))
    return {**rule.model_dump(mode="json"), "to": to}


def live(profile: Profile, kind: str) -> LiveSource:
    """Who listens, of that kind, with those options of the profile's `live` table that it has. Raises `ConfigError` as `make` does.

    How recordings' names are read is taken from the `source` table, where `live` does not say it.
    """
    fields = factory("lives", kind).Options.model_fields
    source = {"clock_zone": profile.source.clock_zone, "clock_pattern": profile.source.clock_pattern}
    given = {**{key: value for key, value in source.items() if value is not None}, **profile.live}
    return make("lives", {"kind": kind, **{key: value for key, value in given.items() if key in fields}})


def _check_live(table: Mapping[str, Any], origins: Mapping[str, str]) -> None:
    """Every option must be one of some kind of live source, and each kind must take those that it has."""
    kinds = {kind: factory("lives", kind).Options.model_fields for kind in names("lives")}
    known = sorted({field for fields in kinds.values() for field in fields})
    for key in table:
        if key not in known:
            raise complaints.unknown_key(f"live.{key}", known, origins.get(f"live.{key}"))
    for kind, fields in kinds.items():
        _checked("lives", {"kind": kind, **{key: value for key, value in table.items() if key in fields}}, origins)


def filled(group: Group, table: Mapping[str, Any]) -> dict[str, Any]:
    """A part's table with its kind's defaults filled in. Raises `ConfigError` as `make` does."""
    return _filled(group, table, {})


def explain(resolved: Resolved) -> list[Row]:
    """Every value of a resolved profile, the kinds' defaults included, with its origin. Raises `ConfigError` as `make` does."""
    return config.explain(resolved, complete(resolved.profile, origins=resolved.origins))


def check(
    profile: str | Path | Mapping[str, Any] = "default",
    *,
    sets: Sequence[str] = (),
    overrides: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] = os.environ,
) -> tuple[Resolved, ...]:
    """Resolve and check a whole profile: without a camera first, then as each ``[[cameras]]`` rule makes it. Raises `ConfigError`."""
    every = config.load_every_camera(profile, sets=sets, overrides=overrides, environ=environ)
    for resolved in every:
        complete(resolved.profile, origins=resolved.origins)
    return every


def _entries(group: Group) -> dict[str, EntryPoint]:
    return _entries_on(group, tuple(sys.path))


# Reading every installed distribution takes tens of milliseconds, and a service checks a profile with each job. What is installed
# changes under a running program only by a new place to import from.
@functools.lru_cache(maxsize=64)
def _entries_on(group: Group, _places: tuple[str, ...]) -> dict[str, EntryPoint]:
    found: dict[str, EntryPoint] = {}
    for entry in entry_points(group=f"videoscan.{group}"):
        ours = entry.dist is not None and entry.dist.name == "videoscan"
        # A stranger's part must not take a built-in's place unnoticed.
        if ours or entry.name not in found:
            found[entry.name] = entry
    return found


def _factory(group: Group, kind: object, *, origin: str | None, path: str | None = None) -> type[Any]:
    if group not in get_args(Group):
        raise ConfigError(f"{group!r} is no group of parts", hint=f"known: {', '.join(_TABLES)}")
    entries = _entries(group)
    path = path or _TABLES[group]
    if not isinstance(kind, str) or kind not in entries:
        raise complaints.unknown_kind(f"{path}.kind", kind, entries, origin)
    try:
        part = entries[kind].load()
    except (ImportError, AttributeError) as error:
        raise ConfigError(
            f"{path}.kind = {kind!r} cannot be loaded from {entries[kind].value}: {error}",
            hint="install what it needs, or choose another kind",
        ) from error
    options = getattr(part, "Options", None)
    if not (isinstance(options, type) and issubclass(options, BaseModel)):
        raise ConfigError(f"{entries[kind].value} has no Options model, so it is no part of videoscan")
    return cast("type[Any]", part)


def _checked(
    group: Group, table: Mapping[str, Any], origins: Mapping[str, str], path: str | None = None
) -> tuple[type[Any], BaseModel]:
    name = path or _TABLES[group]
    part = _factory(group, table.get("kind"), origin=origins.get(f"{name}.kind"), path=name)
    options = {key: value for key, value in table.items() if key != "kind"}
    return part, complaints.checked(part.Options, options, path=name, origins=origins, extra_keys=("kind",))


def _filled(group: Group, table: Mapping[str, Any], origins: Mapping[str, str], path: str | None = None) -> dict[str, Any]:
    _, options = _checked(group, table, origins, path)
    filled = {"kind": table["kind"], **options.model_dump(mode="json")}
    for one, other in RIVALS.get(_TABLES[group], ()):
        # Two ways to say one thing: only the one that holds is stored, or the stored profile could not be read again.
        for key, rival in ((one, other), (other, one)):
            if filled.get(key) is not None and rival in filled and key in table and rival not in table:
                del filled[rival]
    return filled
