"""The conformance suite of samplers: what `videoscan.seams.Sampler` promises, on made footage and a source without any file.

    from videoscan.testing import samplers

    @pytest.mark.parametrize("check", samplers.CHECKS, ids=lambda check: check.__name__)
    def test_my_sampler_keeps_the_promises(check):
        check(MySampler(MySampler.Options()))

Each check takes a fresh instance and raises `AssertionError` with what was broken. `watch` is of use in other tests as well: it
gives a sampler the frames of a list by the letter of `videoscan.seams.Aim` and `Back`.
"""

from __future__ import annotations

import functools
import itertools
from typing import TYPE_CHECKING

import cv2
import numpy as np

from videoscan.model import Frame, SourceInfo
from videoscan.seams import Back
from videoscan.testing.scenes import ArrayPixels

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from videoscan.model import Gray
    from videoscan.seams import Aim, Sampler

INFO = SourceInfo("made-up", 160, 90, 10.0, seekable=True)


def footage(pictures: Iterable[Gray], *, rate: float = 10.0, gop: int = 50, start: int = 0) -> list[Frame]:
    """Frames from luma arrays, `rate` a second, every `gop`-th one a keyframe. The first one has the number `start`."""
    return [
        Frame(number, number / rate, number % gop == 0, ArrayPixels(luma)) for number, luma in enumerate(pictures, start=start)
    ]


@functools.cache
def scene(seed: int = 1) -> Gray:
    """A still scene, 160 x 90, with structure everywhere."""
    random = np.random.default_rng(seed)
    rough = random.uniform(30, 200, (18, 32)).astype(np.float32)
    fine = random.normal(0, 8, (90, 160)).astype(np.float32)
    smooth = np.asarray(cv2.resize(rough, (160, 90), interpolation=cv2.INTER_CUBIC), np.float32)
    return np.asarray(np.clip(smooth + fine, 16, 235), np.uint8)


@functools.cache
def visited(start: float = 12.3, end: float = 16.0, *, seconds: float = 30.0, rate: float = 10.0, gop: int = 50) -> list[Frame]:
    """A fixed camera with a little noise, through whose picture something small walks from `start` to `end`."""
    random = np.random.default_rng(2)
    pictures = []
    for number in range(round(seconds * rate)):
        picture = scene() + random.normal(0, 0.8, (90, 160))
        time = number / rate
        if start <= time < end:
            left = 20 + round(100 * (time - start) / (end - start))
            picture[40:58, left : left + 7] = 245
        pictures.append(np.clip(picture, 0, 255).astype(np.uint8))
    return footage(pictures, rate=rate, gop=gop)


def wanted(frames: Sequence[Frame], aim: Aim, after: float) -> Frame | None:
    """The frame that meets an aim, later than `after` seconds."""
    later = [frame for frame in frames if frame.time > after]
    preferred = (frame for frame in later if frame.keyframe and aim.keyframe_from <= frame.time <= aim.keyframe_until)
    found = next(preferred, None)
    return found or next((frame for frame in later if frame.time >= aim.time), None)


def watch(sampler: Sampler, frames: Sequence[Frame], *, goes_back: bool = True, shown: list[Frame] | None = None) -> list[Frame]:
    """The samples of a pass. `shown` takes all frames that the session was shown; without `goes_back`, `Back` is not heard."""
    session = sampler.session(INFO)
    samples: list[Frame] = []
    settled = last = -1.0
    turned: set[float] = set()
    while True:
        aim = session.aim()
        assert session.aim() == aim, f"the aim changed from {aim} though no frame was shown"
        frame = wanted(frames, aim, last)
        if frame is None:
            return samples
        if shown is not None:
            shown.append(frame)
        verdict = session.saw(frame)
        last = frame.time
        if isinstance(verdict, Back):
            assert settled < verdict.time < frame.time, f"{verdict} after {settled:g} s, shown {frame.time:g} s"
            assert not goes_back or frame.time not in turned, f"went back twice from the frame at {frame.time:g} s"
            turned.add(frame.time)
            if goes_back:
                # The frames between come now, the one that was shown again after them.
                last = max((each.time for each in frames if each.time < verdict.time), default=-1.0)
                continue
        settled = frame.time
        if verdict is True:
            samples.append(frame)


def the_first_frame_is_a_sample(sampler: Sampler) -> None:
    """Wherever a pass begins: segments begin anywhere."""
    for frames in (visited(), visited()[133:], visited()[:1]):
        assert sampler.session(INFO).aim().time <= 0, "the first aim passes over the source's first frame"
        assert watch(sampler, frames)[:1] == frames[:1], f"the first frame, at {frames[0].time:g} s, is no sample"


def nothing_in_nothing_out(sampler: Sampler) -> None:
    """An empty source is no error."""
    assert watch(sampler, []) == []


def samples_come_in_order_and_once(sampler: Sampler) -> None:
    """Going back shows what was left out; it repeats nothing."""
    for goes_back in (True, False):
        times = [frame.time for frame in watch(sampler, visited(), goes_back=goes_back)]
        assert all(a < b for a, b in itertools.pairwise(times)), f"out of order: {times}"


def a_pass_sees_all_of_the_source(sampler: Sampler) -> None:
    """It does not stop looking, whatever happens, and whether or not the source can go back."""
    frames = visited()
    for goes_back in (True, False):
        times = [frame.time for frame in watch(sampler, frames, goes_back=goes_back)]
        assert len(times) > 1, "one sample in thirty seconds"
        longest = max(b - a for a, b in itertools.pairwise([*times, frames[-1].time]))
        assert longest <= 15, f"{longest:g} s without a sample: {times}"


def without_keyframes_it_goes_on(sampler: Sampler) -> None:
    """A source may not know its keyframes, or have one only."""
    frames = [Frame(frame.index, frame.time, frame.index == 0, frame.pixels) for frame in visited()]
    assert len(watch(sampler, frames)) > 1, "one sample in thirty seconds without keyframes"


def a_gap_in_time_is_no_end(sampler: Sampler) -> None:
    """Nothing is recorded for a while; then it goes on, and that is seen."""
    frames = [frame for frame in visited() if not 5 < frame.time < 17]
    assert any(frame.time >= 17 for frame in watch(sampler, frames)), "no sample behind the gap"


def passes_do_not_share_state(sampler: Sampler) -> None:
    """Two passes of one instance, one inside the other, choose as two instances would."""
    alone = watch(sampler, visited())
    outer = sampler.session(INFO)
    outer.saw(visited()[0])
    assert watch(sampler, visited()) == alone, "a pass begun in between changes what is chosen"


CHECKS: tuple[Callable[[Sampler], None], ...] = (
    the_first_frame_is_a_sample,
    nothing_in_nothing_out,
    samples_come_in_order_and_once,
    a_pass_sees_all_of_the_source,
    without_keyframes_it_goes_on,
    a_gap_in_time_is_no_end,
    passes_do_not_share_state,
)
