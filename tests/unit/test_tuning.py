"""Planted figures are what they claim to be, and verdicts about settings can be trusted."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import ClassVar

import av
import cv2
import numpy as np
import pytest

from videoscan import config, registry
from videoscan.config import WindowOptions
from videoscan.core import Core
from videoscan.dedup.keeping import RateOptions
from videoscan.dedup.none import NoDedup
from videoscan.errors import ConfigError
from videoscan.model import EVERYWHERE, Mark, Reason, Regions, SourceInfo
from videoscan.reading.bursts import MOST
from videoscan.reading.spec import CoreSpec
from videoscan.samplers.interval import IntervalOptions, IntervalSession
from videoscan.seams import Limits
from videoscan.sources.pixels import ArrayPixels
from videoscan.testing.scenes import NightCamera, frames
from videoscan.tuning import Demand, _sampling, advice, footage, planting, stills, trials
from videoscan.tuning.figures import WIDTH, Figure, Planted, cover
from videoscan.tuning.following import Followed
from videoscan.tuning.footage import Excerpt, Material
from videoscan.tuning.held import Held
from videoscan.tuning.trials import Verdict

PRICE = trials.Price(Limits(), text=100, label=16)
TILES = {"kind": "tiles"}
NIGHT = NightCamera(seconds=150, noise=2.0, clock=False)


def figure(height=0.1, x=0.5, y=0.5, *, start=0.0, end=5.0, contrast=40.0, pace=0.0, aspect=16 / 9):
    return Figure(start, end, height, x, y, WIDTH / 2 * height / aspect, contrast, pace)


def gray(width, height, level=100):
    return ArrayPixels(np.full((height, width, 3), level, np.uint8))


def material(camera=NIGHT, *, given=None, step=1.0):
    """A camera's pictures, held as `footage.read` would."""
    kept = []
    for frame in given if given is not None else camera.frames():
        held = Held(frame.pixels.size, frame.pixels)
        for size in ((160, 90), (64, 64)):
            held.gray(*size)
        held.let_go()
        kept.append(replace(frame, pixels=held))
    excerpt = Excerpt(0.0, kept[-1].time + step, tuple(kept), step)
    return Material(SourceInfo("night", *kept[0].pixels.size, 1.0), (excerpt,), None, whole=True)


@pytest.fixture(scope="module")
def night():
    return material()


def setting(dedup=TILES, **rest):
    return trials.Setting("x", None, dedup, EVERYWHERE, WindowOptions(), **rest)


def wanted(**changes):
    return replace(planting.Wanted((0.02, 0.10), each=8, contrast=25.0, lasting=2.0, seed=1), **changes)


def tried(held, dedup, rounds):
    """A setting judged by some rounds; `dedup` is a table, or a deduplicator of the test's own."""
    if isinstance(dedup, dict):
        trial = trials.measure(held, setting(dedup), PRICE)
    else:
        trial = trials.Trial(setting(), trials.Cost(), dedup, 0.0)
        trial.marks = tuple(trials.run(excerpt, trial, PRICE, ()) for excerpt in held.excerpts)
    trials.put_to(trial, held, rounds, PRICE)
    return trial


def tried_with(held, *figures):
    trial = trials.measure(held, setting(), PRICE)
    trials.put_to(trial, held, only(*figures), PRICE)
    return trial


def only(*figures):
    """One round with these figures in the one excerpt that there is."""
    return ((tuple(figures),),)


# --- figures


@pytest.mark.parametrize("size", [(160, 90), (143, 101), (320, 180), (64, 64), (7, 5)])
def test_a_figure_planted_small_is_the_large_one_reduced(size):
    planted = Planted(gray(1280, 720), (figure(0.3, 0.31, 0.52), figure(0.05, 0.7, 0.3, contrast=-60.0)), 1.0)
    large = planted.gray(1280, 720)
    reduced = cv2.resize(large, size, interpolation=cv2.INTER_AREA)
    assert np.abs(planted.gray(*size).astype(int) - reduced).max() <= 1


def test_colour_shows_the_same_figure():
    planted = Planted(gray(640, 360), (figure(),), 0.0)
    colour = planted.bgr(320)
    assert (colour == planted.gray(320, 180)[..., None]).all()
    assert planted.size == (640, 360)


