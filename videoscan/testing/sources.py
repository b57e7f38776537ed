"""The conformance suite that every source passes: give it a source and a clip whose truth is known.

An author of a source runs all of it over their own clips::

    @pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
    def test_conforms(check):
        check(MySource(MySource.Options()), Clip("clip.mp4", times=(0.0, 0.04, 0.08), width=320, height=240))

A check raises `AssertionError`, naming the clip, when the source breaks a promise of `videoscan.seams.Footage`.
"""

from __future__ import annotations

import bisect
import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from videoscan.config import Options
from videoscan.samplers.interval import IntervalOptions, IntervalSampler
from videoscan.samplers.keyframe import KeyframeOptions, KeyframeSampler
from videoscan.seams import INFINITY, Aim, Back

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import BaseModel

    from videoscan.model import Frame, SourceInfo, Tally
    from videoscan.seams import Sampler, Source


@dataclass(frozen=True, slots=True)
class Clip:
    """A source's truth. `times` are all its pictures, in seconds from the first; `keyframes` those that decode alone.

    `width` and `height` are of the upright picture. `keyframes` is `None` where they are not known or do not matter.
    `tolerance` is the most, in seconds, by which a time may differ.
    """

    uri: str
    times: tuple[float, ...]
    width: int
    height: int
    rotation: int = 0
    start_time: float = 0.0
    keyframes: tuple[float, ...] | None = None
    tolerance: float = 0.001

    def first_from(self, time: float) -> float | None:
        """The first picture at or after `time`."""
        place = bisect.bisect_left(self.times, time - 1e-6)
        return self.times[place] if place < len(self.times) else None


@dataclass(slots=True)
class _Next:
    last: float | None = None

    def aim(self) -> Aim:
        return Aim(0.0 if self.last is None else self.last + 1e-6)

    def saw(self, frame: Frame) -> bool:
        self.last = frame.time
        return True


class EveryFrame:
    """The sampler that skips nothing."""

    Options: ClassVar[type[BaseModel]] = Options

    def session(self, info: SourceInfo) -> _Next:  # noqa: ARG002  # a seam's argument that this sampler has no use for
        """Start a pass."""
        return _Next()


@dataclass(slots=True)
class _Turning:
    """Keyframes; each one that comes `ago` seconds or more after the last frame sends back so far, to every frame for a second."""

    ago: float
    last: float | None = None
    until: float | None = None
    later: float = 0.0
    turned: float | None = None

    def aim(self) -> Aim:
        if self.last is None:
            return Aim(0.0)
        return Aim(INFINITY, self.last + 1e-6, INFINITY) if self.until is None else Aim(self.later)

    def saw(self, frame: Frame) -> bool | Back:
        turns = self.until is None and self.last is not None and frame.time - self.last > self.ago and frame.time != self.turned
        if turns:
            self.turned = frame.time
            self.later = frame.time - self.ago
            self.until = self.later + 1.0
            return Back(self.later)
        self.last, self.later = frame.time, frame.time + 1e-6
        if self.until is not None and frame.time >= self.until:
            self.until = None
        return True


class Turning:
    """The sampler that goes back `ago` seconds wherever it can: it asks for keyframes, and then for what lies before them."""

    Options: ClassVar[type[BaseModel]] = Options

    def __init__(self, ago: float = 0.3) -> None:
        self.ago = ago

    def session(self, info: SourceInfo) -> _Turning:  # noqa: ARG002  # a seam's argument that this sampler has no use for
        """Start a pass."""
        return _Turning(self.ago)


def read(
    source: Source,
    clip: Clip,
    sampler: Sampler | None = None,
    *,
    start: float = 0.0,
    end: float | None = None,
    warm_up: float = 0.0,
    seek: bool = False,
) -> tuple[list[Frame], Tally]:
    """A whole pass: its frames and its tally, with what holds for every pass already checked."""
    footage = source.open(clip.uri)
    try:
        frames = list(footage.frames(sampler or EveryFrame(), start=start, end=end, warm_up=warm_up, seek=seek))
        tally = footage.tally()
    finally:
        footage.close()
    times = [frame.time for frame in frames]
    indices = [frame.index for frame in frames]
    assert all(a < b for a, b in itertools.pairwise(times)), f"{clip.uri}: times run back: {times}"
    assert all(a < b for a, b in itertools.pairwise(indices)), f"{clip.uri}: indices do not rise: {indices}"
    assert all(time >= 0 for time in times), f"{clip.uri}: before the source's start"
    # Counted from `start`, what warms up lies before zero.
    first = start if seek else 0.0
    assert all((index >= 0) == (time >= first) for time, index in zip(times, indices, strict=True)), f"{clip.uri}: {indices}"
    assert not times or tally.duration > times[-1], f"{clip.uri}: {tally.duration} s end before the last frame at {times[-1]}"
    check_lost(clip, tally)
    return frames, tally


