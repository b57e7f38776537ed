"""Which answers are in doubt, which of them are looked at again, at what times; how two answers become one."""

import pytest

from videoscan import prompts
from videoscan.document import Evidence
from videoscan.doubting import answers, doubt
from videoscan.doubting.doubt import Allowance
from videoscan.doubting.refetching import AtTimes, renumbered
from videoscan.folding.candidates import Candidate
from videoscan.model import Description, Failure, Mark, Picture, Reason, Told, Window
from videoscan.seams import Scale

NOISE = Scale("noise", 5.0)


def mark(second, *, kept=True, reason=Reason.CHANGED, change=0.0, region=None):
    return Mark(10 * second, float(second), kept=kept, reason=reason, change=change, region=region)


def picture(frame, time=None, *, zoom=False):
    return Picture(frame, frame / 10 if time is None else time, b"", b"", "image/jpeg", 8, 8, zoom_of=frame if zoom else None)


def window(*marks, overlap=0):
    pictures = tuple(picture(each.frame) for each in marks if each.kept)
    return Window(3, marks[0].time, marks[-1].time + 1, pictures, marks, overlap)


def told(title="A car", first=0, last=0, confidence=0.9, **more):
    return Told(title, f"{title}.", first, last, confidence=confidence, **more)


def judge(*marks, overlap=0, scale=NOISE, **description):
    return doubt.judge(window(*marks, overlap=overlap), Description(**description), scale, least=0.5)


QUIET = (mark(0, reason=Reason.FIRST), mark(1, kept=False), mark(2, change=8.0), mark(3, kept=False))
BUSY = (mark(0, reason=Reason.FIRST), mark(1, kept=False), mark(2, change=30.0, region=(0.1, 0.1, 0.2, 0.2)), mark(3, kept=False))


@pytest.mark.parametrize(
    ("marks", "more"),
    [
        (QUIET, {}),
        (BUSY, {"overlap": 2}),
        (BUSY, {"scale": Scale("nothing")}),
        (BUSY, {"events": (told(),)}),
        (BUSY, {"events": (told(confidence=None),)}),
        (BUSY, {"events": (told(confidence=0.1, origin="measured"),)}),
        (BUSY, {"failure": Failure("ContentFiltered", "no")}),
        ((mark(0, reason=Reason.FIRST), mark(2, change=90.0, reason=Reason.CUT)), {}),
    ],
    ids=["little change", "told before", "unmeasured", "sure", "says nothing of it", "measured", "filtered", "a cut"],
)
def test_an_answer_is_not_in_doubt(marks, more):
    assert judge(*marks, **more) is None


def test_nothing_told_where_much_changed_is_in_doubt_around_the_strongest_change():
    found = judge(*BUSY)
    assert (found.window, found.why, found.start, found.end, found.region) == (3, "contradicted", 1.0, 3.0, (0.1, 0.1, 0.2, 0.2))
    assert found.words == "nothing is told of, though the picture changed at 0:02 by 6 times what counts as a change"


def test_an_unsure_event_is_in_doubt_with_the_frames_beside_it():
    found = judge(*BUSY, mark(4), events=(told("Sure", 0, 2), told("Perhaps", 1, 1, 0.4)))
    assert (found.why, found.start, found.end) == ("uncertain", 1.0, 3.0)
    assert found.words == "'Perhaps' is told with a confidence of 0.4 only"


def test_unreadable_comes_before_contradicted_before_unsure_and_the_worse_before_the_better():
    unread = judge(*BUSY, failure=Failure("BadReply", "prose"))
    strong = judge(BUSY[0], mark(2, change=80.0))
    strange = judge(*BUSY)
    unsure = judge(*BUSY, events=(told(confidence=0.1),))
    less = judge(*BUSY, events=(told(confidence=0.4),))
    assert (unread.why, unread.start, unread.end) == ("unreadable", 0.0, 2.0)
    assert doubt.ranked([less, strange, unsure, unread, strong]) == [unread, strong, strange, unsure, less]
    assert doubt.summed_up([unread, strong, strange]) == "1 could not be read, 2 told of nothing where much changed"


