"""Truth files: what really happens in a recording, as somebody judged it or as its generator knows it.

``CLIP.truth.json`` beside a clip. A file may carry more than what is read here. Times are seconds of the recording's own clock; spans are
half-open.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from videoscan.errors import SourceNotFound, SourceUnsupported

if TYPE_CHECKING:
    from pathlib import Path

SUFFIX = ".truth.json"

_Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class _Told(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)


class TrueEvent(_Told):
    """Something that happens in ``[start, end)``."""

    start: _Seconds
    """When it begins."""
    end: _Seconds
    """When it ends."""
    what: str = ""
    """What happens, in words."""
    tags: tuple[str, ...] = ()
    """Short words to tell kinds of events apart."""
    slack: _Seconds = 0.0
    """By how much a telling may miss the event's time and still overlap it."""
    minor: bool = False
    """Nobody needs to tell it, and whoever does is right."""

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> TrueEvent:
        if self.end < self.start:
            raise ValueError(f"it ends at {self.end}, before it begins at {self.start}")
        return self


class Gradual(_Told):
    """A change from one shot to the next that takes a while."""

    start: _Seconds
    """When the first of the change shows."""
    end: _Seconds
    """When the next shot stands alone."""


class Truth(_Told):
    """All that happens in one recording."""

    duration: _Seconds
    """How long the recording is."""
    events: tuple[TrueEvent, ...]
    """What happens, in any order."""
    cuts: tuple[_Seconds, ...] = ()
    """When another shot begins at once."""
    gradual: tuple[Gradual, ...] = ()
    """Where one shot goes over into another."""


def read(path: Path) -> Truth:
    """The truth in a file. Raises `SourceNotFound`, or `SourceUnsupported` with what is wrong and where."""
    try:
        return Truth.model_validate_json(path.read_bytes())
    except FileNotFoundError as fault:
        raise SourceNotFound(f"{path} does not exist", hint="give a truth file, such as CLIP.truth.json") from fault
    except OSError as fault:
        raise SourceUnsupported(f"cannot read {path}: {fault.strerror or fault}") from fault
    except ValidationError as fault:
        first = fault.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        raise SourceUnsupported(
            f"{path} is no truth file: {place}: {first['msg']}",
            hint='its form: {"duration": s, "events": [{"start": s, "end": s, "what": text, "tags": [..], "slack": s}], "cuts": [s, ...]}',
        ) from fault
