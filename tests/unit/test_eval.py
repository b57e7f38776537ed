"""What counts as recalled, right, told twice, merged, and how far off times are."""

from __future__ import annotations

import json

import examples
import pytest

from videoscan.document import Event, Review
from videoscan.errors import SourceNotFound, SourceUnsupported
from videoscan.eval import judge
from videoscan.truth import Truth, read


def told(start, end, title="A person walks", *, tags=(), after=None, review=None, origin="model"):
    return Event(
        id=f"e{round(start * 100):08d}", origin=origin, start=start, end=end, start_after=start if after is None else after,
        end_before=end, title=title, tags=tags, review=review,
    )  # fmt: skip


def true(start, end, what="somebody", **more):
    return {"start": start, "end": end, "what": what, "tags": [], "slack": 0.0} | more


def verdict(truths, events, *, cuts=(), gradual=(), duration=100.0, **more):
    timeline = examples.quiet().model_copy(update={"events": tuple(events)})
    truth = Truth.model_validate({"duration": duration, "events": truths, "cuts": list(cuts), "gradual": list(gradual)})
    return judge(truth, timeline, **more)


def test_an_event_is_recalled_by_one_that_overlaps_it():
    found = verdict([true(10, 20), true(40, 50)], [told(18, 25), told(60, 61)])
    assert (found.events.true, found.events.recalled) == (2, 1)
    assert (found.events.told, found.events.right) == (2, 1)
    assert [event.start for _, event in found.missed] == [40]
    assert [event.start for _, event in found.invented] == [60]
    assert (found.events.recall, found.events.precision) == (0.5, 0.5)


@pytest.mark.parametrize(("slack", "recalled"), [(0.0, 0), (0.9, 0), (1.1, 1)])
def test_slack_widens_the_truth_on_either_side(slack, recalled):
    assert verdict([true(10, 20, slack=slack)], [told(21, 22)]).events.recalled == recalled
    assert verdict([true(10, 20, slack=slack)], [told(8, 9)]).events.recalled == recalled


def test_touching_is_not_overlapping():
    assert verdict([true(10, 20)], [told(20, 22)]).events.recalled == 0


def test_the_same_thing_told_three_times_is_told_twice_too_often():
    found = verdict([true(10, 20)], [told(10, 13), told(13, 17), told(17, 20)])
    assert (found.events.recalled, found.events.right, found.events.duplicates) == (1, 3, 2)
    assert found.events.repeated == 2.0


def test_two_things_at_once_told_as_two_are_no_duplicates():
    found = verdict([true(0, 40), true(10, 12)], [told(0, 40), told(10, 12)])
    assert (found.events.recalled, found.events.duplicates, found.events.merged) == (2, 0, 0)
    assert found.events.start_errors == (0, 0)


def test_two_things_told_as_one_are_recalled_and_merged():
    found = verdict([true(10, 20), true(30, 40)], [told(10, 40)])
    assert (found.events.recalled, found.events.merged, found.events.duplicates) == (2, 1, 0)


def test_as_many_are_paired_as_can_be_even_where_the_best_fit_stands_in_the_way():
    # The first told event agrees best with the second truth, which is the only one the other told event overlaps.
    found = verdict([true(0, 11), true(10, 30)], [told(9, 29), told(28, 31)])
    assert (found.events.merged, found.events.duplicates) == (0, 0)


def test_errors_are_those_of_the_event_that_it_is_paired_with():
    found = verdict([true(10, 20)], [told(11.5, 19.5)])
    assert found.events.start_error == pytest.approx(1.5)
    assert found.events.end_error == pytest.approx(0.5)


def test_a_start_is_bounded_where_the_timeline_says_it_must_lie():
    assert verdict([true(10, 20)], [told(11, 20, after=9)]).events.bounded == 1
    assert verdict([true(10, 20)], [told(12, 20, after=11)]).events.bounded == 0
    assert verdict([true(10, 20)], [told(9, 20, after=8)]).events.bounded == 0
    assert verdict([true(10, 20, slack=1)], [told(9, 20, after=8)]).events.bounded == 1


def test_what_is_minor_need_not_be_told_and_may_be():
    nobody = verdict([true(10, 20, minor=True)], [])
    assert (nobody.events.true, nobody.events.recall, nobody.missed) == (0, None, ())
    somebody = verdict([true(10, 20, minor=True)], [told(10, 20)])
    assert (somebody.events.right, somebody.events.duplicates, somebody.invented) == (1, 0, ())


def test_words_count_where_they_are_asked_for():
    truths, events = [true(10, 20, "a red car parks")], [told(10, 20, "A dog barks")]
    assert verdict(truths, events).events.recalled == 1
    assert verdict(truths, events, likeness=70).events.recalled == 0
    assert verdict(truths, [told(10, 20, "Red car parks at the kerb")], likeness=70).events.recalled == 1


