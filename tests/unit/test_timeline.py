"""The fold: coverage that tiles the source, events whose times are looked up, windows that overlap without telling twice."""

from __future__ import annotations

import random

import pytest
from building import mark, outcome, told

from videoscan.folding.outcome import Outcome
from videoscan.model import Description, Failure, Lost, Reason, Tally, Usage
from videoscan.timeline import fold


def spans(folded):
    return [(s.start, s.end, s.state, s.same_as) for s in folded.coverage]


def tiles(folded, duration):
    at = 0.0
    for span in folded.coverage:
        assert span.start == at
        assert span.end > span.start
        at = span.end
    assert at == duration


FAILED = Failure("BadReply", "three answers could not be read", "…")


def test_a_kept_frame_stands_until_the_next_sample_and_a_dropped_one_points_to_it():
    folded = fold([outcome(0, [0, 3], end=6, dropped={1: 0, 2: 0, 4: 3})], Tally(6.0, 180))
    assert spans(folded) == [(0, 1, "described", None), (1, 3, "unchanged", 0), (3, 4, "described", None), (4, 6, "unchanged", 3)]
    assert (folded.sampled, folded.kept) == (5, 2)


def test_a_dropped_frame_shares_the_fate_of_what_stands_for_it():
    folded = fold([outcome(0, [0, 2], end=4, dropped={1: 0, 3: 2}, failure=FAILED)], Tally(4.0, 4))
    assert spans(folded) == [(0, 4, "failed", None)]
    assert folded.coverage[0].reason == "window 0: BadReply"
    assert folded.windows[0].status == "failed"
    assert folded.windows[0].error.raw == "…"
    assert folded.windows[0].summary is None


def test_a_frame_shown_in_a_failed_and_a_good_window_was_described():
    folded = fold(
        [outcome(0, [0, 1], end=2, failure=FAILED), outcome(1, [1, 2], end=4, overlap=1)],
        Tally(4.0, 4),
    )
    assert spans(folded) == [(0, 1, "failed", None), (1, 4, "described", None)]


def test_lost_stretches_take_the_place_of_what_would_have_stood_there():
    folded = fold(
        [outcome(0, [0, 5], end=10, dropped={1: 0})],
        Tally(10.0, 3, lost=(Lost(3.0, 5.0, "damaged"), Lost(8.0, 10.0, "the file ends early"))),
    )
    assert spans(folded) == [
        (0, 1, "described", None),
        (1, 3, "unchanged", 0),
        (3, 5, "lost", None),
        (5, 8, "described", None),
        (8, 10, "lost", None),
    ]
    assert folded.coverage[2].reason == "damaged"


def test_what_lies_outside_start_and_end_is_skipped_and_says_so():
    folded = fold([outcome(0, [4, 5], end=7)], Tally(10.0, 2), start=4.0, end=7.0)
    assert [(s.start, s.end, s.state, s.reason) for s in folded.coverage] == [
        (0, 4, "skipped", "before --start"),
        (4, 7, "described", None),
        (7, 10, "skipped", "after --end"),
    ]


def test_a_start_in_the_middle_of_a_picture_loses_nothing():
    folded = fold([outcome(0, [4, 5], end=10)], Tally(10.0, 2), start=3.5)
    assert spans(folded) == [(0, 4, "skipped", None), (4, 10, "described", None)]


def test_damage_right_after_the_start_is_lost_all_the_same():
    folded = fold([outcome(0, [4, 5], end=10)], Tally(10.0, 2, lost=(Lost(3.0, 4.0, "damaged"),)), start=3.5)
    assert spans(folded) == [(0, 3.5, "skipped", None), (3.5, 4, "lost", None), (4, 10, "described", None)]


def test_a_first_picture_that_comes_late_leaves_a_lost_beginning():
    folded = fold([outcome(0, [2], end=5)], Tally(5.0, 1))
    assert spans(folded) == [(0, 2, "lost", None), (2, 5, "described", None)]


def test_a_source_without_one_readable_picture_is_lost_as_a_whole():
    assert spans(fold([], Tally(5.0, 0))) == [(0, 5, "lost", None)]