def check_lost(clip: Clip, tally: Tally) -> None:
    """Lost spans are sorted, do not overlap, have a reason and lie inside the source."""
    for span in tally.lost:
        assert 0 <= span.start < span.end <= tally.duration, f"{clip.uri}: {span} outside [0, {tally.duration})"
        assert span.reason, f"{clip.uri}: {span} gives no reason"
    assert all(a.end <= b.start for a, b in itertools.pairwise(tally.lost)), f"{clip.uri}: lost spans overlap: {tally.lost}"


def _same(clip: Clip, found: list[float], expected: list[float], what: str) -> None:
    near = len(found) == len(expected) and all(abs(a - b) <= clip.tolerance for a, b in zip(found, expected, strict=True))
    assert near, f"{clip.uri}: {what}: {_brief(found)} instead of {_brief(expected)}"


def _brief(times: list[float]) -> str:
    return f"{len(times)} times [{', '.join(f'{time:.3f}' for time in times[:40])}]"


def says_what_it_is(source: Source, clip: Clip) -> None:
    """Size, rotation and start are known before anything is decoded."""
    footage = source.open(clip.uri)
    try:
        info = footage.info
    finally:
        footage.close()
    assert info.uri == clip.uri
    assert (info.width, info.height, info.rotation) == (clip.width, clip.height, clip.rotation), f"{clip.uri}: {info}"


def gives_every_frame_at_its_time(source: Source, clip: Clip) -> None:
    """With a sampler that skips nothing, all pictures come, each once, at its presentation time, numbered from 0."""
    frames, tally = read(source, clip)
    _same(clip, [frame.time for frame in frames], list(clip.times), "every frame")
    assert [frame.index for frame in frames] == list(range(len(clip.times))), f"{clip.uri}: indices have holes"
    assert not tally.lost, f"{clip.uri}: whole, but lost {tally.lost}"
    assert tally.decoded >= len(frames)


def meets_an_exact_interval(source: Source, clip: Clip) -> None:
    """Every sample is the first picture at or after a target, and has the index that it has in a full pass."""
    every = max(0.25, clip.times[-1] / 12)
    frames, tally = read(source, clip, IntervalSampler(IntervalOptions(every=every, snap=False)))
    expected, number = [], 0
    while (time := clip.first_from(number * every)) is not None:
        expected.append(time)
        number = max(number + 1, int((time + 1e-6) / every) + 1)
    _same(clip, [frame.time for frame in frames], expected, f"every {every:g} s")
    places = [bisect.bisect_left(clip.times, frame.time - clip.tolerance) for frame in frames]
    assert [frame.index for frame in frames] == places, f"{clip.uri}: indices differ from those of a full pass"
    assert not tally.lost, f"{clip.uri}: whole, but lost {tally.lost}"


def snaps_only_to_real_pictures(source: Source, clip: Clip) -> None:
    """Snapped samples are pictures of the source, at least half an interval apart, and none is further off than a target's."""
    every = max(0.25, clip.times[-1] / 12)
    frames, _ = read(source, clip, IntervalSampler(IntervalOptions(every=every, snap=True)))
    times = [frame.time for frame in frames]
    gap = max([b - a for a, b in itertools.pairwise(clip.times)], default=0.0)
    for time in times:
        assert any(abs(time - true) <= clip.tolerance for true in clip.times), f"{clip.uri}: there is no picture at {time}"
    for a, b in itertools.pairwise(times):
        assert b - a <= 2 * every + gap, f"{clip.uri}: nothing between {a} and {b}"
    keys = [time for time, frame in zip(times, frames, strict=True) if frame.keyframe]
    if clip.keyframes is not None:
        _same(clip, keys, [key for key in clip.keyframes if any(abs(key - time) <= clip.tolerance for time in keys)], "keyframes")


def finds_all_keyframes_in_order(source: Source, clip: Clip) -> None:
    """The keyframe sampler without bounds takes every keyframe, none twice; not asked where keyframes are unknown."""
    if clip.keyframes is None:
        return
    frames, tally = read(source, clip, KeyframeSampler(KeyframeOptions(least=0, most=0)))
    _same(clip, [frame.time for frame in frames], list(clip.keyframes), "keyframes")
    assert all(frame.keyframe for frame in frames), f"{clip.uri}: a keyframe is not marked"
    assert abs(tally.duration - clip.times[-1]) < 3, f"{clip.uri}: a pass that skips must still know the length"


