"""Looks at a timeline's footage again: every picture of a stretch, or the one at a time, as they are decoded for a scan.

What the profile blacks out is black in all of it. Times are those of the timeline, because the same sources make them.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import ValidationError

from videoscan import registry
from videoscan.config import Options, RegionOptions
from videoscan.document import Timeline
from videoscan.doubting.refetching import AtTimes
from videoscan.errors import ConfigError, SourceNotFound, SourceUnsupported
from videoscan.folder import TIMELINE
from videoscan.reading.regions import covered
from videoscan.recordings import inputs
from videoscan.seams import Aim

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pydantic import BaseModel

    from videoscan.model import Bgr, Frame, Regions, SourceInfo
    from videoscan.seams import Footage, Sampler

_LEAD = 2.0
"""Seconds before a stretch that are decoded as well, for the picture that is still on screen when it begins."""

_NEAR = 0.0005
"""Seconds by which the time of a frame may differ in a timeline, which rounds."""


def masks(timeline: Timeline) -> tuple[Regions, ...]:
    """What must be black in everything that is made of this timeline's footage; empty when nothing must.

    An answer that was asked of another folder's pictures obeys that folder's profile as well. Raises `SourceUnsupported` when that
    cannot be known: showing what somebody wanted covered would be worse than showing nothing.
    """
    found = [_mask(timeline.profile)]
    if timeline.source.kept_from:
        path = Path(timeline.source.kept_from) / TIMELINE
        try:
            former = Timeline.from_json(path.read_bytes())
        except (OSError, ValueError) as fault:
            raise SourceUnsupported(
                f"{timeline.source.uri}: what its first scan blacked out is not known, because {path} cannot be read",
                hint="put that folder back, or scan the video itself again",
            ) from fault
        found.append(_mask(former.profile))
    return tuple(dict.fromkeys(mask for mask in found if mask is not None))


def _mask(profile: Mapping[str, Any]) -> Regions | None:
    table = profile.get("regions")
    if not table:
        return None
    try:
        options = RegionOptions.model_validate(table)
    except ValidationError as fault:
        raise SourceUnsupported(
            "the regions in the timeline's profile cannot be read, so that it is not known what must be black",
            hint="the timeline was changed by hand: correct its profile.regions, or scan again",
        ) from fault
    return options.regions if options.black_out else None


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture: its time in the file, its upright pixels."""

    time: float
    picture: Bgr


def shots(timeline: Timeline, file: str, start: float, end: float) -> Iterator[Shot]:
    """Every picture of `file` that is on screen in ``[start, end)``, in seconds of that file, in order of time.

    The first one may have begun before `start`. Raises `SourceError` when the footage is gone or cannot be read.
    """
    black = masks(timeline)
    with _open(timeline, file) as footage:
        held: Frame | None = None
        for frame in _frames(footage, max(0.0, start - _LEAD), end - _NEAR):
            if frame.time <= start + _NEAR:
                held = frame
                continue
            if held is not None:
                yield _shot(held, black)
                held = None
            yield _shot(frame, black)
        if held is not None:
            yield _shot(held, black)


def small(timeline: Timeline, file: str, *, long_side: int, every: float) -> Iterator[Shot]:
    """The pictures of all of `file`, shrunk to `long_side` pixels, in order of time: one in each `every` seconds, and all that are evidence.

    What is black is black after the shrinking, so that nothing is left at a border. Raises as `shots` does.
    """
    black = masks(timeline)
    evidence = sorted({each.time for event in timeline.events for each in event.evidence})
    with _open(timeline, file) as footage:
        for frame in footage.frames(_Every(every, evidence), start=0.0, end=None, seek=False):
            picture = frame.pixels.bgr(long_side)
            for regions in black:
                picture = covered(picture, regions)
            yield Shot(frame.time, picture)


def stills(timeline: Timeline, file: str, times: Sequence[float]) -> Iterator[tuple[int, Shot]]:
    """The pictures that begin at `times` (rising, in seconds of `file`), in full size, each with its place in `times`.

    A time at which no picture begins is passed over: the footage is another than the one that was scanned. Raises `SourceError`.
    """
    black = masks(timeline)
    if not times:
        return
    with _open(timeline, file) as footage:
        first = max(0.0, times[0] - _NEAR)
        sampler = AtTimes(tuple(max(0.0, time - _NEAR) for time in times))
        place = 0
        for frame in footage.frames(sampler, start=first, end=times[-1] + 2 * _NEAR, seek=footage.info.seekable):
            while place < len(times) and times[place] < frame.time - _NEAR:
                place += 1
            while place < len(times) and abs(times[place] - frame.time) <= _NEAR:
                yield place, _shot(frame, black)
                place += 1


def _shot(frame: Frame, black: tuple[Regions, ...]) -> Shot:
    picture = frame.pixels.bgr()
    for regions in black:
        picture = covered(picture, regions)
    return Shot(frame.time, picture)


def _frames(footage: Footage, start: float, end: float) -> Iterator[Frame]:
    """Every frame in ``[start, end)``, with as little read before it as the source can."""
    return footage.frames(_Every(), start=start, end=end, seek=footage.info.seekable)


@contextlib.contextmanager
def _open(timeline: Timeline, file: str) -> Iterator[Footage]:
    footage: Footage = registry.make("sources", _source(timeline, file)).open(_uri(file))
    try:
        yield footage
    finally:
        footage.close()


def _uri(file: str) -> str:
    try:
        return inputs.single(file).uri
    except ConfigError as fault:  # an address: nothing of it was kept
        raise SourceNotFound(f"{file} is not on this machine any more ({fault.message})") from fault


def _source(timeline: Timeline, file: str) -> dict[str, Any]:
    """The source's table, as the scan had it."""
    said = timeline.profile.get("source")
    options = said if isinstance(said, dict) else {}
    try:
        given = inputs.single(file)
    except ConfigError as fault:
        raise SourceNotFound(f"{file} is not on this machine any more ({fault.message})") from fault
    if given.kind == "images":
        table: dict[str, Any] = {"kind": "images"}
        if options.get("image_rate") is not None:
            table["image_rate"] = options["image_rate"]
        return {**table, "files": list(given.files)} if given.files else table
    backend = options.get("backend", "auto")
    return {"kind": backend if backend in {"pyav", "opencv"} else "pyav"}


class _EverySession:
    """Wants each frame that comes, or the first one of each `step` seconds and those that begin at `times`."""

    def __init__(self, step: float, times: Sequence[float]) -> None:
        self._step = step
        self._next = -1.0
        self._times = times
        self._place = 0

    def aim(self) -> Aim:
        return Aim(min([self._next, *self._times[self._place : self._place + 1]]) - _NEAR)

    def saw(self, frame: Frame) -> bool:
        named = False
        while self._place < len(self._times) and self._times[self._place] <= frame.time + _NEAR:
            named |= self._times[self._place] >= frame.time - _NEAR
            self._place += 1
        if self._step > 0:
            if frame.time + _NEAR < self._next:
                return named
            self._next = (frame.time // self._step + 1) * self._step
        return True


class _Every:
    """Every frame of a source, or one in each `step` seconds and those that begin at `times` (rising), as a sampler."""

    Options: ClassVar[type[BaseModel]] = Options

    def __init__(self, step: float = 0.0, times: Sequence[float] = ()) -> None:
        self.step = step
        self.times = times

    def session(self, info: SourceInfo) -> _EverySession:  # noqa: ARG002  # a seam's argument
        return _EverySession(self.step, self.times)


if TYPE_CHECKING:
    _is_a_sampler: Sampler = _Every()
