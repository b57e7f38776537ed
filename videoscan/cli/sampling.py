"""What `plan` and `frames` share: one input and the user's choices become a pass of the core, without a model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from videoscan.cli import output

if TYPE_CHECKING:
    from videoscan.cli.options import Choices
    from videoscan.core import CoreSpec
    from videoscan.recordings.inputs import Input
    from videoscan.request import Request
    from videoscan.seams import Limits


def settle(given: Input, choices: Choices, *, say: bool = True) -> Request:
    """What is asked of this input; notes are said, if they are to be. Raises `ConfigError`."""
    from videoscan import request

    settled = request.settle(
        given, profile=choices.profile, flags=choices.overrides, sets=choices.sets, start=choices.start, end=choices.end
    )
    for note in settled.resolved.notes if say else ():
        output.say(note)
    return settled


def spec(asked: Request, limits: Limits) -> CoreSpec:
    """The pass over the input."""
    from videoscan.core import spec_for

    profile = asked.resolved.profile
    return spec_for(asked.given, profile, limits, start=asked.start, end=asked.end, version=asked.version())
