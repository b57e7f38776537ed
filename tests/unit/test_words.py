"""Words of every script, cut the same way in texts and in queries."""

import pytest

from videoscan.language import words
from videoscan.library import query


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A red car, parked.", "a red car parked"),
        ("Ein RÖTES Auto im Café: naïve", "ein rotes auto im cafe naive"),
        ("红色汽车", "红色 色汽 汽车 车"),
        ("汽车BMW车", "汽车 车 bmw 车"),
        ("ﾄﾖﾀ カー", "トヨ ヨタ タ カー ー"),
        ("자동차가", "자동 동차 차가 가"),
        ("हिन्दी", "हिन्दी"),
        ("سَيَّارة", "سيارة"),
        ("dog🐶🦊 here", "dog 🐶 🦊 here"),
        ("a_b c-d x\0y\x1b[31m", "a b c d x y 31m"),
        ("ＦＵＬＬ　ｗｉｄｔｈ", "full width"),
        ("…!?\u202e", ""),
    ],
)
def test_a_text_is_cut_into_words(text, expected):
    assert words.joined(text) == expected
    assert " ".join(word.folded for word in words.words(text)) == expected


def test_words_know_where_they_stand():
    text = "Der rote Wagen 红色汽车 é"
    for word in words.words(text):
        assert words.folded(text[word.start : word.end]) == word.folded


def test_a_word_without_end_is_cut_in_both_ways_alike():
    for letter in "ae\u0301"[:2], "é":
        text = letter * 500
        (word,) = words.words(text)
        assert word.folded == words.joined(text)
        assert len(word.folded) == words.LONGEST


HOSTILE = ['"', '""', "*", "-", "(", ")", "AND", "OR", "OR OR", "NOT x", "NEAR(a b, 3)", "title:x", "^x", "a + b", "{a b}:c", "x*y", "'; DROP TABLE words; --",
           "\0", "a\0b", "\ud800", "%s", "?", "日" * 500, "a " * 5000, '"a' * 300, "-a -b", "🐶", "\u202e", "e", "·", "c1"]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_any_text_is_a_query(text):
    asked = query.parse(text)
    expression = asked.expression([["c1"]], ["rrejected"])
    assert expression.count('"') % 2 == 0
    assert asked.text == text


def test_what_a_query_means():
    assert query.parse("red car").groups == (('"red"',), ('"car"',))
    assert query.parse('"red car" -dog').without == ('"dog"',)
    assert query.parse("cat OR dog fast").groups == (('"cat"', '"dog"'), ('"fast"',))
    assert query.parse("car*").groups == (('"car" *',),)
    assert query.parse("汽车").groups == (('"汽车"',),)
    assert query.parse("红色汽车").groups == (('"红色 色汽 汽车"',),)
    assert query.parse("车").groups == (('"车" *',),)
    assert query.parse("汽车BMW").groups == (('"汽车 车 bmw"',),)
    assert query.parse("!!").empty
    assert not query.parse("").empty
    assert not query.parse("*").empty
    assert query.any_of(["car", "van", "car", "!"]).groups == (('"car"', '"van"'),)
