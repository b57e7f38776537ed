"""The made scenes: what the truth says is what the pictures show, and the judge tells what a deduplicator missed."""

import functools
import itertools
import json
from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from videoscan.model import Mark, Reason
from videoscan.testing import disturbances
from videoscan.testing.disturbances.truth import Event, Truth, quiet_between

SIZE = (640, 360)
WHOLE = {"lamp", "knock"}


@functools.lru_cache(maxsize=4)
def made(name, **options):
    return disturbances.scene(name, **{"size": SIZE, **options})


def apart(scene, time):
    """How much each pixel differs from what it would be if nothing happened."""
    return cv2.absdiff(scene.picture(time), scene.picture(time, empty=True))


def around(box, *, reach=0.0):
    x0, y0, x1, y1 = box
    return (
        slice(max(0, round((y0 - reach) * SIZE[1])), round((y1 + reach) * SIZE[1]) + 1),
        slice(max(0, round((x0 - reach) * SIZE[0])), round((x1 + reach) * SIZE[0]) + 1),
    )


def hide(seen, truth, time):
    """Take out what is told to have happened until now, and show the rest: where all of the picture changed, nothing is left."""
    for event in truth.demanded:
        if event.kind in WHOLE:
            if event.start <= time < event.end:
                seen[:] = 0
        elif event.kind == "car" and time >= event.start:
            x0, y0, _, y1 = event.box
            seen[around((x0, y0, 1.0, y1), reach=0.03)] = 0
        elif event.shows(time) is not False:
            seen[around(event.box, reach=0.1 + event.height)] = 0
    return seen


@pytest.fixture(scope="module", params=disturbances.names())
def scene(request):
    """Each scene in turn."""
    return made(request.param)


def test_what_is_told_is_in_the_picture_when_it_is_told_and_nothing_else_is(scene):
    turn = len(scene.name) % 4  # others in each scene, since they are the same people in all of them
    assert {"walk", "stand", "object", "car", "light"} <= {event.kind for event in scene.truth.demanded}
    for event in scene.truth.demanded[turn % 2 :: 2]:
        time = event.start + (0.3 if event.kind == "car" else 0.0)
        shown = apart(scene, time)[around(event.box)]
        # In front of a screen somebody can be as bright as its film just there.
        assert shown.max() > (5 if event.inside else 0.25 * abs(event.contrast) + 2), f"{event} does not show"
    for event in scene.truth.demanded[turn::4]:
        before, after = event.appears - 0.05, event.gone + 0.05
        assert hide(apart(scene, before), scene.truth, before).max() == 0, f"something shows before {event}"
        if not event.lasting:
            assert hide(apart(scene, after), scene.truth, after).max() == 0, f"something shows after {event}"


def test_nothing_but_the_disturbance_shows_in_the_quiet_stretches(scene):
    truth = scene.truth
    assert sum(end - start for start, end in truth.quiet) > 0.5 * truth.duration
    for start, end in truth.quiet[len(scene.name) % 5 :: 5]:
        time = (start + end) / 2
        assert all(event.kind in {"object", "light", *WHOLE} for event in truth.demanded if event.shows(time))
        assert hide(apart(scene, time), truth, time).max() == 0


@pytest.mark.parametrize("name", [name for name in disturbances.names() if name != "calm"])
def test_a_disturbance_disturbs(name):
    moved = []
    for one in (made("calm", seconds=60), made(name, seconds=60)):
        cells = [frame.pixels.gray(160, 90) for frame in itertools.islice(one.frames(2.0), 6)]
        moved.append(max(float(cv2.absdiff(a, b).max()) for a, b in itertools.pairwise(cells)))
    slow = {"dawn", "lamp", "knock", "infrared", "noise-2", "noise-4", "clouds", "headlights", "exposure", "insects", "gusts"}
    if name not in slow:
        assert moved[1] > 1.5 * moved[0]


def test_a_scene_depends_on_its_seed_and_the_time_alone():
    for name in ("winter", "tree"):
        one, other = made(name, seed=3), disturbances.scene(name, seed=3, size=SIZE)
        later = one.picture(77.0)
        assert np.array_equal(one.picture(12.5), other.picture(12.5))
        assert np.array_equal(later, other.picture(77.0))
        assert not np.array_equal(made(name, seed=4).picture(12.5), one.picture(12.5))


def test_events_in_front_of_what_moves_are_told_apart():
    for name in ("tree", "water", "screen", "blinking", "flag"):
        walks = [event for event in made(name).truth.events if event.kind == "walk"]
        assert sum(event.inside for event in walks) >= 2, name
        assert sum(not event.inside for event in walks) >= 2, name
    assert not any(event.inside for event in made("rain").truth.events)


