"""Budgets and prices: what is understood, what is refused and how, and what a million tokens cost."""

import pytest

from videoscan.errors import ConfigError
from videoscan.model import Usage
from videoscan.spending.money import Budget, Prices, Spent, money, parse_budget, parse_cost, parse_count


@pytest.mark.parametrize(
    ("texts", "limits"),
    [
        (["5USD"], {"cost": "5USD"}),
        (["30CNY"], {"cost": "30CNY"}),
        (["0.5USD"], {"cost": "0.5USD"}),
        (["2Mtok"], {"tokens": 2_000_000}),
        (["1.5Mtok"], {"tokens": 1_500_000}),
        (["500ktok"], {"tokens": 500_000}),
        (["500tok"], {"tokens": 500}),
        (["1_000req"], {"requests": 1000}),
        (["2kreq"], {"requests": 2000}),
        (["5 USD"], {"cost": "5USD"}),
        (["5USD/day"], {"cost": "5USD", "per": "day"}),
        (["5USD,500req"], {"cost": "5USD", "requests": 500}),
        (["5USD 500req"], {"cost": "5USD", "requests": 500}),
        (["5USD+2Mtok", "500req"], {"cost": "5USD", "tokens": 2_000_000, "requests": 500}),
        (["500req", "500req"], {"requests": 500}),
        ([], {}),
    ],
)
def test_a_budget_is_read(texts, limits):
    assert parse_budget(texts) == limits


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("5", "5USD"),
        ("USD", "no limit"),
        ("$5", "write 5USD"),
        ("5usd", "did you mean 5USD?"),
        ("5Euro", "unit 'Euro'"),
        ("2MTOK", "did you mean 2Mtok?"),
        ("2tokens", "did you mean 2tok?"),
        ("5reqs", "did you mean 5req?"),
        ("5Req", "did you mean 5req?"),
        ("0USD", "nothing could be sent"),
        ("-5USD", "no limit"),
        ("1e9USD", "no limit"),
        ("nanUSD", "no limit"),
        ("0.5req", "no whole number of requests"),
        ("1,5USD", "'1' is no limit"),
        ("5USD/week", "per week"),
        ("5USD/day,3req/run", "second limit for per"),
        ("", "no limit"),
    ],
)
def test_what_is_no_budget_is_refused_with_what_would_be_one(text, words):
    with pytest.raises(ConfigError) as refused:
        parse_budget([text])
    assert words in str(refused.value)


def test_two_limits_of_one_kind_are_refused():
    with pytest.raises(ConfigError, match="second limit for cost"):
        parse_budget(["5USD", "6USD"])


def test_the_keys_of_a_profile_are_read_as_strictly():
    assert parse_cost("5USD") == (5.0, "USD")
    assert parse_count("2Mtok", "tokens") == 2_000_000
    for bad in ("2Mtok", "5", "5USD/day"):
        with pytest.raises(ConfigError):
            parse_cost(bad)
    with pytest.raises(ConfigError, match="such as 500req"):
        parse_count("2Mtok", "requests")


@pytest.mark.parametrize(
    "text", ["5USD", "0.25CNY", "2Mtok", "500ktok", "1.5Mtok", "1234tok", "7req", "5USD and 7req", "5USD/day"]
)
def test_a_budget_is_written_as_it_is_read(text):
    limits = parse_budget([text.replace(" and ", ",")])
    cost, currency = parse_cost(limits["cost"]) if "cost" in limits else (None, None)
    budget = Budget(cost, currency, limits.get("tokens"), limits.get("requests"), limits.get("per", "run"))
    assert budget.written == text.removesuffix("/day")


def test_a_budget_is_told_as_amounts_are_told():
    assert str(Budget(0.008, "USD")) == "0.008 USD"
    assert str(Budget(12.345678, "CNY", 2_000_000, 1, per="day")) == "12.345678 CNY and 2,000,000 tokens and 1 request a day"


def test_every_limit_holds_at_once_and_meeting_one_is_not_passing_it():
    budget = Budget(1.0, "USD", tokens=1000, requests=3)
    assert budget.passed_by(Spent(1.0, 1000, 3)) is None
    assert budget.passed_by(Spent(1.001, 1000, 3)) == "1 USD"
    assert budget.passed_by(Spent(1.0, 1001, 3)) == "1,000 tokens"
    assert budget.passed_by(Spent(1.0, 1000, 4)) == "3 requests"
    assert budget.left(Spent(0.25, 1200, 1)) == Budget(0.75, "USD", 0, 2)
    assert not Budget()


def test_ten_cents_ten_times_is_a_dollar():
    spent = sum((Spent(0.1) for _ in range(10)), Spent())
    assert Budget(1.0, "USD").passed_by(spent) is None


def test_tokens_cost_what_a_million_costs_and_cached_ones_less():
    prices = Prices("USD", "2026-11-01", prompt=2.0, completion=8.0, cached=0.5, hour=3.6)
    assert prices.of_tokens(1_000_000, 500_000) == 6.0
    assert prices.of_tokens(1_000_000, 0, cached=400_000) == pytest.approx(1.2 + 0.2)
    assert Prices("USD", "2026-11-01", prompt=2.0).of_tokens(1_000_000, 0, cached=400_000) == 2.0
    assert prices.of_time(1800) == 1.8
    usage = Usage(prompt_tokens=500_000, completion_tokens=0, assumed_prompt_tokens=250_000, assumed_completion_tokens=125_000)
    assert prices.record(usage, seconds=10) == {
        "amount": 2.51,
        "currency": "USD",
        "prices_as_of": "2026-11-01",
        "estimated": 1.5,
        "time": 0.01,
    }


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (12.345, "12.35 USD"),
        (1234.5, "1,234.50 USD"),
        (0.01234, "0.0123 USD"),
        (0.0000123, "0.0000123 USD"),
        (0.5, "0.50 USD"),
        (0, "0.00 USD"),
    ],
)
def test_money_is_shown_with_the_digits_that_count(amount, text):
    assert money(amount, "USD") == text
