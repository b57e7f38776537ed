"""The offline describer: measurements in words, the same words for the same window."""

import asyncio
from dataclasses import replace

import numpy as np
import pytest
from building import samples

from videoscan.dedup.tiles import TilesDedup
from videoscan.describers.offline import OfflineDescriber, describe
from videoscan.folding.outcome import Outcome
from videoscan.model import Mark, Measured, Prompt, Reason, Shown, Tally, Window
from videoscan.reading.measure import Flag, measure
from videoscan.testing import scenes
from videoscan.testing.pictures import picture
from videoscan.testing.scenes import NightCamera, Visit
from videoscan.timeline import fold
from videoscan.windows import windows

PROMPT = Prompt(system="", instructions="", schema={})
LEFT, MIDDLE, RIGHT = ((x, 0.4, x + 0.1, 0.6) for x in (0.1, 0.45, 0.8))


def told(*samples, overlap=0):
    """A window from ``(active boxes or flags, kept)`` per second; a dropped sample is the same as the last kept one, or as a third says.

    `None` is a second of which there is nothing.
    """
    marks, last = [], 0
    for second, sample in enumerate(samples):
        if sample is None:
            continue
        what, kept, *like = sample
        flags = tuple(item for item in what if isinstance(item, Flag))
        active = tuple(item for item in what if not isinstance(item, Flag))
        last = second if kept else last
        marks.append(
            Mark(
                second,
                float(second),
                kept=kept,
                reason=Reason.CHANGED if kept else Reason.UNCHANGED,
                same_as=None if kept else like[0] if like else last,
                change=80.0 if kept else 1.0,
                measured=Measured(light=100.0, texture=20.0, active=active, flags=flags),
            )
        )
    pictures = tuple(picture(mark.frame) for mark in marks if mark.kept)
    return describe(Window(0, 0.0, float(len(marks)), pictures, tuple(marks), overlap))


def kept(*what):
    return (what, True)


def dropped(*what):
    return (what, False)


def scan(camera_or_pictures, options=None):
    """The whole way of a scan but for decoding, folded into events."""
    from videoscan.config import WindowOptions

    frames = camera_or_pictures.frames() if isinstance(camera_or_pictures, NightCamera) else scenes.frames(camera_or_pictures)
    judged = list(measure(samples(TilesDedup().apply(frames))))
    limits = OfflineDescriber().session().limits
    outcomes = [
        Outcome(
            window.index,
            window.start,
            window.end,
            tuple(Shown(one.frame, one.time, None, None) for one in window.pictures),
            window.marks,
            describe(window),
            window.overlap,
        )
        for window in windows(judged, options or WindowOptions(), limits, duration=lambda: float(len(judged)))
    ]
    return fold(outcomes, Tally(float(len(judged)), 0))


def test_it_asks_for_measurements_and_for_windows_in_turn():
    session = OfflineDescriber(OfflineDescriber.Options()).session()
    assert session.limits.measures
    assert session.limits.concurrency == 1


def test_describing_never_fails_and_closing_twice_is_fine():
    async def both():
        session = OfflineDescriber().session()
        bare = Window(0, 0.0, 1.0, (picture(0),), (Mark(0, 0.0, kept=True, reason=Reason.FIRST),))
        answer = await session.describe(bare, PROMPT)
        await session.close()
        await session.close()
        return answer

    answer = asyncio.run(both())
    assert answer.failure is None
    assert answer.events == ()
    assert answer.observations


def test_an_empty_window_says_that_nothing_happens():
    answer = told(kept(), dropped(), dropped())
    assert answer.events == ()
    assert answer.summary == "Nothing happens."
    assert 1 <= len(answer.observations) <= 8


def test_a_passage_is_one_event_with_place_size_way_and_regions():
    (event,) = told(kept(), kept(LEFT), kept(MIDDLE), kept(RIGHT), kept()).events
    assert (event.first, event.last) == (1, 3)
    assert event.title == "Activity in the centre, medium-sized, moving right"
    assert event.regions == {1: LEFT, 2: MIDDLE, 3: RIGHT}
    assert event.tags == ("activity",)
    assert event.origin == "measured"
    assert event.description.startswith(
        "Something medium-sized (2.0 % of the picture) is active in the centre; it is moving right."
    )
    assert "not by a language model" in OfflineDescriber.note