@pytest.mark.parametrize("height", [0.02, 0.05, 0.10])
def test_a_figure_is_as_high_as_it_says(height):
    shown = Planted(gray(1920, 1080), (figure(height),), 0.0).gray(1920, 1080)
    rows = np.flatnonzero((shown != 100).any(axis=1))
    columns = np.flatnonzero((shown != 100).any(axis=0))
    assert abs(len(rows) - height * 1080) <= 2
    assert len(columns) <= WIDTH * height * 1080 + 2
    assert shown.max() == 140


def test_a_figure_covers_the_same_area_at_every_size_and_place():
    box = figure(0.1).box(0.0)
    areas = []
    for columns, rows, move in [(160, 90, 0.0), (160, 90, 0.00313), (1920, 1080, 0.0), (40, 23, 0.001)]:
        moved = (box[0] + move, box[1] + move, box[2] + move, box[3] + move)
        areas.append(cover(moved, columns, rows)[1].sum() / (columns * rows))
    # A person fills about half of the box around them.
    assert np.ptp(areas) < 1e-9
    assert 0.4 < areas[0] / ((box[2] - box[0]) * (box[3] - box[1])) < 0.5


def test_a_walker_moves_and_whoever_stands_does_not():
    walker = figure(pace=0.02)
    assert walker.box(3.0)[0] == pytest.approx(walker.box(0.0)[0] + 0.06)
    assert figure().box(3.0) == figure().box(0.0)
    assert [walker.shows(time) for time in (-0.1, 0.0, 4.9, 5.0)] == [False, True, True, False]


def test_what_is_beyond_the_edge_or_beyond_white_is_cut_off():
    planted = Planted(gray(160, 90, 240), (figure(0.2, 0.0, 0.0), figure(0.2, 2.0, 0.5)), 0.0).gray(160, 90)
    assert planted.max() == 255
    assert (planted[20:] == 240).all()


def test_the_footage_is_left_as_it_is():
    held = Held((160, 90), gray(160, 90))
    Planted(held, (figure(),), 0.0).gray(160, 90)
    assert (held.gray(160, 90) == 100).all()


# --- what is held


def test_what_was_asked_for_while_the_picture_was_there_is_held_to_the_bit():
    pixels = next(NIGHT.frames()).pixels
    held, asked = Held(pixels.size, pixels), Held(pixels.size, pixels)
    asked.gray(160, 90)
    asked.bgr(64)
    held.ask_like(asked)
    held.let_go()
    assert (held.gray(160, 90) == pixels.gray(160, 90)).all()
    assert (held.bgr(64) == pixels.bgr(64)).all()
    assert held.bytes == 160 * 90 + 64 * 36 * 3
    # Another size comes from the nearest larger one; colours are not made up.
    assert np.abs(held.gray(80, 45).astype(int) - pixels.gray(80, 45)).max() <= 1
    with pytest.raises(ConfigError):
        held.bgr(500)


@pytest.mark.parametrize("every", [1.0, 2.0, 5.0, 2.5])
def test_thinned_looks_are_those_that_the_sampler_would_have_taken(night, every):
    taken = []
    session = IntervalSession(IntervalOptions(every=every).step, snap=False)
    for frame in night.excerpts[0].frames:
        if frame.time >= session.aim().time:
            session.saw(frame)
            taken.append(frame.time)
    assert [frame.time for frame in night.excerpts[0].looks(every)] == taken


def test_an_excerpt_is_rehearsed_where_nothing_lies_before_it(night):
    excerpt = night.excerpts[0]
    times = [frame.time for frame in excerpt.stream(lambda frame: frame)]
    assert times == sorted(times)
    assert times[:17] == [-16.0 + second for second in range(17)]
    later = replace(excerpt, start=40.0, end=60.0, frames=excerpt.frames[24:60])
    assert [frame.time for frame in later.stream(lambda frame: frame)] == [float(second) for second in range(24, 60)]


def spec(**changes):
    given = {"uri": "x", "source": {"kind": "pyav"}, "sampler": {"kind": "interval"}, "dedup": TILES, **changes}
    return CoreSpec(**given, windows=WindowOptions(), limits=Limits())


