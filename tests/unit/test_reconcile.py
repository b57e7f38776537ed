"""Reconciliation against cases made to fool it: what is one event, what is two, and ids that nobody changes later."""

from __future__ import annotations

import random

import pytest
from building import outcome, told

from videoscan.language import opposites
from videoscan.model import Failure, Tally
from videoscan.timeline import Folding, fold


def walks(first, last, title="A man in a red jacket walks along the fence", **more):
    return told(first, last, title, tags=("person",), **more)


def folded(*windows, end=None):
    return fold(windows, Tally(float(end or windows[-1].end), 100))


@pytest.mark.parametrize("overlap", [0, 2])
def test_two_like_events_one_sampling_interval_apart_stay_two(overlap):
    """Frame 3 shows nobody; whether one window tells of both or each its own, they are two."""
    one = folded(outcome(0, [0, 1, 2, 3, 4, 5], end=6, events=[walks(1, 2), walks(4, 5)]))
    assert [(event.start, event.end) for event in one.events] == [(1.0, 3.0), (4.0, 6.0)]
    first = outcome(0, [0, 1, 2, 3], end=4, events=[walks(1, 2)])
    frames = [2, 3, 4, 5] if overlap else [4, 5]
    again = [walks(0, 0), walks(2, 3)] if overlap else [walks(0, 1)]
    both = folded(first, outcome(1, frames, end=6, overlap=overlap, events=again))
    assert [(event.start, event.end) for event in both.events] == [(1.0, 3.0), (4.0, 6.0)]


def test_two_like_events_that_meet_in_the_gap_between_two_windows_stay_two():
    """The first ends before its window's last picture, or the second begins after its own first: between them stands a picture of nobody."""
    apart = folded(
        outcome(0, [0, 1, 2], end=3, events=[walks(0, 1)]),
        outcome(1, [3, 4, 5], end=6, events=[walks(0, 2)]),
    )
    assert [event.windows for event in apart.events] == [(0,), (1,)]


@pytest.mark.parametrize("overlap", [0, 1, 2])
def test_an_event_across_ten_windows_is_one_with_all_its_evidence(overlap):
    words = [
        "A man in a red jacket walks along the fence",
        "Man in red jacket walking by the fence",
        "Person with red jacket walks at the fence",
    ]
    windows = []
    for index in range(10):
        frames = list(range(max(0, 4 * index - overlap), 4 * index + 4))
        windows.append(
            outcome(
                index,
                frames,
                end=4 * index + 4,
                overlap=overlap if index else 0,
                events=[walks(0, len(frames) - 1, words[index % 3])],
            )
        )
    (event,) = folded(*windows).events
    assert event.windows == tuple(range(10))
    assert [evidence.frame for evidence in event.evidence] == list(range(40))
    assert (event.start, event.end, event.id) == (0.0, 40.0, "e00000000")
    assert sum(flag.startswith("joined with window") for flag in event.flags) == 9


def test_an_event_in_ten_windows_with_one_failed_between_is_two():
    """Nobody saw what the failed window showed, so nothing is said to go on across it."""
    windows = [outcome(index, [2 * index, 2 * index + 1], end=2 * index + 2, events=[walks(0, 1)]) for index in range(10)]
    windows[5] = outcome(5, [10, 11], end=12, failure=Failure("BadReply", "no JSON"))
    assert [event.windows for event in folded(*windows).events] == [(0, 1, 2, 3, 4), (6, 7, 8, 9)]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("A man stands at a desk", "A striker shoots at the goal"),
        ("Presenter talks in the studio", "Crowd cheers in the stadium"),
        ("Wide shot of the pitch", "Close-up of a player"),
    ],
)
def test_a_cut_between_windows_joins_nothing(before, after):
    two = folded(
        outcome(0, [0, 1, 2], end=3, events=[told(0, 2, before)]),
        outcome(1, [3, 4, 5], end=6, events=[told(0, 2, after)]),
    )
    assert [event.title for event in two.events] == [before, after]


def test_duplicates_in_the_overlap_with_other_words_are_told_once_and_what_is_new_stays():
    both = folded(
        outcome(0, [0, 1, 2, 3], end=4, events=[walks(1, 3), told(2, 3, "A white van parks by the gate", tags=("vehicle",))]),
        outcome(
            1,
            [2, 3, 4, 5],
            end=6,
            overlap=2,
            events=[
                told(0, 1, "White van parking at the gate", tags=("vehicle",)),
                walks(0, 0, "Man wearing a red jacket walks by the fence"),
                told(0, 3, "A dog barks at the van", tags=("animal",)),
            ],
        ),
    )
    assert [event.title for event in both.events] == [
        "A man in a red jacket walks along the fence",
        "A white van parks by the gate",
        "A dog barks at the van",
    ]
    assert [event.windows for event in both.events] == [(0, 1), (0, 1), (1,)]


