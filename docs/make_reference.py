"""Writes docs/reference/ from the code, so that it cannot say anything else than what the code does.

``python docs/make_reference.py`` writes the pages; ``tests/test_docs.py`` fails when one of them is out of date.
"""

from __future__ import annotations

import importlib
import inspect
import json
import re
from dataclasses import MISSING, fields, is_dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from videoscan import cli, config, document, errors, prompts, registry, seams
from videoscan.describers import dialects, families
from videoscan.settings import layers, options

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from pydantic import BaseModel

REFERENCE = Path(__file__).parent / "reference"
_MADE = "<!-- Made by docs/make_reference.py from the code; change the code, then run `make docs`. -->"


def pages() -> dict[str, str]:
    """Every page by its file's name."""
    made = {
        "profile.md": profile_page(),
        "cli.md": cli_page(),
        "timeline.md": timeline_page(),
        "errors.md": errors_page(),
        "parts.md": parts_page(),
        "endpoints.md": endpoints_page(),
        "api.md": api_page(),
    }
    return {name: f"{_MADE}\n\n{text.rstrip()}\n" for name, text in made.items()}


# --- Markdown -----------------------------------------------------------------------------------------------------------------


def markdown(docstring: str | None) -> str:
    """A docstring as Markdown: double backticks become single ones, and a block after ``::`` is fenced."""
    text = inspect.cleandoc(docstring or "").replace("``", "`")
    text = re.sub(r"::\n\n((?:    .*\n?|\n)+)", lambda block: ":\n\n```python\n" + inspect.cleandoc(block[1]) + "\n```\n\n", text)
    return text.strip()


def prose(docstring: str | None) -> str:
    """The same on one line, as a table's cell or a list's item wants it."""
    return " ".join(markdown(docstring).split()).replace("|", "\\|")


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def value(what: Any) -> str:
    """A value as TOML would have it, or a dash for none."""
    if what is None or what in ((), []):
        return "–"
    return f"`{json.dumps(what, ensure_ascii=False)}`"


# --- profile.md ---------------------------------------------------------------------------------------------------------------

_NAMES = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false", "object": "table"}


def allowed(schema: Mapping[str, Any]) -> str:
    """What a field takes, from its JSON Schema: ``1 to 1000``, ``jpeg, png``, ``number above 0``."""
    if "$ref" in schema:
        return "table"
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(allowed(each) for each in schema["anyOf"] if each.get("type") != "null"))
    if "enum" in schema or "const" in schema:
        return ", ".join(value(each) for each in schema.get("enum", [schema.get("const")]))
    if schema.get("type") == "array":
        inside = schema.get("items", {})
        return f"list of: {inside['$ref'].rpartition('/')[2] if '$ref' in inside else allowed(inside)}"
    name = _NAMES.get(str(schema.get("type")), "anything")
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        return f"{name} {low} to {high}"
    words = (("from", "minimum"), ("above", "exclusiveMinimum"), ("up to", "maximum"), ("below", "exclusiveMaximum"))
    return " ".join([name, *(f"{word} {schema[key]}" for word, key in words if key in schema)])


def keys(
    model: type[BaseModel],
    path: str,
    shipped: Mapping[str, Mapping[str, Any]],
    kind: str | None = None,
    *,
    hidden: Collection[str] = (),
) -> str:
    """A table of a model's fields. `shipped` are the shipped profiles, complete, for what they set differently."""
    properties = model.model_json_schema()["properties"]
    rows = []
    for name, field in model.model_fields.items():
        if name in hidden:
            continue
        default = None if field.is_required() else field.get_default(call_default_factory=True)
        differs = [
            f"{profile}: {value(given[path].get(name))}"
            for profile, given in shipped.items()
            if kind in {None, given[path].get("kind")} and name in given[path] and given[path][name] != default
        ]
        meaning = prose(field.description) + (f" ({'; '.join(differs)})" if differs else "")
        shown = "must be given" if field.is_required() else value(default)
        rows.append((f"`{name}`", allowed(properties[name]).replace("|", "\\|"), shown, meaning))
    return table(("key", "takes", "default", "meaning"), rows) if rows else "No options.\n"