def test_long_footage_is_looked_at_in_excerpts_all_over_it():
    info = SourceInfo("x", 640, 360, 25.0, declared_duration=36_000.0, seekable=True)
    segments, whole = footage._segments(info, spec(), 1.0, 600)
    assert not whole
    assert [segment.end - segment.start for segment in segments] == [120.0] * 5
    assert [segment.start for segment in segments] == [3540.0, 10740.0, 17940.0, 25140.0, 32340.0]
    assert all(segment.seek and segment.warm_up == 16 for segment in segments)
    within = footage._segments(info, spec(start=100.0, end=1900.0), 1.0, 240)[0]
    assert all(100 <= segment.start < segment.end <= 1900 for segment in within)


def test_short_footage_is_looked_at_whole_in_the_segments_of_a_scan():
    info = SourceInfo("x", 640, 360, 25.0, declared_duration=600.0, seekable=True)
    segments, whole = footage._segments(info, spec(), 1.0, 600)
    assert whole
    assert [segment.start for segment in segments] == [0.0, 300.0]
    unknown = SourceInfo("x", 640, 360, 25.0)
    segments, whole = footage._segments(unknown, spec(), 1.0, 60)
    assert not whole
    assert [(segment.start, segment.end) for segment in segments] == [(0.0, 60.0)]


def test_noise_is_measured_whatever_the_texture_and_whatever_moves():
    camera = NightCamera(seconds=2, noise=6.0, clock=True, drift=0.0)
    one, other = camera.pictures()
    assert footage.noise_between(one, other) == pytest.approx(6.0, rel=0.15)
    still = NightCamera(seconds=2, noise=0.0, clock=True, drift=0.0)
    assert footage.noise_between(*still.pictures()) == 0.0


@pytest.fixture(scope="module")
def rain(tmp_path_factory):
    """Forty seconds of a plain wall, 25 pictures a second, with small bright drops elsewhere in each, and somebody from 20 to 26 s."""
    path = tmp_path_factory.mktemp("rain") / "rain.mp4"
    random = np.random.default_rng(4)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"qp": "0", "preset": "ultrafast", "g": "25"})
        stream.width, stream.height, stream.pix_fmt = 160, 90, "yuv420p"
        for number in range(1000):
            picture = np.full((135, 160), 128, np.uint8)
            picture[:90] = 90
            picture[random.integers(0, 90, 60), random.integers(0, 160, 60)] = 140
            if 500 <= number < 650:
                picture[50:56, 60 + number // 25 : 63 + number // 25] = 160
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="yuv420p")))
        container.mux(stream.encode(None))
    return str(path)


def test_in_rain_a_trial_decides_as_a_scan_does(rain):
    whole = spec(uri=rain)
    scanned = [sample.mark for sample in Core(whole).samples()]
    held = footage.read(whole, 1.0, 600, [registry.filled("dedups", TILES), {"kind": "phash"}])
    (tried,) = trials.measure(held, setting(), PRICE).marks
    told = [(mark.time, mark.kept, mark.same_as) for mark in tried]
    assert told == [(mark.time, mark.kept, mark.same_as) for mark in scanned]
    kept = {mark.time for mark in tried if mark.kept}
    assert {20.0, 26.0} <= kept
    assert len(kept) < 15
    # Drops are planted over, in what follows a sample as well: nobody is taken for one.
    trial = tried_with(held, figure(0.1, 0.3, 0.3, start=31.0, end=34.0, contrast=40.0))
    assert [found.verdict for found in trial.found] == [Verdict.SHOWN]


def test_what_follows_is_held_where_somebody_asked_for_it_alone(rain):
    def followed(dedup):
        (excerpt,) = footage.read(spec(uri=rain), 1.0, 600, [dedup]).excerpts
        return [frame.following for frame in excerpt.frames]

    assert followed({"kind": "phash"}) == [None] * 40
    asked = followed(registry.filled("dedups", TILES))
    assert all(isinstance(each, Followed) and len(each.pictures) == MOST for each in asked[:39])
    assert all(picture.live is None and picture.bytes >= 160 * 90 for each in asked for picture in each.pictures)