def test_contrast_is_what_is_told_and_twenty_grey_levels_at_least():
    scene = disturbances.scene("calm")
    assert all(abs(event.contrast) >= 22 for event in scene.truth.events)
    assert all(abs(event.contrast) >= 34 for event in scene.truth.events if event.height < 0.025)
    for walker in scene.cast:
        if walker.event.kind != "walk" or walker.height > 0.05:  # a near one crosses the lines on the ground
            continue
        time = walker.start + walker.seconds / 2
        x0, y0, x1, y1 = walker.box(time)
        part = slice(round(y0 * 720), round((y1 - 0.2 * walker.height) * 720)), slice(round(x0 * 1280), round(x1 * 1280) + 1)
        stands_out = (scene.light(time) - scene.light(time, empty=True))[part] * np.sign(walker.contrast)
        body = stands_out[stands_out >= 0.5 * stands_out.max()]
        assert np.median(body) == pytest.approx(abs(walker.contrast), rel=0.35)


def test_samples_come_at_any_rate_with_rising_indices():
    scene = made("calm", seconds=20)
    frames = list(scene.frames(0.4))
    assert len(frames) == 50
    assert [frame.time for frame in frames] == pytest.approx([0.4 * number for number in range(50)])
    assert [frame.index for frame in frames] == [10 * number for number in range(50)]


def test_what_follows_a_frame_is_what_a_camera_would_have_shown_next():
    scene = made("rain", seconds=20)
    frame = next(itertools.islice(scene.frames(), 3, None))
    shown = [pixels.luma for pixels in frame.following()]
    assert len(shown) == 6
    assert all(np.array_equal(luma, scene.picture(3.0 + 0.04 * number)) for number, luma in enumerate(shown, 1))
    assert next(made("storm", seconds=12).frames()).following is None


@pytest.mark.parametrize("name", ["pumping", "pumping-hevc"])
def test_a_pumping_scene_is_coarse_at_each_keyframe_and_finer_after_it(name):
    scene = made(name, seconds=45, size=(320, 180))
    frames = list(scene.frames(1.0))
    assert len(frames) == 45
    gop = scene.coded.gop
    assert [frame.time for frame in frames if frame.keyframe] == [n * gop for n in range(6) if n * gop < 45]
    error = [np.abs(f.pixels.luma.astype(int) - scene.light(f.time)).mean() for f in frames]
    at_keyframes = [error[round(n * gop)] for n in range(1, 4)]
    before_them = [error[round(n * gop) - 1] for n in range(1, 4)]
    assert np.mean(at_keyframes) > 1.1 * np.mean(before_them)


def test_a_far_person_is_still_there_when_a_low_rate_has_been_at_the_picture():
    scene = disturbances.scene("pumping", seconds=120)
    walker = scene.cast[0]
    assert walker.height == 0.02
    left = []
    for frame in itertools.islice(scene.frames(1.0), int(walker.start + walker.seconds) + 1):
        if frame.time < walker.start:
            continue
        x0, y0, x1, y1 = walker.box(frame.time)
        part = slice(round(y0 * 540), round(y1 * 540) + 1), slice(round(x0 * 960), round(x1 * 960) + 1)
        empty = scene.light(frame.time, empty=True)[part]
        drawn = scene.light(frame.time)[part] - empty
        left.append(float(((frame.pixels.luma[part] - empty) * drawn).sum() / (drawn * drawn).sum()))
    assert len(left) == 3
    assert np.median(left) > 0.6


@pytest.mark.parametrize(("codec", "name"), [("libx264", "h264"), ("libx265", "hevc")])
def test_a_film_holds_every_picture_its_keyframes_and_its_truth(tmp_path, codec, name):
    scene = made("clock", seconds=12, size=(320, 180))
    path = tmp_path / "clock.mp4"
    truth = scene.film(path, codec=codec, gop=20, fps=10, bframes=2)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frames = list(container.decode(stream))
        assert stream.codec_context.name == name
    assert len(frames) == 120
    assert [number for number, frame in enumerate(frames) if frame.key_frame] == [0, 20, 40, 60, 80, 100]
    assert np.abs(frames[57].to_ndarray()[:180].astype(int) - scene.picture(5.7)).mean() < 4
    said = json.loads((tmp_path / "clock.mp4.truth.json").read_text())
    assert said["duration"] == 12
    assert [event["what"] for event in said["events"]] == [event.what for event in truth.events]


def test_what_cannot_be_made_is_refused_with_a_reason():
    with pytest.raises(ValueError, match="no scene 'hail'; there are calm, noise-2"):
        disturbances.scene("hail")
    with pytest.raises(ValueError, match="even and at least 160 x 90, not 641 x 360"):
        disturbances.scene("calm", size=(641, 360))
    with pytest.raises(ValueError, match="ten seconds at least, not 3"):
        disturbances.scene("calm", seconds=3)


