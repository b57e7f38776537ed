"""What stands out and where nothing happens; and replays, which are no new events."""

from __future__ import annotations

import pytest

from videoscan.document import CoverageSpan, Event, Review
from videoscan.folding import replays
from videoscan.language import opposites
from videoscan.summary import overview


def happens(start, end, title="Play", **more):
    return Event(
        id=f"e{round(start * 10):08d}",
        origin="model",
        start=start,
        end=end,
        start_after=start,
        end_before=end,
        title=title,
        **more,
    )


def spans(*pieces):
    """Coverage from (length, state, same_as)."""
    at, made = 0.0, []
    for length, state, same_as in pieces:
        made.append(CoverageSpan(start=at, end=at + length, state=state, same_as=same_as))
        at += length
    return made


# Highlights


def test_highlights_are_ranked_by_importance_and_then_by_time():
    events = [
        happens(at, at + 1, importance=weight)
        for at, weight in ((0, 0.5), (10, 0.9), (20, 0.7), (30, 0.9), (40, 0.49), (50, None))
    ]
    assert [event.start for event in overview.highlights(events)] == [10, 30, 20, 0]
    assert [event.start for event in overview.highlights(events, most=2)] == [10, 30]


def test_what_was_rejected_and_what_is_a_replay_is_no_highlight_and_does_not_count():
    events = [
        happens(0, 1, importance=0.9, review=Review(state="rejected")),
        happens(10, 11, importance=0.9, tags=("replay",)),
        happens(20, 21, importance=0.6),
    ]
    assert [event.start for event in overview.highlights(events)] == [20]
    assert [event.start for event in overview.counted(events)] == [20]


# Quiet


def test_a_quiet_stretch_is_what_lies_between_events_and_was_looked_at():
    coverage = spans(
        (10, "described", None), (100, "unchanged", 5), (1, "described", None), (89, "unchanged", 110), (10, "described", None)
    )
    found = overview.quiet([happens(0, 10), happens(200, 210)], coverage)
    assert [(each.start, each.end, each.pictures, each.unchanged) for each in found] == [(10, 200, 2, 189)]
    assert found[0].what == "Nothing happened for 3 min 10 s (2 pictures described)"


@pytest.mark.parametrize("state", ["failed", "lost", "absent", "skipped"])
def test_what_nobody_looked_at_parts_quiet_stretches_and_is_in_none(state):
    coverage = spans((40, "unchanged", 0), (500, state, None), (60, "unchanged", 0))
    assert [(each.start, each.end) for each in overview.quiet([], coverage)] == [(0, 40), (540, 600)]


def test_what_was_described_and_held_no_event_is_not_said_to_be_still():
    (found,) = overview.quiet([], spans((31, "described", None), (29, "unchanged", 3)))
    assert found.what == "Nothing was reported for 1 min"


def test_short_stretches_are_not_worth_a_word_and_longer_recordings_have_longer_ones():
    assert overview.quiet([happens(0, 10)], spans((39, "unchanged", 0))) == []
    long = spans((36_000, "unchanged", 0))
    events = [happens(0, 10), happens(600, 610)]
    assert [each.start for each in overview.quiet(events, long)] == [610], "a minute is nothing in ten hours"


def test_events_that_overlap_leave_no_quiet_stretch_between_them():
    events = [happens(0, 100), happens(10, 20), happens(95, 130)]
    assert [(each.start, each.end) for each in overview.quiet(events, spans((200, "unchanged", 0)))] == [(130, 200)]
    assert overview.quiet([], []) == []


# Replays


@pytest.mark.parametrize(
    ("event", "is_one"),
    [
        (happens(0, 1, "Goal", tags=("Replay",)), True),
        (happens(0, 1, "Replay: goal by red"), True),
        (happens(0, 1, "Slow-motion replay of the save"), True),
        (happens(0, 1, "回放：进球"), True),
        (happens(0, 1, "Goal", attributes={"replay_of": "Goal by red"}), True),
        (happens(0, 1, "Goal", attributes={"replay_of": None}), False),
        (happens(0, 1, "Players watch the replay"), False),
        (happens(0, 1, "Replayed corner is taken"), False),
    ],
)
def test_a_replay_is_known_by_tag_field_or_title(event, is_one):
    assert replays.of(event) is is_one


def traced(*events):
    return replays.traced(events, excludes=opposites.excludes)


def test_a_replay_refers_to_the_last_play_like_it_and_is_tagged():
    first, second = happens(0, 10, "Goal by red after a corner"), happens(60, 70, "Goal by red after a corner")
    foul = happens(75, 76, "Foul near the line")
    again = happens(80, 85, "Replay: goal by red after a corner")
    made = traced(first, second, foul, again)
    assert made[:3] == (first, second, foul)
    assert (made[3].replay_of, made[3].tags, made[3].flags) == (second.id, ("replay",), ())


def test_a_name_goes_before_nearness_and_reaches_over_the_whole_match():
    goal, save = happens(0, 10, "Penalty scored by blue 9"), happens(2990, 2995, "Save by the keeper")
    again = happens(3000, 3010, "Replay: a penalty", tags=("replay",), attributes={"replay_of": "Penalty scored by blue 9"})
    assert traced(goal, save, again)[2].replay_of == goal.id


def test_a_replay_of_another_team_s_goal_or_of_long_ago_is_not_guessed():
    red = happens(0, 10, "Goal by red")
    for again in (happens(20, 25, "Replay: goal by blue"), happens(500, 505, "Replay: goal by red")):
        made = traced(red, again)[1]
        assert made.replay_of is None
        assert made.flags == (replays.ALONE,)


def test_a_replay_never_shows_a_replay():
    goal = happens(0, 10, "Goal by red")
    replayed = [happens(at, at + 5, "Replay: goal by red") for at in (20, 30, 40)]
    assert {event.replay_of for event in traced(goal, *replayed)[1:]} == {goal.id}