def test_what_takes_too_much_is_read_with_fewer_samples(rain, monkeypatch):
    monkeypatch.setattr(footage, "HELD_BYTES", 2_500_000)
    held = footage.read(spec(uri=rain), 1.0, 600, [registry.filled("dedups", TILES)])
    frames = [frame for excerpt in held.excerpts for frame in excerpt.frames]
    assert 1 <= len(frames) < 40
    assert sum(frame.pixels.bytes + (frame.following.bytes if frame.following else 0) for frame in frames) <= 2_500_000


# --- the schedule


def all_of(rounds):
    return [each for planted in rounds for excerpt in planted for each in excerpt]


def no_marks(held):
    return [[Mark(frame.index, frame.time, kept=False, reason=Reason.UNCHANGED, same_as=0) for frame in held.excerpts[0].frames]]


def test_a_seed_decides_the_schedule(night):
    first, again = (planting.plant(night, wanted(), EVERYWHERE, no_marks(night)) for _ in range(2))
    assert first == again
    assert first != planting.plant(night, wanted(seed=2), EVERYWHERE, no_marks(night))


def test_every_height_gets_as_many_with_the_same_mixture(night):
    figures = all_of(planting.plant(night, wanted(each=12), EVERYWHERE, no_marks(night)))
    for height in (0.02, 0.10):
        own = [each for each in figures if each.height == height]
        assert len(own) == 12
        assert sum(each.pace == 0 for each in own) == 4
        assert all(abs(each.contrast) == 25 for each in own)
        assert all(2 <= each.end - each.start <= 5 for each in own)
    assert {each.contrast > 0 for each in figures} == {True, False}


def test_one_figure_at_a_time_and_a_pause_after_each(night):
    for planted in planting.plant(night, wanted(each=30), EVERYWHERE, no_marks(night)):
        for one, other in itertools.pairwise(planted[0]):
            assert other.start - one.end >= 0
        starts = [each.start for each in planted[0]]
        assert starts == sorted(starts)
        assert all(0 < each.start < each.end <= 150 for each in planted[0])


def test_figures_stay_in_the_picture_and_inside_of_the_regions(night):
    left = Regions(include=(((0, 0), (0.5, 0), (0.5, 1), (0, 1)),))
    for each in all_of(planting.plant(night, wanted(each=20), left, no_marks(night))):
        for time in (each.start, each.end):
            x0, y0, x1, y1 = each.box(time)
            assert x0 >= -1e-9
            assert y0 >= -1e-9
            assert y1 <= 1 + 1e-9
            assert x1 <= 0.5 + 1 / 160


def test_figures_come_where_the_footage_is_quiet(night):
    marks = no_marks(night)
    marks[0][40:90] = [replace(mark, kept=True, reason=Reason.CHANGED) for mark in marks[0][40:90]]
    rounds = planting.plant(night, wanted(), EVERYWHERE, marks)
    assert all(each.end <= 40 or each.start >= 90 for each in all_of(rounds))
    assert planting.quietness(rounds, marks) > 0.9
    busy = [[replace(mark, kept=True, reason=Reason.CHANGED) for mark in marks[0]]]
    everywhere = planting.plant(night, wanted(), EVERYWHERE, busy)
    assert len(all_of(everywhere)) == 16
    assert planting.quietness(everywhere, busy) == 0


def test_nobody_is_darker_than_black():
    dark = material(given=frames(np.full((40, 90, 160), 20, np.uint8)))
    figures = all_of(planting.plant(dark, wanted(), EVERYWHERE, no_marks(dark)))
    assert {each.contrast for each in figures} == {25.0}


def test_footage_too_short_for_a_figure_is_refused():
    short = material(given=frames(np.full((4, 90, 160), 20, np.uint8)))
    with pytest.raises(ConfigError, match="too short"):
        planting.plant(short, wanted(), EVERYWHERE, no_marks(short))


# --- verdicts


class DropAll(NoDedup):
    """Keeps the first frame and nothing else; says where it does not look when it is given a plane."""

    learns: ClassVar[bool] = False
    blind = None

    class Options(RateOptions):
        """None of its own."""

    def apply(self, given, *, regions=EVERYWHERE, since=float("-inf")):
        first = None
        for frame in given:
            if frame.time < since:
                continue
            if first is None:
                first = frame.index
                yield replace(frame, mark=Mark(first, frame.time, kept=True, reason=Reason.FIRST))
            else:
                mark = Mark(frame.index, frame.time, kept=False, reason=Reason.UNCHANGED, same_as=first, ignored=self.blind)
                yield replace(frame, mark=mark)


