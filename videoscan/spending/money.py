"""Budgets and prices as values: what may be spent, what a million tokens cost, and the only parser of ``5USD`` and ``2Mtok``.

No currency is ever converted: a budget in one needs prices in the same. A token is a million-th of what prices name.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from videoscan.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from videoscan.model import Usage

Per: TypeAlias = Literal["run", "day"]

MILLION = 1_000_000
_HOUR = 3600.0

_UNITS = {
    "tok": ("tokens", 1),
    "ktok": ("tokens", 1_000),
    "Mtok": ("tokens", MILLION),
    "req": ("requests", 1),
    "kreq": ("requests", 1_000),
}
_LIMIT = re.compile(r"(?P<number>\d+(?:_\d+)*(?:\.\d+)?)\s*(?P<unit>[A-Za-z]+)(?:/(?P<per>[a-z]+))?")
_EXAMPLES = "such as 5USD, 30CNY, 2Mtok, 500ktok or 500req; several with commas between them, and /day for a day's budget"


@dataclass(frozen=True, slots=True)
class Spent:
    """What was spent, or is held back for a request under way. `cost` is money in the budget's currency."""

    cost: float = 0.0
    tokens: int = 0
    requests: int = 0

    def __add__(self, other: Spent) -> Spent:
        return Spent(self.cost + other.cost, self.tokens + other.tokens, self.requests + other.requests)


@dataclass(frozen=True, slots=True)
class Budget:
    """What may be spent: money, tokens (prompts and answers together), requests; `None` is no limit. All limits hold at once.

    `per` is one run of a command, or one day of this machine's clock over all runs whose budgets name the same `ledger`.
    """

    cost: float | None = None
    currency: str | None = None
    tokens: int | None = None
    requests: int | None = None
    per: Per = "run"
    ledger: str = "default"
    fit: bool = True
    """Whether less is sent so that it suffices; see `videoscan.planning.fitting`."""

    def __bool__(self) -> bool:
        return not (self.cost is None and self.tokens is None and self.requests is None)

    @property
    def counts_tokens(self) -> bool:
        """Whether it matters how many tokens a request takes."""
        return self.cost is not None or self.tokens is not None

    def __str__(self) -> str:
        """For people: ``5 USD a day``, ``2,000,000 tokens and 500 requests``."""
        return " and ".join(self._limits()) + (" a day" if self.per == "day" else "")

    @property
    def written(self) -> str:
        """As ``--budget`` reads it, without what it is per: ``5USD``, ``2Mtok and 500req``."""
        cost = [] if self.cost is None else [f"{self.cost:.10g}{self.currency}"]
        tokens = [] if self.tokens is None else [_tokens_written(self.tokens)]
        return " and ".join([*cost, *tokens, *([] if self.requests is None else [f"{self.requests}req"])])

    def _limits(self) -> Iterable[str]:
        if self.cost is not None:
            yield self._money()
        if self.tokens is not None:
            yield counted(self.tokens, "token")
        if self.requests is not None:
            yield counted(self.requests, "request")

    def _money(self) -> str:
        return f"{self.cost:.10g} {self.currency}"  # a limit is never rounded

    def passed_by(self, spent: Spent) -> str | None:
        """The first limit that so much would pass, for people; `None` where all of it fits."""
        if self.cost is not None and spent.cost > self.cost * (1 + 1e-12):
            return self._money()
        if self.tokens is not None and spent.tokens > self.tokens:
            return counted(self.tokens, "token")
        if self.requests is not None and spent.requests > self.requests:
            return counted(self.requests, "request")
        return None

    def left(self, spent: Spent) -> Budget:
        """What remains of it. Never below nothing."""
        return Budget(
            None if self.cost is None else max(0.0, self.cost - spent.cost),
            self.currency,
            None if self.tokens is None else max(0, self.tokens - spent.tokens),
            None if self.requests is None else max(0, self.requests - spent.requests),
            self.per,
            self.ledger,
            self.fit,
        )


@dataclass(frozen=True, slots=True)
class Prices:
    """What a model costs: money per million tokens, and per hour of an endpoint that is billed while it is deployed.

    `cached` is for prompt tokens that the server says it had in its cache; as `prompt`, where it is `None`. `as_of` is the date at
    which somebody looked the prices up.
    """

    currency: str
    as_of: str
    prompt: float = 0.0
    completion: float = 0.0
    cached: float | None = None
    hour: float = 0.0

    def __bool__(self) -> bool:
        return bool(self.prompt or self.completion or self.hour)

    def of_tokens(self, prompt: float, completion: float, cached: float = 0) -> float:
        """What so many tokens cost. `cached` are those of `prompt` that came out of the server's cache."""
        cached = min(cached, prompt)
        read = self.prompt if self.cached is None else self.cached
        return ((prompt - cached) * self.prompt + cached * read + completion * self.completion) / MILLION

    def of_time(self, seconds: float) -> float:
        """What so long a use of a deployed endpoint costs."""
        return self.hour * seconds / _HOUR

    def of(self, usage: Usage) -> float:
        """What was used costs, time not included: what the server counted, and what had to be assumed where it did not say."""
        counted = self.of_tokens(usage.prompt_tokens or 0, usage.completion_tokens or 0, usage.cached_tokens or 0)
        return counted + self.of_assumed(usage)

    def of_assumed(self, usage: Usage) -> float:
        """The part of `of` that rests on no count of the server's."""
        return self.of_tokens(usage.assumed_prompt_tokens, usage.assumed_completion_tokens)

    def record(self, usage: Usage, *, seconds: float = 0.0) -> dict[str, Any]:
        """A timeline's `usage.cost`. `seconds` is how long a deployed endpoint was in use."""
        time = self.of_time(seconds)
        return {
            "amount": _rounded(self.of(usage) + time),
            "currency": self.currency,
            "prices_as_of": self.as_of,
            "estimated": _rounded(self.of_assumed(usage)),
            "time": _rounded(time),
        }