def test_thinned_frames_are_not_called_unchanged():
    base = outcome(0, [0, 3], end=5)
    thinned = mark(1, kept=False, same_as=0, reason=Reason.THINNED)
    folded = fold([Outcome(0, 0.0, 5.0, base.shown, (base.marks[0], thinned, base.marks[1]), base.description)], Tally(5.0, 5))
    assert spans(folded) == [(0, 1, "described", None), (1, 3, "skipped", None), (3, 5, "described", None)]
    assert "max_rate" in folded.coverage[1].reason


def test_an_event_starts_at_its_first_evidence_and_ends_where_its_evidence_stops_standing():
    folded = fold([outcome(0, [0, 3, 5, 8], end=12, dropped={4: 3, 6: 5, 7: 5, 9: 8}, events=[told(1, 2)])], Tally(12.0, 12))
    (event,) = folded.events
    assert (event.start, event.end) == (3.0, 8.0)
    assert (event.start_after, event.end_before) == (0.0, 8.0)
    assert [evidence.frame for evidence in event.evidence] == [3, 5]
    assert event.id == "e00000003"


def test_an_event_ends_when_a_sample_is_the_same_as_some_other_frame():
    """A-B-A: the empty scene comes back, is dropped as the same as frame 0, and that ends what frame 2 showed."""
    folded = fold([outcome(0, [0, 2], end=9, dropped={1: 0, 3: 2, 4: 0, 5: 0}, events=[told(1, 1)])], Tally(9.0, 9))
    assert (folded.events[0].start, folded.events[0].end) == (2.0, 4.0)


def test_an_event_does_not_reach_into_what_was_lost():
    folded = fold(
        [outcome(0, [0, 2], end=9, dropped={3: 2}, events=[told(1, 1)])], Tally(9.0, 9, lost=(Lost(3.5, 9.0, "cut off"),))
    )
    assert folded.events[0].end == 3.5


def test_an_event_that_is_still_there_at_the_end_ends_with_the_source():
    folded = fold([outcome(0, [0, 2], end=9, dropped={3: 2, 8: 2}, events=[told(1, 1)])], Tally(9.25, 9))
    assert folded.events[0].end == 9.25


def test_the_first_sampled_frame_has_nothing_before_it():
    folded = fold([outcome(0, [0, 2], end=3, events=[told(0, 0)])], Tally(3.0, 3))
    assert folded.events[0].start_after == folded.events[0].start == 0.0


def test_overlapping_windows_tell_one_event_once():
    folded = fold(
        [
            outcome(0, [0, 1, 2, 3], end=4, events=[told(1, 3, "A person walks to the car", tags=("person",))]),
            outcome(
                1,
                [3, 4, 5, 6],
                end=8,
                events=[told(0, 1, "Person walking to a car", tags=("person",), confidence=0.9)],
                overlap=1,
            ),
        ],
        Tally(8.0, 8),
    )
    (event,) = folded.events
    assert [evidence.frame for evidence in event.evidence] == [1, 2, 3, 4]
    assert (event.start, event.end) == (1.0, 5.0)
    assert event.windows == (0, 1)
    assert event.confidence == 0.9
    assert any("shared frame 3" in flag for flag in event.flags)


def test_an_event_may_go_on_through_many_windows():
    windows = [
        outcome(
            i,
            [3 * i, 3 * i + 1, 3 * i + 2, 3 * i + 3],
            end=3 * i + 4,
            events=[told(0, 3, "Car waits at the gate")],
            overlap=i > 0,
        )
        for i in range(5)
    ]
    folded = fold(windows, Tally(16.0, 16))
    assert [(event.start, event.end, event.windows) for event in folded.events] == [(0.0, 16.0, (0, 1, 2, 3, 4))]


