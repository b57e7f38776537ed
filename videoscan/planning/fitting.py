"""Makes a scan small enough for its budget before it starts, by the measure that loses least.

In this order, each on top of the ones before it, as far as it saves anything of what is short:

1. no picture is shown twice at the borders of windows;
2. fuller windows (more pictures and more seconds in each), so that fewer words and answers are paid for: finer summaries are lost;
3. smaller pictures, down to `SHARP` pixels: small things are lost, nothing that happens is;
4. fewer pictures, spread over time and changes (`videoscan.reading.choosing`): moments are lost, and stand in the timeline as skipped;
5. smaller pictures still, down to `SMALLEST`.

It is judgement that 3 comes before 4: a kept picture shows a change, by the deduplicator's word, and a person of a tenth of the
height is 36 pixels high at 640 x 360. What is planned is the likely cost and a tenth, so that some is left for what goes wrong; whether
it suffices shows when a scan runs, and there the ceiling is hard (`videoscan.spending.ledger`).
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING

from videoscan.folder import FITTED
from videoscan.planning.demand import AS_IT_IS, Demand, Smaller, demand
from videoscan.planning.forecast import Experience, Pace, forecast
from videoscan.spending.ledger import KNOWN_MARGIN
from videoscan.spending.money import Budget, Prices, Spent, counted, money

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from videoscan.config import WindowOptions
    from videoscan.planning.sketch import Sketch
    from videoscan.seams import Limits

SHARP, SMALLEST = 640, 384
_SIDES = (1600, 1280, 1024, 896, 768, SHARP)
_MOST_FRAMES = 24
"""Pictures of a fuller window. Models overlook more the more they are shown; the default is half of it."""
_LONGER = (2, 4, 8)
_SLOWEST = 1 / 600
"""Pictures a second: one in ten minutes is as few as this goes."""
_STEP = 1.25
_SPARE = 1.1


@dataclass(frozen=True, slots=True)
class Sampled:
    """One input's sampling, with what its windows would be made by. `words` is the estimated text of one request."""

    sketch: Sketch
    options: WindowOptions
    limits: Limits
    words: int
    experience: Experience = Experience()
    pace: Pace = Pace()
    prices: Prices | None = None

    def demand(self, smaller: Smaller) -> Demand:
        """What would be sent."""
        return demand(
            self.sketch, self.options.model_copy(update={"choose": False}), self.limits, words=self.words, smaller=smaller
        )


@dataclass(frozen=True, slots=True)
class Fit:
    """How scans were made smaller for a budget. `measures` are sentences; `planned` is what is expected to be spent then."""

    smaller: Smaller = AS_IT_IS
    measures: tuple[str, ...] = ()
    budget: str = ""
    planned: Spent = field(default_factory=Spent)
    currency: str | None = None
    suffices: bool = True

    def __bool__(self) -> bool:
        return bool(self.smaller)

    def sentence(self) -> str:
        """For a person, in one line."""
        done = "; ".join(self.measures) or "nothing was left out"
        rest = "" if self.suffices else "; even so it will not suffice for all, and the rest is skipped"
        return f"to fit the budget of {self.budget}: {done}; {self.expected()} are likely{rest}"

    def expected(self) -> str:
        """What it will likely take, in words."""
        planned = self.planned
        parts = [money(planned.cost, self.currency)] if self.currency else []
        tokens = round(planned.tokens, -2) or planned.tokens
        return ", ".join([*parts, counted(tokens, "token"), counted(planned.requests, "request")])


def fit(sampled: Sequence[Sampled], left: Budget, budget: Budget) -> Fit:
    """The least loss with which all of it together likely stays within what is `left` of a budget."""
    as_it_is = expected(sampled, AS_IT_IS)
    tried = AS_IT_IS
    best = as_it_is
    if _fits(as_it_is, sampled, left, AS_IT_IS):
        return Fit(AS_IT_IS, (), str(budget), as_it_is, budget.currency)
    for smaller in _gentle(sampled):
        spent = expected(sampled, _over(tried, smaller))
        if not _saves(spent, best, left):
            continue
        tried, best = _over(tried, smaller), spent
        if _fits(best, sampled, left, tried):
            return _made(tried, best, sampled, budget, suffices=True)
    for side in (None, *(side for side in (512, 448, SMALLEST) if side < (tried.long_side or SHARP))):
        at = tried if side is None else replace(tried, long_side=side)
        if side is not None and not _saves(expected(sampled, at), expected(sampled, tried), left):
            continue
        found = _slowest_that_fits(sampled, at, left)
        if found is not None:
            return _made(found, expected(sampled, found), sampled, budget, suffices=True)
    # Not even that: then nothing is made smaller for its sake, and the scan stops where the budget does.
    return Fit(AS_IT_IS, (), str(budget), as_it_is, budget.currency, suffices=False)


def expected(sampled: Sequence[Sampled], smaller: Smaller) -> Spent:
    """What all of it will likely take, and a tenth more."""
    total = Spent()
    for each in sampled:
        wanted = each.demand(smaller)
        likely = forecast((wanted, wanted, wanted), each.experience, each.pace, each.prices)
        cost = likely.cost.likely if likely.cost is not None else 0.0
        total += Spent(_SPARE * cost, round(_SPARE * (likely.prompt.likely + likely.completion.likely)), wanted.requests)
    return total


