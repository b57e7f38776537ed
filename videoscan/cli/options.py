"""The options that several commands share, declared once."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from videoscan import timecode
from videoscan.errors import ConfigError
from videoscan.spending import money

if TYPE_CHECKING:
    from videoscan.seams import Exporter

F = TypeVar("F", bound=Callable[..., Any])


if TYPE_CHECKING:
    _TimeType = click.ParamType[float]
else:
    _TimeType = click.ParamType  # not generic before click 8.4


class Time(_TimeType):
    """Video time: seconds or a clock."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Seconds; a bad one is a usage error."""
        if isinstance(value, float):
            return value
        try:
            return timecode.parse(value, what="the time")
        except ConfigError as error:
            self.fail(str(error), param, ctx)


@dataclass(frozen=True, slots=True)
class Choices:
    """What the user chose about sampling, deduplication and describing. `overrides` are the flags that stand for profile keys."""

    profile: str
    start: float | None = None
    end: float | None = None
    sets: tuple[str, ...] = ()
    question: str | None = None
    prompt_file: Path | None = None
    endpoint: str | None = None
    model: str | None = None
    budget: tuple[str, ...] = ()
    model_file: Path | None = None
    projector: Path | None = None
    models: tuple[str, ...] = ()
    clock_start: str | None = None
    join: bool = False
    by_name: bool = False

    @property
    def overrides(self) -> dict[str, Any]:
        """Flags by the key that each stands for. Raises `ConfigError` for a `--budget` that is none."""
        flags = {
            "describer.endpoint": self.endpoint,
            "describer.model": self.model,
            "describer.model_file": _absolute(self.model_file),
            "describer.projector": _absolute(self.projector),
            "prompt.question": self.question,
            "prompt.template": _absolute(self.prompt_file),
            "source.clock_start": self.clock_start,
            **{f"budget.{key}": value for key, value in money.parse_budget(self.budget).items()},
        }
        return {key: value for key, value in flags.items() if value is not None}


def _absolute(path: Path | None) -> str | None:
    return None if path is None else str(path.expanduser().absolute())


_SAMPLING = (
    click.option("--profile", metavar="NAME|FILE.toml", default="default", show_default=True, help="What to do, and how."),
    click.option("--start", type=Time(), metavar="T", help="Begin there: seconds (72.5) or [[HH:]MM:]SS."),
    click.option("--end", type=Time(), metavar="T", help="Stop there."),
    click.option("--set", "sets", multiple=True, metavar="TABLE.KEY=VALUE", help="Change one value of the profile. Repeatable."),
)

_JOINING = (
    click.option(
        "--join",
        is_flag=True,
        help="Make one timeline of all recordings of a camera, in order of the clocks in their names or metadata.",
    ),
    click.option(
        "--by-name",
        is_flag=True,
        help="With --join: one right after the other in the order of their names, for recordings without a clock.",
    ),
    click.option(
        "--clock-start",
        metavar="ISO",
        help="The wall time of second 0: 2026-03-01T23:55:00, in [source] clock_zone or with an offset.",
    ),
)

_MODEL = click.option("--model", metavar="NAME", help="The model's name there. [env: VIDEOSCAN_MODEL]")

_ASKING = (
    click.option("--question", metavar="TEXT", help="What you want to know of this footage."),
    click.option(
        "--prompt-file",
        type=click.Path(path_type=Path, exists=True, dir_okay=False),
        metavar="FILE.toml",
        help="Your own words around the pictures: a template like those that come along.",
    ),
    click.option(
        "--endpoint",
        metavar="URL",
        help="A model server that speaks OpenAI's chat completions. Without one, the built-in describer measures change offline. "
        "[env: VIDEOSCAN_ENDPOINT; the key: VIDEOSCAN_API_KEY]",
    ),
    _MODEL,
    click.option(
        "--budget",
        multiple=True,
        metavar="LIMIT",
        help="Never spend more on the model: 5USD (with prices in the profile), 2Mtok, 500req, 5USD/day. Repeatable.",
    ),
    click.option(
        "--model-file",
        type=click.Path(path_type=Path),
        metavar="MODEL.gguf",
        help="Instead of an endpoint: a model on this disk, run by llama.cpp inside the scan. Needs pip install 'videoscan[local]'.",
    ),
    click.option(
        "--projector",
        type=click.Path(path_type=Path),
        metavar="MMPROJ.gguf",
        help="The file with which that model sees.  [default: the only *mmproj*.gguf beside it]",
    ),
)


