"""What is to be cut, and how: the options of clips and reels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, field_validator

from videoscan import config, timecode
from videoscan.clips.exact import Stretch
from videoscan.errors import ConfigError
from videoscan.exporters.cutting import Cut, pieces
from videoscan.exporters.wording import standing

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from videoscan.seams import Told

_Seconds = Annotated[float, Field(ge=0, le=3600)]

_INSTANT, _LEAST = 0.1, 1.0
"""Seconds: what is shorter than the first is an instant, which nobody would see; with its padding it is shown for the second."""


class PadOptions(config.Options):
    """How much is shown around an event."""

    pad: tuple[_Seconds, _Seconds] = (0.0, 0.0)
    """Seconds before and after it: ``5,3``; one number is for both."""

    @field_validator("pad", mode="before")
    @classmethod
    def _both(cls, value: object) -> object:
        if isinstance(value, str):
            said = [timecode.parse(part, what="pad") for part in value.split(",")]
            if len(said) > 2:
                raise ConfigError(f"--pad {value!r}: give BEFORE,AFTER in seconds, such as 5,3")
            return said[0], said[-1]
        return value


class ClipOptions(PadOptions):
    """How it is cut."""

    cut: Literal["exact", "copy"] = "exact"
    """`exact`: to the picture, encoded anew. `copy`: nothing is encoded; it begins at the keyframe before."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch to be cut for an event; `at`: where it begins on the source's clock."""

    cut: Cut
    stretch: Stretch
    at: float


def wanted(parts: Sequence[Told], pad: tuple[float, float]) -> Iterator[Piece]:
    """A piece for each event that nobody rejected, padded as far as the recording goes; one in each file that it runs over."""
    for part in parts:
        for event in standing(part.timeline):
            after = pad[1]
            if event.end - event.start < _INSTANT:
                after = max(after, _LEAST - pad[0])
            start, end = max(0.0, event.start - pad[0]), min(part.timeline.source.duration, event.end + after)
            for cut in pieces(part.timeline, event, start, max(start, end)):
                if cut.end > cut.start:
                    yield Piece(cut, Stretch(part.timeline, cut.file, cut.start, cut.end), cut.at)


def joined(found: Sequence[Piece]) -> list[list[Piece]]:
    """Pieces that overlap in one file, together: what is shown once is not shown again. In order of the first of each."""
    groups: list[list[Piece]] = []
    for piece in found:
        last = groups[-1] if groups else None
        if last and last[0].stretch.file == piece.stretch.file and piece.stretch.start <= whole(last).end:
            last.append(piece)
        else:
            groups.append([piece])
    return groups


def whole(group: Sequence[Piece]) -> Stretch:
    """The stretch that a group covers."""
    start = min(piece.stretch.start for piece in group)
    return replace(group[0].stretch, start=start, end=max(piece.stretch.end for piece in group))