def _fits(spent: Spent, sampled: Sequence[Sampled], left: Budget, smaller: Smaller) -> bool:
    """Whether there is room for it when the last request is held at the worst that it could take, as it will be."""
    last = Spent()
    for each in sampled:
        wanted = each.demand(smaller)
        if wanted.requests:
            prompt = int(KNOWN_MARGIN * wanted.prompt_tokens / wanted.requests)
            cost = each.prices.of_tokens(prompt, each.pace.max_tokens) if each.prices else 0.0
            last = Spent(max(last.cost, cost), max(last.tokens, prompt + each.pace.max_tokens), 0)
    share = 1 - 1 / max(1, spent.requests)
    before = Spent(spent.cost * share, int(spent.tokens * share), spent.requests)
    return left.passed_by(spent) is None and left.passed_by(before + last) is None


def _saves(spent: Spent, before: Spent, left: Budget) -> bool:
    """Whether a measure saves at least a fiftieth of anything that is limited."""
    pairs = (
        (left.cost, spent.cost, before.cost),
        (left.tokens, spent.tokens, before.tokens),
        (left.requests, spent.requests, before.requests),
    )
    return any(limit is not None and now < 0.98 * then for limit, now, then in pairs)


def _gentle(sampled: Sequence[Sampled]) -> Iterator[Smaller]:
    """What loses no moment, in order; each is laid over the ones that helped."""
    if any(each.options.overlap_frames for each in sampled):
        yield Smaller(overlap_frames=0)
    frames = max(each.options.max_frames for each in sampled)
    most = min((each.limits.pictures for each in sampled if each.limits.pictures), default=_MOST_FRAMES)
    fuller = min(max(_MOST_FRAMES, frames), most)
    seconds = max(each.options.max_seconds for each in sampled)
    if fuller > frames:
        yield Smaller(max_frames=fuller)
    for times in _LONGER:
        yield Smaller(max_frames=fuller if fuller > frames else None, max_seconds=times * seconds)
    largest = max(
        (max(picture.width, picture.height) for each in sampled for sample in each.sketch.samples for picture in sample.pictures),
        default=0,
    )
    for side in _SIDES:
        if side < largest:
            yield Smaller(long_side=side)


def _over(under: Smaller, over: Smaller) -> Smaller:
    changes = {
        key: value for key, value in asdict(over).items() if value not in {None, 0.0} or (key == "overlap_frames" and value == 0)
    }
    return replace(under, **changes)


def _slowest_that_fits(sampled: Sequence[Sampled], at: Smaller, left: Budget) -> Smaller | None:
    """The highest rate of pictures that fits, to a fifth; `None` when none does."""
    fastest = max((each.sketch.kept / max(each.sketch.duration, 1e-9) for each in sampled), default=0.0)
    rates = []
    rate = max(2 * fastest, _SLOWEST)
    while rate >= _SLOWEST:
        rates.append(rate)
        rate /= _STEP
    low, high = 0, len(rates)
    while low < high:
        middle = (low + high) // 2
        tried = replace(at, rate=rates[middle])
        if _fits(expected(sampled, tried), sampled, left, tried):
            high = middle
        else:
            low = middle + 1
    return replace(at, rate=rates[low]) if low < len(rates) else None


def _made(smaller: Smaller, spent: Spent, sampled: Sequence[Sampled], budget: Budget, *, suffices: bool) -> Fit:
    return Fit(smaller, tuple(_measures(smaller, sampled)), str(budget), spent, budget.currency, suffices)


def _measures(smaller: Smaller, sampled: Sequence[Sampled]) -> Iterator[str]:
    options = sampled[0].options
    if smaller.overlap_frames is not None:
        yield "no picture is shown twice"
    if smaller.max_frames or smaller.max_seconds:
        frames, seconds = smaller.max_frames or options.max_frames, smaller.max_seconds or options.max_seconds
        yield f"windows of up to {frames} pictures and {seconds:g} s instead of {options.max_frames} and {options.max_seconds:g} s"
    if smaller.long_side:
        yield f"pictures of {smaller.long_side} instead of {options.long_side} pixels"
    if smaller.rate:
        before = sum(each.demand(replace(smaller, rate=0.0)).images for each in sampled)
        after = sum(each.demand(smaller).images for each in sampled)
        yield f"{after:,} of {before:,} pictures, at most {_every(smaller.rate)}"


def _every(rate: float) -> str:
    return f"{rate:.2g} a second" if rate >= 1 else f"one in {1 / rate:.3g} s"


# --- remembered in an output folder


def text_of(fitted: Fit, of: str) -> bytes:
    """The text of `FITTED`: how a sampling whose key is `of` was made smaller."""
    return json.dumps({"of": of, **asdict(fitted)}, indent=1).encode() + b"\n"


def recall(folder: Path, of: str) -> Fit | None:
    """How a sampling whose key is `of` was made smaller in this folder before; `None` where it was not."""
    try:
        table = json.loads((folder / FITTED).read_bytes())
        if table.pop("of") != of:
            return None
        return Fit(
            Smaller(**table["smaller"]),
            tuple(table["measures"]),
            table["budget"],
            Spent(**table["planned"]),
            table["currency"],
            table["suffices"],
        )
    except (OSError, ValueError, LookupError, TypeError):
        return None
