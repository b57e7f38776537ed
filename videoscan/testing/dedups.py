"""The conformance suite of deduplicators: what `videoscan.seams.Dedup` promises, checked on made footage.

    from videoscan.testing import dedups

    @pytest.mark.parametrize("check", dedups.CHECKS, ids=lambda check: check.__name__)
    def test_my_dedup_keeps_the_promises(check):
        check(MyDedup(MyDedup.Options()))

Each check takes a fresh instance and raises `AssertionError` with what was broken.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from videoscan.model import Reason
from videoscan.testing.scenes import NightCamera, Visit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from videoscan.model import Frame, Mark
    from videoscan.seams import Dedup

SCENE = NightCamera(seconds=40, visits=(Visit(15, 20, 0.4), Visit(28, 33, 0.4)), width=320, height=180)
"""Forty still seconds, twice interrupted."""

_KEPT = {Reason.FIRST, Reason.CHANGED, Reason.CUT, Reason.REFRESH}


def marks(dedup: Dedup, frames: Iterable[Frame]) -> list[Mark]:
    """The marks that came out; every frame must have one, and its own."""
    found = []
    for frame in dedup.apply(frames):
        assert frame.mark is not None, f"frame {frame.index} came out without a mark"
        assert (frame.mark.frame, frame.mark.time) == (frame.index, frame.time), f"frame {frame.index} has another's mark"
        found.append(frame.mark)
    return found


def every_frame_comes_out_in_order(dedup: Dedup) -> None:
    """Nothing is swallowed, doubled or reordered."""
    given = list(SCENE.frames())
    assert [mark.frame for mark in marks(dedup, given)] == [frame.index for frame in given]


def the_first_frame_is_kept(dedup: Dedup) -> None:
    """There is nothing before it that could stand for it."""
    first = marks(dedup, SCENE.frames())[0]
    assert first.kept, "the first frame was dropped"
    assert first.reason is Reason.FIRST, f"the first frame was kept for being {first.reason}"


def a_dropped_frame_names_an_earlier_kept_one(dedup: Dedup) -> None:
    """And a kept one names none."""
    kept: set[int] = set()
    for mark in marks(dedup, SCENE.frames()):
        if mark.kept:
            assert mark.same_as is None, f"kept frame {mark.frame} says that {mark.same_as} stands for it"
            kept.add(mark.frame)
        else:
            assert mark.same_as in kept, f"dropped frame {mark.frame} names {mark.same_as}, which was not kept before it"


def reasons_fit_the_decision(dedup: Dedup) -> None:
    """Kept for a reason to keep, dropped for a reason to drop."""
    for mark in marks(dedup, SCENE.frames()):
        assert (mark.reason in _KEPT) == mark.kept, f"frame {mark.frame}: kept {mark.kept}, because {mark.reason}"
        assert mark.change >= 0, f"frame {mark.frame} changed by {mark.change}"
        if mark.region is not None:
            x0, y0, x1, y1 = mark.region
            assert 0 <= x0 < x1 <= 1, f"frame {mark.frame} has region {mark.region}"
            assert 0 <= y0 < y1 <= 1, f"frame {mark.frame} has region {mark.region}"


def the_threshold_tells_what_changed_from_what_did_not(dedup: Dedup) -> None:
    """`scale` is what a person reads the decisions by."""
    threshold = dedup.scale.threshold
    if threshold is None:
        return
    for mark in marks(dedup, SCENE.frames()):
        if mark.reason in {Reason.CHANGED, Reason.CUT}:
            assert mark.change > threshold, f"frame {mark.frame} was kept for a change of {mark.change}, not above {threshold}"
        else:
            assert mark.change <= threshold, f"frame {mark.frame} is {mark.reason} with a change of {mark.change}"


def a_frame_comes_out_before_the_next_is_asked_for(dedup: Dedup) -> None:
    """Lazy: a live source must not wait for its own future."""
    asked = 0

    def source() -> Iterator[Frame]:
        nonlocal asked
        for frame in SCENE.frames():
            asked += 1
            yield frame

    for came, _ in enumerate(dedup.apply(source()), 1):
        assert asked == came, f"{asked} frames were asked for when the one numbered {came} came out"


def passes_do_not_share_state(dedup: Dedup) -> None:
    """Two passes of one instance, one inside the other, judge as two instances would."""
    alone = marks(dedup, SCENE.frames())
    pairs = zip(dedup.apply(SCENE.frames()), dedup.apply(SCENE.frames()), strict=True)
    assert [(one.mark, other.mark) for one, other in pairs] == [(mark, mark) for mark in alone]


def nothing_in_nothing_out(dedup: Dedup) -> None:
    """An empty source is no error."""
    assert marks(dedup, ()) == []


CHECKS: tuple[Callable[[Dedup], None], ...] = (
    every_frame_comes_out_in_order,
    the_first_frame_is_kept,
    a_dropped_frame_names_an_earlier_kept_one,
    reasons_fit_the_decision,
    the_threshold_tells_what_changed_from_what_did_not,
    a_frame_comes_out_before_the_next_is_asked_for,
    passes_do_not_share_state,
    nothing_in_nothing_out,
)