def profile_page() -> str:
    """Every key of a profile."""
    nowhere: dict[str, str] = {}
    shipped = {
        path.stem: registry.complete(config.load(path, environ=nowhere).profile)
        for path in sorted(layers.shipped_folder().glob("*.toml"))
    }
    fixed: dict[str, type[BaseModel]] = {
        "source": options.SourceOptions,
        "windows": options.WindowOptions,
        "prompt": options.PromptOptions,
        "second_look": options.SecondLookOptions,
        "reconcile": options.ReconcileOptions,
        "summary": options.SummaryOptions,
        "budget": options.BudgetOptions,
        "watch": options.WatchOptions,
        "runner": options.RunnerOptions,
    }
    out = [
        "# Every key of a profile\n",
        "A profile is a TOML file with these tables. Any value can be changed for one run with `--set table.key=value`; an empty",
        "value (`--set table.key=`) puts the default back. An unknown key or a value of the wrong type is an error that names the",
        "file. In brackets: what a shipped profile sets differently.\n",
        "Values come in layers, each over the ones before it: built-in defaults, `configs/default.toml`, the profile and what it",
        "extends, the first `[[cameras]]` rule that fits, the environment, flags, `--set`. `videoscan profiles show NAME --explain`",
        "says where each value came from.\n",
        "## Top level\n",
        table(
            ("key", "takes", "meaning"),
            [
                ("`extends`", "text", "The profile that this one changes, by name or path. Without it: `default`."),
                ("`name`", "text", prose(config.Profile.model_fields["name"].description)),
                ("`[[cameras]]`", "tables", "Values per camera, below."),
                ("`[[alerts]]`", "tables", "Rules: of which events somebody is told at once, at the end."),
            ],
        ),
        f"## `[[cameras]]`\n\n{markdown(options.CameraRule.__doc__)}\n",
        keys(options.CameraRule, "cameras", {}, hidden={"tables"}),
        "Beside these, a rule holds any of the tables below, such as `sampler = { every = 0.5 }`.\n",
    ]
    sections: list[tuple[str, registry.Group | None, str]] = [
        ("source", None, ""),
        ("sampler", "samplers", "Which frames are looked at."),
        ("dedup", "dedups", "Which of these are kept. The others stand in the timeline as `unchanged`."),
        ("windows", None, ""),
        ("describer", "describers", "Who says in words what the pictures show."),
        ("prompt", None, ""),
        ("second_look", None, ""),
        ("reconcile", None, ""),
        ("summary", None, ""),
        ("budget", None, ""),
        ("watch", None, ""),
        ("runner", None, ""),
    ]
    for name, group, about in sections:
        out.append(f"## `[{name}]`\n")
        if group is None:
            out += [f"{prose(fixed[name].__doc__)}\n", keys(fixed[name], name, shipped)]
            if name == "prompt":
                out += [
                    f"### `[prompt.fields.NAME]`\n\n{markdown(options.FieldOptions.__doc__)}\n",
                    keys(options.FieldOptions, name, {}),
                ]
            if name == "budget":
                out += [f"### `[budget.prices]`\n\n{prose(options.PriceOptions.__doc__)}\n", keys(options.PriceOptions, name, {})]
                out += [f"{prose(options.ModelPrices.__doc__)} It takes `prompt`, `completion`, `cached` and `hour`.\n"]
            continue
        kinds = [name.strip("`") for name, _, _ in _built_in(group)]
        default = shipped["default"][name]["kind"]
        also = f' `"auto"` takes `openai` when an endpoint is known, else `{default}`.' if name == "describer" else ""
        standing = "auto" if name == "describer" else default
        out.append(f"{about} `kind` is one of {', '.join(f'`{kind}`' for kind in kinds)}; default `{standing}`.{also}\n")
        for kind in kinds:
            part = registry.factory(group, kind)
            out += [f'### `kind = "{kind}"`\n', f"{markdown(part.__doc__)}\n", keys(part.Options, name, shipped, kind)]
    out += ["## `[live]`\n", "How live sources are connected to, and recorded. Each kind of source takes its own of these.\n"]
    for kind in [name.strip("`") for name, _, _ in _built_in("lives")]:
        part = registry.factory("lives", kind)
        out += [f"### `{kind}`\n", f"{markdown(part.__doc__)}\n", keys(part.Options, "live", {}, kind)]
    out += [
        f"## `[[alerts]]`\n\n{markdown(options.AlertRule.__doc__)}\n",
        "A profile that gives rules of its own has these alone, and a `[[cameras.alerts]]` of a camera takes the place of all others for it.\n",
        keys(options.AlertRule, "alerts", {}),
        *_sinks(),
        "## Prompt templates\n",
        f"`prompt.template` is one of {', '.join(f'`{name}`' for name in prompts.names())}.\n",
        "## Kinds of endpoint\n",
        "`describer.dialect` is `auto` (told by the address) or one of these. A server that is not listed is `generic`.\n",
        table(("dialect", "recognised by"), [(f"`{row.name}`", _recognised(row)) for row in dialects.DIALECTS.values()]),
        "What is known of each stands in [Kinds of endpoint](endpoints.md).\n",
        "## Not in this version\n",
        "`runner.kind = ray`, for work on several machines, is reserved. It is refused, because ignoring it would be a lie.",
    ]
    return "\n".join(out)


