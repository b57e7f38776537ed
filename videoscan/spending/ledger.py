"""Keeps spending below a budget: whoever sends a request to a model reserves the worst that it can cost, and settles what it did.

::

    reservation = await ledger.reserve(Estimate(prompt_tokens=2_000, completion_tokens=1_024, seconds=120))
    try:
        ...  # send, and read the answer
        await reservation.settle(usage)
    finally:
        reservation.drop()  # nothing, once it is settled; else it may have been billed, and counts as a whole

An `Account` is what a budget holds back and has spent, shared by all that draw on it; a `Ledger` is one user's view of it, with the
prices of one model. Everything that goes to a model asks one: windows, their retries, second looks, summaries, probes. A budget
per day is in a `videoscan.spending.daybook` as well, so that other runs and other processes draw on the same.

The ceiling is hard as far as worst cases are worst cases. How many tokens a prompt takes is a formula until a server has counted:
until then a request is held for `UNKNOWN_MARGIN` times its estimate, and goes alone; after that for the largest factor seen with prompts of
about its length, and a little more.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from videoscan.errors import BudgetSpent
from videoscan.patience import now
from videoscan.spending import money
from videoscan.spending.money import Budget, Prices, Spent

if TYPE_CHECKING:
    from videoscan.model import Estimate, Usage
    from videoscan.spending.daybook import DayBook

UNKNOWN_MARGIN = 2.0
"""What a prompt's estimate is multiplied with before a server has counted one. Qwen's formula was off by 1.6 on LLaVA's pictures."""
KNOWN_MARGIN = 1.1
"""And what the largest factor seen so far is."""
_LEAST_MARGIN = 1.05


@dataclass(slots=True)
class _Seen:
    """How a server's counts compare with the estimates: the largest factors so far, of prompts of like length.

    By length, because what an estimate misses may be a chat template (the same in each) or the pictures (growing with them): what a
    short prompt shows says little of a long one. `prompt` maps the logarithm of an estimate to a factor.
    """

    prompt: dict[int, float] = field(default_factory=dict)
    completion: int = 0
    """The longest answer that was longer than it might be: some servers do not keep to max_tokens."""

    def learn(self, estimate: Estimate, usage: Usage) -> None:
        if usage.prompt_tokens and estimate.prompt_tokens:
            length = estimate.prompt_tokens.bit_length()
            self.prompt[length] = max(self.prompt.get(length, 0.0), usage.prompt_tokens / estimate.prompt_tokens)
        if usage.completion_tokens and usage.completion_tokens > estimate.completion_tokens:
            self.completion = max(self.completion, usage.completion_tokens)

    def margin(self, prompt_tokens: int) -> float:
        """What an estimate of so many tokens is to be multiplied with: by those of about its length, else by the nearest."""
        if not self.prompt:
            return UNKNOWN_MARGIN
        length = prompt_tokens.bit_length()
        near = min(abs(known - length) for known in self.prompt)
        seen = max(factor for known, factor in self.prompt.items() if abs(known - length) <= max(1, near))
        return max(_LEAST_MARGIN, seen * KNOWN_MARGIN)


class Account:
    """What one budget has spent and holds back, shared by every `Ledger` on it. Belongs to one event loop."""

    def __init__(self, budget: Budget, book: DayBook | None = None) -> None:
        self.budget = budget
        self.book = book
        self.spent = Spent()
        """By this process. What others spent of a day's budget is in the book."""
        self.held: set[Reservation] = set()
        self.changed = asyncio.Event()
        """Set, and replaced, when something was settled or given up."""
        self.ended: tuple[str, str] | None = None
        """The limit that was met, and the day, once no further request fits."""

    @property
    def day(self) -> str:
        """What `ended` holds for: this run, or today."""
        return self.book.day() if self.book is not None else "run"

    def holding(self) -> Spent:
        """What this process holds back, at the margins of now."""
        total = Spent()
        for each in self.held:
            total += each.worst()
        return total

    def tell(self) -> None:
        """Wake up who waits for a change."""
        changed, self.changed = self.changed, asyncio.Event()
        changed.set()

    def left(self) -> Budget:
        """What remains, with what others took of a day's budget. Reads the book."""
        return self.budget.left(self.book.spent(self.budget.currency) if self.book is not None else self.spent)


class Accounts:
    """The accounts of one run, one for each budget: inputs whose profiles have the same budget share it."""

    def __init__(self) -> None:
        self._all: dict[Budget, Account] = {}

    def of(self, budget: Budget) -> Account:
        """The account of a budget; a budget per day has its book."""
        if budget not in self._all:
            from videoscan.spending.daybook import DayBook

            book = DayBook(budget.ledger) if budget and budget.per == "day" else None
            self._all[budget] = Account(budget, book)
        return self._all[budget]


