"""Which pairs of tellings are doubtful, and what a verdict on one of them changes: nothing else."""

from __future__ import annotations

import pytest
from building import outcome, told

from videoscan.doubting.settling import ANSWER_TOKENS, parts_of, prompt_for, read
from videoscan.model import Tally
from videoscan.timeline import Folding

FIRST, SECOND, THIRD = "A man waits at the gate", "Somebody stands by the gate", "Somebody stands at the closed gate"


def folding(*windows):
    made = Folding()
    for number, events in enumerate(windows):
        frames = range(3 * number, 3 * number + 3)
        made.add(outcome(number, list(frames), end=3 * number + 3, events=events))
    return made, Tally(3.0 * len(windows), 100)


def lasts(title, first=0, last=2, **more):
    return told(first, last, title, **more)


def pairs(*windows):
    made, tally = folding(*windows)
    return [(doubt.pair, doubt.one.title, doubt.other.title) for doubt in made.doubts(tally)]


def test_looking_for_doubts_changes_nothing():
    windows = ([lasts(FIRST), lasts("A dog", 0, 1)], [lasts(SECOND)], [lasts(THIRD)], [lasts(THIRD)])
    made, tally = folding(*windows)
    assert made.doubts(tally)
    assert made.doubts(tally) == made.doubts(tally)
    assert made.finish(tally) == folding(*windows)[0].finish(tally)


def test_each_pair_is_of_what_two_neighbouring_windows_told():
    assert pairs([lasts(FIRST)], [lasts(SECOND)], [lasts("A man stands by the gate")])[0] == ((1, 0, 0), FIRST, SECOND)
    assert pairs([lasts(FIRST)], [], [lasts(SECOND)]) == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (lasts(FIRST, 0, 1), lasts(SECOND)),  # a picture without it between them
        (lasts("A man enters by the gate"), lasts("Somebody leaves by the gate")),
        (lasts(FIRST), lasts(SECOND, origin="measured")),
        (lasts(FIRST), lasts(SECOND, tags=("replay",))),
    ],
)
def test_what_the_rules_are_sure_of_is_not_in_doubt(one, other):
    assert pairs([one], [other]) == []


@pytest.mark.parametrize(
    ("one", "other", "doubted"),
    [
        ("Person at the gate", "Person brings a ladder", True),  # the same letters, but nothing that happens
        ("A person carries a ladder to the wall", "Person brings a ladder", False),
        ("A man waits at the gate", "Man waiting by a gate", False),  # two forms of one word
        ("Person", "Person at the gate", False),  # the one tells nothing that could differ
        ("一个人在门口", "一个人站在门口", False),
    ],
)
def test_what_agrees_in_the_kind_of_subject_alone_is_in_doubt(one, other, doubted):
    asked = pairs([lasts(one, tags=("person",))], [lasts(other, tags=("person",))])
    assert [(first, second) for _, first, second in asked] == ([(one, other)] if doubted else [])
    made, tally = folding([lasts(one, tags=("person",))], [lasts(other, tags=("person",))])
    assert len(made.finish(tally).events) == 1, "without a model's word the rule stands"


def test_what_is_surely_part_of_one_event_is_not_asked_to_be_part_of_another():
    assert pairs([lasts(FIRST), lasts(SECOND)], [lasts(SECOND)]) == []


def test_what_is_asked_grows_with_what_was_told_and_not_with_its_square():
    many = [lasts(f"{SECOND} {letter}") for letter in "bcdefghi"]
    others = [lasts(f"{FIRST} {letter}") for letter in "klmnopqr"]
    assert 8 <= len(pairs(many, others)) <= 16


def test_a_verdict_holds_for_its_pair_alone():
    windows = ([lasts(FIRST)], [lasts(SECOND)], [lasts(SECOND)])
    made, tally = folding(*windows)
    (doubt,) = made.doubts(tally)
    one = made.finish(tally, verdicts={doubt.pair: True})
    assert [(event.title, event.windows) for event in one.events] == [(FIRST, (0, 1, 2))]
    made, tally = folding(*windows)
    two = made.finish(tally, verdicts={doubt.pair: False})
    assert [event.windows for event in two.events] == [(0,), (1, 2)]


def test_no_verdict_joins_what_excludes_each_other_or_does_not_meet():
    for one, other in (("A red car waits", "A blue car waits"), ("A man enters", "A man leaves")):
        made, tally = folding([lasts(one)], [lasts(other)])
        assert len(made.finish(tally, verdicts={(1, 0, 0): True}).events) == 2
    made, tally = folding([lasts(FIRST, 0, 1)], [lasts(FIRST)])
    assert len(made.finish(tally, verdicts={(1, 0, 0): True}).events) == 2


def test_batches_hold_every_pair_once_in_order_and_no_more_than_there_is_room_for():
    made, tally = folding([lasts(FIRST)], *[[lasts(SECOND)], [lasts(FIRST)]] * 10)
    doubts = made.doubts(tally)
    assert len(doubts) >= 3
    for parts in (parts_of(doubts, 1, 10_000), parts_of(doubts, 10_000, ANSWER_TOKENS)):
        assert [len(part) for part in parts] == [1] * len(doubts)
        assert [each for part in parts for each in part] == doubts
    assert parts_of(doubts, 100_000, 100_000) == [doubts]
    assert prompt_for(doubts).instructions.count("\n[p") == len(doubts)


def test_only_a_plain_yes_or_no_to_a_pair_that_was_asked_about_counts():
    said = [{"id": "p1", "same": True}, {"id": "[P2]", "same": False}, {"id": "p3", "same": 1}, {"id": "p4", "same": True}, "p3"]
    assert read({"pairs": said}, 3) == {0: True, 1: False}
    assert read({"pairs": [*said, {"id": "p1", "same": False}]}, 3) == {1: False}
    assert read({"pairs": {"p1": True}}, 3) == read({}, 3) == {}
