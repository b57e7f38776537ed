"""Raw configuration in layers: finds and reads profiles, and lays one table over another, remembering where each value came from."""

from __future__ import annotations

import contextlib
import datetime as dt
import enum
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from videoscan.errors import ConfigError
from videoscan.settings import credentials
from videoscan.settings.complaints import suggestion

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

KINDED = ("sampler", "dedup", "describer")
"""Tables that are ``{"kind": name, **options}``: another kind takes none of the old one's options over."""

RIVALS: dict[str, tuple[tuple[str, str], ...]] = {"sampler": (("every", "rate"),)}
"""Pairs of options that say one thing in two ways: giving one in a layer takes the other out of the layers under it."""

UNSET = object()
"""The value of ``--set table.key=``: the key goes back to its default."""


class Rank(enum.IntEnum):
    """The layers, each over the ones before it."""

    SHIPPED = 0
    USER = 1
    CAMERA = 2
    ENVIRONMENT = 3
    ARGUMENT = 4
    SET = 5


@dataclass(frozen=True, slots=True)
class Layer:
    """One table of raw values. `origin` says where it came from; `labels` says so of single dotted keys, where that differs."""

    origin: str
    rank: Rank
    table: Mapping[str, Any]
    labels: Mapping[str, str] = field(default_factory=dict)

    def label(self, path: str) -> str:
        """Where the value at a dotted key came from."""
        return self.labels.get(path, self.origin)


@dataclass(frozen=True, slots=True)
class Merged:
    """Layers laid over each other. `placed` tells by dotted key which layer a value came from."""

    table: dict[str, Any]
    placed: dict[str, Layer]
    notes: list[str]

    def origins(self) -> dict[str, str]:
        """By dotted key, where its value came from."""
        return {path: layer.label(path) for path, layer in self.placed.items()}

    def drop(self, path: str) -> None:
        """Take a key, and all that lies under it, out again."""
        *parents, last = path.split(".")
        table = self.table
        for parent in parents:
            table = table[parent]
        table.pop(last, None)
        for known in [known for known in self.placed if known == path or known.startswith(f"{path}.")]:
            del self.placed[known]


def merge(layers: Iterable[Layer], *, same_options: Callable[[str, object, object], bool]) -> Merged:
    """Lay the layers over each other, first to last. Tables merge key by key, everything else is replaced.

    Where a layer names another `kind`, the options of the old kind go, with a note, unless ``same_options(table, old, new)``.
    """
    merged = Merged({}, {}, [])
    for layer in layers:
        for name in KINDED:
            _change_kind(merged, name, layer, same_options)
            _drop_rivals(merged, name, layer)
        _overlay(merged, merged.table, layer.table, layer, "")
    return merged


def _change_kind(merged: Merged, name: str, layer: Layer, same_options: Callable[[str, object, object], bool]) -> None:
    new = layer.table.get(name)
    old = merged.table.get(name)
    if not isinstance(new, Mapping) or not isinstance(old, dict) or "kind" not in new or "kind" not in old:
        return
    if new["kind"] == old["kind"] or same_options(name, old["kind"], new["kind"]):
        return
    options = [key for key in old if key != "kind"]
    if options:
        kind = f"{name}.kind"
        merged.notes.append(
            f"{kind} is {new['kind']} ({layer.label(kind)}) instead of {old['kind']} ({merged.placed[kind].label(kind)}): "
            f"dropped the latter's {', '.join(options)}"
        )
    for key in options:
        merged.drop(f"{name}.{key}")


def _drop_rivals(merged: Merged, name: str, layer: Layer) -> None:
    over, under = layer.table.get(name), merged.table.get(name)
    if isinstance(over, Mapping) and isinstance(under, dict):
        for pair in RIVALS.get(name, ()):
            for key, rival in (pair, pair[::-1]):
                if over.get(key) is not None and over.get(key) is not UNSET and rival in under:
                    merged.drop(f"{name}.{rival}")


