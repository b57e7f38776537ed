"""Which pictures of a job were kept: what its review page shows where a browser cannot play the recording itself."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING

from pydantic import BaseModel, Field

from videoscan.folder import PICTURES, TIMELINE
from videoscan.reading import sampling

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from videoscan.model import Mark


class KeptFrame(BaseModel):
    """A picture that was kept; it is at `.../frames/{frame}.jpg`."""

    frame: int = Field(ge=0)
    time: float = Field(ge=0, description="Seconds of the source's own clock.")
    region: tuple[float, float, float, float] | None = Field(
        default=None, description="Where it differs from the picture before, `[x0, y0, x1, y1]` in 0..1."
    )


def kept_frames(folder: Path, marks: Iterable[Mark]) -> list[KeptFrame]:
    """Those whose picture lies in an output folder, in order of time: of what is written there, and of `marks` besides. Blocking."""
    found = {frame.frame: frame for frame in _written(folder)}
    found |= {mark.frame: KeptFrame(frame=mark.frame, time=max(0.0, mark.time), region=mark.region) for mark in marks}
    there = set()
    with contextlib.suppress(OSError):
        there = {int(path.name[:8]) for path in (folder / PICTURES).iterdir() if path.name[:8].isdecimal()}
    return sorted((frame for frame in found.values() if frame.frame in there), key=lambda frame: (frame.time, frame.frame))


def _written(folder: Path) -> Iterator[KeptFrame]:
    # An event's evidence first: what was sampled knows more of the same frames, and may have been forgotten.
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        for event in json.loads((folder / TIMELINE).read_bytes())["events"]:
            for each in event["evidence"]:
                yield KeptFrame(frame=each["frame"], time=each["time"], region=each["region"])
    store = sampling.latest(folder)
    if store is not None:
        yield from (KeptFrame(frame=mark.frame, time=max(0.0, mark.time), region=mark.region) for mark in store.kept())
