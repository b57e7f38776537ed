"""What an endpoint's answers come to: costs fitted, pictures counted, limits judged. No request is made here."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import seeing

from videoscan.describers import cards, dialects, probe
from videoscan.describers.measuring import fit, load, sight
from videoscan.describers.measuring.sight import Look, Sighted, counted
from videoscan.model import PictureCost


def sizes(cost, among=sight.SIZES):
    return [fit.Size(width, height, cost.tokens(width, height)) for width, height in among]


# --- cards


@pytest.mark.parametrize("size", [(1280, 720), (640, 360), (320, 180)])
@pytest.mark.parametrize("media_type", ["image/jpeg", "image/png", "image/webp", "image/bmp"])
def test_a_card_can_be_read(size, media_type):
    for card in cards.deal(4, width=size[0], height=size[1], media_type=media_type, seed=5):
        assert seeing.read(card.picture.data) == card.word
        assert seeing.size_of(card.picture.data) == size
        assert (card.picture.width, card.picture.height, card.picture.media_type) == (*size, media_type)


def test_cards_of_one_deal_have_different_words_and_pictures():
    dealt = cards.deal(len(cards.WORDS), width=160, height=90)
    assert len({card.word for card in dealt}) == len({card.picture.data for card in dealt}) == len(cards.WORDS)
    assert [card.picture.frame for card in dealt] == list(range(len(dealt)))


def test_no_word_is_part_of_another():
    assert not [(a, b) for a in cards.WORDS for b in cards.WORDS if a != b and a in b]


def test_words_are_found_in_any_case_and_only_whole():
    dealt = cards.deal(3, width=64, height=64, seed=1)
    text = f"1: {dealt[0].word.lower()}, 3: **{dealt[2].word}**, and {dealt[1].word}S"
    assert cards.named(dealt, text) == (0, 2)


@pytest.mark.parametrize("size", [5_000, 100_000, 3_000_000])
def test_a_padded_picture_has_the_size_and_is_the_same_picture(size):
    (card,) = cards.deal(1, width=64, height=64)
    large = cards.padded(card.picture, size)
    assert size - 5 <= len(large.data) <= size

    def pixels(picture):
        return cv2.imdecode(np.frombuffer(picture.data, np.uint8), cv2.IMREAD_COLOR)

    assert np.array_equal(pixels(large), pixels(card.picture))


# --- what a picture costs


@pytest.mark.parametrize(
    ("cost", "family"),
    [
        (dialects.QWEN3, "Qwen3-VL"),
        (dialects.QWEN25, "Qwen2.5-VL"),
        (dialects.OPENAI_TILES, "OpenAI"),
        (PictureCost("flat", base=258), "same for every size"),
    ],
)
def test_the_family_is_told_and_its_formula_found_to_the_token(cost, family):
    found = fit.fitted(sizes(cost), dialects.GEMINI_FLAT)
    assert family in found.family
    assert found.miss < 0.5
    assert sizes(found.cost) == sizes(cost)


def test_a_server_that_shrinks_large_pictures_is_given_a_cap():
    def shrunk(width, height):
        return min(dialects.QWEN3.tokens(width, height), 222)

    found = fit.fitted([fit.Size(*size, shrunk(*size)) for size in sight.SIZES], dialects.QWEN3)
    assert found.cost == PictureCost("patch", size=32, base=2, most=222)
    assert found.cost.tokens(1920, 1080) == 222
    assert found.off == pytest.approx((51 + 198 + 222 + 512 + 882) / (51 + 198 + 222 * 3) - 1, abs=0.01)


def test_the_cap_is_found_by_three_sizes_too():
    shrunk = [fit.Size(*size, min(dialects.QWEN3.tokens(*size), 222)) for size in sight.FEW_SIZES]
    assert fit.fitted(shrunk, dialects.QWEN3).cost == PictureCost("patch", size=32, base=2, most=222)


def test_costs_that_no_family_explains_give_no_formula():
    odd = [fit.Size(*size, tokens) for size, tokens in zip(sight.SIZES, (900, 20, 400, 10, 700), strict=True)]
    assert fit.fitted(odd, dialects.QWEN3).cost is None


def test_one_size_tells_nothing():
    assert fit.fitted(sizes(dialects.QWEN3)[:1], dialects.QWEN3) is None


# --- how many pictures are in a count


@pytest.mark.parametrize(("of_all", "seen"), [(100 + 4 * 916, 4), (100 + 12 * 916, 12), (100 + 3 * 916 + 9 * 16, 3), (1016, 1)])
def test_pictures_are_counted_by_the_tokens_that_they_add(of_all, seen):
    sent = 4 if seen == 4 else 12
    assert counted(of_all, 100 + 916, sent, text=100, label=16) == seen


def test_where_a_picture_adds_nothing_nothing_can_be_told():
    assert counted(400, 116, 12, text=100, label=16) is None
    assert counted(None, 116, 12, text=100, label=16) is None
    assert counted(400, 1016, 12, text=None, label=16) is None


def looks(*each):
    sighted = Sighted(1280, 720)
    sighted.looks = [Look(sent, taken=True, seconds=1.0, body_bytes=1, counted=count, read=read) for sent, count, read in each]
    return sighted


def test_nothing_is_called_dropped_that_was_counted_or_read():
    assert looks((1, 1, (0,)), (8, 8, tuple(range(8)))).dropped() is None
    # A proxy that counts wrongly: who names the words saw the cards.
    assert looks((1, 1, (0,)), (8, 1, tuple(range(8)))).dropped() is None
    # Weak eyes: the count is right, some words were misread.
    assert looks((1, 1, ()), (8, 8, (0, 2, 3, 7))).dropped() is None
    # Blind, or random weights: nothing is read, everything is counted.
    assert looks((1, 1, ()), (8, 8, ())).dropped() is None
    assert looks((1, None, ()), (8, None, ())).really() is None


def test_a_server_that_keeps_only_the_last_picture_is_told_by_count_and_by_cards():
    by_count, by_cards = looks((1, 1, ()), (8, 1, ())), looks((1, None, (0,)), (8, None, (7,)))
    assert by_count.dropped().sent == by_cards.dropped().sent == 8
    assert by_count.really() == by_cards.really() == 1


def test_a_prompt_that_is_cut_shows_fewer():
    assert looks((1, 1, (0,)), (4, 4, (0, 1, 2, 3)), (12, 4, (8, 9, 10, 11))).really() == 4


@pytest.mark.parametrize(
    ("of_one", "of_all", "sent", "seen"),
    [
        (950, 950 + 11 * 898, 12, 12),  # all of 882 tokens and a label each
        (290, 290 + 11 * 238, 12, 12),
        (4000, 4000, 12, 1),
        (950, 4090, 12, 4),  # Ollama's 4096
        (60, 60 + 11 * 16, 12, None),  # pictures are not counted: labels alone
        (90, 90 + 3 * 28, 4, None),  # 64 x 36: two patches and two marks
    ],
)
def test_a_probe_judges_by_growth_and_only_calls_dropped_what_is_plain(of_one, of_all, sent, seen):
    assert probe.seen(of_one, of_all, sent, len(probe.ROLE) + len(probe.QUESTION)) == seen


# --- concurrency and time


def test_more_at_once_is_worth_it_as_long_as_more_is_answered():
    def level(at_once, per_second, failed=0):
        return load.Level(at_once, per_second, 1.0, failed)

    assert load.worth([level(1, 1.0), level(2, 1.9), level(4, 2.0), level(8, 2.0)]) == 2
    assert load.worth([level(1, 1.0), level(2, 2.0), level(4, 4.0), level(8, 8.0)]) is None
    assert load.worth([level(1, 1.0), level(2, 2.0), level(4, 3.0, failed=1)]) == 2
    assert load.worth([level(1, 0.0, failed=2)]) is None
    # A bad moment at two at once is no reason to stay at one.
    assert load.worth([level(1, 3.1), level(2, 2.4), level(4, 4.4), level(8, 2.0)]) == 4


def test_latency_by_pictures_is_fitted_without_the_time_for_the_answer():
    sighted = Sighted(1280, 720)
    sighted.looks = [
        Look(n, taken=True, seconds=2.0 + 0.5 * n + 0.01 * 10 * n, body_bytes=1, completion_tokens=10 * n) for n in (1, 2, 4, 8)
    ]
    speed = load.speed(sighted, 0.01)
    assert (speed.first, speed.per_picture, speed.per_token) == (pytest.approx(2.0), pytest.approx(0.5), 0.01)
    assert speed.seconds(12, 300) == pytest.approx(2.0 + 6.0 + 3.0)
    assert load.speed(Sighted(1, 1), 0.01) is None