def keeps_to_start_and_end(source: Source, clip: Clip) -> None:
    """Frames lie in ``[start, end)``; the first picture at or after `start` is one; times and indices are those of a full pass."""
    start, end = clip.times[-1] * 0.4, clip.times[-1] * 0.75
    frames, tally = read(source, clip, start=start, end=end)
    expected = [time for time in clip.times if start - 1e-6 <= time < end]
    _same(clip, [frame.time for frame in frames], expected, f"[{start:.3f}, {end:.3f})")
    places = [bisect.bisect_left(clip.times, frame.time - clip.tolerance) for frame in frames]
    assert [frame.index for frame in frames] == places, f"{clip.uri}: indices differ from those of a full pass"
    assert tally.duration >= clip.times[-1], f"{clip.uri}: the source does not end where the asking ends"


def begins_anywhere(source: Source, clip: Clip) -> None:
    """Where reading may begin at any keyframe, the samples are the same as if everything before had been read."""
    footage = source.open(clip.uri)
    footage.close()
    if not footage.info.seekable:
        return
    length, times = clip.times[-1], [frame.time for frame in read(source, clip)[0]]
    samplers: tuple[Sampler, ...] = (EveryFrame(), KeyframeSampler(), IntervalSampler(IntervalOptions(every=length / 9)))
    spans = (
        (length * 0.43, length * 0.7, length / 8),
        (clip.times[len(clip.times) // 2], None, 0.0),
        (length * 0.02, length * 0.3, 9.0),
    )
    for sampler, (start, end, warm_up) in itertools.product(samplers, spans):
        whole, expected = read(source, clip, sampler, start=start, end=end, warm_up=warm_up)
        sought, tally = read(source, clip, sampler, start=start, end=end, warm_up=warm_up, seek=True)
        before = sum(time < start for time in times)
        which = f"{clip.uri}: [{start:.3f}, {end}) after {warm_up:.3f}"
        _same(clip, [frame.time for frame in sought], [frame.time for frame in whole], which)
        assert [frame.index + before for frame in sought] == [frame.index for frame in whole], f"{which}: other indices"
        assert [frame.keyframe for frame in sought] == [frame.keyframe for frame in whole], f"{which}: other keyframes"
        same = (np.array_equal(a.pixels.gray(64, 36), b.pixels.gray(64, 36)) for a, b in zip(sought, whole, strict=True))
        assert all(same), f"{which}: other pictures"
        assert tally.next_index + before == expected.next_index, f"{which}: {tally.next_index} pictures"
        assert (tally.duration, tally.lost) == (expected.duration, ()), f"{which}: {tally}"


def goes_back_or_on(source: Source, clip: Clip) -> None:
    """A session that asks to go back is shown what lies before, or goes on; each frame at its time, none twice."""
    full, _ = read(source, clip)
    frames, tally = read(source, clip, Turning())
    truth = {frame.time: frame for frame in full}
    for frame in frames:
        assert frame.time in truth, f"{clip.uri}: there is no picture at {frame.time}"
        assert truth[frame.time].index == frame.index, f"{clip.uri}: {frame.index} at {frame.time}"
        assert np.array_equal(frame.pixels.gray(64, 36), truth[frame.time].pixels.gray(64, 36)), f"{clip.uri}: {frame.time}"
    assert not tally.lost, f"{clip.uri}: whole, but lost {tally.lost}"


def shows_upright_pictures(source: Source, clip: Clip) -> None:
    """Luma comes in exactly the size asked for; colour is shrunk, never enlarged, and proportions stay."""
    footage = source.open(clip.uri)
    try:
        frame = next(iter(footage.frames(EveryFrame())))
    finally:
        footage.close()
    gray = frame.pixels.gray(32, 18)
    assert gray.shape == (18, 32)
    assert gray.dtype == np.uint8
    whole, small = frame.pixels.bgr(), frame.pixels.bgr(48)
    assert whole.shape == (clip.height, clip.width, 3), f"{clip.uri}: {whole.shape}"
    assert max(small.shape[:2]) == min(48, max(clip.height, clip.width)), f"{clip.uri}: {small.shape}"
    assert (small.shape[0] > small.shape[1]) == (clip.height > clip.width) or abs(clip.height - clip.width) < 2


def ends_when_closed(source: Source, clip: Clip) -> None:
    """Closing, twice even, ends a running pass without an error, and the tally still adds up."""
    footage = source.open(clip.uri)
    frames = footage.frames(EveryFrame())
    next(frames)
    footage.close()
    footage.close()
    rest = list(frames)
    assert len(rest) <= max(64, len(clip.times) // 2), f"{clip.uri}: went on for {len(rest)} frames"
    check_lost(clip, footage.tally())


CHECKS: tuple[Callable[[Source, Clip], None], ...] = (
    says_what_it_is,
    gives_every_frame_at_its_time,
    meets_an_exact_interval,
    snaps_only_to_real_pictures,
    finds_all_keyframes_in_order,
    keeps_to_start_and_end,
    begins_anywhere,
    goes_back_or_on,
    shows_upright_pictures,
    ends_when_closed,
)
"""All checks, for `pytest.mark.parametrize`."""
