"""The inputs of a command, joined by camera where ``--join`` says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from videoscan.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from videoscan.cli.options import Choices
    from videoscan.recordings.inputs import Found, Input


def find(arguments: Sequence[str], choices: Choices, *, out: Path | None = None) -> Found:
    """What `arguments` mean; see `videoscan.recordings.inputs.find` and `videoscan.recordings.joining.join`. Raises `ConfigError`."""
    from videoscan.recordings import inputs, joining

    if choices.by_name and not choices.join:
        raise ConfigError("--by-name goes with --join", hint="it says in which order recordings are joined")
    if not choices.join:
        return inputs.find(arguments, out=out)
    settings = joining.settings_of(choices.profile, sets=choices.sets, overrides=choices.overrides)
    return joining.join(inputs.find(arguments), settings, out=out, by_name=choices.by_name)


def single(argument: str, choices: Choices) -> Input:
    """The one input that `argument` means. Raises `SourceError` or `ConfigError` when it means none or several."""
    from videoscan.recordings import inputs

    if not choices.join:
        return inputs.single(argument)
    found = find([argument], choices)
    if not found.inputs and found.refused:
        raise found.refused[0].error
    if len(found.inputs) != 1:
        cameras = ", ".join(given.name for given in found.inputs)
        raise ConfigError(f"{argument} holds the recordings of {len(found.inputs)} cameras: {cameras}", hint="name one of them")
    return found.inputs[0]
