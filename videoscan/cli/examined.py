"""``videoscan doctor --endpoint``: examines an endpoint, prints what was found, and keeps it for `scan` and `plan`."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from videoscan.cli import output

if TYPE_CHECKING:
    from videoscan.describers.known import Known
    from videoscan.describers.measuring.examination import Findings, Step
    from videoscan.describers.measuring.fit import Fit
    from videoscan.describers.openai import OpenAiOptions


def run(options: OpenAiOptions, *, long_side: int, quick: bool, body_mb: float, as_json: bool) -> int:
    """Examine, print, keep; return the exit code. `long_side` is that of the pictures a scan will send."""
    from videoscan import examining

    wanted = examining.wanted(options, long_side=long_side, quick=quick, body_bytes=int(body_mb * 1e6))
    with _progress() as say:
        findings = asyncio.run(examining.examine(options, wanted, announce=_announce, say=say))
    known, path = examining.kept(findings)
    if as_json:
        error = output.error_record(findings.error) if findings.error is not None else None
        output.put_json(examining.record(findings, known, path) | {"error": error})
    else:
        _print(findings, known, path, options.concurrency)
    if findings.error is not None:
        output.complain(findings.error)
        return findings.error.exit_code
    return 0


def forget(endpoint: str, model: str | None, *, as_json: bool) -> int:
    """Take away what is kept of an endpoint."""
    from videoscan.describers import known as knowledge
    from videoscan.describers.endpoint import Address

    gone = knowledge.forget(Address.parse(endpoint).shown, model)
    if as_json:
        output.put_json({"forgotten": [str(path) for path in gone]})
    else:
        output.put("\n".join(f"forgotten: {path}" for path in gone) or "nothing was known of it")
    return 0


def _announce(steps: tuple[Step, ...], model: str) -> None:
    from videoscan.describers.measuring import examination

    tokens = sum(step.tokens for step in steps)
    output.say(
        f"{model}: sends at most {examination.most_requests(steps)} requests, test cards only, about {tokens:,} prompt tokens in all "
        f"({', '.join(f'{step.name} {step.requests}' for step in steps)})"
    )


@contextlib.contextmanager
def _progress() -> Any:
    """One line a step on stderr; on a terminal each takes the place of the last."""
    import sys

    if not sys.stderr.isatty():
        yield lambda text: output.say(f"  {text}")
        return
    from rich.console import Console

    with Console(stderr=True).status("connecting") as status:
        yield status.update


def _print(findings: Findings, known: Known | None, path: str | None, at_once: int) -> None:
    from videoscan.cli import tables

    rows = [(name, text) for name, text in _rows(findings) if text]
    output.put(tables.table((findings.model or "endpoint", "measured"), rows))
    for part in (_sizes(findings), _looks(findings), _levels(findings)):
        if part is not None:
            output.put()
            output.put(part)
    output.put()
    for warning in findings.warnings:
        output.put(f"warning: {warning}")
    if known is not None and path is not None:
        output.put(f"scan and plan go by it: {path}")
        if known.concurrency is None and findings.levels and not findings.levels[-1].failed:
            most = findings.levels[-1].at_once
            if most > at_once:
                output.put(f"more requests at once were always faster: try --set describer.concurrency={most}")


def _rows(findings: Findings) -> list[tuple[str, str]]:
    reach, words, body = findings.reach, findings.words, findings.body
    told = " (by its list of models)" if findings.gave_away else ""
    rows = [("address", findings.endpoint), ("kind", f"{findings.dialect}{told}" if findings.dialect else "")]
    if reach is not None:
        steps = [f"name {reach.name * 1000:.0f} ms", f"connect {reach.connect * 1000:.0f} ms"]
        steps += [f"{reach.tls_version} {reach.tls * 1000:.0f} ms"] if reach.tls is not None else []
        steps += [f"certificate for {reach.certificate_days} more days"] if reach.certificate_days is not None else []
        rows.append(("reached", f"{reach.address}{f' through {reach.via}' if reach.via else ''}: {', '.join(steps)}"))
    if reach is not None:
        rows.append(("key", "accepted" if words is not None and findings.key == "sent" else findings.key or "none"))
    if findings.models is not None:
        rows.append(("models", f"{', '.join(findings.models[:8])}{' ...' if len(findings.models) > 8 else ''}"))
    elif reach is not None and findings.error is None:
        rows.append(("models", "no list"))
    if words is not None:
        rows.append(("first answer", f"{words.seconds:.1f} s"))
    if findings.schema is not None:
        why = f": {findings.schema.why}" if findings.schema.why else ""
        rows.append(("json_schema", f"{findings.schema.verdict or 'could not be told'}{why}"))
    stream = findings.streaming
    if stream is not None:
        inside = f"{stream.chunks} chunks, {'with' if stream.usage else 'without'} usage, {'with' if stream.done else 'without'} [DONE]"
        rows.append(("stream", f"works: {inside}" if stream.works else f"no: {stream.why}"))
    ending = findings.ending
    if ending is not None:
        told = f"max_tokens {ending.max_tokens or 'untold'}, max_completion_tokens {ending.max_completion_tokens or 'untold'}"
        rows.append(("answer's end", f"{told}; {findings.limit_key} is used"))
        if ending.per_token:
            rows.append(("answers with", f"{1 / ending.per_token:.1f} tokens/s"))
    rows += _sight_rows(findings)
    if findings.fit is not None:
        fit = findings.fit
        how = f"{fit.base:g} + {fit.each:g} x units, misses by {fit.miss:g}"
        rows.append(("picture costs", f"{fit.family}: {how}{'' if fit.cost else '; no formula fits well'}{_cap(fit)}"))
    if body is not None:
        end = (
            f"{body.refused / 1e6:.1f} MB refused ({body.why})"
            if body.refused is not None
            else "never refused; no larger one was tried"
        )
        rows.append(("largest body", f"{body.taken / 1e6:.1f} MB taken; {end}"))
    if findings.requests:
        tokens = f"{findings.prompt_tokens:,} + {findings.completion_tokens:,} tokens"
        rows.append(("this cost", f"{findings.requests} requests, {findings.pictures} pictures, {tokens}"))
    return rows


def _cap(fit: Fit) -> str:
    return f"; none costs more than {fit.cost.most}" if fit.cost is not None and fit.cost.most else ""


def _sight_rows(findings: Findings) -> list[tuple[str, str]]:
    sighted = findings.sighted
    if sighted is None or not sighted.most_taken:
        return []
    size = f"{sighted.width} x {sighted.height}"
    parts = [f"{sighted.most_taken} of {size} taken in a request"]
    if sighted.refused is not None:
        refused = next((look.why for look in sighted.looks if not look.taken), None)
        parts.append(f"{sighted.refused} refused ({refused})")
    if sighted.stopped:
        parts.append(sighted.stopped)
    rows = [("pictures", "; ".join(parts))]
    most = max(sighted.taken, key=lambda look: look.sent)
    by_tokens = "cannot be told" if most.counted is None else f"{most.counted} of {most.sent}"
    rows.append(("seen, by prompt tokens", by_tokens))
    rows.append(
        ("seen, by reading cards", f"{len(most.read)} of {most.sent}" if sighted.reads else "cannot be told: it reads no cards")
    )
    if sighted.context is not None:
        rows.append(("context", f"{sighted.context:,} tokens"))
    return rows


def _sizes(findings: Findings) -> str | None:
    from videoscan.cli import tables

    if not findings.sizes or findings.fit is None:
        return None
    rows = [
        (f"{size.width} x {size.height}", f"{size.tokens:.0f}", f"{said:,}")
        for size, said in zip(findings.sizes, findings.fit.row, strict=True)
    ]
    return tables.table(("picture", "tokens", "by the formula in use"), rows, right=(1, 2))


def _looks(findings: Findings) -> str | None:
    from videoscan.cli import tables

    sighted = findings.sighted
    if sighted is None or not sighted.looks:
        return None
    rows = [
        (
            str(look.sent),
            "yes" if look.taken else "no",
            "" if look.counted is None else str(look.counted),
            str(len(look.read)) if look.taken and sighted.reads else "",
            "" if look.prompt_tokens is None else f"{look.prompt_tokens:,}",
            f"{look.body_bytes / 1e6:.2f} MB",
            f"{look.seconds:.2f} s",
        )
        for look in sighted.looks
    ]
    heads = ("pictures", "taken", "in the tokens", "cards read", "prompt tokens", "body", "latency")
    return tables.table(heads, rows, right=(0, 2, 3, 4, 5, 6))


def _levels(findings: Findings) -> str | None:
    from videoscan.cli import tables

    if not findings.levels:
        return None
    rows = [
        (
            str(level.at_once),
            f"{level.per_second:.2f}",
            f"{level.median:.2f} s",
            f"{level.failed}{f' ({level.why})' if level.why else ''}",
        )
        for level in findings.levels
    ]
    return tables.table(("at once", "answers/s", "median", "failed"), rows, right=(0, 1, 2))
