"""The ledger: no request that could pass the budget, whatever is under way, and a day's book that outlives its processes."""

import asyncio
import datetime as dt
import json
import multiprocessing
import random

import pytest

from videoscan.errors import BudgetSpent, StoreError
from videoscan.model import Estimate, Usage
from videoscan.spending import daybook
from videoscan.spending.daybook import DayBook
from videoscan.spending.ledger import UNKNOWN_MARGIN, Account, Accounts, Ledger
from videoscan.spending.money import Budget, Prices, Spent

CALL = Estimate(prompt_tokens=1000, completion_tokens=500, seconds=60)
USD = Prices("USD", "2026-11-01", prompt=10.0, completion=100.0)


def used(prompt=1000, completion=100):
    return Usage(prompt_tokens=prompt, completion_tokens=completion)


def test_without_a_budget_nothing_is_refused_and_all_is_added_up():
    async def work():
        ledger = Ledger(prices=USD)
        for _ in range(3):
            await (await ledger.reserve(CALL)).settle(used())
        return ledger.account.spent

    assert asyncio.run(work()) == Spent(pytest.approx(3 * 0.02), 3300, 3)


def test_the_request_after_the_last_is_refused_and_so_is_every_later_one():
    async def work():
        ledger = Ledger(Account(Budget(requests=2)))
        for _ in range(2):
            await (await ledger.reserve(CALL)).settle(used())
        for _ in range(2):
            with pytest.raises(BudgetSpent, match="budget of 2 requests is used up"):
                await ledger.reserve(CALL)
        return ledger.ended

    assert asyncio.run(work())


def test_what_is_under_way_counts_and_whoever_comes_next_waits_for_it():
    async def work():
        ledger = Ledger(Account(Budget(tokens=3800)))
        await (await ledger.reserve(CALL)).settle(used())  # 1100; the next is held at 1000 * 1.1 + 500
        first = await ledger.reserve(CALL)
        waiting = asyncio.create_task(ledger.reserve(CALL))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not waiting.done()  # 1100 + 2 * 1601 is more than 3800
        await first.settle(used(completion=10))
        await (await waiting).settle(used())
        with pytest.raises(BudgetSpent):
            await ledger.reserve(CALL)
        return ledger.account.spent.tokens

    assert asyncio.run(work()) == 1100 + 1010 + 1100


def test_what_was_never_sent_is_given_back_and_what_may_have_been_counts_whole():
    async def work():
        ledger = Ledger(Account(Budget(requests=2)))
        await (await ledger.reserve(CALL)).release()
        assert ledger.account.spent.requests == 0
        (await ledger.reserve(CALL)).drop(sent=False)
        assert ledger.account.spent.requests == 0
        (await ledger.reserve(CALL)).drop()
        assert ledger.account.spent.requests == 1
        lost = await ledger.reserve(CALL)
        lost.drop()
        lost.drop()
        await lost.settle(used())
        assert ledger.account.spent.requests == 2
        with pytest.raises(BudgetSpent):
            await ledger.reserve(CALL)

    asyncio.run(work())


def test_dropping_what_is_under_way_wakes_up_who_waits_for_it():
    async def work():
        ledger = Ledger(Account(Budget(requests=1)))
        held = await ledger.reserve(CALL)
        waiting = asyncio.create_task(ledger.reserve(CALL))
        await asyncio.sleep(0)
        held.drop(sent=False)
        await asyncio.wait_for(waiting, 5)
        waiting.result().drop()

    asyncio.run(work())


def test_until_a_server_has_counted_a_request_goes_alone_and_is_held_for_more():
    async def work():
        ledger = Ledger(Account(Budget(tokens=1_000_000)))
        first = await ledger.reserve(CALL)
        assert first.worst().tokens == 1000 * UNKNOWN_MARGIN + 1 + 500
        second = asyncio.create_task(ledger.reserve(CALL))
        await asyncio.sleep(0)
        assert not second.done()
        await first.settle(used(prompt=3000))
        held = await second
        assert held.worst().tokens == pytest.approx(3000 * 1.1 + 1 + 500, abs=1)
        third = await asyncio.wait_for(ledger.reserve(CALL), 5)
        for each in (held, third):
            each.drop()

    asyncio.run(work())