_JOINED = ("join", "by_name", "clock_start")
_ASKED = ("profile", "start", "end", "sets", *_JOINED, "question", "prompt_file", "endpoint", "budget", "model_file", "projector")


def sampling(command: F) -> F:
    """The options that decide which frames are looked at; they arrive as one `choices`."""
    return _gathered(command, _SAMPLING, ("profile", "start", "end", "sets"))


def sampling_joined(command: F) -> F:
    """Those, for one input that may be many recordings."""
    return _gathered(command, _SAMPLING + _JOINING, ("profile", "start", "end", "sets", *_JOINED))


def sampling_and_asking(command: F) -> F:
    """Those, and the ones that decide who is asked what."""
    return _gathered(command, _SAMPLING + _JOINING + _ASKING, (*_ASKED, "model"))


def asking_alone(command: F) -> F:
    """The options that decide who is asked, where no footage is looked at; `_ASKING` without what is asked."""
    profile, _, _, sets = _SAMPLING
    _, _, *who = _ASKING
    return _gathered(
        command, (profile, sets, *who), ("profile", "sets", "endpoint", "model", "budget", "model_file", "projector")
    )


def sampling_and_asking_models(command: F) -> F:
    """The same with several models, which arrive as `choices.models`, the first as `choices.model` too."""
    many = click.option(
        "--model",
        "models",
        multiple=True,
        metavar="NAME",
        help="A model's name; several are put side by side. [env: VIDEOSCAN_MODEL]",
    )
    asking = tuple(many if option is _MODEL else option for option in _ASKING)
    return _gathered(command, _SAMPLING + _JOINING + asking, (*_ASKED, "models"))


def json_lines(command: F) -> F:
    """``--json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON for programs, one object a line.")(command)


def out(command: F) -> F:
    """``--out``."""
    return click.option(
        "--out",
        type=click.Path(path_type=Path),
        metavar="DIR",
        help="Where each input gets a folder for its timeline, report and pictures.  [default: videoscan-out]",
    )(command)


def log_calls(command: F) -> F:
    """``--log-calls``."""
    return click.option(
        "--log-calls",
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="FILE",
        help="Append a line of JSON for every request to the model: when, how large, how long, what came of it. No pictures, no key.",
    )(command)


def exporter(name: str, given: Mapping[str, Any] | None = None) -> Exporter:
    """What ``--to NAME`` means, made with those of the options that it has. Raises `ConfigError`."""
    from videoscan import registry

    known = registry.names("exporters")
    if name not in known:
        raise ConfigError(f"--to {name}: there is no such format", hint=f"known: {', '.join(known)}")
    fields = registry.factory("exporters", name).Options.model_fields
    return registry.make("exporters", {"kind": name, **{key: value for key, value in (given or {}).items() if key in fields}})


def _gathered(command: F, options: tuple[Callable[[Any], Any], ...], names: tuple[str, ...]) -> F:
    @functools.wraps(command)
    def gather(**given: Any) -> Any:
        choices = Choices(**{name: given.pop(name) for name in names})
        if choices.models:
            choices = replace(choices, model=choices.models[0])
        return command(choices=choices, **given)

    for option in reversed(options):
        gather = option(gather)
    return gather  # type: ignore[return-value]  # the same command, its options gathered
