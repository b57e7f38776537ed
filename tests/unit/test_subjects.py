"""Subjects that recur keep one name, where that is sure; and nowhere else."""

from __future__ import annotations

import time

import pytest

from videoscan.document import Event, Evidence
from videoscan.folding import subjects
from videoscan.language import appearance


def event(place, title, *, windows=None, **more):
    return Event(
        id=f"e{place:08d}",
        origin=more.pop("origin", "model"),
        start=float(place),
        end=place + 1.0,
        start_after=float(place),
        end_before=place + 1.0,
        title=title,
        windows=windows if windows is not None else (place,),
        evidence=(Evidence(frame=place, time=float(place)),),
        **more,
    )


def names(*titles, **more):
    return [each.subject for each in subjects.named([event(place, title, **more) for place, title in enumerate(titles)])]


@pytest.mark.parametrize(
    ("first", "again", "name"),
    [
        ("Person in red jacket opens the gate", "Man with red coat leaves", "person in red jacket"),
        ("A woman wearing a dark blue hoodie sits down", "Woman in a blue hoodie stands up", "woman wearing a dark blue hoodie"),
        ("White van parks", "A white van leaves", "white van"),
        ("Red sedan stops", "The red car turns left", "red sedan"),
        ("Man in grey suit and black hat waits", "Man in a gray suit walks away", "man in grey suit and black hat"),
        ("Police car", "Police car leaves", None),
        ("Blue lorry unloads", "A blue truck drives off", "blue lorry"),
        ("穿红色外套的人打开大门", "一名身穿红色大衣的男子离开", "穿红色外套的人"),
        ("男子身穿深蓝色卫衣走进", "穿蓝色卫衣的男子坐下", "男子身穿深蓝色卫衣"),
        ("一辆白色面包车停下", "白色的面包车驶离", "白色面包车"),
        ("红色轿车停下", "紅色汽車離開", "红色轿车"),
        ("戴黑色帽子、穿灰色西装的男子等待", "穿灰色西装的男子走开", "戴黑色帽子、穿灰色西装的男子"),
        ("红衣女子蹲下", "红衣女子站起", "红衣女子"),
        ("White van parks", "白色面包车离开", "white van"),
    ],
)
def test_a_subject_that_recurs_is_called_as_it_was_at_first(first, again, name):
    assert names(first, again) == [name, name]


@pytest.mark.parametrize(
    ("first", "again"),
    [
        ("Man in red jacket enters", "Woman in red jacket enters"),
        ("Man in red jacket enters", "Boy in red jacket enters"),
        ("Man in red jacket enters", "Man in blue jacket enters"),
        ("Man in red jacket enters", "Man in red trousers enters"),
        ("Man in red jacket enters", "Man in jacket enters"),
        ("Man in red jacket and black hat enters", "Man in red jacket and white hat enters"),
        ("Man in dark red jacket enters", "Man in light red jacket enters"),
        ("Young man in red jacket enters", "Elderly man in red jacket enters"),
        ("Man in red jacket enters", "Another man in red jacket enters"),
        ("Man in red jacket enters", "Two men in red jackets enter"),
        ("Man in red jacket enters", "Man in red jacket and woman in blue coat enter"),
        ("Man in red jacket enters", "Man in red car leaves"),
        ("Man enters", "Man leaves"),
        ("White van parks", "White truck leaves"),
        ("White delivery van parks", "White van leaves"),
        ("White police van parks", "White delivery van leaves"),
        ("Red sedan stops", "Red hatchback stops"),
        ("Red car stops", "Red car doors open"),
        ("Red car stops", "Red car dealer opens"),
        ("Red car, blue car", "Red car stops"),
        ("穿红色外套的男子进入", "穿红色外套的女子进入"),
        ("穿红色外套的男子进入", "穿蓝色外套的男子进入"),
        ("穿红色外套的男子进入", "另一名穿红色外套的男子进入"),
        ("穿红色外套的男子进入", "两名穿红色外套的男子进入"),
        ("穿红色外套的男子进入", "穿红色外套的男子和女子进入"),
        ("穿深红色外套的男子进入", "穿浅红色外套的男子进入"),
        ("穿红色外套的男子进入", "穿外套的男子进入"),
        ("男子进入", "男子离开"),
        ("红色轿车停下", "红色越野车停下"),
        ("红色汽车停下", "红色汽车门打开"),
        ("红色汽车停下", "红色汽车旁有人"),
        ("白色面包车停下", "白色货车停下"),
    ],
)
def test_what_could_be_another_is_not_called_the_same(first, again):
    one, other = names(first, again)
    assert one is None or one != other