def test_what_a_short_prompt_shows_is_not_held_against_a_long_one():
    """A chat template of 700 tokens doubles a question of 600, and is nothing beside twelve pictures."""

    async def work():
        ledger = Ledger(Account(Budget(tokens=1_000_000)))
        short, long = Estimate(600, 100), Estimate(8_000, 100)
        for estimate in (short, long):
            await (await ledger.reserve(estimate)).settle(used(prompt=estimate.prompt_tokens + 700))
        held = await ledger.reserve(Estimate(6_000, 100))
        assert held.worst().tokens == pytest.approx(6_000 * 1.1 * 8_700 / 8_000 + 100, abs=2)
        again = await ledger.reserve(short)
        assert again.worst().tokens == pytest.approx(600 * 1.1 * 1_300 / 600 + 100, abs=2)
        for each in (held, again):
            each.drop()

    asyncio.run(work())


def test_a_server_that_writes_more_than_it_may_is_expected_to_do_so_again():
    async def work():
        ledger = Ledger(Account(Budget(tokens=1_000_000)))
        await (await ledger.reserve(CALL)).settle(used(completion=1500))
        held = await ledger.reserve(CALL)
        assert held.worst().tokens == 1100 + 1 + 1500
        held.drop()

    asyncio.run(work())


@pytest.mark.parametrize("seed", range(20))
def test_no_order_of_answers_passes_the_budget(seed):
    """Sixteen at once, answers of any size up to the longest, prompts up to a third off, a tenth of them lost."""
    dice = random.Random(seed)
    budget = Budget(0.9, "USD", tokens=40_000, requests=dice.randint(5, 40))

    async def work():
        ledger = Ledger(Account(budget), USD)
        true = []

        async def one():
            for _ in range(10):
                try:
                    held = await ledger.reserve(CALL)
                except BudgetSpent:
                    return
                for _ in range(dice.randint(0, 5)):
                    await asyncio.sleep(0)
                usage = used(dice.randint(700, 1080), dice.randint(0, 500))
                true.append(usage)
                if dice.random() < 0.1:
                    held.drop()
                else:
                    await held.settle(usage)

        await asyncio.gather(*(one() for _ in range(16)))
        total = sum(true, Usage())
        assert budget.passed_by(Spent(USD.of(total), total.tokens, len(true))) is None
        assert budget.passed_by(ledger.account.spent) is None
        return ledger.ended

    assert asyncio.run(work())


def test_the_hours_of_a_deployed_endpoint_are_spent_as_well():
    from videoscan import patience

    async def work():
        ledger = Ledger(Account(Budget(1.0, "USD")), Prices("USD", "2026-11-01", hour=3.6))  # a mill a second
        with patience.instantly():
            held = await ledger.reserve(CALL)
            await patience.sleep(800)
            await held.settle(used())
            assert ledger.account.spent.cost == pytest.approx(0.8, abs=0.01)
            held = await ledger.reserve(CALL)  # its time limit of 60 s still fits
            await patience.sleep(150)
            await held.settle(used())
            with pytest.raises(BudgetSpent):
                await ledger.reserve(CALL)
        return ledger.seconds

    assert asyncio.run(work()) == pytest.approx(950, abs=1)


def test_one_budget_is_one_account():
    async def work():
        accounts = Accounts()
        assert accounts.of(Budget(requests=5)) is accounts.of(Budget(requests=5))
        assert accounts.of(Budget(requests=5)) is not accounts.of(Budget(requests=6))

    asyncio.run(work())


# --- a budget per day

DAY = Budget(requests=5, tokens=1_000_000, per="day")


def ledger_on(place, today=None, budget=DAY):
    return Ledger(Account(budget, DayBook(place=place, **({"today": today} if today else {}))), USD)


def test_a_day_has_one_budget_for_all_runs(tmp_path):
    async def run(times):
        ledger = ledger_on(tmp_path)
        sent = 0
        for _ in range(times):
            if ledger.ended:
                break
            try:
                await (await ledger.reserve(CALL)).settle(used())
            except BudgetSpent:
                break
            sent += 1
        return sent

    assert asyncio.run(run(3)) == 3
    assert asyncio.run(run(10)) == 2
    assert asyncio.run(run(10)) == 0


