"""Examines a model server as a profile names it: what `videoscan doctor --endpoint` and a service's page do."""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from videoscan import config
from videoscan.describers import known as knowledge
from videoscan.describers.endpoint import Address, Endpoint, key_from
from videoscan.describers.measuring import examination
from videoscan.describers.openai import OpenAiOptions
from videoscan.errors import ConfigError
from videoscan.settings import complaints

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from videoscan.describers.known import Known
    from videoscan.describers.measuring.examination import Findings, Step, Wanted


def options_from(profile: str, sets: Sequence[str], overrides: Mapping[str, Any]) -> tuple[OpenAiOptions, int]:
    """Who is examined, and the longer side of its pictures, by a profile and flags. Raises `ConfigError`."""
    resolved = config.load(profile, sets=sets, overrides=overrides)
    table = resolved.profile.describer
    if table["kind"] != "openai":
        raise ConfigError(
            "doctor: there is no endpoint to examine", hint="give --endpoint https://host/v1, or set VIDEOSCAN_ENDPOINT"
        )
    raw = {key: value for key, value in table.items() if key != "kind"}
    options = complaints.checked(OpenAiOptions, raw, path="describer", origins=resolved.origins)
    return options, resolved.profile.windows.long_side


def wanted(options: OpenAiOptions, *, long_side: int, quick: bool, body_bytes: int) -> Wanted:
    """What is to be measured, for pictures of that longer side."""
    return examination.Wanted(
        width=long_side, height=round(long_side * 9 / 16), quick=quick, body_bound=body_bytes, seconds=options.timeout
    )


async def examine(
    options: OpenAiOptions,
    wanted: Wanted,
    *,
    announce: Callable[[tuple[Step, ...], str], None],
    say: Callable[[str], None],
) -> Findings:
    """See `videoscan.describers.measuring.examination.examine`; the key comes from the environment."""
    endpoint = Endpoint.shared(
        Address.parse(options.endpoint), key_from(os.environ.get(options.api_key_env), options.api_key_env)
    )
    endpoint.open(concurrency=max(8, options.concurrency), requests_per_minute=None, tokens_per_minute=None)
    try:
        return await examination.examine(
            endpoint,
            options.model,
            dialect=options.dialect,
            wanted=wanted,
            extra=options.extra_body,
            key_variable=options.api_key_env,
            announce=announce,
            say=say,
        )
    finally:
        await endpoint.close()


def kept(findings: Findings) -> tuple[Known | None, str | None]:
    """What is remembered of it for scans, and the file; a warning among the findings where it could not be written."""
    from videoscan.errors import StoreError

    known = examination.known(findings)
    if known is None:
        return None, None
    try:
        return known, str(knowledge.remember(known))
    except StoreError as error:
        findings.warnings.append(f"not kept: {error.message}")
        return known, None


def record(findings: Findings, known: Known | None, path: str | None) -> dict[str, Any]:
    """For programs: everything that was measured, and what follows from it. The error, if any, is left to the caller."""
    told = asdict(findings)
    told.pop("error")
    told["usable"] = findings.error is None
    sighted = findings.sighted
    if sighted is not None:
        told["sighted"] |= {
            "reads_cards": sighted.reads,
            "most_taken": sighted.most_taken,
            "really_seen": sighted.really(),
            "drops_silently": sighted.dropped() is not None,
        }
    told["profile"] = known.model_dump(mode="json", exclude_none=True) if known is not None else None
    told["profile_file"] = path
    return told