@pytest.mark.parametrize(
    ("path", "way"),
    [
        ((RIGHT, LEFT), "moving left"),
        (((0.4, 0.0, 0.5, 0.1), (0.4, 0.6, 0.5, 0.8)), "moving down"),
        (((0.45, 0.45, 0.5, 0.5), (0.4, 0.4, 0.6, 0.6)), "coming nearer"),
        (((0.3, 0.3, 0.7, 0.7), (0.45, 0.45, 0.5, 0.5)), "going away"),
        ((MIDDLE, MIDDLE), None),
    ],
)
def test_the_way_is_named_only_where_both_edges_went_it(path, way):
    (event,) = told(kept(), *(kept(box) for box in path), kept()).events
    assert event.title.endswith(way) if way else event.title == "Activity in the centre, medium-sized"


@pytest.mark.parametrize(
    ("box", "place"),
    [
        ((0.0, 0.0, 0.2, 0.2), "at the top left"),
        (RIGHT, "at the right"),
        ((0.4, 0.8, 0.6, 1.0), "at the bottom"),
        (MIDDLE, "in the centre"),
    ],
)
def test_places_have_names(box, place):
    (event,) = told(kept(), kept(box), kept()).events
    assert event.title.startswith(f"Activity {place},")


def test_two_visits_with_an_empty_scene_between_are_two_events_even_if_no_picture_of_it_was_kept():
    empty_again = [dropped(), dropped(), dropped()]
    events = told(kept(), kept(LEFT), kept(LEFT), *empty_again, kept(RIGHT), kept(RIGHT)).events
    assert [(event.first, event.last) for event in events] == [(1, 2), (3, 4)]


def test_what_rests_and_begins_again_there_is_one_event_unless_a_picture_shows_that_it_was_over():
    rests = [kept(), kept(LEFT), dropped(LEFT), dropped(), dropped(), dropped()]
    assert [(event.first, event.last) for event in told(*rests, kept(LEFT), dropped(LEFT)).events] == [(1, 2)]
    as_before = [kept(), kept(LEFT), *[((), False, 0)] * 3]
    assert [(event.first, event.last) for event in told(*as_before, kept(LEFT), kept(LEFT)).events] == [(1, 1), (2, 3)]
    small = (LEFT[0], LEFT[1], LEFT[0] + 0.03, LEFT[1] + 0.05)
    assert len(told(*rests, kept(small), kept(small)).events) == 2, "a part of it is something else"
    assert len(told(*rests, kept(LEFT, Flag.CUT), kept(LEFT)).events) >= 2, "a cut ends it"
    assert len(told(*rests, *[None] * 5, kept(LEFT), dropped(LEFT)).events) == 2, "what nobody saw joins nothing"
    assert len(told(kept(), kept(LEFT), *[None] * 5, kept(LEFT), kept(LEFT)).events) == 2


def test_what_follows_a_thing_that_has_left_the_picture_is_another():
    far, near, leaving = (0.3, 0.3, 0.4, 0.4), (0.4, 0.4, 0.7, 0.7), (0.7, 0.7, 1.0, 1.0)
    events = told(kept(), kept(far), kept(near), kept(leaving), kept(far), kept(near), kept(leaving), kept()).events
    assert [(event.first, event.last, event.regions) for event in events] == [
        (1, 3, {1: far, 2: near, 3: leaving}),
        (4, 6, {4: far, 5: near, 6: leaving}),
    ]


def test_the_next_thing_begins_where_it_was_seen_beside_the_one_that_was_leaving():
    far, near, leaving = (0.3, 0.3, 0.45, 0.45), (0.35, 0.35, 0.7, 0.7), (0.7, 0.7, 1.0, 1.0)
    first, second = told(kept(), kept(near), kept(leaving, far), kept(near), kept(near), kept()).events
    assert (first.first, first.last, first.regions) == (1, 2, {1: near, 2: leaving})
    assert (second.first, second.last, second.regions) == (2, 4, {2: far, 3: near, 4: near})