@pytest.mark.parametrize(
    ("allowed", "rooms"),
    [
        (Allowance.of(0.0, windows=50, images=500, room=12), [0, 0, 0]),
        (Allowance.of(0.1, windows=5, images=20, room=12), [12, 0, 0]),
        (Allowance.of(0.1, windows=20, images=200, room=12), [12, 8, 0]),
        (Allowance.of(0.1, windows=30, images=150, room=12), [12, 0, 0]),
        (Allowance.of(1.0, windows=3, images=36, room=12), [12, 12, 12]),
    ],
)
def test_a_share_of_the_windows_and_of_the_pictures_is_allowed_one_look_at_least(allowed, rooms):
    granted = []
    for _ in rooms:
        granted.append(allowed.take(4, 12))
        if granted[-1]:
            allowed.give(granted[-1])
    assert granted == rooms


@pytest.mark.parametrize(
    ("kept", "room", "times"),
    [
        ((1.0, 3.0), 5, (1.0, 1.5, 2.0, 2.5, 3.0)),
        ((0.0, 1.0, 5.0), 4, (0.0, 1.0, 3.0, 5.0)),
        ((0.0, 0.15), 9, (0.0, 0.15)),
        ((2.0,), 6, (2.0,)),
        ((0.0, 1.0, 2.0, 3.0, 4.0), 3, (0.0, 2.0, 4.0)),
        ((0.0, 1.0), 1, (0.0,)),
    ],
)
def test_a_look_shows_what_was_kept_and_fills_the_largest_gaps(kept, room, times):
    assert doubt.times(kept, room) == times


def test_what_is_asked_says_why_and_stands_before_the_instructions():
    prompt = prompts.build("default", question="Who?")
    for why in ("unreadable", "contradicted", "uncertain"):
        again = doubt.asking(prompt, why)
        assert again.instructions.endswith(prompt.instructions)
        assert again.instructions != prompt.instructions
    zoomed = prompts.zooming(again)
    assert prompts.zooming(zoomed) == zoomed != again


def test_fetched_frames_bear_the_indices_of_the_pass_and_others_one_between():
    known = [(0.0, 0), (1.0, 25), (2.0, 26), (3.0, 76)]
    fetched = [picture(0, 0.0), picture(0, 0.0, zoom=True), picture(9, 0.5), picture(25, 1.0), picture(40, 1.5), picture(60, 2.2),
               picture(99, 4.0)]  # fmt: skip
    made = renumbered(fetched, known)
    assert [(each.frame, each.zoom_of, each.time) for each in made] == [
        (0, None, 0.0), (0, 0, 0.0), (12, None, 0.5), (25, None, 1.0), (36, None, 2.2),
    ]  # fmt: skip


def test_a_time_is_wanted_once_whatever_number_of_times_one_frame_answers():
    session = AtTimes((1.0, 1.01, 2.0)).session(None)
    frames = [picture(10, 1.02), picture(20, 2.0), picture(30, 3.0)]
    assert [session.saw(each) for each in frames] == [True, True, False]
    assert session.aim().time == float("inf")


def candidate(title, frames, confidence=0.9):
    evidence = tuple(Evidence(frame=frame, time=frame / 10) for frame in frames)
    return Candidate(
        title, "", (), "model", confidence, None, {}, evidence, (3,), (), None, None, frames[0], frames[0], frames[-1]
    )


def test_of_two_answers_the_second_counts_where_both_tell_a_thing_and_nothing_is_lost():
    first = [candidate("A person may enter", (0, 10, 40), 0.3), candidate("A dog barks", (10,)), candidate("It rains", (0, 90))]
    again = [candidate("A person enters", (5, 10), 0.95), candidate("A cat follows", (10,), 0.8)]
    made = {each.title: each for each in answers.merged(first, again, {0, 5, 10})}
    assert set(made) == {"A person enters", "A dog barks", "It rains", "A cat follows"}
    person = made["A person enters"]
    assert [evidence.frame for evidence in person.evidence] == [5, 10, 40]
    assert (person.confidence, person.aliases, person.places) == (0.95, [0], (0,))
    assert list(made["A dog barks"].flags) == ["a second look did not tell of it"]
    assert not made["It rains"].flags
    assert list(made["A cat follows"].flags) == ["told by a second look"]