def test_two_different_things_in_one_shared_picture_stay_two():
    folded = fold(
        [
            outcome(0, [0, 1, 2], end=3, events=[told(1, 2, "A dog runs across the road")]),
            outcome(1, [2, 3], end=4, events=[told(0, 1, "Headlights go on")], overlap=1),
        ],
        Tally(4.0, 4),
    )
    assert [event.title for event in folded.events] == ["A dog runs across the road", "Headlights go on"]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Person enters the room", "Person leaves the room"),
        ("A car arrives", "A car leaves"),
        ("Door opens", "Door closes"),
        ("Light goes on", "Light goes off"),
        ("Red car passes", "Blue car passes"),
        ("Player 7 shoots", "Player 9 shoots"),
        ("Man walks to the left", "Man walks to the right"),
        ("Courier picks up a box", "Courier puts down a box"),
        ("一辆车驶入停车场", "一辆车离开停车场"),
    ],
)
def test_opposite_things_told_in_like_words_stay_two(first, second):
    folded = fold(
        [
            outcome(0, [0, 1, 2], end=3, events=[told(1, 2, first, tags=("x",))]),
            outcome(1, [2, 3], end=4, events=[told(0, 1, second, tags=("x",))], overlap=1),
        ],
        Tally(4.0, 4),
    )
    assert [event.title for event in folded.events] == [first, second]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("A person walks to the car", "Person walking to a car"),
        ("White van parks near the entrance", "A white van parked by the entrance"),
        ("Man in dark jacket crosses the yard", "A man in a dark coat walks across the yard"),
        ("Goal for the red team", "Red team scores a goal"),
        ("Player 7 shoots", "Player 7 shoots at the goal"),
        ("一名男子走向汽车", "一名男子走近一辆汽车"),
    ],
)
def test_one_thing_told_in_other_words_is_told_once(first, second):
    folded = fold(
        [
            outcome(0, [0, 1, 2], end=3, events=[told(1, 2, first, tags=("x",))]),
            outcome(1, [2, 3], end=4, events=[told(0, 1, second, tags=("x",))], overlap=1),
        ],
        Tally(4.0, 4),
    )
    assert [event.title for event in folded.events] == [first]


def test_like_events_that_share_no_picture_stay_two():
    folded = fold(
        [
            outcome(0, [0, 1, 2, 3], end=4, events=[told(1, 1, "A person walks")]),
            outcome(1, [3, 4, 5], end=6, events=[told(2, 2, "A person walks")], overlap=1),
        ],
        Tally(6.0, 6),
    )
    assert [event.start for event in folded.events] == [1.0, 5.0]


def test_two_events_that_begin_in_one_frame_have_two_ids_whatever_they_are_called():
    def ids(first, second):
        folded = fold([outcome(0, [0, 1, 2], end=3, events=[told(1, 2, first), told(1, 1, second)])], Tally(3.0, 3))
        return [event.id for event in folded.events]

    assert ids("Goal", "Whistle") == ids("The ball is in", "A whistle is blown") == ["e00000001", "e00000001-2"]


def test_the_same_thing_told_twice_in_one_answer_is_one_event():
    folded = fold([outcome(0, [0, 1], end=2, events=[told(1, 1, "Door opens")] * 30)], Tally(2.0, 2))
    assert len(folded.events) == 1
    assert "told twice in one answer" in folded.events[0].flags


def test_what_was_measured_is_joined_by_what_it_is_and_not_by_its_words():
    folded = fold(
        [
            outcome(0, [0, 1, 2], end=3, events=[told(1, 2, "Activity at the left, 3 %", tags=("activity",), origin="measured")]),
            outcome(
                1,
                [2, 3],
                end=4,
                events=[told(0, 1, "Activity at the right, 9 %", tags=("activity",), origin="measured")],
                overlap=1,
            ),
        ],
        Tally(4.0, 4),
    )
    assert [(event.start, event.end, event.origin) for event in folded.events] == [(1.0, 4.0, "measured")]


def test_a_joined_measurement_takes_title_and_description_from_the_more_telling_window():
    say = {"tags": ("activity",), "origin": "measured"}
    for first, second, wanted in ((0.2, 0.8, ("Large", "large.")), (0.8, 0.2, ("Small", "small, but much longer."))):
        folded = fold(
            [
                outcome(
                    0,
                    [0, 1, 2],
                    end=3,
                    events=[told(1, 2, "Small", description="small, but much longer.", importance=first, **say)],
                ),
                outcome(
                    1, [2, 3], end=4, events=[told(0, 1, "Large", description="large.", importance=second, **say)], overlap=1
                ),
            ],
            Tally(4.0, 4),
        )
        assert [(event.title, event.description) for event in folded.events] == [wanted]