@pytest.mark.parametrize(
    "path",
    [
        ((0.2, 0.9, 0.4, 1.0), (0.45, 0.2, 0.7, 0.85), MIDDLE),
        (MIDDLE, (0.6, 0.0, 0.96, 0.9), (0.96, 0.7, 1.0, 0.9)),
        (MIDDLE, (0.4, 0.2, 0.6, 1.0), MIDDLE, (0.4, 0.2, 0.6, 1.0), MIDDLE),
        (MIDDLE, (0.0, 0.0, 0.02, 0.1), MIDDLE),
    ],
    ids=["it comes in", "its last part is seen", "it stands at the border", "a leaf at the border"],
)
def test_what_touches_the_border_has_not_left_for_that(path):
    (event,) = told(kept(), *(kept(box) for box in path), kept()).events
    assert (event.first, event.last) == (1, len(path))


def test_one_sample_without_activity_does_not_part_an_event():
    (event,) = told(kept(), kept(LEFT), kept(), kept(LEFT), kept(LEFT)).events
    assert (event.first, event.last) == (1, 4)


def test_somebody_who_stands_still_is_one_event_though_most_samples_were_dropped():
    (event,) = told(kept(), kept(MIDDLE), *[dropped(MIDDLE)] * 20, kept(MIDDLE), kept()).events
    assert (event.first, event.last) == (1, 2)


def test_what_goes_on_from_the_window_before_is_told_from_the_overlap_on():
    (event,) = told(kept(LEFT), kept(MIDDLE), kept(), overlap=1).events
    assert event.first == 0


def test_a_cut_ends_an_activity_and_is_an_event_of_its_own():
    events = told(kept(), kept(LEFT), kept(Flag.CUT), kept(LEFT)).events
    assert [(event.tags[0], event.first, event.last) for event in events] == [
        ("activity", 1, 1),
        ("cut", 2, 2),
        ("activity", 3, 3),
    ]


@pytest.mark.parametrize(
    ("flag", "tag", "title"),
    [
        (Flag.LIGHT_ON, "light", "Light goes on"),
        (Flag.LIGHT_OFF, "light", "Light goes off"),
        (Flag.COVERED, "tamper", "Camera is covered or blind"),
        (Flag.BLACK, "black", "Picture is black"),
        (Flag.MOVED, "camera", "Camera moved"),
    ],
)
def test_what_befalls_the_whole_picture_is_one_event(flag, tag, title):
    (event,) = told(kept(), kept(flag), kept(flag), kept(), kept()).events
    assert (event.tags[0], event.title, event.first, event.last) == (tag, title, 1, 2)


def test_what_moves_in_front_of_a_camera_that_moves_all_the_time_is_not_told():
    moving = (kept(LEFT, Flag.MOVED), kept(RIGHT), kept(Flag.MOVED), kept(Flag.MOVED, LEFT), kept(LEFT))
    (event,) = told(*moving).events
    assert (event.tags, event.title, event.first, event.last) == (("camera", "moving"), "Camera keeps moving", 0, 3)
    assert "in 3 of 5 samples" in event.description
    assert set(event.regions.values()) == {(0.0, 0.0, 1.0, 1.0)}


def test_a_fixed_camera_that_is_knocked_once_or_twice_still_tells_what_moves():
    knocked = (kept(LEFT), kept(MIDDLE), kept(RIGHT), kept(Flag.MOVED), kept(Flag.MOVED), *[kept()] * 6, kept(LEFT), kept(LEFT))
    assert [event.tags[0] for event in told(*knocked).events] == ["activity", "camera", "activity"]


def told_each(*what, step):
    """As `told`, every sample kept, `step` seconds apart."""
    marks = [
        Mark(number, number * step, kept=True, reason=Reason.CHANGED, change=80.0, measured=Measured(100.0, 20.0, flags=flags))
        for number, flags in enumerate(what)
    ]
    return describe(Window(0, 0.0, len(marks) * step, tuple(picture(mark.frame) for mark in marks), tuple(marks)))


