"""What one pass over a source depends on, and the segments that it is cut into: plain values that cross to any worker."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from videoscan.guarding import Guard
from videoscan.model import EVERYWHERE, Regions

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from videoscan.config import WindowOptions
    from videoscan.model import Box
    from videoscan.seams import Limits

SEGMENT = 300.0
"""Seconds. As long as an unchanged scene goes without being shown again by default, so the kept first samples cost nothing."""
WARM_UP = 16.0
"""Seconds before a segment on which a deduplicator learns its noise and its clocks: more than twelve samples at one a second."""
WARM_UP_SAMPLES = 16
"""Samples, where they lie further apart than a second."""


@dataclass(frozen=True, slots=True)
class Look:
    """Frames that are fetched once more: the first one at or after each of `times` (seconds, rising), all of them kept.

    Each comes with a crop of `region`, where there is one that is worth it.
    """

    times: tuple[float, ...]
    region: Box | None = None


@dataclass(frozen=True, slots=True)
class CoreSpec:
    """Everything a pass over one source depends on. Tables are ``{"kind": name, **options}``, as the registry takes them.

    `max_rate` caps the kept frames per second (0: no cap). `explain`: every sample comes with a thumbnail and with what was
    ignored in it. `parallel` segments are read at once; it changes nothing in what comes out. `store` is the output folder that
    keeps the sampling, `None` for nowhere; `version` stands for the state of the files that are read. `uri` is a former output
    folder where the source's kind is ``kept``. An `excerpt` is read without what lies before it, and its frame indices count from
    its own beginning. `guard` limits what the source may be. A `look` stands in for sampler and deduplicator: see `videoscan.core.refetch`.
    """

    uri: str
    source: Mapping[str, Any]
    sampler: Mapping[str, Any]
    dedup: Mapping[str, Any]
    windows: WindowOptions
    limits: Limits
    start: float = 0.0
    end: float | None = None
    regions: Regions = EVERYWHERE
    max_rate: float = 0.0
    parallel: int = 1
    explain: bool = False
    store: Path | None = None
    version: str = ""
    excerpt: bool = False
    look: Look | None = None
    guard: Guard = Guard()

    def key(self) -> str:
        """The hash of all that the samples and their pictures depend on."""
        limits = self.limits
        source = dict(self.source)
        source.pop("threads", None)  # they change how long it takes
        if source["kind"] == "joined":
            del source["files"]  # a further recording changes nothing before it: each segment says what it was made of
        parts = [
            [self.uri, self.version, source, dict(self.sampler), dict(self.dedup), asdict(self.regions)],
            [self.windows.long_side, self.windows.quality, self.windows.format, self.windows.zoom, self.start, self.end],
            [limits.picture_bytes, limits.body_bytes, sorted(limits.formats), limits.pictures == 1, SEGMENT],
        ]
        return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:32]

    @property
    def recalls(self) -> bool:
        """Whether a sampling from disk will do: nobody wants more of a sample than is kept there."""
        return not (self.limits.measures or self.windows.choose or self.max_rate or self.explain)


@dataclass(frozen=True, slots=True)
class Segment:
    """``[start, end)`` in seconds (`None`: to the source's end), and how many seconds before it (at 0: after it) warm up for it."""

    start: float
    end: float | None
    warm_up: float = 0.0
    seek: bool = False

    @property
    def span(self) -> tuple[float, float | None]:
        """Start and end."""
        return self.start, self.end