def _rounded(amount: float) -> float:
    return round(amount, 8)


@dataclass(slots=True)
class _Read:
    """Limits by the budget's key, and where each was read."""

    limits: dict[str, Any] = field(default_factory=dict)

    def put(self, key: str, value: object, text: str) -> None:
        if key in self.limits and self.limits[key] != value:
            raise ConfigError(f"--budget {text}: a second limit for {key}", hint="give each kind of limit once")
        self.limits[key] = value


def parse_budget(texts: Iterable[str]) -> dict[str, Any]:
    """What ``--budget`` means, by the keys of the `budget` table. Raises `ConfigError`.

    Each text is one limit or several: ``5USD``, ``2Mtok,500req``, ``30CNY/day``.
    """
    read = _Read()
    for text in texts:
        for part in re.split(r"[,;+]|\s+(?=\d)", text.strip()):
            key, value, per = _limit(part.strip(), said=f"--budget {text}")
            read.put(key, value, text)
            if per is not None:
                read.put("per", per, text)
    return read.limits


def parse_cost(text: str) -> tuple[float, str]:
    """``5USD`` as an amount and its currency. Raises `ConfigError`."""
    key, value, per = _limit(text.strip(), said=repr(text))
    if key != "cost" or per is not None:
        raise ConfigError(f"{text!r} is no amount of money", hint="an amount and a currency, such as 5USD or 30CNY")
    found = _LIMIT.fullmatch(value)
    assert found is not None
    return float(found["number"].replace("_", "")), found["unit"]


def parse_count(text: str, what: Literal["tokens", "requests"]) -> int:
    """``2Mtok`` or ``500req`` as a number. Raises `ConfigError`."""
    key, value, per = _limit(text.strip(), said=repr(text))
    if key != what or per is not None:
        example = "2Mtok" if what == "tokens" else "500req"
        raise ConfigError(f"{text!r} is no number of {what}", hint=f"a whole number, or such as {example}")
    return int(value)


def _limit(text: str, *, said: str) -> tuple[str, Any, Per | None]:
    """The budget's key, its value, and what it is per, if that is told. Complaints begin with what was `said`."""
    found = _LIMIT.fullmatch(text)
    if found is None:
        hint = f"write {text.strip('$€£¥ ')}USD or the like: {_EXAMPLES}" if re.search(r"[$€£¥]", text) else _EXAMPLES
        raise ConfigError(f"{said}: {text!r} is no limit", hint=hint)
    number, unit, per = float(found["number"].replace("_", "")), found["unit"], found["per"]
    if per not in {None, "run", "day"}:
        raise ConfigError(f"{said}: a budget per {per} is not known", hint="per run (as it stands) or /day")
    period: Per | None = per  # type: ignore[assignment]  # it is one of them
    if number <= 0:
        raise ConfigError(f"{said}: nothing could be sent for {text!r}", hint="leave --budget out, or raise it")
    if unit in _UNITS:
        key, times = _UNITS[unit]
        count = number * times
        if count != int(count):
            raise ConfigError(f"{said}: {text!r} is no whole number of {key}", hint=_EXAMPLES)
        return key, int(count), period
    close = next((known for known in _UNITS if unit.lower().removesuffix("s") in {known.lower(), f"{known}en".lower()}), None)
    if close is not None:
        raise ConfigError(f"{said}: the unit {unit!r} is not known", hint=f"did you mean {found['number']}{close}?")
    if not re.fullmatch(r"[A-Z]{3}", unit):
        hint = f"did you mean {found['number']}{unit.upper()}? " if re.fullmatch(r"[A-Za-z]{3}", unit) else ""
        raise ConfigError(f"{said}: the unit {unit!r} is not known", hint=f"{hint}{_EXAMPLES}")
    return "cost", f"{found['number']}{unit}", period


def _tokens_written(count: int) -> str:
    for unit, size in (("Mtok", MILLION), ("ktok", 1_000)):
        if count >= size and count % (size // 10) == 0:
            return f"{count / size:.10g}{unit}"
    return f"{count}tok"


def counted(count: int, what: str) -> str:
    """For people: ``1 request``, ``25,800 tokens``."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def money(amount: float, currency: str) -> str:
    """For people: ``0.0123 USD``, ``12.35 USD``."""
    return f"{digits(amount)} {currency}"


def digits(amount: float) -> str:
    """The number of an amount: to the hundredth, or the three digits that count of one below 1."""
    if not amount or abs(amount) >= 1:
        return f"{amount:,.2f}"
    whole, places = f"{amount:.{2 - math.floor(math.log10(abs(amount)))}f}".split(".")
    return f"{whole}.{places.rstrip('0').ljust(2, '0')}"