def test_views_that_last_for_less_than_a_second_are_no_shots():
    cut, none = (Flag.CUT,), ()
    events = told_each(none, cut, cut, cut, none, none, step=0.5).events
    assert [(event.title, event.tags, event.first, event.last) for event in events] == [
        ("View changes quickly", ("camera", "quick"), 1, 2),
        ("Scene changes", ("cut",), 3, 3),
    ]
    assert [event.tags[0] for event in told_each(none, cut, cut, cut, step=1.0).events] == ["cut", "cut", "cut"]


def test_a_cut_right_before_a_window_ends_is_a_cut():
    assert [event.title for event in told_each((), (), (Flag.CUT,), step=0.5).events] == ["Scene changes"]
    assert [event.title for event in told_each((Flag.CUT,), step=0.5).events] == ["View changes quickly"]


def test_a_new_view_in_which_the_camera_travels_is_one_event():
    cut, moved, none = (Flag.CUT,), (Flag.MOVED,), ()
    (event,) = told_each(cut, moved, moved, none, moved, none, step=0.5).events
    assert (event.title, event.tags) == ("Scene changes, the camera keeps moving", ("cut", "camera", "moving"))
    assert (event.first, event.last) == (0, 4)
    before, cut_after = told_each(none, moved, moved, moved, cut, none, none, step=0.5).events
    assert (before.title, cut_after.title) == ("Camera keeps moving", "Scene changes"), "it moved before the view changed"


def test_what_is_tiny_short_and_aimless_is_noted_but_no_event():
    speck = (0.5, 0.5, 0.52, 0.52)
    answer = told(kept(), kept(speck), kept(), kept())
    assert answer.events == ()
    assert "Too small and aimless for an event." in answer.observations


def test_what_is_tiny_but_goes_somewhere_is_an_event():
    path = [(0.3 + 0.03 * n, 0.5, 0.32 + 0.03 * n, 0.52) for n in range(5)]
    assert len(told(kept(), *(kept(box) for box in path), kept()).events) == 1


def test_larger_and_longer_is_more_important_and_confidence_stays_within_bounds():
    (short,) = told(kept(), kept((0.5, 0.5, 0.55, 0.55)), kept()).events
    (long,) = told(kept(), *[kept((0.2, 0.0, 0.8, 1.0))] * 20, kept()).events
    assert 0 <= short.importance < long.importance <= 1
    assert 0 <= short.confidence < long.confidence <= 1


def test_describing_is_a_pure_function_of_the_window():
    samples = (kept(), kept(LEFT), kept(MIDDLE), dropped(MIDDLE), kept(Flag.CUT))
    assert told(*samples) == told(*samples)


def test_a_night_with_visits_is_told_visit_by_visit():
    visits = tuple(
        Visit(start, start + 8, height, ((0.2, 0.5), (0.8, 0.55)))
        for start, height in ((20, 0.3), (45, 0.15), (70, 0.5), (95, 0.2))
    )
    folded = scan(NightCamera(seconds=120, visits=visits, noise=3.0))
    activities = [event for event in folded.events if "activity" in event.tags]
    assert [(event.start, event.end) for event in activities] == [(visit.start, visit.end) for visit in visits]
    assert any("moving right" in event.title for event in activities)


def test_one_stay_over_many_windows_is_one_event():
    stay = Visit(10, 70, 0.4, ((0.1, 0.6), (0.9, 0.6)))
    folded = scan(NightCamera(seconds=80, visits=(stay,), noise=2.0, clock=False, drift=0.0))
    assert len(folded.windows) > 2
    assert [(event.start, event.end) for event in folded.events] == [(10, 70)]


def test_a_lamp_that_is_switched_is_light_and_nothing_else():
    camera = replace(NightCamera(), seconds=30, clock=False, drift=0.0, noise=2.0)
    pictures = [
        np.clip(luma.astype(int) + (70 if second >= 15 else 20), 0, 255).astype(np.uint8)
        for second, luma in enumerate(camera.pictures())
    ]
    folded = scan(pictures)
    assert [(event.title, event.start) for event in folded.events] == [("Light goes on", 15)]