def test_an_event_whose_places_lie_outside_the_window_is_cut_to_it():
    folded = fold([outcome(0, [0, 1], end=2, events=[told(1, 99), told(-4, 0, "Other"), told(7, 9, "Nowhere")])], Tally(2.0, 2))
    assert [(event.title, len(event.evidence)) for event in folded.events] == [("Other", 1), ("A person walks", 1)]


def test_the_order_in_which_answers_came_changes_nothing():
    windows = [
        outcome(
            i, [2 * i, 2 * i + 1, 2 * i + 2], end=2 * i + 3, events=[told(0, 2, f"Thing {i}"), told(1, 1, "Blink")], overlap=i > 0
        )
        for i in range(20)
    ]
    shuffled = random.Random(1).sample(windows, len(windows))
    assert fold(shuffled, Tally(50.0, 50)) == fold(windows, Tally(50.0, 50))


def test_usage_adds_up():
    one = outcome(0, [0], end=1)
    two = outcome(1, [1], end=2)
    give = lambda o, n: Outcome(o.index, o.start, o.end, o.shown, o.marks, Description(usage=Usage(1, 0, n, 10, 5, None)))  # noqa: E731 - short for the two lines below
    usage = fold([give(one, 2), give(two, 3)], Tally(2.0, 2)).usage
    assert (usage.requests, usage.images, usage.prompt_tokens, usage.completion_tokens) == (2, 5, 10, None)


@pytest.mark.parametrize("seed", range(60))
def test_whatever_happens_coverage_tiles_and_events_lie_inside(seed):
    """Made at random: kept and dropped frames, failures, losses, limits. The contract holds for all of them."""
    rng = random.Random(seed)
    duration = rng.uniform(5, 60)
    times, at = [], rng.choice([0.0, rng.uniform(0, 2)])
    while at < duration:
        times.append(at)
        at += rng.uniform(0.1, 3)
    marks, kept = [], []
    for i, time in enumerate(times):
        if not kept or rng.random() < 0.5:
            kept.append(i)
            marks.append(mark(i, time=time))
        else:
            marks.append(mark(i, kept=False, same_as=rng.choice(kept[-3:]), time=time))
    windows, place = [], 0
    while place < len(kept):
        chunk = kept[max(0, place - 1) : place + 4]
        end = times[kept[place + 4]] if place + 4 < len(kept) else duration
        inside = tuple(m for m in marks if times[chunk[0]] <= m.time < end)
        base = outcome(len(windows), chunk, end=end)
        failure = FAILED if rng.random() < 0.2 else None
        events = (
            ()
            if failure
            else tuple(told(a, min(a + rng.randrange(3), len(chunk) - 1), f"T{rng.randrange(4)}") for a in range(len(chunk)))
        )
        shown = tuple(type(s)(s.frame, times[s.frame], s.picture, None) for s in base.shown)
        windows.append(Outcome(base.index, times[chunk[0]], end, shown, inside, Description(events=events, failure=failure)))
        place += 4
    lost = tuple(
        Lost(a := rng.uniform(0, duration), min(duration, a + rng.uniform(0, 4)), "bad") for _ in range(rng.randrange(3))
    )
    folded = fold(windows, Tally(duration, len(times), lost=lost))
    tiles(folded, round(duration, 6))
    assert len({event.id for event in folded.events}) == len(folded.events)
    for event in folded.events:
        assert 0 <= event.start_after <= event.start <= event.end <= event.end_before <= round(duration, 6)
        assert [e.frame for e in event.evidence] == sorted({e.frame for e in event.evidence})


def walks(first, last, **more):
    return told(first, last, "A person walks along the fence", tags=("person",), **more)


def test_what_goes_on_from_one_window_to_the_next_is_one_event_though_they_share_no_picture():
    folded = fold(
        [
            outcome(0, [0, 1, 2], end=3, events=[walks(1, 2)]),
            outcome(1, [3, 4, 5], end=6, events=[walks(0, 2)]),
            outcome(2, [6, 7, 8], end=9, events=[walks(0, 0)]),
        ],
        Tally(9.0, 9),
    )
    assert [(event.start, event.end, event.windows) for event in folded.events] == [(1.0, 7.0, (0, 1, 2))]
    assert sum("it goes on" in flag for flag in folded.events[0].flags) == 2