def test_tags_have_scores_of_their_own_and_can_be_judged_alone():
    truths = [true(10, 20, tags=["person"]), true(30, 40, tags=["car"]), true(50, 60, tags=["car"])]
    events = [told(10, 20), told(30, 40, tags=("car",)), told(80, 90, tags=("car",)), told(70, 75)]
    found = verdict(truths, events)
    assert {tag: (score.recalled, score.true, score.right, score.told) for tag, score in found.by_tag.items()} == {
        "car": (1, 2, 1, 2),
        "person": (1, 1, 1, 1),
    }
    cars = verdict(truths, events, tags=("car",))
    assert (cars.events.recalled, cars.events.true, cars.events.right, cars.events.told) == (1, 2, 1, 2)


def test_what_a_person_rejected_is_not_told():
    found = verdict([true(10, 20)], [told(10, 20, review=Review(state="rejected"))])
    assert (found.events.recalled, found.events.told) == (0, 0)
    assert verdict([true(10, 20)], [told(10, 20, review=Review(state="accepted"))]).events.recalled == 1


def test_cuts_are_counted_apart():
    events = [told(5.4, 5.5, "Cut", tags=("cut",)), told(31, 32, "Cut", tags=("cut",)), told(60, 61, "Cut", tags=("cut",))]
    found = verdict([], events, cuts=[5, 90], gradual=[{"start": 30, "end": 33}])
    assert (found.cuts.true, found.cuts.found, found.cuts.told, found.cuts.right) == (3, 2, 3, 2)
    assert found.cuts.f1 == pytest.approx(2 / 3)
    assert found.events.told == 0


def test_a_replay_is_no_new_event_and_no_duplicate():
    goal, again = told(10, 14, "Goal by 9"), told(20, 26, "Goal by 9", tags=("replay",))
    found = verdict([true(10, 14, "goal by 9")], [goal, again])
    assert (found.events.told, found.events.right, found.events.duplicates, found.replays) == (1, 1, 0, 1)
    assert found.invented == ()
    # Nor does it stand for the play that was missed, though it overlaps another.
    missed = verdict([true(10, 14, "goal by 9"), true(22, 24, "foul")], [again])
    assert (missed.events.recalled, missed.events.told) == (0, 0)


def test_where_the_truth_names_replays_they_are_held_against_each_other():
    truths = [true(10, 14, "goal by 9"), true(20, 26, "goal by 9", tags=["replay"])]
    goal, again = told(10, 14, "Goal by 9"), told(20, 26, "Replay: goal by 9")
    assert verdict(truths, [goal, again]).events.recalled == 2
    # A replay that is told as play is made up, and the replay is missed.
    found = verdict(truths, [goal, told(20, 26, "Goal by 9")])
    assert (found.events.recalled, len(found.invented), len(found.missed), found.replays) == (1, 1, 1, 0)
    early = verdict(truths, [goal, again, told(40, 44, "Replay of the goal")])
    assert (early.events.told, early.events.right, len(early.invented)) == (3, 2, 1)


def test_a_measurement_may_be_about_play_or_about_its_replay():
    truths = [true(10, 14, "goal by 9"), true(20, 26, "goal by 9", tags=["replay"])]
    moves = [told(10, 14, "Activity in the centre", origin="measured"), told(20, 26, "Camera keeps moving", origin="measured")]
    found = verdict(truths, moves)
    assert (found.events.recalled, found.events.right, found.missed) == (2, 2, ())


def test_verdicts_add_up():
    one, two = verdict([true(10, 20, tags=["a"])], [told(10, 20)]), verdict([true(10, 20, tags=["a"])], [])
    both = one + two
    assert (both.events.true, both.events.recalled, both.by_tag["a"].true) == (2, 1, 2)
    assert both.seconds == pytest.approx(one.seconds + two.seconds)
    assert both.coverage == pytest.approx(one.coverage)
    json.dumps(both.record(), allow_nan=False)


def test_thousands_of_events_take_no_square_of_their_number():
    truths = [true(10 * i, 10 * i + 8) for i in range(5000)]
    found = verdict(truths, [told(10 * i + 1, 10 * i + 9) for i in range(5000)], duration=50_000.0)
    assert (found.events.recalled, found.events.duplicates) == (5000, 0)


def test_a_truth_file_may_carry_more_than_is_read(tmp_path):
    path = tmp_path / "a.truth.json"
    path.write_text(
        json.dumps({"duration": 3, "events": [true(1, 2, box=[0, 0, 1, 1])], "judged": "one viewer", "quiet": [[0, 1]]})
    )
    assert read(path).events[0].what == "somebody"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[]", "the file"),
        ("{", "the file"),
        ('{"duration": 3}', "events"),
        ('{"duration": -3, "events": []}', "duration"),
        ('{"duration": 3, "events": [{"start": 2, "end": 1}]}', "before it begins"),
        ('{"duration": 3, "events": [{"start": "soon", "end": 1}]}', "events.0.start"),
    ],
)
def test_what_is_no_truth_file_is_told_with_the_place(tmp_path, text, says):
    path = tmp_path / "a.truth.json"
    path.write_text(text)
    with pytest.raises(SourceUnsupported, match="no truth file") as fault:
        read(path)
    assert says in str(fault.value)


def test_a_truth_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(SourceNotFound):
        read(tmp_path / "none.truth.json")