def _sinks() -> list[str]:
    out = []
    for kind in (name.strip("`") for name, _, _ in _built_in("sinks")):
        sink = registry.factory("sinks", kind)
        out += [f'### `to = {{kind = "{kind}"}}`\n', f"{markdown(sink.__doc__)}\n", keys(sink.Options, "alerts", {})]
    return out


def _recognised(row: dialects.Dialect) -> str:
    said = [*(f"`{host}`" for host in row.hosts), *(f"path `{path}`" for path in row.paths)]
    return ", ".join([*said, *(f"port {port}" for port in row.ports)]) or "its name only"


# --- endpoints.md -------------------------------------------------------------------------------------------------------------


def endpoints_page() -> str:
    """Every row of what is known about model servers."""
    rows = dialects.DIALECTS.values()
    out = [
        "# Kinds of endpoint\n",
        "What videoscan knows of OpenAI-compatible servers, as data: `videoscan/describers/dialects.py`. A dash is what is not known and",
        "is found out while working: limits are learned from what a server refuses, and remembered. `videoscan doctor --endpoint`",
        "measures the rest. Every picture's Base64 text stays below 10 MB. Prices are in no row: a profile gives them (`[budget]`).",
        "The numbers of pictures and bytes were compared with their sources in November 2026. Where a vendor's pages differ, or a service was",
        "seen to refuse what its page allows, the lower number stands.\n",
        "Adding a server is a row there, its name in `DIALECTS`, and a line in `tests/unit/test_dialects.py` that says what is relied on.\n",
        table(
            ("dialect", "recognised by", "pictures", "body", "formats", "`json_schema`", "`detail` sent"),
            [
                (
                    f"`{row.name}`",
                    _recognised(row),
                    _count(row.pictures),
                    _count(row.body_bytes and row.body_bytes // 1_000_000, " MB"),
                    ", ".join(sorted(kind.removeprefix("image/") for kind in row.formats)),
                    _yes(row.json_schema, no="by instruction") + (", without bounds" if row.plain_schema else ""),
                    f"`{row.detail}`" if row.detail else "–",
                )
                for row in rows
            ],
        ),
        table(
            ("dialect", "token counts", "in a stream by", "thinking in", "headers", "a picture of 1280 x 720", "from"),
            [
                (
                    f"`{row.name}`",
                    _yes(row.usage),
                    "`stream_options`" if row.stream_usage else "–",
                    ", ".join(f"`{name}`" for name in row.reasoning) or "–",
                    ", ".join(f"`{name}: {said}`" for name, said in row.headers.items()) or "–",
                    f"{row.cost.tokens(1280, 720):,} tokens",
                    "; ".join(row.sources) or "–",
                )
                for row in rows
            ],
        ),
        "Where a model's name tells its family, the family says what a picture costs, whoever serves it:\n",
        table(
            ("model's name has", "1280 x 720", "640 x 360"),
            [
                (f"`{pattern.pattern}`".replace("|", "\\|"), f"{cost.tokens(1280, 720):,}", f"{cost.tokens(640, 360):,}")
                for pattern, cost in families.FAMILIES
            ],
        ),
        "## What error codes mean\n",
        "A code that any row knows means the same everywhere, because gateways pass on what stands behind them. What no row knows is",
        "judged by its status, and 400, 413 and 422 by their words.\n",
        table(
            ("dialect", "code", "means"),
            [(f"`{row.name}`", f"`{code}`", _meant(what)) for row in rows for code, what in row.codes.items()],
        ),
    ]
    return "\n".join(out)


def _count(what: int | None, unit: str = "") -> str:
    return "–" if what is None else f"{what:,}{unit}"


def _yes(what: bool | None, *, no: str = "no") -> str:  # a cell's value
    return "–" if what is None else "yes" if what else no


def _meant(what: dialects.Meaning) -> str:
    """A meaning's own words, which stand behind it in the code."""
    source = inspect.getsource(dialects.Meaning)
    said = re.search(rf'{what.name} = .*?\n\s+"""(.*?)"""', source, re.DOTALL)
    assert said is not None, "every meaning says what it is"
    return prose(said[1])


# --- cli.md -------------------------------------------------------------------------------------------------------------------


def cli_page() -> str:
    """Every command with its options."""
    root = click.Context(cli.videoscan, info_name="videoscan", help_option_names=["-h", "--help"])
    out = ["# Commands\n", f"{markdown(cli.videoscan.help)}\n"]
    out += ["Every command answers `-h` and `--help`.\n"]
    out += ["```", *(f"videoscan {name:<10}{what}" for name, what in cli.SUMMARIES.items()), "```\n"]
    for name in cli.videoscan.list_commands(root):
        command = cli.videoscan.get_command(root, name)
        assert command is not None
        out += _command(command, click.Context(command, info_name=name, parent=root), level=2)
    out += [
        "## Environment\n",
        table(
            ("variable", "stands for"),
            [
                (
                    "`VIDEOSCAN_API_KEY`",
                    "The endpoint's key. Never a flag, never in a profile. `describer.api_key_env` names another variable.",
                ),
                ("`VIDEOSCAN_ENDPOINT`", "`--endpoint`"),
                ("`VIDEOSCAN_MODEL`", "`--model`"),
                (
                    "`VIDEOSCAN_SIGNING_KEY`",
                    "An Ed25519 private key's own text, PEM or OpenSSH: signs evidence bundles without `--sign`.",
                ),
                ("`VIDEOSCAN_SIGNING_PASSWORD`", "That key's password, if it has one."),
                ("`VIDEOSCAN_WEBHOOK_SECRET`", "What alerts to webhooks are signed with. `secret_env` names another variable."),
                ("`VIDEOSCAN_MQTT_PASSWORD`", "The password of alerts over MQTT. `password_env` names another variable."),
                ("`VIDEOSCAN_DEBUG`", "Show where an unexpected fault happened."),
            ],
        ),
    ]
    return "\n".join(out)


def _command(command: click.Command, context: click.Context, *, level: int) -> list[str]:
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    out = [f"{'#' * level} `{context.command_path}`\n", f"```\n{usage}\n```\n", f"{markdown(command.help)}\n"]
    # Arguments stand in the usage; only newer clicks list them here, and without a word. The last one is --help itself.
    named = [parameter for parameter in command.get_params(context)[:-1] if isinstance(parameter, click.Option)]
    records = [record for parameter in named if (record := parameter.get_help_record(context))]
    if records:
        rows = [(f"`{names}`".replace("|", "\\|"), prose(said)) for names, said in records]
        out.append(table(("option", "meaning"), rows))
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inside = command.get_command(context, name)
            assert inside is not None
            out += _command(inside, click.Context(inside, info_name=name, parent=context), level=level + 1)
    return out


# --- timeline.md --------------------------------------------------------------------------------------------------------------


def timeline_page() -> str:
    """Every field of `timeline.json`."""
    schema = document.json_schema()
    models = {"Timeline": schema, **schema["$defs"]}
    out = [
        "# Every field of `timeline.json`\n",
        f"{markdown(document.__doc__).splitlines()[0]}\n",
        "Times are seconds of the source's own clock, zero at its first frame. Spans are half-open: `[start, end)`. Readers must",
        "ignore fields that they do not know. The JSON Schema is `videoscan/timeline.schema.json`, in the package as well.\n",
    ]
    for name in ("Timeline", *_reached(models, "Timeline")):
        model = getattr(document, name)
        out += [f"## {name}\n", f"{prose(model.__doc__)}\n"]
        rows = []
        for key, field in models[name]["properties"].items():
            branches = field.get("anyOf", [field])
            null = " or null" if any(branch.get("type") == "null" for branch in branches) else ""
            kinds = " or ".join(_kind(branch) for branch in branches if branch.get("type") != "null")
            rows.append((f"`{key}`", kinds + null, prose(field.get("description"))))
        out.append(table(("field", "type", "meaning"), rows))
    return "\n".join(out)


def _kind(schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "allOf" in schema:
        return _kind(schema["allOf"][0])
    if "prefixItems" in schema:
        return f"{len(schema['prefixItems'])} numbers 0 to 1"
    if schema.get("type") == "array":
        return f"list of {_kind(schema['items'])}"
    return allowed({key: given for key, given in schema.items() if key != "default"})


def _reached(models: Mapping[str, Any], name: str) -> list[str]:
    """The models that one refers to, depth first, each once."""
    found: list[str] = []
    for reference in re.findall(r'"#/\$defs/(\w+)"', json.dumps(models[name].get("properties", {}))):
        for each in (reference, *_reached(models, reference)):
            if each not in found:
                found.append(each)
    return found


# --- errors.md ----------------------------------------------------------------------------------------------------------------


def errors_page() -> str:
    """The error tree and the exit codes."""
    tree = inspect.cleandoc(errors.__doc__ or "").partition("::\n\n")[2]
    drawn, _, rest = tree.partition("\n\n")
    rows = [
        (f"`{name}`", str(kind.exit_code), "yes" if getattr(kind, "retryable", False) else "", prose(kind.__doc__))
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, errors.VideoscanError)
    ]
    codes = re.search(r"Exit codes: (.*)", " ".join((cli.videoscan.help or "").split()))
    assert codes is not None, "the command's own help lists the exit codes"
    return "\n".join(
        [
            "# Errors and exit codes\n",
            "Every error is one sentence with the value that was wrong, and a hint what to do next: `error.message`, `error.hint`.",
            "`VIDEOSCAN_DEBUG=1` shows the traceback as well.\n",
            "## Exit codes\n",
            table(("code", "meaning"), [each.split(" ", 1) for each in codes[1].rstrip(".").split("; ")]),
            "`6` means that there is a result, and that its coverage says what is missing.\n",
            "## The tree\n",
            f"```\n{inspect.cleandoc(drawn)}\n```\n",
            f"{markdown(rest)}\n",
            "## Each\n",
            table(("error", "exit code", "tried again", "meaning"), rows),
        ]
    )


# --- parts.md -----------------------------------------------------------------------------------------------------------------


def parts_page() -> str:
    """The seams, the groups of entry points and the built-in parts."""
    out = [
        "# Parts of your own\n",
        f"{markdown(seams.__doc__)}\n",
        "A distribution adds a kind with one entry point. The built-in kinds come through the same door:\n",
        "```toml",
        '[project.entry-points."videoscan.samplers"]',
        'mine = "package.module:MySampler"',
        "```\n",
        "`Options` is a subclass of `videoscan.config.Options`; its fields are the keys that a profile may give, and are checked like",
        "built-in ones.\n",
    ]
    groups: dict[registry.Group, tuple[type, ...]] = {
        "sources": (seams.Source, seams.Footage),
        "samplers": (seams.Sampler, seams.SamplerSession, seams.Aim),
        "dedups": (seams.Dedup, seams.Scale),
        "describers": (seams.Describer, seams.DescriberSession, seams.Limits),
        "exporters": (seams.Exporter, seams.Gatherer, seams.FolderExporter, seams.Told),
        "sinks": (seams.Sink, seams.SinkSession, seams.Notice, seams.Sent),
    }
    for group, protocols in groups.items():
        out += [f"## `videoscan.{group}`\n", table(("kind", "made by", "what it is"), _built_in(group))]
        for protocol in protocols:
            out += [f"### `{protocol.__name__}`\n", f"{markdown(protocol.__doc__)}\n", _members(protocol)]
    return "\n".join(out)


def _built_in(group: registry.Group) -> list[tuple[str, str, str]]:
    rows = []
    for entry in sorted(entry_points(group=f"videoscan.{group}"), key=lambda entry: entry.name):
        if entry.dist is not None and entry.dist.name == "videoscan":
            first = prose(registry.factory(group, entry.name).__doc__).partition(". ")[0].rstrip(".") + "."
            rows.append((f"`{entry.name}`", f"`{entry.value}`", first))
    return rows


def _members(protocol: type) -> str:
    if is_dataclass(protocol):
        lines = [f"{field.name}: {field.type} = {_shown(field.default)}".removesuffix(" = <none>") for field in fields(protocol)]
        return "\n".join(["```", *lines, "```\n"])
    out = []
    for name, member in vars(protocol).items():
        if inspect.isfunction(member) and not name.startswith("_"):
            word = "async def" if inspect.iscoroutinefunction(member) else "def"
            # Annotations are kept as texts, and would be shown in quotes; a default that is a function, with its place in memory.
            signature = re.sub(r"<function (\w+) at 0x\w+>", r"\1", str(inspect.signature(member)).replace("'", ""))
            out += [f"```\n{word} {name}{signature}\n```\n", f"{markdown(member.__doc__)}\n"]
        elif isinstance(member, property):
            kind = inspect.signature(member.fget).return_annotation if member.fget else ""
            out += [f"```\n{name}: {kind}\n```\n", f"{markdown(member.__doc__)}\n"]
    for name, annotation in inspect.get_annotations(protocol).items():
        if name != "Options":
            out.insert(0, f"`{name}: {annotation}`\n")
    return "\n".join(out)


def _shown(default: Any) -> str:
    if default is MISSING:
        return "<none>"
    # A set's own order differs from run to run.
    return f"{{{', '.join(map(repr, sorted(default)))}}}" if isinstance(default, frozenset) else repr(default)


def api_page() -> str:
    """Every route of the service, out of the table that makes its application and its OpenAPI document."""
    # Here, not above: it brings the web server along, which no other page needs.
    from videoscan.web.app import TABLE

    lines = [
        "# The service's routes",
        _MADE,
        (
            "`videoscan serve` answers at these addresses. `GET /api/v1/openapi.json` is the whole of it as OpenAPI 3.1: every field, every "
            "answer. Errors are problem documents (RFC 9457) with `title`, `status`, `detail` and, where there is one, `hint`."
        ),
        "",
        table(
            ("route", "does", "scope", "answers"),
            (
                (
                    f"`{route.method} {route.path}`",
                    route.summary,
                    route.scope or "none",
                    " ".join(f"**{status}** {told.meaning}" for status, told in route.answers.items()),
                )
                for route in TABLE
            ),
        ),
    ]
    return "\n\n".join(lines) + "\n"


def main() -> None:
    """Write every page."""
    importlib.invalidate_caches()
    REFERENCE.mkdir(exist_ok=True)
    for name, text in pages().items():
        (REFERENCE / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