def _overlay(merged: Merged, under: dict[str, Any], over: Mapping[str, Any], layer: Layer, path: str) -> None:
    for key, value in over.items():
        here = f"{path}.{key}" if path else key
        if value is UNSET:
            if key in under:
                merged.drop(here)
        elif isinstance(value, Mapping):
            if not isinstance(under.get(key), dict):
                merged.placed.pop(here, None)
                under[key] = {}
            _overlay(merged, under[key], value, layer, here)
            if not under[key]:
                merged.placed[here] = layer
        else:
            if isinstance(under.get(key), dict):
                merged.drop(here)
            under[key] = value
            merged.placed[here] = layer


def shipped_folder() -> Path:
    """Where the shipped profiles lie: inside the installed package, or in a checkout beside it."""
    package = Path(__file__).resolve().parent.parent
    for folder in (package / "configs", package.parent / "configs"):
        if (folder / "default.toml").is_file():
            return folder
    raise ConfigError(f"the shipped profiles are missing from {package}", hint="install videoscan again")


def user_folder() -> Path:
    """Where a user's own profiles lie: ``videoscan/profiles`` in the system's config folder. Need not exist."""
    import platformdirs

    return platformdirs.user_config_path("videoscan", appauthor=False) / "profiles"


def available() -> dict[str, Path]:
    """Profiles by name, the shipped and the user's; a user's profile hides the shipped one of its name."""
    found = {path.stem: path for path in sorted(shipped_folder().glob("*.toml"))}
    # A folder that may not be read is as good as none: the profiles are a convenience.
    with contextlib.suppress(OSError):
        found |= {path.stem: path for path in sorted(user_folder().glob("*.toml"))}
    return found


def locate(name: str | Path, *, beside: Path | None = None) -> Path:
    """The file that a profile's name or path means. `beside` is the profile that names it in its `extends`.

    A text with a slash or the suffix ``.toml`` is a path, relative to the folder of `beside`. A user's profile that extends its own
    name means the shipped one. Raises `ConfigError`, naming what there is.
    """
    text = str(name)
    if isinstance(name, Path) or text.endswith(".toml") or "/" in text or "\\" in text:
        path = Path(text).expanduser()
        path = beside.parent / path if beside and not path.is_absolute() else path
        if not path.is_file():
            what = "a folder" if path.is_dir() else "no such file"
            raise ConfigError(f"profile {text!r}: {what}", hint=_where(beside) or "give a TOML file or a profile's name")
        return path
    known = available()
    if beside and beside.stem == text and beside.parent == user_folder():
        known[text] = shipped_folder() / f"{text}.toml"
    if text not in known or not known[text].is_file():
        raise ConfigError(f"there is no profile {text!r}{_where(beside)}", hint=suggestion(text, available()))
    return known[text]


def _where(beside: Path | None) -> str:
    return f" (extends in {origin_of(beside)})" if beside else ""


def origin_of(path: Path) -> str:
    """How a profile's file is named to people: ``configs/NAME.toml`` for a shipped one."""
    return f"configs/{path.name}" if _is_shipped(path) else str(path)


def _is_shipped(path: Path) -> bool:
    return path.resolve().parent == shipped_folder()


