"""The synchronous core: decode, sample, deduplicate, encode (`videoscan.reading.segments`); measure, thin out, group into windows.

The core runs from a picklable `CoreSpec`, in a thread or in a child process (`videoscan.isolation`), and crosses to its reader
only at windows. Nothing here knows an event loop.

Memory: what `videoscan.reading.segments` and `videoscan.windows` hold, and the samples of one block of `videoscan.reading.choosing` under a cap.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from videoscan import registry, windows
from videoscan.config import RegionOptions
from videoscan.folder import TIMELINE
from videoscan.guarding import Guard
from videoscan.model import EVERYWHERE, Sample, SourceInfo, Tally, Window
from videoscan.observe import Sampled
from videoscan.reading.choosing import cap
from videoscan.reading.measure import measure
from videoscan.reading.segments import Pass
from videoscan.reading.spec import CoreSpec, Look
from videoscan.recordings import clock

if TYPE_CHECKING:
    from videoscan.config import Profile, WindowOptions
    from videoscan.model import Regions
    from videoscan.recordings.inputs import Input
    from videoscan.seams import Limits

__all__ = ["LOOKED_AT", "Core", "CoreItem", "CoreSpec", "Look", "Report", "refetch", "spec_for"]

CoreItem: TypeAlias = SourceInfo | Window | Tally
Report: TypeAlias = Callable[[Sampled], None]

# A person cannot read a progress line more often than this, and a child process need not tell it more often.
_REPORT_EVERY = 0.1

LOOKED_AT = 0.25
"""Share of the picture up to which a region is shown as a crop where somebody looks again: there it is known where to look."""
_ALL_OF_THEM = {"max_frames": 1000, "max_seconds": 86_400.0, "overlap_frames": 0, "close_at_cut": False, "choose": False}


def spec_for(
    given: Input,
    profile: Profile,
    limits: Limits,
    *,
    start: float = 0.0,
    end: float | None = None,
    store: Path | None = None,
    version: str = "",
) -> CoreSpec:
    """The pass that `profile` asks for over one input; `store` and `version` as in `CoreSpec`.

    For a former output folder the pass is what was sampled then. ``auto`` is PyAV for videos: it is right on open GOPs and damage where OpenCV is not, and faster where frames are skipped.
    """
    if given.kind == "kept":
        source: dict[str, Any] = {"kind": "kept"}
    elif given.kind == "joined":
        source = _joined(given, profile)
    elif given.kind == "images":
        source = {"kind": "images", "image_rate": profile.source.image_rate}
        if given.files:
            source["files"] = list(given.files)
    else:
        source = {"kind": "pyav" if profile.source.backend == "auto" else profile.source.backend}
    return CoreSpec(
        given.uri,
        source,
        profile.sampler,
        profile.dedup,
        profile.windows,
        limits,
        start,
        end,
        regions=_regions(given, profile),
        max_rate=float(registry.filled("dedups", profile.dedup).get("max_rate", 0.0)),
        parallel=profile.source.parallel,
        store=store,
        version=version,
        guard=_guard(profile),
    )


def _guard(profile: Profile) -> Guard:
    said = profile.source
    return Guard(
        memory=said.max_memory,
        cpu=said.max_cpu,
        pixels=said.max_pixels,
        duration=said.max_duration,
        fps=said.max_fps,
        streams=said.max_streams,
        alone=said.isolation == "process",
    )


def _joined(given: Input, profile: Profile) -> dict[str, Any]:
    """The source of recordings that are one."""
    settings = profile.source
    clocks = given.clocks or ((None, None),) * len(given.files)
    begins = clock.wall_time(settings, given.relative).start if settings.clock_start else None
    return {
        "kind": "joined",
        "files": [
            {"uri": file, "clock": first, "again": again} for file, (first, again) in zip(given.files, clocks, strict=True)
        ],
        "order": "given" if given.by_name else "clock",
        "zone": settings.clock_zone,
        "begins": begins,
        "backend": "opencv" if settings.backend == "opencv" else "pyav",
    }


def refetch(spec: CoreSpec, look: Look) -> CoreSpec:
    """The pass that fetches a few frames of a pass's source once more, at their full size: the one way back across the bridge.

    It is run like any other, in a thread or in a child process (`videoscan.isolation.core_for`), at any time: a file's segments can
    all be entered again. Its windows hold the pictures, several only where the describer's limits want it; their frame indices count
    from the look's own beginning (`videoscan.doubting.refetching.renumbered`). A source that cannot be read twice gives an empty pass or raises.
    """
    return replace(
        spec,
        windows=looking(spec.windows),
        start=max(0.0, look.times[0] - 1e-6),
        end=look.times[-1] + 1e-3,
        max_rate=0.0,
        parallel=1,
        explain=False,
        store=None,
        excerpt=True,
        look=look,
    )


def looking(options: WindowOptions) -> WindowOptions:
    """The options with which a look's pictures are grouped and cropped: all together, as far as the describer's limits allow."""
    return options.model_copy(update={**_ALL_OF_THEM, "zoom": max(options.zoom, LOOKED_AT)})


def _regions(given: Input, profile: Profile) -> Regions:
    """The profile's regions; none where a former output folder's pictures were made with the very same ones: they are black already."""
    regions = profile.regions.regions
    if given.kind == "kept":
        with contextlib.suppress(OSError, ValueError, LookupError, TypeError):
            former = json.loads((Path(given.uri) / TIMELINE).read_bytes())["profile"]["regions"]
            if RegionOptions.model_validate(former).regions == regions:
                return EVERYWHERE
    return regions


class Core:
    """One pass over one source. Iterate it (or `samples`) once, in one thread; `stop` may be called from any.

    Opening the source is part of iterating, so that a decoder that crashes on a header crashes where it can be contained.
    """

    def __init__(self, spec: CoreSpec, report: Report | None = None) -> None:
        self._spec = spec
        self._report = report
        self._pass = Pass(spec)

    @property
    def info(self) -> SourceInfo | None:
        """What the source says of itself, once iterating has begun."""
        return self._pass.info

    @property
    def tally(self) -> Tally | None:
        """What the pass came to; `None` before its end, and when it was stopped."""
        return self._pass.tally

    def stop(self) -> None:
        """End the iteration at its next packet. Idempotent."""
        self._pass.stop()

    def samples(self) -> Iterator[Sample]:
        """Every sampled frame, judged and reduced; `info` is known from the first on, `tally` after the last.

        A pass that was stopped ends early and leaves `tally` at `None`.
        """
        spec = self._spec
        samples = self._pass.samples()
        if spec.limits.measures:
            samples = measure(samples, spec.regions)
        yield from self._told(cap(samples, spec.max_rate))

    def __iter__(self) -> Generator[CoreItem]:
        """First the source's info, then its windows, last the tally. A stopped pass just ends."""
        samples = self.samples()
        first = next(samples, None)
        if self.info is None:
            return
        yield self.info
        if first is not None:
            yield from windows.windows(_chain(first, samples), self._spec.windows, self._spec.limits, duration=self._duration)
        if self.tally is not None:
            yield self.tally

    def _duration(self) -> float:
        # Without a tally the pass was stopped and nobody will fold the window this ends.
        return self.tally.duration if self.tally is not None else 0.0

    def _told(self, samples: Iterator[Sample]) -> Iterator[Sample]:
        """Report how far the pass has come, seldom enough to cost nothing."""
        sampled = kept = 0
        position = due = 0.0
        for sample in samples:
            sampled += 1
            kept += sample.mark.kept
            position = sample.mark.time
            now = time.monotonic()
            if self._report is not None and now >= due:
                self._report(Sampled(position, sampled, kept))
                due = now + _REPORT_EVERY
            yield sample
        if self._report is not None:
            self._report(Sampled(position, sampled, kept))


def _chain(first: Sample, rest: Iterator[Sample]) -> Iterator[Sample]:
    yield first
    yield from rest