def test_of_two_candidates_in_the_overlap_each_takes_its_own():
    """Both share both frames; the words decide, and one old event takes one new."""
    both = folded(
        outcome(0, [0, 1, 2, 3], end=4, events=[told(2, 3, "Red car waits"), told(2, 3, "Blue car waits")]),
        outcome(1, [2, 3, 4], end=5, overlap=2, events=[told(0, 2, "Blue car is waiting"), told(0, 2, "Red car is waiting")]),
    )
    assert sorted((event.title, event.windows) for event in both.events) == [
        ("Blue car waits", (0, 1)),
        ("Red car waits", (0, 1)),
    ]


def test_an_overlap_that_shows_an_earlier_beginning_keeps_the_issued_id():
    first = outcome(0, [0, 1, 2, 3], end=4, events=[walks(2, 3)])
    second = outcome(1, [1, 2, 3, 4], end=5, overlap=3, events=[walks(0, 3)])
    (alone,) = folded(first).events
    (event,) = folded(first, second).events
    assert event.id == alone.id == "e00000002"
    assert event.aliases == ("e00000001",)
    assert event.start == 1.0


def grown():
    """A night with lasting, recurring, overlapping and simultaneous events, window by window."""
    rng = random.Random(5)
    windows = []
    for index in range(40):
        frames = list(range(max(0, 3 * index - 1), 3 * index + 3))
        events = [walks(0, len(frames) - 1)] if index % 7 else []
        if rng.random() < 0.6:
            begin = rng.randrange(len(frames))
            events.append(told(begin, begin, f"A {rng.choice(('dog', 'fox', 'cat'))} passes"))
            events.append(told(begin, rng.randrange(begin, len(frames)), "Light goes on"))
        windows.append(outcome(index, frames, end=3 * index + 3, overlap=1 if index else 0, events=events))
    return windows


def test_ids_that_were_issued_stay_while_a_timeline_grows():
    windows = grown()
    issued = {}
    for count in range(1, len(windows) + 1):
        events = folded(*windows[:count]).events
        assert len({event.id for event in events}) == len(events)
        for event in events:
            # An event is known by what told of it first.
            known = issued.setdefault(event.id, (event.windows[0], event.title))
            assert known == (event.windows[0], event.title), f"{event.id} was {known}"
        assert set(issued) == {event.id for event in events}, "an id that was issued is gone"


def test_a_resume_gives_the_ids_that_the_whole_gives_whatever_order_the_answers_came_in():
    windows = grown()
    whole = folded(*windows)
    folding = Folding()
    for window in (*windows[20:], *windows[:20]):
        folding.add(window)
    assert folding.finish(Tally(float(windows[-1].end), 100)) == whole


def test_a_scan_again_that_cites_the_same_first_frame_keeps_the_id_in_other_words_and_other_company():
    first = folded(outcome(0, [0, 1, 2, 3], end=4, events=[walks(1, 3), told(2, 3, "A dog barks")]))
    again = folded(
        outcome(
            0,
            [0, 1, 2, 3],
            end=4,
            events=[told(0, 0, "Rain"), told(2, 2, "Barking dog"), walks(1, 2, "Somebody passes", confidence=0.4)],
        )
    )
    assert {event.id for event in first.events} == {"e00000001", "e00000002"}
    assert {event.id: event.title for event in again.events} == {
        "e00000000": "Rain",
        "e00000001": "Somebody passes",
        "e00000002": "Barking dog",
    }


@pytest.mark.parametrize(
    ("one", "other", "apart"),
    [
        ("A fox crosses the yard", "A dog crosses the yard", True),
        ("A man waits at the gate", "A woman waits at the gate", True),
        ("A car parks by the gate", "A van parks by the gate", True),
        ("Gray car parks", "Red car parks", True),
        ("A man waits at the gate", "A person waits at the gate", False),
        ("A person walks a dog past", "A dog is walked past", False),
        ("A man gets out of a car", "A person leaves a car", False),
        ("A vehicle parks", "A car parks", False),
        ("A cyclist passes", "A red car passes", True),
        ("A vehicle stops at the gate", "A woman stops at the gate", True),
        ("An animal crosses the yard", "A person crosses the yard", True),
        ("An animal searches the bins", "A fox searches the bins", False),
        ("A cyclist crosses", "A person on a bicycle crosses", False),
        ("A man enters and leaves the room", "A man leaving the room", False),
        ("A man enters the room", "A man leaves the room", True),
        ("穿红色外套的人停下", "穿蓝色外套的人停下", True),
        ("有人站在银行门口", "有人站在红色门口", False),
    ],
)
def test_what_is_of_one_kind_is_not_of_another(one, other, apart):
    assert opposites.excludes(one, other) is apart
    assert opposites.excludes(other, one) is apart


def test_an_event_through_ten_thousand_windows_costs_what_is_new():
    """Were each joining to look at all that was joined before, this would take minutes."""
    windows = (outcome(index, [2 * index, 2 * index + 1], end=2 * index + 2, events=[walks(0, 1)]) for index in range(10_000))
    (event,) = fold(windows, Tally(20_000.0, 20_000)).events
    assert (len(event.evidence), len(event.windows), len(event.aliases)) == (20_000, 10_000, 9_999)