class Ledger:
    """One user's way to an account: the prices of one model, and what was learned about its counts.

    Without a budget nothing is held back; what is spent is still added up.
    """

    def __init__(self, account: Account | None = None, prices: Prices | None = None) -> None:
        self.account = account or Account(Budget())
        self.prices = prices
        self.seen = _Seen()
        self.assumed = 0
        """Requests whose tokens had to be assumed."""
        self._clock: float | None = None
        self.seconds = 0.0
        """From the first request to the latest answer: what a deployed endpoint is billed for."""

    @property
    def counts_tokens(self) -> bool:
        """Whether anybody is interested in how many tokens a request takes."""
        return self.account.budget.counts_tokens or bool(self.prices)

    @property
    def ended(self) -> bool:
        """Whether a request was held back because it could have passed the budget."""
        return self.account.ended is not None and self.account.ended[1] == self.account.day

    async def reserve(self, estimate: Estimate) -> Reservation:
        """Hold back the worst that a request can cost, once it fits. Raises `BudgetSpent` when it cannot fit any more.

        While others of this process are under way it waits: they may cost less than what is held for them.
        """
        account = self.account
        reservation = Reservation(self, estimate)
        if not account.budget:
            self._begin()
            account.held.add(reservation)
            return reservation
        while not self.ended:
            changed = account.changed
            if not account.held or not self._goes_alone():
                account.held.add(reservation)
                alone = len(account.held) == 1
                try:
                    limit = await self._passed(reservation)
                except BaseException:
                    account.held.discard(reservation)
                    account.tell()
                    raise
                if limit is None:
                    self._begin()
                    return reservation
                account.held.discard(reservation)
                if not account.held and not changed.is_set():
                    if not alone:  # it was held against others who were refused as well
                        continue
                    account.ended = limit, account.day
                    account.tell()
                    break
            await changed.wait()
        assert account.ended is not None
        raise _spent(account, account.ended[0], reservation)

    async def _passed(self, reservation: Reservation) -> str | None:
        """The limit that everything held back by now would pass."""
        account = self.account
        if account.book is None:
            return account.budget.passed_by(account.spent + account.holding())
        return await account.book.hold(reservation.identity, reservation.worst(), account.holding(), account.budget)

    def _goes_alone(self) -> bool:
        # One request that costs more than anybody thought can pass a budget by little; many at once by much.
        return self.account.budget.counts_tokens and not self.seen.prompt

    def _begin(self) -> None:
        if self._clock is None:
            self._clock = now()

    def time_passed(self, *, until: float = 0.0) -> float:
        """Seconds since the last reckoning of a deployed endpoint's time, and `until` so many from now."""
        return max(0.0, now() - self._clock + until) if self._clock is not None else until

    def reckon_time(self) -> float:
        """Money for the time since the last reckoning."""
        seconds = self.time_passed()
        self._clock = now()
        self.seconds += seconds
        return self.prices.of_time(seconds) if self.prices else 0.0

    def left(self) -> str | None:
        """What was spent of the budget so far, for people; `None` without one."""
        account = self.account
        return f"{_in_words(account)} of {account.budget}" if account.budget else None

    def cost(self, usage: Usage) -> float:
        """Money for what was used, as far as prices are known."""
        return self.prices.of(usage) if self.prices else 0.0


@dataclass(eq=False, slots=True)
class Reservation:
    """What is held back for one request. Ends with `settle`, `release` or `drop`, whichever comes first."""

    ledger: Ledger
    estimate: Estimate
    identity: str = field(default="")
    _open: bool = field(default=True)

    def __post_init__(self) -> None:
        book = self.ledger.account.book
        if book is not None:
            self.identity = book.new_identity()

    def worst(self) -> Spent:
        """The most that it can cost, by what is known now."""
        seen, prices = self.ledger.seen, self.ledger.prices
        prompt = int(self.estimate.prompt_tokens * seen.margin(self.estimate.prompt_tokens)) + 1
        completion = max(self.estimate.completion_tokens, seen.completion)
        cost = 0.0
        if prices:
            cost = prices.of_tokens(prompt, completion)
            if prices.hour:
                cost += prices.of_time(self.ledger.time_passed(until=self.estimate.seconds))
        return Spent(cost, prompt + completion, 1)

    async def settle(self, usage: Usage) -> None:
        """It was answered, or may have been: this is what it took. `usage.requests` is not looked at; it was one."""
        if not self._close():
            return
        ledger, account = self.ledger, self.ledger.account
        ledger.seen.learn(self.estimate, usage)
        actual = Spent(ledger.cost(usage) + ledger.reckon_time(), usage.tokens, 1)
        await self._book(account, actual)

    async def release(self) -> None:
        """It was never sent."""
        if self._close():
            await self._book(self.ledger.account, Spent())

    def drop(self, *, sent: bool = True) -> None:
        """Nobody will say any more what became of it. If it was `sent` it counts as a whole; in a day's book it stands so already.

        Does nothing after `settle` or `release`, and never waits: for a `finally` that a cancelled task runs through.
        """
        if self._close():
            account = self.ledger.account
            if sent:
                account.spent += self.worst()
            account.held.discard(self)
            account.tell()

    def _close(self) -> bool:
        was, self._open = self._open, False
        return was

    async def _book(self, account: Account, actual: Spent) -> None:
        # Held until it is written down: what is in neither place for a moment, somebody else could spend.
        account.spent += actual
        try:
            if account.book is not None:
                await account.book.settle(self.identity, actual, account.budget.currency)
        finally:
            account.held.discard(self)
            account.tell()


def _spent(account: Account, limit: str, reservation: Reservation) -> BudgetSpent:
    budget = account.budget
    worst = reservation.worst()
    per = " of today" if budget.per == "day" else ""
    return BudgetSpent(
        f"the budget of {limit}{per} is used up: another request could pass it",
        hint=f"{_in_words(account)} spent; the next could take {money.counted(worst.tokens, 'token')}; "
        "the same command with a larger --budget goes on with what is left out",
    )


def _in_words(account: Account) -> str:
    spent = account.book.known if account.book is not None else account.spent
    budget = account.budget
    if budget.cost is not None:
        return money.money(spent.cost, budget.currency or "")
    return money.counted(spent.tokens, "token") if budget.tokens is not None else money.counted(spent.requests, "request")