def test_the_next_day_begins_with_a_whole_budget(tmp_path):
    day = [dt.date(2026, 11, 28)]

    async def work():
        ledger = ledger_on(tmp_path, lambda: day[0])
        for _ in range(5):
            await (await ledger.reserve(CALL)).settle(used())
        with pytest.raises(BudgetSpent):
            await ledger.reserve(CALL)
        day[0] = dt.date(2026, 11, 29)
        await (await ledger.reserve(CALL)).settle(used())
        assert not ledger.ended

    asyncio.run(work())
    assert len(list(tmp_path.glob("*.jsonl"))) == 2


def test_what_a_killed_process_held_counts_and_a_torn_line_costs_nothing_else(tmp_path):
    async def work():
        held = await ledger_on(tmp_path).reserve(CALL)
        del held  # the process is killed: nothing is written any more
        (book,) = tmp_path.glob("*.jsonl")
        with book.open("ab") as file:
            file.write(b'{"spent":"2026-')
        ledger = ledger_on(tmp_path)
        sent = 0
        while True:
            try:
                await (await ledger.reserve(CALL)).settle(used())
            except BudgetSpent:
                return sent, book
            sent += 1

    sent, book = asyncio.run(work())
    assert sent == 4
    whole = [line for line in book.read_text().splitlines() if line.endswith("}")]
    assert sum("hold" in json.loads(line) for line in whole) == 5


def test_money_of_another_currency_is_not_added_up(tmp_path):
    async def work():
        yuan = Prices("CNY", "2026-11-01", prompt=10.0, completion=100.0)
        for budget, prices in ((Budget(0.1, "USD", per="day"), USD), (Budget(0.1, "CNY", per="day"), yuan)):
            ledger = Ledger(Account(budget, DayBook(place=tmp_path)), prices)
            await (await ledger.reserve(CALL)).settle(used())
            assert ledger.account.left().cost == pytest.approx(0.08)

    asyncio.run(work())


def _many(place, times, sent):
    async def work():
        ledger = ledger_on(place, budget=Budget(requests=40, per="day"))

        async def one():
            for _ in range(times):
                try:
                    held = await ledger.reserve(CALL)
                except BudgetSpent:
                    return
                with sent.get_lock():
                    sent.value += 1
                await held.settle(used())

        await asyncio.gather(*(one() for _ in range(4)))

    asyncio.run(work())


def test_processes_side_by_side_share_a_day(tmp_path):
    context = multiprocessing.get_context("spawn")
    sent = context.Value("i", 0)
    processes = [context.Process(target=_many, args=(tmp_path, 20, sent)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    assert sent.value == 40


def test_what_was_held_while_a_hold_waited_for_its_turn_counts(tmp_path):
    async def work():
        ours, theirs = DayBook(place=tmp_path), DayBook(place=tmp_path)
        budget, one = Budget(requests=3, per="day"), Spent(0, 10, 1)
        mine = one  # what the first holds back, at the moment at which it asks; its turn comes last
        assert await ours.hold(ours.new_identity(), one, one + one, budget) is None
        assert await ours.hold(ours.new_identity(), one, one + one + one, budget) is None
        assert await theirs.hold(theirs.new_identity(), one, one, budget) is None
        assert await ours.hold(ours.new_identity(), one, mine, budget) is not None, "three are out already"

    asyncio.run(work())


def test_a_book_that_cannot_be_kept_is_an_error_with_what_to_do(tmp_path):
    (tmp_path / "file").touch()

    async def work():
        with pytest.raises(StoreError, match="day's budget") as refused:
            await ledger_on(tmp_path / "file").reserve(CALL)
        assert "budget.per = run" in refused.value.hint

    asyncio.run(work())


def test_the_books_lie_in_videoscans_state_folder_wherever_that_is(monkeypatch, tmp_path):
    monkeypatch.setenv("VIDEOSCAN_STATE_DIR", str(tmp_path / "mine"))
    asyncio.run(DayBook("a").hold("2026-11-29/x/1", Spent(0, 10, 1), Spent(), Budget(tokens=100, per="day")))
    assert [path.parent for path in tmp_path.rglob("*-a.jsonl")] == [tmp_path / "mine" / "budget"]
    monkeypatch.delenv("VIDEOSCAN_STATE_DIR")
    assert daybook.folder().parent.name == "videoscan"
