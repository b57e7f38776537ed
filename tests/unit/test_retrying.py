"""Which windows are asked again when some are chosen, and what stands for the others."""

from __future__ import annotations

from examples import quiet

from videoscan.document import CoverageSpan, ErrorRecord, UsageRecord, WindowRecord
from videoscan.model import Picture, Window
from videoscan.retrying import Retry


def record(index, status="failed", **more):
    error = ErrorRecord(kind="BadReply", message=f"window {index} mumbled", raw="mm") if status == "failed" else None
    return WindowRecord(
        index=index, start=2.0 * index, end=2.0 * index + 2, frames=(2 * index, 2 * index + 1), status=status, error=error, **more
    )


def window(index, *frames):
    pictures = tuple(Picture(frame, float(frame), b"", b"", "image/jpeg", 1, 1) for frame in frames or (2 * index, 2 * index + 1))
    return Window(index, pictures[0].time, pictures[-1].time + 1, pictures)


def retry(*records, chosen=(), coverage=()):
    return Retry.of(quiet().model_copy(update={"windows": records, "coverage": coverage}), chosen)


def test_the_chosen_are_asked_and_the_others_keep_their_failures():
    made = retry(record(0), record(1, attempts=3, usage=UsageRecord(requests=3, images=6)), record(2, "described"), chosen={0})
    assert made.stands(window(0)) is None
    stands = made.stands(window(1))
    assert (stands.failure.kind, stands.failure.message, stands.failure.raw) == ("BadReply", "window 1 mumbled", "mm")
    assert (stands.attempts, stands.usage.requests, stands.usage.images) == (3, 3, 6)
    assert made.stands(window(2)) is None, "what was answered is for the journal to say"
    assert made.stands(window(7)) is None, "a window that the timeline does not have was never asked"


def test_a_window_of_other_pictures_is_another_question():
    made = retry(record(1))
    assert made.stands(window(1, 2)) is not None, "a second look showed more of it"
    assert made.stands(window(1, 2, 9)) is None


def test_what_was_skipped_says_why_in_the_words_of_the_coverage():
    spent = "the budget of 3 requests is used up"
    coverage = (
        CoverageSpan(start=0, end=2, state="described"),
        CoverageSpan(start=2, end=3, state="skipped", reason="thinned: too much"),
        CoverageSpan(start=3, end=6, state="skipped", reason=spent),
    )
    made = retry(record(0, "skipped"), record(1, "skipped"), record(2, "skipped"), coverage=coverage)
    words = [made.stands(window(index)).failure.message for index in range(3)]
    assert words == ["the budget was used up", spent, spent]
    assert made.stands(window(2)).failure.kind == "BudgetSpent"


def test_only_a_window_that_was_chosen_or_had_one_has_a_second_look():
    made = retry(record(0), record(1, "described"), chosen=[0])
    assert [made.looks_at(index) for index in (0, 1, 5)] == [True, False, True]
    assert made.looked(0) is None
    assert made.looked(1) is None
