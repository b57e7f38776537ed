"""``videoscan plan``: what a scan would send, measured by sampling and deduplicating for real; no key, no request."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from videoscan.cli import options, output

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from videoscan.cli.options import Choices
    from videoscan.inputs import Input
    from videoscan.model import Window
    from videoscan.seams import Limits


@dataclass(frozen=True, slots=True)
class Plan:
    """What a scan comes to. `bytes` are of Base64 text, as sent; `picture_tokens` and `text_tokens` are estimates of the prompt."""

    duration: float = 0.0
    decoded: int = 0
    sampled: int = 0
    kept: int = 0
    windows: int = 0
    requests: int = 0
    images: int = 0
    bytes: int = 0
    picture_tokens: int = 0
    text_tokens: int = 0
    lost: float = 0.0

    def __add__(self, other: Plan) -> Plan:
        return Plan(*(getattr(self, name) + getattr(other, name) for name in Plan.__dataclass_fields__))

    def record(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "duration": round(self.duration, 3),
            "frames": {"decoded": self.decoded, "sampled": self.sampled, "kept": self.kept},
            "windows": self.windows,
            "requests": self.requests,
            "images": self.images,
            "image_bytes": self.bytes,
            "tokens": {
                "pictures": self.picture_tokens,
                "text": self.text_tokens,
                "prompt": self.picture_tokens + self.text_tokens,
            },
            "lost": round(self.lost, 3),
        }


@dataclass(frozen=True, slots=True)
class _Result:
    about: str
    plan: Plan | None = None
    error: BaseException | None = None


@click.command
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@options.sampling_and_asking
@click.option("--out", type=click.Path(path_type=Path), hidden=True)
@click.option("--to", multiple=True, hidden=True)
@click.option("--fresh", is_flag=True, hidden=True)
@options.json_lines
def command(
    *, inputs: tuple[str, ...], choices: Choices, out: Path | None, to: tuple[str, ...], fresh: bool, as_json: bool
) -> int:
    """Say what a scan would send, without sending it.

    Frames, windows, requests, bytes and tokens: samples and deduplicates for real, and needs no key. Without an endpoint the
    figures are for a Qwen3-VL model. Takes the options of `scan`; those that only concern what a scan writes change nothing here.
    """
    from videoscan import inputs as sources
    from videoscan import registry

    del out, to, fresh
    registry.check(choices.profile, sets=choices.sets, overrides=choices.overrides)
    found = sources.find(inputs)
    for note in found.notes:
        output.say(note)
    results: list[_Result] = []

    def take(result: _Result) -> None:
        results.append(result)
        if result.error is not None:
            output.complain(result.error, about=result.about)
        if as_json:
            output.put_json(_json_line(result))

    for refused in found.refused:
        take(_Result(refused.argument, error=refused.error))
    assumed = False
    for number, given in enumerate(found.inputs, start=1):
        place = f"[{number}/{len(found.inputs)}] " if len(found.inputs) > 1 else ""
        try:
            plan, assumed = _plan(given, choices, f"{place}{given.name}")
            take(_Result(given.uri, plan))
        except output.ReaderGone:
            raise
        except Exception as error:  # one input's fault must not cost the others their figures
            take(_Result(given.uri, error=error))
    total = sum((result.plan for result in results if result.plan is not None), Plan())
    if as_json:
        output.put_json({"total": {"inputs": len(results), **total.record(), "assumed": ASSUMED["model"] if assumed else None}})
    elif any(result.plan for result in results):
        _print(results, total)
    if assumed:
        output.say(
            f"no endpoint is set, and the built-in describer sends nothing: the figures are for {ASSUMED['model']} at an "
            "OpenAI-compatible server; give --endpoint and --model for yours"
        )
    return _exit_code(results, total)


def _plan(given: Input, choices: Choices, title: str) -> tuple[Plan, bool]:
    """The figures of one input, and whether the model had to be assumed."""
    import asyncio

    from videoscan.cli import sampling
    from videoscan.cli.progress import Reporter
    from videoscan.isolation import core_for
    from videoscan.model import SourceInfo, Tally, Window
    from videoscan.observe import Opened, Sampled, WindowReady

    asked = sampling.settle(given, choices)
    profile = asked.resolved.profile
    assumed = profile.describer["kind"] == "offline"
    spec = sampling.spec(asked, asyncio.run(limits_of(ASSUMED if assumed else profile.describer)))
    text = estimated_tokens(asked.prompt.system) + estimated_tokens(asked.prompt.instructions)
    if profile.prompt.context == "rolling":
        text += profile.prompt.context_tokens
    seen = Sampled(0.0, 0, 0)
    total = Plan()

    with Reporter(title, start=choices.start or 0.0, end=choices.end) as reporter:

        def report(fact: Sampled) -> None:
            nonlocal seen
            seen = fact
            reporter(fact)

        with closing(iter(core_for(spec, profile.source, report))) as items:
            for item in items:
                if isinstance(item, SourceInfo):
                    reporter(Opened(item))
                elif isinstance(item, Window):
                    reporter(WindowReady(item))
                    total += _of_window(item, text)
                elif isinstance(item, Tally):
                    asked.check_start(item.duration)
                    lost = sum(stretch.end - stretch.start for stretch in item.lost)
                    total += Plan(item.duration, item.decoded, seen.sampled, seen.kept, lost=lost)
    return total, assumed


# Whom the figures are for when nobody is named. The address only has to be one: no connection is ever made.
ASSUMED = {"kind": "openai", "endpoint": "http://127.0.0.1/v1", "model": "qwen3-vl"}


async def limits_of(describer: Mapping[str, Any]) -> Limits:
    """What the describer takes in one window. It is started for that and nothing else: no connection is made."""
    from videoscan import registry

    session = registry.make("describers", describer).session()
    try:
        return session.limits
    finally:
        await session.close()


def _of_window(window: Window, text: int) -> Plan:
    return Plan(
        windows=1,
        requests=1,
        images=len(window.pictures),
        bytes=sum(len(picture.data) for picture in window.pictures),
        picture_tokens=sum(picture.tokens for picture in window.pictures),
        text_tokens=text + LABEL_TOKENS * len(window.pictures),
    )


# "Frame 3 · 00:01:12.400": most tokenizers take digits one by one.
LABEL_TOKENS = 16


def estimated_tokens(text: str) -> int:
    """A rule of thumb for prose: four characters a token, and one for each Chinese, Japanese or Korean character."""
    dense = sum(character >= "\u2e80" for character in text)
    return dense + -(-(len(text) - dense) // 4)


def _print(results: Sequence[_Result], total: Plan) -> None:
    from videoscan import timecode
    from videoscan.cli import tables

    def row(name: str, plan: Plan) -> tuple[str, ...]:
        return (
            name,
            timecode.short(plan.duration),
            f"{plan.sampled:,}",
            f"{plan.kept:,}",
            f"{plan.windows:,}",
            f"{plan.requests:,}",
            f"{plan.images:,}",
            _size(plan.bytes),
            f"{plan.picture_tokens + plan.text_tokens:,}",
        )

    heads = ("input", "length", "sampled", "kept", "windows", "requests", "pictures", "bytes", "tokens (estimated)")
    rows = [row(Path(result.about).name, result.plan) for result in results if result.plan is not None]
    if len(rows) > 1:
        rows.append(row("total", total))
    output.put(tables.table(heads, rows, right=range(1, len(heads)), give=(0,)))


def _size(count: int) -> str:
    """Decimal units, as disks and uplinks are sold."""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def _json_line(result: _Result) -> dict[str, Any]:
    figures = result.plan.record() if result.plan is not None else {}
    return {"input": result.about, **figures, "error": output.error_record(result.error) if result.error is not None else None}


def _exit_code(results: Sequence[_Result], total: Plan) -> int:
    errors = [result.error for result in results if result.error is not None]
    if errors and len(errors) == len(results):
        return output.code_of(errors[0])
    return output.GAPS if errors or total.lost > 0 else 0