@pytest.fixture(scope="module")
def rounds(night):
    return planting.plant(night, wanted(), EVERYWHERE, no_marks(night))


def test_what_keeps_every_look_misses_none(night, rounds):
    trial = tried(night, {"kind": "none"}, rounds)
    assert trial.missed_from(0.0) == 0
    assert all(found.verdict is Verdict.SHOWN and not found.late for found in trial.found)
    # And owes nothing of it to the figures.
    assert all(found.lucky for found in trial.found)


def test_what_drops_every_look_misses_all(night, rounds):
    trial = tried(night, DropAll(), rounds)
    assert trial.missed_from(0.0) == 1
    assert {found.verdict for found in trial.found} == {Verdict.UNNOTICED}


def test_what_misses_many_is_not_tried_to_the_end(night):
    rounds = planting.plant(night, wanted(each=40), EVERYWHERE, no_marks(night))
    assert len(rounds) > 2
    poor = trials.measure(night, setting({"kind": "phash"}), PRICE)
    trials.put_to(poor, night, rounds, PRICE, hopeless=0.02)
    assert 8 <= len(poor.of(0.02)) < 40
    good = trials.measure(night, setting({"kind": "none"}), PRICE)
    trials.put_to(good, night, rounds, PRICE, hopeless=0.02)
    assert len(good.of(0.02)) == 40


def test_phash_misses_the_small_ones_and_tiles_does_not(night, rounds):
    assert tried(night, {"kind": "phash"}, rounds).missed(0.02) >= 7
    tiles = tried(night, TILES, rounds)
    assert tiles.missed(0.02) <= 2
    assert tiles.missed(0.10) == 0
    assert not any(found.lucky for found in tiles.found)


def test_noise_hides_the_small_ones_from_tiles_and_not_the_large_ones():
    noisy = material(NightCamera(seconds=100, noise=16.0, clock=False))
    trial = tried(noisy, TILES, planting.plant(noisy, wanted(), EVERYWHERE, no_marks(noisy)))
    assert trial.missed(0.02) >= 4
    assert trial.missed(0.10) == 0
    assert advice.safe_height(trial, (0.02, 0.10)) == 0.10


def test_who_comes_and_goes_between_two_looks_is_missed_for_that(night):
    trial = trials.measure(night, replace(setting(), every=10.0), PRICE)
    trials.put_to(trial, night, only(figure(start=52.0, end=55.0), figure(start=67.5, end=71.0)), PRICE)
    assert [found.verdict for found in trial.found] == [Verdict.BETWEEN, Verdict.SHOWN]


def test_what_the_cap_leaves_out_is_missed_for_that(night):
    trial = tried(night, {"kind": "none", "max_rate": 0.1}, only(figure(0.02, start=52.0, end=54.0, contrast=5.0)))
    assert [found.verdict for found in trial.found] == [Verdict.THINNED]


def test_who_is_where_nobody_looks_does_not_count_as_missed(night):
    blind = DropAll()
    blind.blind = np.zeros((90, 160), np.uint8)
    blind.blind[:, :80] = 1
    trial = tried(night, blind, only(figure(x=0.2, start=20.0, end=24.0), figure(x=0.8, start=40.0, end=44.0)))
    assert [found.verdict for found in trial.found] == [Verdict.IGNORED, Verdict.UNNOTICED]
    assert (trial.missed(0.1), len(trial.of(0.1))) == (1, 1)


def test_an_end_that_nobody_tells_lingers(night):
    class KeepOnce(DropAll):
        def apply(self, given, **rest):
            for frame in super().apply(given, **rest):
                kept = frame.time == 42.0
                change = {"kept": True, "same_as": None, "reason": Reason.CHANGED} if kept else {}
                same = {"same_as": 42 * 25} if frame.time > 42.0 else {}
                yield replace(frame, mark=replace(frame.mark, **change, **same))

    trial = tried(night, KeepOnce(), only(figure(start=39.5, end=44.0)))
    assert [(found.verdict, found.late, found.lingers) for found in trial.found] == [(Verdict.SHOWN, True, True)]
    told = tried(night, TILES, only(figure(start=39.5, end=44.0)))
    assert [(found.late, found.lingers) for found in told.found] == [(False, False)]


