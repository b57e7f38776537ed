"""What a demand costs and how long it takes, from low over likely to high, and where the figures come from.

Prompts are estimated by the model's formula; how long answers are and how long they take is measured where this endpoint has been
used before (`videoscan.planning.experience`), and assumed where it has not. Bounds add up as if all were low, or high, at once: that is
wider than it must be, and honest about what nobody knows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from videoscan.planning.demand import Demand
    from videoscan.spending.money import Prices


@dataclass(frozen=True, slots=True)
class Band:
    """Low, likely, high."""

    low: float = 0.0
    likely: float = 0.0
    high: float = 0.0

    def __add__(self, other: Band) -> Band:
        return Band(self.low + other.low, self.likely + other.likely, self.high + other.high)

    def each(self, change: Callable[[float], float]) -> Band:
        """The same of each of the three."""
        return Band(change(self.low), change(self.likely), change(self.high))

    def record(self, digits: int = 0) -> dict[str, float]:
        """For ``--json``."""
        values = {"low": self.low, "likely": self.likely, "high": self.high}
        return {key: round(value, digits) if digits else round(value) for key, value in values.items()}


ASSUMED_ANSWER = Band(120, 350, 1_000)
"""Tokens of an answer. Qwen3-VL and GPT-4o write 200 to 600 about a window of twelve pictures; no more than `max_tokens` in any case."""
ASSUMED_PROMPT = Band(0.8, 1.0, 1.3)
"""What prompts are counted at, of their estimate: chat templates, schemas that are put into words, other tokenizers."""
_FIRST, _READ, _WRITTEN = 1.5, 4_000.0, 60.0
"""Seconds until anything, tokens read a second and written a second by a hosted model of middling size."""
_SPEED = Band(0.5, 1.0, 3.0)


@dataclass(frozen=True, slots=True)
class Experience:
    """What requests to one model take. `latency` is in seconds a request, `None` where it has to be assumed.

    `answer` is in tokens a request; `prompt` what prompts were counted at, as a factor of the estimate. `source` says where it is from.
    """

    answer: Band = ASSUMED_ANSWER
    prompt: Band = ASSUMED_PROMPT
    latency: Band | None = None
    source: str = "assumed: this endpoint was never used from here"


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a profile lets requests go."""

    concurrency: int = 4
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    max_tokens: int = 2048


@dataclass(frozen=True, slots=True)
class Forecast:
    """Tokens, money (`None` without prices) and seconds of describing, of one model."""

    prompt: Band = Band()
    completion: Band = Band()
    cost: Band | None = None
    seconds: Band = Band()

    def __add__(self, other: Forecast) -> Forecast:
        cost = self.cost if other.cost is None else other.cost if self.cost is None else self.cost + other.cost
        return Forecast(self.prompt + other.prompt, self.completion + other.completion, cost, self.seconds + other.seconds)

    def record(self, prices: Prices | None) -> dict[str, Any]:
        """For ``--json``."""
        cost = None
        if self.cost is not None and prices is not None:
            cost = {**self.cost.record(6), "currency": prices.currency, "prices_as_of": prices.as_of}
        return {"completion_tokens": self.completion.record(), "cost": cost, "seconds": self.seconds.record(1)}


def forecast(demands: tuple[Demand, Demand, Demand], experience: Experience, pace: Pace, prices: Prices | None) -> Forecast:
    """What a demand comes to. Three of them (low, likely, high) where it is an estimate itself; else three times the same."""
    answer = experience.answer.each(lambda length: min(length, pace.max_tokens))
    factors = zip(
        demands,
        (experience.prompt.low, experience.prompt.likely, experience.prompt.high),
        (answer.low, answer.likely, answer.high),
        _latencies(demands[1], experience, answer),
        strict=True,
    )
    prompts, completions, costs, times = [], [], [], []
    for wanted, prompt, length, latency in factors:
        read, written = wanted.prompt_tokens * prompt, wanted.requests * length
        seconds = _seconds(wanted.requests, latency, read + written, pace)
        prompts.append(read)
        completions.append(written)
        times.append(seconds)
        costs.append(prices.of_tokens(read, written) + prices.of_time(seconds) if prices else 0.0)
    return Forecast(Band(*prompts), Band(*completions), Band(*costs) if prices else None, Band(*times))


def _latencies(wanted: Demand, experience: Experience, answer: Band) -> tuple[float, float, float]:
    """Seconds a request, of one like those of the demand."""
    if experience.latency is not None:
        return experience.latency.low, experience.latency.likely, experience.latency.high
    read = wanted.prompt_tokens / max(1, wanted.requests)
    likely = _FIRST + read / _READ + answer.likely / _WRITTEN
    return likely * _SPEED.low, likely * _SPEED.likely, likely * _SPEED.high


def _seconds(requests: int, latency: float, tokens: float, pace: Pace) -> float:
    """Wall time of so many requests, side by side as far as the profile lets them go."""
    if not requests:
        return 0.0
    rounds = -(-requests // pace.concurrency)
    bounds = [rounds * latency]
    if pace.requests_per_minute:
        bounds.append(60 * max(0.0, requests - 1) / pace.requests_per_minute)
    if pace.tokens_per_minute:
        bounds.append(60 * max(0.0, tokens / pace.tokens_per_minute - 1))
    return max(bounds)