def test_infrared_takes_the_colour_away():
    scene = made("infrared")
    (on, off), *_ = scene.infrared.spans
    day, night = scene.bgr(on - 1).astype(int), scene.bgr((on + off) / 2).astype(int)
    assert np.abs(day[..., 0] - day[..., 2]).mean() > 5
    assert np.abs(night[..., 0] - night[..., 2]).max() <= 1


def test_the_page_about_the_scenes_names_each_and_says_what_goes_on_in_it():
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "disturbances.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    assert [f"| `{name}` | {disturbances.about(name)} |" for name in disturbances.names()] == rows[-len(disturbances.names()) :]


EVENT = Event("somebody", "walk", 10.4, 13.4, 9.9, 13.9, 0.02, 40.0, (0.1, 0.1, 0.2, 0.2))
TRUTH = Truth("made up", 1, 40.0, (EVENT,), quiet_between([(9.9, 13.9)], 40.0))


def marks(*kept):
    found, standing = [], 0
    for second in range(40):
        if second in kept or second == 0:
            standing = second
            found.append(Mark(second, float(second), kept=True, reason=Reason.CHANGED))
        else:
            found.append(Mark(second, float(second), kept=False, reason=Reason.UNCHANGED, same_as=standing))
    return found


@pytest.mark.parametrize(
    ("kept", "begin", "end"),
    [
        ((), False, False),
        ((10,), True, False),
        ((11,), True, False),
        ((12,), False, False),
        ((11, 13), True, True),
        ((11, 14), True, True),
        ((11, 15), True, False),
        (tuple(range(40)), True, True),
    ],
)
def test_a_begin_and_an_end_are_seen_within_one_step(kept, begin, end):
    (verdict,) = disturbances.judge(marks(*kept), TRUTH, 1.0).verdicts
    assert (verdict.begin, verdict.end) == (begin, end)


def test_an_end_is_seen_as_well_when_a_dropped_sample_is_the_same_as_one_from_before():
    found = [replace(mark, same_as=5) if mark.time >= 14 else mark for mark in marks(5, 11)]
    (verdict,) = disturbances.judge(found, TRUTH, 1.0).verdicts
    assert verdict.end
    never_kept = [replace(mark, same_as=5) if mark.time >= 14 else mark for mark in marks(5)]
    (verdict,) = disturbances.judge(never_kept, TRUTH, 1.0).verdicts
    assert not verdict.end


def test_a_second_that_another_state_of_affairs_stands_for_is_wrong():
    assert disturbances.judge(marks(), TRUTH, 1.0).wrong == (11.0, 12.0, 13.0)
    assert disturbances.judge(marks(11, 14), TRUTH, 1.0).wrong == ()
    assert disturbances.judge(marks(11), TRUTH, 1.0).wrong == tuple(float(second) for second in range(14, 40))


def test_quiet_samples_are_counted_from_one_step_after_what_happened():
    found = disturbances.judge(marks(5, 14, 15, 20, 30), TRUTH, 1.0, settling=12.0)
    assert (found.settling, found.settling_kept) == (9, 1)  # 1 to 9: the first sample of all is kept for nothing
    assert (found.quiet, found.quiet_kept) == (25, 3)  # 15 to 39
    assert found.quiet_share == 3 / 25


@pytest.mark.parametrize(("name", "share"), [("clock", 0.012), ("clock-large", 0.06), ("clock-hundredths", 0.025)])
def test_a_clock_ticks_on_the_share_of_the_picture_that_is_told(name, share):
    scene = made(name)
    luma = scene.picture(70.0)
    written = cv2.absdiff(luma, replace(scene, clocks=()).picture(70.0)) > 0
    down, across = np.nonzero(written)
    area = (down.max() - down.min() + 1) * (across.max() - across.min() + 1) / luma.size
    assert 0.45 * share < area <= share * 1.05
    ticked = cv2.absdiff(luma, scene.picture(71.0))
    ticked[down.min() : down.max() + 1, across.min() - 2 : across.max() + 3] = 0
    assert ticked.max() < 12


def test_neither_minor_events_nor_ends_beyond_the_scene_are_demanded():
    minor = replace(TRUTH, events=(replace(EVENT, minor=True),))
    assert disturbances.judge(marks(), minor, 1.0).verdicts == ()
    lasting = replace(TRUTH, events=(replace(EVENT, end=40.0, gone=40.0, lasting=True),))
    found = disturbances.judge(marks(11), lasting, 1.0)
    assert found.missed_begins == found.missed_ends == found.wrong == ()
    assert disturbances.judge(marks(), lasting, 1.0).missed_begins == lasting.events


def test_quiet_is_what_no_busy_stretch_covers():
    assert quiet_between([(5, 8), (2, 6), (8, 9), (20, 20.5)], 30) == ((0.0, 2), (9, 20), (20.5, 30))
    assert quiet_between([], 30) == ((0.0, 30),)
    assert quiet_between([(0, 30)], 30) == ()
