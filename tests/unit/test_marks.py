"""Columns instead of objects: what is read back is what went in, and rounding is Python's to the last bit."""

from __future__ import annotations

import random

import numpy as np
import pytest
from building import mark

from videoscan.document import CoverageSpan, Event, Evidence, Timeline
from videoscan.folding.covering import coverage
from videoscan.folding.marks import NOBODY, Marks, Sampled, tidied
from videoscan.model import Reason, Tally
from videoscan.spans import Spans

MADE = (mark(0), mark(1, kept=False, same_as=0), mark(2, kept=False, reason=Reason.THINNED), mark(3, reason=Reason.CUT))
SPANS = (
    CoverageSpan(start=0.0, end=1.0, state="described"),
    CoverageSpan(start=1.0, end=2.5, state="unchanged", same_as=0),
    CoverageSpan(start=2.5, end=3.0, state="failed", reason="window 1: BadReply"),
)


def test_packed_marks_are_read_like_the_marks():
    packed = Marks.of(MADE)
    assert tuple(packed) == MADE
    assert packed[1] == MADE[1]
    assert packed[1:3] == MADE[1:3]
    assert Marks.of(packed) is packed
    assert packed == Marks.of(MADE) != Marks.of(MADE[:2])


def test_every_sampled_frame_counts_once_whatever_the_order_of_the_windows():
    second, first = Marks.of([mark(2), mark(3), mark(4)]), Marks.of([mark(0), mark(1, kept=False, same_as=0), mark(2)])
    both = Marks()
    both.extend(second)
    both.extend(first)
    sampled = Sampled(both, [(3, 3), (0, 3)])
    assert sampled.frames.tolist() == [0, 1, 2, 3, 4]
    assert sampled.stands.tolist() == [0, 0, 2, 3, 4]
    assert sampled.kept.tolist() == [True, False, True, True, True]
    alone = Sampled(Marks.of([mark(0, kept=False)]), [(0, 1)])
    assert alone.stands.tolist() == [NOBODY]


class Counted(Sampled):
    """Notes how often the column of what was kept is worked out."""

    __slots__ = ("asked",)

    @property
    def kept(self):
        self.asked = getattr(self, "asked", 0) + 1
        return super().kept


def test_a_long_recording_works_out_what_was_kept_once_and_not_for_every_part_of_it():
    # Once a part, the account of every second would cost the square of the frames.
    many = Marks()
    many.frames.extend(range(4 * 16384))
    many.times.extend(map(float, many.frames))
    many.stands.extend(frame - frame % 2 for frame in many.frames)
    many.codes.extend(Marks.of([mark(0), mark(1, kept=False, same_as=0)]).codes * (len(many.frames) // 2))
    sampled = Counted(many, [(0, len(many))])
    spans = coverage(sampled, sampled.frames[::2], {}, Tally(float(len(many)), len(many)), start=0.0, end=None, thinned="thinned")
    assert (spans[0].state, spans[-1].state, len(spans)) == ("described", "unchanged", len(many))
    assert sampled.asked == 1


def test_times_are_rounded_as_python_rounds_them():
    rng = random.Random(7)
    times = [k / 128 for k in range(5000)] + [k * 1001 / 30000 for k in range(2000)] + [rng.uniform(0, 3e6) for _ in range(5000)]
    times += [k / 1e6 + 0.5e-6 for k in range(0, 3_000_000, 997)]
    assert tidied(np.array(times)).tolist() == [round(each, 6) for each in times]


def test_spans_in_columns_are_read_like_a_tuple_of_them():
    held = Spans(SPANS)
    assert held == SPANS
    assert tuple(held) == SPANS
    assert (held[0], held[-1], held[1:]) == (SPANS[0], SPANS[-1], SPANS[1:])
    assert len(held) == 3
    assert (*held[:1], *held[1:]) == SPANS
    assert held != SPANS[:2]
    assert held != (*SPANS[:2], SPANS[0])
    assert held.starts(without=frozenset({"described", "unchanged"})) == [2.5]
    assert not Spans()
    with pytest.raises(IndexError):
        held[3]


def test_a_timeline_keeps_its_spans_in_columns_and_writes_and_reads_them_as_ever(quiet_timeline):
    assert isinstance(quiet_timeline.coverage, Spans)
    read = Timeline.from_json(quiet_timeline.to_json())
    assert read == quiet_timeline
    assert isinstance(read.coverage, Spans)
    with pytest.raises(ValueError, match="no frame has such an index"):
        Timeline.from_json(quiet_timeline.to_json(indent=None).replace('"same_as":0,', f'"same_as":{1 << 70},', 1))


@pytest.fixture
def quiet_timeline():
    import examples

    return examples.quiet()


def test_a_slotted_part_is_copied_and_dumped_as_a_model_is():
    evidence = Evidence(frame=3, time=1.5)
    event = Event(
        id="e00000003", origin="model", start=1.5, end=2.0, start_after=1.0, end_before=2.0, title="A dog", evidence=(evidence,)
    )
    assert event.model_copy(update={"title": "A cat"}).title == "A cat"
    assert event.model_copy() == event
    assert event.model_dump(mode="json")["evidence"] == [{"frame": 3, "time": 1.5, "picture": None, "region": None}]
    bare = Event.unchecked("e00000003", (), "model", 1.5, 2.0, 1.0, 2.0, "A dog")
    assert bare == event.model_copy(update={"evidence": ()})
    assert Event.model_validate(event.model_dump()) == event
    with pytest.raises(TypeError, match="no field 'titel'"):
        event.model_copy(update={"titel": "A cat"})
    with pytest.raises(ValueError, match="greater than or equal to 0"):
        Evidence(frame=0, time=-1.0)
    with pytest.raises(AttributeError):
        event.title = "A cat"