def read(path: Path) -> dict[str, Any]:
    """A TOML file as plain values. Raises `ConfigError` with file and line."""
    try:
        # Windows' Notepad puts a byte order mark before UTF-8, which TOML does not know.
        table: dict[str, Any] = plain(tomllib.loads(path.read_bytes().decode("utf-8-sig")))
    except OSError as error:
        raise ConfigError(f"profile {origin_of(path)} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"profile {origin_of(path)} is not UTF-8 text (byte {error.start})", hint="save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(
            f"profile {origin_of(path)} is not TOML: {error}", hint='text needs quotes: template = "sports"'
        ) from None
    return table


def plain(value: Any) -> Any:
    """TOML's dates and times as ISO text, everything else as it is: a profile is stored as JSON."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value.isoformat() if isinstance(value, dt.date | dt.time) else value


def chain(profile: str | Path | Mapping[str, Any]) -> tuple[str, list[Layer]]:
    """A profile's name and its layers, what it extends first. All stand on the shipped `default`. Raises `ConfigError`."""
    path: Path | None
    if isinstance(profile, Mapping):
        path, table, origin = None, plain(profile), "given profile"
    else:
        path = locate(profile)
        table, origin = read(path), origin_of(path)
    name = str(table.get("name") or (path.stem if path else "inline"))
    layers: list[Layer] = []
    seen: list[Path] = []
    while True:
        credentials.refuse(table, where=origin)
        layers.append(Layer(origin, Rank.SHIPPED if path and _is_shipped(path) else Rank.USER, table))
        seen += [path.resolve()] if path else []
        path = _extended(table.get("extends"), path, origin, seen)
        if path is None:
            return name, layers[::-1]
        table, origin = read(path), origin_of(path)


def _extended(extends: object, path: Path | None, origin: str, seen: list[Path]) -> Path | None:
    """The profile under this one. Every profile stands on `default`, said or not; only the shipped `default` stands on nothing."""
    base = shipped_folder() / "default.toml"
    if extends is None:
        if path and path.resolve() == base:
            return None
        default = locate("default")
        return base if default.resolve() in seen else default
    if not isinstance(extends, str):
        raise ConfigError(f"extends ({origin}) = {extends!r}: text is expected", hint="a profile's name or file")
    following = locate(extends, beside=path)
    if following.resolve() in seen:
        circle = [*seen[seen.index(following.resolve()) :], following.resolve()]
        raise ConfigError(
            f"profiles extend each other in a circle: {' -> '.join(origin_of(each) for each in circle)}",
            hint="take one `extends` out",
        )
    return following


def from_sets(sets: Sequence[str], *, keeps_text: Callable[[str], bool]) -> Layer:
    """The layer of ``--set table.key=value``. A value is TOML, or else bare text; an empty one puts the key back to its default.

    ``keeps_text(path)`` tells that a key takes text whatever it looks like, so that a camera can be called 7.
    """
    table: dict[str, Any] = {}
    for text in sets:
        path, equals, value = text.partition("=")
        steps = path.strip().split(".")
        if not equals or len(steps) < 2 or not all(steps):
            raise ConfigError(
                f"--set {path.strip() if equals else _masked(text)}: not of the form table.key=value",
                hint="--set sampler.every=2",
            )
        path = ".".join(steps)
        _put(
            table,
            path,
            value.strip() if keeps_text(path) and not _quoted(value) and value.strip() else _value(value),
            what="--set",
        )
    return Layer("--set", Rank.SET, table)


def _masked(text: str) -> str:
    return repr(text) if len(text) <= 40 and not credentials.looks_like_one(text) else "..."


def _quoted(value: str) -> bool:
    return value.strip()[:1] in {'"', "'"}


def _value(text: str) -> Any:
    if not text.strip():
        return UNSET
    try:
        table = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text.strip()
    # A line break inside could smuggle further keys in; such a text is text.
    return plain(table["value"]) if set(table) == {"value"} else text.strip()


def from_arguments(overrides: Mapping[str, Any]) -> Layer:
    """The layer of a caller's own arguments: nested tables, dotted keys, or both."""
    table: dict[str, Any] = {}
    for path, value in overrides.items():
        if value is not None:
            _put(table, path, plain(value), what="argument")
    flags = {
        "describer.endpoint": "--endpoint",
        "describer.model": "--model",
        "describer.model_file": "--model-file",
        "describer.projector": "--projector",
        "prompt.question": "--question",
    }
    flags |= {f"budget.{key}": "--budget" for key in ("cost", "tokens", "requests", "per")}
    return Layer("argument", Rank.ARGUMENT, table, flags)


def from_environment(environ: Mapping[str, str]) -> Layer:
    """The layer of the variables that stand in for flags. An empty one is as good as none."""
    variables = {"describer.endpoint": "VIDEOSCAN_ENDPOINT", "describer.model": "VIDEOSCAN_MODEL"}
    table: dict[str, Any] = {}
    for path, variable in variables.items():
        if environ.get(variable, "").strip():
            _put(table, path, environ[variable].strip(), what=variable)
    return Layer("environment", Rank.ENVIRONMENT, table, variables)


def _put(table: dict[str, Any], path: str, value: Any, *, what: str) -> None:
    *parents, last = path.split(".")
    for parent in parents:
        table = table.setdefault(parent, {})
        if not isinstance(table, dict):
            raise ConfigError(f"{path} ({what}): {parent} is a value, not a table")
    if isinstance(value, Mapping) and isinstance(table.get(last), dict):
        for key, item in value.items():
            _put(table[last], key, item, what=what)
    else:
        table[last] = value