# --- cost


def test_the_cost_is_that_of_windows_and_pictures(night):
    trial = trials.measure(
        night, replace(setting({"kind": "none"}), windows=WindowOptions(max_frames=10, overlap_frames=2)), PRICE
    )
    # 150 frames, eight new ones a window and two shown again, the first window with ten new ones.
    assert (trial.cost.kept, trial.cost.sampled) == (150, 150)
    assert trial.cost.requests == 19
    share = 150 / 300
    assert trial.cost.pictures == pytest.approx(150 + 18 * 2 - (1 - share))
    assert trial.cost.tokens == pytest.approx(19 * 100 + trial.cost.pictures * 16)


def test_a_still_scene_costs_what_its_refresh_costs(night):
    trial = trials.measure(night, setting(), PRICE)
    # One picture, which stands for a segment of five minutes.
    assert trial.pictures == pytest.approx(12.0)
    assert trial.cost.hourly(trial.cost.requests) == pytest.approx(12.0)


# --- advice


def flickering(seconds=120, *, visit=None):
    """A screen that changes at every second look, with a period that no mask takes for a clock; or a visitor for a while."""
    scene = NightCamera(seconds=seconds, noise=0.0, clock=False, drift=0.0).background().clip(0, 255).astype(np.uint8)
    random = np.random.default_rng(3)
    shade = 200
    for second in range(seconds):
        picture = scene.copy()
        if random.random() < 0.5:
            shade = int(random.integers(130, 220))
        if visit is None or second in visit:
            picture[40:80, 480:540] = shade
        yield picture


def test_a_place_that_keeps_changing_is_named_with_what_it_costs():
    held = material(given=frames(flickering()))
    trial = trials.measure(held, setting({"kind": "tiles", "remember": 1}), PRICE)
    place = advice.busiest_place(held, trial, PRICE)
    assert place is not None
    x0, y0, x1, y1 = place.box
    assert x0 <= 0.75
    assert x1 >= 0.84
    assert y0 <= 40 / 360
    assert y1 >= 80 / 360
    assert (x1 - x0) * (y1 - y0) < 0.2
    assert place.share > 0.9
    assert place.pictures < 0.5 * trial.pictures
    assert place.tokens < 0.5 * trial.tokens


def test_a_visitor_is_no_reason_to_exclude_the_place_of_the_visit():
    random = np.random.default_rng(1)
    visit = {int(second) for second in 30 + np.flatnonzero(random.random(40) < 0.5)}
    held = material(given=frames(flickering(visit=visit)))
    trial = trials.measure(held, setting({"kind": "tiles", "remember": 1}), PRICE)
    assert trial.cost.kept > 15
    assert advice.busiest_place(held, trial, PRICE) is None


def test_the_looks_of_a_demand_are_dense_enough_for_it():
    def base(every, lasting):
        profile = config.load({"sampler": {"kind": "interval", "every": every}}, environ={}).profile
        return _sampling(profile, lasting)[2]

    assert base(1.0, 2.0) == 1.0
    assert base(5.0, 2.0) == 1.0
    assert base(0.5, 2.0) == 0.5
    assert base(1.0, 1.0) == 0.5
    # A whole part of the profile's own time, so that its own looks are among those that are taken.
    assert base(3.0, 4.0) == 1.5


def test_demanded_heights_stand_beside_the_usual_ones():
    assert Demand().heights == (0.02, 0.03, 0.05, 0.10)
    assert Demand(height=0.04).heights == (0.02, 0.03, 0.04, 0.05, 0.10)


def test_an_example_shows_every_height_twice():
    still = np.full((540, 960, 3), 100, np.uint8)
    picture = stills.example(still, (0.05, 0.10), 25.0, EVERYWHERE, 1)
    assert picture.shape == still.shape
    levels = set(np.unique(picture[..., 0]).tolist())
    assert {75, 125} <= levels
    assert (still == 100).all()