@pytest.mark.parametrize("apart", [(walks(0, 1), walks(0, 2)), (walks(0, 2), walks(1, 2))])
def test_two_like_events_with_a_picture_between_them_stay_two(apart):
    first, second = apart
    folded = fold(
        [outcome(0, [0, 1, 2], end=3, events=[first]), outcome(1, [3, 4, 5], end=6, events=[second])],
        Tally(6.0, 6),
    )
    assert len(folded.events) == 2


def test_nothing_goes_on_across_what_nobody_saw():
    lost = Tally(6.0, 6, lost=(Lost(2.5, 3.0, "damaged"),))
    windows = [outcome(0, [0, 1, 2], end=3, events=[walks(0, 2)]), outcome(1, [3, 4, 5], end=6, events=[walks(0, 2)])]
    assert [(event.start, event.end) for event in fold(windows, lost).events] == [(0.0, 2.5), (3.0, 6.0)]
    failed = outcome(1, [3, 4], end=5, failure=Failure("BadReply", "no JSON"))
    after = outcome(2, [5, 6], end=7, events=[walks(0, 1)])
    assert len(fold([windows[0], failed, after], Tally(7.0, 7)).events) == 2


def test_unlike_things_on_either_side_of_a_boundary_stay_two():
    folded = fold(
        [
            outcome(0, [0, 1], end=2, events=[told(0, 1, "A person enters the shop")]),
            outcome(1, [2, 3], end=4, events=[told(0, 1, "A person leaves the shop")]),
        ],
        Tally(4.0, 4),
    )
    assert len(folded.events) == 2


def test_with_an_overlap_an_event_may_begin_with_the_first_new_picture_and_still_go_on():
    folded = fold(
        [
            outcome(0, [0, 1, 2, 3], end=4, events=[walks(1, 3)]),
            outcome(1, [2, 3, 4, 5], end=6, events=[walks(2, 3)], overlap=2),
        ],
        Tally(6.0, 6),
    )
    assert [(event.start, event.end) for event in folded.events] == [(1.0, 6.0)]


def test_what_is_named_as_still_going_on_is_joined_whatever_else_it_is_called():
    second = told(0, 1, "He climbs over", continues="A person walks along the fence")
    folded = fold([outcome(0, [0, 1], end=2, events=[walks(0, 1)]), outcome(1, [2, 3], end=4, events=[second])], Tally(4.0, 4))
    (event,) = folded.events
    assert "told as still going on" in " ".join(event.flags)
    apart = fold([outcome(0, [0, 1], end=2, events=[walks(0, 0)]), outcome(1, [2, 3], end=4, events=[second])], Tally(4.0, 4))
    assert len(apart.events) == 2


def test_a_shared_picture_weighs_more_than_words_on_a_boundary():
    folded = fold(
        [
            outcome(
                0,
                [0, 1, 2],
                end=3,
                events=[told(0, 1, "Dog runs by the fence", tags=("dog",)), told(2, 2, "Dog runs by the fence", tags=("dog",))],
            ),
            outcome(
                1,
                [1, 2, 3],
                end=4,
                events=[told(0, 0, "A dog runs", tags=("dog",)), told(2, 2, "Dog runs by the fence")],
                overlap=2,
            ),
        ],
        Tally(4.0, 4),
    )
    assert [event.windows for event in folded.events] == [(0, 1), (0, 1)]


def test_measurements_go_on_where_their_places_meet():
    def windows(left, right, tag="activity"):
        say = {"tags": (tag,), "origin": "measured"}
        return [
            outcome(0, [0, 1], end=2, events=[told(0, 1, "Activity", regions={0: left, 1: left}, **say)]),
            outcome(1, [2, 3], end=4, events=[told(0, 1, "Activity", regions={0: right, 1: right}, **say)]),
        ]

    assert len(fold(windows((0.1, 0.1, 0.3, 0.3), (0.2, 0.1, 0.4, 0.3)), Tally(4.0, 4)).events) == 1
    assert len(fold(windows((0.1, 0.1, 0.3, 0.3), (0.7, 0.1, 0.9, 0.3)), Tally(4.0, 4)).events) == 2
    assert len(fold(windows((0.1, 0.1, 0.3, 0.3), (0.2, 0.1, 0.4, 0.3), "cut"), Tally(4.0, 4)).events) == 2