def test_a_name_and_its_ground_are_told_where_the_words_differ():
    first, again, plain = subjects.named(
        [event(0, "Person in red jacket enters"), event(5, "Man with red coat leaves"), event(9, "A person in red jacket waits")]
    )
    assert first.title == "Person in red jacket enters"
    assert again.title == "Man with red coat leaves", "the model's own words stay"
    assert (first.flags, plain.flags) == ((), ())
    assert again.flags == (
        "'man with red coat' is called 'person in red jacket', as in e00000000: both tell of red jacket, and nothing speaks against it",
    )


def test_what_one_window_tells_in_two_ways_stays_two():
    told = [event(0, "Person in red jacket enters", windows=(3,)), event(1, "Man with red coat leaves", windows=(3, 4))]
    assert [each.subject for each in subjects.named(told)] == [None, None]


def test_a_name_that_could_be_either_of_two_is_neither():
    assert names("Person in red jacket waits", "Man in red jacket enters", "Woman in red jacket enters") == [None, None, None]
    # Those that are clear keep theirs beside it.
    found = names(
        "Person in red jacket waits", "Man in red jacket enters", "Woman in red jacket enters", "Man in red jacket leaves"
    )
    assert found == [None, "man in red jacket", None, "man in red jacket"]


def test_a_number_plate_goes_before_what_a_car_looks_like():
    told = [
        event(0, "White van parks", attributes={"plate": "B-AB 1234"}),
        event(1, "Silver car leaves", attributes={"plate": "b ab1234"}),
        event(2, "White van unloads", attributes={"plate": "BAB1234"}),
        event(3, "White van waits", attributes={"plate": "XYZ 77"}),
        event(4, "White van turns", attributes={"plate": None}),
    ]
    assert [each.subject for each in subjects.named(told)] == ["white van", None, "white van", None, None]


def test_measurements_and_replays_have_no_subject():
    told = [event(0, "Red car stops"), event(1, "Red car stops", origin="measured"), event(2, "Red car stops", tags=("replay",))]
    assert [each.subject for each in subjects.named(told)] == [None, None, None]


def test_naming_changes_nothing_but_the_name_and_comes_to_the_same_twice():
    told = [event(0, "Person in red jacket enters"), event(1, "A dog runs"), event(2, "Man with red coat leaves")]
    once = subjects.named(told)
    assert [(each.id, each.title, each.start) for each in once] == [(each.id, each.title, each.start) for each in told]
    assert subjects.named(told) == once


def test_a_month_of_plates_and_of_words_nobody_knows_takes_no_longer_than_its_events():
    plates = [event(place, "White van passes", attributes={"plate": f"AB {place:05d}"}) for place in range(8000)]
    words = [
        event(place, f"White w{'abcdefghij'[place % 10]}{'klmnopqrst'[place // 10 % 10]} van passes") for place in range(8000)
    ]
    began = time.process_time()
    assert not any(each.subject for each in subjects.named(plates))
    subjects.named(words)
    assert time.process_time() - began < 5, "a comparison of all with all takes minutes"


def test_a_name_is_what_stands_in_the_title():
    for title, name in (
        ("The man in a red jacket, seen from behind", None),
        ("Woman carrying a blue umbrella crosses", "woman carrying a blue umbrella"),
        ("Dark green bus", "dark green bus"),
        ("SUV in the lane", None),
        ("Red SUV in the lane", "red SUV"),
    ):
        found = appearance.read(title)
        assert (None if found is None else found[0]) == name
