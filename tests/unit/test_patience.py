"""Waiting: how long, how often, and that a test never really does."""

import asyncio
import time

import pytest

from videoscan import patience
from videoscan.patience import Deadline, Gate, Pace, Patience, Rate, Slots, now, retry_after

NOW = 1_700_000_000.0  # 2023-11-14 22:13:20 UTC


@pytest.mark.parametrize(
    ("header", "body", "seconds"),
    [
        ("7", "", 7.0),
        (" 1.5 ", "", 1.5),
        ("0", "", 0.0),
        ("250ms", "", 0.25),
        ("999999", "", 999999.0),
        ("Tue, 14 Nov 2023 22:14:00 GMT", "", 40.0),
        ("Tuesday, 14-Nov-23 22:14:00 GMT", "", 40.0),
        ("Tue, 14 Nov 2023 22:00:00 GMT", "", 0.0),
        ("soon", "", None),
        ("-5", "", None),
        ("", "", None),
        (None, "", None),
        (None, '{"error": {"details": [{"retryDelay": "55s"}]}}', 55.0),
        (None, '{"error": "{\\"retryDelay\\": \\"55s\\"}"}', 55.0),
        (None, "Rate limit reached. Please try again in 1.5s.", 1.5),
        (None, "Please try again in 300ms", 0.3),
        (None, "Please retry after 20 seconds.", 20.0),
        (None, '{"retry_after": 12}', 12.0),
        (None, "you may try again tomorrow", None),
        ("3", '{"retryDelay": "55s"}', 3.0),
    ],
)
def test_what_a_server_asks_for_is_read(header, body, seconds):
    assert retry_after(header, body, clock=NOW) == seconds


def test_backoff_doubles_with_jitter_and_never_passes_its_bound():
    waits = Patience(first=1.0, longest=10.0)
    for failures, most in ((1, 1), (2, 2), (3, 4), (4, 8), (5, 10), (50, 10), (5000, 10)):
        drawn = [waits.wait(failures) for _ in range(200)]
        assert most / 2 <= min(drawn) < max(drawn) <= most


def test_what_is_asked_for_is_never_undercut_and_always_bounded():
    waits = Patience(first=1.0, longest=60.0)
    assert all(7 <= waits.wait(1, 7.0) <= 7.7 for _ in range(100))
    assert waits.wait(1, 999999.0) == 60
    assert waits.wait(1, 1e300) == 60
    assert 0.5 <= waits.wait(1, 0.0) <= 1


def test_in_test_mode_hours_pass_at_once_and_are_noted():
    async def work():
        deadline = Deadline(5000)
        before = patience.now()
        await patience.sleep(3600)
        assert patience.now() - before >= 3600
        assert deadline.left <= 1400

    began = time.monotonic()
    with patience.instantly() as waits:
        asyncio.run(work())
        with patience.instantly() as inner:
            asyncio.run(patience.sleep(60))
        assert inner is waits
    assert waits == [3600, 60]
    assert time.monotonic() - began < 1


def test_outside_test_mode_a_wait_is_real():
    began = time.monotonic()
    asyncio.run(patience.sleep(0.05))
    assert time.monotonic() - began >= 0.05


def test_a_gate_holds_everybody_and_is_never_opened_early():
    async def work():
        gate = Gate()
        await gate.passage()
        gate.close_for(30)
        gate.close_for(5)
        before = patience.now()
        await asyncio.gather(*(gate.passage() for _ in range(3)))
        assert patience.now() - before >= 30 - 0.001, "but for the grain of the loop's clock"

    with patience.instantly():
        asyncio.run(work())


def test_a_rate_lets_no_more_through_in_a_minute_than_it_says():
    async def work():
        rate = Rate(60, burst=0.1)
        before = patience.now()
        for _ in range(66):
            await rate.take()
        return patience.now() - before

    with patience.instantly():
        assert 58 <= asyncio.run(work()) <= 66


def test_a_rate_takes_more_units_at_once_than_its_bucket_holds():
    async def work():
        rate = Rate(600, burst=0.1)
        before = patience.now()
        await rate.take(360)
        return patience.now() - before

    with patience.instantly():
        assert 29 <= asyncio.run(work()) <= 36
    asyncio.run(Rate(None).take(1e9))


def test_slots_bound_how_many_are_inside_and_follow_their_limit():
    async def work():
        slots, inside, most = Slots(2), 0, 0
        open_ = asyncio.Event()

        async def enter():
            nonlocal inside, most
            async with slots.slot():
                inside += 1
                most = max(most, inside)
                await open_.wait()
                inside -= 1

        tasks = [asyncio.create_task(enter()) for _ in range(8)]
        for _ in range(5):
            await asyncio.sleep(0)
        assert inside == 2
        slots.limit = 5
        for _ in range(5):
            await asyncio.sleep(0)
        assert inside == 5
        tasks[7].cancel()
        tasks[0].cancel()
        open_.set()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert slots.busy == 0
        async with slots.slot():
            assert slots.busy == 1

    asyncio.run(work())


def test_a_ticket_that_is_cancelled_just_as_it_is_called_is_passed_on():
    async def work():
        slots = Slots(1)
        first, middle, last = slots.slot(), slots.slot(), slots.slot()
        await first.__aenter__()
        second = asyncio.create_task(middle.__aenter__())
        third = asyncio.create_task(last.__aenter__())
        await asyncio.sleep(0)
        await first.__aexit__(None, None, None)
        second.cancel()
        await asyncio.gather(second, return_exceptions=True)
        await asyncio.wait_for(third, 1)
        assert slots.busy == 1
        await last.__aexit__(None, None, None)
        assert slots.busy == 0

    asyncio.run(work())


def test_the_pace_grows_while_the_server_keeps_up_and_halves_when_it_does_not():
    slots = Slots(1)
    pace = Pace(slots, 10)
    assert slots.limit == 4
    for _ in range(4):
        pace.answered(1.0)
    assert slots.limit == 5
    for _ in range(200):
        pace.answered(1.1)
    assert slots.limit == 10
    began = now()
    pace.throttled(began)
    pace.throttled(began)
    assert slots.limit == 5, "requests that were under way together are one complaint"
    pace.throttled(now() + 1)
    assert slots.limit == 2
    for _ in range(20):
        pace.answered(1.0)
    assert 5 <= slots.limit <= 7


def test_the_pace_does_not_grow_when_answers_take_twice_as_long():
    slots = Slots(1)
    pace = Pace(slots, 100)
    for _ in range(4):
        pace.answered(1.0)
    for _ in range(50):
        pace.answered(2.5)
    assert slots.limit == 5


def test_the_pace_never_exceeds_what_the_profile_allows():
    slots = Slots(1)
    pace = Pace(slots, 2)
    assert slots.limit == 2
    for _ in range(50):
        pace.answered(1.0)
    assert slots.limit == 2
    pace.most = 1
    assert slots.limit == 1
