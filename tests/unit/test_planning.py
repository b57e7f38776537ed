"""What a scan comes to before it is made: the same windows as the scan's, bands that hold, figures that say where they are from."""

import json
import random

import pytest

from videoscan.config import WindowOptions
from videoscan.model import Mark, Picture, PictureCost, Reason, Sample
from videoscan.planning import experience, quick
from videoscan.planning.demand import Demand, Smaller, demand, thinned
from videoscan.planning.forecast import Band, Experience, Pace, forecast
from videoscan.planning.sketch import Sketch, Sketcher, light
from videoscan.seams import Limits
from videoscan.spending.money import Prices
from videoscan.windows import windows

QWEN = PictureCost("patch", size=32, base=2)
LIMITS = Limits(cost=QWEN)


def sample(number, time, *, size=(640, 360), data=50_000, reason=Reason.CHANGED):
    picture = Picture(number, time, b"x" * data, b"y" * (4 * ((data + 2) // 3)), "image/jpeg", *size, tokens=222)
    return Sample(Mark(number, time, kept=True, reason=reason), pictures=(picture,))


def dropped(number, time, same_as):
    return Sample(Mark(number, time, kept=False, reason=Reason.UNCHANGED, same_as=same_as))


def night(seed=1, seconds=600):
    """A stretch in which something goes on now and then."""
    dice = random.Random(seed)
    made, last = [], 0
    for second in range(seconds):
        if second == 0 or dice.random() < (0.8 if (second // 40) % 3 == 0 else 0.02):
            made.append(sample(second, float(second), reason=Reason.CUT if dice.random() < 0.05 else Reason.CHANGED))
            last = second
        else:
            made.append(dropped(second, float(second), last))
    return made


def sketched(samples, options, limits=LIMITS, duration=600.0):
    """As a plan gets it: through the windows of a core."""
    from videoscan.model import SourceInfo, Tally

    sketcher = Sketcher()
    sketcher.take(SourceInfo("a", 640, 360, 25.0))
    for window in windows(iter(samples), options, limits, duration=lambda: duration):
        sketcher.take(window)
    sketcher.take(Tally(duration, 100))
    return sketcher.sketch()


@pytest.mark.parametrize(
    "options", [WindowOptions(), WindowOptions(max_frames=5, overlap_frames=2), WindowOptions(close_at_cut=False)]
)
@pytest.mark.parametrize("limits", [LIMITS, Limits(cost=QWEN, body_bytes=200_000), Limits(cost=QWEN, pictures=3)])
def test_a_sketch_gives_the_windows_of_the_pass_it_was_made_of(options, limits):
    samples = night()
    true = list(windows(iter(samples), options, limits, duration=lambda: 600.0))
    sketch = sketched(samples, options, limits)
    assert sketch.sampled == 600
    assert sketch.kept == sum(each.mark.kept for each in samples)
    found = demand(sketch, options, limits, words=100)
    assert found.windows == len(true)
    assert found.images == sum(len(window.pictures) for window in true)
    assert found.image_bytes == sum(len(picture.data) for window in true for picture in window.pictures)
    assert found.picture_tokens == 222 * found.images
    assert found.text_tokens == 100 * found.requests + 16 * found.images


def test_one_sampling_serves_every_model_and_every_size():
    sketch = sketched(night(), WindowOptions())
    qwen, gpt = (
        demand(sketch, WindowOptions(), Limits(cost=cost), words=0)
        for cost in (QWEN, PictureCost("tile", size=512, base=85, each=170))
    )
    assert qwen.images == gpt.images
    assert (qwen.picture_tokens, gpt.picture_tokens) == (222 * qwen.images, (85 + 2 * 170) * qwen.images)
    half = demand(sketch, WindowOptions(), LIMITS, words=0, smaller=Smaller(long_side=320))
    assert half.picture_tokens == (10 * 6 + 2) * half.images
    assert half.image_bytes < qwen.image_bytes / 2


def test_a_rate_leaves_what_its_blocks_have_room_for():
    samples = [sample(number, number / 2) for number in range(240)]  # two a second for two minutes
    assert len(list(thinned(samples, 0.2))) == 24
    assert len(list(thinned(samples, 1 / 60))) == 2
    assert list(thinned(samples, 0)) == samples
    kept = [each.mark.time for each in thinned(samples, 0.2)]
    assert kept == sorted(kept)


def test_a_sketch_takes_no_memory_for_its_pictures():
    made = light(Mark(1, 1.0, kept=True, reason=Reason.CHANGED), sample(1, 1.0, data=3_000_000).pictures)
    assert len(made.pictures[0].data) == 3_000_000
    other = light(Mark(2, 2.0, kept=True, reason=Reason.CHANGED), sample(2, 2.0, data=2_000_000).pictures)
    assert made.pictures[0].data.obj is not None
    assert len(other.pictures[0].base64) == 4 * ((2_000_000 + 2) // 3)


# --- forecasts

DEMAND = Demand(windows=10, requests=10, images=100, image_bytes=1, picture_tokens=20_000, text_tokens=5_000)


def test_a_forecast_is_tokens_times_prices_and_rounds_times_latency():
    known = Experience(Band(100, 200, 300), Band(1.0, 1.0, 2.0), Band(1, 2, 3), "measured")
    prices = Prices("USD", "2026-11-01", prompt=10, completion=100)
    found = forecast((DEMAND, DEMAND, DEMAND), known, Pace(concurrency=4), prices)
    assert found.prompt == Band(25_000, 25_000, 50_000)
    assert found.completion == Band(1_000, 2_000, 3_000)
    assert found.seconds == Band(3, 6, 9)  # three rounds of four
    assert found.cost.likely == pytest.approx(0.25 + 0.2)
    assert found.record(prices)["cost"]["prices_as_of"] == "2026-11-01"


def test_an_answer_is_never_expected_longer_than_it_may_be():
    found = forecast((DEMAND, DEMAND, DEMAND), Experience(), Pace(max_tokens=150), None)
    assert found.completion.high == 1_500
    assert found.cost is None


def test_limits_per_minute_and_hours_of_an_endpoint_count():
    known = Experience(latency=Band(1, 1, 1))
    hourly = Prices("CNY", "2026-11-01", hour=36)
    slow = forecast((DEMAND,) * 3, known, Pace(concurrency=10, requests_per_minute=6), hourly)
    assert slow.seconds.likely == 90
    assert slow.cost.likely == pytest.approx(0.9)
    few = forecast((DEMAND,) * 3, known, Pace(concurrency=10, tokens_per_minute=5_000), None)
    assert few.seconds.likely == pytest.approx(60 * ((25_000 + 3_500) / 5_000 - 1))


def test_what_was_measured_before_is_used_and_named(tmp_path):
    folder = tmp_path / "night"
    folder.mkdir()
    describer = {"kind": "openai", "endpoint": "http://a/v1", "model": "m"}
    (folder / "timeline.json").write_text(json.dumps({"describer": describer}))
    usage = {"requests": 1, "prompt_tokens": 1000, "completion_tokens": 100}
    lines = [
        {"journal": "x"},
        *({"key": str(n), "frames": [1, 2], "description": {"usage": usage, "seconds": 2.0 + n}} for n in range(10)),
    ]
    (folder / "journal.jsonl").write_text("\n".join(map(json.dumps, lines)) + '\n{"key": "torn')
    rows = [{"frame": frame, "pictures": [{"tokens": 184}]} for frame in (1, 2)]
    (folder / "sampling.jsonl").write_text(json.dumps({"segment": [0, None], "samples": rows}) + "\n")
    known = experience.of_folder(tmp_path, "http://a/v1", "m", words=100)
    assert known.answer == Band(100, 100, 100)
    assert known.latency == Band(3.0, 6.5, 10.0)
    assert known.prompt.likely == pytest.approx(1000 / (100 + 2 * (184 + 16)))
    assert "measured on 10 answers" in known.source
    assert experience.of_folder(tmp_path, "http://a/v1", "other") is None
    assert experience.of_folder(tmp_path / "nowhere", "http://a/v1", "m") is None


# --- excerpts


def excerpts_of(samples, count, seconds, duration):
    """What excerpts would see of a sampling that is known, without their warm-up's losses."""
    found = []
    for place in range(count):
        part = duration * place / count, duration * (place + 1) / count
        start = part[0] + (place * 0.618 % 1) * max(0.0, part[1] - part[0] - seconds) if place else 0.0
        inside = [each for each in samples if start <= each.mark.time < start + seconds]
        kept = tuple(each for each in inside[1:] if each.mark.kept)
        found.append(quick.Excerpt(start, start + seconds, part, kept, sample(0, start), len(inside)))
    return found


def test_the_band_of_excerpts_holds_the_truth_nineteen_times_in_twenty():
    held = 0
    for seed in range(40):
        samples = night(seed, 3600)
        guess = quick.together(excerpts_of(samples, 16, 20.0, 3600.0), 3600.0, refreshed=12)
        true = sum(each.mark.kept for each in samples)
        held += guess.sketch.kept * guess.low <= true <= guess.sketch.kept * guess.high
    assert held >= 36


def test_excerpts_in_which_nothing_happens_do_not_prove_that_nothing_does():
    still = [sample(0, 0.0), *(dropped(second, float(second), 0) for second in range(1, 3600))]
    guess = quick.together(excerpts_of(still, 8, 20.0, 3600.0), 3600.0, refreshed=12)
    assert guess.sketch.kept == 12
    assert guess.low == 1.0
    assert guess.high * guess.sketch.kept == pytest.approx(12 + 3 * 3600 / 160)


def test_a_sketch_of_excerpts_is_as_long_as_the_source_and_in_order():
    guess = quick.together(excerpts_of(night(3, 3600), 8, 20.0, 3600.0), 3600.0, refreshed=12)
    times = [each.mark.time for each in guess.sketch.samples]
    assert times == sorted(times)
    assert times[0] >= 0
    assert times[-1] < 3600
    assert guess.sketch.sampled == pytest.approx(3600, rel=0.05)
    assert isinstance(guess.sketch, Sketch)
