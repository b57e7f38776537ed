"""What a plan counts beside windows: at most so many second looks, and about so many requests for a summary."""

import pytest

from videoscan import config
from videoscan.model import Mark, Picture, PictureCost, Reason, Sample
from videoscan.planning.beside import alert_questions, beside, doubtful_pairs, second_looks, summaries
from videoscan.planning.demand import Demand
from videoscan.planning.forecast import Experience, Pace
from videoscan.planning.sketch import Sketch
from videoscan.seams import Limits
from videoscan.spending import tokens
from videoscan.spending.money import Prices
from videoscan.summary import summarize
from videoscan.writing import shares

COST = PictureCost("patch", 32)
WORDS = tokens.of_words(summarize.prompt_for((), most=20, question=None, language=None), "")


def profile(*sets):
    return config.load("default", sets=sets, environ={}).profile


def sketch(count=10, width=640, height=320):
    samples = tuple(
        Sample(
            Mark(n, float(n), kept=True, reason=Reason.CHANGED),
            pictures=(Picture(n, float(n), bytes(1000), b"", "image/jpeg", width, height),),
        )
        for n in range(count)
    )
    return Sketch(samples, float(count))


def windows(count, images):
    return Demand(windows=count, requests=count, images=images)


@pytest.mark.parametrize(
    ("share", "count", "images", "limits", "looks", "pictures"),
    [
        (0, 50, 500, Limits(cost=COST), 0, 0),
        (0.1, 1, 5, Limits(cost=COST), 1, 12),
        (0.1, 50, 500, Limits(cost=COST), 5, 50),
        (1.0, 3, 36, Limits(cost=COST), 3, 36),
        (0.1, 1, 5, Limits(cost=COST, pictures=5), 1, 5),
        (0.1, 0, 0, Limits(cost=COST), 0, 0),
    ],
)
def test_second_looks_are_counted_as_all_that_they_may_be(share, count, images, limits, looks, pictures):
    most = second_looks(sketch(), profile(f"second_look.share={share}"), limits, windows(count, images), words=1000)
    assert (most.windows, most.requests, most.images) == (0, looks, pictures)
    assert most.image_bytes == 1000 * pictures
    assert most.picture_tokens == pictures * max(COST.tokens(640, 320), COST.tokens(512, 512))
    assert most.text_tokens >= 1000 * looks


def test_the_questions_of_alert_rules_are_counted_as_all_that_they_may_be():
    def asked(*rules, limits=None, count=10):
        wanted = config.load({"alerts": list(rules)}, environ={}).profile
        return alert_questions(sketch(), wanted, limits or Limits(cost=COST), windows(count, 50))

    asking, other = {"name": "a", "ask": "Does he climb?"}, {"name": "b", "tags": ["person"]}
    one = asked(asking, other)
    assert (one.requests, one.images) == (30, 180)
    assert one.picture_tokens == 180 * COST.tokens(640, 320)
    assert asked(asking, {**asking, "name": "c"}).requests == 60
    assert asked(asking, limits=Limits(cost=COST, pictures=2)).images == 60
    assert asked(other) == asked(asking, count=0) == asked(asking, limits=Limits(cost=COST, sends=False)) == Demand()


def counted(wanted, three, prices):
    return beside(
        sketch(),
        wanted,
        Limits(cost=COST),
        three,
        Experience(),
        Pace(),
        words=1000,
        prices=prices,
        summary_prices=prices,
        pairs_prices=prices,
    )


def test_second_looks_are_in_the_upper_figures_only():
    three = (windows(5, 50),) * 3
    prices = Prices("USD", "2026-11-28", 1.0, 2.0)
    made = counted(profile(), three, prices)
    assert (made.forecast.prompt.low, made.forecast.prompt.likely) == (0, 0) != made.forecast.prompt.high
    assert made.forecast.cost.likely == 0 < made.forecast.cost.high
    assert (made.requests.low, made.requests.likely, made.requests.high) == (0, 0, 1)
    assert set(made.record()) == {"second_looks"}
    twice = made + made
    assert twice.second.requests == 2
    assert twice.forecast.prompt.high == 2 * made.forecast.prompt.high


@pytest.mark.parametrize("count", [1, 12, 300, 4000])
def test_a_summary_takes_about_as_many_requests_as_it_would_of_so_many_events(count):
    wanted = profile("summary.enabled=true", "summary.max_tokens=4000")
    _, likely, high = summaries(wanted, (windows(count, count),) * 3)
    line = summarize.Item(0, "word " * 47)
    assert line.tokens == 60
    asked, items = 0, [line] * count
    while True:  # as `videoscan.summary.summarizing` goes about it, every part with as many chapters as it may have
        parts = summarize.parts_of(items, shares(4000, WORDS)[1])
        asked += len(parts)
        if len(parts) == 1:
            break
        items = [line] * sum(summarize.chapters_for(len(part), last=False) for part in parts)
    assert abs(likely.requests - asked) <= max(1, 0.1 * asked)
    assert high.requests >= likely.requests
    assert high.prompt_tokens > likely.prompt_tokens


def test_no_summary_by_a_model_is_no_request():
    assert summaries(profile(), (windows(5, 50),) * 3) == (Demand(), Demand(), Demand())


def test_doubtful_pairs_are_in_the_upper_figures_only_and_only_where_they_are_asked_about():
    three, prices = (windows(5, 50),) * 3, Prices("USD", "2026-11-28", 1.0, 2.0)
    without, made = (counted(profile(*sets), three, prices) for sets in ((), ("reconcile.ask=true",)))
    assert without.pairs == Demand()
    assert set(made.record()) == {"second_looks", "doubtful_pairs"}
    assert (made.requests.low, made.requests.likely) == (0, 0)
    assert made.requests.high == without.requests.high + made.pairs.requests
    assert (made.forecast.prompt.likely, made.forecast.cost.likely) == (0, 0)
    assert made.forecast.prompt.high >= without.forecast.prompt.high + made.pairs.prompt_tokens
    assert made.forecast.cost.high > without.forecast.cost.high
    assert (made + made).pairs.requests == 2 * made.pairs.requests


def test_twice_the_windows_are_about_twice_the_pairs_and_one_window_has_none():
    wanted = profile("reconcile.ask=true")
    one, some, many = (doubtful_pairs(wanted, windows(count, count)) for count in (1, 1_001, 2_001))
    assert one == Demand()
    assert abs(many.requests - 2 * some.requests) <= 1
    assert many.text_tokens == pytest.approx(2 * some.text_tokens, rel=0.01)
    assert all(each.text_tokens / each.requests <= wanted.reconcile.max_tokens for each in (some, many))
